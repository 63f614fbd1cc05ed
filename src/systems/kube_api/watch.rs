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
pub(crate) use super::gathered_facts::MAX_FACTS;
use super::json_access;
pub(crate) use super::list_mapping::{Mapped, Mapping};
pub(crate) use super::namespace_union::NamespaceUnion;
use super::requests::{self, Collection, PageFault};
use super::source_context::{EVERY, NOT_INSTALLED_EVERY, SourceContext};
use super::stream::{self, ObjectChange, StreamCut, Unopened, WatchLine, WatchLines};
use crate::model::facts::FactKind;
use crate::model::{SourceChange, Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// One watched resource.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// Its name among the parts of its source.
    pub part: String,
    pub collection: Collection,
    pub kind: FactKind,
    /// Where the lists of several namespaces become one.
    pub union: Option<NamespaceUnion>,
}

/// Keeps one resource in view until the room stops.
pub(crate) async fn run(feed: SourceContext, what: Watched, mut mapping: impl Mapping) {
    let mut gate = feed.gate();
    let mut backoff = Backoff::default();
    let mut watch = ResourceWatch::new(&feed, &what);
    let mut epoch = None;
    loop {
        let open = tokio::select! {
            () = feed.stop.cancelled() => return,
            open = gate.wait_for(|gate| gate.open) => open.map(|gate| gate.epoch),
        };
        let Ok(open) = open else { return };
        if epoch.replace(open) != Some(open) {
            // Another cluster, or another past of this one: its versions are not those that we know.
            watch.version = None;
        }
        tokio::select! {
            () = feed.stop.cancelled() => return,
            changed = gate.changed() => if changed.is_err() { return },
            _ = watch.follow(&mut mapping, &mut backoff) => {}
        }
    }
}

/// One resource in view. It can be left at any await and gone on with later.
pub(super) struct ResourceWatch<'a> {
    pub(super) feed: &'a SourceContext,
    pub(super) what: &'a Watched,
    /// Where to watch from; `None` if a list has to be read first.
    pub(super) version: Option<String>,
    /// Keys of what was reported: an object that has no fact any more is taken back only if it had one.
    pub(super) reported: HashSet<String>,
    /// Not all of those keys are known any more.
    pub(super) forgot: bool,
    /// Whether the watch that ended last told us anything.
    lived: bool,
    /// Objects that could not be read since the last list, and in what way that list is not the whole.
    pub(super) odd: usize,
    pub(super) lacks: ListLacks,
    /// The server showed that it can't give this list as a stream.
    pub(super) no_streams: bool,
    /// Failures in a row, nothing learnt in between; and how many lists in a row expired before their end.
    stumbles: u32,
    pub(super) expiries: u32,
    /// Objects that the last list had, as far as it was read, and when that was.
    pub(super) list_length: u32,
    pub(super) listed_at: Duration,
}

