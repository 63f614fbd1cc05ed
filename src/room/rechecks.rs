//! Plans that wait, compared with the board at every beat and told to the consoles.

use std::sync::Arc;
use std::time::Duration;

use super::engine::Engine;
use super::plans::PlanIdentity;
use crate::actions;
use crate::approval::{PlanRecord, PlanState};
use crate::model::Plan;
use crate::model::plan::Recheck;

/// How often consoles hear when the facts of a waiting plan were read last.
const EVERY: Duration = Duration::from_secs(15);

impl Engine {
    /// Tells consoles what the plans that wait rest on now. Readings alone are told four times a minute: a link may be bad.
    pub(super) fn recheck_plans(&mut self) {
        let waits = |record: &&PlanRecord| matches!(record.state, PlanState::Proposed | PlanState::Approved);
        let plans = self.recorder.story().current().into_iter().flat_map(|incident| incident.plans.by_id.values());
        let all: Vec<Recheck> = plans.filter(waits).filter_map(|record| self.recheck(&record.plan)).collect();
        let told = self.rechecks.borrow().clone();
        let same = told.len() == all.len() && told.iter().zip(&all).all(|(told, now)| now.says_as(told));
        let boot = self.shared.clock.boot();
        if !same || (!all.is_empty() && boot >= self.recheck_next) {
            self.recheck_next = boot + EVERY;
            self.rechecks.send_replace(Arc::new(all));
        }
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
