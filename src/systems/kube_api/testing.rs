//! For the tests of everything that lives in a cluster: a scripted API server on loopback, and what a source reported.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::Response;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::client::{ClusterLink, Limits};
use crate::clock::Clock;
use crate::config::ClusterConfig;
use crate::model::{ClusterRole, Observation, SourceChange, Trouble};
use crate::systems::Ctx;

/// An answer of a real API server as JSON, if the recordings are there.
pub fn recorded(name: &str) -> Option<Value> {
    Some(serde_json::from_str(&recorded_text(name)?).expect("a recording is JSON"))
}

/// The same as text.
pub fn recorded_text(name: &str) -> Option<String> {
    let path = crate::test_support::contract(&format!("recorded/kube/{name}"))?;
    Some(std::fs::read_to_string(path).expect("a recording"))
}

/// What a scripted server answers.
pub enum KubeReply {
    Json(u16, Value),
    Text(u16, String),
    /// 429, with how many seconds to wait.
    Busy(u32),
    /// Takes the request and never answers.
    Silent,
    /// A watch: these lines, then silence.
    Open(Vec<Value>),
    /// A watch: these lines as they are, then the end.
    Ends(Vec<String>),
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct KubeRequest {
    pub method: String,
    pub path: String,
    pub query: String,
    pub authorization: String,
    pub body: Value,
}

impl KubeRequest {
    /// Whether it is a watch of such a resource.
    pub fn watches(&self, plural: &str) -> bool {
        self.path.ends_with(plural) && self.query.contains("watch=true")
    }

    /// Whether it lists such a resource, beyond the pulse's one object.
    pub fn lists(&self, plural: &str) -> bool {
        self.method == "GET"
            && self.path.ends_with(plural)
            && !self.query.contains("watch=true")
            && !self.query.ends_with("limit=1")
    }
}

type Script = Arc<dyn Fn(&KubeRequest) -> KubeReply + Send + Sync>;

/// A scripted API server and a cluster's configuration that points at it.
pub struct KubeTestServer {
    pub config: ClusterConfig,
    pub asked: Arc<Mutex<Vec<KubeRequest>>>,
    serving: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Drop for KubeTestServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl KubeTestServer {
    /// Starts one that answers as the script says.
    pub async fn start(script: impl Fn(&KubeRequest) -> KubeReply + Send + Sync + 'static) -> Self {
        let script: Script = Arc::new(script);
        let asked: Arc<Mutex<Vec<KubeRequest>>> = Arc::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let log = asked.clone();
        let router = Router::new().fallback(move |request: Request| answer(script.clone(), log.clone(), request));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("serves");
        });
        let dir = tempfile::tempdir().expect("a directory");
        let kubeconfig = dir.path().join("kubeconfig");
        std::fs::write(
            &kubeconfig,
            format!(
                "apiVersion: v1\nkind: Config\nclusters:\n- name: k\n  cluster: {{server: 'http://{address}'}}\n\
                 contexts:\n- name: c\n  context: {{cluster: k, user: u}}\nusers:\n- name: u\n  user: {{token: abc}}\n"
            ),
        )
        .expect("written");
        let config = ClusterConfig {
            name: "dr".into(),
            role: ClusterRole::Dr,
            kubeconfig: Some(kubeconfig),
            context: Some("c".into()),
            velero: Some("velero".into()),
            argocd: Some("argocd".into()),
            argocd_stale_s: 540,
            flux: Some("flux-system".into()),
            ..ClusterConfig::default()
        };
        Self { config, asked, serving, _dir: dir }
    }

    /// A link to it with short limits.
    pub fn link(&self) -> ClusterLink {
        let limits = Limits {
            probe: Duration::from_millis(1500),
            health: Duration::from_millis(1500),
            list: Duration::from_millis(1500),
            idle: Duration::from_secs(20),
            ..Limits::default()
        };
        ClusterLink::with_limits(&self.config, limits)
    }

    /// How many requests of a kind came.
    pub fn count(&self, which: impl Fn(&KubeRequest) -> bool) -> usize {
        self.asked.lock().expect("log").iter().filter(|asked| which(asked)).count()
    }
}

