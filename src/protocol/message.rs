//! Messages. Unknown fields are refused on the way in; replies carry what a person can read aloud.

use serde::{Deserialize, Serialize};

use crate::board::{Row, Topic};
use crate::clock::ClockSync;
use crate::model::entry::LogLine;
use crate::model::plan::Recheck;
use crate::model::silence::{SilenceChange, SilenceOutcome, SilencePreview};
use crate::model::{
    Action, Actor, Digest, IncidentId, IncidentStatus, Level, Milestone, Objective, PersonId, PersonRole, PlanId,
    Refusal, SafeText, Severity, Stamp, clean,
};

use super::delta::BoardDelta;

/// The first line of a client. At most 4 KiB, within two seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// Versions this client speaks.
    pub proto: Vec<u32>,
    /// Program and version, for the log.
    pub client: String,
    /// Send entries from this sequence number on; `None` = no entries; 0 = what the room made of those so far
    /// ([`Push::Heads`], [`Push::Earlier`]), then the entries after that.
    #[serde(default)]
    pub entries_from: Option<u64>,
    /// The log the client knows. Another one's entries are sent from 1.
    #[serde(default)]
    pub log: Option<String>,
    /// The newest entry that this account saw before of `log`: the room answers with its hash. Where `log` is `None`, of the
    /// room's own log, whichever that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<u64>,
    /// Topics to keep the client informed of.
    #[serde(default)]
    pub topics: Vec<Topic>,
    /// A name for a drill room. A real room refuses a hello that has one.
    #[serde(default)]
    pub drill_as: Option<PersonId>,
    /// The drill's simulated partner: marked so on every line.
    #[serde(default)]
    pub simulated: bool,
    /// Watch without being counted as present (a command, a screenshot).
    #[serde(default)]
    pub quiet: bool,
    /// Refuse every request that changes something.
    #[serde(default)]
    pub readonly: bool,
}

/// The room's answer to a hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Welcome {
    pub proto: u32,
    /// The room's program version.
    pub version: String,
    pub room: String,
    /// Id of the log whose entries follow.
    pub log: String,
    pub you: Actor,
    pub role: PersonRole,
    pub clock: ClockSync,
    pub drill: Option<DrillInfo>,
    pub objectives: Vec<Objective>,
    /// Why recording and acting are off, if they are.
    pub degraded: Option<SafeText>,
    /// That the log has little room left, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_room: Option<LogRoom>,
    /// The last entry of the log: its number and hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<(u64, Digest)>,
    /// Hash of the entry that the client asked about; `None` if it did not, if it asked about another log, or if this one does
    /// not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Digest>,
}

/// That the log has little room left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRoom {
    /// All of its quota is used: notes are refused.
    pub full: bool,
    pub says: SafeText,
}

/// What the screens of a drill say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillInfo {
    pub scenario: String,
    pub seed: u64,
    /// Drill seconds per second; 0 = as fast as the machine allows.
    pub speed: f64,
}

impl DrillInfo {
    /// How fast it goes, in a word: `×60`.
    pub fn pace(&self) -> String {
        if self.speed > 0.0 { format!("×{}", self.speed) } else { "max speed".to_owned() }
    }
}

/// One line from a client after its hello.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientLine {
    pub id: u64,
    pub req: Request,
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Record a note; `at` = when it happened.
    Note {
        text: SafeText,
        at: Option<Stamp>,
        /// Mark it as this milestone at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Milestone>,
    },
    /// Record a decision.
    Decision {
        text: SafeText,
        at: Option<Stamp>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mark: Option<Milestone>,
    },
    /// Record work for afterwards.
    FollowUp { text: SafeText, owner: Option<PersonId> },
    /// Record several lines at once: all of them, or none.
    Lines { kind: LineKind, lines: Vec<SafeText>, at: Option<Stamp>, owner: Option<PersonId> },
    /// Ask that the text of an entry is removed for good. Another person has to confirm it.
    Redact { seq: u64, reason: SafeText },
    /// Confirm the removal that was asked for by the entry with this hash.
    ConfirmRedact { seq: u64, hash: Digest },
    /// Refuse it, or take it back.
    RefuseRedact { seq: u64 },
    /// Pin or unpin an entry.
    Pin { seq: u64, pinned: bool },
    /// Mark an entry as a milestone, or take that back.
    Mark { seq: u64, milestone: Milestone, marked: bool },
    /// Re-time or amend an entry by a new one that points back.
    Amend { seq: u64, text: Option<SafeText>, at: Option<Stamp> },
    /// Open an incident.
    Open { title: SafeText, severity: Severity },
    /// Set something of the open incident.
    Set(SetIncident),
    /// Close the open incident; refused while alerts fire. See [`SetIncident::although_firing`].
    Close,
    /// Build a plan and put it before the room. `confirm` = the typed name of what will move.
    /// `to` = the cluster it shall come back on, of a service that has several.
    Propose {
        action: Action,
        service: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        confirm: String,
        supersedes: Option<PlanId>,
    },
    /// Build a plan and show it, without proposing.
    Preview {
        action: Action,
        service: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        to: Option<String>,
    },
    /// Approve the digest that was shown, with the typed name.
    Approve { plan: PlanId, digest: Digest, confirm: String },
    /// Reject a plan.
    Reject { plan: PlanId, reason: SafeText },
    /// Take back one's own plan.
    Withdraw { plan: PlanId },
    /// Stop a running plan before its next step.
    Hold { plan: PlanId },
    /// Show what a change of silences would hit. Nothing is recorded.
    SilencePreview { change: SilenceChange },
    /// Do the change whose preview has this digest. `confirm` = what the preview asks to be typed.
    Silence { digest: Digest, confirm: String },
    /// The whole of one topic, now.
    Board { topic: Topic },
    /// One page of a topic's rows as they were: events and alerts, as far as they are kept.
    Past { topic: Topic, at: Stamp, page: u32 },
    /// One page of the entries of an incident, in order, from this one on.
    History { incident: IncidentId, from: u64 },
    /// Room, log and health, for `status`.
    Status,
}

