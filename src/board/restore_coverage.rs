//! What a service could be restored from: one backup, or several that cover its namespaces together.

use crate::model::Objective;

use super::judged_at::JudgedAt;
use super::restore_points::{Candidate, RestorePoints, UnusableBackup, gap, newest, unfit};

/// Backups that cover a service.
pub(super) struct RestoreCoverage<'a> {
    /// The oldest of them: what is newer in the others does not help the part that it holds.
    pub weakest: Candidate<'a>,
    /// The others; none where one is enough.
    pub with: Vec<Candidate<'a>>,
}

impl<'a> RestoreCoverage<'a> {
    fn one(weakest: Candidate<'a>) -> Self {
        Self { weakest, with: Vec::new() }
    }
}

/// Why nothing covers a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NotCovered {
    /// No backup of it can be restored from.
    Nothing,
    /// Whether the only ones count can't be told.
    Unknown(String),
    /// None of those that could be restored from covers this namespace, in words.
    Gap(String),
}

/// Every backup that may count for a service: of the schedules that it names, and those that no schedule made.
fn eligible<'p, 'a>(
    points: &'p RestorePoints<'a>,
    objective: &'p Objective,
) -> impl Iterator<Item = &'p Candidate<'a>> + Clone {
    let named = objective.schedules.iter().filter_map(|name| points.by_schedule.get(name.as_str())).flatten();
    named.chain(points.on_demand.iter().filter(|it| holds_some(it, objective)))
}

/// Whether a backup that no schedule made is of this service, by what it covers.
pub(super) fn holds_some(it: &Candidate<'_>, objective: &Objective) -> bool {
    objective.namespaces.iter().any(|ns| gap(it.point, std::slice::from_ref(ns)).is_none())
}

/// What a service could be restored from now.
pub(super) fn cover<'a>(
    points: &RestorePoints<'a>,
    objective: &Objective,
    now: JudgedAt<'_>,
) -> Result<RestoreCoverage<'a>, NotCovered> {
    let prefer: Vec<&str> = objective.restored_on().iter().map(String::as_str).collect();
    let all = eligible(points, objective);
    let fit: Vec<Candidate<'a>> = all.clone().filter(|it| unfit(it, now).is_none()).copied().collect();
    if fit.is_empty() {
        let open = all.filter_map(|it| match unfit(it, now) {
            Some(UnusableBackup::Unknown(says)) => Some((it.started, format!("{}: {says}", it.point.name))),
            _ => None,
        });
        return Err(open.max().map_or(NotCovered::Nothing, |(_, says)| NotCovered::Unknown(says)));
    }
    let covering =
        |namespaces: &[String]| newest(fit.iter().filter(|it| gap(it.point, namespaces).is_none()).copied(), &prefer);
    let whole = covering(&objective.namespaces);
    let mut parts: Vec<Candidate<'a>> = Vec::new();
    for namespace in &objective.namespaces {
        match covering(std::slice::from_ref(namespace)) {
            None => return Err(NotCovered::Gap(why_not(&fit, namespace))),
            Some(it) if parts.iter().any(|part| part.held_by(&it)) => {}
            Some(it) => parts.push(it),
        }
    }
    // Several backups are several instants: only where that loses less than the newest that holds all.
    let oldest = parts.iter().enumerate().min_by_key(|(_, it)| (it.is_on(&prefer), it.started)).map(|(i, _)| i);
    match (whole, oldest) {
        (Some(whole), None) => Ok(RestoreCoverage::one(whole)),
        (Some(whole), Some(i))
            if (whole.is_on(&prefer), whole.started) >= (parts[i].is_on(&prefer), parts[i].started) =>
        {
            Ok(RestoreCoverage::one(whole))
        }
        (_, Some(i)) => {
            let weakest = parts.swap_remove(i);
            Ok(RestoreCoverage { weakest, with: parts })
        }
        (None, None) => Err(NotCovered::Nothing),
    }
}

/// Why none of them covers a namespace: by the newest.
fn why_not(fit: &[Candidate<'_>], namespace: &String) -> String {
    let newest = newest(fit.iter().copied(), &[]);
    let why = newest.and_then(|it| Some((it.point.name.clone(), gap(it.point, std::slice::from_ref(namespace))?)));
    why.map_or_else(|| format!("nothing covers namespace {namespace}"), |(name, why)| format!("{name}: {why}"))
}

impl Candidate<'_> {
    /// Whether both are one object as one cluster holds it.
    fn held_by(&self, other: &Candidate<'_>) -> bool {
        self.source == other.source && self.point.name == other.point.name
    }
}
