//! A frame as text or SVG: `warroom shot`, the pictures of the README and the frames that tests compare come from here.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};
use tokio::sync::mpsc;
use unicode_width::UnicodeWidthStr;

use crate::board::Topic;
use crate::client::ClientEvent;
use crate::clock::Clock;

use super::app::Console;
use super::effect::Effect;
use super::input::{Input, Now};
use super::keymap::{KeyPress, Keymap};
use super::request_port::RequestPort;
use super::theme::{Look, color_depth, contrast};
use super::update::update;
use super::view;
use super::widget::time::Zone;

pub use super::keymap::keys_of_argument;

/// What a picture of a running room needs.
pub struct ShotOptions {
    /// The way to the room, for keys that ask it something.
    pub asker: Arc<dyn RequestPort>,
    /// Heard until every topic and all entries were sent once.
    pub events: mpsc::Receiver<ClientEvent>,
    /// Follows the room's.
    pub clock: Clock,
    /// Theme, colours and glyphs.
    pub look: Look,
    /// Says what `keys` mean.
    pub keymap: Keymap,
    /// In which times are shown.
    pub zone: Zone,
    /// Columns and rows of the picture.
    pub size: (u16, u16),
    /// Keys pressed once the room has been heard, as [`keys_of_argument`] reads them.
    pub keys: Vec<KeyPress>,
    /// The longest wait for the room to say everything, and for each answer.
    pub patience: Duration,
}

/// Waits until the room has said everything once, presses the keys, and draws what a person would then see.
pub async fn take(options: ShotOptions) -> Buffer {
    let ShotOptions { asker, mut events, clock, look, keymap, zone, size, keys, patience } = options;
    let mut app = Console::new(clock.clone(), keymap, zone, size);
    let complete =
        |app: &Console| app.mirror.caught_up && Topic::ALL.iter().all(|it| app.mirror.board.contains_key(it));
    let hear = async {
        while !complete(&app) {
            let Some(event) = events.recv().await else { break };
            let now = Now { room: clock.now(), real: Duration::ZERO };
            update(&mut app, Input::Room(Box::new(event)), now);
        }
    };
    // A room that does not say everything in time is drawn as far as it is known: the picture shows that.
    let _ = tokio::time::timeout(patience, hear).await;
    // Each key comes a second after the last, so that no guard against hasty hands drops it.
    for (second, key) in (1..).zip(keys) {
        let now = Now { room: clock.now(), real: Duration::from_secs(second) };
        for effect in update(&mut app, Input::Key(key), now) {
            let Effect::Ask { tag, request } = effect else { continue };
            if let Ok(result) = tokio::time::timeout(patience, asker.ask(request)).await {
                let now = Now { room: clock.now(), ..now };
                update(&mut app, Input::Reply { tag, result }, now);
            }
        }
        while let Ok(event) = events.try_recv() {
            update(&mut app, Input::Room(Box::new(event)), Now { room: clock.now(), ..now });
        }
    }
    view::draw(&app, &look)
}

