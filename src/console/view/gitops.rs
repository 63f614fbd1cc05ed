//! Whether the DR cluster runs what Git says: parity by cluster, then the applications.

use crate::board::row::{Against, AppsKnown};
use crate::board::{AppRow, ParityRow, Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::keymap::{Command, KeyContext, spell};
use crate::console::pane::Pane;
use crate::console::rows::gitops::one_reason;
use crate::console::rows::{self, PaneEntry, sources};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, time};
use crate::model::Stamp;
use crate::model::gitops::short_revision;

use super::pane_spec::PaneSpec;
use super::verdict_mark::{counts, mark};

/// Mark, name, cluster, tool, how many or how it stands, revision of what was expected, age, why. The age is that of the
/// state for what lags, and of the last comparison for what is well.
pub const COLUMNS: &[Column] = &[
    Column::mark(),
    Column::name(0, 10),
    Column::name(4, 5),
    Column::fixed(6),
    Column::fixed(0),
    Column::name(5, 12),
    Column::number(2),
    Column::sentence(3, 12),
];

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Gitops,
    columns: COLUMNS,
    cells,
    summary,
    signal: |app| counts(rows::brief(app, Pane::Gitops).counts()),
    empty: |app| sources::absent(app, Topic::Gitops),
};

/// Whether anything is known of the primary side.
fn is_compared(against: &[Against]) -> bool {
    against.iter().any(|it| matches!(it.known, AppsKnown::Now | AppsKnown::LastRead(_)))
}

/// One line.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let PaneEntry::Row(row) = entry else { return Vec::new() };
    let age = |at| time::age(time::since(at, app.at()));
    None.or_else(|| Some(parity_cells(row, row.as_kind()?, entry.verdict(), age)))
        .or_else(|| Some(app_cells(row, row.as_kind()?, entry.verdict(), age)))
        .unwrap_or_default()
}

fn parity_cells(row: &Row, it: &ParityRow, verdict: Verdict, age: impl Fn(Stamp) -> String) -> Vec<ColumnText> {
    let ParityRow { cluster, ok, total, laggards, against, oldest_reconciled, .. } = it;
    let all = ok == total && *total > 0 && row.verdict <= Verdict::Info;
    let word = match all {
        _ if row.stale => " unknown",
        false if ok == total => " not compared",
        false => " behind",
        true if against.is_empty() => " as in Git",
        true if is_compared(against) => " at parity",
        true => " not compared",
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
        mark(verdict),
        vec![span(Role::Strong, cluster.as_str()), span(Role::Text, word)],
        Words::new(),
        Words::new(),
        vec![span(if all { Role::Good } else { Role::Text }, count)],
        Words::new(),
        vec![span(Role::Dim, oldest_reconciled.map(age).unwrap_or_default())],
        vec![span(Role::Dim, why)],
    ]
}

fn app_cells(row: &Row, it: &AppRow, verdict: Verdict, age: impl Fn(Stamp) -> String) -> Vec<ColumnText> {
    let well = row.verdict == Verdict::Ok;
    let role = if well { Role::Dim } else { Role::Text };
    let since = if well { it.reconciled_at } else { it.since.or(it.reconciled_at) };
    vec![
        mark(verdict),
        vec![span(role, format!("  {}", it.label()))],
        vec![span(Role::Dim, it.cluster.as_str())],
        vec![span(Role::Dim, it.tool().name())],
        vec![span(role, state(it, well))],
        vec![span(Role::Dim, revision(it))],
        vec![span(Role::Dim, since.map(age).unwrap_or_default())],
        vec![span(Role::Dim, if row.why.is_empty() { it.operation_message.to_string() } else { row.why.to_string() })],
    ]
}

