//! The keys that work now, derived from the key map; or a word to the reader; or the chord that was begun.

use ratatui::layout::Rect;

use crate::approval::PlanState;
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, KeyContext, KeyPress, spell};
use crate::console::overlay::{Overlay, Stance};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::priority_line::{self, LinePart};
use crate::console::widget::{Canvas, Words, text};
use crate::model::Action;

use super::{filter_line, open_page};

/// Draws the footer.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, area: Rect) {
    if area.height == 0 {
        return;
    }
    let (x, room) = (area.x + 1, area.width.saturating_sub(2));
    if let Some(Overlay::Filter { line, problem, .. }) = app.overlays.last() {
        return filter_line::draw(app, canvas, area, line, problem.as_ref());
    }
    if let Some(notice) = app.notice.as_ref().filter(|_| app.pending.is_empty()) {
        canvas.put(x, area.y, &text::end(notice.text.as_str(), room), notice.role, room);
        return;
    }
    let mut facts = if app.pending.is_empty() { hints(app) } else { continuations(app) };
    facts.extend(drill(app));
    priority_line::draw(canvas, x, area.y, room, 3, facts);
}

fn drill(app: &Console) -> Option<LinePart> {
    let drill = app.mirror.welcome.as_ref()?.drill.as_ref()?;
    let words = format!("DRILL · seed {} · {}", drill.seed, drill.pace());
    Some(LinePart::right(90, vec![span(Role::Drill, words)]))
}

/// What follows the keys already pressed, where a list of it has no place.
fn continuations(app: &Console) -> Vec<LinePart> {
    let name = app.keymap.prefix(&app.pending).unwrap_or("");
    let mut facts =
        vec![LinePart::left(0, vec![span(Role::Accent, spell(&app.pending)), span(Role::Dim, format!(" {name} …"))])];
    for (rank, (rest, spec, _)) in (1u8..).zip(app.continuations()) {
        let hint = if spec.hint.is_empty() { spec.doc } else { spec.hint };
        facts.push(LinePart::left(rank, hint_words(&rest, hint)));
    }
    facts
}

fn hint_words(key: &str, hint: &str) -> Words {
    vec![span(Role::Accent, key), span(Role::Dim, format!(" {hint}"))]
}

/// What is worth a place in a footer, the most needed first.
fn wanted(context: KeyContext) -> &'static [Command] {
    match context {
        KeyContext::Main => &[
            Command::OpenProposal,
            Command::Note,
            Command::Decide,
            Command::Propose(Action::Failover),
            Command::TakeCommand,
            Command::Back,
            Command::Open,
            Command::Filter,
            Command::Warnings,
            Command::Situation,
            Command::Readiness,
            Command::Zoom,
            Command::SetStatus,
            Command::FollowUp,
            Command::Pin,
            Command::Silence,
            Command::Freeze,
            Command::Copy,
            Command::Palette,
            Command::Help,
        ],
        KeyContext::View => &[
            Command::Back,
            Command::Open,
            Command::NextLink,
            Command::OpenProposal,
            Command::Note,
            Command::Decide,
            Command::Copy,
            Command::Palette,
            Command::Help,
        ],
        KeyContext::Plan => &[
            Command::Open,
            Command::Refuse,
            Command::Withdraw,
            Command::Hold,
            Command::Copy,
            Command::Back,
            Command::Help,
        ],
        KeyContext::Menu => &[Command::Open, Command::Back],
        _ => &[],
    }
}

