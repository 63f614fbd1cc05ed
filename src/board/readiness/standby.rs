//! What has to stand ready at this instant for a recovery to be possible: the DR cluster and its pool.

use crate::board::row::{ClusterRow, LoadBalancerRow, PoolRef, Row, Topic, Verdict};
use crate::board::unknown_names::{AtEdge, not_at_edge};
use crate::model::facts::{LoadBalancer, NamespacePods, Pod};
use crate::model::time::{since, words};
use crate::model::{Host, Strategy};

use super::applications::applications;
use super::{Attainment, ObjectiveKind, ReadinessCheck, ReadinessInput, check};

fn of(what: &str, standing: Attainment, says: impl AsRef<str>, remedy: &str) -> ReadinessCheck {
    check(ObjectiveKind::Rto, what, standing, says, remedy)
}

/// What has to stand ready on one cluster: all of it on a DR cluster; the cluster alone where the service has no other and
/// is restored in place.
pub(super) fn site(seen: &ReadinessInput<'_>, site: &str) -> Vec<ReadinessCheck> {
    let mut checks = vec![cluster(seen, site)];
    if seen.objective.has_dr(site) {
        checks.extend(pods(seen, site));
        checks.push(applications(seen, site));
        checks.extend(traffic(seen, site));
    }
    checks.into_iter().map(|it| ReadinessCheck { site: Some(site.to_owned()), ..it }).collect()
}

/// What is known of a cluster.
struct KnownCluster<'a> {
    row: &'a Row,
    nodes: u32,
    ready: u32,
    uid: Option<&'a str>,
    same_as: &'a [String],
    pods: &'a [Pod],
    namespaces: &'a [NamespacePods],
}

fn known<'a>(seen: &ReadinessInput<'a>, wanted: &str) -> Option<KnownCluster<'a>> {
    let mut all = seen.rows(Topic::Clusters).iter().filter_map(Row::with_kind::<ClusterRow>);
    let (row, cluster) = all.find(|(_, it)| it.name == wanted)?;
    let ClusterRow { nodes, nodes_ready, control_plane, same_as, pods, namespaces, .. } = cluster;
    let uid = control_plane.as_ref().and_then(|it| it.uid.as_deref());
    Some(KnownCluster { row, nodes: *nodes, ready: *nodes_ready, uid, same_as, pods, namespaces })
}

/// Whether a DR cluster is known to be the primary by another name.
pub(super) fn is_primary(seen: &ReadinessInput<'_>, dr: &str) -> bool {
    seen.objective.has_dr(dr) && known(seen, dr).is_some_and(|it| it.same_as.contains(&seen.objective.primary))
}

/// Whether a cluster could take the service.
fn cluster(seen: &ReadinessInput<'_>, dr: &str) -> ReadinessCheck {
    let what = if seen.objective.has_dr(dr) { "DR cluster" } else { "cluster" };
    let told = |standing, says: String, remedy: &str| of(what, standing, says, remedy);
    let Some(site) = known(seen, dr) else {
        let remedy = "Name it in a [[cluster]] with a credential that may read it.";
        return told(Attainment::Unknown, format!("nothing is known of {dr}"), remedy);
    };
    let (row, primary) = (site.row, seen.objective.primary.as_str());
    if is_primary(seen, dr) {
        let uid = site.uid.unwrap_or_default();
        let remedy = "Correct the context of one of them: what takes primary down takes this cluster down too.";
        return told(Attainment::Missed, format!("{primary} and {dr} are one cluster (uid {uid})"), remedy);
    }
    match row.verdict {
        _ if row.stale => told(Attainment::Unknown, format!("{dr}: {}", row.why), "Bring its API back."),
        Verdict::Ok => two_sites(seen, dr, &site).unwrap_or_else(|| {
            told(Attainment::Met, format!("{dr} answers, {} of {} nodes are ready", site.ready, site.nodes), "")
        }),
        Verdict::Critical => {
            let remedy = "Repair it first: nothing can be brought up there.";
            told(Attainment::Missed, format!("{dr}: {}", row.why), remedy)
        }
        _ => told(Attainment::Unknown, format!("{dr}: {}", row.why), "Pane Events says what is wrong there."),
    }
}

