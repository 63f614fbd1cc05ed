//! The simulated Prometheus: series that its recording rules have made, the alerting rules of the story, its retention.
//!
//! It has no PromQL. It looks up the series that it records (`slo:errors_per_request:ratio_rate5m{service="…"}` and
//! `slo:requests:increase5m{…}`, for the usual windows) by name and labels, at its own now, and refuses everything else
//! with `bad_data`, as a real one refuses what it can't parse.

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::http::{Method, Request, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use super::context::{self, SimContext};
use super::state::{WorldState, WriteResponse};
use super::{alerts, metrics};

/// Names of the series, the window left out.
pub(super) const RATIO: &str = "slo:errors_per_request:ratio_rate";
pub(super) const REQUESTS: &str = "slo:requests:increase";
/// How long it keeps data; well over the month that budgets are counted over.
const RETENTION: &str = "90d";

/// Its API.
pub(super) fn router(shared: SimContext) -> Router {
    let handler = move |request: Request<Body>| {
        let shared = shared.clone();
        async move {
            let (parts, body) = request.into_parts();
            let bytes = context::body_of(body).await.unwrap_or_default();
            let mut given = pairs(&parts.uri);
            if parts.method == Method::POST {
                let form = format!("/?{}", String::from_utf8_lossy(&bytes));
                given.extend(form.parse().map(|uri| pairs(&uri)).unwrap_or_default());
            }
            answer(&shared, parts.uri.path(), &given)
        }
    };
    Router::new().fallback(handler)
}

fn pairs(uri: &Uri) -> Vec<(String, String)> {
    Query::<Vec<(String, String)>>::try_from_uri(uri).map(|Query(pairs)| pairs).unwrap_or_default()
}

fn answer(shared: &SimContext, path: &str, given: &[(String, String)]) -> Response {
    let found = match path {
        "/api/v1/query" => shared.with(|state| query(state, given)),
        "/api/v1/rules" => shared.with(|state| success(json!({"groups": groups(state)}))),
        "/api/v1/alerts" => shared.with(|state| {
            let all: Vec<Value> = groups(state).iter().flat_map(|group| held(&group["rules"])).collect();
            success(json!({"alerts": all}))
        }),
        "/api/v1/status/runtimeinfo" => success(json!({"storageRetention": RETENTION, "CWD": "/prometheus"})),
        "/api/v1/status/buildinfo" => success(json!({"version": "3.5.0", "branch": "HEAD", "revision": "drill"})),
        _ => return shared.respond(404, "text/plain; charset=utf-8", "404 page not found\n"),
    };
    shared.json(found)
}

fn success(data: Value) -> WriteResponse {
    (200, json!({"status": "success", "data": data}))
}

fn bad_data(why: &str) -> WriteResponse {
    (400, json!({"status": "error", "errorType": "bad_data", "error": why}))
}

fn query(state: &WorldState, given: &[(String, String)]) -> WriteResponse {
    let param = |name: &str| given.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    if param("time").is_some() {
        return bad_data("this simulated Prometheus answers for its own now only");
    }
    let Some((name, matchers)) = param("query").and_then(selector) else {
        return bad_data("this simulated Prometheus reads the plain selector of a recorded series only");
    };
    let service = state.scenario.service.name.clone();
    let mine =
        |(label, value): &(String, String)| if label == "service" { *value == service } else { value.is_empty() };
    let value = recorded(state, &name).filter(|_| matchers.iter().all(mine));
    let series = |value: f64| {
        let now = state.now.timestamp_millis() as f64 / 1000.0;
        json!({"metric": {"__name__": name, "service": service}, "value": [now, value.to_string()]})
    };
    success(json!({"resultType": "vector", "result": value.map(series).into_iter().collect::<Vec<_>>()}))
}

/// The value of a recorded series now.
fn recorded(state: &WorldState, name: &str) -> Option<f64> {
    let spec = state.scenario.slo.as_ref()?;
    let window = |prefix: &str| {
        let rest = name.strip_prefix(prefix)?;
        metrics::RECORDED.iter().find(|(known, _)| *known == rest).map(|(_, seconds)| *seconds)
    };
    if let Some(seconds) = window(RATIO) {
        let rose = metrics::increase(state, spec, seconds);
        return Some(rose.errors / rose.total);
    }
    window(REQUESTS).map(|seconds| metrics::increase(state, spec, seconds).total)
}

/// `name` or `name{label="value", …}`; `None` for anything more.
fn selector(text: &str) -> Option<(String, Vec<(String, String)>)> {
    let word = |text: &str, colon: bool| {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':');
        !text.is_empty() && text.chars().all(fits) && !text.starts_with(|c: char| c.is_ascii_digit())
    };
    let (name, rest) = match text.trim().split_once('{') {
        Some((name, rest)) => (name.trim(), Some(rest.trim_end().strip_suffix('}')?)),
        None => (text.trim(), None),
    };
    let mut matchers = Vec::new();
    for one in rest.into_iter().flat_map(|rest| rest.split(',')).map(str::trim).filter(|one| !one.is_empty()) {
        let (label, value) = one.split_once('=')?;
        let value = value.trim().strip_prefix('"')?.strip_suffix('"')?;
        if !word(label.trim(), false) || value.contains(['"', '\\']) {
            return None;
        }
        matchers.push((label.trim().to_owned(), value.to_owned()));
    }
    word(name, true).then(|| (name.to_owned(), matchers))
}

/// The alerting rules of the story, in one group.
fn groups(state: &WorldState) -> Vec<Value> {
    let now = state.now.to_rfc3339();
    let firing = alerts::firing(state);
    let rule = |spec: &crate::drill::scenario::AlertSpec| {
        let held: Vec<Value> = firing
            .iter()
            .filter(|alert| alert["labels"] == json!(spec.labels))
            .map(|alert| {
                json!({"labels": alert["labels"], "annotations": alert["annotations"], "state": "firing",
                    "activeAt": alert["startsAt"], "value": "1e+00"})
            })
            .collect();
        json!({"type": "alerting", "name": spec.labels.get("alertname"), "query": "vector(1)", "duration": 0,
            "labels": {}, "annotations": spec.annotations, "state": if held.is_empty() { "inactive" } else { "firing" },
            "health": "ok", "lastEvaluation": now, "evaluationTime": 0.0004, "alerts": held})
    };
    let rules: Vec<Value> = state.scenario.alerts.iter().map(rule).collect();
    vec![
        json!({"name": "story", "file": "/etc/prometheus/story.yml", "interval": 15, "lastEvaluation": now, "rules": rules}),
    ]
}

fn held(rules: &Value) -> Vec<Value> {
    rules
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|rule| rule["alerts"].as_array().into_iter().flatten().cloned())
        .collect()
}
