//! Verbs about a room that runs: what it sees, the incident, plans.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};

use super::Output;
use super::value_parsers::{action_words, actions, duration, filter, milestone, person, severities, statuses};
use crate::model::filter::Filter;
use crate::model::{Action, Digest, IncidentStatus, Milestone, Severity};

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

/// `events`, `alerts`, ….
#[derive(Clone, Debug, ClapArgs)]
pub struct ViewArgs {
    #[command(flatten)]
    pub narrow: FilterArgs,
    #[command(flatten)]
    pub output: Output,
}

/// `timeline …`.
#[derive(Clone, Debug, Subcommand)]
pub enum Timeline {
    /// Record a note (or a decision, or work for afterwards).
    Add {
        /// What happened, in your words; up to 8 KiB. `-` reads lines from stdin: each becomes an entry, all of them or none.
        #[arg(value_name = "TEXT")]
        text: String,
        /// What it is.
        #[arg(long, value_enum, default_value_t)]
        kind: NoteKind,
        /// When it happened, if not now: 14:39, T+8, -5m, "yesterday 14:39", or RFC 3339.
        #[arg(long, value_name = "TIME", conflicts_with = "owner", allow_hyphen_values = true)]
        at: Option<String>,
        /// Mark it as a milestone of the incident (notes and decisions); `--as MILESTONE` after the text says the same.
        #[arg(long, value_name = "MILESTONE", value_parser = milestone, conflicts_with = "owner")]
        mark: Option<Milestone>,
        /// Who shall do it (follow-ups only).
        #[arg(long, value_name = "NAME")]
        owner: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Mark an entry as a milestone: the export tells the incident by what was observed and by what people marked.
    Mark(MarkEntry),
    /// Take back that an entry is a milestone.
    Unmark(MarkEntry),
    /// Put an earlier entry right by a new one. What it said before stays in the log and in exports.
    #[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
    Amend {
        /// The entry's number.
        #[arg(value_name = "N")]
        seq: u64,
        /// What it should say.
        #[arg(value_name = "TEXT", group = "change")]
        text: Option<String>,
        /// When it happened (notes, decisions and follow-ups): 14:39, T+8, -5m, "yesterday 14:39", or RFC 3339.
        #[arg(long, value_name = "TIME", group = "change", allow_hyphen_values = true)]
        at: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Remove the text of an entry from the log for good. One person asks, another confirms; the chain stays whole.
    #[command(group = clap::ArgGroup::new("what").required(true))]
    Redact {
        /// The entry's number.
        #[arg(value_name = "N")]
        seq: u64,
        /// Ask for it, and say why. Exports show the reason: it must not repeat what is removed.
        #[arg(long, value_name = "TEXT", group = "what")]
        reason: Option<String>,
        /// Be the second person: the code of the request, as `warroom status` shows it.
        #[arg(long, value_name = "CODE", group = "what")]
        confirm: Option<String>,
        /// Refuse the request, or take it back.
        #[arg(long, group = "what")]
        refuse: bool,
        #[command(flatten)]
        output: Output,
    },
    /// Show an incident's timeline: the current one's, or the one named.
    Show {
        /// The incident.
        #[arg(value_name = "INCIDENT")]
        incident: Option<String>,
        #[command(flatten)]
        folder: FolderArgs,
        #[command(flatten)]
        narrow: FilterArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Print entries as they come, until interrupted.
    Tail {
        /// Begin with this sequence number; without it, with what comes next.
        #[arg(long, value_name = "N")]
        from: Option<u64>,
        #[command(flatten)]
        narrow: FilterArgs,
        #[command(flatten)]
        output: Output,
    },
}

/// An entry and a milestone.
#[derive(Clone, Debug, ClapArgs)]
pub struct MarkEntry {
    /// The entry's number, from `timeline show`.
    #[arg(value_name = "N")]
    pub seq: u64,
    /// detected, confirmed, decided, traffic_switched, gitops_confirmed, restored or recovered.
    #[arg(value_name = "MILESTONE", value_parser = milestone)]
    pub milestone: Milestone,
    #[command(flatten)]
    pub output: Output,
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
pub enum IncidentCommand {
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
        /// Its new title.
        #[arg(long, value_name = "TEXT", group = "what")]
        title: Option<String>,
        /// How bad it is.
        #[arg(long, group = "what", value_parser = severities())]
        severity: Option<Severity>,
        /// How far it is; it is closed with `incident close`.
        #[arg(long, group = "what", value_parser = statuses())]
        status: Option<IncidentStatus>,
        /// Who commands.
        #[arg(long, value_name = "NAME", group = "what", value_parser = person)]
        commander: Option<String>,
        /// When users were first hurt, by your word (14:39, T-4, -5m, "yesterday 14:39", or RFC 3339): it stands beside what
        /// was measured.
        #[arg(long, value_name = "TIME", group = "what", allow_hyphen_values = true)]
        impact_at: Option<String>,
        /// When service was back, by your word, written likewise: it stops no clock and meets no objective.
        #[arg(long, value_name = "TIME", group = "what", allow_hyphen_values = true)]
        recovered_at: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Close the open incident. Refused while alerts fire or can't be read, unless you say that you know.
    Close {
        /// Close it though alerts still fire: those open no other incident, unless they end and begin again.
        #[arg(long)]
        although_firing: bool,
        #[command(flatten)]
        output: Output,
    },
}

/// `silence …`.
#[derive(Clone, Debug, Subcommand)]
pub enum SilenceCommand {
    /// Silences in force, to come, and ended within a day: matchers, whose, until when, how many alerts each hits.
    List {
        #[command(flatten)]
        narrow: FilterArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Show which alerts a new silence would hit; with --yes, make it. Recorded in the open incident.
    Add {
        /// Labels that alerts must have: name=value, name!=value, name=~expression, name!~expression.
        #[arg(value_name = "MATCHER", required = true)]
        matchers: Vec<String>,
        /// How long from now: from 1m to 24h.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        lasts: Duration,
        /// Why nobody needs to hear of it.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        output: Output,
    },
    /// Show which alerts start notifying when a silence ends; with --yes, end it.
    Expire {
        /// The silence; the beginning of its id is enough.
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        consent: Consent,
        #[command(flatten)]
        output: Output,
    },
}

/// What turns a preview into the act.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct Consent {
    /// Do it. Without, only the preview is shown, and the exit code is 6.
    #[arg(long)]
    pub yes: bool,
    /// The word that the preview asks for, where it hits critical or foreign alerts, or all.
    #[arg(long, value_name = "WORD", requires = "yes")]
    pub confirm: Option<String>,
    /// Only if the preview is still the one with this digest.
    #[arg(long, value_name = "sha256:HEX", requires = "yes")]
    pub digest: Option<Digest>,
}

/// `propose …`.
#[derive(Clone, Debug, ClapArgs)]
pub struct Propose {
    /// What to do: failover moves all host names of a service at the edge; restore brings its data back on DR, or in place
    /// where the service has no DR cluster.
    #[arg(value_name = action_words(), value_parser = actions())]
    pub action: Action,
    /// For which service.
    #[arg(long, value_name = "NAME")]
    pub service: String,
    /// Where to, of a service with several DR clusters. Left out, the first of them that can take it; the plan says which.
    #[arg(long, value_name = "CLUSTER")]
    pub to: Option<String>,
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
pub enum PlanCommand {
    /// List an incident's plans: the current one's, or the one named.
    List {
        /// The incident.
        #[arg(value_name = "INCIDENT")]
        incident: Option<String>,
        #[command(flatten)]
        folder: FolderArgs,
        #[command(flatten)]
        output: Output,
    },
    /// Show a plan, its digest and where it stands.
    Show {
        /// The plan.
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
        /// The plan.
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
    /// The incident. Default: the open one, else the latest. A folder is read as with --dir.
    #[arg(value_name = "INCIDENT")]
    pub incident: Option<String>,
    #[command(flatten)]
    pub folder: FolderArgs,
    /// What to write.
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// Only entries that match. The export says so at its head, with how many are left out.
    #[command(flatten)]
    pub narrow: FilterArgs,
    /// Write to this file instead of stdout. An existing file is replaced whole.
    #[arg(short = 'o', long = "out", value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What `export` writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// For a wiki or a merge request.
    #[default]
    Markdown,
    /// One page with everything in it: no script, nothing fetched; it prints well.
    Html,
    /// The timeline for a spreadsheet, an entry a row (RFC 4180). A cell that begins with = + - @ has an apostrophe before
    /// it, so that nothing is computed from what somebody wrote.
    Csv,
    /// Everything, for machines.
    Json,
}
