//! Objects of Velero, as recorded and as nobody would write them.

use super::map::*;
use super::*;
use crate::model::facts::OffSite;
use crate::systems::kube_api::json_access::{at, items};
use crate::systems::kube_api::testing::recorded;
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
    assert_eq!(points[0].off_site, OffSite::NoVolumes, "it snapshotted none");
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
    let moved = || json!({"snapshotMoveData": true});
    let operations = |completed: u32, failed: u32, phase: &str| {
        json!({"phase": phase, "backupItemOperationsAttempted": 2, "backupItemOperationsCompleted": completed,
            "backupItemOperationsFailed": failed})
    };
    assert_eq!(backup(json!({}), done("csiVolumeSnapshotsAttempted")), OffSite::No);
    assert_eq!(backup(moved(), done("csiVolumeSnapshotsAttempted")), OffSite::Yes);
    assert_eq!(backup(moved(), operations(2, 0, "Completed")), OffSite::Yes, "moved snapshots are not counted as such");
    assert_eq!(backup(moved(), operations(1, 1, "Completed")), OffSite::Unknown);
    assert_eq!(backup(moved(), operations(1, 0, "Completed")), OffSite::Unknown);
    assert_eq!(backup(moved(), operations(2, 0, "PartiallyFailed")), OffSite::Unknown);
    assert_eq!(backup(moved(), done("volumeSnapshotsAttempted")), OffSite::No);
    assert_eq!(backup(moved(), done("warnings")), OffSite::NoVolumes, "nothing was there to be moved");
    assert_eq!(backup(json!({"defaultVolumesToFsBackup": true}), done("warnings")), OffSite::NoVolumes);
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

