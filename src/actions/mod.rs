//! actions: see the crate docs.
