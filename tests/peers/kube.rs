//! A Kubernetes cluster without controllers: its own etcd and its own API server, with users, certificates and a kubeconfig.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use super::certs::{Authority, Pair, Validity};
pub use super::client::Client;
use super::process::Server;
use crate::support::{free_port, scratch};

/// How often a start is tried: somebody else may take a free port first.
const TRIES: usize = 3;

/// How a cluster is to be.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Flags for the API server beside the usual ones.
    pub args: Vec<String>,
    /// Names the context, cluster and user in the kubeconfig; `primary` where empty.
    pub name: String,
}

impl Options {
    /// With these flags for the API server.
    pub fn args(args: &[&str]) -> Self {
        Self { args: args.iter().map(|&arg| arg.to_owned()).collect(), ..Self::default() }
    }

    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }
}

/// Who may ask: token and group per user, as `tokens.csv` holds them.
#[derive(Clone, Debug)]
struct User {
    name: String,
    token: String,
    group: String,
}

/// etcd and an API server. Ended on drop.
pub struct Cluster {
    pub name: String,
    pub url: String,
    pub port: u16,
    /// The authority that signed the serving certificate.
    pub ca: PathBuf,
    /// Holds the admin's token; [`Cluster::set_token`] rewrites it.
    pub token_file: PathBuf,
    /// With the admin's token in it.
    pub kubeconfig: PathBuf,
    pub authority: Authority,
    api: Server,
    etcd: Server,
    base: Vec<String>,
    extra: Mutex<Vec<String>>,
    serving: Mutex<Pair>,
    users: Mutex<Vec<User>>,
    home: tempfile::TempDir,
}

impl Cluster {
    /// Starts one and waits until it is ready; `None` after a line that says what is missing.
    pub fn start(options: Options) -> Option<Self> {
        let programs = [super::need("kube-apiserver")?, super::need("etcd")?];
        super::need("openssl")?;
        let mut last = String::new();
        for _ in 0..TRIES {
            let cluster = Self::prepare(&options, &programs)?;
            match cluster.begin() {
                Ok(()) => return Some(cluster),
                Err(why) if why.contains("address already in use") => last = why,
                Err(why) => panic!("{why}"),
            }
        }
        panic!("no free ports: {last}")
    }

    fn prepare(options: &Options, [apiserver, etcd]: &[PathBuf; 2]) -> Option<Self> {
        let home = scratch();
        let dir = home.path();
        let [port, client, peer] = std::array::from_fn(|_| free_port());
        let authority = Authority::new(&dir.join("pki"))?;
        let (serving, signing) = (authority.serving("serving", Validity::Now), authority.signing("sa"));
        let flag = |name: &str, value: &dyn std::fmt::Display| format!("--{name}={value}");
        let base = vec![
            flag("etcd-servers", &format_args!("http://127.0.0.1:{client}")),
            flag("bind-address", &"127.0.0.1"),
            flag("secure-port", &port),
            flag("cert-dir", &dir.join("pki").display()),
            flag("client-ca-file", &authority.ca().display()),
            flag("service-account-issuer", &"https://kubernetes.default.svc"),
            flag("service-account-key-file", &signing.cert.display()),
            flag("service-account-signing-key-file", &signing.key.display()),
            flag("service-cluster-ip-range", &"10.0.0.0/24"),
            flag("authorization-mode", &"RBAC"),
            flag("token-auth-file", &dir.join("tokens.csv").display()),
            flag("disable-admission-plugins", &"ServiceAccount"),
            flag("endpoint-reconciler-type", &"none"),
            flag("event-ttl", &"24h"),
        ];
        let data = dir.join("etcd").display().to_string();
        let name = if options.name.is_empty() { "primary".to_owned() } else { options.name.clone() };
        let user = |user: &str, group: &str| User {
            name: user.to_owned(),
            token: format!("{user}-of-{name}-{port}"),
            group: group.to_owned(),
        };
        let users = vec![user("admin", "system:masters"), user("reader", "warroom:readers")];
        let cluster = Self {
            url: format!("https://127.0.0.1:{port}"),
            port,
            ca: authority.ca(),
            token_file: dir.join("admin.token"),
            kubeconfig: dir.join("kubeconfig"),
            authority,
            api: Server::new("kube-apiserver", apiserver, dir, Vec::<String>::new()),
            etcd: Server::new("etcd", etcd, dir, [data, client.to_string(), peer.to_string()]),
            base,
            extra: Mutex::new(options.args.clone()),
            serving: Mutex::new(serving),
            users: Mutex::new(users),
            name,
            home,
        };
        cluster.write_users();
        Some(cluster)
    }

