//! What the published budgets are made of: drawing a frame, an update, a judgement, an event, a line of a watch, folding and
//! checking a log, writing to it.
//!
//! `cargo bench --bench budgets` compares with the run before and keeps its figures in `target/criterion`; one of them alone:
//! `cargo bench --bench budgets -- frame`. Nothing is asserted of a time: the figures are read by people, on a machine that
//! does nothing else. What an entry costs on the way to other consoles is the soak's to measure.

#![allow(clippy::expect_used, reason = "what can't be prepared can't be measured")]

mod console_state;
#[path = "../bulk/generated_log.rs"]
mod generated_log;
#[path = "../bulk/storage.rs"]
mod storage;

use std::fs::Permissions;
use std::hint::black_box;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use console_state::{ROWS, SIZE, now};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::json;
use tempfile::TempDir;
use warroom::board::KeptJudgement;
use warroom::client::{ClientEvent, KEPT, entries};
use warroom::console::keymap::keys;
use warroom::console::{ColorDepth, Console, Effect, Input, Look, Now, Theme, update, view};
use warroom::ledger::{Expected, FileStorage, read_folder, verify};
use warroom::model::entry::{EntryDraft, LogLine};
use warroom::model::{Entry, IncidentId};
use warroom::systems::kube_api::stream::read_line;
use warroom::systems::kubernetes::EventMapping;
use warroom::timeline::{Keep, Story};

/// Entries of the log that is folded and checked.
const ENTRIES: u64 = 10_000;
/// Bytes of a note in it.
const TEXT: usize = 120;
/// Entries that are written at once, beside one alone.
const BATCH: u64 = 100;

/// A folder on the disk that builds go to. Folders for what is temporary are often in memory, where a sync costs nothing.
fn folder() -> TempDir {
    // A log is nobody else's to read.
    let private = Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(private).tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder")
}

fn log() -> (TempDir, Vec<LogLine>) {
    let folder = folder();
    generated_log::write(folder.path(), ENTRIES, 0, TEXT).expect("a log");
    let mut lines = Vec::new();
    read_folder(folder.path(), &mut |line| lines.push(line)).expect("a log");
    (folder, lines)
}

fn console(rows: u32) -> Console {
    let (_folder, mut lines) = log();
    lines.truncate(KEPT);
    console_state::console(lines, rows)
}

/// Presses `j` and `k` in turn, a second apart: the cursor stays where it is.
struct Hand {
    pressed: u64,
}

impl Hand {
    fn press(&mut self, console: &mut Console) -> Vec<Effect> {
        self.pressed += 1;
        let key = keys("jk").expect("keys")[self.pressed as usize % 2];
        update(console, Input::Key(key), Now { room: now(), real: Duration::from_secs(self.pressed) })
    }
}

fn frame(c: &mut Criterion) {
    let look = Look::new(Theme::shipped("dark").expect("shipped"), ColorDepth::TwoFiftySix, false);
    for rows in ROWS {
        let mut console = console(rows);
        let of = format!("{}x{}, {rows} rows", SIZE.0, SIZE.1);
        c.bench_function(&format!("frame/{of}"), |b| b.iter(|| view::draw(&console, &look)));
        let mut hand = Hand { pressed: 0 };
        c.bench_function(&format!("frame/{of}, after a key"), |b| {
            b.iter(|| {
                black_box(hand.press(&mut console));
                view::draw(&console, &look)
            });
        });
    }
}

fn updates(c: &mut Criterion) {
    for rows in ROWS {
        let mut console = console(rows);
        let mut hand = Hand { pressed: 0 };
        c.bench_function(&format!("update/one key, {rows} rows"), |b| b.iter(|| hand.press(&mut console)));
        let push = console_state::event_again(&console);
        c.bench_function(&format!("update/one row of {rows}"), |b| {
            b.iter_batched(
                || Input::Room(Box::new(ClientEvent::Push(push.clone()))),
                |input| update(&mut console, input, Now { room: now(), real: Duration::from_secs(1) }),
                BatchSize::SmallInput,
            );
        });
    }
}

/// What a room does of what it heard: after nothing and after one thing, whatever the size of the board.
fn judgements(c: &mut Criterion) {
    let mut group = c.benchmark_group("judge");
    for rows in ROWS {
        let (alerts, events) = (rows * 3 / 10, rows * 7 / 10);
        let of = format!("{alerts} alerts, {events} events");
        let mut board = console_state::board(0..alerts, 0..events);
        let mut kept = KeptJudgement::default();
        kept.renew(&mut board, now());
        group.bench_function(format!("everything anew, {of}"), |b| b.iter(|| board.judge(now())));
        group.bench_function(format!("after nothing, {of}"), |b| b.iter(|| kept.renew(&mut board, now())));
        let mut number = 1_000_000;
        group.bench_function(format!("after one event, {of}"), |b| {
            b.iter(|| {
                number += 1;
                board.apply(console_state::heard(console_state::event(number)));
                kept.renew(&mut board, now())
            });
        });
        group.bench_function(format!("after one alert, {of}"), |b| {
            b.iter(|| {
                number += 1;
                let mut alert = console_state::alert(0);
                alert.summary = format!("{number} replicas").into();
                board.apply(console_state::heard(alert));
                kept.renew(&mut board, now())
            });
        });
    }
    group.finish();
}

