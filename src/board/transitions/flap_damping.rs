//! Which transitions become entries: those that last as long as their kind asks, and of a thing that goes to and fro only some.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::model::entry::{Folded, Transition};
use crate::model::{EntryRules, Stamp, TransitionFamily, TransitionKind};
use crate::timeline::StandingChanges;

use super::super::row::{JudgedBoard, Topic};
use super::super::slo;
use super::{BoardDiff, LookMemory};

/// A thing that changed so often within [`FLAPS_IN_S`] goes to and fro.
const FLAPS: usize = 6;
const FLAPS_IN_S: i64 = 600;
/// What goes to and fro is told again when it has stayed as it is for so long.
const CALM_S: i64 = 120;
/// The most things whose changes are counted.
const MOST: usize = 10_000;

/// What a change is of.
type TransitionSubject = (TransitionFamily, String);

/// Compares what is seen with what the log says, look by look.
#[derive(Clone, Debug, Default)]
pub struct FlapDamping {
    standing: StandingChanges,
    /// The rows of the last look whose moves are news.
    before: JudgedBoard,
    /// Since when something is so that is not told yet.
    waiting: BTreeMap<(TransitionKind, String), Stamp>,
    /// When each thing was told to have changed, lately.
    told: BTreeMap<TransitionSubject, Vec<Stamp>>,
    /// Changes of things that go to and fro which were over before they were told.
    swallowed: BTreeMap<TransitionKind, Folded>,
    /// What was told since the room started.
    own: BTreeSet<(TransitionKind, String)>,
    /// The first look.
    began: Option<Stamp>,
    /// Nothing waits.
    at_once: bool,
}

impl FlapDamping {
    /// Begins with what the log says stands.
    pub fn new(standing: StandingChanges) -> Self {
        Self { standing, ..Self::default() }
    }

    #[cfg(test)]
    pub(crate) fn at_once() -> Self {
        Self { at_once: true, ..Self::default() }
    }

    /// Whether time alone may have something to say of the rows of the last look.
    pub fn waits(&self, now: Stamp) -> bool {
        let begins = self.began.is_none_or(|began| (now - began).num_seconds() <= CALM_S.max(slo::CALM_S) + 1);
        begins || !self.waiting.is_empty()
    }

    /// What was found could not be recorded: the log's word counts again, and what still differs is found again.
    pub fn rewind(&mut self, standing: StandingChanges) {
        self.standing = standing;
    }

    /// What a judgement made at `now` has to say. In order of happening.
    pub fn find(&mut self, new: &JudgedBoard, rules: &EntryRules, now: Stamp) -> Vec<Transition> {
        let began = *self.began.get_or_insert(now);
        let memory = LookMemory { before: &self.before, own: &self.own, began };
        for (kind, about) in BoardDiff::new(&self.standing, memory, new, now).over() {
            self.standing.forget(&kind, &about);
        }
        let pair = BoardDiff::new(&self.standing, memory, new, now);
        let mut found = pair.transitions();
        self.before = JudgedBoard {
            topics: [Topic::Alerts, Topic::Traffic, Topic::Services, Topic::Backups, Topic::Gitops]
                .into_iter()
                .filter_map(|topic| Some((topic, new.topics.get(&topic)?.clone())))
                .collect(),
        };
        self.drop_what_is_over(&found, now);
        found.retain_mut(|edge| self.is_due(edge, now));
        for edge in &found {
            self.standing.take(edge);
            if self.own.len() < MOST {
                self.own.insert((edge.edge.clone(), edge.about()));
            }
            self.count(edge, now);
        }
        found.retain(|edge| !rules.ignore.iter().any(|pattern| edge.edge.is_ignored_by(pattern)));
        found.sort_by_key(|edge| edge.at);
        found
    }

    /// What went to and fro and was over before it was told, once. To be recorded, so that nothing is silently lost.
    pub fn swallowed(&mut self, now: Stamp) -> Vec<Folded> {
        let over = |folded: &Folded| (now - folded.from).num_seconds() >= FLAPS_IN_S || now < folded.from;
        let due: Vec<TransitionKind> =
            self.swallowed.iter().filter(|(_, folded)| over(folded)).map(|(kind, _)| kind.clone()).collect();
        due.iter().filter_map(|kind| self.swallowed.remove(kind)).collect()
    }

    /// Whether a change has lasted long enough. It happened when it was first seen.
    fn is_due(&mut self, edge: &mut Transition, now: Stamp) -> bool {
        let must_last = self.must_last(edge, now);
        let key = (edge.edge.clone(), edge.about());
        if must_last == TimeDelta::zero() {
            self.waiting.remove(&key);
            return true;
        }
        let since = *self.waiting.entry(key.clone()).or_insert(now);
        let due = now - since >= must_last || now < since;
        if due {
            edge.at = edge.at.min(since);
            self.waiting.remove(&key);
        }
        due
    }

    fn must_last(&self, edge: &Transition, now: Stamp) -> TimeDelta {
        if self.at_once {
            return TimeDelta::zero();
        }
        let settles = edge.edge.settles_s();
        let turns = edge.edge.stands() || !edge.edge.ends().is_empty();
        let lately = |at: &&Stamp| (now - **at).num_seconds() < FLAPS_IN_S;
        let told = thing(edge).filter(|_| turns).and_then(|thing| self.told.get(&thing));
        let flaps = told.is_some_and(|at| at.iter().filter(lately).count() >= FLAPS);
        TimeDelta::seconds(if flaps { settles.max(CALM_S) } else { settles })
    }

    /// A change that was waited for and is not there any more was in passing.
    fn drop_what_is_over(&mut self, found: &[Transition], now: Stamp) {
        let there: BTreeSet<(TransitionKind, String)> =
            found.iter().map(|edge| (edge.edge.clone(), edge.about())).collect();
        let over: Vec<((TransitionKind, String), Stamp)> =
            self.waiting.iter().filter(|(key, _)| !there.contains(*key)).map(|(key, at)| (key.clone(), *at)).collect();
        for (key, since) in over {
            self.waiting.remove(&key);
            let Some(family) = key.0.family() else { continue };
            // What its kind lets pass is ordinary; what was held back because it goes to and fro is counted.
            let flapped = self.told.get(&(family, key.1)).is_some_and(|at| at.len() >= FLAPS);
            if flapped {
                let kind = key.0;
                let folded = self.swallowed.entry(kind.clone());
                let folded = folded.or_insert_with(|| Folded { edge: kind, count: 0, from: since, to: now });
                folded.count += 1;
                folded.to = now;
            }
        }
    }

    fn count(&mut self, edge: &Transition, now: Stamp) {
        let Some(thing) = thing(edge) else { return };
        if self.told.len() >= MOST && !self.told.contains_key(&thing) {
            self.told.retain(|_, at| at.last().is_some_and(|at| (now - *at).num_seconds() < FLAPS_IN_S));
        }
        let at = self.told.entry(thing).or_default();
        at.retain(|at| (now - *at).num_seconds() < FLAPS_IN_S);
        at.push(now);
    }
}

fn thing(edge: &Transition) -> Option<TransitionSubject> {
    Some((edge.edge.family()?, edge.about()))
}

/// Two judgements side by side, for tests: what the second one has to say after the first, however short it lasts.
#[cfg(test)]
pub fn find_transitions(old: &JudgedBoard, new: &JudgedBoard, rules: &EntryRules, now: Stamp) -> Vec<Transition> {
    let mut changes = FlapDamping::at_once();
    changes.find(old, rules, now);
    changes.find(new, rules, now)
}
