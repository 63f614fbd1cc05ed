//! Kubernetes: events, nodes with the age of their Leases, pods in trouble, and the control plane.
//!
//! How an API server is reached, asked and watched is in [`super::kube_api`], for everything that lives in a cluster.

mod debounce;
mod health;
pub mod map;
mod nodes;
pub mod pods;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_access;
#[cfg(test)]
mod tests_wire;

use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::kube_api::client::ClusterLink;
use super::kube_api::kubeconfig;
use super::kube_api::requests::Collection;
use super::kube_api::source_context::{PROBE, SourceContext, Spare};
use super::kube_api::watch::{self, Mapped, Mapping, NamespaceUnion, Watched};
use super::{Adapter, Ctx, SourceSpec};
use crate::config::ClusterConfig;
use crate::model::facts::{Fact, FactKind};
use crate::model::{SourceId, System};

/// How long what a cluster said counts as fresh, seconds.
const FRESH_FOR_S: u64 = 30;

/// Starts watching a cluster. Never fails: a kubeconfig that can't be used is this source's trouble.
pub fn start(config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    (start_on(ClusterLink::new(config), config, ctx, tasks), None)
}

/// What an Argo CD or Flux elsewhere calls a cluster: as the configuration says, and the server of its kubeconfig. Reads a
/// file, once; one that can't be read is this source's trouble.
pub fn destinations(config: &ClusterConfig) -> Vec<String> {
    config.destinations.iter().cloned().chain(kubeconfig::server(config)).collect()
}

fn start_on(link: ClusterLink, config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> SourceSpec {
    let name = config.name.clone();
    let id = SourceId::new(System::Kubernetes, name.as_str());
    let spec =
        SourceSpec { id: id.clone(), fresh_for_s: FRESH_FOR_S, credential: link.credential(), notes: Vec::new() };
    let (events, pods) = (places("events", FactKind::KubeEvent, config), places("pods", FactKind::Pod, config));
    let each = events.iter().chain(&pods).map(|it| it.part.as_str());
    let parts: Vec<&str> = [PROBE, health::READS, nodes::PART, NODES].into_iter().chain(each).collect();
    let mut feed = SourceContext::new(link, ctx.reporter(id.clone()), ctx, &parts);
    if !config.namespaces.is_empty() {
        // Who may read some namespaces only may seldom read what belongs to none.
        feed = feed.sparing(&[NODES, nodes::PART], Spare::Unread);
    }

    let (of, on) = (feed.clone(), name.clone());
    feed.keep(tasks, ctx, PROBE, move || health::run(of.clone(), on.clone()));

    for what in events {
        let (of, on) = (feed.clone(), name.clone());
        feed.keep(tasks, ctx, &what.part.clone(), move || {
            watch::run(of.clone(), what.clone(), EventMapping { cluster: on.clone() })
        });
    }

    let book = nodes::Book::new(&name);
    let (of, pages) = (feed.clone(), book.clone());
    feed.keep(tasks, ctx, NODES, move || watch::run(of.clone(), whole(NODES, FactKind::Node), pages.clone()));
    let of = feed.clone();
    feed.keep(tasks, ctx, nodes::PART, move || nodes::leases(of.clone(), book.clone()));

    let rolls: Vec<pods::Roll> = pods.iter().map(|it| pods::Roll::new(&name, it.collection.namespace())).collect();
    for (what, roll) in pods.into_iter().zip(rolls.clone()) {
        let of = feed.clone();
        feed.keep(tasks, ctx, &what.part.clone(), move || watch::run(of.clone(), what.clone(), roll.clone()));
    }
    tasks.spawn(pods::counts(feed, rolls));
    spec
}

const NODES: &str = "nodes";

/// Events of one cluster to facts.
pub struct EventMapping {
    /// The cluster's name.
    pub cluster: String,
}

impl Mapping for EventMapping {
    type Object<'a> = map::EventObject<'a>;

    fn map(&mut self, object: &map::EventObject<'_>) -> Mapped {
        let event = map::event(&self.cluster, object)?;
        Some((event.uid.clone(), Some(Fact::from(event))))
    }
}

fn whole(plural: &'static str, kind: FactKind) -> Watched {
    Watched { part: plural.to_owned(), collection: Collection::new("v1", plural, None), kind, union: None }
}

/// A resource in the whole cluster, or in each of the namespaces that may be read.
fn places(plural: &'static str, kind: FactKind, config: &ClusterConfig) -> Vec<Watched> {
    if config.namespaces.is_empty() {
        return vec![whole(plural, kind)];
    }
    let union = NamespaceUnion::new(&config.namespaces);
    let of = |namespace: &String| Watched {
        part: format!("{plural} in {namespace}"),
        collection: Collection::new("v1", plural, Some(namespace)),
        kind,
        union: Some(union.clone()),
    };
    config.namespaces.iter().map(of).collect()
}
