//! What the approvers of a failover read: now, after, and every reason why it may do less than they expect.

use crate::actions::PlanContext;
use crate::actions::board_query::{NONE, cluster_trouble, line, list, loss, parity, rows};
use crate::actions::identifiers::{shown, words};
use crate::actions::pools::other_users;
use crate::board::{BackupRow, Row, ServiceRow};
use crate::model::facts::LoadBalancer;
use crate::model::plan::ShownChange;
use crate::model::time;
use crate::model::{SafeText, Stamp, Strategy};

use super::{HostFailover, name_of, names};

/// The lines and warnings of the confirm view: what each host name becomes, then what they share.
pub(super) fn table(edges: &[HostFailover], context: &PlanContext, site: &str) -> (Vec<ShownChange>, Vec<String>) {
    let objective = context.objective;
    let (mut lines, mut warnings) = (Vec::new(), Vec::new());
    edges.iter().for_each(|edge| of_host(edge, &mut lines));
    let (lost, loss_warning) = you_lose(context);
    lines.push(line("you lose", NONE, lost));
    warnings.extend(loss_warning);
    if let Some((stands, warning)) = parity(context.board, site, context.now) {
        lines.push(line(&format!("apps on {}", words(site)), stands, NONE));
        warnings.extend(warning);
    }
    warnings.extend(cluster_trouble(context.board, &objective.primary, context.now));
    for edge in edges {
        let about = |it: &String| format!("{}{it}", edge.about);
        warnings.extend(edge.moves.warnings.iter().map(about));
        of_dr(edge, &mut lines, &mut warnings);
        others(edges, edge, context, &mut lines, &mut warnings);
        let mut staying = Vec::new();
        stay(edge, &mut staying);
        warnings.extend(staying.iter().map(about));
    }
    let owners = match edges {
        [_] => "Terraform or another owner of this load balancer will revert it at its next apply.",
        _ => "Terraform or another owner of these load balancers will revert them at its next apply.",
    };
    warnings.push(owners.to_owned());
    // Host names that share pools say the same of them.
    once(&mut lines);
    once(&mut warnings);
    (lines, warnings)
}

fn of_host(edge: &HostFailover, lines: &mut Vec<ShownChange>) {
    let own = [
        line("default pools", names(edge, &edge.order), names(edge, &edge.after)),
        line("fallback pool", name_of(edge, &edge.lb.fallback_pool), edge.dr.name.clone()),
    ];
    let own = own.into_iter().chain(edge.moves.shown.iter().cloned());
    let own = own.chain([line("users move", NONE, users_move(edge.lb))]);
    lines.extend(own.map(|it| ShownChange { what: format!("{}{}", edge.about, it.what), ..it }));
}

/// Leaves out what was said before.
fn once<T: PartialEq>(said: &mut Vec<T>) {
    let mut kept: Vec<T> = Vec::with_capacity(said.len());
    for it in said.drain(..) {
        if !kept.contains(&it) {
            kept.push(it);
        }
    }
    *said = kept;
}

fn sticky(lb: &LoadBalancer) -> bool {
    !matches!(lb.session_affinity.as_str(), "" | "none")
}

fn users_move(lb: &LoadBalancer) -> String {
    let sessions = match (sticky(lb), lb.affinity_ttl_s) {
        (false, _) => "sticky sessions: none".to_owned(),
        (true, None) => format!("sticky sessions: {}", shown(&lb.session_affinity.0)),
        (true, Some(ttl)) => {
            format!("sticky sessions: {} for {}", shown(&lb.session_affinity.0), time::words(u64::from(ttl)))
        }
    };
    match (lb.proxied, lb.ttl_s) {
        (true, _) => format!("within seconds at the edge, {sessions}"),
        (false, Some(ttl)) => format!("within about {} (DNS TTL), {sessions}", time::words(u64::from(ttl))),
        (false, None) => format!("when DNS answers expire (TTL not known), {sessions}"),
    }
}

