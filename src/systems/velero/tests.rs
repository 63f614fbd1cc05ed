//! Velero on a scripted API server: what is watched, and what a step sends, reads back and never sends twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::*;
use crate::model::plan::Target;
use crate::model::{Digest, PersonId, PlanId, SourceChange, Step, StepRequest, TroubleKind};
use crate::systems::kube_api::testing::{
    KubeReply, KubeRequest, KubeSourceBench, KubeTestServer, healthy, list, status,
};
use crate::systems::{ActError, Permit};

async fn started(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench) {
    let server = KubeTestServer::start(script).await;
    let seen = KubeSourceBench::default();
    start_on(server.link(), &server.config, "velero", &seen.ctx, &seen.tasks);
    (server, seen)
}

async fn acting(
    script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static,
) -> (KubeTestServer, KubeSourceBench, Velero) {
    let server = KubeTestServer::start(script).await;
    let seen = KubeSourceBench::default();
    let adapter = Velero::new(server.link(), "velero", seen.ctx.clock.clone());
    (server, seen, adapter)
}

fn permit() -> Permit {
    Permit {
        plan: PlanId::from("01K"),
        digest: Digest([0xab; 32]),
        persons: vec![PersonId::from("ana"), PersonId::from("sam")],
    }
}

const NAME: &str = "wr-abababababababababab";

fn step(verb: &str, params: Value) -> Step {
    let src = SourceId::new(System::Velero, "dr");
    let target = Target { src, kind: "restore".into(), id: "u-1/velero/x".into(), name: "x".into() };
    Step {
        id: "1".into(),
        request: StepRequest::from_members(verb.to_owned(), params),
        target,
        pre: vec![],
        effect: String::new(),
        limit_s: 60,
        check: vec![],
    }
}

fn restore_step() -> Step {
    step(
        "velero.create_restore",
        json!({"namespace": "velero", "spec": {"backupName": "b1", "includedNamespaces": ["shop"]}}),
    )
}

fn location_step() -> Step {
    step(
        "velero.patch_location",
        json!({"namespace": "velero", "name": "default", "body": {"spec": {"accessMode": "ReadOnly"}}}),
    )
}

fn location(mode: &str, version: &str) -> Value {
    json!({"metadata": {"name": "default", "resourceVersion": version}, "spec": {"accessMode": mode},
           "status": {"phase": "Available", "lastValidationTime": "2026-11-22T19:04:00Z"}})
}

#[tokio::test]
async fn everything_of_velero_is_watched() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.lists("/backups") => list(vec![
            json!({"metadata": {"name": "b1"}, "status": {"phase": "Completed"}}),
            json!({"metadata": {"name": "b2"}, "status": {"phase": "Teleporting", "errors": []}}),
            json!(null),
        ]),
        it if it.watches("/restores") => KubeReply::Open(vec![
            json!({"type": "ADDED", "object": {"metadata": {"name": "r"}, "status": {"phase": "InProgress"}}}),
            json!({"type": "MODIFIED", "object": {"metadata": {"name": "r"}, "status": {"phase": "Completed"}}}),
        ]),
        it => healthy(it),
    })
    .await;
    let (mut kinds, mut points, mut done) = (Vec::new(), 0, false);
    seen.until("all of it", |change| {
        match change {
            SourceChange::Replace { kind, facts } => {
                kinds.push(*kind);
                points += if *kind == FactKind::RestorePoint { facts.len() } else { 0 };
            }
            SourceChange::Upsert(Fact::Restore(restore)) => done |= restore.phase.is("Completed"),
            _ => {}
        }
        (kinds.len() == 7 && done).then_some(())
    })
    .await;
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            FactKind::Schedule,
            FactKind::RestorePoint,
            FactKind::Location,
            FactKind::Restore,
            FactKind::VolumeBackup,
            FactKind::VolumeRestore,
            FactKind::DataDownload,
        ]
    );
    assert_eq!(points, 2);
    let gap = seen.trouble(|_| true).await;
    assert_eq!(
        (gap.kind, gap.what.as_str()),
        (TroubleKind::Partial, "1 of backups.velero.io can't be read and is left out")
    );
}

#[tokio::test]
async fn a_missing_crd_is_not_installed_and_asked_for_slowly() {
    let installed = Arc::new(AtomicBool::new(false));
    let switch = installed.clone();
    let (server, mut seen) = started(move |asked| {
        if asked.path.starts_with("/apis/velero.io") && !installed.load(Ordering::SeqCst) {
            return KubeReply::Text(404, "404 page not found\n".into());
        }
        healthy(asked)
    })
    .await;
    let trouble = seen.trouble(|_| true).await;
    assert_eq!(trouble.kind, TroubleKind::NotInstalled);
    assert_eq!(trouble.what, "backups.velero.io is not installed in this cluster");
    assert_eq!(server.count(|it| it.lists("/backups")), 0, "no list behind a closed gate");
    switch.store(true, Ordering::SeqCst);
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
}

