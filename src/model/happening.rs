//! What an entry says happened: the open set of kinds, and the data of each.
//!
//! `k` and `d` of the log line map to [`Happening`] by [`Happening::kind`], [`Happening::data_json`] and
//! [`Happening::from_parts`]; a kind this version does not know is kept whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::plan_events::*;
pub use super::silence::{SilenceBegun, SilenceEnded, SilenceOutcome};
use super::{
    Digest, IncidentId, IncidentStatus, Level, Milestone, PersonId, SafeText, Severity, Stamp, TransitionKind, clean,
};

/// First line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Genesis {
    /// Random id of this log; clients pin it.
    pub log: String,
    /// The room's public key in OpenSSH format; empty if it has none.
    pub key: String,
    /// True if this log records a drill.
    pub drill: bool,
    /// SHA-256 of the damaged log that this one follows, with its last good head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_damage: Option<AfterDamage>,
}

/// The log before this one, which was found damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AfterDamage {
    /// SHA-256 of the newest segment of the damaged log, the whole file as it was found.
    pub sha256: Digest,
    /// The last good entry of that log.
    pub seq: u64,
    /// The hash of that entry.
    pub head: Digest,
    /// The head that the room had signed last, which the damaged log may lack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<SignedBefore>,
}

/// A head that a room had signed of the log before this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedBefore {
    /// The id of that log.
    pub log: String,
    /// The entry that was signed. The damaged log may end before it.
    pub seq: u64,
    /// The hash of that entry, by which a copy of the log can be told from another one.
    pub head: Digest,
}

/// First line of a later segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotate {
    /// The number in the name of the segment that this entry begins.
    pub segment: u32,
    /// `size`, `incident closed`, or that a sync had failed before the restart.
    pub why: SafeText,
}

/// A torn tail was cut off at open; the bytes are kept beside the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    /// How many bytes were cut off: at most one batch was ever not synced.
    pub bytes: u64,
    /// SHA-256 of those bytes, by which a copy beside the log is told from one that no entry speaks of yet.
    pub sha256: Digest,
}

/// The room began to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStarted {
    /// Version of the program that the room runs.
    pub version: String,
    /// Scenario and seed, if this is a drill: `etcd-corruption seed 7`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<String>,
    /// `sha256:…` of the bytes of `people.toml`: a plan that was proposed under another one is not approved.
    pub people_digest: String,
    /// `sha256:…` of quorum, level and time to live: a plan that was proposed under another one is not approved.
    pub policy_digest: String,
}

/// The room ended in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStopped {
    /// Why it ended: `stopped in order`. A room that died leaves no such entry.
    pub why: SafeText,
}

/// An incident was opened; the body is its title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The id it gets: the UTC date, and its number among the incidents of that day.
    pub incident: IncidentId,
    /// As whoever opened it said; where an alert's transition did, `opens_as` of the rules.
    pub severity: Severity,
    /// When it was first detected, if a transition opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<Stamp>,
}

/// Something of the incident was set; the body, if any, is the new title.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Set {
    /// `None` = it stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// `None` = it stays. Set by a person, or moved forward by the room as plans and services come along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    /// Who leads from now on: an operator or commander of `people.toml`. `None` = it stays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commander: Option<PersonId>,
    /// When a person says that users were hit first. Shown beside the measured impact and never in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact_at: Option<Stamp>,
    /// When a person says that the service was back. Shown beside the measured recovery and never in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovered_at: Option<Stamp>,
}

/// The incident was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// So many critical alerts still fired, and whoever closed it was asked and said yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub although_firing: Option<u64>,
}

/// A note; the body is its text. `at` is when it happened, if not when it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// By the word of its author; `None` = when it was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
}

/// A decision; the body is its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// By the word of its author; `None` = when it was recorded. The measured decision counts from the recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
}

/// Work for afterwards; the body is its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    /// Who shall do it; `None` = nobody in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<PersonId>,
}

/// An earlier entry was pinned (or unpinned).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The entry of the same incident that is meant.
    pub seq: u64,
    /// False takes an earlier pin back; the newest of these entries counts.
    pub pinned: bool,
}

/// An earlier entry was marked as a milestone of the incident (or no longer is one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// The entry of the same incident that is meant.
    pub seq: u64,
    /// Which milestone the entry is to stand for, if nothing that was measured does.
    pub milestone: Milestone,
    /// False takes the mark back, whoever set it.
    pub marked: bool,
}

/// An earlier entry was re-timed (`at`) or its text amended (the body). What it pointed at stays in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amend {
    /// The entry that is amended.
    pub seq: u64,
    /// When that entry happened, by the word of whoever amends it; `None` = its time stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
}

/// A person's console connected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Joined {}

/// A person's last console went away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {}

/// A change on the board worth remembering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transition {
    /// The kind of change. The `k` of the entry is `edge` whatever it is.
    pub edge: TransitionKind,
    /// When it happened at its source, on the room's clock.
    pub at: Stamp,
    /// `system/instance`, or `room` for what the room saw of itself: its log, its clock.
    pub source: String,
    /// What changed: an alert's name, a host name, a schedule.
    pub subject: SafeText,
    /// The service it is about, where there is one: that of a probe or an SLO, or of an alert's labels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `critical`, `warning`, `ok`, `unknown`, `info`.
    pub verdict: String,
    /// The sentence for the timeline.
    pub says: SafeText,
    /// Figures for machines: counts, ages in seconds.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub figures: Value,
}

