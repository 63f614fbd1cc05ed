//! What the log says about a plan, from proposal to outcome, and the bytes that were approved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::plan::RefusalKind;
use super::{Digest, PlanId, SafeText};

/// Canonical plan bytes, kept exactly: they are what was hashed, approved and logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanBytes(pub String);

impl Serialize for PlanBytes {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone()).map_err(serde::ser::Error::custom)?.serialize(s)
    }
}

impl<'de> Deserialize<'de> for PlanBytes {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(Box::<RawValue>::deserialize(d)?.get().to_owned()))
    }
}

/// How a plan ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every effect was seen.
    Succeeded,
    /// A step failed. With `precheck`, provably nothing was sent.
    Failed,
    /// Held by a person before the next step.
    Stopped,
    /// The room died between claim and outcome.
    Interrupted,
}

impl Outcome {
    /// The word in the log and on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Interrupted => "interrupted",
        }
    }
}

/// What reading found about an interrupted plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconciliation {
    /// All that its steps were to bring about is there.
    Applied,
    /// Nothing of what its steps were to bring about is there.
    NotApplied,
    /// Some of it is there and some is not, or something stands in between.
    Partial,
    /// It could not be read for five minutes; a better finding may follow.
    Unknown,
}

/// A plan was put before the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// SHA-256 of `plan`; the fold computes it again and refuses the entry if they differ.
    pub digest: Digest,
    /// The whole plan in its canonical form, as it was shown.
    pub plan: PlanBytes,
}

/// A person approved the digest that they were shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    /// The plan that waits.
    pub plan: PlanId,
    /// What this person was shown: it counts for no other digest.
    pub digest: Digest,
}

/// A person rejected the plan; the body is the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// The plan that waits, or has its persons and is not claimed yet.
    pub plan: PlanId,
}

/// The proposer took it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    /// The plan that its proposer takes back before it is claimed.
    pub plan: PlanId,
}

/// Nobody confirmed in time, or what it relied on (people, policy, the room's process) changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    /// The plan that was open.
    pub plan: PlanId,
    /// What made it too old, in words for its proposer.
    pub why: SafeText,
}

/// The executor claimed the plan: durable before the first byte leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executing {
    /// The plan that has its persons.
    pub plan: PlanId,
    /// The digest that is run; the fold compares it with what was proposed.
    pub digest: Digest,
    /// Boot id of the room's process that runs it: a later process never goes on with it.
    pub boot: String,
}

/// A person asked that the plan stops before its next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The plan that runs.
    pub plan: PlanId,
}

/// A step is about to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStarted {
    /// The plan that runs.
    pub plan: PlanId,
    /// [`Step::id`](super::Step::id) of the step; of one plan, none is started twice.
    pub step: String,
}

/// A step ended: `says` is the answer that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnded {
    /// The plan that the step is of.
    pub plan: PlanId,
    /// [`Step::id`](super::Step::id) of a step that was started before.
    pub step: String,
    /// What was seen or answered last, in words.
    pub says: SafeText,
    /// What its Restore brought back, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
}

/// How a Restore stands, by its own object: what it looked at, what it skipped, and why it ended as it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// `status.phase` of the Restore; empty while Velero has not picked it up.
    pub phase: SafeText,
    /// Items that it dealt with, of how many. One that exists already is skipped with a warning, and counted.
    pub items: u64,
    /// `status.progress.totalItems`: may still rise while it runs.
    pub of: u64,
    /// `status.warnings`: mostly items that existed already and were skipped.
    pub warnings: u64,
    /// `status.errors`.
    pub errors: u64,
    /// Its reason or validation errors, if it has any.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub why: SafeText,
}

impl Restored {
    /// Items that were brought back at most.
    pub fn brought(&self) -> u64 {
        self.items.saturating_sub(self.warnings)
    }

    /// Whether it has reached its last phase.
    pub fn is_over(&self) -> bool {
        matches!(self.phase.as_str(), "FailedValidation" | "Completed" | "PartiallyFailed" | "Failed")
    }

    /// Whether all of it came back, as far as it says.
    pub fn is_whole(&self) -> bool {
        self.phase == "Completed" && self.brought() > 0 && self.warnings == 0 && self.errors == 0
    }

