//! The command line: how it is read, and the flags that commands share. Each command has its own in its file.

#[cfg(test)]
mod tests;
pub(super) mod value_parsers;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{ArgMatches, Args as ClapArgs, Command, CommandFactory as _, FromArgMatches as _, Parser, ValueEnum};

use super::CliCommand;
use crate::model::Milestone;
use crate::model::filter::Filter;
use value_parsers::{filter, person};

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
    #[command(flatten)]
    pub global: Global,
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

/// Flags that every command knows.
#[derive(Clone, Debug, Default, ClapArgs)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The configuration file. For the console: start a room of one's own with it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The room's socket, instead of the host's or one's own.
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// The account that runs the room, if that is neither root nor you nor `warroom`: a name or a uid.
    #[arg(long, global = true, value_name = "ACCOUNT", env = "WARROOM_ROOM_ACCOUNT")]
    pub room_account: Option<String>,
    /// Take this log for the room's from now on, in place of the one that was known. A refusal names the id.
    #[arg(long, global = true, value_name = "LOG")]
    pub accept_log: Option<String>,
    /// Where the log is kept, instead of the usual place.
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// The console's usual layout without filters; nothing of it is remembered.
    #[arg(long, global = true)]
    pub fresh: bool,
    /// Never ask; fail instead.
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Watch only: every request that would change something is refused.
    #[arg(long, global = true)]
    pub readonly: bool,
    /// The console as numbered lines: for screen readers, serial lines, logs and scripts. With --no-input it only tells.
    #[arg(long, global = true)]
    pub plain: bool,
    /// Who you are in a drill. A real room refuses it: there, the kernel says who you are.
    #[arg(long = "as", global = true, value_name = "NAME", value_parser = person)]
    pub as_name: Option<String>,
    /// The console's colours: auto, dark, light, high-contrast, colour-blind, mono, or a theme file (else WARROOM_THEME, else the configuration).
    #[arg(long, global = true, value_name = "THEME")]
    pub theme: Option<String>,
    /// The console's keys: default, vim, emacs, or a key map file (else WARROOM_KEYMAP, else the configuration).
    #[arg(long, global = true, value_name = "KEYMAP")]
    pub keymap: Option<String>,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Lines for people.
    #[default]
    Table,
    /// One JSON document, with its schema (streams: one a line).
    Json,
}

/// `-o`.
#[derive(Clone, Copy, Debug, Default, ClapArgs)]
pub struct Output {
    /// How to print.
    #[arg(short = 'o', long = "output", value_enum, default_value_t)]
    pub format: Format,
}

impl Output {
    /// Whether JSON was asked for.
    pub fn json(self) -> bool {
        self.format == Format::Json
    }
}

/// `--filter`, where things are listed.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct FilterArgs {
    /// Only what matches, in the words of the console's `/`: words, !without, "a phrase", field:value, severity:>=warning, >5m.
    #[arg(long, value_name = "FILTER", value_parser = filter)]
    pub filter: Option<Filter>,
}

/// `--dir`, where a log can be read without a room.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct FolderArgs {
    /// Read the log in this folder (a drill's, a room's state directory) instead of asking a room. Nothing is changed.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}
