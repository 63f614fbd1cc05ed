//! The console as numbered lines: for screen readers, serial lines, logs and scripts.
//!
//! Nothing is ever drawn over: no alternate screen, no cursor, no colour. A line says one fact and has a number by which
//! it can be named (`open 14`). What is typed are words ([`grammar`]); what they do is what the keys do, through the same
//! `update`, and what is printed are the panes' own words ([`sections`]). So a plan is printed whole before it can be
//! approved, the digest is computed from the bytes that were printed, and a proposer can't be the second person.
//!
//! A script may type ahead: a line is taken when the one before it is answered. In a script an approval also needs the code
//! that stands in the printed plan, so that nothing is approved by somebody who could not have read it.

mod announcements;
pub mod grammar;
mod interpreter;
mod plan;
mod run;
mod sections;
mod silence;
#[cfg(test)]
mod tests;
mod wait;

use std::collections::VecDeque;
use std::time::Duration;

use crate::board::Topic;
use crate::console::Keymap;
use crate::model::{Digest, PlanId, SafeText};

use super::app::Console;
use super::effect::Effect;
use super::input::{Input, Now};
use super::overlay::{Overlay, Subject};
use super::pane::Pane;
use super::run::{ExitReason, GaveUp};
use super::update::update;

use self::announcements::Announced;
use self::wait::WaitState;

pub use self::run::{PlainOptions, run};

/// Typed lines that may wait for their turn; more wait in the pipe.
pub const AHEAD: usize = 64;
/// Lines that can still be named by their number.
const REMEMBERED: usize = 4_000;
/// How long the first order waits for a room that does not say everything.
const PATIENCE: Duration = Duration::from_secs(5);

/// What comes in.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A line without its end, and when it was read, in real time.
    Typed(String, Duration),
    /// Nothing more will be typed.
    End,
    /// What a console hears: the room, answers, time.
    Console(Input),
}

/// What a printed line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineSubject {
    /// A row of a pane other than the timeline.
    Row {
        /// The pane that has the row.
        pane: Pane,
        /// The row's identity: it may be gone by the time that it is named.
        key: String,
    },
    /// The entry of this number.
    Entry(u64),
    /// A plan of the log, not a draft.
    Plan(PlanId),
    /// The silence of this id.
    Silence(String),
}

/// A line to print: its number and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlainLine {
    /// Counts from 1 and is never used twice; the last 4000 can be named.
    pub number: u64,
    /// Without its number and its end; one fact.
    pub text: String,
}

/// A typed line and when it was, in real time.
#[derive(Clone, Debug)]
struct Typed {
    text: String,
    at: Duration,
}

/// The plan that was printed last, whole; or what a silence would hit.
#[derive(Clone, Debug)]
struct Printed {
    /// `None` = a draft, or a silence.
    plan: Option<PlanId>,
    digest: Digest,
    at: Duration,
    /// It may still be on its way to the terminal.
    leaving: bool,
}

/// A console of lines.
pub struct Plain {
    /// The same state as on the screen, without keys.
    pub app: Console,
    /// A person types; otherwise a script does.
    typing: bool,
    /// Only ASCII is printed.
    ascii: bool,
    lines: Vec<PlainLine>,
    next: u64,
    about: VecDeque<(u64, LineSubject)>,
    told: Announced,
    queue: VecDeque<Typed>,
    waiting: WaitState,
    printed: Option<Printed>,
    /// Nothing more will be typed, and that is the end.
    over: bool,
    /// A wait ended a script without what it was for.
    gave_up: Option<GaveUp>,
    /// Leaving was asked for once.
    asked_to_leave: bool,
    greeted: bool,
}

impl Plain {
    /// A console that has said nothing yet. `typing` = a person is at the other end, not a script.
    pub fn new(mut app: Console, typing: bool, ascii: bool) -> Self {
        app.keymap = Keymap::none();
        Self {
            app,
            typing,
            ascii,
            lines: Vec::new(),
            next: 1,
            about: VecDeque::new(),
            told: Announced::default(),
            queue: VecDeque::new(),
            waiting: WaitState::default(),
            printed: None,
            over: false,
            gave_up: None,
            asked_to_leave: false,
            greeted: false,
        }
    }

