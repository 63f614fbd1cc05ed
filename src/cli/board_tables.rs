//! `status`, `events`, `alerts`, `backups`, `gitops`, `traffic`, `slo`: the board's rows, as the panes show them.

use serde_json::json;

use super::command_output::{CommandOutput, age};
use super::connect::RoomLink;
use super::error::CliError;
use super::exit_code::Exit;
use super::{output, status_exit};
use crate::board::empty_reason::{EmptyReason, absence, ago, unheard};
use crate::board::{ErrorBudget, Row, Topic, Verdict, breached};
use crate::client::Mirror;
use crate::model::filter::Filter;
use crate::model::time::{dated, since};
use crate::model::{ACCOUNT_ALONE, Level, Stamp};
use crate::protocol::message::RoomStatus;
use crate::protocol::{Reply, Request};
use crate::timeline::{Incident, IncidentClock, PlanRecord, Redaction};

/// The rows of one topic, and the exit code of the rows that a filter keeps and of the sources behind them.
pub async fn topic(link: &mut RoomLink, topic: Topic, filter: Option<&Filter>) -> Result<CommandOutput, CliError> {
    let own = rows_of(link, topic).await?;
    let sources = rows_of(link, Topic::Sources).await?;
    // Whether a backup is young enough is the service's to say: its schedules may cover it together.
    let services = if topic == Topic::Backups { rows_of(link, Topic::Services).await? } else { ShownRows::default() };
    Ok(Table { topic, own, sources: sources.rows, services: services.rows, now: link.clock.now() }.shown(filter))
}

#[derive(Default)]
struct ShownRows {
    rows: Vec<Row>,
    total: u64,
    dropped: u64,
}

async fn rows_of(link: &mut RoomLink, topic: Topic) -> Result<ShownRows, CliError> {
    match link.ask(Request::Board { topic }).await? {
        Reply::Rows { rows, total, dropped } => Ok(ShownRows { rows, total, dropped }),
        _ => Err(CliError::Gone("the room answered something else".to_owned())),
    }
}

/// A topic as a table, with what its exit code and its emptiness are judged by.
struct Table {
    topic: Topic,
    own: ShownRows,
    sources: Vec<Row>,
    services: Vec<Row>,
    now: Stamp,
}

impl Table {
    fn shown(self, filter: Option<&Filter>) -> CommandOutput {
        let Self { topic, own: ShownRows { mut rows, total, dropped }, sources, services, now } = self;
        // The sources that can't be believed: without them an empty table would look like a calm one.
        let behind = |row: &&Row| topic.systems().contains(&row.source.system) && unheard(row, now).is_some();
        let blind: Vec<&Row> = sources.iter().filter(behind).collect();
        let empty = rows.is_empty().then(|| absence(topic, &sources, now));
        let searched = rows.len();
        rows.retain(|row| filter.is_none_or(|filter| filter.matches(row, now)));
        let over = services.iter().filter(|row| filter.is_none() && breached(row, now));
        let mut exit = status_exit::of_rows(rows.iter().chain(over), now);
        if !blind.is_empty() {
            exit = exit.max(Exit::Degraded);
        }
        let mut json = json!({
            "schema": "warroom/rows/v1", "topic": topic, "at": now, "total": total, "dropped": dropped, "rows": rows,
            "trouble": blind,
        });
        let mut text = String::new();
        if let Some(empty) = &empty {
            let says = empty.says(topic, ago(now));
            json["empty"] = json!({"because": empty.name(), "says": says});
            text = format!("{says}\n");
        }
        let kept = rows.len();
        let listed: Vec<Row> = blind.into_iter().cloned().chain(rows).collect();
        if !listed.is_empty() {
            text.push_str(&table(&listed, now));
        }
        if let Some(filter) = filter {
            say_filtered(&mut json, &mut text, filter, kept, searched - kept);
            if u64::try_from(searched).unwrap_or(u64::MAX) < total {
                text.push_str(&format!(
                    "only {searched} of {total} were looked at: the list is longer than an answer\n"
                ));
            }
        }
        CommandOutput::ok(json, text).exit(exit)
    }
}

/// What a filter left out, said wherever something was.
pub fn say_filtered(json: &mut serde_json::Value, text: &mut String, filter: &Filter, kept: usize, left_out: usize) {
    if let Some(json) = json.as_object_mut() {
        json.insert("filtered".to_owned(), json!({"filter": filter.text(), "kept": kept, "left_out": left_out}));
    }
    text.push_str(&format!("{kept} of {} match: {filter}\n", kept + left_out));
}

