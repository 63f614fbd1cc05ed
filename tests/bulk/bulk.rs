//! A room with a large log: how long it takes to start, what memory it holds, how long `status` takes; and what commands
//! take that tell all of the log: seconds, and the most memory that they held.
//!
//! `cargo bench --bench bulk -- --entries 1000000 --closed 200`. The log is made by the real writer, but for the syncs; all
//! but one of its incidents are closed. Figures go to `target/evidence/bulk.json`. Linux. Nothing is asserted: the
//! figures are read by people. Everything is on loopback and ends with the program.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod generated_log;
#[path = "../soak/stage.rs"]
#[allow(dead_code, reason = "of the soak's stage only its processes are needed")]
mod stage;
mod storage;

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stage::{Process, vitals};

/// How often `status` is asked.
const ASKED: usize = 10;

struct Options {
    entries: u64,
    closed: u64,
    text: usize,
}

fn options() -> Result<Options, String> {
    let mut found = Options { entries: 1_000_000, closed: 200, text: 120 };
    // `cargo bench` adds `--bench` by itself.
    let mut words = std::env::args().skip(1).filter(|word| word != "--bench");
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
        let number: u64 = value.parse().map_err(|_| format!("{word} {value}: not a number"))?;
        match word.as_str() {
            "--entries" if (1_000..=100_000_000).contains(&number) => found.entries = number,
            "--closed" if (0..=10_000).contains(&number) => found.closed = number,
            "--text" if (1..=8_000).contains(&number) => found.text = number as usize,
            _ => {
                return Err(format!(
                    "{word} {value}: --entries 1000-100000000, --closed 0-10000 incidents, --text 1-8000 bytes of a note"
                ));
            }
        }
    }
    Ok(found)
}

/// What one start came to.
fn look(room: &Process, begun: Instant, socket: &Path, binary: &Path) -> Result<Value, String> {
    while UnixStream::connect(socket).is_err() {
        if begun.elapsed() > Duration::from_secs(300) {
            return Err("the room did not listen within 300 s".to_owned());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let mut asked = Vec::new();
    // The socket is there before the log is folded; the first answer comes when it is.
    let (first, seq) = status(binary, socket)?;
    let start = begun.elapsed();
    let memory = vitals(room.pid()).ok_or("the room has ended")?.0;
    for _ in 0..ASKED {
        asked.push(status(binary, socket)?.0.as_secs_f64() * 1_000.0);
    }
    asked.sort_by(f64::total_cmp);
    // What the start left to be verified is read meanwhile.
    std::thread::sleep(Duration::from_secs(5));
    let later = vitals(room.pid()).ok_or("the room has ended")?.0;
    Ok(json!({
        "start_and_first_status_s": start.as_secs_f64(), "first_status_ms": first.as_secs_f64() * 1_000.0,
        "entries": seq, "memory_mb": memory, "memory_later_mb": later, "status_ms_median": asked[ASKED / 2],
        "status_ms_worst": asked[ASKED - 1],
    }))
}

fn status(binary: &Path, socket: &Path) -> Result<(Duration, u64), String> {
    let begun = Instant::now();
    let mut command = Command::new(binary);
    let output = command.arg("--socket").arg(socket).args(["status", "-o", "json"]).stdin(Stdio::null()).output();
    let output = output.map_err(|e| e.to_string())?;
    let told: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| format!("status: {}", String::from_utf8_lossy(&output.stderr)))?;
    let seq = told["room"]["seq"].as_u64().ok_or_else(|| format!("status: {told}"))?;
    Ok((begun.elapsed(), seq))
}

/// Commands that tell all of a log, by a room or by its folder.
const TELLERS: [&[&str]; 6] = [
    &["export", "--format", "json"],
    &["export", "--format", "csv"],
    &["export", "--format", "markdown"],
    &["export", "--format", "html"],
    &["timeline", "show"],
    &["timeline", "show", "-o", "json"],
];

/// What a command takes: seconds, and the most memory that it held.
fn cost(command: &mut Command) -> Result<Value, String> {
    let begun = Instant::now();
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = silent.spawn().map_err(|e| e.to_string())?;
    let mut peak = 0;
    loop {
        peak = peak.max(high_water(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            let seconds = begun.elapsed().as_secs_f64();
            return Ok(json!({"seconds": seconds, "peak_mib": peak / 1024, "exit": status.code()}));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The most memory that a process held so far, KiB.
fn high_water(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}

/// What it takes to tell all of the log: `where_to` says where it is.
fn tell(binary: &Path, where_to: &[&std::ffi::OsStr]) -> Result<Value, String> {
    let mut told = serde_json::Map::new();
    for words in TELLERS {
        let figures = cost(Command::new(binary).args(words).args(where_to))?;
        println!("{} {}: {figures}", words.join(" "), where_to[0].display());
        told.insert(words.join(" "), figures);
    }
    Ok(Value::Object(told))
}

fn run(options: &Options) -> Result<Value, String> {
    let home = tempfile::Builder::new().prefix("wr").tempdir_in("/tmp").map_err(|e| e.to_string())?;
    let binary = PathBuf::from(env!("CARGO_BIN_EXE_warroom"));
    let (log, config, socket) = (home.path().join("log"), home.path().join("warroom.toml"), home.path().join("run/s"));
    std::fs::create_dir(home.path().join("run")).map_err(|e| e.to_string())?;
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
    std::fs::write(&config, "[room]\nname = \"bulk\"\n").map_err(|e| e.to_string())?;
    let begun = Instant::now();
    generated_log::write(&log, options.entries, options.closed, options.text)?;
    let bytes: u64 = std::fs::read_dir(&log)
        .map_err(|e| e.to_string())?
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
        .sum();
    println!("a log of {} entries, {} MB, written in {:?}", options.entries, bytes / 1_000_000, begun.elapsed());
    let verify = cost(Command::new(&binary).arg("verify").arg(&log))?;
    println!("verify: {verify}");
    let folder = tell(&binary, &["--dir".as_ref(), log.as_os_str()])?;
    let (mut starts, mut room_told) = (Vec::new(), Value::Null);
    for what in ["without a snapshot", "from a snapshot", "again"] {
        let out = std::fs::File::create(home.path().join("room.log")).map_err(|e| e.to_string())?;
        let begun = Instant::now();
        let mut serve = Command::new(&binary);
        serve.arg("serve").arg("--config").arg(&config).arg("--socket").arg(&socket).arg("--state-dir").arg(&log);
        let twin = out.try_clone().map_err(|e| e.to_string())?;
        let child = serve.stdin(Stdio::null()).stdout(out).stderr(twin).spawn().map_err(|e| e.to_string())?;
        let mut room = Process::of(child);
        let told = look(&room, begun, &socket, &binary)?;
        if starts.len() == 2 {
            room_told = tell(&binary, &["--socket".as_ref(), socket.as_os_str()])?;
        }
        room.end();
        println!("{what}: {told}");
        starts.push(json!({"what": what, "figures": told}));
    }
    Ok(json!({
        "entries": options.entries, "bytes": bytes, "starts": starts, "verify": verify, "by_folder": folder,
        "by_room": room_told,
    }))
}

fn main() -> ExitCode {
    let done = options().and_then(|options| run(&options)).and_then(|told| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("../evidence");
        std::fs::create_dir_all(&dir).map_err(|e| e.to_string())?;
        std::fs::write(dir.join("bulk.json"), format!("{told:#}\n")).map_err(|e| e.to_string())
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("bulk: {why}");
            ExitCode::FAILURE
        }
    }
}
