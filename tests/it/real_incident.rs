//! An incident on real servers, by keys on a terminal: etcd stops under the API server, the control plane is shown failing
//! with etcd named, Prometheus sees it and fires into the Alertmanagers, the alert opens the incident, etcd goes on, and
//! the recovery is on the screen and in the timeline. The screens are kept in `target/evidence/incident`.

use serde_json::{Value, json};

use crate::peers::alertmanager::{Pair, QUIET};
use crate::peers::behave::nodes::Nodes;
use crate::peers::kube::{Cluster, Options};
use crate::peers::prometheus::{Prometheus, Setup};
use crate::pty::Pty;
use crate::real_room::{Config, evidence, kubeconfig};
use crate::support::wait_for;
use warroom::board::{Topic, Verdict};

/// What the API server says of its store in its own metrics, or that it gives none.
const RULES: &str = r#"
groups:
- name: control-plane
  interval: 1s
  rules:
  - alert: KubeAPIStoreDown
    expr: min by (cluster) (kubernetes_healthcheck{job="kube-apiserver",name=~"etcd.*"}) == 0 or min by (cluster) (up{job="kube-apiserver"}) == 0
    for: 0s
    labels: { severity: critical }
    annotations: { summary: "etcd of {{ $labels.cluster }} fails under its API server" }
"#;

struct Film {
    number: usize,
}

impl Film {
    fn keep(&mut self, pty: &Pty, what: &str) {
        self.number += 1;
        let path = evidence(&format!("incident/{:02}-{what}.txt", self.number));
        std::fs::write(path, pty.evidence()).expect("kept");
    }
}

/// The sentence of the first edge of this name.
fn says(entries: &[Value], edge: &str) -> Option<String> {
    entries.iter().find(|it| it["edge"] == edge).and_then(|it| it["says"].as_str()).map(str::to_owned)
}

/// Waits for the row of a cluster whose API answers and whose nodes are all ready, however its columns stand.
fn all_ready(pty: &mut Pty) {
    pty.wait("a cluster with every node ready", |screen| {
        let text = screen.contents();
        let words = ["cluster", "primary", "API ok", "3 of 3", "nodes ready"];
        text.lines().any(|line| words.iter().all(|word| line.contains(word))).then_some(())
    });
}

#[test]
fn etcd_stops_under_a_real_api_server_and_the_room_tells_the_whole_story() {
    let Some(primary) = Cluster::start(Options::default().named("primary")) else { return };
    let Some(pair) = Pair::start(QUIET) else { return };
    let setup = Setup::default().rules(RULES).scrape_cluster(&primary);
    let setup = setup.alertmanager(pair.one.port).alertmanager(pair.two.port);
    let Some(prometheus) = Prometheus::start(&setup) else { return };
    let _nodes = Nodes::start(&primary, &["node-a", "node-b", "node-c"], chrono::TimeDelta::seconds(50));
    primary.namespace("shop");
    let mut config = Config::new("real");
    let user = json!({ "token": primary.token("admin") });
    config.cluster("primary", "primary", &kubeconfig(&primary, &primary.url, &user), "");
    config.pair(&pair);
    let mut room = config.open();
    let board = room.watch();
    board.until("a calm board", |seen| {
        let well = ["kubernetes/primary", "alertmanager/am-1", "alertmanager/am-2"].iter().all(|it| seen.is_well(it));
        (well && seen.row(Topic::Clusters, "primary")?.verdict == Verdict::Ok).then_some(())
    });
    wait_for("Prometheus has scraped", || {
        (!prometheus.query("up{job=\"kube-apiserver\"} == 1").is_empty()).then_some(())
    });

    let mut film = Film { number: 0 };
    let mut pty = room.console(160, 48);
    all_ready(&mut pty);
    film.keep(&pty, "calm");

    primary.etcd().pause();
    board.until("etcd named as failing", |seen| {
        let row = seen.row(Topic::Clusters, "primary")?;
        (row.verdict == Verdict::Critical && row.why.as_str().contains("etcd")).then_some(())
    });
    pty.wait("the failing etcd on the screen", |screen| {
        let text = screen.contents();
        text.lines()
            .any(|line| line.contains("cluster") && line.contains("primary") && line.contains("etcd"))
            .then_some(())
    });
    film.keep(&pty, "etcd-failing");
    pty.keys("5g<enter>");
    pty.wait_text("last proven");
    film.keep(&pty, "cluster-opened");
    pty.keys("<esc>1");

    wait_for("Prometheus fires", || {
        prometheus.alerts().contains(&("KubeAPIStoreDown".to_owned(), "firing".to_owned())).then_some(())
    });
    pty.wait_text("KubeAPIStoreDown");
    pty.wait_text("SEV1");
    film.keep(&pty, "alert-and-incident");
    pty.keys("1g<enter>");
    pty.wait_text("fails under its API server");
    film.keep(&pty, "alert-opened");
    pty.keys("<esc>");

    primary.etcd().resume();
    board.until("the control plane is back", |seen| {
        let row = seen.row(Topic::Clusters, "primary")?;
        (row.verdict <= Verdict::Info && !row.stale && seen.is_well("kubernetes/primary")).then_some(())
    });
    all_ready(&mut pty);
    pty.wait("no word of a failing etcd", |screen| {
        let shown = screen.contents();
        (!shown.contains("etcd failing")).then_some(())
    });
    film.keep(&pty, "recovered");
    pty.keys("6");
    pty.wait_text("answers its health checks again");
    film.keep(&pty, "timeline");
    wait_for("Prometheus calms down", || {
        let firing = prometheus.alerts().iter().any(|(_, state)| state == "firing");
        (!firing).then_some(())
    });

    let edges = wait_for("the recovery in the log", || {
        let edges = room.edges();
        says(&edges, "control_plane.ok").map(|_| edges)
    });
    let failing = says(&edges, "control_plane.failing").expect("the failure is in the log");
    assert!(failing.contains("etcd of primary fails"), "{failing}");
    assert!(says(&edges, "alert.firing").is_some_and(|it| it.contains("KubeAPIStoreDown")), "{edges:#?}");
    let (_, timeline) = room.ask(&["timeline", "show"]);
    assert_eq!(timeline["incident"]["title"], "KubeAPIStoreDown", "{timeline:#}");
    assert!(!timeline["incident"]["detection"].is_null(), "{timeline:#}");
    let shown = timeline["items"].to_string();
    assert!(shown.contains("control_plane.ok") && shown.contains("alert.firing"), "{timeline:#}");
    pty.assert_clean();
    room.assert_sound();
    println!("the screens of the incident: {}", evidence("incident/").display());
}
