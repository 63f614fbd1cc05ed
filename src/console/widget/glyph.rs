//! The one vocabulary of glyphs, and what becomes of it on an ASCII terminal.

use ratatui::buffer::Buffer;

use crate::board::Verdict;
use crate::console::theme::Role;

/// The verdict critical; `X` in ASCII.
pub const CRITICAL: &str = "✗";
/// The verdict warning; `!` in ASCII.
pub const WARNING: &str = "▲";
/// The verdict ok: proven by fresh data; `+` in ASCII.
pub const OK: &str = "✓";
/// The verdict unknown, and what replaces a good one that is not proven any more.
pub const UNKNOWN: &str = "?";
/// A decision in the timeline; `*` in ASCII.
pub const DECISION: &str = "◆";
/// A plan or a step that waits or runs; `>` in ASCII.
pub const WAITING: &str = "▸";
/// A person who is here; `o` in ASCII.
pub const LIVE: &str = "●";
/// A pinned entry of the timeline.
pub const PIN: &str = "*";

/// Glyph and colour of a verdict. `Info` has neither: it asks for nothing.
pub fn of(verdict: Verdict) -> (&'static str, Role) {
    match verdict {
        Verdict::Ok => (OK, Role::Good),
        Verdict::Info => (" ", Role::Text),
        Verdict::Unknown => (UNKNOWN, Role::Unknown),
        Verdict::Warning => (WARNING, Role::Warning),
        Verdict::Critical => (CRITICAL, Role::Critical),
    }
}

/// The ASCII character for one of ours, one cell each, so that nothing moves.
fn ascii(symbol: &str) -> &'static str {
    match symbol {
        "✗" => "X",
        "▲" => "!",
        "✓" => "+",
        "◆" | "×" => "*",
        "▸" | "→" | "›" => ">",
        "‹" => "<",
        "●" => "o",
        "·" => "-",
        "…" => "~",
        "—" | "─" | "–" => "-",
        "│" | "▏" | "▕" | "⏎" => "|",
        "┬" | "┴" | "┼" | "├" | "┤" | "┌" | "┐" | "└" | "┘" => "+",
        "█" | "▇" => "#",
        "░" => ".",
        "“" | "”" => "\"",
        "’" => "'",
        _ => "?",
    }
}

/// A text in ASCII, character by character.
pub fn fold_text(text: &str) -> String {
    let mut buffer = [0; 4];
    text.chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { ascii(c.encode_utf8(&mut buffer)).to_owned() })
        .collect()
}

/// Makes a finished frame ASCII. What has no counterpart becomes `?`, as wide as it was.
#[expect(clippy::disallowed_methods, reason = "the symbols come from the closed list above")]
pub fn fold(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if !cell.symbol().is_ascii() {
            let plain = ascii(cell.symbol());
            cell.set_symbol(plain);
        }
    }
}
