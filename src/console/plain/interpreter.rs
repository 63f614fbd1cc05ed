//! Typed lines, one after the other: each when the one before it is answered.

use std::time::Duration;

use crate::approval::{PlanRecord, PlanState};
use crate::console::effect::Effect;
use crate::console::keymap::Command;
use crate::console::overlay::{GUARD, Overlay, PlanView, Stance, Subject, WriteKind};
use crate::console::pane::Pane;
use crate::console::update::{open, open_waiting, plain_requests};
use crate::console::view::silence::words as silence_words;
use crate::console::view::{detail, situation};
use crate::model::{Digest, IncidentStatus, PlanId};

use super::grammar::{self, PlainCommand, WORDS};
use super::{LineSubject, Plain, Printed, Typed, plan, sections};

impl Plain {
    /// Does what can be done now.
    pub(super) fn work(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.lay_down();
        while effects.is_empty() && self.app.waiting.is_empty() && self.ready() && !self.waits() {
            let Some(typed) = self.queue.pop_front() else {
                if self.over {
                    effects.push(Effect::Quit);
                }
                break;
            };
            if !self.typing {
                // A transcript shows what was asked.
                self.say(format!("> {}", typed.text));
            }
            let before = self.app.notice.as_ref().map(|notice| (notice.text.clone(), notice.until));
            effects = match grammar::parse(&typed.text) {
                Ok(None) => Vec::new(),
                Ok(Some(order)) => self.obey(order, &typed),
                Err(why) => {
                    self.say(why);
                    Vec::new()
                }
            };
            self.say_changed(before);
            self.lay_down();
        }
        effects
    }

    /// Prints a plan that an answer laid on the table.
    fn lay_down(&mut self) {
        self.lay_silence_down();
        let app = &self.app;
        let found = match self.table() {
            Some(Subject::Draft { digest, .. }) => Some((None, *digest)),
            Some(Subject::Known(id)) => app.plan(id).map(|record| (Some(id.clone()), record.digest)),
            None => None,
        };
        let Some((id, digest)) = found else { return };
        if self.printed.as_ref().is_some_and(|printed| printed.digest == digest && printed.plan == id) {
            return;
        }
        self.print_plan();
        self.has_printed(id, digest);
    }

    /// Remembers what stands printed, to be confirmed by its name.
    pub(super) fn has_printed(&mut self, plan: Option<PlanId>, digest: Digest) {
        self.printed = Some(Printed { plan, digest, at: self.app.now.real, leaving: true });
    }

    fn print_plan(&mut self) {
        let Some(Overlay::Plan(view)) = self.app.overlays.last() else { return };
        let about = match &view.subject {
            Subject::Known(id) => Some(LineSubject::Plan(id.clone())),
            Subject::Draft { .. } => None,
        };
        for line in plan::whole(&self.app, view, !self.typing) {
            self.put(&line, about.clone());
        }
    }

    fn obey(&mut self, order: PlainCommand, typed: &Typed) -> Vec<Effect> {
        if !matches!(order, PlainCommand::Quit) {
            self.asked_to_leave = false;
        }
        match order {
            PlainCommand::Help => self.help(),
            PlainCommand::Status => self.status(),
            PlainCommand::Situation => {
                let lines = sections::sheet(&situation::sheet(&self.app, u16::MAX));
                self.page(lines);
            }
            PlainCommand::Rows(pane, words) => self.rows(pane, &words),
            PlainCommand::Open(number) => self.open(number),
            PlainCommand::Silences => self.silences(),
            PlainCommand::Wait(wait) => self.wait(wait),
            PlainCommand::Quit => return self.quit(),
            other => {
                let effects = self.act(other.clone(), typed);
                self.waiting.sent(&other, &effects);
                return effects;
            }
        }
        Vec::new()
    }

