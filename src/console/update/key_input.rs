//! Keys → commands. The layer on top takes the key; a chord that leads nowhere is dropped whole, and says what would have led
//! somewhere.

use crate::console::app::Console;
use crate::console::effect::Effect;
use crate::console::keymap::{Command, KeyContext, KeyMatch, KeyPress, spell};
use crate::console::overlay::Overlay;
use crate::console::theme::Role;

use super::commands::{anywhere, run};

/// Takes in a key.
pub(super) fn press(app: &mut Console, key: KeyPress) -> Vec<Effect> {
    let facts = app.facts();
    if let KeyMatch::Command(command) = app.keymap.find(&[KeyContext::Anywhere], &[key], facts) {
        app.pending.clear();
        return anywhere(app, command);
    }
    match app.overlays.last() {
        Some(Overlay::Plan(_)) => super::plan::press(app, key),
        Some(overlay) if overlay.context() == KeyContext::Entry => {
            let palette = matches!(overlay, Overlay::Palette(_));
            match app.keymap.find(&[KeyContext::Entry], &[key], facts) {
                KeyMatch::Command(command) if palette => super::palette::run(app, command),
                KeyMatch::Command(command) => run(app, command),
                _ => {
                    super::text_input::type_key(app, key);
                    Vec::new()
                }
            }
        }
        _ => chord(app, key),
    }
}

fn chord(app: &mut Console, key: KeyPress) -> Vec<Effect> {
    let (place, facts) = ([app.context()], app.facts());
    let first = app.pending.is_empty();
    app.pending.push(key);
    let found = app.keymap.find(&place, &app.pending, facts);
    if found == KeyMatch::Pending {
        app.notice = None;
        return Vec::new();
    }
    let pressed = std::mem::take(&mut app.pending);
    match found {
        KeyMatch::Command(command) => {
            // What was said was about the key before.
            app.notice = None;
            return run(app, command);
        }
        KeyMatch::Unmet(command, when) => {
            let id = command.spec().id;
            app.say(Role::Warning, format!("{} ({id}) works only while {}.", spell(&pressed), when.words()));
        }
        // What goes back cancels what was begun.
        _ if !first && app.keymap.find(&place, &[key], facts) == KeyMatch::Command(Command::Back) => {}
        _ => unknown(app, &pressed),
    }
    Vec::new()
}

/// Says that keys mean nothing, and which do.
fn unknown(app: &mut Console, pressed: &[KeyPress]) {
    let words = match pressed.split_last() {
        Some((last, begun)) if !begun.is_empty() => {
            app.pending = begun.to_vec();
            let follow: Vec<String> = app
                .continuations()
                .iter()
                .map(|(rest, spec, _)| format!("{rest} {}", if spec.hint.is_empty() { spec.id } else { spec.hint }))
                .collect();
            app.pending.clear();
            format!("{last} means nothing behind {}. What may follow: {}.", spell(begun), follow.join(", "))
        }
        _ => {
            let place = app.context();
            let door = [Command::Help, Command::Open, Command::Back]
                .into_iter()
                .find_map(|it| app.keymap.chord_of(place, it).map(|chord| (spell(chord), it)));
            let door = match door {
                Some((key, Command::Help)) => format!(" {key} shows the keys."),
                Some((key, command)) => format!(" {key} is {}.", command.spec().hint),
                None => String::new(),
            };
            format!("{} means nothing here.{door}", spell(pressed))
        }
    };
    app.say(Role::Dim, words);
}

/// A command that was chosen rather than pressed: as if its key had been pressed in the layer on top.
pub(super) fn run_anywhere(app: &mut Console, command: Command) -> Vec<Effect> {
    if command.spec().contexts.contains(&KeyContext::Anywhere) {
        return anywhere(app, command);
    }
    match app.overlays.last() {
        Some(Overlay::Plan(_)) => super::plan::run(app, command),
        _ => run(app, command),
    }
}
