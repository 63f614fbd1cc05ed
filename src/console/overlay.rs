//! What can lie over the panes: a closed list. The one on top takes the keys; Esc always takes away exactly one.

use std::time::Duration;

use tui_input::Input as Line;

use crate::model::filter::{Completion, Filter, FilterError};
use crate::model::silence::SilencePreview;
use crate::model::{Action, Digest, IncidentStatus, Milestone, Plan, PlanId, SafeText};

use super::keymap::KeyContext;
use super::pane::Pane;

/// One layer.
#[derive(Clone, Debug)]
pub enum Overlay {
    /// The keys of the layer below.
    Help {
        /// First line shown, from 0.
        scroll: usize,
    },
    /// The incident in one page.
    Situation {
        /// First line shown, from 0.
        scroll: usize,
    },
    /// Would the objectives be met now?
    Readiness {
        /// First line shown, from 0.
        scroll: usize,
    },
    /// Everything about one row.
    Detail {
        /// The pane that the row is of.
        pane: Pane,
        /// The row's identity: it is shown as it is now, and may be gone.
        key: String,
        /// First line shown, from 0.
        scroll: usize,
        /// Which of its related rows is chosen.
        link: usize,
    },
    /// One of a few; Esc chooses none.
    Menu(Menu),
    /// The filter of a pane, being typed.
    Filter {
        /// The pane that is narrowed while it is typed.
        pane: Pane,
        /// As typed so far.
        line: Line,
        /// What the pane had before: Esc puts it back.
        before: Option<Filter>,
        /// Why what stands there is no filter; the rows are meanwhile those of `before`.
        problem: Option<FilterError>,
        /// `None` until Tab is pressed, and again after any other key.
        tab: Option<Tab>,
    },
    /// An instant to go to, being typed.
    Jump {
        /// As typed so far: `14:41`, `T+8`, `-5m`, `back`.
        line: Line,
        /// Why it is no instant; gone at the next key.
        problem: Option<String>,
    },
    /// A line for the timeline.
    Write(TextPrompt),
    /// To be read, and proposed or confirmed by its typed name.
    Plan(Box<PlanView>),
    /// To be made or ended.
    Silence(Box<SilenceForm>),
    /// Every command by name.
    Palette(Palette),
    /// Leave although an incident is open?
    Leave,
}

impl Overlay {
    /// Where its keys are looked up.
    pub fn context(&self) -> KeyContext {
        match self {
            Self::Help { .. } | Self::Situation { .. } | Self::Readiness { .. } | Self::Detail { .. } => {
                KeyContext::View
            }
            Self::Menu(_) => KeyContext::Menu,
            Self::Filter { .. } | Self::Jump { .. } | Self::Write(_) | Self::Silence(_) | Self::Palette(_) => {
                KeyContext::Entry
            }
            Self::Plan(_) => KeyContext::Plan,
            Self::Leave => KeyContext::Ask,
        }
    }

    /// Whether it covers the whole screen.
    pub fn covers(&self) -> bool {
        match self {
            Self::Help { .. } | Self::Situation { .. } | Self::Readiness { .. } => true,
            Self::Detail { .. } | Self::Plan(_) => true,
            Self::Silence(form) => form.shown.is_some(),
            _ => false,
        }
    }
}

/// The palette: what is typed, and the row that is chosen.
#[derive(Clone, Debug, Default)]
pub struct Palette {
    /// As typed so far; each of its words must fit a command.
    pub line: Line,
    /// Which of the commands that fit is chosen, from 0.
    pub cursor: usize,
}

/// Candidates being gone through with Tab.
#[derive(Clone, Debug)]
pub struct Tab {
    /// The line and its cursor before the first Tab.
    pub text: String,
    /// In characters.
    pub cursor: usize,
    /// What could stand there, and from which character on.
    pub found: Completion,
    /// Which candidate stands in the line, from 0.
    pub at: usize,
}

/// A list to choose from.
#[derive(Clone, Debug)]
pub struct Menu {
    /// The question.
    pub title: String,
    /// In the order in which they are shown.
    pub items: Vec<MenuItem>,
    /// Which one is chosen, from 0.
    pub cursor: usize,
}

/// One choice.
#[derive(Clone, Debug)]
pub struct MenuItem {
    /// What is chosen: a service, a status, a milestone, a silence's matchers, an answer.
    pub label: String,
    /// Beside it, dim; may be empty.
    pub note: String,
    /// What Enter does.
    pub choice: Choice,
}

/// What a choice does.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Ask the room for a plan, to be read first.
    Preview {
        /// What the plan is to do.
        action: Action,
        /// What it is to be done to: one with an objective.
        service: String,
        /// The cluster that was chosen; `None` where there is only one.
        to: Option<String>,
    },
    /// Set the incident's status.
    Status(IncidentStatus),
    /// Mark an entry as a milestone, or take that back.
    Mark {
        /// The entry's number.
        seq: u64,
        /// One of those that this version knows.
        milestone: Milestone,
        /// False takes the mark back.
        marked: bool,
    },
    /// Ask whether to close the incident.
    Close,
    /// Close the incident.
    CloseNow,
    /// Become the commander in place of another.
    TakeCommand,
    /// Go back to what was below.
    Nothing,
    /// Show what ending a silence does.
    Expire(String),
}

