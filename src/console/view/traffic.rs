//! Where users go: load balancers with their pools in order, and what the probes see from outside.

use crate::board::row::PoolRef;
use crate::board::{Body, Row, Topic, Verdict};
use crate::console::app::App;
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Cell, Column, Words, flow, glyph, time};
use crate::model::facts::{LoadBalancer, Probe};

use super::list::Entry;
use super::pane;

/// Mark, name, state, more.
pub const COLUMNS: &[Column] = &[Column::fixed(0), Column::name(0, 9), Column::fixed(1), Column::sentence(2, 6)];

/// Each load balancer with its pools below it, then probes, then pools that nothing uses.
pub fn entries(app: &App) -> Vec<Entry<'_>> {
    let rows = app.rows(Topic::Traffic);
    let mut out = Vec::new();
    let mut used = Vec::new();
    for row in rows {
        if let Body::LoadBalancer { order, .. } = &row.body {
            out.push(Entry::Row(row));
            for (place, pool) in order.iter().enumerate() {
                out.push(Entry::Pool(row, pool, place));
                used.push(pool.id.as_str());
            }
        }
    }
    out.extend(rows.iter().filter(|row| matches!(row.body, Body::Probe(_))).map(Entry::Row));
    let spare = |row: &&Row| matches!(&row.body, Body::Pool(pool) if !used.contains(&pool.id.as_str()));
    out.extend(rows.iter().filter(spare).map(Entry::Row));
    out
}

/// One line.
pub fn cells(app: &App, entry: &Entry<'_>) -> Vec<Cell> {
    match entry {
        Entry::Row(row) => match &row.body {
            Body::LoadBalancer { lb, .. } => balancer(row, lb),
            Body::Probe(probe) => probe_cells(app, row, probe),
            Body::Pool(pool) => vec![
                pane::mark(entry.verdict()),
                vec![span(Role::Dim, format!("pool {}", pool.name))],
                vec![span(Role::Dim, "unused")],
                vec![span(Role::Dim, row.why.as_str())],
            ],
            _ => Vec::new(),
        },
        Entry::Pool(row, pool, place) => pool_cells(row, pool, *place),
        _ => Vec::new(),
    }
}

fn balancer(row: &Row, lb: &LoadBalancer) -> Vec<Cell> {
    let policy = if lb.enabled { format!("policy {}", lb.policy.as_str()) } else { "disabled".to_owned() };
    let mut note = match lb.ttl_s {
        Some(ttl) if !lb.proxied => format!("TTL {ttl} s"),
        _ => "proxied".to_owned(),
    };
    if !lb.overrides.is_empty() {
        note = format!("{note} · {} may override the order", lb.overrides.len());
    }
    let role = if lb.enabled { Role::Dim } else { Role::Warning };
    vec![
        if row.verdict >= Verdict::Warning { pane::mark(row.verdict) } else { pane::mark(Verdict::Info) },
        vec![span(Role::Strong, lb.name.as_str())],
        vec![span(role, policy)],
        vec![span(Role::Dim, note)],
    ]
}

fn pool_cells(row: &Row, pool: &PoolRef, place: usize) -> Vec<Cell> {
    let goes = matches!(&row.body, Body::LoadBalancer { goes_to: Some(to), .. } if *to == pool.name);
    let arrow = if goes { "→ " } else { "  " };
    let (verdict, word) = match (pool.enabled, pool.healthy) {
        (Some(false), _) => (Verdict::Warning, "off"),
        (_, Some(true)) => (Verdict::Ok, "up"),
        (_, Some(false)) => (Verdict::Critical, "down"),
        (_, None) => (Verdict::Unknown, "unknown"),
    };
    let count =
        if verdict == Verdict::Critical { pool.places - pool.places_ok.min(pool.places) } else { pool.places_ok };
    let regions = match (pool.places, place) {
        (0, _) => String::new(),
        (places, 0) => format!("{count} of {places} regions"),
        (places, _) => format!("{count} of {places}"),
    };
    let role = glyph::of(verdict).1;
    vec![
        pane::mark(verdict),
        vec![span(if goes { Role::Accent } else { Role::Text }, arrow), span(Role::Text, pool.name.as_str())],
        vec![span(role, word)],
        vec![span(Role::Dim, regions)],
    ]
}

fn probe_cells(app: &App, row: &Row, probe: &Probe) -> Vec<Cell> {
    let role = glyph::of(if row.stale { Verdict::Unknown } else { row.verdict }).1;
    let answer = match probe.status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    let mut note = vec![span(Role::Text, format!("for {}", time::span(time::since(probe.since, app.at()))))];
    if let Some(site) = &probe.site {
        note.push(span(Role::Dim, format!(" · from {site}")));
    }
    vec![
        pane::mark(if row.stale { Verdict::Unknown } else { row.verdict }),
        vec![span(Role::Text, format!("probe {}", probe.name))],
        vec![span(role, answer)],
        note,
    ]
}

/// Which site answers users, by the services' own probes.
pub fn summary(app: &App) -> Words {
    let mut parts = Vec::new();
    for row in app.rows(Topic::Services) {
        let Body::Service { name, sites, good_percent, .. } = &row.body else { continue };
        let Some((site, share)) = sites.iter().max_by_key(|(_, share)| **share) else { continue };
        let good = good_percent.unwrap_or(0);
        let role = if row.stale {
            Role::Unknown
        } else if good == 100 {
            Role::Good
        } else {
            Role::Warning
        };
        parts.push(vec![span(Role::Dim, format!("{name} {share} % {site}, ")), span(role, format!("{good} % good"))]);
    }
    flow::join(parts, &span(Role::Dim, " · "))
}
