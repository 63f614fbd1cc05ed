//! `[[service]]` → objective: tiers are templates, what is written beside them wins.

use super::RawFile;
use super::cluster::{AppPattern, RawCluster};
use super::hosts::{HostList, hosts, show_hosts};
use super::one_or_many::{Several, one_or_list, values};
use crate::config::kinds::*;
use crate::config::section::*;
use crate::model::{Objective, Strategy};

section! {
    /// What was promised for a service. A tier is a template; rto and rpo beside it win:
    ///   critical 30m / 5m   important 4h / 30m   standard 24h / 4h   regulated: none, both must be given
    [[service]] RawService => Objective {
        name as service: Name = Required("shop");
        tier as _: Text = Derived("critical");
        rto as rto_s: Seconds<1, YEAR> = Derived("30m");
        rpo as rpo_s: Seconds<1, YEAR> = Derived("5m");
        /// How it comes back: cold, pilot-light, warm-standby or active-active.
        strategy: OneOf<Strategy> = Required("warm-standby");
        /// Left out, these are the only clusters with the roles primary and dr. Several DR clusters are a list, the first
        /// choice first: dr = ["dr-1", "dr-2"]. Where there is none (or with dr = []), the service is restored in place.
        primary as _: Text = Derived("primary");
        dr as _: ByHand<Several<String>> = Derived("dr");
        /// Velero schedules whose backups count, and the namespaces a restore brings back.
        schedules: ListOf = Optional(["shop-hourly"]);
        namespaces: ListOf = Optional(["shop"]);
        /// Argo CD applications and Flux Kustomizations and HelmReleases by name; a `*` may end it, `KIND/` in front asks
        /// for one kind: "kustomization/shop-*".
        apps: ListOf<AppPattern> = Optional(["shop-*"]);
        /// The Cloudflare load balancer (its host name) and the names of its two pools. Several host names are a list, and
        /// fail over in one plan; one whose pools are others brings them along:
        ///   load_balancer = ["shop.example", { name = "api.shop.example", primary_pool = "api", dr_pool = "api-dr" }]
        /// With several DR clusters, dr_pool lists one pool for each, in the order of dr.
        load_balancer as _: HostList = Optional("shop.example");
        primary_pool as _: Text = Optional("primary");
        dr_pool as _: ByHand<Several<String>> = Optional("dr");
        probes: ListOf = Derived(["shop"]);
    }
}

/// A tier: what is promised unless the service says otherwise. A year is the most anyone promises.
#[derive(Clone, Copy)]
struct Tier {
    name: &'static str,
    /// RTO and RPO in seconds; `None` where a regulator, not we, sets them.
    promise: Option<(u64, u64)>,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const YEAR: u64 = 366 * 24 * HOUR;

/// The upper ends of the usual bands: 15–30 min / 5 min, 1–4 h / 15–30 min, 4–24 h / 1–4 h.
const TIERS: [Tier; 4] = [
    Tier { name: "critical", promise: Some((30 * MINUTE, 5 * MINUTE)) },
    Tier { name: "important", promise: Some((4 * HOUR, 30 * MINUTE)) },
    Tier { name: "standard", promise: Some((24 * HOUR, 4 * HOUR)) },
    Tier { name: "regulated", promise: None },
];

impl Worded for Strategy {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("cold", Self::Cold),
        ("pilot-light", Self::PilotLight),
        ("warm-standby", Self::WarmStandby),
        ("active-active", Self::ActiveActive),
    ];
}

impl SectionRules for RawService {
    fn judge(file: &RawFile, make: &mut ResolveContext<'_, '_>) {
        let (clusters, probes) = (names(&file.clusters, |c| &c.name), names(&file.probes, |p| &p.name));
        for service in &file.objectives {
            let primary = service.it.primary.iter().map(|it| ("primary", it.span(), it.get_ref()));
            let dr = values(&service.it.dr).into_iter().map(|(at, name)| ("dr", at, name));
            for (key, at, name) in primary.chain(dr) {
                make.refers(at, key, name, "[[cluster]]", &clusters);
            }
            for probe in each(&service.it.probes) {
                let name = probe.get_ref().as_str();
                if !probes.contains(&name) {
                    make.report.word(probe.span(), &format!("`{name}` is not a [[probe]]"), name, &probes);
                }
            }
        }
    }

    fn resolve(table: &RawTable<Self>, it: &mut Objective, file: &RawFile, make: &mut ResolveContext<'_, '_>) {
        promise(table, it, make);
        it.primary = primary(table, file, make);
        it.dr = dr(table, file, &it.primary, make);
        it.hosts = hosts(table, file, &it.dr, make);
        // A probe names its service, so the service need not name it again.
        let theirs = file.probes.iter().filter(|probe| said(&probe.it.service) == Some(it.service.as_str()));
        for name in theirs.filter_map(|probe| said(&probe.it.name)) {
            if !it.probes.iter().any(|known| known == name) {
                it.probes.push(name.to_owned());
            }
        }
        can_be_watched(it, table, file, make);
    }

    fn show_more(it: &Objective, table: &mut toml::Table) {
        put(table, "primary", it.primary.as_str());
        put(table, "dr", one_or_list(&it.dr));
        show_hosts(it, table);
    }
}

/// What is promised for a service must be visible somewhere, or its row could never be green.
fn can_be_watched(
    objective: &Objective,
    section: &RawTable<RawService>,
    file: &RawFile,
    make: &mut ResolveContext<'_, '_>,
) {
    let theirs = |cluster: &&RawCluster| objective.clusters().any(|own| said(&cluster.name) == Some(own));
    let of_service: Vec<&RawCluster> = file.clusters.iter().map(|section| &section.it).filter(theirs).collect();
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
        if file.clusters.iter().all(|c| c.it.argocd.is_none() && c.it.flux.is_none()) {
            let what = "no cluster has `argocd` or `flux` set: its applications could not be seen";
            make.report.at(app.span(), what);
        }
    }
}

/// RTO and RPO: what is written, else the tier's.
fn promise(section: &RawTable<RawService>, objective: &mut Objective, make: &mut ResolveContext<'_, '_>) {
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
    let (rto_s, rpo_s) = template.unwrap_or((HOUR, HOUR));
    if it.rto.is_none() {
        objective.rto_s = rto_s;
    }
    if it.rpo.is_none() {
        objective.rpo_s = rpo_s;
    }
}

/// The cluster that serves it; where only one cluster has that role, it need not be named.
fn primary(section: &RawTable<RawService>, file: &RawFile, make: &mut ResolveContext<'_, '_>) -> String {
    if let Some(name) = &section.it.primary {
        return name.get_ref().clone();
    }
    match with_role(file, "primary").as_slice() {
        [only] => (*only).to_owned(),
        found => {
            if !make.report.is_unread(&section.at, "primary") && roles_are_known(file) {
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
fn dr(section: &RawTable<RawService>, file: &RawFile, primary: &str, make: &mut ResolveContext<'_, '_>) -> Vec<String> {
    if section.it.dr.is_none() {
        if make.report.is_unread(&section.at, "dr") {
            return Vec::new();
        }
        return match with_role(file, "dr").as_slice() {
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

fn with_role<'a>(file: &'a RawFile, role: &str) -> Vec<&'a str> {
    let those = file.clusters.iter().filter(|c| said(&c.it.role) == Some(role));
    those.filter_map(|c| said(&c.it.name)).collect()
}

/// Whether every cluster says which role it has: else how many have one is not known.
fn roles_are_known(file: &RawFile) -> bool {
    file.clusters.iter().all(|c| matches!(said(&c.it.role), Some("primary" | "dr" | "other")))
}
