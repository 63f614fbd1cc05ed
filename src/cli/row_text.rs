//! A board row in two cells of a table: what it is about, and how that is.

use super::command_output::age;
use crate::board::row::{PointSummary, Route, runs_words};
use crate::board::{AppRow, ErrorBudget, RowBody};
use crate::model::facts::EdgeAccount;
use crate::model::silence::{Silence, line_of};
use crate::model::time::{moment, short, since};
use crate::model::{SafeText, Stamp, Trouble};

/// One exhaustive match, so that a new kind of row can't be forgotten.
pub fn describe(body: &RowBody, now: Stamp) -> (String, String) {
    match body {
        RowBody::Source { alive_at, trouble, notes, .. } => {
            ("source".to_owned(), source(*alive_at, trouble.as_ref(), notes, now))
        }
        RowBody::Heartbeat { expected } => ("heartbeat".to_owned(), format!("expected: {}", expected.join(", "))),
        RowBody::Cluster { name, .. } => (format!("cluster {name}"), cluster(body)),
        RowBody::Service { name, rto_s, rpo_s, restore_point, .. } => {
            let point = newest(restore_point.as_ref(), now);
            (format!("service {name}"), format!("{point} · RPO {} · RTO {}", short(*rpo_s), short(*rto_s)))
        }
        RowBody::Slo(budget) => (format!("slo {}", budget.service), slo(budget, now)),
        RowBody::Event(event) => (
            format!("{}/{}", event.object_kind, event.object_name),
            format!("{} ×{} · {}", event.reason, event.count, event.message),
        ),
        RowBody::Alert { alert, held_by, .. } => {
            let since = alert.starts_at.map_or(String::new(), |at| format!(" for {}", age(at, now)));
            let told = list(&alert.receivers, ", ");
            let about = alert.about();
            let about = if about.is_empty() { about } else { format!("{about} · ") };
            let held = if held_by.is_empty() { String::new() } else { format!(" · on {}", held_by.join(", ")) };
            let summary = if alert.summary.is_empty() { String::new() } else { format!(" · {}", alert.summary) };
            let says = format!("{about}{}{since} → {told}{held}{summary}", alert.state.as_str());
            (alert.name.to_string(), says)
        }
        RowBody::Silence { silence, hits, critical, .. } => of_silence(silence, *hits, *critical, now),
        RowBody::Backup { .. } => backup(body, now),
        RowBody::Location(it) => {
            (format!("location {}", it.name), format!("{} {}", it.phase.as_str(), it.access_mode.as_str()))
        }
        RowBody::Restore(it) => (
            format!("restore {}", it.name),
            format!("{} {}/{} of {}", it.phase.as_str(), it.items_done, it.items_total, it.backup),
        ),
        RowBody::Parity { cluster, ok, total, laggards, .. } => {
            let late: Vec<_> = laggards.iter().take(3).map(|(name, why)| format!("{name} {why}")).collect();
            let more = laggards.len().saturating_sub(late.len());
            let more = if more > 0 { format!("; and {more} more") } else { String::new() };
            (format!("parity of {cluster}"), format!("{ok} of {total} {}{more}", late.join("; ")))
        }
        RowBody::App(app) => (app.label().to_string(), application(app)),
        RowBody::LoadBalancer { lb, .. } => (lb.name.to_string(), balancer(body)),
        RowBody::Pool(pool) => {
            let healthy = pool.healthy.map_or("health unknown", |healthy| if healthy { "healthy" } else { "down" });
            (format!("pool {}", pool.name), format!("{healthy}{}", if pool.enabled { "" } else { " · disabled" }))
        }
        RowBody::EdgeAccount(it) => (format!("account {}", it.account), account(it)),
        RowBody::Probe(probe) => {
            let status = probe.status.map_or("no answer".to_owned(), |status| status.to_string());
            let site = probe.site.as_ref().map_or(String::new(), |site| format!(" from {site}"));
            (format!("probe {}", probe.name), format!("{status}{site} · {}/{} good", probe.good, probe.samples))
        }
    }
}

/// A schedule's newest usable restore point, what it missed, and a newer backup that is not usable.
fn backup(body: &RowBody, now: Stamp) -> (String, String) {
    let RowBody::Backup { schedule, point, rpo_s, missed_runs, missed_more, cluster, newer, .. } = body else {
        return Default::default();
    };
    let rpo = rpo_s.map_or(String::new(), |rpo| format!(" of RPO {}", short(rpo)));
    let missed = runs_words(*missed_runs, *missed_more);
    let missed = if *missed_runs > 0 { format!(" · {missed} missed") } else { String::new() };
    let newer = newer.as_ref().map_or(String::new(), |(name, state)| format!(" · {name} {state}"));
    (format!("{schedule} ({cluster})"), format!("{}{rpo}{missed}{newer}", newest(point.as_ref(), now)))
}

