//! Tests of the alertmanager source: recorded answers, versions that differ, servers that misbehave.

mod acts;

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::map;
use super::watch::{AlertmanagerWatch, MAX_ALERTS};
use crate::config::{AlertmanagerConfig, BasicAuth};
use crate::model::facts::{Alert, AlertPeer, Fact, FactKind};
use crate::model::{AlertGrade, AlertWords, SourceChange, SourceId, System, TroubleKind};
use crate::systems::http::test_server::{ScriptedReply, SourceBench, TestServer, file};
use crate::systems::http::{Api, Options};
use crate::systems::supervise::Round;

fn raw(fingerprint: &str) -> Value {
    json!({"fingerprint": fingerprint, "labels": {"alertname": "KubeAPIDown", "severity": "critical", "cluster": "primary"},
        "annotations": {"summary": "the API is down"}, "startsAt": "2026-03-02T14:41:00Z",
        "endsAt": "2026-03-02T14:45:00Z", "updatedAt": "2026-03-02T14:41:00Z", "receivers": [{"name": "pager"}],
        "status": {"state": "active", "silencedBy": [], "inhibitedBy": []}})
}

fn status(word: &str) -> Value {
    json!({"cluster": {"status": word, "name": "01A", "peers": [{"name": "01A", "address": "a"}, {"name": "01B", "address": "b"}]},
        "versionInfo": {"version": "0.28.1"}, "uptime": "2026-03-01T00:00:00.5Z", "config": {"original": "secret: hush"}})
}

fn parse(alerts: Value) -> Vec<Alert> {
    let raw: Vec<map::RawAlert> = serde_json::from_value(alerts).expect("alerts");
    let words = AlertWords::default();
    let mut gathered = map::GatheredAlerts::new(&words, MAX_ALERTS);
    raw.into_iter().for_each(|alert| gathered.add(alert));
    gathered.finish()
}

fn config(url: String) -> AlertmanagerConfig {
    AlertmanagerConfig { name: "am-1".to_owned(), url, every_s: 5, ..AlertmanagerConfig::default() }
}

fn watch(server: &TestServer, room: &SourceBench) -> AlertmanagerWatch {
    watch_within(server, room, Duration::from_millis(400))
}

fn watch_within(server: &TestServer, room: &SourceBench, total: Duration) -> AlertmanagerWatch {
    let options = Options { total, ..Options::default() };
    AlertmanagerWatch {
        api: Api::new(&server.url, options),
        instance: "am-1".to_owned(),
        reporter: room.ctx.reporter(SourceId::new(System::Alertmanager, "am-1")),
        words: AlertWords::default(),
        silences_seen: Default::default(),
    }
}

async fn serve(alerts: ScriptedReply, status: ScriptedReply) -> TestServer {
    TestServer::start(move |seen| match seen.path.as_str() {
        "/api/v2/alerts" => alerts.clone(),
        "/api/v2/status" => status.clone(),
        _ => ScriptedReply::Text(404, "404 page not found".to_owned()),
    })
    .await
}

fn one_peer(changes: &[SourceChange]) -> &AlertPeer {
    let peer = changes.iter().find_map(|change| match change {
        SourceChange::Upsert(Fact::AlertPeer(peer)) => Some(peer),
        _ => None,
    });
    peer.expect("a peer")
}

#[test]
fn recorded_answers_of_0_25_are_read() {
    let Some(samples) = crate::test_support::contract("http/samples") else { return };
    let read = |name: &str| std::fs::read_to_string(samples.join(name)).expect("a recording");
    let alerts = read("alertmanager-0.25.0-alerts.json");
    let status = read("alertmanager-0.25.0-status-no-cluster.json");
    let alerts = parse(serde_json::from_str(&alerts).expect("JSON"));
    let brief: Vec<_> = alerts
        .iter()
        .map(|it| {
            (
                it.fingerprint.as_str(),
                it.severity.as_str(),
                it.state.as_str(),
                it.silenced_by.len(),
                it.inhibited_by.len(),
            )
        })
        .collect();
    assert_eq!(
        brief,
        [
            ("3208fadf99bd095b", "critical", "active", 0, 0),
            ("82f46f4497b97af7", "warning", "suppressed", 0, 1),
            ("8849ff1c2c0d74ee", "", "suppressed", 1, 0),
        ]
    );
    assert_eq!(alerts[0].summary, "x");
    assert_eq!(alerts[0].receivers[0], "pager");
    let peer = map::peer("am-1", &serde_json::from_str(&status).expect("JSON"));
    assert_eq!((peer.cluster_status.as_str(), peer.version.as_str(), peer.name.as_str()), ("disabled", "0.25.0", ""));
    assert_eq!(peer.started.map(|at| at.to_rfc3339()), Some("2026-11-22T19:33:33.016+00:00".to_owned()));
}

