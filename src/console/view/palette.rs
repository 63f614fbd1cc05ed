//! The palette over the bottom of the screen: what is typed, the commands that have these words, and all about the chosen.

use crate::console::app::Console;
use crate::console::keymap::{Command, KeyContext, Spec, spell};
use crate::console::overlay::Palette;
use crate::console::palette::{PaletteItem, items};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width, width_of};
use crate::console::widget::{Canvas, Words, text};

use super::help;
use super::hints;

/// The most rows of the list: more is a list to read, not to choose from.
const ROWS: usize = 12;

/// Draws the palette.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, palette: &Palette) {
    let room = app.size.0.saturating_sub(4);
    let found = items(app, palette.line.value());
    let cursor = palette.cursor.min(found.len().saturating_sub(1));
    let mut lines = vec![head(palette, found.len(), room)];
    // The prompt, what is said about the chosen one, two lines and the footer.
    let most = usize::from(app.size.1.saturating_sub(9)).clamp(1, ROWS);
    let skip = (cursor + 1).saturating_sub(most);
    let names = found.iter().map(|item| width(item.spec.id)).max().unwrap_or(0);
    for (i, item) in found.iter().enumerate().skip(skip).take(most) {
        lines.push(row(app, item, i == cursor, names, room));
    }
    match found.get(cursor) {
        Some(item) => lines.extend(about(item, room)),
        None => lines.push(vec![span(Role::Dim, "No command has these words.")]),
    }
    let notice = app.notice.as_ref().map(|notice| text::end(notice.text.as_str(), room));
    match notice {
        Some(words) => hints::draw_sheet(app, canvas, lines, &[(None, words.trim())]),
        None => {
            let keys = [(Some(Command::Open), "run"), (Some(Command::Down), "choose"), (Some(Command::Back), "back")];
            hints::draw_sheet(app, canvas, lines, &keys);
        }
    }
}

fn head(palette: &Palette, found: usize, room: u16) -> Words {
    let typed = palette.line.value();
    let mut words =
        vec![span(Role::Accent, ": "), span(Role::Input, text::end(typed, room / 2)), span(Role::Accent, "▏")];
    let count = if found == 1 { "1 command".to_owned() } else { format!("{found} commands") };
    let gap = room.saturating_sub(width_of(&words) + width(&count));
    words.push(span(Role::Dim, format!("{}{count}", " ".repeat(usize::from(gap)))));
    words
}

fn row(app: &Console, item: &PaletteItem, chosen: bool, names: u16, room: u16) -> Words {
    let spec = item.spec;
    let (mark, role) = match (chosen, item.why_not.is_some()) {
        (true, _) => ("▸ ", Role::Waiting),
        (false, true) => ("  ", Role::Dim),
        (false, false) => ("  ", Role::Text),
    };
    let pad = |text: &str, wide: u16| format!("{text}{}", " ".repeat(usize::from(wide.saturating_sub(width(text)))));
    let keys = text::end(&key_of(app, spec), 8);
    let mut words =
        vec![span(Role::Accent, mark), span(role, pad(spec.id, names + 2)), span(Role::Accent, pad(&keys, 10))];
    let rest = room.saturating_sub(width_of(&words));
    match &item.why_not {
        Some(why) => words.push(span(Role::Dim, text::end(&format!("not now: {why}"), rest))),
        None => {
            let needs = help::needs(spec.danger);
            let doc = text::end(spec.doc, rest.saturating_sub(if needs.is_empty() { 0 } else { width(needs) + 2 }));
            words.push(span(Role::Dim, doc));
            if !needs.is_empty() && width_of(&words) + width(needs) + 2 <= room {
                words.push(span(help::role_of(spec.danger), format!("  {needs}")));
            }
        }
    }
    words
}

/// The key below the palette, or wherever else it has one.
fn key_of(app: &Console, spec: &Spec) -> String {
    let places = [app.place()].into_iter().chain(spec.contexts.iter().copied()).chain([KeyContext::Anywhere]);
    let mut chords = places.filter_map(|place| app.keymap.chord_now(place, spec.command, app.facts()));
    chords.next().map(spell).unwrap_or_default()
}

/// All about the chosen one, in two lines.
fn about(item: &PaletteItem, room: u16) -> Vec<Words> {
    let (role, said) = match &item.why_not {
        Some(why) => (Role::Warning, format!("Not now. {why}")),
        None => (Role::Text, help::sentence(item.spec)),
    };
    let mut lines: Vec<Words> =
        text::wrap(&said, room).into_iter().take(2).map(|line| vec![span(role, line)]).collect();
    lines.resize(2, Words::new());
    lines
}
