//! The outside world: one folder per system, each the same shape — `client`, `watch`, `map` (pure: object → fact), `act`.
//!
//! No system knows another. What more than one of them needs stands beside them: [`kube_api`] is the way to a cluster for
//! what lives in one, [`http`] the way to everything else.
//!
//! Systems report ([`Reporter`]) and act ([`Adapter`]); they never judge. A dead, silent, slow, forbidding or
//! garbage-speaking upstream costs its own source and nothing else: each source runs in its own task under
//! `supervise`, retries with a cap of five seconds, and its trouble is an observation like any other.

pub mod alertmanager;
pub mod argocd;
pub mod cloudflare;
pub mod egress_policy;
pub mod flux;
mod gitops_counts;
pub mod http;
pub mod kube_api;
pub mod kubernetes;
pub mod local_failures;
pub mod probe;
pub mod prometheus;
pub mod proxy;
pub mod registry;
pub mod request_meter;
pub mod supervise;
pub mod velero;

pub use registry::start;

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::model::entry::Restored;
use crate::model::facts::{Fact, FactKind};
use crate::model::{Digest, Observation, PersonId, PlanId, SafeText, SourceChange, SourceId, Step, Trouble};

/// Where a source's observations go. Bounded: a full channel makes the source wait, so a flood slows its own reader.
#[derive(Clone)]
pub struct Reporter {
    source: SourceId,
    clock: Clock,
    out: mpsc::Sender<Observation>,
}

impl Reporter {
    /// A reporter for one source.
    pub fn new(source: SourceId, clock: Clock, out: mpsc::Sender<Observation>) -> Self {
        Self { source, clock, out }
    }

    /// Who reports.
    pub fn source(&self) -> &SourceId {
        &self.source
    }

    /// The room's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Reports a change seen now. Quietly ends when the room has gone.
    pub async fn report(&self, change: SourceChange) {
        self.send(change, false).await;
    }

    /// Reports a change of one part while another part of the source can't be read.
    pub async fn report_part(&self, change: SourceChange) {
        self.send(change, true).await;
    }

    async fn send(&self, change: SourceChange, part: bool) {
        let observation = Observation { source: self.source.clone(), seen_at: self.clock.now(), part, change };
        let _ = self.out.send(observation).await;
    }

    /// One fact is new or newer.
    pub async fn upsert(&self, fact: impl Into<Fact>) {
        self.report(SourceChange::Upsert(fact.into())).await;
    }

    /// The whole list of one kind.
    pub async fn replace(&self, kind: FactKind, facts: Vec<Fact>) {
        self.report(SourceChange::Replace { kind, facts }).await;
    }

    /// The source can't be read.
    pub async fn trouble(&self, trouble: Trouble) {
        self.report(SourceChange::Trouble(trouble)).await;
    }

    /// Proof of life without a change.
    pub async fn alive(&self) {
        self.report(SourceChange::Alive).await;
    }
}

/// What gives a step the right to write: the approved plan it belongs to.
#[derive(Clone, Debug)]
pub struct Permit {
    /// Whose step it is; a silence has an id of its own here.
    pub plan: PlanId,
    /// Names and annotations at the provider derive from it.
    pub digest: Digest,
    /// The persons who confirmed, for `initiatedBy` and comments.
    pub persons: Vec<PersonId>,
}

/// How a write failed: what may be concluded from it.
#[derive(Clone, Debug, PartialEq)]
pub enum ActError {
    /// Provably nothing reached the provider, or it answered no.
    NotApplied(Trouble),
    /// It may have happened: read before believing either.
    Unknown(Trouble),
}

/// What to do where a plan asks for a path that no adapter has: the plan was built by another version, or wrongly.
const NO_SUCH_PATH: &str = "propose the plan again with this version; if it is refused again, report it as a defect";

/// The acting side of a source. Held by the executor alone.
#[async_trait]
pub trait Adapter: Send + Sync {
    /// Reads one path now, from the system itself and not from a cache. `Value::Null` where the thing is not there.
    async fn read(&self, path: &str) -> Result<Value, Trouble>;

    /// How the Restore that a step made stands, whole; `None` where the step makes none, or it is not there.
    async fn restored(&self, _step: &Step, _plan: Digest) -> Result<Option<Restored>, Trouble> {
        Ok(None)
    }

    /// How long until the preconditions of a plan may be read here, if that has to wait: reading never takes what acting needs.
    fn reads_wait(&self) -> Option<std::time::Duration> {
        None
    }

    /// Does the one write of a step; returns the answer that proves it was taken, in words.
    async fn apply(&self, step: &Step, permit: &Permit) -> Result<String, ActError>;
}

/// A source that is configured: its name and how long its data counts as fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// System and instance, as rows, plans and troubles name it.
    pub id: SourceId,
    /// Seconds since the last good answer after which its rows are stale.
    pub fresh_for_s: u64,
    /// Identity of the credential in use (never the secret): `token cf-edge`, `context prod`. Empty if none.
    pub credential: String,
    /// The way there in words, where there is anything to say: proxy, client certificate, headers. A cluster says it itself.
    pub notes: Vec<SafeText>,
}

/// Everything that runs after [`start`].
pub struct RunningSources {
    /// Every configured one, whether it answers or not.
    pub sources: Vec<SourceSpec>,
    /// Only of sources that a plan or a silence can read or write; without one a step can't begin.
    pub adapters: BTreeMap<SourceId, Arc<dyn Adapter>>,
    /// Closed already: it is over when the last source has ended.
    pub tasks: tokio_util::task::TaskTracker,
}

/// What every source's task gets.
#[derive(Clone)]
pub struct Ctx {
    /// The room's: rounds and back-off go by it, but limits of an exchange by real time.
    pub clock: Clock,
    /// To the engine; when it is full, sources wait.
    pub out: mpsc::Sender<Observation>,
    /// Which addresses a name may lead to.
    pub reach: egress_policy::EgressPolicy,
    /// What the environment says of proxies.
    pub proxies: proxy::Environment,
    /// Cancelled when the room stops: every source then ends by itself.
    pub stop: CancellationToken,
    /// Counts what each provider is asked.
    pub meters: request_meter::Meters,
}

impl Ctx {
    /// A reporter for one source.
    pub fn reporter(&self, source: SourceId) -> Reporter {
        Reporter::new(source, self.clock.clone(), self.out.clone())
    }
}
