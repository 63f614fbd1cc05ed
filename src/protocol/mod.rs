//! What crosses the socket: one JSON object per line, bounded, version negotiated in the hello.
//!
//! The board conflates: rows by topic, snapshots and deltas. Entries are complete: a session sends every entry from the
//! sequence number that the console asked for, as the exact lines of the log, and the console folds and verifies them itself.

pub mod codec;
pub mod delta;
pub mod message;
pub mod request;
pub mod socket_trust;

pub use delta::{BoardDelta, TopicRows};
pub use message::{ClientLine, DrillInfo, Hello, LogRoom, Push, Reply, RoomLine, Short, Welcome, Who};
pub use request::Request;

/// The newest protocol version that this build speaks. A message that an older one can't read needs a new number: 2 has
/// [`Push::LogRoom`], and heads that leave out what is stated of an incident's clocks where nothing is.
pub const VERSION: u32 = 2;
/// The oldest that it still speaks, so that who did not leave their console at an upgrade keeps it.
pub const OLDEST: u32 = 1;

/// Every version that this build speaks, for a hello.
pub fn versions() -> Vec<u32> {
    (OLDEST..=VERSION).collect()
}

/// The newest version that both sides speak.
pub fn common(theirs: &[u32]) -> Option<u32> {
    (OLDEST..=VERSION).rev().find(|version| theirs.contains(version))
}
