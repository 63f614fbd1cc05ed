//! The host names of a `[[service]]` and their pools: what is written for the service goes for each of them, what a host
//! name brings with it wins. Judged on what results.

use std::collections::BTreeMap;
use std::ops::Range;

use super::one_or_many::{OneOrMany, values};
use super::raw::{RawFile, RawHost, RawService, Section, Text};
use super::resolve::ResolveContext;
use super::rules::said;
use crate::model::Host;

/// Pools as they are written in one place, with the table that they stand in.
struct WrittenPools<'a> {
    primary: &'a Text,
    dr: &'a OneOrMany<String>,
    table: Range<usize>,
}

pub(super) fn hosts(
    section: &Section<RawService>,
    raw: &RawFile,
    dr: &[String],
    make: &mut ResolveContext<'_, '_>,
) -> Vec<Host> {
    let it = &section.it;
    let service = WrittenPools { primary: &it.primary_pool, dr: &it.dr_pool, table: section.at.clone() };
    let of_all = pools(&service, dr, make);
    let names = values(&it.load_balancer);
    if names.is_empty() {
        whose_pools(&service, make);
    }
    let mut hosts: Vec<(Range<usize>, Host)> = Vec::new();
    for (at, raw_host) in names {
        if raw.cloudflare.is_empty() {
            let what = "`load_balancer` is set, but there is no [[cloudflare]] to find it in";
            make.report.at(at.clone(), what);
        }
        let host = host(&at, raw_host, &of_all, dr, make);
        if host.load_balancer.trim().is_empty() {
            make.report.at(at, "`load_balancer` is empty: leave the line out instead");
        } else if hosts.iter().any(|(_, known)| known.load_balancer == host.load_balancer) {
            make.report.at(at, format!("`{}` is in `load_balancer` twice", host.load_balancer));
        } else {
            hosts.push((at, host));
        }
    }
    both_or_none(&service, &hosts, dr, make);
    hosts.into_iter().map(|(_, host)| host).collect()
}

/// One host name: its own pools, else the service's.
fn host(at: &Range<usize>, raw: &RawHost, of_all: &Host, dr: &[String], make: &mut ResolveContext<'_, '_>) -> Host {
    let own = match raw {
        RawHost::Name(name) => return Host { load_balancer: name.clone(), ..of_all.clone() },
        RawHost::Table(own) => own,
    };
    let written = WrittenPools { primary: &own.primary_pool, dr: &own.dr_pool, table: at.clone() };
    let mut host = pools(&written, dr, make);
    host.load_balancer = make.need(&own.name, "name", "`load_balancer`", at);
    host.primary_pool = host.primary_pool.or_else(|| of_all.primary_pool.clone());
    if host.dr_pools.is_empty() {
        host.dr_pools = of_all.dr_pools.clone();
    }
    if let Some((_, pool)) = host.dr_pools.iter().find(|(_, pool)| host.primary_pool.as_ref() == Some(*pool))
        && said(written.primary).is_some() != written.dr.is_some()
    {
        make.report.at(at.clone(), format!("`dr_pool` is the same pool as `primary_pool`, `{pool}`"));
    }
    host
}

/// The pools of one place, each DR pool with its cluster: in the order of `dr`.
fn pools(written: &WrittenPools<'_>, dr: &[String], make: &mut ResolveContext<'_, '_>) -> Host {
    let primary_pool = make.may(written.primary, "primary_pool");
    let names = values(written.dr);
    for (at, name) in &names {
        if Some(name.as_str()) == said(written.primary) {
            make.report.at(at.clone(), format!("`dr_pool` is the same pool as `primary_pool`, `{name}`"));
        }
    }
    if let (Some((at, _)), false) = (names.get(dr.len()), dr.is_empty()) {
        let (pools, clusters) = (names.len(), dr.len());
        make.report.at(
            at.clone(),
            format!("`dr_pool` names {pools} pools and `dr` {clusters}: one for each cluster, in the order of `dr`"),
        );
    }
    let named = make.words(&names, "dr_pool");
    let dr_pools: BTreeMap<String, String> = dr.iter().cloned().zip(named).collect();
    Host { load_balancer: String::new(), primary_pool, dr_pools }
}

/// Pools without a load balancer.
fn whose_pools(written: &WrittenPools<'_>, make: &mut ResolveContext<'_, '_>) {
    if make.report.is_unread(&written.table, "load_balancer") {
        return;
    }
    let primary = written.primary.iter().map(|it| ("primary_pool", it.span()));
    for (key, at) in primary.chain(written.dr.iter().map(|it| ("dr_pool", it.span()))) {
        make.report.at(at, format!("`{key}` is set, but `load_balancer` is not: whose pool is it?"));
    }
}

/// A failover needs both sides, and a DR pool needs a DR cluster.
fn both_or_none(
    service: &WrittenPools<'_>,
    hosts: &[(Range<usize>, Host)],
    dr: &[String],
    make: &mut ResolveContext<'_, '_>,
) {
    let at = |key: &str| match key {
        "primary_pool" => service.primary.as_ref().map(toml::Spanned::span),
        _ => service.dr.as_ref().map(toml::Spanned::span),
    };
    if dr.is_empty() {
        if let (Some(at), false) = (at("dr_pool"), make.report.is_unread(&service.table, "dr")) {
            make.report.at(at, "`dr_pool` is set, but this service has no DR cluster: name it in `dr`");
        }
        return;
    }
    let half = |primary: bool, dr: bool| match (primary, dr) {
        (true, false) => Some(("primary_pool", "dr_pool")),
        (false, true) => Some(("dr_pool", "primary_pool")),
        _ => None,
    };
    let mut told = |key: &str, other: &str, at: Range<usize>, whose: &str| {
        if !make.report.is_unread(&service.table, other) {
            make.report.at(at, format!("`{key}` is set{whose}, but `{other}` is not: a failover needs both"));
        }
    };
    if hosts.is_empty() {
        if let Some((key, other)) = half(service.primary.is_some(), service.dr.is_some()) {
            told(key, other, at(key).unwrap_or(service.table.clone()), "");
        }
        return;
    }
    for (place, host) in hosts {
        if let Some((key, other)) = half(host.primary_pool.is_some(), !host.dr_pools.is_empty()) {
            let whose = if hosts.len() > 1 { format!(" for {}", host.load_balancer) } else { String::new() };
            told(key, other, at(key).unwrap_or(place.clone()), &whose);
        }
    }
}
