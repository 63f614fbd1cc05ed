//! Who has been told? Alerts, merged over the Alertmanager instances: unacknowledged critical ones first, as the board
//! orders them, each with whom it told or why nobody.

use std::collections::BTreeMap;

use crate::board::{Row, RowBody, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, glyph, priority_line, time};
use crate::model::facts::Alert;
use crate::model::{AlertGrade, Stamp};

use super::pane;
use super::pane_rows::{self, PaneEntry};
use super::panes::{BriefWhile, PaneHistory, PaneSpec};

/// Mark, name, where, age, what became of it.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 17), Column::name(2, 7), Column::number(1), Column::sentence(4, 9)];

fn is_heartbeat(row: &Row) -> bool {
    matches!(&row.body, RowBody::Alert { alert, .. } if alert.grade == AlertGrade::Heartbeat)
}

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Alerts,
    columns: COLUMNS,
    entries,
    brief: entries,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    cells,
    summary,
    signal: |app| pane::counts(&pane_rows::all(app, Pane::Alerts)),
    empty: nothing,
    past: PaneHistory::Kept { topic: Topic::Alerts, kept: |past| &past.alerts, with_changes: false, none: "No alert" },
};

/// Every alert but a heartbeat that beats, which says that alerting itself lives.
pub fn entries(app: &Console) -> Vec<PaneEntry<'_>> {
    let beats = |row: &&Row| is_heartbeat(row) && row.verdict <= Verdict::Unknown;
    app.rows(Topic::Alerts).iter().filter(|row| !beats(row)).map(PaneEntry::Row).collect()
}

/// Critical alerts that fire and call nobody because of a silence.
pub fn muted_critical(app: &Console) -> impl Iterator<Item = (&Row, &Alert)> {
    app.rows(Topic::Alerts).iter().filter_map(|row| match &row.body {
        RowBody::Alert { alert, .. }
            if alert.grade == AlertGrade::Critical && alert.state.is("suppressed") && !alert.silenced_by.is_empty() =>
        {
            Some((row, alert))
        }
        _ => None,
    })
}

/// One alert.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let PaneEntry::Row(row) = entry else { return Vec::new() };
    let RowBody::Alert { alert, service, missing_from, .. } = &row.body else { return Vec::new() };
    let quiet = row.verdict <= Verdict::Info;
    let name = if quiet { Role::Dim } else { Role::Text };
    let muted = match (alert.silenced_by.is_empty(), alert.inhibited_by.is_empty()) {
        _ if ended(alert) => alert.state.as_str(),
        (false, _) => "silenced",
        (_, false) => "inhibited",
        _ => "",
    };
    let place =
        service.clone().or_else(|| label(alert, "cluster")).or_else(|| label(alert, "namespace")).unwrap_or_default();
    let age = alert.starts_at.map(|at| time::age(time::since(at, app.at()))).unwrap_or_default();
    // Who keeps it quiet is what the next one asks; whom it would have told is in the detail.
    let mut fate = match quiet && alert.state.is("suppressed") && !row.why.is_empty() {
        true => vec![span(Role::Dim, row.why.as_str().strip_prefix(muted).unwrap_or(row.why.as_str()).trim_start())],
        false if ended(alert) => vec![span(Role::Dim, format!("ended {}", ago(app, row.seen_at)))],
        false => fate(alert),
    };
    // An alert that has ended is missing everywhere by right.
    if !missing_from.is_empty() && !ended(alert) {
        fate.push(span(Role::Dim, format!(" not on {}", missing_from.join(", "))));
    }
    vec![
        pane::mark(entry.verdict()),
        vec![
            span(if row.verdict == Verdict::Critical { Role::Strong } else { name }, alert.name.as_str()),
            span(Role::Dim, apart(app, row, alert).map(|it| format!(" {it}")).unwrap_or_default()),
            span(Role::Dim, if muted.is_empty() { String::new() } else { format!(" {muted}") }),
        ],
        vec![span(Role::Dim, place)],
        vec![span(name, age)],
        fate,
    ]
}

fn ago(app: &Console, at: Stamp) -> String {
    match time::since(at, app.at()) {
        0..5 => "just now".to_owned(),
        seconds => format!("{} ago", time::age(seconds)),
    }
}

/// Labels that tell alerts of one name apart, the first choice first.
const APART: [&str; 6] = ["node", "instance", "pod", "container", "device", "job"];
/// Labels that have a place of their own on the row, or say nothing about what it is about.
const SHOWN: [&str; 8] =
    ["alertname", "severity", "cluster", "namespace", "service", "app", "prometheus", "prometheus_replica"];

