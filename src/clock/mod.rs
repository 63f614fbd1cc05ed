//! Time and randomness: the only room that reads either.
//!
//! [`Clock`] is real in production, stepped in a drill (`--speed`, and faster still through its prologue), scaled in a console
//! that follows a drill, manual in tests. Every timer and age goes through it. Network time limits do not: a real socket
//! lives in real time.

mod random;
mod scaled;
pub mod stepped;
mod ticks;

pub use random::Random;
pub use scaled::{Clock, ClockSync};
pub use stepped::{Busy, Hold, Turn, busy, stir};
pub use ticks::Ticks;
