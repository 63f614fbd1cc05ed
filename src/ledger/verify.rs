//! `warroom verify`: the whole chain of files or directories of segments, without opening the log.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::signed_head::{self, SIGNED, StoredHead};
use super::storage::{FileStorage, Storage, retry};
use super::{LedgerError, scan, segments};
use crate::model::Digest;
use crate::model::entry::{Happening, HeadSigned, LogLine};
use crate::seal::{self, ChainCheck, EntryMembers};

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChainVerdict {
    /// Whether every line verifies and everything that was expected is there.
    pub ok: bool,
    /// The segment with the first bad line, or the last one.
    pub segment: PathBuf,
    /// Where that line begins, or where the log ends.
    pub offset: u64,
    /// The last good entry.
    pub seq: u64,
    /// Its hash, 64 hex digits.
    pub head: String,
    /// Why it is not whole; empty if it is.
    pub why: String,
    /// Bodies that were redacted, each named by a later entry: (entry, redacted by).
    pub redacted: Vec<(u64, u64)>,
    /// Signed heads.
    pub signed: Signed,
}

/// What the signatures in a log prove: that a holder of the key stood by the chain up to an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// Signatures that were checked, all of them good.
    pub heads: u64,
    /// The last entry that one of them covers.
    pub seq: u64,
    /// Fingerprint of the key they were checked with; empty if there was none.
    pub key: String,
    /// The key was given by whoever verifies. Otherwise it is the log's own word, which a forger would have changed too.
    pub pinned: bool,
}

/// What is known of a log from elsewhere than the log.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The room's public key. A log that has no head signed by it is not what is expected.
    pub key: Option<String>,
    /// An entry that must be in it, by number and hash.
    pub head: Option<(u64, Digest)>,
}

/// Verifies segments in the order given; a directory stands for its segments, and for the head that was signed last in it.
pub fn verify(paths: &[PathBuf], expected: &Expected) -> Result<ChainVerdict, LedgerError> {
    verify_with(&FileStorage, paths, expected)
}

/// [`verify`] on any storage.
pub fn verify_with(storage: &dyn Storage, paths: &[PathBuf], expected: &Expected) -> Result<ChainVerdict, LedgerError> {
    let mut heads = HeadChecks::new(expected);
    let mut files = Vec::new();
    for path in paths {
        // Facts of the name itself would call a link neither; what it points at is what counts here.
        match retry(|| storage.dir_facts(path)) {
            Ok(_) => {
                // Before the segments: a room that runs signs on, and what it has signed is in them by then.
                heads.wait_for(signed_head::read(storage, path).map_err(LedgerError::io("read", &path.join(SIGNED)))?);
                let found = segments(storage, path).map_err(LedgerError::io("list", path))?;
                if found.is_empty() {
                    return Err(LedgerError::Directory { dir: path.clone(), why: "holds no timeline.*.jsonl".into() });
                }
                files.extend(found.into_iter().map(|(_, path)| path));
            }
            Err(_) => files.push(path.clone()),
        }
    }
    let mut check = ChainCheck::new();
    let mut last = (PathBuf::new(), 0);
    for path in files {
        let scanned = scan_file(storage, &path, &mut check, &mut heads)?;
        if let Some(why) = heads.bad.take() {
            return Ok(verdict(&check, &heads, path, scanned.good, &why));
        }
        if let Some(why) = scanned.bad {
            return Ok(verdict(&check, &heads, path, scanned.good, why));
        }
        last = (path, scanned.good);
    }
    let broken = if check.head().0 == 0 { Some("no entries") } else { check.finish().err().map(|broken| broken.why) };
    let why = broken.map(str::to_owned).or_else(|| heads.missing()).unwrap_or_default();
    Ok(verdict(&check, &heads, last.0, last.1, &why))
}

/// An entry that must be in the log.
struct Awaited {
    seq: u64,
    head: Digest,
    /// The room has signed it; otherwise whoever verifies knows it.
    signed: bool,
}

impl Awaited {
    fn is_other(&self) -> String {
        let seq = self.seq;
        if self.signed {
            signed_head::other_history(seq)
        } else {
            format!("entry {seq} has another hash than expected")
        }
    }

    fn is_missing(&self) -> String {
        let seq = self.seq;
        if self.signed {
            signed_head::cut(seq)
        } else {
            format!("entry {seq} was expected, and the log ends before it")
        }
    }
}

