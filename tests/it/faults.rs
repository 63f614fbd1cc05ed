//! Faults on real servers: each is made, waited for until it is shown, kept until nothing of its source may be green any
//! more, healed, and waited for until the room has caught up. Somebody looks at the whole board all the while. What was
//! seen is kept in `target/evidence/faults.json` and printed. Times are recorded and never judged.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warroom::board::{AlertRow, RowBody, Topic, Verdict};

use crate::peers::alertmanager::{Pair, QUIET};
use crate::peers::certs::Validity;
use crate::peers::kube::{Cluster, Options};
use crate::peers::proxy::{Fault as Broken, Proxy};
use crate::real_room::rewriter::{Plain, Rewriter};
use crate::real_room::{Config, LONG, RealRoom, Seen, Watcher, evidence, kubeconfig};
use crate::support::{PATIENCE, wait_for, wait_within};

/// A server's clock in the skewed cluster: so many seconds ahead.
const AHEAD: i64 = 120;
/// Data is looked at for so long after it stopped being fresh.
const BEYOND: i64 = 5;

/// What a board says of a fault, once it says it.
type Says<'a> = Box<dyn Fn(&Seen) -> Option<String> + 'a>;

/// One fault.
struct Fault<'a> {
    name: &'static str,
    source: &'static str,
    /// Nothing true can be read of the source meanwhile.
    blinds: bool,
    make: Box<dyn Fn() + 'a>,
    /// What is shown, or that nothing is where nothing may be.
    shown: Says<'a>,
    heal: Box<dyn Fn() + 'a>,
    well: Box<dyn Fn(&Seen) -> bool + 'a>,
    /// What the timeline must hold of it afterwards, in this order.
    entries: &'static [&'static str],
}

/// A source that fell silent and was heard again.
const LOST: &[&str] = &["source.lost", "source.back"];

/// Whether these are among those, in order.
fn in_order(wanted: &[&str], found: &[String]) -> bool {
    let mut found = found.iter();
    wanted.iter().all(|wanted| found.any(|it| it == wanted))
}

/// The servers and the room.
struct Stage {
    primary: Cluster,
    dr: Cluster,
    third: Cluster,
    pair: Pair,
    proxies: BTreeMap<&'static str, Proxy>,
    _plain: Plain,
    skewed: Rewriter,
    brief: Rewriter,
    token: PathBuf,
    room: RealRoom,
    watcher: Watcher,
    /// The board before any fault.
    calm: Seen,
    table: RefCell<Vec<Value>>,
}

impl Stage {
    fn set() -> Option<Self> {
        let primary = Cluster::start(Options::default().named("primary"))?;
        let dr = Cluster::start(Options::default().named("dr"))?;
        let third = Cluster::start(Options::default().named("third"))?;
        let pair = Pair::start(QUIET)?;
        let plain = Plain::start(&third, third.folder())?;
        let (skewed, brief) = (Rewriter::start(plain.port), Rewriter::start(plain.port));
        let proxies: BTreeMap<&'static str, Proxy> =
            ["late", "cut", "short", "stalled"].into_iter().map(|name| (name, Proxy::start(third.port))).collect();
        dr.allow_reading("reader");
        let mut config = Config::new("faults");
        let token = config.home().join("reader.token");
        std::fs::write(&token, dr.token("reader")).expect("written");
        let admin = |of: &Cluster| json!({ "token": of.token("admin") });
        config.cluster("primary", "primary", &kubeconfig(&primary, &primary.url, &admin(&primary)), "");
        config.cluster("dr", "dr", &kubeconfig(&dr, &dr.url, &json!({ "tokenFile": token })), "");
        for (name, proxy) in &proxies {
            config.cluster(name, "other", &kubeconfig(&third, &proxy.url("https"), &admin(&third)), "");
        }
        config.cluster("skewed", "other", &kubeconfig(&third, &skewed.url(), &json!({})), "");
        config.cluster("brief", "other", &kubeconfig(&third, &brief.url(), &json!({})), "");
        config.pair(&pair);
        [&primary, &dr, &third].into_iter().for_each(ready_node);
        let room = config.open();
        let watcher = room.watch();
        let calm = watcher.until("every source well, every cluster green", |seen| {
            let well = |topic: Topic, count: usize| {
                let rows = seen.rows(topic);
                rows.len() == count && rows.iter().all(|row| !row.stale && row.verdict <= Verdict::Info)
            };
            let heard = seen.rows(Topic::Sources).iter().all(|row| seen.is_well(&row.id));
            (heard && well(Topic::Sources, 10) && well(Topic::Clusters, 8)).then(|| seen.clone())
        });
        let table = RefCell::default();
        Some(Self {
            primary,
            dr,
            third,
            pair,
            proxies,
            _plain: plain,
            skewed,
            brief,
            token,
            room,
            watcher,
            calm,
            table,
        })
    }

