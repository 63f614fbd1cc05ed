//! A restore on a real API server: two accounts agree on a plan, and the server holds exactly the Restore that was in it,
//! made with a role that may do no more. Velero itself is played; it changes the Restore's spec when it takes it up.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use warroom::clock::Clock;
use warroom::config::{self, LoadOptions};
use warroom::model::{Digest, PersonId, PlanId, Step};
use warroom::systems::kube_api::client::ClusterLink;
use warroom::systems::velero::{Velero as Adapter, restore_name};
use warroom::systems::{Adapter as _, Permit};

use crate::peers::behave::velero::Velero;
use crate::peers::kube::{Cluster, Options};
use crate::stage::{ANA, LEE, SAM, accounts, entries, of_kind, put};
use crate::support::{Running, assert_intact, run_json, scratch, wait_for, warroom};

const VELERO: &str = "/apis/velero.io/v1/namespaces/velero";
const PEOPLE: &str = r#"
[[person]]
id = "ana"
accounts = ["65001"]
roles = ["operator", "commander"]
[[person]]
id = "sam"
accounts = ["65002"]
roles = ["operator"]
[[person]]
id = "lee"
accounts = ["65004"]
roles = ["observer"]
"#;

/// Lets a user be the room's account with what `warroom rbac --restore` prints, and nothing else.
fn allow(cluster: &Cluster, user: &str) {
    cluster.namespace("velero");
    let token = crate::rights::account(cluster, &["--restore"]);
    cluster.set_token(user, &token);
}

/// A room before a DR cluster that lives and a primary that does not answer.
struct Site {
    home: tempfile::TempDir,
    binary: PathBuf,
    room: Option<Running>,
}

impl Site {
    fn open(cluster: &Cluster, user: &str) -> Self {
        let home = scratch();
        let dir = home.path();
        let everyone = |path: &Path| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("its mode");
        };
        everyone(dir);
        std::fs::create_dir(dir.join("run")).expect("a folder for the socket");
        everyone(&dir.join("run"));
        put(&dir.join("dr.kubeconfig"), &cluster.kubeconfig_text(&json!({ "token": cluster.token(user) })), 0o600);
        // Nobody listens on the discard port.
        let gone = cluster.kubeconfig_text(&json!({ "token": "x" })).replace(&cluster.url, "https://127.0.0.1:9");
        put(&dir.join("primary.kubeconfig"), &gone, 0o600);
        put(&dir.join("people.toml"), PEOPLE, 0o644);
        put(&dir.join("warroom.toml"), CONFIG, 0o644);
        let binary = dir.join("warroom");
        let built = Path::new(env!("CARGO_BIN_EXE_warroom"));
        if std::fs::hard_link(built, &binary).is_err() {
            std::fs::copy(built, &binary).expect("a copy of the program");
        }
        everyone(&binary);
        let mut site = Self { home, binary, room: None };
        let mut serve = warroom(site.home.path());
        serve.arg("serve").arg("--config").arg(site.home.path().join("warroom.toml"));
        serve.arg("--socket").arg(site.home.path().join("run/s")).arg("--state-dir").arg(site.state());
        site.room = Some(Running::start(&mut serve, &site.home.path().join("room.log")));
        site
    }

    fn state(&self) -> PathBuf {
        self.home.path().join("log")
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.home.path().join("room.log")).unwrap_or_default()
    }

    /// Asks as somebody; gives exit code and answer. `Null` while the room does not answer yet.
    fn ask(&self, uid: u32, words: &[&str]) -> (i32, Value) {
        let mut command = Command::new(&self.binary);
        command.env_clear().env("HOME", self.home.path()).env("XDG_RUNTIME_DIR", self.home.path().join("run"));
        command.uid(uid).gid(0).stdin(Stdio::null()).arg("--socket").arg(self.home.path().join("run/s"));
        let (code, out, err) = crate::support::run(command.args(words).args(["-o", "json"]));
        assert!(!err.contains("panicked"), "{err}");
        (code, serde_json::from_str(&out).unwrap_or(Value::Null))
    }

    /// Waits until a row of the backups is as wanted, and gives it.
    fn row(&self, id: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut last = Value::Null;
        let found = crate::support::wait_within(crate::support::PATIENCE, || {
            let (_, said) = self.ask(LEE, &["backups"]);
            last = said["rows"].as_array()?.iter().find(|row| row["id"] == id)?.clone();
            wanted(&last).then(|| last.clone())
        });
        found.unwrap_or_else(|| panic!("{id} never is as wanted: {last:#}\n{}", self.said()))
    }

    fn propose(&self) -> (String, String) {
        let mut last = Value::Null;
        let words = ["propose", "restore", "--service", "shop", "--confirm", "shop"];
        let found = crate::support::wait_within(crate::support::PATIENCE, || {
            let (code, said) = self.ask(ANA, &words);
            last = said.clone();
            (code == 0).then(|| (text(&said["plan"]), text(&said["digest"])))
        });
        found.unwrap_or_else(|| panic!("no proposal: {last:#}\n{}", self.said()))
    }

    fn approve(&self, (plan, digest): &(String, String)) -> (i32, Value) {
        self.ask(SAM, &["approve", plan, "--digest", digest, "--confirm", "shop"])
    }
}

