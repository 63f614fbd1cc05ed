//! The steps of a failover: one write for each host name, and the wait for its users.

use serde_json::{Value, json};

use crate::actions::PlanContext;
use crate::actions::identifiers::name;
use crate::actions::pools::health_words;
use crate::model::facts::LoadBalancer;
use crate::model::plan::{Op, Pre, StepCheck, Target};
use crate::model::read_path::{CloudflarePath, LoadBalancerField, PoolField, ProbePath};
use crate::model::step_request::{PatchLoadBalancer, PoolOrder};
use crate::model::{Refusal, SourceId, Step, StepRequest, System, time};

use super::{HostFailover, name_of, names};

/// The write and its read-back.
const PATCH_LIMIT_S: u64 = 60;
/// Outside probes must see DR within this, or within what the TTL needs if that is longer.
const MOVE_LIMIT_S: u64 = 180;

/// What must still hold right before the write: everything that the proposal and its table rest on.
fn patch_preconditions(edge: &HostFailover) -> Vec<Pre> {
    let (src, id, dr) = (&edge.row.source, &edge.id, &edge.dr);
    let of_lb = |field: LoadBalancerField, value: Value, says: String| Pre {
        path: CloudflarePath::LoadBalancer { id: id.clone(), field }.into(),
        op: Op::Eq,
        value,
        src: src.clone(),
        read_at: edge.row.seen_at,
        says: format!("{}{says}", edge.about),
    };
    // What is said of a pool names it, and holds for every host name.
    let of_dr = |field: PoolField, op: Op, value: Value, says: String| Pre {
        path: CloudflarePath::Pool { id: dr.id.clone(), field }.into(),
        op,
        value,
        src: src.clone(),
        read_at: dr.seen_at,
        says,
    };
    let healthy = match dr.healthy {
        Some(_) => json!([true]),
        None => json!([true, null]),
    };
    let mut pres = vec![
        of_lb(LoadBalancerField::DefaultPools, json!(edge.order), format!("pools are {}", names(edge, &edge.order))),
        of_lb(
            LoadBalancerField::FallbackPool,
            json!(edge.lb.fallback_pool),
            format!("fallback is {}", name_of(edge, &edge.lb.fallback_pool)),
        ),
        of_lb(LoadBalancerField::Enabled, json!(true), format!("{} is enabled", edge.host)),
        of_lb(LoadBalancerField::Policy, json!(edge.lb.policy.as_str()), policy_words(edge.lb)),
        of_lb(LoadBalancerField::Overrides, json!(edge.lb.overrides.len()), overrides_words(edge.lb)),
        of_dr(PoolField::Enabled, Op::Eq, json!(true), format!("{} is enabled", dr.name)),
        of_dr(PoolField::Healthy, Op::In, healthy, health_words(dr)),
        of_dr(
            PoolField::SheddingPercent,
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
    let pre = |path: CloudflarePath, value: Value, says: String| Pre {
        path: path.into(),
        op: Op::Eq,
        value,
        src: edge.row.source.clone(),
        read_at: edge.row.seen_at,
        says: format!("{}{says}", edge.about),
    };
    let mut pres = Vec::new();
    for (part, digest) in &edge.moves.was {
        let says = format!("the {part} are as they were when this was proposed");
        let path = CloudflarePath::LoadBalancerDigest { id: id.clone(), part: part.clone() };
        pres.push(pre(path, json!(digest), says));
    }
    if edge.ahead > 0 {
        let says = format!("{} places name {} before {}", edge.ahead, edge.primary.name, edge.dr.name);
        pres.push(pre(ahead_path(edge), json!(edge.ahead), says));
    }
    if let Ok(modified) = name("the last change", edge.lb.modified_on.as_str()) {
        let says = format!("nobody changed {} since {}", edge.host, time::told(&modified, edge.row.seen_at));
        let path = CloudflarePath::LoadBalancer { id: id.clone(), field: LoadBalancerField::ModifiedOn };
        pres.push(pre(path, json!(modified), says));
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
fn ahead_path(edge: &HostFailover) -> CloudflarePath {
    CloudflarePath::LoadBalancerAhead { id: edge.id.clone(), first: edge.primary.id.clone(), then: edge.dr.id.clone() }
}

pub(super) fn patch(edge: &HostFailover, n: usize) -> Step {
    let (src, id, dr) = (&edge.row.source, &edge.id, &edge.dr);
    let check =
        |path: CloudflarePath, value: Value| StepCheck { path: path.into(), op: Op::Eq, value, src: src.clone() };
    let of_lb = |field| CloudflarePath::LoadBalancer { id: id.clone(), field };
    let request = PatchLoadBalancer {
        zone: edge.zone.clone(),
        body: PoolOrder { default_pools: edge.after.clone(), fallback_pool: dr.id.clone() },
        edits: edge.moves.edits.clone(),
        was: edge.moves.was.clone(),
    };
    // Only what changes can prove the write: what was so before would look half applied after an interruption.
    let mut checks = Vec::new();
    if edge.after != edge.order {
        checks.push(check(of_lb(LoadBalancerField::DefaultPools), json!(edge.after)));
    }
    if edge.lb.fallback_pool != dr.id {
        checks.push(check(of_lb(LoadBalancerField::FallbackPool), json!(dr.id)));
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
        request: request.into(),
        target: Target { src: src.clone(), kind: "load_balancer".to_owned(), id: id.clone(), name: edge.host.clone() },
        pre: patch_preconditions(edge),
        effect: format!("patch load balancer {}: {} first{more}, and read it back", edge.host, dr.name),
        limit_s: PATCH_LIMIT_S,
        check: checks,
    }
}

/// Waits until every probe of the service is answered by DR alone. Whether the answers are good is not asked: after a
/// failover the data may still be missing, and that is the restore's part.
pub(super) fn wait(edges: &[HostFailover], context: &PlanContext, site: &str) -> Result<Option<Step>, Refusal> {
    let objective = context.objective;
    let site = name("the DR site", site)?;
    let mut checks = Vec::new();
    for probe in &objective.probes {
        let src = SourceId::new(System::Probe, name("the probe", probe)?);
        checks.push(StepCheck { path: ProbePath::Share(site.clone()).into(), op: Op::Ge, value: json!(100), src });
    }
    let Some(first) = checks.first().map(|c| c.src.clone()) else { return Ok(None) };
    let ttl_of = |edge: &HostFailover| if edge.lb.proxied { 0 } else { u64::from(edge.lb.ttl_s.unwrap_or(0)) };
    let ttl = edges.iter().map(ttl_of).max().unwrap_or(0);
    let limit_s = MOVE_LIMIT_S.max(2 * ttl + 60);
    Ok(Some(Step {
        id: (edges.len() + 1).to_string(),
        request: StepRequest::Wait,
        target: Target {
            kind: "probe".to_owned(),
            id: first.instance.clone(),
            name: first.instance.clone(),
            src: first,
        },
        pre: Vec::new(),
        effect: format!("wait until outside probes see {site} only"),
        limit_s,
        check: checks,
    }))
}
