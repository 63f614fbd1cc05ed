//! The world as one pure state: [`WorldState::advance`] brings it to an instant, [`WorldState::apply`] takes a write.
//!
//! Everything that will happen stands in a queue by instant, and each happening is worked at its own instant however late the
//! state is asked: how often it is asked changes nothing. Randomness comes from the seed and the happening alone, so the same
//! seed and the same writes at the same instants make the same world.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value, json};

use super::cloudflare::SimCloudflare;
use super::kube_store::{KubeStore, stamp};
use super::traffic::Traffic;
use crate::drill::scenario::{Scenario, Site};

/// Something that will happen.
#[derive(Clone, Debug)]
pub enum Due {
    /// The story's breaking point.
    Impact,
    /// A node stops being ready.
    NodeLost(usize),
    /// Kubelets renew their leases.
    Leases(Site),
    /// The nth occurrence of an event of the story.
    Event { spec: usize, nth: u32 },
    /// The nth event of a background source.
    Noise { spec: usize, nth: u64 },
    /// Velero looks at its storage.
    Validate(Site),
    /// Argo CD looks at an application.
    Reconcile { site: Site, app: usize },
    /// An application begins to scale, and is done.
    Scale { app: usize, done: bool },
    /// Resolvers have forgotten the old answer.
    Drained { change: u32 },
    /// Prometheus looks at the service.
    Scrape,
    /// A restore goes on.
    Restore { site: Site, namespace: String, name: String, step: super::velero::SimRestoreStep },
}

/// A write that was received, taken or refused.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WriteRecord {
    /// By the world's clock, when the answer was made.
    pub at: DateTime<Utc>,
    /// `primary`, `dr`, `cloudflare`, `alertmanager-1`, …
    pub service: String,
    /// The HTTP method: anything but GET.
    pub method: String,
    /// Of the URL, without its query: a dry run looks like a write here.
    pub path: String,
    /// The request's JSON; a body that is none is one string, an empty one too.
    pub body: Value,
    /// The status it was answered with.
    pub status: u16,
}

/// A write, as the state takes it.
#[derive(Clone, Debug)]
pub enum WriteRequest {
    /// `PATCH …/load_balancers/ID`; users follow the order of pools that it leaves.
    PatchLoadBalancer {
        /// Id of the zone, from the path; another than the simulated one is answered with 404.
        zone: String,
        /// Id of the load balancer, from the path.
        id: String,
        /// Members to replace; those that may not be set are left alone without a word.
        body: Value,
    },
    /// `PATCH …/pools/ID`. A pool that is disabled sends its users to the next one.
    PatchPool {
        /// Id of the account, from the path; another than the simulated one is answered with 404.
        account: String,
        /// Id of the pool, from the path.
        id: String,
        /// Members to replace; those that may not be set are left alone without a word.
        body: Value,
    },
    /// A JSON merge patch of one Kubernetes object.
    PatchObject {
        /// Whose API server was asked.
        site: Site,
        /// Only resources that the drill's credential may patch come here.
        res: super::kube_store::Res,
        /// From the path; empty for an object without one.
        namespace: String,
        /// From the path; an object that is not there is answered with 404.
        name: String,
        /// The patch, RFC 7386.
        body: Value,
        /// Asked with `dryRun=All`: answered as if it were done, and nothing is kept.
        dry: bool,
    },
    /// A new Velero Restore, which the controller takes up 4 s later, or when no other restore runs.
    CreateRestore {
        /// Whose API server was asked; only a restore to DR brings the service's data back.
        site: Site,
        /// From the path; one in the body must be the same.
        namespace: String,
        /// The whole object, with its name.
        body: Value,
        /// Asked with `dryRun=All`: answered as if it were done, and nothing is kept.
        dry: bool,
    },
    /// `POST /api/v2/silences` at either Alertmanager: both hold it at once.
    CreateSilence {
        /// As posted; with the `id` of a silence that is held, it changes that one.
        body: Value,
    },
    /// `DELETE /api/v2/silence/ID` at either Alertmanager.
    ExpireSilence {
        /// From the path; one that is not held is answered with 404.
        id: String,
    },
    /// So many more events now, for load tests.
    Inject {
        /// The cluster whose pods they are about.
        site: Site,
        /// How many; each is a new event, none raises the count of another.
        count: u32,
    },
}

/// The answer to a write: status and body.
pub(super) type WriteResponse = (u16, Value);

/// Most writes remembered.
const WRITES: usize = 4096;

