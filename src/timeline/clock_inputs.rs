//! What the clocks count from. Kept apart from the items so that an entry costs the same early and late in an incident.
//!
//! [`Marks`] is one reading of an incident's instants; [`super::clock_builder::ClockBuilder`] keeps two: as measured, and as stated.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::entry::{Opened, Set, Transition};
use crate::model::{Entry, Happening, IncidentStatus, Stamp, TransitionKind};

use super::pairs;

/// The most decisions, and the most alerts, of one incident that are remembered: a clock takes the first that fits.
const MOST: usize = 4_096;

/// An instant and the entry that gave it. Sorted: earliest first, then the earlier entry.
pub(super) type EntryInstant = (Stamp, u64);

/// A restore point, as a transition told of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct RecordedPoint {
    started: Stamp,
    name: String,
    services: Vec<String>,
}

/// Restore points of one schedule, by when they were told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RecordedPoints(#[serde(with = "pairs")] BTreeMap<EntryInstant, RecordedPoint>);

/// Everything that moves a clock of one incident, by when it happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Marks {
    /// `Opened`, and whether its instant is that of a transition.
    opened: Option<(EntryInstant, bool)>,
    decisions: BTreeSet<EntryInstant>,
    /// Firing alerts; true if recorded in this incident or critical.
    #[serde(with = "pairs")]
    alerts: BTreeMap<EntryInstant, bool>,
    /// Failing (true) and recovered (false) services.
    #[serde(with = "pairs")]
    service: BTreeMap<EntryInstant, (bool, Option<String>)>,
    /// `backup.usable` by schedule.
    usable: BTreeMap<String, RecordedPoints>,
    /// What `probe.failing` said would be lost.
    #[serde(with = "pairs")]
    at_failure: BTreeMap<EntryInstant, RecordedPoint>,
    walk: RecoveryScan,
    /// The incident was resolved: later failures are another story.
    resolved: Option<u64>,
}

/// How the service events up to `last` left the incident.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct RecoveryScan {
    last: Option<EntryInstant>,
    failing: BTreeSet<String>,
    recovered: Option<EntryInstant>,
}

impl RecoveryScan {
    fn step(&mut self, mark: EntryInstant, fails: bool, service: Option<&str>) {
        self.last = Some(mark);
        let name = service.unwrap_or_default();
        if fails {
            self.failing.insert(name.to_owned());
            self.recovered = None;
            return;
        }
        let known = self.failing.remove(name);
        if known && self.failing.is_empty() {
            self.recovered = Some(mark);
        }
    }
}

/// Whether a kind of entry can move a clock.
pub(super) fn counts(entry: &Entry) -> bool {
    match &entry.happening {
        Happening::Opened(_) | Happening::Set(_) | Happening::Decision(_) | Happening::Approved(_) => true,
        Happening::Transition(edge) => edge.edge.moves_clock(),
        _ => false,
    }
}

impl Marks {
    /// Takes in an entry at the time under which it is sorted. `own` = recorded in this incident.
    pub(super) fn add(&mut self, entry: &Entry, at: Stamp, own: bool) {
        let mark = (at, entry.seq);
        match &entry.happening {
            Happening::Opened(Opened { detected_at, .. }) => self.opened = Some((mark, detected_at.is_some())),
            Happening::Set(Set { status: Some(status), .. }) => {
                let over = *status >= IncidentStatus::Resolved;
                self.resolved = if over { self.resolved.or(Some(entry.seq)) } else { None };
            }
            // Two persons who confirm a plan have decided, though nobody wrote it down as a decision.
            Happening::Decision(_) | Happening::Approved(_) => {
                self.decided(mark);
            }
            Happening::Transition(edge) => self.transition(edge, mark, own),
            _ => {}
        }
    }

    /// Takes in a decision.
    pub(super) fn decided(&mut self, mark: EntryInstant) {
        self.decisions.insert(mark);
        if self.decisions.len() > MOST {
            self.decisions.pop_last();
        }
    }

    /// Puts an entry at another time than the one under which it is sorted; false if it is in none of the marks.
    pub(super) fn retime(&mut self, seq: u64, at: Stamp) -> bool {
        let opened = match &mut self.opened {
            Some((mark, _)) if mark.1 == seq => {
                mark.0 = at;
                true
            }
            _ => false,
        };
        let decided = self.decisions.iter().find(|(_, it)| *it == seq).copied();
        if let Some(mark) = decided {
            self.decisions.remove(&mark);
            self.decisions.insert((at, seq));
        }
        let served = rekey(&mut self.service, seq, at);
        if served {
            self.walk_again();
        }
        let known = rekey(&mut self.alerts, seq, at) | rekey(&mut self.at_failure, seq, at);
        let usable = self.usable.values_mut().fold(false, |any, points| any | rekey(&mut points.0, seq, at));
        opened || decided.is_some() || served || known || usable
    }

