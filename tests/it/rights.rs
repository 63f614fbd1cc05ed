//! The manifest that `warroom rbac` prints, applied to a real API server: a room with exactly these rights reads everything
//! that it shows, and may do nothing else. That it can restore is shown where restores are tested.

use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warroom::clock::Clock;
use warroom::config::{self, LoadOptions};
use warroom::model::{Observation, SourceChange, SourceId};
use warroom::systems::{self, Ctx};

use crate::peers::kube::{Cluster, Options};
use crate::support::{PATIENCE, scratch, wait_within, warroom};

/// Applies the manifest as the admin and gives a token of the account in it.
pub fn account(cluster: &Cluster, flags: &[&str]) -> String {
    let home = scratch();
    let (code, manifest, said) = crate::support::run(warroom(home.path()).arg("rbac").args(flags));
    assert_eq!(code, 0, "{said}");
    for text in manifest.split("---\n") {
        let text: String = text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
        let path = place(&text);
        // A real server reads YAML, and refuses fields that it does not know.
        cluster.client().apply_text(&path, text);
    }
    let ask =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 7200}});
    let given = cluster.must("POST", "/api/v1/namespaces/warroom/serviceaccounts/warroom/token", Some(&ask));
    given["status"]["token"].as_str().expect("a token").to_owned()
}

/// Where an object is applied.
fn place(text: &str) -> String {
    let word = |key: &str| -> Option<&str> {
        let rest = text.split(key).nth(1)?;
        rest.split([',', '}', '\n']).next().map(str::trim)
    };
    let (kind, name) = (word("kind: ").expect("a kind"), word("name: ").expect("a name"));
    let namespace = || word("namespace: ").expect("a namespace");
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    match kind {
        "Namespace" => format!("/api/v1/namespaces/{name}"),
        "ServiceAccount" => format!("/api/v1/namespaces/{}/serviceaccounts/{name}", namespace()),
        "Secret" => format!("/api/v1/namespaces/{}/secrets/{name}", namespace()),
        "ClusterRole" => format!("{rbac}/clusterroles/{name}"),
        "ClusterRoleBinding" => format!("{rbac}/clusterrolebindings/{name}"),
        "Role" => format!("{rbac}/namespaces/{}/roles/{name}", namespace()),
        "RoleBinding" => format!("{rbac}/namespaces/{}/rolebindings/{name}", namespace()),
        other => panic!("a {other} in the manifest"),
    }
}

const SOURCES: [&str; 4] = ["kubernetes/dr", "velero/dr", "argocd/dr", "flux/dr"];

#[test]
fn with_the_printed_rights_a_room_reads_everything_it_shows_and_may_do_nothing_else() {
    let Some(cluster) = Cluster::start(Options::default().named("dr")) else { return };
    cluster.apply_crds();
    cluster.namespace("velero");
    cluster.namespace("argocd");
    let token = account(&cluster, &["--restore"]);

    let home = scratch();
    let kubeconfig = home.path().join("kubeconfig");
    std::fs::write(&kubeconfig, cluster.kubeconfig_text(&json!({ "token": token }))).expect("written");
    let file = home.path().join("warroom.toml");
    let text = format!(
        "[room]\nname = \"r\"\n[[cluster]]\nname = \"dr\"\nrole = \"dr\"\nkubeconfig = {kubeconfig:?}\n\
         velero = \"velero\"\nargocd = \"argocd\"\nflux = \"flux-system\"\n"
    );
    std::fs::write(&file, text).expect("written");
    let config = config::load(&file, LoadOptions::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let (out, mut seen) = mpsc::channel::<Observation>(1024);
    let stop = CancellationToken::new();
    let ctx = Ctx {
        clock: Clock::real(),
        out,
        reach: Default::default(),
        proxies: Default::default(),
        meters: Default::default(),
        stop: stop.clone(),
    };
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    runtime.block_on(async { systems::start(&config, &ctx) });

    // Alive means: every part of the source was read.
    let mut waited: Vec<SourceId> = SOURCES.iter().map(|id| id.parse().expect("a source")).collect();
    let mut troubles = Vec::new();
    let began = Instant::now();
    let all = wait_within(PATIENCE, || {
        while let Ok(observation) = seen.try_recv() {
            match observation.change {
                SourceChange::Alive => waited.retain(|id| *id != observation.source),
                SourceChange::Trouble(trouble) => troubles.push((observation.source, trouble)),
                _ => {}
            }
        }
        waited.is_empty().then_some(())
    });
    stop.cancel();
    assert!(all.is_some() && troubles.is_empty(), "not heard: {waited:?}; in trouble: {troubles:?}");
    println!("every source was read after {} ms", began.elapsed().as_millis());

    // What may be left out without a source being in trouble may be read as well.
    let own = crate::peers::kube::Client { url: cluster.url.clone(), token };
    for path in [
        "/api/v1/pods?labelSelector=app%3Dx",
        "/apis/velero.io/v1/namespaces/velero/podvolumebackups",
        "/apis/velero.io/v1/namespaces/velero/podvolumerestores",
        "/apis/velero.io/v2alpha1/namespaces/velero/datadownloads",
        "/apis/velero.io/v1/namespaces/velero/deletebackuprequests",
        "/apis/argoproj.io/v1alpha1/namespaces/argocd/appprojects",
    ] {
        let (status, said) = own.request("GET", path, None);
        assert_ne!(status, 403, "{path}: {said:#}");
    }
    let may = |verb: &str, group: &str, resource: &str, namespace: &str| {
        let attributes = json!({"verb": verb, "group": group, "resource": resource, "namespace": namespace});
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes}});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        own.must("POST", path, Some(&review))["status"]["allowed"] == Value::Bool(true)
    };
    assert!(
        may("create", "velero.io", "restores", "velero")
            && may("patch", "velero.io", "backupstoragelocations", "velero")
    );
    for (verb, group, resource, namespace) in [
        ("get", "", "secrets", "velero"),
        ("list", "", "configmaps", "velero"),
        ("create", "velero.io", "restores", "elsewhere"),
        ("patch", "velero.io", "restores", "velero"),
        ("delete", "velero.io", "backups", "velero"),
        ("patch", "argoproj.io", "applications", "argocd"),
        ("patch", "kustomize.toolkit.fluxcd.io", "kustomizations", "flux-system"),
        ("delete", "", "pods", "shop"),
        ("create", "", "pods/exec", "shop"),
    ] {
        assert!(!may(verb, group, resource, namespace), "{verb} {resource}.{group} in {namespace}");
    }
}
