//! What each service would lose, then what the backups are made of: runs, schedules, locations.

use std::collections::HashSet;
use std::sync::Arc;

use crate::board::readiness::{carrier, loss, parts};
use crate::board::{BackupRow, Row, ServiceRow, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::{BackupFigures, EntryRef};
use crate::model::facts::{Location, OffSite, Restore};
use crate::model::time::since;

use super::entry::verdict_of;
use super::sources;
use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec, inputs, places};

/// What rows the pane has.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::Backups,
    made_of: RowsMadeOf {
        time: true,
        objectives: true,
        ..RowsMadeOf::topics(&[Topic::Backups, Topic::Services, Topic::Sources])
    },
    entries,
    brief: Some(brief),
    brief_while: BriefWhile::NotZoomed,
    related_in_full: true,
    announced: true,
    past: PaneHistory::Changes,
};

/// Restores that run, then what each service would lose, schedules, locations, and restores that ended.
fn entries(app: &Console) -> Vec<EntryRef> {
    let runs = |row: &Row| row.as_kind::<Restore>().is_some_and(|restore| restore.completed.is_none());
    let is_schedule = |row: &Row| row.is_kind::<BackupRow>();
    let is_location = |row: &Row| row.is_kind::<Location>();
    let mut out = places(app, Topic::Backups, runs);
    let services = app.rows(Topic::Services).iter().enumerate().filter(|(_, row)| relies(app, row));
    out.extend(services.map(|(at, row)| EntryRef::Loss(at, standing(app, row))));
    out.extend(places(app, Topic::Backups, is_schedule));
    out.extend(places(app, Topic::Backups, is_location));
    out.extend(places(app, Topic::Backups, |row| !runs(row) && !is_schedule(row) && !is_location(row)));
    out
}

/// Without the schedules that say no more than their service's line: the one that carries its point, if all is well with it.
fn brief(app: &Console) -> Vec<EntryRef> {
    let backups = app.rows(Topic::Backups);
    let carriers = app.rows(Topic::Services).iter().filter_map(|service| {
        let ServiceRow { name, restore_point, .. } = service.as_kind()?;
        carrier(backups, name, restore_point.as_ref()?)
    });
    let told: HashSet<&str> = carriers.map(|row| row.id.as_str()).collect();
    let is_told = |row: &Row| row.verdict == Verdict::Ok && !row.stale && told.contains(row.id.as_str());
    let mut all = entries(app);
    all.retain(|entry| !matches!(entry, EntryRef::Row(_, at) if backups.get(*at).is_some_and(is_told)));
    all
}

/// Whether what a service would lose is within its objective, as far as Velero was heard.
pub fn standing(app: &Console, row: &Row) -> Verdict {
    let Some(ServiceRow { name, rpo_s, .. }) = row.as_kind() else { return Verdict::Unknown };
    let Some(loss) = loss(row, app.at()) else {
        // None is known: a finding only if Velero answered.
        return if sources::is_stale(app, Pane::Backups) { Verdict::Unknown } else { Verdict::Critical };
    };
    let backups = app.rows(Topic::Backups);
    if parts(row).any(|point| carrier(backups, name, point).is_none_or(|it| it.stale)) {
        return Verdict::Unknown;
    }
    match worst_place(row) {
        _ if loss.seconds > *rpo_s => Verdict::Critical,
        OffSite::Yes => Verdict::Ok,
        OffSite::No => Verdict::Warning,
        OffSite::NoVolumes | OffSite::Unknown => Verdict::Unknown,
    }
}

/// Where the volumes of a service's restore points are: the worst of all that it needs.
pub fn worst_place(row: &Row) -> OffSite {
    let rank = |it: &OffSite| match it {
        OffSite::No => 3,
        OffSite::Unknown => 2,
        OffSite::NoVolumes => 1,
        OffSite::Yes => 0,
    };
    parts(row).map(|point| point.off_site).max_by_key(rank).unwrap_or(OffSite::Unknown)
}

/// Whether a service is one that backups were promised for, or has one.
fn relies(app: &Console, row: &Row) -> bool {
    let Some(ServiceRow { name, restore_point, .. }) = row.as_kind() else { return false };
    let named = app.mirror.welcome.iter().flat_map(|welcome| &welcome.objectives);
    restore_point.is_some() || named.filter(|it| it.service == *name).any(|it| !it.schedules.is_empty())
}

/// Figures about them.
pub fn figures(app: &Console) -> Arc<BackupFigures> {
    app.projections.backups.get(inputs(app, &ROWS.made_of), || {
        let is_loss = |entry: &&EntryRef| matches!(entry, EntryRef::Loss(..));
        let is_well = |entry: &EntryRef| matches!(entry, EntryRef::Loss(_, Verdict::Ok));
        let entries = entries(app);
        BackupFigures { over: over(app), doubtful: doubtful(app), proven: entries.iter().filter(is_loss).all(is_well) }
    })
}

/// How many are over: the services, or where none is, the schedules. One number wherever it is said.
fn over(app: &Console) -> usize {
    let services = app.rows(Topic::Services).iter().filter_map(Row::with_kind::<ServiceRow>);
    let services = services.filter(|(row, it)| match loss(row, app.at()) {
        Some(loss) => loss.seconds > it.rpo_s,
        None => relies(app, row),
    });
    let schedules = app.rows(Topic::Backups).iter().filter_map(Row::as_kind::<BackupRow>);
    let late = |it: &&BackupRow, rpo: u64| it.point.as_ref().is_none_or(|it| since(it.started, app.at()) > rpo);
    match services.count() {
        0 => schedules.filter(|it| it.rpo_s.is_some_and(|rpo| late(it, rpo))).count(),
        services => services,
    }
}

/// Locations that nothing proves to be usable, and the worst of them.
fn doubtful(app: &Console) -> Option<(usize, Verdict)> {
    let locations = app.rows(Topic::Backups).iter().filter(|row| row.is_kind::<Location>());
    let doubtful: Vec<Verdict> = locations.map(verdict_of).filter(|it| *it >= Verdict::Unknown).collect();
    doubtful.iter().max().map(|worst| (doubtful.len(), *worst))
}
