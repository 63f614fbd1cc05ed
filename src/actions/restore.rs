//! Restore through Velero on a DR cluster, or in place where the service has none: the newest usable restore point of the
//! service, by name and uid, into the service's namespaces, with the backup location read-only meanwhile. Where several
//! backups cover the service together, each is restored into the namespaces that it is the newest for, one by one.
//!
//! Velero itself checks neither a backup's phase nor its expiry before it restores, and a read-write location on the DR
//! cluster lets garbage collection delete a backup and the running Restore with it. So both are this plan's conditions.

use chrono::TimeDelta;

use crate::board::row::PointSummary;
use crate::board::{ClusterRow, Row};
use crate::model::facts::{Endpoint, Location, Restore};
use crate::model::{Action, ClusterRole, Objective, Refusal, SourceId, Stamp, System, time};

use super::board_query::{fresh, rows};
use super::identifiers::{label, name, shown, whole, words};
use super::restore_points::{FoundPoint, chosen, nothing};
use super::restore_steps::{create, make_read_only, make_writable, started, validated};
use super::restore_summary::table;
use super::{ActionSpec, PlanBody, PlanContext, refuse, target_cluster};

/// The action.
pub(super) const SPEC: ActionSpec = ActionSpec {
    action: Action::Restore,
    verb: "restore",
    question: "Restore which service?",
    command: "propose-restore",
    command_doc: "propose to restore a service's data on DR",
    plain_doc: "build the plan to restore a service's data on DR (in place, if it has none), and print it",
    sites: Objective::restored_on,
    note,
    next: |_| "data was restored, and no recovery was seen since: look why the probes still fail".to_owned(),
    build: body,
};

/// Where its data comes back, and how much of it may be lost.
fn note(objective: &Objective, site: &str) -> String {
    let rpo = time::short(objective.rpo_s);
    match objective.dr.as_slice() {
        [] => format!("in place, on {site}   RPO {rpo}"),
        _ => format!("on {site}   RPO {rpo}"),
    }
}

/// A restore point that expires sooner than this may be deleted while it is read.
pub(super) const EXPIRY_MARGIN_S: i64 = 3600;
/// Phases in which a Restore has ended.
const ENDED: [&str; 4] = ["FailedValidation", "Completed", "PartiallyFailed", "Failed"];

/// What the plan stands on, checked.
pub(super) struct Ground<'a> {
    pub src: SourceId,
    pub cluster: String,
    /// On the cluster that serves, because the service has no other.
    pub in_place: bool,
    pub uid: String,
    pub uid_seen: Stamp,
    pub namespaces: Vec<String>,
    /// What is restored, in this order.
    pub parts: Vec<RestorePart<'a>>,
    /// The Velero of the primary side, if it was heard just now and keeps its backups in the same bucket: it could delete
    /// one, and this cluster would learn of that only later.
    pub keeper: Option<(SourceId, Stamp)>,
    pub location: &'a Location,
    pub location_name: String,
    pub velero: String,
    pub location_seen: Stamp,
}

/// One backup and what is restored from it.
pub(super) struct RestorePart<'a> {
    pub point: &'a PointSummary,
    pub backup: String,
    pub uid: String,
    pub seen: Stamp,
    pub namespaces: Vec<String>,
    pub newer: Option<(String, String)>,
}

impl<'a> RestorePart<'a> {
    pub(super) fn of(found: FoundPoint<'a>, namespaces: Vec<String>) -> Result<Self, Refusal> {
        let (row, point, newer) = found;
        Ok(Self {
            point,
            backup: name("the backup", point.name.as_str())?,
            uid: name("the backup's uid", &point.uid)?,
            seen: row.seen_at,
            namespaces,
            newer: newer.map(|(name, phase)| (shown(name), shown(phase))),
        })
    }
}

impl Ground<'_> {
    /// The backups' names, in order.
    pub(super) fn backups(&self) -> String {
        self.parts.iter().map(|part| part.backup.as_str()).collect::<Vec<_>>().join(" and ")
    }

    /// The part whose data is the oldest: what is lost.
    pub(super) fn oldest(&self) -> Option<&RestorePart<'_>> {
        self.parts.iter().min_by_key(|part| part.point.started)
    }
}

