//! The arithmetic of error budgets: how fast each window burns, whether a pair of windows is over, what is left. Pure.
//!
//! A burn of 1 uses up exactly the budget within the period. An alert needs a long and a short window over the same
//! threshold: the long one says that it matters, the short one that it goes on.

use serde::{Deserialize, Serialize};

use crate::model::slo::{SloFigure, SloTarget};

/// How an error budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BurnState {
    /// Burns so fast that a person is needed now.
    Page,
    /// Burns fast enough for a look in working hours.
    Ticket,
    /// No pair of windows is over.
    Ok,
    /// Nothing is requested: errors can't be told.
    NoTraffic,
    /// No series: nothing is measured.
    NoData,
    /// A figure is missing, odd or too old.
    Unknown,
}

impl BurnState {
    /// The words on the screen.
    pub fn words(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Ok => "ok",
            Self::NoTraffic => "no traffic",
            Self::NoData => "no data",
            Self::Unknown => "unknown",
        }
    }
}

/// A line of the burn table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BurnRule {
    pub page: bool,
    pub long_s: u64,
    pub short_s: u64,
    /// The part of the budget that may be spent within the long window.
    pub share: f64,
}

/// Two pairs that call someone, two that make a ticket.
pub(super) const TABLE: [BurnRule; 4] = [
    BurnRule { page: true, long_s: 3_600, short_s: 300, share: 0.02 },
    BurnRule { page: true, long_s: 21_600, short_s: 1_800, share: 0.05 },
    BurnRule { page: false, long_s: 86_400, short_s: 7_200, share: 0.10 },
    BurnRule { page: false, long_s: 259_200, short_s: 21_600, share: 0.10 },
];

/// A pair of windows as it was judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BurnPair {
    /// A person is needed at once if the pair is over; else a ticket is enough.
    pub page: bool,
    /// The long window, in seconds.
    pub long_s: u64,
    /// The short window, in seconds; over only in the long one, the burn has ended.
    pub short_s: u64,
    /// Both burn faster than this: over.
    pub factor: f64,
    /// The burn over the long window, to three places; `None` = that window's errors are not known.
    pub long: Option<f64>,
    /// The burn over the short window, to three places; `None` = that window's errors are not known.
    pub short: Option<f64>,
    /// `None` = can't be told.
    pub over: Option<bool>,
}

impl BurnRule {
    /// The burn at which the share is spent within the long window: 14.4 for 2 % of 30 d in an hour.
    pub(super) fn factor(&self, period_s: u64) -> f64 {
        self.share * period_s as f64 / self.long_s as f64
    }

    /// Judges the pair. One window that is surely not over decides, whatever the other one is.
    pub(super) fn judge(&self, target: &SloTarget, long: &SloFigure, short: &SloFigure) -> BurnPair {
        let factor = self.factor(target.period_s);
        let is_over = |reading: &SloFigure| reading.number().map(|errors| errors > factor * target.budget());
        let over = match (is_over(long), is_over(short)) {
            (Some(true), Some(true)) => Some(true),
            (Some(false), _) | (_, Some(false)) => Some(false),
            _ => None,
        };
        let burn = |reading: &SloFigure| reading.number().map(|errors| rounded(errors / target.budget()));
        BurnPair {
            page: self.page,
            long_s: self.long_s,
            short_s: self.short_s,
            factor: rounded(factor),
            long: burn(long),
            short: burn(short),
            over,
        }
    }
}

/// What the pairs say together; `newest` is the shortest window's reading. Nothing missing ever counts as good.
pub(super) fn state(pairs: &[BurnPair], newest: &SloFigure) -> BurnState {
    let over = |page| pairs.iter().any(|pair| pair.page == page && pair.over == Some(true));
    match newest {
        _ if over(true) => BurnState::Page,
        _ if over(false) => BurnState::Ticket,
        SloFigure::NoTraffic => BurnState::NoTraffic,
        SloFigure::NoData => BurnState::NoData,
        SloFigure::Odd(_) => BurnState::Unknown,
        SloFigure::Number(_) if pairs.is_empty() || pairs.iter().any(|pair| pair.over.is_none()) => BurnState::Unknown,
        SloFigure::Number(_) => BurnState::Ok,
    }
}

