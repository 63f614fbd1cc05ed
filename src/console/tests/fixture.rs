//! The brief's incident as a console knows it at T+14: the design material of every frame.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::TimeDelta;

use crate::board::row::{Against, AppsKnown, PointSummary, PoolRef};
use crate::board::{BurnPair, BurnState, ErrorBudget, Row, RowBody, Topic, TopicView, Verdict};
use crate::client::{LinkState, Mirror};
use crate::clock::{Clock, ClockSync};
use crate::console::app::Console;
use crate::console::input::{Input, Now};
use crate::console::keymap::{Keymap, keys};
use crate::console::theme::{ColorDepth, Look, Theme};
use crate::console::widget::time::Zone;
use crate::console::{Effect, update};
use crate::model::facts::{
    Alert, App as Application, ControlPlane, Endpoint, KubeEvent, LoadBalancer, Location, Matcher, OffSite, Open,
    Probe, Silence,
};
use crate::model::{
    Actor, ClusterRole, Host, Level, Objective, PersonId, PersonRole, SafeText, SourceId, Stamp, Strategy, System,
    Trouble, TroubleKind,
};
use crate::protocol::{DrillInfo, Welcome, Who};

use super::story;

pub fn at(clock: &str) -> Stamp {
    format!("2026-11-22T{clock}Z").parse().unwrap()
}

pub fn now() -> Stamp {
    at("14:55:42")
}

pub fn ago(seconds: i64) -> Stamp {
    now() - TimeDelta::seconds(seconds)
}

fn source(system: System, instance: &str) -> SourceId {
    SourceId::new(system, instance)
}

fn row(id: &str, source: SourceId, verdict: Verdict, seen: i64, why: &str, body: RowBody) -> Row {
    Row { id: id.to_owned(), source, verdict, seen_at: ago(seen), stale: false, why: SafeText::from(why), body }
}

fn stale(row: Row) -> Row {
    Row { stale: true, verdict: Verdict::Unknown, ..row }
}

fn view(rows: Vec<Row>) -> TopicView {
    TopicView { total: rows.len() as u64, dropped: 0, rows }
}

pub fn person(name: &str) -> Actor {
    Actor { person: PersonId::from(name), uid: None, level: Level::Drill, login: None, simulated: false }
}

pub fn objective() -> Objective {
    Objective {
        service: "shop".to_owned(),
        rto_s: 1800,
        rpo_s: 900,
        strategy: Strategy::WarmStandby,
        primary: "primary".to_owned(),
        dr: vec!["dr".to_owned()],
        schedules: vec!["shop-hourly".to_owned()],
        namespaces: vec!["shop".to_owned()],
        apps: vec!["shop-*".to_owned()],
        hosts: vec![Host::new("shop.example", Some("primary"), [("dr", "dr")])],
        probes: vec!["shop".to_owned()],
    }
}

pub fn welcome(me: &str) -> Welcome {
    Welcome {
        proto: 1,
        version: "0.1.0".to_owned(),
        room: "prod-ca".to_owned(),
        log: "0f".repeat(16),
        you: person(me),
        role: PersonRole::Commander,
        clock: ClockSync { at: now(), speed: 60.0 },
        drill: Some(DrillInfo { scenario: "etcd-corruption".to_owned(), seed: 7, speed: 60.0 }),
        objectives: vec![objective()],
        degraded: None,
        log_room: None,
        head: None,
        seen: None,
    }
}

