//! A plan that waits for its second person, beside what the board says now: the plan is built again, and what both rest on
//! is compared. Nothing is asked of a system: it costs what a look at the board costs.

use crate::model::plan::{Op, Pre, Premise, Recheck};
use crate::model::{Plan, Refusal, SafeText};

use super::preflight::BrokenPrecondition;
use super::{PlanContext, build};

/// Compares a waiting plan with what could be proposed now for the same service. `context` is that of the plan itself.
pub fn recheck(plan: &Plan, context: &PlanContext) -> Recheck {
    let again = |to| build(plan.action, &PlanContext { to, ..context.clone() });
    // Which cluster was asked for is not in the plan: the one whose plan rests on the most of the same facts.
    let sites = context.objective.restored_on();
    let built = sites.iter().filter_map(|site| again(Some(site.as_str())).ok());
    let closest = built.max_by_key(|other| shared(plan, other));
    compare(plan, closest.map_or_else(|| again(None), Ok))
}

fn compare(plan: &Plan, now: Result<Plan, Refusal>) -> Recheck {
    let refused = now.as_ref().err().cloned();
    let now: Vec<&Pre> = now.iter().flat_map(facts).collect();
    let mut premises: Vec<Premise> = Vec::new();
    for pre in facts(plan) {
        if !premises.iter().any(|it| it.src == pre.src && it.path == pre.path) {
            premises.push(premise(pre, &now, refused.is_some()));
        }
    }
    Recheck { plan: plan.plan.clone(), refused, premises }
}

/// One fact as it is now. Where no plan could be made now nothing is said of it but its old reading.
fn premise(pre: &Pre, now: &[&Pre], refused: bool) -> Premise {
    let (src, path) = (pre.src.clone(), pre.path.clone());
    match now.iter().find(|it| same(it, pre)) {
        Some(found) => {
            let broken = pre.op == Op::Eq && found.value != pre.value;
            let broken =
                broken.then(|| BrokenPrecondition { pre: pre.clone(), found: Some(found.value.clone()) }.says());
            Premise { src, path, read_at: found.read_at.max(pre.read_at), changed: broken.map(|it| SafeText::new(&it)) }
        }
        None => {
            let gone = format!("a plan made now would not rest on it: {}", pre.says);
            let changed = (!refused).then(|| SafeText::new(&gone));
            Premise { src, path, read_at: pre.read_at, changed }
        }
    }
}

fn facts(plan: &Plan) -> impl Iterator<Item = &Pre> {
    plan.steps.iter().flat_map(|step| &step.pre)
}

fn same(one: &Pre, other: &Pre) -> bool {
    one.src == other.src && one.path == other.path
}

/// How many facts of a plan another one rests on as well.
fn shared(plan: &Plan, other: &Plan) -> usize {
    facts(plan).filter(|pre| facts(other).any(|it| same(it, pre))).count()
}
