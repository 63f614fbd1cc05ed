//! The export: an incident's timeline as an outline for the postmortem, written as Markdown, HTML, CSV or JSON. Pure.
//!
//! Everything in it comes from entries: each row names the entries that prove it, and the end says how to verify the log
//! with stock tools.

mod beside;
mod csv;
mod drawing;
mod html;
mod length;
mod markdown;
mod milestones;
mod narrow;
mod outline;
mod reached;
mod table;
#[cfg(test)]
mod tests;

pub use csv::to_csv;
pub use html::to_html;
pub use markdown::to_markdown;
pub use milestones::{Basis, MarkLine, Row};
pub use narrow::{Filtered, narrow};
pub use outline::{Event, LogHead, Meta, Outline, outline};
pub use reached::Reached;

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
