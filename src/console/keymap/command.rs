//! Every command: id, words, where it works, and how dangerous it is. Help, footer and docs/keys.md come from here.

use crate::actions::{ACTIONS, ActionSpec};
use crate::console::pane::Pane;
use crate::model::Action;

/// Where a command can be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyContext {
    /// Everywhere, even while typing: chords with control only.
    Anywhere,
    /// The panes.
    Main,
    /// A view that is read: detail, help, situation.
    View,
    /// A plan on the whole screen.
    Plan,
    /// A list to choose from.
    Menu,
    /// A line being typed.
    Entry,
    /// A question with yes and no.
    Ask,
}

impl KeyContext {
    /// Every context, in the order of help.
    pub const ALL: [Self; 7] = [Self::Main, Self::View, Self::Plan, Self::Menu, Self::Entry, Self::Ask, Self::Anywhere];

    /// The name in key map files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Anywhere => "anywhere",
            Self::Main => "main",
            Self::View => "view",
            Self::Plan => "plan",
            Self::Menu => "menu",
            Self::Entry => "entry",
            Self::Ask => "ask",
        }
    }
}

/// What a slip of the finger costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Danger {
    /// Changes only what this screen shows.
    None,
    /// Writes to the timeline, or asks the room for something harmless.
    Records,
    /// Acts on the outside world in one person's name: never without a preview and a typed word.
    Shown,
    /// Begins an act on the outside world. Never on a single key in the panes, and never without a typed name.
    Guarded,
}

/// A command's row in the table.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// What is carried out; one row each.
    pub command: Command,
    /// The word in key map files, in the palette and in plain mode; never changed.
    pub id: &'static str,
    /// For the footer, if it is worth a place there; shorter is better.
    pub hint: &'static str,
    /// For help.
    pub doc: &'static str,
    /// Where key maps may bind it; a binding anywhere else is refused at load.
    pub contexts: &'static [KeyContext],
    /// Says what a key map must not make too easy: a `Guarded` one is refused on a single key.
    pub danger: Danger,
}

