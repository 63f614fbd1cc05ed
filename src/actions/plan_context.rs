//! What a plan is built from, and what its builder gives back.

use std::collections::BTreeMap;

use crate::board::JudgedBoard;
use crate::model::plan::{HeadRef, RefusalKind, ShownChange};
use crate::model::{ClusterRole, IncidentId, Objective, PersonId, PlanId, Policy, Refusal, SourceId, Stamp, Step};

/// Everything a plan is built from.
#[derive(Clone, Debug)]
pub struct PlanContext<'a> {
    /// By the room's clock: ages in warnings and preconditions count to it.
    pub now: Stamp,
    /// The room's own name; part of the hashed bytes.
    pub room: &'a str,
    /// The one that is open now; a plan is recorded in no other.
    pub incident: IncidentId,
    /// A ULID from the room. Names of what the plan makes derive from its digest instead.
    pub plan: PlanId,
    /// Who proposes: as the kernel and the people file say, never from the request.
    pub by: PersonId,
    /// Quorum, level and deadline as configured now; the plan keeps a copy of them.
    pub policy: &'a Policy,
    /// Of the policy as it is: a plan whose policy has changed is not approved.
    pub policy_digest: &'a str,
    /// `sha256:…` of the people file as it is.
    pub people_digest: &'a str,
    /// An open plan that ends when this one is proposed, and whose locks are no obstacle to it.
    pub supersedes: Option<PlanId>,
    /// The log's newest entry as the plan is built.
    pub head: HeadRef,
    /// Of the service that the plan is about, with its clusters, schedules and load balancer.
    pub objective: &'a Objective,
    /// The cluster that was asked for; `None` = the first that can take it.
    pub to: Option<&'a str>,
    /// As it was judged last: what the plan says of now is read again before each step.
    pub board: &'a JudgedBoard,
    /// Identity of the credential of each source that has one.
    pub credentials: &'a BTreeMap<SourceId, String>,
    /// By the cluster's name, from the configuration.
    pub cluster_roles: &'a BTreeMap<String, ClusterRole>,
}

/// What a builder decides; [`build`](super::build) adds what all plans share.
pub(super) struct PlanBody {
    pub title: String,
    pub confirm: String,
    pub shown: Vec<ShownChange>,
    pub warnings: Vec<String>,
    pub steps: Vec<Step>,
    pub locks: Vec<String>,
}

/// "Not ready": why there is no plan now, and what would make one possible.
pub(super) fn refuse(why: impl AsRef<str>, remedy: impl AsRef<str>) -> Refusal {
    Refusal::new(RefusalKind::NotReady, why, remedy)
}
