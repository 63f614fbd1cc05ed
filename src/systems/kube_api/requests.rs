//! One request, one answer, in a limited time and of a limited size; and lists, page by page.

use std::time::Duration;

use axum::http::{HeaderMap, Method, Request, header};
use chrono::{DateTime, Utc};
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::client::ClusterLink;
use super::error_text::{never_left, plain, trouble_of, trouble_of_answer};
use super::json_access;
use crate::clock::busy;
use crate::model::{Stamp, Trouble, TroubleKind};

/// The most bytes of one answer, and of one line of a watch.
pub const MAX_BODY: usize = 8 * 1024 * 1024;
/// The longest pause that a server can ask for: nobody is to wait in the dark.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The most pages in a row without an object in them: a list has to go on.
const MAX_EMPTY_PAGES: u32 = 100;

/// An answer, whatever its status.
#[derive(Clone, Debug)]
pub struct KubeResponse {
    /// The HTTP status, of whatever class: only a missing answer is a [`NoAnswer`].
    pub status: u16,
    /// The server's clock.
    pub date: Option<Stamp>,
    /// How long the server asks to be left alone.
    pub retry_after: Option<Duration>,
    /// At most [`MAX_BODY`] bytes.
    pub body: Vec<u8>,
}

impl KubeResponse {
    /// The body as JSON if the status is a success; else what is wrong.
    pub fn json(&self) -> Result<Value, Trouble> {
        if !(200..300).contains(&self.status) {
            return Err(trouble_of_answer(self.status, &self.body));
        }
        serde_json::from_slice(&self.body).map_err(|_| not_json())
    }
}

fn not_json() -> Trouble {
    plain(TroubleKind::Garbage, "an answer that is not the JSON that was asked for")
}

/// No answer, and whether the request can have reached the server.
#[derive(Clone, Debug)]
pub struct NoAnswer {
    /// In the source's own words, for its row.
    pub trouble: Trouble,
    /// True if provably nothing left this host.
    pub never_left: bool,
}

/// Sends one request and reads the whole answer.
pub async fn send(
    client: &Client,
    method: Method,
    path: &str,
    content: Option<(&str, Vec<u8>)>,
    limit: Duration,
) -> Result<KubeResponse, NoAnswer> {
    let _busy = busy();
    let mut request = Request::builder().method(method).uri(path).header(header::ACCEPT, "application/json");
    let mut bytes = Vec::new();
    if let Some((kind, content)) = content {
        request = request.header(header::CONTENT_TYPE, kind);
        bytes = content;
    }
    let request = request.body(Body::from(bytes)).map_err(|_| NoAnswer {
        trouble: plain(TroubleKind::Garbage, "a request that can't be written as HTTP"),
        never_left: true,
    })?;
    let work = async {
        let response = client
            .send(request)
            .await
            .map_err(|error| NoAnswer { trouble: trouble_of(&error), never_left: never_left(&error) })?;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(axum::body::Body::new(body), MAX_BODY).await.map_err(|error| NoAnswer {
            trouble: if error.to_string().contains("length limit") {
                plain(TroubleKind::Garbage, TOO_LARGE)
            } else {
                super::error_text::of_chain(&error)
            },
            never_left: false,
        })?;
        let date = head.headers.get(header::DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
        let retry_after = retry_after(&head.headers, date);
        Ok(KubeResponse { status: head.status.as_u16(), date, retry_after, body: body.to_vec() })
    };
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(NoAnswer { trouble: silent(limit), never_left: false }),
    }
}

const TOO_LARGE: &str = "an answer of more than 8 MiB";

/// Nothing came in time.
pub fn silent(limit: Duration) -> Trouble {
    plain(TroubleKind::Silent, format!("no answer within {} s", limit.as_secs_f64().ceil()))
}

/// `Retry-After` in seconds, or as a date by the server's own clock; never longer than a minute.
pub fn retry_after(headers: &HeaderMap, date: Option<Stamp>) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let seconds = text.parse().ok().or_else(|| u64::try_from((http_date(text)? - date?).num_seconds()).ok())?;
    Some(Duration::from_secs(seconds).min(LONGEST_PAUSE))
}

