//! The palette's keys: it is narrowed by typing, walked by arrows, and Enter runs the chosen command on the layer below.

use crate::console::app::Console;
use crate::console::effect::Effect;
use crate::console::keymap::Command;
use crate::console::overlay::Overlay;
use crate::console::palette::{self, PaletteItem};
use crate::console::theme::Role;

/// A command of a line being typed.
pub(super) fn run(app: &mut Console, command: Command) -> Vec<Effect> {
    match command {
        Command::Open => return enter(app),
        Command::Back => drop(app.overlays.pop()),
        Command::Up | Command::Down => {
            let last = found(app).len().saturating_sub(1);
            if let Some(Overlay::Palette(palette)) = app.overlays.last_mut() {
                palette.cursor = match command {
                    Command::Up => palette.cursor.saturating_sub(1),
                    _ => (palette.cursor + 1).min(last),
                };
            }
        }
        _ => {}
    }
    Vec::new()
}

fn found(app: &Console) -> Vec<PaletteItem> {
    match app.overlays.last() {
        Some(Overlay::Palette(palette)) => palette::items(app, palette.line.value()),
        _ => Vec::new(),
    }
}

fn enter(app: &mut Console) -> Vec<Effect> {
    let Some(Overlay::Palette(palette)) = app.overlays.last() else { return Vec::new() };
    let cursor = palette.cursor;
    match found(app).into_iter().nth(cursor) {
        None => app.say(Role::Warning, "No command has these words: take some back, or close this list."),
        Some(PaletteItem { why_not: Some(why), .. }) => app.say(Role::Warning, why),
        Some(item) => {
            app.overlays.pop();
            app.notice = None;
            return super::key_input::run_anywhere(app, item.spec.command);
        }
    }
    Vec::new()
}
