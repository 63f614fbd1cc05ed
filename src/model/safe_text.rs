//! Text from outside, made safe to print: what a terminal would obey or hide becomes a visible escape.
//!
//! Nothing is deleted: a control, bidi, zero-width, unassigned or private character is shown as `‹U+202E›`. Tabs become
//! spaces, line ends `⏎`. ZWJ and variation selectors stay only inside emoji. A base carries at most eight combining
//! marks, and a mark without a base is shown escaped, so no text can leave its cell. Fields are cut on a grapheme boundary.

use std::fmt;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use unicode_properties::{EmojiStatus, GeneralCategory, UnicodeEmoji, UnicodeGeneralCategory};
use unicode_segmentation::UnicodeSegmentation;

/// The most bytes one field keeps.
pub const MAX_BYTES: usize = 2048;

/// The most bytes the text of a note, decision or title keeps: the log's limit for free text.
pub const MAX_LONG_BYTES: usize = 8192;

/// The most combining marks that one base may carry.
const MAX_MARKS: u32 = 8;

/// The most characters that ZWJ may tie into one emoji.
const MAX_JOINED: u32 = 8;

/// How far cleaning reads past the cut, so that the last grapheme is seen whole.
const LOOKAHEAD: usize = 512;

const ZWJ: char = '\u{200D}';
const TEXT_STYLE: char = '\u{FE0E}';
const EMOJI_STYLE: char = '\u{FE0F}';
const KEYCAP: char = '\u{20E3}';

/// Text that is safe for a terminal, a log and a document. Made where outside text enters; widgets take nothing else.
///
/// Making it twice changes nothing, so it is made again wherever a message is decoded. A message's fields were cut where
/// they were made; decoding only enforces [`MAX_LONG_BYTES`], so that a long note survives the way through the socket.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SafeText(String);

impl SafeText {
    /// Cleans outside text: escapes, folds white space, cuts at [`MAX_BYTES`].
    pub fn new(raw: &str) -> Self {
        Self(clean(raw, MAX_BYTES))
    }

    /// Cleans text that a person wrote (notes, decisions, reasons): as [`SafeText::new`], cut at [`MAX_LONG_BYTES`].
    pub fn long(raw: &str) -> Self {
        Self(clean(raw, MAX_LONG_BYTES))
    }

    /// Text that a person wrote and that is to be recorded: `None` if it is too long to be kept whole. Cutting what someone
    /// is told was recorded would be a lie.
    pub fn whole(raw: &str) -> Option<Self> {
        // No character becomes sixteen times as long, so nothing is cut here.
        let text = clean(raw, raw.len().saturating_mul(16));
        (text.len() <= MAX_LONG_BYTES).then_some(Self(text))
    }

    /// An identifier for a plan: what is not in `[A-Za-z0-9._:/@-]` is shown as an escape, so that two names which look
    /// alike never read alike.
    pub fn identifier(raw: &str) -> Self {
        let mut out = String::with_capacity(raw.len().min(MAX_BYTES));
        for c in raw.chars() {
            if is_identifier_char(c) {
                out.push(c);
            } else {
                escape(&mut out, c);
            }
            if out.len() > MAX_BYTES {
                break;
            }
        }
        Self(cut(out, MAX_BYTES))
    }

    /// True if every character may stand in a plan's identifier as it is.
    pub fn is_identifier(&self) -> bool {
        !self.0.is_empty() && self.0.chars().all(is_identifier_char)
    }

    /// The clean text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_identifier_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | ':' | '/' | '@' | '-')
}

/// Shows a character by its number.
fn escape(out: &mut String, c: char) {
    // Writing to a String can't fail.
    let _ = write!(out, "‹U+{:04X}›", c as u32);
}

fn clean(raw: &str, max: usize) -> String {
    if raw.len() <= max && raw.bytes().all(|b| matches!(b, 0x20..=0x7e)) {
        return raw.to_owned();
    }
    let mut state = Cleaner::default();
    let mut out = String::with_capacity(raw.len().min(max) + 16);
    let mut chars = raw.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\r' && chars.peek() == Some(&'\n') {
            continue;
        }
        state.take(&mut out, c, chars.peek().copied());
        if out.len() > max + LOOKAHEAD {
            break;
        }
    }
    cut(out, max)
}

