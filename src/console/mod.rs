//! console: see the crate docs.