/// What lines become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    Note,
    Decision,
    FollowUp,
}

/// The changes of `Request::Set`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SetIncident {
    pub title: Option<SafeText>,
    pub severity: Option<Severity>,
    pub status: Option<IncidentStatus>,
    pub commander: Option<PersonId>,
    pub impact_at: Option<Stamp>,
    pub recovered_at: Option<Stamp>,
    /// Close it though alerts still fire. Without, the room refuses that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub although_firing: bool,
}

impl SetIncident {
    /// Closes the incident whatever fires, for who was asked.
    pub fn closed_although_firing() -> Self {
        Self { status: Some(IncidentStatus::Closed), although_firing: true, ..Self::default() }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Recorded as these entries.
    Recorded { seq: u64 },
    /// Recorded as these entries, one for each line.
    Lines { seqs: Vec<u64> },
    /// An incident was opened.
    Opened { incident: IncidentId, seq: u64 },
    /// A plan as the exact canonical bytes; `seq` is `None` for a preview.
    Plan {
        #[serde(deserialize_with = "clean::exact")]
        plan: String,
        digest: Digest,
        seq: Option<u64>,
    },
    /// What a change of silences would hit.
    Silence(Box<SilencePreview>),
    /// How a change of silences ended: the entry that says so, and the silence's id as Alertmanager returned it.
    Silenced { seq: u64, outcome: SilenceOutcome, silence: Option<String>, says: SafeText },
    /// Rows of a topic.
    Rows { rows: Vec<Row>, total: u64, dropped: u64 },
    /// Rows as they were. `known` = the room knows that instant; it knows every one from `since` on.
    /// `short` = these are not all there were.
    Past {
        known: bool,
        since: Option<Stamp>,
        rows: Vec<Row>,
        more: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        short: Option<Short>,
    },
    /// A page of an incident's entries, those that it adopted first. `next` = where the next page begins. `after` = when the
    /// incident before it was closed.
    History { lines: Vec<LogLine>, next: Option<u64>, after: Option<Stamp> },
    /// The room's state.
    Status(RoomStatus),
}

/// What an answer about the past lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Short {
    /// Rows that are known and did not fit: of events the oldest, of alerts the least severe.
    pub left_out: u64,
    /// More were let go before, uncounted: the room keeps so much and no more.
    pub let_go: bool,
}

/// The room's own state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RoomStatus {
    pub room: String,
    pub log: String,
    pub seq: u64,
    pub head: String,
    pub incident: Option<IncidentId>,
    pub degraded: Option<SafeText>,
    pub present: Vec<Who>,
    pub drill: Option<DrillInfo>,
    /// That the log has little room left, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_room: Option<SafeText>,
    /// How surely people must be known who stand behind a plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// Tasks alive in the room's process: a figure that rises by itself is a leak.
    pub tasks: usize,
}

/// Who is here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Who {
    pub actor: Actor,
    pub role: PersonRole,
    pub since: Stamp,
    pub consoles: u32,
}

/// One line from the room after its welcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomLine {
    /// Instead of anything else, when the hello is refused.
    Bye(Refusal),
    Welcome(Box<Welcome>),
    Reply {
        id: u64,
        reply: Box<Reply>,
    },
    Refused {
        id: u64,
        refusal: Refusal,
    },
    Push(Push),
}

/// What the room sends unasked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Push {
    /// The next entries, complete and in order.
    Entries(Vec<LogLine>),
    /// A part of what the room made of every entry up to `seq`: its fold without the items, as JSON. It is read once it is whole.
    Heads {
        seq: u64,
        head: Digest,
        #[serde(deserialize_with = "clean::exact")]
        part: String,
        more: bool,
    },
    /// The newest entries of the latest incident up to there. They are in what was made already.
    Earlier(Vec<LogLine>),
    /// The entries before this were all there is right now: the client has caught up to `seq`.
    CaughtUp { seq: u64 },
    /// A change of one topic.
    Board(BoardDelta),
    /// Who is here.
    Presence(Vec<Who>),
    /// The room's clock changed speed, or a periodic reading.
    Clock(ClockSync),
    /// Recording and acting are off (or on again).
    Degraded(Option<SafeText>),
    /// The log has little room left (or enough again).
    LogRoom(Option<LogRoom>),
    /// What the plans that wait rest on, as it is now.
    Rechecks(Vec<Recheck>),
    /// Nothing else to say: the room lives.
    Ping,
}
