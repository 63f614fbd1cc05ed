//! What counts as a restore point, for which service, and how old it is: scopes, counts, sets of backups, clocks.

use super::*;

fn shop_row(board: &Board, now: Stamp, id: &str) -> Row {
    row(&board.judge(now), Topic::Backups, id).clone()
}

fn point_of(row: &Row) -> Option<String> {
    match &row.body {
        RowBody::Backup(BackupRow { point, .. }) => point.as_ref().map(|it| it.name.to_string()),
        RowBody::Service(ServiceRow { restore_point, .. }) => restore_point.as_ref().map(|it| it.name.to_string()),
        _ => None,
    }
}

/// Everything well, with these backups on DR and none elsewhere.
fn only(now: Stamp, points: Vec<RestorePoint>) -> Board {
    let mut board = all_well(now);
    board.list("velero/primary", now, FactKind::RestorePoint, vec![]);
    board.list("velero/dr", now, FactKind::RestorePoint, points.into_iter().map(Fact::from).collect());
    board
}

fn made(name: &str, started: &str, change: impl FnOnce(&mut RestorePoint)) -> RestorePoint {
    let mut point = backup("dr", name, at(started));
    change(&mut point);
    point
}

#[test]
fn a_backup_of_nothing_is_no_restore_point() {
    let now = at("14:37:00");
    let judged = |items| {
        let board = only(now, vec![made("shop-hourly-1429", "14:29:00", |it| it.items = items)]);
        shop_row(&board, now, "schedule/shop-hourly")
    };
    let empty = judged(Some(0));
    assert_eq!((empty.verdict, point_of(&empty)), (Verdict::Critical, None));
    assert!(empty.why.as_str().contains("Completed with 0 items: nothing is in it"), "{}", empty.why);
    assert!(point_of(&judged(Some(1))).is_some());
    assert!(point_of(&judged(None)).is_some(), "not counted is not empty");
}

