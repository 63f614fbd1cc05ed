//! What a plan is built from, and what its builder gives back.

use std::collections::BTreeMap;

use crate::board::JudgedBoard;
use crate::model::plan::{HeadRef, RefusalKind, ShownChange};
use crate::model::{ClusterRole, IncidentId, Objective, PersonId, PlanId, Policy, Refusal, SourceId, Stamp, Step};

/// Everything a plan is built from.
#[derive(Clone, Debug)]
pub struct PlanContext<'a> {
    pub now: Stamp,
    pub room: &'a str,
    pub incident: IncidentId,
    pub plan: PlanId,
    pub by: PersonId,
    pub policy: &'a Policy,
    pub policy_digest: &'a str,
    pub people_digest: &'a str,
    pub supersedes: Option<PlanId>,
    pub head: HeadRef,
    pub objective: &'a Objective,
    /// The cluster that was asked for; `None` = the first that can take it.
    pub to: Option<&'a str>,
    pub board: &'a JudgedBoard,
    /// Identity of the credential of each source that has one.
    pub credentials: &'a BTreeMap<SourceId, String>,
    pub cluster_roles: &'a BTreeMap<String, ClusterRole>,
}

/// What a builder decides; [`build`](super::build) adds what all plans share.
pub struct PlanBody {
    pub title: String,
    pub confirm: String,
    pub shown: Vec<ShownChange>,
    pub warnings: Vec<String>,
    pub steps: Vec<Step>,
    pub locks: Vec<String>,
}

/// "Not ready": why there is no plan now, and what would make one possible.
pub fn refuse(why: impl AsRef<str>, remedy: impl AsRef<str>) -> Refusal {
    Refusal::new(RefusalKind::NotReady, why, remedy)
}
