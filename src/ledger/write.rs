//! Appending: one write of the batch, `fdatasync`, then the answer; and what to do when the disk says no.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::opening::{Opening, by_room};
use super::reader::{LogReader, LogShared, Segment};
use super::sealer::Sealer;
use super::storage::{AppendFile, FileFacts, LockGuard, Storage, is_full, is_passing, retry, write_all};
use super::{
    AppendError, HEALTHY_BYTES, LedgerError, LogHealth, MAX_BATCH, RESERVE, RESERVE_BYTES, SEGMENT_BYTES, SYNC_FAILED,
    segment_name,
};
use crate::model::entry::{EntryDraft, Rotate};
use crate::model::{Digest, Happening, SafeText};
use crate::seal::Sealed;

pub(super) const FULL: &str = "the disk is full: recording and acting are off until there is room";

/// The one who writes.
pub(super) struct LogWriter {
    /// `None` if the log is damaged.
    pub file: Option<Box<dyn AppendFile>>,
    /// The file as it was opened; its size is not kept here.
    pub identity: FileFacts,
    pub path: PathBuf,
    pub number: u32,
    /// Where the last synced entry ends.
    pub end: u64,
    /// The disk was full, and the reserve is given up.
    pub full: bool,
    /// Why nothing more is written in this process.
    pub stopped: Option<SafeText>,
    limit: u64,
    _lock: Box<dyn LockGuard>,
}

impl LogWriter {
    pub(super) fn new(path: PathBuf, end: u64, lock: Box<dyn LockGuard>) -> Self {
        let identity = FileFacts { dev: 0, ino: 0, links: 1, size: 0, regular: true };
        Self {
            file: None,
            identity,
            path,
            number: 1,
            end,
            full: false,
            stopped: None,
            limit: SEGMENT_BYTES,
            _lock: lock,
        }
    }
}

/// A new file with its first line, durable before it has its name; and its name durable too.
pub(super) enum CreateError {
    /// Nothing happened.
    Nothing(io::Error),
    /// The disk did not keep a promise: nothing more may be written.
    Broken(io::Error),
}

pub(super) fn create_file(
    storage: &dyn Storage,
    dir: &Path,
    path: &Path,
    bytes: &[u8],
) -> Result<Box<dyn AppendFile>, CreateError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = dir.join(name);
    let undo = |error| {
        let _ = retry(|| storage.remove(&temporary));
        CreateError::Nothing(error)
    };
    let taken = match retry(|| storage.facts(path)) {
        Ok(_) => io::ErrorKind::AlreadyExists.into(),
        Err(error) => error,
    };
    if taken.kind() != io::ErrorKind::NotFound {
        return Err(CreateError::Nothing(taken));
    }
    let _ = retry(|| storage.remove(&temporary));
    let directory = retry(|| storage.open_dir(dir)).map_err(CreateError::Nothing)?;
    let mut file = retry(|| storage.create(&temporary)).map_err(CreateError::Nothing)?;
    write_all(file.as_mut(), bytes).map_err(undo)?;
    retry(|| file.sync_data()).map_err(|error| {
        let _ = retry(|| storage.remove(&temporary));
        CreateError::Broken(error)
    })?;
    retry(|| storage.rename(&temporary, path)).map_err(CreateError::Broken)?;
    retry(|| directory.sync()).map_err(CreateError::Broken)?;
    Ok(file)
}

/// Writes the first segment of a new log.
pub(super) fn begin_log(opening: &Opening, genesis: EntryDraft) -> Result<(), LedgerError> {
    let (storage, dir) = (opening.storage.as_ref(), &opening.options.dir);
    let (_, bytes) = opening.sealer.batch((0, Digest([0; 32])), &[genesis])?;
    let path = dir.join(segment_name(1));
    create_file(storage, dir, &path, &bytes).map_err(|error| match error {
        CreateError::Nothing(error) | CreateError::Broken(error) => LedgerError::io("begin the log", &path)(error),
    })?;
    // The directory's own name must be durable too. Where its parent can't be opened, its maker has seen to that.
    // Above a bare name is where we are.
    let above = dir.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    match above.map(|parent| retry(|| storage.sync_dir(parent))) {
        Some(Err(error)) if error.kind() != io::ErrorKind::PermissionDenied => {
            Err(LedgerError::io("sync the directory above", dir)(error))
        }
        _ => Ok(()),
    }
}

