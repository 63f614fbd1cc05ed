//! What is concluded of locations, volumes and restores.

use super::*;

fn location_row(board: &Board, now: Stamp, cluster: &str) -> (Verdict, String) {
    let judged = board.judge(now);
    let row = row(&judged, Topic::Backups, &format!("location/{cluster}/default"));
    (row.verdict, row.why.to_string())
}

fn place(cluster: &str, now: Stamp, change: impl FnOnce(&mut Location)) -> Location {
    let mut it = location(cluster, now - TimeDelta::seconds(20));
    change(&mut it);
    it
}

#[test]
fn two_clusters_that_write_to_one_bucket_collect_each_others_backups() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    let bucket = |it: &mut Location| it.store = "aws:shop-backups/shop".into();
    board.fact("velero/primary", now, place("primary", now, bucket));
    assert_eq!(location_row(&board, now, "primary"), (Verdict::Ok, String::new()), "another bucket");
    board.fact("velero/dr", now, place("dr", now, bucket));
    for (cluster, other) in [("primary", "dr"), ("dr", "primary")] {
        let (verdict, why) = location_row(&board, now, cluster);
        assert_eq!(verdict, Verdict::Warning);
        assert!(why.contains(&format!("read-write on {other}/default too")), "{why}");
    }
    let read_only = |it: &mut Location| {
        it.store = "aws:shop-backups/shop".into();
        it.access_mode = Open::new("ReadOnly");
    };
    board.fact("velero/dr", now, place("dr", now, read_only));
    assert_eq!(location_row(&board, now, "primary"), (Verdict::Ok, String::new()));
    // The same name at another server may be another bucket: said, not judged.
    let elsewhere = |it: &mut Location| {
        it.store = "aws:shop-backups/shop".into();
        it.endpoint = "https://minio.example".into();
    };
    board.fact("velero/dr", now, place("dr", now, elsewhere));
    let (verdict, why) = location_row(&board, now, "primary");
    assert_eq!(verdict, Verdict::Ok);
    assert!(why.contains("may write to the same bucket"), "{why}");
}

#[test]
fn a_location_is_doubted_for_its_own_reason() {
    let now = at("14:37:00");
    type Case = (&'static str, Verdict, fn(&mut Location));
    let cases: [Case; 9] = [
        ("never validated", Verdict::Unknown, |it| it.phase = Open::default()),
        ("is Unavailable", Verdict::Critical, |it| it.phase = Open::new("Unavailable")),
        ("is Melting", Verdict::Unknown, |it| it.phase = Open::new("Melting")),
        ("Velero may be dead", Verdict::Warning, |it| it.last_validated = Some(at("14:33:00"))),
        ("validation is off", Verdict::Info, |it| it.validation_every_s = 0),
        ("synchronisation is off", Verdict::Warning, |it| it.sync_every_s = 0),
        ("not synchronised for too long", Verdict::Warning, |it| it.last_synced = Some(at("14:33:00"))),
        ("never synchronised", Verdict::Unknown, |it| it.last_synced = None),
        ("access mode WriteOnly is not known", Verdict::Unknown, |it| it.access_mode = Open::new("WriteOnly")),
    ];
    for (part, expected, change) in cases {
        let mut board = all_well(now);
        board.fact("velero/dr", now, place("dr", now, change));
        let (verdict, why) = location_row(&board, now, "dr");
        assert_eq!(verdict, expected, "{part}: {why}");
        assert!(why.contains(part), "{part}: {why}");
    }
    // Four minutes are not late for something that happens every two.
    let mut board = all_well(now);
    let slow = |it: &mut Location| {
        (it.validation_every_s, it.last_validated) = (120, Some(at("14:33:00")));
    };
    board.fact("velero/dr", now, place("dr", now, slow));
    assert_eq!(location_row(&board, now, "dr").0, Verdict::Ok);
}

#[test]
fn a_location_is_judged_by_the_clock_of_its_cluster() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    // The cluster's clock is ten minutes behind: what it wrote just now looks old to us.
    let mut plane = control_plane("dr", true);
    plane.skew_ms = Some(-600_000);
    board.fact("kubernetes/dr", now, plane);
    let behind = |it: &mut Location| {
        (it.last_validated, it.last_synced) = (Some(at("14:26:40")), Some(at("14:26:40")));
    };
    board.fact("velero/dr", now, place("dr", now, behind));
    assert_eq!(location_row(&board, now, "dr"), (Verdict::Ok, String::new()));
    let dead = |it: &mut Location| it.last_validated = Some(at("14:20:00"));
    board.fact("velero/dr", now, place("dr", now, dead));
    assert!(location_row(&board, now, "dr").1.contains("Velero may be dead"));
}

