//! Backups: one row per schedule with its newest usable restore point, and when it should have run; then locations and
//! restores.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, OffSite, Schedule};
use crate::model::{Objective, SafeText, SourceId, Stamp, System};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState, is_partial};
use super::restore_coverage::{cover, holds_some};
use super::restore_points::{Candidate, RestorePoints, UnusableBackup, gap, newest, unfit};
use super::row::{BackupRow, Row, Verdict};
use super::row_builder::{Opinion, count, names, not_looked_at, sort_rows};
use super::running_backups::{self, Stuck};
use super::{locations, missing_on_dr, restores, schedules};

/// The name of the row for backups that no schedule made. No schedule can be called that.
const ON_DEMAND: &str = "on demand";

/// Schedules, locations, restores; each worst first. With how many were left out.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> (Vec<Row>, u64) {
    let points = RestorePoints::of(&board.store, now);
    let mut rows = schedule_rows(board, &points, now);
    rows.extend(on_demand_rows(board, &points, now));
    sort_rows(&mut rows, |row| row.id.clone());
    rows.extend(locations::rows(board, now));
    let (restores, left_out) = restores::rows(board, &points, now);
    rows.extend(restores);
    (rows, left_out)
}

/// Everything known about one schedule, by its name over all clusters; or about backups that none made.
pub(super) struct ScheduleView<'a> {
    pub name: &'a str,
    pub wanted: Vec<Wanted<'a>>,
    pub schedule: Option<(&'a SourceId, &'a Schedule, Provenance)>,
    pub candidates: Vec<Candidate<'a>>,
    pub every: Vec<Candidate<'a>>,
    pub on_demand: bool,
}

/// A service that relies on it.
pub(super) struct Wanted<'a> {
    pub objective: &'a Objective,
    /// All backups of the service together cover it, so that this one may be a part.
    together: bool,
}

impl ScheduleView<'_> {
    /// Why a backup is no restore point of any of the services, or can't be restored from.
    fn unusable(&self, it: &Candidate<'_>, now: JudgedAt<'_>) -> Option<UnusableBackup> {
        if let Some(why) = unfit(it, now) {
            return Some(why);
        }
        let gaps = self.wanted.iter().map(|wanted| {
            let part = wanted.together && holds_some(it, wanted.objective);
            gap(it.point, &wanted.objective.namespaces).filter(|_| !part)
        });
        // In words the last gap: with several services, whichever comes last says why.
        gaps.reduce(|one, other| one.and(other)).flatten().map(UnusableBackup::Other)
    }

    /// Where the services are restored: on their DR clusters, or in place.
    pub(super) fn restored_on(&self) -> Vec<&str> {
        self.wanted.iter().flat_map(|it| it.objective.restored_on()).map(String::as_str).collect()
    }

    fn rpo_s(&self) -> Option<u64> {
        // What somebody made at will can't be too late; the service's own row says what it would lose.
        self.wanted.iter().map(|it| it.objective.rpo_s).min().filter(|_| !self.on_demand)
    }
}

fn wanted<'a>(
    points: &RestorePoints<'_>,
    objectives: impl Iterator<Item = &'a Objective>,
    now: JudgedAt<'_>,
) -> Vec<Wanted<'a>> {
    objectives.map(|objective| Wanted { objective, together: cover(points, objective, now).is_ok() }).collect()
}

fn schedule_rows(board: &Board, points: &RestorePoints<'_>, now: JudgedAt<'_>) -> Vec<Row> {
    let mut schedules: BTreeMap<&str, (&SourceId, &Schedule, Provenance)> = BTreeMap::new();
    for (id, state, held) in board.store.facts(FactKind::Schedule) {
        if let Fact::Schedule(schedule) = &held.fact {
            let proof = board.store.proof(id, state, held, now);
            // A copy on another cluster may be paused or forgotten: the service's own cluster has the say.
            let home = board.setup.objectives.iter().any(|it| it.primary == id.instance && relies(it, &schedule.name));
            if home || !schedules.contains_key(schedule.name.as_str()) {
                schedules.insert(schedule.name.as_str(), (id, schedule, proof));
            }
        }
    }
    let objectives = &board.setup.objectives;
    let mut all: BTreeSet<&str> = schedules.keys().copied().collect();
    all.extend(points.by_schedule.keys().copied());
    all.extend(objectives.iter().flat_map(|objective| objective.schedules.iter().map(String::as_str)));
    all.into_iter()
        .map(|name| {
            let theirs = objectives.iter().filter(|it| it.schedules.iter().any(|own| own == name));
            let view = ScheduleView {
                name,
                wanted: wanted(points, theirs, now),
                schedule: schedules.get(name).cloned(),
                candidates: points.by_schedule.get(name).cloned().unwrap_or_default(),
                every: points.all().copied().collect(),
                on_demand: false,
            };
            row(board, &view, format!("schedule/{name}"), now)
        })
        .collect()
}

