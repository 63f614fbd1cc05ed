//! The fold: entries → incidents. One fold for room, console, export and drill. Pure.
//!
//! [`Story::apply`] takes entries in order; [`clock_view`] gives the figures of the header and of the export; [`Told`]
//! is what a filter asks of an item.

mod clocks;
mod fields;
mod firings;
mod fold;
pub mod incident;
mod links;
mod memory;
mod redact;
#[cfg(test)]
pub(crate) mod tests;
mod view;
mod words;

pub use fields::{Told, plan_at, plan_seq};
pub use incident::{Clocks, Incident, Item, MOST_ANOMALIES, Story};
pub use links::{effects, plan_of};
pub use view::{ClockView, Reading, Rpo, Rto, Spent, clock_view};
pub use words::{sentence, sentence_of, silence_words};

/// What an incident's plans are made of: the same nouns, for rooms that read incidents and no approvals.
pub use crate::approval::{Approval, PlanRecord, PlanState, Plans, Redaction, Redactions, StepState};
