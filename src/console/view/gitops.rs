//! Whether the DR cluster runs what Git says: parity by cluster, then the applications.

use crate::board::{Body, Topic, Verdict};
use crate::console::app::{App, Pane};
use crate::console::keymap::{Command, Context, spell};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Cell, Column, Words, time};
use crate::model::SafeText;

use super::list::Entry;
use super::pane;

/// Mark, name, cluster, how many or how it stands, age, why.
pub const COLUMNS: &[Column] = &[
    Column::mark(),
    Column::name(0, 10),
    Column::name(4, 5),
    Column::fixed(0),
    Column::number(2),
    Column::sentence(3, 12),
];

/// Parity of each cluster, then its applications as the board orders them.
pub fn entries(app: &App) -> Vec<Entry<'_>> {
    let rows = app.rows(Topic::Gitops);
    let parity = rows.iter().filter(|row| matches!(row.body, Body::Parity { .. }));
    let apps = rows.iter().filter(|row| matches!(row.body, Body::App(_)));
    parity.chain(apps).map(Entry::Row).collect()
}

/// Without the applications that say no more than their cluster's line: those that are well, and all of a cluster of which
/// none is. In full with the pane zoomed, filtered or narrowed to warnings.
pub fn brief(app: &App) -> Vec<Entry<'_>> {
    let rows = app.rows(Topic::Gitops);
    let told = |cluster: &str| {
        rows.iter().any(|row| match &row.body {
            Body::Parity { cluster: name, ok, laggards, .. } => {
                name == cluster && (row.stale || (*ok == 0 && one_reason(laggards).is_some()))
            }
            _ => false,
        })
    };
    let worth = |entry: &Entry<'_>| match entry.row().map(|row| (&row.body, row)) {
        Some((Body::App(it), row)) => row.verdict != Verdict::Ok && !told(&it.cluster),
        _ => true,
    };
    entries(app).into_iter().filter(worth).collect()
}

/// The reason of all, if they have one in common.
fn one_reason(laggards: &[(SafeText, SafeText)]) -> Option<&SafeText> {
    let (_, first) = laggards.first()?;
    laggards.iter().all(|(_, why)| why == first).then_some(first)
}

/// One line.
pub fn cells(app: &App, entry: &Entry<'_>) -> Vec<Cell> {
    let Entry::Row(row) = entry else { return Vec::new() };
    let age = |at| time::age(time::since(at, app.at()));
    match &row.body {
        Body::Parity { cluster, ok, total, laggards, oldest_reconciled } => {
            let all = ok == total && *total > 0;
            let word = if row.stale {
                " unknown"
            } else if all {
                " at parity"
            } else {
                " behind"
            };
            let count = if row.stale { format!("was {ok} of {total}") } else { format!("{ok} of {total}") };
            let why = match laggards.first() {
                _ if row.stale => row.why.to_string(),
                Some((_, why)) if *ok == 0 && one_reason(laggards).is_some() => format!("all: {why}"),
                Some((name, why)) if laggards.len() > 1 => format!("{name}: {why}, and {} more", laggards.len() - 1),
                Some((name, why)) => format!("{name}: {why}"),
                None => row.why.to_string(),
            };
            vec![
                pane::mark(entry.verdict()),
                vec![span(Role::Strong, cluster.as_str()), span(Role::Text, word)],
                Words::new(),
                vec![span(if all { Role::Good } else { Role::Text }, count)],
                vec![span(Role::Dim, oldest_reconciled.map(age).unwrap_or_default())],
                vec![span(Role::Dim, why)],
            ]
        }
        Body::App(it) => {
            let well = row.verdict == Verdict::Ok;
            let role = if well { Role::Dim } else { Role::Text };
            let state = match (it.sync.as_str(), it.health.as_str()) {
                _ if well => "Synced Healthy",
                ("Synced", "") => "Synced",
                ("Synced", health) => health,
                ("", _) => "not compared",
                (sync, _) => sync,
            };
            vec![
                pane::mark(entry.verdict()),
                vec![span(role, format!("  {}", it.name))],
                vec![span(Role::Dim, it.cluster.as_str())],
                vec![span(role, state)],
                vec![span(Role::Dim, it.reconciled_at.map(age).unwrap_or_default())],
                vec![span(
                    Role::Dim,
                    if row.why.is_empty() { it.operation_message.to_string() } else { row.why.to_string() },
                )],
            ]
        }
        _ => Vec::new(),
    }
}

/// How many applications there are, and the key that shows those that say nothing new.
pub fn summary(app: &App) -> Words {
    let apps = app.rows(Topic::Gitops).iter().filter(|row| matches!(row.body, Body::App(_))).count();
    let hidden = entries(app).len() - super::list::visible(app, Pane::Gitops).len().min(entries(app).len());
    let key = app.keymap.chord_of(Context::Main, Command::Zoom).map(spell);
    let mut words = Words::new();
    if apps > 0 {
        words.push(span(Role::Dim, format!("{apps} apps")));
    }
    if let (Some(key), true) = (key, hidden > 0 && app.focus == Pane::Gitops && !app.warnings) {
        words.push(span(Role::Dim, format!(" · {key} shows all")));
    }
    words
}
