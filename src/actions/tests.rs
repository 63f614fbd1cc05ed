//! Building, refusing, canonical bytes, preflight, and the shell way out, on a board made by hand.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::identifiers::{name, words};
use super::manual_commands::quote;
use super::*;
use crate::board::row::{Against, AppsKnown, PointSummary, PoolRef};
use crate::board::{
    BackupRow, ClusterRow, JudgedBoard, LoadBalancerRow, ParityRow, Row, RowBody, ServiceRow, Topic, TopicView, Verdict,
};
use crate::model::facts::*;
use crate::model::plan::{HeadRef, Op, RefusalKind, StepCheck};
use crate::model::{
    ClusterRole, Host, Level, Objective, Policy, ReadPath, SafeText, SourceId, Stamp, StepRequest, Strategy as Dr,
    System,
};

mod lb_overrides;
mod recheck;
mod several_targets;

fn at(clock: &str) -> Stamp {
    format!("2026-03-02T{clock}Z").parse().unwrap()
}

/// A service, a board and a configuration; each test changes what it is about.
struct PlanBench {
    objective: Objective,
    to: Option<String>,
    rows: Vec<Row>,
    policy: Policy,
    roles: BTreeMap<String, ClusterRole>,
    credentials: BTreeMap<SourceId, String>,
}

fn row(source: SourceId, body: RowBody) -> Row {
    Row {
        id: "row".into(),
        source,
        verdict: Verdict::Ok,
        seen_at: at("14:49:57"),
        stale: false,
        why: SafeText::default(),
        body,
    }
}

fn edge() -> SourceId {
    SourceId::new(System::Cloudflare, "edge")
}

fn velero() -> SourceId {
    SourceId::new(System::Velero, "dr")
}

fn pool(id: &str, name: &str) -> Pool {
    Pool {
        id: id.into(),
        name: name.into(),
        enabled: true,
        healthy: Some(name == "dr"),
        monitored: true,
        minimum_origins: 1,
        origins: vec![Origin {
            name: "o".into(),
            address: format!("{name}.origin.example").as_str().into(),
            enabled: true,
            healthy: None,
        }],
        places: ["WNAM", "ENAM", "WEU"].map(|place| (place.into(), name == "dr")).to_vec(),
        shedding_percent: 0,
        used_by: Some(vec![PoolUser {
            kind: Open::new("load_balancer"),
            id: "lb-1".into(),
            name: "shop.example".into(),
        }]),
        ..Pool::default()
    }
}

fn balancer() -> LoadBalancer {
    LoadBalancer {
        id: "lb-1".into(),
        zone: "zone-1".into(),
        name: "shop.example".into(),
        enabled: true,
        proxied: false,
        ttl_s: Some(30),
        default_pools: vec!["p-primary".into(), "p-dr".into()],
        fallback_pool: "p-primary".into(),
        policy: Open::new("off"),
        overrides: vec![],
        session_affinity: Open::new("none"),
        modified_on: "2026-01-05T09:00:00.123456Z".into(),
        ..LoadBalancer::default()
    }
}

fn point() -> PointSummary {
    PointSummary {
        name: "shop-hourly-20260302142900".into(),
        uid: "5e0c5f5e-0000-4000-8000-000000000001".into(),
        started: at("14:29:00"),
        expires: Some(at("14:29:00") + TimeDelta::days(30)),
        location: "default".into(),
        off_site: OffSite::Yes,
        included_namespaces: vec!["shop".into()],
        excluded_namespaces: vec![],
        limits: vec![],
        left_out: vec![],
        cluster: "dr".into(),
        items: Some(412),
    }
}

fn location() -> Location {
    Location {
        cluster: "dr".into(),
        namespace: "velero".into(),
        name: "default".into(),
        phase: Open::new("Available"),
        access_mode: Open::new("ReadWrite"),
        default: true,
        last_validated: Some(at("14:49:20")),
        validation_every_s: 60,
        last_synced: Some(at("14:49:20")),
        sync_every_s: 60,
        message: SafeText::default(),
        store: "aws:shop-backups".into(),
        endpoint: SafeText::default(),
    }
}

fn cluster(name: &str, role: ClusterRole, livez: Endpoint) -> RowBody {
    let failed = if livez == Endpoint::Ok { vec![] } else { vec!["etcd".into()] };
    RowBody::Cluster(ClusterRow {
        name: name.into(),
        role,
        control_plane: Some(ControlPlane {
            cluster: name.into(),
            uid: Some(format!("uid-{name}")),
            version: "v1.33.1".into(),
            livez,
            readyz: livez,
            failed,
            skew_ms: None,
            notes: Vec::new(),
        }),
        nodes_read: true,
        nodes: 3,
        nodes_ready: 3,
        nodes_closed: 0,
        nodes_silent: 0,
        silent: vec![],
        nodes_not_ready: vec![],
        pods_read: true,
        pods_troubled: 0,
        pods: vec![],
        namespaces: vec![],
        same_as: vec![],
    })
}

fn backup(point: PointSummary) -> RowBody {
    RowBody::Backup(BackupRow {
        cluster: "dr".into(),
        schedule: "shop-hourly".into(),
        services: vec!["shop".into()],
        cron: "29 * * * *".into(),
        paused: false,
        point: Some(point),
        rpo_s: Some(900),
        overdue: false,
        missed_runs: 0,
        missed_more: false,
        vanished: 0,
        next_run: Some(at("15:29:00")),
        newer: None,
    })
}

fn restore(phase: &str) -> RowBody {
    RowBody::Restore(Restore {
        cluster: "dr".into(),
        namespace: "velero".into(),
        name: "wr-old".into(),
        uid: "u".into(),
        backup: "b".into(),
        phase: Open::new(phase),
        started: None,
        completed: None,
        items_done: 0,
        items_total: 0,
        errors: 0,
        warnings: 0,
        failure: SafeText::default(),
        plan_digest: None,
        created: None,
        moved: None,
        volumes_done: 0,
        volumes_total: 0,
        bytes_done: 0,
        bytes_total: 0,
        schedule: "".into(),
        scope: Scope::default(),
        backup_scope: None,
    })
}

