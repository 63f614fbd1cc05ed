//! Schedules: do they run, when they should have, and are they still there.

use chrono::TimeDelta;

use crate::model::facts::{Fact, FactKind, Schedule};
use crate::model::suggest::nearest;
use crate::model::{SafeText, SourceId, Stamp, System};

use super::Board;
use super::backups::ScheduleView;
use super::cron::{CountedRuns, Cron};
use super::judged_at::JudgedAt;
use super::restore_points::Candidate;
use super::row::{Verdict, runs_words};
use super::row_builder::Opinion;

/// A run may be this late before it counts as missed: Velero takes one backup at a time.
const RUN_GRACE_S: i64 = 300;
/// A schedule's own interval is an objective, also where nobody named one: of two runs in a row one has to leave a usable
/// restore point.
const RUNS_WITHOUT: u32 = 2;

/// When a schedule runs, and what it missed.
#[derive(Default)]
pub(super) struct Timing {
    pub missed: CountedRuns,
    pub next_run: Option<Stamp>,
    pub every_s: Option<u64>,
}

/// Judges the schedule of a view, with the best restore point that it left.
pub(super) fn judge(
    opinion: &mut Opinion,
    board: &Board,
    view: &ScheduleView<'_>,
    best: Option<&Candidate<'_>>,
    now: JudgedAt<'_>,
) -> Timing {
    judge_absent(opinion, board, view, now);
    let Some((_, schedule, _)) = &view.schedule else { return Timing::default() };
    let timing = timing(opinion, board, view, schedule, best, now);
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
    timing
}

/// A schedule that a service names and its cluster does not have: nothing new will be made, and nothing else says so.
fn judge_absent(opinion: &mut Opinion, board: &Board, view: &ScheduleView<'_>, now: JudgedAt<'_>) {
    if view.on_demand {
        return;
    }
    for wanted in &view.wanted {
        let primary = SourceId::new(System::Velero, wanted.objective.primary.as_str());
        let Some(state) = board.store.source(&primary).filter(|it| it.listed(FactKind::Schedule)) else { continue };
        let heard = state.proven_at().is_some_and(|at| !state.is_stale_at(at, now));
        if !heard || state.get(FactKind::Schedule, view.name).is_some() {
            continue;
        }
        let there: Vec<&str> = state
            .of(FactKind::Schedule)
            .filter_map(|held| match &held.fact {
                Fact::Schedule(it) => Some(it.name.as_str()),
                _ => None,
            })
            .collect();
        let hint = match nearest(view.name, there.iter().copied()) {
            Some(name) => format!("; the nearest name there is {name}"),
            None => String::new(),
        };
        let says = format!("{} has no schedule {}: no new backup will be made{hint}", primary.instance, view.name);
        opinion.because(Verdict::Warning, says);
        return;
    }
}

/// Runs that should have happened since the newest backup of any phase, by our newest look at any copy of them; and when
/// the next is due.
fn timing(
    opinion: &mut Opinion,
    board: &Board,
    view: &ScheduleView<'_>,
    schedule: &Schedule,
    best: Option<&Candidate<'_>>,
    now: JudgedAt<'_>,
) -> Timing {
    if schedule.paused || schedule.phase.is("FailedValidation") {
        return Timing::default();
    }
    let cron = match Cron::parse(schedule.cron.as_str()) {
        Ok(cron) => cron,
        Err(why) => {
            opinion.because(Verdict::Unknown, format!("can't tell when it runs: {why}"));
            return Timing::default();
        }
    };
    let every_s = now.find(|now| (cron.interval_s(now), cron.interval_stands_until(now)));
    let looked = view
        .candidates
        .iter()
        .map(|it| it.proof(&board.store, now).seen_at)
        .chain(view.schedule.as_ref().map(|(_, _, proof)| proof.seen_at))
        .max();
    let until = looked.map(|at| now.or_earlier(at)).unwrap_or(Stamp::UNIX_EPOCH) - TimeDelta::seconds(RUN_GRACE_S);
    // What began in the future began at some other time: it proves no run.
    let begun = |at: &Stamp| now.is_past(*at);
    let started = view.candidates.iter().filter_map(|it| it.started).filter(begun).max();
    // A run that was left out on purpose counts as one; before the first, the schedule's own beginning does.
    let submitted = schedule.last_submitted.filter(begun);
    let last = started.max(submitted).max(schedule.last_skipped.filter(begun)).or(schedule.created);
    let Some(last) = last else {
        opinion.mention("nothing says when it last ran");
        return Timing { every_s, ..Timing::default() };
    };
    let missed = cron.runs_between(last, until);
    if missed.count > 0 {
        judge_missed(opinion, schedule, missed, last, now);
    } else {
        judge_barren(opinion, &cron, best, until, now);
    }
    // Until then it stays the next.
    let next_run = now.find(|now| [cron.due_after(last, now); 2].into());
    Timing { missed, next_run, every_s }
}

/// Velero makes one backup for all runs that it missed as soon as it works again, unless it was told not to.
fn judge_missed(opinion: &mut Opinion, schedule: &Schedule, missed: CountedRuns, last: Stamp, now: JudgedAt<'_>) {
    let after = match schedule.skip_immediately {
        true => "and Velero was told to make up for none (skipImmediately)",
        false => "Velero makes one backup for all of them when it works again",
    };
    let runs = runs_words(missed.count, missed.more);
    opinion.because(Verdict::Warning, format!("{runs} missed, the last was at {}: {after}", now.dated(last)));
}

/// It runs, and what it makes can't be restored from.
fn judge_barren(opinion: &mut Opinion, cron: &Cron, best: Option<&Candidate<'_>>, until: Stamp, now: JudgedAt<'_>) {
    let Some(started) = best.and_then(|it| it.started) else { return };
    let runs = cron.runs_between(started, until);
    if runs.count >= RUNS_WITHOUT {
        let since = now.dated(started);
        let runs = runs_words(runs.count, runs.more);
        opinion.because(Verdict::Warning, format!("{runs} since {since} left no usable restore point"));
    }
}
