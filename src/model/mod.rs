//! Nouns: what every other room talks about, and nothing that acts.
//!
//! No clock, no file, no network: values, their names and their serialised forms. Everything that came from outside is
//! held as [`SafeText`], so no later room can print a control character by accident.

pub mod action;
pub mod alert_words;
pub mod catalog;
pub mod clean;
pub mod entry;
pub mod facts;
pub mod filter;
pub mod gitops;
pub mod happening;
pub mod ids;
mod load_balancing;
pub mod milestone;
pub mod objective;
pub mod observation;
mod open_enum;
pub mod person;
pub mod plan;
pub mod plan_events;
pub mod policy;
pub mod read_path;
pub mod safe_text;
pub mod silence;
pub mod slo;
pub mod step_request;
pub mod streamed_json;
pub mod suggest;
pub mod time;
pub mod transition;
pub mod velero;

pub use action::Action;
pub use alert_words::{AlertGrade, AlertWords};
pub use catalog::{System, Topic};
pub use entry::{Entry, Happening, IncidentStatus, Severity};
pub use facts::Fact;
pub use ids::{Digest, IncidentId, PersonId, PlanId};
pub use milestone::Milestone;
pub use objective::{Host, Objective, Strategy};
pub use observation::{Observation, SourceChange, SourceId, Trouble, TroubleKind};
pub use person::{Actor, Level, Login, Person, PersonRole};
pub use plan::{Plan, Refusal, RefusalKind, Step};
pub use policy::{ACCOUNT_ALONE, ClusterRole, EntryRules, Policy};
pub use read_path::ReadPath;
pub use safe_text::SafeText;
pub use step_request::StepRequest;
pub use transition::{TransitionFamily, TransitionKind};

/// An instant on the room's clock, in UTC, milliseconds kept. In a drill this clock may run faster than the wall's.
pub type Stamp = chrono::DateTime<chrono::Utc>;
