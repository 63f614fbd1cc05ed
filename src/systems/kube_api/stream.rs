//! One watch on the wire: opening it, its lines, and what a line says.

use axum::body::BodyDataStream;
use axum::http::{Request, header};
use futures::StreamExt;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::time::Duration;

use super::client::Limits;
use super::error_text::{of_chain, plain, trouble_of, trouble_of_answer};
use super::json_access;
use super::requests::{self, Collection, MAX_BODY};
use crate::clock::busy;
use crate::model::{Trouble, TroubleKind};

/// What a line of a watch says.
pub struct WatchEvent {
    pub kind: WatchEventKind,
    /// Null if it can't be read.
    pub object: Value,
}

/// The kind of a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchEventKind {
    Added,
    Modified,
    Deleted,
    Bookmark,
    Error,
    Unknown,
}

/// Reads a line; `None` if it is not JSON at all.
pub fn event(line: &[u8]) -> Option<WatchEvent> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(rename = "type", default)]
        kind: Value,
        #[serde(borrow, default)]
        object: Option<&'a RawValue>,
    }
    let text = requests::readable(line);
    let raw: Raw<'_> = match serde_json::from_str(&text) {
        Ok(raw) => raw,
        Err(error) if error.is_data() => {
            return Some(WatchEvent { kind: WatchEventKind::Unknown, object: Value::Null });
        }
        Err(_) => return None,
    };
    let kind = match raw.kind.as_str() {
        Some("ADDED") => WatchEventKind::Added,
        Some("MODIFIED") => WatchEventKind::Modified,
        Some("DELETED") => WatchEventKind::Deleted,
        Some("BOOKMARK") => WatchEventKind::Bookmark,
        Some("ERROR") => WatchEventKind::Error,
        _ => WatchEventKind::Unknown,
    };
    Some(WatchEvent { kind, object: raw.object.map_or(Value::Null, requests::value_of) })
}

/// Whether an error inside a stream says that our version is too old.
pub fn is_expired(status: &Value) -> bool {
    json_access::count(status, "/code") == 410
        || matches!(json_access::at(status, "/reason").as_str(), Some("Expired" | "Gone"))
}

/// Why a watch did not open.
pub enum Unopened {
    /// 410: the version is too old.
    Expired,
    /// The server does not let us, or does not know how.
    Refused,
    Broken(Trouble, Option<Duration>),
}

/// Opens a watch from a version; from none, with the whole collection as its beginning.
pub async fn open(
    client: &Client,
    collection: &Collection,
    version: Option<&str>,
    limits: Limits,
) -> Result<WatchLines, Unopened> {
    let _busy = busy();
    let from = match version {
        Some(version) => format!("resourceVersion={}", requests::encoded(version)),
        None => "sendInitialEvents=true&resourceVersionMatch=NotOlderThan".to_owned(),
    };
    let path = format!(
        "{}?watch=true&allowWatchBookmarks=true&{from}&timeoutSeconds={}",
        collection.path(),
        limits.watch.as_secs().max(1)
    );
    let broken = |trouble| Unopened::Broken(trouble, None);
    let request = Request::get(path)
        .header(header::ACCEPT, "application/json")
        // Each event would be compressed by itself.
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Body::empty())
        .map_err(|_| broken(plain(TroubleKind::Garbage, "a request that can't be written as HTTP")))?;
    let response = match tokio::time::timeout(limits.list, client.send(request)).await {
        Err(_) => return Err(broken(requests::silent(limits.list))),
        Ok(Err(error)) => return Err(broken(trouble_of(&error))),
        Ok(Ok(response)) => response,
    };
    match response.status().as_u16() {
        200 => Ok(WatchLines::new(response.into_body())),
        410 => Err(Unopened::Expired),
        code @ (401 | 408 | 429 | 500..) => {
            let asked = requests::retry_after(response.headers(), None);
            let body = axum::body::to_bytes(axum::body::Body::new(response.into_body()), MAX_BODY);
            let body = tokio::time::timeout(limits.list, body).await;
            let body = body.ok().and_then(Result::ok).unwrap_or_default();
            Err(Unopened::Broken(trouble_of_answer(code, &body), asked))
        }
        _ => Err(Unopened::Refused),
    }
}

/// Why no further line comes.
pub enum StreamCut {
    Lost,
    TooLong,
}

/// The lines of a watch, none longer than [`MAX_BODY`].
pub struct WatchLines {
    body: BodyDataStream,
    buffer: Vec<u8>,
    /// Where the next line begins, and how far was searched for its end.
    start: usize,
    searched: usize,
}

impl WatchLines {
    fn new(body: Body) -> Self {
        let body = axum::body::Body::new(body).into_data_stream();
        Self { body, buffer: Vec::new(), start: 0, searched: 0 }
    }

    /// The next line that is not empty; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, StreamCut> {
        loop {
            if let Some(found) = self.buffer[self.searched..].iter().position(|byte| *byte == b'\n') {
                let end = self.searched + found;
                let line = self.buffer[self.start..end].to_vec();
                self.start = end + 1;
                self.searched = self.start;
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                return Ok(Some(line));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            self.searched = self.buffer.len();
            if self.buffer.len() > MAX_BODY {
                return Err(StreamCut::TooLong);
            }
            match self.body.next().await {
                Some(Ok(chunk)) => self.buffer.extend_from_slice(&chunk),
                Some(Err(error)) => {
                    tracing::debug!(why = %of_chain(&error).what, "a watch was cut");
                    return Err(StreamCut::Lost);
                }
                None => return Ok(None),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_holds_an_unreadable_object_is_still_an_event() {
        let kind = |line: &str| event(line.as_bytes()).map(|it| (it.kind, it.object.is_null()));
        assert_eq!(kind(r#"{"type":"ADDED","object":{"a":1}}"#), Some((WatchEventKind::Added, false)));
        let deep = format!(r#"{{"type":"MODIFIED","object":{}1{}}}"#, "[".repeat(400), "]".repeat(400));
        assert_eq!(kind(&deep), Some((WatchEventKind::Modified, true)));
        assert_eq!(kind(r#"{"type":"SNAPSHOT","object":{}}"#), Some((WatchEventKind::Unknown, false)));
        assert_eq!(kind(r#"{"kind":"Status"}"#), Some((WatchEventKind::Unknown, true)));
        assert_eq!(kind("[]"), Some((WatchEventKind::Unknown, true)));
        assert_eq!(kind("{\"type\":\"ADD"), None);
    }

    #[test]
    fn both_reasons_of_a_version_too_old_are_known() {
        for status in [r#"{"code":410}"#, r#"{"reason":"Expired"}"#, r#"{"reason":"Gone","code":410}"#] {
            assert!(is_expired(&serde_json::from_str(status).expect("JSON")), "{status}");
        }
        assert!(!is_expired(&serde_json::json!({"code": 500, "reason": "InternalError"})));
    }
}
