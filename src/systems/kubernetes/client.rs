//! One connection per cluster and system: made off the async threads, re-made when its credential is refused.
//!
//! Defaults of the client crate that are wrong for a room in an outage are set here: it retries every method silently,
//! waits for ever for an answer, lets login plugins talk to the terminal, and compares `NO_PROXY` with the proxy.

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube::config::{Config, ExecInteractiveMode, KubeConfigOptions, Kubeconfig, KubeconfigError};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::proxy;
use super::trouble::{plain, trouble, trouble_of, trouble_of_kubeconfig};
use crate::clock::Clock;
use crate::config::ClusterConfig;
use crate::model::{Trouble, TroubleKind};

/// How long the network may take, in real time: a socket does not know that a drill's clock runs fast.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One light request: a health endpoint, a single object.
    pub probe: Duration,
    /// One page of a list, or the first answer of a watch.
    pub list: Duration,
    /// Building a client, login plugin included.
    pub build: Duration,
    /// What a watch asks the server to end itself after.
    pub watch: Duration,
    /// A watch in which nothing came for so long is dead.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(3),
            list: Duration::from_secs(10),
            build: Duration::from_secs(10),
            watch: Duration::from_secs(30),
            idle: Duration::from_secs(35),
        }
    }
}

/// A client that is made when first needed and again after [`Link::forget`].
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    config: ClusterConfig,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    client: Option<Client>,
    /// Kept when the time limit passes, so that a hung login plugin is waited for and not started again and again.
    building: Option<JoinHandle<Result<Client, Trouble>>>,
}

impl Link {
    /// A link to a cluster; nothing is read or connected yet.
    pub fn new(config: &ClusterConfig) -> Self {
        Self::with_limits(config, Limits::default())
    }

    /// A link with other time limits.
    pub fn with_limits(config: &ClusterConfig, limits: Limits) -> Self {
        Self(Arc::new(Inner { config: config.clone(), limits, state: Mutex::default() }))
    }

    /// The time limits in force.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// What credential is used, never the secret.
    pub fn credential(&self) -> String {
        match &self.0.config.context {
            Some(context) => format!("context {context}"),
            None => "current context".to_owned(),
        }
    }

    /// The client, made now if need be.
    pub async fn client(&self) -> Result<Client, Trouble> {
        let mut state = self.0.state.lock().await;
        if state.client.as_ref().is_some_and(expired) {
            state.client = None;
        }
        if let Some(client) = &state.client {
            return Ok(client.clone());
        }
        let config = self.0.config.clone();
        let building = state.building.get_or_insert_with(|| {
            let handle = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || build(&handle, &config))
        });
        let built = match tokio::time::timeout(self.0.limits.build, building).await {
            Err(_) => {
                return Err(trouble(
                    TroubleKind::Credential,
                    "the login plugin of this context does not finish",
                    "log in with kubectl in another terminal, or use a kubeconfig with a static token",
                ));
            }
            Ok(Err(_)) => Err(plain(TroubleKind::Credential, "the client for this context can't be built")),
            Ok(Ok(built)) => built,
        };
        state.building = None;
        let client = built?;
        state.client = Some(client.clone());
        Ok(client)
    }

    /// The server did not accept the credential: read files and run plugins anew next time.
    pub async fn forget(&self) {
        self.0.state.lock().await.client = None;
    }
}

/// Connects to a cluster as its configuration says. For long use take a [`Link`], which renews itself.
pub async fn connect(config: &ClusterConfig) -> Result<Client, Trouble> {
    Link::new(config).client().await
}

/// Client certificates from login plugins run out, on the wall's clock and not on a drill's.
fn expired(client: &Client) -> bool {
    client.valid_until().as_ref().is_some_and(|until| until.as_second() < Clock::real().now().timestamp() + 60)
}

/// Login plugins run synchronously in here, up to three times: never call it on an async thread.
fn build(handle: &tokio::runtime::Handle, cluster: &ClusterConfig) -> Result<Client, Trouble> {
    let config = load(handle, cluster)?;
    let _entered = handle.enter();
    Client::try_from(config).map_err(|error| trouble_of(&error))
}

fn load(handle: &tokio::runtime::Handle, cluster: &ClusterConfig) -> Result<Config, Trouble> {
    let kubeconfig = match &cluster.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let config = match kubeconfig {
        Ok(kubeconfig) => from_kubeconfig(handle, cluster, kubeconfig)?,
        // As kubectl does in a pod: no kubeconfig anywhere, but a service account.
        Err(KubeconfigError::FindPath | KubeconfigError::ReadConfig(..))
            if cluster.kubeconfig.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() =>
        {
            Config::incluster()
                .map_err(|_| plain(TroubleKind::Credential, "the pod's service account can't be used"))?
        }
        Err(error) => return Err(trouble_of_kubeconfig(&error)),
    };
    if config.accept_invalid_certs && config.cluster_url.scheme_str() == Some("https") {
        return Err(trouble(
            TroubleKind::Credential,
            "insecure-skip-tls-verify is set for this cluster: anyone on the way could answer for it",
            "put the cluster's certificate-authority-data into the kubeconfig and remove insecure-skip-tls-verify",
        ));
    }
    Ok(settled(config))
}

