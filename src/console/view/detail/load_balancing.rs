//! The edge, nothing cut: a load balancer with every place that names pools, a pool with all that sees it, an account.

use crate::board::row::PoolRef;
use crate::console::widget::time;
use crate::model::SafeText;
use crate::model::facts::{EdgeAccount, LoadBalancer, PlaceRole, Pool};

use super::FactPage;

pub(super) fn of_balancer(facts: &mut FactPage<'_, '_>, lb: &LoadBalancer, pools: &[&PoolRef]) {
    facts.text("load balancer", lb.name.as_str());
    let enabled = if lb.enabled { "yes" } else { "no: its own records answer instead, or nothing does" };
    facts.text("enabled", enabled);
    facts.text("steering", &policy(lb));
    facts.text("TTL", &ttl(lb));
    facts.text("affinity", &affinity(lb));
    facts.list("overrides", &lb.overrides);
    let name =
        |id: &String| pools.iter().find(|pool| pool.id == *id).map_or_else(|| id.clone(), |pool| pool.name.to_string());
    for place in &lb.places {
        let between = if place.role == PlaceRole::Order { " → " } else { ", " };
        let named = place.pools.iter().map(name).collect::<Vec<_>>().join(between);
        let policy = match place.policy.as_str() {
            "" => String::new(),
            policy => format!(" (policy {policy})"),
        };
        facts.text(place.what.as_str(), &format!("{named}{policy}"));
    }
    if lb.places_cut {
        facts.text("and more", "more places name pools than are listed here");
    }
    facts.text("changed", &changed(facts, lb.modified_on.as_str()));
    facts.text("id", &lb.id);
}

/// The provider's own time as the console says times.
fn changed(facts: &FactPage<'_, '_>, at: &str) -> String {
    chrono::DateTime::parse_from_rfc3339(at).map_or_else(|_| at.to_owned(), |at| facts.app.zone.full(at.to_utc()))
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
    let ttl = lb.affinity_ttl_s.map(|ttl| format!(" for {}", time::span(u64::from(ttl)))).unwrap_or_default();
    let drain = match lb.drain_s {
        Some(drain) if drain > 0 => format!("; a disabled origin is drained over {}", time::span(u64::from(drain))),
        _ => String::new(),
    };
    format!("{kind}{ttl}: a session stays on its origin while that is healthy{drain}")
}

pub(super) fn of_pool(facts: &mut FactPage<'_, '_>, pool: &Pool) {
    facts.text("pool", pool.name.as_str());
    let monitor = if pool.monitored { "yes" } else { "no: its health is not considered" };
    facts.text("monitor", monitor);
    if pool.regional {
        facts.text("health", "judged by each region for itself");
    }
    let on = pool.origins.iter().filter(|origin| origin.enabled).count();
    facts.text("origins", &format!("{on} of {} enabled, at least {} needed", pool.origins.len(), pool.minimum_origins));
    for origin in &pool.origins {
        let health = match origin.healthy {
            _ if !origin.enabled => "disabled",
            Some(true) => "up",
            Some(false) => "down",
            None => "unknown",
        };
        facts.text(origin.name.as_str(), &format!("{} {health}", origin.address));
    }
    if pool.shedding_percent + pool.session_shedding_percent > 0 {
        let (traffic, sessions) = (pool.shedding_percent, pool.session_shedding_percent);
        facts.text("sheds", &format!("{traffic} % of new traffic, {sessions} % of sessions"));
    }
    for (place, healthy) in &pool.places {
        facts.text(place.as_str(), if *healthy { "sees it up" } else { "sees it down" });
    }
    match &pool.used_by {
        None => facts.text("used by", "not read"),
        Some(users) => {
            let words = |kind: &str| {
                let of = users.iter().filter(|user| user.kind.is(kind)).map(|user| user.name.as_str());
                of.collect::<Vec<_>>().join(", ")
            };
            facts.text("used by", &words("load_balancer"));
            facts.text("monitors", &words("monitor"));
        }
    }
}

pub(super) fn of_account(facts: &mut FactPage<'_, '_>, account: &EdgeAccount) {
    let token = &account.token;
    facts.text("account", &account.account);
    let whose = if token.owner.as_str().is_empty() { "not known" } else { token.owner.as_str() };
    facts.text("token of", whose);
    let status = if token.status.as_str().is_empty() { "unknown" } else { token.status.as_str() };
    facts.text("status", status);
    facts.text("not checked", token.problem.as_str());
    match token.expires {
        Some(at) => facts.text("expires", &facts.app.zone.full(at)),
        None => facts.text("expires", "no end is stated"),
    }
    facts.time("checked", token.checked);
    let may = |it: Option<bool>| match it {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    facts.text("reads pools", may(token.reads_pools));
    facts.text("reads balancers", may(token.reads_balancers));
    facts.text("may write", "unknown: it can't be probed without writing");
    facts.sheet.space();
    let left = match (account.remaining, account.limit) {
        (Some(left), Some(limit)) => format!("{left} of {limit}, shared by all who use this user"),
        _ => "not said".to_owned(),
    };
    facts.text("requests left", &left);
    if let Some(at) = account.resets {
        facts.text("full again", &facts.app.zone.full(at));
    }
    let ours = format!("{} in the last 5 min; polling asks for {} at most", account.asked, account.share);
    facts.text("ours", &ours);
    let read = format!("{} of at most {}: plans that were checked", account.reading, account.reading_share);
    facts.text("for people", &read);
    facts.text("reserve", &format!("polling stops at {} left; acting does not", account.reserve));
    let note = SafeText::new("Health previews start probes by a POST, so they are left to a person.");
    facts.text("not done", note.as_str());
}
