//! When a Velero schedule should have run: cron as robfig/cron reads it, with `CRON_TZ=`, `TZ=` and `@every`.

use chrono::{DateTime, SubsecRound, TimeDelta, TimeZone, Utc};
use croner::parser::CronParser;

use crate::model::Stamp;
use crate::model::time::go_duration;

/// Counting stops here: what is this late is late enough.
const MOST_RUNS: u32 = 100;

/// Runs that were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CountedRuns {
    pub count: u32,
    /// There are more: counting stopped.
    pub more: bool,
}

/// A parsed schedule.
#[derive(Clone, Debug)]
pub(super) enum Cron {
    Every(TimeDelta),
    At(Box<croner::Cron>, chrono_tz::Tz),
}

impl Cron {
    /// Reads a schedule; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text.trim();
        let mut zone = chrono_tz::UTC;
        for prefix in ["CRON_TZ=", "TZ="] {
            if let Some(after) = rest.strip_prefix(prefix) {
                let (name, expression) =
                    after.split_once(char::is_whitespace).ok_or("it has a time zone and no times")?;
                zone = name.parse().map_err(|_| format!("time zone `{name}` is not known"))?;
                rest = expression.trim();
                break;
            }
        }
        if let Some(every) = rest.strip_prefix("@every") {
            return interval(every.trim()).map(Self::Every).ok_or_else(|| format!("`{rest}` is not an interval"));
        }
        let named = rest.starts_with('@');
        if !named && rest.split_whitespace().count() != 5 {
            return Err(format!("`{rest}` does not have five fields"));
        }
        let cron = CronParser::new().parse(rest).map_err(|e| format!("`{rest}` is not a cron expression: {e}"))?;
        Ok(Self::At(Box::new(cron), zone))
    }

    /// The first time after `at` at which it runs, if there is one.
    pub(super) fn next_after(&self, at: Stamp) -> Option<Stamp> {
        match self {
            Self::Every(every) => at.checked_add_signed(*every),
            Self::At(cron, zone) => {
                // Runs begin at whole seconds; the parser would keep the part of one that it is asked with.
                let from = at.trunc_subsecs(0).with_timezone(zone);
                let next = cron.find_next_occurrence(&from, false).ok()?;
                let next = next.with_timezone(&Utc);
                (next > at).then_some(next)
            }
        }
    }

    /// How many times it should have run after `last` and up to `until`.
    pub(super) fn runs_between(&self, last: Stamp, until: Stamp) -> CountedRuns {
        if until <= last {
            return CountedRuns::default();
        }
        match self {
            Self::Every(every) => {
                let runs = (until - last).num_milliseconds() / every.num_milliseconds().max(1);
                let count = u32::try_from(runs).unwrap_or(u32::MAX);
                CountedRuns { count: count.min(MOST_RUNS), more: count > MOST_RUNS }
            }
            Self::At(cron, zone) => {
                let end: DateTime<chrono_tz::Tz> = zone.from_utc_datetime(&until.naive_utc());
                let mut at: DateTime<chrono_tz::Tz> = last.trunc_subsecs(0).with_timezone(zone);
                let mut runs = CountedRuns::default();
                while let Ok(next) = cron.find_next_occurrence(&at, false)
                    && next <= end
                    && next > at
                {
                    if runs.count == MOST_RUNS {
                        runs.more = true;
                        break;
                    }
                    runs.count += 1;
                    at = next;
                }
                runs
            }
        }
    }

    /// How long from one run to the next, about that time.
    pub(super) fn interval_s(&self, about: Stamp) -> Option<u64> {
        let first = self.next_after(about)?;
        let second = self.next_after(first)?;
        u64::try_from((second - first).num_seconds()).ok()
    }

    /// Until when [`Cron::interval_s`] stays the same; `None` = for ever.
    pub(super) fn interval_stands_until(&self, about: Stamp) -> Option<Stamp> {
        match self {
            Self::Every(_) => None,
            Self::At(..) => self.next_after(about),
        }
    }

    /// The first run after `now`; of an interval, counted from the `last` one.
    pub(super) fn due_after(&self, last: Stamp, now: Stamp) -> Option<Stamp> {
        let Self::Every(every) = self else { return self.next_after(now) };
        let every_ms = every.num_milliseconds().max(1);
        let gone = (now - last).num_milliseconds().max(0) / every_ms;
        last.checked_add_signed(TimeDelta::try_milliseconds(every_ms.checked_mul(gone.checked_add(1)?)?)?)
    }
}

