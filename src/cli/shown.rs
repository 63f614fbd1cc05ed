//! What a command shows: the same facts as JSON for machines and as lines for people.

use serde_json::Value;

use super::exit::Exit;
use crate::model::Stamp;

/// A command's result.
#[derive(Debug)]
pub struct Shown {
    /// With its `schema`.
    pub json: Value,
    /// Lines for people.
    pub text: String,
    pub exit: Exit,
}

impl Shown {
    /// A result that went well.
    pub fn ok(json: Value, text: impl Into<String>) -> Self {
        Self { json, text: text.into(), exit: Exit::Ok }
    }

    /// The same with another exit code.
    pub fn exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }
}

/// An age with two significant places: `40 s`, `14 m`, `3 h 05`, `2 d 04`.
pub fn age(since: Stamp, now: Stamp) -> String {
    span((now - since).num_seconds())
}

/// A span of seconds, written as [`age`] is.
pub fn span(seconds: i64) -> String {
    let s = seconds.max(0);
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} m", s / 60),
        3_600..86_400 => format!("{} h {:02}", s / 3_600, s % 3_600 / 60),
        _ => format!("{} d {:02}", s / 86_400, s % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans_have_two_places() {
        let spans = [-3, 0, 59, 60, 3_599, 3_600, 11_100, 86_400, 187_200].map(span);
        assert_eq!(spans, ["0 s", "0 s", "59 s", "1 m", "59 m", "1 h 00", "3 h 05", "1 d 00", "2 d 04"]);
    }
}
