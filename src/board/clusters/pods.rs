//! Pods: which need a look, and since when. What is ordinary for a minute has a limit.

use std::cmp::Reverse;

use crate::model::facts::{Fact, FactKind, NamespacePods, Pod, PodStage};
use crate::model::{SafeText, Stamp};

use super::super::Board;
use super::super::observation_store::SourceState;
use super::super::row::Verdict;
use super::super::row_builder::{Opinion, count, names};
use crate::board::judged_at::JudgedAt;

/// The most pods that a row names.
pub(super) const MOST: usize = 200;
/// A pod has started by then, volumes attached and images pulled: what a Deployment waits for progress by default.
const STARTS_WITHIN_S: u64 = 600;
/// Told of a pod that outlives its grace period, and when that is no hiccup of its kubelet any more.
const ENDS_WITHIN_S: u64 = 60;
const STUCK_ENDING_S: u64 = 600;
/// A service's own pod that fails for so long does not come back by itself.
const FAILS_FOR_S: u64 = 600;

/// A pod with what it is to us.
pub(super) struct TroubledPod<'a> {
    pub pod: &'a Pod,
    pub verdict: Verdict,
    /// Since when, if that is told.
    since: Option<Stamp>,
}

/// Pods of a cluster.
#[derive(Default)]
pub(super) struct ClusterPods<'a> {
    /// Worst first, the oldest first.
    pub troubled: Vec<TroubledPod<'a>>,
    /// Counts of the namespaces that services live in, if they were read.
    pub namespaces: Vec<NamespacePods>,
}

/// Finds those that need a look. `now` is by the cluster's clock, as the times that it writes.
pub(super) fn read<'a>(board: &Board, state: &'a SourceState, now: JudgedAt<'_>) -> ClusterPods<'a> {
    let of_service = |namespace: &SafeText| {
        board.setup.objectives.iter().any(|it| it.namespaces.iter().any(|own| namespace == own.as_str()))
    };
    let mut troubled: Vec<TroubledPod<'a>> = state
        .of(FactKind::Pod)
        .filter_map(|held| match &held.fact {
            Fact::Pod(pod) => Some(pod),
            _ => None,
        })
        .filter_map(|pod| {
            // What has no time of its own has just begun.
            let lasts = |longer_than_s| pod.since.is_some_and(|at| now.is_older_s(at, longer_than_s));
            let verdict = verdict(pod, lasts, of_service(&pod.namespace))?;
            Some(TroubledPod { pod, verdict, since: pod.since })
        })
        .collect();
    troubled.sort_by_key(|it| (Reverse(it.verdict), it.since, &it.pod.namespace, &it.pod.name));
    ClusterPods { troubled, namespaces: counts(board, state) }
}

/// `None` = ordinary so far.
fn verdict(pod: &Pod, lasts: impl Fn(u64) -> bool, of_service: bool) -> Option<Verdict> {
    match pod.stage {
        PodStage::Starting if lasts(STARTS_WITHIN_S) => Some(Verdict::Warning),
        // The scheduler has said no: that may pass, but it is no part of an ordinary start.
        PodStage::Starting => (pod.trouble == "Unschedulable").then_some(Verdict::Info),
        PodStage::Ending if lasts(STUCK_ENDING_S) => Some(Verdict::Warning),
        PodStage::Ending => (lasts(ENDS_WITHIN_S)).then_some(Verdict::Info),
        PodStage::Started if of_service && lasts(FAILS_FOR_S) => Some(Verdict::Warning),
        PodStage::Started => Some(Verdict::Info),
    }
}

/// Counts by namespace, as far as they are known.
fn counts(board: &Board, state: &SourceState) -> Vec<NamespacePods> {
    let mut namespaces: Vec<&str> =
        board.setup.objectives.iter().flat_map(|it| &it.namespaces).map(String::as_str).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    let of = |namespace: &str| match state.get(FactKind::NamespacePods, namespace).map(|held| &held.fact) {
        Some(Fact::NamespacePods(counted)) => Some(counted.clone()),
        _ => None,
    };
    let whole = of("");
    let none = |namespace: &str| {
        let cluster = whole.as_ref()?.cluster.clone();
        Some(NamespacePods { cluster, namespace: SafeText::new(namespace), ready: 0, all: 0 })
    };
    namespaces.into_iter().filter_map(|namespace| of(namespace).or_else(|| none(namespace))).collect()
}

/// Says what is wrong, by kind: what never started, what does not end, what fails.
pub(super) fn judge(opinion: &mut Opinion, pods: &ClusterPods<'_>, now: JudgedAt<'_>) {
    let of = |stage: PodStage, least: Verdict| {
        let fits = move |it: &&TroubledPod<'_>| it.pod.stage == stage && it.verdict >= least;
        pods.troubled.iter().filter(fits).collect::<Vec<_>>()
    };
    let stuck = of(PodStage::Starting, Verdict::Warning);
    if let Some(first) = stuck.first() {
        let why = format!("{} not started{}: {}", count(stuck.len(), "pod"), for_long(first, now), named(&stuck));
        opinion.because(Verdict::Warning, why);
    }
    let ending = of(PodStage::Ending, Verdict::Warning);
    if let Some(first) = ending.first() {
        let (pods, late) = (count(ending.len(), "pod"), for_long(first, now));
        let why = format!("{pods} still there{late} after the end of the grace period: {}", named(&ending));
        opinion.because(Verdict::Warning, why);
    }
    let other = |it: &&TroubledPod<'_>| it.pod.stage == PodStage::Started || it.verdict == Verdict::Info;
    let other: Vec<&TroubledPod<'_>> = pods.troubled.iter().filter(other).collect();
    if let Some(worst) = other.first() {
        opinion.because(worst.verdict, format!("{} in trouble: {}", count(other.len(), "pod"), named(&other)));
    }
}

fn for_long(oldest: &TroubledPod<'_>, now: JudgedAt<'_>) -> String {
    oldest.since.map(|at| format!(" for {}", now.words_since(at))).unwrap_or_default()
}

fn named(pods: &[&TroubledPod<'_>]) -> String {
    let all: Vec<String> =
        pods.iter().map(|it| format!("{}/{} {}", it.pod.namespace, it.pod.name, it.pod.trouble)).collect();
    names(&all)
}
