//! The filter language on a real room: commands keep what matches and count the rest, an export says that it is filtered,
//! and a console looks back at what the room kept.

use serde_json::Value;
use warroom::clock::Clock;

use crate::stage::{LEE, Stage, accounts};
use crate::support::{run, wait_for};

fn rows(found: &Value) -> &[Value] {
    found["rows"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_export_and_console_find_the_same() {
    if !accounts() {
        return;
    }
    let mut stage = Stage::set(Stage::story(), Clock::real(), async |_| None).await;
    stage.open();
    stage.incident();
    wait_for("critical alerts and others", || {
        let (_, all) = stage.ask(LEE, &["alerts"]);
        let critical = rows(&all).iter().filter(|row| row["verdict"] == "critical").count();
        (critical > 0 && critical < rows(&all).len()).then_some(())
    });
    for (filter, critical) in
        [("severity:critical", true), ("!severity:critical", false), ("severity:<critical", false)]
    {
        let (_, found) = stage.ask(LEE, &["alerts", "--filter", filter]);
        assert!(!rows(&found).is_empty(), "{filter}: {found:#}");
        assert!(rows(&found).iter().all(|row| (row["verdict"] == "critical") == critical), "{filter}: {found:#}");
        let counts = &found["filtered"];
        assert_eq!(counts["kept"], rows(&found).len(), "{filter}");
        assert_eq!(
            found["total"].as_u64(),
            counts["kept"].as_u64().zip(counts["left_out"].as_u64()).map(|(a, b)| a + b)
        );
    }
    let (code, _, err) = run(stage.client(LEE).args(["alerts", "--filter", "severity:critcal"]));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("at character 10") && err.contains("did you mean severity:critical?"), "{err}");

    let (_, shown) = stage.ask(LEE, &["timeline", "show", "--filter", "kind:edge"]);
    let kept = shown["filtered"]["kept"].as_u64().expect("a count");
    assert!(kept > 0 && shown["filtered"]["left_out"].as_u64() > Some(0), "{shown:#}");
    let (code, export, err) = run(stage.client(LEE).args(["export", "--format", "json", "--filter", "kind:edge"]));
    assert_eq!(code, 0, "{err}");
    let export: Value = serde_json::from_str(&export).expect("JSON");
    let timeline = export["timeline"].as_array().expect("entries");
    assert!(!timeline.is_empty() && timeline.iter().all(|entry| entry["kind"] == "edge"), "{export:#}");
    assert_eq!(export["filtered"]["shown"], timeline.len());
    assert!(export["filtered"]["left_out"].as_u64() > Some(0), "{export:#}");
    let (_, markdown, _) = run(stage.client(LEE).args(["export", "--filter", "kind:edge"]));
    assert!(markdown.contains("FILTERED: not the whole log."), "{markdown}");

    // One second ago the alerts were there; before the room began nothing is known, and it says since when it knows.
    let screen = wait_for("a look back", || {
        let (_, screen, _) = run(stage.client(LEE).args(["shot", "--size", "120x40", "--keys", "@-1s<enter>"]));
        (screen.contains("as kept") && screen.contains("KubeAPIDown")).then_some(screen)
    });
    assert!(screen.contains("PAST"), "{screen}");
    let (_, screen, _) = run(stage.client(LEE).args(["shot", "--size", "120x40", "--keys", "@-1h<enter>"]));
    assert!(screen.contains("Not kept at") && !screen.contains("KubeAPIDown  "), "{screen}");
    stage.intact(&stage.state());
}
