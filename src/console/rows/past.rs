//! Rows at an earlier instant: those that were kept, else the last recorded changes.

use std::cmp::Reverse;
use std::collections::HashSet;

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::EntryRef;
use crate::console::time_travel::TimeTravel;
use crate::model::Happening;
use crate::timeline::Incident;

use super::spec::{PaneHistory, RowsSpec, places};
use super::timeline;

/// The rows of a pane then.
pub fn entries(app: &Console, past: &TimeTravel, spec: &RowsSpec) -> Vec<EntryRef> {
    let pane = spec.pane;
    match spec.past {
        PaneHistory::Changes => changes(app, past, pane),
        PaneHistory::Kept { topic, with_changes: true, .. } => {
            let mut out = changes(app, past, pane);
            out.extend(places(app, topic, |_| true));
            out
        }
        PaneHistory::Kept { kept, .. } if !kept(past).is_known() => changes(app, past, pane),
        PaneHistory::Kept { .. } | PaneHistory::AsRecorded => (spec.entries)(app),
        PaneHistory::Nothing(_) => Vec::new(),
    }
}

/// The last transition of each thing that had happened and was recorded by then, the newest first.
fn changes(app: &Console, past: &TimeTravel, pane: Pane) -> Vec<EntryRef> {
    let live = past.read.is_none();
    let story = if live { &app.mirror.story } else { &past.mirror.story };
    let mut by_time = timeline::items_of(&story.incidents, live);
    by_time.retain(|(_, item)| item.at <= past.at && item.entry.ts <= past.at);
    by_time.sort_by_key(|(_, item)| (Reverse(item.at), Reverse(item.entry.seq)));
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for (at, item) in by_time {
        let Happening::Transition(edge) = &item.entry.happening else { continue };
        if Pane::of_change(&edge.edge, &edge.source) != Some(pane) {
            continue;
        }
        if seen.insert((edge.edge.family(), edge.subject.as_str(), edge.source.as_str())) {
            found.push(EntryRef::Item(at));
        }
    }
    found
}

/// The incident that `T+0` is of, then or since: to say when something was, it is enough that it is known now.
pub fn incident(app: &Console) -> Option<&Incident> {
    app.incident().or_else(|| app.mirror.story.latest())
}
