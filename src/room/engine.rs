//! The single writer. It is composed of parts whose fields are their own, takes one message after the other, and calls the
//! parts that it needs; no part knows another.
//!
//! Observations become rows, rows that changed become transitions, transitions become entries; requests become entries or
//! refusals.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::background_tasks::BackgroundTasks;
use super::clock_steps::WallClock;
use super::context::RoomContext;
use super::deadlines::Deadlines;
use super::engine_message::{Answer, Caller, EngineMessage};
use super::evaluator::Evaluator;
use super::peer_credentials;
use super::pending_plans::PendingPlans;
use super::preflights::Preflights;
use super::presence::Presence;
use super::recorder::Recorder;
use super::silence_offers::SilenceOffers;
use crate::clock::Turn;
use crate::model::entry::{EntryDraft, Joined, Left};
use crate::model::{Actor, Happening, Observation, PersonRole, PlanId};

/// Observations taken in at once before the loop looks at anything else.
const GULP: usize = 1024;
/// How often, in real time, the board is judged at most.
const BEAT: Duration = Duration::from_millis(100);

/// The parts, and what all of them may read.
pub(super) struct Engine {
    pub(super) shared: Arc<RoomContext>,
    pub(super) recorder: Recorder,
    pub(super) evaluator: Evaluator,
    pub(super) presence: Presence,
    /// Previews of silences that were shown lately.
    pub(super) offers: SilenceOffers,
    /// Preconditions that are read, or were lately.
    pub(super) preflights: Preflights,
    pub(super) plans: PendingPlans,
    /// Until when a removal of a text may be confirmed, by the entry that asks for it.
    pub(super) redactions: Deadlines<u64>,
    /// How the wall clock stood to the boot clock at the last beat.
    pub(super) wall: WallClock,
    /// Tasks the engine starts (preflight, executor), which report back.
    pub(super) tasks: BackgroundTasks,
}

