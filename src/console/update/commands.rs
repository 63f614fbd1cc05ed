//! Commands → changes.

use std::time::Duration;

use crate::console::app::{Console, Frozen, Pending};
use crate::console::availability;
use crate::console::effect::Effect;
use crate::console::keymap::Command;
use crate::console::overlay::{Overlay, Subject, WriteKind};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::view;
use crate::console::view::related::PageLink;
use crate::protocol::Request;

use super::open_sheet::{open_help, open_palette, push_once};
use super::requests::ask;
use super::travel::travel;
use super::{filter, incident, panes, plan, silence, text_input, time_travel};

/// Two presses of Ctrl-C within this time leave whatever is open.
const TWICE: Duration = Duration::from_secs(2);

/// The commands that work everywhere.
pub(super) fn anywhere(app: &mut Console, command: Command) -> Vec<Effect> {
    match command {
        Command::Redraw => vec![Effect::Redraw],
        Command::Suspend => vec![Effect::Suspend],
        Command::Leave => {
            let again = app.leaving.is_some_and(|at| app.now.real.saturating_sub(at) < TWICE);
            app.leaving = Some(app.now.real);
            if again {
                return vec![Effect::Interrupt];
            }
            leave_view(app)
        }
        _ => Vec::new(),
    }
}

/// Leaves a view; at the top leaves the program, which asks while work goes on.
fn leave_view(app: &mut Console) -> Vec<Effect> {
    if app.overlays.pop().is_some() {
        return Vec::new();
    }
    if app.zoom {
        app.zoom = false;
        return Vec::new();
    }
    if app.busy() || (app.hosts && !app.others().is_empty()) {
        app.overlays.push(Overlay::Leave);
        return Vec::new();
    }
    vec![Effect::Quit]
}

/// A command on the layer on top, but for a plan or a palette.
pub(super) fn run(app: &mut Console, command: Command) -> Vec<Effect> {
    if let Some(why) = availability::why_not(app, command) {
        match writes(command) {
            // The sentence is on its way already: without a line to take it, its letters would be commands.
            Some(kind) => text_input::refuse(app, kind, why),
            None => app.say(Role::Warning, why),
        }
        return Vec::new();
    }
    match command {
        Command::Help => open_help(app),
        Command::Palette => open_palette(app),
        Command::Situation => push_once(app, Overlay::Situation { scroll: 0 }),
        Command::Readiness => push_once(app, Overlay::Readiness { scroll: 0 }),
        Command::OpenProposal => plan::open_waiting(app),
        Command::Note => text_input::begin(app, WriteKind::Note),
        Command::Decide => text_input::begin(app, WriteKind::Decision),
        Command::FollowUp => text_input::begin(app, WriteKind::FollowUp),
        Command::Amend => text_input::amend(app),
        Command::Filter => filter::begin(app),
        Command::Jump => time_travel::begin(app),
        Command::Split | Command::Hide | Command::ShowAll => panes::run(app, command),
        Command::Mark | Command::NextTrouble | Command::PrevTrouble => panes::run(app, command),
        Command::Warnings => app.warnings = !app.warnings,
        Command::Zoom => app.zoom = !app.zoom,
        Command::Freeze => {
            app.frozen = match app.frozen.take() {
                Some(_) => None,
                None => Some(Box::new(Frozen { mirror: app.mirror.clone(), at: app.now.room })),
            };
        }
        Command::NextPane => app.focus_on(app.next_shown(1).unwrap_or(app.focus)),
        Command::PrevPane => app.focus_on(app.next_shown(-1).unwrap_or(app.focus)),
        Command::Pane(pane) => go_to(app, pane),
        Command::Up | Command::Down | Command::PageUp | Command::PageDown | Command::Top | Command::Bottom => {
            travel(app, command);
        }
        Command::NextLink => step_link(app, 1),
        Command::PrevLink => step_link(app, -1),
        Command::Back => back(app),
        _ => return run_asking(app, command),
    }
    Vec::new()
}

