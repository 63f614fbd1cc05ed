//! What the timeline folds to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::approval::{Plans, Redactions};
use crate::model::entry::{Entry, Transition};
use crate::model::{Happening, IncidentId, IncidentStatus, Milestone, PersonId, SafeText, Severity, Stamp, clean};

use super::fold::Standing;
use super::incident_clocks::Clocks;
use super::index::{Changed, EntryIndex};
use super::sentences::own_text;

/// An entry as the timeline shows it: amendments applied, the original still visible.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// As the log has it, before any amendment.
    pub entry: Entry,
    /// When it happened: by its source's own clock where it has one, or as a person said. When the room itself knows it to
    /// have happened is [`Entry::measured_at`]: clocks and proofs count from that.
    pub at: Stamp,
    /// Where it stands in the timeline: when it was recorded, or the earlier time that a person gave what they wrote.
    pub placed: Stamp,
    /// Its text, after amendment.
    pub text: SafeText,
    /// Entries that amended it.
    pub amended_by: Vec<u64>,
    /// The entry that removed its text.
    pub redacted_by: Option<u64>,
    /// By the newest entry that pins or unpins it.
    pub pinned: bool,
    /// The milestones that people marked it as.
    pub marks: Vec<Marking>,
}

/// That a person marked an entry as a milestone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marking {
    /// What it is marked as; an entry may be several.
    pub milestone: Milestone,
    /// Who marked it first; who else did while it stood is not kept.
    pub by: PersonId,
    /// The entry that marks it.
    pub seq: u64,
}

/// One incident, folded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// As the room gave it when it was opened; never changes.
    pub id: IncidentId,
    /// The newest that was given and not removed since; may be empty.
    pub title: SafeText,
    /// By the newest entry that sets it.
    pub severity: Severity,
    /// By the newest entry that sets it, a person's or the room's own.
    pub status: IncidentStatus,
    /// `None` until somebody is named.
    pub commander: Option<PersonId>,
    /// Everyone who joined or acted, with the first time seen.
    pub people: BTreeMap<PersonId, Stamp>,
    /// When the opening was recorded, on the room's clock; it may have been detected before.
    pub opened_at: Stamp,
    /// When it was closed, on the room's clock; `None` while it is open, and once a status has opened it again.
    pub closed_at: Option<Stamp>,
    /// When the incident before it was closed: what happened by then is that one's, though it may be told in this one.
    pub after: Option<Stamp>,
    /// What it counts from, measured and stated.
    pub clocks: Clocks,
    /// In the order of the log, as many as the story keeps. What a person wrote of an earlier time stands among what was
    /// recorded then.
    #[serde(skip)]
    pub items: Vec<Item>,
    /// Every entry of it by its number, whether its item is kept or not.
    #[serde(default)]
    pub index: EntryIndex,
    /// Every plan that was proposed in it, ended ones too.
    pub plans: Plans,
    /// Requests to remove the text of an entry, and what became of them.
    pub redactions: Redactions,
    /// The services whose probes failed or plans acted on, in order of appearance.
    pub services: Vec<String>,
}

/// What a story keeps of the entries it folds. Whatever it is, everything else it says is the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Every item of every incident.
    #[default]
    All,
    /// About so many of the newest items of the latest incident.
    Newest(usize),
    /// No item: who needs one reads its entry in the log.
    Heads,
}

/// Every incident of a log, and what belongs to none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Story {
    /// In the order they were opened.
    pub incidents: Vec<Incident>,
    /// Number of entries folded.
    pub entries: u64,
    /// Entries that did not fit the state: (seq, why). The newest [`MOST_ANOMALIES`].
    pub anomalies: Vec<(u64, SafeText)>,
    /// The fold's own; start from `Story::default()`.
    #[doc(hidden)]
    pub memory: super::pending_state::PendingState,
    /// What becomes of the items.
    #[serde(skip)]
    #[doc(hidden)]
    pub keep: Keep,
}

/// The most anomalies kept; a log with more is beyond listing.
pub const MOST_ANOMALIES: usize = 1_000;

