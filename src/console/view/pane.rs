//! A pane: its title on the line above it, its rows in aligned columns, what is wrong with its sources below them.

use ratatui::layout::Rect;

use crate::board::Row;
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, KeyContext};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::rows::sources::{behind, is_stale};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width_of};
use crate::console::widget::columns;
use crate::console::widget::{Canvas, Words, glyph, priority_line, text, time};

use super::layout::PaneArea;
use super::{pane_rows, panes, source_errors, time_travel};

/// The age of a pane's data, for the right end of its title.
fn age(app: &Console, pane: Pane) -> Words {
    let behind = behind(app, pane);
    if behind.is_empty() {
        return Words::new();
    }
    let late = behind.iter().filter(|source| source.late).count();
    let ages = |late: bool| {
        let some = behind.iter().filter(move |source| source.late == late);
        some.filter_map(|source| source.alive_at).map(|at| time::since(at, app.at()))
    };
    if late == behind.len() {
        return match ages(true).min() {
            Some(age) => vec![span(Role::Warning, format!("STALE {}", time::age(age)))],
            None => vec![span(Role::Unknown, "never read")],
        };
    }
    let oldest = ages(false).max().unwrap_or(0);
    let mut words = vec![span(Role::Dim, time::age(oldest))];
    if late > 0 {
        words.insert(0, span(Role::Warning, format!("{late} late · ")));
    }
    words
}

/// How many lines the rows have; troubles take the rest, but never more than a third while there are rows.
pub fn rows_height(app: &Console, pane: Pane, body: Rect) -> u16 {
    body.height - trouble_lines(app, pane, body)
}

fn trouble_lines(app: &Console, pane: Pane, body: Rect) -> u16 {
    u16::try_from(source_errors::block(app, pane, body).len()).unwrap_or(u16::MAX)
}

/// What stands where there are no rows.
pub fn nothing(app: &Console, pane: Pane) -> String {
    if let Some(filter) = &app.pane(pane).filter {
        let back = availability::key(app, KeyContext::Main, Command::Back);
        return format!("No row matches {filter} · {back} shows all.");
    }
    if app.warnings && !rows::all(app, pane).is_empty() {
        return format!(
            "Nothing wrong here. {} shows all.",
            availability::key(app, KeyContext::Main, Command::Warnings)
        );
    }
    if let Some(then) = &app.past {
        return time_travel::nothing(app, then, pane);
    }
    (panes::spec(pane).empty)(app)
}

/// Draws the title into the line above the pane.
pub fn title(app: &Console, canvas: &mut Canvas<'_>, place: &PaneArea) {
    let focused = app.focus == place.pane && app.overlays.iter().all(|overlay| !overlay.covers());
    let role = if focused { Role::TitleFocused } else { Role::Title };
    let name = span(role, format!("{} {}", place.pane.number(), place.pane.title()));
    let mut left = vec![name];
    let state = app.pane(place.pane);
    let mut more = (panes::spec(place.pane).summary)(app);
    if is_stale(app, place.pane) {
        more = fade(&[more]).concat();
    }
    if let Some(then) = &app.past {
        more = time_travel::title(app, then, place.pane);
    }
    if let Some(filter) = &state.filter {
        let shown = rows::visible(app, place.pane).len();
        // That it is past is said first and never dropped for the filter.
        more.truncate(usize::from(app.past.is_some()));
        if !more.is_empty() {
            more.push(span(Role::Text, "  "));
        }
        more.push(span(Role::Accent, format!("/{filter}")));
        more.push(span(Role::Dim, format!("  {shown} of {}", rows::all(app, place.pane).len())));
    }
    if !state.marks.is_empty() {
        more.insert(0, span(Role::Accent, format!("{} marked  ", state.marks.len())));
    }
    let mut right = priority_line::join(vec![window(app, place), age(app, place.pane)], &span(Role::Dim, " · "));
    if !right.is_empty() {
        right.insert(0, span(Role::Text, " "));
        right.push(span(Role::Text, " "));
    }
    let Rect { x, y, width, .. } = place.title;
    if width < 4 {
        return;
    }
    let room = width.saturating_sub(width_of(&right) + 3);
    // A part of the summary is there whole or not at all.
    while width_of(&left) + width_of(&more) + 3 > room && more.pop().is_some() {}
    while more.last().is_some_and(|last| last.text.trim() == "·") {
        more.pop();
    }
    if let Some(filter) = state.filter.as_ref().filter(|_| !more.iter().any(|it| it.text.starts_with('/'))) {
        // Rows are missing: that is said in however little room.
        let rest = room.saturating_sub(width_of(&left) + width_of(&more) + 3).max(2);
        more.push(span(Role::Accent, text::end(&format!("/{filter}"), rest)));
    }
    if !more.is_empty() {
        left.push(span(Role::Text, "  "));
        left.extend(more);
    }
    left.push(span(Role::Text, " "));
    let left = columns::cut(&left, room, true);
    canvas.words(x + 1, y, &left, room);
    canvas.words_right((x + width).saturating_sub(1), y, &right, width - 2);
}

