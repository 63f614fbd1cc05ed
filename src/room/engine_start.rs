//! The engine comes to the log: at its start, and when a full disk has room again. What it settles then needs all its parts.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::background_tasks::BackgroundTasks;
use super::broadcast::{Broadcaster, Broadcasts};
use super::clock_steps::WallClock;
use super::context::RoomContext;
use super::deadlines::Deadlines;
use super::engine::Engine;
use super::engine_message::EngineMessage;
use super::evaluator::Evaluator;
use super::pending_plans::PendingPlans;
use super::preflights::Preflights;
use super::presence::Presence;
use super::recorder::Recorder;
use super::silence_offers::SilenceOffers;
use crate::ledger::Ledger;
use crate::model::entry::RoomStarted;

impl Engine {
    /// On a log that is not read yet; and what sessions watch.
    pub(super) fn new(
        shared: &Arc<RoomContext>,
        ledger: Ledger,
        me: &mpsc::Sender<EngineMessage>,
    ) -> (Self, Broadcasts) {
        let (tell, news) = Broadcaster::open(shared.reader.head().0);
        let engine = Self {
            shared: shared.clone(),
            recorder: Recorder::new(shared.clone(), ledger, tell.recorder),
            evaluator: Evaluator::new(shared.clone(), tell.board),
            presence: Presence::new(tell.present),
            offers: SilenceOffers::default(),
            preflights: Preflights::default(),
            plans: PendingPlans::new(tell.rechecks),
            redactions: Deadlines::default(),
            wall: WallClock::new(&shared.clock),
            tasks: BackgroundTasks::new(me),
        };
        (engine, news)
    }

    /// Folds the log that is there, and says that the room has started. Open plans expire, running ones are interrupted.
    pub(super) fn begin(mut self) -> Self {
        self.read_log();
        self.recorder.look_at_condition();
        self.announce();
        self
    }

    /// Makes of the log that is there what the room knows; what it says stands is no news of the board.
    fn read_log(&mut self) {
        self.recorder.read_log();
        self.evaluator.begin_with(self.recorder.story().standing().clone());
    }

    /// Says that the room has started, and settles what it found. With a full disk this waits until there is room.
    fn announce(&mut self) {
        let started = RoomStarted {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            drill: self.shared.drill.as_ref().map(|drill| format!("{} seed {}", drill.scenario, drill.seed)),
            people_digest: self.shared.config.people_digest.clone(),
            policy_digest: self.shared.policy_digest.clone(),
        };
        if self.recorder.announce(started) {
            self.settle_old_plans();
            self.settle_old_silences();
            self.recorder.finish_redactions();
        }
    }

    /// While the disk is full: looks whether there is room again, and if so records what a start records, or how long nothing
    /// was recorded.
    pub(super) fn heal(&mut self) {
        if self.recorder.has_room_again() {
            self.resume();
        }
    }

    fn resume(&mut self) {
        if self.recorder.is_unread() {
            self.read_log();
        }
        if self.recorder.is_unread() {
            // Tried again with the next look.
            return;
        }
        self.recorder.end_outage();
        self.recorder.record_again();
        if self.recorder.is_announced() {
            self.recorder.record_gap();
        } else {
            self.announce();
        }
    }
}
