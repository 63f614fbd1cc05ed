//! What came since the last line, calmly: entries as they are recorded; the board only where a verdict changed and no
//! entry says so; the link when it breaks and when it is back. A thing that goes back and forth is told now and then.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::board::Verdict;
use crate::client::LinkState;
use crate::console::app::Console;
use crate::console::notifications::calls;
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::view::{header, timeline_text};
use crate::console::widget::time;
use crate::model::{Happening, PlanId, TransitionFamily};
use crate::timeline::{Incident, Item, sentence_of};

use super::{LineSubject, Plain, sections};

/// The most entries told at once; a console that was away reads the rest with `timeline`.
const MOST_ENTRIES: usize = 40;
/// The most changes of the board told at once, and how often.
const MOST_CHANGES: usize = 6;
const CHANGES_EVERY: Duration = Duration::from_secs(5);
/// From so many changes of one thing within this time on, it is told only when it has come to rest.
const WAVERS: usize = 4;
const RESTS: Duration = Duration::from_secs(30);
/// What never comes to rest is told how it stands at least so often.
const STILL: Duration = Duration::from_secs(180);

/// What a transition is about: its family and its subject.
type NewsSubject = (TransitionFamily, String);

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Announced {
    /// The last entry.
    seq: u64,
    /// How many incidents were known. What a new one counts in from before it was opened is news with it.
    incidents: usize,
    /// What kind of banner stands.
    banner: Option<&'static str>,
    /// The plan that this person was called to.
    called: Option<PlanId>,
    /// Verdicts of rows when they were last told.
    rows: BTreeMap<(Pane, String), Verdict>,
    looked: Duration,
    wavering: BTreeMap<NewsSubject, Waver>,
}

/// A thing that changes.
#[derive(Debug, Default)]
struct Waver {
    at: Duration,
    /// When something was said of it.
    told: Duration,
    times: usize,
    held: Option<String>,
}

impl Plain {
    /// Tells what is new.
    pub(super) fn tell(&mut self) {
        self.tell_banner();
        if !self.app.mirror.caught_up {
            return;
        }
        if !self.greeted {
            self.greet();
        }
        self.tell_entries();
        self.tell_rest();
        self.tell_call();
        self.tell_board();
    }

    fn greet(&mut self) {
        self.greeted = true;
        self.told.seq = self.app.mirror.head.map_or(0, |(seq, _)| seq);
        self.told.incidents = self.app.mirror.story.incidents.len();
        if let Some(welcome) = self.app.mirror.welcome.as_ref().cloned() {
            let drill = welcome
                .drill
                .as_ref()
                .map(|it| format!("DRILL {}, seed {}: nothing here is real. ", it.scenario, it.seed));
            let you = &welcome.you.person;
            let drill = drill.unwrap_or_default();
            self.say(format!(
                "{drill}warroom, room {}, you are {you}. `help` lists the words, `quit` leaves.",
                welcome.room
            ));
        }
        for line in sections::header(&self.app) {
            self.say(line);
        }
        if self.told.seq > 0 {
            let seq = self.told.seq;
            self.say(format!("{seq} entries so far; `timeline` prints the incident's, `situation` what matters now."));
        }
    }

    fn tell_banner(&mut self) {
        let kind = kind_of_banner(&self.app);
        if kind == self.told.banner {
            return;
        }
        let before = std::mem::replace(&mut self.told.banner, kind);
        match header::banner(&self.app) {
            Some((_, words)) => self.say(words),
            None if before.is_some() => {
                self.say("All is well again with the room: it is reached, records and can act.")
            }
            None => {}
        }
    }

    fn tell_entries(&mut self) {
        let head = self.app.mirror.head.map_or(0, |(seq, _)| seq);
        if head <= self.told.seq {
            return;
        }
        let told = std::mem::replace(&mut self.told.seq, head);
        let known = std::mem::replace(&mut self.told.incidents, self.app.mirror.story.incidents.len());
        let mut fresh: Vec<(u64, String, Option<NewsSubject>)> = Vec::new();
        for (i, incident) in self.app.mirror.story.incidents.iter().enumerate() {
            let is_new = |item: &&Item| (i >= known || item.entry.seq > told) && !is_quiet(&item.entry.happening);
            for item in incident.items.iter().filter(is_new) {
                fresh.push((item.entry.seq, line(&self.app, incident, item), wavers(item)));
            }
        }
        fresh.sort_by_key(|(seq, ..)| *seq);
        let more = fresh.len().saturating_sub(MOST_ENTRIES);
        if more > 0 {
            self.say(format!("{more} entries more than fit here; `timeline` prints all."));
        }
        for (seq, text, thing) in fresh.into_iter().skip(more) {
            if let Some(thing) = thing
                && self.wavers_now(thing, &text)
            {
                continue;
            }
            self.put(&text, Some(LineSubject::Entry(seq)));
        }
    }

    /// Counts a change of a thing; true if it is held back because the thing goes back and forth.
    fn wavers_now(&mut self, thing: NewsSubject, text: &str) -> bool {
        let now = self.app.now.real;
        let waver = self.told.wavering.entry(thing).or_default();
        waver.times = if now.saturating_sub(waver.at) < RESTS { waver.times + 1 } else { 1 };
        waver.at = now;
        let holds = waver.times >= WAVERS;
        if !holds {
            waver.told = now;
        }
        waver.held = holds.then(|| text.to_owned());
        holds
    }