    /// As a colleague would say it.
    pub fn words(&self) -> String {
        let one = |n: u64, what: &str| if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") };
        let phase = if self.phase.is_empty() { "not picked up by Velero" } else { self.phase.as_str() };
        let mut out = format!("the restore is {phase}: {} of {}", self.items, one(self.of, "item"));
        match (self.phase == "Completed", self.items, self.warnings) {
            (true, 0, _) => out.push_str(", so nothing was restored"),
            (true, _, n) if n > 0 && self.brought() == 0 => {
                out.push_str(&format!(", {}: all were skipped and nothing was restored", one(n, "warning")));
            }
            (_, _, n) if n > 0 => out.push_str(&format!(", {} (what exists already is skipped)", one(n, "warning"))),
            _ => {}
        }
        if self.errors > 0 {
            out.push_str(&format!(", {}", one(self.errors, "error")));
        }
        if !self.why.is_empty() {
            out.push_str(&format!(": {}", self.why));
        }
        out
    }
}

/// The plan ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanEnded {
    /// The plan that ran, or that had its persons and was never begun.
    pub plan: PlanId,
    /// What is proven of it; reading may find out more of one that was interrupted.
    pub outcome: Outcome,
    /// Provably nothing was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precheck: bool,
    /// What proves it, or what is not known, in words.
    pub says: SafeText,
}

/// Reading found out what an interrupted plan did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// The plan that was interrupted, failed or stopped.
    pub plan: PlanId,
    /// What is there now of what it was to bring about; after `partial` and `unknown` another one may follow.
    pub result: Reconciliation,
    /// Which steps were found applied, in words.
    pub says: SafeText,
    /// What the Restores of its steps brought back, by the step's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restored: BTreeMap<String, Restored>,
}

/// Requests that were answered "no": the first of its kind, or those of one person within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Why the answer was no.
    pub kind: RefusalKind,
    /// What was asked, by its word: `approve`, `note`, `silence`.
    pub verb: String,
    /// The plan that all of them were about; `None` if none, or not all about the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    /// How many of this verb and kind; 1 where it was written at once.
    pub count: u64,
    /// What else was refused to this person meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<RefusedToo>,
}

/// Requests of another verb, or answered with another "no", within the same minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedToo {
    /// Why the answer was no.
    pub kind: RefusalKind,
    /// What was asked, by its word.
    pub verb: String,
    /// How many of this verb and kind.
    pub count: u64,
}

/// A step that reached its check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepDone(pub StepEnded);

/// A step that certainly had no effect, or certainly failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepFailed(pub StepEnded);

/// A step of which nothing certain can be said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepUnknown(pub StepEnded);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_restore_brought_back_is_said_as_it_was() {
        let of = |phase: &str, items, of, warnings, errors, why: &str| Restored {
            phase: phase.into(),
            items,
            of,
            warnings,
            errors,
            why: why.into(),
        };
        for (it, whole, says) in [
            (of("Completed", 120, 120, 0, 0, ""), true, "the restore is Completed: 120 of 120 items"),
            (
                of("Completed", 120, 120, 3, 0, ""),
                false,
                "the restore is Completed: 120 of 120 items, 3 warnings (what exists already is skipped)",
            ),
            (
                of("Completed", 3, 3, 3, 0, ""),
                false,
                "the restore is Completed: 3 of 3 items, 3 warnings: all were skipped and nothing was restored",
            ),
            (of("Completed", 0, 0, 0, 0, ""), false, "the restore is Completed: 0 of 0 items, so nothing was restored"),
            (of("PartiallyFailed", 0, 0, 0, 1, ""), false, "the restore is PartiallyFailed: 0 of 0 items, 1 error"),
            (
                of("Failed", 193, 1510, 0, 0, "the server was restarted"),
                false,
                "the restore is Failed: 193 of 1510 items: the server was restarted",
            ),
            (of("", 0, 0, 0, 0, ""), false, "the restore is not picked up by Velero: 0 of 0 items"),
        ] {
            assert_eq!((it.is_whole(), it.words().as_str()), (whole, says));
        }
    }

    #[test]
    fn an_entry_of_before_has_no_restore_and_is_written_as_it_was() {
        let text = r#"{"plan":"P","step":"3","says":"done"}"#;
        let old: StepEnded = serde_json::from_str(text).expect("an entry of an earlier version");
        assert_eq!(old.restored, None);
        assert_eq!(serde_json::to_string(&old).expect("text"), text);
    }
}
