//! The words of plain mode: one table, in the order of help. Names are those of the console's commands where there is one.

use crate::actions::{ACTIONS, ActionSpec};
use crate::console::keymap::Command;
use crate::console::pane::Pane;
use crate::console::toml_source::nearest;
use crate::model::{Action, IncidentStatus, Milestone};

use super::silence::{self, Aim};
use super::wait::Wait;

/// What a line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlainCommand {
    /// The table, a word a line.
    Help,
    /// The clocks, and each pane in one line.
    Status,
    /// What the situation's screen shows, in lines.
    Situation,
    /// A pane's rows, all or those with these words.
    Rows(Pane, String),
    /// What the line of this number is about; without one, the plan that waits.
    Open(Option<u64>),
    /// The text of a note.
    Note(String),
    /// The text of a decision.
    Decide(String),
    /// The text of a follow-up.
    FollowUp(String),
    /// Build the plan and print it.
    Preview(Action, Option<String>),
    /// Type the name of the plan that was printed: to propose it, or to be its second person.
    Propose(String),
    /// Confirm the plan that was printed last, whole, before this line was typed.
    Approve {
        /// The typed name; the plan's own, letter by letter.
        name: String,
        /// Empty if none was given: only a person at a terminal may leave it out.
        code: String,
    },
    /// The reason, for the plan that waits.
    Refuse(String),
    /// Take back one's own plan.
    Withdraw,
    /// Stop the running plan before its next step.
    Hold,
    /// Become the commander, also in place of another.
    TakeCommand,
    /// True: close it though alerts fire.
    Set(IncidentStatus, bool),
    /// The number of a printed line, which is about an entry.
    Pin(u64),
    /// The number of a printed line, which is about an entry, and the milestone; said again it is taken back.
    Mark(u64, Milestone),
    /// Put the text of this line's entry right.
    Amend(u64, String),
    /// Those that there are, each on a line that can be ended by its number.
    Silences,
    /// What a silence of these alerts would hit.
    Silence(Aim, String, String),
    /// What ending the silence of this line does.
    Unsilence(u64),
    /// Type the word of the silence that was previewed.
    Confirm(String),
    /// Take no line until something is so, or its limit has passed.
    Wait(Wait),
    /// Leave; asked once more of a person whose room lives in this process while others are in it.
    Quit,
}

/// A word of the table.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// What is typed first; capitals do not matter.
    pub name: &'static str,
    /// The console's command that it stands for, which is understood too.
    pub id: &'static str,
    /// What follows it.
    pub takes: &'static str,
    /// Empty = the command's own.
    doc: &'static str,
}

const fn word(name: &'static str, id: &'static str, takes: &'static str, doc: &'static str) -> Word {
    Word { name, id, takes, doc }
}

/// The table.
pub const WORDS: &[Word] = &{
    const PARTS: [&[Word]; 5] = [FIRST, &OF_PANES, BEFORE, &OF_ACTIONS, AFTER];
    let mut all = [FIRST[0]; FIRST.len() + OF_PANES.len() + BEFORE.len() + OF_ACTIONS.len() + AFTER.len()];
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

/// The words of panes: each prints its rows.
const OF_PANES: [Word; Pane::ALL.len()] = {
    let mut all = [FIRST[0]; Pane::ALL.len()];
    let mut i = 0;
    while i < all.len() {
        let ((name, takes, doc), (id, _)) = (Pane::ALL[i].plain(), Pane::ALL[i].command());
        all[i] = word(name, id, takes, doc);
        i += 1;
    }
    all
};

/// The words of actions: each builds the plan.
const OF_ACTIONS: [Word; ACTIONS.len()] = {
    let mut all = [FIRST[0]; ACTIONS.len()];
    let mut i = 0;
    while i < all.len() {
        let it: &ActionSpec = ACTIONS[i];
        all[i] = word(it.action.name(), it.command, "[SERVICE [CLUSTER]]", it.plain_doc);
        i += 1;
    }
    all
};

const FIRST: &[Word] = &[
    word("status", "", "", "how it stands: the clocks, and each pane in one line"),
    word("situation", "situation", "", ""),
];

const BEFORE: &[Word] = &[
    word("open", "open", "NUMBER", "everything about what the line of this number is about; a plan is printed whole"),
    word("note", "note", "TEXT", ""),
    word("decision", "decision", "TEXT", ""),
    word("follow-up", "follow-up", "TEXT", ""),
    word("command", "take-command", "", ""),
    word(
        "set",
        "set-status",
        "STATUS",
        "set the incident's status; `set closed` closes it, `set closed although-firing` though alerts fire",
    ),
    word("pin", "pin", "NUMBER", "pin the timeline's entry of this line, or unpin it"),
    word(
        "milestone",
        "milestone",
        "NUMBER NAME",
        "mark the timeline's entry of this line as a milestone (confirmed, restored and so on), or take that back",
    ),
];

const AFTER: &[Word] = &[
    word("propose", "", "NAME", "propose the plan that was printed, by the name that it asks for"),
    word("plan", "open-proposal", "", "print the plan that waits for a person, or runs"),
    word(
        "approve",
        "",
        "NAME [CODE]",
        "be the second person of the plan that was printed; a script must give its code",
    ),
    word("refuse", "reject", "REASON", ""),
    word("withdraw", "withdraw", "", ""),
    word("hold", "hold", "", ""),
    word(
        "amend",
        "amend",
        "NUMBER TEXT",
        "put the text of the entry of this line right; what it said stays in the log",
    ),
    word("silences", "silences", "", "the silences there are, each on a line with a number"),
    word("silence", "silence", "NUMBER|{LABELS} TIME REASON", silence::DOC),
    word("unsilence", "", "NUMBER", "what ending the silence of this line does; nothing is ended yet"),
    word("confirm", "", "WORD", "do what was previewed of a silence, by the word that it asks for"),
    word(
        "wait",
        "",
        "incident|proposal|end|recovery [LIMIT]",
        "take no line before that is so; at most 30m unless a LIMIT like 10m is given. A script that waited in vain ends: 7 = too late, 6 = its plan was refused, 1 = the room is gone",
    ),
    word("help", "help", "", "these words"),
    word("quit", "quit", "", "leave; a room that runs elsewhere goes on"),
];

/// Stands for a line that was too long to be taken. Nobody can type it: a line has no line's end within.
pub const TOO_LONG: &str = "\n";

impl Word {
    /// What it does.
    pub fn doc(&self) -> &'static str {
        match (self.doc, Command::by_id(self.id)) {
            ("", Some(command)) => command.spec().doc,
            (doc, _) => doc,
        }
    }
}

