//! `Story::apply`: one entry at a time, in order of sequence. The same entries always give the same story.

use std::collections::BTreeMap;

use crate::model::entry::{Amend, Marked, Opened, Pin, Set};
use crate::model::{EdgeKind, Entry, Happening, IncidentId, IncidentStatus, SafeText, Stamp};

use super::clocks::counts;
use super::incident::{Incident, Item, MOST_ANOMALIES, Marking, Story};
use super::instants::{Clocks, Stated};
use super::memory::{Index, edge_of};
use super::words::{own_text, plan_head};

impl Story {
    /// Folds in the next entry. What does not fit the state is ignored and listed in `anomalies`; nothing is ever lost from
    /// an incident's items.
    pub fn apply(&mut self, entry: &Entry) {
        self.entries += 1;
        if let Happening::Opened(opened) = &entry.happening {
            self.open(entry, opened);
            return;
        }
        let place = entry.incident.as_ref().and_then(|id| self.position(id));
        match &entry.happening {
            Happening::Edge(edge) => {
                let open = self.current().is_some();
                self.memory.firings.edge(edge, entry.seq, open);
                // The firing that an incident met stays that one's, however often it is told again after the closing.
                let met = edge.edge == EdgeKind::AlertFiring && self.memory.firings.met(edge);
                self.memory.edge(entry, edge, place.is_none() && !met);
            }
            Happening::Folded(folded) => self.memory.firings.folded(folded),
            _ => {}
        }
        match (place, &entry.incident) {
            (Some(place), _) => self.within(place, entry),
            (None, Some(id)) if edge_of(entry).is_none() => {
                self.anomaly(entry.seq, format!("it names incident {id}, which was never opened"));
            }
            _ => {}
        }
    }

    fn position(&self, id: &IncidentId) -> Option<usize> {
        self.incidents.iter().rposition(|incident| incident.id == *id)
    }

    fn anomaly(&mut self, seq: u64, why: impl AsRef<str>) {
        if self.anomalies.len() >= MOST_ANOMALIES {
            self.anomalies.remove(0);
        }
        self.anomalies.push((seq, SafeText::new(why.as_ref())));
    }

    fn open(&mut self, entry: &Entry, opened: &Opened) {
        if self.position(&opened.incident).is_some() {
            self.anomaly(entry.seq, format!("incident {} was opened before", opened.incident));
            return;
        }
        if let Some(open) = self.current().map(|incident| incident.id.clone()) {
            self.anomaly(entry.seq, format!("{} was opened while {open} is open", opened.incident));
        }
        self.incidents.push(Incident {
            id: opened.incident.clone(),
            title: entry.text.clone().unwrap_or_default(),
            severity: opened.severity,
            status: IncidentStatus::Detected,
            commander: None,
            people: BTreeMap::new(),
            opened_at: entry.ts,
            closed_at: None,
            after: self.memory.closed_at,
            clocks: Clocks::default(),
            items: Vec::new(),
            plans: super::Plans::default(),
            redactions: super::Redactions::default(),
            services: Vec::new(),
        });
        self.memory.index.insert(opened.incident.clone(), Index::default());
        let place = self.incidents.len() - 1;
        let adopted = self.memory.adopted(entry.ts.min(entry.observed_at()));
        for early in &adopted {
            self.insert(place, early);
        }
        self.memory.forget_adopted(&adopted);
        self.memory.firings.meet();
        self.within(place, entry);
    }

    /// An entry of an incident: what it changes, then its place among the items.
    fn within(&mut self, place: usize, entry: &Entry) {
        let incident = &mut self.incidents[place];
        if !entry.by.is_room() {
            incident.people.entry(entry.by.person.clone()).or_insert(entry.ts);
        }
        if let Err(anomaly) = incident.plans.apply(entry) {
            self.anomaly(entry.seq, anomaly.why);
        }
        let redaction = self.incidents[place].redactions.apply(entry);
        match &entry.happening {
            Happening::Set(set) => self.set(place, entry, set),
            Happening::Closed(_) => {
                self.incidents[place].status = IncidentStatus::Closed;
                self.close(place, entry.ts);
            }
            Happening::Pin(Pin { seq, pinned }) => {
                let pinned = *pinned;
                self.change(place, entry.seq, *seq, |item| item.pinned = pinned);
            }
            Happening::Marked(marked) => self.mark(place, entry, marked),
            Happening::Amend(amend) => self.amend(place, entry, amend),
            Happening::Redact(redact) if redaction.is_ok() => self.remove_text(place, entry.seq, redact.seq),
            _ => {}
        }
        if let Err(why) = redaction {
            self.anomaly(entry.seq, why);
        }
        self.insert(place, entry);
    }

    fn set(&mut self, place: usize, entry: &Entry, set: &Set) {
        let incident = &mut self.incidents[place];
        if let Some(title) = entry.text.as_ref().filter(|title| !title.is_empty()) {
            incident.title = title.clone();
        }
        if let Some(severity) = set.severity {
            incident.severity = severity;
        }
        if let Some(status) = set.status {
            incident.status = status;
            match status {
                IncidentStatus::Closed => self.close(place, entry.ts),
                _ => incident.closed_at = None,
            }
        }
        let incident = &mut self.incidents[place];
        if let Some(commander) = &set.commander {
            incident.commander = Some(commander.clone());
            incident.people.entry(commander.clone()).or_insert(entry.ts);
        }
    }

