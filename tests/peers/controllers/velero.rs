//! Velero's server of one cluster, outside of it, and the object store that several of them share.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::super::http::{self, Ask};
use super::super::kube::Cluster;
use super::super::process::Server;
use crate::support::{free_port, scratch, wait_for};

const NAMESPACE: &str = "velero";
const BUCKET: &str = "backups";

/// An S3 server that keeps everything in memory (moto). Ended on drop.
pub struct ObjectStore {
    pub url: String,
    pub server: Server,
    _home: tempfile::TempDir,
}

impl ObjectStore {
    /// Starts one with an empty bucket; `None` after a line that says what is missing.
    pub fn start() -> Option<Self> {
        let program = super::need("moto/bin/moto_server")?;
        let (home, port) = (scratch(), free_port());
        let server = Server::new("moto", &program, home.path(), ["-H", "127.0.0.1", "-p", &port.to_string()]);
        let url = format!("http://127.0.0.1:{port}");
        server.start();
        server.wait_ready(|| http::answers(&format!("{url}/moto-api/")));
        let made = Ask::new("PUT", format!("{url}/{BUCKET}")).send().expect("an answer");
        assert_eq!(made.status, 200, "{}", made.text);
        Some(Self { url, server, _home: home })
    }
}

/// A Velero server with the AWS plugin. Ended on drop.
pub struct Velero<'a> {
    cluster: &'a Cluster,
    pub server: Server,
    _home: tempfile::TempDir,
}

impl<'a> Velero<'a> {
    /// The server and its plugin; `None` after a line that says which is missing.
    pub fn programs() -> Option<[PathBuf; 2]> {
        Some([super::need("velero")?, super::need("velero-plugin-for-aws")?])
    }

