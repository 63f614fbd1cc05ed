//! `[[service]]` → objective: tiers are templates, what is written beside them wins.

use super::one_or_many::values;
use super::raw::{RawCluster, RawFile, RawService, Section};
use super::resolve::ResolveContext;
use super::rules::{each, said};
use crate::model::{Objective, Strategy};

/// A tier: what is promised unless the service says otherwise. A year is the most anyone promises.
#[derive(Clone, Copy)]
struct Tier {
    name: &'static str,
    /// RTO and RPO in seconds; `None` where a regulator, not we, sets them.
    promise: Option<(u64, u64)>,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The upper ends of the usual bands: 15–30 min / 5 min, 1–4 h / 15–30 min, 4–24 h / 1–4 h.
const TIERS: [Tier; 4] = [
    Tier { name: "critical", promise: Some((30 * MINUTE, 5 * MINUTE)) },
    Tier { name: "important", promise: Some((4 * HOUR, 30 * MINUTE)) },
    Tier { name: "standard", promise: Some((24 * HOUR, 4 * HOUR)) },
    Tier { name: "regulated", promise: None },
];

const STRATEGIES: [(&str, Strategy); 4] = [
    ("cold", Strategy::Cold),
    ("pilot-light", Strategy::PilotLight),
    ("warm-standby", Strategy::WarmStandby),
    ("active-active", Strategy::ActiveActive),
];

/// The word for a strategy in the file.
pub(super) fn strategy_word(strategy: Strategy) -> &'static str {
    STRATEGIES.iter().find(|(_, known)| *known == strategy).map_or("", |(word, _)| word)
}

pub(super) fn services(raw: &RawFile, make: &mut ResolveContext<'_, '_>) -> Vec<Objective> {
    raw.services.iter().map(|section| service(section, raw, make)).collect()
}

fn service(section: &Section<RawService>, raw: &RawFile, make: &mut ResolveContext<'_, '_>) -> Objective {
    let (it, title) = (&section.it, "[[service]]");
    let (rto_s, rpo_s) = promise(section, make);
    make.need(&it.strategy, "strategy", title, &section.at);
    let strategy = it.strategy.as_ref().and_then(|word| make.choice(word, "strategy", &STRATEGIES));
    let name = make.need(&it.name, "name", title, &section.at);
    let primary = primary(section, raw, make);
    let dr = dr(section, raw, &primary, make);
    let mut probes = make.names(&it.probes, "probes");
    for probe in &raw.probes {
        // A probe names its service, so the service need not name it again.
        if let (Some(probe_name), true) = (said(&probe.it.name), said(&probe.it.service) == Some(name.as_str()))
            && !probes.iter().any(|known| known == probe_name)
        {
            probes.push(probe_name.to_owned());
        }
    }
    let objective = Objective {
        rto_s,
        rpo_s,
        strategy: strategy.unwrap_or(Strategy::Cold),
        hosts: super::hosts::hosts(section, raw, &dr, make),
        primary,
        dr,
        schedules: make.names(&it.schedules, "schedules"),
        namespaces: make.names(&it.namespaces, "namespaces"),
        apps: make.names(&it.apps, "apps"),
        probes,
        service: name,
    };
    can_be_watched(&objective, section, raw, make);
    objective
}

/// What is promised for a service must be visible somewhere, or its row could never be green.
fn can_be_watched(
    objective: &Objective,
    section: &Section<RawService>,
    raw: &RawFile,
    make: &mut ResolveContext<'_, '_>,
) {
    let theirs = |cluster: &&RawCluster| objective.clusters().any(|own| said(&cluster.name) == Some(own));
    let of_service: Vec<&RawCluster> = raw.clusters.iter().map(|section| &section.it).filter(theirs).collect();
    if of_service.is_empty() {
        return;
    }
    for schedule in each(&section.it.schedules).take(1) {
        if of_service.iter().all(|c| c.velero.is_none()) {
            let what = "no cluster of this service has `velero` set: its restore points could not be seen";
            make.report.at(schedule.span(), what);
        }
    }
    for app in each(&section.it.apps).take(1) {
        // One Argo CD or Flux may deploy to every cluster, wherever it runs.
        if raw.clusters.iter().all(|c| c.it.argocd.is_none() && c.it.flux.is_none()) {
            let what = "no cluster has `argocd` or `flux` set: its applications could not be seen";
            make.report.at(app.span(), what);
        }
    }
}

