//! The Kubernetes client in front of a real API server and its etcd, while these are killed, paused, busy, restored to
//! order, and while credentials and certificates run out: what it concludes is compared with what the server has.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warroom::clock::Clock;
use warroom::config::{self, LoadOptions};
use warroom::model::facts::{ControlPlane, Endpoint, Fact, FactKind};
use warroom::model::{Observation, SourceChange, Trouble, TroubleKind};
use warroom::systems::kube_api::requests::{self, Collection, ListFault};
use warroom::systems::{self, Ctx, kube_api};

use crate::peers::certs::Validity;
use crate::peers::kube::{Client, Cluster, Options};
use crate::peers::proxy::Proxy;
use crate::support::{PATIENCE, scratch, wait_for, wait_within};

const EVENTS: &str = "/api/v1/namespaces/default/events";

/// One source of one cluster, and what it has reported.
struct Eye {
    seen: mpsc::Receiver<Observation>,
    stop: CancellationToken,
    runtime: tokio::runtime::Runtime,
    /// uids of the events that it believes in.
    events: BTreeSet<String>,
    plane: Option<ControlPlane>,
    /// Set while it is in trouble.
    trouble: Option<Trouble>,
    troubles: Vec<Trouble>,
    alive: u32,
    lists: u32,
    looks: u32,
    _home: tempfile::TempDir,
}

impl Drop for Eye {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What a configuration file says beyond the cluster's name.
#[derive(Default)]
struct Words<'a> {
    cluster: &'a str,
    rest: &'a str,
    serve: bool,
}

impl Eye {
    fn open(kubeconfig: &Path) -> Self {
        Self::with(kubeconfig, &Words::default())
    }

    fn with(kubeconfig: &Path, words: &Words<'_>) -> Self {
        let home = scratch();
        let file = home.path().join("warroom.toml");
        let text = format!(
            "[room]\nname = \"r\"\n[[cluster]]\nname = \"dr\"\nrole = \"dr\"\nkubeconfig = {kubeconfig:?}\n{}\n{}\n",
            words.cluster, words.rest
        );
        std::fs::write(&file, text).expect("written");
        let options = LoadOptions { serve: words.serve, ..LoadOptions::default() };
        let config = config::load(&file, options).unwrap_or_else(|errors| panic!("{errors}"));
        let (out, seen) = mpsc::channel(1024);
        let stop = CancellationToken::new();
        let ctx = Ctx {
            clock: Clock::real(),
            out,
            reach: Default::default(),
            proxies: Default::default(),
            meters: Default::default(),
            stop: stop.clone(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        runtime.block_on(async { systems::start(&config, &ctx) });
        let (events, troubles) = (BTreeSet::new(), Vec::new());
        Self {
            seen,
            stop,
            runtime,
            events,
            plane: None,
            trouble: None,
            troubles,
            alive: 0,
            lists: 0,
            looks: 0,
            _home: home,
        }
    }

    fn take_in(&mut self) {
        while let Ok(observation) = self.seen.try_recv() {
            match observation.change {
                SourceChange::Replace { kind: FactKind::KubeEvent, facts } => {
                    self.lists += 1;
                    let all = facts.len();
                    self.events = facts.iter().map(Fact::key).collect();
                    assert_eq!(self.events.len(), all, "an event is in a list twice");
                }
                SourceChange::Upsert(Fact::KubeEvent(event)) => {
                    self.events.insert(event.uid);
                }
                SourceChange::Remove { kind: FactKind::KubeEvent, key } => {
                    self.events.remove(&key);
                }
                SourceChange::Upsert(Fact::ControlPlane(plane)) => {
                    self.looks += 1;
                    self.plane = Some(plane);
                }
                SourceChange::Alive => {
                    self.alive += 1;
                    self.trouble = None;
                }
                SourceChange::Trouble(trouble) => {
                    self.trouble = Some(trouble.clone());
                    if self.troubles.last() != Some(&trouble) {
                        self.troubles.push(trouble);
                    }
                }
                _ => {}
            }
        }
    }

    fn until<T>(&mut self, what: &str, mut question: impl FnMut(&Self) -> Option<T>) -> T {
        let began = Instant::now();
        let found = wait_within(PATIENCE, || {
            self.take_in();
            question(self)
        });
        let Some(found) = found else {
            panic!("waited for {what}; plane {:?}, trouble {:?}, said {:?}", self.plane, self.trouble, self.troubles)
        };
        println!("{what}: after {} ms", began.elapsed().as_millis());
        found
    }

    /// Proof of life that comes from now on.
    fn lives(&mut self, when: &str) {
        self.take_in();
        let before = self.alive;
        self.until(&format!("proof of life {when}"), |eye| (eye.alive > before && eye.trouble.is_none()).then_some(()));
    }

    fn troubled(&mut self, what: &str, is: impl Fn(&Trouble) -> bool) -> Trouble {
        self.until(what, |eye| eye.trouble.clone().filter(|trouble| is(trouble)))
    }

    /// Waits until it believes in exactly what the server has.
    fn agrees(&mut self, client: &Client) {
        let list = client.must("GET", "/api/v1/events", None);
        let uid = |it: &Value| it["metadata"]["uid"].as_str().expect("a uid").to_owned();
        let there: BTreeSet<String> = list["items"].as_array().expect("items").iter().map(uid).collect();
        self.until(&format!("{} events, as the server has them", there.len()), |eye| {
            (eye.events == there).then_some(())
        });
    }

    fn saying(&self) -> Vec<&str> {
        self.troubles.iter().map(|trouble| trouble.what.as_str()).collect()
    }
}

fn event(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "default"}, "type": "Warning",
           "involvedObject": {"kind": "Pod", "name": "web", "namespace": "default"}, "reason": "BackOff",
           "message": "Back-off", "count": 1, "lastTimestamp": "2026-11-22T19:00:00Z"})
}

