//! What happens by itself: the story's breaking points, renewals, and events. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::kube_store::{Res, micro, stamp};
use super::state::{Due, WorldState};
use super::{argocd, initial_state, metrics, velero};
use crate::drill::scenario::Site;

/// Works one happening at its instant.
pub(super) fn happen(state: &mut WorldState, at: DateTime<Utc>, due: Due) {
    match due {
        Due::Impact => impact(state, at),
        Due::NodeLost(i) => node_lost(state, at, i),
        Due::Leases(site) => leases(state, at, site),
        Due::Event { spec, nth } => story_event(state, at, spec, nth),
        Due::Noise { spec, nth } => noise(state, at, spec, nth),
        Due::Validate(site) => velero::validate(state, at, site),
        Due::Reconcile { site, app } => argocd::reconcile(state, at, site, app),
        Due::Scale { app, done } => argocd::scale(state, at, app, done),
        Due::Drained { change } => {
            if change == state.traffic.changes {
                state.check_serving(at);
            }
        }
        Due::Scrape => metrics::scrape(state, at),
        Due::Restore { site, namespace, name, step } => velero::restore_step(state, at, site, &namespace, &name, step),
    }
}

fn impact(state: &mut WorldState, at: DateTime<Utc>) {
    let scenario = state.scenario.clone();
    let store = &mut state.primary.store;
    if let Some(cp) = scenario.etcd.nodes.first() {
        crash(store, "kube-system", &format!("etcd-{}", cp.name), at);
    }
    let seed = state.seed;
    for app in &scenario.etcd.crashing_apps {
        crash(
            &mut state.primary.store,
            &scenario.service.namespace,
            &initial_state::pod_name(seed, Site::Primary, app, 0),
            at,
        );
    }
    state.primary.etcd_failed = true;
}

fn crash(store: &mut super::kube_store::KubeStore, namespace: &str, name: &str, at: DateTime<Utc>) {
    store.edit(Res::Pods, namespace, name, at, |pod| {
        pod["status"]["conditions"][0] = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady",
            "lastProbeTime": null, "lastTransitionTime": stamp(at)});
        let status = &mut pod["status"]["containerStatuses"][0];
        status["ready"] = json!(false);
        status["restartCount"] = json!(4);
        status["state"] = json!({"waiting": {"reason": "CrashLoopBackOff",
            "message": "back-off 40s restarting failed container"}});
        status["lastState"] = json!({"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": stamp(at)}});
    });
}

fn node_lost(state: &mut WorldState, at: DateTime<Utc>, i: usize) {
    let scenario = state.scenario.clone();
    let node = &scenario.etcd.nodes[i].name;
    let store = &mut state.primary.store;
    store.edit(Res::Nodes, "", node, at, |value| {
        let taint =
            |effect: &str| json!({"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": stamp(at)});
        value["spec"]["taints"] = json!([taint("NoSchedule"), taint("NoExecute")]);
        for condition in value["status"]["conditions"].as_array_mut().into_iter().flatten() {
            condition["status"] = json!("Unknown");
            condition["reason"] = json!("NodeStatusUnknown");
            condition["message"] = json!("Kubelet stopped posting node status.");
            condition["lastTransitionTime"] = json!(stamp(at));
        }
    });
    let here: Vec<super::kube_store::ObjectKey> = store.shelf(Res::Pods).objects.keys().cloned().collect();
    for (namespace, name) in here {
        let on_it = store.get(Res::Pods, &namespace, &name).is_some_and(|p| p["spec"]["nodeName"] == json!(node));
        if on_it {
            store.edit(Res::Pods, &namespace, &name, at, |pod| {
                pod["status"]["conditions"][0]["status"] = json!("False");
                pod["status"]["conditions"][0]["reason"] = json!("NodeNotReady");
                pod["status"]["conditions"][0]["lastTransitionTime"] = json!(stamp(at));
            });
        }
    }
}

fn leases(state: &mut WorldState, at: DateTime<Utc>, site: Site) {
    if site == Site::Primary && state.primary.etcd_failed {
        return; // kubelets cannot write their leases any more
    }
    let nodes: Vec<String> = state.scenario.cluster(site).nodes().cloned().collect();
    for node in nodes {
        state.cluster_mut(site).store.edit(Res::Leases, "kube-node-lease", &node, at, |lease| {
            lease["spec"]["renewTime"] = json!(micro(at));
        });
    }
    state.plan(at + TimeDelta::seconds(initial_state::LEASE_S), Due::Leases(site));
}

/// What one event says.
struct EventText<'a> {
    site: Site,
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    class: &'a str,
    reason: &'a str,
    component: &'a str,
    message: &'a str,
    /// Part of the event's own name: the same tail is the same event, whose count rises.
    tail: &'a str,
}

