//! postmortem: see the crate docs.
