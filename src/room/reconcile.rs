//! What a plan did that did not end in the room's sight: found out by reading, and read again while a Restore of it runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use tokio::sync::mpsc;

use super::context::RoomContext;
use super::engine_message::EngineMessage;
use super::executor::{LOOK_EVERY, Reported, read, record, restored};
use crate::actions::holds;
use crate::approval::{PlanRecord, StepState};
use crate::model::entry::{Reconciled, Reconciliation, Restored};
use crate::model::{Digest, Plan, SafeText, Stamp, Step, StepRequest};

/// A write whose sender died may still be on its way so long after its step began: until then, only seeing it proves anything.
const LATE: TimeDelta = TimeDelta::seconds(10);
/// What can't be read for so long is told as unknown.
const READ_FOR: Duration = Duration::from_secs(5 * 60);
/// How often a Restore that goes on is looked at, on the room's clock.
const FOLLOW_EVERY: Duration = Duration::from_secs(15);
/// Velero gives an operation four hours; what goes on for a day hangs, and its row says so.
const FOLLOWED_FOR: TimeDelta = TimeDelta::hours(24);

/// Finds out by reading what an interrupted plan did. Writes nothing outside, ever.
pub(super) async fn reconcile(shared: Arc<RoomContext>, engine: mpsc::Sender<EngineMessage>, old: PlanRecord) {
    let begun = shared.clock.boot();
    let deadline = begun + READ_FOR;
    let settled = begun + settles_in(&old, shared.clock.now());
    let (plan, digest) = (old.plan, old.digest);
    let ran = plan.steps.iter().zip(&old.steps).filter(|(_, state)| !matches!(state, StepState::Waiting));
    let started: Vec<String> = ran.map(|(step, _)| step.id.clone()).collect();
    let found = loop {
        let now = shared.clock.boot();
        match look(&shared, &plan, digest, &started).await {
            Ok(found) if found.result == Reconciliation::Applied || now >= settled => break found,
            Err(why) if now >= deadline => {
                let says = format!("could not be read for five minutes: {why}");
                break ReconcileReading {
                    result: Reconciliation::Unknown,
                    says,
                    restored: BTreeMap::new(),
                    open: true,
                };
            }
            Ok(_) | Err(_) => shared.clock.sleep(LOOK_EVERY).await,
        }
    };
    let open = found.open;
    // Said before, by the room that ended while it waited.
    let known = old.reconciled == Some(found.result) && old.restored == found.restored;
    if !known && !tell(&engine, &plan, found).await {
        return;
    }
    if open {
        follow(&shared, &engine, &plan, digest, &started).await;
    }
}

/// After a step whose effect was not seen in time: finds out what became of it.
pub(super) async fn late(shared: &RoomContext, engine: &mpsc::Sender<EngineMessage>, plan: &Plan, digest: Digest) {
    let ids = plan.steps.iter().filter(|step| step.request.writes());
    let mut started = Vec::new();
    for step in ids {
        if matches!(restored(shared, digest, step).await, Ok(Some(it)) if !it.is_over()) {
            started.push(step.id.clone());
        }
    }
    if !started.is_empty() {
        let all: Vec<String> = plan.steps.iter().map(|step| step.id.clone()).collect();
        follow(shared, engine, plan, digest, &all).await;
    }
}

