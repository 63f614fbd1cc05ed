//! Tests of the prometheus source: scripted answers, what they are taken for, servers that misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::client::{PrometheusClient, QueryFailure};
use super::map::{self, Fresh, Notes};
use super::promql::Job;
use super::response::QueryResult;
use super::watch::PrometheusWatch;
use crate::config::{Figures, PrometheusConfig, SloConfig};
use crate::model::facts::{AlertRule, Fact, FactKind, Slo};
use crate::model::slo::{SloFigure, SloTarget};
use crate::model::{SourceChange, SourceId, Stamp, System, TroubleKind};
use crate::systems::http::test_server::{ScriptedReply, SeenRequest, SourceBench, TestServer, file};
use crate::systems::supervise::Round;

const MONTH: u64 = 30 * 86_400;

fn config(figures: Figures) -> SloConfig {
    let target = SloTarget { service: "shop".into(), prometheus: "prom".into(), budget_ppm: 1_000, period_s: MONTH };
    SloConfig { target, figures }
}

fn counters() -> SloConfig {
    config(Figures::Counted { errors: r#"req{code=~"5.."}"#.into(), total: "req".into() })
}

fn recorded() -> SloConfig {
    config(Figures::Recorded { ratio: "slo:ratio$window".into(), requests: Some("slo:requests$window".into()) })
}

fn server(name: &str, url: String) -> PrometheusConfig {
    PrometheusConfig { name: name.to_owned(), url, every_s: 15, every_long_s: 60, ..PrometheusConfig::default() }
}

fn vector(parts: &[(&str, &str)]) -> Value {
    let series = |(part, value): &(&str, &str)| json!({"metric": {"is": part}, "value": [1772462220.0, value]});
    json!({"status": "success", "data": {"resultType": "vector", "result": parts.iter().map(series).collect::<Vec<_>>()}})
}

fn good(query: &str) -> ScriptedReply {
    let answer = match query {
        query if query.starts_with("count_over_time") => vector(&[("", "720")]),
        query if query.contains("[30d]") => vector(&[("errors", "20"), ("requests", "100000")]),
        _ => vector(&[("errors", "0.0002"), ("requests", "1200.5"), ("series", "3")]),
    };
    ScriptedReply::Json(200, answer)
}

fn lists(seen: &SeenRequest) -> Option<ScriptedReply> {
    match seen.path.as_str() {
        "/prom/api/v1/rules" => Some(ScriptedReply::Json(200, json!({"status": "success", "data": {"groups": []}}))),
        "/prom/api/v1/status/runtimeinfo" => {
            Some(ScriptedReply::Json(200, json!({"status": "success", "data": {"storageRetention": "90d"}})))
        }
        "/prom/api/v1/query" => None,
        _ => Some(ScriptedReply::Text(404, "404 page not found\n".into())),
    }
}

fn watch(server: &TestServer, room: &SourceBench, slos: Vec<SloConfig>) -> PrometheusWatch {
    let client = PrometheusClient::within(&format!("{}/prom", server.url), Duration::from_millis(400));
    let reporter = room.ctx.reporter(SourceId::new(System::Prometheus, "prom"));
    PrometheusWatch::new(client, slos, (Duration::from_secs(15), Duration::from_secs(60)), reporter)
}

fn slo_of(changes: &[SourceChange]) -> Slo {
    let found = changes.iter().find_map(|change| match change {
        SourceChange::Replace { kind: FactKind::Slo, facts } => facts.first().cloned(),
        _ => None,
    });
    match found {
        Some(Fact::Slo(slo)) => slo,
        other => panic!("no figures: {other:?} in {changes:?}"),
    }
}

fn rules_of(changes: &[SourceChange]) -> Vec<AlertRule> {
    let facts = changes.iter().find_map(|change| match change {
        SourceChange::Replace { kind: FactKind::AlertRule, facts } => Some(facts.clone()),
        _ => None,
    });
    let rule = |fact| if let Fact::AlertRule(rule) = fact { Some(rule) } else { None };
    facts.expect("rules").into_iter().filter_map(rule).collect()
}

fn errors(slo: &Slo, window_s: u64) -> SloFigure {
    slo.window(window_s).expect("a window").errors.clone()
}

#[tokio::test]
async fn a_round_asks_each_window_as_a_form_below_the_prefix() {
    let server = TestServer::start(|seen| lists(seen).unwrap_or_else(|| good(&TestServer::form(seen, "query")))).await;
    let mut room = SourceBench::manual();
    let watch = watch(&server, &room, vec![counters()]);
    assert!(Round::Well == watch.round().await);
    let slo = slo_of(&room.drain());
    assert_eq!(errors(&slo, 300), SloFigure::Number(0.0002));
    assert_eq!(slo.window(300).and_then(|read| read.requests), Some(1200.5));
    assert_eq!(errors(&slo, MONTH), SloFigure::Number(0.0002));
    assert_eq!((slo.covered_s, slo.retention_s, slo.errors_seen), (Some(MONTH), Some(90 * 86_400), Some(true)));
    assert_eq!(slo.reach_s(), Some(MONTH));
    assert!(!slo.vanished);
    let asked: Vec<SeenRequest> = server.seen().into_iter().filter(|seen| seen.path.ends_with("/query")).collect();
    assert_eq!(asked.len(), 10, "seven windows, the period, its coverage and that of its newest part");
    for seen in asked {
        assert_eq!(seen.method, "POST");
        assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
        assert_eq!(TestServer::form(&seen, "timeout"), "8s", "the server gives up before we do");
    }
}

#[tokio::test]
async fn long_windows_are_asked_less_often_and_keep_their_own_age() {
    let server = TestServer::start(|seen| lists(seen).unwrap_or_else(|| good(&TestServer::form(seen, "query")))).await;
    let mut room = SourceBench::manual();
    let watch = watch(&server, &room, vec![counters()]);
    let asked = |what: &str| server.seen().iter().filter(|seen| TestServer::form(seen, "query").contains(what)).count();
    for round in 0..5u64 {
        assert!(Round::Well == watch.round().await);
        let slo = slo_of(&room.drain());
        let age = |window| (room.ctx.clock.now() - slo.window(window).expect("a window").at).num_seconds();
        assert_eq!(age(300), 0);
        assert_eq!(age(MONTH), if round == 4 { 0 } else { i64::try_from(round * 15).expect("small") });
        room.ctx.clock.advance(Duration::from_secs(15));
    }
    assert_eq!((asked("[5m]"), asked("[3d]"), asked("increase(req[30d])"), asked("count_over_time")), (5, 2, 2, 2));
}

#[tokio::test]
async fn what_is_missing_stays_missing() {
    let cases: [(Value, SloFigure, SloFigure); 6] = [
        // Empty: no series. NaN: no traffic. Infinity and more errors than requests: no ratio.
        (vector(&[]), SloFigure::NoData, SloFigure::NoData),
        (vector(&[("errors", "NaN"), ("requests", "0")]), SloFigure::NoTraffic, SloFigure::NoTraffic),
        (vector(&[("errors", "+Inf"), ("requests", "0")]), odd("infinitely many"), odd("infinitely many")),
        (vector(&[("errors", "1.7"), ("requests", "1")]), odd("170 %"), odd("170 %")),
        (vector(&[("errors", "-0.1"), ("requests", "1")]), odd("-10 %"), odd("-10 %")),
        (json!({"status": "success", "data": {"resultType": "matrix", "result": []}}), odd("matrix"), odd("matrix")),
    ];
    for (answer, newest, whole) in cases {
        let given = answer.clone();
        let server =
            TestServer::start(move |seen| lists(seen).unwrap_or_else(|| ScriptedReply::Json(200, given.clone()))).await;
        let mut room = SourceBench::manual();
        assert!(Round::Well == watch(&server, &room, vec![counters()]).round().await);
        let slo = slo_of(&room.drain());
        for (found, expected) in [(errors(&slo, 300), newest), (errors(&slo, MONTH), whole)] {
            match (&found, &expected) {
                (SloFigure::Odd(said), SloFigure::Odd(words)) => {
                    assert!(said.as_str().contains(words.as_str()), "{said}")
                }
                _ => assert_eq!(found, expected, "{answer}"),
            }
        }
    }
}

fn odd(words: &str) -> SloFigure {
    SloFigure::Odd(words.into())
}

#[tokio::test]
async fn no_error_series_is_none_so_far_and_said() {
    let server = TestServer::start(|seen| {
        let query = TestServer::form(seen, "query");
        let month = || ScriptedReply::Json(200, vector(&[("requests", "100000")]));
        lists(seen).unwrap_or_else(|| if query.contains("[30d]") { month() } else { good(&query) })
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![counters()]).round().await);
    let slo = slo_of(&room.drain());
    assert_eq!((errors(&slo, MONTH), slo.errors_seen), (SloFigure::Number(0.0), Some(false)));
}

#[tokio::test]
async fn a_target_that_has_gone_is_seen_though_the_window_remembers_it() {
    let server = TestServer::start(|seen| {
        let remembered = ScriptedReply::Json(200, vector(&[("errors", "0"), ("requests", "900")]));
        lists(seen).unwrap_or(remembered)
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![counters()]).round().await);
    let slo = slo_of(&room.drain());
    assert!(slo.vanished);
    assert_eq!(errors(&slo, 300), SloFigure::Number(0.0));
}

#[tokio::test]
async fn rules_give_one_series_each_and_their_requests() {
    let server = TestServer::start(|seen| {
        lists(seen).unwrap_or_else(|| match TestServer::form(seen, "query").as_str() {
            "slo:ratio5m" => ScriptedReply::Json(200, vector(&[("", "0.01")])),
            "slo:requests1h" => ScriptedReply::Json(200, vector(&[("", "4800")])),
            "slo:ratio1h" => ScriptedReply::Json(200, vector(&[("", "0.01"), ("", "0.02")])),
            "slo:ratio30d" => ScriptedReply::Json(200, vector(&[("", "0.0005")])),
            query if query.starts_with("count_over_time") => {
                ScriptedReply::Json(400, json!({"status": "error", "errorType": "bad_data", "error": "no subqueries"}))
            }
            _ => ScriptedReply::Json(200, vector(&[])),
        })
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![recorded()]).round().await);
    let slo = slo_of(&room.drain());
    assert_eq!(errors(&slo, 300), SloFigure::Number(0.01));
    assert!(matches!(errors(&slo, 3_600), SloFigure::Odd(why) if why.as_str().contains("matches 2 series")));
    assert_eq!(slo.window(3_600).and_then(|read| read.requests), Some(4_800.0));
    assert_eq!((errors(&slo, 1_800), errors(&slo, MONTH)), (SloFigure::NoData, SloFigure::Number(0.0005)));
    assert_eq!((slo.covered_s, slo.reach_s(), slo.errors_seen), (None, Some(90 * 86_400), None));
}

#[tokio::test]
async fn a_question_that_is_refused_costs_its_own_figure_and_says_why() {
    let server = TestServer::start(|seen| {
        let query = TestServer::form(seen, "query");
        let refused = |status, kind: &str, why: &str| {
            ScriptedReply::Json(status, json!({"status": "error", "errorType": kind, "error": why}))
        };
        lists(seen).unwrap_or_else(|| match () {
            () if query.contains("[3d]") => refused(422, "execution", "query processing would load too many samples"),
            () if query.contains("[1d]") => refused(503, "timeout", "query timed out in expression evaluation"),
            () if query.contains("[2h]") => refused(400, "bad_data", "parse error: \u{202e}unexpected\u{1b}[2J end"),
            () => good(&query),
        })
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![counters()]).round().await, "the server itself is well");
    let slo = slo_of(&room.drain());
    for (window, words) in [(259_200, "execution: query processing"), (86_400, "timeout: "), (7_200, "bad_data: ")] {
        let SloFigure::Odd(why) = errors(&slo, window) else { panic!("{window} is no figure") };
        assert!(why.as_str().starts_with(words), "{why}");
        assert!(!why.as_str().contains(['\u{1b}', '\u{202e}']), "{why}");
    }
    assert_eq!(errors(&slo, 300), SloFigure::Number(0.0002));
}

#[tokio::test]
async fn partial_data_is_said() {
    let server = TestServer::start(|seen| {
        lists(seen).unwrap_or_else(|| {
            let mut answer = vector(&[("errors", "0"), ("requests", "10"), ("series", "1")]);
            answer["warnings"] = json!(["store \"eu\" is down"]);
            answer["infos"] = json!(["metric might not be a counter"]);
            ScriptedReply::Json(200, answer)
        })
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![counters()]).round().await);
    let slo = slo_of(&room.drain());
    assert_eq!(
        (slo.warnings, slo.notes),
        (vec!["store \"eu\" is down".into()], vec!["metric might not be a counter".into()])
    );
}

#[tokio::test]
async fn a_server_that_answers_nothing_is_in_trouble_and_is_not_asked_on_and_on() {
    let cases: [(ScriptedReply, TroubleKind); 7] = [
        (ScriptedReply::Text(404, "404 page not found\n".into()), TroubleKind::NotInstalled),
        (ScriptedReply::Text(401, "Unauthorized\n".into()), TroubleKind::Unauthorized),
        (
            ScriptedReply::Json(503, json!({"status": "error", "errorType": "unavailable", "error": "TSDB not ready"})),
            TroubleKind::ServerError,
        ),
        (ScriptedReply::Text(503, "Service Unavailable".into()), TroubleKind::ServerError),
        (ScriptedReply::Text(200, "<html>log in</html>".into()), TroubleKind::Garbage),
        (ScriptedReply::Cut, TroubleKind::Garbage),
        (ScriptedReply::Silent, TroubleKind::Silent),
    ];
    for (reply, kind) in cases {
        let given = reply.clone();
        let server = TestServer::start(move |_| given.clone()).await;
        let mut room = SourceBench::manual();
        let slos: Vec<SloConfig> = std::iter::repeat_with(counters).take(20).collect();
        assert!(Round::Well != watch(&server, &room, slos).round().await, "{reply:?}");
        assert_eq!(room.trouble().await.kind, kind, "{reply:?}");
        let asked = server.seen().iter().filter(|seen| seen.path.ends_with("/query")).count();
        assert!(asked <= 2 * 2 * 4, "{asked} questions to a server that answers none");
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_read() {
    let one = r#"{"metric": {"pod": "p"}, "value": [1.0, "1"]}"#;
    let many = vec![one; 9_000].join(",");
    let text = format!(r#"{{"status": "success", "data": {{"resultType": "vector", "result": [{many}]}}}}"#);
    let server =
        TestServer::start(move |seen| lists(seen).unwrap_or_else(|| ScriptedReply::Text(200, text.clone()))).await;
    let mut room = SourceBench::manual();
    assert!(Round::Well != watch(&server, &room, vec![recorded()]).round().await);
    let trouble = room.trouble().await;
    assert!(trouble.what.as_str().contains("more than 256 KiB"), "{trouble:?}");
}

#[tokio::test]
async fn an_old_figure_stays_while_it_is_fresh_and_no_longer() {
    let fresh = Fresh { short_s: 60, long_s: 195 };
    let at = |s: i64| Stamp::UNIX_EPOCH + chrono::TimeDelta::seconds(s);
    let said = QueryResult {
        samples: vec![super::response::MetricSample { part: "errors".into(), value: 0.0 }],
        ..QueryResult::default()
    };
    let lost = || QueryFailure::Source(crate::systems::http::trouble(TroubleKind::Silent, "silent", ""));
    let mut notes = Notes::new();
    map::note(&mut notes, Job::Window(300), at(0), Ok(said), fresh);
    map::note(&mut notes, Job::Window(300), at(60), Err(lost()), fresh);
    assert!(notes[&Job::Window(300)].said.is_ok(), "one lost answer changes nothing");
    map::note(&mut notes, Job::Window(300), at(61), Err(lost()), fresh);
    assert!(notes[&Job::Window(300)].said.is_err());
    assert_eq!(
        (fresh.of(Job::Window(21_600)), fresh.of(Job::Window(86_400)), fresh.of(Job::Period(MONTH))),
        (60, 195, 195)
    );
}

#[tokio::test]
async fn alerting_rules_that_can_not_be_evaluated_come_first_with_their_error() {
    let rules = json!({"status": "success", "data": {"groups": [{"name": "g", "file": "f", "interval": 15, "rules": [
        {"type": "recording", "name": "a:b", "query": "1", "health": "ok"},
        {"type": "alerting", "name": "Down", "query": "up == 0", "state": "pending", "health": "ok", "duration": 60,
         "lastEvaluation": "2026-03-02T14:40:55.123456789Z", "labels": {}, "annotations": {}, "alerts": []},
        {"type": "alerting", "name": "Down", "state": "inactive", "health": "err", "alerts": [],
         "lastError": "many-to-many\u{1b}[31m"},
        {"type": "alerting", "name": "New", "state": "inactive", "health": "some-new-word", "alerts": []}]}]}});
    let server = TestServer::start(move |seen| match seen.path.as_str() {
        "/prom/api/v1/rules" => ScriptedReply::Json(200, rules.clone()),
        _ => lists(seen).unwrap_or_else(|| good(&TestServer::form(seen, "query"))),
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![]).round().await);
    let found = rules_of(&room.drain());
    assert_eq!(found.len(), 3, "recording rules are not among them");
    assert_eq!((found[0].nth, found[1].nth), (1, 0), "two rules of one name are two");
    assert!(
        found[0].last_error.as_str().starts_with("many-to-many") && !found[0].last_error.as_str().contains('\u{1b}')
    );
    assert_eq!(found[2].health.as_str(), "some-new-word");
}

#[tokio::test]
async fn without_objectives_the_rules_alone_say_whether_it_is_there() {
    let up = Arc::new(AtomicBool::new(false));
    let is = up.clone();
    let server = TestServer::start(move |seen| match is.load(Ordering::SeqCst) {
        true => lists(seen).unwrap_or(ScriptedReply::Text(500, "no".into())),
        false => ScriptedReply::Text(403, "no".into()),
    })
    .await;
    let mut room = SourceBench::manual();
    let watch = watch(&server, &room, Vec::new());
    assert!(Round::Well != watch.round().await);
    assert_eq!(room.trouble().await.kind, TroubleKind::Forbidden);
    up.store(true, Ordering::SeqCst);
    assert!(Round::Well == watch.round().await);
}

#[tokio::test]
async fn rules_that_can_not_be_read_leave_the_figures() {
    let server = TestServer::start(|seen| match seen.path.as_str() {
        "/prom/api/v1/rules" => ScriptedReply::Text(404, "404 page not found\n".into()),
        _ => lists(seen).unwrap_or_else(|| good(&TestServer::form(seen, "query"))),
    })
    .await;
    let mut room = SourceBench::manual();
    assert!(Round::Well == watch(&server, &room, vec![counters()]).round().await);
    let changes = room.drain();
    assert!(rules_of(&changes).is_empty());
    assert_eq!(errors(&slo_of(&changes), 300), SloFigure::Number(0.0002));
}

#[tokio::test]
async fn it_keeps_asking_and_its_token_is_read_each_time() {
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = refusals.clone();
    let server = TestServer::start(move |seen| {
        if seen.header("authorization") != "Bearer new-token" {
            counted.fetch_add(1, Ordering::SeqCst);
            return ScriptedReply::Text(401, "no".into());
        }
        lists(seen).unwrap_or_else(|| good(&TestServer::form(seen, "query")))
    })
    .await;
    let (mut room, tasks, token) = (SourceBench::fast(), TaskTracker::new(), file("old-token"));
    let mut config = server_config(&server);
    config.bearer_file = Some(token.path().to_owned());
    let (spec, adapter) = super::start(&config, &[counters()], &room.ctx, &tasks);
    assert_eq!(
        (spec.id.to_string(), spec.fresh_for_s, spec.credential.as_str()),
        ("prometheus/prom".into(), 60, "token prom")
    );
    assert!(adapter.is_none(), "nothing acts on it");
    assert_eq!(room.trouble().await.kind, TroubleKind::Unauthorized);
    std::fs::write(token.path(), "new-token").expect("written");
    room.wait(|change| matches!(change, SourceChange::Replace { kind: FactKind::Slo, .. }).then_some(())).await;
    assert!(refusals.load(Ordering::SeqCst) > 0);
    room.ctx.stop.cancel();
}

fn server_config(running: &TestServer) -> PrometheusConfig {
    server("prom", format!("{}/prom", running.url))
}