impl PlanBench {
    fn new() -> Self {
        let objective = Objective {
            service: "shop".into(),
            rto_s: 1800,
            rpo_s: 900,
            strategy: Dr::WarmStandby,
            primary: "primary".into(),
            dr: vec!["dr".into()],
            schedules: vec!["shop-hourly".into()],
            namespaces: vec!["shop".into()],
            apps: vec!["shop-*".into()],
            hosts: vec![Host::new("shop.example", Some("primary"), [("dr", "dr")])],
            probes: vec!["shop".into()],
        };
        let rows = vec![
            row(edge(), lb_row(balancer())),
            row(edge(), RowBody::Pool(pool("p-primary", "primary"))),
            row(edge(), RowBody::Pool(pool("p-dr", "dr"))),
            row(
                SourceId::new(System::Kubernetes, "primary"),
                cluster("primary", ClusterRole::Primary, Endpoint::Failing),
            ),
            row(SourceId::new(System::Kubernetes, "dr"), cluster("dr", ClusterRole::Dr, Endpoint::Ok)),
            row(velero(), backup(point())),
            row(velero(), RowBody::Location(location())),
            row(velero(), service(Some(point()))),
            row(SourceId::new(System::Argocd, "dr"), parity(12)),
        ];
        Self {
            objective,
            to: None,
            rows,
            policy: Policy { quorum: 2, level: Level::Account, ttl_s: 1800 },
            roles: [("primary".into(), ClusterRole::Primary), ("dr".into(), ClusterRole::Dr)].into(),
            credentials: [(edge(), "token edge".to_owned()), (velero(), "context dr".to_owned())].into(),
        }
    }

    fn build(&self, action: Action) -> Result<Plan, Refusal> {
        self.with(|context| build(action, context))
    }

    fn with<T>(&self, then: impl FnOnce(&PlanContext) -> T) -> T {
        let view = TopicView { rows: self.rows.clone(), total: 0, dropped: 0 };
        let board = JudgedBoard { topics: [(Topic::Services, view.into())].into() };
        then(&PlanContext {
            now: at("14:50:00"),
            room: "prod-ca",
            incident: "INC-2026-03-02-01".into(),
            plan: "01KB3Z00000000000000000000".into(),
            by: "ana".into(),
            policy: &self.policy,
            policy_digest: "sha256:policy",
            people_digest: "sha256:people",
            supersedes: None,
            head: HeadRef { seq: 41, h: "0".repeat(64) },
            objective: &self.objective,
            to: self.to.as_deref(),
            board: &board,
            credentials: &self.credentials,
            cluster_roles: &self.roles,
        })
    }

    fn each(&mut self, change: impl Fn(&mut Row)) {
        self.rows.iter_mut().for_each(change);
    }

    fn lb(&mut self, change: impl Fn(&mut LoadBalancer)) {
        self.each(|row| {
            if let RowBody::LoadBalancer(LoadBalancerRow { lb, .. }) = &mut row.body {
                change(lb);
            }
        });
    }

    fn pool(&mut self, which: &str, change: impl Fn(&mut Pool)) {
        self.each(|row| match &mut row.body {
            RowBody::Pool(pool) if pool.name == *which => change(pool),
            _ => {}
        });
    }

    fn point(&mut self, change: impl Fn(&mut PointSummary)) {
        self.each(|row| match &mut row.body {
            RowBody::Backup(BackupRow { point: Some(point), .. })
            | RowBody::Service(ServiceRow { restore_point: Some(point), .. }) => change(point),
            _ => {}
        });
    }

    fn location(&mut self, change: impl Fn(&mut Location)) {
        self.each(|row| {
            if let RowBody::Location(location) = &mut row.body {
                change(location);
            }
        });
    }

    fn drop(&mut self, gone: impl Fn(&RowBody) -> bool) {
        self.rows.retain(|row| !gone(&row.body));
    }

    fn stale(&mut self, which: impl Fn(&RowBody) -> bool) {
        self.each(|row| row.stale |= which(&row.body));
    }
}

/// Both names of clusters lead to one.
fn one_site(bench: &mut PlanBench) {
    bench.each(|row| {
        if let RowBody::Cluster(ClusterRow { name, same_as, .. }) = &mut row.body
            && name == "dr"
        {
            same_as.push("primary".into());
        }
    });
}

fn lb_row(lb: LoadBalancer) -> RowBody {
    RowBody::LoadBalancer(LoadBalancerRow {
        lb,
        order: vec![],
        fallback: None,
        goes_to: None,
        routes: vec![],
        service: Some("shop".into()),
    })
}

fn service(restore_point: Option<PointSummary>) -> RowBody {
    RowBody::Service(ServiceRow {
        name: "shop".into(),
        strategy: Dr::WarmStandby,
        rto_s: 1800,
        rpo_s: 900,
        restore_point,
        with: vec![],
        sites: BTreeMap::new(),
        good_percent: Some(0),
        failing_since: Some(at("14:37:00")),
    })
}

fn now_of_primary() -> Against {
    Against { cluster: "primary".into(), known: AppsKnown::Now }
}

fn parity(ok: u32) -> RowBody {
    let laggards = (ok..12).map(|n| (SafeText::new(&format!("shop-{n}")), SafeText::new("OutOfSync"))).collect();
    RowBody::Parity(ParityRow {
        cluster: "dr".into(),
        ok,
        total: 12,
        laggards,
        silent: 0,
        passing: 0,
        against: vec![now_of_primary()],
        oldest_reconciled: None,
    })
}

fn place(lb: &mut LoadBalancer, what: &str, path: &str, policy: &str, pools: &[&str]) {
    lb.places.push(PoolPlace {
        what: what.into(),
        path: path.into(),
        role: if path.ends_with("fallback_pool") { PlaceRole::Fallback } else { PlaceRole::Order },
        pools: pools.iter().map(|it| (*it).to_owned()).collect(),
        policy: Open::new(policy),
        in_set: path.starts_with("pool_sets"),
    });
    let part = path.split('/').next().unwrap_or_default();
    lb.digests.insert(part.to_owned(), format!("sha256:{part}"));
}

