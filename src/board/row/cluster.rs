//! A cluster: what was read of its control plane, nodes and pods. A number of what was not read is none.

use serde::{Deserialize, Serialize};

use crate::board::Verdict;
use crate::board::describe::{Describe, Description, joined};
use crate::model::facts::{ControlPlane, Endpoint, NamespacePods, Pod};
use crate::model::filter::Field;
use crate::model::{ClusterRole, SafeText};

/// A cluster: control plane, nodes, pods in trouble.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterRow {
    /// Its name in the configuration, which is also the row's id.
    pub name: String,
    /// As the configuration has it: it decides how grave missing nodes are.
    pub role: ClusterRole,
    /// What its API server last said of itself; `None` = not read yet.
    pub control_plane: Option<ControlPlane>,
    /// Whether its nodes were ever read: if not, no number of them says anything.
    #[serde(default)]
    pub nodes_read: bool,
    /// How many it has, ready or not; 0 while `nodes_read` is not set.
    pub nodes: u32,
    /// Ready by their condition, with a Lease that is neither late nor in the future.
    pub nodes_ready: u32,
    /// Ready ones that take no ordinary pods: cordoned, or kept for the control plane.
    #[serde(default)]
    pub nodes_closed: u32,
    /// Nodes that nobody hears, whatever their condition said last.
    pub nodes_silent: u32,
    /// The names of those nodes.
    #[serde(default)]
    pub silent: Vec<SafeText>,
    /// Names of nodes that are heard and say that they are not ready; none of them is in `silent`.
    pub nodes_not_ready: Vec<SafeText>,
    /// Whether its pods were ever read: if not, no number of them says anything.
    #[serde(default)]
    pub pods_read: bool,
    /// How many pods need a look.
    #[serde(default)]
    pub pods_troubled: u32,
    /// The worst of them.
    pub pods: Vec<Pod>,
    /// Pods of the namespaces that services live in.
    #[serde(default)]
    pub namespaces: Vec<NamespacePods>,
    /// Other names of the configuration that lead to this same cluster.
    #[serde(default)]
    pub same_as: Vec<String>,
}

impl Describe for ClusterRow {
    fn describe(&self, say: &mut Description<'_>) {
        say.summary(|_| self.summary());
        say.field(Field::Name, "", [&self.name]);
        say.cluster("cluster", &self.name);
        say.list("the same as", &self.same_as);
        say.fact("control plane", control_plane_words(self.control_plane.as_ref()).1);
        if let Some(plane) = &self.control_plane {
            say.text("failed checks", &plane.failed);
            say.fact("version", &plane.version);
            say.known("uid", plane.uid.as_ref());
            say.known("clock", plane.skew_ms.map(clock_words));
            say.list("reached by", &plane.notes);
        }
        self.describe_nodes(say);
        self.describe_pods(say);
    }
}

impl ClusterRow {
    fn summary(&self) -> String {
        let nodes = match self.nodes {
            _ if !self.nodes_read => "nodes not read".to_owned(),
            0 => "no nodes".to_owned(),
            nodes => format!("{} of {nodes} nodes ready", self.nodes_ready),
        };
        let pods = match self.pods_read {
            true => format!("{} pods in trouble", self.pods_troubled),
            false => "pods not read".to_owned(),
        };
        let failed = self.control_plane.as_ref().map_or(&[][..], |plane| &plane.failed);
        let failed = if failed.is_empty() { String::new() } else { format!(" · failing: {}", joined(failed, ", ")) };
        format!("{nodes} · {pods}{failed}")
    }

    fn describe_nodes(&self, say: &mut Description<'_>) {
        let Self { nodes_ready: ready, nodes_closed, nodes_silent, .. } = self;
        let closed = if *nodes_closed > 0 { format!(", {nodes_closed} of them take no pods") } else { String::new() };
        let (state, words) = match self.nodes {
            _ if !self.nodes_read => ("not read", "not read".to_owned()),
            0 => ("not ready", "none".to_owned()),
            all => {
                let state = if all == *ready { "ready" } else { "not ready" };
                (state, format!("{ready} of {all} ready{closed}, {nodes_silent} silent"))
            }
        };
        say.state(&[(true, state)]);
        say.fact("nodes", words);
        say.text("silent", &self.silent);
        say.text("not ready", &self.nodes_not_ready);
    }