/// Cuts clean text that is too long: on a grapheme boundary, with an ellipsis inside the limit.
fn cut(mut text: String, max: usize) -> String {
    if text.len() <= max {
        return text;
    }
    let room = max - '…'.len_utf8();
    let boundary = text.grapheme_indices(true).map(|(at, _)| at).take_while(|at| *at <= room).last().unwrap_or(0);
    let boundary = if boundary > room.saturating_sub(LOOKAHEAD) { boundary } else { cut_inside(&text, room) };
    text.truncate(boundary);
    text.push('…');
    text
}

/// Scripts without an end to their graphemes (chains of conjoining letters) are cut between characters, but never so that
/// a joiner is left hanging, which cleaning again would have to escape.
fn cut_inside(text: &str, room: usize) -> usize {
    let mut at = (0..=room.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    while let Some(last) = text[..at].chars().next_back() {
        if !matches!(last, ZWJ | TEXT_STYLE | EMOJI_STYLE) {
            break;
        }
        at -= last.len_utf8();
    }
    at
}

/// What the cleaner remembers about the characters before the one it looks at.
#[derive(Default)]
struct Cleaner {
    /// There is a base that a combining mark may sit on.
    base: bool,
    /// Marks on that base so far.
    marks: u32,
    /// The text so far ends in an emoji (a pictograph with its modifiers and selectors).
    emoji: bool,
    /// Pictographs in that emoji so far.
    joined: u32,
    /// The text so far ends in an emoji and a joiner.
    after_joiner: bool,
    /// The last character, if it can begin a keycap.
    keycap: bool,
}

impl Cleaner {
    fn take(&mut self, out: &mut String, c: char, next: Option<char>) {
        match c {
            '\n' | '\r' => self.base(out, '⏎'),
            '\t' => self.base(out, ' '),
            ' '..='~' => {
                self.base(out, c);
                self.keycap = matches!(c, '0'..='9' | '#' | '*');
            }
            ZWJ => {
                let kept = self.emoji && self.joined < MAX_JOINED && next.is_some_and(is_pictograph);
                if kept {
                    out.push(c);
                    self.after_joiner = true;
                    self.emoji = false;
                } else {
                    self.escaped(out, c);
                }
            }
            TEXT_STYLE | EMOJI_STYLE => self.style(out, c, next),
            c if is_hidden(c) => self.escaped(out, c),
            c if is_mark(c) => self.mark(out, c),
            c if is_pictograph(c) => self.pictograph(out, c),
            c => self.base(out, c),
        }
    }

    fn base(&mut self, out: &mut String, c: char) {
        out.push(c);
        *self = Self { base: true, ..Self::default() };
    }

    fn escaped(&mut self, out: &mut String, c: char) {
        escape(out, c);
        // The marks that follow an escape of a mark are escaped too: the run as a whole is what is wrong.
        let marks = if is_mark(c) && !is_hidden(c) { MAX_MARKS } else { 0 };
        *self = Self { base: true, marks, ..Self::default() };
    }

    fn mark(&mut self, out: &mut String, c: char) {
        if !self.base || self.marks >= MAX_MARKS {
            return self.escaped(out, c);
        }
        out.push(c);
        self.marks += 1;
        self.emoji = false;
        self.after_joiner = false;
        self.keycap = false;
    }

    fn style(&mut self, out: &mut String, c: char, next: Option<char>) {
        let in_keycap = self.keycap && next == Some(KEYCAP);
        if (self.emoji || in_keycap) && self.marks < MAX_MARKS {
            out.push(c);
            self.marks += 1;
            self.keycap = false;
        } else {
            self.escaped(out, c);
        }
    }

    fn pictograph(&mut self, out: &mut String, c: char) {
        let joined = if self.after_joiner || (self.emoji && is_skin_tone(c)) { self.joined + 1 } else { 1 };
        out.push(c);
        *self = Self { base: true, emoji: true, joined, ..Self::default() };
    }
}

/// Obeyed or swallowed by a terminal, or without a shape of its own: shown as an escape.
fn is_hidden(c: char) -> bool {
    // Letters, marks and fillers that Unicode itself calls ignorable: they look like nothing at all.
    if matches!(
        c,
        '\u{034F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'
            ..='\u{180F}' | '\u{3164}' | '\u{FFA0}'
    ) || matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0000}'..='\u{E0FFF}')
    {
        return true;
    }
    matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::Unassigned
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    )
}

fn is_mark(c: char) -> bool {
    matches!(
        c.general_category(),
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark
    )
}

