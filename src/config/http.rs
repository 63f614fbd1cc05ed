//! What the HTTP sources have in common: how they prove who we are, the headers that they want, and the way to them.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use reqwest::Url;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use toml::Spanned;

use super::raw::{RawAlertmanager, RawBasicAuth, RawHeader, RawHeaderFile, RawHeaders, Section, Text};
use super::resolve::ResolveContext;
use super::rules::said;
use super::units::is_header;
use super::{AlertmanagerConfig, BasicAuth};

const ALERTMANAGER_EVERY: u64 = 5;
/// Instead of a proxy's address: none, whatever the environment says.
pub(super) const NO_PROXY: &str = "none";
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
    pub proxy: ProxyConfig,
    /// Sent with every request.
    pub headers: Vec<HeaderConfig>,
    /// Shown to a server that asks for one.
    pub client_cert: Option<ClientCertConfig>,
}

/// The proxy to a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderConfig {
    pub name: String,
    pub value: HeaderValueConfig,
}

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValueConfig {
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

/// The lines of a section that make an [`HttpConfig`].
pub(super) struct WrittenHttp<'a> {
    pub url: &'a Text,
    pub proxy: &'a Text,
    pub headers: &'a RawHeaders,
    pub client_cert: &'a Text,
    pub client_key: &'a Text,
}

impl ResolveContext<'_, '_> {
    pub(super) fn alertmanager(&mut self, section: &Section<RawAlertmanager>) -> AlertmanagerConfig {
        let (it, title) = (&section.it, "[[alertmanager]]");
        let http = WrittenHttp {
            url: &it.url,
            proxy: &it.proxy,
            headers: &it.headers,
            client_cert: &it.client_cert,
            client_key: &it.client_key,
        };
        AlertmanagerConfig {
            name: self.need(&it.name, "name", title, &section.at),
            url: self.need(&it.url, "url", title, &section.at).trim_end_matches('/').to_owned(),
            basic_auth: self.basic_auth(&it.basic_auth, &it.bearer_file),
            bearer_file: self.may_secret(&it.bearer_file, "bearer_file"),
            ca_file: self.may_path(&it.ca_file, "ca_file"),
            http: self.http(&http),
            every_s: self.time(&it.every, "every", ALERTMANAGER_EVERY, (1, 3_600)),
        }
    }

    /// User and password, unless a token is to be sent.
    pub(super) fn basic_auth(&mut self, basic: &Option<Spanned<RawBasicAuth>>, bearer: &Text) -> Option<BasicAuth> {
        let basic = basic.as_ref()?;
        if bearer.is_some() {
            self.report.at(basic.span(), "`basic_auth` and `bearer_file` are both set: which one shall be sent?");
        }
        let (at, it) = (basic.span(), basic.get_ref());
        let password_file = self.need(&it.password_file, "password_file", "basic_auth", &at);
        Some(BasicAuth {
            user: self.need(&it.user, "user", "basic_auth", &at),
            password_file: self.secret(Some(&password_file)).unwrap_or_default(),
        })
    }

    pub(super) fn http(&mut self, written: &WrittenHttp<'_>) -> HttpConfig {
        HttpConfig {
            proxy: self.proxy(written.proxy),
            headers: self.headers(written.headers),
            client_cert: self.client_cert(written),
        }
    }

    /// `proxy`: an address, or `none`.
    pub(super) fn proxy(&mut self, text: &Text) -> ProxyConfig {
        let Some(text) = text else { return ProxyConfig::Environment };
        if text.get_ref() == NO_PROXY {
            return ProxyConfig::Direct;
        }
        if let Err(why) = proxy_address(text.get_ref()) {
            self.report.at(text.span(), format!("`proxy`: {why}"));
        }
        ProxyConfig::Address(text.get_ref().clone())
    }

    fn headers(&mut self, raw: &RawHeaders) -> Vec<HeaderConfig> {
        let mut out: Vec<HeaderConfig> = Vec::new();
        for (name, header) in raw.iter().flatten() {
            let at = header.span();
            if let Err(why) = header_name(name) {
                self.report.at(at.clone(), why);
            } else if out.iter().any(|it| it.name.eq_ignore_ascii_case(name)) {
                self.report.at(at.clone(), format!("`{name}` is in `headers` twice"));
            }
            let value = match header.get_ref() {
                RawHeader::Text(text) => HeaderValueConfig::Text(self.header_value(name, text, at)),
                RawHeader::File(it) => {
                    let file = self.need(&it.file, "file", &format!("`{name}`"), &at);
                    HeaderValueConfig::File(self.secret(Some(&file)).unwrap_or_default())
                }
            };
            out.push(HeaderConfig { name: name.clone(), value });
        }
        out
    }

    fn header_value(&mut self, name: &str, text: &str, at: Range<usize>) -> String {
        let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b)) && text.trim() == text;
        if text.is_empty() {
            self.report.at(at, format!("`{name}` is empty: leave it out instead"));
        } else if !plain || text.len() > LONGEST_VALUE {
            self.report.at(
                at,
                format!("`{name}`: a header's value is one line of plain characters, without blanks around it"),
            );
        }
        text.to_owned()
    }

    fn client_cert(&mut self, written: &WrittenHttp<'_>) -> Option<ClientCertConfig> {
        let key = self.may_secret(written.client_key, "client_key");
        let Some(text) = written.client_cert else {
            if let Some(key) = written.client_key {
                self.report.at(key.span(), "`client_key` is set, but `client_cert` is not: the key of what?");
            }
            return None;
        };
        if said(written.url).is_some_and(|url| url.starts_with("http://")) {
            self.report.at(text.span(), "`client_cert` is set, but over plain http nobody asks for it: use https");
        }
        Some(ClientCertConfig { cert: self.may_secret(written.client_cert, "client_cert")?, key })
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

impl<'de> Deserialize<'de> for RawHeader {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OfHeader)
    }
}

struct OfHeader;

impl<'de> Visitor<'de> for OfHeader {
    type Value = RawHeader;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header's value, or { file = \"…\" } that holds it")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(RawHeader::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        RawHeaderFile::deserialize(MapAccessDeserializer::new(map)).map(RawHeader::File)
    }
}
