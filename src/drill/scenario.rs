//! A scenario: the whole story of a drill as data. The world, the director and the score read it; nothing about the story
//! is written in code.
//!
//! Longer than other files: it is the reference of a file format, and every key of it says what it does.

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
    /// As the score and the world's state repeat it; a built-in one is loaded under the same name.
    pub name: String,
    /// What happens, in one sentence. The program reads it nowhere: it is for whoever opens the file.
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
    /// Becomes the `[[service]]` and the `[[probe]]` of the drill's configuration.
    pub service: ServiceSpec,
    /// Its load balancer goes to the primary first; a failover plan turns it to DR.
    pub edge: EdgeSpec,
    /// The one that breaks at the impact.
    pub primary: ClusterSpec,
    /// The one that stays whole and takes over.
    pub dr: ClusterSpec,
    /// Always that of the primary cluster.
    pub etcd: EtcdSpec,
    /// Sets how long the standby takes to scale up.
    pub argocd: ArgoSpec,
    /// Sets which backups there are and how long a restore takes.
    pub velero: VeleroSpec,
    /// `None`: no Prometheus and no error budget in the drill's configuration; nothing is scraped.
    #[serde(default)]
    pub slo: Option<SloSpec>,
    /// Shown by both Alertmanagers alike, and by Prometheus' rules.
    #[serde(default, rename = "alert")]
    pub alerts: Vec<AlertSpec>,
    /// Told at fixed times, the same in every run.
    #[serde(default, rename = "event")]
    pub events: Vec<EventSpec>,
    /// Told at times that the seed decides, beside `events`.
    #[serde(default)]
    pub noise: Vec<NoiseSpec>,
    /// Written to the drill's `people.toml`; each account is called like its person.
    #[serde(rename = "person")]
    pub people: Vec<PersonSpec>,
    /// Played if their person has a connection of its own here; else left to whoever sits at a console.
    #[serde(default, rename = "act")]
    pub acts: Vec<ScriptedAction>,
    /// What the score asks for. Empty: nothing is asked, and every run has a good score.
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
    /// Also the name of its probe; applications called `NAME-*` belong to it.
    pub name: String,
    /// It is back only after a restore of a backup that includes this namespace, to DR.
    pub namespace: String,
    /// The `tier` of its `[[service]]` as it stands there; checked when the room reads the configuration.
    pub tier: String,
    /// Recovery time objective, as a duration of the configuration: `30m`.
    pub rto: String,
    /// Recovery point objective, as a duration of the configuration: `15m`.
    pub rpo: String,
    /// The word for it in the configuration: `cold`, `pilot-light`, `warm-standby`, `active-active`.
    pub strategy: String,
    /// Appended to the address that is probed; the simulated service answers every path alike.
    pub path: String,
    /// Between two probes, as a duration of the configuration: `5s`.
    pub probe_every: String,
    /// The probe's `window`: how many of its last answers the shares by site are counted over.
    pub probe_window: u32,
    /// Counted from the instant at which the last of traffic, applications and data was there.
    pub warm_up: WarmUp,
}

/// How the service comes back once traffic, applications and data are there: replica by replica.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WarmUp {
    /// Of the service on DR, at least 1. So many of them are warm, that share of requests is answered well.
    pub replicas: u32,
    /// Seconds until the first one answers well; not read where there is only one.
    pub first_s: u32,
    /// Seconds until the last one does: the service has recovered. At least `first_s`.
    pub last_s: u32,
}

/// What was promised about errors, and what the service is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SloSpec {
    /// Percent of requests that must be answered well, over 30 days.
    pub objective: f64,
    /// Constant through the story and the month before; counted at each scrape, every 15 s.
    pub requests_per_s: f64,
    /// Errors of a million requests in the month before.
    pub errors_before_ppm: f64,
}

/// DNS load balancing in front of the service.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeSpec {
    /// Not an id itself: the id of the simulated account is made from it and the seed.
    pub account: String,
    /// Domain name of the DNS zone; its id is made from the seed.
    pub zone: String,
    /// Name of the load balancer, under which the configuration finds it.
    pub hostname: String,
    /// Seconds in which users move, evenly, after the load balancer is turned; 0 = all at once.
    pub ttl_s: u32,
    /// Shown as the path of the health monitor; nothing is requested there.
    pub monitor_path: String,
    /// Where health is checked from. A pool is healthy while more than half of them see it.
    pub places: Vec<String>,
    /// So many of the first `places` lose the primary pool at the impact.
    pub places_lost: usize,
}

