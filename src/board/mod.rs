//! The board: the latest observations, judged. Pure: `now` is an argument.
//!
//! [`Board::apply`] takes observations, [`Board::judge`] gives the rows that console, `status` and checks show,
//! [`FlapDamping`] compares it with what the log says and finds what is worth remembering, [`RateLimiter`] says which of it may be recorded.

mod alerts;
mod backups;
mod burn_rate;
mod closing_checks;
mod clusters;
mod cron;
pub mod empty_reason;
pub mod event_groups;
pub mod event_tally;
mod events;
mod filter_fields;
mod gitops;
mod heartbeat;
mod locations;
mod missing_on_dr;
mod objective_breach;
mod observation_store;
mod rate_limit;
pub mod readiness;
mod restore_coverage;
mod restore_points;
mod restores;
pub mod row;
mod row_builder;
mod running_backups;
mod schedules;
mod services;
mod silences;
mod slo;
mod sources;
mod steering;
mod sync_windows;
#[cfg(test)]
mod tests;
mod traffic;
mod transitions;
pub mod unknown_names;
mod vanished_backups;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::facts::{Fact, FactKind};
use crate::model::gitops::destination::Called;
use crate::model::slo::SloTarget;
use crate::model::{ClusterRole, Objective, Observation, SafeText, SourceChange, SourceId, Stamp, System};

pub use burn_rate::{BurnPair, BurnState};
pub use closing_checks::FiringCounts;
pub use event_tally::{EventRow, EventTally};
#[cfg(test)]
pub use events::MOST_EVENTS;
pub use objective_breach::breached;
pub use rate_limit::RateLimiter;
pub use readiness::{Readiness, readiness};
pub use row::{AppRow, JudgedBoard, Row, RowBody, Topic, TopicView, Verdict, Windows};
pub use silences::{Member, matched};
pub use slo::ErrorBudget;
pub use transitions::FlapDamping;
#[cfg(test)]
pub use transitions::find_transitions;

/// The most rows of one topic, events apart.
const MOST_ROWS: usize = 5_000;

/// What the board has to know before the first observation.
#[derive(Clone, Debug, Default)]
pub struct BoardSetup {
    pub objectives: Vec<Objective>,
    pub clusters: Vec<(String, ClusterRole)>,
    /// Every configured source with the seconds for which its data is fresh.
    pub sources: Vec<(SourceId, u64)>,
    /// Names of the alerts that always fire. Empty: none is expected.
    pub heartbeats: Vec<String>,
}

/// What the judgements read: the setup, and how old a reconciliation may be per cluster.
#[derive(Clone, Debug)]
struct BoardInput {
    objectives: Vec<Objective>,
    clusters: Vec<(String, ClusterRole)>,
    heartbeats: Vec<String>,
    app_stale_s: BTreeMap<String, u64>,
    /// What each cluster is called by whoever deploys there.
    called: Vec<Called>,
    /// Applications of a cluster that its DR need not have.
    only_here: BTreeMap<String, Vec<String>>,
}

impl BoardInput {
    fn app_stale_s(&self, cluster: &str) -> u64 {
        self.app_stale_s.get(cluster).copied().unwrap_or(gitops::default_stale_s())
    }
}

/// The latest observations.
#[derive(Clone, Debug)]
pub struct Board {
    setup: BoardInput,
    store: observation_store::Store,
    events: events::Events,
    ended: alerts::EndedAlerts,
    moves: restores::RestoreProgress,
    vanished: vanished_backups::Vanished,
    slos: Vec<SloTarget>,
    latches: slo::Latches,
    dirty: BTreeSet<Topic>,
}

