//! One round: lists of pools and load balancers; health in detail for a few pools in use, and seldom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::client::Client;
use super::map;
use super::reply::{CallError, garbage};
use crate::model::facts::{Fact, FactKind, LoadBalancer, Pool};
use crate::model::{SafeText, Stamp, Trouble};
use crate::systems::Reporter;

/// Health details asked for in one round at most.
const DETAILS_A_ROUND: usize = 4;
/// How long the reserve of requests is left alone before looking again.
const RESERVE_PAUSE_S: i64 = 60;

#[derive(Default)]
struct State {
    /// Health by place: when it was asked for, and what came.
    details: BTreeMap<String, (Stamp, Vec<(SafeText, bool)>)>,
    /// We stay away until then, and this is why.
    away: Option<(Stamp, Trouble)>,
    /// What was last reported in a round that failed in part.
    told: BTreeMap<(FactKind, String), Fact>,
}

pub struct Watch {
    client: Arc<Client>,
    reporter: Reporter,
    detail_every: TimeDelta,
    state: Mutex<State>,
}

/// What a round could read, and the first thing that went wrong.
struct Seen {
    pools: Option<Vec<Value>>,
    balancers: Vec<LoadBalancer>,
    whole: bool,
    trouble: Option<CallError>,
}

impl Watch {
    pub fn new(client: Arc<Client>, reporter: Reporter, every: Duration) -> Self {
        let detail_every = TimeDelta::from_std((every * 3).max(Duration::from_secs(30))).unwrap_or(TimeDelta::MAX);
        Self { client, reporter, detail_every, state: Mutex::new(State::default()) }
    }

    /// Asks once and reports; true if all of it went well.
    pub async fn round(&self) -> bool {
        if let Some(trouble) = self.staying_away() {
            self.reporter.trouble(trouble).await;
            return false;
        }
        let seen = self.read().await;
        if let Some(err) = &seen.trouble
            && let Some(wait) = err.wait_s
        {
            self.stay_away(TimeDelta::seconds(i64::try_from(wait).unwrap_or(300)), err.trouble.clone());
        } else if let Some(budget) = self.client.budget().filter(|budget| budget.reserve_only()) {
            tracing::warn!(
                remaining = budget.remaining,
                limit = budget.limit,
                "Cloudflare's rate limit is nearly used up"
            );
            self.stay_away(TimeDelta::seconds(RESERVE_PAUSE_S), budget.low());
        }
        let used: BTreeSet<&String> =
            seen.balancers.iter().flat_map(|lb| lb.default_pools.iter().chain([&lb.fallback_pool])).collect();
        if seen.trouble.is_none() {
            self.refresh_details(&used).await;
        }
        self.tell(seen).await
    }

    async fn read(&self) -> Seen {
        let zones = stream::iter(self.client.zones.clone())
            .map(|zone| async move {
                let list = self.client.balancers(&zone).await?;
                let mapped: Result<Vec<_>, _> = list.iter().map(|raw| map::balancer(raw, &zone)).collect();
                mapped.map_err(|why| CallError::unsent(garbage(why)))
            })
            .buffered(4)
            .collect::<Vec<Result<Vec<LoadBalancer>, CallError>>>();
        let (pools, zones) = tokio::join!(self.client.pools(), zones);
        let mut seen = Seen { pools: None, balancers: Vec::new(), whole: true, trouble: None };
        match pools {
            Ok(pools) => seen.pools = Some(pools),
            Err(err) => seen.trouble = Some(err),
        }
        for zone in zones {
            match zone {
                Ok(list) => seen.balancers.extend(list),
                Err(err) => {
                    seen.whole = false;
                    seen.trouble.get_or_insert(err);
                }
            }
        }
        seen
    }

    fn staying_away(&self) -> Option<Trouble> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.away {
            Some((until, trouble)) if self.reporter.clock().now() < *until => Some(trouble.clone()),
            _ => {
                state.away = None;
                None
            }
        }
    }

    fn stay_away(&self, time: TimeDelta, trouble: Trouble) {
        let until = self.reporter.clock().now() + time;
        self.state.lock().unwrap_or_else(PoisonError::into_inner).away = Some((until, trouble));
    }

    /// Asks for the details that are due, the oldest first. A pool without any (no monitor, no data yet) is an answer too.
    async fn refresh_details(&self, used: &BTreeSet<&String>) {
        if self.client.budget().is_some_and(|budget| !budget.plenty()) {
            return;
        }
        let now = self.reporter.clock().now();
        let mut due: Vec<(Option<Stamp>, String)> = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.details.retain(|id, _| used.contains(id));
            let asked = |id: &String| state.details.get(id).map(|(at, _)| *at);
            used.iter().filter(|id| !id.is_empty()).map(|id| (asked(id), (*id).clone())).collect()
        };
        due.retain(|(asked, _)| asked.is_none_or(|at| now - at >= self.detail_every));
        due.sort();
        for (_, id) in due.into_iter().take(DETAILS_A_ROUND) {
            let places = match self.client.health(&id).await {
                Ok(health) => map::places(&health),
                Err(err) => {
                    tracing::debug!(pool = %id, why = %err.trouble.what, "no health detail");
                    Vec::new()
                }
            };
            self.state.lock().unwrap_or_else(PoisonError::into_inner).details.insert(id, (now, places));
        }
    }

    fn pools(&self, raw: &[Value]) -> Result<Vec<Pool>, Trouble> {
        let now = self.reporter.clock().now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let places = |raw: &Value| {
            let (at, places) = state.details.get(raw.get("id")?.as_str()?)?;
            // A detail that could not be renewed for long says nothing about now.
            (now - *at <= self.detail_every * 3).then(|| places.clone())
        };
        raw.iter().map(|raw| map::pool(raw, places(raw).unwrap_or_default()).map_err(garbage)).collect()
    }

    async fn tell(&self, seen: Seen) -> bool {
        let mut trouble = seen.trouble.map(|err| err.trouble);
        let pools = seen.pools.and_then(|raw| match self.pools(&raw) {
            Ok(pools) => Some(pools.into_iter().map(Fact::from).collect::<Vec<_>>()),
            Err(why) => {
                trouble.get_or_insert(why);
                None
            }
        });
        let balancers: Vec<Fact> = seen.balancers.into_iter().map(Fact::from).collect();
        let Some(trouble) = trouble else {
            self.state.lock().unwrap_or_else(PoisonError::into_inner).told.clear();
            self.reporter.replace(FactKind::Pool, pools.unwrap_or_default()).await;
            self.reporter.replace(FactKind::LoadBalancer, balancers).await;
            return true;
        };
        // Partly blind: what was read is told, but only where it is news. Each report counts as a sign of life, and a source
        // that seemed to come and go every round would fill the timeline.
        for fact in pools.into_iter().flatten().chain(balancers) {
            let key = (fact.kind(), fact.key());
            let known = self.state.lock().unwrap_or_else(PoisonError::into_inner).told.insert(key, fact.clone());
            if known.as_ref() != Some(&fact) {
                self.reporter.upsert(fact).await;
            }
        }
        self.reporter.trouble(trouble).await;
        false
    }
}
