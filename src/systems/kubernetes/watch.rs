//! List, then watch, for as long as the room lives: one task per resource, behind its source's gate.
//!
//! Our own loop over the client's requests, because each stage needs its own time limit and a word about what was
//! proven: a list that hangs, a watch that opens and ends at once, and one that stays open in silence all look alike
//! from outside. Objects are mapped as they come and not kept.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{Request, header};
use futures::StreamExt;
use kube::client::Body;
use serde_json::Value;
use tokio::time::Instant;

use super::ask::{self, Collection, ListFault, MAX_BODY};
use super::feed::{EVERY, Feed, NOT_INSTALLED_EVERY};
use super::object;
use super::trouble::{of_chain, plain, trouble_of, trouble_of_answer};
use crate::model::facts::{Fact, FactKind};
use crate::model::{Change, Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// The most facts of one kind from one source.
pub const MAX_FACTS: usize = 10_000;

/// What an object means: its key, and the fact if there is one to report.
pub type Mapped = Option<(String, Option<Fact>)>;

/// Turns objects into facts. `None` for an object that can't be told from others: it alone is left out.
pub trait Mapping: Send + 'static {
    /// One object as it is now.
    fn map(&mut self, object: &Value) -> Mapped;
    /// One object is gone.
    fn gone(&mut self, _key: &str) {}
    /// A list begins: everything known is void.
    fn reset(&mut self) {}
    /// A list was read to its end.
    fn complete(&mut self) {}
}

impl<F: FnMut(&Value) -> Mapped + Send + 'static> Mapping for F {
    fn map(&mut self, object: &Value) -> Mapped {
        self(object)
    }
}

/// One watched resource.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its name among the parts of its source.
    pub part: &'static str,
    pub collection: Collection,
    pub kind: FactKind,
}

/// Keeps one resource in view until the room stops.
pub async fn run(feed: Feed, what: Watched, mut mapping: impl Mapping) {
    let mut gate = feed.gate();
    let mut backoff = Backoff::default();
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return,
            open = gate.wait_for(|gate| gate.open) => if open.is_err() { return },
        }
        let mut watch = Watch { feed: &feed, what: &what, reported: HashSet::new(), lived: false };
        tokio::select! {
            () = feed.stop.cancelled() => return,
            changed = gate.changed() => if changed.is_err() { return },
            _ = watch.follow(&mut mapping, &mut backoff) => {}
        }
    }
}

struct Watch<'a> {
    feed: &'a Feed,
    what: &'a Watched,
    /// Keys of what was reported: an object that has no fact any more is taken back only if it had one.
    reported: HashSet<String>,
    /// Whether the watch that ended last told us anything.
    lived: bool,
}

/// How one watch ended.
enum End {
    /// In order, cut, or after silence: go on from the last version.
    Closed {
        lasted: bool,
    },
    /// 410: list again.
    Expired,
    /// The server does not let us watch: poll the list instead.
    Refused,
    Broken(Trouble),
}

