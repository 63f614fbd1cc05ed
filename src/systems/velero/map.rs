//! Velero's objects to facts. Pure. Phases are open words: this program is older than the next Velero.

use serde_json::Value;

use super::backup_filters;
use crate::model::entry::Restored;
use crate::model::facts::{
    DataDownload, Location, OffSite, Open, Restore, RestorePoint, Schedule, VolumeBackup, VolumeRestore,
};
use crate::model::{SafeText, Stamp};
use crate::systems::kube_api::json_access::{
    at, count, flag, go_seconds, items, name, open, stamp, string, tag, text, texts,
};

/// The annotation by which a Restore says which plan it belongs to.
pub const PLAN_DIGEST: &str = "warroom/plan-digest";

/// What a Backup of a schedule is labelled with.
const SCHEDULE_LABEL: &str = "velero.io/schedule-name";
/// The server's default for `validationFrequency` and `backupSyncPeriod`.
const LOOK_DEFAULT_S: u64 = 60;
/// Most validation errors shown of one object.
const MOST_ERRORS: usize = 3;

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
        created: stamp(object, "/metadata/creationTimestamp"),
        last_skipped: stamp(object, "/status/lastSkipped"),
        skip_immediately: flag(object, "/spec/skipImmediately"),
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
        created: stamp(object, "/metadata/creationTimestamp"),
        written: stamp(object, "/metadata/deletionTimestamp").or_else(|| written(object)),
        items: items_held(object),
        off_site: off_site(object),
        limits: backup_filters::limits(object),
        left_out: backup_filters::left_out(object),
    })
}

/// How many items a Backup holds. Velero leaves zeros out, so that a backup of nothing has an empty progress; one without
/// any progress was written by somebody who did not count.
fn items_held(object: &Value) -> Option<u64> {
    let of = |field: &str| count(object, &format!("/status/progress/{field}"));
    at(object, "/status/progress").is_object().then(|| of("totalItems").max(of("itemsBackedUp")))
}

/// Whether volume data left the source's site, by the Backup alone. Snapshots in place stay where the disaster is, unless
/// they were moved; native snapshots are never moved. Volumes copied file by file are not counted in the Backup.
fn off_site(object: &Value) -> OffSite {
    let (native, in_place) = ("/status/volumeSnapshotsAttempted", "/status/csiVolumeSnapshotsAttempted");
    let moved = flag(object, "/spec/snapshotMoveData");
    if count(object, native) > 0 || (count(object, in_place) > 0 && !moved) {
        return OffSite::No;
    }
    let operations = |what: &str| count(object, &format!("/status/backupItemOperations{what}"));
    let tried = count(object, in_place) > 0 || operations("Attempted") > 0;
    match string(object, "/status/phase").as_str() {
        // These have counted all their volumes: zero means that none was snapshotted.
        "Completed" | "PartiallyFailed" if !(moved && tried) => OffSite::NoVolumes,
        "Completed" if operations("Failed") == 0 && operations("Completed") >= operations("Attempted") => OffSite::Yes,
        _ => OffSite::Unknown,
    }
}

/// A PodVolumeBackup.
pub fn volume_backup(cluster: &str, object: &Value) -> Option<VolumeBackup> {
    Some(VolumeBackup {
        cluster: cluster.to_owned(),
        name: SafeText::new(name(object)?),
        backup: owner(object, "Backup", "velero.io/backup-name"),
        phase: open(object, "/status/phase"),
        started: stamp(object, "/status/startTimestamp"),
    })
}

/// A PodVolumeRestore.
pub fn volume_restore(cluster: &str, object: &Value) -> Option<VolumeRestore> {
    Some(VolumeRestore {
        cluster: cluster.to_owned(),
        name: SafeText::new(name(object)?),
        restore: owner(object, "Restore", "velero.io/restore-name"),
        phase: open(object, "/status/phase"),
        bytes_done: count(object, "/status/progress/bytesDone"),
        bytes_total: count(object, "/status/progress/totalBytes"),
    })
}

/// A DataDownload, which looks like a PodVolumeRestore where we read it.
pub fn data_download(cluster: &str, object: &Value) -> Option<DataDownload> {
    volume_restore(cluster, object).map(DataDownload)
}

