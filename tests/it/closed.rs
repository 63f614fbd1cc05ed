//! An incident that was closed while its alert fires stays closed: over a restart of the room, and of a real Alertmanager that
//! forgets the alert and gets it again. Only the alert that ends and begins again opens another one, which takes nothing of it.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use warroom::clock::Clock;

use crate::peers::alertmanager::{One, QUIET};
use crate::stage::{ANA, accounts, entries, of_kind, put};
use crate::support::{Running, assert_intact, run, run_json, scratch, wait_for, warroom};

const PEOPLE: &str = "[[person]]\nid = \"ana\"\naccounts = [\"65001\"]\nroles = [\"operator\", \"commander\"]\n";

fn now() -> DateTime<Utc> {
    Clock::real().now()
}

/// A room on one real Alertmanager.
struct Stage {
    home: tempfile::TempDir,
    binary: PathBuf,
    manager: One,
    room: Option<Running>,
}

impl Stage {
    fn set() -> Option<Self> {
        if !accounts() {
            return None;
        }
        let manager = One::start(QUIET)?;
        let home = scratch();
        let open = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        };
        open(home.path());
        std::fs::create_dir(home.path().join("run")).expect("a folder for the socket");
        open(&home.path().join("run"));
        let binary = home.path().join("warroom");
        std::fs::copy(env!("CARGO_BIN_EXE_warroom"), &binary).expect("a copy of the program");
        open(&binary);
        let source = format!("[[alertmanager]]\nname = \"am\"\nurl = \"{}\"\nevery = \"1s\"\n", manager.url);
        put(
            &home.path().join("warroom.toml"),
            &format!("[room]\nname = \"closed\"\npeople = \"people.toml\"\n{source}"),
            0o644,
        );
        put(&home.path().join("people.toml"), PEOPLE, 0o644);
        let mut stage = Self { home, binary, manager, room: None };
        stage.open();
        Some(stage)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Starts the room, and waits until it hears Alertmanager.
    fn open(&mut self) {
        let mut serve = warroom(self.home.path());
        serve.arg("serve").arg("--config").arg(self.path("warroom.toml")).arg("--socket").arg(self.path("run/s"));
        self.room = Some(Running::start(serve.arg("--state-dir").arg(self.path("log")), &self.path("room.log")));
        wait_for("Alertmanager is heard", || {
            let (code, out, _) = run(self.ana(&["alerts"]).args(["-o", "json"]));
            // An alert that fires is 3: it needs somebody.
            ([0, 3].contains(&code) && out.contains("\"trouble\": []")).then_some(())
        });
    }

    fn ana(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).uid(ANA).gid(0).stdin(Stdio::null());
        command.arg("--socket").arg(self.path("run/s")).args(words);
        command
    }

    fn ask(&self, words: &[&str]) -> (i32, Value) {
        run_json(self.ana(words).args(["-o", "json"]))
    }

    /// Two alerts, one of them such as opens an incident, that began then.
    fn fire(&self, began: DateTime<Utc>) {
        let stamp = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let alert = |name: &str, severity: &str| {
            json!({"labels": {"alertname": name, "severity": severity}, "startsAt": stamp(began),
                   "endsAt": stamp(now() + TimeDelta::hours(1))})
        };
        self.manager.post_alerts(&json!([alert("etcdMembersDown", "critical"), alert("KubeAPIDown", "critical")]));
    }

    /// Whether both rows of the two alerts fire.
    fn both_fire(&self) {
        wait_for("both alerts fire", || {
            let (_, shown) = self.ask(&["alerts"]);
            let rows = shown["rows"].as_array()?;
            let firing = rows.iter().filter(|row| row["body"]["alert"]["alert"]["state"] == "active").count();
            (rows.len() == 2 && firing == 2).then_some(())
        });
    }

    /// Waits until the log says of so many firings of the first alert.
    fn told(&self, times: usize) {
        wait_for("the firing in the log", || {
            let entries = entries(&self.path("log"));
            let edges = of_kind(&entries, "edge");
            let told = edges
                .iter()
                .filter(|it| it["d"]["edge"] == "alert.firing" && it["d"]["subject"] == "etcdMembersDown")
                .count();
            (told >= times).then_some(())
        });
    }

    fn incidents(&self) -> usize {
        of_kind(&entries(&self.path("log")), "opened").len()
    }
}

