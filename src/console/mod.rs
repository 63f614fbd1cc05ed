//! The console: keys in, frames out. It knows the room only through the client, and holds no credential.
//!
//! terminal → [`keymap`] → [`update`](update()) (pure) → [`Effect`]s, run outside; [`view::draw`] turns the [`App`] into a frame and
//! changes nothing. [`run`](run()) ties them to a terminal, [`shot`] to a picture.

pub mod allow;
pub mod app;
pub mod asker;
pub mod attention;
pub mod data;
pub mod effect;
pub mod input;
pub mod keymap;
pub mod memory;
pub mod overlay;
pub mod palette;
pub mod pane;
pub mod past;
pub mod plain;
mod plans;
pub mod questions;
pub mod run;
pub mod shelf;
pub mod shot;
pub mod terminal;
pub mod theme;
mod unseen;
mod update;
pub mod view;
pub mod when;
pub mod widget;

use crate::client::plan_verification;

pub use app::App;
pub use asker::Asker;
pub use effect::Effect;
pub use input::{AskFailure, Input, Now};
pub use keymap::Keymap;
pub use memory::Keeper;
pub use plain::PlainOptions;
pub use run::{ExitReason, GaveUp, RunOptions, run};
pub use theme::{Depth, Look, Theme};
pub use update::update;
pub use widget::time::Zone;

#[cfg(test)]
pub(crate) mod tests;
