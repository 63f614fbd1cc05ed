//! What the two persons of a restore are shown: what becomes of what, what the plan can't help, and what they have to see
//! for themselves.

use crate::board::{AppRow, Row};
use crate::model::facts::OffSite;
use crate::model::plan::ShownChange;

use super::PlanContext;
use super::board_query::{NONE, line, list, loss, rows};
use super::identifiers::{shown, words};
use super::restore::{Ground, RestorePart};

pub(super) fn table(g: &Ground, context: &PlanContext, flip: bool) -> (Vec<ShownChange>, Vec<String>) {
    let Some(oldest) = g.oldest() else { return (Vec::new(), Vec::new()) };
    let (lost, within) = loss(context, oldest.point.name.as_str(), oldest.point.started);
    let mode = shown(&g.location.access_mode.0);
    let mode_after = if g.in_place && flip { "ReadOnly, then ReadWrite again" } else { "ReadOnly" };
    let place = if g.in_place { "in place" } else { "on DR" };
    let mut lines = Vec::new();
    // Several backups are several instants: each says what it is for.
    for part in &g.parts {
        let of = if g.parts.len() > 1 { format!(" of {}", part.namespaces.join(", ")) } else { String::new() };
        let as_of = format!("as of {} UTC", part.point.started.format("%Y-%m-%d %H:%M"));
        lines.push(line(&format!("data{of} {place}"), NONE, as_of));
        lines.push(line(&format!("backup{of}"), NONE, part.backup.clone()));
        lines.push(line(&format!("volumes{of}"), NONE, volumes(part.point.off_site)));
    }
    lines.push(line("namespaces", NONE, g.namespaces.join(", ")));
    for part in g.parts.iter().filter(|part| !part.point.left_out.is_empty()) {
        lines.push(line("left out", NONE, list(&part.point.left_out, 4)));
    }
    lines.extend([
        line("what exists there", "kept", "kept: only what is missing is created"),
        line(&format!("location {}", g.location_name), mode, mode_after),
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
    if g.keeper.is_none() && !g.in_place {
        warnings.push(format!(
            "Whether the Velero of {} deletes the backup can't be asked now.",
            words(&context.objective.primary)
        ));
    }
    of_location(g, context, &mut warnings);
    of_gitops(g, context, &mut warnings);
    warnings.push(if g.in_place { afterwards_in_place(g, flip) } else { afterwards(g, flip) });
    warnings.push(unseen(g.in_place).to_owned());
    (lines, warnings)
}

/// What becomes of the location on a DR cluster.
fn afterwards(g: &Ground, flip: bool) -> String {
    let verb = if flip { "stays read-only afterwards" } else { "is read-only already, and stays so" };
    format!(
        "Location {} on {} {verb}: backups to it fail, nothing is collected. Put it back when it is decided which \
         cluster owns the bucket, and the other one's is read-only: {}",
        g.location_name,
        g.cluster,
        put_back(g)
    )
}

/// And where the service has one cluster, whose backups have to go on.
fn afterwards_in_place(g: &Ground, flip: bool) -> String {
    let (name, cluster) = (&g.location_name, &g.cluster);
    match flip {
        true => format!(
            "Backups to location {name} on {cluster} fail while it is read-only. If the plan stops before that is undone, \
             put it back by hand: {}",
            put_back(g)
        ),
        false => format!(
            "Location {name} on {cluster} is read-only already, and stays so: no backup is made. Put it back when that is \
             no longer wanted: {}",
            put_back(g)
        ),
    }
}

fn put_back(g: &Ground) -> String {
    format!(
        "kubectl -n {} patch backupstoragelocation {} --type merge -p '{{\"spec\":{{\"accessMode\":\"ReadWrite\"}}}}'",
        g.velero, g.location_name
    )
}

/// What the room can't read.
fn unseen(in_place: bool) -> &'static str {
    if in_place {
        return "Not readable from here, see for yourself: what is broken there is gone or out of the way, for what exists is \
                kept as it is; this Velero is not v1.18.0, which can't restore older volume data from a read-only location; \
                node-agent runs on the nodes; no chaos experiment runs; no webhook waits for pods that come later.";
    }
    "Not readable from here, see for yourself: both Veleros have the same repository-password; this one is not v1.18.0, \
     which can't restore older volume data from a read-only location; node-agent runs on the nodes; storage classes fit; \
     no chaos experiment runs; no webhook waits for pods that come later."
}

fn volumes(off_site: OffSite) -> &'static str {
    match off_site {
        OffSite::Yes => "in the object store",
        OffSite::No => "at the SOURCE SITE, as snapshots",
        OffSite::NoVolumes => "none known",
        OffSite::Unknown => "not known where",
    }
}

fn of_point(part: &RestorePart, warnings: &mut Vec<String>) {
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

fn of_location(g: &Ground, context: &PlanContext, warnings: &mut Vec<String>) {
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
fn of_gitops(g: &Ground, context: &PlanContext, warnings: &mut Vec<String>) {
    let objective = context.objective;
    if objective.apps.is_empty() {
        return;
    }
    let apps: Vec<_> = rows(context.board)
        .filter_map(Row::as_kind::<AppRow>)
        .filter(|app| app.cluster == g.cluster && objective.owns_app(app.kind.as_str(), app.name.as_str()))
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
