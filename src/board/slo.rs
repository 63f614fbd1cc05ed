//! Error budgets per service: minutes left, how fast they burn, and what can't be told.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta};
use serde::{Deserialize, Serialize};

use crate::model::facts::{Fact, FactKind};
use crate::model::slo::{Slo, SloFigure, SloTarget};
use crate::model::time::words;
use crate::model::{SourceId, Stamp, System};

use super::Board;
use super::burn_rate::{self, BurnPair, BurnState, TABLE, rounded};
use super::judged_at::JudgedAt;
use super::observation_store::Store;
use super::row::{Row, Verdict};
use super::row_builder::{Opinion, sort_rows};

/// How long no pair that pages may be over before a burn counts as ended: the short windows go to and fro.
pub(super) const CALM_S: i64 = 600;
/// A budget that was used up counts as there again from here on, in percent.
const REFILLED: f64 = 2.0;
/// The windows whose requests are shown, and whose age decides.
const NEWEST_S: u64 = 300;
const HOUR_S: u64 = 3_600;

/// An error budget, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBudget {
    /// The service (name) that it was promised for.
    pub service: String,
    /// Requests of a million that may fail.
    pub budget_ppm: u32,
    /// Over which time the budget is counted, seconds: a sliding period that ends now.
    pub period_s: u64,
    /// What the pairs say together; `Unknown` also where the source is stale or only partly readable.
    pub state: BurnState,
    /// The whole budget in minutes of complete failure.
    pub budget_min: f64,
    /// What is left of it, at most; below 0 where more was spent. `None` = not known.
    pub left_min: Option<f64>,
    /// `left_min` as a part of the whole budget, to a tenth; `None` together with it.
    pub left_percent: Option<f64>,
    /// How much of the period the data covers; `None` = not known, and then what is left is not known either.
    pub reach_s: Option<u64>,
    /// How fast it burns now, and over which window that is.
    pub burn: Option<f64>,
    /// The window of `burn`, seconds: of the first pair that is over the short one, else the first pair's long one.
    pub burn_over_s: u64,
    /// When nothing is left if it goes on like this.
    pub empty_at: Option<Stamp>,
    /// Requests in the last hour, or as far as data goes.
    pub requests: Option<f64>,
    /// One for each line of the burn table, in its order; empty until a figure was read.
    pub pairs: Vec<BurnPair>,
    /// Since when it burns at the rate of a page; stays until that has been over for a while.
    pub burning_since: Option<Stamp>,
    /// More was spent than there was.
    pub exhausted: bool,
}

impl ErrorBudget {
    /// What is left, in the words of every screen: `31.2 of 43.2 min left`.
    pub fn left_words(&self) -> String {
        let whole = self.budget_min;
        match self.left_min {
            None => format!("? of {whole} min left"),
            Some(left) if left < 0.0 => format!("{} min over the {whole} min", -left),
            Some(left) if self.is_bound() => format!("at most {left} of {whole} min left"),
            Some(left) => format!("{left} of {whole} min left"),
        }
    }

    /// The data does not cover the period: what is left is at most what is said.
    pub fn is_bound(&self) -> bool {
        self.reach_s.is_some_and(|reach| reach < self.period_s)
    }
}

/// What must outlast a single reading, so that transitions do not flap.
#[derive(Clone, Debug, Default)]
pub(super) struct Latches {
    by_service: BTreeMap<String, Latch>,
}

#[derive(Clone, Debug, Default)]
struct Latch {
    burning_since: Option<Stamp>,
    calm_since: Option<Stamp>,
    exhausted: bool,
}

/// Takes in that a Prometheus has reported.
pub(super) fn settle(latches: &mut Latches, targets: &[SloTarget], store: &Store, source: &SourceId, at: Stamp) {
    for target in targets.iter().filter(|target| target.prometheus == source.instance) {
        let Some(slo) = held(store, target).and_then(|(_, slo)| slo) else { continue };
        let (pairs, newest) = pairs(target, slo, JudgedAt::once(at));
        let latch = latches.by_service.entry(target.service.clone()).or_default();
        match burn_rate::state(&pairs, &newest) {
            BurnState::Page => {
                latch.burning_since.get_or_insert(at);
                latch.calm_since = None;
            }
            BurnState::Ok | BurnState::Ticket if latch.burning_since.is_some() => {
                let calm = *latch.calm_since.get_or_insert(at);
                if at - calm >= TimeDelta::seconds(CALM_S) {
                    *latch = Latch { exhausted: latch.exhausted, ..Latch::default() };
                }
            }
            // What can't be told is no calm.
            _ => latch.calm_since = None,
        }
        match left(target, slo, JudgedAt::once(at)).map(|left| left * 100.0) {
            Some(percent) if percent <= 0.0 => latch.exhausted = true,
            Some(percent) if percent >= REFILLED => latch.exhausted = false,
            _ => {}
        }
    }
}

