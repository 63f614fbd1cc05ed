//! Sources: who answers, who does not, since when, and what to do about it.

use crate::model::facts::{AlertPeer, Fact, FactKind};
use crate::model::{SourceId, Stamp};

use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState};
use super::row::{Row, SourceRow, Verdict};
use super::row_builder::{Opinion, count, names, sort_rows};
use super::{Board, heartbeat};

/// One row per configured source; a row is stale when nothing proved the source alive for as long as its data is fresh.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
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
            if let Some(why) = rules(state) {
                opinion.because(Verdict::Warning, why);
            }
            if let Some(other) = twin(board, id, state) {
                opinion.because(Verdict::Warning, format!("{other} is the same Alertmanager by another address"));
            }
            let body = SourceRow {
                alive_at: state.alive_at,
                troubled_since: troubled.map(|troubled| troubled.since),
                trouble: troubled.map(|troubled| troubled.trouble.clone()),
                fresh_for_s: state.fresh_for_s,
                reading: state.is_reading(),
                notes: state.notes.clone(),
            };
            // Staleness is worded above: the row says it about itself and not about its proof.
            let proof = Provenance {
                source: id.clone(),
                seen_at: seen_at.unwrap_or(Stamp::UNIX_EPOCH),
                stale: false,
                doubt: None,
            };
            let mut row = opinion.row(id.to_string(), proof, body);
            row.stale = stale;
            row
        })
        .collect();
    rows.extend(heartbeat::row(board, now));
    sort_rows(&mut rows, |row| row.source.clone());
    rows
}

/// Alerting rules that can't be evaluated: what they watch for would not be told.
fn rules(state: &SourceState) -> Option<String> {
    let broken = state.of(FactKind::AlertRule).filter_map(|held| match &held.fact {
        Fact::AlertRule(rule) if rule.health.is("err") => Some(match rule.last_error.as_str() {
            "" => format!("{}/{}", rule.group, rule.name),
            error => format!("{}/{} ({error})", rule.group, rule.name),
        }),
        _ => None,
    });
    let broken: Vec<String> = broken.collect();
    let all = count(broken.len(), "alerting rule");
    (!broken.is_empty()).then(|| format!("{all} can't be evaluated and would stay silent: {}", names(&broken)))
}

fn peer(state: &SourceState) -> Option<&AlertPeer> {
    state.of(FactKind::AlertPeer).find_map(|held| match &held.fact {
        Fact::AlertPeer(peer) => Some(peer),
        _ => None,
    })
}

/// Another source that is the same process: two addresses of one instance hold every alert twice and outlive nothing.
fn twin<'a>(board: &'a Board, id: &SourceId, state: &SourceState) -> Option<&'a SourceId> {
    let own = peer(state).filter(|it| it.started.is_some())?;
    let same = |it: &AlertPeer| it.started == own.started && it.name == own.name;
    board.store.system(id.system).find(|(other, state)| *other != id && peer(state).is_some_and(same)).map(|(id, _)| id)
}
