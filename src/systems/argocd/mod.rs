//! Argo CD: its Applications, watched through the cluster's API, the sync windows of its projects, and whether its
//! controller runs. Projects and pods that may not be read cost what they would have told, and nothing else.

pub mod act;
pub mod map;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::kube_api::client::ClusterLink;
use super::kube_api::controllers::{self, Controllers};
use super::kube_api::crd_probe;
use super::kube_api::requests::Collection;
use super::kube_api::source_context::{PROBE, SourceContext, Spare};
use super::kube_api::watch::{self, Mapped, Watched};
use super::{Adapter, Ctx, SourceSpec};
use crate::config::ClusterConfig;
use crate::model::facts::{Fact, FactKind};
use crate::model::{SourceId, System};

pub use act::Argocd;

/// How long what the Applications said counts as fresh, seconds.
const FRESH_FOR_S: u64 = 45;

/// Starts watching a cluster's Argo CD. Never fails: what is missing or forbidden is this source's trouble.
pub fn start(config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let clock = ctx.clock.clone();
    let stale_s = config.argocd_stale_s;
    let adapter = Argocd::new(
        ClusterLink::new(config),
        collection(config, "applications"),
        controllers_of(config),
        stale_s,
        clock,
    );
    (start_on(ClusterLink::new(config), config, ctx, tasks), Some(Arc::new(adapter)))
}

fn collection(config: &ClusterConfig, plural: &'static str) -> Collection {
    Collection::new("argoproj.io/v1alpha1", plural, config.argocd.as_deref())
}

fn controllers_of(config: &ClusterConfig) -> Controllers {
    Controllers {
        cluster: config.name.clone(),
        namespace: config.argocd.clone(),
        names: &["application-controller"],
        usual: &["argocd-application-controller", "openshift-gitops-application-controller", "application-controller"],
    }
}

type ArgocdMap = fn(&str, &Value) -> Option<Fact>;

fn start_on(link: ClusterLink, config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> SourceSpec {
    let id = SourceId::new(System::Argocd, config.name.as_str());
    let spec =
        SourceSpec { id: id.clone(), fresh_for_s: FRESH_FOR_S, credential: link.credential(), notes: Vec::new() };
    let parts = [PROBE, "applications", "appprojects", controllers::PART];
    let feed = SourceContext::new(link, ctx.reporter(id.clone()), ctx, &parts)
        .sparing(&["appprojects", controllers::PART], Spare::Extra);

    let (of, apps) = (feed.clone(), collection(config, "applications"));
    feed.keep(tasks, ctx, PROBE, move || crd_probe::run(of.clone(), apps.clone()));

    let (of, pods) = (feed.clone(), controllers_of(config));
    feed.keep(tasks, ctx, controllers::PART, move || controllers::run(of.clone(), pods.clone()));

    let kinds: [(&'static str, FactKind, ArgocdMap); 2] = [
        ("applications", FactKind::App, |cluster, it| map::app(cluster, it).map(Fact::from)),
        ("appprojects", FactKind::Project, |cluster, it| map::project(cluster, it).map(Fact::from)),
    ];
    for (plural, kind, map) in kinds {
        let (of, cluster) = (feed.clone(), config.name.clone());
        let what = Watched { part: plural.to_owned(), collection: collection(config, plural), kind, union: None };
        feed.keep(tasks, ctx, plural, move || {
            let cluster = cluster.clone();
            let map = move |object: &Value| -> Mapped {
                let fact = map(&cluster, object)?;
                Some((fact.key(), Some(fact)))
            };
            watch::run(of.clone(), what.clone(), map)
        });
    }
    spec
}