    /// Tells how the things stand that have come to rest, and now and then those that do not.
    fn tell_rest(&mut self) {
        let now = self.app.now.real;
        let mut rested = Vec::new();
        self.told.wavering.retain(|_, waver| {
            let rests = now.saturating_sub(waver.at) >= RESTS;
            if let (true, Some(text)) = (rests, &waver.held) {
                rested.push(format!("back and forth {} times, now: {text}", waver.times));
            } else if now.saturating_sub(waver.told) >= STILL
                && let Some(text) = &waver.held
            {
                waver.told = now;
                rested.push(format!("still back and forth, {} times, last: {text}", waver.times));
            }
            !rests
        });
        for text in rested {
            self.say(text);
        }
    }

    /// A plan that waits for this person is said once.
    fn tell_call(&mut self) {
        let waits = calls(&self.app);
        if waits == self.told.called {
            return;
        }
        self.told.called.clone_from(&waits);
        let Some(record) = waits.as_ref().and_then(|id| self.app.plan(id)) else { return };
        let text =
            format!("A PLAN WAITS FOR YOU, proposed by {}: {}. `plan` prints it.", record.by.person, record.plan.title);
        let about = LineSubject::Plan(record.plan.plan.clone());
        self.put(&text, Some(about));
    }

    /// Rows that got worse or well. While an incident is open the timeline has these as entries.
    fn tell_board(&mut self) {
        let now = self.app.now.real;
        if now.saturating_sub(self.told.looked) < CHANGES_EVERY && !self.told.rows.is_empty() {
            return;
        }
        self.told.looked = now;
        let first = self.told.rows.is_empty();
        let quiet = first || self.app.incident_open() || self.app.lost();
        let mut seen = BTreeMap::new();
        let mut changes = Vec::new();
        for pane in Pane::with_tables().filter(|pane| rows::spec(*pane).announced) {
            for entry in rows::all(&self.app, pane) {
                let (key, verdict) = ((pane, entry.key()), entry.verdict());
                let before = self.told.rows.get(&key).copied();
                let differs = match before {
                    Some(before) => before != verdict && (before >= Verdict::Unknown || verdict >= Verdict::Unknown),
                    None => verdict >= Verdict::Warning,
                };
                if differs && !quiet {
                    changes
                        .push((key.clone(), format!("{}: {}", pane.title(), sections::row(&self.app, pane, &entry))));
                }
                seen.insert(key, verdict);
            }
        }
        let gone =
            self.told.rows.iter().filter(|(key, was)| **was >= Verdict::Warning && !seen.contains_key(*key)).count();
        self.told.rows = seen;
        let more = changes.len().saturating_sub(MOST_CHANGES);
        for ((pane, key), text) in changes.into_iter().take(MOST_CHANGES) {
            self.put(&text, Some(LineSubject::Row { pane, key }));
        }
        if more > 0 {
            self.say(format!("{more} more changes on the board; `status` says how it stands."));
        }
        if gone > 0 && !quiet {
            self.say(format!(
                "{gone} {} that had a warning or worse went away.",
                if gone == 1 { "row" } else { "rows" }
            ));
        }
    }
}

/// Which banner stands; its age makes no other of it.
fn kind_of_banner(app: &Console) -> Option<&'static str> {
    let mirror = &app.mirror;
    match &mirror.link {
        _ if mirror.broken.is_some() => Some("broken"),
        LinkState::Lost { .. } => Some("lost"),
        LinkState::Refused { .. } => Some("refused"),
        _ if mirror.degraded.is_some() => Some("degraded"),
        _ => mirror.log_room.as_ref().map(|log| if log.full { "log full" } else { "log fills" }),
    }
}

/// Entries that say nothing to a reader.
fn is_quiet(happening: &Happening) -> bool {
    matches!(happening, Happening::Genesis(_) | Happening::Rotate(_) | Happening::HeadSigned(_))
}

/// The change that an item is, and of what, if the next could take it back.
fn wavers(item: &Item) -> Option<NewsSubject> {
    match &item.entry.happening {
        Happening::Transition(edge) => Some((edge.edge.family()?, edge.subject.to_string())),
        _ => None,
    }
}

/// An entry as a line: when, since the first alert, who, how it stands, what.
fn line(app: &Console, incident: &Incident, item: &Item) -> String {
    let drill = app.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some());
    let drill = if drill { "DRILL " } else { "" };
    let (mark, _) = timeline_text::mark(item);
    let mark: String = mark.iter().map(|span| span.text.as_str()).collect();
    let mark = sections::tidy(&mark);
    // The sentence of a decision says so itself.
    let mark = if mark.is_empty() || mark == "decision" { String::new() } else { format!("{mark}, ") };
    let text = match &item.entry.happening {
        Happening::Decision(_) | Happening::FollowUp(_) | Happening::Opened(_) | Happening::Set(_) => {
            timeline_text::says(item)
        }
        _ => sentence_of(incident, item),
    };
    let simulated = if item.entry.by.simulated { " (simulated)" } else { "" };
    let own = item.own_time().map(|at| format!(" (happened {})", app.zone.seconds(at))).unwrap_or_default();
    format!(
        "{drill}{} {} {}{simulated}: {mark}{text}{own}",
        app.zone.seconds(item.placed),
        time::t_plus(incident.zero(), item.placed),
        item.entry.by.person,
    )
}
