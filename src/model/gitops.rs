//! GitOps: what Argo CD and Flux say of an application, and the one definition of "deployed and healthy".
//!
//! The definition is here because two rooms need the very same: the board that judges, and the adapters that the executor
//! asks right before it acts. Pure; what it rests on besides the application comes as [`Around`].

mod argocd;
pub mod destination;
mod flux;
mod lag;
mod release;
#[cfg(test)]
mod tests;

pub use lag::{Around, Lag, LagKind, PASSES_IN_S};
pub use release::{Release, short_revision};

use std::ops::Deref;

use serde::{Deserialize, Serialize};

use super::open_enum::Open;
use super::{SafeText, Stamp};

/// The controller of Flux that looks for newer revisions.
pub const SOURCE_CONTROLLER: &str = "source-controller";

/// Who deploys an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tool {
    /// Its object is an Argo CD Application.
    Argocd,
    /// Its object is a Flux Kustomization or HelmRelease.
    Flux,
}

impl Tool {
    /// Its name as people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Argocd => "Argo CD",
            Self::Flux => "Flux",
        }
    }
}

/// Where an application is deployed to, as it is written. For Flux, the name is that of the secret with the kubeconfig that
/// leads there; empty = the cluster it is on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployTarget {
    /// Argo CD: the API server's address. Empty where the destination goes by name, and always for Flux.
    pub server: SafeText,
    /// Argo CD: the cluster's name there. Flux: the secret, else the config map, with the kubeconfig.
    pub name: SafeText,
    /// Argo CD: the destination's namespace. Flux: `spec.targetNamespace`. Empty where it names none.
    pub namespace: SafeText,
}

/// Since when each part of an application stands as it does, where its tool writes that down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AppTimes {
    /// `metadata.deletionTimestamp`; `None` while nobody deletes it.
    pub deleting: Option<Stamp>,
    /// Argo CD: when the first of its errors that has a time began.
    pub error: Option<Stamp>,
    /// Argo CD: since when its health is what it is; `None` for Flux, and where Argo CD writes no time.
    pub health: Option<Stamp>,
    /// Argo CD: when its newest operation started.
    pub operation: Option<Stamp>,
    /// Flux: the Ready condition.
    pub ready: Option<Stamp>,
    /// Flux: the Reconciling condition, while it is True.
    pub reconciling: Option<Stamp>,
    /// Flux: the failure with which its reconciliations end.
    pub failing: Option<Stamp>,
}

/// What a tool deployed last, by its own history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// Argo CD: that of the last sync. Kustomization: the applied one. HelmRelease: the version of the chart.
    pub revision: SafeText,
    /// When it was deployed, by its cluster's clock; of a Kustomization, when this revision was applied first.
    pub at: Option<Stamp>,
}

/// An object's kind, namespace and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectRef {
    /// `GitRepository`, `HelmChart`, …: as the reference writes it.
    pub kind: SafeText,
    /// That of the object which refers to it, where the reference names none.
    pub namespace: SafeText,
    /// Never empty: a reference without a name is none.
    pub name: SafeText,
}

/// What only a Flux object has.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FluxState {
    /// `metadata.generation`: rises with each change of its spec; compared with `observed_generation`.
    pub generation: i64,
    /// `-1` = never reconciled.
    pub observed_generation: Option<i64>,
    /// `True`, `False`, `Unknown` of the Ready condition; empty if there is none.
    pub ready: Open,
    /// Reason of the Ready condition; empty if there is none.
    pub reason: Open,
    /// Message of the Ready condition; empty if there is none.
    pub message: SafeText,
    /// Reason and message, while the condition is True.
    pub stalled: Option<SafeText>,
    /// `Progressing`, `ProgressingWithRetry`, while the condition is True.
    pub reconciling: Option<Open>,
    /// How the newest reconciliation that ended did so, where that was a failure. While the next one runs the conditions
    /// say nothing of it.
    pub failed: Open,
    /// `status.lastAttemptedRevision`. Where it is not the applied one, the rollout fails.
    pub attempted: SafeText,
    /// Digest of what was attempted; only a HelmRelease of an OCI artifact has one.
    pub digest: SafeText,
    /// Where its revision comes from; `None` = it names nothing, or its HelmChart was not made yet.
    pub source: Option<ObjectRef>,
    /// How often it is reconciled by itself.
    pub interval_s: u64,
    /// Every condition as `Type=Status Reason`.
    pub conditions: Vec<SafeText>,
}

