//! The catalogue of what is watched: every outside system and every table of rows that is made of what they say, a line each.
//! What a pane shows, what a command lists, and why a table is empty are read from here.

use serde::{Deserialize, Serialize};

use super::facts::FactKind;

macro_rules! systems {
    ($($(#[$doc:meta])* $variant:ident $name:literal => $topic:ident $(, read_with $fact:ident)?;)*) => {
        /// The outside systems we know how to talk to.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum System {
            $($(#[$doc])* $variant,)*
        }

        impl System {
            /// Every system, in the order they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used in configuration, sources and files.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The table that suffers when one of its sources is lost.
            pub fn topic(self) -> Topic {
                match self {
                    $(Self::$variant => Topic::$topic,)*
                }
            }

            /// The facts that its sources tell last, so that all there is to read was read; `None` = its sources watch, and
            /// say that they are alive only when all of their lists are there.
            pub fn last_facts(self) -> Option<FactKind> {
                match self {
                    $(Self::$variant => [$(FactKind::$fact)?].first().copied(),)*
                }
            }
        }
    };
}

systems! {
    /// A cluster's API server: its events, nodes, pods and the health of its control plane.
    Kubernetes "kubernetes" => Events;
    /// The Velero of a cluster, read and written through that cluster's API server.
    Velero "velero" => Backups;
    /// The Applications and AppProjects of an Argo CD, read as objects of the cluster that it runs in.
    Argocd "argocd" => Gitops;
    /// The Kustomizations, HelmReleases and sources of a Flux, read as objects of the cluster that it runs in.
    Flux "flux" => Gitops;
    /// One instance of an Alertmanager: each member of a pair is a source of its own.
    Alertmanager "alertmanager" => Alerts, read_with Alert;
    /// One account at Cloudflare: its pools, and the load balancers of the zones that are configured.
    Cloudflare "cloudflare" => Traffic, read_with EdgeAccount;
    /// A URL of a service that this host itself asks, as its users do.
    Probe "probe" => Traffic, read_with Probe;
    /// One Prometheus: the figures of SLOs, and which alerting rules it can't evaluate.
    Prometheus "prometheus" => Slo, read_with Slo;
}

/// What a table of rows is made of, and what is said where it is empty.
struct TopicSpec {
    /// Its rows come from these; none of its own has one that is made of others.
    rows_from: &'static [System],
    /// What these say may change its rows too.
    judged_by: &'static [System],
    /// And that of what these say.
    reads: &'static [ReadBeside],
    whole_with: WholeWith,
    /// Its rows tell what happened, the newest first; those of the others tell how things are, the worst first.
    events: bool,
    /// Everyone was asked, and there is none.
    none: &'static str,
    /// Somebody is not heard.
    unknown: &'static str,
    /// Nothing is configured that could tell, and how to name it.
    not_configured: &'static str,
}

/// What a table reads of a system that its rows are not made of.
struct ReadBeside {
    system: System,
    facts: &'static [FactKind],
    /// Whether the system answers, too.
    life: bool,
}

/// By how much a cluster's clock differs from ours.
const CLOCKS: ReadBeside = ReadBeside { system: System::Kubernetes, facts: &[FactKind::ControlPlane], life: false };

/// Whose lists must all have been read before a row says something that is worth recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeWith {
    /// Those of every source behind the table: what one has is compared with what another has.
    EverySource,
    /// Those of the row's own source.
    OwnSource,
    /// Nothing is recorded of it by comparing looks.
    NoSource,
}

macro_rules! topics {
    ($($(#[$doc:meta])* $variant:ident = $spec:expr;)*) => {
        /// A family of rows: one subscription, one pane or command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Topic {
            $($(#[$doc])* $variant,)*
        }

        impl Topic {
            /// Every topic.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            fn spec(self) -> TopicSpec {
                match self {
                    $(Self::$variant => $spec,)*
                }
            }
        }
    };
}

const NO_CLUSTER: &str = "No cluster is configured. Name it in a [[cluster]] of warroom.toml.";
const NO_ALERTMANAGER: &str = "No Alertmanager is configured. Name it in an [[alertmanager]] of warroom.toml.";

topics! {
    /// The sources themselves.
    Sources = TopicSpec {
        rows_from: &[],
        judged_by: System::ALL,
        reads: &[],
        whole_with: WholeWith::NoSource,
        events: false,
        none: "There is no source",
        unknown: "How the sources are is not known",
        not_configured: "Nothing is configured that could be watched. Name clusters and servers in warroom.toml.",
    };
    /// Each cluster with its control plane, its nodes and the pods that are not well.
    Clusters = TopicSpec {
        rows_from: &[System::Kubernetes],
        judged_by: &[],
        reads: &[],
        whole_with: WholeWith::OwnSource,
        events: false,
        none: "No cluster has told anything",
        unknown: "How the clusters are is not known",
        not_configured: NO_CLUSTER,
    };
    /// The services of the configuration: made of their probes and restore points.
    Services = TopicSpec {
        rows_from: &[],
        judged_by: &[System::Probe, System::Velero],
        reads: &[
            CLOCKS,
            ReadBeside { system: System::Kubernetes, facts: &[FactKind::NamespacePods], life: true },
            ReadBeside { system: System::Cloudflare, facts: &[FactKind::LoadBalancer, FactKind::Pool], life: true },
            ReadBeside { system: System::Argocd, facts: &[FactKind::App], life: true },
            ReadBeside { system: System::Flux, facts: &[FactKind::App], life: true },
        ],
        whole_with: WholeWith::NoSource,
        events: false,
        none: "Nothing is promised",
        unknown: "How the services stand is not known",
        not_configured: "Nothing is promised. Name services with RTO and RPO in a [[service]] of warroom.toml.",
    };
    /// The error budget of each service with an SLO: how much is left, and how fast it burns.
    Slo = TopicSpec {
        rows_from: &[System::Prometheus],
        judged_by: &[],
        reads: &[],
        whole_with: WholeWith::OwnSource,
        events: false,
        none: "No service has an SLO",
        unknown: "How the SLOs stand is not known",
        not_configured:
            "No SLO is configured. Name it in an [[slo]] of warroom.toml, with the [[prometheus]] that knows it.",
    };
    /// Alerts, merged over all Alertmanagers by fingerprint.
    Alerts = TopicSpec {
        rows_from: &[System::Alertmanager],
        judged_by: &[],
        reads: &[],
        whole_with: WholeWith::EverySource,
        events: false,
        none: "No alert fires",
        unknown: "Whether an alert fires is not known",
        not_configured: NO_ALERTMANAGER,
    };
    /// Load balancers and pools at the edge, and the probes that ask as users do.
    Traffic = TopicSpec {
        rows_from: &[System::Cloudflare, System::Probe],
        judged_by: &[],
        reads: &[],
        whole_with: WholeWith::OwnSource,
        events: false,
        none: "No load balancer and no pool was found",
        unknown: "Where traffic goes is not known",
        not_configured:
            "No load balancing and no probe is configured. Name them in a [[cloudflare]] and a [[probe]] of warroom.toml.",
    };
    /// Velero's schedules with their newest usable restore point, then locations and Restores.
    Backups = TopicSpec {
        rows_from: &[System::Velero],
        judged_by: &[],
        reads: &[CLOCKS],
        whole_with: WholeWith::EverySource,
        events: false,
        none: "No Velero schedule, backup or location was found, so nothing says what could be restored",
        unknown: "Which backups there are is not known",
        not_configured: "Velero is not configured. Set `velero` in a [[cluster]] of warroom.toml.",
    };
    /// The applications of Argo CD and Flux, and for each cluster how many are deployed and healthy.
    Gitops = TopicSpec {
        rows_from: &[System::Argocd, System::Flux],
        judged_by: &[],
        reads: &[CLOCKS],
        whole_with: WholeWith::EverySource,
        events: false,
        none: "No application is deployed by Argo CD or Flux here",
        unknown: "Which applications are deployed is not known",
        not_configured:
            "Neither Argo CD nor Flux is configured. Set `argocd` or `flux` in a [[cluster]] of warroom.toml.",
    };
    /// Events of Kubernetes, over all clusters.
    Events = TopicSpec {
        rows_from: &[System::Kubernetes],
        judged_by: &[],
        reads: &[],
        whole_with: WholeWith::NoSource,
        events: true,
        none: "No event was seen",
        unknown: "Which events there are is not known",
        not_configured: NO_CLUSTER,
    };
    /// Silences, merged over all Alertmanagers by id.
    Silences = TopicSpec {
        rows_from: &[System::Alertmanager],
        judged_by: &[],
        reads: &[],
        whole_with: WholeWith::EverySource,
        events: false,
        none: "No silence is in force, to come, or ended within a day",
        unknown: "Which silences are in force is not known",
        not_configured: NO_ALERTMANAGER,
    };
}

impl Topic {
    /// The systems that its rows come from. A topic that is made of others has none of its own.
    pub fn systems(self) -> &'static [System] {
        self.spec().rows_from
    }

    /// Whether what a system says can change its rows.
    pub fn depends_on(self, system: System) -> bool {
        let TopicSpec { rows_from, judged_by, .. } = self.spec();
        rows_from.contains(&system) || judged_by.contains(&system)
    }

    /// Whether its rows may be others once something was heard of a system: facts of a kind, whether it lives. An event is no
    /// fact about how things are.
    pub fn rests_on(self, system: System, facts: Option<FactKind>, lives: bool) -> bool {
        let TopicSpec { reads, events, .. } = self.spec();
        let own = self.depends_on(system) && (lives || events || facts != Some(FactKind::KubeEvent));
        let beside = |it: &ReadBeside| {
            it.system == system && (facts.is_some_and(|kind| it.facts.contains(&kind)) || (lives && it.life))
        };
        own || reads.iter().any(beside)
    }

    /// Whose lists must all have been read before a row of it says something that is worth recording.
    pub fn whole_with(self) -> WholeWith {
        self.spec().whole_with
    }

    /// Whether its rows tell what happened, the newest first, and not how things are, the worst first.
    pub fn tells_events(self) -> bool {
        self.spec().events
    }

    /// What is said where it is empty: there is none · it is not known · nothing is configured, and how to name it.
    pub fn empty_words(self) -> [&'static str; 3] {
        let TopicSpec { none, unknown, not_configured, .. } = self.spec();
        [none, unknown, not_configured]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_changes_the_table_that_suffers_with_it_and_that_of_the_sources() {
        for system in System::ALL {
            assert!(system.topic().depends_on(*system) && system.topic().systems().contains(system), "{system:?}");
            assert!(Topic::Sources.depends_on(*system));
            assert_eq!(serde_json::to_value(system).expect("a word"), system.name());
        }
    }
}
