//! API objects → facts. Pure. Anything but an id may be null or missing: unknown is never "unhealthy".

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::model::SafeText;
use crate::model::facts::{ActingRule, LoadBalancer, Open, Origin, Pool, PoolUser, PoolWeights};

use super::pool_references;

const MAX_ORIGINS: usize = 100;
const MAX_PLACES: usize = 400;
const MAX_POOLS: usize = 100;
const MAX_OVERRIDES: usize = 50;
const MAX_USERS: usize = 100;
/// What a rule may override that decides where a request goes.
const STEER: [&str; 7] = [
    "default_pools",
    "fallback_pool",
    "region_pools",
    "country_pools",
    "pop_pools",
    "steering_policy",
    "random_steering",
];

#[derive(Debug, Deserialize)]
struct RawPool {
    id: String,
    name: Option<String>,
    enabled: Option<bool>,
    healthy: Option<bool>,
    monitor: Option<String>,
    monitor_group: Option<String>,
    minimum_origins: Option<u32>,
    origins: Option<Vec<RawOrigin>>,
    load_shedding: Option<RawShedding>,
    health_sources: Option<Vec<String>>,
}

#[derive(Debug, Deserialize)]
struct RawOrigin {
    name: Option<String>,
    address: Option<String>,
    enabled: Option<bool>,
    healthy: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct RawShedding {
    default_percent: Option<f64>,
    session_percent: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct RawBalancer {
    id: String,
    name: Option<String>,
    enabled: Option<bool>,
    proxied: Option<bool>,
    ttl: Option<f64>,
    default_pools: Option<Vec<String>>,
    fallback_pool: Option<String>,
    steering_policy: Option<String>,
    session_affinity: Option<String>,
    session_affinity_ttl: Option<f64>,
    session_affinity_attributes: Option<RawAffinity>,
    modified_on: Option<String>,
    region_pools: Option<Value>,
    country_pools: Option<Value>,
    pop_pools: Option<Value>,
    pool_sets: Option<Vec<Value>>,
    rules: Option<Vec<Value>>,
    random_steering: Option<RawWeights>,
}

#[derive(Debug, Deserialize)]
struct RawWeights {
    default_weight: Option<f64>,
    pool_weights: Option<BTreeMap<String, Option<f64>>>,
}

#[derive(Debug, Default, Deserialize)]
struct RawAffinity {
    drain_duration: Option<f64>,
}

/// What is asked for seldom and only for pools in use.
#[derive(Clone, Debug, Default)]
pub(super) struct Detail {
    /// The places that see it, as the health detail last said.
    pub places: Vec<(SafeText, bool)>,
    pub used_by: Option<Vec<PoolUser>>,
}

/// A pool, with what is known of it in detail.
pub(super) fn pool(raw: &Value, detail: Detail) -> Result<Pool, String> {
    let raw = RawPool::deserialize(raw).map_err(|err| format!("a pool: {err}"))?;
    let monitored = [&raw.monitor, &raw.monitor_group].into_iter().flatten().any(|id| !id.is_empty());
    Ok(Pool {
        id: clean(&raw.id),
        name: text(raw.name.as_deref()),
        enabled: raw.enabled.unwrap_or(true),
        healthy: raw.healthy,
        monitored,
        minimum_origins: raw.minimum_origins.unwrap_or(1),
        origins: raw.origins.into_iter().flatten().take(MAX_ORIGINS).map(origin).collect(),
        places: detail.places,
        shedding_percent: raw.load_shedding.as_ref().and_then(|it| it.default_percent).map_or(0, whole),
        session_shedding_percent: raw.load_shedding.and_then(|it| it.session_percent).map_or(0, whole),
        regional: raw.health_sources.iter().flatten().any(|it| it == "regional"),
        used_by: detail.used_by,
    })
}

fn origin(raw: RawOrigin) -> Origin {
    Origin {
        name: text(raw.name.as_deref()),
        address: text(raw.address.as_deref()),
        enabled: raw.enabled.unwrap_or(true),
        healthy: raw.healthy,
    }
}

fn whole(number: f64) -> u32 {
    // A saturating cast: what is out of range becomes the nearest bound.
    number.round() as u32
}

/// Health by place: a map keyed by the place's name. Places that say nothing are left out.
pub(super) fn places(health: &Value) -> Vec<(SafeText, bool)> {
    let Some(by_place) = health.get("pop_health").and_then(Value::as_object) else { return Vec::new() };
    by_place
        .iter()
        .filter_map(|(place, it)| Some((SafeText::new(place), it.get("healthy")?.as_bool()?)))
        .take(MAX_PLACES)
        .collect()
}

/// Who refers to a pool.
pub(super) fn users(list: &[Value]) -> Vec<PoolUser> {
    let words = |it: &Value, key: &str| it.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    list.iter()
        .take(MAX_USERS)
        .map(|it| PoolUser {
            kind: Open::new(&words(it, "resource_type")),
            id: clean(&words(it, "resource_id")),
            name: SafeText::new(&words(it, "resource_name")),
        })
        .collect()
}

/// A load balancer of a zone.
pub(super) fn balancer(whole_raw: &Value, zone: &str) -> Result<LoadBalancer, String> {
    let raw = RawBalancer::deserialize(whole_raw).map_err(|err| format!("a load balancer: {err}"))?;
    let (places, places_cut) = pool_references::places(whole_raw);
    let digests = pool_references::digests(whole_raw, &places);
    Ok(LoadBalancer {
        places,
        places_cut,
        digests,
        affinity_ttl_s: raw.session_affinity_ttl.map(whole),
        drain_s: raw.session_affinity_attributes.as_ref().and_then(|it| it.drain_duration).map(whole),
        policy: Open::new(&policy(&raw)),
        rules: acting(&raw),
        weights: raw.random_steering.as_ref().map(weights),
        overrides: overrides(&raw),
        id: clean(&raw.id),
        zone: zone.to_owned(),
        name: text(raw.name.as_deref()),
        enabled: raw.enabled.unwrap_or(true),
        proxied: raw.proxied.unwrap_or(false),
        ttl_s: raw.ttl.map(whole),
        default_pools: raw.default_pools.iter().flatten().take(MAX_POOLS).map(|id| clean(id)).collect(),
        fallback_pool: clean(raw.fallback_pool.as_deref().unwrap_or_default()),
        session_affinity: Open::new(raw.session_affinity.as_deref().unwrap_or("none")),
        modified_on: text(raw.modified_on.as_deref()),
    })
}

/// The policy in effect: empty (or, by an old slip, two quotes) means `geo` if there are maps by place, else `off`.
fn policy(raw: &RawBalancer) -> String {
    match raw.steering_policy.as_deref() {
        None | Some("" | "\"\"") => {
            let mapped = [&raw.region_pools, &raw.country_pools, &raw.pop_pools].into_iter().any(|map| !is_blank(map));
            if mapped { "geo" } else { "off" }.to_owned()
        }
        Some(policy) => policy.to_owned(),
    }
}

fn is_blank(map: &Option<Value>) -> bool {
    match map {
        None | Some(Value::Null) => true,
        Some(Value::Object(map)) => map.is_empty(),
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

/// Everything that may send traffic elsewhere than `default_pools` says. Whether it matches a given request can't be
/// computed here, so it is listed whatever its condition.
fn overrides(raw: &RawBalancer) -> Vec<SafeText> {
    let sets = raw
        .pool_sets
        .iter()
        .flatten()
        .enumerate()
        .map(|(i, set)| format!("pool set {}", pool_references::named(set, i)));
    let rules = raw.rules.iter().flatten().enumerate().filter(|(_, rule)| acts(rule));
    let rules = rules.map(|(i, rule)| format!("rule {}", pool_references::named(rule, i)));
    let maps =
        [("region_pools", &raw.region_pools), ("country_pools", &raw.country_pools), ("pop_pools", &raw.pop_pools)];
    let maps = maps.into_iter().filter(|(_, map)| !is_blank(map)).map(|(name, _)| name.to_owned());
    sets.chain(rules).chain(maps).take(MAX_OVERRIDES).map(|line| SafeText::new(&line)).collect()
}

/// Rules and pool sets that are on, as far as they say what becomes of a request.
fn acting(raw: &RawBalancer) -> Vec<ActingRule> {
    let sets = raw.pool_sets.iter().flatten().enumerate().map(|(i, set)| ActingRule {
        name: SafeText::new(&pool_references::named(set, i)),
        in_set: true,
        steers: true,
        ..ActingRule::default()
    });
    let rules = raw.rules.iter().flatten().enumerate().filter(|(_, rule)| acts(rule));
    let rules = rules.map(|(i, rule)| {
        let fixed = rule.get("fixed_response").filter(|it| it.is_object());
        let status = |it: &Value| it.get("status_code").and_then(Value::as_f64).map_or(200, whole);
        ActingRule {
            name: SafeText::new(&pool_references::named(rule, i)),
            in_set: false,
            always: rule.get("condition").and_then(Value::as_str).is_none_or(|it| it.trim().is_empty()),
            answers: fixed.map(status),
            steers: STEER.iter().any(|key| !is_blank(&rule["overrides"].get(*key).cloned())),
        }
    });
    sets.chain(rules).take(MAX_OVERRIDES).collect()
}

fn weights(raw: &RawWeights) -> PoolWeights {
    let thousandths = |weight: f64| whole(weight * 1_000.0);
    let own = raw.pool_weights.iter().flatten().filter_map(|(id, weight)| Some((clean(id), thousandths((*weight)?))));
    PoolWeights { default: raw.default_weight.map_or(1_000, thousandths), of: own.take(MAX_POOLS).collect() }
}

fn acts(rule: &Value) -> bool {
    let flag = |name: &str| rule.get(name).and_then(Value::as_bool).unwrap_or(false);
    let has = |name: &str| rule.get(name).is_some_and(|it| !is_blank(&Some(it.clone())));
    !flag("disabled") && (has("overrides") || has("fixed_response") || flag("terminates"))
}

fn text(raw: Option<&str>) -> SafeText {
    SafeText::new(raw.unwrap_or_default())
}

fn clean(id: &str) -> String {
    SafeText::new(id).to_string()
}
