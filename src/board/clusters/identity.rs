//! Which cluster a name leads to: two names are two sites only if two clusters answer to them.

use crate::model::ClusterRole;
use crate::model::facts::{ControlPlane, Fact, FactKind};
use crate::model::{SourceId, System};

use super::super::Board;
use super::super::observation_store::Store;
use super::super::row::Verdict;
use super::super::row_builder::{Opinion, names};

/// The uid that a cluster was last seen to have. An identity does not age.
fn uid<'a>(store: &'a Store, cluster: &str) -> Option<&'a str> {
    let state = store.source(&SourceId::new(System::Kubernetes, cluster))?;
    state.of(FactKind::ControlPlane).find_map(|held| match &held.fact {
        Fact::ControlPlane(ControlPlane { uid, .. }) => uid.as_deref(),
        _ => None,
    })
}

/// Whether two names are known to lead to one cluster.
pub(in super::super) fn same(store: &Store, one: &str, other: &str) -> bool {
    one == other || uid(store, one).is_some_and(|uid_of_one| uid(store, other) == Some(uid_of_one))
}

/// Says with whom a cluster is one; answers their names.
pub(super) fn judge(opinion: &mut Opinion, board: &Board, name: &str, role: ClusterRole) -> Vec<String> {
    let others = board.setup.clusters.iter().filter(|(other, _)| other != name && same(&board.store, name, other));
    let others: Vec<&(String, ClusterRole)> = others.collect();
    let Some(uid) = uid(&board.store, name).filter(|_| !others.is_empty()) else { return Vec::new() };
    let two_sides = |other: &(String, ClusterRole)| {
        let is_pair = |a: ClusterRole, b: ClusterRole| a == ClusterRole::Primary && b == ClusterRole::Dr;
        is_pair(role, other.1)
            || is_pair(other.1, role)
            || board.setup.objectives.iter().any(|it| {
                let of_it = |cluster: &str| it.primary == cluster || it.has_dr(cluster);
                of_it(name) && of_it(&other.0)
            })
    };
    // Two names for one cluster harm nobody who does not take them for two sites.
    let verdict = if others.iter().any(|it| two_sides(it)) { Verdict::Critical } else { Verdict::Info };
    let mut all: Vec<String> = board.setup.clusters.iter().map(|(other, _)| other.clone()).collect();
    all.retain(|other| same(&board.store, name, other));
    let (last, first) = all.split_last().map_or(("", &[][..]), |(last, first)| (last.as_str(), first));
    opinion.because(verdict, format!("{} and {last} are one cluster (uid {uid})", names(first)));
    others.into_iter().map(|(other, _)| other.clone()).collect()
}
