//! Who has been told? Alerts, merged over the Alertmanager instances: unacknowledged critical ones first, as the board
//! orders them, each with whom it told or why nobody.

use crate::board::{AlertRow, Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::AlertFigures;
use crate::console::rows::alerts::{ended, figures, is_heartbeat, namesakes};
use crate::console::rows::{self, PaneEntry, sources};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, glyph, priority_line, time};
use crate::model::Stamp;
use crate::model::facts::Alert;

use super::pane_spec::PaneSpec;
use super::verdict_mark::{counts, mark};

/// Mark, name, where, age, what became of it.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 17), Column::name(2, 7), Column::number(1), Column::sentence(4, 9)];

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Alerts,
    columns: COLUMNS,
    cells,
    summary,
    signal: |app| counts(rows::all(app, Pane::Alerts).counts()),
    empty: nothing,
};

/// One alert.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let PaneEntry::Row(row) = entry else { return Vec::new() };
    let Some(AlertRow { alert, service, missing_from, .. }) = row.as_kind() else { return Vec::new() };
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
        mark(entry.verdict()),
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
    let others = namesakes(app, row, alert);
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

fn label(alert: &Alert, name: &str) -> Option<String> {
    alert.labels.get(name).map(ToString::to_string)
}

/// How many, by severity.
pub fn summary(app: &Console) -> Words {
    let (counts, figures) = (rows::all(app, Pane::Alerts).counts(), figures(app));
    let part = |n: usize, role, word: &str| if n == 0 { Words::new() } else { vec![span(role, format!("{n} {word}"))] };
    let role = |verdict| glyph::of(verdict).1;
    let parts = vec![
        part(counts.of(Verdict::Critical), role(Verdict::Critical), "critical"),
        part(counts.of(Verdict::Warning), role(Verdict::Warning), "warning"),
        part(counts.of(Verdict::Unknown), role(Verdict::Unknown), "unknown"),
        part(figures.muted, role(Verdict::Warning), "critical muted"),
    ];
    let mut words = priority_line::join(parts, &span(Role::Dim, " · "));
    words.extend(told(&figures));
    words
}

/// How many alerts each receiver was told of, the silenced left out.
fn told(figures: &AlertFigures) -> Words {
    let between = std::iter::once(" · told ").chain(std::iter::repeat(", "));
    let words = between.zip(&figures.told).map(|(between, (name, n))| span(Role::Dim, format!("{between}{name} {n}")));
    let mut words: Words = words.collect();
    if figures.told_nobody > 0 {
        words.push(span(Role::Warning, format!(" · {} told nobody", figures.told_nobody)));
    }
    words
}

/// What stands where no alert does. Silence is an answer only while a heartbeat proves that an alert would arrive.
pub fn nothing(app: &Console) -> String {
    let known = !app.lost() && !sources::is_stale(app, Pane::Alerts);
    let heartbeat = app.rows(Topic::Alerts).iter().filter(|row| known && is_heartbeat(row)).find_map(Row::with_kind);
    let ago = |row: &Row| time::words(time::since(row.seen_at, app.at()));
    match heartbeat {
        Some((row, AlertRow { alert, .. })) if !row.stale => {
            format!("No alert fires. {} seen {} ago.", alert.name, ago(row))
        }
        Some((row, AlertRow { alert, .. })) => {
            format!("No alert is known, but {} was last seen {} ago.", alert.name, ago(row))
        }
        None => sources::absent(app, Topic::Alerts),
    }
}
