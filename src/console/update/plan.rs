//! Guarded acts: choose a service, read the plan, type its name, wait for the second person. No single key does anything.

use crate::actions;
use crate::board::{FiringCounts, Topic};
use crate::console::app::{Console, Pending};
use crate::console::availability;
use crate::console::effect::Effect;
use crate::console::keymap::{Command, KeyContext, KeyMatch, KeyPress};
use crate::console::overlay::{Choice, GUARD, Menu, MenuItem, Overlay, PlanView, Stance, Subject, WriteKind};
use crate::console::plan_verification;
use crate::console::theme::Role;
use crate::model::{Action, Objective, SafeText};
use crate::protocol::Request;
use crate::protocol::request::SetIncident;

use super::line::edit;
use super::requests::{ask, tag_of};
use super::{open_sheet, text_input};

/// The clusters among which a person chooses for a service; none where there is no choice.
pub(super) fn sites(objective: &Objective, action: Action) -> &[String] {
    let sites = (actions::spec(action).sites)(objective);
    if sites.len() > 1 { sites } else { &[] }
}

/// A service in the menu, once for each cluster that it can come back on.
fn items_of(objective: &Objective, action: Action) -> Vec<MenuItem> {
    let item = |to: Option<&String>| {
        let (service, site) = (&objective.service, to.map_or(objective.restored_on().join(""), String::clone));
        let note = (actions::spec(action).note)(objective, &site);
        let choice = Choice::Preview { action, service: service.clone(), to: to.cloned() };
        MenuItem { label: service.clone(), note, choice }
    };
    match sites(objective, action) {
        [] => vec![item(None)],
        several => several.iter().map(|site| item(Some(site))).collect(),
    }
}

/// `! f` and `! r`: choose the service (and where to, if it has a choice), or go straight to the plan if there is only one.
pub(super) fn propose(app: &mut Console, action: Action) -> Vec<Effect> {
    let objectives = app.mirror.welcome.as_ref().map(|welcome| welcome.objectives.as_slice()).unwrap_or_default();
    let items: Vec<MenuItem> = objectives.iter().flat_map(|it| items_of(it, action)).collect();
    match items.len() {
        0 => {
            app.say(
                Role::Warning,
                "No service is configured, so there is nothing to move. Add a [[service]] to warroom.toml.",
            );
            Vec::new()
        }
        1 => choose(app, items[0].choice.clone()),
        _ => {
            let title = actions::spec(action).question.to_owned();
            app.overlays.push(Overlay::Menu(Menu { title, items, cursor: 0 }));
            Vec::new()
        }
    }
}

/// A choice from a menu.
pub(super) fn choose(app: &mut Console, choice: Choice) -> Vec<Effect> {
    let effect = match choice {
        Choice::Preview { action, service, to } => {
            let request = Request::Preview { action, service: service.clone(), to: to.clone() };
            let where_to = to.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
            let effect = ask(app, Pending::Preview { to }, request);
            if effect.is_some() {
                let verb = actions::spec(action).verb;
                app.say(Role::Dim, format!("Building the plan to {verb} {service}{where_to} …"));
            }
            effect
        }
        Choice::Status(status) => {
            let set = SetIncident { status: Some(status), ..Default::default() };
            ask(app, Pending::Set, Request::Set(set))
        }
        Choice::Mark { seq, milestone, marked } => ask(app, Pending::Mark, Request::Mark { seq, milestone, marked }),
        Choice::Expire(id) => return super::silence::expire(app, id),
        Choice::Close => {
            ask_to_close(app);
            None
        }
        Choice::CloseNow => ask(app, Pending::Close, Request::Set(SetIncident::closed_although_firing())),
        Choice::TakeCommand => return super::incident::take_command(app),
        Choice::Nothing => None,
    };
    effect.into_iter().collect()
}

/// What fires now, not what is frozen on the screen or was so in the past.
pub(super) fn still_firing(app: &Console) -> FiringCounts {
    FiringCounts::in_rows(app.mirror.rows(Topic::Alerts), app.mirror.rows(Topic::Sources))
}

/// Closing is for good, so it says what would be left behind, and the first answer is no.
fn ask_to_close(app: &mut Console) {
    let title = match app.lost() {
        true => "The room is not heard, so nothing says what still fires. Close for good?".to_owned(),
        false => format!("{} Close for good?", still_firing(app).words()),
    };
    let item = |label: &str, note: &str, choice| MenuItem { label: label.to_owned(), note: note.to_owned(), choice };
    let items = vec![
        item("keep it open", "", Choice::Nothing),
        item("close it", "what comes next is an incident of its own", Choice::CloseNow),
    ];
    app.overlays.push(Overlay::Menu(Menu { title, items, cursor: 0 }));
}

/// `A`: the plan that waits.
pub(crate) fn open_waiting(app: &mut Console) {
    // That there is none was said by `allow` already.
    if let Some(id) = app.plan_to_open().map(|record| record.plan.plan.clone()) {
        open(app, Subject::Known(id));
    }
}

/// Opens a plan on the whole screen.
pub(crate) fn open(app: &mut Console, subject: Subject) {
    let view = PlanView::new(subject, app.now.real);
    app.overlays.push(Overlay::Plan(Box::new(view)));
}

