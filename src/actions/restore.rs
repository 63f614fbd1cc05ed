//! Restore through Velero on a DR cluster, or in place where the service has none: the newest usable restore point of the
//! service, by name and uid, into the service's namespaces, with the backup location read-only meanwhile.
//!
//! Velero itself checks neither a backup's phase nor its expiry before it restores, and a read-write location on the DR
//! cluster lets garbage collection delete a backup and the running Restore with it. So both are this plan's conditions.

use chrono::TimeDelta;

use crate::board::row::Point;
use crate::board::{Body as RowBody, Row};
use crate::model::facts::{Endpoint, Location};
use crate::model::{ClusterRole, Refusal, SafeText, SourceId, Stamp, System};

use super::ident::{label, name, shown, words};
use super::lookup::{fresh, rows};
use super::restore_steps::{create, make_read_only, make_writable, validated};
use super::restore_words::table;
use super::{Body, Context, refuse, site};

/// A restore point that expires sooner than this may be deleted while it is read.
pub const EXPIRY_MARGIN_S: i64 = 3600;
/// Phases in which a Restore has ended.
const ENDED: [&str; 4] = ["FailedValidation", "Completed", "PartiallyFailed", "Failed"];

/// What the plan stands on, checked.
pub struct Ground<'a> {
    pub src: SourceId,
    pub cluster: String,
    /// On the cluster that serves, because the service has no other.
    pub in_place: bool,
    pub uid: String,
    pub uid_seen: Stamp,
    pub namespaces: Vec<String>,
    pub point: &'a Point,
    pub backup: String,
    pub backup_uid: String,
    pub point_seen: Stamp,
    pub newer: Option<(String, String)>,
    pub location: &'a Location,
    pub location_name: String,
    pub velero: String,
    pub location_seen: Stamp,
}

pub fn body(context: &Context) -> Result<Body, Refusal> {
    site::choose(context, &site::of_restore(context), body_on)
}

fn body_on(context: &Context, site: &str) -> Result<Body, Refusal> {
    let ground = ground(context, site)?;
    no_other_restore(context, &ground.cluster)?;
    let flip = ground.location.access_mode.is("ReadWrite");
    let mut steps = Vec::new();
    if flip {
        steps.push(make_read_only(&ground));
        steps.extend(validated(&ground));
    }
    steps.push(create(&ground, &(steps.len() + 1).to_string()));
    if flip && ground.in_place {
        steps.push(make_writable(&ground, &(steps.len() + 1).to_string()));
    }
    let (shown, warnings) = table(&ground, context, flip);
    let mut locks = vec![format!("{}/cluster/{}", ground.src, ground.uid)];
    locks.extend(ground.namespaces.iter().map(|ns| format!("{}/namespace/{}/{ns}", ground.src, ground.uid)));
    Ok(Body {
        title: format!(
            "Restore {} on {} from backup {}",
            words(&context.objective.service),
            ground.cluster,
            ground.backup
        ),
        confirm: name("the service", &context.objective.service)?,
        shown,
        warnings,
        steps,
        locks,
    })
}

fn ground<'a>(context: &Context<'a>, site: &str) -> Result<Ground<'a>, Refusal> {
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
    let (point_row, point, newer) = restore_point(context, &cluster, &namespaces)?;
    let (location_row, location) = location(context, &cluster, point)?;
    Ok(Ground {
        src: SourceId::new(System::Velero, cluster.clone()),
        backup: name("the backup", point.name.as_str())?,
        backup_uid: name("the backup's uid", &point.uid)?,
        point_seen: point_row.seen_at,
        newer: newer.map(|(name, phase)| (shown(name), shown(phase))),
        location_name: name("the location", location.name.as_str())?,
        velero: label("Velero's namespace", &location.namespace)?,
        location_seen: location_row.seen_at,
        cluster,
        in_place,
        uid,
        uid_seen,
        namespaces,
        point,
        location,
    })
}

