//! Lists, watches and health checks on a scripted API server, and recorded answers of a real one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde::Deserialize as _;
use serde_json::{Value, json};

use super::*;
use crate::model::facts::{Endpoint, KubeEvent, Node};
use crate::model::{SourceChange, Stamp, TroubleKind};
use crate::systems::kube_api::json_access;
use crate::systems::kube_api::testing::{
    KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, list, recorded, recorded_text, status,
};

fn time(text: &str) -> Stamp {
    text.parse().expect("a time")
}

fn event(uid: &str, version: u32, count: u32) -> Value {
    json!({"metadata": {"name": format!("e-{uid}"), "namespace": "shop", "uid": uid, "resourceVersion": version.to_string()},
           "involvedObject": {"kind": "Pod", "name": "web", "namespace": "shop"}, "reason": "BackOff", "type": "Warning",
           "message": "Back-off", "count": count, "lastTimestamp": "2026-11-22T19:00:00Z"})
}

fn watched(kind: &str, object: Value) -> Value {
    json!({"type": kind, "object": object})
}

fn events_replaced(change: &SourceChange) -> Option<Vec<KubeEvent>> {
    let SourceChange::Replace { kind: FactKind::KubeEvent, facts } = change else { return None };
    Some(
        facts
            .iter()
            .filter_map(|fact| if let Fact::KubeEvent(event) = fact { Some(event.clone()) } else { None })
            .collect(),
    )
}

async fn started(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench) {
    let server = KubeTestServer::start(script).await;
    let seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, &seen.ctx, &seen.tasks);
    (server, seen)
}

// ---- maps, on a real server's answers and on odd ones ----

#[test]
fn recorded_events_nodes_pods_and_leases_are_read() {
    let Some(events) = recorded("events-core-list.body") else { return };
    let read = |it| map::EventObject::deserialize(it).expect("nothing in an event is refused");
    let events: Vec<_> =
        json_access::items(&events, "/items").iter().filter_map(|it| map::event("c", &read(it))).collect();
    assert_eq!(events.len(), 3);
    let draining = events.iter().find(|it| it.reason == "NodeNotReady").expect("new-style event");
    assert_eq!(
        (draining.last, draining.count, draining.component.as_str()),
        (time("2026-11-22T19:00:01Z"), 1, "node-controller")
    );
    let back_off = events.iter().find(|it| it.count == 37).expect("old-style event");
    assert_eq!((back_off.namespace.as_str(), back_off.object_kind.as_str()), ("shop", "Pod"));
    assert!(back_off.kind.is("Warning") && back_off.first < Some(back_off.last));

    let Some(nodes) = recorded("nodes-list.body") else { return };
    let node = map::node("c", json_access::at(&nodes, "/items/0"), None).expect("a node");
    assert!(node.ready.is("Unknown") && node.pressures.is_empty() && !node.unschedulable);

    let Some(leases) = recorded("leases-list.body") else { return };
    assert_eq!(map::lease(json_access::at(&leases, "/items/0")), Some(("node-a".into(), time("2026-11-22T19:00:00Z"))));

    let Some(pods) = recorded("pods-list.body") else { return };
    let pod = pods::pod("c", json_access::at(&pods, "/items/0")).expect("trouble");
    assert_eq!(
        (pod.namespace.as_str(), pod.name.as_str(), pod.trouble.as_str(), pod.restarts),
        ("shop", "checkout-5d9c-abcde", "CrashLoopBackOff", 37)
    );
    assert_eq!(pod.since, Some(time("2026-11-22T18:50:00Z")));
}

#[test]
fn recorded_health_answers_name_etcd() {
    let Some(livez) = recorded_text("livez-etcd-stopped.body") else { return };
    let (endpoint, failed) = map::health(500, &livez);
    assert_eq!((endpoint, failed.as_slice()), (Endpoint::Failing, [crate::model::SafeText::new("etcd")].as_slice()));
    let Some(verbose) = recorded_text("livez-verbose.body") else { return };
    assert_eq!(map::health(200, &verbose), (Endpoint::Ok, Vec::new()));
}

#[test]
fn etcd_is_named_first_and_a_refusal_is_not_a_failure() {
    let names =
        |checks: Vec<crate::model::SafeText>| checks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let (_, live) =
        map::health(500, "[+]ping ok\n[-]poststarthook/x failed: not finished\n[-]etcd failed: reason withheld\n");
    let (_, ready) = map::health(500, "[-]etcd-readiness failed: reason withheld\n[-]etcd failed: reason withheld\n");
    assert_eq!(names(map::failed_checks(live, ready)), "etcd etcd-readiness poststarthook/x");
    assert_eq!(map::health(403, "forbidden").0, Endpoint::NotAllowed);
    assert_eq!(map::health(401, "").0, Endpoint::NotAllowed);
    assert_eq!(map::health(502, "<html>").0, Endpoint::Failing);
    assert_eq!(map::skew_ms(time("2026-11-22T19:00:01Z"), time("2026-11-22T19:00:00.100Z")), 0);
    assert_eq!(map::skew_ms(time("2026-11-22T18:59:00Z"), time("2026-11-22T19:00:00Z")), -60_000);
}