fn sources() -> TopicView {
    let alive = |system, name: &str, age: i64| {
        let body = RowBody::Source {
            alive_at: Some(ago(age)),
            troubled_since: None,
            trouble: None,
            fresh_for_s: 30,
            reading: false,
            notes: Vec::new(),
        };
        row(&format!("{}/{name}", system_name(system)), source(system, name), Verdict::Ok, age, "", body)
    };
    let dead = |system, name: &str, kind, what: &str, remedy: &str| {
        let trouble = Trouble { kind, what: SafeText::from(what), remedy: SafeText::from(remedy) };
        let body = RowBody::Source {
            alive_at: Some(ago(1122)),
            troubled_since: Some(ago(1116)),
            trouble: Some(trouble),
            fresh_for_s: 30,
            reading: false,
            notes: Vec::new(),
        };
        stale(row(&format!("{}/{name}", system_name(system)), source(system, name), Verdict::Unknown, 1122, "", body))
    };
    let no_answer = "no answer from the API server in 5 s";
    let etcd = "its etcd is failing; rows keep the age they had";
    view(vec![
        dead(System::Kubernetes, "primary", TroubleKind::ServerError, "livez fails: etcd", ""),
        alive(System::Kubernetes, "dr", 1),
        dead(System::Velero, "primary", TroubleKind::Silent, no_answer, etcd),
        alive(System::Velero, "dr", 12),
        dead(System::Argocd, "primary", TroubleKind::Silent, no_answer, etcd),
        alive(System::Argocd, "dr", 6),
        alive(System::Alertmanager, "am-1", 3),
        alive(System::Alertmanager, "am-2", 4),
        alive(System::Cloudflare, "edge", 7),
        alive(System::Probe, "shop", 3),
        alive(System::Prometheus, "prom", 9),
    ])
}

fn system_name(system: System) -> &'static str {
    system.name()
}

fn alert(name: &str, severity: &str, cluster: &str, minutes: i64, receivers: &[&str]) -> Row {
    let verdict = match severity {
        "critical" => Verdict::Critical,
        "warning" => Verdict::Warning,
        _ => Verdict::Info,
    };
    let labels = BTreeMap::from([
        ("cluster".to_owned(), SafeText::from(cluster)),
        ("severity".to_owned(), SafeText::from(severity)),
    ]);
    let alert = Alert {
        fingerprint: format!("f-{name}"),
        name: SafeText::from(name),
        severity: Open::new(severity),
        grade: crate::model::AlertWords::default().grade(name, severity),
        labels,
        summary: SafeText::from("members of the etcd cluster are down"),
        description: "".into(),
        runbook_url: "".into(),
        generator_url: "".into(),
        starts_at: Some(ago(minutes * 60 + 42)),
        state: Open::new("active"),
        silenced_by: Vec::new(),
        inhibited_by: Vec::new(),
        receivers: receivers.iter().map(|name| SafeText::from(*name)).collect(),
    };
    let service = name.starts_with("Checkout").then(|| "shop".to_owned());
    let held_by = vec!["am-1".to_owned(), "am-2".to_owned()];
    let body = RowBody::Alert { alert, held_by, missing_from: Vec::new(), service, since_restart: false };
    row(&format!("f-{name}"), source(System::Alertmanager, "am-1"), verdict, 4, "", body)
}

fn alerts() -> TopicView {
    let mut silenced = alert("KubeletTooManyPods", "warning", "dr", 190, &["slack"]);
    if let RowBody::Alert { alert, .. } = &mut silenced.body {
        alert.silenced_by.push(SILENCE.to_owned());
        alert.state = Open::new("suppressed");
    }
    silenced.why = SafeText::from("silenced by sam until 16:00:00 UTC: INC-2026-11-22-01: known, not ours");
    silenced.verdict = Verdict::Info;
    view(vec![
        alert("etcdMembersDown", "critical", "primary", 14, &["pagerduty"]),
        alert("KubeAPIDown", "critical", "primary", 12, &["pagerduty"]),
        alert("CheckoutErrorRate", "critical", "primary", 11, &["pagerduty"]),
        alert("NodeNotReady", "warning", "primary", 10, &["slack"]),
        alert("KubeControllerManagerDown", "warning", "primary", 10, &["slack"]),
        alert("KubeSchedulerDown", "warning", "primary", 10, &["slack"]),
        alert("TargetDown", "warning", "primary", 9, &["slack"]),
        silenced,
        alert("Watchdog", "none", "dr", 5000, &["deadman"]),
    ])
}

