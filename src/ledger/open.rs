//! Opening a log: directory and lock, the whole chain, and what to do about a tail that a crash tore.

use std::path::Path;
use std::sync::Arc;

use super::opening::{OpenOptions, Opening, Survey, by_room, id_of};
use super::reader::{LogIndex, LogShared, Segment};
use super::scan::{self, Scan};
use super::sealer::Sealer;
use super::signed_head::{self, StoredHead};
use super::snapshot::{self, FoundSnapshot, UnusableSnapshot, Unverified};
use super::storage::{ReadFile, Storage, retry};
use super::tail::Tail;
use super::write::{self, Ledger, LogWriter};
use super::{
    Damage, LOCK, LedgerError, LogHealth, RESERVE, RESERVE_BYTES, SYNC_FAILED, new_after_damage, read_only, segments,
};
use crate::clock::{Clock, Random};
use crate::model::entry::{EntryDraft, Genesis, Recovered};
use crate::model::{Digest, SafeText};
use crate::seal::ChainCheck;

/// An open log, and what was found while opening it.
pub struct OpenedLog {
    /// Read-only if the log is damaged or its place can't be written.
    pub ledger: Ledger,
    /// A torn tail was cut off; an entry says so.
    pub recovered: Option<Recovered>,
    /// The log is not whole. If the damage `blocks`, the ledger is read-only.
    pub damaged: Option<Damage>,
    /// What was kept beside the log.
    pub snapshot: FoundSnapshot,
    /// What a snapshot that fits left to be verified.
    pub unverified: Option<Unverified>,
    /// Things to show once, in words.
    pub warnings: Vec<SafeText>,
}

impl Ledger {
    /// Opens the log in a directory, or begins one; verifies all of it. Where the place can't be written, what is there is
    /// read and nothing is recorded; a drill, which is there to be recorded, gets the error.
    pub fn open(
        options: OpenOptions,
        storage: Arc<dyn Storage>,
        clock: Clock,
        random: Random,
    ) -> Result<OpenedLog, LedgerError> {
        let begun = Opening::begin(options.clone(), storage.clone(), clock.clone(), random.clone());
        let error = match begun.and_then(Opening::open) {
            Ok(opened) => return Ok(opened),
            Err(error) => error,
        };
        match read_only::refusal(&error, &options) {
            Some(says) if !options.drill => Ok(read_only::open(options, storage, clock, random, says)),
            _ => Err(error),
        }
    }
}

