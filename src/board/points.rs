//! Restore points: which of them could be restored from right now.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, Location, OffSite, RestorePoint};
use crate::model::{SafeText, SourceId, Stamp, System};

use super::clusters::skew;
use super::row::Point;
use super::store::{Held, Proof, SourceState, Store};

/// A point that expires sooner could be collected while it is being restored.
const EXPIRY_MARGIN_S: i64 = 3_600;
/// A location's heartbeat is late after three validations, and never before this.
const HEARTBEAT_S: i64 = 180;

/// A backup that may be a restore point, with where it was seen.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub source: &'a SourceId,
    pub state: &'a SourceState,
    pub held: &'a Held,
    pub point: &'a RestorePoint,
    /// Where its volume data is, by the backup and by its volumes.
    pub off_site: OffSite,
    /// The cluster's clock minus ours, where that is more than noise: times in its objects are by its clock.
    pub skew: TimeDelta,
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

/// Every backup by the schedule that made it. Synced copies on the DR cluster keep the schedule's label.
pub(super) fn by_schedule(store: &Store) -> BTreeMap<&str, Vec<Candidate<'_>>> {
    let mut out: BTreeMap<&str, Vec<Candidate<'_>>> = BTreeMap::new();
    let volumes = volumes(store);
    for (source, state, held) in store.facts(FactKind::RestorePoint) {
        let Fact::RestorePoint(point) = &held.fact else { continue };
        let Some(schedule) = &point.schedule else { continue };
        let counts = volumes.get(&(source, point.name.as_str())).copied();
        let off_site = off_site(point, counts, state.listed(FactKind::VolumeBackup));
        out.entry(schedule.as_str()).or_default().push(Candidate {
            source,
            state,
            held,
            point,
            off_site,
            skew: skew_of(store, &source.instance),
        });
    }
    out
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

/// The newest usable point: on one of the preferred clusters if there is any, because that is where it would be restored.
pub(super) fn newest_usable<'a>(
    candidates: impl Iterator<Item = Candidate<'a>>,
    scopes: &[&[String]],
    prefer: &[&str],
    now: Stamp,
) -> Option<Candidate<'a>> {
    candidates
        .filter(|it| unusable(it, scopes, now).is_none())
        .max_by_key(|it| (prefer.contains(&it.source.instance.as_str()), it.point.started, it.point.name.clone()))
}

/// Why a backup can't be restored from; `None` = it can. It must cover at least one of the scopes, if there are any.
pub(super) fn unusable(it: &Candidate<'_>, scopes: &[&[String]], now: Stamp) -> Option<String> {
    let point = it.point;
    if point.deleting || point.phase.is("Deleting") {
        return Some("it is being deleted".to_owned());
    }
    if !point.phase.is("Completed") {
        let phase = point.phase.as_str();
        return Some(if phase.is_empty() { "not started yet".to_owned() } else { format!("it is {phase}") });
    }
    if point.started.is_none() {
        return Some("its start is not known".to_owned());
    }
    if point.expires.is_some_and(|at| at <= now + TimeDelta::seconds(EXPIRY_MARGIN_S)) {
        return Some("it expires within the hour or has expired".to_owned());
    }
    match it.state.get(FactKind::Location, point.location.as_str()).map(|held| (&held.fact, held)) {
        Some((Fact::Location(location), held)) => {
            let proven = it.state.proven_at().map_or(held.seen_at, |at| at.max(held.seen_at));
            if let Some(why) = location_trouble(location, proven + it.skew) {
                return Some(format!("location {}: {why}", location.name));
            }
        }
        _ => return Some(format!("its location {} is not known on {}", point.location, point.cluster)),
    }
    if scopes.is_empty() {
        return None;
    }
    // In words the last gap: with several services, whichever comes last says why.
    scopes.iter().map(|scope| gap(point, scope)).reduce(|one, other| one.and(other)).flatten()
}

/// After how many seconds something that Velero does again and again is late.
pub(super) fn late_s(every_s: u64) -> i64 {
    i64::try_from(every_s).unwrap_or(i64::MAX / 3).saturating_mul(3).max(HEARTBEAT_S)
}

/// Why a backup does not cover a service's namespaces, or why nothing proves that it does; `None` = it does.
pub(super) fn gap(point: &RestorePoint, namespaces: &[String]) -> Option<String> {
    let matches = |patterns: &[SafeText], ns: &str| patterns.iter().any(|pattern| glob(pattern.as_str(), ns));
    let outside = |ns: &&String| !point.included_namespaces.is_empty() && !matches(&point.included_namespaces, ns);
    if let Some(ns) = namespaces.iter().find(outside) {
        return Some(format!("it does not cover namespace {ns}"));
    }
    if let Some(ns) = namespaces.iter().find(|ns| matches(&point.excluded_namespaces, ns)) {
        return Some(format!("it leaves out namespace {ns}"));
    }
    let limit = point.limits.first().filter(|_| !namespaces.is_empty())?;
    Some(format!("nothing proves that it covers the service: {limit}"))
}

/// What is wrong with a location; `proven` is when its source last proved it, by the cluster's clock. A phase stays `Available` when Velero is dead,
/// so the validation time decides; measured against our own last look, not against now.
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
        Some(at) if (proven - at).num_seconds() > late_s(location.validation_every_s) => {
            Some("not validated for too long: Velero may be dead".to_owned())
        }
        Some(_) => None,
    }
}

/// `*` matches anything, `?` one character; the rest is literal.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == text[t]) {
            p += 1;
            t += 1;
        } else if let Some((star_p, star_t)) = star {
            star = Some((star_p, star_t + 1));
            p = star_p + 1;
            t = star_t + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

impl Candidate<'_> {
    /// How far it can be believed.
    pub fn proof(&self, store: &Store, now: Stamp) -> Proof {
        store.proof(self.source, self.state, self.held, now)
    }

    /// As a row names it. Only for points with a start.
    pub fn point(&self) -> Option<Point> {
        let it = self.point;
        Some(Point {
            name: it.name.clone(),
            uid: it.uid.clone(),
            started: it.started?,
            expires: it.expires,
            location: it.location.clone(),
            off_site: self.off_site,
            included_namespaces: it.included_namespaces.clone(),
            excluded_namespaces: it.excluded_namespaces.clone(),
            limits: it.limits.clone(),
            left_out: it.left_out.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn namespaces_match_by_glob() {
        for (pattern, text, is) in [
            ("*", "shop", true),
            ("shop", "shop", true),
            ("shop", "shops", false),
            ("shop-*", "shop-eu", true),
            ("shop-*", "shop", false),
            ("*-eu", "shop-eu", true),
            ("s*p", "shop", true),
            ("s*x*p", "shop", false),
            ("sh?p", "shop", true),
            ("", "shop", false),
            ("*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(glob(pattern, text), is, "{pattern} against {text}");
        }
    }
}
