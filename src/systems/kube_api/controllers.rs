//! Whether the pods of controllers are ready: what proves that the statuses they write are kept.
//!
//! Read now and then, not watched: a few pods by label. A role that may not read pods costs nothing but this proof.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::client::ClusterLink;
use super::json_access::{at, items, string, tag};
use super::pod_state::is_ready;
use super::requests;
use super::source_context::{NOT_INSTALLED_EVERY, SourceContext};
use crate::model::facts::{Controller, Fact, FactKind};
use crate::model::{SafeText, SourceChange, Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// The part of a source that its controllers' pods are.
pub(crate) const PART: &str = "controllers";
/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(10);
/// More pods than any controller has.
const MOST_PODS: u32 = 100;
/// The labels by which installers tell their pods apart: Argo CD's and Flux's own manifests, their charts and operators.
const LABELS: [&str; 3] = ["app.kubernetes.io/name", "app.kubernetes.io/component", "app"];

/// The controllers of one tool in one cluster.
#[derive(Clone, Debug)]
pub struct Controllers {
    pub cluster: String,
    /// `None` or `*` = look in every namespace.
    pub namespace: Option<String>,
    /// What we call each. A pod is one of its pods if a label says so, or ends in it after a `-`: operators put the name of
    /// their instance in front.
    pub names: &'static [&'static str],
    /// The labels' usual values, which are asked for where every namespace is looked through.
    pub usual: &'static [&'static str],
}

/// Pods that were counted: by namespace and name, whose they are and whether they are ready.
type ControllerPods = BTreeMap<(String, String), (&'static str, bool)>;

impl Controllers {
    /// Reads them once. Every controller with its pods; one without pods is there with none.
    pub async fn read(&self, link: &ClusterLink) -> Result<Vec<Controller>, Trouble> {
        let mut pods = ControllerPods::new();
        let mut take = |pod: &Value| self.take(pod, &mut pods);
        match self.namespace.as_deref().filter(|it| *it != "*") {
            Some(namespace) => {
                requests::listed(link, &requests::Collection::new("v1", "pods", Some(namespace)), &mut take).await?;
            }
            None => {
                let client = link.client().await?;
                for label in LABELS {
                    let list = requests::get(&client, &self.path(label), link.limits().list).await?.json()?;
                    if !at(&list, "/items").is_array() && !at(&list, "/items").is_null() {
                        return Err(super::error_text::plain(TroubleKind::Garbage, "an answer that is not a list"));
                    }
                    items(&list, "/items").iter().for_each(&mut take);
                }
            }
        }
        Ok(self.names.iter().map(|name| self.controller(name, &pods)).collect())
    }

    fn path(&self, label: &str) -> String {
        let selector = format!("{label} in ({})", self.usual.join(","));
        let pods = requests::Collection::new("v1", "pods", None).path();
        format!("{pods}?labelSelector={}&limit={MOST_PODS}", requests::encoded(&selector))
    }

    fn take(&self, pod: &Value, pods: &mut ControllerPods) {
        let over = matches!(string(pod, "/status/phase").as_str(), "Succeeded" | "Failed");
        if over || !at(pod, "/metadata/deletionTimestamp").is_null() {
            return;
        }
        let is = |name: &str, value: &str| {
            value == name || value.strip_suffix(name).is_some_and(|instance| instance.ends_with('-'))
        };
        let of = |name: &&&'static str| {
            LABELS.iter().filter_map(|label| tag(pod, "labels", label)).any(|value| is(name, value))
        };
        if let Some(name) = self.names.iter().find(of) {
            let key = (string(pod, "/metadata/namespace"), string(pod, "/metadata/name"));
            pods.insert(key, (*name, is_ready(pod)));
        }
    }

    fn controller(&self, name: &'static str, pods: &ControllerPods) -> Controller {
        let of_it = || pods.values().filter(|(of, _)| *of == name);
        Controller {
            cluster: self.cluster.clone(),
            name: SafeText::from(name),
            ready: of_it().filter(|(_, ready)| *ready).count() as u32,
            total: of_it().count() as u32,
        }
    }
}

/// Looks at them until the room stops. What may not be read any more is taken back: an old "ready" would prove what
/// nobody knows. Other trouble is the whole source's, whose facts then age.
pub(crate) async fn run(feed: SourceContext, which: Controllers) {
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
        let lives = read.is_ok();
        let (now, wait) = match read {
            Ok(controllers) => {
                backoff.reset();
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
            feed.parts.report(SourceChange::Replace { kind: FactKind::Controller, facts }).await;
            told = Some(now);
        }
        // Told before the source counts as read: who hears that it is has it all.
        if lives {
            feed.parts.live(PART);
        }
        tokio::select! {
            () = feed.stop.cancelled() => return,
            // A server that is back is asked at once.
            changed = gate.changed() => if changed.is_err() { return },
            () = feed.clock.sleep(feed.pace(wait)) => {}
        }
    }
}
