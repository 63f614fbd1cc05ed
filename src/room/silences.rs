//! Silences: an ordinary act of one operator in an open incident. What was shown is what is done: the request names the
//! digest of a preview that this room showed to this person, and nothing that was not on it may be hit.
//!
//! The intent is durable before the first byte leaves, the outcome after it. A write is sent once; if its fate is open, the
//! mark in the comment is looked for, and after a crash likewise.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::context::RoomContext;
use super::engine::Engine;
use super::engine_message::{Answer, Caller, EngineMessage};
use super::executor::boottime;
use super::silence_offers::drift;
use crate::actions::silence::{self, Built, SilenceContext};
use crate::approval::{self, Plans};
use crate::model::entry::{EntryDraft, Happening, SilenceBegun, SilenceEnded, SilenceOutcome};
use crate::model::read_path::AlertmanagerPath;
use crate::model::silence::SilenceChange;
use crate::model::{Digest, IncidentId, PlanId, Refusal, RefusalKind, SafeText, SourceId, Step, System};
use crate::protocol::Reply;
use crate::systems::request_meter::{RequestUse, used_for};
use crate::systems::{ActError, Permit};

/// A write whose answer was lost may still arrive within this real time.
const LATE: Duration = Duration::from_secs(10);
/// Whether it was taken is looked for so long at most.
const GIVE_UP: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A read must answer within this real time.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// An outcome that could not be recorded is offered again after this real time.
const REPORT_AGAIN: Duration = Duration::from_secs(1);

impl Engine {
    /// Shows what a change would hit; nothing is recorded outside this process.
    pub(super) fn silence_preview(&mut self, caller: &Caller, change: &SilenceChange) -> Answer {
        self.may_silence(caller)?;
        let built = self.build_silence(change)?;
        let preview = built.preview.clone();
        self.offers.add(built, caller.actor.person.clone(), boottime());
        Ok(Reply::Silence(Box::new(preview)))
    }

    fn may_silence(&self, caller: &Caller) -> Result<(), Refusal> {
        self.operator(caller)?;
        approval::may_begin(&Plans::default(), self.asker(caller), self.now_rules(), 0)
    }

    fn build_silence(&self, change: &SilenceChange) -> Result<Built, Refusal> {
        let Some(incident) = self.recorder.story().current() else {
            return Err(Refusal::new(
                RefusalKind::NoIncident,
                "no incident is open, and a silence belongs to one",
                "open one: `warroom incident open TITLE`",
            ));
        };
        let context = SilenceContext {
            now: self.shared.clock.now(),
            room: &self.shared.config.room.name,
            incident: &incident.id,
            services: &incident.services,
            board: self.evaluator.judged(),
            members: &self.evaluator.alertmanagers(),
        };
        silence::preview(change, context)
    }

    /// Does what a preview showed. Answers when it is known how that ended.
    pub(super) fn silence(&mut self, caller: Caller, digest: Digest, confirm: &str, reply: oneshot::Sender<Answer>) {
        match self.begin_silence(&caller, digest, confirm) {
            Err(refusal) => self.answer(&caller, "silence", None, reply, Err(refusal)),
            Ok((run, step)) => self.run_silence(run, Some(step), Some(reply)),
        }
    }

