//! What the executor may ask of Velero and do there. Every read goes to the API server; nothing is sent twice.

use std::time::Duration;

use async_trait::async_trait;
use axum::http::Method;
use kube::Client;
use serde_json::{Value, json};

use super::map;
use super::read_fields::{of_backup, of_location, of_restore};
use crate::clock::Clock;
use crate::model::entry::Restored;
use crate::model::read_path::{PodsField, VeleroPath};
use crate::model::step_request::{CreateRestore, PatchLocation};
use crate::model::{Digest, SafeText, Stamp, Step, StepRequest, Trouble, TroubleKind};
use crate::systems::kube_api::client::ClusterLink;
use crate::systems::kube_api::error_text::{plain, trouble};
use crate::systems::kube_api::json_access::{string, tag, text};
use crate::systems::kube_api::pod_state::{Start, start};
use crate::systems::kube_api::requests::{self, Collection, KubeResponse, NoAnswer};
use crate::systems::{ActError, Adapter, NO_SUCH_PATH, Permit};

/// Longer than a read's: an API server in distress answers late, and an answer is worth more than a guess.
const WRITE_LIMIT: Duration = Duration::from_secs(20);
const GROUP: &str = "velero.io/v1";
const LOCATIONS: &str = "backupstoragelocations";
/// What a namespace's phase is for a role that may not read it: older roles could read one namespace only.
const FORBIDDEN: &str = "forbidden";
/// Pods that are named when they do not serve yet; the others are counted.
const PODS_NAMED: usize = 5;
/// As whom the server records the fields that we write.
const FIELD_MANAGER: &str = "warroom";
const ACCESS_REVIEW: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// The acting side of one cluster's Velero.
pub struct Velero {
    link: ClusterLink,
    namespace: String,
    clock: Clock,
}

impl Velero {
    /// An adapter with its own connection; nothing is connected before it is used.
    pub fn new(link: ClusterLink, namespace: &str, clock: Clock) -> Self {
        Self { link, namespace: namespace.to_owned(), clock }
    }

    fn collection(&self, plural: &'static str) -> Collection {
        Collection::new(GROUP, plural, Some(&self.namespace))
    }

    async fn client(&self) -> Result<Client, Trouble> {
        self.link.client().await
    }

    async fn object(&self, plural: &'static str, name: &str) -> Result<Option<Value>, Trouble> {
        Ok(self.dated(plural, name).await?.map(|(object, _)| object))
    }

    /// An object with the server's clock at that moment: times in objects are by that clock, not ours.
    async fn dated(&self, plural: &'static str, name: &str) -> Result<Option<(Value, Stamp)>, Trouble> {
        let collection = self.collection(plural);
        let client = self.client().await?;
        let answer = requests::get(&client, &collection.object(name), self.link.limits().list).await;
        let read = answer.and_then(|answer| {
            if answer.status == 404 && requests::names_an_object(&answer.body) {
                return Ok(None);
            }
            let now = answer.date.unwrap_or_else(|| self.clock.now());
            answer.json().map(|object| Some((object, now)))
        });
        self.renewed(read.map_err(|trouble| requests::about(trouble, &collection))).await
    }

    /// After a 401 the credential is read anew at the next call.
    async fn renewed<T>(&self, read: Result<T, Trouble>) -> Result<T, Trouble> {
        if matches!(&read, Err(trouble) if trouble.kind == TroubleKind::Unauthorized) {
            self.link.forget().await;
        }
        read
    }

    async fn count(&self, plural: &'static str, counts: fn(&str) -> bool) -> Result<Value, Trouble> {
        let mut found = 0_u64;
        requests::listed(&self.link, &self.collection(plural), |object| {
            found += u64::from(counts(&string(object, "/status/phase")));
        })
        .await?;
        Ok(json!(found))
    }

