//! The rows of a pane as words: cells to draw, and plain text to copy and to find.

use crate::board::Row;
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry};
use crate::console::theme::Role;
use crate::console::widget::ColumnText;
use crate::console::widget::canvas::span;

use super::verdict_mark::mark;
use super::{panes, time_travel};

/// The cells of a row.
pub fn cells(app: &Console, pane: Pane, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    if let (Some(item), true, true) = (entry.item(), app.past.is_some(), pane != Pane::Timeline) {
        return time_travel::cells(app, pane, item);
    }
    let spec = panes::spec(pane);
    let cells = (spec.cells)(app, entry);
    match entry.row() {
        Some(row) if cells.is_empty() => told_by_itself(app, entry, row, spec.columns.len()),
        _ => cells,
    }
}

/// A row of a kind for which the pane has no cells of its own: its title, and the sentence that it has. Never nothing.
fn told_by_itself(app: &Console, entry: &PaneEntry<'_>, row: &Row, columns: usize) -> Vec<ColumnText> {
    let (title, summary) = row.line(app.at());
    let why = if row.why.is_empty() { summary } else { row.why.to_string() };
    let mut cells = vec![ColumnText::new(); columns.max(3)];
    cells[0] = mark(entry.verdict());
    cells[1] = vec![span(Role::Strong, title)];
    cells[columns.max(3) - 1] = vec![span(Role::Text, why)];
    cells
}

/// The marked rows of a pane as plain text, in the order in which they stand there.
pub fn marked(app: &Console, pane: Pane) -> Vec<String> {
    let marks = &app.pane(pane).marks;
    if marks.is_empty() {
        return Vec::new();
    }
    let entries = rows::all(app, pane).into_iter().filter(|entry| marks.contains(&entry.key()));
    entries.map(|entry| plain(app, pane, &entry)).collect()
}

/// A row as plain text: for copying and finding.
pub fn plain(app: &Console, pane: Pane, entry: &PaneEntry<'_>) -> String {
    let mut text = String::new();
    for cell in cells(app, pane, entry) {
        let words: String = cell.iter().map(|span| span.text.as_str()).collect();
        let words = words.trim();
        if !words.is_empty() {
            if !text.is_empty() {
                text.push_str("  ");
            }
            text.push_str(words);
        }
    }
    if let Some(message) = entry.row().map(Row::message).filter(|message| !message.is_empty()) {
        text.push_str("  ");
        text.push_str(&message);
    }
    text
}
