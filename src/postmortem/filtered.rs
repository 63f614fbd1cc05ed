//! An export with entries left out by a filter: it never claims to be the whole log.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::filter::Filter;
use crate::timeline::{Incident, ToldItem};

use super::outline::Outline;

/// That entries were left out by a filter. Clocks, plans, people and rows are of the whole incident all the same.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Filtered {
    /// The expression as it was typed.
    pub filter: String,
    /// Entries in the list, of how many.
    pub shown: usize,
    /// Entries of the incident that the filter does not match; with `shown` they are all of its entries.
    pub left_out: usize,
}

impl Filtered {
    /// The sentence that every format carries at its head.
    pub fn words(&self) -> String {
        let total = self.shown + self.left_out;
        format!(
            "FILTERED: not the whole log. {} of {total} entries are listed, {} are left out by the filter below; clocks, \
             people and plans are of the whole incident",
            self.shown, self.left_out
        )
    }
}

/// Leaves out entries. Ages in the filter are counted to the last entry: the same log gives the same export.
pub fn narrow(outline: &mut Outline, incident: &Incident, filter: &Filter) {
    let kept: BTreeSet<u64> = incident
        .items
        .iter()
        .filter(|item| filter.matches(&ToldItem { incident, item }, outline.as_of))
        .map(|item| item.entry.seq)
        .collect();
    let total = outline.timeline.len();
    for list in [&mut outline.timeline, &mut outline.decisions, &mut outline.follow_ups] {
        list.retain(|event| kept.contains(&event.seq));
    }
    let shown = outline.timeline.len();
    outline.filtered = Some(Filtered { filter: filter.text().to_owned(), shown, left_out: total - shown });
}
