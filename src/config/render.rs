//! The configuration as it was understood: the file's own shape with every default filled in and every path made whole.
//! Secrets are not in it, because the configuration holds only the paths of the files they are in.

use std::path::Path;

use toml::{Table, Value};

use super::people::role_word;
use super::service::strategy_word;
use super::units::{duration_text, status_text};
use super::{
    AlertmanagerConfig, BasicAuth, CloudflareConfig, ClusterConfig, Config, Figures, HeaderValueConfig, HttpConfig,
    ProbeConfig, PrometheusConfig, ProxyConfig, SloConfig,
};
use crate::model::{ClusterRole, Host, Level, Objective, Person};

/// As TOML that can be loaded again; the people, who live in a file of their own, follow as comments.
pub fn to_toml(config: &Config) -> String {
    // A table of texts, numbers and tables always has a TOML form.
    let mut out = toml::to_string(&table(config)).unwrap_or_default();
    out.push_str("\n# The people, from the file named above:\n");
    for person in &config.people {
        let roles: Vec<&str> = person.roles.iter().map(|role| role_word(*role)).collect();
        let uids: Vec<String> = person.uids.iter().map(u32::to_string).collect();
        out.push_str(&format!(
            "#   {}: accounts {}; uids {}; roles {}\n",
            person.id,
            person.accounts.join(", "),
            uids.join(", "),
            roles.join(", ")
        ));
    }
    if config.people.is_empty() {
        out.push_str("#   nobody: everyone who connects observes\n");
    }
    out
}

/// As JSON, the people included.
pub fn to_json(config: &Config) -> serde_json::Value {
    let mut json = serde_json::to_value(table(config)).unwrap_or_default();
    json["people"] = config.people.iter().map(person_json).collect();
    json["people_digest"] = config.people_digest.clone().into();
    json
}

fn person_json(person: &Person) -> serde_json::Value {
    let roles: Vec<&str> = person.roles.iter().map(|role| role_word(*role)).collect();
    serde_json::json!({ "id": person.id, "accounts": person.accounts, "uids": person.uids, "roles": roles })
}

fn table(config: &Config) -> Table {
    let mut out = Table::new();
    let mut room = TableWriter::default();
    room.text("name", &config.room).path("people", Some(&config.people_file)).list("allow_fs", &config.allow_fs);
    out.insert("room".into(), room.table());
    let mut many = |name: &str, tables: Vec<Value>| {
        if !tables.is_empty() {
            out.insert(name.into(), Value::Array(tables));
        }
    };
    many("cluster", config.clusters.iter().map(cluster).collect());
    many("alertmanager", config.alertmanagers.iter().map(alertmanager).collect());
    many("prometheus", config.prometheus.iter().map(prometheus).collect());
    many("cloudflare", config.cloudflare.iter().map(cloudflare).collect());
    many("probe", config.probes.iter().map(probe).collect());
    many("service", config.objectives.iter().map(service).collect());
    many("slo", config.slos.iter().map(slo).collect());
    let mut rules = TableWriter::default();
    rules.list("open_on", &config.rules.open_on).list("ignore", &config.rules.ignore);
    rules.number("per_minute", config.rules.per_minute.into()).text("opens_as", config.rules.opens_as.name());
    let words = &config.rules.alerts;
    rules.list("severity_labels", &words.severity_labels).list("critical", &words.critical);
    rules.list("info", &words.info).list("heartbeats", &words.heartbeats);
    out.insert("rules".into(), rules.table());
    let mut policy = TableWriter::default();
    let level = if config.policy.level == Level::Drill { "account" } else { level_word(config.policy.level) };
    policy.number("quorum", config.policy.quorum.into()).text("level", level).time("ttl", config.policy.ttl_s);
    out.insert("policy".into(), policy.table());
    let mut network = TableWriter::default();
    network.list("allow", &config.allow_hosts);
    let exec: Vec<String> = config.allow_exec.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    network.list("exec", &exec);
    out.insert("network".into(), network.table());
    let mut log = TableWriter::default();
    log.text("quota", &super::log_size::words(config.log_quota));
    out.insert("log".into(), log.table());
    let mut console = TableWriter::default();
    console.text("theme", &config.console.theme).text("keymap", &config.console.keymap);
    console.0.insert("bell".into(), config.console.bell.into());
    console.0.insert("mouse".into(), config.console.mouse.into());
    out.insert("console".into(), console.table());
    out
}

