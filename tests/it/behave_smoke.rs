//! The played controllers on a real API server: what they write is accepted by the published schemas, and has the traps
//! that the real ones have.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::peers::behave::argo::{Argo, Found};
use crate::peers::behave::flux::{Flux, Lot};
use crate::peers::behave::nodes::Nodes;
use crate::peers::behave::velero::{NEVER_RESTORED, Velero};
use crate::peers::kube::{Cluster, Options};
use crate::support::wait_for;

const VELERO: &str = "/apis/velero.io/v1/namespaces/velero";
const ARGO: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";
const FLUX: &str = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations";

fn cluster() -> Option<Cluster> {
    let cluster = Cluster::start(Options::default())?;
    cluster.apply_crds();
    Some(cluster)
}

fn get(cluster: &Cluster, path: &str) -> Value {
    cluster.must("GET", path, None)
}

/// Waits until an object is as wanted, and gives it.
fn until(cluster: &Cluster, path: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let found = crate::support::wait_within(crate::support::PATIENCE, || {
        last = get(cluster, path);
        wanted(&last).then(|| last.clone())
    });
    found.unwrap_or_else(|| panic!("{path} never is as wanted: {last:#}"))
}

fn phase(object: &Value) -> &str {
    object["status"]["phase"].as_str().unwrap_or_default()
}

fn restore(cluster: &Cluster, name: &str, spec: Value) {
    let body = json!({ "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": { "name": name }, "spec": spec });
    cluster.must("POST", &format!("{VELERO}/restores"), Some(&body));
}

#[test]
fn velero_beats_backs_up_and_restores_one_at_a_time() {
    let Some(cluster) = cluster() else { return };
    let velero = Velero::start(&cluster);
    velero.location("default", &json!({}));
    let location = format!("{VELERO}/backupstoragelocations/default");
    let first = until(&cluster, &location, |it| phase(it) == "Available");
    let moved = |it: &Value| it["status"]["lastValidationTime"] != first["status"]["lastValidationTime"];
    let next = until(&cluster, &location, moved);
    assert!(
        next["metadata"]["generation"].as_i64() > first["metadata"]["generation"].as_i64(),
        "without a status subresource every heartbeat is a generation: {next:#}"
    );

    velero.schedule("daily", "0 3 * * *", &json!({ "snapshotMoveData": true }));
    let backup = velero.run_schedule("daily");
    let backup_path = format!("{VELERO}/backups/{backup}");
    let done = until(&cluster, &backup_path, |it| phase(it) == "Completed");
    assert_eq!(done["metadata"]["labels"]["velero.io/schedule-name"], "daily");
    assert!(done["status"]["expiration"].is_string(), "{done:#}");

    velero.hold("r1", Some("InProgress"));
    restore(&cluster, "r1", json!({ "backupName": backup, "includedNamespaces": ["*"] }));
    let r1 = format!("{VELERO}/restores/r1");
    let taken = until(&cluster, &r1, |it| phase(it) == "InProgress");
    assert_eq!(taken["spec"]["excludedResources"], json!(NEVER_RESTORED));
    assert_eq!(
        (&taken["spec"]["scheduleName"], &taken["spec"]["itemOperationTimeout"]),
        (&json!("daily"), &json!("4h0m0s")),
        "the spec is changed when it is taken up"
    );
    // The second waits for the first; a look at it comes after the storage's next heartbeat.
    restore(&cluster, "r2", json!({ "backupName": "no-such" }));
    let beat = get(&cluster, &location)["status"]["lastValidationTime"].clone();
    until(&cluster, &location, |it| it["status"]["lastValidationTime"] != beat);
    assert_eq!(phase(&get(&cluster, &format!("{VELERO}/restores/r2"))), "");
    velero.hold("r1", None);
    let ended = until(&cluster, &r1, |it| phase(it) == "Completed");
    assert!(ended["status"]["completionTimestamp"].is_string(), "{ended:#}");
    let refused = until(&cluster, &format!("{VELERO}/restores/r2"), |it| phase(it) == "FailedValidation");
    let why = refused["status"]["validationErrors"][0].as_str().expect("a reason");
    assert!(why.starts_with("Error retrieving backup: can't find backup velero/no-such:"), "{why}");

    a_processed_restore_can_not_be_posted_again(&cluster, &ended);
    a_restart_fails_a_restore_in_progress(&cluster, &velero, &backup);
    velero.server().die();
    let last = get(&cluster, &location);
    assert_eq!(phase(&last), "Available", "a dead server takes nothing back");
}

