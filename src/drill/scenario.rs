//! A scenario: the whole story of a drill as data. The world, the director and the score read it; nothing about the story
//! is written in code.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use serde::{Deserialize, Serialize};

pub use super::scripted_action::{ExpectedMilestone, ScriptedAction, Verb};

/// The scenarios that ship with the program.
pub const BUILT_IN: [(&str, &str); 1] = [("etcd-corruption", include_str!("scenarios/etcd-corruption.toml"))];

/// The most a scenario file may weigh.
const MAX_BYTES: u64 = 1024 * 1024;

/// A story.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    pub name: String,
    pub summary: String,
    /// Where the world's clock begins.
    pub start: DateTime<Utc>,
    /// Users begin to fail.
    pub impact: DateTime<Utc>,
    /// The first alert fires: T+0.
    pub detection: DateTime<Utc>,
    /// The drill gives up so many seconds after detection.
    pub ends_s: u32,
    /// False: the load balancer takes changes, but traffic does not move.
    #[serde(default = "yes")]
    pub failover: bool,
    pub service: ServiceSpec,
    pub edge: EdgeSpec,
    pub primary: ClusterSpec,
    pub dr: ClusterSpec,
    pub etcd: EtcdSpec,
    pub argocd: ArgoSpec,
    pub velero: VeleroSpec,
    #[serde(default)]
    pub slo: Option<SloSpec>,
    #[serde(default, rename = "alert")]
    pub alerts: Vec<AlertSpec>,
    #[serde(default, rename = "event")]
    pub events: Vec<EventSpec>,
    #[serde(default)]
    pub noise: Vec<NoiseSpec>,
    #[serde(rename = "person")]
    pub people: Vec<PersonSpec>,
    #[serde(default, rename = "act")]
    pub acts: Vec<ScriptedAction>,
    #[serde(default)]
    pub expect: Vec<ExpectedMilestone>,
}

fn yes() -> bool {
    true
}

/// The service that users notice.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceSpec {
    pub name: String,
    pub namespace: String,
    pub tier: String,
    pub rto: String,
    pub rpo: String,
    pub strategy: String,
    pub path: String,
    pub probe_every: String,
    pub probe_window: u32,
    pub warm_up: WarmUp,
}

/// How the service comes back once traffic, applications and data are there: replica by replica.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    pub replicas: u32,
    pub first_s: u32,
    pub last_s: u32,
}

/// What was promised about errors, and what the service is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SloSpec {
    /// Percent of requests that must be answered well, over 30 days.
    pub objective: f64,
    pub requests_per_s: f64,
    /// Errors of a million requests in the month before.
    pub errors_before_ppm: f64,
}

/// DNS load balancing in front of the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSpec {
    pub account: String,
    pub zone: String,
    pub hostname: String,
    pub ttl_s: u32,
    pub monitor_path: String,
    pub places: Vec<String>,
    pub places_lost: usize,
}

/// One Kubernetes cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    pub version: String,
    pub control_plane: Vec<String>,
    pub workers: Vec<String>,
}

impl ClusterSpec {
    /// Every node.
    pub fn nodes(&self) -> impl Iterator<Item = &String> {
        self.control_plane.iter().chain(&self.workers)
    }
}

/// What breaks.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EtcdSpec {
    /// The health endpoints name etcd from here on.
    pub after_impact_s: u32,
    /// Nodes that stop being ready.
    #[serde(default, rename = "node")]
    pub nodes: Vec<FailingNode>,
}

/// A node that stops being ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailingNode {
    pub name: String,
    pub after_impact_s: u32,
}

/// GitOps on both clusters: the same applications.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgoSpec {
    pub namespace: String,
    pub repo: String,
    pub revision: String,
    pub reconcile_s: u32,
    pub apps: Vec<String>,
    /// After traffic arrived at DR: scaling begins, the first application is healthy again, the last is.
    pub scale_start_s: u32,
    pub scale_first_s: u32,
    pub scale_last_s: u32,
}

