//! Prism over a published schema: it refuses a request that the schema does not allow. It remembers nothing.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::http::Ask;
use super::process::Server;
use crate::support::{free_port, scratch};

fn cloudflare_schema() -> Option<PathBuf> {
    super::hints::contract("http/cloudflare-load-balancing.openapi.json")
}

/// One mock, or one judge between client and server. Ended on drop.
pub struct Prism {
    pub url: String,
    pub port: u16,
    server: Server,
    _home: tempfile::TempDir,
}

impl Prism {
    /// Over Cloudflare's load balancing schema, ready; `None` after a line that says what is missing.
    pub fn cloudflare() -> Option<Self> {
        Self::over(&cloudflare_schema()?)
    }

    /// Between a client and a server that speaks Cloudflare's load balancing API: what either says is held against the
    /// schema, and refused where it breaks it.
    pub fn cloudflare_before(upstream: &str) -> Option<Self> {
        let schema = cloudflare_schema()?.canonicalize().expect("the schema is there").display().to_string();
        Self::run(|port| {
            ["proxy", "--host", "127.0.0.1", "--port", port, "--errors", &schema, upstream].map(Into::into).to_vec()
        })
    }

    /// Over an OpenAPI file, ready; `None` after a line that says what is missing. Takes several seconds.
    pub fn over(schema: &Path) -> Option<Self> {
        let schema = schema.canonicalize().expect("the schema is there").display().to_string();
        Self::run(|port| ["mock", "--host", "127.0.0.1", "--port", port, "--errors", &schema].map(Into::into).to_vec())
    }

    fn run(args: impl Fn(&str) -> Vec<String>) -> Option<Self> {
        let program = super::need("prism")?;
        let (home, port) = (scratch(), free_port());
        let args = args(&port.to_string());
        let server = Server::new("prism", &program, home.path(), args);
        server.start();
        let log = || server.log();
        server.wait_ready(|| log().contains("Prism is listening"));
        Some(Self { url: format!("http://127.0.0.1:{port}"), port, server, _home: home })
    }

    /// What it wrote: a line per request, with the reason where one was refused.
    pub fn log(&self) -> String {
        self.server.log()
    }

    /// Asks with any token.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let ask = Ask::new(method, format!("{}{path}", self.url)).bearer("a-token");
        let ask = if let Some(body) = body { ask.json(body) } else { ask };
        let answer = ask.send().unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        (answer.status, answer.json())
    }
}
