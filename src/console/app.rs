//! All that a console knows and remembers. Only `update` changes it; drawing reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::board::{Row, Topic};
use crate::client::{LinkState, Mirror};
use crate::clock::Clock;
use crate::model::filter::Filter;
use crate::model::{IncidentStatus, PersonId, PersonRole, SafeText, Stamp};
use crate::timeline::Incident;

use super::freeze_diff::FreezeDiff;
use super::input::Now;
use super::keymap::{KeyContext, KeyFact, KeyFacts, KeyPress, Keymap, Spec, spell};
use super::overlay::{Overlay, WriteKind};
use super::pane::Pane;
use super::projections::Projections;
use super::saved_layout::Layout;
use super::theme::Role;
use super::time_travel::TimeTravel;
use super::widget::time::Zone;

/// Where the reader is in a pane. The cursor is a row's identity, not its number: new rows do not move it.
#[derive(Clone, Debug, Default)]
pub struct PaneState {
    /// `None` = the first row (in the timeline: the last, followed as it grows).
    pub cursor: Option<String>,
    /// Where the cursor's row was last.
    pub index: usize,
    /// First row shown.
    pub top: usize,
    /// What rows must be.
    pub filter: Option<Filter>,
    /// Rows that stay whatever the filter, by identity.
    pub marks: BTreeSet<String>,
}

/// The screen held still.
#[derive(Clone, Debug)]
pub struct Frozen {
    /// As it was when the screen was frozen; the console's own goes on.
    pub mirror: Mirror,
    /// The room's time then: ages count to it.
    pub at: Stamp,
}

/// A word to the reader, in the footer.
#[derive(Clone, Debug)]
pub struct Notice {
    /// A sentence or two; the footer cuts it where it has no room.
    pub text: SafeText,
    /// Its colour; what is `Critical` stays for 12 s, all else for 5 s.
    pub role: Role,
    /// When it goes, in real time.
    pub until: Duration,
}

/// What an outstanding request is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Pending {
    /// A draft, for the cluster that was chosen.
    Preview {
        /// `None`: the room takes the first cluster that can have it.
        to: Option<String>,
    },
    /// What the person proposes; the plan then becomes `Subject::Known`.
    Propose,
    /// The second person's word.
    Approve,
    /// Of one's own plan.
    Withdraw,
    /// Of a running plan, before its next step.
    Hold,
    /// Status, severity or commander of the incident.
    Set,
    /// The end of the incident, said to be so although alerts may fire.
    Close,
    /// Of an entry, or taking the pin off.
    Pin,
    /// As a milestone, or taking that back.
    Mark,
    /// What a silence would hit, or what ending one does.
    SilencePreview,
    /// The silence that was previewed; the answer comes when Alertmanager has it or refused.
    Silence,
    /// A page of rows of an earlier instant.
    Past {
        /// Alerts or events: of no other does the room keep rows.
        topic: Topic,
        /// The instant that was asked for: an answer is dropped if another one is shown by then.
        at: Stamp,
        /// From 0.
        page: u32,
    },
    /// A page of the entries before this one.
    Earlier {
        /// Number of the first entry that is held here.
        before: u64,
    },
    /// A page of the entries up to an instant.
    Story {
        /// The instant that was asked for: an answer is dropped if another one is shown by then.
        at: Stamp,
    },
    /// The prompt stays until the answer comes.
    Write(WriteKind),
}

/// The most requests that may be outstanding; the next one is refused with a word.
pub const MAX_WAITING: usize = 8;

