//! One fact of the timeline: past tense, numbered, hashed, never edited, never dropped.
//!
//! [`Happening`] is the open set of kinds. `k` and `d` of the log line map to it by [`Happening::kind`],
//! [`Happening::data_json`] and [`Happening::from_parts`]; a kind this version does not know is kept whole.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::plan::RefusalKind;
use super::{Actor, Digest, IncidentId, PersonId, PlanId, SafeText, Stamp};

/// How bad it is. Ordered: `Sev1` is the worst and the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Sev4,
    Sev3,
    Sev2,
    Sev1,
}

impl Severity {
    /// Every severity, worst first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// `sev1` … `sev4`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sev1 => "sev1",
            Self::Sev2 => "sev2",
            Self::Sev3 => "sev3",
            Self::Sev4 => "sev4",
        }
    }
}

/// Where an incident is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentStatus {
    Detected,
    Investigating,
    Mitigating,
    Recovering,
    Monitoring,
    Resolved,
    Closed,
}

impl IncidentStatus {
    /// Every status, in order.
    pub const ALL: [Self; 7] = [
        Self::Detected,
        Self::Investigating,
        Self::Mitigating,
        Self::Recovering,
        Self::Monitoring,
        Self::Resolved,
        Self::Closed,
    ];

    /// The word on screen, in the log and in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Detected => "detected",
            Self::Investigating => "investigating",
            Self::Mitigating => "mitigating",
            Self::Recovering => "recovering",
            Self::Monitoring => "monitoring",
            Self::Resolved => "resolved",
            Self::Closed => "closed",
        }
    }
}

/// Canonical plan bytes, kept exactly: they are what was hashed, approved and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanBytes(pub String);

impl Serialize for PlanBytes {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?.serialize(s)
    }
}

impl<'de> Deserialize<'de> for PlanBytes {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(d)?.get().to_owned()))
    }
}

/// How a plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every effect was seen.
    Succeeded,
    /// A step failed. With `precheck`, provably nothing was sent.
    Failed,
    /// Held by a person before the next step.
    Stopped,
    /// The room died between claim and outcome.
    Interrupted,
}

impl Outcome {
    /// The word in the log and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What reading found about an interrupted plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconciliation {
    Applied,
    NotApplied,
    Partial,
    Unknown,
}

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
    /// When it was first detected, if an edge opened it.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {}

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
pub struct Edge {
    /// `alert.firing`, `probe.failing`, `traffic.moved`, `source.lost`, …: see `board::edge`.
    pub edge: String,
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

/// So many edges were held back by the rate limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folded {
    pub edge: String,
    pub count: u64,
    pub from: Stamp,
    pub to: Stamp,
}

/// A plan was put before the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub digest: Digest,
    pub plan: PlanBytes,
}

/// A person approved the digest that they were shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    pub plan: PlanId,
    pub digest: Digest,
}

/// A person rejected the plan; the body is the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    pub plan: PlanId,
}

/// The proposer took it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    pub plan: PlanId,
}

/// Nobody confirmed in time, or what it relied on (people, policy, the room's process) changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    pub plan: PlanId,
    pub why: SafeText,
}

/// The executor claimed the plan: durable before the first byte leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executing {
    pub plan: PlanId,
    pub digest: Digest,
    pub boot: String,
}

/// A person asked that the plan stops before its next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub plan: PlanId,
}

/// A step is about to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStarted {
    pub plan: PlanId,
    pub step: String,
}

/// A step ended: `says` is the answer that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnded {
    pub plan: PlanId,
    pub step: String,
    pub says: SafeText,
}

/// The plan ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEnded {
    pub plan: PlanId,
    pub outcome: Outcome,
    /// Provably nothing was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precheck: bool,
    pub says: SafeText,
}

/// Reading found out what an interrupted plan did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    pub plan: PlanId,
    pub result: Reconciliation,
    pub says: SafeText,
}

/// Requests that were answered "no"; folded to one entry a second and person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub kind: RefusalKind,
    pub verb: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    pub count: u64,
}

/// The body of an earlier entry was removed; `seq` comes first because the stock verifier looks there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redact {
    pub seq: u64,
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
                    $($kind => serde_json::from_str(data).map(Self::$variant),)*
                    _ => Ok(Self::Unknown { kind: kind.to_owned(), data: data.to_owned() }),
                }
            }
        }

        $(impl From<$data> for Happening {
            fn from(data: $data) -> Self { Self::$variant(data) }
        })*
    };
}

/// A step that reached its check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepDone(pub StepEnded);

/// A step that certainly had no effect, or certainly failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepFailed(pub StepEnded);

/// A step of which nothing certain can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepUnknown(pub StepEnded);

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
    Amend(Amend) = "amend";
    Joined(Joined) = "joined";
    Left(Left) = "left";
    Edge(Edge) = "edge";
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
    Redact(Redact) = "redact";
}

/// What the writer is asked to record; the ledger adds number, batch, times, room, link and hash.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub incident: Option<IncidentId>,
    pub by: Actor,
    pub happening: Happening,
    /// Human text: goes into a salted body line.
    pub text: Option<SafeText>,
}

/// One entry, read back from its line.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub seq: u64,
    /// `bt`: the first sequence number of its write batch.
    pub batch: u64,
    /// Recorded-at, on the room's clock.
    pub ts: Stamp,
    /// The executor's boot id.
    pub boot: String,
    /// Boot clock, milliseconds.
    pub mono: u64,
    pub room: String,
    pub incident: Option<IncidentId>,
    pub by: Actor,
    /// The host that recorded it.
    pub src: String,
    pub happening: Happening,
    /// Text of the body line, unless there is none or it was redacted.
    pub text: Option<SafeText>,
    pub prev: Digest,
    pub hash: Digest,
}

impl Entry {
    /// When it happened: the observed time where the kind has one, else when it was recorded. Amendments are the fold's.
    pub fn observed_at(&self) -> Stamp {
        match &self.happening {
            Happening::Edge(edge) => edge.at,
            Happening::Note(Note { at: Some(at) }) | Happening::Decision(Decision { at: Some(at) }) => *at,
            Happening::Opened(Opened { detected_at: Some(at), .. }) => *at,
            _ => self.ts,
        }
    }
}

/// One entry exactly as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The entry's line, without its line feed.
    pub line: String,
    /// Its body line, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}
