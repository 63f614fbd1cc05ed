//! The newest head that was signed, kept beside the log before its signature leaves.
//!
//! A log that was cut back and written on with the same key would be a second history that verifies as well as the first.
//! So what is about to be signed is durable first, and a log that does not hold what was signed last is damaged: it takes no
//! entries, and nothing of it is signed.

use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::opening::{Opening, Survey};
use super::scan::LineReader;
use super::storage::{Storage, retry, write_all};
use super::write::Ledger;
use super::{AppendError, Damage, LedgerError, segment_name};
use crate::model::{Digest, SafeText};
use crate::seal::{self, ChainLine};

/// The file's name, beside the segments.
pub(super) const SIGNED: &str = "SIGNED";
/// What is longer was not written here.
const LONGEST: usize = 4096;

/// A head that was signed, or was about to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SignedHead {
    /// The log's id.
    pub log: String,
    pub seq: u64,
    pub head: Digest,
}

/// What a directory says of the head that was signed last in it.
pub(super) enum StoredHead {
    Nothing,
    Head(SignedHead),
    /// Something that was not written here; why.
    Garbled(String),
}

pub(super) fn read(storage: &dyn Storage, dir: &Path) -> io::Result<StoredHead> {
    let file = match retry(|| storage.open_read(&dir.join(SIGNED))) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(StoredHead::Nothing),
        opened => opened?,
    };
    let mut text = vec![0; LONGEST];
    let mut filled = 0;
    while filled < text.len() {
        let rest = text.get_mut(filled..).unwrap_or_default();
        match retry(|| file.read_at(rest, filled as u64))? {
            0 => break,
            n => filled += n,
        }
    }
    let text = text.get(..filled).unwrap_or_default();
    Ok(match serde_json::from_slice(text) {
        Ok(signed) => StoredHead::Head(signed),
        Err(error) => {
            StoredHead::Garbled(format!("{SIGNED}, which names the head that was signed last, is garbled: {error}"))
        }
    })
}

/// Takes the place of what was there; durable when it returns.
fn write(storage: &dyn Storage, dir: &Path, signed: &SignedHead) -> io::Result<()> {
    let temporary = dir.join(format!("{SIGNED}.tmp"));
    let mut text = serde_json::to_vec(signed)?;
    text.push(b'\n');
    // Left over where a process was killed.
    let _ = retry(|| storage.remove(&temporary));
    let mut file = retry(|| storage.create(&temporary))?;
    let written = write_all(file.as_mut(), &text).and_then(|()| retry(|| file.sync_data()));
    if let Err(error) = written {
        let _ = retry(|| storage.remove(&temporary));
        return Err(error);
    }
    retry(|| storage.rename(&temporary, &dir.join(SIGNED)))?;
    retry(|| storage.sync_dir(dir))
}

/// What is said of an entry that is not the one that was signed.
pub(super) fn other_history(seq: u64) -> String {
    format!("entry {seq} is not the one that the room signed: this is another history")
}

/// What is said of an entry that was signed and is not there.
pub(super) fn cut(seq: u64) -> String {
    format!("entry {seq}, which the room signed, is missing: the log was cut")
}

impl Opening {
    /// What is wrong if this log is not the one whose head was signed last.
    pub(super) fn unlike_signed(&self, survey: &Survey) -> Result<Option<Damage>, LedgerError> {
        let Some((segment, scan)) = &survey.newest else { return Ok(None) };
        let dir = &self.options.dir;
        let kept = read(self.storage.as_ref(), dir).map_err(LedgerError::io("read", &dir.join(SIGNED)))?;
        let why = match kept {
            StoredHead::Nothing => return Ok(None),
            StoredHead::Garbled(why) => why,
            StoredHead::Head(signed) if signed.log != survey.log_id => {
                format!("the room signed entry {} of the log {}, and this is another log", signed.seq, signed.log)
            }
            StoredHead::Head(signed) => match self.hash_of(survey, signed.seq)? {
                Some(found) if found == signed.head => return Ok(None),
                Some(_) => other_history(signed.seq),
                None => cut(signed.seq),
            },
        };
        let (seq, head) = survey.head;
        let (segment, why) = (segment.clone(), SafeText::new(&why));
        Ok(Some(Damage { segment, offset: scan.good, seq, head, why, blocks: true }))
    }

    /// The hash of a good entry; `None` if the log has none of this number.
    fn hash_of(&self, survey: &Survey, seq: u64) -> Result<Option<Digest>, LedgerError> {
        let Some(segment) = survey.segments.iter().find(|it| it.first <= seq && seq <= it.last) else {
            return Ok(None);
        };
        let path = self.options.dir.join(segment_name(segment.number));
        let file = retry(|| self.storage.open_read(&path)).map_err(LedgerError::io("open", &path))?;
        let mut lines = LineReader::new(file.as_ref(), segment.mark(seq), segment.end);
        while let Some(piece) = lines.next().map_err(LedgerError::io("read", &path))? {
            if let Ok(ChainLine::Entry(found)) = seal::scan_line(piece.bytes)
                && found.seq == seq
            {
                return Ok(found.digest().filter(|_| found.hash_fits(piece.bytes)));
            }
        }
        Ok(None)
    }
}

impl Ledger {
    /// The head as it is, for signing: when this returns, it is on disk that it was signed, so that no other history ever is.
    ///
    /// # Errors
    /// If that can't be kept now, or the log takes no entries: then nothing may be signed.
    pub fn head_to_sign(&self) -> Result<(u64, Digest), AppendError> {
        let mut writer = self.lock();
        self.ready(&mut writer, false)?;
        // The signature goes into the log right behind what it signs: no new segment may begin between the two.
        self.make_room_for_one(&mut writer)?;
        self.guard(&mut writer)?;
        let (seq, head) = self.head();
        let signed = SignedHead { log: self.shared.log_id.clone(), seq, head };
        write(self.shared.storage.as_ref(), &self.shared.dir, &signed).map_err(|error| {
            AppendError::Unchanged(SafeText::new(&format!("{SIGNED} can't be written beside the log: {error}")))
        })?;
        Ok((seq, head))
    }
}
