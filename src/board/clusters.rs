//! Clusters: the control plane with etcd named, nodes by condition and by Lease, pods in trouble.

use chrono::TimeDelta;

use crate::model::facts::{ControlPlane, Endpoint, Fact, FactKind, Node, Pod};
use crate::model::time::{clock, words};
use crate::model::{ClusterRole, SafeText, SourceId, Stamp, System};

use super::Board;
use super::row::{Body, Row, Verdict};
use super::store::SourceState;
use super::words::{Opinion, count, names, not_looked_at, sort_rows};

/// A Lease older than this is late: the kubelet renews every 10 s, and the node controller waits 40 s.
const LEASE_LATE_S: i64 = 40;
/// Skew below this is noise of a header with whole seconds; above the other it is no skew but another clock.
const SKEW_MS: std::ops::RangeInclusive<u64> = 5_000..=600_000;
const MOST_PODS: usize = 200;

/// One row per configured cluster.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let mut rows: Vec<Row> = board.setup.clusters.iter().map(|(name, role)| row(board, name, *role, now)).collect();
    let order: Vec<String> = board.setup.clusters.iter().map(|(name, _)| name.clone()).collect();
    sort_rows(&mut rows, |row| order.iter().position(|name| *name == row.id));
    rows
}

#[derive(Default)]
struct Nodes {
    all: u32,
    ready: u32,
    silent: Vec<SafeText>,
    not_ready: Vec<SafeText>,
}

fn row(board: &Board, name: &str, role: ClusterRole, now: Stamp) -> Row {
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
        match not_looked_at(&troubled.trouble) {
            Some(words) => opinion.because(Verdict::Unknown, words),
            None => opinion.because(Verdict::Critical, format!("{name} can't be read: {}", troubled.trouble.what)),
        }
    }
    if let Some(words) = control_plane.as_ref().and_then(skew_words) {
        opinion.because(Verdict::Info, words);
    }
    let skew = skew(control_plane.as_ref());
    let nodes = state.map(|state| nodes(state, skew)).unwrap_or_default();
    judge_nodes(&mut opinion, &nodes);
    if state.is_some_and(|state| !state.listed(FactKind::Node)) {
        opinion.because(Verdict::Unknown, "its nodes have not been read yet");
    } else if let Some(at) = state.and_then(|state| nodes_unproven(board, &id, state, now)) {
        opinion.because(Verdict::Unknown, format!("its nodes were last read at {}", clock(at)));
    }
    let pods = state.map(pods).unwrap_or_default();
    if !pods.is_empty() {
        opinion.because(Verdict::Info, format!("{} in trouble", count(pods.len(), "pod")));
    }
    let body = Body::Cluster {
        name: name.to_owned(),
        role,
        control_plane,
        nodes: nodes.all,
        nodes_ready: nodes.ready,
        nodes_silent: nodes.silent.len() as u32,
        nodes_not_ready: nodes.not_ready,
        pods: pods.into_iter().take(MOST_PODS).collect(),
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

/// Counts nodes. A Lease is judged against the newest proof from the source and not against now: what a dead API server
/// no longer tells us is staleness of ours, not silence of the node.
fn nodes(state: &SourceState, skew: TimeDelta) -> Nodes {
    let mut out = Nodes::default();
    for held in state.of(FactKind::Node) {
        let Fact::Node(node) = &held.fact else { continue };
        out.all += 1;
        let proven = state.proven_at().map_or(held.seen_at, |at| at.max(held.seen_at));
        if !node.ready.is("True") {
            out.not_ready.push(node.name.clone());
        } else if lease_is_late(node, proven + skew) {
            out.silent.push(node.name.clone());
        } else {
            out.ready += 1;
        }
    }
    out
}

fn lease_is_late(node: &Node, at: Stamp) -> bool {
    node.lease_renewed.is_some_and(|renewed| (at - renewed).num_seconds() > LEASE_LATE_S)
}

fn judge_nodes(opinion: &mut Opinion, nodes: &Nodes) {
    let verdict = |bad: usize| if 2 * bad as u32 >= nodes.all { Verdict::Critical } else { Verdict::Warning };
    if !nodes.not_ready.is_empty() {
        let bad = nodes.not_ready.len();
        opinion.because(
            verdict(bad),
            format!(
                "{bad} of {} report that they are not ready: {}",
                count(nodes.all as usize, "node"),
                names(&nodes.not_ready)
            ),
        );
    }
    if !nodes.silent.is_empty() {
        let bad = nodes.silent.len();
        opinion.because(
            verdict(bad),
            format!("{bad} of {} silent (Lease late): {}", count(nodes.all as usize, "node"), names(&nodes.silent)),
        );
    }
}

/// When the nodes were last proven, if that is too long ago although the control plane is still read.
fn nodes_unproven(board: &Board, id: &SourceId, state: &SourceState, now: Stamp) -> Option<Stamp> {
    let proofs = state.of(FactKind::Node).map(|held| board.store.proof(id, state, held, now));
    let oldest = proofs.min_by_key(|proof| proof.seen_at)?;
    oldest.stale.then_some(oldest.seen_at)
}

fn pods(state: &SourceState) -> Vec<Pod> {
    state
        .of(FactKind::Pod)
        .filter_map(|held| match &held.fact {
            Fact::Pod(pod) => Some(pod.clone()),
            _ => None,
        })
        .collect()
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
