//! Milestones: the few rows that tell the incident. Each is an observed change, a plan that ended well, or an entry that a
//! person marked as it; nothing is read out of anybody's words. What has no such proof has no row, and the export says so.

use serde::Serialize;

use crate::model::entry::{Reconciliation, Transition};
use crate::model::{Entry, Happening, Milestone, Objective, PersonId, SafeText, Stamp, TransitionKind};
use crate::timeline::{Incident, Item, Marking, PlanRecord, PlanState, plan_of, sentence_of};

/// What a row rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The room saw it.
    Observed,
    /// A plan ended, with its effect seen.
    Plan,
    /// A person did just that, in an entry of its own: opened the incident, decided, confirmed a plan.
    Recorded,
    /// A person marked an entry as it.
    Marked,
}

/// An entry that a person marked as a milestone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarkLine {
    /// The entry that is marked, and when it happened.
    pub seq: u64,
    /// When it happened, as people state it where they do; of several marks the earliest comes first.
    pub at: Stamp,
    /// Seconds from detection to `at`, negative before it.
    pub t_s: i64,
    /// What the marked entry says, in a sentence.
    pub action: SafeText,
    /// Who marked it, by which entry.
    pub by: PersonId,
    /// The entry that marks it: `seq` itself, if it was marked when it was written.
    pub marked_seq: u64,
}

/// One row of the short story.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MilestoneRow {
    /// Seconds from detection.
    pub t_s: i64,
    /// The clock's instant, or as measured; if it is only marked, when the marked entry happened.
    pub at: Stamp,
    /// `detected`, `confirmed`, `decided`, `traffic_switched`, `gitops_confirmed`, `restored`, `recovered`.
    pub event: &'static str,
    /// What happened, in words.
    pub action: SafeText,
    /// Who did it: persons joined by `+`, or `room` for what was only observed.
    pub actor: String,
    /// Nobody did it: the room saw it.
    pub auto: bool,
    /// The strongest there is: what is observed, recorded or done by a plan goes before what is marked.
    pub basis: Basis,
    /// The entries that prove it, the observed one first.
    pub seqs: Vec<u64>,
    /// Every entry that a person marked as this milestone. What was observed stands, whatever is marked.
    pub marks: Vec<MarkLine>,
}

impl MilestoneRow {
    /// Who, as the tables say it.
    pub(super) fn who(&self) -> String {
        match (self.basis, self.marks.first()) {
            (Basis::Marked, Some(mark)) if self.actor == mark.by.as_str() => format!("marked by {}", mark.by),
            (Basis::Marked, Some(mark)) => format!("{}, marked by {}", self.actor, mark.by),
            _ if self.auto => "seen by the room".to_owned(),
            _ => self.actor.clone(),
        }
    }

    /// What else is marked as it: beside what was observed, or later than the entry that counts.
    pub(super) fn other_marks(&self) -> &[MarkLine] {
        let counts = usize::from(self.basis == Basis::Marked);
        self.marks.get(counts..).unwrap_or_default()
    }

    /// The milestone in words.
    pub(super) fn name(&self) -> String {
        self.event.replace('_', " ")
    }
}

/// What the rows are found by.
struct MilestoneInput<'a> {
    incident: &'a Incident,
    objectives: Vec<&'a Objective>,
    base: Stamp,
}

/// The rows in order of their time, and the milestones for which there is nothing.
pub(super) fn rows(incident: &Incident, objectives: &[Objective]) -> (Vec<MilestoneRow>, Vec<&'static str>) {
    let affected: Vec<&Objective> = objectives.iter().filter(|it| incident.services.contains(&it.service)).collect();
    let objectives = if affected.is_empty() { objectives.iter().collect() } else { affected };
    let story = MilestoneInput { incident, objectives, base: incident.zero() };
    let found = Milestone::ALL.map(|milestone| story.milestone(&milestone));
    let missing = Milestone::ALL.iter().zip(&found).filter(|(_, row)| row.is_none());
    let missing = missing.map(|(milestone, _)| milestone.word()).collect();
    let mut rows: Vec<MilestoneRow> = found.into_iter().flatten().collect();
    rows.sort_by_key(|row| row.at);
    (rows, missing)
}