impl Board {
    /// An empty board: every configured source is known, and none has answered.
    pub fn new(setup: BoardSetup) -> Self {
        let mut store = observation_store::Store::default();
        for (id, fresh_for_s) in setup.sources {
            store.announce(id, fresh_for_s);
        }
        Self {
            setup: BoardInput {
                objectives: setup.objectives,
                called: setup.clusters.iter().map(|(name, _)| Called::new(name)).collect(),
                clusters: setup.clusters,
                heartbeats: setup.heartbeats,
                app_stale_s: BTreeMap::new(),
                only_here: BTreeMap::new(),
            },
            store,
            events: events::Events::default(),
            ended: alerts::EndedAlerts::default(),
            moves: restores::RestoreProgress::default(),
            vanished: vanished_backups::Vanished::default(),
            slos: Vec::new(),
            latches: slo::Latches::default(),
            dirty: Topic::ALL.iter().copied().collect(),
        }
    }

    /// Sets how old an Argo CD reconciliation of a cluster may be and still prove something; 0 = any age. Default 9 min.
    #[must_use]
    pub fn with_app_stale(mut self, cluster: &str, seconds: u64) -> Self {
        self.setup.app_stale_s.insert(cluster.to_owned(), seconds);
        self
    }

    /// Adds names and addresses by which an Argo CD or Flux elsewhere calls a cluster.
    #[must_use]
    pub fn with_destinations(mut self, cluster: &str, words: impl IntoIterator<Item = String>) -> Self {
        if let Some(called) = self.setup.called.iter_mut().find(|it| it.cluster == cluster) {
            words.into_iter().for_each(|word| called.also(&word));
        }
        self
    }

    /// Sets the applications of a cluster that its DR need not have, as patterns.
    #[must_use]
    pub fn with_only_here(mut self, cluster: &str, patterns: Vec<String>) -> Self {
        self.setup.only_here.insert(cluster.to_owned(), patterns);
        self
    }

    /// Sets how a source is reached, in words.
    #[must_use]
    pub fn with_notes(mut self, source: &SourceId, notes: Vec<SafeText>) -> Self {
        self.store.source_mut(source).notes = notes;
        self
    }

    /// Sets what was promised about errors: each gets a row, whether or not its Prometheus answers.
    #[must_use]
    pub fn with_slos(mut self, slos: impl IntoIterator<Item = SloTarget>) -> Self {
        self.slos = slos.into_iter().collect();
        self
    }

    /// Takes in one observation. The newest one wins; there is no history but that of alerts that ended.
    pub fn apply(&mut self, observation: Observation) {
        let Observation { source, seen_at, part, change } = observation;
        self.mark(&source, &change);
        self.moves.see(&source, &change, seen_at);
        let completes = !part && completes(source.system, &change);
        self.vanished.see(&self.store, &source, &change, seen_at);
        // What a part says can't disprove the trouble of another; only a new trouble may take its place.
        let stands = part.then(|| self.store.source_mut(&source).trouble.clone()).flatten();
        self.take_in(&source, seen_at, change);
        if stands.is_some() {
            self.store.source_mut(&source).trouble = stands;
        } else if completes {
            self.store.source_mut(&source).completed();
        }
        if source.system == System::Prometheus {
            slo::settle(&mut self.latches, &self.slos, &self.store, &source, seen_at);
        }
    }

