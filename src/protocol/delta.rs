//! Rows as they cross the socket: what changed in a topic, and the whole of it as a client holds it.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::board::{Row, Topic, TopicView};

/// Rows that changed in a topic; a snapshot replaces everything. `rev` grows with everything that the room sends of its board.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BoardDelta {
    /// The one topic whose rows these are.
    pub topic: Topic,
    /// Shared by all sessions of the room and by the pages of one change; no client of this version reads it.
    pub rev: u64,
    /// Forget the rows you have.
    pub snapshot: bool,
    /// Rows that are new or changed, whole: a row with a known id takes the other's place.
    pub upserts: Vec<Row>,
    /// Ids of rows that are gone; one that the client does not have is no error.
    pub removes: Vec<String>,
    /// The rows in the order they are shown, as runs (first, how many) of the list that the client has now: what it had, less
    /// the removed, then the new ones as they came. Empty = that order. New events above a thousand old ones are two runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub order: Vec<(u32, u32)>,
    /// How many rows the topic has in all, those that are not sent among them: replaces what the client had.
    pub total: u64,
    /// How many of them are not sent because the list is bounded: replaces what the client had.
    pub dropped: u64,
}

impl BoardDelta {
    /// Brings what a client holds of the topic up to date.
    pub fn apply(self, view: &mut TopicView) {
        if self.snapshot {
            view.rows.clear();
        }
        view.total = self.total;
        view.dropped = self.dropped;
        if !self.removes.is_empty() {
            let removes: HashSet<&str> = self.removes.iter().map(String::as_str).collect();
            view.rows.retain(|row| !removes.contains(row.id.as_str()));
        }
        let mut place: HashMap<&str, Option<usize>> = self.upserts.iter().map(|row| (row.id.as_str(), None)).collect();
        for (at, row) in view.rows.iter().enumerate() {
            if let Some(place) = place.get_mut(row.id.as_str()) {
                *place = Some(at);
            }
        }
        let places: Vec<Option<usize>> = self.upserts.iter().map(|row| place[row.id.as_str()]).collect();
        for (row, place) in self.upserts.into_iter().zip(places) {
            match place {
                Some(at) => view.rows[at] = row,
                None => view.rows.push(row),
            }
        }
        if !self.order.is_empty() {
            let mut rows: Vec<Option<Row>> = std::mem::take(&mut view.rows).into_iter().map(Some).collect();
            for (first, count) in self.order {
                let run = rows.iter_mut().skip(first as usize).take(count as usize);
                view.rows.extend(run.filter_map(Option::take));
            }
            // A room that named too few of them costs an order, never a row.
            view.rows.extend(rows.into_iter().flatten());
        }
    }
}

/// Rows of every topic, as a client holds them.
pub type TopicRows = BTreeMap<Topic, TopicView>;
