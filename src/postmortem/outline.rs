//! The outline: everything the export says, as values.

use serde::Serialize;

use crate::model::{Happening, IncidentId, IncidentStatus, Milestone, Objective, PersonId, SafeText, Severity, Stamp};
use crate::timeline::{Incident, Item, PlanRecord, StepState, sentence_of};

use super::entry_notes::Removal;
use super::filtered::Filtered;
use super::milestones::MilestoneRow;
use super::objectives::{ClockTable, Reached};
use super::read_entries::ReadEntries;

/// Where the log stood when it was exported.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogHead {
    /// Id of the log.
    pub log: String,
    /// Number of the log's newest entry, which may be of another incident.
    pub seq: u64,
    /// The hash of entry `seq`, 64 hex digits.
    pub head: String,
}

/// What the export knows beside the incident. No clock: the same log gives the same export.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportMeta {
    /// The room's own name, from its configuration.
    pub room: String,
    /// Id of the log.
    pub log: String,
    /// Scenario and seed, if this is a drill.
    pub drill: Option<String>,
    /// The last entry of the log, and its hash in 64 hex digits.
    pub seq: u64,
    /// 64 hex digits; compared with what `warroom verify --expect-head` is given.
    pub head: String,
}

/// Someone who was there, with what the log says they did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Participant {
    pub person: PersonId,
    pub since: Stamp,
    /// `commander`, `proposed`, `approved`, `decided`, …: from entries alone.
    pub roles: Vec<&'static str>,
    pub simulated: bool,
}

/// What an entry is marked as, by whom, in which entry.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarkedAs {
    pub milestone: Milestone,
    pub by: PersonId,
    pub seq: u64,
}

/// An entry as the export shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExportEntry {
    /// Its number in the log: one incident's numbers have gaps where others were written.
    pub seq: u64,
    /// When it happened, as people state it where they do.
    pub at: Stamp,
    /// When the room itself knows it to have happened.
    pub measured_at: Stamp,
    /// When it was recorded.
    pub recorded_at: Stamp,
    /// Where it stands: when it was recorded, or the earlier time that a person gave what they wrote.
    pub placed_at: Stamp,
    /// Seconds from detection to there.
    pub t_s: i64,
    /// Its author; `room` for what nobody did.
    pub by: PersonId,
    /// How surely the author was known: `drill`, `account`, `session`, `key` or `touch`.
    pub level: &'static str,
    /// The program played its author, as a drill's partner.
    pub simulated: bool,
    /// The log's own word: `transition`, `note`, `step_done`.
    pub kind: String,
    /// Which transition it is: `traffic.moved`; `None` for every other kind.
    pub edge: Option<String>,
    /// The timeline's sentence of it, with the words as they were last amended.
    pub text: SafeText,
    /// Entries that re-timed or amended it; they are in this list too.
    pub amended_by: Vec<u64>,
    /// What it said before it was amended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<SafeText>,
    /// Its text was removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removal>,
    /// Somebody pinned it, and nobody took the pin off since.
    pub pinned: bool,
    /// The milestones that it is marked as.
    pub marked: Vec<MarkedAs>,
    /// Recorded before the incident was opened, and counted in because it belongs to its beginning.
    pub adopted: bool,
    /// Whom a follow-up is for; `None` if nobody was named, and for every other kind.
    pub owner: Option<PersonId>,
    /// The entry's own hash in the log, 64 hex digits.
    pub hash: String,
}

impl ExportEntry {
    /// Whether people put it at another time than the room observed. What is stated and recorded by the same person needs no
    /// second time: that of the record stands beside it anyway.
    pub(super) fn is_moved(&self) -> bool {
        let differs = |at: Stamp| self.measured_at.timestamp() != at.timestamp();
        differs(self.at) && differs(self.recorded_at)
    }
}

/// A step with its outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepLine {
    pub id: String,
    pub effect: SafeText,
    pub state: &'static str,
    pub at: Option<Stamp>,
    pub says: SafeText,
}

/// A line of a plan's table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ShownLine {
    pub what: SafeText,
    pub now: SafeText,
    pub after: SafeText,
}

