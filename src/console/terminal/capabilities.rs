//! What a terminal can be told besides its cells: a title, a clipboard, a bell. What it is known not to take is not sent.

use crate::model::SafeText;

/// The most bytes that are put on a clipboard; terminals drop longer ones whole.
const MOST_COPIED: usize = 72 * 1024;
/// How much GNU screen passes on at once.
const SCREEN_PIECE: usize = 240;

/// How a person at another window is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Bell,
    /// `OSC 9`: iTerm2, WezTerm, kitty, ghostty.
    Nine,
    /// `OSC 777`: rxvt, foot.
    Seven,
}

/// The manners of one terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Capabilities {
    /// It takes strings (titles, clipboards). The Linux console does not.
    strings: bool,
    tmux: bool,
    screen: bool,
    call: Call,
}

impl Capabilities {
    /// As the environment tells.
    pub(super) fn detect(get: impl Fn(&str) -> Option<String>) -> Self {
        let term = get("TERM").unwrap_or_default();
        let program = get("TERM_PROGRAM").unwrap_or_default();
        let tmux = get("TMUX").is_some_and(|it| !it.is_empty()) || term.starts_with("tmux");
        let screen = !tmux && (get("STY").is_some_and(|it| !it.is_empty()) || term.starts_with("screen"));
        let nine = ["xterm-kitty", "xterm-ghostty", "wezterm"].iter().any(|name| term.starts_with(name))
            || matches!(program.as_str(), "iTerm.app" | "WezTerm" | "ghostty");
        let seven = term.starts_with("rxvt") || term.starts_with("foot");
        Self {
            strings: !(term == "linux" || term == "dumb" || term.starts_with("vt")),
            tmux,
            screen,
            // A multiplexer passes the bell on, and keeps the rest to itself.
            call: match (tmux || screen, nine, seven) {
                (false, true, _) => Call::Nine,
                (false, false, true) => Call::Seven,
                _ => Call::Bell,
            },
        }
    }

    /// Keeps the title that is there, and asks to be told where the focus is.
    pub(super) fn begin(&self) -> &'static str {
        match (self.strings, self.screen) {
            (false, _) => "",
            (_, true) => "\x1b[?1004h",
            _ => "\x1b[22;0t\x1b[?1004h",
        }
    }

    /// Puts back what [`Capabilities::begin`] changed.
    pub(super) fn end(&self) -> &'static str {
        match (self.strings, self.screen) {
            (false, _) => "",
            (_, true) => "\x1b[?1004l",
            _ => "\x1b[?1004l\x1b[23;0t",
        }
    }

    /// The window's title.
    pub(super) fn title(&self, text: &SafeText) -> String {
        match self.strings {
            true => format!("\x1b]2;{text}\x07"),
            false => String::new(),
        }
    }

    /// Puts text on the clipboard of the person's own terminal: `OSC 52`, passed through what is in between.
    pub(super) fn copy(&self, text: &SafeText) -> String {
        let text = text.as_str();
        let cut = (0..=MOST_COPIED.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let coded = base64(&text.as_bytes()[..cut]);
        let plain = format!("\x1b]52;c;{coded}\x07");
        match (self.strings, self.tmux, self.screen) {
            (false, ..) => String::new(),
            // tmux takes it itself where its clipboard is on, and passes the other on where that is allowed.
            (_, true, _) => format!("{plain}\x1bPtmux;\x1b\x1b]52;c;{coded}\x07\x1b\\"),
            (_, _, true) => {
                let bytes = plain.as_bytes();
                let pieces =
                    bytes.chunks(SCREEN_PIECE).map(|piece| format!("\x1bP{}\x1b\\", String::from_utf8_lossy(piece)));
                pieces.collect()
            }
            _ => plain,
        }
    }

    /// Calls the person. One who looks at this window needs no more than the bell.
    pub(super) fn call(&self, text: &SafeText, focused: bool) -> String {
        // What ends a field is no part of it.
        let text = text.as_str().replace(';', ",");
        match self.call {
            Call::Nine if !focused => format!("\x1b]9;{text}\x07"),
            Call::Seven if !focused => format!("\x1b]777;notify;warroom;{text}\x07"),
            _ => "\x07".to_owned(),
        }
    }

    /// Takes the mouse, or gives it back.
    pub(super) fn mouse(on: bool) -> &'static str {
        if on { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" }
    }
}

/// Base64 as OSC 52 wants it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let at = |i: usize| u32::from(chunk.get(i).copied().unwrap_or(0));
        let group = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let letter = LETTERS[(group >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(vars: &[(&str, &str)]) -> Capabilities {
        Capabilities::detect(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn base64_is_the_usual_one() {
        for (plain, coded) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn a_copy_finds_its_way_through_multiplexers_and_never_to_the_linux_console() {
        let text = SafeText::from("foobar");
        assert_eq!(of(&[("TERM", "xterm-256color")]).copy(&text), "\x1b]52;c;Zm9vYmFy\x07");
        let tmux = of(&[("TERM", "tmux-256color"), ("TMUX", "/tmp/tmux-1/default,1,0")]).copy(&text);
        assert_eq!(tmux, "\x1b]52;c;Zm9vYmFy\x07\x1bPtmux;\x1b\x1b]52;c;Zm9vYmFy\x07\x1b\\");
        assert_eq!(
            of(&[("TERM", "screen.xterm-256color"), ("STY", "1.x")]).copy(&text),
            "\x1bP\x1b]52;c;Zm9vYmFy\x07\x1b\\"
        );
        assert_eq!(of(&[("TERM", "linux")]).copy(&text), "");
        let long = SafeText::long(&"x".repeat(8_000));
        let pieces = of(&[("TERM", "screen")]).copy(&long);
        assert!(pieces.split("\x1b\\").all(|piece| piece.len() <= SCREEN_PIECE + 2));
    }

    #[test]
    fn a_person_is_called_in_the_way_the_terminal_knows() {
        let text = SafeText::from("a plan waits; read it");
        let call = |vars: &[(&str, &str)], focused| of(vars).call(&text, focused);
        assert_eq!(call(&[("TERM", "xterm-256color")], false), "\x07");
        assert_eq!(call(&[("TERM", "xterm-kitty")], false), "\x1b]9;a plan waits, read it\x07");
        assert_eq!(call(&[("TERM", "foot")], false), "\x1b]777;notify;warroom;a plan waits, read it\x07");
        assert_eq!(call(&[("TERM", "foot")], true), "\x07", "who looks needs no more than the bell");
        assert_eq!(call(&[("TERM", "xterm-kitty"), ("TMUX", "x")], false), "\x07");
    }

    #[test]
    fn the_linux_console_gets_no_string_at_all() {
        let linux = of(&[("TERM", "linux")]);
        let title = linux.title(&SafeText::from("SEV1"));
        assert_eq!((linux.begin(), linux.end(), title.as_str()), ("", "", ""));
        let xterm = of(&[("TERM", "xterm")]);
        assert_eq!(xterm.title(&SafeText::new("a\x07\x1b]b")), "\x1b]2;a‹U+0007›‹U+001B›]b\x07");
    }
}
