//! What a person sees and types: whole frames at the sizes that matter, and walks by keys.

mod attention;
mod bytes;
pub mod fixture;
mod panes;
pub mod plans;
pub mod silences;
pub mod story;

mod every_key;
mod finding;
mod frames;
mod incident;
mod past;
mod questions;
mod stated;
mod storm;
mod walks;
