//! A room before two real clusters with a real Velero each, over one object store: what counts as a restore point, what a
//! restore brought back, and why there is nothing to restore from.

use serde_json::{Value, json};
use warroom::board::{BackupRow, Row, RowBody, Topic, Verdict};

use crate::peers::controllers::velero::{ObjectStore, Velero};
use crate::peers::controllers::{self};
use crate::peers::kube::Cluster;
use crate::real_room::{Config, RealRoom, Seen, Watcher, kubeconfig};
use crate::stage::{ANA, LEE, SAM, accounts};
use crate::support::wait_for;

const SCHEDULE: &str = "schedule/shop-daily";
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
const SERVICE: &str = r#"
[[service]]
name = "shop"
tier = "critical"
rto = "30m"
rpo = "15m"
strategy = "pilot-light"
primary = "primary"
dr = "dr"
schedules = ["shop-daily"]
namespaces = ["shop"]

[policy]
quorum = 2
level = "account"
ttl = "30m"
"#;

/// A room before both clusters, with the rights that `warroom rbac` prints and no more.
fn open(clusters: &[Cluster; 2]) -> RealRoom {
    let mut config = Config::new("velero");
    config.people(PEOPLE);
    for (cluster, flags) in clusters.iter().zip([&[][..], &["--restore"]]) {
        let user = json!({ "token": crate::rights::account(cluster, flags) });
        let text = kubeconfig(cluster, &cluster.url, &user);
        config.cluster(&cluster.name, &cluster.name, &text, "velero = \"velero\"\n");
    }
    config.also(SERVICE);
    config.open()
}

/// What the shop is made of.
fn shop(cluster: &Cluster) {
    cluster.namespace("shop");
    for name in ["settings", "prices"] {
        put_settings(cluster, name, "1");
    }
}

fn put_settings(cluster: &Cluster, name: &str, value: &str) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "shop" },
        "data": { "value": value },
    });
    cluster.client().apply(&format!("/api/v1/namespaces/shop/configmaps/{name}"), &map);
}

fn schedule(seen: &Seen) -> Option<&Row> {
    seen.row(Topic::Backups, SCHEDULE)
}

/// The restore point of the schedule.
fn point(row: &Row) -> Option<&str> {
    match &row.body {
        RowBody::Backup(BackupRow { point, .. }) => point.as_ref().map(|it| it.name.as_str()),
        _ => None,
    }
}

/// Waits until this backup is the restore point, where it would be restored.
fn usable(board: &Watcher, dr: &Velero<'_>, name: &str) {
    dr.synchronise();
    board.until(&format!("{name} as the restore point on dr"), |seen| {
        let row = schedule(seen)?;
        let on_dr = matches!(&row.body, RowBody::Backup(BackupRow { cluster, .. }) if cluster == "dr");
        (point(row) == Some(name) && on_dr).then_some(())
    });
}

