//! One sample: ask the URL, judge the answer by its status, add it to the window, report.

use std::sync::{Arc, Mutex, PoisonError};

use super::window::{ProbeSample, SampleWindow};
use crate::config::ProbeConfig;
use crate::model::facts::Probe;
use crate::model::{SafeText, Trouble};
use crate::systems::Reporter;
use crate::systems::http::{Api, HttpFault, HttpResponse, Method};

const MAX_SITE: usize = 64;

pub(super) struct ProbeWatch {
    pub api: Api,
    pub config: ProbeConfig,
    pub window: Arc<Mutex<SampleWindow>>,
    pub reporter: Reporter,
}

impl ProbeWatch {
    /// Takes one sample. A bad one is no reason to ask sooner: the interval is part of what the window means.
    pub(super) async fn round(&self) -> bool {
        let asked = self.reporter.clock().now();
        let started = self.reporter.clock().boot();
        let result = self.api.send(Method::GET, &[], None).await;
        // An answer says how things are when it is given; silence, how they were when nobody took the question.
        let at = if result.is_ok() { self.reporter.clock().now() } else { asked };
        let latency_ms =
            u64::try_from(self.reporter.clock().boot().saturating_sub(started).as_millis()).unwrap_or(u64::MAX);
        let (status, error, site) = match result {
            Ok(answer) => self.judge(&answer),
            // What we could not ask says nothing about users: it is no sample.
            Err(HttpFault { trouble, .. }) if trouble.kind.own_failure().is_some() => {
                self.reporter.trouble(trouble).await;
                return false;
            }
            Err(fault) => (None, Some(Trouble::from(fault).what), None),
        };
        let sample =
            ProbeSample { at, good: error.is_none(), status, error: error.unwrap_or_default(), site, latency_ms };
        let fact = self.add(sample);
        self.reporter.upsert(fact).await;
        true
    }

    fn judge(&self, answer: &HttpResponse) -> (Option<u16>, Option<SafeText>, Option<SafeText>) {
        let (low, high) = self.config.good;
        let bad = !(low..=high).contains(&answer.status);
        let error = bad.then(|| answer.trouble().what);
        let site = self
            .config
            .site_header
            .as_deref()
            .and_then(|name| answer.header(name))
            .map(|site| SafeText::new(&site.trim().chars().take(MAX_SITE).collect::<String>()));
        (Some(answer.status), error, site.filter(|site| !site.is_empty()))
    }

    fn add(&self, sample: ProbeSample) -> Probe {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.push(sample.clone());
        let (samples, good) = window.counts();
        Probe {
            name: self.config.name.clone(),
            service: self.config.service.clone(),
            url: SafeText::new(&shown(&self.config.url)),
            ok: sample.good,
            status: sample.status,
            error: sample.error,
            site: sample.site,
            latency_ms: sample.latency_ms,
            samples,
            good,
            by_site: window.by_site(),
            since: window.since().unwrap_or(sample.at),
        }
    }
}

/// The address without its query: that is where people hide keys.
fn shown(url: &str) -> String {
    url.split(['?', '#']).next().unwrap_or_default().to_owned()
}
