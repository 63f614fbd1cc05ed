//! Controllers played on a real API server: nothing reacts there by itself, so these write the statuses that Velero, Argo CD,
//! Flux, kubelets and the node controller write. Each is a thread that looks at its objects again and again; a server that
//! is down is met with patience, as by the real ones.

pub mod argo;
pub mod flux;
pub mod nodes;
pub mod velero;
mod velero_server;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use warroom::clock::Clock;

use super::client::Client;

/// How often a controller looks.
const LOOK: Duration = Duration::from_millis(200);

/// How long a controller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A controller's thread. Ended on drop.
pub struct Player {
    ended: Arc<AtomicBool>,
    alive: Arc<Mutex<bool>>,
    thread: Option<JoinHandle<()>>,
}

impl Player {
    /// Calls `look` again and again.
    pub fn start(mut look: impl FnMut() + Send + 'static) -> Self {
        let (ended, alive) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(true)));
        let (over, awake) = (Arc::clone(&ended), Arc::clone(&alive));
        let thread = std::thread::spawn(move || {
            while !over.load(Ordering::SeqCst) {
                let living = lock(&awake);
                if *living {
                    look();
                }
                drop(living);
                std::thread::park_timeout(LOOK);
            }
        });
        Self { ended, alive, thread: Some(thread) }
    }

    /// The controller is dead: nothing is written from here on, and nothing that it wrote is taken back.
    pub fn die(&self) {
        *lock(&self.alive) = false;
    }

    /// It lives again.
    pub fn live(&self) {
        *lock(&self.alive) = true;
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// The writer's clock, which may be wrong by `skew`, as Kubernetes writes a time.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

pub(super) fn now() -> DateTime<Utc> {
    Clock::real().now()
}

/// A time that an object holds.
pub(super) fn time(value: &Value) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(value.as_str()?).ok().map(|at| at.with_timezone(&Utc))
}

/// A Go duration of hours, minutes and seconds.
pub(super) fn go_duration(text: &str) -> Option<TimeDelta> {
    let (mut sum, mut number) = (TimeDelta::zero(), String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let n: i64 = std::mem::take(&mut number).parse().ok()?;
        sum += match c {
            'h' => TimeDelta::hours(n),
            'm' => TimeDelta::minutes(n),
            's' => TimeDelta::seconds(n),
            _ => return None,
        };
    }
    number.is_empty().then_some(sum)
}

/// Objects of one kind in one namespace.
#[derive(Clone, Debug)]
pub(super) struct Objects {
    client: Client,
    path: String,
}

impl Objects {
    pub fn new(client: &Client, path: &str) -> Self {
        Self { client: client.clone(), path: path.to_owned() }
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), String> {
        let answer = self.client.ask(method, path, body).patience(PATIENCE).send()?;
        Ok((answer.status, answer.json()))
    }

    /// All of them, or none while the server does not answer.
    pub fn list(&self) -> Vec<Value> {
        match self.ask("GET", &self.path, None) {
            Ok((200, list)) => list["items"].as_array().cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    pub fn get(&self, name: &str) -> Option<Value> {
        match self.ask("GET", &format!("{}/{name}", self.path), None) {
            Ok((200, object)) => Some(object),
            _ => None,
        }
    }

    /// Creates one, as a person or a tool would.
    pub fn create(&self, object: &Value) -> Value {
        self.client.must("POST", &self.path, Some(object))
    }

    /// Merge patch; a change that somebody else made meanwhile wins where the patch names a version. A refusal is an error
    /// of the play and is printed: a schema that refuses what its controller writes would be news.
    pub fn patch(&self, name: &str, patch: &Value) -> bool {
        self.patch_at(&format!("{}/{name}", self.path), patch)
    }

    /// The same on the status subresource, where the kind has one.
    pub fn patch_status(&self, name: &str, status: &Value) -> bool {
        self.patch_at(&format!("{}/{name}/status", self.path), &json!({ "status": status }))
    }

    fn patch_at(&self, path: &str, patch: &Value) -> bool {
        match self.ask("PATCH", path, Some(patch)) {
            Ok((200..=299, _)) => true,
            Ok((400 | 404 | 422, said)) if said["reason"] != "NotFound" => {
                println!("PATCH {path} is refused: {said:#}\n{patch:#}");
                false
            }
            _ => false,
        }
    }

    /// Lets a deleted object go.
    pub fn without_finalizers(&self, object: &Value) -> bool {
        let deleted = object["metadata"]["deletionTimestamp"].is_string();
        deleted && self.patch(name(object), &json!({ "metadata": { "finalizers": null } }))
    }
}

pub(super) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Takes nothing away: adds what a test wants on top of what a kind needs at least.
pub(super) fn merged(mut base: Value, over: &Value) -> Value {
    merge(&mut base, over);
    base
}

/// The merge patch that makes `new` of `old`: what only the old one has is taken away.
pub(super) fn replaced(old: &Value, new: &Value) -> Value {
    let (Value::Object(before), Value::Object(after)) = (old, new) else { return new.clone() };
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.clone(), Value::Null));
    let kept =
        after.iter().map(|(key, value)| (key.clone(), before.get(key).map_or(value.clone(), |it| replaced(it, value))));
    Value::Object(gone.chain(kept).collect())
}

fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over.clone(),
    }
}
