//! Flux's objects to facts. Pure; an odd field costs that field, never the object.

use serde_json::Value;

use crate::model::facts::{App, AppTimes, DeployTarget, Deployed, FluxState, GitSource, ObjectRef, Open};
use crate::model::{SafeText, Stamp};
use crate::systems::kube_api::json_access::{MAX_ITEMS, at, flag, go_seconds, items, name, open, stamp, string, text};

/// How a reconciliation ended that applied what it should.
const SUCCEEDED: &str = "ReconciliationSucceeded";

/// A Kustomization.
pub fn kustomization(cluster: &str, object: &Value) -> Option<App> {
    let source = reference(object, "/spec/sourceRef");
    let mut app = app(cluster, object, "Kustomization", source)?;
    app.revision = text(object, "/status/lastAppliedRevision");
    app.reconciled_at = last_reconciled(object);
    if let (Some(flux), Some((how, since))) = (&mut app.flux, last_failed(object)) {
        flux.failed = how;
        app.times.failing = since;
    }
    app.objects = Some(items(object, "/status/inventory/entries").len() as u64);
    app.deployed = applied_since(object, &app.revision);
    app.prunes = match at(object, "/spec/prune") {
        Value::Bool(on) => Some(*on),
        _ => None,
    };
    Some(app)
}

/// A HelmRelease. It writes down no time at which it was last reconciled, and no applied revision but its history.
pub fn helm_release(cluster: &str, object: &Value) -> Option<App> {
    let mut app = app(cluster, object, "HelmRelease", chart(object))?;
    let deployed = items(object, "/status/history").iter().find(|it| string(it, "/status") == "deployed");
    app.revision = deployed.map(|it| text(it, "/chartVersion")).unwrap_or_default();
    app.deployed = deployed.map(|it| Deployed { revision: text(it, "/chartVersion"), at: stamp(it, "/lastDeployed") });
    // Only recent versions of its controller keep one.
    app.objects = at(object, "/status/inventory/entries").as_array().map(|entries| entries.len() as u64);
    if let Some(flux) = &mut app.flux {
        flux.digest = text(object, "/status/lastAttemptedRevisionDigest");
        // Failures since the last success of what is wanted now.
        if at(object, "/status/failures").as_u64().is_some_and(|failures| failures > 0) {
            flux.failed = Open::new("Failed");
        }
    }
    Some(app)
}

/// A source: GitRepository, OCIRepository, HelmRepository, HelmChart, Bucket.
pub fn source(cluster: &str, kind: &str, object: &Value) -> Option<GitSource> {
    let ready = condition(object, "Ready");
    Some(GitSource {
        cluster: cluster.to_owned(),
        kind: SafeText::new(kind),
        namespace: text(object, "/metadata/namespace"),
        name: SafeText::new(name(object)?),
        revision: text(object, "/status/artifact/revision"),
        updated: stamp(object, "/status/artifact/lastUpdateTime"),
        wanted: wanted(object),
        ready: open(ready, "/status"),
        reason: open(ready, "/reason"),
        message: text(ready, "/message"),
        since: stamp(ready, "/lastTransitionTime"),
        suspended: flag(object, "/spec/suspend"),
        from: reference(object, "/spec/sourceRef"),
    })
}

/// What a source is asked to follow. Of several words the one that decides: a commit before a name, a name before a range
/// of versions, that before a tag, and a tag before a branch.
fn wanted(object: &Value) -> SafeText {
    let words = ["/digest", "/commit", "/name", "/semver", "/tag", "/branch"].map(|word| format!("/spec/ref{word}"));
    let words = words.iter().map(String::as_str).chain(["/spec/version"]);
    words.map(|word| text(object, word)).find(|it| !it.is_empty()).unwrap_or_default()
}

