//! seal: see the crate docs.
