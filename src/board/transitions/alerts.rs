//! `alert.firing`, `alert.silenced`, `alert.resolved`, `alert.gone`, `watchdog.missing`, `watchdog.seen`.

use chrono::TimeDelta;
use serde_json::json;

use crate::model::entry::Edge;
use crate::model::facts::Alert;
use crate::model::{AlertGrade, EdgeKind, SafeText, Stamp};

use super::super::alerts::{GONE, RESOLVED};
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

/// What a row says of its alert.
#[derive(Clone, Copy)]
struct Told<'a> {
    row: &'a Row,
    alert: &'a Alert,
    service: Option<&'a String>,
    since_restart: bool,
}

fn told(row: &Row) -> Option<Told<'_>> {
    match &row.body {
        Body::Alert { alert, service, since_restart, .. } => {
            Some(Told { row, alert, service: service.as_ref(), since_restart: *since_restart })
        }
        _ => None,
    }
}

/// How the log says that an alert stands.
fn state_told(pair: &Pair<'_>, it: Told<'_>) -> State {
    let about = it.alert.fingerprint.as_str();
    if let Some(told) = pair.standing.get(&EdgeKind::AlertFiring, about) {
        return if fires_anew(pair, told, it) { State::Absent } else { State::Firing };
    }
    if pair.standing.has(&EdgeKind::AlertSilenced, about) { State::Suppressed } else { State::Absent }
}

/// Whether an alert ended and began again while nobody looked: it says that it began after it was last seen to fire, or after
/// the firing that the log knows. Members of a pair may have been told of one alert at different times; both are then before
/// that.
fn fires_anew(pair: &Pair<'_>, logged: &Edge, it: Told<'_>) -> bool {
    let (Some(starts_at), false) = (it.alert.starts_at, it.since_restart) else { return false };
    match pair.before(Topic::Alerts, it.row).and_then(told) {
        Some(before) => {
            state(before.alert) == State::Firing
                && before.alert.starts_at.is_some_and(|at| at < starts_at)
                && starts_at > before.row.seen_at
        }
        None => {
            let known = logged.figures.get("starts_at").and_then(|at| at.as_str()?.parse::<Stamp>().ok());
            starts_at - known.unwrap_or(logged.at) > TimeDelta::seconds(1)
        }
    }
}

pub(super) fn alerts(pair: &Pair<'_>, out: &mut Vec<Edge>) {
    for row in pair.rows(Topic::Alerts) {
        let Some(it) = told(row) else { continue };
        let edge = if it.alert.grade == AlertGrade::Heartbeat {
            watchdog(pair, row, it.alert)
        } else {
            change(state_told(pair, it), state(it.alert)).map(|kind| one(pair, kind, it))
        };
        if let Some(mut edge) = edge {
            edge.service = it.service.cloned();
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

fn one(pair: &Pair<'_>, kind: EdgeKind, told: Told<'_>) -> Edge {
    let Told { row, alert, .. } = told;
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
    if edge.edge == EdgeKind::AlertFiring
        && let Some(figures) = edge.figures.as_object_mut()
    {
        let told = [("summary", &alert.summary), ("runbook_url", &alert.runbook_url)];
        figures.extend(told.into_iter().filter(|(_, it)| !it.is_empty()).map(|(key, it)| (key.to_owned(), json!(it))));
        if alert.grade == AlertGrade::Critical {
            figures.insert("grade".to_owned(), json!(alert.grade));
        }
    }
    // Which firing of the alert it is: its own word, not cut to the room's clock as the edge's time is.
    if let (Some(at), Some(figures)) = (alert.starts_at, edge.figures.as_object_mut()) {
        figures.insert("starts_at".to_owned(), super::stamp(at));
        if told.since_restart {
            figures.insert("since_restart".to_owned(), true.into());
        }
    }
    edge
}

fn watchdog(pair: &Pair<'_>, row: &Row, alert: &Alert) -> Option<Edge> {
    let missing = matches!(state(alert), State::Resolved | State::Gone);
    match (pair.standing.has(&EdgeKind::WatchdogMissing, alert.name.as_str()), missing) {
        (false, true) => {
            let says =
                format!("The heartbeat alert {} is missing: nothing proves that alerts still arrive", alert.name);
            Some(pair.edge(EdgeKind::WatchdogMissing, row, None, Verdict::Critical, &alert.name, says))
        }
        (true, false) => {
            let says = format!("The heartbeat alert {} is seen again: alerts arrive", alert.name);
            Some(pair.edge(EdgeKind::WatchdogSeen, row, None, Verdict::Ok, &alert.name, says))
        }
        _ => None,
    }
}
