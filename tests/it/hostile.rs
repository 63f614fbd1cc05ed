//! The hostile texts as people could plant them: written as real Events, annotations, labels and statuses on a real API
//! server and as alerts in real Alertmanagers, with consoles open on every pane. Nothing panics, nothing that a terminal
//! would obey is sent to one, and no entry is lost.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use warroom::board::{AlertRow, RowBody, Topic};

use crate::fuzz::hidden::hidden;
use crate::fuzz::hostile;
use crate::peers::alertmanager::{Pair, QUIET};
use crate::peers::kube::{Cluster, Options};
use crate::pty::Pty;
use crate::real_room::{Config, RealRoom, kubeconfig};
use crate::support::{run, wait_within};

/// How many texts go into the annotations of one object.
const TEXTS_PER_OBJECT: usize = 40;

#[derive(Debug, Default)]
struct Written {
    events: usize,
    names: usize,
    annotations: usize,
    labels: usize,
    statuses: usize,
    alerts: usize,
    refused: usize,
}

/// Each text as what an event is about, why, and what it says. What the server refuses it is asked again without.
fn events(cluster: &Cluster, texts: &[String], written: &mut Written) {
    let client = cluster.client();
    for (n, text) in texts.iter().enumerate() {
        let now = warroom::clock::Clock::real().now();
        let mut event = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": format!("hostile.{n}"), "namespace": "default" },
            "involvedObject": { "kind": text, "namespace": "default", "name": text }, "type": text,
            "source": { "component": text }, "reason": text, "message": format!("{n} {text}"),
            "firstTimestamp": now, "lastTimestamp": now, "count": 1,
        });
        let path = "/api/v1/namespaces/default/events";
        let (mut status, mut said) = client.request("POST", path, Some(&event));
        if status != 201 {
            written.refused += 1;
            event["involvedObject"] = json!({ "kind": "Pod", "namespace": "default", "name": "app" });
            event["type"] = json!("Warning");
            (status, said) = client.request("POST", path, Some(&event));
        } else {
            written.names += 1;
        }
        assert_eq!(status, 201, "{text:?}: {said:#}");
        written.events += 1;
    }
}

/// Pods with the texts as annotations and labels, and a container that waits for such a reason.
fn objects(cluster: &Cluster, texts: &[String], written: &mut Written) {
    let client = cluster.client();
    let label = |text: &&String| {
        let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let ends = text.chars().next().zip(text.chars().last());
        text.len() < 64
            && text.chars().all(inner)
            && ends.is_some_and(|(a, z)| a.is_ascii_alphanumeric() && z.is_ascii_alphanumeric())
    };
    for (n, some) in texts.chunks(TEXTS_PER_OBJECT).enumerate() {
        let key = |(n, text): (usize, &String)| (format!("hostile/t{n}"), Value::from(text.as_str()));
        let annotations: Map<String, Value> = some.iter().enumerate().map(key).collect();
        let labels: Map<String, Value> =
            some.iter().filter(label).enumerate().map(|(n, text)| key((n, text))).collect();
        written.annotations += annotations.len();
        written.labels += labels.len();
        let name = format!("pod-{n}");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": name, "namespace": "default", "annotations": annotations, "labels": labels },
            "spec": { "containers": [{ "name": "app", "image": "app" }] },
        });
        client.must("POST", "/api/v1/namespaces/default/pods", Some(&pod));
        let text = &some[n % some.len()];
        let status = json!({ "status": {
            "phase": "Pending", "message": text, "reason": text,
            "conditions": [{ "type": "PodScheduled", "status": "False", "reason": text, "message": text }],
            "containerStatuses": [{ "name": "app", "ready": false, "restartCount": 7, "image": "app", "imageID": "",
                "state": { "waiting": { "reason": text, "message": text } } }],
        } });
        let (code, _) =
            client.request("PATCH", &format!("/api/v1/namespaces/default/pods/{name}/status"), Some(&status));
        if code == 200 { written.statuses += 1 } else { written.refused += 1 }
    }
}

/// Each text as an alert's name, label and annotation, in both members.
fn alerts(pair: &Pair, texts: &[String], written: &mut Written) {
    let alert = |(n, text): (usize, &String)| {
        json!({
            "labels": { "alertname": if text.is_empty() { "empty" } else { text }, "n": n.to_string(), "cluster": text,
                "severity": if n % 7 == 0 { "critical" } else { "warning" } },
            "annotations": { "summary": text, "description": text },
            "generatorURL": "http://127.0.0.1/graph", "endsAt": "2099-01-01T00:00:00Z",
        })
    };
    for (n, some) in texts.chunks(50).enumerate() {
        let list: Vec<Value> = some.iter().enumerate().map(|(m, text)| alert((n * 50 + m, text))).collect();
        pair.one.post_alerts(&json!(list));
        pair.two.post_alerts(&json!(list));
        written.alerts += list.len();
    }
}

