//! Flux: its Kustomizations and HelmReleases in every namespace, where they take revisions from, and whether its
//! controllers run. A kind that is not installed costs nothing while one of the two is.

mod act;
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
use crate::model::facts::{
    Bucket, Fact, FactKind, GitRepository, HelmChart, HelmRelease, HelmRepository, Kustomization, OciRepository,
};
use crate::model::gitops::SOURCE_CONTROLLER;
use crate::model::{SourceId, System};

pub use act::Flux;

/// How long what Flux's objects said counts as fresh, seconds.
const FRESH_FOR_S: u64 = 45;
const CONTROLLERS: [&str; 3] = ["kustomize-controller", "helm-controller", SOURCE_CONTROLLER];
const SOURCE: &str = "source.toolkit.fluxcd.io/v1";

type FluxMap = fn(&str, &Value) -> Option<Fact>;

/// One kind of object: group, plural, what it becomes, and whether it is something that is deployed.
struct FluxKind {
    group: &'static str,
    plural: &'static str,
    fact: FactKind,
    map: FluxMap,
    app: bool,
}

impl FluxKind {
    fn collection(&self) -> Collection {
        Collection::new(self.group, self.plural, None)
    }
}

/// Every kind that is read, what is deployed first.
static KINDS: [FluxKind; 7] = [
    FluxKind {
        group: "kustomize.toolkit.fluxcd.io/v1",
        plural: "kustomizations",
        fact: FactKind::Kustomization,
        map: |cluster, it| map::kustomization(cluster, it).map(|app| Kustomization(app).into()),
        app: true,
    },
    FluxKind {
        group: "helm.toolkit.fluxcd.io/v2",
        plural: "helmreleases",
        fact: FactKind::HelmRelease,
        map: |cluster, it| map::helm_release(cluster, it).map(|app| HelmRelease(app).into()),
        app: true,
    },
    FluxKind {
        group: SOURCE,
        plural: "gitrepositories",
        fact: FactKind::GitRepository,
        map: |cluster, it| map::source(cluster, "GitRepository", it).map(|it| GitRepository(it).into()),
        app: false,
    },
    FluxKind {
        group: SOURCE,
        plural: "ocirepositories",
        fact: FactKind::OciRepository,
        map: |cluster, it| map::source(cluster, "OCIRepository", it).map(|it| OciRepository(it).into()),
        app: false,
    },
    FluxKind {
        group: SOURCE,
        plural: "helmrepositories",
        fact: FactKind::HelmRepository,
        map: |cluster, it| map::source(cluster, "HelmRepository", it).map(|it| HelmRepository(it).into()),
        app: false,
    },
    FluxKind {
        group: SOURCE,
        plural: "helmcharts",
        fact: FactKind::HelmChart,
        map: |cluster, it| map::source(cluster, "HelmChart", it).map(|it| HelmChart(it).into()),
        app: false,
    },
    FluxKind {
        group: SOURCE,
        plural: "buckets",
        fact: FactKind::Bucket,
        map: |cluster, it| map::source(cluster, "Bucket", it).map(|it| Bucket(it).into()),
        app: false,
    },
];

/// Starts watching a cluster's Flux. Never fails: what is missing or forbidden is this source's trouble.
pub fn start(config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let adapter = Flux::new(ClusterLink::new(config), controllers_of(config), ctx.clock.clone());
    (start_on(ClusterLink::new(config), config, ctx, tasks), Some(Arc::new(adapter)))
}

fn controllers_of(config: &ClusterConfig) -> Controllers {
    Controllers {
        cluster: config.name.clone(),
        namespace: config.flux.clone(),
        names: &CONTROLLERS,
        usual: &CONTROLLERS,
    }
}

fn start_on(link: ClusterLink, config: &ClusterConfig, ctx: &Ctx, tasks: &TaskTracker) -> SourceSpec {
    let id = SourceId::new(System::Flux, config.name.as_str());
    let spec =
        SourceSpec { id: id.clone(), fresh_for_s: FRESH_FOR_S, credential: link.credential(), notes: Vec::new() };
    let plurals: Vec<&'static str> = KINDS.iter().map(|kind| kind.plural).collect();
    let parts = [&[PROBE, controllers::PART], plurals.as_slice()].concat();
    let feed = SourceContext::new(link, ctx.reporter(id.clone()), ctx, &parts)
        .sparing(&plurals, Spare::Optional)
        .sparing(&[controllers::PART], Spare::Extra);

    let of = feed.clone();
    feed.keep(tasks, ctx, PROBE, move || {
        crd_probe::of_any(of.clone(), KINDS.iter().filter(|kind| kind.app).map(FluxKind::collection).collect())
    });

    let (of, pods) = (feed.clone(), controllers_of(config));
    feed.keep(tasks, ctx, controllers::PART, move || controllers::run(of.clone(), pods.clone()));

    for kind in &KINDS {
        let (of, cluster) = (feed.clone(), config.name.clone());
        feed.keep(tasks, ctx, kind.plural, move || {
            let cluster = cluster.clone();
            let map = move |object: &Value| -> Mapped {
                let fact = (kind.map)(&cluster, object)?;
                Some((fact.key(), Some(fact)))
            };
            watch::run(
                of.clone(),
                Watched { part: kind.plural.to_owned(), collection: kind.collection(), kind: kind.fact, union: None },
                map,
            )
        });
    }
    spec
}