/// Reads again until no Restore of the plan is under way, and records what became of it.
async fn follow(
    shared: &RoomContext,
    engine: &mpsc::Sender<EngineMessage>,
    plan: &Plan,
    digest: Digest,
    started: &[String],
) {
    let until = shared.clock.boot() + FOLLOWED_FOR.to_std().unwrap_or_default();
    while shared.clock.boot() < until {
        shared.clock.sleep(FOLLOW_EVERY).await;
        match look(shared, plan, digest, started).await {
            Ok(found) if !found.open => {
                tell(engine, plan, found).await;
                return;
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whether something that a plan began may still be under way: it is read again after a start.
pub(super) fn is_open(record: &PlanRecord, now: Stamp) -> bool {
    let over = |step: &Step| record.restored.get(&step.id).is_some_and(|it| it.is_over());
    let pairs = record.plan.steps.iter().zip(&record.steps);
    let mut begun = pairs.filter(|(step, state)| {
        let ran = matches!(state, StepState::Started { .. } | StepState::Unknown { .. });
        ran && matches!(step.request, StepRequest::CreateRestore(_))
    });
    let undecided = matches!(record.reconciled, None | Some(Reconciliation::Partial | Reconciliation::Unknown));
    now - record.changed_at < FOLLOWED_FOR && undecided && begun.any(|(step, _)| !over(step))
}

/// What was found, recorded. False if the room stops.
async fn tell(engine: &mpsc::Sender<EngineMessage>, plan: &Plan, found: ReconcileReading) -> bool {
    let says = SafeText::new(&found.says);
    let it = Reconciled { plan: plan.plan.clone(), result: found.result, says, restored: found.restored };
    record(engine, plan, it.into()).await != Reported::Never
}

/// What reading found.
struct ReconcileReading {
    result: Reconciliation,
    says: String,
    /// Restores, by the step that made them.
    restored: BTreeMap<String, Restored>,
    /// Something is still under way.
    open: bool,
}

/// How long until "not seen" means "not applied": never longer than [`LATE`], whatever the wall clock did meanwhile.
fn settles_in(old: &PlanRecord, now: Stamp) -> Duration {
    let writes = old.plan.steps.iter().zip(&old.steps).filter(|(step, _)| step.request.writes());
    let open = writes.filter_map(|(_, state)| match state {
        StepState::Started { at } => Some(*at + LATE),
        _ => None,
    });
    let left = open.max().map_or(TimeDelta::zero(), |at| (at - now).min(LATE));
    left.to_std().unwrap_or_default()
}

/// Compares what each started write was to bring about with what is there now.
async fn look(
    shared: &RoomContext,
    plan: &Plan,
    digest: Digest,
    started: &[String],
) -> Result<ReconcileReading, String> {
    let (mut applied, mut not_applied, mut between) = (Vec::new(), Vec::new(), Vec::new());
    let mut restores = BTreeMap::new();
    for step in plan.steps.iter().filter(|step| step.request.writes()) {
        let id = step.id.clone();
        if !started.contains(&id) {
            not_applied.push(id);
            continue;
        }
        // Before its checks: what they say then is never older than the end that is told.
        if let Some(it) = restored(shared, digest, step).await? {
            restores.insert(id.clone(), it);
        }
        let (mut all, mut none) = (true, true);
        for check in &step.check {
            let found = read(shared, digest, &check.src, &check.path).await?;
            let held = holds(check.op, &check.value, &found);
            let before = found.is_null()
                || step
                    .pre
                    .iter()
                    .any(|pre| pre.path == check.path && pre.src == check.src && holds(pre.op, &pre.value, &found));
            all &= held;
            none &= !held && before;
        }
        match (all, none) {
            (true, _) => applied.push(id),
            (false, true) => not_applied.push(id),
            (false, false) => between.push(id),
        }
    }
    let mut says = format!(
        "read back: steps applied {}, not applied {}, in between {}",
        list(&applied),
        list(&not_applied),
        list(&between)
    );
    for (step, it) in &restores {
        says.push_str(&format!("; step {step}: {}", it.words()));
    }
    let result = match (applied.is_empty(), not_applied.is_empty(), between.is_empty()) {
        (false, true, true) => Reconciliation::Applied,
        (true, false, true) => Reconciliation::NotApplied,
        _ => Reconciliation::Partial,
    };
    let open = restores.values().any(|it| !it.is_over());
    Ok(ReconcileReading { result, says, restored: restores, open })
}

fn list(ids: &[String]) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.join(", ") }
}
