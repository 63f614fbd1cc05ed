//! What an export says of an entry beside its text: its other time, and who removed what it said.

use serde::Serialize;

use crate::model::{PersonId, SafeText, Stamp};
use crate::timeline::{Incident, Item};

use super::outline::ExportEntry;

impl ExportEntry {
    /// The other time that it has, if it has one: when it was recorded, or when it happened by its own word.
    pub(super) fn other_time(&self) -> Option<(&'static str, Stamp)> {
        let differs = |at: &Stamp| at.timestamp() != self.placed_at.timestamp();
        let recorded = Some(self.recorded_at).filter(differs).map(|at| ("recorded", at));
        recorded.or(Some(self.at).filter(differs).map(|at| ("happened", at)))
    }
}

/// The removal of a text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Removal {
    /// The entry that removed it.
    pub seq: u64,
    /// Who asked for it, and who confirmed.
    pub by: Vec<PersonId>,
    pub why: SafeText,
}

impl Removal {
    pub(super) fn of(incident: &Incident, item: &Item) -> Option<Self> {
        let seq = item.redacted_by?;
        let request = incident.redactions.of(item.entry.seq)?;
        let why = incident.item(request.proposal).map(|it| it.text.clone()).unwrap_or_default();
        Some(Self { seq, by: request.persons().into_iter().cloned().collect(), why })
    }

    /// Who removed it and why, in words.
    pub(super) fn words(&self) -> String {
        let by: Vec<&str> = self.by.iter().map(PersonId::as_str).collect();
        format!("text removed by {}: {} (entry {})", by.join(" and "), self.why, self.seq)
    }
}