/// A frame as plain text, without spaces at line ends.
pub fn to_text(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in rows(buffer) {
        let mut line = String::new();
        let mut skip = 0;
        for cell in row {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            line.push_str(cell.symbol());
            skip = cell.symbol().width().saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn rows(buffer: &Buffer) -> impl Iterator<Item = &[Cell]> {
    buffer.content.chunks(usize::from(buffer.area.width).max(1))
}

/// Width of a cell of 14 px DejaVu Sans Mono.
const CELL_W: f64 = 8.43;
/// Height of a cell: more, and lines show gaps.
const CELL_H: f64 = 16.3;

/// The terminal's own colours in a picture.
struct TerminalColors {
    paper: String,
    ink: &'static str,
}

impl TerminalColors {
    fn of(look: &Look) -> Self {
        let [r, g, b] = look.paper();
        let ink = if contrast::is_light(look.paper()) { "#24292f" } else { "#d0d0d0" };
        Self { paper: format!("#{r:02x}{g:02x}{b:02x}"), ink }
    }
}

/// A frame as a picture: one `text` element a run of equal cells, backgrounds below.
pub fn to_svg(buffer: &Buffer, look: &Look) -> String {
    let own = TerminalColors::of(look);
    let (w, h) = (f64::from(buffer.area.width) * CELL_W + 16.0, f64::from(buffer.area.height) * CELL_H + 16.0);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} {h:.0}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{}\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\" xml:space=\"preserve\">\n",
        own.paper
    );
    for (y, row) in rows(buffer).enumerate() {
        let top = 8.0 + y as f64 * CELL_H;
        let mut x = 0;
        while x < row.len() {
            let run = row[x..].iter().take_while(|cell| same_look(cell, &row[x])).count();
            svg_run(&mut out, &row[x..x + run], x, top, &own);
            x += run;
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn same_look(a: &Cell, b: &Cell) -> bool {
    a.fg == b.fg && a.bg == b.bg && a.modifier == b.modifier
}

fn svg_run(out: &mut String, run: &[Cell], at: usize, top: f64, own: &TerminalColors) {
    let first = &run[0];
    let reversed = first.modifier.contains(Modifier::REVERSED);
    let ink = color(first.fg).unwrap_or_else(|| own.ink.to_owned());
    let paper = color(first.bg);
    let (ink, paper) = if reversed { (paper.unwrap_or_else(|| own.paper.clone()), Some(ink)) } else { (ink, paper) };
    let left = 8.0 + at as f64 * CELL_W;
    let wide = run.len() as f64 * CELL_W;
    if let Some(paper) = paper {
        let _ = writeln!(
            out,
            "<rect x=\"{left:.2}\" y=\"{top:.2}\" width=\"{wide:.2}\" height=\"{CELL_H}\" fill=\"{paper}\"/>"
        );
    }
    let mut style = String::new();
    if first.modifier.contains(Modifier::BOLD) {
        style.push_str(" font-weight=\"bold\"");
    }
    if first.modifier.contains(Modifier::DIM) {
        style.push_str(" opacity=\"0.6\"");
    }
    if first.modifier.contains(Modifier::UNDERLINED) {
        style.push_str(" text-decoration=\"underline\"");
    }
    let mut x = 0;
    while x < run.len() {
        let symbol = run[x].symbol();
        let left = left + x as f64 * CELL_W;
        let parts = drawn(symbol);
        let same = |cell: &&Cell| match parts {
            [] => drawn(cell.symbol()).is_empty(),
            _ => cell.symbol() == symbol && matches!(parts, [GlyphPart::Across | GlyphPart::Bar(_)]),
        };
        let cells = run[x..].iter().take_while(same).count().max(1);
        if parts.is_empty() {
            svg_text(out, &run[x..x + cells], left, top, &ink, &style);
        }
        for part in parts {
            svg_part(out, *part, left, top, cells as f64 * CELL_W, &ink);
        }
        x += cells;
    }
}

/// A part of a character that is drawn instead of written: fonts have lines and blocks that do not meet.
#[derive(Clone, Copy)]
enum GlyphPart {
    Across,
    /// A line down: from and to, in parts of the cell's height.
    Down(f64, f64),
    /// A bar, so opaque.
    Bar(f64),
    LeftEdge,
    RightEdge,
}

/// How a character is drawn; empty = it is written.
fn drawn(symbol: &str) -> &'static [GlyphPart] {
    use GlyphPart::{Across, Bar, Down, LeftEdge, RightEdge};
    match symbol {
        "─" => &[Across],
        "│" => &[Down(0.0, 1.0)],
        "┬" => &[Across, Down(0.5, 1.0)],
        "┴" => &[Across, Down(0.0, 0.5)],
        "┼" => &[Across, Down(0.0, 1.0)],
        "█" | "▇" => &[Bar(1.0)],
        "░" => &[Bar(0.35)],
        "▏" => &[LeftEdge],
        "▕" => &[RightEdge],
        _ => &[],
    }
}

fn svg_part(out: &mut String, part: GlyphPart, left: f64, top: f64, wide: f64, ink: &str) {
    // Bars and edges are lower than the line, so that those of two lines stay apart.
    let (inner, tall) = (top + CELL_H * 0.14, CELL_H * 0.72);
    let (x, y, w, h, opacity) = match part {
        GlyphPart::Across => (left, top + CELL_H / 2.0 - 0.5, wide, 1.0, 1.0),
        GlyphPart::Down(from, to) => (left + CELL_W / 2.0 - 0.5, top + CELL_H * from, 1.0, CELL_H * (to - from), 1.0),
        GlyphPart::Bar(opacity) => (left, inner, wide, tall, opacity),
        GlyphPart::LeftEdge => (left, inner, 1.0, tall, 1.0),
        GlyphPart::RightEdge => (left + wide - 1.0, inner, 1.0, tall, 1.0),
    };
    let opacity = if opacity < 1.0 { format!(" opacity=\"{opacity}\"") } else { String::new() };
    let _ =
        writeln!(out, "<rect x=\"{x:.2}\" y=\"{y:.2}\" width=\"{w:.2}\" height=\"{h:.2}\" fill=\"{ink}\"{opacity}/>");
}

fn svg_text(out: &mut String, run: &[Cell], left: f64, top: f64, ink: &str, style: &str) {
    let mut text = String::new();
    let mut skip = 0;
    for cell in run {
        if skip > 0 {
            skip -= 1;
            continue;
        }
        text.push_str(cell.symbol());
        skip = cell.symbol().width().saturating_sub(1);
    }
    if text.trim().is_empty() {
        return;
    }
    let lead = text.len() - text.trim_start().len();
    let left = left + lead as f64 * CELL_W;
    let shown = text.trim();
    let length = shown.width() as f64 * CELL_W;
    let base = top + 12.7;
    let _ = writeln!(
        out,
        "<text x=\"{left:.2}\" y=\"{base:.2}\" fill=\"{ink}\" textLength=\"{length:.2}\" lengthAdjust=\"spacingAndGlyphs\"{style}>{}</text>",
        escape(shown)
    );
}

fn color(color: Color) -> Option<String> {
    color_depth::rgb(color).map(|[r, g, b]| format!("#{r:02x}{g:02x}{b:02x}"))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
