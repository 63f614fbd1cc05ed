//! The executor: reads, writes and watches for one claimed plan, step by step.
//!
//! It holds the only hands that reach outside. It writes nothing that was not made durable first: every step begins with
//! the engine's answer that `step_started` is on disk. It never repeats a write.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::context::RoomContext;
use super::engine_message::EngineMessage;
use super::reconcile;
use crate::actions::{self, Progress};
use crate::clock::Clock;
use crate::model::entry::{Happening, Outcome, PlanEnded, Restored, StepDone, StepEnded, StepFailed, StepUnknown};
use crate::model::{Digest, PersonId, Plan, PlanId, ReadPath, SafeText, SourceId, Step};
use crate::systems::request_meter::{RequestUse, used_for};
use crate::systems::{ActError, Permit};

/// A read for a precondition must answer within this real time.
const READ_WITHIN: Duration = Duration::from_secs(5);
/// A write relies on preconditions read at most this real time before it, the reading itself apart.
const FRESH: Duration = Duration::from_secs(5);
/// How often a check is read while a step waits for its effect, on the room's clock.
pub(super) const LOOK_EVERY: Duration = Duration::from_secs(2);
/// An outcome that could not be recorded is offered again after this real time.
const REPORT_AGAIN: Duration = Duration::from_secs(1);

type Reads = BTreeMap<(SourceId, ReadPath), Value>;

/// Reads a step's preconditions from the systems themselves; gives a sentence for each that does not hold.
pub(super) async fn broken(shared: &RoomContext, digest: Digest, step: &Step) -> Vec<String> {
    let wanted = step.pre.iter().map(|pre| (&pre.src, &pre.path));
    let (read, _) = read_all(shared, digest, wanted).await;
    actions::preflight(step, &read).iter().map(actions::BrokenPrecondition::says).collect()
}

/// Reads paths, all at once. What can't be read is missing from the answer, with a reason beside it.
async fn read_all(
    shared: &RoomContext,
    digest: Digest,
    wanted: impl Iterator<Item = (&SourceId, &ReadPath)>,
) -> (Reads, Vec<String>) {
    let reads = wanted.map(|(src, path)| async move { (src, path, read(shared, digest, src, path).await) });
    let (mut found, mut unread) = (Reads::new(), Vec::new());
    for (src, path, result) in futures::future::join_all(reads).await {
        match result {
            Ok(value) => {
                found.insert((src.clone(), path.clone()), value);
            }
            Err(why) => unread.push(why),
        }
    }
    (found, unread)
}

pub(super) async fn read(
    shared: &RoomContext,
    digest: Digest,
    src: &SourceId,
    path: &ReadPath,
) -> Result<Value, String> {
    let adapter = shared.adapters.get(src).ok_or_else(|| format!("{src} is not configured"))?;
    match tokio::time::timeout(READ_WITHIN, adapter.read(actions::resolve(path, &digest).as_str())).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(trouble)) => Err(trouble.what.to_string()),
        Err(_) => Err(format!("{src} did not answer within {} s", READ_WITHIN.as_secs())),
    }
}

/// How the Restore that a step made stands, if it made one and that can be read.
pub(super) async fn restored(shared: &RoomContext, digest: Digest, step: &Step) -> Result<Option<Restored>, String> {
    let Some(adapter) = shared.adapters.get(&step.target.src) else { return Ok(None) };
    match tokio::time::timeout(READ_WITHIN, adapter.restored(step, digest)).await {
        Ok(answer) => answer.map_err(|trouble| trouble.what.to_string()),
        Err(_) => Err(format!("{} did not answer within {} s", step.target.src, READ_WITHIN.as_secs())),
    }
}

/// What is said of a step at its end, and what its Restore brought back.
struct Account {
    says: String,
    restored: Option<Restored>,
}

impl From<String> for Account {
    fn from(says: String) -> Self {
        Self { says, restored: None }
    }
}

/// How one step ended, and whether its write may have left.
enum StepEnd {
    Done(Account),
    /// Nothing was sent.
    Precheck(String),
    Failed(Account),
    Unknown(Account),
    /// The engine said no: held, or an invariant does not hold.
    Stopped(String),
}