/// Reads a line. The error is a sentence for whoever typed it.
pub fn parse(line: &str) -> Result<Option<PlainCommand>, String> {
    if line == TOO_LONG {
        return Err("That line was longer than 8 KiB; nothing was done. Say it in several.".to_owned());
    }
    let line = line.trim();
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    let rest = rest.trim();
    if first.is_empty() || first.starts_with('#') {
        return Ok(None);
    }
    let asked = first.to_lowercase();
    let known = WORDS.iter().find(|word| word.name == asked || (!word.id.is_empty() && word.id == asked));
    let Some(word) = known else {
        let meant = nearest(&asked, WORDS.iter().map(|word| word.name));
        let meant = meant.map(|meant| format!(" Did you mean `{meant}`?")).unwrap_or_default();
        return Err(format!("`{first}` is not a word here; nothing was done.{meant} `help` lists the words."));
    };
    order(word, rest).map(Some)
}

fn order(word: &Word, rest: &str) -> Result<PlainCommand, String> {
    let text = || match rest {
        "" => Err(format!("`{} {}`: the words are missing; nothing was done.", word.name, word.takes)),
        text => Ok(text.to_owned()),
    };
    let number = || {
        rest.parse::<u64>()
            .map_err(|_| format!("`{} {}`: it needs the number of a printed line.", word.name, word.takes))
    };
    Ok(match word.name {
        "help" => PlainCommand::Help,
        "status" => PlainCommand::Status,
        "situation" => PlainCommand::Situation,
        "open" => PlainCommand::Open(Some(number()?)),
        "plan" => PlainCommand::Open(None),
        "pin" => PlainCommand::Pin(number()?),
        "milestone" => milestone(rest)?,
        "amend" => amend(rest)?,
        "note" => PlainCommand::Note(text()?),
        "decision" => PlainCommand::Decide(text()?),
        "follow-up" => PlainCommand::FollowUp(text()?),
        "propose" => PlainCommand::Propose(text()?),
        "approve" => {
            let text = text()?;
            let (name, code) = text.split_once(char::is_whitespace).unwrap_or((&text, ""));
            PlainCommand::Approve { name: name.to_owned(), code: code.trim().to_owned() }
        }
        "refuse" => PlainCommand::Refuse(text()?),
        "withdraw" => PlainCommand::Withdraw,
        "hold" => PlainCommand::Hold,
        "command" => PlainCommand::TakeCommand,
        "set" => set(rest)?,
        "silences" => PlainCommand::Silences,
        "silence" => silence::parse(rest)?,
        "unsilence" => PlainCommand::Unsilence(number()?),
        "confirm" => PlainCommand::Confirm(text()?),
        "wait" => PlainCommand::Wait(Wait::parse(rest)?),
        name => match (Action::by_name(name), Pane::by_word(name)) {
            (Some(action), _) => PlainCommand::Preview(action, (!rest.is_empty()).then(|| rest.to_owned())),
            (None, Some(pane)) => PlainCommand::Rows(pane, rest.to_owned()),
            (None, None) => PlainCommand::Quit,
        },
    })
}

/// `7 confirmed`.
fn milestone(rest: &str) -> Result<PlainCommand, String> {
    let (number, name) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let number = number
        .parse()
        .map_err(|_| "`milestone NUMBER NAME`: it needs the number of a printed line; nothing was done.".to_owned())?;
    Milestone::by_name(name).map(|milestone| PlainCommand::Mark(number, milestone)).ok_or_else(|| {
        let names = Milestone::ALL.map(|it| it.name().to_owned()).join(", ");
        format!("`milestone NUMBER NAME`: the name is one of {names}; nothing was done.")
    })
}

fn status(word: &str) -> Result<IncidentStatus, String> {
    let found = IncidentStatus::ALL.into_iter().find(|status| status.name() == word);
    found.ok_or_else(|| {
        let names: Vec<_> = IncidentStatus::ALL.into_iter().map(IncidentStatus::name).collect();
        format!("`set STATUS`: the status is one of {}; nothing was done.", names.join(", "))
    })
}

fn set(rest: &str) -> Result<PlainCommand, String> {
    let (word, rest) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let status = status(word)?;
    match (status, rest.trim()) {
        (_, "") => Ok(PlainCommand::Set(status, false)),
        (IncidentStatus::Closed, "although-firing") => Ok(PlainCommand::Set(status, true)),
        (_, more) => Err(format!("`set {word}`: what is `{more}`? Nothing was done.")),
    }
}

fn amend(rest: &str) -> Result<PlainCommand, String> {
    let (number, text) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match (number.parse(), text.trim()) {
        (Ok(number), text) if !text.is_empty() => Ok(PlainCommand::Amend(number, text.to_owned())),
        _ => Err("`amend NUMBER TEXT`: it needs the number of a printed line, and the words.".to_owned()),
    }
}
