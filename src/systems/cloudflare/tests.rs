//! Tests of the cloudflare source against a scripted server that keeps state.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::act::CloudflareAdapter;
use super::client::CloudflareClient;
use super::map;
use super::watch::CloudflareWatch;
use crate::clock::Clock;
use crate::config::CloudflareConfig;
use crate::model::facts::{ActingRule, Fact, FactKind, LoadBalancer, Pool};
use crate::model::plan::Target;
use crate::model::{Digest, PersonId, SourceChange, SourceId, Step, StepRequest, System, Trouble, TroubleKind};
use crate::systems::http::test_server::{ScriptedReply, SeenRequest, SourceBench, TestServer, file};
use crate::systems::http::{Auth, Options};
use crate::systems::{ActError, Adapter, Permit};

mod account;
mod pages;
mod pool_references;

const CANARY: &str = "cfat_canary-77aa";
const POOLS: &str = "/accounts/acc/load_balancers/pools";
const LBS: &str = "/zones/z1/load_balancers";
const LB: &str = "/zones/z1/load_balancers/lb-1";

fn ok(result: &Value) -> ScriptedReply {
    ScriptedReply::Json(200, json!({"success": true, "errors": [], "messages": [], "result": result}))
}

fn no(status: u16, code: i64, message: &str) -> ScriptedReply {
    let errors = json!([{"code": code, "message": message}]);
    ScriptedReply::Json(status, json!({"success": false, "errors": errors, "messages": [], "result": null}))
}

fn pools() -> Value {
    json!([
        {"id": "p-primary", "name": "primary", "enabled": true, "healthy": false, "monitor": "m", "minimum_origins": 1,
         "origins": [{"name": "o", "address": "203.0.113.7", "enabled": true, "healthy": null}]},
        {"id": "p-dr", "name": "dr", "enabled": true, "healthy": true, "monitor": "m", "minimum_origins": 2,
         "load_shedding": {"default_percent": 25.0}, "origins": null, "a_new_field": {"x": 1}},
        {"id": "p-unused", "name": "unused", "enabled": false, "monitor": null},
    ])
}

fn lb() -> Value {
    json!({"id": "lb-1", "name": "shop.example", "enabled": true, "proxied": false, "ttl": 30,
        "default_pools": ["p-primary", "p-dr"], "fallback_pool": "p-dr", "steering_policy": "",
        "session_affinity": "none", "modified_on": "2026-03-02T10:00:00Z", "rules": [], "region_pools": {}})
}

/// The account as it should be; `special` answers first.
async fn world(
    special: impl Fn(&SeenRequest, &Mutex<Value>) -> Option<ScriptedReply> + Send + Sync + 'static,
) -> TestServer {
    let state = Mutex::new(lb());
    TestServer::start(move |seen| {
        if let Some(reply) = special(seen, &state) {
            return reply;
        }
        match (seen.method.as_str(), seen.path.as_str()) {
            ("GET", POOLS) => ok(&pools()),
            ("GET", LBS) => ok(&json!([*state.lock().expect("state")])),
            ("GET", LB) => ok(&state.lock().expect("state")),
            ("PATCH", LB) => ok(&patch(&state, &seen.body)),
            ("GET", path) if path.ends_with("/health") => ok(&json!({"pop_health": {
                "Amsterdam, NL": {"healthy": true, "origins": [{"203.0.113.7": {"healthy": true, "rtt": "12.1ms"}}]},
                "Tokyo, JP": {"healthy": false}, "Nowhere": {}}})),
            ("GET", path) => match pools().as_array().and_then(|all| {
                all.iter().find(|pool| path == format!("{POOLS}/{}", pool["id"].as_str().unwrap_or_default())).cloned()
            }) {
                Some(pool) => ok(&pool),
                None => no(404, 1001, "not found"),
            },
            _ => no(404, 7003, "No route for the URI"),
        }
    })
    .await
}

fn patch(state: &Mutex<Value>, body: &Value) -> Value {
    let mut lb = state.lock().expect("state");
    for (key, value) in body.as_object().expect("a body") {
        lb[key] = value.clone();
    }
    lb["modified_on"] = json!("2026-03-02T14:51:00Z");
    lb.clone()
}

