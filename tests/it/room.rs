//! The room in this process: a disk that fills and empties, clients that come back, crowd it, or mean it harm.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use warroom::board::Topic;
use warroom::cli::connect::{Intent, RoomLink};
use warroom::cli::error::CliError;
use warroom::client::Mirror;
use warroom::clock::{Clock, Random};
use warroom::config::{AlertmanagerConfig, Config, LoadOptions, LogConfig, RoomConfig};
use warroom::drill::scenario;
use warroom::drill::simulator::Simulator;
use warroom::ledger::{
    AppendFile, DirFacts, Directory, FileFacts, FileStorage, LockGuard, RESERVE_BYTES, ReadFile, Storage,
};
use warroom::model::{
    Action, Digest, EntryRules, Happening, Level, Person, PersonId, PersonRole, PlanId, Policy, RefusalKind, SafeText,
    Severity,
};
use warroom::protocol::{DrillInfo, Reply, Request};
use warroom::room::{Room, RoomSetup, Socket};

use crate::support::{PATIENCE, assert_intact, scratch};

/// A disk that is full when told: what is written takes from `left`, and the reserve, once given up, gives to it.
#[derive(Clone)]
struct Disk {
    left: Arc<AtomicI64>,
}

/// So much is never full.
const EMPTY: i64 = i64::MAX / 2;

impl Disk {
    fn new() -> Self {
        Self { left: Arc::new(AtomicI64::new(EMPTY)) }
    }

    fn fill(&self) {
        self.left.store(0, Ordering::SeqCst);
    }

    fn make_room(&self) {
        self.left.store(EMPTY, Ordering::SeqCst);
    }

    fn spend(&self, bytes: usize) -> io::Result<()> {
        let bytes = i64::try_from(bytes).expect("a size");
        let spent = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(bytes).filter(|left| *left >= 0));
        spent.map(|_| ()).map_err(|_| io::ErrorKind::StorageFull.into())
    }

    fn file(&self, file: Box<dyn AppendFile>) -> Box<dyn AppendFile> {
        Box::new(OnDisk { file, disk: self.clone() })
    }
}

struct OnDisk {
    file: Box<dyn AppendFile>,
    disk: Disk,
}

impl AppendFile for OnDisk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.disk.spend(bytes.len())?;
        self.file.write(bytes)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn facts(&self) -> io::Result<FileFacts> {
        self.file.facts()
    }
}

impl Storage for Disk {
    fn make_dir(&self, dir: &Path) -> io::Result<()> {
        FileStorage.make_dir(dir)
    }

