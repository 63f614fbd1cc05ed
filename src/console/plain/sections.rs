//! The panes' own words as lines: what stands in columns there stands between commas here, and marks are words.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::board::Row;
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry, filter, sources};
use crate::console::screenshot::to_text;
use crate::console::theme::{ColorDepth, Look, Theme};
use crate::console::view::layout::PaneArea;
use crate::console::view::page::Page;
use crate::console::view::pane_rows;
use crate::console::view::{header, pane, source_errors, timeline_text};
use crate::console::widget::{Canvas, Words, glyph};
use crate::model::filter::{Filter, FilterError};

/// Wide enough that nothing is shortened or left out.
pub(super) const WIDE: u16 = 600;
/// The most rows of a pane that are printed; its words narrow the rest.
const MOST: usize = 300;

/// The mark as a word.
fn mark(text: &str) -> Option<&'static str> {
    Some(match text {
        glyph::CRITICAL => "critical",
        glyph::WARNING => "warning",
        glyph::OK => "ok",
        glyph::UNKNOWN => "unknown",
        glyph::DECISION => "decision",
        glyph::WAITING => "waiting",
        glyph::LIVE => "here",
        glyph::PIN => "pinned",
        _ => return None,
    })
}

/// Words in columns as one sentence part after the other: marks become words, bars go (what they show stands beside them).
pub(super) fn tidy(text: &str) -> String {
    let bars = ['▇', '░', '█', '▕', '▏', '│', '─'];
    let plain: String = text.chars().map(|c| if bars.contains(&c) { ' ' } else { c }).collect();
    let parts = plain.split("  ").map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (first, rest) = part.split_once(' ').unwrap_or((part, ""));
            match mark(first) {
                Some(word) => format!("{word} {rest}").trim_end().to_owned(),
                None => part.to_owned(),
            }
        })
        .collect::<Vec<_>>()
        .join(", ")
}

/// Words of several roles as text.
pub(super) fn text(words: &Words) -> String {
    words.iter().map(|span| span.text.as_str()).collect()
}

/// What is drawn on a line as wide as it needs, as text.
fn drawn(height: u16, draw: impl FnOnce(&mut Canvas<'_>)) -> Vec<String> {
    let Some(theme) = Theme::shipped("mono") else { return Vec::new() };
    let look = Look::new(theme, ColorDepth::Mono, false);
    let mut buffer = Buffer::empty(Rect::new(0, 0, WIDE, height));
    draw(&mut Canvas::new(&mut buffer, &look));
    to_text(&buffer).lines().map(ToOwned::to_owned).filter(|line| !line.trim().is_empty()).collect()
}

/// The header's lines: what is wrong, since when, what is left, who is here.
pub(super) fn header(app: &Console) -> Vec<String> {
    // The banner is a line of its own there too.
    drawn(3, |canvas| header::draw(app, canvas, Rect::new(0, 0, WIDE, 3))).iter().map(|line| tidy(line)).collect()
}

/// A pane in one line: its name, what it counts, the age of what it knows.
pub(super) fn heading(app: &Console, pane: Pane) -> String {
    let place = PaneArea { pane, title: Rect::new(0, 0, WIDE, 1), body: Rect::new(0, 1, WIDE, 0) };
    let line = drawn(1, |canvas| pane::title(app, canvas, &place)).concat();
    let mut parts = line.split("   ").map(str::trim).filter(|part| !part.is_empty());
    let left = parts.next().unwrap_or_else(|| pane.title());
    let left = left.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ').replacen("  ", ": ", 1);
    match parts.last() {
        Some(age) => format!("{left}; age {age}"),
        None => left,
    }
}

/// A row of a pane.
pub(super) fn row(app: &Console, pane: Pane, entry: &PaneEntry<'_>) -> String {
    let cells = pane_rows::cells(app, pane, entry);
    if let PaneEntry::Plan(record) = entry {
        // The pane names the key that opens it; here that is a word, and the line has a number.
        let before: Vec<String> = cells.iter().take(4).map(|cell| tidy(&text(cell))).collect();
        return format!("{}: {}", before.join(", "), timeline_text::plan_says(record));
    }
    let old = entry.stale() || sources::is_stale(app, pane) || (app.lost() && pane != Pane::Timeline);
    let mut parts: Vec<String> = Vec::new();
    for cell in &cells {
        let words = tidy(&text(cell));
        match words.as_str() {
            "" => {}
            // Nothing is well that was not seen to be, just now.
            "ok" | "here" if old => parts.push("unknown".to_owned()),
            _ => parts.push(words),
        }
    }
    // The column for it may be missing, never the message.
    let message = tidy(&entry.row().map(Row::message).unwrap_or_default());
    if !message.is_empty() && !parts.contains(&message) {
        parts.push(message);
    }
    if old {
        parts.push("old".to_owned());
    }
    parts.join(", ")
}

/// The rows of a pane that pass a filter, and how many more there are than are printed. Without one they are those that the
/// pane shows, events folded, and after them what it leaves for its zoomed form.
///
/// # Errors
/// The filter can't be read.
pub(super) fn rows<'a>(
    app: &'a Console,
    pane: Pane,
    wanted: &str,
) -> Result<(Vec<(PaneEntry<'a>, String)>, usize), FilterError> {
    let text = wanted.trim();
    let wanted = Filter::parse(wanted)?;
    let entries: Vec<_> = if text.is_empty() { whole(app, pane) } else { rows::all(app, pane).iter().collect() };
    let mut found: Vec<(PaneEntry<'a>, String)> = entries
        .into_iter()
        .filter(|entry| filter::passes(app, &wanted, entry))
        .map(|entry| (entry, row(app, pane, &entry)))
        .collect();
    let more = found.len().saturating_sub(MOST);
    // What is newest stands last in the timeline, first elsewhere.
    match pane.newest_last() {
        true => drop(found.drain(..more)),
        false => found.truncate(MOST),
    }
    Ok((found, more))
}

fn whole(app: &Console, pane: Pane) -> Vec<PaneEntry<'_>> {
    let mut entries: Vec<_> = rows::visible(app, pane).iter().collect();
    if pane != Pane::Events {
        let shown: HashSet<String> = entries.iter().map(PaneEntry::key).collect();
        entries.extend(rows::all(app, pane).into_iter().filter(|entry| !shown.contains(&entry.key())));
    }
    entries
}

/// What is wrong with the sources of a pane.
pub(super) fn troubles(app: &Console, pane: Pane) -> Vec<String> {
    source_errors::troubles(app, pane).iter().map(|words| tidy(&text(words))).collect()
}

/// A sheet's lines: labels before a colon.
pub(super) fn sheet(sheet: &Page) -> Vec<String> {
    let mut out = vec![tidy(&text(&sheet.title))];
    for line in &sheet.lines {
        match line.as_slice() {
            [] => {}
            [label, value] if label.text.ends_with("  ") && !label.text.trim().is_empty() => {
                let first = value.text.split(' ').next().unwrap_or_default();
                let value = if mark(first).is_some() { tidy(&value.text) } else { value.text.clone() };
                out.push(format!("{}: {value}", tidy(&label.text)));
            }
            other => out.push(tidy(&text(&other.to_vec()))),
        }
    }
    out
}