fn add(client: &Client, name: &str) {
    client.must("POST", EVENTS, Some(&event(name)));
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::write(&path, text).expect("written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("closed");
    path
}

/// Writes until the server has forgotten this version.
fn compacted(client: &Client, version: &str) {
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "busy"}});
    let maps = "/api/v1/namespaces/default/configmaps";
    client.request("POST", maps, Some(&body));
    let exact = format!("/api/v1/configmaps?limit=1&resourceVersionMatch=Exact&resourceVersion={version}");
    wait_for("the compaction", || {
        client.must("PATCH", &format!("{maps}/busy"), Some(&json!({"data": {"n": format!("{:?}", Instant::now())}})));
        (client.request("GET", &exact, None).0 == 410).then_some(())
    });
}

#[test]
fn an_api_server_that_is_killed_and_comes_back_is_caught_up_with() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    add(&cluster.client(), "before");
    let mut eye = Eye::open(&cluster.kubeconfig);
    eye.lives("at the start");
    assert_eq!(eye.saying(), [""; 0]);
    eye.agrees(&cluster.client());
    let plane = eye.plane.clone().expect("a control plane");
    assert_eq!((plane.livez, plane.readyz, plane.skew_ms), (Endpoint::Ok, Endpoint::Ok, Some(0)));
    assert!(plane.notes.iter().any(|note| note.as_str().starts_with(&format!("server {}", cluster.url))), "{plane:?}");

    cluster.api().kill();
    let alive = eye.alive;
    eye.troubled("the outage", |trouble| trouble.kind == TroubleKind::Unreachable);
    eye.until("a control plane that is not reached", |eye| {
        eye.plane.as_ref().is_some_and(|it| it.livez == Endpoint::Unreachable).then_some(())
    });
    assert!(eye.alive <= alive + 1, "no life from a dead server");
    cluster.api().restart();
    let client = cluster.client();
    client.must("DELETE", &format!("{EVENTS}/before"), None);
    add(&client, "after");
    eye.lives("after the restart");
    eye.agrees(&client);
}

