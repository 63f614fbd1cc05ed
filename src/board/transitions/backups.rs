//! `backup.*`, `location.*`, `restore.*`.

use chrono::TimeDelta;
use serde_json::json;

use crate::model::entry::Transition;
use crate::model::facts::{Location, Restore};
use crate::model::time::clock;
use crate::model::{SafeText, TransitionKind};

use super::super::clusters::skew;
use super::super::restore_points::location_trouble;
use super::super::restores::{is_stuck, is_terminal};
use super::super::row::{BackupRow, ClusterRow, PointSummary, Row, Topic, Verdict, runs_words};
use super::super::row_builder::count;
use super::{BoardDiff, stamp};
use crate::timeline::standing_changes::place_key;

/// A restore first seen at its end counts as news only if it ended this recently.
const RECENT_S: i64 = 600;

pub(super) fn backups(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Backups) {
        schedule(pair, row, out);
        row.as_kind().into_iter().for_each(|location| place(pair, row, location, out));
        row.as_kind().into_iter().for_each(|restore| restored(pair, row, restore, out));
    }
}

/// Runs that are made up for, and restores that move again, are no news; if it happens once more, it is.
pub(super) fn over(pair: &BoardDiff<'_>, out: &mut Vec<(TransitionKind, String)>) {
    for row in pair.rows(Topic::Backups) {
        if let Some(it) = row.as_kind::<BackupRow>().filter(|it| it.missed_runs == 0) {
            out.push((TransitionKind::BackupMissed, it.schedule.to_string()));
        }
        if let Some(it) = row.as_kind::<Restore>().filter(|_| !stuck(row)) {
            out.push((TransitionKind::RestoreStuck, place_key(&row.source.to_string(), it.name.as_str())));
        }
    }
}

fn best(row: &Row) -> Option<&PointSummary> {
    row.as_kind::<BackupRow>()?.point.as_ref()
}

fn is_overdue(row: &Row) -> bool {
    row.as_kind::<BackupRow>().is_some_and(|it| it.overdue)
}

fn missed(row: &Row) -> u32 {
    row.as_kind::<BackupRow>().map_or(0, |it| it.missed_runs)
}

fn more(row: &Row) -> bool {
    row.as_kind::<BackupRow>().is_some_and(|it| it.missed_more)
}

fn schedule(pair: &BoardDiff<'_>, row: &Row, out: &mut Vec<Transition>) {
    let Some(BackupRow { cluster, schedule, services, rpo_s, .. }) = row.as_kind() else { return };
    let service = services.first().cloned();
    let push = |mut edge: Transition, out: &mut Vec<Transition>| {
        edge.service = service.clone();
        out.push(edge);
    };
    let told = |kind: &TransitionKind| pair.standing.get(kind, schedule.as_str());
    let was = told(&TransitionKind::BackupUsable).and_then(|told| told.figures.get("name")?.as_str());
    let was_overdue = told(&TransitionKind::BackupOverdue).is_some();
    // A point that is usable again ends what was told when it was not.
    let is_news = |point: &&PointSummary| was != Some(point.name.as_str()) || (was_overdue && !is_overdue(row));
    if let Some(point) = best(row).filter(is_news) {
        let says = format!("Newest usable restore point of {schedule}: {}, begun {}", point.name, clock(point.started));
        let mut edge = pair.transition(TransitionKind::BackupUsable, row, Some(pair.now), Verdict::Ok, schedule, says);
        edge.figures = json!({
            "name": point.name, "started": stamp(point.started), "cluster": cluster, "services": services,
        });
        if is_overdue(row) {
            edge.figures["overdue"] = json!(true);
        }
        push(edge, out);
    }
    if is_overdue(row) && !was_overdue {
        let (at, says) = match (best(row), rpo_s) {
            (Some(point), Some(rpo_s)) => {
                let limit = TimeDelta::try_seconds(i64::try_from(*rpo_s).unwrap_or(i64::MAX)).unwrap_or_default();
                let says = format!("{schedule}: the newest usable restore point {} is older than the RPO", point.name);
                (Some(point.started + limit), says)
            }
            _ => (Some(pair.now), format!("{schedule}: there is no usable restore point")),
        };
        let mut edge = pair.transition(TransitionKind::BackupOverdue, row, at, Verdict::Warning, schedule, says);
        edge.figures = json!({ "rpo_s": rpo_s });
        push(edge, out);
    }
    let runs = missed(row);
    let told_runs = told(&TransitionKind::BackupMissed).and_then(|told| told.figures.get("missed_runs")?.as_u64());
    if u64::from(runs) > told_runs.unwrap_or(0) {
        let says = format!("{schedule}: {} missed", runs_words(runs, more(row)));
        let mut edge =
            pair.transition(TransitionKind::BackupMissed, row, Some(pair.now), Verdict::Warning, schedule, says);
        edge.figures = json!({ "missed_runs": runs });
        push(edge, out);
    }
    let gone = vanished(row);
    if gone > 0 && pair.before(Topic::Backups, row).is_some_and(|row| vanished(row) == 0) {
        let says = format!("{schedule}: several restore points that had not expired vanished at once");
        let mut edge =
            pair.transition(TransitionKind::BackupVanished, row, Some(pair.now), Verdict::Warning, schedule, says);
        edge.figures = json!({ "count": gone });
        push(edge, out);
    }
}

fn vanished(row: &Row) -> u32 {
    row.as_kind::<BackupRow>().map_or(0, |it| it.vanished)
}

