//! What rows each pane has, in one table: a pane is a file that exports its [`RowsSpec`], and a line here.

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::EntryRef;
use crate::console::time_travel::{PastTopic, TimeTravel};
use crate::model::Topic;

use super::{alerts, backups, events, gitops, people, timeline, traffic};

/// How a pane makes rows of what the console knows.
pub struct RowsSpec {
    pub pane: Pane,
    /// What they are made of. What is not named here may change and the rows are not made anew.
    pub made_of: RowsMadeOf,
    /// Every row.
    pub entries: fn(&Console) -> Vec<EntryRef>,
    /// The rows of a pane that is neither filtered nor in the past: those that say something of their own. `None` = every row.
    pub brief: Option<fn(&Console) -> Vec<EntryRef>>,
    /// When the brief form is shown.
    pub brief_while: BriefWhile,
    /// Whether rows that the brief form leaves out are named beside a row of another pane.
    pub related_in_full: bool,
    pub past: PaneHistory,
}

/// What rows are made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowsMadeOf {
    pub topics: &'static [Topic],
    /// The incident and its entries.
    pub story: bool,
    /// Who is present.
    pub people: bool,
    /// What was promised of services.
    pub objectives: bool,
    /// Time alone changes them.
    pub time: bool,
}

impl RowsMadeOf {
    /// Of the rows of topics alone.
    pub const fn topics(topics: &'static [Topic]) -> Self {
        Self { topics, story: false, people: false, objectives: false, time: false }
    }
}

/// When a pane shows its rows in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BriefWhile {
    /// As long as nobody filters. Who looks for words wants each row; who looks at the pane wants to know what broke.
    Unfiltered,
    /// And it has not the whole screen.
    NotZoomed,
    /// And not only what is wrong is shown.
    NotZoomedNorWarnings,
}

impl BriefWhile {
    /// Whether an unfiltered pane is shown in brief.
    pub fn holds(self, zoomed: bool, warnings: bool) -> bool {
        match self {
            Self::Unfiltered => true,
            Self::NotZoomed => !zoomed,
            Self::NotZoomedNorWarnings => !zoomed && !warnings,
        }
    }
}

/// What a pane shows of an earlier instant.
#[derive(Clone, Copy)]
pub enum PaneHistory {
    /// The last recorded change of each thing.
    Changes,
    /// The rows that the room kept, and the changes before them or in their place.
    Kept { topic: Topic, kept: fn(&TimeTravel) -> &PastTopic, with_changes: bool, none: &'static str },
    /// Its own rows, as recorded by then.
    AsRecorded,
    /// Nothing, with where to look.
    Nothing(&'static str),
}

/// The table, in the order of their numbers.
const PANES: &[&RowsSpec] =
    &[&alerts::ROWS, &traffic::ROWS, &backups::ROWS, &gitops::ROWS, &events::ROWS, &timeline::ROWS, &people::ROWS];

/// What rows a pane has.
pub fn of(pane: Pane) -> &'static RowsSpec {
    PANES[pane as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pane_has_its_line_in_the_order_of_their_numbers() {
        assert!(PANES.iter().map(|spec| spec.pane).eq(Pane::ALL.iter().copied()));
    }
}
