//! The world over its real sockets: the story, the reactions, the refusals.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;
use crate::drill::scenario::load;

struct SimulatorBench {
    world: Simulator,
    http: reqwest::Client,
    clock: Clock,
    at: Endpoints,
    tokens: [String; 3],
    _dir: tempfile::TempDir,
}

async fn room_of(scenario: Scenario, seed: u64) -> SimulatorBench {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let clock = Clock::manual(scenario.start);
    let world = Simulator::start(scenario, seed, clock.clone()).await.expect("starts");
    let dir = tempfile::tempdir().expect("a directory");
    let at = world.write_config(dir.path()).expect("written");
    let tokens = world.shared.with(|s| [s.primary.token.clone(), s.dr.token.clone(), s.edge.token.clone()]);
    let http = reqwest::Client::builder().no_proxy().build().expect("a client");
    SimulatorBench { world, http, clock, at, tokens, _dir: dir }
}

async fn room() -> SimulatorBench {
    room_of(load("etcd-corruption").expect("loads"), 7).await
}

impl SimulatorBench {
    /// Moves the clock to so many seconds after detection.
    fn to(&self, t_s: i64) {
        let at = self.world.shared.with(|s| s.scenario.detection) + TimeDelta::seconds(t_s);
        self.clock.advance((at - self.clock.now()).to_std().expect("forward"));
    }

