//! The single writer. Nothing else appends to the timeline, and nothing rewrites it but the removal of a text (`written_texts`).
//!
//! Observations become rows, rows that changed become transitions, transitions become entries; requests become entries or refusals.
//! What the room knows about incidents and plans is the fold of its own log and kept nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::SubsecRound as _;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::broadcast::Broadcaster;
use super::context::{RoomContext, blocking};
use super::disk_full::Outage;
use super::peer_credentials::Peer;
use super::person_budget::RequestPermit;
use super::presence::Presence;
use crate::board::{Board, FlapDamping, JudgedBoard, RateLimiter};
use crate::clock::Turn;
use crate::ledger::{AppendError, Ledger, LogHealth};
use crate::model::entry::{Entry, EntryDraft, Happening, RoomStopped};
use crate::model::{Actor, Digest, IncidentId, Observation, PlanId, Refusal, RefusalKind, SafeText};
use crate::protocol::{Hello, Reply, Request};
use crate::seal::{self, SigningKey};
use crate::timeline::Story;

/// The answer to a request.
pub type Answer = Result<Reply, Refusal>;

/// How often the head of an open incident's log is signed.
const SIGN_EVERY: Duration = Duration::from_secs(10 * 60);
/// Observations taken in at once before the loop looks at anything else.
const GULP: usize = 1024;
/// How often, in real time, the board is judged while it changes.
const BEAT: Duration = Duration::from_millis(100);

/// Who asks: the kernel's peer, and what a drill room was told.
#[derive(Clone, Debug)]
pub struct Caller {
    pub peer: Peer,
    pub hello: Hello,
    /// As established at the hello; roles are judged again at every request.
    pub actor: Actor,
}

/// What reaches the writer.
pub enum EngineMessage {
    /// A request of a session.
    Ask {
        caller: Caller,
        request: Request,
        reply: oneshot::Sender<Answer>,
        place: RequestPermit,
    },
    Join {
        caller: Caller,
        place: RequestPermit,
    },
    Leave {
        caller: Caller,
        place: RequestPermit,
    },
    /// The preconditions were read for approvals that complete the quorum.
    Confirm {
        plan: PlanId,
        digest: Digest,
        read: FirstRead,
    },
    /// The executor asks for the right to do a step; the answer comes after `step_started` is durable.
    MayStep {
        plan: PlanId,
        step: String,
        reply: oneshot::Sender<Result<(), String>>,
    },
    /// The executor reports: recorded in order.
    Record {
        happening: Happening,
        plan: PlanId,
        done: oneshot::Sender<bool>,
    },
    /// A plan's run failed by a fault of the program: it is interrupted; answers whether that could be recorded.
    BrokeOff {
        plan: PlanId,
        done: oneshot::Sender<bool>,
    },
    /// What was made of the log, for a client that begins.
    Heads {
        reply: oneshot::Sender<Option<Arc<super::timeline_feed::FoldedLog>>>,
    },
    /// Where the entries of an incident are.
    Place {
        incident: IncidentId,
        from: u64,
        reply: oneshot::Sender<Option<super::timeline_feed::EntryPlaces>>,
    },
    /// A closed segment of the log was found damaged after the start.
    Damaged(SafeText),
    /// A change of silences is over: recorded in its incident; answers with the entry's number.
    SilenceOver {
        incident: IncidentId,
        happening: Happening,
        done: oneshot::Sender<Option<u64>>,
    },
}

/// What reading the first step's preconditions found.
pub struct FirstRead {
    /// When the reading ended, on the host's boot clock.
    pub at: Duration,
    pub broken: Vec<String>,
}

/// The engine's state.
pub struct Engine {
    pub(super) shared: Arc<RoomContext>,
    pub(super) ledger: Ledger,
    pub(super) story: Story,
    pub(super) board: Board,
    pub(super) judged: JudgedBoard,
    /// When every topic was last judged, on the boot clock.
    pub(super) judged_at: Option<Duration>,
    /// What of the board is not in the log yet.
    pub(super) changes: FlapDamping,
    pub(super) limiter: RateLimiter,
    pub(super) newsroom: Broadcaster,
    pub(super) presence: Presence,
    /// Previews of silences that were shown lately.
    pub(super) offers: super::silences::Offers,
    /// Preconditions that are read, or were lately.
    pub(super) preflights: super::preflights::Preflights,
    /// Boot-clock deadlines of open plans: never stored, so a restart expires them all.
    pub(super) deadlines: BTreeMap<PlanId, Duration>,
    /// Boot-clock deadlines of requests to remove a text, by the entry that asks.
    pub(super) redactions: BTreeMap<u64, Duration>,
    /// When each person proposed, on the boot clock, for the rate of proposals.
    pub(super) proposals: BTreeMap<String, Vec<Duration>>,
    /// When waiting plans are compared with the board and told again, on the boot clock.
    pub(super) recheck_next: Duration,
    pub(super) degraded: Option<SafeText>,
    /// What is kept beside the log.
    pub(super) kept: super::snapshot::SnapshotState,
    pub(super) quota: super::log_quota::Quota,
    pub(super) outage: Outage,
    /// The log says that this room has started.
    pub(super) announced: bool,
    /// What a closed segment lost, until it is recorded.
    pub(super) lost: Option<SafeText>,
    /// Why the log can't be read, as long as not all of it is folded: then nothing is recorded, and nothing made of it is kept.
    pub(super) unread: Option<SafeText>,
    /// Signs heads, if the room has a key.
    pub(super) signer: Option<SigningKey>,
    /// The entry that holds the newest signature of this run.
    pub(super) signed: u64,
    /// When the head of an open incident is signed next, on the boot clock.
    pub(super) sign_next: Duration,
    /// How the wall clock stood to the boot clock at the last beat.
    pub(super) wall: super::clock_steps::WallClock,
    /// For tasks the engine starts (preflight, executor) to report back.
    pub(super) me: mpsc::WeakSender<EngineMessage>,
    pub(super) tasks: tokio_util::task::TaskTracker,
    pub(super) stop: CancellationToken,
}