impl Story {
    /// A story without an entry yet.
    pub fn keeping(keep: Keep) -> Self {
        Self { keep, ..Self::default() }
    }

    /// The same story, keeping other items from now on; those that are there are let go.
    pub fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self.let_items_go();
        self
    }

    /// Lets the items go that are kept so far.
    pub fn let_items_go(&mut self) {
        self.incidents.iter_mut().for_each(|incident| incident.items = Vec::new());
    }

    /// Everything but the items, for whoever goes on from here.
    ///
    /// # Errors
    /// A value that JSON can't hold.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// A story that goes on from there.
    ///
    /// # Errors
    /// Bytes that another fold wrote.
    pub fn from_json(json: &[u8], keep: Keep) -> Result<Self, serde_json::Error> {
        let json = std::str::from_utf8(json).map_err(serde::de::Error::custom)?;
        // A room that lies may have made it.
        Ok(Self { keep, ..clean::from_str(json)? })
    }

    /// A story of one incident alone, of whose entries nothing else is folded in: those that it adopted come first. `after` =
    /// when the incident before it was closed.
    pub fn of_one(after: Option<Stamp>, keep: Keep) -> Self {
        let mut story = Self::keeping(keep);
        story.memory.closed_at = after;
        story
    }

    /// Everything but the items and what only a room asks for, for those who watch.
    ///
    /// # Errors
    /// A value that JSON can't hold.
    pub fn heads_json(&mut self) -> Result<String, serde_json::Error> {
        let (standing, firings) = (std::mem::take(&mut self.memory.standing), std::mem::take(&mut self.memory.firings));
        let json = serde_json::to_string(self);
        (self.memory.standing, self.memory.firings) = (standing, firings);
        json
    }

    /// Puts the item of an entry that was folded in before among those that are kept.
    pub fn put_back(&mut self, entry: Entry) {
        let seq = entry.seq;
        let Some(incident) = self.incidents.iter_mut().rev().find(|incident| incident.index.has(seq)) else { return };
        if incident.item(seq).is_some() {
            return;
        }
        let amends = match &entry.happening {
            Happening::Amend(amend) => Some(amend.seq),
            _ => None,
        };
        let item = incident.read_item(entry, None);
        super::fold::put(&mut incident.items, item);
        [Some(seq), amends].into_iter().flatten().for_each(|seq| incident.read_text_again(seq));
    }

    /// The incident that has an entry: the latest one, if an entry was adopted by more.
    pub fn incident_of(&self, seq: u64) -> Option<&Incident> {
        self.incidents.iter().rev().find(|incident| incident.index.has(seq))
    }

    /// The entries that ask for a change of silences and have no end yet, in order.
    pub fn silences_asked(&self) -> Vec<u64> {
        let mut asked: Vec<u64> = self.memory.silences.values().copied().collect();
        asked.sort_unstable();
        asked
    }

    /// Whether an alert's transition tells of a firing that an incident met: it fired while that was open, or was closed. Such a
    /// one opens no other incident; the same alert that ended and begins again does.
    pub fn has_met(&self, firing: &Transition) -> bool {
        self.memory.firings.met(firing)
    }

    /// When an incident was closed last.
    pub fn last_closed(&self) -> Option<Stamp> {
        self.memory.closed_at
    }

    /// The open incident: the latest one opened that is not closed.
    pub fn current(&self) -> Option<&Incident> {
        self.incidents.iter().rev().find(|incident| incident.closed_at.is_none())
    }

    /// The latest incident, open or closed.
    pub fn latest(&self) -> Option<&Incident> {
        self.incidents.last()
    }

    /// What the log says stands.
    pub fn standing(&self) -> &super::StandingChanges {
        &self.memory.standing
    }

    /// An incident by its id.
    pub fn get(&self, id: &IncidentId) -> Option<&Incident> {
        self.incidents.iter().rev().find(|incident| incident.id == *id)
    }
}

impl Incident {
    /// What `T+0` is: the first alert, or when the incident was opened.
    pub fn zero(&self) -> Stamp {
        self.clocks.detection.map_or(self.opened_at, |(at, _)| at)
    }