#[test]
fn what_narrows_a_backup_is_put_in_words() {
    let point = |spec: Value| restore_point("c", &json!({"metadata": {"name": "b"}, "spec": spec})).expect("a point");
    for (spec, words) in [
        (json!({"includedResources": ["deployments", "services"]}), "it holds only deployments, services"),
        (
            json!({"labelSelector": {"matchLabels": {"app": "web"}, "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]}, {"key": "old", "operator": "DoesNotExist"}]}}),
            "it holds only what is labelled app=web and tier In (a, b) and old DoesNotExist",
        ),
        (
            json!({"orLabelSelectors": [{"matchLabels": {"app": "web"}}, {"matchLabels": {"app": "api"}}]}),
            "it holds only what is labelled app=web or app=api",
        ),
        (json!({"includedNamespaces": "all"}), "its includedNamespaces can't be read"),
        (json!({"excludedNamespaces": ["shop", 7]}), "its excludedNamespaces can't be read"),
        (json!({"excludedNamespaces": ["sh[a-z]p"]}), "what the pattern sh[a-z]p excludes is not known"),
        (
            json!({"excludedNamespaces": (0..65).map(|n| format!("ns-{n}")).collect::<Vec<_>>()}),
            "more than 64 namespaces are excluded: not all were read",
        ),
    ] {
        assert_eq!(point(spec).limits, [words]);
    }
    for whole in [
        json!({}),
        json!({"includedResources": ["*"], "labelSelector": {}, "orLabelSelectors": null}),
        json!({"includedNamespaces": ["*"], "excludedNamespaces": ["kube-*"]}),
    ] {
        assert!(point(whole).limits.is_empty());
    }
    let less = point(json!({"excludedResources": ["events", "secrets"], "includeClusterResources": false,
        "snapshotVolumes": false, "resourcePolicy": {"kind": "configmap", "name": "skip-nfs"}}));
    assert!(less.limits.is_empty());
    assert_eq!(less.left_out.len(), 4);
    assert_eq!(less.left_out[0], "secrets", "events are never restored: nothing is lost with them");
}

#[test]
fn a_location_counts_as_looked_at_only_after_it_was_changed() {
    let place = |wrote: Value, validated: &str| {
        validated_since_change(&json!({"metadata": {"managedFields": wrote},
            "status": {"lastValidationTime": validated}}))
    };
    let wrote = json!([
        {"manager": "velero-server", "time": "2026-11-22T19:00:00Z", "fieldsV1": {"f:status": {"f:phase": {}}}},
        {"manager": "warroom", "time": "2026-11-22T18:00:10Z", "fieldsV1": {"f:spec": {"f:accessMode": {}}}},
    ]);
    assert_eq!(place(wrote.clone(), "2026-11-22T18:00:11Z"), json!(true));
    assert_eq!(place(wrote.clone(), "2026-11-22T18:00:10Z"), json!(false), "the same second proves nothing");
    assert_eq!(place(wrote, "not yet"), json!(false));
    assert_eq!(place(json!([]), "2026-11-22T18:00:11Z"), Value::Null, "no record of it");
}

#[test]
fn a_store_is_the_same_wherever_it_is_mounted() {
    let place = |spec: Value| location("c", &json!({"metadata": {"name": "l"}, "spec": spec})).expect("a location");
    let one = place(json!({"provider": "velero.io/aws", "objectStorage": {"bucket": "b", "prefix": "/x/"}}));
    let two =
        place(json!({"provider": "aws", "objectStorage": {"bucket": "b", "prefix": "x"}, "config": {"region": "eu"}}));
    assert_eq!((one.store.as_str(), one.store == two.store), ("aws:b/x", true));
    let mine =
        place(json!({"provider": "aws", "objectStorage": {"bucket": "b"}, "config": {"s3Url": "https://m.example/"}}));
    assert_eq!((mine.store.as_str(), mine.endpoint.as_str()), ("aws:b", "https://m.example"));
    assert!(place(json!({"provider": "aws"})).store.is_empty());
    assert_eq!(place(json!({"backupSyncPeriod": "0s"})).sync_every_s, 0);
}

#[test]
fn why_a_restore_was_refused_is_all_said() {
    let it = restore(
        "c",
        &json!({"metadata": {"name": "r"}, "status": {"phase": "FailedValidation",
        "validationErrors": ["one", "two", "three", "four", "five"]}}),
    );
    assert_eq!(it.expect("a restore").failure, "one; two; three; and 2 more");
}

#[test]
fn what_velero_itself_excludes_is_nobodys_choice() {
    // As Velero 1.18 leaves a backup and a restore of which nobody excluded anything.
    let held = restore_point(
        "c",
        &json!({"metadata": {"name": "b"}, "spec": {
            "excludedNamespaceScopedResources": ["volumesnapshots.snapshot.storage.k8s.io"],
            "excludedClusterScopedResources": ["volumesnapshotcontents.snapshot.storage.k8s.io"],
            "includedNamespaces": ["shop"]},
            "status": {"phase": "Completed", "progress": {"itemsBackedUp": 1516, "totalItems": 1516}}}),
    );
    let held = held.expect("a point");
    assert!(held.left_out.is_empty() && held.limits.is_empty(), "{held:?}");
    assert_eq!(held.items, Some(1516));
    let asked = |spec: Value| restore("c", &json!({"metadata": {"name": "r"}, "spec": spec})).expect("a restore").scope;
    let plain = asked(json!({"backupName": "b", "includedNamespaces": ["shop"], "scheduleName": "shop-5m",
        "excludedResources": ["nodes", "events", "events.events.k8s.io", "backups.velero.io", "restores.velero.io",
            "resticrepositories.velero.io", "csinodes.storage.k8s.io", "volumeattachments.storage.k8s.io",
            "backuprepositories.velero.io"]}));
    assert!(plain.less.is_empty(), "{plain:?}");
    for (spec, less) in [
        (json!({"excludedResources": ["nodes", "persistentvolumeclaims"]}), "without persistentvolumeclaims"),
        (json!({"restorePVs": false}), "without volumes"),
        (json!({"includeClusterResources": false}), "without cluster-scoped objects, volumes among them"),
        (json!({"includedResources": ["configmaps"]}), "only configmaps"),
        (json!({"labelSelector": {"matchLabels": {"app": "web"}}}), "only what is labelled app=web"),
        (json!({"orLabelSelectors": [{"matchLabels": {"a": "b"}}]}), "only what is labelled a=b"),
        (json!({"namespaceMapping": {"shop": "t", "pay": "t"}}), "several namespaces were restored into t"),
        (json!({"includedNamespaces": "all"}), "its includedNamespaces can't be read"),
    ] {
        assert_eq!(asked(spec).less, [less]);
    }
    for whole in [
        json!({"namespaceMapping": {"shop": "shop-test"}}),
        json!({"restorePVs": true}),
        json!({"includedNamespaces": ["*"]}),
    ] {
        assert!(asked(whole).less.is_empty(), "beside what runs is a whole test");
    }
}

#[test]
fn a_backup_of_nothing_has_no_items_and_one_without_progress_was_not_counted() {
    let items = |status: Value| {
        restore_point("c", &json!({"metadata": {"name": "b"}, "status": status})).expect("a point").items
    };
    assert_eq!(items(json!({"progress": {}})), Some(0), "zeros are left out");
    assert_eq!(items(json!({"progress": {"totalItems": 0, "itemsBackedUp": 0}})), Some(0));
    assert_eq!(items(json!({"progress": {"totalItems": 7, "itemsBackedUp": 5}})), Some(7));
    assert_eq!(items(json!({})), None);
}

#[test]
fn how_a_restore_stands_is_read_whole() {
    let it = restored(&json!({"status": {"phase": "Failed", "failureReason": "the server was restarted",
        "progress": {"itemsRestored": 193, "totalItems": 1510}, "warnings": 3, "errors": 1}}));
    assert_eq!(
        (it.items, it.of, it.warnings, it.errors, it.why.as_str()),
        (193, 1510, 3, 1, "the server was restarted")
    );
    assert_eq!(restored(&json!({"status": {"phase": "Completed"}})).brought(), 0);
}

#[test]
fn a_volume_names_what_owns_it_whole_although_its_label_is_cut() {
    let long = "shop-with-all-of-its-databases-and-message-queues-hourly-20261122180000";
    let volume = |owner: Value| {
        let labels = json!({"velero.io/backup-name": "cut-b", "velero.io/restore-name": "cut-r"});
        json!({"metadata": {"name": "v", "labels": labels, "ownerReferences": owner}})
    };
    let owned = |kind: &str| volume(json!([{"kind": "Pod", "name": "p"}, {"kind": kind, "name": long}]));
    assert_eq!(volume_backup("c", &owned("Backup")).expect("a volume").backup, long);
    assert_eq!(volume_restore("c", &owned("Restore")).expect("a volume").restore, long);
    assert_eq!(data_download("c", &owned("Restore")).expect("a volume").0.restore, long);
    for none in [json!([]), Value::Null, json!([{"kind": "Restore"}])] {
        assert_eq!(volume_backup("c", &volume(none.clone())).expect("a volume").backup, "cut-b");
        assert_eq!(volume_restore("c", &volume(none)).expect("a volume").restore, "cut-r");
    }
}
