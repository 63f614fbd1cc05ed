//! The drill's simulated cluster against a real API server: the objects that the first one shows are written to the second,
//! with the published schemas where they are at hand. An object that a real server refuses, or a field that it drops without
//! a word, is a lie of the simulator.

use serde_json::{Value, json};
use warroom::clock::Clock;
use warroom::drill::scenario;
use warroom::drill::world::World;

use crate::peers::client::Client;
use crate::peers::kube::{Cluster, Options};
use crate::support::scratch;

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

/// Writes an object of one server to another.
fn copy(to: &Client, list: &str, status_apart: bool, mut object: Value) {
    let metadata = object["metadata"].as_object_mut().expect("metadata");
    for field in ITS_OWN {
        metadata.remove(field);
    }
    let name = metadata["name"].as_str().expect("a name").to_owned();
    let (base, kind) = list.rsplit_once('/').expect("a list");
    let path = match metadata.get("namespace").and_then(Value::as_str) {
        Some(namespace) => format!("{base}/namespaces/{namespace}/{kind}"),
        None => list.to_owned(),
    };
    if kind == "pods" && object["spec"]["containers"].as_array().is_none_or(Vec::is_empty) {
        // The program never reads what a pod runs, so the simulator leaves it out; a real server wants it.
        object["spec"]["containers"] = json!([{"name": "c", "image": "registry.example/c:1"}]);
    }
    let status = object["status"].clone();
    let made = to.must("POST", &path, Some(&object));
    if status_apart && !status.is_null() {
        to.must("PATCH", &format!("{path}/{name}/status"), Some(&json!({ "status": status })));
    } else {
        pruned(&object, &made, &format!("{kind}/{name}"));
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

#[test]
fn what_the_simulator_shows_a_real_server_takes_and_keeps_whole() {
    let Some(real) = Cluster::start(Options::default().named("dr")) else { return };
    real.apply_crds();
    let folder = scratch();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    // A minute before anything happens, in the present; the world's clock stands still, so that it says the same twice.
    let now = Clock::real().now();
    let story =
        scenario::load("etcd-corruption").expect("the scenario").detected_at(now + chrono::TimeDelta::minutes(6));
    let world = runtime.block_on(World::start(story, 7, Clock::manual(now))).expect("the world starts");
    let at = world.write_config(folder.path()).expect("its files");
    let said = std::fs::read_to_string(&at.kubeconfig).expect("a kubeconfig");
    let said: Value = serde_json::from_str(&said).expect("JSON");
    let token = said["users"].as_array().expect("users").iter().find(|user| user["name"] == "dr").expect("dr");
    let token = token["user"]["token"].as_str().expect("a token").to_owned();
    let simulated = Client { url: at.dr.clone(), token };

    let to = real.client();
    let mut copied = 0;
    for (list, status_apart) in LISTS {
        let items = simulated.must("GET", list, None)["items"].clone();
        let (group, version) = list.strip_prefix("/apis/").and_then(|rest| rest.split_once('/')).unwrap_or(("", "v1"));
        let kind =
            simulated.must("GET", list, None)["kind"].as_str().expect("a kind").trim_end_matches("List").to_owned();
        for mut object in items.as_array().expect("items").clone() {
            if let Some(namespace) = object["metadata"]["namespace"].as_str() {
                real.namespace(namespace);
            }
            let version = version.split('/').next().unwrap_or(version);
            object["apiVersion"] =
                json!(if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") });
            object["kind"] = json!(kind);
            copy(&to, list, status_apart, object);
            copied += 1;
        }
    }
    println!("{copied} objects of the simulator were taken by a real API server");
    assert!(copied > 30, "the simulator shows little: {copied}");
}
