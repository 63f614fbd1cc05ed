//! cli: see the crate docs.

pub mod args;
pub mod config;
pub mod exit;
pub mod fail;
pub mod init;
pub mod output;
pub mod shown;
