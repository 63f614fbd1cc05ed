//! Places that name pools: found, rewritten, and everything else left as it was.

use proptest::prelude::*;

use super::super::pool_references;
use super::*;
use crate::model::facts::PlaceRole;
use crate::model::step_request::PoolEdit;

fn full() -> Value {
    let mut raw = lb();
    for (key, value) in json!({
        "region_pools": {"WEU": ["p-primary", "p-dr"], "OC": ["p-third"]}, "country_pools": {"odd/key": ["p-primary"]},
        "pop_pools": null,
        "rules": [
            {"name": "blue", "condition": "http.host eq \"\u{202e}x\"", "priority": 3, "new_in_rules": {"keep": [1, null]},
             "overrides": {"default_pools": ["p-primary"], "fallback_pool": "p-primary", "steering_policy": "off",
                "country_pools": {"NL": ["p-primary", "p-dr"]}, "random_steering": {"pool_weights": {"p-primary": 0.25}}}},
            {"name": "down", "fixed_response": {"status_code": 503}, "terminates": true},
            {"disabled": true, "overrides": {"default_pools": ["p-dr", "p-primary"]}},
        ],
        "pool_sets": [{"name": "eu", "match": {"topology": {"countries": ["NL"]}}, "overrides": {
            "pools": ["p-primary"], "steering_policy": "random", "pool_weights": {"p-primary": 1}, "fallback_pool": "p-dr"}}],
        "random_steering": {"default_weight": 0.1, "pool_weights": {"p-primary": 0.3}},
        "next_years_pools": {"first": "p-primary", "list": ["p-dr"]},
    })
    .as_object()
    .expect("an object")
    {
        raw[key] = value.clone();
    }
    raw
}

#[test]
fn every_place_that_names_pools_is_listed() {
    let lb = map::balancer(&full(), "z1").expect("a load balancer");
    let places: Vec<_> =
        lb.places.iter().map(|it| (it.what.as_str(), it.pools.join(" "), it.policy.as_str())).collect();
    let place = |what, pools: &str, policy| (what, pools.to_owned(), policy);
    assert_eq!(
        places[..9],
        [
            place("region_pools OC", "p-third", ""),
            place("region_pools WEU", "p-primary p-dr", ""),
            place("country_pools odd/key", "p-primary", ""),
            place("rule blue: order", "p-primary", "off"),
            place("rule blue: fallback", "p-primary", "off"),
            place("rule blue: country_pools NL", "p-primary p-dr", "off"),
            place("rule #3: order", "p-dr p-primary", ""),
            place("pool set eu: order", "p-primary", "random"),
            place("pool set eu: fallback", "p-dr", "random"),
        ]
    );
    let mut other: Vec<_> = lb.places[9..].iter().map(|it| (it.what.as_str(), it.role)).collect();
    other.sort_by_key(|it| it.0);
    assert_eq!(
        other,
        [
            ("the field next_years_pools/first", PlaceRole::Other),
            ("the field next_years_pools/list/0", PlaceRole::Other),
        ]
    );
    assert_eq!(lb.places[2].role, PlaceRole::Other, "a key that is no name can't be a path");
    assert_eq!(lb.policy.as_str(), "geo");
    let overrides: Vec<_> = lb.overrides.iter().map(crate::model::SafeText::as_str).collect();
    assert_eq!(overrides, ["pool set eu", "rule blue", "rule down", "region_pools", "country_pools"]);
    assert_eq!(lb.digests.len(), 4, "{:?}", lb.digests);
    // WEU, blue's three and the set, with the order: the fallback, the odd key and those that have dr first don't count.
    assert_eq!(pool_references::ahead(&full(), "p-primary", "p-dr"), 6);
}

#[test]
fn a_number_that_would_not_survive_has_no_digest() {
    let with = |weight: &str| {
        let text = format!(
            r#"[{{"overrides": {{"default_pools": ["p"], "random_steering": {{"default_weight": {weight}}}}}}}]"#
        );
        let mut raw = lb();
        raw["rules"] = serde_json::from_str(&text).expect("JSON");
        map::balancer(&raw, "z1").expect("a load balancer").digests.contains_key("rules")
    };
    assert!(with("0.25") && with("1") && with("0.123456789012345") && with("1e-7"));
    assert!(!with("0.12345678901234567") && !with("123456789012345678901"));
}

