//! Silences on a real pair of Alertmanagers, asked for through a real room by real accounts: what the preview showed is what
//! Alertmanager then keeps quiet, a lost answer makes exactly one, and a room that dies under way finds out afterwards.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use chrono::TimeDelta;
use serde_json::{Value, json};
use warroom::clock::Clock;
use warroom::drill::simulator::{SimService, Simulator};

use crate::peers::alertmanager::{One, Pair};
use crate::peers::http::Ask;
use crate::peers::need;
use crate::peers::proxy::{Fault, Proxy};
use crate::stage::{ANA, LEE, STRANGER, accounts, entries, of_kind, put};
use crate::support::{Running, run, run_json, scratch, wait_for, warroom};

const CONFIG: &str = "route: { receiver: pager }\nreceivers: [{ name: pager }]\n\
    inhibit_rules: [{ source_matchers: [alertname=KubeAPIDown], target_matchers: [severity=info], equal: [cluster] }]\n";

const PEOPLE: &str = r#"
[[person]]
id = "ana"
accounts = ["65001"]
roles = ["operator"]
[[person]]
id = "sam"
accounts = ["65002"]
roles = ["operator"]
[[person]]
id = "lee"
accounts = ["65004"]
roles = ["observer"]
"#;

/// The pair, a proxy before its first member, and a room that watches both.
struct Stage {
    home: tempfile::TempDir,
    binary: PathBuf,
    pair: Pair,
    proxy: Proxy,
    room: Option<Running>,
}

/// One alert as Prometheus sends it.
fn alert(name: &str, severity: &str, cluster: &str) -> Value {
    let now = Clock::real().now();
    json!({"labels": {"alertname": name, "severity": severity, "cluster": cluster}, "annotations": {},
        "startsAt": now - TimeDelta::minutes(1), "endsAt": now + TimeDelta::hours(1)})
}

fn is_ready(member: &One) -> bool {
    member.request("GET", "/api/v2/status", None).1["cluster"]["status"] == "ready"
}

impl Stage {
    /// Alerts fire before the room looks; `every` is how often it does.
    fn set(every: &str) -> Option<Self> {
        if !accounts() {
            return None;
        }
        let pair = Pair::start(CONFIG)?;
        let proxy = Proxy::start(pair.one.port);
        wait_for("a settled pair", || (is_ready(&pair.one) && is_ready(&pair.two)).then_some(()));
        let alerts = json!([
            alert("KubeAPIDown", "critical", "primary"),
            alert("DiskSlow", "warning", "primary"),
            alert("DiskFull", "warning", "primary"),
            alert("DiskSlow", "warning", "dr"),
            // An expression wants the whole value: this one is not hit.
            alert("OldDiskSlow", "warning", "primary"),
            alert("PodRestarts", "info", "primary"),
        ]);
        pair.one.post_alerts(&alerts);
        pair.two.post_alerts(&alerts);
        let home = scratch();
        let binary = home.path().join("warroom");
        std::fs::copy(env!("CARGO_BIN_EXE_warroom"), &binary).expect("a copy of the program");
        for folder in ["", "run"] {
            let path = home.path().join(folder);
            std::fs::create_dir_all(&path).expect("a folder");
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        }
        let member = |name: &str, url: &str| {
            format!("[[alertmanager]]\nname = \"{name}\"\nurl = \"{url}\"\nevery = \"{every}\"\n")
        };
        let members = member("am-1", &proxy.url("http")) + &member("am-2", &pair.two.url);
        let text =
            format!("[room]\nname = \"pair\"\npeople = \"people.toml\"\n[policy]\nlevel = \"account\"\n{members}");
        put(&home.path().join("warroom.toml"), &text, 0o644);
        put(&home.path().join("people.toml"), PEOPLE, 0o644);
        let mut stage = Self { home, binary, pair, proxy, room: None };
        stage.open();
        Some(stage)
    }

