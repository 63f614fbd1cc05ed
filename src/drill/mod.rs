//! The drill: a story ([`scenario`]), the world it happens in ([`simulator`]), the people who play it ([`script_runner`], [`simulated_approver`]), the
//! thread that they share ([`drill_thread`]) and how well it went ([`score`]).
//!
//! The room, its clients and its protocol are the real ones; only the endpoints differ. Nothing here knows the clients' types.

pub mod drill_thread;
pub mod scenario;
pub mod score;
pub mod script_runner;
mod scripted_action;
pub mod simulated_approver;
pub mod simulator;

pub use drill_thread::DrillThread;
pub use scenario::Scenario;
pub use score::{Score, score};
pub use script_runner::{Asker, ScriptRunner, Seen};

pub use simulator::Simulator;
