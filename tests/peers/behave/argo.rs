//! Argo CD as its application controller behaves: a compared-at that moves, a refresh that an annotation asks for, and an
//! `operation` that is taken up, carried out and removed. Status is written with the object.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::super::kube::Cluster;
use super::{Objects, Player, lock, merged, name, now, replaced, stamp, time};

pub const NAMESPACE: &str = "argocd";
const REFRESH: &str = "argocd.argoproj.io/refresh";
const SKIP: &str = "argocd.argoproj.io/skip-reconcile";

/// What the controller finds of one application when it compares.
#[derive(Clone, Debug)]
pub struct Found {
    pub sync: String,
    pub health: String,
    /// What git holds now.
    pub revision: String,
    /// `type` and message of conditions.
    pub conditions: Vec<(String, String)>,
    /// A sync window forbids operations.
    pub window_shut: bool,
    /// What an operation ends with.
    pub operation_ends: String,
}

impl Found {
    /// In sync and healthy at a commit.
    pub fn well(revision: &str) -> Self {
        Self {
            sync: "Synced".to_owned(),
            health: "Healthy".to_owned(),
            revision: revision.to_owned(),
            conditions: Vec::new(),
            window_shut: false,
            operation_ends: "Succeeded".to_owned(),
        }
    }

    /// The cluster is behind git.
    pub fn behind(revision: &str) -> Self {
        Self { sync: "OutOfSync".to_owned(), ..Self::well(revision) }
    }

    /// The destination can't be reached: nothing can be compared, and health keeps its last word.
    pub fn unreachable(revision: &str, message: &str) -> Self {
        let conditions = vec![("ComparisonError".to_owned(), message.to_owned())];
        Self { sync: "Unknown".to_owned(), conditions, ..Self::well(revision) }
    }
}

/// How often everything is compared; two to three minutes in the world outside.
const COMPARE: TimeDelta = TimeDelta::seconds(2);

type Script = Arc<Mutex<BTreeMap<String, Found>>>;

/// An application controller in namespace `argocd`.
pub struct Argo {
    script: Script,
    apps: Objects,
    projects: Objects,
    player: Player,
}

impl Argo {
    /// Runs, with project `default`.
    pub fn start(cluster: &Cluster) -> Self {
        cluster.namespace(NAMESPACE);
        let client = cluster.client();
        let at = |plural: &str| {
            Objects::new(&client, &format!("/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}/{plural}"))
        };
        let (apps, projects) = (at("applications"), at("appprojects"));
        let script: Script = Arc::default();
        let (read, of) = (Arc::clone(&script), apps.clone());
        let player = Player::start(move || {
            let script = lock(&read).clone();
            for app in of.list() {
                let Some(found) = script.get(name(&app)) else { continue };
                if look(&of, &app, found) == Some(Done)
                    && let Some(found) = lock(&read).get_mut(name(&app))
                {
                    "Synced".clone_into(&mut found.sync);
                }
            }
        });
        let this = Self { script, apps, projects, player };
        this.project("default", &json!({}));
        this
    }

    /// The controller: dead, statuses stay, `reconciledAt` no longer moves and an operation just stays.
    pub fn controller(&self) -> &Player {
        &self.player
    }

    /// A project that allows everything, with more of a spec (`syncWindows`) on top.
    pub fn project(&self, name: &str, spec: &Value) {
        let base = json!({ "sourceRepos": ["*"], "destinations": [{ "namespace": "*", "server": "*" }] });
        self.projects.create(&json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject", "metadata": { "name": name },
            "spec": merged(base, spec),
        }));
    }

    /// An application, with more of a spec on top, and what is found of it.
    pub fn app(&self, name: &str, spec: &Value, found: Found) {
        self.find(name, found);
        let base = json!({
            "project": "default",
            "source": { "repoURL": format!("https://git.example/{name}"), "path": "deploy", "targetRevision": "main" },
            "destination": { "server": "https://kubernetes.default.svc", "namespace": name },
        });
        self.apps.create(&json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": { "name": name },
            "spec": merged(base, spec),
        }));
    }

    /// What is found of it from the next look on.
    pub fn find(&self, name: &str, found: Found) {
        lock(&self.script).insert(name.to_owned(), found);
    }

    pub fn application(&self, name: &str) -> Option<Value> {
        self.apps.get(name)
    }
}

/// An operation has ended well: git and cluster agree.
#[derive(PartialEq, Eq)]
struct Done;

