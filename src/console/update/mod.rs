//! `update`: one input, a changed app, and what it wants done. Pure: no clock, no file, no socket.

mod clamp_cursors;
mod commands;
mod filter;
mod incident;
mod key_input;
mod line;
mod mouse;
pub(super) mod older_entries;
mod open_sheet;
mod palette;
mod panes;
pub(super) mod plain_requests;
mod plan;
mod reply;
mod requests;
pub(super) mod room_events;
pub(super) mod silence;
mod text_input;
pub(super) mod time_travel;
mod travel;

pub(super) use self::plan::{open, open_waiting};

use std::time::Duration;

use crate::client::Mirror;

use super::app::Console;
use super::effect::Effect;
use super::freeze_diff::{FreezeDiff, unseen};
use super::input::{Input, Now};
use super::overlay::Overlay;
use super::saved_layout::Layout;

/// How long a changed row stays bold.
pub(super) const CHANGE_SHOWS: Duration = Duration::from_secs(2);

/// Takes in one input, and puts everything in its place.
pub fn update(app: &mut Console, input: Input, now: Now) -> Vec<Effect> {
    let by_hand = matches!(input, Input::Key(_) | Input::Paste(_));
    // What a hand means is what it saw: rows are put in their places before.
    settle(app);
    let mut effects = absorb(app, input, now);
    settle(app);
    effects.extend(by_hand.then(|| older_entries::wanted(app)).flatten());
    effects.extend(by_hand.then(|| remember(app)).flatten());
    effects
}

/// Takes in one input of several before anybody looks: [`settle`] comes once, after all of them.
pub fn absorb(app: &mut Console, input: Input, now: Now) -> Vec<Effect> {
    app.now = now;
    if app.notice.as_ref().is_some_and(|notice| notice.until <= now.real) {
        app.notice = None;
    }
    app.changed.retain(|_, at| *at + CHANGE_SHOWS > now.real);
    app.dirty = true;
    app.unsettled = true;
    match input {
        Input::Key(key) => key_input::press(app, key),
        Input::Paste(text) => {
            text_input::paste(app, &text);
            Vec::new()
        }
        Input::Resize(columns, rows) => {
            app.size = (columns, rows);
            Vec::new()
        }
        Input::Continued(columns, rows) => {
            app.size = (columns, rows);
            vec![Effect::Redraw]
        }
        // The loop has chosen the theme by it; nothing that is remembered depends on it.
        Input::Background(_) | Input::Tick => Vec::new(),
        Input::Stop => vec![Effect::Suspend],
        Input::Focus(focused) => {
            app.focused = focused;
            Vec::new()
        }
        Input::Mouse(mouse) => {
            mouse::take(app, mouse);
            Vec::new()
        }
        Input::Room(event) => {
            room_events::hear(app, *event);
            Vec::new()
        }
        Input::Reply { tag, result } => reply::take(app, tag, result),
    }
}

/// Puts everything in its place after what was taken in: cursors on their rows, rows on the screen.
pub fn settle(app: &mut Console) {
    if std::mem::take(&mut app.unsettled) {
        app.unseen = app.frozen.as_ref().map_or_else(FreezeDiff::default, |frozen| {
            let of = |mirror: &Mirror| (mirror.board.revisions(), mirror.story.revision());
            let key = (of(&frozen.mirror), of(&app.mirror));
            *app.projections.unseen.get(key, || unseen(&frozen.mirror, &app.mirror))
        });
        clamp_cursors::clamp_cursors(app);
    }
}

/// Remembers how the panes stand, if that changed; not half a filter.
fn remember(app: &mut Console) -> Option<Effect> {
    if !app.remembers || matches!(app.overlays.last(), Some(Overlay::Filter { .. })) {
        return None;
    }
    let layout = Layout::of(app);
    (layout != app.kept).then(|| {
        app.kept = layout.clone();
        Effect::Remember(Box::new(layout))
    })
}
