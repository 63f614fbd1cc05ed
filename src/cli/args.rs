//! The command line: every flag, its unit and its help. Parsing only; what commands do is in their own files.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::config::units;
use crate::model::{Action, Digest, IncidentStatus, Severity, Stamp};

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
    #[command(flatten)]
    pub global: Global,
    /// Join the drill that runs on this host, under this name, with a console of your own.
    #[arg(long, value_name = "NAME", value_parser = person, conflicts_with = "as_name")]
    pub join: Option<String>,
    #[command(subcommand)]
    pub command: Option<Command>,
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
    /// Where the log is kept, instead of the usual place.
    #[arg(long, global = true, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Never ask; fail instead.
    #[arg(long, global = true)]
    pub no_input: bool,
    /// Watch only: every request that would change something is refused.
    #[arg(long, global = true)]
    pub readonly: bool,
    /// Who you are in a drill. A real room refuses it: there, the kernel says who you are.
    #[arg(long = "as", global = true, value_name = "NAME", value_parser = person)]
    pub as_name: Option<String>,
    /// The console's colours: dark, mono, or a theme file.
    #[arg(long, global = true, value_name = "THEME")]
    pub theme: Option<String>,
    /// The console's keys: default, vim, or a key map file.
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
pub enum Command {
    /// Everything at a glance; the exit code says how it stands (0, 3 or 4).
    Status {
        /// Print again whenever something changes, until interrupted. Needs no full-screen terminal.
        #[arg(long)]
        watch: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Kubernetes events, newest last.
    Events(View),
    /// Alerts of every Alertmanager, merged.
    Alerts(View),
    /// The newest restorable point of each schedule against its RPO; locations and restores.
    Backups(View),
    /// Parity, sync and health of the applications.
    Gitops(View),
    /// Load balancers, pools and probes: who serves the users.
    Traffic(View),
    /// The timeline: add to it, show it, follow it.
    #[command(subcommand)]
    Timeline(Timeline),
    /// The incident: open, change, close it.
    #[command(subcommand)]
    Incident(Incident),
    /// Put a dangerous act before the room. Nothing happens until a second person approves.
    Propose(Propose),
    /// A plan: show it, or wait for its end.
    #[command(subcommand)]
    Plan(Plan),
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
        #[command(flatten)]
        output: Output,
    },
    /// The configuration: check it, or show it as it is understood.
    #[command(subcommand)]
    Config(Config),
    /// Write a starter configuration, people file and log key. Never overwrites.
    Init(Init),
    /// Run the room as a service, until SIGTERM.
    Serve,
    /// Rehearse: simulated services, a room and a console, offline, with the same keys as in an incident.
    Drill(Box<Drill>),
    /// Draw one console of a running room as text or SVG.
    Shot(Shot),
    /// The log on disk, while no room has it open.
    #[command(subcommand)]
    Ledger(Ledger),
}

/// `events`, `alerts`, ….
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct View {
    #[command(flatten)]
    pub output: Output,
}

