//! Service level objectives: what was promised, and what a Prometheus says about it. Figures only; what they mean is
//! the board's to judge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facts::Open;
use super::{SafeText, Stamp};

/// Every window of the burn table, in seconds, the shortest first.
pub const WINDOWS: [u64; 7] = [300, 1_800, 3_600, 7_200, 21_600, DAY, 3 * DAY];
/// Windows from here on are asked less often.
pub const LONG: u64 = DAY;
const DAY: u64 = 86_400;

/// What was promised for a service: so many of its requests may fail within a period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SloTarget {
    pub service: String,
    /// The Prometheus (its name) that is asked.
    pub prometheus: String,
    /// Requests of a million that may fail: 1000 for an objective of 99.9 %.
    pub budget_ppm: u32,
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
pub enum Reading {
    Number(f64),
    /// NaN: nothing was requested, so nothing can be said of errors.
    NoTraffic,
    /// Empty: no series of that kind in the window.
    NoData,
    /// An answer that is no figure: an error, more than one series, more errors than requests.
    Odd(SafeText),
}

impl Reading {
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
    pub window_s: u64,
    /// The part of requests that failed, 0 to 1.
    pub errors: Reading,
    /// How many requests that was counted over, if it is known.
    pub requests: Option<f64>,
    pub at: Stamp,
    /// Long windows are asked less often: this one counts as fresh for so long after `at`.
    pub fresh_for_s: u64,
}

/// What a Prometheus says about one service's objective.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Slo {
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

/// One alerting rule as Prometheus evaluates it, with the alerts that it holds now. External labels are not on these
/// alerts; Alertmanager's copies have them on top.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRule {
    pub group: SafeText,
    pub name: SafeText,
    /// Place of the rule among those with the same name and group.
    pub nth: u32,
    /// `inactive`, `pending`, `firing`.
    pub state: Open,
    /// `ok`, `err`, `unknown`.
    pub health: Open,
    pub last_evaluation: Option<Stamp>,
    pub last_error: SafeText,
    pub alerts: Vec<RuleAlert>,
    /// The list of alerts was cut: not being in it proves nothing.
    pub cut: bool,
}

/// One alert of a rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleAlert {
    pub labels: BTreeMap<String, SafeText>,
    /// `pending`, `firing`.
    pub state: Open,
    pub active_at: Option<Stamp>,
    /// As it was written: `0e+00`, `NaN`.
    pub value: SafeText,
}

impl AlertRule {
    /// The alert among this rule's that an Alertmanager holds under these labels, if the rule still has it: every label
    /// here is there too, with the same value.
    pub fn alert_with(&self, labels: &BTreeMap<String, SafeText>) -> Option<&RuleAlert> {
        self.alerts.iter().find(|it| !it.labels.is_empty() && it.labels.iter().all(|(k, v)| labels.get(k) == Some(v)))
    }

    /// What this rule says of such an alert: `Some(true)` = it is pending or firing, `Some(false)` = the rule was
    /// evaluated well after `since` and the alert is not among its alerts, `None` = it can't tell.
    pub fn says(&self, labels: &BTreeMap<String, SafeText>, since: Stamp) -> Option<bool> {
        if labels.get("alertname") != Some(&self.name) {
            return None;
        }
        if self.alert_with(labels).is_some() {
            return Some(true);
        }
        let told = self.health.is("ok") && !self.cut && self.last_evaluation.is_some_and(|at| at > since);
        told.then_some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(all: &[(&str, &str)]) -> BTreeMap<String, SafeText> {
        all.iter().map(|(k, v)| ((*k).to_owned(), SafeText::new(v))).collect()
    }

    #[test]
    fn a_rule_vouches_only_for_what_it_evaluated_well_since() {
        let at = |text: &str| text.parse::<Stamp>().expect("an instant");
        let held = RuleAlert {
            labels: labels(&[("alertname", "Down"), ("job", "shop")]),
            state: Open::new("pending"),
            active_at: None,
            value: SafeText::new("0e+00"),
        };
        let rule = AlertRule {
            group: "g".into(),
            name: "Down".into(),
            nth: 0,
            state: Open::new("firing"),
            health: Open::new("ok"),
            last_evaluation: Some(at("2026-03-02T14:41:00Z")),
            last_error: SafeText::default(),
            alerts: vec![held],
            cut: false,
        };
        // External labels come on top at the Alertmanager.
        let ours = labels(&[("alertname", "Down"), ("job", "shop"), ("cluster", "primary")]);
        let other = labels(&[("alertname", "Down"), ("job", "api")]);
        let before = at("2026-03-02T14:40:00Z");
        assert_eq!(rule.says(&ours, before), Some(true), "a pending alert is not over");
        assert_eq!(rule.says(&other, before), Some(false));
        assert_eq!(rule.says(&other, at("2026-03-02T14:41:00Z")), None, "not evaluated since");
        assert_eq!(rule.says(&labels(&[("alertname", "Up")]), before), None, "another rule's");
        let sick = AlertRule { health: Open::new("err"), ..rule.clone() };
        assert_eq!(sick.says(&other, before), None);
        let cut = AlertRule { cut: true, ..rule };
        assert_eq!(cut.says(&other, before), None);
    }
}
