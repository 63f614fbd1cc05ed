//! The figures of the header and of the export: how long each clock runs, what is left of the objective, what is lost.

use crate::model::{Objective, Stamp};

use super::incident::Incident;

/// A clock: since when, by which entry, and how far it had run at recovery, at the close, or now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub at: Stamp,
    pub seq: u64,
    pub elapsed_s: i64,
}

/// An objective's budget against one clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub used_s: i64,
    /// Negative once the objective is breached.
    pub left_s: i64,
}

/// The recovery time objective against every clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rto {
    /// The affected service with the tightest objective.
    pub service: String,
    pub objective_s: u64,
    pub from_impact: Option<Spent>,
    pub from_detection: Option<Spent>,
    pub from_decision: Option<Spent>,
}

/// What would be, or was, lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rpo {
    pub service: Option<String>,
    pub objective_s: Option<u64>,
    /// Seconds of writes between the newest usable restore point and the impact.
    pub lost_s: u64,
    pub within: Option<bool>,
    /// The entry that named the restore point.
    pub seq: Option<u64>,
}

/// All clocks of an incident at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClockView {
    pub impact: Option<Reading>,
    pub detection: Option<Reading>,
    pub decision: Option<Reading>,
    pub recovery: Option<Reading>,
    /// Nothing has stopped the clocks yet.
    pub running: bool,
    pub rto: Option<Rto>,
    pub rpo: Option<Rpo>,
}

/// Reads the clocks. They stop at recovery; an incident closed without one stops them too.
pub fn clock_view(incident: &Incident, objectives: &[Objective], now: Stamp) -> ClockView {
    let clocks = &incident.clocks;
    let end = clocks.recovery.map(|(at, _)| at).or(incident.closed_at);
    let until = end.unwrap_or(now);
    let read = |mark: Option<(Stamp, u64)>| {
        mark.map(|(at, seq)| Reading { at, seq, elapsed_s: (until - at).num_seconds().max(0) })
    };
    let (impact, detection, decision) = (read(clocks.impact), read(clocks.detection), read(clocks.decision));
    let objective = affected(incident, objectives);
    let rto = objective.map(|objective| {
        let limit = i64::try_from(objective.rto_s).unwrap_or(i64::MAX);
        let spent = |reading: Option<Reading>| {
            reading.map(|it| Spent { used_s: it.elapsed_s, left_s: limit.saturating_sub(it.elapsed_s) })
        };
        Rto {
            service: objective.service.clone(),
            objective_s: objective.rto_s,
            from_impact: spent(impact),
            from_detection: spent(detection),
            from_decision: spent(decision),
        }
    });
    let rpo = clocks.rpo_s.map(|lost_s| Rpo {
        service: objective.map(|it| it.service.clone()),
        objective_s: objective.map(|it| it.rpo_s),
        lost_s,
        within: objective.map(|it| lost_s <= it.rpo_s),
        seq: clocks.rpo_seq,
    });
    ClockView { impact, detection, decision, recovery: read(clocks.recovery), running: end.is_none(), rto, rpo }
}

/// The affected service with the tightest objective; the only one there is if none is named yet.
fn affected<'a>(incident: &Incident, objectives: &'a [Objective]) -> Option<&'a Objective> {
    let named = objectives.iter().filter(|it| incident.services.contains(&it.service)).min_by_key(|it| it.rto_s);
    named.or(match objectives {
        [only] => Some(only),
        _ => None,
    })
}
