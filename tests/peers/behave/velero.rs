//! Velero 1.18 as its server behaves: validation of storage as a heartbeat, backups and restores through their phases, one
//! restore at a time, and a spec that is changed when it is taken up. There is no status subresource: status is written
//! with the object, and every write raises the generation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::super::kube::Cluster;
pub use super::velero_server::NEVER_RESTORED;
use super::velero_server::Server;
use super::{Objects, Player, lock, merged, now, stamp};

pub const NAMESPACE: &str = "velero";

#[derive(Clone, Debug)]
pub(super) struct Script {
    /// How far the server's clock is off.
    pub(super) skew: TimeDelta,
    /// How often storage is validated; Velero itself looks every ten seconds.
    pub(super) validate: TimeDelta,
    /// Backups and restores stay in this phase once they reach it.
    pub(super) hold: BTreeMap<String, String>,
    /// The server has just started.
    pub(super) started: bool,
}

/// A Velero server in namespace `velero`.
pub struct Velero {
    script: Arc<Mutex<Script>>,
    at: Kinds,
    player: Player,
}

#[derive(Clone, Debug)]
pub(super) struct Kinds {
    pub(super) locations: Objects,
    pub(super) schedules: Objects,
    pub(super) backups: Objects,
    pub(super) restores: Objects,
    pub(super) requests: Objects,
}

impl Velero {
    /// Runs, over nothing yet.
    pub fn start(cluster: &Cluster) -> Self {
        cluster.namespace(NAMESPACE);
        let client = cluster.client();
        let at = |plural: &str| Objects::new(&client, &format!("/apis/velero.io/v1/namespaces/{NAMESPACE}/{plural}"));
        let kinds = Kinds {
            locations: at("backupstoragelocations"),
            schedules: at("schedules"),
            backups: at("backups"),
            restores: at("restores"),
            requests: at("serverstatusrequests"),
        };
        let script = Arc::new(Mutex::new(Script {
            skew: TimeDelta::zero(),
            validate: TimeDelta::seconds(1),
            hold: BTreeMap::new(),
            started: false,
        }));
        let (read, of) = (Arc::clone(&script), kinds.clone());
        let player = Player::start(move || {
            let script = {
                let mut script = lock(&read);
                let taken = script.clone();
                script.started = false;
                taken
            };
            Server { at: &of, now: now() + script.skew, script: &script }.look();
        });
        Self { script, at: kinds, player }
    }

    /// The server: dead, everything keeps its last status, storage stays `Available`.
    pub fn server(&self) -> &Player {
        &self.player
    }

    /// Ends and starts at once: a restore in progress is failed for it.
    pub fn restart(&self) {
        lock(&self.script).started = true;
        self.player.live();
    }

    /// Its clock is off by this much from now on.
    pub fn skew(&self, by: TimeDelta) {
        lock(&self.script).skew = by;
    }

    /// A storage location, with more of a spec on top; the first is usually `default`.
    pub fn location(&self, name: &str, spec: &Value) {
        let base = json!({
            "provider": "aws", "default": name == "default", "objectStorage": { "bucket": "backups" },
            "accessMode": "ReadWrite",
        });
        self.at.locations.create(&object("BackupStorageLocation", name, &merged(base, spec)));
    }

    /// A schedule, with more of a backup's spec on top.
    pub fn schedule(&self, name: &str, cron: &str, template: &Value) {
        let base = json!({ "storageLocation": "default", "ttl": "720h0m0s", "includedNamespaces": ["*"] });
        let spec = json!({ "schedule": cron, "template": merged(base, template) });
        self.at.schedules.create(&object("Schedule", name, &spec));
    }

    /// The schedule is due: submits a backup, whose name it gives.
    pub fn run_schedule(&self, schedule: &str) -> String {
        let due = now() + lock(&self.script).skew;
        let template = self.at.schedules.get(schedule).expect("the schedule")["spec"]["template"].clone();
        let backup = format!("{schedule}-{}", due.format("%Y%m%d%H%M%S"));
        let mut made = object("Backup", &backup, &template);
        made["metadata"]["labels"] = labels(Some(schedule), &template);
        self.at.backups.create(&made);
        self.at.schedules.patch(schedule, &json!({ "status": { "lastBackup": stamp(due) } }));
        backup
    }

    /// A backup that has ended: of a schedule or by hand, begun at `start`, with more of an object on top.
    pub fn past_backup(&self, name: &str, schedule: Option<&str>, start: DateTime<Utc>, over: &Value) {
        let spec = json!({ "storageLocation": "default", "ttl": "720h0m0s", "includedNamespaces": ["*"] });
        let mut made = object("Backup", name, &spec);
        made["metadata"]["labels"] = labels(schedule, &spec);
        made["status"] = json!({
            "version": 1, "formatVersion": "1.1.0", "phase": "Completed", "startTimestamp": stamp(start),
            "completionTimestamp": stamp(start + TimeDelta::minutes(3)), "expiration": stamp(start + TimeDelta::hours(720)),
            "progress": { "totalItems": 120, "itemsBackedUp": 120 },
        });
        self.at.backups.create(&merged(made, over));
    }

    /// A backup or restore of this name stays in a phase when it gets there; `None` lets it go on.
    pub fn hold(&self, name: &str, phase: Option<&str>) {
        let mut script = lock(&self.script);
        match phase {
            Some(phase) => script.hold.insert(name.to_owned(), phase.to_owned()),
            None => script.hold.remove(name),
        };
    }

    /// A restore as it stands.
    pub fn restore(&self, name: &str) -> Option<Value> {
        self.at.restores.get(name)
    }

    pub fn backup(&self, name: &str) -> Option<Value> {
        self.at.backups.get(name)
    }
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({ "apiVersion": "velero.io/v1", "kind": kind, "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec })
}

fn labels(schedule: Option<&str>, spec: &Value) -> Value {
    let mut labels = json!({ "velero.io/storage-location": spec["storageLocation"] });
    if let Some(schedule) = schedule {
        labels["velero.io/schedule-name"] = schedule.into();
    }
    labels
}
