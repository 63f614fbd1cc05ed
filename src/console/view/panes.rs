//! What each pane shows of its rows, in one table: a pane is a file that exports its [`PaneSpec`], and a line here.

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::PaneEntry;
use crate::console::widget::columns::Column;
use crate::console::widget::{ColumnText, Words};

use super::{alerts, backups, events, gitops, people, timeline, traffic};

/// How a pane makes cells and words of its rows.
pub struct PaneSpec {
    pub pane: Pane,
    pub columns: &'static [Column],
    pub cells: fn(&Console, &PaneEntry<'_>) -> Vec<ColumnText>,
    /// What the title says beside the name.
    pub summary: fn(&Console) -> Words,
    /// The one thing to know about it, for the strip.
    pub signal: fn(&Console) -> Words,
    /// What stands where there are no rows.
    pub empty: fn(&Console) -> String,
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
