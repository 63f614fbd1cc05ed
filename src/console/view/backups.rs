//! How much data would be lost if we failed over now? By service first; then schedules, locations and restores: why.

use crate::board::readiness::{Loss, carrier, loss};
use crate::board::{BackupRow, Row, ServiceRow, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::backups::{figures, standing, worst_place};
use crate::console::rows::entry::verdict_of;
use crate::console::rows::{PaneEntry, sources};
use crate::console::theme::Role;
use crate::console::widget::canvas::{Span, span};
use crate::console::widget::{Column, ColumnText, Words, glyph, priority_line, time};
use crate::model::facts::{Location, OffSite, Restore};

use super::pane_spec::PaneSpec;
use super::verdict_mark::mark;

/// Mark, name, age, bar or state, more.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 9), Column::number(0), Column::fixed(1), Column::sentence(4, 8)];
const BAR: u64 = 5;

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Backups,
    columns: COLUMNS,
    cells,
    summary,
    signal,
    empty: |app| sources::absent(app, Topic::Backups),
};

/// Why it stands so, as a sentence: for the page about it.
pub fn because(app: &Console, row: &Row) -> String {
    let Some(ServiceRow { name, rpo_s, .. }) = row.as_kind() else { return String::new() };
    let Some(loss) = loss(row, app.at()) else {
        return match standing(app, row) {
            Verdict::Critical => "no usable restore point is known: all would be lost".to_owned(),
            _ => "no restore point is known, and Velero can't be read".to_owned(),
        };
    };
    let when = match loss.frozen_at {
        Some(at) => format!("was {} old at the impact at {}", time::words(loss.seconds), app.zone.minutes(at)),
        None => format!("is {} old", time::words(loss.seconds)),
    };
    let within = if loss.seconds > *rpo_s { "more than" } else { "within" };
    let mut why = format!("the newest usable restore point {when}, {within} the {} allowed", time::words(*rpo_s));
    match carrier(app.rows(Topic::Backups), name, loss.point) {
        Some(it) if !it.stale => {}
        Some(it) => why.push_str(&format!("; {} was not heard lately, so it may be gone", it.source)),
        None => why.push_str("; which cluster sees it is not known"),
    }
    match worst_place(row) {
        OffSite::Yes => why.push_str("; its volumes are off-site"),
        OffSite::No => why.push_str("; its volumes are on the source's own storage"),
        OffSite::NoVolumes => why.push_str("; no volume is known to be in it"),
        OffSite::Unknown => why.push_str("; nothing proves that its volumes are off-site"),
    }
    why
}

/// One line.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let row = match entry {
        PaneEntry::Row(row) => row,
        PaneEntry::Loss(row, _) => return service(app, entry, row),
        _ => return Vec::new(),
    };
    None.or_else(|| Some(schedule(app, row, row.as_kind()?)))
        .or_else(|| Some(location_cells(app, row, row.as_kind()?)))
        .or_else(|| Some(restore_cells(app, row, row.as_kind()?)))
        .unwrap_or_default()
}

/// What a service would lose: how old its newest usable restore point is, of how much that may be, and for how long.
fn service(app: &Console, entry: &PaneEntry<'_>, row: &Row) -> Vec<ColumnText> {
    let Some(ServiceRow { name, rpo_s, .. }) = row.as_kind() else { return Vec::new() };
    let loss = loss(row, app.at());
    let carrier = loss.as_ref().and_then(|loss| carrier(app.rows(Topic::Backups), name, loss.point));
    // The row's own proof is its probes'; what is known of the point is as old as what Velero said.
    let stale = carrier.is_none_or(|it| it.stale);
    let (age, amount) = match &loss {
        Some(loss) => (time::age(loss.seconds), bar(loss.seconds, *rpo_s, stale)),
        None => ("all".to_owned(), vec![span(Role::Critical, "nothing usable")]),
    };
    vec![
        mark(entry.verdict()),
        vec![span(Role::Strong, name.as_str())],
        vec![span(Role::Text, age)],
        amount,
        priority_line::join(outlook(app, row, loss.as_ref(), carrier), &span(Role::Dim, " · ")),
    ]
}

/// How long the objective still holds, where the data is, and when the next point is due.
fn outlook(app: &Console, row: &Row, loss: Option<&Loss<'_>>, carrier: Option<&Row>) -> Vec<Words> {
    let (Some(ServiceRow { rpo_s, .. }), Some(loss)) = (row.as_kind(), loss) else { return Vec::new() };
    let left = match (loss.frozen_at, rpo_s.checked_sub(loss.seconds)) {
        (Some(at), _) => vec![span(Role::Dim, format!("at impact {}", app.zone.minutes(at)))],
        (None, Some(left)) => vec![span(Role::Dim, format!("{} left", time::span(left)))],
        (None, None) => vec![span(Role::Critical, format!("over by {}", time::span(loss.seconds - rpo_s)))],
    };
    let stale = carrier.is_none_or(|it| it.stale);
    let off_site = vec![volumes(worst_place(row), stale)];
    let next = carrier.and_then(|it| it.as_kind::<BackupRow>()?.next_run);
    let next = match next {
        Some(at) if at < app.at() => vec![span(Role::Warning, format!("next was due {}", app.zone.minutes(at)))],
        Some(at) => vec![span(Role::Dim, format!("next {}", app.zone.minutes(at)))],
        None => Words::new(),
    };
    vec![left, off_site, next]
}

