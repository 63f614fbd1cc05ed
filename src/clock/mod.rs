//! Time and randomness: the only room that reads either.
//!
//! [`Clock`] is real in production, scaled in a drill (`--speed`, and faster still through its prologue), manual in tests.
//! Every timer and age goes through it. Network time limits do not: a real socket lives in real time.

mod random;
mod scaled;

pub use random::Random;
pub use scaled::{Clock, ClockSync};
