//! What the executor may ask of Argo CD. Reading only: no plan of this version writes there.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::map;
use crate::clock::Clock;
use crate::model::facts::Controller;
use crate::model::gitops::Around;
use crate::model::{Step, Trouble, TroubleKind};
use crate::systems::gitops_counts::{AppQuestion, fits};
use crate::systems::kube_api::client::ClusterLink;
use crate::systems::kube_api::controllers::Controllers;
use crate::systems::kube_api::error_text::trouble;
use crate::systems::kube_api::requests::{self, Collection};
use crate::systems::{ActError, Adapter, NO_SUCH_PATH, Permit};

/// The reading side of one cluster's Argo CD.
pub struct Argocd {
    link: ClusterLink,
    collection: Collection,
    controllers: Controllers,
    stale_s: u64,
    clock: Clock,
}

impl Argocd {
    /// An adapter with its own connection; nothing is connected before it is used.
    pub fn new(
        link: ClusterLink,
        collection: Collection,
        controllers: Controllers,
        stale_s: u64,
        clock: Clock,
    ) -> Self {
        Self { link, collection, controllers, stale_s, clock }
    }

    async fn count(&self, patterns: &str, question: AppQuestion) -> Result<u64, Trouble> {
        // Pods that can't be read prove nothing either way; the reconciliation's age still does.
        let controllers = self.controllers.read(&self.link).await.unwrap_or_default();
        let around = around(&controllers, self.clock.now(), self.stale_s);
        let (cluster, mut count) = (&self.controllers.cluster, 0);
        requests::listed(&self.link, &self.collection, |object| {
            let app = map::app(cluster, object).filter(|app| fits(patterns, app));
            count += u64::from(app.is_some_and(|app| question.counts(&app, around)));
        })
        .await?;
        Ok(count)
    }
}

fn around(controllers: &[Controller], now: crate::model::Stamp, stale_s: u64) -> Around<'_> {
    let controller = controllers.first();
    Around {
        seen_at: now,
        reconciled_for_s: stale_s,
        source: None,
        repository: None,
        controller,
        source_controller: None,
    }
}

#[async_trait]
impl Adapter for Argocd {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match AppQuestion::of(path) {
            Some((patterns, question)) => self.count(patterns, question).await.map(|count| json!(count)),
            None => {
                let what = format!("`{path}` is nothing that can be read from Argo CD");
                Err(trouble(TroubleKind::Garbage, what, NO_SUCH_PATH))
            }
        }
    }

    async fn apply(&self, step: &Step, _permit: &Permit) -> Result<String, ActError> {
        let what = format!("`{}` is not something that is done at Argo CD", step.request);
        Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "nothing was sent")))
    }
}