#[test]
fn versions_that_were_compacted_are_listed_again_in_both_of_their_forms() {
    let Some(cluster) = Cluster::start(Options::args(&["--etcd-compaction-interval=5s"])) else { return };
    let client = cluster.client();

    // HTTP 410 on the second page.
    for n in 0..510 {
        add(&client, &format!("e{n}"));
    }
    let proxy = Proxy::start(cluster.port);
    let text = std::fs::read_to_string(&cluster.kubeconfig).expect("read").replace(&cluster.url, &proxy.url("https"));
    let kubeconfig = written(cluster.folder(), "by-proxy", &text);
    let mut eye = Eye::open(&kubeconfig);
    eye.lives("at the start");
    eye.agrees(&client);
    let loaded = config_of(&kubeconfig);
    let listed = eye.runtime.block_on(async {
        let link = kube_api::client::connect(&loaded).await.expect("a client");
        let mut waited = false;
        requests::list(&link, &Collection::new("v1", "events", None), Duration::from_secs(30), |_| {
            if !std::mem::replace(&mut waited, true) {
                let version = client.must("GET", "/api/v1/events?limit=1", None)["metadata"]["resourceVersion"].clone();
                compacted(&client, version.as_str().expect("a version"));
            }
        })
        .await
    });
    assert_eq!(listed, Err(ListFault::Expired));

    // HTTP 200 and an error 410 in the stream: the events' version is older than what the server remembers by now.
    eye.take_in();
    let before = eye.lists;
    proxy.cut_once();
    eye.until("a list after the version was compacted", |eye| (eye.lists > before).then_some(()));
    client.must("DELETE", &format!("{EVENTS}/e7"), None);
    add(&client, "late");
    eye.agrees(&client);
    assert_eq!(eye.saying(), [""; 0], "a compaction is nobody's trouble");
}

fn config_of(kubeconfig: &Path) -> config::ClusterConfig {
    let home = scratch();
    let file = home.path().join("warroom.toml");
    let text =
        format!("[room]\nname = \"r\"\n[[cluster]]\nname = \"dr\"\nrole = \"dr\"\nkubeconfig = {kubeconfig:?}\n");
    std::fs::write(&file, text).expect("written");
    config::load(&file, LoadOptions::default()).expect("loads").clusters.remove(0)
}

#[test]
fn connections_that_are_cut_again_and_again_lose_and_double_nothing() {
    let Some(cluster) = Cluster::start(Options::args(&["--min-request-timeout=10"])) else { return };
    let client = cluster.client();
    let proxy = Proxy::start(cluster.port);
    let text = std::fs::read_to_string(&cluster.kubeconfig).expect("read").replace(&cluster.url, &proxy.url("https"));
    let mut eye = Eye::open(&written(cluster.folder(), "by-proxy", &text));
    eye.lives("at the start");
    for round in 0..8 {
        add(&client, &format!("a{round}"));
        proxy.cut_once();
        add(&client, &format!("b{round}"));
        client.must("DELETE", &format!("{EVENTS}/a{round}"), None);
        eye.agrees(&client);
    }
    eye.lives("after the last cut");
    assert!(eye.troubles.iter().all(|it| it.kind == TroubleKind::Unreachable), "{:?}", eye.saying());
}

