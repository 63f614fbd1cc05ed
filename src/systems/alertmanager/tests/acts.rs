//! Silences: read, posted, ended; every answer that may come, and what may be concluded from it.

use super::*;
use crate::model::plan::Target;
use crate::model::{Digest, PlanId, Step, StepRequest};
use crate::systems::alertmanager::act::AlertmanagerAdapter;
use crate::systems::http::Method;
use crate::systems::{ActError, Adapter, Permit};

fn silence(id: &str, state: &str) -> Value {
    json!({"id": id, "status": {"state": state}, "comment": format!("INC-1: x (warroom/{id})"), "createdBy": "ana",
        "matchers": [{"name": "a", "value": "b", "isRegex": false}], "startsAt": "2026-03-02T14:00:00Z",
        "endsAt": "2026-03-02T15:00:00Z", "updatedAt": "2026-03-02T14:00:00Z"})
}

#[test]
fn recorded_silences_of_0_25_are_read() {
    let file = crate::test_support::contract("http/samples/alertmanager-0.25.0-silences.json");
    let Some(text) = file.map(|file| std::fs::read_to_string(file).expect("a recording")) else { return };
    let all = map::silences(serde_json::from_str(&text).expect("silences"));
    assert!(!all.is_empty());
    for it in &all {
        assert!(!it.matchers.is_empty() && !it.more_sets && it.ends_at.is_some(), "{it:?}");
        assert!(["active", "pending", "expired"].contains(&it.state.as_str()), "{it:?}");
    }
}

#[test]
fn silences_are_read_leniently_and_those_in_force_come_first() {
    let mut hostile = silence("evil\u{1b}[2J", "active");
    hostile["comment"] = json!("\u{202e}x\u{7}");
    let bare = json!({"id": "bare"});
    let sets = json!({"id": "sets", "status": {"state": "a-later-state"}, "matchers": [], "matcherSets": [[]]});
    let raw =
        json!([silence("old", "expired"), sets, silence("next", "pending"), bare, hostile, silence("on", "active")]);
    let all = map::silences(serde_json::from_value(raw).expect("silences"));
    let states: Vec<&str> = all.iter().map(|it| it.state.as_str()).collect();
    assert_eq!(states, ["active", "active", "pending", "", "a-later-state", "expired"]);
    assert!(all.iter().filter(|it| it.id == "sets" || it.id == "bare").all(|it| it.more_sets));
    let matcher = &all.iter().find(|it| it.id == "on").expect("on").matchers[0];
    assert!(matcher.equal && !matcher.regex, "without isEqual it means equal");
    let shown = serde_json::to_string(&all).expect("JSON");
    assert!(!shown.contains('\u{1b}') && !shown.contains("\\u001b") && !shown.contains('\u{202e}'), "{shown}");
}

#[test]
fn an_alert_is_muted_where_every_group_says_so() {
    let group = |receiver: &str, muted: &[(&str, &[&str])]| {
        let alerts: Vec<Value> = muted
            .iter()
            .map(|(key, by)| json!({"fingerprint": key, "labels": {}, "status": {"state": "active", "mutedBy": by}}))
            .collect();
        json!({"labels": {}, "receiver": {"name": receiver}, "alerts": alerts})
    };
    let groups = json!([
        group("pager", &[("a", &["nights"]), ("b", &["nights"]), ("c", &[])]),
        group("mail", &[("a", &["weekends"]), ("b", &[]), ("c", &[])]),
    ]);
    let mut alerts = parse(json!([raw("a"), raw("b"), raw("c"), raw("d")]));
    map::mute(&mut alerts, serde_json::from_value(groups).expect("groups"));
    let of = |key: &str| {
        let alert = alerts.iter().find(|it| it.fingerprint == key).expect("an alert");
        (alert.state.as_str(), alert.silenced_by.clone())
    };
    assert_eq!(of("a"), ("suppressed", vec!["mute:nights".to_owned(), "mute:weekends".to_owned()]));
    assert_eq!(of("b"), ("active", vec!["mute:nights for pager".to_owned()]));
    assert_eq!((of("c"), of("d")), (("active", vec![]), ("active", vec![])));
    for (version, tells) in
        [("0.25.0", false), ("0.28.1", true), ("v0.34.0", true), ("1.0.0", true), ("", false), ("x", false)]
    {
        assert_eq!(map::tells_mutes(version), tells, "{version}");
    }
}

#[tokio::test]
async fn groups_are_asked_of_versions_that_know_mutes_and_silences_of_all() {
    for (version, expected) in [("0.25.0", 0), ("0.28.1", 1)] {
        let mut said = status("ready");
        said["versionInfo"]["version"] = json!(version);
        let server = TestServer::start(move |seen| match seen.path.as_str() {
            "/api/v2/alerts" => ScriptedReply::Json(200, json!([raw("a")])),
            "/api/v2/silences" => ScriptedReply::Json(200, json!([silence("s", "active")])),
            "/api/v2/status" => ScriptedReply::Json(200, said.clone()),
            // A failure here costs nothing but the mutes.
            _ => ScriptedReply::Text(503, "busy".to_owned()),
        })
        .await;
        let mut room = SourceBench::manual();
        assert!(Round::Well == watch(&server, &room).round().await, "{version}");
        let groups = server.seen().iter().filter(|it| it.path == "/api/v2/alerts/groups").count();
        assert_eq!(groups, expected, "{version}");
        let changes = room.drain();
        assert!(one_peer(&changes).silences_read);
        assert!(
            matches!(&changes[1], SourceChange::Replace { kind: FactKind::Silence, facts } if facts.len() == 1),
            "{changes:?}"
        );
    }
}

