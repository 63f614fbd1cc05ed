//! `alert.firing`, `alert.silenced`, `alert.resolved`, `alert.gone`, `watchdog.missing`, `watchdog.seen`.

use chrono::TimeDelta;
use serde_json::json;

use crate::model::entry::Transition;
use crate::model::facts::Alert;
use crate::model::{AlertGrade, SafeText, Stamp, TransitionKind};

use super::super::alerts::{GONE, RESOLVED};
use super::super::row::{AlertRow, Row, Topic, Verdict};
use super::BoardDiff;

#[derive(Clone, Copy, PartialEq, Eq)]
enum AlertState {
    /// Never seen, or forgotten.
    Absent,
    Firing,
    Suppressed,
    Resolved,
    Gone,
}

fn state(alert: &Alert) -> AlertState {
    match alert.state.as_str() {
        RESOLVED => AlertState::Resolved,
        GONE => AlertState::Gone,
        "suppressed" => AlertState::Suppressed,
        _ => AlertState::Firing,
    }
}

/// What a row says of its alert.
#[derive(Clone, Copy)]
struct ToldAlert<'a> {
    row: &'a Row,
    alert: &'a Alert,
    service: Option<&'a String>,
    since_restart: bool,
}

fn told(row: &Row) -> Option<ToldAlert<'_>> {
    let AlertRow { alert, service, since_restart, .. } = row.as_kind()?;
    Some(ToldAlert { row, alert, service: service.as_ref(), since_restart: *since_restart })
}

/// How the log says that an alert stands.
fn state_told(pair: &BoardDiff<'_>, it: ToldAlert<'_>) -> AlertState {
    let about = it.alert.fingerprint.as_str();
    if let Some(told) = pair.standing.get(&TransitionKind::AlertFiring, about) {
        return if fires_anew(pair, told, it) { AlertState::Absent } else { AlertState::Firing };
    }
    if pair.standing.has(&TransitionKind::AlertSilenced, about) { AlertState::Suppressed } else { AlertState::Absent }
}

/// Whether an alert ended and began again while nobody looked: it says that it began after it was last seen to fire, or after
/// the firing that the log knows. Members of a pair may have been told of one alert at different times; both are then before
/// that.
fn fires_anew(pair: &BoardDiff<'_>, logged: &Transition, it: ToldAlert<'_>) -> bool {
    let (Some(starts_at), false) = (it.alert.starts_at, it.since_restart) else { return false };
    match pair.before(Topic::Alerts, it.row).and_then(told) {
        Some(before) => {
            state(before.alert) == AlertState::Firing
                && before.alert.starts_at.is_some_and(|at| at < starts_at)
                && starts_at > before.row.seen_at
        }
        None => {
            let known = logged.figures.get("starts_at").and_then(|at| at.as_str()?.parse::<Stamp>().ok());
            starts_at - known.unwrap_or(logged.at) > TimeDelta::seconds(1)
        }
    }
}

pub(super) fn alerts(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
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
    let gone = pair.standing.all(&TransitionKind::AlertFiring).filter(|(about, _)| !there.contains(about));
    out.extend(gone.map(|(_, told)| Transition {
        edge: TransitionKind::AlertGone,
        at: pair.now,
        verdict: Verdict::Unknown.name().to_owned(),
        says: SafeText::new(&format!(
            "Alert {} is gone, unconfirmed: nobody holds it any more, and its end was not seen",
            told.subject
        )),
        ..told.clone()
    }));
}

fn change(was: AlertState, is: AlertState) -> Option<TransitionKind> {
    match (was, is) {
        (AlertState::Firing, AlertState::Suppressed) => Some(TransitionKind::AlertSilenced),
        (AlertState::Firing, AlertState::Resolved) => Some(TransitionKind::AlertResolved),
        (AlertState::Firing, AlertState::Gone) => Some(TransitionKind::AlertGone),
        (was, AlertState::Firing) if was != AlertState::Firing => Some(TransitionKind::AlertFiring),
        _ => None,
    }
}

fn one(pair: &BoardDiff<'_>, kind: TransitionKind, told: ToldAlert<'_>) -> Transition {
    let ToldAlert { row, alert, .. } = told;
    let place = alert.labels.get("cluster").map(|cluster| format!(" on {cluster}")).unwrap_or_default();
    let who = &alert.name;
    let (verdict, at, says) = match kind {
        TransitionKind::AlertFiring => {
            let receivers: Vec<&str> = alert.receivers.iter().map(|receiver| receiver.as_str()).collect();
            let to = if receivers.is_empty() { String::new() } else { format!(" → {}", receivers.join(", ")) };
            (row.verdict, alert.starts_at, format!("Alert {who} fires{place}{to}"))
        }
        TransitionKind::AlertSilenced => {
            let why = if row.why.is_empty() { "silenced or inhibited" } else { row.why.as_str() };
            (Verdict::Info, None, format!("Alert {who}{place} still fires and tells nobody: {why}"))
        }
        TransitionKind::AlertResolved => (Verdict::Ok, None, format!("Alert {who}{place} is resolved")),
        _ => (
            Verdict::Unknown,
            None,
            format!("Alert {who}{place} is gone, unconfirmed: not every Alertmanager can vouch that it ended"),
        ),
    };
    let mut edge = pair.transition(kind, row, at, verdict, who, says);
    edge.figures = json!({
        "fingerprint": alert.fingerprint,
        "severity": alert.severity.as_str(),
        "receivers": alert.receivers,
    });
    if edge.edge == TransitionKind::AlertFiring
        && let Some(figures) = edge.figures.as_object_mut()
    {
        let told = [("summary", &alert.summary), ("runbook_url", &alert.runbook_url)];
        figures.extend(told.into_iter().filter(|(_, it)| !it.is_empty()).map(|(key, it)| (key.to_owned(), json!(it))));
        if alert.grade == AlertGrade::Critical {
            figures.insert("grade".to_owned(), json!(alert.grade));
        }
    }
    // Which firing of the alert it is: its own word, not cut to the room's clock as the transition's time is.
    if let (Some(at), Some(figures)) = (alert.starts_at, edge.figures.as_object_mut()) {
        figures.insert("starts_at".to_owned(), super::stamp(at));
        if told.since_restart {
            figures.insert("since_restart".to_owned(), true.into());
        }
    }
    edge
}

fn watchdog(pair: &BoardDiff<'_>, row: &Row, alert: &Alert) -> Option<Transition> {
    let missing = matches!(state(alert), AlertState::Resolved | AlertState::Gone);
    match (pair.standing.has(&TransitionKind::WatchdogMissing, alert.name.as_str()), missing) {
        (false, true) => {
            let says =
                format!("The heartbeat alert {} is missing: nothing proves that alerts still arrive", alert.name);
            Some(pair.transition(TransitionKind::WatchdogMissing, row, None, Verdict::Critical, &alert.name, says))
        }
        (true, false) => {
            let says = format!("The heartbeat alert {} is seen again: alerts arrive", alert.name);
            Some(pair.transition(TransitionKind::WatchdogSeen, row, None, Verdict::Ok, &alert.name, says))
        }
        _ => None,
    }
}
