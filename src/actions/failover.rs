//! Failover at the edge: the load balancer's pools are reordered so that DR comes first. One write, one host name; the
//! primary stays monitored and remains the second choice.
//!
//! Reordering moves users only where the order decides: under the effective policy `off` or `geo`, with nothing that
//! overrides it. Everything else is refused with the reason, because a plan that changes a list and moves nobody costs
//! the minutes that count.

use serde_json::{Value, json};

use crate::board::row::PoolRef;
use crate::board::{Body as RowBody, Row};
use crate::model::facts::LoadBalancer;
use crate::model::plan::{Check, Op, Pre, Shown, Target};
use crate::model::time;
use crate::model::{Refusal, SafeText, SourceId, Stamp, Step, Strategy, System};

use super::ident::{name, shown, words};
use super::lookup::{NONE, Parity, cluster_trouble, fresh, line, list, loss, parity, rows};
use super::pools::{PoolFacts, health_words, pool, unseen};
use super::{Body, Context, WAIT, refuse};

/// The write and its read-back.
const PATCH_LIMIT_S: u64 = 60;
/// Outside probes must see DR within this, or within what the TTL needs if that is longer.
const MOVE_LIMIT_S: u64 = 180;

/// The load balancer and the two pools, checked.
struct Edge<'a> {
    row: &'a Row,
    lb: &'a LoadBalancer,
    id: String,
    zone: String,
    host: String,
    primary: PoolFacts,
    dr: PoolFacts,
    order: Vec<String>,
    after: Vec<String>,
}

pub fn body(context: &Context) -> Result<Body, Refusal> {
    let edge = edge(context)?;
    policy_obeys_order(edge.lb, &edge.host)?;
    dr_can_take_it(&edge)?;
    let (shown, mut warnings) = table(&edge, context);
    let mut steps = vec![patch(&edge)];
    match wait(&edge, context)? {
        Some(step) => steps.push(step),
        None => warnings
            .push(format!("No probe watches {}: nothing will prove that users moved.", context.objective.service)),
    }
    Ok(Body {
        title: format!("Fail over {} from {} to {}", edge.host, edge.primary.name, edge.dr.name),
        locks: vec![format!("{}/load_balancer/{}", edge.row.source, edge.id)],
        confirm: edge.host,
        shown,
        warnings,
        steps,
    })
}

fn edge<'a>(context: &Context<'a>) -> Result<Edge<'a>, Refusal> {
    let objective = context.objective;
    let (Some(host), Some(primary), Some(dr)) = (&objective.load_balancer, &objective.primary_pool, &objective.dr_pool)
    else {
        return Err(refuse(
            format!("Service {} has no load balancer and pools configured.", words(&objective.service)),
            "Set load_balancer, primary_pool and dr_pool of the service in warroom.toml.",
        ));
    };
    let (row, lb, refs) = load_balancer(context, host)?;
    let primary = pool(context, row, &refs, primary)?;
    let dr = pool(context, row, &refs, dr)?;
    let order = lb.default_pools.iter().map(|id| name("a pool", id)).collect::<Result<Vec<_>, _>>()?;
    name("the fallback pool", &lb.fallback_pool)?;
    if dr.id == primary.id || !order.contains(&primary.id) {
        return Err(refuse(
            format!("{} is not among the pools of {}.", primary.name, words(host)),
            "Check primary_pool and dr_pool of the service against the load balancer.",
        ));
    }
    if order.first() == Some(&dr.id) && lb.fallback_pool == dr.id {
        return Err(refuse(
            format!("{} already sends its traffic to {} first.", words(host), dr.name),
            "There is nothing to move.",
        ));
    }
    let mut after = vec![dr.id.clone(), primary.id.clone()];
    after.extend(order.iter().filter(|id| **id != dr.id && **id != primary.id).cloned());
    Ok(Edge {
        row,
        id: name("the load balancer", &lb.id)?,
        zone: name("the zone", &lb.zone)?,
        host: name("the host", host)?,
        lb,
        primary,
        dr,
        order,
        after,
    })
}

