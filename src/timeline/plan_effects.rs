//! What belongs to a plan: the entries about it, and what was seen to follow from it.

use serde_json::Value;

use crate::approval::{PlanRecord, PlanState};
use crate::model::entry::Transition;
use crate::model::{Happening, PlanId, Stamp};

use super::incident::{Incident, Item};

/// Traffic that moves so long after the end of a failover is still its doing: resolvers keep names.
const AFTER_S: i64 = 120;
/// The same after a failover that was interrupted.
const AFTER_INTERRUPTED_S: i64 = 3_600;

/// The plan that an item is about, or that it follows from. Nothing is guessed from words: an entry names its plan, a transition
/// the digest that was approved; of traffic, only that it moved while (or just after) a failover of that service ran.
pub fn plan_of<'a>(incident: &'a Incident, item: &Item) -> Option<&'a PlanRecord> {
    if let Happening::Transition(edge) = &item.entry.happening {
        return incident.plans.by_id.values().find(|record| follows(record, edge, item.entry.measured_at()));
    }
    let named = named(&item.entry.happening);
    named
        .and_then(|plan| incident.plans.by_id.get(plan))
        .or_else(|| incident.plans.by_id.values().find(|record| record.seqs.contains(&item.entry.seq)))
}

/// What was seen to follow from a plan, in order of time.
pub fn effects<'a>(incident: &'a Incident, plan: &PlanId) -> Vec<&'a Item> {
    let Some(record) = incident.plans.by_id.get(plan) else { return Vec::new() };
    let is_effect = |item: &&Item| match &item.entry.happening {
        Happening::Transition(edge) => follows(record, edge, item.entry.measured_at()),
        _ => false,
    };
    incident.items.iter().filter(is_effect).collect()
}

fn named(happening: &Happening) -> Option<&PlanId> {
    match happening {
        Happening::Refused(it) => it.plan.as_ref(),
        _ => None,
    }
}

fn follows(record: &PlanRecord, edge: &Transition, at: Stamp) -> bool {
    if let Some(digest) = edge.figures.get("plan_digest").and_then(Value::as_str) {
        return digest.ends_with(&record.digest.hex());
    }
    let ran = matches!(
        record.state,
        PlanState::Executing | PlanState::Succeeded | PlanState::Failed | PlanState::Stopped | PlanState::Interrupted
    );
    let explained = edge.edge.family().is_some_and(|family| record.plan.action.explains(family));
    if !ran || !explained || edge.service.as_deref() != Some(record.plan.service.as_str()) {
        return false;
    }
    let from = record.approvals.iter().map(|approval| approval.at).max().unwrap_or(record.proposed_at);
    // Nobody looked while the room was down: what an interrupted plan did is often seen long after.
    let after_s = if record.state == PlanState::Interrupted { AFTER_INTERRUPTED_S } else { AFTER_S };
    let over = record.state != PlanState::Executing && (at - record.changed_at).num_seconds() > after_s;
    at >= from && !over
}
