//! The client: a connection that comes back by itself, and a mirror of what the room said.
//!
//! Used by the console, the subcommands and the drill's partner. It holds no credential and makes no claim about who it is
//! (a drill room alone accepts a name).

mod connection;
mod history;
mod known_logs;
mod log_continuity;
mod mirror;
pub mod plan_verification;
mod tracked;
mod trust;

pub use connection::{AskError, ClientHandle, ConnectOptions, connect};
pub use known_logs::KnownLogs;
pub use mirror::{ClientEvent, KEPT, LinkState, Mirror, entries};
pub use tracked::{Revision, Tracked, TrackedBoard};
pub use trust::{Trust, known_file};
