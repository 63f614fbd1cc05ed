//! `status`, `events`, `alerts`, `backups`, `gitops`, `traffic`, `slo`: the board's rows, as the panes show them.

use serde_json::json;

use super::describe::describe;
use super::exit::Exit;
use super::fail::Fail;
use super::link::Link;
use super::output;
use super::shown::{Shown, age};
use crate::board::{Body, Row, Topic, Verdict};
use crate::model::filter::Filter;
use crate::model::{Stamp, System};
use crate::protocol::message::RoomStatus;
use crate::protocol::{Reply, Request};
use crate::timeline::Incident;

/// The rows of one topic. The exit code is about the rows that a filter keeps, and about sources that can't be believed.
pub async fn topic(link: &mut Link, topic: Topic, filter: Option<&Filter>) -> Result<Shown, Fail> {
    let Reply::Rows { mut rows, total, dropped } = link.ask(Request::Board { topic }).await? else {
        return Err(Fail::Gone("the room answered something else".to_owned()));
    };
    let blind = blind(link, topic).await?;
    let now = link.clock.now();
    let searched = rows.len();
    rows.retain(|row| filter.is_none_or(|filter| filter.matches(row, now)));
    let mut json = json!({
        "schema": "warroom/rows/v1", "topic": topic, "at": now, "total": total, "dropped": dropped, "rows": rows,
        "trouble": blind,
    });
    let exit = exit_of(topic, &rows).max(if blind.is_empty() { Exit::Ok } else { Exit::Degraded });
    let kept = rows.len();
    let shown: Vec<Row> = blind.into_iter().chain(rows).collect();
    let mut text = if filter.is_some() && shown.is_empty() { String::new() } else { table(&shown, now) };
    if let Some(filter) = filter {
        say_filtered(&mut json, &mut text, filter, kept, searched - kept);
        if u64::try_from(searched).unwrap_or(u64::MAX) < total {
            text.push_str(&format!("only {searched} of {total} were looked at: the list is longer than an answer\n"));
        }
    }
    Ok(Shown::ok(json, text).exit(exit))
}

/// What a filter left out, said wherever something was.
pub fn say_filtered(json: &mut serde_json::Value, text: &mut String, filter: &Filter, kept: usize, left_out: usize) {
    if let Some(json) = json.as_object_mut() {
        json.insert("filtered".to_owned(), json!({"filter": filter.text(), "kept": kept, "left_out": left_out}));
    }
    text.push_str(&format!("{kept} of {} match: {filter}\n", kept + left_out));
}

/// The sources behind a topic that can't be believed: without them an empty table would look like a calm one.
async fn blind(link: &mut Link, topic: Topic) -> Result<Vec<Row>, Fail> {
    let systems = systems_of(topic);
    if systems.is_empty() {
        return Ok(Vec::new());
    }
    let Reply::Rows { rows, .. } = link.ask(Request::Board { topic: Topic::Sources }).await? else {
        return Err(Fail::Gone("the room answered something else".to_owned()));
    };
    let hidden = |row: &Row| row.stale || row.verdict >= Verdict::Unknown;
    Ok(rows.into_iter().filter(|row| systems.contains(&row.source.system) && hidden(row)).collect())
}

/// Which systems a topic's rows come from. A topic that is made of others has none of its own.
fn systems_of(topic: Topic) -> &'static [System] {
    match topic {
        Topic::Events | Topic::Clusters => &[System::Kubernetes],
        Topic::Alerts | Topic::Silences => &[System::Alertmanager],
        Topic::Slo => &[System::Prometheus],
        Topic::Backups => &[System::Velero],
        Topic::Gitops => &[System::Argocd, System::Flux],
        Topic::Traffic => &[System::Cloudflare, System::Probe],
        Topic::Sources | Topic::Services => &[],
    }
}

/// Degraded where something is not known, breached where an objective is.
fn exit_of(topic: Topic, rows: &[Row]) -> Exit {
    if topic == Topic::Backups && rows.iter().any(|row| row.verdict == Verdict::Critical) {
        return Exit::Breached;
    }
    if rows.iter().any(|row| row.stale || row.verdict == Verdict::Unknown) { Exit::Degraded } else { Exit::Ok }
}

/// Aligned lines: verdict, what, how it is, why, age of the proof.
pub fn table(rows: &[Row], now: Stamp) -> String {
    if rows.is_empty() {
        return "nothing to show: no source has reported anything of this kind yet\n".to_owned();
    }
    let lines = rows
        .iter()
        .map(|row| {
            let (what, how) = describe(&row.body, now);
            let seen = match (row.seen_at == Stamp::UNIX_EPOCH, row.stale) {
                (true, _) => "never".to_owned(),
                (false, true) => format!("STALE {}", age(row.seen_at, now)),
                (false, false) => age(row.seen_at, now),
            };
            vec![row.verdict.name().to_owned(), what, how, row.why.to_string(), seen, row.source.to_string()]
        })
        .collect::<Vec<_>>();
    output::table(&["VERDICT", "WHAT", "STATE", "WHY", "SEEN", "SOURCE"], &lines)
}

