//! One connection per cluster and system: made off the async threads, renewed before its credential runs out, re-made
//! when the server refuses it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex as Plain, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;
use kube::config::Config;
use tokio::sync::{Mutex, OnceCell};
use tokio::task::JoinHandle;

use super::error_text::{plain, trouble};
use super::json_access::string;
use super::kubeconfig::{self, AuthMethod, Loaded};
use super::{auth, cert_expiry, requests, transport};
use crate::clock::{Clock, busy};
use crate::config::ClusterConfig;
use crate::model::{SafeText, Stamp, Trouble, TroubleKind};
use crate::systems::egress_policy::EgressPolicy;
use crate::systems::http::Secret;
use crate::systems::proxy::Way;

/// How long the network may take, in real time: a socket does not know that a drill's clock runs fast.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// One light request: a single object.
    pub probe: Duration,
    /// A health endpoint: without etcd, a real API server says so after one wait of two seconds for `etcd` and another for
    /// `etcd-readiness`.
    pub health: Duration,
    /// One page of a list, or the first answer of a watch.
    pub list: Duration,
    /// Waiting for a client; a login plugin may go on behind it.
    pub build: Duration,
    /// One run of a login plugin.
    pub plugin: Duration,
    /// What a watch asks the server to end itself after.
    pub watch: Duration,
    /// A watch in which nothing came for so long is dead.
    pub idle: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            probe: Duration::from_secs(3),
            health: Duration::from_secs(5),
            list: Duration::from_secs(10),
            build: Duration::from_secs(10),
            plugin: Duration::from_secs(30),
            watch: Duration::from_secs(30),
            idle: Duration::from_secs(35),
        }
    }
}

/// A plugin is not run again sooner than this after the last time: of many requests that are refused together only
/// the first starts a plugin.
const BETWEEN_LOGINS: Duration = Duration::from_secs(2);
/// A plugin that failed is left alone for so long; meanwhile its failure is the answer.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How often a token file is looked at while nobody complains.
const TOKEN_EVERY: Duration = Duration::from_secs(60);
/// How long before its end a credential is renewed, seconds.
const BEFORE_END_S: i64 = 60;

/// A client that is made when first needed, renewed in time, and made again after [`ClusterLink::forget`].
#[derive(Clone)]
pub struct ClusterLink(Arc<LinkInner>);

struct LinkInner {
    config: ClusterConfig,
    limits: Limits,
    state: Mutex<ClientState>,
    /// The way there in words, as last built.
    notes: Plain<Vec<SafeText>>,
    /// The same of the proxy alone.
    way: Plain<Way>,
    /// Whether the server knows lists as streams, once it said which it is.
    knows_streams: OnceCell<bool>,
}

#[derive(Default)]
struct ClientState {
    made: Option<BuiltClient>,
    /// Kept when the time limit passes, so that a hung login plugin is waited for and not started again and again.
    building: Option<JoinHandle<Result<BuiltClient, ConnectFailure>>>,
    failed: Option<(Instant, Trouble)>,
}

struct BuiltClient {
    client: Client,
    config: Config,
    reach: EgressPolicy,
    at: Instant,
    /// The credential ends, on the wall's clock and not on a drill's.
    until: Option<Stamp>,
    certificate_until: Option<Stamp>,
    token: Option<TokenFile>,
    by_plugin: bool,
}

struct TokenFile {
    path: PathBuf,
    token: Secret,
    looked: Instant,
}

/// Whether a server of this version gives lists as streams, unless that is switched off: since 1.34, and for one version
/// before that, which is left alone.
fn knows_streams(version: &str) -> bool {
    let mut parts = version.trim_start_matches('v').split('.');
    let mut number = || parts.next()?.parse::<u32>().ok();
    number().zip(number()).is_some_and(|version| version >= (1, 34))
}

impl BuiltClient {
    fn ends_within(&self, seconds: i64) -> bool {
        self.until.is_some_and(|until| (until - Clock::real().now()).num_seconds() <= seconds)
    }

    /// Whether the token's file holds another token by now. One that can't be read is no reason to give up a good token.
    fn token_changed(&mut self) -> bool {
        let Some(file) = self.token.as_mut().filter(|file| file.looked.elapsed() >= TOKEN_EVERY) else { return false };
        file.looked = Instant::now();
        auth::token_of(&file.path).is_ok_and(|newer| newer != file.token)
    }
}

impl ClusterLink {
    /// A link to a cluster; nothing is read or connected yet.
    pub fn new(config: &ClusterConfig) -> Self {
        Self::with_limits(config, Limits::default())
    }

    /// A link with other time limits.
    pub fn with_limits(config: &ClusterConfig, limits: Limits) -> Self {
        let (notes, way) = (Plain::default(), Plain::new(Way::Direct(None)));
        Self(Arc::new(LinkInner {
            config: config.clone(),
            limits,
            state: Mutex::default(),
            notes,
            way,
            knows_streams: OnceCell::new(),
        }))
    }