fn app(cluster: &str, object: &Value, kind: &str, source: Option<ObjectRef>) -> Option<App> {
    let (ready, stalled) = (condition(object, "Ready"), condition(object, "Stalled"));
    let reconciling = condition(object, "Reconciling");
    let suspended = flag(object, "/spec/suspend");
    let target = source.as_ref().map(|it| SafeText::from(format!("{}/{}", it.kind, it.name))).unwrap_or_default();
    let flux = FluxState {
        generation: at(object, "/metadata/generation").as_i64().unwrap_or_default(),
        observed_generation: at(object, "/status/observedGeneration").as_i64(),
        ready: open(ready, "/status"),
        reason: open(ready, "/reason"),
        message: text(ready, "/message"),
        stalled: is_true(stalled).then(|| reason_and_message(stalled)),
        reconciling: is_true(reconciling).then(|| open(reconciling, "/reason")),
        attempted: text(object, "/status/lastAttemptedRevision"),
        failed: Open::default(),
        digest: SafeText::default(),
        source,
        interval_s: go_seconds(&string(object, "/spec/interval")).unwrap_or_default(),
        conditions: conditions(object),
    };
    Some(App {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace"),
        name: SafeText::new(name(object)?),
        kind: Open::new(kind),
        target_revision: target,
        destination: text(object, "/spec/targetNamespace"),
        destination_matches: true,
        suspended,
        automated: at(object, "/spec").is_object().then_some(!suspended),
        deleting: !at(object, "/metadata/deletionTimestamp").is_null(),
        place: place(object),
        times: AppTimes {
            deleting: stamp(object, "/metadata/deletionTimestamp"),
            ready: [stalled, ready].into_iter().find_map(|it| stamp(it, "/lastTransitionTime")),
            reconciling: is_true(reconciling).then(|| stamp(reconciling, "/lastTransitionTime")).flatten(),
            ..AppTimes::default()
        },
        flux: Some(flux),
        ..App::default()
    })
}

/// Where it is deployed to: the secret (or, without one, the config map) with a kubeconfig is all that says which cluster.
fn place(object: &Value) -> DeployTarget {
    let names = ["/spec/kubeConfig/secretRef/name", "/spec/kubeConfig/configMapRef/name"];
    let name = names.iter().map(|it| text(object, it)).find(|it| !it.is_empty()).unwrap_or_default();
    DeployTarget { name, server: SafeText::default(), namespace: text(object, "/spec/targetNamespace") }
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    items(object, "/status/conditions").iter().find(|it| string(it, "/type") == kind).unwrap_or(&Value::Null)
}

fn is_true(condition: &Value) -> bool {
    string(condition, "/status") == "True"
}

fn reason_and_message(condition: &Value) -> SafeText {
    let (reason, message) = (string(condition, "/reason"), string(condition, "/message"));
    SafeText::from([reason, message].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(": "))
}

fn conditions(object: &Value) -> Vec<SafeText> {
    let words = |it: &Value| {
        SafeText::from(format!("{}={} {}", string(it, "/type"), string(it, "/status"), string(it, "/reason")))
    };
    items(object, "/status/conditions").iter().take(MAX_ITEMS).map(words).collect()
}

/// The newest reconciliation in its history; recent versions of Flux write one.
fn last_reconciled(object: &Value) -> Option<Stamp> {
    items(object, "/status/history").iter().filter_map(|it| stamp(it, "/lastReconciled")).max()
}

/// How its newest reconciliation that ended did so and since when they end like that, where that is a failure.
fn last_failed(object: &Value) -> Option<(Open, Option<Stamp>)> {
    let ended = |it: &&Value| stamp(it, "/lastReconciled");
    let newest = items(object, "/status/history").iter().max_by_key(ended)?;
    let how = open(newest, "/lastReconciledStatus");
    let failed = !how.as_str().is_empty() && !how.is(SUCCEEDED);
    failed.then(|| (how, stamp(newest, "/firstReconciled")))
}

/// Since when the revision that is applied is: the first time that its history has it.
fn applied_since(object: &Value, revision: &SafeText) -> Option<Deployed> {
    let of_it = |it: &&Value| text(it, "/metadata/revision") == *revision;
    let entry = items(object, "/status/history")
        .iter()
        .filter(|it| string(it, "/lastReconciledStatus") == SUCCEEDED)
        .find(of_it)?;
    Some(Deployed { revision: revision.clone(), at: stamp(entry, "/firstReconciled") })
}

/// What a reference names; its namespace is the object's own if it names none.
fn reference(object: &Value, pointer: &str) -> Option<ObjectRef> {
    let it = at(object, pointer);
    let namespace = [text(it, "/namespace"), text(object, "/metadata/namespace")];
    let wanted = ObjectRef {
        kind: text(it, "/kind"),
        namespace: namespace.into_iter().find(|it| !it.is_empty()).unwrap_or_default(),
        name: text(it, "/name"),
    };
    (!wanted.name.is_empty()).then_some(wanted)
}

/// Where a HelmRelease takes its chart from: what it refers to, or the HelmChart that its controller made for it.
fn chart(object: &Value) -> Option<ObjectRef> {
    if at(object, "/spec/chartRef").is_object() {
        return reference(object, "/spec/chartRef");
    }
    let made = string(object, "/status/helmChart");
    let (namespace, name) = made.split_once('/')?;
    Some(ObjectRef { kind: SafeText::from("HelmChart"), namespace: namespace.into(), name: name.into() })
}