const CONFIG: &str = r#"
[room]
name = "real"
people = "people.toml"

[[cluster]]
name = "primary"
role = "primary"
kubeconfig = "primary.kubeconfig"
velero = "velero"

[[cluster]]
name = "dr"
role = "dr"
kubeconfig = "dr.kubeconfig"
velero = "velero"

[[service]]
name = "shop"
tier = "critical"
rto = "30m"
rpo = "15m"
strategy = "pilot-light"
primary = "primary"
dr = "dr"
schedules = ["shop-hourly"]
namespaces = ["shop"]

[policy]
quorum = 2
level = "account"
ttl = "30m"
"#;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn get(cluster: &Cluster, path: &str) -> Value {
    cluster.must("GET", &format!("{VELERO}/{path}"), None)
}

fn restores(cluster: &Cluster) -> Vec<Value> {
    get(cluster, "restores")["items"].as_array().expect("a list").clone()
}

/// Whether `small` is in `big`: members of objects, and the first elements of lists. Velero adds to both.
fn within(small: &Value, big: &Value) -> bool {
    match (small, big) {
        (Value::Object(small), Value::Object(big)) => {
            small.iter().all(|(key, it)| big.get(key).is_some_and(|other| within(it, other)))
        }
        (Value::Array(small), Value::Array(big)) => big.starts_with(small),
        _ => small == big,
    }
}

/// The backups of the story: one that covers the service with its volumes copied, a newer one of one label only, and one
/// that failed.
fn backups(cluster: &Cluster, velero: &Velero) -> String {
    let now = Clock::real().now();
    let good = "shop-hourly-20261122142900";
    let shop = json!({ "spec": { "includedNamespaces": ["sh*"], "excludedResources": ["events", "configmaps"] } });
    velero.past_backup(good, Some("shop-hourly"), now - Duration::from_secs(600), &shop);
    let labelled =
        json!({ "spec": { "includedNamespaces": ["shop"], "labelSelector": { "matchLabels": { "app": "web" } } } });
    velero.past_backup("shop-hourly-20261122143400", Some("shop-hourly"), now - Duration::from_secs(300), &labelled);
    let failed = json!({ "status": { "phase": "PartiallyFailed", "errors": 2 } });
    velero.past_backup("shop-hourly-20261122140000", Some("shop-hourly"), now - Duration::from_secs(2400), &failed);
    for n in 1..=2 {
        let volume = json!({
            "apiVersion": "velero.io/v1", "kind": "PodVolumeBackup",
            "metadata": { "name": format!("{good}-{n}"), "labels": { "velero.io/backup-name": good } },
            "spec": { "backupStorageLocation": "default", "node": "node-1", "repoIdentifier": "kopia", "volume": "data",
                "uploaderType": "kopia", "pod": { "kind": "Pod", "name": format!("db-{n}"), "namespace": "shop" } },
            "status": { "phase": "Completed", "progress": { "totalBytes": 100, "bytesDone": 100 } },
        });
        cluster.must("POST", &format!("{VELERO}/podvolumebackups"), Some(&volume));
    }
    good.to_owned()
}