/// An Argo CD Application, a Flux Kustomization or a Flux HelmRelease.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct App {
    /// Name, in the configuration, of the cluster that its object is on; it may be deployed to another.
    pub cluster: String,
    /// That of its object, not the one it is deployed to.
    pub namespace: SafeText,
    /// `metadata.name`.
    pub name: SafeText,
    /// `Application`, `Kustomization`, `HelmRelease`.
    #[serde(default)]
    pub kind: Open,
    /// Argo CD's word; empty for Flux.
    pub sync: Open,
    /// Argo CD's word; empty for Flux. Means nothing while sync is not known.
    pub health: Open,
    /// What runs as far as the tool knows: one revision, or those of several sources in their order.
    pub revision: SafeText,
    /// What was asked for: a branch, tag, version or commit.
    pub target_revision: SafeText,
    /// For people: cluster and namespace as they are written. Flux: `spec.targetNamespace` alone.
    pub destination: SafeText,
    /// `comparedTo.destination` equals `spec.destination`.
    pub destination_matches: bool,
    /// When it was last compared, by its cluster's clock; `None` = never, or its kind writes none (HelmRelease).
    pub reconciled_at: Option<Stamp>,
    /// Top-level `operation` is present.
    pub operation_pending: bool,
    /// Argo CD: `Running`, `Succeeded`, `Failed`, `Error`, …; empty before the first one, and for Flux.
    pub operation_phase: Open,
    /// Argo CD: what the newest operation says of how it went.
    pub operation_message: SafeText,
    /// `Running` though it has finished: it waits to be tried again.
    #[serde(default)]
    pub retrying: bool,
    /// How often it was tried again.
    #[serde(default)]
    pub retries: u64,
    /// Automated sync is switched off, reconciliation is skipped by annotation, or `spec.suspend` is set.
    pub suspended: bool,
    /// Argo CD does not look at it at all (annotation): its status is from before.
    #[serde(default)]
    pub skipped: bool,
    /// Conditions whose type ends in `Error`, with their message.
    pub errors: Vec<SafeText>,
    /// `metadata.deletionTimestamp` is set: it is never deployed and healthy.
    pub deleting: bool,
    /// A refresh was asked for and has not happened.
    #[serde(default)]
    pub refresh_pending: bool,
    /// Whether the tool changes the cluster by itself, without being asked; `None` = can't be told.
    #[serde(default)]
    pub automated: Option<bool>,
    /// Whether it then deletes what is not in git; `None` = can't be told.
    #[serde(default)]
    pub prunes: Option<bool>,
    /// Argo CD's project, whose sync windows apply.
    #[serde(default)]
    pub project: SafeText,
    /// Where it is deployed to, for the comparison with what clusters are called and with sync windows.
    #[serde(default)]
    pub place: DeployTarget,
    /// By the clock of the cluster that its object is on.
    #[serde(default)]
    pub times: AppTimes,
    /// How many objects it has in its cluster, where its tool counts them.
    #[serde(default)]
    pub objects: Option<u64>,
    /// The images that run, where its tool lists them.
    #[serde(default)]
    pub images: Vec<SafeText>,
    /// `None` = its history has nothing deployed, or nothing of the revision that is applied.
    #[serde(default)]
    pub deployed: Option<Deployed>,
    /// `None` for an Application: by this the two tools are told apart.
    #[serde(default)]
    pub flux: Option<FluxState>,
}

/// Where Flux takes revisions from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GitSource {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `GitRepository`, `OCIRepository`, `HelmRepository`, `HelmChart`, `Bucket`: the list it was read in.
    pub kind: SafeText,
    /// `metadata.namespace`.
    pub namespace: SafeText,
    /// `metadata.name`.
    pub name: SafeText,
    /// Of its artifact; empty = there is none.
    pub revision: SafeText,
    /// Since when its artifact is this one.
    #[serde(default)]
    pub updated: Option<Stamp>,
    /// What it is asked to follow: a branch, a tag, a range of versions. Empty where its kind has no such choice.
    #[serde(default)]
    pub wanted: SafeText,
    /// `True`, `False`, `Unknown` of the Ready condition; empty if there is none.
    pub ready: Open,
    /// Reason of the Ready condition; empty if there is none.
    pub reason: Open,
    /// Message of the Ready condition; empty if there is none.
    pub message: SafeText,
    /// Since when it is ready, or not.
    #[serde(default)]
    pub since: Option<Stamp>,
    /// `spec.suspend`: it does not look for newer revisions.
    pub suspended: bool,
    /// A chart: the repository that it is taken from.
    #[serde(default)]
    pub from: Option<ObjectRef>,
}

