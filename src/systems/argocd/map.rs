//! Argo CD's objects to facts. Pure; an odd field costs that field, never the object.

use serde_json::Value;

use crate::model::SafeText;
use crate::model::facts::{App, AppTimes, DeployTarget, Deployed, Open, Project, SyncWindow};
use crate::systems::kube_api::json_access::{
    MAX_ITEMS, annotated_true, at, count, flag, items, name, open, stamp, string, tag, text, texts,
};

const SKIP: &str = "argocd.argoproj.io/skip-reconcile";
const REFRESH: &str = "argocd.argoproj.io/refresh";

/// An Application.
pub fn app(cluster: &str, object: &Value) -> Option<App> {
    let sync = at(object, "/status/sync");
    let skipped = annotated_true(object, SKIP);
    let automated = automated(object);
    Some(App {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace"),
        name: SafeText::new(name(object)?),
        kind: Open::new("Application"),
        sync: open(sync, "/status"),
        health: open(object, "/status/health/status"),
        revision: revision(sync),
        target_revision: target(object),
        destination: destination(object),
        destination_matches: destination_matches(object),
        reconciled_at: stamp(object, "/status/reconciledAt"),
        operation_pending: !at(object, "/operation").is_null(),
        operation_phase: open(object, "/status/operationState/phase"),
        operation_message: text(object, "/status/operationState/message"),
        retrying: string(object, "/status/operationState/phase") == "Running"
            && !at(object, "/status/operationState/finishedAt").is_null(),
        retries: count(object, "/status/operationState/retryCount"),
        suspended: skipped || flag_is(object, "/spec/syncPolicy/automated/enabled", false),
        skipped,
        errors: errors(object).map(error_words).take(MAX_ITEMS).collect(),
        deleting: !at(object, "/metadata/deletionTimestamp").is_null(),
        // Any value asks for one; the controller takes the annotation away when it has done it.
        refresh_pending: tag(object, "annotations", REFRESH).is_some(),
        automated: if skipped { Some(false) } else { automated },
        prunes: automated.map(|on| on && flag(object, "/spec/syncPolicy/automated/prune")),
        project: project_of(object),
        place: DeployTarget {
            server: text(object, "/spec/destination/server"),
            name: text(object, "/spec/destination/name"),
            namespace: text(object, "/spec/destination/namespace"),
        },
        times: AppTimes {
            deleting: stamp(object, "/metadata/deletionTimestamp"),
            error: errors(object).find_map(|it| stamp(it, "/lastTransitionTime")),
            health: stamp(object, "/status/health/lastTransitionTime"),
            operation: stamp(object, "/status/operationState/startedAt"),
            ..AppTimes::default()
        },
        // The list is left out where it is empty.
        objects: Some(items(object, "/status/resources").len() as u64),
        images: texts(object, "/status/summary/images"),
        deployed: deployed(object),
        flux: None,
    })
}

/// The end of its history: what was synced last.
fn deployed(object: &Value) -> Option<Deployed> {
    let last = items(object, "/status/history").last()?;
    Some(Deployed { revision: revision(last), at: stamp(last, "/deployedAt") })
}

fn flag_is(object: &Value, pointer: &str, value: bool) -> bool {
    at(object, pointer) == &Value::Bool(value)
}

fn errors(object: &Value) -> impl Iterator<Item = &Value> {
    items(object, "/status/conditions").iter().filter(|it| string(it, "/type").ends_with("Error"))
}

fn error_words(condition: &Value) -> SafeText {
    match string(condition, "/message") {
        message if message.is_empty() => text(condition, "/type"),
        message => SafeText::from(format!("{}: {message}", string(condition, "/type"))),
    }
}

/// Whether Argo CD syncs by itself: `automated` is there and not switched off. A policy of another shape can't be told.
fn automated(object: &Value) -> Option<bool> {
    match at(object, "/spec/syncPolicy/automated") {
        _ if !at(object, "/spec").is_object() => None,
        Value::Null => Some(false),
        Value::Object(policy) => match policy.get("enabled") {
            None | Some(Value::Null) => Some(true),
            Some(Value::Bool(on)) => Some(*on),
            Some(_) => None,
        },
        _ => None,
    }
}

/// No project is the project `default`.
fn project_of(object: &Value) -> SafeText {
    let project = text(object, "/spec/project");
    if project.is_empty() { SafeText::from("default") } else { project }
}

