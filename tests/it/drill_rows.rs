//! The headless drill: the whole incident through real clients and the real protocol, and what it leaves behind.

use std::path::Path;

use serde_json::Value;

use crate::support::{assert_intact, run, scratch, warroom};

/// Half a minute is a second and a half: what two busy cores of a test machine can be late by without telling a wrong story.
const SPEED: &str = "20";

fn headless(scenario: &str, home: &Path, out: &Path) -> (i32, Value) {
    let (code, stdout, stderr) = run(warroom(home)
        .args(["drill", scenario, "--auto", "--headless", "--speed", SPEED, "--seed", "7", "--out"])
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
