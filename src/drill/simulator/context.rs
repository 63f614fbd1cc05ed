//! What the HTTP handlers share: the state behind a lock, the clock, and a tick when something changed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Query;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::watch;

use super::state::{WorldState, WriteRecord, WriteRequest, WriteResponse};
use crate::clock::{Clock, Turn};

/// Watches are told at most so often: at ×250 the world changes far faster than anyone looks.
const TICK: Duration = Duration::from_millis(25);
/// Largest body taken.
pub(super) const BODY: usize = 1024 * 1024;

/// Shared by every handler.
#[derive(Clone)]
pub(super) struct SimContext(Arc<SimInner>);

struct SimInner {
    state: Mutex<WorldState>,
    clock: Clock,
    ticks: watch::Sender<u64>,
    requests: AtomicU64,
}

impl SimContext {
    /// Around a state.
    pub(super) fn new(state: WorldState, clock: Clock) -> Self {
        let ticks = watch::channel(0).0;
        Self(Arc::new(SimInner { state: Mutex::new(state), clock, ticks, requests: AtomicU64::new(0) }))
    }

    /// The world's clock.
    pub(super) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The world, brought to now.
    pub(super) fn with<T>(&self, f: impl FnOnce(&mut WorldState) -> T) -> T {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.advance(self.0.clock.now());
        f(&mut state)
    }

    /// Takes a write.
    pub(super) fn ask(&self, ask: WriteRequest) -> WriteResponse {
        let now = self.0.clock.now();
        let answer = self.with(|state| state.apply(now, ask));
        self.0.ticks.send_modify(|n| *n += 1);
        answer
    }

    /// Remembers that a write was received.
    pub(super) fn note(&self, service: &str, method: &str, path: &str, body: &[u8], status: u16) {
        let at = self.0.clock.now();
        let body =
            serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()));
        let write = WriteRecord {
            at,
            service: service.to_owned(),
            method: method.to_owned(),
            path: path.to_owned(),
            body,
            status,
        };
        self.with(|state| state.note(write));
    }

    /// Told when objects may have changed.
    pub(super) fn ticks(&self) -> watch::Receiver<u64> {
        self.0.ticks.subscribe()
    }

    /// The number of this request to the service.
    pub(super) fn request_number(&self) -> u64 {
        self.0.requests.fetch_add(1, Ordering::Relaxed)
    }

    /// Brings the world forward whenever something is due, and tells the watches.
    pub(super) async fn run(self) {
        loop {
            let next = self.with(|state| state.next_due());
            match next {
                Some(at) => self.0.clock.sleep_until_turn(at, Turn::World).await,
                None => std::future::pending().await,
            }
            self.0.clock.pause(TICK, Turn::World).await;
            self.with(|_| ());
            self.0.ticks.send_modify(|n| *n += 1);
        }
    }

    /// The `Date` header by the world's clock: clients reckon skew and ages from it.
    fn date(&self) -> HeaderValue {
        let text = self.0.clock.now().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""))
    }

    /// A response of some type.
    pub(super) fn respond(&self, status: u16, kind: &'static str, body: impl Into<Body>) -> Response {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(header::DATE, self.date());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
        response
    }

    /// A JSON response.
    pub(super) fn json(&self, (status, body): WriteResponse) -> Response {
        self.respond(status, "application/json", body.to_string())
    }
}

/// Query parameters; a repeated one keeps its last value.
pub(super) fn query(uri: &Uri) -> BTreeMap<String, String> {
    Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map(|Query(pairs)| pairs.into_iter().collect())
        .unwrap_or_default()
}

/// The bearer token of a request.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// The body of a request, `None` if it is too large or cut.
pub(super) async fn body_of(body: Body) -> Option<Bytes> {
    axum::body::to_bytes(body, BODY).await.ok()
}
