//! One transport policy for plain HTTP APIs: how we connect, how long we wait, how much we read, what an error may say.
//!
//! Redirects are not followed, a connection gets three seconds, an answer ten, a body eight MiB, JSON 64 levels. These
//! limits run in real time: a drill's faster clock makes no socket faster. Credentials are read from their file for each
//! request, so a replaced file works at once, and are cut out of everything that a server sends back.

mod connect;
mod error_text;
mod form;
mod json;
mod secret;
mod stream;

#[cfg(test)]
pub mod test_server;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_connect;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use reqwest::{Client, Request, Response, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::egress_policy::EgressPolicy;
use super::proxy::{Environment, Way};
use super::request_meter::{Meter, held_back, now_used_for};
use crate::clock::busy;
use crate::config::HttpConfig;
use crate::model::{Trouble, TroubleKind};

pub use connect::notes;
pub use error_text::{first_sentence, trouble};
use form::Payload;
pub use json::parse;
use secret::Secrets;
pub use secret::{Auth, Secret};
pub use stream::StreamedList;

const CONNECT: Duration = Duration::from_secs(3);
const TOTAL: Duration = Duration::from_secs(10);
const MAX_BODY: usize = 8 * 1024 * 1024;

/// Installs the process's one TLS provider. Call it first; calling it again does nothing.
pub fn install_crypto() {
    // An error means that one is installed already, which is what we want.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// What one API needs beyond the common policy.
#[derive(Clone, Debug)]
pub struct Options {
    /// Read from its file for each request.
    pub auth: Auth,
    /// Trust exactly these certificates instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Headers, certificate of ours, proxy: what the configuration says of them.
    pub http: HttpConfig,
    /// What the environment says of proxies.
    pub proxies: Environment,
    /// The whole exchange, at most ten seconds.
    pub total: Duration,
    /// Bytes; a longer answer is refused, unless `cut_body` says otherwise.
    pub max_body: usize,
    /// Stop reading at `max_body` instead of refusing the answer: for those who want the status alone.
    pub cut_body: bool,
    /// Where a name may lead.
    pub reach: EgressPolicy,
    /// How long an unused connection is kept.
    pub idle: Duration,
    /// Counts every request, and says which have to wait.
    pub meter: Option<Arc<Meter>>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            auth: Auth::None,
            ca_file: None,
            http: HttpConfig::default(),
            proxies: Environment::default(),
            total: TOTAL,
            max_body: MAX_BODY,
            cut_body: false,
            reach: EgressPolicy::default(),
            idle: Duration::from_secs(60),
            meter: None,
        }
    }
}

/// A failed exchange: there is no answer to read.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpFault {
    /// Names the host; a credential is cut out of it.
    pub trouble: Trouble,
    /// False when provably no byte of the request reached the server.
    pub sent: bool,
    /// The connection broke, as a kept one does when the server restarts; nothing else may be concluded.
    broken: bool,
}

impl HttpFault {
    fn unsent(trouble: Trouble) -> Self {
        Self { trouble, sent: false, broken: false }
    }
}

impl From<HttpFault> for Trouble {
    fn from(fault: HttpFault) -> Self {
        fault.trouble
    }
}

/// What a server answered, whatever its status. Credentials are already cut out of the body.
#[derive(Clone, Debug)]
pub struct HttpResponse {
    /// The HTTP status, of whatever class: redirects come here too.
    pub status: u16,
    /// As they came; a credential in them is not cut out.
    pub headers: HeaderMap,
    /// At most `Options::max_body` bytes.
    pub body: Vec<u8>,
    host: String,
    credential: String,
}

impl HttpResponse {
    /// The answer itself if it is a success, else its trouble.
    pub fn success(self) -> Result<Self, Trouble> {
        if (200..300).contains(&self.status) { Ok(self) } else { Err(self.trouble()) }
    }

    /// What this status means for a source, in one line and a remedy.
    pub fn trouble(&self) -> Trouble {
        error_text::of_status(self.status, &self.headers, &self.body, &self.host, &self.credential)
    }

