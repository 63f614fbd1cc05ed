//! What a filter can ask of an entry, and of a plan as one line of the timeline.

use crate::approval::{PlanRecord, PlanState, StepState};
use crate::model::filter::{Field, Fields, SEVERITIES};
use crate::model::{Happening, PlanId, Stamp};

use super::incident::{Incident, Item};
use super::sentences::sentence_of;

type ItemVisitor<'a> = &'a mut dyn FnMut(&str);

/// An item as its incident tells it: plans are known by their titles.
#[derive(Clone, Copy, Debug)]
pub struct ToldItem<'a> {
    /// Knows the plans that the item may be about.
    pub incident: &'a Incident,
    /// What the filter is asked of.
    pub item: &'a Item,
}

impl ToldItem<'_> {
    fn plan(&self) -> Option<&PlanRecord> {
        plan_of(&self.item.entry.happening).and_then(|id| self.incident.plans.by_id.get(id))
    }
}

impl Fields for ToldItem<'_> {
    fn texts(&self, each: ItemVisitor<'_>) {
        each(&sentence_of(self.incident, self.item));
        if let Happening::Transition(edge) = &self.item.entry.happening {
            each(&edge.source);
        }
        for field in [Field::Kind, Field::Name, Field::Person, Field::Service, Field::State] {
            self.values(field, each);
        }
    }

    fn values(&self, field: Field, each: ItemVisitor<'_>) {
        let entry = &self.item.entry;
        match (field, &entry.happening) {
            (Field::Person, happening) => {
                each(entry.by.person.as_str());
                match happening {
                    Happening::FollowUp(it) => it.owner.iter().for_each(|owner| each(owner.as_str())),
                    Happening::Set(it) => it.commander.iter().for_each(|person| each(person.as_str())),
                    _ => {}
                }
            }
            (Field::Kind, happening) => {
                each(happening.kind());
                match happening {
                    Happening::Transition(edge) => each(edge.edge.as_str()),
                    Happening::Folded(folded) => each(folded.edge.as_str()),
                    _ => {}
                }
            }
            (Field::State, happening) => {
                if self.item.pinned {
                    each("pinned");
                }
                if !self.item.amended_by.is_empty() {
                    each("amended");
                }
                self.item.marks.iter().for_each(|mark| each(mark.milestone.name()));
                match happening {
                    Happening::Set(it) => it.status.iter().for_each(|status| each(status.name())),
                    Happening::PlanEnded(it) => each(it.outcome.name()),
                    _ => {}
                }
            }
            (Field::Name, Happening::Transition(edge)) => each(edge.subject.as_str()),
            (Field::Source, Happening::Transition(edge)) => each(&edge.source),
            (Field::Source, Happening::SilenceBegun(it)) => each(&it.instance.to_string()),
            (Field::Source, _) if entry.by.is_room() => each("room"),
            (Field::Service, Happening::Transition(edge)) => edge.service.iter().for_each(|service| each(service)),
            (Field::Service, _) => self.plan().iter().for_each(|record| each(&record.plan.service)),
            _ => {}
        }
    }

    fn severity(&self) -> &'static str {
        match &self.item.entry.happening {
            Happening::Transition(edge) => {
                SEVERITIES.into_iter().find(|known| *known == edge.verdict).unwrap_or("info")
            }
            _ => "info",
        }
    }

    fn at(&self) -> Option<Stamp> {
        Some(self.item.at)
    }

    fn seen(&self) -> Option<Stamp> {
        Some(self.item.entry.ts)
    }
}

/// The plan that an entry is about.
fn plan_of(happening: &Happening) -> Option<&PlanId> {
    Some(match happening {
        Happening::Approved(it) => &it.plan,
        Happening::Rejected(it) => &it.plan,
        Happening::Withdrawn(it) => &it.plan,
        Happening::Expired(it) => &it.plan,
        Happening::Executing(it) => &it.plan,
        Happening::Held(it) => &it.plan,
        Happening::StepStarted(it) => &it.plan,
        Happening::StepDone(it) => &it.0.plan,
        Happening::StepFailed(it) => &it.0.plan,
        Happening::StepUnknown(it) => &it.0.plan,
        Happening::PlanEnded(it) => &it.plan,
        Happening::Reconciled(it) => &it.plan,
        _ => return None,
    })
}

/// When a plan stands in the timeline: when it last asked something of the room.
pub fn plan_at(record: &PlanRecord) -> Stamp {
    match record.state {
        PlanState::Proposed => record.proposed_at,
        _ => record.approvals.iter().map(|approval| approval.at).max().unwrap_or(record.changed_at),
    }
}

/// The entry by which a plan last asked something of the room: there it stands.
pub fn plan_seq(record: &PlanRecord) -> u64 {
    match record.state {
        PlanState::Proposed => record.proposed_seq,
        _ => {
            let approved = record.approvals.iter().map(|approval| approval.seq).max();
            approved.or(record.seqs.last().copied()).unwrap_or(record.proposed_seq)
        }
    }
}

fn state_word(state: PlanState) -> &'static str {
    match state {
        PlanState::Proposed => "proposed",
        PlanState::Approved => "approved",
        PlanState::Executing => "executing",
        PlanState::Succeeded => "succeeded",
        PlanState::Failed => "failed",
        PlanState::Stopped => "stopped",
        PlanState::Interrupted => "interrupted",
        PlanState::Rejected => "rejected",
        PlanState::Withdrawn => "withdrawn",
        PlanState::Expired => "expired",
        PlanState::Superseded => "superseded",
    }
}

/// All entries of a plan as one.
impl Fields for PlanRecord {
    fn texts(&self, each: ItemVisitor<'_>) {
        each(&self.plan.title);
        each(self.says.as_str());
        each(&self.digest.spoken());
        for step in &self.steps {
            if let StepState::Done { says, .. } | StepState::Failed { says, .. } | StepState::Unknown { says, .. } =
                step
            {
                each(says.as_str());
            }
        }
        for field in [Field::Kind, Field::Name, Field::Person, Field::Service, Field::State] {
            self.values(field, each);
        }
    }

    fn values(&self, field: Field, each: ItemVisitor<'_>) {
        match field {
            Field::Kind => {
                each("plan");
                each(self.plan.action.name());
            }
            Field::Name => each(&self.plan.confirm),
            Field::Person => {
                each(self.by.person.as_str());
                self.approvals.iter().for_each(|approval| each(approval.by.person.as_str()));
            }
            Field::Service => each(&self.plan.service),
            Field::State => each(state_word(self.state)),
            _ => {}
        }
    }

    fn severity(&self) -> &'static str {
        match self.state {
            PlanState::Proposed | PlanState::Approved | PlanState::Executing => "warning",
            PlanState::Succeeded => "ok",
            PlanState::Failed | PlanState::Interrupted => "critical",
            _ => "info",
        }
    }

    fn at(&self) -> Option<Stamp> {
        Some(plan_at(self))
    }
}