impl GitSource {
    /// Its identity within its kind.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// How an application names it.
    pub fn object(&self) -> ObjectRef {
        ObjectRef { kind: self.kind.clone(), namespace: self.namespace.clone(), name: self.name.clone() }
    }
}

macro_rules! wrapped {
    ($($(#[$doc:meta])* $name:ident($inner:ident);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl Deref for $name {
            type Target = $inner;
            fn deref(&self) -> &$inner {
                &self.0
            }
        }
    )*};
}

// One kind of fact for each list that is read by itself: a new list replaces its own kind and no other.
wrapped! {
    /// A Flux Kustomization.
    Kustomization(App);
    /// A Flux HelmRelease.
    HelmRelease(App);
    /// A Flux GitRepository.
    GitRepository(GitSource);
    /// A Flux OCIRepository.
    OciRepository(GitSource);
    /// A Flux HelmRepository.
    HelmRepository(GitSource);
    /// A Flux HelmChart.
    HelmChart(GitSource);
    /// A Flux Bucket.
    Bucket(GitSource);
}

/// When syncs of some applications are allowed or denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncWindow {
    /// `allow`, `deny`.
    pub kind: Open,
    /// Five cron fields: when it begins.
    pub schedule: SafeText,
    /// Go's notation.
    pub duration: SafeText,
    /// Empty = UTC.
    pub time_zone: SafeText,
    /// A person may sync although this window blocks; counts only if every window that blocks says so.
    pub manual_sync: bool,
    /// Patterns of which one must fit; with `and`, one of each list that is not empty.
    pub applications: Vec<SafeText>,
    /// Patterns for the namespace that an application is deployed to.
    pub namespaces: Vec<SafeText>,
    /// Patterns for the name or the address of the cluster that an application is deployed to.
    pub clusters: Vec<SafeText>,
    /// Every list that is not empty must fit; otherwise one that fits is enough.
    pub and: bool,
}

/// An Argo CD AppProject: its sync windows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// Name, in the configuration, of the cluster it was read from.
    pub cluster: String,
    /// `metadata.namespace`.
    pub namespace: SafeText,
    /// `metadata.name`: applications name it as their project.
    pub name: SafeText,
    /// `spec.syncWindows`, the first 64 of them: what is not among them is not judged.
    pub windows: Vec<SyncWindow>,
}

/// The pods of a controller. No such fact = they could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// Name, in the configuration, of the cluster it was looked for on.
    pub cluster: String,
    /// `application-controller`, `kustomize-controller`, `helm-controller`, `source-controller`.
    pub name: SafeText,
    /// Those of its pods whose Ready condition is True.
    pub ready: u32,
    /// 0 = none was found, which proves nothing: it may run elsewhere or be labelled otherwise.
    pub total: u32,
}

impl App {
    /// Its identity within its kind.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Who deploys it.
    pub fn tool(&self) -> Tool {
        if self.flux.is_some() { Tool::Flux } else { Tool::Argocd }
    }

    /// Its name among those of both tools.
    pub fn label(&self) -> SafeText {
        match self.tool() {
            Tool::Argocd => self.name.clone(),
            Tool::Flux => SafeText::from(format!("{}/{}", self.kind.as_str().to_ascii_lowercase(), self.name)),
        }
    }

    /// The controller that keeps its status.
    pub fn controller(&self) -> &'static str {
        match (self.tool(), self.kind.as_str()) {
            (Tool::Argocd, _) => "application-controller",
            (Tool::Flux, "HelmRelease") => "helm-controller",
            (Tool::Flux, _) => "kustomize-controller",
        }
    }

    /// Why it is not deployed and healthy by data that proves it; `None` = it is.
    pub fn lag(&self, around: Around<'_>) -> Option<Lag> {
        match &self.flux {
            None => argocd::lag(self, around),
            Some(flux) => flux::lag(self, flux, around),
        }
    }
}