    fn act(&mut self, order: PlainCommand, typed: &Typed) -> Vec<Effect> {
        let app = &mut self.app;
        match order {
            PlainCommand::Note(text) => plain_requests::write(app, WriteKind::Note, &text),
            PlainCommand::Decide(text) => plain_requests::write(app, WriteKind::Decision, &text),
            PlainCommand::FollowUp(text) => plain_requests::write(app, WriteKind::FollowUp, &text),
            PlainCommand::TakeCommand => plain_requests::take_command(app),
            PlainCommand::Set(status, although_firing) => plain_requests::set_status(app, status, although_firing),
            PlainCommand::Preview(action, service) => {
                self.printed = None;
                plain_requests::preview(app, action, service)
            }
            PlainCommand::Propose(name) => self.propose(&name, typed),
            PlainCommand::Approve { name, code } => self.approve(&name, &code, typed),
            PlainCommand::Refuse(reason) => self.refuse(reason),
            PlainCommand::Withdraw => self.stop(Command::Withdraw),
            PlainCommand::Hold => self.stop(Command::Hold),
            PlainCommand::Silence(aim, lasts, reason) => self.silence(&aim, &lasts, &reason),
            PlainCommand::Unsilence(number) => self.unsilence(number),
            PlainCommand::Confirm(word) => self.confirm_silence(&word, typed),
            PlainCommand::Mark(number, milestone) => match self.named(number).cloned() {
                Some(LineSubject::Entry(seq)) => plain_requests::mark(&mut self.app, seq, milestone),
                _ => {
                    self.say(format!("Line {number} is no entry of the timeline; nothing was marked."));
                    Vec::new()
                }
            },
            PlainCommand::Amend(number, text) => match self.named(number).cloned() {
                Some(LineSubject::Entry(seq)) => plain_requests::amend(&mut self.app, seq, &text),
                _ => {
                    self.say(format!("Line {number} is no entry of the timeline; nothing was amended."));
                    Vec::new()
                }
            },
            PlainCommand::Pin(number) => match self.named(number).cloned() {
                Some(LineSubject::Entry(seq)) => plain_requests::pin(&mut self.app, seq),
                _ => {
                    self.say(format!("Line {number} is no entry of the timeline; nothing was pinned."));
                    Vec::new()
                }
            },
            _ => Vec::new(),
        }
    }

    /// What was printed has left: nobody can have read it before.
    pub(super) fn has_left(&mut self, now: Duration) {
        if let Some(printed) = self.printed.as_mut().filter(|printed| printed.leaving) {
            (printed.at, printed.leaving) = (now, false);
        }
    }

    /// Whether the line was typed for what is printed, and not before a person could have read it.
    pub(super) fn was_read(&mut self, typed: &Typed) -> bool {
        let printed = self.printed.as_ref().map(|printed| printed.at);
        let read = printed.is_some_and(|at| !self.typing || typed.at >= at + GUARD);
        if !read {
            self.say("That was typed before what it means was printed; nothing was sent. Read it, then type it again.");
        }
        read
    }

    fn propose(&mut self, name: &str, typed: &Typed) -> Vec<Effect> {
        if !matches!(self.table(), Some(Subject::Draft { .. })) {
            self.say("No draft was printed; nothing was sent. `failover` or `restore` builds one.");
            return Vec::new();
        }
        if self.was_read(typed) { plain_requests::confirm(&mut self.app, name) } else { Vec::new() }
    }

