//! What a Velero server does at each look: validates storage, carries backups on, works on one restore.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::velero::{Kinds, NAMESPACE, Script};
use super::{go_duration, name, stamp, time};

/// What the controller adds to every restore's exclusions, in its order.
pub const NEVER_RESTORED: [&str; 9] = [
    "nodes",
    "events",
    "events.events.k8s.io",
    "backups.velero.io",
    "restores.velero.io",
    "resticrepositories.velero.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "backuprepositories.velero.io",
];

/// What the played server says it is.
const VERSION: &str = "v1.18.2";
const FINALIZER: &str = "restores.velero.io/external-resources-finalizer";
const RESTARTED: &str = "found a restore with status \"InProgress\" during the server starting, mark it as \"Failed\"";

fn phase(object: &Value) -> &str {
    object["status"]["phase"].as_str().unwrap_or_default()
}

/// One look of the server at everything.
pub(super) struct Server<'a> {
    pub at: &'a Kinds,
    pub now: DateTime<Utc>,
    pub script: &'a Script,
}

impl Server<'_> {
    pub fn look(&self) {
        self.validate_locations();
        for schedule in self.at.schedules.list() {
            if phase(&schedule).is_empty() {
                let cron = schedule["spec"]["schedule"].as_str().unwrap_or_default();
                let status = if cron.split_whitespace().count() == 5 || cron.starts_with('@') {
                    json!({ "phase": "Enabled" })
                } else {
                    json!({ "phase": "FailedValidation", "validationErrors": [format!("invalid schedule: {cron}")] })
                };
                self.at.schedules.patch(name(&schedule), &json!({ "status": status }));
            }
        }
        for backup in self.at.backups.list() {
            self.carry_on_backup(&backup);
        }
        self.work_on_restores();
        for request in self.at.requests.list() {
            if phase(&request) != "Processed" {
                let status =
                    json!({ "phase": "Processed", "processedTimestamp": stamp(self.now), "serverVersion": VERSION });
                self.at.requests.patch(name(&request), &json!({ "status": status }));
            }
        }
    }

    /// The heartbeat. A frequency of 0 means never again after the first time.
    fn validate_locations(&self) {
        for location in self.at.locations.list() {
            let last = time(&location["status"]["lastValidationTime"]);
            let never =
                location["spec"]["validationFrequency"].as_str().and_then(go_duration) == Some(TimeDelta::zero());
            let fresh = last.is_some_and(|last| never || (self.now - last).abs() < self.script.validate);
            if fresh {
                continue;
            }
            let status = json!({ "phase": "Available", "message": null, "lastSyncedTime": stamp(self.now),
                "lastValidationTime": stamp(self.now) });
            self.at.locations.patch(name(&location), &json!({ "status": status }));
        }
    }

    fn location(&self, backup: &Value) -> Option<Value> {
        let wanted = backup["spec"]["storageLocation"].as_str().filter(|name| !name.is_empty()).unwrap_or("default");
        self.at.locations.get(wanted)
    }

    fn held(&self, object: &Value) -> bool {
        self.script.hold.get(name(object)).is_some_and(|held| held == phase(object))
    }

    fn carry_on_backup(&self, backup: &Value) {
        if self.held(backup) {
            return;
        }
        let moves = backup["spec"]["snapshotMoveData"] == true;
        let status = match phase(backup) {
            "" | "New" => match self.refusal_of_backup(backup) {
                Some(why) => json!({ "phase": "FailedValidation", "validationErrors": [why] }),
                None => {
                    let ttl = backup["spec"]["ttl"].as_str().and_then(go_duration).filter(|ttl| !ttl.is_zero());
                    json!({
                        "phase": "InProgress", "version": 1, "formatVersion": "1.1.0", "startTimestamp": stamp(self.now),
                        "expiration": stamp(self.now + ttl.unwrap_or_else(|| TimeDelta::hours(720))),
                        "progress": { "totalItems": 120, "itemsBackedUp": 40 },
                    })
                }
            },
            "InProgress" => {
                let next = if moves { "WaitingForPluginOperations" } else { "Finalizing" };
                json!({ "phase": next, "progress": { "totalItems": 120, "itemsBackedUp": 120 } })
            }
            "WaitingForPluginOperations" => json!({ "phase": "Finalizing" }),
            "Finalizing" => self.ended(),
            _ => return,
        };
        self.at.backups.patch(name(backup), &json!({ "status": status }));
    }

    fn refusal_of_backup(&self, backup: &Value) -> Option<String> {
        let wanted = backup["spec"]["storageLocation"].as_str().unwrap_or("default");
        let Some(location) = self.location(backup) else {
            return Some(format!("BackupStorageLocation \"{wanted}\" not found"));
        };
        if location["spec"]["accessMode"] == "ReadOnly" {
            let said = "backup can't be created because BackupStorageLocation";
            return Some(format!("{said} {wanted} is currently in read-only mode"));
        }
        (phase(&location) == "Unavailable").then(|| format!("BackupStorageLocation {wanted} is unavailable"))
    }

    fn ended(&self) -> Value {
        json!({ "phase": "Completed", "completionTimestamp": stamp(self.now) })
    }

    /// A single worker: the oldest that has begun and not ended blocks all others.
    fn work_on_restores(&self) {
        let mut restores = self.at.restores.list();
        let made = |it: &Value| it["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
        restores.sort_by_key(|restore| (made(restore), name(restore).to_owned()));
        let over = |it: &Value| matches!(phase(it), "FailedValidation" | "Completed" | "PartiallyFailed" | "Failed");
        let begun = |it: &Value| !phase(it).is_empty() && phase(it) != "New" && !over(it);
        for restore in restores.iter().filter(|it| over(it)) {
            self.at.restores.without_finalizers(restore);
        }
        let next = restores.iter().find(|it| begun(it)).or_else(|| restores.iter().find(|it| !over(it)));
        let Some(restore) = next else { return };
        if self.script.started && phase(restore) == "InProgress" {
            let status =
                json!({ "phase": "Failed", "failureReason": RESTARTED, "completionTimestamp": stamp(self.now) });
            self.at.restores.patch(name(restore), &json!({ "status": status }));
        } else if !self.held(restore) {
            self.carry_on_restore(restore);
        }
    }

    fn carry_on_restore(&self, restore: &Value) {
        let items = |done: u32| json!({ "totalItems": 120, "itemsRestored": done });
        let patch = match phase(restore) {
            "" | "New" => match self.take_up(restore) {
                Ok(patch) => patch,
                Err(why) => json!({ "status": { "phase": "FailedValidation", "validationErrors": [why] } }),
            },
            "InProgress" => {
                let done = restore["status"]["progress"]["itemsRestored"].as_u64().unwrap_or_default();
                if done < 120 {
                    json!({ "status": { "progress": items(u32::try_from(done).unwrap_or(0) + 60) } })
                } else {
                    json!({ "status": { "phase": self.after_items(restore) } })
                }
            }
            "WaitingForPluginOperations" => json!({ "status": { "phase": "Finalizing" } }),
            "Finalizing" => json!({ "status": self.ended() }),
            _ => return,
        };
        self.at.restores.patch(name(restore), &patch);
    }

    fn after_items(&self, restore: &Value) -> &'static str {
        let backup = restore["spec"]["backupName"].as_str().and_then(|name| self.at.backups.get(name));
        let moved = backup.is_some_and(|backup| backup["spec"]["snapshotMoveData"] == true);
        if moved { "WaitingForPluginOperations" } else { "Finalizing" }
    }

    /// Validates and changes the spec. It looks at neither phase nor expiry of the backup, as the real one does not.
    fn take_up(&self, restore: &Value) -> Result<Value, String> {
        let spec = &restore["spec"];
        let text = |key: &str| spec[key].as_str().filter(|text| !text.is_empty());
        let included = spec["includedResources"].as_array().cloned().unwrap_or_default();
        if let Some(bad) = included.iter().find(|it| NEVER_RESTORED.iter().any(|never| *it == never)) {
            return Err(format!("{} are non-restorable resources", bad.as_str().unwrap_or_default()));
        }
        if let Some(policy) = text("existingResourcePolicy").filter(|it| !matches!(*it, "none" | "update")) {
            return Err(format!("Invalid ExistingResourcePolicy: {policy}"));
        }
        let backup = match (text("backupName"), text("scheduleName")) {
            (Some(_), Some(_)) | (None, None) => {
                return Err("Either a backup or schedule must be specified as a source for the restore, but not both"
                    .to_owned());
            }
            (Some(backup), None) => self.at.backups.get(backup).ok_or_else(|| {
                let missing = format!("backups.velero.io \"{backup}\" not found");
                format!("Error retrieving backup: can't find backup {NAMESPACE}/{backup}: {missing}")
            })?,
            (None, Some(schedule)) => self.newest_of(schedule)?,
        };
        let location = self.location(&backup);
        if location.as_ref().is_none_or(|it| phase(it) == "Unavailable") {
            let wanted = backup["spec"]["storageLocation"].as_str().unwrap_or("default");
            return Err(format!("The BSL {wanted} is unavailable, cannot retrieve the backup"));
        }
        let mut excluded = spec["excludedResources"].as_array().cloned().unwrap_or_default();
        excluded.extend(
            NEVER_RESTORED
                .iter()
                .filter(|it| !excluded.iter().any(|has| has == **it))
                .map(|&it| it.into())
                .collect::<Vec<Value>>(),
        );
        let timeout = text("itemOperationTimeout").filter(|it| *it != "0s").unwrap_or("4h0m0s");
        let schedule = &backup["metadata"]["labels"]["velero.io/schedule-name"];
        Ok(json!({
            "metadata": { "finalizers": [FINALIZER] },
            "spec": {
                "backupName": name(&backup), "scheduleName": schedule, "excludedResources": excluded,
                "itemOperationTimeout": timeout,
            },
            "status": {
                "phase": "InProgress", "startTimestamp": stamp(self.now),
                "progress": { "totalItems": 120, "itemsRestored": 0 },
            },
        }))
    }

    fn newest_of(&self, schedule: &str) -> Result<Value, String> {
        let mut all = self.at.backups.list();
        all.retain(|it| it["metadata"]["labels"]["velero.io/schedule-name"] == schedule);
        if all.is_empty() {
            return Err("No backups found for schedule".to_owned());
        }
        all.sort_by_key(|it| time(&it["status"]["startTimestamp"]));
        all.into_iter()
            .rev()
            .find(|it| phase(it) == "Completed")
            .ok_or_else(|| "No completed backups found for schedule".to_owned())
    }
}
