//! `verify` and `ledger new --after-damage`: what a stranger can check, and the way out of a damaged log.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;

use super::args::Global;
use super::command_output::CommandOutput;
use super::error::CliError;
use super::exit_code::Exit;
use crate::clock::{Clock, Random};
use crate::config::paths::Env;
use crate::config::{self, LoadOptions};
use crate::ledger::{self, Expected, FileStorage, OpenOptions, Signed};
use crate::model::Digest;
use crate::seal;

/// Verifies segments or directories of them; with a key also who signed their heads, and with a head that is known from
/// elsewhere that this is the log that has it.
pub fn verify(paths: &[PathBuf], key: Option<&Path>, head: Option<(u64, Digest)>) -> Result<CommandOutput, CliError> {
    if paths.is_empty() {
        return Err(CliError::Usage("name one or more timeline files, or a directory that holds them".to_owned()));
    }
    let key = key.map(read_key).transpose()?;
    let expected = Expected { key, head };
    let verdict = ledger::verify(paths, &expected).map_err(|error| CliError::Usage(error.to_string()))?;
    let json = json!({
        "schema": "warroom/verify/v1", "ok": verdict.ok, "segment": verdict.segment, "offset": verdict.offset,
        "seq": verdict.seq, "head": verdict.head, "why": verdict.why, "redacted": verdict.redacted,
        "signed": verdict.signed,
    });
    if verdict.ok {
        let who = authorship(&verdict.signed);
        return Ok(CommandOutput::ok(json, format!("intact: {} entries, head {}\n{who}\n", verdict.seq, verdict.head)));
    }
    let text = format!("NOT INTACT: {} ({}, byte {})\n", verdict.why, verdict.segment.display(), verdict.offset);
    Ok(CommandOutput::ok(json, text).exit(Exit::Integrity))
}

fn read_key(path: &Path) -> Result<String, CliError> {
    let bad = |why: String| CliError::Usage(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?;
    seal::fingerprint(&text).map_err(|error| bad(error.to_string()))?;
    Ok(text.trim().to_owned())
}

/// What the signatures prove of who wrote the log.
fn authorship(signed: &Signed) -> String {
    match (signed.heads, signed.pinned) {
        (0, _) => "no signed heads: integrity only, not authorship".to_owned(),
        (_, true) => format!("signed up to entry {} by {} ({} heads)", signed.seq, signed.key, signed.heads),
        (_, false) => format!(
            "signed up to entry {} by {}, by the log's own word: compare that key, or name it with --key",
            signed.seq, signed.key
        ),
    }
}

/// Starts a new log after a damaged one, which stays beside it. Needs the room to be stopped: the log is locked while it runs.
pub fn new_after_damage(global: &Global, env: &Env) -> Result<CommandOutput, CliError> {
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