type RefusalCase = (&'static str, Action, fn(&mut PlanBench), &'static str);

const REFUSALS: &[RefusalCase] = &[
    ("no load balancer configured", Action::Failover, |b| b.objective.hosts.clear(), "no load balancer"),
    ("not on the board", Action::Failover, |b| b.drop(|r| matches!(r, RowBody::LoadBalancer(_))), "not on the board"),
    ("two of that name", Action::Failover, |b| b.rows.push(row(edge(), lb_row(balancer()))), "2 load balancers"),
    ("stale", Action::Failover, |b| b.stale(|r| matches!(r, RowBody::LoadBalancer(_))), "old"),
    ("disabled", Action::Failover, |b| b.lb(|lb| lb.enabled = false), "is disabled"),
    (
        "random steering",
        Action::Failover,
        |b| b.lb(|lb| lb.policy = Open::new("random")),
        "order of its pools decides nothing",
    ),
    (
        "unknown steering",
        Action::Failover,
        |b| b.lb(|lb| lb.policy = Open::new("")),
        "order of its pools decides nothing",
    ),
    (
        "a rule that steers otherwise",
        Action::Failover,
        |b| b.lb(|lb| place(lb, "rule beta: order", "rules/0/overrides/default_pools", "random", &["p-primary"])),
        "rule beta: order of shop.example steers by \"random\": reordering does nothing",
    ),
    (
        "a part that can't go back",
        Action::Failover,
        |b| {
            b.lb(|lb| {
                place(lb, "rule beta: order", "rules/0/overrides/default_pools", "", &["p-primary"]);
                lb.digests.clear();
            });
        },
        "can't be sent back exactly",
    ),
    ("too many places", Action::Failover, |b| b.lb(|lb| lb.places_cut = true), "more places"),
    ("sessions shed", Action::Failover, |b| b.pool("dr", |p| p.session_shedding_percent = 5), "turns traffic away"),
    (
        "DR pool unknown",
        Action::Failover,
        |b| b.objective.hosts = vec![Host::new("shop.example", Some("primary"), [("dr", "other")])],
        "pool other is not on the board",
    ),
    ("two DR pools", Action::Failover, |b| b.rows.push(row(edge(), RowBody::Pool(pool("p-2", "dr")))), "2 pools"),
    ("DR pool stale", Action::Failover, |b| b.stale(|r| matches!(r, RowBody::Pool(p) if p.name == "dr")), "pool dr is"),
    ("DR pool disabled", Action::Failover, |b| b.pool("dr", |p| p.enabled = false), "Pool dr is disabled"),
    ("DR pool unhealthy", Action::Failover, |b| b.pool("dr", |p| p.healthy = Some(false)), "Pool dr is unhealthy"),
    ("DR pool sheds", Action::Failover, |b| b.pool("dr", |p| p.shedding_percent = 50), "turns traffic away"),
    ("DR pool empty", Action::Failover, |b| b.pool("dr", |p| p.origins.clear()), "too few enabled origins"),
    (
        "primary not in use",
        Action::Failover,
        |b| b.lb(|lb| lb.default_pools = vec!["p-dr".into()]),
        "not among the pools",
    ),
    (
        "two pools of one origin",
        Action::Failover,
        |b| b.pool("dr", |p| p.origins[0].address = "primary.origin.example".into()),
        "lead to the same origins (primary.origin.example)",
    ),
    (
        "same pool twice",
        Action::Failover,
        |b| b.objective.hosts = vec![Host::new("shop.example", Some("primary"), [("dr", "primary")])],
        "not among the pools",
    ),
    (
        "moved already",
        Action::Failover,
        |b| {
            b.lb(|lb| {
                lb.default_pools.reverse();
                lb.fallback_pool = "p-dr".into();
            });
        },
        "already sends",
    ),
    (
        "a pool id with a slash",
        Action::Failover,
        |b| b.lb(|lb| lb.default_pools.push("x/../y".into())),
        "can't be used in a plan",
    ),
    ("another provider", Action::Failover, |b| b.each(|r| r.source = velero()), "can't move traffic"),
    (
        "DR is no DR",
        Action::Restore,
        |b| b.roles = [("dr".into(), ClusterRole::Primary)].into(),
        "not configured as a DR cluster",
    ),
    ("no namespaces", Action::Restore, |b| b.objective.namespaces.clear(), "no namespaces"),
    ("a wild namespace", Action::Restore, |b| b.objective.namespaces = vec!["*".into()], "not a Kubernetes label"),
    ("one cluster by two names", Action::Restore, one_site, "are one cluster (uid uid-dr): there is no other site"),
    ("one cluster by two names", Action::Failover, one_site, "are one cluster (uid uid-dr): there is no other site"),
    ("cluster unseen", Action::Restore, |b| b.drop(|r| matches!(r, RowBody::Cluster(_))), "which cluster dr is"),
    ("cluster stale", Action::Restore, |b| b.stale(|r| matches!(r, RowBody::Cluster(_))), "cluster dr is"),
    (
        "cluster ill",
        Action::Restore,
        |b| {
            b.drop(|r| matches!(r, RowBody::Cluster(_)));
            b.rows.push(row(velero(), cluster("dr", ClusterRole::Dr, Endpoint::Failing)));
        },
        "not healthy",
    ),
    (
        "no uid",
        Action::Restore,
        |b| {
            b.each(|r| {
                if let RowBody::Cluster(ClusterRow { control_plane: Some(cp), .. }) = &mut r.body {
                    cp.uid = None;
                }
            })
        },
        "identity was not read",
    ),
    (
        "no restore point",
        Action::Restore,
        |b| {
            b.drop(|r| matches!(r, RowBody::Backup(_) | RowBody::Service(_)));
        },
        "no usable restore point",
    ),
    (
        "points of another cluster",
        Action::Restore,
        |b| {
            b.each(|r| match &mut r.body {
                RowBody::Backup(BackupRow { cluster, .. }) => *cluster = "primary".into(),
                RowBody::Service(_) => r.source = SourceId::new(System::Velero, "primary"),
                _ => {}
            })
        },
        "no usable restore point",
    ),
    ("points stale", Action::Restore, |b| b.stale(|r| matches!(r, RowBody::Backup(_) | RowBody::Service(_))), "stale"),
    (
        "other namespaces",
        Action::Restore,
        |b| b.point(|p| p.included_namespaces = vec!["ledger".into()]),
        "covers shop",
    ),
    ("excluded", Action::Restore, |b| b.point(|p| p.excluded_namespaces = vec!["sh*".into()]), "covers shop"),
    ("expires", Action::Restore, |b| b.point(|p| p.expires = Some(at("15:20:00"))), "lasts another hour"),
    (
        "labels",
        Action::Restore,
        |b| b.point(|p| p.limits = vec!["it holds only what is labelled app=web".into()]),
        "covers shop",
    ),
    ("location unknown", Action::Restore, |b| b.drop(|r| matches!(r, RowBody::Location(_))), "not known on dr"),
    ("location stale", Action::Restore, |b| b.stale(|r| matches!(r, RowBody::Location(_))), "location default is"),
    ("location down", Action::Restore, |b| b.location(|l| l.phase = Open::new("Unavailable")), "not available"),
    ("velero silent", Action::Restore, |b| b.location(|l| l.last_validated = Some(at("14:40:00"))), "may not run"),
    ("never validated", Action::Restore, |b| b.location(|l| l.last_validated = None), "may not run"),
    ("a restore runs", Action::Restore, |b| b.rows.push(row(velero(), restore(""))), "one at a time"),
    (
        "a restore waits",
        Action::Restore,
        |b| b.rows.push(row(velero(), restore("WaitingForPluginOperations"))),
        "one at a time",
    ),
    ("an odd backup name", Action::Restore, |b| b.point(|p| p.name = "b;rm -rf".into()), "can't be used in a plan"),
    ("an odd uid", Action::Restore, |b| b.point(|p| p.uid = String::new()), "can't be used in a plan"),
];

