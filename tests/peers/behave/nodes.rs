//! Kubelets that renew their leases, and the node controller that notices when one does not.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::kube::Cluster;
use super::{Objects, Player, lock, name, now, stamp, time};

/// What a kubelet says of its node, until told otherwise.
const CONDITIONS: [(&str, &str, &str); 4] = [
    ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID"),
    ("Ready", "True", "KubeletReady"),
];

/// Every kubelet renews this often here; ten seconds in the world outside.
const RENEW: TimeDelta = TimeDelta::seconds(1);

#[derive(Clone, Debug, Default)]
struct Kubelet {
    dead: bool,
    said: BTreeMap<String, (String, String)>,
    posted: bool,
    renewed: Option<DateTime<Utc>>,
}

type Kubelets = Arc<Mutex<BTreeMap<String, Kubelet>>>;

/// Nodes that live.
pub struct Nodes {
    kubelets: Kubelets,
    _kubelets: Player,
    controller: Player,
}

impl Nodes {
    /// Registers these nodes and keeps them alive. A node whose lease is older than `grace` is marked unknown (50 s in the
    /// world outside).
    pub fn start(cluster: &Cluster, names: &[&str], grace: TimeDelta) -> Self {
        let client = cluster.client();
        let nodes = Objects::new(&client, "/api/v1/nodes");
        let leases = Objects::new(&client, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases");
        for node in names {
            nodes.create(&json!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": { "name": node, "labels": { "kubernetes.io/hostname": node, "kubernetes.io/os": "linux" } },
            }));
            leases.create(&json!({
                "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": node },
                "spec": { "holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": micro(now()) },
            }));
        }
        let kubelets: Kubelets = Arc::default();
        *lock(&kubelets) = names.iter().map(|&node| (node.to_owned(), Kubelet::default())).collect();
        let (all, of) = (Arc::clone(&kubelets), (nodes.clone(), leases.clone()));
        let players = Player::start(move || post(&all, &of.0, &of.1));
        let controller = Player::start(move || watch_over(&nodes, &leases, grace));
        Self { kubelets, _kubelets: players, controller }
    }

    fn kubelet(&self, node: &str, change: impl FnOnce(&mut Kubelet)) {
        change(lock(&self.kubelets).get_mut(node).expect("a node of these"));
    }

    /// The kubelet, or its whole machine, is gone: no more renewals.
    pub fn stop_renewing(&self, node: &str) {
        self.kubelet(node, |kubelet| kubelet.dead = true);
    }

    /// The kubelet is back, and says what it said before.
    pub fn renew_again(&self, node: &str) {
        self.kubelet(node, |kubelet| (kubelet.dead, kubelet.posted) = (false, false));
    }

    /// The kubelet says this of a condition: `Ready` `False`, `MemoryPressure` `True`.
    pub fn say(&self, node: &str, condition: &str, status: &str, reason: &str) {
        self.kubelet(node, |kubelet| {
            kubelet.said.insert(condition.to_owned(), (status.to_owned(), reason.to_owned()));
            kubelet.posted = false;
        });
    }

    /// The controller that marks nodes as unknown: while it is dead nothing flips, and only the leases tell.
    pub fn controller(&self) -> &Player {
        &self.controller
    }
}

/// A `MicroTime`.
fn micro(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// The kubelets' part: leases often, the status when it changes.
fn post(kubelets: &Kubelets, nodes: &Objects, leases: &Objects) {
    let all: Vec<(String, Kubelet)> = lock(kubelets).clone().into_iter().filter(|(_, kubelet)| !kubelet.dead).collect();
    for (node, mut kubelet) in all {
        let at = now();
        if kubelet.renewed.is_none_or(|last| at - last >= RENEW)
            && leases.patch(&node, &json!({ "spec": { "renewTime": micro(at) } }))
        {
            kubelet.renewed = Some(at);
        }
        if !kubelet.posted {
            kubelet.posted = post_status(nodes, &node, &kubelet, at);
        }
        if let Some(known) = lock(kubelets).get_mut(&node) {
            known.renewed = kubelet.renewed;
            // What was said meanwhile is not posted yet.
            known.posted = kubelet.posted && known.said == kubelet.said;
        }
    }
}

fn post_status(nodes: &Objects, node: &str, kubelet: &Kubelet, at: DateTime<Utc>) -> bool {
    let condition = |(kind, status, reason): &(&str, &str, &str)| {
        let (status, reason) = match kubelet.said.get(*kind) {
            Some((status, reason)) => (status.as_str(), reason.as_str()),
            None => (*status, *reason),
        };
        json!({
            "type": kind, "status": status, "reason": reason, "message": format!("kubelet says {reason}"),
            "lastHeartbeatTime": stamp(at), "lastTransitionTime": stamp(at),
        })
    };
    let conditions: Vec<Value> = CONDITIONS.iter().map(condition).collect();
    let status = json!({
        "conditions": conditions,
        "capacity": { "cpu": "4", "memory": "16Gi", "pods": "110" },
        "allocatable": { "cpu": "4", "memory": "15Gi", "pods": "110" },
        "addresses": [{ "type": "InternalIP", "address": "10.1.0.1" }, { "type": "Hostname", "address": node }],
        "nodeInfo": {
            "machineID": node, "systemUUID": node, "bootID": node, "kernelVersion": "6.12.0", "osImage": "Linux",
            "containerRuntimeVersion": "containerd://2.1.0", "kubeletVersion": "v1.36.3", "kubeProxyVersion": "",
            "operatingSystem": "linux", "architecture": "amd64",
        },
    });
    nodes.patch_status(node, &status)
}

/// The controller's part: `Ready` is unknown once a lease is too old, with the taints that follow.
fn watch_over(nodes: &Objects, leases: &Objects, grace: TimeDelta) {
    let renewed: BTreeMap<String, DateTime<Utc>> = leases
        .list()
        .iter()
        .filter_map(|lease| Some((name(lease).to_owned(), time(&lease["spec"]["renewTime"])?)))
        .collect();
    for node in nodes.list() {
        let Some(&renewed) = renewed.get(name(&node)) else { continue };
        let silent = now() - renewed > grace;
        let conditions = node["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.iter().find(|it| it["type"] == "Ready").map(|it| it["status"].clone());
        let Some(ready) = ready else { continue };
        if silent && ready != "Unknown" {
            mark_unknown(nodes, name(&node), conditions);
        }
        let taints: Vec<Value> = match ready.as_str() {
            Some("True") => Vec::new(),
            Some("False") => taints("node.kubernetes.io/not-ready"),
            _ => taints("node.kubernetes.io/unreachable"),
        };
        let keys = |taints: &[Value]| taints.iter().map(|taint| taint["key"].clone()).collect::<Vec<_>>();
        let there = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        if keys(&there) != keys(&taints) {
            nodes.patch(name(&node), &json!({ "spec": { "taints": taints } }));
        }
    }
}

fn mark_unknown(nodes: &Objects, node: &str, mut conditions: Vec<Value>) {
    for condition in &mut conditions {
        condition["status"] = "Unknown".into();
        condition["reason"] = "NodeStatusUnknown".into();
        condition["message"] = "Kubelet stopped posting node status.".into();
        condition["lastTransitionTime"] = stamp(now()).into();
    }
    nodes.patch_status(node, &json!({ "conditions": conditions }));
}

fn taints(key: &str) -> Vec<Value> {
    ["NoSchedule", "NoExecute"].map(|effect| json!({ "key": key, "effect": effect })).to_vec()
}
