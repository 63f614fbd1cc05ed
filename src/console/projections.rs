//! What is made of what the console knows, kept until that changes: the rows of each pane, how they stand, and the figures
//! about them. `rows` computes it when somebody looks, and not again before an input of it has changed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::board::event_groups::{KeptGroup, Trend};
use crate::board::{Topic, Verdict};
use crate::client::Revision;
use crate::model::{PersonId, PlanId, Stamp};

use super::freeze_diff::FreezeDiff;
use super::pane::Pane;

/// Where an item stands among what the console knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemRef {
    /// In the room's story as it is now, not in the one that is shown.
    pub live: bool,
    /// The place of its incident.
    pub incident: usize,
    /// Its place among the incident's items.
    pub at: usize,
}

/// What a row of a pane is about, by where that stands: kept from one update to the next, as a reference could not be.
#[derive(Clone, Debug)]
pub enum EntryRef {
    /// A row of a topic, by its place.
    Row(Topic, usize),
    /// A load balancer of the traffic's rows, and the place of a pool in its order.
    Pool(usize, usize),
    /// An entry of a timeline.
    Item(ItemRef),
    /// The last of so many items.
    Waver(ItemRef, usize),
    /// A plan of the incident that is shown, by its id.
    Plan(PlanId),
    /// A place among those who are present.
    Who(usize),
    /// Someone who took part and has no console open, and when they were last heard of.
    Away(PersonId, Stamp),
    /// A service by its place, and how its loss stands.
    Loss(usize, Verdict),
    /// A group of events that are one thing.
    Fold(KeptGroup),
}

/// Rows of a pane, and how many of them stand how.
#[derive(Debug, Default)]
pub struct PaneRows {
    /// In the order in which they are shown.
    pub entries: Vec<EntryRef>,
    /// Of `entries` alone: what a filter leaves out is not counted.
    pub counts: VerdictCounts,
}

/// How many stand how, by verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VerdictCounts([usize; 5]);

impl VerdictCounts {
    /// Counts one more.
    pub fn add(&mut self, verdict: Verdict) {
        self.0[verdict as usize] += 1;
    }

    /// How many stand so.
    pub fn of(&self, verdict: Verdict) -> usize {
        self.0[verdict as usize]
    }

    /// The worst that there is.
    pub fn worst(&self) -> Option<Verdict> {
        let all = [Verdict::Critical, Verdict::Warning, Verdict::Unknown, Verdict::Info, Verdict::Ok];
        all.into_iter().find(|verdict| self.of(*verdict) > 0)
    }
}

const TOPICS: usize = Topic::ALL.len();

/// What rows are made of, by its revisions. As long as it is equal, so are the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowInputs {
    /// By the topic's number; the default revision for a topic that the rows are not made of.
    pub topics: [Revision; TOPICS],
    /// Of the story that is shown; the default if the rows need none and the present is shown.
    pub story: Revision,
    /// Of the list of who is present; the default if the rows do not need it.
    pub present: Revision,
    /// Of the room's greeting, which holds the objectives; the default if the rows do not need them.
    pub welcome: Revision,
    /// Where time alone changes something: the second.
    pub second: i64,
    /// Whether the link to the room is broken: nothing is to be believed then.
    pub lost: bool,
    /// `None` while the present is shown.
    pub past: Option<PastInputs>,
}

/// What rows of an earlier instant are made of besides.
#[derive(Clone, Debug, PartialEq)]
pub struct PastInputs {
    /// The instant that is shown.
    pub at: Stamp,
    /// The story that goes on meanwhile.
    pub live: Revision,
    /// Whether alerts and events of then are known.
    pub known: [bool; 2],
    /// Whether the incident of then is read from the room, as the console does not keep all of its entries.
    pub reads: bool,
}

/// What chooses among the rows of a pane.
#[derive(Clone, Debug, PartialEq)]
pub struct VisibleInputs {
    /// What the pane's rows, of which these are chosen, are made of.
    pub rows: RowInputs,
    /// Whether the pane has the whole screen.
    pub zoomed: bool,
    /// Whether only what is wrong is shown.
    pub warnings: bool,
    /// The filter's text; `None` if there is none.
    pub filter: Option<String>,
    /// Keys of the rows that the user marked: these are shown whatever the filter says.
    pub marks: BTreeSet<String>,
}

