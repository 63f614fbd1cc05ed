//! Where users go: load balancers with their pools in order, and what the probes see from outside.

use crate::board::row::PoolRef;
use crate::board::{BurnState, ErrorBudget, LoadBalancerRow, Row, ServiceRow, Topic, Verdict};
use crate::console::app::Console;
use crate::console::pane::Pane;
use crate::console::rows::{self, PaneEntry, sources};
use crate::console::theme::Role;
use crate::console::widget::canvas::span;
use crate::console::widget::{Column, ColumnText, Words, glyph, time};
use crate::model::facts::{EdgeAccount, LoadBalancer, Pool, Probe};
use crate::model::{Host, Objective};

use super::layout;
use super::pane_spec::PaneSpec;
use super::verdict_mark::{counts, mark};

/// Mark, name, state, more.
pub const COLUMNS: &[Column] =
    &[Column::mark(), Column::name(0, 11), Column::fixed(1), Column::fixed(2), Column::sentence(4, 8)];

/// What the pane shows.
pub static PANE: PaneSpec = PaneSpec {
    pane: Pane::Traffic,
    columns: COLUMNS,
    cells,
    summary,
    signal: |app| counts(rows::all(app, Pane::Traffic).counts()),
    empty: |app| sources::absent(app, Topic::Traffic),
};

/// One line.
pub fn cells(app: &Console, entry: &PaneEntry<'_>) -> Vec<ColumnText> {
    let fits = Fits::of(app);
    match entry {
        PaneEntry::Row(row) => None
            .or_else(|| Some(balancer(app, row, &row.as_kind::<LoadBalancerRow>()?.lb, fits)))
            .or_else(|| Some(probe_cells(app, row, row.as_kind()?, fits)))
            .or_else(|| Some(account_cells(row, row.as_kind()?, fits)))
            .or_else(|| Some(budget_cells(row, row.as_kind()?, fits)))
            .or_else(|| Some(spare_pool_cells(row, row.as_kind()?, entry.verdict())))
            .unwrap_or_default(),
        PaneEntry::Pool(row, pool, place) => pool_cells(app, row, pool, *place, fits),
        _ => Vec::new(),
    }
}

fn spare_pool_cells(row: &Row, pool: &Pool, verdict: Verdict) -> Vec<ColumnText> {
    let name = vec![span(Role::Dim, format!("pool {}", pool.name))];
    let why = vec![span(Role::Dim, row.why.as_str())];
    vec![mark(verdict), name, vec![span(Role::Dim, "unused")], Words::new(), why]
}

/// How much of a row fits beside its columns.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fits {
    /// A word or a number: cut, the words beside it would say nothing.
    Word,
    /// A few words, and no sentence.
    Words,
    Sentence,
}

impl Fits {
    fn of(app: &Console) -> Self {
        match layout::arrange(app).body(Pane::Traffic).map_or(app.size.0, |body| body.width) {
            ..48 => Self::Word,
            48..60 => Self::Words,
            60.. => Self::Sentence,
        }
    }
}

fn balancer(app: &Console, row: &Row, lb: &LoadBalancer, fits: Fits) -> Vec<ColumnText> {
    // Cloudflare's own word for "by order" is `off`, which reads as if the balancer were switched off.
    let (state, policy) = match lb.policy.as_str() {
        _ if !lb.enabled => ("off", "disabled"),
        "off" => ("", "by order"),
        "geo" if fits < Fits::Sentence => ("", "by place"),
        "geo" => ("", "by place, then by order"),
        other => (other, "not by order"),
    };
    let note = match lb.ttl_s {
        Some(ttl) if !lb.proxied => format!("TTL {ttl} s"),
        _ => "proxied".to_owned(),
    };
    let more = match lb.overrides.len() {
        // Narrow, what a failover would change is on its own plan and on the row's page.
        0 if fits < Fits::Sentence => policy.to_owned(),
        0 => [policy, &failover(app, row)].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" · "),
        n => format!("{n} may override the order"),
    };
    let role = if lb.enabled { Role::Dim } else { Role::Warning };
    vec![
        if row.verdict >= Verdict::Warning { mark(row.verdict) } else { mark(Verdict::Info) },
        vec![span(Role::Strong, lb.name.as_str())],
        vec![span(role, state)],
        vec![span(Role::Dim, note)],
        vec![span(role, more)],
    ]
}

