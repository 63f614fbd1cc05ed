//! cli: see the crate docs.
