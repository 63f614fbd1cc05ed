//! `kill -9` between claim and outcome: after the restart the plan is `interrupted`, what it did is found out by reading,
//! and nothing of it is run again. A second try is a new plan of two persons.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::http::{Method, Request, Response, StatusCode};
use serde_json::{Value, json};
use warroom::clock::Clock;

use crate::stage::{ANA, KIM, Proposal, SAM, Stage, accounts, entries, of_kind};
use crate::support::{segments, wait_for};

/// What stands between the room and the provider does with writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gate {
    Pass,
    /// They never arrive, and are never answered.
    Swallow,
    /// They arrive; the answer does not.
    KeepAnswer,
    /// They arrive when the gate passes again, however long their sender is dead by then.
    Delay,
    /// Nothing arrives, reads neither.
    Down,
}

/// A proxy before the provider's API.
#[derive(Clone)]
struct Front {
    origin: String,
    gate: tokio::sync::watch::Sender<Gate>,
    stopped: Arc<AtomicUsize>,
    looks: Arc<AtomicUsize>,
    http: reqwest::Client,
}

impl Front {
    async fn start(cloudflare: &str) -> (Self, String) {
        let origin = cloudflare.strip_suffix("/client/v4").expect("the API's root").to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/client/v4", listener.local_addr().expect("an address"));
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        let front = Self {
            origin,
            gate: tokio::sync::watch::Sender::new(Gate::Pass),
            stopped: Arc::default(),
            looks: Arc::default(),
            http,
        };
        let kept = front.clone();
        let router = axum::Router::new().fallback(move |request: Request<Body>| {
            let front = kept.clone();
            async move { front.pass(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, router).await });
        (front, url)
    }

    fn set(&self, gate: Gate) {
        self.gate.send_replace(gate);
    }

    /// Writes that were stopped, or whose answer was.
    fn stopped(&self) -> usize {
        self.stopped.load(Ordering::SeqCst)
    }

    fn looks(&self) -> usize {
        self.looks.load(Ordering::SeqCst)
    }

    async fn pass(&self, request: Request<Body>) -> Response<Body> {
        let gate = *self.gate.borrow();
        let write = request.method() != Method::GET;
        if !write && is_look(request.uri().path()) {
            self.looks.fetch_add(1, Ordering::SeqCst);
        }
        if write && gate == Gate::Swallow {
            return self.silence().await;
        }
        if write && gate == Gate::Delay {
            // Read to its end now, while its sender lives.
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.expect("the whole request");
            let front = self.clone();
            tokio::spawn(async move { front.later(Request::from_parts(parts, Body::from(body))).await });
            return self.silence().await;
        }
        let answer = if gate == Gate::Down { None } else { self.forward(request).await };
        let Some(answer) = answer else {
            return Response::builder().status(StatusCode::BAD_GATEWAY).body(Body::empty()).expect("an answer");
        };
        if write && gate == Gate::KeepAnswer {
            return self.silence().await;
        }
        answer
    }

    async fn later(&self, request: Request<Body>) {
        let mut gate = self.gate.subscribe();
        gate.wait_for(|gate| *gate == Gate::Pass).await.expect("the gate stays");
        let _ = self.forward(request).await;
    }

    async fn silence(&self) -> Response<Body> {
        self.stopped.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }

    async fn forward(&self, request: Request<Body>) -> Option<Response<Body>> {
        let (parts, body) = request.into_parts();
        let url = format!("{}{}", self.origin, parts.uri.path_and_query()?);
        let body = axum::body::to_bytes(body, 1 << 20).await.ok()?;
        let mut ask = self.http.request(parts.method, url).body(body);
        for name in ["authorization", "content-type"] {
            if let Some(value) = parts.headers.get(name) {
                ask = ask.header(name, value);
            }
        }
        let answer = ask.send().await.ok()?;
        let builder = Response::builder().status(answer.status()).header("content-type", "application/json");
        builder.body(Body::from(answer.bytes().await.ok()?)).ok()
    }
}

/// Reads of one load balancer: what the executor does and the board does not.
fn is_look(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    matches!(parts[..], ["", "client", "v4", "zones", _, "load_balancers", id] if !id.is_empty())
}

/// A stage whose provider is reached through a front, with a TTL so long that step 2 waits for ever.
async fn stage() -> (Stage, Front) {
    let mut story = Stage::story();
    story.edge.ttl_s = 3600;
    let mut kept = None;
    let mut stage = Stage::set(story, Clock::real(), async |cloudflare| {
        let (front, url) = Front::start(cloudflare).await;
        kept = Some(front);
        Some(url)
    })
    .await;
    stage.open();
    stage.incident();
    (stage, kept.expect("a front"))
}

fn claimed(stage: &Stage) -> Proposal {
    let plan = stage.propose(ANA);
    let (code, said) = stage.approve(SAM, &plan);
    assert_eq!(code, 0, "{said}");
    plan
}

/// After a restart: interrupted, and found to be this by reading.
#[track_caller]
fn reconciled(stage: &Stage, plan: &Proposal, result: &str) -> Value {
    let shown = wait_for("the reading back", || {
        let shown = stage.plan(plan);
        assert_eq!(shown["state"], "interrupted", "{shown:#}");
        (!shown["reconciled"].is_null()).then_some(shown)
    });
    assert_eq!(shown["reconciled"], result, "{shown:#}");
    shown
}

/// How often an entry of this kind is about this plan.
fn count(stage: &Stage, kind: &str, plan: &Proposal) -> usize {
    of_kind(&entries(&stage.state()), kind).iter().filter(|entry| entry["d"].to_string().contains(&plan.id)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_killed_between_claim_and_outcome_reads_what_it_did_and_repeats_nothing() {
    if !accounts() {
        return;
    }
    let (mut stage, front) = stage().await;
    only_proposed(&mut stage);
    let lost = before_the_write(&mut stage, &front);
    let kept = before_the_answer(&mut stage, &front);
    let late = before_the_arrival(&mut stage, &front);
    let done = while_traffic_drains(&mut stage, &front);
    let mixed = changed_meanwhile(&mut stage);

    // Once more, for good measure: what was settled stays settled.
    stage.kill();
    stage.open();
    for (plan, result) in
        [(&lost, "not_applied"), (&kept, "applied"), (&late, "applied"), (&done, "applied"), (&mixed, "partial")]
    {
        reconciled(&stage, plan, result);
        let counts = ["executing", "step_started", "reconciled"].map(|kind| (kind, count(&stage, kind, plan)));
        let steps = if [&lost.id, &kept.id, &late.id].contains(&&plan.id) { 1 } else { 2 };
        assert_eq!(counts, [("executing", 1), ("step_started", steps), ("reconciled", 1)]);
    }
    assert_eq!((stage.patches(), front.stopped()), (4, 3));
    stage.kill();
    stage.intact(&stage.state());
}

/// A plan that only waits for a person does not outlive the room that proposed it.
fn only_proposed(stage: &mut Stage) {
    let plan = stage.propose(ANA);
    stage.kill();
    stage.open();
    assert_eq!(stage.plan(&plan)["state"], "expired");
    for uid in [SAM, KIM] {
        let (code, said) = stage.approve(uid, &plan);
        assert_eq!((code, said["refused"].as_str()), (6, Some("expired")), "{said}");
    }
    assert_eq!(stage.patches(), 0);
}

/// The write has left the room and reached nobody.
fn before_the_write(stage: &mut Stage, front: &Front) -> Proposal {
    front.set(Gate::Swallow);
    let plan = claimed(stage);
    wait_for("the write", || (front.stopped() == 1).then_some(()));
    assert_eq!(stage.plan(&plan)["state"], "executing");
    stage.kill();
    front.set(Gate::Pass);
    every_moment(stage, &plan);
    stage.open();
    let shown = reconciled(stage, &plan, "not_applied");
    assert_eq!((shown["steps"][0]["state"].as_str(), stage.patches()), (Some("started"), 0));
    let (code, said) = stage.approve(KIM, &plan);
    assert_eq!((code, said["refused"].as_str()), (6, Some("plan_closed")), "{said}");
    assert_eq!(stage.patches(), 0);
    plan
}

/// The provider has taken the write; the room never heard of it.
fn before_the_answer(stage: &mut Stage, front: &Front) -> Proposal {
    front.set(Gate::KeepAnswer);
    let plan = claimed(stage);
    wait_for("the write at the world", || (stage.patches() == 1 && front.stopped() == 2).then_some(()));
    assert_eq!(stage.plan(&plan)["steps"][0]["state"], "started");
    stage.kill();
    front.set(Gate::Pass);
    stage.open();
    reconciled(stage, &plan, "applied");
    assert_eq!(stage.patches(), 1);
    stage.put_back();
    plan
}

/// The write is on its way while the room dies, and arrives after the room is back: what is not there yet is not yet "not
/// applied".
fn before_the_arrival(stage: &mut Stage, front: &Front) -> Proposal {
    front.set(Gate::Delay);
    let plan = claimed(stage);
    wait_for("the write", || (front.stopped() == 3).then_some(()));
    stage.kill();
    let before = front.looks();
    stage.open();
    // Two checks are one look.
    wait_for("a whole look and the next", || (front.looks() > before + 2).then_some(()));
    assert_eq!(stage.patches(), 1);
    front.set(Gate::Pass);
    reconciled(stage, &plan, "applied");
    assert_eq!(stage.patches(), 2);
    stage.put_back();
    plan
}

/// Step 1 is done, step 2 waits for traffic. Then the provider can't be reached when the room comes back, and it is killed
/// again before it could read anything.
fn while_traffic_drains(stage: &mut Stage, front: &Front) -> Proposal {
    let plan = claimed(stage);
    wait_for("step 2", || (stage.plan(&plan)["steps"][1]["state"] == "started").then_some(()));
    assert_eq!((stage.plan(&plan)["steps"][0]["state"].as_str(), stage.patches()), (Some("done"), 3));
    stage.kill();
    front.set(Gate::Down);
    stage.open();
    let shown = stage.plan(&plan);
    assert_eq!((shown["state"].as_str(), shown["reconciled"].is_null()), (Some("interrupted"), true), "{shown:#}");
    stage.kill();
    front.set(Gate::Pass);
    stage.open();
    reconciled(stage, &plan, "applied");
    assert_eq!((count(stage, "plan_ended", &plan), stage.patches()), (1, 3));
    stage.put_back();
    plan
}

/// Somebody outside changed half of it back before the room returned.
fn changed_meanwhile(stage: &mut Stage) -> Proposal {
    let plan = claimed(stage);
    wait_for("step 2", || (stage.plan(&plan)["steps"][1]["state"] == "started").then_some(()));
    stage.kill();
    stage.change_balancer(json!({"fallback_pool": stage.at.pools[0]}));
    stage.open();
    reconciled(stage, &plan, "partial");
    assert_eq!(stage.patches(), 4);
    plan
}

/// The log as it was at every moment from the proposal to the kill, between entries and in the middle of one: a room that
/// finds it settles the plan and writes nothing.
fn every_moment(stage: &mut Stage, plan: &Proposal) {
    let [segment] = &segments(&stage.state())[..] else { panic!("one segment") };
    let bytes = std::fs::read(segment).expect("the log");
    let name = segment.file_name().expect("a name").to_owned();
    let mut end = 0;
    let mut tried = Vec::new();
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let begin = end;
        end += line.len();
        let entry: Value = serde_json::from_slice(line).expect("a line of JSON");
        let kind = entry["k"].as_str().unwrap_or_default().to_owned();
        let about = entry["d"].to_string().contains(&plan.id) && kind != "refused";
        if !about {
            continue;
        }
        for (cut, whole) in [(begin + line.len() / 2, false), (end, true)] {
            let dir = stage.home().join(format!("moment-{}", tried.len()));
            cut_log(&dir, &name, &bytes[..cut]);
            let state = settled(stage, &dir, plan);
            tried.push((kind.clone(), whole, state));
        }
    }
    let expected = [
        ("proposed", false, "absent"),
        ("proposed", true, "expired"),
        ("approved", false, "expired"),
        ("approved", true, "expired"),
        ("executing", false, "expired"),
        ("executing", true, "interrupted not_applied"),
        ("step_started", false, "interrupted not_applied"),
        ("step_started", true, "interrupted not_applied"),
    ];
    let tried: Vec<_> = tried.iter().map(|(kind, whole, state)| (kind.as_str(), *whole, state.as_str())).collect();
    assert_eq!(tried, expected);
}

fn cut_log(dir: &Path, name: &std::ffi::OsStr, bytes: &[u8]) {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(dir).expect("a folder");
    std::fs::write(dir.join(name), bytes).expect("the log as it was");
}

/// What a room makes of a plan that it finds in this log.
fn settled(stage: &mut Stage, state: &Path, plan: &Proposal) -> String {
    stage.room = Some(stage.serve(state));
    stage.answers();
    let found = wait_for("the plan settled", || {
        let (code, shown) = stage.ask(KIM, &["plan", "show", &plan.id]);
        if code == 6 {
            return Some("absent".to_owned());
        }
        let over = shown["state"].as_str().filter(|state| *state != "interrupted");
        over.map(str::to_owned).or_else(|| shown["reconciled"].as_str().map(|found| format!("interrupted {found}")))
    });
    stage.kill();
    assert_eq!(stage.patches(), 0, "a room that found {found} wrote");
    stage.intact(state);
    found
}