fn say(state: &mut WorldState, at: DateTime<Utc>, said: &EventText<'_>) {
    // Events of cluster-scoped objects live in `default`.
    let namespace = if said.namespace.is_empty() { "default" } else { said.namespace };
    let name = format!("{}.{}", said.name, said.tail);
    let store = &mut state.cluster_mut(said.site).store;
    let again = store.edit(Res::Events, namespace, &name, at, |event| {
        event["count"] = json!(event["count"].as_u64().unwrap_or(1) + 1);
        event["lastTimestamp"] = json!(stamp(at));
    });
    if again.is_some() {
        return;
    }
    let mut object = json!({"kind": said.kind, "name": said.name, "apiVersion": "v1"});
    if !said.namespace.is_empty() {
        object["namespace"] = json!(said.namespace);
    }
    let value = json!({
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": object,
        "reason": said.reason, "message": said.message, "type": said.class, "count": 1,
        "source": {"component": said.component},
        "firstTimestamp": stamp(at), "lastTimestamp": stamp(at), "eventTime": null,
        "reportingComponent": said.component, "reportingInstance": "",
    });
    store.put(Res::Events, value, at);
}

fn story_event(state: &mut WorldState, at: DateTime<Utc>, spec: usize, nth: u32) {
    let scenario = state.scenario.clone();
    let event = &scenario.events[spec];
    let tail = super::kube_store::id(&format!("{}/event/{spec}", state.seed), 16);
    let said = EventText {
        site: event.cluster,
        namespace: event.namespace.as_deref().unwrap_or_default(),
        kind: &event.kind,
        name: &event.name,
        class: &event.class,
        reason: &event.reason,
        component: &event.component,
        message: &event.message,
        tail: &tail,
    };
    say(state, at, &said);
    if nth < event.repeat && event.every_s > 0 {
        state.plan(at + TimeDelta::seconds(i64::from(event.every_s)), Due::Event { spec, nth: nth + 1 });
    }
}

/// When the nth event of a background source happens: its slot, somewhere in the first four fifths of it.
pub(super) fn noise_at(state: &WorldState, spec: usize, nth: u64) -> DateTime<Utc> {
    let noise = &state.scenario.noise[spec];
    let from = noise.from_after_impact_s.map_or(state.scenario.start, |s| state.scenario.after_impact(s));
    let slot = 60_000 / u64::from(noise.per_minute);
    let within = state.draw(&format!("noise/{spec}/{nth}/at"), slot * 4 / 5);
    from + TimeDelta::milliseconds(i64::try_from(nth * slot + within).unwrap_or(i64::MAX / 2))
}

fn noise(state: &mut WorldState, at: DateTime<Utc>, spec: usize, nth: u64) {
    let scenario = state.scenario.clone();
    let noise = &scenario.noise[spec];
    if noise.until_after_impact_s.is_some_and(|s| at >= scenario.after_impact(s)) {
        return;
    }
    let which = state.draw(&format!("noise/{spec}/{nth}/say"), noise.say.len() as u64) as usize;
    let template = &noise.say[which];
    let pick = state.draw(&format!("noise/{spec}/{nth}/who"), 1 << 32) as usize;
    let (namespace, name) = if template.kind == "Node" {
        let nodes: Vec<&String> = scenario.cluster(noise.cluster).nodes().collect();
        (String::new(), nodes[pick % nodes.len().max(1)].clone())
    } else {
        let replicas = if noise.cluster == Site::Primary { 2 } else { 1 };
        let app = &scenario.argocd.apps[pick % scenario.argocd.apps.len().max(1)];
        let replica = (pick / 64) % replicas;
        (scenario.service.namespace.clone(), initial_state::pod_name(state.seed, noise.cluster, app, replica))
    };
    let tail = super::kube_store::id(&format!("{}/noise/{spec}/{which}/{name}", state.seed), 16);
    let message = template.message.replace("{name}", &name);
    let said = EventText {
        site: noise.cluster,
        namespace: &namespace,
        kind: &template.kind,
        name: &name,
        class: &template.class,
        reason: &template.reason,
        component: &template.component,
        message: &message,
        tail: &tail,
    };
    say(state, at, &said);
    let next = noise_at(state, spec, nth + 1).max(at);
    state.plan(next, Due::Noise { spec, nth: nth + 1 });
}

/// One more event that is new, for load tests.
pub(super) fn inject(state: &mut WorldState, site: Site) {
    const REASONS: [(&str, &str, &str); 4] = [
        ("Warning", "BackOff", "Back-off restarting failed container app"),
        ("Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        ("Normal", "Scheduled", "Successfully assigned the pod to a node"),
        (
            "Warning",
            "FailedMount",
            "MountVolume.SetUp failed for volume \"config\": timed out waiting for the condition",
        ),
    ];
    state.injected += 1;
    let n = state.injected;
    let (class, reason, message) = REASONS[(n % 4) as usize];
    let name = format!("load-{:04x}", n % 400);
    let tail = format!("{n:016x}");
    let namespace = state.scenario.service.namespace.clone();
    let at = state.now;
    let said = EventText {
        site,
        namespace: &namespace,
        kind: "Pod",
        name: &name,
        class,
        reason,
        component: "kubelet",
        message,
        tail: &tail,
    };
    say(state, at, &said);
}

/// A value with the members of `patch` merged in (RFC 7386): `null` takes a member away.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    if let Value::Object(into) = target {
        for (key, value) in members {
            if value.is_null() {
                into.remove(key);
            } else {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
    }
}
