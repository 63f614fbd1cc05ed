//! Two persons, one plan: states of plans as a pure fold of the log, and who may do what.
//!
//! No IO and no clock. Deadlines are the engine's (boot clock): it appends `expired`, the fold believes the log.

mod authorize;
mod checks;
mod fold;
mod redaction;

#[cfg(test)]
mod model_check;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use authorize::{
    CLAIM_WITHIN_S, MAX_OPEN, MAX_PER_MINUTE, Requester, RoomNow, may_approve, may_begin, may_claim, may_hold,
    may_propose, may_reject, may_start, may_withdraw,
};
pub use fold::Anomaly;
pub use redaction::{
    Redaction, RedactionState, Redactions, may_approve_redaction, may_propose_redaction, may_refuse_redaction,
    no_redaction,
};

use crate::model::clean;
use crate::model::{Actor, Digest, Level, PersonId, Plan, PlanId, SafeText, Stamp};

/// Where a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanState {
    /// Waits for persons: the state that every plan begins in.
    Proposed,
    /// Derived: enough distinct persons.
    Approved,
    /// Claimed: it runs, and nobody else may run it.
    Executing,
    /// Every step is done, its effect seen.
    Succeeded,
    /// A step failed, or its effect was not seen in time; or a precondition broke before anything was sent.
    Failed,
    /// A person held it, and no step was begun after that.
    Stopped,
    /// The room ended while it ran, or its run broke off: what it did is found by reading.
    Interrupted,
    /// An operator refused it before it was claimed.
    Rejected,
    /// Its proposer took it back before it was claimed.
    Withdrawn,
    /// Nobody confirmed it in time, or what it relied on changed before it was claimed.
    Expired,
    /// Another plan was proposed in its place.
    Superseded,
}

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum StepState {
    /// Not begun: the state that every step begins in.
    Waiting,
    /// About to write, or has written: without an end it is not known which.
    Started {
        /// When the entry was recorded, before the first byte left.
        at: Stamp,
    },
    /// Its effect was seen; only then may the next one begin.
    Done {
        /// When that was recorded.
        at: Stamp,
        /// The answer or reading that proves it.
        says: SafeText,
    },
    /// It certainly had no effect, or certainly failed.
    Failed {
        /// When that was recorded.
        at: Stamp,
        /// What failed, in words.
        says: SafeText,
    },
    /// Nothing certain can be said: the answer was lost, or the effect was not seen in time.
    Unknown {
        /// When that was recorded.
        at: Stamp,
        /// What is not known, in words.
        says: SafeText,
    },
}

/// One approval that counts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Approval {
    /// Neither the proposer nor anybody whose approval counts already, other accounts of theirs included.
    pub by: Actor,
    /// When it was recorded.
    pub at: Stamp,
    /// The entry that says so.
    pub seq: u64,
}

/// A plan and everything the log says about it.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PlanRecord {
    /// Read from `bytes`.
    pub plan: Plan,
    /// The exact canonical bytes that were hashed.
    #[serde(deserialize_with = "clean::exact")]
    pub bytes: String,
    /// SHA-256 of `bytes`, computed by the fold: an entry that names another one is ignored.
    pub digest: Digest,
    /// The proposer, whose person the plan names too.
    pub by: Actor,
    /// When it was recorded: the time to live counts from here.
    pub proposed_at: Stamp,
    /// The entry `proposed`; plans are shown in this order.
    pub proposed_seq: u64,
    /// In the order they were recorded, each of another person; the proposer is not among them.
    pub approvals: Vec<Approval>,
    /// Never goes back, and an ended plan never opens again.
    pub state: PlanState,
    /// One per step of the plan, in order.
    pub steps: Vec<StepState>,
    /// A person asked to stop before the next step.
    pub held: bool,
    /// Who refused it.
    pub refused_by: Option<PersonId>,
    /// Why it ended: reason of a rejection, the outcome's words.
    pub says: SafeText,
    /// When it reached its last state.
    pub changed_at: Stamp,
    /// What reading found after an interruption.
    pub reconciled: Option<crate::model::entry::Reconciliation>,
    /// What the Restore of a step brought back, by the step's id.
    pub restored: BTreeMap<String, crate::model::entry::Restored>,
    /// Sequence numbers of every entry about it.
    pub seqs: Vec<u64>,
}

/// Every plan of a log.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Plans {
    /// Those that ended too: none is ever let go.
    pub by_id: BTreeMap<PlanId, PlanRecord>,
}

impl PlanState {
    /// The word on screen, in JSON and in refusals.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Executing => "executing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }

    /// Waiting for persons or for the claim: may still be rejected, withdrawn, or expire.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Proposed | Self::Approved)
    }

    /// Ended, and never open again.
    pub fn is_over(self) -> bool {
        !self.is_open() && self != Self::Executing
    }
}

impl PlanRecord {
    /// Everyone who stands behind the plan: the proposer and those whose approval counts.
    pub fn persons(&self) -> BTreeSet<&PersonId> {
        std::iter::once(&self.by.person).chain(self.approvals.iter().map(|a| &a.by.person)).collect()
    }

    /// Whether enough distinct persons, one of them not the proposer, stand behind it.
    pub fn has_quorum(&self) -> bool {
        let persons = self.persons();
        persons.len() >= self.quorum() && persons.iter().any(|p| **p != self.by.person)
    }

    /// How many more persons have to approve.
    pub fn missing_persons(&self) -> usize {
        self.quorum().saturating_sub(self.persons().len())
    }

    /// Persons needed. Two at least, whatever the plan says.
    fn quorum(&self) -> usize {
        (self.plan.policy.quorum as usize).max(2)
    }

    /// The step to start next, if the one before it is done and there is one left.
    pub fn next_step(&self) -> Option<usize> {
        let next = self.steps.iter().position(|s| !matches!(s, StepState::Done { .. }))?;
        matches!(self.steps[next], StepState::Waiting).then_some(next)
    }
}

impl Plans {
    /// One plan.
    pub fn get(&self, plan: &PlanId) -> Option<&PlanRecord> {
        self.by_id.get(plan)
    }

    /// Plans that have not ended, executing ones included, oldest first.
    pub fn open(&self) -> Vec<&PlanRecord> {
        let mut open: Vec<_> = self.by_id.values().filter(|r| !r.state.is_over()).collect();
        open.sort_by_key(|r| r.proposed_seq);
        open
    }

    /// Plans that this person could approve: proposed by someone else and not yet approved by them.
    pub fn waiting_for(&self, person: &PersonId) -> Vec<&PlanRecord> {
        let mut open = self.open();
        open.retain(|r| r.state == PlanState::Proposed && !r.persons().contains(person));
        open
    }

    /// The plan that already holds one of these locks, if any; `except` is the one about to be superseded.
    pub fn holder_of(&self, locks: &[String], except: Option<&PlanId>) -> Option<&PlanRecord> {
        self.open().into_iter().find(|r| Some(&r.plan.plan) != except && r.plan.locks.iter().any(|l| locks.contains(l)))
    }
}

/// Whether two actors are one human: the same person, or outside a drill the same account. In a drill every console
/// may come from one account, so there only the name tells people apart.
fn same_human(a: &Actor, b: &Actor) -> bool {
    let drill = a.level == Level::Drill || b.level == Level::Drill;
    a.person == b.person || (!drill && a.uid.is_some() && a.uid == b.uid)
}
