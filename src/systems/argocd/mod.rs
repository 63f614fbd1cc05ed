//! Argo CD: its Applications, watched through the cluster's API.

mod act;
pub mod map;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::kubernetes::ask::Collection;
use super::kubernetes::client::Link;
use super::kubernetes::feed::Feed;
use super::kubernetes::health;
use super::kubernetes::watch::{self, Mapped, Watched};
use super::supervise::keep;
use super::{Adapter, Ctx, SourceSpec};
use crate::config::ClusterConfig;
use crate::model::facts::{Fact, FactKind};
use crate::model::{SourceId, System};

pub use act::Argocd;

/// How long what the Applications said counts as fresh, seconds.
const FRESH_FOR_S: u64 = 45;
const DEFAULT_NAMESPACE: &str = "argocd";

/// Starts watching a cluster's Argo CD. Never fails: what is missing or forbidden is this source's trouble.
pub fn start(config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let clock = ctx.clock.clone();
    let adapter = Argocd::new(Link::new(config), collection(config), &config.name, config.argocd_stale_s, clock);
    (start_on(Link::new(config), config, ctx, tasks), Some(Arc::new(adapter)))
}

fn collection(config: &ClusterConfig) -> Collection {
    let namespace = config.argocd.as_deref().unwrap_or(DEFAULT_NAMESPACE);
    Collection::new("argoproj.io/v1alpha1", "applications", Some(namespace))
}

fn start_on(link: Link, config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> SourceSpec {
    let id = SourceId::new(System::Argocd, config.name.as_str());
    let spec = SourceSpec { id: id.clone(), fresh_for_s: FRESH_FOR_S, credential: link.credential() };
    let parts = [health::PROBE, "applications"];
    let feed = Feed::new(link, ctx.reporter(id.clone()), ctx, &parts);

    let (of, apps) = (feed.clone(), collection(config));
    keep(tasks, ctx, id.clone(), move |_| health::pulse(of.clone(), apps.clone()));

    let what = Watched { part: "applications", collection: collection(config), kind: FactKind::App };
    let cluster = config.name.clone();
    keep(tasks, ctx, id.clone(), move |_| {
        let cluster = cluster.clone();
        let map = move |object: &Value| -> Mapped {
            let fact = Fact::from(map::app(&cluster, object)?);
            Some((fact.key(), Some(fact)))
        };
        watch::run(feed.clone(), what.clone(), map)
    });
    spec
}
