//! Prism over a published schema: it refuses a request that the schema does not allow. It remembers nothing.

use std::path::Path;

use serde_json::Value;

use super::http::Ask;
use super::process::Server;
use crate::support::{free_port, scratch};

/// One mock. Ended on drop.
pub struct Prism {
    pub url: String,
    pub port: u16,
    server: Server,
    _home: tempfile::TempDir,
}

impl Prism {
    /// Over Cloudflare's load balancing schema, ready; `None` after a line that says what is missing.
    pub fn cloudflare() -> Option<Self> {
        let Some(contracts) = super::contracts() else {
            super::hints::say("skipped: Cloudflare's schema is not beside the project");
            return None;
        };
        Self::over(&contracts.join("http/cloudflare-load-balancing.openapi.json"))
    }

    /// Over an OpenAPI file, ready; `None` after a line that says what is missing. Takes several seconds.
    pub fn over(schema: &Path) -> Option<Self> {
        let program = super::need("prism")?;
        let (home, port) = (scratch(), free_port());
        let schema = schema.canonicalize().expect("the schema is there").display().to_string();
        let port_text = port.to_string();
        let args = ["mock", "--host", "127.0.0.1", "--port", &port_text, "--errors", &schema];
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
