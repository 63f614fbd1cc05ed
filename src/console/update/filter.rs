//! The filter of a pane, being typed: rows narrow with every key, Tab completes, and what can't be read changes nothing.

use tui_input::Input as Line;

use crate::console::app::Console;
use crate::console::overlay::{Overlay, Tab};
use crate::console::rows;
use crate::model::filter::Filter;

/// Begins with the filter that the pane has.
pub(super) fn begin(app: &mut Console) {
    let pane = app.focus;
    let before = app.pane(pane).filter.clone();
    let line = Line::new(before.as_ref().map(|filter| filter.text().to_owned()).unwrap_or_default());
    app.overlays.push(Overlay::Filter { pane, line, before, problem: None, tab: None });
}

/// The line changed by hand.
pub(super) fn narrow(app: &mut Console) {
    if let Some(Overlay::Filter { tab, .. }) = app.overlays.last_mut() {
        *tab = None;
    }
    apply(app);
}

/// The rows become those of the line; while it can't be read they are what they were before it was typed, because a part
/// of it (the `sverity` of `sverity:critical`) was never meant as a filter.
fn apply(app: &mut Console) {
    let Some(Overlay::Filter { pane, line, before, problem, .. }) = app.overlays.last_mut() else { return };
    let pane = *pane;
    let filter = match Filter::parse(line.value()) {
        Ok(filter) => {
            *problem = None;
            Some(filter).filter(|filter| !filter.is_empty())
        }
        Err(error) => {
            *problem = Some(error);
            before.clone()
        }
    };
    app.pane_mut(pane).filter = filter;
}

/// Puts the next candidate (or the one before) in place of what was typed.
pub(super) fn complete(app: &mut Console, forward: bool) {
    let Some(Overlay::Filter { pane, line, tab, .. }) = app.overlays.last() else { return };
    let next = match tab {
        Some(tab) => {
            let count = tab.found.candidates.len().max(1);
            let at = if forward { tab.at + 1 } else { tab.at + count - 1 } % count;
            Tab { at, ..tab.clone() }
        }
        None => {
            let (text, cursor) = (line.value().to_owned(), line.cursor());
            let found = rows::completion(app, *pane, &text, cursor);
            let at = if forward { 0 } else { found.candidates.len().saturating_sub(1) };
            Tab { text, cursor, found, at }
        }
    };
    let Some(candidate) = next.found.candidates.get(next.at) else { return };
    let head: String = next.text.chars().take(next.found.from).collect();
    let tail: String = next.text.chars().skip(next.cursor).collect();
    let cursor = head.chars().count() + candidate.chars().count();
    let completed = Line::new(format!("{head}{candidate}{tail}")).with_cursor(cursor);
    // The only one is taken; the next Tab goes on from there.
    let only = next.found.candidates.len() == 1;
    if let Some(Overlay::Filter { line, tab, .. }) = app.overlays.last_mut() {
        *line = completed;
        *tab = (!only).then_some(next);
    }
    apply(app);
}
