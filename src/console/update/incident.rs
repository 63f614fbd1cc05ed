//! What a person sets about the incident as a whole: who commands it, and how it stands.

use crate::console::app::{Console, Pending};
use crate::console::effect::Effect;
use crate::console::overlay::{Choice, Menu, MenuItem, Overlay};
use crate::model::{IncidentStatus, Milestone, PersonId};
use crate::protocol::Request;
use crate::protocol::request::SetIncident;
use crate::timeline::{Item, sentence};

use super::requests::ask;

/// Takes command; from somebody else only after a question.
pub(super) fn command(app: &mut Console) -> Vec<Effect> {
    match commands(app) {
        Some(other) => {
            app.overlays.push(Overlay::Menu(take_over(&other)));
            Vec::new()
        }
        None => take_command(app),
    }
}

/// Who commands, if it is somebody else.
fn commands(app: &Console) -> Option<PersonId> {
    app.incident()?.commander.clone().filter(|person| app.me() != Some(person))
}

/// Two people who believe that they command are worse than none: it is taken from somebody knowingly.
fn take_over(other: &PersonId) -> Menu {
    let item = |label: String, note: &str, choice| MenuItem { label, note: note.to_owned(), choice };
    let items = vec![
        item(format!("leave it with {other}"), "", Choice::Nothing),
        item("take over".to_owned(), "everyone sees it; say it aloud too", Choice::TakeCommand),
    ];
    Menu { title: format!("{other} commands. Take over?"), items, cursor: 0 }
}

/// Makes this person the commander.
pub(super) fn take_command(app: &mut Console) -> Vec<Effect> {
    let Some(me) = app.me().cloned() else { return Vec::new() };
    let set = SetIncident { commander: Some(me), ..SetIncident::default() };
    ask(app, Pending::Set, Request::Set(set)).into_iter().collect()
}

/// The milestones that an entry may be marked as; those that it is marked as already are taken back.
pub(super) fn milestones(item: &Item) -> Menu {
    let choice = |milestone: Milestone| {
        let mark = item.marking(&milestone);
        let note = mark.map(|mark| format!("marked by {}: takes it back", mark.by)).unwrap_or_default();
        let label = milestone.words();
        let choice = Choice::Mark { seq: item.entry.seq, milestone, marked: mark.is_none() };
        MenuItem { label, note, choice }
    };
    let items: Vec<MenuItem> = Milestone::ALL.into_iter().map(choice).collect();
    // What only a person can say is the likeliest.
    let cursor = Milestone::ALL.iter().position(|it| *it == Milestone::Confirmed).unwrap_or(0);
    // With its words: a number alone lets a tired person mark the row above.
    Menu { title: format!("Mark entry {} as a milestone: {}", item.entry.seq, sentence(item)), items, cursor }
}

/// The statuses to choose from, closing last.
pub(super) fn statuses(app: &Console) -> Menu {
    let current = app.incident().map(|incident| incident.status);
    let items = IncidentStatus::ALL.into_iter().map(|status| {
        let (note, choice) = match status {
            IncidentStatus::Closed => ("for good; what comes next is an incident of its own", Choice::Close),
            _ if current == Some(status) => ("now", Choice::Status(status)),
            _ => ("", Choice::Status(status)),
        };
        MenuItem { label: status.name().to_owned(), note: note.to_owned(), choice }
    });
    let cursor = current.map_or(0, |status| status as usize);
    Menu { title: "Set the status to".to_owned(), items: items.collect(), cursor }
}
