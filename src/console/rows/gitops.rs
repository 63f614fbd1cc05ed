//! Parity of each cluster, and its applications.

use std::collections::HashSet;

use crate::board::{AppRow, ParityRow, Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::EntryRef;
use crate::model::SafeText;

use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec, places};

/// What rows the pane has.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::Gitops,
    made_of: RowsMadeOf::topics(&[Topic::Gitops]),
    entries,
    brief: Some(brief),
    brief_while: BriefWhile::NotZoomedNorWarnings,
    related_in_full: false,
    announced: true,
    past: PaneHistory::Changes,
};

/// Parity of each cluster, then its applications as the board orders them.
fn entries(app: &Console) -> Vec<EntryRef> {
    let mut out = places(app, Topic::Gitops, |row| row.is_kind::<ParityRow>());
    out.extend(places(app, Topic::Gitops, |row| row.is_kind::<AppRow>()));
    out
}

/// Without the applications that say no more than their cluster's line: those that are well, and all of a cluster of which
/// none is. In full with the pane zoomed, filtered or narrowed to warnings.
fn brief(app: &Console) -> Vec<EntryRef> {
    let told: HashSet<&str> = app.rows(Topic::Gitops).iter().filter_map(tells_all).collect();
    let untold = |it: &AppRow| !told.contains(it.cluster.as_str());
    let worth = |row: &Row| row.verdict != Verdict::Ok && row.as_kind().is_some_and(untold);
    let mut out = places(app, Topic::Gitops, |row| row.is_kind::<ParityRow>());
    out.extend(places(app, Topic::Gitops, worth));
    out
}

/// The cluster of a line of parity that says all there is to say about each of its applications.
fn tells_all(row: &Row) -> Option<&str> {
    let ParityRow { cluster, ok, laggards, .. } = row.as_kind()?;
    (row.stale || (*ok == 0 && one_reason(laggards).is_some())).then_some(cluster.as_str())
}

/// The reason of all, if they have one in common.
pub fn one_reason(laggards: &[(SafeText, SafeText)]) -> Option<&SafeText> {
    let (_, first) = laggards.first()?;
    laggards.iter().all(|(_, why)| why == first).then_some(first)
}
