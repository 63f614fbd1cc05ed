//! A room between a client and the real one, which adds to every string that it passes on what a terminal would obey. Entries
//! are hashed and linked anew, so that they verify. Fields that then no longer parse (times, hashes, words of a fixed set) are
//! found by trying, and left alone.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha256};
use warroom::model::entry::LogLine;
use warroom::protocol::RoomLine;
use warroom::protocol::codec::{ROOM_DEPTH, decode};
use warroom::timeline::{Keep, Story};

/// Writes the clipboard, sets the title, colours, reverses, hides, goes to the line's start, rings.
pub const PAYLOAD: &str =
    "\u{1b}]52;c;eA==\u{7}\u{1b}]0;pwn\u{7}\u{1b}[2J\u{9b}31m\u{202e}\u{200b}\r\u{7f}\u{8}\u{e0041}";

/// The payload as a string of JSON.
pub fn lie() -> String {
    Value::from(PAYLOAD).to_string()
}

/// Every string of a value.
pub fn strings(value: &Value, take: &mut impl FnMut(&str)) {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, take)),
        Value::Object(members) => members.iter().for_each(|(key, item)| {
            take(key);
            strings(item, take);
        }),
        _ => {}
    }
}

/// Fields by their place, and whether a lie fits in.
type Fields = Arc<Mutex<BTreeMap<String, bool>>>;

/// The liar; it ends with this.
pub struct Liar {
    fields: Fields,
    stop: Arc<AtomicBool>,
    socket: PathBuf,
}

impl Liar {
    pub fn start(room: &Path, socket: &Path) -> Self {
        let listener = UnixListener::bind(socket).expect("bound");
        std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o666)).expect("its mode");
        let (fields, stop) = (Fields::default(), Arc::new(AtomicBool::new(false)));
        let this = Self { fields: fields.clone(), stop: stop.clone(), socket: socket.to_owned() };
        let room = room.to_owned();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let real = UnixStream::connect(&room).expect("the real room");
                let (to_room, to_client) = (real.try_clone().expect("a handle"), client.try_clone().expect("a handle"));
                let fields = fields.clone();
                std::thread::spawn(move || pass_on(client, to_room));
                std::thread::spawn(move || Lies { fields, heads: BTreeMap::new() }.tell(real, to_client));
            }
        });
        this
    }

    /// Where it lied.
    pub fn fields(&self) -> Vec<String> {
        let fields = self.fields.lock().expect("not poisoned");
        fields.iter().filter(|(_, fits)| **fits).map(|(field, _)| field.clone()).collect()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = UnixStream::connect(&self.socket);
    }
}

fn pass_on(mut from: UnixStream, mut to: UnixStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}

/// A server that says this to whoever connects, and hangs up.
pub fn say_once(socket: &Path, line: &str) -> impl Drop + use<> {
    struct Once(PathBuf, Arc<AtomicBool>);
    impl Drop for Once {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Relaxed);
            let _ = UnixStream::connect(&self.0);
            let _ = std::fs::remove_file(&self.0);
        }
    }
    let listener = UnixListener::bind(socket).expect("bound");
    let (line, stop) = (format!("{line}\n"), Arc::new(AtomicBool::new(false)));
    let once = Once(socket.to_owned(), stop.clone());
    std::thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let mut hello = String::new();
            let heard = BufReader::new(client.try_clone().expect("a handle")).read_line(&mut hello);
            // Whoever only looks whether somebody is there says nothing.
            if heard.is_ok_and(|bytes| bytes > 0) {
                let _ = client.write_all(line.as_bytes());
            }
        }
    });
    once
}

/// One connection's lies.
struct Lies {
    fields: Fields,
    /// The hash of each entry as it was told.
    heads: BTreeMap<u64, String>,
}

impl Lies {
    fn tell(mut self, from: UnixStream, mut to: UnixStream) {
        for line in BufReader::new(from).lines() {
            let Ok(line) = line else { return };
            let mut value: Value = serde_json::from_str(&line).expect("the room speaks JSON");
            if let Some(entries) = value.pointer_mut("/push/entries").and_then(Value::as_array_mut) {
                entries.iter_mut().for_each(|entry| self.entry(entry));
            } else if let Some(entries) = value.pointer_mut("/push/earlier").and_then(Value::as_array_mut) {
                entries.iter_mut().for_each(|entry| self.entry(entry));
                // Nothing links to these: what follows links to the head that came with what was made of them.
                self.heads.clear();
            } else if let Some(Value::String(part)) = value.pointer_mut("/push/heads/part") {
                self.made(part);
            } else {
                self.message(&mut value);
            }
            if writeln!(to, "{value}").is_err() {
                return;
            }
        }
    }

