//! Keys that a terminal can't send, or sends as another: a chord with one of them would never be reached.

use crossterm::event::{KeyCode, KeyModifiers};

use super::KeyPress;

/// Why a key never arrives as it is written, and what to write instead.
pub fn unsendable(key: KeyPress) -> Option<String> {
    match key.code {
        KeyCode::Char(c) if key.modifiers.contains(KeyModifiers::CONTROL) => control(c),
        KeyCode::Char(c @ ('[' | ']' | '_' | '^')) if key.modifiers == KeyModifiers::ALT => {
            Some(format!("a terminal sends Alt-{c} as the beginning of something else: choose another key"))
        }
        KeyCode::Enter | KeyCode::Esc | KeyCode::Backspace | KeyCode::Tab | KeyCode::Char(' ') => {
            let tab = key.code == KeyCode::Tab && key.modifiers == KeyModifiers::SHIFT;
            let lost = key.modifiers - KeyModifiers::ALT;
            let plain = KeyPress::plain(key.code);
            (!tab && !lost.is_empty()).then(|| format!("most terminals send {plain} for {key}: choose another key"))
        }
        _ => None,
    }
}

fn control(c: char) -> Option<String> {
    let is = |what: &str, write: &str| Some(format!("Ctrl-{} is {what} to a terminal: write `{write}`", upper(c)));
    match c {
        'i' => is("Tab", "<tab>"),
        'm' => is("Enter", "<enter>"),
        'h' | '8' | '?' => is("Backspace", "<bs>"),
        '[' | '3' => is("Esc", "<esc>"),
        '@' | '2' => is("Ctrl-Space", "<c-space>"),
        '\\' => is("Ctrl-4", "<c-4>"),
        ']' => is("Ctrl-5", "<c-5>"),
        '^' | '~' => is("Ctrl-6", "<c-6>"),
        '_' | '/' => is("Ctrl-7", "<c-7>"),
        'a'..='z' | '4'..='7' | ' ' => None,
        other => Some(format!("no terminal sends Ctrl-{other}: choose a letter")),
    }
}

fn upper(c: char) -> char {
    c.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_arrives_is_known_with_what_does() {
        for (text, words) in [
            ("<c-i>", "Ctrl-I is Tab to a terminal: write `<tab>`"),
            ("<c-m>", "Ctrl-M is Enter to a terminal: write `<enter>`"),
            ("<c-[>", "Ctrl-[ is Esc to a terminal: write `<esc>`"),
            ("<c-h>", "Ctrl-H is Backspace to a terminal: write `<bs>`"),
            ("<c-/>", "Ctrl-/ is Ctrl-7 to a terminal: write `<c-7>`"),
            ("<c-1>", "no terminal sends Ctrl-1: choose a letter"),
            ("<a-[>", "a terminal sends Alt-[ as the beginning of something else: choose another key"),
            ("<s-enter>", "most terminals send Enter for S-Enter: choose another key"),
            ("<c-tab>", "most terminals send Tab for Ctrl-TAB: choose another key"),
        ] {
            assert_eq!(unsendable(KeyPress::parse(text).unwrap()).as_deref(), Some(words), "{text}");
        }
        for text in ["<c-x>", "<c-space>", "<a-x>", "<a-enter>", "<s-tab>", "<c-up>", "<c-7>", "[", "<s-left>"] {
            assert_eq!(unsendable(KeyPress::parse(text).unwrap()), None, "{text}");
        }
    }

    /// What is called sendable is what a terminal's bytes are decoded to.
    #[test]
    fn every_control_byte_is_a_key_that_can_be_bound() {
        let mut decoder = crate::console::terminal::InputParser::default();
        for byte in (0x00..0x20u8).filter(|byte| *byte != 0x1b) {
            for input in decoder.push(&[byte]) {
                let crate::console::Input::Key(key) = input else { panic!("{byte:#x}") };
                assert!(unsendable(key).is_none() || key.code == KeyCode::Char('h'), "{byte:#x} is {key}");
            }
        }
    }
}
