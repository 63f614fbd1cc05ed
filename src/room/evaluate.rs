//! The engine's beat: judge the board, find transitions, record them, tell the sessions; expire plans whose time is up.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::broadcast::BoardNews;
use super::engine::Engine;
use crate::board::{JudgedBoard, Topic, TopicView};
use crate::model::alert_words;
use crate::model::entry::{EntryDraft, Expired, Happening, IncidentStatus, Opened, Set, Transition};
use crate::model::{Actor, IncidentId, SafeText, Stamp, TransitionKind};

/// Events that cross the socket, newest first; the row count says how many there are in all.
const EVENTS_SHOWN: usize = 1_000;
/// How often everything is judged, though nothing was seen.
const JUDGED_EVERY: Duration = Duration::from_secs(1);
/// Drafts of one batch, below what the ledger takes at once.
const BATCH: usize = 256;

impl Engine {
    pub(super) fn beat(&mut self) {
        let (now, boot) = (self.shared.clock.now(), self.shared.clock.boot());
        self.heal();
        self.wall.record_step(&self.shared.clock, &mut self.recorder);
        self.expire_plans();
        self.recorder.write_refusals(false);
        self.recorder.sign_now_and_then();
        self.recorder.keep_now_and_then();
        self.recorder.watch_room();
        // Time alone changes verdicts (what was fresh goes stale), so everything is judged once a second as well.
        let due = self.judged_at.is_none_or(|at| at + JUDGED_EVERY <= boot);
        if !due && self.board.dirty().is_empty() {
            return;
        }
        let judged = self.judge(now, due);
        self.publish(&judged, now);
        self.judged = judged;
        self.recheck_plans();
        if self.recorder.is_degraded() {
            return;
        }
        let found = self.changes.find(&self.judged, &self.shared.config.rules, now);
        self.record_transitions(found, now);
        if self.recorder.is_degraded() {
            self.changes.rewind(self.recorder.story().standing().clone());
        }
    }

    /// Judges the topics that something was seen of, or all.
    fn judge(&mut self, now: Stamp, all: bool) -> JudgedBoard {
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
        let mut view = self.board.judge_topic(topic, now);
        if topic == Topic::Events {
            view.rows.truncate(EVENTS_SHOWN);
        }
        view
    }

    /// Replaces what sessions see; an unchanged topic keeps its pointer, so it costs nobody anything.
    fn publish(&self, judged: &JudgedBoard, now: Stamp) {
        let incident_open = self.recorder.incident().is_some();
        let boot = self.shared.clock.boot();
        self.board_news.send_if_modified(|news| {
            let mut next = BTreeMap::new();
            let mut changed = false;
            for (topic, view) in &judged.topics {
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

    fn record_transitions(&mut self, found: Vec<Transition>, now: Stamp) {
        let boot = self.shared.clock.boot();
        let mut drafts = Vec::new();
        for mut edge in found {
            let opens = self.opens(&edge) && self.recorder.incident().is_none() && !self.was_met(&mut edge);
            // The transition that opens an incident is never folded away: in a storm nobody else would open it.
            if !opens && !self.limiter.allow(&edge, now, boot) {
                continue;
            }
            if opens {
                // What was seen before the alert is recorded before the incident opens, in the order it was seen.
                self.record_all(std::mem::take(&mut drafts));
                self.open_by(&edge, now);
            }
            let recovered = edge.edge == TransitionKind::ServiceRecovered;
            drafts.push(self.recorder.by_room(Happening::Transition(edge)));
            if recovered {
                drafts.extend(self.advance_status(IncidentStatus::Monitoring));
            }
        }
        let folded = self.limiter.folded(boot).into_iter().chain(self.changes.swallowed(now));
        drafts.extend(
            folded.map(Happening::Folded).collect::<Vec<_>>().into_iter().map(|folded| self.recorder.by_room(folded)),
        );
        self.record_all(drafts);
    }

    /// Records drafts of the room in batches; one that can't be written costs only itself.
    fn record_all(&mut self, drafts: Vec<EntryDraft>) {
        for batch in drafts.chunks(BATCH) {
            if self.recorder.record(batch.to_vec()).is_none() && !self.recorder.is_degraded() {
                for draft in batch {
                    self.recorder.record(vec![draft.clone()]);
                }
            }
        }
    }

    /// Whether this transition opens an incident by the configured rule.
    fn opens(&self, edge: &Transition) -> bool {
        let severity = edge.figures.get("severity").and_then(|value| value.as_str()).unwrap_or(&edge.verdict);
        edge.edge == TransitionKind::AlertFiring && alert_words::holds(&self.shared.config.rules.open_on, severity)
    }

    /// Whether an incident that is closed met this firing of the alert. It is recorded, says so, and calls nobody again.
    fn was_met(&self, edge: &mut Transition) -> bool {
        let Some(closed) = self.recorder.story().latest().filter(|_| self.recorder.story().has_met(edge)) else {
            return false;
        };
        edge.says = SafeText::new(&format!("{}; it opens no incident, for {} met it", edge.says, closed.id));
        true
    }

    fn open_by(&mut self, edge: &Transition, now: Stamp) {
        let title = edge.subject.clone();
        // One that began unseen while the incident before was open is detected now: no clock reaches back into that one.
        let detected =
            if self.recorder.story().last_closed().is_some_and(|closed| edge.at <= closed) { now } else { edge.at };
        self.open(Actor::room(), title, self.shared.config.rules.opens_as, Some(detected), now);
    }

    /// Opens an incident; those present join it. `None` when nothing could be recorded.
    pub(super) fn open(
        &mut self,
        by: Actor,
        title: SafeText,
        severity: crate::model::Severity,
        detected_at: Option<Stamp>,
        now: Stamp,
    ) -> Option<(IncidentId, u64)> {
        let id = self.next_incident(now);
        let opened = Opened { incident: id.clone(), severity, detected_at };
        let draft = EntryDraft { incident: Some(id.clone()), by, happening: opened.into(), text: Some(title) };
        let seq = self.recorder.record(vec![draft])?.last()?.seq;
        self.recorder.record(self.present_drafts());
        Some((id, seq))
    }

    fn next_incident(&self, now: Stamp) -> IncidentId {
        let day = now.format("INC-%Y-%m-%d-").to_string();
        let taken =
            self.recorder.story().incidents.iter().filter(|incident| incident.id.as_str().starts_with(&day)).count();
        IncidentId::from(format!("{day}{:02}", taken + 1))
    }

    /// The room moves an incident's status forward when what it sees says so; never back, never to resolved.
    pub(super) fn advance_status(&self, status: IncidentStatus) -> Option<EntryDraft> {
        let incident = self.recorder.story().current()?;
        (incident.status < status).then(|| self.recorder.by_room(Set { status: Some(status), ..Set::default() }))
    }

    fn expire_plans(&mut self) {
        let boot = self.shared.clock.boot();
        let late: Vec<_> =
            self.deadlines.iter().filter(|(_, deadline)| **deadline <= boot).map(|(plan, _)| plan.clone()).collect();
        for plan in late {
            let why = SafeText::new("nobody confirmed it in time");
            // One that can't be recorded now is tried again at the next beat: until then the plan is late, and no claim passes.
            if !self.is_open(&plan) || self.record_about(&plan, Expired { plan: plan.clone(), why }) {
                self.deadlines.remove(&plan);
            }
        }
    }
}
