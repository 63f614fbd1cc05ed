//! The registry: starts every configured source. A new system is one folder and one line here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::{Adapter, Ctx, Running, SourceSpec, alertmanager, argocd, cloudflare, http, kubernetes, probe, velero};
use crate::config::Config;

/// Starts every source of a configuration. Never fails and does not wait: what can't be reached is its source's trouble.
pub fn start(config: &Config, ctx: &Ctx) -> Running {
    http::install_crypto();
    let tasks = TaskTracker::new();
    let clusters = &config.clusters;
    let mut all: Vec<(SourceSpec, Option<Arc<dyn Adapter>>)> = Vec::new();
    all.extend(clusters.iter().map(|it| kubernetes::start(it, ctx, &tasks)));
    all.extend(clusters.iter().filter(|it| it.velero.is_some()).map(|it| velero::start(it, ctx, &tasks)));
    all.extend(clusters.iter().filter(|it| it.argocd.is_some()).map(|it| argocd::start(it, ctx, &tasks)));
    all.extend(config.alertmanagers.iter().map(|it| alertmanager::start(it, ctx, &tasks)));
    all.extend(config.cloudflare.iter().map(|it| cloudflare::start(it, ctx, &tasks)));
    all.extend(config.probes.iter().map(|it| probe::start(it, ctx, &tasks)));
    tasks.close();
    let adapters: BTreeMap<_, _> =
        all.iter().filter_map(|(spec, adapter)| Some((spec.id.clone(), adapter.clone()?))).collect();
    Running { sources: all.into_iter().map(|(spec, _)| spec).collect(), adapters, tasks }
}