#[test]
fn a_closed_incident_stays_closed_until_its_alert_ends_and_begins_again() {
    let Some(mut stage) = Stage::set() else { return };
    let began = now() - TimeDelta::minutes(20);
    stage.fire(began);
    wait_for("the incident", || (!stage.ask(&["status"]).1["incident"].is_null()).then_some(()));
    stage.both_fire();
    stage.told(1);

    // Closing asks: what fires is said, and nothing is closed without a word of consent.
    let (code, refused) = stage.ask(&["incident", "close"]);
    assert_eq!((code, &refused["refused"]), (6, &json!("still_firing")), "{refused}");
    assert_eq!(refused["why"], "2 critical alerts still fire.", "{refused}");
    assert!(refused["remedy"].as_str().expect("a remedy").contains("--although-firing"), "{refused}");
    let (code, closed) = stage.ask(&["incident", "close", "--although-firing"]);
    assert_eq!(code, 0, "{closed}");
    let log = entries(&stage.path("log"));
    assert_eq!(of_kind(&log, "closed")[0]["d"], json!({"although_firing": 2}));

    // The room is started again: the alerts are told again, and open nothing.
    drop(stage.room.take());
    stage.open();
    stage.both_fire();
    // Alertmanager forgets them, and gets them again as they were; then from a sender that names no beginning.
    stage.manager.kill();
    stage.manager.start_again();
    wait_for("the alerts are gone", || stage.ask(&["alerts"]).1.to_string().contains("\"gone\"").then_some(()));
    stage.fire(began);
    stage.both_fire();
    stage.manager.kill();
    stage.manager.start_again();
    wait_for("the alerts are gone", || stage.ask(&["alerts"]).1.to_string().contains("\"gone\"").then_some(()));
    let labels = json!({"alertname": "etcdMembersDown", "severity": "critical"});
    stage.manager.post_alerts(&json!([{ "labels": labels }]));
    wait_for("it fires as if from now on", || {
        stage.ask(&["alerts"]).1.to_string().contains("\"since_restart\":true").then_some(())
    });
    let told = of_kind(&entries(&stage.path("log")), "edge").len();
    wait_for("the firing in the log", || {
        let entries = entries(&stage.path("log"));
        let last = of_kind(&entries, "edge").last().map(|it| it["d"].clone())?;
        (last["edge"] == "alert.firing" && last["figures"]["since_restart"] == true).then_some(())
    });
    assert!(told > 2 && stage.incidents() == 1, "{:#?}", entries(&stage.path("log")));
    let (_, status) = stage.ask(&["status"]);
    assert_eq!(status["incident"], Value::Null, "{status:#}");

    // It ends and begins again while Alertmanager is away: by its own word it is another firing.
    stage.manager.kill();
    wait_for("Alertmanager is away", || stage.ask(&["alerts"]).1.to_string().contains("no connection").then_some(()));
    let again = now();
    stage.manager.start_again();
    stage.fire(again);
    wait_for("another incident", || (stage.incidents() == 2).then_some(()));
    let (_, timeline) = stage.ask(&["timeline", "show"]);
    let incident = &timeline["incident"];
    let detected = incident["detection"]["at"].as_str().and_then(|at| at.parse::<DateTime<Utc>>().ok());
    assert!(detected.is_some_and(|at| at >= again - TimeDelta::seconds(1)), "its clock is its own: {incident:#}");
    assert!(!timeline["items"].to_string().contains("opens no incident"), "{timeline:#}");
    assert_intact(&stage.path("log"));
}
