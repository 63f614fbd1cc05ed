//! The plans of the log, as the person at this console stands to them.

use crate::approval::{PlanRecord, PlanState};
use crate::model::{Plan, PlanId};

use super::app::Console;
use super::keymap::KeyPress;
use super::overlay::{PlanView, Stance, Subject};

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

impl PlanView {
    /// The record in the log, if it is there.
    pub fn record<'a>(&self, app: &'a Console) -> Option<&'a PlanRecord> {
        match &self.subject {
            Subject::Known(id) => app.plan(id),
            Subject::Draft { .. } => None,
        }
    }

    /// The plan itself.
    pub fn plan<'a>(&'a self, app: &'a Console) -> Option<&'a Plan> {
        match &self.subject {
            Subject::Draft { plan, .. } => Some(plan),
            Subject::Known(id) => app.plan(id).map(|record| &record.plan),
        }
    }

    /// What this console's person can do about it.
    pub fn stance(&self, app: &Console) -> Stance {
        let Some(record) = self.record(app) else {
            return if matches!(self.subject, Subject::Draft { .. }) { Stance::Propose } else { Stance::Ended };
        };
        let me = app.me();
        match record.state {
            PlanState::Proposed if !app.may_write() => Stance::Look,
            PlanState::Proposed | PlanState::Approved if me == Some(&record.by.person) => Stance::Wait { mine: true },
            PlanState::Proposed => {
                let done = record.approvals.iter().any(|approval| me == Some(&approval.by.person));
                if done { Stance::Wait { mine: false } } else { Stance::Approve }
            }
            PlanState::Approved => Stance::Wait { mine: false },
            PlanState::Executing => Stance::Watch,
            _ => Stance::Ended,
        }
    }

    /// Whether a name is being typed here.
    pub fn types(&self, app: &Console) -> bool {
        matches!(self.stance(app), Stance::Propose | Stance::Approve)
    }

    /// Whether a key is a letter of the typed name. One that is a command works as such only while nothing is typed and the
    /// name does not begin with it.
    pub fn is_text(&self, app: &Console, key: KeyPress) -> bool {
        let Some(letter) = key.typed() else { return false };
        let begins = self.plan(app).is_some_and(|plan| plan.confirm.starts_with(letter));
        self.types(app) && self.sent.is_none() && (!self.line.value().is_empty() || begins)
    }
}
