//! A scripted local server for tests: real sockets, every request recorded, every kind of misbehaviour on request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, Request, Response, Uri};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::clock::Clock;
use crate::model::{Observation, SourceChange, Trouble};
use crate::systems::Ctx;

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub struct SeenRequest {
    pub method: Method,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Value,
    /// The body as it came.
    pub text: String,
}

impl SeenRequest {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What it answers.
#[derive(Clone, Debug)]
pub enum ScriptedReply {
    Json(u16, Value),
    Text(u16, String),
    With(u16, Vec<(&'static str, String)>, String),
    /// Takes the request and never answers.
    Silent,
    /// Answers half a body, then breaks the connection.
    Cut,
}

/// The server; it stops with the test's runtime.
pub struct TestServer {
    pub url: String,
    seen: Arc<Mutex<Vec<SeenRequest>>>,
}

impl TestServer {
    pub async fn start(script: impl Fn(&SeenRequest) -> ScriptedReply + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let seen: Arc<Mutex<Vec<SeenRequest>>> = Arc::default();
        let (kept, script) = (seen.clone(), Arc::new(script));
        let app = axum::Router::new().fallback(move |request: Request<Body>| {
            let (kept, script) = (kept.clone(), script.clone());
            async move {
                let (parts, body) = request.into_parts();
                let bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                let path = Uri::path(&parts.uri).to_owned();
                let query = parts.uri.query().unwrap_or_default().to_owned();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let seen = SeenRequest { method: parts.method, path, query, headers: parts.headers, body, text };
                kept.lock().expect("the record").push(seen.clone());
                answer(script(&seen)).await
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, seen }
    }

    /// Every request so far.
    pub fn seen(&self) -> Vec<SeenRequest> {
        self.seen.lock().expect("the record").clone()
    }

    /// A value of the form that a request carried.
    pub fn form(seen: &SeenRequest, name: &str) -> String {
        Self::value(&seen.text, name)
    }

    /// A parameter in the address of a request.
    pub fn param(seen: &SeenRequest, name: &str) -> String {
        Self::value(&seen.query, name)
    }

    fn value(pairs: &str, name: &str) -> String {
        let mut url: reqwest::Url = "http://form/".parse().expect("an address");
        url.set_query(Some(pairs));
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned()).unwrap_or_default()
    }

    /// How many requests of a method so far.
    pub fn count(&self, method: &Method) -> usize {
        self.seen().iter().filter(|seen| seen.method == *method).count()
    }
}

async fn answer(reply: ScriptedReply) -> Response<Body> {
    let build = |status: u16, headers: Vec<(&'static str, String)>, body: Body| {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        response.body(body).expect("a response")
    };
    let json = || vec![("content-type", "application/json".to_owned())];
    match reply {
        ScriptedReply::Json(status, value) => build(status, json(), Body::from(value.to_string())),
        ScriptedReply::Text(status, text) => {
            build(status, vec![("content-type", "text/html".to_owned())], Body::from(text))
        }
        ScriptedReply::With(status, headers, text) => build(status, headers, Body::from(text)),
        ScriptedReply::Silent => std::future::pending().await,
        ScriptedReply::Cut => {
            let parts: [Result<Bytes, std::io::Error>; 2] =
                [Ok(Bytes::from_static(b"{\"success\": tr")), Err(std::io::Error::other("cut"))];
            build(200, json(), Body::from_stream(futures::stream::iter(parts)))
        }
    }
}

/// A proxy that takes every name for one server, and remembers what it was asked.
pub struct Proxy {
    pub url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// `to`: host and port of the server; without one every request is refused.
    pub async fn start(to: Option<String>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = asked.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(carry(client, to.clone(), kept.clone()));
            }
        });
        Self { url, asked }
    }

    /// The head of each request so far.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("the record").clone()
    }
}

async fn carry(mut client: tokio::net::TcpStream, to: Option<String>, asked: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match client.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let tunnel = text.starts_with("CONNECT ");
    asked.lock().expect("the record").push(text);
    let Some(to) = to else {
        let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
        return;
    };
    let mut server = tokio::net::TcpStream::connect(to).await.expect("the server");
    match tunnel {
        true => client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.expect("answered"),
        false => server.write_all(&head).await.expect("handed on"),
    }
    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
}

/// What a source reports into: a real channel and a clock that runs sixty times as fast, as in a drill.
pub struct SourceBench {
    pub ctx: Ctx,
    out: mpsc::Receiver<Observation>,
}

impl SourceBench {
    /// A room whose clock runs sixty times as fast.
    pub fn fast() -> Self {
        Self::with(Clock::scaled("2026-03-02T14:37:00Z".parse().expect("a time"), 60.0))
    }

    /// A room whose clock moves only when told.
    pub fn manual() -> Self {
        Self::with(Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time")))
    }

    fn with(clock: Clock) -> Self {
        let (send, out) = mpsc::channel(256);
        Self {
            ctx: Ctx {
                clock,
                out: send,
                reach: Default::default(),
                proxies: Default::default(),
                meters: Default::default(),
                stop: tokio_util::sync::CancellationToken::new(),
            },
            out,
        }
    }

    /// The next observation.
    pub async fn next(&mut self) -> Observation {
        let next = tokio::time::timeout(Duration::from_secs(20), self.out.recv()).await;
        next.expect("an observation in time").expect("the sender lives")
    }

    /// Everything reported so far.
    pub fn drain(&mut self) -> Vec<SourceChange> {
        std::iter::from_fn(|| self.out.try_recv().ok()).map(|it| it.change).collect()
    }

    /// The next change for which `pick` gives something.
    pub async fn wait<T>(&mut self, pick: impl Fn(&SourceChange) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(&self.next().await.change) {
                return found;
            }
        }
    }

    /// The next trouble.
    pub async fn trouble(&mut self) -> Trouble {
        self.wait(|change| match change {
            SourceChange::Trouble(trouble) => Some(trouble.clone()),
            _ => None,
        })
        .await
    }
}

/// A temporary file with a text.
pub fn file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), text).expect("written");
    file
}
