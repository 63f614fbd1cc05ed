//! The only place where text becomes cells. Everything is clipped: no coordinate can panic, at 0×0 neither.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use crate::console::theme::{Look, Role};
use crate::model::SafeText;

/// Words in one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What the words mean; the theme gives it its look.
    pub role: Role,
    /// Without line ends; cut where there is no room.
    pub text: String,
}

/// Words in a row.
pub type Words = Vec<Span>;

/// Words in a role.
pub fn span(role: Role, text: impl Into<String>) -> Span {
    Span { role, text: text.into() }
}

/// Cells that a text takes.
pub fn width(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Cells that words take.
pub fn width_of(words: &[Span]) -> u16 {
    words.iter().fold(0, |sum, span| sum.saturating_add(width(&span.text)))
}

/// A frame being drawn.
pub struct Canvas<'a> {
    buffer: &'a mut Buffer,
    /// The theme as this terminal shows it: roles become styles here alone.
    pub look: &'a Look,
    /// Whether green may be shown at all: nothing is proven by a room that is not heard.
    pub proven: bool,
}

impl<'a> Canvas<'a> {
    /// A canvas on a buffer.
    pub fn new(buffer: &'a mut Buffer, look: &'a Look) -> Self {
        Self { buffer, look, proven: true }
    }

    /// The whole screen.
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Writes text of one role, at most `max` cells; returns the cells written. Control characters that got this far
    /// despite everything become visible here.
    pub fn put(&mut self, x: u16, y: u16, text: &str, role: Role, max: u16) -> u16 {
        let role = if role == Role::Good && !self.proven { Role::Stale } else { role };
        self.put_styled(x, y, text, self.look.style(role), max)
    }

    fn put_styled(&mut self, x: u16, y: u16, text: &str, style: Style, max: u16) -> u16 {
        let area = self.buffer.area;
        if x < area.left() || x >= area.right() || y < area.top() || y >= area.bottom() {
            return 0;
        }
        let max = max.min(area.right() - x);
        let clean;
        let text = if text.chars().any(is_unsafe) {
            clean = SafeText::new(text);
            clean.as_str()
        } else {
            text
        };
        let (end, _) = self.buffer.set_stringn(x, y, text, usize::from(max), style);
        end.saturating_sub(x)
    }

    /// Writes words in a row, at most `max` cells; returns the cells written.
    pub fn words(&mut self, x: u16, y: u16, words: &[Span], max: u16) -> u16 {
        let mut used = 0;
        for span in words {
            if used >= max {
                break;
            }
            used += self.put(x.saturating_add(used), y, &span.text, span.role, max - used);
        }
        used
    }

    /// Writes words so that they end before `right`.
    pub fn words_right(&mut self, right: u16, y: u16, words: &[Span], max: u16) -> u16 {
        let wide = width_of(words).min(max);
        self.words(right.saturating_sub(wide), y, words, wide)
    }

    /// Lays a role over what is drawn: a background, a weight.
    pub fn tint(&mut self, area: Rect, role: Role) {
        let style = self.look.style(role);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Makes what is drawn bold.
    pub fn embolden(&mut self, area: Rect) {
        let style = Style::default().add_modifier(Modifier::BOLD);
        self.buffer.set_style(area.intersection(self.buffer.area), style);
    }

    /// Fills an area with blanks in a role.
    pub fn clear(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        let style = self.look.base().patch(self.look.style(role));
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                if let Some(cell) = self.buffer.cell_mut((x, y)) {
                    cell.reset();
                    cell.set_style(style);
                }
            }
        }
    }

    /// A horizontal line.
    pub fn line(&mut self, area: Rect, y: u16) {
        self.put(area.x, y, &"─".repeat(usize::from(area.width)), Role::Rule, area.width);
    }
}

fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}
