//! Rules and policy as values: what opens an incident, what may be recorded how often, how many persons an action needs.

use serde::{Deserialize, Serialize};

use super::{AlertWords, Level};

/// What a cluster is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterRole {
    /// It serves unless an incident moved a service; the others are compared with it.
    Primary,
    /// It takes over: backups are restored there, and its applications are held against the primary's.
    Dr,
    /// Watched, and no part of any failover: what ails it is a warning where it would be critical elsewhere.
    #[default]
    Other,
}

/// Who must agree before a guarded action runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Distinct persons, the proposer included. Two or more; anything else refuses to start.
    pub quorum: u32,
    /// The least level of every counted person.
    pub level: Level,
    /// Seconds from proposal in which a plan may be claimed.
    pub ttl_s: u64,
}

/// Two persons, each known by account and session.
impl Default for Policy {
    fn default() -> Self {
        Self { quorum: 2, level: Level::Session, ttl_s: 1_800 }
    }
}

/// What a room lets pass that knows people by their account alone: said on every plan and in its status.
pub const ACCOUNT_ALONE: &str = "people are known by their account alone here, so whoever may become another account of \
     this host (sudo -u sam warroom approve) can complete a plan of their own";

/// Which changes on the board become entries, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRules {
    /// A firing alert with one of these severities opens an incident when none is open.
    pub open_on: Vec<String>,
    /// What the words of alerts mean; those of `open_on` are critical ones.
    pub alerts: AlertWords,
    /// Transitions never recorded, by name (`alert.firing`) or family (`alert.*`).
    pub ignore: Vec<String>,
    /// Most transitions of one name recorded a minute; the rest are counted and folded.
    pub per_minute: u32,
    /// The severity a self-opened incident starts with.
    pub opens_as: super::Severity,
}

/// Nothing opens an incident, everything is recorded.
impl Default for EntryRules {
    fn default() -> Self {
        Self {
            open_on: Vec::new(),
            alerts: AlertWords::default(),
            ignore: Vec::new(),
            per_minute: 30,
            opens_as: super::Severity::default(),
        }
    }
}
