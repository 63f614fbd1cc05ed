//! Tables: what is usable, what counts as at parity, where traffic goes, who is silent.

use super::*;

fn usable(change: impl FnOnce(&mut RestorePoint, &mut Location)) -> Result<(), String> {
    let now = at("14:37:00");
    let mut point = backup("dr", "shop-hourly-1429", at("14:29:00"));
    let mut place = location("dr", now);
    change(&mut point, &mut place);
    let mut board = board();
    for kind in [FactKind::Location, FactKind::RestorePoint] {
        board.list("velero/primary", now, kind, vec![]);
    }
    board.list("velero/dr", now, FactKind::Location, vec![place.into()]);
    board.list("velero/dr", now, FactKind::RestorePoint, vec![point.into()]);
    let judged = board.judge(now);
    let it = row(&judged, Topic::Backups, "schedule/shop-hourly");
    let RowBody::Backup { point, .. } = &it.body else { panic!("{it:?}") };
    let RowBody::Service { restore_point, .. } = &row(&judged, Topic::Services, "shop").body else { panic!() };
    assert_eq!(point, restore_point, "a service's point is that of its only schedule");
    match point {
        Some(_) => {
            assert!(it.verdict < Verdict::Warning, "{it:?}");
            Ok(())
        }
        None => {
            assert_eq!(it.verdict, Verdict::Critical, "{it:?}");
            Err(it.why.to_string())
        }
    }
}

#[test]
fn a_restore_point_is_usable_only_if_everything_about_it_is_proven() {
    assert_eq!(usable(|_, _| {}), Ok(()));
    assert_eq!(usable(|it, _| it.included_namespaces = vec![]), Ok(()), "no list means all namespaces");
    assert_eq!(usable(|it, _| it.included_namespaces = vec!["sh*".into()]), Ok(()));
    assert_eq!(usable(|it, _| it.expires = None), Ok(()));
    assert_eq!(
        usable(|_, place| place.validation_every_s = 0),
        Ok(()),
        "validation off is no heartbeat, not a dead one"
    );
    assert_eq!(usable(|_, place| place.access_mode = Open::new("ReadOnly")), Ok(()));
    type Break = fn(&mut RestorePoint, &mut Location);
    let broken: [(&str, Break); 18] = [
        ("Failed", |it, _| it.phase = Open::new("Failed")),
        ("PartiallyFailed", |it, _| it.phase = Open::new("PartiallyFailed")),
        ("InProgress", |it, _| it.phase = Open::new("InProgress")),
        ("Finalizing", |it, _| it.phase = Open::new("Finalizing")),
        ("WaitingForPluginOperations", |it, _| it.phase = Open::new("WaitingForPluginOperations")),
        ("SomethingNew", |it, _| it.phase = Open::new("SomethingNew")),
        ("not started", |it, _| it.phase = Open::default()),
        ("being deleted", |it, _| it.deleting = true),
        ("being deleted", |it, _| it.phase = Open::new("Deleting")),
        ("expires", |it, _| it.expires = Some(at("15:36:00"))),
        ("location other", |it, _| it.location = "other".into()),
        ("Unavailable", |_, place| place.phase = Open::new("Unavailable")),
        ("never validated", |_, place| place.phase = Open::default()),
        ("Velero may be dead", |_, place| place.last_validated = Some(at("14:33:00"))),
        ("does not cover namespace shop", |it, _| it.included_namespaces = vec!["ledger".into()]),
        ("does not cover namespace shop", |it, _| it.included_namespaces = vec!["sho[p]".into()]),
        ("leaves out namespace shop", |it, _| it.excluded_namespaces = vec!["s*".into()]),
        ("only deployments", |it, _| it.limits = vec!["it holds only deployments".into()]),
    ];
    for (part, change) in broken {
        let why = usable(change).expect_err(part);
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[test]
fn the_newest_usable_point_counts_and_a_newer_one_that_is_not_is_named() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    let mut running = backup("dr", "shop-hourly-1436", at("14:36:00"));
    running.phase = Open::new("InProgress");
    board.fact("velero/dr", now, running);
    board.fact("velero/dr", now, backup("dr", "shop-hourly-1329", at("13:29:00")));
    let judged = board.judge(now);
    let RowBody::Backup { point, newer, cluster, missed_runs, rpo_s, .. } =
        &row(&judged, Topic::Backups, "schedule/shop-hourly").body
    else {
        panic!()
    };
    assert_eq!(point.as_ref().map(|it| it.name.as_str()), Some("shop-hourly-1429"));
    assert_eq!(*newer, Some(("shop-hourly-1436".into(), "InProgress".into())));
    assert_eq!((cluster.as_str(), *missed_runs, *rpo_s), ("dr", 0, Some(900)));
}

#[test]
fn a_point_that_dr_does_not_have_is_a_warning_and_names_where_it_is() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    board.list("velero/dr", now, FactKind::RestorePoint, vec![]);
    let judged = board.judge(now);
    let it = row(&judged, Topic::Backups, "schedule/shop-hourly");
    assert_eq!(it.verdict, Verdict::Warning);
    assert!(it.why.as_str().contains("nothing usable on dr, nor will there be: this one is on primary"), "{}", it.why);
}

