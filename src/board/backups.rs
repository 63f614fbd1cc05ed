//! Backups: one row per schedule with its newest usable restore point, and when it should have run; then locations and
//! restores.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, OffSite, Schedule};
use crate::model::{Objective, SafeText, SourceId, Stamp, System};

use super::Board;
use super::cron::Cron;
use super::points::{Candidate, by_schedule, newest_usable, unusable};
use super::row::{Body, Row, Verdict};
use super::store::{Proof, SourceState};
use super::words::{Opinion, count, names, sort_rows};
use super::{locations, restores};

/// A run may be this late before it counts as missed: Velero takes one backup at a time.
const RUN_GRACE_S: i64 = 300;

/// Schedules, locations, restores; each worst first.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let mut schedules = schedule_rows(board, now);
    sort_rows(&mut schedules, |row| row.id.clone());
    schedules.extend(locations::rows(board, now));
    schedules.extend(restores::rows(board, now));
    schedules
}

/// Everything known about one schedule, by its name over all clusters.
struct View<'a> {
    name: &'a str,
    objectives: Vec<&'a Objective>,
    schedule: Option<(&'a SourceId, &'a Schedule, Proof)>,
    candidates: &'a [Candidate<'a>],
}

fn schedule_rows(board: &Board, now: Stamp) -> Vec<Row> {
    let points = by_schedule(&board.store);
    let mut schedules: BTreeMap<&str, (&SourceId, &Schedule, Proof)> = BTreeMap::new();
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
    all.extend(points.keys().copied());
    all.extend(objectives.iter().flat_map(|objective| objective.schedules.iter().map(String::as_str)));
    all.into_iter()
        .map(|name| {
            let view = View {
                name,
                objectives: objectives.iter().filter(|it| it.schedules.iter().any(|own| own == name)).collect(),
                schedule: schedules.get(name).cloned(),
                candidates: points.get(name).map_or(&[], Vec::as_slice),
            };
            schedule_row(board, &view, now)
        })
        .collect()
}

fn relies(objective: &Objective, schedule: &SafeText) -> bool {
    objective.schedules.iter().any(|own| schedule == own.as_str())
}

fn schedule_row(board: &Board, view: &View<'_>, now: Stamp) -> Row {
    let scopes: Vec<&[String]> = view.objectives.iter().map(|it| it.namespaces.as_slice()).collect();
    let prefer = restored_on(&view.objectives);
    let best = newest_usable(view.candidates.iter().copied(), &scopes, &prefer, now);
    let rpo_s = view.objectives.iter().map(|it| it.rpo_s).min();
    let mut opinion = Opinion::new(Verdict::Ok);
    let overdue = match &best {
        Some(best) => judge_point(&mut opinion, board, view, best, rpo_s, now),
        None => judge_none(&mut opinion, board, view, &scopes, now),
    };
    let schedule = view.schedule.as_ref().map(|(_, schedule, _)| *schedule);
    let (missed_runs, next_run) = schedule.map_or((0, None), |it| runs(&mut opinion, board, view, it, now));
    if let Some(schedule) = schedule {
        judge_schedule(&mut opinion, schedule, missed_runs);
    }
    let (cluster, proof) = match (&best, &view.schedule) {
        (Some(best), _) => (best.source.instance.clone(), best.proof(&board.store, now)),
        (None, Some((id, _, proof))) => (id.instance.clone(), proof.clone()),
        (None, None) => {
            let cluster = home(view);
            (cluster.clone(), board.store.proof_of_source(&SourceId::new(System::Velero, cluster), now))
        }
    };
    let started = best.as_ref().and_then(|best| best.point.started);
    let body = Body::Backup {
        cluster,
        schedule: SafeText::new(view.name),
        services: view.objectives.iter().map(|it| it.service.clone()).collect(),
        cron: schedule.map(|schedule| schedule.cron.clone()).unwrap_or_default(),
        paused: schedule.is_some_and(|schedule| schedule.paused),
        point: best.as_ref().and_then(Candidate::point),
        rpo_s,
        overdue,
        missed_runs,
        next_run,
        newer: newer(view, started, &scopes, now),
    };
    opinion.row(format!("schedule/{}", view.name), proof, body)
}

/// Where services are restored: on their DR clusters, or in place.
fn restored_on<'a>(objectives: &[&'a Objective]) -> Vec<&'a str> {
    objectives.iter().flat_map(|it| it.restored_on()).map(String::as_str).collect()
}

/// Where to look for a schedule of which nothing was seen: where its services are restored, else any.
fn home(view: &View<'_>) -> String {
    let cluster = restored_on(&view.objectives).first().map(|&cluster| cluster.to_owned());
    cluster.or_else(|| view.candidates.first().map(|it| it.source.instance.clone())).unwrap_or_default()
}