/// A character that an emoji is made of. Digits, `#` and `*` are not: they take part in keycaps only.
fn is_pictograph(c: char) -> bool {
    !c.is_ascii()
        && !is_regional_indicator(c)
        && !is_hidden(c)
        && !matches!(c.emoji_status(), EmojiStatus::NonEmoji | EmojiStatus::NonEmojiButEmojiComponent)
}

fn is_skin_tone(c: char) -> bool {
    matches!(c, '\u{1F3FB}'..='\u{1F3FF}')
}

fn is_regional_indicator(c: char) -> bool {
    matches!(c, '\u{1F1E6}'..='\u{1F1FF}')
}

impl fmt::Display for SafeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for SafeText {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

impl From<String> for SafeText {
    fn from(raw: String) -> Self {
        Self::new(&raw)
    }
}

impl AsRef<str> for SafeText {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for SafeText {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for SafeText {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

impl Serialize for SafeText {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SafeText {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d).map(|raw| Self::long(&raw))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn safe(raw: &str) -> String {
        SafeText::new(raw).as_str().to_owned()
    }

    #[test]
    fn what_a_terminal_obeys_or_hides_is_shown() {
        for (raw, shown) in [
            ("plain text", "plain text"),
            ("a\u{1b}[31mred", "a‹U+001B›[31mred"),
            ("c1 \u{9b}31m", "c1 ‹U+009B›31m"),
            ("bell\u{7}del\u{7f}", "bell‹U+0007›del‹U+007F›"),
            ("evil\u{202e}txt.exe", "evil‹U+202E›txt.exe"),
            ("\u{2066}x\u{2069}\u{61c}", "‹U+2066›x‹U+2069›‹U+061C›"),
            ("z\u{200b}w\u{200c}x\u{200d}y\u{2060}z\u{feff}", "z‹U+200B›w‹U+200C›x‹U+200D›y‹U+2060›z‹U+FEFF›"),
            ("a\u{2028}b\u{2029}", "a‹U+2028›b‹U+2029›"),
            ("pua\u{e000}\u{f0000}", "pua‹U+E000›‹U+F0000›"),
            ("cn\u{378}\u{fffe}", "cn‹U+0378›‹U+FFFE›"),
            ("tag\u{e0041}", "tag‹U+E0041›"),
            ("filler\u{3164}\u{ad}", "filler‹U+3164›‹U+00AD›"),
            ("one\ttwo\nthree\r\nfour\rfive", "one two⏎three⏎four⏎five"),
            ("Übergröße 日本 שלום", "Übergröße 日本 שלום"),
        ] {
            assert_eq!(safe(raw), shown, "{raw:?}");
        }
    }

    #[test]
    fn joiners_and_selectors_stay_only_inside_emoji() {
        for kept in ["👩‍💻", "❤️", "👍🏽", "🏳️‍🌈", "1️⃣", "👨‍👩‍👧‍👦", "🇨🇦", "👩🏽‍💻 ok"]
        {
            assert_eq!(safe(kept), kept);
        }
        assert_eq!(safe("👩\u{200d}"), "👩‹U+200D›");
        assert_eq!(safe("a\u{200d}👩"), "a‹U+200D›👩");
        assert_eq!(safe("1\u{200d}2"), "1‹U+200D›2");
        assert_eq!(safe("x\u{fe0f}"), "x‹U+FE0F›");
        assert_eq!(safe("1\u{fe0f}2"), "1‹U+FE0F›2");
        assert_eq!(safe("字\u{e0100}"), "字‹U+E0100›");
        let long = "👩\u{200d}".repeat(100) + "👩";
        assert_eq!(safe(&long).matches("‹U+200D›").count(), 100 / MAX_JOINED as usize);
    }

    #[test]
    fn a_base_carries_eight_marks_and_a_mark_needs_a_base() {
        let zalgo = format!("a{}b\u{301}", "\u{300}".repeat(20));
        let shown = safe(&zalgo);
        assert_eq!(shown.matches('\u{300}').count(), 8);
        assert_eq!(shown.matches("‹U+0300›").count(), 12);
        assert!(shown.ends_with("b\u{301}"));
        assert_eq!(safe("\u{301}x"), "‹U+0301›x");
    }