fn edits(list: Value, raw: &Value) -> Step {
    let parts: std::collections::BTreeSet<String> = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|it| it["at"].as_str()?.split('/').next().map(ToOwned::to_owned))
        .collect();
    editing(list, parts.iter().map(|part| (part.clone(), json!(pool_references::digest(&raw[part])))).collect())
}

fn editing(list: Value, was: Value) -> Step {
    let body = json!({"default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr"});
    requesting(json!({"zone": "z1", "body": body, "edits": list, "was": was}))
}

#[tokio::test]
async fn rules_are_sent_back_as_they_were_but_for_their_pools() {
    let server = world(|_, state| {
        let mut lb = state.lock().expect("state");
        if lb["rules"].as_array().is_some_and(Vec::is_empty) {
            *lb = full();
        }
        None
    })
    .await;
    let setup = setup(&server, &["z1"]);
    let acting = CloudflareAdapter::new(setup.client());
    let raw = full();
    let list = json!([
        {"at": "rules/0/overrides/default_pools", "to": ["p-dr", "p-primary"]},
        {"at": "rules/0/overrides/fallback_pool", "to": "p-dr"},
    ]);
    assert_eq!(acting.read("lb/lb-1/digest/rules").await, Ok(json!(pool_references::digest(&raw["rules"]))));
    assert_eq!(acting.read("lb/lb-1/digest/nothing").await, Ok(Value::Null));
    assert_eq!(acting.read("lb/lb-1/ahead/p-primary/p-dr").await, Ok(json!(6)));
    acting.apply(&edits(list, &raw), &permit()).await.expect("applied");
    let sent = server.seen().into_iter().find(|seen| seen.method == Method::PATCH).expect("a PATCH").body;
    let mut rules = raw["rules"].clone();
    rules[0]["overrides"]["default_pools"] = json!(["p-dr", "p-primary"]);
    rules[0]["overrides"]["fallback_pool"] = json!("p-dr");
    let wanted = json!({"default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr", "rules": rules});
    assert_eq!(sent, wanted, "nothing else is sent, and nothing in the rules is lost");
    assert_eq!(
        acting.read("lb/lb-1/ahead/p-primary/p-dr").await,
        Ok(json!(3)),
        "read afresh: WEU, NL and the set are left"
    );
}

#[tokio::test]
async fn a_rule_that_changed_since_the_plan_stops_the_write() {
    let server = world(|seen, state| {
        if seen.method == Method::GET {
            let mut changed = full();
            changed["rules"][0]["condition"] = json!("somebody else was here");
            *state.lock().expect("state") = changed;
        }
        None
    })
    .await;
    let setup = setup(&server, &["z1"]);
    let list = json!([{"at": "rules/0/overrides/default_pools", "to": ["p-dr", "p-primary"]}]);
    let result = CloudflareAdapter::new(setup.client()).apply(&edits(list, &full()), &permit()).await;
    let Err(ActError::NotApplied(trouble)) = result else { panic!("{result:?}") };
    assert!(trouble.what.as_str().contains("its rules were changed since"), "{trouble:?}");
    assert_eq!(server.count(&Method::PATCH), 0);
}

