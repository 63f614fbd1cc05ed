//! What a command shows: the same facts as JSON for machines and as lines for people.

use serde_json::Value;

use super::exit_code::Exit;
use crate::model::{Stamp, time};

/// A command's result.
#[derive(Debug)]
pub struct CommandOutput {
    /// With its `schema`.
    pub json: Value,
    /// Lines for people.
    pub text: String,
    /// The exit code of the process; [`Exit::Ok`] unless [`CommandOutput::exit`] set another.
    pub exit: Exit,
}

impl CommandOutput {
    /// A result that went well.
    pub fn ok(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), exit: Exit::Ok }
    }

    /// The same with another exit code.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// How long ago, with two significant places.
pub fn age(since: Stamp, now: Stamp) -> String {
    time::short(time::since(since, now))
}
