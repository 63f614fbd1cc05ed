//! How far a pod is, read from its status: whether it serves, and what it waits for.

use serde_json::Value;

use super::json_access::{at, count, flag, items, stamp, string, text};
use crate::model::facts::PodStage;
use crate::model::{SafeText, Stamp};

/// Whether it serves, by its own readiness checks, and is not told to end.
pub(crate) fn is_ready(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_null()
        && condition(object, "Ready").is_some_and(|it| string(it, "/status") == "True")
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|it| string(it, "/type") == kind)
}

/// How far a pod is in starting.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Start {
    /// It ended or was told to: nothing more is to be waited for.
    Over,
    /// It serves, by its own readiness checks.
    Ready,
    /// It does not serve yet, and why.
    Waits(SafeText),
}

/// How far a pod is in starting.
pub(crate) fn start(object: &Value) -> Start {
    let ended = matches!(string(object, "/status/phase").as_str(), "Succeeded" | "Failed");
    if ended || !at(object, "/metadata/deletionTimestamp").is_null() {
        return Start::Over;
    }
    if is_ready(object) {
        return Start::Ready;
    }
    Start::Waits(state(object).map_or_else(|| SafeText::new("NotReady"), |(_, trouble, _)| trouble))
}

/// What keeps a pod from simply running: how far it is, why in a word, and since when. `None` for one that runs or is done.
pub(crate) fn state(object: &Value) -> Option<(PodStage, SafeText, Option<Stamp>)> {
    let phase = string(object, "/status/phase");
    let since = |kind: &str| condition(object, kind).and_then(|it| stamp(it, "/lastTransitionTime"));
    let created = stamp(object, "/metadata/creationTimestamp");
    let reason = text(object, "/status/reason");
    if phase == "Failed" {
        let reason = if reason.is_empty() { SafeText::new("Failed") } else { reason };
        return Some((PodStage::Started, reason, since("Ready").or(created)));
    }
    if phase == "Succeeded" {
        return None;
    }
    if !at(object, "/metadata/deletionTimestamp").is_null() {
        // The API server adds the grace period: before this time a terminating pod is only doing as it was told.
        let due = stamp(object, "/metadata/deletionTimestamp");
        return Some((PodStage::Ending, SafeText::new("Terminating"), due));
    }
    if let Some(bad) = failing(object) {
        return Some((PodStage::Started, bad, since("Ready").or(created)));
    }
    if matches!(phase.as_str(), "Pending" | "") {
        return Some((PodStage::Starting, waits_for(object), created));
    }
    let not_ready = condition(object, "Ready").is_some_and(|it| string(it, "/status") != "True");
    not_ready.then(|| (PodStage::Started, SafeText::new("NotReady"), since("Ready")))
}

/// What a container waits for, if that is not part of an ordinary start.
fn failing(object: &Value) -> Option<SafeText> {
    let containers =
        items(object, "/status/initContainerStatuses").iter().chain(items(object, "/status/containerStatuses"));
    containers
        .map(|it| text(it, "/state/waiting/reason"))
        .find(|reason| !matches!(reason.as_str(), "" | "ContainerCreating" | "PodInitializing"))
}

/// What a pod that has not started yet waits for: a node, an init container, its containers.
fn waits_for(object: &Value) -> SafeText {
    match condition(object, "PodScheduled") {
        Some(scheduled) if string(scheduled, "/status") != "True" => {
            let reason = text(scheduled, "/reason");
            return if reason.is_empty() { SafeText::new("Unschedulable") } else { reason };
        }
        // The kubelet knows of it: it has a node, whatever the conditions leave out.
        None if items(object, "/status/containerStatuses").is_empty()
            && string(object, "/spec/nodeName").is_empty() =>
        {
            return SafeText::new("looked at by no scheduler");
        }
        _ => {}
    }
    let done = |it: &&Value| {
        // A sidecar is an init container that goes on running once it has started.
        let ended = at(it, "/state/terminated").is_object() && count(it, "/state/terminated/exitCode") == 0;
        ended || (at(it, "/state/running").is_object() && flag(it, "/started"))
    };
    // Where no container says anything the kubelet has not begun.
    let begun = |it: &&Value| string(it, "/state/waiting/reason") != "PodInitializing";
    let mut open = items(object, "/status/initContainerStatuses").iter().filter(|it| !done(it));
    if let Some(init) = open.find(begun) {
        return SafeText::new(&format!("in init {}", string(init, "/name")));
    }
    let waiting = items(object, "/status/containerStatuses").iter().map(|it| text(it, "/state/waiting/reason"));
    waiting.into_iter().find(|reason| !reason.is_empty()).unwrap_or_else(|| SafeText::new("Pending"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(phase: &str, status: Value) -> Option<(PodStage, String)> {
        let mut object = json!({
            "metadata": {"name": "p", "namespace": "shop", "creationTimestamp": "2026-03-02T14:00:00Z"},
            "spec": {"nodeName": "n1"}, "status": status,
        });
        object["status"]["phase"] = json!(phase);
        state(&object).map(|(stage, trouble, _)| (stage, trouble.to_string()))
    }

    #[test]
    fn what_a_pod_waits_for_is_named_and_a_sidecar_that_runs_is_not_it() {
        let scheduled = json!([{"type": "PodScheduled", "status": "True"}]);
        let waiting = |reason: &str| json!({"waiting": {"reason": reason}});
        let starting = |what: &str| Some((PodStage::Starting, what.to_owned()));
        for (status, said) in [
            (
                json!({"conditions": scheduled, "containerStatuses": [{"state": waiting("ContainerCreating")}]}),
                starting("ContainerCreating"),
            ),
            (
                json!({"conditions": scheduled, "containerStatuses": [{"state": waiting("PodInitializing")}],
                "initContainerStatuses": [
                    {"name": "mesh", "started": true, "state": {"running": {}}},
                    {"name": "setup", "state": {"terminated": {"exitCode": 0}}},
                    {"name": "restore-wait", "started": false, "state": {"running": {}}},
                    {"name": "later", "state": waiting("PodInitializing")},
                ]}),
                starting("in init restore-wait"),
            ),
            (
                json!({"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}),
                starting("Unschedulable"),
            ),
            (json!({"conditions": scheduled}), starting("Pending")),
            (
                json!({"conditions": scheduled, "containerStatuses": [{"state": waiting("ImagePullBackOff")}]}),
                Some((PodStage::Started, "ImagePullBackOff".to_owned())),
            ),
        ] {
            assert_eq!(told("Pending", status.clone()), said, "{status}");
        }
        assert_eq!(told("Running", json!({"conditions": [{"type": "Ready", "status": "True"}]})), None);
        let unseen = json!({"metadata": {"name": "p", "namespace": "shop"}, "status": {"phase": "Pending"}});
        assert_eq!(
            state(&unseen).map(|(_, trouble, _)| trouble.to_string()).as_deref(),
            Some("looked at by no scheduler")
        );
    }
}
