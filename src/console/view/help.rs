//! The keys that work here, as the key map has them: nothing is written twice. First those of the place below, in groups,
//! then those that work everywhere, then those of the other places.

use crate::console::app::Console;
use crate::console::keymap::{Binding, COMMANDS, Command, Danger, KeyContext, Spec, spell};
use crate::console::theme::Role;
use crate::console::widget::canvas::{span, width};
use crate::console::widget::text;

use super::page::Page;

/// Cells of the keys.
const KEYS: u16 = 18;

/// The place in words.
pub fn place(context: KeyContext) -> &'static str {
    match context {
        KeyContext::Main => "in the panes",
        KeyContext::View => "while reading",
        KeyContext::Plan => "on a plan",
        KeyContext::Menu => "in a list",
        KeyContext::Entry => "while typing",
        KeyContext::Ask => "when asked",
        KeyContext::Anywhere => "everywhere",
    }
}

/// What a command needs besides its key, in a word or two.
pub fn needs(danger: Danger) -> &'static str {
    match danger {
        Danger::None => "",
        Danger::Records => "recorded",
        Danger::Shown => "a typed word",
        Danger::Guarded => "a second person",
    }
}

/// How loud that is said.
pub fn role_of(danger: Danger) -> Role {
    match danger {
        Danger::None | Danger::Records => Role::Dim,
        Danger::Shown | Danger::Guarded => Role::Warning,
    }
}

/// What a command does and needs, as a sentence.
pub fn sentence(spec: &Spec) -> String {
    let mut doc = spec.doc.to_owned();
    if let Some(first) = doc.get(..1).map(str::to_uppercase) {
        doc.replace_range(..1, &first);
    }
    match spec.danger {
        Danger::None => format!("{doc}."),
        Danger::Records => format!("{doc}. It is recorded."),
        Danger::Shown => format!("{doc}. First a preview, then a typed word."),
        Danger::Guarded => format!("{doc}. First a plan to read and a typed name; then a second person."),
    }
}

/// Groups of a place, in their order. Every command is in exactly one.
const GROUPS: [&str; 5] = ["Act", "Write into the timeline", "Look", "Move", "Leave"];

fn group(spec: &Spec) -> &'static str {
    match (spec.command, spec.danger) {
        (_, Danger::Guarded | Danger::Shown) => GROUPS[0],
        (_, Danger::Records) => GROUPS[1],
        (Command::Back | Command::Quit | Command::Leave | Command::Suspend, _) => GROUPS[4],
        _ if spec.hint.is_empty() => GROUPS[3],
        _ => GROUPS[2],
    }
}

/// The sheet.
pub fn sheet(app: &Console, room: u16) -> Page {
    let here = app.below_top();
    let mut sheet = Page::new("Keys");
    sheet.title.push(span(Role::Dim, format!("   {} key map   {}", app.keymap.name, place(here))));
    for name in GROUPS {
        rows(app, &mut sheet, here, Some(name), name, room);
    }
    prefixes(app, &mut sheet, here, room);
    rows(app, &mut sheet, KeyContext::Anywhere, None, "Everywhere", room);
    for context in KeyContext::ALL.into_iter().filter(|it| *it != here && *it != KeyContext::Anywhere) {
        rows(app, &mut sheet, context, None, &format!("Elsewhere: {}", place(context)), room);
    }
    sheet
}

fn rows(app: &Console, sheet: &mut Page, context: KeyContext, only: Option<&str>, title: &str, room: u16) {
    let mut titled = false;
    for spec in COMMANDS.iter().filter(|spec| only.is_none_or(|name| group(spec) == name)) {
        let bindings: Vec<&Binding> = app.keymap.bindings(context).filter(|it| it.command == spec.command).collect();
        if bindings.is_empty() {
            continue;
        }
        if !std::mem::replace(&mut titled, true) {
            sheet.heading(title);
        }
        row(sheet, spec, &bindings, only.is_some(), room);
    }
}

