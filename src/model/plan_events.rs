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
    Applied,
    NotApplied,
    Partial,
    Unknown,
}

/// A plan was put before the room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    pub digest: Digest,
    pub plan: PlanBytes,
}

/// A person approved the digest that they were shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approved {
    pub plan: PlanId,
    pub digest: Digest,
}

/// A person rejected the plan; the body is the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    pub plan: PlanId,
}

/// The proposer took it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Withdrawn {
    pub plan: PlanId,
}

/// Nobody confirmed in time, or what it relied on (people, policy, the room's process) changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {
    pub plan: PlanId,
    pub why: SafeText,
}

/// The executor claimed the plan: durable before the first byte leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executing {
    pub plan: PlanId,
    pub digest: Digest,
    pub boot: String,
}

/// A person asked that the plan stops before its next step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub plan: PlanId,
}

/// A step is about to write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepStarted {
    pub plan: PlanId,
    pub step: String,
}

/// A step ended: `says` is the answer that proves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepEnded {
    pub plan: PlanId,
    pub step: String,
    pub says: SafeText,
    /// What its Restore brought back, if it made one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<Restored>,
}

/// How a Restore stands, by its own object: what it looked at, what it skipped, and why it ended as it did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    pub phase: SafeText,
    /// Items that it dealt with, of how many. One that exists already is skipped with a warning, and counted.
    pub items: u64,
    pub of: u64,
    pub warnings: u64,
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
    pub plan: PlanId,
    pub outcome: Outcome,
    /// Provably nothing was sent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub precheck: bool,
    pub says: SafeText,
}

/// Reading found out what an interrupted plan did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    pub plan: PlanId,
    pub result: Reconciliation,
    pub says: SafeText,
    /// What the Restores of its steps brought back, by the step's id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub restored: BTreeMap<String, Restored>,
}

/// Requests that were answered "no": the first of its kind, or those of one person within a minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub kind: RefusalKind,
    pub verb: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
    pub count: u64,
    /// What else was refused to this person meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<RefusedToo>,
}

/// Requests of another verb, or answered with another "no", within the same minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedToo {
    pub kind: RefusalKind,
    pub verb: String,
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