    /// What a cluster's own row says, once it is not well.
    fn cluster_says<'a>(&'a self, name: &'static str, part: &'static str) -> Says<'a> {
        Box::new(move |seen| {
            let row = seen.row(Topic::Clusters, name)?;
            let trouble = seen.trouble(&format!("kubernetes/{name}")).unwrap_or_default();
            let words = if row.why.as_str().contains(part) { row.why.to_string() } else { trouble };
            (!self.is_calm(seen, name) && words.contains(part))
                .then(|| format!("Clusters {}: {words}", row.verdict.name()))
        })
    }

    fn cluster_well<'a>(&'a self, name: &'static str) -> Box<dyn Fn(&Seen) -> bool + 'a> {
        Box::new(move |seen| self.is_calm(seen, name))
    }

    /// Whether a cluster says what it said before any fault.
    fn is_calm(&self, seen: &Seen, name: &str) -> bool {
        let says = |seen: &Seen| seen.row(Topic::Clusters, name).map(|row| (row.verdict, row.stale, row.why.clone()));
        seen.is_well(&format!("kubernetes/{name}")) && says(seen) == says(&self.calm)
    }

    /// Makes these faults, which are of different sources, at once; and records each.
    fn run(&self, faults: Vec<Fault<'_>>) {
        let before = self.room.edges().len();
        let mut made = Vec::new();
        for fault in &faults {
            (fault.make)();
            if fault.blinds {
                self.watcher.goes_dark(fault.source);
            }
            made.push(Instant::now());
        }
        let mut shown: Vec<Option<(String, Duration)>> = vec![None; faults.len()];
        let fresh = |fault: &Fault<'_>| {
            let source = fault.source.parse().expect("a source");
            Duration::from_secs((self.watcher.seen().fresh_for(&source).unwrap_or(30) + BEYOND).unsigned_abs())
        };
        let lasts: Vec<Duration> = faults.iter().map(fresh).collect();
        let all = wait_within(LONG, || {
            let seen = self.watcher.seen();
            for (n, fault) in faults.iter().enumerate().filter(|(n, _)| made[*n].elapsed() > Duration::from_millis(300))
            {
                if shown[n].is_none() {
                    shown[n] = (fault.shown)(&seen).map(|words| (words, made[n].elapsed()));
                }
            }
            let over = made.iter().zip(&lasts).all(|(made, lasts)| made.elapsed() > *lasts);
            (over && shown.iter().all(Option::is_some)).then_some(())
        });
        // In JSON, as a script sees it: what is dark is said in `trouble`.
        let (_, status) = self.room.ask(&["status"]);
        let said = |fault: &Fault<'_>| status["trouble"].to_string().contains(&format!("\"{}\"", fault.source));
        let in_json: Vec<bool> = faults.iter().map(|fault| !fault.blinds || said(fault)).collect();
        if all.is_none() {
            println!("not everything was shown; the sources: {:#?}", self.watcher.seen().rows(Topic::Sources));
        }
        for (n, fault) in faults.iter().enumerate() {
            self.watcher.is_back(fault.source);
            (fault.heal)();
            made[n] = Instant::now();
        }
        let mut caught: Vec<Option<Duration>> = vec![None; faults.len()];
        wait_within(LONG, || {
            let seen = self.watcher.seen();
            for (n, fault) in faults.iter().enumerate().filter(|(n, _)| made[*n].elapsed() > Duration::from_millis(300))
            {
                if caught[n].is_none() && (fault.well)(&seen) {
                    caught[n] = Some(made[n].elapsed());
                }
            }
            caught.iter().all(Option::is_some).then_some(())
        });
        // What is on the screen is in the timeline a moment later.
        let told = |fault: &Fault<'_>, edges: &[Value]| -> Vec<String> {
            let of = edges[before..].iter().filter(|edge| edge["source"] == fault.source);
            of.filter_map(|edge| edge["edge"].as_str().map(str::to_owned)).collect()
        };
        wait_within(PATIENCE, || {
            let edges = self.room.edges();
            faults.iter().all(|fault| in_order(fault.entries, &told(fault, &edges))).then_some(())
        });
        let edges = self.room.edges();
        let names = faults.iter().map(|fault| fault.name).collect::<Vec<_>>().join(", ");
        println!("made and healed: {names}");
        for (n, fault) in faults.iter().enumerate() {
            let entries = told(fault, &edges);
            let violations = self.watcher.violations(fault.source);
            for line in violations.iter().take(5) {
                println!("{}: {line}", fault.name);
            }
            let seconds = |time: Duration| (time.as_secs_f64() * 10.0).round() / 10.0;
            let written = in_order(fault.entries, &entries);
            if !written {
                println!("{}: the timeline must hold {:?}, and has {entries:?}", fault.name, fault.entries);
            }
            let ok = shown[n].is_some() && caught[n].is_some() && violations.is_empty() && in_json[n] && written;
            self.table.borrow_mut().push(json!({
                "fault": fault.name, "source": fault.source,
                "shown": shown[n].as_ref().map(|it| it.0.clone()), "after_s": shown[n].as_ref().map(|it| seconds(it.1)),
                "in_json": in_json[n], "entries": entries, "catch_up_s": caught[n].map(seconds),
                "green_while_stale": violations.len(), "ok": ok,
            }));
        }
    }

    /// Keeps and prints the table; fails if a fault was not shown, not overcome, or hidden behind green.
    fn tell(&self) {
        let table = self.table.borrow();
        let text = serde_json::to_string_pretty(&*table).expect("JSON");
        std::fs::write(evidence("faults.json"), text).expect("kept");
        println!("{:<34} {:>6} {:>6} {:>5}  {:<52} entries", "fault", "after", "back", "green", "shown");
        for row in table.iter() {
            let word = |key: &str| row[key].as_str().unwrap_or("NOT SHOWN").chars().take(52).collect::<String>();
            let number = |key: &str| row[key].as_f64().map_or("never".to_owned(), |it| format!("{it:.1}"));
            let entries = row["entries"].as_array().into_iter().flatten().filter_map(Value::as_str);
            println!(
                "{:<34} {:>6} {:>6} {:>5}  {:<52} {}",
                word("fault"),
                number("after_s"),
                number("catch_up_s"),
                row["green_while_stale"],
                word("shown"),
                entries.collect::<Vec<_>>().join(" "),
            );
        }
        println!("{} looks at the whole board", self.watcher.looks());
        let bad: Vec<&Value> = table.iter().filter(|row| row["ok"] != true).collect();
        assert!(bad.is_empty(), "{bad:#?}");
    }
}

