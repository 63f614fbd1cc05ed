//! `[[probe]]`: what users see.

use std::path::PathBuf;

use super::http::{self, HeaderTable, inline};
use super::{HttpConfig, ProxyConfig, RawFile};
use crate::config::kinds::*;
use crate::config::section::*;
use crate::config::units::{is_header, status_range, status_text};

/// An HTTP check of a service's own URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeConfig {
    /// The probe's name on the board, which `[[service]] probes` may refer to; no two probes share one.
    pub name: String,
    /// The name of the `[[service]]` whose users it stands for.
    pub service: String,
    /// The address that is asked, with its path.
    pub url: String,
    /// Seconds between two requests, 1 to 3600.
    pub every_s: u64,
    /// Seconds until a request without an answer has failed: at most `every_s`, by default 3.
    pub timeout_s: u64,
    /// Good status codes.
    pub good: (u16, u16),
    /// Response header that names the site that answered.
    pub site_header: Option<String>,
    /// Samples in the window that shares are computed over.
    pub window: usize,
    /// PEM, in place of the system's certificate authorities; `None` = those.
    pub ca_file: Option<PathBuf>,
    /// Proxy, headers and client certificate.
    pub http: HttpConfig,
}

section! {
    /// What users see: the service's own address, asked from here.
    [[probe]] RawProbe => ProbeConfig {
        name: Name = Required("shop");
        service: Text = Required("shop");
        url: Address<true> = Required("https://shop.example/healthz");
        every as every_s: Seconds<1, 3_600> = Default("5s");
        /// Not longer than `every`.
        timeout as timeout_s: Seconds = Default("3s");
        /// Status codes that count as good.
        good: StatusCodes = Default("200-399");
        /// The response header that says which site answered.
        site_header: Option<HeaderName> = Optional("x-served-by");
        /// How many answers the shares ("100 % from dr") are counted over.
        window: Number<usize, 1, 100> = Default(6);
        ca_file: Option<FilePath> = Optional("ca.pem");
        /// As for Alertmanager:
        client_cert as _: Text = Optional("warroom.pem");
        client_key as _: Text = Optional("warroom.key");
        headers as http.headers: HeaderTable = Optional(inline("X-Scope-OrgID = \"team-a\""));
        proxy as http.proxy: ProxyConfig = Optional("http://proxy.example:3128");
    }
}

impl SectionRules for RawProbe {
    fn resolve(table: &RawTable<Self>, it: &mut ProbeConfig, file: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let raw = &table.it;
        // A probe that is still waiting when the next one is due would make two samples of one moment.
        let default = 3.min(it.every_s);
        let written = raw.timeout.as_ref().and_then(|text| make.seconds(text, "timeout", 1..=it.every_s));
        it.timeout_s = written.unwrap_or(default);
        it.http.client_cert = http::client_cert(&raw.url, &raw.client_cert, &raw.client_key, make);
        belongs_to_its_service(raw, file, make);
    }

    fn show_more(it: &ProbeConfig, table: &mut toml::Table) {
        http::show_client_cert(&it.http, table);
    }
}

fn belongs_to_its_service(raw: &RawProbe, file: &RawFile, make: &mut ResolveContext<'_, '_>) {
    let Some(service) = &raw.service else { return };
    let name = service.get_ref().as_str();
    make.refers(service.span(), "service", name, "[[service]]", &names(&file.objectives, |s| &s.name));
    for other in &file.objectives {
        let claims = each(&other.it.probes).find(|p| Some(p.get_ref().as_str()) == said(&raw.name));
        if let Some(claim) = claims
            && said(&other.it.name) != Some(name)
        {
            let what = format!("`{}` is a probe of service `{name}`, not of this one", claim.get_ref());
            make.report.at(claim.span(), what);
        }
    }
}

/// The status codes that count as good.
pub(crate) enum StatusCodes {}

impl Kind for StatusCodes {
    type Raw = String;
    type Value = (u16, u16);

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<(u16, u16)> {
        let range = status_range(raw.get_ref());
        range.map_err(|why| make.report.at(raw.span(), format!("`{}`: {why}", setting.key))).ok()
    }

    fn show(value: &(u16, u16)) -> Option<toml::Value> {
        Some(status_text(*value).into())
    }
}

/// The name of a header, in small letters.
pub(crate) enum HeaderName {}

impl Kind for HeaderName {
    type Raw = String;
    type Value = String;

    fn check(raw: &Spanned<String>, _: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<String> {
        if !is_header(raw.get_ref()) {
            make.report.at(raw.span(), format!("`{}` is not the name of an HTTP header", raw.get_ref()));
        }
        Some(raw.get_ref().to_ascii_lowercase())
    }
}
