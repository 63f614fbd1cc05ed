//! The evaluator: the board, how it was judged last, and what of it is not in the log yet. It tells the sessions the rows, and
//! gives whoever asks the changes that are worth an entry.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::broadcast::BoardNews;
use super::context::RoomContext;
use crate::board::{Board, BoardSetup, FlapDamping, JudgedBoard, Member, RateLimiter, Topic, TopicView};
use crate::model::entry::{Folded, Transition};
use crate::model::{Observation, Stamp};
use crate::systems;
use crate::timeline::StandingChanges;

/// How often everything is judged, though nothing was seen.
const JUDGED_EVERY: Duration = Duration::from_secs(1);

/// The board and its judgement.
pub struct Evaluator {
    shared: Arc<RoomContext>,
    board: Board,
    judged: JudgedBoard,
    /// When every topic was last judged, on the boot clock.
    judged_at: Option<Duration>,
    /// What of the board is not in the log yet.
    changes: FlapDamping,
    limiter: RateLimiter,
    tell: watch::Sender<BoardNews>,
}

impl Evaluator {
    /// Has seen nothing yet.
    pub fn new(shared: Arc<RoomContext>, tell: watch::Sender<BoardNews>) -> Self {
        Self {
            board: board(&shared),
            judged: JudgedBoard::default(),
            judged_at: None,
            changes: FlapDamping::default(),
            limiter: RateLimiter::new(&shared.config.rules),
            tell,
            shared,
        }
    }

    /// Begins with what the log says stands.
    pub fn begin_with(&mut self, standing: StandingChanges) {
        self.changes = FlapDamping::new(standing);
    }

    /// What was found could not be recorded: the log's word counts again.
    pub fn rewind(&mut self, standing: StandingChanges) {
        self.changes.rewind(standing);
    }

    /// Takes in what a source saw.
    pub fn see(&mut self, observation: Observation) {
        self.board.apply(observation);
    }

    /// As it was judged last.
    pub fn judged(&self) -> &JudgedBoard {
        &self.judged
    }

    /// The Alertmanagers, as a silence is asked of them.
    pub fn alertmanagers(&self) -> Vec<Member> {
        self.board.alertmanagers()
    }

    /// Judges what something was seen of, and once a second everything; tells the sessions. False if nothing was due.
    pub fn judge(&mut self, now: Stamp, boot: Duration, incident_open: bool) -> bool {
        // Time alone changes verdicts (what was fresh goes stale), so everything is judged once a second as well.
        let due = self.judged_at.is_none_or(|at| at + JUDGED_EVERY <= boot);
        if !due && self.board.dirty().is_empty() {
            return false;
        }
        self.judged = self.judge_topics(now, due);
        self.publish(now, incident_open);
        true
    }

    /// Judges the topics that something was seen of, or all.
    fn judge_topics(&mut self, now: Stamp, all: bool) -> JudgedBoard {
        let dirty = self.board.clean();
        let mut judged = JudgedBoard::default();
        for topic in Topic::ALL.iter().copied() {
            let known = match topic {
                _ if all || dirty.contains(&topic) => None,
                // Taken, not copied: there are many, and transitions never look at them.
                _ if topic.tells_events() => self.judged.topics.remove(&topic),
                _ => self.judged.topics.get(&topic).cloned(),
            };
            let view = known.unwrap_or_else(|| self.judge_topic(topic, now));
            judged.topics.insert(topic, view);
        }
        if all {
            self.judged_at = Some(self.shared.clock.boot());
        }
        judged
    }

    fn judge_topic(&self, topic: Topic, now: Stamp) -> TopicView {
        self.board.judge_topic(topic, now)
    }

    /// Replaces what sessions see; an unchanged topic keeps its pointer, so it costs nobody anything.
    fn publish(&self, now: Stamp, incident_open: bool) {
        let boot = self.shared.clock.boot();
        self.tell.send_if_modified(|news| {
            let mut next = BTreeMap::new();
            let mut changed = false;
            for (topic, view) in &self.judged.topics {
                let same = news.get(topic).filter(|known| known.as_ref() == view).cloned();
                changed |= same.is_none();
                if same.is_none() {
                    let mut past = self.shared.looks.past.lock().unwrap_or_else(PoisonError::into_inner);
                    past.note(*topic, (now, boot), view, incident_open);
                }
                next.insert(*topic, same.unwrap_or_else(|| Arc::new(view.clone())));
            }
            if changed {
                *news = BoardNews::new(next);
            }
            changed
        });
    }

    /// What the last judgement has to say that the log does not, in order of happening.
    pub fn changes(&mut self, now: Stamp) -> Vec<Transition> {
        self.changes.find(&self.judged, &self.shared.config.rules, now)
    }

    /// Whether there is room for this change in the minute; if not, it is counted.
    pub fn allows(&mut self, edge: &Transition, now: Stamp, boot: Duration) -> bool {
        self.limiter.allow(edge, now, boot)
    }

    /// Changes that were counted instead of told one by one.
    pub fn folded(&mut self, now: Stamp, boot: Duration) -> Vec<Folded> {
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
