//! Tests of the judgements: the drill's story, and tables of what counts as what.

mod clusters;
mod events;
mod gitops;
mod parity;
mod properties;
mod restarts;
mod restore_points;
mod silences;
mod slo;
mod steering;
mod tables;
mod transitions;
mod velero;

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::*;
use crate::model::facts::*;
use crate::model::{
    EntryRules, Host, SafeText, Severity, Strategy, TransitionFamily, TransitionKind, Trouble, TroubleKind,
};

pub(super) fn at(clock: &str) -> Stamp {
    format!("2026-03-02T{clock}Z").parse().expect("a time")
}

pub(super) fn source(name: &str) -> SourceId {
    name.parse().expect("a source")
}

pub(super) fn rules() -> EntryRules {
    EntryRules {
        open_on: vec!["critical".into()],
        alerts: Default::default(),
        ignore: vec![],
        per_minute: 30,
        opens_as: Severity::Sev1,
    }
}

pub(super) fn objective() -> Objective {
    Objective {
        service: "shop".into(),
        rto_s: 1800,
        rpo_s: 900,
        strategy: Strategy::WarmStandby,
        primary: "primary".into(),
        dr: vec!["dr".into()],
        schedules: vec!["shop-hourly".into()],
        namespaces: vec!["shop".into()],
        apps: vec!["shop-*".into()],
        hosts: vec![Host::new("shop.example", Some("primary"), [("dr", "dr")])],
        probes: vec!["shop".into()],
    }
}

const SOURCES: [&str; 10] = [
    "kubernetes/primary",
    "kubernetes/dr",
    "velero/primary",
    "velero/dr",
    "argocd/primary",
    "argocd/dr",
    "alertmanager/am-1",
    "alertmanager/am-2",
    "cloudflare/edge",
    "probe/shop",
];

pub(super) fn board() -> Board {
    Board::new(BoardSetup {
        heartbeats: Vec::new(),
        objectives: vec![objective()],
        clusters: vec![("primary".into(), ClusterRole::Primary), ("dr".into(), ClusterRole::Dr)],
        sources: SOURCES.iter().map(|name| (source(name), 30)).collect(),
    })
}

impl Board {
    pub(super) fn see(&mut self, from: &str, seen_at: Stamp, change: SourceChange) -> &mut Self {
        self.apply(Observation { source: source(from), seen_at, part: false, change });
        self
    }

    pub(super) fn fact(&mut self, from: &str, seen_at: Stamp, fact: impl Into<Fact>) -> &mut Self {
        self.see(from, seen_at, SourceChange::Upsert(fact.into()))
    }

    pub(super) fn list(&mut self, from: &str, seen_at: Stamp, kind: FactKind, facts: Vec<Fact>) -> &mut Self {
        // As a source does that has told its last list.
        self.see(from, seen_at, SourceChange::Replace { kind, facts }).see(from, seen_at, SourceChange::Alive)
    }
}

pub(super) fn row<'a>(judged: &'a JudgedBoard, topic: Topic, id: &str) -> &'a Row {
    let rows = judged.rows(topic);
    rows.iter()
        .find(|row| row.id == id)
        .unwrap_or_else(|| panic!("no row {id} among {:?}", rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>()))
}

pub(super) fn control_plane(cluster: &str, etcd_ok: bool) -> ControlPlane {
    let health = if etcd_ok { Endpoint::Ok } else { Endpoint::Failing };
    ControlPlane {
        cluster: cluster.into(),
        uid: Some(format!("uid-{cluster}")),
        version: "v1.33.1".into(),
        livez: health,
        readyz: health,
        failed: if etcd_ok { vec![] } else { vec!["etcd".into()] },
        skew_ms: None,
        notes: Vec::new(),
    }
}

pub(super) fn node(cluster: &str, name: &str, ready: &str, lease: Stamp) -> Node {
    Node {
        cluster: cluster.into(),
        name: name.into(),
        ready: Open::new(ready),
        lease_renewed: Some(lease),
        pressures: vec![],
        unschedulable: false,
        control_plane_only: false,
    }
}

pub(super) fn pods(cluster: &str, ready: u32, all: u32) -> NamespacePods {
    NamespacePods { cluster: cluster.into(), namespace: "shop".into(), ready, all }
}

