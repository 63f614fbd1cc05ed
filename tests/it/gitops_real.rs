//! Argo CD and Flux on a real API server with the published schemas: what their controllers write, what the program makes
//! of it, and that nothing stays green when a controller is dead, paused or not to be seen.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warroom::board::{AppRow, Board, BoardSetup, ParityRow, Row, RowBody, SourceRow, Topic, Verdict, Windows};
use warroom::clock::Clock;
use warroom::config::{self, LoadOptions};
use warroom::model::{Observation, SourceId, TroubleKind};
use warroom::systems::{self, Adapter, Ctx};

use crate::peers::behave::argo::{Argo, Found};
use crate::peers::behave::flux::{Flux, Lot};
use crate::peers::kube::{Cluster, Options};
use crate::support::{scratch, wait_for};

/// The controller of these tests compares every two seconds; three times that and some is too long ago.
const STALE_S: u64 = 8;

/// The program's sources of one cluster, and the board that they fill.
struct Watch {
    board: Board,
    seen: mpsc::Receiver<Observation>,
    adapters: BTreeMap<SourceId, Arc<dyn Adapter>>,
    stop: CancellationToken,
    clock: Clock,
    runtime: tokio::runtime::Runtime,
    _home: tempfile::TempDir,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Watch {
    fn start(kubeconfig: &Path) -> Self {
        let home = scratch();
        let file = home.path().join("warroom.toml");
        let text = format!(
            "[room]\nname = \"r\"\n[[cluster]]\nname = \"dr\"\nrole = \"dr\"\nkubeconfig = {kubeconfig:?}\nargocd = \"argocd\"\n\
             flux = \"flux-system\"\n"
        );
        std::fs::write(&file, text).expect("written");
        let mut config = config::load(&file, LoadOptions::default()).expect("loads");
        config.clusters[0].argocd_stale_s = STALE_S;
        let clock = Clock::real();
        let (out, seen) = mpsc::channel(1024);
        let stop = CancellationToken::new();
        let ctx = Ctx {
            clock: clock.clone(),
            out,
            reach: Default::default(),
            proxies: Default::default(),
            meters: Default::default(),
            stop: stop.clone(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let running = runtime.block_on(async { systems::start(&config, &ctx) });
        let setup = BoardSetup {
            clusters: config.clusters.iter().map(|it| (it.name.clone(), it.role)).collect(),
            sources: running.sources.iter().map(|it| (it.id.clone(), it.fresh_for_s)).collect(),
            ..BoardSetup::default()
        };
        let board = Board::new(setup).with_app_stale("dr", STALE_S);
        Self { board, seen, adapters: running.adapters, stop, clock, runtime, _home: home }
    }

    fn rows(&mut self, topic: Topic) -> Vec<Row> {
        while let Ok(observation) = self.seen.try_recv() {
            self.board.apply(observation);
        }
        self.board.judge_topic(topic, self.clock.now()).rows
    }

    fn find(&mut self, id: &str) -> Option<(Row, AppRow)> {
        self.rows(Topic::Gitops).into_iter().find(|row| row.id == id).and_then(|row| match row.body.clone() {
            RowBody::App(app) => Some((row, app)),
            _ => None,
        })
    }

    /// Waits until an application's row has this verdict and says this.
    fn until(&mut self, id: &str, verdict: Verdict, part: &str) -> AppRow {
        let mut last = None;
        let what = format!("{id} is {verdict:?} because of `{part}`");
        let found = crate::support::wait_within(crate::support::PATIENCE, || {
            let (row, app) = self.find(id)?;
            let is = row.verdict == verdict && row.why.as_str().contains(part);
            last = Some(row);
            is.then_some(app)
        });
        found.unwrap_or_else(|| panic!("{what} never came; last: {last:#?}"))
    }

    /// Waits until so many of so many are at parity; gives the row.
    fn parity(&mut self, ok: u32, total: u32) -> Row {
        let mut last = Vec::new();
        let found = crate::support::wait_within(crate::support::PATIENCE, || {
            last = self.rows(Topic::Gitops);
            let is = |row: &&Row| {
                matches!(row.body, RowBody::Parity(ParityRow { ok: o, total: t, .. }) if (o, t) == (ok, total))
                    && !row.stale
            };
            last.iter().find(is).cloned()
        });
        found.unwrap_or_else(|| panic!("{ok} of {total} never came; last: {last:#?}"))
    }

    /// What the executor reads at the server itself.
    fn read(&self, source: &str, path: &str) -> Value {
        let adapter = self.adapters[&source.parse::<SourceId>().expect("a source")].clone();
        self.runtime
            .block_on(async move { adapter.read(path).await })
            .unwrap_or_else(|trouble| panic!("{path}: {trouble:?}"))
    }
}

fn app_id(name: &str) -> String {
    format!("app/dr/argocd/{name}")
}

fn start() -> Option<(Cluster, Watch)> {
    let cluster = Cluster::start(Options::default().named("dr"))?;
    cluster.apply_crds();
    let watch = Watch::start(&cluster.kubeconfig);
    Some((cluster, watch))
}

/// A controller's pod.
fn argo_pod(cluster: &Cluster, ready: bool) {
    let label = ("app.kubernetes.io/name", "argocd-application-controller");
    cluster.pod("argocd", "argocd-application-controller-0", label, ready);
}

fn patch_app(cluster: &Cluster, name: &str, patch: &Value) {
    cluster.must("PATCH", &format!("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications/{name}"), Some(patch));
}

#[test]
fn argo_cds_applications_are_judged_by_everything_that_they_say() {
    let Some((cluster, mut watch)) = start() else { return };
    let argo = Argo::start(&cluster);
    argo_pod(&cluster, true);
    let automated = json!({ "syncPolicy": { "automated": { "prune": true } } });
    argo.app("shop-web", &automated, Found::well("abc"));
    let app = wait_for("the application and its controller's pod", || {
        let (row, app) = watch.find(&app_id("shop-web"))?;
        (row.verdict == Verdict::Ok && app.controller == Some((1, 1))).then_some(app)
    });
    assert_eq!((app.automated, app.prunes), (Some(true), Some(true)));
    assert_eq!((app.revision.as_str(), app.expected.as_str(), &app.windows), ("abc", "main", &Windows::None));
    let parity = watch.parity(1, 1);
    assert!(!parity.why.as_str().contains("application-controller"), "{}", parity.why);

    argo.app("shop-far", &json!({}), Found::unreachable("abc", "dial tcp: no route to host"));
    let far = watch.until(&app_id("shop-far"), Verdict::Warning, "ComparisonError: dial tcp: no route to host");
    assert_eq!((far.sync.as_str(), far.health.as_str()), ("Unknown", ""), "the server says Healthy; nobody shows it");
    assert!(far.since.is_some());
    argo.app("shop-odd", &json!({}), Found { health: "Hibernating".to_owned(), ..Found::well("abc") });
    watch.until(&app_id("shop-odd"), Verdict::Warning, "health is Hibernating");
    argo.app("shop-api", &json!({}), Found::behind("def"));
    let api = watch.until(&app_id("shop-api"), Verdict::Warning, "sync is OutOfSync");
    assert_eq!(api.automated, Some(false));
    watch.parity(1, 4);
    assert_eq!(watch.read("argocd/dr", "apps/shop-*/total"), 4);
    assert_eq!(watch.read("argocd/dr", "apps/shop-*/lagging"), 3);
    assert_eq!(watch.read("argocd/dr", "apps/shop-*/automated"), 1);

    argo.find("shop-far", Found::well("abc"));
    argo.find("shop-odd", Found { operation_ends: "Failed".to_owned(), ..Found::well("abc") });
    argo.find("shop-api", Found::well("def"));
    watch.parity(4, 4);
    let operation = json!({ "operation": { "sync": { "revision": "abc" } } });
    patch_app(&cluster, "shop-odd", &operation);
    watch.until(&app_id("shop-odd"), Verdict::Warning, "last operation: Failed");
    // Another destination than the one that was compared: what is known is of the old place.
    argo.controller().die();
    patch_app(&cluster, "shop-web", &json!({ "spec": { "destination": { "namespace": "elsewhere" } } }));
    watch.until(&app_id("shop-web"), Verdict::Warning, "another destination");
}

#[test]
fn a_dead_or_paused_argo_cd_is_never_green() {
    let Some((cluster, mut watch)) = start() else { return };
    let argo = Argo::start(&cluster);
    argo.app("shop-web", &json!({ "syncPolicy": { "automated": {} } }), Found::well("abc"));
    argo.app("shop-api", &json!({}), Found::well("abc"));
    // Without a pod to be found, what was reconciled just now is proof enough; that the rest is not known is said.
    let row = watch.parity(2, 2);
    assert!(row.why.as_str().contains("no pod of it was found"), "{}", row.why);

    argo_pod(&cluster, false);
    watch.until(&app_id("shop-web"), Verdict::Unknown, "no pod of its application-controller is ready");
    argo_pod(&cluster, true);
    watch.until(&app_id("shop-web"), Verdict::Ok, "");

    argo.controller().die();
    let app = watch.until(&app_id("shop-web"), Verdict::Unknown, "too long ago: its controller");
    assert_eq!(app.since, app.reconciled_at);
    watch.parity(0, 2);
    assert_eq!(watch.read("argocd/dr", "apps/*/lagging"), 2);
    argo.controller().live();
    watch.parity(2, 2);

    patch_app(
        &cluster,
        "shop-api",
        &json!({ "metadata": { "annotations": { "argocd.argoproj.io/skip-reconcile": "true" } } }),
    );
    let api = watch.until(&app_id("shop-api"), Verdict::Info, "reconciliation is skipped");
    assert_eq!((api.suspended, api.automated), (true, Some(false)));
    patch_app(&cluster, "shop-web", &json!({ "spec": { "syncPolicy": { "automated": { "enabled": false } } } }));
    let web = watch.until(&app_id("shop-web"), Verdict::Ok, "automated sync is switched off");
    assert_eq!((web.suspended, web.automated), (true, Some(false)));
    let refresh = json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "hard" } } });
    argo.controller().die();
    patch_app(&cluster, "shop-web", &refresh);
    wait_for("a refresh is pending", || {
        let (row, app) = watch.find(&app_id("shop-web"))?;
        (app.refresh_pending && row.why.as_str().contains("a refresh is pending")).then_some(())
    });
}