    async fn cluster_uid(&self) -> Result<Value, Trouble> {
        let client = self.client().await?;
        let path = "/api/v1/namespaces/kube-system";
        let read = self.renewed(requests::object(&client, path, self.link.limits().list).await).await?;
        Ok(read.map_or(Value::Null, |object| json!(text(&object, "/metadata/uid").as_str())))
    }

    /// A namespace's phase; null where there is none, [`FORBIDDEN`] where we may not look. One that is being deleted takes
    /// nothing that is restored into it.
    async fn namespace_phase(&self, name: &str) -> Result<Value, Trouble> {
        let client = self.client().await?;
        let path = format!("/api/v1/namespaces/{}", requests::encoded(name));
        let read = match self.renewed(requests::object(&client, &path, self.link.limits().list).await).await {
            Err(trouble) if trouble.kind == TroubleKind::Forbidden => return Ok(json!(FORBIDDEN)),
            read => read?,
        };
        Ok(read.map_or(Value::Null, |object| {
            if map::deleting(&object) { json!("Terminating") } else { json!(text(&object, "/status/phase").as_str()) }
        }))
    }

    /// How far the pods of some namespaces are, one by one.
    async fn pods(&self, namespaces: &[String]) -> Result<Vec<(SafeText, Start)>, Trouble> {
        let mut found = Vec::new();
        for namespace in namespaces {
            let pods = Collection::new("v1", "pods", Some(namespace));
            let read = requests::listed(&self.link, &pods, |pod| found.push((text(pod, "/metadata/name"), start(pod))));
            read.await.map_err(|trouble| requests::about(trouble, &pods))?;
        }
        Ok(found)
    }