#[test]
fn a_start_in_the_future_is_nobodys_age() {
    let now = at("14:37:00");
    let ahead = |started| made("shop-hourly-new", started, |_| {});
    let board = only(now, vec![ahead("14:44:00")]);
    let alone = shop_row(&board, now, "schedule/shop-hourly");
    assert_eq!((alone.verdict, point_of(&alone)), (Verdict::Unknown, None), "doubt is no proof that there is none");
    assert!(alone.why.as_str().contains("in the future (14:44:00 UTC): a clock is wrong"), "{}", alone.why);
    let service = row(&board.judge(now), Topic::Services, "shop").clone();
    assert!(point_of(&service).is_none() && service.verdict == Verdict::Unknown, "{service:?}");
    // An older one that is sound speaks for the age; the other is named.
    let board = only(now, vec![ahead("14:44:00"), made("shop-hourly-1429", "14:29:00", |_| {})]);
    let beside = shop_row(&board, now, "schedule/shop-hourly");
    assert_eq!(point_of(&beside).as_deref(), Some("shop-hourly-1429"));
    assert!(
        matches!(&beside.body, RowBody::Backup(BackupRow { newer: Some((name, _)), .. }) if *name == "shop-hourly-new")
    );
    // Clocks that agree differ by so much.
    let board = only(now, vec![ahead("14:37:40")]);
    assert!(point_of(&shop_row(&board, now, "schedule/shop-hourly")).is_some());
    // The clock of the cluster that stamped it is known to be ahead: its times are put right.
    let mut board = only(now, vec![ahead("14:44:00")]);
    let mut plane = control_plane("primary", true);
    plane.skew_ms = Some(600_000);
    board.fact("kubernetes/primary", now, plane);
    match shop_row(&board, now, "schedule/shop-hourly").body {
        RowBody::Backup(BackupRow { point: Some(point), .. }) => assert_eq!(point.started, at("14:34:00")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_location_validated_in_the_future_proves_nothing() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    board.fact("velero/dr", now, location("dr", at("16:00:00")));
    let place = shop_row(&board, now, "location/dr/default");
    assert!(place.verdict >= Verdict::Unknown && place.why.as_str().contains("a clock is wrong"), "{place:?}");
}

/// Two namespaces, and a schedule for each.
fn two_parts(now: Stamp, change: impl FnOnce(&mut Vec<RestorePoint>)) -> Board {
    let mut points = vec![
        made("shop-hourly-1429", "14:29:00", |_| {}),
        made("pay-hourly-1415", "14:15:00", |it| {
            it.schedule = Some("pay-hourly".into());
            it.included_namespaces = vec!["pay".into()];
        }),
    ];
    change(&mut points);
    let mut board = only(now, points);
    let mut objective = objective();
    objective.schedules = vec!["shop-hourly".into(), "pay-hourly".into()];
    objective.namespaces = vec!["shop".into(), "pay".into()];
    objective.rpo_s = 3_600;
    board.setup.objectives = vec![objective];
    board
}

#[test]
fn several_schedules_cover_a_service_together_and_the_oldest_part_counts() {
    let now = at("14:37:00");
    let board = two_parts(now, |_| {});
    for (id, name) in [("schedule/shop-hourly", "shop-hourly-1429"), ("schedule/pay-hourly", "pay-hourly-1415")] {
        let part = shop_row(&board, now, id);
        assert_eq!(point_of(&part).as_deref(), Some(name), "{part:?}");
    }
    let service = row(&board.judge(now), Topic::Services, "shop").clone();
    assert_eq!(point_of(&service).as_deref(), Some("pay-hourly-1415"), "what is lost is what the oldest part lacks");
    assert!(matches!(&service.body, RowBody::Service(ServiceRow { with, .. }) if with[0].name == "shop-hourly-1429"));
    // A part that is missing leaves nothing of the whole.
    let board = two_parts(now, |points| points.truncate(1));
    let alone = shop_row(&board, now, "schedule/shop-hourly");
    assert_eq!((alone.verdict, point_of(&alone)), (Verdict::Critical, None));
    assert!(alone.why.as_str().contains("does not cover namespace pay"), "{}", alone.why);
    assert_eq!(point_of(row(&board.judge(now), Topic::Services, "shop")), None);
    // One backup of both is enough where it is as new as the oldest part.
    let whole = |started: &'static str| {
        let board = two_parts(now, |points| {
            points.push(made("all", started, |it| it.included_namespaces = vec!["*".into()]));
        });
        point_of(row(&board.judge(now), Topic::Services, "shop")).expect("a point")
    };
    assert_eq!(whole("14:20:00"), "all");
    assert_eq!(whole("14:00:00"), "pay-hourly-1415", "together they lose less");
}

#[test]
fn a_backup_on_demand_counts_by_what_it_covers() {
    let now = at("14:37:00");
    let on_demand = |namespaces: &[&str]| {
        let namespaces = namespaces.iter().map(|it| (*it).into()).collect();
        let it = made("before-upgrade", "14:35:00", |it| {
            it.schedule = None;
            it.included_namespaces = namespaces;
        });
        only(now, vec![made("shop-hourly-1429", "14:29:00", |_| {}), it])
    };
    let board = on_demand(&["shop", "other"]);
    assert_eq!(point_of(row(&board.judge(now), Topic::Services, "shop")).as_deref(), Some("before-upgrade"));
    let own = shop_row(&board, now, "on-demand/shop");
    assert_eq!((own.verdict, point_of(&own).as_deref()), (Verdict::Ok, Some("before-upgrade")));
    // Of something else: it is shown, and is nobody's restore point.
    let board = on_demand(&["other"]);
    assert_eq!(point_of(row(&board.judge(now), Topic::Services, "shop")).as_deref(), Some("shop-hourly-1429"));
    assert!(point_of(&shop_row(&board, now, "on-demand")).is_some());
}

#[test]
fn a_schedule_that_a_service_names_and_nobody_has_is_said_with_the_nearest_name() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    board.setup.objectives[0].schedules = vec!["shop-hourly".into(), "shop-houry".into()];
    let absent = shop_row(&board, now, "schedule/shop-houry");
    assert!(absent.verdict >= Verdict::Warning, "{absent:?}");
    assert!(absent.why.as_str().contains("primary has no schedule shop-houry"), "{}", absent.why);
    assert!(absent.why.as_str().contains("nearest name there is shop-hourly"), "{}", absent.why);
    assert!(!shop_row(&board, now, "schedule/shop-hourly").why.as_str().contains("has no schedule"));
    // Deleted: its backups are still there, and nothing new will come.
    let mut board = all_well(now);
    board.list("velero/primary", now, FactKind::Schedule, vec![]);
    let gone = shop_row(&board, now, "schedule/shop-hourly");
    assert!(gone.verdict == Verdict::Warning && gone.why.as_str().contains("no new backup will be made"), "{gone:?}");
    // Not heard is not deleted.
    let later = at("14:40:00");
    let silent = shop_row(&board, later, "schedule/shop-hourly");
    assert!(!silent.why.as_str().contains("has no schedule"), "{silent:?}");
}

