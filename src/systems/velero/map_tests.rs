//! Objects of Velero, as recorded and as nobody would write them.

use super::map::*;
use super::*;
use crate::model::facts::OffSite;
use crate::systems::kubernetes::object::{at, items};
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
