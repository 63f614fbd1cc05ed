//! One fact of the timeline: past tense, numbered, hashed, never edited, never dropped.

use serde::{Deserialize, Serialize};

pub use super::happening::*;
use super::{Actor, Digest, IncidentId, SafeText, Stamp, clean};

/// How bad it is. Ordered: `Sev1` is the worst and the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The mildest. The room compares severities and gives none of them any other meaning.
    Sev4,
    /// Worse than `Sev4`; only a person chooses it, unless `opens_as` names it.
    Sev3,
    /// Worse than `Sev3`; only a person chooses it, unless `opens_as` names it.
    Sev2,
    /// The worst, and what an incident that an alert opens begins with unless `opens_as` says otherwise.
    #[default]
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
    /// Every incident begins so, whoever opened it.
    Detected,
    /// Only a person sets it.
    Investigating,
    /// A person sets it, or the room once a failover is confirmed.
    Mitigating,
    /// A person sets it, or the room once a restore is confirmed.
    Recovering,
    /// A person sets it, or the room when it sees a service recovered: no further does it go by itself.
    Monitoring,
    /// Only a person sets it. From here on a service that fails again does not undo the measured recovery.
    Resolved,
    /// Set by the entry `closed`, or by a `set` that says so; then another incident may be opened.
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

/// What the writer is asked to record; the ledger adds number, batch, times, room, link and hash.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryDraft {
    /// The incident that it belongs to; `None` for what is the room's alone: its start, a refusal, a signed head.
    pub incident: Option<IncidentId>,
    /// Who did it, as the room established it; [`Actor::room`] for what the room itself did or saw.
    pub by: Actor,
    /// What happened: the `k` and the `d` of the line.
    pub happening: Happening,
    /// Human text: goes into a salted body line.
    pub text: Option<SafeText>,
}

/// One entry, read back from its line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number: 1 for the genesis, and one more for each entry after it, over all segments.
    pub seq: u64,
    /// `bt`: the first sequence number of its write batch.
    pub batch: u64,
    /// Recorded-at, on the room's clock.
    pub ts: Stamp,
    /// The executor's boot id.
    pub boot: String,
    /// Boot clock, milliseconds.
    pub mono: u64,
    /// `room`: the name that the configuration gave the room which recorded it.
    pub room: String,
    /// `inc`: the incident that it belongs to; `None` if it belongs to none.
    pub incident: Option<IncidentId>,
    /// Who did it, as the room established it; never as a message claimed it.
    pub by: Actor,
    /// The host that recorded it.
    pub src: String,
    /// `k` and `d` of the line. A kind that this version does not know is kept as it was read.
    #[serde(with = "parts")]
    pub happening: Happening,
    /// Text of the body line, unless there is none or it was redacted.
    pub text: Option<SafeText>,
    /// Hash of the entry before; zeros for the first of a log.
    pub prev: Digest,
    /// `h`: SHA-256 of the bytes of its line before that member. The next entry's `prev`.
    pub hash: Digest,
}

impl Entry {
    /// When it happened: the observed time where the kind has one, else when it was recorded. Amendments are the fold's.
    pub fn observed_at(&self) -> Stamp {
        match &self.happening {
            Happening::Transition(edge) => edge.at,
            Happening::Note(Note { at: Some(at) }) | Happening::Decision(Decision { at: Some(at) }) => *at,
            Happening::Opened(Opened { detected_at: Some(at), .. }) => *at,
            _ => self.ts,
        }
    }

    /// When the room itself knows it to have happened: what it observed at the observed time, everything else when it was
    /// recorded. Never a time that a person states.
    pub fn measured_at(&self) -> Stamp {
        match &self.happening {
            Happening::Note(_) | Happening::Decision(_) => self.ts,
            _ => self.observed_at(),
        }
    }
}

/// One entry exactly as it stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// The entry's line, without its line feed.
    #[serde(deserialize_with = "clean::exact")]
    pub line: String,
    /// Its body line, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "clean::exact_if")]
    pub body: Option<String>,
}

/// What happened, as the two members that a line of the log has for it.
mod parts {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
    use serde_json::value::RawValue;

    use super::Happening;

    pub(super) fn serialize<S: Serializer>(happening: &Happening, to: S) -> Result<S::Ok, S::Error> {
        let data = happening.data_json().and_then(RawValue::from_string).map_err(ser::Error::custom)?;
        (happening.kind(), data).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Happening, D::Error> {
        let (kind, data) = <(String, Box<RawValue>)>::deserialize(from)?;
        Happening::from_parts(&kind, data.get()).map_err(de::Error::custom)
    }
}