#[test]
fn pods_that_simply_run_are_not_reported() {
    let trouble = |status: Value, deleted: Value| {
        let pod = json!({"metadata": {"name": "p", "namespace": "n", "deletionTimestamp": deleted}, "status": status});
        pods::pod("c", &pod).map(|pod| pod.trouble.to_string())
    };
    let waiting =
        |reason: &str| json!({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]});
    let condition = |phase: &str, kind: &str, reason: &str| json!({"phase": phase, "conditions": [{"type": kind, "status": "False", "reason": reason}]});
    let none = Value::Null;
    assert_eq!(
        trouble(json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}), none.clone()),
        None
    );
    assert_eq!(trouble(json!({"phase": "Succeeded"}), none.clone()), None);
    // How long it may stay so is the board's to judge.
    assert_eq!(trouble(waiting("ContainerCreating"), none.clone()).as_deref(), Some("ContainerCreating"));
    assert_eq!(trouble(waiting("ImagePullBackOff"), none.clone()).as_deref(), Some("ImagePullBackOff"));
    assert_eq!(
        trouble(condition("Pending", "PodScheduled", "Unschedulable"), none.clone()).as_deref(),
        Some("Unschedulable")
    );
    assert_eq!(trouble(condition("Running", "Ready", "ContainersNotReady"), none.clone()).as_deref(), Some("NotReady"));
    assert_eq!(trouble(json!({"phase": "Failed", "reason": "Evicted"}), none.clone()).as_deref(), Some("Evicted"));
    let stopping = condition("Running", "Ready", "ContainersNotReady");
    assert_eq!(trouble(stopping, json!("2026-11-22T19:05:30Z")).as_deref(), Some("Terminating"));
    assert_eq!(trouble(json!({"phase": 7, "conditions": "none"}), none), None);
}

// ---- against a scripted server ----

#[tokio::test]
async fn events_are_updated_in_place_and_taken_back_when_they_expire() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.watches("/events") && it.query.contains("resourceVersion=10") => KubeReply::Open(vec![
            watched("ADDED", event("b", 11, 1)),
            watched("MODIFIED", event("a", 12, 9)),
            watched("BOOKMARK", json!({"metadata": {"resourceVersion": "13"}})),
            watched("DELETED", event("a", 14, 9)),
        ]),
        it if it.lists("/events") => list(vec![event("a", 1, 3)]),
        it => healthy(it),
    })
    .await;
    let first = seen.until("the list", events_replaced).await;
    assert_eq!((first.len(), first[0].uid.as_str(), first[0].count), (1, "a", 3));
    let count = seen
        .until("the update", |change| match change {
            SourceChange::Upsert(Fact::KubeEvent(event)) if event.uid == "a" => Some(event.count),
            _ => None,
        })
        .await;
    assert_eq!(count, 9);
    let gone = seen
        .until("the removal", |change| match change {
            SourceChange::Remove { kind: FactKind::KubeEvent, key } => Some(key.clone()),
            _ => None,
        })
        .await;
    assert_eq!(gone, "a");
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
}

