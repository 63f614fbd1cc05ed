//! What a room needs to find the world: kubeconfig, tokens, `warroom.toml`, `people.toml`, `endpoints.json`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::json;

use super::{SimService, Simulator, prometheus};
use crate::drill::scenario::Scenario;

/// Where the world is.
#[derive(Clone, Debug, Serialize)]
pub struct Endpoints {
    /// `warroom.endpoints/1`.
    pub schema: &'static str,
    /// The scenario's own name.
    pub scenario: String,
    /// What ids, tokens and draws were made from.
    pub seed: u64,
    /// Base URL of the primary's API server, plain http on 127.0.0.1, as are all others here.
    pub primary: String,
    /// Base URL of DR's API server.
    pub dr: String,
    /// Base URLs of the two members, `am-1` first.
    pub alertmanagers: Vec<String>,
    /// Base URL. It answers also where the scenario has no `slo` and no configuration names it.
    pub prometheus: String,
    /// Base URL of the provider's API, ending in `/client/v4`.
    pub cloudflare: String,
    /// The service's own URL, with its path.
    pub service: String,
    /// `GET /_world/state`, `GET /_world/writes`.
    pub control: String,
    /// Id of the simulated Cloudflare account.
    pub account: String,
    /// Id of the simulated DNS zone.
    pub zone: String,
    /// Id of the one load balancer.
    pub load_balancer: String,
    /// Ids of the two pools, the primary's first.
    pub pools: Vec<String>,
    /// Contexts `primary` and `dr` with their tokens; mode 0600.
    pub kubeconfig: PathBuf,
    /// The `warroom.toml` that a room is started with.
    pub config: PathBuf,
    /// The `people.toml` that the configuration names.
    pub people: PathBuf,
}

impl Simulator {
    /// Writes the files into a directory, which is made if it is not there. Existing ones are replaced.
    pub fn write_config(&self, dir: &Path) -> Result<Endpoints, String> {
        std::fs::create_dir_all(dir).map_err(|e| format!("{}: {e}", dir.display()))?;
        let scenario = self.shared.with(|state| state.scenario.clone());
        let tokens = self.shared.with(|s| [s.primary.token.clone(), s.dr.token.clone(), s.edge.token.clone()]);
        let endpoints = self.endpoints(&scenario, dir);
        let text = serde_json::to_string_pretty(&endpoints).map_err(|e| e.to_string())?;
        write(dir, "kubeconfig", &kubeconfig(&endpoints, &tokens), 0o600)?;
        write(dir, "cloudflare.token", &format!("{}\n", tokens[2]), 0o600)?;
        write(dir, "people.toml", &people(&scenario), 0o644)?;
        write(dir, "warroom.toml", &config(&scenario, &endpoints), 0o644)?;
        write(dir, "endpoints.json", &format!("{text}\n"), 0o644)?;
        Ok(endpoints)
    }

    fn endpoints(&self, scenario: &Scenario, dir: &Path) -> Endpoints {
        let text = |v: &serde_json::Value| v.as_str().unwrap_or_default().to_owned();
        self.shared.with(|s| Endpoints {
            schema: "warroom.endpoints/1",
            scenario: scenario.name.clone(),
            seed: s.seed,
            primary: self.url(SimService::Primary),
            dr: self.url(SimService::Dr),
            alertmanagers: vec![self.url(SimService::Alertmanager1), self.url(SimService::Alertmanager2)],
            prometheus: self.url(SimService::Prometheus),
            cloudflare: format!("{}/client/v4", self.url(SimService::Cloudflare)),
            service: format!("{}{}", self.url(SimService::Shop), scenario.service.path),
            control: self.control_url(),
            account: s.edge.account.clone(),
            zone: s.edge.zone.clone(),
            load_balancer: text(&s.edge.load_balancer["id"]),
            pools: s.edge.pools.iter().map(|p| text(&p["id"])).collect(),
            kubeconfig: dir.join("kubeconfig"),
            config: dir.join("warroom.toml"),
            people: dir.join("people.toml"),
        })
    }
}

fn write(dir: &Path, name: &str, text: &str, mode: u32) -> Result<(), String> {
    let path = dir.join(name);
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    // A new file each time: the mode of one that was there before would stay as it was.
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&path).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

fn kubeconfig(at: &Endpoints, tokens: &[String; 3]) -> String {
    let cluster = |name: &str, url: &str| json!({"name": name, "cluster": {"server": url}});
    let user = |name: &str, token: &str| json!({"name": name, "user": {"token": token}});
    let context = |name: &str| json!({"name": name, "context": {"cluster": name, "user": name}});
    // JSON is YAML, and needs no quoting rules of its own.
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "primary", "preferences": {},
        "clusters": [cluster("primary", &at.primary), cluster("dr", &at.dr)],
        "users": [user("primary", &tokens[0]), user("dr", &tokens[1])],
        "contexts": [context("primary"), context("dr")],
    });
    format!("{config:#}\n")
}

