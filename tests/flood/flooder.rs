//! Two clients of a room without the program's own code: one account that asks as fast as it can over many connections, and
//! one that writes a note now and then and measures how long that takes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Lines that a connection sends before it comes back as another one that wants the whole log.
const LINES: usize = 400;

/// What a flood got.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    pub connections: u64,
    pub sent: u64,
    pub replies: u64,
    /// Refusals by their word, those of whole connections too.
    pub refused: BTreeMap<String, u64>,
    pub bytes: u64,
}

/// An approval that is repeated: plan, digest, typed name.
pub type Approval = (String, String, String);

/// Floods a room for so long.
pub fn flood(socket: &Path, connections: usize, lasts: Duration, approval: Option<&Approval>) -> Tally {
    let tally = Mutex::new(Tally::default());
    let until = Instant::now() + lasts;
    std::thread::scope(|scope| {
        for n in 0..connections {
            let tally = &tally;
            scope.spawn(move || {
                while Instant::now() < until {
                    if connection(socket, n, until, approval, tally).is_err() {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                }
            });
        }
    });
    tally.into_inner().expect("no thread has panicked")
}

fn hello(entries: bool) -> Value {
    let mut hello = json!({"proto": [1], "client": "flood", "topics": ["events", "alerts"], "quiet": false});
    if entries {
        hello["entries_from"] = json!(1);
    }
    hello
}

fn connection(
    socket: &Path,
    n: usize,
    until: Instant,
    approval: Option<&Approval>,
    tally: &Mutex<Tally>,
) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(Duration::from_millis(500)))?;
    let reader = stream.try_clone()?;
    tally.lock().expect("the tally").connections += 1;
    std::thread::scope(|scope| {
        scope.spawn(|| drain(reader, tally));
        let sent = (|| {
            writeln!(stream, "{}", hello(n.is_multiple_of(4)))?;
            for k in 0..LINES {
                let left = until.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let mut line = json!({"id": k, "req": request(n + k, approval)}).to_string();
                line.push('\n');
                write_all(&mut stream, line.as_bytes(), until)?;
                tally.lock().expect("the tally").sent += 1;
            }
            Ok(())
        })();
        let _ = stream.shutdown(Shutdown::Both);
        sent
    })
}

/// Writes all of it: a room that does not read is waited for until the end.
fn write_all(stream: &mut UnixStream, mut bytes: &[u8], until: Instant) -> std::io::Result<()> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    while !bytes.is_empty() && Instant::now() < until {
        match stream.write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if matches!(error.kind(), TimedOut | WouldBlock) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn request(n: usize, approval: Option<&Approval>) -> Value {
    match (n % 8, approval) {
        (0, _) => json!({"note": {"text": "x".repeat(8_000), "at": null}}),
        (1, _) => json!({"note": {"text": format!("note {n}"), "at": null}}),
        (2, _) => json!("status"),
        (3, _) => json!({"board": {"topic": "events"}}),
        (4, _) => {
            json!({"propose": {"action": "failover", "service": "shop", "confirm": "shop.example", "supersedes": null}})
        }
        (5 | 6, Some((plan, digest, name))) => json!({"approve": {"plan": plan, "digest": digest, "confirm": name}}),
        (5, None) => json!({"past": {"topic": "events", "at": "2026-03-02T14:37:00Z", "page": 0}}),
        _ => json!({"pin": {"seq": 999_999_999, "pinned": true}}),
    }
}

/// Reads until the end, and counts answers.
fn drain(stream: UnixStream, tally: &Mutex<Tally>) {
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = (&mut reader).take(2 * 1024 * 1024).read_until(b'\n', &mut line).unwrap_or_default();
        if read == 0 {
            return;
        }
        let mut tally = tally.lock().expect("the tally");
        tally.bytes += read as u64;
        let refusal = if line.starts_with(b"{\"refused\"") {
            serde_json::from_slice::<Value>(&line).ok().map(|it| it["refused"]["refusal"].clone())
        } else if line.starts_with(b"{\"bye\"") {
            serde_json::from_slice::<Value>(&line).ok().map(|it| it["bye"].clone())
        } else {
            tally.replies += u64::from(line.starts_with(b"{\"reply\""));
            None
        };
        if let Some(word) = refusal.as_ref().and_then(|it| it["refused"].as_str()) {
            *tally.refused.entry(word.to_owned()).or_default() += 1;
        }
    }
}

/// Writes a note every so often for so long; gives what each took, in milliseconds, sorted.
pub fn notes(socket: &Path, every: Duration, lasts: Duration) -> Result<Vec<f64>, String> {
    let io = |error: std::io::Error| error.to_string();
    let mut stream = UnixStream::connect(socket).map_err(io)?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(io)?;
    let mut reader = BufReader::new(stream.try_clone().map_err(io)?);
    writeln!(stream, "{}", json!({"proto": [1], "client": "notes", "quiet": true})).map_err(io)?;
    let (begun, mut took, mut line) = (Instant::now(), Vec::new(), String::new());
    while begun.elapsed() < lasts {
        let id = took.len();
        let asked = Instant::now();
        let note = json!({"id": id, "req": {"note": {"text": format!("still here, {id}"), "at": null}}});
        writeln!(stream, "{note}").map_err(io)?;
        loop {
            line.clear();
            if reader.read_line(&mut line).map_err(io)? == 0 {
                return Err("the room closed the connection".to_owned());
            }
            if line.starts_with("{\"refused\"") || line.starts_with("{\"bye\"") {
                return Err(format!("a note was not recorded: {line}"));
            }
            if line.starts_with("{\"reply\"") {
                break;
            }
        }
        took.push(asked.elapsed().as_secs_f64() * 1_000.0);
        std::thread::sleep(every.saturating_sub(asked.elapsed()));
    }
    took.sort_by(f64::total_cmp);
    Ok(took)
}
