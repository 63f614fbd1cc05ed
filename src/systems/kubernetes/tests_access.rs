//! What a credential may not read: every refusal at once, and the namespaces that it may read by themselves.

use serde_json::{Value, json};

use super::*;
use crate::model::{SourceChange, TroubleKind};
use crate::systems::kube_api::testing::{
    KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, list, status,
};

/// A credential that may read its own namespaces and nothing of the whole cluster.
fn narrow(asked: &KubeRequest) -> KubeReply {
    let leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    let whole = ["/api/v1/nodes", "/api/v1/pods", "/api/v1/events", leases];
    let refused = |path: &str| status(403, "Forbidden", &format!("{path} is forbidden: User \"sre\" cannot list it"));
    match asked.path.as_str() {
        path if whole.contains(&path) => refused(path),
        path @ ("/api/v1/namespaces/kube-system" | "/api/v1/namespaces") => refused(path),
        "/api/v1/namespaces/shop/pods" if asked.lists("/pods") => list(vec![pod("web-1", "shop")]),
        "/api/v1/namespaces/velero/pods" if asked.lists("/pods") => list(vec![pod("velero-0", "velero")]),
        path @ "/api/v1/namespaces/secret/pods" => refused(path),
        _ => healthy(asked),
    }
}

fn pod(name: &str, namespace: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}]}})
}

async fn watching(namespaces: &[&str]) -> (KubeTestServer, KubeSourceBench) {
    let mut server = KubeTestServer::start(narrow).await;
    server.config.namespaces = namespaces.iter().map(|it| (*it).to_owned()).collect();
    let seen = KubeSourceBench::default();
    start_on(ClusterLink::new(&server.config), &server.config, &seen.ctx, &seen.tasks);
    (server, seen)
}

#[tokio::test]
async fn all_refusals_are_told_at_once_with_what_to_grant() {
    let (_server, mut seen) = watching(&[]).await;
    let all = "events, leases.coordination.k8s.io, nodes, pods";
    let trouble = seen.trouble(|trouble| trouble.what.as_str().contains(all)).await;
    assert_eq!(trouble.kind, TroubleKind::Forbidden);
    assert_eq!(trouble.what, format!("this credential may not read {all} (HTTP 403)").as_str());
    let remedy = trouble.remedy.as_str();
    assert!(remedy.contains(&format!("grant it get, list and watch on {all}")), "{remedy}");
    assert!(remedy.contains("namespaces = ["), "{remedy}");
}

fn pods(change: &SourceChange) -> Option<Vec<String>> {
    let SourceChange::Replace { kind: FactKind::Pod, facts } = change else { return None };
    Some(facts.iter().map(Fact::key).collect())
}

#[tokio::test]
async fn with_its_namespaces_named_a_narrow_credential_is_whole_and_says_nothing_of_nodes() {
    let (server, mut seen) = watching(&["shop", "velero"]).await;
    let mut told = None;
    seen.until("proof of life", |change| {
        told = pods(change).or(told.take());
        assert!(
            !matches!(change, SourceChange::Replace { kind: FactKind::Node, .. }),
            "that there are no nodes was not read"
        );
        assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
        (*change == SourceChange::Alive).then_some(())
    })
    .await;
    assert_eq!(told, Some(vec!["shop/web-1".to_owned(), "velero/velero-0".to_owned()]));
    assert_eq!(server.count(|it| it.path == "/api/v1/pods" || it.path == "/api/v1/events"), 0);
}

#[tokio::test]
async fn a_namespace_that_is_refused_hides_no_other() {
    let (_server, mut seen) = watching(&["shop", "secret"]).await;
    let (mut told, mut refused) = (None, None);
    seen.until("the other namespace, and the refusal", |change| {
        told = pods(change).or(told.take());
        if let SourceChange::Trouble(trouble) = change {
            refused = Some(trouble.clone());
        }
        (told.is_some() && refused.is_some()).then_some(())
    })
    .await;
    assert_eq!(told, Some(vec!["shop/web-1".to_owned()]));
    assert!(refused.is_some_and(|it| it.kind == TroubleKind::Forbidden && it.what.as_str().contains("secret")));
}
