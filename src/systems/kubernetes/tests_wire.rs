//! What goes over the wire while a server is busy, ill, dead or goes back in time, and while its credentials are replaced, on
//! a scripted API server.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::json;

use super::*;
use crate::model::facts::Endpoint;
use crate::model::{SourceChange, TroubleKind};
use crate::systems::kube_api::testing::{KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, status};

fn uids(change: &SourceChange) -> Option<Vec<String>> {
    let SourceChange::Replace { kind: FactKind::KubeEvent, facts } = change else { return None };
    let uid = |fact: &Fact| if let Fact::KubeEvent(event) = fact { Some(event.uid.clone()) } else { None };
    Some(facts.iter().filter_map(uid).collect())
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

// ---- busy, ill and replaced servers ----

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
