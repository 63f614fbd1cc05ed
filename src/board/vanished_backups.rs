//! Restore points that vanish although they had not expired: a bucket that lost them, or somebody who deletes.
//!
//! One that goes is somebody's wish. Several at once are news: what is left may be the last.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, RestorePoint};
use crate::model::{SourceChange, SourceId, Stamp};

use super::judged_at::JudgedAt;
use super::observation_store::Store;

/// So many within [`AT_ONCE`] are many.
const MANY: usize = 3;
/// Fewer are many where none is left.
const ALL: usize = 2;
const AT_ONCE: TimeDelta = TimeDelta::minutes(10);
/// How long it is said.
const SAID_FOR: TimeDelta = TimeDelta::hours(24);
/// Most that are remembered of one schedule on one cluster.
const MOST: usize = 1_000;

/// The schedule, if one made it.
type Maker = Option<String>;

/// What vanished, by where it was and who made it.
#[derive(Clone, Debug, Default)]
pub(super) struct Vanished {
    seen: BTreeMap<(SourceId, Maker), Vec<(Stamp, String)>>,
}

/// Several that went at once.
pub(super) struct Wave {
    pub count: usize,
    pub says: String,
}

impl Vanished {
    /// Takes in a change before the store does.
    pub(super) fn see(&mut self, store: &Store, source: &SourceId, change: &SourceChange, seen_at: Stamp) {
        let Some(state) = store.source(source) else { return };
        match change {
            SourceChange::Remove { kind: FactKind::RestorePoint, key } => {
                if let Some(Fact::RestorePoint(point)) = state.get(FactKind::RestorePoint, key).map(|held| &held.fact) {
                    self.gone(source, point, seen_at);
                }
            }
            SourceChange::Replace { kind: FactKind::RestorePoint, facts } => {
                let there: std::collections::BTreeSet<String> = facts.iter().map(Fact::key).collect();
                for held in state.of(FactKind::RestorePoint) {
                    if let Fact::RestorePoint(point) = &held.fact
                        && !there.contains(&held.fact.key())
                    {
                        self.gone(source, point, seen_at);
                    }
                }
                facts.iter().for_each(|fact| self.back(source, fact));
            }
            SourceChange::Upsert(fact) => self.back(source, fact),
            _ => {}
        }
    }

    fn gone(&mut self, source: &SourceId, point: &RestorePoint, seen_at: Stamp) {
        let lasted = point.expires.is_none_or(|at| at > seen_at);
        if !lasted || !(point.phase.is("Completed") || point.phase.is("Deleting")) {
            return;
        }
        let of = self.seen.entry((source.clone(), maker(point))).or_default();
        of.retain(|(at, _)| seen_at - *at <= SAID_FOR);
        if of.len() < MOST {
            of.push((seen_at, point.name.to_string()));
        }
    }

    /// What comes back was only not seen.
    fn back(&mut self, source: &SourceId, fact: &Fact) {
        let Fact::RestorePoint(point) = fact else { return };
        if let Some(of) = self.seen.get_mut(&(source.clone(), maker(point))) {
            of.retain(|(_, name)| point.name != name.as_str());
        }
    }

    /// The newest wave of a schedule's restore points, over all clusters.
    pub(super) fn wave(&self, store: &Store, maker: Option<&str>, now: JudgedAt<'_>) -> Option<Wave> {
        let of = self.seen.iter().filter(|((_, by), _)| by.as_deref() == maker);
        let waves = of.filter_map(|((source, _), gone)| {
            let newest = gone.iter().map(|(at, _)| *at).max().filter(|at| !now.is_older(*at, SAID_FOR))?;
            let count = gone.iter().filter(|(at, _)| newest - *at <= AT_ONCE).count();
            let left = store.source(source).is_some_and(|state| {
                state.of(FactKind::RestorePoint).any(|held| match &held.fact {
                    Fact::RestorePoint(it) => it.schedule.as_ref().map(|name| name.as_str()) == maker,
                    _ => false,
                })
            });
            (count >= MANY || (count >= ALL && !left)).then_some((newest, count, source, left))
        });
        let (at, count, source, left) = waves.max_by_key(|(at, count, ..)| (*at, *count))?;
        let none = if left { "" } else { ", and none is left there" };
        Some(Wave {
            count,
            says: format!(
                "{count} restore points that had not expired vanished from {} at {}{none}",
                source.instance,
                now.dated(at)
            ),
        })
    }
}

fn maker(point: &RestorePoint) -> Maker {
    point.schedule.as_ref().map(ToString::to_string)
}