/// So many transitions were held back by the rate limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    /// The kind of the transitions that were held back: each kind has a limit of its own.
    pub edge: TransitionKind,
    /// How many were held back, none of which is in the log.
    pub count: u64,
    /// When the first of them was held back, on the room's clock.
    pub from: Stamp,
    /// When the last of them was held back, on the room's clock.
    pub to: Stamp,
}

/// The entry before this one, its number and hash, signed by the room: what a stranger can hold the room to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadSigned {
    /// The entry that is signed: always the one before this one.
    pub head_seq: u64,
    /// The hash of that entry; a part of the signed text.
    pub head: Digest,
    /// In whole seconds: part of the signed text.
    pub at: Stamp,
    /// SSHSIG, armored.
    #[serde(deserialize_with = "clean::exact")]
    pub sig: String,
}

/// A person asks that the text of an earlier entry is removed for good; the body is why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactProposed {
    /// The entry whose text is to be removed.
    pub seq: u64,
    /// Persons who must stand behind it, whoever asks included, and how surely each must be known.
    pub quorum: u32,
    /// The least level of whoever confirms, as the policy stood when it was asked.
    pub level: Level,
}

/// Another person confirms that request: the entry `proposal` with this hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactApproved {
    /// The entry whose text is to be removed.
    pub seq: u64,
    /// The entry that asks for it, so that a later request for the same text is told from this one.
    pub proposal: u64,
    /// The hash of that entry, as the person who confirms was shown it.
    pub hash: Digest,
}

/// That request is refused, or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactRefused {
    /// The entry whose text was to be removed.
    pub seq: u64,
    /// The entry that asked for it.
    pub proposal: u64,
}

/// The body of an earlier entry is removed; `seq` comes first because the stock verifier looks there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redact {
    /// The entry whose text is overwritten, once this one is durable.
    pub seq: u64,
    /// The request that enough persons stand behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<u64>,
}

macro_rules! happenings {
    ($($variant:ident($data:ident) = $kind:literal;)*) => {
        /// What an entry says happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Happening {
            $(
                #[doc = concat!("`", $kind, "` in the log: see [`", stringify!($data), "`].")]
                $variant($data),
            )*
            /// A kind from a later version: kept, shown, and skipped by the fold.
            Unknown {
                /// The `k` of its line.
                kind: String,
                /// The `d` of its line, as JSON, with its strings cleaned.
                data: String,
            },
        }

        impl Happening {
            /// The `k` of the log line.
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $kind,)*
                    Self::Unknown { kind, .. } => kind,
                }
            }

            /// The `d` of the log line: one JSON object, members in declared order.
            pub fn data_json(&self) -> Result<String, serde_json::Error> {
                match self {
                    $(Self::$variant(data) => serde_json::to_string(data),)*
                    Self::Unknown { data, .. } => Ok(data.clone()),
                }
            }

            /// Reads `k` and `d`. A known kind whose data does not parse is an error.
            pub fn from_parts(kind: &str, data: &str) -> Result<Self, serde_json::Error> {
                match kind {
                    $($kind => clean::from_str(data).map(Self::$variant),)*
                    _ => Ok(Self::Unknown { kind: kind.to_owned(), data: clean::text(data).into_owned() }),
                }
            }
        }

        $(impl From<$data> for Happening {
            fn from(data: $data) -> Self { Self::$variant(data) }
        })*
    };
}

happenings! {
    Genesis(Genesis) = "genesis";
    Rotate(Rotate) = "rotate";
    Recovered(Recovered) = "recovered";
    RoomStarted(RoomStarted) = "room_started";
    RoomStopped(RoomStopped) = "room_stopped";
    Opened(Opened) = "opened";
    Set(Set) = "set";
    Closed(Closed) = "closed";
    Note(Note) = "note";
    Decision(Decision) = "decision";
    FollowUp(FollowUp) = "follow_up";
    Pin(Pin) = "pin";
    Marked(Marked) = "marked";
    Amend(Amend) = "amend";
    Joined(Joined) = "joined";
    Left(Left) = "left";
    Transition(Transition) = "edge";
    Folded(Folded) = "folded";
    Proposed(Proposed) = "proposed";
    Approved(Approved) = "approved";
    Rejected(Rejected) = "rejected";
    Withdrawn(Withdrawn) = "withdrawn";
    Expired(Expired) = "expired";
    Executing(Executing) = "executing";
    Held(Held) = "held";
    StepStarted(StepStarted) = "step_started";
    StepDone(StepDone) = "step_done";
    StepFailed(StepFailed) = "step_failed";
    StepUnknown(StepUnknown) = "step_unknown";
    PlanEnded(PlanEnded) = "plan_ended";
    Reconciled(Reconciled) = "reconciled";
    Refused(Refused) = "refused";
    SilenceBegun(SilenceBegun) = "silence_begun";
    SilenceEnded(SilenceEnded) = "silence_ended";
    HeadSigned(HeadSigned) = "head_signed";
    RedactProposed(RedactProposed) = "redact_proposed";
    RedactApproved(RedactApproved) = "redact_approved";
    RedactRefused(RedactRefused) = "redact_refused";
    Redact(Redact) = "redact";
}
