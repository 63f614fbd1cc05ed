//! Whether the pods of controllers are ready: what proves that the statuses they write are kept.
//!
//! Read now and then, not watched: a few pods by label. A role that may not read pods costs nothing but this proof.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::ask;
use super::client::Link;
use super::feed::{Feed, NOT_INSTALLED_EVERY};
use super::object::{at, items, string, tag};
use crate::model::facts::{Controller, Fact, FactKind};
use crate::model::{Change, SafeText, Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// The part of a source that its controllers' pods are.
pub const PART: &str = "controllers";
/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// More pods than any controller has.
const MOST_PODS: u32 = 100;

/// The controllers of one tool in one cluster.
#[derive(Clone, Debug)]
pub struct Controllers {
    pub cluster: String,
    /// `None` or `*` = look in every namespace.
    pub namespace: Option<String>,
    /// The label that names a pod's controller.
    pub label: &'static str,
    /// The label's value, and what we call the controller.
    pub names: &'static [(&'static str, &'static str)],
}

impl Controllers {
    fn path(&self) -> String {
        let wanted: Vec<&str> = self.names.iter().map(|(value, _)| *value).collect();
        let selector = format!("{} in ({})", self.label, wanted.join(","));
        let pods = ask::Collection::new("v1", "pods", self.namespace.as_deref()).path();
        format!("{pods}?labelSelector={}&limit={MOST_PODS}", ask::encoded(&selector))
    }

    /// Every controller with its pods; one without pods is there with none.
    fn count(&self, list: &Value) -> Vec<Controller> {
        let mut counts: BTreeMap<&str, (u32, u32)> = self.names.iter().map(|(_, name)| (*name, (0, 0))).collect();
        for pod in items(list, "/items") {
            let label = tag(pod, "labels", self.label);
            let Some((_, name)) = self.names.iter().find(|(value, _)| label == Some(*value)) else { continue };
            let over = matches!(string(pod, "/status/phase").as_str(), "Succeeded" | "Failed");
            if over || !at(pod, "/metadata/deletionTimestamp").is_null() {
                continue;
            }
            let counted = counts.entry(*name).or_default();
            counted.1 += 1;
            counted.0 += u32::from(is_ready(pod));
        }
        let controller = |(name, (ready, total)): (&str, (u32, u32))| Controller {
            cluster: self.cluster.clone(),
            name: SafeText::from(name),
            ready,
            total,
        };
        counts.into_iter().map(controller).collect()
    }

    /// Reads them once.
    pub async fn read(&self, link: &Link) -> Result<Vec<Controller>, Trouble> {
        let client = link.client().await?;
        let list = ask::get(&client, &self.path(), link.limits().list).await?.json()?;
        if !at(&list, "/items").is_array() && !at(&list, "/items").is_null() {
            return Err(super::trouble::plain(TroubleKind::Garbage, "an answer that is not a list"));
        }
        Ok(self.count(&list))
    }
}

fn is_ready(pod: &Value) -> bool {
    items(pod, "/status/conditions").iter().any(|it| string(it, "/type") == "Ready" && string(it, "/status") == "True")
}

/// Looks at them until the room stops. What may not be read any more is taken back: an old "ready" would prove what
/// nobody knows. Other trouble is the whole source's, whose facts then age.
pub async fn run(feed: Feed, which: Controllers) {
    let mut gate = feed.gate();
    let mut backoff = Backoff::default();
    let mut told: Option<Vec<Controller>> = None;
    loop {
        tokio::select! {
            () = feed.stop.cancelled() => return,
            open = gate.wait_for(|gate| gate.open) => if open.is_err() { return },
        }
        gate.mark_unchanged();
        let read = tokio::select! {
            () = feed.stop.cancelled() => return,
            read = which.read(&feed.link) => read,
        };
        let (now, wait) = match read {
            Ok(controllers) => {
                backoff.reset();
                feed.parts.live(PART);
                (Some(controllers), EVERY)
            }
            Err(trouble) => {
                let slowly = matches!(trouble.kind, TroubleKind::NotInstalled | TroubleKind::Forbidden);
                // Only an answer may take something back: any change is also proof that the source lives.
                let absent = feed.parts.absent(PART, trouble).await;
                (absent.then(Vec::new), if slowly { NOT_INSTALLED_EVERY } else { backoff.failed() })
            }
        };
        if let Some(now) = now.filter(|now| told.as_ref() != Some(now)) {
            let facts = now.iter().cloned().map(Fact::from).collect();
            feed.parts.report(Change::Replace { kind: FactKind::Controller, facts }).await;
            told = Some(now);
        }
        tokio::select! {
            () = feed.stop.cancelled() => return,
            // A server that is back is asked at once.
            changed = gate.changed() => if changed.is_err() { return },
            () = feed.clock.sleep(feed.pace(wait)) => {}
        }
    }
}