fn traffic() -> TopicView {
    let pool = |name: &str, ok: u32| PoolRef {
        id: format!("pool-{name}"),
        name: SafeText::from(name),
        enabled: Some(true),
        healthy: Some(ok > 0),
        regional: false,
        places_ok: ok,
        places: 3,
    };
    let lb = LoadBalancer {
        id: "lb-1".to_owned(),
        zone: "zone-1".to_owned(),
        name: SafeText::from("shop.example"),
        enabled: true,
        proxied: false,
        ttl_s: Some(30),
        default_pools: vec!["pool-dr".to_owned(), "pool-primary".to_owned()],
        fallback_pool: "pool-dr".to_owned(),
        policy: Open::new("off"),
        overrides: Vec::new(),
        session_affinity: Open::new("none"),
        modified_on: SafeText::from("2026-11-22T14:50:33Z"),
        ..LoadBalancer::default()
    };
    let balancer = RowBody::LoadBalancer {
        lb,
        order: vec![pool("dr", 3), pool("primary", 0)],
        fallback: Some(pool("dr", 3)),
        goes_to: Some(SafeText::from("dr")),
        routes: Vec::new(),
        service: Some("shop".to_owned()),
    };
    let probe = Probe {
        name: "shop".to_owned(),
        service: "shop".to_owned(),
        url: SafeText::from("https://shop.example/healthz"),
        ok: false,
        status: Some(503),
        error: SafeText::from("503 Service Unavailable"),
        site: Some(SafeText::from("dr")),
        latency_ms: 84,
        samples: 6,
        good: 0,
        by_site: BTreeMap::from([("dr".to_owned(), 6)]),
        since: at("14:37:00"),
    };
    view(vec![
        row("lb/lb-1", source(System::Cloudflare, "edge"), Verdict::Ok, 7, "", balancer),
        row("probe/shop", source(System::Probe, "shop"), Verdict::Critical, 3, "503 for 18 min", RowBody::Probe(probe)),
    ])
}

fn point(name: &str, started: Stamp) -> PointSummary {
    PointSummary {
        name: SafeText::from(name),
        uid: "5be3".to_owned(),
        started,
        expires: None,
        location: SafeText::from("off-site"),
        off_site: OffSite::Yes,
        included_namespaces: vec![SafeText::from("shop")],
        excluded_namespaces: Vec::new(),
        limits: Vec::new(),
        left_out: Vec::new(),
        cluster: "dr".into(),
        items: Some(412),
    }
}

fn schedule(name: &str, started: Stamp, rpo_s: u64, verdict: Verdict) -> Row {
    let body = RowBody::Backup {
        cluster: "dr".to_owned(),
        schedule: SafeText::from(name),
        services: vec!["shop".to_owned()],
        cron: SafeText::from("29 * * * *"),
        paused: false,
        point: Some(point(&format!("{name}-1429"), started)),
        rpo_s: Some(rpo_s),
        overdue: false,
        missed_runs: 0,
        missed_more: false,
        vanished: 0,
        next_run: Some(at("15:29:00")),
        newer: None,
    };
    row(&format!("dr/{name}"), source(System::Velero, "dr"), verdict, 12, "", body)
}

fn backups() -> TopicView {
    let location = Location {
        cluster: "dr".to_owned(),
        namespace: "velero".to_owned(),
        name: SafeText::from("off-site"),
        phase: Open::new("Available"),
        access_mode: Open::new("ReadWrite"),
        default: true,
        last_validated: Some(ago(42)),
        validation_every_s: 60,
        last_synced: Some(ago(42)),
        sync_every_s: 60,
        message: SafeText::default(),
        store: SafeText::from("aws:shop-backups/shop"),
        endpoint: SafeText::default(),
    };
    view(vec![
        schedule("ledger", ago(2 * 3600 + 300), 3600, Verdict::Critical),
        schedule("shop-hourly", ago(8 * 60 + 20), 900, Verdict::Ok),
        schedule("shop-daily", ago(17 * 3600), 86_400, Verdict::Ok),
        row("dr/off-site", source(System::Velero, "dr"), Verdict::Ok, 12, "", RowBody::Location(location)),
    ])
}

