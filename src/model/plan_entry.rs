//! What the log says about a plan, from proposal to outcome, and the bytes that were approved.

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
}

/// Requests that were answered "no"; folded to one entry a second and person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub kind: RefusalKind,
    pub verb: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanId>,
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
