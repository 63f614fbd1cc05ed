//! List, then watch, for as long as the room lives: one task per resource, behind its source's gate.
//!
//! Our own loop over the client's requests, because each stage needs its own time limit and a word about what was
//! proven: a list that hangs, a watch that opens and ends at once, and one that stays open in silence all look alike
//! from outside. Objects are mapped as they come and not kept.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::error_text::{plain, trouble, trouble_of_answer};
use super::json_access;
use super::list_mapping::GatheredFacts;
pub use super::list_mapping::{MAX_FACTS, Mapped, Mapping};
pub use super::namespace_union::NamespaceUnion;
use super::requests::{self, Collection, PageFault};
use super::source_context::{EVERY, NOT_INSTALLED_EVERY, SourceContext};
use super::stream::{self, StreamCut, Unopened, WatchEvent, WatchEventKind, WatchLines};
use crate::model::facts::{Fact, FactKind};
use crate::model::{SourceChange, Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// One watched resource.
#[derive(Clone, Debug)]
pub struct Watched {
    /// Its name among the parts of its source.
    pub part: String,
    pub collection: Collection,
    pub kind: FactKind,
    /// Where the lists of several namespaces become one.
    pub union: Option<NamespaceUnion>,
}

/// Keeps one resource in view until the room stops.
pub async fn run(feed: SourceContext, what: Watched, mut mapping: impl Mapping) {
    let mut gate = feed.gate();
    let mut backoff = Backoff::default();
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return,
            open = gate.wait_for(|gate| gate.open) => if open.is_err() { return },
        }
        let mut watch = ResourceWatch::new(&feed, &what);
        tokio::select! {
            () = feed.stop.cancelled() => return,
            changed = gate.changed() => if changed.is_err() { return },
            _ = watch.follow(&mut mapping, &mut backoff) => {}
        }
    }
}

struct ResourceWatch<'a> {
    feed: &'a SourceContext,
    what: &'a Watched,
    /// Keys of what was reported: an object that has no fact any more is taken back only if it had one.
    reported: HashSet<String>,
    /// Whether the watch that ended last told us anything.
    lived: bool,
    /// Objects that could not be read since the last list, and whether that list was read to its end.
    odd: usize,
    cut: bool,
    /// Lists are asked for as streams, until the server shows that it can't.
    streams: bool,
    /// Failures in a row, nothing learnt in between.
    stumbles: u32,
}

/// How one watch ended.
enum WatchEnd {
    /// In order, cut, or after silence: go on from the last version.
    Closed {
        lasted: bool,
    },
    /// 410: list again.
    Expired,
    /// The server does not let us watch: poll the list instead.
    Refused,
    /// An error inside the stream: what we held may have gaps, list again.
    Failed(Trouble),
    Broken(Trouble, Option<Duration>),
}

impl<'a> ResourceWatch<'a> {
    fn new(feed: &'a SourceContext, what: &'a Watched) -> Self {
        let streams = feed.link.streaming_lists();
        Self { feed, what, reported: HashSet::new(), lived: false, odd: 0, cut: false, streams, stumbles: 0 }
    }

    async fn follow(&mut self, mapping: &mut impl Mapping, backoff: &mut Backoff) -> Infallible {
        loop {
            let (mut version, mut lines) = match self.begin(mapping).await {
                Ok(begun) => begun,
                Err(fault) => {
                    self.not_begun(fault, backoff).await;
                    continue;
                }
            };
            if version.is_empty() {
                self.feed.clock.sleep(EVERY).await;
                continue;
            }
            loop {
                let end = self.watch(lines.take(), &mut version, mapping).await;
                if self.lived {
                    backoff.reset();
                    self.stumbles = 0;
                }
                if self.ended(end, backoff).await {
                    break;
                }
            }
        }
    }