#[test]
fn sync_windows_of_a_project_are_told_with_their_end() {
    let Some((cluster, mut watch)) = start() else { return };
    let argo = Argo::start(&cluster);
    // A window that began with this hour and lasts two: it ends neither during this test nor far away.
    let hour = watch.clock.now().format("%H").to_string();
    let window = |kind: &str, manual: bool| {
        json!({ "kind": kind, "schedule": format!("0 {hour} * * *"), "duration": "2h", "manualSync": manual,
                "applications": ["shop-*"], "timeZone": "UTC" })
    };
    argo.project("frozen", &json!({ "syncWindows": [window("deny", true)] }));
    argo.project(
        "odd",
        &json!({ "syncWindows": [{ "kind": "deny", "schedule": "never", "duration": "1h", "applications": ["*"] }] }),
    );
    let project = |name: &str| json!({ "project": name });
    argo.app("shop-web", &project("frozen"), Found::well("abc"));
    argo.app("pay", &project("frozen"), Found::well("abc"));
    argo.app("shop-odd", &project("odd"), Found::well("abc"));
    argo.app("shop-lost", &project("gone"), Found::well("abc"));
    let app = watch.until(&app_id("shop-web"), Verdict::Ok, "a sync window blocks syncs until");
    let Windows::Blocked { manual: true, until: Some(until) } = app.windows else { panic!("{:?}", app.windows) };
    let left = (until - watch.clock.now()).num_minutes();
    assert!((0..=120).contains(&left), "{until}");
    watch.until(&app_id("shop-odd"), Verdict::Ok, "whether a sync window blocks it is not known");
    assert_eq!(watch.until(&app_id("pay"), Verdict::Ok, "").windows, Windows::None);
    assert_eq!(watch.until(&app_id("shop-lost"), Verdict::Ok, "").windows, Windows::Unknown);
    assert!(watch.parity(4, 4).why.as_str().contains("blocks syncs of 1 application"));

    let projects = "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects/frozen";
    cluster.must("PATCH", projects, Some(&json!({ "spec": { "syncWindows": [window("allow", false)] } })));
    wait_for("open, until the window ends", || {
        let (_, app) = watch.find(&app_id("shop-web"))?;
        matches!(app.windows, Windows::Open { until: Some(_) }).then_some(())
    });
}

