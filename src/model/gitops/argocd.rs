//! When an Argo CD Application is deployed and healthy: the whole predicate, not the two words that Argo CD shows.

use super::super::{SafeText, Stamp};
use super::lag::{Lag, LagKind, all, if_alive, lag as because, passing, said};
use super::{App, Around};

pub(super) fn lag(app: &App, around: Around<'_>) -> Option<Lag> {
    use LagKind::{Paused, Wrong};
    if app.deleting {
        return because(Wrong, "being deleted", app.times.deleting);
    }
    if app.skipped {
        let why = "suspended: reconciliation is skipped, so its status is from before";
        return because(Paused, why, app.reconciled_at);
    }
    if let Some(error) = app.errors.first() {
        return because(Wrong, said(error.as_str(), &SafeText::default()), app.times.error);
    }
    if_alive(stands(app, around.seen_at), app, around, around.reconciled_for_s)
}

/// How it stands by what its controller wrote.
fn stands(app: &App, seen_at: Stamp) -> Option<Lag> {
    use LagKind::{Unproven, Wrong};
    // Health is not looked at while sync is not known: it may be the last word of a cluster that is gone.
    let synced = match app.sync.as_str() {
        "Synced" => true,
        "OutOfSync" => false,
        "" => return because(Unproven, "not compared yet", None),
        "Unknown" => return because(Unproven, "sync is unknown", None),
        other => return because(Wrong, format!("sync is {other}"), None),
    };
    all([
        if synced { None } else { out_of_sync(app, seen_at) },
        health(app, seen_at),
        if synced { operation(app, seen_at) } else { None },
        match app.objects {
            Some(0) if synced => because(Unproven, "it has no resources: there is nothing that could be healthy", None),
            _ => None,
        },
        match app.destination_matches {
            false => because(Wrong, "compared with another destination than the one it names", None),
            true => None,
        },
        other_commit(app),
    ])
}

/// Why the cluster is not as git has it: the reason is what the last sync says, if there is one.
fn out_of_sync(app: &App, seen_at: Stamp) -> Option<Lag> {
    let (since, message) = (app.times.operation, &app.operation_message);
    if fails_again(app) {
        let tries = if app.retries > 0 { format!(", tried again {} times so far", app.retries) } else { String::new() };
        return because(LagKind::Wrong, said(&format!("sync is OutOfSync, and syncing fails{tries}"), message), since);
    }
    match app.operation_phase.as_str() {
        phase @ ("Running" | "Terminating") => {
            passing(&format!("sync is OutOfSync, operation is {phase}"), message, since, seen_at)
        }
        phase @ ("Failed" | "Error") => {
            because(LagKind::Wrong, said(&format!("sync is OutOfSync, last operation: {phase}"), message), since)
        }
        _ => because(LagKind::Wrong, "sync is OutOfSync", None),
    }
}

/// Whether its sync failed and is tried again: it waits for the next try, or is in the middle of one.
fn fails_again(app: &App) -> bool {
    app.retrying || (app.operation_phase.is("Running") && app.retries > 0)
}

fn health(app: &App, seen_at: Stamp) -> Option<Lag> {
    use LagKind::{Paused, Unproven, Wrong};
    let since = app.times.health;
    match app.health.as_str() {
        "Healthy" => None,
        "" => because(Unproven, "health is not known yet", None),
        "Progressing" => passing("health is Progressing", &SafeText::default(), since, seen_at),
        "Suspended" => because(Paused, "health is Suspended", since),
        "Unknown" => because(Unproven, "health is unknown", since),
        other => because(Wrong, format!("health is {other}"), since),
    }
}

fn operation(app: &App, seen_at: Stamp) -> Option<Lag> {
    use LagKind::Wrong;
    let (since, message) = (app.times.operation, &app.operation_message);
    if fails_again(app) {
        return because(Wrong, said("last operation failed and waits to be tried again", message), since);
    }
    match app.operation_phase.as_str() {
        // How long it waits is written nowhere; who takes it up compares now and then, and that is looked at.
        "" | "Succeeded" if app.operation_pending => {
            passing("an operation is pending", &SafeText::default(), None, seen_at)
        }
        "" | "Succeeded" => None,
        phase @ ("Running" | "Terminating") => passing(&format!("operation is {phase}"), message, since, seen_at),
        phase => because(Wrong, said(&format!("last operation: {phase}"), message), since),
    }
}

/// It asks for one commit, and was compared with another.
fn other_commit(app: &App) -> Option<Lag> {
    let (wanted, compared) = (app.target_revision.as_str(), app.revision.as_str());
    let commit = wanted.len() == 40 && wanted.bytes().all(|b| b.is_ascii_hexdigit());
    if !commit || compared.is_empty() || compared.eq_ignore_ascii_case(wanted) {
        return None;
    }
    because(
        LagKind::Passing,
        format!("compared with {}, not with {} as it asks for", short(compared), short(wanted)),
        None,
    )
}

fn short(revision: &str) -> &str {
    revision.get(..8).unwrap_or(revision)
}
