//! What the engine remembers of plans beside the log: until when they may be confirmed, who proposed lately, and what consoles
//! were told of the facts that waiting plans rest on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::deadlines::Deadlines;
use crate::model::plan::Recheck;
use crate::model::{PersonId, Plan, PlanId};

/// How often consoles hear when the facts of a waiting plan were read last.
const TOLD_EVERY: Duration = Duration::from_secs(15);
/// Proposals of so long count for the rate of a person's proposals.
const RECENT: Duration = Duration::from_secs(60);

/// Plans that wait for persons. All instants are the boot clock's.
pub(super) struct PendingPlans {
    deadlines: Deadlines<PlanId>,
    /// When each person proposed.
    proposals: BTreeMap<PersonId, Vec<Duration>>,
    /// When readings alone are told again.
    tell_next: Duration,
    tell: watch::Sender<Arc<Vec<Recheck>>>,
}

impl PendingPlans {
    /// None yet.
    pub(super) fn new(tell: watch::Sender<Arc<Vec<Recheck>>>) -> Self {
        Self { deadlines: Deadlines::default(), proposals: BTreeMap::new(), tell_next: Duration::ZERO, tell }
    }

    /// A plan was proposed: its time begins.
    pub(super) fn proposed(&mut self, plan: &Plan, by: &PersonId, now: Duration) {
        self.deadlines.set(plan.plan.clone(), now + Duration::from_secs(plan.ttl_s));
        self.proposals.entry(by.clone()).or_default().push(now);
    }

    /// Proposals of this person in the last minute.
    pub(super) fn recent_proposals(&mut self, by: &PersonId, now: Duration) -> usize {
        let since = now.saturating_sub(RECENT);
        let times = self.proposals.entry(by.clone()).or_default();
        times.retain(|at| *at >= since);
        times.len()
    }

    /// Whether the plan's time has passed.
    pub(super) fn is_late(&self, plan: &PlanId, now: Duration) -> bool {
        self.deadlines.is_late(plan, now)
    }

    /// Plans whose time has passed and that were not forgotten yet.
    pub(super) fn late(&self, now: Duration) -> Vec<PlanId> {
        self.deadlines.late(now)
    }

    /// The plan waits no more.
    pub(super) fn forget(&mut self, plan: &PlanId) {
        self.deadlines.forget(plan);
    }

    /// Tells consoles what the plans that wait rest on. Readings alone are told four times a minute: a link may be bad.
    pub(super) fn tell(&mut self, all: Vec<Recheck>, now: Duration) {
        let told = self.tell.borrow().clone();
        let same = told.len() == all.len() && told.iter().zip(&all).all(|(told, now)| now.says_as(told));
        if !same || (!all.is_empty() && now >= self.tell_next) {
            self.tell_next = now + TOLD_EVERY;
            self.tell.send_replace(Arc::new(all));
        }
    }
}