    async fn send(&self, method: &str, url: String, token: &str, kind: &str, body: Option<Value>) -> (u16, Value) {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = self.http.request(method, url).bearer_auth(token);
        if let Some(body) = body {
            request = request.header("content-type", kind).body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a body");
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn primary(&self, path: &str) -> (u16, Value) {
        self.send("GET", format!("{}{path}", self.at.primary), &self.tokens[0], "", None).await
    }

    async fn dr(&self, path: &str) -> (u16, Value) {
        self.send("GET", format!("{}{path}", self.at.dr), &self.tokens[1], "", None).await
    }

    async fn dr_write(&self, method: &str, path: &str, kind: &str, body: Value) -> (u16, Value) {
        self.send(method, format!("{}{path}", self.at.dr), &self.tokens[1], kind, Some(body)).await
    }

    async fn edge(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        self.send(method, format!("{}{path}", self.at.cloudflare), &self.tokens[2], "application/json", body).await
    }

    async fn probe(&self) -> (u16, String) {
        let answer = self.http.get(&self.at.service).send().await.expect("an answer");
        let site = answer.headers()["x-served-by"].to_str().expect("text").to_owned();
        (answer.status().as_u16(), site)
    }

    async fn probes(&self, n: usize) -> Vec<(u16, String)> {
        let mut out = Vec::new();
        for _ in 0..n {
            out.push(self.probe().await);
        }
        out
    }

    fn lb(&self) -> String {
        format!("/zones/{}/load_balancers/{}", self.at.zone, self.at.load_balancer)
    }

    async fn fail_over(&self) -> (u16, Value) {
        let body = json!({"default_pools": [self.at.pools[1], self.at.pools[0]], "fallback_pool": self.at.pools[1]});
        self.edge("PATCH", &self.lb(), Some(body)).await
    }

    async fn restore(&self, name: &str) -> (u16, Value) {
        let body = json!({"apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {"name": name},
            "spec": {"backupName": "shop-hourly-20260310142900", "includedNamespaces": ["shop"]}});
        self.dr_write("POST", "/apis/velero.io/v1/namespaces/velero/restores", "application/json", body).await
    }

    async fn phase(&self, name: &str) -> Value {
        self.dr(&format!("/apis/velero.io/v1/namespaces/velero/restores/{name}")).await.1["status"]["phase"].clone()
    }
}

fn count(apps: &Value, health: &str) -> usize {
    apps["items"].as_array().expect("items").iter().filter(|a| a["status"]["health"]["status"] == health).count()
}

const APPS: &str = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications";

#[tokio::test]
async fn the_story_can_be_lived_through_real_sockets() {
    let room = room().await;
    assert_eq!(room.probe().await, (200, "primary".to_owned()));
    assert_eq!(room.primary("/livez").await, (200, json!("ok")));

    room.to(-235);
    assert_eq!(room.probe().await, (503, "primary".to_owned()), "users fail from the impact on");
    let (status, text) = room.primary("/livez?verbose").await;
    assert!(status == 500 && text.as_str().expect("text").contains("[-]etcd failed: reason withheld"), "{text}");
    assert_eq!(room.primary("/readyz?verbose").await.0, 500);
    assert_eq!(room.dr("/readyz?verbose").await.0, 200);

    room.to(-1);
    let names = |v: &Value| -> Vec<String> {
        v.as_array()
            .expect("alerts")
            .iter()
            .map(|a| a["labels"]["alertname"].as_str().expect("name").to_owned())
            .collect()
    };
    let alerts = |i: usize| room.send("GET", format!("{}/api/v2/alerts", room.at.alertmanagers[i]), "", "", None);
    assert_eq!(names(&alerts(0).await.1), ["Watchdog"], "nothing fires before detection");
    room.to(0);
    assert_eq!(names(&alerts(0).await.1), ["Watchdog", "etcdMembersDown", "KubeAPIDown", "ShopErrorBudgetBurn"]);
    assert_eq!(alerts(0).await.1, alerts(1).await.1, "both hold the same alerts");
    let (_, nodes) = room.primary("/api/v1/nodes").await;
    let unready = |n: &&Value| {
        n["status"]["conditions"]
            .as_array()
            .expect("list")
            .iter()
            .any(|c| c["type"] == "Ready" && c["status"] != "True")
    };
    assert_eq!(nodes["items"].as_array().expect("items").iter().filter(unready).count(), 4);

    room.to(550);
    assert_eq!(count(&room.dr(APPS).await.1, "Healthy"), 12, "the standby is whole before traffic comes");
    let (status, answer) = room.fail_over().await;
    assert!(
        status == 200 && answer["success"] == true && answer["result"]["fallback_pool"] == room.at.pools[1].as_str(),
        "{answer}"
    );
    assert!(room.probes(20).await.iter().all(|(_, site)| site == "primary"), "resolvers still have the old answer");
    room.to(565);
    let dr = room.probes(100).await.iter().filter(|(_, site)| site == "dr").count();
    assert!((45..=55).contains(&dr), "half of the TTL, half of the users: {dr}");
    room.to(580);
    assert!(room.probes(20).await.iter().all(|p| *p == (503, "dr".to_owned())), "all on DR, no data yet");
    assert!(count(&room.dr(APPS).await.1, "Progressing") > 0);
    room.to(711);
    assert_eq!(count(&room.dr(APPS).await.1, "Healthy"), 11);
    room.to(712);
    assert_eq!(count(&room.dr(APPS).await.1, "Healthy"), 12);

    // When Velero has looked at its bucket again.
    room.to(856);
    assert_eq!(room.restore("wr-1").await.0, 201);
    assert_eq!(room.phase("wr-1").await, Value::Null);
    room.to(861);
    assert_eq!(room.phase("wr-1").await, "InProgress");
    room.to(1060);
    assert_eq!(room.phase("wr-1").await, "WaitingForPluginOperations");
    room.to(1077);
    assert_eq!(room.phase("wr-1").await, "Finalizing");
    room.to(1078);
    assert_eq!(room.phase("wr-1").await, "Completed");
    assert!(room.probes(6).await.iter().all(|(status, _)| *status == 503), "replicas are cold");
    room.to(1352);
    assert!(room.probes(6).await.iter().any(|(status, _)| *status == 503), "one replica still warms up");
    room.to(1353);
    assert!(room.probes(12).await.iter().all(|p| *p == (200, "dr".to_owned())));
    assert!(!names(&alerts(0).await.1).contains(&"ShopErrorBudgetBurn".to_owned()), "resolved alerts are not returned");

    let writes: Vec<(String, u16)> = room.world.writes().into_iter().map(|w| (w.method, w.status)).collect();
    assert_eq!(writes, [("PATCH".to_owned(), 200), ("POST".to_owned(), 201)]);
}

#[tokio::test]
async fn without_failover_the_change_is_taken_but_traffic_stays() {
    let mut scenario = load("etcd-corruption").expect("loads");
    scenario.failover = false;
    let room = room_of(scenario, 7).await;
    room.to(550);
    assert_eq!(room.fail_over().await.0, 200);
    let (_, lb) = room.edge("GET", &room.lb(), None).await;
    assert_eq!(lb["result"]["default_pools"][0], room.at.pools[1].as_str());
    room.to(900);
    assert!(room.probes(10).await.iter().all(|p| *p == (503, "primary".to_owned())));
    assert_eq!(room.world.dump()["apps_scaled"], 0);
}

#[tokio::test]
async fn the_same_seed_and_writes_make_the_same_world_however_often_it_is_asked() {
    let scenario = || Arc::new(load("etcd-corruption").expect("loads"));
    let play = |seed: u64, step: i64| {
        let mut state = WorldState::new(scenario(), seed);
        let (detection, start) = (state.scenario.detection, state.now);
        let pools: Vec<Value> = state.edge.pools.iter().map(|p| p["id"].clone()).collect();
        let (zone, lb) = (state.edge.zone.clone(), state.edge.load_balancer["id"].as_str().expect("id").to_owned());
        let mut now = start;
        while now < detection + TimeDelta::seconds(545) {
            now += TimeDelta::milliseconds(step);
            state.advance(now.min(detection + TimeDelta::seconds(545)));
        }
        let body = json!({"default_pools": [pools[1], pools[0]]});
        state.apply(detection + TimeDelta::seconds(545), WriteRequest::PatchLoadBalancer { zone, id: lb, body });
        state.advance(detection + TimeDelta::seconds(900));
        state.dump().to_string()
    };
    let coarse = play(7, 60_000);
    assert_eq!(coarse, play(7, 333));
    assert_ne!(coarse, play(8, 60_000), "another seed is another world");
}

#[tokio::test]
async fn refusals_are_worded_as_the_real_servers_word_them() {
    let room = room().await;
    let (status, body) = room.send("GET", format!("{}/api/v1/events", room.at.primary), "wrong", "", None).await;
    assert_eq!((status, &body["message"]), (401, &json!("Unauthorized")));
    let url = format!("{}/apis/velero.io/v1/namespaces/velero/restores", room.at.dr);
    let anonymous = room.http.post(url).body("{}").send().await.expect("an answer");
    assert_eq!(anonymous.status().as_u16(), 403, "writes need the token");
    let (_, body) = kube::forbidden("system:anonymous", "list", kube_store::Res::Events, None);
    if let Some(recorded) = crate::test_support::contract("recorded/kube/anonymous-403.body") {
        let text = std::fs::read_to_string(recorded).expect("readable");
        assert_eq!(body, serde_json::from_str::<Value>(&text).expect("json"));
    }
    assert_eq!(room.dr("/apis/helm.toolkit.fluxcd.io/v2/helmreleases").await, (404, json!("404 page not found\n")));
    assert_eq!(room.dr("/api/v1/nodes/none").await.1["reason"], "NotFound");

    assert_eq!(room.restore("wr-1").await.0, 201);
    let (status, body) = room.restore("wr-1").await;
    assert_eq!(
        (status, &body["reason"], &body["message"]),
        (409, &json!("AlreadyExists"), &json!("restores.velero.io \"wr-1\" already exists"))
    );
    let path = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default";
    let merge = "application/merge-patch+json";
    let (_, location) = room.dr(path).await;
    let flip = |rv: &Value| json!({"metadata": {"resourceVersion": rv}, "spec": {"accessMode": "ReadOnly"}});
    let (status, patched) = room.dr_write("PATCH", path, merge, flip(&location["metadata"]["resourceVersion"])).await;
    assert_eq!((status, &patched["spec"]["accessMode"]), (200, &json!("ReadOnly")));
    let (status, body) = room.dr_write("PATCH", path, merge, flip(&location["metadata"]["resourceVersion"])).await;
    assert_eq!(
        (status, &body["reason"], &body["details"]["kind"]),
        (409, &json!("Conflict"), &json!("backupstoragelocations"))
    );
    assert_eq!(room.dr_write("PATCH", path, "application/json-patch+json", json!([])).await.0, 415);
    assert_eq!(room.dr_write("DELETE", path, merge, json!({})).await.1["reason"], "Forbidden");
    let review = |resource: &str| json!({"spec": {"resourceAttributes": {"group": "velero.io", "resource": resource, "verb": "create", "namespace": "velero"}}});
    let ssar = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    assert_eq!(room.dr_write("POST", ssar, "application/json", review("restores")).await.1["status"]["allowed"], true);
    assert_eq!(room.dr_write("POST", ssar, "application/json", review("backups")).await.1["status"]["allowed"], false);

    let (status, body) = room.send("GET", format!("{}/zones", room.at.cloudflare), "wrong", "", None).await;
    assert_eq!((status, &body["errors"][0]["code"]), (401, &json!(1000)));
    let (status, body) = room.edge("PATCH", &room.lb(), Some(json!({"default_pools": []}))).await;
    assert_eq!((status, &body["errors"][0]["code"]), (400, &json!(1002)));
    assert_eq!(room.edge("GET", &format!("/zones/{}/load_balancers/none", room.at.zone), None).await.0, 404);

    room.to(0);
    let body = json!({"apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {"name": "x"}, "spec": {"backupName": "b"}});
    let url = format!("{}/apis/velero.io/v1/namespaces/velero/restores", room.at.primary);
    let (status, body) = room.send("POST", url, &room.tokens[0], "application/json", Some(body)).await;
    assert_eq!((status, &body["reason"]), (500, &json!("InternalError")), "etcd of the primary takes no writes");
    let statuses: Vec<u16> = room.world.writes().iter().map(|w| w.status).collect();
    assert_eq!(statuses, [403, 201, 409, 200, 409, 415, 403, 400, 500], "every write is counted, refused ones too");
}

#[tokio::test]
async fn a_restore_of_a_missing_backup_fails_validation_and_a_second_one_waits() {
    let room = room().await;
    let body = json!({"apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {"name": "bad"}, "spec": {"backupName": "none"}});
    room.dr_write("POST", "/apis/velero.io/v1/namespaces/velero/restores", "application/json", body).await;
    room.restore("one").await;
    room.restore("two").await;
    room.to(-200);
    assert_eq!(room.phase("bad").await, "FailedValidation");
    assert_eq!(room.phase("one").await, "InProgress");
    assert_eq!(room.phase("two").await, Value::Null, "restores run one at a time");
    room.to(400);
    assert_eq!(room.phase("one").await, "Completed");
    assert_eq!(room.phase("two").await, "Completed");
}

#[tokio::test]
async fn lists_page_and_watches_go_on_from_where_the_list_ended() {
    let room = room().await;
    room.to(60);
    let (_, first) = room.primary("/api/v1/events?limit=5").await;
    assert_eq!(first["items"].as_array().expect("items").len(), 5);
    assert!(first["items"][0].get("kind").is_none(), "lists of core types leave kind out");
    let mut seen = 5;
    let mut token = first["metadata"]["continue"].clone();
    while let Some(next) = token.as_str().map(ToOwned::to_owned) {
        let (_, page) = room.primary(&format!("/api/v1/events?limit=50&continue={next}")).await;
        seen += page["items"].as_array().expect("items").len();
        assert_eq!(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
        token = page["metadata"]["continue"].clone();
    }
    let (_, all) = room.primary("/api/v1/events").await;
    assert_eq!(seen, all["items"].as_array().expect("items").len());

    let rv = first["metadata"]["resourceVersion"].as_str().expect("a version");
    let url = format!("{}/api/v1/events?watch=true&resourceVersion={rv}&allowWatchBookmarks=true", room.at.primary);
    let mut watch = room.http.get(url).bearer_auth(&room.tokens[0]).send().await.expect("a watch");
    room.world.inject(3);
    let mut text = String::new();
    while text.matches("\"ADDED\"").count() < 3 {
        let chunk = watch.chunk().await.expect("open").expect("more");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
    }
    for line in text.lines() {
        let event: Value = serde_json::from_str(line).expect("one object a line");
        assert_eq!(event["object"]["kind"], "Event");
    }
    let (_, old) = room.primary("/api/v1/events?watch=true&resourceVersion=5").await;
    assert_eq!((&old["type"], &old["object"]["code"]), (&json!("ERROR"), &json!(410)));
    let quick = room
        .primary("/api/v1/namespaces?watch=1&timeoutSeconds=1&sendInitialEvents=true&allowWatchBookmarks=true")
        .await
        .1;
    let quick = quick.as_str().expect("a stream");
    assert!(quick.contains("k8s.io/initial-events-end") && quick.contains("\"name\":\"kube-system\""), "{quick}");
}

#[tokio::test]
async fn a_service_that_is_down_refuses_and_comes_back_on_its_port() {
    let room = room().await;
    let url = format!("{}/api/v1/nodes?watch=true", room.at.dr);
    let mut watch = room.http.get(&url).bearer_auth(&room.tokens[1]).send().await.expect("a watch");
    assert!(watch.chunk().await.expect("open").is_some(), "a watch without a version begins with what is there");
    room.world.set_down(true).await;
    // Whatever was on its way may still come; then the stream ends.
    while let Ok(Some(_)) = watch.chunk().await {}
    for service in SimService::ALL {
        let error = room.http.get(room.world.url(service)).send().await.expect_err("refused");
        assert!(error.is_connect(), "{service:?}: {error}");
    }
    assert_eq!(
        room.http.get(format!("{}/_world/state", room.at.control)).send().await.expect("control stays").status(),
        200
    );
    room.world.set_service_down(SimService::Shop, false).await;
    assert_eq!(room.probe().await.0, 200);
    assert!(room.http.get(room.world.url(SimService::Dr)).send().await.is_err(), "only the one came back");
    room.world.set_down(false).await;
    assert_eq!(room.dr("/version").await.0, 200);
}

#[tokio::test]
async fn the_storm_brings_events_and_stays_bounded() {
    let room = room().await;
    let before = room.world.shared.with(|s| s.primary.store.shelf(kube_store::Res::Events).objects.len());
    room.world.inject(35_000);
    let after = room.world.shared.with(|s| s.primary.store.shelf(kube_store::Res::Events).objects.len());
    assert!(before < after && after == kube_store::MOST_EVENTS, "{before} {after}");
    room.world.storm(2000);
    let begun = room.world.shared.with(|s| s.injected);
    while room.world.shared.with(|s| s.injected) < begun + 100 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    room.world.storm(0);
}

#[test]
fn the_files_are_private_where_they_hold_a_token() {
    use std::os::unix::fs::PermissionsExt;
    let rt = tokio::runtime::Runtime::new().expect("a runtime");
    let room = rt.block_on(room());
    let dir = room.at.config.parent().expect("a directory");
    let mode = |name: &str| std::fs::metadata(dir.join(name)).expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("kubeconfig"), mode("cloudflare.token")), (0o600, 0o600));
    for name in ["warroom.toml", "people.toml"] {
        let text = std::fs::read_to_string(dir.join(name)).expect("there");
        toml::from_str::<toml::Table>(&text).expect(name);
    }
    let json: Value =
        serde_json::from_str(&std::fs::read_to_string(dir.join("endpoints.json")).expect("there")).expect("json");
    assert_eq!(json["service"], room.at.service.as_str());
}

/// Runs a program if it is installed; `None` (and a word) if not.
async fn tool(program: &str, args: &[&str]) -> Option<(bool, String)> {
    match tokio::process::Command::new(program).args(args).env("HOME", "/nonexistent").output().await {
        Ok(out) => Some((
            out.status.success(),
            format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr)),
        )),
        Err(_) => {
            crate::test_support::missing(program);
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_reads_the_world_without_complaint() {
    let room = room().await;
    room.to(60);
    let config = room.at.kubeconfig.to_str().expect("text").to_owned();
    for (args, wanted) in [
        ("get nodes", "NotReady"),
        ("get events -A", "BackOff"),
        ("get pods -n shop", "CrashLoopBackOff"),
        ("get backups,schedules,bsl -n velero", "shop-hourly-20260310142900"),
        ("get applications -n argocd -o json", "\"Synced\""),
        ("--context dr get leases -n kube-node-lease", "dr-node-1"),
        ("get --raw /livez", "[-]etcd failed"),
        ("api-resources", "velero.io/v1"),
        ("get backup shop-hourly-20260310142900 -n velero -o jsonpath={.status.phase}", "Completed"),
    ] {
        let mut all = vec!["--kubeconfig", &config, "--cache-dir", room._dir.path().to_str().expect("text")];
        all.extend(args.split(' '));
        let Some((ok, out)) = tool("kubectl", &all).await else { return };
        assert!(out.contains(wanted), "kubectl {args}: {out}");
        assert!(ok || args.contains("livez"), "kubectl {args}: {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amtool_reads_both_alertmanagers() {
    let room = room().await;
    room.to(60);
    for url in &room.at.alertmanagers {
        for (args, wanted) in
            [("alert query", "etcdMembersDown"), ("silence query", ""), ("alert query --inhibited", "KubeNodeNotReady")]
        {
            let mut all = vec!["--alertmanager.url", url.as_str()];
            all.extend(args.split(' '));
            let Some((ok, out)) = tool("amtool", &all).await else { return };
            assert!(ok && out.contains(wanted), "amtool {args}: {out}");
        }
    }
}

impl SimulatorBench {
    /// One instant query as a form; the value of its only series, if it has one.
    async fn promql(&self, query: &str) -> (u16, Value) {
        let mut url: reqwest::Url = format!("{}/api/v1/query", self.at.prometheus).parse().expect("an address");
        url.query_pairs_mut().append_pair("query", query);
        let form = url.query().unwrap_or_default().to_owned();
        url.set_query(None);
        let request = self.http.post(url).header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    async fn recorded(&self, name: &str) -> f64 {
        let (status, said) = self.promql(&format!("{name}{{service=\"shop\"}}")).await;
        assert_eq!(status, 200, "{said}");
        said["data"]["result"][0]["value"][1].as_str().and_then(|text| text.parse().ok()).expect("a number in a string")
    }
}

#[tokio::test]
async fn prometheus_records_the_month_before_and_the_outage() {
    let room = room().await;
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 0.02 * expected, "{found}, not {expected}");
    near(room.recorded("slo:errors_per_request:ratio_rate30d").await, 0.0002);
    near(room.recorded("slo:requests:increase1h").await, 40.0 * 3_600.0);
    // Five minutes after the impact all of the newest window failed, and five minutes of the hour.
    room.to(60);
    near(room.recorded("slo:errors_per_request:ratio_rate5m").await, 1.0);
    near(room.recorded("slo:errors_per_request:ratio_rate1h").await, 300.0 / 3_600.0);
    near(room.recorded("slo:errors_per_request:ratio_rate30d").await, 0.0002 + 300.0 / 2_592_000.0);
}

#[tokio::test]
async fn prometheus_reads_selectors_and_refuses_what_it_does_not_read() {
    let room = room().await;
    for nothing in ["no_such_series", "slo:requests:increase7m", "slo:requests:increase5m{service=\"other\"}"] {
        let (status, said) = room.promql(nothing).await;
        assert_eq!((status, &said["data"]["result"]), (200, &json!([])), "{nothing}");
    }
    for refused in ["", "up[5m]", "sum(up)", "up{job=~\"a\"}", "up{job!=\"a\"}", "1", "up{", "up offset 5m"] {
        let (status, said) = room.promql(refused).await;
        assert_eq!((status, &said["errorType"]), (400, &json!("bad_data")), "{refused}");
    }
    room.to(30);
    let (_, rules) = room.send("GET", format!("{}/api/v1/rules", room.at.prometheus), "", "", None).await;
    let states: Vec<&str> = rules["data"]["groups"][0]["rules"]
        .as_array()
        .expect("rules")
        .iter()
        .filter_map(|rule| rule["state"].as_str())
        .collect();
    assert!(states.contains(&"firing") && states.contains(&"inactive"), "{states:?}");
    let (status, text) = room.send("GET", format!("{}/api/v2/alerts", room.at.prometheus), "", "", None).await;
    assert_eq!((status, text), (404, json!("404 page not found\n")), "in plain text");
}