    fn open(&mut self) {
        let mut serve = warroom(self.home.path());
        serve.arg("serve").arg("--config").arg(self.home.path().join("warroom.toml"));
        serve.arg("--socket").arg(self.home.path().join("run/s")).arg("--state-dir").arg(self.state());
        self.room = Some(Running::start(&mut serve, &self.home.path().join("serve.log")));
        let looks = || self.rows("KubeAPIDown").first().filter(|row| held_by(row) == 2).map(|_| ());
        wait_for("both members heard", looks);
        wait_for("the incident", || (!self.ask(LEE, &["status"]).1["incident"].is_null()).then_some(()));
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn client(&self, uid: u32) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        command.uid(uid).gid(0).stdin(Stdio::null()).arg("--socket").arg(self.home.path().join("run/s"));
        command
    }

    fn ask(&self, uid: u32, words: &[&str]) -> (i32, Value) {
        run_json(self.client(uid).args(words).args(["-o", "json"]))
    }

    /// Rows of an alert's name.
    fn rows(&self, name: &str) -> Vec<Value> {
        let rows = self.ask(LEE, &["alerts"]).1["rows"].as_array().cloned().unwrap_or_default();
        rows.into_iter().filter(|row| row["body"]["alert"]["alert"]["name"] == name).collect()
    }

    fn entries(&self, kind: &str) -> Vec<Value> {
        let all = entries(&self.state());
        of_kind(&all, kind).into_iter().cloned().collect()
    }

    /// What one member says is silenced by this silence.
    fn silenced(member: &One, id: &str) -> BTreeSet<String> {
        let alerts = member.request("GET", "/api/v2/alerts", None).1;
        let by = |alert: &&Value| alert["status"]["silencedBy"].as_array().is_some_and(|by| by.contains(&json!(id)));
        let key = |alert: &Value| alert["fingerprint"].as_str().map(str::to_owned);
        alerts.as_array().into_iter().flatten().filter(by).filter_map(key).collect()
    }
}

fn held_by(row: &Value) -> usize {
    row["body"]["alert"]["held_by"].as_array().map_or(0, Vec::len)
}

fn fingerprints(preview: &Value) -> BTreeSet<String> {
    let hits = preview["hits"].as_array().expect("hits");
    hits.iter().filter_map(|hit| hit["fingerprint"].as_str().map(str::to_owned)).collect()
}

const DISKS: [&str; 7] =
    ["silence", "add", "alertname=~Disk.*", "cluster!=dr", "--for", "1h", "--reason=disks are known"];

#[test]
fn what_was_previewed_is_what_is_kept_quiet_until_it_is_ended() {
    let Some(stage) = Stage::set("1s") else { return };
    let (code, shown) = stage.ask(ANA, &DISKS);
    let preview = &shown["preview"];
    assert_eq!((code, &preview["total"], &preview["critical"]), (6, &json!(2), &json!(0)), "{shown:#}");
    assert!(stage.pair.one.silences().is_empty(), "a preview asks nobody for anything");

    let (code, done) = stage.ask(ANA, &[&DISKS[..], &["--yes"]].concat());
    assert_eq!((code, &done["outcome"]), (0, &json!("done")), "{done:#}");
    let id = done["silence"].as_str().expect("an id").to_owned();
    for member in [&stage.pair.one, &stage.pair.two] {
        wait_for("the silence on both members", || {
            (Stage::silenced(member, &id) == fingerprints(preview)).then_some(())
        });
        assert_eq!(member.silences().len(), 1);
    }
    let held = &stage.pair.one.silences()[0];
    let begun = &stage.entries("silence_begun")[0];
    let request = begun["d"]["request"].as_str().expect("a request");
    let comment = held["comment"].as_str().expect("a comment");
    assert_eq!(held["createdBy"], "ana", "{held:#}");
    assert!(comment.starts_with("INC-") && comment.ends_with(&format!("(warroom/{request})")), "{comment}");
    assert_eq!((&begun["by"]["p"], &begun["d"]["hits"]), (&json!("ana"), &json!(2)), "{begun:#}");
    let ended = &stage.entries("silence_ended")[0];
    assert_eq!((&ended["d"]["silence"], &ended["d"]["outcome"]), (&json!(id), &json!("done")), "{ended:#}");

    if need("amtool").is_some() {
        let mut amtool = Command::new("amtool");
        amtool.arg(format!("--alertmanager.url={}", stage.pair.two.url)).args(["silence", "query", "-o", "json"]);
        let (code, said, _) = run(amtool.stdin(Stdio::null()));
        assert!(code == 0 && said.contains(&id) && said.contains("disks are known"), "{said}");
    }
    wait_for("the row says who", || {
        let rows = stage.rows("DiskFull");
        rows[0]["why"].as_str().is_some_and(|why| why.contains("silenced by ana until")).then_some(())
    });
    let rows = stage.rows("PodRestarts");
    assert!(
        rows[0]["why"].as_str().is_some_and(|why| why.contains("inhibited by KubeAPIDown on primary")),
        "{rows:#?}"
    );
    let (_, listed) = stage.ask(LEE, &["silence", "list"]);
    let row = &listed["rows"][0]["body"]["silence"];
    assert_eq!((&row["silence"]["id"], &row["hits"]), (&json!(id), &json!(2)), "{listed:#}");

    refusals(&stage);
    the_end_of_it(&stage, &id);
    an_empty_member_settles(&stage, &done);
}

