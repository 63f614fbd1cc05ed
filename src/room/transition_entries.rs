//! Changes of the board become entries; one of them may open an incident, and one may move its status on.

use super::engine::Engine;
use crate::model::alert_words;
use crate::model::entry::{EntryDraft, Happening, IncidentStatus, Opened, Set, Transition};
use crate::model::{Actor, IncidentId, SafeText, Stamp, TransitionKind};

/// Drafts of one batch, below what the ledger takes at once.
const BATCH: usize = 256;

impl Engine {
    pub(super) fn record_transitions(&mut self, found: Vec<Transition>, now: Stamp) {
        let boot = self.shared.clock.boot();
        let mut drafts = Vec::new();
        for mut edge in found {
            let opens = self.opens(&edge) && self.recorder.incident().is_none() && !self.was_met(&mut edge);
            // The transition that opens an incident is never folded away: in a storm nobody else would open it.
            if !opens && !self.evaluator.allows(&edge, now, boot) {
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
        let folded = self.evaluator.folded(now, boot).into_iter().map(Happening::Folded);
        drafts.extend(folded.map(|folded| self.recorder.by_room(folded)));
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
}