fn a_processed_restore_can_not_be_posted_again(cluster: &Cluster, ended: &Value) {
    restore(cluster, "r3", ended["spec"].clone());
    // Velero refuses both: two sources, and resources that it adds itself are fine.
    let refused = until(cluster, &format!("{VELERO}/restores/r3"), |it| phase(it) == "FailedValidation");
    let why = refused["status"]["validationErrors"][0].as_str().expect("a reason");
    assert!(why.contains("but not both"), "{why}");
}

fn a_restart_fails_a_restore_in_progress(cluster: &Cluster, velero: &Velero, backup: &str) {
    velero.hold("r4", Some("InProgress"));
    restore(cluster, "r4", json!({ "backupName": backup }));
    let r4 = format!("{VELERO}/restores/r4");
    until(cluster, &r4, |it| phase(it) == "InProgress");
    velero.restart();
    let failed = until(cluster, &r4, |it| phase(it) == "Failed");
    assert!(failed["status"]["failureReason"].as_str().expect("a reason").contains("during the server starting"));
    // Its finalizer is gone with its end, so that it can be deleted.
    cluster.must("DELETE", &r4, None);
    wait_for("the restore is deleted", || (cluster.request("GET", &r4, None).0 == 404).then_some(()));
}

#[test]
fn argo_compares_operates_and_stands_still_when_dead() {
    let Some(cluster) = cluster() else { return };
    let argo = Argo::start(&cluster);
    argo.app("shop", &json!({}), Found::behind("abc"));
    let shop = format!("{ARGO}/shop");
    let first = until(&cluster, &shop, |it| it["status"]["sync"]["status"] == "OutOfSync");
    until(&cluster, &shop, |it| it["status"]["reconciledAt"] != first["status"]["reconciledAt"]);

    argo.find("shop", Found { window_shut: true, ..Found::behind("abc") });
    let operation = json!({
        "initiatedBy": { "username": "warroom:ana+sam" }, "info": [{ "name": "warroom-request", "value": "u-1" }],
        "sync": { "revision": "abc" }, "retry": { "limit": 0 },
    });
    cluster.must("PATCH", &shop, Some(&json!({ "operation": operation, "status": { "operationState": null } })));
    let held = until(&cluster, &shop, |it| it["status"]["operationState"]["phase"] == "Running");
    assert_eq!(held["status"]["operationState"]["message"], "Sync operation blocked by sync window");
    argo.find("shop", Found::behind("abc"));
    let done = until(&cluster, &shop, |it| it["operation"].is_null());
    let state = &done["status"]["operationState"];
    assert_eq!((&state["phase"], &state["operation"]["info"][0]["value"]), (&json!("Succeeded"), &json!("u-1")));
    until(&cluster, &shop, |it| it["status"]["sync"]["status"] == "Synced");

    let refresh = json!({ "metadata": { "annotations": { "argocd.argoproj.io/refresh": "hard" } } });
    cluster.must("PATCH", &shop, Some(&refresh));
    until(&cluster, &shop, |it| it["metadata"]["annotations"]["argocd.argoproj.io/refresh"].is_null());

    argo.controller().die();
    let dead = get(&cluster, &shop);
    cluster.must("PATCH", &shop, Some(&json!({ "operation": { "sync": { "revision": "def" } } })));
    let still = get(&cluster, &shop);
    assert_eq!(still["status"], dead["status"], "nobody takes the operation up");
    assert!(still["operation"].is_object(), "it just stays");
}

