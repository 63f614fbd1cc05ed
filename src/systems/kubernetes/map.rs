//! Objects of the core API to facts. Pure; an odd field costs that field, not the object, and never the list.

use serde_json::Value;

use crate::model::facts::{ControlPlane, Endpoint, KubeEvent, Node, Open};
use crate::model::{SafeText, Stamp};
use crate::systems::kube_api::json_access::{
    count, first_stamp, flag, items, name, namespaced, open, stamp, string, text,
};

/// Most names of failed checks kept.
const MAX_CHECKS: usize = 32;

/// A core/v1 Event, keyed by its uid: the same event is updated as its count rises.
pub fn event(cluster: &str, object: &Value) -> Option<KubeEvent> {
    let uid = SafeText::new(&string(object, "/metadata/uid")).to_string();
    let uid = if uid.is_empty() { namespaced(object)? } else { uid };
    let first = first_stamp(object, &["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"]);
    let last = first_stamp(
        object,
        &["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp", "/metadata/creationTimestamp"],
    )
    .unwrap_or_default();
    let component = ["/source/component", "/reportingComponent", "/reportingInstance"]
        .into_iter()
        .map(|pointer| text(object, pointer))
        .find(|text| !text.is_empty());
    let namespace = [text(object, "/involvedObject/namespace"), text(object, "/metadata/namespace")];
    Some(KubeEvent {
        uid,
        cluster: cluster.to_owned(),
        namespace: namespace.into_iter().find(|text| !text.is_empty()).unwrap_or_default(),
        object_kind: text(object, "/involvedObject/kind"),
        object_name: text(object, "/involvedObject/name"),
        reason: text(object, "/reason"),
        message: text(object, "/message"),
        kind: open(object, "/type"),
        count: [count(object, "/series/count"), count(object, "/count"), 1].into_iter().find(|n| *n > 0).unwrap_or(1),
        first,
        last,
        component: component.unwrap_or_default(),
    })
}

/// A Node; its Lease is joined by who holds both.
pub fn node(cluster: &str, object: &Value, lease_renewed: Option<Stamp>) -> Option<Node> {
    let conditions = items(object, "/status/conditions");
    let ready = conditions.iter().find(|it| string(it, "/type") == "Ready");
    let pressures = conditions
        .iter()
        .filter(|it| string(it, "/status") == "True")
        .map(|it| string(it, "/type"))
        .filter(|kind| kind.ends_with("Pressure") || kind == "NetworkUnavailable");
    Some(Node {
        cluster: cluster.to_owned(),
        name: SafeText::new(name(object)?),
        ready: ready.map_or_else(|| Open::new("Unknown"), |it| open(it, "/status")),
        lease_renewed,
        pressures: pressures.take(8).map(SafeText::from).collect(),
        unschedulable: flag(object, "/spec/unschedulable"),
        control_plane_only: items(object, "/spec/taints").iter().any(keeps_pods_off),
    })
}

/// A taint that ordinary pods do not tolerate. Those of a shop's own mean that some pods are at home there.
fn keeps_pods_off(taint: &Value) -> bool {
    let key = string(taint, "/key");
    matches!(key.as_str(), "node-role.kubernetes.io/control-plane" | "node-role.kubernetes.io/master")
        && matches!(string(taint, "/effect").as_str(), "NoSchedule" | "NoExecute")
}

/// A node's Lease: its name, and when the kubelet last renewed it.
pub fn lease(object: &Value) -> Option<(String, Stamp)> {
    Some((name(object)?.to_owned(), stamp(object, "/spec/renewTime")?))
}

/// What a health endpoint's status and body say: the endpoint, and the names of its failed checks.
pub fn health(status: u16, body: &str) -> (Endpoint, Vec<SafeText>) {
    let failed = body
        .lines()
        .filter_map(|line| line.trim().strip_prefix("[-]"))
        .map(|line| SafeText::new(line.split_whitespace().next().unwrap_or("?")))
        .take(MAX_CHECKS)
        .collect();
    match status {
        200 => (Endpoint::Ok, Vec::new()),
        500.. => (Endpoint::Failing, failed),
        _ => (Endpoint::NotAllowed, Vec::new()),
    }
}

/// One list of failed checks from both endpoints, `etcd` first.
pub fn failed_checks(livez: Vec<SafeText>, readyz: Vec<SafeText>) -> Vec<SafeText> {
    let mut all: Vec<SafeText> = Vec::new();
    for check in livez.into_iter().chain(readyz) {
        if !all.contains(&check) {
            all.push(check);
        }
    }
    // Stable: `etcd` itself, then its kin, then the rest in the server's order.
    all.sort_by_key(|check| match check.as_str() {
        "etcd" => 0,
        other if other.starts_with("etcd") => 1,
        _ => 2,
    });
    all.truncate(MAX_CHECKS);
    all
}

/// The server's clock minus ours in whole seconds, as milliseconds. `Date` has no fractions and the answer took its
/// time, so less than two seconds is none: a figure that jitters would redraw every screen.
pub fn skew_ms(server: Stamp, ours: Stamp) -> i64 {
    let skew = (server - ours).num_seconds();
    if skew.abs() < 2 { 0 } else { skew * 1000 }
}

/// A control plane that does not answer.
pub fn unreachable(cluster: &str, uid: Option<String>, version: SafeText) -> ControlPlane {
    ControlPlane {
        cluster: cluster.to_owned(),
        uid,
        version,
        livez: Endpoint::Unreachable,
        readyz: Endpoint::Unreachable,
        failed: Vec::new(),
        skew_ms: None,
        notes: Vec::new(),
    }
}