#[test]
fn fields_that_come_and_go_with_versions_are_no_trouble() {
    let bare = parse(json!([{"fingerprint": "a", "labels": {}, "status": {"state": "active"}}]));
    let (name, severity) = (bare[0].name.as_str(), bare[0].severity.as_str());
    assert_eq!((name, severity, bare[0].starts_at), ("alert without a name or labels", "", None));
    let mut muted = raw("b");
    muted["status"]["mutedBy"] = json!(["nights"]);
    muted["status"]["state"] = json!("a-later-state");
    muted["annotations"] = json!({"description": "only this"});
    let muted = &parse(json!([muted]))[0];
    assert_eq!(muted.silenced_by, ["mute:nights"]);
    assert_eq!((muted.state.as_str(), muted.summary.as_str()), ("a-later-state", "only this"));
    let twice = parse(json!([raw("c"), raw("c")]));
    assert_eq!(twice.len(), 1, "one alert, however many groups it is in");
}

#[test]
fn what_an_alert_is_about_how_grave_it_is_and_what_to_do_come_from_the_shop_s_own_words() {
    let mut one = raw("a");
    one["labels"] = json!({"priority": " P1 ", "namespace": "shop", "pod": "web-1", "cluster": "primary"});
    one["annotations"] =
        json!({"summary": "it is down", "description": "for 5 m", "runbook_url": "https://runbooks.example/down"});
    one["generatorURL"] = json!("https://prometheus.example/graph?g0.expr=up");
    let one = &parse(json!([one]))[0];
    assert_eq!((one.severity.as_str(), one.grade), ("P1", AlertGrade::Critical));
    assert_eq!(one.name, "alert without a name, namespace shop");
    assert_eq!(one.about(), "on primary, shop/web-1");
    assert_eq!((one.summary.as_str(), one.description.as_str()), ("it is down", "for 5 m"));
    assert_eq!(one.runbook_url, "https://runbooks.example/down");
    assert!(one.generator_url.as_str().starts_with("https://prometheus.example/"));
}

#[tokio::test]
async fn a_storm_is_read_to_its_end_and_the_gravest_are_kept() {
    let noise = "x".repeat(1_500);
    let storm: Vec<Value> = (0..MAX_ALERTS + 2_000)
        .map(|n| {
            let mut alert = raw(&format!("f{n:05}"));
            // The critical ones come last, where a cut by place would lose them.
            alert["labels"]["severity"] = json!(if n >= MAX_ALERTS + 1_990 { "critical" } else { "warning" });
            alert["annotations"]["description"] = json!(noise);
            alert
        })
        .collect();
    let server = serve(ScriptedReply::Json(200, Value::from(storm)), ScriptedReply::Json(200, status("ready"))).await;
    let mut room = SourceBench::fast();
    let watch = watch_within(&server, &room, Duration::from_secs(10));
    let round = tokio::spawn(async move { watch.round().await });
    let mut grades = Vec::new();
    let trouble = loop {
        match room.next().await.change {
            SourceChange::Upsert(Fact::Alert(alert)) => grades.push(alert.grade),
            SourceChange::Trouble(trouble) => break trouble,
            _ => {}
        }
    };
    assert!(Round::Well != round.await.expect("joined"), "it is not whole");
    assert_eq!(grades.len(), MAX_ALERTS);
    assert_eq!(grades.iter().filter(|grade| **grade == AlertGrade::Critical).count(), 10);
    assert!(
        trouble.kind == TroubleKind::Partial && trouble.what.as_str().contains("7000 alerts, more than 5000"),
        "{trouble:?}"
    );
}