    /// A list that could not be read: says so where it is no mere hiccup, and waits.
    async fn not_begun(&mut self, fault: PageFault, backoff: &mut Backoff) {
        self.stumbles += 1;
        let wait = match fault {
            PageFault::Expired => {
                if self.stumbles > 2 {
                    let what =
                        format!("{} change faster than they can be read page by page", self.what.collection.resource());
                    let remedy = "the API server forgets too soon: look at etcd's compaction interval and at its load";
                    self.tell(trouble(TroubleKind::Partial, what, remedy)).await;
                }
                backoff.failed()
            }
            PageFault::Trouble(trouble, asked) => {
                let slowly = trouble.kind == TroubleKind::NotInstalled;
                self.stumble(trouble, &[]).await;
                if slowly { NOT_INSTALLED_EVERY } else { backoff.failed().max(asked.unwrap_or_default()) }
            }
        };
        self.feed.clock.sleep(wait).await;
    }

    /// What follows from how a watch ended; true if the list has to be read again.
    async fn ended(&mut self, end: WatchEnd, backoff: &mut Backoff) -> bool {
        let (wait, again) = match end {
            WatchEnd::Closed { lasted: true } => {
                backoff.reset();
                self.stumbles = 0;
                return false;
            }
            WatchEnd::Closed { lasted: false } => (backoff.failed(), false),
            WatchEnd::Expired => (backoff.failed(), true),
            WatchEnd::Refused => (EVERY, true),
            WatchEnd::Failed(trouble) => {
                self.stumbles += 1;
                // The list that follows shows what the server is worth.
                if self.stumbles > 1 {
                    self.tell(trouble).await;
                }
                (backoff.failed(), true)
            }
            WatchEnd::Broken(trouble, asked) => {
                self.stumbles += 1;
                let garbage = trouble.kind == TroubleKind::Garbage;
                // One refused connection is an API server that restarts; two are trouble.
                self.stumble(trouble, &[TroubleKind::Unreachable]).await;
                (backoff.failed().max(asked.unwrap_or_default()), garbage)
            }
        };
        self.feed.clock.sleep(wait).await;
        again
    }

    /// A failure. A credential that was replaced meanwhile and a server that asks for patience get a second try in
    /// silence, and so do these kinds.
    async fn stumble(&mut self, trouble: Trouble, also: &[TroubleKind]) {
        let kind = trouble.kind;
        let trouble = if kind == TroubleKind::Unauthorized { self.feed.link.refused(trouble).await } else { trouble };
        let forgiven = matches!(kind, TroubleKind::Unauthorized | TroubleKind::Throttled) || also.contains(&kind);
        if self.stumbles > 1 || !forgiven {
            self.tell(trouble).await;
        }
    }

    /// Where the part may be absent and is, what it said before is void.
    async fn tell(&mut self, trouble: Trouble) {
        if trouble.kind == TroubleKind::Forbidden
            && self.what.union.is_some()
            && let Some(facts) = self.what.listed(Vec::new())
        {
            // What may not be read does not hide the rest: that it is missing is told beside it.
            self.reported.clear();
            self.feed.parts.report(SourceChange::Replace { kind: self.what.kind, facts }).await;
        }
        if self.feed.parts.absent(&self.what.part, trouble).await {
            self.reported.clear();
            self.feed.parts.report(SourceChange::Replace { kind: self.what.kind, facts: Vec::new() }).await;
        }
    }

    /// The part was read, perhaps with gaps.
    async fn proven(&mut self) {
        let what = match (self.odd, self.cut) {
            (0, false) => return self.feed.parts.live(&self.what.part),
            (0, true) => format!("{} are too many to be read whole", self.what.collection.resource()),
            (1, _) => format!("1 of {} can't be read and is left out", self.what.collection.resource()),
            (odd, _) => format!("{odd} of {} can't be read and are left out", self.what.collection.resource()),
        };
        let remedy = "look with kubectl at what is there; everything else is shown";
        self.tell(trouble(TroubleKind::Partial, what, remedy)).await;
    }

