//! What broke, since when, and does it get worse? The clusters first: control plane and nodes; then events folded into what
//! is one thing, by reason and kind of object.

use crate::board::event_groups::{EventGroup, Trend};
use crate::board::row::control_plane_words;
use crate::board::{ClusterRow, EventRow, Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::events::pace;
use crate::console::rows::{PaneEntry, sources};
use crate::console::theme::Role;
use crate::console::widget::canvas::{Span, span};
use crate::console::widget::{Column, ColumnText, Words, glyph, time};
use crate::model::facts::KubeEvent;

use super::layout;
use super::pane_spec::PaneSpec;
use super::verdict_mark::mark;

/// Mark, since when (one event: when last), object, reason, count, whether it gets worse, cluster, message.
pub const COLUMNS: &[Column] = &[
    Column::mark(),
    Column::fixed(2),
    Column::name(0, 14),
    Column::name(0, 12),
    Column::number(1),
    Column::fixed(1),
    Column::name(1, 5),
    Column::sentence(4, 16),
];

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Events,
    columns: COLUMNS,
    cells,
    summary,
    signal,
    empty: |app| sources::absent(app, Topic::Events),
};

/// One line.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let row = match entry {
        PaneEntry::Row(row) => row,
        PaneEntry::Fold(fold) => return fold_cells(app, fold),
        _ => return Vec::new(),
    };
    None.or_else(|| Some(cluster(app, row, row.as_kind()?)))
        .or_else(|| Some(event_cells(app, row, row.as_kind::<EventRow>()?)))
        .unwrap_or_default()
}

/// Whether the pane has no room for words that say what stands in a column.
fn narrow(app: &Console) -> bool {
    layout::arrange(app).body(Pane::Events).map_or(app.size.0, |body| body.width) < 90
}

fn cluster(app: &Console, row: &Row, it: &ClusterRow) -> Vec<ColumnText> {
    let ClusterRow { name, control_plane, nodes, nodes_ready, nodes_read, nodes_silent, .. } = it;
    let ClusterRow { pods_troubled, same_as, .. } = it;
    let mut more = Vec::new();
    if !same_as.is_empty() {
        more.push(format!("the same cluster as {}", same_as.join(", ")));
    }
    if *nodes_silent > 0 {
        more.push(format!("{nodes_silent} nodes silent"));
    }
    if *pods_troubled > 0 {
        more.push(format!("{pods_troubled} pods in trouble"));
    }
    let (ready, of_what) = match nodes {
        _ if !nodes_read => (String::new(), "nodes not read"),
        0 => ("no".to_owned(), "nodes"),
        nodes => (format!("{nodes_ready} of {nodes}"), "nodes ready"),
    };
    let (verdict, mut plane) = control_plane_words(control_plane.as_ref());
    // The check that people look for stays whole; the page about the cluster names the others.
    if let (true, Some(first)) = (narrow(app), plane.find(" +")) {
        plane.truncate(first);
    }
    vec![
        mark(if row.stale { Verdict::Unknown } else { row.verdict }),
        vec![span(Role::Dim, if narrow(app) { "" } else { "cluster" })],
        vec![span(Role::Strong, name.as_str())],
        vec![span(glyph::of(verdict).1, plane)],
        vec![span(Role::Text, ready)],
        vec![span(Role::Text, of_what)],
        Words::new(),
        vec![span(Role::Text, more.join(", "))],
    ]
}

fn event_cells(app: &Console, row: &Row, event: &KubeEvent) -> Vec<ColumnText> {
    let loud = row.verdict >= Verdict::Warning;
    let count = if event.count > 1 { format!("×{}", event.count) } else { String::new() };
    vec![
        mark(if row.stale { Verdict::Unknown } else { row.verdict }),
        vec![span(Role::Dim, app.zone.seconds(event.last))],
        vec![span(Role::Dim, format!("{}/", event.object_kind)), span(Role::Text, event.object_name.as_str())],
        vec![span(if loud { Role::Text } else { Role::Dim }, event.reason.as_str())],
        vec![span(Role::Dim, count)],
        Words::new(),
        vec![span(Role::Dim, event.cluster.as_str())],
        vec![span(Role::Dim, event.message.as_str())],
    ]
}

fn fold_cells(app: &Console, fold: &EventGroup<'_>) -> Vec<ColumnText> {
    let (event, row) = (fold.event, fold.newest);
    let loud = row.verdict >= Verdict::Warning && fold.trend() != Trend::Quiet;
    let role = if loud { Role::Text } else { Role::Dim };
    let object = match fold.objects {
        1 => span(role, event.object_name.as_str()),
        n => span(role, many(n, fold.more_objects, event.object_kind.as_str())),
    };
    let kind = if fold.objects == 1 { format!("{}/", event.object_kind) } else { String::new() };
    vec![
        mark(row.verdict),
        vec![span(Role::Dim, format!("{}{}", if narrow(app) { "" } else { "since " }, app.zone.minutes(fold.first)))],
        vec![span(Role::Dim, kind), object],
        vec![span(role, event.reason.as_str())],
        vec![span(role, format!("×{}", fold.count_words()))],
        vec![worse(app, fold)],
        vec![span(Role::Dim, event.cluster.as_str())],
        vec![span(Role::Dim, event.message.as_str())],
    ]
}

/// `8 Pods`, `256+ Pods`.
fn many(n: u64, more: bool, kind: &str) -> String {
    let end = if kind.ends_with('s') { "es" } else { "s" };
    format!("{n}{} {kind}{end}", if more { "+" } else { "" })
}

/// A rate as it is shown. It is an estimate, and figures that flicker each second say less than round ones.
fn round(rate: u64) -> u64 {
    let step = match rate {
        ..10 => 1,
        10..100 => 5,
        _ => 10,
    };
    (rate + step / 2) / step * step
}

/// `30/min rising`, `quiet 4 m`: whether it gets worse. As wide with each word, so that the columns beside it stand still.
fn worse(app: &Console, fold: &EventGroup<'_>) -> Span {
    match fold.trend() {
        Trend::Quiet => span(Role::Dim, format!("quiet {}", time::age(time::since(fold.last, app.at())))),
        Trend::Rising if fold.newest.verdict >= Verdict::Warning => {
            span(Role::Warning, format!("{:>3}/min rising ", round(fold.per_minute())))
        }
        trend => span(Role::Dim, format!("{:>3}/min {:7}", round(fold.per_minute()), trend.name())),
    }
}

/// How fast, and how many are not shown.
pub fn summary(app: &Console) -> Words {
    let (rate, trend) = pace(app);
    let mut words = Words::new();
    if rate > 0 {
        words.push(span(Role::Dim, format!("{}/min, {}", round(rate), trend.name())));
    }
    if let Some(view) = app.seen().board.get(&Topic::Events).filter(|view| view.dropped > 0) {
        words.push(span(Role::Dim, format!(" · {} older not kept", view.dropped)));
    }
    words
}

/// For the strip: the worst of the clusters, and the rate.
pub fn signal(app: &Console) -> Words {
    let worst =
        app.rows(Topic::Clusters).iter().map(|row| if row.stale { Verdict::Unknown } else { row.verdict }).max();
    let mut words = match worst {
        Some(verdict) if verdict != Verdict::Info => mark(verdict),
        _ => Words::new(),
    };
    let (rate, _) = pace(app);
    if rate > 0 {
        words.push(span(Role::Dim, format!("{}{}/min", if words.is_empty() { "" } else { " " }, round(rate))));
    }
    words
}
