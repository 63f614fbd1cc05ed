//! Restore points: which of them could be restored from right now, and why the others could not.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, Location, OffSite, RestorePoint, outside};
use crate::model::time::dated;
use crate::model::{SourceId, Stamp, System};

use super::clusters::skew;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState, Store, StoredFact};
use super::row::PointSummary;

/// A point that expires sooner could be collected while it is being restored.
const EXPIRY_MARGIN_S: i64 = 3_600;
/// A location's heartbeat is late after three validations, and never before this.
const HEARTBEAT_S: i64 = 180;
/// What lies this far ahead of us, skew apart, was stamped by a clock that is wrong: nothing is known of its age.
const AHEAD_S: i64 = 60;

/// A backup that may be a restore point, with where it was seen.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub source: &'a SourceId,
    pub state: &'a SourceState,
    pub held: &'a StoredFact,
    pub point: &'a RestorePoint,
    /// When it began, by our clock.
    pub started: Option<Stamp>,
    /// Where its volume data is, by the backup and by its volumes.
    pub off_site: OffSite,
    /// The cluster's clock minus ours, where that is more than noise: times in its objects are by its clock.
    pub skew: TimeDelta,
    /// The cluster that shares its bucket and gives it up, or has: DR learns of that only at its next synchronisation.
    given_up: Option<(&'a SourceId, GivenUp)>,
}

/// How another cluster gives a backup up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GivenUp {
    Deleting,
    Gone,
}

/// Every backup: by the schedule that made it (synced copies keep its label), and those that no schedule made.
#[derive(Default)]
pub(super) struct RestorePoints<'a> {
    pub by_schedule: BTreeMap<&'a str, Vec<Candidate<'a>>>,
    pub on_demand: Vec<Candidate<'a>>,
}

/// The cluster's clock minus ours, as far as its API server told.
pub(super) fn skew_of(store: &Store, cluster: &str) -> TimeDelta {
    let state = store.source(&SourceId::new(System::Kubernetes, cluster));
    let held = state.and_then(|state| state.of(FactKind::ControlPlane).next());
    skew(held.and_then(|held| match &held.fact {
        Fact::ControlPlane(plane) => Some(plane),
        _ => None,
    }))
}

impl<'a> RestorePoints<'a> {
    pub(super) fn of(store: &'a Store, now: JudgedAt<'_>) -> Self {
        let mut out = Self::default();
        let volumes = volumes(store);
        let homes = homes(store);
        for (source, state, held) in store.facts(FactKind::RestorePoint) {
            let Fact::RestorePoint(point) = &held.fact else { continue };
            let counts = volumes.get(&(source, point.name.as_str())).copied();
            // It was stamped where its schedule runs, and copied as it is.
            let home = point.schedule.as_ref().and_then(|it| homes.get(it.as_str()).copied()).unwrap_or(source);
            let candidate = Candidate {
                source,
                state,
                held,
                point,
                started: point.started.map(|at| at - skew_of(store, &home.instance)),
                off_site: off_site(point, counts, state.listed(FactKind::VolumeBackup)),
                skew: skew_of(store, &source.instance),
                given_up: given_up(store, source, state, point, now),
            };
            match &point.schedule {
                Some(schedule) => out.by_schedule.entry(schedule.as_str()).or_default().push(candidate),
                None => out.on_demand.push(candidate),
            }
        }
        out
    }

    /// Every backup.
    pub(super) fn all(&self) -> impl Iterator<Item = &Candidate<'a>> {
        self.by_schedule.values().flatten().chain(&self.on_demand)
    }
}

/// Where each schedule runs.
fn homes(store: &Store) -> BTreeMap<&str, &SourceId> {
    let schedules = store.facts(FactKind::Schedule).filter_map(|(source, _, held)| match &held.fact {
        Fact::Schedule(it) => Some((it, source)),
        _ => None,
    });
    // Of copies of one schedule the one that runs has made them.
    let (paused, running): (Vec<_>, Vec<_>) = schedules.partition(|(it, _)| it.paused);
    paused.into_iter().chain(running).map(|(it, source)| (it.name.as_str(), source)).collect()
}

/// Volumes copied file by file: how many are whole, of how many.
type Volumes = (u32, u32);

fn volumes(store: &Store) -> BTreeMap<(&SourceId, &str), Volumes> {
    let mut out: BTreeMap<(&SourceId, &str), Volumes> = BTreeMap::new();
    for (source, _, held) in store.facts(FactKind::VolumeBackup) {
        let Fact::VolumeBackup(volume) = &held.fact else { continue };
        let counts = out.entry((source, volume.backup.as_str())).or_default();
        counts.0 += u32::from(volume.phase.is("Completed"));
        counts.1 += 1;
    }
    out
}