/// What one more event costs, after few and after many.
fn events(c: &mut Criterion) {
    let mut group = c.benchmark_group("event");
    for heard in [1_000, 100_000] {
        let mut board = console_state::board(0..0, 0..0);
        let mut number = 0;
        let mut next = || {
            number += 1;
            console_state::heard(console_state::event(number))
        };
        (0..heard).for_each(|_| board.apply(next()));
        group.bench_function(format!("one more after {heard}"), |b| {
            b.iter_batched(&mut next, |it| board.apply(it), BatchSize::SmallInput);
        });
    }
    group.finish();
}

fn logs(c: &mut Criterion) {
    let (folder, lines) = log();
    let read: Vec<Entry> = entries(&lines).collect();
    let mut group = c.benchmark_group("log");
    group.throughput(Throughput::Elements(read.len() as u64)).sample_size(20);
    group.bench_function(format!("fold {} entries", read.len()), |b| {
        b.iter_with_large_drop(|| {
            let mut story = Story::keeping(Keep::Newest(KEPT));
            read.iter().for_each(|entry| story.apply(entry));
            story
        });
    });
    let paths: [PathBuf; 1] = [folder.path().to_owned()];
    group.bench_function(format!("verify {} entries", read.len()), |b| {
        b.iter(|| {
            let verdict = verify(&paths, &Expected::default()).expect("read");
            assert!(verdict.ok, "{}", verdict.why);
        });
    });
    group.finish();
}

fn appends(c: &mut Criterion) {
    let incident = IncidentId::from("INC-2026-11-22-01");
    let text = "x".repeat(TEXT);
    let mut group = c.benchmark_group("append");
    // Each is a wait for the disk, and the log grows by it.
    group.sample_size(20).warm_up_time(Duration::from_secs(1)).measurement_time(Duration::from_secs(3));
    for count in [1, BATCH] {
        let folder = folder();
        let ledger = generated_log::open(folder.path(), Arc::new(FileStorage)).expect("a log");
        let drafts: Vec<EntryDraft> = (1..=count).map(|n| generated_log::draft(&incident, n, &text, now())).collect();
        group.throughput(Throughput::Elements(count));
        group.bench_function(format!("{count}, synced"), |b| {
            b.iter_batched(|| drafts.clone(), |drafts| ledger.append(drafts).expect("written"), BatchSize::SmallInput);
        });
    }
    group.finish();
}

/// A line of a watch as an API server writes it, with the record of who wrote which field.
fn watch_line() -> String {
    let wrote = |field: &str| {
        json!({"manager": "kubelet", "operation": "Update", "apiVersion": "v1", "time": "2026-11-22T19:04:55Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:count": {}, "f:firstTimestamp": {}, "f:involvedObject": {}, "f:lastTimestamp": {},
        "f:message": {}, "f:reason": {}, "f:reportingComponent": {}, "f:reportingInstance": {}, "f:source": {"f:component": {},
        "f:host": {}}, "f:type": {}, field: {}}})
    };
    json!({"type": "MODIFIED", "object": {"kind": "Event", "apiVersion": "v1", "metadata": {
        "name": "checkout-7d9c5b6f4-x2x8k.17f0c1a2b3d4e5f6", "namespace": "shop", "uid": "0c1e7d52-9a41-4f37-8b52-7c1de8a4f210",
        "resourceVersion": "184467", "creationTimestamp": "2026-11-22T18:55:00Z", "managedFields": [wrote("f:eventTime")]},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "checkout-7d9c5b6f4-x2x8k",
        "uid": "5d7f1f7e-1a55-4b52-9f6b-5b1e5c0f6e11", "apiVersion": "v1", "resourceVersion": "184001",
        "fieldPath": "spec.containers{checkout}"}, "reason": "BackOff",
        "message": "Back-off restarting failed container checkout in pod checkout-7d9c5b6f4-x2x8k_shop(5d7f1f7e)",
        "source": {"component": "kubelet", "host": "node-a"}, "firstTimestamp": "2026-11-22T18:55:00Z",
        "lastTimestamp": "2026-11-22T19:04:55Z", "count": 41, "type": "Warning", "eventTime": null,
        "reportingComponent": "kubelet", "reportingInstance": "node-a"}})
    .to_string()
}

fn watches(c: &mut Criterion) {
    let line = watch_line();
    let mut mapping = EventMapping { cluster: "primary".to_owned() };
    let mut group = c.benchmark_group("watch");
    group.throughput(Throughput::Bytes(line.len() as u64));
    group.bench_function("one event, from its line to its fact", |b| {
        b.iter(|| read_line(black_box(line.as_bytes()), &mut mapping).expect("JSON"));
    });
    group.finish();
}

criterion_group!(budgets, frame, updates, judgements, events, watches, logs, appends);
criterion_main!(budgets);