#[test]
fn a_read_only_location_with_an_upload_to_it_is_a_warning() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    board.fact("velero/dr", now, place("dr", now, |it| it.access_mode = Open::new("ReadOnly")));
    assert_eq!(location_row(&board, now, "dr").0, Verdict::Ok);
    let mut uploading = backup("dr", "own-1430", at("14:30:00"));
    uploading.phase = Open::new("WaitingForPluginOperationsPartiallyFailed");
    board.fact("velero/dr", now, uploading);
    let (verdict, why) = location_row(&board, now, "dr");
    assert_eq!(verdict, Verdict::Warning);
    assert!(why.contains("1 backup upload"), "{why}");
}

fn volume(n: u32, phase: &str) -> Fact {
    Fact::from(VolumeBackup {
        cluster: "dr".into(),
        name: format!("shop-hourly-1429-{n}").as_str().into(),
        backup: "shop-hourly-1429".into(),
        phase: Open::new(phase),
        started: None,
    })
}

#[test]
fn where_volumes_are_is_said_only_as_far_as_it_is_proven() {
    let now = at("14:37:00");
    let judge = |by_backup: OffSite, volumes: Option<&[&str]>| {
        let mut board = all_well(now);
        let mut it = backup("dr", "shop-hourly-1429", at("14:29:00"));
        it.off_site = by_backup;
        board.fact("velero/dr", now, it);
        if let Some(phases) = volumes {
            let facts = phases.iter().enumerate().map(|(n, phase)| volume(n as u32, phase)).collect();
            board.list("velero/dr", now, FactKind::VolumeBackup, facts);
        }
        let judged = board.judge(now);
        let it = row(&judged, Topic::Backups, "schedule/shop-hourly");
        let RowBody::Backup(BackupRow { point: Some(point), .. }) = &it.body else { panic!() };
        (point.off_site, it.verdict)
    };
    use OffSite as O;
    for (by_backup, volumes, expected, verdict) in [
        (O::Yes, None, O::Yes, Verdict::Ok),
        (O::No, Some(&["Completed"][..]), O::No, Verdict::Warning),
        (O::NoVolumes, None, O::Unknown, Verdict::Unknown),
        (O::NoVolumes, Some(&[]), O::NoVolumes, Verdict::Info),
        (O::NoVolumes, Some(&["Completed", "Completed"]), O::Yes, Verdict::Ok),
        (O::NoVolumes, Some(&["Completed", "Failed"]), O::Unknown, Verdict::Unknown),
        (O::Yes, Some(&["InProgress"]), O::Unknown, Verdict::Unknown),
        (O::Unknown, Some(&["Completed"]), O::Unknown, Verdict::Unknown),
    ] {
        assert_eq!(judge(by_backup, volumes), (expected, verdict), "{by_backup:?} with {volumes:?}");
    }
}

#[test]
fn the_next_run_is_by_the_schedule_and_none_while_it_does_not_run() {
    let now = at("14:37:00");
    let next = |change: fn(&mut Schedule)| {
        let mut board = all_well(now);
        let mut it = schedule("primary");
        change(&mut it);
        board.list("velero/primary", now, FactKind::Schedule, vec![it.into()]);
        let judged = board.judge(now);
        match &row(&judged, Topic::Backups, "schedule/shop-hourly").body {
            RowBody::Backup(BackupRow { next_run, .. }) => *next_run,
            _ => panic!(),
        }
    };
    assert_eq!(next(|_| {}), Some(at("15:29:00")));
    assert_eq!(next(|it| it.cron = "CRON_TZ=Asia/Kolkata 0 21 * * *".into()), Some(at("15:30:00")));
    assert_eq!(next(|it| it.cron = "@every 3m".into()), Some(at("14:38:00")), "counted from the last one");
    assert_eq!(next(|it| it.paused = true), None);
    assert_eq!(next(|it| it.phase = Open::new("FailedValidation")), None);
    assert_eq!(next(|it| it.cron = "soon".into()), None);
}

fn restore_why(board: &Board, now: Stamp, name: &str) -> (Verdict, String) {
    let judged = board.judge(now);
    let row = row(&judged, Topic::Backups, &format!("restore/dr/{name}"));
    (row.verdict, row.why.to_string())
}