fn application(name: &str, age: i64) -> Row {
    let app = Application {
        cluster: "dr".to_owned(),
        namespace: SafeText::from("argocd"),
        name: SafeText::from(name),
        sync: Open::new("Synced"),
        health: Open::new("Healthy"),
        revision: SafeText::from("8c1f0a2"),
        target_revision: SafeText::from("main"),
        destination: SafeText::from("https://dr:6443"),
        destination_matches: true,
        reconciled_at: Some(ago(age)),
        operation_pending: false,
        operation_phase: Open::new("Succeeded"),
        operation_message: SafeText::default(),
        suspended: false,
        kind: Open::new("Application"),
        automated: Some(true),
        ..Application::default()
    };
    row(&format!("dr/{name}"), source(System::Argocd, "dr"), Verdict::Ok, 6, "", RowBody::App(app.into()))
}

fn gitops() -> TopicView {
    let of_primary = Against { cluster: "primary".to_owned(), known: AppsKnown::LastRead(ago(1122)) };
    let parity = |cluster: &str, ok, age| RowBody::Parity {
        cluster: cluster.to_owned(),
        ok,
        total: 12,
        laggards: Vec::new(),
        silent: 0,
        passing: 0,
        against: if cluster == "dr" { vec![of_primary.clone()] } else { Vec::new() },
        oldest_reconciled: Some(ago(age)),
    };
    let mut rows = vec![
        row("dr", source(System::Argocd, "dr"), Verdict::Ok, 6, "", parity("dr", 12, 130)),
        stale(row(
            "primary",
            source(System::Argocd, "primary"),
            Verdict::Unknown,
            1122,
            "last read 18 min ago",
            parity("primary", 12, 1140),
        )),
    ];
    let names = [
        "cart",
        "checkout",
        "frontend",
        "inventory",
        "ledger",
        "mail",
        "orders",
        "payments",
        "prices",
        "search",
        "sessions",
        "users",
    ];
    rows.extend((0i64..).zip(names).map(|(i, name)| application(&format!("shop-{name}"), 100 + i * 9)));
    view(rows)
}

/// The nodes that the events below tell of.
fn lost_nodes() -> Vec<SafeText> {
    let name =
        |i: u32| SafeText::from(if i == 0 { "ip-10-0-1-7".to_owned() } else { format!("ip-10-0-1-7-{}", 5 * i) });
    (0..8).map(name).collect()
}

fn clusters() -> TopicView {
    let plane = |cluster: &str, ok: bool| ControlPlane {
        cluster: cluster.to_owned(),
        uid: Some(format!("uid-{cluster}")),
        version: SafeText::from("v1.33.2"),
        livez: if ok { Endpoint::Ok } else { Endpoint::Failing },
        readyz: if ok { Endpoint::Ok } else { Endpoint::Failing },
        failed: if ok { Vec::new() } else { vec![SafeText::from("etcd"), SafeText::from("etcd-readiness")] },
        skew_ms: Some(12),
        notes: Vec::new(),
    };
    let cluster = |name: &str, role, ok: bool, ready: u32| RowBody::Cluster {
        name: name.to_owned(),
        role,
        control_plane: Some(plane(name, ok)),
        nodes_read: true,
        nodes: if ok { 3 } else { 12 },
        nodes_ready: ready,
        nodes_closed: 0,
        nodes_silent: 0,
        silent: Vec::new(),
        nodes_not_ready: if ok { Vec::new() } else { lost_nodes() },
        pods_read: true,
        pods_troubled: 0,
        pods: Vec::new(),
        namespaces: Vec::new(),
        same_as: Vec::new(),
    };
    view(vec![
        row(
            "primary",
            source(System::Kubernetes, "primary"),
            Verdict::Critical,
            2,
            "etcd is failing",
            cluster("primary", ClusterRole::Primary, false, 4),
        ),
        row("dr", source(System::Kubernetes, "dr"), Verdict::Ok, 1, "", cluster("dr", ClusterRole::Dr, true, 3)),
    ])
}

