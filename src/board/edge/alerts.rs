//! `alert.firing`, `alert.silenced`, `alert.resolved`, `alert.gone`, `watchdog.missing`, `watchdog.seen`.

use serde_json::json;

use crate::model::EdgeKind;
use crate::model::entry::Edge;
use crate::model::facts::Alert;

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

pub(super) fn alerts(pair: &Pair<'_>, out: &mut Vec<Edge>) {
    for (before, row) in pair.rows(Topic::Alerts) {
        let Some((it, service)) = alert(row) else { continue };
        let was = before.and_then(alert).map_or(State::Absent, |(alert, _)| state(alert));
        let edge = if it.name == WATCHDOG {
            watchdog(pair, row, it, was)
        } else {
            change(was, state(it)).map(|kind| one(pair, kind, row, it))
        };
        if let Some(mut edge) = edge {
            edge.service = service.cloned();
            out.push(edge);
        }
    }
    for row in pair.vanished(Topic::Alerts) {
        let Some((it, service)) = alert(row) else { continue };
        if state(it) == State::Firing && it.name != WATCHDOG {
            let mut edge = one(pair, EdgeKind::AlertGone, row, it);
            edge.at = pair.now;
            edge.service = service.cloned();
            out.push(edge);
        }
    }
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

fn watchdog(pair: &Pair<'_>, row: &Row, alert: &Alert, was: State) -> Option<Edge> {
    let missing = |state| matches!(state, State::Resolved | State::Gone);
    match (missing(was), missing(state(alert))) {
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
