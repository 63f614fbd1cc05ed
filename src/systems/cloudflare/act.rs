//! The acting side: reads single fields afresh, and writes one load balancer with the least body.
//!
//! No conditional write is documented, so the plan's preconditions compare right before; the race is narrowed, not closed.
//! Rules, pool sets and maps are replaced whole by a write. The plan says which places in them change and what the parts
//! were by their digest; they are read again, compared, edited and sent with everything else in them as it was.
//! A write is sent once. Whatever leaves its fate open is settled by reading back, and stays unknown if that can't.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex;

use super::client::{CloudflareClient, is_id};
use super::map;
use super::pool_references;
use super::response::{Certainty, garbage};
use crate::clock::Turn;
use crate::model::read_path::{CloudflarePath, LoadBalancerField, PoolField};
use crate::model::step_request::{PatchLoadBalancer, PoolEdit, PoolIds};
use crate::model::{SafeText, Step, StepRequest, Trouble, TroubleKind, time};
use crate::systems::http::trouble;
use crate::systems::{ActError, Adapter, Permit};

/// Reading back after an unclear write: so often, so far apart.
const READ_BACKS: u32 = 3;
const READ_BACK_PAUSE: Duration = Duration::from_millis(400);
const MAX_POOLS: usize = 50;
const MAX_EDITS: usize = 120;

/// An object as it was read, and when its reading began.
type ReadObject = (u64, Result<Option<Value>, Trouble>);

pub(super) struct CloudflareAdapter {
    client: Arc<CloudflareClient>,
    /// Counts beginnings: of questions, and of the requests that answer them.
    turn: AtomicU64,
    balancers: Mutex<BTreeMap<String, ReadObject>>,
    pools: Mutex<BTreeMap<String, ReadObject>>,
}

impl CloudflareAdapter {
    pub(super) fn new(client: Arc<CloudflareClient>) -> Self {
        Self { client, turn: AtomicU64::new(0), balancers: Mutex::default(), pools: Mutex::default() }
    }

    /// One object for all who ask at the same time: a plan's preconditions are many fields of few objects. An answer counts
    /// only for questions that were put before its request was sent.
    async fn shared(
        &self,
        kept: &Mutex<BTreeMap<String, ReadObject>>,
        id: &str,
        ask: impl AsyncFnOnce() -> Result<Option<Value>, Trouble>,
    ) -> Result<Option<Value>, Trouble> {
        let asked = self.turn.fetch_add(1, Ordering::SeqCst);
        // Whoever asks in the same breath gets to put the question before the request goes.
        tokio::task::yield_now().await;
        let mut kept = kept.lock().await;
        if let Some((began, read)) = kept.get(id)
            && *began > asked
        {
            return read.clone();
        }
        let began = self.turn.fetch_add(1, Ordering::SeqCst);
        let read = ask().await;
        // One object is asked about at a time; what others left is old.
        kept.retain(|_, (at, _)| *at > asked);
        kept.insert(id.to_owned(), (began, read.clone()));
        read
    }
}

#[async_trait]
impl Adapter for CloudflareAdapter {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match CloudflarePath::parse(path) {
            Some(CloudflarePath::LoadBalancer { id, field }) => self.read_balancer(&id, field).await,
            Some(CloudflarePath::LoadBalancerDigest { id, part }) => {
                let read = self.balancer(&id).await?;
                let found = read.as_ref().and_then(|raw| raw.get(&part));
                Ok(found.map_or(Value::Null, |it| json!(pool_references::digest(it))))
            }
            Some(CloudflarePath::LoadBalancerAhead { id, first, then }) => {
                let read = self.balancer(&id).await?;
                Ok(read.map_or(Value::Null, |raw| json!(pool_references::ahead(&raw, &first, &then))))
            }
            Some(CloudflarePath::Pool { id, field }) => self.read_pool(&id, field).await,
            None => Err(unknown_path(path)),
        }
    }

    fn reads_wait(&self) -> Option<Duration> {
        self.client.reads_wait()
    }

    async fn apply(&self, step: &Step, permit: &Permit) -> Result<String, ActError> {
        let StepRequest::PatchLoadBalancer(patch) = &step.request else {
            return Err(ActError::NotApplied(cannot(&unknown_step(step))));
        };
        self.patch_balancer(step, patch, permit).await
    }
}