#[test]
fn runs_are_missed_by_the_schedule_and_not_while_it_is_paused() {
    let now = at("17:00:00");
    let missed = |change: fn(&mut Schedule)| {
        let mut board = all_well(now);
        let mut it = schedule("primary");
        change(&mut it);
        board.list("velero/primary", now, FactKind::Schedule, vec![it.into()]);
        let judged = board.judge(now);
        let it = row(&judged, Topic::Backups, "schedule/shop-hourly").clone();
        match it.body {
            RowBody::Backup { missed_runs, .. } => (missed_runs, it.why.to_string()),
            _ => panic!(),
        }
    };
    assert_eq!(missed(|_| {}).0, 2);
    assert_eq!(missed(|it| it.cron = "@every 30m".into()).0, 4);
    assert_eq!(missed(|it| it.paused = true).0, 0);
    let (runs, why) = missed(|it| it.cron = "every hour".into());
    assert_eq!(runs, 0);
    assert!(why.contains("can't tell when it runs"), "{why}");
    // A run that was left out on purpose is none that was missed; a schedule that failed validation has none.
    assert_eq!(missed(|it| it.last_skipped = Some(at("15:29:00"))).0, 1);
    assert_eq!(missed(|it| it.phase = Open::new("FailedValidation")).0, 0);
    assert!(missed(|it| it.phase = Open::new("Asleep")).1.contains("phase Asleep is not known"));
    assert!(missed(|_| {}).1.contains("one backup for all of them"));
}

fn parity(change: impl FnOnce(&mut App)) -> (u32, u32, Vec<(SafeText, SafeText)>) {
    let now = at("14:53:00");
    let mut board = board();
    let mut odd = app("shop-odd", "Healthy", now);
    change(&mut odd);
    let facts = vec![app("shop-1", "Healthy", now).into(), odd.into()];
    board.list("argocd/dr", now, FactKind::App, facts);
    let judged = board.judge(now);
    match &row(&judged, Topic::Gitops, "parity/dr").body {
        RowBody::Parity { ok, total, laggards, .. } => (*ok, *total, laggards.clone()),
        _ => panic!(),
    }
}