fn row(sheet: &mut Page, spec: &Spec, bindings: &[&Binding], grouped: bool, room: u16) {
    // So many chords as fit; the rest are other spellings of the same.
    let mut keys = String::new();
    for chord in bindings.iter().map(|binding| spell(&binding.chord)) {
        if keys.is_empty() || width(&keys) + width(&chord) + 2 < KEYS {
            keys.push_str(if keys.is_empty() { "" } else { "  " });
            keys.push_str(&chord);
        }
    }
    let mut doc = spec.doc.to_owned();
    if let Some(binding) = bindings.iter().find(|binding| !binding.when.is_always()) {
        doc.push_str(&format!(" ({} only while {})", spell(&binding.chord), binding.when.words()));
    }
    // Its group says already that it is recorded.
    let needs = if grouped && spec.danger == Danger::Records { "" } else { needs(spec.danger) };
    let wide = room.saturating_sub(KEYS + 2).max(20);
    let lines = text::wrap(&doc, wide);
    let last = lines.len().saturating_sub(1);
    for (i, line) in lines.into_iter().enumerate() {
        let shown = if i == 0 { keys.as_str() } else { "" };
        let pad = " ".repeat(usize::from(KEYS.saturating_sub(width(shown)).max(1)));
        let fits = width(&line) + width(needs) + 2 <= wide;
        let mut words = vec![span(Role::Accent, format!("  {shown}{pad}")), span(Role::Text, line)];
        if i == last && !needs.is_empty() && fits {
            words.push(span(role_of(spec.danger), format!("  {needs}")));
        }
        sheet.line(words);
        if i == last && !needs.is_empty() && !fits {
            let pad = " ".repeat(usize::from(KEYS) + 2);
            sheet.line(vec![span(role_of(spec.danger), format!("{pad}{needs}"))]);
        }
    }
}

/// The keys that begin chords, and what may follow.
fn prefixes(app: &Console, sheet: &mut Page, here: KeyContext, room: u16) {
    let mut titled = false;
    for (prefix, name) in app.keymap.prefixes() {
        let begins = |binding: &&Binding| binding.chord.len() > 1 && spell(&binding.chord[..1]) == prefix;
        let rest: Vec<String> = app
            .keymap
            .bindings(here)
            .filter(begins)
            .map(|it| {
                let spec = it.command.spec();
                let hint = if spec.hint.is_empty() { spec.id } else { spec.hint };
                format!("{} {hint}", spell(&it.chord[1..]))
            })
            .collect();
        if rest.is_empty() {
            continue;
        }
        if !std::mem::replace(&mut titled, true) {
            sheet.heading("Two keys in a row");
        }
        let words = format!("{name}, then: {}", rest.join(", "));
        for (i, line) in text::wrap(&words, room.saturating_sub(KEYS + 2).max(20)).into_iter().enumerate() {
            let shown = if i == 0 { prefix } else { "" };
            let pad = " ".repeat(usize::from(KEYS.saturating_sub(width(shown)).max(1)));
            sheet.line(vec![span(Role::Accent, format!("  {shown}{pad}")), span(Role::Text, line)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keymap::{Keymap, SHIPPED};
    use crate::console::tests::fixture::{app, press};
    use crate::console::widget::canvas::width_of;

    #[test]
    fn it_fits_eighty_columns_in_every_place_and_map() {
        for (name, _) in SHIPPED {
            for keys in ["?", "s?", "A?"] {
                let mut app = app("sam", (80, 24));
                press(&mut app, keys);
                app.keymap = Keymap::shipped(name).unwrap();
                let sheet = sheet(&app, 76);
                let long = sheet.lines.iter().find(|line| width_of(line) > 76);
                assert!(long.is_none(), "{name}: {long:?}");
                assert!(sheet.lines.len() > 20);
            }
        }
    }

    #[test]
    fn the_place_below_comes_first_and_everything_is_there_once() {
        let mut app = app("sam", (120, 40));
        press(&mut app, "A?");
        let sheet = sheet(&app, 100);
        let text: Vec<String> =
            sheet.lines.iter().map(|line| line.iter().map(|span| span.text.as_str()).collect()).collect();
        let at = |words: &str| text.iter().position(|line| line.contains(words)).unwrap_or(usize::MAX);
        assert!(at("refuse this plan") < at("Everywhere") && at("Everywhere") < at("Elsewhere: in the panes"));
        assert!(at("propose to move") > at("Elsewhere: in the panes"));
        for spec in COMMANDS {
            let doc: String = spec.doc.chars().take(30).collect();
            assert!(at(&doc) < usize::MAX, "{}", spec.id);
        }
    }

    #[test]
    fn every_command_is_in_a_group() {
        for spec in COMMANDS {
            assert!(GROUPS.contains(&group(spec)), "{}", spec.id);
            assert!(sentence(spec).ends_with('.') && sentence(spec).starts_with(char::is_uppercase), "{}", spec.id);
        }
    }
}