    /// Lies in every field of a message in which that can be done.
    fn message(&mut self, value: &mut Value) {
        let mut places = Vec::new();
        walk(value, String::new(), String::new(), &mut places);
        for (pointer, field) in places {
            let known = self.fields.lock().expect("not poisoned").get(&field).copied();
            if known == Some(false) {
                continue;
            }
            let Some(Value::String(text)) = value.pointer_mut(&pointer) else { continue };
            let before = text.clone();
            text.push_str(PAYLOAD);
            if known.is_some() {
                continue;
            }
            let fits = decode::<RoomLine>(&value.to_string(), ROOM_DEPTH).is_ok();
            if !fits && let Some(it) = value.pointer_mut(&pointer) {
                *it = Value::from(before);
            }
            self.fields.lock().expect("not poisoned").insert(field, fits);
        }
    }

    /// The same in what the room made of its log. Names by which things are found stay, so that the rest is looked at.
    fn made(&mut self, part: &mut String) {
        let mut story: Value = serde_json::from_str(part).expect("one part");
        let mut places = Vec::new();
        walk(&story, String::new(), "made".to_owned(), &mut places);
        for (pointer, field) in places {
            let name = pointer.rsplit('/').next().unwrap_or_default();
            if ["id", "incident", "plan", "bytes", "state"].contains(&name) {
                continue;
            }
            let Some(Value::String(text)) = story.pointer_mut(&pointer) else { continue };
            let before = text.clone();
            text.push_str(PAYLOAD);
            let fits = Story::from_json(story.to_string().as_bytes(), Keep::Heads).is_ok();
            if !fits && let Some(it) = story.pointer_mut(&pointer) {
                *it = Value::from(before);
            }
            self.fields.lock().expect("not poisoned").entry(field).and_modify(|it| *it |= fits).or_insert(fits);
        }
        *part = story.to_string();
    }

    /// The same in an entry, which is then sealed anew.
    fn entry(&mut self, entry: &mut Value) {
        let text = |key: &str| entry[key].as_str().map(str::to_owned);
        let mut log = LogLine { line: text("line").expect("a line"), body: text("body") };
        let whole: Value = serde_json::from_str(&log.line).expect("JSON");
        let (seq, kind) = (whole["seq"].as_u64().expect("a number"), whole["k"].as_str().expect("a kind").to_owned());
        if let Some(prev) = seq.checked_sub(1).and_then(|before| self.heads.get(&before)) {
            log.line = log.line.replace(whole["prev"].as_str().expect("a hash"), prev);
        }
        if let Some(body) = &mut log.body
            && body.contains("\"text\":\"")
        {
            body.truncate(body.len() - 2);
            body.push_str(lie().trim_start_matches('"'));
            body.push('}');
            log.line = log.line.replace(whole["body"].as_str().expect("a hash"), &hex(body));
        }
        seal(&mut log.line);
        // A plan has one form, which has no room for a lie, and names who proposed it.
        let plans = ["proposed", "approved"].contains(&kind.as_str());
        let mut at = 0;
        while let Some((key, end)) = next_text(&log.line, at) {
            at = end + 1;
            let hashed = ["h", "prev", "body", "k", "inc", "incident", "plan"].contains(&key.as_str()) || plans;
            let field = format!("{kind}: {key}");
            let known = self.fields.lock().expect("not poisoned").get(&field).copied();
            if hashed || known == Some(false) {
                continue;
            }
            let mut lied = log.clone();
            let lie = lie();
            lied.line.insert_str(end, &lie[1..lie.len() - 1]);
            seal(&mut lied.line);
            let fits = warroom::seal::decode(&lied).is_ok();
            if fits {
                at = end + lie.len();
                log = lied;
            }
            self.fields.lock().expect("not poisoned").entry(field).and_modify(|it| *it |= fits).or_insert(fits);
        }
        let hash = log.line[log.line.len() - 66..log.line.len() - 2].to_owned();
        self.heads.insert(seq, hash);
        entry["line"] = Value::from(log.line);
        if let Some(body) = log.body {
            entry["body"] = Value::from(body);
        }
    }
}

/// Writes the hash of the line into it.
fn seal(line: &mut String) {
    let at = line.len() - 72;
    let hash = hex(&line[..at]);
    line.truncate(at);
    line.push_str(&format!(",\"h\":\"{hash}\"}}"));
}

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The next string of a line of JSON that is no key: the key before it, and where it ends.
fn next_text(line: &str, from: usize) -> Option<(String, usize)> {
    let bytes = line.as_bytes();
    let (mut at, mut key) = (0, String::new());
    while at < bytes.len() {
        if bytes[at] != b'"' {
            at += 1;
            continue;
        }
        let start = at + 1;
        let mut end = start;
        while bytes[end] != b'"' {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        at = end + 1;
        if bytes.get(at) == Some(&b':') {
            key = line[start..end].to_owned();
        } else if end >= from {
            return Some((key, end));
        }
    }
    None
}

/// Pointers to every string of a value, with the same place without numbers.
fn walk(value: &Value, pointer: String, field: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(_) => found.push((pointer, field)),
        Value::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{n}"), format!("{field}/*"), found);
            }
        }
        Value::Object(members) => {
            for (key, item) in members {
                let step = key.replace('~', "~0").replace('/', "~1");
                walk(item, format!("{pointer}/{step}"), format!("{field}/{step}"), found);
            }
        }
        _ => {}
    }
}
