//! What is kept beside the log so that a start need not read all of it: where the entries stand, and whatever the room made
//! of them.
//!
//! A snapshot is never the truth. It counts only if the log still holds what it speaks of: the same log, the same closed
//! segments, and in the newest of them, which is verified as ever, the entry that it ends at. Everything before that is
//! verified too, after the start ([`Unverified`]). A log that ends before its snapshot, or has another entry there, was cut or
//! written anew: a snapshot is written of durable entries alone, so no crash does that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};

use serde::{Deserialize, Serialize};

use super::opening::{Opening, Survey, id_of};
use super::reader::{LogShared, Segment};
use super::scan::{self, LineReader, Scan};
use super::storage::{Storage, retry, write_all};
use super::write::Ledger;
use super::{Damage, LedgerError, SNAPSHOT, segment_name, segments};
use crate::model::{Digest, SafeText};
use crate::seal::{self, ChainCheck};

/// Of the file itself.
const FORMAT: u32 = 1;
/// What is longer is no snapshot of ours.
const MAX_BYTES: u64 = 512 * 1024 * 1024;

/// What was made of the entries up to one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The last entry that is in it.
    pub seq: u64,
    /// That entry's hash: it fits only a log that has this entry with this hash.
    pub head: Digest,
    /// As it was given to [`Ledger::keep_snapshot`].
    pub made: Vec<u8>,
}

/// Why a snapshot does not count: the whole log is read. It is thrown away, but where it shows damage, which it alone may prove.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusableSnapshot {
    /// The file can't be read, is too large, or its checksum does not fit.
    #[error("it can't be read: {0}")]
    Unreadable(SafeText),
    /// Its first line can't be read, or names another format than this version writes.
    #[error("it was written by another version")]
    Format,
    /// It says where the log stood, and the rest of it is not what the caller can go on from.
    #[error("another version made it of the log")]
    Form,
    /// The id of the log that it is of.
    #[error("it is of another log, {0}")]
    OtherLog(SafeText),
    /// The file name of a closed segment that is gone or has another size, or of one that does not verify.
    #[error("{0} is not as it was when it was closed")]
    Segment(SafeText),
    /// The log was cut.
    #[error("the log ends at entry {ends}, though entry {seq} was on the disk")]
    Ahead {
        /// The last entry that the snapshot speaks of.
        seq: u64,
        /// That entry's hash.
        head: Digest,
        /// The last good entry of the log as it is.
        ends: u64,
    },
    /// The log was written anew.
    #[error("entry {seq} is not the one that was on the disk")]
    OtherEntry {
        /// The last entry that the snapshot speaks of.
        seq: u64,
        /// The hash that it had.
        head: Digest,
        /// The hash of the entry that has its number now.
        found: Digest,
    },
}

impl UnusableSnapshot {
    /// Whether it shows that the log is not what the room wrote: entries that were durable are gone or are others now.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::OtherEntry { .. })
    }
}

/// What was found beside a log when it was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FoundSnapshot {
    /// There was none.
    #[default]
    Nothing,
    /// It fits; what it covers is left to be verified.
    Fits(Snapshot),
    /// It did not fit.
    Unfit(UnusableSnapshot),
}

/// First line after the checksum.
#[derive(Debug, Serialize, Deserialize)]
struct SnapshotHeader {
    format: u32,
    /// What the rest is, in the words of who made it.
    of: String,
    log: String,
    seq: u64,
    head: Digest,
    segments: Vec<Segment>,
    noted: BTreeSet<Digest>,
}

/// A snapshot that is what was written.
pub(super) struct ReadSnapshot {
    head: SnapshotHeader,
    made: Vec<u8>,
}