/// The console's state.
pub struct Console {
    /// What the room says now, also while the screen is frozen or shows an earlier instant.
    pub mirror: Mirror,
    /// Follows the room's.
    pub clock: Clock,
    /// Empty in plain mode, where sentences name commands instead of keys.
    pub keymap: Keymap,
    /// In which times are shown; what is typed is read in it too.
    pub zone: Zone,
    /// Of the last input: drawing has no other time.
    pub now: Now,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Where commands of the panes act; never a hidden one.
    pub focus: Pane,
    /// The pane above the timeline where there is room for two.
    pub upper: Pane,
    /// By [`Pane`] as a number.
    pub panes: [PaneState; Pane::ALL.len()],
    /// The pane in focus has the whole screen.
    pub zoom: bool,
    /// Two panes side by side above the timeline.
    pub split: Option<[Pane; 2]>,
    /// Panes that are off the screen until they are gone to.
    pub hidden: BTreeSet<Pane>,
    /// Only what is wrong is shown, in every pane.
    pub warnings: bool,
    /// `None` while the screen runs.
    pub frozen: Option<Box<Frozen>>,
    /// An earlier instant that is shown instead of now.
    pub past: Option<Box<TimeTravel>>,
    /// What went on behind a frozen screen.
    pub unseen: FreezeDiff,
    /// Layout and filters are remembered between runs.
    pub remembers: bool,
    /// As they were remembered last.
    pub kept: Layout,
    /// Bottom to top. At most a handful: each kind opens from a fixed place.
    pub overlays: Vec<Overlay>,
    /// The beginning of a chord.
    pub pending: Vec<KeyPress>,
    /// Replaced by the next one; `None` once its time is over.
    pub notice: Option<Notice>,
    /// What was asked and not answered yet, by the tag of its [`super::Effect::Ask`].
    pub waiting: BTreeMap<u64, Pending>,
    /// Counts from 1; a tag is never given twice.
    pub next_tag: u64,
    /// Rows whose verdict changed, and when, in real time.
    pub changed: BTreeMap<(Topic, String), Duration>,
    /// When leaving was last asked for with Ctrl-C.
    pub leaving: Option<Duration>,
    /// Nothing that this console does may change anything.
    pub readonly: bool,
    /// The room lives in this process: leaving ends it.
    pub hosts: bool,
    /// The person looks at this window, as far as the terminal tells.
    pub focused: bool,
    /// The mouse is taken.
    pub mouse: bool,
    /// Something to draw.
    pub dirty: bool,
    /// Something was taken in since cursors were put on their rows.
    pub unsettled: bool,
    /// What was computed of all this, kept until that changes.
    pub projections: Projections,
}

impl Console {
    /// A console that has heard nothing yet.
    pub fn new(clock: Clock, keymap: Keymap, zone: Zone, size: (u16, u16)) -> Self {
        let now = Now { room: clock.now(), real: Duration::ZERO };
        Self {
            mirror: Mirror::default(),
            clock,
            keymap,
            zone,
            now,
            size,
            focus: Pane::Alerts,
            upper: Pane::Alerts,
            panes: Default::default(),
            zoom: false,
            split: None,
            hidden: BTreeSet::new(),
            warnings: false,
            frozen: None,
            past: None,
            unseen: FreezeDiff::default(),
            remembers: false,
            kept: Layout::default(),
            overlays: Vec::new(),
            pending: Vec::new(),
            notice: None,
            waiting: BTreeMap::new(),
            next_tag: 1,
            changed: BTreeMap::new(),
            leaving: None,
            readonly: false,
            hosts: false,
            focused: true,
            mouse: false,
            dirty: true,
            unsettled: false,
            projections: Projections::default(),
        }
    }

    /// What the panes show: the room as it is, or as it was when the screen was frozen, or at an earlier instant.
    pub fn seen(&self) -> &Mirror {
        if let Some(past) = &self.past {
            return &past.mirror;
        }
        self.frozen.as_ref().map_or(&self.mirror, |frozen| &frozen.mirror)
    }

    /// The instant that ages in the panes count to.
    pub fn at(&self) -> Stamp {
        if let Some(past) = &self.past {
            return past.at;
        }
        self.frozen.as_ref().map_or(self.now.room, |frozen| frozen.at)
    }

    /// Rows of a topic.
    pub fn rows(&self, topic: Topic) -> &[Row] {
        self.seen().rows(topic)
    }

    /// The open incident, or else the last one.
    pub fn incident(&self) -> Option<&Incident> {
        self.incident_place().map(|(_, incident)| incident)
    }

    /// The same, with its place among all.
    pub fn incident_place(&self) -> Option<(usize, &Incident)> {
        let all = &self.seen().story.incidents;
        let open = all.iter().rposition(|incident| incident.closed_at.is_none());
        let place = open.or(all.len().checked_sub(1))?;
        Some((place, &all[place]))
    }

    /// Whether an incident is open.
    pub fn incident_open(&self) -> bool {
        self.incident().is_some_and(|incident| incident.closed_at.is_none())
    }

    /// Whether work on an incident goes on: leaving asks.
    pub fn busy(&self) -> bool {
        self.incident().is_some_and(|it| it.closed_at.is_none() && it.status < IncidentStatus::Resolved)
    }

    /// The others who have a console open.
    pub fn others(&self) -> Vec<&PersonId> {
        let present = self.mirror.present.iter().map(|who| &who.actor.person);
        present.filter(|person| self.me() != Some(person)).collect()
    }

    /// The person at this console.
    pub fn me(&self) -> Option<&PersonId> {
        self.mirror.welcome.as_ref().map(|welcome| &welcome.you.person)
    }