/// By what an alert differs from the others of its name: without it their rows look the same.
fn apart<'a>(app: &Console, row: &Row, alert: &'a Alert) -> Option<&'a str> {
    let others: Vec<&Alert> = app
        .rows(Topic::Alerts)
        .iter()
        .filter_map(|it| match &it.body {
            RowBody::Alert { alert: other, .. } if other.name == alert.name && it.id != row.id => Some(other),
            _ => None,
        })
        .collect();
    let rank = |name: &str| APART.iter().position(|it| *it == name).unwrap_or(APART.len());
    let own = alert.labels.iter().filter(|(name, _)| !SHOWN.contains(&name.as_str()));
    let differs = own.filter_map(|(name, value)| {
        let n = others.iter().filter(|other| other.labels.get(name) != Some(value)).count();
        (n > 0).then_some((n, std::cmp::Reverse(rank(name)), value))
    });
    differs.max_by_key(|(n, rank, _)| (*n, *rank)).map(|(.., value)| value.as_str())
}

/// Who was told, or why nobody was.
fn fate(alert: &Alert) -> Words {
    let names: Vec<&str> = alert.receivers.iter().map(|name| name.as_str()).collect();
    if names.is_empty() {
        return vec![span(Role::Dim, "told nobody")];
    }
    vec![span(Role::Dim, format!("→ {}", names.join(", ")))]
}

/// Whether it does not fire any more, as far as can be told.
fn ended(alert: &Alert) -> bool {
    alert.state.is("resolved") || alert.state.is("gone")
}

fn label(alert: &Alert, name: &str) -> Option<String> {
    alert.labels.get(name).map(ToString::to_string)
}

/// How many, by severity.
pub fn summary(app: &Console) -> Words {
    let entries = entries(app);
    let count = |verdict| entries.iter().filter(|entry| entry.verdict() == verdict).count();
    let part = |n: usize, role, word: &str| if n == 0 { Words::new() } else { vec![span(role, format!("{n} {word}"))] };
    let role = |verdict| glyph::of(verdict).1;
    let parts = vec![
        part(count(Verdict::Critical), role(Verdict::Critical), "critical"),
        part(count(Verdict::Warning), role(Verdict::Warning), "warning"),
        part(count(Verdict::Unknown), role(Verdict::Unknown), "unknown"),
        part(muted_critical(app).count(), role(Verdict::Warning), "critical muted"),
    ];
    let mut words = priority_line::join(parts, &span(Role::Dim, " · "));
    words.extend(told(app));
    words
}

/// How many alerts each receiver was told of, the silenced left out.
fn told(app: &Console) -> Words {
    let mut receivers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut nobody = 0;
    for entry in entries(app) {
        let Some(RowBody::Alert { alert, .. }) = entry.row().map(|row| &row.body) else { continue };
        if alert.state.is("suppressed") || ended(alert) {
            continue;
        }
        nobody += usize::from(alert.receivers.is_empty());
        for name in &alert.receivers {
            *receivers.entry(name.as_str()).or_default() += 1;
        }
    }
    let between = std::iter::once(" · told ").chain(std::iter::repeat(", "));
    let mut words: Words =
        between.zip(receivers).map(|(between, (name, n))| span(Role::Dim, format!("{between}{name} {n}"))).collect();
    if nobody > 0 {
        words.push(span(Role::Warning, format!(" · {nobody} told nobody")));
    }
    words
}

/// What stands where no alert does. Silence is an answer only while a heartbeat proves that an alert would arrive.
pub fn nothing(app: &Console) -> String {
    let known = !app.lost() && !pane::is_stale(app, Pane::Alerts);
    let heartbeat = app.rows(Topic::Alerts).iter().filter(|_| known).find_map(|row| match &row.body {
        RowBody::Alert { alert, .. } if is_heartbeat(row) => Some((row, alert)),
        _ => None,
    });
    let ago = |row: &Row| time::words(time::since(row.seen_at, app.at()));
    match heartbeat {
        Some((row, alert)) if !row.stale => format!("No alert fires. {} seen {} ago.", alert.name, ago(row)),
        Some((row, alert)) => format!("No alert is known, but {} was last seen {} ago.", alert.name, ago(row)),
        None => pane::absent(app, Topic::Alerts),
    }
}
