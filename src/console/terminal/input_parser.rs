//! What a terminal sends, as inputs. Pure: bytes in pieces of any size go in, keys and pastes come out.
//!
//! Nothing here waits, and nothing grows: a sequence that is too long is dropped whole, a paste is kept up to a limit, and
//! what is cut off by a slow link stays a sequence until the rest comes. So a split arrow key is never read as letters, and
//! pasted text never as keys.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::input::{Input, Mouse};
use crate::console::keymap::KeyPress;

/// The most bytes of a paste that are kept; no line takes more than a few thousand.
pub(super) const MOST_PASTED: usize = 64 * 1024;
/// The most bytes of a sequence that are looked at.
const LONGEST: usize = 32;
/// An escape is the key of that name when nothing follows for so long.
const ESCAPE: Duration = Duration::from_millis(50);
/// An answer of the terminal that does not go on for so long was none.
const ANSWER: Duration = Duration::from_secs(1);
/// What ends a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

/// Where in a sequence the next byte belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ParserState {
    #[default]
    Ground,
    /// Behind an escape: the key itself, or the start of something.
    Escape,
    Csi,
    Ss3,
    /// A string that a terminal answers with (OSC, DCS, …): its background is heard, all others are swallowed to their end.
    Text,
    /// The escape that may end such a string.
    TextEscape,
    /// So many bytes are skipped: an old mouse report, a key of the Linux console.
    Skip(u8),
    Utf8,
    Paste,
}

/// Reads what a terminal sends.
#[derive(Debug, Default)]
pub(crate) struct InputParser {
    state: ParserState,
    seq: Vec<u8>,
    /// How many bytes of [`PASTE_END`] have been seen in a row.
    end: usize,
    alt: bool,
}