fn named(name: &str, phase: &str, started: Stamp) -> Restore {
    Restore { name: name.into(), ..restore(phase, started, None) }
}

#[test]
fn a_restore_of_which_nothing_moves_for_ten_minutes_is_stuck() {
    let begun = at("14:50:00");
    let mut board = all_well(begun);
    board.fact("velero/dr", begun, named("r", "InProgress", begun));
    let look = |board: &mut Board, clock: &str| {
        board.see("velero/dr", at(clock), SourceChange::Alive);
        restore_why(board, at(clock), "r")
    };
    assert_eq!(look(&mut board, "14:59:00"), (Verdict::Info, "InProgress".into()));
    let (verdict, why) = look(&mut board, "15:01:00");
    assert!(verdict == Verdict::Warning && why.contains("nothing has moved"), "{why}");
    // The same objects again are no movement.
    board.fact("velero/dr", at("15:02:00"), named("r", "InProgress", begun));
    assert_eq!(look(&mut board, "15:02:30").0, Verdict::Warning);
    // A volume that moves is.
    let bytes = |done| VolumeRestore {
        cluster: "dr".into(),
        name: "r-x".into(),
        restore: "r".into(),
        phase: Open::new("InProgress"),
        bytes_done: done,
        bytes_total: 100,
    };
    board.fact("velero/dr", at("15:03:00"), bytes(10));
    assert_eq!(look(&mut board, "15:03:10").0, Verdict::Warning, "its first sight proves no movement");
    board.fact("velero/dr", at("15:04:00"), bytes(20));
    assert_eq!(look(&mut board, "15:13:00").0, Verdict::Info);
    board.fact("velero/dr", at("15:13:30"), DataDownload(VolumeRestore { name: "d".into(), ..bytes(50) }));
    let judged = board.judge(at("15:13:30"));
    let RowBody::Restore(it) = &row(&judged, Topic::Backups, "restore/dr/r").body else { panic!() };
    assert_eq!((it.volumes_total, it.volumes_done, it.bytes_done, it.bytes_total), (2, 0, 70, 200));
    assert_eq!(it.moved, Some(at("15:04:00")));
    // Silence of ours is staleness, not its standing still.
    let judged = board.judge(at("15:40:00"));
    let it = row(&judged, Topic::Backups, "restore/dr/r");
    assert!(it.stale && !it.why.as_str().contains("nothing has moved"), "{}", it.why);
    // Over: nothing is stuck any more.
    board.fact("velero/dr", at("15:41:00"), named("r", "Failed", begun));
    assert_eq!(look(&mut board, "15:59:00").0, Verdict::Critical);
}

#[test]
fn a_stuck_restore_is_remembered_once() {
    let begun = at("14:50:00");
    let mut board = all_well(begun);
    board.fact("velero/dr", begun, named("r", "InProgress", begun));
    let mut old = board.judge(begun);
    let mut said = Vec::new();
    for clock in ["14:55:00", "15:00:30", "15:01:00", "15:05:00"] {
        board.see("velero/dr", at(clock), SourceChange::Alive);
        let new = board.judge(at(clock));
        said.extend(
            find_transitions(&old, &new, &rules(), at(clock))
                .into_iter()
                .filter(|it| it.edge == TransitionKind::RestoreStuck),
        );
        old = new;
    }
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].says.as_str().contains("Restore r of shop-hourly-1429 on dr is stuck"));
}

#[test]
fn restores_wait_for_each_other() {
    let now = at("15:00:00");
    let mut board = all_well(now);
    board.fact("velero/dr", now, Restore { started: None, ..named("second", "", at("14:58:00")) });
    assert_eq!(restore_why(&board, now, "second"), (Verdict::Info, "not picked up by Velero yet".into()));
    board.fact("velero/dr", now, named("first", "WaitingForPluginOperations", at("14:50:00")));
    let (verdict, why) = restore_why(&board, now, "second");
    assert_eq!((verdict, why.as_str()), (Verdict::Warning, "queued behind first: Velero restores one at a time"));
    let mut alone = all_well(now);
    alone.fact("velero/dr", now, Restore { started: None, ..named("old", "", at("14:40:00")) });
    assert!(restore_why(&alone, now, "old").1.contains("Velero may be dead"));
}