/// Aligned lines: verdict, what, how it is, why, age of the proof.
pub fn table(rows: &[Row], now: Stamp) -> String {
    let lines = rows
        .iter()
        .map(|row| {
            let seen = match (row.seen_at == Stamp::UNIX_EPOCH, row.stale) {
                (true, _) => "never".to_owned(),
                (false, true) => format!("STALE {}", age(row.seen_at, now)),
                (false, false) => age(row.seen_at, now),
            };
            let (what, how) = row.line(now);
            vec![row.verdict.name().to_owned(), what, how, row.why.to_string(), seen, row.source.to_string()]
        })
        .collect::<Vec<_>>();
    output::table(&["VERDICT", "WHAT", "STATE", "WHY", "SEEN", "SOURCE"], &lines)
}

/// Everything at a glance, and the exit code that says how it stands: how all of it stands, whatever is listed.
pub async fn status(link: &mut RoomLink, filter: Option<&Filter>) -> Result<CommandOutput, CliError> {
    link.caught_up().await?;
    let Reply::Status(room) = link.ask(Request::Status).await? else {
        return Err(CliError::Gone("the room answered something else".to_owned()));
    };
    let mut rows = Vec::new();
    for topic in Topic::ALL.iter().copied().filter(|topic| *topic != Topic::Events) {
        if let Reply::Rows { rows: more, .. } = link.ask(Request::Board { topic }).await? {
            rows.extend(more);
        }
    }
    read_reasons(link).await?;
    let now = link.clock.now();
    let incident = link.mirror.story.current();
    let worst = rows.iter().map(|row| row.verdict).max().unwrap_or(Verdict::Unknown);
    let mut troubled: Vec<&Row> = rows.iter().filter(|row| row.verdict >= Verdict::Unknown || row.stale).collect();
    let found = troubled.len();
    troubled.retain(|row| filter.is_none_or(|filter| filter.matches(*row, now)));
    let kept = troubled.len();
    let late = incident.is_some_and(|incident| rto_breached(incident, link, now));
    let exit = match (late, room.degraded.is_some() || rows.is_empty()) {
        (true, _) => Exit::Breached,
        (false, true) => status_exit::of_rows(&rows, now).max(Exit::Degraded),
        (false, false) => status_exit::of_rows(&rows, now),
    };
    let mut json = json!({
        "schema": "warroom/status/v1", "at": now, "room": room, "worst": worst,
        "incident": incident.map(incident_json), "waiting": waiting_json(&link.mirror),
        "slo": rows.iter().filter(|row| row.is_kind::<ErrorBudget>()).collect::<Vec<_>>(),
        "trouble": troubled,
    });
    let mut text = room_lines(&room, incident, now);
    text.push_str(&waiting_lines(&link.mirror));
    if rows.is_empty() {
        text.push_str(&format!("{}\n", EmptyReason::NotConfigured.says(Topic::Sources, ago(now))));
    } else if found == 0 {
        text.push_str("nothing needs you: every source is fresh and every row is fine\n");
    } else if kept > 0 {
        text.push_str(&table(&troubled.into_iter().cloned().collect::<Vec<_>>(), now));
    }
    if let Some(filter) = filter {
        say_filtered(&mut json, &mut text, filter, kept, found - kept);
    }
    Ok(CommandOutput::ok(json, text).exit(exit))
}

/// Whether any of the incident's services is past its RTO, counted from impact (or detection while that is unknown).
fn rto_breached(incident: &Incident, link: &RoomLink, now: Stamp) -> bool {
    let Some((from, _)) = incident.clocks.impact.or(incident.clocks.detection) else { return false };
    let until = incident.clocks.recovery.map_or(now, |(at, _)| at);
    let objectives = link.mirror.welcome.as_ref().map(|welcome| welcome.objectives.as_slice()).unwrap_or_default();
    let used = since(from, until);
    objectives
        .iter()
        .filter(|objective| incident.services.contains(&objective.service))
        .any(|objective| used > objective.rto_s)
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
        "rpo_s": incident.clocks.rpo_s, "stated": incident.clocks.stated,
        "plans": incident.plans.by_id.values().map(|record| json!({
            "plan": record.plan.plan, "action": record.plan.action, "service": record.plan.service,
            "state": record.state, "by": record.by.person, "digest": record.digest,
        })).collect::<Vec<_>>(),
    })
}