pub(super) fn backup(cluster: &str, name: &str, started: Stamp) -> RestorePoint {
    RestorePoint {
        cluster: cluster.into(),
        namespace: "velero".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        schedule: Some("shop-hourly".into()),
        phase: Open::new("Completed"),
        started: Some(started),
        completed: Some(started + TimeDelta::minutes(2)),
        expires: Some(started + TimeDelta::days(30)),
        location: "default".into(),
        included_namespaces: vec!["shop".into()],
        excluded_namespaces: vec![],
        errors: 0,
        warnings: 0,
        failure: "".into(),
        deleting: false,
        created: Some(started),
        written: None,
        items: Some(412),
        off_site: OffSite::Yes,
        limits: vec![],
        left_out: vec![],
    }
}

pub(super) fn location(cluster: &str, validated: Stamp) -> Location {
    Location {
        cluster: cluster.into(),
        namespace: "velero".into(),
        name: "default".into(),
        phase: Open::new("Available"),
        access_mode: Open::new("ReadWrite"),
        default: true,
        last_validated: Some(validated),
        validation_every_s: 60,
        last_synced: Some(validated),
        sync_every_s: 60,
        message: "".into(),
        store: format!("aws:{cluster}-bucket").as_str().into(),
        endpoint: "".into(),
    }
}

pub(super) fn schedule(cluster: &str) -> Schedule {
    Schedule {
        cluster: cluster.into(),
        namespace: "velero".into(),
        name: "shop-hourly".into(),
        phase: Open::new("Enabled"),
        paused: false,
        cron: "29 * * * *".into(),
        last_submitted: None,
        location: "default".into(),
        errors: vec![],
        created: None,
        last_skipped: None,
        skip_immediately: false,
    }
}

pub(super) fn restore(phase: &str, started: Stamp, completed: Option<Stamp>) -> Restore {
    Restore {
        cluster: "dr".into(),
        namespace: "velero".into(),
        name: "wr-0123456789abcdef0123".into(),
        uid: "r-1".into(),
        backup: "shop-hourly-1429".into(),
        phase: Open::new(phase),
        started: Some(started),
        completed,
        items_done: if completed.is_some() { 20 } else { 10 },
        items_total: 20,
        errors: 0,
        warnings: 0,
        failure: "".into(),
        plan_digest: None,
        created: Some(started),
        moved: None,
        volumes_done: 0,
        volumes_total: 0,
        bytes_done: 0,
        bytes_total: 0,
        schedule: "".into(),
        scope: Scope::default(),
        backup_scope: None,
    }
}

pub(super) fn app(name: &str, health: &str, reconciled: Stamp) -> App {
    App {
        cluster: "dr".into(),
        namespace: "argocd".into(),
        name: name.into(),
        sync: Open::new("Synced"),
        health: Open::new(health),
        revision: "abc".into(),
        target_revision: "main".into(),
        destination: "dr".into(),
        destination_matches: true,
        reconciled_at: Some(reconciled),
        operation_pending: false,
        operation_phase: Open::new("Succeeded"),
        operation_message: "".into(),
        suspended: false,
        kind: Open::new("Application"),
        project: "default".into(),
        automated: Some(true),
        ..App::default()
    }
}

pub(super) fn apps(health: &str, reconciled: Stamp) -> Vec<Fact> {
    apps_on("dr", health, reconciled)
}

pub(super) fn apps_on(cluster: &str, health: &str, reconciled: Stamp) -> Vec<Fact> {
    let on = |it: App| App { cluster: cluster.into(), destination: cluster.into(), ..it };
    (1..=12).map(|n| on(app(&format!("shop-{n:02}"), health, reconciled)).into()).collect()
}

pub(super) fn alert(fingerprint: &str, name: &str, severity: &str, starts_at: Stamp) -> Alert {
    Alert {
        fingerprint: fingerprint.into(),
        name: name.into(),
        severity: Open::new(severity),
        grade: crate::model::AlertWords::default().grade(name, severity),
        labels: BTreeMap::from([("cluster".to_owned(), SafeText::from("primary"))]),
        summary: "".into(),
        description: "".into(),
        runbook_url: "".into(),
        generator_url: "".into(),
        starts_at: Some(starts_at),
        state: Open::new("active"),
        silenced_by: vec![],
        inhibited_by: vec![],
        receivers: vec!["pagerduty".into()],
    }
}

