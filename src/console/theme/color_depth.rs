//! How many colours the terminal has, and what becomes of a style when it has fewer.

use ratatui::style::{Color, Modifier, Style};

/// Colours of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ColorDepth {
    /// None: `NO_COLOR`, or a terminal that has none.
    Mono,
    /// The 16 ANSI colours, whose shades the terminal decides.
    Sixteen,
    /// The normal case over ssh.
    TwoFiftySix,
    /// 24 bits, where `COLORTERM` says so.
    True,
}

impl ColorDepth {
    /// Reads the usual variables; `get` is the environment.
    pub fn detect(get: impl Fn(&str) -> Option<String>) -> Self {
        if get("NO_COLOR").is_some_and(|value| !value.is_empty()) {
            return Self::Mono;
        }
        if get("COLORTERM").is_some_and(|value| value == "truecolor" || value == "24bit") {
            return Self::True;
        }
        match get("TERM").unwrap_or_default() {
            term if term.contains("256color") || term.contains("kitty") || term.contains("direct") => Self::TwoFiftySix,
            term if term.starts_with("vt") || term == "dumb" => Self::Mono,
            _ => Self::Sixteen,
        }
    }

    /// The style as this terminal can show it. A background that is lost becomes reverse video, so that neither a
    /// selection nor a badge disappears.
    pub fn fit(self, ink: PaintStyle) -> Style {
        let style = Style::default().add_modifier(ink.modifier);
        let (fg, bg) = (ink.fg.and_then(|it| self.color(it)), ink.bg.and_then(|it| self.color(it)));
        match self {
            Self::True | Self::TwoFiftySix => Style { fg, bg, ..style },
            Self::Sixteen if ink.bg.is_none() => Style { fg, ..style },
            // A badge keeps its colour as reversed text; a selection of an almost black grey has none to keep.
            Self::Sixteen if ink.fg.is_some() => Style { fg: bg, ..style }.add_modifier(Modifier::REVERSED),
            Self::Sixteen => style.add_modifier(Modifier::REVERSED),
            Self::Mono if ink.bg.is_some() => style.add_modifier(Modifier::REVERSED),
            Self::Mono => style,
        }
    }

    /// A colour as this terminal has it; `None` = its own ink or paper.
    pub fn color(self, paint: Paint) -> Option<Color> {
        let color = match self {
            Self::True => paint.full,
            Self::TwoFiftySix => paint.xterm,
            Self::Sixteen => paint.ansi,
            Self::Mono => Color::Reset,
        };
        (color != Color::Reset).then_some(color)
    }
}

/// One colour at every depth. `Reset` = the terminal's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paint {
    /// Shown at [`ColorDepth::True`].
    pub full: Color,
    /// Shown at [`ColorDepth::TwoFiftySix`].
    pub xterm: Color,
    /// Shown at [`ColorDepth::Sixteen`].
    pub ansi: Color,
}

impl Paint {
    /// A colour, and the nearest to it where there are fewer.
    pub fn nearest(color: Color) -> Self {
        let xterm = to_256(color);
        Self { full: color, xterm, ansi: to_16(xterm) }
    }
}

/// A look before it is known how many colours there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PaintStyle {
    /// `None` = the terminal's own ink.
    pub fg: Option<Paint>,
    /// `None` = the terminal's own paper; where there are fewer than 256 colours it becomes reverse video.
    pub bg: Option<Paint>,
    /// Bold and the like; kept at every depth.
    pub modifier: Modifier,
}

/// What xterm shows for them unless told otherwise.
const ANSI: [(Color, [u8; 3]); 16] = [
    (Color::Black, [0, 0, 0]),
    (Color::Red, [205, 0, 0]),
    (Color::Green, [0, 205, 0]),
    (Color::Yellow, [205, 205, 0]),
    (Color::Blue, [0, 0, 238]),
    (Color::Magenta, [205, 0, 205]),
    (Color::Cyan, [0, 205, 205]),
    (Color::Gray, [229, 229, 229]),
    (Color::DarkGray, [127, 127, 127]),
    (Color::LightRed, [255, 0, 0]),
    (Color::LightGreen, [0, 255, 0]),
    (Color::LightYellow, [255, 255, 0]),
    (Color::LightBlue, [92, 92, 255]),
    (Color::LightMagenta, [255, 0, 255]),
    (Color::LightCyan, [0, 255, 255]),
    (Color::White, [255, 255, 255]),
];

/// Red, green and blue of a colour as most terminals show it; `None` for the terminal's own.
pub fn rgb(color: Color) -> Option<[u8; 3]> {
    match color {
        Color::Reset => None,
        Color::Rgb(r, g, b) => Some([r, g, b]),
        Color::Indexed(index) => Some(indexed(index)),
        named => ANSI.iter().find(|(known, _)| *known == named).map(|(_, rgb)| *rgb),
    }
}

fn indexed(index: u8) -> [u8; 3] {
    match index {
        0..=15 => ANSI[usize::from(index)].1,
        16..=231 => {
            let step = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
            let n = index - 16;
            [step(n / 36), step(n / 6 % 6), step(n % 6)]
        }
        _ => [8 + 10 * (index - 232); 3],
    }
}

fn distance(a: [u8; 3], b: [u8; 3]) -> u32 {
    a.iter().zip(b).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
}

fn to_256(color: Color) -> Color {
    let Color::Rgb(r, g, b) = color else { return color };
    (16..=255u8).min_by_key(|index| distance(indexed(*index), [r, g, b])).map_or(color, Color::Indexed)
}

fn to_16(color: Color) -> Color {
    match color {
        Color::Rgb(..) | Color::Indexed(_) => {
            let want = rgb(color).unwrap_or_default();
            ANSI.iter().min_by_key(|(_, rgb)| distance(*rgb, want)).map_or(color, |(named, _)| *named)
        }
        named => named,
    }
}