    /// From now on, what fires was met by this incident, and what happened belongs to it.
    fn close(&mut self, place: usize, at: Stamp) {
        let incident = &mut self.incidents[place];
        let closed = *incident.closed_at.get_or_insert(at);
        self.memory.closed_at = self.memory.closed_at.max(Some(closed));
        self.memory.firings.meet();
    }

    /// Puts an entry among the items.
    fn insert(&mut self, place: usize, entry: &Entry) {
        let incident = &mut self.incidents[place];
        let Some(index) = self.memory.index.get_mut(&incident.id) else { return };
        let at = entry.observed_at();
        if let Some(service) = service(entry)
            && !incident.services.contains(&service)
        {
            incident.services.push(service);
        }
        let placed = placed(entry, at);
        let (text, amended_by, marks) = (own_text(entry), Vec::new(), Vec::new());
        let item = Item { entry: entry.clone(), at, placed, text, amended_by, redacted_by: None, pinned: false, marks };
        put(&mut incident.items, item);
        if counts(entry) && incident.is_own(entry) {
            index.keeper.add(entry, entry.incident.as_ref() == Some(&incident.id));
            incident.clocks = index.keeper.clocks();
        }
    }

    /// Changes the item of an earlier entry, or says that there is none.
    pub(super) fn change(&mut self, place: usize, by: u64, seq: u64, change: impl FnOnce(&mut Item)) {
        let incident = &mut self.incidents[place];
        match find(&incident.items, seq) {
            Some(found) => change(&mut incident.items[found]),
            None => self.anomaly(by, format!("it points at entry {seq}, which is not of this incident")),
        }
    }

    /// Marks an item as a milestone. The first who did stands until somebody takes it back.
    fn mark(&mut self, place: usize, entry: &Entry, marked: &Marked) {
        let mark = Marking { milestone: marked.milestone.clone(), by: entry.by.person.clone(), seq: entry.seq };
        let marks = marked.marked;
        self.change(place, entry.seq, marked.seq, |item| match (item.marking(&mark.milestone).is_some(), marks) {
            (false, true) => item.marks.push(mark),
            (true, false) => item.marks.retain(|it| it.milestone != mark.milestone),
            _ => {}
        });
    }

    fn amend(&mut self, place: usize, entry: &Entry, amend: &Amend) {
        let text = entry.text.clone().filter(|text| !text.is_empty());
        let by = entry.seq;
        self.change(place, by, amend.seq, |item| {
            item.amended_by.push(by);
            if let Some(text) = text {
                item.text = text;
            }
        });
        if let Some(at) = amend.at {
            self.retime(place, amend.seq, Stated { at, seq: by, by: entry.by.person.clone() });
        }
    }

    /// Moves an item to the time that a person states, and with it what people state of the clocks.
    fn retime(&mut self, place: usize, seq: u64, stated: Stated) {
        let incident = &mut self.incidents[place];
        let Some(index) = self.memory.index.get_mut(&incident.id) else { return };
        let Some(found) = find(&incident.items, seq) else { return };
        let mut item = incident.items.remove(found);
        let (was, at) = (item.at, stated.at);
        if counts(&item.entry) && incident.is_own(&item.entry) {
            index.keeper.retime(&item.entry, was, stated, item.entry.incident.as_ref() == Some(&incident.id));
            incident.clocks = index.keeper.clocks();
        }
        (item.at, item.placed) = (at, placed(&item.entry, at));
        put(&mut incident.items, item);
    }
}

/// Where an entry of this time stands: what a person wrote at the time they give, if that is earlier than it was recorded;
/// everything else where the log has it. So what was caused never stands before its cause, whatever clock a system has.
fn placed(entry: &Entry, at: Stamp) -> Stamp {
    match &entry.happening {
        Happening::Note(_) | Happening::Decision(_) | Happening::FollowUp(_) => at.min(entry.ts),
        _ => entry.ts,
    }
}

/// In the order of the log; nearly always at the end. What was moved stands after what was recorded by then, and always before
/// what was recorded after it, so that what speaks of it comes later.
fn put(items: &mut Vec<Item>, item: Item) {
    let (seq, ts) = (item.entry.seq, item.entry.ts);
    let before = |it: &Item| it.entry.seq < seq && (!it.is_moved() || it.placed <= ts);
    let mut place = items.iter().rposition(before).map_or(0, |at| at + 1);
    if item.is_moved() {
        place = items[..place].iter().rposition(|it| it.placed <= item.placed).map_or(0, |at| at + 1);
    }
    items.insert(place, item);
}

/// Looked for from the end: what is spoken of is mostly new.
fn find(items: &[Item], seq: u64) -> Option<usize> {
    items.iter().rposition(|item| item.entry.seq == seq)
}

/// The service that an entry brings into the incident.
fn service(entry: &Entry) -> Option<String> {
    match &entry.happening {
        Happening::Edge(edge) if edge.edge == EdgeKind::ProbeFailing => edge.service.clone(),
        Happening::Proposed(proposed) => plan_head(proposed).map(|head| head.service),
        _ => None,
    }
}