/// `timeline …`.
#[derive(Clone, Debug, Subcommand)]
pub enum Timeline {
    /// Record a note (or a decision, or work for afterwards).
    Add {
        /// What happened, in your words; up to 8 KiB.
        #[arg(value_name = "TEXT")]
        text: String,
        /// What it is.
        #[arg(long, value_enum, default_value_t)]
        kind: NoteKind,
        /// When it happened, if not now.
        #[arg(long, value_name = "TIME", conflicts_with = "owner")]
        at: Option<Stamp>,
        /// Who shall do it (follow-ups only).
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Show an incident's timeline: the current one's, or the one named.
    Show {
        /// The incident.
        #[arg(value_name = "INCIDENT")]
        incident: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Print entries as they come, until interrupted.
    Tail {
        /// Begin with this sequence number; without it, with what comes next.
        #[arg(long, value_name = "N")]
        from: Option<u64>,
        #[command(flatten)]
        output: Output,
    },
}

/// What `timeline add` adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum NoteKind {
    #[default]
    Note,
    Decision,
    FollowUp,
}

/// `incident …`.
#[derive(Clone, Debug, Subcommand)]
pub enum Incident {
    /// Open an incident.
    Open {
        /// Its title.
        #[arg(value_name = "TITLE")]
        title: String,
        /// How bad it is.
        #[arg(long, default_value = "sev1", value_parser = severities())]
        severity: Severity,
        #[command(flatten)]
        output: Output,
    },
    /// Change something of the open incident.
    #[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
    Set {
        #[arg(long, value_name = "TEXT", group = "what")]
        title: Option<String>,
        #[arg(long, group = "what", value_parser = severities())]
        severity: Option<Severity>,
        #[arg(long, group = "what", value_parser = statuses())]
        status: Option<IncidentStatus>,
        /// Who commands.
        #[arg(long, value_name = "NAME", group = "what", value_parser = person)]
        commander: Option<String>,
        /// When users were first hurt.
        #[arg(long, value_name = "TIME", group = "what")]
        impact_at: Option<Stamp>,
        /// When service was back.
        #[arg(long, value_name = "TIME", group = "what")]
        recovered_at: Option<Stamp>,
        #[command(flatten)]
        output: Output,
    },
    /// Close the open incident.
    Close {
        #[command(flatten)]
        output: Output,
    },
}

/// `propose …`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Propose {
    /// What to do: failover moves traffic at the edge, restore brings back data on DR.
    #[arg(value_name = "failover|restore", value_parser = actions())]
    pub action: Action,
    /// For which service.
    #[arg(long, value_name = "NAME")]
    pub service: String,
    /// The name of what will be moved or restored, as the plan shows it: proof that it was read.
    #[arg(long, value_name = "NAME")]
    pub confirm: String,
    /// Replace this open plan of yours by the new one.
    #[arg(long, value_name = "PLAN")]
    pub supersedes: Option<String>,
    #[command(flatten)]
    pub output: Output,
}

/// `plan …`.
#[derive(Clone, Debug, Subcommand)]
pub enum Plan {
    /// Show a plan, its digest and where it stands.
    Show {
        #[arg(value_name = "PLAN")]
        plan: String,
        /// As kubectl and curl commands, for use when only one person can be reached.
        #[arg(long)]
        manual: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Wait until a plan has ended: 0 succeeded, 1 failed, 6 rejected or expired, 7 timeout.
    Wait {
        #[arg(value_name = "PLAN")]
        plan: String,
        /// Give up after this time. Default: when the plan itself has.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        timeout: Option<Duration>,
        #[command(flatten)]
        output: Output,
    },
}

/// `approve …`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Approve {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    /// The digest of the plan you read: sha256:<64 hex digits>.
    #[arg(long, value_name = "sha256:HEX")]
    pub digest: Digest,
    /// The name of what will be moved or restored, as the plan shows it.
    #[arg(long, value_name = "NAME")]
    pub confirm: String,
    #[command(flatten)]
    pub output: Output,
}

/// A command about one plan.
#[derive(Clone, Debug, ClapArgs)]
pub struct OfPlan {
    /// The plan.
    #[arg(value_name = "PLAN")]
    pub plan: String,
    #[command(flatten)]
    pub output: Output,
}

/// `export …`. Here `-o` names a file: what is printed is chosen by `--format`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Export {
    /// The incident. Default: the open one, else the latest.
    #[arg(value_name = "INCIDENT")]
    pub incident: Option<String>,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// Write to this file instead of stdout. An existing file is replaced whole.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What `export` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    #[default]
    Markdown,
    Json,
}

/// `config …`.
#[derive(Clone, Debug, Subcommand)]
pub enum Config {
    /// Check a configuration; every error names its line. 0 good, 2 not.
    Check {
        /// Judge it as `warroom serve` does: https only, closed files, enough people.
        #[arg(long)]
        serve: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Show a configuration with its defaults filled in. Secrets are not part of it.
    Show {
        /// How to print.
        #[arg(short = 'o', long = "output", value_enum, default_value_t)]
        output: ShowFormat,
    },
}

/// What `config show` prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// In the shape of the file itself.
    #[default]
    #[value(alias = "table")]
    Toml,
    Json,
}

/// `init …`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Init {
    /// Where to write. Default: your configuration directory; /etc/warroom for root.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Also write warroom.service and warroom.socket for systemd here, e.g. /etc/systemd/system.
    #[arg(long, value_name = "DIR")]
    pub systemd: Option<PathBuf>,
    #[command(flatten)]
    pub output: Output,
}