/// A backup counts its snapshots, not the volumes that were copied file by file: those decide what it leaves open.
fn off_site(point: &RestorePoint, volumes: Option<Volumes>, listed: bool) -> OffSite {
    match (point.off_site, volumes) {
        (OffSite::No, _) => OffSite::No,
        (OffSite::Unknown, _) => OffSite::Unknown,
        (_, Some((done, all))) if done < all => OffSite::Unknown,
        (_, Some(_)) => OffSite::Yes,
        (OffSite::NoVolumes, None) if !listed => OffSite::Unknown,
        (known, None) => known,
    }
}

/// The location of a name that a source knows, with when that was said.
fn location_of<'a>(state: &'a SourceState, name: &str) -> Option<(&'a Location, &'a StoredFact)> {
    let held = state.get(FactKind::Location, name)?;
    match &held.fact {
        Fact::Location(location) => Some((location, held)),
        _ => None,
    }
}

/// Locations of a source.
pub(super) fn locations_of(state: &SourceState) -> impl Iterator<Item = &Location> {
    state.of(FactKind::Location).filter_map(|held| match &held.fact {
        Fact::Location(location) => Some(location),
        _ => None,
    })
}

/// Whether two locations are one and the same bucket, for certain.
pub(super) fn same_store(one: &Location, other: &Location) -> bool {
    !one.store.is_empty() && one.store == other.store && one.endpoint == other.endpoint
}

/// Another cluster that uses the same bucket and deletes the backup, or does not know it although it has synchronised
/// since. Only from what was heard just now.
fn given_up<'a>(
    store: &'a Store,
    source: &SourceId,
    state: &SourceState,
    point: &RestorePoint,
    now: JudgedAt<'_>,
) -> Option<(&'a SourceId, GivenUp)> {
    let (place, _) = location_of(state, point.location.as_str())?;
    let done = point.completed?;
    store.system(System::Velero).filter(|(id, _)| *id != source).find_map(|(id, other)| {
        let mut shared = locations_of(other).filter(|it| same_store(it, place));
        let heard = other.proven_at().is_some_and(|at| !other.is_stale_at(at, now));
        let their = shared.next().filter(|_| heard && other.listed(FactKind::RestorePoint))?;
        match other.get(FactKind::RestorePoint, point.name.as_str()).map(|held| &held.fact) {
            Some(Fact::RestorePoint(it)) => (it.deleting || it.phase.is("Deleting")).then_some((id, GivenUp::Deleting)),
            Some(_) => None,
            None => {
                let patience = TimeDelta::seconds(2 * late_s(their.sync_every_s));
                let synced = their.last_synced.filter(|_| their.sync_every_s > 0 && their.phase.is("Available"))?;
                (synced > done + patience).then_some((id, GivenUp::Gone))
            }
        }
    })
}

/// The newest of some backups: on one of the preferred clusters if there is any, because that is where it would be restored.
pub(super) fn newest<'a>(candidates: impl Iterator<Item = Candidate<'a>>, prefer: &[&str]) -> Option<Candidate<'a>> {
    candidates.max_by_key(|it| (it.is_on(prefer), it.started, it.point.name.clone()))
}

/// Why a backup can't be restored from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnusableBackup {
    /// Not done, or failed: its phase says it.
    Phase(String),
    /// It may be as good as any, and that can't be told: a clock is wrong, or not everything was read yet.
    Unknown(String),
    Other(String),
}

impl UnusableBackup {
    pub(super) fn says(self) -> String {
        match self {
            Self::Phase(says) | Self::Unknown(says) | Self::Other(says) => says,
        }
    }
}

