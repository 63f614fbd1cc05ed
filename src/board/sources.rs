//! Sources: who answers, who does not, since when, and what to do about it.

use crate::model::Stamp;
use crate::model::facts::{Fact, FactKind};

use super::{Board, heartbeat};
use super::row::{Body, Row, Verdict};
use super::store::Proof;
use super::words::{Opinion, sort_rows};

/// One row per configured source; a row is stale when nothing proved the source alive for as long as its data is fresh.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let mut rows: Vec<Row> = board
        .store
        .iter()
        .map(|(id, state)| {
            let troubled = state.trouble.as_ref();
            let seen_at = state.alive_at.or(troubled.map(|troubled| troubled.since));
            let stale = match state.alive_at {
                Some(at) => state.is_stale_at(at, now),
                None => troubled.is_some(),
            };
            let mut opinion = Opinion::new(Verdict::Ok);
            match troubled {
                Some(troubled) => opinion.because(Verdict::Warning, troubled.trouble.what.as_str()),
                None if state.alive_at.is_none() => opinion.because(Verdict::Unknown, "waiting for its first answer"),
                None if stale => opinion.because(Verdict::Warning, "says nothing any more"),
                None => {}
            }
            let unread = state.of(FactKind::AlertPeer).any(|held| match &held.fact {
                Fact::AlertPeer(peer) => !peer.silences_read,
                _ => false,
            });
            if unread {
                opinion.because(Verdict::Unknown, "its silences can't be read: which there are is not known");
            }
            let body = Body::Source {
                alive_at: state.alive_at,
                troubled_since: troubled.map(|troubled| troubled.since),
                trouble: troubled.map(|troubled| troubled.trouble.clone()),
                fresh_for_s: state.fresh_for_s,
            };
            // Staleness is worded above: the row says it about itself and not about its proof.
            let proof =
                Proof { source: id.clone(), seen_at: seen_at.unwrap_or(Stamp::UNIX_EPOCH), stale: false, doubt: None };
            let mut row = opinion.row(id.to_string(), proof, body);
            row.stale = stale;
            row
        })
        .collect();
    rows.extend(heartbeat::row(board, now));
    sort_rows(&mut rows, |row| row.source.clone());
    rows
}
