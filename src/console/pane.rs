//! The panes: their numbers, names and what their rows come from. What a pane shows is in its own file below `view`, bound
//! to it in `view::panes`.

use crate::model::{System, Topic, TransitionKind};

macro_rules! panes {
    ($($(#[$doc:meta])* $variant:ident $id:literal $title:literal [$($topic:ident),*];)*) => {
        /// The panes, in the order of their numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Pane {
            $($(#[$doc])* $variant,)*
        }

        impl Pane {
            /// Every pane.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its word in plain mode and in the file that keeps the layout.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }

            /// The word in its title.
            pub fn title(self) -> &'static str {
                match self {
                    $(Self::$variant => $title,)*
                }
            }

            /// The tables whose rows it shows.
            pub fn topics(self) -> &'static [Topic] {
                match self {
                    $(Self::$variant => &[$(Topic::$topic),*],)*
                }
            }
        }
    };
}

panes! {
    /// Every alert that an Alertmanager holds, with who is told of it.
    Alerts "alerts" "Alerts" [Alerts];
    /// Where users go, whether they are answered well, and what is left of the error budget.
    Traffic "traffic" "Traffic" [Traffic, Slo];
    /// Restore points against their objectives, locations, restores.
    Backups "backups" "Backups" [Backups];
    /// Whether DR has what the primary has, and every application.
    Gitops "gitops" "GitOps" [Gitops];
    /// The clusters and what their events say, grouped.
    Events "events" "Events" [Clusters, Events];
    /// What was recorded: it has no table, and does not grow old.
    Timeline "timeline" "Timeline" [];
    /// Who is here and who leads; its rows come from the room, not from a system.
    People "people" "People" [];
}

impl Pane {
    /// The key that goes to it, and the number in its title.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    /// So many panes further, round and round.
    pub fn step(self, by: isize) -> Self {
        let at = (self as isize + by).rem_euclid(Self::ALL.len() as isize);
        Self::ALL[at.unsigned_abs()]
    }

    /// Whether its newest row stands last and is followed as it grows; elsewhere the first row is what matters most.
    pub fn newest_last(self) -> bool {
        self == Self::Timeline
    }

    /// The pane with this id.
    pub fn by_id(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|pane| pane.id() == id)
    }

    /// Whether a system's sources stand behind it.
    pub fn is_from(self, system: System) -> bool {
        self.topics().iter().any(|topic| topic.systems().contains(&system))
    }

    /// The pane that a recorded change belongs to, by its kind and the source that it came from; `None` = the room's own.
    pub fn of_change(kind: &TransitionKind, source: &str) -> Option<Self> {
        let of_source = || System::ALL.iter().find(|system| source.split('/').next() == Some(system.name()));
        let family = kind.family()?;
        let topic = family.topic().or_else(|| match family.is_of_a_source() {
            true => of_source().map(|system| system.topic()),
            false => None,
        })?;
        Self::ALL.iter().copied().find(|pane| pane.topics().contains(&topic))
    }
}
