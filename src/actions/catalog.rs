//! Every action with all that is particular to it: what it asks, what may be chosen, how its plan is built, what is said of
//! it. Each is told in its own file; what the record of an incident needs to know of it stands in `model::action`.

use crate::model::Action;

use super::action_spec::ActionSpec;
use super::{failover, restore};

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
