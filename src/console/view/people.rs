//! Who else is here.

use crate::console::app::App;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Cell, Column, Words, time};
use crate::model::Level;
use crate::model::Role as PersonRole;

use super::list::Entry;

/// Mark, name, role, since, how we know.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 6), Column::fixed(1), Column::number(2), Column::sentence(3, 6)];

/// Everyone with a console open.
pub fn entries(app: &App) -> Vec<Entry<'_>> {
    app.seen().present.iter().map(Entry::Who).collect()
}

/// One person.
pub fn cells(app: &App, entry: &Entry<'_>) -> Vec<Cell> {
    let Entry::Who(who) = entry else { return Vec::new() };
    let person = &who.actor.person;
    let commands = app.incident().and_then(|incident| incident.commander.as_ref()) == Some(person);
    let mut name = vec![span(Role::Strong, person.as_str())];
    if app.me() == Some(person) {
        name.push(span(Role::Dim, " (you)"));
    }
    let role = match who.role {
        _ if commands => span(Role::Accent, "commands"),
        PersonRole::Observer => span(Role::Dim, "observes"),
        PersonRole::Operator => span(Role::Dim, "operator"),
        PersonRole::Commander => span(Role::Dim, "commander"),
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
        vec![span(Role::Dim, time::age(time::since(who.since, app.at())))],
        vec![known],
    ]
}

/// How many.
pub fn summary(app: &App) -> Words {
    match app.seen().present.len() {
        0 => Words::new(),
        n => vec![span(Role::Dim, format!("{n} here"))],
    }
}