#[test]
fn an_application_counts_only_if_every_part_of_the_predicate_holds() {
    assert_eq!(parity(|_| {}), (2, 2, vec![]));
    assert_eq!(parity(|it| it.operation_phase = Open::default()).0, 2, "never synced by an operation is fine");
    type Break = fn(&mut App);
    let broken: [(&str, Break); 14] = [
        ("OutOfSync", |it| it.sync = Open::new("OutOfSync")),
        ("sync is unknown", |it| it.sync = Open::new("Unknown")),
        ("not compared yet", |it| it.sync = Open::default()),
        ("Degraded", |it| it.health = Open::new("Degraded")),
        ("Progressing", |it| it.health = Open::new("Progressing")),
        ("Missing", |it| it.health = Open::new("Missing")),
        ("health is not known", |it| it.health = Open::default()),
        ("pending", |it| it.operation_pending = true),
        ("Running", |it| it.operation_phase = Open::new("Running")),
        ("ComparisonError", |it| it.errors = vec!["ComparisonError".into()]),
        ("too long ago", |it| it.reconciled_at = Some(at("14:44:00"))),
        ("never reconciled", |it| it.reconciled_at = None),
        ("another destination", |it| it.destination_matches = false),
        ("deleted", |it| it.deleting = true),
    ];
    for (part, change) in broken {
        let (ok, total, laggards) = parity(change);
        assert_eq!((ok, total, laggards.len()), (1, 2, 1), "{part}");
        assert_eq!(laggards[0].0, "shop-odd");
        assert!(laggards[0].1.as_str().contains(part), "{part}: {}", laggards[0].1);
    }
    assert_eq!(parity(|it| it.reconciled_at = Some(at("14:44:01"))).0, 2, "a second younger than the limit");
}

#[test]
fn stale_applications_are_never_counted_as_well() {
    let judged = all_well(at("14:37:00")).judge(at("14:38:00"));
    let it = row(&judged, Topic::Gitops, "parity/dr");
    assert!(it.stale && it.verdict == Verdict::Unknown, "{it:?}");
    let RowBody::Parity { ok, total, .. } = &it.body else { panic!() };
    assert_eq!((*ok, *total), (0, 12));
}

#[test]
fn traffic_goes_where_the_order_and_known_health_say() {
    let now = at("14:37:00");
    type Change = fn(&mut LoadBalancer, &mut Pool, &mut Pool);
    let table: [(&str, Change, Option<&str>, Verdict); 9] = [
        ("first", |_, _, _| {}, Some("primary"), Verdict::Ok),
        ("second", |_, primary, _| primary.healthy = Some(false), Some("dr"), Verdict::Warning),
        ("disabled", |_, primary, _| primary.enabled = false, Some("dr"), Verdict::Warning),
        (
            "fallback",
            |_, primary, dr| {
                primary.healthy = Some(false);
                dr.healthy = Some(false);
            },
            Some("primary"),
            Verdict::Critical,
        ),
        ("unknown health", |_, primary, _| primary.healthy = None, None, Verdict::Unknown),
        (
            "unmonitored",
            |_, primary, _| {
                primary.monitored = false;
                primary.healthy = None;
            },
            Some("primary"),
            Verdict::Warning,
        ),
        ("policy", |lb, _, _| lb.policy = Open::new("random"), None, Verdict::Info),
        ("unknown policy", |lb, _, _| lb.policy = Open::new("new_word"), None, Verdict::Warning),
        ("switched off", |lb, _, _| lb.enabled = false, None, Verdict::Warning),
    ];
    for (what, change, to, verdict) in table {
        let (mut primary, mut dr) = (pool("primary", Some(true)), pool("dr", Some(true)));
        let mut lb = load_balancer(&["primary", "dr"], "primary");
        change(&mut lb, &mut primary, &mut dr);
        let mut board = board();
        board.list("cloudflare/edge", now, FactKind::Pool, vec![primary.into(), dr.into()]);
        board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
        let judged = board.judge(now);
        let it = row(&judged, Topic::Traffic, "lb/edge/lb-1");
        let RowBody::LoadBalancer { goes_to, service, .. } = &it.body else { panic!() };
        assert_eq!(goes_to.as_ref().map(SafeText::as_str), to, "{what}: {}", it.why);
        assert_eq!(it.verdict, verdict, "{what}: {}", it.why);
        assert_eq!(service.as_deref(), Some("shop"));
    }
}