/// An open log. One writer; clones of its [`LogReader`] read meanwhile.
pub struct Ledger {
    pub(super) shared: Arc<LogShared>,
    writer: Mutex<LogWriter>,
    sealer: Sealer,
}

impl Ledger {
    pub(super) fn new(shared: Arc<LogShared>, writer: LogWriter, sealer: Sealer) -> Self {
        Self { shared, writer: Mutex::new(writer), sealer }
    }

    /// For other tasks and threads.
    pub fn reader(&self) -> LogReader {
        LogReader(Arc::clone(&self.shared))
    }

    /// Last durable entry: number and hash.
    pub fn head(&self) -> (u64, Digest) {
        self.shared.read(|index| index.head)
    }

    /// Whether entries are taken.
    pub fn condition(&self) -> LogHealth {
        self.shared.read(|index| index.condition.clone())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LogWriter> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records drafts as one batch: all durable when it returns, or none counts. Blocks on the disk.
    ///
    /// What comes back are the drafts' entries, in order. When a segment is full, a `rotate` entry takes the number
    /// before the first of them. With the disk full only the outcomes of a running plan are still taken, as long as the
    /// reserve lasts.
    pub fn append(&self, drafts: Vec<EntryDraft>) -> Result<Vec<Sealed>, AppendError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        if drafts.len() > MAX_BATCH {
            return Err(AppendError::TooMany(drafts.len()));
        }
        let urgent = drafts.iter().all(|draft| is_outcome(&draft.happening));
        self.append_batch(urgent, |_| drafts)
    }

    /// Records a draft and one that speaks of it by its number, as one batch: both are durable, or none counts.
    pub fn append_pair(
        &self,
        draft: EntryDraft,
        speaks_of: impl FnOnce(u64) -> EntryDraft,
    ) -> Result<Vec<Sealed>, AppendError> {
        self.append_batch(false, |seq| vec![draft, speaks_of(seq)])
    }

    /// Writes the drafts that are made for the number which the first of them takes.
    fn append_batch(
        &self,
        urgent: bool,
        make: impl FnOnce(u64) -> Vec<EntryDraft>,
    ) -> Result<Vec<Sealed>, AppendError> {
        let mut writer = self.lock();
        self.ready(&mut writer, urgent)?;
        if writer.end >= writer.limit {
            match self.begin_segment(&mut writer, "size") {
                Ok(_) => {}
                // The old segment takes a little more.
                Err(AppendError::Full) => self.ready(&mut writer, urgent)?,
                Err(AppendError::Unchanged(why)) => tracing::warn!(%why, "the segment goes on"),
                Err(error) => return Err(error),
            }
        }
        self.guard(&mut writer)?;
        let head = self.head();
        let (batch, bytes) = self.sealer.batch(head, &make(head.0 + 1))?;
        match self.write(&mut writer, &bytes) {
            // The reserve has just been given up: for an outcome there may be room now.
            Err(AppendError::Full) if urgent => self.write(&mut writer, &bytes)?,
            done => done?,
        }
        self.commit(&mut writer, &batch);
        Ok(batch)
    }

    /// Begins the next segment where the next entry would.
    pub(super) fn make_room_for_one(&self, writer: &mut LogWriter) -> Result<(), AppendError> {
        if writer.end < writer.limit { Ok(()) } else { self.begin_segment(writer, "size").map(drop) }
    }

    /// Closes the segment and begins the next one with a `rotate` entry.
    pub fn rotate(&self, why: &str) -> Result<Sealed, AppendError> {
        let mut writer = self.lock();
        self.ready(&mut writer, false)?;
        self.begin_segment(&mut writer, why)
    }