/// What a volume is a part of. Velero cuts a label that is longer than 63 characters, so that the name in it is nobody's;
/// an owner's name is whole. A copy without an owner has the label alone.
fn owner(object: &Value, kind: &str, label: &str) -> SafeText {
    let owner = items(object, "/metadata/ownerReferences").iter().find(|it| string(it, "/kind") == kind);
    let name = owner.map(|it| text(it, "/name")).filter(|name| !name.is_empty());
    name.unwrap_or_else(|| tag(object, "labels", label).map(SafeText::new).unwrap_or_default())
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
        validation_every_s: go_seconds(&string(object, "/spec/validationFrequency")).unwrap_or(LOOK_DEFAULT_S),
        last_synced: stamp(object, "/status/lastSyncedTime"),
        sync_every_s: go_seconds(&string(object, "/spec/backupSyncPeriod")).unwrap_or(LOOK_DEFAULT_S),
        message: text(object, "/status/message"),
        store: store(object),
        endpoint: endpoint(object),
    })
}

/// Provider, bucket and prefix as one text; empty if there is no bucket.
fn store(object: &Value) -> SafeText {
    let bucket = string(object, "/spec/objectStorage/bucket");
    if bucket.is_empty() {
        return SafeText::default();
    }
    let provider = string(object, "/spec/provider");
    let mut text = format!("{}:{bucket}", provider.strip_prefix("velero.io/").unwrap_or(&provider));
    let prefix = string(object, "/spec/objectStorage/prefix");
    let prefix = prefix.trim_matches('/');
    if !prefix.is_empty() {
        text = format!("{text}/{prefix}");
    }
    SafeText::new(&text)
}

/// What makes the same bucket name another bucket: a server of one's own, or an account.
fn endpoint(object: &Value) -> SafeText {
    let given = ["s3Url", "storageAccount"].map(|key| string(object, &format!("/spec/config/{key}")));
    given.iter().find(|it| !it.is_empty()).map(|it| SafeText::new(it.trim_end_matches('/'))).unwrap_or_default()
}

/// The age of a location's last validation in seconds; null if there was none.
pub fn validated_age_s(object: &Value, now: Stamp) -> Value {
    stamp(object, "/status/lastValidationTime").map_or(Value::Null, |at| (now - at).num_seconds().into())
}

/// Whether a location was validated after its access mode was last written, by the server's own record of its fields;
/// null if that is not recorded. Both are whole seconds of two clocks, so the same second proves nothing.
pub fn validated_since_change(object: &Value) -> Value {
    let wrote = items(object, "/metadata/managedFields")
        .iter()
        .filter(|entry| !at(entry, "/fieldsV1/f:spec/f:accessMode").is_null())
        .filter_map(|entry| stamp(entry, "/time"))
        .max();
    match (wrote, stamp(object, "/status/lastValidationTime")) {
        (Some(wrote), Some(validated)) => (validated > wrote).into(),
        (Some(_), None) => false.into(),
        (None, _) => Value::Null,
    }
}

/// Seconds until a Backup expires; as many as fit if it never does.
pub fn expires_in_s(object: &Value, now: Stamp) -> Value {
    stamp(object, "/status/expiration").map_or(u32::MAX.into(), |at| (at - now).num_seconds().into())
}

/// When anything of an object was last written, by the server's own record.
fn written(object: &Value) -> Option<Stamp> {
    items(object, "/metadata/managedFields").iter().filter_map(|entry| stamp(entry, "/time")).max()
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
        created: stamp(object, "/metadata/creationTimestamp"),
        moved: written(object),
        volumes_done: 0,
        volumes_total: 0,
        bytes_done: 0,
        bytes_total: 0,
        schedule: text(object, "/spec/scheduleName"),
        scope: backup_filters::of_restore(object),
        backup_scope: None,
    })
}

/// How a Restore stands, for the record of what it brought back.
pub fn restored(object: &Value) -> Restored {
    Restored {
        phase: text(object, "/status/phase"),
        items: count(object, "/status/progress/itemsRestored"),
        of: count(object, "/status/progress/totalItems"),
        warnings: count(object, "/status/warnings"),
        errors: count(object, "/status/errors"),
        why: failure(object),
    }
}

/// `failureReason`, else the first validation errors.
fn failure(object: &Value) -> SafeText {
    let reason = text(object, "/status/failureReason");
    if !reason.is_empty() {
        return reason;
    }
    let errors: Vec<&str> = items(object, "/status/validationErrors").iter().filter_map(Value::as_str).collect();
    let mut out = errors.iter().take(MOST_ERRORS).copied().collect::<Vec<_>>().join("; ");
    if errors.len() > MOST_ERRORS {
        out.push_str(&format!("; and {} more", errors.len() - MOST_ERRORS));
    }
    SafeText::new(&out)
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
