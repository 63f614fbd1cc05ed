//! Reading a log without a room: every entry in order, verified as it comes, nothing locked and nothing changed.

use std::path::Path;

use super::scan::LineReader;
use super::storage::{FileStorage, Storage, retry};
use super::{LedgerError, segments};
use crate::model::entry::LogLine;
use crate::seal::{self, ChainCheck, ChainLine};

/// What a folder holds.
#[derive(Clone, Debug)]
pub struct FolderLog {
    /// Every good entry, in order.
    pub lines: Vec<LogLine>,
    /// Why the log is not whole after them, if it isn't.
    pub broken: Option<String>,
}

/// Reads the log in a folder, up to the first thing in it that is not whole.
///
/// # Errors
/// If it can't be read, or holds no log.
pub fn read_folder(dir: &Path) -> Result<FolderLog, LedgerError> {
    let files = segments(&FileStorage, dir).map_err(LedgerError::io("list", dir))?;
    if files.is_empty() {
        return Err(LedgerError::Directory { dir: dir.to_owned(), why: "holds no timeline.*.jsonl".into() });
    }
    let mut told = FolderLog { lines: Vec::new(), broken: None };
    let mut check = ChainCheck::new();
    for (_, path) in files {
        if let Some(why) = read_segment(&path, &mut check, &mut told.lines)? {
            told.broken = Some(format!("{}: after entry {}: {why}", path.display(), check.head().0));
            return Ok(told);
        }
    }
    told.broken = check.finish().err().map(|broken| broken.to_string());
    Ok(told)
}

/// Reads one segment; why it is not whole, if it isn't.
fn read_segment(path: &Path, check: &mut ChainCheck, into: &mut Vec<LogLine>) -> Result<Option<String>, LedgerError> {
    let file = retry(|| FileStorage.open_any(path)).map_err(LedgerError::io("open", path))?;
    let end = retry(|| file.size()).map_err(LedgerError::io("look at", path))?;
    if let Err(broken) = check.segment() {
        return Ok(Some(broken.why.to_owned()));
    }
    let mut lines = LineReader::new(file.as_ref(), 0, end);
    let mut body = None;
    while let Some(piece) = lines.next().map_err(LedgerError::io("read", path))? {
        let Ok(text) = std::str::from_utf8(piece.bytes) else { return Ok(Some("bytes that are not UTF-8".to_owned())) };
        if !piece.ended {
            return Ok(Some("the last line is not ended".to_owned()));
        }
        if matches!(seal::scan_line(piece.bytes), Ok(ChainLine::Body)) {
            body = Some(text.to_owned());
            continue;
        }
        let log = LogLine { line: text.to_owned(), body: body.take() };
        if let Err(broken) = check.push(&log) {
            return Ok(Some(broken.why.to_owned()));
        }
        into.push(log);
    }
    Ok(None)
}
