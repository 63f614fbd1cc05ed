//! The facts that systems report. Enumerations from outside are open: an unknown value is kept as it was written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::open_enum::Open;
pub use super::silence::{Matcher, Silence};
pub use super::slo::{AlertRule, Slo};
use super::{AlertGrade, SafeText, Stamp};

pub use super::load_balancing::{
    ActingRule, EdgeAccount, EdgeToken, LoadBalancer, Origin, PlaceRole, Pool, PoolPlace, PoolUser, PoolWeights,
};

pub use super::gitops::{
    App, AppTimes, Bucket, Controller, DeployTarget, Deployed, FluxState, GitRepository, GitSource, HelmChart,
    HelmRelease, HelmRepository, Kustomization, ObjectRef, OciRepository, Project, SyncWindow, Tool,
};
pub use super::velero::{
    DataDownload, Location, OffSite, Restore, RestorePoint, Schedule, Scope, VolumeBackup, VolumeRestore, outside,
};

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
    /// Cordoned: no new pod is placed on it.
    pub unschedulable: bool,
    /// Tainted for the control plane: ordinary pods are not placed on it.
    #[serde(default)]
    pub control_plane_only: bool,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PodStage {
    /// Its containers have not all been started: ordinary for a few minutes.
    Starting,
    /// It was started, or it failed to be.
    #[default]
    Started,
    /// It was told to end: ordinary until its grace period is over.
    Ending,
}

/// A pod that is not well, or on its way to be or not to be; pods that simply run are only counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    pub cluster: String,
    pub namespace: SafeText,
    pub name: SafeText,
    /// `CrashLoopBackOff`, `Unschedulable`, `Evicted`, `NotReady`, `ContainerCreating`, `in init restore-wait`, …
    pub trouble: SafeText,
    #[serde(default)]
    pub stage: PodStage,
    pub restarts: u64,
    /// Since when it is so; of a pod that ends, until when it had time to.
    pub since: Option<Stamp>,
}

/// How many pods of a namespace there are, those that have ended apart, and how many are ready. The empty name is the
/// whole cluster: where it is told, a namespace that is not has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespacePods {
    pub cluster: String,
    pub namespace: SafeText,
    pub ready: u32,
    pub all: u32,
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
    /// Its `alertname`; for one without, what its labels say it is about.
    pub name: SafeText,
    /// In the words of whoever wrote its rule; empty where it does not say.
    pub severity: Open,
    /// What that word means here.
    #[serde(default)]
    pub grade: AlertGrade,
    pub labels: BTreeMap<String, SafeText>,
    pub summary: SafeText,
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub description: SafeText,
    /// What to do about it, by its author.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub runbook_url: SafeText,
    /// The expression that fired, where its sender shows it.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub generator_url: SafeText,
    pub starts_at: Option<Stamp>,
    /// `active`, `suppressed`, `unprocessed`.
    pub state: Open,
    pub silenced_by: Vec<String>,
    pub inhibited_by: Vec<String>,
    pub receivers: Vec<SafeText>,
}

/// Labels that say what an alert is about, in the order in which a person reads them.
const ABOUT: [&str; 12] = [
    "cluster",
    "namespace",
    "pod",
    "container",
    "deployment",
    "statefulset",
    "daemonset",
    "job_name",
    "node",
    "instance",
    "persistentvolumeclaim",
    "device",
];

impl Alert {
    /// What it is about, by its labels: `shop/web-1`, `node ip-10-0-1-7`; empty where they do not say.
    pub fn about(&self) -> String {
        let label = |name: &str| self.labels.get(name).map(SafeText::as_str).filter(|it| !it.is_empty());
        let mut parts: Vec<String> = Vec::new();
        for name in ABOUT {
            match (name, label(name)) {
                (_, None) => {}
                // As kubectl writes it.
                ("namespace", Some(namespace)) if label("pod").is_none() => parts.push(namespace.to_owned()),
                ("namespace", _) => {}
                ("pod", Some(pod)) => match label("namespace") {
                    Some(namespace) => parts.push(format!("{namespace}/{pod}")),
                    None => parts.push(format!("pod {pod}")),
                },
                ("cluster", Some(cluster)) => parts.push(format!("on {cluster}")),
                (name, Some(value)) => parts.push(format!("{name} {value}")),
            }
        }
        parts.join(", ")
    }
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
    /// What it calls itself among its peers; empty where it is alone.
    #[serde(default)]
    pub name: SafeText,
    /// Whether its silences can be read: if not, which there are is unknown.
    #[serde(default)]
    pub silences_read: bool,
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
    NamespacePods => |it| it.namespace.to_string();
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
