//! What the executor may ask of Argo CD. Reading only: no plan of this version writes there.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::map;
use crate::clock::Clock;
use crate::model::facts::{App, Controller};
use crate::model::gitops::Around;
use crate::model::objective::app_fits;
use crate::model::{Step, Trouble, TroubleKind};
use crate::systems::kubernetes::ask::{self, Collection, ListFault};
use crate::systems::kubernetes::client::Link;
use crate::systems::kubernetes::controllers::Controllers;
use crate::systems::kubernetes::trouble::trouble;
use crate::systems::{ActError, Adapter, Permit};

/// The reading side of one cluster's Argo CD.
pub struct Argocd {
    link: Link,
    collection: Collection,
    controllers: Controllers,
    stale_s: u64,
    clock: Clock,
}

/// What is asked about the applications that fit some patterns: `apps/PATTERN,…/WHAT`. A pattern may have a `/` itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// How many there are.
    Total,
    /// How many are not deployed and healthy, by data that proves it.
    Lagging,
    /// How many the tool may change by itself, or for how many that can't be told.
    Automated,
}

impl Question {
    /// The patterns and the question of a path.
    pub fn of(path: &str) -> Option<(&str, Self)> {
        let (patterns, what) = path.strip_prefix("apps/")?.rsplit_once('/')?;
        let question = match what {
            "total" => Self::Total,
            "lagging" => Self::Lagging,
            "automated" => Self::Automated,
            _ => return None,
        };
        Some((patterns, question))
    }

    /// Whether an application counts.
    pub fn counts(self, app: &App, around: Around<'_>) -> bool {
        match self {
            Self::Total => true,
            Self::Lagging => app.lag(around).is_some(),
            Self::Automated => app.automated != Some(false),
        }
    }
}

/// Whether an application fits one of some comma-separated patterns.
pub fn fits(patterns: &str, app: &App) -> bool {
    let patterns = patterns.split(',').map(str::trim).filter(|it| !it.is_empty());
    patterns.into_iter().any(|pattern| app_fits(pattern, app.kind.as_str(), app.name.as_str()))
}

/// Lists a collection for the executor; a list that changed meanwhile is a trouble, not an answer.
pub async fn listed(link: &Link, collection: &Collection, each: impl FnMut(&Value)) -> Result<(), Trouble> {
    let client = link.client().await?;
    match ask::list(&client, collection, link.limits().list, each).await {
        Ok(_) => Ok(()),
        Err(ListFault::Expired) => Err(trouble(
            TroubleKind::Partial,
            format!("the list of {} changed while it was read", collection.resource()),
            "read it again",
        )),
        Err(ListFault::Trouble(trouble)) => {
            if trouble.kind == TroubleKind::Unauthorized {
                link.forget().await;
            }
            Err(trouble)
        }
    }
}

impl Argocd {
    /// An adapter with its own connection; nothing is connected before it is used.
    pub fn new(link: Link, collection: Collection, controllers: Controllers, stale_s: u64, clock: Clock) -> Self {
        Self { link, collection, controllers, stale_s, clock }
    }

    async fn count(&self, patterns: &str, question: Question) -> Result<u64, Trouble> {
        // Pods that can't be read prove nothing either way; the reconciliation's age still does.
        let controllers = self.controllers.read(&self.link).await.unwrap_or_default();
        let around = around(&controllers, self.clock.now(), self.stale_s);
        let (cluster, mut count) = (&self.controllers.cluster, 0);
        listed(&self.link, &self.collection, |object| {
            let app = map::app(cluster, object).filter(|app| fits(patterns, app));
            count += u64::from(app.is_some_and(|app| question.counts(&app, around)));
        })
        .await?;
        Ok(count)
    }
}

fn around(controllers: &[Controller], now: crate::model::Stamp, stale_s: u64) -> Around<'_> {
    Around { seen_at: now, reconciled_for_s: stale_s, source: None, controller: controllers.first() }
}

#[async_trait]
impl Adapter for Argocd {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match Question::of(path) {
            Some((patterns, question)) => self.count(patterns, question).await.map(|count| json!(count)),
            None => {
                Err(trouble(TroubleKind::Garbage, format!("`{path}` is nothing that can be read from Argo CD"), ""))
            }
        }
    }

    async fn apply(&self, step: &Step, _permit: &Permit) -> Result<String, ActError> {
        let what = format!("`{}` is not something that is done at Argo CD", step.adapter);
        Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "nothing was sent")))
    }
}
