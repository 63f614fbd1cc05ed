//! Argo CD on a scripted API server: applications are watched, and counted for the executor.

use serde_json::{Value, json};

use super::*;
use crate::model::facts::App;
use crate::model::gitops::{Around, Lag, LagKind};
use crate::model::{SourceChange, TroubleKind};
use crate::systems::kube_api::testing::{KubeReply, KubeSourceBench, KubeTestServer, healthy, list, status};

fn app(name: &str, health: &str) -> Value {
    let place = json!({"server": "https://kubernetes.default.svc", "namespace": "shop"});
    json!({"metadata": {"name": name, "namespace": "argocd"}, "spec": {"destination": place},
           "status": {"sync": {"status": "Synced", "comparedTo": {"destination": place}}, "health": {"status": health},
                      "resources": [{"kind": "ConfigMap", "name": name}], "reconciledAt": "2026-11-22T19:04:30Z"}})
}

#[tokio::test]
async fn applications_are_watched() {
    let server = KubeTestServer::start(|asked| match asked {
        it if it.watches("/applications") => KubeReply::Open(vec![
            json!({"type": "MODIFIED", "object": app("shop-web", "Healthy")}),
            json!({"type": "DELETED", "object": app("shop-web", "Healthy")}),
        ]),
        it if it.lists("/applications") => list(vec![app("shop-web", "Progressing")]),
        it => healthy(it),
    })
    .await;
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    seen.until("the list", |change| {
        matches!(change, SourceChange::Replace { kind: FactKind::App, facts } if facts.len() == 1).then_some(())
    })
    .await;
    seen.until("the update", |change| {
        matches!(change, SourceChange::Upsert(Fact::App(app)) if app.health.is("Healthy")).then_some(())
    })
    .await;
    seen.until("the removal", |change| {
        matches!(change, SourceChange::Remove { key, .. } if key == "argocd/shop-web").then_some(())
    })
    .await;
}

#[tokio::test]
async fn the_executor_counts_applications_at_the_server() {
    let server = KubeTestServer::start(|asked| match asked {
        it if it.path.ends_with("/applications") => {
            list(vec![app("shop-web", "Healthy"), app("shop-api", "Degraded"), app("other", "Degraded")])
        }
        it => healthy(it),
    })
    .await;
    let seen = KubeSourceBench::default();
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

fn pod(name: &str, label: &str, value: &str, ready: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "argocd", "labels": {label: value}},
           "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
}

/// What a controller wrote, as a real one left it.
fn recorded(text: &str) -> App {
    map::app("dr", &serde_json::from_str(text).expect("JSON")).expect("an application")
}

fn lag(app: &App, seen_at: &str) -> Lag {
    let around = Around {
        seen_at: seen_at.parse().expect("a time"),
        reconciled_for_s: 540,
        source: None,
        repository: None,
        controller: None,
        source_controller: None,
    };
    app.lag(around).expect("a lag")
}

#[test]
fn what_a_real_controller_left_is_told_with_its_reason() {
    let app = recorded(include_str!("../../../tests/fixtures/controllers/argo-sync-failing.json"));
    let fails = lag(&app, "2026-11-29T20:35:30Z");
    assert_eq!((fails.kind, app.retries), (LagKind::Wrong, 3));
    let says =
        "sync is OutOfSync, and syncing fails, tried again 3 times so far: one or more synchronization tasks completed";
    assert!(fails.why.starts_with(says) && fails.why.contains("Service \"bad\" is invalid"), "{}", fails.why);

    let app = recorded(include_str!("../../../tests/fixtures/controllers/argo-sync-window-blocked.json"));
    let blocked = lag(&app, "2026-11-29T20:24:00Z");
    let says = "sync is OutOfSync, operation is Running: Sync operation blocked by sync window; health is Missing";
    assert_eq!((blocked.kind, blocked.why.as_str()), (LagKind::Wrong, says));

    let app = recorded(include_str!("../../../tests/fixtures/controllers/argo-controller-dead.json"));
    assert_eq!((app.objects, app.images.len()), (Some(2), 0));
    assert_eq!(app.deployed.as_ref().map(|it| &it.revision), Some(&app.revision));
    let dead = lag(&app, "2026-11-29T20:40:00Z");
    assert!(dead.kind == LagKind::Unproven && dead.why.contains("its controller may be dead"), "{dead:?}");

    let app = recorded(include_str!("../../../tests/fixtures/controllers/argo-degraded.json"));
    assert!(lag(&app, "2026-11-29T20:24:00Z").why.contains("health is Degraded"));
    let app = recorded(include_str!("../../../tests/fixtures/controllers/argo-unknown-healthy-comparisonerror.json"));
    assert!(lag(&app, "2026-11-29T20:11:00Z").why.starts_with("ComparisonError: Failed to load live state"));
}

#[tokio::test]
async fn the_controller_is_found_whoever_installed_it() {
    let counted = async |pods: Vec<Value>, namespace: &str| {
        let server = KubeTestServer::start(move |asked| match asked {
            it if it.path.ends_with("/pods") => list(pods.clone()),
            it => healthy(it),
        })
        .await;
        let config = ClusterConfig { argocd: Some(namespace.to_owned()), ..server.config.clone() };
        let read = controllers_of(&config).read(&server.link()).await.expect("read");
        let [it] = read.as_slice() else { panic!("{read:?}") };
        (it.ready, it.total)
    };
    let (name, component) = ("app.kubernetes.io/name", "app.kubernetes.io/component");
    for (label, value, is) in [
        (name, "argocd-application-controller", true),
        (name, "openshift-gitops-application-controller", true),
        (component, "application-controller", true),
        (name, "openshift-gitops-server", false),
        (name, "argocd-applicationset-controller", false),
        (name, "misapplication-controller", false),
        ("team", "argocd-application-controller", false),
    ] {
        for namespace in ["openshift-gitops", "*"] {
            let pods = vec![pod("one", label, value, "True"), pod("two", label, value, "False")];
            assert_eq!(counted(pods, namespace).await, if is { (1, 2) } else { (0, 0) }, "{label}={value}");
        }
    }
}

#[tokio::test]
async fn projects_and_the_controllers_pods_are_read() {
    let server = KubeTestServer::start(|asked| match asked {
        it if it.path.ends_with("/pods") => {
            let (label, value) = ("app.kubernetes.io/name", "argocd-application-controller");
            list(vec![pod("one", label, value, "True"), pod("two", label, value, "False")])
        }
        it if it.lists("/appprojects") => list(vec![json!({"metadata": {"name": "default", "namespace": "argocd"},
            "spec": {"syncWindows": [{"kind": "deny", "schedule": "0 1 * * *", "duration": "1h"}]}})]),
        it => healthy(it),
    })
    .await;
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    let (mut windows, mut pods) = (None, None);
    seen.until("both", |change| {
        if let SourceChange::Replace { facts, .. } = change {
            match facts.as_slice() {
                [Fact::Project(project)] => windows = Some(project.windows.len()),
                [Fact::Controller(it)] => pods = Some((it.ready, it.total)),
                _ => {}
            }
        }
        (windows == Some(1) && pods == Some((1, 2))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_an_older_role_may_not_read_costs_only_itself() {
    let server = KubeTestServer::start(|asked| match asked {
        it if it.path.ends_with("/pods") || it.path.ends_with("/appprojects") => status(403, "Forbidden", "no"),
        it if it.lists("/applications") => list(vec![app("shop-web", "Healthy")]),
        it => healthy(it),
    })
    .await;
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    seen.until("proof of life without any trouble", |change| {
        assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
        matches!(change, SourceChange::Alive).then_some(())
    })
    .await;
}
