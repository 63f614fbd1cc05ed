//! Error budgets by a real Prometheus: a month that was filled in before, against figures computed by hand; a service that is
//! not there, is well, fails and goes away; questions that the server refuses, data that is partial, the server gone and back.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use warroom::clock::Clock;
use warroom::config::{self, LoadOptions};
use warroom::model::facts::{AlertRule, Fact};
use warroom::model::{Observation, SourceChange};
use warroom::systems::{self, Ctx};

use crate::peers::prometheus::{Prometheus, Setup};
use crate::support::{Running, free_port, run_json, scratch, wait_for, warroom};

const DAY: i64 = 86_400;
const SHOP: &str = "errors = 'req_total{job=\"shop\",code=~\"5..\"}'\ntotal = 'req_total{job=\"shop\"}'\n";

/// A room that reads error budgets from one Prometheus.
struct Room {
    home: tempfile::TempDir,
    _serve: Running,
}

fn file(home: &Path, url: &str, slos: &[(&str, &str)]) -> PathBuf {
    let mut text = "[room]\nname = \"budgets\"\n".to_owned();
    for side in ["primary", "dr"] {
        let _ = write!(text, "[[cluster]]\nname = \"{side}\"\nrole = \"{side}\"\nkubeconfig = \"none\"\n");
    }
    let _ = write!(text, "[[prometheus]]\nname = \"prom\"\nurl = \"{url}\"\nevery = \"1s\"\nevery_long = \"1s\"\n");
    for (service, figures) in slos {
        let _ = write!(text, "[[service]]\nname = \"{service}\"\ntier = \"critical\"\nstrategy = \"cold\"\n");
        let _ = write!(text, "[[slo]]\nservice = \"{service}\"\nobjective = 99.9\n{figures}");
    }
    let path = home.join("warroom.toml");
    std::fs::write(&path, text).expect("written");
    path
}

impl Room {
    fn open(url: &str, slos: &[(&str, &str)]) -> Self {
        let home = scratch();
        let config = file(home.path(), url, slos);
        let mut serve = warroom(home.path());
        serve.arg("serve").arg("--config").arg(&config).arg("--socket").arg(home.path().join("s"));
        let serve =
            Running::start(serve.arg("--state-dir").arg(home.path().join("log")), &home.path().join("serve.log"));
        Self { home, _serve: serve }
    }

    /// The row of a service's budget.
    fn row(&self, service: &str) -> Option<Value> {
        let mut slo = warroom(self.home.path());
        slo.arg("--socket").arg(self.home.path().join("s")).args(["slo", "-o", "json"]);
        let (_, shown) = run_json(&mut slo);
        let rows = shown["rows"].as_array()?;
        rows.iter().find(|row| row["body"]["slo"]["service"] == service).cloned()
    }