/// What the room concludes of what stands on the server.
fn seen(site: &Site, good: &str) {
    // The newer backup is not usable: nothing proves that one label is the whole service.
    let schedule = site.row("schedule/shop-hourly", |row| {
        // When it is due next is told once all lists were read.
        let backup = &row["body"]["backup"];
        backup["point"]["off_site"] == "yes" && backup["next_run"].is_string()
    });
    let backup = &schedule["body"]["backup"];
    assert_eq!(backup["point"]["name"], good, "{schedule:#}");
    assert_eq!(backup["point"]["left_out"], json!(["configmaps"]), "events are never restored");
    assert_eq!(backup["newer"][0], "shop-hourly-20261122143400");
    assert!(text(&backup["newer"][1]).contains("only what is labelled app=web"), "{schedule:#}");
    assert!(backup["next_run"].is_string(), "{schedule:#}");
    let place = site.row("location/dr/default", |row| row["verdict"] == "ok");
    let place = &place["body"]["location"];
    assert_eq!((&place["store"], &place["access_mode"]), (&json!("aws:backups"), &json!("ReadWrite")));
}

/// The world moves between proposal and approval: nothing is written.
fn drifts(cluster: &Cluster, site: &Site, velero: &Velero, plan: &(String, String)) {
    let refused = |part: &str| {
        // For some seconds after a drift its answer is given again.
        wait_for(part, || {
            let (code, said) = site.approve(plan);
            let drift = (code, said["refused"].as_str()) == (6, Some("drift"));
            (drift && said.to_string().contains(part)).then_some(())
        });
        assert!(restores(cluster).is_empty());
        assert_eq!(get(cluster, "backupstoragelocations/default")["spec"]["accessMode"], "ReadWrite");
    };
    // A backup of this cluster uploads: read-only would spoil it.
    let uploading = json!({ "status": { "phase": "WaitingForPluginOperations" } });
    velero.hold("own", Some("WaitingForPluginOperations"));
    // The look that has begun does not know of the hold yet: it ends before the backup is there.
    velero.server().die();
    velero.server().live();
    velero.past_backup("own", None, Clock::real().now(), &uploading);
    refused("no backup of dr is uploading");
    velero.hold("own", None);
    wait_for("the upload's end", || (get(cluster, "backups/own")["status"]["phase"] == "Completed").then_some(()));
    // The namespace is on its way out; without controllers it stays so until its finalizer is taken.
    cluster.must("DELETE", "/api/v1/namespaces/shop", None);
    refused("namespace shop on dr is not being deleted");
    let mut gone = cluster.must("GET", "/api/v1/namespaces/shop", None);
    gone["spec"]["finalizers"] = json!([]);
    cluster.must("PUT", "/api/v1/namespaces/shop/finalize", Some(&gone));
    wait_for("the namespace's end", || {
        (cluster.request("GET", "/api/v1/namespaces/shop", None).0 == 404).then_some(())
    });
    // The role is taken away: known before the first write, not after it.
    let bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/velero/rolebindings";
    cluster.must("DELETE", &format!("{bindings}/warroom-restore"), None);
    wait_for("the narrower role", || {
        let (_, said) = site.approve(plan);
        said.to_string().contains("may create restores").then_some(())
    });
    refused("may change location default");
    allow(cluster, "reader");
}