#[test]
fn what_can_not_work_is_refused_in_words() {
    for (case, action, spoil, says) in REFUSALS {
        let mut bench = PlanBench::new();
        spoil(&mut bench);
        let refusal = bench.build(*action).expect_err(case);
        assert_eq!(refusal.kind, RefusalKind::NotReady, "{case}");
        assert!(refusal.why.as_str().contains(says), "{case}: {}", refusal.why);
        assert!(refusal.why.as_str().ends_with('.') && !refusal.remedy.is_empty(), "{case}: {}", refusal.why);
    }
}

#[test]
fn the_storys_failover_reads_as_agreed() {
    let plan = PlanBench::new().build(Action::Failover).unwrap();
    assert_eq!(plan.title, "Fail over shop.example from primary to dr");
    assert_eq!(
        (plan.confirm.as_str(), plan.locks.as_slice()),
        ("shop.example", ["cloudflare/edge/load_balancer/lb-1".to_owned()].as_slice())
    );
    let shown: Vec<_> = plan.shown.iter().map(|s| format!("{}: {} => {}", s.what, s.now, s.after)).collect();
    assert_eq!(
        shown,
        [
            "default pools: primary → dr => dr → primary",
            "fallback pool: primary => dr",
            "users move: - => within about 30 s (DNS TTL), sticky sessions: none",
            "you lose: - => 8 min of writes since backup shop-hourly-20260302142900 14:29 UTC (RPO 15 min: within)",
            "apps on dr: 12 of 12 at parity, compared with primary => -",
            "dr origins: 1 of 1 enabled, 1 needed => -",
        ]
    );
    assert_eq!(plan.warnings[0], "primary: its API server reports etcd failing");
    let [patch, wait] = plan.steps.as_slice() else { panic!("two steps") };
    assert_eq!(
        sent(patch),
        json!({"zone": "zone-1", "body": {"default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr"}})
    );
    let paths: Vec<_> = patch.pre.iter().map(|p| p.path.as_str()).collect();
    for path in [
        "lb/lb-1/default_pools",
        "lb/lb-1/fallback_pool",
        "lb/lb-1/modified_on",
        "lb/lb-1/overrides",
        "pool/p-dr/healthy",
    ] {
        assert!(paths.contains(&path), "{path}");
    }
    assert!(patch.pre.iter().any(|p| p.says == "dr is healthy in 3 of 3 regions" && p.read_at == at("14:49:57")));
    assert_eq!((wait.request.verb(), wait.request.writes(), wait.limit_s), ("wait", false, 180));
    assert_eq!(
        (wait.check[0].path.as_str(), wait.check[0].op, &wait.check[0].value),
        ("share/dr", Op::Ge, &json!(100))
    );
    assert_eq!(plan.cred_ids, ["cloudflare/edge: token edge"]);
}

#[test]
fn each_credential_is_named_once_in_the_order_of_the_steps() {
    let bench = PlanBench::new();
    let write = |action| bench.build(action).expect("a plan").steps.remove(0);
    let steps = [write(Action::Failover), write(Action::Restore), write(Action::Failover)];
    let ids = bench.with(|context| cred_ids(&steps, context));
    assert_eq!(ids, ["cloudflare/edge: token edge", "velero/dr: context dr"]);
}

/// What a step sends, as it stands in the plan's bytes.
fn sent(step: &Step) -> Value {
    json!(step.request)["params"].take()
}

