//! Two lines that answer, without a key: what is wrong, is it getting worse, who is here, how long is left.

use ratatui::layout::Rect;

use crate::board::{Row, ServiceRow, SourceRow, Topic, Verdict};
use crate::client::LinkState;
use crate::console::app::Console;
use crate::console::availability;
use crate::console::keymap::{Command, KeyContext};
use crate::console::pane::Pane;
use crate::console::rows;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::priority_line::{self, LinePart};
use crate::console::widget::{Canvas, Words, glyph, text, time};
use crate::model::{Objective, Severity, Stamp};
use crate::timeline::{Incident, IncidentClock};

use super::timeline_text;

/// Draws header and banner.
pub fn draw(app: &Console, canvas: &mut Canvas<'_>, area: Rect) {
    let room = area.width.saturating_sub(2);
    let mut y = area.y;
    let banner = banner(app);
    let lines = area.height.saturating_sub(u16::from(banner.is_some()));
    if lines > 0 {
        // A narrow line needs its cells for words.
        priority_line::draw(canvas, 1, y, room, if area.width < 100 { 2 } else { 3 }, first(app));
        y += 1;
    }
    if lines > 1 {
        priority_line::draw(canvas, 1, y, room, 3, second(app));
        y += 1;
    }
    if let (Some(banner), true) = (banner, y < area.bottom()) {
        put_banner(canvas, Rect::new(0, y, area.width, 1), &banner);
    }
}

/// A rule below the title of a page; where there is a banner, that instead: no page hides it.
pub fn rule_or_banner(app: &Console, canvas: &mut Canvas<'_>, y: u16) {
    let line = Rect::new(0, y, app.size.0, 1);
    match banner(app) {
        Some(banner) => put_banner(canvas, line, &banner),
        None => canvas.line(line, y),
    }
}

fn put_banner(canvas: &mut Canvas<'_>, line: Rect, (role, words): &(Role, String)) {
    let room = line.width.saturating_sub(2);
    canvas.clear(line, *role);
    canvas.put(1, line.y, &text::end(words, room), *role, room);
}

/// What everyone must know before anything else: the link is lost, recording is off, the log does not verify; and, in a
/// calmer look, that the log is filling up.
pub fn banner(app: &Console) -> Option<(Role, String)> {
    if let Some(words) = alarm(app) {
        return Some((Role::Banner, words));
    }
    let log = app.mirror.log_room.as_ref()?;
    Some((if log.full { Role::Banner } else { Role::BadgeWarning }, format!("LOG: {}", log.says)))
}

fn alarm(app: &Console) -> Option<String> {
    let mirror = &app.mirror;
    if let Some(why) = &mirror.broken {
        return Some(format!(
            "THE LOG DOES NOT VERIFY: {why}. Believe no entry after it; tell the room and keep the file."
        ));
    }
    if let LinkState::Lost { since, why } = &mirror.link {
        let lasts = lasts(time::since(*since, app.now.room));
        // The reason comes last: where the line is too short for all of it, what to make of the screen still stands.
        return Some(format!("THE ROOM IS NOT REACHED {lasts}. What you see is old; trying again: {why}"));
    }
    if let LinkState::Refused { since, why } = &mirror.link {
        let lasts = lasts(time::since(*since, app.now.room));
        return Some(format!("THE ROOM REFUSES THIS CONSOLE {lasts}. What you see is old; start it again: {why}"));
    }
    if let Some(why) = &mirror.degraded {
        return Some(format!("NOTHING IS RECORDED AND NOTHING CAN BE DONE: {why}. Panes stay up."));
    }
    None
}

/// For how long it has been so. "For now" would say that it is no matter.
fn lasts(seconds: u64) -> String {
    match time::age(seconds).as_str() {
        "now" => "since just now".to_owned(),
        age => format!("for {age}"),
    }
}

