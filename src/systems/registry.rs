//! The registry: starts every configured source. A new system is one folder and one line here.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::request_meter::{Metered, UNSTATED};
use super::{
    Adapter, Ctx, RunningSources, SourceSpec, alertmanager, argocd, cloudflare, flux, http, kubernetes, probe,
    prometheus, velero,
};
use crate::config::{ClusterConfig, Config};

/// Starts every source of a configuration. Never fails and does not wait: what can't be reached is its source's trouble.
pub fn start(config: &Config, ctx: &Ctx) -> RunningSources {
    http::install_crypto();
    let tasks = TaskTracker::new();
    let clusters = &config.clusters;
    let mut all: Vec<(SourceSpec, Option<Arc<dyn Adapter>>)> = Vec::new();
    all.extend(clusters.iter().map(|it| kubernetes::start(it, ctx, &tasks)));
    // One API server answers for all that is in a cluster. Its client counts nothing, so what people have read is counted here.
    let counted = |(spec, adapter): (SourceSpec, Option<Arc<dyn Adapter>>), cluster: &ClusterConfig| {
        let meter = ctx.meters.of(format!("cluster {}", cluster.name), UNSTATED, &ctx.clock);
        (spec, adapter.map(|it| Arc::new(Metered::new(it, Some(meter))) as Arc<dyn Adapter>))
    };
    let velero = |it: &ClusterConfig| Some(counted(velero::start(it, it.velero.as_deref()?, ctx, &tasks), it));
    all.extend(clusters.iter().filter_map(velero));
    let argocd = clusters.iter().filter(|it| it.argocd.is_some());
    all.extend(argocd.map(|it| counted(argocd::start(it, ctx, &tasks), it)));
    let flux = clusters.iter().filter(|it| it.flux.is_some());
    all.extend(flux.map(|it| counted(flux::start(it, ctx, &tasks), it)));
    let others = all.len();
    all.extend(config.alertmanagers.iter().map(|it| alertmanager::start(it, &config.rules.alerts, ctx, &tasks)));
    all.extend(config.cloudflare.iter().map(|it| cloudflare::start(it, ctx, &tasks)));
    all.extend(config.probes.iter().map(|it| probe::start(it, ctx, &tasks)));
    all.extend(config.prometheus.iter().map(|it| prometheus::start(it, &config.slos, ctx, &tasks)));
    for (_, adapter) in &mut all[others..] {
        *adapter = adapter.take().map(|it| Arc::new(Metered::new(it, None)) as Arc<dyn Adapter>);
    }
    tasks.close();
    let adapters: BTreeMap<_, _> =
        all.iter().filter_map(|(spec, adapter)| Some((spec.id.clone(), adapter.clone()?))).collect();
    RunningSources { sources: all.into_iter().map(|(spec, _)| spec).collect(), adapters, tasks }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{AlertmanagerConfig, CloudflareConfig, LogConfig, ProbeConfig, RoomConfig};
    use crate::model::{Level, Policy, SourceChange, TroubleKind};
    use crate::systems::http::test_server::{ScriptedReply, SourceBench, TestServer};

    fn config(dead: &str, alive: &str) -> Config {
        let am = |name: &str, url: &str| AlertmanagerConfig {
            name: name.to_owned(),
            url: url.to_owned(),
            every_s: 5,
            ..AlertmanagerConfig::default()
        };
        Config {
            room: RoomConfig { name: "test".to_owned(), ..RoomConfig::default() },
            alertmanagers: vec![am("dead", dead), am("alive", alive)],
            cloudflare: vec![CloudflareConfig {
                name: "edge".to_owned(),
                url: alive.to_owned(),
                account: "acc".to_owned(),
                zones: vec!["z".to_owned()],
                token_file: "/nonexistent/token".into(),
                every_s: 10,
                ..CloudflareConfig::default()
            }],
            probes: vec![ProbeConfig {
                name: "shop".to_owned(),
                service: "shop".to_owned(),
                url: "not a url".to_owned(),
                every_s: 5,
                timeout_s: 1,
                good: (200, 399),
                window: 6,
                ..ProbeConfig::default()
            }],
            policy: Policy { quorum: 2, level: Level::Account, ttl_s: 1800 },
            log: LogConfig { quota: u64::MAX },
            ..Config::default()
        }
    }

    #[tokio::test]
    async fn a_source_that_cannot_work_costs_itself_and_nothing_else() {
        let server = TestServer::start(|seen| match seen.path.as_str() {
            "/api/v2/alerts" | "/api/v2/silences" => ScriptedReply::Json(200, json!([])),
            _ => ScriptedReply::Json(200, json!({"cluster": {"status": "ready", "peers": []}})),
        })
        .await;
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let mut room = SourceBench::fast();
        let running = start(&config(&format!("http://{port}"), &server.url), &room.ctx);
        let names: Vec<_> = running.sources.iter().map(|it| it.id.to_string()).collect();
        assert_eq!(names, ["alertmanager/dead", "alertmanager/alive", "cloudflare/edge", "probe/shop"]);
        let acting: Vec<_> = running.adapters.keys().map(ToString::to_string).collect();
        assert_eq!(acting, ["alertmanager/alive", "alertmanager/dead", "cloudflare/edge", "probe/shop"]);

        let mut seen = BTreeMap::new();
        while seen.len() < 4 {
            let it = room.next().await;
            let said = match it.change {
                SourceChange::Trouble(trouble) => Some(trouble.kind),
                SourceChange::Replace { .. } => None,
                _ => continue,
            };
            seen.insert(it.source.to_string(), said);
        }
        assert_eq!(
            seen.into_iter().collect::<Vec<_>>(),
            [
                ("alertmanager/alive".to_owned(), None),
                ("alertmanager/dead".to_owned(), Some(TroubleKind::Unreachable)),
                ("cloudflare/edge".to_owned(), Some(TroubleKind::Credential)),
                ("probe/shop".to_owned(), Some(TroubleKind::Credential)),
            ]
        );
        room.ctx.stop.cancel();
        let end = tokio::time::timeout(std::time::Duration::from_secs(5), running.tasks.wait()).await;
        assert!(end.is_ok(), "every task ends when the room stops");
    }
}
