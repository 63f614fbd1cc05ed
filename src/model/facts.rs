//! The facts that systems report. Enumerations from outside are open: an unknown value is kept as it was written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::silence::{Matcher, Silence};
pub use super::slo::{AlertRule, Slo};
use super::{SafeText, Stamp};

pub use super::gitops::{
    App, AppTimes, Bucket, Controller, FluxState, GitRepository, GitSource, HelmChart, HelmRelease, HelmRepository,
    Kustomization, ObjectRef, OciRepository, Place, Project, SyncWindow, Tool,
};
pub use super::velero::{
    DataDownload, Location, OffSite, Restore, RestorePoint, Schedule, VolumeBackup, VolumeRestore,
};

/// An open enumeration's value, as the server wrote it. Compare with `is`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Open(pub SafeText);

impl Open {
    /// Wraps what the server wrote.
    pub fn new(raw: &str) -> Self {
        Self(SafeText::new(raw))
    }

    /// Whether the server wrote exactly this word.
    pub fn is(&self, word: &str) -> bool {
        self.0.as_str() == word
    }

    /// The word itself; empty when the server left it out.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// A Kubernetes Event (core/v1), updated in place as its count rises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KubeEvent {
    pub uid: String,
    pub cluster: String,
    pub namespace: SafeText,
    pub object_kind: SafeText,
    pub object_name: SafeText,
    pub reason: SafeText,
    pub message: SafeText,
    /// `Normal`, `Warning` or what the server wrote.
    pub kind: Open,
    pub count: u64,
    pub first: Option<Stamp>,
    pub last: Stamp,
    pub component: SafeText,
}

/// A node, with the age of its Lease: conditions stay put when the controller that sets them is dead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    pub cluster: String,
    pub name: SafeText,
    /// `True`, `False`, `Unknown` of the Ready condition.
    pub ready: Open,
    pub lease_renewed: Option<Stamp>,
    /// Names of pressure conditions that are True.
    pub pressures: Vec<SafeText>,
    pub unschedulable: bool,
}

/// A pod in trouble; healthy pods are not reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    pub cluster: String,
    pub namespace: SafeText,
    pub name: SafeText,
    /// `CrashLoopBackOff`, `Unschedulable`, `Evicted`, `NotReady`, …
    pub trouble: SafeText,
    pub restarts: u64,
    pub since: Option<Stamp>,
}

/// What one health endpoint answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    Ok,
    Failing,
    /// Reached, but we may not read it (401, 403).
    NotAllowed,
    /// Not reached or no answer in time.
    Unreachable,
}

/// The control plane of a cluster, from `/livez?verbose` and `/readyz?verbose`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlPlane {
    pub cluster: String,
    /// `kube-system` namespace uid: the cluster's identity.
    pub uid: Option<String>,
    pub version: SafeText,
    pub livez: Endpoint,
    pub readyz: Endpoint,
    /// Names of failed checks, `etcd` first if it is among them.
    pub failed: Vec<SafeText>,
    /// The server's clock minus ours, milliseconds, from its `Date` header.
    pub skew_ms: Option<i64>,
    /// The way there in words: server, proxy, credential and until when it is good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<SafeText>,
}

/// An alert as one Alertmanager instance holds it; the board merges instances by fingerprint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    pub fingerprint: String,
    pub name: SafeText,
    pub severity: Open,
    pub labels: BTreeMap<String, SafeText>,
    pub summary: SafeText,
    pub starts_at: Option<Stamp>,
    /// `active`, `suppressed`, `unprocessed`.
    pub state: Open,
    pub silenced_by: Vec<String>,
    pub inhibited_by: Vec<String>,
    pub receivers: Vec<SafeText>,
}

/// An Alertmanager instance itself: its own word on whether its data is whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertPeer {
    pub instance: String,
    /// `ready`, `settling`, `disabled` (single instance).
    pub cluster_status: Open,
    pub version: SafeText,
    /// When the process started (the API calls it `uptime`).
    pub started: Option<Stamp>,
    pub peers: u32,
    /// Whether its silences can be read: if not, which there are is unknown.
    #[serde(default)]
    pub silences_read: bool,
}

/// An origin inside a pool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    pub name: SafeText,
    pub address: SafeText,
    pub enabled: bool,
    /// `None` = Cloudflare did not say.
    pub healthy: Option<bool>,
}

/// Who else refers to a pool: a load balancer that uses it, a monitor that it uses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolUser {
    /// `load_balancer`, `monitor` or what the server wrote.
    pub kind: Open,
    pub id: String,
    pub name: SafeText,
}

/// A Cloudflare pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    pub id: String,
    pub name: SafeText,
    pub enabled: bool,
    /// `None` = unknown, never "unhealthy".
    pub healthy: Option<bool>,
    /// Without a monitor, health is not considered and nothing fails over by itself.
    pub monitored: bool,
    pub minimum_origins: u32,
    pub origins: Vec<Origin>,
    /// Health by place: (place, healthy).
    pub places: Vec<(SafeText, bool)>,
    /// Percent of traffic shed by `load_shedding`, 0 if none.
    pub shedding_percent: u32,
    /// Percent of existing sessions shed, 0 if none.
    pub session_shedding_percent: u32,
    /// Regions judge by their own checks: one word for the whole pool is then not the truth.
    pub regional: bool,
    /// Who refers to it, by the provider's own list; `None` = not read.
    pub used_by: Option<Vec<PoolUser>>,
}

/// What a place of a load balancer that names pools is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlaceRole {
    /// Pools in order.
    Order,
    /// The pool of last resort.
    Fallback,
    /// A field whose meaning is not known; it names pools all the same.
    Other,
}

