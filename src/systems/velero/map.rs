//! Velero's objects to facts. Pure. Phases are open words: this program is older than the next Velero.

use serde_json::Value;

use crate::model::SafeText;
use crate::model::facts::{Location, OffSite, Open, Restore, RestorePoint, Schedule};
use crate::systems::kubernetes::object::{
    at, count, flag, go_seconds, items, name, open, stamp, string, tag, text, texts,
};

/// The annotation by which a Restore says which plan it belongs to.
pub const PLAN_DIGEST: &str = "warroom/plan-digest";

/// What a Backup of a schedule is labelled with.
const SCHEDULE_LABEL: &str = "velero.io/schedule-name";
/// The server's default for `validationFrequency`.
const VALIDATION_DEFAULT_S: u64 = 60;

/// A Schedule.
pub fn schedule(cluster: &str, object: &Value) -> Option<Schedule> {
    Some(Schedule {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace").to_string(),
        name: SafeText::new(name(object)?),
        phase: open(object, "/status/phase"),
        paused: flag(object, "/spec/paused"),
        cron: text(object, "/spec/schedule"),
        last_submitted: stamp(object, "/status/lastBackup"),
        location: text(object, "/spec/template/storageLocation"),
        errors: texts(object, "/status/validationErrors"),
    })
}

/// A Backup. Its age is that of `startTimestamp`: creation time and uid are made anew on a cluster that it was synced to.
pub fn restore_point(cluster: &str, object: &Value) -> Option<RestorePoint> {
    let location = [text(object, "/spec/storageLocation")]
        .into_iter()
        .chain(tag(object, "labels", "velero.io/storage-location").map(SafeText::new))
        .find(|text| !text.is_empty());
    Some(RestorePoint {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace").to_string(),
        name: SafeText::new(name(object)?),
        uid: text(object, "/metadata/uid").to_string(),
        schedule: tag(object, "labels", SCHEDULE_LABEL).map(SafeText::new),
        phase: open(object, "/status/phase"),
        started: stamp(object, "/status/startTimestamp"),
        completed: stamp(object, "/status/completionTimestamp"),
        expires: stamp(object, "/status/expiration"),
        location: location.unwrap_or_default(),
        included_namespaces: texts(object, "/spec/includedNamespaces"),
        excluded_namespaces: texts(object, "/spec/excludedNamespaces"),
        errors: count(object, "/status/errors"),
        warnings: count(object, "/status/warnings"),
        failure: failure(object),
        deleting: deleting(object),
        off_site: off_site(object),
    })
}

/// Whether volume data left the source's site. Snapshots in place stay where the disaster is, unless they were moved;
/// native snapshots are never moved.
fn off_site(object: &Value) -> OffSite {
    if count(object, "/status/volumeSnapshotsAttempted") > 0 {
        return OffSite::No;
    }
    let moved = flag(object, "/spec/snapshotMoveData");
    if count(object, "/status/csiVolumeSnapshotsAttempted") > 0 && !moved {
        return OffSite::No;
    }
    match string(object, "/status/phase").as_str() {
        // These have counted all their volumes: zero means that none was snapshotted in place.
        "Completed" | "PartiallyFailed" => OffSite::Yes,
        _ => OffSite::Unknown,
    }
}

/// A BackupStorageLocation.
pub fn location(cluster: &str, object: &Value) -> Option<Location> {
    Some(Location {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace").to_string(),
        name: SafeText::new(name(object)?),
        phase: open(object, "/status/phase"),
        access_mode: access_mode(object),
        default: flag(object, "/spec/default"),
        last_validated: stamp(object, "/status/lastValidationTime"),
        validation_every_s: go_seconds(&string(object, "/spec/validationFrequency")).unwrap_or(VALIDATION_DEFAULT_S),
        last_synced: stamp(object, "/status/lastSyncedTime"),
        message: text(object, "/status/message"),
    })
}

/// `spec.accessMode`, `ReadWrite` when left out. `status.accessMode` is deprecated and not read.
pub fn access_mode(object: &Value) -> Open {
    let mode = open(object, "/spec/accessMode");
    if mode.as_str().is_empty() { Open::new("ReadWrite") } else { mode }
}

/// A Restore.
pub fn restore(cluster: &str, object: &Value) -> Option<Restore> {
    Some(Restore {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace").to_string(),
        name: SafeText::new(name(object)?),
        uid: text(object, "/metadata/uid").to_string(),
        backup: text(object, "/spec/backupName"),
        phase: open(object, "/status/phase"),
        started: stamp(object, "/status/startTimestamp"),
        completed: stamp(object, "/status/completionTimestamp"),
        items_done: count(object, "/status/progress/itemsRestored"),
        items_total: count(object, "/status/progress/totalItems"),
        errors: count(object, "/status/errors"),
        warnings: count(object, "/status/warnings"),
        failure: failure(object),
        plan_digest: tag(object, "annotations", PLAN_DIGEST).map(|digest| SafeText::new(digest).to_string()),
    })
}

/// `failureReason`, else the first validation error.
fn failure(object: &Value) -> SafeText {
    let reason = text(object, "/status/failureReason");
    if !reason.is_empty() {
        return reason;
    }
    items(object, "/status/validationErrors").first().and_then(Value::as_str).map(SafeText::new).unwrap_or_default()
}

