//! Whether what a person states of an instant can be so: nothing lies in the future, and an incident goes from impact to
//! detection to decision to recovery.

use crate::model::entry::{Amend, Decision, Set};
use crate::model::time::dated;
use crate::model::{PersonId, Stamp};

use super::incident::{Incident, Story};
use super::incident_clocks::{Clocks, IncidentClock, Stated};

/// What a person is about to state.
#[derive(Clone, Copy, Debug)]
pub enum Statement<'a> {
    /// Impact or recovery, as a `set` states them.
    Set(&'a Set),
    /// A decision, with the time that it is said to have been taken.
    Decision(&'a Decision),
    /// Another time for an entry that is there.
    Amend(&'a Amend),
}

/// Why it can't be so, in words for whoever stated it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impossible {
    /// Which two instants are out of order, and at which entries.
    pub why: String,
    /// What to look at before stating it again.
    pub remedy: String,
}

/// The number that the statement would have; only that no entry has it counts.
const NEXT: u64 = u64::MAX;

/// Judges a statement about the open incident before it is recorded: only what it would itself bring out of order is refused,
/// so that a log that is odd already does not refuse the truth.
///
/// # Errors
/// What would be out of order, and what to do about it.
pub fn possible(story: &Story, statement: Statement<'_>, by: &PersonId, now: Stamp) -> Result<(), Impossible> {
    let Some(incident) = story.current() else { return Ok(()) };
    let Some(keeper) = story.memory.keepers.get(&incident.id) else { return Ok(()) };
    let mut keeper = keeper.clone();
    let stated = |at: Stamp| Stated { at, seq: NEXT, by: by.clone() };
    match statement {
        Statement::Set(set) => keeper.set(set, NEXT, by),
        Statement::Decision(Decision { at: Some(at) }) => keeper.decided(stated(*at)),
        Statement::Amend(Amend { seq, at: Some(at) }) => keeper.retime(*seq, stated(*at)),
        Statement::Decision(_) | Statement::Amend(_) => {}
    }
    in_order(incident, &keeper.clocks(), now)
}

/// Every pair of clocks of which the statement gives at least one. Whole seconds: that is what people read and write.
fn in_order(incident: &Incident, clocks: &Clocks, now: Stamp) -> Result<(), Impossible> {
    let by_hand = incident.index.by_hand();
    let all = IncidentClock::ALL.map(|clock| (clock, clocks.told(clock)));
    for (n, (earlier, first)) in all.iter().enumerate() {
        for (later, second) in &all[n + 1..] {
            let (Some((first, a)), Some((second, b))) = (first, second) else { continue };
            let touched = *a == NEXT || *b == NEXT;
            // Whoever opens an incident by hand knew of it before, and may have decided before.
            if by_hand == Some(*a) && *later == IncidentClock::Decision {
                continue;
            }
            if touched && first.timestamp() > second.timestamp() {
                return Err(impossible((*earlier, *first, *a), (*later, *second, *b), now));
            }
        }
    }
    Ok(())
}

fn impossible(
    (earlier, first, first_seq): (IncidentClock, Stamp, u64),
    (later, second, second_seq): (IncidentClock, Stamp, u64),
    now: Stamp,
) -> Impossible {
    let name = |clock: IncidentClock, at: Stamp, seq: u64| {
        let entry = if seq == NEXT { String::new() } else { format!(" (entry {seq})") };
        format!("{} at {}{entry}", clock.name(), dated(at, now))
    };
    let (first, second) = (name(earlier, first, first_seq), name(later, second, second_seq));
    Impossible {
        why: format!("this can't be: {second} would be before {first}"),
        remedy: "an incident goes from impact to detection to decision to recovery; look at the other time too: \
                 `warroom timeline show`"
            .to_owned(),
    }
}
