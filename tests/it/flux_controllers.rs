//! A room before two real clusters that the real controllers of Flux keep: parity is what both sides run and nothing less,
//! first failures have their reason, and an idle Flux leaves the log alone.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use warroom::board::{ParityRow, Row, RowBody, Topic, Verdict};

use crate::peers::controllers::flux::Flux;
use crate::peers::controllers::git::{Git, Served};
use crate::peers::controllers::{self};
use crate::peers::kube::Cluster;
use crate::real_room::{Config, RealRoom, Seen, Watcher, kubeconfig};
use crate::support::wait_for;

/// How often sources are fetched and kustomizations applied where a test waits for it.
const SOON: &str = "2s";
const PARITY: &str = "parity/dr";

/// A room before both clusters.
fn open(clusters: [&Cluster; 2]) -> RealRoom {
    let mut config = Config::new("flux");
    for cluster in clusters {
        let user = json!({ "token": cluster.token("admin") });
        let text = kubeconfig(cluster, &cluster.url, &user);
        config.cluster(&cluster.name, &cluster.name, &text, "flux = \"flux-system\"\n");
    }
    config.open()
}

/// A folder of the repository with one config map in it.
fn settings(name: &str, value: &str) -> (String, String) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name, "namespace": "default" },
        "data": { "value": value },
    });
    (format!("apps/{name}/settings.json"), map.to_string())
}

fn commit(git: &Git, title: &str, name: &str, value: &str) -> String {
    let (path, text) = settings(name, value);
    let kustomization = format!("apps/{name}/kustomization.yaml");
    git.commit(title, &[(&path, &text), (&kustomization, "resources: [settings.json]\n")])
}

/// Waits until a commit is applied on a cluster.
fn applied(flux: &Flux<'_>, name: &str, commit: &str) {
    wait_for(&format!("{commit} applied as {name}"), || {
        let status = flux.read_kustomization(name)["status"].clone();
        let applied = status["lastAppliedRevision"].as_str().is_some_and(|it| it.ends_with(commit));
        let ready = status["conditions"].as_array()?.iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
        (applied && ready).then_some(())
    });
}

fn parity(row: &Row) -> Option<(u32, u32)> {
    match row.body {
        RowBody::Parity(ParityRow { ok, total, .. }) => Some((ok, total)),
        _ => None,
    }
}

/// Why DR's applications are not at parity.
fn laggards(seen: &Seen) -> Option<String> {
    match &seen.row(Topic::Gitops, PARITY)?.body {
        RowBody::Parity(ParityRow { laggards, .. }) => {
            Some(laggards.iter().map(|(name, why)| format!("{name}: {why}")).collect::<Vec<_>>().join("\n"))
        }
        _ => None,
    }
}

/// Waits until DR is at parity.
fn green(board: &Watcher, of: u32) {
    board.until("parity of dr", |seen| {
        let row = seen.row(Topic::Gitops, PARITY)?;
        (row.verdict == Verdict::Ok && !row.stale && parity(row) == Some((of, of))).then_some(())
    });
}

/// Waits until DR is not at parity for these reasons, and neither it nor the cluster's row is green.
fn not_green(board: &Watcher, parts: &[&str]) -> String {
    let mut last = String::new();
    board.until(&format!("no parity of dr because of {parts:?}"), |seen| {
        let row = seen.row(Topic::Gitops, PARITY)?;
        let why = laggards(seen)?;
        if why != last {
            println!("dr is {:?}: {why}", row.verdict);
            last.clone_from(&why);
        }
        let (ok, total) = parity(row)?;
        let said = parts.iter().all(|part| why.contains(part));
        (said && row.verdict != Verdict::Ok && ok < total).then_some(why)
    })
}

/// Both clusters with their controllers, and one repository that each is served by itself.
struct Sites {
    clusters: [Cluster; 2],
    git: Git,
    served: [Served; 2],
}

impl Sites {
    fn start() -> Option<Self> {
        Flux::programs()?;
        let git = Git::new()?;
        let served = [git.serve(), git.serve()];
        Some(Self { clusters: controllers::clusters()?, git, served })
    }

    fn flux(&self) -> Option<[Flux<'_>; 2]> {
        let [primary, dr] = controllers::both(&self.clusters, Flux::start);
        Some([primary?, dr?])
    }