    fn take_in(&mut self, source: &SourceId, seen_at: Stamp, change: SourceChange) {
        match change {
            SourceChange::Upsert(Fact::KubeEvent(event)) => {
                self.store.source_mut(source).alive(seen_at, false);
                self.events.upsert(source, event, seen_at);
            }
            SourceChange::Upsert(fact) => {
                if let Fact::Alert(alert) = &fact {
                    self.ended.held_again(&alert.fingerprint);
                }
                self.store.source_mut(source).upsert(fact, seen_at);
            }
            SourceChange::Remove { kind: FactKind::KubeEvent, key } => {
                self.store.source_mut(source).alive(seen_at, false);
                self.events.remove(source, &key);
            }
            SourceChange::Remove { kind: FactKind::Alert, key } => {
                alerts::remove(&mut self.store, &mut self.ended, source, &key, seen_at);
            }
            SourceChange::Remove { kind, key } => self.store.source_mut(source).remove(kind, &key, seen_at),
            SourceChange::Replace { kind: FactKind::KubeEvent, facts } => {
                self.store.source_mut(source).alive(seen_at, true);
                let events = facts.into_iter().filter_map(|fact| match fact {
                    Fact::KubeEvent(event) => Some(event),
                    _ => None,
                });
                self.events.replace(source, events.collect(), seen_at);
            }
            SourceChange::Replace { kind: FactKind::Alert, facts } => {
                alerts::replace(&mut self.store, &mut self.ended, source, facts, seen_at);
            }
            SourceChange::Replace { kind, facts } => self.store.source_mut(source).replace(kind, facts, seen_at),
            SourceChange::Alive => self.store.source_mut(source).alive(seen_at, true),
            SourceChange::Trouble(trouble) => self.store.source_mut(source).troubled(trouble, seen_at),
        }
    }

    /// Topics that may have changed since [`Board::clean`]. Time alone also changes rows (they go stale): judge now and then.
    pub fn dirty(&self) -> &BTreeSet<Topic> {
        &self.dirty
    }

    /// Forgets what is dirty, and says what was.
    pub fn clean(&mut self) -> BTreeSet<Topic> {
        std::mem::take(&mut self.dirty)
    }

    /// Every configured Alertmanager, for whoever wants to write to one.
    pub fn alertmanagers(&self) -> Vec<Member> {
        silences::members(&self.store)
    }

    /// Judges everything.
    pub fn judge(&self, now: Stamp) -> JudgedBoard {
        JudgedBoard { topics: Topic::ALL.iter().map(|topic| (*topic, self.judge_topic(*topic, now))).collect() }
    }

    /// Judges one topic.
    pub fn judge_topic(&self, topic: Topic, now: Stamp) -> TopicView {
        let mut left_out = 0;
        let mut rows = match topic {
            Topic::Events => return events::view(self, now),
            Topic::Sources => sources::rows(self, now),
            Topic::Clusters => clusters::rows(self, now),
            Topic::Services => services::rows(self, now),
            Topic::Slo => slo::rows(self, now),
            Topic::Alerts => alerts::rows(self, now),
            Topic::Silences => silences::rows(self, now),
            Topic::Traffic => traffic::rows(self, now),
            Topic::Backups => {
                let (rows, dropped) = backups::rows(self, now);
                left_out = dropped;
                rows
            }
            Topic::Gitops => gitops::rows(self, now),
        };
        let total = rows.len() as u64 + left_out;
        let cut = (rows.len() as u64).saturating_sub(MOST_ROWS as u64) + left_out;
        rows.truncate(MOST_ROWS);
        let unkept = self.store.iter().filter(|(id, _)| topic.depends_on(id.system)).map(|(_, state)| state.dropped);
        let dropped = cut + unkept.sum::<u64>();
        TopicView { rows, total, dropped }
    }

    fn mark(&mut self, source: &SourceId, change: &SourceChange) {
        self.dirty.insert(Topic::Sources);
        if let SourceChange::Upsert(Fact::KubeEvent(_)) = change {
            self.dirty.insert(Topic::Events);
            return;
        }
        self.dirty.extend(Topic::ALL.iter().filter(|topic| topic.depends_on(source.system)));
    }
}

/// Whether a change says that everything there is to read of a source was read: what watches a cluster is alive only when
/// all of its lists are there; the others tell one list last.
fn completes(system: System, change: &SourceChange) -> bool {
    let Some(last) = system.last_facts() else { return *change == SourceChange::Alive };
    match change {
        SourceChange::Upsert(fact) => fact.kind() == last,
        SourceChange::Replace { kind, .. } => *kind == last,
        SourceChange::Alive => true,
        SourceChange::Remove { .. } | SourceChange::Trouble(_) => false,
    }
}
