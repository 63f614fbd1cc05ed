//! Where new traffic goes by a load balancer's own steering: by order, by place, by weight, or to the best for each user.
//!
//! What is configured to be so is no warning; nor is what can't be computed here, such as the condition of a rule.

use std::collections::BTreeMap;

use crate::model::SafeText;
use crate::model::facts::{LoadBalancer, PlaceRole, Pool};

use super::row::{Route, Verdict};
use super::row_builder::{Opinion, names};

type Pools<'a> = BTreeMap<&'a str, &'a Pool>;

/// The maps by place; under `geo` each key of them has an order of its own.
const MAPS: [&str; 3] = ["region_pools/", "country_pools/", "pop_pools/"];

/// Where traffic goes: to one pool, or in parts.
#[derive(Default)]
pub(super) struct Steered {
    /// The one pool that takes all of it.
    pub to: Option<SafeText>,
    /// The parts, where they differ or where some of them can't be told.
    pub routes: Vec<Route>,
}

/// Whether a pool takes new traffic.
enum Takes {
    Yes,
    No,
    Unsure(&'static str),
}

/// Where what follows one order goes.
enum Goes<'a> {
    /// To this pool, the n-th of the order.
    To(usize, &'a str),
    /// Nobody in the order is well: to the fallback, whatever its health.
    Fallback(&'a str),
    /// To nobody: even the fallback is switched off.
    Nowhere,
    Unknown(&'static str),
}

/// Whether every place that was asked sees the pool alike.
pub(super) fn agreed(pool: &Pool) -> bool {
    let ok = pool.places.iter().filter(|(_, healthy)| *healthy).count();
    !pool.places.is_empty() && (ok == 0 || ok == pool.places.len())
}

/// What users get once nobody is left.
pub(super) fn nobody(lb: &LoadBalancer) -> &'static str {
    if lb.proxied { "530 (error 1016)" } else { "no address (a bare SOA)" }
}

/// Where the traffic of a load balancer goes, and what is to be said about that.
pub(super) fn steered(lb: &LoadBalancer, pools: &Pools<'_>, opinion: &mut Opinion) -> Steered {
    let at = SteeredBalancer { lb, pools };
    if !lb.enabled {
        let why = "it is disabled, so its A, AAAA or CNAME records answer instead, or nothing does";
        opinion.because(Verdict::Unknown, format!("can't tell where traffic goes: {why}"));
        return Steered::default();
    }
    let found = match lb.policy.as_str() {
        "off" => at.by_order(opinion),
        "geo" => at.by_place(opinion),
        "random" => at.by_weight(opinion),
        "dynamic_latency" => at.best("if fastest", opinion),
        "proximity" => at.best("if nearest", opinion),
        "least_outstanding_requests" => at.best("if it has the fewest open requests", opinion),
        "least_connections" => at.best("if it has the fewest connections", opinion),
        other => {
            opinion.because(Verdict::Warning, format!("policy `{other}` is not known: can't tell where traffic goes"));
            Steered::default()
        }
    };
    by_rules(lb, found, opinion)
}

struct SteeredBalancer<'a, 'p> {
    lb: &'a LoadBalancer,
    pools: &'a Pools<'p>,
}

impl<'a> SteeredBalancer<'a, '_> {
    fn name(&self, id: &str) -> SafeText {
        self.pools.get(id).map_or_else(|| SafeText::new(id), |pool| pool.name.clone())
    }

    fn takes(&self, id: &str) -> Takes {
        let Some(pool) = self.pools.get(id) else { return Takes::Unsure("a pool of the order can't be read") };
        match pool.healthy {
            _ if !pool.enabled || pool.shedding_percent >= 100 => Takes::No,
            _ if pool.shedding_percent > 0 => Takes::Unsure("a pool sheds part of its traffic"),
            _ if !pool.monitored => Takes::Yes,
            _ if pool.regional && !agreed(pool) => Takes::Unsure("each region judges the health of a pool for itself"),
            Some(true) => Takes::Yes,
            Some(false) => Takes::No,
            None => Takes::Unsure("the health of a pool is not known"),
        }
    }

    fn first(&self, order: &'a [String]) -> Goes<'a> {
        for (n, id) in order.iter().enumerate() {
            match self.takes(id) {
                Takes::Yes => return Goes::To(n, id),
                Takes::No => {}
                Takes::Unsure(why) => return Goes::Unknown(why),
            }
        }
        self.last()
    }

    fn last(&self) -> Goes<'a> {
        match self.pools.get(self.lb.fallback_pool.as_str()) {
            Some(pool) if !pool.enabled => Goes::Nowhere,
            _ => Goes::Fallback(&self.lb.fallback_pool),
        }
    }

    /// The pool that one order leads to. `part`: whose order it is, where there are several.
    fn follow(&self, order: &'a [String], part: &str, opinion: &mut Opinion) -> Option<SafeText> {
        let part = if part.is_empty() { String::new() } else { format!("{part}: ") };
        match self.first(order) {
            Goes::To(0, id) => Some(self.name(id)),
            Goes::To(_, id) => {
                let (first, to) = (order.first().map(|id| self.name(id)).unwrap_or_default(), self.name(id));
                opinion.because(Verdict::Warning, format!("{part}{first} takes no traffic: it goes to {to}"));
                Some(to)
            }
            goes => self.end(&goes, &part, opinion),
        }
    }

    fn end(&self, goes: &Goes<'_>, part: &str, opinion: &mut Opinion) -> Option<SafeText> {
        match goes {
            Goes::To(_, id) => Some(self.name(id)),
            Goes::Fallback(id) => {
                let to = self.name(id);
                let why = format!("{part}no pool of the order is healthy: traffic falls back to {to}");
                opinion.because(Verdict::Critical, why);
                Some(to)
            }
            Goes::Nowhere => {
                let get = nobody(self.lb);
                let why = format!("{part}no pool is healthy and the fallback is disabled: users get {get}");
                opinion.because(Verdict::Critical, why);
                None
            }
            Goes::Unknown(why) => {
                opinion.because(Verdict::Unknown, format!("{part}can't tell where traffic goes: {why}"));
                None
            }
        }
    }

    fn by_order(&self, opinion: &mut Opinion) -> Steered {
        Steered { to: self.follow(&self.lb.default_pools, "", opinion), routes: Vec::new() }
    }

    /// Each place has an order of its own; whoever is in none of them follows the order of the load balancer.
    fn by_place(&self, opinion: &mut Opinion) -> Steered {
        let own = |path: &'a str| MAPS.iter().find_map(|map| path.strip_prefix(map));
        let places = self.lb.places.iter().filter(|it| it.role == PlaceRole::Order);
        let mut orders: Vec<(&str, &[String])> =
            places.filter_map(|it| Some((own(&it.path)?, it.pools.as_slice()))).collect();
        if orders.is_empty() {
            return self.by_order(opinion);
        }
        orders.push(("elsewhere", &self.lb.default_pools));
        let route = |(of, order): (&str, &'a [String])| Route {
            of: SafeText::new(of),
            to: self.follow(order, of, opinion),
            percent: None,
        };
        let routes: Vec<Route> = orders.into_iter().map(route).collect();
        in_parts(routes, opinion)
    }

    fn by_weight(&self, opinion: &mut Opinion) -> Steered {
        let weight =
            |id: &str| self.lb.weights.as_ref().map_or(1_000, |it| it.of.get(id).copied().unwrap_or(it.default));
        let (weighted, idle): (Vec<&String>, Vec<&String>) =
            self.lb.default_pools.iter().partition(|id| weight(id) > 0);
        let Some(up) = self.those_that_take(&weighted, opinion) else { return Steered::default() };
        if up.is_empty() && idle.iter().any(|id| matches!(self.takes(id), Takes::Yes)) {
            let why = "no pool with a weight is healthy, and what then becomes of the traffic is not known";
            opinion.because(Verdict::Warning, why);
            return Steered::default();
        }
        let all: u64 = up.iter().map(|id| u64::from(weight(id))).sum();
        let percent = |id: &str| (u64::from(weight(id)) * 100 + all / 2).checked_div(all).unwrap_or(0) as u32;
        self.spread(&up, |id| ("", Some(percent(id))), opinion)
    }

    /// Each user has another best pool, which only the provider knows.
    fn best(&self, of: &str, opinion: &mut Opinion) -> Steered {
        let all: Vec<&String> = self.lb.default_pools.iter().collect();
        let Some(up) = self.those_that_take(&all, opinion) else { return Steered::default() };
        self.spread(&up, |_| (of, None), opinion)
    }

    /// `None` = that can't be told of one of them.
    fn those_that_take<'b>(&self, ids: &[&'b String], opinion: &mut Opinion) -> Option<Vec<&'b String>> {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for id in ids {
            match self.takes(id) {
                Takes::Yes => up.push(*id),
                Takes::No => down.push(self.name(id)),
                Takes::Unsure(why) => {
                    opinion.because(Verdict::Unknown, format!("can't tell where traffic goes: {why}"));
                    return None;
                }
            }
        }
        if !up.is_empty() && !down.is_empty() {
            let others: Vec<SafeText> = up.iter().map(|id| self.name(id)).collect();
            let why = format!("{} takes no traffic: it goes to {}", names(&down), names(&others));
            opinion.because(Verdict::Warning, why);
        }
        Some(up)
    }

    fn spread<'b>(
        &self,
        up: &[&'b String],
        part: impl Fn(&'b str) -> (&'b str, Option<u32>),
        opinion: &mut Opinion,
    ) -> Steered {
        if up.is_empty() {
            return Steered { to: self.end(&self.last(), "", opinion), routes: Vec::new() };
        }
        let route = |id: &&'b String| {
            let (of, percent) = part(id);
            Route { of: SafeText::new(of), to: Some(self.name(id)), percent }
        };
        in_parts(up.iter().map(route).collect(), opinion)
    }
}

