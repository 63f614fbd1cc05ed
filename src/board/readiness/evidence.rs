//! What was done for real: recoveries with their clocks, and plans that succeeded.

use crate::model::time::{since, words};
use crate::model::{Action, Milestone, SafeText, Stamp, Strategy};
use crate::timeline::{Incident, IncidentClock, PlanRecord, PlanState};

use super::{Attainment, Evidence, ObjectiveKind, PROOF_LASTS_S, ReadinessCheck, ReadinessInput, check};

/// The day of a proof: what a person asks for first.
pub(super) fn day(at: Stamp) -> String {
    at.format("%-d %b %Y").to_string()
}

/// What a service's recovery has to have gone through to count: users were moved, data came back.
fn needs_restore(seen: &ReadinessInput<'_>) -> bool {
    !seen.objective.schedules.is_empty() && seen.objective.strategy != Strategy::ActiveActive
}

/// Plans of the service that lead to a milestone.
pub(super) fn plans<'a>(
    seen: &ReadinessInput<'a>,
    milestone: Milestone,
) -> impl Iterator<Item = (&'a Incident, &'a PlanRecord)> {
    let service = seen.objective.service.clone();
    seen.story
        .incidents
        .iter()
        .flat_map(|incident| incident.plans.by_id.values().map(move |record| (incident, record)))
        .filter(move |(_, record)| record.plan.action.milestone() == milestone && record.plan.service == service)
}

fn succeeded<'a>(seen: &ReadinessInput<'a>, milestone: Milestone) -> Option<&'a PlanRecord> {
    let done = plans(seen, milestone).filter(|(_, record)| record.state == PlanState::Succeeded);
    done.map(|(_, record)| record).max_by_key(|record| record.changed_at)
}

/// The confirmation that let a plan run.
pub(super) fn began(record: &PlanRecord) -> Stamp {
    record.approvals.iter().map(|approval| approval.at).max().unwrap_or(record.proposed_at)
}

/// A plan as a proof: from the confirmation that let it run to its end.
fn of_plan(record: &PlanRecord) -> Evidence {
    let began = began(record);
    Evidence {
        what: record.plan.action.name().to_owned(),
        at: record.changed_at,
        took_s: Some(since(began, record.changed_at)),
        stated_s: None,
        by: SafeText::new(&format!("plan {}", record.plan.plan)),
    }
}

/// The last failover of the service that succeeded.
pub(super) fn failed_over(seen: &ReadinessInput<'_>) -> Option<Evidence> {
    succeeded(seen, Milestone::TrafficSwitched).map(of_plan)
}

/// Where it comes back, in words.
pub(super) fn sites(seen: &ReadinessInput<'_>) -> String {
    seen.objective.restored_on().join(" or ")
}

/// The last time the service came back on the DR side, from the first impact (or the first alert) until it answered.
/// What was confirmed only after it had come back did not bring it back; and what needs neither its users moved nor its
/// data restored by a plan leaves no trace here by which its recovery could be told from one by itself.
pub(super) fn recovered(seen: &ReadinessInput<'_>) -> Option<Evidence> {
    let objective = seen.objective;
    let (moves, restores) = (!objective.dr.is_empty() && !objective.hosts.is_empty(), needs_restore(seen));
    if !moves && !restores {
        return None;
    }
    let done = |incident: &Incident, milestone: Milestone, until: Stamp| {
        let mut plans = incident.plans.by_id.values();
        plans.any(|it| {
            let own = it.plan.action.milestone() == milestone && it.plan.service == seen.objective.service;
            own && it.state == PlanState::Succeeded && began(it) <= until
        })
    };
    let whole = seen.story.incidents.iter().filter_map(|incident| {
        // As measured; what a person states of either proves nothing.
        let (at, _) = incident.clocks.recovery?;
        let took_s = incident
            .clocks
            .to_recovery(IncidentClock::Impact)
            .or(incident.clocks.to_recovery(IncidentClock::Detection))?;
        let moved = !moves || done(incident, Milestone::TrafficSwitched, at);
        let data = !restores || done(incident, Milestone::Restored, at);
        let own = incident.services.contains(&seen.objective.service);
        (own && moved && data).then(|| Evidence {
            what: "recovery".to_owned(),
            at,
            took_s: Some(took_s),
            stated_s: incident.clocks.stated_recovery().and_then(|(_, stated_s)| stated_s),
            by: SafeText::new(incident.id.as_str()),
        })
    });
    whole.max_by_key(|proof| proof.at)
}