struct CloudflareSetup {
    token: tempfile::NamedTempFile,
    config: CloudflareConfig,
}

fn setup(server: &TestServer, zones: &[&str]) -> CloudflareSetup {
    let token = file(CANARY);
    let config = CloudflareConfig {
        name: "edge".to_owned(),
        url: server.url.clone(),
        account: "acc".to_owned(),
        zones: zones.iter().map(ToString::to_string).collect(),
        token_file: token.path().to_owned(),
        every_s: 10,
        ..CloudflareConfig::default()
    };
    CloudflareSetup { token, config }
}

impl CloudflareSetup {
    fn client(&self) -> Arc<CloudflareClient> {
        self.client_on(Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time")))
    }

    fn client_on(&self, clock: Clock) -> Arc<CloudflareClient> {
        let auth = Auth::Bearer(self.token.path().to_owned());
        let options = Options { auth, total: Duration::from_millis(400), ..Options::default() };
        Arc::new(CloudflareClient::new(&self.config, options, clock))
    }

    fn watch(&self, room: &SourceBench) -> CloudflareWatch {
        let reporter = room.ctx.reporter(SourceId::new(System::Cloudflare, "edge"));
        CloudflareWatch::new(self.client_on(room.ctx.clock.clone()), reporter, Duration::from_secs(10))
    }
}

fn replaced(changes: &[SourceChange]) -> (Vec<Pool>, Vec<LoadBalancer>) {
    let (mut pools, mut lbs) = (Vec::new(), Vec::new());
    for change in changes {
        let SourceChange::Replace { facts, .. } = change else { continue };
        for fact in facts {
            match fact {
                Fact::Pool(pool) => pools.push(pool.clone()),
                Fact::LoadBalancer(lb) => lbs.push(lb.clone()),
                Fact::EdgeAccount(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    (pools, lbs)
}

#[tokio::test]
async fn the_running_source_reports_pools_and_load_balancers() {
    let server = world(|_, _| None).await;
    let setup = setup(&server, &["z1"]);
    let (mut room, tasks) = (SourceBench::fast(), TaskTracker::new());
    let (spec, adapter) = super::start(&setup.config, &room.ctx, &tasks);
    assert_eq!((spec.id.to_string().as_str(), spec.credential.as_str()), ("cloudflare/edge", "token edge"));
    assert!(adapter.is_some());
    let first = [room.next().await.change, room.next().await.change];
    let (pools, lbs) = replaced(&first);
    assert_eq!(pools.iter().map(|it| it.healthy).collect::<Vec<_>>(), [Some(false), Some(true), None]);
    assert_eq!(pools.iter().map(|it| it.monitored).collect::<Vec<_>>(), [true, true, false]);
    assert_eq!(pools[1].shedding_percent, 25);
    let places: Vec<_> = pools[0].places.iter().map(|(place, ok)| (place.as_str(), *ok)).collect();
    assert_eq!(places, [("Amsterdam, NL", true), ("Tokyo, JP", false)]);
    assert!(pools[2].places.is_empty(), "an unused pool is not asked about");
    assert_eq!(lbs[0].default_pools, ["p-primary", "p-dr"]);
    assert_eq!((lbs[0].policy.as_str(), lbs[0].ttl_s, lbs[0].zone.as_str()), ("off", Some(30), "z1"));
    room.ctx.stop.cancel();
    tasks.close();
    tokio::time::timeout(Duration::from_secs(5), tasks.wait()).await.expect("it stops when told");
}

#[tokio::test]
async fn health_detail_is_asked_for_seldom_and_only_for_pools_in_use() {
    let server = world(|_, _| None).await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    let details = || server.seen().iter().filter(|seen| seen.path.ends_with("/health")).count();
    for (seconds, asked) in [(0, 2), (10, 2), (10, 2), (10, 4), (10, 4)] {
        room.ctx.clock.advance(Duration::from_secs(seconds));
        assert!(watch.round().await);
        assert_eq!(details(), asked);
    }
    assert!(server.seen().iter().all(|seen| !seen.path.contains("p-unused")));
    assert_eq!(replaced(&room.drain()).1.len(), 5);
}

#[tokio::test]
async fn a_part_of_a_list_is_refused() {
    for info in [json!({"count": 3, "total_count": 7}), json!({"page": 1, "total_pages": 2})] {
        let server = world(move |seen, _| {
            (seen.path == POOLS)
                .then(|| ScriptedReply::Json(200, json!({"success": true, "result": pools(), "result_info": info})))
        })
        .await;
        let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
        assert!(!setup.watch(&room).round().await);
        let changes = room.drain();
        assert!(!changes.iter().any(|it| matches!(it, SourceChange::Replace { .. })), "nothing is judged by a part");
        let Some(SourceChange::Trouble(trouble)) = changes.last() else { panic!("{changes:?}") };
        assert_eq!(trouble.kind, TroubleKind::Partial, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_missing_permission_is_named_and_costs_only_its_half() {
    let server = world(|seen, _| (seen.path == POOLS).then(|| no(403, 10000, "Authentication error"))).await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    assert!(!watch.round().await);
    let changes = room.drain();
    let [
        SourceChange::Upsert(Fact::LoadBalancer(lb)),
        SourceChange::Upsert(Fact::EdgeAccount(account)),
        SourceChange::Trouble(trouble),
    ] = &changes[..]
    else {
        panic!("{changes:?}")
    };
    assert_eq!((account.token.reads_pools, account.token.reads_balancers), (Some(false), Some(true)));
    assert_eq!(lb.id, "lb-1");
    assert_eq!(trouble.kind, TroubleKind::Forbidden);
    assert!(trouble.remedy.as_str().contains("Monitors and Pools Read"), "{trouble:?}");
    assert!(!format!("{changes:?}").contains(CANARY));
    // What is known and unchanged is no sign of life again: the source stays in trouble without coming and going.
    assert!(!watch.round().await);
    assert!(matches!(&room.drain()[..], [SourceChange::Trouble(_)]));
}

#[tokio::test]
async fn one_unreadable_zone_does_not_empty_the_other() {
    let server = world(|seen, _| seen.path.starts_with("/zones/z2").then(|| no(403, 9109, "Unauthorized"))).await;
    let (setup, mut room) = (setup(&server, &["z2", "z1"]), SourceBench::manual());
    assert!(!setup.watch(&room).round().await);
    let changes = room.drain();
    let upserts = changes.iter().filter(|it| matches!(it, SourceChange::Upsert(_))).count();
    assert_eq!(upserts, 5, "three pools, a load balancer and the account: {changes:?}");
    assert!(!changes.iter().any(|it| matches!(it, SourceChange::Replace { .. })), "z2's load balancers are not gone");
}

#[tokio::test]
async fn a_throttled_source_stays_away_as_long_as_it_was_told() {
    let server = TestServer::start(|seen| match seen.path.as_str() {
        POOLS => ScriptedReply::With(
            429,
            vec![("retry-after", "120".to_owned())],
            json!({"success": false, "errors": [{"code": 971, "message": "Please wait and consider throttling"}]})
                .to_string(),
        ),
        _ => ok(&json!([])),
    })
    .await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    assert!(!watch.round().await);
    let asked = server.seen().len();
    room.ctx.clock.advance(Duration::from_secs(119));
    assert!(!watch.round().await);
    assert_eq!(server.seen().len(), asked, "nothing is sent meanwhile");
    let changes = room.drain();
    let said: Vec<_> = changes
        .iter()
        .filter_map(|it| match it {
            SourceChange::Trouble(trouble) => Some((trouble.kind, trouble.what.as_str())),
            _ => None,
        })
        .collect();
    assert_eq!(said.len(), 2, "{changes:?}");
    for (kind, what) in said {
        assert_eq!(kind, TroubleKind::Throttled);
        assert!(what.contains("locked out until 14:39:00 UTC"), "{what}");
    }
    room.ctx.clock.advance(Duration::from_secs(2));
    assert!(!watch.round().await);
    assert!(server.seen().len() > asked, "and then it asks again");
}

#[tokio::test]
async fn a_reserve_of_requests_is_kept_for_acting() {
    let left = Arc::new(Mutex::new(200));
    let told = left.clone();
    let server = TestServer::start(move |seen| {
        let left = told.lock().expect("left").to_string();
        let headers = vec![("x-ratelimit-limit", "1200".to_owned()), ("x-ratelimit-remaining", left)];
        let result = if seen.path == POOLS { pools() } else { json!([lb()]) };
        ScriptedReply::With(200, headers, json!({"success": true, "result": result}).to_string())
    })
    .await;
    let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
    let watch = setup.watch(&room);
    assert!(watch.round().await);
    assert_eq!(server.seen().len(), 2, "below a quarter there is no health in detail");
    room.ctx.clock.advance(Duration::from_secs(20));
    assert!(watch.round().await);
    assert_eq!(server.seen().len(), 2, "every third round is enough then");
    *left.lock().expect("left") = 40;
    room.ctx.clock.advance(Duration::from_secs(10));
    assert!(watch.round().await, "what was read still counts");
    room.drain();
    room.ctx.clock.advance(Duration::from_secs(30));
    assert!(!watch.round().await);
    assert_eq!(server.seen().len(), 4, "the rest is left alone");
    let changes = room.drain();
    let [SourceChange::Trouble(trouble)] = &changes[..] else { panic!("{changes:?}") };
    assert_eq!(trouble.kind, TroubleKind::Throttled);
    assert!(trouble.what.as_str().contains("only 40 of 1200"), "{trouble:?}");
}

#[tokio::test]
async fn every_error_code_has_its_kind() {
    use TroubleKind::{Credential, Forbidden, Garbage, NotInstalled, ServerError, Throttled, Unauthorized};
    for (status, code, message, kind) in [
        (400, 6003, "Invalid request headers", Credential),
        (401, 1000, "Invalid API Token", Unauthorized),
        (401, 10000, "Authentication error", Unauthorized),
        (403, 10000, "Authentication error", Forbidden),
        (403, 9109, "Unauthorized to access requested resource", Forbidden),
        (403, 9109, "Cannot use the access token from location: 203.0.113.9", Credential),
        (403, 9109, "Invalid access token", Unauthorized),
        (403, 9109, "Max auth failures reached, please check your Authorization header", Unauthorized),
        (404, 7003, "No route for the URI", NotInstalled),
        (404, 1001, "not found", NotInstalled),
        (400, 1002, "load balancing not enabled for zone: validation failed", NotInstalled),
        (400, 1002, "validation failed", Garbage),
        (429, 971, "Please wait", Throttled),
        (429, 10000, "Rate limited", Throttled),
        (500, 0, "internal", ServerError),
        (200, 1234, "success is false", Garbage),
    ] {
        let server = TestServer::start(move |_| no(status, code, message)).await;
        let setup = setup(&server, &["z1"]);
        let err = setup.client().pools().await.expect_err(message);
        assert_eq!(err.trouble.kind, kind, "{status} {code} {:?}", err.trouble);
        assert!(err.trouble.what.as_str().contains(message), "{:?}", err.trouble);
    }
    for reply in
        [ScriptedReply::Text(200, "<html>hello</html>".to_owned()), ok(&json!({"id": 1})), ok(&json!([{"name": "x"}]))]
    {
        let server = TestServer::start(move |_| reply.clone()).await;
        let (setup, mut room) = (setup(&server, &["z1"]), SourceBench::manual());
        assert!(!setup.watch(&room).round().await);
        let changes = room.drain();
        let Some(SourceChange::Trouble(trouble)) = changes.last() else { panic!("{changes:?}") };
        assert_eq!(trouble.kind, Garbage, "{trouble:?}");
    }
}

#[test]
fn the_policy_in_effect_and_what_overrides_the_order() {
    let balancer = |more: Value| {
        let mut raw = lb();
        for (key, value) in more.as_object().expect("an object") {
            raw[key] = value.clone();
        }
        let lb = map::balancer(&raw, "z1").expect("a load balancer");
        (lb.policy.as_str().to_owned(), lb.overrides.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    for (more, policy, overrides) in [
        (json!({}), "off", vec![]),
        (json!({"steering_policy": null}), "off", vec![]),
        (json!({"steering_policy": "\"\"", "region_pools": {"WEU": ["p"]}}), "geo", vec!["region_pools"]),
        (json!({"steering_policy": "off", "country_pools": {"NL": ["p"]}}), "off", vec!["country_pools"]),
        (json!({"steering_policy": "dynamic_latency", "pop_pools": null}), "dynamic_latency", vec![]),
        (
            json!({"pool_sets": [{"name": "eu"}, {}], "rules": [
                {"name": "maintenance", "fixed_response": {"status_code": 503}},
                {"name": "off", "disabled": true, "overrides": {"fallback_pool": "p"}},
                {"name": "nothing", "overrides": {}},
                {"name": "blue", "overrides": {"default_pools": ["p"]}}]}),
            "off",
            vec!["pool set eu", "pool set #2", "rule maintenance", "rule blue"],
        ),
    ] {
        assert_eq!(
            balancer(more.clone()),
            (policy.to_owned(), overrides.iter().map(ToString::to_string).collect()),
            "{more}"
        );
    }
    let rules = json!({"random_steering": {"default_weight": 0.5, "pool_weights": {"a": 1, "b": 0, "c": null}},
        "pool_sets": [{"name": "eu"}], "rules": [
        {"name": "maintenance", "condition": "x", "fixed_response": {"status_code": 503}},
        {"name": "off", "disabled": true, "overrides": {"fallback_pool": "p"}},
        {"name": "sticky", "condition": "x", "overrides": {"session_affinity": "cookie"}},
        {"name": "all", "condition": " ", "overrides": {"default_pools": ["p"]}}]});
    let mut raw = lb();
    rules.as_object().expect("an object").iter().for_each(|(key, value)| raw[key] = value.clone());
    let found = map::balancer(&raw, "z1").expect("a load balancer");
    let each = |it: &ActingRule| (it.name.to_string(), it.in_set, it.always, it.answers, it.steers);
    let acting: Vec<_> = found.rules.iter().map(each).collect();
    let rule = |name: &str, always, answers, steers| (name.to_owned(), name == "eu", always, answers, steers);
    let wanted = [
        rule("eu", false, None, true),
        rule("maintenance", false, Some(503), false),
        rule("sticky", false, None, false),
        rule("all", true, None, true),
    ];
    assert_eq!(acting, wanted);
    let weights = found.weights.expect("weights");
    assert_eq!((weights.default, weights.of), (500, [("a".to_owned(), 1_000), ("b".to_owned(), 0)].into()));
    let bare = map::balancer(&json!({"id": "lb-2"}), "z").expect("only the id is needed");
    assert!(bare.default_pools.is_empty() && bare.enabled && !bare.proxied);
    assert!(map::balancer(&json!({"name": "x"}), "z").is_err());
}

fn step(body: Value) -> Step {
    requesting(json!({"zone": "z1", "body": body}))
}

fn requesting(params: Value) -> Step {
    Step {
        id: "1".to_owned(),
        request: StepRequest::from_members("cloudflare.patch_load_balancer".to_owned(), params),
        target: Target {
            src: SourceId::new(System::Cloudflare, "edge"),
            kind: "load_balancer".to_owned(),
            id: "lb-1".to_owned(),
            name: "shop.example".to_owned(),
        },
        pre: Vec::new(),
        effect: String::new(),
        limit_s: 60,
        check: Vec::new(),
    }
}

fn to_dr() -> Step {
    step(json!({"default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr"}))
}

fn permit() -> Permit {
    Permit {
        plan: "01PLAN".into(),
        digest: Digest([7; 32]),
        persons: vec![PersonId::from("ana"), PersonId::from("sam")],
    }
}

#[tokio::test]
async fn single_fields_are_read_afresh() {
    let server = world(|seen, _| {
        (seen.path == "/accounts/acc/load_balancers/pools/p-dr")
            .then(|| ok(&json!({"id": "p-dr", "name": "dr", "enabled": true})))
    })
    .await;
    let setup = setup(&server, &["z0", "z1"]);
    let acting = CloudflareAdapter::new(setup.client());
    for (path, value) in [
        ("lb/lb-1/default_pools", json!(["p-primary", "p-dr"])),
        ("lb/lb-1/fallback_pool", json!("p-dr")),
        ("lb/lb-1/enabled", json!(true)),
        ("lb/lb-1/modified_on", json!("2026-03-02T10:00:00Z")),
        ("lb/lb-1/policy", json!("off")),
        ("lb/lb-1/overrides", json!(0)),
        ("lb/lb-9/enabled", Value::Null),
        ("pool/p-primary/healthy", json!(false)),
        ("pool/p-primary/shedding_percent", json!(0)),
        ("pool/p-primary/enabled", json!(true)),
        // The single answer leaves health out, the list has it.
        ("pool/p-dr/healthy", json!(true)),
        ("pool/p-unused/healthy", Value::Null),
        ("pool/p-9/enabled", Value::Null),
    ] {
        let before = server.seen().len();
        assert_eq!(acting.read(path).await.expect(path), value, "{path}");
        assert!(server.seen().len() > before, "{path} is asked for, not remembered");
    }
    let before = server.seen().len();
    for path in ["lb/../enabled", "lb/a%2fb/enabled", "lb", "pool/p-dr/healthy/x"] {
        assert!(acting.read(path).await.is_err(), "{path}");
    }
    assert_eq!(server.seen().len(), before, "what is no id never becomes part of an address");
    assert!(acting.read("pool/p-dr/colour").await.is_err());
}

/// What one apply came to, and how often the server got a PATCH.
async fn applied(
    special: impl Fn(&SeenRequest, &Mutex<Value>) -> Option<ScriptedReply> + Send + Sync + 'static,
) -> (Result<String, ActError>, usize) {
    let server = world(special).await;
    let setup = setup(&server, &["z1"]);
    let result = CloudflareAdapter::new(setup.client()).apply(&to_dr(), &permit()).await;
    assert!(!format!("{result:?}").contains(CANARY), "{result:?}");
    (result, server.count(&Method::PATCH))
}

fn on_patch(
    reply: impl Fn(&SeenRequest, &Mutex<Value>) -> ScriptedReply,
) -> impl Fn(&SeenRequest, &Mutex<Value>) -> Option<ScriptedReply> {
    move |seen, state| (seen.method == Method::PATCH).then(|| reply(seen, state))
}

#[tokio::test]
async fn a_patch_sends_exactly_the_plan_s_body_once() {
    let server = world(|_, _| None).await;
    let setup = setup(&server, &["z1"]);
    let said = CloudflareAdapter::new(setup.client()).apply(&to_dr(), &permit()).await.expect("applied");
    assert_eq!(said, "Cloudflare answered 200 and shows shop.example as planned, changed 14:51:00 UTC");
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].body, json!({"default_pools": ["p-dr", "p-primary"], "fallback_pool": "p-dr"}));
    assert_eq!(seen[0].header("authorization"), format!("Bearer {CANARY}"));
}

#[tokio::test]
async fn applied_and_the_answer_lost_is_found_by_reading_back() {
    for lost in [
        ScriptedReply::Silent,
        ScriptedReply::Cut,
        no(502, 0, "bad gateway"),
        ScriptedReply::Text(200, "<html>".to_owned()),
    ] {
        let words = format!("{lost:?}");
        let (result, patches) = applied(on_patch(move |seen, state| {
            patch(state, &seen.body);
            lost.clone()
        }))
        .await;
        let said = result.expect(&words);
        assert!(said.contains("but reading back shows"), "{words}: {said}");
        assert_eq!(patches, 1, "{words}: a write is never repeated");
    }
}

#[tokio::test]
async fn an_answer_lost_and_nothing_to_see_stays_unknown() {
    for reply in [ScriptedReply::Silent, no(500, 0, "internal"), ok(&lb()), no(200, 1, "contradiction")] {
        let words = format!("{reply:?}");
        let (result, patches) = applied(on_patch(move |_, _| reply.clone())).await;
        let Err(ActError::Unknown(trouble)) = result else { panic!("{words}: {result:?}") };
        assert!(trouble.what.as_str().ends_with("reading back does not show the change"), "{trouble:?}");
        assert_eq!(patches, 1, "{words}");
    }
}

#[tokio::test]
async fn a_clear_no_is_not_applied() {
    for (reply, kind) in [
        (no(400, 1002, "validation failed"), TroubleKind::Garbage),
        (no(403, 10000, "Authentication error"), TroubleKind::Forbidden),
        (no(404, 1001, "not found"), TroubleKind::NotInstalled),
        (no(429, 971, "Please wait"), TroubleKind::Throttled),
        (
            ScriptedReply::With(302, vec![("location", "https://login.example/".to_owned())], String::new()),
            TroubleKind::Garbage,
        ),
    ] {
        let words = format!("{reply:?}");
        let (result, patches) = applied(on_patch(move |_, _| reply.clone())).await;
        let Err(ActError::NotApplied(trouble)) = result else { panic!("{words}: {result:?}") };
        assert_eq!((trouble.kind, patches), (kind, 1), "{trouble:?}");
    }
    // And so is a write that never left: the address is closed, or the token can't be read.
    let server = world(|_, _| None).await;
    let mut closed = setup(&server, &["z1"]);
    let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    closed.config.url = format!("http://{port}");
    let result = CloudflareAdapter::new(closed.client()).apply(&to_dr(), &permit()).await;
    assert!(matches!(&result, Err(ActError::NotApplied(t)) if t.kind == TroubleKind::Unreachable), "{result:?}");
    let empty = setup(&server, &["z1"]);
    std::fs::write(empty.token.path(), "").expect("emptied");
    let result = CloudflareAdapter::new(empty.client()).apply(&to_dr(), &permit()).await;
    assert!(matches!(&result, Err(ActError::NotApplied(t)) if t.kind == TroubleKind::Credential), "{result:?}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_step_that_is_not_exactly_known_sends_nothing() {
    let server = world(|_, _| None).await;
    let setup = setup(&server, &["z1"]);
    let acting = CloudflareAdapter::new(setup.client());
    let fine = json!({"default_pools": ["p-dr"], "fallback_pool": "p-dr"});
    let mut steps = vec![
        step(json!({})),
        step(json!({"default_pools": [], "fallback_pool": "p-dr"})),
        step(json!({"default_pools": ["../x"], "fallback_pool": "p-dr"})),
        step(json!({"default_pools": ["p-dr"], "fallback_pool": "../x"})),
        step(json!({"default_pools": ["p-dr"], "fallback_pool": "p-dr", "enabled": false})),
        step(json!({"default_pools": ["p-dr"], "fallback_pool": null})),
        step(Value::Null),
        requesting(json!({"zone": "another", "body": fine})),
    ];
    for change in [
        (|s: &mut Step| s.request = StepRequest::from_members("cloudflare.delete".to_owned(), json!({})))
            as fn(&mut Step),
        |s| s.target.kind = "pool".to_owned(),
        |s| s.target.id = "../lb-1".to_owned(),
    ] {
        let mut changed = step(fine.clone());
        change(&mut changed);
        steps.push(changed);
    }
    for step in steps {
        let result = acting.apply(&step, &permit()).await;
        assert!(matches!(&result, Err(ActError::NotApplied(_))), "{step:?} {result:?}");
    }
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_replaced_token_brings_the_source_back() {
    let server =
        world(|seen, _| (seen.header("authorization") != "Bearer good").then(|| no(401, 1000, "Invalid API Token")))
            .await;
    let (setup, mut room, tasks) = (setup(&server, &["z1"]), SourceBench::fast(), TaskTracker::new());
    let _started = super::start(&setup.config, &room.ctx, &tasks);
    let trouble: Trouble = room.trouble().await;
    assert_eq!(trouble.kind, TroubleKind::Unauthorized, "{trouble:?}");
    std::fs::write(setup.token.path(), "good").expect("replaced");
    room.wait(|change| matches!(change, SourceChange::Replace { kind: FactKind::Pool, .. }).then_some(())).await;
    room.ctx.stop.cancel();
}
