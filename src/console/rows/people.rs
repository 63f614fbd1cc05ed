//! Who is here, and who took part and is gone.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};

use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::projections::EntryRef;
use crate::model::{PersonId, Stamp};
use crate::timeline::Incident;

use super::spec::{BriefWhile, PaneHistory, RowsMadeOf, RowsSpec};

/// What rows the pane has.
pub static ROWS: RowsSpec = RowsSpec {
    pane: Pane::People,
    made_of: RowsMadeOf { story: true, people: true, ..RowsMadeOf::topics(&[]) },
    entries,
    brief: None,
    brief_while: BriefWhile::Unfiltered,
    related_in_full: false,
    announced: false,
    past: PaneHistory::Nothing("Who was here then: the timeline has who joined and left."),
};

/// Everyone with a console open, the commander first; then who took part and has none, by when they were last heard of.
fn entries(app: &Console) -> Vec<EntryRef> {
    let present = &app.seen().present;
    let commander = commander(app);
    let mut here: Vec<usize> = (0..present.len()).collect();
    here.sort_by_key(|at| commander != Some(&present[*at].actor.person));
    let mut away = app.incident().map(|incident| away(incident, present.iter().map(|who| &who.actor.person)));
    away.iter_mut().for_each(|away| away.sort_by_key(|(_, at)| Reverse(*at)));
    let away = away.into_iter().flatten().map(|(person, at)| EntryRef::Away(person.clone(), at));
    here.into_iter().map(EntryRef::Who).chain(away).collect()
}

fn away<'a>(incident: &'a Incident, present: impl Iterator<Item = &'a PersonId>) -> Vec<(&'a PersonId, Stamp)> {
    let present: HashSet<&PersonId> = present.collect();
    let mut heard: HashMap<&PersonId, Stamp> = HashMap::new();
    for item in &incident.items {
        heard.insert(&item.entry.by.person, item.entry.ts);
    }
    let gone = incident.people.iter().filter(|(person, _)| !present.contains(person));
    gone.map(|(person, first)| (person, heard.get(person).map_or(*first, |at| *first.max(at)))).collect()
}

/// Who commands: nobody any more once the incident is closed.
pub fn commander(app: &Console) -> Option<&PersonId> {
    app.incident().filter(|incident| incident.closed_at.is_none()).and_then(|incident| incident.commander.as_ref())
}
