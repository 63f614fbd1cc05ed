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
#[cfg(test)]
mod tests;
mod timeline_svg;

pub use csv::to_csv;
pub use filtered::{Filtered, narrow};
pub use html::to_html;
pub use markdown::to_markdown;
pub use milestones::{Basis, MarkLine, MilestoneRow};
pub use objectives::Reached;
pub use outline::{ExportEntry, ExportMeta, LogHead, Outline, outline};

/// The version of the JSON export.
pub const SCHEMA: &str = "warroom.export/1";

/// The outline as JSON. Times are RFC 3339 in UTC, lengths are seconds.
pub fn to_json(outline: &Outline) -> serde_json::Value {
    let mut value = serde_json::to_value(outline).unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() }));
    if let Some(object) = value.as_object_mut() {
        object.insert("schema".to_owned(), serde_json::json!(SCHEMA));
    }
    value
}
