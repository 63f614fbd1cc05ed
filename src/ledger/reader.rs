//! Reading while the writer writes: by sequence number, in bounded pieces, never past what is synced.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use super::scan::LineReader;
use super::{LogHealth, Storage, segment_name};
use crate::model::Digest;
use crate::model::entry::LogLine;
use crate::seal::{self, ChainLine, EntryMembers};

/// One mark per so many entries: memory stays small, and a reader skips a few lines.
const STRIDE: u64 = 64;

/// One segment as readers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Segment {
    pub number: u32,
    /// First and last good entry; `first > last` = none yet.
    pub first: u64,
    pub last: u64,
    /// Where the last good entry ends: nothing after it is shown.
    pub end: u64,
    /// Hash of the last good entry.
    pub head: Digest,
    /// (entry, offset where it or its body begins).
    marks: Vec<(u64, u64)>,
}

impl Segment {
    pub(super) fn new(number: u32, first: u64) -> Self {
        Self { number, first, last: first.saturating_sub(1), end: 0, head: Digest([0; 32]), marks: Vec::new() }
    }

    /// Takes note of the next entry.
    pub(super) fn push(&mut self, seq: u64, offset: u64, hash: Digest) {
        if self.marks.is_empty() {
            self.first = seq;
        }
        if (seq - self.first).is_multiple_of(STRIDE) {
            self.marks.push((seq, offset));
        }
        (self.last, self.head) = (seq, hash);
    }

    /// Where the nearest marked entry at or before this one begins.
    pub(super) fn mark(&self, seq: u64) -> u64 {
        let mark = self.marks.partition_point(|(marked, _)| *marked <= seq).saturating_sub(1);
        self.marks.get(mark).map_or(0, |(_, offset)| *offset)
    }
}

/// What writer and readers share.
pub(super) struct LogIndex {
    pub segments: Vec<Segment>,
    pub head: (u64, Digest),
    pub condition: LogHealth,
    /// Tails that `recovered` entries speak of.
    pub noted: BTreeSet<Digest>,
    /// No closed segment is damaged, so that what is known of the log can be kept beside it.
    pub whole: bool,
}

pub(super) struct LogShared {
    pub dir: PathBuf,
    pub storage: Arc<dyn Storage>,
    pub log_id: String,
    index: RwLock<LogIndex>,
}

impl LogShared {
    pub(super) fn new(dir: PathBuf, storage: Arc<dyn Storage>, log_id: String, index: LogIndex) -> Self {
        Self { dir, storage, log_id, index: RwLock::new(index) }
    }

    pub(super) fn read<T>(&self, look: impl FnOnce(&LogIndex) -> T) -> T {
        look(&self.index.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn change<T>(&self, change: impl FnOnce(&mut LogIndex) -> T) -> T {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Why entries can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("can't read {path}")]
    /// The system refused to open or read a segment.
    Io {
        /// The segment's file.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    #[error("{path} changed after it was verified, at byte {offset}")]
    /// A line is none any more, though it was verified when the log was opened or written.
    Changed {
        /// The segment's file.
        path: PathBuf,
        /// Where that line begins.
        offset: u64,
    },
}

/// Reads the log, concurrently with its writer. Cheap to clone.
#[derive(Clone)]
pub struct LogReader(pub(super) Arc<LogShared>);

impl LogReader {
    /// Last durable entry: number and hash.
    pub fn head(&self) -> (u64, Digest) {
        self.0.read(|index| index.head)
    }

    /// The log's random id. Empty if the first entry can't be read.
    pub fn log_id(&self) -> &str {
        &self.0.log_id
    }

    /// Whether the log takes entries.
    pub fn condition(&self) -> LogHealth {
        self.0.read(|index| index.condition.clone())
    }

    /// One entry; `None` if the log has none of that number, or lost it.
    pub fn line(&self, seq: u64) -> Result<Option<LogLine>, ReadError> {
        let mut found = self.read_from(seq, 1)?;
        let line = if found.is_empty() { None } else { Some(found.swap_remove(0)) };
        let is_it =
            |log: &LogLine| matches!(seal::scan_line(log.line.as_bytes()), Ok(ChainLine::Entry(it)) if it.seq == seq);
        Ok(line.filter(is_it))
    }

    /// Entries from `seq` on, in order: about `max_bytes` of them, at least one if there is one.
    ///
    /// Where a closed segment is damaged, its lost entries are skipped; who checks the chain sees the gap.
    pub fn read_from(&self, seq: u64, max_bytes: usize) -> Result<Vec<LogLine>, ReadError> {
        let mut out = Vec::new();
        let mut bytes = 0;
        let mut seq = seq.max(1);
        while bytes < max_bytes || out.is_empty() {
            let place = self.0.read(|index| {
                let at = index.segments.partition_point(|segment| segment.last < seq);
                index.segments.get(at).map(|segment| (segment.number, segment.last, segment.end, segment.mark(seq)))
            });
            let Some((number, last, end, offset)) = place else { break };
            self.read_segment(number, (offset, end), seq, max_bytes, &mut bytes, &mut out)?;
            seq = last + 1;
        }
        Ok(out)
    }

    fn read_segment(
        &self,
        number: u32,
        (offset, end): (u64, u64),
        seq: u64,
        max_bytes: usize,
        bytes: &mut usize,
        out: &mut Vec<LogLine>,
    ) -> Result<(), ReadError> {
        let path = self.0.dir.join(segment_name(number));
        let io = |source| ReadError::Io { path: path.clone(), source };
        let file = super::storage::retry(|| self.0.storage.open_read(&path)).map_err(io)?;
        let mut lines = LineReader::new(file.as_ref(), offset, end);
        let mut body = None;
        while let Some(piece) = lines.next().map_err(io)? {
            let changed = || ReadError::Changed { path: path.clone(), offset: piece.offset };
            let text = std::str::from_utf8(piece.bytes).map_err(|_| changed())?;
            match seal::scan_line(piece.bytes) {
                Ok(ChainLine::Body) => body = Some(text.to_owned()),
                Ok(ChainLine::Entry(EntryMembers { seq: found, .. })) if found < seq => body = None,
                Ok(ChainLine::Entry(_)) => {
                    let log = LogLine { line: text.to_owned(), body: body.take() };
                    *bytes += log.line.len() + log.body.as_ref().map_or(0, String::len) + 2;
                    out.push(log);
                    if *bytes >= max_bytes {
                        return Ok(());
                    }
                }
                Err(_) => return Err(changed()),
            }
        }
        Ok(())
    }
}