/// The pair that decides what is shown: the first that is over, the first of all otherwise.
pub(super) fn deciding(pairs: &[BurnPair]) -> Option<&BurnPair> {
    pairs.iter().find(|pair| pair.over == Some(true)).or_else(|| pairs.first())
}

/// The whole budget in minutes of complete failure at even traffic: 43.2 for 99.9 % over 30 d.
pub(super) fn budget_minutes(target: &SloTarget) -> f64 {
    target.budget() * target.period_s as f64 / 60.0
}

/// The part of the budget that is left, below 0 where more was spent than there was.
pub(super) fn left(target: &SloTarget, errors: f64) -> f64 {
    1.0 - errors / target.budget()
}

/// Seconds until what is left is spent at this burn. `None` where it never is: at a burn of 1 or less the period forgets
/// old errors as fast as new ones come.
pub(super) fn empty_in_s(target: &SloTarget, left: f64, burn: f64) -> Option<u64> {
    (burn > 1.0 && left > 0.0).then(|| (left * target.period_s as f64 / burn) as u64)
}

/// Three significant places: a row must not change with every request.
pub(super) fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 2 - value.abs().log10().floor() as i32;
    // Dividing by a power of ten, not multiplying by its inverse, gives the number that prints short.
    if digits >= 0 {
        let scale = 10f64.powi(digits);
        (value * scale).round() / scale
    } else {
        let scale = 10f64.powi(-digits);
        (value / scale).round() * scale
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(budget_ppm: u32, days: u64) -> SloTarget {
        SloTarget { service: "shop".into(), prometheus: "p".into(), budget_ppm, period_s: days * 86_400 }
    }

    fn number(errors: f64) -> SloFigure {
        SloFigure::Number(errors)
    }

    #[test]
    fn the_table_is_the_one_of_the_book_for_99_9_over_30_days() {
        let target = target(1_000, 30);
        let lines: Vec<(f64, f64)> = TABLE
            .iter()
            .map(|rule| (rule.factor(target.period_s), rule.factor(target.period_s) * target.budget()))
            .map(|(factor, errors)| (rounded(factor), rounded(errors)))
            .collect();
        assert_eq!(lines, [(14.4, 0.0144), (6.0, 0.006), (3.0, 0.003), (1.0, 0.001)]);
        for rule in TABLE {
            assert_eq!(rule.long_s / rule.short_s, 12, "a short window is a twelfth of its long one");
        }
    }

    #[test]
    fn budgets_in_minutes_for_other_promises() {
        for (ppm, days, minutes) in
            [(1_000, 30, 43.2), (100, 30, 4.32), (500, 28, 20.16), (10_000, 7, 100.8), (50_000, 30, 2_160.0)]
        {
            assert!((budget_minutes(&target(ppm, days)) - minutes).abs() < 1e-9, "{ppm} over {days} d");
        }
    }

    #[test]
    fn what_is_left_and_how_long_it_lasts() {
        let target = target(1_000, 30);
        // 0.02 % of the month's requests failed: a fifth of 0.1 %.
        assert!((left(&target, 0.0002) - 0.8).abs() < 1e-12);
        assert!((left(&target, 0.0015) + 0.5).abs() < 1e-12, "half as much again as there was");
        // 80 % left, everything fails: 0.8 of 43.2 min.
        assert_eq!(empty_in_s(&target, 0.8, 1_000.0), Some(2_073));
        // 14.4 spends 2 % an hour, so the whole in 50 hours.
        assert_eq!(empty_in_s(&target, 1.0, 14.4), Some(50 * 3_600));
        assert_eq!(empty_in_s(&target, 0.5, 1.0), None);
        assert_eq!(empty_in_s(&target, -0.1, 20.0), None);
    }

    #[test]
    fn what_is_missing_is_never_ok() {
        let target = target(1_000, 30);
        let judge = |at: fn(u64) -> SloFigure| {
            let pairs: Vec<BurnPair> =
                TABLE.iter().map(|rule| rule.judge(&target, &at(rule.long_s), &at(rule.short_s))).collect();
            state(&pairs, &at(300))
        };
        assert_eq!(judge(|_| number(0.0)), BurnState::Ok);
        assert_eq!(judge(|_| SloFigure::NoData), BurnState::NoData);
        // Good hours do not speak for five minutes without a request.
        assert_eq!(judge(|w| if w == 300 { SloFigure::NoTraffic } else { number(0.0) }), BurnState::NoTraffic);
        assert_eq!(judge(|w| if w == 300 { SloFigure::NoData } else { number(0.0) }), BurnState::NoData);
        assert_eq!(judge(|w| if w == 300 { SloFigure::Odd("no".into()) } else { number(0.0) }), BurnState::Unknown);
        // A long window alone that can't be read leaves its pair open if its short one is over.
        assert_eq!(judge(|w| if w == 259_200 { SloFigure::NoData } else { number(0.0015) }), BurnState::Unknown);
        // A total outage ends the requests too: the pair of longer windows still remembers it.
        assert_eq!(judge(|w| if w == 300 { SloFigure::NoTraffic } else { number(0.5) }), BurnState::Page);
        assert_eq!(state(&[], &number(0.0)), BurnState::Unknown);
    }

    #[test]
    fn three_places_are_kept() {
        for (value, kept) in [(0.0, 0.0), (14.4449, 14.4), (999.6, 1_000.0), (1_234.0, 1_230.0), (0.0144, 0.0144)] {
            assert_eq!(rounded(value).to_string(), kept.to_string());
        }
    }

    proptest! {
        #[test]
        fn a_pair_pages_if_and_only_if_both_windows_are_over(
            long in 0.0f64..0.05, short in 0.0f64..0.05, ppm in 100u32..20_000, days in 7u64..90, which in 0usize..4
        ) {
            let (target, rule) = (target(ppm, days), TABLE[which]);
            let pair = rule.judge(&target, &number(long), &number(short));
            let limit = rule.share * (days * 86_400) as f64 / rule.long_s as f64 * f64::from(ppm) / 1e6;
            prop_assert_eq!(pair.over, Some(long > limit && short > limit));
            // One unreadable window: over can't be said any more, not over still can.
            let half = rule.judge(&target, &SloFigure::NoData, &number(short));
            prop_assert_eq!(half.over, (short <= limit).then_some(false));
        }

        #[test]
        fn page_beats_ticket_and_nothing_beats_page(
            ratios in proptest::collection::vec(proptest::option::of(0.0f64..0.05), 7)
        ) {
            let target = target(1_000, 30);
            let windows = crate::model::slo::WINDOWS;
            let at = |window: u64| {
                let place = windows.iter().position(|it| *it == window).expect("a window of the table");
                ratios[place].map_or(SloFigure::NoData, number)
            };
            let pairs: Vec<BurnPair> =
                TABLE.iter().map(|rule| rule.judge(&target, &at(rule.long_s), &at(rule.short_s))).collect();
            let both = |rule: &BurnRule| {
                let limit = rule.factor(target.period_s) * target.budget();
                [rule.long_s, rule.short_s].iter().all(|w| at(*w).number().is_some_and(|errors| errors > limit))
            };
            let found = state(&pairs, &at(300));
            prop_assert_eq!(found == BurnState::Page, TABLE[..2].iter().any(both));
            prop_assert_eq!(found == BurnState::Ticket, !TABLE[..2].iter().any(both) && TABLE[2..].iter().any(both));
            if found == BurnState::Ok {
                prop_assert!(ratios[0].is_some(), "never ok without the newest window");
            }
        }
    }
}