    fn transition(&mut self, edge: &Transition, mark: EntryInstant, own: bool) {
        match edge.edge {
            TransitionKind::AlertFiring => {
                self.alerts.insert(mark, own || edge.verdict == "critical");
                if self.alerts.len() > MOST {
                    self.alerts.pop_last();
                }
            }
            TransitionKind::ProbeFailing => {
                if let Some(point) = point(edge, "restore_point") {
                    self.at_failure.insert(mark, point);
                }
                self.served(mark, true, edge);
            }
            TransitionKind::ServiceRecovered => self.served(mark, false, edge),
            TransitionKind::BackupUsable => {
                if let Some(point) = point(edge, "name") {
                    self.usable.entry(edge.subject.to_string()).or_default().0.insert(mark, point);
                }
            }
            _ => {}
        }
    }

    fn served(&mut self, mark: EntryInstant, fails: bool, edge: &Transition) {
        // After "resolved", a new failure must not undo a recovery that was agreed upon.
        if self.resolved.is_some_and(|seq| mark.1 > seq) {
            return;
        }
        self.service.insert(mark, (fails, edge.service.clone()));
        if self.walk.last.is_none_or(|last| last < mark) {
            self.walk.step(mark, fails, edge.service.as_deref());
        } else {
            self.walk_again();
        }
    }

    fn walk_again(&mut self) {
        let mut walk = RecoveryScan::default();
        for (mark, (fails, service)) in &self.service {
            walk.step(*mark, *fails, service.as_deref());
        }
        self.walk = walk;
    }

    /// The first failure of a service.
    pub(super) fn impact(&self) -> Option<EntryInstant> {
        self.first_failure().map(|(mark, _)| mark)
    }

    /// The first decision.
    pub(super) fn decision(&self) -> Option<EntryInstant> {
        self.decisions.first().copied()
    }

    /// When every service that failed was back.
    pub(super) fn recovery(&self) -> Option<EntryInstant> {
        self.walk.recovered
    }

    fn first_failure(&self) -> Option<(EntryInstant, Option<&str>)> {
        let (mark, (_, service)) = self.service.iter().find(|(_, (fails, _))| *fails)?;
        Some((*mark, service.as_deref()))
    }

    /// The instant of the transition that opened the incident; else the first alert, or the person who opened it by hand.
    pub(super) fn detection(&self, impact: Option<EntryInstant>) -> Option<EntryInstant> {
        let ((opened_at, opened_seq), by_edge) = self.opened?;
        if by_edge {
            // The alert's own entry is the better witness if it tells the same instant.
            let witness = self.alerts.range((opened_at, 0)..=(opened_at, u64::MAX)).next();
            return Some(witness.map_or((opened_at, opened_seq), |(mark, _)| *mark));
        }
        let from = impact.map_or((Stamp::MIN_UTC, 0), |(at, _)| (at, 0));
        let alert = self.alerts.range(from..).find(|(_, counts)| **counts).map(|(mark, _)| *mark);
        Some(alert.map_or((opened_at, opened_seq), |alert| alert.min((opened_at, opened_seq))))
    }

    /// Seconds of writes lost if everything after the newest usable restore point before the impact is gone.
    pub(super) fn lost(&self, impact: EntryInstant) -> Option<(u64, u64)> {
        let (impact_at, impact_seq) = impact;
        let service = self.first_failure().and_then(|(_, service)| service);
        if let Some(point) = self.at_failure.get(&impact) {
            let seq = self.entry_of(&point.name).unwrap_or(impact_seq);
            return Some((seconds(impact_at, point.started)?, seq));
        }
        let concerns = |point: &RecordedPoint| {
            point.services.is_empty() || service.is_none_or(|service| point.services.iter().any(|it| it == service))
        };
        let newest = self.usable.values().filter_map(|points| {
            // What was known at the impact; else the first that was told later and had begun before it.
            let known = points.0.range(..=(impact_at, u64::MAX)).next_back();
            let later = points.0.range((impact_at, u64::MAX)..).find(|(_, point)| point.started <= impact_at);
            known.or(later).filter(|(_, point)| point.started <= impact_at && concerns(point))
        });
        let ((_, seq), point) = newest.max_by_key(|(mark, point)| (point.started, *mark))?;
        Some((seconds(impact_at, point.started)?, *seq))
    }

    fn entry_of(&self, point: &str) -> Option<u64> {
        let all = self.usable.values().flat_map(|points| &points.0);
        all.filter(|(_, it)| it.name == point).map(|((_, seq), _)| *seq).min()
    }
}

/// Puts the mark of an entry at another time.
fn rekey<T>(marks: &mut BTreeMap<EntryInstant, T>, seq: u64, at: Stamp) -> bool {
    let found = marks.keys().find(|(_, it)| *it == seq).copied();
    let Some(value) = found.and_then(|mark| marks.remove(&mark)) else { return false };
    marks.insert((at, seq), value);
    true
}

fn seconds(impact: Stamp, started: Stamp) -> Option<u64> {
    u64::try_from((impact - started).num_seconds()).ok()
}

fn point(edge: &Transition, name: &str) -> Option<RecordedPoint> {
    let services = edge.figures.get("services").and_then(Value::as_array);
    let services = services.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    Some(RecordedPoint {
        started: edge.figures.get("started")?.as_str()?.parse().ok()?,
        name: edge.figures.get(name)?.as_str()?.to_owned(),
        services,
    })
}
