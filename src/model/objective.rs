//! Objectives: what was promised for a service, and which outside things belong to it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a service comes back on the DR side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// Nothing runs on DR until it is restored.
    #[default]
    Cold,
    /// Data is there, compute is not.
    PilotLight,
    /// A small copy runs and is scaled up.
    WarmStandby,
    /// Both sides serve.
    ActiveActive,
}

impl Strategy {
    /// The word of configuration files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::PilotLight => "pilot-light",
            Self::WarmStandby => "warm-standby",
            Self::ActiveActive => "active-active",
        }
    }
}

/// One service's recovery objective.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "wire::WireObjective")]
pub struct Objective {
    /// Service name; what people type and read.
    pub service: String,
    /// Recovery time objective, seconds.
    pub rto_s: u64,
    /// Recovery point objective, seconds.
    pub rpo_s: u64,
    /// How it comes back.
    pub strategy: Strategy,
    /// The cluster that serves it normally.
    pub primary: String,
    /// The clusters it can fail over to, the first choice first. None: it has no other site, and comes back in place.
    #[serde(serialize_with = "wire::one_or_many")]
    pub dr: Vec<String>,
    /// Velero schedules (names) whose restore points count for it.
    pub schedules: Vec<String>,
    /// Namespaces that its data and workloads live in; what a restore asks for.
    pub namespaces: Vec<String>,
    /// Argo CD applications and Flux objects on DR, by name; `*` suffix matches a prefix, `KIND/` asks for a kind.
    pub apps: Vec<String>,
    /// The load balancers that carry its users, one for each of its host names.
    pub hosts: Vec<Host>,
    /// Probes (names) that say whether users are served.
    pub probes: Vec<String>,
}

/// A host name of a service: the load balancer of that name, and the pools behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The load balancer (host name).
    pub load_balancer: String,
    /// The pool that carries it normally (name).
    #[serde(default)]
    pub primary_pool: Option<String>,
    /// The pool (name) that carries it on each DR cluster (name) that has one.
    #[serde(default)]
    pub dr_pools: BTreeMap<String, String>,
}

impl Host {
    /// A host name with its pools; those on DR each with their cluster.
    pub fn new<const N: usize>(load_balancer: &str, primary_pool: Option<&str>, dr_pools: [(&str, &str); N]) -> Self {
        Self {
            load_balancer: load_balancer.to_owned(),
            primary_pool: primary_pool.map(str::to_owned),
            dr_pools: dr_pools.map(|(cluster, pool)| (cluster.to_owned(), pool.to_owned())).into(),
        }
    }

    /// The pool that carries it on one DR cluster.
    pub fn dr_pool(&self, cluster: &str) -> Option<&str> {
        self.dr_pools.get(cluster).map(String::as_str)
    }

    /// Whether another host name is carried by the same pools.
    pub fn has_pools_of(&self, other: &Self) -> bool {
        (&self.primary_pool, &self.dr_pools) == (&other.primary_pool, &other.dr_pools)
    }

    /// The DR cluster that a pool belongs to.
    pub fn dr_of(&self, pool: &str) -> Option<&str> {
        self.dr_pools.iter().find(|(_, own)| *own == pool).map(|(cluster, _)| cluster.as_str())
    }
}

impl Objective {
    /// Whether a GitOps object of this kind and name belongs to the service.
    pub fn owns_app(&self, kind: &str, name: &str) -> bool {
        self.apps.iter().any(|pattern| app_fits(pattern, kind, name))
    }

    /// Its host name of that name.
    pub fn host(&self, load_balancer: &str) -> Option<&Host> {
        self.hosts.iter().find(|it| it.load_balancer == load_balancer)
    }

    /// Whether it can fail over to a cluster.
    pub fn has_dr(&self, cluster: &str) -> bool {
        self.dr.iter().any(|own| own == cluster)
    }

    /// Every cluster of it: the primary, then where it fails over to.
    pub fn clusters(&self) -> impl Iterator<Item = &str> {
        [&self.primary].into_iter().chain(&self.dr).map(String::as_str)
    }

    /// Where its data is brought back: on its DR clusters, or in place where it has none.
    pub fn restored_on(&self) -> &[String] {
        if self.dr.is_empty() { std::slice::from_ref(&self.primary) } else { &self.dr }
    }

    /// Whether its users can be moved: a host name with a pool on a DR cluster.
    pub fn can_fail_over(&self) -> bool {
        self.hosts.iter().any(|host| !host.dr_pools.is_empty())
    }
}