    fn begin_silence(&mut self, caller: &Caller, digest: Digest, confirm: &str) -> Result<(Task, Step), Refusal> {
        self.may_silence(caller)?;
        let (now, person) = (boottime(), caller.actor.person.clone());
        let shown = self.offers.shown(&digest, &person, now)?;
        if shown.preview.grave && confirm.trim() != shown.preview.confirm.as_str() {
            return Err(Refusal::new(
                RefusalKind::NameMismatch,
                format!("this needs the word `{}` typed", shown.preview.confirm),
                "read the warnings of the preview, then type that word",
            ));
        }
        let fresh = self.build_silence(&shown.preview.change)?;
        let more = silence::drifted(&shown, &fresh);
        if !more.is_empty() {
            let names = more.iter().take(5).map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(drift(&format!("it would now also hit {} that the preview did not show: {names}", more.len())));
        }
        if fresh.preview.instance != shown.preview.instance || fresh.preview.incident != shown.preview.incident {
            return Err(drift("it would now be asked of another Alertmanager, or in another incident"));
        }
        let request = self.shared.random.ulid(&self.shared.clock);
        let preview = fresh.preview;
        let begun = SilenceBegun {
            request: request.clone(),
            change: preview.change.clone(),
            instance: preview.instance.clone(),
            digest,
            hits: preview.total,
            critical: preview.critical,
            says: preview.title.clone(),
        };
        self.write_in(preview.incident.clone(), caller, begun, None)?;
        self.offers.used(&digest, &person, now);
        let step = silence::step(&preview, &request, &person, self.shared.clock.now());
        let permit = Permit { plan: PlanId(request.clone()), digest, persons: vec![person] };
        let run =
            Task { request, incident: preview.incident, instance: preview.instance, change: preview.change, permit };
        Ok((run, step))
    }

    /// Lets a task do it (`step`), or only find out what became of it, and record how it ended.
    fn run_silence(&self, run: Task, step: Option<Step>, reply: Option<oneshot::Sender<Answer>>) {
        let Some(engine) = self.tasks.engine() else { return };
        // When the room stops, the intent is found without an end at the next start.
        self.tasks.spawn_until_stop(used_for(RequestUse::Act, run.go(self.shared.clone(), engine, step, reply)));
    }

    /// Records how it ended, on a full disk too; the entry's number if that worked.
    pub(super) fn silence_over(&mut self, incident: IncidentId, happening: Happening) -> Option<u64> {
        let draft = EntryDraft { incident: Some(incident), ..self.recorder.by_room(happening) };
        self.recorder.record_outcome(draft).then(|| self.shared.reader.head().0)
    }

    /// After a start: what was asked for and has no end in the log is looked for, never asked again.
    pub(super) fn settle_old_silences(&mut self) {
        for seq in self.recorder.story().silences_asked() {
            let Ok(entry) = self.recorder.entry(seq) else { continue };
            let (Happening::SilenceBegun(begun), Some(incident)) = (entry.happening, entry.incident) else { continue };
            let run = Task {
                request: begun.request.clone(),
                incident,
                instance: begun.instance,
                change: begun.change,
                permit: Permit { plan: PlanId(begun.request), digest: begun.digest, persons: vec![entry.by.person] },
            };
            self.run_silence(run, None, None);
        }
    }
}

/// One change, from its intent to its end.
struct Task {
    request: String,
    incident: IncidentId,
    instance: SourceId,
    change: SilenceChange,
    permit: Permit,
}

/// How it ended, and the silence's id if it is known.
type SilenceEnd = (SilenceOutcome, Option<String>, String);

impl Task {
    async fn go(
        self,
        shared: Arc<RoomContext>,
        engine: mpsc::Sender<EngineMessage>,
        step: Option<Step>,
        reply: Option<oneshot::Sender<Answer>>,
    ) {
        let (outcome, silence, says) = match step {
            Some(step) => self.act(&shared, &step).await,
            None => self.look(&shared, "the room ended before the answer came").await,
        };
        let says = SafeText::from(says);
        let ended = SilenceEnded { request: self.request, outcome, silence: silence.clone(), says: says.clone() };
        let seq = loop {
            let (done, recorded) = oneshot::channel();
            let command =
                EngineMessage::SilenceOver { incident: self.incident.clone(), happening: ended.clone().into(), done };
            if engine.send(command).await.is_err() {
                return;
            }
            match recorded.await {
                Ok(Some(seq)) => break seq,
                Ok(None) => tokio::time::sleep(REPORT_AGAIN).await,
                Err(_) => return,
            }
        };
        if let Some(reply) = reply {
            let _ = reply.send(Ok(Reply::Silenced { seq, outcome, silence, says }));
        }
    }

