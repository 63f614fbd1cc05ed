//! What the world's own requests came to: two counters, scraped at even steps, and what its recording rules make of them.
//! Pure.
//!
//! The counters follow from the world's state (who has the users, and who serves them), and from a quiet month before the
//! story that the scenario states. Recording rules compute ratios over windows from them, as a Prometheus beside the
//! service would.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::state::{Due, WorldState};
use crate::drill::scenario::{Site, SloSpec};

/// Seconds between scrapes.
const SCRAPE_S: i64 = 15;
/// Most scrapes remembered: more than three days of them, the longest window that the story is looked at with but one.
const MOST: usize = 20_000;
/// The windows that rules record, by their names.
pub(super) const RECORDED: [(&str, i64); 8] = [
    ("5m", 300),
    ("30m", 1_800),
    ("1h", 3_600),
    ("2h", 7_200),
    ("6h", 21_600),
    ("1d", 86_400),
    ("3d", 259_200),
    ("30d", 2_592_000),
];

/// The counters at an instant; before the story they are below 0, for they count from its start.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Counters {
    pub total: f64,
    pub errors: f64,
}

/// Every scrape since the start.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    scrapes: VecDeque<(DateTime<Utc>, Counters)>,
}

/// The first scrape is due one step after the start.
pub(super) fn fill(state: &mut WorldState) {
    let at = state.scenario.start + TimeDelta::seconds(SCRAPE_S);
    state.plan(at, Due::Scrape);
}

/// One scrape: the requests since the last one, of which those fail that went where nobody serves.
pub(super) fn scrape(state: &mut WorldState, at: DateTime<Utc>) {
    state.plan(at + TimeDelta::seconds(SCRAPE_S), Due::Scrape);
    let Some(spec) = state.scenario.slo.clone() else { return };
    let last = state.metrics.scrapes.back().map_or(Counters::default(), |(_, counters)| *counters);
    let requests = spec.requests_per_s * SCRAPE_S as f64;
    let bad = bad_share(state, at).max(spec.errors_before_ppm / 1e6);
    let now = Counters { total: last.total + requests, errors: last.errors + requests * bad };
    if state.metrics.scrapes.len() == MOST {
        state.metrics.scrapes.pop_front();
    }
    state.metrics.scrapes.push_back((at, now));
}

/// The part of the users who get no good answer.
fn bad_share(state: &WorldState, at: DateTime<Utc>) -> f64 {
    let (warm, of) = state.warm_replicas(at);
    let primary = if at < state.scenario.impact { 0.0 } else { 1.0 };
    let dr = 1.0 - f64::from(warm) / f64::from(of.max(1));
    state.traffic.share(Site::Primary, at) * primary + state.traffic.share(Site::Dr, at) * dr
}

/// The counters as they were scraped last at an instant.
fn at(state: &WorldState, spec: &SloSpec, at: DateTime<Utc>) -> Counters {
    let before = (at - state.scenario.start).num_milliseconds().min(0) as f64 / 1000.0 * spec.requests_per_s;
    let quiet = Counters { total: before, errors: before * spec.errors_before_ppm / 1e6 };
    let upto = state.metrics.scrapes.partition_point(|(when, _)| *when <= at);
    match upto.checked_sub(1).and_then(|last| state.metrics.scrapes.get(last)) {
        Some((_, counters)) => *counters,
        None => quiet,
    }
}

/// By how much the counters rose in the last so many seconds.
pub(super) fn increase(state: &WorldState, spec: &SloSpec, window_s: i64) -> Counters {
    let (now, then) = (at(state, spec, state.now), at(state, spec, state.now - TimeDelta::seconds(window_s)));
    Counters { total: now.total - then.total, errors: now.errors - then.errors }
}