fn refusals(stage: &Stage) {
    let before = stage.pair.one.silences().len();
    let refused = |uid: u32, words: &[&str], word: &str| {
        let (code, said) = stage.ask(uid, words);
        assert_eq!((code, said["refused"].as_str()), (6, Some(word)), "{words:?}: {said:#}");
    };
    let yes = [&DISKS[..], &["--yes"]].concat();
    refused(LEE, &yes, "not_operator");
    refused(STRANGER, &yes, "unmapped");
    refused(ANA, &[&["--readonly"], &yes[..]].concat(), "read_only");
    let critical = ["silence", "add", "alertname=KubeAPIDown", "--for", "10m", "--reason", "x", "--yes"];
    refused(ANA, &critical, "name_mismatch");
    refused(ANA, &["silence", "add", "alertname=~.*", "--for", "10m", "--reason", "x"], "bad_request");
    refused(ANA, &["silence", "add", "alertname=~(", "--for", "10m", "--reason", "x"], "bad_request");
    refused(ANA, &["silence", "add", "alertname=X", "--for", "25h", "--reason", "x"], "bad_request");
    refused(ANA, &["silence", "add", "alertname=X", "--for", "1h", "--reason", " "], "bad_request");
    let other = format!("sha256:{}", "0".repeat(64));
    refused(ANA, &[&yes[..], &["--digest", &other]].concat(), "drift");
    refused(ANA, &["silence", "expire", "00000000-0000-0000-0000-000000000000"], "bad_request");
    assert_eq!(stage.pair.one.silences().len(), before, "nothing that was refused reached anyone");
    // Everything, said so and typed, is possible.
    let all = ["silence", "add", "severity=~.+", "--for", "10m", "--reason", "a test"];
    let (_, shown) = stage.ask(ANA, &all);
    assert_eq!((&shown["preview"]["grave"], &shown["preview"]["confirm"]), (&json!(true), &json!("everything")));
}

fn the_end_of_it(stage: &Stage, id: &str) {
    let (code, shown) = stage.ask(ANA, &["silence", "expire", &id[..8]]);
    assert_eq!((code, &shown["preview"]["total"]), (6, &json!(2)), "{shown:#}");
    let (code, done) = stage.ask(ANA, &["silence", "expire", id, "--yes"]);
    assert_eq!((code, &done["outcome"]), (0, &json!("done")), "{done:#}");
    for member in [&stage.pair.one, &stage.pair.two] {
        wait_for("nobody is silenced", || Stage::silenced(member, id).is_empty().then_some(()));
        assert_eq!(member.silences()[0]["status"]["state"], "expired");
    }
    wait_for("the row is loud again", || {
        (stage.rows("DiskFull")[0]["body"]["alert"]["alert"]["state"] == "active").then_some(())
    });
    wait_for("it is known to have ended", || {
        let (code, said) = stage.ask(ANA, &["silence", "expire", id, "--yes"]);
        (code == 6 && said["why"].as_str().is_some_and(|why| why.contains("ended already"))).then_some(())
    });
}

