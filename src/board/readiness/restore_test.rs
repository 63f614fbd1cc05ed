//! Restores as a test of the backups: a restore proves what it brought back, and no more.
//!
//! A name and a phase are no proof: what was asked for, what the backup held and what was counted have to cover the
//! service. Several restores may do so together; they are as old as the oldest.

use std::collections::BTreeSet;

use crate::board::restore_points::is_ahead;
use crate::board::row::{BackupRow, Row, Topic};
use crate::model::facts::{Restore, Scope};
use crate::model::time::{since, words};
use crate::model::{Milestone, SafeText, Stamp, Step, StepRequest};
use crate::timeline::{PlanRecord, PlanState};

use super::evidence::{began, day, plans, sites};
use super::{Attainment, Evidence, ObjectiveKind, PROOF_LASTS_S, ReadinessCheck, ReadinessInput, check};

/// What a restore of the service proves.
struct RestoreTest {
    at: Stamp,
    took_s: Option<u64>,
    by: String,
    /// What it asked for and what it had to take from: both have to cover.
    scopes: Vec<Scope>,
    /// Why it proves nothing at all, or not all of it, whatever it asked for.
    less: Option<String>,
}

impl RestoreTest {
    fn gap(&self, namespaces: &[String]) -> Option<String> {
        self.less.clone().or_else(|| self.scopes.iter().find_map(|it| it.gap(namespaces)))
    }
}

/// What is known of restores of the service where it comes back: on its DR side, or in place.
pub(super) struct Tests {
    pub proof: Option<Evidence>,
    /// The newest that ended, and why it is no proof.
    short: Option<(Stamp, String)>,
}

/// The last restore of the whole service, or the last ones that are it together; by plans, and as Velero tells.
pub(super) fn of(seen: &ReadinessInput<'_>) -> Tests {
    let tests: Vec<RestoreTest> = by_velero(seen).chain(by_plans(seen)).collect();
    let namespaces = &seen.objective.namespaces;
    let newest = |wanted: &[String]| tests.iter().filter(|it| it.gap(wanted).is_none()).max_by_key(|it| it.at);
    let mut whole: Vec<&RestoreTest> = Vec::new();
    let parts: Option<Vec<&RestoreTest>> = match namespaces.as_slice() {
        [] => newest(&[]).map(|it| vec![it]),
        all => all.iter().map(|ns| newest(std::slice::from_ref(ns))).collect(),
    };
    for part in parts.unwrap_or_default() {
        if !whole.iter().any(|it| it.by == part.by) {
            whole.push(part);
        }
    }
    let short = tests.iter().filter_map(|it| Some((it.at, it.by.as_str(), it.gap(namespaces)?)));
    let short = short.max_by_key(|(at, ..)| *at);
    Tests {
        proof: joined(&whole),
        short: short.map(|(at, by, why)| (at, format!("{by} was a restore in part: {why}"))),
    }
}

/// Several restores as one proof: as old as the oldest, and as long as all of them.
fn joined(whole: &[&RestoreTest]) -> Option<Evidence> {
    let at = whole.iter().map(|it| it.at).min()?;
    let by: Vec<&str> = whole.iter().map(|it| it.by.as_str()).collect();
    Some(Evidence {
        what: "restore".to_owned(),
        at,
        took_s: whole.iter().map(|it| it.took_s).sum(),
        stated_s: None,
        by: SafeText::new(&by.join(" and ")),
    })
}

/// Restores where the service comes back that Velero completed, by whoever asked for them.
fn by_velero<'a>(seen: &'a ReadinessInput<'_>) -> impl Iterator<Item = RestoreTest> + 'a {
    let names = schedules(seen);
    seen.rows(Topic::Backups).iter().filter_map(move |row| match row.as_kind::<Restore>() {
        Some(it)
            if seen.objective.restored_on().contains(&it.cluster)
                && it.phase.is("Completed")
                && is_own(seen, &names, it) =>
        {
            let at = it.completed?;
            Some(RestoreTest {
                at,
                took_s: it.started.map(|started| since(started, at)),
                by: it.name.to_string(),
                scopes: [Some(&it.scope), it.backup_scope.as_ref()].into_iter().flatten().cloned().collect(),
                less: less(it, seen.now),
            })
        }
        _ => None,
    })
}

