//! drill: see the crate docs.
