//! Kubernetes: events, nodes with the age of their Leases, pods in trouble, and the control plane.
//!
//! Also the ground for everything that lives in a cluster ([`super::velero`], [`super::argocd`]): the connection
//! ([`client`]), single requests and lists ([`ask`]), questions about applications
//! ([`apps`]), watches ([`watch`]) behind a gate ([`feed`]), and the words for
//! what went wrong ([`trouble`]).

pub mod apps;
pub mod ask;
mod certificate;
pub mod client;
pub mod controllers;
pub mod feed;
mod gather;
pub mod health;
mod kubeconfig;
mod login;
pub mod map;
pub mod nodes;
pub mod object;
mod proxy;
mod stream;
mod transport;
pub mod trouble;
mod vote;
pub mod watch;

#[cfg(test)]
pub(in crate::systems) mod testing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_wire;

use std::sync::Arc;

use serde_json::Value;
use tokio_util::task::TaskTracker;

use self::ask::Collection;
use self::client::Link;
use self::feed::Feed;
use self::watch::{Mapped, Watched};
use super::{Adapter, Ctx, SourceSpec};
use crate::config::ClusterConfig;
use crate::model::facts::{Fact, FactKind};
use crate::model::{SourceId, System};

/// How long what a cluster said counts as fresh, seconds.
const FRESH_FOR_S: u64 = 30;

/// Starts watching a cluster. Never fails: a kubeconfig that can't be used is this source's trouble.
pub fn start(config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    (start_on(Link::new(config), &config.name, ctx, tasks), None)
}

/// What an Argo CD or Flux elsewhere calls a cluster: as the configuration says, and the server of its kubeconfig. Reads a
/// file, once; one that can't be read is this source's trouble.
pub fn destinations(config: &ClusterConfig) -> Vec<String> {
    config.destinations.iter().cloned().chain(kubeconfig::server(config)).collect()
}

fn start_on(link: Link, cluster: &str, ctx: &Ctx, tasks: &TaskTracker) -> SourceSpec {
    let id = SourceId::new(System::Kubernetes, cluster);
    let spec = SourceSpec { id: id.clone(), fresh_for_s: FRESH_FOR_S, credential: link.credential() };
    let parts = [health::PROBE, health::READS, nodes::PART, "events", "nodes", "pods"];
    let feed = Feed::new(link, ctx.reporter(id.clone()), ctx, &parts);
    let name = cluster.to_owned();

    let (of, on) = (feed.clone(), name.clone());
    feed.keep(tasks, ctx, health::PROBE, move || health::run(of.clone(), on.clone()));

    let (of, on) = (feed.clone(), name.clone());
    feed.keep(tasks, ctx, "events", move || {
        let cluster = on.clone();
        let map = move |object: &Value| -> Mapped {
            let event = map::event(&cluster, object)?;
            Some((event.uid.clone(), Some(Fact::from(event))))
        };
        watch::run(of.clone(), watched("events", FactKind::KubeEvent), map)
    });

    let book = nodes::Book::new(&name);
    let (of, pages) = (feed.clone(), book.clone());
    feed.keep(tasks, ctx, "nodes", move || watch::run(of.clone(), watched("nodes", FactKind::Node), pages.clone()));
    let of = feed.clone();
    feed.keep(tasks, ctx, nodes::PART, move || nodes::leases(of.clone(), book.clone()));

    let of = feed.clone();
    feed.keep(tasks, ctx, "pods", move || {
        let (cluster, clock) = (name.clone(), of.clock.clone());
        let map = move |object: &Value| -> Mapped {
            let (key, pod) = map::pod(&cluster, object, clock.now())?;
            Some((key, pod.map(Fact::from)))
        };
        watch::run(of.clone(), watched("pods", FactKind::Pod), map)
    });
    spec
}

fn watched(plural: &'static str, kind: FactKind) -> Watched {
    Watched { part: plural, collection: Collection::new("v1", plural, None), kind }
}