/// Whether a GitOps object fits a pattern: its name, or a prefix of it before `*`. `KIND/` in front, in any case, asks for
/// that kind as well: `kustomization/shop`, `helmrelease/shop-*`, `application/shop`.
pub fn app_fits(pattern: &str, kind: &str, name: &str) -> bool {
    let (wanted, pattern) = pattern.split_once('/').map_or((None, pattern), |(kind, rest)| (Some(kind), rest));
    wanted.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
        && match pattern.strip_suffix('*') {
            Some(prefix) => name.starts_with(prefix),
            None => pattern == name,
        }
}

/// The words between a room and its consoles. A room or a console of before sets knows one DR cluster and one load
/// balancer, as text: one is still written so, and what such a room says is still read.
mod wire {
    use super::{BTreeMap, Deserialize, Host, Objective, Strategy};
    use serde::{Serialize, Serializer};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrManyNames {
        One(String),
        Many(Vec<String>),
    }

    #[derive(Deserialize)]
    pub(super) struct WireObjective {
        service: String,
        rto_s: u64,
        rpo_s: u64,
        strategy: Strategy,
        primary: String,
        dr: OneOrManyNames,
        schedules: Vec<String>,
        namespaces: Vec<String>,
        apps: Vec<String>,
        #[serde(default)]
        hosts: Vec<Host>,
        load_balancer: Option<String>,
        primary_pool: Option<String>,
        dr_pool: Option<String>,
        probes: Vec<String>,
    }

    impl From<WireObjective> for Objective {
        fn from(it: WireObjective) -> Self {
            let dr = match it.dr {
                OneOrManyNames::One(name) => vec![name],
                OneOrManyNames::Many(names) => names,
            };
            let mut hosts = it.hosts;
            if let (Some(load_balancer), true) = (it.load_balancer, hosts.is_empty()) {
                let dr_pools: BTreeMap<_, _> = dr.iter().cloned().zip(it.dr_pool).collect();
                hosts.push(Host { load_balancer, primary_pool: it.primary_pool, dr_pools });
            }
            Self {
                service: it.service,
                rto_s: it.rto_s,
                rpo_s: it.rpo_s,
                strategy: it.strategy,
                primary: it.primary,
                dr,
                schedules: it.schedules,
                namespaces: it.namespaces,
                apps: it.apps,
                hosts,
                probes: it.probes,
            }
        }
    }

    pub(super) fn one_or_many<S: Serializer>(names: &[String], to: S) -> Result<S::Ok, S::Error> {
        match names {
            [one] => to.serialize_str(one),
            many => many.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Host, Objective, app_fits};

    #[test]
    fn what_a_room_of_before_sets_says_is_read_and_one_dr_cluster_is_written_as_it_was() {
        let mut told = json!({
            "service": "shop", "rto_s": 60, "rpo_s": 60, "strategy": "cold", "primary": "eu", "dr": "us",
            "schedules": [], "namespaces": [], "apps": [], "probes": [],
            "load_balancer": "shop.example", "primary_pool": "eu", "dr_pool": "us",
        });
        let shop: Objective = serde_json::from_value(told.clone()).expect("what an older room says");
        let host = Host::new("shop.example", Some("eu"), [("us", "us")]);
        assert_eq!((shop.dr.as_slice(), shop.hosts.as_slice()), (&["us".to_owned()][..], &[host][..]));
        assert_eq!(serde_json::to_value(&shop).expect("JSON")["dr"], "us");
        for dr in [json!([]), json!(["us", "edge"])] {
            told["dr"] = dr.clone();
            let shop: Objective = serde_json::from_value(told.clone()).expect("a list");
            let again = serde_json::to_value(&shop).expect("JSON");
            assert_eq!(again["dr"], dr);
            assert_eq!(serde_json::from_value::<Objective>(again).expect("its own words"), shop);
        }
    }

    #[test]
    fn patterns_name_both_tools_objects() {
        for (pattern, kind, name, fits) in [
            ("shop-*", "Application", "shop-web", true),
            ("shop-*", "Kustomization", "shop-web", true),
            ("shop", "HelmRelease", "shop-web", false),
            ("helmrelease/shop-*", "HelmRelease", "shop-web", true),
            ("helmrelease/shop-*", "Kustomization", "shop-web", false),
            ("Application/shop", "Application", "shop", true),
            ("*", "Kustomization", "x", true),
            ("", "Kustomization", "x", false),
        ] {
            assert_eq!(app_fits(pattern, kind, name), fits, "{pattern} {kind}/{name}");
        }
    }
}
