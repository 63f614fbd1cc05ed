//! The end of the newest segment: whole, torn by a crash, or damaged; and cutting a torn one off, never silently.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::opening::{Opening, Survey};
use super::scan::{self, Scan};
use super::storage::{retry, write_all};
use super::{Damage, LedgerError};
use crate::model::entry::Recovered;
use crate::model::{Digest, SafeText};
use crate::seal;

/// A torn tail is one batch; what is longer was not torn.
const MAX_TAIL: u64 = 256 * 1024 * 1024;

/// What the newest segment ends in.
pub(super) enum Tail {
    Clean,
    Torn(Vec<u8>),
    Damaged(Damage),
}

impl Opening {
    /// True if the newest segment is damaged, so that the log takes no entries.
    pub(super) fn is_damaged(&self, survey: &Survey) -> Result<bool, LedgerError> {
        Ok(matches!(self.judge_tail(survey)?, Tail::Damaged(_)))
    }

    /// Decides what a bad end of the newest segment is.
    pub(super) fn judge_tail(&self, survey: &Survey) -> Result<Tail, LedgerError> {
        // Before anything is cut off: what is missing may be in the tail.
        if let Some(damage) = self.unlike_signed(survey)? {
            return Ok(Tail::Damaged(damage));
        }
        if let (Some(why), Some((path, Scan { good, .. }))) = (&survey.unlike_snapshot, &survey.newest) {
            let (seq, head) = survey.head;
            let (segment, why) = (path.clone(), why.clone());
            return Ok(Tail::Damaged(Damage { segment, offset: *good, seq, head, why, blocks: true }));
        }
        let Some((path, Scan { good, len, bad: Some(why) })) = &survey.newest else { return Ok(Tail::Clean) };
        let (seq, head) = survey.head;
        let damage = Damage { segment: path.clone(), offset: *good, seq, head, why: SafeText::new(why), blocks: true };
        // A segment gets its name only when its first line is synced, so a bad first line was not torn.
        if *good == 0 || len - good > MAX_TAIL {
            return Ok(Tail::Damaged(damage));
        }
        let file = retry(|| self.storage.open_read(path)).map_err(LedgerError::io("open", path))?;
        let tail = scan::read_tail(file.as_ref(), *good, *len).map_err(LedgerError::io("read", path))?;
        Ok(if scan::is_torn(&tail, *good, seq) { Tail::Torn(tail) } else { Tail::Damaged(damage) })
    }

    /// Keeps a copy of a torn tail beside the log, then cuts it off. The copy is durable first.
    pub(super) fn cut_tail(&self, survey: &Survey, tail: &[u8]) -> Result<(), LedgerError> {
        let Some((path, Scan { good, .. })) = &survey.newest else { return Ok(()) };
        let (storage, dir) = (self.storage.as_ref(), &self.options.dir);
        let sha = seal::sha256(tail);
        if !self.torn_files()?.iter().any(|(_, torn)| torn.sha256 == sha) {
            let copy = self.free_torn_name(path)?;
            let temporary = copy.with_extension("tmp");
            let kept = retry(|| storage.create(&temporary))
                .and_then(|mut file| {
                    write_all(file.as_mut(), tail)?;
                    retry(|| file.sync_data())
                })
                .and_then(|()| retry(|| storage.rename(&temporary, &copy)))
                .and_then(|()| retry(|| storage.sync_dir(dir)));
            kept.map_err(LedgerError::io("keep the torn tail as", &copy))?;
        }
        retry(|| storage.open_append(path))
            .and_then(|mut file| {
                retry(|| file.set_len(*good))?;
                retry(|| file.sync_data())
            })
            .map_err(LedgerError::io("cut the torn tail off", path))
    }

    fn free_torn_name(&self, segment: &Path) -> Result<PathBuf, LedgerError> {
        let name = segment.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let taken = self.torn_files()?;
        let free = (1..=taken.len() + 1).map(|n| self.options.dir.join(format!("{name}.torn-{n}")));
        Ok(free.into_iter().find(|path| !taken.iter().any(|(used, _)| used == path)).unwrap_or_default())
    }

    /// Every torn tail kept beside the log.
    fn torn_files(&self) -> Result<Vec<(PathBuf, Recovered)>, LedgerError> {
        let dir = &self.options.dir;
        let mut names = retry(|| self.storage.list(dir)).map_err(LedgerError::io("list", dir))?;
        names.sort();
        let mut found = Vec::new();
        for name in names.iter().filter(|name| name.starts_with("timeline.") && name.contains(".jsonl.torn-")) {
            if name.ends_with(".tmp") {
                continue;
            }
            let path = dir.join(name);
            let tail = retry(|| self.storage.open_read(&path))
                .and_then(|file| scan::read_tail(file.as_ref(), 0, retry(|| file.size())?.min(MAX_TAIL)))
                .map_err(LedgerError::io("read", &path))?;
            found.push((path, Recovered { bytes: tail.len() as u64, sha256: seal::sha256(&tail) }));
        }
        Ok(found)
    }

    /// Tails that were cut off, but no entry says so yet: this start's, or one's that died in between.
    pub(super) fn unnoted(&self, noted: &BTreeSet<Digest>) -> Result<Vec<Recovered>, LedgerError> {
        let torn = self.torn_files()?;
        Ok(torn.into_iter().map(|(_, torn)| torn).filter(|torn| !noted.contains(&torn.sha256)).collect())
    }
}
