//! What the room made of its log, kept beside it, so that a start reads what came since and not everything.
//!
//! The fold keeps no text of an entry and no entry: who wants one reads it in the log, by its number. So the room is as large
//! as what was done, not as what was written.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::Recorder;
use crate::ledger::{FoundSnapshot, Unverified};
use crate::model::{Digest, Entry, IncidentId, SafeText};
use crate::room::blocking::blocking;
use crate::room::engine_message::EngineMessage;
use crate::room::entry_places::{EntryPlaces, FoldedLog};
use crate::seal;
use crate::timeline::{Keep, Story};

/// What a snapshot of ours holds. Another number stands for another fold: what an older one made is not gone on from.
pub(crate) const FORM: &str = concat!("story 1 of warroom ", env!("CARGO_PKG_VERSION"));
/// A snapshot is kept at every new segment, at the stop, and after so many entries.
const EVERY: u64 = 25_000;
/// So much of the log is read at once.
const PAGE: usize = 4 * 1024 * 1024;

/// What the recorder knows of its snapshot.
#[derive(Debug, Default)]
pub(super) struct SnapshotState {
    /// What was found at the start.
    pub(super) found: FoundSnapshot,
    /// The entry that the newest one ends at.
    seq: u64,
    /// The segment it ends in.
    segment: u32,
    /// Entries that were read and folded at the start.
    pub(super) folded: u64,
    /// The last entry that was folded.
    pub(super) folded_to: (u64, Digest),
    /// What was made ready for those who watch.
    heads: Option<Arc<FoldedLog>>,
}

impl Recorder {
    /// What was found beside the log when it was opened, and what a closed segment of it lost.
    pub(crate) fn opened(&mut self, found: FoundSnapshot, lost: Option<SafeText>) {
        (self.kept.found, self.lost) = (found, lost);
    }

    /// Makes of the log that is there what the room knows. Where it can't be read, nothing is recorded.
    pub(crate) fn read_log(&mut self) {
        self.unread = self.fold_log().err().map(|error| SafeText::new(&format!("the timeline can't be read: {error}")));
        if let Some(why) = &self.unread {
            self.degrade(why.clone().as_str());
        }
    }

    /// Not all of the log is folded: it can't be read.
    pub(crate) fn is_unread(&self) -> bool {
        self.unread.is_some()
    }

    /// Folds the log that is there: from its snapshot, if that fits, else from the first entry.
    fn fold_log(&mut self) -> Result<(), String> {
        (self.story, self.kept.seq) = (Story::keeping(Keep::Heads), 0);
        match std::mem::take(&mut self.kept.found) {
            FoundSnapshot::Nothing => {}
            FoundSnapshot::Fits(snapshot) => match Story::from_json(&snapshot.made, Keep::Heads) {
                Ok(story) => {
                    (self.story, self.kept.seq) = (story, snapshot.seq);
                    self.kept.folded_to = (snapshot.seq, snapshot.head);
                    self.kept.segment = self.ledger.segment();
                }
                Err(error) => tracing::warn!(%error, "the snapshot of the log is of no use: all of it is read"),
            },
            FoundSnapshot::Unfit(unfit) => {
                tracing::warn!(why = %unfit, "the snapshot of the log does not fit: it is thrown away, and all of it is read");
                if unfit.is_damage() {
                    self.lost
                        .get_or_insert_with(|| SafeText::new(&format!("the log is not what this room wrote: {unfit}")));
                }
                self.kept.found = FoundSnapshot::Unfit(unfit);
            }
        }
        let mut next = self.kept.seq + 1;
        loop {
            let page = self.shared.reader.read_from(next, PAGE).map_err(|error| error.to_string())?;
            if page.is_empty() {
                return Ok(());
            }
            for line in &page {
                let entry = seal::decode(line).map_err(|error| error.to_string())?;
                next = entry.seq + 1;
                self.kept.folded += 1;
                self.fold(&entry);
            }
        }
    }

    /// Folds an entry in.
    pub(super) fn fold(&mut self, entry: &Entry) {
        self.story.apply(entry);
        self.kept.folded_to = (entry.seq, entry.hash);
    }

    /// Keeps what was made of the log, if enough was added to it.
    pub(crate) fn keep_now_and_then(&mut self) {
        let (seq, _) = self.shared.reader.head();
        if self.degraded.is_none() && (seq >= self.kept.seq + EVERY || self.ledger.segment() != self.kept.segment) {
            self.keep();
        }
    }

    /// Keeps what was made of the log. What fails costs the next start some time, and nothing else.
    pub(super) fn keep(&mut self) {
        let (seq, _) = self.shared.reader.head();
        (self.kept.seq, self.kept.segment) = (seq, self.ledger.segment());
        if self.story.entries == 0 || self.unread.is_some() {
            return;
        }
        let made = match self.story.to_json() {
            Ok(made) => made,
            Err(error) => return tracing::error!(%error, "what was made of the log can't be kept"),
        };
        match blocking(|| self.ledger.keep_snapshot(FORM, &made)) {
            Ok(kept) => tracing::debug!(kept, seq, bytes = made.len(), "a snapshot of the log"),
            Err(error) => tracing::warn!(%error, "what was made of the log can't be kept"),
        }
    }

    /// What was made of the log by now, or a little before.
    pub(crate) fn heads(&mut self) -> Option<Arc<FoldedLog>> {
        let up_to = self.kept.folded_to;
        if let Some(heads) = self.kept.heads.as_ref().filter(|heads| !heads.is_stale(up_to.0)) {
            return Some(heads.clone());
        }
        let heads = Arc::new(FoldedLog::of(&mut self.story, up_to)?);
        self.kept.heads = Some(heads.clone());
        Some(heads)
    }

    /// Where the entries of an incident are, from one on.
    pub(crate) fn place(&self, incident: &IncidentId, from: u64) -> Option<EntryPlaces> {
        self.story.get(incident).map(|incident| EntryPlaces::of(incident, from))
    }

    /// A closed segment was found damaged after the start.
    pub(crate) fn found_damaged(&mut self, says: SafeText) {
        tracing::error!(%says, "the log");
        self.lost = Some(says);
        self.record_damage();
    }

    /// Records what a closed segment lost; what can't be recorded now is told once it can.
    pub(super) fn record_damage(&mut self) {
        let Some(says) = self.lost.clone() else { return };
        if self.record(vec![self.by_room(self.damage(says))]).is_some() {
            self.lost = None;
        }
    }
}

/// Verifies what a snapshot let the start leave out, beside everything else; what is found is recorded.
pub(crate) fn verify_rest(unverified: Unverified, engine: mpsc::WeakSender<EngineMessage>) {
    let verified = tokio::task::spawn_blocking(move || unverified.verify());
    tokio::spawn(async move {
        let Ok(Some(damage)) = verified.await else { return };
        if let Some(engine) = engine.upgrade() {
            let _ = engine.send(EngineMessage::Damaged(damage.says())).await;
        }
    });
}