    fn begin(&self) -> Result<(), String> {
        self.etcd.start();
        self.launch();
        self.api.try_ready(|| self.ready())
    }

    fn launch(&self) {
        let serving = self.serving.lock().expect("unpoisoned").clone();
        let mut args = self.base.clone();
        args.push(format!("--tls-cert-file={}", serving.cert.display()));
        args.push(format!("--tls-private-key-file={}", serving.key.display()));
        args.extend(self.extra.lock().expect("unpoisoned").iter().cloned());
        self.api.set_args(args);
        self.api.start();
    }

    /// Whether `/readyz` says 200 now.
    pub fn ready(&self) -> bool {
        super::http::answers(&format!("{}/readyz", self.url))
    }

    /// Where the cluster keeps its files.
    pub fn folder(&self) -> &Path {
        self.home.path()
    }

    pub fn etcd(&self) -> &Server {
        &self.etcd
    }

    pub fn api(&self) -> Api<'_> {
        Api(self)
    }

    /// Asks as the admin.
    ///
    /// # Panics
    /// When no answer comes; [`Client::try_request`] is for servers that are broken on purpose.
    pub fn request(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        self.client().request(method, path, body)
    }

    /// Asks as the admin and takes only a 2xx.
    pub fn must(&self, method: &str, path: &str, body: Option<&Value>) -> Value {
        self.client().must(method, path, body)
    }

    /// The admin's client, to take along into a thread.
    pub fn client(&self) -> Client {
        self.client_of("admin")
    }

    /// A user's client.
    pub fn client_of(&self, user: &str) -> Client {
        Client { url: self.url.clone(), token: self.token(user) }
    }

    /// A user's token; empty for a user without one.
    pub fn token(&self, user: &str) -> String {
        let users = self.users.lock().expect("unpoisoned");
        users.iter().find(|known| known.name == user).map(|known| known.token.clone()).unwrap_or_default()
    }

    /// Gives a user another token (an empty one: none), and rewrites the files. The API server knows it only after a
    /// restart: `api().restart()`.
    pub fn set_token(&self, user: &str, token: &str) {
        let mut users = self.users.lock().expect("unpoisoned");
        match users.iter_mut().find(|known| known.name == user) {
            Some(known) => token.clone_into(&mut known.token),
            None => {
                users.push(User { name: user.to_owned(), token: token.to_owned(), group: "warroom:others".to_owned() })
            }
        }
        drop(users);
        self.write_users();
    }

    fn write_users(&self) {
        let users = self.users.lock().expect("unpoisoned").clone();
        let line = |user: &User| format!("{},{},{},\"{}\"\n", user.token, user.name, user.name, user.group);
        // A file without a user is refused by the API server.
        let csv: String = users.iter().filter(|user| !user.token.is_empty()).map(line).collect();
        std::fs::write(self.folder().join("tokens.csv"), csv).expect("written");
        let admin = users.iter().find(|user| user.name == "admin").map(|user| user.token.clone()).unwrap_or_default();
        std::fs::write(&self.token_file, &admin).expect("written");
        std::fs::write(&self.kubeconfig, self.kubeconfig_text(&json!({ "token": admin }))).expect("written");
    }

    /// A kubeconfig of this cluster with other credentials, e.g. `{"tokenFile": …}` or `{"exec": {…}}`.
    pub fn kubeconfig_text(&self, user: &Value) -> String {
        let name = &self.name;
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{ "name": name, "cluster": { "server": self.url, "certificate-authority": self.ca } }],
            "users": [{ "name": name, "user": user }],
            "contexts": [{ "name": name, "context": { "cluster": name, "user": name } }],
        });
        serde_json::to_string_pretty(&config).expect("JSON")
    }

    /// Lets a user read everything except secrets.
    pub fn allow_reading(&self, user: &str) {
        let rules = json!([
            { "apiGroups": ["", "apps", "coordination.k8s.io", "events.k8s.io", "velero.io", "argoproj.io",
                "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io", "source.toolkit.fluxcd.io", "litmuschaos.io"],
              "resources": ["namespaces", "nodes", "pods", "events", "persistentvolumeclaims", "persistentvolumes",
                "deployments", "statefulsets", "daemonsets", "leases", "backups", "restores", "schedules",
                "backupstoragelocations", "volumesnapshotlocations", "podvolumebackups", "podvolumerestores",
                "datauploads", "datadownloads", "backuprepositories", "deletebackuprequests", "applications",
                "applicationsets", "appprojects", "kustomizations", "helmreleases", "gitrepositories", "chaosengines",
                "chaosresults", "chaosexperiments"],
              "verbs": ["get", "list", "watch"] },
            { "nonResourceURLs": ["/version", "/livez", "/livez/*", "/readyz", "/readyz/*", "/metrics"], "verbs": ["get"] },
        ]);
        self.allow(user, &rules);
    }

    /// Lets a user do what these rules of a `ClusterRole` say.
    pub fn allow(&self, user: &str, rules: &Value) {
        let rbac = "/apis/rbac.authorization.k8s.io/v1";
        let (version, group) = ("rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io");
        let name = json!({ "name": format!("test-{user}") });
        let role = json!({ "apiVersion": version, "kind": "ClusterRole", "metadata": name, "rules": rules });
        let client = self.client();
        client.apply(&format!("{rbac}/clusterroles/test-{user}"), &role);
        let binding = json!({
            "apiVersion": version, "kind": "ClusterRoleBinding", "metadata": name,
            "roleRef": { "apiGroup": group, "kind": "ClusterRole", "name": format!("test-{user}") },
            "subjects": [{ "apiGroup": group, "kind": "User", "name": user }],
        });
        client.apply(&format!("{rbac}/clusterrolebindings/test-{user}"), &binding);
    }

    /// Creates a namespace, or leaves it as it is.
    pub fn namespace(&self, name: &str) {
        let body = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        let (status, said) = self.request("POST", "/api/v1/namespaces", Some(&body));
        assert!(status == 201 || status == 409, "namespace {name}: {status} {said:#}");
    }

    /// A pod as ready as a kubelet would say it is; made where there is none of this name.
    pub fn pod(&self, namespace: &str, name: &str, label: (&str, &str), ready: bool) {
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let pod = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "labels": { label.0: label.1 } },
            "spec": { "containers": [{ "name": "c", "image": "registry.example/c:1" }] },
        });
        if self.request("GET", &format!("{pods}/{name}"), None).0 == 404 {
            self.must("POST", &pods, Some(&pod));
        }
        let conditions = json!([{ "type": "Ready", "status": if ready { "True" } else { "False" } }]);
        let status = json!({ "status": { "phase": "Running", "conditions": conditions } });
        self.must("PATCH", &format!("{pods}/{name}/status"), Some(&status));
    }

    /// The published schemas where they are beside the project, else our own minimal ones.
    pub fn apply_crds(&self) {
        super::crds::apply(&self.client(), &super::crds::published().unwrap_or_else(super::crds::own));
    }
}

