//! One round: lists of pools and load balancers; health and users of a few pools in use, and the token, seldom.
//!
//! Nothing is asked for at a provider's cost that a person could miss: a preview of a pool's health starts probes by a
//! POST, so it is left to a person. The fewer requests are left, the less is asked for: details first, then every third
//! round only, at last nothing, so that the failover has what it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures::stream::{self, StreamExt};
use serde_json::Value;

use super::client::CloudflareClient;
use super::map::{self, Detail};
use super::rate_limit::{READING, RESERVE, SHARE};
use super::response::{CallError, garbage};
use super::token;
use crate::model::facts::{EdgeAccount, EdgeToken, Fact, FactKind, LoadBalancer, Pool};
use crate::model::{Stamp, Trouble, TroubleKind};
use crate::systems::Reporter;
use crate::systems::http::trouble;

/// Health details asked for in one round at most.
const DETAILS_A_ROUND: usize = 4;
/// How often the token is checked, and how soon again when that failed.
const TOKEN_EVERY_S: i64 = 600;
const TOKEN_AGAIN_S: i64 = 60;
/// Who uses a pool changes seldom.
const USERS_EVERY_S: i64 = 300;

/// What was asked for about a pool, and when.
#[derive(Clone, Debug, Default)]
struct PoolQueries {
    health: Option<Stamp>,
    users: Option<Stamp>,
    detail: Detail,
}

#[derive(Default)]
struct CloudflareState {
    details: BTreeMap<String, PoolQueries>,
    token: EdgeToken,
    /// We stay away until then on the boot clock, and this is why.
    away: Option<(Duration, Trouble)>,
    /// Requests are scarce: rounds before then are left out.
    quiet_until: Option<Duration>,
    /// What was last reported in a round that failed in part.
    told: BTreeMap<(FactKind, String), Fact>,
}

pub(super) struct CloudflareWatch {
    client: Arc<CloudflareClient>,
    reporter: Reporter,
    every: TimeDelta,
    detail_every: TimeDelta,
    state: Mutex<CloudflareState>,
}

/// What a round could read, and the first thing that went wrong.
struct CloudflareRound {
    pools: Option<Vec<Value>>,
    balancers: Vec<LoadBalancer>,
    whole: bool,
    trouble: Option<CallError>,
}

impl CloudflareWatch {
    pub(super) fn new(client: Arc<CloudflareClient>, reporter: Reporter, every: Duration) -> Self {
        let delta = |it: Duration| TimeDelta::from_std(it).unwrap_or(TimeDelta::MAX);
        let detail_every = delta((every * 3).max(Duration::from_secs(30)));
        Self { client, reporter, every: delta(every), detail_every, state: Mutex::new(CloudflareState::default()) }
    }

    fn state(&self) -> MutexGuard<'_, CloudflareState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks once and reports; true if all of it went well.
    pub(super) async fn round(&self) -> bool {
        let now = self.reporter.clock().now();
        if let Some(trouble) = self.staying_away() {
            self.reporter.trouble(trouble).await;
            return false;
        }
        if self.state().quiet_until.is_some_and(|until| self.reporter.clock().boot() < until) {
            return true;
        }
        if let Some(wait) = self.client.fits_in(self.client.round_cost()) {
            let at = TimeDelta::from_std(wait).map_or(now, |wait| now + wait);
            self.reporter.trouble(own_share(at)).await;
            return false;
        }
        let seen = self.read().await;
        self.pace(seen.trouble.as_ref());
        let pools = |lb: &LoadBalancer| lb.places.iter().flat_map(|it| it.pools.clone()).collect::<Vec<_>>();
        let mut used: BTreeSet<String> = seen.balancers.iter().flat_map(pools).collect();
        used.extend(seen.balancers.iter().flat_map(|lb| lb.default_pools.iter().chain([&lb.fallback_pool])).cloned());
        let failed = seen.trouble.as_ref().map(|err| err.trouble.kind);
        // All at once: each may take its whole time limit, and the lists wait to be told.
        tokio::join!(
            async {
                if failed.is_none() {
                    self.refresh_details(&used).await;
                }
            },
            async {
                if matches!(failed, None | Some(TroubleKind::Forbidden)) {
                    self.refresh_token().await;
                }
            }
        );
        self.tell(seen).await
    }

