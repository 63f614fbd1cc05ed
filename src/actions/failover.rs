//! Failover at the edge: each load balancer's pools are reordered so that DR comes first. One write for each host name of
//! the service, all in one plan; the primary stays monitored and remains the second choice.
//!
//! Reordering moves users only where the order decides: under the effective policy `off` or `geo`. Every other place that
//! names the primary (rules, pool sets, lists by place) comes along in the same write, or there is no plan: one that
//! changes a list and moves nobody, or only some, costs the minutes that count.

mod summary;

use serde_json::{Value, json};

use crate::board::Row;
use crate::model::facts::LoadBalancer;
use crate::model::plan::{Op, Pre, StepCheck, Target};
use crate::model::time;
use crate::model::{Host, Refusal, SourceId, Stamp, Step, System};

use super::board_query::line;
use super::identifiers::{name, shown, words};
use super::lb_overrides::{self, LbOverrides, PoolPair};
use super::pools::{PoolFacts, called, health_words, load_balancer, pair};
use super::{PlanBody, PlanContext, WAIT, refuse, target_cluster};

/// The write and its read-back.
const PATCH_LIMIT_S: u64 = 60;
/// Outside probes must see DR within this, or within what the TTL needs if that is longer.
const MOVE_LIMIT_S: u64 = 180;

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

pub fn body(context: &PlanContext) -> Result<PlanBody, Refusal> {
    target_cluster::choose(context, &target_cluster::of_failover(context)?, body_on)
}

