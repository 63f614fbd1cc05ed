//! The simulated world: two Kubernetes API servers, an Alertmanager pair, Prometheus, Cloudflare and the service's own URL, each on a loopback
//! port of its own, all answered from one pure [`WorldState`].
//!
//! Its types are its own: sharing them with the clients would repeat one mistake on both sides.

mod alerts;
mod argocd;
mod cloudflare;
mod cloudflare_rate_limit;
mod context;
mod generated_config;
mod initial_state;
mod kube;
mod kube_http;
mod kube_store;
mod kube_watch;
mod kubectl_table;
mod listeners;
mod metrics;
mod prometheus;
mod provider_http;
mod scripted_events;
mod selectors;
mod silences;
mod state;
mod traffic;
mod velero;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

pub use generated_config::Endpoints;
pub use state::{WorldState, WriteRecord, WriteRequest};

use crate::clock::Clock;
use crate::drill::scenario::{Scenario, Site};
use context::SimContext;
use listeners::PortGate;

/// One simulated service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SimService {
    /// The API server of the cluster that breaks.
    Primary,
    /// The API server of the standby.
    Dr,
    /// `am-1` in the drill's configuration.
    Alertmanager1,
    /// `am-2` in the drill's configuration; it holds the same alerts and silences as the first.
    Alertmanager2,
    /// The API of the load balancer and its pools.
    Cloudflare,
    /// The service's own URL: answered by the site that the load balancer and the TTL send a request to.
    Shop,
    /// Series of the error budget, and the rules of the story's alerts.
    Prometheus,
}

impl SimService {
    /// Every service that a room talks to.
    pub const ALL: [Self; 7] = [
        Self::Primary,
        Self::Dr,
        Self::Alertmanager1,
        Self::Alertmanager2,
        Self::Cloudflare,
        Self::Shop,
        Self::Prometheus,
    ];

    fn at(self) -> usize {
        self as usize
    }
}

/// Ports that follow from a seed lie here, below those that the system gives away by itself.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// The first of a row of ports for the worlds of a seed.
pub fn first_port(seed: u64) -> u16 {
    let row = SimService::ALL.len() as u64 + 1;
    let rows = u64::from(PORTS.end - PORTS.start) / row;
    PORTS.start + u16::try_from(seed % rows * row).unwrap_or(0)
}

/// A running world. Dropping it closes every port.
pub struct Simulator {
    shared: SimContext,
    gates: Vec<PortGate>,
    control: PortGate,
    stop: CancellationToken,
    storm: Mutex<CancellationToken>,
}

impl Simulator {
    /// Opens ports and lets the story run on `clock`.
    pub async fn start(scenario: Scenario, seed: u64, clock: Clock) -> Result<Self, String> {
        Self::start_at(scenario, seed, clock, None).await
    }

    /// The same at a row of ports from this one on, as far as they are free: addresses are part of what a room says of the
    /// world.
    pub async fn start_at(
        scenario: Scenario,
        seed: u64,
        clock: Clock,
        first_port: Option<u16>,
    ) -> Result<Self, String> {
        let shared = SimContext::new(WorldState::new(Arc::new(scenario), seed), clock);
        let routers = [
            kube_http::router(shared.clone(), Site::Primary),
            kube_http::router(shared.clone(), Site::Dr),
            provider_http::alertmanager(shared.clone(), 0),
            provider_http::alertmanager(shared.clone(), 1),
            provider_http::cloudflare(shared.clone()),
            provider_http::service(shared.clone()),
            prometheus::router(shared.clone()),
        ];
        let failed = |e: std::io::Error| format!("the drill's world can't open a loopback port: {e}");
        let mut gates = Vec::new();
        let mut ports = first_port.into_iter().flat_map(|first| first..);
        for router in routers {
            gates.push(PortGate::open(router, ports.next()).await.map_err(failed)?);
        }
        let control = PortGate::open(provider_http::control(shared.clone()), ports.next()).await.map_err(failed)?;
        let stop = CancellationToken::new();
        let (running, ended) = (shared.clone(), stop.clone());
        tokio::spawn(async move { ended.run_until_cancelled(running.run()).await });
        Ok(Self { shared, gates, control, storm: Mutex::new(stop.child_token()), stop })
    }

    /// The address of a service: `http://127.0.0.1:PORT`.
    pub fn url(&self, service: SimService) -> String {
        format!("http://127.0.0.1:{}", self.gates[service.at()].port)
    }

    /// The address of the control port.
    pub fn control_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.control.port)
    }

    /// The world's clock.
    pub fn clock(&self) -> &Clock {
        self.shared.clock()
    }

    /// Takes all services down, or up again on the same ports; returns when that is so. The control port stays.
    pub async fn set_down(&self, down: bool) {
        futures::future::join_all(self.gates.iter().map(|gate| gate.set_down(down))).await;
    }

    /// Takes one service down, or up again.
    pub async fn set_service_down(&self, service: SimService, down: bool) {
        self.gates[service.at()].set_down(down).await;
    }

    /// Every write received, oldest first (the last 4096), whatever it was answered.
    pub fn writes(&self) -> Vec<WriteRecord> {
        self.shared.with(|state| state.writes())
    }

    /// The world as JSON: the same for the same seed, writes and instants.
    pub fn dump(&self) -> Value {
        self.shared.with(|state| state.dump())
    }

    /// A write as if it had come over the wire; for tests.
    pub fn apply(&self, ask: WriteRequest) -> (u16, Value) {
        self.shared.ask(ask)
    }

    /// So many events of the primary cluster at once.
    pub fn inject(&self, count: u32) {
        self.shared.ask(WriteRequest::Inject { site: Site::Primary, count });
    }

    /// So many events per *real* second on the primary cluster, until another rate is given; 0 ends it.
    pub fn storm(&self, per_second: u32) {
        let next = self.stop.child_token();
        let mut storm = self.storm.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *storm, next.clone()).cancel();
        drop(storm);
        if per_second == 0 {
            return;
        }
        let shared = self.shared.clone();
        tokio::spawn(async move { next.run_until_cancelled(blow(shared, per_second)).await });
    }
}

/// Injects evenly in steps of 20 ms; what a late step missed, the next makes up for.
async fn blow(shared: SimContext, per_second: u32) {
    let begun = tokio::time::Instant::now();
    let mut sent: u64 = 0;
    let mut steps = tokio::time::interval(Duration::from_millis(20));
    loop {
        steps.tick().await;
        let due =
            u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(per_second)) / 1000;
        let count = u32::try_from(due.saturating_sub(sent)).unwrap_or(u32::MAX).min(per_second);
        if count > 0 {
            shared.ask(WriteRequest::Inject { site: Site::Primary, count });
        }
        sent = due;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
