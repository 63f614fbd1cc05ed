//! Velero on both clusters: schedules and the backups they left, storage validated as a heartbeat, restores that run one at a
//! time through their phases. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::kube::status;
use super::kube_store::{Res, stamp};
use super::state::{Due, WorldState, WriteResponse};
use crate::drill::scenario::{ScheduleSpec, Site};

/// How far a restore is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SimRestoreStep {
    /// The controller takes it, when no other runs.
    Pick,
    /// So many parts of [`PARTS`] are done.
    Part(u32),
    /// Objects are done, volume data is not.
    Waiting,
    /// Data is done, the last updates are not.
    Finalizing,
    Done,
}

/// Progress is told in so many parts.
const PARTS: u32 = 16;
/// Seconds until the controller takes a new restore.
const PICK_S: i64 = 4;

/// Schedules, backups and storage as they are at the start.
pub(super) fn fill(state: &mut WorldState, site: Site) {
    let scenario = state.scenario.clone();
    for schedule in &scenario.velero.schedules {
        if site == Site::Primary {
            let value = schedule_object(&scenario.velero.namespace, &scenario.velero.location, schedule);
            let born = scenario.start - TimeDelta::days(200);
            state.cluster_mut(site).store.put(Res::Schedules, value, born);
        }
        for nth in (0..schedule.keep).rev() {
            let (value, done) = backup_object(state, site, schedule, nth);
            state.cluster_mut(site).store.put(Res::Backups, value, done);
        }
    }
    let seen = validation_before(state, scenario.start);
    let value = json!({
        "metadata": {"namespace": scenario.velero.namespace, "name": scenario.velero.location,
            "creationTimestamp": stamp(scenario.start - TimeDelta::days(200))},
        "spec": {"provider": "aws", "default": true, "validationFrequency": format!("{}m{}s", scenario.velero.validate_s / 60, scenario.velero.validate_s % 60),
            "objectStorage": {"bucket": scenario.velero.bucket, "prefix": "shop"}, "config": {"region": "ca-central-1"}},
        "status": {"phase": "Available", "lastValidationTime": stamp(seen), "lastSyncedTime": stamp(seen)},
    });
    state.cluster_mut(site).store.put(Res::Locations, value, seen);
    state.plan(seen + TimeDelta::seconds(i64::from(scenario.velero.validate_s)), Due::Validate(site));
}

fn schedule_object(namespace: &str, location: &str, s: &ScheduleSpec) -> Value {
    json!({
        "metadata": {"namespace": namespace, "name": s.name},
        "spec": {"schedule": s.cron, "template": {"includedNamespaces": s.namespaces, "storageLocation": location,
            "snapshotMoveData": true, "ttl": "720h0m0s"}},
        "status": {"phase": "Enabled", "lastBackup": stamp(s.newest)},
    })
}

fn backup_object(state: &WorldState, site: Site, s: &ScheduleSpec, nth: u32) -> (Value, DateTime<Utc>) {
    let velero = &state.scenario.velero;
    let started = s.newest - TimeDelta::seconds(i64::from(s.every_s) * i64::from(nth));
    let done = started + TimeDelta::seconds(i64::from(s.took_s));
    // A synced backup is a new object on the other cluster: other uid, other creation time.
    let born = if site == Site::Primary { started } else { done + TimeDelta::seconds(41) };
    let partly = s.partly_failed.contains(&nth);
    let mut value = json!({
        "metadata": {"namespace": velero.namespace, "name": format!("{}-{}", s.name, started.format("%Y%m%d%H%M%S")),
            "creationTimestamp": stamp(born),
            "annotations": {"velero.io/source-cluster-k8s-gitversion": state.scenario.primary.version},
            "labels": {"velero.io/schedule-name": s.name, "velero.io/storage-location": velero.location}},
        "spec": {"includedNamespaces": s.namespaces, "snapshotMoveData": true, "storageLocation": velero.location, "ttl": "720h0m0s"},
        "status": {"phase": if partly { "PartiallyFailed" } else { "Completed" }, "formatVersion": "1.1.0", "version": 1,
            "startTimestamp": stamp(started), "completionTimestamp": stamp(done), "expiration": stamp(started + TimeDelta::hours(720)),
            "progress": {"totalItems": s.items, "itemsBackedUp": s.items},
            // Two volumes, moved to the object store.
            "csiVolumeSnapshotsAttempted": 2, "csiVolumeSnapshotsCompleted": 2,
            "backupItemOperationsAttempted": 2, "backupItemOperationsCompleted": 2},
    });
    if partly {
        value["status"]["errors"] = json!(2);
        value["status"]["progress"]["itemsBackedUp"] = json!(s.items.saturating_sub(2));
    }
    (value, born)
}

fn validation_before(state: &WorldState, at: DateTime<Utc>) -> DateTime<Utc> {
    let (every, offset) =
        (i64::from(state.scenario.velero.validate_s), i64::from(state.scenario.velero.validate_offset_s));
    let past = (at.timestamp() - offset).rem_euclid(every);
    at - TimeDelta::seconds(past)
}