fn http_date(text: &str) -> Option<Stamp> {
    DateTime::parse_from_rfc2822(text).ok().map(|time| time.with_timezone(&Utc))
}

/// A GET.
pub async fn get(client: &Client, path: &str, limit: Duration) -> Result<KubeResponse, Trouble> {
    send(client, Method::GET, path, None, limit).await.map_err(|none| none.trouble)
}

/// A GET of one object: `None` if the server knows the resource and has no object of that name.
pub async fn object(client: &Client, path: &str, limit: Duration) -> Result<Option<Value>, Trouble> {
    let answer = get(client, path, limit).await?;
    if answer.status == 404 && names_an_object(&answer.body) {
        return Ok(None);
    }
    answer.json().map(Some)
}

/// A 404 for an object is a Status that names it; a 404 for a resource that is not installed is a plain page.
pub fn names_an_object(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|status| {
        status.get("reason").and_then(Value::as_str) == Some("NotFound")
            && status.pointer("/details/name").and_then(Value::as_str).is_some_and(|name| !name.is_empty())
    })
}

/// A collection of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    group: &'static str,
    plural: &'static str,
    /// `None` = the whole cluster.
    namespace: Option<String>,
}

impl Collection {
    /// `group` with its version, `v1` for the core; `namespace` `None` or `*` for the whole cluster.
    pub fn new(group: &'static str, plural: &'static str, namespace: Option<&str>) -> Self {
        let namespace = namespace.filter(|namespace| *namespace != "*").map(str::to_owned);
        Self { group, plural, namespace }
    }

    /// The one namespace that it is of, if it is not the whole cluster.
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// Its path.
    pub fn path(&self) -> String {
        let root = if self.group.contains('/') { "apis" } else { "api" };
        match &self.namespace {
            Some(namespace) => format!("/{root}/{}/namespaces/{}/{}", self.group, encoded(namespace), self.plural),
            None => format!("/{root}/{}/{}", self.group, self.plural),
        }
    }

    /// The path of one object in it.
    pub fn object(&self, name: &str) -> String {
        format!("{}/{}", self.path(), encoded(name))
    }

    /// What RBAC calls it: `backups.velero.io`.
    pub fn resource(&self) -> String {
        match self.group.split_once('/') {
            Some((group, _)) => format!("{}.{group}", self.plural),
            None => self.plural.to_owned(),
        }
    }
}

/// Percent-encodes everything that is not unreserved.
pub fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// Why a list could not be read.
#[derive(Clone, Debug, PartialEq)]
pub enum ListFault {
    /// 410: the continuation is too old; begin again.
    Expired,
    /// Any other failure; objects that were handed over before it are no whole list.
    Trouble(Trouble),
}

/// Lists a whole collection and hands each object to `each`; answers the version to watch from.
///
/// Objects are handed over as they come and not kept: of a large list only one page is in memory. A page that is too
/// large is asked for again in smaller pieces. An object that can't be read is handed over as null: it costs itself alone.
pub async fn list(
    client: &Client,
    collection: &Collection,
    limit: Duration,
    each: impl FnMut(&Value),
) -> Result<String, ListFault> {
    let mut each = each;
    match pages(client, collection, limit, AfterExpiry::Fail, |item| each(&value_of(item))).await {
        Ok(listed) => Ok(listed.version),
        Err(PageFault::Expired) => Err(ListFault::Expired),
        Err(PageFault::Trouble(trouble, _)) => Err(ListFault::Trouble(trouble)),
    }
}

/// [`list`] for those who look once: a list that changed meanwhile is a trouble, not an answer. After a 401 the credential
/// is read anew at the next call.
pub async fn listed(link: &ClusterLink, collection: &Collection, each: impl FnMut(&Value)) -> Result<(), Trouble> {
    let client = link.client().await?;
    match list(&client, collection, link.limits().list, each).await {
        Ok(_) => Ok(()),
        Err(ListFault::Expired) => {
            let what = format!("the list of {} changed while it was read", collection.resource());
            Err(plain(TroubleKind::Partial, what))
        }
        Err(ListFault::Trouble(trouble)) => {
            if trouble.kind == TroubleKind::Unauthorized {
                link.forget().await;
            }
            Err(trouble)
        }
    }
}

