//! Restores: how they stand, what they wait for, and whether they still move. Velero does one at a time, can't be asked to
//! stop one, and says nothing when one hangs.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::model::facts::{Fact, FactKind, Restore, Scope, VolumeRestore};
use crate::model::{SafeText, SourceChange, SourceId, Stamp};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState};
use super::restore_points::{Candidate, RestorePoints, is_ahead, skew_of};
use super::row::{Row, Verdict};
use super::row_builder::{Opinion, count};

/// Restores that are shown: those that run and the newest.
const MOST_RESTORES: usize = 200;
/// A restore that failed longer ago needs nobody now: over a weekend, and no longer.
const FAILED_FOR_S: u64 = 72 * 3_600;
/// A restore of which nothing moved for so long is stuck.
const STUCK_S: i64 = 600;
/// Most things whose movement is remembered.
const MOST_MARKS: usize = 10_000;

/// Whether a restore has reached its last phase.
pub(super) fn is_terminal(restore: &Restore) -> bool {
    matches!(restore.phase.as_str(), "FailedValidation" | "Completed" | "PartiallyFailed" | "Failed")
}

/// Whether Velero has not picked a restore up.
pub(super) fn is_waiting(restore: &Restore) -> bool {
    matches!(restore.phase.as_str(), "" | "New")
}

/// Whether nothing of a running restore has moved for too long, as far as was seen until `seen`.
pub(super) fn is_stuck(restore: &Restore, seen: Stamp) -> bool {
    // What began in the future began at some other time; then only what was seen to move counts.
    let begun = restore.started.filter(|at| !is_ahead(*at, seen));
    let last = restore.moved.max(begun).or(restore.created);
    !is_terminal(restore) && !is_waiting(restore) && last.is_some_and(|at| (seen - at).num_seconds() > STUCK_S)
}

/// What would change if the thing moved.
#[derive(Clone, Debug, PartialEq)]
struct ProgressMark {
    restore: String,
    phase: String,
    figures: [u64; 4],
}

/// When each running restore last moved: its phase, its items, its volumes. Objects do not say it themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct RestoreProgress {
    marks: BTreeMap<(SourceId, FactKind, String), ProgressMark>,
    moved: BTreeMap<(SourceId, String), Stamp>,
}

impl RestoreProgress {
    /// Takes in what a change says of restores and their volumes.
    pub(super) fn see(&mut self, source: &SourceId, change: &SourceChange, seen_at: Stamp) {
        match change {
            SourceChange::Upsert(fact) => self.fact(source, fact, seen_at),
            SourceChange::Replace {
                kind: FactKind::Restore | FactKind::VolumeRestore | FactKind::DataDownload,
                facts,
            } => {
                facts.iter().for_each(|fact| self.fact(source, fact, seen_at));
            }
            SourceChange::Remove { kind: FactKind::Restore, key } => self.forget(source, key),
            _ => {}
        }
    }

    fn fact(&mut self, source: &SourceId, fact: &Fact, seen_at: Stamp) {
        let (mark, written) = match fact {
            Fact::Restore(it) if is_terminal(it) => return self.forget(source, it.name.as_str()),
            Fact::Restore(it) => (of_restore(it), it.moved.or(it.started)),
            Fact::VolumeRestore(it) => (of_volume(it), None),
            Fact::DataDownload(it) => (of_volume(&it.0), None),
            _ => return,
        };
        let key = (source.clone(), fact.kind(), fact.key());
        let restore = (source.clone(), mark.restore.clone());
        let full = self.marks.len() >= MOST_MARKS;
        match self.marks.get_mut(&key) {
            Some(known) if *known == mark => {}
            Some(known) => {
                *known = mark;
                self.moved.insert(restore, seen_at);
            }
            None if full => {}
            None => {
                // The first look proves no movement; what the object records of its own writes may.
                let first = written.unwrap_or(seen_at).min(seen_at);
                if fact.kind() == FactKind::Restore {
                    self.moved.entry(restore).or_insert(first);
                }
                self.marks.insert(key, mark);
            }
        }
    }

    fn forget(&mut self, source: &SourceId, restore: &str) {
        self.moved.remove(&(source.clone(), restore.to_owned()));
        self.marks.retain(|(of, ..), mark| of != source || mark.restore != restore);
    }

    fn of(&self, source: &SourceId, restore: &Restore) -> Option<Stamp> {
        self.moved.get(&(source.clone(), restore.name.to_string())).copied()
    }
}

