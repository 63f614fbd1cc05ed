//! room: see the crate docs.
