//! The command line: how it is read, and what its help says at its head and end.

#[cfg(test)]
mod tests;

use std::ffi::OsString;

use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _, Parser};

use super::CliCommand;
use super::args::Global;
use super::args::value_parsers::person;
use crate::model::Milestone;

const EXIT_CODES: &str = "\
Exit codes:
  0 ok · 1 failure · 2 usage or configuration · 3 degraded · 4 objective breached · 5 integrity failure
  6 refused or approval missing · 7 timeout · 8 conflict or drift · 130, 143 ended by a signal

Durations carry their unit: 90s, 15m, 1h30m. Times are RFC 3339 (2026-03-02T14:37:00Z).
Data goes to stdout, talk to stderr; JSON carries a \"schema\".";

const START: &str = "\
Try it:     warroom drill
Set it up:  warroom init, then warroom serve
On a laptop: warroom --config FILE

";

/// One full-screen console for running an outage: one clock, one tamper-evident timeline, two persons for every dangerous act.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "warroom",
    version,
    about,
    long_about = None,
    before_long_help = START,
    after_help = EXIT_CODES,
    disable_help_subcommand = true,
    max_term_width = 120
)]
pub struct Args {
    /// Join the drill that runs on this host, under this name, with a console of your own.
    #[arg(long, value_name = "NAME", value_parser = person, conflicts_with = "as_name")]
    pub join: Option<String>,
    #[allow(missing_docs, reason = "a comment here would be shown as help")]
    #[command(flatten)]
    pub global: Global,
    #[allow(missing_docs, reason = "a comment here would be shown as help")]
    #[command(subcommand)]
    pub command: Option<CliCommand>,
    /// Whether the command was asked for JSON, so that its errors are JSON too.
    #[arg(skip)]
    pub json: bool,
}

impl Args {
    /// Reads a command line. `--as` is who you are in a drill, everywhere; only after `timeline add` it may be a milestone
    /// instead, for what a new entry is recorded as: `timeline add "etcd is corrupt" --as confirmed`.
    ///
    /// # Errors
    /// What is wrong with it, or the help that was asked for.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = Self::command();
        let mut matches = command.try_get_matches_from_mut(milestones_by_as(line.into_iter().collect()))?;
        let json = asks_for_json(&command, &matches);
        let args = Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))?;
        Ok(Self { json, ..args })
    }
}

/// Whether the command that was named has an `--output`, and that is JSON.
fn asks_for_json(command: &Command, matches: &ArgMatches) -> bool {
    if let Some((name, matches)) = matches.subcommand() {
        return command.find_subcommand(name).is_some_and(|command| asks_for_json(command, matches));
    }
    let output = command.get_arguments().find(|arg| arg.get_long() == Some("output"));
    let asked = output.and_then(|arg| matches.get_raw(arg.get_id().as_str())?.next_back());
    asked.is_some_and(|format| format == "json")
}

/// `--as MILESTONE` after `timeline add` as the `--mark MILESTONE` that it means.
fn milestones_by_as(mut line: Vec<OsString>) -> Vec<OsString> {
    let is = |word: Option<&OsString>| {
        word.and_then(|word| word.to_str()).is_some_and(|it| Milestone::by_name(it).is_some())
    };
    let adds = line.windows(2).position(|pair| pair[0] == "timeline" && pair[1] == "add");
    let end = line.iter().position(|word| word == "--").unwrap_or(line.len());
    for at in adds.map_or(end, |at| at + 2)..end {
        if line[at] == "--as" && is(line.get(at + 1)) {
            line[at] = "--mark".into();
        } else if let Some(word) = line[at].to_str().and_then(|word| word.strip_prefix("--as="))
            && Milestone::by_name(word).is_some()
        {
            line[at] = format!("--mark={word}").into();
        }
    }
    line
}
