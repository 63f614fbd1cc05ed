//! `[[alertmanager]]`: who tells of alerts.

use std::path::PathBuf;

use super::http::{self, HeaderTable, inline};
use super::{BasicAuth, HttpConfig, ProxyConfig, RawFile};
use crate::config::kinds::*;
use crate::config::section::*;

/// One Alertmanager instance. All instances are asked and merged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlertmanagerConfig {
    /// The instance's name on the board and in the timeline; no two instances share one.
    pub name: String,
    /// With its route prefix, without `/api/v2`.
    pub url: String,
    /// User and password; never set together with `bearer_file`.
    pub basic_auth: Option<BasicAuth>,
    /// Path of the file that holds the token; `None` = no token is sent.
    pub bearer_file: Option<PathBuf>,
    /// PEM, in place of the system's certificate authorities; `None` = those.
    pub ca_file: Option<PathBuf>,
    /// Proxy, headers and client certificate.
    pub http: HttpConfig,
    /// Seconds between two requests, 1 to 3600.
    pub every_s: u64,
}

section! {
    /// Every Alertmanager is asked, and the answers are merged. Name each member of a cluster, not their load balancer.
    /// The address is the one a browser shows it at, without /api/v2.
    [[alertmanager]] RawAlertmanager => AlertmanagerConfig {
        name: Name = Required("am-1");
        url: Address = Required("http://127.0.0.1:9093");
        /// One of these, if it asks who you are:
        basic_auth: Option<BasicAuth> =
            Optional(BasicAuth { user: "warroom".into(), password_file: "am-1.password".into() });
        bearer_file: Option<SecretFile> = Alternative("am-1.token");
        /// A certificate authority of your own:
        ca_file: Option<FilePath> = Optional("ca.pem");
        /// A certificate of ours, for a server that asks for one; the key may be in the same file.
        client_cert as _: Text = Alternative("warroom.pem");
        client_key as _: Text = Alternative("warroom.key");
        /// Headers that it wants in every request, like the tenant of Mimir, Cortex and Loki. A secret comes from a file.
        headers as http.headers: HeaderTable =
            Optional(inline("X-Scope-OrgID = \"team-a\"\nX-Api-Key = { file = \"am-1.key\" }"));
        /// Left out, the proxy is the one that HTTPS_PROXY (for plain http, HTTP_PROXY) names, unless NO_PROXY names the
        /// server or it is this host. "none" goes directly.
        proxy as http.proxy: ProxyConfig = Optional("http://proxy.example:3128");
        every as every_s: Seconds<1, 3_600> = Default("5s");
    }
}

impl SectionRules for RawAlertmanager {
    fn resolve(table: &RawTable<Self>, it: &mut AlertmanagerConfig, _: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let raw = &table.it;
        http::one_credential(&raw.basic_auth, &raw.bearer_file, make);
        it.http.client_cert = http::client_cert(&raw.url, &raw.client_cert, &raw.client_key, make);
        let is_api = |path: &str| path.ends_with("/api/v2") || path.ends_with("/api/v1");
        if let Some(url) = raw.url.as_ref().filter(|url| is_api(url.get_ref().trim_end_matches('/'))) {
            let what = "leave out `/api/v2`: give the address that a browser would show Alertmanager at";
            make.report.at(url.span(), what);
        }
    }

    fn show_more(it: &AlertmanagerConfig, table: &mut toml::Table) {
        http::show_client_cert(&it.http, table);
    }
}