/// Velero lists its bucket and says so: the cheapest proof that it lives.
pub(super) fn validate(state: &mut WorldState, at: DateTime<Utc>, site: Site) {
    if state.cluster(site).etcd_failed {
        return; // it cannot write its status any more
    }
    let velero = state.scenario.velero.clone();
    state.cluster_mut(site).store.edit(Res::Locations, &velero.namespace, &velero.location, at, |l| {
        l["status"]["lastValidationTime"] = json!(stamp(at));
        l["status"]["lastSyncedTime"] = json!(stamp(at));
        l["status"]["phase"] = json!("Available");
    });
    state.plan(at + TimeDelta::seconds(i64::from(velero.validate_s)), Due::Validate(site));
}

/// The server's record of who wrote which field of a location, and when; only a change of the spec is kept here.
pub(super) fn record_fields(value: &mut Value, body: &Value, now: DateTime<Utc>) {
    let Some(spec) = body["spec"].as_object() else { return };
    let fields: serde_json::Map<String, Value> = spec.keys().map(|key| (format!("f:{key}"), json!({}))).collect();
    value["metadata"]["managedFields"] = json!([{
        "manager": "warroom", "operation": "Update", "apiVersion": "velero.io/v1", "time": stamp(now),
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields},
    }]);
}

/// Takes a new Restore object.
pub(super) fn create_restore(
    state: &mut WorldState,
    site: Site,
    namespace: &str,
    mut body: Value,
    dry: bool,
) -> WriteResponse {
    let spec = Res::Restores.spec();
    let name = body["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    if body["apiVersion"] != "velero.io/v1" || body["kind"] != "Restore" {
        return status(400, "BadRequest", "the object provided is unrecognized (must be of type Restore)", json!({}));
    }
    let in_body = body["metadata"]["namespace"].as_str().unwrap_or(namespace);
    if in_body != namespace {
        return status(
            400,
            "BadRequest",
            "the namespace of the provided object does not match the namespace sent on the request",
            json!({}),
        );
    }
    if name.is_empty() {
        let why = "Restore.velero.io \"\" is invalid: metadata.name: Required value: name or generateName is required";
        return status(422, "Invalid", why, json!({"group": spec.group, "kind": spec.kind}));
    }
    if state.cluster(site).store.get(Res::Restores, namespace, &name).is_some() {
        let why = format!("restores.velero.io \"{name}\" already exists");
        return status(409, "AlreadyExists", &why, json!({"name": name, "group": spec.group, "kind": spec.plural}));
    }
    let now = state.now;
    if let Value::Object(members) = &mut body {
        members.remove("apiVersion");
        members.remove("kind");
    }
    body["metadata"]["namespace"] = json!(namespace);
    if dry {
        body["metadata"]["uid"] = json!(super::kube_store::uid(&format!("{}/dry/{name}", state.seed)));
        body["metadata"]["creationTimestamp"] = json!(stamp(now));
        return (201, super::kube::whole(Res::Restores, body));
    }
    let stored = state.cluster_mut(site).store.put(Res::Restores, body, now);
    let due = Due::Restore { site, namespace: namespace.to_owned(), name, step: SimRestoreStep::Pick };
    state.plan(now + TimeDelta::seconds(PICK_S), due);
    (201, super::kube::whole(Res::Restores, stored))
}

/// Every restore of a cluster: name → phase.
pub(super) fn phases(state: &WorldState, site: Site) -> Value {
    let mut out = serde_json::Map::new();
    for (namespace, name) in state.cluster(site).store.shelf(Res::Restores).objects.keys() {
        let restore = state.cluster(site).store.get(Res::Restores, namespace, name).unwrap_or_default();
        out.insert(name.clone(), restore["status"]["phase"].clone());
    }
    Value::Object(out)
}

/// A restore goes on by one step.
pub(super) fn restore_step(
    state: &mut WorldState,
    at: DateTime<Utc>,
    site: Site,
    namespace: &str,
    name: &str,
    step: SimRestoreStep,
) {
    let velero = state.scenario.velero.clone();
    match step {
        SimRestoreStep::Pick => pick(state, at, site, namespace, name),
        SimRestoreStep::Part(part) => set(state, at, site, namespace, name, |s| {
            s["progress"] =
                json!({"totalItems": velero.restore_items, "itemsRestored": velero.restore_items * part / PARTS});
        }),
        SimRestoreStep::Waiting => set(state, at, site, namespace, name, |s| {
            s["phase"] = json!("WaitingForPluginOperations");
            s["progress"] = json!({"totalItems": velero.restore_items, "itemsRestored": velero.restore_items});
            s["restoreItemOperationsAttempted"] = json!(6);
            s["restoreItemOperationsCompleted"] = json!(4);
        }),
        SimRestoreStep::Finalizing => set(state, at, site, namespace, name, |s| {
            s["phase"] = json!("Finalizing");
            s["restoreItemOperationsCompleted"] = json!(6);
        }),
        SimRestoreStep::Done => {
            set(state, at, site, namespace, name, |s| {
                s["phase"] = json!("Completed");
                s["completionTimestamp"] = json!(stamp(at));
                if velero.restore_warnings > 0 {
                    s["warnings"] = json!(velero.restore_warnings);
                }
            });
            restored(state, at, site, namespace, name);
        }
    }
}

