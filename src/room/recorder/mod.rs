//! The recorder: the log, what was made of it, and whether it can be written now. It is the only one that appends, and it
//! tells the sessions how far the log goes and why it does not go on.
//!
//! Its fields are its own. What the room knows about incidents and plans is the fold of its log ([`Recorder::story`]), and
//! kept nowhere else.

mod disk_full;
mod head_signing;
mod log_quota;
mod redacted_texts;
mod refused_requests;
mod snapshot;
#[cfg(test)]
mod snapshot_tests;

use std::sync::Arc;

use tokio::sync::watch;

use super::blocking::blocking;
use super::context::RoomContext;
use crate::ledger::{AppendError, Ledger, LogHealth};
use crate::model::entry::{Entry, EntryDraft, Happening, Marked, RoomStarted, RoomStopped};
use crate::model::{Actor, IncidentId, Milestone, Refusal, RefusalKind, SafeText};
use crate::protocol::LogRoom;
use crate::seal;
use crate::timeline::{Keep, Story};

use disk_full::Outage;
use head_signing::HeadSigning;
use log_quota::Quota;
use snapshot::SnapshotState;
pub(super) use snapshot::{FORM, verify_rest};

/// The log and its fold.
pub(super) struct Recorder {
    shared: Arc<RoomContext>,
    ledger: Ledger,
    story: Story,
    /// Why nothing can be recorded now.
    degraded: Option<SafeText>,
    /// Why the log can't be read, as long as not all of it is folded: then nothing is recorded, and nothing made of it is kept.
    unread: Option<SafeText>,
    /// What a closed segment lost, until it is recorded.
    lost: Option<SafeText>,
    /// The log says that this room has started.
    announced: bool,
    outage: Outage,
    quota: Quota,
    signing: HeadSigning,
    /// What is kept beside the log.
    kept: SnapshotState,
    tell: RecorderWatches,
}

/// Where sessions hear of the log.
pub(super) struct RecorderWatches {
    pub head: watch::Sender<u64>,
    pub degraded: watch::Sender<Option<SafeText>>,
    pub log_room: watch::Sender<Option<LogRoom>>,
}

impl Recorder {
    /// On a log of which nothing is folded yet.
    pub(super) fn new(shared: Arc<RoomContext>, ledger: Ledger, tell: RecorderWatches) -> Self {
        Self {
            quota: Quota::new(shared.config.log.quota),
            shared,
            ledger,
            story: Story::keeping(Keep::Heads),
            degraded: None,
            unread: None,
            lost: None,
            announced: false,
            outage: Outage::default(),
            signing: HeadSigning::default(),
            kept: SnapshotState::default(),
            tell,
        }
    }

    /// What the log says of incidents and plans.
    pub(super) fn story(&self) -> &Story {
        &self.story
    }

    /// The open incident's id.
    pub(super) fn incident(&self) -> Option<IncidentId> {
        self.story.current().map(|incident| incident.id.clone())
    }

    /// Why nothing can be recorded now.
    pub(super) fn degraded(&self) -> Option<&SafeText> {
        self.degraded.as_ref()
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.degraded.is_some()
    }

    /// The log says that this room has started.
    pub(super) fn is_announced(&self) -> bool {
        self.announced
    }

    /// A draft by the room itself, in the open incident if there is one.
    pub(super) fn by_room(&self, happening: impl Into<Happening>) -> EntryDraft {
        EntryDraft { incident: self.incident(), by: Actor::room(), happening: happening.into(), text: None }
    }

    /// Appends a batch, folds it and tells the sessions. `None` when nothing of it was recorded: the room is degraded, or the
    /// batch can't be written at all.
    pub(super) fn record(&mut self, drafts: Vec<EntryDraft>) -> Option<Vec<Entry>> {
        if drafts.is_empty() {
            return Some(Vec::new());
        }
        if self.degraded.is_some() {
            return None;
        }
        self.append(|ledger| ledger.append(drafts))
    }

    /// Appends what a person writes, and that they mark it as a milestone: both are recorded, or nothing is.
    pub(super) fn record_marked(&mut self, draft: EntryDraft, milestone: Milestone) -> Option<Vec<Entry>> {
        if self.degraded.is_some() {
            return None;
        }
        let (incident, by) = (draft.incident.clone(), draft.by.clone());
        let mark = |seq| {
            let happening = Marked { seq, milestone, marked: true }.into();
            EntryDraft { incident, by, happening, text: None }
        };
        self.append(|ledger| ledger.append_pair(draft, mark))
    }

    /// Records what a running plan has to say. On a full disk too: the ledger keeps a reserve for just that.
    pub(super) fn record_outcome(&mut self, draft: EntryDraft) -> bool {
        let may = self.degraded.is_none() || self.outage.is_on();
        may && self.append(|ledger| ledger.append(vec![draft])).is_some()
    }