/// Why a restore proves less than it asked for.
fn less(it: &Restore, now: Stamp) -> Option<String> {
    let many = |n: u64, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
    match () {
        () if it.completed.is_some_and(|at| is_ahead(at, now)) => {
            Some("it ended in the future, so a clock is wrong".to_owned())
        }
        () if it.items_restored() == 0 => {
            Some(format!("nothing was restored ({}, {})", many(it.items_done, "item"), many(it.warnings, "warning")))
        }
        () if it.errors > 0 => Some(many(it.errors, "error")),
        () if it.warnings > 0 => Some(format!("{}: what exists already is skipped", many(it.warnings, "warning"))),
        () if it.items_done < it.items_total => Some(format!("{} of {} items", it.items_done, it.items_total)),
        () if it.volumes_done < it.volumes_total => {
            Some(format!("{} of {} volumes", it.volumes_done, it.volumes_total))
        }
        () if it.backup_scope.is_none() => Some("what its backup held is not known any more".to_owned()),
        () => None,
    }
}

/// Plans that succeeded, by what their Restores brought back.
fn by_plans<'a>(seen: &'a ReadinessInput<'_>) -> impl Iterator<Item = RestoreTest> + 'a {
    let done = plans(seen, Milestone::Restored).map(|(_, record)| record);
    done.filter(|record| record.state == PlanState::Succeeded).flat_map(|record| {
        let steps = record.plan.steps.iter().filter_map(|step| Some((step, asked(step)?)));
        steps.map(move |(step, scope)| of_step(record, step, scope))
    })
}

fn of_step(record: &PlanRecord, step: &Step, scope: Scope) -> RestoreTest {
    let less = match record.restored.get(&step.id) {
        Some(it) if it.is_whole() => None,
        Some(it) => Some(it.words()),
        None => Some("this log does not say what it restored".to_owned()),
    };
    RestoreTest {
        at: record.changed_at,
        took_s: Some(since(began(record), record.changed_at)),
        by: format!("plan {}", record.plan.plan),
        scopes: vec![scope],
        less,
    }
}

/// What a plan's step asks Velero to restore; `None` if it is another kind of step.
fn asked(step: &Step) -> Option<Scope> {
    let StepRequest::CreateRestore(restore) = &step.request else { return None };
    let included_namespaces = restore.spec.included_namespaces.iter().map(|name| SafeText::new(name)).collect();
    Some(Scope { included_namespaces, ..Scope::default() })
}

/// Whether a restore is of this service: of a schedule that it names, or of a backup that covers one of its namespaces.
fn is_own(seen: &ReadinessInput<'_>, names: &BTreeSet<&str>, it: &Restore) -> bool {
    let named = |name: &str| seen.objective.schedules.iter().any(|own| own == name);
    let scheduled = match it.schedule.as_str() {
        "" => schedule_of(names, it.backup.as_str()),
        name => Some(name),
    };
    match scheduled {
        Some(name) => named(name),
        None => it.backup_scope.as_ref().is_some_and(|scope| {
            seen.objective.namespaces.iter().any(|ns| scope.gap(std::slice::from_ref(ns)).is_none())
        }),
    }
}

/// Every schedule's name that is known.
fn schedules<'a>(seen: &ReadinessInput<'a>) -> BTreeSet<&'a str> {
    let known = seen.rows(Topic::Backups).iter().filter_map(Row::as_kind::<BackupRow>);
    known.map(|it| it.schedule.as_str()).chain(seen.objective.schedules.iter().map(String::as_str)).collect()
}

/// The schedule that made a backup. Velero names it after the schedule: `NAME-20260302142900`; the longest name that fits.
fn schedule_of<'a>(names: &BTreeSet<&'a str>, backup: &str) -> Option<&'a str> {
    let fits = |name: &&&str| {
        let rest = backup.strip_prefix(**name).and_then(|rest| rest.strip_prefix('-'));
        rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    };
    names.iter().filter(fits).max_by_key(|name| name.len()).copied()
}

/// Whether a restore from these backups is proven to work.
pub(super) fn judge(seen: &ReadinessInput<'_>, tests: &Tests) -> ReadinessCheck {
    let told = |standing, says: String| {
        let remedy = match seen.objective.dr.is_empty() {
            true => "Restore the newest backup beside what runs, and see it end without warnings.",
            false => "Restore the newest backup on the DR side, beside what runs, and see it end without warnings.",
        };
        check(ObjectiveKind::Rpo, "restore test", standing, says, remedy)
    };
    let Some(proof) = &tests.proof else {
        let none = format!("no restore of it on {} is known to have ended well", sites(seen));
        return told(
            Attainment::Unknown,
            tests.short.as_ref().map_or(none, |(at, short)| format!("{short} ({})", day(*at))),
        );
    };
    let took = proof.took_s.map(|took| format!(" in {}", words(took))).unwrap_or_default();
    let last = format!("{} ended well{took} on {}", proof.by, day(proof.at));
    match since(proof.at, seen.now) > PROOF_LASTS_S {
        true => told(Attainment::Unknown, format!("{last}; a proof lasts {}", words(PROOF_LASTS_S))),
        false => told(Attainment::Met, last),
    }
}