fn of_restore(it: &Restore) -> ProgressMark {
    ProgressMark {
        restore: it.name.to_string(),
        phase: it.phase.as_str().to_owned(),
        figures: [it.items_done, it.items_total, it.errors, it.warnings],
    }
}

fn of_volume(it: &VolumeRestore) -> ProgressMark {
    ProgressMark {
        restore: it.restore.to_string(),
        phase: it.phase.as_str().to_owned(),
        figures: [it.bytes_done, it.bytes_total, 0, 0],
    }
}

/// One row per restore: those that have not ended, then the newest. With how many are left out.
pub(super) fn rows(board: &Board, points: &RestorePoints<'_>, now: JudgedAt<'_>) -> (Vec<Row>, u64) {
    let all: Vec<(&SourceId, &Restore)> = board
        .store
        .facts(FactKind::Restore)
        .filter_map(|(id, _, held)| match &held.fact {
            Fact::Restore(restore) => Some((id, restore)),
            _ => None,
        })
        .collect();
    let mut rows: Vec<Row> = board
        .store
        .facts(FactKind::Restore)
        .filter_map(|(id, state, held)| match &held.fact {
            Fact::Restore(restore) => {
                let proof = board.store.proof(id, state, held, now);
                let over = is_over(id, restore, &all, now);
                let mut restore = whole(board, id, state, restore, proof.seen_at);
                restore.backup_scope = backup_scope(points, id, &restore);
                Some(row(board, state, restore, over, proof))
            }
            _ => None,
        })
        .collect();
    rows.sort_by_key(|row| {
        let it = row.as_kind::<Restore>();
        (it.is_none_or(is_terminal), Reverse(it.and_then(|it| it.started.or(it.created))), Reverse(row.id.clone()))
    });
    let left_out = rows.len().saturating_sub(MOST_RESTORES) as u64;
    rows.truncate(MOST_RESTORES);
    (rows, left_out)
}

/// What the backup of a restore holds, if it is still known on that cluster.
fn backup_scope(points: &RestorePoints<'_>, id: &SourceId, restore: &Restore) -> Option<Scope> {
    let own = |it: &&Candidate<'_>| it.source == id && it.point.name == restore.backup;
    let point = points.all().find(own)?.point;
    let mut less: Vec<SafeText> = point.limits.clone();
    if point.items == Some(0) {
        less.push(SafeText::new("nothing"));
    }
    less.extend(point.left_out.iter().map(|it| SafeText::new(&format!("all but {it}"))));
    Some(Scope {
        included_namespaces: point.included_namespaces.clone(),
        excluded_namespaces: point.excluded_namespaces.clone(),
        less,
    })
}

/// Why a restore that did not end well needs nobody any more; `None` = it does.
fn is_over(id: &SourceId, restore: &Restore, all: &[(&SourceId, &Restore)], now: JudgedAt<'_>) -> Option<String> {
    let ended = restore.completed.or(restore.started).or(restore.created)?;
    let of = |it: &Restore| if it.schedule.is_empty() { it.backup.clone() } else { it.schedule.clone() };
    let better = all.iter().filter(|(other, it)| {
        let later = it.started.or(it.created) > restore.started.or(restore.created);
        let well = it.phase.is("Completed") && it.errors == 0 && it.items_restored() > 0;
        *other == id && later && well && of(it) == of(restore)
    });
    match better.map(|(_, it)| *it).max_by_key(|it| it.started) {
        Some(it) => Some(format!("{} was restored after it", it.name)),
        None if now.is_older_s(ended, FAILED_FOR_S) => Some("that is days ago".to_owned()),
        None => None,
    }
}

/// A restore with its volumes and with when it last moved.
fn whole(board: &Board, id: &SourceId, state: &SourceState, restore: &Restore, seen_at: Stamp) -> Restore {
    let mut out = restore.clone();
    let moved = if is_terminal(restore) { None } else { board.moves.of(id, restore).max(restore.moved) };
    // The server's clock may be ahead of ours.
    out.moved = moved.map(|at| at.min(seen_at));
    let volumes = state.of(FactKind::VolumeRestore).chain(state.of(FactKind::DataDownload));
    let volumes = volumes.filter_map(|held| match &held.fact {
        Fact::VolumeRestore(it) => Some(it),
        Fact::DataDownload(it) => Some(&it.0),
        _ => None,
    });
    for it in volumes.filter(|it| it.restore == restore.name) {
        out.volumes_total += 1;
        out.volumes_done += u32::from(it.phase.is("Completed"));
        out.bytes_done = out.bytes_done.saturating_add(it.bytes_done);
        out.bytes_total = out.bytes_total.saturating_add(it.bytes_total);
    }
    out
}

