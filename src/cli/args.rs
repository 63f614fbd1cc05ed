//! The command line: every flag, its unit and its help. Parsing only; what commands do is in their own files.

mod admin;
mod room_commands;
#[cfg(test)]
mod tests;
mod value_parsers;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::model::{Digest, Milestone};
pub use admin::{
    ConfigCommand, DrillCommand, DrillPace, DrillPlay, DrillWorld, Init, LedgerCommand, Rbac, Shot, ShotFormat,
    ShowFormat,
};
pub use room_commands::{
    Approve, Consent, Export, ExportFormat, FilterArgs, FolderArgs, IncidentCommand, MarkEntry, NoteKind, OfPlan,
    PlanCommand, Propose, SilenceCommand, Timeline, ViewArgs,
};
use value_parsers::{head, person};

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
}

impl Args {
    /// Reads a command line. `--as` is who you are in a drill, everywhere; only after `timeline add` it may be a milestone
    /// instead, for what a new entry is recorded as: `timeline add "etcd is corrupt" --as confirmed`.
    ///
    /// # Errors
    /// What is wrong with it, or the help that was asked for.
    pub fn read(line: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(milestones_by_as(line.into_iter().collect()))
    }
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

/// What to do. Without one: the console.
#[derive(Clone, Debug, Subcommand)]
pub enum CliCommand {
    /// Everything at a glance; the exit code says how it stands (0, 3 or 4).
    Status {
        /// Print again whenever something changes, until interrupted. Needs no full-screen terminal.
        #[arg(long, conflicts_with = "dir")]
        watch: bool,
        #[command(flatten)]
        folder: FolderArgs,
        #[command(flatten)]
        narrow: FilterArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Would RTO and RPO be met if the primary died now? 0 proven, 3 not known, 4 provably not.
    Readiness(ViewArgs),
    /// Kubernetes events, newest last.
    Events(ViewArgs),
    /// Alerts of every Alertmanager, merged.
    Alerts(ViewArgs),
    /// The newest restorable point of each schedule against its RPO; locations and restores.
    Backups(ViewArgs),
    /// Parity, sync and health of the applications.
    Gitops(ViewArgs),
    /// Load balancers, pools and probes: who serves the users.
    Traffic(ViewArgs),
    /// Error budgets by Prometheus: minutes left, and how fast they burn.
    Slo(ViewArgs),
    /// The timeline: add to it, put it right, show it, follow it.
    #[command(subcommand)]
    Timeline(Timeline),
    /// The incident: open, change, close it.
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// Silences: list them, and make or end one in the open incident after a preview.
    #[command(subcommand)]
    Silence(SilenceCommand),
    /// Put a dangerous act before the room. Nothing happens until a second person approves.
    Propose(Propose),
    /// Plans: list them, show one, or wait for its end.
    #[command(subcommand)]
    Plan(PlanCommand),
    /// Approve the plan you have read.
    Approve(Approve),
    /// Reject a plan. One person is enough, and it is final.
    Reject {
        /// The plan.
        #[arg(value_name = "PLAN")]
        plan: String,
        /// Why.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        output: Output,
    },
    /// Take back a plan of your own that has not begun.
    Withdraw(OfPlan),
    /// Stop a running plan before its next step.
    Hold(OfPlan),
    /// The incident for the postmortem: the current one, or the one named.
    Export(Export),
    /// Prove that logs are whole: every link of the chain, up to the head. 0 intact, 5 not.
    Verify {
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
    },
    /// The configuration: check it, or show it as it is understood.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Write a starter configuration, people file and log key. Never overwrites.
    Init(Init),
    /// Print the Kubernetes roles of a room's credential, for `kubectl apply -f -`.
    Rbac(Rbac),
    /// Run the room as a service, until SIGTERM.
    Serve,
    /// Rehearse: simulated services, a room and a console, offline, with the same keys as in an incident.
    Drill(Box<DrillCommand>),
    /// Draw one console of a running room as text or SVG.
    Shot(Shot),
    /// The log on disk, while no room has it open.
    #[command(subcommand)]
    Ledger(LedgerCommand),
}
