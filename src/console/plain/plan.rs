//! A plan printed whole: everything that the confirm screen shows, one fact a line, and what to type.

use crate::approval::{PlanRecord, PlanState, StepState};
use crate::console::app::Console;
use crate::console::overlay::{PlanView, Stance, Subject};
use crate::console::view::plan::{FactStatus, changes, proof, relied};
use crate::console::view::timeline_text;
use crate::console::widget::time;
use crate::model::Plan;
use crate::model::plan::Pre;

/// Prints the plan on the table. `script` = nobody types: the code must be given too.
pub(super) fn whole(app: &Console, view: &PlanView, script: bool) -> Vec<String> {
    let Some(plan) = view.plan(app) else { return vec!["This plan is not in the log any more.".to_owned()] };
    let record = view.record(app);
    let stance = view.stance(app);
    let mut out = vec![format!("{}{}: {}", drill(app), headline(record), plan.title)];
    out.extend(identity(app, plan, record));
    for row in &plan.shown {
        let what = if row.what.is_empty() { "it" } else { &row.what };
        out.push(moves(what, &row.now, &row.after));
    }
    out.extend(plan.warnings.iter().map(|warning| format!("warning: {warning}")));
    let begun = record.is_some_and(|record| !matches!(record.state, PlanState::Proposed | PlanState::Approved));
    if !begun {
        out.extend(relies(app, plan));
    }
    for (i, step) in plan.steps.iter().enumerate() {
        let state = record.and_then(|record| record.steps.get(i)).filter(|_| begun).map(step_words);
        let state = state.map(|state| format!("; {state}")).unwrap_or_default();
        out.push(format!(
            "step {} of {}: {}; limit {}{state}",
            i + 1,
            plan.steps.len(),
            step.effect,
            time::span(step.limit_s)
        ));
    }
    if let Some(record) = record.filter(|record| !record.says.is_empty()) {
        out.push(format!("outcome: {}", record.says));
    }
    out.push(foot(view, plan, stance, script));
    out
}

/// A row of what changes. A dash is a column's word for nothing to say there; a line says nothing instead.
fn moves(what: &str, now: &str, after: &str) -> String {
    match (now, after) {
        (now, after) if now == after => format!("{what}: {now}, as now"),
        ("-", after) => format!("{what}: {after}"),
        (now, "-") => format!("{what}: now {now}"),
        (now, after) => format!("{what}: now {now}; after it {after}"),
    }
}

pub(super) fn drill(app: &Console) -> &'static str {
    let drill = app.mirror.welcome.as_ref().is_some_and(|welcome| welcome.drill.is_some());
    if drill { "DRILL. " } else { "" }
}

fn headline(record: Option<&PlanRecord>) -> &'static str {
    match record.map(|record| record.state) {
        None => "Plan to propose",
        Some(PlanState::Proposed) => "Plan that needs a second person",
        Some(PlanState::Approved) => "Plan that is approved and about to run",
        Some(PlanState::Executing) => "Plan that runs",
        Some(_) => "Plan that has ended",
    }
}

/// Which plan it is, by whom, until when; the code is for reading aloud.
fn identity(app: &Console, plan: &Plan, record: Option<&PlanRecord>) -> Vec<String> {
    let Some(record) = record else {
        // The room builds it anew when it is proposed: a draft's digest is nobody's to read aloud.
        return vec!["a draft; nobody has seen it".to_owned()];
    };
    let age = time::span(time::since(record.proposed_at, app.now.room));
    let mut who = format!("proposed by {} {age} ago", record.by.person);
    let others: Vec<&str> = timeline_text::persons(record).into_iter().skip(1).collect();
    if !others.is_empty() {
        who.push_str(&format!(", approved by {}", others.join(", ")));
    }
    if matches!(record.state, PlanState::Proposed | PlanState::Approved) {
        let used = time::since(record.proposed_at, app.now.room);
        who.push_str(&format!(", expires in {}", time::clock(plan.ttl_s.saturating_sub(used))));
    }
    vec![format!("plan {}, code {}", plan.plan, record.digest.spoken()), format!("digest {}", record.digest), who]
}

/// What it relies on, each fact once: the first step's with the age of the oldest reading, later ones as what must become so.
fn relies(app: &Console, plan: &Plan) -> Vec<String> {
    let (first, later) = relied(plan);
    let read = |pre: &Pre| match proof(app, plan, pre) {
        FactStatus::Changed(_) => format!("relied on: {} (it is otherwise now)", pre.says),
        FactStatus::Read(age) => {
            format!("relies on: {} (read {} ago, and again before each step)", pre.says, time::span(age))
        }
        FactStatus::Due => format!("relies on: {}", pre.says),
    };
    let changed = changes(app, plan).into_iter().map(|it| format!("changed: {it}"));
    let due = |pre: &Pre| format!("relies on: {} (must be so once the steps before have run)", pre.says);
    changed.chain(first.iter().map(read)).chain(later.iter().map(due)).collect()
}

fn step_words(state: &StepState) -> String {
    match state {
        StepState::Waiting => "not begun".to_owned(),
        StepState::Started { .. } => "running".to_owned(),
        StepState::Done { says, .. } => format!("done: {says}"),
        StepState::Failed { says, .. } => format!("failed: {says}"),
        StepState::Unknown { says, .. } => format!("unknown: {says}"),
    }
}

/// What to type, or what is waited for.
fn foot(view: &PlanView, plan: &Plan, stance: Stance, script: bool) -> String {
    let code = if script { " CODE, the code being the one above" } else { "" };
    match stance {
        Stance::Propose => format!("To propose it: propose {}", plan.confirm),
        Stance::Approve => format!("To approve it: approve {}{code}. To refuse it: refuse REASON", plan.confirm),
        Stance::Wait { mine: true } => {
            "You proposed this plan, so another person must approve it: read them the code. `withdraw` takes it back."
                .to_owned()
        }
        Stance::Wait { mine: false } => "You approved it. It runs as soon as enough persons have.".to_owned(),
        Stance::Watch => "It runs. What is sent can't be taken back; `hold` stops it before its next step.".to_owned(),
        Stance::Look => "You may look, not approve: people.toml gives you no operator role here.".to_owned(),
        Stance::Ended if matches!(view.subject, Subject::Draft { .. }) => "It was not proposed.".to_owned(),
        Stance::Ended => "It has ended.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_dash_of_a_column_is_not_read_out() {
        let table = [
            ("primary", "dr", "it: now primary; after it dr"),
            ("kept", "kept", "it: kept, as now"),
            ("-", "within 30 s", "it: within 30 s"),
            ("12 of 12", "-", "it: now 12 of 12"),
        ];
        for (now, after, line) in table {
            assert_eq!(super::moves("it", now, after), line);
        }
    }
}