/// The API server of a cluster.
pub struct Api<'a>(&'a Cluster);

impl Api<'_> {
    pub fn server(&self) -> &Server {
        &self.0.api
    }

    /// `kill -9`.
    pub fn kill(&self) {
        self.0.api.kill();
    }

    /// SIGTERM, and the end of the process.
    pub fn terminate(&self) {
        self.0.api.terminate();
    }

    pub fn pause(&self) {
        self.0.api.pause();
    }

    pub fn resume(&self) {
        self.0.api.resume();
    }

    /// Starts it on the same port with these flags beside the usual ones, and waits until it is ready.
    pub fn start(&self, extra: &[&str]) {
        self.launch(extra);
        self.0.api.wait_ready(|| self.0.ready());
    }

    /// [`Self::start`] without the wait: for a server that will not get ready.
    pub fn launch(&self, extra: &[&str]) {
        *self.0.extra.lock().expect("unpoisoned") = extra.iter().map(|&arg| arg.to_owned()).collect();
        self.0.launch();
    }

    /// Ended and started again with the flags it had: what a changed token or certificate needs.
    pub fn restart(&self) {
        self.kill();
        self.0.launch();
        self.0.api.wait_ready(|| self.0.ready());
    }

    /// Restarts with a serving certificate of this validity.
    pub fn serve_with(&self, validity: Validity) {
        let name = format!("serving-{validity:?}").to_lowercase();
        *self.0.serving.lock().expect("unpoisoned") = self.0.authority.serving(&name, validity);
        self.restart();
    }
}
