//! Two readings of the same entries: the clocks as they were measured, and as people state them. What a person states moves
//! only the second, so nobody can bend the first.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct as _;
use serde::{Deserialize, Serialize, Serializer};

use crate::model::entry::{Decision, Set};
use crate::model::{Entry, Happening, PersonId, Stamp};

use super::clock_inputs::{EntryInstant, Marks};
use super::incident_clocks::{Clocks, Stated, StatedClocks};

/// The most stated instants of one incident that are remembered.
const MOST_STATED: usize = 4_096;

/// The clocks of one incident in the making.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(from = "KeptClocks")]
pub(super) struct ClockBuilder {
    measured: Marks,
    /// The same, with every entry where people state it to have happened.
    told: Marks,
    /// Entries that stand at a stated time, by whose word.
    stated: BTreeMap<u64, Stated>,
    impact: Option<Stated>,
    recovery: Option<Stated>,
}

/// As they are kept and sent: what is told only where it differs, for of most incidents nobody states anything.
#[derive(Deserialize)]
struct KeptClocks {
    measured: Marks,
    told: Option<Marks>,
    stated: BTreeMap<u64, Stated>,
    impact: Option<Stated>,
    recovery: Option<Stated>,
}

impl From<KeptClocks> for ClockBuilder {
    fn from(kept: KeptClocks) -> Self {
        let KeptClocks { measured, told, stated, impact, recovery } = kept;
        Self { told: told.unwrap_or_else(|| measured.clone()), measured, stated, impact, recovery }
    }
}

impl Serialize for ClockBuilder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut kept = serializer.serialize_struct("ClockBuilder", 5)?;
        kept.serialize_field("measured", &self.measured)?;
        kept.serialize_field("told", &Some(&self.told).filter(|told| **told != self.measured))?;
        kept.serialize_field("stated", &self.stated)?;
        kept.serialize_field("impact", &self.impact)?;
        kept.serialize_field("recovery", &self.recovery)?;
        kept.end()
    }
}

impl ClockBuilder {
    /// Takes in an entry. `own` = recorded in this incident.
    pub(super) fn add(&mut self, entry: &Entry, own: bool) {
        self.measured.add(entry, entry.measured_at(), own);
        self.told.add(entry, entry.observed_at(), own);
        match &entry.happening {
            Happening::Set(set) => self.set(set, entry.seq, &entry.by.person),
            Happening::Decision(Decision { at: Some(at) }) => {
                self.stated.insert(entry.seq, Stated { at: *at, seq: entry.seq, by: entry.by.person.clone() });
                self.forget_stated();
            }
            _ => {}
        }
    }

    /// What a person states of impact and recovery.
    pub(super) fn set(&mut self, set: &Set, seq: u64, by: &PersonId) {
        let stated = |at: Option<Stamp>| at.map(|at| Stated { at, seq, by: by.clone() });
        self.impact = stated(set.impact_at).or(self.impact.take());
        self.recovery = stated(set.recovered_at).or(self.recovery.take());
    }

    /// A decision that is stated to have been taken at another time than it is recorded.
    pub(super) fn decided(&mut self, stated: Stated) {
        self.told.decided((stated.at, stated.seq));
        self.stated.insert(stated.seq, stated);
    }

    /// Moves an entry to the time that a person states. What it sets counts from its place in the log, whenever that was.
    pub(super) fn retime(&mut self, seq: u64, stated: Stated) {
        if self.told.retime(seq, stated.at) {
            self.stated.insert(seq, stated);
            self.forget_stated();
        }
    }

    /// Only the first instants count, so the latest words go first.
    fn forget_stated(&mut self) {
        if self.stated.len() > MOST_STATED {
            let latest = self.stated.iter().max_by_key(|(seq, stated)| (stated.at, **seq)).map(|(seq, _)| *seq);
            latest.and_then(|seq| self.stated.remove(&seq));
        }
    }

    /// The clocks as they stand.
    pub(super) fn clocks(&self) -> Clocks {
        let impact = self.measured.impact();
        let lost = impact.and_then(|impact| self.measured.lost(impact));
        Clocks {
            impact,
            detection: self.measured.detection(impact),
            decision: self.measured.decision(),
            recovery: self.measured.recovery(),
            rpo_s: lost.map(|(seconds, _)| seconds),
            rpo_seq: lost.map(|(_, seq)| seq),
            stated: self.stated_clocks(),
        }
    }

    fn stated_clocks(&self) -> StatedClocks {
        let by_word = |mark: Option<EntryInstant>| mark.and_then(|(_, seq)| self.stated.get(&seq).cloned());
        let impact = self.impact.clone().or_else(|| by_word(self.told.impact()));
        let begun = impact.as_ref().map(|it| (it.at, it.seq)).or(self.told.impact());
        StatedClocks {
            rpo_s: impact.as_ref().and(begun).and_then(|begun| self.told.lost(begun)).map(|(seconds, _)| seconds),
            detection: by_word(self.told.detection(begun)),
            decision: by_word(self.told.decision()),
            recovery: self.recovery.clone().or_else(|| by_word(self.told.recovery())),
            impact,
        }
    }
}