/// The objective whose users a load balancer carries, and its host name there.
fn carried<'a>(app: &'a Console, row: &Row) -> Option<(&'a Objective, &'a Host)> {
    let LoadBalancerRow { lb, .. } = row.as_kind()?;
    let objectives = &app.mirror.welcome.as_ref()?.objectives;
    objectives.iter().find_map(|it| Some((it, it.host(lb.name.as_str())?)))
}

/// What a failover would change: by the first of its DR clusters whose pool is there.
fn failover(app: &Console, row: &Row) -> String {
    let Some(LoadBalancerRow { order, .. }) = row.as_kind() else { return String::new() };
    let Some((objective, host)) = carried(app, row) else { return String::new() };
    let pools: Vec<&str> = objective.dr.iter().filter_map(|cluster| host.dr_pool(cluster)).collect();
    let place = |pool: &&str| order.iter().position(|it| it.name == **pool);
    if let Some(first) = pools.iter().find(|pool| place(pool) == Some(0)) {
        return format!("{first} is first already");
    }
    match (pools.iter().find(|pool| place(pool).is_some()), pools.first()) {
        (Some(dr), _) => format!("failover: {dr} first"),
        (None, Some(dr)) => format!("{dr} is not in the order"),
        (None, None) => String::new(),
    }
}

/// The share of recent answers that come from a pool's site, if a probe can tell sites apart.
fn share(app: &Console, row: &Row, pool: &PoolRef) -> Option<u32> {
    let (objective, host) = carried(app, row)?;
    let name = pool.name.as_str();
    let site = match host.dr_of(name) {
        Some(cluster) => cluster,
        None if host.primary_pool.as_deref() == Some(name) => objective.primary.as_str(),
        None => return None,
    };
    let mut fresh = app.rows(Topic::Services).iter().filter(|row| !row.stale).filter_map(Row::as_kind::<ServiceRow>);
    let sites = &fresh.find(|it| it.name == objective.service && !it.sites.is_empty())?.sites;
    Some(sites.get(pool.name.as_str()).or(sites.get(site)).copied().unwrap_or(0))
}

fn pool_cells(app: &Console, row: &Row, pool: &PoolRef, place: usize, fits: Fits) -> Vec<ColumnText> {
    let goes = row.as_kind::<LoadBalancerRow>().is_some_and(|it| {
        let parts = it.routes.iter().filter_map(|it| it.to.as_ref());
        it.goes_to.iter().chain(parts).any(|to| *to == pool.name)
    });
    let arrow = if goes { "→ " } else { "  " };
    let (verdict, word) = match (pool.enabled, pool.healthy) {
        (Some(false), _) => (Verdict::Warning, "off"),
        (_, Some(true)) if pool.regional && (pool.places == 0 || pool.places_ok < pool.places) => {
            (Verdict::Unknown, "by region")
        }
        (_, Some(true)) if pool.places_ok < pool.places => (Verdict::Warning, "up"),
        (_, Some(true)) => (Verdict::Ok, "up"),
        (_, Some(false)) => (Verdict::Critical, "down"),
        (_, None) => (Verdict::Unknown, "unknown"),
    };
    let count =
        if verdict == Verdict::Critical { pool.places - pool.places_ok.min(pool.places) } else { pool.places_ok };
    let regions = match fits < Fits::Sentence {
        _ if pool.places == 0 => String::new(),
        // All see it alike: the word before says it.
        true if count == pool.places => String::new(),
        true => format!("{count}/{} reg.", pool.places),
        false => format!("{count} of {} regions", pool.places),
    };
    let of = if fits == Fits::Word { "" } else { " of answers" };
    let share = share(app, row, pool).map(|share| format!("{share} %{of}"));
    // Who looks from the regions is said once: the provider does, and no probe of ours.
    let who = (pool.places > 0 && place == 0 && fits == Fits::Sentence).then(|| "checked by Cloudflare".to_owned());
    let more = [share, who].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let role = glyph::of(verdict).1;
    vec![
        mark(verdict),
        vec![span(if goes { Role::Accent } else { Role::Text }, arrow), span(Role::Text, pool.name.as_str())],
        vec![span(role, word)],
        vec![span(Role::Dim, regions)],
        vec![span(Role::Dim, more)],
    ]
}

