//! What crosses the socket: one JSON object per line, bounded, version negotiated in the hello.
//!
//! The board conflates: rows by topic, snapshots and deltas. Entries are complete: a session sends every entry from the
//! sequence number that the console asked for, as the exact lines of the log, and the console folds and verifies them itself.

pub mod codec;
pub mod delta;
pub mod message;
pub mod socket_trust;

pub use delta::{BoardDelta, TopicRows};
pub use message::{ClientLine, DrillInfo, Hello, LogRoom, Push, Reply, Request, RoomLine, Short, Welcome, Who};

/// The protocol version this build speaks.
pub const VERSION: u32 = 1;