fn schedule(app: &Console, row: &Row, it: &BackupRow) -> Vec<ColumnText> {
    let BackupRow { schedule, point, rpo_s, missed_runs, missed_more, paused, newer, .. } = it;
    let age = point.as_ref().map(|point| time::since(point.started, app.at()));
    let bar = match (age, rpo_s) {
        (Some(age), Some(rpo)) => bar(age, *rpo, row.stale),
        (Some(_), None) => vec![span(Role::Dim, "no objective")],
        (None, Some(_)) => vec![span(Role::Critical, "nothing usable")],
        (None, None) => vec![span(Role::Unknown, "nothing usable")],
    };
    let mut more = Vec::new();
    if *paused {
        more.push(vec![span(Role::Warning, "paused")]);
    }
    if *missed_runs > 0 {
        more.push(vec![span(Role::Warning, format!("{}{missed_runs} missed", if *missed_more { "> " } else { "" }))]);
    }
    if let Some(point) = point {
        more.push(vec![volumes(point.off_site, row.stale)]);
    }
    if let Some((name, phase)) = newer {
        more.push(vec![span(Role::Dim, format!("{name} {phase}"))]);
    }
    vec![
        mark(verdict_of(row)),
        vec![span(Role::Text, schedule.as_str())],
        vec![span(Role::Text, age.map(time::age).unwrap_or_else(|| "none".to_owned()))],
        bar,
        priority_line::join(more, &span(Role::Dim, " · ")),
    ]
}

/// Where its volumes are, in a word or two.
fn volumes(off_site: OffSite, stale: bool) -> Span {
    let (role, words) = match off_site {
        OffSite::Yes => (Role::Dim, "off-site"),
        OffSite::No => (Role::Warning, "volumes NOT off-site"),
        OffSite::NoVolumes => (Role::Dim, "no volumes known"),
        OffSite::Unknown => (Role::Unknown, "volumes unknown"),
    };
    span(if stale { Role::Stale } else { role }, words)
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

fn location_cells(app: &Console, row: &Row, location: &Location) -> Vec<ColumnText> {
    let seen =
        location.last_validated.map(|at| time::age(time::since(at, app.at()))).unwrap_or_else(|| "never".to_owned());
    let verdict = verdict_of(row);
    let word = match location.phase.as_str() {
        // It says what it said when something last looked.
        "Available" if row.stale => "not heard".to_owned(),
        "Available" if location.validation_every_s == 0 => "not validated".to_owned(),
        "Available" if verdict >= Verdict::Unknown => "location doubtful".to_owned(),
        // Restores read from it; backups to it fail.
        "Available" if location.access_mode.is("ReadOnly") => "read only".to_owned(),
        "Available" => "location ok".to_owned(),
        "" => "location unknown".to_owned(),
        other => format!("location {}", other.to_lowercase()),
    };
    let role = if word == "read only" { Role::Text } else { glyph::of(verdict).1 };
    // What is wrong with it besides its phase does not fit into two words: say it after them.
    let more = match verdict {
        Verdict::Ok if location.access_mode.is("ReadOnly") => "backups to it fail",
        Verdict::Ok => "",
        _ => row.why.as_str(),
    };
    vec![
        mark(verdict),
        // Every cluster calls its location the same.
        vec![span(Role::Text, format!("{}/{}", location.cluster, location.name))],
        vec![span(Role::Text, seen)],
        vec![span(role, word)],
        vec![span(Role::Dim, more)],
    ]
}

fn restore_cells(app: &Console, row: &Row, restore: &Restore) -> Vec<ColumnText> {
    let age = restore.started.map(|at| time::age(time::since(at, app.at()))).unwrap_or_default();
    let verdict = verdict_of(row);
    let done = restore.items_done.saturating_mul(100).checked_div(restore.items_total);
    let state = match (restore.phase.as_str(), done) {
        ("Completed", _) if restore.items_restored() == 0 => "restored nothing".to_owned(),
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
        mark(verdict),
        vec![span(Role::Text, restore.backup.as_str())],
        vec![span(Role::Text, age)],
        vec![span(glyph::of(verdict).1, state)],
        vec![span(Role::Dim, more)],
    ]
}

/// What would be lost now, by the service that would lose most of what it may; and locations that can't be relied on.
pub fn summary(app: &Console) -> Words {
    let figures = figures(app);
    let worst = match figures.over {
        0 => worst(app),
        over => vec![span(Role::Critical, format!("{over} over RPO"))],
    };
    let doubt = figures.doubtful.map(|(n, worst)| {
        let locations = if n == 1 { "location" } else { "locations" };
        vec![span(glyph::of(worst).1, format!("{n} {locations} in doubt"))]
    });
    priority_line::join(vec![worst, doubt.unwrap_or_default()], &span(Role::Dim, " · "))
}

/// `8 m would be lost`: of all that are within, the most.
fn worst(app: &Console) -> Words {
    let losses = app.rows(Topic::Services).iter().filter_map(|row| loss(row, app.at()));
    match losses.map(|loss| loss.seconds).max() {
        Some(seconds) => vec![span(Role::Dim, format!("{} would be lost", time::words(seconds)))],
        None => Words::new(),
    }
}

/// For the strip: what the title counts, in fewer words.
pub fn signal(app: &Console) -> Words {
    let figures = figures(app);
    let over = match figures.over {
        0 => Words::new(),
        n => vec![span(Role::Critical, format!("{n} OVER"))],
    };
    let doubt = figures.doubtful.map(|(n, worst)| vec![span(glyph::of(worst).1, format!("{n}{}", glyph::UNKNOWN))]);
    let doubt = doubt.unwrap_or_default();
    let words = priority_line::join(vec![over, doubt], &span(Role::Text, " "));
    match figures.proven {
        _ if !words.is_empty() || app.rows(Topic::Backups).is_empty() => words,
        true => vec![span(Role::Good, glyph::OK)],
        false => vec![span(Role::Unknown, glyph::UNKNOWN)],
    }
}
