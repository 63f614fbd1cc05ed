//! Whether a command would do something now and, if not, what would allow it. One answer for the key, the footer and the
//! palette, so that none of them promises what another refuses. The room decides again at every request.

use crate::approval::PlanState;
use crate::board::Topic;
use crate::client::LinkState;
use crate::model::{Action, PersonRole};

use super::app::Console;
use super::keymap::{Command, KeyContext, spell};
use super::overlay::{Overlay, PlanView, Stance};
use super::pane::Pane;
use super::rows;

/// Why a command would do nothing now, as a sentence with its remedy; `None` = it works.
pub fn why_not(app: &Console, command: Command) -> Option<String> {
    let (here, places) = (app.place(), command.spec().contexts);
    if !places.contains(&here) && !places.contains(&KeyContext::Anywhere) {
        return Some(elsewhere(app, places[0]));
    }
    match here {
        KeyContext::Main => in_panes(app, command),
        KeyContext::Plan => on_plan(app, command),
        KeyContext::View => on_page(app, command),
        _ => None,
    }
}

/// The first key that means a command in a place, or its name.
pub fn key(app: &Console, place: KeyContext, command: Command) -> String {
    match app.keymap.chord_now(place, command, app.facts()) {
        Some(chord) => spell(chord),
        None => format!("`{}`", command.spec().id),
    }
}

fn elsewhere(app: &Console, place: KeyContext) -> String {
    let back = match app.place() {
        KeyContext::Main => String::new(),
        here => format!("{} goes back to them.", key(app, here, Command::Back)),
    };
    match place {
        KeyContext::Main => format!("It works in the panes. {back}"),
        KeyContext::View => {
            format!("It works while a view is read: {} opens a row.", key(app, KeyContext::Main, Command::Open))
        }
        KeyContext::Plan => {
            format!(
                "It works on a plan: {} opens the one that waits.",
                key(app, KeyContext::Main, Command::OpenProposal)
            )
        }
        KeyContext::Menu => "It works in a list of choices.".to_owned(),
        KeyContext::Entry => "It works while a line is typed.".to_owned(),
        KeyContext::Ask | KeyContext::Anywhere => "It works where something is asked.".to_owned(),
    }
    .trim_end()
    .to_owned()
}

/// Why this person can't change anything now.
pub fn cannot_write(app: &Console) -> Option<String> {
    if app.readonly {
        return Some("This console is read-only. Start it without --readonly to act.".to_owned());
    }
    match &app.mirror.link {
        LinkState::Lost { why, .. } => {
            return Some(format!(
                "The room is not reached ({why}). This console tries again by itself; it works then."
            ));
        }
        LinkState::Refused { why, .. } => {
            return Some(format!("The room refuses this console ({why}). Leave, put that right, and start it again."));
        }
        LinkState::Connecting | LinkState::Live { .. } => {}
    }
    if app.mirror.welcome.is_none() || !matches!(app.mirror.link, LinkState::Live { .. }) {
        return Some("The room is not connected yet. Wait for its first words, then try again.".to_owned());
    }
    if !app.may_write() {
        let present = app.mirror.present.iter().filter(|who| who.role >= PersonRole::Operator);
        let names: Vec<&str> = present.map(|who| who.actor.person.as_str()).collect();
        let ask = if names.is_empty() { "an operator".to_owned() } else { names.join(", ") };
        return Some(format!(
            "You observe: people.toml gives you no operator role. Ask {ask}, or whoever keeps that file."
        ));
    }
    let why = app.mirror.degraded.as_ref()?;
    Some(format!("The room can't record, so it takes nothing ({why}). Put that right; the panes go on meanwhile."))
}

/// Why nothing is proposed or written from an earlier instant.
pub fn in_the_past(app: &Console) -> Option<String> {
    let past = app.past.as_ref()?;
    let back = key(app, KeyContext::Main, Command::Back);
    let then = past.instant(&app.zone, app.now.room);
    Some(format!("You look at {then}. {back} returns to now; then press this again."))
}

/// Why nothing can be written into an incident now.
pub fn cannot_act(app: &Console) -> Option<String> {
    in_the_past(app).or_else(|| cannot_write(app)).or_else(|| {
        let words =
            "No incident is open. One opens with the first critical alert, or by `warroom incident open TITLE`.";
        (!app.incident_open()).then(|| words.to_owned())
    })
}

/// What works in the panes and on a page alike is allowed by the same facts.
fn on_page(app: &Console, command: Command) -> Option<String> {
    let shared = command.spec().contexts.contains(&KeyContext::Main);
    if shared { in_panes(app, command) } else { None }
}

/// The key that goes to a pane.
fn key_to(app: &Console, pane: Pane) -> String {
    key(app, KeyContext::Main, Command::Pane(pane))
}

