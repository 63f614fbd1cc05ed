//! What a person sees and types: whole frames at the sizes that matter, and walks by keys.

pub mod fixture;
pub mod plans;
mod silences;
pub mod story;

mod every_key;
mod frames;
mod storm;
mod walks;
