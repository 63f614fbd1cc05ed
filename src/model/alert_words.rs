//! The words by which a team's alerts say how grave they are, and the names of the alerts that only prove that alerts arrive.

use serde::{Deserialize, Serialize};

/// How grave an alert is, by the words of whoever wrote its rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertGrade {
    /// Somebody is called for it.
    Critical,
    /// Whatever is in none of the other lists.
    #[default]
    Warning,
    /// Its severity is one of [`AlertWords::info`]: only for the record.
    Info,
    /// It always fires: while it is seen, alerts arrive. How grave it calls itself says nothing.
    Heartbeat,
}

/// Which labels and words mean what. Words are compared without case and without blanks around them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertWords {
    /// Labels that say how grave an alert is; the first that an alert has counts.
    pub severity_labels: Vec<String>,
    /// Values that call a person.
    pub critical: Vec<String>,
    /// Values that are only for the record.
    pub info: Vec<String>,
    /// Names of alerts that always fire. Empty: nothing is expected to prove that alerts arrive.
    pub heartbeats: Vec<String>,
}

/// The usual words of kube-prometheus, mixins, Zabbix, Opsgenie and PagerDuty.
const LABELS: [&str; 3] = ["severity", "priority", "level"];
const CRITICAL: [&str; 14] = [
    "critical",
    "crit",
    "page",
    "emergency",
    "emerg",
    "fatal",
    "disaster",
    "blocker",
    "p0",
    "p1",
    "sev0",
    "sev1",
    "sev-0",
    "sev-1",
];
const INFO: [&str; 7] = ["info", "informational", "information", "notice", "none", "debug", "ok"];
/// `DeadMansSwitch` was the name in kube-prometheus before `Watchdog`; the others are those of other charts and vendors.
const HEARTBEATS: [&str; 6] = [
    "Watchdog",
    "DeadMansSwitch",
    "DeadMansSnitch",
    "DeadManSwitch",
    "Heartbeat",
    "PrometheusAlertmanagerE2eDeadManSwitch",
];

impl Default for AlertWords {
    fn default() -> Self {
        let list = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Self {
            severity_labels: list(&LABELS),
            critical: list(&CRITICAL),
            info: list(&INFO),
            heartbeats: list(&HEARTBEATS),
        }
    }
}

/// Whether a list holds a word, whatever its case.
pub fn holds(words: &[String], word: &str) -> bool {
    words.iter().any(|known| known.trim().eq_ignore_ascii_case(word.trim()))
}

impl AlertWords {
    /// The value by which an alert says how grave it is; empty where it does not.
    pub fn severity<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> &'a str {
        self.severity_labels.iter().find_map(|name| label(name)).map(str::trim).unwrap_or_default()
    }

    /// What an alert of this name and severity is.
    pub fn grade(&self, name: &str, severity: &str) -> AlertGrade {
        match severity {
            _ if holds(&self.heartbeats, name) => AlertGrade::Heartbeat,
            word if holds(&self.critical, word) => AlertGrade::Critical,
            word if holds(&self.info, word) => AlertGrade::Info,
            _ => AlertGrade::Warning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_many_shops_mean_the_same_whatever_their_case() {
        let words = AlertWords::default();
        for critical in ["critical", "Critical", "critical ", "PAGE", "P1", "sev1", "disaster", "Emergency"] {
            assert_eq!(words.grade("X", critical), AlertGrade::Critical, "{critical}");
        }
        for info in ["info", "None", " debug", "Informational"] {
            assert_eq!(words.grade("X", info), AlertGrade::Info, "{info}");
        }
        for warning in ["warning", "error", "high", "P2", "", "3"] {
            assert_eq!(words.grade("X", warning), AlertGrade::Warning, "{warning}");
        }
        for heartbeat in ["Watchdog", "watchdog", "DeadMansSwitch"] {
            assert_eq!(words.grade(heartbeat, "critical"), AlertGrade::Heartbeat, "{heartbeat}");
        }
    }

    #[test]
    fn the_first_label_that_an_alert_has_counts() {
        let words = AlertWords::default();
        let of = |labels: &[(&str, &'static str)]| {
            words.severity(|name| labels.iter().find(|(known, _)| *known == name).map(|(_, value)| *value))
        };
        assert_eq!(of(&[("priority", "P1"), ("severity", " warning ")]), "warning");
        assert_eq!(of(&[("level", "page")]), "page");
        assert_eq!(of(&[("grade", "page")]), "");
    }
}