/// What the steps of its last plans may take at most.
pub(super) fn steps_limit(seen: &ReadinessInput<'_>) -> Option<u64> {
    let last = |action: Action| {
        let plans = plans(seen, action.milestone()).map(|(_, record)| record);
        plans.filter(|record| record.plan.action == action).max_by_key(|record| record.proposed_seq)
    };
    let sum = |record: &PlanRecord| record.plan.steps.iter().map(|step| step.limit_s).sum::<u64>();
    let all: Vec<u64> = Action::ALL.into_iter().filter_map(last).map(sum).collect();
    (!all.is_empty()).then(|| all.iter().sum())
}

/// Whether the recovery time is proven.
pub(super) fn recovery(
    seen: &ReadinessInput<'_>,
    recovered: Option<&Evidence>,
    failed_over: Option<&Evidence>,
    restored: Option<&Evidence>,
) -> ReadinessCheck {
    let limit_s = seen.objective.rto_s;
    let told = |standing, says: String| {
        let remedy = match seen.objective.dr.is_empty() {
            true => "Rehearse it in this room: an incident, a restore. Its clocks are the proof.",
            false => "Rehearse it in this room: an incident, a failover, a restore. Its clocks are the proof.",
        };
        check(ObjectiveKind::Rto, "recovery", standing, says, remedy)
    };
    let Some(proof) = recovered else { return parts(seen, failed_over, restored, told) };
    let took = proof.took_s.unwrap_or(u64::MAX);
    let last = format!("the last one took {} ({}, {})", words(took), proof.by, day(proof.at));
    match since(proof.at, seen.now) > PROOF_LASTS_S {
        true => {
            let age = words(since(proof.at, seen.now));
            told(Attainment::Unknown, format!("{last}; that is {age} ago, and a proof lasts {}", words(PROOF_LASTS_S)))
        }
        false if took > limit_s => told(Attainment::Missed, format!("{last}; {} are allowed", words(limit_s))),
        // A word disproves as little as it proves, but what is in dispute is not proven.
        false if proof.stated_s.is_some_and(|stated_s| stated_s > limit_s) => {
            let stated = words(proof.stated_s.unwrap_or_default());
            told(
                Attainment::Unknown,
                format!("{last} as measured, {stated} as stated there; {} are allowed", words(limit_s)),
            )
        }
        false => told(Attainment::Met, format!("{last}; {} are allowed", words(limit_s))),
    }
}

/// Without a whole recovery: its parts are a lower bound, so they can disprove and never prove.
fn parts(
    seen: &ReadinessInput<'_>,
    failed_over: Option<&Evidence>,
    restored: Option<&Evidence>,
    told: impl Fn(Attainment, String) -> ReadinessCheck,
) -> ReadinessCheck {
    let fresh = |proof: &&Evidence| since(proof.at, seen.now) <= PROOF_LASTS_S;
    let restored = restored.filter(|_| needs_restore(seen));
    let parts: Vec<&Evidence> = failed_over.into_iter().chain(restored).filter(fresh).collect();
    let least: u64 = parts.iter().filter_map(|it| it.took_s).sum();
    let words_of = |it: &&Evidence| {
        let took = it.took_s.map(|took| format!(" in {}", words(took))).unwrap_or_default();
        format!("{}{took} on {}", it.what, day(it.at))
    };
    let done: Vec<String> = parts.iter().map(words_of).collect();
    if least > seen.objective.rto_s {
        let allowed = words(seen.objective.rto_s);
        return told(Attainment::Missed, format!("its parts alone take longer than {allowed}: {}", done.join(", ")));
    }
    let says = match done.is_empty() {
        true => format!("this log holds no recovery of it on {}", sites(seen)),
        false => {
            format!("no whole recovery is in this log, only {}; people's time is not measured", done.join(" and "))
        }
    };
    told(Attainment::Unknown, says)
}
