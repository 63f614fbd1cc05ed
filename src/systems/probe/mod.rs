//! HTTP checks of a service's own URL: what users get, and which site answers them.
//!
//! A failing answer is what a probe is for, so it is a fact and not trouble of the source. Trouble is only what is wrong
//! on our side: a bad url, an unreadable certificate file.

mod watch;
mod window;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::TimeDelta;
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::egress_policy::EgressPolicy;
use super::http::{Api, Options, notes, trouble};
use super::{ActError, Adapter, Ctx, Permit, SourceSpec, supervise};
use crate::clock::Clock;
use crate::config::ProbeConfig;
use crate::model::read_path::ProbePath;
use crate::model::{SourceId, Step, System, Trouble, TroubleKind};

use window::SampleWindow;

/// Bodies are read only so that the connection can be kept.
const MAX_BODY: usize = 1024 * 1024;
/// Connections idle for longer are not used again: a kept one would go on asking the old site after a change in DNS.
/// Real intervals are longer than this, a fast drill's are shorter.
const IDLE: Duration = Duration::from_millis(900);

/// Starts one probe.
pub fn start(config: &ProbeConfig, ctx: &Ctx, tasks: &TaskTracker) -> (SourceSpec, Option<Arc<dyn Adapter>>) {
    let id = SourceId::new(System::Probe, config.name.clone());
    let total = Duration::from_secs(config.timeout_s.max(1));
    let window = Arc::new(Mutex::new(SampleWindow::new(config.window)));
    let options = Options { proxies: ctx.proxies.clone(), ..options(config, total, ctx.reach.clone()) };
    let notes = notes(&config.url, &options);
    let watch = Arc::new(watch::ProbeWatch {
        api: Api::new(&config.url, options),
        config: config.clone(),
        window: window.clone(),
        reporter: ctx.reporter(id.clone()),
    });
    let every = Duration::from_secs(config.every_s.max(1));
    supervise::keep(tasks, ctx, id.clone(), move |ctx| {
        let watch = watch.clone();
        async move { supervise::poll(&ctx.clock, &ctx.stop, every, || watch.round()).await }
    });
    let reader = ProbeAdapter { window, clock: ctx.clock.clone(), every, total };
    let spec = SourceSpec { id, fresh_for_s: supervise::fresh_for(every), credential: String::new(), notes };
    (spec, Some(Arc::new(reader)))
}

fn options(config: &ProbeConfig, total: Duration, reach: EgressPolicy) -> Options {
    Options {
        ca_file: config.ca_file.clone(),
        http: config.http.clone(),
        total,
        max_body: MAX_BODY,
        cut_body: true,
        reach,
        idle: IDLE,
        ..Options::default()
    }
}

/// Reads the probe's own window: it is an observation made here, so there is nobody else to ask.
struct ProbeAdapter {
    window: Arc<Mutex<SampleWindow>>,
    clock: Clock,
    every: Duration,
    total: Duration,
}

impl ProbeAdapter {
    /// How old the newest sample may be. The time limit of a request is real time, which a fast clock stretches.
    fn patience(&self) -> TimeDelta {
        let stretched = self.total.mul_f64(self.clock.speed().max(1.0));
        TimeDelta::from_std(self.every * 3 + stretched).unwrap_or(TimeDelta::MAX)
    }
}

#[async_trait]
impl Adapter for ProbeAdapter {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        let window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        // One from ahead is of a wall clock that was set back since: how old it is, nobody knows.
        let fresh = window.latest().is_some_and(|at| (self.clock.now() - at).abs() <= self.patience());
        if !fresh {
            let remedy = "Wait for its next sample, or look at its pane for what keeps it.";
            return Err(trouble(TroubleKind::Silent, "the probe has no recent sample", remedy));
        }
        match ProbePath::parse(path) {
            Some(ProbePath::Share(site)) => Ok(json!(window.share(&site))),
            Some(ProbePath::GoodPercent) => Ok(json!(window.good_percent())),
            Some(ProbePath::Site) => Ok(json!(window.site().map(ToString::to_string))),
            None => {
                let what = format!("a probe has no `{path}`; it has share/SITE, good_percent and site");
                Err(trouble(TroubleKind::Garbage, what, "Build the plan again."))
            }
        }
    }

    async fn apply(&self, step: &Step, _permit: &Permit) -> Result<String, ActError> {
        let what = format!("a probe only looks; it can't do `{}`", step.request);
        Err(ActError::NotApplied(trouble(TroubleKind::Garbage, what, "Build the plan again.")))
    }
}
