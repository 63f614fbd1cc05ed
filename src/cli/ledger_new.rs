//! `ledger new --after-damage`: the way out of a damaged log.

use std::sync::Arc;

use clap::Args as ClapArgs;
use serde_json::json;

use super::args::{Global, Output};
use super::command_output::CommandOutput;
use super::dispatch::{Invocation, RunCommand, show};
use super::error::CliError;
use super::exit_code::Exit;
use crate::clock::{Clock, Random};
use crate::config::paths::Env;
use crate::config::{self, LoadOptions};
use crate::ledger::{self, FileStorage, OpenOptions};

/// Start a new log. The old one stays, and the new one names its last good head.
#[derive(Clone, Debug, ClapArgs)]
pub struct NewLogArgs {
    /// The old log is damaged, and you have kept a copy for whoever asks.
    #[arg(long, required = true)]
    after_damage: bool,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for NewLogArgs {
    async fn run(self, given: &Invocation) -> Result<Exit, CliError> {
        show(new_after_damage(&given.global, &given.env)?, self.output)
    }
}

/// Starts a new log after a damaged one, which stays beside it. Needs the room to be stopped: the log is locked while it runs.
fn new_after_damage(global: &Global, env: &Env) -> Result<CommandOutput, CliError> {
    let file = super::config::file(global.config.as_deref(), env.uid == 0, env)?;
    let config = config::load(&file, LoadOptions::default()).map_err(|errors| CliError::Config(errors.to_string()))?;
    let dir = global.state_dir.clone().unwrap_or_else(|| env.state_dir(env.uid == 0));
    // Named in the first entry, so that whoever verifies the new log finds its signatures.
    let (key, _) = super::serve::log_key(config.file.as_deref(), false)?;
    let options = OpenOptions {
        dir: dir.clone(),
        room: config.room.name,
        src: String::new(),
        boot: "ledger-new".to_owned(),
        drill: false,
        key,
        allow_fs: Vec::new(),
        check_fs: false,
        snapshot: None,
    };
    let opened = ledger::new_after_damage(options, Arc::new(FileStorage), Clock::real(), Random::system())
        .map_err(|error| CliError::Other(error.to_string()))?;
    let (seq, head) = opened.ledger.head();
    let reader = opened.ledger.reader();
    let (log, shown) = (reader.log_id(), dir.display());
    Ok(CommandOutput::ok(
        json!({"schema": "warroom/ledger-new/v1", "dir": dir, "log": log, "seq": seq, "head": head.hex()}),
        format!(
            "a new log begins in {shown}; the damaged one is kept beside it\n\
             every account that knew that one accepts the new one once: warroom --accept-log {log}\n"
        ),
    ))
}