#[test]
fn etcd_that_is_paused_or_dead_is_named_while_the_watches_stay_silent() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let client = cluster.client();
    let mut eye = Eye::open(&cluster.kubeconfig);
    eye.lives("at the start");
    for how in ["paused", "killed"] {
        if how == "paused" {
            cluster.etcd().pause()
        } else {
            cluster.etcd().kill()
        }
        let failing = |eye: &Eye| {
            let plane = eye.plane.clone()?;
            (plane.livez == Endpoint::Failing && plane.failed.first().is_some_and(|it| it == "etcd")).then_some(plane)
        };
        let plane = eye.until(&format!("etcd {how} is named"), failing);
        println!("  failed checks: {:?}", plane.failed);
        eye.troubled("the reads fail", |trouble| {
            matches!(trouble.kind, TroubleKind::Silent | TroubleKind::ServerError)
        });
        let (alive, looks) = (eye.alive, eye.looks);
        eye.until("two more looks", |eye| (eye.looks >= looks + 2).then_some(()));
        assert_eq!(eye.alive, alive, "nothing counts as life while etcd is gone");
        if how == "paused" {
            cluster.etcd().resume()
        } else {
            cluster.etcd().start()
        }
        eye.until("the control plane is well", |eye| {
            eye.plane.as_ref().is_some_and(|it| it.livez == Endpoint::Ok && it.readyz == Endpoint::Ok).then_some(())
        });
        eye.lives(&format!("after etcd was {how}"));
        wait_for("a write", || {
            client
                .try_request("POST", EVENTS, Some(&event(how)))
                .is_ok_and(|(status, _)| status == 201 || status == 409)
                .then_some(())
        });
        eye.agrees(&client);
    }
}

#[test]
fn a_busy_server_is_neither_down_nor_failing() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    cluster.allow_reading("reader");
    let text = cluster.kubeconfig_text(&json!({"token": cluster.token("reader")}));
    let kubeconfig = written(cluster.folder(), "reader", &text);
    let mut eye = Eye::open(&kubeconfig);
    eye.lives("at the start");
    cluster.api().kill();
    eye.troubled("the outage", |_| true);
    cluster.api().start(&["--max-requests-inflight=3", "--enable-priority-and-fairness=false"]);
    eye.lives("after the restart");
    eye.troubles.clear();

    let over = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicU32::new(0));
    let crowd: Vec<_> = (0..10)
        .map(|_| {
            let (client, over, refused) = (cluster.client_of("reader"), over.clone(), refused.clone());
            std::thread::spawn(move || {
                while !over.load(Ordering::SeqCst) {
                    if let Ok((429, _)) = client.try_request("GET", "/api/v1/events?limit=500", None) {
                        refused.fetch_add(1, Ordering::SeqCst);
                    }
                }
            })
        })
        .collect();
    wait_for("the server refuses", || (refused.load(Ordering::SeqCst) > 50).then_some(()));
    let admin = cluster.client();
    for n in 0..5 {
        add(&admin, &format!("busy{n}"));
        eye.agrees(&admin);
    }
    over.store(true, Ordering::SeqCst);
    crowd.into_iter().for_each(|it| it.join().expect("ends"));
    eye.lives("when the crowd is gone");
    println!("refused {} of the crowd; said {:?}", refused.load(Ordering::SeqCst), eye.saying());
    assert!(eye.troubles.iter().all(|it| it.kind == TroubleKind::Throttled), "{:?}", eye.saying());
    assert!(eye.plane.as_ref().is_some_and(|it| it.livez == Endpoint::Ok), "{:?}", eye.plane);
}

