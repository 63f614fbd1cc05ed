//! The load balancer and its pools, as the account holds them, and where they send users. Pure.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::cloudflare_rate_limit::SimRateLimit;
use super::kube_store::id;
use super::state::{Due, WorldState, WriteResponse};
use super::{argocd, scripted_events};
use crate::drill::scenario::{Scenario, Site};

/// The objects of the account and zone.
#[derive(Clone, Debug)]
pub struct SimCloudflare {
    pub account: String,
    pub zone: String,
    pub token: String,
    pub load_balancer: Value,
    pub pools: Vec<Value>,
    pub monitor: Value,
    pub limit: SimRateLimit,
}

/// Fields of a load balancer that a PATCH may set.
const LB_FIELDS: [&str; 17] = [
    "name",
    "description",
    "enabled",
    "ttl",
    "proxied",
    "default_pools",
    "fallback_pool",
    "region_pools",
    "country_pools",
    "pop_pools",
    "pool_sets",
    "steering_policy",
    "random_steering",
    "rules",
    "session_affinity",
    "session_affinity_attributes",
    "adaptive_routing",
];
/// Fields of a pool that a PATCH may set.
const POOL_FIELDS: [&str; 11] = [
    "name",
    "description",
    "enabled",
    "minimum_origins",
    "monitor",
    "check_regions",
    "load_shedding",
    "origin_steering",
    "origins",
    "notification_email",
    "notification_filter",
];

impl SimCloudflare {
    /// One hostname in front of two pools, the primary first.
    pub fn new(scenario: &Scenario, seed: u64) -> Self {
        let made = |what: &str| id(&format!("{seed}/cloudflare/{what}"), 32);
        let born = "2025-01-20T09:12:44.118227Z";
        let pool = |site: Site, address: &str| {
            json!({
                "id": made(&format!("pool/{}", site.name())), "name": site.name(), "enabled": true, "minimum_origins": 1,
                "description": format!("ingress of {}", site.name()), "monitor": made("monitor"), "check_regions": ["ENAM", "WEU"],
                "origins": [{"name": format!("{}-ingress", site.name()), "address": address, "enabled": true, "weight": 1,
                    "header": {"Host": [scenario.edge.hostname]}, "port": 0, "flatten_cname": true}],
                "origin_steering": {"policy": "random"}, "load_shedding": null, "notification_filter": null, "networks": ["cloudflare"],
                "created_on": born, "modified_on": born,
            })
        };
        let pools = vec![pool(Site::Primary, "203.0.113.10"), pool(Site::Dr, "198.51.100.20")];
        let load_balancer = json!({
            "id": made("load_balancer"), "name": scenario.edge.hostname, "zone_name": scenario.edge.zone,
            "description": scenario.service.name, "enabled": true, "proxied": false, "ttl": scenario.edge.ttl_s,
            "steering_policy": "off", "default_pools": [pools[0]["id"], pools[1]["id"]], "fallback_pool": pools[0]["id"],
            "region_pools": {}, "country_pools": {}, "pop_pools": {}, "rules": [], "session_affinity": "none",
            "session_affinity_attributes": {"samesite": "Auto", "secure": "Auto", "drain_duration": 0, "zero_downtime_failover": "none"},
            "adaptive_routing": {"failover_across_pools": false}, "location_strategy": {"prefer_ecs": "proximity", "mode": "resolver_ip"},
            "random_steering": {"default_weight": 1}, "networks": ["cloudflare"], "created_on": born, "modified_on": born,
        });
        let monitor = json!({
            "id": made("monitor"), "type": "https", "method": "GET", "path": scenario.edge.monitor_path, "port": 443,
            "interval": 60, "timeout": 5, "retries": 2, "expected_codes": "2xx", "allow_insecure": false,
            "follow_redirects": false, "created_on": born, "modified_on": born,
        });
        Self {
            account: made(&format!("account/{}", scenario.edge.account)),
            zone: made("zone"),
            token: format!("drill-edge-{}", id(&format!("{seed}/token/edge"), 29)),
            load_balancer,
            pools,
            monitor,
            limit: SimRateLimit::default(),
        }
    }

    /// The site of a pool.
    fn site_of(&self, pool: &Value) -> Option<Site> {
        match self.pools.iter().position(|p| p["id"] == *pool)? {
            0 => Some(Site::Primary),
            _ => Some(Site::Dr),
        }
    }

    /// Where new answers point: the first pool in order that is enabled, else the fallback.
    pub fn target(&self) -> Option<Site> {
        let order = self.load_balancer["default_pools"].as_array()?;
        let on = |id: &&Value| self.pools.iter().any(|p| p["id"] == **id && p["enabled"] == json!(true));
        let first = order.iter().find(on).unwrap_or(&self.load_balancer["fallback_pool"]);
        self.site_of(first)
    }
}

/// An answer in the provider's envelope.
pub(super) fn envelope(result: Value) -> Value {
    json!({"success": true, "errors": [], "messages": [], "result": result})
}

/// A list in the provider's envelope.
pub(super) fn listing(items: Vec<Value>) -> Value {
    let n = items.len();
    let mut out = envelope(Value::Array(items));
    out["result_info"] = json!({"page": 1, "per_page": n.max(20), "count": n, "total_count": n, "total_pages": 1});
    out
}

/// An error in the provider's envelope.
pub(super) fn refused(status: u16, code: u32, message: &str) -> WriteResponse {
    (status, json!({"success": false, "errors": [{"code": code, "message": message}], "messages": [], "result": null}))
}

fn modified(now: DateTime<Utc>) -> Value {
    json!(now.to_rfc3339_opts(SecondsFormat::Micros, true))
}

