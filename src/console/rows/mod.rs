//! What a pane has: its rows, which of them are seen, how they stand, and what their sources are worth. Nothing here draws.
//!
//! A pane is a file that exports its [`RowsSpec`], and a line of the table. It is computed when somebody looks, and kept until an input of it changes: see [`projections`](super::projections).

pub mod alerts;
pub mod backups;
pub mod entry;
pub mod events;
pub mod filter;
pub mod gitops;
pub mod past;
pub mod people;
pub mod sources;
pub mod spec;
pub mod timeline;
pub mod traffic;

use std::sync::Arc;

use crate::board::Verdict;
use crate::model::filter::{Completion, Fields, complete};

use super::app::Console;
use super::pane::Pane;
use super::projections::{EntryRef, PaneRows, VerdictCounts, VisibleInputs};
pub use entry::PaneEntry;
use spec::{RowsSpec, inputs};

/// Rows of a pane: as many as there are, each looked up when it is asked for.
#[derive(Clone)]
pub struct EntryList<'a> {
    app: &'a Console,
    rows: Arc<PaneRows>,
}

impl<'a> EntryList<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.entries.is_empty()
    }

    /// How many stand how.
    pub fn counts(&self) -> VerdictCounts {
        self.rows.counts
    }

    /// The one at a place.
    pub fn get(&self, at: usize) -> Option<PaneEntry<'a>> {
        #[cfg(test)]
        self.app.projections.looked_up.set(self.app.projections.looked_up.get() + 1);
        self.rows.entries.get(at).and_then(|kept| entry::resolve(self.app, kept))
    }

    /// Each of them, the first first.
    pub fn iter(&self) -> EntryIter<'a> {
        EntryIter { list: self.clone(), next: 0 }
    }

    /// So many from a place on.
    pub fn window(&self, from: usize, count: usize) -> Vec<PaneEntry<'a>> {
        (from..self.len()).take(count).filter_map(|at| self.get(at)).collect()
    }

    /// The place of a row. It is mostly where it was.
    pub fn position(&self, key: &str, was: usize) -> Option<usize> {
        let is_it = |at: &usize| self.get(*at).is_some_and(|entry| entry.has_key(key));
        Some(was).filter(is_it).or_else(|| (0..self.len()).find(is_it))
    }
}

impl<'a> IntoIterator for EntryList<'a> {
    type Item = PaneEntry<'a>;
    type IntoIter = EntryIter<'a>;

    fn into_iter(self) -> EntryIter<'a> {
        EntryIter { list: self, next: 0 }
    }
}

/// Goes through them.
pub struct EntryIter<'a> {
    list: EntryList<'a>,
    next: usize,
}

impl<'a> Iterator for EntryIter<'a> {
    type Item = PaneEntry<'a>;

    fn next(&mut self) -> Option<PaneEntry<'a>> {
        while self.next < self.list.len() {
            self.next += 1;
            if let Some(entry) = self.list.get(self.next - 1) {
                return Some(entry);
            }
        }
        None
    }
}

/// The table, in the order of their numbers.
const PANES: &[&RowsSpec] =
    &[&alerts::ROWS, &traffic::ROWS, &backups::ROWS, &gitops::ROWS, &events::ROWS, &timeline::ROWS, &people::ROWS];

/// What rows a pane has.
pub fn spec(pane: Pane) -> &'static RowsSpec {
    PANES[pane as usize]
}

fn counted(app: &Console, entries: Vec<EntryRef>) -> PaneRows {
    let mut counts = VerdictCounts::default();
    for entry in entries.iter().filter_map(|kept| entry::resolve(app, kept)) {
        counts.add(entry.verdict());
    }
    PaneRows { entries, counts }
}

fn all_rows(app: &Console, pane: Pane) -> Arc<PaneRows> {
    let spec = spec(pane);
    let compute = || match &app.past {
        Some(then) => past::entries(app, then, spec),
        None => (spec.entries)(app),
    };
    app.projections.all[pane as usize].get(inputs(app, &spec.made_of), || counted(app, compute()))
}