/// The order of a load balancer, and where its traffic goes.
fn balancer(body: &RowBody) -> String {
    let RowBody::LoadBalancer { lb, order, goes_to, routes, .. } = body else { return String::new() };
    let order: Vec<_> = order.iter().map(|pool| pool.name.clone()).collect();
    let to = match goes_to {
        Some(to) => to.to_string(),
        None if routes.is_empty() => "unknown".to_owned(),
        None => Route::words(routes),
    };
    format!("order {} · goes to {to} · policy {}", list(&order, " → "), lb.policy.as_str())
}

/// How an application stands by its tool's own words, and what it runs of what it should.
fn application(app: &AppRow) -> String {
    let state = match &app.flux {
        Some(_) if app.suspended => "Suspended".to_owned(),
        Some(flux) if flux.ready.as_str().is_empty() => "not reconciled".to_owned(),
        Some(flux) => format!("Ready {} {}", flux.ready.as_str(), flux.reason.as_str()),
        None => format!("{} {}", app.sync.as_str(), app.health.as_str()),
    };
    let of = if app.expected.is_empty() { String::new() } else { format!(" of {}", app.expected) };
    let runs = if app.revision.is_empty() { String::new() } else { format!(" · {}{of}", app.revision) };
    let from = if app.deployed_from.is_empty() { String::new() } else { format!(" from {}", app.deployed_from) };
    format!("{}{from} to {} · {}{runs}", app.tool().name(), app.cluster, state.trim())
}

/// What was read of a cluster; a number of what was not is none.
fn cluster(body: &RowBody) -> String {
    let RowBody::Cluster { nodes, nodes_ready, nodes_read, pods_read, pods_troubled, control_plane, .. } = body else {
        return String::new();
    };
    let nodes = match nodes {
        _ if !nodes_read => "nodes not read".to_owned(),
        0 => "no nodes".to_owned(),
        nodes => format!("{nodes_ready} of {nodes} nodes ready"),
    };
    let pods = if *pods_read { format!("{pods_troubled} pods in trouble") } else { "pods not read".to_owned() };
    let failed = control_plane.as_ref().map_or(&[][..], |plane| &plane.failed);
    let failed = if failed.is_empty() { String::new() } else { format!(" · failing: {}", list(failed, ", ")) };
    format!("{nodes} · {pods}{failed}")
}

fn account(it: &EdgeAccount) -> String {
    let left = match (it.remaining, it.limit) {
        (Some(left), Some(limit)) => format!("{left} of {limit} requests left"),
        _ => "requests left unknown".to_owned(),
    };
    let status = if it.token.status.as_str().is_empty() { "unknown" } else { it.token.status.as_str() };
    let until = it.token.expires.map_or(String::new(), |at| format!(" until {}", at.format("%Y-%m-%d")));
    format!("{left} · ours {} of at most {} in 5 min · token {status}{until}", it.asked, it.share)
}

fn slo(it: &ErrorBudget, now: Stamp) -> String {
    let burn = it.burn.map_or(String::new(), |burn| format!(" {burn}× over {}", short(it.burn_over_s)));
    let empty = it.empty_at.map_or(String::new(), |at| format!(" · empty in {}", short(since(now, at))));
    let requests = it.requests.map_or(String::new(), |requests| format!(" · {requests} requests in 1 h"));
    format!("{} · {}{burn}{empty}{requests}", it.left_words(), it.state.words())
}

fn of_silence(silence: &Silence, hits: u32, critical: u32, now: Stamp) -> (String, String) {
    let until = silence.ends_at.map_or(String::new(), |at| format!(" until {}", moment(at, now)));
    let id: String = silence.id.chars().take(8).collect();
    let how = format!(
        "{}{until} · {hits} alerts, {critical} critical · by {} · {}",
        silence.state.as_str(),
        silence.created_by,
        silence.comment
    );
    (format!("{id} {}", line_of(&silence.matchers)), how)
}

fn newest(point: Option<&PointSummary>, now: Stamp) -> String {
    point.map_or("no usable restore point".to_owned(), |it| format!("{} {} old", it.name, age(it.started, now)))
}

fn list(names: &[SafeText], between: &str) -> String {
    names.iter().map(SafeText::as_str).collect::<Vec<_>>().join(between)
}

/// When a source was last heard, and what to do about it; what failed is in the row's own reason.
fn source(alive_at: Option<Stamp>, trouble: Option<&Trouble>, notes: &[SafeText], now: Stamp) -> String {
    let alive = alive_at.map_or("never heard".to_owned(), |at| format!("alive {} ago", age(at, now)));
    match trouble {
        Some(trouble) if !trouble.remedy.is_empty() => format!("{alive} · {}", trouble.remedy),
        // A trouble names the proxy itself.
        None if !notes.is_empty() => format!("{alive} · {}", list(notes, ", ")),
        _ => alive,
    }
}