/// Everything at a glance, and the exit code that says how it stands: how all of it stands, whatever is listed.
pub async fn status(link: &mut Link, filter: Option<&Filter>) -> Result<Shown, Fail> {
    link.caught_up().await?;
    let Reply::Status(room) = link.ask(Request::Status).await? else {
        return Err(Fail::Gone("the room answered something else".to_owned()));
    };
    let mut rows = Vec::new();
    for topic in Topic::ALL.into_iter().filter(|topic| *topic != Topic::Events) {
        if let Reply::Rows { rows: more, .. } = link.ask(Request::Board { topic }).await? {
            rows.extend(more);
        }
    }
    let now = link.clock.now();
    let incident = link.mirror.story.current();
    let worst = rows.iter().map(|row| row.verdict).max().unwrap_or(Verdict::Unknown);
    let mut troubled: Vec<&Row> = rows.iter().filter(|row| row.verdict >= Verdict::Unknown || row.stale).collect();
    let found = troubled.len();
    troubled.retain(|row| filter.is_none_or(|filter| filter.matches(*row, now)));
    let kept = troubled.len();
    let breached = incident.is_some_and(|incident| rto_breached(incident, link, now));
    let exit = match (room.degraded.is_some(), breached, worst) {
        (_, true, _) => Exit::Breached,
        (true, _, _) | (_, _, Verdict::Unknown | Verdict::Warning | Verdict::Critical) => Exit::Degraded,
        _ => Exit::Ok,
    };
    let mut json = json!({
        "schema": "warroom/status/v1", "at": now, "room": room, "worst": worst,
        "incident": incident.map(incident_json),
        "slo": rows.iter().filter(|row| matches!(row.body, Body::Slo(_))).collect::<Vec<_>>(),
        "trouble": troubled,
    });
    let mut text = room_lines(&room, incident, now);
    if rows.is_empty() {
        text.push_str("the room sees nothing: no source is configured, or none has reported yet\n");
    } else if found == 0 {
        text.push_str("nothing needs you: every source is fresh and every row is fine\n");
    } else if kept > 0 {
        text.push_str(&table(&troubled.into_iter().cloned().collect::<Vec<_>>(), now));
    }
    if let Some(filter) = filter {
        say_filtered(&mut json, &mut text, filter, kept, found - kept);
    }
    Ok(Shown::ok(json, text).exit(exit))
}

/// Whether any of the incident's services is past its RTO, counted from impact (or detection while that is unknown).
fn rto_breached(incident: &Incident, link: &Link, now: Stamp) -> bool {
    let Some((from, _)) = incident.clocks.impact.or(incident.clocks.detection) else { return false };
    let until = incident.clocks.recovery.map_or(now, |(at, _)| at);
    let objectives = link.mirror.welcome.as_ref().map(|welcome| welcome.objectives.as_slice()).unwrap_or_default();
    let used = (until - from).num_seconds();
    objectives
        .iter()
        .filter(|objective| incident.services.contains(&objective.service))
        .any(|objective| used > i64::try_from(objective.rto_s).unwrap_or(i64::MAX))
}

/// An incident's facts for JSON.
pub fn incident_json(incident: &Incident) -> serde_json::Value {
    let at = |clock: Option<(Stamp, u64)>| clock.map(|(at, seq)| json!({"at": at, "seq": seq}));
    json!({
        "id": incident.id, "title": incident.title, "severity": incident.severity, "status": incident.status,
        "commander": incident.commander, "opened_at": incident.opened_at, "closed_at": incident.closed_at,
        "services": incident.services, "people": incident.people.keys().collect::<Vec<_>>(),
        "impact": at(incident.clocks.impact), "detection": at(incident.clocks.detection),
        "decision": at(incident.clocks.decision), "recovery": at(incident.clocks.recovery),
        "rpo_s": incident.clocks.rpo_s,
        "plans": incident.plans.by_id.values().map(|record| json!({
            "plan": record.plan.plan, "action": record.plan.action, "service": record.plan.service,
            "state": record.state, "by": record.by.person, "digest": record.digest,
        })).collect::<Vec<_>>(),
    })
}

fn room_lines(room: &RoomStatus, incident: Option<&Incident>, now: Stamp) -> String {
    let mut text = String::new();
    if let Some(drill) = &room.drill {
        text.push_str(&format!("DRILL {} · seed {} · {}\n", drill.scenario, drill.seed, drill.pace()));
    }
    if let Some(why) = &room.degraded {
        text.push_str(&format!("NOT RECORDING: {why}\n"));
    }
    match incident {
        None => text.push_str(&format!("room {} · no incident is open\n", room.room)),
        Some(incident) => {
            let clock = |name: &str, clock: Option<(Stamp, u64)>| {
                clock.map_or(String::new(), |(at, _)| format!(" · {name} {} ago", age(at, now)))
            };
            text.push_str(&format!(
                "{} {} · {} · {}{}{}{}{}\n",
                incident.severity.name().to_uppercase(),
                incident.title,
                incident.id,
                incident.status.name(),
                clock("impact", incident.clocks.impact),
                clock("detected", incident.clocks.detection),
                clock("decided", incident.clocks.decision),
                clock("recovered", incident.clocks.recovery),
            ));
        }
    }
    let here = room.present.iter().map(|who| who.actor.person.to_string()).collect::<Vec<_>>().join(", ");
    let here = if here.is_empty() { "nobody".to_owned() } else { here };
    text.push_str(&format!("here: {here} · log at entry {} head {}\n", room.seq, room.head.get(..12).unwrap_or("")));
    text
}