#[tokio::test]
async fn a_misspelt_namespace_is_told_from_one_that_is_empty_and_the_nearest_is_named() {
    let made = Arc::new(AtomicBool::new(false));
    let switch = made.clone();
    let (_server, mut seen) = started(move |asked| match asked.path.as_str() {
        "/api/v1/namespaces/velero" if !made.load(Ordering::SeqCst) => {
            let details = json!({"name": "velero", "kind": "namespaces"});
            KubeReply::Json(404, json!({"kind": "Status", "reason": "NotFound", "details": details, "code": 404}))
        }
        "/api/v1/namespaces" => {
            list(vec![json!({"metadata": {"name": "shop"}}), json!({"metadata": {"name": "valero"}})])
        }
        _ => healthy(asked),
    })
    .await;
    let trouble = seen.trouble(|_| true).await;
    assert_eq!(trouble.kind, TroubleKind::NotInstalled);
    assert_eq!(trouble.what, "there is no namespace `velero` in this cluster");
    assert_eq!(trouble.remedy, "did you mean `valero`? Mend the cluster's section in warroom.toml");
    switch.store(true, Ordering::SeqCst);
    seen.until("proof of life", |change| (*change == SourceChange::Alive).then_some(())).await;
}

#[tokio::test]
async fn a_forbidden_kind_does_not_hide_the_others() {
    let (_server, mut seen) = started(|asked| match asked {
        it if it.path.ends_with("/restores") => status(403, "Forbidden", "restores.velero.io is forbidden"),
        it => healthy(it),
    })
    .await;
    let (mut read, mut forbidden) = (0, None);
    let trouble = seen
        .until("three lists and trouble", |change| {
            match change {
                SourceChange::Replace { .. } => read += 1,
                SourceChange::Trouble(trouble) => forbidden = Some(trouble.clone()),
                _ => {}
            }
            forbidden.clone().filter(|_| read >= 3)
        })
        .await;
    assert_eq!(trouble.remedy, "grant get, list and watch on restores.velero.io to this credential");
}

#[tokio::test]
async fn reads_go_to_the_server_and_absence_is_null() {
    let (_server, _seen, adapter) = acting(|asked| match asked.path.rsplit('/').next() {
        Some("b1") => {
            KubeReply::Json(200, json!({"metadata": {"name": "b1", "uid": "u-9"}, "status": {"phase": "Completed"}}))
        }
        Some("default") => KubeReply::Json(200, location("", "5")),
        Some("r1") => KubeReply::Json(200, json!({"metadata": {"name": "r1"}})),
        Some("gone") => KubeReply::Json(
            404,
            json!({"kind": "Status", "reason": "NotFound", "details": {"name": "gone"}, "code": 404}),
        ),
        Some("crd") => KubeReply::Text(404, "404 page not found".into()),
        Some("restores") => list(vec![
            json!({"metadata": {"name": "a"}}),
            json!({"metadata": {"name": "b"}, "status": {"phase": "Completed"}}),
            json!({"metadata": {"name": "c"}, "status": {"phase": "Finalizing"}}),
        ]),
        Some("backups") => list(vec![
            json!({"metadata": {"name": "a"}, "status": {"phase": "WaitingForPluginOperationsPartiallyFailed"}}),
            json!({"metadata": {"name": "b"}, "status": {"phase": "InProgress"}}),
        ]),
        _ => healthy(asked),
    })
    .await;
    let expected = [
        ("cluster/uid", json!("u-1")),
        ("backup/b1/uid", json!("u-9")),
        ("backup/b1/phase", json!("Completed")),
        ("backup/b1/deleting", json!(false)),
        ("backup/gone/phase", Value::Null),
        ("location/default/phase", json!("Available")),
        ("location/default/access_mode", json!("ReadWrite")),
        ("restore/r1/phase", json!("")),
        ("restore/r1/errors", json!(0)),
        ("restore/gone/warnings", Value::Null),
        ("restores/open", json!(2)),
        ("backups/uploading", json!(1)),
    ];
    for (path, value) in expected {
        assert_eq!(adapter.read(path).await, Ok(value), "{path}");
    }
    // By the server's clock and not the room's: the time in the object is by that clock too.
    let validated: crate::model::Stamp = "2026-11-22T19:04:00Z".parse().expect("a time");
    let before = (crate::clock::Clock::real().now() - validated).num_seconds();
    let age = adapter.read("location/default/validated_age_s").await.expect("an age").as_i64().expect("a number");
    let after = (crate::clock::Clock::real().now() - validated).num_seconds();
    // A Date header is whole seconds, and may be one old.
    assert!((before - 2..=after).contains(&age), "{before} {age} {after}");
    assert_eq!(adapter.read("location/default/validated_since_change").await, Ok(Value::Null));
    assert_eq!(adapter.read("backup/b1/expires_in_s").await, Ok(json!(u32::MAX)), "it never expires");
    assert_eq!(adapter.read("backup/crd/phase").await.expect_err("missing").kind, TroubleKind::NotInstalled);
    for path in ["backup/../x", "backup/B1/phase", "backup/b1/size", "", "restores/all", "backup/b1"] {
        assert_eq!(adapter.read(path).await.expect_err(path).kind, TroubleKind::Garbage, "{path}");
    }
}