    /// Looks whether a full disk has room again; recording goes on if so. Cheap: worth calling now and then.
    pub fn heal(&self) -> LogHealth {
        let mut writer = self.lock();
        if writer.full && writer.stopped.is_none() {
            self.try_heal(&mut writer);
        }
        self.condition()
    }

    /// Whether nothing is recorded because the disk is full, which may pass.
    pub fn is_full(&self) -> bool {
        let writer = self.lock();
        writer.full && writer.stopped.is_none()
    }

    pub(super) fn ready(&self, writer: &mut LogWriter, urgent: bool) -> Result<(), AppendError> {
        if let LogHealth::Damaged(says) = self.condition() {
            return Err(AppendError::Damaged(says));
        }
        if let Some(why) = &writer.stopped {
            return Err(AppendError::Stopped(why.clone()));
        }
        if writer.full {
            self.try_heal(writer);
        }
        if writer.full && !urgent { Err(AppendError::Full) } else { Ok(()) }
    }

    fn try_heal(&self, writer: &mut LogWriter) {
        let (storage, dir) = (self.shared.storage.as_ref(), &self.shared.dir);
        let free = retry(|| storage.free_bytes(dir)).unwrap_or(0);
        if free >= HEALTHY_BYTES && retry(|| storage.reserve(&dir.join(RESERVE), RESERVE_BYTES)).is_ok() {
            writer.full = false;
            self.shared.change(|index| index.condition = LogHealth::Healthy);
        }
    }

    /// The file must be as this process left it: nobody else writes here, and nobody swapped it.
    pub(super) fn guard(&self, writer: &mut LogWriter) -> Result<(), AppendError> {
        let Some(file) = writer.file.as_ref() else { return Err(self.stop(writer, "the log is not open")) };
        let facts =
            retry(|| file.facts()).and_then(|own| Ok((own, retry(|| self.shared.storage.facts(&writer.path))?)));
        let (own, named) = match facts {
            Ok(facts) => facts,
            Err(error) => return Err(self.stop(writer, &format!("the log can't be looked at ({error})"))),
        };
        let known = writer.identity;
        let same = |facts: FileFacts| {
            (facts.dev, facts.ino, facts.links, facts.size) == (known.dev, known.ino, 1, writer.end) && facts.regular
        };
        if same(own) && same(named) {
            return Ok(());
        }
        let says = SafeText::new(&format!(
            "{} is not as it was left ({} bytes, {} expected): another program wrote to it or replaced it",
            writer.path.display(),
            named.size,
            writer.end
        ));
        self.shared.change(|index| index.condition = LogHealth::Damaged(says.clone()));
        Err(AppendError::Damaged(says))
    }

    /// Nothing more is written in this process.
    pub(super) fn stop(&self, writer: &mut LogWriter, why: &str) -> AppendError {
        let says = SafeText::new(&format!("{why}: recording and acting are off until the room is started again"));
        writer.stopped = Some(says.clone());
        self.shared.change(|index| index.condition = LogHealth::Degraded(says.clone()));
        AppendError::Stopped(says)
    }

    /// After a failed sync nobody knows what the disk holds, and the page cache may show what the disk never got: so the
    /// batch is cut off as well as that goes, and a mark makes the next start begin a new segment.
    fn sync_failed(&self, writer: &mut LogWriter, error: &io::Error) -> AppendError {
        let end = writer.end;
        if let Some(file) = writer.file.as_mut() {
            let _ = retry(|| file.set_len(end));
        }
        let mark = self.shared.dir.join(SYNC_FAILED);
        let _ = retry(|| self.shared.storage.create(&mark));
        self.stop(writer, &format!("the disk did not keep the log ({error})"))
    }

    pub(super) fn forget_failed_sync(&self) {
        let _ = retry(|| self.shared.storage.remove(&self.shared.dir.join(SYNC_FAILED)));
    }