/// An interval of at least a second, as Go writes it. robfig/cron rounds down to seconds.
fn interval(text: &str) -> Option<TimeDelta> {
    // A century is longer than any schedule, and keeps the conversion exact.
    let seconds = go_duration(text).filter(|s| *s > 0.0 && *s < 3.2e9)?;
    Some(TimeDelta::seconds((seconds as i64).max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Stamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_run_begins_at_a_whole_second_whenever_one_asks() {
        let cron = Cron::parse("29 * * * *").expect("cron");
        for (asked, next) in [("14:20:00.001", "14:29:00"), ("14:28:59.999", "14:29:00"), ("14:29:00.500", "15:29:00")]
        {
            let day = |clock: &str| at(&format!("2026-03-02T{clock}Z"));
            assert_eq!(cron.next_after(day(asked)), Some(day(next)), "{asked}");
        }
    }

    #[test]
    fn runs_are_counted_after_the_last_one_and_up_to_the_end() {
        for (cron, last, until, runs) in [
            ("29 * * * *", "2026-03-02T14:29:00Z", "2026-03-02T14:37:00Z", 0),
            ("29 * * * *", "2026-03-02T14:29:00Z", "2026-03-02T15:29:00Z", 1),
            ("29 * * * *", "2026-03-02T14:29:07Z", "2026-03-02T17:00:00Z", 2),
            ("0 2 * * *", "2026-03-02T02:00:00Z", "2026-03-05T02:00:00Z", 3),
            ("@hourly", "2026-03-02T14:00:00Z", "2026-03-02T16:30:00Z", 2),
            ("@every 1h30m", "2026-03-02T10:00:00Z", "2026-03-02T14:29:59Z", 2),
            ("@every 1h30m", "2026-03-02T10:00:00Z", "2026-03-02T14:30:00Z", 3),
            ("@every 90s", "2026-03-02T10:00:00Z", "2026-03-02T10:03:00Z", 2),
            // Either day restriction is enough when both are given: the 1st of the month, or a Monday.
            ("0 0 1 * 1", "2026-03-01T12:00:00Z", "2026-03-02T12:00:00Z", 1),
            ("0 0 * * MON", "2026-03-01T12:00:00Z", "2026-03-08T12:00:00Z", 1),
            // Berlin is one hour ahead of UTC in winter and two in summer.
            ("CRON_TZ=Europe/Berlin 0 2 * * *", "2026-01-10T00:59:00Z", "2026-01-10T01:00:00Z", 1),
            ("TZ=Europe/Berlin 0 2 * * *", "2026-07-10T00:30:00Z", "2026-07-10T01:30:00Z", 0),
            ("TZ=Europe/Berlin 0 2 * * *", "2026-07-09T23:30:00Z", "2026-07-10T00:00:00Z", 1),
            ("29 * * * *", "2026-03-02T14:29:00Z", "2026-03-01T14:29:00Z", 0),
        ] {
            let parsed = Cron::parse(cron).unwrap_or_else(|e| panic!("{cron}: {e}"));
            let expected = CountedRuns { count: runs, more: false };
            assert_eq!(parsed.runs_between(at(last), at(until)), expected, "{cron} from {last} until {until}");
        }
    }

    #[test]
    fn where_counting_stops_it_is_said_that_there_are_more() {
        for cron in ["* * * * *", "@every 1m"] {
            let counted = |until| Cron::parse(cron).expect(cron).runs_between(at("2026-03-01T12:00:00Z"), at(until));
            assert_eq!(
                counted("2026-03-01T13:40:00Z"),
                CountedRuns { count: 100, more: false },
                "{cron}: exactly as many"
            );
            assert_eq!(counted("2026-03-01T13:41:00Z"), CountedRuns { count: 100, more: true }, "{cron}");
            assert_eq!(counted("2026-03-08T12:00:00Z"), CountedRuns { count: 100, more: true }, "{cron}");
        }
    }

    #[test]
    fn the_interval_is_from_run_to_run() {
        let now = at("2026-03-02T14:37:00Z");
        for (cron, seconds) in [("29 * * * *", 3_600), ("@every 90s", 90), ("0 2 * * *", 86_400), ("@weekly", 604_800)]
        {
            assert_eq!(Cron::parse(cron).expect(cron).interval_s(now), Some(seconds), "{cron}");
        }
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_a_reason() {
        for (cron, part) in [
            ("", "five fields"),
            ("* * * *", "five fields"),
            ("0 0 0 * * *", "five fields"),
            ("61 * * * *", "not a cron expression"),
            ("@every", "interval"),
            ("@every soon", "interval"),
            ("@every 0s", "interval"),
            ("@every 5", "interval"),
            ("CRON_TZ=Mars/Olympus 0 2 * * *", "Mars/Olympus"),
            ("CRON_TZ=UTC", "no times"),
        ] {
            let error = Cron::parse(cron).expect_err(cron);
            assert!(error.contains(part), "{cron}: {error}");
        }
    }
}
