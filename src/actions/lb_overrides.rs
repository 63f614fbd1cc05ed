//! The other places of a load balancer that name the primary pool: rules, pool sets, and lists by place. A failover that
//! leaves one of them out moves some users and not others, and nobody can tell which.
//!
//! Each place is either brought along, or the reason why it can't be is said. Which requests a rule or a pool set matches
//! is never computed: the provider's own texts differ on how.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::facts::{LoadBalancer, PlaceRole, PoolPlace};
use crate::model::plan::ShownChange;
use crate::model::step_request::{PoolEdit, PoolIds};
use crate::model::{Refusal, SafeText};

use super::board_query::{line, list};
use super::identifiers::{name, shown, words};
use super::refuse;

/// What is written beside the order and the fallback.
#[derive(Debug, Default)]
pub(super) struct LbOverrides {
    pub edits: Vec<PoolEdit>,
    /// The parts that are edited, each with the digest it must still have.
    pub was: BTreeMap<String, String>,
    pub shown: Vec<ShownChange>,
    pub warnings: Vec<String>,
}

/// The two pools of a failover by id, and how a pool is called.
pub(super) struct PoolPair<'a> {
    pub primary: &'a str,
    pub dr: &'a str,
    pub called: &'a dyn Fn(&str) -> String,
}

/// Brings every place that names the primary pool along, or says why that can't be done.
pub(super) fn moves(lb: &LoadBalancer, host: &str, pair: &PoolPair) -> Result<LbOverrides, Refusal> {
    if lb.places_cut {
        return Err(refuse(
            format!("{host} names pools in more places than can be shown and checked."),
            "Change it by hand, or use fewer rules and pool sets.",
        ));
    }
    let mut out = LbOverrides::default();
    for place in lb.places.iter().filter(|it| it.pools.iter().any(|id| id == pair.primary)) {
        let what = shown(&place.what);
        if place.role == PlaceRole::Other {
            let primary = (pair.called)(pair.primary);
            out.warnings.push(format!("{what} names {primary} too; what it does is not known, and it is not changed."));
            continue;
        }
        obeys_order(place, host, &what, &mut out)?;
        let after = after(place, pair);
        if after == place.pools {
            continue;
        }
        edit(lb, host, place, &after, &mut out)?;
        let called = |ids: &[String]| ids.iter().map(|id| (pair.called)(id)).collect::<Vec<_>>().join(" → ");
        out.shown.push(line(&what, called(&place.pools), called(&after)));
    }
    stays(lb, pair, &mut out);
    Ok(out)
}

/// How many places have the primary before DR, or without it. The adapter counts the same way.
pub(super) fn ahead(lb: &LoadBalancer, pair: &PoolPair) -> usize {
    let own = [lb.default_pools.as_slice(), std::slice::from_ref(&lb.fallback_pool)];
    let more = lb.places.iter().filter(|it| it.role != PlaceRole::Other).map(|it| it.pools.as_slice());
    own.into_iter()
        .chain(more)
        .filter(|pools| {
            let at = |id: &str| pools.iter().position(|it| it == id);
            at(pair.primary).is_some_and(|primary| at(pair.dr).is_none_or(|dr| primary < dr))
        })
        .count()
}

/// In a block that steers by anything but the order, writing an order moves nobody.
fn obeys_order(place: &PoolPlace, host: &str, what: &str, out: &mut LbOverrides) -> Result<(), Refusal> {
    match place.policy.as_str() {
        "off" | "geo" => Ok(()),
        _ if place.role == PlaceRole::Fallback => Ok(()),
        "" | "\"\"" => {
            if place.in_set {
                out.warnings.push(format!("{what} states no steering policy: that its order decides is not proven."));
            }
            Ok(())
        }
        policy => Err(refuse(
            format!("{what} of {host} steers by \"{}\": reordering does nothing under that policy.", words(policy)),
            "Change it by hand, or disable the primary pool at the provider: that moves every user of it.",
        )),
    }
}

/// DR comes right before the primary; who stood before the primary stays there.
fn after(place: &PoolPlace, pair: &PoolPair) -> Vec<String> {
    if place.role == PlaceRole::Fallback {
        return vec![pair.dr.to_owned()];
    }
    let at = |id: &str| place.pools.iter().position(|it| it == id);
    if let (Some(dr), Some(primary)) = (at(pair.dr), at(pair.primary))
        && dr < primary
    {
        return place.pools.clone();
    }
    let rest = place.pools.iter().filter(|id| *id != pair.dr);
    rest.flat_map(|id| if id == pair.primary { vec![pair.dr.to_owned(), id.clone()] } else { vec![id.clone()] })
        .collect()
}

fn edit(
    lb: &LoadBalancer,
    host: &str,
    place: &PoolPlace,
    after: &[String],
    out: &mut LbOverrides,
) -> Result<(), Refusal> {
    let what = shown(&place.what);
    for part in place.path.split('/') {
        name(&what, part)?;
    }
    let ids = after.iter().map(|id| name("a pool", id)).collect::<Result<Vec<_>, _>>()?;
    let part = place.path.split('/').next().unwrap_or_default();
    let Some(digest) = lb.digests.get(part) else {
        return Err(refuse(
            format!("The {part} of {host} hold a number that can't be sent back exactly."),
            "Change them by hand: a write replaces them whole.",
        ));
    };
    let to = if place.role == PlaceRole::Fallback { PoolIds::One(ids[0].clone()) } else { PoolIds::Order(ids) };
    out.edits.push(PoolEdit { at: place.path.clone(), to });
    out.was.insert(part.to_owned(), name("the digest", digest)?);
    Ok(())
}

/// What may send users elsewhere and does not name the primary is left alone, and said.
fn stays(lb: &LoadBalancer, pair: &PoolPair, out: &mut LbOverrides) {
    let touched: BTreeSet<&str> =
        lb.places.iter().filter(|it| it.pools.iter().any(|id| id == pair.primary)).map(|it| it.what.as_str()).collect();
    let untouched: Vec<SafeText> = lb
        .overrides
        .iter()
        .filter(|it| !touched.iter().any(|what| *what == it.as_str() || begins(what, it.as_str())))
        .cloned()
        .collect();
    if !untouched.is_empty() {
        let primary = (pair.called)(pair.primary);
        let who = list(&untouched, 6);
        out.warnings
            .push(format!("Users under {who} go where that says; it does not name {primary} and stays as it is."));
    }
}

/// `rule blue: order` belongs to `rule blue`, `region_pools WEU` to `region_pools`.
fn begins(what: &str, name: &str) -> bool {
    what.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', ' ']))
}