impl Ledger {
    /// Keeps what was made of every entry up to the head, for the next start. `of` names the form of `made`: only a start
    /// that asks for the same one gets it. Blocks on the disk. False = not now: there is no room, or the log is not whole.
    ///
    /// # Errors
    /// If it can't be written. The log itself is as it was.
    pub fn keep_snapshot(&self, of: &str, made: &[u8]) -> std::io::Result<bool> {
        if self.is_full() || !self.shared.read(|index| index.whole) {
            return Ok(false);
        }
        let head = self.shared.read(|index| SnapshotHeader {
            format: FORMAT,
            of: of.to_owned(),
            log: self.shared.log_id.clone(),
            seq: index.head.0,
            head: index.head.1,
            segments: index.segments.clone(),
            noted: index.noted.clone(),
        });
        let mut bytes = serde_json::to_vec(&head).map_err(std::io::Error::other)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(made);
        let sum = seal::sha256(&bytes).hex();
        let (storage, dir) = (self.shared.storage.as_ref(), self.shared.dir.as_path());
        let (path, beside) = (dir.join(SNAPSHOT), dir.join(format!("{SNAPSHOT}.tmp")));
        let _ = retry(|| storage.remove(&beside));
        let written = retry(|| storage.create(&beside)).and_then(|mut file| {
            write_all(file.as_mut(), sum.as_bytes())?;
            write_all(file.as_mut(), b"\n")?;
            write_all(file.as_mut(), &bytes)?;
            retry(|| file.sync_data())
        });
        let named = written.and_then(|()| retry(|| storage.rename(&beside, &path)));
        if named.is_err() {
            let _ = retry(|| storage.remove(&beside));
        }
        named.and_then(|()| retry(|| storage.sync_dir(dir))).map(|()| true)
    }

    /// Takes the snapshot away, and what it may hold of people's words with it.
    pub(super) fn forget_snapshot(&self) -> std::io::Result<()> {
        forget(self.shared.storage.as_ref(), &self.shared.dir)
    }
}