impl CloudflareAdapter {
    async fn patch_balancer(
        &self,
        step: &Step,
        patch: &PatchLoadBalancer,
        permit: &Permit,
    ) -> Result<String, ActError> {
        let checked = BalancerWrite::of(step, patch, &self.client.zones);
        let write = checked.map_err(|why| ActError::NotApplied(cannot(&why)))?;
        let body = self.body(&write).await.map_err(ActError::NotApplied)?;
        tracing::info!(plan = %permit.plan, step = %step.id, load_balancer = %write.id, "patching a load balancer");
        let err = match self.client.patch_balancer(&patch.zone, write.id, &body).await {
            Ok(answer) if write.shows(&answer) => return Ok(self.took("answered 200 and shows", step, &answer)),
            // Taken, but the answer does not show it: believe neither before reading back.
            Ok(_) => garbage("a successful write whose answer does not show the change"),
            Err(err) if err.certainty == Certainty::Nothing => return Err(ActError::NotApplied(err.trouble)),
            Err(err) => err.trouble,
        };
        self.settle(step, &write, err).await
    }
}

impl CloudflareAdapter {
    async fn balancer(&self, id: &str) -> Result<Option<Value>, Trouble> {
        self.shared(&self.balancers, id, async || Ok(self.client.balancer(id).await?)).await
    }

    /// What is sent: the plan's own body, and each part that it edits as it stands now, if that is as it was.
    async fn body(&self, write: &BalancerWrite<'_>) -> Result<Value, Trouble> {
        let mut body = write.wanted.clone();
        if !write.patch.edits.is_empty() {
            let Some(raw) = self.client.balancer_in(&write.patch.zone, write.id).await? else {
                return Err(changed("the load balancer is gone"));
            };
            for (part, was) in &write.patch.was {
                if *was != pool_references::digest(&raw[part]) {
                    return Err(changed(&format!("its {part} were changed since the plan was made")));
                }
            }
            body.extend(pool_references::edited(&raw, &write.patch.edits).map_err(|why| changed(&why))?);
        }
        Ok(Value::Object(body))
    }

    async fn read_balancer(&self, id: &str, field: LoadBalancerField) -> Result<Value, Trouble> {
        let Some(raw) = self.balancer(id).await? else { return Ok(Value::Null) };
        let lb = map::balancer(&raw, "").map_err(garbage)?;
        Ok(match field {
            LoadBalancerField::DefaultPools => json!(lb.default_pools),
            LoadBalancerField::FallbackPool => json!(lb.fallback_pool),
            LoadBalancerField::Enabled => json!(lb.enabled),
            LoadBalancerField::ModifiedOn => json!(lb.modified_on),
            LoadBalancerField::Policy => json!(lb.policy),
            LoadBalancerField::Overrides => json!(lb.overrides.len()),
        })
    }

    async fn read_pool(&self, id: &str, field: PoolField) -> Result<Value, Trouble> {
        let ask = async || Ok(self.client.pool(id).await?);
        let Some(mut raw) = self.shared(&self.pools, id, ask).await? else { return Ok(Value::Null) };
        if field == PoolField::Healthy && raw.get("healthy").is_none_or(Value::is_null) {
            // Health is documented for the list; the single answer may leave it out.
            let listed = self.client.pools().await?;
            raw = listed.into_iter().find(|it| it.get("id").and_then(Value::as_str) == Some(id)).unwrap_or(raw);
        }
        let pool = map::pool(&raw, map::Detail::default()).map_err(garbage)?;
        Ok(match field {
            PoolField::Enabled => json!(pool.enabled),
            PoolField::Healthy => json!(pool.healthy),
            PoolField::SheddingPercent => json!(pool.shedding_percent.max(pool.session_shedding_percent)),
        })
    }

