//! Framing: one JSON object per line, each line bounded.

/// Longest line a client may send.
pub const CLIENT_LINE: usize = 64 * 1024;
/// Longest line the room sends.
pub const ROOM_LINE: usize = 1024 * 1024;
/// Longest hello.
pub const HELLO_LINE: usize = 4 * 1024;
