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
    Help {
        scroll: usize,
    },
    Situation {
        scroll: usize,
    },
    /// Would the objectives be met now?
    Readiness {
        scroll: usize,
    },
    /// Everything about one row.
    Detail {
        pane: Pane,
        key: String,
        scroll: usize,
        /// Which of its related rows is chosen.
        link: usize,
    },
    Menu(Menu),
    /// The filter of a pane, being typed.
    Filter {
        pane: Pane,
        line: Line,
        before: Option<Filter>,
        /// Why what stands there is no filter; the rows are those of the last one that was.
        problem: Option<FilterError>,
        tab: Option<Tab>,
    },
    /// An instant to go to, being typed.
    Jump {
        line: Line,
        problem: Option<String>,
    },
    Write(TextPrompt),
    Plan(Box<PlanView>),
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
    pub line: Line,
    pub cursor: usize,
}

/// Candidates being gone through with Tab.
#[derive(Clone, Debug)]
pub struct Tab {
    /// The line and its cursor before the first Tab.
    pub text: String,
    pub cursor: usize,
    pub found: Completion,
    pub at: usize,
}

/// A list to choose from.
#[derive(Clone, Debug)]
pub struct Menu {
    pub title: String,
    pub items: Vec<MenuItem>,
    pub cursor: usize,
}

/// One choice.
#[derive(Clone, Debug)]
pub struct MenuItem {
    pub label: String,
    pub note: String,
    pub choice: Choice,
}

/// What a choice does.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    Preview {
        action: Action,
        service: String,
        to: Option<String>,
    },
    Status(IncidentStatus),
    /// Mark an entry as a milestone, or take that back.
    Mark {
        seq: u64,
        milestone: Milestone,
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
    Note,
    Decision,
    FollowUp,
    /// What this entry should say.
    Amend(u64),
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
    pub kind: WriteKind,
    pub line: Line,
    /// The request that carries it.
    pub sent: Option<u64>,
    /// Why the room did not take it.
    pub problem: Option<SafeText>,
}

/// A silence in the making, or the end of one: a form, then a preview that is confirmed by a typed word.
#[derive(Clone, Debug)]
pub struct SilenceForm {
    pub matchers: Line,
    pub lasts: Line,
    pub reason: Line,
    /// Which line is being typed.
    pub field: usize,
    /// The silence to end, instead of a new one.
    pub expires: Option<String>,
    pub shown: Option<SilencePreview>,
    /// The typed word.
    pub confirm: Line,
    pub scroll: usize,
    /// When the preview came, in real time: keys of the first moment are dropped.
    pub opened: Duration,
    pub sent: Option<u64>,
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
    pub subject: Subject,
    /// The typed name.
    pub line: Line,
    pub scroll: usize,
    /// When it opened, in real time: keys of the first moment are dropped.
    pub opened: Duration,
    pub sent: Option<u64>,
    pub problem: Option<SafeText>,
}

/// Which plan.
#[derive(Clone, Debug)]
pub enum Subject {
    /// Built and shown, not proposed yet; for the cluster that was chosen, where there was a choice.
    Draft { plan: Box<Plan>, digest: Digest, to: Option<String> },
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
    Wait { mine: bool },
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
