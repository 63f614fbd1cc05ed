//! A watch: what there is, what happens since, bookmarks, and 410 when that is forgotten; one JSON object a line.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures::stream;
use serde_json::json;

use super::context::SimContext;
use super::kube::{self, ListPage};
use super::kube_http::{ResourcePath, expired, selector};
use super::kube_store::{ObjectStore, Res};
use super::kubectl_table;
use super::selectors::Selector;
use crate::drill::scenario::Site;

/// A watch ends after so long when the client names no time.
const WATCH_S: u64 = 1800;
/// Bookmarks come about so often, on the world's clock.
const BOOKMARK: Duration = Duration::from_secs(60);

/// Where a watch is.
struct WatchStream {
    shared: SimContext,
    site: Site,
    target: ResourcePath,
    selector: Selector,
    as_table: bool,
    bookmarks: bool,
    /// Everything up to here was sent.
    rv: u64,
    /// To be sent before anything else.
    first: Option<String>,
    ticks: tokio::sync::watch::Receiver<u64>,
    ends: tokio::time::Instant,
    over: bool,
}

/// Answers a watch.
pub(super) fn watch(
    shared: &SimContext,
    site: Site,
    target: ResourcePath,
    query: &BTreeMap<String, String>,
    as_table: bool,
) -> Response {
    let selector = match selector(query) {
        Ok(selector) => selector,
        Err(answer) => return shared.json(answer),
    };
    let flag = |key: &str| query.get(key).is_some_and(|v| v == "true" || v == "1");
    let limit: u64 = query.get("timeoutSeconds").and_then(|t| t.parse().ok()).filter(|s| *s > 0).unwrap_or(WATCH_S);
    let ticks = shared.ticks();
    let asked: Option<u64> = query.get("resourceVersion").and_then(|v| v.parse().ok()).filter(|v| *v > 0);
    let initial = flag("sendInitialEvents");
    let mut watch = WatchStream {
        shared: shared.clone(),
        site,
        target,
        selector,
        as_table,
        bookmarks: flag("allowWatchBookmarks"),
        rv: asked.unwrap_or(0),
        first: None,
        ticks,
        ends: tokio::time::Instant::now() + Duration::from_secs(limit.min(3600)),
        over: false,
    };
    if initial || asked.is_none() {
        watch.begin(initial);
    }
    let body = Body::from_stream(stream::unfold(watch, |mut watch| async move {
        let chunk = watch.next().await?;
        Some((Ok::<_, Infallible>(chunk), watch))
    }));
    shared.respond(200, "application/json", body)
}

impl WatchStream {
    /// Everything there is now, as ADDED, and a bookmark that says so if the client asked for it.
    fn begin(&mut self, mark: bool) {
        let shared = self.shared.clone();
        shared.with(|state| {
            let store = &state.cluster(self.site).store;
            let mut out = String::new();
            for (key, object) in &store.shelf(self.target.res).objects {
                if self.here(&key.0) && self.selector.matches(&object.json) {
                    self.line(&mut out, "ADDED", &object.json, object.rv, state.now);
                }
            }
            self.rv = store.rv;
            if mark {
                out.push_str(&self.bookmark(true));
            }
            self.first = (!out.is_empty()).then_some(out);
        });
    }

    fn here(&self, namespace: &str) -> bool {
        self.target.namespace.as_deref().is_none_or(|want| want == namespace)
    }

    fn line(
        &self,
        out: &mut String,
        kind: &str,
        json: &std::sync::Arc<str>,
        rv: u64,
        now: chrono::DateTime<chrono::Utc>,
    ) {
        let object = if self.as_table {
            let page = ListPage { items: vec![json.clone()], rv, go_on: None, remaining: 0 };
            kubectl_table::table(self.target.res, &page, now).to_string()
        } else {
            kube::whole_text(self.target.res, json)
        };
        out.push_str(&format!("{{\"type\":\"{kind}\",\"object\":{object}}}\n"));
    }

    fn bookmark(&self, initial_end: bool) -> String {
        let spec = self.target.res.spec();
        let mut meta = json!({"resourceVersion": self.rv.to_string()});
        if initial_end {
            meta["annotations"] = json!({"k8s.io/initial-events-end": "true"});
        }
        let mut object = json!({"kind": spec.kind, "apiVersion": spec.api_version(), "metadata": meta});
        if self.target.res == Res::Events {
            object["involvedObject"] = json!({});
            object["source"] = json!({});
        }
        format!("{}\n", json!({"type": "BOOKMARK", "object": object}))
    }

    /// What happened since, as one chunk.
    fn collect(&mut self) -> Option<String> {
        let shared = self.shared.clone();
        let (out, rv, over) = shared.with(|state| {
            let store = &state.cluster(self.site).store;
            let shelf: &ObjectStore = store.shelf(self.target.res);
            let Some(changes) = shelf.since(self.rv) else {
                let why = format!("too old resource version: {} ({})", self.rv, shelf.floor);
                let (_, status) = expired(&why);
                return (format!("{}\n", json!({"type": "ERROR", "object": status})), self.rv, true);
            };
            let mut out = String::new();
            for change in changes.filter(|c| self.here(&c.namespace)) {
                // An object that begins or ceases to match is added or deleted, as far as this watch can tell.
                let now = self.selector.matches(&change.json);
                let before = change.before.as_ref().is_some_and(|b| self.selector.matches(b));
                let kind = match (change.kind, before, now) {
                    ("MODIFIED", true, false) => "DELETED",
                    ("MODIFIED", false, true) => "ADDED",
                    (_, _, false) => continue,
                    (kind, ..) => kind,
                };
                self.line(&mut out, kind, &change.json, change.rv, state.now);
            }
            (out, store.rv, false)
        });
        self.rv = rv;
        self.over |= over;
        (!out.is_empty()).then_some(out)
    }

    async fn next(&mut self) -> Option<String> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            if self.over {
                return None;
            }
            self.ticks.borrow_and_update();
            if let Some(chunk) = self.collect() {
                return Some(chunk);
            }
            let shared = self.shared.clone();
            tokio::select! {
                changed = self.ticks.changed() => if changed.is_err() { return None },
                () = tokio::time::sleep_until(self.ends) => return None,
                () = shared.clock().sleep(BOOKMARK), if self.bookmarks => return Some(self.bookmark(false)),
            }
        }
    }
}
