//! The durable log on disk: append, recover, follow, segments. The only writer of timeline files.
//!
//! A log is a directory of `timeline.NNNNNN.jsonl`. Append is one write of a batch, `fdatasync`, then the answer; so at most
//! one batch is ever un-synced, which is what makes it sound to cut a torn tail off when the log is opened. Anything else
//! that does not verify is damage: shown, never repaired. All storage is behind [`Storage`], so tests can break it.

mod disk_space;
mod new_after_damage;
mod offline;
mod open;
mod opening;
mod read_only;
mod reader;
mod redact;
mod scan;
mod sealer;
mod signed_head;
mod snapshot;
mod storage;
mod tail;
mod verify;
mod write;

#[cfg(test)]
mod signed_head_tests;
#[cfg(test)]
mod sim_disk;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

pub use new_after_damage::new_after_damage;
pub use offline::{read_folder, read_lines, segment_files};
pub use open::OpenedLog;
pub use opening::OpenOptions;
pub use reader::{LogReader, ReadError};
pub use snapshot::{FoundSnapshot, Snapshot, UnusableSnapshot, Unverified};
pub use storage::{AppendFile, DirFacts, Directory, FileFacts, FileStorage, LockGuard, ReadFile, Storage};
pub use verify::{ChainVerdict, Expected, Signed, verify, verify_with};
pub use write::Ledger;

use crate::model::{Digest, SafeText};
use crate::seal::SealError;

/// A segment is closed at this size.
pub const SEGMENT_BYTES: u64 = 64 * 1024 * 1024;

/// The most entries of one batch.
pub const MAX_BATCH: usize = 1024;

/// Given up when the disk is full, so that a running action can log its outcome.
pub const RESERVE_BYTES: u64 = 4 * 1024 * 1024;

/// So much must be free before the reserve is taken again and recording goes on.
const HEALTHY_BYTES: u64 = 4 * RESERVE_BYTES;

const LOCK: &str = "LOCK";
const RESERVE: &str = "RESERVE";
/// What a start takes instead of reading everything.
const SNAPSHOT: &str = "SNAPSHOT";
/// Left behind when a sync failed: the next start begins a new segment.
const SYNC_FAILED: &str = "SYNC-FAILED";

/// Whether the log takes entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogHealth {
    /// It takes them.
    Healthy,
    /// Recording and acting are off: the disk is full (ends when there is room), or it failed (ends with a restart).
    Degraded(SafeText),
    /// The log is not what was written. Read-only.
    Damaged(SafeText),
}

/// Where a log stops being whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file with the first bad line.
    pub segment: PathBuf,
    /// Offset of the first bad byte's line in that segment.
    pub offset: u64,
    /// The last good entry before it, and its hash.
    pub seq: u64,
    /// Zeros where the first entry is bad already.
    pub head: Digest,
    /// What is wrong there, in words.
    pub why: SafeText,
    /// False for damage in a closed segment: it is shown and blocks nothing.
    pub blocks: bool,
}

impl Damage {
    /// One line for the banner.
    pub fn says(&self) -> SafeText {
        let name = self.segment.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        SafeText::new(&format!(
            "the log is damaged: {name} at byte {}, after entry {}: {}",
            self.offset, self.seq, self.why
        ))
    }
}

/// Why a log can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process holds `LOCK` in this directory, and did for half a second.
    #[error("another room already writes to {0}; stop it, or choose another state directory")]
    Locked(PathBuf),
    #[error("{dir}: {why}")]
    /// The log's directory is not one that the room may trust or use, or holds no segment to verify.
    Directory {
        /// The directory as it was given.
        dir: PathBuf,
        /// What is wrong with it, and what mends it.
        why: String,
    },
    #[error(
        "{dir} is on {kind}, where a synced write may still be lost; keep the log on a local disk, or list {kind} in allow_fs"
    )]
    /// The log's directory is on a kind of file system that may lose synced writes.
    FileSystem {
        /// The directory as it was given.
        dir: PathBuf,
        /// `nfs`, `fuse`, `smb`: the word that `allow_fs` takes.
        kind: &'static str,
    },
    #[error("can't {what} {path}: {source}")]
    /// The system refused an operation on a file of the log.
    Io {
        /// What was tried, as a verb: `read`, `list`, `make the log directory`.
        what: &'static str,
        /// The file or directory it was tried on.
        path: PathBuf,
        /// The system's own error.
        source: io::Error,
    },
    /// The genesis of a new log has no line that could be read back.
    #[error("the log's own first entries can't be written")]
    Seal(#[from] SealError),
    /// What the start itself records (a cut tail, a new segment) was not taken.
    #[error("the log was opened, but its first entries could not be recorded")]
    Append(#[from] AppendError),
    /// Nothing is begun in place of a log that was there.
    #[error(
        "{dir} holds no segment of its log any more, though entry {seq} was on the disk: put them back, or move the whole \
         directory away to begin a new log"
    )]
    Gone {
        /// The log's directory.
        dir: PathBuf,
        /// The last entry that a snapshot or a signed head speaks of.
        seq: u64,
    },
    /// A new log was asked for in place of one that the room can go on with.
    #[error("{0} is not damaged; a new log is not needed")]
    NotDamaged(PathBuf),
}

impl LedgerError {
    fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// Why a batch was not recorded. Nothing of it counts as having happened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// Ends by itself once there is room; what was refused is to be asked again.
    #[error("the disk is full: nothing is recorded until there is room")]
    Full,
    /// Nothing more is recorded until the room is started again.
    #[error("{0}")]
    Stopped(SafeText),
    /// The log was found damaged where it is written: nothing more is recorded, after a restart neither.
    #[error("{0}")]
    Damaged(SafeText),
    /// What was asked for was not done; the log is as it was, and goes on.
    #[error("{0}")]
    Unchanged(SafeText),
    /// So many drafts were given; the caller has to split them.
    #[error("{0} entries at once; at most {MAX_BATCH} go into one batch")]
    TooMany(usize),
    /// A draft has no line that could be read back; nothing of its batch was written.
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Number of a segment, by its file's name.
fn segment_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("timeline.")?.strip_suffix(".jsonl")?;
    let number = digits.parse().ok()?;
    (segment_name(number) == name).then_some(number)
}

fn segment_name(number: u32) -> String {
    format!("timeline.{number:06}.jsonl")
}

/// The segments in a directory, in order.
fn segments(storage: &dyn Storage, dir: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let names = storage::retry(|| storage.list(dir))?;
    let mut found: Vec<_> = names.iter().filter_map(|name| Some((segment_number(name)?, dir.join(name)))).collect();
    found.sort();
    Ok(found)
}
