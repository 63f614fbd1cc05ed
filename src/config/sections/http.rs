//! What the HTTP sources have in common: how they prove who we are, the headers that they want, and the way to them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::one_or_many::{InsteadOfText, TextOr};
use crate::config::kinds::*;
use crate::config::parse::refuse_unknown_within;
use crate::config::section::*;
use crate::config::units::is_header;

/// Instead of a proxy's address: none, whatever the environment says.
const NO_PROXY: &str = "none";
/// The most bytes of a header's value.
const LONGEST_VALUE: usize = 4_096;
/// Headers that say who we are, with the setting for that.
const OF_CREDENTIALS: [&str; 2] = ["authorization", "proxy-authorization"];
/// Headers that belong to the connection and the body: one from the outside would break the request.
const OF_TRANSPORT: [&str; 14] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// How an HTTP server is reached, beyond its address and credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpConfig {
    /// From `proxy`; left out, the environment decides.
    pub proxy: ProxyConfig,
    /// Sent with every request.
    pub headers: Vec<HeaderConfig>,
    /// Shown to a server that asks for one.
    pub client_cert: Option<ClientCertConfig>,
}

/// The proxy to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub enum ProxyConfig {
    /// As `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say.
    #[default]
    Environment,
    /// None.
    Direct,
    /// This one.
    Address(String),
}

/// A header of our requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HeaderConfig {
    /// As it was written; names are compared without regard to case, and none is there twice.
    pub name: String,
    /// Its text, or the file that holds it.
    pub value: HeaderValueConfig,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum HeaderValueConfig {
    /// As it stands in the configuration: one line of printable ASCII, 1 to 4096 bytes.
    Text(String),
    /// What stands in a file: a secret.
    File(PathBuf),
}

/// A certificate that says who we are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertConfig {
    /// PEM: the certificate, and those up to its authority.
    pub cert: PathBuf,
    /// PEM: its private key; `None` if that stands in the same file.
    pub key: Option<PathBuf>,
}

/// User and the file that holds the password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BasicAuth {
    /// Sent as it was written; not a secret, so `config show` prints it.
    pub user: String,
    /// Resolved already: a bare name was looked for among systemd's credentials first.
    pub password_file: PathBuf,
}

/// `basic_auth = { user = "…", password_file = "…" }`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawBasicAuth {
    user: Option<Spanned<String>>,
    password_file: Option<Spanned<String>>,
}

impl Kind for BasicAuth {
    type Raw = RawBasicAuth;
    type Value = Self;

    fn refuse_unknown(value: &mut Spanned<DeValue<'_>>, key: &str, report: &mut Report<'_>) {
        refuse_unknown_within(value, &["user", "password_file"], key, report);
    }

    fn check(raw: &Spanned<RawBasicAuth>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<Self> {
        let (at, it) = (raw.span(), raw.get_ref());
        let password_file = make.need(&it.password_file, "password_file", setting.key, &at);
        let user = make.need(&it.user, "user", setting.key, &at);
        Some(BasicAuth { user, password_file: make.secret(&password_file) })
    }
}

/// User and password, or a token.
pub(super) fn one_credential(
    basic: &RawValue<BasicAuth>,
    bearer: &RawValue<SecretFile>,
    make: &mut ResolveContext<'_, '_>,
) {
    if let (Some(basic), Some(_)) = (basic, bearer) {
        make.report.at(basic.span(), "`basic_auth` and `bearer_file` are both set: which one shall be sent?");
    }
}

impl Kind for ProxyConfig {
    type Raw = String;
    type Value = Self;

    fn check(raw: &Spanned<String>, setting: &Setting, make: &mut ResolveContext<'_, '_>) -> Option<Self> {
        if raw.get_ref() == NO_PROXY {
            return Some(ProxyConfig::Direct);
        }
        if let Err(why) = proxy_address(raw.get_ref()) {
            make.report.at(raw.span(), format!("`{}`: {why}", setting.key));
        }
        Some(ProxyConfig::Address(raw.get_ref().clone()))
    }

