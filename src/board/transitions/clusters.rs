//! `source.*`, `control_plane.*`, `node.*`, `gitops.*`.

use serde_json::json;

use crate::model::entry::Transition;
use crate::model::facts::{ControlPlane, Endpoint};
use crate::model::time::{clock, since, words};
use crate::model::{SafeText, TransitionKind};

use super::super::clusters::{failed_words, fails};
use super::super::row::{ClusterRow, ParityRow, Row, SourceRow, Topic, Verdict};
use super::super::row_builder::{count, names, not_looked_at};
use super::{BoardDiff, stamp};

pub(super) fn sources(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Sources) {
        let subject = SafeText::new(&row.source.to_string());
        let was = pair.standing.get(&TransitionKind::SourceLost, subject.as_str());
        let Some(SourceRow { alive_at, troubled_since, trouble, .. }) = row.as_kind() else { continue };
        if was.is_none() && row.stale {
            let why = trouble.as_ref().map(|trouble| format!(": {}", trouble.what)).unwrap_or_default();
            let says = match alive_at {
                _ if trouble.as_ref().is_some_and(|it| it.kind.own_failure().is_some()) => {
                    let words = trouble.as_ref().and_then(not_looked_at).unwrap_or_default();
                    format!("{subject} is {words}")
                }
                Some(at) => format!("{subject} not heard from since {}{why}", clock(*at)),
                None => format!("{subject} does not answer{why}"),
            };
            out.push(pair.transition(
                TransitionKind::SourceLost,
                row,
                alive_at.or(*troubled_since),
                Verdict::Unknown,
                &subject,
                says,
            ));
        } else if let (Some(told), Some(to), false) = (was, *alive_at, row.stale) {
            let from = told.at;
            let gap_s = since(from, to);
            let says = format!("{subject} answers again after {} without data", words(gap_s));
            let mut edge = pair.transition(TransitionKind::SourceBack, row, Some(to), Verdict::Ok, &subject, says);
            edge.figures = json!({ "from": stamp(from), "to": stamp(to), "gap_s": gap_s });
            out.push(edge);
        }
    }
}

struct ClusterHealth<'a> {
    name: &'a str,
    control_plane: Option<&'a ControlPlane>,
    silent: &'a [SafeText],
    not_ready: &'a [SafeText],
    nodes: u32,
}

fn cluster(row: &Row) -> Option<ClusterHealth<'_>> {
    let ClusterRow { name, control_plane, nodes, silent, nodes_not_ready: not_ready, .. } = row.as_kind()?;
    Some(ClusterHealth { name, control_plane: control_plane.as_ref(), silent, not_ready, nodes: *nodes })
}

fn is_bad(control_plane: &ControlPlane) -> bool {
    let unreached = Endpoint::Unreachable;
    fails(control_plane) || (control_plane.livez == unreached && control_plane.readyz == unreached)
}

pub(super) fn clusters(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    // What a health endpoint says is whole, whatever else is still being read.
    for row in pair.new.rows(Topic::Clusters) {
        let Some(is) = cluster(row) else { continue };
        control_plane(pair, row, &is, out);
        if pair.is_read(Topic::Clusters, row) && is.nodes > 0 {
            nodes(pair, row, &is, out);
        }
    }
}

/// Nodes that the log says are not ready.
fn told<'a>(pair: &BoardDiff<'a>, cluster: &str) -> Vec<&'a str> {
    let of = |about: &'a str| about.strip_prefix(cluster)?.strip_prefix('/').filter(|node| !node.is_empty());
    pair.standing.all(&TransitionKind::NodeNotReady).filter_map(|(about, _)| of(about)).collect()
}

