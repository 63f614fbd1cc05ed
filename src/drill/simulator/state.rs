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
    pub at: DateTime<Utc>,
    /// `primary`, `dr`, `cloudflare`, `alertmanager-1`, …
    pub service: String,
    pub method: String,
    pub path: String,
    pub body: Value,
    /// The status it was answered with.
    pub status: u16,
}

/// A write, as the state takes it.
#[derive(Clone, Debug)]
pub enum WriteRequest {
    PatchLoadBalancer {
        zone: String,
        id: String,
        body: Value,
    },
    PatchPool {
        account: String,
        id: String,
        body: Value,
    },
    PatchObject {
        site: Site,
        res: super::kube_store::Res,
        namespace: String,
        name: String,
        body: Value,
        dry: bool,
    },
    CreateRestore {
        site: Site,
        namespace: String,
        body: Value,
        dry: bool,
    },
    CreateSilence {
        body: Value,
    },
    ExpireSilence {
        id: String,
    },
    /// So many more events now, for load tests.
    Inject {
        site: Site,
        count: u32,
    },
}

/// The answer to a write: status and body.
pub type WriteResponse = (u16, Value);

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
    pub scenario: Arc<Scenario>,
    pub seed: u64,
    pub now: DateTime<Utc>,
    queue: BTreeMap<(DateTime<Utc>, u64), Due>,
    queued: u64,
    pub primary: SimCluster,
    pub dr: SimCluster,
    pub edge: SimCloudflare,
    pub traffic: Traffic,
    pub metrics: super::metrics::Metrics,
    /// Applications of DR that are scaled up.
    pub scaled: BTreeMap<usize, bool>,
    /// When the service's data was back on DR.
    pub data_at: Option<DateTime<Utc>>,
    /// When traffic, applications and data were all there.
    pub serving_at: Option<DateTime<Utc>>,
    pub injected: u64,
    pub silences: Vec<super::silences::SimSilence>,
    pub silences_made: u64,
    writes: VecDeque<WriteRecord>,
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
