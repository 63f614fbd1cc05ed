//! Instants and lengths of time as text: one way to write them for panes, commands, plans and the log.

use chrono::TimeDelta;

use super::Stamp;

/// A length of time with two significant places: `40 s`, `14 m`, `3 h 05`, `17 h`, `2 d 04`, `12 d`.
pub fn short(seconds: u64) -> String {
    let two = |large: u64, unit: &str, small: u64| match small {
        0 => format!("{large} {unit}"),
        small => format!("{large} {unit} {small:02}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} m", seconds / 60),
        3_600..36_000 => two(seconds / 3_600, "h", seconds % 3_600 / 60),
        36_000..172_800 => format!("{} h", seconds / 3_600),
        172_800..864_000 => two(seconds / 86_400, "d", seconds % 86_400 / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// [`short`] inside a sentence: minutes are written so that nobody reads metres.
pub fn words(seconds: u64) -> String {
    let text = short(seconds);
    if text.ends_with(" m") { format!("{text}in") } else { text }
}

/// Whole seconds from one instant to a later one; `None` if it is not later: a length of time is never negative.
pub fn length_s(from: Stamp, to: Stamp) -> Option<u64> {
    u64::try_from((to - from).num_milliseconds()).ok().map(|ms| ms / 1_000)
}

/// Whole seconds from one instant to a later one; 0 if it is not later.
pub fn since(from: Stamp, now: Stamp) -> u64 {
    u64::try_from((now - from).num_seconds()).unwrap_or(0)
}

/// From how many seconds on [`words`] of a length that grows say something else.
pub fn next_words(seconds: u64) -> u64 {
    let step = words_step(seconds);
    (seconds / step + 1).saturating_mul(step)
}

/// In which steps [`short`] tells a length.
fn words_step(seconds: u64) -> u64 {
    match seconds {
        0..60 => 1,
        60..36_000 => 60,
        36_000..864_000 => 3_600,
        _ => 86_400,
    }
}

/// An instant inside a recorded sentence: `14:41:00 UTC`. It stays the same while nothing changes; an age would not.
pub fn clock(at: Stamp) -> String {
    at.format("%H:%M:%S UTC").to_string()
}

/// What is so far away is told with how far that is.
const FAR_S: u64 = 172_800;
/// What is so far ahead is never meant to come.
const NEVER_S: u64 = 315_360_000;

/// Instants after `now` at which [`moment`] may say something else, midnight apart.
pub fn moment_steps(at: Stamp, now: Stamp) -> Vec<Stamp> {
    let seconds = |s: u64| TimeDelta::try_seconds(i64::try_from(s).ok()?);
    let (ahead, behind) = (since(now, at), since(at, now));
    let from = |s: u64| seconds(s).and_then(|it| at.checked_add_signed(it));
    // A distance that shrinks is another one as soon as it is less than a whole number of steps.
    let until = |s: u64| Some(at.checked_sub_signed(seconds(s)?)? + TimeDelta::nanoseconds(1));
    let steps = match () {
        () if ahead >= FAR_S => [until(ahead / words_step(ahead) * words_step(ahead)), until(NEVER_S)],
        () if behind >= FAR_S => [from(next_words(behind)), None],
        () => [from(FAR_S), None],
    };
    steps.into_iter().flatten().filter(|step| *step > now).collect()
}

/// An instant inside a sentence: [`clock`], with the date where it is another day than `now`'s, and how far away that is
/// once it is more than two days: `14:41:00 UTC`, `2027-09-25 19:35:55 UTC (in 300 d)`. What lies ten years ahead or more
/// is never meant to come: `no end`.
pub fn moment(at: Stamp, now: Stamp) -> String {
    let (ahead, behind) = (since(now, at), since(at, now));
    match at.date_naive() == now.date_naive() {
        _ if ahead >= NEVER_S => "no end".to_owned(),
        true => clock(at),
        false if ahead >= FAR_S => format!("{} (in {})", day(at), short(ahead)),
        false if behind >= FAR_S => format!("{} ({} ago)", day(at), short(behind)),
        false => day(at),
    }
}

fn day(at: Stamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// [`clock`], with the date if that is another day than `now`'s.
pub fn dated(at: Stamp, now: Stamp) -> String {
    if at.date_naive() == now.date_naive() { clock(at) } else { day(at) }
}

/// Another system's own RFC 3339 time inside a sentence, as [`clock`] says it, with the date if that is another day than
/// `now`'s: `09:12:44 UTC`, `2025-01-20 09:12:44 UTC`. What is no time stays as it was written.
pub fn told(text: &str, now: Stamp) -> String {
    let Ok(at) = chrono::DateTime::parse_from_rfc3339(text).map(|at| at.to_utc()) else { return text.to_owned() };
    dated(at, now)
}

/// Minutes and seconds from detection: `T+8:00`, `T-4:00`.
pub fn from_detection(seconds: i64) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let s = seconds.unsigned_abs();
    format!("T{sign}{}:{:02}", s / 60, s % 60)
}

/// Go's notation of a duration, in seconds: `1h30m`, `1m0s`, `0s`, `300ms`, `1.5h`. What has no unit is none, but for `0`.
pub fn go_duration(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    if rest == "0" {
        return Some(0.0);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let amount: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        seconds += amount
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_have_two_significant_places() {
        let lengths = [0, 59, 60, 3_599, 3_600, 11_100, 63_000, 100_000, 172_800, 259_199, 345_600, 900_000]
            .map(short)
            .join(", ");
        assert_eq!(lengths, "0 s, 59 s, 1 m, 59 m, 1 h, 3 h 05, 17 h, 27 h, 2 d, 2 d 23, 4 d, 10 d");
        assert_eq!([40, 840, 11_100].map(words), ["40 s", "14 min", "3 h 05"]);
    }

    #[test]
    fn times_of_others_are_said_as_ours() {
        let now: Stamp = "2026-03-02T14:51:05Z".parse().unwrap();
        let told = |text: &str| told(text, now);
        assert_eq!(told("2026-03-02T15:51:00.123456+01:00"), "14:51:00 UTC");
        assert_eq!(told("2026-01-05T09:00:00.123456Z"), "2026-01-05 09:00:00 UTC", "on another day");
        assert_eq!(told("a while ago"), "a while ago");
    }

    #[test]
    fn a_moment_of_another_day_has_its_date_and_how_far_it_is() {
        let now: Stamp = "2026-11-29T19:35:55Z".parse().unwrap();
        let said = |text: &str| moment(text.parse().unwrap(), now);
        assert_eq!(said("2026-11-29T20:00:00Z"), "20:00:00 UTC");
        assert_eq!(said("2026-11-30T01:00:00Z"), "2026-11-30 01:00:00 UTC");
        assert_eq!(said("2027-09-25T19:35:55Z"), "2027-09-25 19:35:55 UTC (in 300 d)");
        assert_eq!(said("2026-10-30T19:35:55Z"), "2026-10-30 19:35:55 UTC (30 d ago)");
        assert_eq!(said("9999-01-01T00:00:00Z"), "no end");
    }

    #[test]
    fn detection_is_the_origin() {
        assert_eq!([480, 0, -240].map(from_detection), ["T+8:00", "T+0:00", "T-4:00"]);
    }

    #[test]
    fn durations_as_go_writes_them() {
        for (text, seconds) in
            [("1m0s", 60.0), ("1h30m", 5400.0), ("0s", 0.0), ("0", 0.0), ("1.5s", 1.5), ("300ms", 0.3)]
        {
            assert_eq!(go_duration(text), Some(seconds), "{text}");
        }
        for text in ["", " ", "soon", "5", "5 m", "1x"] {
            assert_eq!(go_duration(text), None, "{text}");
        }
    }
}