#[test]
fn tokens_and_certificates_that_run_out_are_named_and_new_ones_taken_without_a_restart_of_ours() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let dir = cluster.folder().to_owned();
    let token = written(&dir, "own.token", &format!("{}\n", cluster.token("admin")));
    let kubeconfig = written(&dir, "by-file", &cluster.kubeconfig_text(&json!({"tokenFile": token})));
    let mut eye = Eye::open(&kubeconfig);
    eye.lives("with the first token");

    cluster.set_token("admin", "another-token");
    cluster.api().restart();
    let trouble = eye.troubled("the token is refused", |trouble| trouble.kind == TroubleKind::Unauthorized);
    assert!(trouble.remedy.as_str().contains("renew the credential"), "{trouble:?}");
    std::fs::write(&token, "another-token\n").expect("written");
    eye.lives("with the token that replaced it");

    cluster.api().serve_with(Validity::Expired);
    let trouble = eye.troubled("the serving certificate ran out", |trouble| trouble.what.as_str().contains("ran out"));
    assert_eq!(trouble.what, "the server's certificate ran out at 2024-01-01 00:00 UTC");
    assert!(trouble.remedy.as_str().contains("renew the serving certificate"), "{trouble:?}");
    cluster.api().serve_with(Validity::NotYet);
    let trouble = eye.troubled("it is not good yet", |trouble| trouble.what.as_str().contains("not good"));
    assert_eq!(trouble.what, "the server's certificate is not good before 2048-01-01 00:00 UTC");
    assert!(trouble.remedy.as_str().contains("clock"), "{trouble:?}");
    cluster.api().serve_with(Validity::Now);
    eye.lives("with a good serving certificate");

    let expired = cluster.authority.client("ana", "system:masters", Validity::Expired);
    let user = json!({"client-certificate": expired.cert, "client-key": expired.key});
    let kubeconfig = written(&dir, "by-certificate", &cluster.kubeconfig_text(&user));
    let mut other = Eye::open(&kubeconfig);
    let trouble = other.troubled("the client certificate ran out", |_| true);
    assert_eq!(
        (trouble.kind, trouble.what.as_str()),
        (TroubleKind::Credential, "the client certificate of this context ran out at 2024-01-01 00:00 UTC")
    );
    let good = cluster.authority.client("ana", "system:masters", Validity::Now);
    let user = json!({"client-certificate": good.cert, "client-key": good.key});
    written(&dir, "by-certificate", &cluster.kubeconfig_text(&user));
    other.lives("with a good client certificate");
    let notes = other.plane.clone().expect("a control plane").notes;
    assert!(notes.iter().any(|it| it == "client certificate until 2049-01-01 00:00 UTC"), "{notes:?}");
}

#[test]
fn a_login_plugin_runs_alone_and_in_a_service_only_where_it_is_listed() {
    use std::os::unix::fs::PermissionsExt;
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let dir = cluster.folder().to_owned();
    let answer = json!({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
                        "status": {"token": cluster.token("admin")}});
    let plugin = dir.join("login-plugin");
    let runs = dir.join("runs");
    let script = format!("#!/bin/sh\necho \"$1 $KUBERNETES_EXEC_INFO\" >> {}\necho '{answer}'\n", runs.display());
    std::fs::write(&plugin, script).expect("written");
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o700)).expect("may run");
    let exec = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "args": ["canary"],
                      "interactiveMode": "IfAvailable", "provideClusterInfo": true}});
    let kubeconfig = written(&dir, "by-plugin", &cluster.kubeconfig_text(&exec));

    let mut refused = Eye::with(&kubeconfig, &Words { serve: true, ..Words::default() });
    let trouble = refused.troubled("the plugin is not allowed", |trouble| trouble.kind == TroubleKind::Credential);
    assert!(
        trouble.what.as_str().contains("login-plugin") && trouble.remedy.as_str().contains("[network]"),
        "{trouble:?}"
    );
    assert!(!runs.exists(), "it ran all the same");

    let listed = format!("[network]\nexec = [{plugin:?}]");
    for words in [Words { serve: true, rest: &listed, ..Words::default() }, Words::default()] {
        let _ = std::fs::remove_file(&runs);
        let mut eye = Eye::with(&kubeconfig, &words);
        eye.lives("with the plugin's token");
        let ran = std::fs::read_to_string(&runs).expect("it ran");
        assert_eq!(ran.lines().count(), 1, "{ran}");
        assert!(
            ran.starts_with("canary") && ran.contains(&cluster.url) && ran.contains("\"interactive\":false"),
            "{ran}"
        );
        let notes = eye.plane.clone().expect("a control plane").notes;
        assert!(notes.iter().any(|it| it.as_str().ends_with("login-plugin")), "{notes:?}");
        assert!(!notes.iter().any(|it| it.as_str().contains("canary")), "{notes:?}");
    }
}

