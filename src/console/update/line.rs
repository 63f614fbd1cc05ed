//! A line being typed, and how much of it is taken.

use crossterm::event::Event;
use tui_input::backend::crossterm::EventHandler;
use tui_input::{Input as Line, InputRequest};

use crate::console::keymap::KeyPress;

/// The most bytes of a line.
pub(super) const MAX_LINE: usize = 2000;

/// Gives a key to a line.
pub(super) fn edit(line: &mut Line, key: KeyPress) {
    let grows = key.typed().is_some();
    if !(grows && line.value().len() >= MAX_LINE) {
        line.handle_event(&Event::Key(key.event()));
    }
}

/// Puts text where the cursor is, as far as the line has room for it; how many of its bytes that were.
pub(super) fn insert(line: &mut Line, text: &str) -> usize {
    let mut kept = 0;
    for c in text.chars() {
        if line.value().len() + c.len_utf8() > MAX_LINE {
            break;
        }
        line.handle(InputRequest::InsertChar(c));
        kept += c.len_utf8();
    }
    kept
}
