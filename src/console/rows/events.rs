//! Clusters, and what happened there.

use crate::board::Topic;
use crate::board::event_groups::{Trend, folds, rate};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::EntryRef;

use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec, inputs, places};

/// What rows the pane has. How often a thing happens is told to the second.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::Events,
    made_of: RowsMadeOf { time: true, ..RowsMadeOf::topics(&[Topic::Clusters, Topic::Events]) },
    entries,
    brief: Some(folded),
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    announced: false,
    past: PaneHistory::Kept { topic: Topic::Events, kept: |past| &past.events, with_changes: true, none: "No event" },
};

/// Clusters, then events.
fn entries(app: &Console) -> Vec<EntryRef> {
    let mut out = places(app, Topic::Clusters, |_| true);
    out.extend(places(app, Topic::Events, |_| true));
    out
}

/// Clusters, then what happened there, one line for what is one thing.
fn folded(app: &Console) -> Vec<EntryRef> {
    let mut out = places(app, Topic::Clusters, |_| true);
    out.extend(folds(app.rows(Topic::Events), app.at()).iter().map(|group| EntryRef::Fold(group.keep())));
    out
}

/// About how many events a minute, and whether they become more.
pub fn pace(app: &Console) -> (u64, Trend) {
    let made_of = RowsMadeOf { time: true, ..RowsMadeOf::topics(&[Topic::Events]) };
    *app.projections.events.get(inputs(app, &made_of), || rate(app.rows(Topic::Events), app.at()))
}