/// One pool if all parts go there.
fn in_parts(routes: Vec<Route>, opinion: &mut Opinion) -> Steered {
    let first = routes.first().and_then(|it| it.to.clone());
    if first.is_some() && routes.iter().all(|it| it.to == first) {
        return Steered { to: first, routes: Vec::new() };
    }
    opinion.because(Verdict::Info, format!("users go to {}", Route::words(&routes)));
    Steered { to: None, routes }
}

/// Rules and pool sets take some requests out of the rest. Which ones is for the provider to judge.
fn by_rules(lb: &LoadBalancer, rest: Steered, opinion: &mut Opinion) -> Steered {
    let (mut some_go_elsewhere, mut all_are_taken) = (false, false);
    for rule in &lb.rules {
        let kind = if rule.in_set { "pool set" } else { "rule" };
        let whose = if rule.always { "every request" } else { "what it matches" };
        let name = &rule.name;
        match rule.answers {
            // Users reach no pool at all: whoever set it knows, and whoever looks must see it.
            Some(status) if rule.always => {
                opinion.because(Verdict::Warning, format!("{kind} {name} answers every request itself with {status}"));
            }
            Some(status) => {
                opinion.because(Verdict::Info, format!("{kind} {name} answers what it matches itself with {status}"));
            }
            None if rule.steers => {
                opinion.because(Verdict::Info, format!("{kind} {name} steers {whose} by itself"));
                some_go_elsewhere = true;
            }
            None => {}
        }
        all_are_taken |= rule.always && (rule.answers.is_some() || rule.steers);
    }
    match rest {
        _ if all_are_taken => Steered::default(),
        Steered { to: Some(to), routes } if some_go_elsewhere && routes.is_empty() => {
            let route = Route { of: SafeText::new("what no rule takes"), to: Some(to), percent: None };
            Steered { to: None, routes: vec![route] }
        }
        rest => rest,
    }
}
