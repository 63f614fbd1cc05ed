//! The headless drill: the whole incident through real clients and the real protocol, what it leaves behind, and that it
//! leaves the same again.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::support::{assert_intact, run, scratch, segments, warroom};

fn headless(scenario: &str, home: &Path, out: &Path) -> (i32, Value) {
    let (code, stdout, stderr) = run(warroom(home)
        .args(["drill", scenario, "--auto", "--headless", "--speed", "max", "--seed", "7", "--out"])
        .arg(out));
    let text = std::fs::read_to_string(out.join("export.json"))
        .unwrap_or_else(|error| panic!("no export.json: {error}\nexit {code}\n{stdout}\n{stderr}"));
    (code, serde_json::from_str(&text).expect("export.json is JSON"))
}

fn rows(export: &Value) -> Vec<(String, i64)> {
    export["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| (row["event"].as_str().expect("event").to_owned(), row["t_s"].as_i64().expect("t_s")))
        .collect()
}

fn near(found: i64, expected: i64) -> bool {
    (found - expected).abs() <= 30
}

/// Keeps every core of the machine busy for as long as it lives.
struct Load(Arc<AtomicBool>);

impl Load {
    fn on_every_core() -> Self {
        let over = Arc::new(AtomicBool::new(false));
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        Self(over)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What of a log must be the same: all but the addresses that the system gives away where the wished ones are taken, and what
/// follows from them.
fn log(out: &Path) -> Vec<Value> {
    let addresses = regex::Regex::new("127\\.0\\.0\\.1:[0-9]+").expect("a pattern");
    let hashes = regex::Regex::new("[0-9a-f]{64}|wr-[0-9a-f]{20}|uid [0-9a-f-]{36}").expect("a pattern");
    let lines = segments(out).into_iter().flat_map(|path| {
        let text = std::fs::read_to_string(path).expect("a segment");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    });
    lines
        .map(|line| {
            let line = hashes.replace_all(&addresses.replace_all(&line, "ADDRESS"), "HASH").into_owned();
            serde_json::from_str(&line).expect("a line is JSON")
        })
        .collect()
}

/// The same seed gives the same story to the second and the same log, on a machine that is idle and on one that is not.
#[test]
fn the_same_seed_gives_the_same_rows_and_the_same_log_under_load() {
    let home = scratch();
    let (idle, loaded) = (home.path().join("idle"), home.path().join("loaded"));
    let (_, first) = headless("etcd-corruption", home.path(), &idle);
    let load = Load::on_every_core();
    let (_, second) = headless("etcd-corruption", home.path(), &loaded);
    drop(load);
    assert_eq!(first["rows"], second["rows"]);
    let (first, second) = (log(&idle), log(&loaded));
    for (one, two) in first.iter().zip(&second) {
        assert_eq!(one, two);
    }
    assert_eq!(first.len(), second.len());
    assert!(first.len() > 50, "a whole incident: {}", first.len());
}

#[test]
fn the_headless_drill_tells_the_whole_incident() {
    let home = scratch();
    let out = home.path().join("out");
    let (code, export) = headless("etcd-corruption", home.path(), &out);
    assert_eq!(code, 0, "{export:#}");
    let found = rows(&export);
    let expected = [
        ("detected", 0),
        ("confirmed", 240),
        ("decided", 480),
        ("traffic_switched", 600),
        ("gitops_confirmed", 720),
        ("restored", 1080),
        ("recovered", 1380),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((event, t_s), (name, at)) in found.iter().zip(expected) {
        assert_eq!(event, name, "{found:?}");
        assert!(near(*t_s, at), "{event} at {t_s}, expected {at} ± 30: {found:?}");
    }
    assert!(near(export["from_detection_s"].as_i64().expect("figure"), 1380), "{export:#}");
    assert!(near(export["from_impact_s"].as_i64().expect("figure"), 1620), "{export:#}");
    assert!(near(export["rpo_s"].as_i64().expect("figure"), 480), "{export:#}");
    for name in ["export.md", "score.json"] {
        assert!(out.join(name).is_file(), "{name} is missing");
    }
    assert!(std::fs::read_to_string(out.join("export.md")).expect("markdown").contains("DRILL"));
    assert_intact(&out);
    let (code, verdict) = crate::support::run_json(warroom(home.path()).args(["verify", "-o", "json"]).arg(&out));
    assert_eq!((code, &verdict["ok"]), (0, &Value::Bool(true)), "{verdict}");
}

/// Rows come from observed edges and from people's acts alone: in a world whose load balancer takes the change but moves
/// nobody, there is no row that says traffic moved, and none that says it came back.
#[test]
fn without_the_worlds_failover_that_row_is_gone() {
    let home = scratch();
    let out = home.path().join("out");
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/drill/scenarios/etcd-corruption.toml");
    let story = std::fs::read_to_string(shipped).expect("the scenario").replace("failover = true", "failover = false");
    let scenario = home.path().join("no-failover.toml");
    std::fs::write(&scenario, story.replace("ends_s = 2100", "ends_s = 1200")).expect("written");
    let (_, export) = headless(scenario.to_str().expect("a path"), home.path(), &out);
    let found = rows(&export);
    let events: Vec<&str> = found.iter().map(|(event, _)| event.as_str()).collect();
    assert!(events.contains(&"decided"), "{found:?}");
    assert!(!events.contains(&"traffic_switched"), "{found:?}");
    assert!(!events.contains(&"recovered"), "{found:?}");
    assert_intact(&out);
}
