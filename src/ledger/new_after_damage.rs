//! `warroom ledger new --after-damage`: a new log beside a damaged one.
//!
//! The new log's genesis names the damaged file's SHA-256, the last good head and the head that was signed last. The old segments are kept, in
//! `damaged-<n>/`. The new first segment is durable under another name before anything moves, so a crash in between is
//! finished at the next start, and never looks like a log that was merely short.

use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::open::OpenedLog;
use super::opening::{OpenOptions, Opening};
use super::signed_head::StoredHead;
use super::storage::{ReadFile, Storage, retry};
use super::write::{CreateError, create_file};
use super::{LedgerError, SNAPSHOT, scan, segment_name, segments, signed_head};
use crate::clock::{Clock, Random};
use crate::model::Digest;
use crate::model::entry::{AfterDamage, SignedBefore};

/// `timeline.000001.jsonl.new-<n>`: the new log, waiting for the old one to move to `damaged-<n>`.
fn waiting_prefix() -> String {
    format!("{}.new-", segment_name(1))
}

/// Begins a new log after a damaged one, and opens it.
pub fn new_after_damage(
    options: OpenOptions,
    storage: Arc<dyn Storage>,
    clock: Clock,
    random: Random,
) -> Result<OpenedLog, LedgerError> {
    let opening = Opening::begin(options, storage, clock, random)?;
    let dir = opening.options.dir.clone();
    let storage = Arc::clone(&opening.storage);
    if !finish(storage.as_ref(), &dir)? {
        let (survey, ..) = opening.survey_with_snapshot()?;
        let blocking = opening.is_damaged(&survey)?;
        let Some((path, _)) = survey.newest.as_ref().filter(|_| blocking) else {
            return Err(LedgerError::NotDamaged(dir));
        };
        let file = retry(|| storage.open_read(path)).map_err(LedgerError::io("open", path))?;
        let sha256 = hash_file(file.as_ref()).map_err(LedgerError::io("read", path))?;
        let (seq, head) = survey.head;
        // Unreadable is part of the damage: then the old folder keeps it as it is.
        let signed = match signed_head::read(storage.as_ref(), &dir) {
            Ok(StoredHead::Head(it)) => Some(SignedBefore { log: it.log, seq: it.seq, head: it.head }),
            Ok(_) | Err(_) => None,
        };
        let genesis = opening.genesis(Some(AfterDamage { sha256, seq, head, signed }));
        let (_, bytes) = opening.sealer.batch((0, Digest([0; 32])), &[genesis])?;
        let names = retry(|| storage.list(&dir)).map_err(LedgerError::io("list", &dir))?;
        let taken = names.iter().filter(|name| name.starts_with("damaged-")).count();
        let number = (1..=taken + 1).find(|n| !names.contains(&format!("damaged-{n}"))).unwrap_or(taken + 1);
        let waiting = dir.join(format!("{}{number}", waiting_prefix()));
        create_file(storage.as_ref(), &dir, &waiting, &bytes).map_err(|error| match error {
            CreateError::Nothing(error) | CreateError::Broken(error) => LedgerError::io("write", &waiting)(error),
        })?;
        finish(storage.as_ref(), &dir)?;
    }
    opening.open_surveyed()
}

/// Finishes a renewal that was begun. True if there was one.
pub(super) fn finish(storage: &dyn Storage, dir: &Path) -> Result<bool, LedgerError> {
    let prefix = waiting_prefix();
    let names = retry(|| storage.list(dir)).map_err(LedgerError::io("list", dir))?;
    let waiting = names.iter().find(|name| name.starts_with(&prefix) && !name.ends_with(".tmp"));
    let Some((name, number)) = waiting.and_then(|name| Some((name, name.strip_prefix(&prefix)?))) else {
        return Ok(false);
    };
    let away = dir.join(format!("damaged-{number}"));
    retry(|| storage.make_dir(&away)).map_err(LedgerError::io("make", &away))?;
    let old = segments(storage, dir).map_err(LedgerError::io("list", dir))?;
    let torn = names.iter().filter(|name| name.contains(".jsonl.torn-")).map(|name| dir.join(name));
    // What was signed of the old log, and what may be the only proof that it was cut, go with it.
    let beside = [signed_head::SIGNED, SNAPSHOT];
    let beside = names.iter().filter(|name| beside.contains(&name.as_str())).map(|name| dir.join(name));
    for from in old.into_iter().map(|(_, path)| path).chain(torn).chain(beside) {
        let to = away.join(from.file_name().unwrap_or_default());
        retry(|| storage.rename(&from, &to)).map_err(LedgerError::io("move away", &from))?;
    }
    for dir in [away.as_path(), dir] {
        retry(|| storage.sync_dir(dir)).map_err(LedgerError::io("sync", dir))?;
    }
    let first = dir.join(segment_name(1));
    retry(|| storage.rename(&dir.join(name), &first)).map_err(LedgerError::io("name", &first))?;
    retry(|| storage.sync_dir(dir)).map_err(LedgerError::io("sync", dir))?;
    Ok(true)
}

fn hash_file(file: &dyn ReadFile) -> std::io::Result<Digest> {
    const CHUNK: u64 = 1024 * 1024;
    let len = retry(|| file.size())?;
    let mut hash = Sha256::new();
    let mut offset = 0;
    while offset < len {
        let chunk = scan::read_tail(file, offset, len.min(offset + CHUNK))?;
        hash.update(&chunk);
        offset += chunk.len() as u64;
    }
    Ok(Digest(hash.finalize().into()))
}
