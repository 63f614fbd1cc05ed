//! Persons who write notes as fast as a room takes them, over all its deaths. Each note is sent once: what was not
//! acknowledged may be in the log or not, and is never repeated.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// Names the socket to this program when it is run again as a writer.
pub const SOCKET: &str = "KILLS_SOCKET";

/// Writers under accounts of their own, and what was acknowledged to them: text and entry.
pub struct Writers {
    children: Vec<Child>,
    readers: Vec<JoinHandle<()>>,
    acknowledged: Arc<Mutex<Vec<(String, u64)>>>,
}

impl Writers {
    /// Starts this program again under each account.
    pub fn start(home: &Path, socket: &Path, accounts: &[u32]) -> Result<Self, String> {
        let copy = home.join("writer");
        let me = std::env::current_exe().map_err(|e| e.to_string())?;
        std::fs::copy(me, &copy).map_err(|e| e.to_string())?;
        std::fs::set_permissions(&copy, std::fs::Permissions::from_mode(0o755)).map_err(|e| e.to_string())?;
        let mut writers = Self { children: Vec::new(), readers: Vec::new(), acknowledged: Arc::default() };
        for account in accounts {
            let mut command = Command::new(&copy);
            command
                .uid(*account)
                .gid(0)
                .current_dir("/")
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .env(SOCKET, socket);
            let mut child = command.spawn().map_err(|e| format!("a writer: {e}"))?;
            let lines = BufReader::new(child.stdout.take().ok_or("a writer without a pipe")?).lines();
            writers.children.push(child);
            let acknowledged = writers.acknowledged.clone();
            writers.readers.push(std::thread::spawn(move || {
                for line in lines.map_while(Result::ok) {
                    if let Some((text, seq)) = line.split_once(' ').and_then(|(t, s)| Some((t, s.parse().ok()?))) {
                        acknowledged.lock().expect("the list").push((text.to_owned(), seq));
                    }
                }
            }));
        }
        Ok(writers)
    }

    /// How many notes were acknowledged.
    pub fn acknowledged(&self) -> usize {
        self.acknowledged.lock().expect("the list").len()
    }

    /// All that was acknowledged so far.
    pub fn all(&self) -> Vec<(String, u64)> {
        self.acknowledged.lock().expect("the list").clone()
    }

    /// Ends the writers; gives all that was acknowledged.
    pub fn stop(mut self) -> Vec<(String, u64)> {
        self.end();
        for reader in self.readers.drain(..) {
            let _ = reader.join();
        }
        self.all()
    }

    fn end(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.end();
    }
}

/// Writes until it is ended: the other side of [`Writers::start`].
pub fn write(socket: &Path) -> Result<(), String> {
    let mut n = 0u64;
    loop {
        // A room that is down is tried again at once: its first moments are worth a note.
        if connection(socket, &mut n).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn connection(socket: &Path, n: &mut u64) -> std::io::Result<()> {
    let mut stream = UnixStream::connect(socket)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    writeln!(stream, "{}", json!({"proto": [1], "client": "kills", "quiet": true}))?;
    let (account, mut line) = (nix::unistd::Uid::effective(), String::new());
    loop {
        *n += 1;
        let text = format!("kill-{account}-{n}");
        let mut ask = json!({"id": n, "req": {"note": {"text": text, "at": null}}}).to_string();
        ask.push('\n');
        stream.write_all(ask.as_bytes())?;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 || line.starts_with("{\"bye\"") {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            if line.starts_with("{\"refused\"") {
                std::thread::sleep(Duration::from_millis(40));
                break;
            }
            if line.starts_with("{\"reply\"") {
                acknowledge(&text, &line);
                break;
            }
        }
    }
}

fn acknowledge(text: &str, reply: &str) {
    let reply: Value = serde_json::from_str(reply).unwrap_or_default();
    // The number stands in the reply to a note, whatever else does.
    let seq = find(&reply, "seq").unwrap_or(0);
    println!("{text} {seq}");
}

fn find(value: &Value, key: &str) -> Option<u64> {
    match value {
        Value::Object(map) => {
            map.get(key).and_then(Value::as_u64).or_else(|| map.values().find_map(|it| find(it, key)))
        }
        _ => None,
    }
}
