//! An export of an incident whose entries nobody keeps: each list of them is read when it is written.

use std::collections::BTreeSet;
use std::fmt;

use crate::model::filter::Filter;
use crate::model::{Happening, Objective};
use crate::timeline::{Incident, Item, ItemSource, ToldItem};

use super::filtered::Filtered;
use super::milestones::is_told_by;
use super::outline::{ExportEntry, ExportMeta, Outline, event};
use super::read_entries::ReadEntries;

/// A list of entries in an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportList {
    /// What was decided.
    Decisions,
    /// What is left to do.
    FollowUps,
    /// Every entry.
    Timeline,
}

/// The lists of entries of an export, read as often as a form needs them.
pub trait ExportLists {
    /// Gives the entries of a list in their order.
    ///
    /// # Errors
    /// What `take` says, or that they can't be read.
    fn each(&self, list: ExportList, take: &mut dyn FnMut(&ExportEntry) -> fmt::Result) -> fmt::Result;
}

/// Those that it keeps.
impl ExportLists for Outline {
    fn each(&self, list: ExportList, take: &mut dyn FnMut(&ExportEntry) -> fmt::Result) -> fmt::Result {
        let entries = match list {
            ExportList::Decisions => &self.decisions,
            ExportList::FollowUps => &self.follow_ups,
            ExportList::Timeline => &self.timeline,
        };
        entries.iter().try_for_each(take)
    }
}

/// An outline whose lists are empty, and the lists.
pub struct StreamedExport<'a> {
    /// All of it but its lists of entries, which are empty.
    pub outline: Outline,
    /// With the items that other entries are told by.
    incident: Incident,
    items: &'a dyn ItemSource,
    filter: Option<&'a Filter>,
    decisions: Vec<u64>,
    follow_ups: Vec<u64>,
}

impl<'a> StreamedExport<'a> {
    /// Reads the items of an incident once, twice with a filter; ages in that are counted to the last entry.
    ///
    /// # Errors
    /// That they can't be read.
    pub fn new(
        incident: &Incident,
        items: &'a dyn ItemSource,
        objectives: &[Objective],
        meta: &ExportMeta,
        filter: Option<&'a Filter>,
    ) -> Result<Self, fmt::Error> {
        let plans: BTreeSet<u64> = incident.plans.by_id.values().filter_map(|it| it.seqs.last().copied()).collect();
        let (mut read, mut told) = (ReadEntries::default(), Vec::new());
        items.items(&|_| true, &mut |item| {
            read.add(item);
            let is_reason = matches!(item.entry.happening, Happening::RedactProposed(_));
            if is_reason || plans.contains(&item.entry.seq) || is_told_by(incident, item) {
                told.push(item.clone());
            }
            Ok(())
        })?;
        let mut incident = incident.clone();
        incident.items = told;
        let [decisions, follow_ups] = [&mut read.decisions, &mut read.follow_ups].map(|list| {
            list.sort_unstable();
            std::mem::take(list)
        });
        let outline = read.outline(&incident, objectives, meta);
        let mut export = Self { outline, incident, items, filter, decisions, follow_ups };
        if let Some(filter) = filter {
            let (mut shown, mut left_out) = (0, 0);
            items.items(&|_| true, &mut |item| {
                let count = if export.keeps(item) { &mut shown } else { &mut left_out };
                *count += 1;
                Ok(())
            })?;
            export.outline.filtered = Some(Filtered { filter: filter.text().to_owned(), shown, left_out });
        }
        Ok(export)
    }

    fn keeps(&self, item: &Item) -> bool {
        let told = ToldItem { incident: &self.incident, item };
        self.filter.is_none_or(|filter| filter.matches(&told, self.outline.as_of))
    }

    /// The outline with its lists, as `outline` makes it where every item is kept.
    ///
    /// # Errors
    /// That the entries can't be read.
    pub fn whole(mut self) -> Result<Outline, fmt::Error> {
        let list = |list| {
            let mut entries = Vec::new();
            self.each(list, &mut |event| {
                entries.push(event.clone());
                Ok(())
            })?;
            Ok::<_, fmt::Error>(entries)
        };
        let lists = (list(ExportList::Decisions)?, list(ExportList::FollowUps)?, list(ExportList::Timeline)?);
        (self.outline.decisions, self.outline.follow_ups, self.outline.timeline) = lists;
        Ok(self.outline)
    }
}

impl ExportLists for StreamedExport<'_> {
    fn each(&self, list: ExportList, take: &mut dyn FnMut(&ExportEntry) -> fmt::Result) -> fmt::Result {
        let (decisions, follow_ups) = (&self.decisions, &self.follow_ups);
        let of = |seqs: &[u64], seq: u64| seqs.binary_search(&seq).is_ok();
        let wanted = |seq: u64| match list {
            ExportList::Decisions => of(decisions, seq),
            ExportList::FollowUps => of(follow_ups, seq),
            ExportList::Timeline => true,
        };
        self.items.items(&wanted, &mut |item| {
            if self.keeps(item) { take(&event(&self.incident, item)) } else { Ok(()) }
        })
    }
}