    fn dir_facts(&self, dir: &Path) -> io::Result<DirFacts> {
        FileStorage.dir_facts(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FileStorage.list(dir)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn LockGuard>> {
        FileStorage.lock(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(self.file(FileStorage.create(path)?))
    }

    fn open_append(&self, path: &Path) -> io::Result<Box<dyn AppendFile>> {
        Ok(self.file(FileStorage.open_append(path)?))
    }

    fn open_read(&self, path: &Path) -> io::Result<Box<dyn ReadFile>> {
        FileStorage.open_read(path)
    }

    fn facts(&self, path: &Path) -> io::Result<FileFacts> {
        FileStorage.facts(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileStorage.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        FileStorage.remove(path)?;
        if path.ends_with("RESERVE") {
            self.left.fetch_add(i64::try_from(RESERVE_BYTES).expect("a size"), Ordering::SeqCst);
        }
        Ok(())
    }

    fn open_dir(&self, dir: &Path) -> io::Result<Box<dyn Directory>> {
        FileStorage.open_dir(dir)
    }

    fn close_off(&self, path: &Path) -> io::Result<()> {
        FileStorage.close_off(path)
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        self.spend(usize::try_from(bytes).expect("a size"))?;
        FileStorage.reserve(path, bytes)
    }

    fn free_bytes(&self, _dir: &Path) -> io::Result<u64> {
        Ok(u64::try_from(self.left.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

/// A room without sources; this account is `ana` with these roles, or nobody.
fn config(roles: Option<&[PersonRole]>) -> Config {
    let me = nix::unistd::geteuid().as_raw();
    let person =
        |roles: &[PersonRole]| Person { id: "ana".into(), accounts: Vec::new(), uids: vec![me], roles: roles.to_vec() };
    Config {
        room: RoomConfig { name: "test".to_owned(), ..RoomConfig::default() },
        rules: EntryRules { open_on: vec!["critical".to_owned()], ..EntryRules::default() },
        policy: Policy { quorum: 2, level: Level::Account, ttl_s: 1800 },
        people: roles.map(person).into_iter().collect(),
        log: LogConfig { quota: u64::MAX },
        ..Config::default()
    }
}

async fn open(home: &Path, config: Config, disk: &Disk, clock: Clock, drill: Option<DrillInfo>) -> Room {
    warroom::systems::http::install_crypto();
    let socket = Socket::bind(&home.join("s"), 0o600).await.expect("a socket");
    let setup = RoomSetup {
        config,
        clock,
        random: Random::system(),
        state_dir: home.join("log"),
        socket,
        drill,
        serve: false,
        key: String::new(),
        signer: None,
        storage: Arc::new(disk.clone()),
    };
    Room::start(setup).await.expect("the room starts")
}

async fn operators_room(home: &Path, disk: &Disk) -> Room {
    open(home, config(Some(&[PersonRole::Operator])), disk, Clock::real(), None).await
}

async fn link(home: &Path) -> RoomLink {
    let intent = Intent { entries_from: Some(1), ..Intent::default() };
    RoomLink::open(&home.join("s"), &intent).await.expect("a link")
}

fn note(text: &str) -> Request {
    Request::Note { text: SafeText::new(text), at: None, mark: None }
}

fn incident() -> Request {
    Request::Open { title: SafeText::new("the shop is down"), severity: Severity::Sev1 }
}

async fn refused(link: &mut RoomLink, request: Request) -> RefusalKind {
    match link.ask(request).await {
        Err(CliError::Refused(refusal)) => refusal.kind,
        other => panic!("not refused: {other:?}"),
    }
}

fn has_edge(mirror: &Mirror, name: &str) -> bool {
    let items = mirror.story.incidents.iter().flat_map(|incident| &incident.items);
    items
        .into_iter()
        .any(|item| matches!(&item.entry.happening, Happening::Transition(edge) if edge.edge.as_str() == name))
}

/// Every request that changes something, as a person might send it.
fn changes() -> Vec<Request> {
    let plan = PlanId::from("01KB3ZQQQQQQQQQQQQQQQQQQQQ");
    vec![
        incident(),
        note("a"),
        Request::Decision { text: SafeText::new("a"), at: None, mark: None },
        Request::FollowUp { text: SafeText::new("a"), owner: None },
        Request::Pin { seq: 1, pinned: true },
        Request::Amend { seq: 1, text: None, at: None },
        Request::Set(Default::default()),
        Request::Close,
        Request::Propose {
            action: Action::Failover,
            service: "shop".to_owned(),
            to: None,
            confirm: "shop.example".to_owned(),
            supersedes: None,
        },
        Request::Reject { plan: plan.clone(), reason: SafeText::new("no") },
        Request::Withdraw { plan: plan.clone() },
        Request::Hold { plan },
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_recording_and_heals_without_a_restart() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let mut link = link(home.path()).await;
    link.ask(incident()).await.expect("opened");
    disk.fill();
    assert_eq!(refused(&mut link, note("lost")).await, RefusalKind::Degraded);
    link.until(PATIENCE, "the banner", |mirror| mirror.degraded.is_some()).await.expect("degraded");
    assert!(matches!(link.ask(Request::Status).await, Ok(Reply::Status(_))), "watching goes on");
    disk.make_room();
    link.until(PATIENCE, "the banner's end", |mirror| mirror.degraded.is_none()).await.expect("healed");
    link.ask(note("kept")).await.expect("recorded");
    link.until(PATIENCE, "the gap", |mirror| has_edge(mirror, "recording.back")).await.expect("the gap is shown");
    assert_eq!(link.mirror.broken, None);
    room.stop().await;
    assert_intact(&home.path().join("log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_starts_on_a_full_disk_says_so_and_begins_when_there_is_room() {
    let (home, disk) = (scratch(), Disk::new());
    operators_room(home.path(), &disk).await.stop().await;
    std::fs::remove_file(home.path().join("log/RESERVE")).expect("the reserve is gone");
    disk.fill();
    let room = operators_room(home.path(), &disk).await;
    let mut link = link(home.path()).await;
    assert_eq!(refused(&mut link, incident()).await, RefusalKind::Degraded);
    // The refusal may be here before the banner is.
    link.until(PATIENCE, "the banner", |mirror| mirror.degraded.is_some()).await.expect("said");
    disk.make_room();
    link.until(PATIENCE, "the banner's end", |mirror| mirror.degraded.is_none()).await.expect("healed");
    link.ask(incident()).await.expect("opened");
    room.stop().await;
    assert_intact(&home.path().join("log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_a_stranger_sends_stops_the_room_from_recording() {
    let (home, disk) = (scratch(), Disk::new());
    let room = open(home.path(), config(None), &disk, Clock::real(), None).await;
    let mut link = link(home.path()).await;
    for length in [65, 30_000, 65_000, 65_400] {
        let plan = PlanId::from("x".repeat(length));
        let reject = Request::Reject { plan: plan.clone(), reason: SafeText::default() };
        let approve = Request::Approve { plan, digest: Digest([0; 32]), confirm: String::new() };
        for request in [reject, approve] {
            assert_eq!(refused(&mut link, request).await, RefusalKind::BadRequest, "{length}");
        }
    }
    let owner = Some(PersonId::from("a\u{202e}b"));
    let follow_up = Request::FollowUp { text: SafeText::new("a"), owner };
    assert_eq!(refused(&mut link, follow_up).await, RefusalKind::BadRequest);
    let at: Option<warroom::model::Stamp> = serde_json::from_value(json!("-262143-01-01T00:00:00Z")).ok();
    if at.is_some() {
        let note = Request::Note { text: SafeText::new("a"), at, mark: None };
        assert_eq!(refused(&mut link, note).await, RefusalKind::BadRequest);
    }
    let Ok(Reply::Status(status)) = link.ask(Request::Status).await else { panic!("no status") };
    assert_eq!(status.degraded, None);
    room.stop().await;
    assert_intact(&home.path().join("log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_cut_and_what_is_to_come_is_refused_and_not_recorded() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let long = "x".repeat(9_000);
    let requests = [
        json!({"note": {"text": long, "at": null}}),
        json!({"lines": {"kind": "note", "lines": ["short", long], "at": null, "owner": null}}),
        json!({"open": {"title": long, "severity": "sev1"}}),
        json!({"note": {"text": "a", "at": "2035-01-01T00:00:00Z"}}),
        json!({"past": {"topic": "alerts", "at": "2035-01-01T00:00:00Z", "page": 0}}),
    ];
    for request in requests {
        let mut raw = UnixStream::connect(home.path().join("s")).await.expect("connected");
        let hello = json!({"proto": [1], "client": "t", "quiet": true});
        raw.write_all(format!("{hello}\n{}\n", json!({"id": 7, "req": request})).as_bytes()).await.expect("sent");
        let mut text = String::new();
        while !text.contains("\"id\":7") {
            let mut buffer = vec![0; 64 * 1024];
            let n = tokio::time::timeout(PATIENCE, raw.read(&mut buffer)).await.expect("in time").expect("read");
            assert!(n > 0, "{text}");
            text.push_str(&String::from_utf8_lossy(&buffer[..n]));
        }
        assert!(text.contains("\"refused\":\"bad_request\""), "{text}");
        assert!(text.contains("8 KiB") || text.contains("in the future"), "{text}");
    }
    room.stop().await;
    let log = std::fs::read_to_string(home.path().join("log/timeline.000001.jsonl")).expect("the log");
    assert!(!log.contains("xxxx") && !log.contains("2035"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_watches_changes_nothing() {
    for (roles, kind) in [(None, RefusalKind::Unmapped), (Some(&[PersonRole::Observer][..]), RefusalKind::NotOperator)]
    {
        let (home, disk) = (scratch(), Disk::new());
        let room = open(home.path(), config(roles), &disk, Clock::real(), None).await;
        let mut link = link(home.path()).await;
        for request in changes() {
            assert_eq!(refused(&mut link, request.clone()).await, kind, "{request:?}");
        }
        link.caught_up().await.expect("caught up");
        assert!(link.mirror.story.incidents.is_empty());
        room.stop().await;
        let text = std::fs::read_to_string(home.path().join("log/timeline.000001.jsonl")).expect("the log");
        let kinds: Vec<String> = text
            .lines()
            .filter_map(|line| Some(line.split("\"k\":\"").nth(1)?.split('"').next()?.to_owned()))
            .collect();
        let known = ["genesis", "room_started", "refused", "room_stopped"];
        assert!(kinds.iter().all(|kind| known.contains(&kind.as_str())), "{kinds:?}");
        // Folded: a dozen refusals within a moment are not a dozen entries.
        assert!(kinds.iter().filter(|kind| *kind == "refused").count() < changes().len(), "{kinds:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_started_read_only_changes_nothing_though_its_person_may() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let intent = Intent { entries_from: Some(1), readonly: true, ..Intent::default() };
    let mut link = RoomLink::open(&home.path().join("s"), &intent).await.expect("a link");
    for request in changes() {
        assert_eq!(refused(&mut link, request).await, RefusalKind::ReadOnly);
    }
    assert!(link.ask(Request::Status).await.is_ok());
    room.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_outlives_the_room_comes_back_and_misses_no_entry() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let hello = Intent { entries_from: Some(1), ..Intent::default() }.hello();
    let (_handle, mut events) = warroom::client::connect(warroom::client::ConnectOptions {
        socket: home.path().join("s"),
        hello,
        trust: Default::default(),
    });
    let clock = Clock::real();
    let mut kept = Mirror::default();
    let mut here = link(home.path()).await;
    here.ask(incident()).await.expect("opened");
    let mut room = Some(room);
    for round in 0..3 {
        for n in 0..5 {
            here.ask(note(&format!("round {round} note {n}"))).await.expect("recorded");
        }
        // A new incident begins a new segment: entries of the seam are among what must not be missed.
        here.ask(Request::Close).await.expect("closed");
        here.ask(incident()).await.expect("opened");
        if let Some(room) = room.take() {
            room.stop().await;
        }
        room = Some(operators_room(home.path(), &disk).await);
        here = link(home.path()).await;
        let Ok(Reply::Status(status)) = here.ask(Request::Status).await else { panic!("no status") };
        while kept.head.is_none_or(|(seq, _)| seq < status.seq) {
            let event = tokio::time::timeout(PATIENCE, events.recv()).await.expect("in time").expect("it goes on");
            kept.apply(event, &clock);
        }
        assert_eq!(kept.broken, None);
        assert_eq!(kept.head.map(|(_, hash)| hash.hex()), Some(status.head), "round {round}");
        assert_eq!(kept.story.entries, status.seq, "each entry once");
    }
    if let Some(room) = room.take() {
        room.stop().await;
    }
    assert_intact(&home.path().join("log"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_consoles_see_every_note() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let mut consoles = Vec::new();
    for _ in 0..60 {
        consoles.push(link(home.path()).await);
    }
    consoles[0].ask(incident()).await.expect("opened");
    for console in consoles.iter_mut().take(10) {
        console.ask(note("seen by all")).await.expect("recorded");
    }
    let seen = |mirror: &Mirror| {
        let items = mirror.story.current().map(|incident| incident.items.iter());
        items.is_some_and(|items| items.filter(|item| item.text.as_str() == "seen by all").count() == 10)
    };
    for console in &mut consoles {
        console.until(PATIENCE, "every note", seen).await.expect("seen");
        assert_eq!(console.mirror.broken, None);
    }
    room.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_has_sixty_four_places_and_gets_them_back() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let mut held = Vec::new();
    for _ in 0..64 {
        held.push(link(home.path()).await);
    }
    let intent = Intent::default();
    assert!(RoomLink::open(&home.path().join("s"), &intent).await.is_err(), "the sixty-fifth is turned away");
    drop(held);
    let until = tokio::time::Instant::now() + PATIENCE;
    while RoomLink::open(&home.path().join("s"), &intent).await.is_err() {
        assert!(tokio::time::Instant::now() < until, "places come back");
        tokio::task::yield_now().await;
    }
    room.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_may_not_ask_faster_than_the_room_allows() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let mut raw = UnixStream::connect(home.path().join("s")).await.expect("connected");
    let mut lines = String::from("{\"proto\":[1],\"client\":\"t\",\"quiet\":true}\n");
    for id in 1..=200 {
        lines.push_str(&format!("{{\"id\":{id},\"req\":\"status\"}}\n"));
    }
    raw.write_all(lines.as_bytes()).await.expect("sent");
    let mut text = String::new();
    while text.matches("\"id\":").count() < 200 {
        let mut buffer = vec![0; 64 * 1024];
        let n = tokio::time::timeout(PATIENCE, raw.read(&mut buffer)).await.expect("in time").expect("read");
        assert!(n > 0, "the connection lives: {text}");
        text.push_str(&String::from_utf8_lossy(&buffer[..n]));
    }
    assert!(text.contains("\"refused\":\"rate\""), "some are refused");
    assert!(text.contains("{\"reply\":{\"id\":1,"), "the first is answered");
    room.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_looks_again_and_again_is_slowed_down_and_not_turned_away() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let mut link = link(home.path()).await;
    for look in 0..320 {
        let answer = link.ask(Request::Board { topic: Topic::Alerts }).await;
        assert!(matches!(answer, Ok(Reply::Rows { .. })), "look {look}: {answer:?}");
    }
    room.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_lines_cost_their_own_connection_and_nothing_else() {
    let (home, disk) = (scratch(), Disk::new());
    let room = operators_room(home.path(), &disk).await;
    let hello = "{\"proto\":[1],\"client\":\"t\",\"quiet\":true}\n";
    let then = |line: &str| format!("{hello}{line}\n").into_bytes();
    let cases: Vec<Vec<u8>> = vec![
        b"\n".to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        vec![0xff; 100_000],
        format!("{{\"proto\":[1],\"client\":\"{}\"}}\n", "x".repeat(5_000)).into_bytes(),
        b"{\"proto\":[1],\"client\":\"t\",\"drill_as\":\"sam\"}\n".to_vec(),
        b"{\"proto\":[1],\"client\":\"t\",\"simulated\":true}\n".to_vec(),
        b"{\"proto\":[1],\"client\":\"t\",\"person\":\"sam\"}\n".to_vec(),
        b"{\"proto\":[9],\"client\":\"t\"}\n".to_vec(),
        then("{}"),
        then("null"),
        then("{\"id\":1,\"req\":\"status\",\"by\":\"sam\"}"),
        then("{\"id\":-1,\"req\":\"status\"}"),
        then("{\"id\":1,\"req\":{\"no_such\":{}}}"),
        then(&format!("{{\"id\":1,\"req\":{}1{}}}", "[".repeat(40), "]".repeat(40))),
        then(&format!("{{\"id\":1,\"req\":{{\"note\":{{\"text\":\"{}\",\"at\":null}}}}}}", "x".repeat(70_000))),
        [hello.as_bytes(), &[0xc3, 0x28, b'\n'][..]].concat(),
    ];
    for case in cases {
        let shown = String::from_utf8_lossy(&case[..case.len().min(80)]).into_owned();
        let mut raw = UnixStream::connect(home.path().join("s")).await.expect("connected");
        // The room may hang up before it has read everything.
        let _ = raw.write_all(&case).await;
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, raw.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "the connection of {shown:?} is closed");
    }
    let mut link = link(home.path()).await;
    link.ask(incident()).await.expect("the room works");
    room.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_storm_of_warnings_the_one_critical_alert_opens_the_incident() {
    let url = alertmanager(60).await;
    let (home, disk) = (scratch(), Disk::new());
    let mut config = config(Some(&[PersonRole::Operator]));
    config.alertmanagers =
        vec![AlertmanagerConfig { name: "am".to_owned(), url, every_s: 1, ..AlertmanagerConfig::default() }];
    let room = open(home.path(), config, &disk, Clock::real(), None).await;
    let mut link = link(home.path()).await;
    link.until(PATIENCE, "the incident", |mirror| mirror.story.current().is_some()).await.expect("opened");
    assert_eq!(link.mirror.story.current().expect("open").title.as_str(), "etcdMembersDown");
    room.stop().await;
    assert_intact(&home.path().join("log"));
}

/// An Alertmanager with so many warnings, and one critical alert that fired last.
async fn alertmanager(warnings: usize) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let now = Clock::real().now();
    let alert = move |n: usize, name: &str, severity: &str| {
        let at = now - chrono::TimeDelta::seconds(100 - i64::try_from(n).expect("small"));
        json!({
            "fingerprint": format!("{n:016x}"), "labels": {"alertname": name, "severity": severity}, "annotations": {},
            "startsAt": at, "updatedAt": at, "endsAt": at + chrono::TimeDelta::hours(1), "receivers": [{"name": "r"}],
            "status": {"state": "active", "silencedBy": [], "inhibitedBy": [], "mutedBy": []}, "generatorURL": "",
        })
    };
    let mut alerts: Vec<_> = (0..warnings).map(|n| alert(n, &format!("Warning{n}"), "warning")).collect();
    alerts.push(alert(warnings, "etcdMembersDown", "critical"));
    let status =
        json!({"cluster": {"status": "ready", "peers": []}, "versionInfo": {"version": "0.28.0"}, "uptime": now});
    let app = axum::Router::new()
        .route("/api/v2/alerts", axum::routing::get(move || async move { json!(alerts).to_string() }))
        .route("/api/v2/status", axum::routing::get(move || async move { status.to_string() }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_while_a_plan_runs_still_records_how_it_ended() {
    warroom::systems::http::install_crypto();
    let (home, disk) = (scratch(), Disk::new());
    let story = scenario::load("etcd-corruption").expect("the scenario");
    let clock = Clock::scaled(story.start, 250.0);
    let world = Simulator::start(story, 7, clock.clone()).await.expect("the world");
    let at = world.write_config(home.path()).expect("its files");
    let options = LoadOptions { drill: true, ..LoadOptions::default() };
    let config = warroom::config::load(&at.config, options).expect("the configuration");
    let info = DrillInfo { scenario: "etcd-corruption".to_owned(), seed: 7, speed: 60.0 };
    let room = open(home.path(), config, &disk, clock.clone(), Some(info)).await;
    let join = async |who: &str| {
        let intent = Intent { entries_from: Some(1), drill_as: Some(who.into()), ..Intent::default() };
        RoomLink::open(&home.path().join("s"), &intent).await.expect("a link")
    };
    let (mut ana, mut sam) = (join("ana").await, join("sam").await);
    ana.until(PATIENCE, "the incident", |mirror| mirror.story.current().is_some()).await.expect("opened");
    clock.set_speed(20.0);
    let propose = || Request::Propose {
        action: Action::Failover,
        service: "shop".to_owned(),
        to: None,
        confirm: "shop.example".to_owned(),
        supersedes: None,
    };
    let (bytes, digest) = loop {
        match ana.ask(propose()).await {
            Ok(Reply::Plan { plan, digest, .. }) => break (plan, digest),
            // The board has not seen enough yet.
            Err(CliError::Refused(refusal)) if matches!(refusal.kind, RefusalKind::NotReady | RefusalKind::Rate) => {
                ana.next().await.expect("the room lives");
            }
            other => panic!("not proposed: {other:?}"),
        }
    };
    let plan = warroom::seal::parse_plan(&bytes).expect("a plan").0.plan;
    let me = ana.ask(Request::Approve { plan: plan.clone(), digest, confirm: "shop.example".to_owned() }).await;
    assert!(matches!(me, Err(CliError::Refused(refusal)) if refusal.kind == RefusalKind::SelfApproval));
    sam.ask(Request::Approve { plan: plan.clone(), digest, confirm: "shop.example".to_owned() })
        .await
        .expect("claimed");
    disk.fill();
    let ended = |mirror: &Mirror| {
        let record = mirror.story.current().and_then(|incident| incident.plans.get(&plan));
        record.is_some_and(|record| record.state.is_over())
    };
    ana.until(PATIENCE, "the plan's end", ended).await.expect("recorded on a full disk");
    ana.until(PATIENCE, "the banner", |mirror| mirror.degraded.is_some()).await.expect("degraded");
    assert!(world.writes().len() <= 1, "nothing is written twice");
    disk.make_room();
    ana.until(PATIENCE, "the banner's end", |mirror| mirror.degraded.is_none()).await.expect("healed");
    assert_eq!(ana.mirror.broken, None);
    room.stop().await;
    assert_intact(&home.path().join("log"));
}
