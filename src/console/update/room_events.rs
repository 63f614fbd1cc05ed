//! What the room says goes into the mirror; rows whose verdict changed are marked for the eye.

use std::collections::HashMap;

use crate::approval::PlanState;
use crate::board::Row;
use crate::client::ClientEvent;
use crate::console::app::Console;
use crate::console::overlay::Overlay;
use crate::protocol::Push;

/// The most rows that can be marked as changed at once; beyond that everything changed and bold says nothing.
const MAX_CHANGED: usize = 128;

/// Takes in an event of the connection.
pub(crate) fn hear(app: &mut Console, event: ClientEvent) {
    if let ClientEvent::Push(Push::Board(delta)) = &event
        && !delta.snapshot
    {
        let new: HashMap<&str, &Row> = delta.upserts.iter().map(|row| (row.id.as_str(), row)).collect();
        for old in app.mirror.rows(delta.topic) {
            let Some(row) = new.get(old.id.as_str()) else { continue };
            let differs = old.verdict != row.verdict || old.stale != row.stale;
            if differs && app.changed.len() < MAX_CHANGED {
                app.changed.insert((delta.topic, row.id.clone()), app.now.real);
            }
        }
    }
    if let ClientEvent::Linked(welcome) = &event {
        // Nothing of a drill is remembered for the day it is none.
        app.remembers &= welcome.drill.is_none();
    }
    if let ClientEvent::Notice { text } = &event {
        app.say_until_key(text);
    }
    let clock = app.clock.clone();
    let before = shown_state(app);
    app.mirror.apply(event, &clock);
    turned(app, before);
}

/// A plan on the screen that stands otherwise than before is another page: from its top, without the words about what it was.
pub(crate) fn turned(app: &mut Console, before: Option<PlanState>) {
    if before.is_some() && before != shown_state(app) {
        app.notice = None;
        if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
            view.scroll = 0;
        }
    }
}

/// How the plan that is on the screen stands.
pub(crate) fn shown_state(app: &Console) -> Option<PlanState> {
    match app.overlays.last() {
        Some(Overlay::Plan(view)) => view.record(app).map(|record| record.state),
        _ => None,
    }
}
