//! Argo CD's objects to facts. Pure; an odd field costs that field, never the object.

use serde_json::Value;

use crate::model::SafeText;
use crate::model::facts::{App, AppTimes, Open, Place, Project, SyncWindow};
use crate::systems::kubernetes::map::annotated_true;
use crate::systems::kubernetes::object::{MAX_ITEMS, at, flag, items, name, open, stamp, string, tag, text, texts};

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
        suspended: skipped || flag_is(object, "/spec/syncPolicy/automated/enabled", false),
        skipped,
        errors: errors(object).map(error_words).take(MAX_ITEMS).collect(),
        deleting: !at(object, "/metadata/deletionTimestamp").is_null(),
        // Any value asks for one; the controller takes the annotation away when it has done it.
        refresh_pending: tag(object, "annotations", REFRESH).is_some(),
        automated: if skipped { Some(false) } else { automated },
        prunes: automated.map(|on| on && flag(object, "/spec/syncPolicy/automated/prune")),
        project: project_of(object),
        place: Place {
            server: text(object, "/spec/destination/server"),
            name: text(object, "/spec/destination/name"),
            namespace: text(object, "/spec/destination/namespace"),
        },
        times: AppTimes {
            deleting: stamp(object, "/metadata/deletionTimestamp"),
            error: errors(object).find_map(|it| stamp(it, "/lastTransitionTime")),
            health: stamp(object, "/status/health/lastTransitionTime"),
            operation: stamp(object, "/status/operationState/startedAt"),
            ready: None,
        },
        flux: None,
    })
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

