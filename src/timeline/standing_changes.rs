//! What the log says stands: the last change told of each thing, as far as nothing has ended it.
//!
//! A room that starts compares what it sees with this and not with nothing, so that what was recorded is not recorded again,
//! and what ended while nobody looked is recorded as ended.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::entry::Transition;
use crate::model::{TransitionFamily, TransitionKind};

/// The most things of one kind that are remembered; the oldest are forgotten first.
const MOST: usize = 4_096;

/// The changes that stand, by kind and by what they are about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StandingChanges {
    told: BTreeMap<TransitionKind, BTreeMap<String, Transition>>,
    /// Services whose users were seen to fail, and not yet to be served again.
    unwell: BTreeSet<String>,
}

impl StandingChanges {
    /// Takes in a change that was recorded.
    pub fn take(&mut self, edge: &Transition) {
        for about in abouts(edge) {
            for ended in edge.edge.ends().iter().filter(|ended| edge.ends_state(ended)) {
                self.forget(ended, &about);
            }
            if edge.edge.stands() {
                let all = self.told.entry(edge.edge.clone()).or_default();
                all.insert(about, edge.clone());
                if all.len() > MOST {
                    let oldest = all.iter().min_by_key(|(_, told)| told.at).map(|(about, _)| about.clone());
                    oldest.and_then(|about| all.remove(&about));
                }
            }
        }
        match (&edge.edge, &edge.service) {
            (TransitionKind::ProbeFailing, Some(service)) if self.unwell.len() < MOST => {
                self.unwell.insert(service.clone());
            }
            (TransitionKind::ServiceRecovered, Some(service)) => {
                self.unwell.remove(service);
            }
            _ => {}
        }
    }

    /// What was told of a thing and stands.
    pub fn get(&self, kind: &TransitionKind, about: &str) -> Option<&Transition> {
        self.told.get(kind)?.get(about)
    }

    /// Whether something was told of a thing and stands.
    pub fn has(&self, kind: &TransitionKind, about: &str) -> bool {
        self.get(kind, about).is_some()
    }

    /// Everything of a kind that stands, by what it is about.
    pub fn all(&self, kind: &TransitionKind) -> impl Iterator<Item = (&str, &Transition)> {
        self.told.get(kind).into_iter().flatten().map(|(about, told)| (about.as_str(), told))
    }

    /// Whether users of a service were seen to fail, and not yet to be served again.
    pub fn is_unwell(&self, service: &str) -> bool {
        self.unwell.contains(service)
    }

    /// What is seen contradicts what was told, and is no news of its own.
    pub fn forget(&mut self, kind: &TransitionKind, about: &str) {
        if let Some(all) = self.told.get_mut(kind) {
            all.remove(about);
        }
    }
}

impl Transition {
    /// What a change is about: two changes of one family about the same thing may end each other.
    pub fn about(&self) -> String {
        let fingerprint = self.figures.get("fingerprint").and_then(Value::as_str);
        match (fingerprint, self.edge.family()) {
            (Some(fingerprint), _) => fingerprint.to_owned(),
            (None, Some(TransitionFamily::Location | TransitionFamily::Restore)) => {
                place_key(&self.source, self.subject.as_str())
            }
            _ => self.subject.to_string(),
        }
    }

    /// Whether it ends a state of a kind that it may end: some of what it tells may still be as it was.
    pub fn ends_state(&self, kind: &TransitionKind) -> bool {
        if !self.edge.ends().contains(kind) {
            return false;
        }
        match kind {
            // A newer restore point that is older than the objective too.
            TransitionKind::BackupOverdue => self.figures.get("overdue") != Some(&Value::Bool(true)),
            _ => true,
        }
    }

    /// Whether everything of its family about the same thing is over with it: of several nodes some may still be down.
    pub fn ends_all(&self) -> bool {
        let left = |name: &str| self.figures.get(name).and_then(Value::as_u64).is_some_and(|left| left > 0);
        !(self.edge == TransitionKind::NodeReady && (left("not_ready") || left("silent")))
    }
}

/// The key of something in one place of several: a location or a restore of one cluster.
pub fn place_key(source: &str, name: &str) -> String {
    format!("{source} {name}")
}

/// The key of a node; an empty name stands for those that are silent, which are only counted.
fn node_key(cluster: &str, node: &str) -> String {
    format!("{cluster}/{node}")
}

fn abouts(edge: &Transition) -> Vec<String> {
    if edge.edge.family() != Some(TransitionFamily::Node) {
        return vec![edge.about()];
    }
    let cluster = edge.subject.as_str();
    match edge.figures.get("nodes").and_then(Value::as_array) {
        Some(nodes) => nodes.iter().filter_map(Value::as_str).map(|node| node_key(cluster, node)).collect(),
        None => vec![node_key(cluster, "")],
    }
}
