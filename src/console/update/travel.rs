//! Up and down: in a page, in a list of choices, among the rows of a pane.

use crate::console::app::Console;
use crate::console::keymap::Command;
use crate::console::overlay::Overlay;
use crate::console::{rows, view};

use super::{filter, silence};

/// Moves in the layer on top.
pub(super) fn travel(app: &mut Console, command: Command) {
    let page = usize::from(app.size.1.saturating_sub(4)).max(1);
    match app.overlays.last_mut() {
        Some(
            Overlay::Help { scroll }
            | Overlay::Situation { scroll }
            | Overlay::Readiness { scroll }
            | Overlay::Detail { scroll, .. },
        ) => {
            *scroll = match command {
                Command::Up => scroll.saturating_sub(1),
                Command::PageUp => scroll.saturating_sub(page),
                Command::Down => *scroll + 1,
                Command::PageDown => *scroll + page,
                Command::Top => 0,
                _ => usize::MAX,
            };
            let most = view::open_page::most_scroll(app);
            if let Some(
                Overlay::Help { scroll }
                | Overlay::Situation { scroll }
                | Overlay::Readiness { scroll }
                | Overlay::Detail { scroll, .. },
            ) = app.overlays.last_mut()
            {
                *scroll = (*scroll).min(most);
            }
        }
        Some(Overlay::Silence(form)) => silence::travel(form, command == Command::Down),
        // A line has nothing above or below it.
        Some(Overlay::Write(_) | Overlay::Jump { .. }) => {}
        // In a filter these go through what completes it.
        Some(Overlay::Filter { .. }) => filter::complete(app, command == Command::Down),
        Some(Overlay::Menu(menu)) => {
            let last = menu.items.len().saturating_sub(1);
            menu.cursor = match command {
                Command::Up => menu.cursor.saturating_sub(1),
                _ => (menu.cursor + 1).min(last),
            };
        }
        _ => travel_pane(app, command),
    }
}

/// Moves among the rows of the pane in focus.
pub(super) fn travel_pane(app: &mut Console, command: Command) {
    let pane = app.focus;
    let rows = rows::visible(app, pane);
    let Some(last) = rows.len().checked_sub(1) else { return };
    let page = view::layout::arrange(app).body(pane).map_or(1, |body| usize::from(body.height).max(2) - 1);
    let at = app.pane(pane).index.min(last);
    let to = match command {
        Command::Up => at.saturating_sub(1),
        Command::PageUp => at.saturating_sub(page),
        Command::Down => at + 1,
        Command::PageDown => at + page,
        Command::Top => 0,
        _ => last,
    };
    let to = to.min(last);
    // At the end of the timeline the cursor lets go, and new entries are followed again.
    let follow = command == if pane.newest_last() { Command::Bottom } else { Command::Top };
    let cursor = if follow { None } else { rows.get(to).map(|entry| entry.key()) };
    let state = app.pane_mut(pane);
    (state.index, state.cursor) = (to, cursor);
}
