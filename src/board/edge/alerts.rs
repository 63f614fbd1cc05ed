//! `alert.firing`, `alert.silenced`, `alert.resolved`, `alert.gone`, `watchdog.missing`, `watchdog.seen`.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use serde_json::json;

use crate::model::entry::Edge;
use crate::model::facts::Alert;
use crate::model::{EdgeKind, SafeText};

use super::super::alerts::{GONE, RESOLVED, WATCHDOG};
use super::super::row::{Body, Row, Topic, Verdict};
use super::Pair;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Never seen, or forgotten.
    Absent,
    Firing,
    Suppressed,
    Resolved,
    Gone,
}

fn state(alert: &Alert) -> State {
    match alert.state.as_str() {
        RESOLVED => State::Resolved,
        GONE => State::Gone,
        "suppressed" => State::Suppressed,
        _ => State::Firing,
    }
}

fn alert(row: &Row) -> Option<(&Alert, Option<&String>)> {
    match &row.body {
        Body::Alert { alert, service, .. } => Some((alert, service.as_ref())),
        _ => None,
    }
}

/// How the log says that an alert stands.
fn told(pair: &Pair<'_>, alert: &Alert) -> State {
    let about = alert.fingerprint.as_str();
    if let Some(told) = pair.standing.get(&EdgeKind::AlertFiring, about) {
        // It ended and began again while the room did not look.
        let again = alert.starts_at.is_some_and(|at| at - told.at > TimeDelta::seconds(1));
        let own = pair.memory.own.contains(&(EdgeKind::AlertFiring, about.to_owned()));
        let is_new = again && !own && !pair.memory.firing.contains(about);
        return if is_new { State::Absent } else { State::Firing };
    }
    if pair.standing.has(&EdgeKind::AlertSilenced, about) { State::Suppressed } else { State::Absent }
}

impl Pair<'_> {
    /// The alerts that fire; `None` while that is not known.
    pub(super) fn firing(&self) -> Option<BTreeSet<String>> {
        let rows = || self.rows(Topic::Alerts);
        let fires =
            |row: &Row| alert(row).filter(|(it, _)| state(it) == State::Firing).map(|(it, _)| it.fingerprint.clone());
        rows().next().map(|_| rows().filter_map(fires).collect())
    }
}

pub(super) fn alerts(pair: &Pair<'_>, out: &mut Vec<Edge>) {
    for row in pair.rows(Topic::Alerts) {
        let Some((it, service)) = alert(row) else { continue };
        let edge = if it.name == WATCHDOG {
            watchdog(pair, row, it)
        } else {
            change(told(pair, it), state(it)).map(|kind| one(pair, kind, row, it))
        };
        if let Some(mut edge) = edge {
            edge.service = service.cloned();
            out.push(edge);
        }
    }
    if !pair.knows_all_alerts() {
        return;
    }
    let there = pair.ids(Topic::Alerts);
    let gone = pair.standing.all(&EdgeKind::AlertFiring).filter(|(about, _)| !there.contains(about));
    out.extend(gone.map(|(_, told)| Edge {
        edge: EdgeKind::AlertGone,
        at: pair.now,
        verdict: Verdict::Unknown.name().to_owned(),
        says: SafeText::new(&format!(
            "Alert {} is gone, unconfirmed: nobody holds it any more, and its end was not seen",
            told.subject
        )),
        ..told.clone()
    }));
}

fn change(was: State, is: State) -> Option<EdgeKind> {
    match (was, is) {
        (State::Firing, State::Suppressed) => Some(EdgeKind::AlertSilenced),
        (State::Firing, State::Resolved) => Some(EdgeKind::AlertResolved),
        (State::Firing, State::Gone) => Some(EdgeKind::AlertGone),
        (was, State::Firing) if was != State::Firing => Some(EdgeKind::AlertFiring),
        _ => None,
    }
}

fn one(pair: &Pair<'_>, kind: EdgeKind, row: &Row, alert: &Alert) -> Edge {
    let place = alert.labels.get("cluster").map(|cluster| format!(" on {cluster}")).unwrap_or_default();
    let who = &alert.name;
    let (verdict, at, says) = match kind {
        EdgeKind::AlertFiring => {
            let receivers: Vec<&str> = alert.receivers.iter().map(|receiver| receiver.as_str()).collect();
            let to = if receivers.is_empty() { String::new() } else { format!(" → {}", receivers.join(", ")) };
            (row.verdict, alert.starts_at, format!("Alert {who} fires{place}{to}"))
        }
        EdgeKind::AlertSilenced => {
            let why = if row.why.is_empty() { "silenced or inhibited" } else { row.why.as_str() };
            (Verdict::Info, None, format!("Alert {who}{place} still fires and tells nobody: {why}"))
        }
        EdgeKind::AlertResolved => (Verdict::Ok, None, format!("Alert {who}{place} is resolved")),
        _ => (
            Verdict::Unknown,
            None,
            format!("Alert {who}{place} is gone, unconfirmed: not every Alertmanager can vouch that it ended"),
        ),
    };
    let mut edge = pair.edge(kind, row, at, verdict, who, says);
    edge.figures = json!({
        "fingerprint": alert.fingerprint,
        "severity": alert.severity.as_str(),
        "receivers": alert.receivers,
    });
    edge
}

fn watchdog(pair: &Pair<'_>, row: &Row, alert: &Alert) -> Option<Edge> {
    let missing = matches!(state(alert), State::Resolved | State::Gone);
    match (pair.standing.has(&EdgeKind::WatchdogMissing, alert.name.as_str()), missing) {
        (false, true) => {
            let says = "The Watchdog alert is missing: nothing proves that alerts still arrive".to_owned();
            Some(pair.edge(EdgeKind::WatchdogMissing, row, None, Verdict::Critical, &alert.name, says))
        }
        (true, false) => {
            let says = "The Watchdog alert is seen again: alerts arrive".to_owned();
            Some(pair.edge(EdgeKind::WatchdogSeen, row, None, Verdict::Ok, &alert.name, says))
        }
        _ => None,
    }
}
