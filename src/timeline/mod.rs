//! The fold: entries → incidents. One fold for room, console, export and drill. Pure.

pub mod incident;

pub use incident::{Clocks, Incident, Item, Story};
