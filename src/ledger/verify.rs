//! `warroom verify`: the whole chain of files or directories of segments, without opening the log.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::storage::{Files, Storage, retry};
use super::{LedgerError, scan, segments};
use crate::seal::ChainCheck;

/// What a verification found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
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
}

/// Verifies segments in the order given; a directory stands for its segments.
pub fn verify(paths: &[PathBuf]) -> Result<Verdict, LedgerError> {
    verify_with(&Files, paths)
}

/// [`verify`] on any storage.
pub fn verify_with(storage: &dyn Storage, paths: &[PathBuf]) -> Result<Verdict, LedgerError> {
    let mut files = Vec::new();
    for path in paths {
        // Facts of the name itself would call a link neither; what it points at is what counts here.
        match retry(|| storage.dir_facts(path)) {
            Ok(_) => {
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
        let scanned = scan_file(storage, &path, &mut check)?;
        if let Some(why) = scanned.bad {
            return Ok(verdict(&check, path, scanned.good, why));
        }
        last = (path, scanned.good);
    }
    let why = if check.head().0 == 0 { "no entries" } else { check.finish().err().map_or("", |broken| broken.why) };
    Ok(verdict(&check, last.0, last.1, why))
}

fn scan_file(storage: &dyn Storage, path: &Path, check: &mut ChainCheck) -> Result<scan::Scan, LedgerError> {
    let file = retry(|| storage.open_any(path)).map_err(LedgerError::io("open", path))?;
    scan::segment(file.as_ref(), check, |_, _, _| {}).map_err(LedgerError::io("read", path))
}

fn verdict(check: &ChainCheck, segment: PathBuf, offset: u64, why: &str) -> Verdict {
    let (seq, head) = check.head();
    let redacted = check.redacted().to_vec();
    Verdict { ok: why.is_empty(), segment, offset, seq, head: head.hex(), why: why.to_owned(), redacted }
}
