//! Traffic at the edge: where new traffic goes, which pools are well, what the service's own URLs answer.

use std::collections::BTreeMap;

use crate::model::facts::{Fact, FactKind, LoadBalancer, Pool, Probe};
use crate::model::{Objective, SafeText, Stamp};

use super::Board;
use super::row::{Body, PoolRef, Row, Verdict};
use super::store::Proof;
use super::words::{Opinion, names, sort_rows};

/// Load balancers, then pools, then probes; each worst first.
pub(super) fn rows(board: &Board, now: Stamp) -> Vec<Row> {
    let pools: BTreeMap<&str, &Pool> = board
        .store
        .facts(FactKind::Pool)
        .filter_map(|(_, _, held)| match &held.fact {
            Fact::Pool(pool) => Some((pool.id.as_str(), pool)),
            _ => None,
        })
        .collect();
    let objectives = &board.setup.objectives;
    let mut out = Vec::new();
    for kind in [FactKind::LoadBalancer, FactKind::Pool, FactKind::Probe] {
        let mut rows: Vec<Row> = board
            .store
            .facts(kind)
            .filter_map(|(id, state, held)| {
                let proof = board.store.proof(id, state, held, now);
                match &held.fact {
                    Fact::LoadBalancer(lb) => Some(load_balancer_row(lb, &pools, objectives, proof)),
                    Fact::Pool(pool) => Some(pool_row(pool, proof)),
                    Fact::Probe(probe) => Some(probe_row(probe, proof)),
                    _ => None,
                }
            })
            .collect();
        sort_rows(&mut rows, |row| row.id.clone());
        out.extend(rows);
    }
    out
}

fn pool_ref(id: &str, pools: &BTreeMap<&str, &Pool>) -> PoolRef {
    let pool = pools.get(id);
    let places = pool.map_or(&[][..], |pool| pool.places.as_slice());
    PoolRef {
        id: id.to_owned(),
        name: pool.map_or_else(|| SafeText::new(id), |pool| pool.name.clone()),
        enabled: pool.map(|pool| pool.enabled),
        healthy: pool.and_then(|pool| pool.healthy),
        places_ok: places.iter().filter(|(_, healthy)| *healthy).count() as u32,
        places: places.len() as u32,
    }
}

/// Where new traffic goes, if the order decides and everything before the answer is known.
enum Goes<'a> {
    /// To this pool, the n-th of the order.
    To(usize, &'a str),
    /// Nobody in the order is well: to the fallback, whatever its health.
    Fallback(&'a str),
    /// To nobody: even the fallback is switched off.
    Nowhere,
    Unknown(&'static str),
}

fn goes_to<'a>(lb: &'a LoadBalancer, pools: &BTreeMap<&str, &Pool>) -> Goes<'a> {
    if !lb.enabled {
        return Goes::Unknown("the load balancer is disabled");
    }
    if !matches!(lb.policy.as_str(), "off" | "geo") {
        return Goes::Unknown("its steering policy does not follow the order");
    }
    if !lb.overrides.is_empty() {
        return Goes::Unknown("something overrides the order");
    }
    for (n, id) in lb.default_pools.iter().enumerate() {
        let Some(pool) = pools.get(id.as_str()) else { return Goes::Unknown("a pool of the order can't be read") };
        if !pool.enabled || pool.shedding_percent >= 100 {
            continue;
        }
        if pool.shedding_percent > 0 {
            return Goes::Unknown("a pool sheds part of its traffic");
        }
        if !pool.monitored {
            return Goes::To(n, id);
        }
        match pool.healthy {
            Some(true) => return Goes::To(n, id),
            Some(false) => {}
            None => return Goes::Unknown("the health of a pool is not known"),
        }
    }
    match pools.get(lb.fallback_pool.as_str()) {
        Some(pool) if !pool.enabled => Goes::Nowhere,
        _ => Goes::Fallback(&lb.fallback_pool),
    }
}