/// One plan's run.
pub(super) struct PlanRun {
    pub shared: Arc<RoomContext>,
    pub engine: mpsc::Sender<EngineMessage>,
    pub plan: Plan,
    pub digest: Digest,
    pub persons: Vec<PersonId>,
    /// When the first step's preconditions were read, on [`boottime`].
    pub read_at: Duration,
}

/// Real time since the host booted: goes on through suspend, and a drill's speed does not touch it.
pub(super) fn boottime() -> Duration {
    Clock::real().boot()
}

/// A reading of preconditions.
struct PreconditionReading {
    at: Duration,
    broken: Vec<String>,
}

impl PreconditionReading {
    fn is_old(&self) -> bool {
        boottime().saturating_sub(self.at) > FRESH
    }
}

impl PlanRun {
    /// Runs every step in order; the first outcome that is not success ends the plan.
    pub(super) async fn go(self) {
        for (i, step) in self.plan.steps.iter().enumerate() {
            let end = self.step(step, i == 0).await;
            let ended = |account: Account| StepEnded {
                plan: self.plan.plan.clone(),
                step: step.id.clone(),
                says: SafeText::new(&account.says),
                restored: account.restored,
            };
            match end {
                StepEnd::Done(account) => {
                    let last = i + 1 == self.plan.steps.len();
                    match self.report(StepDone(ended(account))).await {
                        Reported::Never => return,
                        Reported::Late if !last => {
                            let why = "the timeline could not be written for a while; propose what is left anew";
                            return self.end(Outcome::Stopped, false, why).await;
                        }
                        _ => {}
                    }
                }
                StepEnd::Precheck(why) => return self.end(Outcome::Failed, i == 0, &why).await,
                StepEnd::Stopped(why) => return self.end(Outcome::Stopped, false, &why).await,
                StepEnd::Failed(account) => {
                    let why = format!("step {}: {}", step.id, account.says);
                    self.report(StepFailed(ended(account))).await;
                    return self.end(Outcome::Failed, false, &why).await;
                }
                StepEnd::Unknown(account) => {
                    let why = format!("step {}: {}", step.id, account.says);
                    self.report(StepUnknown(ended(account))).await;
                    self.end(Outcome::Failed, false, &why).await;
                    // What was not seen in time may still come about: that is found out and recorded.
                    let late = reconcile::late(&self.shared, &self.engine, &self.plan, self.digest);
                    return used_for(RequestUse::Read, late).await;
                }
            }
        }
        self.end(Outcome::Succeeded, false, "every effect was seen").await;
    }

    async fn step(&self, step: &Step, first: bool) -> StepEnd {
        // The first step's preconditions were read for the claim, a moment ago: unless the log was slow to take it.
        let mut read = PreconditionReading { at: self.read_at, broken: Vec::new() };
        if !first || read.is_old() {
            read = self.reread(step).await;
        }
        if !read.broken.is_empty() {
            return StepEnd::Precheck(format!("before step {}: {}", step.id, read.broken.join("; ")));
        }
        let (reply, answer) = oneshot::channel();
        let may = EngineMessage::MayStep { plan: self.plan.plan.clone(), step: step.id.clone(), reply };
        if self.engine.send(may).await.is_err() {
            return StepEnd::Stopped("the room is stopping".to_owned());
        }
        match answer.await {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return StepEnd::Stopped(why),
            Err(_) => return StepEnd::Stopped("the room is stopping".to_owned()),
        }
        // The answer came when `step_started` was durable; on a slow disk the reading may be old by then.
        if read.is_old() && !step.pre.is_empty() {
            read = self.reread(step).await;
            if !read.broken.is_empty() {
                return StepEnd::Failed(format!("nothing was sent: {}", read.broken.join("; ")).into());
            }
        }
        let mut said = String::new();
        if step.request.writes() {
            match self.write(step).await {
                Ok(answer) => said = answer,
                Err(ActError::NotApplied(trouble)) => return StepEnd::Failed(trouble.what.to_string().into()),
                // It may have happened: the check below decides by looking.
                Err(ActError::Unknown(trouble)) => said = format!("no certain answer ({})", trouble.what),
            }
        }
        self.watch(step, said).await
    }

    async fn reread(&self, step: &Step) -> PreconditionReading {
        let broken = broken(&self.shared, self.digest, step).await;
        PreconditionReading { at: boottime(), broken }
    }

