//! Rows: a value, when it was seen, and a verdict. The same rows cross the socket, fill the panes and print as JSON.
//!
//! Rows carry instants, never ages: an age would change every second and every row would have to be sent again.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::model::Topic;
use crate::model::facts::{EdgeAccount, Location, Pool, Probe, Restore};
use crate::model::{SafeText, SourceId, Stamp};

use super::describe::Describe;
use super::event_tally::EventRow;
use super::slo::ErrorBudget;

mod alert;
mod application;
mod backup;
mod cluster;
mod edge_account;
mod error_budget;
mod event;
mod heartbeat;
mod load_balancer;
mod location;
mod parity;
mod pool;
mod probe;
mod restore;
mod service;
mod silence;
mod source;

pub use alert::AlertRow;
pub use application::{AppRow, Counterpart, Windows};
pub use backup::{BackupRow, PointSummary, runs_words};
pub use cluster::{ClusterRow, control_plane_words};
pub use heartbeat::HeartbeatRow;
pub use load_balancer::{LoadBalancerRow, PoolRef, Route};
pub use parity::{Against, AppsKnown, ParityRow};
pub use service::ServiceRow;
pub use silence::{SilenceRow, inhibitor_words, silence_words};
pub use source::SourceRow;

/// How a row stands. Ordered by who needs you: `Critical` is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Proven good by data that is fresh.
    Ok,
    /// Neither good nor bad.
    Info,
    /// Stale, missing, or not provable. Never shown green.
    Unknown,
    /// Needs a look.
    Warning,
    /// Needs a person now.
    Critical,
}

impl Verdict {
    /// The word in JSON, the log and accessible output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Stable within its topic.
    pub id: String,
    /// Who said so. For merged rows the source that said it last.
    pub source: SourceId,
    /// Set by whoever judges its topic; stale or doubtful proof makes it `Unknown` at best.
    pub verdict: Verdict,
    /// When the source last proved that this is so.
    pub seen_at: Stamp,
    /// The proof is too old: the verdict is no better than `Unknown`.
    pub stale: bool,
    /// Why the verdict is what it is, as a colleague would say it. May be empty when it is plain.
    pub why: SafeText,
    /// The thing itself, by kind; it is serialised with the row.
    pub body: RowBody,
}

/// What a row can be about.
pub trait RowKind {
    /// The body, if it is of this kind.
    fn of(body: &RowBody) -> Option<&Self>;
    /// The body to be changed, if it is of this kind.
    fn of_mut(body: &mut RowBody) -> Option<&mut Self>;
}

impl Row {
    /// What it is about, if that is of this kind.
    pub fn as_kind<T: RowKind>(&self) -> Option<&T> {
        T::of(&self.body)
    }

    /// Whether it is about this kind of thing.
    pub fn is_kind<T: RowKind>(&self) -> bool {
        self.as_kind::<T>().is_some()
    }

    /// The same, to be changed.
    pub fn as_kind_mut<T: RowKind>(&mut self) -> Option<&mut T> {
        T::of_mut(&mut self.body)
    }

    /// The same with the row itself.
    pub fn with_kind<T: RowKind>(&self) -> Option<(&Self, &T)> {
        self.as_kind().map(|it| (self, it))
    }
}

macro_rules! bodies {
    ($($variant:ident($body:ty) = $kind:literal, $doc:literal;)*) => {
        /// What a row is about.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum RowBody { $(#[doc = $doc] $variant($body),)* }

        impl RowBody {
            /// The word for what it is, in filters.
            pub fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)* }
            }

            /// Whoever describes it.
            pub(super) fn described(&self) -> &dyn Describe {
                match self { $(Self::$variant(it) => it,)* }
            }
        }

        $(impl From<$body> for RowBody {
            fn from(it: $body) -> Self {
                Self::$variant(it)
            }
        })*

        $(impl RowKind for $body {
            fn of(body: &RowBody) -> Option<&Self> {
                if let RowBody::$variant(it) = body { Some(it) } else { None }
            }

            fn of_mut(body: &mut RowBody) -> Option<&mut Self> {
                if let RowBody::$variant(it) = body { Some(it) } else { None }
            }
        })*
    };
}

bodies! {
    Source(SourceRow) = "source", "A source: is it alive, and if not, why.";
    Heartbeat(HeartbeatRow) = "heartbeat", "No alert that always fires is seen: nothing proves that alerts arrive.";
    Cluster(ClusterRow) = "cluster", "A cluster: control plane, nodes, pods in trouble.";
    Service(ServiceRow) = "service", "A service against its objective.";
    Slo(ErrorBudget) = "slo", "A service's error budget.";
    Event(EventRow) = "event", "A Kubernetes event.";
    Alert(AlertRow) = "alert", "An alert, merged over the instances.";
    Silence(SilenceRow) = "silence", "A silence, merged over the instances.";
    Backup(BackupRow) = "backup", "A backup schedule and its newest usable restore point.";
    Location(Location) = "location", "A backup storage location.";
    Restore(Restore) = "restore", "A restore.";
    Parity(ParityRow) = "parity", "GitOps parity of one cluster.";
    App(AppRow) = "app", "An application of Argo CD or Flux.";
    LoadBalancer(LoadBalancerRow) = "balancer", "A load balancer with its order resolved to pools.";
    Pool(Pool) = "pool", "A pool.";
    EdgeAccount(EdgeAccount) = "account", "An account at the edge: its token and what is left of its requests.";
    Probe(Probe) = "probe", "A probe.";
}

/// The rows of one topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TopicView {
    /// In the order they are shown.
    pub rows: Vec<Row>,
    /// How many there are in all.
    pub total: u64,
    /// How many were dropped because the list is bounded.
    pub dropped: u64,
}

/// The whole board, judged at one instant.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgedBoard {
    /// Shared with whoever is told of them: a table that did not change costs nobody anything.
    pub topics: BTreeMap<Topic, Arc<TopicView>>,
}

impl JudgedBoard {
    /// The rows of a topic; empty if it was never judged.
    pub fn rows(&self, topic: Topic) -> &[Row] {
        self.topics.get(&topic).map_or(&[], |view| view.rows.as_slice())
    }
}