/// Someone who approved.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approver {
    pub person: PersonId,
    pub level: &'static str,
    pub simulated: bool,
    pub at: Stamp,
    pub seq: u64,
}

/// A plan with its digest, its persons and its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanLine {
    pub plan: String,
    pub title: SafeText,
    pub action: &'static str,
    pub digest: String,
    pub code: String,
    pub proposed_by: PersonId,
    pub proposed_at: Stamp,
    /// What its readers were shown: what it was, what it would be.
    pub shown: Vec<ShownLine>,
    pub warnings: Vec<SafeText>,
    pub approvers: Vec<Approver>,
    pub state: String,
    pub says: SafeText,
    pub steps: Vec<StepLine>,
    pub seqs: Vec<u64>,
}

/// The whole export.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outline {
    /// What kind of drill, or null for a real incident.
    pub drill: Option<String>,
    /// The one that everything here is of; other incidents of the log are left out.
    pub incident: IncidentId,
    /// As it was last set.
    pub title: SafeText,
    /// As it was last set, not the worst that it had.
    pub severity: Severity,
    /// At the last entry: an export may be made while the incident lasts.
    pub status: IncidentStatus,
    /// The room's own name, from its configuration.
    pub room: String,
    /// Who led last; `None` if nobody ever took command.
    pub commander: Option<PersonId>,
    /// Those whose probes failed or that plans acted on, in order of appearance.
    pub services: Vec<String>,
    /// When it was recorded as opened; what adopted entries tell of is earlier.
    pub opened_at: Stamp,
    /// `None` while it is open.
    pub closed_at: Option<Stamp>,
    /// When the last entry of the incident was recorded: the export knows nothing later.
    pub as_of: Stamp,
    /// What was measured, and beside it what people state.
    pub clocks: ClockTable,
    /// To the recovery, as measured.
    pub from_detection_s: Option<u64>,
    /// Seconds; `None` without an impact or a recovery, or if the recovery was before.
    pub from_impact_s: Option<u64>,
    /// Seconds; `None` without a decision or a recovery, or if the recovery was before.
    pub from_decision_s: Option<u64>,
    /// Seconds of writes lost, as measured: from the newest usable restore point before the impact to the impact.
    pub rpo_s: Option<u64>,
    /// The entry that told of that restore point; `None` exactly where `rpo_s` is.
    pub rpo_seq: Option<u64>,
    /// Everyone who wrote or was given command, the first one seen first; the room is not among them.
    pub people: Vec<Participant>,
    /// Those of `services`; the room's only objective also where none of them is named.
    pub objectives: Vec<Reached>,
    /// The milestones that have a proof or a mark, in order of time.
    pub rows: Vec<MilestoneRow>,
    /// Milestones for which nothing was observed, ended or marked.
    pub not_recorded: Vec<&'static str>,
    /// Entries of the kind `decision` alone: a confirmed plan is among `plans`.
    pub decisions: Vec<ExportEntry>,
    /// Entries of the kind `follow_up`, whether they have an owner or not.
    pub follow_ups: Vec<ExportEntry>,
    /// By when they were proposed, whatever became of them.
    pub plans: Vec<PlanLine>,
    /// Every entry of the incident in the order it is shown, less those that a filter left out.
    pub timeline: Vec<ExportEntry>,
    /// Where the log stood: with it anybody can compare this export with the log.
    pub log: LogHead,
    /// What was left out, if anything was: then this is not the whole log, and every format must say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filtered: Option<Filtered>,
}

/// Builds the outline of an incident, open or closed, of which every item is kept.
pub fn outline(incident: &Incident, objectives: &[Objective], meta: &ExportMeta) -> Outline {
    let mut read = ReadEntries::default();
    incident.items.iter().for_each(|item| read.add(item));
    let timeline: Vec<ExportEntry> = incident.items.iter().map(|item| event(incident, item)).collect();
    let of_kind = |kind: &str| timeline.iter().filter(|event| event.kind == kind).cloned().collect();
    Outline {
        decisions: of_kind("decision"),
        follow_ups: of_kind("follow_up"),
        timeline,
        ..read.outline(incident, objectives, meta)
    }
}

