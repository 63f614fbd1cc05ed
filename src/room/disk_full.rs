//! A full disk and its end: what is lost while nothing can be recorded, and how the room takes it up again.

use std::time::{Duration, Instant};

use serde_json::json;

use super::engine::Engine;
use crate::ledger::LogHealth;
use crate::model::entry::{EntryDraft, Transition};
use crate::model::time::since;
use crate::model::{Happening, SafeText, Stamp, TransitionKind};

/// How often, in real time, a full disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What the engine remembers while its disk is full.
#[derive(Default)]
pub struct Outage {
    /// Recording is off because the disk is full: the one reason that ends by itself.
    pub full: bool,
    since: Option<Stamp>,
    looked: Option<Instant>,
}

impl Engine {
    /// The ledger refused for want of room.
    pub(super) fn disk_is_full(&mut self) {
        if !self.outage.full {
            self.outage.full = true;
            self.outage.since = Some(self.shared.clock.now());
            self.outage.looked = Some(Instant::now());
        }
    }

    /// While the disk is full: looks whether there is room again, and if so records what a start records, or how long nothing
    /// was recorded.
    pub(super) fn heal(&mut self) {
        if !self.outage.full || self.outage.looked.is_some_and(|at| at.elapsed() < LOOK_EVERY) {
            return;
        }
        self.outage.looked = Some(Instant::now());
        match super::context::blocking(|| self.ledger.heal()) {
            LogHealth::Degraded(why) if self.ledger.is_full() => tracing::debug!(%why, "still full"),
            LogHealth::Degraded(why) | LogHealth::Damaged(why) => {
                self.outage.full = false;
                self.degrade(&format!("the timeline can't be written: {why}"));
            }
            LogHealth::Healthy => self.resume(),
        }
    }

    pub(super) fn resume(&mut self) {
        self.outage.full = false;
        if self.unread.is_some() {
            self.read_log();
        }
        if self.unread.is_some() {
            return;
        }
        tracing::info!("the disk has room again: recording goes on");
        self.degraded = None;
        self.newsroom.degraded.send_replace(None);
        if !self.announced {
            self.announce();
            return;
        }
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