/// Whether `deletionTimestamp` is set.
pub fn deleting(object: &Value) -> bool {
    !at(object, "/metadata/deletionTimestamp").is_null()
}

/// Whether a Restore's phase is an end. Empty means that Velero has not picked it up: it is open.
pub fn restore_ended(phase: &str) -> bool {
    matches!(phase, "FailedValidation" | "Completed" | "PartiallyFailed" | "Failed")
}

/// Whether a Backup still uploads volume data; flipping its location to read-only now would spoil it.
pub fn uploading(phase: &str) -> bool {
    phase.starts_with("WaitingForPluginOperations")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::kubernetes::testing::recorded;
    use serde_json::json;

    #[test]
    fn recorded_objects_of_a_real_server_are_read() {
        let Some(backups) = recorded("velero-backups-list.body") else { return };
        let points: Vec<_> = items(&backups, "/items").iter().filter_map(|it| restore_point("dr", it)).collect();
        assert_eq!(points.len(), 2);
        assert_eq!(points[0].name, "hourly-20261122180000");
        assert_eq!(points[0].schedule, Some("hourly".into()));
        assert!(points[0].phase.is("Completed"));
        assert_eq!(points[0].started, Some("2026-11-22T18:00:01Z".parse().expect("a time")));
        assert_eq!(points[0].off_site, OffSite::Yes);
        assert_eq!((points[1].errors, points[1].warnings), (2, 5));

        let Some(locations) = recorded("velero-backupstoragelocations-list.body") else { return };
        let place = location("dr", at(&locations, "/items/0")).expect("a location");
        assert!(place.access_mode.is("ReadWrite") && place.phase.is("Available") && place.default);
        assert_eq!(place.validation_every_s, 60);

        let Some(patched) = recorded("bsl-patch-200.body") else { return };
        assert!(access_mode(&patched).is("ReadOnly"));

        let Some(schedules) = recorded("velero-schedules-list.body") else { return };
        let hourly = schedule("dr", at(&schedules, "/items/0")).expect("a schedule");
        assert_eq!((hourly.cron.as_str(), hourly.location.as_str(), hourly.paused), ("0 * * * *", "default", false));

        let Some(restores) = recorded("velero-restores-list.body") else { return };
        let open = restore("dr", at(&restores, "/items/0")).expect("a restore");
        assert_eq!(open.backup, "hourly-20261122180000");
        assert!(open.phase.as_str().is_empty() && !restore_ended(open.phase.as_str()));
    }

    #[test]
    fn snapshots_in_place_are_not_off_site_unless_they_were_moved() {
        let backup = |spec: Value, status: Value| {
            restore_point("c", &json!({"metadata": {"name": "b"}, "spec": spec, "status": status}))
                .expect("a point")
                .off_site
        };
        let done = |more: &str| json!({"phase": "Completed", more: 2});
        assert_eq!(backup(json!({}), done("csiVolumeSnapshotsAttempted")), OffSite::No);
        assert_eq!(backup(json!({"snapshotMoveData": true}), done("csiVolumeSnapshotsAttempted")), OffSite::Yes);
        assert_eq!(backup(json!({"snapshotMoveData": true}), done("volumeSnapshotsAttempted")), OffSite::No);
        assert_eq!(backup(json!({"defaultVolumesToFsBackup": true}), done("warnings")), OffSite::Yes);
        assert_eq!(backup(json!({}), json!({"phase": "InProgress"})), OffSite::Unknown);
        assert_eq!(backup(json!({}), Value::Null), OffSite::Unknown);
    }

    #[test]
    fn unknown_phases_and_odd_fields_survive() {
        let odd = json!({"metadata": {"name": "b", "labels": 7, "deletionTimestamp": "2026-11-22T18:00:01Z"},
            "spec": {"includedNamespaces": "all"}, "status": {"phase": "Teleporting", "errors": "two", "startTimestamp": 12}});
        let point = restore_point("c", &odd).expect("a point");
        assert!(point.phase.is("Teleporting") && point.deleting);
        assert_eq!((point.errors, point.started, point.included_namespaces.len()), (0, None, 0));
        assert_eq!(restore_point("c", &json!({"metadata": {}})), None);
        let new = location("c", &json!({"metadata": {"name": "l"}})).expect("a location");
        assert!(new.phase.as_str().is_empty() && new.access_mode.is("ReadWrite"));
        let off = location("c", &json!({"metadata": {"name": "l"}, "spec": {"validationFrequency": "0s"}}));
        assert_eq!(off.expect("a location").validation_every_s, 0);
    }

    #[test]
    fn text_from_outside_is_made_safe() {
        let evil = json!({"metadata": {"name": "b\u{1b}[2J", "uid": "u\u{7}"}, "status": {"failureReason": "a\u{1b}]52;c;x\u{7}"}});
        let point = restore_point("c", &evil).expect("a point");
        for field in [point.name.as_str(), &point.uid, point.failure.as_str()] {
            assert!(!field.contains(['\u{1b}', '\u{7}']), "{field:?}");
        }
    }
}