fn source_of(target: &SloTarget) -> SourceId {
    SourceId::new(System::Prometheus, target.prometheus.as_str())
}

fn held<'a>(
    store: &'a Store,
    target: &SloTarget,
) -> Option<(&'a super::observation_store::StoredFact, Option<&'a Slo>)> {
    let held = store.source(&source_of(target))?.get(FactKind::Slo, &target.service)?;
    Some((held, if let Fact::Slo(slo) = &held.fact { Some(slo) } else { None }))
}

/// A window's reading, if it is fresh enough to be used.
fn reading(slo: &Slo, window_s: u64, now: JudgedAt<'_>) -> SloFigure {
    let Some(read) = slo.window(window_s) else { return SloFigure::Odd("not read yet".into()) };
    let fresh = TimeDelta::try_seconds(i64::try_from(read.fresh_for_s).unwrap_or(i64::MAX)).unwrap_or(TimeDelta::MAX);
    if now.is_older(read.at, fresh) { SloFigure::Odd("not read for too long".into()) } else { read.errors.clone() }
}

fn pairs(target: &SloTarget, slo: &Slo, now: JudgedAt<'_>) -> (Vec<BurnPair>, SloFigure) {
    let at = |window_s| reading(slo, window_s, now);
    let pairs = TABLE.iter().map(|rule| rule.judge(target, &at(rule.long_s), &at(rule.short_s))).collect();
    let newest = if slo.vanished { SloFigure::NoData } else { at(NEWEST_S) };
    (pairs, newest)
}

/// The part of the budget that is left, where the data says so: what it covers must be known.
fn left(target: &SloTarget, slo: &Slo, now: JudgedAt<'_>) -> Option<f64> {
    let reach = slo.reach_s()?.min(target.period_s);
    let errors = reading(slo, target.period_s, now).number()?;
    // Nothing is known of the time before the data: it is counted as good, so what is left is at most this.
    Some(burn_rate::left(target, errors * reach as f64 / target.period_s.max(1) as f64))
}

/// One row per promise.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let mut rows: Vec<Row> = board.slos.iter().map(|target| row(board, target, now)).collect();
    sort_rows(&mut rows, |row| row.id.clone());
    rows
}

fn row(board: &Board, target: &SloTarget, now: JudgedAt<'_>) -> Row {
    let id = source_of(target);
    let found = held(&board.store, target);
    let state = board.store.source(&id);
    let proof = match (found, state) {
        (Some((held, _)), Some(state)) => board.store.proof(&id, state, held, now),
        _ => board.store.proof_of_source(&id, now),
    };
    let mut opinion = Opinion::new(Verdict::Ok);
    let mut budget = budget(board, target, found.and_then(|(_, slo)| slo), proof.seen_at, now, &mut opinion);
    if proof.stale || proof.doubt.is_some() {
        budget.state = BurnState::Unknown;
    }
    opinion.row(format!("slo/{}", target.service), proof, budget)
}

fn budget(
    board: &Board,
    target: &SloTarget,
    slo: Option<&Slo>,
    seen_at: Stamp,
    now: JudgedAt<'_>,
    opinion: &mut Opinion,
) -> ErrorBudget {
    let latch = board.latches.by_service.get(&target.service).cloned().unwrap_or_default();
    let mut out = ErrorBudget {
        service: target.service.clone(),
        budget_ppm: target.budget_ppm,
        period_s: target.period_s,
        state: BurnState::Unknown,
        budget_min: rounded(burn_rate::budget_minutes(target)),
        left_min: None,
        left_percent: None,
        reach_s: None,
        burn: None,
        burn_over_s: HOUR_S,
        empty_at: None,
        requests: None,
        pairs: Vec::new(),
        burning_since: latch.burning_since,
        exhausted: latch.exhausted,
    };
    let Some(slo) = slo else {
        opinion.because(Verdict::Unknown, "no figure has been read yet");
        return out;
    };
    let (pairs, newest) = pairs(target, slo, now);
    out.state = burn_rate::state(&pairs, &newest);
    out.reach_s = slo.reach_s().map(|reach| reach.min(target.period_s));
    if let Some(left) = left(target, slo, now) {
        out.left_percent = Some((left * 1_000.0).round() / 10.0);
        out.left_min = Some((left * burn_rate::budget_minutes(target) * 10.0).round() / 10.0);
    }
    decide(&mut out, target, &pairs, left(target, slo, now), seen_at);
    out.requests = slo.window(HOUR_S).and_then(|read| read.requests).map(|requests| rounded(requests.round()));
    out.pairs = pairs;
    judge_burn(&out, slo, &newest, now, opinion);
    judge_budget(&out, target, slo, now, opinion);
    out
}

