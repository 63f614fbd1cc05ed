//! The facts that systems report. Enumerations from outside are open: an unknown value is kept as it was written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::open_enum::Open;
pub use super::silence::{MUTE, Matcher, Silence};
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
    /// `metadata.uid`; `namespace/name` where the server left it out. The same event keeps it as its count rises.
    pub uid: String,
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// Of the object that it is about; for one without a namespace, like a node, that of the event itself.
    pub namespace: SafeText,
    /// `involvedObject.kind`: `Pod`, `Node`, …
    pub object_kind: SafeText,
    /// `involvedObject.name`; empty where the server left it out.
    pub object_name: SafeText,
    /// Its reporter's word for why: `BackOff`, `FailedScheduling`. Events of one reason are shown as a group.
    pub reason: SafeText,
    /// The reporter's sentence, cut at 2 KiB.
    pub message: SafeText,
    /// `Normal`, `Warning` or what the server wrote.
    pub kind: Open,
    /// How often it happened: the count of its series, else its own; never less than 1.
    pub count: u64,
    /// When it happened first, by the cluster's clock; where nobody says, when the object was made.
    pub first: Option<Stamp>,
    /// When it happened last, by the cluster's clock; the epoch where the object has no time at all.
    pub last: Stamp,
    /// Who reported it: `kubelet`, `default-scheduler`; empty where nobody is named.
    pub component: SafeText,
}

