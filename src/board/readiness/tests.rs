//! Readiness, case by case: what makes it green, and every single thing that takes the green away.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::super::tests::{
    all_well, app, apps, apps_on, at, backup, control_plane, load_balancer, objective, pool, probe, restore,
};
use super::*;
use crate::board::Board;
use crate::model::entry::Restored;
use crate::model::facts::{App, ControlPlane, Fact, FactKind, Pod, PodStage, Pool, Restore};
use crate::model::step_request::{CreateRestore, RestoreSpec};
use crate::model::{Action, Actor, Digest, IncidentId, IncidentStatus, Level, PersonId, Plan, PlanId, Severity};
use crate::timeline::{Approval, Clocks, Incident, PlanRecord, PlanState, Plans};

/// The rows as a client has them.
fn topics(board: &Board, now: Stamp) -> Topics {
    board.judge(now).topics.into_iter().map(|(topic, view)| (topic, view.as_ref().clone())).collect()
}

fn now() -> Stamp {
    at("14:35:00")
}

fn ana() -> Actor {
    Actor { person: PersonId::from("ana"), uid: None, level: Level::Account, login: None, simulated: false }
}

/// A plan that ended so, minutes before now, after two minutes.
fn plan(id: &str, action: Action, state: PlanState, ended: Stamp) -> PlanRecord {
    let (verb, params) = match action {
        Action::Restore => (
            "velero.create_restore",
            json!({"namespace": "velero", "spec": {"backupName": "shop-hourly-1429", "includedNamespaces": ["shop"]}}),
        ),
        Action::Failover => ("wait", json!(null)),
    };
    let plan: Plan = serde_json::from_value(json!({
        "v": 1, "room": "r", "incident": "INC-1", "plan": id, "action": action, "service": "shop", "title": "t",
        "confirm": "shop", "shown": [], "warnings": [], "locks": [], "cred_ids": [],
        "steps": [{
            "id": "1", "adapter": verb, "params": params, "pre": [], "effect": "e", "limit_s": 600, "check": [],
            "target": {"src": "velero/dr", "kind": "restore", "id": "x", "name": "shop"},
        }],
        "policy": {"quorum": 2, "level": "account", "digest": ""}, "people_digest": "", "by": "ana", "ttl_s": 1800,
        "supersedes": null, "head": {"seq": 1, "h": ""},
    }))
    .expect("a plan");
    let began = ended - TimeDelta::minutes(2);
    PlanRecord {
        plan,
        bytes: String::new(),
        digest: Digest([0; 32]),
        by: ana(),
        proposed_at: began,
        proposed_seq: 10,
        approvals: vec![Approval { by: ana(), at: began, seq: 11 }],
        state,
        steps: Vec::new(),
        held: false,
        says: "".into(),
        changed_at: ended,
        reconciled: None,
        restored: BTreeMap::from([("1".to_owned(), whole())]),
        refused_by: None,
        seqs: vec![10],
    }
}

fn whole() -> Restored {
    Restored { phase: "Completed".into(), items: 20, of: 20, ..Restored::default() }
}

/// An incident of yesterday's that ended with the service back on DR, so many minutes after the impact.
fn recovery(minutes: i64, days_ago: i64) -> Incident {
    let end = now() - TimeDelta::days(days_ago);
    let begin = end - TimeDelta::minutes(minutes);
    let plans = [
        plan("F", Action::Failover, PlanState::Succeeded, begin + TimeDelta::minutes(4)),
        plan("R", Action::Restore, PlanState::Succeeded, begin + TimeDelta::minutes(8)),
    ];
    Incident {
        id: IncidentId::from("INC-1"),
        title: "rehearsal".into(),
        severity: Severity::Sev2,
        status: IncidentStatus::Closed,
        commander: None,
        people: BTreeMap::new(),
        opened_at: begin,
        closed_at: Some(end),
        after: None,
        clocks: Clocks { impact: Some((begin, 2)), recovery: Some((end, 9)), ..Clocks::default() },
        items: Vec::new(),
        index: Default::default(),
        redactions: Default::default(),
        plans: Plans { by_id: plans.map(|record| (record.plan.plan.clone(), record)).into() },
        services: vec!["shop".into()],
    }
}

/// A day on which everything is proven: the state of each system, and a rehearsal in the log.
struct Day {
    board: Board,
    story: Story,
    objective: Objective,
    now: Stamp,
}

