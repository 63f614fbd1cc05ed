//! A room on a real pair of Alertmanagers: alerts by `amtool`, one member killed and started again empty. And stock tools on
//! the drill's world: `kubectl` and `amtool` read it without complaint.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::Value;
use warroom::clock::Clock;

use crate::peers::alertmanager::{One, Pair, QUIET};
use crate::peers::need;
use crate::support::{Running, run, run_json, scratch, wait_for, wait_within, warroom};

/// A member must be two minutes old before the room believes that an alert it doesn't hold has ended.
const GROWN_UP: Duration = Duration::from_secs(240);

/// The pair, a room that watches it, and the tools.
struct Stage {
    _home: tempfile::TempDir,
    home: PathBuf,
    pair: Pair,
    _room: Running,
}

impl Stage {
    fn set() -> Option<Self> {
        let pair = Pair::start(QUIET)?;
        need("amtool")?;
        let dir = scratch();
        let home = dir.path().to_owned();
        let config = home.join("warroom.toml");
        let member =
            |one: &One| format!("[[alertmanager]]\nname = \"{}\"\nurl = \"{}\"\nevery = \"1s\"\n", one.name, one.url);
        let text = format!("[room]\nname = \"pair\"\n{}{}", member(&pair.one), member(&pair.two));
        std::fs::write(&config, text).expect("written");
        let mut serve = warroom(&home);
        serve.arg("serve").arg("--config").arg(&config).arg("--socket").arg(home.join("s"));
        let room = Running::start(serve.arg("--state-dir").arg(home.join("log")), &home.join("serve.log"));
        Some(Self { _home: dir, home, pair, _room: room })
    }

    fn ask(&self, args: &[&str]) -> (i32, Value) {
        run_json(warroom(&self.home).arg("--socket").arg(self.home.join("s")).args(args).args(["-o", "json"]))
    }

    /// Waits until the room hears both members.
    fn both_heard(&self) {
        wait_for("both members heard", || {
            let (code, shown) = self.ask(&["alerts"]);
            let whole = shown["trouble"].as_array().is_some_and(Vec::is_empty);
            // What fires is 3: it needs somebody.
            ([0, 3].contains(&code) && whole).then_some(())
        });
    }

    fn fire(&self, member: &One, args: &[&str]) {
        wait_for("amtool adds an alert", || {
            let mut amtool = amtool(&self.home, &member.url);
            (run(amtool.args(["alert", "add"]).args(args)).0 == 0).then_some(())
        });
    }

    /// Says to a member that an alert ends now, as Prometheus does.
    fn end(&self, member: &One, args: &[&str]) {
        let now = Clock::real().now();
        let (start, end) = ((now - TimeDelta::hours(1)).to_rfc3339(), now.to_rfc3339());
        let times = [format!("--start={start}"), format!("--end={end}")];
        let all: Vec<&str> = args.iter().copied().chain(times.iter().map(String::as_str)).collect();
        self.fire(member, &all);
    }

    /// The rows of one alert's name.
    fn rows(&self, name: &str) -> Vec<Value> {
        let (_, shown) = self.ask(&["alerts"]);
        let rows = shown["rows"].as_array().cloned().expect("rows");
        rows.into_iter().filter(|row| row["body"]["alert"]["alert"]["name"] == name).collect()
    }

    /// Waits until an alert has exactly one row, and that row is as wanted.
    fn row(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.row_within(crate::support::PATIENCE, name, what, wanted)
    }

    fn row_within(&self, patience: Duration, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Vec::new();
        let found = wait_within(patience, || {
            last = self.rows(name);
            last.first().filter(|row| last.len() == 1 && wanted(row)).cloned()
        });
        found.unwrap_or_else(|| panic!("{name} is never {what}: {last:#?}\n{}", self.log()))
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("serve.log")).unwrap_or_default()
    }

    /// Names of the edges in the timeline that are about this alert.
    fn edges(&self, name: &str) -> Vec<String> {
        let (_, shown) = self.ask(&["timeline", "show"]);
        let items = shown["items"].as_array().cloned().unwrap_or_default();
        let of = |item: &Value| item["says"].as_str().is_some_and(|says| says.contains(name));
        items
            .iter()
            .filter(|item| of(item))
            .filter_map(|item| item["data"]["edge"].as_str().map(str::to_owned))
            .collect()
    }
}

fn amtool(home: &Path, url: &str) -> Command {
    let mut command = Command::new("amtool");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home);
    command.arg(format!("--alertmanager.url={url}")).stdin(Stdio::null());
    command
}