fn body(context: &PlanContext) -> Result<PlanBody, Refusal> {
    target_cluster::choose(context, &target_cluster::of_restore(context), body_on)
}

fn body_on(context: &PlanContext, site: &str) -> Result<PlanBody, Refusal> {
    let ground = ground(context, site)?;
    no_other_restore(context, &ground.cluster)?;
    let flip = ground.location.access_mode.is("ReadWrite");
    let mut steps = Vec::new();
    if flip {
        steps.push(make_read_only(&ground));
        steps.extend(validated(&ground));
    }
    for part in &ground.parts {
        steps.push(create(&ground, part, &(steps.len() + 1).to_string()));
    }
    if flip && ground.in_place {
        steps.push(make_writable(&ground, &(steps.len() + 1).to_string()));
    }
    steps.push(started(&ground, &(steps.len() + 1).to_string()));
    let (shown, warnings) = table(&ground, context, flip);
    let mut locks = vec![format!("{}/cluster/{}", ground.src, ground.uid)];
    locks.extend(ground.namespaces.iter().map(|ns| format!("{}/namespace/{}/{ns}", ground.src, ground.uid)));
    Ok(PlanBody {
        title: format!(
            "Restore {} on {} from backup {}",
            words(&context.objective.service),
            ground.cluster,
            ground.backups()
        ),
        confirm: name("the service", &context.objective.service)?,
        shown,
        warnings,
        steps,
        locks,
    })
}

fn ground<'a>(context: &PlanContext<'a>, site: &str) -> Result<Ground<'a>, Refusal> {
    let objective = context.objective;
    let in_place = objective.dr.is_empty();
    let cluster = name(if in_place { "the cluster" } else { "the DR cluster" }, site)?;
    let role = context.cluster_roles.get(site);
    if role.is_none() {
        return Err(refuse(
            format!("{cluster} is not configured as a cluster."),
            "Check primary and dr of the service in warroom.toml.",
        ));
    }
    if !in_place && role != Some(&ClusterRole::Dr) {
        return Err(refuse(
            format!("{cluster} is not configured as a DR cluster; a restore goes nowhere else."),
            "Check dr of the service and role of the cluster in warroom.toml.",
        ));
    }
    let (uid, uid_seen) = cluster_uid(context, &cluster)?;
    if objective.namespaces.is_empty() {
        let why = format!("Service {} has no namespaces configured.", words(&objective.service));
        return Err(refuse(why, "Set namespaces of the service in warroom.toml."));
    }
    let mut namespaces =
        objective.namespaces.iter().map(|ns| label("a namespace", ns)).collect::<Result<Vec<_>, _>>()?;
    namespaces.sort();
    namespaces.dedup();
    let parts = chosen(context, &cluster, &namespaces)?;
    let Some(first) = parts.first() else { return Err(nothing(context, &cluster)) };
    if let Some(other) = parts.iter().find(|it| it.point.location != first.point.location) {
        return Err(refuse(
            format!(
                "{} and {} are needed together and are in two locations, {} and {}.",
                first.backup,
                other.backup,
                shown(&first.point.location),
                shown(&other.point.location)
            ),
            "A plan makes one location read-only: restore them by hand, one after the other.",
        ));
    }
    let (location_row, location) = location(context, &cluster, first.point)?;
    Ok(Ground {
        src: SourceId::new(System::Velero, cluster.clone()),
        parts,
        keeper: keeper(context, location),
        location_name: name("the location", location.name.as_str())?,
        velero: label("Velero's namespace", &location.namespace)?,
        location_seen: location_row.seen_at,
        cluster,
        in_place,
        uid,
        uid_seen,
        namespaces,
        location,
    })
}

