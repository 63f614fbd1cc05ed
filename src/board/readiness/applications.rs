//! Whether the applications of a service run on a DR cluster as they run on the primary.

use crate::board::row::{AppRow, AppsKnown, ParityRow, Row, Topic, Verdict};
use crate::model::time::{clock, since, words};

use super::{Attainment, ObjectiveKind, ReadinessCheck, ReadinessInput, check};

/// How many applications are named that are not as they should be.
const MOST_NAMED: usize = 3;

fn of(standing: Attainment, says: String, remedy: &str) -> ReadinessCheck {
    check(ObjectiveKind::Rto, "applications", standing, says, remedy)
}

/// Whether what runs on the primary runs on a DR cluster, by fresh data of both.
pub(super) fn applications(seen: &ReadinessInput<'_>, dr: &str) -> ReadinessCheck {
    let unknown = |says: String, remedy: &str| of(Attainment::Unknown, says, remedy);
    let objective = seen.objective;
    if objective.apps.is_empty() {
        return unknown("no application is named for it".to_owned(), "Name its apps in its [[service]].");
    }
    let apps = seen.rows(Topic::Gitops).iter().filter_map(Row::with_kind::<AppRow>);
    let apps = apps.filter(|(_, app)| objective.owns_app(app.kind.as_str(), app.name.as_str()));
    let (own, others): (Vec<_>, Vec<_>) = apps.partition(|(_, app)| app.cluster == dr);
    let missing: Vec<&AppRow> = others
        .into_iter()
        .filter(|(_, app)| app.cluster == objective.primary && app.missing_on.iter().any(|it| it == dr))
        .map(|(_, app)| app)
        .collect();
    if own.is_empty() && missing.is_empty() {
        return unknown(format!("none of its applications is known on {dr}"), "Bring Argo CD or Flux there back.");
    }
    let lagging: Vec<&(&Row, &AppRow)> =
        own.iter().filter(|(row, _)| row.verdict != Verdict::Ok || row.stale).collect();
    if lagging.is_empty() && missing.is_empty() {
        return compared(seen, dr, own.len());
    }
    if let Some((row, _)) = lagging.iter().find(|(row, _)| row.stale) {
        return unknown(format!("{dr}: {}", row.why), "Bring Argo CD or Flux there back.");
    }
    let total = own.len() + missing.len();
    let mut named: Vec<String> = lagging.iter().map(|(row, app)| late(seen, row, app)).collect();
    named.extend(missing.iter().map(|app| format!("{} is on {} only", app.label(), app.cluster)));
    let more =
        if named.len() > MOST_NAMED { format!(", and {} more", named.len() - MOST_NAMED) } else { String::new() };
    named.truncate(MOST_NAMED);
    let says = format!("{} of {total} at parity on {dr}; {}{more}", own.len() - lagging.len(), named.join("; "));
    // Another release than the primary's, or none at all, is no lack of proof.
    let other = |(row, app): &&&(&Row, &AppRow)| {
        row.verdict >= Verdict::Warning && app.counterpart.as_ref().is_some_and(|it| !it.same)
    };
    let disproved = !missing.is_empty() || lagging.iter().any(|it| other(&it));
    let standing = if disproved { Attainment::Missed } else { Attainment::Unknown };
    of(standing, says, "Bring it to parity: pane GitOps has what lags.")
}

fn late(seen: &ReadinessInput<'_>, row: &Row, app: &AppRow) -> String {
    let for_long = app.since.map(|at| format!(" for {}", words(since(at, seen.now)))).unwrap_or_default();
    format!("{}{for_long}: {}", app.label(), row.why)
}

/// All of them are well by themselves: with what they were compared.
fn compared(seen: &ReadinessInput<'_>, dr: &str, all: usize) -> ReadinessCheck {
    let primary = &seen.objective.primary;
    let mut own = seen.rows(Topic::Gitops).iter().filter_map(Row::as_kind::<ParityRow>).filter(|it| it.cluster == dr);
    let known = own.find_map(|it| it.against.iter().find(|it| it.cluster == *primary)).map(|it| it.known);
    let healthy = format!("{all} of {all} deployed and healthy on {dr}, but compared with nothing");
    let (says, remedy) = match known {
        Some(AppsKnown::Now) => return of(Attainment::Met, format!("{all} of {all} at parity on {dr}"), ""),
        Some(AppsKnown::LastRead(at)) => {
            let says = format!("{all} of {all} at parity on {dr} with {primary} as it was last read, at {}", clock(at));
            (says, "Bring Argo CD or Flux of the primary side back.")
        }
        Some(AppsKnown::Unread) => {
            (format!("{healthy}: those of {primary} have not been read yet"), "Wait until the primary side is read.")
        }
        Some(AppsKnown::Unwatched) | None => (
            format!("{healthy}: no Argo CD or Flux that deploys to {primary} is watched"),
            "Set `argocd` or `flux` of the primary, or of the cluster that deploys there.",
        ),
    };
    of(Attainment::Unknown, says, remedy)
}