macro_rules! commands {
    (
        $($variant:ident = $id:literal, $hint:literal, $doc:literal, [$($context:ident),+], $danger:ident;)*
        @actions
        $($next:ident = $next_id:literal, $next_hint:literal, $next_doc:literal, [$($next_context:ident),+], $next_danger:ident;)*
        @panes
        $($rest:ident = $rest_id:literal, $rest_hint:literal, $rest_doc:literal, [$($rest_context:ident),+], $rest_danger:ident;)*
    ) => {
        /// What a key may mean.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Command {
            $(#[doc = concat!("`", $id, "`: ", $doc, ".")] $variant,)*
            /// Propose a plan of an action.
            Propose(Action),
            $(#[doc = concat!("`", $next_id, "`: ", $next_doc, ".")] $next,)*
            /// Go to a pane.
            Pane(Pane),
            $(#[doc = concat!("`", $rest_id, "`: ", $rest_doc, ".")] $rest,)*
        }

        const PARTS: [&[Spec]; 5] = [
            &[$(spec(Command::$variant, [$id, $hint, $doc], &[$(KeyContext::$context),+], Danger::$danger),)*],
            &PROPOSALS,
            &[$(spec(Command::$next, [$next_id, $next_hint, $next_doc], &[$(KeyContext::$next_context),+], Danger::$next_danger),)*],
            &GO_TO_PANES,
            &[$(spec(Command::$rest, [$rest_id, $rest_hint, $rest_doc], &[$(KeyContext::$rest_context),+], Danger::$rest_danger),)*],
        ];
    };
}

const fn spec(
    command: Command,
    [id, hint, doc]: [&'static str; 3],
    contexts: &'static [KeyContext],
    danger: Danger,
) -> Spec {
    Spec { command, id, hint, doc, contexts, danger }
}

/// The commands that propose a plan, as the table of actions has them.
const PROPOSALS: [Spec; ACTIONS.len()] = {
    const fn propose(it: &ActionSpec) -> Spec {
        let words = [it.command, it.verb, it.command_doc];
        spec(Command::Propose(it.action), words, &[KeyContext::Main], Danger::Guarded)
    }
    let mut all = [propose(ACTIONS[0]); ACTIONS.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = propose(ACTIONS[i]);
        i += 1;
    }
    all
};

/// The commands that go to a pane, as the table of panes has them.
const GO_TO_PANES: [Spec; Pane::ALL.len()] = {
    const fn go_to(pane: Pane) -> Spec {
        let (id, doc) = pane.command();
        spec(Command::Pane(pane), [id, "", doc], &[KeyContext::Main, KeyContext::View], Danger::None)
    }
    let mut all = [go_to(Pane::ALL[0]); Pane::ALL.len()];
    let mut i = 0;
    while i < all.len() {
        all[i] = go_to(Pane::ALL[i]);
        i += 1;
    }
    all
};

/// How many commands there are.
const COUNT: usize = {
    let (mut count, mut part) = (0, 0);
    while part < PARTS.len() {
        count += PARTS[part].len();
        part += 1;
    }
    count
};

/// The table.
pub const COMMANDS: &[Spec] = &{
    let mut all = [PARTS[0][0]; COUNT];
    let (mut at, mut part) = (0, 0);
    while part < PARTS.len() {
        let mut i = 0;
        while i < PARTS[part].len() {
            all[at] = PARTS[part][i];
            (at, i) = (at + 1, i + 1);
        }
        part += 1;
    }
    all
};

commands! {
    OpenProposal = "open-proposal", "open plan", "open the plan that waits for a person, or runs; else the last one", [Main, View], None;
    Note = "note", "note", "write a note into the timeline", [Main, View], Records;
    Decide = "decision", "decision", "record a decision", [Main, View], Records;
    FollowUp = "follow-up", "follow-up", "record work for afterwards", [Main, View], Records;
    @actions
    Filter = "filter", "filter", "show only rows that match: words, !without, field:value, >5m; Tab completes", [Main], None;
    NextTrouble = "next-trouble", "", "to the next row that needs a person: critical, warning or unknown", [Main], None;
    PrevTrouble = "prev-trouble", "", "to the row before that needs a person", [Main], None;
    Mark = "mark", "mark", "mark the row or unmark it; marked rows stay whatever the filter, copy and note take them all", [Main], None;
    Warnings = "warnings", "warnings", "show only what is wrong, or everything again", [Main], None;
    Zoom = "zoom", "zoom", "give the pane the whole screen, or take it back", [Main], None;
    Split = "split", "split", "two panes side by side above the timeline, or as before", [Main], None;
    Hide = "hide", "hide", "take the pane off the screen; its number shows it again", [Main], None;
    ShowAll = "show-all", "show all", "every pane again", [Main], None;
    Jump = "jump", "time", "show an earlier instant: 14:41, T+8, -5m, yesterday 14:41; `back` returns to now", [Main], None;
    Freeze = "freeze", "freeze", "hold the screen still, or let it run again", [Main], None;
    Situation = "situation", "situation", "the incident in one page", [Main, View], None;
    Readiness = "readiness", "readiness", "would RTO and RPO be met if the primary died now, and what is not proven", [Main, View], None;
    TakeCommand = "take-command", "command", "become the incident's commander", [Main], Records;
    SetStatus = "set-status", "status", "set the incident's status, or close it", [Main], Records;
    Pin = "pin", "pin", "pin the timeline's entry, or unpin it", [Main], Records;
    Amend = "amend", "amend", "put the text of the timeline's entry right; what it said before stays in the log", [Main], Records;
    Milestone = "milestone", "milestone", "mark the timeline's entry as a milestone (confirmed, restored and so on), or take that back", [Main], Records;
    Silence = "silence", "silence", "silence alerts like this one for a while", [Main], Shown;
    Silences = "silences", "silences", "list the silences there are, and end one", [Main], Shown;
    Mouse = "mouse", "", "take the mouse (wheel and clicks), or give it back to the terminal", [Main], None;
    Copy = "copy", "copy", "copy the row (or the view) to the clipboard of your terminal", [Main, View, Plan], None;
    Open = "open", "open", "show everything about the row; choose; confirm; send", [Main, View, Menu, Plan, Entry, Ask], None;
    NextPane = "next-pane", "", "go to the next pane", [Main], None;
    PrevPane = "prev-pane", "", "go to the pane before", [Main], None;
    @panes
    NextLink = "next-link", "next related", "choose the next of the related rows; Enter opens it", [View], None;
    PrevLink = "prev-link", "", "choose the related row before", [View], None;
    Up = "up", "", "one row up", [Main, View, Plan, Menu, Entry], None;
    Down = "down", "", "one row down", [Main, View, Plan, Menu, Entry], None;
    PageUp = "page-up", "", "one page up", [Main, View, Plan], None;
    PageDown = "page-down", "", "one page down", [Main, View, Plan], None;
    Top = "top", "", "to the first row", [Main, View], None;
    Bottom = "bottom", "", "to the last row, and follow it", [Main, View], None;
    Refuse = "reject", "refuse with a reason", "refuse this plan; one person is enough, and it is final", [Plan], Records;
    Withdraw = "withdraw", "withdraw", "take back your own plan", [Plan], Records;
    Hold = "hold", "stop before the next step", "stop the running plan for good before its next step; what was done stays done", [Plan], Records;
    Back = "back", "back", "close this view, end the filter; never leaves the program", [Main, View, Plan, Menu, Entry, Ask], None;
    Quit = "quit", "", "close this view; at the top, leave (asks during an incident)", [Main, View, Menu], None;
    Palette = "palette", "commands", "every command by name: what it does, its key, and what it needs", [Main, View, Plan], None;
    Help = "help", "help", "the keys that work here", [Main, View, Plan, Menu], None;
    Leave = "leave", "", "close this view, then leave; twice leaves at once", [Anywhere], None;
    Redraw = "redraw", "", "paint the whole screen again", [Anywhere], None;
    Suspend = "suspend", "", "hand the terminal back to the shell; fg returns", [Anywhere], None;
}

impl Command {
    /// Its row.
    pub fn spec(self) -> &'static Spec {
        // Both come from one macro, so there is one.
        COMMANDS.iter().find(|spec| spec.command == self).unwrap_or(&COMMANDS[0])
    }

    /// The command with this id.
    pub fn by_id(id: &str) -> Option<Self> {
        COMMANDS.iter().find(|spec| spec.id == id).map(|spec| spec.command)
    }
}
