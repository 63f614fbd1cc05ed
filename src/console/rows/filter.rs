//! What a filter can ask of a pane's rows, and what completes one.

use crate::console::app::Console;
use crate::model::filter::{Field, Fields, Filter};
use crate::model::{PersonRole, Stamp};
use crate::timeline::{Incident, ToldItem};

use super::entry::PaneEntry;

/// A pane's row with the incident whose words its entries are told in.
pub struct FilteredRow<'a> {
    /// The row that is asked.
    pub entry: PaneEntry<'a>,
    /// `None` where the row is no entry, or where no incident is shown.
    pub incident: Option<&'a Incident>,
}

type PaneVisitor<'a> = &'a mut dyn FnMut(&str);

impl<'a> FilteredRow<'a> {
    /// Rows, entries and plans answer for themselves, on the command line too. Pools and persons are the console's own.
    fn with<T>(&self, ask: impl FnOnce(&dyn Fields) -> T) -> Option<T> {
        match (&self.entry, self.incident) {
            (PaneEntry::Row(row), _) => Some(ask(*row)),
            (PaneEntry::Plan(record), _) => Some(ask(*record)),
            (entry, Some(incident)) => entry.item().map(|item| ask(&ToldItem { incident, item })),
            _ => None,
        }
    }

    fn own(&self, field: Field, each: PaneVisitor<'_>) {
        match (&self.entry, field) {
            (PaneEntry::Pool(_, pool, _), Field::Name) => each(pool.name.as_str()),
            (PaneEntry::Pool(..), Field::Kind) => each("pool"),
            (PaneEntry::Pool(row, pool, _), Field::State) => {
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
            (PaneEntry::Pool(row, ..), Field::Service | Field::Source) => row.values(field, each),
            (PaneEntry::Who(who), Field::Person | Field::Name) => each(who.actor.person.as_str()),
            (PaneEntry::Who(_), Field::Kind) => each("person"),
            (PaneEntry::Who(who), Field::State) => each(match who.role {
                PersonRole::Observer => "observer",
                PersonRole::Operator => "operator",
                PersonRole::Commander => "commander",
            }),
            _ => {}
        }
    }
}

impl Fields for FilteredRow<'_> {
    fn texts(&self, each: PaneVisitor<'_>) {
        if self.with(|it| it.texts(each)).is_none() {
            for field in [Field::Kind, Field::Name, Field::State] {
                self.own(field, each);
            }
            if let PaneEntry::Pool(row, ..) = &self.entry {
                row.values(Field::Name, each);
            }
        }
    }

    fn values(&self, field: Field, each: PaneVisitor<'_>) {
        if self.with(|it| it.values(field, each)).is_none() {
            self.own(field, each);
        }
    }

    fn severity(&self) -> &'static str {
        self.with(|it| it.severity()).unwrap_or_else(|| self.entry.verdict().name())
    }

    fn at(&self) -> Option<Stamp> {
        self.with(|it| it.at()).unwrap_or(match &self.entry {
            PaneEntry::Pool(row, ..) => Some(row.seen_at),
            PaneEntry::Who(who) => Some(who.since),
            _ => None,
        })
    }

    fn seen(&self) -> Option<Stamp> {
        self.with(|it| it.seen()).unwrap_or_else(|| self.at())
    }
}

/// Whether a row passes a filter.
pub fn passes(app: &Console, filter: &Filter, entry: &PaneEntry<'_>) -> bool {
    filter.matches(&FilteredRow { entry: *entry, incident: app.incident() }, app.at())
}
