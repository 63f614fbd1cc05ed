//! The items of an incident without keeping them: each is made of its entry when somebody reads it. What they are, and the
//! order in which they stand, is what a fold that keeps all of them has.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::{Entry, Happening, SafeText, Stamp};

use super::fold::{Standing, put};
use super::incident::{Incident, Item, placed};

/// Whether the entry of this number is wanted.
pub type WantedSeqs<'a> = &'a dyn Fn(u64) -> bool;

/// The entries of a log, read from the first one on as often as somebody asks.
pub trait EntrySource {
    /// Gives the wanted entries in the order of the log.
    ///
    /// # Errors
    /// What `take` says, or that they can't be read: why is the source's own to tell.
    fn entries(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(Entry) -> fmt::Result) -> fmt::Result;
}

/// The items of an incident, read from the first one on as often as somebody asks.
pub trait ItemSource {
    /// Gives the wanted items in the order of the timeline.
    ///
    /// # Errors
    /// As [`EntrySource::entries`].
    fn items(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(&Item) -> fmt::Result) -> fmt::Result;
}

/// Those that it keeps.
impl ItemSource for Incident {
    fn items(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(&Item) -> fmt::Result) -> fmt::Result {
        self.items.iter().filter(|item| wanted(item.entry.seq)).try_for_each(take)
    }
}

/// All items of an incident that was folded, from a source of its entries. Kept is only what people changed of them.
pub struct StreamedItems<'a> {
    incident: &'a Incident,
    source: &'a dyn EntrySource,
    /// The text that an entry was given last.
    amended: BTreeMap<u64, SafeText>,
    /// The items that people put at an earlier time, by the entry behind which they stand; 0 = before all others.
    moved: BTreeMap<u64, Vec<Item>>,
    moved_seqs: BTreeSet<u64>,
}

impl<'a> StreamedItems<'a> {
    /// Reads what was changed of the entries.
    ///
    /// # Errors
    /// That they can't be read.
    pub fn new(incident: &'a Incident, source: &'a dyn EntrySource) -> Result<Self, fmt::Error> {
        let index = &incident.index;
        let (mut amended, mut moves) = (BTreeMap::new(), false);
        source.entries(&|seq| index.has(seq), &mut |entry| {
            moves |= placed(&entry, entry.observed_at()) < entry.ts;
            if let Happening::Amend(amend) = &entry.happening {
                moves |= amend.at.is_some();
                let counts = index.changed(amend.seq).is_some_and(|it| it.amended_by.contains(&entry.seq));
                let stands = index.changed(entry.seq).is_none_or(|it| it.redacted_by.is_none());
                if let Some(text) = entry.text.filter(|text| counts && stands && !text.is_empty()) {
                    amended.insert(amend.seq, text);
                }
            }
            Ok(())
        })?;
        let mut streamed = Self { incident, source, amended, moved: BTreeMap::new(), moved_seqs: BTreeSet::new() };
        if moves {
            streamed.find_moved()?;
        }
        Ok(streamed)
    }

    /// Finds where the items stand that people put at an earlier time: the places alone are folded.
    fn find_moved(&mut self) -> fmt::Result {
        let index = &self.incident.index;
        let count = usize::try_from(index.runs().count()).unwrap_or(0);
        let mut places: Vec<EntryPlace> = Vec::with_capacity(count);
        self.source.entries(&|seq| index.has(seq), &mut |entry| {
            if let Happening::Amend(amend) = &entry.happening
                && let Some(at) = amend.at
                && let Some(found) = places.iter().rposition(|it| it.seq == amend.seq && it.is_written)
                && places[found].placed != at.min(places[found].ts)
            {
                let it = places.remove(found);
                put(&mut places, EntryPlace { placed: at.min(it.ts), ..it });
            }
            put(&mut places, EntryPlace::of(&entry));
            Ok(())
        })?;
        let (mut behind, mut order) = (0, Vec::new());
        for it in &places {
            match it.is_moved() {
                true => order.push((behind, it.seq)),
                false => behind = it.seq,
            }
        }
        drop(places);
        self.moved_seqs = order.iter().map(|(_, seq)| *seq).collect();
        let mut items = BTreeMap::new();
        self.source.entries(&|seq| self.moved_seqs.contains(&seq), &mut |entry| {
            items.insert(entry.seq, self.item(entry));
            Ok(())
        })?;
        for (behind, seq) in order {
            self.moved.entry(behind).or_default().extend(items.remove(&seq));
        }
        Ok(())
    }

    fn item(&self, entry: Entry) -> Item {
        let amended = self.amended.get(&entry.seq).cloned();
        self.incident.read_item(entry, amended)
    }
}

impl ItemSource for StreamedItems<'_> {
    fn items(&self, wanted: WantedSeqs<'_>, take: &mut dyn FnMut(&Item) -> fmt::Result) -> fmt::Result {
        let moved_behind = |seq: u64, take: &mut dyn FnMut(&Item) -> fmt::Result| {
            let items = self.moved.get(&seq).into_iter().flatten();
            items.filter(|item| wanted(item.entry.seq)).try_for_each(take)
        };
        moved_behind(0, take)?;
        let own = |seq: u64| self.incident.index.has(seq) && !self.moved_seqs.contains(&seq);
        let read = |seq: u64| own(seq) && (wanted(seq) || self.moved.contains_key(&seq));
        self.source.entries(&read, &mut |entry| {
            let seq = entry.seq;
            if wanted(seq) {
                take(&self.item(entry))?;
            }
            moved_behind(seq, take)
        })
    }
}

/// Where an entry stands, and nothing else of it.
struct EntryPlace {
    seq: u64,
    ts: Stamp,
    placed: Stamp,
    /// A person wrote it, and may put it at an earlier time.
    is_written: bool,
}

impl EntryPlace {
    fn of(entry: &Entry) -> Self {
        let is_written =
            matches!(entry.happening, Happening::Note(_) | Happening::Decision(_) | Happening::FollowUp(_));
        Self { seq: entry.seq, ts: entry.ts, placed: placed(entry, entry.observed_at()), is_written }
    }
}

impl Standing for EntryPlace {
    fn seq(&self) -> u64 {
        self.seq
    }

    fn recorded(&self) -> Stamp {
        self.ts
    }

    fn placed(&self) -> Stamp {
        self.placed
    }
}
