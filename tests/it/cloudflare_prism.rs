//! Every request that the program sends to Cloudflare, held against the published schema by Prism, which nobody here
//! wrote; and the drill's provider with it, whose answers are held against the same schema.
//!
//! The real client polls and acts; a recorder in between keeps each exchange. What the schema can't prove is said in the
//! contracts: it lets an empty `default_pools` and read-only fields pass, so those have tests of their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::Request;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use warroom::actions::{self, PlanContext};
use warroom::board::{Board, BoardSetup, LoadBalancerRow, RowBody as Row, Topic};
use warroom::clock::Clock;
use warroom::config::CloudflareConfig;
use warroom::drill::Simulator;
use warroom::drill::scenario;
use warroom::model::facts::{EdgeAccount, LoadBalancer, PlaceRole};
use warroom::model::plan::{HeadRef, Target};
use warroom::model::{
    Action, Digest, Host, Level, Objective, Observation, PersonId, Plan, Policy, ReadPath, SourceChange, SourceId,
    Step, StepRequest, Strategy, System, TroubleKind,
};
use warroom::systems::{ActError, Adapter, Ctx, Permit, cloudflare};

use crate::peers::prism::Prism;
use crate::support::{PATIENCE, wait_for, wait_within};

const ACCOUNT: &str = "01a7362d577a6c3019a474fd6f485823";
const ZONE: &str = "699d98642c564d2e855e9661899b7252";

/// One exchange as the recorder saw it.
#[derive(Clone, Debug)]
struct Exchange {
    method: String,
    path: String,
    sent: Value,
    status: u16,
    #[allow(dead_code, reason = "read where a test fails, through Debug")]
    answer: Value,
    violations: String,
}

/// Passes everything on, keeps it, and may ask the mock for another answer than the good one.
#[derive(Clone)]
struct Recorder {
    url: String,
    kept: Arc<Mutex<Vec<Exchange>>>,
    prefer: Arc<Mutex<Vec<(String, String)>>>,
    /// Lists say that they are whole: the schema's own example says one of two thousand.
    whole: Arc<Mutex<bool>>,
}

impl Recorder {
    fn start(runtime: &Runtime, upstream: &str) -> Self {
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let recorder = Self { url, kept: Arc::default(), prefer: Arc::default(), whole: Arc::default() };
        warroom::systems::http::install_crypto();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let (keeper, upstream) = (recorder.clone(), upstream.to_owned());
        let app = axum::Router::new().fallback(move |request: Request<Body>| {
            let (keeper, client, upstream) = (keeper.clone(), client.clone(), upstream.clone());
            async move { keeper.pass(&client, &upstream, request).await }
        });
        runtime.spawn(async move { axum::serve(listener, app).await });
        recorder
    }

    async fn pass(&self, client: &reqwest::Client, upstream: &str, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
        let path = parts.uri.path().to_owned();
        let mut onward = client.request(parts.method.clone(), format!("{upstream}{path}")).body(bytes.to_vec());
        for (name, value) in parts.headers.iter().filter(|(name, _)| *name != "host" && *name != "content-length") {
            onward = onward.header(name, value);
        }
        let prefer = self.prefer.lock().expect("the wish").iter().find(|(on, _)| path.ends_with(on)).cloned();
        if let Some((_, wish)) = prefer {
            onward = onward.header("prefer", wish);
        }
        let answer = onward.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.bytes().await.expect("the answer's body");
        let text = if *self.whole.lock().expect("the wish") { made_whole(&text) } else { text.to_vec() };
        let json = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap_or(Value::Null);
        let violations = headers.get("sl-violations").and_then(|it| it.to_str().ok()).unwrap_or_default().to_owned();
        self.kept.lock().expect("the record").push(Exchange {
            method: parts.method.to_string(),
            path,
            sent: json(&bytes),
            status: status.as_u16(),
            answer: json(&text),
            violations,
        });
        let mut response = Response::builder().status(status);
        for (name, value) in
            headers.iter().filter(|(name, _)| !matches!(name.as_str(), "content-length" | "transfer-encoding"))
        {
            response = response.header(name, value);
        }
        response.body(Body::from(text)).expect("a response")
    }

