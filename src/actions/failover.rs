//! Failover at the edge: each load balancer's pools are reordered so that DR comes first. One write for each host name of
//! the service, all in one plan; the primary stays monitored and remains the second choice.
//!
//! Reordering moves users only where the order decides: under the effective policy `off` or `geo`. Every other place that
//! names the primary (rules, pool sets, lists by place) comes along in the same write, or there is no plan: one that
//! changes a list and moves nobody, or only some, costs the minutes that count.

mod steps;
mod summary;

use crate::board::Row;
use crate::model::facts::LoadBalancer;
use crate::model::time;
use crate::model::{Action, Host, Objective, Refusal, Step};

use super::board_query::line;
use super::identifiers::{name, shown, words};
use super::lb_overrides::{self, LbOverrides, PoolPair};
use super::pools::{PoolFacts, called, load_balancer, pair};
use super::{ActionSpec, PlanBody, PlanContext, refuse, target_cluster};

/// The action.
pub(super) const SPEC: ActionSpec = ActionSpec {
    action: Action::Failover,
    verb: "fail over",
    question: "Fail over which service?",
    command: "propose-failover",
    command_doc: "propose to move a service's traffic to DR",
    plain_doc: "build the plan to move a service's traffic to DR, and print it",
    sites: |objective| &objective.dr,
    note,
    next: |key| {
        let restore = key(Action::Restore);
        format!(
            "traffic was moved, and no recovery was seen since: if data is missing there, {restore} proposes to restore it"
        )
    },
    build: body,
};

/// Where its users go, and how soon they are to be served.
fn note(objective: &Objective, site: &str) -> String {
    match objective.dr.as_slice() {
        [] => "no DR cluster to move it to".to_owned(),
        _ => format!("{} → {site}   RTO {}", objective.primary, time::short(objective.rto_s)),
    }
}

/// One host name: its load balancer and the two pools, checked.
struct HostFailover<'a> {
    row: &'a Row,
    lb: &'a LoadBalancer,
    id: String,
    zone: String,
    host: String,
    primary: PoolFacts,
    dr: PoolFacts,
    order: Vec<String>,
    after: Vec<String>,
    moves: LbOverrides,
    /// Places that name the primary before DR.
    ahead: usize,
    /// What stands before its words where the plan is about several host names.
    about: String,
}

fn body(context: &PlanContext) -> Result<PlanBody, Refusal> {
    target_cluster::choose(context, &target_cluster::of_failover(context)?, body_on)
}

fn body_on(context: &PlanContext, site: &str) -> Result<PlanBody, Refusal> {
    let (edges, already) = host_failovers(context, site)?;
    edges.iter().try_for_each(dr_can_take_it)?;
    let (mut shown, mut warnings) = summary::table(&edges, context, site);
    shown.extend(already.iter().map(|it| line(&it.host, it.says.clone(), "stays as it is")));
    let mut steps: Vec<Step> = (1..).zip(&edges).map(|(n, edge)| steps::patch(edge, n)).collect();
    ask_all_first(&mut steps);
    match steps::wait(&edges, context, site)? {
        Some(step) => steps.push(step),
        None => warnings
            .push(format!("No probe watches {}: nothing will prove that users moved.", context.objective.service)),
    }
    let (title, confirm) = match edges.as_slice() {
        [edge] => {
            (format!("Fail over {} from {} to {}", edge.host, edge.primary.name, edge.dr.name), edge.host.clone())
        }
        several => {
            let service = name("the service", &context.objective.service)?;
            (format!("Fail over {} host names of {service} to {}", several.len(), words(site)), service)
        }
    };
    let locks = edges.iter().map(|edge| format!("{}/load_balancer/{}", edge.row.source, edge.id)).collect();
    Ok(PlanBody { title, locks, confirm, shown, warnings, steps })
}

/// The first write asks what every write relies on, so that what can't be done whole is not begun.
fn ask_all_first(steps: &mut [Step]) {
    let Some((first, rest)) = steps.split_first_mut() else { return };
    for pre in rest.iter().flat_map(|step| &step.pre) {
        if !first.pre.iter().any(|known| known.path == pre.path && known.src == pre.src) {
            first.pre.push(pre.clone());
        }
    }
}

/// A host name that goes to DR first already.
struct Already {
    host: String,
    says: String,
}

/// Every host name of the service that has to be moved, and those that are there already.
fn host_failovers<'a>(context: &PlanContext<'a>, site: &str) -> Result<(Vec<HostFailover<'a>>, Vec<Already>), Refusal> {
    let hosts = &context.objective.hosts;
    let (mut edges, mut already) = (Vec::new(), Vec::new());
    if hosts.is_empty() {
        return Err(no_pools(context));
    }
    for host in hosts {
        match host_failover(context, host, site)? {
            Ok(edge) => edges.push(edge),
            Err(there) => already.push(there),
        }
    }
    if edges.is_empty() {
        let says = already.iter().map(|it| format!("{} {}.", it.host, it.says)).collect::<Vec<_>>().join(" ");
        return Err(refuse(says, "There is nothing to move."));
    }
    if edges.len() > 1 {
        edges.iter_mut().for_each(|edge| edge.about = format!("{}: ", edge.host));
    }
    Ok((edges, already))
}

