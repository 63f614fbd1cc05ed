//! A dangerous act as a value: ordered steps with preconditions, effect and check; and the answer "no" as a value.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, IncidentId, PersonId, PlanId, ReadPath, SafeText, SourceId, Stamp, StepRequest};

/// How a precondition or a check compares what was read with `value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Exactly equal. Identity, and the fields about to change.
    Eq,
    /// One of the array in `value`.
    In,
    /// Integer ≤ `value`.
    Le,
    /// Integer ≥ `value`.
    Ge,
}

/// A fact the plan relies on, and where it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pre {
    /// Path in the source's own vocabulary, e.g. `pool/p-dr/healthy`, `backup/shop-1/phase`.
    pub path: ReadPath,
    pub op: Op,
    pub value: Value,
    /// Who is asked.
    pub src: SourceId,
    /// When it was read for the plan.
    pub read_at: Stamp,
    /// The condition in words for the confirm view: `dr is healthy in 3 of 3 regions`.
    pub says: String,
}

/// A waiting plan, beside what a plan made now would rest on. Told to consoles, never part of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recheck {
    pub plan: PlanId,
    /// Why none could be made now.
    pub refused: Option<Refusal>,
    pub premises: Vec<Premise>,
}

impl Recheck {
    /// What is known now of a fact that the plan relies on.
    pub fn of(&self, pre: &Pre) -> Option<&Premise> {
        self.premises.iter().find(|it| it.src == pre.src && it.path == pre.path)
    }

    /// Whether another one tells a reader the same, but for when it was read.
    pub fn says_as(&self, other: &Self) -> bool {
        let told = |it: &Self| it.premises.iter().map(|it| it.changed.clone()).collect::<Vec<_>>();
        self.plan == other.plan && self.refused == other.refused && told(self) == told(other)
    }
}

/// A fact that a waiting plan relies on, as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Premise {
    pub src: SourceId,
    pub path: ReadPath,
    /// When it was last read.
    pub read_at: Stamp,
    /// What is otherwise since it was proposed, in words.
    pub changed: Option<SafeText>,
}

/// What must be seen for a step to count as done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCheck {
    pub path: ReadPath,
    pub op: Op,
    pub value: Value,
    pub src: SourceId,
}

/// Where a step acts: immutable provider ids, with the name that people know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// `cloudflare/edge`, `velero/dr`: whose credential and client are used.
    pub src: SourceId,
    /// `load_balancer`, `location`, `restore`, `probe`.
    pub kind: String,
    /// Provider id; for Kubernetes objects `cluster-uid/namespace/name`.
    pub id: String,
    /// What people call it.
    pub name: String,
}

/// One step: at most one write, then a check by observation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// `1`, `2`, … in order.
    pub id: String,
    /// What the adapter is asked to do, with exactly what is sent: the members `adapter` and `params`.
    #[serde(flatten)]
    pub request: StepRequest,
    pub target: Target,
    /// Re-read at most five seconds before this step.
    pub pre: Vec<Pre>,
    /// What the step does, in words.
    pub effect: String,
    /// The step is unknown if its check does not hold within this many seconds.
    pub limit_s: u64,
    /// What proves it.
    pub check: Vec<StepCheck>,
}

/// One line of the confirm view: what it is now and what it will be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownChange {
    pub what: String,
    pub now: String,
    pub after: String,
}

/// Policy as it stood at proposal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyRef {
    /// Persons needed, the proposer included: never below 2.
    pub quorum: u32,
    /// The least level of every counted person, e.g. `account`.
    pub level: super::Level,
    /// `sha256:…` of the policy.
    pub digest: String,
}

/// The head of the log when the plan was built.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadRef {
    pub seq: u64,
    pub h: String,
}

/// The plan. Its canonical JSON is hashed, logged and shown: approvers see nothing that is not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format version: 1.
    pub v: u32,
    pub room: String,
    pub incident: IncidentId,
    pub plan: PlanId,
    pub action: Action,
    pub service: String,
    /// One sentence: `Fail over shop.example from primary to dr`.
    pub title: String,
    /// What the approver types: the short name of the target.
    pub confirm: String,
    /// The now / after table.
    pub shown: Vec<ShownChange>,
    /// Warnings a reader must see, in words: `primary unreachable: its state is 18 min old`.
    pub warnings: Vec<String>,
    pub steps: Vec<Step>,
    /// What no two open plans may share: `cloudflare/edge/load_balancer/lb-1`.
    pub locks: Vec<String>,
    /// Which tokens would be used: identity, never the secret.
    pub cred_ids: Vec<String>,
    pub policy: PolicyRef,
    /// `sha256:…` of the people file.
    pub people_digest: String,
    pub by: PersonId,
    /// Seconds from the `proposed` entry in which it may be claimed.
    pub ttl_s: u64,
    pub supersedes: Option<PlanId>,
    pub head: HeadRef,
}

/// Why the answer is no. The word is what machines read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    SelfApproval,
    SamePerson,
    Unmapped,
    NotOperator,
    /// Only the proposer may withdraw.
    NotProposer,
    LevelTooLow,
    LoginuidMismatch,
    DigestMismatch,
    NameMismatch,
    NonceUsed,
    PlanClosed,
    UnknownPlan,
    AlreadyApproved,
    TargetLocked,
    Expired,
    Claimed,
    ConfigChanged,
    Drift,
    Degraded,
    NoQuorum,
    NoIncident,
    NotReady,
    ProtoTooOld,
    Rate,
    BadSignature,
    ReadOnly,
    /// An incident whose alerts fire is closed only by who says that they know.
    StillFiring,
    /// Said by a client: what listens is nobody that it takes for a room.
    UntrustedServer,
    /// Said by a client: the room's log is another than the one that was known.
    OtherLog,
    BadRequest,
}

/// An answer "no": which, in words a person can read aloud, and what would allow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// The word for machines.
    #[serde(rename = "refused")]
    pub kind: RefusalKind,
    /// A sentence for people.
    pub why: SafeText,
    /// What would allow it.
    pub remedy: SafeText,
}

impl Refusal {
    /// Builds a refusal.
    pub fn new(kind: RefusalKind, why: impl AsRef<str>, remedy: impl AsRef<str>) -> Self {
        Self { kind, why: SafeText::new(why.as_ref()), remedy: SafeText::new(remedy.as_ref()) }
    }
}
