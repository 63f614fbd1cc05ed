//! Picking items of an incident, for commands and filters.

use crate::model::Stamp;

use super::incident::{Incident, Item};
use super::words::sentence;

/// What an item must be to be picked. Empty picks everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// It happened at this instant or later.
    pub since: Option<Stamp>,
    /// Its entry has this number or a later one.
    pub from_seq: Option<u64>,
    /// Its kind is one of these: `note`, `decision`, `edge`, … An edge's name (`alert.firing`) or family (`alert.*`) also counts.
    pub kinds: Vec<String>,
    /// Every one of these occurs in its text, its person or its edge's name. Case does not matter.
    pub words: Vec<String>,
    /// Only pinned ones.
    pub pinned: bool,
}

impl Filter {
    /// Whether an item is picked.
    pub fn matches(&self, item: &Item) -> bool {
        self.since.is_none_or(|since| item.at >= since)
            && self.from_seq.is_none_or(|seq| item.entry.seq >= seq)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| is_kind(item, kind)))
            && (!self.pinned || item.pinned)
            && self.has_words(item)
    }

    /// The picked items, in order.
    pub fn pick<'a>(&'a self, incident: &'a Incident) -> impl Iterator<Item = &'a Item> {
        incident.items.iter().filter(move |item| self.matches(item))
    }

    fn has_words(&self, item: &Item) -> bool {
        if self.words.is_empty() {
            return true;
        }
        let text =
            format!("{} {} {}", sentence(item), item.entry.by.person, edge(item).unwrap_or_default()).to_lowercase();
        self.words.iter().all(|word| text.contains(&word.to_lowercase()))
    }
}

fn edge(item: &Item) -> Option<&str> {
    super::memory::edge_of(&item.entry).map(|edge| edge.edge.as_str())
}

fn is_kind(item: &Item, kind: &str) -> bool {
    item.entry.happening.kind() == kind
        || edge(item).is_some_and(|edge| match kind.strip_suffix('*') {
            Some(prefix) => edge.starts_with(prefix),
            None => edge == kind,
        })
}