#[test]
fn why_dr_does_not_have_a_restore_point_is_said_where_it_is_known() {
    let now = at("14:37:00");
    let why = |change: fn(&mut Board, Stamp)| {
        let mut board = all_well(now);
        board.list("velero/dr", now, FactKind::RestorePoint, vec![]);
        change(&mut board, now);
        shop_row(&board, now, "schedule/shop-hourly").why.to_string()
    };
    let shared = |board: &mut Board, now: Stamp| {
        let place = |cluster: &str| Location { store: "aws:b".into(), ..location(cluster, now) };
        board.list("velero/primary", now, FactKind::Location, vec![place("primary").into()]);
        board.list("velero/dr", now, FactKind::Location, vec![place("dr").into()]);
    };
    assert!(why(shared).contains("nothing usable on dr yet"), "{}", why(shared));
    assert!(why(|_, _| {}).contains("nor will there be"), "no location of dr is that bucket: {}", why(|_, _| {}));
    let renamed = |board: &mut Board, now: Stamp| {
        let orphan = made("shop-hourly-1429", "14:29:00", |it| it.location = "old".into());
        board.list("velero/dr", now, FactKind::RestorePoint, vec![orphan.into()]);
    };
    assert!(why(renamed).contains("its location old is not known on dr"), "{}", why(renamed));
}

#[test]
fn a_backup_that_the_primary_deletes_is_given_up_before_dr_has_heard() {
    let now = at("14:37:00");
    let given_up = |change: fn(&mut Board, Stamp)| {
        let mut board = all_well(now);
        for cluster in ["primary", "dr"] {
            let place = Location { store: "aws:b".into(), ..location(cluster, now) };
            board.list(&format!("velero/{cluster}"), now, FactKind::Location, vec![place.into()]);
            let old = backup(cluster, "shop-hourly-1329", at("13:29:00"));
            board.list(&format!("velero/{cluster}"), now, FactKind::RestorePoint, vec![old.into()]);
        }
        change(&mut board, now);
        shop_row(&board, now, "schedule/shop-hourly")
    };
    assert!(point_of(&given_up(|_, _| {})).is_some());
    let deleting = given_up(|board, now| {
        let mut it = backup("primary", "shop-hourly-1329", at("13:29:00"));
        it.phase = Open::new("Deleting");
        board.fact("velero/primary", now, it);
    });
    assert!(point_of(&deleting).is_none(), "{deleting:?}");
    let gone = given_up(|board, now| {
        board.list("velero/primary", now, FactKind::RestorePoint, vec![]);
    });
    assert!(point_of(&gone).is_none() && gone.why.as_str().contains("no longer knows it"), "{gone:?}");
    // A primary that is not heard can't take anything away.
    let dead = given_up(|board, now| {
        board.list("velero/primary", now - TimeDelta::minutes(9), FactKind::RestorePoint, vec![]);
        board.see("velero/primary", now, trouble(TroubleKind::Unreachable));
        board.store.source_mut(&source("velero/primary")).alive_at = Some(now - TimeDelta::minutes(9));
    });
    assert!(point_of(&dead).is_some(), "{dead:?}");
}

