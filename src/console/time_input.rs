//! An instant as a person types it: `14:41`, `T+8`, `-5m`, `yesterday 14:41`, `2026-11-22 14:41`.

use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use super::widget::time::Zone;
use crate::model::Stamp;

const HOW: &str =
    "write 14:41, T+8 (minutes from the first alert), -5m, yesterday 14:41, 2026-11-22 14:41 or 2026-11-22T14:41:00Z";

/// A time of day that comes within so many hours is taken for a slip, not for yesterday's.
const SLIP_H: i64 = 6;

/// Reads an instant. `zero` is what `T+0` is, if there is an incident. A time of day is the last one that was; one that comes
/// soon is none, because who types a minute too late does not mean the day before.
///
/// # Errors
/// What can't be read and how to write it, in one line.
pub fn parse(text: &str, now: Stamp, zero: Option<Stamp>, zone: &Zone) -> Result<Stamp, String> {
    let text = text.trim();
    let at = read(text, now, zero, zone)?;
    if at > now {
        return Err(format!("{text} is still to come"));
    }
    Ok(at)
}

fn read(text: &str, now: Stamp, zero: Option<Stamp>, zone: &Zone) -> Result<Stamp, String> {
    let unreadable = || format!("{text} is no instant; {HOW}");
    let letters = |rest: &&str| !rest.starts_with(|c: char| c.is_alphabetic());
    if let Some(rest) = text.strip_prefix(['T', 't']).filter(letters) {
        let zero = zero.ok_or("no incident: T+0 is its first alert")?;
        let (sign, rest) = match (rest.strip_prefix('+'), rest.strip_prefix('-')) {
            (Some(rest), _) => (1, rest),
            (_, Some(rest)) => (-1, rest),
            _ => return Err(unreadable()),
        };
        let seconds = minutes(rest).ok_or_else(unreadable)?;
        return zero.checked_add_signed(seconds * sign).ok_or_else(unreadable);
    }
    if let Some(rest) = text.strip_prefix('-') {
        let ago = ago(rest).ok_or_else(|| format!("{text} has no unit that is known; write -30s, -5m, -2h or -1d"))?;
        return now.checked_sub_signed(ago).ok_or_else(unreadable);
    }
    if let Ok(at) = chrono::DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let today = zone.of(now).date();
    let at = match text.rsplit_once([' ', 'T']) {
        None => {
            let time = time(text).ok_or_else(unreadable)?;
            let at = zone.instant(today.and_time(time)).ok_or_else(unreadable)?;
            if at <= now {
                return Ok(at);
            }
            if at - now < TimeDelta::hours(SLIP_H) {
                let clock = zone.of(now).format("%H:%M:%S");
                return Err(format!(
                    "{text} is still to come: it is {clock}; for the day before write yesterday {text}"
                ));
            }
            // It is just after midnight, and the evening is meant.
            return zone.instant(before(today).ok_or_else(unreadable)?.and_time(time)).ok_or_else(unreadable);
        }
        Some((day, of_day)) => {
            let day = match day.trim() {
                "yesterday" => before(today),
                "today" => Some(today),
                day => NaiveDate::parse_from_str(day, "%Y-%m-%d").ok(),
            };
            day.zip(time(of_day)).map(|(day, time)| day.and_time(time))
        }
    };
    at.and_then(|at: NaiveDateTime| zone.instant(at)).ok_or_else(unreadable)
}

fn before(day: NaiveDate) -> Option<NaiveDate> {
    day.checked_sub_days(Days::new(1))
}

fn time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M:%S").or_else(|_| NaiveTime::parse_from_str(text, "%H:%M")).ok()
}

/// `8`, `8:30`: minutes and seconds from the first alert.
fn minutes(text: &str) -> Option<TimeDelta> {
    let (minutes, seconds) = text.split_once(':').unwrap_or((text, "0"));
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let seconds = number(seconds).filter(|seconds| *seconds < 60)?;
    Some(TimeDelta::seconds(i64::from(number(minutes)?) * 60 + i64::from(seconds)))
}

/// `5m`, `2h`.
fn ago(text: &str) -> Option<TimeDelta> {
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let amount: i64 = text[..text.len() - 1].parse::<u32>().ok()?.into();
    TimeDelta::try_seconds(amount * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(text: &str) -> Stamp {
        text.parse().unwrap()
    }

    #[test]
    fn instants_as_people_say_them() {
        let now = stamp("2026-11-22T14:55:42Z");
        let zero = Some(stamp("2026-11-22T14:41:00Z"));
        let read = |text: &str| parse(text, now, zero, &Zone::default());
        for (text, at) in [
            ("14:41", "2026-11-22T14:41:00Z"),
            (" 14:41:30 ", "2026-11-22T14:41:30Z"),
            ("T+8", "2026-11-22T14:49:00Z"),
            ("t+8:30", "2026-11-22T14:49:30Z"),
            ("T-4", "2026-11-22T14:37:00Z"),
            ("-5m", "2026-11-22T14:50:42Z"),
            ("-90s", "2026-11-22T14:54:12Z"),
            ("23:50", "2026-11-21T23:50:00Z"),
            ("yesterday 14:41", "2026-11-21T14:41:00Z"),
            ("today 09:00", "2026-11-22T09:00:00Z"),
            ("2026-11-20 14:41", "2026-11-20T14:41:00Z"),
            ("2026-11-20T14:41", "2026-11-20T14:41:00Z"),
            ("2026-11-22T14:41:00+01:00", "2026-11-22T13:41:00Z"),
        ] {
            assert_eq!(read(text), Ok(stamp(at)), "{text}");
        }
        let east = Zone::new(3_600, "UTC+1");
        assert_eq!(parse("15:41", now, zero, &east), Ok(stamp("2026-11-22T14:41:00Z")), "as the clock shows it");
        for text in ["", "noon", "T8", "T+", "T+8:90", "-5", "-m", "-5é", "25:00", "T+99", "tomorrow 10:00", "é", "-"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(parse("T+8", now, None, &Zone::default()).unwrap_err().contains("no incident"));
        assert!(read("2027-01-01 10:00").unwrap_err().contains("still to come"));
        for soon in ["14:56", "20:55"] {
            let why = read(soon).unwrap_err();
            assert!(why.contains("it is 14:55:42") && why.ends_with(&format!("write yesterday {soon}")), "{why}");
        }
    }
}