#[test]
fn how_a_restore_ended_is_never_better_than_it_was() {
    let now = at("15:00:00");
    let ended = |change: fn(&mut Restore)| {
        let mut it = named("r", "Completed", at("14:50:00"));
        change(&mut it);
        let mut board = all_well(now);
        board.fact("velero/dr", now, it);
        restore_why(&board, now, "r")
    };
    assert_eq!(ended(|_| {}).0, Verdict::Ok);
    assert_eq!(ended(|it| it.warnings = 1).0, Verdict::Warning);
    let (verdict, why) = ended(|it| (it.items_done, it.items_total) = (0, 0));
    assert!(verdict == Verdict::Warning && why.contains("0 items: nothing was restored"), "{why}");
    let (verdict, why) = ended(|it| (it.items_done, it.items_total, it.warnings) = (3, 3, 3));
    assert!(verdict == Verdict::Warning && why.contains("nothing was restored: 3 of 3 items, 3 warnings"), "{why}");
    let (verdict, why) = ended(|it| (it.phase, it.errors) = (Open::new("PartiallyFailed"), 2));
    assert!(verdict == Verdict::Critical && why.contains("2 errors"), "{why}");
    let failed = ended(|it| {
        (it.phase, it.failure) = (Open::new("FailedValidation"), "No backups found for schedule; and another".into());
    });
    assert_eq!(failed, (Verdict::Critical, "FailedValidation: No backups found for schedule; and another".into()));
    let odd = ended(|it| it.phase = Open::new("Hibernating"));
    assert!(odd.0 == Verdict::Unknown && odd.1.contains("phase Hibernating is not known"), "{odd:?}");
    assert_eq!(ended(|it| it.phase = Open::new("FinalizingPartiallyFailed")).0, Verdict::Warning);
}

#[test]
fn a_failed_restore_needs_nobody_once_a_later_one_is_good_or_it_is_days_old() {
    let now = at("15:00:00");
    let judged = |begun: Stamp, later: Option<Restore>| {
        let mut board = all_well(now);
        board.fact("velero/dr", now, Restore { completed: Some(begun), ..named("r", "PartiallyFailed", begun) });
        if let Some(it) = later {
            board.fact("velero/dr", now, it);
        }
        restore_why(&board, now, "r")
    };
    let begun = at("14:40:00");
    let good =
        || Restore { items_done: 20, completed: Some(at("14:52:00")), ..named("s", "Completed", at("14:50:00")) };
    assert_eq!(judged(begun, None).0, Verdict::Critical);
    let (verdict, why) = judged(begun, Some(good()));
    assert!(verdict == Verdict::Info && why.contains("s was restored after it"), "{why}");
    for no_better in [
        Restore { warnings: 20, ..good() },
        Restore { items_done: 0, ..good() },
        Restore { started: Some(at("14:30:00")), ..good() },
        Restore { backup: "ledger-1429".into(), ..good() },
        Restore { phase: Open::new("InProgress"), ..good() },
    ] {
        assert_eq!(judged(begun, Some(no_better)).0, Verdict::Critical);
    }
    assert_eq!(judged(now - TimeDelta::hours(71), None).0, Verdict::Critical, "over a weekend");
    assert_eq!(judged(now - TimeDelta::hours(73), None).0, Verdict::Info);
}

#[test]
fn restores_that_are_left_out_are_counted_and_none_that_runs_is_among_them() {
    let now = at("15:00:00");
    let mut board = all_well(now);
    let old = |n: i64| Restore {
        completed: Some(now),
        ..named(&format!("r-{n:03}"), "Completed", now - TimeDelta::hours(n))
    };
    let mut facts: Vec<Fact> = (1..=230).map(|n| old(n).into()).collect();
    facts.push(named("long", "InProgress", now - TimeDelta::hours(900)).into());
    board.list("velero/dr", now, FactKind::Restore, facts);
    let view = board.judge_topic(Topic::Backups, now);
    assert_eq!(view.dropped, 31);
    assert_eq!(view.total, view.rows.len() as u64 + 31);
    assert!(view.rows.iter().any(|row| row.id == "restore/dr/long"));
}

#[test]
fn a_schedules_copy_on_the_dr_cluster_does_not_speak_for_it() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    board.list("velero/dr", now, FactKind::Schedule, vec![Schedule { paused: true, ..schedule("dr") }.into()]);
    let judged = board.judge(now);
    let it = row(&judged, Topic::Backups, "schedule/shop-hourly");
    assert!(matches!(it.body, RowBody::Backup(BackupRow { paused: false, next_run: Some(_), .. })), "{it:?}");
}