/// RTO and RPO: what is written, else the tier's.
fn promise(section: &Section<RawService>, make: &mut ResolveContext<'_, '_>) -> (u64, u64) {
    let it = &section.it;
    let tiers = TIERS.map(|tier| (tier.name, tier));
    let tier = it.tier.as_ref().and_then(|word| make.choice(word, "tier", &tiers));
    let template = tier.and_then(|tier| tier.promise);
    let unread = ["tier", "rto", "rpo"].iter().any(|key| make.report.is_unread(&section.at, key));
    if template.is_none() && !unread && (it.rto.is_none() || it.rpo.is_none()) {
        let missing = match (&it.rto, &it.rpo) {
            (None, None) => "`rto` and `rpo`",
            (None, _) => "`rto`",
            _ => "`rpo`",
        };
        match (&it.tier, tier) {
            (Some(word), Some(tier)) => {
                let what = format!("tier `{}` has no defaults, your regulator sets them: give {missing}", tier.name);
                make.report.at(word.span(), what);
            }
            (None, _) => {
                make.report.at(section.at.clone(), format!("[[service]] has no `tier`: give one, or {missing}"))
            }
            // An unknown tier has been reported already.
            (Some(_), None) => {}
        }
    }
    let (rto, rpo) = template.unwrap_or((HOUR, HOUR));
    (make.time(&it.rto, "rto", rto, (1, 366 * 24 * HOUR)), make.time(&it.rpo, "rpo", rpo, (1, 366 * 24 * HOUR)))
}

/// The cluster that serves it; where only one cluster has that role, it need not be named.
fn primary(section: &Section<RawService>, raw: &RawFile, make: &mut ResolveContext<'_, '_>) -> String {
    if let Some(name) = &section.it.primary {
        return name.get_ref().clone();
    }
    match with_role(raw, "primary").as_slice() {
        [only] => (*only).to_owned(),
        found => {
            if !make.report.is_unread(&section.at, "primary") && roles_are_known(raw) {
                let what = format!(
                    "[[service]] has no `primary`, and {} clusters have the role `primary`: name one",
                    found.len()
                );
                make.report.at(section.at.clone(), what);
            }
            String::new()
        }
    }
}

/// The clusters it can fail over to. Left out, it is the only one of that role; without any, the service has no other
/// site and comes back in place.
fn dr(section: &Section<RawService>, raw: &RawFile, primary: &str, make: &mut ResolveContext<'_, '_>) -> Vec<String> {
    if section.it.dr.is_none() {
        if make.report.is_unread(&section.at, "dr") {
            return Vec::new();
        }
        return match with_role(raw, "dr").as_slice() {
            [] => Vec::new(),
            [only] if *only == primary => {
                let what = format!(
                    "[[service]] has no `dr`, and the only cluster of that role, `{primary}`, is its `primary`: name \
                     where it fails over to, or write `dr = []` if it has no other site"
                );
                make.report.at(section.at.clone(), what);
                Vec::new()
            }
            [only] => vec![(*only).to_owned()],
            found => {
                let what = format!(
                    "[[service]] has no `dr`, and {} clusters have the role `dr`: name those that it can fail over to, \
                     the first choice first",
                    found.len()
                );
                make.report.at(section.at.clone(), what);
                Vec::new()
            }
        };
    }
    let written = values(&section.it.dr);
    for (at, name) in &written {
        if !primary.is_empty() && name.as_str() == primary {
            let what = format!("`dr` is the same cluster as `primary`, `{name}`: nothing would be left");
            make.report.at(at.clone(), what);
        }
    }
    make.words(&written, "dr")
}

fn with_role<'a>(raw: &'a RawFile, role: &str) -> Vec<&'a str> {
    let those = raw.clusters.iter().filter(|c| said(&c.it.role) == Some(role));
    those.filter_map(|c| said(&c.it.name)).collect()
}

/// Whether every cluster says which role it has: else how many have one is not known.
fn roles_are_known(raw: &RawFile) -> bool {
    raw.clusters.iter().all(|c| matches!(said(&c.it.role), Some("primary" | "dr" | "other")))
}
