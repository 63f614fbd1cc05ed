//! Whether a row says that a recovery objective is breached. Typed: nothing is read from what a row says to people.

use crate::model::Stamp;

use super::readiness::loss;
use super::row::{Row, RowBody, Verdict};

/// A restore point older than the RPO allows, or none at all. What is not known is no breach.
pub fn breached(row: &Row, now: Stamp) -> bool {
    if row.stale {
        return false;
    }
    match &row.body {
        RowBody::Service { rpo_s, .. } => loss(row, now).is_some_and(|loss| loss.seconds > *rpo_s),
        RowBody::Backup { services, point: None, .. } => !services.is_empty() && row.verdict == Verdict::Critical,
        _ => false,
    }
}
