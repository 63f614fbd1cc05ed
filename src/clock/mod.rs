//! Time and randomness: the only room that reads either.
//!
//! [`Clock`] is real in production, stepped in a drill (`--speed`, and faster still through its prologue), scaled in a console
//! that follows a drill, manual in tests. Every timer and age goes through it. Network time limits do not: a real socket
//! lives in real time.

mod random;
pub mod stepped;
mod ticks;
mod time_source;

pub use random::Random;
pub use stepped::{Busy, Hold, Turn, busy, stir};
pub use ticks::Ticks;
pub use time_source::{Clock, ClockSync};
