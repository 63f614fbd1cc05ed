//! Traffic at the edge: where new traffic goes, which pools are well, what the service's own URLs answer, and what is left
//! of the requests that a failover needs.

use std::collections::BTreeMap;

use chrono::TimeDelta;

use crate::model::facts::{EdgeAccount, Fact, FactKind, LoadBalancer, PlaceRole, Pool, Probe};
use crate::model::{Objective, SafeText};

use super::Board;
use super::judged_at::JudgedAt;
use super::observation_store::{Provenance, SourceState};
use super::row::{LoadBalancerRow, PoolRef, Row, Verdict};
use super::row_builder::{Opinion, names, sort_rows};
use super::steering::{Steered, agreed, nobody, steered};

/// Tokens that end sooner than this are worth a look.
const TOKEN_DAYS: i64 = 7;

/// Load balancers, then pools, probes and accounts; each worst first.
pub(super) fn rows(board: &Board, now: JudgedAt<'_>) -> Vec<Row> {
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
                    Fact::Pool(pool) => {
                        let unused = is_unused(pool, state, objectives, &proof);
                        Some(pool_row(pool, unused, proof))
                    }
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

fn load_balancer_row(
    lb: &LoadBalancer,
    pools: &BTreeMap<&str, &Pool>,
    objectives: &[Objective],
    proof: Provenance,
) -> Row {
    let order: Vec<PoolRef> = lb.default_pools.iter().map(|id| pool_ref(id, pools)).collect();
    let fallback = (!lb.fallback_pool.is_empty()).then(|| pool_ref(&lb.fallback_pool, pools));
    let mut opinion = Opinion::new(Verdict::Ok);
    let Steered { to, routes } = steered(lb, pools, &mut opinion);
    warn(&mut opinion, lb, pools);
    let service = objectives.iter().find(|it| it.host(lb.name.as_str()).is_some());
    let body = LoadBalancerRow {
        lb: lb.clone(),
        order,
        fallback,
        goes_to: to,
        routes,
        service: service.map(|objective| objective.service.clone()),
    };
    opinion.row(format!("lb/{}/{}", proof.source.instance, lb.id), proof, body)
}

/// What will surprise whoever relies on this load balancer failing over.
fn warn(opinion: &mut Opinion, lb: &LoadBalancer, pools: &BTreeMap<&str, &Pool>) {
    if !lb.enabled {
        opinion.because(Verdict::Warning, "the load balancer is switched off: its pools carry no traffic");
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
        let get = nobody(lb);
        let why = format!("the fallback pool is disabled: once every other pool is down, users get {get}");
        opinion.because(Verdict::Warning, why);
    }
}

/// Whether no load balancer of this source sends users to a pool, and no service names it. Not if that is not known.
fn is_unused(pool: &Pool, state: &SourceState, objectives: &[Objective], proof: &Provenance) -> bool {
    let uses = |lb: &LoadBalancer| {
        let own = lb.default_pools.iter().chain([&lb.fallback_pool]);
        lb.places_cut || own.chain(lb.places.iter().flat_map(|it| &it.pools)).any(|id| *id == pool.id)
    };
    let used = state.of(FactKind::LoadBalancer).any(|held| matches!(&held.fact, Fact::LoadBalancer(lb) if uses(lb)));
    let by_others = pool.used_by.iter().flatten().any(|user| user.kind.is("load_balancer"));
    let mut hosts = objectives.iter().flat_map(|it| &it.hosts);
    let named =
        hosts.any(|host| host.primary_pool.iter().chain(host.dr_pools.values()).any(|name| pool.name == name.as_str()));
    let known = state.listed(FactKind::LoadBalancer) && proof.doubt.is_none();
    known && !used && !by_others && !named
}

fn pool_row(pool: &Pool, unused: bool, proof: Provenance) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
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
        origins(&mut opinion, pool);
        if pool.shedding_percent > 0 {
            opinion.because(Verdict::Warning, format!("sheds {} % of its traffic", pool.shedding_percent));
        }
        if pool.session_shedding_percent > 0 {
            opinion.because(Verdict::Warning, format!("sheds {} % of its sessions", pool.session_shedding_percent));
        }
    }
    if unused {
        opinion.only(Verdict::Info, "no load balancer uses it");
    }
    opinion.row(format!("pool/{}/{}", proof.source.instance, pool.id), proof, pool.clone())
}

