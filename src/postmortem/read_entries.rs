//! What the outline needs of the entries that it does not keep: read once, in the order of the timeline.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Happening, Objective, PersonId, Stamp};
use crate::timeline::{Incident, IncidentClock, Item};

use super::milestones::rows;
use super::objectives::{clock_table, reached};
use super::outline::{ExportMeta, LogHead, Outline, Participant, plans};

/// What the outline needs of the entries that it does not keep.
#[derive(Default)]
pub(super) struct ReadEntries {
    recorded: Option<Stamp>,
    /// The numbers of the entries of the shorter lists.
    pub decisions: Vec<u64>,
    pub follow_ups: Vec<u64>,
    roles: BTreeMap<PersonId, Vec<&'static str>>,
    simulated: BTreeSet<PersonId>,
}

impl ReadEntries {
    /// Takes in the next item, in the order of the timeline.
    pub(super) fn add(&mut self, item: &Item) {
        let (entry, by) = (&item.entry, &item.entry.by);
        self.recorded = self.recorded.max(Some(entry.ts));
        if by.simulated {
            self.simulated.insert(by.person.clone());
        }
        match &entry.happening {
            Happening::Decision(_) => self.decisions.push(entry.seq),
            Happening::FollowUp(_) => self.follow_ups.push(entry.seq),
            Happening::Set(crate::model::entry::Set { commander: Some(commander), .. }) => {
                self.has_role(commander, "commander");
            }
            _ => {}
        }
        if let Some(role) = role(&entry.happening).filter(|_| !by.is_room()) {
            self.has_role(&by.person, role);
        }
    }

    fn has_role(&mut self, person: &PersonId, role: &'static str) {
        let own = self.roles.entry(person.clone()).or_default();
        if !own.contains(&role) {
            own.push(role);
        }
    }

    /// The outline without its lists of entries. Of the incident's items only those are looked at that tell of a milestone.
    pub(super) fn outline(mut self, incident: &Incident, objectives: &[Objective], meta: &ExportMeta) -> Outline {
        let clocks = &incident.clocks;
        let as_of = self.recorded.unwrap_or(incident.opened_at);
        let (rows, not_recorded) = rows(incident, objectives);
        Outline {
            drill: meta.drill.clone(),
            incident: incident.id.clone(),
            title: incident.title.clone(),
            severity: incident.severity,
            status: incident.status,
            room: meta.room.clone(),
            commander: incident.commander.clone(),
            services: incident.services.clone(),
            opened_at: incident.opened_at,
            closed_at: incident.closed_at,
            as_of,
            clocks: clock_table(clocks),
            from_detection_s: clocks.to_recovery(IncidentClock::Detection),
            from_impact_s: clocks.to_recovery(IncidentClock::Impact),
            from_decision_s: clocks.to_recovery(IncidentClock::Decision),
            rpo_s: clocks.rpo_s,
            rpo_seq: clocks.rpo_seq,
            people: self.people(incident),
            objectives: reached(incident, objectives, as_of),
            rows,
            not_recorded,
            decisions: Vec::new(),
            follow_ups: Vec::new(),
            plans: plans(incident),
            timeline: Vec::new(),
            log: LogHead { log: meta.log.clone(), seq: meta.seq, head: meta.head.clone() },
            filtered: None,
        }
    }

    fn people(&mut self, incident: &Incident) -> Vec<Participant> {
        let one = |(person, since): (&PersonId, &Stamp)| Participant {
            person: person.clone(),
            since: *since,
            roles: self.roles.remove(person).unwrap_or_default(),
            simulated: self.simulated.contains(person),
        };
        let mut people: Vec<Participant> = incident.people.iter().map(one).collect();
        people.sort_by_key(|it| (it.since, it.person.clone()));
        people
    }
}

/// What an entry makes of its author.
fn role(happening: &Happening) -> Option<&'static str> {
    Some(match happening {
        Happening::Decision(_) => "decided",
        Happening::Note(_) => "wrote notes",
        Happening::Proposed(_) => "proposed",
        Happening::Approved(_) => "approved",
        Happening::Rejected(_) => "rejected",
        _ => return None,
    })
}