fn an_empty_member_settles(stage: &Stage, done: &Value) {
    stage.pair.two.start_empty();
    let mut settling = false;
    wait_for("the empty member has settled", || {
        let (_, shown) = stage.ask(LEE, &["alerts"]);
        let trouble = shown["trouble"].to_string();
        settling |= trouble.contains("settling");
        let ready = is_ready(&stage.pair.two) && shown["trouble"].as_array().is_some_and(Vec::is_empty);
        ready.then_some(())
    });
    assert!(settling, "a member that settles says so");
    // Alerts are not gossiped, silences are.
    let id = done["silence"].as_str().expect("an id");
    wait_for("gossip brings the silence back", || {
        stage.pair.two.silences().iter().any(|it| it["id"] == id).then_some(())
    });
    wait_for("the first alone holds it", || {
        let rows = stage.rows("DiskFull");
        (held_by(&rows[0]) == 1 && rows[0]["body"]["alert"]["alert"]["state"] == "active").then_some(())
    });
    let edges = stage.entries("edge").into_iter().filter(|it| it["d"]["subject"] == "DiskFull");
    let edges: Vec<String> = edges.filter_map(|it| it["d"]["edge"].as_str().map(str::to_owned)).collect();
    assert!(!edges.iter().any(|edge| edge == "alert.resolved" || edge == "alert.gone"), "{edges:?}");
}

/// Polls are rare here, so that the fault meets the write.
#[test]
fn a_lost_answer_makes_exactly_one_silence_and_a_dead_room_finds_it() {
    let Some(mut stage) = Stage::set("20s") else { return };
    let add = |stage: &Stage, name: &str| {
        let mut command = stage.client(ANA);
        let matcher = format!("alertname={name}");
        command.args(["silence", "add", &matcher, "--for", "1h", "--reason", "x", "--yes", "-o", "json"]);
        std::thread::spawn(move || run_json(&mut command))
    };
    // The answer is cut off after the request has passed.
    stage.proxy.set(Fault::Truncate(0));
    let asked = add(&stage, "DiskFull");
    wait_for("the silence is taken", || (stage.pair.one.silences().len() == 1).then_some(()));
    stage.proxy.set(Fault::Pass);
    let (code, done) = asked.join().expect("the command ends");
    assert_eq!((code, &done["outcome"]), (0, &json!("done")), "{done:#}");
    assert!(done["says"].as_str().is_some_and(|says| says.contains("looked")), "{done:#}");
    let held = stage.pair.one.silences();
    assert_eq!((held.len(), &held[0]["id"]), (1, &done["silence"]), "{held:#?}");

    // Nobody answers at all: provably nothing happened, and that is what is said.
    stage.proxy.set(Fault::Refuse);
    let (code, failed) = add(&stage, "DiskSlow").join().expect("the command ends");
    assert_eq!((code, &failed["outcome"]), (1, &json!("failed")), "{failed:#}");
    stage.proxy.set(Fault::Pass);
    assert_eq!(stage.pair.one.silences().len(), 1);

    // The room dies between intent and outcome; the request arrives after all.
    let heard = || stage.ask(LEE, &["alerts"]).1["trouble"].as_array().is_some_and(Vec::is_empty);
    wait_for("both members heard again", || heard().then_some(()));
    stage.proxy.set(Fault::Stall);
    let asked = add(&stage, "DiskSlow");
    wait_for("the third intent is durable", || (stage.entries("silence_begun").len() == 3).then_some(()));
    stage.room.take().expect("a room").kill();
    let _ = asked.join();
    stage.proxy.set(Fault::Pass);
    stage.open();
    let ended = wait_for("the third is settled", || stage.entries("silence_ended").get(2).cloned());
    let held = stage.pair.one.silences();
    let third = stage.entries("silence_begun")[2]["d"]["request"].as_str().expect("a request").to_owned();
    let taken: Vec<&Value> =
        held.iter().filter(|it| it["comment"].as_str().is_some_and(|text| text.contains(&third))).collect();
    match &ended["d"]["outcome"] {
        outcome if outcome == "done" => assert_eq!((taken.len(), &taken[0]["id"]), (1, &ended["d"]["silence"])),
        outcome => assert_eq!((outcome, taken.len()), (&json!("failed"), 0), "{held:#?}"),
    }
}