/// How an application stands, in one or two of its tool's own words. Health is a word only where sync is.
fn state(app: &AppRow, well: bool) -> &str {
    let Some(flux) = &app.flux else {
        return match (app.sync.as_str(), app.health.as_str()) {
            _ if well => "Synced Healthy",
            ("Synced", "") => "Synced",
            ("Synced", health) => health,
            ("", _) => "not compared",
            (sync, _) => sync,
        };
    };
    match flux.ready.as_str() {
        _ if app.suspended => "Suspended",
        _ if well => "Ready",
        "True" => "Ready, but",
        "False" => "Not ready",
        "" => "not reconciled",
        "Unknown" => "Reconciling",
        other => other,
    }
}

/// What runs, and what should where that is another word.
fn revision(app: &AppRow) -> String {
    let (runs, wanted) = (short_revision(app.revision.as_str()), short_revision(app.expected.as_str()));
    match (runs.is_empty(), wanted.is_empty() || runs == wanted) {
        (_, true) => runs,
        (true, false) => format!("none of {wanted}"),
        (false, false) => format!("{runs} of {wanted}"),
    }
}

/// Is DR the same as prod? One number, who lags and since when; and the key that shows those that say nothing new.
pub fn summary(app: &Console) -> Words {
    let hidden = rows::all(app, Pane::Gitops).len().saturating_sub(rows::visible(app, Pane::Gitops).len());
    let key = app.keymap.chord_of(KeyContext::Main, Command::Zoom).map(spell);
    let mut words = same(app);
    if let (Some(key), true) = (key, hidden > 0 && app.focus == Pane::Gitops && !app.warnings) {
        words.push(span(Role::Dim, format!(" · {key} shows all")));
    }
    words
}

/// `dr 12 of 12 as primary`, `dr 11 of 12, behind: cart for 18 m`.
fn same(app: &Console) -> Words {
    let rows = app.rows(Topic::Gitops);
    let mut parity = rows.iter().filter_map(Row::with_kind::<ParityRow>);
    let Some((row, it)) = parity.find(|(_, it)| is_dr(app, &it.cluster)) else { return Words::new() };
    let ParityRow { cluster, ok, total, laggards, against, .. } = it;
    if row.stale || *total == 0 {
        return vec![span(Role::Unknown, format!("{cluster} not known"))];
    }
    if ok == total {
        let primary = against.iter().find(|it| is_compared(std::slice::from_ref(it)));
        let Some(Against { cluster: primary, known }) = primary else {
            let figures = span(Role::Text, format!("{cluster} {ok} of {total}"));
            return vec![figures, span(Role::Dim, " as in Git, not compared")];
        };
        let (role, word) = match known {
            _ if row.verdict > Verdict::Info => (Role::Unknown, " as in Git, not all compared".to_owned()),
            AppsKnown::LastRead(at) => {
                (Role::Text, format!(" as {primary} {} ago", time::age(time::since(*at, app.at()))))
            }
            _ => (Role::Good, format!(" as {primary}")),
        };
        return vec![span(role, format!("{cluster} {ok} of {total}")), span(Role::Dim, word)];
    }
    let mut words = vec![span(Role::Warning, format!("{cluster} {ok} of {total}")), span(Role::Dim, ", behind")];
    if let Some((name, _)) = laggards.first() {
        let own = rows.iter().filter_map(Row::as_kind::<AppRow>).filter(|it| it.cluster == *cluster);
        let since = own.filter(|it| it.name == *name || it.label() == *name).find_map(|it| it.since);
        let age = since.map(|at| format!(" for {}", time::age(time::since(at, app.at())))).unwrap_or_default();
        let more = if laggards.len() > 1 { format!(" +{}", laggards.len() - 1) } else { String::new() };
        words.push(span(Role::Dim, format!(": {name}{age}{more}")));
    }
    words
}

/// Whether a cluster is where services fail over to.
fn is_dr(app: &Console, cluster: &str) -> bool {
    let objectives = app.mirror.welcome.as_ref().map_or(&[][..], |welcome| welcome.objectives.as_slice());
    objectives.iter().any(|it| it.has_dr(cluster))
}