/// Which burn is shown, and when it leaves nothing: the short window knows what goes on now, the long one what was.
fn decide(out: &mut ErrorBudget, target: &SloTarget, pairs: &[BurnPair], left: Option<f64>, seen_at: Stamp) {
    let Some(pair) = burn_rate::deciding(pairs) else { return };
    let over = pair.over == Some(true);
    (out.burn, out.burn_over_s) = if over { (pair.short, pair.short_s) } else { (pair.long, pair.long_s) };
    let in_s = out.burn.zip(left).and_then(|(burn, left)| burn_rate::empty_in_s(target, left, burn));
    let at = in_s.and_then(|seconds| seen_at.checked_add_signed(TimeDelta::try_seconds(i64::try_from(seconds).ok()?)?));
    out.empty_at = at.and_then(|at| at.duration_round(TimeDelta::minutes(1)).ok());
}

fn judge_burn(out: &ErrorBudget, slo: &Slo, newest: &SloFigure, now: JudgedAt<'_>, opinion: &mut Opinion) {
    let says = |pair: &BurnPair| {
        let times = |burn: Option<f64>| burn.map_or("?".to_owned(), |burn| format!("{burn}"));
        let (long, short) = (words(pair.long_s), words(pair.short_s));
        format!("burns {}× over {long} and {}× over {short}", times(pair.long), times(pair.short))
    };
    let pair = burn_rate::deciding(&out.pairs);
    match out.state {
        BurnState::Page => opinion.because(Verdict::Critical, pair.map(says).unwrap_or_default()),
        BurnState::Ticket => opinion.because(Verdict::Warning, pair.map(says).unwrap_or_default()),
        BurnState::Ok => {}
        BurnState::NoTraffic => opinion.because(Verdict::Unknown, "no requests in the last 5 min"),
        BurnState::NoData if !slo.vanished => opinion.because(Verdict::Unknown, "nothing is measured: no such series"),
        BurnState::NoData | BurnState::Unknown => {}
    }
    if slo.vanished {
        opinion.because(Verdict::Unknown, "its counters have vanished: what counted them is not scraped any more");
    }
    if let (BurnState::Unknown, Some((window, why))) = (out.state, first_odd(slo, newest, now)) {
        opinion.because(Verdict::Unknown, format!("{}: {why}", words(window)));
    }
    if !slo.warnings.is_empty() {
        let said: Vec<&str> = slo.warnings.iter().map(|it| it.as_str()).collect();
        opinion.because(Verdict::Unknown, format!("partial data: {}", said.join(", ")));
    }
    if slo.errors_seen == Some(false) {
        // Also what a query that can match nothing looks like: nothing proves that errors would be seen.
        opinion.because(Verdict::Info, "not one error was ever counted");
    }
    let hour = TABLE.first().map_or(1.0, |rule| rule.factor(out.period_s)) * f64::from(out.budget_ppm) / 1e6;
    if let Some(requests) = out.requests.filter(|it| *it > 0.0 && 1.0 / it > hour) {
        opinion.mention(format!("only {requests} requests in 1 h: a single error would be over"));
    }
}

/// The first window that keeps the state from being known.
fn first_odd(slo: &Slo, newest: &SloFigure, now: JudgedAt<'_>) -> Option<(u64, String)> {
    let why = |reading: &SloFigure| match reading {
        SloFigure::Number(_) => None,
        SloFigure::NoTraffic => Some("no traffic".to_owned()),
        SloFigure::NoData => Some("no data".to_owned()),
        SloFigure::Odd(why) => Some(why.to_string()),
    };
    let first = why(newest).map(|why| (NEWEST_S, why));
    let windows = crate::model::slo::WINDOWS.into_iter();
    first.or_else(|| windows.filter_map(|window| Some((window, why(&reading(slo, window, now))?))).next())
}

fn judge_budget(out: &ErrorBudget, target: &SloTarget, slo: &Slo, now: JudgedAt<'_>, opinion: &mut Opinion) {
    let period = words(target.period_s);
    match (out.reach_s, out.left_min) {
        (None, _) => {
            let what = format!("how much of {period} its data covers is not known, so neither is what is left");
            opinion.because(Verdict::Unknown, what);
        }
        (_, None) => {
            let why = match reading(slo, target.period_s, now) {
                SloFigure::Odd(why) => why.to_string(),
                SloFigure::NoTraffic => "no requests".to_owned(),
                _ => "no data".to_owned(),
            };
            opinion.because(Verdict::Unknown, format!("what is left is not known: over {period}: {why}"));
        }
        (Some(reach), Some(_)) if reach < target.period_s => {
            let what = format!("what is left is at most that: over {} of data, not {period}", words(reach));
            opinion.because(Verdict::Info, what);
        }
        _ => {}
    }
    match out.left_min {
        Some(left) if left <= 0.0 => {
            opinion.because(Verdict::Warning, format!("the budget of {} min is used up", out.budget_min));
        }
        _ => {}
    }
}