#[test]
fn restore_points_that_vanish_at_once_are_news() {
    let now = at("14:37:00");
    let many = |n: u32| -> Vec<Fact> {
        (0..n)
            .map(|i| backup("dr", &format!("shop-hourly-{i}"), now - TimeDelta::hours(i64::from(i) + 1)).into())
            .collect()
    };
    let after = |before: u32, left: u32, change: fn(&mut RestorePoint)| {
        let mut board = only(now, vec![]);
        board.vanished = vanished_backups::Vanished::default();
        let facts = many(before).into_iter().map(|fact| match fact {
            Fact::RestorePoint(mut it) => {
                change(&mut it);
                it.into()
            }
            other => other,
        });
        board.list("velero/dr", now, FactKind::RestorePoint, facts.collect());
        let old = board.judge(now);
        let later = now + TimeDelta::seconds(20);
        board.list("velero/dr", later, FactKind::RestorePoint, many(left));
        let new = board.judge(later);
        let said: Vec<String> =
            find_transitions(&old, &new, &rules(), later).iter().map(|it| it.says.to_string()).collect();
        let row = row(&new, Topic::Backups, "schedule/shop-hourly").clone();
        (row, said.into_iter().filter(|it| it.contains("vanished")).count())
    };
    let (row, said) = after(9, 4, |_| {});
    assert!(row.verdict >= Verdict::Warning, "{row:?}");
    assert!(
        row.why.as_str().contains("5 restore points that had not expired vanished from dr at 14:37:20 UTC"),
        "{row:?}"
    );
    assert_eq!(said, 1);
    assert_eq!(after(9, 8, |_| {}).1, 0, "one that goes is somebody's wish");
    assert_eq!(after(2, 0, |_| {}).1, 1, "the last ones");
    assert_eq!(after(9, 4, |it| it.expires = Some(at("14:37:10"))).1, 0, "expired ones are meant to go");
    assert_eq!(after(9, 4, |it| it.phase = Open::new("Failed")).1, 0);
}

fn under_way(name: &str, phase: &str, started: Option<&str>) -> RestorePoint {
    let mut it = backup("primary", name, at("14:00:00"));
    it.phase = Open::new(phase);
    it.started = started.map(at);
    it.created = started.map(at).or(Some(at("13:50:00")));
    it.completed = None;
    it
}