/// One Kubernetes cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    /// As `/version` and the kubelets say it: `v1.33.4`. That of the primary also stands in each backup.
    pub version: String,
    /// Names of the nodes, each with an etcd pod on it.
    pub control_plane: Vec<String>,
    /// Names of the nodes that pods are spread over, at least one; on the last stands Argo CD's controller, so it must not
    /// fail.
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
    /// Applications, of those in `argocd.apps`, whose first pod on the primary crashes at the impact.
    #[serde(default)]
    pub crashing_apps: Vec<String>,
    /// Nodes that stop being ready.
    #[serde(default, rename = "node")]
    pub nodes: Vec<FailingNode>,
}

/// A node that stops being ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailingNode {
    /// A node of the primary; another name changes nothing. The first one's etcd pod crashes at the impact.
    pub name: String,
    /// Seconds after the impact at which its conditions turn `Unknown` and its pods unready.
    pub after_impact_s: u32,
}

/// GitOps on both clusters: the same applications.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArgoSpec {
    /// Where the applications and the controller are, on both clusters.
    pub namespace: String,
    /// The git URL that every application names as its source; nothing is fetched.
    pub repo: String,
    /// The commit that every application is synced to, from the start to the end.
    pub revision: String,
    /// Seconds between two comparisons of an application with git, at least 1. They end on a primary that broke.
    pub reconcile_s: u32,
    /// Names, at least one; each has pods and an application on both clusters. All must be scaled up before the service
    /// is back.
    pub apps: Vec<String>,
    /// Seconds after the load balancer was turned to DR until the first application begins to scale.
    pub scale_start_s: u32,
    /// Seconds after that turn until the first one is healthy again; at least `scale_start_s`.
    pub scale_first_s: u32,
    /// Seconds after that turn until the last one is; at least `scale_first_s`. Those between follow evenly.
    pub scale_last_s: u32,
}

/// Backups on both clusters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VeleroSpec {
    /// Where its objects are, on both clusters.
    pub namespace: String,
    /// Name of the one BackupStorageLocation, the same on both clusters.
    pub location: String,
    /// Shown in the location; there is no object store behind it.
    pub bucket: String,
    /// Seconds between validations of the location; they happen at `validate_offset_s` past each multiple.
    pub validate_s: u32,
    /// Seconds, counted in Unix time: 5 with a `validate_s` of 20 means :05, :25 and :45.
    pub validate_offset_s: u32,
    /// From creation of a Restore to its end.
    pub restore_s: u32,
    /// `totalItems` of every restore, whatever is restored.
    pub restore_items: u32,
    /// Warnings of every completed restore; 0 leaves the field out, as Velero does.
    pub restore_warnings: u32,
    /// They leave backups only before the start: none runs during the story.
    #[serde(rename = "schedule")]
    pub schedules: Vec<ScheduleSpec>,
}

/// A schedule and the backups it left.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleSpec {
    /// Also the beginning of its backups' names: `NAME-20260310142900`.
    pub name: String,
    /// As the Schedule shows it. It starts nothing, but should fit `newest` and `every_s`.
    pub cron: String,
    /// What its backups include. It protects the service if the service's namespace is among them.
    pub namespaces: Vec<String>,
    /// Seconds between the starts of two of its backups.
    pub every_s: u32,
    /// When its newest backup started; what was written later is lost by restoring it.
    pub newest: DateTime<Utc>,
    /// How many backups it left, on both clusters.
    pub keep: u32,
    /// Seconds from the start of each backup to its end.
    pub took_s: u32,
    /// `totalItems` of each backup; one that is `PartiallyFailed` lacks two of them.
    pub items: u32,
    /// Which of them are `PartiallyFailed`, counted from the newest, 0.
    #[serde(default)]
    pub partly_failed: Vec<u32>,
}

