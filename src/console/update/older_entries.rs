//! Entries before those that the console keeps: read in pages when somebody goes up to the first one it shows.

use crate::console::app::{Console, Pending};
use crate::console::effect::Effect;
use crate::console::input::AskFailure;
use crate::console::pane::Pane;
use crate::console::theme::Role;
use crate::protocol::{Reply, Request};

use super::requests::{ask, refused};

/// Entries of one page.
const PAGE: u64 = 500;
/// The most items that are kept while somebody looks at old ones. At the end of the timeline they are let go again.
pub(crate) const MOST: usize = 20_000;

/// Asks for what stands before the first entry, if that is where somebody has gone.
pub(crate) fn wanted(app: &mut Console) -> Option<Effect> {
    let state = app.pane(Pane::Timeline);
    if state.cursor.is_none() {
        app.mirror.follow();
        return None;
    }
    let asked = app.waiting.values().any(|waiting| matches!(waiting, Pending::Earlier { .. }));
    if state.index > 0 || app.focus != Pane::Timeline || app.past.is_some() || app.frozen.is_some() || asked {
        return None;
    }
    let incident = app.incident()?;
    let first = incident.items.iter().map(|item| item.entry.seq).min()?;
    if incident.missing() == 0 || incident.items.len() >= MOST {
        return None;
    }
    let (incident, from) = (incident.id.clone(), incident.index.runs().back(first, PAGE)?);
    ask(app, Pending::Earlier { before: first }, Request::History { incident, from })
}

/// The room's answer. Nothing that is shown moves: the first entry has others above it now.
pub(crate) fn answer(app: &mut Console, before: u64, result: Result<Reply, AskFailure>) {
    match result {
        Ok(Reply::History { lines, .. }) => app.mirror.read_back(&lines, before, MOST),
        Err(AskFailure::Refused(refusal)) => app.say(Role::Warning, refused(&refusal)),
        _ => app.say(Role::Warning, "The room did not send the entries before these."),
    }
}