/// A place in a load balancer that names pools, beside its own order and fallback. Whether it matters for a given user is
/// never computed: conditions and topologies are the provider's to judge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolPlace {
    /// In words: `rule blue: order`, `region_pools WEU`, `pool set eu: fallback`.
    pub what: SafeText,
    /// Where it stands, from the top: `rules/0/overrides/default_pools`. A write replaces its first part whole.
    pub path: String,
    pub role: PlaceRole,
    pub pools: Vec<String>,
    /// The steering policy stated beside it; empty where none is.
    pub policy: Open,
    /// It stands in a pool set, whose policy replaces the load balancer's.
    pub in_set: bool,
}

/// A Cloudflare load balancer. Pools are ids; the board joins names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancer {
    pub id: String,
    pub zone: String,
    /// Host name.
    pub name: SafeText,
    pub enabled: bool,
    pub proxied: bool,
    /// DNS TTL, seconds; means nothing when proxied.
    pub ttl_s: Option<u32>,
    pub default_pools: Vec<String>,
    pub fallback_pool: String,
    /// What is in effect: `off`, `geo`, `random`, …; the empty policy resolved.
    pub policy: Open,
    /// Everything that may override the order: `rule NAME`, `pool set NAME`, `region_pools`, …
    pub overrides: Vec<SafeText>,
    /// Every other place that names pools.
    pub places: Vec<PoolPlace>,
    /// There are more places than are listed.
    pub places_cut: bool,
    /// Digest of each part that `places` stand in, as it was read. A part without one can't be sent back exactly.
    pub digests: BTreeMap<String, String>,
    pub session_affinity: Open,
    /// How long a session keeps to its origin, seconds.
    pub affinity_ttl_s: Option<u32>,
    /// How long sessions of a *disabled* origin are drained, seconds.
    pub drain_s: Option<u32>,
    pub modified_on: SafeText,
}

/// The token of an account at the edge, as the provider describes it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeToken {
    /// `user` or `account`: whose token it is; empty = not known.
    pub owner: Open,
    /// `active`, `disabled`, `expired`; empty = not known.
    pub status: Open,
    pub expires: Option<Stamp>,
    pub not_before: Option<Stamp>,
    pub checked: Option<Stamp>,
    /// Why it could not be checked.
    pub problem: SafeText,
    /// Whether it read pools, and load balancers, when last tried. That it may write can't be probed safely.
    pub reads_pools: Option<bool>,
    pub reads_balancers: Option<bool>,
}

/// An account at the edge: its token, and what is left of the requests that everyone with this user shares.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct EdgeAccount {
    pub account: String,
    pub token: EdgeToken,
    /// As the provider's headers say it; `None` = they did not.
    pub limit: Option<u64>,
    pub remaining: Option<u64>,
    pub resets: Option<Stamp>,
    /// Our own requests in the last five minutes, and the most that polling may make of them.
    pub asked: u64,
    pub share: u64,
    /// Polls stop when no more than this is left: it is kept for acting.
    pub reserve: u64,
}

/// What a probe saw last, and over its window of recent samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Probe {
    pub name: String,
    pub service: String,
    pub url: SafeText,
    pub ok: bool,
    pub status: Option<u16>,
    /// Why there was no answer, or why the answer is not good.
    pub error: SafeText,
    /// Which site answered (from the configured response header).
    pub site: Option<SafeText>,
    pub latency_ms: u64,
    /// Samples in the window.
    pub samples: u32,
    /// Good samples in the window.
    pub good: u32,
    /// Answers (good or not) in the window by site.
    pub by_site: BTreeMap<String, u32>,
    /// When this run of good or bad samples began: the first 503, or the first 200 after it.
    pub since: Stamp,
}

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident => $key:expr;)*) => {
        /// One fact from a system.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Fact { $($(#[$doc])* $name($name),)* }

        /// The kind of a fact, without its value.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum FactKind { $($name,)* }

        impl Fact {
            /// Its kind.
            pub fn kind(&self) -> FactKind {
                match self { $(Self::$name(_) => FactKind::$name,)* }
            }

            /// Its identity within (source, kind).
            pub fn key(&self) -> String {
                match self { $(Self::$name(it) => { let f: fn(&$name) -> String = $key; f(it) })* }
            }
        }

        $(impl From<$name> for Fact {
            fn from(it: $name) -> Self { Self::$name(it) }
        })*
    };
}

facts! {
    KubeEvent => |it| it.uid.clone();
    Node => |it| it.name.to_string();
    Pod => |it| format!("{}/{}", it.namespace, it.name);
    ControlPlane => |it| it.cluster.clone();
    Schedule => |it| it.name.to_string();
    RestorePoint => |it| it.name.to_string();
    Location => |it| it.name.to_string();
    Restore => |it| it.name.to_string();
    VolumeBackup => |it| it.name.to_string();
    VolumeRestore => |it| it.name.to_string();
    DataDownload => |it| it.0.name.to_string();
    App => |it| it.key();
    Kustomization => |it| it.0.key();
    HelmRelease => |it| it.0.key();
    GitRepository => |it| it.0.key();
    OciRepository => |it| it.0.key();
    HelmRepository => |it| it.0.key();
    HelmChart => |it| it.0.key();
    Bucket => |it| it.0.key();
    Project => |it| format!("{}/{}", it.namespace, it.name);
    Controller => |it| it.name.to_string();
    Alert => |it| it.fingerprint.clone();
    AlertPeer => |it| it.instance.clone();
    Silence => |it| it.id.clone();
    Pool => |it| it.id.clone();
    LoadBalancer => |it| it.id.clone();
    EdgeAccount => |it| it.account.clone();
    Probe => |it| it.name.clone();
    Slo => |it| it.service.clone();
    AlertRule => |it| format!("{}/{}#{}", it.group, it.name, it.nth);
}
