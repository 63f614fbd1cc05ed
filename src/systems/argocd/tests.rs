//! Argo CD on a scripted API server: applications are watched, and counted for the executor.

use serde_json::{Value, json};

use super::*;
use crate::model::{Change, TroubleKind};
use crate::systems::kubernetes::testing::{Reply, Seen, Server, healthy, list, status};

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
    let (apps, pods, clock) = (collection(config, "applications"), controllers_of(config), seen.ctx.clock.clone());
    let adapter = Argocd::new(server.link(), apps, pods, config.argocd_stale_s, clock);
    assert_eq!(adapter.read("apps/shop-*,pay/total").await, Ok(json!(2)));
    assert_eq!(adapter.read("apps/shop-*,pay/lagging").await, Ok(json!(1)));
    assert_eq!(adapter.read("apps/application/shop-*,pay/total").await, Ok(json!(2)));
    assert_eq!(adapter.read("apps/shop-*/automated").await, Ok(json!(0)));
    assert_eq!(adapter.read("apps/none/total").await, Ok(json!(0)));
    assert_eq!(adapter.read("apps/shop-*").await.expect_err("no such path").kind, TroubleKind::Garbage);
}

fn pod(ready: &str) -> Value {
    json!({"metadata": {"name": "argocd-application-controller-0", "namespace": "argocd",
               "labels": {"app.kubernetes.io/name": "argocd-application-controller"}},
           "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
}

#[tokio::test]
async fn projects_and_the_controllers_pods_are_read() {
    let server = Server::start(|asked| match asked {
        it if it.path.ends_with("/pods") => list(vec![pod("True"), pod("False")]),
        it if it.lists("/appprojects") => list(vec![json!({"metadata": {"name": "default", "namespace": "argocd"},
            "spec": {"syncWindows": [{"kind": "deny", "schedule": "0 1 * * *", "duration": "1h"}]}})]),
        it => healthy(it),
    })
    .await;
    let mut seen = Seen::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    let (mut windows, mut pods) = (None, None);
    seen.until("both", |change| {
        if let Change::Replace { facts, .. } = change {
            match facts.as_slice() {
                [Fact::Project(project)] => windows = Some(project.windows.len()),
                [Fact::Controller(it)] => pods = Some((it.ready, it.total)),
                _ => {}
            }
        }
        (windows == Some(1) && pods == Some((1, 2))).then_some(())
    })
    .await;
    let asked = server.asked.lock().expect("log").clone();
    let query = asked.into_iter().find(|it| it.path.ends_with("/pods")).map(|it| it.query).unwrap_or_default();
    assert!(
        query.starts_with("labelSelector=app.kubernetes.io%2Fname%20in%20%28argocd-application-controller%29"),
        "{query}"
    );
}

#[tokio::test]
async fn what_an_older_role_may_not_read_costs_only_itself() {
    let server = Server::start(|asked| match asked {
        it if it.path.ends_with("/pods") || it.path.ends_with("/appprojects") => status(403, "Forbidden", "no"),
        it if it.lists("/applications") => list(vec![app("shop-web", "Healthy")]),
        it => healthy(it),
    })
    .await;
    let mut seen = Seen::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    seen.until("proof of life without any trouble", |change| {
        assert!(!matches!(change, Change::Trouble(_)), "{change:?}");
        matches!(change, Change::Alive).then_some(())
    })
    .await;
}