#[tokio::test]
async fn edits_that_are_not_exactly_known_send_nothing() {
    let server = world(|_, _| None).await;
    let setup = setup(&server, &["z1"]);
    let acting = CloudflareAdapter::new(setup.client());
    for (at, to) in [
        ("name", json!("evil.example")),
        ("rules/0/../condition", json!(["p-dr"])),
        ("rules/0/condition", json!(["p-dr"])),
        ("rules/0/overrides/default_pools", json!([])),
        ("rules/0/overrides/default_pools", json!("p-dr")),
        ("rules/0/overrides/default_pools", json!({"x": 1})),
        ("rules/9/overrides/default_pools", json!(["p-dr"])),
        ("pop_pools/AMS", json!(["p-dr"])),
        ("origins/0", json!(["p-dr"])),
    ] {
        let part = at.split('/').next().unwrap_or_default();
        let digest = |part: &str| json!(pool_references::digest(&lb()[part]));
        let step = editing(json!([{"at": at, "to": to}]), json!({"rules": digest("rules"), part: digest(part)}));
        let result = acting.apply(&step, &permit()).await;
        assert!(matches!(&result, Err(ActError::NotApplied(_))), "{at}: {result:?}");
    }
    let step = editing(json!([{"at": "rules/0/overrides/default_pools", "to": ["p-dr"]}]), json!({"rule": "sha256:1"}));
    assert!(matches!(acting.apply(&step, &permit()).await, Err(ActError::NotApplied(_))), "no digest, no edit");
    assert_eq!(server.count(&Method::PATCH), 0);
}

#[tokio::test]
async fn questions_put_together_share_one_request_and_later_ones_do_not() {
    let server = world(|_, _| None).await;
    let setup = setup(&server, &["z1"]);
    let acting = CloudflareAdapter::new(setup.client());
    let fields = ["default_pools", "fallback_pool", "enabled", "policy", "overrides", "modified_on"];
    let asked = || {
        futures::future::join_all(fields.iter().map(|field| format!("lb/lb-1/{field}")).map(|path| {
            let acting = &acting;
            async move { acting.read(&path).await }
        }))
    };
    assert!(asked().await.iter().all(Result::is_ok));
    assert_eq!(server.seen().len(), 1);
    assert!(asked().await.iter().all(Result::is_ok));
    assert_eq!(server.seen().len(), 2, "an answer counts only for those who asked before it was sent for");
}

const POOL_IDS: [&str; 5] = ["p-primary", "p-dr", "p-3", "p-4", "p-5"];

fn some_pools() -> impl Strategy<Value = Value> {
    proptest::sample::subsequence(POOL_IDS.to_vec(), 1..=5).prop_shuffle().prop_map(|ids| json!(ids))
}

/// What we know nothing of: anything at all, as long as it goes back exactly.
fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (0..1000_i32).prop_map(|n| json!(f64::from(n) / 100.0)),
        any::<String>().prop_map(Value::from),
        Just(json!("p-primary")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

fn a_map() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[A-Z]{2,4}", some_pools(), 0..3).prop_map(|map| json!(map))
}

fn a_rule() -> impl Strategy<Value = Value> {
    (some_pools(), prop::option::of(a_map()), prop::sample::select(&POOL_IDS[..]), anything(), any::<String>())
        .prop_map(|(order, map, fallback, unknown, condition)| {
            let mut rule = json!({"name": "r", "condition": condition, "unheard_of": unknown,
                "overrides": {"default_pools": order, "fallback_pool": fallback, "session_affinity": "none"}});
            if let Some(map) = map {
                rule["overrides"]["region_pools"] = map;
            }
            rule
        })
}

fn a_set() -> impl Strategy<Value = Value> {
    (some_pools(), anything()).prop_map(
        |(pools, unknown)| json!({"name": "s", "match": unknown, "overrides": {"pools": pools, "steering_policy": "off"}}),
    )
}

fn a_balancer() -> impl Strategy<Value = Value> {
    let maps = (a_map(), a_map(), prop::option::of(a_map()));
    let lists = (prop::collection::vec(a_rule(), 0..3), prop::collection::vec(a_set(), 0..3));
    (some_pools(), maps, lists, anything()).prop_map(|(order, (regions, countries, pops), (rules, sets), unknown)| {
        json!({"id": "lb-1", "name": "shop.example", "default_pools": order, "fallback_pool": "p-primary",
            "region_pools": regions, "country_pools": countries, "pop_pools": pops, "rules": rules, "pool_sets": sets,
            "steering_policy": "off", "next_year": unknown, "modified_on": "2026-03-02T10:00:00Z"})
    })
}

