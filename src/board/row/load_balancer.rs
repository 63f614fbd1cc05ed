//! A load balancer with every place that names pools, and where its traffic goes.

use serde::{Deserialize, Serialize};

use crate::board::describe::{Describe, Description, joined};
use crate::model::SafeText;
use crate::model::facts::{LoadBalancer, PlaceRole};
use crate::model::filter::Field;
use crate::model::time::short;

/// A load balancer with its order resolved to pools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadBalancerRow {
    /// As Cloudflare last told it, with pools by id.
    pub lb: LoadBalancer,
    /// Its default pools, resolved, in their order; whether the order decides is up to the steering policy.
    pub order: Vec<PoolRef>,
    /// The pool that serves when no other can; `None` = Cloudflare names none.
    pub fallback: Option<PoolRef>,
    /// The pool that new traffic goes to, if that can be told.
    pub goes_to: Option<SafeText>,
    /// Where its parts go, where they do not all go to one pool.
    #[serde(default)]
    pub routes: Vec<Route>,
    /// The service that has a host behind it, by the configuration; `None` = no service names it.
    pub service: Option<String>,
}

/// A pool as a load balancer's row names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PoolRef {
    /// Cloudflare's id of the pool.
    pub id: String,
    /// Its name; its id where the pool itself has not been read.
    pub name: SafeText,
    /// Whether it takes traffic at all; `None` = the pool has not been read.
    pub enabled: Option<bool>,
    /// What its monitor says; `None` = it has none, or that is not known.
    pub healthy: Option<bool>,
    /// Its health is judged region by region: one word for the whole pool is not the truth.
    #[serde(default)]
    pub regional: bool,
    /// Places that see it healthy, of how many.
    pub places_ok: u32,
    /// How many places say anything of its health; 0 where that is not read.
    pub places: u32,
}

/// One part of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// Which part: `WEU`, `elsewhere`, `if fastest`; empty where the share says it.
    pub of: SafeText,
    /// The name of its pool; `None` = to nobody, or it can't be told.
    pub to: Option<SafeText>,
    /// Its share in percent, where shares are what is configured.
    pub percent: Option<u32>,
}

impl Route {
    /// `eu (WEU, elsewhere), us (ENAM)`: by pool, in the order of the parts.
    pub fn words(all: &[Self]) -> String {
        const SHOWN: usize = 4;
        let mut pools: Vec<Option<&SafeText>> = Vec::new();
        for route in all {
            if !pools.contains(&route.to.as_ref()) {
                pools.push(route.to.as_ref());
            }
        }
        let of_pool = |to: &Option<&SafeText>| {
            let name = to.map_or("unknown", SafeText::as_str);
            let parts: Vec<String> = all.iter().filter(|it| it.to.as_ref() == *to).map(Self::part).collect();
            let shown = parts.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            match parts.len().saturating_sub(SHOWN) {
                _ if shown.is_empty() => name.to_owned(),
                0 => format!("{name} ({shown})"),
                more => format!("{name} ({shown} and {more} more)"),
            }
        };
        pools.iter().map(of_pool).collect::<Vec<_>>().join(", ")
    }

    fn part(&self) -> String {
        self.percent.map_or_else(|| self.of.to_string(), |percent| format!("{percent} %"))
    }
}

impl Describe for LoadBalancerRow {
    fn describe(&self, say: &mut Description<'_>) {
        let Self { lb, order, fallback, goes_to, routes, .. } = self;
        let order: Vec<&str> = order.iter().map(|pool| pool.name.as_str()).collect();
        let order_words = joined(&order, " → ");
        let to = goes_to.as_ref().map(SafeText::to_string).or((!routes.is_empty()).then(|| Route::words(routes)));
        say.title(&lb.name);
        say.summary(|_| {
            let to = to.as_deref().unwrap_or("unknown");
            format!("order {order_words} · goes to {to} · policy {}", lb.policy.as_str())
        });
        say.state(&[(true, if lb.enabled { lb.policy.as_str() } else { "disabled" })]);
        say.named("load balancer", &lb.name);
        let off = "no: its own records answer instead, or nothing does";
        say.fact("enabled", if lb.enabled { "yes" } else { off });
        say.fact("steering", policy(lb));
        say.fact("TTL", ttl(lb));
        say.fact("affinity", affinity(lb));
        say.text("overrides", &lb.overrides);
        self.describe_places(say);
        // The provider's own time, as the reader says times.
        let at = chrono::DateTime::parse_from_rfc3339(lb.modified_on.as_str());
        say.fact("changed", at.map_or_else(|_| lb.modified_on.to_string(), |at| say.written(at.to_utc())));
        say.fact("id", &lb.id);
        say.text("", &order);
        say.fact("order", order_words);
        let last = fallback.as_ref().map(|pool| format!("{} (its own health is ignored)", pool.name));
        say.known("fallback", last);
        say.fact("users go to", to.as_deref().unwrap_or("can't be told"));
        say.field(Field::Site, "", goes_to.as_slice());
        routes.iter().for_each(|it| say.field(Field::Site, "", it.to.as_slice()));
        say.field(Field::Service, "service", self.service.as_slice());
    }
}

impl LoadBalancerRow {
    /// Every place that names pools.
    fn describe_places(&self, say: &mut Description<'_>) {
        let name = |id: &String| {
            let pool = self.order.iter().chain(&self.fallback).find(|pool| pool.id == *id);
            pool.map_or_else(|| id.clone(), |pool| pool.name.to_string())
        };
        for place in &self.lb.places {
            let between = if place.role == PlaceRole::Order { " → " } else { ", " };
            let named = place.pools.iter().map(name).collect::<Vec<_>>().join(between);
            let policy = place.policy.as_str();
            let policy = if policy.is_empty() { String::new() } else { format!(" (policy {policy})") };
            say.fact(place.what.as_str(), format_args!("{named}{policy}"));
        }
        let more = "more places name pools than are listed here";
        say.known("and more", self.lb.places_cut.then_some(more));
    }
}

fn policy(lb: &LoadBalancer) -> String {
    match lb.policy.as_str() {
        "off" => "by order: the first healthy pool takes all (Cloudflare calls it off)".to_owned(),
        "geo" => "by place, then by order (Cloudflare calls it geo)".to_owned(),
        other => format!("{other}: the order means nothing"),
    }
}

fn ttl(lb: &LoadBalancer) -> String {
    match lb.ttl_s {
        _ if lb.proxied => "proxied: means nothing here".to_owned(),
        Some(ttl) => format!("{ttl} s, and resolvers may keep it longer"),
        None => "not said".to_owned(),
    }
}

fn affinity(lb: &LoadBalancer) -> String {
    let kind = lb.session_affinity.as_str();
    if matches!(kind, "" | "none") {
        return "none".to_owned();
    }
    let ttl = lb.affinity_ttl_s.map(|ttl| format!(" for {}", short(u64::from(ttl)))).unwrap_or_default();
    let drain = match lb.drain_s {
        Some(drain) if drain > 0 => format!("; a disabled origin is drained over {}", short(u64::from(drain))),
        _ => String::new(),
    };
    format!("{kind}{ttl}: a session stays on its origin while that is healthy{drain}")
}
