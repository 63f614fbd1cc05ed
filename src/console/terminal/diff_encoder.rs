//! Frames as bytes: only what differs from the last one, in one synchronized piece, with as few bytes as terminals agree on.
//!
//! It writes cursor addresses, colours and erasing to the end of a line, and nothing else: what every terminal, tmux,
//! screen, mosh and the Linux console understand alike. Colours are what the look says; no variable is read here.

use std::io::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use unicode_width::UnicodeWidthStr;

/// Blanks up to the end of a line that are worth an erasing.
const ERASES: u16 = 4;
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// What a whole picture begins with: pastes bracketed, no wrapping, no cursor; then an empty screen in no colour.
const WHOLE: &[u8] = b"\x1b[?2004h\x1b[?7l\x1b[?25l\x1b[0m\x1b[2J";

/// The modifiers and what turns them on.
const ATTRIBUTES: [(Modifier, &str); 9] = [
    (Modifier::BOLD, "1"),
    (Modifier::DIM, "2"),
    (Modifier::ITALIC, "3"),
    (Modifier::UNDERLINED, "4"),
    (Modifier::SLOW_BLINK, "5"),
    (Modifier::RAPID_BLINK, "6"),
    (Modifier::REVERSED, "7"),
    (Modifier::HIDDEN, "8"),
    (Modifier::CROSSED_OUT, "9"),
];

/// How a cell looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct CellStyle {
    fg: Color,
    bg: Color,
    attributes: Modifier,
}

impl CellStyle {
    /// As a terminal starts.
    const PLAIN: Self = Self { fg: Color::Reset, bg: Color::Reset, attributes: Modifier::empty() };

    fn of(cell: &Cell) -> Self {
        Self { fg: cell.fg, bg: cell.bg, attributes: cell.modifier }
    }
}

/// Turns frames into bytes.
pub struct DiffEncoder {
    last: Buffer,
}

impl Default for DiffEncoder {
    fn default() -> Self {
        Self { last: Buffer::empty(Rect::ZERO) }
    }
}

impl DiffEncoder {
    /// The bytes that make the last frame this one; none where nothing differs. Whole = nothing on the screen is trusted.
    pub fn bytes(&mut self, frame: &Buffer, whole: bool) -> Vec<u8> {
        let whole = whole || self.last.area != frame.area;
        if !whole && self.last == *frame {
            return Vec::new();
        }
        let mut out = BEGIN.to_vec();
        if whole {
            // Another program on this terminal may have changed its modes as well as its cells.
            out.extend_from_slice(WHOLE);
            self.last = Buffer::empty(frame.area);
        }
        write_cells(&mut out, frame, &self.last);
        out.extend_from_slice(END);
        self.last.clone_from(frame);
        out
    }
}

/// From which column on a row holds nothing but plain blanks.
fn blank_from(frame: &Buffer, y: u16) -> u16 {
    let area = frame.area;
    let is_blank = |x: &u16| {
        frame.cell((*x, y)).is_some_and(|cell| cell.symbol() == " " && CellStyle::of(cell) == CellStyle::PLAIN)
    };
    let blanks = (area.left()..area.right()).rev().take_while(is_blank).count();
    area.right() - u16::try_from(blanks).unwrap_or(0)
}

/// The cells to write. Who writes over one half of a wide character writes the other half's place too: what terminals leave
/// there differs.
fn changed<'a>(frame: &'a Buffer, last: &Buffer) -> Vec<(u16, u16, &'a Cell)> {
    let area = frame.area;
    let wide = |cell: Option<&Cell>| u16::try_from(cell.map_or(1, |cell| cell.symbol().width())).unwrap_or(1).max(1);
    let mut out = Vec::new();
    for y in area.top()..area.bottom() {
        let (mut x, mut torn) = (area.left(), 0);
        while let Some(cell) = frame.cell((x, y)) {
            let end = x.saturating_add(wide(Some(cell)));
            if x < torn || (x..end).any(|x| frame.cell((x, y)) != last.cell((x, y))) {
                out.push((x, y, cell));
                let covered = (x..end).map(|x| x.saturating_add(wide(last.cell((x, y))))).max();
                torn = covered.unwrap_or(0).max(torn);
            }
            x = end;
        }
    }
    out
}