fn day() -> Day {
    let story = Story { incidents: vec![recovery(20, 3)], ..Story::default() };
    Day { board: all_well(now()), story, objective: objective(), now: now() }
}

impl Day {
    fn judge(&self) -> Ready {
        let topics = topics(&self.board, self.now);
        let all = readiness(std::slice::from_ref(&self.objective), &topics, &self.story, self.now);
        assert_eq!(all.standing, all.services[0].standing);
        all.services.into_iter().next().expect("one service")
    }
}

#[test]
fn of_a_cold_service_nothing_has_to_run_before_it_is_restored() {
    let mut day = day();
    day.objective.strategy = crate::model::Strategy::Cold;
    ready(&mut day, 0, 0);
    assert!(day.judge().checks.iter().all(|it| it.what != "pods"));
}

fn finding<'a>(ready: &'a Ready, what: &str) -> &'a ReadinessCheck {
    ready.checks.iter().find(|it| it.what == what).unwrap_or_else(|| panic!("no check {what}: {ready:#?}"))
}

#[test]
fn it_is_ready_when_everything_is_proven_and_says_by_what() {
    let ready = day().judge();
    assert_eq!((ready.rto.standing, ready.rpo.standing), (Attainment::Met, Attainment::Met), "{ready:#?}");
    assert_eq!(ready.rto.measured_s, Some(20 * 60));
    assert_eq!(ready.rpo.measured_s, Some(6 * 60));
    assert_eq!(ready.rpo_until, Some(at("14:44:00")));
    assert_eq!(ready.next_run, Some(at("15:29:00")));
    assert_eq!(ready.steps_limit_s, Some(1_200), "what the steps of both plans may take");
    let proofs: Vec<_> = ready.proofs.iter().map(|it| (it.what.as_str(), it.took_s)).collect();
    assert_eq!(proofs, [("recovery", Some(1_200)), ("restore", Some(120)), ("failover", Some(120))]);
    assert!(ready.checks.iter().all(|it| it.standing == Attainment::Met && it.remedy.is_empty()), "{ready:#?}");
    assert!(finding(&ready, "recovery").says.as_str().contains("20 min (INC-1, 27 Feb 2026)"), "{ready:#?}");
}

fn uid(day: &mut Day, uid: Option<&str>) {
    let plane = ControlPlane { uid: uid.map(str::to_owned), ..control_plane("dr", true) };
    day.board.fact("kubernetes/dr", now(), plane);
}

fn ready(day: &mut Day, ready: u32, all: u32) {
    let counted = super::super::tests::pods("dr", ready, all);
    day.board.list("kubernetes/dr", now(), FactKind::NamespacePods, vec![counted.into()]);
}

/// What is changed, the check that must notice, and how it must stand.
type CheckCase = (&'static str, fn(&mut Day), &'static str, Attainment);