/// The one load balancer of this name, with the pools that its row knows.
fn load_balancer<'a>(
    context: &Context<'a>,
    host: &str,
) -> Result<(&'a Row, &'a LoadBalancer, Vec<&'a PoolRef>), Refusal> {
    let found: Vec<_> = rows(context.board)
        .filter_map(|row| match &row.body {
            RowBody::LoadBalancer { lb, order, fallback, .. } if lb.name == *host => Some((row, lb, order, fallback)),
            _ => None,
        })
        .collect();
    let (row, lb, order, fallback) = match found.as_slice() {
        [one] => *one,
        [] => return Err(unseen(&format!("load balancer {}", words(host)))),
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
    Ok((row, lb, order.iter().chain(fallback).collect()))
}

fn policy_obeys_order(lb: &LoadBalancer, host: &str) -> Result<(), Refusal> {
    if !lb.enabled {
        return Err(refuse(
            format!("Load balancer {host} is disabled: its pools carry no traffic."),
            "Enable it at the provider, or change the DNS record by hand.",
        ));
    }
    if !lb.policy.is("off") && !lb.policy.is("geo") {
        return Err(refuse(
            format!("{host} steers by \"{}\": the order of its pools decides nothing.", shown(&lb.policy.0)),
            "Disable the primary pool at the provider by hand; reordering would move nobody.",
        ));
    }
    if !lb.overrides.is_empty() {
        return Err(refuse(
            format!("{host} has rules that override the order of its pools: {}.", list(&lb.overrides, 4)),
            "Change those by hand, or take them away first; reordering alone would leave users where they are.",
        ));
    }
    Ok(())
}

fn dr_can_take_it(edge: &Edge) -> Result<(), Refusal> {
    let dr = &edge.dr;
    let (why, remedy) = match (dr.enabled, dr.healthy) {
        (None, _) => ("is not known to be enabled", "Wait for its data, or look at the provider's console."),
        (Some(false), _) => ("is disabled", "Check it by a preview at the provider, then enable it."),
        (_, Some(false)) => {
            ("is unhealthy", "Bring DR up first; moving traffic there would move users to another outage.")
        }
        _ if dr.shedding_percent > 0 => ("sheds traffic away", "Clear its load shedding first."),
        _ if !dr.enough_origins => ("has too few enabled origins", "Enable its origins first."),
        _ => return Ok(()),
    };
    Err(refuse(format!("Pool {} {why}.", dr.name), remedy))
}

/// What must still hold right before the write: everything that the proposal and its table rest on.
fn patch_preconditions(edge: &Edge) -> Vec<Pre> {
    let (src, id, dr) = (&edge.row.source, &edge.id, &edge.dr);
    let pre = |seen: Stamp, path: String, op: Op, value: Value, says: String| Pre {
        path,
        op,
        value,
        src: src.clone(),
        read_at: seen,
        says,
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
        pre(
            seen,
            format!("lb/{id}/policy"),
            Op::Eq,
            json!(edge.lb.policy.as_str()),
            format!("the order decides (policy {})", edge.lb.policy.as_str()),
        ),
        pre(seen, format!("lb/{id}/overrides"), Op::Eq, json!(0), "no rule or pool set overrides the order".to_owned()),
        pre(dr.seen_at, format!("pool/{}/enabled", dr.id), Op::Eq, json!(true), format!("{} is enabled", dr.name)),
        pre(dr.seen_at, format!("pool/{}/healthy", dr.id), Op::In, healthy, health_words(dr)),
        pre(
            dr.seen_at,
            format!("pool/{}/shedding_percent", dr.id),
            Op::Le,
            json!(0),
            format!("{} sheds nothing", dr.name),
        ),
    ];
    // Nothing conditional can be sent to this API: that nobody wrote since is compared right before the write.
    if let Ok(modified) = name("the last change", edge.lb.modified_on.as_str()) {
        let says = format!("nobody changed {} since {modified}", edge.host);
        pres.push(pre(seen, format!("lb/{id}/modified_on"), Op::Eq, json!(modified), says));
    }
    pres
}

fn patch(edge: &Edge) -> Step {
    let (src, id, dr) = (&edge.row.source, &edge.id, &edge.dr);
    let check = |path: String, value: Value| Check { path, op: Op::Eq, value, src: src.clone() };
    Step {
        id: "1".to_owned(),
        adapter: "cloudflare.patch_load_balancer".to_owned(),
        target: Target { src: src.clone(), kind: "load_balancer".to_owned(), id: id.clone(), name: edge.host.clone() },
        params: json!({"zone": edge.zone, "body": {"default_pools": edge.after, "fallback_pool": dr.id}}),
        pre: patch_preconditions(edge),
        effect: format!("patch load balancer {}: {} first, and read it back", edge.host, dr.name),
        limit_s: PATCH_LIMIT_S,
        check: vec![
            check(format!("lb/{id}/default_pools"), json!(edge.after)),
            check(format!("lb/{id}/fallback_pool"), json!(dr.id)),
        ],
    }
}

/// Waits until every probe of the service is answered by DR alone. Whether the answers are good is not asked: after a
/// failover the data may still be missing, and that is the restore's part.
fn wait(edge: &Edge, context: &Context) -> Result<Option<Step>, Refusal> {
    let objective = context.objective;
    let site = name("the DR site", &objective.dr)?;
    let mut checks = Vec::new();
    for probe in &objective.probes {
        let src = SourceId::new(System::Probe, name("the probe", probe)?);
        checks.push(Check { path: format!("share/{site}"), op: Op::Ge, value: json!(100), src });
    }
    let Some(first) = checks.first().map(|c| c.src.clone()) else { return Ok(None) };
    let ttl = if edge.lb.proxied { 0 } else { u64::from(edge.lb.ttl_s.unwrap_or(0)) };
    let limit_s = MOVE_LIMIT_S.max(2 * ttl + 60);
    Ok(Some(Step {
        id: "2".to_owned(),
        adapter: WAIT.to_owned(),
        target: Target {
            kind: "probe".to_owned(),
            id: first.instance.clone(),
            name: first.instance.clone(),
            src: first,
        },
        params: Value::Null,
        pre: Vec::new(),
        effect: format!("wait until outside probes see {site} only (limit {})", time::words(limit_s)),
        limit_s,
        check: checks,
    }))
}

fn table(edge: &Edge, context: &Context) -> (Vec<Shown>, Vec<String>) {
    let (lb, objective) = (edge.lb, context.objective);
    let mut warnings = Vec::new();
    let sticky = match lb.session_affinity.as_str() {
        "" | "none" => "sticky sessions: none".to_owned(),
        _ => format!("sticky sessions: {}", shown(&lb.session_affinity.0)),
    };
    let moves = match (lb.proxied, lb.ttl_s) {
        (true, _) => format!("within seconds at the edge, {sticky}"),
        (false, Some(ttl)) => format!("within about {} (DNS TTL), {sticky}", time::words(u64::from(ttl))),
        (false, None) => format!("when DNS answers expire (TTL not known), {sticky}"),
    };
    let mut lines = vec![
        line("default pools", names(edge, &edge.order), names(edge, &edge.after)),
        line("fallback pool", name_of(edge, &lb.fallback_pool), edge.dr.name.clone()),
        line("users move", NONE, moves),
    ];
    let (lost, loss_warning) = you_lose(context);
    lines.push(line("you lose", NONE, lost));
    warnings.extend(loss_warning);
    if let Some(Parity { row, ok, total, laggards }) = parity(context.board, &objective.dr) {
        lines.push(line(&format!("apps on {}", words(&objective.dr)), format!("{ok} of {total} at parity"), NONE));
        if row.stale || ok < total {
            let names: Vec<SafeText> = laggards.iter().map(|(name, _)| name.clone()).collect();
            let who = if names.is_empty() { "not proven".to_owned() } else { list(&names, 3) };
            warnings.push(format!("{} has {ok} of {total} apps at parity: {who}", words(&objective.dr)));
        }
    }
    warnings.extend(cluster_trouble(context.board, &objective.primary, context.now));
    if edge.dr.healthy.is_none() {
        warnings.push(match edge.dr.monitored {
            true => format!("{}: its health is not known yet", edge.dr.name),
            false => format!("{} has no monitor: nothing proves that it is healthy", edge.dr.name),
        });
    }
    if !matches!(lb.session_affinity.as_str(), "" | "none") {
        warnings.push(format!("Sticky sessions stay on {} as long as its origins look healthy.", edge.primary.name));
    }
    if lb.proxied {
        warnings.push(format!(
            "Proxied: the TTL means nothing, and open connections to {} are not cut.",
            edge.primary.name
        ));
    }
    warnings.push("Terraform or another owner of this load balancer will revert it at its next apply.".to_owned());
    (lines, warnings)
}

fn you_lose(context: &Context) -> (String, Option<String>) {
    if context.objective.strategy == Strategy::ActiveActive {
        return ("what was not replicated yet; replication is not watched".to_owned(), None);
    }
    let point = rows(context.board).find_map(|row| match &row.body {
        RowBody::Service { name, restore_point, .. } if *name == context.objective.service => restore_point.as_ref(),
        _ => None,
    });
    match point {
        Some(point) => {
            let (text, within) = loss(context, point.name.as_str(), point.started);
            (text.clone(), (!within).then(|| format!("Data loss is over the objective: {text}")))
        }
        None => (
            "not known: no usable restore point".to_owned(),
            Some(format!("No usable restore point of {} is known.", words(&context.objective.service))),
        ),
    }
}

fn names(edge: &Edge, ids: &[String]) -> String {
    ids.iter().map(|id| name_of(edge, id)).collect::<Vec<_>>().join(" → ")
}

fn name_of(edge: &Edge, id: &str) -> String {
    [&edge.primary, &edge.dr].into_iter().find(|p| p.id == id).map_or_else(|| words(id), |p| p.name.clone())
}
