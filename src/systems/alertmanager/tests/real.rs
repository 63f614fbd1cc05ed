//! Against the real program, if it is installed: a pair, alerts posted to both, one member killed and started again.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use chrono::TimeDelta;

use super::*;
use crate::systems::http::Method;

const PROGRAM: &str = "/usr/bin/prometheus-alertmanager";

/// A running member; it is killed when the test ends, however it ends.
struct Member(Child);

impl Drop for Member {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

fn member(dir: &Path, web: u16, gossip: u16, peer: u16) -> Member {
    let config = dir.join("alertmanager.yml");
    std::fs::write(&config, "route: { receiver: pager }\nreceivers: [{ name: pager }]\n").expect("written");
    let args = [
        format!("--config.file={}", config.display()),
        format!("--storage.path={}", dir.join(web.to_string()).display()),
        format!("--web.listen-address=127.0.0.1:{web}"),
        format!("--cluster.listen-address=127.0.0.1:{gossip}"),
        format!("--cluster.advertise-address=127.0.0.1:{gossip}"),
        format!("--cluster.peer=127.0.0.1:{peer}"),
    ];
    let child = Command::new(PROGRAM).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Member(child.expect("it starts"))
}

/// Fires one alert at a member, again and again until it takes it.
async fn fire(url: &str, now: crate::model::Stamp) {
    let api = Api::new(url, Options::default());
    let ends = now + TimeDelta::hours(1);
    let body = json!([{"labels": {"alertname": "KubeAPIDown", "severity": "critical"}, "annotations": {"summary": "it is down"},
        "startsAt": now.to_rfc3339(), "endsAt": ends.to_rfc3339()}]);
    for _ in 0..200 {
        let answer = api.send(Method::POST, &["api", "v2", "alerts"], Some(&body)).await;
        if answer.is_ok_and(|it| it.status == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{url} takes no alerts");
}

/// Waits until an instance reports an alert list that holds `count` alerts; gives the fingerprints.
async fn holds(room: &mut Room, instance: &str, count: usize) -> Vec<String> {
    let found = tokio::time::timeout(Duration::from_secs(30), look(room, instance, count)).await;
    found.unwrap_or_else(|_| panic!("{instance} never held {count} alerts"))
}

async fn look(room: &mut Room, instance: &str, count: usize) -> Vec<String> {
    loop {
        let it = room.next().await;
        if it.source.instance != instance {
            continue;
        }
        if let Change::Replace { facts, .. } = it.change
            && facts.len() == count
        {
            return facts.iter().map(Fact::key).collect();
        }
    }
}

#[tokio::test]
async fn a_real_pair_with_one_member_killed_and_started_again() {
    if !Path::new(PROGRAM).exists() {
        crate::peers::missing(PROGRAM);
        return;
    }
    let dir = tempfile::tempdir().expect("a directory");
    let ports: [u16; 4] = std::array::from_fn(|_| free_port());
    let [web_1, web_2, gossip_1, gossip_2] = ports;
    let _one = member(dir.path(), web_1, gossip_1, gossip_2);
    let two = member(dir.path(), web_2, gossip_2, gossip_1);
    let (mut room, tasks) = (Room::fast(), TaskTracker::new());
    let urls = [web_1, web_2].map(|port| format!("http://127.0.0.1:{port}"));
    for (name, url) in ["am-1", "am-2"].into_iter().zip(&urls) {
        let config = AlertmanagerConfig { name: name.to_owned(), ..config(url.clone()) };
        super::super::start(&config, &room.ctx, &tasks);
        // Alertmanager lives on the wall's clock; an alert of the room's past would have ended.
        fire(url, crate::clock::Clock::real().now()).await;
    }
    let first = holds(&mut room, "am-1", 1).await;
    assert_eq!(holds(&mut room, "am-2", 1).await, first, "the same alert has the same fingerprint everywhere");

    drop(two);
    let trouble = room.trouble().await;
    assert!(matches!(trouble.kind, TroubleKind::Unreachable | TroubleKind::Garbage), "{trouble:?}");
    holds(&mut room, "am-1", 1).await;

    let _two = member(dir.path(), web_2, gossip_2, gossip_1);
    // It comes back without the alert, for alerts are not kept, and says when it started: the board judges by that.
    assert!(holds(&mut room, "am-2", 0).await.is_empty());
    fire(&urls[1], crate::clock::Clock::real().now()).await;
    holds(&mut room, "am-2", 1).await;
    room.ctx.stop.cancel();
}