impl InputParser {
    /// Takes in bytes, and gives the inputs that are complete.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<Input> {
        bytes.iter().filter_map(|byte| self.step(*byte)).collect()
    }

    /// How long to wait for the rest of what may have no rest: an escape may be the key of that name. An answer that has
    /// begun gets longer, because its rest would be read as keys.
    pub(super) fn patience(&self) -> Option<Duration> {
        match self.state {
            ParserState::Text | ParserState::TextEscape if self.seq.len() > 1 => Some(ANSWER),
            ParserState::Escape | ParserState::Text | ParserState::TextEscape => Some(ESCAPE),
            _ => None,
        }
    }

    /// No more came in time. An escape alone is the key; a string that does not go on was none.
    pub(super) fn quiet(&mut self) -> Option<Input> {
        match std::mem::take(&mut self.state) {
            ParserState::Escape => Some(key(KeyCode::Esc, KeyModifiers::NONE)),
            ParserState::Text | ParserState::TextEscape => None,
            other => {
                self.state = other;
                None
            }
        }
    }

    fn step(&mut self, byte: u8) -> Option<Input> {
        match self.state {
            ParserState::Ground => self.ground(byte),
            ParserState::Escape => self.escape(byte),
            ParserState::Csi => self.csi(byte),
            ParserState::Ss3 => {
                self.state = ParserState::Ground;
                walk(byte, KeyModifiers::NONE)
            }
            ParserState::Text | ParserState::TextEscape => self.text(byte),
            ParserState::Skip(left) => {
                self.state = if left > 1 { ParserState::Skip(left - 1) } else { ParserState::Ground };
                None
            }
            ParserState::Utf8 => self.utf8(byte),
            ParserState::Paste => self.paste(byte),
        }
    }

    fn ground(&mut self, byte: u8) -> Option<Input> {
        let mods = if std::mem::take(&mut self.alt) { KeyModifiers::ALT } else { KeyModifiers::NONE };
        match byte {
            0x1b => self.go(ParserState::Escape),
            b'\r' => Some(key(KeyCode::Enter, mods)),
            b'\t' => Some(key(KeyCode::Tab, mods)),
            0x7f => Some(key(KeyCode::Backspace, mods)),
            0x00 => Some(key(KeyCode::Char(' '), mods | KeyModifiers::CONTROL)),
            0x01..=0x1a => Some(key(KeyCode::Char(char::from(byte - 1 + b'a')), mods | KeyModifiers::CONTROL)),
            0x1c..=0x1f => Some(key(KeyCode::Char(char::from(byte - 0x1c + b'4')), mods | KeyModifiers::CONTROL)),
            0x20..=0x7e => Some(key(KeyCode::Char(char::from(byte)), mods)),
            0xc2..=0xf4 => {
                self.alt = !mods.is_empty();
                self.seq.clear();
                self.seq.push(byte);
                self.state = ParserState::Utf8;
                None
            }
            // No character starts with this byte.
            _ => None,
        }
    }

    fn go(&mut self, state: ParserState) -> Option<Input> {
        self.state = state;
        self.seq.clear();
        None
    }

    fn escape(&mut self, byte: u8) -> Option<Input> {
        match byte {
            b'[' => self.go(ParserState::Csi),
            b'O' => self.go(ParserState::Ss3),
            b']' | b'P' | b'_' | b'^' | b'X' => {
                self.go(ParserState::Text);
                // What kind of string it is.
                self.seq.push(byte);
                None
            }
            // The escape before this one was the key.
            0x1b => Some(key(KeyCode::Esc, KeyModifiers::NONE)),
            _ => {
                self.state = ParserState::Ground;
                self.alt = true;
                self.ground(byte)
            }
        }
    }

    fn text(&mut self, byte: u8) -> Option<Input> {
        let ends = byte == 0x07 || (self.state == ParserState::TextEscape && byte == b'\\');
        self.state = match byte {
            _ if ends => ParserState::Ground,
            0x1b => ParserState::TextEscape,
            _ => ParserState::Text,
        };
        if !ends && self.seq.len() < LONGEST {
            self.seq.push(byte);
        }
        if ends { answer(&self.seq) } else { None }
    }

    fn csi(&mut self, byte: u8) -> Option<Input> {
        match byte {
            0x20..=0x3f => {
                if self.seq.len() < LONGEST {
                    self.seq.push(byte);
                }
                None
            }
            // `ESC [ [ A`: a function key of the Linux console.
            b'[' if self.seq.is_empty() => self.go(ParserState::Skip(1)),
            // `ESC [ M` and three bytes: an old mouse report.
            b'M' if self.seq.is_empty() => self.go(ParserState::Skip(3)),
            0x40..=0x7e => {
                self.state = ParserState::Ground;
                if byte == b'~' && self.seq == b"200" {
                    self.end = 0;
                    return self.go(ParserState::Paste);
                }
                (self.seq.len() < LONGEST).then(|| sequence(&self.seq, byte)).flatten()
            }
            0x1b => self.go(ParserState::Escape),
            _ => self.go(ParserState::Ground),
        }
    }

    fn utf8(&mut self, byte: u8) -> Option<Input> {
        if byte & 0xc0 != 0x80 {
            // Not the rest of a character: that one is lost, this byte is its own.
            self.go(ParserState::Ground);
            return self.ground(byte);
        }
        self.seq.push(byte);
        let whole = match self.seq[0] {
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        if self.seq.len() < whole {
            return None;
        }
        self.state = ParserState::Ground;
        let mods = if std::mem::take(&mut self.alt) { KeyModifiers::ALT } else { KeyModifiers::NONE };
        let typed = std::str::from_utf8(&self.seq).ok().and_then(|text| text.chars().next());
        typed.map(|c| key(KeyCode::Char(c), mods))
    }

    fn paste(&mut self, byte: u8) -> Option<Input> {
        // The end begins with the only escape in it, so a mismatch can only be a new start.
        self.end = match byte {
            byte if byte == PASTE_END[self.end] => self.end + 1,
            0x1b => 1,
            _ => 0,
        };
        // What is kept leaves room for the end, which is taken off again.
        if self.seq.len() < MOST_PASTED + PASTE_END.len() {
            self.seq.push(byte);
        }
        if self.end < PASTE_END.len() {
            return None;
        }
        self.state = ParserState::Ground;
        let bytes = std::mem::take(&mut self.seq);
        let text = bytes.strip_suffix(PASTE_END).unwrap_or(&bytes);
        let text = &text[..text.len().min(MOST_PASTED)];
        Some(Input::Paste(String::from_utf8_lossy(text).into_owned()))
    }
}

fn key(code: KeyCode, modifiers: KeyModifiers) -> Input {
    Input::Key(KeyPress::of(KeyEvent::new(code, modifiers)))
}

