//! The raw shape of `warroom.toml` and `people.toml`, as written. Every value is optional and keeps its place, so that
//! each rule can point at the line it is about. `parse` fills these; `rules` judges them; `resolve` makes values of them.
//!
//! Plain structs only: flattened, untagged or tagged shapes lose their places.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::one_or_many::OneOrMany;

/// A text with its place.
pub type Text = Option<Spanned<String>>;
/// A list of texts, each with its place.
pub type Texts = Option<Vec<Spanned<String>>>;
/// A whole number with its place.
pub type Number = Option<Spanned<i64>>;
/// A number that may have decimals, with its place.
pub type Decimal = Option<Spanned<f64>>;

/// The headers of requests, by name.
pub type RawHeaders = Option<BTreeMap<String, Spanned<RawHeader>>>;

/// A table and where its header stands.
#[derive(Debug)]
pub struct Section<T> {
    pub at: Range<usize>,
    pub it: T,
}

/// `warroom.toml`.
#[derive(Debug, Default)]
pub struct RawFile {
    pub room: Option<Section<RawRoom>>,
    pub clusters: Vec<Section<RawCluster>>,
    pub alertmanagers: Vec<Section<RawAlertmanager>>,
    pub prometheus: Vec<Section<RawPrometheus>>,
    pub cloudflare: Vec<Section<RawCloudflare>>,
    pub probes: Vec<Section<RawProbe>>,
    pub services: Vec<Section<RawService>>,
    pub slos: Vec<Section<RawSlo>>,
    pub rules: Option<Section<RawRules>>,
    pub policy: Option<Section<RawPolicy>>,
    pub network: Option<Section<RawNetwork>>,
    pub log: Option<Section<RawLog>>,
    pub console: Option<Section<RawConsole>>,
}

/// `[room]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawRoom {
    pub name: Text,
    pub people: Text,
    pub allow_fs: Texts,
}

/// `[[cluster]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawCluster {
    pub name: Text,
    pub role: Text,
    pub kubeconfig: Text,
    pub context: Text,
    pub velero: Text,
    pub argocd: Text,
    pub argocd_stale: Text,
    pub flux: Text,
    pub destinations: Texts,
    pub only_here: Texts,
    pub namespaces: Texts,
    pub streaming_lists: Option<Spanned<bool>>,
}

/// `[[alertmanager]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawAlertmanager {
    pub name: Text,
    pub url: Text,
    pub basic_auth: Option<Spanned<RawBasicAuth>>,
    pub bearer_file: Text,
    pub ca_file: Text,
    pub client_cert: Text,
    pub client_key: Text,
    pub headers: RawHeaders,
    pub proxy: Text,
    pub every: Text,
}

/// `[[prometheus]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawPrometheus {
    pub name: Text,
    pub url: Text,
    pub basic_auth: Option<Spanned<RawBasicAuth>>,
    pub bearer_file: Text,
    pub ca_file: Text,
    pub client_cert: Text,
    pub client_key: Text,
    pub headers: RawHeaders,
    pub proxy: Text,
    pub every: Text,
    pub every_long: Text,
}

/// `basic_auth = { user = "…", password_file = "…" }`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawBasicAuth {
    pub user: Text,
    pub password_file: Text,
}

/// A header's value in `headers`.
#[derive(Clone, Debug)]
pub enum RawHeader {
    Text(String),
    File(RawHeaderFile),
}

/// A header whose value is a secret: `{ file = "…" }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawHeaderFile {
    pub file: Text,
}

/// `[[cloudflare]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawCloudflare {
    pub name: Text,
    pub url: Text,
    pub account: Text,
    pub zones: Texts,
    pub token_file: Text,
    pub proxy: Text,
    pub every: Text,
}

/// `[[probe]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawProbe {
    pub name: Text,
    pub service: Text,
    pub url: Text,
    pub every: Text,
    pub timeout: Text,
    pub good: Text,
    pub site_header: Text,
    pub window: Number,
    pub ca_file: Text,
    pub client_cert: Text,
    pub client_key: Text,
    pub headers: RawHeaders,
    pub proxy: Text,
}

/// `[[service]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawService {
    pub name: Text,
    pub tier: Text,
    pub rto: Text,
    pub rpo: Text,
    pub strategy: Text,
    pub primary: Text,
    pub dr: OneOrMany<String>,
    pub schedules: Texts,
    pub namespaces: Texts,
    pub apps: Texts,
    pub load_balancer: OneOrMany<RawHost>,
    pub primary_pool: Text,
    pub dr_pool: OneOrMany<String>,
    pub probes: Texts,
}

/// A host name in `load_balancer` of a `[[service]]`.
#[derive(Clone, Debug)]
pub enum RawHost {
    Name(String),
    Table(Box<RawHostTable>),
}

/// A host name whose pools are not those of the service's other host names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawHostTable {
    pub name: Text,
    pub primary_pool: Text,
    pub dr_pool: OneOrMany<String>,
}

/// `[[slo]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawSlo {
    pub service: Text,
    pub prometheus: Text,
    pub objective: Decimal,
    pub period: Text,
    pub errors: Text,
    pub total: Text,
    pub ratio: Text,
    pub requests: Text,
}

/// `[rules]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawRules {
    pub open_on: Texts,
    pub ignore: Texts,
    pub per_minute: Number,
    pub opens_as: Text,
    pub severity_labels: Texts,
    pub critical: Texts,
    pub info: Texts,
    pub heartbeats: Texts,
}

/// `[policy]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawPolicy {
    pub quorum: Number,
    pub level: Text,
    pub ttl: Text,
}

/// `[network]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawNetwork {
    pub allow: Texts,
    pub exec: Texts,
}

/// `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawLog {
    pub quota: Text,
}

/// `[console]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawConsole {
    pub theme: Text,
    pub keymap: Text,
    pub bell: Option<Spanned<bool>>,
    pub mouse: Option<Spanned<bool>>,
}

/// `people.toml`.
#[derive(Debug, Default)]
pub struct RawPeople {
    pub people: Vec<Section<RawPerson>>,
}

/// `[[person]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct RawPerson {
    pub id: Text,
    pub accounts: Texts,
    pub roles: Texts,
}
