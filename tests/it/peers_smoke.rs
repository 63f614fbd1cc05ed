//! Each real server really starts, and does something that no stand-in would do by itself.

use std::time::Duration;

use serde_json::json;

use crate::peers::kube::{Cluster, Options};
use crate::peers::{certs::Validity, crds};
use crate::support::wait_for;

const VELERO: &str = "/apis/velero.io/v1/namespaces/velero";

#[test]
fn a_cluster_knows_its_users_and_the_rules_of_its_schemas() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let (status, version) = cluster.request("GET", "/version", None);
    assert_eq!((status, &version["gitVersion"]), (200, &json!("v1.36.3")), "{version:#}");
    let reader = cluster.client_of("reader");
    assert_eq!(reader.request("GET", "/api/v1/nodes", None).0, 403);
    cluster.allow_reading("reader");
    wait_for("the reader may read", || (reader.request("GET", "/api/v1/nodes", None).0 == 200).then_some(()));

    cluster.apply_crds();
    a_status_is_written_as_each_schema_wants_it(&cluster);
}

#[test]
fn our_own_schemas_have_the_rules_of_the_published_ones() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    crds::apply(&cluster.client(), &crds::own());
    a_status_is_written_as_each_schema_wants_it(&cluster);
}

/// Velero has no status subresource: the status comes with the object. Flux has one: a status on create is dropped.
fn a_status_is_written_as_each_schema_wants_it(cluster: &Cluster) {
    cluster.namespace("velero");
    let restore = json!({
        "apiVersion": "velero.io/v1", "kind": "Restore", "metadata": { "name": "r1", "namespace": "velero" },
        "spec": { "backupName": "b1" }, "status": { "phase": "InProgress" },
    });
    let made = cluster.must("POST", &format!("{VELERO}/restores"), Some(&restore));
    assert_eq!(made["status"]["phase"], "InProgress", "{made:#}");
    let done = json!({ "status": { "phase": "Completed" } });
    let (status, said) = cluster.request("PATCH", &format!("{VELERO}/restores/r1/status"), Some(&done));
    assert_eq!(status, 404, "{said:#}");

    let source = "/apis/source.toolkit.fluxcd.io/v1/namespaces/default/gitrepositories";
    let object = json!({
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": { "name": "fleet" },
        "spec": { "interval": "1m", "url": "https://git.example/fleet" },
        "status": { "observedGeneration": 7 },
    });
    let made = cluster.must("POST", source, Some(&object));
    assert_ne!(made["status"]["observedGeneration"], 7, "{made:#}");
    let written = cluster.must(
        "PATCH",
        &format!("{source}/fleet/status"),
        Some(&json!({ "status": { "observedGeneration": 7 } })),
    );
    assert_eq!(written["status"]["observedGeneration"], 7, "{written:#}");
    assert_eq!(written["metadata"]["generation"], 1, "a status is no new generation");
}

#[test]
fn a_cluster_is_broken_and_mended_by_hand() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let client = cluster.client();
    cluster.namespace("kept");

    cluster.etcd().pause();
    wait_for("etcd named as failed", || {
        let (_, said) = client.try_request("GET", "/livez?verbose", None).ok()?;
        said.as_str().is_some_and(|said| said.contains("[-]etcd failed")).then_some(())
    });
    cluster.etcd().resume();
    wait_for("etcd well again", || cluster.ready().then_some(()));
    cluster.etcd().kill();
    cluster.etcd().start();
    wait_for("etcd back with its data", || {
        let answer = client.try_request("GET", "/api/v1/namespaces/kept", None);
        answer.is_ok_and(|(status, _)| status == 200).then_some(())
    });

    let old = client.token.clone();
    cluster.set_token("admin", "another-token");
    cluster.api().restart();
    assert_eq!(client.request("GET", "/api/v1/nodes", None).0, 401, "{old} is revoked");
    assert_eq!(cluster.request("GET", "/api/v1/namespaces/kept", None).0, 200);

    cluster.api().serve_with(Validity::Expired);
    assert_eq!(cluster.request("GET", "/api/v1/namespaces/kept", None).0, 200);
    let pid = cluster.api().server().pid().expect("a process");
    cluster.api().kill();
    assert!(client.ask("GET", "/version", None).patience(Duration::from_secs(2)).send().is_err());
    cluster.api().start(&["--min-request-timeout=10"]);
    assert_ne!(cluster.api().server().pid(), Some(pid));
}