#[test]
fn the_storys_restore_reads_as_agreed() {
    let plan = PlanBench::new().build(Action::Restore).unwrap();
    assert_eq!(plan.title, "Restore shop on dr from backup shop-hourly-20260302142900");
    assert_eq!(plan.confirm, "shop");
    assert_eq!(plan.locks, ["velero/dr/cluster/uid-dr", "velero/dr/namespace/uid-dr/shop"]);
    let [flip, wait, create, started] = plan.steps.as_slice() else { panic!("four steps") };
    assert_eq!(
        sent(flip),
        json!({"namespace": "velero", "name": "default", "body": {"spec": {"accessMode": "ReadOnly"}}})
    );
    let last = create.pre.len() - 1;
    assert_eq!(flip.pre[..last], create.pre[..last], "the first write asks for all that the second relies on");
    assert!(flip.pre.iter().any(|p| p.path == "backups/uploading" && p.value == json!(0)));
    assert_eq!(
        sent(create),
        json!({"namespace": "velero", "spec": {
        "backupName": "shop-hourly-20260302142900", "includedNamespaces": ["shop"]}})
    );
    let pre: Vec<_> = create.pre.iter().map(|p| (p.path.as_str(), p.op, p.value.clone())).collect();
    let b = "backup/shop-hourly-20260302142900";
    assert_eq!(
        pre,
        [
            ("cluster/uid", Op::Eq, json!("uid-dr")),
            (format!("{b}/uid").as_str(), Op::Eq, json!("5e0c5f5e-0000-4000-8000-000000000001")),
            (format!("{b}/phase").as_str(), Op::Eq, json!("Completed")),
            (format!("{b}/deleting").as_str(), Op::Eq, json!(false)),
            (format!("{b}/expires_in_s").as_str(), Op::Ge, json!(3600)),
            ("restores/open", Op::Eq, json!(0)),
            ("location/default/phase", Op::Eq, json!("Available")),
            ("location/default/validated_age_s", Op::Le, json!(180)),
            ("namespace/shop/phase", Op::In, json!([null, "Active", "forbidden"])),
            ("may/create/restores", Op::In, json!([true, null])),
            ("location/default/access_mode", Op::Eq, json!("ReadOnly")),
        ]
    );
    assert!(flip.pre.iter().any(|p| p.path == "may/patch/location/default"), "asked before anything is written");
    assert_eq!((wait.request.verb(), wait.request.writes(), wait.limit_s), ("wait", false, 120));
    assert_eq!(
        wait.check.iter().map(|c| (c.path.as_str(), c.value.clone())).collect::<Vec<_>>(),
        [("location/default/phase", json!("Available")), ("location/default/validated_since_change", json!(true))]
    );
    assert_eq!(
        create.check[0],
        StepCheck { path: "restore/@plan/phase".into(), op: Op::In, value: json!(["Completed"]), src: velero() }
    );
    assert_eq!(
        create.check[1],
        StepCheck { path: "restore/@plan/restored".into(), op: Op::Ge, value: json!(1), src: velero() },
        "a restore that brought nothing back is no success"
    );
    assert_eq!((started.request.verb(), started.request.writes(), started.limit_s), ("wait", false, 600));
    assert_eq!(
        started.check.iter().map(|c| (c.path.as_str(), c.op, c.value.clone())).collect::<Vec<_>>(),
        [("pods/shop/waiting", Op::Eq, json!([])), ("pods/shop/ready", Op::Ge, json!(1))],
        "what is restored and does not start is no success, nor is nothing at all"
    );
    let mut bench = PlanBench::new();
    bench.location(|l| l.access_mode = Open::new("ReadOnly"));
    let plan = bench.build(Action::Restore).unwrap();
    assert_eq!(plan.steps.iter().map(|s| s.request.verb()).collect::<Vec<_>>(), ["velero.create_restore", "wait"]);
    assert_eq!(plan.steps[0].id, "1");
}

/// The exact bytes two people confirm. A change here changes every digest: it must be meant.
#[test]
fn the_storys_plans_have_these_bytes() {
    for (action, golden) in [(Action::Failover, "failover"), (Action::Restore, "restore")] {
        let plan = PlanBench::new().build(action).unwrap();
        let (bytes, _) = seal::plan_bytes(&plan).unwrap();
        insta::assert_snapshot!(golden, bytes);
    }
}

#[test]
fn the_newest_point_that_covers_the_service_is_taken() {
    let mut bench = PlanBench::new();
    let newer = PointSummary { name: "shop-hourly-20260302144500".into(), started: at("14:45:00"), ..point() };
    let elsewhere = PointSummary {
        name: "all-but-shop".into(),
        started: at("14:48:00"),
        excluded_namespaces: vec!["shop".into()],
        ..point()
    };
    bench.rows.push(row(velero(), backup(newer)));
    bench.rows.push(row(velero(), backup(elsewhere)));
    let plan = bench.build(Action::Restore).unwrap();
    assert_eq!(sent(&plan.steps[2])["spec"]["backupName"], "shop-hourly-20260302144500");
}

/// Two backups, a namespace each, both known on DR.
fn in_two_parts() -> PlanBench {
    let mut bench = PlanBench::new();
    bench.objective.namespaces = vec!["shop".into(), "pay".into()];
    let pay = PointSummary {
        name: "pay-hourly-20260302141500".into(),
        uid: "u-pay".into(),
        started: at("14:15:00"),
        included_namespaces: vec!["pay".into()],
        ..point()
    };
    let shop = PointSummary { included_namespaces: vec!["shop".into()], ..point() };
    bench.drop(|r| matches!(r, RowBody::Backup(_) | RowBody::Service(_)));
    bench.rows.push(row(velero(), backup(shop.clone())));
    bench.rows.push(row(velero(), backup(pay.clone())));
    let mut whole = service(Some(pay));
    if let RowBody::Service(ServiceRow { with, .. }) = &mut whole {
        with.push(shop);
    }
    bench.rows.push(row(velero(), whole));
    bench
}