/// What came of a list that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadList {
    /// Where to watch from; empty if that can't be said.
    pub version: String,
    /// Its pages are not of one state of the server: what changed while it was read may be missing.
    pub gaps: bool,
}

/// [`ListFault`], with how long the server asks to be left alone.
#[derive(Clone, Debug, PartialEq)]
pub enum PageFault {
    /// 410: the continuation is too old; begin again.
    Expired,
    /// Any other failure; `None` = the server asked for no pause.
    Trouble(Trouble, Option<Duration>),
}

/// What to do when the state that a list began with was forgotten by the server before the list was read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterExpiry {
    /// Answers [`PageFault::Expired`]: the caller begins again, and nothing is missing in what it reads then.
    Fail,
    /// Read on from where it was, in the state of now, if the server says how: so every try comes further.
    GoOn,
}

/// [`list`] for those who wait as they are told and read the objects themselves. However many pages there are, they are
/// read, as long as each brings the list further.
pub async fn pages(
    client: &Client,
    collection: &Collection,
    limit: Duration,
    after_expiry: AfterExpiry,
    mut each: impl FnMut(&RawValue),
) -> Result<ReadList, PageFault> {
    let of_trouble = |trouble| PageFault::Trouble(trouble, None);
    let (mut size, mut empty, mut gaps) = (500_u32, 0_u32, false);
    let mut token = String::new();
    loop {
        let mut path = format!("{}?limit={size}", collection.path());
        if !token.is_empty() {
            path.push_str(&format!("&continue={}", encoded(&token)));
        }
        let answer = match get(client, &path, limit).await {
            Ok(answer) => answer,
            Err(trouble) if trouble.what == TOO_LARGE && size > 1 => {
                size = (size / 5).max(1);
                continue;
            }
            Err(trouble) => return Err(of_trouble(trouble)),
        };
        let body = readable(&answer.body);
        let next = match answer.status {
            410 => {
                gaps = true;
                let next = serde_json::from_str::<Value>(&body).ok().map(|status| continuation(&status["metadata"]));
                next.filter(|next| after_expiry == AfterExpiry::GoOn && !next.is_empty()).ok_or(PageFault::Expired)?
            }
            200..300 => {
                let page = page(&body).map_err(of_trouble)?;
                empty = if page.items.is_empty() { empty + 1 } else { 0 };
                page.items.into_iter().for_each(&mut each);
                let next = continuation(&page.metadata);
                if next.is_empty() {
                    let version = json_access::string(&page.metadata, "/resourceVersion");
                    return Ok(ReadList { version, gaps });
                }
                next
            }
            status => {
                let trouble = about(trouble_of_answer(status, &answer.body), collection);
                return Err(PageFault::Trouble(trouble, answer.retry_after));
            }
        };
        if next == token || empty > MAX_EMPTY_PAGES {
            let what = format!("a list of {} that does not come to an end", collection.resource());
            return Err(of_trouble(plain(TroubleKind::Garbage, what)));
        }
        token = next;
    }
}

/// Where a list goes on; empty at its end.
fn continuation(metadata: &Value) -> String {
    json_access::at(metadata, "/continue").as_str().unwrap_or("").to_owned()
}

/// Bytes that are not UTF-8 cost the characters that they are in.
pub fn readable(body: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(body)
}

/// One object, or null if it can't be read: nested too deep, say, as anyone may write into a free-form status.
pub fn value_of(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or(Value::Null)
}

struct RawPage<'a> {
    metadata: Value,
    items: Vec<&'a RawValue>,
}

/// A page whose objects are not looked at yet.
fn page(body: &str) -> Result<RawPage<'_>, Trouble> {
    #[derive(Deserialize)]
    struct Raw<'a> {
        #[serde(default)]
        metadata: Value,
        #[serde(borrow, default, deserialize_with = "present")]
        items: Option<&'a RawValue>,
    }
    fn present<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Option<&'de RawValue>, D::Error> {
        <&RawValue>::deserialize(d).map(Some)
    }
    let not_a_list = || plain(TroubleKind::Garbage, "an answer that is not a list");
    let raw: Raw<'_> =
        serde_json::from_str(body).map_err(|error| if error.is_data() { not_a_list() } else { not_json() })?;
    let items = raw.items.ok_or_else(not_a_list)?;
    // Go writes an empty list as null.
    let items: Option<Vec<&RawValue>> = serde_json::from_str(items.get()).map_err(|_| not_a_list())?;
    Ok(RawPage { metadata: raw.metadata, items: items.unwrap_or_default() })
}

