//! Small layers at the bottom of the screen: their lines, and what their keys mean.

use ratatui::layout::Rect;

use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::Command;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Canvas, Words};

/// What a key does in a layer: the command it stands for, if it is one, and what that means there.
pub type Hint<'a> = (Option<Command>, &'a str);

/// A block of lines above the footer, with its own keys there; without keys the footer is somebody else's to draw.
pub fn draw_sheet(app: &Console, canvas: &mut Canvas<'_>, lines: Vec<Words>, keys: &[Hint<'_>]) {
    let (w, h) = app.size;
    let tall = u16::try_from(lines.len()).unwrap_or(1) + 2;
    let y = h.saturating_sub(tall);
    canvas.clear(Rect::new(0, y, w, tall), Role::Text);
    canvas.line(Rect::new(0, y, w, 1), y);
    for (line, words) in (y + 1..h.saturating_sub(1)).zip(lines) {
        canvas.words(2, line, &words, w.saturating_sub(4));
    }
    if keys.is_empty() {
        return;
    }
    canvas.words(2, h.saturating_sub(1), &hint_words(app, keys), w.saturating_sub(4));
}

/// The keys of hints, as the key map in use has them.
pub fn hint_words(app: &Console, hints: &[Hint<'_>]) -> Words {
    let mut words = Words::new();
    for (command, hint) in hints {
        if let Some(command) = command {
            words.push(span(Role::Accent, availability::key(app, app.context(), *command)));
            words.push(span(Role::Text, " "));
        }
        words.push(span(Role::Dim, format!("{hint}   ")));
    }
    words
}