/// Backups that no schedule made: one row for each service that some of them cover, and one for the rest.
fn on_demand_rows(board: &Board, points: &RestorePoints<'_>, now: JudgedAt<'_>) -> Vec<Row> {
    let objectives = &board.setup.objectives;
    let of = |objective: &Objective| points.on_demand.iter().filter(|it| holds_some(it, objective)).copied().collect();
    let mut views: Vec<(String, ScheduleView<'_>)> = objectives
        .iter()
        .map(|objective| {
            let wanted = wanted(points, std::iter::once(objective), now);
            (format!("on-demand/{}", objective.service), on_demand(points, wanted, of(objective)))
        })
        .collect();
    let of_nobody = points.on_demand.iter().filter(|it| !objectives.iter().any(|objective| holds_some(it, objective)));
    views.push(("on-demand".to_owned(), on_demand(points, Vec::new(), of_nobody.copied().collect())));
    views.retain(|(_, view)| !view.candidates.is_empty());
    views.into_iter().map(|(id, view)| row(board, &view, id, now)).collect()
}

fn on_demand<'a>(
    points: &RestorePoints<'a>,
    wanted: Vec<Wanted<'a>>,
    candidates: Vec<Candidate<'a>>,
) -> ScheduleView<'a> {
    let every = points.all().copied().collect();
    ScheduleView { name: ON_DEMAND, wanted, schedule: None, candidates, every, on_demand: true }
}

fn relies(objective: &Objective, schedule: &SafeText) -> bool {
    objective.schedules.iter().any(|own| schedule == own.as_str())
}

fn row(board: &Board, view: &ScheduleView<'_>, id: String, now: JudgedAt<'_>) -> Row {
    let usable = view.candidates.iter().filter(|it| view.unusable(it, now).is_none()).copied();
    let best = newest(usable, &view.restored_on());
    let mut opinion = Opinion::new(Verdict::Ok);
    let unread = unread(board);
    let overdue = match &best {
        Some(best) => judge_point(&mut opinion, board, view, best, unread.as_deref(), now),
        None => judge_none(&mut opinion, view, unread.as_deref(), now),
    };
    // Of backups that were not read yet, none was missed and none is late.
    let timing = match &unread {
        Some(_) => schedules::Timing::default(),
        None => schedules::judge(&mut opinion, board, view, best.as_ref(), now),
    };
    let stuck = running_backups::stuck(&view.candidates, &view.every, timing.every_s, now);
    running_backups::judge(&mut opinion, stuck.as_ref());
    let maker = (!view.on_demand).then_some(view.name);
    let wave = board.vanished.wave(&board.store, maker, now);
    if let Some(wave) = &wave {
        opinion.because(Verdict::Warning, wave.says.clone());
    }
    let (cluster, proof) = match (&best, &view.schedule) {
        (Some(best), _) => (best.source.instance.clone(), best.proof(&board.store, now)),
        (None, Some((id, _, proof))) => (id.instance.clone(), proof.clone()),
        (None, None) => {
            let cluster = home(view);
            (cluster.clone(), board.store.proof_of_source(&SourceId::new(System::Velero, cluster), now))
        }
    };
    let schedule = view.schedule.as_ref().map(|(_, schedule, _)| *schedule);
    let body = BackupRow {
        cluster,
        schedule: SafeText::new(view.name),
        services: view.wanted.iter().map(|it| it.objective.service.clone()).collect(),
        cron: schedule.map(|schedule| schedule.cron.clone()).unwrap_or_default(),
        paused: schedule.is_some_and(|schedule| schedule.paused),
        point: best.as_ref().and_then(Candidate::point),
        rpo_s: view.rpo_s(),
        overdue,
        missed_runs: timing.missed.count,
        missed_more: timing.missed.more,
        vanished: wave.map_or(0, |wave| u32::try_from(wave.count).unwrap_or(u32::MAX)),
        next_run: timing.next_run,
        newer: newer(view, best.as_ref(), stuck.as_ref(), now),
    };
    opinion.row(id, proof, body)
}

/// Where to look for a schedule of which nothing was seen: where its services are restored, else any.
fn home(view: &ScheduleView<'_>) -> String {
    let cluster = view.restored_on().first().map(|&cluster| cluster.to_owned());
    cluster.or_else(|| view.candidates.first().map(|it| it.source.instance.clone())).unwrap_or_default()
}