#[test]
fn what_surprises_at_the_edge_is_said() {
    let now = at("14:37:00");
    type Change = fn(&mut LoadBalancer, &mut Pool, &mut Pool);
    let table: [(&str, Change, Verdict, &str); 9] = [
        ("lb/edge/lb-1", |lb, _, _| lb.enabled = false, Verdict::Warning, "its pools carry no traffic"),
        (
            "lb/edge/lb-1",
            |_, primary, _| primary.enabled = false,
            Verdict::Warning,
            "users get no address (a bare SOA)",
        ),
        (
            "lb/edge/lb-1",
            |lb, primary, _| {
                lb.proxied = true;
                primary.enabled = false;
            },
            Verdict::Warning,
            "users get 530 (error 1016)",
        ),
        (
            "lb/edge/lb-1",
            |lb, primary, dr| {
                (lb.proxied, primary.enabled, dr.healthy) = (true, false, Some(false));
            },
            Verdict::Critical,
            "no pool is healthy and the fallback is disabled: users get 530 (error 1016)",
        ),
        (
            "lb/edge/lb-1",
            |_, primary, _| {
                primary.regional = true;
                primary.places = vec![("WEU".into(), true), ("OC".into(), false)];
            },
            Verdict::Unknown,
            "each region judges",
        ),
        ("pool/edge/p-primary", |_, primary, _| primary.regional = true, Verdict::Ok, ""),
        (
            "pool/edge/p-primary",
            |_, primary, _| {
                primary.regional = true;
                primary.places.clear();
            },
            Verdict::Unknown,
            "not the whole truth",
        ),
        (
            "pool/edge/p-primary",
            |_, primary, _| primary.monitored = false,
            Verdict::Warning,
            "never fails over by itself",
        ),
        ("pool/edge/p-dr", |_, _, dr| dr.session_shedding_percent = 40, Verdict::Warning, "sheds 40 % of its sessions"),
    ];
    for (id, change, verdict, says) in table {
        let (mut primary, mut dr) = (pool("primary", Some(true)), pool("dr", Some(true)));
        let mut lb = load_balancer(&["primary", "dr"], "primary");
        change(&mut lb, &mut primary, &mut dr);
        let mut board = board();
        board.list("cloudflare/edge", now, FactKind::Pool, vec![primary.into(), dr.into()]);
        board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
        let judged = board.judge(now);
        let it = row(&judged, Topic::Traffic, id);
        assert_eq!(it.verdict, verdict, "{says}: {}", it.why);
        assert!(it.why.as_str().contains(says), "{says}: {}", it.why);
    }
}

#[test]
fn a_token_that_ends_and_requests_that_run_out_are_said_in_time() {
    let now = at("14:37:00");
    type Change = fn(&mut EdgeAccount);
    let table: [(Change, Verdict, &str); 13] = [
        (|_| {}, Verdict::Ok, "whether the token may write can't be probed safely: unknown"),
        (|it| it.token.status = Open::default(), Verdict::Unknown, "was not checked yet"),
        (
            |it| {
                it.token.status = Open::default();
                it.token.checked = Some(at("14:00:00"));
                it.token.problem = "no answer".into();
            },
            Verdict::Unknown,
            "could not be checked: no answer",
        ),
        (|it| it.token.status = Open::new("disabled"), Verdict::Warning, "the token is disabled"),
        (|it| it.token.status = Open::new("new_word"), Verdict::Warning, "the token's status is `new_word`"),
        (|it| it.token.expires = Some(at("14:37:00") + TimeDelta::days(7)), Verdict::Warning, "expires 2026-03-"),
        (|it| it.token.expires = Some(at("14:37:01") + TimeDelta::days(7)), Verdict::Ok, ""),
        (|it| it.token.expires = Some(at("14:37:00")), Verdict::Warning, "the token has expired"),
        (|it| it.token.reads_pools = Some(false), Verdict::Warning, "the token may not read pools"),
        (|it| it.remaining = Some(300), Verdict::Warning, "polling is slowed down"),
        (|it| it.remaining = Some(120), Verdict::Warning, "polling stopped, the rest is kept for acting"),
        (|it| (it.reading, it.reading_share) = (480, 480), Verdict::Warning, "the next waits, acting does not"),
        (|it| it.remaining = None, Verdict::Ok, "how many requests are left is not known"),
    ];
    for (change, verdict, says) in table {
        let mut account = EdgeAccount {
            account: "acc".into(),
            limit: Some(1_200),
            remaining: Some(900),
            reserve: 120,
            ..EdgeAccount::default()
        };
        account.token.status = Open::new("active");
        change(&mut account);
        let mut board = board();
        board.list("cloudflare/edge", now, FactKind::EdgeAccount, vec![account.into()]);
        let judged = board.judge(now);
        let it = row(&judged, Topic::Traffic, "account/edge");
        assert_eq!(it.verdict, verdict, "{says}: {}", it.why);
        assert!(it.why.as_str().contains(says), "{says}: {}", it.why);
    }
}