fn held(row: &Value) -> (Vec<String>, Vec<String>) {
    let list = |key: &str| {
        let names = row["body"]["alert"][key].as_array().cloned().unwrap_or_default();
        names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    (list("held_by"), list("missing_from"))
}

fn state(row: &Value) -> &str {
    row["body"]["alert"]["alert"]["state"].as_str().unwrap_or_default()
}

const KUBE: [&str; 4] = ["KubeAPIDown", "severity=critical", "cluster=primary", "--annotation=summary=the API is down"];
const DISK: [&str; 3] = ["DiskSlow", "severity=warning", "cluster=primary"];

#[test]
fn a_pair_is_one_list_and_a_member_that_forgets_resolves_nothing() {
    let Some(stage) = Stage::set() else { return };
    stage.both_heard();
    stage.fire(&stage.pair.one, &KUBE);
    stage.fire(&stage.pair.two, &KUBE);
    stage.fire(&stage.pair.two, &DISK);

    let both = (vec!["am-1".to_owned(), "am-2".to_owned()], Vec::new());
    let row = stage.row("KubeAPIDown", "held by both", |row| held(row) == both && state(row) == "active");
    assert_eq!(row["verdict"], "critical", "{row:#}");
    assert_eq!(row["body"]["alert"]["alert"]["receivers"][0], "pager", "{row:#}");
    let second = (vec!["am-2".to_owned()], vec!["am-1".to_owned()]);
    let row = stage.row("DiskSlow", "held by the second alone", |row| held(row) == second);
    assert!(row["why"].as_str().expect("why").contains("am-2 holds it, am-1 does not"), "{row:#}");

    let (code, timeline) = stage.ask(&["timeline", "show"]);
    assert_eq!((code, &timeline["incident"]["title"]), (0, &Value::from("KubeAPIDown")), "{timeline:#}");
    assert_eq!(stage.edges("KubeAPIDown"), ["alert.firing"], "{timeline:#}");

    a_dead_member_takes_nothing_away(&stage);
    an_empty_member_resolves_nothing(&stage);
}

fn a_dead_member_takes_nothing_away(stage: &Stage) {
    stage.pair.two.kill();
    wait_for("the dead member is in trouble", || {
        let (code, shown) = stage.ask(&["status"]);
        let trouble = shown["trouble"].as_array()?.iter().find(|row| row["id"] == "alertmanager/am-2")?;
        let said = trouble["body"]["source"]["trouble"]["what"].as_str()?;
        // Until then it may be said that it settles with its cluster.
        let said = Some(said).filter(|said| said.contains("no connection to 127.0.0.1:"))?;
        assert!(!trouble["body"]["source"]["trouble"]["remedy"].as_str().expect("a remedy").is_empty(), "{trouble:#}");
        assert_eq!((code, &trouble["why"]), (3, &Value::from(said)), "{trouble:#}");
        trouble["stale"].as_bool().filter(|stale| *stale).map(|_| ())
    });
    let row = stage.row("DiskSlow", "known, and known to be old", |row| row["stale"] == true);
    assert_eq!((state(&row), held(&row).0), ("active", vec!["am-2".to_owned()]), "{row:#}");
    let row = stage.row("KubeAPIDown", "vouched for by the first", |row| row["stale"] == false);
    assert_eq!((state(&row), &row["verdict"]), ("active", &Value::from("critical")), "{row:#}");
    for name in ["KubeAPIDown", "DiskSlow"] {
        let edges = stage.edges(name);
        assert!(!edges.iter().any(|edge| edge == "alert.resolved" || edge == "alert.gone"), "{name}: {edges:?}");
    }
}

fn an_empty_member_resolves_nothing(stage: &Stage) {
    stage.pair.two.start_empty();
    stage.both_heard();
    let first = (vec!["am-1".to_owned()], vec!["am-2".to_owned()]);
    stage.row("KubeAPIDown", "held by the first alone", |row| held(row) == first && state(row) == "active");
    // Nobody holds this one any more, and whoever held it has only just begun to listen.
    let row = stage.row("DiskSlow", "gone, unconfirmed", |row| state(row) != "active");
    assert_eq!(state(&row), "gone", "{row:#}");
    assert!(row["why"].as_str().expect("why").contains("unconfirmed"), "{row:#}");
    assert_eq!(stage.edges("DiskSlow"), ["alert.firing", "alert.gone"]);

    stage.fire(&stage.pair.two, &KUBE);
    let both = (vec!["am-1".to_owned(), "am-2".to_owned()], Vec::new());
    stage.row("KubeAPIDown", "held by both again", |row| held(row) == both);
    assert_eq!(stage.edges("KubeAPIDown"), ["alert.firing"], "it never stopped firing");
    stage.end(&stage.pair.one, &KUBE);
    stage.end(&stage.pair.two, &KUBE);
    let row = stage.row("KubeAPIDown", "gone, unconfirmed", |row| state(row) != "active");
    assert_eq!(state(&row), "gone", "a young member's word is no proof: {row:#}");
}

/// Slow by nature: the pair must be as old as two resend intervals of Prometheus before its silence proves anything.
#[test]
fn an_alert_that_ends_is_resolved_by_a_pair_that_is_old_enough() {
    let Some(stage) = Stage::set() else { return };
    stage.both_heard();
    stage.fire(&stage.pair.one, &KUBE);
    stage.fire(&stage.pair.two, &KUBE);
    let born = Clock::real().now();
    stage.row("KubeAPIDown", "held by both", |row| held(row).0.len() == 2);
    let grown = wait_within(GROWN_UP, || (Clock::real().now() - born > TimeDelta::seconds(122)).then_some(()));
    assert!(grown.is_some(), "time passes");

    stage.end(&stage.pair.one, &KUBE);
    let second = (vec!["am-2".to_owned()], vec!["am-1".to_owned()]);
    let row = stage.row("KubeAPIDown", "held by the second alone", |row| held(row) == second);
    assert_eq!(state(&row), "active", "one member still holds it: {row:#}");
    stage.end(&stage.pair.two, &KUBE);
    let row = stage.row("KubeAPIDown", "ended", |row| state(row) != "active");
    assert_eq!((state(&row), &row["verdict"]), ("resolved", &Value::from("info")), "{row:#}");
    assert_eq!(stage.edges("KubeAPIDown"), ["alert.firing", "alert.resolved"]);
    let (_, timeline) = stage.ask(&["timeline", "show"]);
    assert_eq!(timeline["incident"]["closed_at"], Value::Null, "an incident is closed by a person");
}

/// The world alone, and what is written about it.
fn world(home: &Path) -> (Running, PathBuf) {
    let out = home.join("world");
    let mut drill = warroom(home);
    drill.args(["drill", "world", "etcd-corruption", "--speed", "60", "--out"]).arg(&out);
    let running = Running::start(&mut drill, &home.join("world.log"));
    wait_for("the world says where it is", || {
        let said = std::fs::read_to_string(home.join("world.log")).ok()?;
        said.contains("the world runs").then_some(())
    });
    (running, out)
}

#[test]
fn kubectl_reads_the_worlds_clusters_without_complaint() {
    let Some(kubectl) = need("kubectl") else { return };
    let home = scratch();
    let (_world, out) = world(home.path());
    let reads: [&[&str]; 8] = [
        &["get", "nodes,pods,events", "--all-namespaces"],
        &["get", "nodes", "-o", "wide"],
        &["get", "events", "--all-namespaces", "-o", "json"],
        &["get", "backups.velero.io,schedules.velero.io,restores.velero.io", "-n", "velero"],
        &["get", "backupstoragelocations.velero.io", "-n", "velero", "-o", "yaml"],
        &["get", "applications.argoproj.io", "-n", "argocd"],
        &["get", "leases.coordination.k8s.io", "-n", "kube-node-lease"],
        &["api-resources"],
    ];
    for context in ["primary", "dr"] {
        for read in reads {
            let mut command = Command::new(&kubectl);
            command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", home.path());
            command.arg("--kubeconfig").arg(out.join("kubeconfig")).args(["--context", context]).args(read);
            let (code, said, complaint) = run(command.stdin(Stdio::null()));
            assert_eq!((code, complaint.as_str()), (0, ""), "{context} {read:?}: {said}");
            assert!(!said.trim().is_empty(), "{context} {read:?} says nothing");
        }
    }
}

#[test]
fn amtool_reads_the_worlds_alertmanagers() {
    if need("amtool").is_none() {
        return;
    }
    let home = scratch();
    let (_world, out) = world(home.path());
    let text = std::fs::read_to_string(out.join("endpoints.json")).expect("endpoints");
    let endpoints: Value = serde_json::from_str(&text).expect("JSON");
    let urls = endpoints["alertmanagers"].as_array().expect("a list");
    assert_eq!(urls.len(), 2, "{endpoints:#}");
    for url in urls {
        let url = url.as_str().expect("a url");
        let found = wait_for("the world's alerts", || {
            let (code, said, complaint) = run(amtool(home.path(), url).args(["alert", "query", "-o", "json"]));
            assert_eq!((code, beside_versions(&complaint)), (0, ""), "{said}");
            let alerts: Value = serde_json::from_str(&said).expect("JSON");
            alerts.as_array().filter(|alerts| !alerts.is_empty()).cloned()
        });
        let named = |name: &str| found.iter().any(|alert| alert["labels"]["alertname"] == name);
        assert!(named("Watchdog") || named("etcdMembersDown"), "{found:#?}");
        let (code, _, complaint) = run(amtool(home.path(), url).args(["cluster", "show"]));
        assert_eq!((code, beside_versions(&complaint)), (0, ""));
    }
}

/// What amtool complains of, apart from a server of another version than its own: the world's is newer than Debian's.
fn beside_versions(complaint: &str) -> &str {
    let of_versions = |line: &str| line.starts_with("Warning: amtool version (") && line.ends_with(") are different.");
    complaint.lines().find(|line| !of_versions(line)).unwrap_or_default()
}