fn brief_rows(app: &Console, pane: Pane) -> Arc<PaneRows> {
    let spec = spec(pane);
    match spec.brief {
        None if app.past.is_none() => all_rows(app, pane),
        brief => {
            let brief = brief.unwrap_or(spec.entries);
            app.projections.brief[pane as usize].get(inputs(app, &spec.made_of), || counted(app, brief(app)))
        }
    }
}

/// Every row of a pane.
pub fn all(app: &Console, pane: Pane) -> EntryList<'_> {
    EntryList { app, rows: all_rows(app, pane) }
}

/// The rows that say something of their own, as they are now.
pub fn brief(app: &Console, pane: Pane) -> EntryList<'_> {
    EntryList { app, rows: brief_rows(app, pane) }
}

/// The rows that pass the filter and `warnings only`.
pub fn visible(app: &Console, pane: Pane) -> EntryList<'_> {
    let (spec, state) = (spec(pane), app.pane(pane));
    let zoomed = app.zoom && app.focus == pane;
    let plain = app.past.is_none() && state.filter.is_none();
    let from = || match plain && spec.brief_while.holds(zoomed, app.warnings) {
        true => brief_rows(app, pane),
        false => all_rows(app, pane),
    };
    if state.filter.is_none() && !app.warnings {
        return EntryList { app, rows: from() };
    }
    let mut rows = inputs(app, &spec.made_of);
    if state.filter.is_some() {
        // It may ask for an age.
        rows.second = app.at().timestamp();
    }
    let filter = state.filter.as_ref().map(|filter| filter.text().to_owned());
    let of = VisibleInputs { rows, zoomed, warnings: app.warnings, filter, marks: state.marks.clone() };
    let chosen = || {
        let passes = |entry: &PaneEntry<'_>| {
            let marked = || !state.marks.is_empty() && state.marks.contains(&entry.key());
            let calm = app.warnings && is_calm(pane, entry.verdict());
            let filtered = || state.filter.as_ref().is_some_and(|filter| !filter::passes(app, filter, entry));
            (!calm && !filtered()) || marked()
        };
        let from = from();
        let kept = from.entries.iter().filter(|kept| entry::resolve(app, kept).is_some_and(|it| passes(&it)));
        counted(app, kept.cloned().collect())
    };
    EntryList { app, rows: app.projections.visible[pane as usize].get(of, chosen) }
}

/// What `warnings only` leaves out.
fn is_calm(pane: Pane, verdict: Verdict) -> bool {
    pane != Pane::People && matches!(verdict, Verdict::Ok | Verdict::Info)
}

/// How many rows `warnings only` leaves out, over all panes.
pub fn calm(app: &Console) -> usize {
    let calm = |pane: Pane| {
        let counts = all_rows(app, pane).counts;
        let calm = [Verdict::Ok, Verdict::Info].into_iter().filter(|verdict| is_calm(pane, *verdict));
        calm.map(|verdict| counts.of(verdict)).sum::<usize>()
    };
    Pane::ALL.iter().copied().map(calm).sum()
}

/// The row under the cursor.
pub fn selected(app: &Console, pane: Pane) -> Option<PaneEntry<'_>> {
    let entries = visible(app, pane);
    entries.get(app.pane(pane).index.min(entries.len().checked_sub(1)?))
}

/// The row with this key, whatever the filter says.
pub fn find<'a>(app: &'a Console, pane: Pane, key: &str) -> Option<PaneEntry<'a>> {
    let found = all(app, pane).into_iter().find(|entry| entry.has_key(key));
    found.or_else(|| brief(app, pane).into_iter().find(|entry| entry.has_key(key)))
}

/// What could stand at the cursor of a filter for this pane.
pub fn completion(app: &Console, pane: Pane, text: &str, cursor: usize) -> Completion {
    let incident = app.incident();
    let rows: Vec<filter::FilteredRow<'_>> =
        all(app, pane).into_iter().map(|entry| filter::FilteredRow { entry, incident }).collect();
    complete(text, cursor, rows.iter().map(|row| row as &dyn Fields))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pane_has_its_line_in_the_order_of_their_numbers() {
        assert!(PANES.iter().map(|spec| spec.pane).eq(Pane::ALL.iter().copied()));
    }
}