#[test]
fn nodes_are_silent_by_their_lease_whatever_their_condition_says() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    let nodes = vec![
        node("primary", "node-1", "True", at("14:36:55")).into(),
        node("primary", "node-2", "True", at("14:36:19")).into(),
        node("primary", "node-3", "Unknown", at("14:36:19")).into(),
        node("primary", "node-4", "True", at("14:36:20")).into(),
    ];
    board.list("kubernetes/primary", now, FactKind::Node, nodes);
    let judged = board.judge(now);
    let it = row(&judged, Topic::Clusters, "primary");
    let RowBody::Cluster { nodes, nodes_ready, nodes_silent, nodes_not_ready, .. } = &it.body else { panic!() };
    assert_eq!((*nodes, *nodes_ready, *nodes_silent, nodes_not_ready.len()), (4, 2, 2, 0));
    assert!(
        it.why.as_str().contains("2 of 4 nodes silent (not heard from, or Lease late): node-2, node-3"),
        "{}",
        it.why
    );
}

#[test]
fn etcd_is_named_and_a_cluster_that_was_never_read_is_unknown() {
    let now = at("14:37:10");
    let mut board = all_well(now);
    board.fact("kubernetes/primary", now, control_plane("primary", false));
    let judged = board.judge(now);
    let it = row(&judged, Topic::Clusters, "primary");
    assert_eq!((it.verdict, it.why.as_str()), (Verdict::Critical, "etcd fails its health check"));
    assert_eq!(judged.rows(Topic::Clusters)[0].id, "primary", "who needs you comes first");

    let nothing = super::board().judge(now);
    for topic in [Topic::Clusters, Topic::Services, Topic::Sources, Topic::Gitops, Topic::Backups] {
        for row in nothing.rows(topic) {
            assert_eq!(row.verdict, Verdict::Unknown, "{row:?}");
        }
    }
}

#[test]
fn restores_say_when_completed_does_not_mean_restored() {
    let now = at("14:59:00");
    let verdict = |phase: &str, warnings: u64| {
        let mut board = board();
        let mut it = restore(phase, at("14:55:00"), None);
        it.warnings = warnings;
        board.list("velero/dr", now, FactKind::Restore, vec![it.into()]);
        row(&board.judge(now), Topic::Backups, "restore/dr/wr-0123456789abcdef0123").verdict
    };
    assert_eq!(verdict("Completed", 0), Verdict::Ok);
    assert_eq!(verdict("Completed", 3), Verdict::Warning);
    assert_eq!(verdict("InProgress", 0), Verdict::Info);
    assert_eq!(verdict("", 0), Verdict::Info);
    for phase in ["Failed", "PartiallyFailed", "FailedValidation"] {
        assert_eq!(verdict(phase, 0), Verdict::Critical, "{phase}");
    }
}