#[tokio::test]
async fn one_alert_that_cannot_be_read_does_not_hide_the_others() {
    let odd = json!([raw("a"), {"fingerprint": 7}, raw("b")]);
    let server = serve(ScriptedReply::Json(200, odd), ScriptedReply::Json(200, status("ready"))).await;
    let mut room = SourceBench::manual();
    watch(&server, &room).round().await;
    let changes = room.drain();
    assert_eq!(changes.iter().filter(|it| matches!(it, SourceChange::Upsert(Fact::Alert(_)))).count(), 2);
    let Some(SourceChange::Trouble(trouble)) = changes.last() else { panic!("a trouble") };
    assert!(trouble.what.as_str().contains("1 of the alerts"), "{trouble:?}");
}

#[test]
fn outside_text_is_made_safe() {
    let mut hostile = raw("a\u{1b}[2J");
    hostile["labels"]["alertname"] = json!("x\u{1b}]52;c;AAAA\u{7}");
    hostile["labels"]["bad\u{9b}key"] = json!("v\u{1b}");
    hostile["annotations"]["summary"] = json!("line\nbreak\u{1b}[31m");
    hostile["status"]["silencedBy"] = json!(["\u{1b}c"]);
    let shown = serde_json::to_string(&parse(json!([hostile]))[0]).expect("JSON");
    assert!(!shown.contains("\\u001b") && !shown.contains('\u{1b}') && !shown.contains('\u{9b}'), "{shown}");
}

#[tokio::test]
async fn the_running_source_reports_alerts_and_itself() {
    let password = file("hush-hush");
    let server = TestServer::start(|seen| match (seen.path.as_str(), seen.header("authorization")) {
        // ana:hush-hush
        ("/am/api/v2/alerts", "Basic YW5hOmh1c2gtaHVzaA==") => ScriptedReply::Json(200, json!([raw("a"), raw("b")])),
        ("/am/api/v2/status", "Basic YW5hOmh1c2gtaHVzaA==") => ScriptedReply::Json(200, status("ready")),
        _ => ScriptedReply::Text(404, "404 page not found".to_owned()),
    })
    .await;
    let mut config = config(format!("{}/am", server.url));
    config.basic_auth = Some(BasicAuth { user: "ana".to_owned(), password_file: password.path().to_owned() });
    let (mut room, tasks) = (SourceBench::fast(), TaskTracker::new());
    let (spec, adapter) = super::start(&config, &AlertWords::default(), &room.ctx, &tasks);
    assert_eq!((spec.id.to_string().as_str(), spec.credential.as_str()), ("alertmanager/am-1", "user ana"));
    assert!(adapter.is_some(), "silences are asked of it");
    let first = [room.next().await.change, room.next().await.change];
    let peer = one_peer(&first);
    assert_eq!((peer.cluster_status.as_str(), peer.version.as_str(), peer.name.is_empty()), ("ready", "0.28.1", false));
    let SourceChange::Replace { kind: FactKind::Alert, facts } = &first[1] else { panic!("{first:?}") };
    assert_eq!(facts.len(), 2);
    assert!(!format!("{first:?}").contains("hush"), "its configuration is not read");
    room.ctx.stop.cancel();
}

#[tokio::test]
async fn a_settling_instance_replaces_nothing_and_says_so() {
    let server = serve(ScriptedReply::Json(200, json!([raw("a")])), ScriptedReply::Json(200, status("settling"))).await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room).round().await, "nothing failed: it is asked at the usual pace");
    let changes = room.drain();
    assert_eq!(one_peer(&changes).cluster_status.as_str(), "settling");
    assert!(matches!(&changes[1], SourceChange::Upsert(Fact::Alert(_))), "{changes:?}");
    let SourceChange::Trouble(trouble) = &changes[2] else { panic!("{changes:?}") };
    assert!(trouble.kind == TroubleKind::Partial && trouble.what.as_str().contains("settling"), "{trouble:?}");
    assert_eq!(changes.len(), 3);
}

#[tokio::test]
async fn a_single_instance_is_whole() {
    let alone = json!({"cluster": {"status": "disabled", "peers": []}, "versionInfo": {"version": "0.25.0"}});
    let server = serve(ScriptedReply::Json(200, json!([])), ScriptedReply::Json(200, alone)).await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room).round().await);
    let changes = room.drain();
    assert_eq!(one_peer(&changes).cluster_status.as_str(), "disabled");
    assert!(matches!(&changes[1], SourceChange::Replace { kind: FactKind::Alert, .. }), "{changes:?}");
}

