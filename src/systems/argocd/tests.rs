//! Argo CD on a scripted API server: applications are watched, and counted for the executor.

use serde_json::{Value, json};

use super::*;
use crate::model::{Change, TroubleKind};
use crate::systems::kubernetes::testing::{Reply, Seen, Server, healthy, list};

fn app(name: &str, health: &str) -> Value {
    let place = json!({"server": "https://kubernetes.default.svc", "namespace": "shop"});
    json!({"metadata": {"name": name, "namespace": "argocd"}, "spec": {"destination": place},
           "status": {"sync": {"status": "Synced", "comparedTo": {"destination": place}}, "health": {"status": health},
                      "reconciledAt": "2026-11-22T19:04:30Z"}})
}

#[tokio::test]
async fn applications_are_watched() {
    let server = Server::start(|asked| match asked {
        it if it.watches("/applications") => Reply::Open(vec![
            json!({"type": "MODIFIED", "object": app("shop-web", "Healthy")}),
            json!({"type": "DELETED", "object": app("shop-web", "Healthy")}),
        ]),
        it if it.lists("/applications") => list(vec![app("shop-web", "Progressing")]),
        it => healthy(it),
    })
    .await;
    let mut seen = Seen::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    seen.until("the list", |change| {
        matches!(change, Change::Replace { kind: FactKind::App, facts } if facts.len() == 1).then_some(())
    })
    .await;
    seen.until("the update", |change| {
        matches!(change, Change::Upsert(Fact::App(app)) if app.health.is("Healthy")).then_some(())
    })
    .await;
    seen.until("the removal", |change| {
        matches!(change, Change::Remove { key, .. } if key == "argocd/shop-web").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_executor_counts_applications_at_the_server() {
    let server = Server::start(|asked| match asked {
        it if it.path.ends_with("/applications") => {
            list(vec![app("shop-web", "Healthy"), app("shop-api", "Degraded"), app("other", "Degraded")])
        }
        it => healthy(it),
    })
    .await;
    let seen = Seen::default();
    let config = &server.config;
    let adapter = Argocd::new(server.link(), collection(config), "dr", config.argocd_stale_s, seen.ctx.clock.clone());
    assert_eq!(adapter.read("apps/shop-*,pay/total").await, Ok(json!(2)));
    assert_eq!(adapter.read("apps/shop-*,pay/lagging").await, Ok(json!(1)));
    assert_eq!(adapter.read("apps/none/total").await, Ok(json!(0)));
    assert_eq!(adapter.read("apps/shop-*").await.expect_err("no such path").kind, TroubleKind::Garbage);
}