/// Why a backup can't be restored from, whatever it covers; `None` = it can.
pub(super) fn unfit(it: &Candidate<'_>, now: JudgedAt<'_>) -> Option<UnusableBackup> {
    let point = it.point;
    let other = |says: String| Some(UnusableBackup::Other(says));
    if point.deleting || point.phase.is("Deleting") {
        return other("it is being deleted".to_owned());
    }
    if !point.phase.is("Completed") {
        let phase = point.phase.as_str();
        return Some(UnusableBackup::Phase(if phase.is_empty() {
            "not started yet".to_owned()
        } else {
            format!("it is {phase}")
        }));
    }
    if point.items == Some(0) {
        return other("it is Completed with 0 items: nothing is in it".to_owned());
    }
    let Some(started) = it.started else { return other("its start is not known".to_owned()) };
    if now.is_ahead_s(started, AHEAD_S) {
        let at = now.dated(started);
        return Some(UnusableBackup::Unknown(format!(
            "it began in the future ({at}): a clock is wrong, so its age is not known"
        )));
    }
    if point.expires.is_some_and(|at| now.is_past(at - TimeDelta::seconds(EXPIRY_MARGIN_S))) {
        return other("it expires within the hour or has expired".to_owned());
    }
    match it.given_up {
        Some((id, GivenUp::Deleting)) => return other(format!("it is being deleted on {}", id.instance)),
        Some((id, GivenUp::Gone)) => {
            return other(format!("{} has the same bucket and no longer knows it", id.instance));
        }
        None => {}
    }
    if !it.state.listed(FactKind::Location) {
        return Some(UnusableBackup::Unknown(format!("the locations of {} were not read yet", point.cluster)));
    }
    let Some((location, held)) = location_of(it.state, point.location.as_str()) else {
        return other(format!("its location {} is not known on {}", point.location, point.cluster));
    };
    let proven = it.state.proven_at().map_or(held.seen_at, |at| at.max(held.seen_at));
    location_trouble(location, proven + it.skew)
        .map(|why| UnusableBackup::Other(format!("location {}: {why}", location.name)))
}

/// Whether an instant can't have been: it lies ahead of now by more than clocks that agree differ.
pub(super) fn is_ahead(at: Stamp, now: Stamp) -> bool {
    (at - now).num_seconds() > AHEAD_S
}

/// After how many seconds something that Velero does again and again is late.
pub(super) fn late_s(every_s: u64) -> i64 {
    i64::try_from(every_s).unwrap_or(i64::MAX / 8).min(i64::MAX / 8).saturating_mul(3).max(HEARTBEAT_S)
}

/// Why a backup does not cover a service's namespaces, or why nothing proves that it does; `None` = it does.
pub(super) fn gap(point: &RestorePoint, namespaces: &[String]) -> Option<String> {
    let outside = |ns: &String| outside(&point.included_namespaces, &point.excluded_namespaces, ns);
    if let Some(why) = namespaces.iter().find_map(outside) {
        return Some(why);
    }
    let limit = point.limits.first().filter(|_| !namespaces.is_empty())?;
    Some(format!("nothing proves that it covers the service: {limit}"))
}

/// What is wrong with a location; `proven` is when its source last proved it, by the cluster's clock. A phase stays
/// `Available` when Velero is dead, so the validation time decides; measured against our own last look, not against now.
pub(super) fn location_trouble(location: &Location, proven: Stamp) -> Option<String> {
    match location.phase.as_str() {
        "Available" => {}
        "" => return Some("never validated".to_owned()),
        phase if location.message.is_empty() => return Some(format!("is {phase}")),
        phase => return Some(format!("is {phase}: {}", location.message)),
    }
    if location.validation_every_s == 0 {
        return None;
    }
    match location.last_validated {
        None => Some("never validated".to_owned()),
        Some(at) if is_ahead(at, proven) => {
            let at = dated(at, proven);
            Some(format!("validated in the future ({at}): a clock is wrong, so nothing proves that Velero runs"))
        }
        Some(at) if (proven - at).num_seconds() > late_s(location.validation_every_s) => {
            Some("not validated for too long: Velero may be dead".to_owned())
        }
        Some(_) => None,
    }
}

impl Candidate<'_> {
    /// Whether it was seen on one of these clusters.
    pub(super) fn is_on(&self, clusters: &[&str]) -> bool {
        clusters.contains(&self.source.instance.as_str())
    }

    /// How far it can be believed.
    pub(super) fn proof(&self, store: &Store, now: JudgedAt<'_>) -> Provenance {
        store.proof(self.source, self.state, self.held, now)
    }

    /// As a row names it. Only for points with a start.
    pub(super) fn point(&self) -> Option<PointSummary> {
        let it = self.point;
        Some(PointSummary {
            name: it.name.clone(),
            uid: it.uid.clone(),
            started: self.started?,
            expires: it.expires,
            location: it.location.clone(),
            off_site: self.off_site,
            included_namespaces: it.included_namespaces.clone(),
            excluded_namespaces: it.excluded_namespaces.clone(),
            limits: it.limits.clone(),
            left_out: it.left_out.clone(),
            cluster: self.source.instance.clone(),
            items: it.items,
        })
    }
}