/// Draws the rows.
pub fn rows(app: &Console, canvas: &mut Canvas<'_>, place: &PaneArea) {
    let Rect { x, y, width, .. } = place.body;
    let room = width.saturating_sub(2);
    let height = rows_height(app, place.pane, place.body);
    let entries = rows::visible(app, place.pane);
    let state = app.pane(place.pane);
    if entries.is_empty() {
        for (line, words) in (0..height).zip(text::wrap(&nothing(app, place.pane), room)) {
            canvas.put(x + 1, y + line, &words, Role::Dim, room);
        }
    }
    let top = state.top.min(entries.len());
    let shown = entries.window(top, usize::from(height));
    let cells: Vec<_> = shown.iter().map(|entry| pane_rows::cells(app, place.pane, entry)).collect();
    let columns = time_travel::columns(app, place.pane).unwrap_or(panes::spec(place.pane).columns);
    let widths = columns::measure(columns, &cells, room);
    // The timeline is what was recorded; it does not grow old.
    let old = is_stale(app, place.pane) || (app.lost() && place.pane != Pane::Timeline);
    for (line, (entry, row)) in (0..height).zip(shown.iter().zip(&cells)) {
        let area = Rect::new(x, y + line, width, 1);
        let faded;
        let row = if old || entry.stale() {
            faded = fade(row);
            &faded
        } else {
            row
        };
        columns::draw(canvas, x + 1, y + line, room, columns, &widths, row);
        if !state.marks.is_empty() && state.marks.contains(&entry.key()) {
            canvas.put(x, y + line, "+", Role::Accent, 1);
        }
        let changed = entry.row().is_some_and(|row| changed(app, place.pane, row));
        if changed {
            canvas.embolden(area);
        }
        let chosen = app.focus == place.pane && top + usize::from(line) == state.index;
        if chosen && (state.cursor.is_some() || app.zoom || place.pane != Pane::Timeline) {
            canvas.tint(area, Role::Selected);
        }
    }
    for (line, words) in (height..place.body.height).zip(source_errors::block(app, place.pane, place.body)) {
        canvas.words(x + 1, y + line, &words, room);
    }
}

/// Whether the row's verdict changed just now.
fn changed(app: &Console, pane: Pane, row: &Row) -> bool {
    !app.changed.is_empty() && pane.topics().iter().any(|topic| app.changed.contains_key(&(*topic, row.id.clone())))
}

/// Which rows are in sight, where not all of them are: for the right end of the title.
fn window(app: &Console, place: &PaneArea) -> Words {
    let total = rows::visible(app, place.pane).len();
    let height = usize::from(rows_height(app, place.pane, place.body));
    if height == 0 || total <= height {
        return Words::new();
    }
    let top = app.pane(place.pane).top.min(total - height);
    vec![span(Role::Dim, format!("{}–{} of {total}", top + 1, top + height))]
}

/// Old rows: dim, no colour, and never a green mark.
fn fade(row: &[Words]) -> Vec<Words> {
    let mark = |text: &str| match text.trim() {
        glyph::OK | glyph::LIVE => glyph::UNKNOWN.to_owned(),
        _ => text.to_owned(),
    };
    row.iter().map(|cell| cell.iter().map(|it| span(Role::Stale, mark(&it.text))).collect()).collect()
}

/// The strip: every pane in a few words, for screens that show one at a time.
pub fn strip(app: &Console, canvas: &mut Canvas<'_>, area: Rect) {
    let facts = Pane::ALL.iter().copied().map(|pane| {
        let on = app.focus == pane;
        let name =
            span(if on { Role::TitleFocused } else { Role::Title }, format!("{} {}", pane.number(), pane.title()));
        let short = span(name.role, pane.number().to_string());
        let mut signal = signal(app, pane);
        // Names before rates: what a number is about is read before it.
        if pane == Pane::Events && area.width < 100 {
            signal.truncate(1);
        }
        if !signal.is_empty() {
            signal.insert(0, span(Role::Text, " "));
        }
        let full = std::iter::once(name).chain(signal.clone()).collect();
        let tight = std::iter::once(short).chain(signal).collect();
        // The pane in focus keeps its name longest.
        // Timeline and people are in sight, or a key away: they make room first.
        let tight = if matches!(pane, Pane::Timeline | Pane::People) && !on { Words::new() } else { tight };
        priority_line::LinePart::left(if on { 1 } else { 2 + pane as u8 }, full).or(tight)
    });
    priority_line::draw(canvas, area.x + 1, area.y, area.width.saturating_sub(2), 2, facts.collect());
}

/// The one thing to know about a pane.
fn signal(app: &Console, pane: Pane) -> Words {
    if app.lost() {
        // The banner says that all is old; what it was is still worth knowing.
        return fade(&[(panes::spec(pane).signal)(app)]).concat();
    }
    if is_stale(app, pane) {
        return vec![span(Role::Warning, "STALE")];
    }
    (panes::spec(pane).signal)(app)
}
