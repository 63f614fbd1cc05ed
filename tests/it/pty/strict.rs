//! What the program may send to a terminal, and nothing else: text, and the sequences listed here. Everything else that a
//! terminal would obey is counted as a raw control byte, with its place.
//!
//! * `ESC [ numbers H`, `m`, `J`, `K`: cursor, colours, erasing;
//! * `ESC [ ? n h` and `l` for 7 (wrapping), 25 (cursor), 1000 and 1006 (the mouse, when it was asked for), 1004 (focus),
//!   1049 (alternate screen), 2004 (pastes), 2026 (a frame);
//! * `ESC ] 11 ; ? BEL` and `ESC [ c`: the questions for the background and the kind of terminal;
//! * `ESC ] 52 ; c ; base64 BEL`: a copy to the clipboard; `ESC ] 2 ; text BEL`: the title, kept and put back by
//!   `ESC [ 22 ; 0 t` and `ESC [ 23 ; 0 t`; `ESC ] 9 ; text BEL` and a bell by itself: a person is needed;
//! * line feed and carriage return, on the main screen only.

use std::collections::BTreeMap;

use crate::fuzz::hidden::hides;

/// Oddities that are kept in words.
const KEPT: usize = 32;
/// The longest sequence: a copy of a whole sheet is the longest thing ever sent.
const LONGEST: usize = 1 << 20;
const MODES: [u16; 8] = [7, 25, 1000, 1004, 1006, 1049, 2004, 2026];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    Csi,
    Osc,
}

/// Reads everything that is sent, in pieces of any size.
#[derive(Debug, Default)]
pub struct Strict {
    pub bytes: u64,
    pub frames: u64,
    /// Frames that began with an empty screen.
    pub whole: u64,
    cleared: bool,
    /// How often it asked for the background.
    pub questions: u64,
    /// Raw control bytes, unknown sequences, characters that hide or turn text.
    pub odd: u64,
    /// Bells by themselves, and calls.
    pub bells: u64,
    /// Titles, in their order.
    pub titles: Vec<String>,
    /// Titles that are kept and not put back yet.
    pub kept_titles: i64,
    pub oddities: Vec<String>,
    state: State,
    seq: Vec<u8>,
    utf8: Vec<u8>,
    modes: BTreeMap<u16, bool>,
    recent: Vec<u8>,
}

impl Strict {
    /// Takes in what was sent.
    pub fn push(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.bytes += 1;
            self.recent.push(*byte);
            if self.recent.len() > 160 {
                self.recent.drain(..80);
            }
            self.step(*byte);
        }
    }

    /// Whether a frame is open: the screen is not to be looked at.
    pub fn in_frame(&self) -> bool {
        self.mode(2026, false)
    }

    fn mode(&self, mode: u16, start: bool) -> bool {
        self.modes.get(&mode).copied().unwrap_or(start)
    }

    /// Modes that are not as a terminal starts.
    pub fn modes_left(&self) -> Vec<String> {
        let start = |mode: u16| matches!(mode, 7 | 25);
        let left = self.modes.iter().filter(|(mode, on)| **on != start(**mode));
        left.map(|(mode, on)| format!("{} {}", name(*mode), if *on { "on" } else { "off" })).collect()
    }

    fn odd(&mut self, what: String) {
        self.odd += 1;
        if self.oddities.len() < KEPT {
            let around = self.recent.escape_ascii();
            self.oddities.push(format!("at byte {}: {what}, behind {around}", self.bytes));
        }
    }

    fn step(&mut self, byte: u8) {
        match self.state {
            State::Text => self.text(byte),
            State::Escape => match byte {
                b'[' => self.state = State::Csi,
                b']' => self.state = State::Osc,
                _ => {
                    self.state = State::Text;
                    self.odd(format!("an escape before {:?}", char::from(byte)));
                }
            },
            State::Csi => match byte {
                0x20..=0x3f if self.seq.len() < LONGEST => self.seq.push(byte),
                0x40..=0x7e => {
                    self.state = State::Text;
                    self.csi(byte);
                }
                _ => {
                    self.state = State::Text;
                    self.odd(format!("byte {byte:#04x} inside a sequence"));
                }
            },
            State::Osc => match byte {
                0x07 => {
                    self.state = State::Text;
                    // The question for the background.
                    let asks = self.seq == b"11;?";
                    self.questions += u64::from(asks);
                    let copy = self.seq.strip_prefix(b"52;c;").map(|it| it.to_vec());
                    let fine =
                        copy.is_some_and(|it| it.iter().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(b)));
                    if let Some(title) = self.seq.strip_prefix(b"2;") {
                        self.titles.push(String::from_utf8_lossy(title).into_owned());
                    } else if self.seq.starts_with(b"9;") {
                        self.bells += 1;
                    } else if !fine && !asks {
                        self.odd(format!("an OSC: {}", self.seq.escape_ascii()));
                    }
                }
                0x20..=0x7e | 0x80.. if self.seq.len() < LONGEST => self.seq.push(byte),
                _ => {
                    self.state = State::Text;
                    self.odd(format!("byte {byte:#04x} inside an OSC"));
                }
            },
        }
    }

    fn text(&mut self, byte: u8) {
        if !self.utf8.is_empty() || byte >= 0x80 {
            return self.utf8(byte);
        }
        match byte {
            0x1b => {
                self.seq.clear();
                self.state = State::Escape;
            }
            b'\n' | b'\r' if !self.mode(1049, false) => {}
            0x07 => self.bells += 1,
            0x00..=0x1f | 0x7f => self.odd(format!("control byte {byte:#04x}")),
            _ => {}
        }
    }

    fn utf8(&mut self, byte: u8) {
        self.utf8.push(byte);
        match std::str::from_utf8(&self.utf8) {
            Ok(text) => {
                let c = text.chars().next().unwrap_or(' ');
                self.utf8.clear();
                if hides(c) {
                    self.odd(format!("character U+{:04X}", c as u32));
                }
            }
            Err(error) if error.error_len().is_none() && self.utf8.len() < 4 => {}
            Err(_) => {
                let broken = std::mem::take(&mut self.utf8);
                self.odd(format!("broken UTF-8: {}", broken.escape_ascii()));
                // The byte that broke it may begin something.
                if byte < 0x80 {
                    self.text(byte);
                }
            }
        }
    }

    fn csi(&mut self, last: u8) {
        let text = String::from_utf8_lossy(&self.seq).into_owned();
        let numbers = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b';' || b == b':');
        match (text.strip_prefix('?'), last) {
            (Some(mode), b'h' | b'l') => match mode.parse::<u16>() {
                Ok(mode) if MODES.contains(&mode) => {
                    self.modes.insert(mode, last == b'h');
                    if mode == 2026 && last == b'l' {
                        self.frames += 1;
                        self.whole += u64::from(std::mem::take(&mut self.cleared));
                    }
                }
                parsed => {
                    if let Ok(mode) = parsed {
                        self.modes.insert(mode, last == b'h');
                    }
                    self.odd(format!("mode {mode}{}", char::from(last)));
                }
            },
            (None, b't') if text == "22;0" => self.kept_titles += 1,
            (None, b't') if text == "23;0" => self.kept_titles -= 1,
            // What kind of terminal it is.
            (None, b'c') if text.is_empty() => {}
            (None, b'H' | b'm' | b'J' | b'K') if numbers(&text) => self.cleared |= last == b'J' && text == "2",
            _ => self.odd(format!("sequence ESC [ {text} {}", char::from(last))),
        }
    }
}