#[tokio::test]
async fn a_410_during_a_watch_lists_again_and_is_no_trouble() {
    let lists = Arc::new(AtomicU32::new(0));
    let counted = lists.clone();
    let (_server, mut seen) = started(move |asked| match asked {
        it if it.watches("/events") && lists.load(Ordering::SeqCst) == 1 => KubeReply::Open(vec![watched(
            "ERROR",
            json!({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}),
        )]),
        it if it.lists("/events") => {
            let round = lists.fetch_add(1, Ordering::SeqCst);
            list(vec![event(if round == 0 { "old" } else { "new" }, 1, 1)])
        }
        it => healthy(it),
    })
    .await;
    let mut troubles = 0;
    let listed = seen
        .until("the second list", |change| {
            troubles += u32::from(matches!(change, SourceChange::Trouble(_)));
            events_replaced(change).filter(|events| events.iter().all(|event| event.uid == "new"))
        })
        .await;
    assert_eq!((listed.len(), troubles), (1, 0));
    assert_eq!(counted.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_list_that_fails_is_trouble_until_it_works_again() {
    let tries = Arc::new(AtomicU32::new(0));
    let (_server, mut seen) = started(move |asked| match asked {
        it if it.lists("/events") && tries.fetch_add(1, Ordering::SeqCst) < 3 => status(
            503,
            "ServiceUnavailable",
            "the server is currently unable to handle the request. Try later. And so on.",
        ),
        it => healthy(it),
    })
    .await;
    let trouble = seen.trouble(|trouble| trouble.kind == TroubleKind::ServerError).await;
    assert_eq!(trouble.what, "HTTP 503: the server is currently unable to handle the request");
    seen.until("the list", events_replaced).await;
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
}

#[tokio::test]
async fn garbage_is_named_as_such_and_the_rest_of_the_cluster_goes_on() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.lists("/events") => KubeReply::Text(200, "<html>Please log in to the guest network</html>".into()),
        it if it.lists("/nodes") => list(vec![
            json!({"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        ]),
        it => healthy(it),
    })
    .await;
    let (mut nodes, mut garbage) = (false, false);
    seen.until("nodes and trouble", |change| {
        nodes |= matches!(change, SourceChange::Replace { kind: FactKind::Node, facts } if facts.len() == 1);
        garbage |= matches!(change, SourceChange::Trouble(trouble) if trouble.kind == TroubleKind::Garbage);
        (nodes && garbage).then_some(())
    })
    .await;
}

#[tokio::test]
async fn garbage_in_a_watch_is_trouble_and_the_list_is_read_again() {
    let (server, mut seen) = started(|asked| match asked {
        it if it.watches("/events") => KubeReply::Ends(vec!["{\"type\":\"ADD".into()]),
        it => healthy(it),
    })
    .await;
    seen.trouble(|trouble| trouble.kind == TroubleKind::Garbage).await;
    seen.until("the next list", events_replaced).await;
    assert!(server.count(|it| it.lists("/events")) >= 2);
}

#[tokio::test]
async fn a_forbidden_resource_says_what_to_grant_and_never_counts_as_alive() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.path == "/api/v1/nodes" => {
            status(403, "Forbidden", "nodes is forbidden: User \"viewer\" cannot list resource \"nodes\"")
        }
        it => healthy(it),
    })
    .await;
    let trouble = seen.trouble(|trouble| trouble.kind == TroubleKind::Forbidden).await;
    assert!(trouble.what.as_str().contains("cannot list resource"), "{}", trouble.what);
    assert_eq!(trouble.remedy, "grant get, list and watch on nodes to this credential");
    let mut planes = 0;
    seen.until("two more rounds", |change| {
        assert_ne!(*change, SourceChange::Alive, "a source with a forbidden part is not whole");
        planes += u32::from(matches!(change, SourceChange::Upsert(Fact::ControlPlane(_))));
        (planes == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_control_plane_with_failed_etcd_is_reported_with_etcd_named() {
    let (_server, mut seen) = started(|asked| match asked.path.as_str() {
        "/livez" => KubeReply::Text(500, "[+]ping ok\n[-]etcd failed: reason withheld\nlivez check failed\n".into()),
        "/api/v1/namespaces/kube-system" => {
            status(500, "InternalError", "Internal error occurred: error resolving resource")
        }
        _ => healthy(asked),
    })
    .await;
    let plane = seen
        .until("the control plane", |change| match change {
            SourceChange::Upsert(Fact::ControlPlane(plane)) => Some(plane.clone()),
            _ => None,
        })
        .await;
    assert_eq!((plane.livez, plane.readyz), (Endpoint::Failing, Endpoint::Ok));
    assert_eq!(
        (plane.failed.as_slice(), plane.version.as_str()),
        ([crate::model::SafeText::new("etcd")].as_slice(), "v1.36.2")
    );
    let trouble = seen.trouble(|_| true).await;
    assert_eq!(trouble.kind, TroubleKind::ServerError);
}

#[tokio::test]
async fn a_silent_server_closes_the_gate_and_is_back_when_it_speaks() {
    let dumb = Arc::new(AtomicBool::new(false));
    let switch = dumb.clone();
    let (server, mut seen) =
        started(move |asked| if dumb.load(Ordering::SeqCst) { KubeReply::Silent } else { healthy(asked) }).await;
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
    switch.store(true, Ordering::SeqCst);
    let (mut plane, mut silent) = (false, false);
    seen.until("silence", |change| {
        plane |=
            matches!(change, SourceChange::Upsert(Fact::ControlPlane(plane)) if plane.livez == Endpoint::Unreachable);
        silent |= matches!(change, SourceChange::Trouble(trouble) if trouble.kind == TroubleKind::Silent);
        (plane && silent).then_some(())
    })
    .await;
    // Behind the closed gate nobody asks for lists any more.
    let lists = server.count(|it| it.lists("/pods"));
    seen.trouble(|_| true).await;
    seen.trouble(|_| true).await;
    assert_eq!(server.count(|it| it.lists("/pods")), lists);
    let watches = || ["/events", "/pods", "/nodes"].map(|plural| server.count(|it| it.watches(plural)));
    let before = watches();
    switch.store(false, Ordering::SeqCst);
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
    assert!(before.iter().zip(watches()).all(|(before, now)| now > *before), "not alive before all is watched again");
    assert_eq!(server.count(|it| it.lists("/pods")), lists, "nothing was missed: what is known is not asked for again");
}

#[tokio::test]
async fn a_list_that_hangs_while_the_health_endpoints_answer_is_noticed() {
    let (_server, mut seen) =
        started(|asked| if asked.lists("/pods") { KubeReply::Silent } else { healthy(asked) }).await;
    let trouble = seen
        .until("trouble", |change| {
            assert_ne!(*change, SourceChange::Alive, "not alive before every part was read");
            if let SourceChange::Trouble(trouble) = change { Some(trouble.clone()) } else { None }
        })
        .await;
    assert_eq!(trouble.kind, TroubleKind::Silent);
}

#[tokio::test]
async fn a_refused_watch_falls_back_to_reading_the_list_again() {
    let (server, mut seen) = started(|asked| match asked {
        it if it.watches("/events") => status(403, "Forbidden", "cannot watch"),
        it => healthy(it),
    })
    .await;
    for _ in 0..3 {
        seen.until("a list", events_replaced).await;
    }
    assert!(server.count(|it| it.lists("/events")) >= 3);
}

#[tokio::test]
async fn another_cluster_behind_the_same_address_voids_what_was_read() {
    let rounds = Arc::new(AtomicU32::new(0));
    let (server, mut seen) = started(move |asked| {
        if asked.path != "/api/v1/namespaces/kube-system" {
            return healthy(asked);
        }
        let uid = if rounds.fetch_add(1, Ordering::SeqCst) < 3 { "u-1" } else { "u-2" };
        KubeReply::Json(200, json!({"metadata": {"name": "kube-system", "uid": uid}}))
    })
    .await;
    seen.until("the other cluster", |change| {
        matches!(change, SourceChange::Upsert(Fact::ControlPlane(plane)) if plane.uid.as_deref() == Some("u-2"))
            .then_some(())
    })
    .await;
    seen.until("a new list", events_replaced).await;
    assert!(server.count(|it| it.lists("/events")) >= 2);
}

#[tokio::test]
async fn one_odd_object_costs_itself_and_leases_join_their_nodes() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.lists("/nodes") => list(vec![
            json!("not an object"),
            json!({"metadata": 7}),
            json!({"metadata": {"name": "odd", "creationTimestamp": "never"}, "status": {"conditions": {"Ready": true}}}),
            json!({"metadata": {"name": "n"}, "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"}]}}),
        ]),
        it if it.lists("/leases") => list(vec![json!({"metadata": {"name": "n"}, "spec": {"renewTime": "2026-11-22T19:00:00.000000Z"}})]),
        it => healthy(it),
    })
    .await;
    let nodes: Vec<Node> = seen
        .until("nodes with leases", |change| {
            let SourceChange::Replace { kind: FactKind::Node, facts } = change else { return None };
            let nodes: Vec<Node> = facts
                .iter()
                .filter_map(|it| if let Fact::Node(node) = it { Some(node.clone()) } else { None })
                .collect();
            nodes.iter().any(|node| node.lease_renewed.is_some()).then_some(nodes)
        })
        .await;
    assert_eq!(nodes.len(), 2);
    let odd = nodes.iter().find(|node| node.name == "odd").expect("kept");
    assert!(odd.ready.is("Unknown") && odd.lease_renewed.is_none());
    let sound = nodes.iter().find(|node| node.name == "n").expect("kept");
    assert_eq!(sound.lease_renewed, Some(time("2026-11-22T19:00:00Z")));
    assert_eq!(sound.pressures, vec![crate::model::SafeText::new("DiskPressure")]);
}

#[tokio::test]
async fn a_long_list_is_read_page_by_page() {
    let (server, mut seen) = started(|asked| match asked {
        it if it.lists("/events") && it.query.contains("continue=a%2Fb%3D") => list(vec![event("two", 2, 1)]),
        it if it.lists("/events") => KubeReply::Json(
            200,
            json!({"metadata": {"resourceVersion": "9", "continue": "a/b="}, "items": [event("one", 1, 1)]}),
        ),
        it => healthy(it),
    })
    .await;
    let events = seen.until("both pages", events_replaced).await;
    assert_eq!(events.len(), 2);
    assert!(server.count(|it| it.watches("/events") && it.query.contains("resourceVersion=10")) <= 1);
}