    /// Starts it on a cluster, with the location `default` in the store; `None` after a line that says what is missing.
    pub fn start(cluster: &'a Cluster, store: &ObjectStore) -> Option<Self> {
        let [program, plugin] = Self::programs()?;
        super::apply_schemas(cluster);
        cluster.namespace(NAMESPACE);
        let home = scratch();
        let dir = home.path();
        std::fs::create_dir(dir.join("plugins")).expect("a folder");
        let linked = dir.join("plugins/velero-plugin-for-aws");
        std::os::unix::fs::symlink(plugin, linked).expect("a link");
        let credentials = dir.join("credentials");
        let text = "[default]\naws_access_key_id = tests\naws_secret_access_key = tests\n";
        std::fs::write(&credentials, text).expect("written");
        let environment = [
            ("AWS_SHARED_CREDENTIALS_FILE", credentials.display().to_string()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("VELERO_SCRATCH_DIR", dir.display().to_string()),
        ];
        let args = [
            "server".to_owned(),
            format!("--kubeconfig={}", cluster.kubeconfig.display()),
            format!("--namespace={NAMESPACE}"),
            format!("--plugin-dir={}", dir.join("plugins").display()),
            "--metrics-address=127.0.0.1:0".to_owned(),
            "--profiler-address=127.0.0.1:0".to_owned(),
            "--backup-sync-period=2s".to_owned(),
            "--store-validation-frequency=2s".to_owned(),
            "--default-item-operation-timeout=30s".to_owned(),
            "--item-operation-sync-frequency=1s".to_owned(),
            "--resource-timeout=20s".to_owned(),
        ];
        let args = super::with_environment(&program, &environment, &args);
        let server = Server::new("velero", Path::new("/usr/bin/env"), dir, args);
        let velero = Self { cluster, server, _home: home };
        velero.deployment();
        velero.location("default", store);
        velero.server.start();
        wait_for("a validated location", || {
            assert!(velero.server.alive(), "velero ended:\n{}", velero.server.tail());
            (velero.get("backupstoragelocations/default")["status"]["phase"] == "Available").then_some(())
        });
        Some(velero)
    }

    /// A restore looks for the deployment that its server runs in, and fails in part without one.
    fn deployment(&self) {
        let name = json!({ "app": "velero" });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "velero", "namespace": NAMESPACE },
            "spec": {
                "selector": { "matchLabels": name },
                "template": {
                    "metadata": { "labels": name },
                    "spec": { "containers": [{ "name": "velero", "image": "registry.example/velero:1" }] },
                },
            },
        });
        self.cluster.client().apply(&format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/velero"), &deployment);
    }

    /// A location in the store.
    pub fn location(&self, name: &str, store: &ObjectStore) {
        self.create(
            "BackupStorageLocation",
            "backupstoragelocations",
            name,
            &json!({}),
            &json!({
                "provider": "aws", "default": name == "default", "objectStorage": { "bucket": BUCKET },
                "config": { "region": "us-east-1", "s3ForcePathStyle": "true", "s3Url": store.url },
            }),
        );
    }

    /// A schedule that is never due while a test runs.
    pub fn schedule(&self, name: &str, namespaces: &[&str]) {
        let template = json!({ "includedNamespaces": namespaces, "storageLocation": "default", "ttl": "720h0m0s" });
        self.create(
            "Schedule",
            "schedules",
            name,
            &json!({}),
            &json!({
                "schedule": "0 3 * * *", "template": template, "skipImmediately": true,
            }),
        );
    }

    /// A backup of a schedule's namespaces, as if the schedule had been due; waits for its end and gives it.
    pub fn back_up(&self, name: &str, schedule: &str, namespaces: &[&str]) -> Value {
        self.begin_backup(name, schedule, &json!({ "includedNamespaces": namespaces }));
        self.ended("backups", name)
    }

    /// A backup of a schedule with this in its spec.
    pub fn begin_backup(&self, name: &str, schedule: &str, more: &Value) {
        let labels = json!({ "velero.io/schedule-name": schedule, "velero.io/storage-location": "default" });
        let mut spec = json!({ "storageLocation": "default", "ttl": "720h0m0s" });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        self.create("Backup", "backups", name, &labels, &spec);
    }

    /// Takes an object of Velero's away, as kubectl would.
    pub fn delete(&self, name: &str) {
        self.cluster.must("DELETE", &path(name), None);
    }

    /// Has it look into its locations for what others put there or took away: it does so at its start, and then once a
    /// minute, however short the period is that it is given.
    pub fn synchronise(&self) {
        self.server.kill();
        self.server.start();
    }

    /// Asks for a backup's deletion, in the store too.
    pub fn delete_backup(&self, name: &str) {
        let labels = json!({ "velero.io/backup-name": name });
        let request = format!("{name}-delete");
        self.create("DeleteBackupRequest", "deletebackuprequests", &request, &labels, &json!({ "backupName": name }));
    }

    /// Waits for the end of a backup or restore, and gives it.
    pub fn ended(&self, plural: &str, name: &str) -> Value {
        const ENDS: [&str; 4] = ["Completed", "PartiallyFailed", "Failed", "FailedValidation"];
        wait_for(&format!("the end of {plural}/{name}"), || {
            assert!(self.server.alive(), "velero ended:\n{}", self.server.tail());
            let (status, object) = self.cluster.request("GET", &path(&format!("{plural}/{name}")), None);
            let phase = object["status"]["phase"].as_str().unwrap_or_default();
            (status == 200 && ENDS.contains(&phase)).then_some(object)
        })
    }

    /// An object of Velero's, or the server's answer that there is none.
    pub fn get(&self, name: &str) -> Value {
        self.cluster.request("GET", &path(name), None).1
    }

    fn create(&self, kind: &str, plural: &str, name: &str, labels: &Value, spec: &Value) {
        let object = json!({
            "apiVersion": "velero.io/v1", "kind": kind,
            "metadata": { "name": name, "namespace": NAMESPACE, "labels": labels }, "spec": spec,
        });
        self.cluster.must("POST", &path(plural), Some(&object));
    }
}

fn path(rest: &str) -> String {
    format!("/apis/velero.io/v1/namespaces/{NAMESPACE}/{rest}")
}