#[tokio::test]
async fn a_proxy_that_hides_the_status_leaves_the_alerts() {
    let server = serve(ScriptedReply::Json(200, json!([raw("a")])), ScriptedReply::Text(403, "no".to_owned())).await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room).round().await);
    let changes = room.drain();
    assert_eq!((one_peer(&changes).cluster_status.as_str(), one_peer(&changes).started), ("unknown", None));
    assert!(matches!(&changes[1], SourceChange::Replace { facts, .. } if facts.len() == 1));
}

#[tokio::test]
async fn whatever_misbehaves_is_one_trouble_and_empties_nothing() {
    use TroubleKind::{Garbage, NotInstalled, ServerError, Silent, Throttled, Unauthorized};
    let fine = || ScriptedReply::Json(200, json!([raw("a")]));
    let busy = "Limit of concurrent GET requests reached (8), try again later.\n";
    for (alerts, state, kind) in [
        (ScriptedReply::Text(401, "Unauthorized".to_owned()), ScriptedReply::Text(401, String::new()), Unauthorized),
        (
            ScriptedReply::Text(404, "404 page not found".to_owned()),
            ScriptedReply::Text(404, String::new()),
            NotInstalled,
        ),
        (ScriptedReply::Text(503, busy.to_owned()), ScriptedReply::Json(200, status("ready")), Throttled),
        (ScriptedReply::Json(500, json!("it broke")), ScriptedReply::Json(200, status("ready")), ServerError),
        (ScriptedReply::Silent, ScriptedReply::Json(200, status("ready")), Silent),
        (fine(), ScriptedReply::Silent, Silent),
        (ScriptedReply::Cut, ScriptedReply::Json(200, status("ready")), Garbage),
        (ScriptedReply::Text(200, "<html>login</html>".to_owned()), ScriptedReply::Json(200, status("ready")), Garbage),
        (ScriptedReply::Json(200, json!([{"labels": {}}])), ScriptedReply::Json(200, status("ready")), Garbage),
    ] {
        let words = format!("{alerts:?} {state:?}");
        let server = serve(alerts, state).await;
        let mut room = SourceBench::manual();
        assert!(Round::Well != watch(&server, &room).round().await, "{words}");
        let changes = room.drain();
        let [SourceChange::Trouble(trouble)] = &changes[..] else { panic!("{words}: {changes:?}") };
        assert_eq!(trouble.kind, kind, "{words}: {trouble:?}");
    }
}

#[tokio::test]
async fn a_flood_is_cut_and_what_is_cut_has_not_resolved() {
    let mut flood: Vec<Value> = (0..MAX_ALERTS + 3).map(|i| raw(&format!("{i:08}"))).collect();
    flood.iter_mut().skip(2).for_each(|it| it["labels"]["severity"] = json!("info"));
    flood.reverse();
    let server = serve(ScriptedReply::Json(200, json!(flood)), ScriptedReply::Json(200, status("ready"))).await;
    let mut room = SourceBench::fast();
    // Megabytes on a busy machine take longer than a silent server is given here.
    let watch = watch_within(&server, &room, Duration::from_secs(10));
    let round = tokio::spawn(async move { watch.round().await });
    let mut alerts = Vec::new();
    let trouble = loop {
        match room.next().await.change {
            SourceChange::Upsert(Fact::Alert(alert)) => alerts.push(alert),
            SourceChange::Trouble(trouble) => break trouble,
            SourceChange::Replace { .. } => panic!("a cut list replaces nothing"),
            _ => {}
        }
    };
    assert_eq!((alerts.len(), trouble.kind), (MAX_ALERTS, TroubleKind::Partial));
    assert!(alerts[..2].iter().all(|it| it.severity.is("critical")), "the gravest come first");
    assert!(Round::Well != round.await.expect("joined"));
}

#[test]
fn a_start_that_no_clock_can_have_shown_is_left_out() {
    for odd in ["-262143-01-01T00:00:00Z", "+262142-12-31T23:59:59Z", "0001-01-01T00:00:00Z"] {
        let mut one = raw("aa");
        one["startsAt"] = json!(odd);
        // Where the library reads such a time at all, it goes no further.
        if let Ok(parsed) = serde_json::from_value(one) {
            assert_eq!(map::alert(parsed, &AlertWords::default()).starts_at, None, "{odd}");
        }
    }
    assert!(parse(json!([raw("aa")]))[0].starts_at.is_some());
}
