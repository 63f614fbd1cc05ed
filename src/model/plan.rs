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
    /// How what is read again is compared with `value`.
    pub op: Op,
    /// What it was when the plan was built, or the bound or list that it must keep to; a string, number, flag or list.
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
    /// The plan that waits for the second person.
    pub plan: PlanId,
    /// Why none could be made now.
    pub refused: Option<Refusal>,
    /// One for each source and path among its preconditions, in the order of its steps.
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
    /// Who is asked; with `path`, what finds the precondition that this is about.
    pub src: SourceId,
    /// What is read there.
    pub path: ReadPath,
    /// When it was last read.
    pub read_at: Stamp,
    /// What is otherwise since it was proposed, in words.
    pub changed: Option<SafeText>,
}

/// What must be seen for a step to count as done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepCheck {
    /// What is read at `src` after the write, again and again until it fits or the limit is over.
    pub path: ReadPath,
    /// How what is read is compared with `value`.
    pub op: Op,
    /// What must be seen.
    pub value: Value,
    /// Who is asked: often not who was written to, but a probe that sees what users see.
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
    /// Where it acts; of a step that only waits, what it waits for.
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
    /// What the line is about: `order of shop.example`, `you lose`.
    pub what: String,
    /// As the board knew it when the plan was built; `-` where there is no before.
    pub now: String,
    /// What it will be once the plan has run.
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
    /// The number of the last entry then.
    pub seq: u64,
    /// Its hash, 64 hex digits, so that the plan says on which history it was built.
    pub h: String,
}

/// The plan. Its canonical JSON is hashed, logged and shown: approvers see nothing that is not in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Format version: 1.
    pub v: u32,
    /// Name of the room that built it; the fold refuses it in the log of another room.
    pub room: String,
    /// The incident that was open when it was built; it is recorded there and nowhere else.
    pub incident: IncidentId,
    /// Made anew for each plan, those that are only previewed too.
    pub plan: PlanId,
    /// What it does: failover or restore.
    pub action: Action,
    /// The service (name) that it is for.
    pub service: String,
    /// One sentence: `Fail over shop.example from primary to dr`.
    pub title: String,
    /// What the approver types: the short name of the target.
    pub confirm: String,
    /// The now / after table.
    pub shown: Vec<ShownChange>,
    /// Warnings a reader must see, in words: `primary unreachable: its state is 18 min old`.
    pub warnings: Vec<String>,
    /// In the order they run: each begins when the one before is done.
    pub steps: Vec<Step>,
    /// What no two open plans may share: `cloudflare/edge/load_balancer/lb-1`.
    pub locks: Vec<String>,
    /// Which tokens would be used: identity, never the secret.
    pub cred_ids: Vec<String>,
    /// The policy as it stood when the plan was built; under another one the plan can't be approved.
    pub policy: PolicyRef,
    /// `sha256:…` of the people file.
    pub people_digest: String,
    /// Who proposes it; the `proposed` entry must be by the same person.
    pub by: PersonId,
    /// Seconds from the `proposed` entry in which it may be claimed.
    pub ttl_s: u64,
    /// An open plan that this one takes the place of, with its locks; `None` = it takes nobody's.
    pub supersedes: Option<PlanId>,
    /// The log as it stood when the plan was built.
    pub head: HeadRef,
}

/// Why the answer is no. The word is what machines read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// Who proposed a plan, or stands behind the removal of a text, wants to confirm it too.
    SelfApproval,
    /// Another account of somebody who proposed or approved already: accounts are not persons.
    SamePerson,
    /// The account is in no `[[person]]`, or somebody in a drill gave no name.
    Unmapped,
    /// An observer, or in a plan that is to be claimed somebody who is no operator any more.
    NotOperator,
    /// Only the proposer may withdraw.
    NotProposer,
    /// Known less surely than the policy asks for.
    LevelTooLow,
    /// The uid that logged in is no account of the person whose account this is: sudo or su.
    LoginuidMismatch,
    /// What was shown is not what waits, or the logged bytes of a plan do not hash to what was approved.
    DigestMismatch,
    /// The word that was typed is not the one that was asked for.
    NameMismatch,
    /// A preview of a silence was carried out before: each is good for one request.
    NonceUsed,
    /// The plan, or the request to remove a text, has ended or was taken back.
    PlanClosed,
    /// No plan of this room has that id.
    UnknownPlan,
    /// The same person approved before, or there are persons enough.
    AlreadyApproved,
    /// Another open plan, or another request to remove the same text, holds what this one is about.
    TargetLocked,
    /// The time to live is over, or the last approval is too long ago.
    Expired,
    /// The plan runs already, or the step was started before: neither runs twice.
    Claimed,
    /// The policy or the people file is not the one under which the plan was built.
    ConfigChanged,
    /// What a plan or a preview rests on is otherwise now.
    Drift,
    /// The room can't record (disk full or failed, log damaged or over its quota), or it is stopping.
    Degraded,
    /// Too few persons stand behind a plan, or its policy asks for fewer than two.
    NoQuorum,
    /// Nothing can be written because no incident is open.
    NoIncident,
    /// It can't be done as things are: no plan can be built, no Alertmanager answers, no step is to be held.
    NotReady,
    /// The client and the room speak no protocol in common.
    ProtoTooOld,
    /// Too many: requests, connections, open plans, changes of silences. Ask again later.
    Rate,
    /// Never said by this version: no request carries a signature.
    BadSignature,
    /// The client promised in its hello to change nothing.
    ReadOnly,
    /// An incident whose alerts fire is closed only by who says that they know.
    StillFiring,
    /// Said by a client: what listens is nobody that it takes for a room.
    UntrustedServer,
    /// Said by a client: the room's log is another than the one that was known.
    OtherLog,
    /// The request is wrong in itself, whoever asks and however things stand; the words say in what.
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