    fn describe_pods(&self, say: &mut Description<'_>) {
        say.known("pods", (!self.pods_read).then_some("not read"));
        for NamespacePods { namespace, ready, all, .. } in &self.namespaces {
            let said = if *all == 0 { "no pods".to_owned() } else { format!("{ready} of {all} pods ready") };
            say.fact(namespace.as_str(), said);
        }
        for Pod { namespace, name, trouble, restarts, since, .. } in &self.pods {
            let again = if *restarts > 0 { format!(" ×{restarts}") } else { String::new() };
            let since = since.map(|at| format!(" since {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
            say.texts([name, namespace, trouble]);
            say.fact("pod", format_args!("{namespace}/{name} {trouble}{again}{since}"));
        }
        let more = (self.pods_troubled as usize).saturating_sub(self.pods.len());
        say.known("pod", (more > 0).then(|| format!("and {more} more")));
    }
}

/// The server's clock against ours.
fn clock_words(ms: i64) -> String {
    match ms {
        0 => "as ours".to_owned(),
        1.. => format!("{ms} ms ahead of ours"),
        _ => format!("{} ms behind ours", -ms),
    }
}

/// The control plane in a few words, etcd by name, and how that stands.
pub fn control_plane_words(plane: Option<&ControlPlane>) -> (Verdict, String) {
    let Some(plane) = plane else { return (Verdict::Unknown, "API not read yet".to_owned()) };
    // What one endpoint says is known, however silent the other is.
    match (plane.livez, plane.readyz) {
        (Endpoint::Failing, _) | (_, Endpoint::Failing) => {
            let more = plane.failed.len().saturating_sub(1);
            let more = if more > 0 { format!(" +{more}") } else { String::new() };
            let check = plane.failed.first().map_or("API", SafeText::as_str);
            (Verdict::Critical, format!("{check} failing{more}"))
        }
        (Endpoint::Unreachable, Endpoint::Unreachable) => (Verdict::Critical, "API unreachable".to_owned()),
        (Endpoint::Unreachable, _) => (Verdict::Unknown, "livez silent".to_owned()),
        (_, Endpoint::Unreachable) => (Verdict::Unknown, "readyz silent".to_owned()),
        (Endpoint::NotAllowed, _) | (_, Endpoint::NotAllowed) => (Verdict::Unknown, "health not readable".to_owned()),
        (Endpoint::Ok, Endpoint::Ok) => (Verdict::Ok, "API ok".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_check_is_not_hidden_by_the_other_endpoints_silence() {
        use Endpoint::{Failing, NotAllowed, Ok, Unreachable};
        let cases = [
            (Failing, Unreachable, Verdict::Critical, "etcd failing"),
            (Unreachable, Failing, Verdict::Critical, "etcd failing"),
            (Unreachable, Unreachable, Verdict::Critical, "API unreachable"),
            (Ok, Unreachable, Verdict::Unknown, "readyz silent"),
            (Unreachable, Ok, Verdict::Unknown, "livez silent"),
            (Ok, NotAllowed, Verdict::Unknown, "health not readable"),
            (Ok, Ok, Verdict::Ok, "API ok"),
        ];
        for (livez, readyz, verdict, words) in cases {
            let failed = if words.contains("etcd") { vec!["etcd".into()] } else { Vec::new() };
            let plane = ControlPlane {
                cluster: "primary".to_owned(),
                uid: None,
                version: "".into(),
                livez,
                readyz,
                failed,
                skew_ms: None,
                notes: Vec::new(),
            };
            assert_eq!(control_plane_words(Some(&plane)), (verdict, words.to_owned()), "{livez:?} {readyz:?}");
        }
    }
}
