//! Rows: a value, when it was seen, and a verdict. The same rows cross the socket, fill the panes and print as JSON.
//!
//! Rows carry instants, never ages: an age would change every second and every row would have to be sent again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::model::Topic;
use crate::model::facts::{
    Alert, ControlPlane, EdgeAccount, LoadBalancer, Location, NamespacePods, OffSite, Pod, Pool, Probe, Restore,
    Silence,
};
use crate::model::{ClusterRole, SafeText, SourceId, Stamp, Strategy, Trouble};

use super::event_tally::EventRow;
use super::slo::ErrorBudget;

mod apps;
mod route;

pub use apps::{Against, AppRow, AppsKnown, Counterpart, Windows};
pub use route::Route;

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
    pub verdict: Verdict,
    /// When the source last proved that this is so.
    pub seen_at: Stamp,
    /// The proof is too old: the verdict is no better than `Unknown`.
    pub stale: bool,
    /// Why the verdict is what it is, as a colleague would say it. May be empty when it is plain.
    pub why: SafeText,
    pub body: RowBody,
}

/// A pool as a load balancer's row names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolRef {
    pub id: String,
    pub name: SafeText,
    pub enabled: Option<bool>,
    pub healthy: Option<bool>,
    /// Its health is judged region by region: one word for the whole pool is not the truth.
    #[serde(default)]
    pub regional: bool,
    /// Places that see it healthy, of how many.
    pub places_ok: u32,
    pub places: u32,
}

/// A restore point as a schedule's row names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PointSummary {
    pub name: SafeText,
    pub uid: String,
    pub started: Stamp,
    pub expires: Option<Stamp>,
    pub location: SafeText,
    pub off_site: OffSite,
    pub included_namespaces: Vec<SafeText>,
    pub excluded_namespaces: Vec<SafeText>,
    /// Why it may hold less than its namespaces, in words.
    pub limits: Vec<SafeText>,
    /// What it leaves out on purpose, in words.
    pub left_out: Vec<SafeText>,
    /// The cluster whose Velero was asked.
    #[serde(default)]
    pub cluster: String,
    /// How many items it holds; `None` = that was not recorded.
    #[serde(default)]
    pub items: Option<u64>,
}