/// One conversation about silences, and what is the same whoever answers: statuses, and what the list then says.
fn conversation(url: &str) -> Vec<String> {
    let now = Clock::real().now();
    let ask = |method: &str, path: &str, body: Option<&Value>| {
        let ask = Ask::new(method, format!("{url}/api/v2/{path}"));
        let answer = if let Some(body) = body { ask.json(body) } else { ask }.send().expect("an answer");
        (answer.status, answer.json())
    };
    let matcher =
        |value: &str, regex: bool| json!({"name": "alertname", "value": value, "isRegex": regex, "isEqual": true});
    let silence = |matchers: Value, from: i64, to: i64| {
        json!({"matchers": matchers, "startsAt": now + TimeDelta::minutes(from), "endsAt": now + TimeDelta::minutes(to),
            "createdBy": "ana", "comment": "x"})
    };
    let mut said = Vec::new();
    let mut say = |what: &str, (status, body): (u16, Value)| {
        said.push(format!("{what}: {status} {}", body.get("silenceID").is_some()));
        body["silenceID"].as_str().unwrap_or_default().to_owned()
    };
    let good = silence(json!([matcher("A", false)]), -5, 60);
    let first = say("create", ask("POST", "silences", Some(&good)));
    let second = say("create again: no idempotence", ask("POST", "silences", Some(&good)));
    let mut changed = ask("GET", &format!("silence/{first}"), None).1;
    changed["endsAt"] = json!(now + TimeDelta::minutes(90));
    let kept = say("a longer one keeps its id", ask("POST", "silences", Some(&changed)));
    changed["matchers"] = json!([matcher("B|C", true)]);
    let moved = say("another matcher gives a new id", ask("POST", "silences", Some(&changed)));
    say("to come", ask("POST", "silences", Some(&silence(json!([matcher("D", false)]), 30, 60))));
    for (what, bad) in [
        ("no matcher", silence(json!([]), -5, 60)),
        ("all match the empty value", silence(json!([matcher(".*", true)]), -5, 60)),
        ("no expression", silence(json!([matcher("(", true)]), -5, 60)),
        ("it has ended", silence(json!([matcher("A", false)]), -9, -5)),
        ("nothing", json!({})),
    ] {
        say(what, ask("POST", "silences", Some(&bad)));
    }
    say("end", ask("DELETE", &format!("silence/{second}"), None));
    say("end it again", ask("DELETE", &format!("silence/{second}"), None));
    let unknown = ask("DELETE", "silence/00000000-0000-4000-8000-000000000000", None).0;
    said.push(format!("unknown id is an error: {}", unknown == 404 || unknown == 500));
    said.push(format!("same id {} · new id {}", kept == first, moved != first));
    let list = ask("GET", "silences", None).1;
    let mut states: Vec<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .map(|it| {
            let member = |name: &str| it.get(name).is_some();
            let whole = ["id", "createdBy", "comment", "startsAt", "endsAt", "updatedAt"].into_iter().all(member);
            format!("{} {} {whole}", it["status"]["state"], it["matchers"])
        })
        .collect();
    states.sort();
    said.extend(states);
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worlds_silences_are_those_of_the_real_thing() {
    let Some(real) = tokio::task::block_in_place(|| One::start(crate::peers::alertmanager::QUIET)) else { return };
    let story = crate::stage::Stage::story();
    let world = Simulator::start(story, 7, Clock::real()).await.expect("the world starts");
    let simulated = world.url(SimService::Alertmanager2);
    let (ours, theirs) = tokio::task::block_in_place(|| (conversation(&simulated), conversation(&real.url)));
    assert_eq!(ours, theirs);
}
