//! The clocks and the objectives of the export: what was measured, and beside it what people state. An objective is met or
//! missed by what was measured alone.

use serde::Serialize;

use crate::model::time::length_s;
use crate::model::{Objective, PersonId, Stamp};
use crate::timeline::{Clocks, Incident, IncidentClock, StatedClocks, clock_words};

use super::durations::{day, length};
use super::outline::Outline;

/// Stands where nothing is known.
pub(super) const NONE: &str = "–";

/// A clock's instant and the entry that gave it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClockAt {
    pub at: Stamp,
    pub seq: u64,
}

/// The clocks as they were measured, and beside them what people state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClockTable {
    pub impact: Option<ClockAt>,
    pub detection: Option<ClockAt>,
    pub decision: Option<ClockAt>,
    pub recovery: Option<ClockAt>,
    pub stated: StatedClocks,
}

/// A row of the table of clocks.
pub(super) struct ClockRow {
    pub name: &'static str,
    /// The instant, or both where people state another.
    pub at: String,
    /// The time to the recovery.
    pub to: String,
    pub seqs: Vec<u64>,
}

impl ClockTable {
    pub(super) fn of(&self, clock: IncidentClock) -> Option<&ClockAt> {
        match clock {
            IncidentClock::Impact => self.impact.as_ref(),
            IncidentClock::Detection => self.detection.as_ref(),
            IncidentClock::Decision => self.decision.as_ref(),
            IncidentClock::Recovery => self.recovery.as_ref(),
        }
    }
}

/// An objective against what was reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// A service of the incident that has an objective; where there is only one objective, that one counts always.
    pub service: String,
    /// What was promised: seconds from impact to recovery.
    pub rto_s: u64,
    /// From impact to recovery, both as measured; `None` = not recovered, or no impact known.
    pub recovered_in_s: Option<u64>,
    /// Whether what was measured keeps the objective. What people state decides nothing here.
    pub rto_met: Option<bool>,
    /// What was promised: seconds of data that may be lost.
    pub rpo_s: u64,
    /// Seconds from the newest usable restore point to the impact, as measured; `None` if either is not known.
    pub lost_s: Option<u64>,
    /// False as soon as too much is lost; true only once it has recovered; `None` until one of the two is so.
    pub rpo_met: Option<bool>,
    /// The same figures as people state them, if they do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stated: Option<StatedReached>,
}

/// What was reached by the word of people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StatedReached {
    pub by: Vec<PersonId>,
    pub recovered_in_s: Option<u64>,
    /// The recovery is stated to be before the impact.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub impossible: bool,
    pub lost_s: Option<u64>,
}

/// The clocks of an incident as the export has them.
pub(super) fn clock_table(clocks: &Clocks) -> ClockTable {
    let at = |clock: IncidentClock| clocks.of(clock).map(|(at, seq)| ClockAt { at, seq });
    ClockTable {
        impact: at(IncidentClock::Impact),
        detection: at(IncidentClock::Detection),
        decision: at(IncidentClock::Decision),
        recovery: at(IncidentClock::Recovery),
        stated: clocks.stated.clone(),
    }
}

impl Outline {
    /// The rows of the table of clocks, as every form writes them.
    pub(super) fn clock_rows(&self) -> impl Iterator<Item = ClockRow> {
        IncidentClock::ALL.into_iter().map(|clock| {
            let (measured, stated) = (self.clocks.of(clock), self.clocks.stated.of(clock));
            let length_s = match clock {
                IncidentClock::Impact => self.from_impact_s,
                IncidentClock::Detection => self.from_detection_s,
                IncidentClock::Decision => self.from_decision_s,
                IncidentClock::Recovery => None,
            };
            let late = clock != IncidentClock::Recovery && measured.is_some() && self.clocks.recovery.is_some();
            ClockRow {
                name: clock.name(),
                at: clock_words(clock, measured.map(|it| it.at), stated, day),
                to: match length_s {
                    Some(seconds) => length(seconds),
                    None if late => "recovered before it".to_owned(),
                    None => NONE.to_owned(),
                },
                seqs: measured.map(|it| it.seq).into_iter().chain(stated.map(|it| it.seq)).collect(),
            }
        })
    }
}

impl Reached {
    /// The time to recovery in words: as measured, and as people state it.
    pub(super) fn recovered_words(&self) -> String {
        self.words(self.recovered_in_s, |it| match it.impossible {
            true => Some("before the impact, which can't be".to_owned()),
            false => it.recovered_in_s.map(length),
        })
    }

    /// The writes lost in words.
    pub(super) fn lost_words(&self) -> String {
        self.words(self.lost_s, |it| it.lost_s.map(length))
    }

    fn words(&self, measured: Option<u64>, of: impl Fn(&StatedReached) -> Option<String>) -> String {
        let stated = self.stated.as_ref().and_then(|it| Some((of(it)?, it)));
        match (measured, stated) {
            (measured, None) => measured.map_or_else(|| NONE.to_owned(), length),
            (measured, Some((stated, it))) => {
                let by = it.by.iter().map(|person| person.as_str()).collect::<Vec<_>>().join(" and ");
                let measured = measured.map_or_else(|| "not measured".to_owned(), length);
                format!("{measured} · stated by {by}: {stated}")
            }
        }
    }
}

/// Every objective concerned against what was reached.
pub(super) fn reached(incident: &Incident, objectives: &[Objective], as_of: Stamp) -> Vec<Reached> {
    let clocks = &incident.clocks;
    let only = objectives.len() == 1;
    let recovered_in_s = clocks.to_recovery(IncidentClock::Impact);
    // Without a recovery the time runs on: once it is over it can't be met any more.
    let failing_s = clocks.impact.filter(|_| clocks.recovery.is_none()).and_then(|(at, _)| length_s(at, as_of));
    let stated = stated_reached(clocks);
    objectives
        .iter()
        .filter(|it| only || incident.services.contains(&it.service))
        .map(|objective| Reached {
            service: objective.service.clone(),
            rto_s: objective.rto_s,
            recovered_in_s,
            rto_met: recovered_in_s
                .map(|seconds| seconds <= objective.rto_s)
                .or(failing_s.filter(|seconds| *seconds > objective.rto_s).map(|_| false)),
            rpo_s: objective.rpo_s,
            lost_s: clocks.rpo_s,
            // Too much lost is missed at once; that no more is lost is proven by the recovery.
            rpo_met: clocks.rpo_s.map(|lost| lost <= objective.rpo_s).filter(|met| !met || clocks.recovery.is_some()),
            stated: stated.clone(),
        })
        .collect()
}

fn stated_reached(clocks: &Clocks) -> Option<StatedReached> {
    let impact = clocks.stated.impact.as_ref().map(|it| vec![it.by.clone()]);
    let lost_s = clocks.stated.rpo_s;
    Some(match clocks.stated_recovery() {
        Some((by, seconds)) => StatedReached {
            by: by.into_iter().cloned().collect(),
            recovered_in_s: seconds,
            impossible: seconds.is_none(),
            lost_s,
        },
        None => StatedReached { by: impact?, recovered_in_s: None, impossible: false, lost_s },
    })
}