/// Whether the newest usable point is older than the RPO.
fn judge_point(
    opinion: &mut Opinion,
    board: &Board,
    view: &View<'_>,
    best: &Candidate<'_>,
    rpo_s: Option<u64>,
    now: Stamp,
) -> bool {
    let over = best.point.started.zip(rpo_s).is_some_and(|(started, rpo_s)| is_over(started, rpo_s, now));
    if over {
        opinion.because(Verdict::Warning, "the newest usable restore point is older than the RPO");
    }
    let dr = restored_on(&view.objectives);
    let answered = |name: &&&str| {
        let source = board.store.source(&SourceId::new(System::Velero, **name));
        source.is_some_and(|state| state.alive_at.is_some())
    };
    if !dr.is_empty()
        && !dr.contains(&best.source.instance.as_str())
        && let Some(missing) = dr.iter().find(answered)
    {
        opinion.because(
            Verdict::Warning,
            format!("nothing usable on {missing} yet: this one is on {}", best.source.instance),
        );
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
    over
}

/// Whether a point is older than an RPO.
pub(super) fn is_over(started: Stamp, rpo_s: u64, now: Stamp) -> bool {
    now - started > TimeDelta::try_seconds(i64::try_from(rpo_s).unwrap_or(i64::MAX)).unwrap_or(TimeDelta::MAX)
}

/// Whether a service relies on a point that is known not to be there.
fn judge_none(opinion: &mut Opinion, board: &Board, view: &View<'_>, scopes: &[&[String]], now: Stamp) -> bool {
    let answered = board.store.system(System::Velero).any(|(_, state)| state.alive_at.is_some());
    if !answered {
        opinion.because(Verdict::Unknown, "no restore point is known: Velero has not answered yet");
        return false;
    }
    let verdict = if view.objectives.is_empty() { Verdict::Warning } else { Verdict::Critical };
    let newest = view.candidates.iter().max_by_key(|it| it.point.started);
    match newest.and_then(|it| Some((it.point.name.clone(), unusable(it, scopes, now)?))) {
        Some((name, why)) => {
            opinion.because(verdict, format!("no usable restore point: {name} is the newest, and {why}"))
        }
        None => opinion.because(verdict, "no usable restore point"),
    }
    !view.objectives.is_empty()
}

fn judge_schedule(opinion: &mut Opinion, schedule: &Schedule, missed_runs: u32) {
    if schedule.paused {
        opinion.because(Verdict::Warning, "the schedule is paused");
    }
    match schedule.phase.as_str() {
        "Enabled" => {}
        "FailedValidation" => {
            let why = schedule.errors.first().map_or("it failed validation", SafeText::as_str);
            opinion.because(Verdict::Warning, format!("the schedule does not run: {why}"));
        }
        "" | "New" => opinion.because(Verdict::Unknown, "Velero has not looked at the schedule yet"),
        other => {
            opinion.because(Verdict::Unknown, format!("the schedule's phase {other} is not known to this program"))
        }
    }
    if missed_runs > 0 {
        let runs = count(missed_runs as usize, "run");
        opinion.because(Verdict::Warning, format!("{runs} missed, and Velero does not make up for them"));
    }
}

/// Runs that should have happened since the newest backup of any phase, by our newest look at any copy of them; and when
/// the next is due.
fn runs(
    opinion: &mut Opinion,
    board: &Board,
    view: &View<'_>,
    schedule: &Schedule,
    now: Stamp,
) -> (u32, Option<Stamp>) {
    if schedule.paused || schedule.phase.is("FailedValidation") {
        return (0, None);
    }
    let cron = match Cron::parse(schedule.cron.as_str()) {
        Ok(cron) => cron,
        Err(why) => {
            opinion.because(Verdict::Unknown, format!("can't tell when it runs: {why}"));
            return (0, None);
        }
    };
    let started = view.candidates.iter().filter_map(|it| it.point.started).max();
    // A run that was left out on purpose counts as one; before the first, the schedule's own beginning does.
    let last = started.max(schedule.last_submitted).max(schedule.last_skipped).or(schedule.created);
    let Some(last) = last else {
        opinion.mention("nothing says when it last ran");
        return (0, None);
    };
    let looked = view
        .candidates
        .iter()
        .map(|it| it.proof(&board.store, now).seen_at)
        .chain(view.schedule.as_ref().map(|(_, _, proof)| proof.seen_at))
        .max();
    let until = looked.map_or(now, |at| at.min(now)) - TimeDelta::seconds(RUN_GRACE_S);
    (cron.runs_between(last, until), cron.due_after(last, now))
}

/// The newest backup after `started` that is not usable, with its phase or reason.
fn newer(view: &View<'_>, started: Option<Stamp>, scopes: &[&[String]], now: Stamp) -> Option<(SafeText, SafeText)> {
    let running = |it: &&Candidate<'_>| it.point.started.is_none() && !it.point.phase.is("FailedValidation");
    let it = view
        .candidates
        .iter()
        .filter(|it| it.point.started > started || running(it))
        .max_by_key(|it| (it.point.started.unwrap_or(Stamp::MAX_UTC), it.point.name.clone()))?;
    let why = match unusable(it, scopes, now) {
        None => format!("only on {}", it.source.instance),
        Some(_) if !it.point.phase.is("Completed") && !it.point.phase.as_str().is_empty() => {
            it.point.phase.as_str().to_owned()
        }
        Some(why) => why,
    };
    Some((it.point.name.clone(), SafeText::new(&why)))
}

/// The newest usable restore point of a service, over all its schedules.
pub(super) fn of_service<'a>(
    points: &'a BTreeMap<&'a str, Vec<Candidate<'a>>>,
    objective: &Objective,
    now: Stamp,
) -> Option<Candidate<'a>> {
    let candidates = objective.schedules.iter().filter_map(|name| points.get(name.as_str())).flatten().copied();
    newest_usable(candidates, &[objective.namespaces.as_slice()], &restored_on(&[objective]), now)
}

/// Whether any Velero that could know a service's restore points has answered.
pub(super) fn anyone_answered(board: &Board, objective: &Objective) -> bool {
    objective.clusters().any(|cluster| {
        let source = board.store.source(&SourceId::new(System::Velero, cluster));
        source.and_then(SourceState::proven_at).is_some()
    })
}