#[test]
fn backups_that_cover_the_service_together_are_restored_one_after_the_other() {
    let plan = in_two_parts().build(Action::Restore).unwrap();
    let creates: Vec<&Step> =
        plan.steps.iter().filter(|it| matches!(it.request, StepRequest::CreateRestore(_))).collect();
    let asked: Vec<_> = creates.iter().map(|it| sent(it)["spec"].clone()).collect();
    assert_eq!(
        asked,
        [
            json!({"backupName": "pay-hourly-20260302141500", "includedNamespaces": ["pay"]}),
            json!({"backupName": point().name, "includedNamespaces": ["shop"]}),
        ]
    );
    let paths: Vec<&str> = creates.iter().map(|it| it.check[0].path.as_str()).collect();
    assert_eq!(paths, ["restore/@plan/phase", "restore/@plan-4/phase"], "each has a name of its own");
    assert!(creates[1].target.id.ends_with("/@plan-4"));
    let (_, digest) = seal::plan_bytes(&plan).unwrap();
    let own = resolve(&creates[1].check[0].path, &digest);
    assert_eq!(own.as_str(), format!("restore/{}/phase", restore_name(&digest, "-4")));
    // The first write asks for both backups; each restore for its own.
    let of =
        |step: &Step, name: &str| step.pre.iter().any(|pre| pre.path.as_str().starts_with(&format!("backup/{name}/")));
    assert!(of(&plan.steps[0], "pay-hourly-20260302141500") && of(&plan.steps[0], point().name.as_str()));
    assert!(!of(creates[1], "pay-hourly-20260302141500"));
    assert!(plan.warnings.iter().any(|it| it.contains("No single backup covers the service")), "{:?}", plan.warnings);
    let lost = plan.shown.iter().find(|it| it.what == "you lose").expect("what is lost");
    assert!(lost.after.contains("pay-hourly"), "by the oldest: {lost:?}");
    // In two locations there is no plan, and the refusal says so.
    let mut bench = in_two_parts();
    bench.each(|r| {
        if let RowBody::Service(ServiceRow { with, .. }) = &mut r.body {
            with.iter_mut().for_each(|it| it.location = "other".into());
        }
    });
    assert!(bench.build(Action::Restore).unwrap_err().why.as_str().contains("are in two locations"));
}

#[test]
fn the_primarys_velero_is_asked_whether_it_keeps_the_backup_where_it_can_be() {
    let asked = |change: fn(&mut Location, &mut bool)| {
        let mut bench = PlanBench::new();
        let mut place = Location { cluster: "primary".into(), ..location() };
        let mut stale = false;
        change(&mut place, &mut stale);
        let primary = SourceId::new(System::Velero, "primary");
        let mut its = row(primary.clone(), RowBody::Location(place));
        its.stale = stale;
        bench.rows.push(its);
        let plan = bench.build(Action::Restore).unwrap();
        let kept = |step: &Step| step.pre.iter().any(|it| it.src == primary && it.path.as_str().ends_with("/kept"));
        let all = plan.steps.iter().filter(|it| it.request.writes()).all(kept);
        assert_eq!(all, plan.steps.iter().any(kept), "before every write, or before none");
        let said = plan.warnings.iter().any(|it| it.contains("Whether the Velero of primary deletes the backup"));
        assert_eq!(said, !all);
        all
    };
    assert!(asked(|_, _| {}));
    assert!(!asked(|_, stale| *stale = true), "a primary that is down must not stand in the way");
    assert!(!asked(|it, _| it.store = "aws:another".into()));
    assert!(!asked(|it, _| it.endpoint = "https://minio.example".into()));
}

#[test]
fn a_refusal_says_the_cause_whole() {
    let cause = "NoSuchBucket: The specified bucket does not exist";
    let long = format!(
        "BackupStorageLocation \"default\" is unavailable: rpc error: code = Unknown desc = {}{cause}",
        "x".repeat(300)
    );
    let mut bench = PlanBench::new();
    bench.location(|it| {
        it.phase = Open::new("Unavailable");
        it.message = SafeText::new(&long);
    });
    let why = bench.build(Action::Restore).unwrap_err().why.to_string();
    assert!(why.contains(cause), "{why}");
    let mut bench = PlanBench::new();
    bench.drop(|r| matches!(r, RowBody::Service(_)));
    bench.each(|r| {
        if let RowBody::Backup(BackupRow { point, .. }) = &mut r.body {
            *point = None;
            r.why = SafeText::new(&format!("no usable restore point: x is the newest, and {long}"));
        }
    });
    let why = bench.build(Action::Restore).unwrap_err().why.to_string();
    assert!(why.contains(cause), "{why}");
}

#[test]
fn warnings_say_what_the_plan_can_not_help() {
    let warned = |action, change: fn(&mut PlanBench), says: &str| {
        let mut bench = PlanBench::new();
        change(&mut bench);
        let plan = bench.build(action).unwrap();
        assert!(plan.warnings.iter().any(|w| w.contains(says)), "{says}: {:?}", plan.warnings);
    };
    warned(
        Action::Failover,
        |b| b.lb(|lb| lb.session_affinity = Open::new("cookie")),
        "Sticky sessions stay on primary",
    );
    warned(
        Action::Failover,
        |b| {
            b.lb(|lb| {
                lb.session_affinity = Open::new("cookie");
                lb.drain_s = Some(120);
            });
        },
        "would move those sessions, over 2 min (drain)",
    );
    warned(Action::Failover, |b| b.lb(|lb| lb.proxied = true), "the TTL means nothing");
    warned(Action::Failover, |b| b.pool("primary", |p| p.used_by = None), "Who else uses pool primary was not read");
    warned(Action::Failover, |b| b.pool("dr", |p| p.regional = true), "Each region judges dr for itself");
    warned(Action::Failover, |b| b.pool("primary", |p| p.monitored = false), "primary has no monitor");
    warned(
        Action::Failover,
        |b| b.lb(|lb| lb.overrides = vec!["rule beta".into()]),
        "Users under rule beta go where that says; it does not name primary",
    );
    warned(Action::Failover, |b| b.pool("dr", |p| p.healthy = None), "health is not known");
    warned(Action::Failover, |b| b.objective.rpo_s = 60, "over the objective");
    warned(Action::Failover, |b| b.objective.probes.clear(), "nothing will prove that users moved");
    warned(Action::Failover, |b| b.drop(|r| matches!(r, RowBody::Service(_))), "No usable restore point");
    warned(
        Action::Failover,
        |b| b.stale(|r| matches!(r, RowBody::Cluster(_))),
        "primary unreachable: its state is 3 s old",
    );
    warned(
        Action::Failover,
        |b| {
            b.drop(|r| matches!(r, RowBody::Parity(_)));
            b.rows.push(row(velero(), parity(9)));
        },
        "9 of 12 apps at parity: shop-9, shop-10, shop-11",
    );
    warned(
        Action::Restore,
        |b| {
            b.objective.apps = vec!["kustomization/shop".into()];
            let app = |kind, name: &str| App {
                kind: Open::new(kind),
                name: name.into(),
                cluster: "dr".into(),
                ..App::default()
            };
            for app in [app("Kustomization", "shop"), app("HelmRelease", "shop"), app("Kustomization", "pay")] {
                b.rows.push(row(velero(), RowBody::App(app.into())));
            }
        },
        "1 of 1 apps of the service on dr sync by themselves, or may (shop)",
    );
    warned(Action::Restore, |b| b.point(|p| p.off_site = OffSite::No), "stay at the source site");
    warned(Action::Restore, |b| b.point(|p| p.off_site = OffSite::NoVolumes), "not known to hold any volume data");
    warned(Action::Restore, |b| b.point(|p| p.off_site = OffSite::Unknown), "Nothing proves");
    warned(Action::Restore, |b| b.location(|l| l.validation_every_s = 0), "never validated");
    warned(Action::Restore, |b| b.location(|l| l.sync_every_s = 0), "not synchronised lately");
    warned(Action::Restore, |b| b.location(|l| l.last_synced = Some(at("14:40:00"))), "not synchronised lately");
    warned(Action::Restore, |_| {}, "v1.18.0");
    warned(Action::Restore, |_| {}, "repository-password");
    warned(Action::Restore, |_| {}, "kubectl -n velero patch backupstoragelocation default");
    warned(
        Action::Restore,
        |b| {
            b.each(|r| {
                if let RowBody::Backup(BackupRow { newer, .. }) = &mut r.body {
                    *newer = Some(("shop-hourly-20260302144500".into(), "PartiallyFailed".into()));
                }
            })
        },
        "A newer backup, shop-hourly-20260302144500, is PartiallyFailed",
    );
}

