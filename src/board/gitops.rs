//! GitOps parity: an application of Argo CD or Flux counts only if everything about it is proven good by fresh data and, on
//! a DR cluster, if it is at the release of the primary. It belongs to the cluster that it is deployed to, wherever its
//! object is kept.

mod applications;
mod compare;
mod parity;

use std::collections::BTreeMap;

use crate::model::facts::{App, Fact, FactKind};
use crate::model::gitops::destination::{Destination, destination};
use crate::model::{SourceId, System};

use super::Board;
use super::judged_at::JudgedAt;
use super::restore_points::skew_of;
use super::row::Row;
use super::row_builder::sort_rows;
use super::sync_windows::Judge;
use applications::{JudgedApp, Side, projects};
use parity::Group;

/// Reconciliation older than this is no proof: 3 × (120 s + 60 s of jitter), unless configured.
const RECONCILED_FOR_S: u64 = 540;
const APPS: [FactKind; 3] = [FactKind::App, FactKind::Kustomization, FactKind::HelmRelease];

/// A parity row per cluster first, then every application.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let mut groups = grouped(board, now);
    compare::compare(board, &mut groups, now);
    let order: BTreeMap<&str, usize> =
        board.setup.clusters.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    let mut parity: Vec<Row> = groups.values().filter_map(|group| group.row(board, now)).collect();
    sort_rows(&mut parity, |row| {
        let cluster = row.id.strip_prefix(parity::PREFIX).unwrap_or_default();
        order.get(cluster).copied().unwrap_or(usize::MAX)
    });
    let mut apps: Vec<Row> = groups.into_values().flat_map(|group| group.apps).map(JudgedApp::into_row).collect();
    sort_rows(&mut apps, |row| row.id.clone());
    parity.extend(apps);
    parity
}

/// Every application, judged by itself, by the cluster that it goes to.
fn grouped<'a>(board: &'a Board, now: JudgedAt<'a>) -> BTreeMap<Destination, Group<'a>> {
    let mut groups: BTreeMap<Destination, Group<'_>> = BTreeMap::new();
    for (id, state) in tools(board) {
        let side = Side::new(id, state, skew_of(&board.store, &id.instance));
        let home = Destination::Cluster(id.instance.clone());
        groups.entry(home.clone()).or_insert_with(|| Group::new(home.clone())).sources.insert(id);
        let mut windows = Judge::new(projects(state), now);
        for held in APPS.iter().flat_map(|kind| state.of(*kind)) {
            let Some(app) = app_of(&held.fact) else { continue };
            let proof = board.store.proof(id, state, held, now);
            let to = destination(app, &board.setup.called);
            if let Some(own) = groups.get_mut(&home).filter(|_| to != home) {
                own.is_hub = true;
            }
            let group = groups.entry(to.clone()).or_insert_with(|| Group::new(to.clone()));
            group.sources.insert(id);
            group.doubts.extend(side.doubt(app));
            group.apps.push(side.judge(app, &to, proof, board.setup.app_stale_s(&id.instance), windows.of(app)));
        }
    }
    if !groups.is_empty() {
        // A DR cluster to which nothing goes lacks all that it should have.
        for dr in compare::dr_of_named_apps(board) {
            let to = Destination::Cluster(dr.to_owned());
            groups.entry(to.clone()).or_insert_with(|| Group::new(to));
        }
    }
    groups
}

/// Every Argo CD and Flux that is watched.
fn tools(board: &Board) -> impl Iterator<Item = (&SourceId, &super::observation_store::SourceState)> {
    board.store.system(System::Argocd).chain(board.store.system(System::Flux))
}

fn app_of(fact: &Fact) -> Option<&App> {
    match fact {
        Fact::App(app) => Some(app),
        Fact::Kustomization(it) => Some(it),
        Fact::HelmRelease(it) => Some(it),
        _ => None,
    }
}

/// The default age at which a reconciliation proves nothing any more.
pub(super) const fn default_stale_s() -> u64 {
    RECONCILED_FOR_S
}
