//! Backup storage locations: can they be relied on, and what does their mode do to backups of this cluster and others.

use crate::model::facts::{Fact, FactKind, Location};
use crate::model::{ClusterRole, SourceId, Stamp};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState, Store};
use super::restore_points::{late_s, location_trouble, skew_of};
use super::row::{Row, Verdict};
use super::row_builder::{Opinion, count, names, sort_rows};

/// One row per location of each cluster, worst first.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let all: Vec<(&SourceId, &Location)> = board
        .store
        .facts(FactKind::Location)
        .filter_map(|(id, _, held)| match &held.fact {
            Fact::Location(location) => Some((id, location)),
            _ => None,
        })
        .collect();
    let mut rows: Vec<Row> = board
        .store
        .facts(FactKind::Location)
        .filter_map(|(id, state, held)| match &held.fact {
            Fact::Location(location) => {
                let proof = board.store.proof(id, state, held, now);
                Some(row(board, location, &all, state, proof))
            }
            _ => None,
        })
        .collect();
    sort_rows(&mut rows, |row| row.id.clone());
    rows
}

fn row(
    board: &Board,
    location: &Location,
    all: &[(&SourceId, &Location)],
    state: &SourceState,
    proof: Provenance,
) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    // Times of a location are by its cluster's clock.
    let seen = proof.seen_at + skew_of(&board.store, &location.cluster);
    if let Some(why) = location_trouble(location, seen) {
        let verdict = match location.phase.as_str() {
            "" => Verdict::Unknown,
            "Available" => Verdict::Warning,
            "Unavailable" => Verdict::Critical,
            // A word that this program does not know is no proof of either.
            _ => Verdict::Unknown,
        };
        opinion.because(verdict, why);
    } else {
        if location.validation_every_s == 0 {
            opinion.because(Verdict::Info, "validation is off: nothing proves that it can be read");
        }
        judge_sync(&mut opinion, board, location, seen);
    }
    judge_mode(&mut opinion, board, location, all, state);
    let id = format!("location/{}/{}", location.cluster, location.name);
    opinion.row(id, proof, location.clone())
}

/// New backups of another cluster appear by synchronisation: late or off, the newest restore point is not known here.
fn judge_sync(opinion: &mut Opinion, board: &Board, location: &Location, seen: Stamp) {
    let is_dr = board.setup.clusters.iter().any(|(name, role)| *name == location.cluster && *role == ClusterRole::Dr);
    if location.sync_every_s == 0 {
        let verdict = if is_dr { Verdict::Warning } else { Verdict::Info };
        opinion.because(verdict, "synchronisation is off: backups made elsewhere do not appear here");
        return;
    }
    match location.last_synced {
        None => opinion.because(Verdict::Unknown, "never synchronised: newer backups may be missing here"),
        Some(at) if (seen - at).num_seconds() > late_s(location.sync_every_s) => {
            opinion.because(Verdict::Warning, "not synchronised for too long: newer backups may be missing here");
        }
        Some(_) => {}
    }
}

fn judge_mode(
    opinion: &mut Opinion,
    board: &Board,
    location: &Location,
    all: &[(&SourceId, &Location)],
    state: &SourceState,
) {
    match location.access_mode.as_str() {
        "ReadOnly" => {
            let uploading = uploading(location, state);
            if uploading > 0 {
                let backups = count(uploading, "backup");
                let why = format!("read-only while {backups} upload to it: Velero ends them as PartiallyFailed");
                opinion.because(Verdict::Warning, why);
            } else {
                opinion.mention("read-only: new backups to it fail, and nothing is collected from here");
            }
        }
        "ReadWrite" => {
            let (shared, maybe) = others(location, all, &board.store);
            if !shared.is_empty() {
                opinion.because(
                    Verdict::Warning,
                    format!(
                        "read-write on {} too: each collects the other's expired backups, and the restores that name them",
                        names(&shared)
                    ),
                );
            }
            if !maybe.is_empty() {
                opinion.mention(format!("{} may write to the same bucket: it has the same name there", names(&maybe)));
            }
        }
        other => opinion.because(Verdict::Unknown, format!("access mode {other} is not known to this program")),
    }
}

/// Backups of this cluster that still upload to it. Those of others are not synced before they are done.
fn uploading(location: &Location, state: &SourceState) -> usize {
    state
        .of(FactKind::RestorePoint)
        .filter(|held| match &held.fact {
            Fact::RestorePoint(point) => {
                point.location == location.name && point.phase.as_str().starts_with("WaitingForPluginOperations")
            }
            _ => false,
        })
        .count()
}

/// Other clusters that may write to the same backups, by location: surely, and by name only.
fn others(location: &Location, all: &[(&SourceId, &Location)], store: &Store) -> (Vec<String>, Vec<String>) {
    let (mut shared, mut maybe) = (Vec::new(), Vec::new());
    for (_, other) in all {
        let same = !location.store.is_empty() && other.store == location.store;
        // Under another name of the same cluster it is this very location.
        if !same
            || super::clusters::same(store, &other.cluster, &location.cluster)
            || !other.access_mode.is("ReadWrite")
        {
            continue;
        }
        let known_apart = other.endpoint != location.endpoint;
        let list = if known_apart { &mut maybe } else { &mut shared };
        list.push(format!("{}/{}", other.cluster, other.name));
    }
    (shared, maybe)
}