impl Opening {
    /// Checks the directory and takes its lock.
    pub(super) fn begin(
        options: OpenOptions,
        storage: Arc<dyn Storage>,
        clock: Clock,
        random: Random,
    ) -> Result<Self, LedgerError> {
        let dir = options.dir.clone();
        retry(|| storage.make_dir(&dir)).map_err(LedgerError::io("make the log directory", &dir))?;
        let facts = retry(|| storage.dir_facts(&dir)).map_err(LedgerError::io("look at", &dir))?;
        let mut warnings = Vec::new();
        if !options.drill {
            if !facts.mine {
                return Err(LedgerError::Directory {
                    dir,
                    why: "belongs to another user: run it as that one (runuser -u NAME -- warroom …)".into(),
                });
            }
            if facts.mode & 0o077 != 0 {
                let why = format!("others may enter it (mode {:03o}); run: chmod 700 {}", facts.mode, dir.display());
                return Err(LedgerError::Directory { dir, why });
            }
            let remote = matches!(facts.kind, "nfs" | "fuse" | "smb");
            if remote && options.check_fs && !options.allow_fs.iter().any(|kind| kind == facts.kind) {
                return Err(LedgerError::FileSystem { dir, kind: facts.kind });
            }
            if remote || matches!(facts.kind, "overlay" | "tmpfs") {
                let says = format!("the log is on {}: it may not survive a crash of the host", facts.kind);
                warnings.push(SafeText::new(&says));
            }
        }
        let lock = retry(|| storage.lock(&dir.join(LOCK))).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => LedgerError::Locked(dir.clone()),
            _ => LedgerError::io("lock", &dir.join(LOCK))(error),
        })?;
        let sealer = Sealer::new(&options, &clock, &random);
        Ok(Self { options, storage, sealer, random, clock, warnings, lock })
    }

    fn open(self) -> Result<OpenedLog, LedgerError> {
        self.clear_leftovers()?;
        new_after_damage::finish(self.storage.as_ref(), &self.options.dir)?;
        self.open_surveyed()
    }

    /// Opens what is there, once no half-done work of an earlier process is left.
    pub(super) fn open_surveyed(mut self) -> Result<OpenedLog, LedgerError> {
        let (mut survey, snapshot, unverified) = self.survey_with_snapshot()?;
        if let FoundSnapshot::Unfit(unfit) = &snapshot
            && !unfit.is_damage()
        {
            // What can't be removed now is refused again at the next start.
            let _ = snapshot::forget(self.storage.as_ref(), &self.options.dir);
        }
        if survey.newest.is_none() {
            if let Some(seq) = self.last_known(&snapshot)? {
                return Err(LedgerError::Gone { dir: self.options.dir, seq });
            }
            let genesis = self.genesis(None);
            write::begin_log(&self, genesis)?;
            survey = self.survey()?;
        }
        let mut damaged = survey.closed.take();
        match self.judge_tail(&survey)? {
            Tail::Clean => {}
            Tail::Torn(bytes) => self.cut_tail(&survey, &bytes)?,
            Tail::Damaged(damage) => damaged = Some(damage),
        }
        let blocked = damaged.as_ref().filter(|damage| damage.blocks).map(Damage::says);
        let (mut torn, mut new_segment) = (Vec::new(), false);
        if blocked.is_none() {
            torn = self.unnoted(&survey.noted)?;
            new_segment = self.exists(SYNC_FAILED)?;
            self.close_off(&survey.segments)?;
        }
        let warnings = std::mem::take(&mut self.warnings);
        let ledger = self.ledger(survey, blocked, damaged.is_none())?;
        let unverified = unverified.map(|it| it.of(&ledger.shared));
        let recovered = torn.first().cloned();
        for recovered in torn {
            ledger.shared.change(|index| index.noted.insert(recovered.sha256));
            ledger.append(vec![by_room(recovered)])?;
        }
        if new_segment {
            ledger.rotate("a sync failed before the restart")?;
            ledger.forget_failed_sync();
        }
        Ok(OpenedLog { ledger, recovered, damaged, snapshot, unverified, warnings })
    }

    /// The last entry that something beside the segments knows of, in a directory that has none.
    fn last_known(&self, snapshot: &FoundSnapshot) -> Result<Option<u64>, LedgerError> {
        if let FoundSnapshot::Unfit(UnusableSnapshot::Ahead { seq, .. }) = snapshot {
            return Ok(Some(*seq));
        }
        let dir = &self.options.dir;
        match signed_head::read(self.storage.as_ref(), dir).map_err(LedgerError::io("read what was signed in", dir))? {
            StoredHead::Head(head) => Ok(Some(head.seq)),
            StoredHead::Nothing | StoredHead::Garbled(_) => Ok(None),
        }
    }

    /// The first entry of a new log.
    pub(super) fn genesis(&self, after_damage: Option<crate::model::entry::AfterDamage>) -> EntryDraft {
        by_room(Genesis {
            log: self.random.ulid(&self.clock),
            key: self.options.key.clone(),
            drill: self.options.drill,
            after_damage,
        })
    }

    /// Removes files that were never given their final name.
    fn clear_leftovers(&self) -> Result<(), LedgerError> {
        let dir = &self.options.dir;
        for name in retry(|| self.storage.list(dir)).map_err(LedgerError::io("list", dir))? {
            if name.starts_with("timeline.") && name.ends_with(".tmp") {
                let path = dir.join(name);
                retry(|| self.storage.remove(&path)).map_err(LedgerError::io("remove", &path))?;
            }
        }
        Ok(())
    }

    fn exists(&self, name: &str) -> Result<bool, LedgerError> {
        let dir = &self.options.dir;
        let names = retry(|| self.storage.list(dir)).map_err(LedgerError::io("list", dir))?;
        Ok(names.iter().any(|found| found == name))
    }

    /// Verifies every segment.
    pub(super) fn survey(&self) -> Result<Survey, LedgerError> {
        self.survey_each(&mut |_, _| {})
    }

    /// The same; `each` gets the number and the hash of every good entry.
    pub(super) fn survey_each(&self, each: &mut dyn FnMut(u64, Digest)) -> Result<Survey, LedgerError> {
        let dir = &self.options.dir;
        let files = segments(self.storage.as_ref(), dir).map_err(LedgerError::io("list", dir))?;
        let mut survey = Survey::default();
        let mut check = ChainCheck::new();
        let count = files.len();
        for (i, (number, path)) in files.into_iter().enumerate() {
            let scanned = self.survey_segment(&mut survey, &mut check, number, &path, each);
            match scanned {
                Ok(scan) if i + 1 == count => survey.newest = Some((path, scan)),
                Ok(Scan { bad: Some(why), good, .. }) => note_damage(&mut survey, &check, &path, good, why),
                Ok(_) => {}
                Err(error) if i + 1 == count => return Err(LedgerError::io("read", &path)(error)),
                Err(error) => {
                    let end = survey.segments.last().map_or(0, |segment| segment.end);
                    note_damage(&mut survey, &check, &path, end, &format!("it can't be read: {error}"));
                }
            }
        }
        survey.head = check.head();
        let proven = check.finish();
        if let (Err(broken), Some((path, Scan { bad: None, good, .. }))) = (proven, &survey.newest) {
            // Which line it is, only the whole log knows; nothing in it is hidden, so it is shown and blocks nothing.
            let (path, good) = (path.clone(), *good);
            note_damage(&mut survey, &check, &path, good, broken.why);
        }
        Ok(survey)
    }

    /// Verifies one segment; `each` gets the number and the hash of every good entry.
    pub(super) fn survey_segment(
        &self,
        survey: &mut Survey,
        check: &mut ChainCheck,
        number: u32,
        path: &Path,
        each: &mut dyn FnMut(u64, Digest),
    ) -> std::io::Result<Scan> {
        let before = survey.segments.last().map(|segment| (segment.number, segment.end));
        survey.segments.push(Segment::new(number, check.head().0 + 1));
        let file = retry(|| self.storage.open_read(path))?;
        let mut scan = self.scan(survey, check, file.as_ref(), each)?;
        // A segment that begins well, but not where the one before ended: what is missing was lost from a closed segment.
        if scan.bad.is_some()
            && scan.good == 0
            && let Some((before, end)) = before
            && let Some(resumed) = scan::check_from_first_line(file.as_ref(), check.head().0)?
        {
            let closed = self.options.dir.join(super::segment_name(before));
            note_damage(survey, check, &closed, end, "the segment after it does not continue it");
            *check = resumed;
            scan = self.scan(survey, check, file.as_ref(), each)?;
        }
        Ok(scan)
    }

    fn scan(
        &self,
        survey: &mut Survey,
        check: &mut ChainCheck,
        file: &dyn ReadFile,
        each: &mut dyn FnMut(u64, Digest),
    ) -> std::io::Result<Scan> {
        let Survey { segments, log_id, noted, .. } = survey;
        scan::segment(file, check, |found, (start, end), line| {
            let hash = found.digest().unwrap_or_default();
            each(found.seq, hash);
            if let Some(segment) = segments.last_mut() {
                segment.push(found.seq, start, hash);
                segment.end = end;
            }
            scan::note_recovered(found, line, noted);
            if found.kind == b"genesis" {
                *log_id = id_of(line);
            }
        })
    }

    /// A crash may have come between a new segment and the closing of the old one.
    fn close_off(&self, segments: &[Segment]) -> Result<(), LedgerError> {
        for segment in segments.iter().rev().skip(1) {
            let path = self.options.dir.join(super::segment_name(segment.number));
            retry(|| self.storage.close_off(&path)).map_err(LedgerError::io("close", &path))?;
        }
        Ok(())
    }

    fn ledger(self, mut survey: Survey, blocked: Option<SafeText>, whole: bool) -> Result<Ledger, LedgerError> {
        let Some((path, scan)) = survey.newest.take() else {
            return Err(LedgerError::Directory { dir: self.options.dir, why: "holds no log".into() });
        };
        let mut writer = LogWriter::new(path.clone(), scan.good, self.lock);
        writer.number = survey.segments.last().map_or(1, |segment| segment.number);
        let mut condition = LogHealth::Healthy;
        if let Some(says) = blocked {
            condition = LogHealth::Damaged(says);
        } else {
            let mut file = retry(|| self.storage.open_append(&path)).map_err(LedgerError::io("open", &path))?;
            // A process that was killed may have left its last batch un-synced; what follows will link to it.
            retry(|| file.sync_data()).map_err(LedgerError::io("sync", &path))?;
            writer.identity = retry(|| file.facts()).map_err(LedgerError::io("look at", &path))?;
            writer.file = Some(file);
            let reserve = self.options.dir.join(RESERVE);
            if retry(|| self.storage.reserve(&reserve, RESERVE_BYTES)).is_err() {
                writer.full = true;
                condition = LogHealth::Degraded(SafeText::new(write::FULL));
            }
        }
        let noted = survey.noted;
        let index = LogIndex { segments: survey.segments, head: survey.head, condition, noted, whole };
        let shared = LogShared::new(self.options.dir, self.storage, survey.log_id, index);
        Ok(Ledger::new(Arc::new(shared), writer, self.sealer))
    }
}

/// The first damage of what is closed is the one that is shown.
fn note_damage(survey: &mut Survey, check: &ChainCheck, segment: &Path, offset: u64, why: &str) {
    let (seq, head) = check.head();
    let damage = Damage { segment: segment.to_owned(), offset, seq, head, why: SafeText::new(why), blocks: false };
    survey.closed.get_or_insert(damage);
}
