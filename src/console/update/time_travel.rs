//! Going to an earlier instant and back.

use tui_input::Input as Line;

use crate::board::Topic;
use crate::console::app::{Console, Pending};
use crate::console::availability;
use crate::console::effect::Effect;
use crate::console::input::AskFailure;
use crate::console::keymap::{Command, KeyContext};
use crate::console::overlay::Overlay;
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::time_input;
use crate::console::time_travel::TimeTravel;
use crate::model::Stamp;
use crate::protocol::{Reply, Request};

use super::requests::{ask, refused};

/// The most pages of a topic; the room has fewer.
const MOST_PAGES: u32 = 64;

/// Begins the line.
pub(crate) fn begin(app: &mut Console) {
    app.overlays.push(Overlay::Jump { line: Line::default(), problem: None });
}

/// Enter: there, or with nothing typed back to now.
pub(crate) fn go(app: &mut Console) -> Vec<Effect> {
    let Some(Overlay::Jump { line, .. }) = app.overlays.last() else { return Vec::new() };
    let text = line.value().trim().to_owned();
    if text.is_empty() {
        app.overlays.pop();
        back(app);
        return Vec::new();
    }
    let zero = rows::past::incident(app).map(crate::timeline::Incident::zero);
    match time_input::parse(&text, app.now.room, zero, &app.zone) {
        Ok(at) => {
            app.overlays.pop();
            travel(app, at)
        }
        Err(why) => {
            if let Some(Overlay::Jump { problem, .. }) = app.overlays.last_mut() {
                *problem = Some(why);
            }
            Vec::new()
        }
    }
}

fn travel(app: &mut Console, at: Stamp) -> Vec<Effect> {
    // What was asked for before may be of the same instant, and would be told twice.
    app.waiting.retain(|_, what| !matches!(what, Pending::Past { .. } | Pending::Story { .. }));
    app.past = Some(Box::new(TimeTravel::new(&app.mirror, at)));
    for pane in Pane::ALL.iter().copied() {
        app.pane_mut(pane).cursor = None;
    }
    let mut effects = Vec::new();
    if let Some(incident) = app.past.as_ref().and_then(|past| past.read.clone()) {
        effects.extend(ask(app, Pending::Story { at }, Request::History { incident, from: 0 }));
    }
    for topic in [Topic::Alerts, Topic::Events] {
        effects.extend(ask_past(app, topic, at, 0));
    }
    effects
}

fn ask_past(app: &mut Console, topic: Topic, at: Stamp, page: u32) -> Option<Effect> {
    let effect = ask(app, Pending::Past { topic, at, page }, Request::Past { topic, at, page });
    if let (None, Some(past)) = (&effect, app.past.as_mut()) {
        past.lose(topic, None);
    }
    effect
}

/// Back to now. True if this was not now.
pub(crate) fn back(app: &mut Console) -> bool {
    let was = app.past.take().is_some();
    if was {
        for pane in Pane::ALL.iter().copied() {
            app.pane_mut(pane).cursor = None;
        }
        let words = match &app.frozen {
            // The screen held still is under the past, and it is not now either.
            Some(held) => {
                let go = availability::key(app, KeyContext::Main, Command::Freeze);
                format!("The screen frozen at {} again; {go} lets it run.", app.zone.seconds(held.at))
            }
            None => "Now again.".to_owned(),
        };
        app.say(Role::Accent, words);
    }
    was
}

/// The room's answer about a topic as it was.
pub(crate) fn answer(
    app: &mut Console,
    (topic, at, page): (Topic, Stamp, u32),
    result: Result<Reply, AskFailure>,
) -> Vec<Effect> {
    // The person may have gone on, or back, meanwhile.
    let Some(past) = app.past.as_mut().filter(|past| past.at == at) else { return Vec::new() };
    match result {
        Ok(Reply::Past { known: true, rows, more, short, .. }) if !more || page < MOST_PAGES => {
            past.add(topic, rows, short);
            if more {
                return ask_past(app, topic, at, page + 1).into_iter().collect();
            }
        }
        Ok(Reply::Past { known: false, since, .. }) => past.lose(topic, since),
        Err(AskFailure::Refused(refusal)) => {
            past.lose(topic, None);
            app.say(Role::Warning, refused(&refusal));
        }
        _ => {
            past.lose(topic, None);
            app.say(Role::Warning, "The room did not say what it kept; the timeline and its changes are shown.");
        }
    }
    Vec::new()
}

/// A page of what was recorded by then.
pub(crate) fn told(app: &mut Console, at: Stamp, result: Result<Reply, AskFailure>) -> Vec<Effect> {
    let Some(past) = app.past.as_mut().filter(|past| past.at == at) else { return Vec::new() };
    match result {
        Ok(Reply::History { lines, next, after }) => {
            let goes_on = past.tell(&lines, after);
            if let (true, Some(from), Some(incident)) = (goes_on, next, past.read.clone()) {
                let more = ask(app, Pending::Story { at }, Request::History { incident, from });
                return more.into_iter().collect();
            }
            past.mirror.caught_up = true;
        }
        Err(AskFailure::Refused(refusal)) => app.say(Role::Warning, refused(&refusal)),
        _ => app.say(Role::Warning, "The room did not send the entries of then; only a part of them is shown."),
    }
    Vec::new()
}
