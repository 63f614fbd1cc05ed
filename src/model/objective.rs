//! Objectives: what was promised for a service, and which outside things belong to it.

use serde::{Deserialize, Serialize};

/// How a service comes back on the DR side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Nothing runs on DR until it is restored.
    Cold,
    /// Data is there, compute is not.
    PilotLight,
    /// A small copy runs and is scaled up.
    WarmStandby,
    /// Both sides serve.
    ActiveActive,
}

/// One service's recovery objective.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Service name; what people type and read.
    pub service: String,
    /// Recovery time objective, seconds.
    pub rto_s: u64,
    /// Recovery point objective, seconds.
    pub rpo_s: u64,
    /// How it comes back.
    pub strategy: Strategy,
    /// The cluster that serves it normally.
    pub primary: String,
    /// The cluster it fails over to.
    pub dr: String,
    /// Velero schedules (names) whose restore points count for it.
    pub schedules: Vec<String>,
    /// Namespaces that its data and workloads live in; what a restore asks for.
    pub namespaces: Vec<String>,
    /// Argo CD applications on DR, by name; `*` suffix matches a prefix.
    pub apps: Vec<String>,
    /// The load balancer (host name) that carries its traffic.
    pub load_balancer: Option<String>,
    /// The pool that carries it normally (name).
    pub primary_pool: Option<String>,
    /// The pool that carries it on DR (name).
    pub dr_pool: Option<String>,
    /// Probes (names) that say whether users are served.
    pub probes: Vec<String>,
}

impl Objective {
    /// Whether an Argo CD application of this name belongs to the service.
    pub fn owns_app(&self, name: &str) -> bool {
        self.apps.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        })
    }
}
