//! Kills: `kill -9` of a room at random moments while two persons write and plans are claimed, and a restart, again and again.
//!
//! `cargo bench --bench kills -- --rounds 500`. Nothing that was acknowledged may be missing, no note may stand twice, no step of
//! a plan may begin twice, and nothing may reach the provider that no step began. Every fifth kill comes while the room starts;
//! every tenth comes just after a plan got its approval. Figures go to `target/evidence/kills.json`. Exit 1 if anything is lost
//! or doubled. Linux, as root: two persons need two accounts. Needs setpriv and curl.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
#![allow(clippy::expect_used, reason = "a thread that panics ends the measurement")]

mod log;
#[allow(dead_code, reason = "shared with the soak, which needs all of it")]
#[path = "../soak/stage.rs"]
mod stage;
mod writer;

use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use log::Log;
use serde_json::{Value, json};
use stage::{ACCOUNT, OTHER, Stage};
use writer::Writers;

/// A room that does not answer within this time after its start is lost.
const PATIENCE: Duration = Duration::from_secs(60);
/// The latest moment of a kill after the room's first answer, ms; while it starts, after the start of its process; and after
/// an approval.
const LATEST: [u64; 3] = [600, 400, 300];
/// The name that is typed to confirm the plan of the drill's service.
const HOST: &str = "shop.example";

struct Options {
    rounds: u64,
    seed: u64,
    minutes: f64,
}

fn options() -> Result<Options, String> {
    let mut found = Options { rounds: 500, seed: 7, minutes: 600.0 };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number: f64 = value.parse().map_err(|_| format!("{word} {value}: not a number"))?;
        match word.as_str() {
            "--rounds" if (1.0..=100_000.0).contains(&number) => found.rounds = number as u64,
            "--seed" if number >= 0.0 => found.seed = number as u64,
            "--minutes" if (0.1..=600.0).contains(&number) => found.minutes = number,
            _ => {
                return Err(format!(
                    "{word} {value}: --rounds 1-100000, --seed N, --minutes 0.1-600 (at most so long)"
                ));
            }
        }
    }
    Ok(found)
}

/// What was done.
#[derive(Default)]
struct Done {
    kills: u64,
    while_starting: u64,
    after_approval: u64,
}

/// Users back to where they were before a failover, as somebody outside would put them; counted, for it is a write too.
fn put_back(stage: &Stage) -> Result<u64, String> {
    let text = std::fs::read_to_string(stage.out.join("endpoints.json")).map_err(|e| e.to_string())?;
    let at: Value = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let word = |key: &str| at[key].as_str().unwrap_or_default().to_owned();
    let url = format!("{}/zones/{}/load_balancers/{}", word("cloudflare"), word("zone"), word("load_balancer"));
    let body = json!({"default_pools": at["pools"], "fallback_pool": at["pools"][0]}).to_string();
    let token = std::fs::read_to_string(stage.out.join("cloudflare.token")).map_err(|e| e.to_string())?;
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let status = Command::new("curl")
        .args([
            "-sf",
            "-m",
            "5",
            "-o",
            "/dev/null",
            "-X",
            "PATCH",
            "-H",
            &bearer,
            "-H",
            "Content-Type: application/json",
        ])
        .args(["-d", &body, &url])
        .stdin(Stdio::null())
        .status();
    match status {
        Ok(status) if status.success() => Ok(1),
        other => Err(format!("users can't be put back: {url}: {other:?}")),
    }
}

/// A plan that has just got the approval it needed; `None` if the room has not read enough again to make one.
fn approved(stage: &Stage) -> Option<()> {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        let plan = stage.ask_as(ACCOUNT, &["propose", "failover", "--service", "shop", "--confirm", HOST])?;
        if let (Some(id), Some(digest)) = (plan["plan"].as_str(), plan["digest"].as_str()) {
            let said = stage.ask_as(OTHER, &["approve", id, "--digest", digest, "--confirm", HOST])?;
            return (said["refused"].is_null()).then_some(());
        }
        std::thread::sleep(Duration::from_millis(300));
    }
    None
}