fn people(scenario: &Scenario) -> String {
    let mut out = String::from(
        "# The people of the drill. Their accounts are names given to a drill room, not logins of this host.\n",
    );
    for person in &scenario.people {
        let roles: Vec<String> = person.roles.iter().map(|r| quoted(r)).collect();
        let _ = write!(
            out,
            "\n[[person]]\nid = {0}\naccounts = [{0}]\nroles = [{1}]\n",
            quoted(&person.id),
            roles.join(", ")
        );
    }
    out
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn config(scenario: &Scenario, at: &Endpoints) -> String {
    let mut out = String::from("# Written by the drill: the services it names are simulated, on loopback.\n");
    let _ = write!(out, "\n[room]\nname = \"drill\"\npeople = \"people.toml\"\n");
    for name in ["primary", "dr"] {
        let _ = write!(
            out,
            "\n[[cluster]]\nname = \"{name}\"\nrole = \"{name}\"\nkubeconfig = \"kubeconfig\"\ncontext = \"{name}\"\nvelero = {}\nargocd = {}\n",
            quoted(&scenario.velero.namespace),
            quoted(&scenario.argocd.namespace)
        );
    }
    for (i, url) in at.alertmanagers.iter().enumerate() {
        let _ = write!(out, "\n[[alertmanager]]\nname = \"am-{}\"\nurl = {}\nevery = \"5s\"\n", i + 1, quoted(url));
    }
    let _ = write!(
        out,
        "\n[[cloudflare]]\nname = \"edge\"\nurl = {}\naccount = {}\nzones = [{}]\ntoken_file = \"cloudflare.token\"\nevery = \"10s\"\n",
        quoted(&at.cloudflare),
        quoted(&at.account),
        quoted(&at.zone)
    );
    let service = &scenario.service;
    let _ = write!(
        out,
        "\n[[probe]]\nname = {0}\nservice = {0}\nurl = {1}\nevery = {2}\ntimeout = \"3s\"\ngood = \"200-399\"\nsite_header = \"x-served-by\"\nwindow = {3}\n",
        quoted(&service.name),
        quoted(&at.service),
        quoted(&service.probe_every),
        service.probe_window
    );
    let covers = |s: &&crate::drill::scenario::ScheduleSpec| s.namespaces.contains(&service.namespace);
    let schedules: Vec<String> = scenario.velero.schedules.iter().filter(covers).map(|s| quoted(&s.name)).collect();
    let _ = write!(
        out,
        "\n[[service]]\nname = {0}\ntier = {1}\nrto = {2}\nrpo = {3}\nstrategy = {4}\nprimary = \"primary\"\ndr = \"dr\"\nschedules = [{5}]\nnamespaces = [{6}]\n",
        quoted(&service.name),
        quoted(&service.tier),
        quoted(&service.rto),
        quoted(&service.rpo),
        quoted(&service.strategy),
        schedules.join(", "),
        quoted(&service.namespace)
    );
    let _ = write!(
        out,
        "apps = [{}]\nload_balancer = {}\nprimary_pool = \"primary\"\ndr_pool = \"dr\"\nprobes = [{}]\n",
        quoted(&format!("{}-*", service.name)),
        quoted(&scenario.edge.hostname),
        quoted(&service.name)
    );
    out.push_str(&slo(scenario, at));
    out.push_str("\n[rules]\nopen_on = [\"critical\"]\nignore = []\nper_minute = 30\nopens_as = \"sev1\"\n");
    // A drill room knows people by the names they gave.
    out.push_str("\n[policy]\nquorum = 2\nlevel = \"account\"\nttl = \"30m\"\n");
    out
}

/// What was promised about errors, by the series that the world records.
fn slo(scenario: &Scenario, at: &Endpoints) -> String {
    let Some(slo) = &scenario.slo else { return String::new() };
    let name = &scenario.service.name;
    let series = |prefix: &str| quoted(&format!("{prefix}$window{{service=\"{name}\"}}"));
    format!(
        "\n[[prometheus]]\nname = \"prom\"\nurl = {}\nevery = \"30s\"\n\n[[slo]]\nservice = {}\nprometheus = \"prom\"\nobjective = {}\nratio = {}\nrequests = {}\n",
        quoted(&at.prometheus),
        quoted(name),
        slo.objective,
        series(prometheus::RATIO),
        series(prometheus::REQUESTS)
    )
}
