//! Tests of the probe: what its window says, and what it makes of answers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::watch::ProbeWatch;
use super::window::{ProbeSample, SampleWindow};
use super::*;
use crate::model::facts::{Fact, Probe};
use crate::model::{SafeText, SourceChange, Stamp};
use crate::systems::http::test_server::{ScriptedReply, SourceBench, TestServer};

fn at(seconds: i64) -> Stamp {
    "2026-03-02T14:37:00Z".parse::<Stamp>().expect("a time") + TimeDelta::seconds(seconds)
}

fn sample(seconds: i64, good: bool, site: Option<&str>) -> ProbeSample {
    let status = site.map(|_| if good { 200 } else { 503 });
    ProbeSample {
        at: at(seconds),
        good,
        status,
        error: SafeText::default(),
        site: site.map(SafeText::new),
        latency_ms: 1,
    }
}

#[test]
fn the_window_tells_shares_and_when_a_run_began() {
    let mut window = SampleWindow::new(3);
    assert_eq!((window.share("dr"), window.good_percent(), window.since()), (None, None, None));
    let mut steps = Vec::new();
    for (seconds, good, site) in [
        (0, true, Some("primary")),
        (5, false, Some("primary")),
        (10, false, None),
        (15, false, Some("dr")),
        (20, false, Some("dr")),
        (25, true, Some("dr")),
        (30, true, Some("dr")),
        (35, true, Some("dr")),
    ] {
        window.push(sample(seconds, good, site));
        steps.push((window.since().expect("one"), window.share("dr"), window.good_percent()));
    }
    let expected = [
        (at(0), Some(0), Some(100)),
        (at(5), Some(0), Some(50)),
        (at(5), Some(0), Some(33)),
        (at(5), Some(50), Some(0)),
        (at(5), Some(100), Some(0)),
        (at(25), Some(100), Some(33)),
        (at(25), Some(100), Some(66)),
        (at(25), Some(100), Some(100)),
    ];
    assert_eq!(steps, expected);
}

proptest! {
    #[test]
    fn a_window_never_claims_more_than_it_holds(size in 0usize..8, run in prop::collection::vec((any::<bool>(), 0u8..3), 1..40)) {
        let mut window = SampleWindow::new(size);
        for (i, (good, site)) in run.iter().enumerate() {
            let site = ["primary", "dr"].get(usize::from(*site)).copied();
            window.push(sample(i64::try_from(i).expect("small"), *good, site));
        }
        let kept = &run[run.len().saturating_sub(size.max(1))..];
        let (samples, good) = window.counts();
        prop_assert_eq!(samples as usize, kept.len());
        prop_assert_eq!(window.good_percent() == Some(100), good == samples);
        let answers = kept.iter().filter(|(_, site)| *site < 2).count();
        let dr = kept.iter().filter(|(_, site)| *site == 1).count();
        prop_assert_eq!(window.share("dr") == Some(100), answers > 0 && dr == answers);
        prop_assert_eq!(window.by_site().values().sum::<u32>() as usize, answers);
        let last = run.last().expect("not empty").0;
        let began = run.iter().rposition(|(good, _)| *good != last).map_or(0, |i| i + 1);
        prop_assert_eq!(window.since(), Some(at(i64::try_from(began).expect("small"))));
    }
}

fn config(url: String) -> ProbeConfig {
    ProbeConfig {
        name: "shop".to_owned(),
        service: "shop".to_owned(),
        url,
        every_s: 5,
        timeout_s: 1,
        good: (200, 399),
        site_header: Some("x-served-by".to_owned()),
        window: 3,
        ..ProbeConfig::default()
    }
}

struct ProbeBench {
    room: SourceBench,
    watch: ProbeWatch,
    reader: ProbeAdapter,
}

impl ProbeBench {
    fn new(config: ProbeConfig, total: Duration) -> Self {
        let room = SourceBench::manual();
        let window = Arc::new(Mutex::new(SampleWindow::new(config.window)));
        let watch = ProbeWatch {
            api: Api::new(&config.url, options(&config, total, Default::default())),
            config,
            window: window.clone(),
            reporter: room.ctx.reporter(SourceId::new(System::Probe, "shop")),
        };
        let reader = ProbeAdapter { window, clock: room.ctx.clock.clone(), every: Duration::from_secs(5), total };
        Self { room, watch, reader }
    }

