//! The timeline as CSV (RFC 4180): a head, then an entry a row, CRLF at every end of line.
//!
//! What a spreadsheet would take for a formula (a cell that begins with `=`, `+`, `-`, `@`, a tab or a carriage return) gets
//! an apostrophe in front, which spreadsheets show as text. Figures of our own (`t_s`) are numbers and stay as they are.

use std::fmt;

use crate::model::Stamp;

use super::outline::{ExportEntry, Outline};
use super::streamed::{ExportList, ExportLists};

/// The columns.
const HEAD: [&str; 22] = [
    "drill",
    "incident",
    "seq",
    "at",
    "recorded_at",
    "t_s",
    "by",
    "level",
    "simulated",
    "kind",
    "edge",
    "text",
    "owner",
    "amended_by",
    "pinned",
    "adopted",
    "hash",
    "placed_at",
    "original",
    "removed",
    "measured_at",
    "marked",
];

/// Writes the timeline as CSV.
pub(super) fn write_csv(out: &mut dyn fmt::Write, outline: &Outline, lists: &dyn ExportLists) -> fmt::Result {
    // Every row of a part says that it is one: rows are what is copied out of a spreadsheet.
    let part = outline.filtered.as_ref().map(|it| text(&format!("{}: {}", it.words(), it.filter)));
    out.write_str(&HEAD.join(","))?;
    out.write_str(if part.is_some() { ",filtered\r\n" } else { "\r\n" })?;
    lists.each(ExportList::Timeline, &mut |event| {
        out.write_str(&row(outline, event).join(","))?;
        if let Some(part) = &part {
            write!(out, ",{part}")?;
        }
        out.write_str("\r\n")
    })
}

fn row(outline: &Outline, event: &ExportEntry) -> [String; 22] {
    let amended = event.amended_by.iter().map(u64::to_string).collect::<Vec<_>>().join(" ");
    [
        text(&outline.drill.as_ref().map(|drill| format!("DRILL {drill}")).unwrap_or_default()),
        text(outline.incident.as_str()),
        event.seq.to_string(),
        instant(event.at),
        instant(event.recorded_at),
        event.t_s.to_string(),
        text(event.by.as_str()),
        event.level.to_owned(),
        event.simulated.to_string(),
        text(&event.kind),
        text(event.edge.as_deref().unwrap_or_default()),
        text(event.text.as_str()),
        text(event.owner.as_ref().map(|owner| owner.as_str()).unwrap_or_default()),
        amended,
        event.pinned.to_string(),
        event.adopted.to_string(),
        event.hash.clone(),
        instant(event.placed_at),
        text(event.original.as_ref().map(|text| text.as_str()).unwrap_or_default()),
        text(&event.removed.as_ref().map(super::entry_notes::Removal::words).unwrap_or_default()),
        instant(event.measured_at),
        text(&event.marked.iter().map(|mark| mark.milestone.name()).collect::<Vec<_>>().join(" ")),
    ]
}

/// RFC 3339 in UTC, milliseconds kept.
fn instant(at: Stamp) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// Outside text as a cell: no formula, and in quotes where it would end the cell.
pub(super) fn text(text: &str) -> String {
    // A spreadsheet skips spaces before it looks for a formula; what looks the same in another script may be one too.
    let first = text.trim_start_matches(' ').chars().next();
    let formula = matches!(first, Some('=' | '+' | '-' | '@' | '\t' | '\r' | '＝' | '＋' | '－' | '＠'));
    let guarded = if formula { format!("'{text}") } else { text.to_owned() };
    if guarded.contains([',', '"', '\n', '\r']) || guarded.starts_with(' ') || guarded.ends_with(' ') {
        return format!("\"{}\"", guarded.replace('"', "\"\""));
    }
    guarded
}