fn from_kubeconfig(
    handle: &tokio::runtime::Handle,
    cluster: &ClusterConfig,
    kubeconfig: Kubeconfig,
) -> Result<Config, Trouble> {
    let options = KubeConfigOptions { context: cluster.context.clone(), ..KubeConfigOptions::default() };
    let own_proxy = proxy_in(&kubeconfig, cluster.context.as_deref());
    let mut config = handle
        .block_on(Config::from_custom_kubeconfig(kubeconfig, &options))
        .map_err(|error| trouble_of_kubeconfig(&error))?;
    config.proxy_url = match proxy::choose(own_proxy.as_deref(), &proxy::Environment::read(), &config.cluster_url) {
        None => None,
        Some(url) => {
            Some(url.parse().map_err(|_| plain(TroubleKind::Credential, "the proxy's address can't be used"))?)
        }
    };
    Ok(config)
}

/// The `proxy-url` of the cluster that the context names.
fn proxy_in(kubeconfig: &Kubeconfig, context: Option<&str>) -> Option<String> {
    let context = context.or(kubeconfig.current_context.as_deref())?;
    let named = kubeconfig.contexts.iter().find(|it| it.name == context)?;
    let cluster = &named.context.as_ref()?.cluster;
    let found = kubeconfig.clusters.iter().find(|it| &it.name == cluster)?;
    found.cluster.as_ref()?.proxy_url.clone().filter(|url| !url.is_empty())
}

fn settled(mut config: Config) -> Config {
    // On by default, it repeats every method on 429, 503 and 504: a create that timed out would run twice.
    config.default_retry = false;
    config.connect_timeout = Some(Duration::from_secs(3));
    config.write_timeout = Some(Duration::from_secs(10));
    config.read_timeout = Some(Duration::from_secs(75));
    // Without it the time that a pooled connection sat idle counts against the next answer.
    config.reset_reader_on_write = true;
    if let Some(exec) = &mut config.auth_info.exec {
        // A plugin that asks a question would write over the console and eat its keys.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ClusterRole;

    fn cluster(dir: &std::path::Path, kubeconfig: &str) -> ClusterConfig {
        let path = dir.join("kubeconfig");
        std::fs::write(&path, kubeconfig).expect("written");
        ClusterConfig {
            name: "c".into(),
            role: ClusterRole::Other,
            kubeconfig: Some(path),
            context: Some("here".into()),
            velero: None,
            argocd: None,
            argocd_stale_s: 540,
            flux: None,
        }
    }

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: k\n  cluster: {cluster}\n\
             contexts:\n- name: here\n  context: {{cluster: k, user: u}}\nusers:\n- name: u\n  user: {user}\n"
        )
    }

    #[tokio::test]
    async fn a_usable_kubeconfig_connects_without_a_server() {
        let dir = tempfile::tempdir().expect("dir");
        let config = cluster(dir.path(), &kubeconfig("{server: 'http://127.0.0.1:1'}", "{token: abc}"));
        connect(&config).await.expect("a client");
    }

    #[tokio::test]
    async fn what_is_wrong_with_a_kubeconfig_is_said_in_one_line() {
        let dir = tempfile::tempdir().expect("dir");
        let mut config = cluster(dir.path(), &kubeconfig("{server: 'http://127.0.0.1:1'}", "{token: abc}"));
        config.context = Some("elsewhere".into());
        let trouble = connect(&config).await.err().expect("refused");
        assert_eq!(trouble.kind, TroubleKind::Credential);
        assert!(trouble.what.as_str().contains("elsewhere"), "{}", trouble.what);

        config.kubeconfig = Some(dir.path().join("missing"));
        let trouble = connect(&config).await.err().expect("refused");
        assert!(trouble.what.as_str().contains("missing"), "{}", trouble.what);

        let insecure = kubeconfig("{server: 'https://127.0.0.1:1', insecure-skip-tls-verify: true}", "{token: abc}");
        let trouble = connect(&cluster(dir.path(), &insecure)).await.err().expect("refused");
        assert!(trouble.what.as_str().contains("insecure-skip-tls-verify"), "{}", trouble.what);

        let trouble = connect(&cluster(dir.path(), "clusters: [SECRET")).await.err().expect("refused");
        assert!(!trouble.what.as_str().contains("SECRET"), "{}", trouble.what);
    }

    #[tokio::test]
    async fn a_login_plugin_that_hangs_is_limited_and_started_once() {
        let dir = tempfile::tempdir().expect("dir");
        let mark = dir.path().join("started");
        let user = format!(
            "{{exec: {{apiVersion: client.authentication.k8s.io/v1, command: sh, \
             args: ['-c', 'echo x >> {}; sleep 2; exit 3'], interactiveMode: IfAvailable}}}}",
            mark.display()
        );
        let config = cluster(dir.path(), &kubeconfig("{server: 'http://127.0.0.1:1'}", &user));
        let limits = Limits { build: Duration::from_millis(200), ..Limits::default() };
        let link = Link::with_limits(&config, limits);
        let trouble = link.client().await.err().expect("limited");
        assert!(trouble.what.as_str().contains("does not finish"), "{}", trouble.what);
        // Asked until the one that was started has ended: its own failure is told, and nobody started a second one.
        let ended = loop {
            let trouble = link.client().await.err().expect("still no client");
            if !trouble.what.as_str().contains("does not finish") {
                break trouble;
            }
        };
        assert!(ended.what.as_str().contains("exit status 3"), "{}", ended.what);
        assert_eq!(std::fs::read_to_string(&mark).expect("a mark").lines().count(), 1);
    }
}
