//! The mouse, where it was taken: the wheel scrolls, a click chooses. It never opens, confirms or sends anything.

use crate::console::app::Console;
use crate::console::input::Mouse;
use crate::console::keymap::Command;
use crate::console::overlay::Overlay;
use crate::console::rows;
use crate::console::view;

use super::{plan, travel};

/// Rows of one turn of the wheel.
const TURN: usize = 3;

/// Takes in what the mouse did.
pub(super) fn take(app: &mut Console, mouse: Mouse) {
    match mouse {
        Mouse::Up { x, y } => wheel(app, x, y, Command::Up),
        Mouse::Down { x, y } => wheel(app, x, y, Command::Down),
        Mouse::Click { x, y } => click(app, x, y),
    }
}

fn wheel(app: &mut Console, x: u16, y: u16, command: Command) {
    match app.overlays.last() {
        None => over(app, x, y),
        Some(Overlay::Plan(_)) => {
            for _ in 0..TURN {
                plan::run(app, command);
            }
            return;
        }
        // In a list that is chosen from the wheel would choose; in a line there is nothing to scroll.
        Some(Overlay::Help { .. } | Overlay::Situation { .. } | Overlay::Detail { .. }) => {}
        Some(_) => return,
    }
    for _ in 0..TURN {
        travel::travel(app, command);
    }
}

/// The pane under the pointer becomes the one in focus.
fn over(app: &mut Console, x: u16, y: u16) {
    let places = view::layout::arrange(app).places;
    let inside = places.iter().find(|place| place.body.contains((x, y).into()) || place.title.contains((x, y).into()));
    if let Some(pane) = inside.map(|place| place.pane) {
        app.focus_on(pane);
    }
}

fn click(app: &mut Console, x: u16, y: u16) {
    if !app.overlays.is_empty() {
        return;
    }
    over(app, x, y);
    let pane = app.focus;
    let body = view::layout::arrange(app).body(pane).filter(|body| body.contains((x, y).into()));
    let Some(body) = body else { return };
    let at = app.pane(pane).top + usize::from(y - body.y);
    let key = rows::visible(app, pane).get(at).map(|entry| entry.key());
    if let Some(key) = key {
        let state = app.pane_mut(pane);
        (state.index, state.cursor) = (at, Some(key));
    }
}
