//! `[[service]]` → objective: tiers are templates, what is written beside them wins.

use super::check::said;
use super::file::{RawFile, RawService, Section};
use super::resolve::Make;
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

pub(super) fn services(raw: &RawFile, make: &mut Make<'_, '_>) -> Vec<Objective> {
    raw.services.iter().map(|section| service(section, raw, make)).collect()
}

fn service(section: &Section<RawService>, raw: &RawFile, make: &mut Make<'_, '_>) -> Objective {
    let (it, title) = (&section.it, "[[service]]");
    let (rto_s, rpo_s) = promise(section, make);
    make.need(&it.strategy, "strategy", title, &section.at);
    let strategy = it.strategy.as_ref().and_then(|word| make.choice(word, "strategy", &STRATEGIES));
    let name = make.need(&it.name, "name", title, &section.at);
    let mut probes = make.names(&it.probes, "probes");
    for probe in &raw.probes {
        // A probe names its service, so the service need not name it again.
        if let (Some(probe_name), true) = (said(&probe.it.name), said(&probe.it.service) == Some(name.as_str()))
            && !probes.iter().any(|known| known == probe_name)
        {
            probes.push(probe_name.to_owned());
        }
    }
    Objective {
        rto_s,
        rpo_s,
        strategy: strategy.unwrap_or(Strategy::Cold),
        primary: side(section, raw, "primary", make),
        dr: side(section, raw, "dr", make),
        schedules: make.names(&it.schedules, "schedules"),
        namespaces: make.names(&it.namespaces, "namespaces"),
        apps: make.names(&it.apps, "apps"),
        load_balancer: make.may(&it.load_balancer, "load_balancer"),
        primary_pool: make.may(&it.primary_pool, "primary_pool"),
        dr_pool: make.may(&it.dr_pool, "dr_pool"),
        probes,
        service: name,
    }
}

/// RTO and RPO: what is written, else the tier's.
fn promise(section: &Section<RawService>, make: &mut Make<'_, '_>) -> (u64, u64) {
    let it = &section.it;
    let tiers = TIERS.map(|tier| (tier.name, tier));
    let tier = it.tier.as_ref().and_then(|word| make.choice(word, "tier", &tiers));
    let template = tier.and_then(|tier| tier.promise);
    if template.is_none() && (it.rto.is_none() || it.rpo.is_none()) {
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

/// The cluster of one side; where only one cluster has that role, it need not be named.
fn side(section: &Section<RawService>, raw: &RawFile, key: &str, make: &mut Make<'_, '_>) -> String {
    let written = if key == "dr" { &section.it.dr } else { &section.it.primary };
    if let Some(name) = written {
        return name.get_ref().clone();
    }
    let with_role: Vec<&str> =
        raw.clusters.iter().filter(|c| said(&c.it.role) == Some(key)).filter_map(|c| said(&c.it.name)).collect();
    match with_role.as_slice() {
        [only] => (*only).to_owned(),
        found => {
            let what =
                format!("[[service]] has no `{key}`, and {} clusters have the role `{key}`: name one", found.len());
            make.report.at(section.at.clone(), what);
            String::new()
        }
    }
}