/// An AppProject: its sync windows.
pub fn project(cluster: &str, object: &Value) -> Option<Project> {
    let window = |it: &Value| SyncWindow {
        kind: open(it, "/kind"),
        schedule: text(it, "/schedule"),
        duration: text(it, "/duration"),
        time_zone: text(it, "/timeZone"),
        manual_sync: flag(it, "/manualSync"),
        applications: texts(it, "/applications"),
        namespaces: texts(it, "/namespaces"),
        clusters: texts(it, "/clusters"),
        and: flag(it, "/andOperator"),
    };
    Some(Project {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace"),
        name: SafeText::new(name(object)?),
        windows: items(object, "/spec/syncWindows").iter().take(MAX_ITEMS).map(window).collect(),
    })
}

/// One revision, or those of several sources in their order.
fn revision(sync: &Value) -> SafeText {
    let one = text(sync, "/revision");
    if !one.is_empty() {
        return one;
    }
    let many: Vec<&str> = items(sync, "/revisions").iter().filter_map(Value::as_str).take(MAX_ITEMS).collect();
    SafeText::from(many.join(" "))
}

fn target(object: &Value) -> SafeText {
    let one = text(object, "/spec/source/targetRevision");
    if !one.is_empty() {
        return one;
    }
    let many = items(object, "/spec/sources").iter().map(|it| string(it, "/targetRevision")).take(MAX_ITEMS);
    SafeText::from(many.filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" "))
}

/// `cluster namespace`: by name if it has one, else by address.
fn destination(object: &Value) -> SafeText {
    let place = ["/spec/destination/name", "/spec/destination/server"];
    let place = place.into_iter().map(|it| string(object, it)).find(|it| !it.is_empty()).unwrap_or_default();
    SafeText::from(format!("{place} {}", string(object, "/spec/destination/namespace")).trim().to_owned())
}

