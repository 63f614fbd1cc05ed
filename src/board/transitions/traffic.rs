//! `probe.*`, `traffic.*`, `service.recovered`.

use std::collections::BTreeMap;

use serde_json::json;

use crate::model::entry::Transition;
use crate::model::facts::{LoadBalancer, Probe};
use crate::model::{ClusterRole, SafeText, Stamp, Strategy, TransitionKind};

use super::super::row::{ClusterRow, LoadBalancerRow, PointSummary, PoolRef, Row, ServiceRow, Topic, Verdict};
use super::super::traffic::answer;
use super::{BoardDiff, stamp};

fn fails(probe: &Probe) -> bool {
    !probe.ok && probe.samples > 0
}

/// So many answers, or what came in so many seconds, say whether a service is well again that failed before the room
/// started.
const ENOUGH: u32 = 3;
const FILLS_S: i64 = 60;

/// A window with a bad sample in it. Transitions go by the window: a service that comes back answer by answer fails once and
/// is back once, instead of at every other answer.
fn spoilt(probe: &Probe) -> bool {
    fails(probe) || probe.good < probe.samples
}

/// The newest usable restore point of a service, as judged now.
fn point<'a>(pair: &BoardDiff<'a>, service: &str) -> Option<&'a PointSummary> {
    let mut services = pair.new.rows(Topic::Services).iter().filter_map(Row::as_kind::<ServiceRow>);
    services.find(|it| it.name == service)?.restore_point.as_ref()
}

pub(super) fn probes(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Traffic) {
        let Some(is) = row.as_kind::<Probe>() else { continue };
        let was = pair.standing.get(&TransitionKind::ProbeFailing, &is.name);
        let was_bad = was.is_some();
        let subject = SafeText::new(&is.name);
        let mut edge = if spoilt(is) && !was_bad {
            // Where the newest answer is good again already, nobody can say when the bad one was.
            let since = fails(is).then_some(is.since);
            let from = is.site.as_ref().map(|site| format!(" from {site}")).unwrap_or_default();
            let how = if fails(is) { answer(is) } else { format!("{} of {} answers well", is.good, is.samples) };
            let says = format!("Users of {} fail: {} answers {how}{from}", is.service, is.url);
            pair.transition(TransitionKind::ProbeFailing, row, since, Verdict::Critical, &subject, says)
        } else if !spoilt(is) && was.is_some_and(|told| is.samples >= ENOUGH || pair.is_known_again(told, FILLS_S)) {
            let says = format!("{} gives good answers again", is.url);
            pair.transition(TransitionKind::ProbeOk, row, Some(is.since), Verdict::Ok, &subject, says)
        } else {
            continue;
        };
        edge.service = Some(is.service.clone());
        let mut figures = json!({ "status": is.status, "site": is.site });
        if let Some(point) = point(pair, &is.service).filter(|point| spoilt(is) && point.started <= edge.at) {
            figures["restore_point"] = json!(point.name);
            figures["started"] = stamp(point.started);
        }
        edge.figures = figures;
        out.push(edge);
    }
}

pub(super) fn load_balancers(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Traffic) {
        let Some(LoadBalancerRow { lb, order, fallback, service, .. }) = row.as_kind() else { continue };
        let is = pool_names(order);
        let Some(Before { order: was, since, modified_on }) = order_before(pair, row, lb, &is) else { continue };
        let fallback = fallback.as_ref().map(|pool| format!(", fallback {}", pool.name)).unwrap_or_default();
        let says = format!("{}: the order is now {}{fallback}; it was {}", lb.name, arrows(&is), arrows(&was));
        // Cloudflare says when it was written; believed only within what we saw ourselves.
        let written = lb
            .modified_on
            .as_str()
            .parse::<Stamp>()
            .ok()
            .filter(|at| modified_on != Some(&lb.modified_on) && *at >= since && *at <= row.seen_at);
        let mut edge = pair.transition(TransitionKind::TrafficOrder, row, written, Verdict::Info, &lb.name, says);
        edge.service = service.clone();
        edge.figures = json!({
            "order": is,
            "was": was,
        });
        out.push(edge);
    }
}

/// How a load balancer was before, if that differs.
struct Before<'a> {
    order: Vec<String>,
    /// When it was seen so last.
    since: Stamp,
    modified_on: Option<&'a SafeText>,
}

/// As it was at the look before; at the first one, as the log says if it says anything.
fn order_before<'a>(pair: &BoardDiff<'a>, row: &Row, lb: &LoadBalancer, is: &[String]) -> Option<Before<'a>> {
    match pair.before(Topic::Traffic, row).and_then(Row::with_kind) {
        Some((before, LoadBalancerRow { lb: old, order, .. })) => {
            let same = lb.default_pools == old.default_pools && lb.fallback_pool == old.fallback_pool;
            let order = pool_names(order);
            (!same).then_some(Before { order, since: before.seen_at, modified_on: Some(&old.modified_on) })
        }
        _ => {
            let told = pair.standing.get(&TransitionKind::TrafficOrder, lb.name.as_str())?;
            let order: Vec<String> = serde_json::from_value(told.figures.get("order")?.clone()).ok()?;
            (order != is).then_some(Before { order, since: told.at, modified_on: None })
        }
    }
}