impl Watch<'_> {
    async fn follow(&mut self, mapping: &mut impl Mapping, backoff: &mut Backoff) -> Infallible {
        loop {
            let mut version = match self.list(mapping).await {
                Ok(version) => version,
                Err(ListFault::Expired) => {
                    self.feed.clock.sleep(backoff.failed()).await;
                    continue;
                }
                Err(ListFault::Trouble(trouble)) => {
                    let slowly = trouble.kind == TroubleKind::NotInstalled;
                    self.fail(trouble).await;
                    let wait = if slowly { NOT_INSTALLED_EVERY } else { backoff.failed() };
                    self.feed.clock.sleep(wait).await;
                    continue;
                }
            };
            self.feed.parts.live(self.what.part);
            if version.is_empty() {
                self.feed.clock.sleep(EVERY).await;
                continue;
            }
            let mut broken = 0_u32;
            loop {
                let end = self.watch(&mut version, mapping).await;
                if self.lived {
                    backoff.reset();
                    broken = 0;
                }
                match end {
                    End::Closed { lasted: true } => backoff.reset(),
                    End::Closed { lasted: false } => self.feed.clock.sleep(backoff.failed()).await,
                    End::Expired => {
                        self.feed.clock.sleep(backoff.failed()).await;
                        break;
                    }
                    End::Refused => {
                        self.feed.clock.sleep(EVERY).await;
                        break;
                    }
                    End::Broken(trouble) => {
                        let garbage = trouble.kind == TroubleKind::Garbage;
                        broken += 1;
                        // One refused connection is an API server that restarts; two are trouble.
                        if broken > 1 || trouble.kind != TroubleKind::Unreachable {
                            self.fail(trouble).await;
                        }
                        self.feed.clock.sleep(backoff.failed()).await;
                        if garbage {
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn fail(&mut self, trouble: Trouble) {
        if trouble.kind == TroubleKind::Unauthorized {
            self.feed.link.forget().await;
        }
        if self.feed.parts.absent(self.what.part, trouble).await {
            self.reported.clear();
            self.feed.parts.report(Change::Replace { kind: self.what.kind, facts: Vec::new() }).await;
        }
    }

    async fn list(&mut self, mapping: &mut impl Mapping) -> Result<String, ListFault> {
        let client = self.feed.link.client().await.map_err(ListFault::Trouble)?;
        let mut facts = Vec::new();
        let mut odd = 0_usize;
        mapping.reset();
        let limit = self.feed.limits().list;
        let version = ask::list(&client, &self.what.collection, limit, |object| match mapping.map(object) {
            Some((_, Some(fact))) => {
                facts.push(fact);
                if facts.len() >= 2 * MAX_FACTS {
                    trim(&mut facts);
                }
            }
            Some((_, None)) => {}
            None => odd += 1,
        })
        .await?;
        mapping.complete();
        trim(&mut facts);
        if odd > 0 {
            tracing::warn!(resource = self.what.collection.resource(), odd, "objects without a name were left out");
        }
        self.reported = facts.iter().map(Fact::key).collect();
        self.feed.parts.live(self.what.part);
        self.feed.parts.report(Change::Replace { kind: self.what.kind, facts }).await;
        Ok(version)
    }

    async fn watch(&mut self, version: &mut String, mapping: &mut impl Mapping) -> End {
        let began = Instant::now();
        self.lived = false;
        let mut lines = match self.open(version).await {
            Ok(lines) => lines,
            Err(end) => return end,
        };
        self.feed.parts.live(self.what.part);
        loop {
            let lasted = self.lived || began.elapsed() >= Duration::from_secs(1);
            let line = match tokio::time::timeout(self.feed.limits().idle, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                // A cut connection is no trouble by itself: whether the server is away shows when we come back.
                Err(_) | Ok(Ok(None) | Err(Cut::Lost)) => return End::Closed { lasted },
                Ok(Err(Cut::TooLong)) => {
                    return End::Broken(plain(TroubleKind::Garbage, "a watch event of more than 8 MiB"));
                }
            };
            let Ok(event) = serde_json::from_slice::<Value>(&line) else {
                return End::Broken(plain(TroubleKind::Garbage, "a watch event that is not JSON"));
            };
            let body = object::at(&event, "/object");
            match object::at(&event, "/type").as_str() {
                Some("ADDED" | "MODIFIED") => self.seen(body, mapping).await,
                Some("DELETED") => self.gone(body, mapping).await,
                Some("BOOKMARK") => {}
                Some("ERROR") if object::count(body, "/code") == 410 => return End::Expired,
                Some("ERROR") => return self.error(body),
                _ => return End::Broken(plain(TroubleKind::Garbage, "an answer to a watch that is no watch event")),
            }
            self.lived = true;
            if let Some(newer) = object::at(body, "/metadata/resourceVersion").as_str() {
                newer.clone_into(version);
            }
        }
    }

    fn error(&self, status: &Value) -> End {
        let code = u16::try_from(object::count(status, "/code")).unwrap_or(500);
        End::Broken(ask::about(trouble_of_answer(code, status.to_string().as_bytes()), &self.what.collection))
    }

    async fn open(&self, version: &str) -> Result<Lines, End> {
        let client = self.feed.link.client().await.map_err(End::Broken)?;
        let limits = self.feed.limits();
        let path = format!(
            "{}?watch=true&allowWatchBookmarks=true&resourceVersion={}&timeoutSeconds={}",
            self.what.collection.path(),
            ask::encoded(version),
            limits.watch.as_secs().max(1)
        );
        let request = Request::get(path)
            .header(header::ACCEPT, "application/json")
            .body(Body::empty())
            .map_err(|_| End::Broken(plain(TroubleKind::Garbage, "a request that can't be written as HTTP")))?;
        let response = match tokio::time::timeout(limits.list, client.send(request)).await {
            Err(_) => return Err(End::Broken(ask::silent(limits.list))),
            Ok(Err(error)) => return Err(End::Broken(trouble_of(&error))),
            Ok(Ok(response)) => response,
        };
        match response.status().as_u16() {
            200 => Ok(Lines::new(response.into_body())),
            410 => Err(End::Expired),
            code @ (401 | 408 | 429 | 500..) => {
                let body = axum::body::to_bytes(axum::body::Body::new(response.into_body()), MAX_BODY);
                let body = tokio::time::timeout(limits.list, body).await;
                let body = body.ok().and_then(Result::ok).unwrap_or_default();
                Err(End::Broken(trouble_of_answer(code, &body)))
            }
            _ => Err(End::Refused),
        }
    }

    async fn seen(&mut self, object: &Value, mapping: &mut impl Mapping) {
        match mapping.map(object) {
            Some((key, Some(fact))) => {
                self.reported.insert(key);
                if self.reported.len() > 2 * MAX_FACTS {
                    // Far beyond what the board keeps: forgetting only means that some takings-back are not needed.
                    self.reported.clear();
                }
                self.feed.parts.report(Change::Upsert(fact)).await;
            }
            Some((key, None)) => self.take_back(key).await,
            None => tracing::warn!(resource = self.what.collection.resource(), "an object without a name was left out"),
        }
    }

    async fn gone(&mut self, object: &Value, mapping: &mut impl Mapping) {
        if let Some((key, _)) = mapping.map(object) {
            mapping.gone(&key);
            self.reported.insert(key.clone());
            self.take_back(key).await;
        }
    }

    async fn take_back(&mut self, key: String) {
        if self.reported.remove(&key) {
            self.feed.parts.report(Change::Remove { kind: self.what.kind, key }).await;
        }
    }
}

/// Cuts a list to its newest [`MAX_FACTS`].
fn trim(facts: &mut Vec<Fact>) {
    if facts.len() > MAX_FACTS {
        facts.sort_by_key(|fact| {
            std::cmp::Reverse(match fact {
                Fact::KubeEvent(event) => Some(event.last),
                Fact::RestorePoint(point) => point.started,
                Fact::Restore(restore) => restore.started,
                _ => None,
            })
        });
        facts.truncate(MAX_FACTS);
    }
}

/// Why no further line comes.
enum Cut {
    Lost,
    TooLong,
}

/// The lines of a watch, none longer than [`MAX_BODY`].
struct Lines {
    body: BodyDataStream,
    buffer: Vec<u8>,
    /// Where the next line begins, and how far was searched for its end.
    start: usize,
    searched: usize,
}

impl Lines {
    fn new(body: Body) -> Self {
        let body = axum::body::Body::new(body).into_data_stream();
        Self { body, buffer: Vec::new(), start: 0, searched: 0 }
    }

    async fn next(&mut self) -> Result<Option<Vec<u8>>, Cut> {
        loop {
            if let Some(found) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + found;
                let line = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                self.searched = self.start;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_BODY {
                return Err(Cut::TooLong);
            }
            match self.body.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => {
                    tracing::debug!(why = %of_chain(&error).what, "a watch was cut");
                    return Err(Cut::Lost);
                }
                None => return Ok(None),
            }
        }
    }
}
