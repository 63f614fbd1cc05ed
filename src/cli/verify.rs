//! `verify`: what a stranger can check.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use serde_json::json;

use super::args::Output;
use super::args::value_parsers::head;
use super::command_output::CommandOutput;
use super::dispatch::{Invocation, RunCommand, show};
use super::error::CliError;
use super::exit_code::Exit;
use crate::ledger::{self, Expected, Signed};
use crate::model::Digest;
use crate::seal;

/// Prove that logs are whole: every link of the chain, up to the head. 0 intact, 5 not.
#[derive(Clone, Debug, ClapArgs)]
pub struct VerifyArgs {
    /// Segment files, or directories of them.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
    /// The room's public key (`log.key.pub`), to check who signed the log's heads.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// An entry that must be in the log, by its number and hash, as `verify` and an export print a head.
    #[arg(long, value_name = "SEQ:HASH", value_parser = head)]
    expect_head: Option<(u64, Digest)>,
    #[command(flatten)]
    output: Output,
}

impl RunCommand for VerifyArgs {
    async fn run(self, _: &Invocation) -> Result<Exit, CliError> {
        show(verify(&self.paths, self.key.as_deref(), self.expect_head)?, self.output)
    }
}

/// Verifies segments or directories of them; with a key also who signed their heads, and with a head that is known from
/// elsewhere that this is the log that has it.
fn verify(paths: &[PathBuf], key: Option<&Path>, head: Option<(u64, Digest)>) -> Result<CommandOutput, CliError> {
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