/// What our own writes set, by the server's record: the fields under `f:spec` of whoever wrote this one.
fn written(object: &Value, field: &str) -> Value {
    let all = object["metadata"]["managedFields"].as_array().expect("the server's record").iter();
    let mine: Vec<&Value> = all.filter(|it| !it["fieldsV1"]["f:spec"][field].is_null()).collect();
    assert_eq!(mine.len(), 1, "one writer of {field}: {object:#}");
    assert_eq!(mine[0]["manager"], "warroom", "{object:#}");
    mine[0]["fieldsV1"].clone()
}

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().map(|it| it.keys().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn two_accounts_restore_on_a_real_server_exactly_what_they_read() {
    if !accounts() {
        return;
    }
    let Some(cluster) = Cluster::start(Options::default().named("dr")) else { return };
    cluster.apply_crds();
    allow(&cluster, "reader");
    cluster.namespace("shop");
    let velero = Velero::start(&cluster);
    velero.location("default", &json!({}));
    velero.schedule("shop-hourly", "29 * * * *", &json!({ "includedNamespaces": ["shop"] }));
    let good = backups(&cluster, &velero);

    let site = Site::open(&cluster, "reader");
    seen(&site, &good);
    wait_for("an incident", || (site.ask(ANA, &["incident", "open", "shop is down"]).0 == 0).then_some(()));
    let plan = site.propose();
    let (_, shown) = site.ask(LEE, &["plan", "show", &plan.0]);
    let steps = shown["body"]["steps"].as_array().expect("steps");
    let adapters: Vec<&str> = steps.iter().map(|step| step["adapter"].as_str().unwrap_or_default()).collect();
    assert_eq!(adapters, ["velero.patch_location", "wait", "velero.create_restore", "wait"]);
    let warned = shown["body"]["warnings"].to_string();
    for part in ["repository-password", "stays read-only", "shop-hourly-20261122143400"] {
        assert!(warned.contains(part), "{part}: {warned}");
    }
    drifts(&cluster, &site, &velero, &plan);

    let digest: Digest = plan.1.parse().expect("a digest");
    let permit = Permit {
        plan: PlanId::from(plan.0.as_str()),
        digest,
        persons: vec![PersonId::from("ana"), PersonId::from("sam")],
    };
    let step: Step = serde_json::from_value(steps[2].clone()).expect("a step");
    let name = restore_name(&step, &permit.digest);
    let before = get(&cluster, "backupstoragelocations/default")["spec"].clone();
    velero.hold(&name, Some("InProgress"));
    let mut last = Value::Null;
    wait_for("the approval", || {
        let (code, said) = site.approve(&plan);
        if last != said {
            println!("{code} {said}");
        }
        last = said;
        (code == 0).then_some(())
    });
    let path = format!("{VELERO}/restores/{name}");
    let there = || (cluster.request("GET", &path, None).0 == 200).then_some(());
    if crate::support::wait_within(crate::support::PATIENCE, there).is_none() {
        let (_, now) = site.ask(LEE, &["plan", "show", &plan.0]);
        let place = get(&cluster, "backupstoragelocations/default");
        panic!("no restore was made: {:#}\n{:#}\n{place:#}", now["steps"], now["says"]);
    }
    let row = site.row(&format!("restore/dr/{name}"), |row| row["body"]["restore"]["phase"] == "InProgress");
    assert_eq!(row["body"]["restore"]["plan_digest"], json!(plan.1));
    let place = site.row("location/dr/default", |row| row["body"]["location"]["access_mode"] == "ReadOnly");
    assert!(text(&place["why"]).contains("read-only"), "{place:#}");
    velero.hold(&name, None);
    pods_start(&cluster, &site, &plan);
    let (code, ended) = site.ask(LEE, &["plan", "wait", &plan.0, "--timeout", "60s"]);
    assert_eq!(code, 0, "{ended:#}\n{}", site.said());
    let says = |n: usize| text(&ended["steps"][n]["says"]);
    assert!(says(0).contains("default is ReadOnly"), "{ended:#}");
    assert!(says(1).contains("was validated since"), "{ended:#}");
    assert!(says(2).contains(&name) && says(2).contains("Completed: 120 of 120 items"), "{ended:#}");

    assert!(says(3).contains("1 pod of shop ready, none still starting"), "{ended:#}");

    // The server holds one Restore, and it is the plan's.
    let all = restores(&cluster);
    assert_eq!(all.len(), 1, "{all:#?}");
    let (made, spec) = (&all[0], &steps[2]["params"]["spec"]);
    assert_eq!(spec, &json!({ "backupName": good, "includedNamespaces": ["shop"] }));
    assert_eq!((&made["metadata"]["name"], made["status"]["phase"].as_str()), (&json!(name), Some("Completed")));
    assert!(within(spec, &made["spec"]), "{spec:#} is not in {made:#}");
    assert_eq!(made["metadata"]["annotations"], json!({ "warroom/plan-digest": plan.1 }));
    // Exactly: what the room wrote is the plan's spec and the annotation, and never a status.
    let wrote = written(made, "f:includedNamespaces");
    let mut expected: BTreeSet<String> =
        spec.as_object().expect("a spec").keys().map(|key| format!("f:{key}")).collect();
    expected.insert(".".to_owned());
    assert_eq!(keys(&wrote["f:spec"]), expected.iter().map(String::as_str).collect(), "{wrote:#}");
    assert_eq!(keys(&wrote), ["f:metadata", "f:spec"].into(), "{wrote:#}");
    assert_eq!(keys(&wrote["f:metadata"]), ["f:annotations"].into());
    // The location: its mode, and nothing else.
    let place = get(&cluster, "backupstoragelocations/default");
    let mut after = before;
    after["accessMode"] = json!("ReadOnly");
    assert_eq!(place["spec"], after);
    assert_eq!(written(&place, "f:accessMode")["f:spec"], json!({ "f:accessMode": {} }));

    again(&cluster, &site, &steps[2], &permit);
    let log = entries(&site.state());
    for kind in ["proposed", "approved", "executing", "plan_ended"] {
        assert_eq!(of_kind(&log, kind).len(), 1, "{kind}");
    }
    let (code, said) = run_json(warroom(site.home.path()).arg("verify").arg(site.state()).args(["-o", "json"]));
    assert_eq!((code, &said["ok"]), (0, &Value::Bool(true)), "{said}");
    assert_intact(&site.state());
}

/// What was restored is there and does not serve: the plan goes on until it does.
fn pods_start(cluster: &Cluster, site: &Site, plan: &(String, String)) {
    let label = ("app", "web");
    cluster.namespace("shop");
    cluster.pod("shop", "web-0", label, false);
    wait_for("the restore's end", || {
        let (_, now) = site.ask(LEE, &["plan", "show", &plan.0]);
        now["steps"][2]["says"].as_str().is_some_and(|says| says.contains("Completed")).then_some(())
    });
    let (code, said) = site.ask(LEE, &["plan", "wait", &plan.0, "--timeout", "3s"]);
    assert_eq!(code, 7, "{said:#}");
    cluster.pod("shop", "web-0", label, true);
}

/// The same step once more, as after an answer that was lost: the name is taken, and it is read whose it is.
fn again(cluster: &Cluster, site: &Site, step: &Value, permit: &Permit) {
    let options = LoadOptions { serve: true, drill: false };
    let config = config::load(&site.home.path().join("warroom.toml"), options).expect("a configuration");
    let config = config.clusters.into_iter().find(|it| it.name == "dr").expect("the cluster");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let step: Step = serde_json::from_value(step.clone()).expect("a step");
    let foreign = Permit { digest: Digest([7; 32]), ..permit.clone() };
    runtime.block_on(async {
        warroom::systems::http::install_crypto();
        let adapter = Adapter::new(ClusterLink::new(&config), "velero", Clock::real());
        let said = adapter.apply(&step, permit).await.expect("taken as done");
        assert!(said.contains("was created by this plan before"), "{said}");
        assert_eq!(restores(cluster).len(), 1, "no second one");
        // Another plan has another name; if that name were taken by a stranger, it would stay his.
        let stranger = json!({ "apiVersion": "velero.io/v1", "kind": "Restore",
            "metadata": { "name": restore_name(&step, &foreign.digest) }, "spec": { "backupName": "no-such" } });
        cluster.must("POST", &format!("{VELERO}/restores"), Some(&stranger));
        let refused = adapter.apply(&step, &foreign).await.expect_err("not ours");
        assert!(format!("{refused:?}").contains("does not belong to this plan"), "{refused:?}");
        assert_eq!(restores(cluster).len(), 2);
        // What there is no status subresource for can't be written through one; nothing here tries.
        let name = restore_name(&step, &permit.digest);
        let (status, _) = cluster.request("PATCH", &format!("{VELERO}/restores/{name}/status"), Some(&json!({})));
        assert_eq!(status, 404);
    });
}