const CASES: &[CheckCase] = &[
    (
        "DR's etcd fails",
        |day| {
            day.board.fact("kubernetes/dr", now(), control_plane("dr", false));
        },
        "DR cluster",
        Attainment::Missed,
    ),
    ("DR is not heard", |day| day.now = at("14:36:00"), "DR cluster", Attainment::Unknown),
    (
        "DR has no nodes",
        |day| {
            day.board.list("kubernetes/dr", now(), FactKind::Node, vec![]);
        },
        "DR cluster",
        Attainment::Missed,
    ),
    ("DR is the primary by another name", |day| uid(day, Some("uid-primary")), "DR cluster", Attainment::Missed),
    ("which cluster DR is was not read", |day| uid(day, None), "DR cluster", Attainment::Unknown),
    ("nothing of a warm standby runs", |day| ready(day, 0, 3), "pods", Attainment::Missed),
    ("nothing of a warm standby is there", |day| ready(day, 0, 0), "pods", Attainment::Missed),
    ("some of a warm standby runs", |day| ready(day, 1, 3), "pods", Attainment::Unknown),
    (
        "a pod has not started since the restore",
        |day| {
            let since = Some(at("13:45:00"));
            let stage = PodStage::Starting;
            let (cluster, namespace) = ("dr".into(), "shop".into());
            let trouble = "ContainerCreating".into();
            let pod = Pod { cluster, namespace, name: "db-0".into(), trouble, stage, restarts: 0, since };
            day.board.list("kubernetes/dr", now(), FactKind::Pod, vec![pod.into()]);
        },
        "pods",
        Attainment::Unknown,
    ),
    ("DR is not configured", |day| day.objective.dr = vec!["third".into()], "DR cluster", Attainment::Unknown),
    (
        "an application lags",
        |day| {
            let mut all = apps("Healthy", now());
            all[3] = app("shop-04", "Degraded", now()).into();
            day.board.list("argocd/dr", now(), FactKind::App, all);
        },
        "applications",
        Attainment::Unknown,
    ),
    (
        "an application runs an older release",
        |day| {
            let mut all = apps("Healthy", now());
            all[3] = App { target_revision: "v1.4.0".into(), ..app("shop-04", "Healthy", now()) }.into();
            day.board.list("argocd/dr", now(), FactKind::App, all);
            let mut all = apps_on("primary", "Healthy", now());
            let newer = App { target_revision: "v1.9.0".into(), ..app("shop-04", "Healthy", now()) };
            all[3] = App { cluster: "primary".into(), ..newer }.into();
            day.board.list("argocd/primary", now(), FactKind::App, all);
        },
        "applications",
        Attainment::Missed,
    ),
    (
        "an application is on the primary only",
        |day| {
            let mut all = apps("Healthy", now());
            all.pop();
            day.board.list("argocd/dr", now(), FactKind::App, all);
        },
        "applications",
        Attainment::Missed,
    ),
    ("no application is named", |day| day.objective.apps.clear(), "applications", Attainment::Unknown),
    ("the DR pool is down", |day| pools(day, Some(false)), "traffic", Attainment::Missed),
    ("the DR pool has no monitor", |day| pools(day, None), "traffic", Attainment::Unknown),
    ("the DR pool is not in the order", |day| balancer(day, &["primary"]), "traffic", Attainment::Unknown),
    ("users are on DR already", |day| balancer(day, &["dr", "primary"]), "traffic", Attainment::Unknown),
    ("no load balancer is named", |day| day.objective.hosts.clear(), "traffic", Attainment::Unknown),
    (
        "the recovery took longer than the RTO",
        |day| day.story.incidents = vec![recovery(31, 3)],
        "recovery",
        Attainment::Missed,
    ),
    (
        "the recovery is a year old",
        |day| day.story.incidents = vec![recovery(20, 365)],
        "recovery",
        Attainment::Unknown,
    ),
    (
        "the recovery was another service's",
        |day| day.story.incidents[0].services = vec!["ledger".into()],
        "recovery",
        Attainment::Unknown,
    ),
    ("users were never moved", |day| fail(day, "F"), "recovery", Attainment::Unknown),
    ("users were moved after it had come back by itself", |day| move_late(day, "F"), "recovery", Attainment::Unknown),
    (
        "nothing of it is moved or restored by a plan",
        |day| {
            day.objective.hosts.clear();
            day.objective.strategy = crate::model::Strategy::ActiveActive;
        },
        "recovery",
        Attainment::Unknown,
    ),
    ("data was never brought back", |day| fail(day, "R"), "recovery", Attainment::Unknown),
    ("nothing was ever done", |day| day.story.incidents.clear(), "recovery", Attainment::Unknown),
    ("nothing was ever restored", |day| day.story.incidents.clear(), "restore test", Attainment::Unknown),
    (
        "the restore is a year old",
        |day| day.story.incidents = vec![recovery(20, 365)],
        "restore test",
        Attainment::Unknown,
    ),
    ("the backup is older than the RPO", |day| day.objective.rpo_s = 300, "restore point", Attainment::Missed),
    (
        "volumes stay on the primary's storage",
        |day| point(day, |it| it.off_site = OffSite::No),
        "restore point",
        Attainment::Missed,
    ),
    (
        "nobody knows where volumes are",
        |day| point(day, |it| it.off_site = OffSite::Unknown),
        "restore point",
        Attainment::Unknown,
    ),
    (
        "it may hold no volume at all",
        |day| point(day, |it| it.off_site = OffSite::NoVolumes),
        "restore point",
        Attainment::Unknown,
    ),
    (
        "every backup failed",
        |day| point(day, |it| it.phase = crate::model::facts::Open::new("Failed")),
        "restore point",
        Attainment::Missed,
    ),
    ("no schedule is named", |day| day.objective.schedules.clear(), "restore point", Attainment::Unknown),
];

fn pools(day: &mut Day, dr: Option<bool>) {
    let pools = vec![pool("primary", Some(true)).into(), pool("dr", dr).into()];
    day.board.list("cloudflare/edge", now(), FactKind::Pool, pools);
}

