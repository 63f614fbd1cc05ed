//! What goes over the wire while a server ages, restarts, is busy or goes back in time, on a scripted API server.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::model::facts::Endpoint;
use crate::model::{SourceChange, TroubleKind};
use crate::systems::kube_api::testing::{
    KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, list, status,
};

fn event(uid: &str, version: u32) -> Value {
    json!({"metadata": {"name": format!("e-{uid}"), "namespace": "shop", "uid": uid, "resourceVersion": version.to_string()},
           "reason": "BackOff", "type": "Warning", "count": 1, "lastTimestamp": "2026-11-22T19:00:00Z"})
}

fn added(uid: &str, version: u32) -> Value {
    json!({"type": "ADDED", "object": event(uid, version)})
}

fn bookmark(version: u32, end: bool) -> Value {
    let annotations = if end { json!({"k8s.io/initial-events-end": "true"}) } else { json!({}) };
    json!({"type": "BOOKMARK", "object": {"kind": "Event", "metadata": {"resourceVersion": version.to_string(), "annotations": annotations}}})
}

fn uids(change: &SourceChange) -> Option<Vec<String>> {
    let SourceChange::Replace { kind: FactKind::KubeEvent, facts } = change else { return None };
    let uid = |fact: &Fact| if let Fact::KubeEvent(event) = fact { Some(event.uid.clone()) } else { None };
    Some(facts.iter().filter_map(uid).collect())
}

fn seen_one(uid: &str) -> impl Fn(&SourceChange) -> Option<()> {
    move |change| matches!(change, SourceChange::Upsert(Fact::KubeEvent(event)) if event.uid == uid).then_some(())
}

fn alive(change: &SourceChange) -> Option<()> {
    (*change == SourceChange::Alive).then_some(())
}

async fn started(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench) {
    let server = KubeTestServer::start(script).await;
    let seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    (server, seen)
}

async fn streaming(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench) {
    let mut server = KubeTestServer::start(script).await;
    server.config.streaming_lists = true;
    let seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    (server, seen)
}

fn streams(asked: &KubeRequest) -> bool {
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

// ---- busy, ill and replaced servers ----

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

#[tokio::test]
async fn a_busy_health_endpoint_is_neither_good_nor_bad_news() {
    let busy = Arc::new(AtomicBool::new(false));
    let switch = busy.clone();
    let (_server, mut seen) =
        started(move |asked| if busy.load(Ordering::SeqCst) { KubeReply::Busy(1) } else { healthy(asked) }).await;
    seen.until("proof of life", alive).await;
    switch.store(true, Ordering::SeqCst);
    let trouble = seen
        .until("trouble", |change| match change {
            SourceChange::Upsert(Fact::ControlPlane(plane)) => {
                assert_eq!(plane.livez, Endpoint::Ok);
                None
            }
            SourceChange::Trouble(trouble) => Some(trouble.clone()),
            _ => None,
        })
        .await;
    assert_eq!(trouble.kind, TroubleKind::Throttled);
    switch.store(false, Ordering::SeqCst);
    seen.until("proof of life", alive).await;
}

#[tokio::test]
async fn one_ill_answer_of_three_is_not_believed_and_two_are() {
    let looks = Arc::new(AtomicU32::new(0));
    let counted = looks.clone();
    let (_server, mut seen) = started(move |asked| {
        if asked.path != "/livez" {
            return healthy(asked);
        }
        match looks.fetch_add(1, Ordering::SeqCst) {
            // One bad look among good ones, then nothing but bad ones.
            3 | 8.. => KubeReply::Text(500, "[-]etcd failed: reason withheld\n".into()),
            _ => healthy(asked),
        }
    })
    .await;
    let plane = seen
        .until("a failing control plane", |change| match change {
            SourceChange::Upsert(Fact::ControlPlane(plane)) if plane.livez == Endpoint::Failing => Some(plane.clone()),
            _ => None,
        })
        .await;
    assert!(counted.load(Ordering::SeqCst) >= 10, "the first of the bad looks alone was believed");
    assert_eq!(plane.failed, [crate::model::SafeText::new("etcd")]);
}

#[tokio::test]
async fn a_store_that_goes_back_in_time_voids_every_version() {
    let restored = Arc::new(AtomicBool::new(false));
    let switch = restored.clone();
    let (server, mut seen) = started(move |asked| match asked {
        it if it.path == "/api/v1/namespaces" => {
            let version = if restored.load(Ordering::SeqCst) { "900" } else { "1000" };
            KubeReply::Json(200, json!({"metadata": {"resourceVersion": version}, "items": []}))
        }
        it => healthy(it),
    })
    .await;
    seen.until("proof of life", alive).await;
    let before = server.count(|it| it.lists("/pods"));
    switch.store(true, Ordering::SeqCst);
    seen.until("a new list", uids).await;
    seen.until("proof of life", alive).await;
    assert_eq!(server.count(|it| it.lists("/pods")), before + 1);
}

#[tokio::test]
async fn a_dead_cluster_costs_its_neighbours_nothing_and_is_asked_ever_more_slowly() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let server = KubeTestServer::start(healthy).await;
    let mut dead = server.config.clone();
    let kubeconfig = std::fs::read_to_string(dead.kubeconfig.as_ref().expect("one")).expect("read");
    let start = kubeconfig.find("http://").expect("an address");
    let end = start + kubeconfig[start..].find('\'').expect("its end");
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("kubeconfig");
    std::fs::write(&path, format!("{}http://{port}{}", &kubeconfig[..start], &kubeconfig[end..])).expect("written");
    dead.kubeconfig = Some(path);
    dead.name = "dead".into();
    let mut seen = KubeSourceBench::default();
    start_on(ClusterLink::new(&dead), &dead, &seen.ctx, &seen.tasks);
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    let (mut alive, mut down) = (0, 0);
    seen.until("a living and a dead one", |change| {
        alive += u32::from(*change == SourceChange::Alive);
        down += u32::from(matches!(change, SourceChange::Trouble(trouble) if trouble.kind == TroubleKind::Unreachable));
        (alive >= 3 && down >= 3).then_some(())
    })
    .await;
}