fn look(apps: &Objects, app: &Value, found: &Found) -> Option<Done> {
    let notes = &app["metadata"]["annotations"];
    if notes[SKIP] == "true" {
        return None;
    }
    if app["operation"].is_object() {
        return operate(apps, app, found);
    }
    let asked = notes[REFRESH].is_string();
    let old = time(&app["status"]["reconciledAt"]).is_none_or(|last| now() - last >= COMPARE);
    let changed = app["status"]["sync"]["status"] != found.sync || app["status"]["health"]["status"] != found.health;
    if !(asked || old || changed) {
        return None;
    }
    let mut patch = json!({ "status": compared(app, found) });
    if asked {
        patch["metadata"] = json!({ "annotations": { REFRESH: null } });
    }
    if found.sync == "OutOfSync" && automated(app) {
        let sync =
            json!({ "revision": found.revision, "prune": app["spec"]["syncPolicy"]["automated"]["prune"] == true });
        patch["operation"] = json!({ "initiatedBy": { "automated": true }, "sync": sync, "retry": { "limit": 5 } });
        // As `SetAppOperation` does, so that the last one's end is not taken for this one's.
        patch["status"]["operationState"] = Value::Null;
    }
    apps.patch(name(app), &patch);
    None
}

/// Present and not switched off is on.
fn automated(app: &Value) -> bool {
    let policy = &app["spec"]["syncPolicy"]["automated"];
    policy.is_object() && policy["enabled"] != false
}

fn compared(app: &Value, found: &Found) -> Value {
    let synced_to = if found.sync == "Unknown" {
        app["status"]["sync"]["revision"].clone()
    } else {
        found.revision.as_str().into()
    };
    let condition = |(kind, message): &(String, String)| json!({ "type": kind, "message": message, "lastTransitionTime": stamp(now()) });
    let conditions: Vec<Value> = found.conditions.iter().map(condition).collect();
    json!({
        "reconciledAt": stamp(now()), "sourceType": "Kustomize", "controllerNamespace": NAMESPACE,
        "resourceHealthSource": "appTree",
        "resources": [{ "version": "v1", "kind": "ConfigMap", "name": "settings", "status": found.sync }],
        "sync": {
            "status": found.sync, "revision": synced_to,
            "comparedTo": { "source": app["spec"]["source"], "destination": app["spec"]["destination"] },
        },
        "health": { "status": found.health },
        "conditions": if conditions.is_empty() { Value::Null } else { conditions.into() },
    })
}

/// One step of an operation: taken up, held by a window, ended. A state that was left `Running` makes the controller go on
/// with what is in it, whatever the new operation says.
fn operate(apps: &Objects, app: &Value, found: &Found) -> Option<Done> {
    let state = &app["status"]["operationState"];
    let phase = state["phase"].as_str().unwrap_or_default();
    let ends = |phase: &str, message: &str| {
        let operation = &state["operation"];
        let revision = operation["sync"]["revision"].as_str().unwrap_or(&found.revision);
        json!({
            "operation": null,
            "status": { "operationState": {
                "phase": phase, "message": message, "finishedAt": stamp(now()),
                "syncResult": { "revision": revision, "source": app["spec"]["source"] },
            } },
        })
    };
    let patch = match phase {
        "Terminating" => ends("Failed", "Operation terminated"),
        "Running" if found.window_shut => {
            json!({ "status": { "operationState": { "message": "Sync operation blocked by sync window" } } })
        }
        "Running" => {
            let dry = state["operation"]["sync"]["dryRun"] == true;
            let mut patch = ends(&found.operation_ends, "successfully synced (all tasks run)");
            if found.operation_ends == "Succeeded" && !dry {
                let revision = patch["status"]["operationState"]["syncResult"]["revision"].clone();
                let id = app["status"]["history"].as_array().map_or(0, Vec::len);
                let mut history = app["status"]["history"].as_array().cloned().unwrap_or_default();
                history.push(json!({ "id": id, "revision": revision, "deployedAt": stamp(now()), "source": app["spec"]["source"] }));
                patch["status"]["history"] = history.into();
                patch["status"]["sync"] = json!({ "status": "Synced", "revision": revision });
            }
            patch
        }
        _ => {
            let message = if found.window_shut { "Sync operation blocked by sync window" } else { "" };
            let begun = json!({
                "phase": "Running", "startedAt": stamp(now()), "message": message, "operation": app["operation"],
            });
            json!({ "status": { "operationState": replaced(state, &begun) } })
        }
    };
    let synced = patch["status"]["sync"]["status"] == "Synced";
    (apps.patch(name(app), &patch) && synced).then_some(Done)
}
