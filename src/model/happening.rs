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
    pub sha256: Digest,
    pub seq: u64,
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
    pub seq: u64,
    pub head: Digest,
}

/// First line of a later segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotate {
    pub segment: u32,
    pub why: SafeText,
}

/// A torn tail was cut off at open; the bytes are kept beside the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovered {
    pub bytes: u64,
    pub sha256: Digest,
}

/// The room began to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStarted {
    pub version: String,
    /// Seed and speed, if this is a drill.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<String>,
    pub people_digest: String,
    pub policy_digest: String,
}

/// The room ended in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomStopped {
    pub why: SafeText,
}

/// An incident was opened; the body is its title.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub incident: IncidentId,
    pub severity: Severity,
    /// When it was first detected, if a transition opened it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detected_at: Option<Stamp>,
}

/// Something of the incident was set; the body, if any, is the new title.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Set {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<IncidentStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commander: Option<PersonId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact_at: Option<Stamp>,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
}

/// A decision; the body is its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
}

/// Work for afterwards; the body is its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowUp {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<PersonId>,
}

/// An earlier entry was pinned (or unpinned).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    pub seq: u64,
    pub pinned: bool,
}

/// An earlier entry was marked as a milestone of the incident (or no longer is one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    pub seq: u64,
    pub milestone: Milestone,
    pub marked: bool,
}

/// An earlier entry was re-timed (`at`) or its text amended (the body). What it pointed at stays in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amend {
    pub seq: u64,
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
    pub edge: TransitionKind,
    /// When it happened at its source, on the room's clock.
    pub at: Stamp,
    pub source: String,
    /// What changed: an alert's name, a host name, a schedule.
    pub subject: SafeText,
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
    pub edge: TransitionKind,
    pub count: u64,
    pub from: Stamp,
    pub to: Stamp,
}

/// The entry before this one, its number and hash, signed by the room: what a stranger can hold the room to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadSigned {
    pub head_seq: u64,
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
    pub seq: u64,
    /// Persons who must stand behind it, whoever asks included, and how surely each must be known.
    pub quorum: u32,
    pub level: Level,
}

/// Another person confirms that request: the entry `proposal` with this hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactApproved {
    pub seq: u64,
    pub proposal: u64,
    pub hash: Digest,
}

/// That request is refused, or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RedactRefused {
    pub seq: u64,
    pub proposal: u64,
}

/// The body of an earlier entry is removed; `seq` comes first because the stock verifier looks there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redact {
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
            $($variant($data),)*
            /// A kind from a later version: kept, shown, and skipped by the fold.
            Unknown { kind: String, data: String },
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
