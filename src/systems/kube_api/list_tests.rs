//! Lists of any length: however many pages there are, they are read once, and what comes after them is heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::{Value, json};

use super::testing::{KubeReply, KubeSourceBench, KubeTestServer, healthy, status};
use super::watch::MAX_FACTS;
use super::watch_tests::{added, event, seen_one, started, streaming, streams, uids};
use crate::model::facts::FactKind;
use crate::model::{SourceChange, TroubleKind};

/// What the server of these tests keeps.
const STORED: usize = 124_000;

/// A page of [`STORED`] events as the query asks for it.
fn page(query: &str, stored: usize) -> KubeReply {
    let asked = |name: &str| query.split('&').find_map(|it| it.strip_prefix(name)?.parse::<usize>().ok());
    let (from, size) = (asked("continue=").unwrap_or(0), asked("limit=").unwrap_or(usize::MAX));
    let to = from.saturating_add(size).min(stored);
    let go_on = if to < stored { to.to_string() } else { String::new() };
    let items: Vec<Value> = (from..to).map(|n| event(&format!("{n:06}"), n as u32 + 1)).collect();
    KubeReply::Json(200, json!({"metadata": {"resourceVersion": "200000", "continue": go_on}, "items": items}))
}

fn no_trouble(change: &SourceChange) {
    // That there are more than are kept is told, and no failure.
    assert!(!matches!(change, SourceChange::Trouble(it) if it.kind != TroubleKind::Partial), "{change:?}");
}

async fn reads_once(server: &KubeTestServer, seen: &mut KubeSourceBench) {
    let kept = seen
        .until("the list", |change| {
            no_trouble(change);
            uids(change)
        })
        .await;
    assert_eq!(kept.len(), MAX_FACTS);
    let unkept = seen
        .until("how many are not kept", |change| match change {
            SourceChange::Unkept { kind: FactKind::NamespacePods, count } => Some(*count),
            _ => None,
        })
        .await;
    assert_eq!(unkept as usize, STORED - MAX_FACTS);
    for uid in ["first", "second"] {
        seen.until("what comes after the list", |change| {
            no_trouble(change);
            seen_one(uid)(change)
        })
        .await;
    }
    assert_eq!(server.count(|it| it.watches("/events")), 2);
}

#[tokio::test]
async fn a_list_of_any_length_is_read_once_and_then_watched() {
    let (server, mut seen) = started(|asked| match asked {
        it if it.watches("/events") && it.query.contains("resourceVersion=200000&") => {
            KubeReply::Ends(vec![added("first", 200_001).to_string()])
        }
        it if it.watches("/events") && it.query.contains("resourceVersion=200001&") => {
            KubeReply::Open(vec![added("second", 200_002)])
        }
        it if it.lists("/events") => page(&it.query, STORED),
        it => healthy(it),
    })
    .await;
    reads_once(&server, &mut seen).await;
    assert_eq!(server.count(|it| it.lists("/events")), STORED.div_ceil(500), "each page once");
}

#[tokio::test]
async fn a_streamed_list_of_any_length_is_one_request() {
    let (server, mut seen) = streaming(|asked| match asked {
        it if it.watches("/events") && streams(it) => {
            let end = json!({"type": "BOOKMARK", "object": {"kind": "Event", "metadata": {
                "resourceVersion": "200000", "annotations": {"k8s.io/initial-events-end": "true"}}}});
            let stored = (0..STORED).map(|n| added(&format!("{n:06}"), n as u32 + 1).to_string());
            KubeReply::Ends(stored.chain([end.to_string(), added("first", 200_001).to_string()]).collect())
        }
        it if it.watches("/events") && it.query.contains("resourceVersion=200001&") => {
            KubeReply::Open(vec![added("second", 200_002)])
        }
        it if streams(it) => KubeReply::Ends(Vec::new()),
        it => healthy(it),
    })
    .await;
    reads_once(&server, &mut seen).await;
    assert_eq!(server.count(|it| it.lists("/events")), 0);
}

#[tokio::test]
async fn a_server_from_before_streams_is_asked_for_pages_at_once() {
    let (server, mut seen) = streaming(|asked| match asked {
        it if it.path == "/version" => KubeReply::Json(200, json!({"gitVersion": "v1.33.4"})),
        it if it.lists("/events") => page(&it.query, 1),
        it => healthy(it),
    })
    .await;
    assert_eq!(seen.until("the list", uids).await, ["000000"]);
    assert_eq!(server.count(streams), 0);
}