/// The commands that may ask the room or leave an effect.
pub(super) fn run_asking(app: &mut Console, command: Command) -> Vec<Effect> {
    match command {
        Command::Quit => leave_view(app),
        Command::Mouse => {
            app.mouse = !app.mouse;
            let words = if app.mouse {
                "The mouse is taken: the wheel scrolls, a click chooses."
            } else {
                "The mouse is your terminal's again."
            };
            app.say(Role::Dim, words);
            vec![Effect::Mouse(app.mouse)]
        }
        Command::Open => open(app),
        Command::Copy => copy(app),
        Command::Propose(action) if may_act(app) => plan::propose(app, action),
        Command::TakeCommand if may_act(app) => incident::command(app),
        Command::SetStatus if may_act(app) => {
            app.overlays.push(Overlay::Menu(incident::statuses(app)));
            Vec::new()
        }
        Command::Pin if may_act(app) => pin(app),
        Command::Milestone if may_act(app) => {
            let menu = rows::selected(app, Pane::Timeline).and_then(|entry| entry.item().map(incident::milestones));
            app.overlays.extend(menu.map(Overlay::Menu));
            Vec::new()
        }
        Command::Silence if may_act(app) => {
            silence::begin(app);
            Vec::new()
        }
        Command::Silences => {
            silence::list(app);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// To a pane, from whatever page is being read.
fn go_to(app: &mut Console, pane: Pane) {
    app.overlays.clear();
    app.focus_on(pane);
}

/// Says why not, where acting is not possible.
pub(super) fn may_act(app: &mut Console) -> bool {
    let why = availability::cannot_act(app);
    if let Some(why) = &why {
        app.say(Role::Warning, why);
    }
    why.is_none()
}

/// What a command begins to write.
fn writes(command: Command) -> Option<WriteKind> {
    match command {
        Command::Note => Some(WriteKind::Note),
        Command::Decide => Some(WriteKind::Decision),
        Command::FollowUp => Some(WriteKind::FollowUp),
        _ => None,
    }
}

fn back(app: &mut Console) {
    if let Some(Overlay::Filter { pane, before, .. }) = app.overlays.last() {
        let (pane, before) = (*pane, before.clone());
        app.pane_mut(pane).filter = before;
    }
    if silence::back(app) || app.overlays.pop().is_some() {
        return;
    }
    if time_travel::back(app) {
        return;
    }
    let focus = app.focus;
    if app.pane_mut(focus).filter.take().is_some() {
        return;
    }
    if !app.pane(focus).marks.is_empty() {
        app.pane_mut(focus).marks.clear();
        return;
    }
    if app.zoom {
        app.zoom = false;
    } else {
        app.pane_mut(focus).cursor = None;
    }
}

fn open(app: &mut Console) -> Vec<Effect> {
    match app.overlays.last() {
        None => {
            let pane = app.focus;
            let Some(entry) = rows::selected(app, pane) else { return Vec::new() };
            match entry.plan() {
                Some(id) => plan::open(app, Subject::Known(id)),
                None => {
                    let key = entry.key();
                    app.overlays.push(Overlay::Detail { pane, key, scroll: 0, link: 0 });
                }
            }
            Vec::new()
        }
        Some(Overlay::Detail { .. }) => {
            follow(app);
            Vec::new()
        }
        Some(Overlay::Menu(menu)) => {
            let choice = menu.items.get(menu.cursor).map(|item| item.choice.clone());
            app.overlays.pop();
            choice.map(|choice| plan::choose(app, choice)).unwrap_or_default()
        }
        Some(Overlay::Filter { problem, .. }) => {
            // What can't be read stays to be mended; the line says how.
            if problem.is_none() {
                app.overlays.pop();
            }
            Vec::new()
        }
        Some(Overlay::Jump { .. }) => time_travel::go(app),
        Some(Overlay::Write(_)) => text_input::send(app),
        Some(Overlay::Silence(_)) => silence::enter(app),
        Some(Overlay::Leave) => vec![Effect::Quit],
        _ => Vec::new(),
    }
}

/// The most pages on top of one another; the oldest leaves when one more is opened.
const MOST_PAGES: usize = 8;

/// Opens the related row that is chosen.
fn follow(app: &mut Console) {
    let Some(Overlay::Detail { link, .. }) = app.overlays.last() else { return };
    let target = view::open_page::links(app).get(*link).map(|(_, to)| to.clone());
    match target {
        Some(PageLink::Plan(id)) => plan::open(app, Subject::Known(id)),
        Some(PageLink::Row(pane, key)) => {
            let pages = app.overlays.iter().filter(|it| matches!(it, Overlay::Detail { .. })).count();
            let oldest = app.overlays.iter().position(|it| matches!(it, Overlay::Detail { .. }));
            if let Some(at) = oldest.filter(|_| pages >= MOST_PAGES) {
                app.overlays.remove(at);
            }
            app.overlays.push(Overlay::Detail { pane, key, scroll: 0, link: 0 });
        }
        None => app.say(Role::Dim, "Nothing else is known about this one."),
    }
}

/// Chooses the next related row of a page and brings it into sight.
fn step_link(app: &mut Console, by: isize) {
    let links = view::open_page::links(app);
    let Some(Overlay::Detail { link, scroll, .. }) = app.overlays.last() else { return };
    let Ok(count) = isize::try_from(links.len()) else { return };
    if count == 0 {
        return app.say(Role::Dim, "Nothing else is known about this one.");
    }
    // The first press shows which one Enter opens; the choice itself moves once it has been seen.
    let shown = links.get(*link).is_some_and(|(line, _)| view::open_page::scroll_to(app, *line, *scroll) == *scroll);
    let at = if shown { (*link as isize + by).rem_euclid(count).unsigned_abs() } else { *link };
    let line = links.get(at).map_or(0, |(line, _)| *line);
    let to = view::open_page::scroll_to(app, line, *scroll);
    if let Some(Overlay::Detail { link, scroll, .. }) = app.overlays.last_mut() {
        (*link, *scroll) = (at, to);
    }
}

fn copy(app: &mut Console) -> Vec<Effect> {
    let marked = view::pane_rows::marked(app, app.focus);
    let text = match app.overlays.last() {
        None if !marked.is_empty() => {
            app.say(Role::Dim, format!("Copied {} marked rows.", marked.len()));
            return vec![Effect::Copy(crate::model::SafeText::from(marked.join(" ⏎ ")))];
        }
        None => rows::selected(app, app.focus).map(|entry| view::pane_rows::plain(app, app.focus, &entry)),
        Some(Overlay::Detail { .. } | Overlay::Situation { .. } | Overlay::Readiness { .. } | Overlay::Help { .. }) => {
            Some(view::open_page::plain(app))
        }
        _ => None,
    };
    match text {
        Some(text) => {
            app.say(Role::Dim, "Copied.");
            vec![Effect::Copy(crate::model::SafeText::from(text))]
        }
        None => Vec::new(),
    }
}

fn pin(app: &mut Console) -> Vec<Effect> {
    let found = rows::selected(app, Pane::Timeline).and_then(|entry| entry.item().map(|it| (it.entry.seq, it.pinned)));
    match found {
        Some((seq, pinned)) => ask(app, Pending::Pin, Request::Pin { seq, pinned: !pinned }).into_iter().collect(),
        None => Vec::new(),
    }
}
