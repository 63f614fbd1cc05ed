//! What the rows of a pane are about. One row, one [`PaneEntry`]: it has an identity, a verdict and words to be found by.

use crate::approval::{PlanRecord, PlanState};
use crate::board::event_groups::EventGroup;
use crate::board::row::PoolRef;
use crate::board::{LoadBalancerRow, Row, Topic, Verdict};
use crate::console::app::Console;
use crate::console::projections::{EntryRef, ItemRef};
use crate::model::{PersonId, PlanId, Stamp};
use crate::protocol::Who;
use crate::timeline::Item;

/// What a row is about.
#[derive(Clone, Copy, Debug)]
pub enum PaneEntry<'a> {
    /// A row of the board.
    Row(&'a Row),
    /// A pool in a load balancer's order: the row, the pool, its place in the order.
    Pool(&'a Row, &'a PoolRef, usize),
    /// An entry of a timeline.
    Item(&'a Item),
    /// The last of so many items in which one thing went back and forth.
    Waver(&'a Item, usize),
    /// All entries about one plan.
    Plan(&'a PlanRecord),
    /// Someone who has a console open.
    Who(&'a Who),
    /// Someone who took part and has no console open, and when they were last heard of.
    Away(&'a PersonId, Stamp),
    /// What a service would lose, and how that stands: its row says how its users are served.
    Loss(&'a Row, Verdict),
    /// Events that are one thing.
    Fold(EventGroup<'a>),
}

impl<'a> PaneEntry<'a> {
    /// Its identity within the pane.
    pub fn key(&self) -> String {
        match self {
            Self::Row(row) => row.id.clone(),
            Self::Pool(row, pool, _) => format!("{}/{}", row.id, pool.id),
            Self::Item(item) | Self::Waver(item, _) => format!("entry {}", item.entry.seq),
            Self::Plan(record) => record.plan.plan.to_string(),
            Self::Who(who) => who.actor.person.to_string(),
            Self::Away(person, _) => person.to_string(),
            Self::Loss(row, _) => format!("loss {}", row.id),
            Self::Fold(fold) => fold.key(),
        }
    }

    /// Whether this is its identity.
    pub fn has_key(&self, key: &str) -> bool {
        match self {
            Self::Row(row) => row.id == key,
            _ => self.key() == key,
        }
    }

    /// How it stands.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Row(row) => verdict_of(row),
            Self::Pool(row, pool, _) => match pool.healthy {
                _ if row.stale => Verdict::Unknown,
                Some(true) if pool.places_ok < pool.places => Verdict::Warning,
                Some(true) => Verdict::Ok,
                Some(false) => Verdict::Critical,
                None => Verdict::Unknown,
            },
            Self::Item(item) | Self::Waver(item, _) => super::timeline::verdict_of(item),
            Self::Plan(record) => match record.state {
                PlanState::Proposed | PlanState::Approved | PlanState::Executing => Verdict::Warning,
                PlanState::Succeeded => Verdict::Ok,
                PlanState::Failed | PlanState::Interrupted => Verdict::Critical,
                _ => Verdict::Info,
            },
            Self::Who(_) | Self::Away(..) => Verdict::Info,
            Self::Loss(_, verdict) => *verdict,
            Self::Fold(fold) => fold.newest.verdict,
        }
    }

    /// Whether what it shows is too old to be believed.
    pub fn stale(&self) -> bool {
        match self {
            Self::Row(row) | Self::Pool(row, ..) => row.stale,
            _ => false,
        }
    }

    /// The row of the board behind it.
    pub fn row(&self) -> Option<&'a Row> {
        match self {
            Self::Row(row) | Self::Pool(row, ..) | Self::Loss(row, _) => Some(row),
            Self::Fold(fold) => Some(fold.newest),
            _ => None,
        }
    }

    /// The plan it is about.
    pub fn plan(&self) -> Option<PlanId> {
        match self {
            Self::Plan(record) => Some(record.plan.plan.clone()),
            _ => None,
        }
    }

    /// The timeline's item behind it.
    pub fn item(&self) -> Option<&'a Item> {
        match self {
            Self::Item(item) | Self::Waver(item, _) => Some(item),
            _ => None,
        }
    }
}

/// How a row stands, as long as it is to be believed.
pub fn verdict_of(row: &Row) -> Verdict {
    if row.stale { Verdict::Unknown } else { row.verdict }
}

/// What stands there now; nothing only where what was kept is of something else.
pub fn resolve<'a>(app: &'a Console, kept: &EntryRef) -> Option<PaneEntry<'a>> {
    Some(match kept {
        EntryRef::Row(topic, at) => PaneEntry::Row(app.rows(*topic).get(*at)?),
        EntryRef::Pool(at, place) => {
            let row = app.rows(Topic::Traffic).get(*at)?;
            let LoadBalancerRow { order, .. } = row.as_kind()?;
            PaneEntry::Pool(row, order.get(*place)?, *place)
        }
        EntryRef::Item(at) => PaneEntry::Item(item(app, at)?),
        EntryRef::Waver(at, times) => PaneEntry::Waver(item(app, at)?, *times),
        EntryRef::Plan(id) => PaneEntry::Plan(app.incident()?.plans.by_id.get(id)?),
        EntryRef::Who(at) => PaneEntry::Who(app.seen().present.get(*at)?),
        EntryRef::Away(person, at) => PaneEntry::Away(app.incident()?.people.get_key_value(person)?.0, *at),
        EntryRef::Loss(at, verdict) => PaneEntry::Loss(app.rows(Topic::Services).get(*at)?, *verdict),
        EntryRef::Fold(group) => PaneEntry::Fold(group.of(app.rows(Topic::Events))?),
    })
}

fn item<'a>(app: &'a Console, at: &ItemRef) -> Option<&'a Item> {
    let mirror = if at.live { &app.mirror } else { app.seen() };
    mirror.story.incidents.get(at.incident)?.items.get(at.at)
}
