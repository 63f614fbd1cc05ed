//! Objects of the core API to facts. Pure; an odd field costs that field, not the object, and never the list.

use serde::Deserialize;
use serde_json::Value;

use crate::model::facts::{ControlPlane, Endpoint, KubeEvent, Node, Open};
use crate::model::{SafeText, Stamp};
use crate::systems::kube_api::json_access::{flag, items, name, open, stamp, string};
use crate::systems::kube_api::partial_object::{Part, PartialObject, ScalarCount, ScalarText};

/// Most names of failed checks kept.
const MAX_CHECKS: usize = 32;

/// What is read of a core/v1 Event.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EventObject<'a> {
    #[serde(borrow)]
    metadata: Part<EventMetadata<'a>>,
    #[serde(borrow)]
    involved_object: Part<InvolvedObject<'a>>,
    #[serde(borrow)]
    source: Part<EventSource<'a>>,
    #[serde(borrow)]
    series: Part<EventSeries<'a>>,
    #[serde(borrow)]
    reporting_component: ScalarText<'a>,
    #[serde(borrow)]
    reporting_instance: ScalarText<'a>,
    #[serde(borrow)]
    reason: ScalarText<'a>,
    #[serde(borrow)]
    message: ScalarText<'a>,
    #[serde(borrow, rename = "type")]
    kind: ScalarText<'a>,
    count: ScalarCount,
    #[serde(borrow)]
    first_timestamp: ScalarText<'a>,
    #[serde(borrow)]
    last_timestamp: ScalarText<'a>,
    #[serde(borrow)]
    event_time: ScalarText<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventMetadata<'a> {
    #[serde(borrow)]
    uid: ScalarText<'a>,
    #[serde(borrow)]
    namespace: ScalarText<'a>,
    #[serde(borrow)]
    name: ScalarText<'a>,
    #[serde(borrow)]
    resource_version: ScalarText<'a>,
    #[serde(borrow)]
    creation_timestamp: ScalarText<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct InvolvedObject<'a> {
    #[serde(borrow)]
    namespace: ScalarText<'a>,
    #[serde(borrow)]
    kind: ScalarText<'a>,
    #[serde(borrow)]
    name: ScalarText<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct EventSource<'a> {
    #[serde(borrow)]
    component: ScalarText<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventSeries<'a> {
    count: ScalarCount,
    #[serde(borrow)]
    last_observed_time: ScalarText<'a>,
}

impl<'a> PartialObject<'a> for EventObject<'a> {
    fn version(&self) -> &str {
        self.metadata.0.resource_version.as_str()
    }
}

/// The first of some texts that is not empty.
fn first_text(texts: &[&ScalarText<'_>]) -> SafeText {
    texts.iter().map(|text| text.safe()).find(|text| !text.is_empty()).unwrap_or_default()
}

/// The first of some texts that is an instant.
fn first_instant(texts: &[&ScalarText<'_>]) -> Option<Stamp> {
    texts.iter().find_map(|text| text.stamp())
}

/// A core/v1 Event, keyed by its uid: the same event is updated as its count rises.
pub fn event(cluster: &str, object: &EventObject<'_>) -> Option<KubeEvent> {
    let (meta, involved, series) = (&object.metadata.0, &object.involved_object.0, &object.series.0);
    let (uid, name) = (meta.uid.safe(), meta.name.as_str());
    let uid = match (uid.is_empty(), name.is_empty()) {
        (false, _) => uid.to_string(),
        (true, false) => format!("{}/{}", meta.namespace.safe(), meta.name.safe()),
        (true, true) => return None,
    };
    let (begun, created) = (&object.event_time, &meta.creation_timestamp);
    let last = [&series.last_observed_time, &object.last_timestamp, begun, &object.first_timestamp, created];
    Some(KubeEvent {
        uid,
        cluster: cluster.to_owned(),
        namespace: first_text(&[&involved.namespace, &meta.namespace]),
        object_kind: involved.kind.safe(),
        object_name: involved.name.safe(),
        reason: object.reason.safe(),
        message: object.message.safe(),
        kind: Open(object.kind.safe()),
        count: [series.count, object.count].into_iter().map(|count| count.0).find(|count| *count > 0).unwrap_or(1),
        first: first_instant(&[&object.first_timestamp, begun, created]),
        last: first_instant(&last).unwrap_or_default(),
        component: first_text(&[&object.source.0.component, &object.reporting_component, &object.reporting_instance]),
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
