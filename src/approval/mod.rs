//! Two persons, one plan: states of plans as a pure fold of the log, and who may do what.
//!
//! No IO and no clock. Deadlines are the engine's (boot clock): it appends `expired`, the fold believes the log.

use std::collections::BTreeMap;

use crate::model::{Actor, Digest, Plan, PlanId, SafeText, Stamp};

/// Where a plan is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PlanState {
    Proposed,
    /// Derived: enough distinct persons.
    Approved,
    Executing,
    Succeeded,
    Failed,
    Stopped,
    Interrupted,
    Rejected,
    Withdrawn,
    Expired,
    Superseded,
}

/// Where a step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    Waiting,
    Started { at: Stamp },
    Done { at: Stamp, says: SafeText },
    Failed { at: Stamp, says: SafeText },
    Unknown { at: Stamp, says: SafeText },
}

/// One approval that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    pub by: Actor,
    pub at: Stamp,
    pub seq: u64,
}

/// A plan and everything the log says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanRecord {
    pub plan: Plan,
    /// The exact canonical bytes that were hashed.
    pub bytes: String,
    pub digest: Digest,
    pub by: Actor,
    pub proposed_at: Stamp,
    pub proposed_seq: u64,
    pub approvals: Vec<Approval>,
    pub state: PlanState,
    /// One per step of the plan, in order.
    pub steps: Vec<StepState>,
    /// A person asked to stop before the next step.
    pub held: bool,
    /// Why it ended: reason of a rejection, the outcome's words.
    pub says: SafeText,
    /// When it reached its last state.
    pub changed_at: Stamp,
    /// What reading found after an interruption.
    pub reconciled: Option<crate::model::entry::Reconciliation>,
    /// Sequence numbers of every entry about it.
    pub seqs: Vec<u64>,
}

/// Every plan of a log.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plans {
    pub by_id: BTreeMap<PlanId, PlanRecord>,
}

/// An entry that does not fit the state of its plan: ignored by the fold, and flagged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    pub seq: u64,
    pub plan: Option<PlanId>,
    pub why: SafeText,
}

impl Plans {
    /// Stands in until the fold of this room lands: believes nothing.
    pub fn apply(&mut self, _entry: &crate::model::Entry) -> Result<(), Anomaly> {
        Ok(())
    }
}
