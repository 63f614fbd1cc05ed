//! Argo CD on both clusters: applications that are reconciled now and then, and scale up on DR once traffic arrives. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::initial_state;
use super::kube_store::{Res, stamp};
use super::state::{Due, WorldState};
use crate::drill::scenario::Site;

/// Applications as they are at the start: deployed and healthy on both sides.
pub(super) fn fill(state: &mut WorldState, site: Site) {
    let scenario = state.scenario.clone();
    for (app, name) in scenario.argocd.apps.iter().enumerate() {
        let every = u64::from(scenario.argocd.reconcile_s);
        let ago = state.draw(&format!("reconcile/{}/{name}", site.name()), every);
        let last = scenario.start - TimeDelta::seconds(i64::try_from(ago).unwrap_or(0));
        let value = application(state, site, name, last);
        state.cluster_mut(site).store.put(Res::Applications, value, scenario.start - TimeDelta::days(60));
        state.plan(last + TimeDelta::seconds(i64::from(scenario.argocd.reconcile_s)), Due::Reconcile { site, app });
    }
}

/// The project of all applications, which may be synced at any time, and the controller that compares them.
pub(super) fn around(state: &mut WorldState, site: Site) {
    let scenario = state.scenario.clone();
    let (namespace, born) = (&scenario.argocd.namespace, scenario.start - TimeDelta::days(60));
    let project = json!({
        "metadata": {"namespace": namespace, "name": "default"},
        "spec": {"sourceRepos": ["*"], "destinations": [{"namespace": "*", "server": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}]},
        "status": {},
    });
    // On the node that the story leaves alone: with a controller that is not ready no application would count.
    let node = scenario.cluster(site).workers.last().cloned().unwrap_or_default();
    let name = "argocd-application-controller";
    let mut pod = initial_state::pod(namespace, &format!("{name}-0"), &node, name, born);
    pod["metadata"]["labels"] = json!({"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "argocd"});
    let store = &mut state.cluster_mut(site).store;
    store.put(Res::Projects, project, born);
    store.put(Res::Pods, pod, born);
}

fn application(state: &WorldState, site: Site, name: &str, reconciled: DateTime<Utc>) -> Value {
    let argocd = &state.scenario.argocd;
    let synced = stamp(state.scenario.start - TimeDelta::hours(26));
    let destination =
        json!({"namespace": state.scenario.service.namespace, "server": "https://kubernetes.default.svc"});
    let source =
        json!({"repoURL": argocd.repo, "path": format!("deploy/{}/{name}", site.name()), "targetRevision": "main"});
    json!({
        "metadata": {"namespace": argocd.namespace, "name": name},
        "spec": {"project": "default", "destination": destination, "source": source,
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}}},
        "status": {
            "health": {"status": "Healthy", "lastTransitionTime": synced},
            "sync": {"status": "Synced", "revision": argocd.revision,
                "comparedTo": {"destination": destination, "source": source}},
            "operationState": {"phase": "Succeeded", "startedAt": synced, "finishedAt": synced,
                "message": "successfully synced (all tasks run)", "operation": {"sync": {"revision": argocd.revision}}},
            "resources": [{"group": "apps", "version": "v1", "kind": "Deployment", "name": name, "status": "Synced",
                "namespace": state.scenario.service.namespace}],
            "summary": {"images": [format!("registry.example/{name}:1.42.0")]},
            "reconciledAt": stamp(reconciled), "sourceType": "Kustomize",
        },
    })
}

/// Argo CD compares an application with git again.
pub(super) fn reconcile(state: &mut WorldState, at: DateTime<Utc>, site: Site, app: usize) {
    if state.cluster(site).etcd_failed {
        return; // its status cannot be written any more
    }
    let scenario = state.scenario.clone();
    let name = &scenario.argocd.apps[app];
    state.cluster_mut(site).store.edit(Res::Applications, &scenario.argocd.namespace, name, at, |value| {
        value["status"]["reconciledAt"] = json!(stamp(at));
    });
    state.plan(at + TimeDelta::seconds(i64::from(scenario.argocd.reconcile_s)), Due::Reconcile { site, app });
}

/// Traffic arrived at DR: the standby scales up, application by application.
pub(super) fn arrived(state: &mut WorldState, at: DateTime<Utc>) {
    if !state.scaled.is_empty() {
        return;
    }
    let argocd = state.scenario.argocd.clone();
    let last = argocd.apps.len().saturating_sub(1).max(1) as i64;
    let (first_s, last_s) = (i64::from(argocd.scale_first_s), i64::from(argocd.scale_last_s));
    for app in 0..argocd.apps.len() {
        state.scaled.insert(app, false);
        let begin = i64::from(argocd.scale_start_s) + app as i64;
        let done = (first_s + (last_s - first_s) * app as i64 / last).max(begin + 1);
        state.plan(at + TimeDelta::seconds(begin), Due::Scale { app, done: false });
        state.plan(at + TimeDelta::seconds(done), Due::Scale { app, done: true });
    }
}

/// One application begins to scale, or is done.
pub(super) fn scale(state: &mut WorldState, at: DateTime<Utc>, app: usize, done: bool) {
    let scenario = state.scenario.clone();
    let name = &scenario.argocd.apps[app];
    let seed = state.seed;
    let store = &mut state.dr.store;
    store.edit(Res::Applications, &scenario.argocd.namespace, name, at, |value| {
        let health = if done {
            json!({"status": "Healthy", "lastTransitionTime": stamp(at)})
        } else {
            json!({"status": "Progressing", "lastTransitionTime": stamp(at),
                "message": "Waiting for rollout to finish: 1 of 3 updated replicas are available..."})
        };
        value["status"]["health"] = health;
        value["status"]["reconciledAt"] = json!(stamp(at));
    });
    if done {
        let workers = &scenario.dr.workers;
        for replica in 1..3 {
            let node = &workers[(app + replica) % workers.len().max(1)];
            let pod = initial_state::pod(
                &scenario.service.namespace,
                &initial_state::pod_name(seed, Site::Dr, name, replica),
                node,
                name,
                at,
            );
            store.put(Res::Pods, pod, at);
        }
        state.scaled.insert(app, true);
        state.check_serving(at);
    }
}
