//! The panes: their numbers, names and what their rows come from. What a pane shows is in its own file below `view`, bound
//! to it in `view::panes`.

use crate::model::{System, Topic, TransitionKind};

/// Where a pane stands on a screen that has room for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaneBand {
    /// In the first row of panes.
    Top,
    /// In the second row of panes.
    Middle,
    /// In the last row of panes, which keeps what height the others leave.
    Bottom,
}

macro_rules! panes {
    ($(
        $(#[$doc:meta])* $variant:ident $id:literal $number:literal $title:literal $band:ident [$($topic:ident),*],
        plain $word:literal $takes:literal $says:literal;
    )*) => {
        /// The panes, in the order of their numbers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Pane {
            $($(#[$doc])* $variant,)*
        }

        impl Pane {
            /// Every pane.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its word in the file that keeps the layout.
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

            /// Where it stands on a wide screen.
            pub fn band(self) -> PaneBand {
                match self {
                    $(Self::$variant => PaneBand::$band,)*
                }
            }

            /// The command that goes to it, and what help says of that.
            pub const fn command(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$variant => (concat!("pane-", $number), concat!("go to pane ", $number, ", ", $title)),)*
                }
            }

            /// Its word in plain mode, what may follow, and what it does.
            pub const fn plain(self) -> (&'static str, &'static str, &'static str) {
                match self {
                    $(Self::$variant => ($word, $takes, $says),)*
                }
            }
        }
    };
}

panes! {
    /// Every alert that an Alertmanager holds, with who is told of it.
    Alerts "alerts" 1 "Alerts" Top [Alerts],
        plain "alerts" "[WORDS]" "the alerts; with words, those that have them (so for all panes)";
    /// Where users go, whether they are answered well, and what is left of the error budget.
    Traffic "traffic" 2 "Traffic" Top [Traffic, Slo],
        plain "traffic" "[WORDS]" "load balancers, pools, probes, error budgets";
    /// Restore points against their objectives, locations, restores.
    Backups "backups" 3 "Backups" Top [Backups],
        plain "backups" "[WORDS]" "restore points against their objectives, locations, restores";
    /// Whether DR has what the primary has, and every application.
    Gitops "gitops" 4 "GitOps" Middle [Gitops],
        plain "gitops" "[WORDS]" "parity and every application";
    /// The clusters and what their events say, grouped.
    Events "events" 5 "Events" Middle [Clusters, Events],
        plain "events" "[WORDS]" "clusters and their events";
    /// What was recorded: it has no table, and does not grow old.
    Timeline "timeline" 6 "Timeline" Bottom [],
        plain "timeline" "[WORDS]" "what has happened";
    /// Who is here and who leads; its rows come from the room, not from a system.
    People "people" 7 "People" Bottom [],
        plain "who" "" "who is here";
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

    /// The panes that show tables: what is wrong now stands in one of them.
    pub fn with_tables() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|pane| !pane.topics().is_empty())
    }

    /// The pane with this word in plain mode, or this id.
    pub fn by_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|pane| pane.plain().0 == word || pane.id() == word)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pane_is_gone_to_by_its_number() {
        for pane in Pane::ALL {
            assert_eq!(pane.command().0, format!("pane-{}", pane.number()));
        }
    }
}
