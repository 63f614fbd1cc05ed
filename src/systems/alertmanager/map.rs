//! API objects → facts. Pure. Lenient where versions differ: `mutedBy` is absent before 0.28, cluster names without a cluster,
//! sets of matchers before 0.32.

use std::collections::BTreeMap;

use chrono::Datelike;
use serde::Deserialize;
use serde_json::Value;

use crate::model::facts::{Alert, AlertPeer, MUTE, Matcher, Open, Silence};
use crate::model::{AlertGrade, AlertWords, SafeText, Stamp};

const MAX_LABELS: usize = 64;
const MAX_REFS: usize = 32;
const MAX_MATCHERS: usize = 64;

/// A gettableAlert. Only what identifies it is required.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawAlert {
    fingerprint: String,
    labels: BTreeMap<String, String>,
    annotations: Option<BTreeMap<String, String>>,
    starts_at: Option<Stamp>,
    #[serde(rename = "generatorURL")]
    generator_url: Option<String>,
    receivers: Option<Vec<RawReceiver>>,
    status: RawStatus,
}

#[derive(Debug, Deserialize)]
struct RawReceiver {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStatus {
    state: String,
    silenced_by: Option<Vec<String>>,
    inhibited_by: Option<Vec<String>>,
    muted_by: Option<Vec<String>>,
}

/// The alerts of one list as they come in, each once; the least needed give way where there are too many.
#[derive(Debug)]
pub struct GatheredAlerts<'a> {
    words: &'a AlertWords,
    most: usize,
    kept: BTreeMap<String, Alert>,
    /// How many there are, kept or not.
    pub total: usize,
}

impl<'a> GatheredAlerts<'a> {
    /// Keeps at most so many.
    pub fn new(words: &'a AlertWords, most: usize) -> Self {
        Self { words, most, kept: BTreeMap::new(), total: 0 }
    }

    /// Takes in the next one.
    pub fn add(&mut self, raw: RawAlert) {
        let alert = alert(raw, self.words);
        self.total += usize::from(self.kept.insert(alert.fingerprint.clone(), alert).is_none());
        // Now and then, so that the cost of choosing is spread over many.
        if self.kept.len() >= self.most.saturating_mul(2) {
            let chosen = self.chosen();
            self.kept = chosen.into_iter().map(|alert| (alert.fingerprint.clone(), alert)).collect();
        }
    }

    fn chosen(&mut self) -> Vec<Alert> {
        let mut all: Vec<Alert> = std::mem::take(&mut self.kept).into_values().collect();
        all.sort_by_key(rank);
        all.truncate(self.most);
        all
    }

    /// The gravest, the gravest first.
    pub fn finish(mut self) -> Vec<Alert> {
        self.chosen()
    }
}

/// What decides which alerts are kept where there are more than are kept, the gravest and loudest first.
pub fn rank(alert: &Alert) -> (AlertGrade, bool, Option<Stamp>) {
    (
        if alert.grade == AlertGrade::Heartbeat { AlertGrade::Critical } else { alert.grade },
        !alert.state.is("active"),
        alert.starts_at,
    )
}

/// One alert, as these words mean it.
pub fn alert(raw: RawAlert, words: &AlertWords) -> Alert {
    let text = |name: &str| raw.labels.get(name).map(String::as_str);
    let name =
        text("alertname").filter(|name| !name.trim().is_empty()).map_or_else(|| unnamed(&raw.labels), SafeText::new);
    let severity = words.severity(text);
    let annotations = raw.annotations.unwrap_or_default();
    let annotation = |keys: &[&str]| {
        keys.iter().find_map(|key| annotations.get(*key)).map(|text| SafeText::new(text)).unwrap_or_default()
    };
    let summary = annotation(&["summary", "message", "title", "description"]);
    let description = annotation(&["description", "message"]);
    // A time interval that mutes an alert does to a person what a silence does: nobody is called.
    let silenced_by = raw.status.silenced_by.into_iter().flatten();
    let muted_by = raw.status.muted_by.into_iter().flatten().map(|name| format!("{MUTE}{name}"));
    Alert {
        fingerprint: clean(&raw.fingerprint),
        grade: words.grade(name.as_str(), severity),
        name,
        severity: Open::new(severity),
        description: if description == summary { SafeText::default() } else { description },
        summary,
        runbook_url: annotation(&["runbook_url", "runbook", "runbookURL", "playbook", "playbook_url"]),
        generator_url: raw.generator_url.map(|url| SafeText::new(&url)).unwrap_or_default(),
        // A time that no clock of ours can have shown is none: what follows computes with it.
        starts_at: raw.starts_at.filter(|at| (1970..10_000).contains(&at.year())),
        state: Open::new(&raw.status.state),
        silenced_by: refs(silenced_by.chain(muted_by)),
        inhibited_by: refs(raw.status.inhibited_by.into_iter().flatten()),
        receivers: raw.receivers.iter().flatten().take(MAX_REFS).map(|it| SafeText::new(&it.name)).collect(),
        labels: raw.labels.iter().take(MAX_LABELS).map(|(key, value)| (clean(key), SafeText::new(value))).collect(),
    }
}

/// What an alert without a name is called: by the first label that says what it is about, else by all it has.
fn unnamed(labels: &BTreeMap<String, String>) -> SafeText {
    const TELLING: [&str; 8] = ["alert", "rule", "rulename", "check", "service", "job", "instance", "namespace"];
    let told =
        TELLING.iter().find_map(|name| labels.get(*name).filter(|it| !it.trim().is_empty()).map(|it| (*name, it)));
    match told {
        Some((label, value)) => SafeText::new(&format!("alert without a name, {label} {value}")),
        None if labels.is_empty() => SafeText::new("alert without a name or labels"),
        None => {
            let all: Vec<String> = labels.iter().take(4).map(|(name, value)| format!("{name} {value}")).collect();
            SafeText::new(&format!("alert without a name, {}", all.join(", ")))
        }
    }
}