fn level_word(level: Level) -> &'static str {
    match level {
        Level::Drill => "drill",
        Level::Account => "account",
        Level::Session => "session",
        Level::Key => "key",
        Level::Touch => "touch",
    }
}

fn cluster(it: &ClusterConfig) -> Value {
    let role = match it.role {
        ClusterRole::Primary => "primary",
        ClusterRole::Dr => "dr",
        ClusterRole::Other => "other",
    };
    let mut rows = TableWriter::default();
    rows.text("name", &it.name).text("role", role).path("kubeconfig", it.kubeconfig.as_deref());
    rows.maybe("context", it.context.as_deref()).maybe("velero", it.velero.as_deref());
    rows.maybe("argocd", it.argocd.as_deref());
    match it.argocd_stale_s {
        0 => rows.text("argocd_stale", "off"),
        seconds => rows.time("argocd_stale", seconds),
    };
    rows.maybe("flux", it.flux.as_deref()).list("namespaces", &it.namespaces);
    rows.list("destinations", &it.destinations).list("only_here", &it.only_here);
    rows.0.insert("streaming_lists".into(), it.streaming_lists.into());
    rows.table()
}

fn alertmanager(it: &AlertmanagerConfig) -> Value {
    let mut rows = TableWriter::default();
    rows.text("name", &it.name).text("url", &it.url);
    rows.basic_auth(it.basic_auth.as_ref()).path("bearer_file", it.bearer_file.as_deref());
    rows.path("ca_file", it.ca_file.as_deref()).http(&it.http).time("every", it.every_s);
    rows.table()
}

fn prometheus(it: &PrometheusConfig) -> Value {
    let mut rows = TableWriter::default();
    rows.text("name", &it.name).text("url", &it.url);
    rows.basic_auth(it.basic_auth.as_ref()).path("bearer_file", it.bearer_file.as_deref());
    rows.path("ca_file", it.ca_file.as_deref()).http(&it.http);
    rows.time("every", it.every_s).time("every_long", it.every_long_s);
    rows.table()
}

fn slo(it: &SloConfig) -> Value {
    let mut rows = TableWriter::default();
    rows.text("service", &it.target.service).text("prometheus", &it.target.prometheus);
    rows.0.insert("objective".into(), super::slo::percent(it.target.budget_ppm).into());
    rows.time("period", it.target.period_s);
    match &it.figures {
        Figures::Counted { errors, total } => rows.text("errors", errors).text("total", total),
        Figures::Recorded { ratio, requests } => rows.text("ratio", ratio).maybe("requests", requests.as_deref()),
    };
    rows.table()
}

fn cloudflare(it: &CloudflareConfig) -> Value {
    let mut rows = TableWriter::default();
    rows.text("name", &it.name).text("url", &it.url).text("account", &it.account).list("zones", &it.zones);
    rows.path("token_file", Some(&it.token_file)).proxy(&it.proxy).time("every", it.every_s);
    rows.table()
}

fn probe(it: &ProbeConfig) -> Value {
    let mut rows = TableWriter::default();
    rows.text("name", &it.name).text("service", &it.service).text("url", &it.url).time("every", it.every_s);
    rows.time("timeout", it.timeout_s).text("good", &status_text(it.good));
    rows.maybe("site_header", it.site_header.as_deref()).number("window", it.window as u64);
    rows.path("ca_file", it.ca_file.as_deref()).http(&it.http);
    rows.table()
}

