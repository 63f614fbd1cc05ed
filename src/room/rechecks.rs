//! Plans that wait, compared with the board at every beat and told to the consoles.

use super::engine::Engine;
use super::plans::PlanIdentity;
use crate::actions;
use crate::approval::{PlanRecord, PlanState};
use crate::model::Plan;
use crate::model::plan::Recheck;

impl Engine {
    /// Tells consoles what the plans that wait rest on now.
    pub(super) fn recheck_plans(&mut self) {
        let waits = |record: &&PlanRecord| matches!(record.state, PlanState::Proposed | PlanState::Approved);
        let plans = self.recorder.story().current().into_iter().flat_map(|incident| incident.plans.by_id.values());
        let all: Vec<Recheck> = plans.filter(waits).filter_map(|record| self.recheck(&record.plan)).collect();
        self.plans.tell(all, self.shared.clock.boot());
    }

    fn recheck(&self, plan: &Plan) -> Option<Recheck> {
        let made = PlanIdentity {
            incident: plan.incident.clone(),
            plan: plan.plan.clone(),
            by: plan.by.clone(),
            supersedes: plan.supersedes.clone(),
            head: plan.head.clone(),
        };
        self.with_context(&plan.service, made, None, |context| actions::recheck(plan, context)).ok()
    }
}