impl Engine {
    /// Runs until `stop`. Then says so in the log.
    pub(super) async fn run(
        mut self,
        mut commands: mpsc::Receiver<EngineMessage>,
        mut seen: mpsc::Receiver<Observation>,
    ) {
        let mut gulp = Vec::with_capacity(GULP);
        let mut beat = self.shared.clock.ticks(BEAT, Turn::Judge);
        let mut rest = Instant::now();
        let stop = self.tasks.stop().clone();
        let mut sources_live = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(command) = commands.recv() => self.take(command),
                n = seen.recv_many(&mut gulp, GULP), if sources_live => {
                    // Nothing: every source has ended, and only the beat and requests are left.
                    sources_live = n > 0;
                    for observation in gulp.drain(..) {
                        self.evaluator.see(observation);
                    }
                    // The first change after a while goes at once, those that follow it at the next beat.
                    if rest <= Instant::now() && !beat.has_turns() && self.evaluator.has_news() {
                        self.beat();
                        rest = Instant::now() + BEAT;
                        beat.put_off(BEAT);
                    }
                }
                () = beat.tick() => {
                    if self.evaluator.has_news() {
                        rest = Instant::now() + BEAT;
                    }
                    self.beat();
                }
            }
        }
        // What the executor reported and who left is on its way already; nothing new begins.
        while let Ok(command) = commands.try_recv() {
            if matches!(
                command,
                EngineMessage::Record { .. } | EngineMessage::SilenceOver { .. } | EngineMessage::Leave { .. }
            ) {
                self.take(command);
            }
        }
        self.recorder.close();
    }

    fn take(&mut self, command: EngineMessage) {
        match command {
            // The place is given back when this is over: then the next request of the same person comes.
            EngineMessage::Ask { caller, request, reply, place: _place } => self.ask(caller, request, reply),
            EngineMessage::Join { caller, place: _place } => self.join(&caller),
            EngineMessage::Leave { caller, place: _place } => self.leave(&caller),
            EngineMessage::Confirm { plan, digest, read } => self.preflight_over(&plan, digest, &read),
            EngineMessage::MayStep { plan, step, reply } => {
                let _ = reply.send(self.may_step(&plan, &step));
            }
            EngineMessage::Record { happening, plan, done } => {
                let recorded = self.plan_happened(&plan, happening);
                let _ = done.send(recorded);
            }
            EngineMessage::BrokeOff { plan, done } => {
                let recorded = self.broke_off(&plan);
                let _ = done.send(recorded);
            }
            EngineMessage::Heads { reply } => {
                let _ = reply.send(self.recorder.heads());
            }
            EngineMessage::Place { incident, from, reply } => {
                let _ = reply.send(self.recorder.place(&incident, from));
            }
            EngineMessage::Damaged(says) => self.recorder.found_damaged(says),
            EngineMessage::SilenceOver { incident, happening, done } => {
                let seq = self.silence_over(incident, happening);
                let _ = done.send(seq);
            }
        }
    }

    pub(super) fn beat(&mut self) {
        let (now, boot) = (self.shared.clock.now(), self.shared.clock.boot());
        self.heal();
        self.wall.record_step(&self.shared.clock, &mut self.recorder);
        self.expire_plans();
        self.recorder.write_refusals(false);
        self.recorder.sign_now_and_then();
        self.recorder.keep_now_and_then();
        self.recorder.watch_room();
        if !self.evaluator.judge(now, boot, self.recorder.incident().is_some()) {
            return;
        }
        self.recheck_plans();
        if self.recorder.is_degraded() {
            return;
        }
        let found = self.evaluator.changes(now);
        self.record_transitions(found, now);
        if self.recorder.is_degraded() {
            self.evaluator.rewind(self.recorder.story().standing().clone());
        }
    }

    pub(super) fn join(&mut self, caller: &Caller) {
        let (role, mapped) = self.role_of(caller);
        let first = self.presence.join(&caller.actor, role, self.shared.clock.now());
        if first
            && self.recorder.incident().is_some()
            && self.presence.worth_recording(&caller.actor.person, mapped, self.shared.clock.boot())
        {
            self.recorder.record(vec![self.presence_draft(&caller.actor, Joined {})]);
        }
    }

    pub(super) fn leave(&mut self, caller: &Caller) {
        let mapped = self.role_of(caller).1;
        let gone = self.presence.leave(&caller.actor);
        if gone
            && self.recorder.incident().is_some()
            && self.presence.worth_recording(&caller.actor.person, mapped, self.shared.clock.boot())
        {
            self.recorder.record(vec![self.presence_draft(&caller.actor, Left {})]);
        }
    }

    /// Those present when an incident opens joined it then.
    pub(super) fn present_drafts(&self) -> Vec<EntryDraft> {
        self.presence.everyone().iter().map(|who| self.presence_draft(&who.actor, Joined {})).collect()
    }

    fn presence_draft(&self, actor: &Actor, happening: impl Into<Happening>) -> EntryDraft {
        EntryDraft { incident: self.recorder.incident(), by: actor.clone(), happening: happening.into(), text: None }
    }

    /// Role and whether the person is in the people file, as they stand now.
    pub(super) fn role_of(&self, caller: &Caller) -> (PersonRole, bool) {
        let identity = if self.shared.drill.is_some() {
            peer_credentials::identify(caller.peer, &caller.hello, &self.shared.config, true).ok()
        } else {
            Some(peer_credentials::judge(caller.peer, &self.shared.config))
        };
        identity.map_or((PersonRole::Observer, false), |identity| (identity.role, identity.mapped))
    }

    /// Sends an answer; a refusal is also noted in the log, folded.
    pub(super) fn answer(
        &mut self,
        caller: &Caller,
        verb: &'static str,
        plan: Option<&PlanId>,
        reply: oneshot::Sender<Answer>,
        answer: Answer,
    ) {
        if let Err(refusal) = &answer {
            self.recorder.note_refusal(&caller.actor, refusal, verb, plan);
        }
        let _ = reply.send(answer);
    }
}
