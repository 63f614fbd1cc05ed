//! Flux as its controllers behave: a status subresource, conditions that keep their last value while suspended, and a
//! reconcile that a token asks for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::super::kube::Cluster;
use super::{Objects, Player, lock, merged, name, now, stamp};

const FINALIZER: &str = "finalizers.fluxcd.io";
const ASKED: &str = "reconcile.fluxcd.io/requestedAt";

/// How one object fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lot {
    /// Reconciled.
    Well,
    /// Fails with this reason and message, and tries again.
    Failing(String, String),
    /// Will not go on without a person.
    Stalled(String, String),
}

#[derive(Default)]
struct Script {
    /// What each Git repository holds.
    revisions: BTreeMap<String, String>,
    /// By `Kind/name`.
    lots: BTreeMap<String, Lot>,
}

/// The kustomize, Helm and source controllers over one namespace.
pub struct Flux {
    script: Arc<Mutex<Script>>,
    sources: Objects,
    kustomizations: Objects,
    releases: Objects,
    player: Player,
}

impl Flux {
    /// In namespace `flux-system`, which it creates.
    pub fn start(cluster: &Cluster) -> Self {
        cluster.namespace("flux-system");
        let client = cluster.client();
        let at =
            |api: &str, plural: &str| Objects::new(&client, &format!("/apis/{api}/namespaces/flux-system/{plural}"));
        let sources = at("source.toolkit.fluxcd.io/v1", "gitrepositories");
        let kustomizations = at("kustomize.toolkit.fluxcd.io/v1", "kustomizations");
        let releases = at("helm.toolkit.fluxcd.io/v2", "helmreleases");
        let script: Arc<Mutex<Script>> = Arc::default();
        let (read, of) = (Arc::clone(&script), [sources.clone(), kustomizations.clone(), releases.clone()]);
        let player = Player::start(move || reconcile(&read, &of));
        Self { script, sources, kustomizations, releases, player }
    }

    /// The controllers: dead, statuses stay as they are.
    pub fn controllers(&self) -> &Player {
        &self.player
    }

    /// A Git repository that holds a revision such as `main@sha1:…`.
    pub fn git_repository(&self, name: &str, revision: &str) {
        self.commit(name, revision);
        self.sources.create(&json!({
            "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": { "name": name },
            "spec": { "interval": "1m", "url": format!("https://git.example/{name}"), "ref": { "branch": "main" } },
        }));
    }

    /// A new commit in the repository. The source and whatever is made of it follow.
    pub fn commit(&self, source: &str, revision: &str) {
        lock(&self.script).revisions.insert(source.to_owned(), revision.to_owned());
    }

    /// A kustomization of a source, with more of a spec on top.
    pub fn kustomization(&self, name: &str, source: &str, spec: &Value) {
        let base = json!({
            "interval": "10m", "prune": true, "path": "./", "sourceRef": { "kind": "GitRepository", "name": source },
        });
        self.kustomizations.create(&json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": { "name": name },
            "spec": merged(base, spec),
        }));
    }

    /// A Helm release of a chart in a source, with more of a spec on top.
    pub fn helm_release(&self, name: &str, source: &str, spec: &Value) {
        let source = json!({ "kind": "GitRepository", "name": source });
        let base = json!({ "interval": "10m", "chart": { "spec": { "chart": "./chart", "sourceRef": source } } });
        self.releases.create(&json!({
            "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": { "name": name },
            "spec": merged(base, spec),
        }));
    }

    /// How `Kustomization`, `HelmRelease` or `GitRepository` of this name fares from now on.
    pub fn fare(&self, kind: &str, name: &str, lot: Lot) {
        lock(&self.script).lots.insert(format!("{kind}/{name}"), lot);
    }
}