/// A node that is ready, so that the cluster is green.
fn ready_node(of: &Cluster) {
    of.must("POST", "/api/v1/nodes", Some(&json!({ "metadata": { "name": "n1" } })));
    let status =
        json!({ "status": { "conditions": [{ "type": "Ready", "status": "True", "reason": "KubeletReady" }] } });
    of.must("PATCH", "/api/v1/nodes/n1/status", Some(&status));
    // A server that has no node ready taints each that is made, and here nobody lifts it.
    of.must("PATCH", "/api/v1/nodes/n1", Some(&json!({ "spec": { "taints": null } })));
}

fn source_says(source: &'static str, part: &'static str) -> Says<'static> {
    Box::new(move |seen| {
        let words = seen.trouble(source)?;
        let verdict = seen.row(Topic::Sources, source)?.verdict;
        words.contains(part).then(|| format!("Sources {}: {words}", verdict.name()))
    })
}

fn source_well(source: &'static str) -> Box<dyn Fn(&Seen) -> bool> {
    Box::new(move |seen| seen.is_well(source))
}

fn held_by(seen: &Seen, name: &str) -> Option<(String, usize, String)> {
    seen.rows(Topic::Alerts).iter().find_map(|row| match &row.body {
        RowBody::Alert(AlertRow { alert, held_by, .. }) if alert.name.as_str() == name => {
            Some((alert.state.as_str().to_owned(), held_by.len(), row.why.to_string()))
        }
        _ => None,
    })
}

