//! Traffic at the edge: where new traffic goes, which pools are well, what the service's own URLs answer, and what is left
//! of the requests that a failover needs.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::{EdgeAccount, Fact, FactKind, LoadBalancer, PlaceRole, Pool, Probe};
use crate::model::{Objective, SafeText, Stamp};

use super::Board;
use super::row::{Body, PoolRef, Row, Verdict};
use super::store::Proof;
use super::words::{Opinion, names, sort_rows};

/// Tokens that end sooner than this are worth a look.
const TOKEN_DAYS: i64 = 7;

/// Load balancers, then pools, probes and accounts; each worst first.
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
    for kind in [FactKind::LoadBalancer, FactKind::Pool, FactKind::Probe, FactKind::EdgeAccount] {
        let mut rows: Vec<Row> = board
            .store
            .facts(kind)
            .filter_map(|(id, state, held)| {
                let proof = board.store.proof(id, state, held, now);
                match &held.fact {
                    Fact::LoadBalancer(lb) => Some(load_balancer_row(lb, &pools, objectives, proof)),
                    Fact::Pool(pool) => Some(pool_row(pool, proof)),
                    Fact::Probe(probe) => Some(probe_row(probe, proof)),
                    Fact::EdgeAccount(account) => Some(account_row(account, proof, now)),
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
        regional: pool.is_some_and(|pool| pool.regional),
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
        return Goes::Unknown("it is disabled, so its A, AAAA or CNAME records answer instead, or nothing does");
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
        if pool.regional && !agreed(pool) {
            return Goes::Unknown("each region judges the health of a pool for itself");
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

/// Whether every place that was asked sees the pool alike.
fn agreed(pool: &Pool) -> bool {
    let ok = pool.places.iter().filter(|(_, healthy)| *healthy).count();
    !pool.places.is_empty() && (ok == 0 || ok == pool.places.len())
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
            let get = if lb.proxied { "530 (error 1016)" } else { "no address (a bare SOA)" };
            let why = format!("no pool is healthy and the fallback is disabled: users get {get}");
            opinion.because(Verdict::Critical, why);
            None
        }
        Goes::Unknown(why) => {
            opinion.because(Verdict::Unknown, format!("can't tell where traffic goes: {why}"));
            None
        }
    };
    warn(&mut opinion, lb, pools);
    let service = objectives.iter().find(|it| it.host(lb.name.as_str()).is_some());
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
    if !lb.enabled {
        opinion.because(Verdict::Warning, "the load balancer is switched off: its pools carry no traffic");
    }
    if !lb.overrides.is_empty() {
        opinion.because(Verdict::Warning, format!("the order is overridden by {}", names(&lb.overrides)));
    }
    if !matches!(lb.policy.as_str(), "off" | "geo") {
        opinion.because(Verdict::Warning, format!("under policy `{}` the order means nothing", lb.policy.as_str()));
    }
    let unclear: Vec<&str> =
        lb.places.iter().filter(|it| it.role == PlaceRole::Other).map(|it| it.what.as_str()).collect();
    if !unclear.is_empty() {
        opinion.because(Verdict::Warning, format!("what {} does with pools is not known here", names(&unclear)));
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
        let get = if lb.proxied { "530 (error 1016)" } else { "no address (a bare SOA)" };
        let why = format!("the fallback pool is disabled: once every other pool is down, users get {get}");
        opinion.because(Verdict::Warning, why);
    }
}

fn pool_row(pool: &Pool, proof: Proof) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    let usable = pool.origins.iter().filter(|origin| origin.enabled && origin.healthy != Some(false)).count();
    if !pool.enabled {
        opinion.because(Verdict::Info, "disabled: takes no traffic and is not checked");
    } else {
        match pool.healthy {
            Some(true) if pool.regional && !agreed(pool) => {
                let why = "each region judges its health for itself: that it is called healthy is not the whole truth";
                opinion.because(Verdict::Unknown, why);
            }
            Some(true) => {}
            Some(false) => opinion.because(Verdict::Critical, "down"),
            None if !pool.monitored => {}
            None => opinion.because(Verdict::Unknown, "its health is not known"),
        }
        if !pool.monitored {
            let why = "no monitor: its health is not considered, and it never fails over by itself";
            opinion.because(Verdict::Warning, why);
        }
        if usable < pool.minimum_origins as usize {
            opinion
                .because(Verdict::Critical, format!("{usable} of at least {} origins can serve", pool.minimum_origins));
        }
        if pool.shedding_percent > 0 {
            opinion.because(Verdict::Warning, format!("sheds {} % of its traffic", pool.shedding_percent));
        }
        if pool.session_shedding_percent > 0 {
            opinion.because(Verdict::Warning, format!("sheds {} % of its sessions", pool.session_shedding_percent));
        }
    }
    opinion.row(format!("pool/{}/{}", proof.source.instance, pool.id), proof, Body::Pool(pool.clone()))
}

fn account_row(account: &EdgeAccount, proof: Proof, now: Stamp) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    let token = &account.token;
    match token.status.as_str() {
        "active" => {}
        "" if token.checked.is_none() => opinion.because(Verdict::Unknown, "the token was not checked yet"),
        "" => opinion.because(Verdict::Unknown, format!("the token could not be checked: {}", token.problem)),
        "disabled" | "expired" => {
            opinion.because(Verdict::Critical, format!("the token is {}", token.status.as_str()));
        }
        other => opinion.because(Verdict::Warning, format!("the token's status is `{other}`")),
    }
    match token.expires {
        Some(at) if at <= now => opinion.because(Verdict::Critical, "the token has expired"),
        Some(at) if at - now <= TimeDelta::days(TOKEN_DAYS) => {
            let when = at.format("%Y-%m-%d %H:%M UTC");
            opinion.because(Verdict::Warning, format!("the token expires {when}: renew it before it is needed"));
        }
        _ => {}
    }
    if token.not_before.is_some_and(|at| at > now) {
        opinion.because(Verdict::Warning, "the token is not valid yet");
    }
    for (reads, what) in [(token.reads_pools, "pools"), (token.reads_balancers, "load balancers")] {
        if reads == Some(false) {
            opinion.because(Verdict::Warning, format!("the token may not read {what}"));
        }
    }
    match (account.remaining, account.limit) {
        (Some(left), Some(limit)) if left <= account.reserve => {
            let why = format!("{left} of {limit} requests left: polling stopped, the rest is kept for acting");
            opinion.because(Verdict::Warning, why);
        }
        (Some(left), Some(limit)) if left.saturating_mul(4) <= limit => {
            opinion.because(Verdict::Warning, format!("{left} of {limit} requests left: polling is slowed down"));
        }
        (None, _) => opinion.mention("how many requests are left is not known"),
        _ => {}
    }
    opinion.mention("whether the token may write can't be probed safely: unknown");
    opinion.row(format!("account/{}", proof.source.instance), proof, Body::EdgeAccount(account.clone()))
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