fn set(state: &mut WorldState, at: DateTime<Utc>, site: Site, namespace: &str, name: &str, f: impl FnOnce(&mut Value)) {
    state.cluster_mut(site).store.edit(Res::Restores, namespace, name, at, |restore| f(&mut restore["status"]));
}

fn pick(state: &mut WorldState, at: DateTime<Utc>, site: Site, namespace: &str, name: &str) {
    let store = &state.cluster(site).store;
    let busy = store.shelf(Res::Restores).objects.keys().filter(|(_, other)| other != name).any(|(ns, other)| {
        let phase = store.get(Res::Restores, ns, other).unwrap_or_default()["status"]["phase"].clone();
        matches!(phase.as_str(), Some("InProgress"))
    });
    if busy {
        // One at a time: it stays without a phase until the other is done.
        let due =
            Due::Restore { site, namespace: namespace.to_owned(), name: name.to_owned(), step: SimRestoreStep::Pick };
        state.plan(at + TimeDelta::seconds(5), due);
        return;
    }
    let Some(restore) = store.get(Res::Restores, namespace, name) else { return };
    let backup_name = restore["spec"]["backupName"].as_str().unwrap_or_default().to_owned();
    let backup = store.get(Res::Backups, namespace, &backup_name);
    let error = match &backup {
        _ if backup_name.is_empty() => {
            Some("Either a backup or schedule must be specified as a source for the restore, but not both".to_owned())
        }
        None => Some(format!(
            "Error retrieving backup: can't find backup {namespace}/{backup_name}: backups.velero.io \"{backup_name}\" not found"
        )),
        Some(_) => None,
    };
    if let Some(error) = error {
        set(state, at, site, namespace, name, |s| {
            *s = json!({"phase": "FailedValidation", "validationErrors": [error]});
        });
        return;
    }
    start(state, at, site, namespace, name, &backup.unwrap_or_default());
}

fn start(state: &mut WorldState, at: DateTime<Utc>, site: Site, namespace: &str, name: &str, backup: &Value) {
    let velero = state.scenario.velero.clone();
    let schedule = backup["metadata"]["labels"]["velero.io/schedule-name"].clone();
    state.cluster_mut(site).store.edit(Res::Restores, namespace, name, at, |restore| {
        // The controller completes the spec: what was posted is a subset of what stands there now.
        restore["spec"]["excludedResources"] = json!([
            "nodes",
            "events",
            "events.events.k8s.io",
            "backups.velero.io",
            "restores.velero.io",
            "resticrepositories.velero.io",
            "csinodes.storage.k8s.io",
            "volumeattachments.storage.k8s.io",
            "backuprepositories.velero.io"
        ]);
        restore["spec"]["itemOperationTimeout"] = json!("4h0m0s");
        if schedule.is_string() {
            restore["spec"]["scheduleName"] = schedule;
        }
        restore["metadata"]["finalizers"] = json!(["restores.velero.io/external-resources-finalizer"]);
        restore["status"] = json!({"phase": "InProgress", "startTimestamp": stamp(at),
            "progress": {"totalItems": velero.restore_items}});
    });
    let total = i64::from(velero.restore_s) - PICK_S;
    let (waiting, finalizing) = (total * 7 / 8, total - 6);
    let mut steps: Vec<(i64, SimRestoreStep)> =
        (1..PARTS).map(|p| (waiting * i64::from(p) / i64::from(PARTS), SimRestoreStep::Part(p))).collect();
    steps.extend([
        (waiting, SimRestoreStep::Waiting),
        (finalizing, SimRestoreStep::Finalizing),
        (total, SimRestoreStep::Done),
    ]);
    for (s, step) in steps {
        let due = Due::Restore { site, namespace: namespace.to_owned(), name: name.to_owned(), step };
        state.plan(at + TimeDelta::seconds(s), due);
    }
}

fn restored(state: &mut WorldState, at: DateTime<Utc>, site: Site, namespace: &str, name: &str) {
    let store = &state.cluster(site).store;
    let restore = store.get(Res::Restores, namespace, name).unwrap_or_default();
    let backup = restore["spec"]["backupName"].as_str().and_then(|b| store.get(Res::Backups, namespace, b));
    let wanted = &state.scenario.service.namespace;
    let covers = |list: &Value| {
        list.as_array().is_none_or(|l| l.is_empty() || l.iter().any(|n| n == "*" || n == wanted.as_str()))
    };
    let whole = backup.is_some_and(|b| {
        covers(&b["spec"]["includedNamespaces"])
            && matches!(b["status"]["phase"].as_str(), Some("Completed" | "PartiallyFailed"))
    });
    if site == Site::Dr && whole && covers(&restore["spec"]["includedNamespaces"]) && state.data_at.is_none() {
        state.data_at = Some(at);
        state.check_serving(at);
    }
}