    /// The second person: of the plan that was printed here, as it was printed, by its name.
    fn approve(&mut self, name: &str, code: &str, typed: &Typed) -> Vec<Effect> {
        let printed = self.printed.clone().filter(|printed| printed.plan.is_some());
        let (Some(printed), Some(Subject::Known(id))) = (printed, self.table().cloned()) else {
            self.say("No plan was printed that could be approved; nothing was sent. `plan` prints the one that waits.");
            return Vec::new();
        };
        let record = self.app.plan(&id);
        let unchanged =
            record.is_some_and(|record| record.digest == printed.digest) && printed.plan.as_ref() == Some(&id);
        let stance = PlanView::new(Subject::Known(id), self.app.now.real).stance(&self.app);
        let given = letters(code);
        let why = if !unchanged {
            "The plan on the table is not the one that was printed; nothing was sent. `plan` prints it."
        } else if stance == (Stance::Wait { mine: true }) {
            "You proposed this plan: another person must approve it. Nothing was sent."
        } else if stance != Stance::Approve {
            "This plan is not for you to approve now; nothing was sent. `plan` says how it stands."
        } else if given.is_empty() && !self.typing {
            "In a script an approval needs the code that stands in the printed plan; nothing was sent."
        } else if !given.is_empty() && given != letters(&printed.digest.spoken()) {
            "That is not this plan's code; nothing was sent. Somebody may be reading another plan than you."
        } else {
            if self.was_read(typed) {
                return plain_requests::confirm(&mut self.app, name);
            }
            return Vec::new();
        };
        self.say(why);
        Vec::new()
    }

    /// Lays the plan that waits on the table, if none lies there that is in the log.
    fn take_waiting(&mut self) {
        let ended = |id: &PlanId| self.app.plan(id).is_none_or(|record| record.state.is_over());
        if !matches!(self.table(), Some(Subject::Known(id)) if !ended(id)) && self.app.plan_waiting().is_some() {
            self.app.overlays.clear();
            open_waiting(&mut self.app);
        }
    }

    fn refuse(&mut self, reason: String) -> Vec<Effect> {
        self.take_waiting();
        if crate::console::availability::why_not(&self.app, Command::Refuse).is_some() {
            return plain_requests::stop(&mut self.app, Command::Refuse);
        }
        let printed = self.printed.as_ref().and_then(|printed| printed.plan.clone());
        if !matches!((self.table(), printed), (Some(Subject::Known(id)), Some(printed)) if *id == printed) {
            self.say("The plan that waits was not printed here yet; nothing was sent. `plan` prints it.");
            return Vec::new();
        }
        match self.table().cloned() {
            Some(Subject::Known(id)) => plain_requests::write(&mut self.app, WriteKind::Reject(id), &reason),
            _ => Vec::new(),
        }
    }

    fn stop(&mut self, command: Command) -> Vec<Effect> {
        // The plan that is meant is the one that this word can stop, whatever else waits.
        let me = self.app.me().cloned();
        let fits = |record: &&PlanRecord| match command {
            Command::Hold => record.state == PlanState::Executing,
            _ => record.state == PlanState::Proposed && me.as_ref() == Some(&record.by.person),
        };
        let plans = self.app.mirror.story.incidents.iter().flat_map(|incident| incident.plans.by_id.values());
        let found: Vec<PlanId> = plans.filter(fits).map(|record| record.plan.plan.clone()).collect();
        let on_table = matches!(self.table(), Some(Subject::Known(id)) if found.contains(id));
        match found.as_slice() {
            [] => self.take_waiting(),
            _ if on_table => {}
            [only] => {
                self.app.overlays.clear();
                open(&mut self.app, Subject::Known(only.clone()));
            }
            _ => {
                self.say("It could mean any of these plans; nothing was sent. `open NUMBER`, then say it again.");
                for id in found {
                    let says =
                        self.app.plan(&id).map(crate::console::view::timeline_text::plan_says).unwrap_or_default();
                    self.put(&says, Some(LineSubject::Plan(id)));
                }
                return Vec::new();
            }
        }
        plain_requests::stop(&mut self.app, command)
    }

    fn help(&mut self) {
        for word in WORDS {
            let takes = if word.takes.is_empty() { String::new() } else { format!(" {}", word.takes) };
            let doc = match word.name {
                "quit" if self.app.hosts => "leave; the room lives in this program and ends with it",
                _ => word.doc(),
            };
            self.say(format!("{}{takes}: {doc}", word.name));
        }
        let statuses: Vec<_> = IncidentStatus::ALL.into_iter().map(IncidentStatus::name).collect();
        self.say(format!("STATUS is one of: {}", statuses.join(", ")));
    }