/// Backups on both clusters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VeleroSpec {
    pub namespace: String,
    pub location: String,
    pub bucket: String,
    /// Seconds between validations of the location; they happen at `validate_offset_s` past each multiple.
    pub validate_s: u32,
    pub validate_offset_s: u32,
    /// From creation of a Restore to its end.
    pub restore_s: u32,
    pub restore_items: u32,
    pub restore_warnings: u32,
    #[serde(rename = "schedule")]
    pub schedules: Vec<ScheduleSpec>,
}

/// A schedule and the backups it left.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    pub name: String,
    pub cron: String,
    pub namespaces: Vec<String>,
    pub every_s: u32,
    pub newest: DateTime<Utc>,
    pub keep: u32,
    pub took_s: u32,
    pub items: u32,
    /// Which of them are `PartiallyFailed`, counted from the newest, 0.
    #[serde(default)]
    pub partly_failed: Vec<u32>,
}

/// An alert, from `at_s` after detection on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSpec {
    pub at_s: i64,
    /// When it resolves; never, if absent.
    #[serde(default)]
    pub until: Option<AlertUntil>,
    /// The name of the alert that inhibits it.
    #[serde(default)]
    pub inhibited_by: Option<String>,
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// What ends an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertUntil {
    /// The service answers well again.
    Recovered,
}

/// One of the two clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Site {
    Primary,
    Dr,
}

impl Site {
    /// `primary` or `dr`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Dr => "dr",
        }
    }
}

/// A Kubernetes event of the story.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventSpec {
    pub cluster: Site,
    pub after_impact_s: i64,
    pub kind: String,
    #[serde(default)]
    pub namespace: Option<String>,
    pub name: String,
    #[serde(default = "warning", rename = "type")]
    pub class: String,
    pub reason: String,
    pub component: String,
    pub message: String,
    /// It happens so many times, every so many seconds; its count rises.
    #[serde(default)]
    pub repeat: u32,
    #[serde(default)]
    pub every_s: u32,
}

fn warning() -> String {
    "Warning".to_owned()
}

/// Background events: so many a minute.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoiseSpec {
    pub cluster: Site,
    pub per_minute: u32,
    #[serde(default)]
    pub from_after_impact_s: Option<i64>,
    #[serde(default)]
    pub until_after_impact_s: Option<i64>,
    pub say: Vec<Template>,
}

/// One thing that background events say. `{name}` is the pod or node drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    #[serde(default = "warning", rename = "type")]
    pub class: String,
    pub kind: String,
    pub reason: String,
    pub component: String,
    pub message: String,
}

/// A person of the drill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSpec {
    pub id: String,
    pub roles: Vec<String>,
}

impl Scenario {
    /// Reads and checks a scenario. `origin` names it in errors.
    pub fn parse(text: &str, origin: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|e| format!("{origin}: {e}"))?;
        scenario.check().map_err(|why| format!("{origin}: {why}"))?;
        Ok(scenario)
    }

    /// The same story with its detection at another instant: for a world that a room on the real clock looks at.
    pub fn detected_at(mut self, detection: DateTime<Utc>) -> Self {
        let by = detection - self.detection;
        self.start += by;
        self.impact += by;
        self.detection = detection;
        for schedule in &mut self.velero.schedules {
            schedule.newest += by;
            schedule.cron = cron_at(&schedule.cron, schedule.newest);
        }
        self
    }

    /// The instant so many seconds after detection.
    pub fn at(&self, s: i64) -> DateTime<Utc> {
        self.detection + TimeDelta::seconds(s)
    }

    /// The instant so many seconds after the impact.
    pub fn after_impact(&self, s: i64) -> DateTime<Utc> {
        self.impact + TimeDelta::seconds(s)
    }

    /// One of its clusters.
    pub fn cluster(&self, site: Site) -> &ClusterSpec {
        match site {
            Site::Primary => &self.primary,
            Site::Dr => &self.dr,
        }
    }

    fn check(&self) -> Result<(), String> {
        if !(self.start < self.impact && self.impact <= self.detection) {
            return Err("start < impact ≤ detection must hold".to_owned());
        }
        if self.service.warm_up.replicas == 0 || self.service.warm_up.first_s > self.service.warm_up.last_s {
            return Err("service.warm_up needs at least one replica and first_s ≤ last_s".to_owned());
        }
        if self.argocd.scale_start_s > self.argocd.scale_first_s || self.argocd.scale_first_s > self.argocd.scale_last_s
        {
            return Err("argocd: scale_start_s ≤ scale_first_s ≤ scale_last_s must hold".to_owned());
        }
        if self.velero.restore_s < 20 || self.velero.validate_s == 0 || self.argocd.reconcile_s == 0 {
            return Err("velero.restore_s must be at least 20, validate_s and reconcile_s at least 1".to_owned());
        }
        if self.noise.iter().any(|n| n.per_minute == 0 || n.per_minute > 60_000 || n.say.is_empty()) {
            return Err("noise needs per_minute between 1 and 60000 and something to say".to_owned());
        }
        let people: BTreeSet<&str> = self.people.iter().map(|p| p.id.as_str()).collect();
        self.acts.iter().try_for_each(|act| act.check(&people))
    }
}

