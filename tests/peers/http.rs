//! The tests' own way to ask a server: small, and apart from the program's clients, so that it can't share their mistakes.

use std::sync::LazyLock;
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::Value;
use tokio::runtime::Runtime;

const PATIENCE: Duration = Duration::from_secs(30);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).enable_all().build().expect("a runtime")
});

/// Trusts any certificate: the server is one the test itself started, and sometimes with an expired one.
static CLIENT: LazyLock<Client> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().no_proxy().danger_accept_invalid_certs(true).pool_max_idle_per_host(0);
    builder.build().expect("a client")
});

/// A request.
#[derive(Clone, Debug)]
pub struct Ask {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
    patience: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Answer {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Ask {
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        let (method, url) = (method.to_owned(), url.into());
        Self { method, url, headers: Vec::new(), body: None, patience: PATIENCE }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        if token.is_empty() { self } else { self.header("authorization", format!("Bearer {token}")) }
    }

    #[must_use]
    pub fn json(mut self, body: &Value) -> Self {
        self.body = Some(body.to_string().into_bytes());
        self.header("content-type", "application/json")
    }

    #[must_use]
    pub fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", kind)
    }

    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Asks, from any thread.
    ///
    /// # Errors
    /// When no answer came.
    pub fn send(self) -> Result<Answer, String> {
        let (answer, answered) = std::sync::mpsc::sync_channel(1);
        RUNTIME.spawn(async move {
            let _ = answer.send(self.ask().await);
        });
        answered.recv().unwrap_or_else(|_| Err("the tests' runtime ended".to_owned()))
    }

    async fn ask(self) -> Result<Answer, String> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|error| error.to_string())?;
        let mut request = CLIENT.request(method, &self.url).timeout(self.patience);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let said = |error: reqwest::Error| format!("{}: {error:?}", self.url);
        let response = request.send().await.map_err(said)?;
        let status = response.status().as_u16();
        let pair = |(name, value): (&reqwest::header::HeaderName, &reqwest::header::HeaderValue)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let headers = response.headers().iter().map(pair).collect();
        let text = response.text().await.map_err(said)?;
        Ok(Answer { status, headers, text })
    }
}

/// Whether a GET is answered with 200 now.
pub fn answers(url: &str) -> bool {
    Ask::new("GET", url).patience(Duration::from_secs(3)).send().is_ok_and(|answer| answer.status == 200)
}
