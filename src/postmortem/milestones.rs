//! Milestones: the few rows that tell the incident, each proven by entries. What did not happen has no row.

use serde::Serialize;

use crate::model::entry::Edge;
use crate::model::{Action, EdgeKind, Entry, Happening, Objective, SafeText, Stamp};
use crate::timeline::{Incident, Item, PlanRecord, PlanState, plan_of, sentence_of};

/// One row of the short story.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Seconds from detection.
    pub t_s: i64,
    pub at: Stamp,
    /// `detected`, `confirmed`, `decided`, `traffic_switched`, `gitops_confirmed`, `restored`, `recovered`.
    pub event: &'static str,
    /// What happened, in words.
    pub action: SafeText,
    /// Who did it: persons joined by `+`, or `room` for what was only observed.
    pub actor: String,
    /// Nobody did it: the room saw it.
    pub auto: bool,
    /// The entries that prove it, the observed one first.
    pub seqs: Vec<u64>,
}

/// What the rows are found by.
struct Story<'a> {
    incident: &'a Incident,
    objectives: Vec<&'a Objective>,
    base: Stamp,
}

/// The rows, in order of their time.
pub(super) fn rows(incident: &Incident, objectives: &[Objective]) -> Vec<Row> {
    let base = incident.clocks.detection.map_or(incident.opened_at, |(at, _)| at);
    let affected: Vec<&Objective> = objectives.iter().filter(|it| incident.services.contains(&it.service)).collect();
    let objectives = if affected.is_empty() { objectives.iter().collect() } else { affected };
    let story = Story { incident, objectives, base };
    let found = [
        story.detected(),
        story.confirmed(),
        story.decided(),
        story.traffic_switched(),
        story.gitops_confirmed(),
        story.restored(),
        story.recovered(),
    ];
    let mut rows: Vec<Row> = found.into_iter().flatten().collect();
    rows.sort_by_key(|row| row.at);
    rows
}

fn edge<'a>(entry: &'a Entry, kind: &EdgeKind) -> Option<&'a crate::model::entry::Edge> {
    match &entry.happening {
        Happening::Edge(edge) if edge.edge == *kind => Some(edge),
        _ => None,
    }
}

impl Story<'_> {
    fn row(&self, event: &'static str, item: &Item, at: Stamp) -> Row {
        let by = &item.entry.by;
        Row {
            t_s: (at - self.base).num_seconds(),
            at,
            event,
            action: SafeText::new(&sentence_of(self.incident, item)),
            actor: by.person.to_string(),
            auto: by.is_room(),
            seqs: vec![item.entry.seq],
        }
    }

    /// The item of a clock, at the clock's own instant.
    fn clock(&self, event: &'static str, mark: Option<(Stamp, u64)>) -> Option<Row> {
        let (at, seq) = mark?;
        Some(self.row(event, self.incident.item(seq)?, at))
    }

    fn first(&self, from: Stamp, is: impl Fn(&Item) -> bool) -> Option<&Item> {
        let own = |item: &&Item| item.at >= from && self.incident.is_own(&item.entry) && is(item);
        self.incident.items.iter().find(own)
    }

    fn detected(&self) -> Option<Row> {
        self.clock("detected", self.incident.clocks.detection)
    }

    fn confirmed(&self) -> Option<Row> {
        let is_note = |item: &Item| matches!(item.entry.happening, Happening::Note(_)) && !item.entry.by.is_room();
        let note = self.first(self.base, is_note)?;
        Some(self.row("confirmed", note, note.at))
    }

    fn decided(&self) -> Option<Row> {
        self.clock("decided", self.incident.clocks.decision)
    }

    fn recovered(&self) -> Option<Row> {
        self.clock("recovered", self.incident.clocks.recovery)
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
    fn traffic_switched(&self) -> Option<Row> {
        let moved = self.first(self.base, |item| {
            edge(&item.entry, &EdgeKind::TrafficMoved).is_some_and(|edge| {
                edge.figures.get("to").and_then(serde_json::Value::as_str).is_none_or(|to| self.is_dr(to))
            })
        })?;
        Some(self.with_persons(self.row("traffic_switched", moved, moved.at), Action::Failover))
    }

    fn gitops_confirmed(&self) -> Option<Row> {
        let parity = self.first(self.decision(), |item| {
            edge(&item.entry, &EdgeKind::GitopsParity).is_some_and(|edge| self.is_dr(edge.subject.as_str()))
        })?;
        Some(self.row("gitops_confirmed", parity, parity.at))
    }

    /// A restore was seen to complete; else a restore plan that succeeded says so.
    fn restored(&self) -> Option<Row> {
        let own = |item: &Item, edge: &Edge| {
            // What a plan of another incident did ends here perhaps, and is not this one's.
            edge.figures.get("plan_digest").is_none() || plan_of(self.incident, item).is_some()
        };
        let completed = self
            .first(self.base, |item| edge(&item.entry, &EdgeKind::RestoreCompleted).is_some_and(|it| own(item, it)));
        if let Some(item) = completed {
            return Some(self.with_persons(self.row("restored", item, item.at), Action::Restore));
        }
        let plan = self.succeeded(Action::Restore, Stamp::MAX_UTC)?;
        let ended = *plan.seqs.last()?;
        let mut row = self.row("restored", self.incident.item(ended)?, plan.changed_at);
        row.action = SafeText::new(&plan.plan.title);
        Some(self.with_persons(row, Action::Restore))
    }

    /// The last plan of this action that was claimed before an instant and did what it should, or still does.
    fn succeeded(&self, action: Action, before: Stamp) -> Option<&PlanRecord> {
        let done = |it: &&PlanRecord| {
            it.plan.action == action
                && it.proposed_at <= before
                && matches!(it.state, PlanState::Succeeded | PlanState::Executing)
        };
        self.incident.plans.by_id.values().filter(done).max_by_key(|it| it.proposed_at)
    }

    /// Names the persons whose plan brought an observed change about.
    fn with_persons(&self, mut row: Row, action: Action) -> Row {
        let Some(plan) = self.succeeded(action, row.at) else { return row };
        let mut persons = vec![plan.by.person.to_string()];
        persons.extend(plan.approvals.iter().map(|it| it.by.person.to_string()));
        persons.dedup();
        row.actor = persons.join("+");
        row.auto = false;
        row.seqs.extend(plan.seqs.iter().copied().filter(|seq| !row.seqs.contains(seq)).collect::<Vec<_>>());
        row
    }
}
