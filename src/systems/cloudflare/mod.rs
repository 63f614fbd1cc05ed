//! Cloudflare load balancing: pools of an account, load balancers of its zones, and the one write that moves traffic.
//!
//! The API allows 1,200 requests in five minutes for everything that uses the same user, and locks all of it out beyond:
//! lists are asked for each round, health in detail only for pools in use and seldom, and a reserve is kept for acting.

mod act;
mod client;
mod map;
mod pool_references;
mod rate_limit;
mod response;
mod token;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::http::{Auth, Options, notes};
use super::{Adapter, Ctx, SourceSpec, supervise};
use crate::config::{CloudflareConfig, HttpConfig};
use crate::model::{SourceId, System};

/// How often lists are asked for: as configured, but never so often that they alone would use up polling's share.
fn pace(config: &CloudflareConfig) -> Duration {
    let a_round = 1 + config.zones.len() as u64;
    // Two thirds of the share for the lists; the rest is for details and checks.
    let least_ms = a_round * 1_000 * rate_limit::WINDOW_S.unsigned_abs() * 3 / (2 * rate_limit::SHARE as u64);
    Duration::from_secs(config.every_s.max(1)).max(Duration::from_millis(least_ms))
}

/// What shares one limit: the API and the token with which it is asked.
fn provider(config: &CloudflareConfig) -> String {
    format!("{} with {}", config.url, config.token_file.display())
}

/// Starts watching one account and gives the adapter that acts on it.
pub fn start(config: &CloudflareConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let id = SourceId::new(System::Cloudflare, config.name.clone());
    let options = Options {
        auth: Auth::Bearer(config.token_file.clone()),
        http: HttpConfig { proxy: config.proxy.clone(), ..HttpConfig::default() },
        proxies: ctx.proxies.clone(),
        reach: ctx.reach.clone(),
        meter: Some(ctx.meters.of(provider(config), rate_limit::DIVIDED, &ctx.clock)),
        ..Options::default()
    };
    let notes = notes(&config.url, &options);
    let client = Arc::new(client::CloudflareClient::new(config, options, ctx.clock.clone()));
    let every = pace(config);
    let watch = Arc::new(watch::CloudflareWatch::new(client.clone(), ctx.reporter(id.clone()), every));
    supervise::keep(tasks, ctx, id.clone(), move |ctx| {
        let watch = watch.clone();
        async move { supervise::poll(&ctx.clock, &ctx.stop, every, || watch.round()).await }
    });
    let credential = format!("token {}", config.name);
    let spec = SourceSpec { id, fresh_for_s: supervise::fresh_for(every), credential, notes };
    (spec, Some(Arc::new(act::CloudflareAdapter::new(client))))
}