/// The cluster's identity, and proof that its API server lives.
fn cluster_uid(context: &Context, cluster: &str) -> Result<(String, Stamp), Refusal> {
    let found = rows(context.board).find_map(|row| match &row.body {
        RowBody::Cluster { name, control_plane, .. } if name == cluster => Some((row, control_plane.as_ref())),
        _ => None,
    });
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

type Found<'a> = (&'a Row, &'a Point, Option<(&'a SafeText, &'a SafeText)>);

/// The newest usable restore point that the DR cluster itself knows, and that covers the namespaces.
fn restore_point<'a>(context: &Context<'a>, cluster: &str, namespaces: &[String]) -> Result<Found<'a>, Refusal> {
    let objective = context.objective;
    let velero = SourceId::new(System::Velero, cluster);
    let mine = |schedule: &SafeText| objective.schedules.iter().any(|s| schedule == s.as_str());
    let mut known: Vec<Found> = rows(context.board)
        .filter_map(|row| match &row.body {
            RowBody::Backup { cluster: c, schedule, point: Some(point), newer, .. }
                if c == cluster && mine(schedule) =>
            {
                Some((row, point, newer.as_ref().map(|(name, phase)| (name, phase))))
            }
            RowBody::Service { name, restore_point: Some(point), .. }
                if *name == objective.service && row.source == velero =>
            {
                Some((row, point, None))
            }
            _ => None,
        })
        .collect();
    if known.is_empty() {
        let service = words(&objective.service);
        return Err(match why_none(context, mine) {
            Some(why) => refuse(
                format!("{cluster} knows no usable restore point of {service}: {why}."),
                "What Velero did not complete, or what is not proven to cover the service, a person restores by hand.",
            ),
            None => refuse(
                format!("{cluster} knows no usable restore point of {service}."),
                "Check the backup location on that cluster: backups appear there once it has synced.",
            ),
        });
    }
    known.retain(|(row, ..)| !row.stale);
    if known.is_empty() {
        return Err(refuse(
            format!("What is known of the backups on {cluster} is stale."),
            format!("Bring {velero} back first; a plan needs fresh facts."),
        ));
    }
    let in_time = |p: &Point| p.expires.is_none_or(|at| (at - context.now).num_seconds() > EXPIRY_MARGIN_S);
    known.retain(|(_, point, _)| covers(point, namespaces) && in_time(point));
    known.into_iter().max_by_key(|(_, point, newer)| (point.started, newer.is_some())).ok_or_else(|| {
        refuse(
            format!("No restore point on {cluster} covers {} and lasts another hour.", namespaces.join(", ")),
            "Choose a backup by hand with velero, or correct the schedule's namespaces.",
        )
    })
}

/// What the board says of the schedules that have no usable point.
fn why_none(context: &Context, mine: impl Fn(&SafeText) -> bool) -> Option<String> {
    rows(context.board).find_map(|row| match &row.body {
        RowBody::Backup { schedule, point: None, .. } if mine(schedule) && !row.why.is_empty() => Some(shown(&row.why)),
        _ => None,
    })
}

fn covers(point: &Point, namespaces: &[String]) -> bool {
    let any = |patterns: &[SafeText], ns: &str| patterns.iter().any(|p| matches(p.as_str(), ns));
    point.limits.is_empty()
        && namespaces.iter().all(|ns| {
            (point.included_namespaces.is_empty() || any(&point.included_namespaces, ns))
                && !any(&point.excluded_namespaces, ns)
        })
}

/// Velero's namespace patterns: `*` for any run, `?` for one character. `reach[i]` = the text so far can end at pattern
/// position `i`, so the cost is pattern times text whatever the stars.
pub fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let through_stars = |reach: &mut Vec<bool>| {
        for (i, p) in pattern.iter().enumerate() {
            if *p == '*' && reach[i] {
                reach[i + 1] = true;
            }
        }
    };
    let mut reach = vec![false; pattern.len() + 1];
    reach[0] = true;
    through_stars(&mut reach);
    for c in text.chars() {
        let mut next = vec![false; reach.len()];
        for (i, p) in pattern.iter().enumerate().filter(|(i, _)| reach[*i]) {
            match p {
                '*' => next[i] = true,
                p if *p == '?' || *p == c => next[i + 1] = true,
                _ => {}
            }
        }
        through_stars(&mut next);
        reach = next;
    }
    reach[pattern.len()]
}

fn location<'a>(context: &Context<'a>, cluster: &str, point: &Point) -> Result<(&'a Row, &'a Location), Refusal> {
    let wanted = shown(&point.location);
    let found = rows(context.board).find_map(|row| match &row.body {
        RowBody::Location(l) if l.cluster == cluster && l.name == point.location => Some((row, l)),
        _ => None,
    });
    let Some((row, location)) = found else {
        return Err(refuse(
            format!("Backup location {wanted} is not known on {cluster}."),
            "Create it there, read-only, and wait for Velero to sync it.",
        ));
    };
    fresh(row, &format!("backup location {wanted}"), context.now)?;
    if !location.phase.is("Available") {
        return Err(refuse(
            format!("Backup location {wanted} on {cluster} is not available: {}.", shown(&location.message)),
            "Restore its access to the object store first.",
        ));
    }
    // The time of validation is by the cluster's clock.
    let skew = rows(context.board).find_map(|row| match &row.body {
        RowBody::Cluster { name, control_plane: Some(plane), .. } if name == cluster => plane.skew_ms,
        _ => None,
    });
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
pub fn heartbeat_s(location: &Location) -> i64 {
    i64::try_from(location.validation_every_s.saturating_mul(3)).unwrap_or(i64::MAX).max(180)
}

fn no_other_restore(context: &Context, cluster: &str) -> Result<(), Refusal> {
    let running = rows(context.board).find_map(|row| match &row.body {
        RowBody::Restore(r) if r.cluster == cluster && !ENDED.contains(&r.phase.as_str()) => Some(r),
        _ => None,
    });
    match running {
        None => Ok(()),
        Some(r) => Err(refuse(
            format!("Restore {} still runs on {cluster}; Velero does one at a time.", shown(&r.name)),
            "Wait for its end.",
        )),
    }
}
