//! The incident in one page: what someone who joins now must know, in the order in which they ask.

use crate::actions;
use crate::approval::PlanState;
use crate::board::{AlertRow, ErrorBudget, Row, ServiceRow, SourceRow, Topic, Verdict};
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, KeyContext};
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{glyph, time};
use crate::model::{Action, Happening, SafeText, Stamp};
use crate::timeline::{Incident, IncidentClock};

use super::page::Page;
use super::pane_rows;
use super::{source_errors as trouble_words, timeline, timeline_text};

/// Muted critical alerts that are named; the silences pane has the rest.
const MOST_MUTED: usize = 6;

/// The page.
pub fn sheet(app: &Console, room: u16) -> Page {
    let mut sheet = Page::new("Situation");
    match app.incident() {
        Some(incident) => {
            sheet.title.push(span(Role::Text, format!("   {}", incident.title)));
            head(app, incident, &mut sheet, room);
            services(app, &mut sheet, room);
            decisions(app, incident, &mut sheet, room);
            plans(incident, &mut sheet, room);
        }
        None => {
            sheet.prose(Role::Text, "No incident is open.", room);
            sheet.pair("worse?", Role::Text, &worse(app), room);
            services(app, &mut sheet, room);
        }
    }
    wrong(app, &mut sheet, room);
    if let Some(incident) = app.incident() {
        record(app, incident, &mut sheet, room);
    }
    sources(app, &mut sheet, room);
    sheet
}

/// What someone who comes late asks first, a line each.
fn head(app: &Console, incident: &Incident, sheet: &mut Page, room: u16) {
    let severity = incident.severity.name().to_uppercase();
    sheet.pair("status", Role::Strong, &format!("{severity}, {}", incident.status.name()), room);
    let clocks = &incident.clocks;
    let end = clocks.recovery.map(|(at, _)| at).or(incident.closed_at).unwrap_or(app.at());
    let clock = |name: &str, clock: IncidentClock| {
        let words = clocks.words(clock, |at| app.zone.minutes(at))?;
        let ran = clocks.of(clock).map(|(at, _)| format!(" ({})", timeline_text::ran(clocks, at, end)));
        Some(format!("{name} {words}{}", ran.unwrap_or_default()))
    };
    let told = [
        clock("impact", IncidentClock::Impact),
        clock("detected", IncidentClock::Detection),
        clock("decided", IncidentClock::Decision),
    ];
    sheet.pair("since", Role::Text, &told.into_iter().flatten().collect::<Vec<_>>().join(" · "), room);
    match (clocks.recovery, incident.closed_at) {
        (Some(_), _) => {
            let words = clocks.words(IncidentClock::Recovery, |at| app.zone.minutes(at)).unwrap_or_default();
            sheet.pair("recovered", Role::Good, &words, room);
        }
        (None, end) => {
            if let Some(words) = clocks.words(IncidentClock::Recovery, |at| app.zone.minutes(at)) {
                sheet.pair("recovered", Role::Warning, &words, room);
            }
            if end.is_none() {
                sheet.pair("worse?", Role::Text, &worse(app), room);
            }
        }
    }
    if let Some(lost) = clocks.rpo_s {
        sheet.pair("data lost", Role::Text, &format!("{} of writes before the impact", time::words(lost)), room);
    }
    sheet.pair("next", Role::Strong, &next(app, incident), room);
    sheet.pair("ask", Role::Text, &ask(app, incident), room);
}

/// Whether it gets worse: what fires, and whether events become more.
fn worse(app: &Console) -> String {
    let alerts = rows::all(app, Pane::Alerts);
    let firing: Vec<Option<Stamp>> =
        alerts.into_iter().filter(|it| it.verdict() == Verdict::Critical).map(|it| began(&it)).collect();
    let (per_minute, trend) = rows::events::pace(app);
    // Since when nothing was added says more than how many there are.
    let newest = firing.iter().flatten().max().map(|at| time::words(time::since(*at, app.at())));
    let alerts = match (firing.len(), newest) {
        (0, _) => "no critical alert".to_owned(),
        (1, None) => "1 critical alert".to_owned(),
        (1, Some(newest)) => format!("1 critical alert, {newest} old"),
        (n, None) => format!("{n} critical alerts"),
        (n, Some(newest)) => format!("{n} critical alerts, the newest {newest} old"),
    };
    let unread = app.rows(Topic::Sources).iter().filter(|row| row.stale || row.verdict == Verdict::Unknown).count();
    let unread = if unread == 0 { String::new() } else { format!("; {unread} sources can't be read") };
    format!("{alerts}; about {per_minute} events a minute, {}{unread}", trend.name())
}