const FLUX: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations";

fn flux_pod(cluster: &Cluster, name: &str, ready: bool) {
    cluster.pod("flux-system", &format!("{name}-0"), ("app", name), ready);
}

#[test]
fn flux_stands_in_the_same_parity_and_suspended_is_said_before_ready() {
    let Some((cluster, mut watch)) = start() else { return };
    let (argo, flux) = (Argo::start(&cluster), Flux::start(&cluster));
    argo.app("shop-web", &json!({}), Found::well("abc"));
    flux.git_repository("fleet", "main@sha1:aaa");
    flux.kustomization("infra", "fleet", &json!({}));
    let infra = "app/dr/flux-system/kustomization/infra";
    // This controller writes no history, so nothing but its pod proves that it lives.
    watch.until(infra, Verdict::Unknown, "no pod of source-controller was found");
    flux_pod(&cluster, "source-controller", true);
    watch.until(infra, Verdict::Unknown, "nothing proves that its kustomize-controller runs");
    flux_pod(&cluster, "kustomize-controller", true);
    let app = watch.until(infra, Verdict::Ok, "only its ready kustomize-controller proves");
    assert_eq!((app.revision.as_str(), app.expected.as_str()), ("main@sha1:aaa", "main@sha1:aaa"));
    assert_eq!((app.automated, app.prunes), (Some(true), Some(true)));
    watch.parity(2, 2);
    assert_eq!(watch.read("flux/dr", "apps/kustomization/infra/lagging"), 0);
    assert_eq!(watch.read("flux/dr", "apps/*/total"), 1);

    let history = |at: &str| {
        json!({ "status": { "history": [{ "digest": "sha256:1", "firstReconciled": at,
        "lastReconciled": at, "lastReconciledDuration": "1s", "lastReconciledStatus": "ReconciliationSucceeded",
        "totalReconciliations": 1 }] } })
    };
    let status = format!("{FLUX}/infra/status");
    cluster.must("PATCH", &status, Some(&history("2020-01-01T00:00:00Z")));
    watch.until(infra, Verdict::Unknown, "too long ago: its controller");
    let now = watch.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
    cluster.must("PATCH", &status, Some(&history(&now)));
    assert!(watch.until(infra, Verdict::Ok, "").reconciled_at.is_some());

    flux.fare("Kustomization", "infra", Lot::Failing("HealthCheckFailed".to_owned(), "timeout waiting".to_owned()));
    let app = watch.until(infra, Verdict::Warning, "HealthCheckFailed: timeout waiting");
    assert!(app.since.is_some());
    flux.fare("Kustomization", "infra", Lot::Stalled("InvalidPath".to_owned(), "no such path".to_owned()));
    watch.until(infra, Verdict::Warning, "stalled until a person helps: InvalidPath: no such path");
    flux.fare("Kustomization", "infra", Lot::Well);
    watch.until(infra, Verdict::Ok, "");

    cluster.must("PATCH", &format!("{FLUX}/infra"), Some(&json!({ "spec": { "suspend": true } })));
    let app = watch.until(infra, Verdict::Info, "suspended");
    assert_eq!(
        (app.flux.as_ref().map(|it| it.ready.is("True")), app.automated),
        (Some(true), Some(false)),
        "Ready is still True there"
    );
    watch.parity(1, 2);
    cluster.must("PATCH", &format!("{FLUX}/infra"), Some(&json!({ "spec": { "suspend": null } })));
    watch.until(infra, Verdict::Ok, "");

    // The controllers are dead, git goes on: the source alone is told by whoever writes it.
    flux.controllers().die();
    let artifact = json!({ "status": { "artifact": { "revision": "main@sha1:bbb" } } });
    let source = "/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/fleet/status";
    cluster.must("PATCH", source, Some(&artifact));
    watch.until(infra, Verdict::Info, "its source GitRepository/fleet is at main@sha1:bbb, main@sha1:aaa is applied");
    cluster.must("PATCH", &format!("{FLUX}/infra"), Some(&json!({ "spec": { "path": "./other" } })));
    watch.until(infra, Verdict::Info, "its controller has seen generation");
    flux_pod(&cluster, "kustomize-controller", false);
    watch.parity(1, 2);
}

