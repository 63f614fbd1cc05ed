//! When a Flux Kustomization or HelmRelease is deployed and healthy.

use super::{App, Around, FluxState, Lag, LagKind, lag as because, proof_of_life, said};

/// A reconciliation may be this many of its own intervals old, and at least so old.
const INTERVALS: u64 = 3;
const LEAST_S: u64 = 180;

pub(super) fn lag(app: &App, flux: &FluxState, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Neutral, Unproven, Wrong};
    if app.deleting {
        return because(Wrong, "being deleted", app.times.deleting);
    }
    // Before Ready: a suspended object keeps the conditions that it had.
    if app.suspended {
        return because(Neutral, "suspended: its conditions are from before", None);
    }
    match flux.observed_generation {
        None | Some(-1) => return because(Unproven, "never reconciled", None),
        Some(seen) if seen != flux.generation => {
            let why = format!("its controller has seen generation {seen} of {}", flux.generation);
            return because(Neutral, why, None);
        }
        Some(_) => {}
    }
    conditions(app, flux)
        .or_else(|| {
            let (applied, attempted) = (&app.revision, &flux.attempted);
            let differ = !attempted.is_empty() && attempted != applied;
            let applied = if applied.is_empty() { "nothing" } else { applied.as_str() };
            differ
                .then(|| format!("rollout of {attempted} fails: {applied} is applied"))
                .and_then(|why| because(Wrong, why, app.times.ready))
        })
        .or_else(|| source(app, flux, around))
        .or_else(|| proof_of_life(app, around, LEAST_S.max(flux.interval_s.saturating_mul(INTERVALS))))
}

fn conditions(app: &App, flux: &FluxState) -> Option<Lag> {
    use LagKind::{Neutral, Unproven, Wrong};
    let since = app.times.ready;
    if let Some(stalled) = &flux.stalled {
        return because(Wrong, said("stalled until a person helps", stalled), since);
    }
    let what = if flux.reason.as_str().is_empty() { "not ready" } else { flux.reason.as_str() };
    match flux.ready.as_str() {
        "True" => {}
        "False" if flux.reason.is("DependencyNotReady") => return because(Neutral, said(what, &flux.message), since),
        "False" => return because(Wrong, said(what, &flux.message), since),
        "Unknown" => return because(Neutral, said("being reconciled", &flux.message), since),
        "" => return because(Unproven, "not reconciled yet", None),
        other => return because(Unproven, format!("Ready is {other}"), since),
    }
    match flux.reconciling.as_ref()?.as_str() {
        "ProgressingWithRetry" => because(Wrong, said("fails and is tried again", &flux.message), since),
        _ => because(Neutral, said("being reconciled", &flux.message), since),
    }
}

/// Whether what is applied is what its source has.
fn source(app: &App, flux: &FluxState, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Neutral, Unproven};
    let Some(wanted) = &flux.source else { return because(Unproven, "it does not say which source it has", None) };
    let name = format!("{}/{}", wanted.kind, wanted.name);
    let Some(source) = around.source else { return because(Unproven, format!("its source {name} is not known"), None) };
    if source.revision.is_empty() {
        return because(Unproven, said(&format!("its source {name} has no artifact"), &source.message), None);
    }
    let theirs = source.revision.as_str();
    let digest =
        !flux.digest.is_empty() && theirs.strip_suffix(flux.digest.as_str()).is_some_and(|it| it.ends_with('@'));
    if app.revision == theirs || digest {
        return None;
    }
    let applied = if app.revision.is_empty() { "nothing" } else { app.revision.as_str() };
    because(Neutral, format!("its source {name} is at {theirs}, {applied} is applied"), None)
}