fn name(mode: u16) -> String {
    let known = match mode {
        7 => "line wrapping",
        25 => "the cursor",
        47 | 1047 | 1049 => "the alternate screen",
        1000..=1003 | 1005 | 1006 | 1015 => "the mouse",
        1004 => "focus events",
        2004 => "bracketed paste",
        2026 => "a synchronized update",
        _ => return format!("mode {mode}"),
    };
    known.to_owned()
}

#[test]
fn what_is_not_meant_to_be_sent_is_counted() {
    let odd = |bytes: &[u8]| {
        let mut strict = Strict::default();
        strict.push(bytes);
        strict.odd
    };
    let fine: [&[u8]; 9] = [
        b"\x07\x1b[22;0t\x1b]2;SEV1 \xe2\x9c\x97\x07\x1b[23;0t",
        b"\x1b[?1004h\x1b[?1000h\x1b[?1006h",
        b"\x1b]11;?\x07\x1b[c",
        b"\x1b[?1049h\x1b[?2026h\x1b[0m\x1b[2J\x1b[3;4Htext\x1b[38;5;196m\x1b[?2026l\x1b[?1049l",
        b"the end\r\n",
        b"\x1b]52;c;Zm9v\x07",
        "ä ✗ 日本 🚨 👩\u{200d}🚒 ‹U+202E›".as_bytes(),
        b"\x1b[?2004h\x1b[?25l\x1b[?7l",
        b"",
    ];
    for bytes in fine {
        assert_eq!(odd(bytes), 0, "{}", bytes.escape_ascii());
    }
    let wrong: [&[u8]; 15] = [
        b"\x1b[21t",
        b"\x00",
        b"\x7f",
        b"\x08",
        b"\x1b[?1049hline\n",
        b"\x1b]4;1;red\x07",
        b"\x1b]52;c;?\x07",
        b"\x1bc",
        b"\x1b[6n",
        b"\x1b[?1003h",
        b"\x1b[5;10r",
        "\u{9b}2J".as_bytes(),
        "\u{202e}".as_bytes(),
        b"\x9b2J",
        b"\xc3(",
    ];
    for bytes in wrong {
        assert_eq!(odd(bytes), 1, "{}", bytes.escape_ascii());
    }
    let mut strict = Strict::default();
    strict.push(b"\x1b[?1049h\x1b[?25l\x1b[?1003h\x1b[?2026h\x1b[?2026l\x1b[?2026h\x1b[2J\x1b[?2026l");
    assert_eq!(strict.modes_left(), ["the cursor off", "the mouse on", "the alternate screen on"]);
    assert_eq!((strict.frames, strict.whole, strict.in_frame()), (2, 1, false));
    strict.push(b"\x1b[?1049l\x1b[?25h\x1b[?1003l");
    assert_eq!(strict.modes_left(), Vec::<String>::new());
}
