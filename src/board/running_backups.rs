//! Backups that are not done: how long they have been at it, and who waits behind them. Velero says nothing when one
//! hangs, and every schedule's next backups queue up behind it.

use crate::model::Stamp;
use crate::model::time::since;

use super::judged_at::JudgedAt;
use super::restore_points::Candidate;
use super::row::Verdict;
use super::row_builder::Opinion;

/// What Velero did not pick up for so long, with nothing before it, it will not pick up.
const QUEUE_S: u64 = 600;
/// A backup may take as long as its schedule's interval, within these.
const PATIENCE_S: (u64, u64) = (1_800, 14_400);
/// A deletion that takes longer has failed, and goes on to take the backup apart.
const DELETION_S: u64 = 3_600;

/// How far a backup is that is neither done nor failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum BackupStage {
    Waits,
    Runs,
    Goes,
}

fn stage(it: &Candidate<'_>) -> Option<BackupStage> {
    match it.point.phase.as_str() {
        _ if it.point.deleting => Some(BackupStage::Goes),
        "Completed" | "PartiallyFailed" | "Failed" | "FailedValidation" => None,
        "Deleting" => Some(BackupStage::Goes),
        "" | "New" | "Queued" | "ReadyToStart" => Some(BackupStage::Waits),
        _ => Some(BackupStage::Runs),
    }
}

/// A backup that has been in a passing state for too long.
pub(super) struct Stuck {
    pub name: String,
    pub phase: String,
    pub says: String,
}

/// One that is not done, and for how many seconds.
struct OpenBackup<'c, 'a> {
    it: &'c Candidate<'a>,
    stage: BackupStage,
    since: Option<Stamp>,
    age_s: Option<u64>,
}

fn open<'c, 'a>(it: &'c Candidate<'a>, now: JudgedAt<'_>) -> Option<OpenBackup<'c, 'a>> {
    let stage = stage(it)?;
    let by_us = |at: Option<Stamp>| at.map(|at| at - it.skew);
    let from = match stage {
        BackupStage::Waits => by_us(it.point.created),
        BackupStage::Runs => it.started.or(by_us(it.point.created)),
        BackupStage::Goes => by_us(it.point.written),
    };
    // What happened since our last look is not known.
    let seen = it.state.proven_at().unwrap_or(it.held.seen_at).max(it.held.seen_at);
    let seen = now.or_earlier(seen);
    Some(OpenBackup { it, stage, since: from, age_s: from.map(|at| since(at, seen)) })
}

/// The backup of these that has been under way for too long, with who waits behind it. `all` = every backup; `every_s` =
/// how often the schedule runs, if that is known.
pub(super) fn stuck<'a>(
    own: &[Candidate<'a>],
    all: &[Candidate<'a>],
    every_s: Option<u64>,
    now: JudgedAt<'_>,
) -> Option<Stuck> {
    let patience = every_s.unwrap_or(PATIENCE_S.1).clamp(PATIENCE_S.0, PATIENCE_S.1);
    let mine: Vec<OpenBackup<'_, 'a>> = own.iter().filter_map(|it| open(it, now)).collect();
    let waiting = mine.iter().filter(|it| it.stage == BackupStage::Waits).count();
    let oldest = |stage: BackupStage| mine.iter().filter(|it| it.stage == stage).max_by_key(|it| it.age_s);
    if let Some(it) = oldest(BackupStage::Runs).filter(|it| it.age_s.is_some_and(|age| age > patience)) {
        let behind = match waiting {
            0 => String::new(),
            1 => ", 1 waits behind it".to_owned(),
            n => format!(", {n} wait behind it"),
        };
        return Some(of(it, &format!("is {}{behind}", state(it, now))));
    }
    if let Some(it) = oldest(BackupStage::Waits) {
        let before = all.iter().filter(|other| other.source == it.it.source).filter_map(|other| open(other, now));
        let before = before.filter(|other| other.stage == BackupStage::Runs).max_by_key(|other| other.age_s);
        match before {
            Some(other) if other.age_s.is_some_and(|age| age > patience) => {
                return Some(of(it, &format!("waits behind {}, which is {}", other.it.point.name, state(&other, now))));
            }
            None if it.age_s.is_some_and(|age| age > QUEUE_S) => {
                return Some(of(it, &format!("was made{} and not picked up: Velero may be dead", at(it, now))));
            }
            _ => {}
        }
    }
    let goes = oldest(BackupStage::Goes).filter(|it| it.age_s.is_some_and(|age| age > DELETION_S))?;
    let from = goes.since.map(|at| now.dated(at)).unwrap_or_default();
    Some(of(goes, &format!("is being deleted since {from}: the deletion does not end")))
}

fn of(it: &OpenBackup<'_, '_>, what: &str) -> Stuck {
    let phase = it.it.point.phase.as_str();
    Stuck {
        name: it.it.point.name.to_string(),
        phase: if phase.is_empty() { "not started yet".to_owned() } else { phase.to_owned() },
        says: format!("{} {what}", it.it.point.name),
    }
}

/// `WaitingForPluginOperations since 13:40:00 UTC`. An instant: an age would make it another row every minute.
fn state(it: &OpenBackup<'_, '_>, now: JudgedAt<'_>) -> String {
    let since = it.since.map(|at| format!(" since {}", now.dated(at))).unwrap_or_default();
    format!("{}{since}", it.it.point.phase.as_str())
}

fn at(it: &OpenBackup<'_, '_>, now: JudgedAt<'_>) -> String {
    it.since.map(|at| format!(" at {}", now.dated(at))).unwrap_or_default()
}

/// Puts it into the row's opinion.
pub(super) fn judge(opinion: &mut Opinion, stuck: Option<&Stuck>) {
    if let Some(stuck) = stuck {
        opinion.because(Verdict::Warning, stuck.says.clone());
    }
}
