//! Preconditions and checks against what was read: the executor reads, this judges.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::plan::{Op, Pre, StepCheck};
use crate::model::read_path::{CloudflarePath, KnownPath, LoadBalancerField, RestoreField, VeleroPath};
use crate::model::{Digest, ReadPath, SourceId, Step, time};

use super::identifiers::{restore_name, words};

/// A precondition that no longer holds.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenPrecondition {
    /// As the plan has it, with what was so when it was built.
    pub pre: Pre,
    /// What was read instead; `None` = it could not be read, which is as good as broken.
    pub found: Option<Value>,
}

impl BrokenPrecondition {
    /// The difference in words, for the refusal and the timeline.
    pub fn says(&self) -> String {
        let src = &self.pre.src;
        let Some(found) = &self.found else {
            return format!("no longer true: {} ({src}: it can't be read)", self.pre.says);
        };
        if let (true, Value::String(at)) = (tells_last_change(&self.pre.path), found) {
            let at = time::told(at, self.pre.read_at);
            return format!("no longer true: {} ({src}: changed {at})", self.pre.says);
        }
        // Ids and digests tell a reader nothing: the sentence says what was so, and that it is not.
        if is_of_machines(found) || is_of_machines(&self.pre.value) {
            return format!("no longer true: {} ({src}: now it is otherwise)", self.pre.says);
        }
        let must = match self.pre.op {
            Op::Eq => brief(&self.pre.value),
            Op::In => format!("one of {}", brief(&self.pre.value)),
            Op::Le => format!("at most {}", brief(&self.pre.value)),
            Op::Ge => format!("at least {}", brief(&self.pre.value)),
        };
        let field = self.pre.path.as_str().rsplit('/').next().unwrap_or_default().replace('_', " ");
        format!("no longer true: {} ({src}: {field} must be {must}, now {})", self.pre.says, brief(found))
    }
}

/// Whether what is read is when something was last changed.
fn tells_last_change(path: &ReadPath) -> bool {
    let field = LoadBalancerField::ModifiedOn;
    matches!(path.known(), Some(KnownPath::Cloudflare(CloudflarePath::LoadBalancer { field: it, .. })) if it == field)
}

/// A list of names by their ids, a digest, or an instant as machines write it.
fn is_of_machines(value: &Value) -> bool {
    match value {
        Value::Array(all) => all.iter().any(Value::is_string),
        Value::String(text) => text.len() >= 20 && !text.contains(' '),
        _ => false,
    }
}

/// How far a step is by its check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Every check holds: the step is done.
    Done,
    /// Not yet; look again.
    Waiting,
    /// It can't hold any more: what the check waits for ended otherwise.
    Failed,
}

/// What a step's preconditions and checks ask for: (source, path as the adapter reads it).
pub fn needed(step: &Step, digest: &Digest) -> BTreeSet<(SourceId, ReadPath)> {
    let pres = step.pre.iter().map(|p| (&p.src, &p.path));
    let checks = step.check.iter().map(|c| (&c.src, &c.path));
    pres.chain(checks).map(|(src, path)| (src.clone(), resolve(path, digest))).collect()
}

/// A path with `@plan` replaced by the name that the plan's own object has.
pub fn resolve(path: &ReadPath, digest: &Digest) -> ReadPath {
    path.with_own_name(|which| restore_name(digest, which))
}

/// The preconditions of a step that do not hold in what was read just now. `read` is keyed by source and path as the
/// plan writes them; no precondition names `@plan`, whose object can't exist yet.
pub fn preflight(step: &Step, read: &BTreeMap<(SourceId, ReadPath), Value>) -> Vec<BrokenPrecondition> {
    let look = |pre: &Pre| read.get(&(pre.src.clone(), pre.path.clone())).cloned();
    step.pre
        .iter()
        .map(|pre| BrokenPrecondition { pre: pre.clone(), found: look(pre) })
        .filter(|b| !b.found.as_ref().is_some_and(|found| holds(b.pre.op, &b.pre.value, found)))
        .collect()
}

/// How far a step is, by its checks and what was read (keyed as the plan writes the paths). A step without checks is
/// never done by itself: nothing would prove it.
pub fn judge(step: &Step, read: &BTreeMap<(SourceId, ReadPath), Value>) -> Progress {
    let found = |c: &StepCheck| read.get(&(c.src.clone(), c.path.clone()));
    if step.check.iter().any(|c| found(c).is_some_and(|v| ended_otherwise(c, v))) {
        return Progress::Failed;
    }
    let all = step.check.iter().all(|c| found(c).is_some_and(|v| holds(c.op, &c.value, v)));
    if all && !step.check.is_empty() { Progress::Done } else { Progress::Waiting }
}

/// A Restore in a terminal phase that is not the one waited for will never reach it; and what it brought back is told only
/// when it has ended, for good.
fn ended_otherwise(check: &StepCheck, found: &Value) -> bool {
    let terminal = ["FailedValidation", "Completed", "PartiallyFailed", "Failed"];
    let last_word = match check.path.known() {
        Some(KnownPath::Velero(VeleroPath::Restore { field: RestoreField::Phase, .. })) => {
            found.as_str().is_some_and(|phase| terminal.contains(&phase))
        }
        Some(KnownPath::Velero(VeleroPath::Restore { field: RestoreField::Restored, .. })) => !found.is_null(),
        _ => false,
    };
    last_word && !holds(check.op, &check.value, found)
}

/// Whether what was found satisfies the condition. Types count: `"1"` is not `1`, and what is not there is `null`.
pub fn holds(op: Op, value: &Value, found: &Value) -> bool {
    match op {
        Op::Eq => value == found,
        Op::In => value.as_array().is_some_and(|allowed| allowed.contains(found)),
        Op::Le => compare(value, found).is_some_and(|(limit, found)| found <= limit),
        Op::Ge => compare(value, found).is_some_and(|(limit, found)| found >= limit),
    }
}

fn compare(value: &Value, found: &Value) -> Option<(i128, i128)> {
    Some((integer(value)?, integer(found)?))
}

fn integer(value: &Value) -> Option<i128> {
    value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from))
}

fn brief(value: &Value) -> String {
    match value {
        Value::Null => "not there".to_owned(),
        Value::String(s) => words(s),
        other => words(&other.to_string()),
    }
}
