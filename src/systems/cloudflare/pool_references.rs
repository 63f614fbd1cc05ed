//! Where the JSON of a load balancer names pools, and how those places are rewritten. Pure.
//!
//! Rules, pool sets and maps by place are replaced whole by a write. So they are edited in the JSON as it was read, by
//! path, and everything else in them goes back as it came: a field that we do not know is not ours to lose.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::model::facts::{Open, PlaceRole, PoolPlace};
use crate::model::step_request::PoolEdit;
use crate::model::{Digest, SafeText};

/// The parts of a load balancer that name pools beside `default_pools` and `fallback_pool`.
pub(super) const PARTS: [&str; 5] = ["region_pools", "country_pools", "pop_pools", "rules", "pool_sets"];
const MAPS: [&str; 3] = ["region_pools", "country_pools", "pop_pools"];
const MAX_PLACES: usize = 120;
const MAX_POOLS: usize = 100;
/// More digits than this may not survive being read and written.
const MAX_DIGITS: usize = 15;

/// Every place, and whether there are more than are listed.
pub(super) fn places(raw: &Value) -> (Vec<PoolPlace>, bool) {
    let mut found = FoundReferences::default();
    found.maps(
        raw,
        &ReferencePath { words: String::new(), path: String::new(), policy: Open::default(), in_set: false },
    );
    for (i, rule) in list(raw, "rules").iter().enumerate() {
        let words = format!("rule {}", named(rule, i));
        found.block(&rule["overrides"], words, format!("rules/{i}/overrides/"), "default_pools", false);
    }
    for (i, set) in list(raw, "pool_sets").iter().enumerate() {
        let words = format!("pool set {}", named(set, i));
        found.block(&set["overrides"], words, format!("pool_sets/{i}/overrides/"), "pools", true);
    }
    found.others(raw);
    let cut = found.places.len() > MAX_PLACES;
    found.places.truncate(MAX_PLACES);
    (found.places, cut)
}

/// The digests of the parts that a write could replace. A part that can't go back exactly as it came has none.
pub(super) fn digests(raw: &Value, places: &[PoolPlace]) -> BTreeMap<String, String> {
    let parts: BTreeSet<&str> = places.iter().filter_map(|it| part(&it.path)).collect();
    parts.into_iter().filter(|part| exact(&raw[*part])).map(|part| (part.to_owned(), digest(&raw[part]))).collect()
}

/// The digest of a value, whatever the order of its members.
pub(super) fn digest(value: &Value) -> String {
    let mut text = String::new();
    write_sorted(value, &mut text);
    Digest(Sha256::digest(text.as_bytes()).into()).to_string()
}

/// How many places have `first` before `then`, or have it without the other: what a failover must bring to none.
pub(super) fn ahead(raw: &Value, first: &str, then: &str) -> usize {
    let own = [(PlaceRole::Order, ids(&raw["default_pools"])), (PlaceRole::Fallback, ids(&raw["fallback_pool"]))];
    let more = places(raw).0.into_iter().map(|it| (it.role, it.pools));
    own.into_iter()
        .chain(more)
        .filter(|(role, pools)| {
            let at = |id: &str| pools.iter().position(|it| it == id);
            match (role, at(first), at(then)) {
                (PlaceRole::Other, ..) | (_, None, _) => false,
                (_, Some(_), None) => true,
                (_, Some(first), Some(then)) => first < then,
            }
        })
        .count()
}

/// The parts with their edits, each whole; an error if a path does not lead to what it is to replace.
pub(super) fn edited(raw: &Value, edits: &[PoolEdit]) -> Result<Map<String, Value>, String> {
    let mut parts = Value::Object(Map::new());
    for edit in edits {
        let part = part(&edit.at).ok_or_else(|| format!("`{}` can't be rewritten", edit.at))?;
        if parts.get(part).is_none() {
            parts[part] = raw.get(part).cloned().ok_or_else(|| format!("`{part}` is gone"))?;
        }
        let slot = parts.pointer_mut(&format!("/{}", edit.at)).ok_or_else(|| format!("`{}` is gone", edit.at))?;
        let to = json!(edit.to);
        if (slot.is_array(), slot.is_string()) != (to.is_array(), to.is_string()) {
            return Err(format!("`{}` is not what it was", edit.at));
        }
        *slot = to;
    }
    match parts {
        Value::Object(parts) => Ok(parts),
        _ => Ok(Map::new()),
    }
}

/// Whether every edited place shows what was to stand there.
pub(super) fn shows(raw: &Value, edits: &[PoolEdit]) -> bool {
    edits.iter().all(|edit| raw.pointer(&format!("/{}", edit.at)) == Some(&json!(edit.to)))
}

/// The top-level part of a path, if it is one that may be rewritten.
fn part(path: &str) -> Option<&str> {
    let first = path.split('/').next()?;
    PARTS.contains(&first).then_some(first)
}