/// One clock on the line of the incident: how long ago; with its instants where people state another than was measured.
fn clock_line(name: &str, incident: &Incident, clock: IncidentClock, now: Stamp) -> String {
    let clocks = &incident.clocks;
    match (clocks.of(clock), clocks.stated.of(clock)) {
        (Some((at, _)), None) => format!(" · {name} {} ago", age(at, now)),
        _ => clocks.words(clock, |at| dated(at, now)).map_or(String::new(), |words| format!(" · {name} {words}")),
    }
}

fn room_lines(room: &RoomStatus, incident: Option<&Incident>, now: Stamp) -> String {
    let mut text = String::new();
    if let Some(drill) = &room.drill {
        text.push_str(&format!("DRILL {} · seed {} · {}\n", drill.scenario, drill.seed, drill.pace()));
    }
    if let Some(why) = &room.degraded {
        text.push_str(&format!("NOT RECORDING: {why}\n"));
    }
    if let Some(says) = &room.log_room {
        text.push_str(&format!("LOG: {says}\n"));
    }
    if room.level == Some(Level::Account) {
        text.push_str(&format!("level account: {ACCOUNT_ALONE}\n"));
    }
    match incident {
        None => text.push_str(&format!("room {} · no incident is open\n", room.room)),
        Some(incident) => text.push_str(&incident_line(incident, now)),
    }
    let here = room.present.iter().map(|who| who.actor.person.to_string()).collect::<Vec<_>>().join(", ");
    let here = if here.is_empty() { "nobody".to_owned() } else { here };
    text.push_str(&format!("here: {here} · log at entry {} head {}\n", room.seq, room.head));
    text
}

/// The incident and its clocks in one line.
pub fn incident_line(incident: &Incident, now: Stamp) -> String {
    let clock = |name: &str, clock: IncidentClock| clock_line(name, incident, clock, now);
    format!(
        "{} {} · {} · {}{}{}{}{}\n",
        incident.severity.name().to_uppercase(),
        incident.title,
        incident.id,
        incident.status.name(),
        clock("impact", IncidentClock::Impact),
        clock("detected", IncidentClock::Detection),
        clock("decided", IncidentClock::Decision),
        clock("recovered", IncidentClock::Recovery),
    )
}

/// Plans that wait for a person or run, and texts whose removal was asked for.
fn waiting(mirror: &Mirror) -> (Vec<&PlanRecord>, Vec<(&Incident, &Redaction)>) {
    let plans = mirror.story.incidents.iter().flat_map(|incident| incident.plans.open()).collect();
    let all = mirror.story.incidents.iter();
    (plans, all.flat_map(|incident| incident.redactions.open().map(move |it| (incident, it))).collect())
}

/// The same for machines.
pub fn waiting_json(mirror: &Mirror) -> serde_json::Value {
    let (plans, texts) = waiting(mirror);
    let plans = plans.into_iter().map(|record| {
        json!({
            "plan": record.plan.plan, "action": record.plan.action, "service": record.plan.service,
            "title": record.plan.title, "state": record.state, "by": record.by.person, "digest": record.digest,
            "code": record.digest.spoken(), "persons": record.persons(), "missing": record.missing_persons(),
            "proposed_at": record.proposed_at,
        })
    });
    let texts = texts.into_iter().map(|(incident, it)| {
        json!({
            "redact": it.seq, "incident": incident.id, "proposal": it.proposal, "by": it.by.person,
            "code": it.hash.spoken(), "missing": it.missing(), "reason": why(incident, it),
        })
    });
    serde_json::Value::Array(plans.chain(texts).collect())
}

/// One line for each, with what to type.
pub fn waiting_lines(mirror: &Mirror) -> String {
    let (plans, texts) = waiting(mirror);
    let mut out = String::new();
    for record in plans {
        let (id, code, by) = (&record.plan.plan, record.digest.spoken(), &record.by.person);
        let waits = match record.missing_persons() {
            0 => record.state.name().to_owned(),
            1 => "waits for another person".to_owned(),
            n => format!("waits for {n} more persons"),
        };
        let title = &record.plan.title;
        out.push_str(&format!("PLAN {waits}: {title} (code {code}, by {by}): warroom plan show {id}\n"));
    }
    for (incident, it) in texts {
        let code: String = it.hash.spoken().split_whitespace().collect();
        out.push_str(&format!(
            "REDACTION waits for another person: {} asks to remove the text of entry {} ({}): \
             warroom timeline redact {} --confirm {code}\n",
            it.by.person,
            it.seq,
            why(incident, it),
            it.seq,
        ));
    }
    out
}

