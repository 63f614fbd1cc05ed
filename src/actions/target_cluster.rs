//! Which cluster a plan goes to, where a service has several: the one that was asked for, else the first of them that can
//! take it. The plan says which, and why not another.

use crate::model::suggest::nearest;
use crate::model::{Objective, Refusal};

use super::board_query::{NONE, cluster_trouble, line, rows, two_sites};
use super::identifiers::{name, words};
use super::{PlanBody, PlanContext, refuse};
use crate::board::{LoadBalancerRow, Row};

/// Builds for one of several clusters.
pub(super) fn choose(
    context: &PlanContext,
    sites: &[&str],
    build: impl Fn(&PlanContext, &str) -> Result<PlanBody, Refusal>,
) -> Result<PlanBody, Refusal> {
    let build = |context: &PlanContext, site: &str| two_sites(context, site).and_then(|()| build(context, site));
    match (context.to, sites) {
        (Some(to), _) => {
            let mut body = build(context, asked(context.objective, sites, to)?)?;
            if sites.len() > 1 {
                body.shown.insert(0, line("goes to", NONE, format!("{}, as asked for", words(to))));
            }
            Ok(body)
        }
        (None, [only]) => build(context, only),
        (None, several) => first_that_can(context, several, build),
    }
}

/// The cluster that was asked for, if it is one of the service's.
fn asked<'a>(objective: &Objective, sites: &[&'a str], to: &str) -> Result<&'a str, Refusal> {
    sites.iter().find(|site| **site == to).copied().ok_or_else(|| {
        let near = nearest(to, sites.iter().copied()).map(|it| format!(" Did you mean {it}?")).unwrap_or_default();
        refuse(
            format!("{} does not come back on {}.{near}", words(&objective.service), words(to)),
            format!("It can on {}.", sites.join(" or ")),
        )
    })
}

/// The first without a known trouble of its cluster, else the first for which there is a plan at all.
fn first_that_can(
    context: &PlanContext,
    sites: &[&str],
    build: impl Fn(&PlanContext, &str) -> Result<PlanBody, Refusal>,
) -> Result<PlanBody, Refusal> {
    let mut can: Vec<(&str, PlanBody, Option<String>)> = Vec::new();
    let mut passed: Vec<String> = Vec::new();
    let mut remedy = String::new();
    for site in sites {
        match build(context, site) {
            Ok(body) => can.push((site, body, cluster_trouble(context.board, site, context.now))),
            Err(refusal) => {
                passed.push(format!("{site}: {}", refusal.why));
                if remedy.is_empty() {
                    remedy = refusal.remedy.to_string();
                }
            }
        }
    }
    let at = can.iter().position(|(.., trouble)| trouble.is_none()).unwrap_or(0);
    if can.is_empty() {
        let service = words(&context.objective.service);
        return Err(refuse(format!("{service} can go nowhere now. {}", passed.join(" ")), remedy));
    }
    let (site, mut body, trouble) = can.remove(at);
    body.shown.insert(0, line("goes to", NONE, format!("{site}, the first that can take it")));
    passed.extend(trouble);
    for (other, _, trouble) in can {
        passed.push(match trouble {
            Some(trouble) => trouble,
            None => format!("{other} could take it too: `--to {other}` chooses it."),
        });
    }
    body.warnings.extend(passed);
    Ok(body)
}

/// The clusters of a restore: the one that users are sent to comes first, for there its data is missing.
pub(super) fn of_restore<'a>(context: &PlanContext<'a>) -> Vec<&'a str> {
    let objective = context.objective;
    let mut sites: Vec<&str> = objective.restored_on().iter().map(String::as_str).collect();
    let serves = |site: &&str| {
        rows(context.board).filter_map(Row::as_kind::<LoadBalancerRow>).any(|it| {
            let host = objective.host(it.lb.name.as_str());
            host.zip(it.goes_to.as_ref()).and_then(|(host, to)| host.dr_of(to.as_str())) == Some(*site)
        })
    };
    sites.sort_by_key(|site| !serves(site));
    sites
}

/// The clusters of a failover.
pub(super) fn of_failover<'a>(context: &PlanContext<'a>) -> Result<Vec<&'a str>, Refusal> {
    let objective = context.objective;
    if objective.dr.is_empty() {
        return Err(refuse(
            format!(
                "Service {} has no DR cluster, so its users can't be sent anywhere else.",
                words(&objective.service)
            ),
            "Restore it in place, or name where it can go in dr of the service in warroom.toml.",
        ));
    }
    objective.dr.iter().map(|site| name("the DR site", site).map(|_| site.as_str())).collect()
}
