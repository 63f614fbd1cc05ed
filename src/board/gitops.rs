//! GitOps parity: an application counts only if everything about it is proven good by fresh data.

use std::collections::BTreeMap;

use crate::model::facts::{App, Fact, FactKind};
use crate::model::{SafeText, SourceId, Stamp, System};

use super::Board;
use super::row::{Body, Row, Verdict};
use super::store::Proof;
use super::words::{Opinion, SILENT, sort_rows};

/// Reconciliation older than this is no proof: 3 × (120 s + 60 s of jitter), unless configured.
const RECONCILED_FOR_S: u64 = 540;
const MOST_LAGGARDS: usize = 100;

/// A parity row per cluster first, then every application.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let mut parity = Vec::new();
    let mut apps = Vec::new();
    for (id, state) in board.store.system(System::Argocd) {
        let source = board.store.proof_of_source(id, now);
        let mut judged = Vec::new();
        for held in state.of(FactKind::App) {
            let Fact::App(app) = &held.fact else { continue };
            let proof = board.store.proof(id, state, held, now);
            let lag = lag(app, proof.seen_at, board.setup.app_stale_s(&id.instance));
            apps.push(app_row(app, lag.as_ref(), proof.clone()));
            judged.push((app.clone(), lag.map(|(_, why)| why), proof.stale));
        }
        parity.push(parity_row(id, judged, source));
    }
    let roles: BTreeMap<&str, usize> =
        board.setup.clusters.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    sort_rows(&mut parity, |row| roles.get(row.source.instance.as_str()).copied());
    sort_rows(&mut apps, |row| row.id.clone());
    parity.extend(apps);
    parity
}

/// Why an application is not "deployed and healthy"; `None` = it is. `seen_at` is when its source last proved it.
pub(super) fn lag(app: &App, seen_at: Stamp, reconciled_for_s: u64) -> Option<(Verdict, String)> {
    use Verdict::{Info, Unknown, Warning};
    let why = |verdict, why: String| Some((verdict, why));
    if app.deleting {
        return why(Warning, "being deleted".to_owned());
    }
    if let Some(error) = app.errors.first() {
        return why(Warning, error.to_string());
    }
    // Health is not shown when sync is unknown: it may be the last word of a cluster that is gone.
    if !app.sync.is("Synced") {
        return match app.sync.as_str() {
            "" => why(Unknown, "not compared yet".to_owned()),
            "Unknown" => why(Unknown, "sync is unknown".to_owned()),
            other => why(Warning, format!("sync is {other}")),
        };
    }
    match app.health.as_str() {
        "Healthy" => {}
        "" => return why(Unknown, "health is not known yet".to_owned()),
        "Progressing" | "Suspended" => return why(Info, format!("health is {}", app.health.as_str())),
        "Unknown" => return why(Unknown, "health is unknown".to_owned()),
        other => return why(Warning, format!("health is {other}")),
    }
    if app.operation_pending {
        return why(Info, "an operation is pending".to_owned());
    }
    if !matches!(app.operation_phase.as_str(), "" | "Succeeded") {
        return why(Warning, format!("last operation: {} {}", app.operation_phase.as_str(), app.operation_message));
    }
    if !app.destination_matches {
        return why(Warning, "compared with another destination than the one it names".to_owned());
    }
    let limit = i64::try_from(reconciled_for_s).unwrap_or(i64::MAX);
    match app.reconciled_at {
        None => why(Unknown, "never reconciled".to_owned()),
        Some(at) if limit > 0 && (seen_at - at).num_seconds() >= limit => {
            why(Unknown, "last reconciled too long ago: its controller may be dead".to_owned())
        }
        Some(_) => None,
    }
}

fn app_row(app: &App, lag: Option<&(Verdict, String)>, proof: Proof) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    if let Some((verdict, why)) = lag {
        opinion.because(*verdict, why.as_str());
    }
    if app.suspended {
        opinion.mention("sync is suspended");
    }
    let id = format!("app/{}/{}/{}", app.cluster, app.namespace, app.name);
    opinion.row(id, proof, Body::App(app.clone()))
}

fn parity_row(id: &SourceId, apps: Vec<(App, Option<String>, bool)>, proof: Proof) -> Row {
    let total = apps.len() as u32;
    let mut laggards: Vec<(SafeText, SafeText)> = apps
        .iter()
        .filter_map(|(app, lag, stale)| {
            let why = lag.as_deref().or(stale.then_some(SILENT))?;
            Some((app.name.clone(), SafeText::new(why)))
        })
        .collect();
    let ok = total - laggards.len() as u32;
    // Real reasons first: who merely is not heard comes last and is the first to be cut.
    laggards.sort_by_key(|(name, why)| (why == SILENT, name.clone()));
    laggards.truncate(MOST_LAGGARDS);
    let mut opinion = Opinion::new(Verdict::Ok);
    if total == 0 {
        opinion.because(Verdict::Unknown, "no application is known");
    } else if ok < total && !proof.stale {
        opinion.because(Verdict::Warning, format!("{} of {total} not at parity", total - ok));
    }
    let body = Body::Parity {
        cluster: id.instance.clone(),
        ok,
        total,
        laggards,
        oldest_reconciled: apps.iter().filter_map(|(app, ..)| app.reconciled_at).min(),
    };
    opinion.row(format!("parity/{}", id.instance), proof, body)
}

/// The default age at which a reconciliation proves nothing any more.
pub(super) const fn default_stale_s() -> u64 {
    RECONCILED_FOR_S
}