fn began(entry: &PaneEntry<'_>) -> Option<Stamp> {
    entry.row()?.as_kind::<AlertRow>()?.alert.starts_at
}

/// What happens next, as far as the log knows: a plan that runs or waits, else the last word on the status.
fn next(app: &Console, incident: &Incident) -> String {
    let live = incident.plans.open();
    match live.last() {
        Some(record) => timeline_text::plan_says(record),
        None if incident.closed_at.is_some() => "nothing: it is closed".to_owned(),
        None if incident.clocks.recovery.is_some() => {
            let key = availability::key(app, KeyContext::Main, Command::SetStatus);
            format!("service is back: watch it, then say so ({key} sets the status)")
        }
        None => after(app, incident),
    }
}

/// What is left to do where no plan is open and users still wait: what the last plan was, and what it left.
fn after(app: &Console, incident: &Incident) -> String {
    let key = |command| availability::key(app, KeyContext::Main, command);
    let last = incident.plans.by_id.values().max_by_key(|record| (record.changed_at, record.proposed_seq));
    match last.map(|record| (record, record.state)) {
        Some((record, PlanState::Succeeded)) => {
            (actions::spec(record.plan.action).next)(&|action| key(Command::Propose(action)))
        }
        Some((record, PlanState::Failed | PlanState::Stopped | PlanState::Interrupted)) => format!(
            "{}. Read what it left behind ({}), then propose what is missing",
            timeline_text::plan_says(record),
            key(Command::OpenProposal)
        ),
        _ if app.can_act() => {
            let propose = key(Command::Propose(Action::Failover));
            format!("no plan is open: decide ({}), or propose one ({propose})", key(Command::Decide))
        }
        _ => "no plan is open".to_owned(),
    }
}

/// Whom to ask: the commander, and who is at a console.
fn ask(app: &Console, incident: &Incident) -> String {
    let present: Vec<&str> = app.seen().present.iter().map(|who| who.actor.person.as_str()).collect();
    let commander = incident.commander.as_ref().map(|person| person.as_str());
    let first = match commander {
        None => "nobody commands".to_owned(),
        Some(person) if present.contains(&person) => format!("{person}, who commands"),
        Some(person) => format!("{person} commands, but is not here"),
    };
    let others: Vec<&str> = present.into_iter().filter(|person| Some(*person) != commander).collect();
    if others.is_empty() { first } else { format!("{first}; {} here too", others.join(", ")) }
}

/// What the log has of it: for who quotes.
fn record(app: &Console, incident: &Incident, sheet: &mut Page, room: u16) {
    sheet.heading("Record");
    sheet.pair("incident", Role::Text, incident.id.as_str(), room);
    let people: Vec<&str> = incident.people.keys().map(|person| person.as_str()).collect();
    sheet.pair("took part", Role::Text, &people.join(", "), room);
    let clocks = &incident.clocks;
    let labels = ["impact", "detected", "decided", "recovered"];
    for (label, clock) in labels.into_iter().zip(IncidentClock::ALL) {
        let (measured, stated) = (clocks.of(clock), clocks.stated.of(clock));
        let entries = measured.map(|(_, seq)| seq).into_iter().chain(stated.map(|it| it.seq));
        let entries: Vec<String> = entries.map(|seq| seq.to_string()).collect();
        let words = match clocks.words(clock, |at| app.zone.full(at)) {
            Some(words) => format!("{words} (entry {})", entries.join(", ")),
            None if incident.closed_at.is_some() => "never recorded".to_owned(),
            None => "not yet".to_owned(),
        };
        sheet.pair(label, Role::Text, &words, room);
    }
}

fn decisions(app: &Console, incident: &Incident, sheet: &mut Page, room: u16) {
    let worth = |happening: &Happening| matches!(happening, Happening::Decision(_) | Happening::FollowUp(_));
    let items: Vec<_> = incident.items.iter().filter(|item| item.pinned || worth(&item.entry.happening)).collect();
    if items.is_empty() {
        return;
    }
    sheet.heading("Decided, pinned, to do");
    for item in items {
        let label =
            format!("{} {}", time::t_plus(timeline::zero(incident), item.placed), app.zone.minutes(item.placed));
        sheet.pair(&label, Role::Text, &format!("{}: {}", item.entry.by.person, timeline_text::says(item)), room);
    }
}

fn plans(incident: &Incident, sheet: &mut Page, room: u16) {
    if incident.plans.by_id.is_empty() {
        return;
    }
    sheet.heading("Plans");
    for record in incident.plans.by_id.values() {
        let (glyph, _) = timeline_text::plan_mark(record.state);
        let label = format!("{glyph} {}", timeline_text::persons(record).join("+"));
        sheet.pair(&label, Role::Text, &timeline_text::plan_says(record), room);
    }
}