#[test]
fn pools_named_only_by_the_load_balancer_will_do() {
    let mut bench = PlanBench::new();
    bench.drop(|r| matches!(r, RowBody::Pool(_)));
    let of = |id: &str, name: &str| PoolRef {
        id: id.into(),
        name: name.into(),
        enabled: Some(true),
        healthy: Some(true),
        regional: false,
        places_ok: 3,
        places: 3,
    };
    bench.each(|r| {
        if let RowBody::LoadBalancer(LoadBalancerRow { order, .. }) = &mut r.body {
            *order = vec![of("p-primary", "primary"), of("p-dr", "dr")];
        }
    });
    assert_eq!(bench.build(Action::Failover).unwrap().confirm, "shop.example");
}

#[test]
fn conditions_hold_by_type_and_value() {
    for (op, value, found, is) in [
        (Op::Eq, json!(["a", "b"]), json!(["a", "b"]), true),
        (Op::Eq, json!(["a", "b"]), json!(["b", "a"]), false),
        (Op::Eq, json!(1), json!("1"), false),
        (Op::Eq, json!(null), json!(null), true),
        (Op::In, json!([true, null]), json!(null), true),
        (Op::In, json!([true, null]), json!(false), false),
        (Op::In, json!("abc"), json!("a"), false),
        (Op::Le, json!(180), json!(180), true),
        (Op::Le, json!(180), json!(181), false),
        (Op::Le, json!(180), json!(null), false),
        (Op::Le, json!(180), json!(-1), true),
        (Op::Ge, json!(100), json!(99), false),
        (Op::Ge, json!(100), json!(u64::MAX), true),
        (Op::Ge, json!(100), json!("100"), false),
        (Op::Ge, json!(100), json!(100.5), false),
    ] {
        assert_eq!(holds(op, &value, &found), is, "{op:?} {value} {found}");
    }
}

fn read(step: &Step) -> BTreeMap<(SourceId, ReadPath), Value> {
    let first = |p: &crate::model::plan::Pre| match p.op {
        Op::In => p.value[0].clone(),
        _ => p.value.clone(),
    };
    step.pre.iter().map(|p| ((p.src.clone(), p.path.clone()), first(p))).collect()
}

#[test]
fn preflight_names_each_condition_that_broke() {
    for action in Action::ALL {
        for step in PlanBench::new().build(action).unwrap().steps {
            let good = read(&step);
            assert!(preflight(&step, &good).is_empty());
            for key in good.keys() {
                let mut changed = good.clone();
                changed.insert(key.clone(), json!("something else"));
                let broken = preflight(&step, &changed);
                assert_eq!(broken.iter().map(|b| &b.pre.path).collect::<Vec<_>>(), [&key.1]);
                let says = broken[0].says();
                let said = ["now something else", "now it is otherwise", "changed something else"];
                assert!(said.iter().any(|it| says.contains(it)), "{says}");
                assert!(!says.contains('[') || !says.contains("p-primary"), "an id tells a reader nothing: {says}");
                changed.remove(key);
                let broken = preflight(&step, &changed);
                assert_eq!(broken.len(), 1);
                assert!(broken[0].found.is_none() && broken[0].says().contains("can't be read"));
            }
        }
    }
}

#[test]
fn a_restore_that_ended_otherwise_is_not_waited_for() {
    let plan = PlanBench::new().build(Action::Restore).unwrap();
    let step = &plan.steps[2];
    let phase = |phase: Value| {
        let over = phase == "Completed";
        let read = [("phase", phase), ("restored", if over { json!(117) } else { Value::Null })];
        judge(step, &read.map(|(it, value)| ((velero(), format!("restore/@plan/{it}").as_str().into()), value)).into())
    };
    assert_eq!(phase(json!("Completed")), Progress::Done);
    for waiting in [json!(null), json!(""), json!("InProgress"), json!("Finalizing"), json!("NewPhase")] {
        assert_eq!(phase(waiting), Progress::Waiting);
    }
    for over in ["PartiallyFailed", "Failed", "FailedValidation"] {
        assert_eq!(phase(json!(over)), Progress::Failed);
    }
    let nothing = [("phase", json!("Completed")), ("restored", json!(0))];
    let nothing = nothing.map(|(it, value)| ((velero(), format!("restore/@plan/{it}").as_str().into()), value)).into();
    assert_eq!(judge(step, &nothing), Progress::Failed, "Completed is no success where nothing came back");
    assert_eq!(judge(step, &BTreeMap::new()), Progress::Waiting);
    assert_eq!(judge(&Step { check: vec![], ..step.clone() }, &BTreeMap::new()), Progress::Waiting);
    let (_, digest) = seal::plan_bytes(&plan).unwrap();
    let path = format!("restore/{}/phase", restore_name(&digest, ""));
    assert!(needed(step, &digest).contains(&(velero(), path.as_str().into())));
}