// ---- credentials ----

fn with_token_file(server: &mut KubeTestServer, dir: &std::path::Path) -> std::path::PathBuf {
    let old = std::fs::read_to_string(server.config.kubeconfig.as_ref().expect("one")).expect("read");
    let token = dir.join("token");
    std::fs::write(&token, "one\n").expect("written");
    let path = dir.join("kubeconfig");
    std::fs::write(&path, old.replace("{token: abc}", &format!("{{tokenFile: {}}}", token.display())))
        .expect("written");
    server.config.kubeconfig = Some(path);
    token
}

#[tokio::test]
async fn a_token_that_was_replaced_in_its_file_is_read_when_the_old_one_is_refused() {
    let good = Arc::new(Mutex::new("Bearer one"));
    let wanted = good.clone();
    let mut server = KubeTestServer::start(move |asked| {
        if asked.authorization == *wanted.lock().expect("a token") {
            healthy(asked)
        } else {
            status(401, "Unauthorized", "Unauthorized")
        }
    })
    .await;
    let dir = tempfile::tempdir().expect("a directory");
    let token = with_token_file(&mut server, dir.path());
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    seen.until("proof of life", alive).await;

    // Replaced before the old one is revoked, as is done where rotation works: nothing is lost and nothing is said.
    std::fs::write(&token, "two\n").expect("written");
    *good.lock().expect("a token") = "Bearer two";
    let asked = || server.count(|it| it.authorization == "Bearer two" && it.path == "/livez");
    seen.until("proof of life with the new token", |change| {
        assert!(!matches!(change, SourceChange::Trouble(_)), "{change:?}");
        alive(change).filter(|_| asked() > 0)
    })
    .await;

    // Revoked first: it is said, until a good one is in the file.
    *good.lock().expect("a token") = "Bearer three";
    seen.trouble(|trouble| trouble.kind == TroubleKind::Unauthorized).await;
    std::fs::write(&token, "three").expect("written");
    seen.until("proof of life again", alive).await;
}

#[tokio::test]
async fn a_plugins_token_without_an_end_is_asked_for_again_when_it_is_refused() {
    let good = Arc::new(Mutex::new("Bearer t1".to_owned()));
    let wanted = good.clone();
    let mut server = KubeTestServer::start(move |asked| {
        if asked.authorization == *wanted.lock().expect("a token") {
            healthy(asked)
        } else {
            status(401, "Unauthorized", "Unauthorized")
        }
    })
    .await;
    let dir = tempfile::tempdir().expect("a directory");
    let runs = dir.path().join("runs");
    let script = dir.path().join("login.sh");
    let answer = r#"{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t%s"}}"#;
    std::fs::write(
        &script,
        format!("echo x >> {0}\nprintf '{answer}' \"$(wc -l < {0} | tr -d ' ')\"\n", runs.display()),
    )
    .expect("written");
    let old = std::fs::read_to_string(server.config.kubeconfig.as_ref().expect("one")).expect("read");
    let exec = format!(
        "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, args: ['{}'], interactiveMode: IfAvailable}}}}",
        script.display()
    );
    let path = dir.path().join("kubeconfig");
    std::fs::write(&path, old.replace("{token: abc}", &exec)).expect("written");
    server.config.kubeconfig = Some(path);
    let mut seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    seen.until("proof of life", alive).await;
    let count = || std::fs::read_to_string(&runs).expect("runs").lines().count();
    assert_eq!(count(), 1, "a plugin runs once for a client");
    *good.lock().expect("a token") = "Bearer t2".into();
    seen.until("proof of life with the second token", |change| {
        alive(change).filter(|_| server.count(|it| it.authorization == "Bearer t2") > 0)
    })
    .await;
    assert_eq!(count(), 2, "all who were refused share one new login");
}