#[tokio::test]
async fn pods_of_a_service_are_counted_when_they_serve_and_named_while_they_do_not() {
    let pod = |name: &str, phase: &str, ready: &str, reason: &str| {
        json!({"metadata": {"name": name, "namespace": "shop"}, "spec": {"nodeName": "n"}, "status": {
            "phase": phase, "conditions": [{"type": "Ready", "status": ready}],
            "containerStatuses": [{"state": {"waiting": {"reason": reason}}}]}})
    };
    let (_server, _seen, adapter) = acting(move |asked| match asked.path.split('/').nth(4) {
        Some("shop") => {
            let mut gone = pod("told-to-end", "Running", "False", "");
            gone["metadata"]["deletionTimestamp"] = json!("2026-11-22T19:04:00Z");
            list(vec![
                pod("api", "Running", "True", ""),
                pod("web", "Pending", "False", "ImagePullBackOff"),
                pod("db", "Running", "False", ""),
                pod("migration", "Succeeded", "False", ""),
                pod("evicted", "Failed", "False", ""),
                gone,
            ])
        }
        Some("pay") => list(vec![pod("pay", "Running", "True", "")]),
        Some("secret") => status(403, "Forbidden", "pods is forbidden"),
        Some("many") => list((0..9).map(|n| pod(&format!("p{n}"), "Running", "False", "")).collect()),
        Some("empty") => list(vec![]),
        _ => healthy(asked),
    })
    .await;
    for (path, value) in [
        ("pods/shop/ready", json!(1)),
        ("pods/shop:pay/ready", json!(2)),
        ("pods/shop:pay/waiting", json!(["db: NotReady", "web: ImagePullBackOff"])),
        ("pods/pay/waiting", json!([])),
        ("pods/empty/ready", json!(0)),
    ] {
        assert_eq!(adapter.read(path).await, Ok(value), "{path}");
    }
    let many = adapter.read("pods/many/waiting").await.expect("read");
    assert_eq!(many.as_array().map(|it| (it.len(), it[5].clone())), Some((6, json!("4 more"))));
    assert_eq!(adapter.read("pods/pay:secret/ready").await.expect_err("kept from us").kind, TroubleKind::Forbidden);
    for path in ["pods/../ready", "pods/shop:/ready", "pods/shop/all", "pods/shop"] {
        assert_eq!(adapter.read(path).await.expect_err(path).kind, TroubleKind::Garbage, "{path}");
    }
}

#[tokio::test]
async fn a_location_is_patched_at_the_version_that_was_read() {
    let (server, _seen, adapter) = acting(|asked| match asked.method.as_str() {
        "PATCH" => KubeReply::Json(200, location("ReadOnly", "6")),
        _ => KubeReply::Json(200, location("ReadWrite", "5")),
    })
    .await;
    let said = adapter.apply(&location_step(), &permit()).await.expect("applied");
    assert!(said.contains("ReadOnly"), "{said}");
    let asked = server.asked.lock().expect("log").clone();
    let patch = asked.iter().find(|it| it.method == "PATCH").expect("a patch");
    assert_eq!(patch.body, json!({"metadata": {"resourceVersion": "5"}, "spec": {"accessMode": "ReadOnly"}}));
}

