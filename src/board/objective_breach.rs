//! Whether a row says that a recovery objective is breached. Typed: nothing is read from what a row says to people.

use crate::model::Stamp;

use super::readiness::loss;
use super::row::{BackupRow, Row, ServiceRow, Verdict};

/// A restore point older than the RPO allows, or none at all. What is not known is no breach.
pub fn breached(row: &Row, now: Stamp) -> bool {
    if row.stale {
        return false;
    }
    let late = row.as_kind::<ServiceRow>().zip(loss(row, now)).is_some_and(|(it, loss)| loss.seconds > it.rpo_s);
    let none = row.as_kind::<BackupRow>().is_some_and(|it| it.point.is_none() && !it.services.is_empty());
    late || (none && row.verdict == Verdict::Critical)
}