#[test]
fn every_fault_is_shown_and_overcome_and_nothing_stale_is_green() {
    let Some(stage) = Stage::set() else { return };
    let s = &stage;
    let alert = |name: &str| json!([{ "labels": { "alertname": name, "severity": "warning" }, "endsAt": "2099-01-01T00:00:00Z" }]);
    s.pair.one.post_alerts(&alert("HeldByOne"));
    s.pair.two.post_alerts(&alert("HeldByTwo"));
    let well_proxied = |name: &'static str, fault: &'static str, broken: Broken, entries| Fault {
        name: fault,
        source: Box::leak(format!("kubernetes/{name}").into_boxed_str()),
        blinds: true,
        make: Box::new(move || s.proxies[name].set(broken)),
        shown: s.cluster_says(name, ""),
        heal: Box::new(move || s.proxies[name].set(Broken::Pass)),
        well: s.cluster_well(name),
        entries,
    };
    let written = RefCell::new(0_u32);
    let event = |n: u32| {
        let body = json!({
            "apiVersion": "v1", "kind": "Event", "metadata": { "name": format!("tick.{n}"), "namespace": "default" },
            "involvedObject": { "kind": "Pod", "namespace": "default", "name": format!("tick-{n}") },
            "reason": "Tick", "message": "a watch that closes loses nothing", "type": "Normal",
            "lastTimestamp": warroom::clock::Clock::real().now(), "firstTimestamp": warroom::clock::Clock::real().now(),
        });
        s.third.must("POST", "/api/v1/namespaces/default/events", Some(&body));
    };
    s.run(vec![
        Fault {
            name: "etcd stopped",
            source: "kubernetes/primary",
            blinds: false,
            make: Box::new(|| s.primary.etcd().pause()),
            shown: s.cluster_says("primary", "etcd"),
            heal: Box::new(|| s.primary.etcd().resume()),
            well: s.cluster_well("primary"),
            entries: &["control_plane.failing", "control_plane.ok"],
        },
        Fault {
            name: "token revoked, replaced in its file",
            source: "kubernetes/dr",
            blinds: true,
            make: Box::new(|| {
                s.dr.set_token("reader", "another-token");
                s.dr.api().restart();
            }),
            shown: s.cluster_says("dr", "401"),
            heal: Box::new(|| std::fs::write(&s.token, "another-token").expect("written")),
            well: s.cluster_well("dr"),
            entries: LOST,
        },
        well_proxied("late", "answers 2 s late each way", Broken::Delay(Duration::from_secs(2)), &[]),
        well_proxied("cut", "connections cut", Broken::Cut, LOST),
        well_proxied("short", "answers cut short", Broken::Truncate(2_500), LOST),
        well_proxied("stalled", "connections stall", Broken::Stall, LOST),
        Fault {
            name: "the server's clock 2 min ahead",
            source: "kubernetes/skewed",
            blinds: false,
            make: Box::new(|| s.skewed.shift(AHEAD)),
            shown: Box::new(|seen| {
                let row = seen.row(Topic::Clusters, "skewed")?;
                row.why
                    .as_str()
                    .contains("2 min ahead of ours")
                    .then(|| format!("Clusters {}: {}", row.verdict.name(), row.why))
            }),
            heal: Box::new(|| s.skewed.shift(0)),
            well: Box::new(|seen| {
                let quiet = seen.row(Topic::Clusters, "skewed").is_some_and(|row| !row.why.as_str().contains("ahead"));
                quiet && seen.is_well("kubernetes/skewed")
            }),
            entries: &[],
        },
        Fault {
            name: "watches closed every 10 s",
            source: "kubernetes/brief",
            blinds: false,
            make: Box::new(|| s.brief.brief(true)),
            // Nothing must show: what was written all the while is there, without any trouble.
            shown: Box::new(|seen| {
                let next = *written.borrow() + 1;
                *written.borrow_mut() = next;
                if next <= 100 {
                    event(next);
                }
                assert!(seen.is_well("kubernetes/brief"), "trouble: {:?}", seen.trouble("kubernetes/brief"));
                let ticks = seen.rows(Topic::Events).iter().filter(|row| {
                    row.source.instance == "brief"
                        && matches!(&row.body, RowBody::Event(it) if it.reason.as_str() == "Tick")
                });
                let closed = s.brief.changed();
                let all = ticks.count() == 100 && closed > 8;
                all.then(|| format!("no trouble; 100 of 100 events, {closed} watches of 10 s"))
            }),
            heal: Box::new(|| s.brief.brief(false)),
            well: s.cluster_well("brief"),
            entries: &[],
        },
        Fault {
            name: "one Alertmanager gone",
            source: "alertmanager/am-2",
            blinds: true,
            make: Box::new(|| s.pair.two.kill()),
            shown: source_says("alertmanager/am-2", "no connection"),
            heal: Box::new(|| s.pair.two.start_again()),
            well: source_well("alertmanager/am-2"),
            entries: LOST,
        },
    ]);
    second(s, &alert);
    third(s);
    stage.tell();
    let mut stage = stage;
    stage.room.assert_sound();
}