    /// The item of an entry that was read in the log. Of its amendments it has the numbers; the last of their texts is
    /// given here, if there is one.
    pub fn read_item(&self, entry: Entry, amended: Option<SafeText>) -> Item {
        let mut item = Item::new(entry);
        if let Some(changed) = self.index.changed(item.entry.seq) {
            item.take(changed);
        }
        if item.redacted_by.is_some() {
            item.entry.text = None;
        }
        item.text = match (amended.filter(|text| !text.is_empty()), item.redacted_by) {
            (Some(text), _) => text,
            (None, Some(_)) => SafeText::new(REDACTED),
            (None, None) => own_text(&item.entry),
        };
        item
    }

    /// Entries of it whose items are not kept.
    pub fn missing(&self) -> u64 {
        self.index.runs().count().saturating_sub(self.items.len() as u64)
    }

    /// The item of an entry, if it is kept.
    pub fn item(&self, seq: u64) -> Option<&Item> {
        self.items.iter().find(|item| item.entry.seq == seq)
    }

    /// Whether an entry tells of this incident, and not of what happened before the one before it was closed: after a restart
    /// old news are told again. A restore point counts whenever it was made, for it can be restored now.
    pub fn is_own(&self, entry: &Entry) -> bool {
        match &entry.happening {
            Happening::Transition(edge) => edge.edge.is_newest() || self.after.is_none_or(|after| edge.at > after),
            _ => true,
        }
    }

    /// Whether an item was recorded outside this incident, shortly before it opened, and counted in by rule.
    pub fn is_adopted(&self, item: &Item) -> bool {
        item.entry.incident.as_ref() != Some(&self.id)
    }
}

/// Stands where a text was.
pub(super) const REDACTED: &str = "(redacted)";

impl Item {
    /// An entry that nothing changed yet.
    pub(super) fn new(entry: Entry) -> Self {
        let (at, text) = (entry.observed_at(), own_text(&entry));
        let placed = placed(&entry, at);
        Self { entry, at, placed, text, amended_by: Vec::new(), redacted_by: None, pinned: false, marks: Vec::new() }
    }

    /// Takes over what later entries changed of it, but for its text.
    pub(super) fn take(&mut self, changed: &Changed) {
        if let Some(at) = changed.at {
            (self.at, self.placed) = (at, placed(&self.entry, at));
        }
        (self.pinned, self.redacted_by) = (changed.pinned, changed.redacted_by);
        self.amended_by.clone_from(&changed.amended_by);
        self.marks.clone_from(&changed.marks);
    }

    /// What it is marked as, if somebody did.
    pub fn marking(&self, milestone: &Milestone) -> Option<&Marking> {
        self.marks.iter().find(|mark| mark.milestone == *milestone)
    }

    /// What it said before it was amended, if that was something else and still stands in the log.
    pub fn original(&self) -> Option<&SafeText> {
        self.entry.text.as_ref().filter(|text| !self.amended_by.is_empty() && **text != self.text)
    }

    /// Whether a person put it at an earlier time than it was recorded.
    pub fn is_moved(&self) -> bool {
        Standing::is_moved(self)
    }

    /// When it happened, if that is not where it stands, to the second: what a system says of itself has the system's time.
    pub fn own_time(&self) -> Option<Stamp> {
        (self.at.timestamp() != self.placed.timestamp()).then_some(self.at)
    }
}

impl Standing for Item {
    fn seq(&self) -> u64 {
        self.entry.seq
    }

    fn recorded(&self) -> Stamp {
        self.entry.ts
    }

    fn placed(&self) -> Stamp {
        self.placed
    }
}

/// Where an entry of this time stands: what a person wrote at the time they give, if that is earlier than it was recorded;
/// everything else where the log has it. So what was caused never stands before its cause, whatever clock a system has.
pub(super) fn placed(entry: &Entry, at: Stamp) -> Stamp {
    match &entry.happening {
        Happening::Note(_) | Happening::Decision(_) | Happening::FollowUp(_) => at.min(entry.ts),
        _ => entry.ts,
    }
}
