//! Every action with all that is particular to it: what it asks, what may be chosen, how its plan is built, what is said of
//! it. Each is told in its own file; what the record of an incident needs to know of it stands in `model::action`.

use crate::model::{Action, Objective, Refusal};

use super::{PlanBody, PlanContext, failover, restore};

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

/// All that is particular to an action.
pub const fn spec(action: Action) -> &'static ActionSpec {
    match action {
        Action::Failover => &failover::SPEC,
        Action::Restore => &restore::SPEC,
    }
}

/// The same of every action.
pub const ACTIONS: [&ActionSpec; Action::ALL.len()] = {
    let mut all = [spec(Action::ALL[0]); Action::ALL.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = spec(Action::ALL[i]);
        i += 1;
    }
    all
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_own_file() {
        assert_eq!(ACTIONS.map(|it| it.action), Action::ALL);
    }
}
