//! Services against their objectives: are users served, from where, and what would be lost.

use std::collections::BTreeMap;

use crate::model::facts::{Fact, FactKind, Probe};
use crate::model::{Objective, SourceId, System};

use super::Board;
use super::backups::{is_over, unread};
use super::judged_at::JudgedAt;
use super::observation_store::Provenance;
use super::restore_coverage::{NotCovered, RestoreCoverage, cover};
use super::restore_points::{Candidate, RestorePoints};
use super::row::{Row, ServiceRow, Verdict};
use super::row_builder::{Opinion, sort_rows};
use super::traffic::answer;
use super::unknown_names;

/// One row per objective.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
    let points = RestorePoints::of(&board.store, now);
    let mut rows: Vec<Row> =
        board.setup.objectives.iter().map(|objective| row(board, objective, &points, now)).collect();
    sort_rows(&mut rows, |row| row.id.clone());
    rows
}

struct SeenProbe<'a> {
    probe: &'a Probe,
    proof: Provenance,
}

fn row(board: &Board, objective: &Objective, points: &RestorePoints<'_>, now: JudgedAt<'_>) -> Row {
    let probes = probes(board, objective, now);
    let cover = cover(points, objective, now);
    let point = cover.as_ref().ok().map(|it| it.weakest);
    let mut opinion = Opinion::new(Verdict::Ok);
    judge_probes(&mut opinion, objective, &probes);
    judge_cover(&mut opinion, board, objective, &cover, now);
    for missing in unknown_names::missing(board, objective, now) {
        opinion.because(Verdict::Warning, missing);
    }
    let proof = proof(board, objective, &probes, point.as_ref(), now);
    let samples: u32 = probes.iter().map(|it| it.probe.samples).sum();
    let good: u32 = probes.iter().map(|it| it.probe.good).sum();
    let body = ServiceRow {
        name: objective.service.clone(),
        strategy: objective.strategy,
        rto_s: objective.rto_s,
        rpo_s: objective.rpo_s,
        restore_point: point.as_ref().and_then(Candidate::point),
        with: cover.iter().flat_map(|it| &it.with).filter_map(Candidate::point).collect(),
        sites: sites(&probes),
        good_percent: (samples > 0).then(|| percent(good, samples)),
        failing_since: probes.iter().filter(|it| fails(it.probe)).map(|it| it.probe.since).min(),
    };
    opinion.row(objective.service.clone(), proof, body)
}

/// What would be lost, by the weakest of the backups that cover the service.
fn judge_cover(
    opinion: &mut Opinion,
    board: &Board,
    objective: &Objective,
    cover: &Result<RestoreCoverage<'_>, NotCovered>,
    now: JudgedAt<'_>,
) {
    let relies = !objective.schedules.is_empty();
    let unread = unread(board);
    match cover {
        Ok(cover) => {
            let all = || cover.with.iter().chain([&cover.weakest]);
            if unread.is_none() && cover.weakest.started.is_some_and(|at| is_over(at, objective.rpo_s, now)) {
                opinion.because(Verdict::Warning, "the newest usable restore point is older than the RPO");
            } else if all().any(|it| it.proof(&board.store, now).stale) {
                let why = "whether its newest restore point is still there was not read lately";
                opinion.because(Verdict::Unknown, why);
            }
            if !cover.with.is_empty() {
                let n = cover.with.len() + 1;
                opinion.mention(format!("{n} backups cover it together, the oldest is {}", cover.weakest.point.name));
            }
        }
        Err(_) if !relies => {}
        Err(_) if unread.is_some() => {
            let why = unread.unwrap_or_default();
            opinion.because(Verdict::Unknown, format!("no restore point is known yet: {why}"));
        }
        Err(NotCovered::Nothing) => opinion.because(Verdict::Warning, "there is no usable restore point"),
        Err(NotCovered::Gap(why)) => {
            opinion.because(Verdict::Warning, format!("there is no usable restore point: {why}"))
        }
        Err(NotCovered::Unknown(why)) => {
            opinion.because(Verdict::Unknown, format!("no restore point is proven: {why}"))
        }
    }
}

fn fails(probe: &Probe) -> bool {
    !probe.ok && probe.samples > 0
}

fn probes<'a>(board: &'a Board, objective: &Objective, now: JudgedAt<'_>) -> Vec<SeenProbe<'a>> {
    board
        .store
        .facts(FactKind::Probe)
        .filter_map(|(id, state, held)| match &held.fact {
            Fact::Probe(probe) if objective.probes.contains(&probe.name) => {
                Some(SeenProbe { probe, proof: board.store.proof(id, state, held, now) })
            }
            _ => None,
        })
        .collect()
}

fn judge_probes(opinion: &mut Opinion, objective: &Objective, probes: &[SeenProbe<'_>]) {
    if objective.probes.is_empty() {
        opinion.because(Verdict::Info, "no probe watches it");
        return;
    }
    if probes.iter().map(|it| it.probe.samples).sum::<u32>() == 0 {
        opinion.because(Verdict::Unknown, "its probes have not asked yet");
        return;
    }
    for it in probes {
        if fails(it.probe) {
            let from = it.probe.site.as_ref().map(|site| format!(" from {site}")).unwrap_or_default();
            opinion.because(
                Verdict::Critical,
                format!("users fail: {} answers {}{from}", it.probe.name, answer(it.probe)),
            );
        } else if it.probe.good < it.probe.samples {
            opinion.because(Verdict::Warning, format!("some answers of {} were bad", it.probe.name));
        }
    }
    if let Some(missing) = objective.probes.iter().find(|name| !probes.iter().any(|it| it.probe.name == **name)) {
        opinion.because(Verdict::Unknown, format!("probe {missing} has not asked yet"));
    }
}

/// A service is as fresh as its least fresh probe; without probes, as its restore point.
fn proof(
    board: &Board,
    objective: &Objective,
    probes: &[SeenProbe<'_>],
    point: Option<&Candidate<'_>>,
    now: JudgedAt<'_>,
) -> Provenance {
    if let Some(oldest) = probes.iter().map(|it| &it.proof).min_by_key(|proof| proof.seen_at) {
        return oldest.clone();
    }
    match (objective.probes.first(), point) {
        (Some(probe), _) => board.store.proof_of_source(&SourceId::new(System::Probe, probe.as_str()), now),
        (None, Some(point)) => point.proof(&board.store, now),
        (None, None) => {
            board.store.proof_of_source(&SourceId::new(System::Kubernetes, objective.primary.as_str()), now)
        }
    }
}

/// Percent of answers by site. Rounded down, but whoever answered at all has at least one.
fn sites(probes: &[SeenProbe<'_>]) -> BTreeMap<String, u32> {
    let mut answers: BTreeMap<String, u32> = BTreeMap::new();
    for it in probes {
        for (site, n) in it.probe.by_site.iter().filter(|(_, n)| **n > 0) {
            *answers.entry(site.clone()).or_default() += n;
        }
    }
    let all: u32 = answers.values().sum();
    answers.into_iter().map(|(site, n)| (site, percent(n, all).max(1))).collect()
}

/// 100 only if all of them.
fn percent(part: u32, all: u32) -> u32 {
    if all == 0 { 0 } else { (u64::from(part) * 100 / u64::from(all)) as u32 }
}
