//! The pulse of a source that lives on custom resources: whether they can be read at all, and are in the namespace that the
//! configuration names.

use std::time::Duration;

use super::error_text::{plain, trouble};
use super::json_access::{items, string};
use super::requests::{self, KubeResponse};
use super::source_context::{AGAIN_AFTER, NOT_INSTALLED_EVERY, PROBE, RETRY_CAP, SourceContext};
use crate::model::suggest::nearest;
use crate::model::{Trouble, TroubleKind};
use crate::systems::supervise::Backoff;

/// The pulse of a source that lives on custom resources: one object of one list, which reaches etcd as the health
/// endpoints of some servers do not. It opens the gate for the source's watches as the health probe
/// of a cluster does for the cluster's.
pub(crate) async fn run(feed: SourceContext, collection: requests::Collection) {
    of_any(feed, vec![collection]).await;
}

/// [`run`] on the first of some collections that is installed.
pub(crate) async fn of_any(feed: SourceContext, collections: Vec<requests::Collection>) {
    let mut backoff = Backoff::default();
    let mut bad = 0_u32;
    let (mut newest, mut epoch) = (None, 0_u64);
    loop {
        let began = feed.clock.now();
        let looked = tokio::select! {
            () = feed.stop.cancelled() => return,
            looked = one_of(&feed, &collections) => looked,
        };
        let wait = match looked {
            Ok(answer) => {
                bad = 0;
                backoff.reset();
                epoch += u64::from(requests::went_back(&mut newest, &answer));
                feed.set_gate(true, epoch);
                feed.parts.live(PROBE);
                feed.parts.beat().await;
                feed.parts.next_look()
            }
            Err((trouble, asked)) => {
                bad += 1;
                let wait = if bad < 2 { AGAIN_AFTER } else { backoff.failed().min(RETRY_CAP) };
                let wait = wait.max(asked.unwrap_or_default());
                if trouble.kind == TroubleKind::Unauthorized {
                    let trouble = feed.link.refused(trouble).await;
                    if bad >= 2 { failed(&feed, trouble, epoch, wait).await } else { wait }
                } else if bad >= 2 || trouble.kind == TroubleKind::NotInstalled {
                    failed(&feed, trouble, epoch, wait).await
                } else {
                    wait
                }
            }
        };
        let spent = (feed.clock.now() - began).to_std().unwrap_or_default();
        tokio::select! {
            () = feed.stop.cancelled() => return,
            () = feed.clock.sleep(feed.pace(wait.saturating_sub(spent).max(AGAIN_AFTER))) => {}
        }
    }
}

/// Why one look failed, and how long the server asked us to wait.
type Miss = (Trouble, Option<Duration>);

/// Reads one object of the first collection that is installed; if none is, the first one's trouble.
async fn one_of(feed: &SourceContext, collections: &[requests::Collection]) -> Result<KubeResponse, Miss> {
    let mut first = None;
    for collection in collections {
        match one(feed, &format!("{}?limit=1", collection.path())).await {
            Ok(answer) => {
                return match not_there(feed, collection, &answer).await {
                    Some(trouble) => Err((trouble, None)),
                    None => Ok(answer),
                };
            }
            Err((trouble, asked)) => {
                let absent = trouble.kind == TroubleKind::NotInstalled;
                let trouble = requests::about(trouble, collection);
                if !absent {
                    return Err((trouble, asked));
                }
                first.get_or_insert((trouble, asked));
            }
        }
    }
    Err(first.unwrap_or_else(|| (plain(TroubleKind::NotInstalled, "there is nothing to look at"), None)))
}

/// An empty list may be that of a namespace that does not exist: a name that is misspelt in the configuration reads like
/// an empty system. `None` where there is no reason for doubt, or where we may not look.
async fn not_there(feed: &SourceContext, collection: &requests::Collection, answer: &KubeResponse) -> Option<Trouble> {
    let namespace = collection.namespace()?;
    if answer.json().is_ok_and(|list| !items(&list, "/items").is_empty()) {
        return None;
    }
    let client = feed.link.client().await.ok()?;
    let path = format!("/api/v1/namespaces/{}", requests::encoded(namespace));
    if requests::object(&client, &path, feed.limits().probe).await.ok()?.is_some() {
        return None;
    }
    let mut names = Vec::new();
    let all = requests::Collection::new("v1", "namespaces", None);
    // Who may not list them is told the same without a suggestion.
    let _ = requests::list(&client, &all, feed.limits().list, |it| names.push(string(it, "/metadata/name"))).await;
    let what = format!("there is no namespace `{namespace}` in this cluster");
    let remedy = match nearest(namespace, names.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`? Mend the cluster's section in warroom.toml"),
        None => "name the namespace it is installed in, in the cluster's section of warroom.toml".to_owned(),
    };
    Some(trouble(TroubleKind::NotInstalled, what, remedy))
}

async fn one(feed: &SourceContext, path: &str) -> Result<KubeResponse, Miss> {
    let client = feed.link.client().await.map_err(|trouble| (trouble, None))?;
    let answer = requests::get(&client, path, feed.limits().probe).await.map_err(|trouble| (trouble, None))?;
    match answer.json() {
        Ok(_) => Ok(answer),
        Err(trouble) => Err((trouble, answer.retry_after)),
    }
}

async fn failed(feed: &SourceContext, trouble: Trouble, epoch: u64, wait: Duration) -> Duration {
    let kind = trouble.kind;
    match kind {
        TroubleKind::Forbidden => feed.set_gate(true, epoch),
        // A failing server keeps its watches: they were open before, and a new list would only add to its load.
        TroubleKind::ServerError | TroubleKind::Throttled => {}
        _ => feed.set_gate(false, epoch),
    }
    feed.parts.troubled(PROBE, trouble).await;
    feed.parts.beat().await;
    if kind == TroubleKind::NotInstalled { NOT_INSTALLED_EVERY } else { wait }
}