    /// An unclear write: read back a few times. Seen = applied. Not seen proves nothing, for it may still arrive.
    async fn settle(&self, step: &Step, write: &BalancerWrite<'_>, why: Trouble) -> Result<String, ActError> {
        for attempt in 0..READ_BACKS {
            if attempt > 0 {
                self.client.clock.pause(READ_BACK_PAUSE, Turn::Look).await;
            }
            match self.client.balancer_in(&write.patch.zone, write.id).await {
                Ok(Some(now)) if write.shows(&now) => {
                    let how = format!("did not confirm ({}), but reading back shows", why.what);
                    return Ok(self.took(&how, step, &now));
                }
                Ok(_) => {}
                Err(err) => tracing::warn!(why = %err.trouble.what, "reading back failed"),
            }
        }
        let what = format!("{}; reading back does not show the change", why.what);
        let remedy = "It may still take effect: read the load balancer again before proposing anew.";
        Err(ActError::Unknown(trouble(why.kind, what, remedy)))
    }
}

impl CloudflareAdapter {
    /// That the write took, in words. Which pools by which ids is in the plan.
    fn took(&self, how: &str, step: &Step, lb: &Value) -> String {
        let told = |at| time::told(at, self.client.clock.now());
        let on = lb.get("modified_on").and_then(Value::as_str).map(|at| format!(", changed {}", told(at)));
        let says = format!("Cloudflare {how} {} as planned{}", step.target.name, on.unwrap_or_default());
        SafeText::new(&says).to_string()
    }
}

/// A step, checked.
struct BalancerWrite<'a> {
    id: &'a str,
    patch: &'a PatchLoadBalancer,
    /// The plan's own body as it is sent.
    wanted: Map<String, Value>,
}

impl<'a> BalancerWrite<'a> {
    fn of(step: &'a Step, patch: &'a PatchLoadBalancer, zones: &[String]) -> Result<Self, String> {
        if step.target.kind != "load_balancer" {
            return Err(unknown_step(step));
        }
        let (id, zone) = (step.target.id.as_str(), &patch.zone);
        if !is_id(id) || !zones.contains(zone) {
            return Err(format!("load balancer `{id}` in zone `{zone}` is not among the configured zones"));
        }
        for (key, fine) in
            [("default_pools", pools(&patch.body.default_pools)), ("fallback_pool", is_id(&patch.body.fallback_pool))]
        {
            if !fine {
                return Err(format!("it would set `{key}` to something that is not allowed"));
            }
        }
        if patch.edits.len() > MAX_EDITS {
            return Err(format!("it edits more than {MAX_EDITS} places"));
        }
        if let Some(bad) = patch.edits.iter().find(|edit| !may_edit(patch, edit)) {
            return Err(format!("it would edit `{}` in a way that is not allowed", bad.at));
        }
        let wanted = serde_json::to_value(&patch.body).map_err(|e| e.to_string())?;
        let Value::Object(wanted) = wanted else { return Err("its body is no object".to_owned()) };
        Ok(Self { id, patch, wanted })
    }

    fn shows(&self, lb: &Value) -> bool {
        self.wanted.iter().all(|(key, value)| lb.get(key) == Some(value))
            && pool_references::shows(lb, &self.patch.edits)
    }
}

/// Whether the path leads into a part whose digest the plan holds, and pools are to stand there.
fn may_edit(patch: &PatchLoadBalancer, edit: &PoolEdit) -> bool {
    let part = edit.at.split('/').next().unwrap_or_default();
    let path = edit.at.split('/').all(is_id) && pool_references::PARTS.contains(&part) && patch.was.contains_key(part);
    path && match &edit.to {
        PoolIds::One(id) => is_id(id),
        PoolIds::Order(ids) => pools(ids),
    }
}

fn changed(why: &str) -> Trouble {
    trouble(TroubleKind::Garbage, format!("nothing was sent: {why}"), "Read it again, and build the plan anew.")
}

/// An order of pools: never empty, for an empty one is refused or worse.
fn pools(ids: &[String]) -> bool {
    (1..=MAX_POOLS).contains(&ids.len()) && ids.iter().all(|id| is_id(id))
}

fn unknown_step(step: &Step) -> String {
    format!("`{}` on a `{}` is not known", step.request, step.target.kind)
}

fn cannot(why: &str) -> Trouble {
    trouble(TroubleKind::Garbage, format!("the step can't be done here: {why}"), "Build the plan again.")
}

fn unknown_path(path: &str) -> Trouble {
    trouble(TroubleKind::Garbage, format!("Cloudflare has no `{path}` here"), "Build the plan again.")
}
