//! What a filter can ask of a pane's rows, and what completes one.

use crate::console::app::App;
use crate::console::pane::Pane;
use crate::model::filter::{Completion, Field, Fields, Filter, complete};
use crate::model::{Role, Stamp};
use crate::timeline::{Incident, Told};

use super::pane_rows::{self, Entry};

/// A pane's row with the incident whose words its entries are told in.
pub struct Asked<'a> {
    pub entry: Entry<'a>,
    pub incident: Option<&'a Incident>,
}

type Each<'a> = &'a mut dyn FnMut(&str);

impl<'a> Asked<'a> {
    /// Rows, entries and plans answer for themselves, on the command line too. Pools and persons are the console's own.
    fn with<T>(&self, ask: impl FnOnce(&dyn Fields) -> T) -> Option<T> {
        match (&self.entry, self.incident) {
            (Entry::Row(row), _) => Some(ask(*row)),
            (Entry::Plan(record), _) => Some(ask(*record)),
            (entry, Some(incident)) => entry.item().map(|item| ask(&Told { incident, item })),
            _ => None,
        }
    }

    fn own(&self, field: Field, each: Each<'_>) {
        match (&self.entry, field) {
            (Entry::Pool(_, pool, _), Field::Name) => each(pool.name.as_str()),
            (Entry::Pool(..), Field::Kind) => each("pool"),
            (Entry::Pool(row, pool, _), Field::State) => {
                if row.stale {
                    each("stale");
                }
                each(match (pool.enabled, pool.healthy) {
                    (Some(false), _) => "off",
                    (_, Some(true)) => "up",
                    (_, Some(false)) => "down",
                    (_, None) => "unknown",
                });
            }
            (Entry::Pool(row, ..), Field::Service | Field::Source) => row.values(field, each),
            (Entry::Who(who), Field::Person | Field::Name) => each(who.actor.person.as_str()),
            (Entry::Who(_), Field::Kind) => each("person"),
            (Entry::Who(who), Field::State) => each(match who.role {
                Role::Observer => "observer",
                Role::Operator => "operator",
                Role::Commander => "commander",
            }),
            _ => {}
        }
    }
}

impl Fields for Asked<'_> {
    fn texts(&self, each: Each<'_>) {
        if self.with(|it| it.texts(each)).is_none() {
            for field in [Field::Kind, Field::Name, Field::State] {
                self.own(field, each);
            }
            if let Entry::Pool(row, ..) = &self.entry {
                row.values(Field::Name, each);
            }
        }
    }

    fn values(&self, field: Field, each: Each<'_>) {
        if self.with(|it| it.values(field, each)).is_none() {
            self.own(field, each);
        }
    }

    fn severity(&self) -> &'static str {
        self.with(|it| it.severity()).unwrap_or_else(|| self.entry.verdict().name())
    }

    fn at(&self) -> Option<Stamp> {
        self.with(|it| it.at()).unwrap_or(match &self.entry {
            Entry::Pool(row, ..) => Some(row.seen_at),
            Entry::Who(who) => Some(who.since),
            _ => None,
        })
    }

    fn seen(&self) -> Option<Stamp> {
        self.with(|it| it.seen()).unwrap_or_else(|| self.at())
    }
}

/// Whether a row passes a filter.
pub fn passes(app: &App, filter: &Filter, entry: &Entry<'_>) -> bool {
    filter.matches(&Asked { entry: *entry, incident: app.incident() }, app.at())
}

/// What could stand at the cursor of a filter for this pane.
pub fn completion(app: &App, pane: Pane, text: &str, cursor: usize) -> Completion {
    let incident = app.incident();
    let rows: Vec<Asked<'_>> = pane_rows::all(app, pane).into_iter().map(|entry| Asked { entry, incident }).collect();
    complete(text, cursor, rows.iter().map(|row| row as &dyn Fields))
}