#[test]
fn the_shell_gets_one_word_whatever_is_in_it() {
    for word in
        ["", "shop", "it's", "a b", "$(id)", "`id`", "\"", "\\", "-n", "a;b", "{\"k\":\"v'\"}", "*", "~", "a\nb"]
    {
        let out =
            std::process::Command::new("sh").args(["-c", &format!("printf '<%s>' {}", quote(word))]).output().unwrap();
        assert_eq!(String::from_utf8(out.stdout).unwrap(), format!("<{word}>"));
    }
}

#[test]
fn the_manual_way_is_valid_shell_and_sends_what_the_plan_sends() {
    for action in Action::ALL {
        let plan = PlanBench::new().build(action).unwrap();
        let lines = manual(&plan);
        let script = lines.join("\n");
        let checked = std::process::Command::new("sh").args(["-n", "-c", &script]).output().unwrap();
        assert!(checked.status.success(), "{script}");
        assert!(script.contains("Outside the two-person rule"));
        match action {
            Action::Failover => {
                assert!(
                    script.contains(r#"--data '{"default_pools":["p-dr","p-primary"],"fallback_pool":"p-dr"}'"#),
                    "{script}"
                );
                assert!(script.contains("/zones/zone-1/load_balancers/lb-1") && script.contains("$CLOUDFLARE_TOKEN"));
                assert!(script.contains("100 % of the answers to probe/shop come from dr"));
            }
            Action::Restore => {
                let (_, digest) = seal::plan_bytes(&plan).unwrap();
                assert!(script.contains(&restore_name(&digest, "")) && script.contains(&digest.to_string()));
                assert!(script.contains(r#"-p '{"spec":{"accessMode":"ReadOnly"}}'"#), "{script}");
                assert!(script.contains("must print uid-dr"));
            }
        }
    }
}

/// Every string of a parameter, target id, path or condition.
fn strings(value: &Value, out: &mut BTreeSet<String>) {
    match value {
        Value::String(s) => {
            out.insert(s.clone());
        }
        Value::Array(items) => items.iter().for_each(|v| strings(v, out)),
        Value::Object(map) => map.values().for_each(|v| strings(v, out)),
        _ => {}
    }
}

fn outside() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z0-9][a-z0-9-]{0,12}[a-z0-9]",
        2 => any::<String>(),
        1 => Just("p-dr".to_owned()),
        1 => Just("e\u{301}\u{202e}\u{200b}' OR $(reboot)".to_owned()),
    ]
}

proptest! {
    /// Whatever names, ids and texts come from outside: what is built can be sealed, reads back equal, and holds only
    /// checked identifiers where something is sent or compared.
    #[test]
    fn every_plan_that_is_built_is_canonical_and_has_no_free_text(
        ids in prop::array::uniform4(outside()), texts in prop::array::uniform4(outside()), ns in outside(),
    ) {
        let mut bench = PlanBench::new();
        let [dr_id, lb_id, backup, uid] = ids;
        let [app, message, affinity, modified] = texts;
        bench.pool("dr", |p| p.id.clone_from(&dr_id));
        bench.lb(|lb| {
            lb.id.clone_from(&lb_id);
            lb.default_pools[1].clone_from(&dr_id);
            lb.session_affinity = Open::new(&affinity);
            lb.modified_on = SafeText::new(&modified);
        });
        bench.point(|p| {
            p.name = SafeText::new(&backup);
            p.uid.clone_from(&uid);
            p.included_namespaces.clear();
        });
        bench.location(|l| l.message = SafeText::new(&message));
        bench.objective.namespaces.push(ns.clone());
        bench.credentials.insert(edge(), message.clone());
        bench.drop(|r| matches!(r, RowBody::Parity(_)));
        let laggards = vec![(SafeText::new(&app), SafeText::new(&message))];
        bench.rows.push(row(velero(), RowBody::Parity(ParityRow { cluster: "dr".into(), ok: 0, total: 1, laggards, silent: 0, passing: 0, against: vec![now_of_primary()], oldest_reconciled: None })));
        for action in Action::ALL {
            let Ok(plan) = bench.build(action) else { continue };
            let (bytes, digest) = seal::plan_bytes(&plan).unwrap();
            prop_assert_eq!(seal::parse_plan(&bytes).unwrap(), (plan.clone(), digest));
            let mut sent = BTreeSet::new();
            for step in &plan.steps {
                strings(&super::tests::sent(step), &mut sent);
                sent.insert(step.target.id.clone());
                step.pre.iter().for_each(|p| { strings(&p.value, &mut sent); sent.insert(p.path.to_string()); });
                step.check.iter().for_each(|c| { strings(&c.value, &mut sent); sent.insert(c.path.to_string()); });
            }
            sent.extend(plan.locks.iter().cloned());
            for s in sent {
                let ok = s.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:/@-".contains(&b));
                prop_assert!(ok && !s.is_empty(), "{s:?} was sent");
            }
            let script = manual(&plan).join("\n");
            prop_assert!(script.is_ascii() || script.replace('→', "").is_ascii());
            prop_assert_eq!(script.lines().count(), manual(&plan).len());
        }
    }

    #[test]
    fn words_are_plain_and_names_are_checked(raw in any::<String>()) {
        prop_assert!(words(&raw).bytes().all(|b| (b' '..=b'~').contains(&b)));
        if let Ok(name) = name("it", &raw) {
            prop_assert!(!name.contains(['/', '@', ' ', '\'']) && !name.is_empty());
        }
    }
}
