//! `[[prometheus]]`: where the figures of service level objectives come from.

use std::path::PathBuf;

use super::http::{self, HeaderTable, inline};
use super::{BasicAuth, HttpConfig, ProxyConfig, RawFile};
use crate::config::kinds::*;
use crate::config::section::*;

/// A Prometheus, or what speaks its API.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PrometheusConfig {
    /// The server's name on the board, which `[[slo]] prometheus` refers to; no two servers share one.
    pub name: String,
    /// With its route prefix, without `/api/v1`.
    pub url: String,
    /// User and password; never set together with `bearer_file`.
    pub basic_auth: Option<BasicAuth>,
    /// Path of the file that holds the token; `None` = no token is sent.
    pub bearer_file: Option<PathBuf>,
    /// PEM, in place of the system's certificate authorities; `None` = those.
    pub ca_file: Option<PathBuf>,
    /// Proxy, headers and client certificate.
    pub http: HttpConfig,
    /// Seconds between two rounds of requests about windows shorter than a day, 1 to 3600.
    pub every_s: u64,
    /// How often windows of a day and more, and the whole period, are asked: they cost the server more.
    pub every_long_s: u64,
}

section! {
    /// A Prometheus (or what speaks its API), for error budgets. The address is the one a browser shows it at, without
    /// /api/v1.
    [[prometheus]] RawPrometheus => PrometheusConfig {
        name: Name = Required("prom-1");
        url: Address = Required("http://127.0.0.1:9090");
        /// As for Alertmanager:
        basic_auth: Option<BasicAuth> =
            Optional(BasicAuth { user: "warroom".into(), password_file: "prom-1.password".into() });
        bearer_file: Option<SecretFile> = Alternative("prom-1.token");
        ca_file: Option<FilePath> = Optional("ca.pem");
        client_cert as _: Text = Alternative("warroom.pem");
        client_key as _: Text = Alternative("warroom.key");
        headers as http.headers: HeaderTable = Optional(inline("X-Scope-OrgID = \"team-a\""));
        proxy as http.proxy: ProxyConfig = Optional("http://proxy.example:3128");
        every as every_s: Seconds<1, 3_600> = Default("15s");
        /// Windows of a day and more cost the server more, so they are asked less often.
        every_long as every_long_s: Seconds = Default("1m");
    }
}

impl SectionRules for RawPrometheus {
    fn resolve(table: &RawTable<Self>, it: &mut PrometheusConfig, _: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let raw = &table.it;
        http::one_credential(&raw.basic_auth, &raw.bearer_file, make);
        it.http.client_cert = http::client_cert(&raw.url, &raw.client_cert, &raw.client_key, make);
        if let Some(url) = raw.url.as_ref().filter(|url| url.get_ref().trim_end_matches('/').ends_with("/api/v1")) {
            make.report.at(url.span(), "leave out `/api/v1`: give the address that a browser would show Prometheus at");
        }
        let default = 60.max(it.every_s);
        let written = raw.every_long.as_ref().and_then(|text| make.seconds(text, "every_long", it.every_s..=3_600));
        it.every_long_s = written.unwrap_or(default);
    }

    fn show_more(it: &PrometheusConfig, table: &mut toml::Table) {
        http::show_client_cert(&it.http, table);
    }
}
