//! Finding things on the board: by what the rows say, whichever topic they stand in.

use crate::board::row::{Against, AppsKnown};
use crate::board::{ClusterRow, JudgedBoard, ParityRow, Row, ServiceRow, SourceRow, Verdict};
use crate::model::facts::Endpoint;
use crate::model::plan::ShownChange;
use crate::model::time;
use crate::model::{Refusal, SafeText, SourceId, Stamp, System, Trouble};

use super::identifiers::{shown, words};
use super::{PlanContext, refuse};

/// Every row of the board.
pub(super) fn rows(board: &JudgedBoard) -> impl Iterator<Item = &Row> + Clone {
    board.topics.values().flat_map(|view| view.rows.iter())
}

/// Refuses to plan on old data.
pub(super) fn fresh(row: &Row, what: &str, now: Stamp) -> Result<(), Refusal> {
    if !row.stale {
        return Ok(());
    }
    let known = match row.seen_at {
        at if at == Stamp::UNIX_EPOCH => format!("Nothing is known of {what} yet"),
        at => format!("What is known of {what} is {} old", time::words(time::since(at, now))),
    };
    Err(refuse(
        format!("{known}; a plan needs fresh facts."),
        format!("Bring {} back first, or act by hand with what its console says.", row.source),
    ))
}

/// One line of the confirm view.
pub(super) fn line(what: &str, now: impl Into<String>, after: impl Into<String>) -> ShownChange {
    ShownChange { what: what.to_owned(), now: now.into(), after: after.into() }
}

/// Nothing to say in a column.
pub(super) const NONE: &str = "-";

/// What is wrong with a cluster, in words; `None` if it answers and is fresh.
pub(super) fn cluster_trouble(board: &JudgedBoard, name: &str, now: Stamp) -> Option<String> {
    let found = rows(board).filter_map(Row::with_kind::<ClusterRow>).find(|(_, it)| it.name == name);
    let Some((row, ClusterRow { control_plane, .. })) = found else {
        return Some(format!("{name}: nothing is known of this cluster"));
    };
    if let Some(trouble) = source_trouble(board, &SourceId::new(System::Kubernetes, name))
        && let Some(failure) = trouble.kind.own_failure()
    {
        return Some(format!("{name} was not looked at: {failure} ({})", shown(&trouble.what)));
    }
    match control_plane {
        _ if row.seen_at == Stamp::UNIX_EPOCH => Some(format!("{name}: nothing is known of it yet")),
        _ if row.stale => {
            let age = time::words(time::since(row.seen_at, now));
            Some(format!("{name} unreachable: its state is {age} old"))
        }
        Some(cp) if matches!(cp.livez, Endpoint::Unreachable) => {
            Some(format!("{name} unreachable: no answer from its API"))
        }
        Some(cp) if !cp.failed.is_empty() => {
            Some(format!("{name}: its API server reports {} failing", list(&cp.failed, 3)))
        }
        _ if row.verdict == Verdict::Critical => Some(format!("{name}: {}", or(&row.why, "in a critical state"))),
        _ => None,
    }
}

/// What is wrong with a source now.
fn source_trouble<'a>(board: &'a JudgedBoard, source: &SourceId) -> Option<&'a Trouble> {
    let mut own = rows(board).filter(|row| row.source == *source).filter_map(Row::as_kind::<SourceRow>);
    own.find_map(|it| it.trouble.as_ref())
}

/// Refuses a plan between two names of one cluster: it would move nothing, and restore over what it is to replace.
pub(super) fn two_sites(context: &PlanContext, dr: &str) -> Result<(), Refusal> {
    let primary = &context.objective.primary;
    let mut clusters = rows(context.board).filter_map(Row::as_kind::<ClusterRow>);
    let same = clusters.find(|it| it.name == dr && it.same_as.contains(primary));
    let uid = same.map(|it| it.control_plane.as_ref().and_then(|it| it.uid.as_deref()).unwrap_or_default());
    let Some(uid) = uid else { return Ok(()) };
    Err(refuse(
        format!("{} and {} are one cluster (uid {}): there is no other site.", words(primary), words(dr), words(uid)),
        "Correct the kubeconfig or context of one of them in warroom.toml.",
    ))
}

/// At most `most` names, then how many more.
pub(super) fn list(names: &[SafeText], most: usize) -> String {
    let mut out = names.iter().take(most).map(shown).collect::<Vec<_>>().join(", ");
    if names.len() > most {
        out.push_str(&format!(" and {} more", names.len() - most));
    }
    out
}

/// Outside text, or a word of ours where there is none.
pub(super) fn or(text: &SafeText, other: &str) -> String {
    if text.is_empty() { other.to_owned() } else { shown(text) }
}

/// Parity of a DR cluster's applications, if it is watched: how it stands, and what may be missing there.
pub(super) fn parity(board: &JudgedBoard, name: &str, now: Stamp) -> Option<(String, Option<String>)> {
    let (row, it) = rows(board).filter_map(Row::with_kind::<ParityRow>).find(|(_, it)| it.cluster == name)?;
    let ParityRow { ok, total, laggards, against, .. } = it;
    let with: Vec<String> = against.iter().map(|it| compared(it, now)).collect();
    let with = if with.is_empty() { "compared with nothing".to_owned() } else { with.join("; ") };
    let stands = format!("{ok} of {total} at parity, {with}");
    if !row.stale && ok == total && *total > 0 {
        return Some((stands, None));
    }
    let names: Vec<SafeText> = laggards.iter().map(|(name, _)| name.clone()).collect();
    let who = if names.is_empty() { "not proven".to_owned() } else { list(&names, 3) };
    Some((stands, Some(format!("{} has {ok} of {total} apps at parity: {who}", words(name)))))
}

/// What the applications of DR were compared with. In an outage that is what was last read of the primary.
fn compared(against: &Against, now: Stamp) -> String {
    let primary = words(&against.cluster);
    match against.known {
        AppsKnown::Now => format!("compared with {primary}"),
        AppsKnown::LastRead(at) => format!("compared with {primary} as read {} ago", time::words(time::since(at, now))),
        AppsKnown::Unread => format!("compared with nothing: {primary} was not read"),
        AppsKnown::Unwatched => format!("compared with nothing: apps of {primary} are not watched"),
    }
}

/// What would be lost by falling back to a restore point that began at `started`: the words, and whether it is within
/// the objective. Counted to the moment users began to fail, if that is known: later writes never happened.
pub(super) fn loss(context: &PlanContext, point: &str, started: Stamp) -> (String, bool) {
    let until = failing_since(context).filter(|at| *at >= started).unwrap_or(context.now);
    let lost = time::since(started, until);
    let rpo = context.objective.rpo_s;
    let within = lost <= rpo;
    let verdict = if within { "within" } else { "OVER" };
    let text = format!(
        "{} of writes since backup {} {} UTC (RPO {}: {verdict})",
        time::words(lost),
        words(point),
        started.format("%H:%M"),
        time::words(rpo),
    );
    (text, within)
}

fn failing_since(context: &PlanContext) -> Option<Stamp> {
    let mut services = rows(context.board).filter_map(Row::as_kind::<ServiceRow>);
    services.find(|it| it.name == context.objective.service)?.failing_since
}
