//! Prometheus: how much of each service's error budget is left and how fast it burns, and what its own rules hold.
//!
//! Every figure is asked with the window it is for; a figure that is missing stays missing. What Prometheus computes over
//! partial data it says in `warnings`, which go along with the figures. Limits of what can be told: a range window does not
//! know of gaps within it, so the whole period's coverage is asked for separately, and `increase` does not count the very
//! first sample of a series.

mod client;
mod map;
mod promql;
mod response;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::http::{Auth, Options, notes};
use super::request_meter::UNSTATED;
use super::{Adapter, Ctx, SourceSpec, supervise};
use crate::config::{PrometheusConfig, SloConfig};
use crate::model::{SourceId, System};

/// Starts watching one Prometheus for the objectives that name it.
pub fn start(
    config: &PrometheusConfig,
    slos: &[SloConfig],
    ctx: &Ctx,
    tasks: &TaskTracker,
) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let id = SourceId::new(System::Prometheus, config.name.clone());
    let (auth, credential) = match (&config.basic_auth, &config.bearer_file) {
        (Some(basic), _) => {
            (Auth::Basic(basic.user.clone(), basic.password_file.clone()), format!("user {}", basic.user))
        }
        (None, Some(file)) => (Auth::Bearer(file.clone()), format!("token {}", config.name)),
        (None, None) => (Auth::None, String::new()),
    };
    let options = Options {
        auth,
        ca_file: config.ca_file.clone(),
        http: config.http.clone(),
        proxies: ctx.proxies.clone(),
        reach: ctx.reach.clone(),
        meter: Some(ctx.meters.of(config.url.clone(), UNSTATED, &ctx.clock)),
        ..Options::default()
    };
    let notes = notes(&config.url, &options);
    let every = Duration::from_secs(config.every_s.max(1));
    let every_long = Duration::from_secs(config.every_long_s.max(config.every_s));
    let own = slos.iter().filter(|slo| slo.target.prometheus == config.name).cloned().collect();
    let client = client::PrometheusClient::new(&config.url, &options);
    let watch = Arc::new(watch::PrometheusWatch::new(client, own, (every, every_long), ctx.reporter(id.clone())));
    supervise::keep(tasks, ctx, id.clone(), move |ctx| {
        let watch = watch.clone();
        async move { supervise::poll(&ctx.clock, &ctx.stop, every, || watch.round()).await }
    });
    (SourceSpec { id, fresh_for_s: supervise::fresh_for(every), credential, notes }, None)
}
