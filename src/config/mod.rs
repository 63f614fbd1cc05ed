//! Configuration: files → checked values. `file` is the raw shape, `check` the named rules, `resolve` the result.
//!
//! A syntax or policy error is refused with file, line, column and a suggestion; a bad credential or endpoint is not a
//! configuration error: the room starts and that source is red.

use std::path::PathBuf;

use crate::model::{ClusterRole, Objective, Person, Policy, Rules};

/// A checked configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// The room's name: in every entry.
    pub room: String,
    /// The file it came from; `None` for a drill's built-in one.
    pub file: Option<PathBuf>,
    pub clusters: Vec<ClusterConfig>,
    pub alertmanagers: Vec<AlertmanagerConfig>,
    pub cloudflare: Vec<CloudflareConfig>,
    pub probes: Vec<ProbeConfig>,
    pub objectives: Vec<Objective>,
    pub rules: Rules,
    pub policy: Policy,
    /// Who is who. Empty: everyone observes.
    pub people: Vec<Person>,
    /// `sha256:…` of the people file's bytes.
    pub people_digest: String,
}

/// A Kubernetes cluster and what runs on it.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    pub name: String,
    pub role: ClusterRole,
    /// `None` = as kubectl finds it (KUBECONFIG, then ~/.kube/config).
    pub kubeconfig: Option<PathBuf>,
    /// `None` = the current context.
    pub context: Option<String>,
    /// Velero's namespace; `None` = Velero is not watched here.
    pub velero: Option<String>,
    /// Argo CD's namespace (`*` = all); `None` = not watched here.
    pub argocd: Option<String>,
    /// Applications older than this since `reconciledAt` are stale, seconds. Default 3 × (120 + 60).
    pub argocd_stale_s: u64,
}

/// One Alertmanager instance. All instances are asked and merged.
#[derive(Clone, Debug)]
pub struct AlertmanagerConfig {
    pub name: String,
    /// With its route prefix, without `/api/v2`.
    pub url: String,
    pub basic_auth: Option<BasicAuth>,
    pub bearer_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub every_s: u64,
}

/// User and the file that holds the password.
#[derive(Clone, Debug)]
pub struct BasicAuth {
    pub user: String,
    pub password_file: PathBuf,
}

/// A Cloudflare account.
#[derive(Clone, Debug)]
pub struct CloudflareConfig {
    pub name: String,
    /// `https://api.cloudflare.com/client/v4` unless a drill or test says otherwise.
    pub url: String,
    pub account: String,
    pub zones: Vec<String>,
    pub token_file: PathBuf,
    pub every_s: u64,
}

/// An HTTP check of a service's own URL.
#[derive(Clone, Debug)]
pub struct ProbeConfig {
    pub name: String,
    pub service: String,
    pub url: String,
    pub every_s: u64,
    pub timeout_s: u64,
    /// Good status codes; default 200..=399.
    pub good: (u16, u16),
    /// Response header that names the site that answered.
    pub site_header: Option<String>,
    /// Samples in the window that shares are computed over.
    pub window: usize,
    pub ca_file: Option<PathBuf>,
}