/// `drill …`.
#[derive(Clone, Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Drill {
    #[command(subcommand)]
    pub world: Option<DrillWorld>,
    #[command(flatten)]
    pub play: DrillPlay,
}

/// A drill that is played.
#[derive(Clone, Debug, ClapArgs)]
pub struct DrillPlay {
    /// The scenario: a name, or a TOML file.
    #[arg(value_name = "SCENARIO", default_value = "etcd-corruption")]
    pub scenario: String,
    #[command(flatten)]
    pub pace: Pace,
    /// A simulated second person takes part, and is marked so everywhere.
    #[arg(long)]
    pub partner: bool,
    /// Play every person by itself, through the real protocol.
    #[arg(long)]
    pub auto: bool,
    /// No console: leave timeline, exports and score in --out, then end.
    #[arg(long, requires = "auto", requires = "out")]
    pub headless: bool,
    /// Where the drill leaves its files.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How a drill runs.
#[derive(Clone, Copy, Debug, ClapArgs)]
pub struct Pace {
    /// Drill seconds per second, 0.1 to 600.
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Same seed, same world.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// `drill world …`.
#[derive(Clone, Debug, Subcommand)]
pub enum DrillWorld {
    /// Serve the simulated services alone, for kubectl, amtool and curl.
    World {
        /// The scenario: a name, or a TOML file.
        #[arg(value_name = "SCENARIO", default_value = "etcd-corruption")]
        scenario: String,
        #[command(flatten)]
        pace: Pace,
        /// Where kubeconfig, warroom.toml and endpoints.json are written.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// `shot …`. Colours and keys as in the console: `--theme`, `--keymap`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Shot {
    /// Columns and rows, 20x5 to 500x200.
    #[arg(long, value_name = "COLSxROWS", default_value = "120x40", value_parser = size)]
    pub size: (u16, u16),
    /// Keys typed before the picture is taken, as the help writes them: "Tab Tab Enter".
    #[arg(long, value_name = "KEYS", default_value = "")]
    pub keys: String,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    pub format: ShotFormat,
    /// Write to this file instead of stdout.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What `shot` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ShotFormat {
    #[default]
    Txt,
    Svg,
}

/// `ledger …`.
#[derive(Clone, Debug, Subcommand)]
pub enum Ledger {
    /// Start a new log. The old one stays, and the new one names its last good head.
    New {
        /// The old log is damaged, and you have kept a copy for whoever asks.
        #[arg(long, required = true)]
        after_damage: bool,
        #[command(flatten)]
        output: Output,
    },
}

fn severities() -> impl TypedValueParser<Value = Severity> {
    PossibleValuesParser::new(Severity::ALL.map(Severity::name))
        .try_map(|word| Severity::ALL.into_iter().find(|severity| severity.name() == word).ok_or("not a severity"))
}

/// Every status but the last: an incident is closed by `incident close`.
fn statuses() -> impl TypedValueParser<Value = IncidentStatus> {
    let words = IncidentStatus::ALL.into_iter().filter(|status| *status != IncidentStatus::Closed);
    PossibleValuesParser::new(words.map(IncidentStatus::name))
        .try_map(|word| IncidentStatus::ALL.into_iter().find(|status| status.name() == word).ok_or("not a status"))
}

fn actions() -> impl TypedValueParser<Value = Action> {
    PossibleValuesParser::new(Action::ALL.map(Action::name))
        .try_map(|word| Action::ALL.into_iter().find(|action| action.name() == word).ok_or("not an action"))
}

fn person(text: &str) -> Result<String, String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    if text.is_empty() || text.len() > 63 || !text.bytes().all(plain) || text == "room" {
        return Err("a name has up to 63 ASCII letters, digits, `.`, `_` and `-`, and is not `room`".to_owned());
    }
    Ok(text.to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    units::duration(text).map(Duration::from_secs)
}

fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.1..=600.0).contains(&speed) => Ok(speed),
        _ => Err("drill seconds per second: a number from 0.1 to 600".to_owned()),
    }
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let wrong = || "columns x rows, like 120x40, from 20x5 to 500x200".to_owned();
    let (columns, rows) = text.split_once('x').ok_or_else(wrong)?;
    match (columns.parse(), rows.parse()) {
        (Ok(columns @ 20..=500), Ok(rows @ 5..=200)) => Ok((columns, rows)),
        _ => Err(wrong()),
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
