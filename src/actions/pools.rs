//! The pools of a failover: found by the names of the configuration, known by the provider's ids.

use std::collections::BTreeSet;

use crate::board::row::PoolRef;
use crate::board::unknown_names::{AtEdge, not_at_edge};
use crate::board::{LoadBalancerRow, Row};
use crate::model::facts::{LoadBalancer, Pool, PoolUser};
use crate::model::{Refusal, Stamp, System};

use super::board_query::{fresh, rows};
use super::identifiers::{name, shown, words};
use super::{PlanContext, refuse};

/// A pool, from its own row or from the load balancer's.
#[derive(Clone)]
pub(super) struct PoolFacts {
    pub id: String,
    pub name: String,
    pub enabled: Option<bool>,
    pub healthy: Option<bool>,
    pub monitored: bool,
    pub places: (u32, u32),
    pub shedding_percent: u32,
    pub enough_origins: bool,
    /// Origins that are enabled, all of them, and how many are needed; `None` = not read.
    pub origins: Option<(u32, u32, u32)>,
    /// Where its enabled origins are; empty = not read.
    pub addresses: BTreeSet<String>,
    /// Its health is judged region by region.
    pub regional: bool,
    /// Who refers to it, by kind and name; `None` = not read.
    pub used_by: Option<Vec<PoolUser>>,
    pub seen_at: Stamp,
}

/// A refusal: the board does not have it.
pub(super) fn unseen(what: &str) -> Refusal {
    refuse(format!("{what} is not on the board."), "Check its name in warroom.toml, and that its source is green.")
}

/// The same of something at the edge: that no account has it, if they can all be read.
pub(super) fn unseen_at_edge(context: &PlanContext, thing: AtEdge, what: &str, wanted: &str) -> Refusal {
    match not_at_edge(thing, wanted, rows(context.board), context.now) {
        Some(says) => refuse(sentence(&says), "Correct the name in the service of warroom.toml."),
        None => unseen(what),
    }
}

/// Words that begin a sentence.
fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", chars.as_str())
}

/// The one load balancer of this name, with the pools that its row knows.
pub(super) fn load_balancer<'a>(
    context: &PlanContext<'a>,
    host: &str,
) -> Result<(&'a Row, &'a LoadBalancer, Vec<&'a PoolRef>), Refusal> {
    let all = rows(context.board).filter_map(Row::with_kind::<LoadBalancerRow>);
    let found: Vec<_> = all.filter(|(_, it)| it.lb.name == *host).collect();
    let (row, it) = match found.as_slice() {
        [one] => *one,
        [] => {
            let what = format!("load balancer {}", words(host));
            return Err(unseen_at_edge(context, AtEdge::LoadBalancer, &what, host));
        }
        more => {
            return Err(refuse(
                format!("{} load balancers are named {}.", more.len(), words(host)),
                "Only one may be; remove the zone that does not belong from the configuration.",
            ));
        }
    };
    fresh(row, &format!("load balancer {}", words(host)), context.now)?;
    if row.source.system != System::Cloudflare {
        return Err(refuse(format!("{} can't move traffic.", row.source), "Failover works through Cloudflare."));
    }
    Ok((row, &it.lb, it.order.iter().chain(&it.fallback).collect()))
}

/// The primary's pool and DR's, by their names. Two names of the same origins are not two sites.
pub(super) fn pair(
    context: &PlanContext,
    lb_row: &Row,
    refs: &[&PoolRef],
    (primary, dr): (&str, &str),
) -> Result<(PoolFacts, PoolFacts), Refusal> {
    let (primary, dr) = (pool(context, lb_row, refs, primary)?, pool(context, lb_row, refs, dr)?);
    if primary.id != dr.id && !dr.addresses.is_empty() && primary.addresses == dr.addresses {
        let where_to = dr.addresses.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let why = format!("Pools {} and {} lead to the same origins ({where_to}).", primary.name, dr.name);
        return Err(refuse(why, "Moving users would move nobody: correct the origins of one of them."));
    }
    Ok((primary, dr))
}