/// Reads why texts are to be removed, where that was long ago.
async fn read_reasons(link: &mut RoomLink) -> Result<(), CliError> {
    let (_, texts) = waiting(&link.mirror);
    let missing = texts.into_iter().filter(|(incident, it)| incident.item(it.proposal).is_none());
    let missing: Vec<_> = missing.map(|(incident, it)| (incident.id.clone(), it.proposal)).collect();
    for (incident, seq) in missing {
        link.read(&incident, seq).await?;
    }
    Ok(())
}

/// Why a text is to be removed.
fn why(incident: &Incident, it: &Redaction) -> String {
    incident.item(it.proposal).map(|item| item.text.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{RowBody, SourceRow};
    use crate::model::{SafeText, SourceId, System, Trouble, TroubleKind};

    fn at(clock: &str) -> Stamp {
        format!("2026-03-02T{clock}Z").parse().expect("a time")
    }

    fn source(system: System, trouble: Option<Trouble>) -> Row {
        let verdict = if trouble.is_some() { Verdict::Warning } else { Verdict::Ok };
        Row {
            id: "s".to_owned(),
            source: SourceId::new(system, "one"),
            verdict,
            seen_at: at("14:34:57"),
            stale: false,
            why: trouble.as_ref().map(|it| it.what.clone()).unwrap_or_default(),
            body: RowBody::Source(SourceRow {
                alive_at: Some(at("14:34:57")),
                troubled_since: trouble.as_ref().map(|_| at("14:34:57")),
                trouble,
                fresh_for_s: 30,
                reading: false,
                notes: Vec::new(),
            }),
        }
    }

    fn shown(topic: Topic, rows: Vec<Row>, sources: Vec<Row>) -> CommandOutput {
        let own = ShownRows { total: rows.len() as u64, rows, dropped: 0 };
        Table { topic, own, sources, services: Vec::new(), now: at("14:35:00") }.shown(None)
    }

    /// Everything that a command shows as a table; `clusters`, `services` and `sources` only as part of `status`.
    const TABLES: [Topic; 7] =
        [Topic::Events, Topic::Alerts, Topic::Backups, Topic::Gitops, Topic::Traffic, Topic::Slo, Topic::Silences];

    #[test]
    fn one_rule_gives_the_exit_code_of_every_table() {
        for topic in TABLES {
            let heard: Vec<Row> = topic.systems().iter().map(|system| source(*system, None)).collect();
            // Any body will do for a state; the rule looks at the verdict.
            let row = |verdict, stale| Row { verdict, stale, ..source(topic.systems()[0], None) };
            for (verdict, stale, code) in [
                (Verdict::Ok, false, Exit::Ok),
                (Verdict::Info, false, Exit::Ok),
                (Verdict::Unknown, false, Exit::Degraded),
                (Verdict::Warning, false, Exit::Degraded),
                (Verdict::Critical, false, Exit::Degraded),
                (Verdict::Ok, true, Exit::Degraded),
            ] {
                let exit = shown(topic, vec![row(verdict, stale)], heard.clone()).exit;
                assert_eq!(exit, code, "{topic:?} {verdict:?} stale {stale}");
            }
            let trouble =
                Trouble { kind: TroubleKind::Unreachable, what: "refused".into(), remedy: SafeText::default() };
            let silent = vec![source(topic.systems()[0], Some(trouble))];
            assert_eq!(shown(topic, vec![row(Verdict::Ok, false)], silent).exit, Exit::Degraded, "{topic:?}");
        }
    }

    #[test]
    fn an_empty_table_is_none_not_known_or_not_configured_and_only_not_known_is_a_trouble() {
        for topic in TABLES.into_iter().filter(|topic| *topic != Topic::Slo) {
            let heard: Vec<Row> = topic.systems().iter().map(|system| source(*system, None)).collect();
            let none = shown(topic, Vec::new(), heard);
            assert_eq!((none.exit, &none.json["empty"]["because"]), (Exit::Ok, &json!("none")), "{topic:?}");
            assert!(none.text.contains("one answered 3 s ago"), "{}", none.text);
            let trouble =
                Trouble { kind: TroubleKind::Unreachable, what: "refused".into(), remedy: SafeText::default() };
            let unknown = shown(topic, Vec::new(), vec![source(topic.systems()[0], Some(trouble))]);
            assert_eq!((unknown.exit, &unknown.json["empty"]["because"]), (Exit::Degraded, &json!("unknown")));
            assert!(unknown.text.lines().next().is_some_and(|it| it.contains("not known") && it.contains("refused")));
            let nothing = shown(topic, Vec::new(), Vec::new());
            assert_eq!((nothing.exit, &nothing.json["empty"]["because"]), (Exit::Ok, &json!("not_configured")));
        }
    }
}
