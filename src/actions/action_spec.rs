//! All that is particular to an action: what its file says of it.

use crate::model::{Action, Objective, Refusal};

use super::plan_context::{PlanBody, PlanContext};

/// An action, whole.
pub struct ActionSpec {
    /// Its place in `Action::ALL` is its place in `ACTIONS`.
    pub action: Action,
    /// What it does to a service: "Building the plan to fail over shop".
    pub verb: &'static str,
    /// What is asked where several services could be meant.
    pub question: &'static str,
    /// The console's command that proposes it, as key maps name it.
    pub command: &'static str,
    /// What that command does, for help.
    pub command_doc: &'static str,
    /// What its word does in plain mode.
    pub plain_doc: &'static str,
    /// The clusters that a service can be sent to by it, the first choice first.
    pub sites: fn(&Objective) -> &[String],
    /// What stands beside a service and one of these clusters where they are chosen.
    pub note: fn(&Objective, &str) -> String,
    /// What is left to do once it succeeded and the service is not seen to be back. The key of another action's command is
    /// asked for.
    pub next: fn(&dyn Fn(Action) -> String) -> String,
    /// Builds the plan, or says in words why there can't be one now.
    pub(super) build: fn(&PlanContext) -> Result<PlanBody, Refusal>,
}