    /// Whether this credential may do something with an object of Velero, as the server answers; null where it does not
    /// let us ask. Asking is a POST that leaves nothing behind.
    async fn may(&self, verb: &str, plural: &str, name: Option<&str>) -> Result<Value, Trouble> {
        let body = json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "namespace": self.namespace, "verb": verb, "group": "velero.io", "resource": plural,
                "name": name.unwrap_or_default(),
            }},
        });
        let client = self.client().await?;
        let content = Some(("application/json", body.to_string().into_bytes()));
        let sent = requests::send(&client, Method::POST, ACCESS_REVIEW, content, self.link.limits().list).await;
        let answer = sent.map_err(|none| none.trouble)?;
        if matches!(answer.status, 403..=405) {
            return Ok(Value::Null);
        }
        let review = self.renewed(answer.json()).await?;
        Ok(review.pointer("/status/allowed").cloned().unwrap_or(Value::Null))
    }

    /// Whether a backup is there and nobody deletes it: neither Velero, nor a request that it has not taken up.
    async fn kept(&self, name: &str) -> Result<Value, Trouble> {
        let Some(backup) = self.object("backups", name).await? else { return Ok(json!(false)) };
        if map::deleting(&backup) || text(&backup, "/status/phase") == "Deleting" {
            return Ok(json!(false));
        }
        let mut asked = false;
        let requests = self.collection("deletebackuprequests");
        let read = requests::listed(&self.link, &requests, |request| {
            asked |= string(request, "/spec/backupName") == name && string(request, "/status/phase") != "Processed";
        });
        match read.await {
            // An older role may not read them; Velero marks the backup itself once it has taken one up.
            Err(trouble) if matches!(trouble.kind, TroubleKind::Forbidden | TroubleKind::NotInstalled) => {}
            read => read?,
        }
        Ok(json!(!asked))
    }

    async fn patch_location(&self, patch: &PatchLocation) -> Result<String, ActError> {
        self.in_our_namespace(&patch.namespace)?;
        let (name, mode) = (&patch.name, patch.body.spec.access_mode.as_str());
        if !is_name(name) {
            return Err(refused("the step names no backup storage location"));
        }
        let found = self.object(LOCATIONS, name).await.map_err(ActError::NotApplied)?;
        let found = found.ok_or_else(|| refused(&format!("there is no backup storage location `{name}`")))?;
        if map::access_mode(&found).is(mode) {
            return Ok(format!("{name} was {mode} already"));
        }
        let version = string(&found, "/metadata/resourceVersion");
        // The version makes it a compare-and-swap: whoever changed the location meanwhile makes this a 409.
        let body = json!({"metadata": {"resourceVersion": version}, "spec": {"accessMode": mode}});
        let path = self.collection(LOCATIONS).object(name);
        let answer = self.write(Method::PATCH, &path, "application/merge-patch+json", &body).await?;
        if answer.status == 409 {
            return Err(refused(&format!(
                "the backup storage location `{name}` was changed by someone else meanwhile"
            )));
        }
        let now = outcome(&answer)?;
        if !map::access_mode(&now).is(mode) {
            return Err(ActError::Unknown(plain(TroubleKind::Garbage, "the answer does not show the change")));
        }
        Ok(format!("{name} is {mode} at version {}", text(&now, "/metadata/resourceVersion")))
    }

    async fn create_restore(&self, step: &Step, restore: &CreateRestore, permit: &Permit) -> Result<String, ActError> {
        self.in_our_namespace(&restore.namespace)?;
        if restore.spec.backup_name.is_empty() {
            return Err(refused("a restore step names no backup"));
        }
        let digest = permit.digest.to_string();
        let name = restore_name(step, &permit.digest);
        let body = json!({
            "apiVersion": GROUP,
            "kind": "Restore",
            "metadata": {"name": name, "namespace": self.namespace, "annotations": {map::PLAN_DIGEST: digest}},
            "spec": restore.spec,
        });
        let path = self.collection("restores").path();
        let answer = self.write(Method::POST, &path, "application/json", &body).await?;
        if answer.status == 409 {
            return self.whose(&name, &digest).await;
        }
        let made = outcome(&answer)?;
        Ok(format!("{name} was created with uid {}", text(&made, "/metadata/uid")))
    }

    /// The name is taken. It is derived from the plan, so it may be ours from a try whose answer was lost.
    async fn whose(&self, name: &str, digest: &str) -> Result<String, ActError> {
        let found = self.object("restores", name).await.map_err(ActError::Unknown)?;
        let Some(found) = found else {
            return Err(ActError::Unknown(plain(TroubleKind::Garbage, format!("{name} exists and can't be found"))));
        };
        if tag(&found, "annotations", map::PLAN_DIGEST) == Some(digest) {
            return Ok(format!("{name} was created by this plan before, with uid {}", text(&found, "/metadata/uid")));
        }
        Err(refused(&format!("a restore named `{name}` exists and does not belong to this plan")))
    }

    async fn write(&self, method: Method, path: &str, kind: &str, body: &Value) -> Result<KubeResponse, ActError> {
        let client = self.client().await.map_err(ActError::NotApplied)?;
        // Under a name of its own, so that the server's record tells this write from everyone else's.
        let path = format!("{path}?fieldManager={FIELD_MANAGER}");
        let sent =
            requests::send(&client, method, &path, Some((kind, body.to_string().into_bytes())), WRITE_LIMIT).await;
        match sent {
            Ok(answer) => {
                if answer.status == 401 {
                    self.link.forget().await;
                }
                Ok(answer)
            }
            Err(NoAnswer { trouble, never_left: true }) => Err(ActError::NotApplied(trouble)),
            Err(NoAnswer { trouble, never_left: false }) => Err(ActError::Unknown(trouble)),
        }
    }

    fn in_our_namespace(&self, namespace: &str) -> Result<(), ActError> {
        if namespace == self.namespace {
            return Ok(());
        }
        Err(refused(&format!("the step is not for Velero's namespace `{}`", self.namespace)))
    }
}

