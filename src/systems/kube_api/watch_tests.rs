//! Lists and watches over the wire, while a server ages, is busy or lacks what newer ones have: one resource behind a pulse,
//! on a scripted API server.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::crd_probe;
use super::json_access::{string, text};
use super::requests::Collection;
use super::source_context::{PROBE, SourceContext};
use super::testing::{KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, list, status};
use super::watch::{self, Mapped, Watched};
use crate::model::facts::{Fact, FactKind, NamespacePods};
use crate::model::{SourceChange, SourceId, System, TroubleKind};

pub(super) fn event(uid: &str, version: u32) -> Value {
    json!({"metadata": {"name": format!("e-{uid}"), "namespace": "shop", "uid": uid, "resourceVersion": version.to_string()}})
}

/// What an object means to the source of these tests: that its uid is there.
fn mapped(object: &Value) -> Mapped {
    let uid = Some(text(object, "/metadata/uid")).filter(|uid| !uid.is_empty())?;
    let fact = NamespacePods { cluster: "dr".to_owned(), namespace: uid, ready: 0, all: 0 };
    Some((string(object, "/metadata/uid"), Some(fact.into())))
}

pub(super) fn added(uid: &str, version: u32) -> Value {
    json!({"type": "ADDED", "object": event(uid, version)})
}

fn bookmark(version: u32, end: bool) -> Value {
    let annotations = if end { json!({"k8s.io/initial-events-end": "true"}) } else { json!({}) };
    json!({"type": "BOOKMARK", "object": {"kind": "Event", "metadata": {"resourceVersion": version.to_string(), "annotations": annotations}}})
}

pub(super) fn uids(change: &SourceChange) -> Option<Vec<String>> {
    let SourceChange::Replace { kind: FactKind::NamespacePods, facts } = change else { return None };
    Some(facts.iter().map(Fact::key).collect())
}

pub(super) fn seen_one(uid: &str) -> impl Fn(&SourceChange) -> Option<()> {
    move |change| matches!(change, SourceChange::Upsert(fact) if fact.key() == uid).then_some(())
}

fn alive(change: &SourceChange) -> Option<()> {
    (*change == SourceChange::Alive).then_some(())
}

/// Watches events as a source of its own.
fn watch_events(server: &KubeTestServer) -> KubeSourceBench {
    let seen = KubeSourceBench::default();
    let reporter = seen.ctx.reporter(SourceId::new(System::Kubernetes, "dr"));
    let feed = SourceContext::new(server.link(), reporter, &seen.ctx, &[PROBE, "events"]);
    let collection = Collection::new("v1", "events", None);
    let (of, events) = (feed.clone(), collection.clone());
    feed.keep(&seen.tasks, &seen.ctx, PROBE, move || crd_probe::run(of.clone(), events.clone()));
    let what = Watched { part: "events".to_owned(), collection, kind: FactKind::NamespacePods, union: None };
    let of = feed.clone();
    feed.keep(&seen.tasks, &seen.ctx, "events", move || watch::run(of.clone(), what.clone(), mapped));
    seen
}

pub(super) async fn started(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench) {
    let server = KubeTestServer::start(script).await;
    let seen = watch_events(&server);
    (server, seen)
}

pub(super) async fn streaming(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench) {
    let mut server = KubeTestServer::start(script).await;
    server.config.streaming_lists = true;
    let seen = watch_events(&server);
    (server, seen)
}

pub(super) fn streams(asked: &KubeRequest) -> bool {
    asked.query.contains("sendInitialEvents=true")
}

// ---- watches ----

#[tokio::test]
async fn a_watch_that_ends_goes_on_from_the_last_bookmark_without_a_new_list_or_a_word() {
    let (server, mut seen) = started(|asked| match asked {
        it if it.watches("/events") && it.query.contains("resourceVersion=10&") => {
            KubeReply::Ends(vec![added("a", 11).to_string(), bookmark(77, false).to_string()])
        }
        it if it.watches("/events") && it.query.contains("resourceVersion=77&") => {
            KubeReply::Open(vec![added("b", 78)])
        }
        it => healthy(it),
    })
    .await;
    seen.until("the event of the second watch", |change| {
        assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
        seen_one("b")(change)
    })
    .await;
    assert_eq!(server.count(|it| it.lists("/events")), 1);
}