#[test]
fn a_backup_that_hangs_is_named_with_those_that_wait_behind_it() {
    let now = at("14:37:00");
    let judged = |points: Vec<RestorePoint>| {
        let mut board = all_well(now);
        board.setup.objectives.clear();
        for point in points {
            board.fact("velero/primary", now, point);
        }
        shop_row(&board, now, "schedule/shop-hourly")
    };
    for phase in ["InProgress", "WaitingForPluginOperations", "FinalizingPartiallyFailed", "SomethingNew"] {
        let young = judged(vec![under_way("x", phase, Some("14:30:00"))]);
        assert!(!young.why.as_str().contains("x is"), "{phase}: {young:?}");
        let old = judged(vec![under_way("x", phase, Some("12:30:00")), under_way("y", "New", None)]);
        assert!(old.verdict >= Verdict::Warning, "{phase}: {old:?}");
        let says = format!("x is {phase} since 12:30:00 UTC, 1 waits behind it");
        assert!(old.why.as_str().contains(&says), "{phase}: {}", old.why);
        assert!(
            matches!(&old.body, RowBody::Backup(BackupRow { newer: Some((name, _)), .. }) if *name == "x"),
            "{old:?}"
        );
    }
    // The one that blocks may be another schedule's.
    let mut other = under_way("other-1", "InProgress", Some("09:00:00"));
    other.schedule = Some("other".into());
    let behind = judged(vec![other, under_way("y", "Queued", None)]);
    assert!(behind.why.as_str().contains("y waits behind other-1, which is InProgress since 09:00:00"), "{behind:?}");
    for phase in ["", "New", "Queued", "ReadyToStart"] {
        let alone = judged(vec![under_way("y", phase, None)]);
        assert!(alone.why.as_str().contains("not picked up: Velero may be dead"), "{phase}: {alone:?}");
    }
    let mut going = under_way("z", "Deleting", Some("09:00:00"));
    going.written = Some(at("11:00:00"));
    assert!(judged(vec![going]).why.as_str().contains("z is being deleted since 11:00:00"));
}

#[test]
fn two_runs_that_leave_nothing_usable_are_a_warning_without_any_objective() {
    let now = at("17:00:00");
    let judged = |newest: &str| {
        let mut board = all_well(now);
        board.setup.objectives.clear();
        board.list("velero/dr", now, FactKind::RestorePoint, vec![backup("dr", "ok", at(newest)).into()]);
        let mut failed = backup("primary", "failed", at("16:29:00"));
        failed.phase = Open::new("Failed");
        board.list("velero/primary", now, FactKind::RestorePoint, vec![failed.into()]);
        shop_row(&board, now, "schedule/shop-hourly")
    };
    let old = judged("14:29:00");
    assert!(old.verdict == Verdict::Warning && old.why.as_str().contains("left no usable restore point"), "{old:?}");
    assert_eq!(judged("15:29:00").verdict, Verdict::Ok, "one run may fail");
}

#[test]
fn runs_beyond_the_count_are_more_and_what_velero_makes_up_for_is_said() {
    let now = at("17:00:00");
    let judged = |skip| {
        let mut board = all_well(now);
        let mut it = schedule("primary");
        it.cron = "* * * * *".into();
        it.skip_immediately = skip;
        board.list("velero/primary", now, FactKind::Schedule, vec![it.into()]);
        shop_row(&board, now, "schedule/shop-hourly")
    };
    let row = judged(false);
    assert!(row.why.as_str().contains("more than 100 runs missed, the last was at 14:29:00 UTC"), "{}", row.why);
    assert!(row.why.as_str().contains("one backup for all of them"), "{}", row.why);
    assert!(matches!(row.body, RowBody::Backup(BackupRow { missed_runs: 100, missed_more: true, .. })));
    assert!(judged(true).why.as_str().contains("make up for none (skipImmediately)"));
}

#[test]
fn nothing_is_judged_missing_before_what_it_hangs_on_was_read() {
    let now = at("14:37:00");
    let mut board = board();
    board.see("velero/dr", now, SourceChange::Alive);
    let first = shop_row(&board, now, "schedule/shop-hourly");
    assert_eq!(first.verdict, Verdict::Unknown, "alive is no list: {first:?}");
    board.list("velero/dr", now, FactKind::RestorePoint, vec![backup("dr", "shop-hourly-1429", at("14:29:00")).into()]);
    let half = shop_row(&board, now, "schedule/shop-hourly");
    assert!(half.verdict == Verdict::Unknown && half.why.as_str().contains("is still being read"), "{half:?}");
    assert!(matches!(half.body, RowBody::Backup(BackupRow { overdue: false, .. })));
    board.list("velero/dr", now, FactKind::Location, vec![location("dr", now).into()]);
    assert!(point_of(&shop_row(&board, now, "schedule/shop-hourly")).is_some());
}
