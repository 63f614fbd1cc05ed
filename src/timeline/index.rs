//! What the fold knows of the entries of an incident without keeping them: which ones there are, and what later ones changed.
//!
//! An entry that nothing changed costs a part of a run of numbers, so an incident is as large in memory as what was done to
//! its entries. Their texts stand in the log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Milestone, SafeText, Stamp};

use super::incident::Marking;

/// Titles that are remembered: where the text of the newest is removed, the one before it stands again.
const MOST_TITLES: usize = 8;

/// The entries of one incident, by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EntryIndex {
    runs: EntryRanges,
    changed: BTreeMap<u64, Changed>,
    /// The newest titles, by the entry that gave each; without a text where that was removed.
    titles: Vec<(u64, Option<SafeText>)>,
    /// The entry that opened it by hand, which counts as its detection.
    by_hand: Option<u64>,
}

/// Numbers of entries, as runs of those that follow each other: first and last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRanges(Vec<(u64, u64)>);

impl EntryRanges {
    /// Takes in an entry.
    fn push(&mut self, seq: u64) {
        match self.0.last_mut() {
            Some((_, last)) if *last + 1 == seq => *last = seq,
            Some((_, last)) if *last >= seq => {
                let at = self.0.partition_point(|(_, last)| *last < seq);
                if self.0.get(at).is_none_or(|(first, _)| *first > seq) {
                    self.0.insert(at, (seq, seq));
                }
            }
            _ => self.0.push((seq, seq)),
        }
    }

    /// Whether a number is one of them.
    pub fn has(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < seq);
        self.0.get(at).is_some_and(|(first, _)| *first <= seq)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The first of them that is `from` or later.
    pub fn next(&self, from: u64) -> Option<u64> {
        let at = self.0.partition_point(|(_, last)| *last < from);
        self.0.get(at).map(|(first, _)| from.max(*first))
    }

    /// The entry before which `count` of those before `before` stand, or the first of all.
    pub fn back(&self, before: u64, count: u64) -> Option<u64> {
        let mut left = count;
        let mut found = None;
        for (first, last) in self.0.iter().rev().filter(|(first, _)| *first < before) {
            let last = (*last).min(before - 1);
            let here = last - first + 1;
            if left <= here {
                return (left > 0).then(|| last + 1 - left).or(found);
            }
            left -= here;
            found = Some(*first);
        }
        found
    }

    /// A part of them: from `from` on, as many as make so many runs. And whether there are more.
    pub fn part(&self, from: u64, most: usize) -> (Self, bool) {
        let at = self.0.partition_point(|(_, last)| *last < from);
        let rest = &self.0[at..];
        let clipped = rest.iter().take(most).map(|(first, last)| (from.max(*first), *last));
        (Self(clipped.collect()), rest.len() > most)
    }
}

/// What later entries changed of one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Changed {
    /// When a person says it happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
    /// Entries that amended it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub amended_by: Vec<u64>,
    /// The entry that removed its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redacted_by: Option<u64>,
    /// By the newest entry that pins or unpins it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub pinned: bool,
    /// The milestones that people marked it as.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Marking>,
}

impl Changed {
    /// What it is marked as, if somebody did.
    pub fn marking(&self, milestone: &Milestone) -> Option<&Marking> {
        self.marks.iter().find(|mark| mark.milestone == *milestone)
    }
}

impl EntryIndex {
    /// Takes in an entry.
    pub(super) fn push(&mut self, seq: u64) {
        self.runs.push(seq);
    }

    /// Whether an entry is of this incident.
    pub fn has(&self, seq: u64) -> bool {
        self.runs.has(seq)
    }

    /// The numbers of its entries.
    pub fn runs(&self) -> &EntryRanges {
        &self.runs
    }

    /// What later entries changed of one.
    pub fn changed(&self, seq: u64) -> Option<&Changed> {
        self.changed.get(&seq)
    }

    /// The entry that opened the incident by hand, if a person did.
    pub fn by_hand(&self) -> Option<u64> {
        self.by_hand
    }

    pub(super) fn opened_by_hand(&mut self, seq: u64) {
        self.by_hand.get_or_insert(seq);
    }

    /// Changes what is known of an entry; what it comes to.
    pub(super) fn change(&mut self, seq: u64, change: impl FnOnce(&mut Changed)) -> Changed {
        let mut changed = self.changed.remove(&seq).unwrap_or_default();
        change(&mut changed);
        if changed != Changed::default() {
            self.changed.insert(seq, changed.clone());
        }
        changed
    }

    /// The entry that another one amends.
    pub(super) fn amended(&self, by: u64) -> Option<u64> {
        self.changed.iter().find(|(_, changed)| changed.amended_by.contains(&by)).map(|(seq, _)| *seq)
    }

    /// An entry gave the incident a title.
    pub(super) fn titled(&mut self, seq: u64, title: SafeText) {
        self.titles.push((seq, Some(title)));
        let over = self.titles.len().saturating_sub(MOST_TITLES);
        self.titles.drain(..over);
    }

    /// Forgets a title whose text was removed; what the title is then: `None` = it was no title.
    pub(super) fn untitled(&mut self, seq: u64) -> Option<Option<&SafeText>> {
        let (_, title) = self.titles.iter_mut().find(|(by, _)| *by == seq)?;
        *title = None;
        Some(self.titles.iter().rev().find_map(|(_, title)| title.as_ref().filter(|title| !title.is_empty())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Runs of numbers know what a set of them knows.
        #[test]
        fn runs_are_a_set(seqs in prop::collection::vec(1u64..60, 0..60), ask in 0u64..70, count in 0u64..20) {
            let set: BTreeSet<u64> = seqs.iter().copied().collect();
            let mut runs = EntryRanges::default();
            seqs.iter().for_each(|seq| runs.push(*seq));
            prop_assert_eq!(runs.has(ask), set.contains(&ask));
            prop_assert_eq!(runs.count(), set.len() as u64);
            prop_assert_eq!(runs.next(ask), set.range(ask..).next().copied());
            let (part, more) = runs.part(ask, count as usize);
            prop_assert_eq!(more, part.count() < set.range(ask..).count() as u64 && part.0.len() == count as usize);
            prop_assert!(part.0.iter().flat_map(|(first, last)| *first..=*last).all(|seq| set.contains(&seq)));
            let before: Vec<u64> = set.range(..ask).rev().take(count as usize).copied().collect();
            prop_assert_eq!(runs.back(ask, count), before.last().copied());
        }
    }
}