/// In what way a list is not the whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListLacks {
    Nothing,
    /// There was more than is kept, and it may be as new as what is.
    Undated,
    /// Changes from while it was read.
    Changes,
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
        Self {
            feed,
            what,
            version: None,
            reported: HashSet::new(),
            forgot: false,
            lived: false,
            odd: 0,
            lacks: ListLacks::Nothing,
            no_streams: false,
            stumbles: 0,
            expiries: 0,
            list_length: 0,
            listed_at: Duration::ZERO,
        }
    }

    async fn follow(&mut self, mapping: &mut impl Mapping, backoff: &mut Backoff) -> Infallible {
        loop {
            let mut lines = None;
            if self.version.is_none() {
                let rest = self.rest();
                if !rest.is_zero() {
                    self.feed.clock.sleep(rest).await;
                }
                match self.begin(mapping).await {
                    Ok(begun) => lines = begun,
                    Err(fault) => {
                        self.not_begun(fault, backoff).await;
                        continue;
                    }
                }
            }
            if self.version.is_none() {
                // A server that gives no version can't be watched.
                self.feed.clock.sleep(EVERY).await;
                continue;
            }
            let end = self.watch(lines, mapping).await;
            if self.lived {
                backoff.reset();
                self.stumbles = 0;
            }
            self.ended(end, backoff).await;
        }
    }

    /// A list that could not be read: says so where it is no mere hiccup, and waits.
    async fn not_begun(&mut self, fault: PageFault, backoff: &mut Backoff) {
        self.stumbles += 1;
        let wait = match fault {
            PageFault::Expired => {
                self.expiries += 1;
                if self.stumbles > 2 {
                    self.tell(self.too_fast()).await;
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

    /// What follows from how a watch ended.
    async fn ended(&mut self, end: WatchEnd, backoff: &mut Backoff) {
        let wait = match end {
            WatchEnd::Closed { lasted: true } => {
                backoff.reset();
                self.stumbles = 0;
                self.reread();
                return;
            }
            WatchEnd::Closed { lasted: false } => backoff.failed(),
            WatchEnd::Expired => {
                self.version = None;
                backoff.failed()
            }
            WatchEnd::Refused => {
                self.version = None;
                EVERY
            }
            WatchEnd::Failed(trouble) => {
                self.version = None;
                self.stumbles += 1;
                // The list that follows shows what the server is worth.
                if self.stumbles > 1 {
                    self.tell(trouble).await;
                }
                backoff.failed()
            }
            WatchEnd::Broken(trouble, asked) => {
                self.stumbles += 1;
                if trouble.kind == TroubleKind::Garbage {
                    self.version = None;
                }
                // One refused connection is an API server that restarts; two are trouble.
                self.stumble(trouble, &[TroubleKind::Unreachable]).await;
                backoff.failed().max(asked.unwrap_or_default())
            }
        };
        self.feed.clock.sleep(wait).await;
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
            && let Some((facts, _)) = self.what.listed(Vec::new(), 0)
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
    pub(super) async fn proven(&mut self) {
        let what = match (self.odd, self.lacks) {
            (0, ListLacks::Nothing) => return self.feed.parts.live(&self.what.part),
            (0, ListLacks::Undated) => format!("{} are too many to be read whole", self.what.collection.resource()),
            (0, ListLacks::Changes) => return self.tell(self.too_fast()).await,
            (1, _) => format!("1 of {} can't be read and is left out", self.what.collection.resource()),
            (odd, _) => format!("{odd} of {} can't be read and are left out", self.what.collection.resource()),
        };
        let remedy = "look with kubectl at what is there; everything else is shown";
        self.tell(trouble(TroubleKind::Partial, what, remedy)).await;
    }

    fn too_fast(&self) -> Trouble {
        let what = format!("{} change faster than they can be read page by page", self.what.collection.resource());
        let remedy = "the API server forgets too soon: look at etcd's compaction interval and at its load";
        trouble(TroubleKind::Partial, what, remedy)
    }

    async fn watch(&mut self, begun: Option<WatchLines>, mapping: &mut impl Mapping) -> WatchEnd {
        let began = Instant::now();
        self.lived = false;
        let mut lines = match begun {
            Some(lines) => lines,
            None => match self.open().await {
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
            let newer = match stream::read_line(&line, mapping) {
                Some(WatchLine::Object { change: ObjectChange::Deleted, mapped, version }) => {
                    self.gone(mapped, mapping).await;
                    version
                }
                Some(WatchLine::Object { mapped, version, .. }) => {
                    self.seen(mapped).await;
                    version
                }
                Some(WatchLine::Bookmark { version, .. }) => version,
                Some(WatchLine::Expired) => return WatchEnd::Expired,
                Some(WatchLine::Error(status)) => return self.error(&status),
                Some(WatchLine::Unknown) => return garbage("an answer to a watch that is no watch event"),
                None => return garbage("a watch event that is not JSON"),
            };
            self.lived = true;
            // Only now: whoever is left in between goes on with the same line.
            if !newer.is_empty() {
                self.version = Some(newer);
            }
        }
    }

    fn error(&self, status: &Value) -> WatchEnd {
        let code = u16::try_from(json_access::count(status, "/code")).unwrap_or(500);
        WatchEnd::Failed(requests::about(trouble_of_answer(code, status.to_string().as_bytes()), &self.what.collection))
    }

    async fn open(&self) -> Result<WatchLines, WatchEnd> {
        let client = self.feed.link.client().await.map_err(|trouble| WatchEnd::Broken(trouble, None))?;
        let from = self.version.as_deref();
        let opened = stream::open(&client, &self.what.collection, from, self.feed.limits()).await;
        opened.map_err(|why| match why {
            Unopened::Expired => WatchEnd::Expired,
            Unopened::Refused => WatchEnd::Refused,
            Unopened::Broken(trouble, asked) => WatchEnd::Broken(trouble, asked),
        })
    }

    async fn seen(&mut self, mapped: Mapped) {
        match mapped {
            Some((key, Some(fact))) => {
                let told = self.what.tells(&key, Some(&fact));
                self.reported.insert(key);
                if self.reported.len() > 2 * MAX_FACTS {
                    self.reported.clear();
                    self.forgot = true;
                }
                if told {
                    self.feed.parts.report(SourceChange::Upsert(fact)).await;
                }
            }
            Some((key, None)) if self.forgot || self.reported.contains(&key) => self.take_back(key).await,
            Some((_, None)) => {}
            None => self.left_out().await,
        }
    }

    async fn gone(&mut self, mapped: Mapped, mapping: &mut impl Mapping) {
        match mapped {
            Some((key, _)) => {
                mapping.gone(&key);
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
        if self.what.tells(&key, None) {
            self.feed.parts.report(SourceChange::Remove { kind: self.what.kind, key: key.clone() }).await;
        }
        self.reported.remove(&key);
    }
}

fn garbage(what: &str) -> WatchEnd {
    WatchEnd::Broken(plain(TroubleKind::Garbage, what), None)
}