/// Whether a row may rest on an item, or may name it; of plans, the last entry tells too.
pub(super) fn is_told_by(incident: &Incident, item: &Item) -> bool {
    let clocks = &incident.clocks;
    let kinds = [TransitionKind::TrafficMoved, TransitionKind::GitopsParity, TransitionKind::RestoreCompleted];
    let seen = matches!(&item.entry.happening, Happening::Transition(edge) if kinds.contains(&edge.edge));
    let clocks = [clocks.detection, clocks.decision, clocks.recovery];
    seen || !item.marks.is_empty() || clocks.into_iter().flatten().any(|(_, seq)| seq == item.entry.seq)
}

fn transition<'a>(entry: &'a Entry, kind: &TransitionKind) -> Option<&'a Transition> {
    match &entry.happening {
        Happening::Transition(edge) if edge.edge == *kind => Some(edge),
        _ => None,
    }
}

/// Whether its effect is known to be there: it was seen by the plan itself, or found by reading after an interruption.
fn ended_well(plan: &PlanRecord) -> bool {
    plan.state == PlanState::Succeeded || plan.reconciled == Some(Reconciliation::Applied)
}

impl MilestoneInput<'_> {
    fn milestone(&self, milestone: &Milestone) -> Option<MilestoneRow> {
        let clocks = &self.incident.clocks;
        let proven = match milestone {
            Milestone::Detected => self.clock(milestone, clocks.detection),
            Milestone::Decided => self.clock(milestone, clocks.decision),
            Milestone::Recovered => self.clock(milestone, clocks.recovery),
            Milestone::TrafficSwitched => self.traffic_switched(),
            Milestone::GitopsConfirmed => self.gitops_confirmed(),
            Milestone::Restored => self.restored(),
            // Nothing that a machine sees, and no wording of a note, says that somebody has understood what it is.
            Milestone::Confirmed | Milestone::Unknown(_) => None,
        };
        let marks = self.marks(milestone);
        let row = proven.or_else(|| self.marked(milestone, marks.first()?))?;
        Some(MilestoneRow { marks, ..row })
    }

    fn row(&self, milestone: &Milestone, item: &Item, at: Stamp) -> MilestoneRow {
        let by = &item.entry.by;
        MilestoneRow {
            t_s: (at - self.base).num_seconds(),
            at,
            event: milestone.word(),
            action: SafeText::new(&sentence_of(self.incident, item)),
            actor: by.person.to_string(),
            auto: by.is_room(),
            basis: if by.is_room() { Basis::Observed } else { Basis::Recorded },
            seqs: vec![item.entry.seq],
            marks: Vec::new(),
        }
    }

    /// Everything that people marked as a milestone, in order of time.
    fn marks(&self, milestone: &Milestone) -> Vec<MarkLine> {
        let of = |item: &Item, mark: &Marking| MarkLine {
            seq: item.entry.seq,
            at: item.at,
            t_s: (item.at - self.base).num_seconds(),
            action: SafeText::new(&sentence_of(self.incident, item)),
            by: mark.by.clone(),
            marked_seq: mark.seq,
        };
        let items = self.incident.items.iter();
        let all = items.flat_map(|item| item.marks.iter().map(move |mark| (item, mark)));
        let own = all.filter(|(_, mark)| mark.milestone == *milestone);
        let mut marks: Vec<MarkLine> = own.map(|(item, mark)| of(item, mark)).collect();
        marks.sort_by_key(|mark| (mark.at, mark.seq));
        marks
    }

    fn marked(&self, milestone: &Milestone, mark: &MarkLine) -> Option<MilestoneRow> {
        let mut row = self.row(milestone, self.incident.item(mark.seq)?, mark.at);
        (row.auto, row.basis) = (false, Basis::Marked);
        row.seqs.extend(Some(mark.marked_seq).filter(|seq| *seq != mark.seq));
        Some(row)
    }

    /// The item of a clock, at the clock's own instant.
    fn clock(&self, milestone: &Milestone, mark: Option<(Stamp, u64)>) -> Option<MilestoneRow> {
        let (at, seq) = mark?;
        Some(self.row(milestone, self.incident.item(seq)?, at))
    }

    /// The first item from an instant on of which something is so, by the times that were measured.
    fn first(&self, from: Stamp, is: impl Fn(&Item) -> bool) -> Option<&Item> {
        let own = |item: &&Item| item.entry.measured_at() >= from && self.incident.is_own(&item.entry) && is(item);
        self.incident.items.iter().filter(own).min_by_key(|item| (item.entry.measured_at(), item.entry.seq))
    }

    fn decision(&self) -> Stamp {
        self.incident.clocks.decision.map_or(self.base, |(at, _)| at)
    }

    fn is_dr(&self, site: &str) -> bool {
        self.objectives.is_empty()
            || self
                .objectives
                .iter()
                .any(|it| it.has_dr(site) || it.hosts.iter().any(|host| host.dr_of(site).is_some()))
    }

    /// All answers came from the other side: seen, whoever did it.
    fn traffic_switched(&self) -> Option<MilestoneRow> {
        let moved = self.first(self.base, |item| {
            transition(&item.entry, &TransitionKind::TrafficMoved).is_some_and(|edge| {
                edge.figures.get("to").and_then(serde_json::Value::as_str).is_some_and(|to| self.is_dr(to))
            })
        })?;
        let row = self.row(&Milestone::TrafficSwitched, moved, moved.entry.measured_at());
        Some(self.with_persons(row, moved))
    }

    fn gitops_confirmed(&self) -> Option<MilestoneRow> {
        let parity = self.first(self.decision(), |item| {
            transition(&item.entry, &TransitionKind::GitopsParity).is_some_and(|edge| self.is_dr(edge.subject.as_str()))
        })?;
        Some(self.row(&Milestone::GitopsConfirmed, parity, parity.entry.measured_at()))
    }

    /// A restore of what the incident is about was seen to complete; else a restore plan that ended well says so.
    fn restored(&self) -> Option<MilestoneRow> {
        let completed = self.first(self.base, |item| {
            transition(&item.entry, &TransitionKind::RestoreCompleted).is_some_and(|edge| self.restores(item, edge))
        });
        if let Some(item) = completed {
            let row = self.row(&Milestone::Restored, item, item.entry.measured_at());
            return Some(self.with_persons(row, item));
        }
        let plans = self.incident.plans.by_id.values();
        let own = plans.filter(|it| it.plan.action.milestone() == Milestone::Restored && ended_well(it));
        let plan = own.max_by_key(|it| it.proposed_at)?;
        let ended = self.incident.item(*plan.seqs.last()?)?;
        let mut row = self.row(&Milestone::Restored, ended, ended.entry.measured_at());
        (row.action, row.basis) = (SafeText::new(&plan.plan.title), Basis::Plan);
        Some(by_plan(row, plan))
    }

    /// Whether a completed restore is one of this incident: of its plan or of its service, and not of nothing at all.
    fn restores(&self, item: &Item, edge: &Transition) -> bool {
        let figure = |name: &str| edge.figures.get(name).and_then(serde_json::Value::as_u64);
        // Velero counts an item that exists already too, skips it and warns: with as many warnings nothing came back.
        let nothing = figure("items").is_some_and(|items| items <= figure("warnings").unwrap_or(0));
        let own = match edge.figures.get("plan_digest").and_then(serde_json::Value::as_str) {
            // What a plan of another incident did ends here perhaps, and is not this one's.
            Some(_) => plan_of(self.incident, item).is_some(),
            None => edge.service.as_ref().is_some_and(|service| self.incident.services.contains(service)),
        };
        own && !nothing
    }

    /// Names the persons whose plan brought an observed change about, however that plan ended.
    fn with_persons(&self, row: MilestoneRow, item: &Item) -> MilestoneRow {
        match plan_of(self.incident, item).filter(|plan| plan.plan.action.milestone().word() == row.event) {
            Some(plan) => by_plan(row, plan),
            None => row,
        }
    }
}

/// A row that is the doing of a plan's persons.
fn by_plan(mut row: MilestoneRow, plan: &PlanRecord) -> MilestoneRow {
    let mut persons = vec![plan.by.person.to_string()];
    persons.extend(plan.approvals.iter().map(|it| it.by.person.to_string()));
    persons.dedup();
    row.actor = persons.join("+");
    row.auto = false;
    row.seqs.extend(plan.seqs.iter().copied().filter(|seq| !row.seqs.contains(seq)).collect::<Vec<_>>());
    row
}
