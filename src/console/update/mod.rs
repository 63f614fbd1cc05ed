//! `update`: one input, a changed app, and what it wants done. Pure: no clock, no file, no socket.

mod entry;
mod keys;
mod palette;
mod plan;
mod press;
mod reply;
mod room;
mod silence;

use std::time::Duration;

use super::app::{App, MAX_WAITING, Waiting};
use super::effect::Effect;
use super::input::{Input, Now};
use super::theme::Role;
use crate::protocol::Request;

/// How long a changed row stays bold.
pub const CHANGE_SHOWS: Duration = Duration::from_secs(2);

/// Takes in one input.
pub fn update(app: &mut App, input: Input, now: Now) -> Vec<Effect> {
    app.now = now;
    if app.notice.as_ref().is_some_and(|notice| notice.until <= now.real) {
        app.notice = None;
    }
    app.changed.retain(|_, at| *at + CHANGE_SHOWS > now.real);
    app.dirty = true;
    let effects = match input {
        Input::Key(key) => press::press(app, key),
        Input::Paste(text) => {
            entry::paste(app, &text);
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
        Input::Room(event) => {
            room::hear(app, *event);
            Vec::new()
        }
        Input::Reply { tag, result } => reply::take(app, tag, result),
    };
    app.settle();
    effects
}

/// Asks the room, unless too much is outstanding already.
fn ask(app: &mut App, what: Waiting, request: Request) -> Option<Effect> {
    if app.waiting.len() >= MAX_WAITING {
        app.say(Role::Warning, "The room has not answered yet; nothing more was sent. Try again in a moment.");
        return None;
    }
    let tag = app.next_tag;
    app.next_tag += 1;
    app.waiting.insert(tag, what);
    Some(Effect::Ask { tag, request })
}

/// The tag of a request that was just asked.
fn tag_of(effect: Option<&Effect>) -> Option<u64> {
    match effect {
        Some(Effect::Ask { tag, .. }) => Some(*tag),
        _ => None,
    }
}