fn control_plane(pair: &BoardDiff<'_>, row: &Row, is: &ClusterHealth<'_>, out: &mut Vec<Transition>) {
    let Some(now) = is.control_plane else { return };
    let name = is.name;
    let was_bad = pair.standing.has(&TransitionKind::ControlPlaneFailing, name);
    let subject = SafeText::new(name);
    if is_bad(now) && !was_bad {
        let says = if fails(now) {
            format!("{} of {name} fails its health check", failed_words(now))
        } else {
            format!("The API server of {name} is not reached")
        };
        let mut edge =
            pair.transition(TransitionKind::ControlPlaneFailing, row, None, Verdict::Critical, &subject, says);
        edge.figures = json!({ "failed": now.failed });
        out.push(edge);
    } else if was_bad && !is_bad(now) {
        let says = format!("The control plane of {name} answers its health checks again");
        out.push(pair.transition(TransitionKind::ControlPlaneOk, row, None, Verdict::Ok, &subject, says));
    }
}

/// One transition for all nodes of a cluster that changed together: a rack that dies is one line.
fn nodes(pair: &BoardDiff<'_>, row: &Row, is: &ClusterHealth<'_>, out: &mut Vec<Transition>) {
    let before = told(pair, is.name);
    let subject = SafeText::new(is.name);
    let mut tell = |edge: TransitionKind, verdict: Verdict, how: &str, who: &[&str]| {
        if who.is_empty() {
            return;
        }
        let verb = if who.len() == 1 { "is" } else { "are" };
        let says = format!("{} of {} {verb} {how}: {}", count(who.len(), "node"), is.name, names(who));
        let mut edge = pair.transition(edge, row, None, verdict, &subject, says);
        let (not_ready, silent) = (is.not_ready.len(), is.silent.len());
        edge.figures = json!({ "nodes": who, "not_ready": not_ready, "silent": silent, "of": is.nodes });
        out.push(edge);
    };
    let news = |nodes: &[SafeText]| -> Vec<String> {
        nodes.iter().filter(|node| !before.contains(&node.as_str())).map(ToString::to_string).collect()
    };
    let (fallen, unheard) = (news(is.not_ready), news(is.silent));
    tell(
        TransitionKind::NodeNotReady,
        Verdict::Warning,
        "not ready",
        &fallen.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    tell(
        TransitionKind::NodeNotReady,
        Verdict::Warning,
        "silent",
        &unheard.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let is_bad = |node: &str| is.not_ready.iter().chain(is.silent).any(|it| it.as_str() == node);
    let back: Vec<&str> = before.iter().copied().filter(|node| !is_bad(node)).collect();
    tell(TransitionKind::NodeReady, Verdict::Ok, "ready again or gone", &back);
}

/// Whether every application was deployed and healthy when the source was last heard. `None` = no application is known.
fn at_parity(row: &Row) -> Option<bool> {
    let ParityRow { ok, total, silent, .. } = row.as_kind()?;
    (*total > 0).then_some(ok + silent == *total)
}

pub(super) fn parity(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Gitops) {
        let Some(ParityRow { cluster, ok, total, laggards, .. }) = row.as_kind() else { continue };
        let before = pair.before(Topic::Gitops, row);
        let answered_empty = before.is_some_and(|row| !row.stale && at_parity(row).is_none());
        let drifts = pair.standing.has(&TransitionKind::GitopsDrift, cluster);
        let subject = SafeText::new(cluster);
        let edge = match at_parity(row) {
            Some(true) if drifts || answered_empty => Some(true),
            Some(false) if !drifts => Some(false),
            _ => None,
        };
        let mut edge = match edge {
            Some(true) => {
                let says = format!("GitOps: {total} of {total} applications healthy on {cluster}");
                pair.transition(TransitionKind::GitopsParity, row, None, Verdict::Ok, &subject, says)
            }
            Some(false) => {
                let who: Vec<String> = laggards.iter().map(|(name, why)| format!("{name} ({why})")).collect();
                let lag = total - ok;
                let says = format!("GitOps: {lag} of {total} applications not at parity on {cluster}: {}", names(&who));
                pair.transition(TransitionKind::GitopsDrift, row, None, Verdict::Warning, &subject, says)
            }
            None => continue,
        };
        edge.figures = json!({ "ok": ok, "total": total });
        out.push(edge);
    }
}
