//! A log in a place that can't be written: it is shown as far as it can be read, and nothing is recorded. The panes of a
//! room matter most in an outage, and an outage is when disks turn read-only.

use std::io::ErrorKind;
use std::sync::Arc;

use nix::errno::Errno;
use nix::unistd::geteuid;

use super::open::OpenedLog;
use super::opening::{OpenOptions, Opening, Survey};
use super::reader::{LogIndex, LogShared};
use super::sealer::Sealer;
use super::snapshot::FoundSnapshot;
use super::storage::{LockGuard, Storage};
use super::tail::Tail;
use super::write::{Ledger, LogWriter};
use super::{AppendError, LedgerError, LogHealth, segment_name};
use crate::clock::{Clock, Random};
use crate::model::SafeText;

/// What is never written needs no lock.
struct NoLock;

impl LockGuard for NoLock {}

/// Why a place refuses to be written, with what to do about it, if that is all that keeps the log from being opened.
pub(super) fn refusal(error: &LedgerError, options: &OpenOptions) -> Option<SafeText> {
    if let LedgerError::Gone { .. } = error {
        return Some(SafeText::new(&format!("{error}; recording and acting are off until the room is started again")));
    }
    let why = match error {
        LedgerError::Io { what, path, source } => match source.kind() {
            ErrorKind::ReadOnlyFilesystem
            | ErrorKind::PermissionDenied
            | ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded => format!("can't {what} {}: {}", path.display(), reason(source)),
            _ => return None,
        },
        LedgerError::Append(AppendError::Full) => "the disk is full".to_owned(),
        _ => return None,
    };
    Some(SafeText::new(&format!(
        "{why}: make {} writable for uid {}, or choose another place with --state-dir; recording and acting are off until \
         the room is started again",
        options.dir.display(),
        geteuid()
    )))
}

/// An error's reason without Rust's `(os error 2)`.
fn reason(error: &std::io::Error) -> String {
    match error.raw_os_error() {
        Some(code) => Errno::from_raw(code).desc().to_owned(),
        None => error.to_string(),
    }
}

/// Opens what can be read of the log, read-only.
pub(super) fn open(
    options: OpenOptions,
    storage: Arc<dyn Storage>,
    clock: Clock,
    random: Random,
    says: SafeText,
) -> OpenedLog {
    let sealer = Sealer::new(&options, &clock, &random);
    // All of it is read: nobody would verify later what a snapshot leaves out, for nobody goes on from it here.
    let options = OpenOptions { snapshot: None, ..options };
    let opening = Opening { options, storage, sealer, random, clock, warnings: Vec::new(), lock: Box::new(NoLock) };
    // A directory that is not there, or can't be entered, holds nothing to show.
    let survey = opening.survey_with_snapshot().map(|(survey, ..)| survey).unwrap_or_default();
    // A torn tail is left out and stays where it is: nothing can be written here.
    let blocking = match opening.judge_tail(&survey) {
        Ok(Tail::Damaged(damage)) => Some(damage),
        _ => None,
    };
    let Opening { options, storage, sealer, lock, .. } = opening;
    let Survey { segments, head, closed, newest, log_id, noted, .. } = survey;
    let (path, end) = match newest {
        Some((path, scan)) => (path, scan.good),
        None => (options.dir.join(segment_name(1)), 0),
    };
    let mut writer = LogWriter::new(path, end, lock);
    writer.stopped = Some(says.clone());
    let condition = match &blocking {
        Some(damage) => LogHealth::Damaged(damage.says()),
        None => LogHealth::Degraded(says.clone()),
    };
    let index = LogIndex { segments, head, condition, noted, whole: false };
    let shared = LogShared::new(options.dir, storage, log_id, index);
    let ledger = Ledger::new(Arc::new(shared), writer, sealer);
    OpenedLog {
        ledger,
        recovered: None,
        damaged: blocking.or(closed),
        warnings: vec![says],
        snapshot: FoundSnapshot::Nothing,
        unverified: None,
    }
}
