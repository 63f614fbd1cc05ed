//! Kubernetes events: the newest 5,000 over all clusters. An event is updated in place as its count rises.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::KubeEvent;
use crate::model::time::clock;
use crate::model::{SourceId, Stamp};

use super::Board;
use super::row::{RowBody, TopicView, Verdict};
use super::row_builder::Opinion;

/// The most events kept.
pub const MOST_EVENTS: usize = 5_000;
/// An event dated so far ahead of when we saw it has a clock that says nothing.
const AHEAD: TimeDelta = TimeDelta::seconds(60);

type EventKey = (SourceId, String);

/// When an event happened, as far as that can be believed: not after it was seen.
fn happened(event: &KubeEvent, seen_at: Stamp) -> Stamp {
    if event.last - seen_at > AHEAD { seen_at } else { event.last }
}

/// When an event happened, and how many had come before it. Most events are dated to the second: within one, the order in
/// which their server told them is the order in which it wrote them.
type EventOrder = (Stamp, u64);

/// The bounded list.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    by_key: BTreeMap<EventKey, (KubeEvent, EventOrder)>,
    by_time: BTreeMap<EventOrder, EventKey>,
    arrived: u64,
    /// Pushed out because the list is full.
    dropped: u64,
    /// What the last list of a source held beyond what was told of it.
    unkept: BTreeMap<SourceId, u64>,
}

impl Events {
    pub fn upsert(&mut self, source: &SourceId, event: KubeEvent, seen_at: Stamp) {
        let key = (source.clone(), event.uid.clone());
        self.arrived += 1;
        let order = (happened(&event, seen_at), self.arrived);
        if let Some((_, before)) = self.by_key.insert(key.clone(), (event, order)) {
            self.by_time.remove(&before);
        }
        self.by_time.insert(order, key);
        while self.by_key.len() > MOST_EVENTS {
            let Some((_, oldest)) = self.by_time.pop_first() else { break };
            self.by_key.remove(&oldest);
            self.dropped += 1;
        }
    }

    /// Expired at the server: gone here too, and not "resolved".
    pub fn remove(&mut self, source: &SourceId, uid: &str) {
        if let Some((_, order)) = self.by_key.remove(&(source.clone(), uid.to_owned())) {
            self.by_time.remove(&order);
        }
    }

    /// A list held so many more.
    pub fn unkept(&mut self, source: &SourceId, count: u64) {
        self.unkept.insert(source.clone(), count);
    }

    pub fn replace(&mut self, source: &SourceId, events: Vec<KubeEvent>, seen_at: Stamp) {
        self.unkept.remove(source);
        let gone: Vec<EventKey> = self.by_key.keys().filter(|key| key.0 == *source).cloned().collect();
        for (_, uid) in gone {
            self.remove(source, &uid);
        }
        for event in events {
            self.upsert(source, event, seen_at);
        }
    }

    pub fn len(&self) -> usize {
        self.by_key.len()
    }
}

/// Newest first.
pub(super) fn view(board: &Board, now: Stamp) -> TopicView {
    let events = &board.events;
    let rows = events
        .by_time
        .iter()
        .rev()
        .filter_map(|((happened, _), key)| {
            let (event, _) = events.by_key.get(key)?;
            let verdict = if event.kind.is("Warning") { Verdict::Warning } else { Verdict::Info };
            let mut proof = board.store.proof_of_source(&key.0, now);
            // An event is history: it does not become less true when its cluster falls silent.
            proof.doubt = None;
            let stale = std::mem::replace(&mut proof.stale, false);
            let id = format!("{}/{}", key.0.instance, key.1);
            let mut opinion = Opinion::new(verdict);
            if *happened != event.last {
                opinion.mention(format!("dated in the future ({}): the clock that wrote it is off", clock(event.last)));
            }
            let event = KubeEvent { last: *happened, first: event.first.map(|at| at.min(*happened)), ..event.clone() };
            let mut row = opinion.row(id, proof, RowBody::Event(event));
            row.stale = stale;
            row.seen_at = *happened;
            Some(row)
        })
        .collect::<Vec<_>>();
    let dropped = events.dropped + events.unkept.values().sum::<u64>();
    TopicView { total: events.len() as u64 + dropped, dropped, rows }
}