/// Whether a list shows an older state of the store than one before it.
pub fn went_back(newest: &mut Option<u64>, answer: &KubeResponse) -> bool {
    let version = |list: Value| json_access::string(&list, "/metadata/resourceVersion").parse::<u64>().ok();
    let Some(version) = answer.json().ok().and_then(version) else { return false };
    newest.replace(version).is_some_and(|before| version < before)
}

/// Adds the collection's name to what RBAC and discovery errors tell to do.
pub fn about(mut trouble: Trouble, collection: &Collection) -> Trouble {
    match trouble.kind {
        TroubleKind::Forbidden => {
            let remedy = format!("grant get, list and watch on {} to this credential", collection.resource());
            trouble.remedy = remedy.into();
        }
        TroubleKind::NotInstalled => {
            trouble.what = format!("{} is not installed in this cluster", collection.resource()).into();
        }
        _ => {}
    }
    trouble
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_collections_and_objects() {
        assert_eq!(Collection::new("v1", "events", None).path(), "/api/v1/events");
        let backups = Collection::new("velero.io/v1", "backups", Some("velero"));
        assert_eq!(backups.object("a"), "/apis/velero.io/v1/namespaces/velero/backups/a");
        assert_eq!(backups.object("../x?y"), "/apis/velero.io/v1/namespaces/velero/backups/..%2Fx%3Fy");
        assert_eq!(
            Collection::new("argoproj.io/v1alpha1", "applications", Some("*")).path(),
            "/apis/argoproj.io/v1alpha1/applications"
        );
        assert_eq!(backups.resource(), "backups.velero.io");
    }

    #[test]
    fn a_missing_object_and_a_missing_api_are_told_apart() {
        assert!(!names_an_object(b"404 page not found\n"));
        assert!(names_an_object(br#"{"kind":"Status","reason":"NotFound","details":{"name":"x"},"code":404}"#));
    }

    #[test]
    fn the_date_header_is_read() {
        assert_eq!(
            http_date("Sun, 22 Nov 2026 20:49:31 GMT").map(|it| it.to_rfc3339()).as_deref(),
            Some("2026-11-22T20:49:31+00:00")
        );
        assert_eq!(http_date("now"), None);
        let server = http_date("Sun, 22 Nov 2026 20:49:31 GMT");
        let asked = |text: &'static str| {
            let headers = [(header::RETRY_AFTER, axum::http::HeaderValue::from_static(text))].into_iter().collect();
            retry_after(&headers, server).map(|it| it.as_secs())
        };
        assert_eq!(asked("3"), Some(3));
        assert_eq!(asked("Sun, 22 Nov 2026 20:49:40 GMT"), Some(9));
        assert_eq!((asked("86400"), asked("soon"), asked("-1")), (Some(60), None, None));
    }

    #[test]
    fn an_object_that_cannot_be_read_costs_itself() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let body = format!(
            r#"{{"metadata":{{"resourceVersion":"7"}},"items":[{{"a":1}},{{"deep":{deep}}},{{"s":"\ud800"}},{{"b":2}}]}}"#
        );
        let page = page(&body).expect("a page");
        let values: Vec<Value> = page.items.into_iter().map(value_of).collect();
        assert_eq!(values, [serde_json::json!({"a": 1}), Value::Null, Value::Null, serde_json::json!({"b": 2})]);
        assert!(super::page(r#"{"items":null}"#).is_ok_and(|page| page.items.is_empty()));
        for bad in [r#"{"kind":"Status"}"#, "[]", r#"{"items":7}"#, "<html>", r#"{"items":[{"a":1}"#] {
            assert_eq!(super::page(bad).err().map(|it| it.kind), Some(TroubleKind::Garbage), "{bad}");
        }
        assert!(super::page(&readable(b"{\"items\":[{\"a\":\"\xff\"}]}")).is_ok_and(|page| page.items.len() == 1));
    }
}
