//! The plans of the log, as the person at this console stands to them.

use crate::approval::{PlanRecord, PlanState};
use crate::model::PlanId;

use super::app::Console;

impl Console {
    /// A plan of any incident, as it is now.
    pub fn plan(&self, id: &PlanId) -> Option<&PlanRecord> {
        self.mirror.story.incidents.iter().rev().find_map(|incident| incident.plans.by_id.get(id))
    }

    /// The plan that most needs this person: one to confirm, one that runs, one's own that waits.
    pub fn plan_waiting(&self) -> Option<&PlanRecord> {
        let rank = |record: &PlanRecord| {
            let mine = self.me() == Some(&record.by.person);
            let done = record.approvals.iter().any(|approval| self.me() == Some(&approval.by.person));
            match record.state {
                PlanState::Proposed if !mine && !done => Some(0),
                PlanState::Executing => Some(1),
                PlanState::Approved => Some(2),
                PlanState::Proposed => Some(3),
                _ => None,
            }
        };
        let plans = self.mirror.story.incidents.iter().flat_map(|incident| incident.plans.by_id.values());
        plans
            .filter_map(|record| rank(record).map(|rank| (rank, record)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, it)| it)
    }

    /// The plan that one would open: the one that waits or runs, else the one that ended last.
    pub fn plan_to_open(&self) -> Option<&PlanRecord> {
        let plans = self.mirror.story.incidents.iter().flat_map(|incident| incident.plans.by_id.values());
        self.plan_waiting().or_else(|| plans.max_by_key(|record| (record.changed_at, record.proposed_seq)))
    }

    /// Whether a plan waits for the person at this console.
    pub fn asks_me(&self) -> bool {
        let mine = |record: &PlanRecord| self.me() == Some(&record.by.person);
        let done = |record: &PlanRecord| record.approvals.iter().any(|it| self.me() == Some(&it.by.person));
        let waits = |record: &PlanRecord| record.state == PlanState::Proposed && !mine(record) && !done(record);
        self.can_act() && self.plan_waiting().is_some_and(waits)
    }
}
