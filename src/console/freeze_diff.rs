//! What went on behind a screen that is held still, counted exactly.

use std::collections::HashMap;

use crate::board::{Row, Topic};
use crate::client::Mirror;

/// So much is different by now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FreezeDiff {
    /// Rows that are new, changed or gone; one that changed back is not among them.
    pub rows: usize,
    /// Entries that were recorded since.
    pub entries: u64,
}

/// Compares what is held still with what is.
pub(super) fn unseen(held: &Mirror, now: &Mirror) -> FreezeDiff {
    let rows = Topic::ALL.iter().copied().map(|topic| changed(topic, held.rows(topic), now.rows(topic))).sum();
    FreezeDiff { rows, entries: now.story.entries.saturating_sub(held.story.entries) }
}

fn changed(topic: Topic, held: &[Row], now: &[Row]) -> usize {
    let mut before: HashMap<&str, &Row> = held.iter().map(|row| (row.id.as_str(), row)).collect();
    let differs = now.iter().filter(|row| before.remove(row.id.as_str()).is_none_or(|old| !is_same(topic, old, row)));
    let differs = differs.count();
    differs + before.len()
}

/// Whether two rows say the same. That it was proven again is no news; nor that a source lives, which its every word says.
fn is_same(topic: Topic, a: &Row, b: &Row) -> bool {
    a.verdict == b.verdict && a.stale == b.stale && a.why == b.why && (topic == Topic::Sources || a.body == b.body)
}