/// One simulated cluster.
#[derive(Debug)]
pub struct SimCluster {
    pub store: KubeStore,
    pub token: String,
    /// Its control plane's store refuses writes and health checks name it.
    pub etcd_failed: bool,
}

/// The world.
#[derive(Debug)]
pub struct WorldState {
    /// As it was loaded; nothing in it changes while the world runs.
    pub scenario: Arc<Scenario>,
    /// What every id, token and draw is made from.
    pub seed: u64,
    /// The latest instant that the world was brought to; it never goes back.
    pub now: DateTime<Utc>,
    queue: BTreeMap<(DateTime<Utc>, u64), Due>,
    queued: u64,
    /// The one that breaks.
    pub primary: SimCluster,
    /// The one that takes over.
    pub dr: SimCluster,
    /// Load balancer, pools and the counter of the rate limit.
    pub edge: SimCloudflare,
    /// Where users are: follows the load balancer, unless the scenario's `failover` is false.
    pub traffic: Traffic,
    /// What Prometheus scraped since the start; empty without an `slo` in the scenario.
    pub metrics: super::metrics::Metrics,
    /// Applications of DR that are scaled up.
    pub scaled: BTreeMap<usize, bool>,
    /// When the service's data was back on DR.
    pub data_at: Option<DateTime<Utc>>,
    /// When traffic, applications and data were all there.
    pub serving_at: Option<DateTime<Utc>>,
    /// How many events were added for load tests; also their number, so that each is another event.
    pub injected: u64,
    /// Oldest first, expired ones too; the oldest is dropped when there are 1000.
    pub silences: Vec<super::silences::SimSilence>,
    /// How many ids were given; each new id is made from it and the seed.
    pub silences_made: u64,
    writes: VecDeque<WriteRecord>,
    /// How many writes were received since the start, also those that are not remembered any more.
    pub writes_total: u64,
}

impl WorldState {
    /// The world at the scenario's start.
    pub fn new(scenario: Arc<Scenario>, seed: u64) -> Self {
        let cluster = |site: Site| SimCluster {
            store: KubeStore::new(format!("{seed}/{}", site.name()), 48_200 + seed % 1000),
            token: format!(
                "drill-{}-{}",
                site.name(),
                super::kube_store::id(&format!("{seed}/token/{}", site.name()), 24)
            ),
            etcd_failed: false,
        };
        let start = scenario.start;
        let mut state = Self {
            seed,
            now: start,
            queue: BTreeMap::new(),
            queued: 0,
            primary: cluster(Site::Primary),
            dr: cluster(Site::Dr),
            edge: SimCloudflare::new(&scenario, seed),
            traffic: Traffic::new(Site::Primary, scenario.edge.ttl_s),
            metrics: super::metrics::Metrics::default(),
            scaled: BTreeMap::new(),
            data_at: None,
            serving_at: None,
            injected: 0,
            silences: Vec::new(),
            silences_made: 0,
            writes: VecDeque::new(),
            writes_total: 0,
            scenario,
        };
        super::initial_state::fill(&mut state);
        state
    }

    /// One of the clusters.
    pub fn cluster(&self, site: Site) -> &SimCluster {
        match site {
            Site::Primary => &self.primary,
            Site::Dr => &self.dr,
        }
    }

    /// One of the clusters, to change.
    pub fn cluster_mut(&mut self, site: Site) -> &mut SimCluster {
        match site {
            Site::Primary => &mut self.primary,
            Site::Dr => &mut self.dr,
        }
    }

    /// Puts something into the queue.
    pub fn plan(&mut self, at: DateTime<Utc>, due: Due) {
        self.queued += 1;
        self.queue.insert((at, self.queued), due);
    }

    /// When the next thing happens.
    pub fn next_due(&self) -> Option<DateTime<Utc>> {
        self.queue.first_key_value().map(|((at, _), _)| *at)
    }

