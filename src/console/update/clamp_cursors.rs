//! Cursors stay on their rows, and rows on the screen, after anything changed.

use crate::console::app::Console;
use crate::console::rows;
use crate::console::view;

/// Puts the cursor and the first row of each pane on the screen where they belong now.
pub(super) fn clamp_cursors(app: &mut Console) {
    for place in view::layout::arrange(app).places {
        let pane = place.pane;
        let height = usize::from(view::pane::rows_height(app, pane, place.body)).max(1);
        let (rows, state) = (rows::visible(app, pane), app.pane(pane));
        let (count, mut index, mut top) = (rows.len(), state.index, state.top);
        let mut cursor = state.cursor.clone();
        let last = count.saturating_sub(1);
        match cursor.as_ref().map(|key| rows.position(key, index)) {
            None => index = if pane.newest_last() { last } else { 0 },
            Some(Some(at)) => {
                // The row moved in the list: the window moves with it, so that it stays where the eye is.
                top = (top + at).saturating_sub(index);
                index = at;
            }
            Some(None) => {
                index = index.min(last);
                cursor = rows.get(index).map(|entry| entry.key());
            }
        }
        let lowest = index.saturating_sub(height - 1);
        top = top.clamp(lowest, index.max(lowest)).min(count.saturating_sub(height));
        let state = app.pane_mut(pane);
        (state.cursor, state.index, state.top) = (cursor, index, top);
    }
}
