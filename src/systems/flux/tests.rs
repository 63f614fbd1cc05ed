//! Flux on a scripted API server: both kinds and their sources are watched, missing kinds cost nothing, and the executor
//! counts at the server.

use serde_json::{Value, json};

use super::*;
use crate::model::facts::{Controller, FluxState};
use crate::model::gitops::{Around, Lag, LagKind};
use crate::model::{SourceChange, TroubleKind};
use crate::systems::kube_api::testing::{
    KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, list, status,
};

fn kustomization(name: &str, ready: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "flux-system", "generation": 2},
        "spec": {"interval": "10m", "prune": true, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        "status": {"observedGeneration": 2, "lastAppliedRevision": "main@sha1:abc",
            "lastAttemptedRevision": "main@sha1:abc", "inventory": {"entries": [{"id": "shop_settings__ConfigMap", "v": "v1"}]},
            "conditions": [{"type": "Ready", "status": ready, "reason": "ReconciliationSucceeded", "message": "Applied",
                "lastTransitionTime": "2026-11-22T18:00:00Z"}],
            "history": [{"digest": "sha256:1", "lastReconciled": "2026-11-22T19:04:00Z"}]}})
}

fn release(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "generation": 1},
        "spec": {"interval": "5m", "chart": {"spec": {"chart": "shop", "sourceRef": {"kind": "HelmRepository", "name": "r"}}}},
        "status": {"observedGeneration": 1, "helmChart": format!("flux-system/shop-{name}"),
            "lastAttemptedRevision": "6.5.0",
            "conditions": [{"type": "Ready", "status": "True", "reason": "UpgradeSucceeded"}],
            "history": [{"chartVersion": "6.5.0", "status": "deployed"}, {"chartVersion": "6.4.0", "status": "superseded"}]}})
}

fn source(name: &str, namespace: &str, revision: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "spec": {},
        "status": {"artifact": {"revision": revision}, "conditions": [{"type": "Ready", "status": "True"}]}})
}

fn pod(name: &str, ready: &str) -> Value {
    json!({"metadata": {"name": format!("{name}-0"), "namespace": "flux-system", "labels": {"app": name}},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}})
}

fn plain_404() -> KubeReply {
    KubeReply::Text(404, "404 page not found\n".into())
}

fn everything(asked: &KubeRequest) -> KubeReply {
    match asked {
        it if it.path.ends_with("/pods") => list(super::CONTROLLERS.iter().map(|name| pod(name, "True")).collect()),
        it if it.lists("/kustomizations") => list(vec![kustomization("shop", "True"), kustomization("pay", "False")]),
        it if it.lists("/helmreleases") => list(vec![release("web")]),
        it if it.lists("/gitrepositories") => list(vec![source("fleet", "flux-system", "main@sha1:abc")]),
        it if it.lists("/helmcharts") => list(vec![source("shop-web", "flux-system", "6.5.0")]),
        it => healthy(it),
    }
}

fn replaced(change: &SourceChange, kind: FactKind) -> Option<Vec<Fact>> {
    match change {
        SourceChange::Replace { kind: of, facts } if *of == kind => Some(facts.clone()),
        _ => None,
    }
}

#[tokio::test]
async fn every_kind_is_read_from_every_namespace() {
    let server = KubeTestServer::start(everything).await;
    let mut seen = KubeSourceBench::default();
    let spec = start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    assert_eq!(spec.id.to_string(), "flux/dr");
    let mut left = vec![
        (FactKind::Kustomization, 2),
        (FactKind::HelmRelease, 1),
        (FactKind::GitRepository, 1),
        (FactKind::HelmChart, 1),
        (FactKind::Controller, 3),
        (FactKind::Bucket, 0),
    ];
    seen.until("a list of each kind", |change| {
        left.retain(|(kind, many)| replaced(change, *kind).is_none_or(|facts| facts.len() != *many));
        left.is_empty().then_some(())
    })
    .await;
    seen.until("proof of life", |change| matches!(change, SourceChange::Alive).then_some(())).await;
    assert!(server.count(|it| it.path == "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations") > 0);
}

