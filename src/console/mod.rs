//! The console: keys in, frames out. It knows the room only through the client, and holds no credential.
//!
//! terminal → [`keymap`] → [`update`](update()) (pure) → [`Effect`]s, run outside; [`view::draw`] turns the [`Console`] into a frame and
//! changes nothing. [`run`](run()) ties them to a terminal, [`screenshot`] to a picture.

pub mod app;
pub mod asset_files;
pub mod availability;
pub mod effect;
mod freeze_diff;
pub mod input;
pub mod keymap;
pub mod notifications;
pub mod operator_questions;
pub mod overlay;
mod pacing;
pub mod palette;
pub mod pane;
pub mod plain;
mod plans;
pub mod projections;
pub mod request_port;
pub mod rows;
pub mod run;
pub mod saved_layout;
pub mod screenshot;
pub mod terminal;
pub mod theme;
pub mod time_input;
pub mod time_travel;
pub mod toml_source;
mod update;
pub mod view;
pub mod widget;

use crate::client::plan_verification;

pub use app::Console;
pub use effect::Effect;
pub use input::{AskFailure, Input, Now};
pub use keymap::Keymap;
pub use plain::PlainOptions;
pub use request_port::RequestPort;
pub use run::{ExitReason, GaveUp, RunOptions, run};
pub use saved_layout::LayoutStore;
pub use theme::{ColorDepth, Look, Theme};
pub use update::{absorb, settle, update};
pub use widget::time::Zone;

#[cfg(test)]
pub(crate) mod tests;
