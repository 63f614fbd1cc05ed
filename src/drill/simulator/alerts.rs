//! What Alertmanager holds: the scenario's alerts that fire at an instant. Pure.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};

use super::state::WorldState;
use crate::drill::scenario::{AlertSpec, AlertUntil};

/// Prometheus sends every firing alert again so often, and lets it end four times that later.
const RESEND_S: i64 = 60;

fn milli(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Prometheus' fingerprint of a label set: FNV-1a over names and values in order.
pub(super) fn fingerprint(spec: &AlertSpec) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut eat = |bytes: &[u8]| {
        for byte in bytes.iter().chain(&[255]) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (name, value) in &spec.labels {
        eat(name.as_bytes());
        eat(value.as_bytes());
    }
    format!("{hash:016x}")
}

fn fires(state: &WorldState, spec: &AlertSpec) -> bool {
    let over = match spec.until {
        Some(AlertUntil::Recovered) => state.recovered_at().is_some_and(|at| state.now >= at),
        None => false,
    };
    state.now >= state.scenario.at(spec.at_s) && !over
}

/// The alerts that fire now, as `/api/v2/alerts` shows them.
pub(super) fn firing(state: &WorldState) -> Vec<Value> {
    let live: Vec<&AlertSpec> = state.scenario.alerts.iter().filter(|a| fires(state, a)).collect();
    let shown = |spec: &&AlertSpec| {
        let started = state.scenario.at(spec.at_s);
        let sent = started + TimeDelta::seconds((state.now - started).num_seconds() / RESEND_S * RESEND_S);
        let inhibitors: Vec<String> = live
            .iter()
            .filter(|other| spec.inhibited_by.is_some() && other.labels.get("alertname") == spec.inhibited_by.as_ref())
            .map(|other| fingerprint(other))
            .collect();
        let silences = super::silences::silencing(state, &json!(spec.labels));
        let quiet = !silences.is_empty() || !inhibitors.is_empty();
        let receiver = if spec.labels.get("severity").is_some_and(|s| s == "none") { "watchdog" } else { "pager" };
        json!({
            "annotations": spec.annotations,
            "endsAt": milli(sent + TimeDelta::seconds(4 * RESEND_S)),
            "fingerprint": fingerprint(spec),
            "receivers": [{"name": receiver}],
            "startsAt": milli(started),
            "status": {"inhibitedBy": inhibitors, "silencedBy": silences, "state": if quiet { "suppressed" } else { "active" }},
            "updatedAt": milli(sent),
            "generatorURL": "http://prometheus.example/graph?g0.tab=1",
            "labels": spec.labels,
        })
    };
    live.iter().map(shown).collect()
}

/// `GET /api/v2/status` of one of the two.
pub(super) fn status(state: &WorldState, instance: usize, addresses: &[String]) -> Value {
    let peers: Vec<Value> = addresses
        .iter()
        .enumerate()
        .map(|(i, address)| json!({"name": super::kube_store::id(&format!("{}/am/{i}", state.seed), 26).to_uppercase(), "address": address}))
        .collect();
    json!({
        "cluster": {"name": peers[instance]["name"], "status": "ready", "peers": peers},
        "config": {"original": "route:\n  receiver: pager\nreceivers:\n- name: pager\n- name: watchdog\n"},
        "uptime": milli(state.scenario.start - TimeDelta::hours(31 + instance as i64)),
        "versionInfo": {"branch": "HEAD", "buildDate": "20260801-09:50:43", "buildUser": "drill", "goVersion": "go1.26.6",
            "revision": "drill", "version": "0.34.0"},
    })
}
