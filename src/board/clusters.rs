//! Clusters: which one each is, the control plane with etcd named, nodes by condition and by Lease, pods.

mod identity;
mod nodes;
mod pods;

use chrono::TimeDelta;

use crate::model::facts::{ControlPlane, Endpoint, Fact, FactKind};
use crate::model::time::{clock, words};
use crate::model::{ClusterRole, SourceId, System, Trouble};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::SourceState;
use super::row::{ClusterRow, Row, Verdict};
use super::row_builder::{Opinion, names, not_looked_at, sort_rows};

pub(super) use identity::same;

/// Skew below this is noise of a header with whole seconds; above the other it is no skew but another clock.
const SKEW_MS: std::ops::RangeInclusive<u64> = 5_000..=600_000;

/// One row per configured cluster.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = board.setup.clusters.iter().map(|(name, role)| row(board, name, *role, now)).collect();
    let order: Vec<String> = board.setup.clusters.iter().map(|(name, _)| name.clone()).collect();
    sort_rows(&mut rows, |row| order.iter().position(|name| *name == row.id));
    rows
}

fn row(board: &Board, name: &str, role: ClusterRole, now: JudgedAt<'_>) -> Row {
    let id = SourceId::new(System::Kubernetes, name);
    let state = board.store.source(&id);
    let held = state.and_then(|state| state.of(FactKind::ControlPlane).next().map(|held| (state, held)));
    let proof = match held {
        Some((state, held)) => board.store.proof(&id, state, held, now),
        None => board.store.proof_of_source(&id, now),
    };
    let control_plane = held.and_then(|(_, held)| match &held.fact {
        Fact::ControlPlane(it) => Some(it.clone()),
        _ => None,
    });
    let mut opinion = Opinion::new(Verdict::Ok);
    judge_control_plane(&mut opinion, control_plane.as_ref());
    if let Some(troubled) = state.and_then(SourceState::whole_trouble) {
        judge_trouble(&mut opinion, name, &troubled.trouble);
    }
    if let Some(words) = control_plane.as_ref().and_then(skew_words) {
        opinion.because(Verdict::Info, words);
    }
    let skew = skew(control_plane.as_ref());
    let same_as = identity::judge(&mut opinion, board, name, role);
    let nodes = state.map(|state| nodes::read(state, skew)).unwrap_or_default();
    let nodes_read = state.is_some_and(|state| state.listed(FactKind::Node));
    if nodes_read {
        nodes::judge(&mut opinion, role, &nodes);
        if let Some(at) = state.and_then(|state| nodes::unproven(board, &id, state, now)) {
            opinion.because(Verdict::Unknown, format!("its nodes were last read at {}", clock(at)));
        }
    } else if state.is_some() {
        opinion.because(Verdict::Unknown, "its nodes have not been read");
    }
    let theirs = now.by_clock(skew);
    let pods = state.map(|state| pods::read(board, state, theirs)).unwrap_or_default();
    let pods_read = state.is_some_and(|state| state.listed(FactKind::Pod));
    pods::judge(&mut opinion, &pods, theirs);
    if state.is_some() && !pods_read {
        opinion.because(Verdict::Unknown, "its pods have not been read");
    }
    let body = ClusterRow {
        name: name.to_owned(),
        role,
        control_plane,
        nodes: nodes.all,
        nodes_ready: nodes.ready,
        nodes_read,
        nodes_closed: nodes.closed(),
        nodes_silent: nodes.silent.len() as u32,
        silent: nodes.silent,
        nodes_not_ready: nodes.not_ready,
        pods_read,
        pods_troubled: pods.troubled.len() as u32,
        pods: pods.troubled.into_iter().take(pods::MOST).map(|it| it.pod.clone()).collect(),
        namespaces: pods.namespaces,
        same_as,
    };
    opinion.row(name, proof, body)
}

/// Whether a health endpoint says that the control plane fails, whoever else is silent.
pub(super) fn fails(control_plane: &ControlPlane) -> bool {
    control_plane.livez == Endpoint::Failing || control_plane.readyz == Endpoint::Failing
}

/// `etcd` if it is among the failed checks, else the first few.
pub(super) fn failed_words(control_plane: &ControlPlane) -> String {
    if control_plane.failed.iter().any(|check| check == "etcd") {
        "etcd".to_owned()
    } else if control_plane.failed.is_empty() {
        "the API server".to_owned()
    } else {
        names(&control_plane.failed)
    }
}

/// A cluster that can't be read is down for whoever asks; one that our own side could not ask may be well.
fn judge_trouble(opinion: &mut Opinion, name: &str, trouble: &Trouble) {
    match not_looked_at(trouble) {
        Some(words) => opinion.because(Verdict::Unknown, words),
        None => opinion.because(Verdict::Critical, format!("{name} can't be read: {}", trouble.what)),
    }
}

fn judge_control_plane(opinion: &mut Opinion, control_plane: Option<&ControlPlane>) {
    let Some(it) = control_plane else {
        opinion.because(Verdict::Unknown, "its control plane has not been read yet");
        return;
    };
    match (it.livez, it.readyz) {
        _ if fails(it) => opinion.because(Verdict::Critical, format!("{} fails its health check", failed_words(it))),
        (Endpoint::Unreachable, Endpoint::Unreachable) => {
            opinion.because(Verdict::Critical, "the API server is not reached");
        }
        (Endpoint::NotAllowed, Endpoint::NotAllowed) => {
            opinion.because(Verdict::Unknown, "reached, but its health endpoints may not be read");
        }
        (Endpoint::Ok, Endpoint::Ok) => {}
        (livez, _) => {
            let silent = if livez == Endpoint::Ok { "readyz" } else { "livez" };
            opinion.because(Verdict::Unknown, format!("/{silent} gives no answer"));
        }
    }
}

pub(super) fn skew(control_plane: Option<&ControlPlane>) -> TimeDelta {
    let ms = control_plane.and_then(|it| it.skew_ms).filter(|ms| SKEW_MS.contains(&ms.unsigned_abs()));
    TimeDelta::milliseconds(ms.unwrap_or(0))
}

/// A clock that differs so much that times written by the cluster mislead.
fn skew_words(control_plane: &ControlPlane) -> Option<String> {
    let ms = control_plane.skew_ms.filter(|ms| ms.unsigned_abs() >= *SKEW_MS.start())?;
    let way = if ms > 0 { "ahead of" } else { "behind" };
    Some(format!("its clock is {} {way} ours", words(nearest(ms.unsigned_abs()))))
}

/// Milliseconds as seconds, from a minute on as whole minutes, to the nearest: a `Date` header has whole seconds and is a
/// moment old when it is read, so that two minutes would often read as one.
fn nearest(ms: u64) -> u64 {
    let seconds = (ms + 500) / 1000;
    if seconds < 60 { seconds } else { (seconds + 30) / 60 * 60 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_by_the_nearest_figure() {
        for (ms, said) in [
            (5_400, "5 s"),
            (5_500, "6 s"),
            (59_600, "1 min"),
            (89_000, "1 min"),
            (118_700, "2 min"),
            (121_000, "2 min"),
            (7_199_000, "2 h"),
        ] {
            assert_eq!(words(nearest(ms)), said, "{ms} ms");
        }
    }
}