/// A key while a plan is on the screen.
pub(super) fn press(app: &mut Console, key: KeyPress) -> Vec<Effect> {
    let (now, contexts) = (app.now.real, [KeyContext::Plan]);
    let Some(Overlay::Plan(view)) = app.overlays.last() else { return Vec::new() };
    if now.saturating_sub(view.opened) < GUARD {
        return Vec::new();
    }
    let types = view.types(app) && view.sent.is_none();
    let found = app.keymap.find(&contexts, &[key], app.facts());
    let is_text = view.is_text(app, key);
    match found {
        KeyMatch::Command(command) if !is_text => run(app, command),
        _ if types => {
            if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
                view.problem = None;
                edit(&mut view.line, key);
            }
            Vec::new()
        }
        KeyMatch::Unmet(command, when) => {
            let id = command.spec().id;
            app.say(Role::Warning, format!("{key} ({id}) works only while {}.", when.words()));
            Vec::new()
        }
        _ => {
            let help = availability::key(app, KeyContext::Plan, Command::Help);
            app.say(Role::Dim, format!("{key} means nothing here. {help} shows the keys."));
            Vec::new()
        }
    }
}

/// A command on the plan.
pub(super) fn run(app: &mut Console, command: Command) -> Vec<Effect> {
    if let Some(why) = availability::why_not(app, command) {
        app.say(Role::Warning, why);
        return Vec::new();
    }
    match command {
        Command::Help => {
            open_sheet::open_help(app);
            Vec::new()
        }
        Command::Palette => {
            open_sheet::open_palette(app);
            Vec::new()
        }
        Command::Open => confirm(app),
        Command::Refuse => {
            if let Some(Subject::Known(id)) = top(app).map(|view| view.subject.clone()) {
                text_input::begin(app, WriteKind::Reject(id));
            }
            Vec::new()
        }
        Command::Withdraw => ask_about(app, Pending::Withdraw, |plan| Request::Withdraw { plan }),
        Command::Hold => ask_about(app, Pending::Hold, |plan| Request::Hold { plan }),
        Command::Copy => match digest_of(app) {
            Some(digest) => {
                app.say(Role::Dim, "Copied the digest.");
                vec![Effect::Copy(SafeText::from(digest))]
            }
            None => Vec::new(),
        },
        Command::Up | Command::Down | Command::PageUp | Command::PageDown => {
            let page = usize::from(app.size.1 / 2).max(1);
            if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
                view.scroll = match command {
                    Command::Up => view.scroll.saturating_sub(1),
                    Command::PageUp => view.scroll.saturating_sub(page),
                    Command::PageDown => view.scroll + page,
                    _ => view.scroll + 1,
                };
            }
            Vec::new()
        }
        Command::Back => {
            app.overlays.pop();
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn top(app: &Console) -> Option<&PlanView> {
    match app.layer() {
        Some(Overlay::Plan(view)) => Some(view),
        _ => None,
    }
}

fn digest_of(app: &Console) -> Option<String> {
    top(app)?.record(app).map(|record| record.digest.to_string())
}

fn ask_about(app: &mut Console, what: Pending, request: impl Fn(crate::model::PlanId) -> Request) -> Vec<Effect> {
    let Some(Subject::Known(id)) = top(app).map(|view| view.subject.clone()) else { return Vec::new() };
    ask(app, what, request(id)).into_iter().collect()
}

/// Enter: the typed name must be the plan's, letter by letter, before anything is sent.
pub(super) fn confirm(app: &mut Console) -> Vec<Effect> {
    let Some(view) = top(app) else { return Vec::new() };
    let stance = view.stance(app);
    let (Some(plan), None, Stance::Propose | Stance::Approve) = (view.plan(app), view.sent, stance) else {
        return Vec::new();
    };
    let typed = view.line.value().trim().to_owned();
    if typed != plan.confirm {
        let words = match typed.is_empty() {
            true => format!("Nothing was sent. Type {} to confirm.", plan.confirm),
            false => format!("Nothing was sent: “{typed}” is not “{}”. Type it letter by letter.", plan.confirm),
        };
        return problem(app, words);
    }
    let (what, request) = match (&view.subject, view.record(app)) {
        (Subject::Draft { plan, to, .. }, _) => {
            let (action, service, supersedes) = (plan.action, plan.service.clone(), plan.supersedes.clone());
            (Pending::Propose, Request::Propose { action, service, to: to.clone(), confirm: typed, supersedes })
        }
        (Subject::Known(id), Some(record)) => {
            // What was on the screen is what is approved: the digest is computed from those bytes, not believed.
            let ours = plan_verification::digest(&record.bytes);
            if ours != record.digest {
                return problem(app, "Nothing was sent: the plan's bytes are not those of its digest.".to_owned());
            }
            (Pending::Approve, Request::Approve { plan: id.clone(), digest: ours, confirm: typed })
        }
        _ => return Vec::new(),
    };
    let effect = ask(app, what, request);
    let tag = tag_of(effect.as_ref());
    if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
        view.sent = tag;
        view.problem = None;
    }
    effect.into_iter().collect()
}

fn problem(app: &mut Console, words: String) -> Vec<Effect> {
    if let Some(Overlay::Plan(view)) = app.overlays.last_mut() {
        view.problem = Some(SafeText::from(words));
        view.line.reset();
    }
    Vec::new()
}
