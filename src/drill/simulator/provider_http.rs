//! Cloudflare, Alertmanager, the service itself and the drill's own control port, over HTTP.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request};
use axum::response::Response;
use chrono::{SecondsFormat, TimeDelta};
use serde_json::{Value, json};

use super::cloudflare::{self, envelope, listing, refused};
use super::cloudflare_rate_limit::{LIMIT, LimitHeaders};
use super::context::{self, SimContext};
use super::state::{WorldState, WriteRequest, WriteResponse};
use super::{alerts, kube_store, silences};
use crate::drill::scenario::Site;

/// The provider's API.
pub(super) fn cloudflare(shared: SimContext) -> Router {
    let handler = move |request: Request<Body>| {
        let shared = shared.clone();
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path().to_owned();
            let bytes = context::body_of(body).await.unwrap_or_default();
            let is_write = !matches!(parts.method, Method::GET | Method::HEAD);
            let authorized = parts.headers.contains_key("authorization");
            let (token, standing) = shared.with(|s| (s.edge.token.clone(), s.edge.limit.take(s.now)));
            let answer = match context::bearer(&parts.headers) {
                // Locked out: every call is refused alike, the good ones too.
                _ if standing.wait_s.is_some() => {
                    refused(429, 971, "Please wait and consider throttling your request speed")
                }
                Some(given) if given == token => answer_cloudflare(&shared, &parts.method, &path, &bytes),
                Some(_) => refused(401, 1000, "Invalid API Token"),
                None if authorized => refused(400, 6003, "Invalid request headers"),
                None => refused(401, 10000, "Authentication error"),
            };
            if is_write {
                shared.note("cloudflare", parts.method.as_str(), &path, &bytes, answer.0);
            }
            let mut response = shared.json(answer);
            let ray = kube_store::id(&format!("{path}/{}", shared.clock().now()), 16);
            if let Ok(ray) = HeaderValue::from_str(&format!("{ray}-YYZ")) {
                response.headers_mut().insert("cf-ray", ray);
            }
            for (name, text) in limits(&standing) {
                if let Ok(value) = HeaderValue::from_str(&text) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
    };
    Router::new().fallback(handler)
}

fn limits(standing: &LimitHeaders) -> Vec<(&'static str, String)> {
    let mut out = vec![
        ("x-ratelimit-limit", LIMIT.to_string()),
        ("x-ratelimit-remaining", standing.remaining.to_string()),
        ("x-ratelimit-reset", standing.resets.format("%a, %d %b %Y %H:%M:%S GMT").to_string()),
    ];
    out.extend(standing.wait_s.map(|wait| ("retry-after", wait.to_string())));
    out
}

fn answer_cloudflare(shared: &SimContext, method: &Method, path: &str, bytes: &[u8]) -> WriteResponse {
    let path = path.strip_prefix("/client/v4").unwrap_or(path);
    let segments: Vec<&str> = path.split('/').filter(|s| !s.is_empty()).collect();
    if *method == Method::PATCH {
        let Ok(body) = serde_json::from_slice::<Value>(bytes) else {
            return refused(400, 1002, "the body is not JSON: validation failed");
        };
        return match segments[..] {
            ["zones", zone, "load_balancers", id] => {
                shared.ask(WriteRequest::PatchLoadBalancer { zone: zone.to_owned(), id: id.to_owned(), body })
            }
            ["accounts", account, "load_balancers", "pools", id] => {
                shared.ask(WriteRequest::PatchPool { account: account.to_owned(), id: id.to_owned(), body })
            }
            _ => refused(404, 7003, "No route for the URI"),
        };
    }
    if *method != Method::GET {
        return refused(405, 10405, "Method not allowed for this authentication scheme");
    }
    shared.with(|state| get_cloudflare(state, &segments))
}

fn get_cloudflare(state: &WorldState, path: &[&str]) -> WriteResponse {
    let edge = &state.edge;
    let pool = |id: &str| edge.pools.iter().position(|p| p["id"] == id);
    let missing = || refused(404, 1001, "not found");
    let verified = || {
        let id = kube_store::id(&edge.token, 32);
        let ends = (state.scenario.start + TimeDelta::days(90)).to_rfc3339_opts(SecondsFormat::Secs, true);
        (200, envelope(json!({"id": id, "status": "active", "expires_on": ends})))
    };
    match path {
        // The drill's token belongs to the account, and such tokens are unknown at the user's address.
        ["user", "tokens", "verify"] => refused(401, 1000, "Invalid API Token"),
        ["accounts", account, "tokens", "verify"] if *account == edge.account => verified(),
        ["accounts"] => refused(400, 1001, "List accounts endpoint does not support account owned tokens."),
        ["zones"] => (200, listing(vec![json!({"id": edge.zone, "name": state.scenario.edge.zone, "status": "active"})])),
        ["zones", zone, ..] if *zone != edge.zone => refused(403, 9109, "Unauthorized to access requested resource"),
        ["accounts", account, ..] if *account != edge.account => {
            refused(403, 9109, "Unauthorized to access requested resource")
        }
        ["zones", _, "load_balancers"] => (200, listing(vec![edge.load_balancer.clone()])),
        ["zones", _, "load_balancers", id] if edge.load_balancer["id"] == *id => (200, envelope(edge.load_balancer.clone())),
        ["accounts", _, "load_balancers", "pools"] => {
            (200, listing((0..edge.pools.len()).map(|at| cloudflare::pool_view(state, at)).collect()))
        }
        ["accounts", _, "load_balancers", "pools", id] => {
            pool(id).map_or_else(missing, |at| (200, envelope(cloudflare::pool_view(state, at))))
        }
        ["accounts", _, "load_balancers", "pools", id, "health"] => {
            pool(id).map_or_else(missing, |at| (200, envelope(cloudflare::health(state, at))))
        }
        ["accounts", _, "load_balancers", "pools", id, "references"] => pool(id).map_or_else(missing, |_| {
            let lb = &edge.load_balancer;
            let by = json!({"reference_type": "referrer", "resource_type": "load_balancer", "resource_id": lb["id"], "resource_name": lb["name"]});
            let to = json!({"reference_type": "referral", "resource_type": "monitor", "resource_id": edge.monitor["id"], "resource_name": "ingress"});
            (200, listing(vec![by, to]))
        }),
        ["accounts", _, "load_balancers", "monitors"] => (200, listing(vec![edge.monitor.clone()])),
        ["accounts", _, "load_balancers", "monitors", id] if edge.monitor["id"] == *id => (200, envelope(edge.monitor.clone())),
        ["zones" | "accounts", _, "load_balancers", _] | ["accounts", _, "load_balancers", "monitors", _] => missing(),
        _ => refused(404, 7003, "No route for the URI"),
    }
}

/// One Alertmanager of the pair.
pub(super) fn alertmanager(shared: SimContext, instance: usize) -> Router {
    let handler = move |request: Request<Body>| {
        let shared = shared.clone();
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path().to_owned();
            if parts.method != Method::GET {
                let bytes = context::body_of(body).await.unwrap_or_default();
                let answer = write_alertmanager(&shared, &parts.method, &path, &bytes);
                shared.note(&format!("alertmanager-{}", instance + 1), parts.method.as_str(), &path, &bytes, answer.0);
                return respond_alertmanager(&shared, answer);
            }
            let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(&parts.uri)
                .map(|q| q.0)
                .unwrap_or_default();
            match path.as_str() {
                "/-/healthy" | "/-/ready" => shared.respond(200, "text/plain; charset=utf-8", "OK"),
                _ => respond_alertmanager(
                    &shared,
                    shared.with(|state| answer_alertmanager(state, instance, &path, &pairs)),
                ),
            }
        }
    };
    Router::new().fallback(handler)
}

