//! The evaluator: the board, how it was judged last, and what of it is not in the log yet. It tells the sessions the rows, and
//! gives whoever asks the changes that are worth an entry.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::broadcast::BoardNews;
use super::context::RoomContext;
use crate::board::{Board, BoardSetup, FlapDamping, JudgedBoard, KeptJudgement, Member, RateLimiter, Topic};
use crate::model::entry::{Folded, Transition};
use crate::model::{Observation, Stamp};
use crate::systems;
use crate::timeline::StandingChanges;

/// How often it is looked whether what waits is due, though nothing changed.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// The board and its judgement.
pub(super) struct Evaluator {
    shared: Arc<RoomContext>,
    board: Board,
    kept: KeptJudgement,
    /// When it was last looked at for what time alone brings, on the boot clock.
    looked_at: Option<Duration>,
    /// Rows changed since it was last compared with the log.
    moved: bool,
    /// What of the board is not in the log yet.
    changes: FlapDamping,
    limiter: RateLimiter,
    tell: watch::Sender<BoardNews>,
}

impl Evaluator {
    /// Has seen nothing yet.
    pub(super) fn new(shared: Arc<RoomContext>, tell: watch::Sender<BoardNews>) -> Self {
        Self {
            board: board(&shared),
            kept: KeptJudgement::default(),
            looked_at: None,
            moved: false,
            changes: FlapDamping::default(),
            limiter: RateLimiter::new(&shared.config.rules),
            tell,
            shared,
        }
    }

    /// Begins with what the log says stands.
    pub(super) fn begin_with(&mut self, standing: StandingChanges) {
        self.changes = FlapDamping::new(standing);
    }

    /// What was found could not be recorded: the log's word counts again.
    pub(super) fn rewind(&mut self, standing: StandingChanges) {
        self.changes.rewind(standing);
        self.moved = true;
    }

    /// Takes in what a source saw.
    pub(super) fn see(&mut self, observation: Observation) {
        self.board.apply(observation);
    }

    /// As it was judged last.
    pub(super) fn judged(&self) -> &JudgedBoard {
        self.kept.board()
    }

    /// The Alertmanagers, as a silence is asked of them.
    pub(super) fn alertmanagers(&self) -> Vec<Member> {
        self.board.alertmanagers()
    }

    /// Judges what may be otherwise by now, and tells the sessions. False if nothing changed and nothing that waits can be due.
    pub(super) fn judge(&mut self, now: Stamp, boot: Duration, incident_open: bool) -> bool {
        let changed = self.kept.renew(&mut self.board, now);
        if !changed.is_empty() {
            self.moved = true;
            self.publish(&changed, (now, boot), incident_open);
        }
        let due = self.looked_at.is_none_or(|at| at + LOOKED_EVERY <= boot);
        if due {
            self.looked_at = Some(boot);
        }
        due || !changed.is_empty()
    }

    /// Whether something was heard that is not judged yet.
    pub(super) fn has_news(&self) -> bool {
        !self.board.dirty().is_empty()
    }

    /// Replaces what sessions see; an unchanged topic keeps its pointer, so it costs nobody anything.
    fn publish(&self, changed: &BTreeSet<Topic>, at: (Stamp, Duration), incident_open: bool) {
        let topics = &self.kept.board().topics;
        let mut past = self.shared.looks.past.lock().unwrap_or_else(PoisonError::into_inner);
        for (topic, view) in changed.iter().filter_map(|topic| topics.get_key_value(topic)) {
            past.note(*topic, at, view, incident_open);
        }
        drop(past);
        self.tell.send_replace(BoardNews::new(topics.clone()));
    }

    /// What the last judgement has to say that the log does not, in order of happening.
    pub(super) fn changes(&mut self, now: Stamp) -> Vec<Transition> {
        if !std::mem::take(&mut self.moved) && !self.changes.waits(now) {
            return Vec::new();
        }
        self.changes.find(self.kept.board(), &self.shared.config.rules, now)
    }

    /// Whether there is room for this change in the minute; if not, it is counted.
    pub(super) fn allows(&mut self, edge: &Transition, now: Stamp, boot: Duration) -> bool {
        self.limiter.allow(edge, now, boot)
    }

    /// Changes that were counted instead of told one by one.
    pub(super) fn folded(&mut self, now: Stamp, boot: Duration) -> Vec<Folded> {
        let mut folded = self.limiter.folded(boot);
        folded.extend(self.changes.swallowed(now));
        folded
    }
}

/// A board that knows what the configuration says of sources and services, and has seen nothing yet.
fn board(shared: &RoomContext) -> Board {
    let config = &shared.config;
    let mut board = Board::new(BoardSetup {
        objectives: config.objectives.clone(),
        clusters: config.clusters.iter().map(|cluster| (cluster.name.clone(), cluster.role)).collect(),
        sources: shared.sources.iter().map(|source| (source.id.clone(), source.fresh_for_s)).collect(),
        heartbeats: config.rules.alerts.heartbeats.clone(),
    });
    board = board.with_slos(config.slos.iter().map(|slo| slo.target.clone()));
    for source in &shared.sources {
        board = board.with_notes(&source.id, source.notes.clone());
    }
    for cluster in &config.clusters {
        board = board
            .with_app_stale(&cluster.name, cluster.argocd_stale_s)
            .with_destinations(&cluster.name, systems::kubernetes::destinations(cluster))
            .with_only_here(&cluster.name, cluster.only_here.clone());
    }
    board
}