    fn room(&self) -> RealRoom {
        let [primary, dr] = &self.clusters;
        open([primary, dr])
    }
}

#[test]
fn parity_is_what_both_sides_run_and_no_half_truth_is_green() {
    let Some(sites) = Sites::start() else { return };
    let Some([primary, dr]) = sites.flux() else { return };
    let git = &sites.git;
    let first = commit(git, "first", "shop", "1");
    for (flux, served) in [(&primary, &sites.served[0]), (&dr, &sites.served[1])] {
        flux.repository("fleet", served, SOON);
        flux.kustomization("shop", "fleet", "apps/shop", SOON, &Value::Null);
    }
    applied(&primary, "shop", &first);
    applied(&dr, "shop", &first);
    let mut room = sites.room();
    let board = room.watch();
    green(&board, 1);

    // DR's way to Git is down: it stays where it was, and its own status stays Ready.
    sites.served[1].set_down(true);
    let second = commit(git, "second", "shop", "2");
    applied(&primary, "shop", &second);
    let [is, wanted] = [&first, &second].map(|it| format!("main@{}", &it[..7]));
    let why = not_green(&board, &[&format!("is at {is}, primary at {wanted}"), "GitOperationFailed"]);
    assert!(why.starts_with("kustomization/shop: "), "{why}");
    wait_for("Flux itself to say that all is well", || {
        let conditions = dr.read_kustomization("shop")["status"]["conditions"].to_string();
        conditions.contains("ReconciliationSucceeded").then_some(())
    });
    sites.served[1].set_down(false);
    applied(&dr, "shop", &second);
    green(&board, 1);

    // DR looks once an hour: all is well with it, and it is behind.
    dr.repository("fleet", &sites.served[1], "1h");
    wait_for("the other interval seen", || dr.is_settled("fleet").then_some(()));
    let slow = commit(git, "slow", "shop", "slow");
    applied(&primary, "shop", &slow);
    let [is, wanted] = [&second, &slow].map(|it| format!("main@{}", &it[..7]));
    not_green(&board, &[&format!("is at {is}, primary at {wanted}")]);
    dr.repository("fleet", &sites.served[1], SOON);
    applied(&dr, "shop", &slow);
    green(&board, 1);

    // Suspended, before and after there is something that it does not see.
    dr.suspend("fleet", true);
    not_green(&board, &["its source GitRepository/fleet is suspended"]);
    let third = commit(git, "third", "shop", "3");
    applied(&primary, "shop", &third);
    not_green(&board, &["is suspended", &format!("primary at main@{}", &third[..7])]);
    dr.suspend("fleet", false);
    applied(&dr, "shop", &third);
    green(&board, 1);

    // Nobody looks for newer revisions: a pod that is not ready, and none at all.
    dr.pod("source-controller", false);
    not_green(&board, &["no pod of source-controller is ready: nobody looks for newer revisions"]);
    dr.remove_source_controller();
    not_green(&board, &["no pod of source-controller was found"]);
    dr.source.start();
    dr.pod("source-controller", true);
    green(&board, 1);

    // The room says of an application that is on the primary only that DR lacks it.
    primary.kustomization("pay", "fleet", "apps/shop", SOON, &json!({ "prune": false }));
    not_green(&board, &["kustomization/pay: on primary only"]);
    room.assert_sound();
}