fn events() -> TopicView {
    let kinds = [
        ("Node", "ip-10-0-1-7", "NodeNotReady", "Node ip-10-0-1-7 status is now: NodeNotReady", 3, Verdict::Warning),
        ("Pod", "checkout-5d9c7f8b6-x2x4z", "BackOff", "Back-off restarting failed container", 37, Verdict::Warning),
        (
            "Pod",
            "etcd-ip-10-0-1-7",
            "Unhealthy",
            "Liveness probe failed: HTTP probe failed with statuscode: 503",
            52,
            Verdict::Warning,
        ),
        (
            "Deployment",
            "frontend",
            "ScalingReplicaSet",
            "Scaled up replica set frontend-7c9 to 6 from 2",
            1,
            Verdict::Info,
        ),
        (
            "Pod",
            "orders-6f4b8c-p9q2r",
            "FailedMount",
            "Unable to attach or mount volumes: timed out",
            4,
            Verdict::Warning,
        ),
    ];
    let rows = (0..40).map(|i| {
        let (kind, name, reason, message, count, verdict) = kinds[i % kinds.len()];
        let event = KubeEvent {
            uid: format!("e-{i}"),
            cluster: if reason == "ScalingReplicaSet" { "dr" } else { "primary" }.to_owned(),
            namespace: SafeText::from("shop"),
            object_kind: SafeText::from(kind),
            object_name: SafeText::from(if i < kinds.len() { name.to_owned() } else { format!("{name}-{i}") }),
            reason: SafeText::from(reason),
            message: SafeText::from(message),
            kind: Open::new(if verdict == Verdict::Warning { "Warning" } else { "Normal" }),
            count,
            first: Some(ago(45 + 16 * i as i64)),
            last: ago(2 + 2 * i as i64),
            component: SafeText::from("kubelet"),
        };
        row(&format!("e-{i}"), source(System::Kubernetes, "primary"), verdict, 2, "", RowBody::Event(event.into()))
    });
    TopicView { dropped: 1_204, ..view(rows.collect()) }
}

fn services() -> TopicView {
    let body = RowBody::Service {
        name: "shop".to_owned(),
        strategy: Strategy::WarmStandby,
        rto_s: 1800,
        rpo_s: 900,
        restore_point: Some(point("shop-hourly-1429", at("14:29:00"))),
        with: vec![],
        sites: BTreeMap::from([("dr".to_owned(), 100)]),
        good_percent: Some(0),
        failing_since: Some(at("14:37:00")),
    };
    view(vec![row("shop", source(System::Probe, "shop"), Verdict::Critical, 3, "", body)])
}

/// The id of the silence in force.
pub const SILENCE: &str = "5a1e0c2d-0000-4000-8000-000000000001";

fn silences() -> TopicView {
    let silence = Silence {
        id: SILENCE.to_owned(),
        state: Open::new("active"),
        matchers: vec![Matcher::equal("alertname", "KubeletTooManyPods"), Matcher::equal("cluster", "dr")],
        more_sets: false,
        created_by: SafeText::from("sam"),
        comment: SafeText::from("INC-2026-11-22-01: known, not ours (warroom/01KB3Z2SILENCE)"),
        starts_at: Some(ago(300)),
        ends_at: Some(at("16:00:00")),
    };
    let both = vec!["am-1".to_owned(), "am-2".to_owned()];
    let body = RowBody::Silence { silence, held_by: both, missing_from: Vec::new(), hits: 1, critical: 0 };
    view(vec![row(SILENCE, source(System::Alertmanager, "am-1"), Verdict::Info, 4, "", body)])
}

