//! Which backups a restore takes: one that covers the service, or several that do so together.

use crate::board::readiness::parts;
use crate::board::row::PointSummary;
use crate::board::{BackupRow, Row, ServiceRow};
use crate::model::facts::Scope;
use crate::model::{Refusal, SafeText, SourceId, System};

use super::board_query::rows;
use super::identifiers::{shown, whole, words};
use super::restore::{EXPIRY_MARGIN_S, RestorePart};
use super::{PlanContext, refuse};

/// A row that tells of a restore point, the point, and a newer backup that is not usable.
pub(super) type FoundPoint<'a> = (&'a Row, &'a PointSummary, Option<(&'a SafeText, &'a SafeText)>);

/// What to restore from: the newest restore point that covers the service, or several together where that loses less.
pub(super) fn chosen<'a>(
    context: &PlanContext<'a>,
    cluster: &str,
    namespaces: &[String],
) -> Result<Vec<RestorePart<'a>>, Refusal> {
    let one = restore_point(context, cluster, namespaces);
    let Some(set) = together(context, cluster, namespaces) else {
        return Ok(vec![RestorePart::of(one?, namespaces.to_vec())?]);
    };
    let oldest = set.iter().map(|((_, point, _), _)| point.started).min();
    match one {
        Ok(found) if Some(found.1.started) >= oldest => Ok(vec![RestorePart::of(found, namespaces.to_vec())?]),
        _ => set.into_iter().map(|(found, own)| RestorePart::of(found, own)).collect(),
    }
}

/// Several restore points of the DR cluster that cover the service together, as its row names them: each with the
/// namespaces that it is the newest for.
fn together<'a>(
    context: &PlanContext<'a>,
    cluster: &str,
    namespaces: &[String],
) -> Option<Vec<(FoundPoint<'a>, Vec<String>)>> {
    let service = &context.objective.service;
    let (row, _) = rows(context.board).filter_map(Row::with_kind::<ServiceRow>).find(|(_, it)| it.name == *service)?;
    let known: Vec<FoundPoint<'a>> = parts(row)
        .filter(|point| point.cluster == cluster && in_time(context, point))
        .filter_map(|point| told_by(context, point).filter(|it| !it.stale).map(|it| (it, point, None)))
        .collect();
    if known.len() < 2 {
        return None;
    }
    let mut out: Vec<(FoundPoint<'a>, Vec<String>)> = Vec::new();
    for namespace in namespaces {
        let covering = known.iter().filter(|(_, point, _)| covers(point, std::slice::from_ref(namespace)));
        let newest = *covering.max_by_key(|(_, point, _)| point.started)?;
        match out.iter_mut().find(|((_, point, _), _)| point.name == newest.1.name) {
            Some((_, own)) => own.push(namespace.clone()),
            None => out.push((newest, vec![namespace.clone()])),
        }
    }
    Some(out)
}

/// The row of backups that tells of a point: its own, else one of the service from the same cluster.
fn told_by<'a>(context: &PlanContext<'a>, point: &PointSummary) -> Option<&'a Row> {
    let service = &context.objective.service;
    let all = rows(context.board).filter_map(Row::with_kind::<BackupRow>);
    let theirs = all.filter(|(_, it)| it.services.contains(service) && it.cluster == point.cluster);
    let theirs = theirs.map(|(row, it)| (it.point.as_ref().is_some_and(|own| own.name == point.name), row));
    theirs.max_by_key(|(own, _)| *own).map(|(_, row)| row)
}

/// Whether a point lasts for as long as a restore of it may take.
fn in_time(context: &PlanContext<'_>, point: &PointSummary) -> bool {
    point.expires.is_none_or(|at| (at - context.now).num_seconds() > EXPIRY_MARGIN_S)
}

/// The newest usable restore point that the DR cluster itself knows, and that covers the namespaces.
fn restore_point<'a>(
    context: &PlanContext<'a>,
    cluster: &str,
    namespaces: &[String],
) -> Result<FoundPoint<'a>, Refusal> {
    let service = &context.objective.service;
    let velero = SourceId::new(System::Velero, cluster);
    let backups = rows(context.board).filter_map(Row::with_kind::<BackupRow>);
    let backups = backups.filter(|(_, it)| it.cluster == cluster && it.services.contains(service));
    let services = rows(context.board).filter(|row| row.source == velero).filter_map(Row::with_kind::<ServiceRow>);
    let services = services.filter(|(_, it)| it.name == *service);
    let mut known: Vec<FoundPoint> = services
        .filter_map(|(row, it)| Some((row, it.restore_point.as_ref()?, None)))
        .chain(backups.filter_map(|(row, it)| {
            Some((row, it.point.as_ref()?, it.newer.as_ref().map(|(name, phase)| (name, phase))))
        }))
        .collect();
    if known.is_empty() {
        return Err(nothing(context, cluster));
    }
    known.retain(|(row, ..)| !row.stale);
    if known.is_empty() {
        return Err(refuse(
            format!("What is known of the backups on {cluster} is stale."),
            format!("Bring {velero} back first; a plan needs fresh facts."),
        ));
    }
    known.retain(|(_, point, _)| covers(point, namespaces) && in_time(context, point));
    known.into_iter().max_by_key(|(_, point, newer)| (point.started, newer.is_some())).ok_or_else(|| {
        refuse(
            format!("No restore point on {cluster} covers {} and lasts another hour.", namespaces.join(", ")),
            "Choose a backup by hand with velero, or correct the schedule's namespaces.",
        )
    })
}

/// There is none to restore from: with everything that the board says of why.
pub(super) fn nothing(context: &PlanContext<'_>, cluster: &str) -> Refusal {
    let service = words(&context.objective.service);
    let all = rows(context.board).filter(|row| !row.why.is_empty()).filter_map(Row::with_kind::<BackupRow>);
    let theirs = all.filter(|(_, it)| it.services.contains(&context.objective.service));
    let whys: Vec<String> = theirs
        .filter(|(_, it)| it.point.is_none() || it.cluster != cluster)
        .map(|(row, it)| format!("{}: {}", shown(&it.schedule), whole(&row.why)))
        .collect();
    match whys.is_empty() {
        false => refuse(
            format!("{cluster} knows no usable restore point of {service}. {}.", whys.join(". ")),
            "What Velero did not complete, or what is not proven to cover the service, a person restores by hand.",
        ),
        true => refuse(
            format!("{cluster} knows no usable restore point of {service}."),
            "Check the backup location on that cluster: backups appear there once it has synced.",
        ),
    }
}

fn covers(point: &PointSummary, namespaces: &[String]) -> bool {
    let scope = Scope {
        included_namespaces: point.included_namespaces.clone(),
        excluded_namespaces: point.excluded_namespaces.clone(),
        less: point.limits.clone(),
    };
    scope.gap(namespaces).is_none()
}