    /// Whether this person may write at all; the room decides again at every request.
    pub fn may_write(&self) -> bool {
        !self.readonly && self.mirror.welcome.as_ref().is_some_and(|welcome| welcome.role >= PersonRole::Operator)
    }

    /// Whether the room was there and is not any more: nothing on the screen is proven now.
    pub fn lost(&self) -> bool {
        matches!(self.mirror.link, LinkState::Lost { .. } | LinkState::Refused { .. })
    }

    /// Whether the room is there and takes writes.
    pub fn can_act(&self) -> bool {
        self.may_write() && matches!(self.mirror.link, LinkState::Live { .. }) && self.mirror.degraded.is_none()
    }

    /// Where keys are looked up, the top layer first.
    pub fn context(&self) -> KeyContext {
        self.overlays.last().map_or(KeyContext::Main, Overlay::context)
    }

    /// The layer that commands act on. The palette is none: what is chosen in it acts on the one below.
    pub fn layer(&self) -> Option<&Overlay> {
        self.overlays.iter().rev().find(|overlay| !matches!(overlay, Overlay::Palette(_)))
    }

    /// Where commands act.
    pub fn place(&self) -> KeyContext {
        self.layer().map_or(KeyContext::Main, Overlay::context)
    }

    /// Where commands act once the layer on top is gone: what help is about.
    pub fn below_top(&self) -> KeyContext {
        let below = self.overlays.len().saturating_sub(1);
        self.overlays.get(..below).and_then(<[Overlay]>::last).map_or(KeyContext::Main, Overlay::context)
    }

    /// What key maps may make a binding depend on.
    pub fn facts(&self) -> KeyFacts {
        KeyFacts::default()
            .with(KeyFact::Incident, self.incident_open())
            .with(KeyFact::Plan, self.plan_waiting().is_some())
            .with(KeyFact::Drill, self.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some()))
            .with(KeyFact::Readonly, self.readonly)
            .with(KeyFact::Acting, self.can_act())
            .with(KeyFact::Zoomed, self.zoom)
            .with(KeyFact::Frozen, self.frozen.is_some())
            .with(KeyFact::Filtered, self.pane(self.focus).filter.is_some())
    }

    /// What may follow the keys that were pressed: the rest of the chord, its command, and why it is not to be had now.
    pub fn continuations(&self) -> Vec<(String, &'static Spec, Option<String>)> {
        let facts = self.facts();
        let bindings = self.keymap.bindings(self.context()).filter(|it| it.chord.starts_with(&self.pending));
        bindings
            .map(|it| {
                let unmet = (!it.when.holds(facts)).then(|| format!("It works only while {}.", it.when.words()));
                (spell(&it.chord[self.pending.len()..]), it.command.spec(), unmet)
            })
            .collect()
    }

    /// The state of a pane.
    pub fn pane(&self, pane: Pane) -> &PaneState {
        &self.panes[pane as usize]
    }

    /// The state of a pane, to change.
    pub fn pane_mut(&mut self, pane: Pane) -> &mut PaneState {
        &mut self.panes[pane as usize]
    }

    /// Goes to a pane. A hidden one is shown again; where two stand side by side it takes the place of the one left.
    pub fn focus_on(&mut self, pane: Pane) {
        self.hidden.remove(&pane);
        if let Some(pair) = self.split.as_mut().filter(|pair| pane != Pane::Timeline && !pair.contains(&pane)) {
            // From the left one is gone to what shall stand beside it.
            pair[1] = pane;
        }
        self.focus = pane;
        if pane != Pane::Timeline {
            self.upper = pane;
        }
    }

    /// The next pane in this direction that is shown.
    pub fn next_shown(&self, by: isize) -> Option<Pane> {
        let steps = (1..=Pane::ALL.len()).filter_map(|n| isize::try_from(n).ok());
        steps.map(|n| self.focus.step(n * by)).find(|pane| !self.hidden.contains(pane))
    }

    /// Says something in the footer.
    pub fn say(&mut self, role: Role, text: impl AsRef<str>) {
        let stays = if role == Role::Critical { 12 } else { 5 };
        self.say_for(role, text, self.now.real + Duration::from_secs(stays));
    }

    /// Says what is said once and that nobody who looks elsewhere may miss: it stays until a key is pressed.
    pub fn say_until_key(&mut self, text: impl AsRef<str>) {
        self.say_for(Role::Critical, text, Duration::MAX);
    }

    fn say_for(&mut self, role: Role, text: impl AsRef<str>, until: Duration) {
        self.notice = Some(Notice { text: SafeText::new(text.as_ref()), role, until });
        self.dirty = true;
    }
}