/// A node, with the age of its Lease: conditions stay put when the controller that sets them is dead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.name`, which is also the name of its Lease.
    pub name: SafeText,
    /// `True`, `False`, `Unknown` of the Ready condition.
    pub ready: Open,
    /// When its kubelet last renewed its Lease, by that node's clock; `None` = no Lease of it was read.
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
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.namespace`; with the name, its identity within the cluster.
    pub namespace: SafeText,
    /// `metadata.name`.
    pub name: SafeText,
    /// `CrashLoopBackOff`, `Unschedulable`, `Evicted`, `NotReady`, `ContainerCreating`, `in init restore-wait`, …
    pub trouble: SafeText,
    /// How far it is: decides how long `trouble` is ordinary, and what `since` counts.
    #[serde(default)]
    pub stage: PodStage,
    /// Restarts of all its containers, init containers among them, over its whole life.
    pub restarts: u64,
    /// Since when it is so; of a pod that ends, until when it had time to.
    pub since: Option<Stamp>,
}

/// How many pods of a namespace there are, those that have ended apart, and how many are ready. The empty name is the
/// whole cluster: where it is told, a namespace that is not has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespacePods {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// The namespace that is counted; empty = the sum over the whole cluster.
    pub namespace: SafeText,
    /// Those whose Ready condition is True and that are not told to end.
    pub ready: u32,
    /// Those whose phase is neither `Succeeded` nor `Failed`, ready or not.
    pub all: u32,
}

/// What one health endpoint answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// It answered 200.
    Ok,
    /// It answered 5xx; which of its checks failed is in [`ControlPlane::failed`].
    Failing,
    /// Reached, but we may not read it (401, 403).
    NotAllowed,
    /// Not reached or no answer in time.
    Unreachable,
}

/// The control plane of a cluster, from `/livez?verbose` and `/readyz?verbose`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControlPlane {
    /// Its name in the configuration, which is also the source's.
    pub cluster: String,
    /// `kube-system` namespace uid: the cluster's identity.
    pub uid: Option<String>,
    /// `gitVersion` of `/version`, asked for at every twelfth look; empty until it was read once.
    pub version: SafeText,
    /// What `/livez` answered; `Unreachable` too where it was not waited for, because `/readyz` had named a failure.
    pub livez: Endpoint,
    /// What `/readyz` answered; `Unreachable` too where it was not waited for, because `/livez` had named a failure.
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
    /// Alertmanager's own hash of its labels: the same on every instance.
    pub fingerprint: String,
    /// Its `alertname`; for one without, what its labels say it is about.
    pub name: SafeText,
    /// In the words of whoever wrote its rule; empty where it does not say.
    pub severity: Open,
    /// What that word means here.
    #[serde(default)]
    pub grade: AlertGrade,
    /// At most 64 of its labels, the values cleaned. Matchers of silences are compared with these.
    pub labels: BTreeMap<String, SafeText>,
    /// Annotation `summary`, else `message`, `title` or `description`; empty if it has none of them.
    pub summary: SafeText,
    /// Annotation `description`, else `message`; empty where `summary` says the same already.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub description: SafeText,
    /// What to do about it, by its author.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub runbook_url: SafeText,
    /// The expression that fired, where its sender shows it.
    #[serde(default, skip_serializing_if = "SafeText::is_empty")]
    pub generator_url: SafeText,
    /// When it began, by its sender; `None` where that is left out or no year between 1970 and 9999.
    pub starts_at: Option<Stamp>,
    /// `active`, `suppressed`, `unprocessed`.
    pub state: Open,
    /// Ids of silences, and time intervals as `mute:NAME`, with ` for RECEIVER` if others still hear of it; at most 32.
    pub silenced_by: Vec<String>,
    /// Fingerprints of the alerts that inhibit it, by this instance's word; at most 32.
    pub inhibited_by: Vec<String>,
    /// Names of the receivers that its routes lead to, whether or not they were told; at most 32.
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
    /// Its name in the configuration, which is also the source's.
    pub instance: String,
    /// `ready`, `settling`, `disabled` (single instance).
    pub cluster_status: Open,
    /// `versionInfo.version`: from 0.28 on it can say which alerts a time interval mutes.
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
    /// Its name in the configuration, which is also the source's.
    pub name: String,
    /// The service (name) whose users it stands for.
    pub service: String,
    /// The address that is asked, without its query: that is where people hide keys.
    pub url: SafeText,
    /// Whether the newest sample was good: an answer with a status in the configured range.
    pub ok: bool,
    /// HTTP status of the newest answer; `None` = the newest sample got none.
    pub status: Option<u16>,
    /// Why there was no answer, or why the answer is not good.
    pub error: SafeText,
    /// Which site answered (from the configured response header).
    pub site: Option<SafeText>,
    /// Milliseconds from the newest question to its answer, or until there was none, by the boot clock.
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
        pub enum FactKind { $($(#[$doc])* $name,)* }

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
    /// An event of the core API, by its uid: it is updated as its count rises.
    KubeEvent => |it| it.uid.clone();
    /// A node with the age of its Lease, by its name.
    Node => |it| it.name.to_string();
    /// A pod that does not simply run, by `namespace/name`.
    Pod => |it| format!("{}/{}", it.namespace, it.name);
    /// How many pods a namespace has, by its name; the empty one is the whole cluster.
    NamespacePods => |it| it.namespace.to_string();
    /// What the health endpoints of a cluster answered: one for each source.
    ControlPlane => |it| it.cluster.clone();
    /// A Velero Schedule, by its name.
    Schedule => |it| it.name.to_string();
    /// A Velero Backup, by its name: a copy on another cluster has the same one, and another uid.
    RestorePoint => |it| it.name.to_string();
    /// A BackupStorageLocation, by its name.
    Location => |it| it.name.to_string();
    /// A Velero Restore, by its name.
    Restore => |it| it.name.to_string();
    /// A PodVolumeBackup, by its name: it decides whether a backup's volume data is off-site.
    VolumeBackup => |it| it.name.to_string();
    /// A PodVolumeRestore, by its name: a part of how far a Restore is.
    VolumeRestore => |it| it.name.to_string();
    /// A DataDownload, by its name: a part of how far a Restore is.
    DataDownload => |it| it.0.name.to_string();
    /// An Argo CD Application, by `namespace/name`.
    App => |it| it.key();
    /// A Flux Kustomization, by `namespace/name`.
    Kustomization => |it| it.0.key();
    /// A Flux HelmRelease, by `namespace/name`.
    HelmRelease => |it| it.0.key();
    /// A Flux GitRepository, by `namespace/name`.
    GitRepository => |it| it.0.key();
    /// A Flux OCIRepository, by `namespace/name`.
    OciRepository => |it| it.0.key();
    /// A Flux HelmRepository, by `namespace/name`.
    HelmRepository => |it| it.0.key();
    /// A Flux HelmChart, by `namespace/name`.
    HelmChart => |it| it.0.key();
    /// A Flux Bucket, by `namespace/name`.
    Bucket => |it| it.0.key();
    /// An Argo CD AppProject with its sync windows, by `namespace/name`.
    Project => |it| format!("{}/{}", it.namespace, it.name);
    /// How many pods of a controller of Argo CD or Flux are ready, by the controller's name.
    Controller => |it| it.name.to_string();
    /// An alert as one Alertmanager holds it, by its fingerprint.
    Alert => |it| it.fingerprint.clone();
    /// An Alertmanager's word on itself: one for each source.
    AlertPeer => |it| it.instance.clone();
    /// A silence as one Alertmanager holds it, by its id.
    Silence => |it| it.id.clone();
    /// A pool at the edge, by its id.
    Pool => |it| it.id.clone();
    /// A load balancer at the edge, by its id.
    LoadBalancer => |it| it.id.clone();
    /// The account at the edge, its token and what is left of its requests: one for each source.
    EdgeAccount => |it| it.account.clone();
    /// The newest sample of a probe and its window: one for each source.
    Probe => |it| it.name.clone();
    /// The figures of one service's objective, by the service's name.
    Slo => |it| it.service.clone();
    /// An alerting rule of a Prometheus, by group, name and its place among those of the same name.
    AlertRule => |it| format!("{}/{}#{}", it.group, it.name, it.nth);
}
