//! Commands about the panes themselves: which are shown and how, marks, and the way to what needs a person.

use crate::board::Verdict;
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, KeyContext};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::view;

/// The most rows that can be marked in a pane.
const MOST_MARKS: usize = 100;

/// Does it.
pub(super) fn run(app: &mut Console, command: Command) {
    match command {
        Command::Split => split(app),
        Command::Hide => hide(app),
        Command::ShowAll => show_all(app),
        Command::Mark => mark(app),
        Command::NextTrouble => trouble(app, true),
        Command::PrevTrouble => trouble(app, false),
        _ => {}
    }
}

fn split(app: &mut Console) {
    app.zoom = false;
    if app.split.take().is_some() {
        return;
    }
    if !view::layout::can_split(app) {
        let least = view::layout::SPLIT_WIDTH;
        app.say(
            Role::Warning,
            format!("Two panes side by side need {least} columns and 20 lines. f gives one pane all."),
        );
        return;
    }
    let left = if app.focus == Pane::Timeline { app.upper } else { app.focus };
    let shown = |pane: &Pane| *pane != left && *pane != Pane::Timeline && !app.hidden.contains(pane);
    match (1..).map(|by| left.step(by)).take(Pane::ALL.len()).find(shown) {
        Some(right) => {
            app.split = Some([left, right]);
            app.say(Role::Dim, "1–7 choose what stands beside it; v ends it.");
        }
        None => app.say(Role::Dim, "No other pane is shown. X shows all again."),
    }
}

fn hide(app: &mut Console) {
    let pane = app.focus;
    let Some(next) = app.next_shown(1).filter(|next| *next != pane) else {
        app.say(Role::Dim, "This is the last pane. X shows all again.");
        return;
    };
    app.hidden.insert(pane);
    app.zoom = false;
    if app.split.is_some_and(|pair| pair.contains(&pane)) {
        app.split = None;
    }
    app.focus_on(next);
    if app.upper == pane {
        let other = Pane::ALL.iter().copied().find(|it| *it != Pane::Timeline && !app.hidden.contains(it));
        app.upper = other.unwrap_or(pane);
    }
    app.say(Role::Dim, format!("{} is hidden. {} or X shows it again.", pane.title(), pane.number()));
}

fn show_all(app: &mut Console) {
    app.hidden.clear();
    app.split = None;
    app.zoom = false;
}

fn mark(app: &mut Console) {
    let pane = app.focus;
    let Some(key) = rows::selected(app, pane).map(|entry| entry.key()) else { return };
    let marks = &mut app.pane_mut(pane).marks;
    if !marks.remove(&key) {
        if marks.len() >= MOST_MARKS {
            let back = availability::key(app, KeyContext::Main, Command::Back);
            app.say(Role::Warning, format!("{MOST_MARKS} rows are marked, more is too much. {back} unmarks them."));
            return;
        }
        marks.insert(key);
    }
    // On to the next, so that a run of rows is marked by holding the key.
    super::travel::travel_pane(app, Command::Down);
}

/// Goes to the next row that needs a person, round the end.
fn trouble(app: &mut Console, forward: bool) {
    let pane = app.focus;
    let entries = rows::visible(app, pane);
    let count = entries.len();
    let at = app.pane(pane).index.min(count.saturating_sub(1));
    let needs = |place: &usize| entries.get(*place).is_some_and(|entry| entry.verdict() >= Verdict::Unknown);
    let found = (1..=count).map(|by| if forward { (at + by) % count } else { (at + count - by) % count }).find(needs);
    let found = found.and_then(|to| entries.get(to).map(|entry| (to, entry.key())));
    match found {
        Some((to, key)) => {
            let wraps = if forward { to <= at } else { to >= at };
            let state = app.pane_mut(pane);
            (state.index, state.cursor) = (to, Some(key));
            if wraps {
                app.say(Role::Dim, if to == at { "The only one here." } else { "Round the end." });
            }
        }
        None => app.say(Role::Dim, "No row here is critical, warning or unknown."),
    }
}
