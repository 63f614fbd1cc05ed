//! What a system was seen to be, before judgement: typed, timed, replaceable by a newer one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::facts::{Fact, FactKind};
use super::{SafeText, Stamp, System};

/// One thing that reports to us, written `system/instance`: `velero/dr`, `alertmanager/am-1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// Which kind of system.
    pub system: System,
    /// Its name in the configuration: a cluster's, an instance's, a probe's.
    pub instance: String,
}

impl SourceId {
    /// Names a source.
    pub fn new(system: System, instance: impl Into<String>) -> Self {
        Self { system, instance: instance.into() }
    }
}

impl fmt::Display for SourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.system.name(), self.instance)
    }
}

impl FromStr for SourceId {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        let (system, instance) = s.split_once('/').ok_or_else(|| format!("`{s}` is not system/instance"))?;
        let system = System::ALL
            .iter()
            .copied()
            .find(|known| known.name() == system)
            .ok_or_else(|| format!("`{system}` is not a system"))?;
        Ok(Self::new(system, instance))
    }
}

impl Serialize for SourceId {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SourceId {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Why a source can't be believed right now. The kind decides the remedy shown; the text is the source's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TroubleKind {
    /// No TCP or TLS connection.
    Unreachable,
    /// Connected, but nothing came within the time limit.
    Silent,
    /// 401: the credential is not accepted (any more).
    Unauthorized,
    /// 403: the credential is good, the permission is missing.
    Forbidden,
    /// The API is not there (404 on a list): the CRD or product is not installed.
    NotInstalled,
    /// 429 or an equal answer.
    Throttled,
    /// 5xx.
    ServerError,
    /// An answer that does not parse, is too large, or breaks its contract.
    Garbage,
    /// A credential, certificate or file on our side can't be used.
    Credential,
    /// The answer is partial: it must not be judged as whole.
    Partial,
    /// This host could not ask: it has no network, no more files, a proxy or a name service that does not help, or it can't
    /// check the server's certificate.
    Local,
}

impl TroubleKind {
    /// What fails on our side, in words that begin with whose it is; `None` where the other side was asked and failed, or
    /// may have. Of what we could not look at, nothing is known: it is never an outage.
    pub fn own_failure(self) -> Option<&'static str> {
        match self {
            Self::Credential => Some("our login can't be used"),
            Self::Unauthorized => Some("our login is not accepted"),
            Self::Forbidden => Some("our login may not read it"),
            Self::Local => Some("our own host can't ask"),
            Self::Unreachable
            | Self::Silent
            | Self::NotInstalled
            | Self::Throttled
            | Self::ServerError
            | Self::Garbage
            | Self::Partial => None,
        }
    }
}

/// What is wrong with a source, in words for its pane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// The family, for judgement.
    pub kind: TroubleKind,
    /// One line: what failed.
    pub what: SafeText,
    /// One line: what to do about it. May be empty.
    pub remedy: SafeText,
}

/// What changed at a source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceChange {
    /// One fact is new or newer.
    Upsert(Fact),
    /// One fact is gone.
    Remove {
        /// The kind it is of: keys are unique within source and kind only.
        kind: FactKind,
        /// [`Fact::key`] of what is gone.
        key: String,
    },
    /// The whole list of one kind from this source: what is not in it is gone.
    Replace {
        /// The one kind that the list is of; facts of other kinds stay.
        kind: FactKind,
        /// All there are; empty = there is none.
        facts: Vec<Fact>,
    },
    /// The last list of a kind held so many more, which were least needed: they were read, and are not kept.
    Unkept {
        /// The kind that the list was of.
        kind: FactKind,
        /// How many.
        count: u64,
    },
    /// Proof of life without a change.
    Alive,
    /// The source can't be read. Its facts stay, and age.
    Trouble(Trouble),
}

/// One observation: where from, when on the room's clock, what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Who was read. Its facts are kept apart from those of every other source.
    pub source: SourceId,
    /// When it was read, on the room's clock; the newest observation of a fact wins.
    pub seen_at: Stamp,
    /// It comes from one part of the source while another part can't be read: it proves nothing about that one, and the
    /// source's trouble stands as it is.
    pub part: bool,
    /// What was found: facts, that nothing changed, or why nothing could be read.
    pub change: SourceChange,
}