/// How many runs of a schedule, in words: where counting stopped, that there are more.
pub fn runs_words(count: u32, more: bool) -> String {
    let runs = if count == 1 { "run" } else { "runs" };
    if more { format!("more than {count} {runs}") } else { format!("{count} {runs}") }
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowBody {
    /// A source: is it alive, and if not, why.
    Source {
        /// When it last proved to be alive; `None` = never.
        alive_at: Option<Stamp>,
        /// Since when it is in trouble.
        troubled_since: Option<Stamp>,
        trouble: Option<Trouble>,
        /// Its data is stale after so many seconds.
        fresh_for_s: u64,
        /// Some of its lists are still being read, for the first time or again after it was away.
        #[serde(default)]
        reading: bool,
        /// The way there in words: proxy, client certificate, headers. Empty where there is nothing to say.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<SafeText>,
    },
    /// No alert that always fires is seen: nothing proves that alerts arrive.
    Heartbeat {
        /// The names that one could have.
        expected: Vec<String>,
    },
    /// A cluster: control plane, nodes, pods in trouble.
    Cluster {
        name: String,
        role: ClusterRole,
        control_plane: Option<ControlPlane>,
        /// Whether its nodes were ever read: if not, no number of them says anything.
        #[serde(default)]
        nodes_read: bool,
        nodes: u32,
        nodes_ready: u32,
        /// Ready ones that take no ordinary pods: cordoned, or kept for the control plane.
        #[serde(default)]
        nodes_closed: u32,
        /// Nodes that nobody hears, whatever their condition said last.
        nodes_silent: u32,
        #[serde(default)]
        silent: Vec<SafeText>,
        nodes_not_ready: Vec<SafeText>,
        #[serde(default)]
        pods_read: bool,
        /// How many pods need a look.
        #[serde(default)]
        pods_troubled: u32,
        /// The worst of them.
        pods: Vec<Pod>,
        /// Pods of the namespaces that services live in.
        #[serde(default)]
        namespaces: Vec<NamespacePods>,
        /// Other names of the configuration that lead to this same cluster.
        #[serde(default)]
        same_as: Vec<String>,
    },
    /// A service against its objective.
    Service {
        name: String,
        strategy: Strategy,
        rto_s: u64,
        rpo_s: u64,
        /// Start of its newest usable restore point: now minus this is what would be lost. Where several cover the service
        /// together, the oldest of them.
        restore_point: Option<PointSummary>,
        /// The others that cover it together with that one.
        #[serde(default)]
        with: Vec<PointSummary>,
        /// Percent of recent answers by site.
        sites: BTreeMap<String, u32>,
        /// Percent of recent samples that were good.
        good_percent: Option<u32>,
        /// Since when users are failing.
        failing_since: Option<Stamp>,
    },
    /// A service's error budget.
    Slo(ErrorBudget),
    /// A Kubernetes event.
    Event(EventRow),
    /// An alert, merged over the instances.
    Alert {
        alert: Alert,
        /// Instances that hold it.
        held_by: Vec<String>,
        /// Reachable instances that don't.
        missing_from: Vec<String>,
        /// The service it belongs to, by its labels.
        service: Option<String>,
        /// It begins right after a start of the Alertmanager that says so: a sender that names no beginning gets this one,
        /// though the alert may have fired for long.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        since_restart: bool,
    },
    /// A silence, merged over the instances.
    Silence {
        silence: Silence,
        /// Instances that hold it.
        held_by: Vec<String>,
        /// Instances whose silences can be read and that don't.
        missing_from: Vec<String>,
        /// Current alerts that it keeps quiet, or will.
        hits: u32,
        /// Critical ones among them.
        critical: u32,
    },
    /// A backup schedule and its newest usable restore point.
    Backup {
        cluster: String,
        schedule: SafeText,
        services: Vec<String>,
        cron: SafeText,
        paused: bool,
        /// Newest usable, if any.
        point: Option<PointSummary>,
        /// The tightest RPO of the services that rely on it.
        rpo_s: Option<u64>,
        /// What a service relies on is not there: its newest usable point is older than the RPO, or there is none.
        #[serde(default)]
        overdue: bool,
        /// Runs that should have happened since the newest restore point and did not.
        missed_runs: u32,
        /// There are more: counting stopped there.
        #[serde(default)]
        missed_more: bool,
        /// Restore points that vanished at once although they had not expired.
        #[serde(default)]
        vanished: u32,
        /// When the schedule is due next; `None` if it does not run or its times can't be read.
        next_run: Option<Stamp>,
        /// A newer backup that is not usable (yet): its name and phase. The one that blocks the others, if one does.
        newer: Option<(SafeText, SafeText)>,
    },
    /// A backup storage location.
    Location(Location),
    /// A restore.
    Restore(Restore),
    /// GitOps parity of one cluster.
    Parity {
        cluster: String,
        /// Applications deployed and healthy by fresh data and, on a DR cluster, at the release of the primary.
        ok: u32,
        /// Its applications, and those that by their name it should have and only the primary has.
        total: u32,
        /// Who is not, and why.
        laggards: Vec<(SafeText, SafeText)>,
        /// Of those that are not counted: how many were deployed and healthy when their source was last heard.
        #[serde(default)]
        silent: u32,
        /// Of those that are not counted: how many are being worked on, for no longer than is usual.
        #[serde(default)]
        passing: u32,
        /// The primaries that a DR cluster is compared with; empty for any other.
        #[serde(default)]
        against: Vec<Against>,
        /// The oldest reconciliation among them.
        oldest_reconciled: Option<Stamp>,
    },
    /// An application of Argo CD or Flux.
    App(AppRow),
    /// A load balancer with its order resolved to pools.
    LoadBalancer {
        lb: LoadBalancer,
        order: Vec<PoolRef>,
        fallback: Option<PoolRef>,
        /// The pool that new traffic goes to, if that can be told.
        goes_to: Option<SafeText>,
        /// Where its parts go, where they do not all go to one pool.
        #[serde(default)]
        routes: Vec<Route>,
        service: Option<String>,
    },
    /// A pool.
    Pool(Pool),
    /// An account at the edge: its token and what is left of its requests.
    EdgeAccount(EdgeAccount),
    /// A probe.
    Probe(Probe),
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JudgedBoard {
    pub topics: BTreeMap<Topic, TopicView>,
}

impl JudgedBoard {
    /// The rows of a topic; empty if it was never judged.
    pub fn rows(&self, topic: Topic) -> &[Row] {
        self.topics.get(&topic).map_or(&[], |view| view.rows.as_slice())
    }
}