fn in_panes(app: &Console, command: Command) -> Option<String> {
    match command {
        Command::OpenProposal if app.past.is_some() => in_the_past(app),
        Command::OpenProposal if app.plan_to_open().is_none() => {
            let propose = key(app, KeyContext::Main, Command::Propose(Action::Failover));
            Some(format!("There is no plan yet. {propose} proposes one."))
        }
        Command::Note | Command::Decide | Command::FollowUp | Command::SetStatus => cannot_act(app),
        Command::Propose(_) => cannot_act(app).or_else(|| {
            let none = app.mirror.welcome.as_ref().is_none_or(|welcome| welcome.objectives.is_empty());
            let words = "No service is configured, so there is nothing to move. Add a [[service]] to warroom.toml.";
            none.then(|| words.to_owned())
        }),
        Command::TakeCommand => cannot_act(app).or_else(|| {
            let mine = app.incident().is_some_and(|it| it.commander.is_some() && it.commander.as_ref() == app.me());
            mine.then(|| "You command this incident already. Another person takes it over by the same key.".to_owned())
        }),
        Command::Pin => cannot_act(app).or_else(|| {
            let entry = rows::selected(app, Pane::Timeline).is_some_and(|it| it.item().is_some());
            let (go, again) = (key_to(app, Pane::Timeline), key(app, KeyContext::Main, Command::Pin));
            (app.focus != Pane::Timeline || !entry)
                .then(|| format!("Pin an entry of the timeline: {go} goes there, choose it, press {again} again."))
        }),
        Command::Milestone => cannot_act(app).or_else(|| {
            let entry = rows::selected(app, Pane::Timeline).is_some_and(|it| it.item().is_some());
            let (go, again) = (key_to(app, Pane::Timeline), key(app, KeyContext::Main, Command::Milestone));
            (app.focus != Pane::Timeline || !entry)
                .then(|| format!("Mark an entry of the timeline: {go} goes there, choose it, press {again} again."))
        }),
        Command::Amend => in_the_past(app).or_else(|| cannot_write(app)).or_else(|| {
            let chosen =
                rows::selected(app, Pane::Timeline).and_then(|it| it.item().map(|it| it.redacted_by.is_some()));
            let (go, again) = (key_to(app, Pane::Timeline), key(app, KeyContext::Main, Command::Amend));
            match chosen.filter(|_| app.focus == Pane::Timeline) {
                Some(false) => None,
                Some(true) => Some("Its text was removed; a new note can be written.".to_owned()),
                None => {
                    Some(format!("Amend an entry of the timeline: {go} goes there, choose it, press {again} again."))
                }
            }
        }),
        Command::Silence => cannot_act(app).or_else(|| {
            let alert = rows::selected(app, Pane::Alerts).is_some_and(|it| it.row().is_some());
            let (go, again) = (key_to(app, Pane::Alerts), key(app, KeyContext::Main, Command::Silence));
            (app.focus != Pane::Alerts || !alert)
                .then(|| format!("Silence an alert: {go} goes there, choose it, press {again} again."))
        }),
        Command::Silences if app.rows(Topic::Silences).is_empty() => {
            Some(format!("{} One is made on an alert.", rows::sources::absent(app, Topic::Silences)))
        }
        Command::Open | Command::Copy if rows::selected(app, app.focus).is_none() => {
            let go = key(app, KeyContext::Main, Command::NextPane);
            Some(format!("This pane has no row to choose. {go} goes to the next one."))
        }
        _ => None,
    }
}

fn view(app: &Console) -> Option<&PlanView> {
    match app.layer() {
        Some(Overlay::Plan(view)) => Some(view),
        _ => None,
    }
}

fn on_plan(app: &Console, command: Command) -> Option<String> {
    let view = view(app)?;
    let stance = view.stance(app);
    let key = |command| key(app, KeyContext::Plan, command);
    let over = || "This plan is over, and nothing of it is left to decide. A new one can be proposed.".to_owned();
    let by = || view.record(app).map_or_else(String::new, |record| record.by.person.to_string());
    match (command, stance) {
        (Command::Copy, Stance::Propose) => {
            Some("A draft has no digest that counts. It can be copied once it is proposed.".to_owned())
        }
        (Command::Refuse | Command::Withdraw | Command::Hold, Stance::Propose) => {
            Some(format!("It is not proposed yet, so nobody waits for it: {} leaves it.", key(Command::Back)))
        }
        (Command::Refuse | Command::Withdraw | Command::Hold | Command::Open, Stance::Ended) => Some(over()),
        (Command::Refuse | Command::Withdraw | Command::Hold | Command::Open, Stance::Look) => {
            cannot_write(app).or_else(|| Some("You may only look at this plan. Ask an operator.".to_owned()))
        }
        (Command::Refuse, Stance::Wait { mine: true }) => {
            Some(format!("It is your own plan: {} takes it back.", key(Command::Withdraw)))
        }
        (Command::Refuse | Command::Withdraw, Stance::Watch) => {
            Some(format!("It runs already: {} stops it before its next step.", key(Command::Hold)))
        }
        (Command::Withdraw, Stance::Approve | Stance::Wait { mine: false }) => {
            Some(format!("Only {} can take it back. {} refuses it.", by(), key(Command::Refuse)))
        }
        (Command::Hold, Stance::Watch) if view.record(app).is_some_and(|record| record.held) => {
            Some("It stops before its next step already.".to_owned())
        }
        (Command::Hold, Stance::Approve | Stance::Wait { .. }) => {
            Some("It does not run yet, so there is nothing to stop. It can be stopped once it runs.".to_owned())
        }
        (Command::Open, Stance::Wait { mine: true }) => {
            let runs = view.record(app).is_some_and(|record| record.state == PlanState::Approved);
            let words = match runs {
                true => "It is confirmed and begins by itself.",
                false => "You proposed it: another person must confirm it. Read them its code.",
            };
            Some(words.to_owned())
        }
        (Command::Open, Stance::Wait { mine: false }) => {
            Some("You have confirmed it, or need not: it goes on by itself.".to_owned())
        }
        (Command::Open, Stance::Watch) => {
            Some(format!("It runs; nothing is left to confirm. {} stops it before its next step.", key(Command::Hold)))
        }
        (Command::Refuse | Command::Withdraw | Command::Hold | Command::Open, _) => cannot_write(app),
        _ => None,
    }
}