/// The name of a rule or set, else its number.
pub(super) fn named(it: &Value, index: usize) -> String {
    let name = ["name", "id"].into_iter().find_map(|key| it.get(key)?.as_str()).filter(|name| !name.is_empty());
    name.map_or_else(|| format!("#{}", index + 1), ToOwned::to_owned)
}

struct ReferencePath {
    words: String,
    path: String,
    policy: Open,
    in_set: bool,
}

#[derive(Default)]
struct FoundReferences {
    places: Vec<PoolPlace>,
}

impl FoundReferences {
    fn block(&mut self, overrides: &Value, words: String, path: String, order: &str, in_set: bool) {
        let policy = Open::new(overrides["steering_policy"].as_str().unwrap_or_default());
        let at = ReferencePath { words: format!("{words}: "), path, policy, in_set };
        self.add(&at, "order", order, &overrides[order], PlaceRole::Order);
        self.add(&at, "fallback", "fallback_pool", &overrides["fallback_pool"], PlaceRole::Fallback);
        if !in_set {
            self.maps(overrides, &at);
        }
    }

    fn maps(&mut self, block: &Value, at: &ReferencePath) {
        for map in MAPS {
            for (key, pools) in block[map].as_object().into_iter().flatten() {
                let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
                let role = if plain && !key.is_empty() { PlaceRole::Order } else { PlaceRole::Other };
                self.add(at, &format!("{map} {key}"), &format!("{map}/{key}"), pools, role);
            }
        }
    }

    fn add(&mut self, at: &ReferencePath, words: &str, path: &str, value: &Value, role: PlaceRole) {
        let pools = ids(value);
        if pools.is_empty() || self.places.len() > MAX_PLACES {
            return;
        }
        self.places.push(PoolPlace {
            what: SafeText::new(&format!("{}{words}", at.words)),
            path: format!("{}{path}", at.path),
            role,
            pools,
            policy: at.policy.clone(),
            in_set: at.in_set,
        });
    }

    /// Fields that we do not know, where they name a pool that is named elsewhere.
    fn others(&mut self, raw: &Value) {
        let mut known: BTreeSet<String> = self.places.iter().flat_map(|it| it.pools.clone()).collect();
        known.extend(ids(&raw["default_pools"]));
        known.extend(ids(&raw["fallback_pool"]));
        let understood: BTreeSet<String> = self.places.iter().map(|it| it.path.clone()).collect();
        let mut stack: Vec<(String, &Value)> = children("", raw).collect();
        stack.retain(|(path, _)| !matches!(path.as_str(), "id" | "name" | "default_pools" | "fallback_pool"));
        while let Some((path, value)) = stack.pop() {
            // Weights name pools too, but give no order.
            let weights = path.ends_with("pool_weights");
            if understood.contains(&path) || weights || self.places.len() > MAX_PLACES {
                continue;
            }
            let named = value.as_str().filter(|id| known.contains(*id));
            let key = path.rsplit('/').next().filter(|key| known.contains(*key));
            if let Some(id) = named.or(key) {
                let what = SafeText::new(&format!("the field {path}"));
                let (pools, role) = (vec![id.to_owned()], PlaceRole::Other);
                let policy = Open::default();
                self.places.push(PoolPlace { what, path: path.clone(), role, pools, policy, in_set: false });
            }
            stack.extend(children(&path, value));
        }
    }
}

fn children<'a>(path: &str, value: &'a Value) -> Box<dyn Iterator<Item = (String, &'a Value)> + 'a> {
    let under = if path.is_empty() { String::new() } else { format!("{path}/") };
    match value {
        Value::Object(map) => Box::new(map.iter().map(move |(key, it)| (format!("{under}{key}"), it))),
        Value::Array(all) => Box::new(all.iter().enumerate().map(move |(i, it)| (format!("{under}{i}"), it))),
        _ => Box::new(std::iter::empty()),
    }
}

fn list<'a>(raw: &'a Value, key: &str) -> &'a [Value] {
    raw.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// One id, or a list of them.
fn ids(value: &Value) -> Vec<String> {
    let all = match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    let clean = |id: &str| SafeText::new(id).to_string();
    all.iter().filter_map(Value::as_str).filter(|id| !id.is_empty()).take(MAX_POOLS).map(clean).collect()
}

/// Whether every number in a value goes back as it came.
fn exact(value: &Value) -> bool {
    match value {
        Value::Number(n) if n.is_f64() => {
            let digits = n.to_string();
            let digits = digits.split(['e', 'E']).next().unwrap_or_default();
            let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
            digits.trim_start_matches('0').len() <= MAX_DIGITS
        }
        Value::Array(all) => all.iter().all(exact),
        Value::Object(map) => map.values().all(exact),
        _ => true,
    }
}

fn write_sorted(value: &Value, out: &mut String) {
    match value {
        Value::Array(all) => {
            out.push('[');
            for it in all {
                write_sorted(it, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (key, it) in map.iter().collect::<BTreeMap<_, _>>() {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                write_sorted(it, out);
                out.push(',');
            }
            out.push('}');
        }
        plain => out.push_str(&plain.to_string()),
    }
}