#[tokio::test]
async fn more_silences_in_force_than_are_kept_are_told_and_replace_nothing() {
    for (state, told) in [("active", true), ("expired", false)] {
        let all: Vec<Value> = (0..2_001).map(|n| silence(&format!("s-{n}"), state)).collect();
        let server = TestServer::start(move |seen| match seen.path.as_str() {
            "/api/v2/alerts" => ScriptedReply::Json(200, json!([raw("a")])),
            "/api/v2/silences" => ScriptedReply::Json(200, Value::from(all.clone())),
            "/api/v2/status" => ScriptedReply::Json(200, status("ready")),
            _ => ScriptedReply::Text(404, "404 page not found".to_owned()),
        })
        .await;
        let mut room = SourceBench::fast();
        let watch = watch_within(&server, &room, Duration::from_secs(10));
        let round = tokio::spawn(async move { watch.round().await });
        let (mut replaced, mut last) = (false, None);
        // One by one: they are more than wait in the channel. What is told last differs.
        while !matches!(last, Some(SourceChange::Trouble(_) | SourceChange::Replace { kind: FactKind::Alert, .. })) {
            let change = room.next().await.change;
            replaced |= matches!(change, SourceChange::Replace { kind: FactKind::Silence, .. });
            last = Some(change);
        }
        round.await.expect("joined");
        assert_eq!(replaced, !told, "{state}");
        if told {
            let Some(SourceChange::Trouble(why)) = last else { panic!("{last:?}") };
            assert_eq!(why.kind, TroubleKind::Partial);
            let words = "2001 silences in force or to come: at least 2000, and not all, are shown";
            assert!(why.what.as_str().contains(words), "{}", why.what);
        }
    }
}

#[tokio::test]
async fn silences_that_can_not_be_read_cost_no_alert_and_are_not_remembered() {
    let answers = [
        ScriptedReply::Json(200, json!([silence("s", "active")])),
        ScriptedReply::Json(200, json!({"a": "later shape"})),
        ScriptedReply::Text(403, "no".to_owned()),
    ];
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let server = TestServer::start(move |seen| match seen.path.as_str() {
        "/api/v2/alerts" => ScriptedReply::Json(200, json!([raw("a")])),
        "/api/v2/silences" => answers[asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst).min(2)].clone(),
        _ => ScriptedReply::Json(200, status("ready")),
    })
    .await;
    let mut room = SourceBench::manual();
    let watch = watch(&server, &room);
    let mut rounds = Vec::new();
    for _ in 0..3 {
        assert!(Round::Well == watch.round().await);
        let changes = room.drain();
        let silences = changes.iter().find_map(|it| match it {
            SourceChange::Replace { kind: FactKind::Silence, facts } => Some(facts.len()),
            _ => None,
        });
        assert!(
            changes
                .iter()
                .any(|it| matches!(it, SourceChange::Replace { kind: FactKind::Alert, facts } if facts.len() == 1))
        );
        rounds.push((one_peer(&changes).silences_read, silences));
    }
    assert_eq!(rounds, [(true, Some(1)), (false, Some(0)), (false, None)]);
}

fn acting(server: &TestServer, prefix: &str) -> AlertmanagerAdapter {
    let options = Options { total: Duration::from_millis(400), ..Options::default() };
    AlertmanagerAdapter { api: Api::new(&format!("{}{prefix}", server.url), options) }
}

async fn apply(acting: &AlertmanagerAdapter, verb: &str, id: &str) -> Result<String, ActError> {
    let target = Target {
        src: SourceId::new(System::Alertmanager, "am-1"),
        kind: "silence".to_owned(),
        id: id.to_owned(),
        name: String::new(),
    };
    let params = match verb {
        "create_silence" => json!({"matchers": [], "startsAt": "s", "endsAt": "e", "createdBy": "ana", "comment": "c"}),
        _ => json!({}),
    };
    let step = Step {
        id: "1".to_owned(),
        request: StepRequest::from_members(format!("alertmanager.{verb}"), params),
        target,
        pre: vec![],
        effect: String::new(),
        limit_s: 10,
        check: vec![],
    };
    let permit = Permit { plan: PlanId::from("01REQ"), digest: Digest([0; 32]), persons: vec![] };
    acting.apply(&step, &permit).await
}