fn pool_names(order: &[PoolRef]) -> Vec<String> {
    order.iter().map(|pool| pool.name.to_string()).collect()
}

fn arrows(order: &[String]) -> String {
    order.join(" → ")
}

struct ServiceHealth<'a> {
    name: &'a str,
    strategy: Strategy,
    sites: &'a BTreeMap<String, u32>,
    good_percent: Option<u32>,
    failing: bool,
}

fn service(row: &Row) -> Option<ServiceHealth<'_>> {
    let ServiceRow { name, strategy, sites, good_percent, failing_since, .. } = row.as_kind()?;
    let failing = failing_since.is_some();
    Some(ServiceHealth { name, strategy: *strategy, sites, good_percent: *good_percent, failing })
}

impl ServiceHealth<'_> {
    /// The one site that gives all answers, if there is one.
    fn only_site(&self) -> Option<&str> {
        match self.sites.iter().next() {
            Some((site, 100)) if self.sites.len() == 1 => Some(site),
            _ => None,
        }
    }

    fn is_well(&self) -> bool {
        self.good_percent == Some(100) && !self.failing
    }
}

pub(super) fn services(pair: &BoardDiff<'_>, out: &mut Vec<Transition>) {
    for row in pair.rows(Topic::Services) {
        let Some(is) = service(row) else { continue };
        let was = pair.before(Topic::Services, row).and_then(service);
        let subject = SafeText::new(is.name);
        if let Some((from, to)) = was.and_then(|was| moved(pair, &was, &is)) {
            let origin = if from.is_empty() { String::new() } else { format!(", none from {from}") };
            let says = format!("All answers of {} come from {to}{origin}", is.name);
            let mut edge = pair.transition(TransitionKind::TrafficMoved, row, None, Verdict::Info, &subject, says);
            edge.service = Some(is.name.to_owned());
            edge.figures = json!({ "from": from, "to": to });
            out.push(edge);
        }
        if pair.standing.is_unwell(is.name) && is.is_well() && is_known(pair, is.name) {
            let site = is.only_site().unwrap_or_default();
            let from = if site.is_empty() { String::new() } else { format!(" from {site}") };
            let says = format!("{} is back: 100 % good answers{from}", is.name);
            let mut edge = pair.transition(TransitionKind::ServiceRecovered, row, None, Verdict::Ok, &subject, says);
            edge.service = Some(is.name.to_owned());
            edge.figures = json!({ "site": site, "good_percent": 100 });
            out.push(edge);
        }
    }
}

/// Whether the probes of a service have asked often enough to say how it is since the room started.
fn is_known(pair: &BoardDiff<'_>, service: &str) -> bool {
    let probes =
        || pair.new.rows(Topic::Traffic).iter().filter_map(Row::as_kind::<Probe>).filter(|it| it.service == service);
    let waited = (pair.now - pair.memory.began).num_seconds() >= FILLS_S;
    waited || probes().next().is_none() || probes().all(|it| it.samples >= ENOUGH)
}

/// From where to where all traffic moved. Where both sides serve, a window of a few samples proves no move.
fn moved(pair: &BoardDiff<'_>, was: &ServiceHealth<'_>, is: &ServiceHealth<'_>) -> Option<(String, String)> {
    let to = is.only_site()?;
    if is.strategy == Strategy::ActiveActive || was.only_site() == Some(to) {
        return None;
    }
    let others = was.sites.iter().filter(|(site, _)| *site != to);
    if let Some((from, _)) = others.max_by_key(|(site, percent)| (**percent, (*site).clone())) {
        return Some((from.clone(), to.to_owned()));
    }
    // Nobody answered before: it moved if the one who answers now is the other side.
    (was.sites.is_empty() && was.good_percent.is_some() && role(pair, to) == Some(ClusterRole::Dr))
        .then(|| (primary(pair).unwrap_or_default(), to.to_owned()))
}

fn role(pair: &BoardDiff<'_>, cluster: &str) -> Option<ClusterRole> {
    clusters(pair).find(|it| it.name == cluster).map(|it| it.role)
}

fn primary(pair: &BoardDiff<'_>) -> Option<String> {
    clusters(pair).find(|it| it.role == ClusterRole::Primary).map(|it| it.name.clone())
}

fn clusters<'a>(pair: &BoardDiff<'a>) -> impl Iterator<Item = &'a ClusterRow> + use<'a> {
    pair.new.rows(Topic::Clusters).iter().filter_map(Row::as_kind)
}
