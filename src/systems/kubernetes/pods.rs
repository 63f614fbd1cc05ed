//! Pods: each that is not simply running, and how many there are in each namespace.
//!
//! What a pod waits for is told at once and judged by the board's clock: no event comes when a minute turns into an hour.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::json_access::{at, count, flag, items, namespaced, stamp, string, text};
use super::source_context::{EVERY, SourceContext};
use super::watch::{Mapped, Mapping};
use crate::model::facts::{Fact, FactKind, NamespacePods, Pod, PodStage};
use crate::model::{SafeText, SourceChange, Stamp};

/// Pods by key: the namespace, and whether it is ready. Shared by the watch and by who tells the counts.
#[derive(Clone)]
pub struct Roll {
    cluster: String,
    /// The one namespace that is read; `None` = all.
    namespace: Option<SafeText>,
    pages: Arc<Mutex<PodPages>>,
}

#[derive(Default)]
struct PodPages {
    pods: HashMap<String, (SafeText, bool)>,
    /// The list of pods was read to its end.
    complete: bool,
}

impl Roll {
    /// An empty roll.
    pub fn new(cluster: &str, namespace: Option<&str>) -> Self {
        Self { cluster: cluster.to_owned(), namespace: namespace.map(SafeText::new), pages: Arc::default() }
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, PodPages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there are in each namespace, once the list is known.
    fn counts(&self) -> Option<Vec<NamespacePods>> {
        let pages = self.pages();
        // One namespace may be empty; of all of them the sum says that the others are.
        let whole = SafeText::default();
        let sum = self.namespace.as_ref().unwrap_or(&whole);
        let mut counts: BTreeMap<&SafeText, (u32, u32)> = BTreeMap::from([(sum, (0, 0))]);
        for (namespace, ready) in pages.pods.values() {
            let own = Some(namespace).filter(|namespace| *namespace != sum);
            for counted in [Some(sum), own].into_iter().flatten() {
                let counted = counts.entry(counted).or_default();
                counted.0 += u32::from(*ready);
                counted.1 += 1;
            }
        }
        let told = |(namespace, (ready, all)): (&SafeText, (u32, u32))| NamespacePods {
            cluster: self.cluster.clone(),
            namespace: namespace.clone(),
            ready,
            all,
        };
        pages.complete.then(|| counts.into_iter().map(told).collect())
    }

    /// The counts of several rolls, as far as they are known.
    fn sum(rolls: &[Self]) -> Option<Vec<NamespacePods>> {
        let known: Vec<_> = rolls.iter().filter_map(Self::counts).collect();
        (!known.is_empty()).then(|| known.into_iter().flatten().collect())
    }
}

impl Mapping for Roll {
    fn map(&mut self, object: &Value) -> Mapped {
        let key = namespaced(object)?;
        let ended = matches!(string(object, "/status/phase").as_str(), "Succeeded" | "Failed");
        let mut pages = self.pages();
        if ended {
            pages.pods.remove(&key);
        } else {
            pages.pods.insert(key.clone(), (text(object, "/metadata/namespace"), is_ready(object)));
        }
        Some((key, pod(&self.cluster, object).map(Fact::from)))
    }

    fn gone(&mut self, key: &str) {
        self.pages().pods.remove(key);
    }

    fn reset(&mut self) {
        *self.pages() = PodPages::default();
    }

    fn complete(&mut self) {
        self.pages().complete = true;
    }
}

/// Tells the counts when they changed, until the room stops.
pub async fn counts(feed: SourceContext, rolls: Vec<Roll>) {
    let mut told = None;
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return,
            () = feed.clock.sleep(feed.pace(EVERY / 5)) => {}
        }
        let now = Roll::sum(&rolls);
        if now == told {
            continue;
        }
        if let Some(counts) = &now {
            let facts = counts.iter().cloned().map(Fact::from).collect();
            feed.parts.report(SourceChange::Replace { kind: FactKind::NamespacePods, facts }).await;
        }
        told = now;
    }
}

fn is_ready(object: &Value) -> bool {
    at(object, "/metadata/deletionTimestamp").is_null()
        && condition(object, "Ready").is_some_and(|it| string(it, "/status") == "True")
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    items(object, "/status/conditions").iter().find(|it| string(it, "/type") == kind)
}

/// How far a pod is in starting.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// It ended or was told to: nothing more is to be waited for.
    Over,
    /// It serves, by its own readiness checks.
    Ready,
    /// It does not serve yet, and why.
    Waits(SafeText),
}

/// How far a pod is in starting.
pub fn start(object: &Value) -> Start {
    let ended = matches!(string(object, "/status/phase").as_str(), "Succeeded" | "Failed");
    if ended || !at(object, "/metadata/deletionTimestamp").is_null() {
        return Start::Over;
    }
    if is_ready(object) {
        return Start::Ready;
    }
    Start::Waits(state(object).map_or_else(|| SafeText::new("NotReady"), |(_, trouble, _)| trouble))
}

/// A pod that is not simply running.
pub fn pod(cluster: &str, object: &Value) -> Option<Pod> {
    let (stage, trouble, since) = state(object)?;
    let containers =
        items(object, "/status/initContainerStatuses").iter().chain(items(object, "/status/containerStatuses"));
    Some(Pod {
        cluster: cluster.to_owned(),
        namespace: text(object, "/metadata/namespace"),
        name: text(object, "/metadata/name"),
        trouble,
        stage,
        restarts: containers.map(|it| count(it, "/restartCount")).sum(),
        since,
    })
}

fn state(object: &Value) -> Option<(PodStage, SafeText, Option<Stamp>)> {
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
        pod("dr", &object).map(|it| (it.stage, it.trouble.to_string()))
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
        assert_eq!(pod("dr", &unseen).map(|it| it.trouble.to_string()).as_deref(), Some("looked at by no scheduler"));
    }

    #[test]
    fn pods_are_counted_by_namespace_and_only_once_their_list_is_whole() {
        let object = |name: &str, phase: &str, ready: &str| {
            json!({"metadata": {"name": name, "namespace": "shop"},
                "status": {"phase": phase, "conditions": [{"type": "Ready", "status": ready}]}})
        };
        let mut roll = Roll::new("dr", None);
        roll.reset();
        for (name, phase, ready) in [("a", "Running", "True"), ("b", "Running", "False"), ("job", "Succeeded", "False")]
        {
            roll.map(&object(name, phase, ready)).expect("a pod");
        }
        assert_eq!(roll.counts(), None);
        roll.complete();
        let of = |namespace: &str, ready, all| NamespacePods {
            cluster: "dr".into(),
            namespace: namespace.into(),
            ready,
            all,
        };
        let shop = |ready, all| Some(vec![of("", ready, all), of("shop", ready, all)]);
        assert_eq!(roll.counts(), shop(1, 2));
        roll.map(&object("b", "Running", "True"));
        roll.gone("shop/a");
        assert_eq!(roll.counts(), shop(1, 1));
        roll.gone("shop/b");
        assert_eq!(roll.counts(), Some(vec![of("", 0, 0)]), "none at all is known too");
        let mut one = Roll::new("dr", Some("shop"));
        assert_eq!(Roll::sum(&[one.clone(), Roll::new("dr", Some("velero"))]), None);
        one.complete();
        assert_eq!(
            Roll::sum(&[one, Roll::new("dr", Some("velero"))]),
            Some(vec![of("shop", 0, 0)]),
            "of the other nothing is known"
        );
    }
}
