//! When an Argo CD Application is deployed and healthy: the whole predicate, not the two words that Argo CD shows.

use super::super::SafeText;
use super::{App, Around, Lag, LagKind, lag as because, proof_of_life, said};

fn lag_of_operation(app: &App) -> Option<Lag> {
    use LagKind::{Neutral, Wrong};
    let since = app.times.operation;
    let phase = app.operation_phase.as_str();
    if app.retrying {
        return because(
            Wrong,
            said("last operation failed and waits to be tried again", &app.operation_message),
            since,
        );
    }
    if app.operation_pending && phase.is_empty() {
        return because(Neutral, "an operation is pending", since);
    }
    match phase {
        "" | "Succeeded" if app.operation_pending => because(Neutral, "an operation is pending", since),
        "" | "Succeeded" => None,
        "Running" | "Terminating" => {
            because(Neutral, said(&format!("operation is {phase}"), &app.operation_message), since)
        }
        other => because(Wrong, said(&format!("last operation: {other}"), &app.operation_message), since),
    }
}

pub(super) fn lag(app: &App, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Neutral, Unproven, Wrong};
    if app.deleting {
        return because(Wrong, "being deleted", app.times.deleting);
    }
    if app.skipped {
        return because(
            Neutral,
            "suspended: reconciliation is skipped, so its status is from before",
            app.reconciled_at,
        );
    }
    if let Some(error) = app.errors.first() {
        return because(Wrong, said(error.as_str(), &SafeText::default()), app.times.error);
    }
    // Health is not looked at while sync is not known: it may be the last word of a cluster that is gone.
    match app.sync.as_str() {
        "Synced" => {}
        "" => return because(Unproven, "not compared yet", None),
        "Unknown" => return because(Unproven, "sync is unknown", None),
        other => return because(Wrong, format!("sync is {other}"), None),
    }
    let since = app.times.health;
    match app.health.as_str() {
        "Healthy" => {}
        "" => return because(Unproven, "health is not known yet", None),
        "Progressing" | "Suspended" => {
            return because(Neutral, format!("health is {}", app.health.as_str()), since);
        }
        "Unknown" => return because(Unproven, "health is unknown", since),
        other => return because(Wrong, format!("health is {other}"), since),
    }
    if let Some(found) = lag_of_operation(app) {
        return Some(found);
    }
    if !app.destination_matches {
        return because(Wrong, "compared with another destination than the one it names", None);
    }
    if let Some(wanted) = wanted_commit(app) {
        let got = app.revision.as_str();
        return because(
            Neutral,
            format!("compared with {}, not with {} as it asks for", short(got), short(wanted)),
            None,
        );
    }
    proof_of_life(app, around, around.reconciled_for_s)
}

/// The commit it asks for, if it asks for one and was compared with another.
fn wanted_commit(app: &App) -> Option<&str> {
    let wanted = app.target_revision.as_str();
    let commit = wanted.len() == 40 && wanted.bytes().all(|b| b.is_ascii_hexdigit());
    let compared = app.revision.as_str();
    (commit && !compared.is_empty() && !compared.eq_ignore_ascii_case(wanted)).then_some(wanted)
}

fn short(revision: &str) -> &str {
    revision.get(..8).unwrap_or(revision)
}