#[tokio::test]
async fn a_conflict_on_a_location_is_not_applied_and_a_done_change_is_not_sent_again() {
    let (_server, _seen, adapter) = acting(|asked| match asked.method.as_str() {
        "PATCH" => status(409, "Conflict", "the object has been modified"),
        _ => KubeReply::Json(200, location("ReadWrite", "5")),
    })
    .await;
    assert!(matches!(adapter.apply(&location_step(), &permit()).await, Err(ActError::NotApplied(_))));

    let (server, _seen, adapter) = acting(|_| KubeReply::Json(200, location("ReadOnly", "5"))).await;
    adapter.apply(&location_step(), &permit()).await.expect("already so");
    assert_eq!(server.count(|it| it.method == "PATCH"), 0);
}

#[tokio::test]
async fn a_restore_has_the_plans_name_and_digest() {
    let (server, _seen, adapter) = acting(|asked| match asked.method.as_str() {
        "POST" => KubeReply::Json(201, json!({"metadata": {"name": NAME, "uid": "u-r"}})),
        _ => healthy(asked),
    })
    .await;
    let said = adapter.apply(&restore_step(), &permit()).await.expect("applied");
    assert!(said.contains(NAME) && said.contains("u-r"), "{said}");
    let asked = server.asked.lock().expect("log").clone();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].path, "/apis/velero.io/v1/namespaces/velero/restores");
    let digest = permit().digest.to_string();
    assert_eq!(
        asked[0].body,
        json!({"apiVersion": "velero.io/v1", "kind": "Restore",
               "metadata": {"name": NAME, "namespace": "velero", "annotations": {"warroom/plan-digest": digest}},
               "spec": {"backupName": "b1", "includedNamespaces": ["shop"]}})
    );
}

#[tokio::test]
async fn a_taken_name_is_ours_only_with_the_same_digest() {
    for (annotation, ours) in [(permit().digest.to_string(), true), (Digest([1; 32]).to_string(), false)] {
        let (server, _seen, adapter) = acting(move |asked| match asked.method.as_str() {
            "POST" => status(409, "AlreadyExists", "restores.velero.io already exists"),
            _ => KubeReply::Json(
                200,
                json!({"metadata": {"name": NAME, "uid": "u", "annotations": {"warroom/plan-digest": annotation}}}),
            ),
        })
        .await;
        let done = adapter.apply(&restore_step(), &permit()).await;
        assert_eq!(done.is_ok(), ours, "{done:?}");
        assert!(ours || matches!(done, Err(ActError::NotApplied(_))));
        assert_eq!(server.count(|it| it.method == "POST"), 1);
    }
}

#[tokio::test]
async fn what_may_be_concluded_from_a_failed_write_is_said_and_nothing_is_sent_twice() {
    for (code, certain) in
        [(400, true), (403, true), (422, true), (429, true), (408, false), (500, false), (503, false), (504, false)]
    {
        let (server, _seen, adapter) = acting(move |_| status(code, "Oops", "no")).await;
        let done = adapter.apply(&restore_step(), &permit()).await.expect_err("failed");
        assert_eq!(matches!(done, ActError::NotApplied(_)), certain, "{code}: {done:?}");
        assert_eq!(server.count(|it| it.method == "POST"), 1, "{code}");
    }
    // Nobody listens: provably nothing was sent.
    let (server, _seen, _adapter) = acting(healthy).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let mut config = server.config.clone();
    let kubeconfig = config.kubeconfig.clone().expect("a path");
    let text = std::fs::read_to_string(&kubeconfig).expect("read");
    let from = text.split("http://").nth(1).and_then(|rest| rest.split('\'').next()).expect("an address").to_owned();
    let other = kubeconfig.with_file_name("other");
    std::fs::write(&other, text.replace(&from, &closed.to_string())).expect("written");
    config.kubeconfig = Some(other);
    let adapter = Velero::new(ClusterLink::new(&config), "velero", KubeSourceBench::default().ctx.clock.clone());
    let done = adapter.apply(&restore_step(), &permit()).await.expect_err("refused");
    assert!(matches!(&done, ActError::NotApplied(trouble) if trouble.kind == TroubleKind::Unreachable), "{done:?}");
}

