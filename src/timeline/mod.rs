//! The fold: entries → incidents. One fold for room, console, export and drill. Pure.
//!
//! [`Story::apply`] takes entries in order; [`Clocks`] are the instants that the figures of every screen and export count
//! from; [`possible`] judges what a person states of them; [`Told`] is what a filter asks of an item.

mod clocks;
mod fields;
mod firings;
mod fold;
pub mod incident;
mod index;
mod instants;
mod keeper;
mod links;
mod memory;
mod order;
mod pairs;
mod redact;
pub mod standing;
#[cfg(test)]
pub(crate) mod tests;
mod words;

pub use fields::{Told, plan_at, plan_seq};
pub use incident::{Incident, Item, Keep, MOST_ANOMALIES, Marking, Story};
pub use index::{Changed, Index, Runs};
pub use instants::{Clock, Clocks, Stated, StatedClocks, words as clock_words};
pub use links::{effects, plan_of};
pub use order::{Impossible, Statement, possible};
pub use standing::Standing;
pub use words::{sentence, sentence_of, silence_words};

/// What an incident's plans are made of: the same nouns, for rooms that read incidents and no approvals.
pub use crate::approval::{Approval, PlanRecord, PlanState, Plans, Redaction, Redactions, StepState};
