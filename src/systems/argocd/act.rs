//! What the executor may ask of Argo CD. Reading only: no plan of this version writes there.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::map;
use crate::clock::Clock;
use crate::model::{Step, Trouble, TroubleKind};
use crate::systems::kubernetes::ask::{self, Collection, ListFault};
use crate::systems::kubernetes::client::Link;
use crate::systems::kubernetes::trouble::trouble;
use crate::systems::{ActError, Adapter, Permit};

/// The reading side of one cluster's Argo CD.
pub struct Argocd {
    link: Link,
    collection: Collection,
    cluster: String,
    stale_s: u64,
    clock: Clock,
}

impl Argocd {
    /// An adapter with its own connection; nothing is connected before it is used.
    pub fn new(link: Link, collection: Collection, cluster: &str, stale_s: u64, clock: Clock) -> Self {
        Self { link, collection, cluster: cluster.to_owned(), stale_s, clock }
    }

    /// How many applications fit, and how many of them are not deployed and healthy.
    async fn counts(&self, patterns: &str) -> Result<(u64, u64), Trouble> {
        let client = self.link.client().await?;
        let now = self.clock.now();
        let (mut total, mut lagging) = (0_u64, 0_u64);
        let listed = ask::list(&client, &self.collection, self.link.limits().list, |object| {
            if let Some(app) = map::app(&self.cluster, object).filter(|app| map::fits(patterns, app.name.as_str())) {
                total += 1;
                lagging += u64::from(!map::deployed_and_healthy(&app, now, self.stale_s));
            }
        });
        match listed.await {
            Ok(_) => Ok((total, lagging)),
            Err(ListFault::Expired) => Err(trouble(
                TroubleKind::Partial,
                "the list of applications changed while it was read",
                "read it again",
            )),
            Err(ListFault::Trouble(trouble)) => {
                if trouble.kind == TroubleKind::Unauthorized {
                    self.link.forget().await;
                }
                Err(trouble)
            }
        }
    }
}

#[async_trait]
impl Adapter for Argocd {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match path.split('/').collect::<Vec<_>>().as_slice() {
            ["apps", patterns, "total"] => self.counts(patterns).await.map(|(total, _)| json!(total)),
            ["apps", patterns, "lagging"] => self.counts(patterns).await.map(|(_, lagging)| json!(lagging)),
            _ => Err(trouble(TroubleKind::Garbage, format!("`{path}` is nothing that can be read from Argo CD"), "")),
        }
    }

    async fn apply(&self, step: &Step, _permit: &Permit) -> Result<String, ActError> {
        let what = format!("`{}` is not something that is done at Argo CD", step.adapter);
        Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "nothing was sent")))
    }
}