/// The cluster's identity, and proof that its API server lives.
fn cluster_uid(context: &PlanContext, cluster: &str) -> Result<(String, Stamp), Refusal> {
    let mut clusters = rows(context.board).filter_map(Row::with_kind::<ClusterRow>);
    let found = clusters.find(|(_, it)| it.name == cluster).map(|(row, it)| (row, it.control_plane.as_ref()));
    let unknown = || {
        refuse(
            format!("It can't be proven which cluster {cluster} is: its identity was not read."),
            "Check its kubeconfig and that the kube-system namespace may be read.",
        )
    };
    let (row, control_plane) = found.ok_or_else(unknown)?;
    fresh(row, &format!("cluster {cluster}"), context.now)?;
    let control_plane = control_plane.ok_or_else(unknown)?;
    if matches!(control_plane.livez, Endpoint::Failing | Endpoint::Unreachable) {
        return Err(refuse(
            format!("The API server of {cluster} is not healthy."),
            match context.objective.dr.is_empty() {
                true => "A restore in place needs its cluster to work; repair or rebuild it first.",
                false => "A restore needs a working DR cluster; repair it first.",
            },
        ));
    }
    let uid = control_plane.uid.as_deref().ok_or_else(unknown)?;
    Ok((name("the cluster's uid", uid)?, row.seen_at))
}

/// The primary side's Velero, where it would know of a deletion first.
fn keeper(context: &PlanContext<'_>, location: &Location) -> Option<(SourceId, Stamp)> {
    let primary = &context.objective.primary;
    let mut heard = rows(context.board).filter(|row| !row.stale).filter_map(Row::with_kind::<Location>);
    let theirs = heard.find(|(_, it)| {
        it.cluster == *primary
            && it.cluster != location.cluster
            && !it.store.is_empty()
            && it.store == location.store
            && it.endpoint == location.endpoint
    });
    theirs.map(|(row, _)| (SourceId::new(System::Velero, primary.as_str()), row.seen_at))
}

fn location<'a>(
    context: &PlanContext<'a>,
    cluster: &str,
    point: &PointSummary,
) -> Result<(&'a Row, &'a Location), Refusal> {
    let wanted = shown(&point.location);
    let mut all = rows(context.board).filter_map(Row::with_kind::<Location>);
    let found = all.find(|(_, it)| it.cluster == cluster && it.name == point.location);
    let Some((row, location)) = found else {
        return Err(refuse(
            format!("Backup location {wanted} is not known on {cluster}."),
            "Create it there, read-only, and wait for Velero to sync it.",
        ));
    };
    fresh(row, &format!("backup location {wanted}"), context.now)?;
    if !location.phase.is("Available") {
        return Err(refuse(
            format!("Backup location {wanted} on {cluster} is not available: {}.", whole(&location.message)),
            "Restore its access to the object store first.",
        ));
    }
    // The time of validation is by the cluster's clock.
    let mut clusters = rows(context.board).filter_map(Row::as_kind::<ClusterRow>).filter(|it| it.name == cluster);
    let skew = clusters.find_map(|it| it.control_plane.as_ref()?.skew_ms);
    let now = context.now + TimeDelta::try_milliseconds(skew.unwrap_or(0)).unwrap_or_default();
    let age = location.last_validated.map(|at| (now - at).num_seconds());
    if location.validation_every_s > 0 && age.is_none_or(|age| age > heartbeat_s(location)) {
        return Err(refuse(
            format!("Velero on {cluster} has not looked at location {wanted} lately; it may not run."),
            "Check the Velero deployment on that cluster.",
        ));
    }
    Ok((row, location))
}

/// The age at which Velero's heartbeat is late: three times its own period, three minutes at least.
pub(super) fn heartbeat_s(location: &Location) -> i64 {
    i64::try_from(location.validation_every_s.saturating_mul(3)).unwrap_or(i64::MAX).max(180)
}

fn no_other_restore(context: &PlanContext, cluster: &str) -> Result<(), Refusal> {
    let mut restores = rows(context.board).filter_map(Row::as_kind::<Restore>);
    let running = restores.find(|it| it.cluster == cluster && !ENDED.contains(&it.phase.as_str()));
    match running {
        None => Ok(()),
        Some(r) => Err(refuse(
            format!("Restore {} still runs on {cluster}; Velero does one at a time.", shown(&r.name)),
            "Wait for its end.",
        )),
    }
}