fn load_balancer_row(lb: &LoadBalancer, pools: &BTreeMap<&str, &Pool>, objectives: &[Objective], proof: Proof) -> Row {
    let order: Vec<PoolRef> = lb.default_pools.iter().map(|id| pool_ref(id, pools)).collect();
    let fallback = (!lb.fallback_pool.is_empty()).then(|| pool_ref(&lb.fallback_pool, pools));
    let name = |id: &str| pools.get(id).map_or_else(|| SafeText::new(id), |pool| pool.name.clone());
    let mut opinion = Opinion::new(Verdict::Ok);
    let first = order.first().map(|pool| pool.name.clone()).unwrap_or_default();
    let goes = match goes_to(lb, pools) {
        Goes::To(0, id) => Some(name(id)),
        Goes::To(_, id) => {
            opinion.because(Verdict::Warning, format!("{first} takes no traffic: it goes to {}", name(id)));
            Some(name(id))
        }
        Goes::Fallback(id) => {
            let pool = name(id);
            opinion
                .because(Verdict::Critical, format!("no pool of the order is healthy: traffic falls back to {pool}"));
            Some(pool)
        }
        Goes::Nowhere => {
            opinion.because(Verdict::Critical, "no pool is healthy and the fallback is disabled: users get errors");
            None
        }
        Goes::Unknown(why) => {
            opinion.because(Verdict::Unknown, format!("can't tell where traffic goes: {why}"));
            None
        }
    };
    warn(&mut opinion, lb, pools);
    let service = objectives.iter().find(|it| it.load_balancer.as_deref() == Some(lb.name.as_str()));
    let body = Body::LoadBalancer {
        lb: lb.clone(),
        order,
        fallback,
        goes_to: goes,
        service: service.map(|objective| objective.service.clone()),
    };
    opinion.row(format!("lb/{}/{}", proof.source.instance, lb.id), proof, body)
}

/// What will surprise whoever relies on this load balancer failing over.
fn warn(opinion: &mut Opinion, lb: &LoadBalancer, pools: &BTreeMap<&str, &Pool>) {
    if !lb.overrides.is_empty() {
        opinion.because(Verdict::Warning, format!("the order is overridden by {}", names(&lb.overrides)));
    }
    if !matches!(lb.policy.as_str(), "off" | "geo") {
        opinion.because(Verdict::Warning, format!("under policy `{}` the order means nothing", lb.policy.as_str()));
    }
    let unmonitored: Vec<&str> = lb
        .default_pools
        .iter()
        .filter_map(|id| pools.get(id.as_str()))
        .filter(|pool| !pool.monitored)
        .map(|pool| pool.name.as_str())
        .collect();
    if !unmonitored.is_empty() {
        let who = names(&unmonitored);
        opinion.because(Verdict::Warning, format!("{who} has no monitor: nothing fails over by itself"));
    }
    if pools.get(lb.fallback_pool.as_str()).is_some_and(|pool| !pool.enabled) {
        opinion.because(Verdict::Warning, "the fallback pool is disabled");
    }
}

fn pool_row(pool: &Pool, proof: Proof) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    let usable = pool.origins.iter().filter(|origin| origin.enabled && origin.healthy != Some(false)).count();
    if !pool.enabled {
        opinion.because(Verdict::Info, "disabled: takes no traffic and is not checked");
    } else {
        match pool.healthy {
            Some(true) => {}
            Some(false) => opinion.because(Verdict::Critical, "down"),
            None if !pool.monitored => {}
            None => opinion.because(Verdict::Unknown, "its health is not known"),
        }
        if !pool.monitored {
            opinion.because(Verdict::Warning, "no monitor: its health is not considered");
        }
        if usable < pool.minimum_origins as usize {
            opinion
                .because(Verdict::Critical, format!("{usable} of at least {} origins can serve", pool.minimum_origins));
        }
        if pool.shedding_percent > 0 {
            opinion.because(Verdict::Warning, format!("sheds {} % of its traffic", pool.shedding_percent));
        }
    }
    opinion.row(format!("pool/{}/{}", proof.source.instance, pool.id), proof, Body::Pool(pool.clone()))
}

/// What a failing probe saw, in words: `503`, `connection refused`.
pub(super) fn answer(probe: &Probe) -> String {
    match probe.status {
        Some(status) => status.to_string(),
        None if probe.error.is_empty() => "no answer".to_owned(),
        None => probe.error.to_string(),
    }
}

fn probe_row(probe: &Probe, proof: Proof) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    if probe.samples == 0 {
        opinion.because(Verdict::Unknown, "not asked yet");
    } else if !probe.ok {
        opinion.because(Verdict::Critical, format!("answers {}", answer(probe)));
    } else if probe.good < probe.samples {
        opinion.because(Verdict::Warning, format!("{} of {} recent answers were good", probe.good, probe.samples));
    }
    opinion.row(format!("probe/{}", probe.name), proof, Body::Probe(probe.clone()))
}
