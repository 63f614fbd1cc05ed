//! Plan builders: a dangerous act becomes a value that two persons can read, from the board and the objective alone.
//!
//! [`build`] makes a [`Plan`] or says in words why it can't; [`preflight`] compares what a step relies on with what was
//! read again just before it; [`manual`] prints the commands for when only one person can be reached. Pure: `now` is in
//! the [`PlanContext`]. No parameter of a step comes from a free-text field: ids and names are checked ([`identifiers`]).
//!
//! All that is particular to an action stands in one file of its own: its [`ActionSpec`].

mod board_query;
mod catalog;
mod failover;
mod identifiers;
mod lb_overrides;
mod manual_commands;
mod pools;
mod preflight;
mod recheck;
mod restore;
mod restore_points;
mod restore_steps;
mod restore_summary;
pub mod silence;
mod target_cluster;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use catalog::{ACTIONS, ActionSpec, spec};
pub use identifiers::restore_name;
pub use manual_commands::{found, manual};
pub use preflight::{BrokenPrecondition, Progress, holds, judge, needed, preflight, resolve};
pub use recheck::recheck;

use crate::board::JudgedBoard;
use crate::model::plan::{HeadRef, PolicyRef, RefusalKind, ShownChange};
use crate::model::{
    ACCOUNT_ALONE, Action, ClusterRole, IncidentId, Level, Objective, PersonId, Plan, PlanId, Policy, Refusal,
    SourceId, Stamp, Step,
};
use crate::seal;

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

/// What a builder decides; [`build`] adds what all plans share.
struct PlanBody {
    title: String,
    confirm: String,
    shown: Vec<ShownChange>,
    warnings: Vec<String>,
    steps: Vec<Step>,
    locks: Vec<String>,
}

/// Builds the plan of an action, or says in words why there can't be one now.
pub fn build(action: Action, context: &PlanContext) -> Result<Plan, Refusal> {
    let body = (spec(action).build)(context)?;
    let service = identifiers::name("the service", &context.objective.service)?;
    let plan = Plan {
        v: 1,
        room: identifiers::words(context.room),
        incident: context.incident.clone(),
        plan: context.plan.clone(),
        action,
        service,
        title: body.title,
        confirm: body.confirm,
        shown: body.shown,
        warnings: body.warnings.into_iter().chain(of_level(context.policy.level)).collect(),
        cred_ids: cred_ids(&body.steps, context),
        steps: body.steps,
        locks: body.locks,
        policy: PolicyRef {
            quorum: context.policy.quorum,
            level: context.policy.level,
            digest: context.policy_digest.to_owned(),
        },
        people_digest: context.people_digest.to_owned(),
        by: context.by.clone(),
        ttl_s: context.policy.ttl_s,
        supersedes: context.supersedes.clone(),
        head: context.head.clone(),
    };
    // Refused here, before anyone reads it: a plan whose bytes can't be sealed could be neither hashed nor compared.
    seal::plan_bytes(&plan)
        .map_err(|e| refuse(format!("The plan can't be sealed: {e}."), "Check the names in the configuration."))?;
    Ok(plan)
}

/// What whoever confirms must know about how surely the others are known.
fn of_level(level: Level) -> Option<String> {
    (level == Level::Account).then(|| ACCOUNT_ALONE.to_owned())
}

/// The credentials that the steps would use, by identity, each once and in the order of the steps.
fn cred_ids(steps: &[Step], context: &PlanContext) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for step in steps.iter().filter(|step| step.request.writes()) {
        let id = match context.credentials.get(&step.target.src) {
            Some(credential) if !credential.is_empty() => {
                format!("{}: {}", step.target.src, identifiers::words(credential))
            }
            _ => format!("{}: not named", step.target.src),
        };
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// "Not ready": why there is no plan now, and what would make one possible.
fn refuse(why: impl AsRef<str>, remedy: impl AsRef<str>) -> Refusal {
    Refusal::new(RefusalKind::NotReady, why, remedy)
}