fn refs(ids: impl Iterator<Item = String>) -> Vec<String> {
    ids.take(MAX_REFS).map(|id| clean(&id)).collect()
}

fn clean(text: &str) -> String {
    SafeText::new(text).to_string()
}

/// The instance's word on itself. Its configuration is in the same answer and is never looked at: it may hold secrets.
pub fn peer(instance: &str, status: &Value) -> AlertPeer {
    let text = |pointer: &str| status.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    AlertPeer {
        instance: instance.to_owned(),
        cluster_status: Open::new(text("/cluster/status")),
        version: SafeText::new(text("/versionInfo/version")),
        started: text("/uptime").parse().ok(),
        name: SafeText::new(text("/cluster/name")),
        silences_read: false,
    }
}

/// A gettableSilence, or what a later version makes of it. Only the id is required.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawSilence {
    /// A UUID that Alertmanager gives; the only thing that names a silence.
    pub id: String,
    status: Option<RawState>,
    matchers: Option<Vec<RawMatcher>>,
    matcher_sets: Option<Vec<Value>>,
    created_by: Option<String>,
    /// A silence that the room made ends with its mark: by that it is found again.
    pub comment: Option<String>,
    starts_at: Option<Stamp>,
    ends_at: Option<Stamp>,
}

#[derive(Debug, Deserialize)]
struct RawState {
    state: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawMatcher {
    name: String,
    value: String,
    #[serde(default)]
    is_regex: bool,
    /// Absent before 0.22, and then true.
    is_equal: Option<bool>,
}

/// All silences of one instance: those in force first, then those to come, then the latest that ended.
pub fn silences(raw: Vec<RawSilence>) -> Vec<Silence> {
    let rank = |state: &Open| match state.as_str() {
        "active" => 0,
        "pending" => 1,
        "expired" => 3,
        _ => 2,
    };
    let unique: BTreeMap<String, Silence> = raw.into_iter().map(silence).map(|it| (it.id.clone(), it)).collect();
    let mut all: Vec<Silence> = unique.into_values().collect();
    all.sort_by_key(|it| (rank(&it.state), std::cmp::Reverse(it.ends_at)));
    all
}

/// One silence.
pub fn silence(raw: RawSilence) -> Silence {
    let possible = |at: &Stamp| (1970..10_000).contains(&at.year());
    let matcher = |it: &RawMatcher| Matcher {
        name: SafeText::new(&it.name),
        value: SafeText::new(&it.value),
        regex: it.is_regex,
        equal: it.is_equal.unwrap_or(true),
    };
    Silence {
        id: clean(&raw.id),
        state: raw.status.map(|it| Open::new(&it.state)).unwrap_or_default(),
        matchers: raw.matchers.iter().flatten().take(MAX_MATCHERS).map(matcher).collect(),
        // What is not all here must not be judged as all: more sets, or more matchers than are kept.
        more_sets: raw.matcher_sets.is_some_and(|sets| !sets.is_empty())
            || raw.matchers.is_none_or(|it| it.is_empty() || it.len() > MAX_MATCHERS),
        created_by: raw.created_by.map(|text| SafeText::new(&text)).unwrap_or_default(),
        comment: raw.comment.map(|text| SafeText::new(&text)).unwrap_or_default(),
        starts_at: raw.starts_at.filter(possible),
        ends_at: raw.ends_at.filter(possible),
    }
}

/// What `/alerts/groups` says and `/alerts` does not: which alerts a time interval mutes.
#[derive(Debug, Deserialize)]
pub struct RawAlertGroup {
    receiver: Option<RawReceiver>,
    alerts: Vec<RawGrouped>,
}

#[derive(Debug, Deserialize)]
struct RawGrouped {
    fingerprint: String,
    status: RawStatus,
}

/// Puts the muting time intervals on alerts. An alert is in a group of every route that takes it; it is quiet only if it
/// is muted in all of them, and else the receiver that hears nothing is named.
pub fn mute(alerts: &mut [Alert], groups: Vec<RawAlertGroup>) {
    let mut by_alert: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    for group in groups {
        let receiver = group.receiver.map(|it| clean(&it.name)).unwrap_or_default();
        for alert in group.alerts {
            let muted = alert.status.muted_by.into_iter().flatten().map(|name| clean(&name)).collect();
            by_alert.entry(clean(&alert.fingerprint)).or_default().push((receiver.clone(), muted));
        }
    }
    for alert in alerts {
        let Some(groups) = by_alert.get(&alert.fingerprint) else { continue };
        let all = groups.iter().all(|(_, muted)| !muted.is_empty());
        if all && alert.state.is("active") {
            alert.state = Open::new("suppressed");
        }
        for (receiver, muted) in groups {
            let at = if all { String::new() } else { format!(" for {receiver}") };
            alert.silenced_by.extend(muted.iter().map(|name| format!("{MUTE}{name}{at}")));
        }
        alert.silenced_by.sort();
        alert.silenced_by.dedup();
        alert.silenced_by.truncate(MAX_REFS);
    }
}

/// Whether this version knows muting time intervals in `/alerts/groups`: from 0.28.
pub fn tells_mutes(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.').map_while(|part| part.parse::<u32>().ok());
    match (parts.next(), parts.next()) {
        (Some(0), Some(minor)) => minor >= 28,
        (Some(_), _) => true,
        _ => false,
    }
}
