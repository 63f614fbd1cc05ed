//! The fold: entries → incidents. One fold for room, console, export and drill. Pure.
//!
//! [`Story::apply`] takes entries in order; [`Clocks`] are the instants that the figures of every screen and export count
//! from; [`possible`] judges what a person states of them; [`ToldItem`] is what a filter asks of an item.

mod clock_builder;
mod clock_inputs;
mod filter_fields;
mod firings;
mod fold;
pub mod incident;
mod incident_clocks;
mod index;
mod order;
mod pairs;
mod pending_state;
mod plan_effects;
mod redact;
mod sentences;
pub mod standing_changes;
mod streamed;
#[cfg(test)]
pub(crate) mod tests;

pub use filter_fields::{ToldItem, plan_at, plan_seq};
pub use incident::{Incident, Item, Keep, MOST_ANOMALIES, Marking, Story};
pub use incident_clocks::{Clocks, IncidentClock, Stated, StatedClocks, words as clock_words};
pub use index::{Changed, EntryIndex, EntryRanges};
pub use order::{Impossible, Statement, possible};
pub use plan_effects::{effects, plan_of};
pub use sentences::{sentence, sentence_of, silence_words};
pub use standing_changes::StandingChanges;
pub use streamed::{EntrySource, ItemSource, StreamedItems, WantedSeqs};

/// What an incident's plans are made of: the same nouns, for rooms that read incidents and no approvals.
pub use crate::approval::{Approval, PlanRecord, PlanState, Plans, Redaction, Redactions, StepState};
