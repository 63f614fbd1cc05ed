//! The export: an incident's timeline as an outline for the postmortem, written as Markdown, HTML, CSV or JSON. Pure.
//!
//! Everything in it comes from entries: each row names the entries that prove it, and the end says how to verify the log
//! with stock tools.

mod csv;
mod durations;
mod entry_notes;
mod filtered;
mod html;
mod markdown;
mod markdown_table;
mod milestones;
mod objectives;
mod outline;
mod read_entries;
mod streamed;
#[cfg(test)]
mod tests;
mod timeline_svg;

use std::fmt;

pub use filtered::Filtered;
pub use milestones::{Basis, MarkLine, MilestoneRow};
pub use objectives::Reached;
pub use outline::{ExportEntry, ExportMeta, LogHead, Outline, outline};
pub use streamed::{ExportList, ExportLists, StreamedExport};

use crate::model::streamed_json::write_json;

/// The version of the JSON export.
pub const SCHEMA: &str = "warroom.export/1";

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// For a wiki or a merge request.
    Markdown,
    /// One page with everything in it.
    Html,
    /// The timeline for a spreadsheet.
    Csv,
    /// Everything, for machines.
    Json,
}

/// Writes an export. The same log gives the same bytes, wherever its lists come from.
///
/// # Errors
/// That the lists can't be read, or `out` can't be written to.
pub fn write(out: &mut dyn fmt::Write, outline: &Outline, lists: &dyn ExportLists, form: ExportForm) -> fmt::Result {
    match form {
        ExportForm::Markdown => markdown::write_markdown(out, outline, lists),
        ExportForm::Html => html::write_html(out, outline, lists),
        ExportForm::Csv => csv::write_csv(out, outline, lists),
        ExportForm::Json => write_document(out, outline, lists),
    }
}

/// An export of an outline that keeps its lists.
pub fn to_text(outline: &Outline, form: ExportForm) -> String {
    let mut text = String::new();
    // Writing to a string can't fail.
    let _ = write(&mut text, outline, outline, form);
    text
}

/// For a wiki or a merge request.
pub fn to_markdown(outline: &Outline) -> String {
    to_text(outline, ExportForm::Markdown)
}

/// One page with everything in it.
pub fn to_html(outline: &Outline) -> String {
    to_text(outline, ExportForm::Html)
}

/// The timeline for a spreadsheet.
pub fn to_csv(outline: &Outline) -> String {
    to_text(outline, ExportForm::Csv)
}

/// The outline as JSON. Times are RFC 3339 in UTC, lengths are seconds.
pub fn to_json(outline: &Outline) -> serde_json::Value {
    let mut value = serde_json::to_value(outline).unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() }));
    if let Some(object) = value.as_object_mut() {
        object.insert("schema".to_owned(), serde_json::json!(SCHEMA));
    }
    value
}

fn write_document(out: &mut dyn fmt::Write, outline: &Outline, lists: &dyn ExportLists) -> fmt::Result {
    write_json(out, to_json(outline), &["decisions", "follow_ups", "timeline"], &|name, take| {
        let list = match name {
            "decisions" => ExportList::Decisions,
            "follow_ups" => ExportList::FollowUps,
            _ => ExportList::Timeline,
        };
        lists.each(list, &mut |event| take(&serde_json::to_value(event).map_err(|_| fmt::Error)?))
    })?;
    out.write_char('\n')
}