    /// The whole collection, and where to watch from; the stream it came on, if it came on one.
    async fn begin(&mut self, mapping: &mut impl Mapping) -> Result<(String, Option<WatchLines>), PageFault> {
        if self.streams {
            match self.streamed(mapping).await {
                Ok((version, lines)) => return Ok((version, Some(lines))),
                Err(Some(fault)) => return Err(fault),
                Err(None) => {
                    tracing::info!(
                        resource = self.what.collection.resource(),
                        "no streaming lists here: reading pages"
                    );
                    self.streams = false;
                }
            }
        }
        self.list(mapping).await.map(|version| (version, None))
    }

    async fn list(&mut self, mapping: &mut impl Mapping) -> Result<String, PageFault> {
        let client = self.feed.link.client().await.map_err(|trouble| PageFault::Trouble(trouble, None))?;
        let mut gathered = GatheredFacts::default();
        mapping.reset();
        let limit = self.feed.limits().list;
        let add = |object: &Value| gathered.add(mapping.map(object));
        let listed = requests::pages(&client, &self.what.collection, limit, add).await?;
        self.cut = listed.cut;
        self.swap(gathered, mapping).await;
        Ok(listed.version)
    }

    /// A list as the beginning of a watch. `None`: this server can't.
    async fn streamed(&mut self, mapping: &mut impl Mapping) -> Result<(String, WatchLines), Option<PageFault>> {
        let limit = self.feed.limits().list;
        let of_trouble = |trouble| Some(PageFault::Trouble(trouble, None));
        let client = self.feed.link.client().await.map_err(of_trouble)?;
        let mut lines = match stream::open(&client, &self.what.collection, None, self.feed.limits()).await {
            Ok(lines) => lines,
            Err(Unopened::Expired) => return Err(Some(PageFault::Expired)),
            Err(Unopened::Refused) => return Err(None),
            Err(Unopened::Broken(trouble, asked)) => return Err(Some(PageFault::Trouble(trouble, asked))),
        };
        let mut gathered = GatheredFacts::default();
        mapping.reset();
        loop {
            let line = match tokio::time::timeout(limit, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                // A server that does not know the question watches from now on and never says that the list is over.
                Err(_) | Ok(Ok(None) | Err(StreamCut::TooLong)) => return Err(None),
                Ok(Err(StreamCut::Lost)) => {
                    return Err(of_trouble(plain(TroubleKind::Unreachable, "the connection was cut")));
                }
            };
            let Some(WatchEvent { kind, object, .. }) = stream::event(&line) else { return Err(None) };
            match kind {
                WatchEventKind::Added | WatchEventKind::Modified => gathered.add(mapping.map(&object)),
                WatchEventKind::Bookmark
                    if json_access::tag(&object, "annotations", "k8s.io/initial-events-end") == Some("true") =>
                {
                    self.cut = false;
                    self.swap(gathered, mapping).await;
                    return Ok((json_access::string(&object, "/metadata/resourceVersion"), lines));
                }
                WatchEventKind::Deleted | WatchEventKind::Bookmark => {}
                WatchEventKind::Error if stream::is_expired(&object) => return Err(Some(PageFault::Expired)),
                // With an old etcd below it every such stream ends in an error 500.
                WatchEventKind::Error | WatchEventKind::Unknown => return Err(None),
            }
        }
    }

    /// The new list takes the place of all that was known: what is not in it is gone.
    async fn swap(&mut self, gathered: GatheredFacts, mapping: &mut impl Mapping) {
        mapping.complete();
        self.odd = gathered.odd;
        if self.odd > 0 {
            tracing::warn!(
                resource = self.what.collection.resource(),
                self.odd,
                "objects that can't be read were left out"
            );
        }
        let (facts, cut) = gathered.into_facts();
        self.cut |= cut;
        self.reported = facts.iter().map(Fact::key).collect();
        self.proven().await;
        if let Some(facts) = self.what.listed(facts) {
            self.feed.parts.report(SourceChange::Replace { kind: self.what.kind, facts }).await;
        }
    }