/// The commands worth a place, the most needed first, if they work now.
fn hints(app: &Console) -> Vec<LinePart> {
    let context = app.context();
    let mut facts = Vec::new();
    // The last plan is there to be read again; nothing waits for it.
    let ended = |command: Command| command == Command::OpenProposal && app.plan_waiting().is_none();
    for (rank, command) in (1u8..).zip(wanted(context)) {
        let Some(chord) = chord(app, context, *command).filter(|_| works(app, *command)) else { continue };
        // Help is the door to everything else: it stays when others leave.
        let rank = match *command {
            Command::Help => 2,
            it if ended(it) => 60,
            _ => rank + 2,
        };
        let prefix = chord.get(..1).and_then(|first| app.keymap.prefix(first).map(|name| (first, name)));
        let words = match prefix {
            Some((first, name)) if chord.len() > 1 => hint_words(&spell(first), name),
            // A person is waited for, and it is this one.
            _ if *command == Command::OpenProposal && app.asks_me() => {
                vec![span(Role::Accent, spell(chord)), span(Role::Waiting, " confirm or refuse")]
            }
            _ => hint_words(&spell(chord), &hint(app, *command)),
        };
        facts.push(LinePart::left(rank, words));
    }
    facts
}

/// The first chord that means this command now. On a plan whose name is being typed, letters are text.
fn chord(app: &Console, context: KeyContext, command: Command) -> Option<&[KeyPress]> {
    let facts = app.facts();
    let typing = match app.layer() {
        Some(Overlay::Plan(view)) => Some(view),
        _ => None,
    };
    let is_text = |key: &KeyPress| typing.is_some_and(|view| view.is_text(app, *key));
    app.keymap
        .bindings(context)
        .filter(|binding| binding.command == command && binding.when.holds(facts))
        .find(|binding| !binding.chord.first().is_some_and(is_text))
        .map(|binding| binding.chord.as_slice())
}

fn hint(app: &Console, command: Command) -> String {
    let words = match command {
        Command::OpenProposal if app.plan_waiting().is_none() => "last plan",
        Command::OpenProposal if app.plan_waiting().is_some_and(|it| it.state == PlanState::Executing) => {
            "watch it run"
        }
        Command::Warnings if app.warnings => "show all",
        Command::Zoom if app.zoom => "unzoom",
        Command::Freeze if app.frozen.is_some() => "run again",
        Command::Split if app.split.is_some() => "unsplit",
        Command::Back if app.past.is_some() && app.overlays.is_empty() => "back to now",
        Command::Back if app.pane(app.focus).filter.is_some() && app.overlays.is_empty() => "end filter",
        Command::TakeCommand => "take command",
        Command::Copy if app.context() == KeyContext::Plan => "copy digest",
        Command::Back if app.context() == KeyContext::Plan => match stance(app) {
            Some(Stance::Propose) => "not now",
            Some(Stance::Approve) => "later",
            _ => "back",
        },
        Command::Open if stance(app) == Some(Stance::Propose) => "propose",
        Command::Open if app.context() == KeyContext::Plan => "confirm",
        Command::Open if app.context() == KeyContext::Menu => "choose",
        Command::Open if app.context() == KeyContext::View => "open related",
        _ => command.spec().hint,
    };
    words.to_owned()
}

/// Whether a command is worth a place now: it works, and changes something.
pub fn works(app: &Console, command: Command) -> bool {
    let main = app.place() == KeyContext::Main;
    let worth = match command {
        Command::TakeCommand => {
            let nobody = app.incident().is_some_and(|incident| incident.commander.is_none());
            nobody && app.mirror.welcome.as_ref().is_some_and(|it| it.role == crate::model::PersonRole::Commander)
        }
        Command::Silences => app.focus == Pane::Alerts,
        Command::Filter => !rows::all(app, app.focus).is_empty(),
        Command::Open | Command::NextLink if app.place() == KeyContext::View => !open_page::links(app).is_empty(),
        Command::Back if main => {
            let pane = app.pane(app.focus);
            app.past.is_some() || app.zoom || pane.filter.is_some() || !pane.marks.is_empty()
        }
        _ => true,
    };
    worth && availability::why_not(app, command).is_none()
}

fn stance(app: &Console) -> Option<Stance> {
    match app.layer() {
        Some(Overlay::Plan(view)) => Some(view.stance(app)),
        _ => None,
    }
}