fn write_cells(out: &mut Vec<u8>, frame: &Buffer, last: &Buffer) {
    let mut ink = CellStyle::PLAIN;
    // Where the cursor is, if that is known: behind the cell written last.
    let mut at: Option<(u16, u16)> = None;
    let mut row = None;
    let (mut blank, mut erased) = (u16::MAX, false);
    for (x, y, cell) in changed(frame, last) {
        if row != Some(y) {
            (row, blank, erased) = (Some(y), blank_from(frame, y), false);
        }
        if erased {
            continue;
        }
        if at != Some((x, y)) {
            let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
        }
        let wanted = CellStyle::of(cell);
        change(out, ink, wanted);
        ink = wanted;
        if x >= blank && frame.area.right() - x >= ERASES {
            out.extend_from_slice(b"\x1b[K");
            (erased, at) = (true, Some((x, y)));
            continue;
        }
        out.extend_from_slice(cell.symbol().as_bytes());
        // Terminals do not agree on how wide some characters are: behind those the place is named again.
        at = (cell.symbol().len() == 1 || is_narrow(cell.symbol()))
            .then(|| (x + 1, y))
            .filter(|(x, _)| *x < frame.area.right());
    }
    if ink != CellStyle::PLAIN {
        out.extend_from_slice(b"\x1b[m");
    }
}

/// Our own glyphs and Latin letters: one cell everywhere.
fn is_narrow(symbol: &str) -> bool {
    let mut chars = symbol.chars();
    let narrow = |c: char| matches!(c, '\u{a1}'..='\u{24f}' | '\u{2010}'..='\u{2027}' | '\u{2190}'..='\u{21ff}' | '\u{2500}'..='\u{25ff}' | '✓' | '✗');
    chars.next().is_some_and(narrow) && chars.next().is_none()
}

/// From one look to another, in one sequence.
fn change(out: &mut Vec<u8>, from: CellStyle, to: CellStyle) {
    if from == to {
        return;
    }
    let mut codes: Vec<String> = Vec::new();
    let mut base = from;
    // Attributes are not taken away one by one: bold and dim share what would.
    if to == CellStyle::PLAIN {
        out.extend_from_slice(b"\x1b[m");
        return;
    }
    if !(from.attributes - to.attributes).is_empty() {
        codes.push("0".to_owned());
        base = CellStyle::PLAIN;
    }
    for (attribute, code) in ATTRIBUTES {
        if to.attributes.contains(attribute) && !base.attributes.contains(attribute) {
            codes.push(code.to_owned());
        }
    }
    if to.fg != base.fg {
        codes.push(color(to.fg, 30));
    }
    if to.bg != base.bg {
        codes.push(color(to.bg, 40));
    }
    let _ = write!(out, "\x1b[{}m", codes.join(";"));
}