/// Top-level members of a body replace those of an object; read-only ones are left alone.
fn overwrite(object: &mut Value, body: &Map<String, Value>, fields: &[&str]) {
    for (key, value) in body {
        if fields.contains(&key.as_str()) {
            object[key] = value.clone();
        }
    }
}

/// `PATCH …/load_balancers/ID`.
pub(super) fn patch_load_balancer(state: &mut WorldState, zone: &str, id: &str, body: &Value) -> WriteResponse {
    let edge = &state.edge;
    if zone != edge.zone || edge.load_balancer["id"] != id {
        return refused(404, 1001, "not found");
    }
    let Some(members) = body.as_object() else { return refused(400, 1002, "validation failed: body is not an object") };
    let known = |pool: &Value| edge.pools.iter().any(|p| p["id"] == *pool);
    if let Some(order) = members.get("default_pools") {
        let ok = order.as_array().is_some_and(|o| !o.is_empty() && o.iter().all(known));
        if !ok {
            return refused(400, 1002, "default_pools: must name at least one existing pool: validation failed");
        }
    }
    if members.get("fallback_pool").is_some_and(|pool| !known(pool)) {
        return refused(400, 1002, "fallback_pool: pool not found: validation failed");
    }
    let policies =
        ["off", "geo", "random", "dynamic_latency", "proximity", "least_outstanding_requests", "least_connections", ""];
    if members.get("steering_policy").is_some_and(|p| !p.as_str().is_some_and(|p| policies.contains(&p))) {
        return refused(400, 1002, "steering_policy: unknown policy: validation failed");
    }
    if members.get("enabled").is_some_and(|e| !e.is_boolean()) {
        return refused(400, 1002, "enabled: must be a boolean: validation failed");
    }
    let now = state.now;
    overwrite(&mut state.edge.load_balancer, members, &LB_FIELDS);
    state.edge.load_balancer["modified_on"] = modified(now);
    steer(state);
    (200, envelope(state.edge.load_balancer.clone()))
}

/// `PATCH …/pools/ID`.
pub(super) fn patch_pool(state: &mut WorldState, account: &str, id: &str, body: &Value) -> WriteResponse {
    let Some(members) = body.as_object() else { return refused(400, 1002, "validation failed: body is not an object") };
    let at = state.edge.pools.iter().position(|p| p["id"] == id);
    let Some(at) = at.filter(|_| account == state.edge.account) else { return refused(404, 1001, "not found") };
    if members.get("enabled").is_some_and(|e| !e.is_boolean()) {
        return refused(400, 1002, "enabled: must be a boolean: validation failed");
    }
    let now = state.now;
    let pool = &mut state.edge.pools[at];
    overwrite(pool, members, &POOL_FIELDS);
    pool["modified_on"] = modified(now);
    if pool["enabled"] == json!(false) {
        pool["disabled_at"] = modified(now);
    } else if let Value::Object(fields) = pool {
        fields.remove("disabled_at");
    }
    steer(state);
    (200, envelope(pool_view(state, at)))
}

/// Users follow the load balancer, unless the scenario says that they don't.
fn steer(state: &mut WorldState) {
    let now = state.now;
    let Some(to) = state.edge.target().filter(|_| state.scenario.failover) else { return };
    if !state.traffic.turn(to, now) {
        return;
    }
    let change = state.traffic.changes;
    if let Some(at) = state.traffic.drained_at() {
        state.plan(at, Due::Drained { change });
    }
    if to == Site::Dr {
        argocd::arrived(state, now);
    }
}

/// A pool as the list shows it: with its health.
pub(super) fn pool_view(state: &WorldState, at: usize) -> Value {
    let mut pool = state.edge.pools[at].clone();
    let enabled = pool["enabled"] == json!(true);
    let seen = places(state, at).iter().filter(|(_, ok)| *ok).count() * 2 > state.scenario.edge.places.len();
    // A disabled pool is not checked: its health is unknown, not bad.
    let healthy = if enabled { json!(seen) } else { Value::Null };
    scripted_events::merge(&mut pool, &json!({"healthy": healthy}));
    for origin in pool["origins"].as_array_mut().into_iter().flatten() {
        origin["healthy"] = if enabled { json!(seen) } else { Value::Null };
    }
    if !enabled {
        pool["healthy"] = Value::Null;
    }
    pool
}

/// Health of a pool by place.
pub(super) fn places(state: &WorldState, at: usize) -> Vec<(String, bool)> {
    let edge = &state.scenario.edge;
    let lost = if at == 0 && state.now >= state.scenario.impact { edge.places_lost } else { 0 };
    edge.places.iter().enumerate().map(|(i, place)| (place.clone(), i >= lost)).collect()
}

/// `GET …/pools/ID/health`: a map by place of maps by address.
pub(super) fn health(state: &WorldState, at: usize) -> Value {
    let pool = &state.edge.pools[at];
    let mut by_place = Map::new();
    for (place, ok) in places(state, at) {
        let rtt = 8 + state.draw(&format!("rtt/{at}/{place}"), 80);
        let mut origins = Vec::new();
        for origin in pool["origins"].as_array().into_iter().flatten() {
            let address = origin["address"].as_str().unwrap_or_default();
            let (reason, code) = if ok { ("No failures", 200) } else { ("HTTP timeout occurred", 0) };
            origins.push(json!({address: {"healthy": ok, "rtt": format!("{rtt}.{}ms", rtt % 10), "failure_reason": reason, "response_code": code}}));
        }
        by_place.insert(place, json!({"healthy": ok, "origins": origins}));
    }
    json!({"pool_id": pool["id"], "pop_health": by_place})
}