    /// Takes in what came, and gives what is to be done; what is to be printed is in [`Plain::take_lines`].
    pub fn hear(&mut self, heard: Heard, now: Now) -> Vec<Effect> {
        let before = self.app.notice.as_ref().map(|notice| (notice.text.clone(), notice.until));
        let mut effects = match heard {
            Heard::Console(input) => {
                self.waiting.answer(&self.app, &input);
                update(&mut self.app, input, now)
            }
            Heard::Typed(text, at) => {
                self.app.now = now;
                if self.typing {
                    // Whoever types again does not wait any more.
                    self.waiting.forget();
                }
                // What comes after the end of a script was meant for what did not happen.
                if self.gave_up.is_none() {
                    self.queue.push_back(Typed { text, at });
                }
                Vec::new()
            }
            Heard::End => {
                self.app.now = now;
                self.over = true;
                Vec::new()
            }
        };
        self.say_changed(before);
        self.tell();
        effects.extend(self.work());
        effects
    }

    /// Why it ends, once it does.
    pub fn reason(&self) -> ExitReason {
        self.gave_up.map_or(ExitReason::Left, ExitReason::GaveUp)
    }

    /// Whether a line may be typed ahead.
    pub fn has_room(&self) -> bool {
        self.queue.len() < AHEAD
    }

    /// What is to be printed now.
    pub fn take_lines(&mut self) -> Vec<PlainLine> {
        std::mem::take(&mut self.lines)
    }

    /// Whether the room has said what there is, or will not.
    fn ready(&self) -> bool {
        let mirror = &self.app.mirror;
        let whole = mirror.caught_up && Topic::ALL.iter().all(|topic| mirror.board.contains_key(topic));
        whole || self.app.lost() || (mirror.caught_up && self.app.now.real > PATIENCE)
    }

    /// Prints a line about nothing that could be opened.
    fn say(&mut self, text: impl AsRef<str>) {
        self.put(text.as_ref(), None);
    }

    /// Prints a line. Nothing that is printed can do anything to a terminal, whoever wrote it.
    fn put(&mut self, text: &str, about: Option<LineSubject>) {
        let mut text = SafeText::long(text.trim()).as_str().to_owned();
        if self.ascii {
            text = super::widget::glyph::fold_text(&text);
        }
        if let Some(about) = about {
            self.about.push_back((self.next, about));
            if self.about.len() > REMEMBERED {
                self.about.pop_front();
            }
        }
        self.lines.push(PlainLine { number: self.next, text });
        self.next += 1;
    }

    /// What the line of this number is about.
    fn named(&self, number: u64) -> Option<&LineSubject> {
        self.about.iter().rev().find(|(known, _)| *known == number).map(|(_, about)| about)
    }

    /// What the console would have said in its footer, and what stands beside a line or a plan that was not taken.
    fn say_changed(&mut self, before: Option<(SafeText, Duration)>) {
        let now = self.app.notice.as_ref().map(|notice| (notice.text.clone(), notice.until));
        if now != before
            && let Some((text, _)) = now
        {
            self.say(text.as_str());
        }
        let problem = match self.app.overlays.last_mut() {
            Some(Overlay::Write(write)) => write.problem.take(),
            Some(Overlay::Plan(view)) => view.problem.take(),
            Some(Overlay::Silence(form)) => form.problem.take(),
            _ => None,
        };
        if let Some(problem) = problem {
            self.say(problem.as_str());
            // The words are still in the scrollback; the line is not kept open for them.
            let unsent = match self.app.overlays.last() {
                Some(Overlay::Write(_)) => true,
                Some(Overlay::Silence(form)) => form.shown.is_none(),
                _ => false,
            };
            if unsent {
                self.app.overlays.pop();
            }
        }
    }

    /// The plan on the table, if one is.
    fn table(&self) -> Option<&Subject> {
        match self.app.overlays.last() {
            Some(Overlay::Plan(view)) => Some(&view.subject),
            _ => None,
        }
    }
}