    fn show(value: &Self) -> Option<toml::Value> {
        match value {
            ProxyConfig::Environment => None,
            ProxyConfig::Direct => Some(NO_PROXY.into()),
            ProxyConfig::Address(address) => Some(address.as_str().into()),
        }
    }
}

/// The certificate of ours and its key, that go together.
pub(super) fn client_cert(
    url: &Option<Spanned<String>>,
    cert: &RawValue<Text>,
    key: &RawValue<Text>,
    make: &mut ResolveContext<'_, '_>,
) -> Option<ClientCertConfig> {
    let mut file = |text: &RawValue<Text>, name: &str| {
        let text = text.as_ref()?;
        make.refuse_empty(text, name, LEAVE_OUT);
        Some(make.secret(text.get_ref()))
    };
    let (key_file, cert_file) = (file(key, "client_key"), file(cert, "client_cert"));
    if let (None, Some(key)) = (cert, key) {
        make.report.at(key.span(), "`client_key` is set, but `client_cert` is not: the key of what?");
    }
    if let (Some(cert), true) = (cert, said(url).is_some_and(|url| url.starts_with("http://"))) {
        make.report.at(cert.span(), "`client_cert` is set, but over plain http nobody asks for it: use https");
    }
    Some(ClientCertConfig { cert: cert_file?, key: key_file })
}

pub(super) fn show_client_cert(http: &HttpConfig, table: &mut toml::Table) {
    let Some(ClientCertConfig { cert, key }) = &http.client_cert else { return };
    for (name, file) in [("client_cert", Some(cert)), ("client_key", key.as_ref())] {
        if let Some(file) = file {
            put(table, name, file.to_string_lossy().as_ref());
        }
    }
}

/// A header whose value is a secret: `{ file = "…" }`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawHeaderFile {
    file: Option<Spanned<String>>,
}

impl InsteadOfText for RawHeaderFile {
    const EXPECTED: &'static str = "a header's value, or { file = \"…\" } that holds it";
}

/// The headers of requests, by name.
pub(crate) enum HeaderTable {}

impl Kind for HeaderTable {
    type Raw = BTreeMap<String, Spanned<TextOr<RawHeaderFile>>>;
    type Value = Vec<HeaderConfig>;

    fn refuse_unknown(value: &mut Spanned<DeValue<'_>>, _: &str, report: &mut Report<'_>) {
        // Its keys are the names of headers; each may be a table.
        let DeValue::Table(headers) = value.get_mut() else { return };
        for (name, header) in headers.iter_mut() {
            refuse_unknown_within(header, &["file"], name.get_ref(), report);
        }
    }

    fn check(
        raw: &Spanned<Self::Raw>,
        setting: &Setting,
        make: &mut ResolveContext<'_, '_>,
    ) -> Option<Vec<HeaderConfig>> {
        let mut out: Vec<HeaderConfig> = Vec::new();
        for (name, header) in raw.get_ref() {
            let at = header.span();
            if let Err(why) = header_name(name) {
                make.report.at(at.clone(), why);
            } else if out.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
                make.report.at(at.clone(), format!("`{name}` is in `{}` twice", setting.key));
            }
            let value = match header.get_ref() {
                TextOr::Text(text) => {
                    header_value(name, text, at, make.report);
                    HeaderValueConfig::Text(text.clone())
                }
                TextOr::Table(it) => {
                    let file = make.need(&it.file, "file", &format!("`{name}`"), &at);
                    HeaderValueConfig::File(make.secret(&file))
                }
            };
            out.push(HeaderConfig { name: name.clone(), value });
        }
        Some(out)
    }

    fn show(value: &Vec<HeaderConfig>) -> Option<toml::Value> {
        let shown = value.iter().map(|header| {
            let value = match &header.value {
                HeaderValueConfig::Text(text) => text.as_str().into(),
                HeaderValueConfig::File(path) => BTreeMap::from([("file", FilePath::show(path)?)]).into(),
            };
            Some((header.name.clone(), value))
        });
        Some(toml::Value::Table(shown.flatten().collect())).filter(|_| !value.is_empty())
    }
}

fn header_value(name: &str, text: &str, at: Range<usize>, report: &mut Report<'_>) {
    let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text.trim() == text;
    if text.is_empty() {
        report.at(at, format!("`{name}` is empty: leave it out instead"));
    } else if !plain || text.len() > LONGEST_VALUE {
        let what = format!("`{name}`: a header's value is one line of plain characters, without blanks around it");
        report.at(at, what);
    }
}

fn header_name(name: &str) -> Result<(), String> {
    if !is_header(name) {
        return Err(format!("`{name}` is not the name of an HTTP header"));
    }
    let lower = name.to_ascii_lowercase();
    if OF_CREDENTIALS.contains(&lower.as_str()) {
        return Err(format!(
            "`{name}` can't be set here: name the file with the secret in `bearer_file` or `basic_auth`"
        ));
    }
    if OF_TRANSPORT.contains(&lower.as_str()) {
        return Err(format!("`{name}` can't be set: it belongs to the connection"));
    }
    Ok(())
}

/// Judges a proxy's address. The error never repeats a user or password.
fn proxy_address(text: &str) -> Result<(), String> {
    let like = "write it like \"http://proxy.example:3128\", or \"none\" for no proxy";
    let url = Url::parse(text).map_err(|_| format!("this is not an address: {like}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it must not hold a user or password: set HTTPS_PROXY in the environment instead".to_owned());
    }
    if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") || url.host_str().is_none_or(str::is_empty) {
        return Err(format!("this is not the address of an http, https or socks5 proxy: {like}"));
    }
    Ok(())
}

/// Headers to show.
pub(super) fn inline(table: &str) -> toml::Table {
    table.parse().unwrap_or_default()
}