fn row(board: &Board, state: &SourceState, restore: Restore, over: Option<String>, proof: Provenance) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    // Times that Velero wrote are by its cluster's clock.
    let seen = proof.seen_at + skew_of(&board.store, &restore.cluster);
    if is_terminal(&restore) {
        let (verdict, why) = ended(&restore);
        match over.filter(|_| verdict > Verdict::Info) {
            Some(over) => opinion.because(Verdict::Info, format!("{why}; {over}")),
            None if why.is_empty() => opinion.verdict = verdict,
            None => opinion.because(verdict, why),
        }
        if restore.completed.is_some_and(|at| is_ahead(at, seen)) {
            opinion.because(Verdict::Unknown, "it ended in the future: a clock is wrong");
        }
    } else if is_waiting(&restore) {
        judge_waiting(&mut opinion, state, &restore, seen);
    } else {
        judge_running(&mut opinion, &restore, seen);
    }
    let id = format!("restore/{}/{}", restore.cluster, restore.name);
    opinion.row(id, proof, restore)
}

/// How an ended restore stands, and why. `Completed` does not mean that anything was restored.
fn ended(restore: &Restore) -> (Verdict, String) {
    let errors = || count(restore.errors as usize, "error");
    let warnings = || count(restore.warnings as usize, "warning");
    match restore.phase.as_str() {
        "Completed" if restore.items_done == 0 => {
            (Verdict::Warning, "Completed with 0 items: nothing was restored".to_owned())
        }
        "Completed" if restore.items_restored() == 0 => {
            let why = format!(
                "Completed, and nothing was restored: {} of {} items, {}: what exists already is skipped",
                restore.items_done,
                restore.items_total,
                warnings()
            );
            (Verdict::Warning, why)
        }
        "Completed" if restore.errors > 0 => (Verdict::Warning, format!("completed with {}", errors())),
        "Completed" if restore.warnings > 0 => {
            (Verdict::Warning, format!("completed with {}: objects that already existed were skipped", warnings()))
        }
        "Completed" => (Verdict::Ok, String::new()),
        phase => {
            let mut why = phase.to_owned();
            if phase == "PartiallyFailed" {
                why.push_str(&format!(" with {}: see what is missing before anyone relies on it", errors()));
            }
            if !restore.failure.is_empty() {
                why.push_str(&format!(": {}", restore.failure));
            }
            (Verdict::Critical, why)
        }
    }
}

/// Velero takes one restore at a time: the others wait without a phase.
fn judge_waiting(opinion: &mut Opinion, state: &SourceState, restore: &Restore, seen: Stamp) {
    let ahead = state.of(FactKind::Restore).find_map(|held| match &held.fact {
        Fact::Restore(it) if !is_terminal(it) && !is_waiting(it) && it.name != restore.name => Some(&it.name),
        _ => None,
    });
    match ahead {
        Some(name) => opinion.because(Verdict::Warning, format!("queued behind {name}: Velero restores one at a time")),
        None if restore.created.is_some_and(|at| (seen - at).num_seconds() > STUCK_S) => {
            opinion.because(Verdict::Warning, "not picked up for over 10 minutes: Velero may be dead");
        }
        None => opinion.because(Verdict::Info, "not picked up by Velero yet"),
    }
}

fn judge_running(opinion: &mut Opinion, restore: &Restore, seen: Stamp) {
    let phase = restore.phase.as_str();
    let known = phase == "InProgress"
        || ["WaitingForPluginOperations", "Finalizing"]
            .iter()
            .any(|family| phase.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest == "PartiallyFailed"));
    match phase {
        phase if !known => {
            opinion
                .because(Verdict::Unknown, format!("phase {phase} is not known to this program: not counted as ended"));
        }
        phase if phase.ends_with("PartiallyFailed") => {
            opinion.because(Verdict::Warning, format!("{phase}: it will end partially failed"));
        }
        phase => opinion.because(Verdict::Info, phase),
    }
    if is_stuck(restore, seen) {
        let why = "nothing has moved for over 10 minutes: look for pods that are not scheduled, a node without node-agent, a \
                   namespace that is being deleted";
        opinion.because(Verdict::Warning, why);
    }
}
