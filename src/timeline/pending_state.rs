//! What the fold remembers beside its result: bad news that belongs to no incident yet, and where an incident's items are.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::model::entry::Transition;
use crate::model::{Entry, Happening, IncidentId, Stamp, TransitionKind};

use super::clock_builder::ClockBuilder;
use super::firings::Firings;
use super::pairs;
use super::standing_changes::StandingChanges;

/// How long before its opening an incident may have begun.
const ADOPT_S: i64 = 3_600;
const MOST_OUTSTANDING: usize = 512;
const MOST_NEWEST: usize = 256;

/// The fold's memory. Bounded but for what the clocks of each incident count from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PendingState {
    /// Bad transitions outside any incident that nothing has ended yet, by (transition, what it is about).
    #[serde(with = "pairs")]
    outstanding: BTreeMap<(TransitionKind, String), Entry>,
    /// The newest usable restore point of every schedule.
    #[serde(with = "pairs")]
    newest: BTreeMap<(TransitionKind, String), Entry>,
    /// What the log says stands, in an incident or not.
    pub(super) standing: StandingChanges,
    /// Alerts, and which of their firings an incident met.
    pub(super) firings: Firings,
    /// When an incident was closed last. Nothing before belongs to a later one.
    pub(super) closed_at: Option<Stamp>,
    /// What the clocks of each incident count from.
    pub(super) keepers: BTreeMap<IncidentId, ClockBuilder>,
    /// Changes of silences that were asked for and have no end yet: the entry, by the request.
    pub(super) silences: BTreeMap<String, u64>,
}

impl PendingState {
    /// Remembers a transition. `loose`: it belongs to no incident, so a later one may adopt it.
    pub fn transition(&mut self, entry: &Entry, edge: &Transition, loose: bool) {
        self.standing.take(edge);
        let about = edge.about();
        for ended in edge.edge.ends().iter().filter(|ended| edge.ends_all() && edge.ends_state(ended)) {
            self.outstanding.remove(&(ended.clone(), about.clone()));
        }
        let key = (edge.edge.clone(), about);
        if loose && edge.edge.begins() {
            self.outstanding.insert(key.clone(), entry.clone());
        }
        if self.outstanding.len() > MOST_OUTSTANDING {
            let oldest = self.outstanding.iter().min_by_key(|(_, entry)| entry.seq).map(|(key, _)| key.clone());
            oldest.and_then(|key| self.outstanding.remove(&key));
        }
        if edge.edge.is_newest() && (self.newest.len() < MOST_NEWEST || self.newest.contains_key(&key)) {
            self.newest.insert(key, entry.clone());
        }
    }

    /// What an incident that begins at `begun` takes over, in order of sequence: outstanding bad news of the hour before,
    /// and the newest usable restore points whenever they were seen, because they say what would be lost. What began before
    /// the incident before it was closed is that one's.
    pub fn adopted(&self, begun: Stamp) -> Vec<Entry> {
        let from = begun.checked_sub_signed(TimeDelta::seconds(ADOPT_S)).unwrap_or(begun);
        let own = |entry: &&Entry| self.closed_at.is_none_or(|closed| entry.observed_at() > closed);
        let recent = self.outstanding.values().filter(|entry| entry.observed_at() >= from).filter(own);
        let mut out: Vec<Entry> = recent.chain(self.newest.values()).cloned().collect();
        out.sort_by_key(|entry| entry.seq);
        out
    }

    /// A change of silences was asked for.
    pub fn silence_begun(&mut self, request: &str, seq: u64) {
        self.silences.insert(request.to_owned(), seq);
    }

    /// It is known how a change of silences ended.
    pub fn silence_ended(&mut self, request: &str) {
        self.silences.remove(request);
    }

    /// Forgets what was adopted: the next incident begins on its own.
    pub fn forget_adopted(&mut self, adopted: &[Entry]) {
        self.outstanding.retain(|_, entry| !adopted.iter().any(|it| it.seq == entry.seq));
    }
}

/// The transition of an entry, if it is one.
pub(super) fn transition_of(entry: &Entry) -> Option<&Transition> {
    match &entry.happening {
        Happening::Transition(edge) => Some(edge),
        _ => None,
    }
}
