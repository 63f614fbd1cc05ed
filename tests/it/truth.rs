//! One conversation with the drill's simulated cluster and with a real API server: the objects that the first one shows are
//! written to the second, with the published schemas where they are at hand, again whenever they change, and what the program
//! concludes must be equal. An object that a real server refuses or prunes, or a conclusion that differs, is a lie of the
//! simulator.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use warroom::board::{Board, BoardSetup, Topic};
use warroom::clock::Clock;
use warroom::config::{self, Config, LoadOptions};
use warroom::drill::scenario::{self, Scenario};
use warroom::drill::simulator::Simulator;
use warroom::model::{Observation, Stamp};
use warroom::systems::{self, Ctx};

use crate::peers::client::Client;
use crate::peers::kube::{Cluster, Options};
use crate::support::{PATIENCE, scratch, wait_within};

/// What is copied: the path of a list, and whether status is a subresource of its objects.
const LISTS: [(&str, bool); 9] = [
    ("/api/v1/nodes", true),
    ("/api/v1/pods", true),
    ("/api/v1/events", false),
    ("/apis/coordination.k8s.io/v1/leases", false),
    ("/apis/velero.io/v1/backupstoragelocations", false),
    ("/apis/velero.io/v1/schedules", false),
    ("/apis/velero.io/v1/backups", false),
    ("/apis/argoproj.io/v1alpha1/appprojects", false),
    ("/apis/argoproj.io/v1alpha1/applications", false),
];

/// What a server makes itself, and no two make alike.
const ITS_OWN: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "selfLink",
    "cluster_uid",
    "skew_ms",
];

/// The real server's copy of what the simulator shows.
struct Copy<'a> {
    real: &'a Cluster,
    from: Client,
    to: Client,
    /// By list and name: the version that was written last.
    written: BTreeMap<String, Value>,
}

impl Copy<'_> {
    /// Writes what is new or has changed since.
    fn catch_up(&mut self) {
        for (list, status_apart) in LISTS {
            let listed = self.from.must("GET", list, None);
            let kind = listed["kind"].as_str().expect("a kind").trim_end_matches("List");
            let rest = list.strip_prefix("/apis/").or(list.strip_prefix("/api/")).expect("a path of the API");
            let version = rest.rsplit_once('/').expect("a list").0;
            for object in listed["items"].as_array().expect("items") {
                let mut object = object.clone();
                object["apiVersion"] = json!(version);
                object["kind"] = json!(kind);
                self.write(list, status_apart, object);
            }
        }
    }

    fn write(&mut self, list: &str, status_apart: bool, mut object: Value) {
        let metadata = object["metadata"].as_object_mut().expect("metadata");
        let version = metadata["resourceVersion"].clone();
        for field in ITS_OWN {
            metadata.remove(field);
        }
        let name = metadata["name"].as_str().expect("a name").to_owned();
        let (base, kind) = list.rsplit_once('/').expect("a list");
        let path = match metadata.get("namespace").and_then(Value::as_str) {
            Some(namespace) => format!("{base}/namespaces/{namespace}/{kind}"),
            None => list.to_owned(),
        };
        let known = self.written.insert(format!("{path}/{name}"), version.clone());
        if known.as_ref() == Some(&version) {
            return;
        }
        if let Some(namespace) = object["metadata"]["namespace"].as_str().filter(|_| known.is_none()) {
            self.real.namespace(namespace);
        }
        if kind == "pods" && object["spec"]["containers"].as_array().is_none_or(Vec::is_empty) {
            // The program never reads what a pod runs, so the simulator leaves it out; a real server wants it.
            object["spec"]["containers"] = json!([{"name": "c", "image": "registry.example/c:1"}]);
        }
        let kept = match known {
            None => self.to.must("POST", &path, Some(&object)),
            Some(_) => self.to.must("PATCH", &format!("{path}/{name}"), Some(&object)),
        };
        let status = &object["status"];
        if status_apart && !status.is_null() {
            self.to.must("PATCH", &format!("{path}/{name}/status"), Some(&json!({ "status": status })));
        } else {
            pruned(&object, &kept, &format!("{kind}/{name}"));
        }
    }
}

