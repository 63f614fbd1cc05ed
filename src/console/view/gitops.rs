//! Whether the DR cluster runs what Git says: parity by cluster, then the applications.

use crate::board::{Body, Topic, Verdict};
use crate::console::app::App;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Cell, Column, Words, time};

use super::list::Entry;
use super::pane;

/// Mark, name, how many or how it stands, age, why.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 10), Column::fixed(0), Column::number(2), Column::sentence(3, 16)];

/// Parity of each cluster, then its applications as the board orders them.
pub fn entries(app: &App) -> Vec<Entry<'_>> {
    let rows = app.rows(Topic::Gitops);
    let parity = rows.iter().filter(|row| matches!(row.body, Body::Parity { .. }));
    let apps = rows.iter().filter(|row| matches!(row.body, Body::App(_)));
    parity.chain(apps).map(Entry::Row).collect()
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
                Some((name, why)) if laggards.len() > 1 => format!("{name}: {why}, and {} more", laggards.len() - 1),
                Some((name, why)) => format!("{name}: {why}"),
                None => row.why.to_string(),
            };
            vec![
                pane::mark(entry.verdict()),
                vec![span(Role::Strong, cluster.as_str()), span(Role::Text, word)],
                vec![span(if all { Role::Good } else { Role::Text }, count)],
                vec![span(Role::Dim, oldest_reconciled.map(age).unwrap_or_default())],
                vec![span(Role::Dim, why)],
            ]
        }
        Body::App(it) => {
            let well = row.verdict == Verdict::Ok;
            let role = if well { Role::Dim } else { Role::Text };
            vec![
                pane::mark(entry.verdict()),
                vec![span(role, format!("  {}", it.name))],
                vec![span(role, format!("{} {}", it.sync.as_str(), it.health.as_str()))],
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

/// Nothing that the rows don't say better.
pub fn summary(_app: &App) -> Words {
    Words::new()
}