/// What a typed line becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum WriteKind {
    /// An entry that says what somebody saw or did.
    Note,
    /// An entry that says what was decided; the decision clock counts from the first one.
    Decision,
    /// An entry about work for afterwards.
    FollowUp,
    /// What this entry should say.
    Amend(u64),
    /// Why this plan is refused: one person is enough, and it is final.
    Reject(PlanId),
}

impl WriteKind {
    /// The question in front of the line.
    pub fn prompt(&self) -> &'static str {
        match self {
            Self::Note => "Note",
            Self::Decision => "Decision",
            Self::FollowUp => "Follow-up",
            Self::Amend(_) => "Amend",
            Self::Reject(_) => "Refuse, because",
        }
    }
}

/// A line being typed. It stays until the room has recorded it.
#[derive(Clone, Debug)]
pub struct TextPrompt {
    /// Which request the line becomes.
    pub kind: WriteKind,
    /// As typed so far.
    pub line: Line,
    /// The request that carries it.
    pub sent: Option<u64>,
    /// Why the room did not take it.
    pub problem: Option<SafeText>,
}

/// A silence in the making, or the end of one: a form, then a preview that is confirmed by a typed word.
#[derive(Clone, Debug)]
pub struct SilenceForm {
    /// As `name=value`, with blanks between them.
    pub matchers: Line,
    /// A duration: `2h`.
    pub lasts: Line,
    /// Why nobody needs to hear of it; goes into the silence's comment.
    pub reason: Line,
    /// Which line is being typed.
    pub field: usize,
    /// The silence to end, instead of a new one.
    pub expires: Option<String>,
    /// What the room says that it would do; `None` while the form is filled in.
    pub shown: Option<SilencePreview>,
    /// The typed word.
    pub confirm: Line,
    /// First line of the preview shown, from 0.
    pub scroll: usize,
    /// When the preview came, in real time: keys of the first moment are dropped.
    pub opened: Duration,
    /// Tag of the request that is on its way; `None` again if the room says no.
    pub sent: Option<u64>,
    /// Why the form can't be sent, or what the room said no to.
    pub problem: Option<SafeText>,
}

impl SilenceForm {
    /// A form with its first two lines filled in; the reason is what is left to say.
    pub fn new(matchers: &str, lasts: &str) -> Self {
        Self {
            matchers: Line::new(matchers.to_owned()),
            lasts: Line::new(lasts.to_owned()),
            reason: Line::default(),
            field: 2,
            expires: None,
            shown: None,
            confirm: Line::default(),
            scroll: 0,
            opened: Duration::ZERO,
            sent: None,
            problem: None,
        }
    }

    /// The line that takes text now.
    pub fn line(&mut self) -> &mut Line {
        match (self.shown.is_some(), self.field) {
            (true, _) => &mut self.confirm,
            (false, 0) => &mut self.matchers,
            (false, 1) => &mut self.lasts,
            (false, _) => &mut self.reason,
        }
    }
}

/// A plan on the whole screen.
#[derive(Clone, Debug)]
pub struct PlanView {
    /// A draft becomes known once it was proposed.
    pub subject: Subject,
    /// The typed name.
    pub line: Line,
    /// First line shown, from 0.
    pub scroll: usize,
    /// When it opened, in real time: keys of the first moment are dropped.
    pub opened: Duration,
    /// Tag of the request that is on its way, while no name is typed; `None` again if the room says no.
    pub sent: Option<u64>,
    /// Why the typed name was not taken, or what the room said no to.
    pub problem: Option<SafeText>,
}

/// Which plan.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Built and shown, not proposed yet; for the cluster that was chosen, where there was a choice.
    Draft {
        /// As the room built it for this console; it is nowhere in the log.
        plan: Box<Plan>,
        /// The room's, compared with that of the bytes which the plan was read from.
        digest: Digest,
        /// Sent again with the proposal; `None` where there was no choice.
        to: Option<String>,
    },
    /// In the log.
    Known(PlanId),
}

/// What the reader of a plan can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Propose it by typing its name.
    Propose,
    /// Be the second person by typing its name.
    Approve,
    /// Wait: one's own proposal, or already confirmed.
    Wait {
        /// True: one's own proposal, which can be withdrawn.
        mine: bool,
    },
    /// Watch it run.
    Watch,
    /// Read how it ended.
    Ended,
    /// Only look: observers, read-only consoles.
    Look,
}

/// How long keys are ignored after a plan opened: what was typed before was not meant for it.
pub const GUARD: Duration = Duration::from_millis(300);

impl PlanView {
    /// A view on a plan, opened now.
    pub fn new(subject: Subject, opened: Duration) -> Self {
        Self { subject, line: Line::default(), scroll: 0, opened, sent: None, problem: None }
    }

    /// The draft that was read before it was proposed.
    pub fn plan_read(&self) -> Option<&Plan> {
        match &self.subject {
            Subject::Draft { plan, .. } => Some(plan),
            Subject::Known(_) => None,
        }
    }
}