/// Why it is not proven that primary and DR are two clusters, if it is not.
fn two_sites(seen: &ReadinessInput<'_>, name: &str, dr: &KnownCluster<'_>) -> Option<ReadinessCheck> {
    let primary = seen.objective.primary.as_str();
    if name == primary {
        return None;
    }
    let unread = match (dr.uid, known(seen, primary).and_then(|it| it.uid)) {
        (Some(_), Some(_)) => return None,
        (None, _) => name,
        (_, None) => primary,
    };
    let says = format!("which cluster {unread} is was not read, so {primary} and {name} may be one");
    let remedy = "Let this credential get the namespace kube-system there: its uid tells clusters apart.";
    Some(of("DR cluster", Attainment::Unknown, says, remedy))
}

/// Whether the service's pods on the DR side run. `None` = nothing is promised of them, or not even their cluster is known.
fn pods(seen: &ReadinessInput<'_>, dr: &str) -> Option<ReadinessCheck> {
    let objective = seen.objective;
    let site = known(seen, dr).filter(|it| !it.row.stale)?;
    let own = |namespace: &str| objective.namespaces.iter().any(|it| it == namespace);
    let told = |standing, says: String, remedy: &str| Some(of("pods", standing, says, remedy));
    let bad: Vec<&Pod> = site.pods.iter().filter(|it| own(it.namespace.as_str())).collect();
    let counted: Vec<&NamespacePods> = site.namespaces.iter().filter(|it| own(it.namespace.as_str())).collect();
    let (ready, all) = counted.iter().fold((0, 0), |sum, it| (sum.0 + it.ready, sum.1 + it.all));
    if let Some(worst) = bad.first() {
        let for_long = worst.since.map(|at| format!(" for {}", words(since(at, seen.now)))).unwrap_or_default();
        let more = if bad.len() > 1 { format!(", and {} more", bad.len() - 1) } else { String::new() };
        let says = format!(
            "{ready} of {all} pods are ready on {dr}; {}/{} {}{for_long}{more}",
            worst.namespace, worst.name, worst.trouble
        );
        let standing = if ready == 0 { Attainment::Missed } else { Attainment::Unknown };
        return told(standing, says, "Look at these pods on that cluster: what they wait for is in pane Events.");
    }
    let runs = matches!(objective.strategy, Strategy::WarmStandby | Strategy::ActiveActive);
    match (ready, all) {
        _ if counted.is_empty() => None,
        (0, _) if !runs => None,
        (0, _) => {
            let says = format!(
                "no pod of {} is ready on {dr}, and its strategy says that some run",
                objective.namespaces.join(", ")
            );
            told(Attainment::Missed, says, "Scale it up there, or say cold or pilot-light if nothing is meant to run.")
        }
        (ready, all) if ready < all && runs => told(
            Attainment::Unknown,
            format!("{ready} of {all} pods are ready on {dr}"),
            "Wait for the others, or look at them.",
        ),
        (ready, all) => told(Attainment::Met, format!("{ready} of {all} pods are ready on {dr}"), ""),
    }
}

/// Whether users can be sent to a DR cluster: one answer for each host name.
fn traffic(seen: &ReadinessInput<'_>, dr: &str) -> Vec<ReadinessCheck> {
    let objective = seen.objective;
    if objective.hosts.is_empty() {
        let says = "no load balancer and DR pool are named for it: how users get there is not known";
        return vec![of("traffic", Attainment::Unknown, says, "Name them in its [[service]].")];
    }
    let several = objective.hosts.len() > 1 || objective.dr.len() > 1;
    let each = objective.hosts.iter().map(|host| {
        let check = of_host(seen, host, dr);
        // Of several, which one it is about comes first.
        let says =
            if several { format!("{} to {dr}: {}", host.load_balancer, check.says) } else { check.says.to_string() };
        ReadinessCheck { says: says.into(), ..check }
    });
    each.collect()
}