    /// The body as JSON of a type.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        parse(&self.body).map_err(|why| unexpected(&self.host, why.as_str()))
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// `Retry-After` in seconds; a date is taken relative to the server's own `Date`.
    pub fn retry_after_s(&self) -> Option<u64> {
        let raw = self.header("retry-after")?.trim();
        if let Ok(seconds) = raw.parse() {
            return Some(seconds);
        }
        let until = chrono::DateTime::parse_from_rfc2822(raw).ok()?;
        let now = chrono::DateTime::parse_from_rfc2822(self.header("date")?).ok()?;
        u64::try_from((until - now).num_seconds()).ok()
    }
}

/// One API: base address, credential, and the connections kept to it.
pub struct Api {
    base: Result<Url, Trouble>,
    way: Way,
    options: Options,
    client: Mutex<Option<Client>>,
}

impl Api {
    /// An API at `url`. Never fails: what is wrong with it is the trouble of every request.
    pub fn new(url: &str, options: Options) -> Self {
        install_crypto();
        let found = base(url).and_then(|url| connect::way(&options, &url).map(|way| (url, way)));
        let (base, way) = match found {
            Ok((url, way)) => (Ok(url), way),
            Err(trouble) => (Err(trouble), Way::Direct(None)),
        };
        Self { base, way, options, client: Mutex::new(None) }
    }

    /// Host and port, for messages.
    pub fn host(&self) -> String {
        self.base.as_ref().map(label).unwrap_or_default()
    }

    /// Who answers, and through which proxy, for troubles.
    fn called(&self, url: &Url) -> String {
        error_text::answering(&label(url), &self.way)
    }

    /// GET and read JSON; anything but a 2xx is trouble.
    pub async fn get<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Trouble> {
        self.send(Method::GET, path, None).await?.success()?.json()
    }

    /// One exchange. A GET on a connection that the server had closed is tried again on a new one, and a 401 is tried again
    /// if the credential's file has changed meanwhile: in both cases nothing can have happened twice.
    pub async fn send(&self, method: Method, path: &[&str], body: Option<&Value>) -> Result<HttpResponse, HttpFault> {
        let again = method == Method::GET;
        self.deliver(method, path, body.map_or(Payload::None, Payload::Json), again).await
    }

    /// `again`: the request only reads, so it may be sent twice.
    async fn deliver(
        &self,
        method: Method,
        path: &[&str],
        body: Payload<'_>,
        again: bool,
    ) -> Result<HttpResponse, HttpFault> {
        let _busy = busy();
        let url = self.url(path).map_err(HttpFault::unsent)?;
        let secrets = self.options.secrets().await.map_err(HttpFault::unsent)?;
        let mut result = self.exchange(&method, &url, body, &secrets).await;
        if again && matches!(&result, Err(fault) if fault.broken) {
            result = self.exchange(&method, &url, body, &secrets).await;
        }
        if matches!(&result, Ok(answer) if answer.status == 401) {
            let newer = self.options.secrets().await.map_err(HttpFault::unsent)?;
            if newer != secrets {
                result = self.exchange(&method, &url, body, &newer).await;
            }
        }
        result
    }

    fn url(&self, path: &[&str]) -> Result<Url, Trouble> {
        let mut url = self.base.clone()?;
        if let Ok(mut segments) = url.path_segments_mut()
            && !path.is_empty()
        {
            segments.pop_if_empty().extend(path);
        }
        Ok(url)
    }

    async fn exchange(
        &self,
        method: &Method,
        url: &Url,
        body: Payload<'_>,
        secrets: &Secrets,
    ) -> Result<HttpResponse, HttpFault> {
        let (response, needles) = self.begin(method, url, body, secrets, self.options.total.min(TOTAL)).await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let bytes = read_body(response, self.options.max_body, self.options.cut_body).await;
        let bytes = bytes.map_err(|fail| self.of_body(fail, url))?;
        let credential = self.options.auth.describe();
        Ok(HttpResponse { status, headers, body: redact(bytes, &needles), host: self.called(url), credential })
    }

