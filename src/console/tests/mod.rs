//! What a person sees and types: whole frames at the sizes that matter, and walks by keys.

pub mod fixture;
mod panes;
pub mod plans;
mod silences;
pub mod story;

mod frames;
mod questions;
mod walks;
