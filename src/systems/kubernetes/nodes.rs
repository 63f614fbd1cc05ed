//! Nodes joined with their Leases: conditions stay as they were when the controller that sets them is dead.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::map;
use crate::model::facts::{Fact, FactKind, Node};
use crate::model::{SourceChange, Stamp, Trouble, TroubleKind};
use crate::systems::kube_api::json_access;
use crate::systems::kube_api::partial_object::PrunedObject;
use crate::systems::kube_api::requests::{self, Collection};
use crate::systems::kube_api::source_context::{NOT_INSTALLED_EVERY, SourceContext};
use crate::systems::kube_api::watch::{MAX_FACTS, Mapped, Mapping};
use crate::systems::supervise::Backoff;

/// The part of a cluster that its Leases are.
pub(super) const PART: &str = "leases.coordination.k8s.io";
/// A kubelet renews its Lease every ten seconds.
const EVERY: Duration = Duration::from_secs(10);

/// Nodes and Leases as last seen; shared by the watch of the one and the poll of the other.
#[derive(Clone)]
pub(super) struct Book {
    cluster: String,
    pages: Arc<Mutex<NodePages>>,
}

#[derive(Default)]
struct NodePages {
    nodes: BTreeMap<String, Node>,
    leases: HashMap<String, Stamp>,
    /// The list of nodes was read to its end.
    complete: bool,
}

impl Book {
    /// An empty book.
    pub(super) fn new(cluster: &str) -> Self {
        Self { cluster: cluster.to_owned(), pages: Arc::default() }
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, NodePages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Joins newly read Leases; every node, if the list of nodes is known.
    fn join(&self, leases: HashMap<String, Stamp>) -> Option<Vec<Fact>> {
        let mut pages = self.pages();
        pages.leases = leases;
        let NodePages { nodes, leases, complete } = &mut *pages;
        for (name, node) in nodes.iter_mut() {
            node.lease_renewed = leases.get(name).copied();
        }
        complete.then(|| nodes.values().cloned().map(Fact::from).collect())
    }
}

impl Mapping for Book {
    type Object<'a> = PrunedObject;

    fn map(&mut self, PrunedObject(object): &PrunedObject) -> Mapped {
        let name = json_access::name(object)?.to_owned();
        let mut pages = self.pages();
        let node = map::node(&self.cluster, object, pages.leases.get(&name).copied())?;
        let key = node.name.to_string();
        if pages.nodes.len() < MAX_FACTS {
            pages.nodes.insert(name, node.clone());
        }
        Some((key, Some(node.into())))
    }

    fn gone(&mut self, key: &str) {
        self.pages().nodes.retain(|_, node| node.name != key);
    }

    fn reset(&mut self) {
        let mut pages = self.pages();
        pages.nodes.clear();
        pages.complete = false;
    }

    fn complete(&mut self) {
        self.pages().complete = true;
    }
}

/// Reads the Leases every ten seconds until the room stops. Listed, not watched: the role may not allow more.
pub(super) async fn leases(feed: SourceContext, book: Book) {
    let collection = Collection::new("coordination.k8s.io/v1", "leases", Some("kube-node-lease"));
    let mut gate = feed.gate();
    let mut backoff = Backoff::default();
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return,
            open = gate.wait_for(|gate| gate.open) => if open.is_err() { return },
        }
        gate.mark_unchanged();
        let read = tokio::select! {
            () = feed.stop.cancelled() => return,
            read = read(&feed, &collection) => read,
        };
        let wait = match read {
            Ok(leases) => {
                backoff.reset();
                if let Some(facts) = book.join(leases) {
                    feed.parts.report(SourceChange::Replace { kind: FactKind::Node, facts }).await;
                }
                feed.parts.live(PART);
                EVERY
            }
            Err(trouble) => {
                let slowly = matches!(trouble.kind, TroubleKind::NotInstalled | TroubleKind::Forbidden);
                feed.parts.troubled(PART, trouble).await;
                if slowly { NOT_INSTALLED_EVERY } else { backoff.failed() }
            }
        };
        tokio::select! {
            () = feed.stop.cancelled() => return,
            // A server that is back is asked at once.
            changed = gate.changed() => if changed.is_err() { return },
            () = feed.clock.sleep(feed.pace(wait)) => {}
        }
    }
}

async fn read(feed: &SourceContext, collection: &Collection) -> Result<HashMap<String, Stamp>, Trouble> {
    let mut leases = HashMap::new();
    requests::listed(&feed.link, collection, |object| {
        if let Some((name, renewed)) = map::lease(object) {
            leases.insert(name, renewed);
        }
    })
    .await?;
    Ok(leases)
}