    /// Sends a request whose whole exchange may last so long; gives the answer before its body, and what to cut out of it.
    async fn begin(
        &self,
        method: &Method,
        url: &Url,
        body: Payload<'_>,
        secrets: &Secrets,
        limit: Duration,
    ) -> Result<(Response, Vec<Secret>), HttpFault> {
        let client = self.client(url).await.map_err(HttpFault::unsent)?;
        let mut request = client.request(method.clone(), url.clone()).timeout(limit);
        request = self.options.apply(request, secrets);
        request = body.put(request);
        let request =
            request.build().map_err(|err| HttpFault::unsent(self.of_error(err.without_url(), url).trouble))?;
        let needles = needles(&request, secrets);
        if let Some(meter) = &self.options.meter {
            meter.take(now_used_for()).map_err(|wait| HttpFault::unsent(held_back(wait)))?;
        }
        match client.execute(request).await {
            Ok(response) => Ok((response, needles)),
            Err(err) => Err(self.failed(err, url)),
        }
    }

    fn of_body(&self, fail: BodyFail, url: &Url) -> HttpFault {
        match fail {
            BodyFail::Broken(err) => self.failed(err, url),
            BodyFail::TooLarge => self.too_large(url),
        }
    }

    fn failed(&self, err: reqwest::Error, url: &Url) -> HttpFault {
        if err.is_connect() && (self.options.ca_file.is_some() || self.options.http.client_cert.is_some()) {
            // The certificates may have been replaced: the next request reads it again.
            *self.client.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
        self.of_error(err.without_url(), url)
    }

    fn of_error(&self, err: reqwest::Error, url: &Url) -> HttpFault {
        let (sent, broken) = (!err.is_connect(), !err.is_connect() && !err.is_timeout());
        HttpFault {
            trouble: error_text::of_error(&err, &label(url), &self.way, self.options.total.min(TOTAL)),
            sent,
            broken,
        }
    }

    fn too_large(&self, url: &Url) -> HttpFault {
        let what = format!("{} answered more than {} KiB", self.called(url), self.options.max_body / 1024);
        let trouble = trouble(
            TroubleKind::Garbage,
            what,
            "An answer of this length is not read: check that the url is the API itself, or ask it for less.",
        );
        HttpFault { trouble, sent: true, broken: false }
    }

    async fn client(&self, url: &Url) -> Result<Client, Trouble> {
        let kept = self.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(client) = kept {
            return Ok(client);
        }
        let client = connect::build(&self.options, &self.way, url).await?;
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = Some(client.clone());
        Ok(client)
    }
}

/// Why a body did not come.
enum BodyFail {
    Broken(reqwest::Error),
    TooLarge,
}

/// Reads a body of at most so many bytes; `cut`: a longer one ends there, else it is refused.
async fn read_body(mut response: Response, most: usize, cut: bool) -> Result<Vec<u8>, BodyFail> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(BodyFail::Broken)? {
        if bytes.len() + chunk.len() > most {
            if cut {
                break;
            }
            return Err(BodyFail::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// The trouble of an answer that is not what the API would say.
fn unexpected(host: &str, why: &str) -> Trouble {
    let what = format!("{host} answered something unexpected: {why}");
    trouble(TroubleKind::Garbage, what, "Check that the url is the API itself and its version is supported.")
}

fn base(url: &str) -> Result<Url, Trouble> {
    let refuse = |what: &str| {
        trouble(TroubleKind::Credential, format!("this source's url {what}"), "Correct the url in the configuration.")
    };
    let parsed = Url::parse(url).map_err(|err| refuse(&format!("does not parse: {err}")))?;
    if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
        return Err(refuse("is not an http or https address"));
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(refuse("carries a user or password; name a credential file instead"));
    }
    Ok(parsed)
}

fn label(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// What must not come back to us in an answer: the secrets, and the header made from one.
fn needles(request: &Request, secrets: &Secrets) -> Vec<Secret> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let header = header.and_then(|value| value.split_once(' ')).map(|(_, value)| value.to_owned());
    let secrets = secrets.all().map(|secret| secret.expose().to_owned());
    // Shorter ones would cut innocent text to pieces, and guard nothing.
    header.into_iter().chain(secrets).filter(|it| it.len() >= 6).map(Secret::new).collect()
}

fn redact(body: Vec<u8>, needles: &[Secret]) -> Vec<u8> {
    let text = String::from_utf8_lossy(&body);
    if !needles.iter().any(|needle| text.contains(needle.expose())) {
        return body;
    }
    let clean = needles.iter().fold(text.into_owned(), |text, needle| text.replace(needle.expose(), "[redacted]"));
    clean.into_bytes()
}
