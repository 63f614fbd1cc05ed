//! Times and ages as people read them. Ages step: every 5 s, then every minute, then every hour, so that little moves.

use chrono::{FixedOffset, NaiveDateTime};

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
        let offset = *at.with_timezone(&chrono::Local).offset();
        // The offset is all that is known for certain; abbreviations are not unique.
        let name = match offset.local_minus_utc() {
            0 => "UTC".to_owned(),
            seconds if seconds % 3_600 == 0 => format!("UTC{:+}", seconds / 3_600),
            _ => format!("UTC{offset}"),
        };
        Self { offset, name }
    }

    /// What clocks here showed at an instant.
    pub fn of(&self, at: Stamp) -> NaiveDateTime {
        at.with_timezone(&self.offset).naive_local()
    }

    /// The instant at which clocks here showed this.
    pub fn instant(&self, local: NaiveDateTime) -> Option<Stamp> {
        use chrono::TimeZone;
        self.offset.from_local_datetime(&local).single().map(|at| at.to_utc())
    }

    /// `14:55:42`.
    pub fn seconds(&self, at: Stamp) -> String {
        at.with_timezone(&self.offset).format("%H:%M:%S").to_string()
    }

    /// `14:55`.
    pub fn minutes(&self, at: Stamp) -> String {
        at.with_timezone(&self.offset).format("%H:%M").to_string()
    }

    /// `22 Nov`, for what is days away.
    pub fn day(&self, at: Stamp) -> String {
        at.with_timezone(&self.offset).format("%-d %b").to_string()
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

/// Whole minutes from the first alert, rounded down: `T+14`, `T-4`. `T+0` begins with the alert, never before it.
pub fn t_plus(from: Stamp, at: Stamp) -> String {
    let minutes = (at - from).num_milliseconds().div_euclid(60_000);
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("T{sign}{}", minutes.unsigned_abs())
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

    #[test]
    fn minutes_before_the_alert_are_never_zero() {
        let alert: Stamp = "2026-03-10T14:41:00Z".parse().unwrap();
        let t = |ms: i64| t_plus(alert, alert + chrono::TimeDelta::milliseconds(ms));
        assert_eq!([-236_000, -240_000, -30_000, -1].map(t), ["T-4", "T-4", "T-1", "T-1"]);
        assert_eq!([0, 59_999, 60_000, 840_000].map(t), ["T+0", "T+0", "T+1", "T+14"]);
    }
}