    fn go_full(&self, writer: &mut LogWriter) -> AppendError {
        let _ = retry(|| self.shared.storage.remove(&self.shared.dir.join(RESERVE)));
        writer.full = true;
        self.shared.change(|index| index.condition = LogHealth::Degraded(SafeText::new(FULL)));
        AppendError::Full
    }

    /// Writes and syncs. On failure the file is cut back to where it was, so that the next batch follows a good entry.
    fn write(&self, writer: &mut LogWriter, bytes: &[u8]) -> Result<(), AppendError> {
        let end = writer.end;
        let Some(file) = writer.file.as_mut() else { return Err(self.stop(writer, "the log is not open")) };
        let Err(error) = write_all(file.as_mut(), bytes) else {
            let Err(error) = retry(|| file.sync_data()) else { return Ok(()) };
            return Err(self.sync_failed(writer, &error));
        };
        let cut = retry(|| file.set_len(end)).and_then(|()| retry(|| file.sync_data()));
        match cut {
            Err(cut) => Err(self.sync_failed(writer, &cut)),
            Ok(()) if is_full(&error) => Err(self.go_full(writer)),
            Ok(()) => Err(self.stop(writer, &format!("the log can't be written ({error})"))),
        }
    }

    /// Only now do readers see it.
    fn commit(&self, writer: &mut LogWriter, batch: &[Sealed]) {
        self.shared.change(|index| {
            let Some(segment) = index.segments.last_mut() else { return };
            for sealed in batch {
                segment.push(sealed.entry.seq, writer.end, sealed.entry.hash);
                writer.end += sealed.log.body.as_ref().map_or(0, |body| body.len() as u64 + 1);
                writer.end += sealed.log.line.len() as u64 + 1;
                index.head = (sealed.entry.seq, sealed.entry.hash);
            }
            segment.end = writer.end;
        });
    }

    fn begin_segment(&self, writer: &mut LogWriter, why: &str) -> Result<Sealed, AppendError> {
        self.guard(writer)?;
        let number = writer.number + 1;
        let draft = by_room(Rotate { segment: number, why: SafeText::new(why) });
        let (mut batch, bytes) = self.sealer.batch(self.head(), &[draft])?;
        let (storage, dir) = (self.shared.storage.as_ref(), self.shared.dir.as_path());
        let path = dir.join(segment_name(number));
        let file = match create_file(storage, dir, &path, &bytes) {
            Ok(file) => file,
            Err(CreateError::Nothing(error)) if is_full(&error) => return Err(self.go_full(writer)),
            Err(CreateError::Nothing(error)) if is_passing(&error) => {
                let why = format!("a new segment can't be made now ({error})");
                return Err(AppendError::Unchanged(SafeText::new(&why)));
            }
            Err(CreateError::Nothing(error)) => {
                return Err(self.stop(writer, &format!("a new segment can't be made ({error})")));
            }
            Err(CreateError::Broken(error)) => return Err(self.sync_failed(writer, &error)),
        };
        let identity = match retry(|| file.facts()) {
            Ok(facts) => facts,
            Err(error) => return Err(self.stop(writer, &format!("the new segment can't be looked at ({error})"))),
        };
        // Left to the next start if it fails: the old segment is complete either way.
        let _ = retry(|| storage.close_off(&writer.path));
        (writer.file, writer.identity, writer.path, writer.number, writer.end) =
            (Some(file), identity, path, number, 0);
        self.shared.change(|index| index.segments.push(Segment::new(number, index.head.0 + 1)));
        self.commit(writer, &batch);
        Ok(batch.remove(0))
    }

    /// Lets tests rotate early.
    #[cfg(test)]
    pub(super) fn set_segment_limit(&self, bytes: u64) {
        self.lock().limit = bytes;
    }
}

/// What became of a plan that was already claimed, or of a silence that was already asked for.
fn is_outcome(happening: &Happening) -> bool {
    matches!(
        happening,
        Happening::StepDone(_)
            | Happening::StepFailed(_)
            | Happening::StepUnknown(_)
            | Happening::PlanEnded(_)
            | Happening::Reconciled(_)
            | Happening::SilenceEnded(_)
    )
}