    fn append(&mut self, write: impl FnOnce(&Ledger) -> Result<Vec<seal::Sealed>, AppendError>) -> Option<Vec<Entry>> {
        match blocking(|| write(&self.ledger)) {
            Ok(sealed) => {
                let entries: Vec<Entry> = sealed.into_iter().map(|sealed| sealed.entry).collect();
                entries.iter().for_each(|entry| self.fold(entry));
                if let Some(last) = entries.last() {
                    self.tell.head.send_replace(last.seq);
                }
                Some(entries)
            }
            // The batch's own fault, not the log's: it is not recorded, and everything else still is.
            Err(error @ (AppendError::Seal(_) | AppendError::TooMany(_))) => {
                tracing::error!(%error, "a batch can't be an entry of the timeline");
                None
            }
            Err(error) => {
                if error == AppendError::Full {
                    self.disk_is_full();
                }
                tracing::error!(%error, "the timeline can't be written");
                self.degrade(&format!("the timeline can't be written: {error}"));
                None
            }
        }
    }

    /// One entry, from the log.
    ///
    /// # Errors
    /// It is not there, or can't be read.
    pub(super) fn entry(&self, seq: u64) -> Result<Entry, Refusal> {
        let read = blocking(|| self.shared.reader.line(seq)).map_err(|error| error.to_string());
        let entry = read.and_then(|line| {
            let line = line.ok_or_else(|| format!("the log does not have entry {seq} any more"))?;
            seal::decode(&line).map_err(|error| error.to_string())
        });
        entry.map_err(|why| {
            Refusal::new(
                RefusalKind::Degraded,
                format!("entry {seq} can't be read: {why}"),
                "look at the log itself: `warroom verify DIR`",
            )
        })
    }

    /// Begins a new segment of the log, now that an incident is closed.
    pub(super) fn begin_segment(&mut self) {
        if let Err(error) = blocking(|| self.ledger.rotate("incident closed")) {
            self.no_new_segment(&error);
        }
        self.tell.head.send_replace(self.shared.reader.head().0);
    }

    /// Where nothing happened, out of descriptors for one, the old segment goes on: that is no reason to stop recording.
    fn no_new_segment(&mut self, error: &AppendError) {
        tracing::warn!(%error, "an incident is closed and its segment goes on");
        if matches!(error, AppendError::Unchanged(_)) {
            return;
        }
        if *error == AppendError::Full {
            self.disk_is_full();
        }
        self.degrade(&format!("the timeline can't begin a new segment: {error}"));
    }

    /// Takes over how the log was found when it was opened.
    pub(super) fn look_at_condition(&mut self) {
        match self.ledger.condition() {
            LogHealth::Healthy => {}
            LogHealth::Degraded(why) => {
                if self.ledger.is_full() {
                    self.disk_is_full();
                }
                self.degrade(&format!("the timeline can't be written: {why}"));
            }
            LogHealth::Damaged(why) => self.degrade(why.as_str()),
        }
    }

    /// Records that the room has started, and what the log lost before. False if that can't be recorded now.
    pub(super) fn announce(&mut self, started: RoomStarted) -> bool {
        let mut drafts = vec![self.by_room(started)];
        drafts.extend(self.lost.clone().map(|says| self.by_room(self.damage(says))));
        self.announced = self.record(drafts).is_some();
        if self.announced {
            self.lost = None;
        }
        self.announced
    }

    /// The last of this run: what is still to be written, that the room stopped, a signature, and a snapshot.
    pub(super) fn close(&mut self) {
        self.write_refusals(true);
        self.record(vec![self.by_room(RoomStopped { why: SafeText::new("stopped in order") })]);
        self.sign_head();
        if self.degraded.is_none() {
            self.keep();
        }
    }

    /// Recording and acting stop; the panes go on.
    fn degrade(&mut self, why: &str) {
        let why = SafeText::new(why);
        self.degraded = Some(why.clone());
        self.tell.degraded.send_replace(Some(why));
    }

    /// The refusal of everything that must be recorded while nothing can be.
    pub(super) fn degraded_refusal(&self) -> Refusal {
        let Some(why) = self.degraded.clone() else {
            return Refusal::new(
                RefusalKind::BadRequest,
                "this can't be written to the timeline: it is too long, or holds what no line may hold",
                "shorten it and send it again",
            );
        };
        let remedy = match self.ledger.condition() {
            LogHealth::Damaged(_) => {
                "stop the room, keep a copy of the log, then: warroom ledger new --after-damage; the panes stay live meanwhile"
            }
            _ => {
                "make room on the disk, or make it writable again, then restart the room; the panes stay live meanwhile"
            }
        };
        Refusal::new(RefusalKind::Degraded, format!("the room can't record, so it does not act: {why}"), remedy)
    }
}
