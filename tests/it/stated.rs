//! What one person states, through the built binary: it stands beside what the room measured and marks what it marks, and
//! nothing that can't be gets into the log.

use serde_json::Value;

use crate::stage::{ANA, LEE, SAM, Stage, accounts};
use crate::support::{assert_intact, run, wait_for};
use warroom::clock::Clock;

fn instant(value: &Value) -> chrono::DateTime<chrono::Utc> {
    value["at"].as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("no instant: {value}"))
}

fn export(stage: &Stage) -> Value {
    let (code, json, err) = run(stage.client(LEE).args(["export", "--format", "json"]));
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&json).expect("JSON")
}

fn row<'a>(export: &'a Value, event: &str) -> Option<&'a Value> {
    export["rows"].as_array().expect("rows").iter().find(|row| row["event"] == event)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_recovers_nothing_by_their_word_and_confirms_by_a_mark() {
    if !accounts() {
        return;
    }
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_: &str| None).await;
    stage.open();
    stage.incident();
    let status = wait_for("the failing service", || {
        let (_, status) = stage.ask(ANA, &["status"]);
        (!status["incident"]["impact"].is_null()).then_some(status)
    });
    let detected = instant(&status["incident"]["detection"]);
    let at = |seconds: i64| (detected + chrono::TimeDelta::seconds(seconds)).to_rfc3339();

    // The impact a second before the recovery, both after the alert; a recovery before the alert; the year after.
    for words in [
        &["--recovered-at", &at(1), "--impact-at", &at(2)][..],
        &["--recovered-at", &at(-1)],
        &["--recovered-at", &at(31_536_000)],
        &["--impact-at", &at(3_600)],
    ] {
        let (code, _) = stage.ask(ANA, &[&["incident", "set"], words].concat());
        assert_eq!(code, 6, "{words:?}");
    }
    let (code, _) = stage.ask(ANA, &["timeline", "add", "by phone", "--kind", "decision", "--at", &at(-3_600)]);
    assert_eq!(code, 6, "decided before anything was detected");

    let now = Clock::real().now().to_rfc3339();
    assert_eq!(stage.ask(ANA, &["incident", "set", "--recovered-at", &now, "--impact-at", "T-5"]).0, 0);
    assert_eq!(stage.ask(ANA, &["timeline", "add", "brb, making coffee"]).0, 0);
    let told = export(&stage);
    assert_eq!(told["clocks"]["recovery"], Value::Null, "{told:#}");
    assert_eq!(told["clocks"]["stated"]["recovery"]["by"], "ana");
    let impact = instant(&told["clocks"]["stated"]["impact"]);
    assert_eq!(impact, detected - chrono::TimeDelta::minutes(5), "T-5, as a person writes it");
    assert_eq!(told["objectives"][0]["rto_met"], Value::Null, "{told:#}");
    assert_eq!((row(&told, "confirmed"), row(&told, "recovered")), (None, None), "{told:#}");
    let missing = told["not_recorded"].as_array().expect("what is missing");
    assert!(missing.contains(&"confirmed".into()) && missing.contains(&"recovered".into()), "{told:#}");
    let (_, status) = stage.ask(SAM, &["status"]);
    assert_eq!(status["incident"]["recovery"], Value::Null);

    // The mark is one word on a new entry, or a command about one that there is.
    let (code, noted) = stage.ask(ANA, &["timeline", "add", "etcd is corrupt", "--as", "confirmed"]);
    assert_eq!(code, 0, "{noted}");
    let told = export(&stage);
    let confirmed = row(&told, "confirmed").unwrap_or_else(|| panic!("not marked: {told:#}"));
    assert_eq!((&confirmed["seqs"][0], &confirmed["basis"]), (&noted["seq"], &"marked".into()));
    let seq = noted["seq"].to_string();
    assert_eq!(stage.ask(SAM, &["timeline", "mark", &seq, "confirmed"]).0, 6, "it is marked already");
    assert_eq!(stage.ask(SAM, &["timeline", "unmark", &seq, "confirmed"]).0, 0);
    assert_eq!(stage.ask(SAM, &["timeline", "mark", &seq, "recovered"]).0, 0);
    let told = export(&stage);
    assert_eq!(row(&told, "confirmed"), None, "{told:#}");
    let recovered = row(&told, "recovered").expect("it is marked");
    assert_eq!((&recovered["basis"], &recovered["marks"][0]["by"]), (&"marked".into(), &"sam".into()));
    drop(stage.room.take());
    assert_intact(&stage.state());
}
