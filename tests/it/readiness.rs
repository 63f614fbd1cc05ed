//! `warroom readiness` in a drill that plays itself: never ready while nothing is proven, and its exit code says which.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{Running, run, scratch, wait_for, warroom};

/// The command, asked of the drill's own room.
fn readiness(home: &Path) -> Command {
    let mut command = warroom(home);
    command.args(["readiness", "--as", "lee", "--socket"]).arg(home.join("s"));
    command
}

fn ask(home: &Path) -> Option<(i32, Value)> {
    let (code, out, _) = run(readiness(home).args(["-o", "json"]));
    let told: Value = serde_json::from_str(&out).ok()?;
    (told["schema"] == "warroom/readiness/v1").then_some((code, told))
}

#[test]
fn a_room_without_a_proof_is_not_ready_and_says_what_would_prove_it() {
    let home = scratch();
    let out = home.path().join("out");
    let _drill = Running::start(
        warroom(home.path())
            .args(["drill", "--auto", "--headless", "--speed", "10", "--seed", "7", "--out"])
            .arg(&out)
            .arg("--socket")
            .arg(home.path().join("s")),
        &home.path().join("drill.log"),
    );
    let (code, told) = wait_for("a judgement with every system read", || {
        ask(home.path()).filter(|(_, told)| told["services"][0]["rpo"]["measured_s"].is_u64())
    });
    let expected = if told["standing"] == "missed" { 4 } else { 3 };
    assert_eq!(code, expected, "{told:#}");
    assert_eq!(told["drill"]["seed"], 7, "{told:#}");
    let service = &told["services"][0];
    let checks = service["checks"].as_array().expect("checks");
    let recovery = checks.iter().find(|it| it["what"] == "recovery").expect("the recovery is judged");
    assert_eq!(recovery["standing"], "unknown", "nothing was recovered in this log: {told:#}");
    for check in checks {
        assert_eq!(check["standing"] == "met", check["remedy"] == "", "what would prove it? {check}");
    }
    let (code, text, _) = run(&mut readiness(home.path()));
    assert!(code == 3 || code == 4, "{text}");
    assert!(text.starts_with("DRILL") && text.contains("this log holds no recovery"), "{text}");
}