#[async_trait]
impl Adapter for Velero {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        let known = VeleroPath::parse(path).filter(|it| it.names().iter().all(|name| is_name(name)));
        let Some(known) = known else {
            let what = format!("`{path}` is nothing that can be read from Velero");
            return Err(trouble(TroubleKind::Garbage, what, NO_SUCH_PATH));
        };
        let (plural, name, pick) = match &known {
            VeleroPath::ClusterUid => return self.cluster_uid().await,
            VeleroPath::RestoresOpen => return self.count("restores", |phase| !map::restore_ended(phase)).await,
            VeleroPath::BackupsUploading => return self.count("backups", map::uploading).await,
            VeleroPath::MayCreateRestores => return self.may("create", "restores", None).await,
            VeleroPath::MayPatchLocation(name) => return self.may("patch", LOCATIONS, Some(name)).await,
            VeleroPath::NamespacePhase(name) => return self.namespace_phase(name).await,
            VeleroPath::Pods { namespaces, field } => {
                let pods = self.pods(namespaces).await?;
                return Ok(match field {
                    PodsField::Ready => ready(&pods),
                    PodsField::Waiting => waiting(&pods),
                });
            }
            VeleroPath::BackupKept(name) => return self.kept(name).await,
            VeleroPath::Backup { name, field } => ("backups", name, of_backup(*field)),
            VeleroPath::Location { name, field } => (LOCATIONS, name, of_location(*field)),
            VeleroPath::Restore { name, field } => ("restores", name, of_restore(*field)),
        };
        let found = self.dated(plural, name).await?;
        Ok(found.map_or(Value::Null, |(object, now)| pick(&object, now)))
    }

    async fn restored(&self, step: &Step, plan: Digest) -> Result<Option<Restored>, Trouble> {
        if !matches!(step.request, StepRequest::CreateRestore(_)) {
            return Ok(None);
        }
        let found = self.object("restores", &restore_name(step, &plan)).await?;
        Ok(found.map(|it| map::restored(&it)))
    }

    async fn apply(&self, step: &Step, permit: &Permit) -> Result<String, ActError> {
        match &step.request {
            StepRequest::PatchLocation(patch) => self.patch_location(patch).await,
            StepRequest::CreateRestore(restore) => self.create_restore(step, restore, permit).await,
            other => Err(refused(&format!("`{other}` is not something that is done at Velero"))),
        }
    }
}

/// The one name that the Restore of a plan's step can have: whoever makes it twice meets himself. A plan that makes several
/// tells them apart by what its target adds to `@plan`.
pub fn restore_name(step: &Step, plan: &Digest) -> String {
    let which = step.target.id.rsplit('/').next().and_then(|last| last.strip_prefix("@plan")).unwrap_or_default();
    format!("wr-{}{which}", &plan.hex()[..20])
}

/// How many pods serve.
fn ready(pods: &[(SafeText, Start)]) -> Value {
    json!(pods.iter().filter(|(_, start)| *start == Start::Ready).count())
}

/// The pods that do not serve yet, with what each waits for; no more of them than one line holds.
fn waiting(pods: &[(SafeText, Start)]) -> Value {
    let mut waits: Vec<String> = pods
        .iter()
        .filter_map(|(name, start)| match start {
            Start::Waits(why) => Some(format!("{name}: {why}")),
            Start::Over | Start::Ready => None,
        })
        .collect();
    waits.sort();
    let more = waits.len().saturating_sub(PODS_NAMED);
    waits.truncate(PODS_NAMED);
    waits.extend((more > 0).then(|| format!("{more} more")));
    json!(waits)
}

/// Names of objects as Kubernetes allows them.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    !name.is_empty() && name.len() <= 253 && name.chars().all(fits) && !name.starts_with('.')
}

/// What an answer to a write proves. 4xx is a plain no; 408 and 5xx may have been done all the same.
fn outcome(answer: &KubeResponse) -> Result<Value, ActError> {
    answer.json().map_err(|trouble| match answer.status {
        400..=407 | 409..=499 => ActError::NotApplied(trouble),
        _ => ActError::Unknown(trouble),
    })
}

fn refused(why: &str) -> ActError {
    ActError::NotApplied(trouble(TroubleKind::Garbage, why, "nothing was sent; look at the plan and propose it again"))
}
