//! What the executor may ask of Flux. Reading only: no plan of this version writes there.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::KINDS;
use crate::clock::Clock;
use crate::model::facts::{App, Fact, GitSource, ObjectRef};
use crate::model::gitops::{Around, SOURCE_CONTROLLER};
use crate::model::{Step, Trouble, TroubleKind};
use crate::systems::gitops_counts::{AppQuestion, fits};
use crate::systems::kube_api::client::ClusterLink;
use crate::systems::kube_api::controllers::Controllers;
use crate::systems::kube_api::error_text::trouble;
use crate::systems::kube_api::requests;
use crate::systems::{ActError, Adapter, NO_SUCH_PATH, Permit};

/// The reading side of one cluster's Flux.
pub struct Flux {
    link: ClusterLink,
    controllers: Controllers,
    clock: Clock,
}

/// What was read at once.
#[derive(Default)]
struct FluxReading {
    apps: Vec<App>,
    sources: Vec<GitSource>,
}

impl FluxReading {
    fn take(&mut self, fact: Fact, patterns: &str) {
        match fact {
            Fact::Kustomization(it) if fits(patterns, &it) => self.apps.push(it.0),
            Fact::HelmRelease(it) if fits(patterns, &it) => self.apps.push(it.0),
            Fact::GitRepository(it) => self.sources.push(it.0),
            Fact::OciRepository(it) => self.sources.push(it.0),
            Fact::HelmRepository(it) => self.sources.push(it.0),
            Fact::HelmChart(it) => self.sources.push(it.0),
            Fact::Bucket(it) => self.sources.push(it.0),
            _ => {}
        }
    }
}

impl Flux {
    /// An adapter with its own connection; nothing is connected before it is used.
    pub fn new(link: ClusterLink, controllers: Controllers, clock: Clock) -> Self {
        Self { link, controllers, clock }
    }

    async fn count(&self, patterns: &str, question: AppQuestion) -> Result<u64, Trouble> {
        // Pods that can't be read prove nothing either way.
        let controllers = self.controllers.read(&self.link).await.unwrap_or_default();
        let mut read = FluxReading::default();
        let mut missing = None;
        let mut installed = false;
        for kind in KINDS.iter().filter(|kind| kind.app || question == AppQuestion::Lagging) {
            let cluster = &self.controllers.cluster;
            let collection = kind.collection();
            let answer = requests::listed(&self.link, &collection, |object| {
                if let Some(fact) = (kind.map)(cluster, object) {
                    read.take(fact, patterns);
                }
            });
            match answer.await {
                Ok(()) => installed |= kind.app,
                Err(trouble) if trouble.kind == TroubleKind::NotInstalled => {
                    missing.get_or_insert(trouble);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if let (false, Some(trouble)) = (installed, missing) {
            return Err(trouble);
        }
        let now = self.clock.now();
        let find = |wanted: Option<&ObjectRef>| read.sources.iter().find(|it| Some(&it.object()) == wanted);
        let pods = |name: &str| controllers.iter().find(|it| it.name == name);
        let around = |app: &App| {
            let source = find(app.flux.as_ref().and_then(|flux| flux.source.as_ref()));
            Around {
                seen_at: now,
                reconciled_for_s: 0,
                source,
                repository: source.and_then(|it| find(it.from.as_ref())),
                controller: pods(app.controller()),
                source_controller: pods(SOURCE_CONTROLLER),
            }
        };
        Ok(read.apps.iter().filter(|app| question.counts(app, around(app))).count() as u64)
    }
}

#[async_trait]
impl Adapter for Flux {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match AppQuestion::of(path) {
            Some((patterns, question)) => self.count(patterns, question).await.map(|count| json!(count)),
            None => {
                let what = format!("`{path}` is nothing that can be read from Flux");
                Err(trouble(TroubleKind::Garbage, what, NO_SUCH_PATH))
            }
        }
    }

    async fn apply(&self, step: &Step, _permit: &Permit) -> Result<String, ActError> {
        let what = format!("`{}` is not something that is done at Flux", step.request);
        Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "nothing was sent")))
    }
}