#[test]
fn events_are_bounded_and_newest_first() {
    let mut board = board();
    let event = |n: i64| KubeEvent {
        uid: format!("e-{n}"),
        cluster: "primary".into(),
        namespace: "shop".into(),
        object_kind: "Pod".into(),
        object_name: "p".into(),
        reason: "BackOff".into(),
        message: "".into(),
        kind: Open::new("Warning"),
        count: 1,
        first: None,
        last: at("14:00:00") + TimeDelta::milliseconds(n),
        component: "".into(),
    };
    for n in 0..6_000 {
        board.fact("kubernetes/primary", at("14:40:00"), event(n));
    }
    board.fact("kubernetes/primary", at("14:40:00"), KubeEvent { count: 9, ..event(5_500) });
    let view = board.judge_topic(Topic::Events, at("14:40:00"));
    assert_eq!((view.rows.len(), view.total, view.dropped), (1_000, 6_000, 1_000));
    assert_eq!(view.rows[0].id, "primary/e-5999");
    assert_eq!(board.events.len(), MOST_EVENTS);
    board.see(
        "kubernetes/primary",
        at("14:41:00"),
        SourceChange::Remove { kind: FactKind::KubeEvent, key: "e-5999".into() },
    );
    assert_eq!(board.judge_topic(Topic::Events, at("14:41:00")).rows[0].id, "primary/e-5998");
}

#[test]
fn a_partly_readable_source_is_never_shown_as_well() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    board.see("cloudflare/edge", now, trouble(TroubleKind::Partial));
    let judged = board.judge(now);
    for id in ["lb/edge/lb-1", "pool/edge/p-dr"] {
        let it = row(&judged, Topic::Traffic, id);
        assert!(!it.stale && it.verdict == Verdict::Unknown, "{it:?}");
    }
    let lb = load_balancer(&["primary", "dr"], "primary");
    board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
    assert_eq!(row(&board.judge(now), Topic::Traffic, "pool/edge/p-dr").verdict, Verdict::Ok, "a whole answer came");
}

#[test]
fn a_wall_clock_that_is_set_back_makes_rows_stale_until_they_are_read_again() {
    let mut board = all_well(at("14:40:00"));
    let fresh = |board: &Board, now: Stamp| !row(&board.judge(now), Topic::Traffic, "pool/edge/p-dr").stale;
    assert!(fresh(&board, at("14:40:05")));
    assert!(!fresh(&board, at("13:40:10")), "seen an hour from now: how long ago that was nobody knows");
    board.see("cloudflare/edge", at("13:40:12"), SourceChange::Alive);
    assert!(fresh(&board, at("13:40:15")));
    assert!(!fresh(&board, at("13:44:15")), "and it ages from there");
}

#[test]
fn a_source_shows_the_way_to_it_whether_or_not_it_answers() {
    let way = vec![SafeText::new("proxy http://p:3128 from the environment")];
    let mut board = all_well(at("14:40:00")).with_notes(&source("cloudflare/edge"), way.clone());
    for _ in 0..2 {
        let judged = board.judge(at("14:40:20"));
        let RowBody::Source { notes, .. } = &row(&judged, Topic::Sources, "cloudflare/edge").body else { panic!() };
        assert_eq!(*notes, way);
        board.see("cloudflare/edge", at("14:40:10"), trouble(TroubleKind::Unreachable));
    }
}

#[test]
fn what_one_part_says_renews_nothing_of_a_part_that_can_not_be_read() {
    let mut board = all_well(at("14:40:00"));
    board.see("velero/dr", at("14:40:10"), trouble(TroubleKind::Silent));
    for second in 11..59 {
        let seen_at = at(&format!("14:40:{second}"));
        let change = SourceChange::Upsert(location("dr", seen_at).into());
        board.apply(Observation { source: source("velero/dr"), seen_at, part: true, change });
        board.see("velero/dr", seen_at, trouble(TroubleKind::Silent));
    }
    let judged = board.judge(at("14:40:59"));
    let state = row(&judged, Topic::Sources, "velero/dr");
    let RowBody::Source { troubled_since, .. } = &state.body else { panic!("{state:?}") };
    assert_eq!(*troubled_since, Some(at("14:40:10")));
    assert!(!row(&judged, Topic::Backups, "location/dr/default").stale, "it was read a second ago");
    let point = board.store.source(&source("velero/dr")).unwrap();
    let held = point.of(FactKind::RestorePoint).next().unwrap();
    let proof = board.store.proof(&source("velero/dr"), point, held, at("14:40:59"));
    assert_eq!((proof.seen_at, proof.stale), (at("14:40:00"), true));
}

