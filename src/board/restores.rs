//! Restores: how they stand, what they wait for, and whether they still move. Velero does one at a time, can't be asked to
//! stop one, and says nothing when one hangs.

use std::collections::BTreeMap;

use crate::model::facts::{Fact, FactKind, Restore, VolumeRestore};
use crate::model::{Change, SourceId, Stamp};

use super::Board;
use super::row::{Body, Row, Verdict};
use super::store::{Proof, SourceState};
use super::words::{Opinion, count};

const MOST_RESTORES: usize = 200;
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
    let last = restore.moved.max(restore.started);
    !is_terminal(restore) && !is_waiting(restore) && last.is_some_and(|at| (seen - at).num_seconds() > STUCK_S)
}

/// What would change if the thing moved.
#[derive(Clone, Debug, PartialEq)]
struct Mark {
    restore: String,
    phase: String,
    figures: [u64; 4],
}

/// When each running restore last moved: its phase, its items, its volumes. Objects do not say it themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    marks: BTreeMap<(SourceId, FactKind, String), Mark>,
    moved: BTreeMap<(SourceId, String), Stamp>,
}

impl Moves {
    /// Takes in what a change says of restores and their volumes.
    pub fn see(&mut self, source: &SourceId, change: &Change, seen_at: Stamp) {
        match change {
            Change::Upsert(fact) => self.fact(source, fact, seen_at),
            Change::Replace { kind: FactKind::Restore | FactKind::VolumeRestore | FactKind::DataDownload, facts } => {
                facts.iter().for_each(|fact| self.fact(source, fact, seen_at));
            }
            Change::Remove { kind: FactKind::Restore, key } => self.forget(source, key),
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

fn of_restore(it: &Restore) -> Mark {
    Mark {
        restore: it.name.to_string(),
        phase: it.phase.as_str().to_owned(),
        figures: [it.items_done, it.items_total, it.errors, it.warnings],
    }
}

fn of_volume(it: &VolumeRestore) -> Mark {
    Mark {
        restore: it.restore.to_string(),
        phase: it.phase.as_str().to_owned(),
        figures: [it.bytes_done, it.bytes_total, 0, 0],
    }
}

/// One row per restore, the newest first.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let mut rows: Vec<Row> = board
        .store
        .facts(FactKind::Restore)
        .filter_map(|(id, state, held)| match &held.fact {
            Fact::Restore(restore) => {
                let proof = board.store.proof(id, state, held, now);
                let restore = whole(board, id, state, restore, proof.seen_at);
                Some(row(state, restore, proof))
            }
            _ => None,
        })
        .collect();
    rows.sort_by_key(|row| match &row.body {
        Body::Restore(restore) => std::cmp::Reverse((restore.started.or(restore.created), row.id.clone())),
        _ => std::cmp::Reverse((None, row.id.clone())),
    });
    rows.truncate(MOST_RESTORES);
    rows
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

fn row(state: &SourceState, restore: Restore, proof: Proof) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    if is_terminal(&restore) {
        judge_ended(&mut opinion, &restore);
    } else if is_waiting(&restore) {
        judge_waiting(&mut opinion, state, &restore, proof.seen_at);
    } else {
        judge_running(&mut opinion, &restore, proof.seen_at);
    }
    let id = format!("restore/{}/{}", restore.cluster, restore.name);
    opinion.row(id, proof, Body::Restore(restore))
}

fn judge_ended(opinion: &mut Opinion, restore: &Restore) {
    match restore.phase.as_str() {
        "Completed" if restore.errors > 0 => {
            opinion.because(Verdict::Warning, format!("completed with {}", count(restore.errors as usize, "error")));
        }
        "Completed" if restore.warnings > 0 => opinion.because(
            Verdict::Warning,
            format!(
                "completed with {}: objects that already existed were skipped",
                count(restore.warnings as usize, "warning")
            ),
        ),
        "Completed" => {}
        phase => {
            let mut why = phase.to_owned();
            if !restore.failure.is_empty() {
                why.push_str(&format!(": {}", restore.failure));
            }
            if phase == "PartiallyFailed" {
                let errors = count(restore.errors as usize, "error");
                why.push_str(&format!(" with {errors}: see what is missing before anyone relies on it"));
            }
            opinion.because(Verdict::Critical, why);
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
