//! `Story::apply`: one entry at a time, in order of sequence. The same entries always give the same story.

use std::collections::BTreeMap;

use crate::model::entry::{Amend, Marked, Opened, Pin, Set};
use crate::model::{Entry, Happening, IncidentId, IncidentStatus, SafeText, Stamp, TransitionKind};

use super::clock_builder::ClockBuilder;
use super::clock_inputs::counts;
use super::incident::{Incident, Item, Keep, MOST_ANOMALIES, Marking, Story};
use super::incident_clocks::{Clocks, Stated};
use super::index::{Changed, EntryIndex};
use super::pending_state::transition_of;
use super::sentences::plan_head;

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
            Happening::Transition(edge) => {
                let open = self.current().is_some();
                self.memory.firings.transition(edge, entry.seq, open);
                // The firing that an incident met stays that one's, however often it is told again after the closing.
                let met = edge.edge == TransitionKind::AlertFiring && self.memory.firings.met(edge);
                self.memory.transition(entry, edge, place.is_none() && !met);
            }
            Happening::Folded(folded) => self.memory.firings.folded(folded),
            Happening::SilenceBegun(begun) if place.is_some() => self.memory.silence_begun(&begun.request, entry.seq),
            Happening::SilenceEnded(ended) if place.is_some() => self.memory.silence_ended(&ended.request),
            _ => {}
        }
        match (place, &entry.incident) {
            (Some(place), _) => self.within(place, entry),
            (None, Some(id)) if transition_of(entry).is_none() => {
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
        if matches!(self.keep, Keep::Newest(_)) {
            self.incidents.iter_mut().for_each(|incident| incident.items = Vec::new());
        }
        let mut index = EntryIndex::default();
        index.titled(entry.seq, entry.text.clone().unwrap_or_default());
        if opened.detected_at.is_none() {
            index.opened_by_hand(entry.seq);
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
            index,
            plans: super::Plans::default(),
            redactions: super::Redactions::default(),
            services: Vec::new(),
        });
        self.memory.keepers.insert(opened.incident.clone(), ClockBuilder::default());
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
                self.change(place, entry.seq, *seq, |changed| changed.pinned = pinned);
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
            incident.index.titled(entry.seq, title.clone());
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

    /// Puts an entry among those of an incident.
    fn insert(&mut self, place: usize, entry: &Entry) {
        let latest = place + 1 == self.incidents.len();
        let incident = &mut self.incidents[place];
        let Some(keeper) = self.memory.keepers.get_mut(&incident.id) else { return };
        if let Some(service) = service(entry)
            && !incident.services.contains(&service)
        {
            incident.services.push(service);
        }
        incident.index.push(entry.seq);
        match self.keep {
            Keep::All => put(&mut incident.items, Item::new(entry.clone())),
            Keep::Newest(most) if latest => {
                put(&mut incident.items, Item::new(entry.clone()));
                let_go(&mut incident.items, most);
            }
            Keep::Newest(_) | Keep::Heads => {}
        }
        if counts(entry) && incident.is_own(entry) {
            keeper.add(entry, entry.incident.as_ref() == Some(&incident.id));
            incident.clocks = keeper.clocks();
        }
    }

    /// Changes what is known of an earlier entry, or says that there is none.
    pub(super) fn change(&mut self, place: usize, by: u64, seq: u64, change: impl FnOnce(&mut Changed)) {
        let incident = &mut self.incidents[place];
        if !incident.index.has(seq) {
            self.anomaly(by, format!("it points at entry {seq}, which is not of this incident"));
            return;
        }
        let changed = incident.index.change(seq, change);
        if let Some(found) = find(&incident.items, seq) {
            let mut item = incident.items.remove(found);
            let stood = item.placed;
            item.take(&changed);
            if item.placed == stood {
                incident.items.insert(found, item);
            } else {
                put(&mut incident.items, item);
            }
        }
    }

    /// Marks an item as a milestone. The first who did stands until somebody takes it back.
    fn mark(&mut self, place: usize, entry: &Entry, marked: &Marked) {
        let mark = Marking { milestone: marked.milestone.clone(), by: entry.by.person.clone(), seq: entry.seq };
        let marks = marked.marked;
        self.change(place, entry.seq, marked.seq, |it| match (it.marking(&mark.milestone).is_some(), marks) {
            (false, true) => it.marks.push(mark),
            (true, false) => it.marks.retain(|it| it.milestone != mark.milestone),
            _ => {}
        });
    }

    fn amend(&mut self, place: usize, entry: &Entry, amend: &Amend) {
        let by = entry.seq;
        self.change(place, by, amend.seq, |changed| {
            changed.amended_by.push(by);
            changed.at = amend.at.or(changed.at);
        });
        let incident = &mut self.incidents[place];
        if !incident.index.has(amend.seq) {
            return;
        }
        if let Some(text) = entry.text.clone().filter(|text| !text.is_empty())
            && let Some(found) = find(&incident.items, amend.seq)
        {
            incident.items[found].text = text;
        }
        if let (Some(at), Some(keeper)) = (amend.at, self.memory.keepers.get_mut(&incident.id)) {
            keeper.retime(amend.seq, Stated { at, seq: by, by: entry.by.person.clone() });
            incident.clocks = keeper.clocks();
        }
    }
}

/// In the order of the log; nearly always at the end. What was moved stands after what was recorded by then, and always before
/// what was recorded after it, so that what speaks of it comes later.
pub(super) fn put<T: Standing>(items: &mut Vec<T>, item: T) {
    let (seq, ts) = (item.seq(), item.recorded());
    let before = |it: &T| it.seq() < seq && (!it.is_moved() || it.placed() <= ts);
    let mut place = items.iter().rposition(before).map_or(0, |at| at + 1);
    if item.is_moved() {
        place = items[..place].iter().rposition(|it| it.placed() <= item.placed()).map_or(0, |at| at + 1);
    }
    items.insert(place, item);
}

/// What has a place in a timeline.
pub(super) trait Standing {
    /// The number of its entry.
    fn seq(&self) -> u64;

    /// When that was recorded.
    fn recorded(&self) -> Stamp;

    /// Where it stands.
    fn placed(&self) -> Stamp;

    /// Whether a person put it at an earlier time than it was recorded.
    fn is_moved(&self) -> bool {
        self.placed() < self.recorded()
    }
}

/// Lets the oldest items go where there are too many: a quarter more than that, so that it is not done at every entry.
fn let_go(items: &mut Vec<Item>, most: usize) {
    if items.len() <= most + most / 4 {
        return;
    }
    let mut seqs: Vec<u64> = items.iter().map(|item| item.entry.seq).collect();
    seqs.sort_unstable();
    let from = seqs[seqs.len() - most.max(1)];
    items.retain(|item| item.entry.seq >= from);
    items.shrink_to(most + most / 2);
}

/// Looked for from the end: what is spoken of is mostly new.
fn find(items: &[Item], seq: u64) -> Option<usize> {
    items.iter().rposition(|item| item.entry.seq == seq)
}

/// The service that an entry brings into the incident.
fn service(entry: &Entry) -> Option<String> {
    match &entry.happening {
        Happening::Transition(edge) if edge.edge == TransitionKind::ProbeFailing => edge.service.clone(),
        Happening::Proposed(proposed) => plan_head(proposed).map(|head| head.service),
        _ => None,
    }
}