#[test]
fn a_source_that_answers_once_between_two_failures_was_not_well_in_between() {
    let mut board = all_well(at("14:36:55"));
    let since = |board: &Board, now: &str| match &row(&board.judge(at(now)), Topic::Sources, "velero/dr").body {
        RowBody::Source { troubled_since, .. } => *troubled_since,
        other => panic!("{other:?}"),
    };
    for second in (0..60).step_by(10) {
        board.see("velero/dr", at(&format!("14:37:{second:02}")), trouble(TroubleKind::Silent));
        board.see("velero/dr", at(&format!("14:37:{:02}", second + 5)), SourceChange::Alive);
        let wanted = (second > 0).then_some(at("14:37:00"));
        assert_eq!(since(&board, &format!("14:37:{:02}", second + 6)), wanted, "{second}: only a first answer ends it");
    }
    let state = board.store.source(&source("velero/dr")).unwrap();
    let proof = board.store.proof(
        &source("velero/dr"),
        state,
        state.of(FactKind::RestorePoint).next().unwrap(),
        at("14:37:56"),
    );
    assert_eq!((proof.seen_at, proof.stale), (at("14:37:55"), false), "what it told is as fresh as its answer");
    board.see("velero/dr", at("14:38:00"), trouble(TroubleKind::Unreachable));
    assert_eq!(since(&board, "14:38:01"), Some(at("14:37:00")), "it fails as it did");
    board.see("velero/dr", at("14:38:20"), SourceChange::Alive);
    assert_eq!(since(&board, "14:38:20"), Some(at("14:37:00")), "20 s without a failure are not over");
    board.see("velero/dr", at("14:38:21"), SourceChange::Alive);
    assert_eq!(since(&board, "14:38:21"), None, "now they are");
    board.see("velero/dr", at("14:40:22"), trouble(TroubleKind::Silent));
    assert_eq!(since(&board, "14:40:23"), Some(at("14:40:22")), "two good minutes end it");
    board.see("velero/dr", at("14:40:24"), SourceChange::Alive);
    assert_eq!(since(&board, "14:40:24"), None, "at once, as before");
}

#[test]
fn a_rule_that_can_not_be_evaluated_is_no_good_news() {
    let now = at("14:37:00");
    let rule = |name: &str, health: &str| AlertRule {
        group: "shop".into(),
        name: name.into(),
        nth: 0,
        health: Open::new(health),
        last_error: "many-to-many matching".into(),
    };
    let mut board = board();
    board.list("prometheus/p", now, FactKind::AlertRule, vec![rule("Down", "err").into(), rule("Slow", "ok").into()]);
    let judged = board.judge(now);
    let it = row(&judged, Topic::Sources, "prometheus/p");
    assert_eq!(it.verdict, Verdict::Warning);
    let says = "1 alerting rule can't be evaluated and would stay silent: shop/Down (many-to-many matching)";
    assert_eq!(it.why.as_str(), says);
}

#[test]
fn two_addresses_of_one_alertmanager_are_not_two() {
    let now = at("14:37:00");
    let mut board = all_well(now);
    assert_eq!(row(&board.judge(now), Topic::Sources, "alertmanager/am-2").verdict, Verdict::Ok);
    let same = AlertPeer { instance: "am-2".into(), ..peer("am-1", at("00:00:00")) };
    board.list("alertmanager/am-2", now, FactKind::AlertPeer, vec![same.into()]);
    let judged = board.judge(now);
    for (id, other) in [("alertmanager/am-1", "alertmanager/am-2"), ("alertmanager/am-2", "alertmanager/am-1")] {
        let it = row(&judged, Topic::Sources, id);
        assert_eq!(it.verdict, Verdict::Warning);
        assert!(it.why.as_str().contains(&format!("{other} is the same Alertmanager")), "{}", it.why);
    }
}