    async fn watch(&mut self, begun: Option<WatchLines>, version: &mut String, mapping: &mut impl Mapping) -> WatchEnd {
        let began = Instant::now();
        self.lived = false;
        let mut lines = match begun {
            Some(lines) => lines,
            None => match self.open(version).await {
                Ok(lines) => lines,
                Err(end) => return end,
            },
        };
        self.proven().await;
        loop {
            let lasted = self.lived || began.elapsed() >= Duration::from_secs(1);
            let line = match tokio::time::timeout(self.feed.limits().idle, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                // A cut connection is no trouble by itself: whether the server is away shows when we come back.
                Err(_) | Ok(Ok(None) | Err(StreamCut::Lost)) => return WatchEnd::Closed { lasted },
                Ok(Err(StreamCut::TooLong)) => return garbage("a watch event of more than 8 MiB"),
            };
            let Some(WatchEvent { kind, object }) = stream::event(&line) else {
                return garbage("a watch event that is not JSON");
            };
            match kind {
                WatchEventKind::Added | WatchEventKind::Modified => self.seen(&object, mapping).await,
                WatchEventKind::Deleted => self.gone(&object, mapping).await,
                WatchEventKind::Bookmark => {}
                WatchEventKind::Error if stream::is_expired(&object) => return WatchEnd::Expired,
                WatchEventKind::Error => return self.error(&object),
                WatchEventKind::Unknown => return garbage("an answer to a watch that is no watch event"),
            }
            self.lived = true;
            if let Some(newer) = json_access::at(&object, "/metadata/resourceVersion").as_str() {
                newer.clone_into(version);
            }
        }
    }

    fn error(&self, status: &Value) -> WatchEnd {
        let code = u16::try_from(json_access::count(status, "/code")).unwrap_or(500);
        WatchEnd::Failed(requests::about(trouble_of_answer(code, status.to_string().as_bytes()), &self.what.collection))
    }

    async fn open(&self, version: &str) -> Result<WatchLines, WatchEnd> {
        let client = self.feed.link.client().await.map_err(|trouble| WatchEnd::Broken(trouble, None))?;
        let opened = stream::open(&client, &self.what.collection, Some(version), self.feed.limits()).await;
        opened.map_err(|why| match why {
            Unopened::Expired => WatchEnd::Expired,
            Unopened::Refused => WatchEnd::Refused,
            Unopened::Broken(trouble, asked) => WatchEnd::Broken(trouble, asked),
        })
    }

    async fn seen(&mut self, object: &Value, mapping: &mut impl Mapping) {
        match mapping.map(object) {
            Some((key, Some(fact))) => {
                let told = self.what.tells(&key, Some(&fact));
                self.reported.insert(key);
                if self.reported.len() > 2 * MAX_FACTS {
                    // Far beyond what the board keeps: forgetting only means that some takings-back are not needed.
                    self.reported.clear();
                }
                if told {
                    self.feed.parts.report(SourceChange::Upsert(fact)).await;
                }
            }
            Some((key, None)) => self.take_back(key).await,
            None => self.left_out().await,
        }
    }

    async fn gone(&mut self, object: &Value, mapping: &mut impl Mapping) {
        match mapping.map(object) {
            Some((key, _)) => {
                mapping.gone(&key);
                self.reported.insert(key.clone());
                self.take_back(key).await;
            }
            None => self.left_out().await,
        }
    }

    async fn left_out(&mut self) {
        self.odd += 1;
        tracing::warn!(resource = self.what.collection.resource(), "an object that can't be read was left out");
        self.proven().await;
    }

    async fn take_back(&mut self, key: String) {
        if self.reported.remove(&key) && self.what.tells(&key, None) {
            self.feed.parts.report(SourceChange::Remove { kind: self.what.kind, key }).await;
        }
    }
}

fn garbage(what: &str) -> WatchEnd {
    WatchEnd::Broken(plain(TroubleKind::Garbage, what), None)
}