/// Why a location that was validated once can't be relied on now. Its times are by its cluster's clock.
fn bad(pair: &BoardDiff<'_>, row: &Row) -> Option<String> {
    let location = row.as_kind::<Location>()?;
    let mut clusters = pair.new.rows(Topic::Clusters).iter().filter_map(Row::as_kind::<ClusterRow>);
    let skew = clusters.find(|it| it.name == location.cluster).map(|it| skew(it.control_plane.as_ref()));
    location_trouble(location, row.seen_at + skew.unwrap_or_default()).filter(|_| !location.phase.as_str().is_empty())
}

fn place(pair: &BoardDiff<'_>, row: &Row, location: &Location, out: &mut Vec<Transition>) {
    let about = place_key(&row.source.to_string(), location.name.as_str());
    let name = format!("Backup location {} on {}", location.name, location.cluster);
    match (pair.standing.has(&TransitionKind::LocationUnavailable, &about), bad(pair, row)) {
        (false, Some(why)) => {
            let says = format!("{name}: {why}");
            out.push(pair.transition(
                TransitionKind::LocationUnavailable,
                row,
                None,
                Verdict::Warning,
                &location.name,
                says,
            ));
        }
        (true, None) => {
            let says = format!("{name} is available again");
            out.push(pair.transition(TransitionKind::LocationOk, row, None, Verdict::Ok, &location.name, says));
        }
        _ => {}
    }
}

fn stuck(row: &Row) -> bool {
    row.as_kind::<Restore>().is_some_and(|it| is_stuck(it, row.seen_at))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RestoreStage {
    Waiting,
    Running,
    Completed,
    Failed,
}

fn stage(restore: &Restore) -> RestoreStage {
    match restore.phase.as_str() {
        "" | "New" => RestoreStage::Waiting,
        "Completed" => RestoreStage::Completed,
        _ if is_terminal(restore) => RestoreStage::Failed,
        _ => RestoreStage::Running,
    }
}

/// How the log says that a restore stands.
fn told_stage(pair: &BoardDiff<'_>, about: &str) -> Option<RestoreStage> {
    let kinds = [
        (TransitionKind::RestoreCompleted, RestoreStage::Completed),
        (TransitionKind::RestoreFailed, RestoreStage::Failed),
        (TransitionKind::RestoreStarted, RestoreStage::Running),
    ];
    kinds.into_iter().find_map(|(kind, stage)| pair.standing.has(&kind, about).then_some(stage))
}

/// What makes a restore that has completed worth a look; empty where nothing does.
fn doubts(restore: &Restore) -> String {
    match (restore.errors, restore.warnings) {
        _ if restore.items_restored() == 0 => ", and nothing was restored".to_owned(),
        (0, 0) => String::new(),
        (0, n) => format!(" with {}", count(n as usize, "warning")),
        (n, _) => format!(" with {}", count(n as usize, "error")),
    }
}

fn restored(pair: &BoardDiff<'_>, row: &Row, restore: &Restore, out: &mut Vec<Transition>) {
    let about = place_key(&row.source.to_string(), restore.name.as_str());
    let was = told_stage(pair, &about);
    let is = stage(restore);
    let ended = matches!(is, RestoreStage::Completed | RestoreStage::Failed);
    let last = restore.completed.or(restore.started);
    if was.is_none() && ended && last.is_none_or(|at| (pair.now - at).num_seconds() > RECENT_S) {
        return;
    }
    let service = service_of(pair, &restore.backup);
    let mut push = |kind: TransitionKind, at, verdict, says: String| {
        let mut edge = pair.transition(kind, row, at, verdict, &restore.name, says);
        edge.service = service.clone();
        edge.figures = json!({
            "backup": restore.backup, "items": restore.items_done, "of": restore.items_total,
            "errors": restore.errors, "warnings": restore.warnings, "plan_digest": restore.plan_digest,
        });
        out.push(edge);
    };
    let (name, backup, cluster) = (&restore.name, &restore.backup, &restore.cluster);
    if is != RestoreStage::Waiting && was.is_none() {
        let says = format!("Restore {name} of {backup} runs on {cluster}");
        push(TransitionKind::RestoreStarted, restore.started, Verdict::Info, says);
    }
    if stuck(row) && !pair.standing.has(&TransitionKind::RestoreStuck, &about) {
        let says = format!("Restore {name} of {backup} on {cluster} is stuck: nothing moved for over 10 minutes");
        push(TransitionKind::RestoreStuck, None, Verdict::Warning, says);
    }
    if was == Some(is) {
        return;
    }
    match is {
        RestoreStage::Completed => {
            let doubts = doubts(restore);
            let verdict = if doubts.is_empty() { Verdict::Ok } else { Verdict::Warning };
            push(
                TransitionKind::RestoreCompleted,
                restore.completed,
                verdict,
                format!("Restore of {backup} on {cluster} completed{doubts}"),
            );
        }
        RestoreStage::Failed => {
            let why = if restore.failure.is_empty() { String::new() } else { format!(": {}", restore.failure) };
            let phase = restore.phase.as_str();
            push(
                TransitionKind::RestoreFailed,
                restore.completed,
                Verdict::Critical,
                format!("Restore of {backup} on {cluster} is {phase}{why}"),
            );
        }
        RestoreStage::Waiting | RestoreStage::Running => {}
    }
}

/// The service whose newest restore point is being restored.
fn service_of(pair: &BoardDiff<'_>, backup: &SafeText) -> Option<String> {
    let mut all = pair.new.rows(Topic::Backups).iter().filter_map(Row::as_kind::<BackupRow>);
    all.find_map(|it| it.services.first().filter(|_| it.point.as_ref().is_some_and(|it| it.name == *backup))).cloned()
}