fn level(actor: &crate::model::Actor) -> &'static str {
    use crate::model::Level;
    match actor.level {
        Level::Drill => "drill",
        Level::Account => "account",
        Level::Session => "session",
        Level::Key => "key",
        Level::Touch => "touch",
    }
}

/// An item as the export shows it.
pub(super) fn event(incident: &Incident, item: &Item) -> ExportEntry {
    let entry = &item.entry;
    let base = incident.zero();
    ExportEntry {
        seq: entry.seq,
        at: item.at,
        measured_at: entry.measured_at(),
        recorded_at: entry.ts,
        placed_at: item.placed,
        t_s: (item.placed - base).num_seconds(),
        by: entry.by.person.clone(),
        level: level(&entry.by),
        simulated: entry.by.simulated,
        kind: entry.happening.kind().to_owned(),
        edge: match &entry.happening {
            Happening::Transition(edge) => Some(edge.edge.to_string()),
            _ => None,
        },
        text: SafeText::new(&sentence_of(incident, item)),
        amended_by: item.amended_by.clone(),
        original: item.original().cloned(),
        removed: Removal::of(incident, item),
        pinned: item.pinned,
        marked: item
            .marks
            .iter()
            .map(|mark| MarkedAs { milestone: mark.milestone.clone(), by: mark.by.clone(), seq: mark.seq })
            .collect(),
        adopted: incident.is_adopted(item),
        owner: match &entry.happening {
            Happening::FollowUp(follow_up) => follow_up.owner.clone(),
            _ => None,
        },
        hash: entry.hash.hex(),
    }
}

pub(super) fn plans(incident: &Incident) -> Vec<PlanLine> {
    let mut plans: Vec<PlanLine> = incident.plans.by_id.values().map(plan).collect();
    plans.sort_by_key(|plan| (plan.proposed_at, plan.plan.clone()));
    plans
}

fn plan(record: &PlanRecord) -> PlanLine {
    // The state's own word: the one that the log and the screens use.
    let state = serde_json::to_value(record.state).ok().and_then(|value| value.as_str().map(str::to_owned));
    PlanLine {
        plan: record.plan.plan.to_string(),
        title: SafeText::new(&record.plan.title),
        action: record.plan.action.name(),
        digest: record.digest.to_string(),
        code: record.digest.spoken(),
        proposed_by: record.by.person.clone(),
        proposed_at: record.proposed_at,
        shown: record.plan.shown.iter().map(shown_line).collect(),
        warnings: record.plan.warnings.iter().map(|text| SafeText::new(text)).collect(),
        approvers: record
            .approvals
            .iter()
            .map(|approval| Approver {
                person: approval.by.person.clone(),
                level: level(&approval.by),
                simulated: approval.by.simulated,
                at: approval.at,
                seq: approval.seq,
            })
            .collect(),
        state: state.unwrap_or_default(),
        says: record.says.clone(),
        steps: record.plan.steps.iter().enumerate().map(|(n, step)| step_line(step, record.steps.get(n))).collect(),
        seqs: record.seqs.clone(),
    }
}

fn shown_line(row: &crate::model::plan::ShownChange) -> ShownLine {
    ShownLine { what: SafeText::new(&row.what), now: SafeText::new(&row.now), after: SafeText::new(&row.after) }
}

fn step_line(step: &crate::model::Step, state: Option<&StepState>) -> StepLine {
    let (word, at, says) = match state {
        None | Some(StepState::Waiting) => ("not started", None, SafeText::default()),
        Some(StepState::Started { at }) => ("started", Some(*at), SafeText::default()),
        Some(StepState::Done { at, says }) => ("done", Some(*at), says.clone()),
        Some(StepState::Failed { at, says }) => ("failed", Some(*at), says.clone()),
        Some(StepState::Unknown { at, says }) => ("unknown", Some(*at), says.clone()),
    };
    StepLine { id: step.id.clone(), effect: SafeText::new(&step.effect), state: word, at, says }
}
