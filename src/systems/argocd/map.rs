//! Argo CD's Applications to facts, and the question whether one is deployed and healthy. Pure.

use chrono::TimeDelta;
use serde_json::Value;

use crate::model::facts::App;
use crate::model::{SafeText, Stamp};
use crate::systems::kubernetes::map::annotated_true;
use crate::systems::kubernetes::object::{MAX_ITEMS, at, items, name, open, stamp, string, text};

const SKIP: &str = "argocd.argoproj.io/skip-reconcile";

/// An Application.
pub fn app(cluster: &str, object: &Value) -> Option<App> {
    let sync = at(object, "/status/sync");
    let errors = items(object, "/status/conditions").iter().map(|it| text(it, "/type"));
    Some(App {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace"),
        name: SafeText::new(name(object)?),
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
        suspended: at(object, "/spec/syncPolicy/automated/enabled") == &Value::Bool(false)
            || annotated_true(object, SKIP),
        errors: errors.filter(|kind| kind.as_str().ends_with("Error")).take(MAX_ITEMS).collect(),
        deleting: !at(object, "/metadata/deletionTimestamp").is_null(),
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

/// Deployed and healthy, by data that is fresh: the whole predicate, not the two words that Argo CD shows.
pub fn deployed_and_healthy(app: &App, now: Stamp, stale_s: u64) -> bool {
    let phase = app.operation_phase.as_str();
    let limit = TimeDelta::try_seconds(i64::try_from(stale_s).unwrap_or(i64::MAX)).unwrap_or(TimeDelta::MAX);
    // Zero: reconciliation by time is off, so its age says nothing.
    let fresh = stale_s == 0 || app.reconciled_at.is_some_and(|at| now - at < limit);
    app.sync.is("Synced")
        && app.health.is("Healthy")
        && !app.operation_pending
        && (phase.is_empty() || phase == "Succeeded")
        && app.errors.is_empty()
        && fresh
        && app.destination_matches
        && !app.deleting
}

/// Whether a name fits one of some comma-separated patterns; `*` at the end matches a prefix.
pub fn fits(patterns: &str, name: &str) -> bool {
    patterns.split(',').map(str::trim).filter(|it| !it.is_empty()).any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::systems::kubernetes::testing::recorded;
    use serde_json::json;

    fn now() -> Stamp {
        "2026-11-22T19:05:00Z".parse().expect("a time")
    }

    fn good() -> Value {
        json!({
            "metadata": {"name": "shop-web", "namespace": "argocd"},
            "spec": {"destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
                     "source": {"targetRevision": "main"}},
            "status": {"sync": {"status": "Synced", "revision": "abc",
                                "comparedTo": {"destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"}}},
                       "health": {"status": "Healthy"}, "reconciledAt": "2026-11-22T19:04:00Z",
                       "operationState": {"phase": "Succeeded"}}
        })
    }

    fn ok(object: &Value) -> bool {
        deployed_and_healthy(&app("dr", object).expect("an app"), now(), 540)
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
        assert!(!deployed_and_healthy(&app, now(), 540));
    }

    #[test]
    fn each_condition_of_the_predicate_counts() {
        assert!(ok(&good()));
        let breaks: [(&str, Value); 9] = [
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
        assert!(fits("shop-*,pay", "shop-web") && fits("shop-*, pay", "pay") && fits("*", "x"));
        assert!(!fits("shop-*,pay", "payments") && !fits("", "x"));
    }
}