#[test]
fn flux_keeps_its_last_word_while_suspended() {
    let Some(cluster) = cluster() else { return };
    let flux = Flux::start(&cluster);
    flux.git_repository("fleet", "main@sha1:aaa");
    flux.kustomization("apps", "fleet", &json!({}));
    flux.helm_release("ingress", "fleet", &json!({}));
    let apps = format!("{FLUX}/apps");
    let ready = |it: &Value| it["status"]["conditions"][0]["status"] == "True";
    let well = until(&cluster, &apps, |it| ready(it) && it["status"]["lastAppliedRevision"] == "main@sha1:aaa");
    assert_eq!(well["status"]["observedGeneration"], well["metadata"]["generation"]);
    until(&cluster, "/apis/helm.toolkit.fluxcd.io/v2/namespaces/flux-system/helmreleases/ingress", ready);

    let asked = json!({ "metadata": { "annotations": { "reconcile.fluxcd.io/requestedAt": "token-1" } } });
    cluster.must("PATCH", &apps, Some(&asked));
    until(&cluster, &apps, |it| it["status"]["lastHandledReconcileAt"] == "token-1");

    cluster.must("PATCH", &apps, Some(&json!({ "spec": { "suspend": true } })));
    flux.commit("fleet", "main@sha1:bbb");
    flux.kustomization("more", "fleet", &json!({}));
    until(&cluster, &format!("{FLUX}/more"), |it| it["status"]["lastAppliedRevision"] == "main@sha1:bbb");
    let suspended = get(&cluster, &apps);
    assert!(ready(&suspended), "Ready stays true: {suspended:#}");
    assert_eq!(suspended["status"]["lastAppliedRevision"], "main@sha1:aaa");

    flux.fare("Kustomization", "more", Lot::Stalled("InvalidPath".to_owned(), "no such path".to_owned()));
    let stalled = until(&cluster, &format!("{FLUX}/more"), |it| it["status"]["conditions"][0]["type"] == "Stalled");
    assert_eq!(stalled["status"]["conditions"][1]["status"], "False", "{stalled:#}");
}

#[test]
fn a_silent_kubelet_is_marked_by_a_living_controller_only() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let nodes = Nodes::start(&cluster, &["n1", "n2"], TimeDelta::seconds(4));
    let (n1, n2) = ("/api/v1/nodes/n1", "/api/v1/nodes/n2");
    let ready = |it: &Value| {
        let all = it["status"]["conditions"].as_array().cloned().unwrap_or_default();
        all.iter().find(|it| it["type"] == "Ready").and_then(|it| it["status"].as_str().map(str::to_owned))
    };
    for node in [n1, n2] {
        until(&cluster, node, |it| ready(it).as_deref() == Some("True") && it["spec"]["taints"].is_null());
    }
    nodes.controller().die();
    nodes.stop_renewing("n1");
    let lease = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1";
    let last = get(&cluster, lease)["spec"]["renewTime"].clone();
    // n2 renews on: time passes, and nobody marks n1.
    let lease_2 = lease.replace("/n1", "/n2");
    for _ in 0..6 {
        let seen = get(&cluster, &lease_2)["spec"]["renewTime"].clone();
        until(&cluster, &lease_2, |it| it["spec"]["renewTime"] != seen);
    }
    assert_eq!(get(&cluster, lease)["spec"]["renewTime"], last);
    assert_eq!(ready(&get(&cluster, n1)).as_deref(), Some("True"), "with the controller dead nothing flips");
    nodes.controller().live();
    let lost = until(&cluster, n1, |it| ready(it).as_deref() == Some("Unknown"));
    assert!(lost["status"]["conditions"][0]["message"].as_str().expect("text").contains("stopped posting"));
    until(&cluster, n1, |it| it["spec"]["taints"][0]["key"] == "node.kubernetes.io/unreachable");
    assert_eq!(ready(&get(&cluster, n2)).as_deref(), Some("True"));
    nodes.renew_again("n1");
    until(&cluster, n1, |it| ready(it).as_deref() == Some("True") && it["spec"]["taints"].is_null());
    nodes.say("n2", "Ready", "False", "KubeletNotReady");
    until(&cluster, n2, |it| it["spec"]["taints"][0]["key"] == "node.kubernetes.io/not-ready");
}