/// A colour's code; 30 = of the text, 40 = behind it.
fn color(color: Color, ground: u8) -> String {
    let named = match color {
        Color::Reset => return (ground + 9).to_string(),
        Color::Rgb(r, g, b) => return format!("{};2;{r};{g};{b}", ground + 8),
        Color::Indexed(n) => return format!("{};5;{n}", ground + 8),
        Color::Black => 0,
        Color::Red => 1,
        Color::Green => 2,
        Color::Yellow => 3,
        Color::Blue => 4,
        Color::Magenta => 5,
        Color::Cyan => 6,
        Color::Gray => 7,
        Color::DarkGray => 60,
        Color::LightRed => 61,
        Color::LightGreen => 62,
        Color::LightYellow => 63,
        Color::LightBlue => 64,
        Color::LightMagenta => 65,
        Color::LightCyan => 66,
        Color::White => 67,
    };
    (ground + named).to_string()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use proptest::prelude::*;
    use ratatui::style::Style;

    use super::*;

    fn screen(area: Rect) -> vt100::Parser {
        let size = |n: u16| NonZeroU16::new(n).unwrap();
        vt100::Parser::new(size(area.height), size(area.width), 0)
    }

    /// A model terminal shows exactly the frame: text, colours, attributes.
    fn shows(parser: &vt100::Parser, frame: &Buffer) {
        let color = |color: Color| match color {
            Color::Reset => vt100::Color::Default,
            Color::Indexed(n) => vt100::Color::Idx(n),
            Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
            Color::Red => vt100::Color::Idx(1),
            Color::LightCyan => vt100::Color::Idx(14),
            other => panic!("{other:?}"),
        };
        let mut covered = 0;
        for y in 0..frame.area.height {
            for x in 0..frame.area.width {
                let (cell, shown) = (&frame[(x, y)], parser.screen().cell(y, x).unwrap());
                if covered > 0 {
                    covered -= 1;
                    continue;
                }
                covered = cell.symbol().width().saturating_sub(1);
                let text = if shown.contents().is_empty() { " " } else { shown.contents() };
                assert_eq!(text, cell.symbol(), "{x},{y}");
                assert_eq!((shown.fgcolor(), shown.bgcolor()), (color(cell.fg), color(cell.bg)), "{x},{y}");
                let is = |it| cell.modifier.contains(it);
                let wanted = (is(Modifier::BOLD), is(Modifier::DIM), is(Modifier::UNDERLINED), is(Modifier::REVERSED));
                assert_eq!((shown.bold(), shown.dim(), shown.underline(), shown.inverse()), wanted, "{x},{y}");
            }
        }
    }

    fn style() -> impl Strategy<Value = Style> {
        let color = prop_oneof![
            3 => Just(Color::Reset),
            1 => Just(Color::Red),
            1 => Just(Color::LightCyan),
            1 => any::<u8>().prop_map(|n| Color::Indexed(n | 16)),
            1 => any::<(u8, u8, u8)>().prop_map(|(r, g, b)| Color::Rgb(r, g, b)),
        ];
        let attributes = proptest::sample::select(vec![
            Modifier::empty(),
            Modifier::BOLD,
            Modifier::DIM,
            Modifier::REVERSED,
            Modifier::BOLD | Modifier::UNDERLINED,
        ]);
        (color.clone(), color, attributes).prop_map(|(fg, bg, it)| Style::reset().fg(fg).bg(bg).add_modifier(it))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn a_terminal_shows_every_frame_as_it_is(
            steps in proptest::collection::vec(
                (0u16..24, 0u16..6, proptest::sample::select(vec!["a", "      ", "✗ down", "日本", "words in a row", "🚨"]), style()),
                1..24,
            ),
        ) {
            let area = Rect::new(0, 0, 24, 6);
            let (mut pen, mut parser, mut frame) = (DiffEncoder::default(), screen(area), Buffer::empty(area));
            for (x, y, text, style) in steps {
                frame.set_stringn(x, y, text, 24, style);
                parser.process(&pen.bytes(&frame, false));
                shows(&parser, &frame);
                prop_assert!(pen.bytes(&frame, false).is_empty());
            }
            parser.process(&pen.bytes(&frame, true));
            shows(&parser, &frame);
        }
    }

    #[test]
    fn a_frame_is_one_synchronized_piece_and_small() {
        let mut frame = Buffer::empty(Rect::new(0, 0, 80, 24));
        let mut pen = DiffEncoder::default();
        let whole = pen.bytes(&frame, false);
        assert!(whole.starts_with(BEGIN) && whole.ends_with(END));
        frame.set_string(10, 3, "9", Style::new().add_modifier(Modifier::BOLD));
        let bytes = pen.bytes(&frame, false);
        assert_eq!(bytes, b"\x1b[?2026h\x1b[4;11H\x1b[1m9\x1b[m\x1b[?2026l", "{}", bytes.escape_ascii());
        frame.set_string(10, 3, " ", Style::reset());
        assert!(pen.bytes(&frame, false).len() < 34);
    }
}