fn first(app: &Console) -> Vec<LinePart> {
    let mut facts = Vec::new();
    match app.incident() {
        Some(incident) => {
            facts.push(LinePart::left(0, badge(incident)));
            let title = incident.title.as_str();
            let half = (app.size.0 / 2).max(20);
            facts.push(
                LinePart::left(1, vec![span(Role::Strong, text::end(title, half))])
                    .or(vec![span(Role::Strong, text::end(title, (app.size.0 / 4).max(10)))]),
            );
            // The first to leave: nobody says it aloud, and every export has it.
            facts.push(LinePart::left(8, vec![span(Role::Dim, incident.id.as_str())]).or(Words::new()));
            facts.push(LinePart::left(
                2,
                vec![span(timeline_text::status_role(incident.status), incident.status.name())],
            ));
        }
        None => facts.push(LinePart::left(1, vec![span(Role::Strong, calm_words(app))])),
    }
    let (people, few) = people(app);
    facts.push(LinePart::right(6, people).or(few));
    if let Some(past) = &app.past {
        let words = format!(" PAST {} ", past.instant(&app.zone, app.now.room));
        let back = format!(" {}: now", availability::key(app, KeyContext::Main, Command::Back));
        facts.push(LinePart::right(0, vec![span(Role::Banner, words), span(Role::Dim, back)]));
    }
    if let Some(held) = &app.frozen {
        facts.push(frozen(app, held.at));
    }
    if app.warnings {
        let left_out = span(Role::Dim, format!(" · {} rows left out", rows::calm(app)));
        let full = vec![span(Role::Accent, "warnings only"), left_out];
        facts.push(LinePart::right(1, full).or(vec![span(Role::Accent, "warnings only")]));
    }
    if !app.hidden.is_empty() {
        facts.push(hidden(app));
    }
    if app.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some()) {
        facts.push(LinePart::right(0, vec![span(Role::BadgeDrill, " DRILL ")]));
    }
    facts.push(clock(app));
    facts
}

/// That the screen is held still, since when, and exactly what goes on behind it. The clock beside it goes on.
fn frozen(app: &Console, at: Stamp) -> LinePart {
    let unseen = app.unseen;
    let count = |n: u64, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let rows = count(u64::try_from(unseen.rows).unwrap_or(u64::MAX), "row", "rows");
    let entries = count(unseen.entries, "entry", "entries");
    let parts: Vec<String> = [rows, entries].into_iter().flatten().collect();
    let words = if parts.is_empty() { "nothing new".to_owned() } else { format!("{} unseen", parts.join(", ")) };
    let held = |words: &str| span(Role::Banner, format!(" FROZEN {words}{} ", app.zone.seconds(at)));
    let all = u64::try_from(unseen.rows).unwrap_or(u64::MAX).saturating_add(unseen.entries);
    let few = span(Role::Strong, format!(" {all} unseen"));
    LinePart::right(0, vec![held("at "), span(Role::Strong, format!(" {words}"))]).or(vec![held(""), few])
}

/// Which panes are hidden, and the worst in each: what is off the screen is not out of the world.
fn hidden(app: &Console) -> LinePart {
    let mut words = vec![span(Role::Dim, "hidden")];
    for pane in &app.hidden {
        words.push(span(Role::Dim, format!(" {}", pane.number())));
        let worst = rows::all(app, *pane).counts().worst();
        if let Some(worst) = worst.filter(|worst| *worst >= Verdict::Unknown && *pane != Pane::Timeline) {
            let (glyph, role) = glyph::of(worst);
            words.push(span(role, glyph));
        }
    }
    let few = span(Role::Dim, format!("hidden {}", app.hidden.len()));
    LinePart::right(3, words).or(vec![few])
}

/// The clock stays as long as anything: to the minute where there is room for no more.
fn clock(app: &Console) -> LinePart {
    let now = app.now.room;
    let seconds = vec![span(Role::Strong, app.zone.seconds(now))];
    match app.size.0 {
        0..60 => LinePart::right(1, seconds).or(vec![span(Role::Strong, app.zone.minutes(now))]),
        _ => {
            let zone = span(Role::Dim, format!(" {}", app.zone.name));
            LinePart::right(1, [seconds.clone(), vec![zone]].concat()).or(seconds)
        }
    }
}

fn calm_words(app: &Console) -> String {
    match app.mirror.welcome.as_ref() {
        Some(welcome) => format!("{}: no incident is open", welcome.room),
        None => "Waiting for the room".to_owned(),
    }
}

fn badge(incident: &Incident) -> Words {
    let role = match incident.severity {
        _ if incident.closed_at.is_some() => Role::BadgeCalm,
        Severity::Sev1 | Severity::Sev2 => Role::BadgeCritical,
        Severity::Sev3 => Role::BadgeWarning,
        Severity::Sev4 => Role::BadgeCalm,
    };
    vec![span(role, format!(" {} ", incident.severity.name().to_uppercase()))]
}