    #[test]
    fn a_long_field_is_cut_on_a_grapheme_boundary_within_its_limit() {
        let family = "👨‍👩‍👧‍👦";
        let cut = safe(&family.repeat(500));
        assert!(cut.len() <= MAX_BYTES && cut.len() > MAX_BYTES - 64, "{}", cut.len());
        assert_eq!(cut.trim_end_matches('…').len() % family.len(), 0);
        assert!(cut.ends_with('…'));
        assert_eq!(safe(&"x".repeat(MAX_BYTES)).len(), MAX_BYTES);
        assert_eq!(safe(&"x".repeat(MAX_BYTES + 1)).len(), MAX_BYTES);
        assert_eq!(safe(&"\u{1b}".repeat(5000)).len().div_ceil(16), MAX_BYTES.div_ceil(16));
        // One grapheme without an end: cut all the same.
        assert!(safe(&"\u{1100}".repeat(5000)).len() > MAX_BYTES - 8);
        let note = SafeText::long(&"é".repeat(10_000));
        assert!(note.as_str().len() <= MAX_LONG_BYTES && note.as_str().len() > MAX_LONG_BYTES - 8);
    }

    #[test]
    fn a_long_note_survives_json_and_an_identifier_shows_what_is_not_ascii() {
        let note = SafeText::long(&"n".repeat(5000));
        let json = serde_json::to_string(&note).expect("json");
        assert_eq!(serde_json::from_str::<SafeText>(&json).expect("back"), note);
        assert_eq!(SafeText::identifier("pаypal/eu-1@x:y_z.b c").as_str(), "p‹U+0430›ypal/eu-1@x:y_z.b‹U+0020›c");
        assert!(SafeText::identifier("shop.example").is_identifier());
        assert!(!SafeText::new("sh\u{f6}p").is_identifier());
    }

    /// Nothing in clean text can move, hide or colour anything.
    fn assert_clean(text: &str) {
        for c in text.chars() {
            assert!(!is_hidden(c) || matches!(c, ZWJ | TEXT_STYLE | EMOJI_STYLE), "{c:?} in {text:?}");
        }
    }

    #[test]
    fn every_scalar_alone_and_after_escape_prefixes_is_clean_and_stable() {
        for c in '\0'..=char::MAX {
            let alone = SafeText::new(c.encode_utf8(&mut [0; 4]));
            if is_hidden(c) {
                assert!(alone.as_str().starts_with("‹U+") || matches!(c, '\t' | '\r' | '\n'), "{c:?}");
            }
            assert_clean(alone.as_str());
            // Beyond the first two planes there are ideographs, tags and nothing: a sample is enough.
            if c > '\u{1FFFF}' && !(c as u32).is_multiple_of(97) || ('\u{3400}'..'\u{D7FF}').contains(&c) {
                continue;
            }
            let raw = format!("\u{1b}[{c}👩\u{200d}{c}\u{fe0f}");
            let once = SafeText::new(&raw);
            assert_clean(once.as_str());
            assert_eq!(SafeText::new(once.as_str()), once, "{raw:?}");
        }
    }

    fn tricky() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            any::<char>().prop_map(String::from),
            "[ -~]{0,5}",
            proptest::sample::select(vec![
                "\u{200d}",
                "\u{fe0f}",
                "\u{fe0e}",
                "👩",
                "💻",
                "🏽",
                "1",
                "#",
                "\u{20e3}",
                "\u{300}",
                "\u{301}",
                "🇨",
                "🇦",
                "\u{1b}[0m",
                "\u{202e}",
                "\r",
                "\n",
                "\r\n",
                "\u{1100}",
                "\u{0d4e}",
                "क",
                "\u{94d}",
                "❤",
                "\u{feff}",
                "‹U+",
            ])
            .prop_map(str::to_owned),
        ];
        (proptest::collection::vec(piece, 0..30), 1usize..40).prop_map(|(pieces, times)| pieces.concat().repeat(times))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn cleaning_twice_changes_nothing(raw in tricky()) {
            let once = SafeText::new(&raw);
            assert_clean(once.as_str());
            prop_assert!(once.as_str().len() <= MAX_BYTES);
            prop_assert_eq!(SafeText::new(once.as_str()), once.clone());
            prop_assert_eq!(SafeText::long(once.as_str()), once);
            let long = SafeText::long(&raw);
            prop_assert!(long.as_str().len() <= MAX_LONG_BYTES);
            prop_assert_eq!(SafeText::long(long.as_str()), long);
        }
    }
}