fn reconcile(script: &Mutex<Script>, [sources, kustomizations, releases]: &[Objects; 3]) {
    let (revisions, lots) = {
        let script = lock(script);
        (script.revisions.clone(), script.lots.clone())
    };
    let lot = |kind: &str, object: &Value| lots.get(&format!("{kind}/{}", name(object))).cloned().unwrap_or(Lot::Well);
    for source in sources.list() {
        let revision = revisions.get(name(&source)).cloned().unwrap_or_default();
        let lot = lot("GitRepository", &source);
        settle(sources, &source, &lot, &revision, |status, revision| {
            let artifact = json!({
                "digest": format!("sha256:{:064x}", revision.len()), "lastUpdateTime": stamp(now()), "revision": revision,
                "path": format!("gitrepository/flux-system/{}/a.tar.gz", name(&source)),
                "url": format!("http://source-controller.flux-system/{}/a.tar.gz", name(&source)),
            });
            if source["status"]["artifact"]["revision"] != revision {
                status["artifact"] = artifact;
            }
        });
    }
    let artifacts: BTreeMap<String, String> = sources
        .list()
        .iter()
        .filter_map(|it| Some((name(it).to_owned(), it["status"]["artifact"]["revision"].as_str()?.to_owned())))
        .collect();
    for object in kustomizations.list() {
        let source = object["spec"]["sourceRef"]["name"].as_str().unwrap_or_default();
        let Some(revision) = artifacts.get(source) else { continue };
        settle(kustomizations, &object, &lot("Kustomization", &object), revision, |status, revision| {
            status["lastAppliedRevision"] = revision.into();
            status["inventory"] = json!({ "entries": [{ "id": "shop_settings__ConfigMap", "v": "v1" }] });
        });
    }
    for object in releases.list() {
        let source = object["spec"]["chart"]["spec"]["sourceRef"]["name"].as_str().unwrap_or_default();
        let Some(revision) = artifacts.get(source) else { continue };
        settle(releases, &object, &lot("HelmRelease", &object), revision, |status, _| {
            status["history"] = json!([{
                "name": name(&object), "namespace": "flux-system", "version": 1, "chartName": name(&object),
                "chartVersion": "1.0.0", "configDigest": "sha256:0", "digest": "sha256:0", "status": "deployed",
                "firstDeployed": stamp(now()), "lastDeployed": stamp(now()),
            }]);
        });
    }
}

/// One look at one object: nothing while suspended, nothing when all is as it was.
fn settle(of: &Objects, object: &Value, lot: &Lot, revision: &str, applied: impl Fn(&mut Value, &str)) {
    if of.without_finalizers(object) || object["spec"]["suspend"] == true {
        return;
    }
    let meta = &object["metadata"];
    if !meta["finalizers"].as_array().is_some_and(|all| all.iter().any(|it| it == FINALIZER)) {
        of.patch(name(object), &json!({ "metadata": { "finalizers": [FINALIZER] } }));
        return;
    }
    let now_is = &object["status"];
    let conditions = conditions(lot, revision, meta["generation"].as_i64().unwrap_or_default());
    let asked = &meta["annotations"][ASKED];
    let same = now_is["observedGeneration"] == meta["generation"]
        && facts(&now_is["conditions"]) == facts(&conditions)
        && (asked.is_null() || now_is["lastHandledReconcileAt"] == *asked);
    if same {
        return;
    }
    // A null takes back what a subject no longer has.
    let mut status = json!({ "observedGeneration": meta["generation"], "conditions": conditions });
    if object["kind"] != "GitRepository" {
        status["lastAttemptedRevision"] = revision.into();
    }
    if asked.is_string() {
        status["lastHandledReconcileAt"] = asked.clone();
    }
    if *lot == Lot::Well {
        applied(&mut status, revision);
    }
    of.patch_status(name(object), &status);
}

/// `Reconciling` and `Stalled` are there only while true.
fn conditions(lot: &Lot, revision: &str, generation: i64) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": generation,
            "lastTransitionTime": stamp(now()),
        })
    };
    match lot {
        Lot::Well => {
            let message = format!("Applied revision: {revision}");
            json!([condition("Ready", "True", "ReconciliationSucceeded", &message)])
        }
        Lot::Failing(reason, message) => json!([
            condition("Reconciling", "True", "ProgressingWithRetry", message),
            condition("Ready", "False", reason, message),
        ]),
        Lot::Stalled(reason, message) => {
            json!([condition("Stalled", "True", reason, message), condition("Ready", "False", reason, message),])
        }
    }
}

/// What a condition says, without when.
fn facts(conditions: &Value) -> Vec<[Value; 4]> {
    let fact = |it: &Value| ["type", "status", "reason", "message"].map(|key| it[key].clone());
    conditions.as_array().into_iter().flatten().map(fact).collect()
}
