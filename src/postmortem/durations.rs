//! Instants and lengths of time as the export writes them. A length is never negative: what has no order that can be is not a
//! length, and whoever writes it says so in words.

use crate::model::Stamp;

/// `2026-03-02 14:41:00 UTC`.
pub(super) fn day(at: Stamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// `14:41:00`.
pub(super) fn time(at: Stamp) -> String {
    at.format("%H:%M:%S").to_string()
}

/// `23 min`, `8 min 05 s`, `1 h 05 min`.
pub(super) fn length(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3_600, seconds % 3_600 / 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}