/// Who is here, the commander first; in few words only how many.
fn people(app: &Console) -> (Words, Words) {
    let commander = rows::people::commander(app);
    let mut full = Words::new();
    match commander {
        Some(person) => full.push(span(Role::Strong, format!("{person} commands"))),
        None if app.incident_open() => full.push(span(Role::Warning, "nobody commands")),
        None => {}
    }
    let present = &app.mirror.present;
    for who in present.iter().filter(|who| Some(&who.actor.person) != commander) {
        let between = if full.is_empty() { "" } else { " · " };
        full.push(span(Role::Dim, format!("{between}{}", who.actor.person)));
        if who.actor.simulated {
            full.push(span(Role::Drill, "~"));
        }
    }
    // On a narrow line only who commands: how many are here stands in the title of their pane.
    let wide = app.size.0 >= 100;
    let others = present.iter().filter(|who| Some(&who.actor.person) != commander).count();
    let here = match others {
        0 => String::new(),
        _ if !wide && app.incident_open() => String::new(),
        n => format!(
            ", {n} {} here",
            if commander.is_none() {
                "people"
            } else if n == 1 {
                "other"
            } else {
                "others"
            }
        ),
    };
    let few = match commander {
        Some(person) => vec![span(Role::Strong, format!("{person} commands")), span(Role::Dim, here)],
        None if app.incident_open() => vec![span(Role::Warning, "nobody commands"), span(Role::Dim, here)],
        None => vec![span(Role::Dim, here.trim_start_matches([',', ' ']))],
    };
    (full, few)
}

fn second(app: &Console) -> Vec<LinePart> {
    match app.incident() {
        Some(incident) => clocks(app, incident),
        None => calm(app),
    }
}

/// Without an incident: how the sources and services stand.
fn calm(app: &Console) -> Vec<LinePart> {
    let sources = app.rows(Topic::Sources).iter().filter_map(Row::with_kind::<SourceRow>);
    let bad = sources.clone().filter(|(row, source)| row.stale || source.trouble.is_some()).count();
    let words = match (sources.count(), bad) {
        (0, _) => Words::new(),
        (n, _) if app.lost() => vec![span(Role::Unknown, format!("{n} sources, as they last were"))],
        (n, 0) => vec![span(Role::Good, format!("all {n} sources read"))],
        (n, bad) => vec![span(Role::Warning, format!("{bad} of {n} sources can't be read"))],
    };
    vec![LinePart::left(1, words), LinePart::right(2, exposure(app, None))]
}

/// The objective that binds: the tightest RTO of the services concerned.
fn objective<'a>(app: &'a Console, incident: &Incident) -> Option<&'a Objective> {
    let all = &app.mirror.welcome.as_ref()?.objectives;
    let concerned = all.iter().filter(|it| incident.services.contains(&it.service));
    concerned.min_by_key(|it| it.rto_s).or_else(|| all.iter().min_by_key(|it| it.rto_s))
}

fn clocks(app: &Console, incident: &Incident) -> Vec<LinePart> {
    let clocks = &incident.clocks;
    let end = clocks.recovery.map(|(at, _)| at).or(incident.closed_at).unwrap_or(app.at());
    let mut facts = Vec::new();
    let mut running = |rank, name: &str, clock: IncidentClock| {
        let mut said = vec![span(Role::Dim, format!("{name} "))];
        said.extend(clocks.of(clock).map(|(from, _)| span(Role::Strong, timeline_text::ran(clocks, from, end))));
        let few = said.clone();
        // Where somebody states another instant, both are shown; the clock runs on from the measured one.
        match (clocks.stated.of(clock), clocks.of(clock)) {
            (Some(_), None) => {
                let both = clocks.words(clock, |at| app.zone.minutes(at)).unwrap_or_default();
                said.push(span(Role::Dim, both));
            }
            (Some(it), Some(_)) => {
                said.push(span(Role::Dim, format!(" (stated by {}: {})", it.by, app.zone.minutes(it.at))));
            }
            (None, Some(_)) => {}
            (None, None) => return,
        }
        facts.push(LinePart::left(rank, said).or(few));
    };
    running(1, "impact", IncidentClock::Impact);
    running(4, "detected", IncidentClock::Detection);
    running(5, "decided", IncidentClock::Decision);
    if let (Some(objective), Some((from, _))) = (objective(app, incident), clocks.impact.or(clocks.detection)) {
        let used = time::since(from, end);
        facts.push(match (clocks.recovery, incident.closed_at) {
            (None, Some(_)) => LinePart::left(3, vec![span(Role::Warning, "closed without a recovery, RTO not met")]),
            (recovery, _) => rto(app, used, objective.rto_s, recovery.is_some()),
        });
    }
    if clocks.stated.recovery.is_some() {
        let words = clocks.words(IncidentClock::Recovery, |at| app.zone.minutes(at)).unwrap_or_default();
        let role = if clocks.recovery.is_some() { Role::Dim } else { Role::Warning };
        facts.push(LinePart::left(3, vec![span(Role::Dim, "recovery "), span(role, words)]));
    }
    facts.push(LinePart::right(2, exposure(app, Some(incident))));
    facts
}