    /// Stays away as long as the provider or the reserve wants it, and asks less where requests are scarce.
    fn pace(&self, failed: Option<&CallError>) {
        if let Some(err) = failed
            && let Some(wait) = err.wait_s
        {
            return self.stay_away(Duration::from_secs(wait), err.trouble.clone());
        }
        let Some(budget) = self.client.budget() else { return };
        if budget.reserve_only() {
            let (remaining, limit) = (budget.remaining, budget.limit);
            tracing::warn!(remaining, limit, "Cloudflare's rate limit is nearly used up");
            let every = self.every.to_std().unwrap_or_default();
            self.stay_away(self.client.full_in().unwrap_or_default().max(every), budget.low());
        } else if budget.scarce() {
            let every = self.every.to_std().unwrap_or_default();
            self.state().quiet_until = Some(self.reporter.clock().boot() + every * 2 + every / 2);
        }
    }

    async fn read(&self) -> CloudflareRound {
        let zones = stream::iter(self.client.zones.clone())
            .map(|zone| async move {
                let list = self.client.balancers(&zone).await?;
                let mapped: Result<Vec<_>, _> = list.iter().map(|raw| map::balancer(raw, &zone)).collect();
                mapped.map_err(|why| CallError::unsent(garbage(why)))
            })
            .buffered(4)
            .collect::<Vec<Result<Vec<LoadBalancer>, CallError>>>();
        let (pools, zones) = tokio::join!(self.client.pools(), zones);
        {
            let mut state = self.state();
            state.token.reads_pools = token::proves(state.token.reads_pools, &pools);
            let before = state.token.reads_balancers;
            let each: Vec<_> = zones.iter().map(|zone| token::proves(None, zone)).collect();
            // One zone that may not be read is enough to say so.
            state.token.reads_balancers = each.iter().flatten().copied().min().or(before);
        }
        let mut seen = CloudflareRound { pools: None, balancers: Vec::new(), whole: true, trouble: None };
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
        let mut state = self.state();
        match &state.away {
            Some((until, trouble)) if self.reporter.clock().boot() < *until => Some(trouble.clone()),
            _ => {
                state.away = None;
                None
            }
        }
    }

    fn stay_away(&self, wait: Duration, trouble: Trouble) {
        let until = self.reporter.clock().boot().saturating_add(wait);
        self.state().away = Some((until, trouble));
    }

    /// Whether there is room for what is nice to know: `cost` more requests.
    fn room_for(&self, cost: usize) -> bool {
        self.client.budget().is_none_or(|budget| !budget.scarce()) && self.client.fits_in(cost).is_none()
    }

    async fn refresh_token(&self) {
        let now = self.reporter.clock().now();
        let due = {
            let token = &self.state().token;
            let again = if token.problem.is_empty() { TOKEN_EVERY_S } else { TOKEN_AGAIN_S };
            token.checked.is_none_or(|at| now - at >= TimeDelta::seconds(again))
        };
        // The details are asked for at the same time and count too.
        if !due || !self.room_for(2 + DETAILS_A_ROUND) {
            return;
        }
        let result = self.client.verify().await;
        token::checked(&mut self.state().token, result, now);
    }

    /// Asks for the details that are due, the oldest first. A pool without any (no monitor, no data yet) is an answer too.
    async fn refresh_details(&self, used: &BTreeSet<String>) {
        let now = self.reporter.clock().now();
        let mut due: Vec<(Option<Stamp>, bool, String)> = {
            let mut state = self.state();
            state.details.retain(|id, _| used.contains(id));
            let ids = used.iter().filter(|id| !id.is_empty());
            let of = |id: &String| state.details.get(id).cloned().unwrap_or_default();
            ids.flat_map(|id| [(of(id).health, false, id.clone()), (of(id).users, true, id.clone())]).collect()
        };
        let users_every = TimeDelta::seconds(USERS_EVERY_S);
        let every = |users: bool| if users { users_every } else { self.detail_every };
        due.retain(|(asked, users, _)| asked.is_none_or(|at| now - at >= every(*users)));
        // Whatever was asked for longest ago, so that with many pools no kind of question waits for ever; then health,
        // which is what people look at.
        due.sort_by_key(|(asked, users, id)| (*asked, *users, id.clone()));
        due.truncate(DETAILS_A_ROUND);
        if due.is_empty() || !self.room_for(due.len()) {
            return;
        }
        futures::future::join_all(due.into_iter().map(|(_, users, id)| self.refresh_detail(id, users, now))).await;
    }

