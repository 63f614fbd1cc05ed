//! Flags that commands share. Each command has its own in its file.

pub(super) mod value_parsers;

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use crate::model::filter::Filter;
use value_parsers::{filter, person};

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
