//! The clocks of an incident: what was measured, and beside it what people state. Two facts; neither ever becomes the other.

use serde::{Deserialize, Serialize};

use crate::model::time::length_s;
use crate::model::{PersonId, Stamp};

/// A clock, in the order in which they can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IncidentClock {
    /// Users are hit: begins with the first failed probe.
    Impact,
    /// Somebody knows: begins with the first alert, or with the person who opened the incident.
    Detection,
    /// It is settled what is done: begins with the first decision, or approval of a plan.
    Decision,
    /// Every service that had failed is back; ends the others, and is the only one that may be undone.
    Recovery,
}

impl IncidentClock {
    /// Every clock, in their order.
    pub const ALL: [Self; 4] = [Self::Impact, Self::Detection, Self::Decision, Self::Recovery];

    /// The word on screen and in exports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Impact => "impact",
            Self::Detection => "detection",
            Self::Decision => "decision",
            Self::Recovery => "recovery",
        }
    }

    /// What is said where nothing was measured.
    pub fn unknown(self) -> &'static str {
        match self {
            Self::Impact | Self::Detection => "not known",
            Self::Decision => "not recorded",
            Self::Recovery => "not recovered",
        }
    }
}

/// An instant that a person states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// The instant itself, which whoever states it may choose freely up to now.
    pub at: Stamp,
    /// The entry that states it.
    pub seq: u64,
    /// Who states it.
    pub by: PersonId,
}

/// What people state of the clocks. It is shown beside what was measured and proves nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatedClocks {
    /// By a `set`; else a failed probe that was re-timed.
    pub impact: Option<Stated>,
    /// An alert or opening that was re-timed.
    pub detection: Option<Stated>,
    /// A decision that was stated to have been taken earlier, or was re-timed.
    pub decision: Option<Stated>,
    /// By a `set`; else a recovery that was re-timed.
    pub recovery: Option<Stated>,
    /// Seconds of writes lost, counted to the stated impact.
    pub rpo_s: Option<u64>,
}

/// The instants that clocks count from, as measured, each with the entry that gave it: what the room observed at its observed
/// time, what people decided when it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    /// First failed probe.
    pub impact: Option<(Stamp, u64)>,
    /// First alert transition, or when a person opened the incident.
    pub detection: Option<(Stamp, u64)>,
    /// First decision or confirmation of a plan.
    pub decision: Option<(Stamp, u64)>,
    /// Service proven back.
    pub recovery: Option<(Stamp, u64)>,
    /// Seconds of writes lost: impact minus the start of the newest usable restore point before it.
    pub rpo_s: Option<u64>,
    /// The restore point that figure comes from: its entry.
    pub rpo_seq: Option<u64>,
    /// What people say beside all that; it changes nothing of it.
    pub stated: StatedClocks,
}

impl StatedClocks {
    /// What is stated of one clock.
    pub fn of(&self, clock: IncidentClock) -> Option<&Stated> {
        match clock {
            IncidentClock::Impact => self.impact.as_ref(),
            IncidentClock::Detection => self.detection.as_ref(),
            IncidentClock::Decision => self.decision.as_ref(),
            IncidentClock::Recovery => self.recovery.as_ref(),
        }
    }
}

impl Clocks {
    /// What was measured of one clock.
    pub fn of(&self, clock: IncidentClock) -> Option<(Stamp, u64)> {
        match clock {
            IncidentClock::Impact => self.impact,
            IncidentClock::Detection => self.detection,
            IncidentClock::Decision => self.decision,
            IncidentClock::Recovery => self.recovery,
        }
    }

    /// One clock in words: see [`sentences`]. Nothing where nothing is known.
    pub fn words(&self, clock: IncidentClock, say: impl Fn(Stamp) -> String) -> Option<String> {
        let (measured, stated) = (self.of(clock).map(|(at, _)| at), self.stated.of(clock));
        (measured.is_some() || stated.is_some()).then(|| words(clock, measured, stated, say))
    }

    /// Seconds from a clock to the recovery, both as measured. `None` too where it began after the recovery: an alert may fire
    /// late.
    pub fn to_recovery(&self, clock: IncidentClock) -> Option<u64> {
        length_s(self.of(clock)?.0, self.recovery?.0)
    }

    /// Who states impact or recovery, and the seconds from the one to the other as they tell it; `None` for an order that
    /// can't be.
    pub fn stated_recovery(&self) -> Option<(Vec<&PersonId>, Option<u64>)> {
        let mut by: Vec<&PersonId> =
            [&self.stated.impact, &self.stated.recovery].into_iter().flatten().map(|it| &it.by).collect();
        by.dedup();
        let (impact, recovery) = (self.told(IncidentClock::Impact), self.told(IncidentClock::Recovery));
        let both = impact.zip(recovery).filter(|_| !by.is_empty());
        both.map(|((from, _), (to, _))| (by, length_s(from, to)))
    }

    /// A clock as people tell it: by their own word where there is one, else as it was measured.
    pub fn told(&self, clock: IncidentClock) -> Option<(Stamp, u64)> {
        self.stated.of(clock).map(|it| (it.at, it.seq)).or(self.of(clock))
    }
}

/// One clock in words, the same everywhere: `14:37`, `not recovered`, or `measured: not recovered · stated by ana: 15:04`.
/// `say` writes an instant.
pub fn words(
    clock: IncidentClock,
    measured: Option<Stamp>,
    stated: Option<&Stated>,
    say: impl Fn(Stamp) -> String,
) -> String {
    let measured = measured.map_or_else(|| clock.unknown().to_owned(), &say);
    match stated {
        None => measured,
        Some(stated) => format!("measured: {measured} · stated by {}: {}", stated.by, say(stated.at)),
    }
}
