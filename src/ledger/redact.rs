//! Removing the text of one entry for good: the one thing that is ever overwritten in a log.
//!
//! An entry names its text by a hash alone, so the chain stays whole. The line that takes the text's place is as long as the
//! text's own and names the entry that says who removed it and why; that entry is durable before. The segment is written anew
//! beside the old one and takes its name, so a crash at any moment leaves the one or the other, whole.

use std::path::Path;

use super::scan::{self, LineReader};
use super::storage::{is_full, retry, write_all};
use super::write::{Ledger, LogWriter};
use super::{AppendError, LogHealth, segment_name};
use crate::model::SafeText;
use crate::model::entry::LogLine;
use crate::seal::{self, ChainLine, EntryMembers};

/// Where a segment stands, and how long it is.
struct SegmentEnd {
    number: u32,
    end: u64,
}

impl Ledger {
    /// Removes the text of an entry from the disk. `by` is the durable entry that says so. False = it was removed before, or
    /// the entry never had one. Blocks on the disk.
    ///
    /// # Errors
    /// If it can't be done now: then the text still stands there, and it can be asked for again.
    pub fn redact(&self, entry: u64, by: u64) -> Result<bool, AppendError> {
        let mut writer = self.lock();
        if let LogHealth::Damaged(says) = self.condition() {
            return Err(AppendError::Damaged(says));
        }
        if let Some(why) = &writer.stopped {
            return Err(AppendError::Stopped(why.clone()));
        }
        self.guard(&mut writer)?;
        let place = self.shared.read(|index| {
            let held = index.segments.iter().find(|it| it.first <= entry && entry <= it.last && by <= index.head.0);
            held.map(|it| SegmentEnd { number: it.number, end: it.end })
        });
        let Some(place) = place.filter(|_| entry < by) else {
            return Err(AppendError::Unchanged(SafeText::new(&format!("entry {entry} is not in the log"))));
        };
        let Some(bytes) = self.without_text(&place, entry, by)? else { return Ok(false) };
        // What was made of the log may hold the text too.
        self.forget_snapshot()
            .map_err(|error| AppendError::Unchanged(SafeText::new(&format!("the snapshot stays: {error}"))))?;
        self.put_in_place(&mut writer, &place, &bytes)?;
        Ok(true)
    }

    /// The segment as it is without the text; `None` if there is none to remove.
    fn without_text(&self, place: &SegmentEnd, entry: u64, by: u64) -> Result<Option<Vec<u8>>, AppendError> {
        let path = self.shared.dir.join(segment_name(place.number));
        let unread = |why: &str| AppendError::Unchanged(SafeText::new(&format!("{}: {why}", path.display())));
        let io = |error: std::io::Error| unread(&error.to_string());
        let file = retry(|| self.shared.storage.open_read(&path)).map_err(io)?;
        let mut bytes = scan::read_tail(file.as_ref(), 0, place.end).map_err(io)?;
        let mut lines = LineReader::new(file.as_ref(), 0, place.end);
        let mut body: Option<(u64, String)> = None;
        while let Some(piece) = lines.next().map_err(io)? {
            let text = std::str::from_utf8(piece.bytes).map_err(|_| unread("it is not text"))?;
            match seal::scan_line(piece.bytes).map_err(unread)? {
                ChainLine::Body => body = Some((piece.offset, text.to_owned())),
                ChainLine::Entry(EntryMembers { seq, .. }) if seq < entry => body = None,
                ChainLine::Entry(_) => {
                    let Some((offset, old)) = body else { return Ok(None) };
                    let log = LogLine { line: text.to_owned(), body: Some(old.clone()) };
                    let whole = seal::decode(&log).map_err(|error| unread(&error.to_string()))?;
                    if whole.text.is_none() {
                        return Ok(None);
                    }
                    let new =
                        seal::redacted_body(entry, by, old.len()).ok_or_else(|| unread("its text is too short"))?;
                    let from = usize::try_from(offset).map_err(|_| unread("it is too large"))?;
                    let stands = bytes.get_mut(from..from + old.len()).ok_or_else(|| unread("it changed"))?;
                    stands.copy_from_slice(new.as_bytes());
                    return Ok(Some(bytes));
                }
            }
        }
        Ok(None)
    }

    /// Lets new bytes, as many as the old ones, take the name of a segment.
    fn put_in_place(&self, writer: &mut LogWriter, place: &SegmentEnd, bytes: &[u8]) -> Result<(), AppendError> {
        let (storage, dir) = (self.shared.storage.as_ref(), self.shared.dir.as_path());
        let name = segment_name(place.number);
        let (path, beside) = (dir.join(&name), dir.join(format!("{name}.tmp")));
        let _ = retry(|| storage.remove(&beside));
        let written = retry(|| storage.open_dir(dir)).and_then(|directory| {
            let mut file = retry(|| storage.create(&beside))?;
            write_all(file.as_mut(), bytes)?;
            retry(|| file.sync_data())?;
            let facts = retry(|| file.facts())?;
            retry(|| storage.rename(&beside, &path))?;
            Ok((directory, file, facts))
        });
        // Until here, and if the name can't be given, the log is as it was.
        let (directory, file, facts) = written.map_err(|error| {
            let _ = retry(|| storage.remove(&beside));
            match is_full(&error) {
                true => AppendError::Full,
                false => AppendError::Unchanged(SafeText::new(&format!("the segment can't be written anew ({error})"))),
            }
        })?;
        let durable = retry(|| directory.sync());
        if place.number != writer.number {
            // Left to the next start if it fails: nothing is appended here.
            let _ = retry(|| storage.close_off(&path));
            return durable.map_err(|error| AppendError::Unchanged(not_kept(&path, &error)));
        }
        // What is appended from now on must go where the name will be after a crash.
        match durable {
            Ok(()) => {
                (writer.file, writer.identity) = (Some(file), facts);
                Ok(())
            }
            Err(error) => Err(self.stop(writer, not_kept(&path, &error).as_str())),
        }
    }
}

fn not_kept(path: &Path, error: &std::io::Error) -> SafeText {
    SafeText::new(&format!("{} was written anew, and the disk did not keep its name ({error})", path.display()))
}