#[test]
fn first_failures_are_told_with_their_reason() {
    let Some(sites) = Sites::start() else { return };
    let Some([_primary, dr]) = sites.flux() else { return };
    let room = sites.room();
    let board = room.watch();
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web", "namespace": "default" },
        "spec": { "selector": { "matchLabels": { "app": "web" } }, "template": {
            "metadata": { "labels": { "app": "web" } },
            "spec": { "containers": [{ "name": "web", "image": "registry.example/web:1" }] } } },
    });
    sites.git.commit(
        "a deployment that nobody rolls out",
        &[("apps/web/web.json", &deployment.to_string()), ("apps/web/kustomization.yaml", "resources: [web.json]\n")],
    );
    dr.repository("fleet", &sites.served[1], SOON);
    dr.kustomization("web", "fleet", "apps/web", SOON, &Value::Null);
    dr.kustomization("after", "fleet", "apps/web", SOON, &json!({ "dependsOn": [{ "name": "web" }] }));
    dr.kustomization("nowhere", "no-such-repository", "apps/web", SOON, &Value::Null);
    dr.kustomization("misplaced", "fleet", "apps/no-such-folder", SOON, &Value::Null);
    for (name, verdict, part) in [
        ("web", Verdict::Warning, "HealthCheckFailed: health check failed after"),
        ("after", Verdict::Info, "DependencyNotReady: dependency 'flux-system/web' is not ready"),
        ("nowhere", Verdict::Warning, "no-such-repository"),
        ("misplaced", Verdict::Warning, "ArtifactFailed"),
    ] {
        let id = format!("app/dr/flux-system/kustomization/{name}");
        board.until(&format!("{name} is {verdict:?} because of `{part}`"), |seen| {
            let row = seen.row(Topic::Gitops, &id)?;
            (row.verdict == verdict && row.why.as_str().contains(part)).then_some(())
        });
        let status = &dr.read_kustomization(name)["status"]["observedGeneration"];
        assert_eq!(status, &json!(-1), "{name} has failed from the first");
    }
    // Each further try takes half a minute, in which Flux says that it is in progress.
    board.until("a failure that is tried again", |seen| {
        let row = seen.row(Topic::Gitops, "app/dr/flux-system/kustomization/web")?;
        let again = "fails and is tried again: its last reconciliation ended as HealthCheckFailed";
        (row.verdict == Verdict::Warning && row.why.as_str().contains(again)).then_some(())
    });
}

/// Two idle sites at parity, each with two applications whose health is waited for at every turn; and a room whose log
/// holds nothing but its start. `look` gets the controllers and the room.
fn idle(interval: &str, look: impl FnOnce(&[Flux<'_>; 2], &mut RealRoom)) {
    let Some(sites) = Sites::start() else { return };
    let Some(both) = sites.flux() else { return };
    commit(&sites.git, "first", "shop", "1");
    let head = commit(&sites.git, "second", "pay", "1");
    for (flux, served) in both.iter().zip(&sites.served) {
        flux.repository("fleet", served, interval);
        for name in ["shop", "pay"] {
            flux.kustomization(name, "fleet", &format!("apps/{name}"), interval, &Value::Null);
        }
    }
    for flux in &both {
        applied(flux, "shop", &head);
        applied(flux, "pay", &head);
    }
    let mut room = sites.room();
    let board = room.watch();
    green(&board, 2);
    drop(board);
    look(&both, &mut room);
    room.assert_sound();
}

/// What the log holds besides the room's start.
fn told(room: &RealRoom) -> Vec<Value> {
    let entries = room.entries().into_iter();
    entries.filter(|it| it["k"].as_str().is_some_and(|kind| !["genesis", "room_started"].contains(&kind))).collect()
}

fn reconciled(both: &[Flux<'_>; 2]) -> usize {
    both.iter().map(Flux::reconciled).sum()
}

#[test]
fn an_idle_flux_leaves_the_log_alone() {
    const TURNS: usize = 60;
    idle(SOON, |both, room| {
        let before = reconciled(both);
        let turns = wait_for("reconciliations", || {
            let turns = reconciled(both) - before;
            assert_eq!(told(room), Vec::<Value>::new(), "after {turns} reconciliations");
            (turns >= TURNS).then_some(turns)
        });
        println!("{turns} reconciliations, no entry");
    });
}

/// `WARROOM_IDLE_MINUTES` says for how long, by default an hour; each source and application has its turn every minute.
#[test]
#[ignore = "takes an hour: WARROOM_IDLE_MINUTES=60 cargo test --test it an_hour_of_idle_flux -- --ignored --nocapture"]
fn an_hour_of_idle_flux_leaves_the_log_alone() {
    let minutes = std::env::var("WARROOM_IDLE_MINUTES").map_or(60, |it| it.parse().expect("WARROOM_IDLE_MINUTES"));
    idle("1m", |both, room| {
        let (before, began) = (reconciled(both), Instant::now());
        while began.elapsed() < Duration::from_secs(60 * minutes) {
            assert_eq!(told(room), Vec::<Value>::new(), "after {} s", began.elapsed().as_secs());
            std::thread::park_timeout(Duration::from_secs(5));
        }
        let turns = reconciled(both) - before;
        assert!(turns > 0, "nothing was reconciled");
        println!("{minutes} min of idle Flux: {turns} reconciliations, {} entries", told(room).len());
    });
}