/// `RTO 30:00 ▕███░░░▏ 11:18 left`; in few words without the bar.
fn rto(app: &Console, used: u64, rto: u64, done: bool) -> LinePart {
    let over = used > rto;
    let role = match over {
        true => Role::Critical,
        false if used * 4 > rto * 3 => Role::Warning,
        false => Role::Strong,
    };
    let verdict = match (done, over) {
        (true, false) => format!("met with {} to spare", time::clock(rto - used)),
        (true, true) => format!("missed by {}", time::clock(used - rto)),
        (false, false) => format!("{} left", time::clock(rto - used)),
        (false, true) => format!("OVER by {}", time::clock(used - rto)),
    };
    let role = if done && !over { Role::Good } else { role };
    let name = span(Role::Dim, format!("RTO {} ", time::clock(rto)));
    let length = if app.size.0 >= 150 { 40 } else { 16 };
    let full = (used.saturating_mul(length) / rto.max(1)).min(length);
    let bar = |n: u64, glyph: &str| glyph.repeat(usize::try_from(n).unwrap_or(0));
    let words = vec![
        name.clone(),
        span(Role::Dim, "▕"),
        // Time that is used up is no news until it runs short.
        span(if role == Role::Strong { Role::Dim } else { role }, bar(full, "█")),
        span(Role::BarRest, bar(length - full, "░")),
        span(Role::Dim, "▏ "),
        span(role, verdict.clone()),
    ];
    LinePart::left(3, words).or(vec![span(Role::Dim, "RTO "), span(role, verdict)])
}

/// What would be (or is) lost: writes since the newest usable restore point.
fn exposure(app: &Console, incident: Option<&Incident>) -> Words {
    if let Some(lost) = incident.and_then(|incident| incident.clocks.rpo_s) {
        let within = incident.and_then(|incident| objective(app, incident)).is_none_or(|it| lost <= it.rpo_s);
        let role = if within { Role::Strong } else { Role::Critical };
        let verb = if incident.is_some_and(|incident| incident.clocks.recovery.is_some()) { "lost" } else { "losing" };
        let of = if within { "" } else { ", over the RPO" };
        return vec![
            span(Role::Dim, format!("{verb} ")),
            span(role, time::words(lost)),
            span(Role::Dim, format!(" of data{of}")),
        ];
    }
    let worst = app.rows(Topic::Services).iter().filter_map(Row::with_kind::<ServiceRow>).map(|(row, it)| {
        let age = it.restore_point.as_ref().map(|point| time::since(point.started, app.at()));
        (age.unwrap_or(u64::MAX), &it.name, it.rpo_s, row.stale)
    });
    match worst.max_by_key(|(age, ..)| *age) {
        Some((u64::MAX, name, ..)) => vec![span(Role::Critical, format!("{name} has no usable restore point"))],
        Some((age, _, _, true)) => {
            vec![span(Role::Unknown, format!("would lose {} of data or more", time::words(age)))]
        }
        Some((age, _, rpo, _)) => {
            let role = if age > rpo { Role::Critical } else { Role::Strong };
            vec![span(Role::Dim, "would lose "), span(role, time::words(age)), span(Role::Dim, " of data")]
        }
        None => Words::new(),
    }
}
