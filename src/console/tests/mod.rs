//! What a person sees and types: whole frames at the sizes that matter, and walks by keys.

mod bytes;
pub mod fixture;
mod notifications;
mod panes;
pub mod plans;
pub mod silences;
pub mod story;

mod every_key;
mod filters_and_layout;
mod frames;
mod incident;
mod operator_questions;
mod projections;
mod random_keys;
mod stated_times;
mod time_travel;
mod walks;