/// The DR pool as it is while what each region sees of it was not read.
fn without_regions(day: &mut Day, regional: bool, healthy: bool) {
    let dr = Pool { places: vec![], regional, ..pool("dr", Some(healthy)) };
    let pools = vec![pool("primary", Some(true)).into(), dr.into()];
    day.board.list("cloudflare/edge", now(), FactKind::Pool, pools);
}

#[test]
fn no_region_is_counted_where_none_was_read() {
    for (regional, healthy, standing, says) in [
        (false, true, Attainment::Met, "pool dr is healthy"),
        (true, true, Attainment::Unknown, "what they see was not read"),
        (false, false, Attainment::Missed, "pool dr is down"),
    ] {
        let mut day = day();
        without_regions(&mut day, regional, healthy);
        let ready = day.judge();
        let check = ready.checks.iter().find(|it| it.what == "traffic").expect("the check of traffic");
        assert_eq!((check.standing, check.says.as_str().contains(says)), (standing, true), "{}", check.says);
        assert!(!check.says.as_str().contains("0 of 0"), "{}", check.says);
    }
}

fn balancer(day: &mut Day, order: &[&str]) {
    let lb = load_balancer(order, "primary");
    day.board.list("cloudflare/edge", now(), FactKind::LoadBalancer, vec![lb.into()]);
}

fn fail(day: &mut Day, id: &str) {
    let plans = &mut day.story.incidents[0].plans.by_id;
    plans.get_mut(&PlanId::from(id)).expect("the plan").state = PlanState::Failed;
}

/// Confirmed a minute after the service was back.
fn move_late(day: &mut Day, id: &str) {
    let incident = &mut day.story.incidents[0];
    let (back, _) = incident.clocks.recovery.expect("a recovery");
    let record = incident.plans.by_id.get_mut(&PlanId::from(id)).expect("the plan");
    record.approvals.iter_mut().for_each(|approval| approval.at = back + TimeDelta::minutes(1));
}

fn point(day: &mut Day, change: impl Fn(&mut crate::model::facts::RestorePoint)) {
    for cluster in ["primary", "dr"] {
        let mut point = backup(cluster, "shop-hourly-1429", at("14:29:00"));
        change(&mut point);
        day.board.list(&format!("velero/{cluster}"), now(), FactKind::RestorePoint, vec![point.into()]);
    }
}

/// The board keeps its own objectives: what a case changes in ours is changed there too.
fn rebuilt(day: Day) -> Day {
    let mut day = day;
    let objective = day.objective.clone();
    day.board.setup.objectives = vec![objective];
    day
}

#[test]
fn every_single_thing_that_is_not_proven_takes_the_green_away() {
    for (name, change, what, standing) in CASES {
        let mut day = day();
        change(&mut day);
        let ready = rebuilt(day).judge();
        let found = finding(&ready, what);
        assert_eq!(found.standing, *standing, "{name}: {found:?}");
        assert_eq!(
            found.standing == Attainment::Met,
            found.remedy.is_empty(),
            "{name}: what would prove it? {found:?}"
        );
        let of = if found.of == ObjectiveKind::Rto { ready.rto } else { ready.rpo };
        assert!(of.standing >= *standing && ready.standing >= *standing, "{name}: {ready:#?}");
    }
}

#[test]
fn a_restore_by_hand_counts_if_it_is_of_this_service_and_ended_without_a_warning() {
    let stands = |change: fn(&mut Restore)| {
        let mut day = day();
        day.story.incidents.clear();
        let mut it = restore("Completed", at("14:00:00"), Some(at("14:04:00")));
        change(&mut it);
        day.board.list("velero/dr", now(), FactKind::Restore, vec![Fact::from(it)]);
        let ready = day.judge();
        (finding(&ready, "restore test").standing, finding(&ready, "recovery").says.to_string())
    };
    let (standing, says) = stands(|_| {});
    assert_eq!(standing, Attainment::Met);
    assert!(says.contains("only restore in 4 min on 2 Mar 2026; people's time is not measured"), "{says}");
    for change in [
        (|it| it.warnings = 1) as fn(&mut Restore),
        |it| it.errors = 1,
        |it| it.phase = crate::model::facts::Open::new("PartiallyFailed"),
        |it| it.backup = "shop-hourly-extra-1429".into(),
        |it| it.backup = "ledger-1429".into(),
        |it| it.completed = None,
    ] {
        assert_eq!(stands(change).0, Attainment::Unknown);
    }
}

