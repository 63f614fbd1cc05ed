//! Times and ages as people read them. Ages step: every 5 s, then every minute, then every hour, so that little moves.

use chrono::FixedOffset;

use crate::model::Stamp;
pub use crate::model::time::{short as span, since, words};

/// The one setting for wall times, shown once, beside the clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    offset: FixedOffset,
    /// `UTC`, `+02:00`.
    pub name: String,
}

impl Default for Zone {
    fn default() -> Self {
        Self { offset: FixedOffset::east_opt(0).unwrap_or_else(utc), name: "UTC".to_owned() }
    }
}

fn utc() -> FixedOffset {
    use chrono::Offset;
    chrono::Utc.fix()
}

impl Zone {
    /// A zone so many seconds east of UTC.
    pub fn new(east_s: i32, name: impl Into<String>) -> Self {
        Self { offset: FixedOffset::east_opt(east_s).unwrap_or_else(utc), name: name.into() }
    }

    /// The host's own zone as it is at `at`.
    pub fn local(at: Stamp) -> Self {
        let local = at.with_timezone(&chrono::Local);
        // chrono knows no abbreviations: it writes the offset, and nobody reads `+00:00` as UTC.
        let name =
            if local.offset().local_minus_utc() == 0 { "UTC".to_owned() } else { local.format("%Z").to_string() };
        Self { offset: *local.offset(), name }
    }

    /// `14:55:42`.
    pub fn seconds(&self, at: Stamp) -> String {
        at.with_timezone(&self.offset).format("%H:%M:%S").to_string()
    }

    /// `14:55`.
    pub fn minutes(&self, at: Stamp) -> String {
        at.with_timezone(&self.offset).format("%H:%M").to_string()
    }

    /// `22 Nov 14:55:42 UTC`, for a detail view.
    pub fn full(&self, at: Stamp) -> String {
        format!("{} {}", at.with_timezone(&self.offset).format("%e %b %H:%M:%S"), self.name).trim_start().to_owned()
    }
}

/// An age with two significant places: `now`, `40 s`, `14 m`, `3 h 05`, `17 h`, `4 d`. Steps of 5 s below a minute.
pub fn age(seconds: u64) -> String {
    match seconds {
        0..5 => "now".to_owned(),
        5..60 => format!("{} s", seconds / 5 * 5),
        _ => span(seconds),
    }
}

/// A running clock: `18:42`, `1:02:03`.
pub fn clock(seconds: u64) -> String {
    match seconds {
        0..3_600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        _ => format!("{}:{:02}:{:02}", seconds / 3_600, seconds % 3_600 / 60, seconds % 60),
    }
}

/// Minutes from the first alert: `T+14`, `T-4`.
pub fn t_plus(from: Stamp, at: Stamp) -> String {
    let seconds = (at - from).num_seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("T{sign}{}", seconds.unsigned_abs() / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_two_significant_places() {
        let cases = [
            (0, "now"),
            (7, "5 s"),
            (43, "40 s"),
            (60, "1 m"),
            (14 * 60 + 59, "14 m"),
            (3 * 3600 + 5 * 60, "3 h 05"),
            (2 * 3600, "2 h"),
            (17 * 3600 + 1800, "17 h"),
            (4 * 86_400, "4 d"),
        ];
        for (seconds, words) in cases {
            assert_eq!(age(seconds), words, "{seconds}");
        }
        assert_eq!(clock(18 * 60 + 42), "18:42");
        assert_eq!(clock(3723), "1:02:03");
    }
}
