//! What could be restored: the age of the newest usable restore point against the objective, locations, restores.

use crate::board::{Body, Row, Topic, Verdict};
use crate::console::app::App;
use crate::console::theme::Role;
use crate::console::widget::canvas::{Span, span};
use crate::console::widget::{Cell, Column, Words, glyph, time};
use crate::model::facts::{Location, OffSite, Restore};

use super::list::Entry;
use super::pane;

/// Mark, name, age, bar or state, more.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 9), Column::number(0), Column::fixed(1), Column::sentence(4, 8)];

const BAR: u64 = 5;

/// Restores that run, then schedules, locations, and restores that ended.
pub fn entries(app: &App) -> Vec<Entry<'_>> {
    let rows = app.rows(Topic::Backups);
    let rank = |row: &&Row| match &row.body {
        Body::Restore(restore) if restore.completed.is_none() => 0,
        Body::Backup { .. } => 1,
        Body::Location(_) => 2,
        _ => 3,
    };
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(rank);
    rows.into_iter().map(Entry::Row).collect()
}

/// One line.
pub fn cells(app: &App, entry: &Entry<'_>) -> Vec<Cell> {
    let Entry::Row(row) = entry else { return Vec::new() };
    match &row.body {
        Body::Backup { .. } => schedule(app, row),
        Body::Location(location) => location_cells(app, row, location),
        Body::Restore(restore) => restore_cells(app, row, restore),
        _ => Vec::new(),
    }
}

fn schedule(app: &App, row: &Row) -> Vec<Cell> {
    let Body::Backup { schedule, point, rpo_s, missed_runs, paused, newer, .. } = &row.body else {
        return Vec::new();
    };
    let age = point.as_ref().map(|point| time::since(point.started, app.at()));
    let bar = match (age, rpo_s) {
        (Some(age), Some(rpo)) => bar(age, *rpo, row.stale),
        (Some(_), None) => vec![span(Role::Dim, "no objective")],
        (None, Some(_)) => vec![span(Role::Critical, "nothing usable")],
        (None, None) => vec![span(Role::Unknown, "nothing usable")],
    };
    let mut more = Vec::new();
    if *paused {
        more.push(span(Role::Warning, "paused "));
    }
    if *missed_runs > 0 {
        more.push(span(Role::Warning, format!("{missed_runs} missed ")));
    }
    if let Some(point) = point {
        more.push(volumes(point.off_site, row.stale));
    }
    if let Some((name, phase)) = newer {
        more.push(span(Role::Dim, format!("{name} {phase}")));
    }
    vec![
        pane::mark(entry_verdict(row)),
        vec![span(Role::Text, schedule.as_str())],
        vec![span(Role::Text, age.map(time::age).unwrap_or_else(|| "none".to_owned()))],
        bar,
        more,
    ]
}

/// Where its volumes are, in a word or two.
fn volumes(off_site: OffSite, stale: bool) -> Span {
    let (role, words) = match off_site {
        OffSite::Yes => (Role::Dim, "off-site "),
        OffSite::No => (Role::Warning, "volumes NOT off-site "),
        OffSite::NoVolumes => (Role::Dim, "no volumes known "),
        OffSite::Unknown => (Role::Unknown, "volumes unknown "),
    };
    span(if stale { Role::Stale } else { role }, words)
}

fn entry_verdict(row: &Row) -> Verdict {
    if row.stale { Verdict::Unknown } else { row.verdict }
}

/// `▇▇▇▇░░░ of 15 m`, or OVER.
fn bar(age: u64, rpo: u64, stale: bool) -> Words {
    let full = (age.saturating_mul(BAR) / rpo.max(1)).min(BAR);
    let over = age > rpo;
    let role = match over {
        _ if stale => Role::Stale,
        true => Role::Critical,
        false if age * 5 > rpo * 4 => Role::Warning,
        false => Role::Good,
    };
    let blocks = |n: u64, glyph: &str| glyph.repeat(usize::try_from(n).unwrap_or(0));
    let words = if over { format!(" OVER {}", time::span(rpo)) } else { format!(" of {}", time::span(rpo)) };
    vec![
        span(role, blocks(full, "▇")),
        span(Role::BarRest, blocks(BAR - full, "░")),
        span(if over { role } else { Role::Dim }, words),
    ]
}