#[derive(Debug, PartialEq)]
enum ExpectedEnd {
    Id(&'static str),
    No(&'static str),
    Unclear,
}

#[tokio::test]
async fn every_answer_to_a_write_means_what_it_proves() {
    let created = || ScriptedReply::Json(200, json!({"silenceID": "new-id"}));
    let empty = || ScriptedReply::Text(200, String::new());
    for (verb, reply, end) in [
        ("create_silence", created(), ExpectedEnd::Id("new-id")),
        (
            "create_silence",
            ScriptedReply::Json(400, json!("Failed to create silence: end time can't be in the past")),
            ExpectedEnd::No("end time can't be in the past"),
        ),
        (
            "create_silence",
            ScriptedReply::Json(422, json!({"code": 612, "message": "matchers in body should have at least 1 items"})),
            ExpectedEnd::No("at least 1 items"),
        ),
        (
            "create_silence",
            ScriptedReply::Json(415, json!({"code": 415, "message": "unsupported media type"})),
            ExpectedEnd::No("unsupported"),
        ),
        ("create_silence", ScriptedReply::Text(401, String::new()), ExpectedEnd::No("401")),
        ("create_silence", ScriptedReply::Text(404, "404 page not found".to_owned()), ExpectedEnd::No("404")),
        ("create_silence", ScriptedReply::Text(429, String::new()), ExpectedEnd::No("429")),
        ("create_silence", ScriptedReply::Json(500, json!("it broke")), ExpectedEnd::Unclear),
        ("create_silence", ScriptedReply::Text(502, "bad gateway".to_owned()), ExpectedEnd::Unclear),
        (
            "create_silence",
            ScriptedReply::Text(503, "Limit of concurrent GET requests reached".to_owned()),
            ExpectedEnd::Unclear,
        ),
        ("create_silence", ScriptedReply::Text(200, "<html>".to_owned()), ExpectedEnd::Unclear),
        ("create_silence", ScriptedReply::Silent, ExpectedEnd::Unclear),
        ("create_silence", ScriptedReply::Cut, ExpectedEnd::Unclear),
        ("expire_silence", empty(), ExpectedEnd::Id("s-1")),
        ("expire_silence", ScriptedReply::Json(500, json!("silence not found")), ExpectedEnd::No("knows no silence")),
        ("expire_silence", ScriptedReply::Text(404, String::new()), ExpectedEnd::No("knows no silence")),
        ("expire_silence", ScriptedReply::Json(500, json!("it broke")), ExpectedEnd::Unclear),
        ("expire_silence", ScriptedReply::Silent, ExpectedEnd::Unclear),
        ("rename_silence", empty(), ExpectedEnd::No("not what an Alertmanager")),
    ] {
        let words = format!("{verb} {reply:?}");
        let server = TestServer::start(move |_| reply.clone()).await;
        let got = apply(&acting(&server, ""), verb, "s-1").await;
        match (&end, &got) {
            (ExpectedEnd::Id(id), Ok(got)) => assert_eq!(got, id, "{words}"),
            (ExpectedEnd::No(why), Err(ActError::NotApplied(t))) => {
                assert!(t.what.as_str().contains(why), "{words}: {t:?}")
            }
            (ExpectedEnd::Unclear, Err(ActError::Unknown(_))) => {}
            _ => panic!("{words}: {got:?} and not {end:?}"),
        }
        assert!(server.seen().len() <= 1, "{words}: a write is sent once");
    }
    let nobody = AlertmanagerAdapter { api: Api::new("http://127.0.0.1:9", Options::default()) };
    assert!(matches!(apply(&nobody, "create_silence", "x").await, Err(ActError::NotApplied(_))));
}

#[tokio::test]
async fn writes_and_reads_keep_the_path_prefix_and_ids_are_checked() {
    let server = TestServer::start(|seen| match (seen.method.as_str(), seen.path.as_str()) {
        ("DELETE", "/am/api/v2/silence/s-1") => ScriptedReply::Text(200, String::new()),
        ("GET", "/am/api/v2/silence/s-1") => ScriptedReply::Json(200, silence("s-1", "expired")),
        ("GET", "/am/api/v2/silence/s-2") => ScriptedReply::Text(404, String::new()),
        ("GET", "/am/api/v2/silences") => {
            ScriptedReply::Json(200, json!([silence("s-1", "active"), silence("s-12", "expired")]))
        }
        _ => ScriptedReply::Text(500, String::new()),
    })
    .await;
    let acting = acting(&server, "/am");
    assert_eq!(apply(&acting, "expire_silence", "s-1").await, Ok("s-1".to_owned()));
    assert_eq!(server.count(&Method::DELETE), 1);
    assert!(apply(&acting, "expire_silence", "../status").await.is_err());
    assert_eq!(server.count(&Method::DELETE), 1, "what is no id goes nowhere");
    assert_eq!(acting.read("silence/s-1").await, Ok(json!("expired")));
    assert_eq!(acting.read("silence/s-2").await, Ok(Value::Null));
    assert_eq!(acting.read("marked/s-1").await, Ok(json!(["s-1"])), "a mark is whole, not a beginning");
    assert_eq!(acting.read("marked/nobody").await, Ok(json!([])));
    assert!(acting.read("receivers").await.is_err());
}