#[tokio::test]
async fn kinds_that_are_not_installed_cost_nothing_while_one_is() {
    let server = KubeTestServer::start(|asked| match asked {
        it if it.path.ends_with("/helmreleases") => list(vec![release("web")]),
        it if it.path.contains("toolkit.fluxcd.io") => plain_404(),
        it if it.path.ends_with("/pods") => status(403, "Forbidden", "pods is forbidden"),
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

#[tokio::test]
async fn a_cluster_without_flux_is_not_installed_and_a_forbidden_source_is_said() {
    let server = KubeTestServer::start(|asked| match asked {
        it if it.path.contains("toolkit.fluxcd.io") => plain_404(),
        it => healthy(it),
    })
    .await;
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    let trouble = seen.trouble(|trouble| trouble.kind == TroubleKind::NotInstalled).await;
    assert!(trouble.what.as_str().contains("kustomizations.kustomize.toolkit.fluxcd.io"), "{}", trouble.what);

    let server = KubeTestServer::start(|asked| match asked {
        it if it.path.ends_with("/gitrepositories") => status(403, "Forbidden", "gitrepositories is forbidden"),
        it => everything(it),
    })
    .await;
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    let trouble = seen.trouble(|trouble| trouble.kind == TroubleKind::Forbidden).await;
    assert!(trouble.what.as_str().contains("gitrepositories"), "{}", trouble.what);
}

#[tokio::test]
async fn the_executor_counts_both_kinds_with_their_sources() {
    let server = KubeTestServer::start(everything).await;
    let seen = KubeSourceBench::default();
    let adapter = Flux::new(server.link(), controllers_of(&server.config), seen.ctx.clock.clone());
    for (path, count) in [
        ("apps/*/total", 3),
        ("apps/*/lagging", 1),
        ("apps/shop,web/lagging", 0),
        ("apps/kustomization/shop,helmrelease/web/total", 2),
        ("apps/helmrelease/shop/total", 0),
        ("apps/*/automated", 3),
    ] {
        assert_eq!(adapter.read(path).await, Ok(json!(count)), "{path}");
    }
    assert_eq!(adapter.read("apps/*").await.expect_err("no such path").kind, TroubleKind::Garbage);
    let none =
        KubeTestServer::start(|asked| if asked.path.contains("fluxcd") { plain_404() } else { healthy(asked) }).await;
    let adapter = Flux::new(none.link(), controllers_of(&none.config), seen.ctx.clock.clone());
    assert_eq!(adapter.read("apps/*/lagging").await.expect_err("not there").kind, TroubleKind::NotInstalled);
}

#[test]
fn fields_are_where_the_contract_says() {
    let app = map::kustomization("dr", &kustomization("shop", "True")).expect("a Kustomization");
    let state = app.flux.clone().expect("a state");
    assert_eq!((app.revision.as_str(), state.attempted.as_str()), ("main@sha1:abc", "main@sha1:abc"));
    assert_eq!((state.generation, state.observed_generation, state.interval_s), (2, Some(2), 600));
    assert_eq!(state.source.as_ref().map(|it| it.namespace.as_str()), Some("flux-system"));
    assert_eq!((app.automated, app.prunes), (Some(true), Some(true)));
    assert_eq!(app.reconciled_at.map(|it| it.to_rfc3339()).as_deref(), Some("2026-11-22T19:04:00+00:00"));

    let app = map::helm_release("dr", &release("web")).expect("a HelmRelease");
    assert_eq!(app.revision.as_str(), "6.5.0");
    let chart = app.flux.and_then(|it| it.source).expect("its chart");
    assert_eq!(
        (chart.kind.as_str(), chart.namespace.as_str(), chart.name.as_str()),
        ("HelmChart", "flux-system", "shop-web")
    );

    let mut odd = kustomization("shop", "True");
    odd["spec"]["suspend"] = json!(true);
    odd["spec"]["sourceRef"] = json!({"kind": "Bucket", "name": "b", "namespace": "other"});
    odd["status"]["conditions"] = json!([{"type": "Stalled", "status": "True", "reason": "BadSpec", "message": "no"},
        {"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"}, {"type": "Ready", "status": 7}]);
    odd["status"]["observedGeneration"] = json!(-1);
    let app = map::kustomization("dr", &odd).expect("a Kustomization");
    let state = app.flux.clone().unwrap_or_default();
    assert_eq!((app.suspended, app.automated, state.observed_generation), (true, Some(false), Some(-1)));
    assert_eq!(state.stalled.as_ref().map(|it| it.as_str()), Some("BadSpec: no"));
    assert_eq!(state.reconciling.as_ref().map(|it| it.as_str()), Some("ProgressingWithRetry"));
    assert_eq!(state.source.map(|it| it.namespace.to_string()).as_deref(), Some("other"));
    // Nothing in it is an object at all: the name alone is enough for a fact, which is then never well.
    let bare = map::kustomization("dr", &json!({"metadata": {"name": "x"}, "spec": 3, "status": []})).expect("a fact");
    assert_eq!(bare.flux, Some(FluxState::default()));
    assert_eq!(bare.automated, None);
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// How a Kustomization as a real controller left it stands, with its source.
fn stands(app: &str, source: Option<&str>, source_pods: Option<(u32, u32)>, seen_at: &str) -> Option<Lag> {
    let app = map::kustomization("dr", &parsed(app)).expect("a Kustomization");
    let source = source.map(|text| map::source("dr", "GitRepository", &parsed(text)).expect("a source"));
    let pods = |(ready, total)| Controller { ready, total, ..Controller::default() };
    let source_controller = source_pods.map(pods);
    app.lag(Around {
        seen_at: seen_at.parse().expect("a time"),
        reconciled_for_s: 0,
        source: source.as_ref(),
        repository: None,
        controller: Some(&pods((1, 1))),
        source_controller: source_controller.as_ref(),
    })
}

macro_rules! left {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/controllers/", $name, ".json"))
    };
}

#[test]
fn what_real_controllers_left_is_never_taken_for_more_than_it_proves() {
    let (ready, lagging) = (Some((1, 1)), left!("flux-dr-lagging-kustomization"));
    let at = "2026-11-29T19:56:00Z";
    // Git is down and DR one commit behind: it is as its source has it, and the source can't look.
    let lag = stands(lagging, Some(left!("flux-dr-lagging-gitrepository")), ready, at).expect("a lag");
    assert_eq!(lag.kind, LagKind::Unproven);
    assert!(lag.why.contains("is not ready: GitOperationFailed: failed to checkout"), "{}", lag.why);
    assert!(lag.since.is_some());

    let (app, git) =
        (left!("flux-source-controller-dead-kustomization"), left!("flux-source-controller-dead-gitrepository"));
    let at = "2026-11-29T20:05:00Z";
    assert_eq!(stands(app, Some(git), ready, at), None);
    assert_eq!(stands(app, Some(git), None, at), None, "pods that can't be read prove nothing either way");
    for pods in [(0, 0), (0, 1)] {
        let lag = stands(app, Some(git), Some(pods), at).expect("a lag");
        assert!(lag.kind == LagKind::Unproven && lag.why.starts_with("no pod of source-controller"), "{lag:?}");
    }

    let lag = stands(app, Some(left!("flux-source-suspended")), ready, "2026-11-29T20:05:00Z").expect("a lag");
    assert!(lag.why.contains("its source GitRepository/fleet is suspended"), "{}", lag.why);

    for (app, at, kind, says) in [
        (
            left!("flux-healthcheckfailed"),
            "2026-11-29T20:37:00Z",
            LagKind::Wrong,
            "never reconciled so far: HealthCheckFailed: health check failed after 30.177556133s: timeout waiting for: \
             [Deployment/shop/sick status: 'InProgress']",
        ),
        (
            left!("flux-dependencynotready"),
            "2026-11-29T20:37:00Z",
            LagKind::Passing,
            "never reconciled so far: DependencyNotReady: dependency 'flux-system/sick' is not ready",
        ),
        (
            left!("flux-dependencynotready"),
            "2026-11-29T22:35:52Z",
            LagKind::Wrong,
            "never reconciled so far: DependencyNotReady for 2 h, over 15 min: dependency 'flux-system/sick' is not ready",
        ),
        (
            left!("flux-kustomization-source-missing"),
            "2026-11-29T19:42:00Z",
            LagKind::Wrong,
            "never reconciled so far: ArtifactFailed: Source artifact not found, retrying in 30s",
        ),
    ] {
        let lag = stands(app, Some(git), ready, at).expect("a lag");
        assert_eq!((lag.kind, lag.why.as_str()), (kind, says));
    }
}

#[test]
fn what_is_tried_again_after_it_failed_is_not_in_passing() {
    let retried = |change: &dyn Fn(&mut Value)| {
        let mut object = parsed(left!("flux-healthcheckfailed"));
        let ready = object["status"]["conditions"][1].as_object_mut().expect("Ready");
        assert_eq!(ready["type"], "Ready");
        ready.insert("status".to_owned(), json!("Unknown"));
        ready.insert("reason".to_owned(), json!("Progressing"));
        change(&mut object);
        stands(&object.to_string(), None, Some((1, 1)), "2026-11-29T20:37:00Z").expect("a lag")
    };
    let lag = retried(&|_| {});
    assert_eq!((lag.kind, lag.since), (LagKind::Wrong, "2026-11-29T20:36:23Z".parse().ok()));
    assert!(lag.why.ends_with("its last reconciliation ended as HealthCheckFailed"), "{}", lag.why);
    // The newest counts, wherever it stands; and before the first has ended none has failed.
    let lag = retried(&|it| {
        let newer =
            json!({ "lastReconciled": "2026-11-29T20:36:50Z", "lastReconciledStatus": "ReconciliationSucceeded" });
        it["status"]["history"].as_array_mut().expect("a history").push(newer);
    });
    assert_eq!(lag.kind, LagKind::Passing, "{lag:?}");
    assert_eq!(retried(&|it| it["status"]["history"] = json!([])).kind, LagKind::Passing);
    let release = |failures: u64| {
        let object = json!({ "metadata": { "name": "x" }, "status": { "failures": failures } });
        map::helm_release("dr", &object).and_then(|it| it.flux).expect("a release").failed
    };
    assert_eq!((release(0).as_str(), release(2).as_str()), ("", "Failed"));
}

#[test]
fn what_was_applied_when_and_what_a_source_follows_are_read() {
    let app = map::kustomization("primary", &parsed(left!("flux-primary-ahead-kustomization"))).expect("one");
    let deployed = app.deployed.expect("its history");
    assert_eq!((deployed.revision, deployed.at), (app.revision, "2026-11-29T19:55:33Z".parse().ok()));
    assert_eq!(app.objects, Some(3));
    let git = map::source("dr", "GitRepository", &parsed(left!("flux-source-suspended"))).expect("one");
    assert_eq!((git.wanted.as_str(), git.updated), ("main", "2026-11-29T20:24:49Z".parse().ok()));
    for (spec, wanted) in [
        (json!({"ref": {"branch": "main", "tag": "v1.9.0"}}), "v1.9.0"),
        (json!({"ref": {"tag": "v1", "semver": ">=1.4"}}), ">=1.4"),
        (json!({"ref": {"branch": "main", "commit": "abc"}}), "abc"),
        (json!({"chart": "shop", "version": "6.5.x"}), "6.5.x"),
        (json!({"bucketName": "b"}), ""),
    ] {
        let source = map::source("dr", "Any", &json!({"metadata": {"name": "x"}, "spec": spec})).expect("one");
        assert_eq!(source.wanted.as_str(), wanted);
    }
}