    /// Answers to paths that end so are of this kind from now on.
    fn prefer(&self, wishes: &[(&str, &str)]) {
        let wishes = wishes.iter().map(|(on, wish)| ((*on).to_owned(), (*wish).to_owned())).collect();
        *self.prefer.lock().expect("the wish") = wishes;
    }

    fn kept(&self) -> Vec<Exchange> {
        self.kept.lock().expect("the record").clone()
    }

    /// The kinds of request so far: method and path, ids left out.
    fn kinds(&self) -> BTreeSet<String> {
        let fixed =
            ["", "accounts", "zones", "load_balancers", "pools", "health", "references", "user", "tokens", "verify"];
        let id = |part: &str| !fixed.contains(&part);
        let words =
            |path: &str| path.split('/').map(|part| if id(part) { "ID" } else { part }).collect::<Vec<_>>().join("/");
        self.kept().iter().map(|it| format!("{} {}", it.method, words(&it.path))).collect()
    }

    /// Nothing that was said broke the schema.
    fn all_accepted(&self) {
        for it in self.kept() {
            assert!((200..300).contains(&it.status) && it.violations.is_empty(), "{it:#?}");
        }
    }
}

fn made_whole(text: &[u8]) -> Vec<u8> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(text) else { return text.to_vec() };
    if let Some(info) = answer.get_mut("result_info").and_then(Value::as_object_mut) {
        info.retain(|key, _| key == "page" || key == "per_page");
    }
    answer.to_string().into_bytes()
}

/// The real source, on a real clock, and what it reported.
struct Source {
    adapter: Arc<dyn Adapter>,
    reports: mpsc::Receiver<Observation>,
    seen: Vec<SourceChange>,
    board: Board,
    clock: Clock,
    stop: CancellationToken,
    _token: tempfile::NamedTempFile,
}