    /// The time limits in force.
    pub fn limits(&self) -> Limits {
        self.0.limits
    }

    /// Whether lists are to be asked for as streams. As long as a server does not say which it is, it is asked for pages.
    pub async fn streaming_lists(&self) -> bool {
        let ask = || async {
            let client = self.client().await?;
            let answer = requests::get(&client, "/version", self.0.limits.probe).await?;
            Ok::<_, Trouble>(knows_streams(&string(&answer.json()?, "/gitVersion")))
        };
        self.0.config.streaming_lists && self.0.knows_streams.get_or_try_init(ask).await.is_ok_and(|known| *known)
    }

    /// What credential is used, never the secret.
    pub fn credential(&self) -> String {
        match &self.0.config.context {
            Some(context) => format!("context {context}"),
            None => "current context".to_owned(),
        }
    }

    /// The way there in words: server, proxy, credential and until when it is good. Empty before the first connection.
    pub fn notes(&self) -> Vec<SafeText> {
        self.0.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The trouble of a server that does not answer, with the proxy that was used, or is set and was not.
    pub fn on_the_way(&self, trouble: Trouble) -> Trouble {
        let way = self.0.way.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = !matches!(trouble.kind, TroubleKind::Unreachable | TroubleKind::Silent);
        if answered || *way == Way::Direct(None) {
            return trouble;
        }
        Trouble { what: SafeText::new(&format!("{} ({})", trouble.what, way.note())), ..trouble }
    }

    /// The client, made now if need be.
    pub async fn client(&self) -> Result<Client, Trouble> {
        let _busy = busy();
        let mut state = self.0.state.lock().await;
        if let Some(made) = &mut state.made {
            // One that is given out already ended is used all the same: whether it is any good, the server says.
            let young = made.at.elapsed() < AFTER_FAILURE;
            if young || (!made.ends_within(BEFORE_END_S) && !made.token_changed()) {
                return Ok(made.client.clone());
            }
            // Renewed beside the requests that still work: a hung plugin must not stop them while the old one is good.
            let client = made.client.clone();
            let over = made.ends_within(0);
            if !over {
                self.renew(&mut state, Duration::from_millis(10)).await.ok();
                return Ok(state.made.as_ref().map_or(client, |made| made.client.clone()));
            }
            state.made = None;
        }
        self.renew(&mut state, self.0.limits.build).await?;
        match &state.made {
            Some(made) => Ok(made.client.clone()),
            None => Err(plain(TroubleKind::Credential, "the client for this context can't be built")),
        }
    }

    async fn renew(&self, state: &mut ClientState, patience: Duration) -> Result<(), Trouble> {
        if let Some((at, trouble)) = &state.failed
            && at.elapsed() < AFTER_FAILURE
        {
            return Err(trouble.clone());
        }
        state.failed = None;
        let building = state
            .building
            .get_or_insert_with(|| tokio::spawn(build(self.0.config.clone(), self.0.limits.plugin, self.clone())));
        let built = match tokio::time::timeout(patience, building).await {
            Err(_) => {
                return Err(trouble(
                    TroubleKind::Credential,
                    "the login plugin of this context does not finish",
                    "log in with kubectl in another terminal, or use a kubeconfig with a static token",
                ));
            }
            Ok(Err(_)) => Err(plain(TroubleKind::Credential, "the client for this context can't be built").into()),
            Ok(Ok(built)) => built,
        };
        state.building = None;
        match built {
            Ok(made) => state.made = Some(made),
            Err(ConnectFailure { trouble, of_plugin }) => {
                if of_plugin {
                    state.failed = Some((Instant::now(), trouble.clone()));
                }
                return Err(trouble);
            }
        }
        Ok(())
    }

    /// The server did not accept the credential: read files and run plugins anew next time.
    pub async fn forget(&self) {
        let mut state = self.0.state.lock().await;
        let keep = |made: &BuiltClient| made.by_plugin && made.at.elapsed() < BETWEEN_LOGINS;
        if !state.made.as_ref().is_some_and(keep) {
            state.made = None;
        }
    }

    /// [`ClusterLink::forget`], and the refusal in better words where we know why.
    pub async fn refused(&self, refusal: Trouble) -> Trouble {
        let until = self.0.state.lock().await.made.as_ref().and_then(|made| made.certificate_until);
        self.forget().await;
        match until.filter(|until| *until < Clock::real().now()) {
            Some(until) => trouble(
                TroubleKind::Credential,
                format!("the client certificate of this context ran out at {}", until.format("%Y-%m-%d %H:%M UTC")),
                "renew it in the kubeconfig; it is read again at the next try",
            ),
            None => refusal,
        }
    }

    /// A client on connections of its own: behind a balancer it may reach another API server than the one in use.
    pub async fn another(&self) -> Result<Client, Trouble> {
        self.client().await?;
        let state = self.0.state.lock().await;
        match &state.made {
            Some(made) => transport::client(&made.config, &made.reach),
            None => Err(plain(TroubleKind::Credential, "the client for this context can't be built")),
        }
    }

    /// Uses a client from [`ClusterLink::another`] from now on.
    pub async fn adopt(&self, client: Client) {
        if let Some(made) = &mut self.0.state.lock().await.made {
            made.client = client;
        }
    }
}

/// Connects to a cluster as its configuration says. For long use take a [`ClusterLink`], which renews itself.
pub async fn connect(config: &ClusterConfig) -> Result<Client, Trouble> {
    ClusterLink::new(config).client().await
}

struct ConnectFailure {
    trouble: Trouble,
    /// Worth waiting before it is tried again.
    of_plugin: bool,
}

impl From<Trouble> for ConnectFailure {
    fn from(trouble: Trouble) -> Self {
        Self { trouble, of_plugin: false }
    }
}

async fn build(
    cluster: ClusterConfig,
    plugin_limit: Duration,
    link: ClusterLink,
) -> Result<BuiltClient, ConnectFailure> {
    let at = Instant::now();
    let reach =
        cluster.serve.as_ref().map_or_else(EgressPolicy::default, |rules| EgressPolicy::guarded(&rules.allow_hosts));
    let broken = || plain(TroubleKind::Credential, "the client for this context can't be built");
    let (name, there) = (cluster.name.clone(), reach.clone());
    // Files may be on a file system that hangs.
    let loaded = tokio::task::spawn_blocking(move || kubeconfig::load(&cluster, &there)).await;
    let Loaded { mut config, login, certificate_until, notes, way } = loaded.map_err(|_| broken())??;
    *link.0.notes.lock().unwrap_or_else(PoisonError::into_inner) = notes;
    *link.0.way.lock().unwrap_or_else(PoisonError::into_inner) = way;
    let mut until = None;
    let mut token = None;
    let by_plugin = matches!(login, AuthMethod::Plugin(_));
    match login {
        AuthMethod::Static => {}
        AuthMethod::TokenFile(path) => {
            let file = path.clone();
            let read = tokio::task::spawn_blocking(move || auth::token_of(&file)).await.map_err(|_| broken())??;
            kubeconfig::with_token(&mut config.auth_info, &read)?;
            token = Some(TokenFile { path, token: read, looked: at });
        }
        AuthMethod::Plugin(plugin) => {
            tracing::info!(cluster = %name, program = %plugin.program().display(), "a login plugin runs");
            let ticket =
                plugin.run(plugin_limit).await.map_err(|trouble| ConnectFailure { trouble, of_plugin: true })?;
            kubeconfig::with_ticket(&mut config.auth_info, &ticket)?;
            until = ticket.until.or_else(|| cert_expiry::not_after(ticket.identity.as_ref()?.0.as_bytes()));
        }
    }
    // Reads certificate files.
    let made = tokio::task::spawn_blocking(move || {
        let client = transport::client(&config, &reach)?;
        Ok(BuiltClient { client, config, reach, at, until, certificate_until, token, by_plugin })
    });
    made.await.map_err(|_| broken())?.map_err(|trouble: Trouble| trouble.into())
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
            ..ClusterConfig::default()
        }
    }

    fn kubeconfig(cluster: &str, user: &str) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters:\n- name: k\n  cluster: {cluster}\n\
             contexts:\n- name: here\n  context: {{cluster: k, user: u}}\nusers:\n- name: u\n  user: {user}\n"
        )
    }

    #[test]
    fn lists_are_streams_since_1_34() {
        for known in ["v1.34.0", "v1.36.2", "v1.35.1-gke.100", "v2.0.0", "v1.34.3+k3s1"] {
            assert!(knows_streams(known), "{known}");
        }
        for unknown in ["v1.33.4", "v1.9.0", "", "v1", "one.two", "v0.34.0"] {
            assert!(!knows_streams(unknown), "{unknown}");
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_names_the_proxy_in_between() {
        let dir = tempfile::tempdir().expect("a directory");
        let way = "{server: 'https://api.invalid', proxy-url: 'http://ana:canary@127.0.0.1:9'}";
        let link = ClusterLink::new(&cluster(dir.path(), &kubeconfig(way, "{token: t}")));
        link.client().await.expect("a client");
        let told = |kind| link.on_the_way(plain(kind, "no connection")).what.to_string();
        assert_eq!(told(TroubleKind::Unreachable), "no connection (proxy http://127.0.0.1:9 from the kubeconfig)");
        assert_eq!(told(TroubleKind::Forbidden), "no connection", "it answered");
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
        let link = ClusterLink::with_limits(&config, limits);
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