fn services(app: &Console, sheet: &mut Page, room: u16) {
    let rows = app.rows(Topic::Services);
    if rows.is_empty() {
        return;
    }
    sheet.heading("Services");
    for row in rows {
        let Some(it) = row.as_kind::<ServiceRow>() else { continue };
        let ServiceRow { name, rto_s, rpo_s, restore_point, good_percent, failing_since, .. } = it;
        let mut parts = Vec::new();
        // A probe that flapped fails anew; the service has not been well since the incident's impact.
        let impact = app.incident().filter(|it| it.closed_at.is_none() && it.services.contains(name));
        let impact = impact.and_then(|it| it.clocks.impact.filter(|_| it.clocks.recovery.is_none()));
        let since = failing_since.map(|at| impact.map_or(at, |(impact, _)| impact.min(at)));
        parts.extend(since.map(|at| format!("failing for {}", time::words(time::since(at, app.at())))));
        parts.extend(good_percent.map(|good| format!("{good} % of answers good")));
        parts.push(format!("RTO {}, RPO {}", time::words(*rto_s), time::words(*rpo_s)));
        parts.push(match restore_point {
            Some(point) => format!(
                "newest restore point {} is {} old",
                point.name,
                time::words(time::since(point.started, app.at()))
            ),
            None => "no usable restore point".to_owned(),
        });
        parts.extend(budget(app, name));
        let (glyph, role) = glyph::of(if row.stale { Verdict::Unknown } else { row.verdict });
        sheet.pair(
            &format!("{glyph} {name}"),
            if role == Role::Good { Role::Text } else { role },
            &parts.join(" · "),
            room,
        );
    }
}

/// The error budget of a service, if one was promised.
fn budget(app: &Console, service: &str) -> Option<String> {
    let mut budgets = app.rows(Topic::Slo).iter().filter_map(Row::with_kind::<ErrorBudget>);
    let (row, it) = budgets.find(|(_, it)| it.service == service)?;
    let state = if row.stale { "STALE" } else { it.state.words() };
    let burn = it.burn.filter(|_| !row.stale).map(|burn| format!(" {burn}×")).unwrap_or_default();
    Some(format!("error budget {}, {state}{burn}", it.left_words()))
}

fn wrong(app: &Console, sheet: &mut Page, room: u16) {
    sheet.heading("Wrong now");
    let before = sheet.lines.len();
    for pane in Pane::with_tables() {
        let critical = rows::all(app, pane).into_iter().filter(|entry| entry.verdict() == Verdict::Critical);
        for entry in critical.take(6) {
            sheet.pair(pane.title(), Role::Text, &pane_rows::plain(app, pane, &entry), room);
        }
    }
    // What is muted burns all the same, and calls nobody.
    for (row, alert) in rows::alerts::muted_critical(app).take(MOST_MUTED) {
        sheet.pair("Muted", Role::Warning, &format!("{} fires and calls nobody: {}", alert.name, row.why), room);
    }
    if sheet.lines.len() == before {
        sheet.prose(Role::Text, "Nothing critical is known.", room);
    }
}

fn sources(app: &Console, sheet: &mut Page, room: u16) {
    let rows = app.rows(Topic::Sources);
    if rows.is_empty() {
        return;
    }
    sheet.heading("Sources");
    for row in rows {
        let Some(SourceRow { alive_at, troubled_since, trouble, notes, .. }) = row.as_kind() else { continue };
        let age = |at: &Stamp| time::age(time::since(*at, app.at()));
        let (role, words) = match (trouble, alive_at) {
            (Some(trouble), _) => {
                let unwell = trouble_words::unwell(app, trouble, *troubled_since);
                let words = format!("{unwell}: {} · {}", trouble.what, trouble.remedy);
                (Role::Warning, words.trim_end_matches([' ', '·']).to_owned())
            }
            (None, Some(at)) if row.stale => (Role::Warning, format!("STALE {}", age(at))),
            (None, Some(at)) => (Role::Text, format!("read {} ago", age(at)).replace("now ago", "just now")),
            (None, None) => (Role::Unknown, "not read yet".to_owned()),
        };
        sheet.pair(&row.source.to_string(), role, &words, room);
        if !notes.is_empty() {
            let way: Vec<&str> = notes.iter().map(SafeText::as_str).collect();
            sheet.pair("  reached by", Role::Dim, &way.join(", "), room);
        }
    }
}