/// An outage of eighteen minutes: a fifth of the budget was spent before it.
fn slos() -> TopicView {
    let pair = |page, long_s, short_s, factor, long, short, over| BurnPair {
        page,
        long_s,
        short_s,
        factor,
        long: Some(long),
        short: Some(short),
        over: Some(over),
    };
    let budget = ErrorBudget {
        service: "shop".to_owned(),
        budget_ppm: 1_000,
        period_s: 30 * 86_400,
        state: BurnState::Page,
        budget_min: 43.2,
        left_min: Some(15.9),
        left_percent: Some(36.7),
        reach_s: Some(30 * 86_400),
        burn: Some(1_000.0),
        burn_over_s: 300,
        empty_at: Some(at("15:12:00")),
        requests: Some(144_000.0),
        pairs: vec![
            pair(true, 3_600, 300, 14.4, 311.0, 1_000.0, true),
            pair(true, 21_600, 1_800, 6.0, 52.0, 622.0, true),
            pair(false, 86_400, 7_200, 3.0, 13.2, 156.0, true),
            pair(false, 259_200, 21_600, 1.0, 4.53, 52.0, true),
        ],
        burning_since: Some(at("14:38:55")),
        exhausted: false,
    };
    let why = "burns 311× over 1 h and 1000× over 5 min";
    view(vec![row("slo/shop", source(System::Prometheus, "prom"), Verdict::Critical, 9, why, RowBody::Slo(budget))])
}

/// What `me` knows at T+14.
pub fn mirror(me: &str) -> Mirror {
    let present = |name: &str, role, since| Who { actor: person(name), role, since, consoles: 1 };
    Mirror {
        link: LinkState::Live { heard_at: now() },
        welcome: Some(welcome(me)),
        story: story::story(),
        board: BTreeMap::from([
            (Topic::Sources, sources()),
            (Topic::Alerts, alerts()),
            (Topic::Traffic, traffic()),
            (Topic::Backups, backups()),
            (Topic::Gitops, gitops()),
            (Topic::Clusters, clusters()),
            (Topic::Events, events()),
            (Topic::Services, services()),
            (Topic::Slo, slos()),
            (Topic::Silences, silences()),
        ]),
        present: vec![
            present("ana", PersonRole::Commander, at("14:42:10")),
            present("sam", PersonRole::Operator, at("14:47:30")),
            present("lee", PersonRole::Operator, at("14:52:05")),
        ],
        caught_up: true,
        ..Mirror::default()
    }
}

/// A console of `me` at T+14, at a size.
pub fn app(me: &str, size: (u16, u16)) -> Console {
    let keymap = Keymap::shipped("default").unwrap();
    let mut app = Console::new(Clock::manual(now()), keymap, Zone::default(), size);
    app.mirror = mirror(me);
    tick(&mut app, 1);
    app
}

pub fn look(theme: &str) -> Look {
    Look::new(Theme::shipped(theme).unwrap(), ColorDepth::TwoFiftySix, false)
}

/// Real time since the console started, for the next input.
pub fn later(app: &Console, by: Duration) -> Now {
    Now { room: app.now.room, real: app.now.real + by }
}

pub fn tick(app: &mut Console, seconds: u64) {
    let now = later(app, Duration::from_secs(seconds));
    update(app, Input::Tick, now);
}

/// Presses keys, a second apart.
pub fn press(app: &mut Console, script: &str) -> Vec<Effect> {
    let mut effects = Vec::new();
    for key in keys(script).unwrap() {
        let now = later(app, Duration::from_secs(1));
        effects.extend(update(app, Input::Key(key), now));
    }
    effects
}
