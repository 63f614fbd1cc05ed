//! `[[cluster]]`: a Kubernetes cluster, and what runs on it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::RawFile;
use crate::config::kinds::*;
use crate::config::section::*;
use crate::model::ClusterRole;
use crate::model::gitops::destination::is_own;

/// What a service's connection to a cluster may do. A room of one's own does what its kubeconfig says, as kubectl would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeRules {
    /// As `[network] allow`.
    pub allow_hosts: Vec<String>,
    /// As `[network] exec`.
    pub exec: Vec<PathBuf>,
}

/// A Kubernetes cluster and what runs on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterConfig {
    /// The cluster's name on the board and in the timeline, which `[[service]]` refers to; no two clusters share one.
    pub name: String,
    /// Whether it serves, takes over, or is only watched.
    pub role: ClusterRole,
    /// `None` = as kubectl finds it (KUBECONFIG, then ~/.kube/config).
    pub kubeconfig: Option<PathBuf>,
    /// `None` = the current context.
    pub context: Option<String>,
    /// Velero's namespace; `None` = Velero is not watched here.
    pub velero: Option<String>,
    /// Argo CD's namespace (`*` = all); `None` = not watched here.
    pub argocd: Option<String>,
    /// Applications older than this since `reconciledAt` are stale, seconds; 0 = that age proves nothing, and only the
    /// controller's pods do.
    pub argocd_stale_s: u64,
    /// The namespace of Flux's controllers (`*` = look for them in any); `None` = Flux is not watched here. Its objects are
    /// watched in every namespace.
    pub flux: Option<String>,
    /// What an Argo CD or Flux elsewhere calls this cluster, besides its name and the server of its kubeconfig: names there,
    /// addresses, secrets that hold a kubeconfig.
    pub destinations: Vec<String>,
    /// Applications, as patterns, that its DR need not have.
    pub only_here: Vec<String>,
    /// The only namespaces whose events and pods are read; empty = all of them, by lists of the whole cluster.
    pub namespaces: Vec<String>,
    /// Ask for lists as streams where the server can: lighter on it, default from Kubernetes 1.34 on.
    pub streaming_lists: bool,
    /// The rules of a service; `None` for a room of one's own.
    pub serve: Option<ServeRules>,
}

section! {
    /// One [[cluster]] for each Kubernetes cluster; `role` is primary, dr or other.
    [[cluster]] RawCluster => ClusterConfig {
        name: Name = Required("primary");
        role: OneOf<ClusterRole> = Required("primary");
        /// Left out, kubeconfig and context are those that kubectl would use.
        kubeconfig: Option<SecretFile> = Optional("kubeconfig");
        context: Option<Text> = Optional("primary");
        /// The namespaces of Velero and Argo CD ("*" for applications in any); leave a line out if it isn't installed there.
        velero: Option<Text> = Optional("velero");
        argocd: Option<Text> = Optional("argocd");
        /// How old Argo CD's own last look at an application may be before its state counts as stale; "off" if it never
        /// looks unasked (timeout.reconciliation is 0): then only its controller's pods prove that it lives.
        argocd_stale as argocd_stale_s: StaleAfter = Default("9m");
        /// The namespace of Flux's controllers; its objects are watched in every namespace.
        flux: Option<Text> = Optional("flux-system");
        /// What an Argo CD or Flux on another cluster calls this one, besides its name above and the server of its
        /// kubeconfig: its name or address there, or the secret with its kubeconfig.
        destinations: ListOf = Optional(["prod-west", "https://10.0.0.1:6443"]);
        /// Of a primary: applications that DR need not have, as patterns like those of `apps` below. What else is on the
        /// primary only counts against the parity of DR.
        only_here: ListOf<AppPattern> = Optional(["ci-*"]);
        /// The only namespaces whose events and pods are read, where the credential may not read those of the whole cluster.
        namespaces: ListOf<Namespace> = Default(NONE);
        /// Ask for lists as streams, which is lighter on a server of Kubernetes 1.34 or later; others get lists all the
        /// same.
        streaming_lists: Flag = Default(false);
    }
}

impl SectionRules for RawCluster {
    const ANOTHER: &'static str = "#\n#[[cluster]]\n#name = \"dr\"\n#role = \"dr\"\n#context = \"dr\"\n#velero = \"velero\"\n\
                                   #argocd = \"argocd\"\n";

    /// What applications are deployed to is one cluster, and never "the one that this is on".
    fn judge(file: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let mut known: BTreeMap<&str, &str> =
            file.clusters.iter().filter_map(|c| said(&c.it.name)).map(|name| (name, name)).collect();
        for cluster in &file.clusters {
            let name = said(&cluster.it.name).unwrap_or_default();
            for word in each(&cluster.it.destinations) {
                let text = word.get_ref().as_str();
                if text == "in-cluster" || is_own(text) {
                    let what = format!("`{text}` is any cluster that runs an Argo CD of its own: leave it out");
                    make.report.at(word.span(), what);
                } else if let Some(other) = known.insert(text, name).filter(|other| *other != name) {
                    make.report.at(word.span(), format!("`{text}` is a destination of cluster `{other}` already"));
                }
            }
        }
    }
}

impl Worded for ClusterRole {
    const WORDS: &'static [(&'static str, Self)] =
        &[("primary", Self::Primary), ("dr", Self::Dr), ("other", Self::Other)];
}

/// How old an application's state may be. The default is three rounds of Argo CD's own reconciliation: 120 s and up to 60 s
/// of jitter.
pub(crate) enum StaleAfter {}

impl Kind for StaleAfter {
    type Raw = String;
    type Value = u64;
    const HINT: &'static str = <Seconds as Kind>::HINT;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<u64> {
        if raw.get_ref() == "off" { Some(0) } else { Seconds::<60, 86_400>::check(raw, setting, make) }
    }

    fn show(value: &u64) -> Option<toml::Value> {
        if *value == 0 { Some("off".into()) } else { <Seconds as Kind>::show(value) }
    }
}

/// The namespaces that may be read have names as Kubernetes takes them.
pub(crate) enum Namespace {}

impl Entries for Namespace {
    fn judge(entry: &Spanned<String>, make: &mut ResolveContext<'_, '_>) {
        let name = entry.get_ref().as_str();
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_label = !name.is_empty() && name.len() <= 63 && name.bytes().all(fits);
        if !is_label || name.starts_with('-') || name.ends_with('-') {
            let what = format!(
                "`{name}` can't be a namespace: they are named in full, in lower-case letters, digits and dashes; \
                 leave `namespaces` out to read all of them"
            );
            make.report.at(entry.span(), what);
        }
    }
}

/// What may stand before `/` in a pattern for applications.
const APP_KINDS: [&str; 3] = ["application", "kustomization", "helmrelease"];

/// A pattern for applications.
pub(crate) enum AppPattern {}

impl Entries for AppPattern {
    fn judge(entry: &Spanned<String>, make: &mut ResolveContext<'_, '_>) {
        let text = entry.get_ref();
        if text.trim_end_matches('*').contains('*') || text.ends_with("**") {
            make.report.at(entry.span(), format!("`{text}`: `*` can only end a name, as in `shop-*`"));
        }
        if let Some((kind, name)) = text.split_once('/') {
            if !APP_KINDS.contains(&kind.to_ascii_lowercase().as_str()) {
                let what = format!("`{kind}` in `{text}` is no kind of application");
                make.report.word(entry.span(), &what, kind, &APP_KINDS);
            } else if name.is_empty() || name.contains('/') {
                make.report.at(entry.span(), format!("`{text}`: write it as `{kind}/NAME`"));
            }
        }
    }
}