/// The pool of that name at the load balancer's provider. Names are the configuration's, ids the provider's.
fn pool(context: &PlanContext, lb_row: &Row, refs: &[&PoolRef], wanted: &str) -> Result<PoolFacts, Refusal> {
    let what = format!("pool {}", words(wanted));
    let own = rows(context.board).filter(|row| row.source == lb_row.source);
    let found: Vec<_> = own.filter_map(Row::with_kind::<Pool>).filter(|(_, pool)| pool.name == *wanted).collect();
    let facts = match found.as_slice() {
        [(row, pool)] => {
            fresh(row, &what, context.now)?;
            from_pool(row, pool, name(&what, &pool.id)?)
        }
        [] => match refs.iter().find(|r| r.name == *wanted) {
            Some(r) => from_ref(lb_row, r, name(&what, &r.id)?),
            None => return Err(unseen_at_edge(context, AtEdge::Pool, &what, wanted)),
        },
        more => {
            let why = format!("{} pools are named {}.", more.len(), words(wanted));
            return Err(refuse(why, "Give the pools different names at the provider."));
        }
    };
    Ok(facts)
}

fn from_pool(row: &Row, pool: &Pool, id: String) -> PoolFacts {
    let enabled_origins = pool.origins.iter().filter(|o| o.enabled).count();
    PoolFacts {
        id,
        name: shown(&pool.name),
        enabled: Some(pool.enabled),
        healthy: pool.healthy,
        monitored: pool.monitored,
        places: (count(pool.places.iter().filter(|(_, ok)| *ok).count()), count(pool.places.len())),
        shedding_percent: pool.shedding_percent.max(pool.session_shedding_percent),
        origins: Some((count(enabled_origins), count(pool.origins.len()), pool.minimum_origins)),
        addresses: pool.origins.iter().filter(|it| it.enabled).map(|it| shown(&it.address)).collect(),
        regional: pool.regional,
        used_by: pool.used_by.clone(),
        enough_origins: enabled_origins > 0 && count(enabled_origins) >= pool.minimum_origins,
        seen_at: row.seen_at,
    }
}

fn from_ref(row: &Row, pool: &PoolRef, id: String) -> PoolFacts {
    PoolFacts {
        id,
        name: shown(&pool.name),
        enabled: pool.enabled,
        healthy: pool.healthy,
        monitored: pool.healthy.is_some(),
        places: (pool.places_ok, pool.places),
        shedding_percent: 0,
        origins: None,
        addresses: BTreeSet::new(),
        regional: pool.regional,
        used_by: None,
        enough_origins: true,
        seen_at: row.seen_at,
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// Who else uses a pool than these load balancers: by the provider's own list, and by what the board shows. False: the
/// provider's list was not read, so there may be more.
pub(super) fn other_users(context: &PlanContext, own: &[&LoadBalancer], pool: &PoolFacts) -> (Vec<String>, bool) {
    let is_own = |id: &str| own.iter().any(|lb| lb.id == id);
    let all = rows(context.board).filter_map(Row::as_kind::<LoadBalancerRow>).map(|it| &it.lb);
    let others = all.filter(|other| !is_own(&other.id) && uses(other, &pool.id));
    let mut names: Vec<String> = others.map(|other| shown(&other.name)).collect();
    let listed = pool.used_by.iter().flatten().filter(|it| it.kind.is("load_balancer") && !is_own(&it.id));
    names.extend(listed.map(|it| shown(&it.name)));
    names.sort();
    names.dedup();
    (names, pool.used_by.is_some())
}

fn uses(lb: &LoadBalancer, pool: &str) -> bool {
    let own = lb.default_pools.iter().chain([&lb.fallback_pool]);
    own.chain(lb.places.iter().flat_map(|place| &place.pools)).any(|id| id == pool)
}

/// The health of the DR pool as a condition in words.
pub(super) fn health_words(dr: &PoolFacts) -> String {
    match (dr.healthy, dr.places) {
        (Some(_), (ok, all)) if all > 0 => format!("{} is healthy in {ok} of {all} regions", dr.name),
        (Some(_), _) => format!("{} is healthy", dr.name),
        (None, _) => format!("{} is not known to be unhealthy", dr.name),
    }
}

/// What the one of two pools with this id is called; of another, its id.
pub(super) fn called(primary: &PoolFacts, dr: &PoolFacts, id: &str) -> String {
    [primary, dr].into_iter().find(|p| p.id == id).map_or_else(|| words(id), |p| p.name.clone())
}
