//! A Kubernetes API server over HTTP: who asks, what for, and the watch streams.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use axum::response::Response;
use serde_json::{Value, json};

use super::context::{self, SimContext};
use super::kube::{self, ListAsk, ListPage};
use super::kube_store::Res;
use super::kube_watch::watch;
use super::kubectl_table;
use super::selectors::Selector;
use super::state::WriteRequest;
use crate::drill::scenario::Site;

/// Name of the user whose token the drill's kubeconfig has.
const USER: &str = "warroom";

/// The router of one API server.
pub(super) fn router(shared: SimContext, site: Site) -> Router {
    let handler = move |request: Request<Body>| {
        let shared = shared.clone();
        async move { handle(shared, site, request).await }
    };
    Router::new().fallback(handler)
}

/// What a path names.
pub(super) struct ResourcePath {
    pub res: Res,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

fn target(path: &[&str]) -> Option<ResourcePath> {
    let (group, version, rest) = match path {
        ["api", version, rest @ ..] => ("", *version, rest),
        ["apis", group, version, rest @ ..] => (*group, *version, rest),
        _ => return None,
    };
    let find = |plural: &str| {
        let found = |r: &&Res| r.spec().group == group && r.spec().version == version && r.spec().plural == plural;
        Res::ALL.iter().find(found).copied()
    };
    let (namespace, plural, name) = match rest {
        // `namespaces/NAME` is an object, `namespaces/NAME/pods` is a list inside it.
        ["namespaces", name] if group.is_empty() => (None, "namespaces", Some(*name)),
        ["namespaces", ns, plural] => (Some(*ns), *plural, None),
        ["namespaces", ns, plural, name] => (Some(*ns), *plural, Some(*name)),
        [plural] => (None, *plural, None),
        [plural, name] => (None, *plural, Some(*name)),
        _ => return None,
    };
    let res = find(plural)?;
    if res.spec().namespaced != (namespace.is_some() || name.is_none()) && !(namespace.is_none() && name.is_none()) {
        return None;
    }
    Some(ResourcePath { res, namespace: namespace.map(Into::into), name: name.map(Into::into) })
}

async fn handle(shared: SimContext, site: Site, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    let query = context::query(&parts.uri);
    let is_write = !matches!(parts.method, Method::GET | Method::HEAD);
    let bytes = context::body_of(body).await.unwrap_or_default();
    let response = match identity(&shared, site, &parts.headers, is_write, &segments) {
        Err(answer) => shared.json(answer),
        Ok(()) if segments.last() == Some(&"selfsubjectaccessreviews") && parts.method == Method::POST => {
            let known_user = context::bearer(&parts.headers).is_some();
            return shared.json(match serde_json::from_slice(&bytes) {
                Ok(asked) => kube::access_review(&asked, known_user),
                // Protobuf, most likely: saying so beats a wrong "no".
                Err(_) => {
                    kube::status(415, "UnsupportedMediaType", "this server reads application/json only", json!({}))
                }
            });
        }
        Ok(()) if is_write => write(&shared, site, &parts.method, &parts.headers, &segments, &query, &bytes),
        Ok(()) => read(&shared, site, &parts.headers, &segments, &query),
    };
    if is_write {
        shared.note(site.name(), parts.method.as_str(), &path, &bytes, response.status().as_u16());
    }
    response
}

/// Writes need the token. Reads do not: kubectl sends no credential over plain http, and the drill is to be readable by it.
fn identity(
    shared: &SimContext,
    site: Site,
    headers: &HeaderMap,
    is_write: bool,
    path: &[&str],
) -> Result<(), super::state::WriteResponse> {
    let good = shared.with(|state| state.cluster(site).token.clone());
    match context::bearer(headers) {
        Some(token) if token == good => Ok(()),
        Some(_) => Err(kube::status(401, "Unauthorized", "Unauthorized", json!({}))),
        None if !is_write || path.last() == Some(&"selfsubjectaccessreviews") => Ok(()),
        None => {
            let who = "system:anonymous";
            Err(match target(path) {
                Some(t) => kube::forbidden(who, "create", t.res, t.namespace.as_deref()),
                None => {
                    let why = format!("forbidden: User \"{who}\" cannot post path \"/{}\"", path.join("/"));
                    kube::status(403, "Forbidden", &why, json!({}))
                }
            })
        }
    }
}

fn nothing_here(shared: &SimContext) -> Response {
    shared.respond(404, "text/plain; charset=utf-8", "404 page not found\n")
}

fn read(
    shared: &SimContext,
    site: Site,
    headers: &HeaderMap,
    path: &[&str],
    query: &BTreeMap<String, String>,
) -> Response {
    let etcd_failed = || {
        shared.with(|s| {
            let since = s.scenario.after_impact(i64::from(s.scenario.etcd.after_impact_s));
            s.cluster(site).etcd_failed && s.now >= since
        })
    };
    match path {
        ["version"] => {
            let version = shared.with(|s| s.scenario.cluster(site).version.clone());
            return shared.json((200, kube::version(&version)));
        }
        [endpoint @ ("livez" | "readyz" | "healthz")] => {
            let exclude: Vec<&str> = query.get("exclude").map(String::as_str).into_iter().collect();
            let (status, text) = kube::health(endpoint, query.contains_key("verbose"), &exclude, etcd_failed());
            return shared.respond(status, "text/plain; charset=utf-8", text);
        }
        ["livez" | "readyz" | "healthz", ..] => {
            let why = format!("forbidden: User \"{USER}\" cannot get path \"/{}\"", path.join("/"));
            return shared.json(kube::status(403, "Forbidden", &why, json!({})));
        }
        _ => {}
    }
    if let Some(found) = kube::discovery(path) {
        return shared.json((200, found));
    }
    let Some(target) = target(path) else { return nothing_here(shared) };
    let as_table = headers.get(header::ACCEPT).and_then(|a| a.to_str().ok()).is_some_and(|a| a.contains("as=Table"));
    let flag = |key: &str| query.get(key).is_some_and(|v| v == "true" || v == "1");
    match &target.name {
        Some(name) => get(shared, site, &target, name, as_table),
        None if flag("watch") => watch(shared, site, target, query, as_table),
        None => list(shared, site, target, query, as_table),
    }
}

fn get(shared: &SimContext, site: Site, target: &ResourcePath, name: &str, as_table: bool) -> Response {
    let namespace = target.namespace.clone().unwrap_or_default();
    let found = shared.with(|state| {
        let store = &state.cluster(site).store;
        let object = store.shelf(target.res).objects.get(&(namespace, name.to_owned())).cloned();
        object.map(|o| {
            let page = ListPage { items: vec![o.json.clone()], rv: o.rv, go_on: None, remaining: 0 };
            if as_table {
                kubectl_table::table(target.res, &page, state.now).to_string()
            } else {
                kube::whole_text(target.res, &o.json)
            }
        })
    });
    match found {
        Some(text) => shared.respond(200, "application/json", text),
        None => shared.json(kube::not_found(target.res, name)),
    }
}

pub(super) fn selector(query: &BTreeMap<String, String>) -> Result<Selector, super::state::WriteResponse> {
    let text = |key: &str| query.get(key).map(String::as_str);
    Selector::parse(text("fieldSelector"), text("labelSelector"))
        .map_err(|why| kube::status(400, "BadRequest", &why, json!({})))
}

fn list(
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
    let ask = ListAsk {
        namespace: target.namespace,
        selector,
        limit: query.get("limit").and_then(|l| l.parse().ok()).unwrap_or(0),
        go_on: query.get("continue").filter(|c| !c.is_empty()).cloned(),
    };
    let text = shared.with(|state| {
        let store = &state.cluster(site).store;
        let page = kube::page(store.shelf(target.res), store.rv, &ask)?;
        Some(if as_table {
            kubectl_table::table(target.res, &page, state.now).to_string()
        } else {
            kube::list_text(target.res, &page)
        })
    });
    match text {
        Some(text) => shared.respond(200, "application/json", text),
        None => shared.json(expired("The provided continue parameter is too old to display a consistent list result.")),
    }
}

pub(super) fn expired(message: &str) -> super::state::WriteResponse {
    kube::status(410, "Expired", message, json!({}))
}

fn write(
    shared: &SimContext,
    site: Site,
    method: &Method,
    headers: &HeaderMap,
    path: &[&str],
    query: &BTreeMap<String, String>,
    bytes: &[u8],
) -> Response {
    let Some(target) = target(path) else { return nothing_here(shared) };
    let verb = match *method {
        Method::POST => "create",
        Method::PATCH => "patch",
        Method::PUT => "update",
        _ => "delete",
    };
    let spec = target.res.spec();
    if !spec.writes.contains(&verb) {
        return shared.json(kube::forbidden(USER, verb, target.res, target.namespace.as_deref()));
    }
    if shared.with(|s| s.cluster(site).etcd_failed) {
        return shared.json(kube::store_failed());
    }
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
        return shared.json(kube::status(400, "BadRequest", "the body of the request is not valid JSON", json!({})));
    };
    let namespace = target.namespace.unwrap_or_default();
    let dry = query.get("dryRun").is_some_and(|d| d == "All");
    let ask = match target.name {
        Some(name) if verb == "patch" => {
            let kind = headers.get(header::CONTENT_TYPE).and_then(|c| c.to_str().ok()).unwrap_or_default();
            if !kind.starts_with("application/merge-patch+json") {
                let why = "the body of the request was in an unknown format - accepted media types include: application/merge-patch+json";
                return shared.json(kube::status(415, "UnsupportedMediaType", why, json!({})));
            }
            WriteRequest::PatchObject { site, res: target.res, namespace, name, body, dry }
        }
        None if verb == "create" => WriteRequest::CreateRestore { site, namespace, body, dry },
        _ => {
            let why = "the server does not allow this method on the requested resource";
            return shared.json(kube::status(405, "MethodNotAllowed", why, json!({})));
        }
    };
    shared.json(shared.ask(ask))
}
