//! Plan builders: a dangerous act becomes a value that two persons can read, from the board and the objective alone.
//!
//! [`build`] makes a [`Plan`] or says in words why it can't; [`preflight`] compares what a step relies on with what was
//! read again just before it; [`manual`] prints the commands for when only one person can be reached. Pure: `now` is in
//! the [`PlanContext`]. No parameter of a step comes from a free-text field: ids and names are checked ([`identifiers`]).
//!
//! All that is particular to an action stands in one file of its own: its [`ActionSpec`].

mod action_spec;
mod board_query;
mod catalog;
mod failover;
mod identifiers;
mod lb_overrides;
mod manual_commands;
mod plan_context;
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

pub use action_spec::ActionSpec;
pub use catalog::{ACTIONS, spec};
pub use identifiers::restore_name;
pub use manual_commands::{found, manual};
pub use plan_context::PlanContext;
pub use preflight::{BrokenPrecondition, Progress, holds, judge, needed, preflight, resolve};
pub use recheck::recheck;

use crate::model::plan::PolicyRef;
use crate::model::{ACCOUNT_ALONE, Action, Level, Plan, Refusal, Step};
use crate::seal;
use plan_context::{PlanBody, refuse};

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