#[test]
fn a_restore_proves_what_it_asked_for_and_brought_back_and_no_more() {
    let stands = |change: fn(&mut Restore)| {
        let mut day = day();
        day.story.incidents.clear();
        let mut it = restore("Completed", at("14:00:00"), Some(at("14:04:00")));
        change(&mut it);
        day.board.list("velero/dr", now(), FactKind::Restore, vec![Fact::from(it)]);
        let ready = day.judge();
        let test = finding(&ready, "restore test");
        assert_eq!(ready.proofs.iter().any(|it| it.what == "restore"), test.standing == Attainment::Met);
        (test.standing, test.says.to_string())
    };
    let beside = stands(|it| it.scope.included_namespaces = vec!["shop".into(), "pay".into()]);
    assert_eq!(beside.0, Attainment::Met, "{}", beside.1);
    type Part = (&'static str, fn(&mut Restore));
    let parts: [Part; 8] = [
        ("does not cover namespace shop", |it| it.scope.included_namespaces = vec!["pay".into()]),
        ("leaves out namespace shop", |it| it.scope.excluded_namespaces = vec!["s*".into()]),
        ("without volumes", |it| it.scope.less = vec!["without volumes".into()]),
        ("nothing was restored (0 items", |it| (it.items_done, it.items_total) = (0, 0)),
        ("nothing was restored (20 items, 20 warnings", |it| it.warnings = 20),
        ("10 of 20 items", |it| it.items_done = 10),
        ("a clock is wrong", |it| it.completed = Some(at("14:50:00"))),
        ("not known any more", |it| it.backup = "shop-hourly-20260301142900".into()),
    ];
    for (part, change) in parts {
        let (standing, says) = stands(change);
        assert_eq!(standing, Attainment::Unknown, "{part}: {says}");
        assert!(says.contains("was a restore in part") && says.contains(part), "{part}: {says}");
    }
}

#[test]
fn what_the_backup_left_out_no_restore_of_it_proves() {
    let stands = |change: fn(&mut crate::model::facts::RestorePoint)| {
        let mut day = day();
        day.story.incidents.clear();
        point(&mut day, change);
        let it = restore("Completed", at("14:00:00"), Some(at("14:04:00")));
        day.board.list("velero/dr", now(), FactKind::Restore, vec![Fact::from(it)]);
        finding(&day.judge(), "restore test").standing
    };
    assert_eq!(stands(|_| {}), Attainment::Met);
    assert_eq!(stands(|it| it.left_out = vec!["secrets".into()]), Attainment::Unknown);
    assert_eq!(stands(|it| it.included_namespaces = vec!["pay".into()]), Attainment::Unknown);
    assert_eq!(stands(|it| it.items = Some(0)), Attainment::Unknown);
}

#[test]
fn a_plan_proves_what_its_restore_brought_back() {
    let stands = |change: fn(&mut PlanRecord)| {
        let mut day = day();
        change(day.story.incidents[0].plans.by_id.get_mut(&PlanId::from("R")).expect("the plan"));
        finding(&day.judge(), "restore test").standing
    };
    assert_eq!(stands(|_| {}), Attainment::Met);
    assert_eq!(stands(|it| it.restored.clear()), Attainment::Unknown, "a log of before does not say it");
    assert_eq!(stands(|it| it.restored.values_mut().for_each(|it| it.warnings = 20)), Attainment::Unknown);
    assert_eq!(stands(|it| it.restored.values_mut().for_each(|it| it.items = 0)), Attainment::Unknown);
    let other = |it: &mut PlanRecord| {
        let spec = RestoreSpec { backup_name: "b".into(), included_namespaces: vec!["pay".into()] };
        it.plan.steps[0].request = CreateRestore { namespace: "velero".into(), spec }.into();
    };
    assert_eq!(stands(other), Attainment::Unknown);
}

#[test]
fn parts_that_take_longer_than_the_objective_disprove_it() {
    let mut day = day();
    day.story.incidents[0].clocks.recovery = None;
    day.objective.rto_s = 200;
    let ready = rebuilt(day).judge();
    assert_eq!(finding(&ready, "recovery").standing, Attainment::Missed, "{ready:#?}");
}

#[test]
fn while_users_fail_the_loss_stands_still() {
    let mut day = day();
    day.now = at("14:50:00");
    day.board = all_well(day.now);
    day.board.fact("probe/shop", day.now, probe(false, 0, &[("primary", 6)], at("14:37:00")));
    let ready = day.judge();
    assert_eq!(ready.rpo.measured_s, Some(8 * 60));
    assert_eq!((ready.rpo.standing, ready.rpo_until), (Attainment::Met, None), "{ready:#?}");
}

#[test]
fn the_worst_service_comes_first_and_none_is_not_ready() {
    let day = day();
    let topics = topics(&day.board, day.now);
    let other = Objective { service: "a-ledger".into(), rpo_s: 60, ..objective() };
    let all = readiness(&[objective(), other], &topics, &day.story, day.now);
    assert_eq!(all.services[0].service, "a-ledger");
    assert_eq!(readiness(&[], &topics, &day.story, day.now).standing, Attainment::Unknown);
}

proptest! {
    /// Time alone never makes anything better: what was not green is not green later, on the same data.
    #[test]
    fn nothing_becomes_green_by_waiting(earlier in 0i64..4_000_000, later in 0i64..12_000_000) {
        let mut day = day();
        day.now = now() + TimeDelta::seconds(earlier);
        let before = day.judge();
        day.now += TimeDelta::seconds(later);
        let after = day.judge();
        prop_assert!(after.rto.standing != Attainment::Met || before.rto.standing == Attainment::Met);
        prop_assert!(after.rpo.standing != Attainment::Met || before.rpo.standing == Attainment::Met);
    }
}

/// A second DR cluster with nothing on it but its nodes.
fn with_second_site(day: &mut Day) {
    day.objective.dr.push("far".into());
    day.objective.hosts = ["shop.example", "www.shop.example"]
        .map(|host| crate::model::Host::new(host, Some("primary"), [("dr", "dr"), ("far", "far")]))
        .to_vec();
}

#[test]
fn every_dr_cluster_and_every_host_name_is_looked_at_and_the_best_place_decides() {
    let mut day = day();
    with_second_site(&mut day);
    day.objective.hosts.pop();
    let ready = rebuilt(day).judge();
    let of = |site: &str| ready.checks.iter().filter(|it| it.site.as_deref() == Some(site)).collect::<Vec<_>>();
    assert_eq!((of("dr").len(), of("far").len()), (4, 3), "of the pods on far nothing is known: {ready:#?}");
    assert!(of("far").iter().all(|it| it.standing != Attainment::Met && it.says.as_str().contains("far")));
    let apps = of("far").into_iter().find(|it| it.what == "applications").expect("its applications");
    let says = "0 of 12 at parity on far; shop-01 is on primary only; shop-02 is on primary only; shop-03 is on primary only, \
                and 9 more";
    assert_eq!((apps.standing, apps.says.as_str()), (Attainment::Missed, says));
    assert_eq!(ready.rto.standing, Attainment::Met, "it can come back on dr: {ready:#?}");

    let mut day = self::day();
    with_second_site(&mut day);
    let ready = rebuilt(day).judge();
    let hosts: Vec<_> = ready.checks.iter().filter(|it| it.what == "traffic").map(|it| it.says.as_str()).collect();
    for host in ["shop.example to dr: ", "www.shop.example to dr: ", "shop.example to far: "] {
        assert!(hosts.iter().any(|says| says.starts_with(host)), "{hosts:?}");
    }
    assert_eq!(ready.rto.standing, Attainment::Unknown, "nothing is known of www.shop.example");
}

#[test]
fn a_service_without_dr_is_asked_for_none() {
    let mut day = day();
    day.objective.dr.clear();
    day.objective.hosts.clear();
    let mut in_place = restore("Completed", at("14:00:00"), Some(at("14:04:00")));
    in_place.cluster = "primary".into();
    day.board.list("velero/primary", now(), FactKind::Restore, vec![Fact::from(in_place)]);
    let ready = rebuilt(day).judge();
    let what: Vec<_> = ready.checks.iter().map(|it| it.what.as_str()).collect();
    for name in ["cluster", "recovery", "restore point", "restore test"] {
        assert!(what.contains(&name), "{what:?}");
    }
    assert_eq!(what.len(), 4, "{what:?}");
    let text = format!("{:?}", ready.checks);
    assert!(!text.contains("DR"), "{text}");
    assert_eq!(finding(&ready, "restore test").standing, Attainment::Met);
}
