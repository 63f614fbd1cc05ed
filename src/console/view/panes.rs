//! What each pane shows, in one table: a pane is a file that exports its [`PaneSpec`], and a line here.

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::time_travel::{PastTopic, TimeTravel};
use crate::console::widget::columns::Column;
use crate::console::widget::{ColumnText, Words};
use crate::model::Topic;

use super::pane_rows::PaneEntry;
use super::{alerts, backups, events, gitops, people, timeline, traffic};

/// How a pane makes rows, cells and words of what the console knows.
pub struct PaneSpec {
    pub pane: Pane,
    pub columns: &'static [Column],
    /// Every row.
    pub entries: for<'a> fn(&'a Console) -> Vec<PaneEntry<'a>>,
    /// The rows of a pane that is neither filtered nor in the past: those that say something of their own.
    pub brief: for<'a> fn(&'a Console) -> Vec<PaneEntry<'a>>,
    /// When the brief form is shown.
    pub brief_while: BriefWhile,
    /// Whether rows that the brief form leaves out are named beside a row of another pane.
    pub related_in_full: bool,
    pub cells: fn(&Console, &PaneEntry<'_>) -> Vec<ColumnText>,
    /// What the title says beside the name.
    pub summary: fn(&Console) -> Words,
    /// The one thing to know about it, for the strip.
    pub signal: fn(&Console) -> Words,
    /// What stands where there are no rows.
    pub empty: fn(&Console) -> String,
    pub past: PaneHistory,
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
const PANES: &[&PaneSpec] =
    &[&alerts::PANE, &traffic::PANE, &backups::PANE, &gitops::PANE, &events::PANE, &timeline::PANE, &people::PANE];

/// What a pane shows.
pub fn spec(pane: Pane) -> &'static PaneSpec {
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