impl Engine {
    /// Runs until `stop`. Then says so in the log.
    pub async fn run(mut self, mut commands: mpsc::Receiver<EngineMessage>, mut seen: mpsc::Receiver<Observation>) {
        let mut gulp = Vec::with_capacity(GULP);
        let mut beat = self.shared.clock.ticks(BEAT, Turn::Judge);
        let stop = self.stop.clone();
        let mut sources_live = true;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(command) = commands.recv() => self.take(command),
                n = seen.recv_many(&mut gulp, GULP), if sources_live => {
                    // Nothing: every source has ended, and only the beat and requests are left.
                    sources_live = n > 0;
                    for observation in gulp.drain(..) {
                        self.board.apply(observation);
                    }
                }
                () = beat.tick() => self.beat(),
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
        self.write_refusals(true);
        self.record(vec![self.by_room(RoomStopped { why: SafeText::new("stopped in order") })]);
        self.sign_head();
        if self.degraded.is_none() {
            self.keep();
        }
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
                let _ = reply.send(self.heads());
            }
            EngineMessage::Place { incident, from, reply } => {
                let _ = reply.send(self.place(&incident, from));
            }
            EngineMessage::Damaged(says) => self.found_damaged(says),
            EngineMessage::SilenceOver { incident, happening, done } => {
                let seq = self.silence_over(incident, happening);
                let _ = done.send(seq);
            }
        }
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
        self.append(drafts)
    }

    /// Records what a running plan has to say. On a full disk too: the ledger keeps a reserve for just that.
    pub(super) fn record_outcome(&mut self, draft: EntryDraft) -> bool {
        let may = self.degraded.is_none() || self.outage.full;
        may && self.append(vec![draft]).is_some()
    }

    fn append(&mut self, drafts: Vec<EntryDraft>) -> Option<Vec<Entry>> {
        match blocking(|| self.ledger.append(drafts)) {
            Ok(sealed) => {
                let entries: Vec<Entry> = sealed.into_iter().map(|sealed| sealed.entry).collect();
                entries.iter().for_each(|entry| self.fold(entry));
                if let Some(last) = entries.last() {
                    self.newsroom.head.send_replace(last.seq);
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

    /// Signs what the log has come to, as an entry of its own. Nothing is signed twice, and a room without a key signs nothing.
    pub(super) fn sign_head(&mut self) {
        let (seq, _) = self.shared.reader.head();
        let Some(key) = self.signer.as_ref().filter(|_| self.degraded.is_none() && seq > self.signed) else { return };
        // First it is on disk that this head is signed: no other history of this log ever gets a signature.
        let (seq, head) = match blocking(|| self.ledger.head_to_sign()) {
            Ok(head) => head,
            Err(error) => {
                tracing::error!(%error, "the head of the log is not signed");
                return;
            }
        };
        let at = self.shared.clock.now().trunc_subsecs(0);
        match seal::sign_head(key, &self.shared.config.room, seq, head, at) {
            Ok(signed) => {
                // The signature leaves the room with its entry, which is on disk by then.
                if self.record(vec![self.by_room(signed)]).is_some() {
                    self.signed = seq + 1;
                }
            }
            Err(error) => tracing::error!(%error, "the head of the log can't be signed"),
        }
    }

    /// While an incident is open its history is witnessed every ten minutes, whatever happens and whatever the wall clock says.
    pub(super) fn sign_now_and_then(&mut self) {
        let boot = self.shared.clock.boot();
        if self.incident().is_some() && boot >= self.sign_next {
            self.sign_next = boot + SIGN_EVERY;
            self.sign_head();
        }
    }

    /// Recording and acting stop; the panes go on.
    pub(super) fn degrade(&mut self, why: &str) {
        let why = SafeText::new(why);
        self.degraded = Some(why.clone());
        self.newsroom.degraded.send_replace(Some(why));
    }

    /// A draft by the room itself, in the open incident if there is one.
    pub(super) fn by_room(&self, happening: impl Into<Happening>) -> EntryDraft {
        EntryDraft { incident: self.incident(), by: Actor::room(), happening: happening.into(), text: None }
    }

    /// The open incident's id.
    pub(super) fn incident(&self) -> Option<IncidentId> {
        self.story.current().map(|incident| incident.id.clone())
    }

    /// Records refusals that were counted for long enough, or all of them.
    pub(super) fn write_refusals(&mut self, stopping: bool) {
        if self.degraded.is_some() {
            return;
        }
        let now = self.shared.clock.boot();
        let due = self.shared.refusals().due(now, stopping);
        for draft in due {
            let (person, happening) = (draft.by.person.clone(), draft.happening.clone());
            let recorded = self.record(vec![EntryDraft { incident: self.incident(), ..draft }]).is_some();
            if let (true, Happening::Refused(refused)) = (recorded, happening) {
                self.shared.refusals().written(&person, &refused, now);
            }
        }
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
            let now = self.shared.clock.boot();
            let draft = self.shared.refusals().note(&caller.actor, refusal.kind, verb, plan, now);
            if let Some(mut draft) = draft {
                tracing::info!(by = %caller.actor.person, verb, refused = ?refusal.kind, "refused");
                draft.incident = self.incident();
                if self.record(vec![draft]).is_none() {
                    // Written when the timeline can be again.
                    self.shared.refusals().count(&caller.actor, refusal.kind, verb, plan, now);
                }
            }
        }
        let _ = reply.send(answer);
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