    async fn sample(&mut self) -> Probe {
        self.room.ctx.clock.advance(Duration::from_secs(5));
        assert!(self.watch.round().await, "a bad sample does not change the interval");
        match self.room.next().await.change {
            SourceChange::Upsert(Fact::Probe(probe)) => probe,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn every_status_outside_good_is_bad_and_redirects_are_not_followed() {
    let status = Arc::new(AtomicU16::new(0));
    let asked = status.clone();
    let elsewhere = TestServer::start(|_| ScriptedReply::Json(200, json!(1))).await;
    let to = elsewhere.url.clone();
    let server = TestServer::start(move |_| {
        let headers = vec![("x-served-by", "primary".to_owned()), ("location", to.clone())];
        ScriptedReply::With(asked.load(Ordering::SeqCst), headers, "etcd is gone. Really.".to_owned())
    })
    .await;
    for (code, good, ok) in [
        (200, (200, 399), true),
        (302, (200, 399), true),
        (302, (200, 299), false),
        (404, (200, 399), false),
        (503, (200, 399), false),
        (503, (503, 503), true),
    ] {
        status.store(code, Ordering::SeqCst);
        let mut config = config(format!("{}/healthz?key=hidden", server.url));
        config.good = good;
        let probe = ProbeBench::new(config, Duration::from_secs(1)).sample().await;
        assert_eq!((probe.ok, probe.status), (ok, Some(code)), "{probe:?}");
        assert_eq!(probe.error.is_empty(), ok, "{probe:?}");
        assert_eq!(probe.site.as_ref().map(SafeText::as_str), Some("primary"));
        assert!(probe.url.as_str().ends_with("/healthz"), "{probe:?}");
    }
    assert!(elsewhere.seen().is_empty());
    assert!(server.seen().iter().all(|seen| seen.path == "/healthz"));
}

#[tokio::test]
async fn an_outage_is_told_from_its_first_bad_sample_and_the_move_by_its_site() {
    let script = Mutex::new(
        [(200, "primary"), (503, "primary"), (503, "dr"), (200, "dr"), (200, "dr"), (200, "dr")].into_iter(),
    );
    let server = TestServer::start(move |_| {
        let (status, site) = script.lock().expect("the script").next().unwrap_or((500, "?"));
        ScriptedReply::With(status, vec![("x-served-by", site.to_owned())], "x".repeat(5000))
    })
    .await;
    let mut bench = ProbeBench::new(config(server.url.clone()), Duration::from_secs(1));
    assert!(bench.reader.read("site").await.is_err(), "before the first sample there is nothing to read");
    let mut story = Vec::new();
    for _ in 0..6 {
        let probe = bench.sample().await;
        story.push((probe.ok, probe.since, probe.good, probe.samples));
    }
    assert_eq!(
        story,
        [
            (true, at(5), 1, 1),
            (false, at(10), 1, 2),
            (false, at(10), 1, 3),
            (true, at(20), 1, 3),
            (true, at(20), 2, 3),
            (true, at(20), 3, 3),
        ]
    );
    for (path, value) in
        [("share/dr", json!(100)), ("share/primary", json!(0)), ("good_percent", json!(100)), ("site", json!("dr"))]
    {
        assert_eq!(bench.reader.read(path).await.expect(path), value);
    }
    assert!(bench.reader.read("colour").await.is_err());
    bench.room.ctx.clock.step_wall(-chrono::TimeDelta::days(1));
    let ahead = bench.reader.read("share/dr").await.expect_err("a window from ahead proves nothing for a day");
    assert_eq!(ahead.kind, TroubleKind::Silent);
    bench.room.ctx.clock.step_wall(chrono::TimeDelta::days(1));
    assert!(bench.reader.read("share/dr").await.is_ok(), "set right again");
    bench.room.ctx.clock.advance(Duration::from_secs(60));
    let stale = bench.reader.read("share/dr").await.expect_err("an old window proves nothing");
    assert_eq!(stale.kind, TroubleKind::Silent);
}

#[tokio::test]
async fn no_answer_is_a_bad_sample_without_a_site() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let silent = TestServer::start(|_| ScriptedReply::Silent).await;
    for (url, words) in
        [(format!("http://{port}"), "Connection refused"), (silent.url.clone(), "did not answer within")]
    {
        let mut bench = ProbeBench::new(config(url), Duration::from_millis(200));
        let probe = bench.sample().await;
        assert!(!probe.ok && probe.status.is_none() && probe.site.is_none() && probe.by_site.is_empty(), "{probe:?}");
        assert!(probe.error.as_str().contains(words), "{probe:?}");
        assert_eq!(bench.reader.read("share/dr").await.expect("a window"), Value::Null);
        assert_eq!(bench.reader.read("good_percent").await.expect("a window"), json!(0));
    }
}

#[tokio::test]
async fn what_is_wrong_on_our_side_is_trouble_and_no_sample() {
    let mut config = config("https://127.0.0.1:1/".to_owned());
    config.ca_file = Some("/nonexistent/ca.pem".into());
    let mut bench = ProbeBench::new(config, Duration::from_millis(200));
    assert!(!bench.watch.round().await);
    let trouble = bench.room.trouble().await;
    assert_eq!(trouble.kind, TroubleKind::Credential, "{trouble:?}");
    assert!(bench.reader.read("good_percent").await.is_err());
}

#[tokio::test]
async fn the_running_probe_samples_on_the_room_s_clock() {
    let server =
        TestServer::start(|_| ScriptedReply::With(200, vec![("x-served-by", "dr".to_owned())], "ok".to_owned())).await;
    let (mut room, tasks) = (SourceBench::fast(), TaskTracker::new());
    let (spec, adapter) = start(&config(server.url.clone()), &room.ctx, &tasks);
    assert_eq!((spec.id.to_string().as_str(), spec.fresh_for_s), ("probe/shop", 30));
    let (first, second) = (room.next().await, room.next().await);
    assert!(second.seen_at - first.seen_at >= TimeDelta::seconds(5), "{first:?} {second:?}");
    let adapter = adapter.expect("a reader");
    assert_eq!(adapter.read("share/dr").await.expect("fresh"), json!(100));
    room.ctx.stop.cancel();
}
