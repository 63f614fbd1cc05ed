//! A console in the middle of an outage: thousands of rows on the board, and the log of the incident.

use std::ops::Range;

use chrono::TimeDelta;
use warroom::board::{Board, BoardSetup, Topic};
use warroom::client::ClientEvent;
use warroom::clock::{Clock, ClockSync};
use warroom::console::{Console, Input, Keymap, Now, Zone, update};
use warroom::model::entry::LogLine;
use warroom::model::facts::{Alert, Fact, FactKind, KubeEvent, Open};
use warroom::model::{
    Actor, AlertWords, ClusterRole, Level, Observation, PersonId, PersonRole, SafeText, SourceChange, SourceId, Stamp,
    System,
};
use warroom::protocol::{BoardDelta, Push, Welcome};

/// Columns and lines of the screen.
pub const SIZE: (u16, u16) = (200, 60);
/// Rows of alerts and events together: what costs more with more of them is seen by comparing the two.
pub const ROWS: [u32; 2] = [1_000, 10_000];
/// Events that a board keeps; more come of several.
const BOARD: u32 = 1_000;

/// The time at which everything is looked at.
pub fn now() -> Stamp {
    "2026-11-22T14:55:42Z".parse().expect("a time")
}

pub fn alert(n: u32) -> Alert {
    let (name, severity) = (format!("ShopReplicas{n}"), if n.is_multiple_of(4) { "critical" } else { "warning" });
    let labels = [("cluster", "primary"), ("namespace", "shop"), ("severity", severity)];
    Alert {
        fingerprint: format!("f{n:015}"),
        severity: Open::new(severity),
        grade: AlertWords::default().grade(&name, severity),
        name: name.into(),
        labels: labels.map(|(label, value)| (label.to_owned(), SafeText::from(value))).into(),
        summary: "fewer replicas are ready than were asked for".into(),
        description: SafeText::default(),
        runbook_url: SafeText::default(),
        generator_url: SafeText::default(),
        starts_at: Some(now() - TimeDelta::seconds(i64::from(n))),
        state: Open::new("active"),
        silenced_by: Vec::new(),
        inhibited_by: Vec::new(),
        receivers: vec!["pagerduty".into()],
    }
}

pub fn event(n: u32) -> KubeEvent {
    let last = now() - TimeDelta::seconds(i64::from(n));
    KubeEvent {
        uid: format!("e-{n}"),
        cluster: "primary".to_owned(),
        namespace: "shop".into(),
        object_kind: "Pod".into(),
        object_name: format!("checkout-5d9c7f8b6-{n:05}").into(),
        reason: if n.is_multiple_of(3) { "BackOff" } else { "Unhealthy" }.into(),
        message: "Readiness probe failed: HTTP probe failed with statuscode: 503".into(),
        kind: Open::new("Warning"),
        count: u64::from(n % 40 + 1),
        first: Some(last - TimeDelta::seconds(300)),
        last,
        component: "kubelet".into(),
    }
}

fn sources() -> (SourceId, SourceId) {
    (SourceId::new(System::Alertmanager, "am-1"), SourceId::new(System::Kubernetes, "primary"))
}

/// Something that a room hears of one alert, or of one event.
pub fn heard(fact: impl Into<Fact>) -> Observation {
    let fact = fact.into();
    let (alertmanager, cluster) = sources();
    let source = if fact.kind() == FactKind::Alert { alertmanager } else { cluster };
    Observation { source, seen_at: now(), part: false, change: SourceChange::Upsert(fact) }
}

/// What a board makes of these alerts and events.
pub fn board(alerts: Range<u32>, events: Range<u32>) -> Board {
    let (alertmanager, cluster) = sources();
    let mut board = Board::new(BoardSetup {
        clusters: vec![("primary".to_owned(), ClusterRole::Primary)],
        sources: vec![(alertmanager.clone(), 30), (cluster.clone(), 30)],
        ..BoardSetup::default()
    });
    let mut saw = |source, kind, facts| {
        let change = SourceChange::Replace { kind, facts };
        board.apply(Observation { source, seen_at: now(), part: false, change });
    };
    saw(alertmanager, FactKind::Alert, alerts.map(|n| Fact::from(alert(n))).collect());
    saw(cluster, FactKind::KubeEvent, events.map(|n| Fact::from(event(n))).collect());
    board
}

fn welcome() -> Welcome {
    let ana = Actor {
        person: PersonId::from("ana"),
        uid: Some(65_010),
        level: Level::Account,
        login: None,
        simulated: false,
    };
    Welcome {
        proto: 1,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        room: "bulk".to_owned(),
        log: "0f".repeat(16),
        you: ana,
        role: PersonRole::Commander,
        clock: ClockSync { at: now(), speed: 1.0 },
        drill: None,
        objectives: Vec::new(),
        degraded: None,
        log_room: None,
        head: None,
        seen: None,
    }
}

/// What the console hears of a topic that it knows nothing of yet, or of one row of it that changed.
fn delta(topic: Topic, snapshot: bool, total: u64, upserts: Vec<warroom::board::Row>) -> Push {
    let (removes, order) = (Vec::new(), Vec::new());
    Push::Board(BoardDelta { topic, rev: 1, snapshot, upserts, removes, order, total, dropped: 0 })
}

fn hear(console: &mut Console, push: Push) {
    let event = Input::Room(Box::new(ClientEvent::Push(push)));
    update(console, event, Now { room: now(), real: std::time::Duration::ZERO });
}

/// A console that was told all of it, as a room tells it.
pub fn console(lines: Vec<LogLine>, rows: u32) -> Console {
    let keymap = Keymap::shipped("default").expect("shipped");
    let mut console = Console::new(Clock::manual(now()), keymap, Zone::default(), SIZE);
    let linked = Input::Room(Box::new(ClientEvent::Linked(Box::new(welcome()))));
    update(&mut console, linked, Now { room: now(), real: std::time::Duration::ZERO });
    let seq = lines.len() as u64;
    hear(&mut console, Push::Entries(lines));
    let (alerts, events) = (rows * 3 / 10, rows * 7 / 10);
    for (topic, view) in board(0..alerts, 0..0).judge(now()).topics {
        if topic != Topic::Events {
            hear(&mut console, delta(topic, true, view.total, view.rows.clone()));
        }
    }
    for from in (0..events).step_by(BOARD as usize) {
        let mut topics = board(0..0, from..(from + BOARD).min(events)).judge(now()).topics;
        let view = topics.remove(&Topic::Events).expect("judged");
        hear(&mut console, delta(Topic::Events, false, u64::from(events), view.rows.clone()));
    }
    hear(&mut console, Push::CaughtUp { seq });
    let told = console.rows(Topic::Alerts).len() + console.rows(Topic::Events).len();
    assert!(told == rows as usize && console.mirror.broken.is_none() && console.incident_open(), "{told} rows");
    console
}

/// The push of one event that happened once more.
pub fn event_again(console: &Console) -> Push {
    let rows = console.rows(Topic::Events);
    delta(Topic::Events, false, rows.len() as u64, vec![rows[rows.len() / 2].clone()])
}