/// One source behind a pane: the place of its row, and whether it is to be believed.
#[derive(Clone, Copy, Debug)]
pub struct SourceBehind {
    /// Its place among the rows of [`Topic::Sources`].
    pub at: usize,
    /// It has not answered for longer than its rows stay fresh, is in trouble, or the link to the room is broken.
    pub late: bool,
}

/// Figures about alerts.
#[derive(Debug, Default)]
pub struct AlertFigures {
    /// Critical ones that fire and call nobody because of a silence.
    pub muted: usize,
    /// How many each receiver was told of, the silenced left out.
    pub told: BTreeMap<String, usize>,
    /// How many nobody was told of.
    pub told_nobody: usize,
    /// Places of the alerts of each name that more than one has.
    pub namesakes: BTreeMap<String, Vec<usize>>,
}

/// Figures about backups.
#[derive(Clone, Copy, Debug, Default)]
pub struct BackupFigures {
    /// Services, or where none is configured schedules, over what may be lost.
    pub over: usize,
    /// Locations that can't be believed, and the worst of them.
    pub doubtful: Option<(usize, Verdict)>,
    /// Whether each service is proven to lose no more than it may.
    pub proven: bool,
}

/// Something computed, and what of. How often it was is counted: that is what it costs.
#[derive(Debug)]
pub struct Memo<K, V> {
    kept: RefCell<Option<(K, Arc<V>)>>,
    computed: Cell<u64>,
}

impl<K, V> Default for Memo<K, V> {
    fn default() -> Self {
        Self { kept: RefCell::new(None), computed: Cell::new(0) }
    }
}

impl<K: PartialEq, V> Memo<K, V> {
    /// What is kept, if it is of this; else it is computed and kept from now on.
    pub fn get(&self, of: K, compute: impl FnOnce() -> V) -> Arc<V> {
        if let Some((key, value)) = &*self.kept.borrow()
            && *key == of
        {
            return Arc::clone(value);
        }
        // Nothing is borrowed meanwhile: what is computed may look at others of these.
        let value = Arc::new(compute());
        self.computed.set(self.computed.get() + 1);
        *self.kept.borrow_mut() = Some((of, Arc::clone(&value)));
        value
    }

    /// How often it was computed.
    pub fn computed(&self) -> u64 {
        self.computed.get()
    }
}

/// Every topic, and the story.
type MirrorRevisions = ([Revision; TOPICS], Revision);

const PANES: usize = Pane::ALL.len();

/// Everything that is kept.
#[derive(Debug, Default)]
pub struct Projections {
    /// Every row of a pane, by its number.
    pub all: [Memo<RowInputs, PaneRows>; PANES],
    /// Its rows in brief.
    pub brief: [Memo<RowInputs, PaneRows>; PANES],
    /// Those that pass its filter.
    pub visible: [Memo<VisibleInputs, PaneRows>; PANES],
    /// The sources behind each pane.
    pub sources: Memo<RowInputs, [Vec<SourceBehind>; PANES]>,
    /// How many are muted or told nobody, and which share a name: for the alerts' title and pages.
    pub alerts: Memo<RowInputs, AlertFigures>,
    /// How many are over what may be lost, and which locations are in doubt: for the backups' title and the strip.
    pub backups: Memo<RowInputs, BackupFigures>,
    /// What went on behind a screen that is held still: by what it shows and what is so now.
    pub unseen: Memo<(MirrorRevisions, MirrorRevisions), FreezeDiff>,
    /// Rows that were looked up, one at a time: what a frame and a key cost must not grow with how many there are.
    #[cfg(test)]
    pub looked_up: Cell<u64>,
    /// How many events a minute, and whether they become more.
    pub events: Memo<RowInputs, (u64, Trend)>,
}

impl Projections {
    /// How often rows of a pane were computed, in whatever form.
    pub fn computed(&self, pane: Pane) -> u64 {
        let at = pane as usize;
        self.all[at].computed() + self.brief[at].computed() + self.visible[at].computed()
    }
}
