//! The host names of a `[[service]]` and their pools: what is written for the service goes for each of them, what a host
//! name brings with it wins. Judged on what results.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::RawFile;
use super::one_or_many::{InsteadOfText, OneOrMany, Several, TextOr, one_or_list, values};
use super::service::RawService;
use crate::config::kinds::*;
use crate::config::parse::refuse_unknown_within;
use crate::config::section::*;
use crate::model::{Host, Objective};

/// A host name whose pools are not those of the service's other host names.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RawHostTable {
    name: Option<Spanned<String>>,
    primary_pool: Option<Spanned<String>>,
    dr_pool: OneOrMany<String>,
}

impl InsteadOfText for RawHostTable {
    const EXPECTED: &'static str = "a host name, or a table with its `name` and pools";
}

/// A host name in `load_balancer` of a `[[service]]`.
type RawHost = TextOr<RawHostTable>;

/// One host name or a list of them.
pub(crate) enum HostList {}

impl Kind for HostList {
    type Raw = Several<RawHost>;
    type Value = ();

    fn refuse_unknown(value: &mut Spanned<DeValue<'_>>, key: &str, report: &mut Report<'_>) {
        refuse_unknown_within(value, &["name", "primary_pool", "dr_pool"], key, report);
    }
}

/// Pools as they are written in one place, with the table that they stand in.
struct WrittenPools<'a> {
    primary: &'a Option<Spanned<String>>,
    dr: &'a OneOrMany<String>,
    table: Range<usize>,
}

pub(super) fn hosts(
    section: &RawTable<RawService>,
    file: &RawFile,
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
        if file.cloudflare.is_empty() {
            let what = "`load_balancer` is set, but there is no [[cloudflare]] to find it in";
            make.report.at(at.clone(), what);
        }
        let host = host(&at, raw_host, &of_all, dr, make);
        if host.load_balancer.trim().is_empty() {
            make.report.at(at, format!("`load_balancer` is empty{LEAVE_OUT}"));
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
        RawHost::Text(name) => return Host { load_balancer: name.clone(), ..of_all.clone() },
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
    let primary_pool = written.primary.as_ref().map(|pool| {
        make.refuse_empty(pool, "primary_pool", LEAVE_OUT);
        pool.get_ref().clone()
    });
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
        "primary_pool" => service.primary.as_ref().map(Spanned::span),
        _ => service.dr.as_ref().map(Spanned::span),
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

/// The host names as words above the pools that they share, else each with its own.
pub(super) fn show_hosts(it: &Objective, table: &mut toml::Table) {
    let Some(first) = it.hosts.first() else { return };
    let pools = |host: &Host, table: &mut toml::Table| {
        if let Some(pool) = &host.primary_pool {
            put(table, "primary_pool", pool.as_str());
        }
        // In the order of the clusters, as far as there are any.
        let dr: Vec<String> = it.dr.iter().map_while(|cluster| host.dr_pool(cluster)).map(str::to_owned).collect();
        if !dr.is_empty() {
            put(table, "dr_pool", one_or_list(&dr));
        }
    };
    let shown = if it.hosts.iter().all(|host| host.has_pools_of(first)) {
        pools(first, table);
        one_or_list(&it.hosts.iter().map(|host| host.load_balancer.clone()).collect::<Vec<_>>())
    } else {
        let with_pools = it.hosts.iter().map(|host| {
            let mut own = toml::Table::new();
            put(&mut own, "name", host.load_balancer.as_str());
            pools(host, &mut own);
            toml::Value::Table(own)
        });
        toml::Value::Array(with_pools.collect())
    };
    put(table, "load_balancer", shown);
}