/// An alert, from `at_s` after detection on.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AlertSpec {
    /// Seconds; negative if it fires before detection, or already at the start.
    pub at_s: i64,
    /// When it resolves; never, if absent.
    #[serde(default)]
    pub until: Option<AlertUntil>,
    /// The name of the alert that inhibits it.
    #[serde(default)]
    pub inhibited_by: Option<String>,
    /// Its identity, `alertname` among them. A `severity` of `none` goes to the watchdog's receiver, all others page.
    pub labels: BTreeMap<String, String>,
    /// Shown as they are, `summary` and `runbook_url` for example; never templates.
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
    /// The cluster that serves until users are moved, and that breaks.
    Primary,
    /// The standby.
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
    /// Whose API server tells it. The primary's goes on telling while its etcd is broken.
    pub cluster: Site,
    /// Seconds; negative if it happens before the impact.
    pub after_impact_s: i64,
    /// Kind of the object that it is about: `Pod`, `Node`, `Namespace`.
    pub kind: String,
    /// That of the object; `None` for one without, whose events live in `default`.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Name of the object that it is about; that there is one is not checked.
    pub name: String,
    /// `Normal` or `Warning`; `Warning` if absent.
    #[serde(default = "warning", rename = "type")]
    pub class: String,
    /// One word in upper camel case, as Kubernetes writes it: `BackOff`.
    pub reason: String,
    /// Who reports it: `kubelet`, `node-controller`.
    pub component: String,
    /// As it stands; no `{name}` is filled in here.
    pub message: String,
    /// So many times more after the first, each time `every_s` later; its count rises.
    #[serde(default)]
    pub repeat: u32,
    /// Seconds between two of its repetitions; 0 = it is not repeated, whatever `repeat` says.
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
    /// Whose pods and nodes it is about, and whose API server tells it.
    pub cluster: Site,
    /// 1 to 60000, evenly: one in each slot of a minute divided by it, at a place in the slot that the seed draws.
    pub per_minute: u32,
    /// Seconds after the impact from which it is told; from the scenario's start if absent.
    #[serde(default)]
    pub from_after_impact_s: Option<i64>,
    /// Seconds after the impact at which it ends; never, if absent.
    #[serde(default)]
    pub until_after_impact_s: Option<i64>,
    /// One of them is drawn each time; never empty.
    pub say: Vec<Template>,
}

/// One thing that background events say. `{name}` is the pod or node drawn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// `Normal` or `Warning`; `Warning` if absent.
    #[serde(default = "warning", rename = "type")]
    pub class: String,
    /// `Node`: one of the cluster's nodes is drawn. Anything else: a pod of one of the applications.
    pub kind: String,
    /// One word in upper camel case, as Kubernetes writes it: `FailedMount`.
    pub reason: String,
    /// Who reports it: `kubelet`, `default-scheduler`.
    pub component: String,
    /// `{name}` in it becomes the name that was drawn.
    pub message: String,
}

/// A person of the drill.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PersonSpec {
    /// What acts name them by, and their account in the drill's room.
    pub id: String,
    /// As in a `people.toml`: `operator`, `commander`; checked when the room reads that file.
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
        self.check_names()?;
        let people: BTreeSet<&str> = self.people.iter().map(|p| p.id.as_str()).collect();
        self.acts.iter().try_for_each(|act| act.check(&people))
    }

    /// Whether there is something to spread over nodes and nodes to spread it over, and who crashes is there.
    fn check_names(&self) -> Result<(), String> {
        for (place, names, what) in [
            ("primary.workers", &self.primary.workers, "node"),
            ("dr.workers", &self.dr.workers, "node"),
            ("argocd.apps", &self.argocd.apps, "application"),
        ] {
            if names.is_empty() {
                return Err(format!("{place} is empty: name at least one {what}"));
            }
        }
        let apps: BTreeSet<&str> = self.argocd.apps.iter().map(String::as_str).collect();
        match self.etcd.crashing_apps.iter().find(|app| !apps.contains(app.as_str())) {
            Some(app) => Err(format!("etcd.crashing_apps: {app} is not in argocd.apps; known: {}", join(&apps))),
            None => Ok(()),
        }
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
        let crashing = text.replace("crashing_apps = [\"shop-checkout\"", "crashing_apps = [\"shop-till\"");
        let error = Scenario::parse(&crashing, "x.toml").expect_err("refused");
        assert!(error.contains("shop-till") && error.contains("shop-checkout"), "{error}");
        let error = load("no-such-thing").expect_err("refused");
        assert!(error.contains("etcd-corruption"), "{error}");
    }

    #[test]
    fn a_cluster_without_workers_and_a_story_without_applications_are_refused_with_their_place() {
        let text = BUILT_IN[0].1;
        for (place, key, of) in [
            ("primary.workers", "\nworkers = [", "[primary]"),
            ("dr.workers", "\nworkers = [", "[dr]"),
            ("argocd.apps", "\napps = [", "[argocd]"),
        ] {
            let (before, table) = text.split_once(of).expect("the table");
            let (keys, list) = table.split_once(key).expect("the key");
            let (_, after) = list.split_once(']').expect("the end of the list");
            let error = Scenario::parse(&format!("{before}{of}{keys}{key}]{after}"), "x.toml").expect_err("refused");
            assert!(error.contains(&format!("x.toml: {place} is empty: name at least one")), "{error}");
        }
    }
}