#[tokio::test]
async fn what_happens_while_a_list_is_streamed_is_in_it_once() {
    let (_server, mut seen) = streaming(|asked| match asked {
        it if it.watches("/events") && streams(it) => KubeReply::Open(vec![
            added("a", 1),
            added("b", 2),
            added("c", 3),
            json!({"type": "MODIFIED", "object": event("a", 4)}),
            json!({"type": "DELETED", "object": event("b", 5)}),
            json!({"type": "BOOKMARK", "object": {"kind": "Event", "metadata": {
                "resourceVersion": "5", "annotations": {"k8s.io/initial-events-end": "true"}}}}),
        ]),
        it if streams(it) => KubeReply::Ends(Vec::new()),
        it => healthy(it),
    })
    .await;
    assert_eq!(seen.until("the list", uids).await, ["c", "a"]);
}

#[tokio::test]
async fn a_list_that_expires_again_and_again_is_read_on_from_where_it_was_and_told_as_one_with_gaps() {
    let pages = AtomicU32::new(0);
    // Every second page is asked for too late.
    let (server, mut seen) = started(move |asked| match asked {
        it if it.lists("/events") && pages.fetch_add(1, Ordering::SeqCst) % 2 == 1 => {
            let from = it.query.split("continue=").nth(1).expect("a second page").to_owned();
            let metadata = json!({"continue": format!("{from}&later")});
            KubeReply::Json(410, json!({"kind": "Status", "code": 410, "reason": "Expired", "metadata": metadata}))
        }
        it if it.lists("/events") => page(&it.query.replace("%26later", ""), 2_000),
        it if it.watches("/events") => KubeReply::Open(vec![added("first", 200_001)]),
        it => healthy(it),
    })
    .await;
    assert_eq!(seen.until("the whole list", uids).await.len(), 2_000);
    let gaps = seen.trouble(|_| true).await;
    assert_eq!(
        (gaps.kind, gaps.what.as_str()),
        (TroubleKind::Partial, "events change faster than they can be read page by page")
    );
    seen.until("what comes after it", seen_one("first")).await;
    // Two tries of a page and a refusal, and a third with four pages and a refusal after each.
    assert_eq!(server.count(|it| it.lists("/events")), 2 + 2 + 8 - 1);
}

#[tokio::test]
async fn a_list_that_brings_nothing_further_is_trouble_and_not_asked_for_without_end() {
    for stuck in [json!([event("a", 1)]), json!([])] {
        let turns = AtomicU32::new(0);
        let (server, mut seen) = started(move |asked| match asked {
            it if it.lists("/events") => {
                let turn = turns.fetch_add(1, Ordering::SeqCst);
                let go_on = if stuck == json!([]) { turn.to_string() } else { "same".to_owned() };
                KubeReply::Json(200, json!({"metadata": {"resourceVersion": "9", "continue": go_on}, "items": stuck}))
            }
            it => healthy(it),
        })
        .await;
        let trouble = seen.trouble(|_| true).await;
        assert_eq!(
            (trouble.kind, trouble.what.as_str()),
            (TroubleKind::Garbage, "a list of events that does not come to an end")
        );
        assert!(server.count(|it| it.lists("/events")) <= 2 * 102, "it is given up");
    }
}

#[tokio::test]
async fn a_server_that_was_away_is_watched_on_from_where_it_was() {
    let refuses = Arc::new(AtomicBool::new(false));
    let switch = refuses.clone();
    let (server, mut seen) = started(move |asked| match asked {
        _ if refuses.load(Ordering::SeqCst) => status(401, "Unauthorized", "who are you?"),
        it if it.watches("/events") && it.query.contains("resourceVersion=10&") => {
            KubeReply::Open(vec![added("first", 11)])
        }
        it if it.watches("/events") && it.query.contains("resourceVersion=11&") => {
            KubeReply::Open(vec![added("second", 12)])
        }
        it => healthy(it),
    })
    .await;
    seen.until("the watch", seen_one("first")).await;
    switch.store(true, Ordering::SeqCst);
    seen.trouble(|it| it.kind == TroubleKind::Unauthorized).await;
    switch.store(false, Ordering::SeqCst);
    seen.until("the watch that goes on", seen_one("second")).await;
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
    assert_eq!(server.count(|it| it.lists("/events")), 1, "nothing was missed");
}
