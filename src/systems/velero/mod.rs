//! Velero: schedules, restore points, storage locations and restores, watched in its namespace; and the two writes of
//! a restore plan. A status is evidence only while its writer lives: the locations' validation time is its heartbeat.

mod act;
mod backup_filters;
pub mod map;
mod read_fields;

#[cfg(test)]
mod map_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;
use tokio_util::task::TaskTracker;

use super::kube_api::client::ClusterLink;
use super::kube_api::crd_probe;
use super::kube_api::requests::Collection;
use super::kube_api::source_context::{PROBE, SourceContext, Spare};
use super::kube_api::watch::{self, Mapped, Watched};
use super::{Adapter, Ctx, SourceSpec};
use crate::config::ClusterConfig;
use crate::model::facts::{Fact, FactKind};
use crate::model::{SourceId, System};

pub use act::{Velero, restore_name};

/// How long what Velero's objects said counts as fresh, seconds.
const FRESH_FOR_S: u64 = 45;
const GROUP: &str = "velero.io/v1";
const MOVER_GROUP: &str = "velero.io/v2alpha1";

/// Starts watching a cluster's Velero. Never fails: what is missing or forbidden is this source's trouble.
pub fn start(
    config: &ClusterConfig,
    namespace: &str,
    ctx: &Ctx,
    tasks: &TaskTracker,
) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    // Acting has its own connection: it shares no pool, no lock and no expired token with the watches.
    let adapter = Velero::new(ClusterLink::new(config), namespace, ctx.clock.clone());
    (start_on(ClusterLink::new(config), config, namespace, ctx, tasks), Some(Arc::new(adapter)))
}

type VeleroMap = fn(&str, &Value) -> Option<Fact>;

fn start_on(link: ClusterLink, config: &ClusterConfig, namespace: &str, ctx: &Ctx, tasks: &TaskTracker) -> SourceSpec {
    let id = SourceId::new(System::Velero, config.name.as_str());
    let spec =
        SourceSpec { id: id.clone(), fresh_for_s: FRESH_FOR_S, credential: link.credential(), notes: Vec::new() };
    let volumes = ["podvolumebackups", "podvolumerestores", "datadownloads"];
    let parts = [PROBE, "schedules", "backups", "backupstoragelocations", "restores"];
    let parts: Vec<&'static str> = parts.into_iter().chain(volumes).collect();
    // Kinds of volumes came with later versions of Velero, and nothing else hangs on them.
    let feed = SourceContext::new(link, ctx.reporter(id.clone()), ctx, &parts).sparing(&volumes, Spare::Extra);
    let collection = |plural| Collection::new(GROUP, plural, Some(namespace));

    let (of, backups) = (feed.clone(), collection("backups"));
    feed.keep(tasks, ctx, PROBE, move || crd_probe::run(of.clone(), backups.clone()));

    let kinds: [(&'static str, FactKind, VeleroMap); 7] = [
        ("schedules", FactKind::Schedule, |cluster, it| map::schedule(cluster, it).map(Fact::from)),
        ("backups", FactKind::RestorePoint, |cluster, it| map::restore_point(cluster, it).map(Fact::from)),
        ("backupstoragelocations", FactKind::Location, |cluster, it| map::location(cluster, it).map(Fact::from)),
        ("restores", FactKind::Restore, |cluster, it| map::restore(cluster, it).map(Fact::from)),
        ("podvolumebackups", FactKind::VolumeBackup, |cluster, it| map::volume_backup(cluster, it).map(Fact::from)),
        ("podvolumerestores", FactKind::VolumeRestore, |cluster, it| map::volume_restore(cluster, it).map(Fact::from)),
        ("datadownloads", FactKind::DataDownload, |cluster, it| map::data_download(cluster, it).map(Fact::from)),
    ];
    for (plural, kind, map) in kinds {
        let group = if plural == "datadownloads" { MOVER_GROUP } else { GROUP };
        let (of, cluster) = (feed.clone(), config.name.clone());
        let what = Watched {
            part: plural.to_owned(),
            collection: Collection::new(group, plural, Some(namespace)),
            kind,
            union: None,
        };
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
