//! The actions: what a plan can do, a line each. What an action asks, builds and says is in its own file below
//! `src/actions`, bound to it in `actions::ACTIONS`; here stands what the record of an incident needs to know of it.

use serde::{Deserialize, Serialize};

use super::{IncidentStatus, Milestone, TransitionFamily};

/// What an action means for the incident in which a plan of it runs.
struct ActionMeaning {
    /// How the incident stands once it was confirmed, if it was not further already.
    status: IncidentStatus,
    /// The milestone that it leads to.
    milestone: Milestone,
    /// Changes of the service that are its doing while it runs and just after, though they do not name it.
    explains: Option<TransitionFamily>,
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident $word:literal = $meaning:expr;)*) => {
        /// What a plan does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: [Self; [$($word),*].len()] = [$(Self::$variant,)*];

            /// The word typed and logged.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            fn meaning(self) -> ActionMeaning {
                match self {
                    $(Self::$variant => $meaning,)*
                }
            }
        }
    };
}

actions! {
    /// Move a service's traffic to DR at the edge.
    Failover "failover" = ActionMeaning {
        status: IncidentStatus::Mitigating,
        milestone: Milestone::TrafficSwitched,
        explains: Some(TransitionFamily::Traffic),
    };
    /// Restore a service's data on the DR cluster.
    Restore "restore" = ActionMeaning {
        status: IncidentStatus::Recovering,
        milestone: Milestone::Restored,
        explains: None,
    };
}

impl Action {
    /// The action with this word.
    pub fn by_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == word)
    }

    /// How the incident stands once a plan of it was confirmed, if it was not further already.
    pub fn status_once_confirmed(self) -> IncidentStatus {
        self.meaning().status
    }

    /// The milestone that it leads to.
    pub fn milestone(self) -> Milestone {
        self.meaning().milestone
    }

    /// Whether changes of this family, at the service of a plan of it, are its doing while it runs and just after.
    pub fn explains(self, family: TransitionFamily) -> bool {
        self.meaning().explains == Some(family)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_written_by_its_word() {
        for action in Action::ALL {
            assert_eq!(serde_json::to_value(action).expect("a word"), action.name());
            assert_eq!(Action::by_name(action.name()), Some(action));
        }
        assert_eq!(Action::by_name("failback"), None);
    }
}