#[tokio::test]
async fn a_version_that_expires_at_the_start_of_a_watch_lists_again_without_a_word() {
    let lists = Arc::new(AtomicU32::new(0));
    let counted = lists.clone();
    let (_server, mut seen) = started(move |asked| match asked {
        it if it.watches("/events") && lists.load(Ordering::SeqCst) == 1 => {
            status(410, "Expired", "too old resource version")
        }
        it if it.lists("/events") => {
            lists.fetch_add(1, Ordering::SeqCst);
            list(vec![event("a", 1)])
        }
        it => healthy(it),
    })
    .await;
    for _ in 0..2 {
        seen.until("a list", |change| {
            assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
            uids(change)
        })
        .await;
    }
    assert_eq!(counted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_error_inside_a_watch_lists_again_and_is_told_when_it_comes_back() {
    let (server, mut seen) = started(|asked| match asked {
        it if it.watches("/events") => {
            let why = json!({"kind": "Status", "code": 500, "reason": "InternalError", "message": "etcd event is odd"});
            KubeReply::Open(vec![json!({"type": "ERROR", "object": why})])
        }
        it => healthy(it),
    })
    .await;
    seen.until("the second list", |change| {
        assert!(
            !matches!(change, SourceChange::Trouble(_)) || server.count(|it| it.watches("/events")) > 1,
            "{change:?}"
        );
        uids(change).filter(|_| server.count(|it| it.lists("/events")) >= 2)
    })
    .await;
    let trouble = seen.trouble(|_| true).await;
    assert_eq!((trouble.kind, trouble.what.as_str()), (TroubleKind::ServerError, "HTTP 500: etcd event is odd"));
}

#[tokio::test]
async fn a_continuation_that_expired_begins_the_list_again_and_nothing_is_lost_or_doubled() {
    let firsts = Arc::new(AtomicU32::new(0));
    let (_server, mut seen) = started(move |asked| match asked {
        it if it.lists("/events") && it.query.contains("continue=") => {
            if firsts.load(Ordering::SeqCst) < 2 {
                return status(410, "Expired", "The provided continue parameter is too old");
            }
            list(vec![event("b", 2), event("c", 3)])
        }
        it if it.lists("/events") => {
            firsts.fetch_add(1, Ordering::SeqCst);
            KubeReply::Json(
                200,
                json!({"metadata": {"resourceVersion": "9", "continue": "t"}, "items": [event("a", 1)]}),
            )
        }
        it => healthy(it),
    })
    .await;
    let all = seen
        .until("the whole list", |change| {
            assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
            uids(change)
        })
        .await;
    assert_eq!(all, ["a", "b", "c"]);
}

#[tokio::test]
async fn an_object_nested_too_deep_costs_itself_and_is_told_as_a_gap() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.lists("/events") => {
            let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
            let items =
                format!("{},{{\"metadata\":{{\"name\":\"x\"}},\"deep\":{deep}}},{}", event("a", 1), event("b", 2));
            KubeReply::Text(200, format!("{{\"metadata\":{{\"resourceVersion\":\"10\"}},\"items\":[{items}]}}"))
        }
        it => healthy(it),
    })
    .await;
    assert_eq!(seen.until("the list", uids).await, ["a", "b"]);
    let gap = seen.trouble(|_| true).await;
    assert_eq!((gap.kind, gap.what.as_str()), (TroubleKind::Partial, "1 of events can't be read and is left out"));
}

// ---- streaming lists ----

#[tokio::test]
async fn a_list_can_come_as_the_beginning_of_a_watch() {
    let (server, mut seen) = streaming(|asked| match asked {
        it if it.watches("/events") && streams(it) => {
            KubeReply::Open(vec![added("a", 1), added("b", 2), bookmark(9, false), bookmark(10, true), added("c", 11)])
        }
        it if streams(it) => KubeReply::Open(vec![bookmark(10, true)]),
        it => healthy(it),
    })
    .await;
    assert_eq!(seen.until("the list", uids).await, ["a", "b"]);
    seen.until("what comes after it", seen_one("c")).await;
    seen.until("proof of life", alive).await;
    assert_eq!(server.count(|it| it.lists("/events")), 0);
    let asked =
        server.asked.lock().expect("log").iter().find(|it| streams(it)).map(|it| it.query.clone()).expect("one");
    assert!(
        asked.contains("resourceVersionMatch=NotOlderThan") && asked.contains("allowWatchBookmarks=true"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_server_that_cannot_stream_lists_is_asked_for_pages() {
    for refusal in 0..3 {
        let watches = AtomicU32::new(0);
        let (server, mut seen) = streaming(move |asked| match asked {
            it if streams(it) => match refusal {
                // 1.33, with the gate off.
                0 => status(
                    422,
                    "Invalid",
                    "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
                ),
                // An etcd of before 3.4.25 below it.
                1 => KubeReply::Open(vec![
                    added("half", 1),
                    json!({"type": "ERROR", "object": {"code": 500, "message": "progress notify is not supported"}}),
                ]),
                // Before 1.27 the question is not known: a watch from now on, without an end of the list.
                _ => KubeReply::Open(vec![added("half", 1)]),
            },
            // A second list is needed soon.
            it if it.watches("/events") && watches.fetch_add(1, Ordering::SeqCst) == 0 => {
                status(410, "Expired", "too old")
            }
            it if it.lists("/events") => list(vec![event("a", 1)]),
            it => healthy(it),
        })
        .await;
        assert_eq!(seen.until("the list", uids).await, ["a"]);
        assert_eq!(seen.until("the second list", uids).await, ["a"]);
        seen.until("proof of life", |change| {
            assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
            alive(change)
        })
        .await;
        assert_eq!(server.count(|it| it.watches("/events") && streams(it)), 1, "asked once");
    }
}

// ---- busy servers ----

#[tokio::test]
async fn a_busy_server_is_left_alone_for_as_long_as_it_says() {
    let times: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let log = times.clone();
    let (_server, mut seen) = started(move |asked| {
        if !asked.lists("/events") {
            return healthy(asked);
        }
        let mut times = log.lock().expect("log");
        times.push(Instant::now());
        if times.len() == 1 { KubeReply::Busy(30) } else { list(Vec::new()) }
    })
    .await;
    seen.until("the list", |change| {
        assert!(!matches!(change, SourceChange::Trouble(_)), "one refusal is no news: {change:?}");
        uids(change)
    })
    .await;
    let times = times.lock().expect("log");
    // The clock of these tests runs twenty times as fast.
    assert!(times[1] - times[0] >= Duration::from_millis(1450), "{:?}", times[1] - times[0]);
}
