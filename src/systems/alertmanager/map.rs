//! API objects → facts. Pure. Lenient where versions differ: `mutedBy` is absent before 0.28, cluster names without a cluster.

use std::collections::BTreeMap;

use chrono::Datelike;
use serde::Deserialize;
use serde_json::Value;

use crate::model::facts::{Alert, AlertPeer, Open};
use crate::model::{SafeText, Stamp};

const MAX_LABELS: usize = 64;
const MAX_REFS: usize = 32;

/// A gettableAlert. Only what identifies it is required.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RawAlert {
    fingerprint: String,
    labels: BTreeMap<String, String>,
    annotations: Option<BTreeMap<String, String>>,
    starts_at: Option<Stamp>,
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

/// All alerts of one instance, each once, the gravest first so that a cut takes the least.
pub fn alerts(raw: Vec<RawAlert>) -> Vec<Alert> {
    let unique: BTreeMap<String, Alert> =
        raw.into_iter().map(alert).map(|alert| (alert.fingerprint.clone(), alert)).collect();
    let mut all: Vec<Alert> = unique.into_values().collect();
    all.sort_by_key(|alert| (rank(&alert.severity), !alert.state.is("active"), alert.starts_at));
    all
}

fn rank(severity: &Open) -> u8 {
    match severity.as_str() {
        "critical" | "page" | "emergency" => 0,
        "error" | "high" => 1,
        "warning" => 2,
        _ => 3,
    }
}

fn alert(raw: RawAlert) -> Alert {
    let label = |name: &str| raw.labels.get(name).map(|value| SafeText::new(value)).unwrap_or_default();
    let annotations = raw.annotations.unwrap_or_default();
    let summary = ["summary", "message", "description"].iter().find_map(|key| annotations.get(*key));
    // A time interval that mutes an alert does to a person what a silence does: nobody is called.
    let silenced_by = raw.status.silenced_by.into_iter().flatten();
    let muted_by = raw.status.muted_by.into_iter().flatten().map(|name| format!("mute:{name}"));
    Alert {
        fingerprint: clean(&raw.fingerprint),
        name: label("alertname"),
        severity: Open(label("severity")),
        summary: summary.map(|text| SafeText::new(text)).unwrap_or_default(),
        // A time that no clock of ours can have shown is none: what follows computes with it.
        starts_at: raw.starts_at.filter(|at| (1970..10_000).contains(&at.year())),
        state: Open::new(&raw.status.state),
        silenced_by: refs(silenced_by.chain(muted_by)),
        inhibited_by: refs(raw.status.inhibited_by.into_iter().flatten()),
        receivers: raw.receivers.iter().flatten().take(MAX_REFS).map(|it| SafeText::new(&it.name)).collect(),
        labels: raw.labels.iter().take(MAX_LABELS).map(|(key, value)| (clean(key), SafeText::new(value))).collect(),
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
    let peers = status.pointer("/cluster/peers").and_then(Value::as_array).map_or(0, Vec::len);
    AlertPeer {
        instance: instance.to_owned(),
        cluster_status: Open::new(text("/cluster/status")),
        version: SafeText::new(text("/versionInfo/version")),
        started: text("/uptime").parse().ok(),
        peers: u32::try_from(peers).unwrap_or(u32::MAX),
    }
}
