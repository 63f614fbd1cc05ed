//! Keys as text: `a`, `?`, `<enter>`, `<c-l>`, `<s-tab>`; a chord is keys with spaces between, a script is keys in a row.

use std::fmt;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key with its modifiers, normalised: a letter carries its own shift, back-tab is shift and tab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Hash)]
pub struct KeyPress {
    /// Never `BackTab`: that is `Tab` with shift.
    pub code: KeyCode,
    /// Only shift, control and alt; never shift with a character, which says it already.
    pub modifiers: KeyModifiers,
}

const NAMED: [(&str, KeyCode); 16] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("space", KeyCode::Char(' ')),
    ("bs", KeyCode::Backspace),
    ("del", KeyCode::Delete),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("lt", KeyCode::Char('<')),
    ("gt", KeyCode::Char('>')),
];

/// Words that people write for a key that is held.
const HELD: [&str; 5] = ["ctrl", "control", "alt", "meta", "shift"];

/// Other words that people write for a key.
const SPELLED: [&str; 7] = ["return", "escape", "backspace", "delete", "pageup", "pagedown", "backtab"];

impl KeyPress {
    /// A key without modifiers.
    pub fn plain(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    /// The key of a terminal event.
    pub fn of(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers & (KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT);
        let mut code = event.code;
        match code {
            KeyCode::BackTab => {
                code = KeyCode::Tab;
                modifiers |= KeyModifiers::SHIFT;
            }
            KeyCode::Char(c) => {
                // Terminals differ in whether a capital comes with its shift; the capital says it already.
                if modifiers.contains(KeyModifiers::SHIFT) && modifiers.contains(KeyModifiers::CONTROL) {
                    code = KeyCode::Char(c.to_ascii_lowercase());
                }
                modifiers -= KeyModifiers::SHIFT;
            }
            _ => {}
        }
        Self { code, modifiers }
    }

    /// As a terminal would have sent it.
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.code, self.modifiers)
    }

    /// The character it types, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            KeyCode::Char(c) if self.modifiers.is_empty() => Some(c),
            _ => None,
        }
    }

    /// Reads one key: a single character or a `<name>`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut chars = text.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return Ok(Self::plain(KeyCode::Char(c)));
        }
        let name = text
            .strip_prefix('<')
            .and_then(|rest| rest.strip_suffix('>'))
            .ok_or_else(|| format!("`{text}` is not a key: write one character, or a name like `<enter>`"))?;
        let lower = name.to_ascii_lowercase();
        let mut rest = lower.as_str();
        let mut modifiers = KeyModifiers::NONE;
        loop {
            rest = match rest.as_bytes() {
                [b'c', b'-', _, ..] => {
                    modifiers |= KeyModifiers::CONTROL;
                    &rest[2..]
                }
                [b'a', b'-', _, ..] => {
                    modifiers |= KeyModifiers::ALT;
                    &rest[2..]
                }
                [b's', b'-', _, ..] => {
                    modifiers |= KeyModifiers::SHIFT;
                    &rest[2..]
                }
                _ => break,
            };
        }
        let code = match NAMED.iter().find(|(known, _)| *known == rest) {
            Some((_, code)) => *code,
            None => match (rest.chars().next(), rest.chars().nth(1)) {
                (Some(c), None) if !modifiers.is_empty() => KeyCode::Char(c),
                _ => return Err(format!("`{text}` is not a key this program knows")),
            },
        };
        if let KeyCode::Char(c) = code
            && c.is_alphabetic()
            && modifiers == KeyModifiers::SHIFT
        {
            return Err(format!("`{text}`: a letter carries its own shift, write `{}`", c.to_uppercase()));
        }
        Ok(Self::of(KeyEvent::new(code, modifiers)))
    }

    /// As key map files write it: what [`Self::parse`] reads.
    pub fn written(self) -> String {
        let name = match NAMED.iter().find(|(_, code)| *code == self.code) {
            Some((name, _)) => (*name).to_owned(),
            None => match self.code {
                KeyCode::Char(c) if self.modifiers.is_empty() => return c.to_string(),
                KeyCode::Char(c) => c.to_string(),
                other => format!("{other:?}").to_lowercase(),
            },
        };
        let held = [(KeyModifiers::CONTROL, "c-"), (KeyModifiers::ALT, "a-"), (KeyModifiers::SHIFT, "s-")];
        let held: String =
            held.into_iter().filter(|(it, _)| self.modifiers.contains(*it)).map(|(_, word)| word).collect();
        format!("<{held}{name}>")
    }
}

impl fmt::Display for KeyPress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = match self.code {
            KeyCode::Enter => "Enter".to_owned(),
            KeyCode::Esc => "Esc".to_owned(),
            KeyCode::Tab => "Tab".to_owned(),
            KeyCode::Backspace => "Backspace".to_owned(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            other => format!("{other:?}"),
        };
        if self.modifiers.contains(KeyModifiers::SHIFT) {
            name = format!("S-{name}");
        }
        if self.modifiers.contains(KeyModifiers::ALT) {
            name = format!("Alt-{name}");
        }
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            name = format!("Ctrl-{}", name.to_uppercase());
        }
        f.write_str(&name)
    }
}

/// Reads a chord: keys with spaces between.
pub fn parse_chord(text: &str) -> Result<Vec<KeyPress>, String> {
    let keys: Vec<KeyPress> = text.split_whitespace().map(KeyPress::parse).collect::<Result<_, _>>()?;
    match keys.len() {
        0 => Err("an empty chord can't be pressed; the space bar is `<space>`".to_owned()),
        1..=3 => Ok(keys),
        n => Err(format!("a chord of {n} keys is too long: three at most")),
    }
}

/// Reads a script of keys in a row, as a person would press them: `!f<enter>`.
///
/// # Errors
/// A name that is no key's.
pub fn keys(script: &str) -> Result<Vec<KeyPress>, String> {
    let mut out = Vec::new();
    let mut rest = script;
    while let Some(c) = rest.chars().next() {
        let end = match (c, rest.find('>')) {
            ('<', Some(end)) => end + 1,
            _ => c.len_utf8(),
        };
        out.push(KeyPress::parse(&rest[..end])?);
        rest = &rest[end..];
    }
    Ok(out)
}

/// [`keys`] of a command line, where a name without its brackets is a slip: `Tab` would type three letters.
///
/// # Errors
/// As [`keys`], and for a script of nothing but names.
pub fn keys_of_argument(script: &str) -> Result<Vec<KeyPress>, String> {
    let bare = |word: &str| {
        let word = word.to_ascii_lowercase();
        let held = word.split_once(['-', '+']).is_some_and(|(first, _)| HELD.contains(&first));
        held || NAMED.iter().any(|(known, _)| *known == word) || SPELLED.contains(&word.as_str())
    };
    let mut words = script.split([' ', ',']).filter(|word| !word.is_empty()).peekable();
    if words.peek().is_some() && words.all(bare) {
        return Err(format!(
            "`{script}` would be typed letter by letter: write the name of a key in brackets, like `<tab>`, `<enter>`, \
             `<c-l>`, and letters as they are"
        ));
    }
    keys(script)
}