#[tokio::test]
async fn steps_that_are_not_exactly_a_restore_plans_send_nothing() {
    let (server, _seen, adapter) = acting(healthy).await;
    let restores = [
        json!({"namespace": "other", "spec": {"backupName": "b1", "includedNamespaces": []}}),
        json!({"namespace": "velero", "spec": {"backupName": "", "includedNamespaces": []}}),
        json!({"namespace": "velero", "spec": {"scheduleName": "s"}}),
        json!({"namespace": "velero", "spec": {"backupName": "b1", "includedNamespaces": [], "scheduleName": "s"}}),
        json!(null),
    ];
    let locations = [
        json!({"namespace": "velero", "name": "default", "body": {"spec": {"accessMode": "ReadOnly", "provider": "x"}}}),
        json!({"namespace": "velero", "name": "default", "body": {"spec": {"accessMode": "Whatever"}}}),
        json!({"namespace": "other", "name": "default", "body": {"spec": {"accessMode": "ReadOnly"}}}),
        json!({"namespace": "velero", "name": "../x", "body": {"spec": {"accessMode": "ReadOnly"}}}),
    ];
    let steps = restores.map(|params| step("velero.create_restore", params)).into_iter();
    let steps = steps.chain(locations.map(|params| step("velero.patch_location", params)));
    for step in steps.chain([step("velero.delete_backup", json!({}))]) {
        let done = adapter.apply(&step, &permit()).await;
        assert!(matches!(done, Err(ActError::NotApplied(_))), "{step:?}: {done:?}");
    }
    assert_eq!(server.asked.lock().expect("log").len(), 0);
}

#[tokio::test]
async fn a_restore_is_told_whole_and_what_it_brought_back_only_when_it_has_ended() {
    let (_server, _seen, adapter) = acting(|asked| match asked.path.rsplit('/').next() {
        Some("done") => KubeReply::Json(
            200,
            json!({"metadata": {"name": "done"}, "status": {"phase": "Completed", "warnings": 3,
                "progress": {"totalItems": 120, "itemsRestored": 120}}}),
        ),
        Some("skipped" | NAME) => KubeReply::Json(
            200,
            json!({"metadata": {"name": "skipped"}, "status": {"phase": "Completed", "warnings": 3,
                "progress": {"totalItems": 3, "itemsRestored": 3}}}),
        ),
        Some("runs") => KubeReply::Json(
            200,
            json!({"metadata": {"name": "runs"}, "status": {"phase": "InProgress",
                "progress": {"totalItems": 120, "itemsRestored": 60}}}),
        ),
        _ => KubeReply::Json(
            404,
            json!({"kind": "Status", "reason": "NotFound", "details": {"name": "x", "kind": "restores"}, "code": 404}),
        ),
    })
    .await;
    for (name, brought) in [("done", json!(117)), ("skipped", json!(0)), ("runs", Value::Null), ("gone", Value::Null)] {
        assert_eq!(adapter.read(&format!("restore/{name}/restored")).await, Ok(brought), "{name}");
    }
    let mut step = restore_step();
    let told = adapter.restored(&step, permit().digest).await.expect("read").expect("there");
    assert_eq!((told.items, told.warnings, told.brought()), (3, 3, 0));
    assert!(told.words().contains("nothing was restored"), "{}", told.words());
    // The second of a plan that makes several has a name of its own.
    step.target.id = "u-1/velero/@plan-4".into();
    assert_eq!(restore_name(&step, &permit().digest), format!("{NAME}-4"));
    assert_eq!(adapter.restored(&step, permit().digest).await, Ok(None));
    assert_eq!(adapter.restored(&location_step(), permit().digest).await, Ok(None), "only a restore brings back");
}

#[tokio::test]
async fn a_backup_is_kept_as_long_as_nobody_deletes_it() {
    let backup = |name: &str, more: Value| {
        let mut it = json!({"metadata": {"name": name}, "status": {"phase": "Completed"}});
        it.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        KubeReply::Json(200, it)
    };
    let (_server, _seen, adapter) = acting(move |asked| match asked.path.rsplit('/').next() {
        Some("deletebackuprequests") => list(vec![
            json!({"metadata": {"name": "a"}, "spec": {"backupName": "asked"}, "status": {"phase": "New"}}),
            json!({"metadata": {"name": "b"}, "spec": {"backupName": "refused"}, "status": {"phase": "Processed"}}),
        ]),
        Some("goes") => backup("goes", json!({"status": {"phase": "Deleting"}})),
        Some("going") => backup("going", json!({"metadata": {"deletionTimestamp": "2026-11-22T19:04:00Z"}})),
        Some(name @ ("kept" | "asked" | "refused")) => backup(name, json!({})),
        _ => KubeReply::Json(
            404,
            json!({"kind": "Status", "reason": "NotFound", "details": {"name": "x", "kind": "backups"}, "code": 404}),
        ),
    })
    .await;
    for (name, kept) in
        [("kept", true), ("refused", true), ("asked", false), ("goes", false), ("going", false), ("gone", false)]
    {
        assert_eq!(adapter.read(&format!("backup/{name}/kept")).await, Ok(json!(kept)), "{name}");
    }
}
