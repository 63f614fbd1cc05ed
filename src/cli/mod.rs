//! cli: see the crate docs.

pub mod args;
pub mod exit;
pub mod output;
