//! What the room says goes into the mirror; rows whose verdict changed are marked for the eye.

use crate::client::ClientEvent;
use crate::console::app::App;
use crate::protocol::Push;

/// The most rows that can be marked as changed at once; beyond that everything changed and bold says nothing.
const MAX_CHANGED: usize = 128;

/// Takes in an event of the connection.
pub fn hear(app: &mut App, event: ClientEvent) {
    if let ClientEvent::Push(Push::Board(delta)) = &event
        && !delta.snapshot
    {
        for row in &delta.upserts {
            let old = app.mirror.rows(delta.topic).iter().find(|old| old.id == row.id);
            let differs = old.is_some_and(|old| old.verdict != row.verdict || old.stale != row.stale);
            if differs && app.changed.len() < MAX_CHANGED {
                app.changed.insert((delta.topic, row.id.clone()), app.now.real);
            }
        }
    }
    if let ClientEvent::Linked(welcome) = &event {
        // Nothing of a drill is remembered for the day it is none.
        app.remembers &= welcome.drill.is_none();
    }
    let clock = app.clock.clone();
    app.mirror.apply(event, &clock);
}