/// How many origins are left, and how many more may go before the pool falls over.
fn origins(opinion: &mut Opinion, pool: &Pool) {
    let on = pool.origins.iter().filter(|origin| origin.enabled);
    let (mut up, mut down, mut all) = (0, 0, 0);
    for origin in on {
        all += 1;
        up += usize::from(origin.healthy == Some(true));
        down += usize::from(origin.healthy == Some(false));
    }
    let (usable, least) = (all - down, (pool.minimum_origins as usize).max(1));
    if usable < least {
        opinion.because(Verdict::Critical, format!("{usable} of at least {least} origins can serve"));
    } else if down > 0 && pool.healthy != Some(false) {
        let unknown = if up < usable { format!(", {} not known", usable - up) } else { String::new() };
        let left = format!("{up} of {all} origins healthy{unknown}");
        match usable - least {
            0 => opinion.because(Verdict::Warning, format!("{left}, one from falling over")),
            _ => opinion.because(Verdict::Info, format!("{left}, at least {least} needed")),
        }
    }
}

fn account_row(account: &EdgeAccount, proof: Provenance, now: JudgedAt<'_>) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    let token = &account.token;
    match token.status.as_str() {
        "active" => {}
        "" if token.checked.is_none() => opinion.because(Verdict::Unknown, "the token was not checked yet"),
        "" => opinion.because(Verdict::Unknown, format!("the token could not be checked: {}", token.problem)),
        // Our own token: nothing follows about the edge, but somebody has to renew it.
        "disabled" | "expired" => {
            opinion.because(Verdict::Warning, format!("the token is {}", token.status.as_str()));
        }
        other => opinion.because(Verdict::Warning, format!("the token's status is `{other}`")),
    }
    match token.expires {
        Some(at) if now.is_past(at) => opinion.because(Verdict::Warning, "the token has expired"),
        Some(at) if !now.is_ahead(at, TimeDelta::days(TOKEN_DAYS)) => {
            let when = at.format("%Y-%m-%d %H:%M UTC");
            opinion.because(Verdict::Warning, format!("the token expires {when}: renew it before it is needed"));
        }
        _ => {}
    }
    if token.not_before.is_some_and(|at| !now.is_past(at)) {
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
    if account.reading_share > 0 && account.reading >= account.reading_share {
        let why = format!("{} requests for checks of plans in 5 min: the next waits, acting does not", account.reading);
        opinion.because(Verdict::Warning, why);
    }
    opinion.mention("whether the token may write can't be probed safely: unknown");
    opinion.row(format!("account/{}", proof.source.instance), proof, account.clone())
}

/// What a failing probe saw, in words: `503`, `connection refused`.
pub(super) fn answer(probe: &Probe) -> String {
    match probe.status {
        Some(status) => status.to_string(),
        None if probe.error.is_empty() => "no answer".to_owned(),
        None => probe.error.to_string(),
    }
}

fn probe_row(probe: &Probe, proof: Provenance) -> Row {
    let mut opinion = Opinion::new(Verdict::Ok);
    if probe.samples == 0 {
        opinion.because(Verdict::Unknown, "not asked yet");
    } else if !probe.ok {
        opinion.because(Verdict::Critical, format!("answers {}", answer(probe)));
    } else if probe.good < probe.samples {
        opinion.because(Verdict::Warning, format!("{} of {} recent answers were good", probe.good, probe.samples));
    }
    opinion.row(format!("probe/{}", probe.name), proof, probe.clone())
}
