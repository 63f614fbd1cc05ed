//! The acting side: reads single fields afresh, and writes one load balancer with the least body.
//!
//! No conditional write is documented, so the plan's preconditions compare right before; the race is narrowed, not closed.
//! A write is sent once. Whatever leaves its fate open is settled by reading back, and stays unknown if that can't.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::client::{Client, is_id};
use super::map;
use super::reply::{Certainty, garbage};
use crate::model::{Step, Trouble, TroubleKind};
use crate::systems::http::trouble;
use crate::systems::{ActError, Adapter, Permit};

/// Reading back after an unclear write: so often, so far apart.
const READ_BACKS: u32 = 3;
const READ_BACK_PAUSE: Duration = Duration::from_millis(400);
const MAX_POOLS: usize = 50;

pub struct Acting {
    pub client: Arc<Client>,
}

#[async_trait]
impl Adapter for Acting {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        match path.split('/').collect::<Vec<_>>()[..] {
            ["lb", id, field] => self.read_balancer(id, field).await,
            ["pool", id, field] => self.read_pool(id, field).await,
            _ => Err(unknown_path(path)),
        }
    }

    async fn apply(&self, step: &Step, permit: &Permit) -> Result<String, ActError> {
        let write = Write::of(step, &self.client.zones).map_err(|why| {
            let what = format!("the step can't be done here: {why}");
            ActError::NotApplied(trouble(TroubleKind::Garbage, what, "Build the plan again."))
        })?;
        tracing::info!(plan = %permit.plan, step = %step.id, load_balancer = %write.id, "patching a load balancer");
        let err = match self.client.patch_balancer(write.zone, write.id, write.body).await {
            Ok(answer) if shows(&answer, write.wanted) => return Ok(took("answered 200 with", &answer)),
            // Taken, but the answer does not show it: believe neither before reading back.
            Ok(_) => garbage("a successful write whose answer does not show the change"),
            Err(err) if err.certainty == Certainty::Nothing => return Err(ActError::NotApplied(err.trouble)),
            Err(err) => err.trouble,
        };
        self.settle(&write, err).await
    }
}

impl Acting {
    async fn read_balancer(&self, id: &str, field: &str) -> Result<Value, Trouble> {
        let Some(raw) = self.client.balancer(id).await? else { return Ok(Value::Null) };
        let lb = map::balancer(&raw, "").map_err(garbage)?;
        Ok(match field {
            "default_pools" => json!(lb.default_pools),
            "fallback_pool" => json!(lb.fallback_pool),
            "enabled" => json!(lb.enabled),
            "modified_on" => json!(lb.modified_on),
            "policy" => json!(lb.policy),
            "overrides" => json!(lb.overrides.len()),
            _ => return Err(unknown_path(&format!("lb/{id}/{field}"))),
        })
    }

    async fn read_pool(&self, id: &str, field: &str) -> Result<Value, Trouble> {
        let Some(mut raw) = self.client.pool(id).await? else { return Ok(Value::Null) };
        if field == "healthy" && raw.get("healthy").is_none_or(Value::is_null) {
            // Health is documented for the list; the single answer may leave it out.
            let listed = self.client.pools().await?;
            raw = listed.into_iter().find(|it| it.get("id").and_then(Value::as_str) == Some(id)).unwrap_or(raw);
        }
        let pool = map::pool(&raw, Vec::new()).map_err(garbage)?;
        Ok(match field {
            "enabled" => json!(pool.enabled),
            "healthy" => json!(pool.healthy),
            "shedding_percent" => json!(pool.shedding_percent),
            _ => return Err(unknown_path(&format!("pool/{id}/{field}"))),
        })
    }

    /// An unclear write: read back a few times. Seen = applied. Not seen proves nothing, for it may still arrive.
    async fn settle(&self, write: &Write<'_>, why: Trouble) -> Result<String, ActError> {
        for attempt in 0..READ_BACKS {
            if attempt > 0 {
                tokio::time::sleep(READ_BACK_PAUSE).await;
            }
            match self.client.balancer_in(write.zone, write.id).await {
                Ok(Some(now)) if shows(&now, write.wanted) => {
                    return Ok(took(&format!("did not confirm ({}), but reading back shows", why.what), &now));
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

/// A step, checked.
struct Write<'a> {
    zone: &'a str,
    id: &'a str,
    body: &'a Value,
    wanted: &'a Map<String, Value>,
}

impl<'a> Write<'a> {
    fn of(step: &'a Step, zones: &[String]) -> Result<Self, String> {
        if step.adapter != "cloudflare.patch_load_balancer" || step.target.kind != "load_balancer" {
            return Err(format!("`{}` on a `{}` is not known", step.adapter, step.target.kind));
        }
        let id = step.target.id.as_str();
        let zone = step.params.get("zone").and_then(Value::as_str).unwrap_or_default();
        if !is_id(id) || !zones.iter().any(|known| known == zone) {
            return Err(format!("load balancer `{id}` in zone `{zone}` is not among the configured zones"));
        }
        let body = step.params.get("body").ok_or("it has no body")?;
        let wanted = body.as_object().filter(|map| !map.is_empty()).ok_or("its body is empty")?;
        for (key, value) in wanted {
            let fine = match key.as_str() {
                "default_pools" => value.as_array().is_some_and(|ids| pools(ids)),
                "fallback_pool" => value.as_str().is_some_and(is_id),
                _ => false,
            };
            if !fine {
                return Err(format!("it would set `{key}` to something that is not allowed"));
            }
        }
        Ok(Self { zone, id, body, wanted })
    }
}

/// An order of pools: never empty, for an empty one is refused or worse.
fn pools(ids: &[Value]) -> bool {
    (1..=MAX_POOLS).contains(&ids.len()) && ids.iter().all(|id| id.as_str().is_some_and(is_id))
}

fn shows(lb: &Value, wanted: &Map<String, Value>) -> bool {
    wanted.iter().all(|(key, value)| lb.get(key) == Some(value))
}

fn took(how: &str, lb: &Value) -> String {
    let order = lb.get("default_pools").map(ToString::to_string).unwrap_or_default();
    let on = lb.get("modified_on").and_then(Value::as_str).map(|at| format!(", modified {at}")).unwrap_or_default();
    crate::model::SafeText::new(&format!("Cloudflare {how} default_pools {order}{on}")).to_string()
}

fn unknown_path(path: &str) -> Trouble {
    trouble(TroubleKind::Garbage, format!("Cloudflare has no `{path}` here"), "Build the plan again.")
}
