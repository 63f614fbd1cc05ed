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
    /// Argo CD applications and Flux objects on DR, by name; `*` suffix matches a prefix, `KIND/` asks for a kind.
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
    /// Whether a GitOps object of this kind and name belongs to the service.
    pub fn owns_app(&self, kind: &str, name: &str) -> bool {
        self.apps.iter().any(|pattern| app_fits(pattern, kind, name))
    }
}

/// Whether a GitOps object fits a pattern: its name, or a prefix of it before `*`. `KIND/` in front, in any case, asks for
/// that kind as well: `kustomization/shop`, `helmrelease/shop-*`, `application/shop`.
pub fn app_fits(pattern: &str, kind: &str, name: &str) -> bool {
    let (wanted, pattern) = pattern.split_once('/').map_or((None, pattern), |(kind, rest)| (Some(kind), rest));
    wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
        && match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        }
}

#[cfg(test)]
mod tests {
    use super::app_fits;

    #[test]
    fn patterns_name_both_tools_objects() {
        for (pattern, kind, name, fits) in [
            ("shop-*", "Application", "shop-web", true),
            ("shop-*", "Kustomization", "shop-web", true),
            ("shop", "HelmRelease", "shop-web", false),
            ("helmrelease/shop-*", "HelmRelease", "shop-web", true),
            ("helmrelease/shop-*", "Kustomization", "shop-web", false),
            ("Application/shop", "Application", "shop", true),
            ("*", "Kustomization", "x", true),
            ("", "Kustomization", "x", false),
        ] {
            assert_eq!(app_fits(pattern, kind, name), fits, "{pattern} {kind}/{name}");
        }
    }
}