fn probe_cells(app: &Console, row: &Row, probe: &Probe, fits: Fits) -> Vec<ColumnText> {
    let role = glyph::of(if row.stale { Verdict::Unknown } else { row.verdict }).1;
    let answer = match probe.status {
        Some(status) => status.to_string(),
        None => "no answer".to_owned(),
    };
    let note = vec![span(Role::Text, format!("for {}", time::span(time::since(probe.since, app.at()))))];
    let by = if fits == Fits::Word { "" } else { "from " };
    let from = probe.site.as_ref().map(|site| format!("{by}{site}")).unwrap_or_default();
    vec![
        mark(if row.stale { Verdict::Unknown } else { row.verdict }),
        vec![span(Role::Text, format!("probe {}", probe.name))],
        vec![span(role, answer)],
        note,
        vec![span(Role::Dim, from)],
    ]
}

fn account_cells(row: &Row, account: &EdgeAccount, fits: Fits) -> Vec<ColumnText> {
    let verdict = if row.stale { Verdict::Unknown } else { row.verdict };
    let token = match account.token.status.as_str() {
        "" => "token not checked".to_owned(),
        status => format!("token {status}"),
    };
    let (left, of) = match (account.remaining, account.limit) {
        (Some(left), Some(limit)) if fits < Fits::Sentence => (format!("{left} left"), format!("of {limit}")),
        (Some(left), Some(limit)) => (format!("{left} left"), format!("of {limit} requests · {token}")),
        _ => ("? left".to_owned(), format!("of its requests · {token}")),
    };
    let more = if verdict >= Verdict::Warning { row.why.to_string() } else { of };
    vec![
        mark(verdict),
        vec![span(Role::Dim, format!("account {}", row.source.instance))],
        Words::new(),
        vec![span(if verdict >= Verdict::Warning { glyph::of(verdict).1 } else { Role::Dim }, left)],
        vec![span(Role::Dim, more)],
    ]
}

/// What is left of the error budget in minutes, and how it burns.
fn budget_cells(row: &Row, budget: &ErrorBudget, fits: Fits) -> Vec<ColumnText> {
    let known = !row.stale;
    let role = match budget.state {
        BurnState::Page if known => Role::Critical,
        BurnState::Ticket if known => Role::Warning,
        BurnState::Ok if known => Role::Text,
        _ => Role::Unknown,
    };
    // Two narrow cells, so that the columns of the rows above keep their place: how much is left.
    let (left, word) = match budget.left_min {
        Some(left) if left < 0.0 => ("none".to_owned(), "left"),
        Some(left) => (format!("{left:.0} m"), "left"),
        None => ("?".to_owned(), "left"),
    };
    let burn = match (budget.state, budget.burn) {
        (BurnState::Page | BurnState::Ticket, Some(burn)) if fits == Fits::Word => format!("{burn}×"),
        (BurnState::Page | BurnState::Ticket, Some(burn)) => format!("{burn}× too fast"),
        (BurnState::Ok, _) => String::new(),
        (BurnState::NoTraffic, _) => "no traffic".to_owned(),
        (state, _) => state.words().to_owned(),
    };
    let bound = if budget.is_bound() { "at most" } else { "" };
    let of = format!("of {} min", budget.budget_min);
    let of = if fits < Fits::Sentence && !burn.is_empty() { String::new() } else { of };
    let words: Vec<&str> = [burn.as_str(), bound, &of].into_iter().filter(|it| !it.is_empty()).collect();
    vec![
        mark(if row.stale { Verdict::Unknown } else { row.verdict }),
        vec![span(Role::Text, format!("budget {}", budget.service))],
        vec![span(if known { Role::Text } else { Role::Unknown }, left)],
        vec![span(role, word)],
        vec![span(Role::Dim, words.join(" · "))],
    ]
}

/// How good the answers to users are and which site gives them, by the services' own probes: the worst service.
pub fn summary(app: &Console) -> Words {
    let services = app.rows(Topic::Services);
    let worst = services.iter().filter_map(Row::with_kind::<ServiceRow>);
    let worst = worst.filter_map(|(row, it)| Some((it.good_percent?, &it.name, &it.sites, row.stale)));
    let Some((good, name, sites, stale)) = worst.min_by_key(|(good, ..)| *good) else { return Words::new() };
    let role = match good {
        _ if stale => Role::Unknown,
        100 => Role::Good,
        _ => Role::Critical,
    };
    let mut words = vec![span(role, format!("{good} % good"))];
    if let Some((site, share)) = sites.iter().max_by_key(|(_, share)| **share) {
        words.push(span(Role::Dim, format!(" · {share} % on {site}")));
    }
    if services.len() > 1 {
        words.push(span(Role::Dim, format!(" · {name}")));
    }
    words
}