/// Shift, alt and control, as `1 + bits`.
fn modifiers(number: Option<u32>) -> KeyModifiers {
    let bits = number.unwrap_or(1).saturating_sub(1);
    let named = [(1, KeyModifiers::SHIFT), (2, KeyModifiers::ALT), (4, KeyModifiers::CONTROL)];
    named.into_iter().filter(|(bit, _)| bits & bit != 0).fold(KeyModifiers::NONE, |all, (_, it)| all | it)
}

/// The keys that move.
fn walk(last: u8, mods: KeyModifiers) -> Option<Input> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'H' => KeyCode::Home,
        b'F' => KeyCode::End,
        b'Z' => KeyCode::BackTab,
        // The keypad's.
        b'M' => KeyCode::Enter,
        _ => return None,
    };
    Some(key(code, mods))
}

/// `button ; column ; row`, from 1: a press of the first button, or the wheel. The rest means nothing here.
fn mouse(report: &str) -> Option<Input> {
    let numbers: Vec<u16> = report.split(';').map(str::parse).collect::<Result<_, _>>().ok()?;
    let [button, x, y] = numbers.as_slice() else { return None };
    let (x, y) = (x.checked_sub(1)?, y.checked_sub(1)?);
    Some(Input::Mouse(match button {
        0 => Mouse::Click { x, y },
        64 => Mouse::Up { x, y },
        65 => Mouse::Down { x, y },
        _ => return None,
    }))
}

/// A whole string of the terminal: its background, if it says that.
fn answer(text: &[u8]) -> Option<Input> {
    let text = std::str::from_utf8(text).ok()?.trim_end_matches('\u{1b}');
    let colour = text.strip_prefix("]11;")?;
    let parts = colour.strip_prefix("rgb:").or_else(|| colour.strip_prefix("rgba:"))?;
    // One to four hexadecimal digits each, of which the first two matter.
    let mut parts = parts.split('/').map(|part| {
        let wide = u32::try_from(part.len()).ok().filter(|wide| (1..=4).contains(wide))?;
        let value = u32::from_str_radix(part, 16).ok()?;
        u8::try_from(value * 255 / (16u32.pow(wide) - 1)).ok()
    });
    let mut next = || parts.next().flatten();
    Some(Input::Background(Some([next()?, next()?, next()?])))
}

/// A whole `ESC [ … x`. What nothing here means is dropped: answers of the terminal, buttons that come up.
fn sequence(inside: &[u8], last: u8) -> Option<Input> {
    let text = std::str::from_utf8(inside).ok()?;
    match (text, last) {
        ("", b'I') => return Some(Input::Focus(true)),
        ("", b'O') => return Some(Input::Focus(false)),
        _ => {}
    }
    if let (Some(report), b'M') = (text.strip_prefix('<'), last) {
        return mouse(report);
    }
    let mut fields = text.split(';');
    let mut number = || {
        let field = fields.next()?;
        let mut parts = field.split(':');
        let value = parts.next()?.parse::<u32>().ok();
        // The second part of the modifiers says whether the key went down (1), repeats (2) or came up (3).
        Some((value, parts.next() == Some("3")))
    };
    let (first, _) = number().unwrap_or((None, false));
    let (second, released) = number().unwrap_or((None, false));
    if text.starts_with('?') && last == b'c' {
        // What kind of terminal it is: every terminal says that, and after all that it was asked before.
        return Some(Input::Background(None));
    }
    if released || text.starts_with(['<', '?', '>', '=']) {
        return None;
    }
    let mods = modifiers(second);
    match last {
        b'A' | b'B' | b'C' | b'D' | b'H' | b'F' | b'Z' => walk(last, mods),
        b'~' => {
            let code = match first? {
                1 | 7 => KeyCode::Home,
                3 => KeyCode::Delete,
                4 | 8 => KeyCode::End,
                5 => KeyCode::PageUp,
                6 => KeyCode::PageDown,
                _ => return None,
            };
            Some(key(code, mods))
        }
        b'u' => {
            let code = match first? {
                13 => KeyCode::Enter,
                27 => KeyCode::Esc,
                9 if mods.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
                9 => KeyCode::Tab,
                127 => KeyCode::Backspace,
                other => KeyCode::Char(char::from_u32(other).filter(|c| !c.is_control())?),
            };
            Some(key(code, mods))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