    fn page(&mut self, lines: Vec<String>) {
        for line in lines {
            self.say(line);
        }
    }

    fn status(&mut self) {
        self.page(sections::header(&self.app));
        for pane in Pane::ALL.iter().copied() {
            let heading = sections::heading(&self.app, pane);
            match crate::console::rows::all(&self.app, pane).is_empty() {
                true => self.say(format!("{heading}. {}", crate::console::view::pane::nothing(&self.app, pane))),
                false => self.say(heading),
            }
            self.page(sections::troubles(&self.app, pane));
        }
        if let Some(record) = self.app.plan_waiting() {
            let (text, id) = (crate::console::view::timeline_text::plan_says(record), record.plan.plan.clone());
            self.put(&text, Some(LineSubject::Plan(id)));
        }
    }

    fn rows(&mut self, pane: Pane, words: &str) {
        self.say(sections::heading(&self.app, pane));
        let (rows, more) = match sections::rows(&self.app, pane, words) {
            Ok(found) => found,
            Err(why) => return self.say(format!("That filter can't be read: {why}.")),
        };
        let lines: Vec<(String, LineSubject)> = rows
            .into_iter()
            .map(|(entry, text)| {
                let about = match (entry.plan(), entry.item()) {
                    (Some(id), _) => LineSubject::Plan(id),
                    (_, Some(item)) => LineSubject::Entry(item.entry.seq),
                    _ => LineSubject::Row { pane, key: entry.key() },
                };
                (text, about)
            })
            .collect();
        if lines.is_empty() {
            let none = match words {
                "" => crate::console::view::pane::nothing(&self.app, pane),
                words => format!("No row matches {words}."),
            };
            self.say(none);
        }
        for (text, about) in lines {
            self.put(&text, Some(about));
        }
        if more > 0 {
            self.say(format!("{more} more; words after the pane's name narrow it."));
        }
        self.page(sections::troubles(&self.app, pane));
    }

    fn open(&mut self, number: Option<u64>) {
        let about = match number {
            None => self.app.plan_waiting().map(|record| LineSubject::Plan(record.plan.plan.clone())),
            Some(number) => self.named(number).cloned(),
        };
        match (about, number) {
            (Some(LineSubject::Plan(id)), _) => {
                self.app.overlays.clear();
                self.printed = None;
                open(&mut self.app, Subject::Known(id));
            }
            (Some(LineSubject::Entry(seq)), _) => {
                let mut incidents = self.app.mirror.story.incidents.iter().rev();
                let item = incidents.find_map(|incident| incident.item(seq));
                let lines = item.map(|item| sections::sheet(&detail::entry(&self.app, item, u16::MAX)));
                self.page(lines.unwrap_or_else(|| vec![format!("Entry {seq} belongs to no incident.")]));
            }
            (Some(LineSubject::Row { pane, key }), _) => self.detail(pane, &key),
            (Some(LineSubject::Silence(id)), _) => self.say(silence_words(&self.app, &id).as_str()),
            (None, None) => self.say("No plan waits for anyone."),
            (None, Some(number)) => self.say(format!("Line {number} is about nothing that could be opened.")),
        }
    }

    fn detail(&mut self, pane: Pane, key: &str) {
        let lines = sections::sheet(&detail::sheet(&self.app, pane, key, u16::MAX));
        self.page(lines);
    }

    fn quit(&mut self) -> Vec<Effect> {
        let others = !self.app.others().is_empty();
        if self.typing && !self.asked_to_leave && self.app.hosts && others {
            self.asked_to_leave = true;
            self.say("The room lives in this program: whoever else is here loses it too. `quit` again leaves.");
            return Vec::new();
        }
        vec![Effect::Quit]
    }
}

/// A code as it may be written down: `A1 B2 C3`, `a1b2c3`.
fn letters(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_uppercase()
}
