//! Flood: one account at full speed over 64 connections, and another person who goes on taking notes.
//!
//! `cargo bench --bench flood -- --minutes 10`. Prints how long the other's notes take idle and under the flood, what the
//! flood got, and the room's memory; figures go to `target/evidence/flood.json`. Exit 1 if the notes' p99 more than doubles
//! or the room takes more than 150 MB. Linux, as root: two persons need two accounts. Needs setpriv.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]
#![allow(clippy::expect_used, reason = "a thread that panics ends the measurement")]

mod flooder;
#[allow(dead_code, reason = "shared with the soak, which needs all of it")]
#[path = "../soak/stage.rs"]
mod stage;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use flooder::Tally;
use serde_json::{Value, json};
use stage::{ACCOUNT, OTHER, Stage, vitals};

/// How long notes are taken before the flood.
const IDLE: Duration = Duration::from_secs(30);
const NOTE_EVERY: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What the room may take, MB.
const MEMORY: f64 = 150.0;

struct Options {
    minutes: f64,
    connections: usize,
}

fn options() -> Result<Options, String> {
    let mut found = Options { minutes: 10.0, connections: 64 };
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number: f64 = value.parse().map_err(|_| format!("{word} {value}: not a number"))?;
        match word.as_str() {
            "--minutes" if (0.1..=60.0).contains(&number) => found.minutes = number,
            "--connections" if (1.0..=64.0).contains(&number) => found.connections = number as usize,
            _ => return Err(format!("{word} {value}: --minutes 0.1-60, --connections 1-64")),
        }
    }
    Ok(found)
}

/// This program again under another account, as one of the two clients.
fn client(stage: &Stage, uid: u32, part: &str, lasts: Duration, connections: usize) -> Result<Child, String> {
    let copy = stage.home().join("flood");
    if !copy.exists() {
        let me = std::env::current_exe().map_err(|e| e.to_string())?;
        std::fs::copy(me, &copy).map_err(|e| e.to_string())?;
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    }
    let mut command = Command::new(copy);
    command.uid(uid).gid(0).current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped());
    command.env("FLOOD_PART", part).env("FLOOD_SOCKET", stage.socket());
    command.env("FLOOD_MS", lasts.as_millis().to_string()).env("FLOOD_CONNECTIONS", connections.to_string());
    command.spawn().map_err(|e| format!("{part}: {e}"))
}

/// What such a client found.
fn found(child: Child) -> Result<Value, String> {
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    serde_json::from_slice(&output.stdout).map_err(|e| format!("a client ended without figures: {e}"))
}

/// The other side of [`client`].
fn part(part: &str) -> Result<(), String> {
    let value = |name: &str| std::env::var(name).map_err(|e| format!("{name}: {e}"));
    let number = |name: &str| value(name)?.parse::<u64>().map_err(|e| format!("{name}: {e}"));
    let (socket, lasts) = (PathBuf::from(value("FLOOD_SOCKET")?), Duration::from_millis(number("FLOOD_MS")?));
    let found = match part {
        "notes" => json!(flooder::notes(&socket, NOTE_EVERY, lasts)?),
        _ => json!(flooder::flood(&socket, number("FLOOD_CONNECTIONS")? as usize, lasts, None)),
    };
    println!("{found}");
    Ok(())
}

/// The value below which so much of a sorted list lies.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(at.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

/// Bytes of the log on disk.
fn log_bytes(dir: &Path) -> u64 {
    let files = std::fs::read_dir(dir).into_iter().flatten().flatten();
    files.filter_map(|entry| entry.metadata().ok()).map(|meta| meta.len()).sum()
}

fn measure(options: &Options) -> Result<bool, String> {
    let evidence = stage::evidence()?;
    let mut stage = Stage::open(&evidence)?;
    let room = stage.room.pid();
    let idle = numbers(&found(client(&stage, ACCOUNT, "notes", IDLE, 1)?)?);
    let before = vitals(room).ok_or("the room has ended")?.0;
    let lasts = Duration::from_secs_f64(options.minutes * 60.0);
    let flooding = client(&stage, OTHER, "flood", lasts, options.connections)?;
    let noting = client(&stage, ACCOUNT, "notes", lasts, 1)?;
    let (begun, mut memory) = (Instant::now(), Vec::new());
    while begun.elapsed() < lasts {
        std::thread::sleep(LOOK_EVERY.min(lasts.saturating_sub(begun.elapsed())));
        memory.push(vitals(room).ok_or("the room has ended under the flood")?.0);
    }
    let flooded = numbers(&found(noting)?);
    let tally: Tally = serde_json::from_value(found(flooding)?).map_err(|e| e.to_string())?;
    let bytes = log_bytes(&stage.home().join("log"));
    let entries = stage.verify()?;
    let most = memory.iter().copied().fold(before, f64::max);
    let of = |all: &[f64]| (quantile(all, 0.5), quantile(all, 0.99), all.last().copied().unwrap_or(f64::NAN));
    println!("{:<34} {:>8} {:>8} {:>8} {:>8}", "another person's notes, ms", "count", "p50", "p99", "most");
    for (name, all) in [("idle", &idle), ("under the flood", &flooded)] {
        let (p50, p99, most) = of(all);
        println!("{name:<34} {:>8} {p50:>8.2} {p99:>8.2} {most:>8.2}", all.len());
    }
    let last = memory.last().copied().unwrap_or(before);
    println!("room's memory, MB: {before:.1} before, {last:.1} at the end, {most:.1} at the most");
    println!("the flood: {tally:?}");
    println!("{entries} entries verified, {bytes} bytes of log");
    let good = of(&flooded).1 <= 2.0 * of(&idle).1 && most <= MEMORY;
    let whole = json!({
        "minutes": options.minutes, "connections": options.connections, "idle_ms": {"p50": of(&idle).0, "p99": of(&idle).1},
        "flooded_ms": {"p50": of(&flooded).0, "p99": of(&flooded).1, "most": of(&flooded).2}, "notes": flooded.len(),
        "memory_mb": {"before": before, "last": last, "most": most}, "flood": tally, "entries": entries, "log_bytes": bytes,
    });
    let path = evidence.join("flood.json");
    std::fs::write(&path, format!("{whole:#}\n")).map_err(|e| format!("{}: {e}", path.display()))?;
    println!("{}", path.display());
    Ok(good)
}

fn main() -> ExitCode {
    let done = match std::env::var("FLOOD_PART") {
        Ok(name) => part(&name).map(|()| true),
        Err(_) if !nix::unistd::Uid::effective().is_root() => {
            Err("two persons need two accounts: run it as root".into())
        }
        Err(_) => options().and_then(|options| measure(&options)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("flood: {why}");
            ExitCode::FAILURE
        }
    }
}