    /// Sends it once.
    async fn act(&self, shared: &RoomContext, step: &Step) -> SilenceEnd {
        let Some(adapter) = shared.adapters.get(&self.instance) else {
            return (SilenceOutcome::Failed, None, format!("{} is not configured any more", self.instance));
        };
        match adapter.apply(step, &self.permit).await {
            Ok(id) => {
                let state = self.read(shared, &self.instance, &AlertmanagerPath::Silence(id.clone())).await;
                let seen = state.ok().and_then(|it| it.as_str().map(str::to_owned));
                let seen = seen.map_or_else(|| "not read back yet".to_owned(), |state| format!("read back as {state}"));
                (SilenceOutcome::Done, Some(id.clone()), format!("silence {id} on {}: {seen}", self.instance.instance))
            }
            Err(ActError::NotApplied(trouble)) => (SilenceOutcome::Failed, None, trouble.what.to_string()),
            Err(ActError::Unknown(trouble)) => self.look(shared, trouble.what.as_str()).await,
        }
    }

    /// The answer was lost: finds out by reading, and asks nothing again.
    async fn look(&self, shared: &RoomContext, why: &str) -> SilenceEnd {
        let begun = boottime();
        loop {
            let age = boottime().saturating_sub(begun);
            match self.seen(shared).await {
                SilenceReading::Yes(id) => {
                    return (SilenceOutcome::Done, Some(id.clone()), format!("{why}; looked, and {id} is as asked"));
                }
                SilenceReading::No if age >= LATE => {
                    let says = format!("{why}; looked for {} s, and it was not taken", LATE.as_secs());
                    return (SilenceOutcome::Failed, None, says);
                }
                SilenceReading::Unread(unread) if age >= GIVE_UP => {
                    let says = format!(
                        "{why}; whether it was taken could not be read ({unread}): look for warroom/{} in the comments",
                        self.request
                    );
                    return (SilenceOutcome::Unknown, None, says);
                }
                SilenceReading::No | SilenceReading::Unread(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }

    async fn seen(&self, shared: &RoomContext) -> SilenceReading {
        let path = match &self.change {
            SilenceChange::Create { .. } => AlertmanagerPath::Marked(self.request.clone()),
            SilenceChange::Expire { id } => AlertmanagerPath::Silence(id.clone()),
        };
        let asked = self.read(shared, &self.instance, &path).await;
        if let Some(id) = asked.as_ref().ok().and_then(|found| self.shows(found)) {
            return SilenceReading::Yes(id);
        }
        // The member that was asked may have told the others before it fell silent.
        for source in shared.adapters.keys().filter(|it| it.system == System::Alertmanager && **it != self.instance) {
            let found = self.read(shared, source, &path).await.ok();
            if let Some(id) = found.and_then(|found| self.shows(&found)) {
                return SilenceReading::Yes(id);
            }
        }
        asked.map_or_else(SilenceReading::Unread, |_| SilenceReading::No)
    }

    /// The id, if this answer shows the change.
    fn shows(&self, found: &serde_json::Value) -> Option<String> {
        match &self.change {
            SilenceChange::Create { .. } => found.get(0)?.as_str().map(str::to_owned),
            SilenceChange::Expire { id } => (found.as_str() == Some("expired")).then(|| id.clone()),
        }
    }

    async fn read(
        &self,
        shared: &RoomContext,
        source: &SourceId,
        path: &AlertmanagerPath,
    ) -> Result<serde_json::Value, String> {
        let adapter = shared.adapters.get(source).ok_or_else(|| format!("{source} is not configured"))?;
        match tokio::time::timeout(READ_WITHIN, adapter.read(&path.to_string())).await {
            Ok(found) => found.map_err(|trouble| trouble.what.to_string()),
            Err(_) => Err(format!("{source} did not answer within {} s", READ_WITHIN.as_secs())),
        }
    }
}

enum SilenceReading {
    Yes(String),
    /// The member that was asked answers, and does not show it.
    No,
    Unread(String),
}