/// Every field that was sent is there: a schema drops what it does not know, without a word.
fn pruned(sent: &Value, kept: &Value, at: &str) {
    match (sent, kept) {
        (Value::Object(sent), Value::Object(kept)) => {
            for (key, value) in sent.iter().filter(|(_, value)| !value.is_null()) {
                let kept = kept.get(key).unwrap_or_else(|| panic!("{at}.{key} does not exist on a real server"));
                pruned(value, kept, &format!("{at}.{key}"));
            }
        }
        (Value::Array(sent), Value::Array(kept)) => {
            for (index, (sent, kept)) in sent.iter().zip(kept).enumerate() {
                pruned(sent, kept, &format!("{at}[{index}]"));
            }
        }
        _ => {}
    }
}

/// The program's sources before one cluster, and the board they fill.
struct Watch {
    board: Board,
    seen: mpsc::Receiver<Observation>,
    stop: CancellationToken,
    clock: Clock,
    _runtime: tokio::runtime::Runtime,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Watch {
    fn start(config: &Config) -> Self {
        let clock = Clock::real();
        let (out, seen) = mpsc::channel(4096);
        let stop = CancellationToken::new();
        let ctx = Ctx {
            clock: clock.clone(),
            out,
            reach: Default::default(),
            proxies: Default::default(),
            meters: Default::default(),
            stop: stop.clone(),
        };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let running = runtime.block_on(async { systems::start(config, &ctx) });
        let board = Board::new(BoardSetup {
            clusters: config.clusters.iter().map(|it| (it.name.clone(), it.role)).collect(),
            sources: running.sources.iter().map(|it| (it.id.clone(), it.fresh_for_s)).collect(),
            ..BoardSetup::default()
        });
        Self { board, seen, stop, clock, _runtime: runtime }
    }

    /// What is concluded now, without what differs by nature: ids and times of the servers, and when each was looked at.
    fn conclusions(&mut self) -> BTreeMap<String, Value> {
        while let Ok(observation) = self.seen.try_recv() {
            self.board.apply(observation);
        }
        let now = self.clock.now();
        let mut all = BTreeMap::new();
        for topic in [Topic::Sources, Topic::Clusters, Topic::Backups, Topic::Gitops, Topic::Events] {
            for row in self.board.judge_topic(topic, now).rows {
                let mut value = serde_json::to_value(&row).expect("a row");
                plain(&mut value);
                // An event's id is the server's own.
                let id = if topic == Topic::Events { format!("event {}", value["body"]) } else { row.id };
                all.insert(id, value);
            }
        }
        all
    }
}

/// Takes out what a server makes itself, ages, and how it is reached.
fn plain(value: &mut Value) {
    const OF_THE_MOMENT: [&str; 7] = ["id", "seen_at", "alive_at", "version", "server", "notes", "group"];
    match value {
        Value::Object(map) => {
            map.retain(|key, _| !ITS_OWN.contains(&key.as_str()) && !OF_THE_MOMENT.contains(&key.as_str()));
            map.values_mut().for_each(plain);
        }
        Value::Array(all) => all.iter_mut().for_each(plain),
        _ => {}
    }
}

fn config(folder: &Path, name: &str, kubeconfig: &Path, context: Option<&str>) -> Config {
    let file = folder.join(format!("{name}.toml"));
    let context = context.map(|context| format!("context = {context:?}\n")).unwrap_or_default();
    let text = format!(
        "[room]\nname = \"r\"\n[[cluster]]\nname = \"dr\"\nrole = \"dr\"\nkubeconfig = {kubeconfig:?}\n{context}\
         velero = \"velero\"\nargocd = \"argocd\"\n"
    );
    std::fs::write(&file, text).expect("written");
    let options = LoadOptions { drill: true, ..LoadOptions::default() };
    config::load(&file, options).unwrap_or_else(|errors| panic!("{errors}"))
}

/// A story that begins now and never comes to its breaking point: kubelets renew, controllers look again, and no more.
fn quiet_story(now: Stamp) -> Scenario {
    let story = scenario::load("etcd-corruption").expect("the scenario");
    let lasts = story.detection - story.start;
    let mut story = story.detected_at(now + lasts);
    story.impact += TimeDelta::days(1);
    story.detection += TimeDelta::days(1);
    story.events.clear();
    story.noise.clear();
    story
}

#[test]
fn what_is_concluded_of_the_simulator_is_concluded_of_a_real_server() {
    let Some(real) = Cluster::start(Options::default().named("dr")) else { return };
    real.apply_crds();
    let folder = scratch();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let clock = Clock::real();
    let world = runtime.block_on(Simulator::start(quiet_story(clock.now()), 7, clock)).expect("the world starts");
    let at = world.write_config(folder.path()).expect("its files");
    let said = std::fs::read_to_string(&at.kubeconfig).expect("a kubeconfig");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let token = said["users"].as_array().expect("users").iter().find(|user| user["name"] == "dr").expect("dr");
    let token = token["user"]["token"].as_str().expect("a token").to_owned();
    let from = Client { url: at.dr.clone(), token };

    let mut copy = Copy { real: &real, from, to: real.client(), written: BTreeMap::new() };
    copy.catch_up();
    let copied = copy.written.len();
    println!("{copied} objects of the simulator were taken by a real API server");
    assert!(copied > 30, "the simulator shows little: {copied}");

    let mut of_world = Watch::start(&config(folder.path(), "world", &at.kubeconfig, Some("dr")));
    let mut of_real = Watch::start(&config(folder.path(), "real", &real.kubeconfig, None));
    let rows = alike(&mut copy, &mut of_world, &mut of_real, |rows| {
        let apps = rows.keys().filter(|id| id.starts_with("app/")).count();
        // No primary is configured to compare with.
        let expected = |id: &str| if id == PARITY { "info" } else { "ok" };
        let holds = |id: &&str| rows.get(*id).is_some_and(|row| row["verdict"] == expected(id));
        apps == 12 && SOURCES.iter().chain(&ROWS).all(holds)
    });
    println!("{rows} rows are equal while all is well");

    // What a restore plan does first.
    let location = "/apis/velero.io/v1/namespaces/velero/backupstoragelocations/default";
    copy.from.must("PATCH", location, Some(&json!({"spec": {"accessMode": "ReadOnly"}})));
    let rows = alike(&mut copy, &mut of_world, &mut of_real, |rows| {
        let location = &rows["location/dr/default"];
        location["body"]["location"]["access_mode"] == "ReadOnly" && location["why"] != ""
    });
    println!("{rows} rows are equal with a location that takes no backups");
}

/// The sources and rows that both must show, besides the twelve applications.
const SOURCES: [&str; 3] = ["kubernetes/dr", "velero/dr", "argocd/dr"];
const ROWS: [&str; 5] = ["dr", PARITY, "location/dr/default", "schedule/shop-hourly", "schedule/platform-daily"];

const PARITY: &str = "parity/dr";

/// Waits until both conclude the same, and what is expected of it holds; answers how many rows were compared.
fn alike(
    copy: &mut Copy<'_>,
    of_world: &mut Watch,
    of_real: &mut Watch,
    expected: impl Fn(&BTreeMap<String, Value>) -> bool,
) -> usize {
    let (mut one, mut other) = (BTreeMap::new(), BTreeMap::new());
    let equal = wait_within(PATIENCE, || {
        copy.catch_up();
        (one, other) = (of_world.conclusions(), of_real.conclusions());
        // The real server has namespaces and events of its own; what the simulator shows must be there, and equal.
        let same = |(id, row): (&String, &Value)| other.get(id) == Some(row);
        (expected(&one) && one.iter().all(same)).then_some(())
    });
    if equal.is_none() {
        for (id, row) in &one {
            let real = other.get(id).unwrap_or(&Value::Null);
            println!("{id}{}\n  simulator: {row}\n  real:      {real}", if real == row { "" } else { " DIFFERS" });
        }
        panic!("different conclusions, or not those that were expected");
    }
    one.len()
}