/// Takes the snapshot of a directory away, if there is one.
pub(super) fn forget(storage: &dyn Storage, dir: &Path) -> std::io::Result<()> {
    match retry(|| storage.remove(&dir.join(SNAPSHOT))) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Reads what is beside a log; `None` if nothing is.
fn read(storage: &dyn Storage, path: &Path) -> Result<Option<ReadSnapshot>, UnusableSnapshot> {
    let io = |error: std::io::Error| UnusableSnapshot::Unreadable(SafeText::new(&error.to_string()));
    let file = match retry(|| storage.open_read(path)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(io)?,
    };
    let size = retry(|| file.size()).map_err(io)?;
    if size > MAX_BYTES {
        return Err(UnusableSnapshot::Unreadable("it is too large".into()));
    }
    let bytes = scan::read_tail(file.as_ref(), 0, size).map_err(io)?;
    let changed = || UnusableSnapshot::Unreadable("its bytes are not those that were written".into());
    let (sum, rest) = split_line(&bytes).ok_or_else(changed)?;
    if sum != seal::sha256(rest).hex().as_bytes() {
        return Err(changed());
    }
    let (head, made) = split_line(rest).ok_or_else(changed)?;
    let head: SnapshotHeader = serde_json::from_slice(head).map_err(|_| UnusableSnapshot::Format)?;
    if head.format != FORMAT {
        return Err(UnusableSnapshot::Format);
    }
    Ok(Some(ReadSnapshot { head, made: made.to_vec() }))
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

impl Opening {
    /// Verifies what a snapshot leaves to be verified, or everything; and what was found beside the log.
    pub(super) fn survey_with_snapshot(&self) -> Result<(Survey, FoundSnapshot, Option<Unverified>), LedgerError> {
        let path = self.options.dir.join(SNAPSHOT);
        let read = match read(self.storage.as_ref(), &path) {
            Ok(None) => return Ok((self.survey()?, FoundSnapshot::Nothing, None)),
            Ok(Some(read)) => read,
            Err(unfit) => return Ok((self.survey()?, FoundSnapshot::Unfit(unfit), None)),
        };
        let unfit = if self.options.snapshot.as_ref() == Some(&read.head.of) {
            match self.survey_after(&read.head)? {
                Ok((survey, unverified)) => {
                    let (seq, head) = (read.head.seq, read.head.head);
                    return Ok((survey, FoundSnapshot::Fits(Snapshot { seq, head, made: read.made }), unverified));
                }
                Err(unfit) => unfit,
            }
        } else {
            UnusableSnapshot::Form
        };
        let (survey, unfit) = self.survey_against(&read.head, unfit)?;
        Ok((survey, FoundSnapshot::Unfit(unfit), None))
    }

    /// Verifies every segment, and whether the log, whatever its files are like now, still holds what the snapshot ends at.
    /// For that it does not matter which form the rest of the snapshot has.
    fn survey_against(
        &self,
        kept: &SnapshotHeader,
        unfit: UnusableSnapshot,
    ) -> Result<(Survey, UnusableSnapshot), LedgerError> {
        let mut at = None;
        let mut survey = self.survey_each(&mut |seq, hash| {
            if seq == kept.seq {
                at = Some(hash);
            }
        })?;
        let (seq, head) = (kept.seq, kept.head);
        let unfit = match at {
            _ if survey.log_id != kept.log && !survey.log_id.is_empty() => {
                UnusableSnapshot::OtherLog(SafeText::new(&kept.log))
            }
            // Past a closed segment that can't be read, what is in it is not known to be gone.
            None if survey.head.0 >= seq => unfit,
            None => UnusableSnapshot::Ahead { seq, head, ends: survey.head.0 },
            Some(found) if found != head => UnusableSnapshot::OtherEntry { seq, head, found },
            Some(_) => unfit,
        };
        if unfit.is_damage() {
            survey.unlike_snapshot = Some(SafeText::new(&unfit.to_string()));
        }
        Ok((survey, unfit))
    }

    /// Verifies the newest segment that a snapshot speaks of, and every one after it.
    fn survey_after(
        &self,
        kept: &SnapshotHeader,
    ) -> Result<Result<(Survey, Option<Unverified>), UnusableSnapshot>, LedgerError> {
        let dir = &self.options.dir;
        let files = segments(self.storage.as_ref(), dir).map_err(LedgerError::io("list", dir))?;
        let closed = &kept.segments[..kept.segments.len().saturating_sub(1)];
        if let Err(unfit) = self.closed_as_kept(kept, closed, &files) {
            return Ok(Err(unfit));
        }
        let mut survey = Survey { noted: kept.noted.clone(), log_id: kept.log.clone(), ..Survey::default() };
        survey.segments.extend(closed.iter().cloned());
        let begun = closed.last().map(|last| (last.last, last.head));
        let mut check = begun.map_or_else(ChainCheck::new, |(seq, head)| ChainCheck::after(seq, head));
        let mut at = None;
        let rest = files.get(closed.len()..).unwrap_or_default();
        for (i, (number, path)) in rest.iter().enumerate() {
            let newest = i + 1 == rest.len();
            let scanned = self.survey_segment(&mut survey, &mut check, *number, path, &mut |seq, hash| {
                if seq == kept.seq {
                    at = Some(hash);
                }
            });
            let scan = scanned.map_err(LedgerError::io("read", path))?;
            if survey.closed.is_some() || (scan.bad.is_some() && !newest) {
                return Ok(Err(UnusableSnapshot::Segment(name_of(path))));
            }
            survey.newest = Some((path.clone(), scan));
        }
        survey.head = check.head();
        match at {
            Some(found) if found == kept.head => {}
            Some(found) => return Ok(Err(UnusableSnapshot::OtherEntry { seq: kept.seq, head: kept.head, found })),
            None => return Ok(Err(ahead(kept, survey.head.0))),
        }
        if let (Err(_), Some((path, Scan { bad: None, .. }))) = (check.finish(), &survey.newest) {
            return Ok(Err(UnusableSnapshot::Segment(name_of(path))));
        }
        let unverified = (!closed.is_empty()).then(|| Unverified {
            shared: Weak::new(),
            segments: closed.to_vec(),
            rest: check,
            head: survey.head.0,
        });
        Ok(Ok((survey, unverified)))
    }

    /// The closed segments are there and as long as they were, and the first of them is the beginning of the same log.
    fn closed_as_kept(
        &self,
        kept: &SnapshotHeader,
        closed: &[Segment],
        files: &[(u32, PathBuf)],
    ) -> Result<(), UnusableSnapshot> {
        let storage = self.storage.as_ref();
        let Some((_, first)) = files.first() else { return Err(ahead(kept, 0)) };
        let log = begins(storage, first).unwrap_or_default();
        if log != kept.log {
            return Err(UnusableSnapshot::OtherLog(SafeText::new(&kept.log)));
        }
        for (i, segment) in closed.iter().enumerate() {
            let path = self.options.dir.join(segment_name(segment.number));
            let size = retry(|| storage.facts(&path)).map(|facts| facts.size);
            let named = files.get(i).is_some_and(|(number, _)| *number == segment.number);
            if !named || size.ok() != Some(segment.end) {
                return Err(UnusableSnapshot::Segment(name_of(&path)));
            }
        }
        let ends = closed.last().map_or(0, |last| last.last);
        if files.len() > closed.len() { Ok(()) } else { Err(ahead(kept, ends)) }
    }
}

/// The id of the log that begins in a file.
fn begins(storage: &dyn Storage, path: &Path) -> Option<String> {
    let file = retry(|| storage.open_read(path)).ok()?;
    let len = retry(|| file.size()).ok()?;
    let mut lines = LineReader::new(file.as_ref(), 0, len);
    let piece = lines.next().ok()??;
    Some(id_of(piece.bytes))
}

fn ahead(kept: &SnapshotHeader, ends: u64) -> UnusableSnapshot {
    UnusableSnapshot::Ahead { seq: kept.seq, head: kept.head, ends }
}

fn name_of(path: &Path) -> SafeText {
    SafeText::new(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// Closed segments that a start took from its snapshot without reading them.
pub struct Unverified {
    shared: Weak<LogShared>,
    segments: Vec<Segment>,
    /// The check of what was verified at the start: it knows the removals of texts that are told there.
    rest: ChainCheck,
    /// The last entry at the start.
    head: u64,
}

impl Unverified {
    pub(super) fn of(self, shared: &Arc<LogShared>) -> Self {
        Self { shared: Arc::downgrade(shared), ..self }
    }

    /// Verifies them: `None` if all is whole, or the log was left meanwhile. Where it is not, the snapshot is thrown away, so
    /// that the next start finds the same. Blocks for as long as reading all of it takes.
    pub fn verify(self) -> Option<Damage> {
        let mut check = ChainCheck::new();
        let mut end = (PathBuf::new(), 0);
        for segment in &self.segments {
            let shared = self.shared.upgrade()?;
            let path = shared.dir.join(segment_name(segment.number));
            let scanned = retry(|| shared.storage.open_read(&path))
                .and_then(|file| scan::segment(file.as_ref(), &mut check, |_, _, _| {}));
            let (good, why) = match scanned {
                Ok(Scan { bad: None, good, .. }) if check.head() == (segment.last, segment.head) => (good, None),
                Ok(Scan { bad, good, .. }) => (good, Some(bad.unwrap_or("it was written anew").to_owned())),
                Err(error) => (0, Some(format!("it can't be read: {error}"))),
            };
            if let Some(why) = why {
                return Some(self.damaged(&shared, &check, &path, good, &why));
            }
            end = (path, good);
        }
        let shared = self.shared.upgrade()?;
        let broken = check.finish_with(&self.rest, self.head).err()?;
        Some(self.damaged(&shared, &check, &end.0, end.1, broken.why))
    }

    fn damaged(&self, shared: &LogShared, check: &ChainCheck, segment: &Path, offset: u64, why: &str) -> Damage {
        shared.change(|index| index.whole = false);
        let _ = forget(shared.storage.as_ref(), &shared.dir);
        let (seq, head) = check.head();
        Damage { segment: segment.to_owned(), offset, seq, head, why: SafeText::new(why), blocks: false }
    }
}
