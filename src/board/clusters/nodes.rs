//! Nodes: ready, silent, not ready, and those that are ready and take no pods.

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, Node};
use crate::model::{ClusterRole, SafeText, SourceId, Stamp};

use super::super::Board;
use super::super::observation_store::SourceState;
use super::super::row::Verdict;
use super::super::row_builder::{Opinion, count, names};
use crate::board::judged_at::JudgedAt;

/// A Lease older than this is late: the kubelet renews every 10 s, and the node controller waits 40 s.
const LEASE_LATE_S: i64 = 40;
/// A Lease that lies so far ahead was written by a clock that says nothing: it would look young long after its node died.
const LEASE_AHEAD_S: i64 = 60;

/// Nodes by how they stand. Each that is not ready stands in one list only.
#[derive(Default)]
pub(super) struct Nodes {
    pub all: u32,
    pub ready: u32,
    /// Nobody hears them, whatever their condition said last.
    pub silent: Vec<SafeText>,
    /// Of them: the condition still says Ready, the Lease is late.
    late: usize,
    pub not_ready: Vec<SafeText>,
    /// Their Lease lies in the future.
    ahead: Vec<SafeText>,
    /// Ready, and no pod is placed on them: cordoned, or kept for the control plane.
    cordoned: Vec<SafeText>,
    for_control_plane: u32,
    /// Ready, and short of something.
    pressed: Vec<String>,
}

impl Nodes {
    /// How many are ready and take no ordinary pods.
    pub(super) fn closed(&self) -> u32 {
        self.cordoned.len() as u32 + self.for_control_plane
    }
}

/// Counts nodes. A Lease is judged against the newest proof from the source and not against now: what a dead API server
/// no longer tells us is staleness of ours, not silence of the node.
pub(super) fn read(state: &SourceState, skew: TimeDelta) -> Nodes {
    let mut out = Nodes::default();
    for held in state.of(FactKind::Node) {
        let Fact::Node(node) = &held.fact else { continue };
        out.all += 1;
        let proven = state.proven_at().map_or(held.seen_at, |at| at.max(held.seen_at)) + skew;
        let age = node.lease_renewed.map(|renewed| (proven - renewed).num_seconds());
        match node.ready.as_str() {
            "True" if age.is_some_and(|age| age > LEASE_LATE_S) => {
                out.late += 1;
                out.silent.push(node.name.clone());
            }
            "True" if age.is_some_and(|age| age < -LEASE_AHEAD_S) => out.ahead.push(node.name.clone()),
            "True" => out.add_ready(node),
            // What the node controller writes when it has not heard from the kubelet; no word at all is no better.
            "Unknown" | "" => out.silent.push(node.name.clone()),
            _ => out.not_ready.push(node.name.clone()),
        }
    }
    out
}

impl Nodes {
    fn add_ready(&mut self, node: &Node) {
        self.ready += 1;
        if node.control_plane_only {
            self.for_control_plane += 1;
        } else if node.unschedulable {
            self.cordoned.push(node.name.clone());
        }
        if !node.pressures.is_empty() {
            self.pressed.push(format!("{} {}", node.name, names(&node.pressures)));
        }
    }
}

/// Judges nodes that were read.
pub(super) fn judge(opinion: &mut Opinion, role: ClusterRole, nodes: &Nodes) {
    let all = count(nodes.all as usize, "node");
    // Nothing that was promised to run there can; what is promised of other clusters is not known.
    let nothing_runs = if role == ClusterRole::Other { Verdict::Warning } else { Verdict::Critical };
    if nodes.all == 0 {
        opinion.because(nothing_runs, "it has no nodes: nothing can run there");
        return;
    }
    let bad = nodes.silent.len() + nodes.not_ready.len();
    let verdict = if 2 * bad as u32 >= nodes.all { Verdict::Critical } else { Verdict::Warning };
    if !nodes.not_ready.is_empty() {
        let why =
            format!("{} of {all} report that they are not ready: {}", nodes.not_ready.len(), names(&nodes.not_ready));
        opinion.because(verdict, why);
    }
    if !nodes.silent.is_empty() {
        let how = match nodes.late {
            0 => "their kubelets are not heard from",
            late if late == nodes.silent.len() => "Lease late",
            _ => "not heard from, or Lease late",
        };
        opinion.because(verdict, format!("{} of {all} silent ({how}): {}", nodes.silent.len(), names(&nodes.silent)));
    }
    if !nodes.ahead.is_empty() {
        let who = names(&nodes.ahead);
        let why = format!(
            "{} of {all} renew their Lease in the future, so nothing proves that they live: {who}",
            nodes.ahead.len()
        );
        opinion.because(Verdict::Unknown, why);
    }
    if !nodes.pressed.is_empty() {
        opinion.because(Verdict::Warning, format!("short of something: {}", names(&nodes.pressed)));
    }
    closed(opinion, nothing_runs, nodes);
}

/// Nodes that are ready and take no pods: a few are maintenance, all of them leave nowhere to run.
fn closed(opinion: &mut Opinion, nothing_runs: Verdict, nodes: &Nodes) {
    let cordoned = nodes.cordoned.len();
    if nodes.ready > 0 && nodes.closed() == nodes.ready {
        let mut why = Vec::new();
        if cordoned > 0 {
            why.push(format!("{cordoned} cordoned"));
        }
        if nodes.for_control_plane > 0 {
            why.push(format!("{} for the control plane only", nodes.for_control_plane));
        }
        opinion.because(nothing_runs, format!("no ready node takes pods: {}", why.join(", ")));
    } else if cordoned > 0 {
        opinion.mention(format!("{} cordoned: {}", count(cordoned, "node"), names(&nodes.cordoned)));
    }
}

/// When the nodes were last proven, if that is too long ago although the control plane is still read.
pub(super) fn unproven(board: &Board, id: &SourceId, state: &SourceState, now: JudgedAt<'_>) -> Option<Stamp> {
    let proofs = state.of(FactKind::Node).map(|held| board.store.proof(id, state, held, now));
    let oldest = proofs.min_by_key(|proof| proof.seen_at)?;
    oldest.stale.then_some(oldest.seen_at)
}
