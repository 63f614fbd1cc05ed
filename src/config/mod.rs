//! Configuration: files → checked values. `raw` is the raw shape, `rules` the named rules, `resolve` the result.
//!
//! A syntax or policy error is refused with file, line, column and a suggestion; a bad credential or endpoint is not a
//! configuration error: the room starts and that source is red.

mod console;
mod error;
mod hosts;
mod http;
mod log_size;
mod one_or_many;
mod parse;
pub mod paths;
mod people;
mod raw;
mod render;
mod resolve;
mod rules;
mod sample;
pub mod secret;
mod service;
mod slo;
#[cfg(test)]
mod tests;
pub mod units;
mod url;

use std::path::{Path, PathBuf};

use crate::model::slo::SloTarget;
use crate::model::{ClusterRole, EntryRules, Objective, Person, Policy};

pub use crate::model::suggest::nearest;
pub use console::{ConsoleConfig, ConsoleFile, ConsoleWord, console_of};
pub use error::{ConfigError, ConfigErrors};
pub use http::{ClientCertConfig, HeaderConfig, HeaderValueConfig, HttpConfig, ProxyConfig};
pub use paths::Env;
pub use render::{to_json, to_toml};
pub use sample::{SampleCluster, sample, sample_for};
pub use secret::check_secret;
pub use url::{is_link_local, names_metadata};

/// The most bytes a configuration file may have.
const MAX_FILE: u64 = 1024 * 1024;

/// For whom a configuration is loaded: a service is judged most strictly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoadOptions {
    /// For `warroom serve`: endpoints must be https or loopback, and the files nobody else's to write.
    pub serve: bool,
    /// For a drill room: accounts need not exist on this host, and root may play too.
    pub drill: bool,
}

/// Loads and checks a configuration file and the people file it names.
///
/// # Errors
/// Everything found wrong, each with its place: nothing is half loaded.
pub fn load(path: &Path, options: LoadOptions) -> Result<Config, ConfigErrors> {
    load_in(path, options, &Env::read())
}

/// [`load`] with the environment as a value.
///
/// # Errors
/// As [`load`].
pub fn load_in(path: &Path, options: LoadOptions, env: &Env) -> Result<Config, ConfigErrors> {
    let strict = options.serve && !options.drill;
    let bytes = secret::read_file(path, MAX_FILE, strict).map_err(|why| ConfigErrors::about(path, why))?;
    let text = decode(path, &bytes)?;
    let mut report = error::Report::new(path, text);
    let Some(raw) = parse::file(&mut report) else { return Err(ConfigErrors(report.into_errors())) };
    rules::all(&raw, options, &mut report);
    let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut config = resolve::resolve(&raw, &file, options, env, &mut report);
    let mut errors = report.into_errors();
    match people::load(&config.people_file, options, &config, strict) {
        Ok(people) => {
            config.people = people.people;
            config.people_digest = people.digest;
        }
        Err(more) => errors.extend(more.0),
    }
    if errors.is_empty() { Ok(config) } else { Err(ConfigErrors(errors)) }
}

/// TOML is UTF-8; anything else is refused where it stops being so.
fn decode<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, ConfigErrors> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
        let mut report = error::Report::new(path, good);
        report.at(good.len()..good.len(), "this is not UTF-8 text: save the file as UTF-8");
        ConfigErrors(report.into_errors())
    })
}

/// A checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The room's name: in every entry.
    pub room: String,
    /// The file it came from; `None` for a drill's built-in one.
    pub file: Option<PathBuf>,
    pub clusters: Vec<ClusterConfig>,
    pub alertmanagers: Vec<AlertmanagerConfig>,
    pub prometheus: Vec<PrometheusConfig>,
    pub cloudflare: Vec<CloudflareConfig>,
    pub probes: Vec<ProbeConfig>,
    pub objectives: Vec<Objective>,
    pub slos: Vec<SloConfig>,
    pub rules: EntryRules,
    pub policy: Policy,
    /// Who is who. Empty: everyone observes.
    pub people: Vec<Person>,
    /// `sha256:…` of the people file's bytes; of nothing, if there is no such file.
    pub people_digest: String,
    /// Where the people file is, or would be.
    pub people_file: PathBuf,
    /// File systems the log may lie on though they are usually refused: `nfs`, `fuse`.
    pub allow_fs: Vec<String>,
    /// Link-local or metadata hosts that a service may be pointed at though they are usually refused.
    pub allow_hosts: Vec<String>,
    /// Login plugins of kubeconfigs that a service may run.
    pub allow_exec: Vec<PathBuf>,
    /// Bytes that the timeline may take.
    pub log_quota: u64,
    pub console: ConsoleConfig,
}

/// What a service's connection to a cluster may do. A room of one's own does what its kubeconfig says, as kubectl would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServeRules {
    /// As [`Config::allow_hosts`].
    pub allow_hosts: Vec<String>,
    /// As [`Config::allow_exec`].
    pub exec: Vec<PathBuf>,
}

/// A Kubernetes cluster and what runs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Applications older than this since `reconciledAt` are stale, seconds. Default 3 × (120 + 60);
    /// 0 = that age proves nothing, and only the controller's pods do.
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

/// One Alertmanager instance. All instances are asked and merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertmanagerConfig {
    pub name: String,
    /// With its route prefix, without `/api/v2`.
    pub url: String,
    pub basic_auth: Option<BasicAuth>,
    pub bearer_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub http: HttpConfig,
    pub every_s: u64,
}

/// A Prometheus, or what speaks its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrometheusConfig {
    pub name: String,
    /// With its route prefix, without `/api/v1`.
    pub url: String,
    pub basic_auth: Option<BasicAuth>,
    pub bearer_file: Option<PathBuf>,
    pub ca_file: Option<PathBuf>,
    pub http: HttpConfig,
    pub every_s: u64,
    /// How often windows of a day and more, and the whole period, are asked: they cost the server more.
    pub every_long_s: u64,
}

/// A service level objective and where its figures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SloConfig {
    pub target: SloTarget,
    pub figures: Figures,
}

/// How the figures of a window are asked for. `$window` stands for the window: `5m`, `1h`, `30d`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Figures {
    /// Two counters, or two expressions with `$window` that count.
    Counted { errors: String, total: String },
    /// What recording rules have computed: the part that failed and, if recorded too, how many requests there were.
    Recorded { ratio: String, requests: Option<String> },
}

/// User and the file that holds the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BasicAuth {
    pub user: String,
    pub password_file: PathBuf,
}

/// A Cloudflare account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudflareConfig {
    pub name: String,
    /// `https://api.cloudflare.com/client/v4` unless a drill or test says otherwise.
    pub url: String,
    pub account: String,
    pub zones: Vec<String>,
    pub token_file: PathBuf,
    pub proxy: ProxyConfig,
    pub every_s: u64,
}

/// An HTTP check of a service's own URL.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub http: HttpConfig,
}
