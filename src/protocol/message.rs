//! Messages. Unknown fields are refused on the way in; replies carry what a person can read aloud.

use serde::{Deserialize, Serialize};

use crate::board::{Row, Topic};
use crate::clock::ClockSync;
use crate::model::entry::LogLine;
use crate::model::plan::Recheck;
use crate::model::silence::{SilenceOutcome, SilencePreview};
use crate::model::{
    Actor, Digest, IncidentId, Level, Objective, PersonId, PersonRole, Refusal, SafeText, Stamp, clean,
};

use super::Request;
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
    /// The version that both speak, by which everything after this line is written.
    pub proto: u32,
    /// The room's program version.
    pub version: String,
    /// The name that its configuration gives it; part of what its signed heads sign.
    pub room: String,
    /// Id of the log whose entries follow.
    pub log: String,
    /// Who the room takes this connection for: by the kernel, and in a drill by the name that was given.
    pub you: Actor,
    /// What that person may do by `people.toml` now; an observer where it does not know the account.
    pub role: PersonRole,
    /// What the room's clock reads, and how fast it runs: clients count ages by it.
    pub clock: ClockSync,
    /// What is rehearsed, with the speed of this moment; `None` = a real room.
    pub drill: Option<DrillInfo>,
    /// Every service of the configuration, with what was promised for it.
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
    /// Why there is little, and what to do, as a sentence for every screen.
    pub says: SafeText,
}

/// What the screens of a drill say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DrillInfo {
    /// The name of the scenario that is played.
    pub scenario: String,
    /// What its random numbers are made from: the same one plays the same drill.
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
    /// Chosen by the client; the answer carries it, and answers come in any order.
    pub id: u64,
    /// What is asked.
    pub req: Request,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Recorded as these entries.
    Recorded {
        /// The entry: of an approval that completed a plan its own, not the claim; of a removal the last of the batch.
        seq: u64,
    },
    /// Recorded as these entries, one for each line.
    Lines {
        /// In the order of the lines.
        seqs: Vec<u64>,
    },
    /// An incident was opened.
    Opened {
        /// The id that the room gave it.
        incident: IncidentId,
        /// The entry `opened`.
        seq: u64,
    },
    /// A plan as the exact canonical bytes; `seq` is `None` for a preview.
    Plan {
        /// To be shown as they are, never formatted anew: they are what `digest` is of.
        #[serde(deserialize_with = "clean::exact")]
        plan: String,
        /// SHA-256 of `plan`: what an approval has to name. Clients compute it again.
        digest: Digest,
        /// The entry `proposed`.
        seq: Option<u64>,
    },
    /// What a change of silences would hit.
    Silence(Box<SilencePreview>),
    /// How a change of silences ended: the entry that says so, and the silence's id as Alertmanager returned it.
    Silenced {
        /// The entry `silence_ended`.
        seq: u64,
        /// Whether it was done; unknown where nothing certain could be read.
        outcome: SilenceOutcome,
        /// `None` = it was not done, or nobody knows.
        silence: Option<String>,
        /// What was answered or read back, in words.
        says: SafeText,
    },
    /// Rows of a topic.
    Rows {
        /// In the order they are shown, as many as fit in one line.
        rows: Vec<Row>,
        /// How many rows the topic has in all.
        total: u64,
        /// How many the room itself has left out because the list is bounded.
        dropped: u64,
    },
    /// Rows as they were. `known` = the room knows that instant; it knows every one from `since` on.
    /// `short` = these are not all there were.
    Past {
        /// False: the instant is older than what is kept, or of the topic nothing is; then there are no rows.
        known: bool,
        /// The earliest instant that could be asked about; `None` = nothing of the topic is kept.
        since: Option<Stamp>,
        /// One page of them, in the order they were shown.
        rows: Vec<Row>,
        /// There is a page after this one.
        more: bool,
        /// `None` = they are all there were.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        short: Option<Short>,
    },
    /// A page of an incident's entries, those that it adopted first. `next` = where the next page begins. `after` = when the
    /// incident before it was closed.
    History {
        /// In the order of the log, about 256 KiB of them; those that other incidents have are left out.
        lines: Vec<LogLine>,
        /// `None` = this page is the last for now.
        next: Option<u64>,
        /// `None` = there was none before it, or it is open still.
        after: Option<Stamp>,
    },
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
    /// The name that its configuration gives it.
    pub room: String,
    /// The log's random id, which clients keep to know it again.
    pub log: String,
    /// Number of the last durable entry.
    pub seq: u64,
    /// Hash of that entry, 64 hex digits.
    pub head: String,
    /// The incident that is open; `None` = none.
    pub incident: Option<IncidentId>,
    /// Why recording and acting are off; `None` = they are not.
    pub degraded: Option<SafeText>,
    /// Who has a console open now; clients that are quiet are not counted.
    pub present: Vec<Who>,
    /// What is rehearsed, with the speed of this moment; `None` = a real room.
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
    /// As whom the room knows them, by the console that came first.
    pub actor: Actor,
    /// What they might do when that console came.
    pub role: PersonRole,
    /// When that console came, on the room's clock.
    pub since: Stamp,
    /// How many they have open; never 0.
    pub consoles: u32,
}

/// One line from the room after its welcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomLine {
    /// Instead of anything else, when the hello is refused.
    Bye(Refusal),
    /// First line of a hello that is taken; nothing else is said before it.
    Welcome(Box<Welcome>),
    /// The answer to a request that was granted, sent after the entries that it speaks of.
    Reply {
        /// [`ClientLine::id`] of the request.
        id: u64,
        /// What became of it.
        reply: Box<Reply>,
    },
    /// The answer "no" to a request; the connection goes on.
    Refused {
        /// [`ClientLine::id`] of the request.
        id: u64,
        /// Why, and what would allow it.
        refusal: Refusal,
    },
    /// Said unasked, at any time.
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
        /// The last entry that is folded in; the entries that follow begin after it.
        seq: u64,
        /// That entry's hash: the first entry that follows must link to it.
        head: Digest,
        /// A piece of the JSON, cut anywhere between two characters; pieces are joined in the order they come.
        #[serde(deserialize_with = "clean::exact")]
        part: String,
        /// False with the last piece.
        more: bool,
    },
    /// The newest entries of the latest incident up to there. They are in what was made already.
    Earlier(Vec<LogLine>),
    /// The entries before this were all there is right now: the client has caught up to `seq`.
    CaughtUp {
        /// The last entry that was sent, or that there was nothing after.
        seq: u64,
    },
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