fn no_pools(context: &PlanContext) -> Refusal {
    refuse(
        format!("Service {} has no load balancer and pools configured.", words(&context.objective.service)),
        "Set load_balancer, primary_pool and dr_pool of the service in warroom.toml.",
    )
}

fn host_failover<'a>(
    context: &PlanContext<'a>,
    host: &Host,
    site: &str,
) -> Result<Result<HostFailover<'a>, Already>, Refusal> {
    let (Some(primary), Some(dr)) = (&host.primary_pool, host.dr_pool(site)) else {
        if host.primary_pool.is_none() || host.dr_pools.is_empty() {
            return Err(no_pools(context));
        }
        return Err(refuse(
            format!("No pool of {} is configured for {}.", words(site), words(&host.load_balancer)),
            "Set dr_pool of the service in warroom.toml: a list, one pool for each cluster in the order of dr.",
        ));
    };
    let host = &host.load_balancer;
    let (row, lb, refs) = load_balancer(context, host)?;
    let (primary, dr) = pair(context, row, &refs, (primary.as_str(), dr))?;
    let order = lb.default_pools.iter().map(|id| name("a pool", id)).collect::<Result<Vec<_>, _>>()?;
    name("the fallback pool", &lb.fallback_pool)?;
    policy_obeys_order(lb, &words(host))?;
    if dr.id == primary.id || !order.contains(&primary.id) {
        return Err(refuse(
            format!("{} is not among the pools of {}.", primary.name, words(host)),
            "Check primary_pool and dr_pool of the service against the load balancer.",
        ));
    }
    let pair = PoolPair { primary: &primary.id, dr: &dr.id, called: &|id| called(&primary, &dr, id) };
    let (moves, ahead) = (lb_overrides::moves(lb, &words(host), &pair)?, lb_overrides::ahead(lb, &pair));
    if order.first() == Some(&dr.id) && lb.fallback_pool == dr.id && moves.edits.is_empty() {
        let says = format!("already sends its traffic to {} first", dr.name);
        return Ok(Err(Already { host: words(host), says }));
    }
    let mut after = vec![dr.id.clone(), primary.id.clone()];
    after.extend(order.iter().filter(|id| **id != dr.id && **id != primary.id).cloned());
    Ok(Ok(HostFailover {
        row,
        id: name("the load balancer", &lb.id)?,
        zone: name("the zone", &lb.zone)?,
        host: name("the host", host)?,
        lb,
        primary,
        dr,
        order,
        after,
        moves,
        ahead,
        about: String::new(),
    }))
}

fn policy_obeys_order(lb: &LoadBalancer, host: &str) -> Result<(), Refusal> {
    if !lb.enabled {
        return Err(refuse(
            format!("Load balancer {host} is disabled: its pools carry no traffic."),
            "Its own A, AAAA or CNAME records answer, if there are any. Enable it, or change those records by hand.",
        ));
    }
    if !lb.policy.is("off") && !lb.policy.is("geo") {
        let policy = shown(&lb.policy.0);
        return Err(refuse(
            format!(
                "Reordering does nothing under policy \"{policy}\" of {host}: the order of its pools decides nothing."
            ),
            "Disable the primary pool at the provider by hand; that moves every user of it, and stops its health checks.",
        ));
    }
    Ok(())
}

fn dr_can_take_it(edge: &HostFailover) -> Result<(), Refusal> {
    let dr = &edge.dr;
    let (why, remedy) = match (dr.enabled, dr.healthy) {
        (None, _) => ("is not known to be enabled", "Wait for its data, or look at the provider's console."),
        (Some(false), _) => (
            "is disabled",
            "Check it by a preview at the provider (a POST that starts probes, so it is left to you), then enable it.",
        ),
        (_, Some(false)) => {
            ("is unhealthy", "Bring DR up first; moving traffic there would move users to another outage.")
        }
        _ if dr.shedding_percent > 0 => ("turns traffic away (load shedding)", "Clear its load shedding first."),
        _ if !dr.enough_origins => ("has too few enabled origins", "Enable its origins first."),
        _ => return Ok(()),
    };
    Err(refuse(format!("Pool {} {why}.", dr.name), remedy))
}

fn names(edge: &HostFailover, ids: &[String]) -> String {
    ids.iter().map(|id| name_of(edge, id)).collect::<Vec<_>>().join(" → ")
}

fn name_of(edge: &HostFailover, id: &str) -> String {
    called(&edge.primary, &edge.dr, id)
}