/// JSON, or an empty body where there is nothing to say.
fn respond_alertmanager(shared: &SimContext, (status, body): WriteResponse) -> Response {
    if body.is_null() { shared.respond(status, "text/plain; charset=utf-8", "") } else { shared.json((status, body)) }
}

fn write_alertmanager(shared: &SimContext, method: &Method, path: &str, bytes: &[u8]) -> WriteResponse {
    match (method.as_str(), path.strip_prefix("/api/v2/").unwrap_or_default()) {
        ("POST", "silences") => match serde_json::from_slice(bytes) {
            Ok(body) => shared.ask(WriteRequest::CreateSilence { body }),
            Err(error) => (400, json!({"code": 400, "message": format!("parsing silence body: {error}")})),
        },
        ("DELETE", rest) if rest.starts_with("silence/") => {
            shared.ask(WriteRequest::ExpireSilence { id: rest["silence/".len()..].to_owned() })
        }
        _ => (405, json!({"code": 405, "message": format!("method {method} is not allowed")})),
    }
}

fn answer_alertmanager(state: &WorldState, instance: usize, path: &str, query: &[(String, String)]) -> WriteResponse {
    let addresses: Vec<String> = (0..2).map(|i| format!("127.0.0.1:{}", 9094 + i)).collect();
    let alerts = match filtered(alerts::firing(state), query) {
        Ok(alerts) => alerts,
        Err(why) => return (400, json!(why)),
    };
    match path {
        "/api/v2/status" => (200, alerts::status(state, instance, &addresses)),
        "/api/v2/receivers" => (200, json!([{"name": "pager"}, {"name": "watchdog"}])),
        "/api/v2/silences" => (200, silences::list(state)),
        "/api/v2/alerts" => (200, Value::Array(alerts)),
        "/api/v2/alerts/groups" => {
            let group = |name: &str| -> Vec<Value> {
                alerts.iter().filter(|a| a["receivers"][0]["name"] == name).cloned().collect()
            };
            let groups: Vec<Value> = ["pager", "watchdog"]
                .into_iter()
                .map(|name| (name, group(name)))
                .filter(|(_, alerts)| !alerts.is_empty())
                .map(|(name, alerts)| json!({"labels": {}, "receiver": {"name": name}, "alerts": alerts}))
                .collect();
            (200, Value::Array(groups))
        }
        _ => match path.strip_prefix("/api/v2/silence/") {
            Some(id) => silences::get(state, id),
            None => (404, json!({"code": 404, "message": format!("path {path} was not found")})),
        },
    }
}

