//! Which cluster an application is deployed to: what its destination is called, against what clusters are called.

use super::{App, Tool};

/// The cluster that an Argo CD runs in, as its destinations name it.
const IN_CLUSTER: &str = "in-cluster";
/// Hosts by which a cluster is its own.
const OWN_HOSTS: [&str; 3] = ["kubernetes.default.svc", "kubernetes.default", "kubernetes.default.svc.cluster.local"];
/// What stands before or after a cluster's name in the name of a secret that holds its kubeconfig.
const KUBECONFIG: &str = "kubeconfig";

/// One cluster, and what an Argo CD or a Flux elsewhere may call it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// Its name in the configuration.
    pub cluster: String,
    /// Its own name first.
    names: Vec<String>,
    addresses: Vec<String>,
}

/// Where an application goes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Destination {
    /// A cluster that we know.
    Cluster(String),
    /// What it is called there, which is none of ours.
    Unknown(String),
}

impl Called {
    /// A cluster that is called by its own name only.
    pub fn new(cluster: &str) -> Self {
        Self { cluster: cluster.to_owned(), names: vec![cluster.to_owned()], addresses: Vec::new() }
    }

    /// It is called that as well: an address where it has a scheme, else a name.
    pub fn also(&mut self, word: &str) {
        match address(word) {
            Some(address) => self.addresses.push(address),
            None => self.names.push(word.to_owned()),
        }
    }

    /// The name of an application without the cluster's own name before or after it: `shop-web` of `shop-web-dr`. The same
    /// where it has none.
    pub fn stem<'n>(&self, name: &'n str) -> &'n str {
        let without = |own: &String| around(name, own).filter(|rest| !rest.is_empty());
        self.names.iter().filter_map(without).min_by_key(|rest| rest.len()).unwrap_or(name)
    }
}

/// What is left of `own-REST` or `REST-own`.
fn around<'n>(name: &'n str, own: &str) -> Option<&'n str> {
    let before = name.strip_prefix(own).and_then(|rest| rest.strip_prefix('-'));
    before.or_else(|| name.strip_suffix(own).and_then(|rest| rest.strip_suffix('-')))
}

/// Where an application goes, whose object is on the cluster that it names.
pub fn destination(app: &App, clusters: &[Called]) -> Destination {
    let (name, server) = (app.place.name.as_str(), app.place.server.as_str());
    let word = if name.is_empty() { server } else { name };
    if word.is_empty() || word == IN_CLUSTER || is_own(word) {
        return Destination::Cluster(app.cluster.clone());
    }
    let found = clusters.iter().find(|it| match address(word) {
        Some(address) => it.addresses.contains(&address),
        None => it.names.iter().any(|own| own == word || (app.tool() == Tool::Flux && is_kubeconfig_of(word, own))),
    });
    found.map_or_else(|| Destination::Unknown(word.to_owned()), |it| Destination::Cluster(it.cluster.clone()))
}

/// `dr-kubeconfig`, `kubeconfig-dr`: how Flux's users and Cluster API name the secret.
fn is_kubeconfig_of(secret: &str, cluster: &str) -> bool {
    around(secret, KUBECONFIG) == Some(cluster)
}

/// Whether an address is that of the cluster which it is used in.
pub fn is_own(word: &str) -> bool {
    let host = address(word).and_then(|it| it.split_once("://").map(|(_, rest)| rest.to_owned()));
    host.is_some_and(|host| OWN_HOSTS.contains(&host.as_str()))
}

/// An address as it is compared: scheme and host in lower case, without the scheme's own port and a `/` at the end. `None`
/// if it has no scheme.
fn address(text: &str) -> Option<String> {
    let (scheme, rest) = text.trim().split_once("://")?;
    let scheme = scheme.to_ascii_lowercase();
    let rest = rest.trim_end_matches('/');
    let (host, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    let host = host.to_ascii_lowercase();
    let own_port = if scheme == "http" { ":80" } else { ":443" };
    Some(format!("{scheme}://{}{path}", host.strip_suffix(own_port).unwrap_or(&host)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::gitops::{DeployTarget, FluxState};

    fn clusters() -> Vec<Called> {
        let mut all: Vec<Called> = ["mgmt", "primary", "dr"].iter().map(|name| Called::new(name)).collect();
        all[1].also("https://10.0.0.1:6443");
        all[2].also("https://API.dr.example/");
        all[2].also("prod-west");
        all
    }

    fn goes(name: &str, server: &str, flux: bool) -> Destination {
        let app = App {
            cluster: "mgmt".into(),
            place: DeployTarget { name: name.into(), server: server.into(), ..DeployTarget::default() },
            flux: flux.then(FluxState::default),
            ..App::default()
        };
        destination(&app, &clusters())
    }

    #[test]
    fn a_destination_is_found_by_name_or_address() {
        for (name, server, cluster) in [
            ("", "", "mgmt"),
            ("in-cluster", "", "mgmt"),
            ("", "https://kubernetes.default.svc", "mgmt"),
            ("", "https://kubernetes.default.svc:443/", "mgmt"),
            ("primary", "", "primary"),
            ("prod-west", "", "dr"),
            ("", "https://10.0.0.1:6443", "primary"),
            ("", "https://10.0.0.1:6443/", "primary"),
            ("", "HTTPS://api.dr.example:443", "dr"),
        ] {
            assert_eq!(goes(name, server, false), Destination::Cluster(cluster.to_owned()), "{name} {server}");
        }
        for (name, server, word) in [
            ("prod-east", "", "prod-east"),
            ("dr-kubeconfig", "", "dr-kubeconfig"),
            ("", "https://10.0.0.1", "https://10.0.0.1"),
            ("", "http://10.0.0.1:6443", "http://10.0.0.1:6443"),
            ("", "https://api.dr.example/k8s/clusters/c-1", "https://api.dr.example/k8s/clusters/c-1"),
        ] {
            assert_eq!(goes(name, server, false), Destination::Unknown(word.to_owned()));
        }
    }

    #[test]
    fn flux_names_the_secret_that_leads_there() {
        for (secret, cluster) in [
            ("", "mgmt"),
            ("dr", "dr"),
            ("dr-kubeconfig", "dr"),
            ("kubeconfig-primary", "primary"),
            ("prod-west-kubeconfig", "dr"),
        ] {
            assert_eq!(goes(secret, "", true), Destination::Cluster(cluster.to_owned()), "{secret}");
        }
        assert_eq!(goes("old-dr-kubeconfig", "", true), Destination::Unknown("old-dr-kubeconfig".to_owned()));
    }

    #[test]
    fn the_clusters_name_is_no_part_of_what_an_application_is() {
        let dr = &clusters()[2];
        for (name, stem) in [
            ("shop-web", "shop-web"),
            ("shop-web-dr", "shop-web"),
            ("dr-shop-web", "shop-web"),
            ("shop-prod-west", "shop"),
            ("shop-webdr", "shop-webdr"),
            ("dr", "dr"),
            ("-dr", "-dr"),
        ] {
            assert_eq!(dr.stem(name), stem, "{name}");
        }
    }
}
