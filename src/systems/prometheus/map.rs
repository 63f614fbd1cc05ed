//! Answers → facts. Pure.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use super::client::QueryFailure;
use super::promql::{Job, is_counter, look_s};
use super::response::{QueryResult, RawRuleGroup};
use crate::config::{Figures, SloConfig};
use crate::model::facts::Open;
use crate::model::slo::{AlertRule, LONG, Slo, SloFigure, WINDOWS, WindowRead};
use crate::model::{SafeText, Stamp};

/// The most rules kept of one server, those that can't be evaluated first.
const MAX_RULES: usize = 1_000;
/// Extrapolation at the ends of a window lets errors exceed requests by a little; more is no rounding.
const SLACK: f64 = 1.05;
/// Looks that may miss without the period counting as incomplete, of a hundred.
const WHOLE_PERCENT: u64 = 98;

/// What a question was answered last.
#[derive(Clone, Debug)]
pub(super) struct Noted {
    pub at: Stamp,
    pub said: Result<QueryResult, SafeText>,
}

/// Every question's last answer for one service.
pub(super) type Notes = BTreeMap<Job, Noted>;

/// For how long figures count as fresh: of windows below a day, and of the others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fresh {
    pub short_s: u64,
    pub long_s: u64,
}

impl Fresh {
    pub(super) fn of(self, job: Job) -> u64 {
        match job {
            Job::Window(window) | Job::Requests(window) if window < LONG => self.short_s,
            _ => self.long_s,
        }
    }
}

/// Takes in an answer. When the server was not reached for this one question, an older answer stays while it is fresh.
pub(super) fn note(notes: &mut Notes, job: Job, at: Stamp, answer: Result<QueryResult, QueryFailure>, fresh: Fresh) {
    let said = match answer {
        Ok(said) => Ok(said),
        Err(QueryFailure::Query(why)) => Err(why),
        Err(QueryFailure::Source(trouble)) => {
            let age = TimeDelta::seconds(i64::try_from(fresh.of(job)).unwrap_or(i64::MAX / 1_000));
            if notes.get(&job).is_some_and(|old| old.said.is_ok() && at - old.at <= age) {
                return;
            }
            Err(trouble.what)
        }
    };
    notes.insert(job, Noted { at, said });
}

/// The figures of one service from what its questions were answered last.
pub(super) fn slo(config: &SloConfig, notes: &Notes, retention_s: Option<u64>, fresh: Fresh) -> Slo {
    let period = config.target.period_s;
    let mut windows: Vec<WindowRead> = Vec::new();
    for window_s in WINDOWS {
        windows.extend(notes.get(&Job::Window(window_s)).map(|noted| window(config, notes, window_s, noted, fresh)));
    }
    let whole = notes.get(&Job::Period(period));
    windows.extend(whole.map(|noted| whole_period(config, period, noted, fresh)));
    let counted = matches!(config.figures, Figures::Counted { .. });
    let (mut warnings, mut remarks) = (Vec::new(), Vec::new());
    for said in notes.values().filter_map(|noted| noted.said.as_ref().ok()) {
        warnings.extend(said.warnings.iter().cloned());
        remarks.extend(said.notes.iter().cloned());
    }
    Slo {
        service: config.target.service.clone(),
        windows,
        vanished: vanished(config, notes),
        errors_seen: whole
            .filter(|_| counted)
            .and_then(|noted| noted.said.as_ref().ok())
            .filter(|said| part(said, "requests").is_some())
            .map(|said| part(said, "errors").is_some_and(|errors| errors > 0.0)),
        retention_s,
        covered_s: [period, look_s(period)].into_iter().filter_map(|span| covered(span, notes)).max(),
        warnings: few(warnings),
        notes: few(remarks),
    }
}

/// Each once, at most three.
fn few(mut words: Vec<SafeText>) -> Vec<SafeText> {
    words.sort();
    words.dedup();
    words.truncate(3);
    words
}

fn part(said: &QueryResult, name: &str) -> Option<f64> {
    said.samples.iter().find(|sample| sample.part == name).map(|sample| sample.value)
}

