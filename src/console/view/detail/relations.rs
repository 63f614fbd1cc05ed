//! A person who left, and what stands below the facts of a page: related rows that can be opened, and the raw object.

use crate::board::describe::Description;
use crate::board::event_groups::EventGroup;
use crate::board::readiness::carrier;
use crate::board::{EventRow, Row, ServiceRow, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::PaneEntry;
use crate::console::theme::Role;
use crate::console::view::backups;
use crate::console::view::page::Page;
use crate::console::view::related::{self, PageLink};
use crate::console::widget::canvas::span;
use crate::console::widget::{columns, glyph, text};
use crate::model::{PersonId, Stamp, clean};
use crate::timeline::Item;

use super::FactPage;

/// A person who was here.
pub(super) fn of_away(app: &Console, person: &PersonId, at: Stamp, sheet: &mut Page, room: u16) {
    let mut facts = FactPage { app, sheet, room };
    facts.text("person", person.as_str());
    facts.text("here", "no: no console of theirs is open");
    facts.time("last heard", Some(at));
    let Some(incident) = app.incident() else { return };
    facts.time("took part since", incident.people.get(person).copied());
    let own = incident.items.iter().filter(|item| item.entry.by.person == *person).count();
    facts.text("entries", &own.to_string());
    facts.text("commands", if incident.commander.as_ref() == Some(person) { "yes" } else { "no" });
}

/// What a service would lose: the page of that answer, and only then how the service's users are served, which is another.
pub(super) fn of_loss(app: &Console, row: &Row, verdict: Verdict, sheet: &mut Page, room: u16) {
    let Some(ServiceRow { name, restore_point, .. }) = row.as_kind() else { return };
    let (mark, role) = glyph::of(verdict);
    sheet.title.push(span(role, format!("   {mark} what {name} would lose: {}", verdict.name())));
    sheet.pair("why", role, &backups::because(app, row), room);
    let mut facts = FactPage { app, sheet, room };
    if let Some(point) = restore_point {
        facts.described(|page, each| {
            point.describe(&mut Description { source: &row.source, page: Some(page), each });
        });
        carrier(app.rows(Topic::Backups), name, point).into_iter().for_each(|carrier| facts.proof(carrier));
    }
    sheet.heading(&format!("The service {name} itself, by its probes and objectives"));
    let (mark, role) = glyph::of(if row.stale { Verdict::Unknown } else { row.verdict });
    let why = if row.why.is_empty() { String::new() } else { format!(": {}", row.why) };
    sheet.pair("stands", role, &format!("{mark} {}{why}", row.verdict.name()), room);
    let mut facts = FactPage { app, sheet, room };
    facts.described(|page, each| row.describe(Some(page), each));
    facts.proof(row);
}

/// Lines that lead to what else is about the same thing.
pub(super) fn relations(app: &Console, pane: Pane, entry: &PaneEntry<'_>, sheet: &mut Page, room: u16) {
    if let PaneEntry::Fold(fold) = entry {
        objects(app, fold, sheet, room);
    }
    let related = related::of(app, pane, entry);
    if related.is_empty() {
        return;
    }
    sheet.heading("Related");
    for it in related {
        let line = vec![
            span(Role::Dim, format!("{:<10}", it.pane.title())),
            span(Role::Text, text::end(&it.words, room.saturating_sub(10))),
        ];
        sheet.link(line, it.to);
    }
}

/// The most objects of a fold that a page lists.
const MOST_OBJECTS: usize = 200;

/// Every object of a fold, the newest first.
fn objects(app: &Console, fold: &EventGroup<'_>, sheet: &mut Page, room: u16) {
    sheet.heading("Objects, a line for each event");
    let own =
        app.rows(Topic::Events).iter().filter_map(Row::with_kind::<EventRow>).filter(|(_, event)| fold.holds(event));
    let all = own.clone().count();
    for (row, event) in own.take(MOST_OBJECTS) {
        let count = format!("{:>6}  ", format!("×{}", event.count));
        let line = vec![
            span(Role::Dim, format!("{}  ", app.zone.seconds(event.last))),
            span(Role::Text, count),
            span(Role::Text, text::middle(event.object_name.as_str(), 40)),
            span(Role::Dim, format!("  {}", event.message)),
        ];
        sheet.link(columns::cut(&line, room, true), PageLink::Row(Pane::Events, row.id.clone()));
    }
    if all > MOST_OBJECTS {
        sheet.prose(Role::Dim, &format!("and {} more", all - MOST_OBJECTS), room);
    }
}

/// The most lines of a raw object: one with more is read with `-o json`.
const MOST_RAW: usize = 2_000;

/// The object as it is held, for whoever needs a field that has no line of its own.
pub(super) fn raw(entry: &PaneEntry<'_>, sheet: &mut Page, room: u16) {
    let (title, json) = match entry {
        PaneEntry::Row(row) | PaneEntry::Pool(row, ..) | PaneEntry::Loss(row, _) => {
            ("the board", serde_json::to_value(row))
        }
        PaneEntry::Item(item) | PaneEntry::Waver(item, _) => ("the log", Ok(raw_entry(item))),
        PaneEntry::Who(who) => ("the room", serde_json::to_value(who)),
        PaneEntry::Fold(_) | PaneEntry::Away(..) | PaneEntry::Plan(_) => return,
    };
    let Ok(json) = json.and_then(|json| serde_json::to_string_pretty(&json)) else { return };
    sheet.heading(&format!("Raw object, as {title} holds it"));
    for line in json.lines().take(MOST_RAW) {
        let inside = line.trim_start();
        let indent = " ".repeat((line.len() - inside.len()).min(usize::from(room / 2)));
        // Outside text was cleaned at the boundary; JSON escapes what is left.
        for part in text::wrap(inside, room.saturating_sub(indent.len() as u16)) {
            sheet.line(vec![span(Role::Dim, format!("{indent}{part}"))]);
        }
    }
    if json.lines().count() > MOST_RAW {
        sheet.prose(Role::Dim, "…", room);
    }
}

fn raw_entry(item: &Item) -> serde_json::Value {
    let entry = &item.entry;
    let data = entry.happening.data_json().ok();
    let data = data.and_then(|data| clean::from_str::<serde_json::Value>(&data).ok());
    serde_json::json!({
        "seq": entry.seq, "bt": entry.batch, "ts": entry.ts, "boot": entry.boot, "mono": entry.mono, "room": entry.room,
        "inc": entry.incident, "by": entry.by, "src": entry.src, "k": entry.happening.kind(), "d": data,
        "text": entry.text, "prev": entry.prev.hex(), "h": entry.hash.hex(),
    })
}
