//! What the two persons of a restore are shown: what becomes of what, what the plan can't help, and what they have to see
//! for themselves.

use crate::board::Body as RowBody;
use crate::model::facts::OffSite;
use crate::model::plan::Shown;

use super::Context;
use super::ident::{shown, words};
use super::lookup::{NONE, line, list, loss, rows};
use super::restore::{Ground, Part};

pub fn table(g: &Ground, context: &Context, flip: bool) -> (Vec<Shown>, Vec<String>) {
    let Some(oldest) = g.oldest() else { return (Vec::new(), Vec::new()) };
    let (lost, within) = loss(context, oldest.point.name.as_str(), oldest.point.started);
    let mode = shown(&g.location.access_mode.0);
    let as_of = |part: &Part| format!("{} UTC", part.point.started.format("%Y-%m-%d %H:%M"));
    let mut lines = Vec::new();
    // Several backups are several instants: each says what it is for.
    for part in &g.parts {
        let of = if g.parts.len() > 1 { format!(" of {}", part.namespaces.join(", ")) } else { String::new() };
        lines.push(line(&format!("data{of} on DR"), NONE, format!("as of {}", as_of(part))));
        lines.push(line(&format!("backup{of}"), NONE, part.backup.clone()));
        lines.push(line(&format!("volumes{of}"), NONE, volumes(part.point.off_site)));
    }
    lines.push(line("namespaces", NONE, g.namespaces.join(", ")));
    for part in g.parts.iter().filter(|part| !part.point.left_out.is_empty()) {
        lines.push(line("left out", NONE, list(&part.point.left_out, 4)));
    }
    lines.extend([
        line("what exists there", "kept", "kept: only what is missing is created"),
        line(&format!("location {}", g.location_name), mode, "ReadOnly"),
        line("you lose", NONE, lost.clone()),
    ]);
    let mut warnings = Vec::new();
    if !within {
        warnings.push(format!("Data loss is over the objective: {lost}"));
    }
    g.parts.iter().for_each(|part| of_point(part, &mut warnings));
    if g.parts.len() > 1 {
        warnings.push(
            "No single backup covers the service: its parts come from different instants and may not fit each other."
                .to_owned(),
        );
    }
    if g.keeper.is_none() && context.objective.primary != g.cluster {
        warnings.push(format!(
            "Whether the Velero of {} deletes the backup can't be asked now.",
            words(&context.objective.primary)
        ));
    }
    of_location(g, context, &mut warnings);
    of_gitops(g, context, &mut warnings);
    let (name, verb) =
        (&g.location_name, if flip { "stays read-only afterwards" } else { "is read-only already, and stays so" });
    warnings.push(format!(
        "Location {name} on {} {verb}: backups to it fail, nothing is collected. Put it back when it is decided which \
         cluster owns the bucket, and the other one's is read-only: kubectl -n {} patch backupstoragelocation {name} \
         --type merge -p '{{\"spec\":{{\"accessMode\":\"ReadWrite\"}}}}'",
        g.cluster, g.velero
    ));
    warnings.push(
        "Not readable from here, see for yourself: both Veleros have the same repository-password; this one is not v1.18.0, \
         which can't restore older volume data from a read-only location; node-agent runs on the nodes; storage classes fit; \
         no chaos experiment runs; no webhook waits for pods that come later."
            .to_owned(),
    );
    (lines, warnings)
}

fn volumes(off_site: OffSite) -> &'static str {
    match off_site {
        OffSite::Yes => "in the object store",
        OffSite::No => "at the SOURCE SITE, as snapshots",
        OffSite::NoVolumes => "none known",
        OffSite::Unknown => "not known where",
    }
}

fn of_point(part: &Part, warnings: &mut Vec<String>) {
    if let Some((name, phase)) = &part.newer {
        warnings.push(format!("A newer backup, {name}, is {phase} and is not used."));
    }
    if part.point.items.is_none() {
        warnings.push(format!("How many items {} holds is not recorded: it may be empty.", part.backup));
    }
    match part.point.off_site {
        OffSite::Yes => {}
        OffSite::No => warnings
            .push("Volume snapshots of this backup stay at the source site: volumes may come back empty.".to_owned()),
        OffSite::NoVolumes => warnings.push(
            "This backup is not known to hold any volume data: volumes, if there are any, come back empty.".to_owned(),
        ),
        OffSite::Unknown => warnings.push("Nothing proves that this backup's volume data is off site.".to_owned()),
    }
}

fn of_location(g: &Ground, context: &Context, warnings: &mut Vec<String>) {
    let name = &g.location_name;
    if g.location.validation_every_s == 0 {
        warnings.push(format!("Location {name} is never validated: nothing proves that Velero runs."));
    }
    let late = i64::try_from(g.location.sync_every_s.saturating_mul(3)).unwrap_or(i64::MAX).max(180);
    let synced = g.location.last_synced.map(|at| (context.now - at).num_seconds());
    if g.location.sync_every_s == 0 || synced.is_none_or(|age| age > late) {
        warnings.push(format!("Location {name} was not synchronised lately: a newer backup may be missing here."));
    }
}

/// Whoever syncs by itself may undo or race what is restored.
fn of_gitops(g: &Ground, context: &Context, warnings: &mut Vec<String>) {
    let patterns = &context.objective.apps;
    if patterns.is_empty() {
        return;
    }
    let apps: Vec<_> = rows(context.board)
        .filter_map(|row| match &row.body {
            RowBody::App(app) if app.cluster == g.cluster
                && context.objective.owns_app(app.kind.as_str(), app.name.as_str()) => Some(app),
            _ => None,
        })
        .collect();
    let awake = apps.iter().filter(|app| !app.suspended && app.automated != Some(false));
    let awake: Vec<_> = awake.map(|app| app.name.clone()).collect();
    let namespaces = g.namespaces.join(", ");
    if apps.is_empty() {
        warnings.push(format!(
            "GitOps can fight a restore: see that nothing prunes {namespaces} on {} meanwhile.",
            g.cluster
        ));
    } else if !awake.is_empty() {
        warnings.push(format!(
            "GitOps can fight a restore: {} of {} apps of the service on {} sync by themselves, or may ({}). Suspend them \
             first, resume them after.",
            awake.len(),
            apps.len(),
            g.cluster,
            list(&awake, 3)
        ));
    }
}