fn window(config: &SloConfig, notes: &Notes, window_s: u64, noted: &Noted, fresh: Fresh) -> WindowRead {
    let (errors, requests) = match (&noted.said, &config.figures) {
        (Err(why), _) => (SloFigure::Odd(why.clone()), None),
        (Ok(said), Figures::Counted { .. }) => {
            (part(said, "errors").map_or(SloFigure::NoData, ratio), part(said, "requests"))
        }
        (Ok(said), Figures::Recorded { .. }) => {
            let requests = notes.get(&Job::Requests(window_s)).and_then(|noted| noted.said.as_ref().ok());
            (recorded(said), requests.filter(|said| said.total == 1).and_then(|said| Some(said.samples.first()?.value)))
        }
    };
    let requests = requests.filter(|it| it.is_finite() && *it >= 0.0);
    WindowRead { window_s, errors, requests, at: noted.at, fresh_for_s: fresh.of(Job::Window(window_s)) }
}

fn whole_period(config: &SloConfig, period: u64, noted: &Noted, fresh: Fresh) -> WindowRead {
    let (errors, requests) = match (&noted.said, &config.figures) {
        (Err(why), _) => (SloFigure::Odd(why.clone()), None),
        (Ok(said), Figures::Recorded { .. }) => (recorded(said), None),
        (Ok(said), Figures::Counted { .. }) => match part(said, "requests") {
            None => (SloFigure::NoData, None),
            // No series of errors at all is none so far; `errors_seen` tells it from some that are 0.
            Some(requests) => (ratio(part(said, "errors").unwrap_or(0.0) / requests), Some(requests)),
        },
    };
    let requests = requests.filter(|it| it.is_finite() && *it >= 0.0);
    WindowRead { window_s: period, errors, requests, at: noted.at, fresh_for_s: fresh.of(Job::Period(period)) }
}

/// What a recording rule says, if it is one series.
fn recorded(said: &QueryResult) -> SloFigure {
    match said.samples.as_slice() {
        [] => SloFigure::NoData,
        [one] => ratio(one.value),
        _ => {
            SloFigure::Odd(SafeText::new(&format!("matches {} series where one is meant: narrow it down", said.total)))
        }
    }
}

/// A part of the whole. NaN is 0 of 0.
fn ratio(value: f64) -> SloFigure {
    if value.is_nan() {
        SloFigure::NoTraffic
    } else if !(0.0..=SLACK).contains(&value) {
        let what = if value.is_finite() { format!("{:.0} %", value * 100.0) } else { "infinitely many".to_owned() };
        SloFigure::Odd(SafeText::new(&format!("{what} of the requests are errors: both do not count the same thing")))
    } else {
        SloFigure::Number(value.min(1.0))
    }
}

/// The counter has no series at this instant, though a window still remembers it.
fn vanished(config: &SloConfig, notes: &Notes) -> bool {
    let Figures::Counted { total, .. } = &config.figures else { return false };
    let newest = notes.get(&Job::Window(300)).and_then(|noted| noted.said.as_ref().ok());
    is_counter(total) && newest.is_some_and(|said| !said.samples.is_empty() && part(said, "series").is_none())
}

/// Looks that found the counter, each standing for its step.
fn covered(span_s: u64, notes: &Notes) -> Option<u64> {
    let said = notes.get(&Job::Coverage(span_s))?.said.as_ref().ok()?;
    let found = said.samples.first().map_or(0.0, |sample| sample.value);
    let seconds = (found.clamp(0.0, 1e9) as u64).saturating_mul(look_s(span_s));
    Some(if seconds.saturating_mul(100) >= span_s.saturating_mul(WHOLE_PERCENT) { span_s } else { seconds })
}

/// Alerting rules; those that can't be evaluated first, so that a cut takes the least.
pub(super) fn rules(groups: Vec<RawRuleGroup>) -> Vec<AlertRule> {
    let mut seen: BTreeMap<(String, String), u32> = BTreeMap::new();
    let mut out = Vec::new();
    for group in groups {
        for rule in group.rules.into_iter().filter(|rule| rule.kind == "alerting") {
            let nth = seen.entry((group.name.clone(), rule.name.clone())).or_default();
            out.push(AlertRule {
                group: SafeText::new(&group.name),
                name: SafeText::new(&rule.name),
                nth: *nth,
                health: Open::new(rule.health.as_deref().unwrap_or_default()),
                last_error: SafeText::new(&rule.last_error.unwrap_or_default()),
            });
            *nth += 1;
        }
    }
    out.sort_by_key(|rule| !rule.health.is("err"));
    out.truncate(MAX_RULES);
    out
}
