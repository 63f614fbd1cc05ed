//! Refusals become entries: the first of a kind at once, the others counted and together.

use super::Recorder;
use crate::model::entry::EntryDraft;
use crate::model::{Actor, Happening, PlanId, Refusal};

impl Recorder {
    /// Records refusals that were counted for long enough, or all of them.
    pub(crate) fn write_refusals(&mut self, stopping: bool) {
        if self.degraded.is_some() {
            return;
        }
        let now = self.shared.clock.boot();
        let due = self.shared.refusals().due(now, stopping);
        for draft in due {
            let (person, happening) = (draft.by.person.clone(), draft.happening.clone());
            let recorded = self.record(vec![EntryDraft { incident: self.incident(), ..draft }]).is_some();
            if let (true, Happening::Refused(refused)) = (recorded, happening) {
                self.shared.refusals().written(&person, &refused, now);
            }
        }
    }

    /// Notes a refusal: it is recorded now, or counted and recorded with others.
    pub(crate) fn note_refusal(&mut self, by: &Actor, refusal: &Refusal, verb: &'static str, plan: Option<&PlanId>) {
        let now = self.shared.clock.boot();
        let draft = self.shared.refusals().note(by, refusal.kind, verb, plan, now);
        if let Some(mut draft) = draft {
            tracing::info!(by = %by.person, verb, refused = ?refusal.kind, "refused");
            draft.incident = self.incident();
            if self.record(vec![draft]).is_none() {
                // Written when the timeline can be again.
                self.shared.refusals().count(by, refusal.kind, verb, plan, now);
            }
        }
    }
}
