//! What each service would lose, then what the backups are made of: runs, schedules, locations.

use std::collections::HashSet;
use std::sync::Arc;

use crate::board::readiness::{carrier, loss, parts};
use crate::board::{Row, RowBody, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::{BackupFigures, EntryRef};
use crate::model::facts::OffSite;
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
    let runs = |row: &Row| matches!(&row.body, RowBody::Restore(restore) if restore.completed.is_none());
    let is_schedule = |row: &Row| matches!(row.body, RowBody::Backup { .. });
    let is_location = |row: &Row| matches!(row.body, RowBody::Location(_));
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
    let carriers = app.rows(Topic::Services).iter().filter_map(|service| match &service.body {
        RowBody::Service { name, restore_point: Some(point), .. } => carrier(backups, name, point),
        _ => None,
    });
    let told: HashSet<&str> = carriers.map(|row| row.id.as_str()).collect();
    let is_told = |row: &Row| row.verdict == Verdict::Ok && !row.stale && told.contains(row.id.as_str());
    let mut all = entries(app);
    all.retain(|entry| !matches!(entry, EntryRef::Row(_, at) if backups.get(*at).is_some_and(is_told)));
    all
}

/// Whether what a service would lose is within its objective, as far as Velero was heard.
pub fn standing(app: &Console, row: &Row) -> Verdict {
    let RowBody::Service { name, rpo_s, .. } = &row.body else { return Verdict::Unknown };
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
    let RowBody::Service { name, restore_point, .. } = &row.body else { return false };
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
    let over = |row: &&Row| match &row.body {
        RowBody::Service { rpo_s, restore_point: Some(_), .. } => {
            loss(row, app.at()).is_some_and(|loss| loss.seconds > *rpo_s)
        }
        RowBody::Service { restore_point: None, .. } => relies(app, row),
        RowBody::Backup { point: Some(point), rpo_s: Some(rpo), .. } => since(point.started, app.at()) > *rpo,
        RowBody::Backup { point: None, rpo_s: Some(_), .. } => true,
        _ => false,
    };
    match app.rows(Topic::Services).iter().filter(over).count() {
        0 => app.rows(Topic::Backups).iter().filter(over).count(),
        services => services,
    }
}

/// Locations that nothing proves to be usable, and the worst of them.
fn doubtful(app: &Console) -> Option<(usize, Verdict)> {
    let locations = app.rows(Topic::Backups).iter().filter(|row| matches!(row.body, RowBody::Location(_)));
    let doubtful: Vec<Verdict> = locations.map(verdict_of).filter(|it| *it >= Verdict::Unknown).collect();
    doubtful.iter().max().map(|worst| (doubtful.len(), *worst))
}