impl Source {
    fn start(runtime: &Runtime, url: &str, account: &str, zone: &str, token: &str) -> Self {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), token).expect("written");
        let config = CloudflareConfig {
            name: "edge".to_owned(),
            url: url.to_owned(),
            account: account.to_owned(),
            zones: vec![zone.to_owned()],
            token_file: file.path().to_owned(),
            every_s: 1,
            ..CloudflareConfig::default()
        };
        let (out, reports) = mpsc::channel(256);
        let (clock, stop, tasks) = (Clock::real(), CancellationToken::new(), TaskTracker::new());
        let ctx = Ctx {
            clock: clock.clone(),
            out,
            reach: Default::default(),
            proxies: Default::default(),
            meters: Default::default(),
            stop: stop.clone(),
        };
        let (spec, adapter) = {
            let _inside = runtime.enter();
            cloudflare::start(&config, &ctx, &tasks)
        };
        let board = Board::new(BoardSetup { sources: vec![(spec.id, spec.fresh_for_s)], ..BoardSetup::default() });
        let adapter = adapter.expect("it can act");
        Self { adapter, reports, seen: Vec::new(), board, clock, stop, _token: file }
    }

    fn take(&mut self) {
        while let Ok(observation) = self.reports.try_recv() {
            self.seen.push(observation.change.clone());
            self.board.apply(observation);
        }
    }

    /// Waits until the board shows something.
    fn wait<T>(&mut self, what: &str, look: impl Fn(&Row) -> Option<T>) -> T {
        let found = wait_within(PATIENCE, || {
            self.take();
            let judged = self.board.judge(self.clock.now());
            judged.rows(Topic::Traffic).iter().find_map(|row| look(&row.body))
        });
        found.unwrap_or_else(|| panic!("{what}: not seen; last {:#?}", self.seen.last()))
    }

    fn account(&mut self, what: &str, is: impl Fn(&EdgeAccount) -> bool) -> EdgeAccount {
        self.wait(what, |row| match row {
            Row::EdgeAccount(it) if is(it) => Some(it.clone()),
            _ => None,
        })
    }

    fn balancer(&mut self) -> LoadBalancer {
        self.wait("a load balancer", |row| match row {
            Row::LoadBalancer(LoadBalancerRow { lb, .. }) => Some(lb.clone()),
            _ => None,
        })
    }

    /// The next trouble of a kind, in words.
    fn trouble(&mut self, kind: TroubleKind) -> String {
        self.seen.clear();
        wait_for("a trouble", || {
            self.take();
            self.seen.iter().find_map(|change| match change {
                SourceChange::Trouble(it) if it.kind == kind => Some(format!("{} {}", it.what, it.remedy)),
                _ => None,
            })
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

fn permit() -> Permit {
    Permit { plan: "01PLAN".into(), digest: Digest([7; 32]), persons: vec![PersonId::from("ana")] }
}

fn step(lb: &str, zone: &str, body: Value, edits: Vec<Value>, was: &BTreeMap<String, String>) -> Step {
    let src = SourceId::new(System::Cloudflare, "edge");
    let mut params = json!({"zone": zone, "body": body});
    if !edits.is_empty() {
        params["edits"] = json!(edits);
        params["was"] = json!(was);
    }
    Step {
        id: "1".to_owned(),
        request: StepRequest::from_members("cloudflare.patch_load_balancer".to_owned(), params),
        target: Target { src, kind: "load_balancer".to_owned(), id: lb.to_owned(), name: String::new() },
        pre: Vec::new(),
        effect: String::new(),
        limit_s: 60,
        check: Vec::new(),
    }
}

/// Each shape of a write that a plan can have: the order, the fallback, both, and with them each other part.
fn shapes(lb: &LoadBalancer, zone: &str) -> Vec<Step> {
    let (order, last) = (json!(lb.default_pools), json!(lb.fallback_pool));
    let whole = json!({"default_pools": order, "fallback_pool": last});
    let none = BTreeMap::new();
    let mut out = vec![step(&lb.id, zone, whole.clone(), Vec::new(), &none)];
    let edit = |path: &str, role: PlaceRole, pools: &[String]| {
        let to = if role == PlaceRole::Fallback { json!(pools[0]) } else { pools.iter().rev().cloned().collect() };
        json!({"at": path, "to": to})
    };
    let places: Vec<_> = lb.places.iter().filter(|it| it.role != PlaceRole::Other).collect();
    let all = |part: &str| -> Vec<Value> {
        let of = places.iter().filter(|it| it.path.starts_with(part));
        of.map(|it| edit(&it.path, it.role, &it.pools)).collect()
    };
    for (part, digest) in &lb.digests {
        let was = BTreeMap::from([(part.clone(), digest.clone())]);
        out.push(step(&lb.id, zone, whole.clone(), all(part), &was));
    }
    out.push(step(&lb.id, zone, whole, all(""), &lb.digests));
    out
}

#[test]
fn the_schema_accepts_every_read_and_every_shape_of_a_write() {
    let Some(prism) = Prism::cloudflare() else { return };
    let runtime = runtime();
    let recorder = Recorder::start(&runtime, &prism.url);
    let mut source = Source::start(&runtime, &recorder.url, ACCOUNT, ZONE, "a-token");
    let says = source.trouble(TroubleKind::Partial);
    assert!(says.contains("and not all; nothing is judged by a part"), "{says}");
    *recorder.whole.lock().expect("the wish") = true;
    let account = source.account("the token's check", |it| it.token.checked.is_some());
    assert_eq!((account.token.owner.as_str(), account.token.status.as_str()), ("user", "active"), "{account:?}");
    let lb = source.balancer();
    assert!(!lb.default_pools.is_empty() && lb.digests.len() >= 3, "the example names pools by place too: {lb:?}");

    for path in ["default_pools", "fallback_pool", "enabled", "modified_on", "policy", "overrides", "digest/rules"] {
        let read = runtime.block_on(source.adapter.read(&format!("lb/{}/{path}", lb.id)));
        assert!(read.is_ok(), "{path}: {read:?}");
    }
    for path in ["enabled", "healthy", "shedding_percent"] {
        let read = runtime.block_on(source.adapter.read(&format!("pool/{}/{path}", lb.default_pools[0])));
        assert!(read.is_ok(), "{path}: {read:?}");
    }
    let shapes = shapes(&lb, ZONE);
    for step in &shapes {
        // The mock answers with its example whatever is sent, so it does not show the change: taken is all that counts.
        let result = runtime.block_on(source.adapter.apply(step, &permit()));
        assert!(!matches!(result, Err(ActError::NotApplied(_))), "{step:?} {result:?}");
    }
    let patched: Vec<Value> = recorder.kept().into_iter().filter(|it| it.method == "PATCH").map(|it| it.sent).collect();
    assert_eq!(patched.len(), shapes.len(), "each is sent once");
    for body in &patched {
        let keys: BTreeSet<&str> = body.as_object().expect("an object").keys().map(String::as_str).collect();
        let may =
            ["default_pools", "fallback_pool", "region_pools", "country_pools", "pop_pools", "rules", "pool_sets"];
        assert!(keys.iter().all(|key| may.contains(key)), "the least body: {keys:?}");
    }
    let sent: BTreeSet<String> =
        patched.iter().flat_map(|body| body.as_object().expect("an object").keys().cloned()).collect();
    println!("PATCH bodies sent: {}; keys: {sent:?}", patched.len());

    // An account's token is unknown at the user's address.
    recorder.prefer(&[("/user/tokens/verify", "code=401")]);
    let mut other = Source::start(&runtime, &recorder.url, ACCOUNT, ZONE, "cfat_token");
    let account = other.account("the account's own check", |it| it.token.checked.is_some());
    assert_eq!(account.token.owner.as_str(), "account", "{account:?}");
    recorder.prefer(&[]);

    let kinds = recorder.kinds();
    for kind in [
        "GET /accounts/ID/load_balancers/pools",
        "GET /accounts/ID/load_balancers/pools/ID",
        "GET /accounts/ID/load_balancers/pools/ID/health",
        "GET /accounts/ID/load_balancers/pools/ID/references",
        "GET /accounts/ID/tokens/verify",
        "GET /user/tokens/verify",
        "GET /zones/ID/load_balancers",
        "GET /zones/ID/load_balancers/ID",
        "PATCH /zones/ID/load_balancers/ID",
    ] {
        assert!(kinds.contains(kind), "{kind} was never asked: {kinds:?}");
    }
    assert_eq!(kinds.len(), 9, "and nothing else is asked: {kinds:?}");
    let bad: Vec<_> = recorder
        .kept()
        .into_iter()
        .filter(|it| it.status != 200 && !it.path.ends_with("/user/tokens/verify"))
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");

    // The judge does judge: a policy that does not exist, and a truth that is a word.
    let path = format!("/zones/{ZONE}/load_balancers/{}", lb.id);
    for body in
        [json!({"steering_policy": "failover"}), json!({"default_pools": "one"}), json!({"rules": [{"new": 1}]})]
    {
        assert_eq!(prism.request("PATCH", &path, Some(&body)).0, 422, "{body}");
    }
}

#[test]
fn refusals_as_the_schema_words_them_are_understood() {
    let Some(prism) = Prism::cloudflare() else { return };
    let runtime = runtime();
    let recorder = Recorder::start(&runtime, &prism.url);
    *recorder.whole.lock().expect("the wish") = true;
    let mut source = Source::start(&runtime, &recorder.url, ACCOUNT, ZONE, "a-token");
    let lb = source.balancer();
    let body = json!({"default_pools": lb.default_pools, "fallback_pool": lb.fallback_pool});
    let write = step(&lb.id, ZONE, body, Vec::new(), &BTreeMap::new());
    let refused = |wish: &str| {
        recorder.prefer(&[("", wish)]);
        let result = runtime.block_on(source.adapter.apply(&write, &permit()));
        let Err(ActError::NotApplied(trouble)) = result else { panic!("{wish}: {result:?}") };
        (trouble.kind, format!("{} {}", trouble.what, trouble.remedy))
    };
    let (kind, says) = refused("code=403, example=auth");
    assert_eq!(kind, TroubleKind::Forbidden, "{says}");
    assert!(says.contains("10000") && says.contains("Zone: Load Balancers Write"), "{says}");
    let (kind, says) = refused("code=429");
    assert_eq!(kind, TroubleKind::Throttled, "{says}");
    assert!(says.contains("locked out until") && says.contains("(300 s)"), "{says}");
    for (wish, expected) in [
        ("code=401", TroubleKind::Unauthorized),
        ("code=404", TroubleKind::NotInstalled),
        ("code=400", TroubleKind::Garbage),
    ] {
        let (kind, says) = refused(wish);
        assert_eq!(kind, expected, "{wish}: {says}");
    }

    // And so do polls: a missing permission names itself; a lock-out says until when, and then nothing is asked.
    recorder.prefer(&[("/load_balancers/pools", "code=403, example=auth")]);
    source = Source::start(&runtime, &recorder.url, ACCOUNT, ZONE, "a-token");
    let says = source.trouble(TroubleKind::Forbidden);
    assert!(says.contains("Monitors and Pools Read"), "{says}");
    recorder.prefer(&[("", "code=429")]);
    let says = source.trouble(TroubleKind::Throttled);
    assert!(says.contains("locked out until"), "{says}");
    let asked = recorder.kept().len();
    source.trouble(TroubleKind::Throttled);
    source.trouble(TroubleKind::Throttled);
    assert_eq!(recorder.kept().len(), asked, "polls stop");
    let result = runtime.block_on(source.adapter.apply(&write, &permit()));
    assert!(matches!(&result, Err(ActError::NotApplied(it)) if it.kind == TroubleKind::Throttled), "{result:?}");
    assert_eq!(recorder.kept().len(), asked + 1, "a write is sent all the same");
}

fn objective(host: &str) -> Objective {
    Objective {
        service: "shop".into(),
        rto_s: 1800,
        rpo_s: 900,
        strategy: Strategy::WarmStandby,
        primary: "primary".into(),
        dr: vec!["dr".into()],
        schedules: Vec::new(),
        namespaces: vec!["shop".into()],
        apps: Vec::new(),
        hosts: vec![Host::new(host, Some("primary"), [("dr", "dr")])],
        probes: vec!["shop".into()],
    }
}

/// The failover as the program builds it from what it read.
fn plan(source: &mut Source, recorder: &Recorder, host: &str) -> Plan {
    let (objective, policy) = (objective(host), Policy { quorum: 2, level: Level::Account, ttl_s: 1800 });
    let mut why = String::new();
    let found = wait_within(PATIENCE, || {
        source.take();
        let (now, board) = (source.clock.now(), source.board.judge(source.clock.now()));
        let context = PlanContext {
            now,
            room: "test",
            incident: "INC-1".into(),
            plan: "01PLAN".into(),
            by: "ana".into(),
            policy: &policy,
            policy_digest: "sha256:policy",
            people_digest: "sha256:people",
            supersedes: None,
            head: HeadRef { seq: 1, h: "0".repeat(64) },
            objective: &objective,
            to: None,
            board: &board,
            credentials: &BTreeMap::new(),
            cluster_roles: &BTreeMap::new(),
        };
        match actions::build(Action::Failover, &context) {
            Ok(plan) if !plan.warnings.iter().any(|it| it.contains("was not read")) => Some(plan),
            Ok(plan) => {
                why = plan.warnings.join("\n");
                None
            }
            Err(refusal) => {
                why = refusal.why.to_string();
                None
            }
        }
    });
    let bad = || recorder.kept().into_iter().find(|it| it.status >= 300);
    found.unwrap_or_else(|| panic!("no plan: {why}\n{:#?}", bad()))
}

/// Reads what a plan relies on, writes, and reads what proves it: as the room's executor does.
fn carry_out(runtime: &Runtime, source: &Source, plan: &Plan) -> String {
    let step = &plan.steps[0];
    let read = |paths: Vec<&ReadPath>| -> BTreeMap<(SourceId, ReadPath), Value> {
        let adapter = &source.adapter;
        let reads = paths.into_iter().map(|path| async move {
            let value = adapter.read(path.as_str()).await.unwrap_or_else(|trouble| panic!("{path}: {trouble:?}"));
            ((SourceId::new(System::Cloudflare, "edge"), path.clone()), value)
        });
        runtime.block_on(futures::future::join_all(reads)).into_iter().collect()
    };
    let before = read(step.pre.iter().map(|pre| &pre.path).collect());
    let broken: Vec<_> = actions::preflight(step, &before).iter().map(actions::BrokenPrecondition::says).collect();
    assert!(broken.is_empty(), "{broken:?}");
    let said = runtime.block_on(source.adapter.apply(step, &permit())).expect("applied");
    let after = read(step.check.iter().map(|check| &check.path).collect());
    assert_eq!(actions::judge(step, &after), actions::Progress::Done, "{after:?}");
    said
}

/// An account that keeps what is written: two pools, and a load balancer with all that can name them.
fn full_account(runtime: &Runtime) -> (String, Arc<Mutex<Value>>) {
    let [primary, dr] = ["17b5962d775c646f3f9725cbc7a53df4", "9290f38c5d07c2e2f4df57b1f61d4196"];
    let pool = |id: &str, name: &str| {
        json!({"id": id, "name": name, "enabled": true, "minimum_origins": 1, "healthy": name == "dr",
            "monitor": "f1aba936b94213e5b8dca0c0dbf1f9cc", "load_shedding": null,
            "origins": [{"name": "o", "address": format!("{name}.origin.example"), "enabled": true, "weight": 0.5}]})
    };
    let lb = json!({"id": ZONE, "name": "shop.example", "enabled": true, "proxied": true, "ttl": 30, "steering_policy": "",
        "default_pools": [primary, dr], "fallback_pool": primary, "session_affinity": "cookie", "session_affinity_ttl": 1800,
        "session_affinity_attributes": {"drain_duration": 60, "samesite": "Auto"},
        "region_pools": {"WEU": [primary, dr], "OC": [dr]}, "country_pools": {"NL": [primary]}, "pop_pools": {},
        "random_steering": {"default_weight": 0.2, "pool_weights": {primary: 0.4}},
        "rules": [{"name": "blue", "condition": "http.request.uri.path contains \"/tést\"", "priority": 10, "disabled": false,
            "overrides": {"default_pools": [primary], "fallback_pool": primary, "session_affinity": "none",
                "random_steering": {"default_weight": 0.5}}},
            {"name": "down", "condition": "", "fixed_response": {"status_code": 503, "message_body": "later"}, "terminates": true}],
        "pool_sets": [{"name": "eu", "match": {"topology": {"regions": ["WEU"]}},
            "overrides": {"pools": [primary, dr], "fallback_pool": dr, "steering_policy": "off"}}],
        "modified_on": "2026-03-02T10:00:00.123456Z", "created_on": "2026-01-02T10:00:00.123456Z"});
    let state = Arc::new(Mutex::new(lb));
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let kept = state.clone();
    let app = axum::Router::new().fallback(move |request: Request<Body>| {
        let kept = kept.clone();
        async move {
            let (parts, body) = request.into_parts();
            let bytes = axum::body::to_bytes(body, 1 << 20).await.expect("a body");
            let mut lb = kept.lock().expect("the state");
            if parts.method == "PATCH" {
                let sent: Value = serde_json::from_slice(&bytes).expect("JSON");
                for (key, value) in sent.as_object().expect("an object") {
                    lb[key] = value.clone();
                }
                lb["modified_on"] = json!("2026-03-02T14:51:00.000001Z");
            }
            let path = parts.uri.path();
            let result = match path.rsplit('/').next().unwrap_or_default() {
                "verify" => json!({"id": "ed17574386854bf78a67040be0a770b0", "status": "active"}),
                "pools" => json!([pool(primary, "primary"), pool(dr, "dr")]),
                "health" => json!({"pool_id": dr, "pop_health": {"Amsterdam, NL": {"healthy": true, "origins": []}}}),
                "references" => json!([{"reference_type": "referrer", "resource_type": "load_balancer",
                    "resource_id": "e1aba936b94213e5b8dca0c0dbf1f9cc", "resource_name": "pay.example"}]),
                "load_balancers" => json!([*lb]),
                id if id == primary => pool(primary, "primary"),
                id if id == dr => pool(dr, "dr"),
                _ => lb.clone(),
            };
            let answer = json!({"success": true, "errors": [], "messages": [], "result": result});
            Response::builder()
                .header("content-type", "application/json")
                .body(Body::from(answer.to_string()))
                .expect("it")
        }
    });
    runtime.spawn(async move { axum::serve(listener, app).await });
    (url, state)
}

#[test]
fn a_failover_of_rules_pool_sets_and_maps_passes_the_schema_both_ways() {
    let runtime = runtime();
    let (upstream, state) = full_account(&runtime);
    let Some(prism) = Prism::cloudflare_before(&upstream) else { return };
    let recorder = Recorder::start(&runtime, &prism.url);
    let mut source = Source::start(&runtime, &recorder.url, ACCOUNT, ZONE, "a-token");
    let before = state.lock().expect("the state").clone();
    let plan = plan(&mut source, &recorder, "shop.example");
    let shown: Vec<_> = plan.shown.iter().map(|it| format!("{}: {} => {}", it.what, it.now, it.after)).collect();
    for line in [
        "rule blue: order: primary => dr → primary",
        "rule blue: fallback: primary => dr",
        "pool set eu: order: primary → dr => dr → primary",
        "region_pools WEU: primary → dr => dr → primary",
        "country_pools NL: primary => dr → primary",
        "also use primary: pay.example => stay as they are",
    ] {
        assert!(shown.contains(&line.to_owned()), "{line}: {shown:#?}");
    }
    let warnings = plan.warnings.join("\n");
    assert!(warnings.contains("Users under rule down go where that says"), "{warnings}");
    assert!(warnings.contains("over 60 s (drain)") || warnings.contains("over 1 min (drain)"), "{warnings}");
    carry_out(&runtime, &source, &plan);

    let after = state.lock().expect("the state").clone();
    let [primary, dr] = [&before["default_pools"][0], &before["default_pools"][1]];
    let mut wanted = before.clone();
    let swapped = json!([dr, primary]);
    for path in [
        "/default_pools",
        "/region_pools/WEU",
        "/country_pools/NL",
        "/rules/0/overrides/default_pools",
        "/pool_sets/0/overrides/pools",
    ] {
        *wanted.pointer_mut(path).expect(path) = swapped.clone();
    }
    for path in ["/fallback_pool", "/rules/0/overrides/fallback_pool"] {
        *wanted.pointer_mut(path).expect(path) = dr.clone();
    }
    wanted["modified_on"] = after["modified_on"].clone();
    assert_eq!(after, wanted, "what was meant to change, and nothing else");
    recorder.all_accepted();
    assert_eq!(recorder.kept().iter().filter(|it| it.method == "PATCH").count(), 1);
}

#[test]
fn the_drill_s_provider_and_our_requests_to_it_keep_to_the_schema() {
    let runtime = runtime();
    let story = scenario::load("etcd-corruption").expect("the scenario");
    let clock = Clock::real();
    let story = story.detected_at(clock.now());
    let home = crate::support::scratch();
    let (world, at) = runtime.block_on(async {
        let world = Simulator::start(story, 7, clock).await.expect("the world");
        let at = world.write_config(home.path()).expect("its files");
        (world, at)
    });
    let Some(prism) = Prism::cloudflare_before(&at.cloudflare) else { return };
    let recorder = Recorder::start(&runtime, &prism.url);
    let text = std::fs::read_to_string(&at.config).expect("the configuration");
    let config: toml::Table = text.parse().expect("TOML");
    let entry = &config["cloudflare"][0];
    let word = |key: &str| entry[key].as_str().expect("a word").to_owned();
    let token = std::fs::read_to_string(home.path().join(word("token_file"))).expect("the token");
    let mut source = Source::start(&runtime, &recorder.url, &word("account"), &at.zone, token.trim());

    let account = source.account("the token's check", |it| it.token.checked.is_some() && it.remaining.is_some());
    assert_eq!((account.token.owner.as_str(), account.token.status.as_str()), ("account", "active"), "{account:?}");
    assert!(account.token.expires.is_some() && account.resets.is_some(), "{account:?}");
    assert_eq!(account.limit, Some(1_200));
    let plan = plan(&mut source, &recorder, "shop.example");
    carry_out(&runtime, &source, &plan);
    assert_eq!(runtime.block_on(async { world.writes() }).len(), 1);

    let kinds = recorder.kinds();
    assert_eq!(kinds.len(), 9, "{kinds:?}");
    for it in recorder.kept() {
        // The drill's token is its account's, so the user's address says no, in the schema's own shape.
        let good = it.status == 200 || (it.status == 401 && it.path == "/user/tokens/verify");
        assert!(good && it.violations.is_empty(), "{it:#?}");
    }
}