fn service(it: &Objective) -> Value {
    let mut rows = TableWriter::default();
    rows.text("name", &it.service).time("rto", it.rto_s).time("rpo", it.rpo_s);
    rows.text("strategy", strategy_word(it.strategy)).text("primary", &it.primary);
    rows.one_or_list("dr", &it.dr);
    rows.list("schedules", &it.schedules).list("namespaces", &it.namespaces).list("apps", &it.apps);
    hosts(&mut rows, it);
    rows.list("probes", &it.probes);
    rows.table()
}

/// The host names of a service: as words above the pools that they share, else each with its own.
fn hosts(rows: &mut TableWriter, it: &Objective) {
    let Some(first) = it.hosts.first() else { return };
    let pools = |rows: &mut TableWriter, host: &Host| {
        rows.maybe("primary_pool", host.primary_pool.as_deref());
        // In the order of the clusters, as far as there are any.
        let dr: Vec<String> = it.dr.iter().map_while(|cluster| host.dr_pool(cluster)).map(str::to_owned).collect();
        if !dr.is_empty() {
            rows.one_or_list("dr_pool", &dr);
        }
    };
    let shared = it.hosts.iter().all(|host| host.has_pools_of(first));
    if shared {
        let names: Vec<String> = it.hosts.iter().map(|host| host.load_balancer.clone()).collect();
        rows.one_or_list("load_balancer", &names);
        pools(rows, first);
        return;
    }
    let tables = it.hosts.iter().map(|host| {
        let mut own = TableWriter::default();
        own.text("name", &host.load_balancer);
        pools(&mut own, host);
        own.table()
    });
    rows.0.insert("load_balancer".into(), Value::Array(tables.collect()));
}

/// A table being written.
#[derive(Default)]
struct TableWriter(Table);

impl TableWriter {
    fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.0.insert(key.into(), value.into());
        self
    }

    fn maybe(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value { self.text(key, value) } else { self }
    }

    fn path(&mut self, key: &str, value: Option<&Path>) -> &mut Self {
        match value {
            Some(path) => self.text(key, &path.to_string_lossy()),
            None => self,
        }
    }

    fn basic_auth(&mut self, basic: Option<&BasicAuth>) -> &mut Self {
        if let Some(basic) = basic {
            let mut inner = TableWriter::default();
            inner.text("user", &basic.user).path("password_file", Some(&basic.password_file));
            self.0.insert("basic_auth".into(), inner.table());
        }
        self
    }

    fn http(&mut self, http: &HttpConfig) -> &mut Self {
        if let Some(it) = &http.client_cert {
            self.path("client_cert", Some(&it.cert)).path("client_key", it.key.as_deref());
        }
        if !http.headers.is_empty() {
            let mut inner = TableWriter::default();
            for header in &http.headers {
                match &header.value {
                    HeaderValueConfig::Text(text) => {
                        inner.text(&header.name, text);
                    }
                    HeaderValueConfig::File(path) => {
                        let mut file = TableWriter::default();
                        file.path("file", Some(path));
                        inner.0.insert(header.name.clone(), file.table());
                    }
                }
            }
            self.0.insert("headers".into(), inner.table());
        }
        self.proxy(&http.proxy)
    }

    fn proxy(&mut self, proxy: &ProxyConfig) -> &mut Self {
        match proxy {
            ProxyConfig::Environment => self,
            ProxyConfig::Direct => self.text("proxy", super::http::NO_PROXY),
            ProxyConfig::Address(address) => self.text("proxy", address),
        }
    }

    fn time(&mut self, key: &str, seconds: u64) -> &mut Self {
        self.text(key, &duration_text(seconds))
    }

    fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.0.insert(key.into(), i64::try_from(value).unwrap_or(i64::MAX).into());
        self
    }

    /// One as a text, several (or none) as a list.
    fn one_or_list(&mut self, key: &str, values: &[String]) -> &mut Self {
        match values {
            [one] => self.text(key, one),
            many => self.list(key, many),
        }
    }

    fn list(&mut self, key: &str, values: &[String]) -> &mut Self {
        self.0.insert(key.into(), values.to_vec().into());
        self
    }

    fn table(self) -> Value {
        Value::Table(self.0)
    }
}