fn round(n: u64, stage: &mut Stage, writers: &Writers, rng: &mut fastrand::Rng, done: &mut Done) -> Result<(), String> {
    let moment = |rng: &mut fastrand::Rng, which: usize| Duration::from_micros(rng.u64(0..LATEST[which] * 1_000));
    if n % 5 == 4 {
        done.while_starting += 1;
        std::thread::sleep(moment(rng, 1));
    } else {
        let before = writers.acknowledged();
        let until = Instant::now() + PATIENCE;
        while writers.acknowledged() == before {
            if Instant::now() > until || !stage.room.alive() {
                return Err(format!("round {n}: the room took no note any more after its restart"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let planned = n % 10 == 5 && approved(stage).is_some();
        done.after_approval += u64::from(planned);
        std::thread::sleep(moment(rng, if planned { 2 } else { 0 }));
    }
    stage.kill();
    done.kills += 1;
    Ok(())
}

fn campaign(options: &Options) -> Result<bool, String> {
    let evidence = stage::evidence()?;
    let mut stage = Stage::open(&evidence)?;
    let writers = Writers::start(stage.home(), &stage.socket(), &[ACCOUNT, OTHER])?;
    let mut log = Log::new(stage.home().join("log"));
    let (mut rng, mut done, mut ours) = (fastrand::Rng::with_seed(options.seed), Done::default(), 0);
    let begun = Instant::now();
    while done.kills < options.rounds && begun.elapsed().as_secs_f64() < options.minutes * 60.0 {
        let planned = done.after_approval;
        round(done.kills, &mut stage, &writers, &mut rng, &mut done)?;
        log.read()?;
        let lost = log.missing(&writers.all());
        if !lost.is_empty() {
            return Err(format!("kill {}: acknowledged and not in the log: {lost:?}", done.kills));
        }
        if planned < done.after_approval {
            ours += put_back(&stage)?;
        }
        if done.kills.is_multiple_of(25) {
            println!(
                "{:>5} kills · {} notes acknowledged · {:.0} s",
                done.kills,
                writers.acknowledged(),
                begun.elapsed().as_secs_f64()
            );
        }
        stage.start()?;
    }
    let all = writers.stop();
    let until = Instant::now() + PATIENCE;
    while stage.ask(&["status"]).is_none() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(200));
    }
    let entries = stage.verify()?;
    let mut whole = Log::new(stage.home().join("log"));
    whole.read()?;
    let writes = stage.world_says("writes")?;
    let patches = writes.as_array().into_iter().flatten().filter(|it| it["method"] == "PATCH" && it["status"] == 200);
    let reached = patches.count() as u64 - ours;
    report(&evidence, options, &done, &all, &whole, entries, reached, begun.elapsed())
}

#[allow(clippy::too_many_arguments, reason = "figures, each named where it is printed")]
fn report(
    evidence: &std::path::Path,
    options: &Options,
    done: &Done,
    all: &[(String, u64)],
    log: &Log,
    entries: u64,
    reached: u64,
    took: Duration,
) -> Result<bool, String> {
    let (lost, doubled) = (log.missing(all), log.doubled());
    let beyond = reached.saturating_sub(log.begun());
    println!(
        "{} kills ({} while starting, {} after an approval) in {:.0} s, seed {}",
        done.kills,
        done.while_starting,
        done.after_approval,
        took.as_secs_f64(),
        options.seed
    );
    println!(
        "{} notes acknowledged, {} lost; {} notes or steps doubled; {} steps begun, {reached} writes reached the provider",
        all.len(),
        lost.len(),
        doubled.len(),
        log.begun()
    );
    println!("{entries} entries verified");
    for text in lost.iter().chain(&doubled).take(20) {
        println!("  {text}");
    }
    let whole = json!({
        "kills": done.kills, "while_starting": done.while_starting, "after_approval": done.after_approval,
        "seed": options.seed, "seconds": took.as_secs(), "acknowledged": all.len(), "lost": lost.len(),
        "doubled": doubled.len(), "steps_begun": log.begun(), "provider_writes": reached, "entries": entries,
    });
    let path = evidence.join("kills.json");
    std::fs::write(&path, format!("{whole:#}\n")).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("{}", path.display());
    Ok(lost.is_empty() && doubled.is_empty() && beyond == 0)
}

fn main() -> ExitCode {
    let done = match std::env::var_os(writer::SOCKET) {
        Some(socket) => writer::write(std::path::Path::new(&socket)).map(|()| true),
        None if !nix::unistd::Uid::effective().is_root() => Err("two persons need two accounts: run it as root".into()),
        None => options().and_then(|options| campaign(&options)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("kills: {why}");
            ExitCode::FAILURE
        }
    }
}