/// Waits until the row of the schedule says all of this, without being green.
fn says(board: &Watcher, parts: &[&str]) -> Row {
    board.until(&format!("{parts:?} said of the schedule"), |seen| {
        let row = schedule(seen)?;
        let all = parts.iter().all(|part| row.why.as_str().contains(part));
        (all && row.verdict >= Verdict::Info).then(|| row.clone())
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Proposes the restore; gives plan and digest.
fn propose(room: &RealRoom) -> (String, String) {
    let mut last = Value::Null;
    wait_for("a proposal", || {
        let (code, said) = room.ask_as(ANA, &["propose", "restore", "--service", "shop", "--confirm", "shop"]);
        if code != 0 && said != last {
            println!("not proposed yet: {said}");
            last = said.clone();
        }
        (code == 0).then(|| (text(&said["plan"]), text(&said["digest"])))
    })
}

fn approve(room: &RealRoom, (plan, digest): &(String, String)) -> (i32, Value) {
    room.ask_as(SAM, &["approve", plan, "--digest", digest, "--confirm", "shop"])
}

fn approved(room: &RealRoom, plan: &(String, String)) {
    let mut last = Value::Null;
    wait_for("the approval", || {
        let (code, said) = approve(room, plan);
        if code != 0 && said != last {
            println!("not approved yet: {said}");
            last = said;
        }
        (code == 0).then_some(())
    });
}

/// Waits for a plan's end; gives the exit code of the wait, and the plan.
fn await_end(room: &RealRoom, plan: &(String, String)) -> (i32, Value) {
    room.ask_as(LEE, &["plan", "wait", &plan.0, "--timeout", "120s"])
}

/// The store, both clusters, and what is in them before the story begins.
struct Sites {
    store: ObjectStore,
    clusters: [Cluster; 2],
}

impl Sites {
    fn start() -> Option<Self> {
        if !accounts() {
            return None;
        }
        Velero::programs()?;
        Some(Self { store: ObjectStore::start()?, clusters: controllers::clusters()? })
    }

    fn velero(&self) -> Option<[Velero<'_>; 2]> {
        let [primary, dr] = controllers::both(&self.clusters, |cluster| Velero::start(cluster, &self.store));
        Some([primary?, dr?])
    }
}

#[test]
fn a_restore_point_is_what_was_completed_with_something_in_it_and_can_be_reached() {
    let Some(sites) = Sites::start() else { return };
    let Some([primary, dr]) = sites.velero() else { return };
    shop(&sites.clusters[0]);
    primary.schedule("shop-daily", &["shop"]);
    let mut room = open(&sites.clusters);
    let board = room.watch();
    says(&board, &["no usable restore point"]);

    only_when_completed(&sites, &primary, &board);
    usable(&board, &dr, "shop-1");

    // Completed, and nothing that was asked for was there.
    let nothing = json!({ "includedNamespaces": ["shop"], "includedResources": ["secrets"] });
    primary.begin_backup("shop-2", "shop-daily", &nothing);
    let ended = primary.ended("backups", "shop-2");
    assert_eq!(ended["status"]["phase"], "Completed", "{ended:#}");
    assert!(ended["status"]["progress"]["itemsBackedUp"].is_null(), "{ended:#}");
    beside(&board, "shop-2", "it is Completed with 0 items: nothing is in it");
    // The namespace is not there any more, and its schedule goes on.
    primary.back_up("shop-3", "shop-daily", &["shop-of-old"]);
    beside(&board, "shop-3", "PartiallyFailed");

    renamed(&sites, &dr, &board);
    deleted([&primary, &dr], &room, &board);
    unavailable(&sites, [&primary, &dr], &room, &board);
    room.assert_sound();
}

/// Waits until this newer backup stands beside the restore point, which it is not because of this.
fn beside(board: &Watcher, name: &str, part: &str) {
    board.until(&format!("{name} beside the restore point, because of `{part}`"), |seen| {
        let row = schedule(seen)?;
        let RowBody::Backup(BackupRow { newer: Some((newer, why)), .. }) = &row.body else { return None };
        (point(row) == Some("shop-1") && newer == name && why.as_str().contains(part)).then_some(())
    });
}

/// While its backup runs there is none: here for as long as the store hangs.
fn only_when_completed(sites: &Sites, primary: &Velero<'_>, board: &Watcher) {
    sites.store.server.pause();
    primary.begin_backup("shop-1", "shop-daily", &json!({ "includedNamespaces": ["shop"] }));
    board.until("a backup under way", |seen| {
        let row = schedule(seen)?;
        let RowBody::Backup(BackupRow { newer, .. }) = &row.body else { return None };
        let running = newer.as_ref().is_some_and(|(name, phase)| name == "shop-1" && phase == "InProgress");
        let why = row.why.as_str();
        (point(row).is_none() && (running || why.contains("shop-1 is the newest, and it is InProgress"))).then_some(())
    });
    sites.store.server.resume();
    let done = primary.ended("backups", "shop-1");
    assert_eq!(done["status"]["phase"], "Completed", "{done:#}");
    assert!(done["status"]["progress"]["itemsBackedUp"].as_u64() > Some(0), "{done:#}");
}

/// DR's location is called otherwise than the primary's.
fn renamed(sites: &Sites, dr: &Velero<'_>, board: &Watcher) {
    dr.delete("backupstoragelocations/default");
    dr.location("renamed", &sites.store);
    dr.synchronise();
    says(board, &["nothing usable on dr: shop-1 is there too, and its location default is not known on dr"]);
    dr.delete("backupstoragelocations/renamed");
    dr.location("default", &sites.store);
    usable(board, dr, "shop-1");
}

/// Three restore points go at once, and the schedule.
fn deleted([primary, dr]: [&Velero<'_>; 2], room: &RealRoom, board: &Watcher) {
    for name in ["shop-4", "shop-5"] {
        primary.back_up(name, "shop-daily", &["shop"]);
    }
    usable(board, dr, "shop-5");
    for name in ["shop-1", "shop-4", "shop-5"] {
        primary.delete_backup(name);
    }
    says(board, &["3 restore points that had not expired vanished from"]);
    wait_for("an entry of what vanished", || {
        room.edges().into_iter().find(|edge| edge["edge"] == "backup.vanished" && edge["subject"] == "shop-daily")
    });
    primary.delete("schedules/shop-daily");
    says(board, &["primary has no schedule shop-daily: no new backup will be made"]);
}

/// Nobody answers where the restore points are.
fn unavailable(sites: &Sites, [primary, dr]: [&Velero<'_>; 2], room: &RealRoom, board: &Watcher) {
    primary.back_up("shop-6", "shop-daily", &["shop"]);
    usable(board, dr, "shop-6");
    sites.store.server.kill();
    let row = says(board, &["no usable restore point: shop-6 is the newest, and location default: is Unavailable: "]);
    assert_eq!(row.verdict, Verdict::Critical, "{}", row.why);
    for cluster in ["primary", "dr"] {
        board.until(&format!("the location of {cluster} unavailable"), |seen| {
            let row = seen.row(Topic::Backups, &format!("location/{cluster}/default"))?;
            (row.verdict == Verdict::Critical && row.why.as_str().contains("Unavailable")).then_some(())
        });
    }
    // Whoever wants to restore now is told the same, down to the cause.
    assert_eq!(room.ask_as(ANA, &["incident", "open", "shop is down"]).0, 0);
    let (code, said) = room.ask_as(ANA, &["propose", "restore", "--service", "shop", "--confirm", "shop"]);
    assert_eq!(code, 6, "{said:#}");
    assert!(said.to_string().contains("connection refused"), "{said:#}");
}

#[test]
fn two_persons_restore_and_a_restore_of_nothing_is_no_success() {
    let Some(sites) = Sites::start() else { return };
    let Some([primary, dr]) = sites.velero() else { return };
    let [_, on_dr] = &sites.clusters;
    shop(&sites.clusters[0]);
    primary.schedule("shop-daily", &["shop"]);
    primary.back_up("shop-1", "shop-daily", &["shop"]);
    let mut room = open(&sites.clusters);
    let board = room.watch();
    usable(&board, &dr, "shop-1");
    wait_for("an incident", || (room.ask_as(ANA, &["incident", "open", "shop is down"]).0 == 0).then_some(()));

    let plan = propose(&room);
    approved(&room, &plan);
    // Nobody runs pods here: what a kubelet would say of one comes when the restore has made its namespace.
    let there = || on_dr.request("GET", "/api/v1/namespaces/shop/configmaps/prices", None).0 == 200;
    wait_for("what was restored", || there().then_some(()));
    on_dr.pod("shop", "web-0", ("app", "web"), true);
    let (code, ended) = await_end(&room, &plan);
    assert_eq!((code, &ended["state"]), (0, &json!("succeeded")), "{ended:#}");
    let says =
        |n: usize| ended["steps"].as_array().and_then(|steps| steps.iter().rev().nth(n)).map(|it| text(&it["says"]));
    assert!(says(1).is_some_and(|it| it.contains("the restore is Completed: 3 of 3 items")), "{ended:#}");
    assert!(says(0).is_some_and(|it| it.contains("1 pod of shop ready")), "{ended:#}");
    let map = on_dr.must("GET", "/api/v1/namespaces/shop/configmaps/settings", None);
    assert_eq!(map["data"]["value"], "1", "{map:#}");

    // All of it exists by now, and it is not what is in the backup: Velero skips it with warnings, and says Completed.
    for name in ["settings", "prices"] {
        put_settings(on_dr, name, "2");
    }
    let plan = propose(&room);
    approved(&room, &plan);
    let (code, ended) = await_end(&room, &plan);
    assert_eq!((code, &ended["state"]), (1, &json!("failed")), "{ended:#}");
    let says = "Completed: 2 of 2 items, 2 warnings: all were skipped and nothing was restored";
    assert!(text(&ended["says"]).contains(says), "{ended:#}");
    let (_, postmortem, _) = crate::support::run(room.client().args(["export", "--format", "markdown"]));
    for part in ["Completed: 3 of 3 items", says] {
        assert!(postmortem.contains(part), "{part}: {postmortem}");
    }
    being_deleted(&primary, &room);
    room.assert_sound();
}

/// The primary's Velero was asked to delete the backup and has not begun: only it knows.
fn being_deleted(primary: &Velero<'_>, room: &RealRoom) {
    let plan = propose(room);
    primary.server.pause();
    primary.delete_backup("shop-1");
    let (code, said) = approve(room, &plan);
    assert_eq!((code, &said["refused"]), (6, &json!("drift")), "{said:#}");
    assert!(said.to_string().contains("primary still has backup shop-1 and does not delete it"), "{said:#}");
    primary.server.resume();
}