/// What was compared is where it should go. Not compared yet proves nothing.
fn destination_matches(object: &Value) -> bool {
    let compared = at(object, "/status/sync/comparedTo/destination");
    let wanted = at(object, "/spec/destination");
    let same = |field: &str| string(compared, field) == string(wanted, field);
    compared.is_object() && wanted.is_object() && ["/server", "/name", "/namespace"].into_iter().all(same)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;
    use crate::model::gitops::Around;
    use crate::systems::kube_api::testing::recorded;
    use serde_json::json;

    fn now() -> Stamp {
        "2026-11-22T19:05:00Z".parse().expect("a time")
    }

    fn deployed_and_healthy(app: &App) -> bool {
        app.lag(Around {
            seen_at: now(),
            reconciled_for_s: 540,
            source: None,
            repository: None,
            controller: None,
            source_controller: None,
        })
        .is_none()
    }

    fn good() -> Value {
        json!({
            "metadata": {"name": "shop-web", "namespace": "argocd"},
            "spec": {"destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
                     "source": {"targetRevision": "main"}},
            "status": {"sync": {"status": "Synced", "revision": "abc",
                                "comparedTo": {"destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}}},
                       "health": {"status": "Healthy"}, "reconciledAt": "2026-11-22T19:04:00Z",
                       "resources": [{"kind": "ConfigMap", "name": "settings", "namespace": "shop", "status": "Synced"}],
                       "operationState": {"phase": "Succeeded"}}
        })
    }

    fn ok(object: &Value) -> bool {
        deployed_and_healthy(&app("dr", object).expect("an app"))
    }

    #[test]
    fn recorded_application_of_a_real_server_is_read() {
        let Some(list) = recorded("argocd-applications-list.body") else { return };
        let app = app("dr", at(&list, "/items/0")).expect("an app");
        assert_eq!((app.sync.as_str(), app.health.as_str()), ("OutOfSync", "Degraded"));
        assert_eq!(app.operation_phase.as_str(), "Failed");
        assert_eq!(app.operation_message, "one or more objects failed to apply");
        assert_eq!(app.destination, "https://kubernetes.default.svc war-0");
        assert!(app.destination_matches && !app.operation_pending && !app.suspended);
        assert!(!deployed_and_healthy(&app));
    }

    #[test]
    fn each_condition_of_the_predicate_counts() {
        assert!(ok(&good()));
        let breaks: [(&str, Value); 11] = [
            ("/status/resources", json!([])),
            ("/status/resources", Value::Null),
            ("/status/sync/status", json!("Unknown")),
            ("/status/health/status", json!("Progressing")),
            ("/status/operationState/phase", json!("Running")),
            ("/status/reconciledAt", json!("2026-11-22T18:50:00Z")),
            ("/status/reconciledAt", Value::Null),
            ("/status/sync/comparedTo/destination/namespace", json!("other")),
            ("/status/sync/comparedTo", Value::Null),
            ("/status/health", Value::Null),
            ("/spec/destination", Value::Null),
        ];
        for (pointer, value) in breaks {
            let mut object = good();
            *object.pointer_mut(pointer).expect("a field") = value;
            assert!(!ok(&object), "{pointer}");
        }
        for (field, value) in [
            ("operation", json!({"sync": {}})),
            ("metadata", json!({"name": "x", "deletionTimestamp": "2026-11-22T19:00:00Z"})),
        ] {
            let mut object = good();
            object[field] = value;
            assert!(!ok(&object), "{field}");
        }
        let mut object = good();
        object["status"]["conditions"] = json!([{"type": "ComparisonError"}, {"type": "OrphanedResourceWarning"}]);
        assert!(!ok(&object));
        object["status"]["conditions"] = json!([{"type": "OrphanedResourceWarning"}]);
        assert!(ok(&object));
    }

    #[test]
    fn several_sources_suspension_and_patterns() {
        let mut object = good();
        object["spec"] = json!({"destination": {"name": "dr"}, "sources": [{"targetRevision": "1"}, {"targetRevision": "2"}],
                                "syncPolicy": {"automated": {"enabled": false}}});
        object["status"]["sync"] = json!({"revisions": ["a", "b"]});
        let app = app("dr", &object).expect("an app");
        assert_eq!(
            (app.revision.as_str(), app.target_revision.as_str(), app.destination.as_str()),
            ("a b", "1 2", "dr")
        );
        assert!(app.suspended);
    }

    #[test]
    fn who_syncs_by_himself_is_told_or_said_to_be_unknown() {
        let policy = |policy: Value| {
            let mut object = good();
            object["spec"]["syncPolicy"] = policy;
            let app = app("dr", &object).expect("an app");
            (app.automated, app.prunes, app.suspended)
        };
        assert_eq!(policy(Value::Null), (Some(false), Some(false), false));
        assert_eq!(policy(json!({"automated": {}})), (Some(true), Some(false), false));
        assert_eq!(policy(json!({"automated": {"prune": true, "enabled": null}})), (Some(true), Some(true), false));
        assert_eq!(policy(json!({"automated": {"prune": true, "enabled": false}})), (Some(false), Some(false), true));
        assert_eq!(policy(json!({"automated": {"enabled": "no"}})), (None, None, false));
        assert_eq!(policy(json!({"automated": 3})), (None, None, false));
        let mut object = good();
        object["metadata"]["annotations"] =
            json!({"argocd.argoproj.io/skip-reconcile": "true", "argocd.argoproj.io/refresh": "hard"});
        object["spec"]["syncPolicy"] = json!({"automated": {}});
        let app = app("dr", &object).expect("an app");
        assert_eq!((app.automated, app.skipped, app.suspended, app.refresh_pending), (Some(false), true, true, true));
    }

    #[test]
    fn an_operation_that_waits_for_another_try_is_told_from_one_that_runs() {
        let mut object = good();
        object["status"]["operationState"] = json!({"phase": "Running", "startedAt": "2026-11-22T19:00:00Z",
            "finishedAt": "2026-11-22T19:01:00Z", "message": "one or more objects failed to apply"});
        let app = app("dr", &object).expect("an app");
        assert!(app.retrying && !deployed_and_healthy(&app));
        assert_eq!(app.times.operation, "2026-11-22T19:00:00Z".parse().ok());
    }

    #[test]
    fn a_project_keeps_its_windows_as_written() {
        let project = project("dr", &json!({"metadata": {"name": "default", "namespace": "argocd"}, "spec": {"syncWindows": [
            {"kind": "deny", "schedule": "0 22 * * *", "duration": "8h", "timeZone": "Europe/Berlin", "manualSync": true,
             "applications": ["shop-*"], "namespaces": ["shop"], "clusters": ["in-cluster"], "andOperator": true},
            {"kind": "sometimes", "schedule": 7}]}}))
        .expect("a project");
        let [one, odd] = project.windows.as_slice() else { panic!("{project:?}") };
        assert_eq!(
            (one.kind.as_str(), one.time_zone.as_str(), one.manual_sync, one.and),
            ("deny", "Europe/Berlin", true, true)
        );
        assert_eq!((odd.kind.as_str(), odd.schedule.as_str(), odd.duration.as_str()), ("sometimes", "7", ""));
        assert_eq!(super::project("dr", &json!({"metadata": {"name": "p"}})).map(|it| it.windows.len()), Some(0));
    }
}