fn of_host(seen: &ReadinessInput<'_>, host: &Host, dr: &str) -> ReadinessCheck {
    let unknown = |says: String, remedy: &str| of("traffic", Attainment::Unknown, says, remedy);
    let Some(pool) = host.dr_pool(dr) else {
        let says = format!("no pool of {dr} is named for it: how users get there is not known");
        return unknown(says, "Name it in `dr_pool` of its [[service]], in the order of `dr`.");
    };
    let (host, pools) = (&host.load_balancer, host.primary_pool.as_deref().into_iter().chain([pool]));
    let at_edge = || seen.rows(Topic::Traffic).iter().chain(seen.rows(Topic::Sources));
    let correct = "Correct the name in its [[service]] of warroom.toml.";
    if let Some(says) = not_at_edge(AtEdge::LoadBalancer, host, at_edge(), seen.now) {
        return unknown(says, correct);
    }
    let mut missing = pools.filter_map(|name| not_at_edge(AtEdge::Pool, name, at_edge(), seen.now));
    if let Some(says) = missing.next() {
        return unknown(says, correct);
    }
    let mut all = seen.rows(Topic::Traffic).iter().filter_map(Row::with_kind::<LoadBalancerRow>);
    let Some((row, it)) = all.find(|(_, it)| it.lb.name == host.as_str()) else {
        return unknown(format!("nothing is known of {host}"), "Bring the edge's API back: its source says why.");
    };
    if row.stale {
        return unknown(format!("{host}: {}", row.why), "Bring the edge's API back.");
    }
    let Some(named) = it.order.iter().chain(&it.fallback).find(|it| it.name == pool) else {
        return unknown(format!("pool {pool} is not in the order of {host}"), "Add it behind the primary's pool.");
    };
    if it.goes_to.as_ref().is_some_and(|to| to == pool) {
        let says = format!("users are on {pool} already: there is no further site to go to");
        return unknown(says, "Move them back when the primary side is proven good.");
    }
    of_pool(&it.lb, named)
}

fn of_pool(lb: &LoadBalancer, pool: &PoolRef) -> ReadinessCheck {
    let PoolRef { name, places_ok, places, .. } = pool;
    let unknown = |says: String, remedy: &str| of("traffic", Attainment::Unknown, says, remedy);
    if !lb.enabled {
        return unknown(format!("load balancer {} is disabled", lb.name), "Enable it, or name what answers instead.");
    }
    match (pool.enabled, pool.healthy) {
        (Some(false), _) => of("traffic", Attainment::Missed, format!("pool {name} is switched off"), "Switch it on."),
        (_, Some(false)) => {
            let from = match places {
                0 => String::new(),
                _ => format!(": seen up from {places_ok} of {places} regions"),
            };
            let says = format!("pool {name} is down{from}");
            of("traffic", Attainment::Missed, says, "Repair it: users would be sent to nobody.")
        }
        (_, None) => unknown(format!("nothing says whether pool {name} is healthy"), "Give it a monitor."),
        // Without what each region sees, the provider's one word is the truth, unless each of them judges for itself.
        (_, Some(true)) if *places == 0 && pool.regional => {
            let says = format!("each region judges pool {name} for itself, and what they see was not read");
            unknown(says, "Look at its health by region at the provider.")
        }
        (_, Some(true)) if places_ok < places => {
            let says = format!("pool {name} is seen up from {places_ok} of {places} regions");
            unknown(says, "Find out why the others do not see it.")
        }
        (_, Some(true)) if !lb.overrides.is_empty() => {
            let says = format!("{} rules or pool sets may override the order", lb.overrides.len());
            unknown(says, "Remove them, or accept that a change of the order moves not everyone.")
        }
        (_, Some(true)) if *places == 0 => of("traffic", Attainment::Met, format!("pool {name} is healthy"), ""),
        (_, Some(true)) => {
            of("traffic", Attainment::Met, format!("pool {name} is healthy in {places_ok} of {places} regions"), "")
        }
    }
}
