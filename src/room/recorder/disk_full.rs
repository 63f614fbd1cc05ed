//! A full disk and its end: what is lost while nothing can be recorded, and how the room takes it up again.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Recorder;
use crate::ledger::LogHealth;
use crate::model::entry::{EntryDraft, Transition};
use crate::model::time::since;
use crate::model::{Happening, SafeText, Stamp, TransitionKind};
use crate::room::blocking::blocking;

/// How often, in real time, a full disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the recorder remembers while its disk is full.
#[derive(Default)]
pub(super) struct Outage {
    /// Recording is off because the disk is full: the one reason that ends by itself.
    full: bool,
    since: Option<Stamp>,
    looked: Option<Instant>,
}

impl Outage {
    pub(super) fn is_on(&self) -> bool {
        self.full
    }

    /// The next look is due.
    #[cfg(test)]
    pub(super) fn look_now(&mut self) {
        self.looked = None;
    }
}

impl Recorder {
    /// The ledger refused for want of room.
    pub(super) fn disk_is_full(&mut self) {
        if !self.outage.full {
            self.outage.full = true;
            self.outage.since = Some(self.shared.clock.now());
            self.outage.looked = Some(Instant::now());
        }
    }

    /// While the disk is full: looks now and then whether there is room. True if there is again; then whoever asks resumes.
    pub(crate) fn has_room_again(&mut self) -> bool {
        if !self.outage.full || self.outage.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return false;
        }
        self.outage.looked = Some(Instant::now());
        match blocking(|| self.ledger.heal()) {
            LogHealth::Degraded(why) if self.ledger.is_full() => {
                tracing::debug!(%why, "still full");
                false
            }
            LogHealth::Degraded(why) | LogHealth::Damaged(why) => {
                self.outage.full = false;
                self.degrade(&format!("the timeline can't be written: {why}"));
                false
            }
            LogHealth::Healthy => true,
        }
    }

    /// The disk has room again, and all of the log was read.
    pub(crate) fn end_outage(&mut self) {
        self.outage.full = false;
    }

    /// Recording goes on, and the sessions hear so.
    pub(crate) fn record_again(&mut self) {
        tracing::info!("the disk has room again: recording goes on");
        self.degraded = None;
        self.tell.degraded.send_replace(None);
    }

    /// Records how long nothing was recorded, and what was found damaged meanwhile.
    pub(crate) fn record_gap(&mut self) {
        let now = self.shared.clock.now();
        let from = self.outage.since.take().unwrap_or(now);
        let draft = self.gap(from, now);
        self.record(vec![draft]);
        self.record_damage();
    }

    /// A closed segment is not whole.
    pub(super) fn damage(&self, says: SafeText) -> Happening {
        Happening::Transition(Transition {
            edge: TransitionKind::LogDamaged,
            at: self.shared.clock.now(),
            source: "room".to_owned(),
            subject: SafeText::new("timeline"),
            service: None,
            verdict: "critical".to_owned(),
            says,
            figures: serde_json::Value::Null,
        })
    }

    /// The entry that shows the gap.
    fn gap(&self, from: Stamp, to: Stamp) -> EntryDraft {
        let gap_s = since(from, to);
        self.by_room(Happening::Transition(Transition {
            edge: TransitionKind::RecordingBack,
            at: to,
            source: "room".to_owned(),
            subject: SafeText::new("timeline"),
            service: None,
            verdict: "ok".to_owned(),
            says: SafeText::new(&format!("nothing was recorded for {gap_s} s: the disk was full")),
            figures: json!({"from": from, "to": to, "gap_s": gap_s}),
        }))
    }
}
