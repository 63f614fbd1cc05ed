//! Pods: each that is not simply running, and how many there are in each namespace.
//!
//! What a pod waits for is told at once and judged by the board's clock: no event comes when a minute turns into an hour.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::model::facts::{Fact, FactKind, NamespacePods, Pod};
use crate::model::{SafeText, SourceChange};
use crate::systems::kube_api::json_access::{count, items, namespaced, string, text};
use crate::systems::kube_api::partial_object::PrunedObject;
use crate::systems::kube_api::pod_state::{is_ready, state};
use crate::systems::kube_api::source_context::{EVERY, SourceContext};
use crate::systems::kube_api::watch::{Mapped, Mapping};

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
    type Object<'a> = PrunedObject;

    fn map(&mut self, PrunedObject(object): &PrunedObject) -> Mapped {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
            roll.map(&PrunedObject(object(name, phase, ready))).expect("a pod");
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
        roll.map(&PrunedObject(object("b", "Running", "True")));
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
