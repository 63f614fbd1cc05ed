//! What each pane says of how its rows are shown.

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::PaneEntry;
use crate::console::widget::columns::Column;
use crate::console::widget::{ColumnText, Words};

/// How a pane makes cells and words of its rows.
pub struct PaneSpec {
    /// The pane that it is about.
    pub pane: Pane,
    /// From left to right; what narrow screens leave out is each column's own to say.
    pub columns: &'static [Column],
    /// The texts of one row, one for each of `columns`.
    pub cells: fn(&Console, &PaneEntry<'_>) -> Vec<ColumnText>,
    /// What the title says beside the name.
    pub summary: fn(&Console) -> Words,
    /// The one thing to know about it, for the strip.
    pub signal: fn(&Console) -> Words,
    /// What stands where there are no rows.
    pub empty: fn(&Console) -> String,
}
