//! kubernetes.
pub mod ask;
pub mod client;
pub mod object;
mod proxy;
pub mod trouble;
