//! The starter configuration: `sample.toml`, commented, every setting at its default. Tests prove that it says the truth.

use std::fmt::Write as _;
use std::path::PathBuf;

use crate::model::ClusterRole;

const SAMPLE: &str = include_str!("sample.toml");
const BEGIN: &str = "# --- clusters ---\n";
const END: &str = "# --- end of clusters ---\n";

/// A cluster to begin with, as `init` found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleCluster {
    pub name: String,
    pub role: ClusterRole,
    pub kubeconfig: Option<PathBuf>,
    pub context: String,
}

/// The commented starter configuration.
pub fn sample() -> &'static str {
    SAMPLE
}

/// The starter configuration for a room of this name, with these clusters in place of the commented examples.
pub fn sample_for(room: &str, clusters: &[SampleCluster]) -> String {
    let named = SAMPLE.replacen("name = \"my-room\"", &format!("name = {}", quoted(room)), 1);
    if clusters.is_empty() {
        return named;
    }
    let (Some((before, rest)), Some((_, after))) = (named.split_once(BEGIN), named.split_once(END)) else {
        return named;
    };
    let prose = rest.lines().next().unwrap_or_default();
    let mut out = format!("{before}{BEGIN}{prose}\n");
    for cluster in clusters {
        let role = match cluster.role {
            ClusterRole::Primary => "primary",
            ClusterRole::Dr => "dr",
            ClusterRole::Other => "other",
        };
        let _ = writeln!(out, "[[cluster]]\nname = {}\nrole = \"{role}\"", quoted(&cluster.name));
        if let Some(path) = &cluster.kubeconfig {
            let _ = writeln!(out, "kubeconfig = {}", quoted(&path.to_string_lossy()));
        }
        let _ = writeln!(out, "context = {}", quoted(&cluster.context));
        out.push_str("# The namespaces of Velero, Argo CD and Flux's controllers, if they are installed there:\n");
        out.push_str("#velero = \"velero\"\n#argocd = \"argocd\"\n#flux = \"flux-system\"\n\n");
    }
    out.push_str(END);
    out.push_str(after);
    out
}

/// A TOML string.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