/// Checks signed heads, and entries that are known, as they come by.
struct HeadChecks {
    key: Option<String>,
    signed: Signed,
    awaited: Vec<Awaited>,
    bad: Option<String>,
}

impl HeadChecks {
    fn new(expected: &Expected) -> Self {
        let signed = Signed { pinned: expected.key.is_some(), ..Signed::default() };
        let awaited = expected.head.map(|(seq, head)| Awaited { seq, head, signed: false }).into_iter().collect();
        let mut heads = Self { key: None, signed, awaited, bad: None };
        heads.trust(expected.key.as_deref().unwrap_or_default());
        heads
    }

    /// What a directory says of the head that was signed last in it.
    fn wait_for(&mut self, kept: StoredHead) {
        match kept {
            StoredHead::Nothing => {}
            StoredHead::Garbled(why) => self.bad = Some(why),
            StoredHead::Head(it) => self.awaited.push(Awaited { seq: it.seq, head: it.head, signed: true }),
        }
    }

    /// What the log should have had, at its end.
    fn missing(&self) -> Option<String> {
        let unsigned = self.signed.pinned && self.signed.heads == 0;
        let unsigned = unsigned.then(|| "no head in it is signed by this key".to_owned());
        self.awaited.first().map(Awaited::is_missing).or(unsigned)
    }

    /// Compares an entry with those that are known.
    fn meet(&mut self, found: &EntryMembers<'_>) {
        self.awaited.retain(|awaited| {
            let here = awaited.seq == found.seq;
            if here && found.digest() != Some(awaited.head) {
                self.bad.get_or_insert_with(|| awaited.is_other());
            }
            !here
        });
    }

    fn trust(&mut self, key: &str) {
        if let Ok(fingerprint) = seal::fingerprint(key) {
            self.signed.key = fingerprint;
            self.key = Some(key.to_owned());
        }
    }

    fn see(&mut self, found: &EntryMembers<'_>, line: &[u8]) {
        self.meet(found);
        if self.bad.is_some() || !matches!(found.kind, b"genesis" | b"head_signed") {
            return;
        }
        let read = String::from_utf8(line.to_vec()).ok().map(|line| LogLine { line, body: None });
        let Some(entry) = read.and_then(|line| seal::decode(&line).ok()) else {
            if found.kind == b"head_signed" {
                self.bad = Some(format!("entry {}: a signed head that can't be read", found.seq));
            }
            return;
        };
        match entry.happening {
            Happening::Genesis(genesis) if !self.signed.pinned => self.trust(&genesis.key),
            Happening::HeadSigned(signed) => {
                self.bad =
                    self.judge(&signed, found, &entry.room).err().map(|why| format!("entry {}: {why}", found.seq));
            }
            _ => {}
        }
    }

    /// A signed head is that of the entry before it, and the key's.
    fn judge(&mut self, signed: &HeadSigned, found: &EntryMembers<'_>, room: &str) -> Result<(), String> {
        if signed.head_seq + 1 != found.seq || Some(signed.head) != found.prev_digest() {
            return Err("the signed head is not that of the entry before it".to_owned());
        }
        let Some(key) = &self.key else { return Ok(()) };
        seal::check_head(signed, room, key).map_err(|error| error.to_string())?;
        self.signed.heads += 1;
        self.signed.seq = signed.head_seq;
        Ok(())
    }
}

fn scan_file(
    storage: &dyn Storage,
    path: &Path,
    check: &mut ChainCheck,
    heads: &mut HeadChecks,
) -> Result<scan::Scan, LedgerError> {
    let file = retry(|| storage.open_any(path)).map_err(LedgerError::io("open", path))?;
    scan::segment(file.as_ref(), check, |found, _, line| heads.see(found, line)).map_err(LedgerError::io("read", path))
}

fn verdict(check: &ChainCheck, heads: &HeadChecks, segment: PathBuf, offset: u64, why: &str) -> ChainVerdict {
    let (seq, head) = check.head();
    let redacted = check.redacted().to_vec();
    let signed = heads.signed.clone();
    ChainVerdict { ok: why.is_empty(), segment, offset, seq, head: head.hex(), why: why.to_owned(), redacted, signed }
}
