//! What broke, since when, and does it get worse? The clusters first: control plane and nodes; then events folded into what
//! is one thing, by reason and kind of object.

use crate::board::event_groups::{EventGroup, Trend, folds, rate};
use crate::board::{Row, RowBody, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::theme::Role;
use crate::console::widget::canvas::{Span, span};
use crate::console::widget::{Column, ColumnText, Words, time};
use crate::model::facts::{ControlPlane, Endpoint, KubeEvent};

use super::pane_rows::PaneEntry;
use super::panes::{BriefWhile, PaneHistory, PaneSpec};
use super::{layout, pane};

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
    entries,
    brief: folded,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    cells,
    summary,
    signal,
    empty: |app| pane::absent(app, Topic::Events),
    past: PaneHistory::Kept { topic: Topic::Events, kept: |past| &past.events, with_changes: true, none: "No event" },
};

/// Clusters, then events.
pub fn entries(app: &Console) -> Vec<PaneEntry<'_>> {
    app.rows(Topic::Clusters).iter().chain(app.rows(Topic::Events)).map(PaneEntry::Row).collect()
}

/// Clusters, then what happened there, one line for what is one thing.
pub fn folded(app: &Console) -> Vec<PaneEntry<'_>> {
    let events = folds(app.rows(Topic::Events), app.at());
    app.rows(Topic::Clusters).iter().map(PaneEntry::Row).chain(events.into_iter().map(PaneEntry::Fold)).collect()
}

/// One line.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let row = match entry {
        PaneEntry::Row(row) => row,
        PaneEntry::Fold(fold) => return fold_cells(app, fold),
        _ => return Vec::new(),
    };
    match &row.body {
        RowBody::Cluster { .. } => cluster(app, row),
        RowBody::Event(event) => event_cells(app, row, event),
        _ => Vec::new(),
    }
}

/// Whether the pane has no room for words that say what stands in a column.
fn narrow(app: &Console) -> bool {
    layout::arrange(app).body(Pane::Events).map_or(app.size.0, |body| body.width) < 90
}

fn cluster(app: &Console, row: &Row) -> Vec<ColumnText> {
    let RowBody::Cluster {
        name,
        control_plane,
        nodes,
        nodes_ready,
        nodes_read,
        nodes_silent,
        pods_troubled,
        same_as,
        ..
    } = &row.body
    else {
        return Vec::new();
    };
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
    let (role, mut plane) = plane_words(control_plane.as_ref());
    // The check that people look for stays whole; the page about the cluster names the others.
    if let (true, Some(first)) = (narrow(app), plane.find(" +")) {
        plane.truncate(first);
    }
    vec![
        pane::mark(if row.stale { Verdict::Unknown } else { row.verdict }),
        vec![span(Role::Dim, if narrow(app) { "" } else { "cluster" })],
        vec![span(Role::Strong, name.as_str())],
        vec![span(role, plane)],
        vec![span(Role::Text, ready)],
        vec![span(Role::Text, of_what)],
        Words::new(),
        vec![span(Role::Text, more.join(", "))],
    ]
}

/// The control plane in a few words, etcd by name.
pub fn plane_words(plane: Option<&ControlPlane>) -> (Role, String) {
    let Some(plane) = plane else { return (Role::Unknown, "API not read yet".to_owned()) };
    // What one endpoint says is known, however silent the other is.
    match (plane.livez, plane.readyz) {
        (Endpoint::Failing, _) | (_, Endpoint::Failing) => match plane.failed.first() {
            Some(check) if plane.failed.len() > 1 => {
                (Role::Critical, format!("{check} failing +{}", plane.failed.len() - 1))
            }
            Some(check) => (Role::Critical, format!("{check} failing")),
            None => (Role::Critical, "API failing".to_owned()),
        },
        (Endpoint::Unreachable, Endpoint::Unreachable) => (Role::Critical, "API unreachable".to_owned()),
        (Endpoint::Unreachable, _) => (Role::Unknown, "livez silent".to_owned()),
        (_, Endpoint::Unreachable) => (Role::Unknown, "readyz silent".to_owned()),
        (Endpoint::NotAllowed, _) | (_, Endpoint::NotAllowed) => (Role::Unknown, "health not readable".to_owned()),
        (Endpoint::Ok, Endpoint::Ok) => (Role::Good, "API ok".to_owned()),
    }
}

fn event_cells(app: &Console, row: &Row, event: &KubeEvent) -> Vec<ColumnText> {
    let loud = row.verdict >= Verdict::Warning;
    let count = if event.count > 1 { format!("×{}", event.count) } else { String::new() };
    vec![
        pane::mark(if row.stale { Verdict::Unknown } else { row.verdict }),
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
        pane::mark(row.verdict),
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
    let (rate, trend) = rate(app.rows(Topic::Events), app.at());
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
        Some(verdict) if verdict != Verdict::Info => pane::mark(verdict),
        _ => Words::new(),
    };
    let (rate, _) = rate(app.rows(Topic::Events), app.at());
    if rate > 0 {
        words.push(span(Role::Dim, format!("{}{}/min", if words.is_empty() { "" } else { " " }, round(rate))));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_check_is_not_hidden_by_the_other_endpoints_silence() {
        use Endpoint::{Failing, NotAllowed, Ok, Unreachable};
        let cases = [
            (Failing, Unreachable, Role::Critical, "etcd failing"),
            (Unreachable, Failing, Role::Critical, "etcd failing"),
            (Unreachable, Unreachable, Role::Critical, "API unreachable"),
            (Ok, Unreachable, Role::Unknown, "readyz silent"),
            (Unreachable, Ok, Role::Unknown, "livez silent"),
            (Ok, NotAllowed, Role::Unknown, "health not readable"),
            (Ok, Ok, Role::Good, "API ok"),
        ];
        for (livez, readyz, role, words) in cases {
            let failed = if words.contains("etcd") { vec!["etcd".into()] } else { Vec::new() };
            let plane = ControlPlane {
                cluster: "primary".to_owned(),
                uid: None,
                version: "".into(),
                livez,
                readyz,
                failed,
                skew_ms: None,
                notes: Vec::new(),
            };
            assert_eq!(plane_words(Some(&plane)), (role, words.to_owned()), "{livez:?} {readyz:?}");
        }
    }
}
