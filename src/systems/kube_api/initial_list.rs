//! The beginning of a watch: the whole collection, read page by page or as a stream, and where to watch from.

use std::time::Duration;

use serde_json::value::RawValue;

use super::error_text::plain;
use super::gathered_facts::GatheredFacts;
use super::list_mapping::{Mapping, map_text};
use super::requests::{self, AfterExpiry, PageFault};
use super::stream::{self, ObjectChange, StreamCut, Unopened, WatchLine, WatchLines};
use super::watch::{ListLacks, ResourceWatch};
use crate::model::facts::Fact;
use crate::model::{SourceChange, TroubleKind};

/// For how long a server is not asked for a list again, for each object that the last one had: what costs it seconds is
/// asked for twice a minute, and a list of some hundred objects as soon as it is wanted.
const REST_PER_OBJECT: Duration = Duration::from_micros(200);
const LONGEST_REST: Duration = Duration::from_secs(300);
/// A list that lacks changes is read again after so long: what is missing from it does not come by itself.
const REREAD_AFTER: Duration = Duration::from_secs(300);
/// From how many lists in a row that expire before their end it follows that none will be of one state.
const EXPIRIES_BORNE: u32 = 2;

impl ResourceWatch<'_> {
    /// How long the server is still to be left alone before the next list.
    pub(super) fn rest(&self) -> Duration {
        let rest = (REST_PER_OBJECT * self.list_length).min(LONGEST_REST);
        rest.saturating_sub(self.feed.clock.boot().saturating_sub(self.listed_at))
    }

    /// After a watch that went well: has what the list lacks to be read again?
    pub(super) fn reread(&mut self) {
        let age = self.feed.clock.boot().saturating_sub(self.listed_at);
        if self.lacks == ListLacks::Changes && age >= REREAD_AFTER {
            self.version = None;
        }
    }

    /// Reads the whole collection, and sets where to watch from; answers the stream it came on, if it came on one.
    pub(super) async fn begin(&mut self, mapping: &mut impl Mapping) -> Result<Option<WatchLines>, PageFault> {
        if !self.no_streams && self.feed.link.streaming_lists().await {
            match self.streamed(mapping).await {
                Ok(lines) => return Ok(Some(lines)),
                Err(Some(fault)) => return Err(fault),
                Err(None) => {
                    let resource = self.what.collection.resource();
                    tracing::info!(resource, "no streaming lists here: reading pages");
                    self.no_streams = true;
                }
            }
        }
        self.list(mapping).await.map(|()| None)
    }

    async fn list<M: Mapping>(&mut self, mapping: &mut M) -> Result<(), PageFault> {
        let client = self.feed.link.client().await.map_err(|trouble| PageFault::Trouble(trouble, None))?;
        let after_expiry = if self.expiries < EXPIRIES_BORNE { AfterExpiry::Fail } else { AfterExpiry::GoOn };
        let mut gathered = GatheredFacts::default();
        mapping.reset();
        self.asks_for_list();
        let length = &mut self.list_length;
        let add = |object: &RawValue| {
            *length += 1;
            let (mapped, version) = map_text(object, mapping);
            gathered.add(mapped, &version);
        };
        let listed = requests::pages(&client, &self.what.collection, self.feed.limits().list, after_expiry, add).await;
        self.listed_at = self.feed.clock.boot();
        let listed = listed?;
        let lacks = if listed.gaps { ListLacks::Changes } else { ListLacks::Nothing };
        self.swap(gathered, lacks, mapping).await;
        self.version = Some(listed.version).filter(|version| !version.is_empty());
        Ok(())
    }

    /// A list as the beginning of a watch. `None`: this server can't.
    async fn streamed<M: Mapping>(&mut self, mapping: &mut M) -> Result<WatchLines, Option<PageFault>> {
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
        self.asks_for_list();
        let end = self.read_stream(&mut lines, &mut gathered, mapping).await;
        self.listed_at = self.feed.clock.boot();
        let version = end?;
        self.swap(gathered, ListLacks::Nothing, mapping).await;
        self.version = Some(version).filter(|version| !version.is_empty());
        Ok(lines)
    }

    /// Reads a stream up to the bookmark that ends its list; answers the version of that.
    async fn read_stream<M: Mapping>(
        &mut self,
        lines: &mut WatchLines,
        gathered: &mut GatheredFacts,
        mapping: &mut M,
    ) -> Result<String, Option<PageFault>> {
        let limit = self.feed.limits().list;
        loop {
            let line = match tokio::time::timeout(limit, lines.next()).await {
                Ok(Ok(Some(line))) => line,
                // A server that does not know the question watches from now on and never says that the list is over.
                Err(_) | Ok(Ok(None) | Err(StreamCut::TooLong)) => return Err(None),
                Ok(Err(StreamCut::Lost)) => {
                    let trouble = plain(TroubleKind::Unreachable, "the connection was cut");
                    return Err(Some(PageFault::Trouble(trouble, None)));
                }
            };
            match stream::read_line(&line, mapping) {
                Some(WatchLine::Object { change: ObjectChange::Added, mapped, version }) => {
                    self.list_length += 1;
                    gathered.add(mapped, &version);
                }
                // What happens while the list is on its way may come before its end.
                Some(WatchLine::Object { change, mapped, version }) => {
                    let gone = change == ObjectChange::Deleted;
                    if let Some((key, _)) = mapped.as_ref().filter(|_| gone) {
                        mapping.gone(key);
                    }
                    gathered.change(mapped, &version, gone);
                }
                Some(WatchLine::Bookmark { version, ends_list: true }) => return Ok(version),
                Some(WatchLine::Bookmark { .. }) => {}
                Some(WatchLine::Expired) => return Err(Some(PageFault::Expired)),
                // With an old etcd below it every such stream ends in an error 500.
                Some(WatchLine::Error(_) | WatchLine::Unknown) | None => return Err(None),
            }
        }
    }

    /// From now on objects of a list are counted; whoever is left in the middle of it rests for what it had.
    fn asks_for_list(&mut self) {
        self.list_length = 0;
        self.listed_at = self.feed.clock.boot();
    }

    /// The new list takes the place of all that was known: what is not in it is gone.
    async fn swap(&mut self, gathered: GatheredFacts, lacks: ListLacks, mapping: &mut impl Mapping) {
        mapping.complete();
        self.expiries = 0;
        self.odd = gathered.odd;
        if self.odd > 0 {
            let resource = self.what.collection.resource();
            tracing::warn!(resource, self.odd, "objects that can't be read were left out");
        }
        let kept = gathered.finish();
        self.lacks = if kept.undated { ListLacks::Undated } else { lacks };
        self.reported = kept.facts.iter().map(Fact::key).collect();
        self.forgot = false;
        self.proven().await;
        if let Some((facts, unkept)) = self.what.listed(kept.facts, kept.unkept) {
            let kind = self.what.kind;
            self.feed.parts.report(SourceChange::Replace { kind, facts }).await;
            if unkept > 0 {
                self.feed.parts.report(SourceChange::Unkept { kind, count: unkept }).await;
            }
        }
    }
}