/// `active`, `silenced`, `inhibited`, `receiver`, and matchers of `=` and `!=`. A bad boolean is silently false.
fn filtered(alerts: Vec<Value>, query: &[(String, String)]) -> Result<Vec<Value>, String> {
    let asked = |key: &str| query.iter().find(|(k, _)| k == key).is_none_or(|(_, v)| v == "true");
    let mut matchers = Vec::new();
    for (_, filter) in query.iter().filter(|(k, _)| k == "filter") {
        let (name, value, not) = match (filter.split_once("!="), filter.split_once('=')) {
            (Some((name, value)), _) => (name, value, true),
            (None, Some((name, value))) if !value.starts_with('~') => (name, value, false),
            _ => return Err(format!("bad matcher format: {filter}: this simulated Alertmanager reads = and != only")),
        };
        matchers.push((name.trim().to_owned(), value.trim().trim_matches('"').to_owned(), not));
    }
    let receiver = query.iter().find(|(k, _)| k == "receiver").map(|(_, v)| v.as_str());
    let keep = |alert: &Value| {
        let inhibited = alert["status"]["inhibitedBy"].as_array().is_some_and(|l| !l.is_empty());
        let silenced = alert["status"]["silencedBy"].as_array().is_some_and(|l| !l.is_empty());
        let state = match (silenced, inhibited) {
            (false, false) => asked("active"),
            _ => (!silenced || asked("silenced")) && (!inhibited || asked("inhibited")),
        };
        let label = |name: &str| alert["labels"][name].as_str().unwrap_or_default();
        state
            && receiver.is_none_or(|r| r.is_empty() || r == ".*" || alert["receivers"][0]["name"] == r)
            && matchers.iter().all(|(name, value, not)| (label(name) == value) != *not)
    };
    Ok(alerts.into_iter().filter(keep).collect())
}

/// The service's own URL, behind the edge.
pub(super) fn service(shared: SimContext) -> Router {
    let handler = move |request: Request<Body>| {
        let shared = shared.clone();
        async move {
            let nth = shared.request_number();
            let (site, good) = shared.with(|state| {
                let site = state.traffic.site(nth, state.now);
                (site, state.serves(site, nth, state.now))
            });
            let (status, text) = if good { (200, "ok\n") } else { (503, "service unavailable\n") };
            if request.method() != Method::GET && request.method() != Method::HEAD {
                return shared.respond(405, "text/plain; charset=utf-8", "method not allowed\n");
            }
            let mut response = shared.respond(status, "text/plain; charset=utf-8", text);
            response.headers_mut().insert("x-served-by", HeaderValue::from_static(site.name()));
            response
        }
    };
    Router::new().fallback(handler)
}

/// The drill's own port: what the world is, and what was written to it.
pub(super) fn control(shared: SimContext) -> Router {
    let handler = move |request: Request<Body>| {
        let shared = shared.clone();
        async move { answer_control(&shared, request.uri().path()) }
    };
    Router::new().fallback(handler)
}

fn answer_control(shared: &SimContext, path: &str) -> Response {
    match path {
        "/_world/state" => shared.json(shared.with(|state| (200, state.dump()))),
        "/_world/writes" => shared.json(shared.with(|state| (200, json!(state.writes())))),
        "/_world/traffic" => shared.json(shared.with(|state| {
            let percent = |site| (state.traffic.share(site, state.now) * 100.0).round() as u64;
            (200, json!({"primary": percent(Site::Primary), "dr": percent(Site::Dr)}))
        })),
        path => match path.strip_prefix("/_world/inject/").and_then(|count| count.parse().ok()) {
            // For load tests against a room in another process.
            Some(count @ 1..=50_000) => {
                shared.ask(WriteRequest::Inject { site: Site::Primary, count });
                shared.json((200, json!({"injected": count})))
            }
            _ => shared.json((404, json!({"error": CONTROL_PATHS}))),
        },
    }
}

const CONTROL_PATHS: &str = "paths: /_world/state, /_world/writes, /_world/traffic, /_world/inject/COUNT";
