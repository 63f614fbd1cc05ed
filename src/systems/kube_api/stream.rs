//! One watch on the wire: opening it, its lines, and what a line says.

use std::borrow::Cow;

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
use super::list_mapping::{Mapped, Mapping};
use super::partial_object::PartialObject;
use super::requests::{self, Collection, MAX_BODY};
use crate::clock::busy;
use crate::model::{Trouble, TroubleKind};

/// What a line of a watch says.
#[derive(Debug, PartialEq)]
pub enum WatchLine {
    /// An object is there as it is now, or is gone; `mapped` is what it means.
    Object {
        /// What the event's `type` says.
        change: ObjectChange,
        /// Key and fact; `None` if the object can't be read or can't be told from others.
        mapped: Mapped,
        /// The object's `resourceVersion`, to watch on from; empty if it can't be read.
        version: String,
    },
    /// Everything up to this version was told.
    Bookmark {
        /// The `resourceVersion` to watch on from; empty if it is not said.
        version: String,
        /// With it a list ends that came as the beginning of a watch.
        ends_list: bool,
    },
    /// Our version is too old.
    Expired,
    /// A Status that says what went wrong.
    Error(Value),
    /// JSON, but no event of a watch, or of a type that is not known here.
    Unknown,
}

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// `ADDED`: new, or part of the list that a watch begins with.
    Added,
    /// `MODIFIED`: it was there before, and this is how it is now.
    Modified,
    /// `DELETED`: the object is as it last was.
    Deleted,
}

impl ObjectChange {
    fn of(kind: &str) -> Option<Self> {
        match kind {
            "ADDED" => Some(Self::Added),
            "MODIFIED" => Some(Self::Modified),
            "DELETED" => Some(Self::Deleted),
            _ => None,
        }
    }
}

/// Reads a line and maps the object in it; `None` if it is not JSON at all.
pub fn read_line<M: Mapping>(line: &[u8], mapping: &mut M) -> Option<WatchLine> {
    #[derive(Deserialize)]
    struct Whole<'a, T> {
        #[serde(rename = "type", borrow)]
        kind: Cow<'a, str>,
        object: T,
    }
    let text = requests::readable(line);
    // In one pass: what nearly all lines are.
    if let Ok(Whole { kind, object }) = serde_json::from_str::<Whole<'_, M::Object<'_>>>(&text)
        && let Some(change) = ObjectChange::of(&kind)
    {
        return Some(WatchLine::Object { change, mapped: mapping.map(&object), version: object.version().to_owned() });
    }
    read_odd_line(&text)
}

/// A line that holds no object of its resource, or one that can't be read.
fn read_odd_line(text: &str) -> Option<WatchLine> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(rename = "type", default)]
        kind: Value,
        #[serde(borrow, default)]
        object: Option<&'a RawValue>,
    }
    let raw: Raw<'_> = match serde_json::from_str(text) {
        Ok(raw) => raw,
        Err(error) if error.is_data() => return Some(WatchLine::Unknown),
        Err(_) => return None,
    };
    let kind = raw.kind.as_str().unwrap_or("");
    if let Some(change) = ObjectChange::of(kind) {
        return Some(WatchLine::Object { change, mapped: None, version: String::new() });
    }
    let object = raw.object.map_or(Value::Null, requests::value_of);
    Some(match kind {
        "BOOKMARK" => WatchLine::Bookmark {
            version: object.version().to_owned(),
            ends_list: json_access::tag(&object, "annotations", "k8s.io/initial-events-end") == Some("true"),
        },
        "ERROR" if is_expired(&object) => WatchLine::Expired,
        "ERROR" => WatchLine::Error(object),
        _ => WatchLine::Unknown,
    })
}

/// Whether an error inside a stream says that our version is too old.
fn is_expired(status: &Value) -> bool {
    json_access::count(status, "/code") == 410
        || matches!(json_access::at(status, "/reason").as_str(), Some("Expired" | "Gone"))
}

/// Why a watch did not open.
pub enum Unopened {
    /// 410: the version is too old.
    Expired,
    /// The server does not let us, or does not know how.
    Refused,
    /// Any other failure, with the pause that the server asks for; `None` = it asked for none.
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
    /// The connection was cut in the middle.
    Lost,
    /// A line is longer than [`MAX_BODY`]: the rest can't be read.
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

    fn mapped(object: &Value) -> Mapped {
        Some((json_access::string(object, "/a"), None)).filter(|_| !object.is_null())
    }

    #[test]
    fn a_line_that_holds_an_unreadable_object_is_still_an_event() {
        let read = |line: &str| read_line(line.as_bytes(), &mut mapped);
        let object =
            |change, mapped, version: &str| Some(WatchLine::Object { change, mapped, version: version.to_owned() });
        assert_eq!(
            read(r#"{"type":"ADDED","object":{"a":1,"metadata":{"resourceVersion":"7"}}}"#),
            object(ObjectChange::Added, Some(("1".to_owned(), None)), "7")
        );
        let deep = format!(r#"{{"type":"MODIFIED","object":{}1{}}}"#, "[".repeat(400), "]".repeat(400));
        assert_eq!(read(&deep), object(ObjectChange::Modified, None, ""));
        assert_eq!(read(r#"{"type":"SNAPSHOT","object":{}}"#), Some(WatchLine::Unknown));
        assert_eq!(read(r#"{"kind":"Status"}"#), Some(WatchLine::Unknown));
        assert_eq!(read("[]"), Some(WatchLine::Unknown));
        assert_eq!(read("{\"type\":\"ADD"), None);
        let end = r#"{"object":{"metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}},"type":"BOOKMARK"}"#;
        assert_eq!(read(end), Some(WatchLine::Bookmark { version: "9".to_owned(), ends_list: true }));
    }

    #[test]
    fn both_reasons_of_a_version_too_old_are_known() {
        for status in [r#"{"code":410}"#, r#"{"reason":"Expired"}"#, r#"{"reason":"Gone","code":410}"#] {
            assert!(is_expired(&serde_json::from_str(status).expect("JSON")), "{status}");
        }
        assert!(!is_expired(&serde_json::json!({"code": 500, "reason": "InternalError"})));
    }
}