#[test]
fn a_role_that_may_not_read_projects_and_pods_loses_only_what_they_tell() {
    let Some(cluster) = Cluster::start(Options::default().named("dr")) else { return };
    cluster.apply_crds();
    let rules = |argo: Value, flux: Value| {
        let verbs = ["get", "list", "watch"];
        json!([
            { "apiGroups": ["argoproj.io"], "resources": argo, "verbs": verbs },
            { "apiGroups": ["kustomize.toolkit.fluxcd.io"], "resources": ["kustomizations"], "verbs": verbs },
            { "apiGroups": ["helm.toolkit.fluxcd.io"], "resources": ["helmreleases"], "verbs": verbs },
            { "apiGroups": ["source.toolkit.fluxcd.io"], "resources": flux, "verbs": verbs },
        ])
    };
    let all = json!(["gitrepositories", "ocirepositories", "helmrepositories", "helmcharts", "buckets"]);
    cluster.allow("reader", &rules(json!(["applications"]), all));
    let kubeconfig = cluster.folder().join("reader.kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig_text(&json!({ "token": cluster.token("reader") })))
        .expect("written");
    let mut watch = Watch::start(&kubeconfig);
    let argo = Argo::start(&cluster);
    argo.app("shop-web", &json!({}), Found::well("abc"));
    let app = watch.until(&app_id("shop-web"), Verdict::Ok, "");
    assert_eq!((&app.windows, app.controller), (&Windows::Unknown, None));
    assert!(watch.parity(1, 1).why.as_str().contains("its pods can't be read"));
    // Most kinds of Flux's sources are not installed here: that is no trouble while Kustomizations are.
    let source = |watch: &mut Watch, name: &str| watch.rows(Topic::Sources).into_iter().find(|row| row.id == name);
    wait_for("both sources are well", || {
        let well = |row: Row| (row.verdict == Verdict::Ok).then_some(());
        source(&mut watch, "argocd/dr").and_then(well)?;
        source(&mut watch, "flux/dr").and_then(well)
    });

    // What the predicate needs is another matter: that it may not be read is said with the permission that is missing.
    cluster.allow("reader", &rules(json!(["applications"]), json!(["buckets"])));
    let mut watch = Watch::start(&kubeconfig);
    wait_for("the missing permission is named", || {
        let row = source(&mut watch, "flux/dr")?;
        let RowBody::Source(SourceRow { trouble: Some(trouble), .. }) = &row.body else { return None };
        (trouble.kind == TroubleKind::Forbidden && trouble.what.as_str().contains("gitrepositories")).then_some(())
    });
}