    async fn refresh_detail(&self, id: String, users: bool, now: Stamp) {
        if users {
            let found = self.client.references(&id).await.map(|list| map::users(&list));
            let mut state = self.state();
            let kept = state.details.entry(id).or_default();
            kept.users = Some(now);
            kept.detail.used_by = found.ok();
        } else {
            let found = self.client.health(&id).await;
            let mut state = self.state();
            let kept = state.details.entry(id).or_default();
            kept.health = Some(now);
            kept.detail.places = found.map(|health| map::places(&health)).unwrap_or_default();
        }
    }

    fn pools(&self, raw: &[Value]) -> Result<Vec<Pool>, Trouble> {
        let now = self.reporter.clock().now();
        let state = self.state();
        let detail = |raw: &Value| -> Option<Detail> {
            let asked = state.details.get(raw.get("id")?.as_str()?)?;
            // A detail that could not be renewed for long says nothing about now.
            let young = |at: Option<Stamp>, every: TimeDelta| at.is_some_and(|at| now - at <= every * 3);
            let mut detail = asked.detail.clone();
            if !young(asked.health, self.detail_every) {
                detail.places.clear();
            }
            if !young(asked.users, TimeDelta::seconds(USERS_EVERY_S)) {
                detail.used_by = None;
            }
            Some(detail)
        };
        raw.iter().map(|raw| map::pool(raw, detail(raw).unwrap_or_default()).map_err(garbage)).collect()
    }

    fn account(&self) -> EdgeAccount {
        let (budget, asked) = (self.client.budget(), self.client.asked());
        EdgeAccount {
            account: self.client.account.clone(),
            token: self.state().token.clone(),
            limit: budget.map(|it| it.limit),
            remaining: budget.map(|it| it.remaining),
            resets: budget.and_then(|it| it.resets),
            asked: asked.all() as u64,
            share: SHARE as u64,
            reading: asked.read as u64,
            reading_share: READING as u64,
            reserve: budget.map_or(RESERVE, |it| it.reserve()),
        }
    }

    async fn tell(&self, seen: CloudflareRound) -> bool {
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
            self.state().told.clear();
            self.reporter.replace(FactKind::Pool, pools.unwrap_or_default()).await;
            self.reporter.replace(FactKind::LoadBalancer, balancers).await;
            self.reporter.replace(FactKind::EdgeAccount, vec![self.account().into()]).await;
            return true;
        };
        // Partly blind: what was read is told, but only where it is news. Each report counts as a sign of life, and a source
        // that seemed to come and go every round would fill the timeline.
        let mut facts: Vec<Fact> = pools.into_iter().flatten().chain(balancers).collect();
        if matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::Throttled) {
            facts.push(self.account().into());
        }
        for fact in facts {
            let key = (fact.kind(), fact.key());
            let news = without_counts(&fact);
            let known = self.state().told.insert(key, news.clone());
            if known.as_ref() != Some(&news) {
                self.reporter.upsert(fact).await;
            }
        }
        self.reporter.trouble(trouble).await;
        false
    }
}

/// A fact without what counts on by itself, which is no news.
fn without_counts(fact: &Fact) -> Fact {
    match fact {
        Fact::EdgeAccount(it) => {
            let token = EdgeToken { checked: None, ..it.token.clone() };
            EdgeAccount { remaining: None, resets: None, asked: 0, reading: 0, token, ..it.clone() }.into()
        }
        other => other.clone(),
    }
}

/// Polling has used its share of the requests that everyone with this user has.
fn own_share(at: Stamp) -> Trouble {
    let what = format!("{SHARE} requests of ours in five minutes; asked again at {} UTC", at.format("%H:%M:%S"));
    trouble(TroubleKind::Throttled, what, "Raise `every`, or name fewer zones for this source.")
}