/// Names, for an error.
pub fn join(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

/// Loads a built-in scenario by name, or a file by path.
pub fn load(name_or_path: &str) -> Result<Scenario, String> {
    if let Some((name, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
        return Scenario::parse(text, name);
    }
    let path = Path::new(name_or_path);
    if !path.exists() {
        let known: BTreeSet<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        return Err(format!("no scenario or file named {name_or_path}; built in: {}", join(&known)));
    }
    let meta = std::fs::metadata(path).map_err(|e| format!("{name_or_path}: {e}"))?;
    if !meta.is_file() || meta.len() > MAX_BYTES {
        return Err(format!("{name_or_path}: a scenario is a TOML file of at most {MAX_BYTES} bytes"));
    }
    let text = std::fs::read_to_string(path).map_err(|e| format!("{name_or_path}: {e}"))?;
    Scenario::parse(&text, name_or_path)
}

/// A cron line whose fixed minute and hour are those of a run that must fit it.
fn cron_at(cron: &str, run: DateTime<Utc>) -> String {
    let mut fields: Vec<String> = cron.split_whitespace().map(str::to_owned).collect();
    for (field, value) in fields.iter_mut().zip([run.minute(), run.hour()]) {
        if field.parse::<u32>().is_ok() {
            *field = value.to_string();
        }
    }
    fields.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_scenario_loads_under_its_own_name() {
        for (name, _) in BUILT_IN {
            assert_eq!(load(name).expect("loads").name, name);
        }
    }

    #[test]
    fn the_story_of_the_brief_is_in_the_file() {
        let s = load("etcd-corruption").expect("loads");
        assert_eq!((s.detection - s.impact).num_seconds(), 240);
        let hourly = &s.velero.schedules[0];
        assert_eq!((s.impact - hourly.newest).num_seconds(), 480);
        let times: Vec<i64> = s.expect.iter().map(|m| m.t_s).collect();
        assert_eq!(times, [0, 240, 480, 600, 720, 1080, 1380]);
        assert_eq!(s.argocd.apps.len(), 12);
    }

    #[test]
    fn mistakes_are_named() {
        let text = BUILT_IN[0].1;
        let typo = text.replace("summary =", "sumary =");
        let error = Scenario::parse(&typo, "x.toml").expect_err("refused");
        assert!(error.contains("x.toml") && error.contains("sumary"), "{error}");
        let stranger = text.replacen("who = \"lee\"", "who = \"kim\"", 1);
        let error = Scenario::parse(&stranger, "x.toml").expect_err("refused");
        assert!(error.contains("kim") && error.contains("ana, lee, sam"), "{error}");
        let error = load("no-such-thing").expect_err("refused");
        assert!(error.contains("etcd-corruption"), "{error}");
    }
}