/// Whether DR can take it: its health as far as it is proven, and its origins.
fn of_dr(edge: &HostFailover, lines: &mut Vec<ShownChange>, warnings: &mut Vec<String>) {
    let dr = &edge.dr;
    if let Some((on, all, needed)) = dr.origins {
        lines.push(line(&format!("{} origins", dr.name), format!("{on} of {all} enabled, {needed} needed"), NONE));
    }
    if dr.healthy.is_none() {
        warnings.push(match dr.monitored {
            true => format!("{}: its health is not known yet", dr.name),
            false => format!("{} has no monitor: nothing proves that it is healthy", dr.name),
        });
    }
    if dr.regional {
        warnings.push(format!("Each region judges {} for itself: healthy may not be so everywhere.", dr.name));
    }
    for pool in [&edge.primary, dr] {
        if pool.healthy.is_some() && !pool.monitored {
            warnings.push(format!("{} has no monitor: it never fails over by itself.", pool.name));
        }
    }
}

/// The pools' other users: this plan moves the service's host names, and whoever looks at the site must know the rest.
fn others(
    edges: &[HostFailover],
    edge: &HostFailover,
    context: &PlanContext,
    lines: &mut Vec<ShownChange>,
    warnings: &mut Vec<String>,
) {
    let moved: Vec<&LoadBalancer> = edges.iter().map(|it| it.lb).collect();
    let (users, whole) = other_users(context, &moved, &edge.primary);
    let primary = &edge.primary.name;
    if !users.is_empty() {
        let names: Vec<SafeText> = users.iter().map(|it| SafeText::new(it)).collect();
        lines.push(line(&format!("also use {primary}"), list(&names, 6), "stay as they are"));
    }
    if !whole {
        warnings.push(format!("Who else uses pool {primary} was not read: other host names may stay on it."));
    }
}

/// Who stays where they are although the order changed.
fn stay(edge: &HostFailover, warnings: &mut Vec<String>) {
    let (lb, primary) = (edge.lb, &edge.primary.name);
    if sticky(lb) {
        warnings.push(format!("Sticky sessions stay on {primary} as long as its origins look healthy."));
        let drain = match lb.drain_s {
            Some(s) if s > 0 => format!("over {} (drain)", time::words(u64::from(s))),
            _ => "at once: no drain is set".to_owned(),
        };
        warnings.push(format!("Disabling {primary} by hand would move those sessions, {drain}."));
    }
    if lb.proxied {
        warnings.push(format!("Proxied: the TTL means nothing, and open connections to {primary} are not cut."));
    }
}

fn you_lose(context: &PlanContext) -> (String, Option<String>) {
    if context.objective.strategy == Strategy::ActiveActive {
        return ("what was not replicated yet; replication is not watched".to_owned(), None);
    }
    let mut services = rows(context.board).filter_map(Row::as_kind::<ServiceRow>);
    let point = services.find(|it| it.name == context.objective.service).and_then(|it| it.restore_point.as_ref());
    match point {
        Some(point) => {
            let (text, within) = loss(context, point.name.as_str(), point.started);
            let warning = match (within, unread_since(context, &point.name)) {
                (false, _) => Some(format!("Data loss is over the objective: {text}")),
                (true, Some(at)) => Some(format!(
                    "Whether restore point {} is still there was last read at {} UTC.",
                    words(point.name.as_str()),
                    at.format("%H:%M")
                )),
                (true, None) => None,
            };
            (text, warning)
        }
        None => (
            "not known: no usable restore point".to_owned(),
            Some(format!("No usable restore point of {} is known.", words(&context.objective.service))),
        ),
    }
}

/// When a restore point was last read, if that was too long ago to count on.
fn unread_since(context: &PlanContext, point: &SafeText) -> Option<Stamp> {
    let mut old = rows(context.board).filter(|row| row.stale).filter_map(Row::with_kind::<BackupRow>);
    old.find(|(_, it)| it.point.as_ref().is_some_and(|held| held.name == *point)).map(|(row, _)| row.seen_at)
}
