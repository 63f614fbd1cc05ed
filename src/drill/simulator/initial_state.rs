//! How the world is when it begins: clusters, backups, applications, and everything that is already due. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::kube_store::{Res, micro, stamp, uid};
use super::state::{Due, WorldState};
use super::{argocd, metrics, velero};
use crate::drill::scenario::Site;

/// Seconds between lease renewals of a kubelet.
pub(super) const LEASE_S: i64 = 10;

/// Fills the world and queues what will happen.
pub(super) fn fill(state: &mut WorldState) {
    for site in [Site::Primary, Site::Dr] {
        namespaces(state, site);
        nodes(state, site);
        pods(state, site);
        velero::fill(state, site);
        argocd::fill(state, site);
        argocd::around(state, site);
        let start = state.scenario.start;
        state.plan(start + TimeDelta::seconds(LEASE_S), Due::Leases(site));
    }
    metrics::fill(state);
    story(state);
}

fn story(state: &mut WorldState) {
    let scenario = state.scenario.clone();
    state.plan(scenario.impact, Due::Impact);
    for (i, node) in scenario.etcd.nodes.iter().enumerate() {
        state.plan(scenario.after_impact(i64::from(node.after_impact_s)), Due::NodeLost(i));
    }
    for (spec, event) in scenario.events.iter().enumerate() {
        state.plan(scenario.after_impact(event.after_impact_s), Due::Event { spec, nth: 0 });
    }
    for spec in 0..scenario.noise.len() {
        state.plan(super::scripted_events::noise_at(state, spec, 0), Due::Noise { spec, nth: 0 });
    }
}

fn namespaces(state: &mut WorldState, site: Site) {
    let scenario = state.scenario.clone();
    let born = scenario.start - TimeDelta::days(412);
    let mut names: Vec<&str> =
        vec!["default", "kube-system", "kube-node-lease", "kube-public", "monitoring", "platform"];
    names.extend([&*scenario.argocd.namespace, &*scenario.velero.namespace, &*scenario.service.namespace]);
    for name in names {
        let value = json!({
            "metadata": {"name": name, "creationTimestamp": stamp(born), "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {"phase": "Active"},
        });
        state.cluster_mut(site).store.put(Res::Namespaces, value, born);
    }
}

fn nodes(state: &mut WorldState, site: Site) {
    let scenario = state.scenario.clone();
    let born = scenario.start - TimeDelta::days(97);
    let spec = scenario.cluster(site);
    for name in spec.nodes() {
        let role = if spec.control_plane.contains(name) { "control-plane" } else { "worker" };
        let ready = json!({
            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "kubelet is posting ready status",
            "lastHeartbeatTime": stamp(scenario.start - TimeDelta::seconds(70)), "lastTransitionTime": stamp(born),
        });
        let calm = |kind: &str| {
            json!({"type": kind, "status": "False", "reason": format!("KubeletHasNo{kind}"),
                "lastHeartbeatTime": stamp(scenario.start - TimeDelta::seconds(70)), "lastTransitionTime": stamp(born)})
        };
        let value = json!({
            "metadata": {"name": name, "creationTimestamp": stamp(born), "labels": {
                "kubernetes.io/hostname": name, format!("node-role.kubernetes.io/{role}"): "",
                "topology.kubernetes.io/region": if site == Site::Primary { "ca-east" } else { "ca-west" },
            }},
            "spec": {"podCIDR": "10.0.0.0/24"},
            "status": {
                "conditions": [calm("MemoryPressure"), calm("DiskPressure"), calm("PIDPressure"), ready],
                "nodeInfo": {"kubeletVersion": spec.version, "osImage": "Debian GNU/Linux 13", "kernelVersion": "6.12.48",
                    "containerRuntimeVersion": "containerd://2.1.4", "architecture": "amd64", "operatingSystem": "linux"},
            },
        });
        let lease = json!({
            "metadata": {"name": name, "namespace": "kube-node-lease", "creationTimestamp": stamp(born)},
            "spec": {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": micro(scenario.start)},
        });
        let store = &mut state.cluster_mut(site).store;
        store.put(Res::Nodes, value, born);
        store.put(Res::Leases, lease, born);
    }
}

fn pods(state: &mut WorldState, site: Site) {
    let scenario = state.scenario.clone();
    let spec = scenario.cluster(site);
    let born = scenario.start - TimeDelta::days(6);
    for node in &spec.control_plane {
        let value = pod("kube-system", &format!("etcd-{node}"), node, "etcd", born);
        state.cluster_mut(site).store.put(Res::Pods, value, born);
    }
    let replicas = if site == Site::Primary { 2 } else { 1 };
    for (i, app) in scenario.argocd.apps.iter().enumerate() {
        for replica in 0..replicas {
            let name = pod_name(state.seed, site, app, replica);
            let node = &spec.workers[(i + replica) % spec.workers.len().max(1)];
            let value = pod(&scenario.service.namespace, &name, node, app, born);
            state.cluster_mut(site).store.put(Res::Pods, value, born);
        }
    }
}

/// A replica's pod name: the same in every run of one seed.
pub(super) fn pod_name(seed: u64, site: Site, app: &str, replica: usize) -> String {
    let tail = super::kube_store::id(&format!("{seed}/pod/{}/{app}/{replica}", site.name()), 13);
    format!("{app}-{}-{}", &tail[..8], &tail[8..])
}

/// A pod that runs and is ready.
pub(super) fn pod(namespace: &str, name: &str, node: &str, app: &str, born: DateTime<Utc>) -> Value {
    let since = stamp(born);
    json!({
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": since, "labels": {"app": app}},
        "spec": {"nodeName": node, "restartPolicy": "Always",
            "containers": [{"name": "app", "image": format!("registry.example/{app}:1.42.0"), "resources": {}}]},
        "status": {
            "phase": "Running", "qosClass": "Burstable", "startTime": since,
            "conditions": [{"type": "Ready", "status": "True", "lastProbeTime": null, "lastTransitionTime": since},
                {"type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": since}],
            "containerStatuses": [{"name": "app", "ready": true, "restartCount": 0, "image": format!("registry.example/{app}:1.42.0"),
                "imageID": format!("sha256:{}", uid(app)), "state": {"running": {"startedAt": since}}, "lastState": {}}],
        },
    })
}
