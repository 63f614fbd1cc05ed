//! What was made of the log, and where the entries of an incident are in it.

use crate::ledger::{LogReader, ReadError};
use crate::model::entry::LogLine;
use crate::model::{Digest, Stamp};
use crate::seal;
use crate::timeline::{EntryRanges, Incident, Story};

/// What was made of the log is made ready anew when so many entries have come since.
const STALE: u64 = 256;
/// The newest entries of the latest incident that a client begins with.
const NEWEST: u64 = 1_000;
/// Bytes of entries of one message: with JSON's escapes well under what a line may have.
pub(super) const PAGE: usize = 256 * 1024;
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
    pub after: Option<Stamp>,
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
pub(super) fn number(line: &LogLine) -> Option<u64> {
    match seal::scan_line(line.line.as_bytes()) {
        Ok(seal::ChainLine::Entry(found)) => Some(found.seq),
        _ => None,
    }
}
