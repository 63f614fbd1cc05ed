//! Service level objectives: what was promised, and what a Prometheus says about it. Figures only; what they mean is
//! the board's to judge.

use serde::{Deserialize, Serialize};

use super::open_enum::Open;
use super::{SafeText, Stamp};

/// Every window of the burn table, in seconds, the shortest first.
pub const WINDOWS: [u64; 7] = [300, 1_800, 3_600, 7_200, 21_600, DAY, 3 * DAY];
/// Windows from here on are asked less often.
pub const LONG: u64 = DAY;
const DAY: u64 = 86_400;

/// What was promised for a service: so many of its requests may fail within a period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SloTarget {
    /// The service (name) that it was promised for.
    pub service: String,
    /// The Prometheus (its name) that is asked.
    pub prometheus: String,
    /// Requests of a million that may fail: 1000 for an objective of 99.9 %.
    pub budget_ppm: u32,
    /// Over which time the budget is counted, seconds: a sliding period that ends now.
    pub period_s: u64,
}

impl SloTarget {
    /// The part of all requests that may fail: 0.001 for an objective of 99.9 %.
    pub fn budget(&self) -> f64 {
        f64::from(self.budget_ppm) / 1e6
    }
}

/// One figure as it came: a number, or why there is none. A missing figure is never 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SloFigure {
    /// A part of 1; the server's own rounding over 1 is cut to 1.
    Number(f64),
    /// NaN: nothing was requested, so nothing can be said of errors.
    NoTraffic,
    /// Empty: no series of that kind in the window.
    NoData,
    /// An answer that is no figure: an error, more than one series, more errors than requests.
    Odd(SafeText),
}

impl SloFigure {
    /// The figure, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Number(it) => Some(*it),
            _ => None,
        }
    }
}

/// What was read over one window, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowRead {
    /// How far back it looks, seconds: one of [`WINDOWS`], or the whole period.
    pub window_s: u64,
    /// The part of requests that failed, 0 to 1.
    pub errors: SloFigure,
    /// How many requests that was counted over, if it is known.
    pub requests: Option<f64>,
    /// When it was asked, on the room's clock.
    pub at: Stamp,
    /// Long windows are asked less often: this one counts as fresh for so long after `at`.
    pub fresh_for_s: u64,
}

/// What a Prometheus says about one service's objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slo {
    /// The service (name) of the target.
    pub service: String,
    /// One of each window of the burn table, and the whole period.
    pub windows: Vec<WindowRead>,
    /// The counters are not there right now, though the windows still remember them: the target has vanished.
    pub vanished: bool,
    /// Whether any error was ever counted in the period; `None` = not known. False may be a query that can't match.
    pub errors_seen: Option<bool>,
    /// How far back this Prometheus keeps data; `None` = not known, or limited by size only.
    pub retention_s: Option<u64>,
    /// How much of the period the counters were seen in; `None` = not known.
    pub covered_s: Option<u64>,
    /// Answers were partial, in the server's words.
    pub warnings: Vec<SafeText>,
    /// What the server remarked on the queries.
    pub notes: Vec<SafeText>,
}

impl Slo {
    /// What was read over a window.
    pub fn window(&self, window_s: u64) -> Option<&WindowRead> {
        self.windows.iter().find(|it| it.window_s == window_s)
    }

    /// How much of the period the figures can rest on: no more than what is kept, and what was seen.
    pub fn reach_s(&self) -> Option<u64> {
        [self.retention_s, self.covered_s].into_iter().flatten().min()
    }
}

/// One alerting rule, and whether Prometheus can evaluate it: of one that it can't, silence is no good news. What a rule
/// holds is told by Alertmanager.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRule {
    /// The rule group that it is in.
    pub group: SafeText,
    /// Its `alert` name.
    pub name: SafeText,
    /// Place of the rule among those with the same name and group.
    pub nth: u32,
    /// `ok`, `err`, `unknown`.
    pub health: Open,
    /// Why it could not be evaluated, in the server's words; empty while it can.
    pub last_error: SafeText,
}