fn body_on(context: &PlanContext, site: &str) -> Result<PlanBody, Refusal> {
    let (edges, already) = host_failovers(context, site)?;
    edges.iter().try_for_each(dr_can_take_it)?;
    let (mut shown, mut warnings) = summary::table(&edges, context, site);
    shown.extend(already.iter().map(|it| line(&it.host, it.says.clone(), "stays as it is")));
    let mut steps: Vec<Step> = (1..).zip(&edges).map(|(n, edge)| patch(edge, n)).collect();
    ask_all_first(&mut steps);
    match wait(&edges, context, site)? {
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

/// What must still hold right before the write: everything that the proposal and its table rest on.
fn patch_preconditions(edge: &HostFailover) -> Vec<Pre> {
    let (src, id, dr) = (&edge.row.source, &edge.id, &edge.dr);
    let pre = |seen: Stamp, path: String, op: Op, value: Value, says: String| {
        // What is said of a pool names it, and holds for every host name.
        let says = if path.starts_with("lb/") { format!("{}{says}", edge.about) } else { says };
        Pre { path, op, value, src: src.clone(), read_at: seen, says }
    };
    let seen = edge.row.seen_at;
    let healthy = match dr.healthy {
        Some(_) => json!([true]),
        None => json!([true, null]),
    };
    let mut pres = vec![
        pre(
            seen,
            format!("lb/{id}/default_pools"),
            Op::Eq,
            json!(edge.order),
            format!("pools are {}", names(edge, &edge.order)),
        ),
        pre(
            seen,
            format!("lb/{id}/fallback_pool"),
            Op::Eq,
            json!(edge.lb.fallback_pool),
            format!("fallback is {}", name_of(edge, &edge.lb.fallback_pool)),
        ),
        pre(seen, format!("lb/{id}/enabled"), Op::Eq, json!(true), format!("{} is enabled", edge.host)),
        pre(seen, format!("lb/{id}/policy"), Op::Eq, json!(edge.lb.policy.as_str()), policy_words(edge.lb)),
        pre(seen, format!("lb/{id}/overrides"), Op::Eq, json!(edge.lb.overrides.len()), overrides_words(edge.lb)),
        pre(dr.seen_at, format!("pool/{}/enabled", dr.id), Op::Eq, json!(true), format!("{} is enabled", dr.name)),
        pre(dr.seen_at, format!("pool/{}/healthy", dr.id), Op::In, healthy, health_words(dr)),
        pre(
            dr.seen_at,
            format!("pool/{}/shedding_percent", dr.id),
            Op::Le,
            json!(0),
            format!("{} turns no traffic away (load shedding is off)", dr.name),
        ),
    ];
    pres.extend(unchanged(edge));
    pres
}

/// That nobody wrote since: nothing conditional can be sent to this API, so it is compared right before the write.
fn unchanged(edge: &HostFailover) -> Vec<Pre> {
    let id = &edge.id;
    let pre = |path: String, value: Value, says: String| Pre {
        path,
        op: Op::Eq,
        value,
        src: edge.row.source.clone(),
        read_at: edge.row.seen_at,
        says: format!("{}{says}", edge.about),
    };
    let mut pres = Vec::new();
    for (part, digest) in &edge.moves.was {
        let says = format!("the {part} are as they were when this was proposed");
        pres.push(pre(format!("lb/{id}/digest/{part}"), digest.clone(), says));
    }
    if edge.ahead > 0 {
        let says = format!("{} places name {} before {}", edge.ahead, edge.primary.name, edge.dr.name);
        pres.push(pre(ahead_path(edge), json!(edge.ahead), says));
    }
    if let Ok(modified) = name("the last change", edge.lb.modified_on.as_str()) {
        let says = format!("nobody changed {} since {}", edge.host, time::told(&modified, edge.row.seen_at));
        pres.push(pre(format!("lb/{id}/modified_on"), json!(modified), says));
    }
    pres
}

fn policy_words(lb: &LoadBalancer) -> String {
    match lb.policy.as_str() {
        "off" => "the order of the pools decides where users go".to_owned(),
        _ => format!("places, then the order of the pools, decide where users go (policy {})", lb.policy.as_str()),
    }
}

fn overrides_words(lb: &LoadBalancer) -> String {
    match lb.overrides.len() {
        0 => "no rule or pool set overrides the order".to_owned(),
        n => format!("{n} rules, pool sets or maps may override the order, as listed"),
    }
}

/// How many places still have the primary before DR, as the adapter counts them.
fn ahead_path(edge: &HostFailover) -> String {
    format!("lb/{}/ahead/{}/{}", edge.id, edge.primary.id, edge.dr.id)
}

fn patch(edge: &HostFailover, n: usize) -> Step {
    let (src, id, dr) = (&edge.row.source, &edge.id, &edge.dr);
    let check = |path: String, value: Value| StepCheck { path, op: Op::Eq, value, src: src.clone() };
    let mut params = json!({"zone": edge.zone, "body": {"default_pools": edge.after, "fallback_pool": dr.id}});
    if !edge.moves.edits.is_empty() {
        params["edits"] = json!(edge.moves.edits);
        params["was"] = json!(edge.moves.was);
    }
    // Only what changes can prove the write: what was so before would look half applied after an interruption.
    let mut checks = Vec::new();
    if edge.after != edge.order {
        checks.push(check(format!("lb/{id}/default_pools"), json!(edge.after)));
    }
    if edge.lb.fallback_pool != dr.id {
        checks.push(check(format!("lb/{id}/fallback_pool"), json!(dr.id)));
    }
    if edge.ahead > 0 {
        checks.push(check(ahead_path(edge), json!(0)));
    }
    let more = match edge.moves.edits.len() {
        0 => String::new(),
        1 => " there and in 1 more place".to_owned(),
        n => format!(" there and in {n} more places"),
    };
    Step {
        id: n.to_string(),
        adapter: "cloudflare.patch_load_balancer".to_owned(),
        target: Target { src: src.clone(), kind: "load_balancer".to_owned(), id: id.clone(), name: edge.host.clone() },
        params,
        pre: patch_preconditions(edge),
        effect: format!("patch load balancer {}: {} first{more}, and read it back", edge.host, dr.name),
        limit_s: PATCH_LIMIT_S,
        check: checks,
    }
}

/// Waits until every probe of the service is answered by DR alone. Whether the answers are good is not asked: after a
/// failover the data may still be missing, and that is the restore's part.
fn wait(edges: &[HostFailover], context: &PlanContext, site: &str) -> Result<Option<Step>, Refusal> {
    let objective = context.objective;
    let site = name("the DR site", site)?;
    let mut checks = Vec::new();
    for probe in &objective.probes {
        let src = SourceId::new(System::Probe, name("the probe", probe)?);
        checks.push(StepCheck { path: format!("share/{site}"), op: Op::Ge, value: json!(100), src });
    }
    let Some(first) = checks.first().map(|c| c.src.clone()) else { return Ok(None) };
    let ttl_of = |edge: &HostFailover| if edge.lb.proxied { 0 } else { u64::from(edge.lb.ttl_s.unwrap_or(0)) };
    let ttl = edges.iter().map(ttl_of).max().unwrap_or(0);
    let limit_s = MOVE_LIMIT_S.max(2 * ttl + 60);
    Ok(Some(Step {
        id: (edges.len() + 1).to_string(),
        adapter: WAIT.to_owned(),
        target: Target {
            kind: "probe".to_owned(),
            id: first.instance.clone(),
            name: first.instance.clone(),
            src: first,
        },
        params: Value::Null,
        pre: Vec::new(),
        effect: format!("wait until outside probes see {site} only"),
        limit_s,
        check: checks,
    }))
}

fn names(edge: &HostFailover, ids: &[String]) -> String {
    ids.iter().map(|id| name_of(edge, id)).collect::<Vec<_>>().join(" → ")
}

fn name_of(edge: &HostFailover, id: &str) -> String {
    called(&edge.primary, &edge.dr, id)
}
