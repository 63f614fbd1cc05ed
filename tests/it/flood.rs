//! One account at full speed over 64 connections, approving a plan that has drifted, writing, asking and coming back: what
//! it costs the provider, the log and everyone else.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, Response};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use warroom::clock::Clock;

#[allow(dead_code, reason = "shared with the bench, which needs all of it")]
#[path = "../flood/flooder.rs"]
mod flooder;

use crate::stage::{ANA, HOST, KIM, SAM, Stage, accounts, entries, of_kind};
use flooder::Tally;

const CONNECTIONS: usize = 64;

/// How long it is flooded: long enough for every limit to be met. `WARROOM_FLOOD_S=60` does it for a minute.
fn lasts() -> Duration {
    let asked = std::env::var("WARROOM_FLOOD_S").ok().and_then(|it| it.parse().ok());
    Duration::from_secs(asked.unwrap_or(8).clamp(1, 600))
}

/// The other side of [`flooding`]: this test's binary under another account.
#[test]
fn under_another_account() {
    let Ok(job) = std::env::var("FLOOD_JOB") else { return };
    let job: Value = serde_json::from_str(&job).expect("a job");
    let word = |key: &str| job[key].as_str().expect("a word").to_owned();
    let approval = (word("plan"), word("digest"), HOST.to_owned());
    let tally = flooder::flood(Path::new(&word("socket")), CONNECTIONS, lasts(), Some(&approval));
    std::fs::write(word("out"), json!(tally).to_string()).expect("the tally");
}

fn flooding(stage: &Stage, uid: u32, plan: &crate::stage::Proposal) -> std::process::Child {
    let (me, copy) = (std::env::current_exe().expect("this program"), stage.home().join("flooder"));
    if std::fs::hard_link(&me, &copy).is_err() {
        std::fs::copy(&me, &copy).expect("a copy of the program");
    }
    let out = stage.home().join("tally");
    crate::stage::put(&out, "", 0o666);
    let job = json!({"socket": stage.socket(), "plan": plan.id, "digest": plan.digest, "out": out});
    let mut command = Command::new(&copy);
    command.uid(uid).gid(0).current_dir("/").env("FLOOD_JOB", job.to_string());
    command.args(["--exact", "flood::under_another_account"]).stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().expect("the flood begins")
}

/// Passes everything on to the world, and counts it.
async fn counting(upstream: &str, asked: Arc<AtomicUsize>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (client, upstream) = (reqwest::Client::builder().no_proxy().build().expect("a client"), upstream.to_owned());
    let app = axum::Router::new().fallback(move |request: Request<Body>| {
        let (client, upstream, asked) = (client.clone(), upstream.clone(), asked.clone());
        async move {
            asked.fetch_add(1, Ordering::SeqCst);
            let (parts, body) = request.into_parts();
            let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let path = parts.uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
            let mut onward = client.request(parts.method, format!("{upstream}{path}")).body(bytes);
            for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
                onward = onward.header(name, value);
            }
            let answer = onward.send().await.expect("an answer");
            let mut response = Response::builder().status(answer.status());
            for (name, value) in answer.headers().iter().filter(|(name, _)| *name != "transfer-encoding") {
                response = response.header(name, value);
            }
            response.body(Body::from(answer.bytes().await.expect("its body"))).expect("a response")
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// Ends the room in order, and waits.
fn end(stage: &mut Stage) {
    let mut room = stage.room.take().expect("a room runs");
    kill(Pid::from_raw(room.0.id() as i32), Signal::SIGTERM).expect("it is told");
    room.0.wait().expect("it ends");
}

fn by<'a>(all: &[&'a Value], person: &str) -> Vec<&'a Value> {
    all.iter().filter(|entry| entry["by"]["p"] == person).copied().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_account_on_64_connections_uses_up_neither_the_provider_nor_the_log_nor_the_room() {
    if !accounts() {
        return;
    }
    warroom::systems::http::install_crypto();
    let asked = Arc::new(AtomicUsize::new(0));
    let mut story = Stage::story();
    story.edge.ttl_s = 3600;
    let counter = asked.clone();
    let edge = async |cloudflare: &str| Some(counting(cloudflare, counter).await);
    let mut stage = Stage::set(story, Clock::real(), edge).await;
    stage.open();
    stage.incident();
    let plan = stage.propose(ANA);
    // From now on it is not as the plan wants it.
    stage.change_balancer(json!({"description": "touched by somebody else"}));

    let (before, begun) = (asked.load(Ordering::SeqCst), Instant::now());
    let mut flood = flooding(&stage, SAM, &plan);
    let mut noted = 0;
    while flood.try_wait().expect("the flood").is_none() {
        let (code, said) = stage.ask(KIM, &["timeline", "add", "still here"]);
        assert_eq!(code, 0, "another person is not counted with them: {said}");
        noted += 1;
        std::thread::sleep(Duration::from_millis(200));
    }
    let (seconds, requests) = (begun.elapsed().as_secs_f64(), asked.load(Ordering::SeqCst) - before);
    let tally = std::fs::read_to_string(stage.home().join("tally")).expect("the tally");
    let tally: Tally = serde_json::from_str(&tally).expect("the tally");
    println!("{tally:?}: {requests} requests upstream, {noted} notes of another person, {seconds:.1} s");
    assert!(tally.refused.get("rate").is_some_and(|n| *n > 50), "{tally:?}");
    assert!(tally.refused.get("drift").is_some_and(|n| *n > 0), "{tally:?}");

    // Watching asks for a few lists and details each second or so; the plan is read again every five seconds at the most.
    let readings = seconds / 5.0 + 2.0;
    assert!((requests as f64) <= 8.0 * seconds + 8.0 * readings, "{requests} requests in {seconds:.1} s");
    assert_eq!(stage.patches(), 0);
    end(&mut stage);

    let log = entries(&stage.state());
    let written = by(&of_kind(&log, "note"), "sam").len() as f64;
    assert!(written > 0.0 && written <= 50.0 + 20.0 * (seconds + 1.0), "{written} notes in {seconds:.1} s");
    let refused = by(&of_kind(&log, "refused"), "sam");
    assert!((1..=10).contains(&refused.len()), "{} entries of refusals", refused.len());
    let also = |entry: &&Value| entry["d"]["also"].as_array().cloned().unwrap_or_default();
    let counts = refused.iter().map(|it| it["d"].clone()).chain(refused.iter().flat_map(also));
    let counted: u64 = counts.filter_map(|it| it["count"].as_u64()).sum();
    let said: u64 = tally.refused.values().sum();
    // Those whose answer was on its way when the connection ended, the room has counted and the flood has not.
    assert!(counted + 8 >= said, "{said} refusals, {counted} of them in entries");
    stage.intact(&stage.state());
}