fn location_cells(app: &App, row: &Row, location: &Location) -> Vec<Cell> {
    let seen =
        location.last_validated.map(|at| time::age(time::since(at, app.at()))).unwrap_or_else(|| "never".to_owned());
    let verdict = entry_verdict(row);
    let word = match location.phase.as_str() {
        // It says what it said when something last looked.
        "Available" if row.stale => "not heard".to_owned(),
        "Available" if location.validation_every_s == 0 => "not validated".to_owned(),
        "Available" if verdict >= Verdict::Unknown => "location doubtful".to_owned(),
        "Available" => "location ok".to_owned(),
        "" => "location unknown".to_owned(),
        other => format!("location {}", other.to_lowercase()),
    };
    let mode = if location.access_mode.is("ReadOnly") { "read only" } else { "" };
    // What is wrong with it besides its phase does not fit into two words: say it after them.
    let more = if verdict == Verdict::Ok { mode } else { row.why.as_str() };
    vec![
        pane::mark(verdict),
        // Every cluster calls its location the same.
        vec![span(Role::Text, format!("{}/{}", location.cluster, location.name))],
        vec![span(Role::Text, seen)],
        vec![span(glyph::of(verdict).1, word)],
        vec![span(Role::Dim, more)],
    ]
}

fn restore_cells(app: &App, row: &Row, restore: &Restore) -> Vec<Cell> {
    let age = restore.started.map(|at| time::age(time::since(at, app.at()))).unwrap_or_default();
    let verdict = entry_verdict(row);
    let done = restore.items_done.saturating_mul(100).checked_div(restore.items_total);
    let state = match (restore.phase.as_str(), done) {
        ("Completed", _) if restore.errors + restore.warnings > 0 => "restored, in part".to_owned(),
        ("Completed", _) => "restored".to_owned(),
        ("InProgress", Some(done)) => format!("restoring {} %", done.min(100)),
        ("InProgress", None) => "restoring".to_owned(),
        ("New" | "", _) => "restore waits".to_owned(),
        (other, _) => format!("restore {other}"),
    };
    let mut more = format!("on {}", restore.cluster);
    if restore.volumes_total > 0 {
        more = format!("{} of {} volumes, {more}", restore.volumes_done, restore.volumes_total);
    }
    if restore.errors > 0 {
        more = format!("{} errors, {more}", restore.errors);
    }
    // Stuck, queued, failed, with warnings: the reason is what a person needs.
    if verdict >= Verdict::Unknown && !row.why.is_empty() {
        more = format!("{}; {more}", row.why);
    }
    vec![
        pane::mark(verdict),
        vec![span(Role::Text, restore.backup.as_str())],
        vec![span(Role::Text, age)],
        vec![span(glyph::of(verdict).1, state)],
        vec![span(Role::Dim, more)],
    ]
}

/// Whether a restore point's volumes are off the failed site, in words.
pub fn off_site(off_site: OffSite) -> &'static str {
    match off_site {
        OffSite::Yes => "off-site",
        OffSite::No => "on the source's own storage",
        OffSite::NoVolumes => "none that is known",
        OffSite::Unknown => "nothing proves that its volumes are off-site",
    }
}

/// How many schedules are over their objective.
pub fn summary(app: &App) -> Words {
    match over(app) {
        0 => Words::new(),
        n => vec![span(Role::Critical, format!("{n} over"))],
    }
}

fn over(app: &App) -> usize {
    let over = |row: &&Row| match &row.body {
        Body::Backup { point: Some(point), rpo_s: Some(rpo), .. } => time::since(point.started, app.at()) > *rpo,
        Body::Backup { point: None, rpo_s: Some(_), .. } => true,
        _ => false,
    };
    app.rows(Topic::Backups).iter().filter(over).count()
}

/// For the strip.
pub fn signal(app: &App) -> Words {
    match over(app) {
        0 if app.rows(Topic::Backups).is_empty() => Words::new(),
        0 => vec![span(Role::Good, glyph::OK)],
        n => vec![span(Role::Critical, format!("{n} OVER"))],
    }
}

/// No schedule at all is a finding.
pub fn empty(_app: &App) -> String {
    "No Velero schedule was found, so nothing says what could be restored.".to_owned()
}
