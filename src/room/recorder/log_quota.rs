//! What the log may take of the disk: said long before it is full, and at the end of it people's ordinary entries are refused
//! while everything that an incident's plans and the room itself have to say still goes in.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Recorder;
use crate::model::entry::Transition;
use crate::model::{Happening, Refusal, RefusalKind, SafeText, TransitionKind};
use crate::protocol::{LogRoom, Request};
use crate::room::blocking::blocking;
use crate::room::request_kinds::writes_text;

/// How often, in real time, it is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Per cent of the quota from which on it is said.
const SAID_FROM: u64 = 80;
/// So much must be free on the disk, if the quota leaves the log more than that.
const FREE: u64 = 1024 * 1024 * 1024;

/// How much room there is for the log. Ordered: the last is the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LogSpace {
    #[default]
    Enough,
    /// The disk will be full before the quota is reached.
    DiskFills,
    /// Most of the quota is used.
    Fills,
    /// All of it is.
    Full,
}

impl LogSpace {
    /// How it stands: bytes that the log takes and may take, and bytes free on its disk.
    fn of(used: u64, quota: u64, free: Option<u64>) -> Self {
        let left = quota.saturating_sub(used);
        if left == 0 {
            Self::Full
        } else if used.saturating_mul(100) >= quota.saturating_mul(SAID_FROM) {
            Self::Fills
        } else if free.is_some_and(|free| free < left.min(FREE)) {
            Self::DiskFills
        } else {
            Self::Enough
        }
    }
}

impl LogSpace {
    /// What stays said: a disk whose free bytes go up and down around the limit is told once, and again only after a quarter
    /// more than the limit was free.
    fn eased(self, used: u64, quota: u64, free: Option<u64>) -> Self {
        self.min(Self::of(used, quota, free.map(|free| free / 5 * 4)))
    }
}

/// What the recorder remembers of it.
#[derive(Debug)]
pub(super) struct Quota {
    /// Bytes that the log may take.
    pub(super) bytes: u64,
    pub(super) looked: Option<Instant>,
    /// As it was recorded last, until there is clearly more room again.
    pub(super) said: LogSpace,
}

impl Quota {
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes, looked: None, said: LogSpace::default() }
    }
}

impl Recorder {
    /// Looks now and then how much room there is, and records when it has become less.
    pub(crate) fn watch_room(&mut self) {
        if self.degraded.is_some() || self.quota.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.quota.looked = Some(Instant::now());
        // A drill's disk is not what is rehearsed.
        let free = self.shared.drill.is_none().then(|| blocking(|| self.ledger.free_bytes())).flatten();
        let (used, quota) = (self.ledger.bytes(), self.quota.bytes);
        let room = LogSpace::of(used, quota, free);
        if room <= self.quota.said {
            self.quota.said = self.quota.said.eased(used, quota, free);
        } else {
            let says = words(room, used, quota, free.unwrap_or_default());
            tracing::warn!(%says, "the log");
            let recorded = self.record(vec![self.by_room(Happening::Transition(Transition {
                edge: TransitionKind::LogFills,
                at: self.shared.clock.now(),
                source: "room".to_owned(),
                subject: SafeText::new("timeline"),
                service: None,
                verdict: if room == LogSpace::Full { "critical" } else { "warning" }.to_owned(),
                says: SafeText::new(&says),
                figures: json!({"used": used, "quota": quota, "free": free}),
            }))]);
            if recorded.is_some() {
                self.quota.said = room;
            }
        }
        let says = self.room_words();
        self.tell.log_room.send_if_modified(|told| {
            let news = says.map(|says| LogRoom { full: room == LogSpace::Full, says });
            let changed = *told != news;
            *told = news;
            changed
        });
    }

    /// What everyone should know of the room for the log, if it is not enough.
    pub(crate) fn room_words(&self) -> Option<SafeText> {
        let (used, quota) = (self.ledger.bytes(), self.quota.bytes);
        let room = LogSpace::of(used, quota, None).max(self.quota.said);
        (room != LogSpace::Enough)
            .then(|| SafeText::new(&words(room, used, quota, self.ledger.free_bytes().unwrap_or(0))))
    }

    /// Whether a person's request may still become an entry.
    ///
    /// # Errors
    /// The refusal that says what to do.
    pub(crate) fn room_for(&self, request: &Request) -> Result<(), Refusal> {
        let (used, quota) = (self.ledger.bytes(), self.quota.bytes);
        if used < quota || !is_ordinary(request) {
            return Ok(());
        }
        Err(Refusal::new(
            RefusalKind::Degraded,
            format!(
                "the log has its {} MiB: notes and the like are not taken any more; plans, incidents and what the room sees are",
                mib(quota)
            ),
            "raise `quota` under [log] in the room's configuration and restart it, or archive the log and begin a new one",
        ))
    }
}

/// What people write beside an incident's course: it can wait, or be written elsewhere. An incident that begins or changes
/// can't.
fn is_ordinary(request: &Request) -> bool {
    writes_text(request) && !matches!(request, Request::Open { .. } | Request::Set(_))
}

fn words(room: LogSpace, used: u64, quota: u64, free: u64) -> String {
    let of = format!("{} of {} MiB", mib(used), mib(quota));
    match room {
        LogSpace::Full => format!("the log takes {of}: notes are refused until its quota is raised or a new log begun"),
        LogSpace::Fills => format!("the log takes {of}: from {} MiB on notes are refused", mib(quota)),
        _ => {
            format!("{} MiB are free on the log's disk: it will be full before the log has its quota ({of})", mib(free))
        }
    }
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_stays_said_until_there_is_clearly_more_room() {
        const MIB: u64 = 1024 * 1024;
        let eased = |free| LogSpace::DiskFills.eased(0, 4096 * MIB, Some(free * MIB));
        assert_eq!(eased(1000), LogSpace::DiskFills);
        assert_eq!(eased(1100), LogSpace::DiskFills, "around the limit");
        assert_eq!(eased(1281), LogSpace::Enough);
        assert_eq!(LogSpace::Enough.eased(0, 4096 * MIB, Some(0)), LogSpace::Enough, "what is worse is said first");
    }

    #[test]
    fn it_is_said_long_before_it_is_full() {
        const GIB: u64 = 1024 * 1024 * 1024;
        for (used, free, room) in [
            (0, Some(8 * GIB), LogSpace::Enough),
            (3 * GIB, Some(GIB), LogSpace::Enough),
            (3 * GIB, Some(GIB - 1), LogSpace::DiskFills),
            (3 * GIB, None, LogSpace::Enough),
            (4 * GIB * 8 / 10, Some(8 * GIB), LogSpace::Enough),
            (4 * GIB * 8 / 10 + 1, Some(8 * GIB), LogSpace::Fills),
            (4 * GIB - 1, Some(0), LogSpace::Fills),
            (4 * GIB, Some(8 * GIB), LogSpace::Full),
            (u64::MAX, Some(0), LogSpace::Full),
        ] {
            assert_eq!(LogSpace::of(used, 4 * GIB, free), room, "{used} {free:?}");
        }
    }
}