/// What a plan would write for each place: DR right before the primary.
fn wanted(raw: &Value) -> Vec<(String, Value)> {
    let (places, cut) = pool_references::places(raw);
    assert!(!cut);
    let named =
        places.into_iter().filter(|it| it.role != PlaceRole::Other && it.pools.iter().any(|id| id == "p-primary"));
    named
        .map(|it| {
            let mut pools: Vec<&str> = it.pools.iter().map(String::as_str).filter(|id| *id != "p-dr").collect();
            let at = pools.iter().position(|id| *id == "p-primary").expect("it names the primary");
            pools.insert(at, "p-dr");
            let to = if it.role == PlaceRole::Fallback { json!("p-dr") } else { json!(pools) };
            (it.path, to)
        })
        .collect()
}

/// An eye of its own on the result: every list of ids and every fallback in the parts that are known to name pools.
fn names_first(value: &Value, key: &str, out: &mut Vec<String>) {
    match value {
        Value::Array(all) if all.iter().any(|it| it == "p-primary") && key != "unheard_of" && key != "match" => {
            let at = |id: &str| all.iter().position(|it| it == id);
            if at("p-dr").is_none_or(|dr| dr > at("p-primary").expect("named")) {
                out.push(format!("{key}: {value}"));
            }
        }
        Value::Array(all) => all.iter().for_each(|it| names_first(it, key, out)),
        Value::Object(map) => {
            for (key, it) in map.iter().filter(|(key, _)| !matches!(key.as_str(), "unheard_of" | "match" | "next_year"))
            {
                names_first(it, key, out);
            }
        }
        Value::String(id) if key == "fallback_pool" && id == "p-primary" => out.push(format!("{key}: {id}")),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// For any load balancer, with fields that nobody has heard of: the write touches the pools it is meant to touch and
    /// nothing else, and after it nothing names the primary before DR.
    #[test]
    fn a_write_changes_its_places_and_leaves_the_rest(raw in a_balancer()) {
        let wanted = wanted(&raw);
        let edits: Vec<PoolEdit> =
            wanted.iter().map(|(at, to)| serde_json::from_value(json!({"at": at, "to": to})).expect("an edit")).collect();
        let digests = pool_references::digests(&raw, &pool_references::places(&raw).0);
        let parts = pool_references::edited(&raw, &edits).expect("paths that were found lead somewhere");
        let mut after = raw.clone();
        for (part, value) in &parts {
            // What a number did to the rest of a part is said by its digest: without one, nothing is sent.
            prop_assume!(digests.contains_key(part));
            after[part] = value.clone();
        }
        let order = raw["default_pools"].as_array().expect("a list").clone();
        let rest = order.into_iter().filter(|id| id != "p-dr" && id != "p-primary");
        after["default_pools"] = [json!("p-dr"), json!("p-primary")].into_iter().chain(rest).collect();
        after["fallback_pool"] = json!("p-dr");

        let mut first = Vec::new();
        names_first(&after, "", &mut first);
        prop_assert!(first.is_empty(), "{first:?}");
        prop_assert_eq!(pool_references::ahead(&after, "p-primary", "p-dr"), 0);
        prop_assert!(pool_references::shows(&after, &edits));

        // Put back what was meant to change, and nothing must differ; nor may any part be sent that has nothing to change.
        let mut back = after.clone();
        back["default_pools"] = raw["default_pools"].clone();
        back["fallback_pool"] = raw["fallback_pool"].clone();
        for (path, _) in &wanted {
            let pointer = format!("/{path}");
            *back.pointer_mut(&pointer).expect("it is there") = raw.pointer(&pointer).expect("it was there").clone();
        }
        prop_assert_eq!(&back, &raw);
        // Through text and back, as the wire does it: the same digest, so the comparison before the write is fair.
        let again: Value = serde_json::from_str(&raw.to_string()).expect("JSON");
        for (part, digest) in &digests {
            prop_assert_eq!(&pool_references::digest(&again[part]), digest);
        }
        for part in parts.keys() {
            prop_assert!(wanted.iter().any(|(path, _)| path.starts_with(part.as_str())));
        }
    }
}
