//! Reading a log without a room: every entry in order, verified as it comes, nothing locked and nothing changed.

use std::io;
use std::path::{Path, PathBuf};

use super::scan::LineReader;
use super::storage::{FileStorage, ReadFile, Storage, retry};
use super::{LedgerError, segments};
use crate::model::entry::LogLine;
use crate::seal::{self, ChainCheck, ChainLine};

/// The segments of the log in a folder, in order.
///
/// # Errors
/// If it can't be listed, or holds no log.
pub fn segment_files(dir: &Path) -> Result<Vec<PathBuf>, LedgerError> {
    let files = segments(&FileStorage, dir).map_err(LedgerError::io("list", dir))?;
    if files.is_empty() {
        return Err(LedgerError::Directory { dir: dir.to_owned(), why: "holds no timeline.*.jsonl".into() });
    }
    Ok(files.into_iter().map(|(_, path)| path).collect())
}

/// Gives every entry of the log in a folder, in order, up to the first thing in it that is not whole; and why it is not, if
/// it isn't.
///
/// # Errors
/// If it can't be read, or holds no log.
pub fn read_folder(dir: &Path, take: &mut dyn FnMut(LogLine)) -> Result<Option<String>, LedgerError> {
    let mut check = ChainCheck::new();
    for path in segment_files(dir)? {
        let file = retry(|| FileStorage.open_any(&path)).map_err(LedgerError::io("open", &path))?;
        let mut why = check.segment().err().map(|broken| broken.why.to_owned());
        if why.is_none() {
            let read = pieces(file.as_ref(), &|_| true, &mut |log| {
                check.push(&log).map_err(|broken| broken.why.to_owned())?;
                take(log);
                Ok(())
            });
            why = read.map_err(LedgerError::io("read", &path))?;
        }
        if let Some(why) = why {
            return Ok(Some(format!("{}: after entry {}: {why}", path.display(), check.head().0)));
        }
    }
    Ok(check.finish().err().map(|broken| broken.to_string()))
}

/// Gives the wanted entries of a file that was verified before, until `take` says no; why the file is not whole, if it is not
/// any more.
///
/// # Errors
/// If it can't be read.
pub fn read_lines(
    file: &dyn ReadFile,
    wanted: &dyn Fn(u64) -> bool,
    take: &mut dyn FnMut(LogLine) -> bool,
) -> io::Result<Option<String>> {
    pieces(file, wanted, &mut |log| if take(log) { Ok(()) } else { Err(String::new()) })
}

/// Gives the entries of a file; why it is not whole, or what `take` has against one.
fn pieces(
    file: &dyn ReadFile,
    wanted: &dyn Fn(u64) -> bool,
    take: &mut dyn FnMut(LogLine) -> Result<(), String>,
) -> io::Result<Option<String>> {
    let end = retry(|| file.size())?;
    let mut lines = LineReader::new(file, 0, end);
    let mut body = None;
    while let Some(piece) = lines.next()? {
        let Ok(text) = std::str::from_utf8(piece.bytes) else { return Ok(Some("bytes that are not UTF-8".to_owned())) };
        if !piece.ended {
            return Ok(Some("the last line is not ended".to_owned()));
        }
        match seal::scan_line(piece.bytes) {
            Ok(ChainLine::Body) => {
                body = Some(text.to_owned());
                continue;
            }
            Ok(ChainLine::Entry(found)) if !wanted(found.seq) => {
                body = None;
                continue;
            }
            _ => {}
        }
        if let Err(why) = take(LogLine { line: text.to_owned(), body: body.take() }) {
            return Ok(Some(why));
        }
    }
    Ok(None)
}