/// Whether the newest usable point is older than the RPO.
fn judge_point(
    opinion: &mut Opinion,
    board: &Board,
    view: &ScheduleView<'_>,
    best: &Candidate<'_>,
    unread: Option<&str>,
    now: JudgedAt<'_>,
) -> bool {
    let over = best.started.zip(view.rpo_s()).is_some_and(|(started, rpo_s)| is_over(started, rpo_s, now));
    match unread.filter(|_| over) {
        Some(why) => opinion.because(Verdict::Unknown, format!("older than the RPO as far as was read: {why}")),
        None if over => opinion.because(Verdict::Warning, "the newest usable restore point is older than the RPO"),
        None => {}
    }
    missing_on_dr::judge(opinion, board, view, best, now);
    for wanted in &view.wanted {
        let namespaces = &wanted.objective.namespaces;
        if let Some(why) = gap(best.point, namespaces) {
            opinion.mention(format!("a part of {}: {why}", wanted.objective.service));
        }
    }
    match best.off_site {
        OffSite::Yes => {}
        OffSite::No => opinion.because(Verdict::Warning, "its volume snapshots stay on the source's storage"),
        OffSite::NoVolumes => opinion.because(Verdict::Info, "it is not known to hold any volume data"),
        OffSite::Unknown => opinion.because(Verdict::Unknown, "nothing proves that its volume data is off-site"),
    }
    if !best.point.left_out.is_empty() {
        opinion.mention(format!("it leaves out {}", names(&best.point.left_out)));
    }
    if best.point.warnings > 0 {
        opinion.mention(count(best.point.warnings as usize, "warning"));
    }
    over && unread.is_none()
}

/// Whether a point is older than an RPO.
pub(super) fn is_over(started: Stamp, rpo_s: u64, now: JudgedAt<'_>) -> bool {
    let rpo = TimeDelta::try_seconds(i64::try_from(rpo_s).unwrap_or(i64::MAX)).unwrap_or(TimeDelta::MAX);
    now.is_older(started, rpo)
}

/// Whether a service relies on a point that is known not to be there.
fn judge_none(opinion: &mut Opinion, view: &ScheduleView<'_>, unread: Option<&str>, now: JudgedAt<'_>) -> bool {
    if let Some(why) = unread {
        opinion.because(Verdict::Unknown, format!("no restore point is known: {why}"));
        return false;
    }
    let newest = view.candidates.iter().max_by_key(|it| it.started);
    let found = newest.and_then(|it| Some((it.point.name.clone(), view.unusable(it, now)?)));
    let open = view.candidates.iter().any(|it| matches!(view.unusable(it, now), Some(UnusableBackup::Unknown(_))));
    // Others cover the service: this one is no part of it, and nothing is lost with that.
    let covered = !view.wanted.is_empty() && view.wanted.iter().all(|it| it.together);
    let verdict = match () {
        () if open => Verdict::Unknown,
        () if view.on_demand => Verdict::Info,
        () if view.wanted.is_empty() || covered => Verdict::Warning,
        () => Verdict::Critical,
    };
    match found {
        Some((name, why)) => {
            let why = why.says();
            opinion.because(verdict, format!("no usable restore point: {name} is the newest, and {why}"));
        }
        None => opinion.because(verdict, "no usable restore point"),
    }
    verdict == Verdict::Critical
}

/// The backup that blocks the others; else the newest after the best one that is not usable, with its phase or reason.
fn newer(
    view: &ScheduleView<'_>,
    best: Option<&Candidate<'_>>,
    stuck: Option<&Stuck>,
    now: JudgedAt<'_>,
) -> Option<(SafeText, SafeText)> {
    if let Some(stuck) = stuck {
        return Some((SafeText::new(&stuck.name), SafeText::new(&stuck.phase)));
    }
    let started = best.and_then(|it| it.started);
    let running = |it: &&Candidate<'_>| it.started.is_none() && !it.point.phase.is("FailedValidation");
    let it = view
        .candidates
        .iter()
        .filter(|it| it.started > started || running(it))
        .max_by_key(|it| (it.started.unwrap_or(Stamp::MAX_UTC), it.point.name.clone()))?;
    let why = match view.unusable(it, now) {
        None => format!("only on {}", it.source.instance),
        Some(UnusableBackup::Phase(_)) if !it.point.phase.as_str().is_empty() => it.point.phase.as_str().to_owned(),
        Some(why) => why.says(),
    };
    Some((it.point.name.clone(), SafeText::new(&why)))
}

/// Whether the lists that decide what can be restored from were told: backups, and where they are.
pub(super) fn is_whole(state: &SourceState) -> bool {
    !state.is_reading() && state.listed(FactKind::RestorePoint) && state.listed(FactKind::Location)
}

/// Why nothing can be said of restore points that are missing; `None` = every Velero was read, or was asked and does not
/// answer while another one was read.
pub(super) fn unread(board: &Board) -> Option<String> {
    let mut read = 0;
    let mut away = None;
    for (id, state) in board.store.system(System::Velero) {
        if is_whole(state) {
            read += 1;
            continue;
        }
        match &state.trouble {
            None => return Some(format!("{id} is still being read")),
            Some(it) if is_partial(it.trouble.kind) => {
                return Some(format!("{id} is only partly readable: {}", it.trouble.what));
            }
            Some(it) => match not_looked_at(&it.trouble) {
                Some(words) => return Some(format!("{id} is {words}")),
                None => away = Some(format!("{id} has not answered yet")),
            },
        }
    }
    if read > 0 { None } else { Some(away.unwrap_or_else(|| "no Velero is watched".to_owned())) }
}