/// Every pane, from top to bottom, and what opens from it.
fn visit(pty: &mut Pty, pages: usize) {
    for pane in 1..=7 {
        pty.keys(&format!("{pane}g<enter>"));
        drawn(pty);
        pty.keys("<esc>");
        for page in 0..pages {
            pty.keys("<pgdn>");
            if page % 8 == 0 {
                pty.keys("<enter>");
                drawn(pty);
                pty.keys("<esc>");
            }
        }
        pty.keys("G<enter>");
        drawn(pty);
        pty.keys("<esc>");
    }
    for sheet in ["s<esc>", "?<esc>", "/a<enter><esc>"] {
        pty.keys(sheet);
    }
    drawn(pty);
}

/// Waits until what was typed is on the screen.
fn drawn(pty: &mut Pty) {
    let frames = pty.frames();
    pty.keys("<c-l>");
    crate::support::wait_for("a frame", || (pty.frames() > frames).then_some(()));
}

/// What the alerts became in the log: those recorded one by one, and those that were only counted.
fn recorded(room: &RealRoom) -> (usize, u64) {
    let entries = room.entries();
    let firing = entries.iter().filter(|it| it["k"] == "edge" && it["d"]["edge"] == "alert.firing").count();
    let folded = entries.iter().filter(|it| it["k"] == "folded").filter_map(|it| it["d"]["count"].as_u64()).sum();
    (firing, folded)
}

#[test]
fn hostile_texts_in_real_servers_reach_no_terminal_and_lose_no_entry() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let Some(pair) = Pair::start(QUIET) else { return };
    let mut config = Config::new("hostile");
    let user = json!({ "token": cluster.token("admin") });
    config.cluster("primary", "primary", &kubeconfig(&cluster, &cluster.url, &user), "");
    config.pair(&pair);
    let mut room = config.open();
    let board = room.watch();
    board.until("a calm board", |seen| {
        let sources = ["kubernetes/primary", "alertmanager/am-1", "alertmanager/am-2"];
        sources.iter().all(|it| seen.is_well(it)).then_some(())
    });
    let mut small = room.console(80, 24);
    let mut large = room.console(160, 48);

    let texts = hostile::texts();
    assert!(texts.len() >= 500, "{} texts", texts.len());
    let mut written = Written::default();
    alerts(&pair, &texts, &mut written);
    events(&cluster, &texts, &mut written);
    objects(&cluster, &texts, &mut written);

    // Alerts with equal labels would be one; each has a number of its own.
    board.until("every alert", |seen| {
        let mine =
            |body: &RowBody| matches!(body, RowBody::Alert(AlertRow { alert, .. }) if alert.labels.contains_key("n"));
        let rows = seen.rows(Topic::Alerts).iter().filter(|row| mine(&row.body)).count();
        (rows == written.alerts).then_some(())
    });
    let told = board.until("every event", |seen| {
        let numbers: BTreeSet<String> = seen
            .rows(Topic::Events)
            .iter()
            .filter_map(|row| match &row.body {
                RowBody::Event(it) => it.message.as_str().split(' ').next().map(str::to_owned),
                _ => None,
            })
            .collect();
        let all = (0..texts.len()).filter(|n| numbers.contains(&n.to_string())).count();
        (all == texts.len()).then_some(all)
    });
    visit(&mut small, 40);
    visit(&mut large, 30);
    let pressed = small.frames() + large.frames();

    let lost = wait_within(crate::real_room::LONG, || {
        let (firing, folded) = recorded(&room);
        (firing as u64 + folded == written.alerts as u64).then_some((firing, folded))
    });
    let (firing, folded) = lost.unwrap_or_else(|| panic!("entries are lost: {:?} of {written:?}", recorded(&room)));
    let mut printed = 0;
    for words in [
        &["timeline", "show"][..],
        &["timeline", "show", "-o", "json"],
        &["events"],
        &["alerts"],
        &["status"],
        &["events", "-o", "json"],
        &["alerts", "-o", "json"],
        &["export"],
        &["export", "--format", "json"],
    ] {
        let (code, out, err) = run(room.client().args(words));
        assert!([0, 3, 4].contains(&code), "{words:?}: {code} {err}");
        assert_eq!(hidden(&out), Vec::<char>::new(), "{words:?}");
        assert_eq!(hidden(&err), Vec::<char>::new(), "{words:?}");
        printed += out.len();
    }
    for pty in [&small, &large] {
        pty.assert_clean();
        assert!(pty.look(vt100::Screen::alternate_screen), "the console lives: {}", pty.picture());
    }
    room.assert_sound();
    println!(
        "{} hostile texts: {written:?}; {told} events on the board, {firing} alerts in the log and {folded} counted; {} \
         frames, {} bytes on terminals with {} raw control bytes, {printed} bytes printed; 0 panics, 0 lost entries",
        texts.len(),
        pressed,
        small.bytes() + large.bytes(),
        small.raw_control_bytes() + large.raw_control_bytes(),
    );
}
