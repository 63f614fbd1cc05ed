//! Real Alertmanagers: one, or a clustered pair.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::http::Ask;
use super::process::Server;
use crate::support::{free_port, scratch};

/// One receiver that sends nothing anywhere.
pub const QUIET: &str = "route: { receiver: pager }\nreceivers: [{ name: pager }]\n";

/// One member. Ended on drop.
pub struct One {
    pub name: String,
    pub url: String,
    pub port: u16,
    server: Server,
    storage: PathBuf,
    config: PathBuf,
    _home: Option<tempfile::TempDir>,
}

impl One {
    /// A member without a cluster, ready; `None` after a line that says what is missing. `config` is its file:
    /// [`QUIET`], or one with inhibition rules.
    pub fn start(config: &str) -> Option<Self> {
        let home = scratch();
        let one = Self::new(home.path(), "am", config, None)?;
        one.start_again();
        Some(Self { _home: Some(home), ..one })
    }

    fn new(home: &Path, name: &str, text: &str, gossip: Option<[u16; 2]>) -> Option<Self> {
        let program = super::need("prometheus-alertmanager")?;
        let (port, config, storage) = (free_port(), home.join(format!("{name}.yml")), home.join(name));
        std::fs::write(&config, text).expect("written");
        let mut args = vec![
            format!("--config.file={}", config.display()),
            format!("--storage.path={}", storage.display()),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ];
        match gossip {
            Some([own, other]) => args.extend([
                format!("--cluster.listen-address=127.0.0.1:{own}"),
                format!("--cluster.advertise-address=127.0.0.1:{own}"),
                format!("--cluster.peer=127.0.0.1:{other}"),
            ]),
            None => args.push("--cluster.listen-address=".to_owned()),
        }
        let server = Server::new(name, &program, home, args);
        let url = format!("http://127.0.0.1:{port}");
        Some(Self { name: name.to_owned(), url, port, server, storage, config, _home: None })
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// `kill -9`: alerts are forgotten, silences of the last snapshot are not.
    pub fn kill(&self) {
        self.server.kill();
    }

    /// Starts it with what is left on disk, and waits until it is ready.
    pub fn start_again(&self) {
        self.server.start();
        self.server.wait_ready(|| super::http::answers(&format!("{}/-/ready", self.url)));
    }

    /// Killed, emptied, and started: it knows nothing but what its peers tell it.
    pub fn start_empty(&self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.storage);
        self.start_again();
    }

    /// Another configuration, read at once.
    pub fn configure(&self, text: &str) {
        std::fs::write(&self.config, text).expect("written");
        let answer = self.request("POST", "/-/reload", None);
        assert_eq!(answer.0, 200, "the configuration is refused: {}\n{}", answer.1, self.server.tail());
    }

    /// Asks; the body as JSON, or as one string where it is none.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let ask = Ask::new(method, format!("{}{path}", self.url));
        let ask = if let Some(body) = body { ask.json(body) } else { ask };
        let answer = ask.send().unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        let value = serde_json::from_str(&answer.text).unwrap_or_else(|_| Value::from(answer.text.as_str()));
        (answer.status, value)
    }

    /// Posts alerts as Prometheus does.
    pub fn post_alerts(&self, alerts: &Value) {
        let (status, said) = self.request("POST", "/api/v2/alerts", Some(alerts));
        assert_eq!(status, 200, "{said}");
    }

    /// Names of the alerts it holds.
    pub fn alerts(&self) -> Vec<String> {
        let (_, list) = self.request("GET", "/api/v2/alerts", None);
        let name = |alert: &Value| alert["labels"]["alertname"].as_str().map(str::to_owned);
        list.as_array().into_iter().flatten().filter_map(name).collect()
    }

    /// The silences it holds.
    pub fn silences(&self) -> Vec<Value> {
        self.request("GET", "/api/v2/silences", None).1.as_array().cloned().unwrap_or_default()
    }
}

/// Two members that share silences, and not alerts.
pub struct Pair {
    pub one: One,
    pub two: One,
    _home: tempfile::TempDir,
}

impl Pair {
    /// `am-1` and `am-2`, ready; `None` after a line that says what is missing.
    pub fn start(config: &str) -> Option<Self> {
        let home = scratch();
        let [first, second] = std::array::from_fn(|_| free_port());
        let one = One::new(home.path(), "am-1", config, Some([first, second]))?;
        let two = One::new(home.path(), "am-2", config, Some([second, first]))?;
        for member in [&one, &two] {
            member.start_again();
        }
        Some(Self { one, two, _home: home })
    }
}
