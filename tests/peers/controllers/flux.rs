//! Flux's source-controller and kustomize-controller of one cluster, outside of it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::kube::Cluster;
use super::super::process::Server;
use super::git::Served;
use crate::support::{free_port, scratch};

const NAMESPACE: &str = "flux-system";

/// Both controllers, and the objects they work on. Ended on drop.
pub struct Flux<'a> {
    cluster: &'a Cluster,
    pub source: Server,
    pub kustomize: Server,
    _home: tempfile::TempDir,
}

impl<'a> Flux<'a> {
    /// Both programs; `None` after a line that says which is missing.
    pub fn programs() -> Option<[PathBuf; 2]> {
        Some([super::need("source-controller")?, super::need("kustomize-controller")?])
    }

    /// Starts both; `None` after a line that says what is missing.
    pub fn start(cluster: &'a Cluster) -> Option<Self> {
        let programs = Self::programs()?;
        super::apply_schemas(cluster);
        cluster.namespace(NAMESPACE);
        let home = scratch();
        let dir = home.path();
        std::fs::create_dir_all(dir.join("artifacts")).expect("a folder");
        let artifacts = free_port();
        let common = [
            "--events-addr=".to_owned(),
            "--metrics-addr=127.0.0.1:0".to_owned(),
            "--enable-leader-election=false".to_owned(),
            "--log-encoding=json".to_owned(),
        ];
        let server = |name: &str, program: &Path, more: Vec<String>| {
            let environment = [
                ("KUBECONFIG", cluster.kubeconfig.display().to_string()),
                ("RUNTIME_NAMESPACE", NAMESPACE.to_owned()),
                ("TMPDIR", dir.display().to_string()),
            ];
            let args: Vec<String> = common.iter().cloned().chain(more).collect();
            Server::new(name, Path::new("/usr/bin/env"), dir, super::with_environment(program, &environment, &args))
        };
        let health = || format!("--health-addr=127.0.0.1:{}", free_port());
        let source = server(
            "source-controller",
            &programs[0],
            vec![
                health(),
                format!("--storage-path={}", dir.join("artifacts").display()),
                format!("--storage-addr=127.0.0.1:{artifacts}"),
                format!("--storage-adv-addr=127.0.0.1:{artifacts}"),
            ],
        );
        let kustomize = server("kustomize-controller", &programs[1], vec![health()]);
        let flux = Self { cluster, source, kustomize, _home: home };
        flux.source.start();
        flux.kustomize.start();
        for deployment in ["source-controller", "kustomize-controller"] {
            flux.pod(deployment, true);
        }
        Some(flux)
    }

    /// The pod that a kubelet would run the controller in, ready or not: the controllers here run outside of the cluster.
    pub fn pod(&self, controller: &str, ready: bool) {
        self.cluster.pod(NAMESPACE, &format!("{controller}-0"), ("app", controller), ready);
    }

    /// The controller is gone: its process and its pod.
    pub fn remove_source_controller(&self) {
        self.source.kill();
        let pod = format!("/api/v1/namespaces/{NAMESPACE}/pods/source-controller-0?gracePeriodSeconds=0");
        self.cluster.must("DELETE", &pod, None);
    }

    /// A Git repository that is fetched every `interval`.
    pub fn repository(&self, name: &str, git: &Served, interval: &str) {
        self.apply(
            "source.toolkit.fluxcd.io/v1",
            "GitRepository",
            "gitrepositories",
            name,
            &json!({
                "interval": interval, "url": git.url, "ref": { "branch": "main" }, "timeout": "5s",
            }),
        );
    }

    /// Whether the repository is ready as it was last asked to be.
    pub fn is_settled(&self, name: &str) -> bool {
        let path = format!("/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories/{name}");
        let object = self.cluster.must("GET", &path, None);
        object["metadata"]["generation"] == object["status"]["observedGeneration"]
    }

    /// Whether the repository is no longer fetched.
    pub fn suspend(&self, name: &str, suspend: bool) {
        let path = format!("/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories/{name}");
        self.cluster.must("PATCH", &path, Some(&json!({ "spec": { "suspend": suspend } })));
    }

    /// A kustomization of a folder of a repository, applied every `interval`; `more` is laid over its spec.
    pub fn kustomization(&self, name: &str, repository: &str, path: &str, interval: &str, more: &Value) {
        let mut spec = json!({
            "interval": interval, "path": path, "prune": true, "wait": true, "retryInterval": interval, "timeout": "5s",
            "sourceRef": { "kind": "GitRepository", "name": repository },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.apply("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "kustomizations", name, &spec);
    }

    /// How many reconciliations of kustomizations were finished so far, by the controller's own record.
    pub fn reconciled(&self) -> usize {
        self.kustomize.log().matches("Reconciliation finished").count()
    }

    /// A kustomization as it stands.
    pub fn read_kustomization(&self, name: &str) -> Value {
        let path = format!("/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations/{name}");
        self.cluster.must("GET", &path, None)
    }

    fn apply(&self, version: &str, kind: &str, plural: &str, name: &str, spec: &Value) {
        let object = json!({
            "apiVersion": version, "kind": kind, "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
        });
        self.cluster.client().apply(&format!("/apis/{version}/namespaces/{NAMESPACE}/{plural}/{name}"), &object);
    }
}
