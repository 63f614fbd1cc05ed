//! Alertmanager: every instance is a source of its own, asked for all its alerts each round.
//!
//! Instances do not share alerts, so all are asked and the board merges them by fingerprint. A resolved alert is simply
//! absent: what that means is the board's to judge, from all instances and from when each was started.

mod act;
pub mod map;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::http::{Api, Auth, Options, notes};
use super::request_meter::UNSTATED;
use super::{Adapter, Ctx, SourceSpec, supervise};
use crate::config::AlertmanagerConfig;
use crate::model::{AlertWords, SourceId, System};

/// A silence is taken or not within this time; whoever asked is waiting.
const WRITE_WITHIN: Duration = Duration::from_secs(5);

/// Starts watching one instance.
pub fn start(
    config: &AlertmanagerConfig,
    words: &AlertWords,
    ctx: &Ctx,
    tasks: &TaskTracker,
) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let id = SourceId::new(System::Alertmanager, config.name.clone());
    let (auth, credential) = match (&config.basic_auth, &config.bearer_file) {
        (Some(basic), _) => {
            (Auth::Basic(basic.user.clone(), basic.password_file.clone()), format!("user {}", basic.user))
        }
        (None, Some(file)) => (Auth::Bearer(file.clone()), format!("token {}", config.name)),
        (None, None) => (Auth::None, String::new()),
    };
    let reading = Options {
        auth,
        ca_file: config.ca_file.clone(),
        http: config.http.clone(),
        proxies: ctx.proxies.clone(),
        reach: ctx.reach.clone(),
        meter: Some(ctx.meters.of(config.url.clone(), UNSTATED, &ctx.clock)),
        ..Options::default()
    };
    let notes = notes(&config.url, &reading);
    let watch = Arc::new(watch::AlertmanagerWatch {
        api: Api::new(&config.url, reading.clone()),
        instance: config.name.clone(),
        reporter: ctx.reporter(id.clone()),
        words: words.clone(),
        silences_seen: Default::default(),
    });
    let every = Duration::from_secs(config.every_s.max(1));
    supervise::keep(tasks, ctx, id.clone(), move |ctx| {
        let watch = watch.clone();
        async move { supervise::poll(&ctx.clock, &ctx.stop, every, || watch.round()).await }
    });
    let acting = act::AlertmanagerAdapter { api: Api::new(&config.url, Options { total: WRITE_WITHIN, ..reading }) };
    (SourceSpec { id, fresh_for_s: supervise::fresh_for(every), credential, notes }, Some(Arc::new(acting)))
}
