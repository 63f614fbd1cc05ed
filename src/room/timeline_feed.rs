//! What those who watch begin with, and what they read of the log afterwards: what was made of it, then pages.
//!
//! Nobody is sent the log to find out how things stand. The engine says what it made of it and where an incident's entries
//! are; the lines themselves are read on threads that nobody waits for.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::context::{RoomContext, blocking};
use super::engine::{Answer, EngineMessage};
use super::session::{Session, push};
use crate::ledger::{LogReader, ReadError};
use crate::model::entry::LogLine;
use crate::model::{Digest, IncidentId, Refusal, RefusalKind, Stamp};
use crate::protocol::{Push, Reply};
use crate::seal;
use crate::timeline::{EntryRanges, Incident, Story};

/// What was made of the log is made ready anew when so many entries have come since.
const STALE: u64 = 256;
/// The newest entries of the latest incident that a client begins with.
const NEWEST: u64 = 1_000;
/// Bytes of entries of one message: with JSON's escapes well under what a line may have.
pub const PAGE: usize = 256 * 1024;
/// Bytes that are read for a page at most: what lies between the entries of an incident is skipped.
const READ: usize = 4 * PAGE;
/// Runs of numbers that one page is looked for in.
const MOST_RUNS: usize = 4_096;

/// What was made of the log up to an entry.
#[derive(Debug)]
pub struct FoldedLog {
    pub seq: u64,
    pub head: Digest,
    pub json: String,
    /// The newest entries of the latest incident.
    pub newest: EntryPlaces,
}

/// Where entries of an incident are.
#[derive(Clone, Debug, Default)]
pub struct EntryPlaces {
    runs: EntryRanges,
    more: bool,
    after: Option<Stamp>,
}

impl FoldedLog {
    /// What was made of the log, up to this entry. `None` if it can't be told.
    pub fn of(story: &mut Story, (seq, head): (u64, Digest)) -> Option<Self> {
        let json = story.heads_json().inspect_err(|error| tracing::error!(%error, "no heads")).ok()?;
        let newest = story.current().or(story.latest()).map(|incident| {
            let from = incident.index.runs().back(seq + 1, NEWEST).unwrap_or_default();
            EntryPlaces::of(incident, from)
        });
        Some(Self { seq, head, json, newest: newest.unwrap_or_default() })
    }

    /// So much was recorded since that it is made anew.
    pub fn is_stale(&self, seq: u64) -> bool {
        self.seq + STALE < seq
    }
}

impl EntryPlaces {
    /// Where the entries of an incident are, from one on.
    pub fn of(incident: &Incident, from: u64) -> Self {
        let (runs, more) = incident.index.runs().part(from, MOST_RUNS);
        Self { runs, more, after: incident.after }
    }

    /// A page of the entries from one on; and where the next page begins.
    ///
    /// # Errors
    /// A log that can't be read.
    pub fn page(&self, reader: &LogReader, from: u64) -> Result<(Vec<LogLine>, Option<u64>), ReadError> {
        let (mut page, mut bytes, mut read) = (Vec::new(), 0, 0);
        let mut next = self.runs.next(from);
        let mut last = from;
        while let Some(seq) = next {
            if bytes >= PAGE || read >= READ {
                return Ok((page, Some(seq)));
            }
            let lines = reader.read_from(seq, PAGE - bytes.min(PAGE - 1))?;
            if lines.is_empty() {
                return Ok((page, None));
            }
            for line in lines {
                let size = line.line.len() + line.body.as_ref().map_or(0, String::len);
                read += size;
                last = number(&line).unwrap_or(last);
                if self.runs.has(last) {
                    bytes += size;
                    page.push(line);
                }
            }
            next = self.runs.next(last + 1);
        }
        Ok((page, self.more.then_some(last + 1)))
    }
}

/// The number of an entry's line.
pub fn number(line: &LogLine) -> Option<u64> {
    match seal::scan_line(line.line.as_bytes()) {
        Ok(seal::ChainLine::Entry(found)) => Some(found.seq),
        _ => None,
    }
}

impl Session {
    /// What the room made of the log, and the newest of the latest incident; the entries go on behind it.
    pub(super) async fn heads(&mut self) -> Result<(), String> {
        let (reply, heads) = oneshot::channel();
        self.engine.send(EngineMessage::Heads { reply }).await.map_err(|_| "the room ended")?;
        let heads = heads.await.map_err(|_| "the room ended")?.ok_or("what the room knows can't be told")?;
        let (seq, head) = (heads.seq, heads.head);
        let parts = parts(&heads.json, PAGE);
        for (i, part) in parts.iter().enumerate() {
            let more = i + 1 < parts.len();
            self.out.send(&push(Push::Heads { seq, head, part: (*part).to_owned(), more })).await?;
        }
        self.cursor = Some(seq + 1);
        let mut next = Some(0);
        while let Some(from) = next {
            let read = || blocking(|| heads.newest.page(&self.shared.reader, from));
            let page = match self.share.page(read).await {
                Ok((page, more)) => {
                    next = more.filter(|more| *more <= seq);
                    page
                }
                Err(error) => return self.unreadable(&error.to_string()).await,
            };
            self.out.send(&push(Push::Earlier(page))).await?;
        }
        Ok(())
    }
}

/// A text in parts of at most so many bytes.
fn parts(text: &str, most: usize) -> Vec<&str> {
    let (mut out, mut rest) = (Vec::new(), text);
    while rest.len() > most {
        let at = (0..=most).rev().find(|at| rest.is_char_boundary(*at)).unwrap_or(rest.len());
        let (part, left) = rest.split_at(at);
        out.push(part);
        rest = left;
    }
    out.push(rest);
    out
}

/// Answers with a page in its own time. `one` has one permit: a connection's next page is read when this one is.
pub fn answer(
    shared: Arc<RoomContext>,
    engine: mpsc::Sender<EngineMessage>,
    one: Arc<Semaphore>,
    (incident, from): (IncidentId, u64),
    reply: oneshot::Sender<Answer>,
) {
    tokio::spawn(async move {
        let Ok(one) = one.acquire_owned().await else { return };
        let (ask, place) = oneshot::channel();
        let asked = engine.send(EngineMessage::Place { incident: incident.clone(), from, reply: ask }).await;
        let (Ok(()), Ok(place)) = (asked, place.await) else { return };
        let Some(place) = place else {
            let _ = reply.send(Err(Refusal::new(
                RefusalKind::BadRequest,
                format!("there is no incident {incident} in this log"),
                "take its id from `warroom timeline show`",
            )));
            return;
        };
        let read = move || {
            let answer = place.page(&shared.reader, from).map_err(|error| {
                Refusal::new(
                    RefusalKind::Degraded,
                    format!("the timeline can't be read: {error}"),
                    "look at the log itself: `warroom verify DIR`",
                )
            });
            drop(one);
            let _ = reply.send(answer.map(|(lines, next)| Reply::History { lines, next, after: place.after }));
        };
        let _ = tokio::task::spawn_blocking(read).await;
    });
}
