//! A waiting plan beside the board of now.

use super::*;
use crate::actions::recheck;
use crate::model::plan::Recheck;

fn again(bench: &PlanBench, plan: &Plan) -> Recheck {
    bench.with(|context| recheck(plan, context))
}

fn changed(recheck: &Recheck) -> Vec<(&str, &str)> {
    let told = |it: &'_ crate::model::plan::Premise| it.changed.is_some();
    let all = recheck.premises.iter().filter(|it| told(it));
    all.map(|it| (it.path.as_str(), it.changed.as_ref().map(SafeText::as_str).unwrap_or_default())).collect()
}

#[test]
fn every_fact_of_a_waiting_plan_is_as_fresh_as_the_board() {
    for action in Action::ALL {
        let mut bench = PlanBench::new();
        let plan = bench.build(action).unwrap();
        bench.each(|row| row.seen_at = at("14:52:30"));
        let recheck = again(&bench, &plan);
        assert_eq!((changed(&recheck), &recheck.refused), (vec![], &None), "{action:?}");
        let facts = plan.steps.iter().flat_map(|step| &step.pre);
        for pre in facts.filter(|pre| pre.read_at == at("14:49:57")) {
            assert_eq!(recheck.of(pre).map(|it| it.read_at), Some(at("14:52:30")), "{action:?} {pre:?}");
        }
        let later = Recheck { premises: recheck.premises.clone(), ..again(&bench, &plan) };
        assert!(later.says_as(&recheck), "a new reading alone is no news");
    }
}

#[test]
fn what_became_otherwise_is_told_fact_by_fact() {
    let mut bench = PlanBench::new();
    let plan = bench.build(Action::Failover).unwrap();
    bench.lb(|lb| lb.fallback_pool = "p-dr".into());
    bench.lb(|lb| lb.modified_on = "2026-03-02T14:51:00Z".into());
    let recheck = again(&bench, &plan);
    let told = changed(&recheck);
    let paths: Vec<_> = told.iter().map(|it| it.0).collect();
    assert_eq!(paths, ["lb/lb-1/fallback_pool", "lb/lb-1/ahead/p-primary/p-dr", "lb/lb-1/modified_on"], "{told:?}");
    assert!(told[0].1.contains("fallback is primary") && told[0].1.contains("p-dr"), "{told:?}");
    assert!(told.iter().all(|it| it.1.starts_with("no longer true: ")), "{told:?}");
}

#[test]
fn why_none_could_be_made_now_is_told_and_old_readings_stay_old() {
    let mut bench = PlanBench::new();
    let plan = bench.build(Action::Failover).unwrap();
    bench.pool("dr", |pool| pool.healthy = Some(false));
    bench.each(|row| row.seen_at = at("14:52:30"));
    let recheck = again(&bench, &plan);
    assert!(recheck.refused.as_ref().unwrap().why.as_str().contains("unhealthy"), "{recheck:?}");
    assert!(recheck.premises.iter().all(|it| it.read_at == at("14:49:57") && it.changed.is_none()), "{recheck:?}");
}

#[test]
fn a_plan_that_would_take_another_backup_now_says_so() {
    let mut bench = PlanBench::new();
    let plan = bench.build(Action::Restore).unwrap();
    bench.point(|point| point.name = "shop-hourly-20260302143000".into());
    let recheck = again(&bench, &plan);
    let told = changed(&recheck);
    assert!(
        !told.is_empty() && told.iter().all(|it| it.0.starts_with("backup/shop-hourly-20260302142900/")),
        "{told:?}"
    );
    assert!(told[0].1.starts_with("a plan made now would not rest on it: "), "{told:?}");
}

#[test]
fn the_cluster_that_was_asked_for_is_compared_with_itself() {
    let mut bench = PlanBench::new();
    bench.objective.dr = vec!["other".into(), "dr".into()];
    bench.to = Some("dr".into());
    let plan = bench.build(Action::Restore).unwrap();
    bench.to = None;
    let recheck = again(&bench, &plan);
    assert_eq!((changed(&recheck), recheck.refused.clone()), (vec![], None), "{recheck:?}");
}