    async fn write(&self, step: &Step) -> Result<String, ActError> {
        let Some(adapter) = self.shared.adapters.get(&step.target.src) else {
            return Err(ActError::NotApplied(crate::model::Trouble {
                kind: crate::model::TroubleKind::Credential,
                what: SafeText::new(&format!("{} is not configured any more", step.target.src)),
                remedy: SafeText::default(),
            }));
        };
        let permit = Permit { plan: self.plan.plan.clone(), digest: self.digest, persons: self.persons.clone() };
        adapter.apply(step, &permit).await
    }

    /// Looks until every check holds, or the step's limit on the boot clock is over.
    async fn watch(&self, step: &Step, said: String) -> StepEnd {
        let clock = &self.shared.clock;
        let began = clock.boot();
        let until = began + Duration::from_secs(step.limit_s);
        loop {
            let wanted = step.check.iter().map(|check| (&check.src, &check.path));
            let (read, mut unread) = read_all(&self.shared, self.digest, wanted).await;
            let found = read.iter().map(|((src, path), value)| actions::found(src, path, value)).collect::<Vec<_>>();
            let progress = actions::judge(step, &read);
            if progress == Progress::Waiting && clock.boot() < until {
                clock.sleep(LOOK_EVERY).await;
                continue;
            }
            // How a Restore ended is told whole, by itself: its checks name only what was waited for.
            let restored = restored(&self.shared, self.digest, step).await.unwrap_or_default();
            let found = match &restored {
                Some(it) => it.words(),
                None => found.join(", "),
            };
            let took = clock.boot().saturating_sub(began).as_secs();
            let says = match progress {
                // A write's own answer proves more than the paths read back; a wait has only those.
                Progress::Done if said.is_empty() => format!("{found} · after {took} s"),
                Progress::Done if restored.is_some() => format!("{said} · {found} · after {took} s"),
                Progress::Done => format!("{said} · read back after {took} s"),
                Progress::Failed => found,
                Progress::Waiting => {
                    unread.push(found);
                    format!("not seen within {} s: {}", step.limit_s, unread.join("; "))
                }
            };
            let account = Account { says, restored };
            return match progress {
                Progress::Done => StepEnd::Done(account),
                Progress::Failed => StepEnd::Failed(account),
                Progress::Waiting => StepEnd::Unknown(account),
            };
        }
    }

    async fn report(&self, happening: impl Into<Happening>) -> Reported {
        record(&self.engine, &self.plan, happening.into()).await
    }

    async fn end(&self, outcome: Outcome, precheck: bool, says: &str) {
        let ended = PlanEnded {
            plan: self.plan.plan.clone(),
            outcome,
            precheck: precheck && outcome != Outcome::Succeeded,
            says: SafeText::new(says),
        };
        self.report(ended).await;
    }
}

/// How a report reached the log.
#[derive(PartialEq)]
pub(super) enum Reported {
    AtOnce,
    /// After the log could not be written for a while.
    Late,
    /// The room stops: the next start finds out by reading.
    Never,
}

/// Has an outcome recorded, however long that takes: a plan that is over must not look as if it ran.
pub(super) async fn record(engine: &mpsc::Sender<EngineMessage>, plan: &Plan, happening: Happening) -> Reported {
    let mut first = true;
    loop {
        let (done, recorded) = oneshot::channel();
        let command = EngineMessage::Record { happening: happening.clone(), plan: plan.plan.clone(), done };
        if engine.send(command).await.is_err() {
            return Reported::Never;
        }
        match recorded.await {
            Ok(true) if first => return Reported::AtOnce,
            Ok(true) => return Reported::Late,
            Ok(false) => first = false,
            Err(_) => return Reported::Never,
        }
        tokio::time::sleep(REPORT_AGAIN).await;
    }
}

/// Says that a run has failed, until that is recorded.
pub(super) async fn broke_off(engine: &mpsc::Sender<EngineMessage>, plan: &PlanId) {
    loop {
        let (done, recorded) = oneshot::channel();
        let command = EngineMessage::BrokeOff { plan: plan.clone(), done };
        if engine.send(command).await.is_err() || recorded.await != Ok(false) {
            return;
        }
        tokio::time::sleep(REPORT_AGAIN).await;
    }
}
