//! A real Prometheus that scrapes what a test names, and fires into what a test names.

use serde_json::{Value, json};

use super::http::Ask;
use super::kube::Cluster;
use super::process::Server;
use crate::support::{free_port, scratch};

/// What it is to do. Every interval is a second.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// The text of a rule file; none where empty.
    pub rules: String,
    /// `HOST:PORT` of Alertmanagers.
    pub alertmanagers: Vec<String>,
    /// Entries of `scrape_configs`.
    pub scrapes: Vec<Value>,
    /// Labels on everything that leaves it.
    pub labels: Vec<(String, String)>,
    /// Where more data would be read from; a dead one makes every answer partial.
    pub remote_reads: Vec<String>,
}

impl Setup {
    #[must_use]
    pub fn rules(mut self, text: &str) -> Self {
        text.clone_into(&mut self.rules);
        self
    }

    #[must_use]
    pub fn alertmanager(mut self, port: u16) -> Self {
        self.alertmanagers.push(format!("127.0.0.1:{port}"));
        self
    }

    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.labels.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Scrapes the API server over TLS with the admin's token; `up{job="kube-apiserver"}`. It is asked every two seconds:
    /// its page of metrics is large.
    #[must_use]
    pub fn scrape_cluster(mut self, cluster: &Cluster) -> Self {
        self.scrapes.push(json!({
            "job_name": "kube-apiserver", "scheme": "https", "scrape_interval": "2s", "scrape_timeout": "2s",
            "tls_config": { "ca_file": cluster.ca },
            "authorization": { "credentials_file": cluster.token_file },
            "static_configs": [{ "targets": [format!("127.0.0.1:{}", cluster.port)], "labels": { "cluster": cluster.name } }],
        }));
        self
    }

    /// Scrapes plain HTTP on a port of loopback.
    #[must_use]
    pub fn scrape(mut self, job: &str, port: u16) -> Self {
        self.scrapes.push(json!({ "job_name": job, "static_configs": [{ "targets": [format!("127.0.0.1:{port}")] }] }));
        self
    }

    /// Reads older data from this port of loopback as well.
    #[must_use]
    pub fn remote_read(mut self, port: u16) -> Self {
        self.remote_reads.push(format!("http://127.0.0.1:{port}/read"));
        self
    }

    /// The file; YAML reads JSON.
    fn text(&self) -> String {
        let labels: serde_json::Map<String, Value> =
            self.labels.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        let rules: &[&str] = if self.rules.is_empty() { &[] } else { &["rules.yml"] };
        let reads: Vec<Value> = self
            .remote_reads
            .iter()
            .map(|url| json!({ "url": url, "read_recent": true, "remote_timeout": "2s" }))
            .collect();
        let config = json!({
            "global": {
                "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s", "external_labels": labels,
            },
            "rule_files": rules,
            "remote_read": reads,
            "scrape_configs": self.scrapes,
            "alerting": { "alertmanagers": [{ "static_configs": [{ "targets": self.alertmanagers }] }] },
        });
        serde_json::to_string_pretty(&config).expect("JSON")
    }
}

/// One Prometheus. Ended on drop.
pub struct Prometheus {
    pub url: String,
    pub port: u16,
    server: Server,
    home: tempfile::TempDir,
}

impl Prometheus {
    /// Ready; `None` after a line that says what is missing.
    pub fn start(setup: &Setup) -> Option<Self> {
        let program = super::need("prometheus")?;
        let (home, port) = (scratch(), free_port());
        let dir = home.path();
        let args = [
            format!("--config.file={}", dir.join("prometheus.yml").display()),
            format!("--storage.tsdb.path={}", dir.join("data").display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
            "--web.enable-lifecycle".to_owned(),
            // Alerts are sent again after this, as after a minute in the world outside.
            "--rules.alert.resend-delay=5s".to_owned(),
        ];
        let server = Server::new("prometheus", &program, dir, args);
        let this = Self { url: format!("http://127.0.0.1:{port}"), port, server, home };
        this.write(setup);
        this.start_again();
        Some(this)
    }

    fn write(&self, setup: &Setup) {
        std::fs::write(self.home.path().join("rules.yml"), &setup.rules).expect("written");
        std::fs::write(self.home.path().join("prometheus.yml"), setup.text()).expect("written");
    }

    /// Where its blocks are.
    pub fn data(&self) -> std::path::PathBuf {
        self.home.path().join("data")
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Starts it with the data it has, and waits until it is ready.
    pub fn start_again(&self) {
        self.server.start();
        self.server.wait_ready(|| super::http::answers(&format!("{}/-/ready", self.url)));
    }

    /// Another setup, read at once.
    pub fn reload(&self, setup: &Setup) {
        self.write(setup);
        let answer = Ask::new("POST", format!("{}/-/reload", self.url)).send().expect("an answer");
        assert_eq!(answer.status, 200, "{}\n{}", answer.text, self.server.tail());
    }

    /// An instant query: its `result`.
    pub fn query(&self, promql: &str) -> Vec<Value> {
        let escaped: String = promql.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = Ask::new("GET", format!("{}/api/v1/query?query={escaped}", self.url)).send().expect("an answer");
        let said = answer.json();
        assert_eq!(said["status"], "success", "{promql}: {said:#}");
        said["data"]["result"].as_array().cloned().unwrap_or_default()
    }

    /// Name and state of its alerts.
    pub fn alerts(&self) -> Vec<(String, String)> {
        let answer = Ask::new("GET", format!("{}/api/v1/alerts", self.url)).send().expect("an answer").json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        alerts.iter().map(|alert| (text(&alert["labels"]["alertname"]), text(&alert["state"]))).collect()
    }
}
