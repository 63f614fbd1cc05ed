//! The exit code of every command that shows how things stand: one rule for all of them.
//!
//! 4 where an objective is breached; 3 where something needs a person or is not known: a row that is a warning, critical,
//! unknown or stale, or a source behind it that is not heard; 0 otherwise. An event is what happened and no state: it
//! counts by its source alone. Nothing configured is nothing wrong.

use super::exit_code::Exit;
use crate::board::{EventRow, Row, Verdict, breached};
use crate::model::Stamp;

/// How rows stand; those of sources among them.
pub(super) fn of_rows<'a>(rows: impl IntoIterator<Item = &'a Row>, now: Stamp) -> Exit {
    rows.into_iter().map(|row| of_row(row, now)).max().unwrap_or(Exit::Ok)
}

fn of_row(row: &Row, now: Stamp) -> Exit {
    let happened = row.is_kind::<EventRow>();
    match row.stale || (row.verdict >= Verdict::Unknown && !happened) {
        _ if breached(row, now) => Exit::Breached,
        true => Exit::Degraded,
        false => Exit::Ok,
    }
}