/// A proxy that speaks CONNECT; gives its address and how many tunnels it made.
fn connect_proxy() -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://ana:se%40cret@{}", listener.local_addr().expect("an address"));
    let made = Arc::new(AtomicU32::new(0));
    let counted = made.clone();
    std::thread::spawn(move || {
        for from in listener.incoming().flatten() {
            let counted = counted.clone();
            std::thread::spawn(move || tunnel(from, &counted));
        }
    });
    (url, made)
}

fn tunnel(mut from: TcpStream, made: &AtomicU32) -> Option<()> {
    let mut reader = BufReader::new(from.try_clone().ok()?);
    let mut head = String::new();
    while reader.read_line(&mut head).ok()? > 2 {}
    // "ana:se@cret"
    if !head.to_ascii_lowercase().contains(&"Proxy-Authorization: Basic YW5hOnNlQGNyZXQ=".to_ascii_lowercase()) {
        from.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n").ok()?;
        return None;
    }
    let mut to = TcpStream::connect(head.split_whitespace().nth(1)?).ok()?;
    from.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
    made.fetch_add(1, Ordering::SeqCst);
    let (mut up, mut back) = (to.try_clone().ok()?, from.try_clone().ok()?);
    std::thread::spawn(move || std::io::copy(&mut reader, &mut up).map(|_| up.shutdown(std::net::Shutdown::Both)));
    let mut piece = [0_u8; 16 * 1024];
    while let Ok(size @ 1..) = to.read(&mut piece) {
        back.write_all(&piece[..size]).ok()?;
    }
    back.shutdown(std::net::Shutdown::Both).ok()
}

#[test]
fn a_kubeconfigs_own_proxy_is_used_and_shown_and_lists_can_be_streams() {
    let Some(cluster) = Cluster::start(Options::default()) else { return };
    let client = cluster.client();
    let (proxy, made) = connect_proxy();
    let mut config: Value =
        serde_json::from_str(&cluster.kubeconfig_text(&json!({"token": cluster.token("admin")}))).expect("JSON");
    config["clusters"][0]["cluster"]["proxy-url"] = json!(proxy);
    let kubeconfig = written(cluster.folder(), "by-proxy", &config.to_string());
    for (gate, streams) in [("true", true), ("false", false)] {
        cluster.api().kill();
        cluster.api().start(&[&format!("--feature-gates=WatchList={gate}")]);
        add(&client, &format!("gate-{gate}"));
        let mut eye =
            Eye::with(&kubeconfig, &Words { cluster: "streaming_lists = true", serve: true, ..Words::default() });
        eye.lives("through the proxy");
        assert_eq!(eye.saying(), [""; 0]);
        eye.agrees(&client);
        add(&client, &format!("late-{gate}"));
        eye.agrees(&client);
        assert!(made.load(Ordering::SeqCst) > 0);
        let notes = eye.plane.clone().expect("a control plane").notes;
        let shown = proxy.replace("ana:se%40cret@", "");
        assert!(notes.iter().any(|it| it == format!("proxy {shown} from the kubeconfig").as_str()), "{notes:?}");
        // The server's own count of lists of pods: whoever asks for a stream does not list.
        let metrics = client.request("GET", "/metrics", None).1;
        let mut verbs: BTreeMap<&str, u32> = BTreeMap::new();
        for line in metrics.as_str().expect("text").lines().filter(|it| it.starts_with("apiserver_request_total{")) {
            if line.contains("resource=\"pods\"") && line.contains("code=\"200\"") {
                let verb = line.split("verb=\"").nth(1).and_then(|it| it.split('"').next()).unwrap_or("");
                *verbs.entry(verb).or_default() += 1;
            }
        }
        println!("gate {gate}: {verbs:?}");
        assert_eq!(verbs.contains_key("LIST"), !streams, "{verbs:?}");
    }
}
