//! What plain mode asks for in words instead of keys. Every door here is one that a key opens too, with the same checks.

use tui_input::Input as Line;

use crate::console::app::{Console, Pending};
use crate::console::effect::Effect;
use crate::console::keymap::Command;
use crate::console::overlay::{Choice, Overlay, SilenceForm, TextPrompt, WriteKind};
use crate::console::theme::Role;
use crate::model::{Action, IncidentStatus, Milestone};
use crate::protocol::Request;

use super::requests::ask;
use super::{commands, incident, plan, silence, text_input};

/// A note, a decision, work for afterwards, a refusal.
pub(crate) fn write(app: &mut Console, kind: WriteKind, text: &str) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    text_input::begin(app, kind);
    if let Some(Overlay::Write(write)) = app.overlays.last_mut() {
        write.line = Line::new(text.to_owned());
    }
    text_input::send(app)
}

/// What an entry should say.
pub(crate) fn amend(app: &mut Console, seq: u64, text: &str) -> Vec<Effect> {
    let line = Line::new(text.to_owned());
    app.overlays.push(Overlay::Write(TextPrompt { kind: WriteKind::Amend(seq), line, sent: None, problem: None }));
    text_input::send(app)
}

/// Builds a plan; the answer lays it on the table. Without a service the only one is meant.
pub(crate) fn preview(app: &mut Console, action: Action, service: Option<String>) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    let objectives = app.mirror.welcome.as_ref().map(|welcome| welcome.objectives.as_slice()).unwrap_or_default();
    let (service, to) = match &service {
        Some(line) => {
            let mut words = line.split_whitespace();
            let (service, rest) = (words.next(), words.filter(|word| !matches!(*word, "to" | "on")));
            (service.map(str::to_owned), rest.map(str::to_owned).next())
        }
        None => (None, None),
    };
    let objective = match (&service, objectives) {
        (Some(service), several) => several.iter().find(|it| it.service == *service),
        (None, [only]) => Some(only),
        (None, _) => None,
    };
    let Some(objective) = objective else {
        let names: Vec<&str> = objectives.iter().map(|it| it.service.as_str()).collect();
        let words = format!("Which service? It is one of: {}. Nothing was sent.", names.join(", "));
        app.say(Role::Warning, words);
        return Vec::new();
    };
    let sites = plan::sites(objective, action);
    if !sites.is_empty() && to.as_ref().is_none_or(|to| !sites.contains(to)) {
        let word = action.name();
        let say: Vec<String> = sites.iter().map(|site| format!("`{word} {} {site}`", objective.service)).collect();
        app.say(Role::Warning, format!("Which cluster? {}. Nothing was sent.", say.join(" or ")));
        return Vec::new();
    }
    let service = objective.service.clone();
    app.overlays.clear();
    plan::choose(app, Choice::Preview { action, service, to })
}

/// The typed name of the plan on the table.
pub(crate) fn confirm(app: &mut Console, name: &str) -> Vec<Effect> {
    if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
        view.line = Line::new(name.to_owned());
    }
    plan::confirm(app)
}

/// Stops what is on the table, as far as this person can; says why where not.
pub(crate) fn stop(app: &mut Console, command: Command) -> Vec<Effect> {
    if matches!(app.overlays.last(), Some(Overlay::Plan(_))) {
        return plan::run(app, command);
    }
    app.say(Role::Warning, "No plan waits or runs here; nothing was sent.");
    Vec::new()
}

/// Asks what a new silence would hit; the answer lays its preview on the table.
pub(crate) fn silence(app: &mut Console, matchers: &str, lasts: &str, reason: &str) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    app.overlays.clear();
    let mut form = SilenceForm::new(matchers, lasts);
    form.reason = Line::new(reason.to_owned());
    app.overlays.push(Overlay::Silence(Box::new(form)));
    silence::send(app)
}

/// Asks what ending a silence does.
pub(crate) fn unsilence(app: &mut Console, id: String) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    app.overlays.clear();
    silence::expire(app, id)
}

/// The typed word of the silence on the table.
pub(crate) fn confirm_silence(app: &mut Console, word: &str) -> Vec<Effect> {
    if commands::may_act(app) { silence::answer(app, word) } else { Vec::new() }
}

/// Becomes the incident's commander.
pub(crate) fn take_command(app: &mut Console) -> Vec<Effect> {
    if commands::may_act(app) { incident::take_command(app) } else { Vec::new() }
}

/// Sets the status, or closes the incident: while alerts fire only for who says that they know.
pub(crate) fn set_status(app: &mut Console, status: IncidentStatus, although_firing: bool) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    if status != IncidentStatus::Closed {
        return plan::choose(app, Choice::Status(status));
    }
    let firing = plan::still_firing(app);
    if !firing.is_calm() && !although_firing {
        let words = format!(
            "{} Closing is for good; nothing was sent. `set closed although-firing` closes it all the same.",
            firing.words()
        );
        app.say(Role::Warning, words);
        return Vec::new();
    }
    plan::choose(app, Choice::CloseNow)
}

/// Marks an entry as a milestone, or takes that back.
pub(crate) fn mark(app: &mut Console, seq: u64, milestone: Milestone) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    let item = app.incident().and_then(|incident| incident.item(seq));
    let marked = item.is_none_or(|item| item.marking(&milestone).is_none());
    plan::choose(app, Choice::Mark { seq, milestone, marked })
}

/// Pins an entry, or unpins it.
pub(crate) fn pin(app: &mut Console, seq: u64) -> Vec<Effect> {
    if !commands::may_act(app) {
        return Vec::new();
    }
    let pinned = app.incident().and_then(|incident| incident.item(seq)).is_some_and(|item| item.pinned);
    ask(app, Pending::Pin, Request::Pin { seq, pinned: !pinned }).into_iter().collect()
}
