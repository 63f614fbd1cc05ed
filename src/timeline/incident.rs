//! What the timeline folds to.

use std::collections::BTreeMap;

use crate::approval::Plans;
use crate::model::entry::Entry;
use crate::model::{IncidentId, IncidentStatus, Milestone, PersonId, SafeText, Severity, Stamp};

use super::instants::Clocks;

/// An entry as the timeline shows it: amendments applied, the original still visible.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    pub entry: Entry,
    /// When it happened, as people state it where they do. When the room itself knows it to have happened is
    /// [`Entry::measured_at`]: clocks and proofs count from that.
    pub at: Stamp,
    /// Its text, after amendment.
    pub text: SafeText,
    /// Entries that amended it.
    pub amended_by: Vec<u64>,
    pub pinned: bool,
    /// The milestones that people marked it as.
    pub marks: Vec<Marking>,
}

/// That a person marked an entry as a milestone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marking {
    pub milestone: Milestone,
    pub by: PersonId,
    /// The entry that marks it.
    pub seq: u64,
}

/// One incident, folded.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    pub id: IncidentId,
    pub title: SafeText,
    pub severity: Severity,
    pub status: IncidentStatus,
    pub commander: Option<PersonId>,
    /// Everyone who joined or acted, with the first time seen.
    pub people: BTreeMap<PersonId, Stamp>,
    pub opened_at: Stamp,
    pub closed_at: Option<Stamp>,
    pub clocks: Clocks,
    /// In order of `at`, then sequence number.
    pub items: Vec<Item>,
    pub plans: Plans,
    /// The services whose probes failed or plans acted on, in order of appearance.
    pub services: Vec<String>,
}

/// Every incident of a log, and what belongs to none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Story {
    /// In the order they were opened.
    pub incidents: Vec<Incident>,
    /// Number of entries folded.
    pub entries: u64,
    /// Entries that did not fit the state: (seq, why). The newest [`MOST_ANOMALIES`].
    pub anomalies: Vec<(u64, SafeText)>,
    /// The fold's own; start from `Story::default()`.
    #[doc(hidden)]
    pub memory: super::memory::Memory,
}

/// The most anomalies kept; a log with more is beyond listing.
pub const MOST_ANOMALIES: usize = 1_000;

impl Story {
    /// The open incident: the latest one opened that is not closed.
    pub fn current(&self) -> Option<&Incident> {
        self.incidents.iter().rev().find(|incident| incident.closed_at.is_none())
    }

    /// The latest incident, open or closed.
    pub fn latest(&self) -> Option<&Incident> {
        self.incidents.last()
    }

    /// An incident by its id.
    pub fn get(&self, id: &IncidentId) -> Option<&Incident> {
        self.incidents.iter().rev().find(|incident| incident.id == *id)
    }
}

impl Incident {
    /// What `T+0` is: the first alert, or when the incident was opened.
    pub fn zero(&self) -> Stamp {
        self.clocks.detection.map_or(self.opened_at, |(at, _)| at)
    }

    /// The item of an entry.
    pub fn item(&self, seq: u64) -> Option<&Item> {
        self.items.iter().find(|item| item.entry.seq == seq)
    }

    /// Whether an item was recorded outside this incident, shortly before it opened, and counted in by rule.
    pub fn is_adopted(&self, item: &Item) -> bool {
        item.entry.incident.as_ref() != Some(&self.id)
    }
}

impl Item {
    /// What it is marked as, if somebody did.
    pub fn marking(&self, milestone: &Milestone) -> Option<&Marking> {
        self.marks.iter().find(|mark| mark.milestone == *milestone)
    }

    /// Whether it happened at another time than it was recorded, to the second.
    pub fn is_retimed(&self) -> bool {
        self.at.timestamp() != self.entry.ts.timestamp()
    }
}
