//! Who is here, who commands, and who took part and is gone.

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::PaneEntry;
use crate::console::rows::people::commander;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, glyph, priority_line};
use crate::model::PersonRole;
use crate::model::{Level, PersonId, Stamp};

use super::pane_spec::PaneSpec;

/// Mark, name, role, when they joined or were last heard of, how we know.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 6), Column::fixed(1), Column::fixed(2), Column::sentence(3, 5)];

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::People,
    columns: COLUMNS,
    cells,
    summary,
    signal: |app| vec![span(Role::Dim, app.seen().present.len().to_string())],
    empty: |_| "Nobody is here yet.".to_owned(),
};

/// One person.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let commander = commander(app);
    let who = match entry {
        PaneEntry::Who(who) => who,
        PaneEntry::Away(person, at) => return away(app, person, *at, commander == Some(*person)),
        _ => return Vec::new(),
    };
    let person = &who.actor.person;
    let commands = commander == Some(person);
    let mut name = vec![span(Role::Strong, person.as_str())];
    if app.me() == Some(person) {
        name.push(span(Role::Dim, " (you)"));
    }
    let role = match who.role {
        _ if commands => span(Role::Accent, "commands"),
        PersonRole::Observer => span(Role::Dim, "may look"),
        PersonRole::Operator | PersonRole::Commander => span(Role::Dim, "may act"),
    };
    let known = match who.actor.level {
        _ if who.actor.simulated => span(Role::Drill, "simulated"),
        Level::Drill => span(Role::Drill, "drill"),
        Level::Account => span(Role::Dim, "account"),
        Level::Session => span(Role::Dim, "session"),
        Level::Key => span(Role::Dim, "key"),
        Level::Touch => span(Role::Dim, "key, touched"),
    };
    vec![
        vec![span(Role::Good, "●")],
        name,
        vec![role],
        vec![span(Role::Dim, format!("joined {}", when(app, who.since)))],
        vec![known],
    ]
}

/// A time of day, with the day where that is another: an age would not say of what.
fn when(app: &Console, at: Stamp) -> String {
    match app.zone.day(at) == app.zone.day(app.at()) {
        true => app.zone.minutes(at),
        false => format!("{} {}", app.zone.day(at), app.zone.minutes(at)),
    }
}

/// Someone who is not at a console. A commander who is gone is news.
fn away(app: &Console, person: &PersonId, at: Stamp, commands: bool) -> Vec<ColumnText> {
    let role = if commands { span(Role::Warning, "commands") } else { span(Role::Dim, "not here") };
    let heard = format!("heard {}", when(app, at));
    vec![
        if commands { vec![span(Role::Warning, glyph::WARNING)] } else { vec![span(Role::Text, " ")] },
        vec![span(if commands { Role::Strong } else { Role::Dim }, person.as_str())],
        vec![role],
        vec![span(Role::Dim, heard)],
        vec![span(Role::Dim, if commands { "not here" } else { "" })],
    ]
}

/// How many, and who commands.
pub fn summary(app: &Console) -> Words {
    let here = match app.seen().present.len() {
        0 => Words::new(),
        n => vec![span(Role::Dim, format!("{n} here"))],
    };
    let commands = match app.incident().filter(|incident| incident.closed_at.is_none()) {
        Some(incident) => match &incident.commander {
            Some(person) => vec![span(Role::Dim, format!("{person} commands"))],
            None => vec![span(Role::Warning, "nobody commands")],
        },
        None => Words::new(),
    };
    priority_line::join(vec![here, commands], &span(Role::Dim, " · "))
}