    /// Brings the world to `now`. Time never goes back.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        while let Some(entry) = self.queue.first_entry() {
            let at = entry.key().0;
            if at > now {
                break;
            }
            let due = entry.remove();
            self.now = self.now.max(at);
            super::scripted_events::happen(self, at, due);
        }
        self.now = self.now.max(now);
    }

    /// Takes a write at `now`.
    pub fn apply(&mut self, now: DateTime<Utc>, ask: WriteRequest) -> WriteResponse {
        self.advance(now);
        match ask {
            WriteRequest::PatchLoadBalancer { zone, id, body } => {
                super::cloudflare::patch_load_balancer(self, &zone, &id, &body)
            }
            WriteRequest::PatchPool { account, id, body } => super::cloudflare::patch_pool(self, &account, &id, &body),
            WriteRequest::PatchObject { site, res, namespace, name, body, dry } => {
                super::kube::patch(self, site, res, &namespace, &name, &body, dry)
            }
            WriteRequest::CreateRestore { site, namespace, body, dry } => {
                super::velero::create_restore(self, site, &namespace, body, dry)
            }
            WriteRequest::CreateSilence { body } => super::silences::post(self, &body),
            WriteRequest::ExpireSilence { id } => super::silences::expire(self, &id),
            WriteRequest::Inject { site, count } => {
                for _ in 0..count {
                    super::scripted_events::inject(self, site);
                }
                (200, json!({"injected": self.injected}))
            }
        }
    }

    /// Remembers a write that came in, whatever became of it.
    pub fn note(&mut self, write: WriteRecord) {
        self.writes_total += 1;
        if self.writes.len() == WRITES {
            self.writes.pop_front();
        }
        self.writes.push_back(write);
    }

    /// The writes received, oldest first (the last 4096).
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.writes.iter().cloned().collect()
    }

    /// A number that follows from the seed and a text alone, below `below`.
    pub fn draw(&self, what: &str, below: u64) -> u64 {
        let digits = super::kube_store::id(&format!("{}/{what}", self.seed), 15);
        u64::from_str_radix(&digits, 16).unwrap_or(0) % below.max(1)
    }

    /// Looks whether the service has all it needs on DR, now that something changed.
    pub fn check_serving(&mut self, at: DateTime<Utc>) {
        let scaled = self.scenario.argocd.apps.len() == self.scaled.values().filter(|done| **done).count();
        let there = self.traffic.share(Site::Dr, at) > 0.999;
        if self.serving_at.is_none() && there && scaled && self.data_at.is_some() {
            self.serving_at = Some(at);
        }
    }

    /// Replicas of the service that answer well on DR, of how many.
    pub fn warm_replicas(&self, at: DateTime<Utc>) -> (u32, u32) {
        let warm = &self.scenario.service.warm_up;
        let Some(since) = self.serving_at else { return (0, warm.replicas) };
        let step = |k: u32| {
            let span = warm.last_s - warm.first_s;
            warm.first_s + if warm.replicas > 1 { span * k / (warm.replicas - 1) } else { span }
        };
        let ready = (0..warm.replicas).filter(|k| at >= since + TimeDelta::seconds(i64::from(step(*k)))).count();
        (u32::try_from(ready).unwrap_or(warm.replicas), warm.replicas)
    }

    /// When the last replica turned warm: the service is back.
    pub fn recovered_at(&self) -> Option<DateTime<Utc>> {
        let last = TimeDelta::seconds(i64::from(self.scenario.service.warm_up.last_s));
        self.serving_at.map(|at| at + last)
    }

    /// What a site's answer to the nth request is: does it serve?
    pub fn serves(&self, site: Site, nth: u64, at: DateTime<Utc>) -> bool {
        match site {
            Site::Primary => at < self.scenario.impact,
            Site::Dr => {
                let (warm, of) = self.warm_replicas(at);
                nth % u64::from(of.max(1)) < u64::from(warm)
            }
        }
    }

    /// The world in one JSON value: the same for the same seed, writes and instants.
    pub fn dump(&self) -> Value {
        let (warm, of) = self.warm_replicas(self.now);
        let cluster = |c: &SimCluster| json!({"resource_version": c.store.rv, "objects": c.store.digest(), "etcd_failed": c.etcd_failed});
        json!({
            "scenario": self.scenario.name,
            "seed": self.seed,
            "now": self.now,
            "t_s": (self.now - self.scenario.detection).num_seconds(),
            "traffic": {
                "to": self.traffic.to.name(),
                "dr_percent": (self.traffic.share(Site::Dr, self.now) * 100.0).round() as u64,
            },
            "service": {
                "data_at": self.data_at.map(stamp),
                "serving_at": self.serving_at.map(stamp),
                "recovered": self.recovered_at().is_some_and(|at| self.now >= at),
                "warm_replicas": warm,
                "replicas": of,
            },
            "apps_scaled": self.scaled.values().filter(|done| **done).count(),
            "load_balancer": self.edge.load_balancer,
            "pools": self.edge.pools,
            "restores": super::velero::phases(self, Site::Dr),
            "alerts": super::alerts::firing(self).iter().map(|a| a["labels"]["alertname"].clone()).collect::<Vec<_>>(),
            "primary": cluster(&self.primary),
            "dr": cluster(&self.dr),
            "writes": self.writes_total,
        })
    }
}
