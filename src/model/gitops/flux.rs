//! When a Flux Kustomization or HelmRelease is deployed and healthy.

use super::super::SafeText;
use super::lag::{Lag, LagKind, all, if_alive, lag as because, passing, said};
use super::{App, Around, FluxState, GitSource};

/// A reconciliation may be this many of its own intervals old, and at least so old.
const INTERVALS: u64 = 3;
const LEAST_S: u64 = 180;

pub(super) fn lag(app: &App, flux: &FluxState, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Paused, Wrong};
    if app.deleting {
        return because(Wrong, "being deleted", app.times.deleting);
    }
    // Before Ready: a suspended object keeps the conditions that it had.
    if app.suspended {
        return because(Paused, "suspended: its conditions are from before", None);
    }
    let limit_s = LEAST_S.max(flux.interval_s.saturating_mul(INTERVALS));
    if_alive(stands(app, flux, around), app, around, limit_s)
}

/// How it stands by what its controller wrote, and by where its revision comes from.
fn stands(app: &App, flux: &FluxState, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Passing, Unproven};
    // Whoever looks for revisions also hands out what was found: without it a reconciliation waits or fails for that.
    let said_of_it = conditions(app, flux, around).and_then(|lag| all([Some(lag), unattended(around)]));
    match flux.observed_generation {
        // What failed at the first try stands in the conditions all the same.
        None | Some(-1) => match said_of_it {
            Some(lag) if !flux.ready.as_str().is_empty() => {
                because(lag.kind, format!("never reconciled so far: {}", lag.why), lag.since)
            }
            _ => because(Unproven, "never reconciled", None),
        },
        Some(seen) if seen != flux.generation => {
            let why = format!("its controller has seen generation {seen} of {}", flux.generation);
            because(Passing, why, None)
        }
        Some(_) => said_of_it.or_else(|| all([rollout(app, flux), contents(app), source(app, flux, around)])),
    }
}

fn conditions(app: &App, flux: &FluxState, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Unproven, Wrong};
    let (since, now) = (app.times.ready, around.seen_at);
    if let Some(stalled) = &flux.stalled {
        return because(Wrong, said("stalled until a person helps", stalled), since);
    }
    let what = if flux.reason.as_str().is_empty() { "not ready" } else { flux.reason.as_str() };
    match flux.ready.as_str() {
        "True" => {}
        "False" if flux.reason.is("DependencyNotReady") => return passing(what, &flux.message, since, now),
        "False" => return because(Wrong, said(what, &flux.message), since),
        "Unknown" => {
            return failing(app, flux).or_else(|| passing("being reconciled", &flux.message, since, now));
        }
        "" => return because(Unproven, "not reconciled yet", None),
        other => return because(Unproven, format!("Ready is {other}"), since),
    }
    match flux.reconciling.as_ref()?.as_str() {
        "ProgressingWithRetry" => because(Wrong, said("fails and is tried again", &flux.message), since),
        _ => passing("being reconciled", &flux.message, app.times.reconciling, now),
    }
}

/// One that is tried again after it failed is not in passing: each try begins the clock of its conditions anew.
fn failing(app: &App, flux: &FluxState) -> Option<Lag> {
    let how = flux.failed.as_str();
    let why = format!("fails and is tried again: its last reconciliation ended as {how}");
    because(LagKind::Wrong, why, app.times.failing).filter(|_| !how.is_empty())
}

fn rollout(app: &App, flux: &FluxState) -> Option<Lag> {
    let (applied, attempted) = (&app.revision, &flux.attempted);
    if attempted.is_empty() || attempted == applied {
        return None;
    }
    let applied = if applied.is_empty() { "nothing" } else { applied.as_str() };
    because(LagKind::Wrong, format!("rollout of {attempted} fails: {applied} is applied"), app.times.ready)
}

fn contents(app: &App) -> Option<Lag> {
    match app.objects {
        Some(0) => because(LagKind::Unproven, "its inventory is empty: nothing of it is deployed", None),
        _ => None,
    }
}

/// Whether what is applied is what its source has, and whether the source still looks for newer revisions: one that does
/// not proves nothing about what there is.
fn source(app: &App, flux: &FluxState, around: Around<'_>) -> Option<Lag> {
    use LagKind::Unproven;
    let Some(wanted) = &flux.source else { return because(Unproven, "it does not say which source it has", None) };
    let name = format!("{}/{}", wanted.kind, wanted.name);
    let Some(source) = around.source else { return because(Unproven, format!("its source {name} is not known"), None) };
    let named = |it: &GitSource| format!("its source {}/{}", it.kind, it.name);
    if source.revision.is_empty() {
        return because(Unproven, said(&format!("{} has no artifact", named(source)), &source.message), source.since);
    }
    let from = around.repository.filter(|it| it.suspended || it.ready.is("False"));
    all([
        unread(source, &named(source), around),
        from.and_then(|it| unread(it, &named(it), around)),
        unattended(around),
        { newer(app, flux, source, &named(source), around) },
    ])
}

/// A source that does not look, or could not: something newer may be there.
fn unread(source: &GitSource, name: &str, around: Around<'_>) -> Option<Lag> {
    use LagKind::Unproven;
    if source.suspended {
        return because(Unproven, format!("{name} is suspended: what is newer there is not seen"), None);
    }
    match source.ready.as_str() {
        "True" => None,
        "Unknown" => passing(&format!("{name} is being fetched"), &source.message, source.since, around.seen_at),
        "" => because(Unproven, format!("nothing says that {name} is ready"), None),
        _ => {
            let why = said(&format!("{name} is not ready: {}", source.reason.as_str()), &source.message);
            because(Unproven, why, source.since)
        }
    }
}

/// Sources write no time at which they last looked: that somebody looks is all there is. Pods that can't be read prove
/// nothing either way.
fn unattended(around: Around<'_>) -> Option<Lag> {
    let why = match around.source_controller {
        Some(it) if it.total == 0 => {
            "no pod of source-controller was found: nothing proves that anybody looks for newer \
                                      revisions"
        }
        Some(it) if it.ready == 0 => "no pod of source-controller is ready: nobody looks for newer revisions",
        _ => return None,
    };
    because(LagKind::Unproven, why, None)
}

fn newer(app: &App, flux: &FluxState, source: &GitSource, name: &str, around: Around<'_>) -> Option<Lag> {
    let theirs = source.revision.as_str();
    let digest =
        !flux.digest.is_empty() && theirs.strip_suffix(flux.digest.as_str()).is_some_and(|it| it.ends_with('@'));
    if app.revision == theirs || digest {
        return None;
    }
    let applied = if app.revision.is_empty() { "nothing" } else { app.revision.as_str() };
    let what = format!("{name} is at {theirs}, {applied} is applied");
    passing(&what, &SafeText::default(), source.updated, around.seen_at)
}