async fn answer(script: Script, log: Arc<Mutex<Vec<KubeRequest>>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let asked = KubeRequest {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or("").to_owned(),
        authorization: head.headers.get("authorization").and_then(|it| it.to_str().ok()).unwrap_or("").to_owned(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let reply = script(&asked);
    log.lock().expect("log").push(asked);
    let lines =
        |lines: Vec<String>| stream::iter(lines.into_iter().map(|line| Ok::<_, Infallible>(Bytes::from(line + "\n"))));
    let mut wait = None;
    let (status, body) = match reply {
        KubeReply::Busy(seconds) => {
            wait = Some(seconds);
            (429, Body::from("too many requests, please try again later"))
        }
        KubeReply::Json(status, body) => (status, Body::from(body.to_string())),
        KubeReply::Text(status, body) => (status, Body::from(body)),
        KubeReply::Silent => std::future::pending().await,
        KubeReply::Open(events) => {
            let events = events.into_iter().map(|event| event.to_string()).collect();
            (200, Body::from_stream(lines(events).chain(stream::pending())))
        }
        KubeReply::Ends(events) => (200, Body::from_stream(lines(events))),
    };
    let response = Response::builder().status(status);
    let response = match wait {
        Some(seconds) => response.header("retry-after", seconds),
        None => response,
    };
    response.body(body).expect("a response")
}

/// What a source reports, one observation after the other.
pub struct KubeSourceBench {
    pub ctx: Ctx,
    pub tasks: TaskTracker,
    out: mpsc::Receiver<Observation>,
}

impl Drop for KubeSourceBench {
    fn drop(&mut self) {
        self.ctx.stop.cancel();
    }
}

impl Default for KubeSourceBench {
    fn default() -> Self {
        let (out, seen) = mpsc::channel(64);
        // Twenty times as fast: the waits between tries are not what these tests are about.
        let clock = Clock::scaled("2026-11-22T19:05:00Z".parse().expect("a time"), 20.0);
        let ctx = Ctx {
            clock,
            out,
            reach: Default::default(),
            proxies: Default::default(),
            meters: Default::default(),
            stop: CancellationToken::new(),
        };
        Self { ctx, tasks: TaskTracker::new(), out: seen }
    }
}

impl KubeSourceBench {
    /// Waits for an observation that the question has an answer to.
    pub async fn until<T>(&mut self, what: &str, mut question: impl FnMut(&SourceChange) -> Option<T>) -> T {
        let mut last = Vec::new();
        let waiting = async {
            loop {
                let seen = self.out.recv().await.expect("the source lives");
                if let Some(answer) = question(&seen.change) {
                    return answer;
                }
                last.push(seen.change);
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), waiting).await {
            Ok(answer) => answer,
            Err(_) => {
                panic!("waited for {what}; the last of what came: {:#?}", last.iter().rev().take(5).collect::<Vec<_>>())
            }
        }
    }

    /// Waits for a trouble.
    pub async fn trouble(&mut self, which: impl Fn(&Trouble) -> bool) -> Trouble {
        self.until("trouble", |change| match change {
            SourceChange::Trouble(trouble) if which(trouble) => Some(trouble.clone()),
            _ => None,
        })
        .await
    }
}

/// A list as a server writes it.
pub fn list(items: Vec<Value>) -> KubeReply {
    KubeReply::Json(200, json!({"kind": "List", "metadata": {"resourceVersion": "10"}, "items": items}))
}

/// A Status as a server writes it.
pub fn status(code: u16, reason: &str, message: &str) -> KubeReply {
    KubeReply::Json(
        code,
        json!({"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}),
    )
}

/// A healthy, empty cluster: what a script falls back to.
pub fn healthy(asked: &KubeRequest) -> KubeReply {
    match asked.path.as_str() {
        "/livez" | "/readyz" => KubeReply::Text(200, "[+]ping ok\n[+]etcd ok\n".into()),
        "/version" => KubeReply::Json(200, json!({"gitVersion": "v1.36.2"})),
        "/api/v1/namespaces/kube-system" => {
            KubeReply::Json(200, json!({"metadata": {"name": "kube-system", "uid": "u-1"}}))
        }
        _ if asked.query.contains("watch=true") => KubeReply::Open(Vec::new()),
        _ => list(Vec::new()),
    }
}