fn second(s: &Stage, alert: &dyn Fn(&str) -> Value) {
    s.pair.two.post_alerts(&alert("HeldByTwo"));
    s.watcher.until("the second's alert", |seen| held_by(seen, "HeldByTwo").filter(|it| it.0 == "active").map(|_| ()));
    s.run(vec![
        Fault {
            name: "API server killed, started again",
            source: "kubernetes/primary",
            blinds: true,
            make: Box::new(|| s.primary.api().kill()),
            shown: s.cluster_says("primary", "not reached"),
            heal: Box::new(|| s.primary.api().restart()),
            well: s.cluster_well("primary"),
            entries: LOST,
        },
        Fault {
            name: "serving certificate expired",
            source: "kubernetes/dr",
            blinds: true,
            make: Box::new(|| s.dr.api().serve_with(Validity::Expired)),
            shown: s.cluster_says("dr", "certificate ran out"),
            heal: Box::new(|| s.dr.api().serve_with(Validity::Now)),
            well: s.cluster_well("dr"),
            entries: LOST,
        },
        Fault {
            name: "one Alertmanager restarted empty",
            source: "alertmanager/am-2",
            blinds: false,
            make: Box::new(|| s.pair.two.start_empty()),
            shown: Box::new(|seen| {
                let (state, _, why) = held_by(seen, "HeldByTwo")?;
                (state == "gone").then(|| format!("Alerts: {why}"))
            }),
            heal: Box::new(|| s.pair.two.post_alerts(&alert("HeldByTwo"))),
            well: Box::new(|seen| {
                held_by(seen, "HeldByTwo").is_some_and(|it| it.0 == "active") && seen.is_well("alertmanager/am-2")
            }),
            entries: &["alert.gone", "alert.firing"],
        },
    ]);
}

fn third(s: &Stage) {
    let settle = "--cluster.gossip-interval=4s";
    let flow = "/apis/flowcontrol.apiserver.k8s.io/v1";
    s.run(vec![
        Fault {
            name: "429 for everything",
            source: "kubernetes/dr",
            blinds: false,
            make: Box::new(|| close_the_level(&s.dr)),
            shown: s.cluster_says("dr", "429"),
            heal: Box::new(|| {
                s.dr.must("DELETE", &format!("{flow}/flowschemas/closed"), None);
            }),
            well: s.cluster_well("dr"),
            entries: &[],
        },
        Fault {
            name: "one Alertmanager settling",
            source: "alertmanager/am-2",
            blinds: false,
            make: Box::new(|| {
                s.pair.two.kill();
                let args = s.pair.two.server().args();
                s.pair.two.server().set_args(args.into_iter().chain([settle.into()]));
                s.pair.two.server().start();
                wait_for("it answers", || {
                    crate::peers::http::answers(&format!("{}/api/v2/status", s.pair.two.url)).then_some(())
                });
            }),
            shown: source_says("alertmanager/am-2", "settling"),
            heal: Box::new(|| {
                s.pair.two.kill();
                let args = s.pair.two.server().args();
                s.pair.two.server().set_args(args.into_iter().filter(|arg| arg != settle));
                s.pair.two.start_again();
            }),
            well: source_well("alertmanager/am-2"),
            entries: &[],
        },
    ]);
}

/// A priority level without a seat, and every request of the reader in it: the API server answers each with 429. Among
/// flows of precedence 2 the name decides, and that of the health endpoints is called `probes`.
fn close_the_level(cluster: &Cluster) {
    let (group, version) = ("/apis/flowcontrol.apiserver.k8s.io/v1", "flowcontrol.apiserver.k8s.io/v1");
    let level = json!({
        "apiVersion": version, "kind": "PriorityLevelConfiguration", "metadata": { "name": "closed" },
        "spec": { "type": "Limited", "limited": {
            "nominalConcurrencyShares": 0, "lendablePercent": 0, "borrowingLimitPercent": 0,
            "limitResponse": { "type": "Reject" },
        } },
    });
    let schema = json!({
        "apiVersion": version, "kind": "FlowSchema", "metadata": { "name": "closed" },
        "spec": {
            "matchingPrecedence": 2, "priorityLevelConfiguration": { "name": "closed" },
            "rules": [{
                "subjects": [{ "kind": "User", "user": { "name": "reader" } }],
                "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": true }],
                "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
            }],
        },
    });
    cluster.client().apply(&format!("{group}/prioritylevelconfigurations/closed"), &level);
    cluster.client().apply(&format!("{group}/flowschemas/closed"), &schema);
}