    /// Waits for a row of which something is true.
    fn until(&self, service: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = crate::support::wait_within(crate::support::PATIENCE, || {
            last = self.row(service)?;
            is(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{what}: never; last {last:#}"))
    }
}

fn state(row: &Value) -> &str {
    row["body"]["slo"]["state"].as_str().unwrap_or_default()
}

fn number(row: &Value, name: &str) -> f64 {
    row["body"]["slo"][name].as_f64().unwrap_or_else(|| panic!("no {name}: {row:#}"))
}

fn why(row: &Value) -> &str {
    row["why"].as_str().unwrap_or_default()
}

fn near(found: f64, expected: f64, by: f64, what: &str) {
    assert!((found - expected).abs() <= by, "{what} is {found}, computed {expected}");
}

/// Forty days of one request a second, sampled every two minutes. Ten days ago half of them failed for 720 s; in the last
/// six hours 0.7 % do.
fn month(now: i64) -> String {
    let mut text = "# TYPE req counter\n".to_owned();
    let (from, outage, late) = (now - 40 * DAY, now - 10 * DAY, now - 6 * 3_600);
    let errors = |at: i64| 0.5 * (at - outage).clamp(0, 720) as f64 + 0.007 * (at - late).max(0) as f64;
    for (code, count) in
        [("200", &(|at: i64| (at - from) as f64 - errors(at)) as &dyn Fn(i64) -> f64), ("503", &errors)]
    {
        let mut at = from;
        while at <= now {
            let _ = writeln!(text, "req_total{{job=\"shop\",code=\"{code}\"}} {:.3} {at}", count(at));
            at += 120;
        }
    }
    text.push_str("# EOF\n");
    text
}

#[test]
fn a_month_of_known_errors_gives_the_figures_computed_by_hand() {
    let Some(prometheus) = Prometheus::start(&Setup::default()) else { return };
    let Some(promtool) = crate::peers::need("promtool") else { return };
    let server = prometheus.server();
    server.terminate();
    let scratch = scratch();
    let input = scratch.path().join("month.txt");
    std::fs::write(&input, month(Clock::real().now().timestamp())).expect("written");
    let mut fill = Command::new(promtool);
    fill.args(["tsdb", "create-blocks-from", "openmetrics"]).arg(&input).arg(prometheus.data());
    let out = fill.output().expect("promtool runs");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let plain = server.args();
    let mut args = plain.clone();
    args.push("--storage.tsdb.retention.time=90d".into());
    server.set_args(args);
    prometheus.start_again();

    let room = Room::open(&prometheus.url, &[("shop", SHOP)]);
    let row =
        room.until("shop", "a budget", |row| state(row) != "unknown" && row["body"]["slo"]["left_min"].is_number());
    // 0.5 × 720 s and 0.007 × 6 h are 360 and 151.2 errors of 2 592 000 requests: 19.72 % of the budget of 2592.
    let left = 1.0 - (360.0 + 151.2) / 2_592.0;
    near(number(&row, "left_percent"), left * 100.0, 0.3, "percent left");
    near(number(&row, "left_min"), left * 43.2, 0.15, "minutes left");
    assert_eq!(number(&row, "budget_min"), 43.2);
    assert_eq!(row["body"]["slo"]["reach_s"], 30 * DAY, "{row:#}");
    // 0.7 % is 7 times 0.1 %: below 14.4 over 1 h and 5 min, above 6 over 6 h and 30 min.
    assert_eq!((state(&row), row["verdict"].as_str()), ("page", Some("critical")), "{row:#}");
    let over: Vec<bool> = row["body"]["slo"]["pairs"]
        .as_array()
        .expect("pairs")
        .iter()
        .map(|pair| pair["over"].as_bool().expect("it can be told"))
        .collect();
    // Over a day 6 h of 0.7 % are 1.75, over three days 0.58.
    assert_eq!(over, [false, true, false, false], "{row:#}");
    let pairs = &row["body"]["slo"]["pairs"];
    near(pairs[1]["long"].as_f64().expect("a burn"), 7.0, 0.2, "burn over 6 h");
    near(pairs[1]["short"].as_f64().expect("a burn"), 7.0, 0.2, "burn over 30 min");
    near(pairs[2]["long"].as_f64().expect("a burn"), 1.75, 0.05, "burn over a day");
    near(pairs[3]["long"].as_f64().expect("a burn"), 0.583, 0.03, "burn over three days");
    near(number(&row, "requests"), 3_600.0, 130.0, "requests in an hour");
    drop(room);

    // The same server as it comes out of the box keeps fifteen days: the outage is in them, the month is not.
    server.terminate();
    server.set_args(plain);
    prometheus.start_again();
    let room = Room::open(&prometheus.url, &[("shop", SHOP)]);
    let row = room.until("shop", "a budget over less", |row| row["body"]["slo"]["left_min"].is_number());
    let reach = number(&row, "reach_s");
    assert!(reach <= (15 * DAY) as f64 && reach > (14 * DAY) as f64, "{row:#}");
    assert!(why(&row).contains("at most that: over 1") && why(&row).contains("not 30 d"), "{}", why(&row));
    near(number(&row, "left_percent"), left * 100.0, 1.5, "percent left, at most: the same errors are in it");
}

/// A service that counts: plain HTTP on loopback, the counters of the test.
struct Service {
    port: u16,
    listener: Option<TcpListener>,
    good: Arc<AtomicU64>,
    bad: Arc<AtomicU64>,
    up: Arc<AtomicU64>,
}

impl Service {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let zero = || Arc::new(AtomicU64::new(0));
        Self { port, listener: Some(listener), good: zero(), bad: zero(), up: zero() }
    }

    /// Begins to answer. Each scrape counts on by what the test has set: so many good and bad requests since the last.
    fn answer(&mut self) {
        use std::io::{BufRead, BufReader, Write};
        let listener = self.listener.take().expect("not yet answering");
        let (good, bad, up) = (self.good.clone(), self.bad.clone(), self.up.clone());
        up.store(1, Ordering::SeqCst);
        std::thread::spawn(move || {
            let (mut good_total, mut bad_total) = (0, 0);
            for stream in listener.incoming() {
                let Ok(mut stream) = stream else { return };
                if up.load(Ordering::SeqCst) == 0 {
                    // Ending the thread closes the port: nobody is there any more.
                    return;
                }
                let mut lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                good_total += good.load(Ordering::SeqCst);
                bad_total += bad.load(Ordering::SeqCst);
                let mut body = format!("# TYPE req_total counter\nreq_total{{code=\"200\"}} {good_total}\n");
                if bad_total > 0 {
                    let _ = writeln!(body, "req_total{{code=\"500\"}} {bad_total}");
                }
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\nconnection: close\r\n";
                let _ = write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len());
            }
        });
    }

    fn counts(&self, good: u64, bad: u64) {
        self.good.store(good, Ordering::SeqCst);
        self.bad.store(bad, Ordering::SeqCst);
    }
}

#[test]
fn a_service_that_is_not_there_is_well_fails_and_goes_away() {
    let mut service = Service::new();
    let Some(prometheus) = Prometheus::start(&Setup::default()) else { return };
    let execution = "errors = 'label_replace(increase(req_total[$window]), \"not-a-name\", \"\", \"\", \"\")'\ntotal = 'increase(req_total[$window])'\n";
    let parse = "errors = 'req_total{'\ntotal = 'req_total'\n";
    let recorded = "ratio = 'no_such_rule$window'\n";
    let slos = [("shop", SHOP), ("odd", execution), ("bad", parse), ("ruled", recorded)];
    let room = Room::open(&prometheus.url, &slos);

    // Nothing is scraped: no data, and nothing about it is good.
    for service in ["shop", "ruled"] {
        let row = room.until(service, "no data", |row| state(row) == "no_data");
        assert_eq!(row["verdict"], "unknown", "{row:#}");
        assert!(row["body"]["slo"]["left_min"].is_null(), "{row:#}");
    }
    // What the server refuses it says in the service's own row: 400 and 422.
    let row = room.until("bad", "a refusal", |row| why(row).contains("bad_data"));
    assert_eq!((state(&row), row["verdict"].as_str()), ("unknown", Some("unknown")), "{row:#}");

    // It is scraped and well. Not one error was ever counted, so nothing proves that errors would be seen: not green yet.
    service.counts(50, 0);
    service.answer();
    prometheus.reload(&Setup::default().scrape("shop", service.port));
    let row = room.until("shop", "a service without errors", |row| state(row) == "ok");
    assert_eq!(row["verdict"], "info", "{row:#}");
    assert!(why(&row).contains("not one error") && why(&row).contains("at most that"), "{row:#}");
    let row = room.until("odd", "a refusal", |row| why(row).contains("execution"));
    assert_eq!(row["verdict"], "unknown", "{row:#}");

    // It fails.
    service.counts(5, 45);
    let row = room.until("shop", "a page", |row| {
        let counted = number(row, "reach_s") > 0.0 && number(row, "left_min") < 43.2;
        state(row) == "page" && number(row, "burn") > 100.0 && counted
    });
    assert_eq!(row["verdict"], "critical");
    assert!(row["body"]["slo"]["burning_since"].is_string() && number(&row, "left_min") < 43.2, "{row:#}");

    // It goes away. The windows remember the errors; that nothing is measured any more is said beside them.
    service.up.store(0, Ordering::SeqCst);
    let row = room.until("shop", "vanished counters", |row| why(row).contains("have vanished"));
    assert_eq!(row["verdict"], "critical", "what was burning is not over because nobody counts: {row:#}");

    // Prometheus goes away, and comes back.
    prometheus.server().kill();
    let row = room.until("shop", "a stale row", |row| row["stale"] == true);
    assert_eq!(state(&row), "unknown", "{row:#}");
    prometheus.start_again();
    room.until("shop", "a fresh row", |row| row["stale"] == false && state(row) != "unknown");
    prometheus.server().pause();
    room.until("shop", "a stale row", |row| row["stale"] == true);
    prometheus.server().resume();
    room.until("shop", "a fresh row", |row| row["stale"] == false);
}

#[test]
fn partial_data_is_never_whole() {
    let mut service = Service::new();
    service.counts(50, 1);
    service.answer();
    let setup = Setup::default().scrape("shop", service.port).remote_read(free_port());
    let Some(prometheus) = Prometheus::start(&setup) else { return };
    let room = Room::open(&prometheus.url, &[("shop", SHOP)]);
    let row = room.until("shop", "partial data", |row| why(row).contains("partial data") && state(row) != "no_data");
    assert!(["unknown", "warning", "critical"].contains(&row["verdict"].as_str().expect("a verdict")), "{row:#}");
}

const RULES: &str = r#"
groups:
- name: shop
  rules:
  - {alert: AlwaysOn, expr: vector(1), labels: {severity: critical}}
  - {alert: SoonOn, expr: vector(1), for: 1h}
  - alert: Broken
    expr: >-
      (vector(1) or label_replace(vector(1), "a", "b", "", "")) * on() (vector(2) or label_replace(vector(2), "a", "b", "", ""))
  - {record: 'a:b', expr: vector(1)}
"#;

#[test]
fn a_rule_that_it_can_not_evaluate_is_told_with_its_error() {
    let Some(prometheus) = Prometheus::start(&Setup::default().rules(RULES)) else {
        return;
    };
    let home = scratch();
    let config = config::load(&file(home.path(), &prometheus.url, &[]), LoadOptions::default()).expect("loads");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (out, mut seen) = tokio::sync::mpsc::channel::<Observation>(64);
    let stop = tokio_util::sync::CancellationToken::new();
    let ctx = Ctx {
        clock: Clock::real(),
        out,
        reach: Default::default(),
        proxies: Default::default(),
        meters: Default::default(),
        stop: stop.clone(),
    };
    let _guard = runtime.enter();
    let _running = systems::start(&config, &ctx);
    let rules: Vec<AlertRule> = wait_for("evaluated rules", || {
        let SourceChange::Replace { facts, .. } = seen.blocking_recv()?.change else { return None };
        let rule = |fact| if let Fact::AlertRule(rule) = fact { Some(rule) } else { None };
        let rules: Vec<AlertRule> = facts.into_iter().filter_map(rule).collect();
        rules.iter().any(|rule| rule.health.is("err")).then_some(rules)
    });
    stop.cancel();
    let broken: Vec<&str> = rules.iter().filter(|it| it.health.is("err")).map(|it| it.name.as_str()).collect();
    assert_eq!((broken, rules.len()), (vec!["Broken"], 3));
    assert!(rules[0].last_error.as_str().contains("many"), "{}", rules[0].last_error);
}