pub(super) fn peer(instance: &str, started: Stamp) -> AlertPeer {
    AlertPeer {
        instance: instance.into(),
        cluster_status: Open::new("ready"),
        version: "0.27".into(),
        started: Some(started),
        name: format!("01-{instance}").as_str().into(),
        silences_read: true,
    }
}

pub(super) fn pool(name: &str, healthy: Option<bool>) -> Pool {
    Pool {
        id: format!("p-{name}"),
        name: name.into(),
        enabled: true,
        healthy,
        monitored: true,
        minimum_origins: 1,
        origins: vec![Origin { name: name.into(), address: "192.0.2.1".into(), enabled: true, healthy }],
        places: vec![("Frankfurt".into(), healthy == Some(true))],
        shedding_percent: 0,
        ..Pool::default()
    }
}

pub(super) fn load_balancer(order: &[&str], fallback: &str) -> LoadBalancer {
    LoadBalancer {
        id: "lb-1".into(),
        zone: "z".into(),
        name: "shop.example".into(),
        enabled: true,
        proxied: false,
        ttl_s: Some(30),
        default_pools: order.iter().map(|name| format!("p-{name}")).collect(),
        fallback_pool: format!("p-{fallback}"),
        policy: Open::new("off"),
        overrides: vec![],
        session_affinity: Open::new("none"),
        modified_on: "".into(),
        ..LoadBalancer::default()
    }
}

pub(super) fn probe(ok: bool, good: u32, sites: &[(&str, u32)], since: Stamp) -> Probe {
    Probe {
        name: "shop".into(),
        service: "shop".into(),
        url: "https://shop.example/healthz".into(),
        ok,
        status: Some(if ok { 200 } else { 503 }),
        error: "".into(),
        site: sites.last().map(|(site, _)| (*site).into()),
        latency_ms: 20,
        samples: 6,
        good,
        by_site: sites.iter().map(|(site, n)| ((*site).to_owned(), *n)).collect(),
        since,
    }
}

pub(super) fn trouble(kind: TroubleKind) -> SourceChange {
    SourceChange::Trouble(Trouble { kind, what: "connection refused".into(), remedy: "".into() })
}

/// Everything answers and is well, as at the drill's start but with DR already at parity.
pub(super) fn all_well(now: Stamp) -> Board {
    let mut board = board();
    for cluster in ["primary", "dr"] {
        let kube = format!("kubernetes/{cluster}");
        board.fact(&kube, now, control_plane(cluster, true));
        let nodes = (1..=3).map(|n| node(cluster, &format!("node-{n}"), "True", now).into()).collect();
        board.list(&kube, now, FactKind::Node, nodes);
        board.list(&kube, now, FactKind::Pod, vec![]);
        board.list(&kube, now, FactKind::NamespacePods, vec![pods(cluster, 3, 3).into()]);
        let velero = format!("velero/{cluster}");
        board.list(&velero, now, FactKind::Location, vec![location(cluster, now).into()]);
        let points = vec![backup(cluster, "shop-hourly-1429", at("14:29:00")).into()];
        board.list(&velero, now, FactKind::RestorePoint, points);
    }
    board.list("velero/primary", now, FactKind::Schedule, vec![schedule("primary").into()]);
    board.list("argocd/dr", now, FactKind::App, apps("Healthy", now));
    for instance in ["am-1", "am-2"] {
        let from = format!("alertmanager/{instance}");
        board.list(&from, now, FactKind::AlertPeer, vec![peer(instance, at("00:00:00")).into()]);
        board.list(&from, now, FactKind::Alert, vec![alert("wd", "Watchdog", "none", at("00:00:00")).into()]);
    }
    let pools = vec![pool("primary", Some(true)).into(), pool("dr", Some(true)).into()];
    board.list("cloudflare/edge", now, FactKind::Pool, pools);
    let lb = load_balancer(&["primary", "dr"], "primary");
    board.list("cloudflare/edge", now, FactKind::LoadBalancer, vec![lb.into()]);
    board.fact("probe/shop", now, probe(true, 6, &[("primary", 6)], at("14:30:00")));
    board.list("argocd/primary", now, FactKind::App, apps_on("primary", "Healthy", now));
    board
}
