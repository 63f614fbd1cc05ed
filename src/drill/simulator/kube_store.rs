//! What one simulated API server stores: objects by resource, one rising resource version, and a bounded log of changes that
//! watches read from. Pure.
//!
//! An object is kept as its JSON text without `apiVersion` and `kind`: lists of core types leave those out, watches and single
//! reads put them first, so no answer has to parse anything.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// A resource that the server knows.
#[derive(Debug)]
pub struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub short: &'static [&'static str],
    pub namespaced: bool,
    /// Custom resources repeat `apiVersion` and `kind` in lists.
    pub custom: bool,
    /// The writes that the drill's credential may do: `create`, `patch`.
    pub writes: &'static [&'static str],
}

impl Resource {
    /// `v1`, `velero.io/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.to_owned() } else { format!("{}/{}", self.group, self.version) }
    }

    /// `events`, `restores.velero.io`.
    pub fn qualified(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }

    /// The members that lists of core types leave out, as the beginning of an object.
    pub fn head(&self) -> String {
        format!("{{\"kind\":\"{}\",\"apiVersion\":\"{}\",", self.kind, self.api_version())
    }
}

macro_rules! resources {
    ($($id:ident = $group:literal $version:literal $plural:literal $kind:literal [$($short:literal)*] $namespaced:literal $custom:literal [$($write:literal)*];)*) => {
        /// A resource by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Res { $($id,)* }

        impl Res {
            /// Every resource.
            pub const ALL: &'static [Self] = &[$(Self::$id,)*];

            /// What the API says about it.
            pub fn spec(self) -> &'static Resource {
                match self { $(Self::$id => {
                    const SPEC: Resource = Resource {
                        group: $group, version: $version, plural: $plural, kind: $kind, short: &[$($short),*],
                        namespaced: $namespaced, custom: $custom, writes: &[$($write),*],
                    };
                    &SPEC
                })* }
            }
        }
    };
}

resources! {
    Namespaces = "" "v1" "namespaces" "Namespace" ["ns"] false false [];
    Events = "" "v1" "events" "Event" ["ev"] true false [];
    Nodes = "" "v1" "nodes" "Node" ["no"] false false [];
    Pods = "" "v1" "pods" "Pod" ["po"] true false [];
    Leases = "coordination.k8s.io" "v1" "leases" "Lease" [] true false [];
    Schedules = "velero.io" "v1" "schedules" "Schedule" [] true true [];
    Backups = "velero.io" "v1" "backups" "Backup" [] true true [];
    Locations = "velero.io" "v1" "backupstoragelocations" "BackupStorageLocation" ["bsl"] true true ["patch"];
    Restores = "velero.io" "v1" "restores" "Restore" [] true true ["create"];
    VolumeBackups = "velero.io" "v1" "podvolumebackups" "PodVolumeBackup" [] true true [];
    VolumeRestores = "velero.io" "v1" "podvolumerestores" "PodVolumeRestore" [] true true [];
    DataDownloads = "velero.io" "v2alpha1" "datadownloads" "DataDownload" [] true true [];
    Applications = "argoproj.io" "v1alpha1" "applications" "Application" ["app" "apps"] true true ["patch"];
    Projects = "argoproj.io" "v1alpha1" "appprojects" "AppProject" ["appproj" "appprojs"] true true [];
}

/// Where an object lives: namespace (empty for cluster-scoped ones) and name.
pub(super) type ObjectKey = (String, String);

/// An object as it is stored.
#[derive(Clone, Debug)]
pub struct Object {
    pub rv: u64,
    pub json: Arc<str>,
}

/// One change, as a watch tells it.
#[derive(Clone, Debug)]
pub struct StoreChange {
    pub rv: u64,
    /// `ADDED`, `MODIFIED`, `DELETED`.
    pub kind: &'static str,
    pub namespace: String,
    pub json: Arc<str>,
    /// The object before: a selector may have matched only one of the two.
    pub before: Option<Arc<str>>,
}

/// The objects of one resource.
#[derive(Debug, Default)]
pub struct ObjectStore {
    pub objects: BTreeMap<ObjectKey, Object>,
    log: VecDeque<StoreChange>,
    /// Changes up to here are forgotten: a watch from before gets 410.
    pub floor: u64,
    /// Order of arrival, kept for events alone: the oldest go first.
    arrived: VecDeque<ObjectKey>,
}

/// Most changes remembered per resource.
const LOG: usize = 30_000;
/// Most events kept.
pub(super) const MOST_EVENTS: usize = 30_000;

/// Everything one API server stores.
#[derive(Debug)]
pub struct KubeStore {
    /// Seed of uids.
    origin: String,
    pub rv: u64,
    shelves: BTreeMap<Res, ObjectStore>,
}

impl KubeStore {
    /// An empty store. `origin` seeds the uids; versions count on from `rv`.
    pub fn new(origin: String, rv: u64) -> Self {
        let shelves = Res::ALL.iter().map(|r| (*r, ObjectStore { floor: rv, ..ObjectStore::default() })).collect();
        Self { origin, rv, shelves }
    }

    /// One resource's objects.
    pub fn shelf(&self, res: Res) -> &ObjectStore {
        &self.shelves[&res]
    }

    /// One object, parsed.
    pub fn get(&self, res: Res, namespace: &str, name: &str) -> Option<Value> {
        let object = self.shelf(res).objects.get(&(namespace.to_owned(), name.to_owned()))?;
        serde_json::from_str(&object.json).ok()
    }

    /// Creates or replaces an object; fills in what an API server fills in. Returns it as stored.
    pub fn put(&mut self, res: Res, mut value: Value, now: DateTime<Utc>) -> Value {
        self.rv += 1;
        let (namespace, name) = key_of(&value);
        let old = self.get(res, &namespace, &name);
        let meta = &mut value["metadata"];
        meta["resourceVersion"] = json!(self.rv.to_string());
        match &old {
            Some(old) => {
                meta["uid"] = old["metadata"]["uid"].clone();
                meta["creationTimestamp"] = old["metadata"]["creationTimestamp"].clone();
            }
            None => {
                if meta["uid"].is_null() {
                    let born = if res == Res::Events { self.rv.to_string() } else { String::new() };
                    meta["uid"] =
                        json!(uid(&format!("{}/{}/{namespace}/{name}/{born}", self.origin, res.spec().plural)));
                }
                if meta["creationTimestamp"].is_null() {
                    meta["creationTimestamp"] = json!(stamp(now));
                }
            }
        }
        if res.spec().custom {
            let generation = old.as_ref().and_then(|o| o["metadata"]["generation"].as_u64()).unwrap_or(0) + 1;
            value["metadata"]["generation"] = json!(generation);
        }
        let json: Arc<str> = Arc::from(value.to_string());
        let kind = if old.is_some() { "MODIFIED" } else { "ADDED" };
        self.record(res, (namespace, name), Some(json), kind);
        value
    }

    /// Changes an object in place; `None` if it is not there.
    pub fn edit(
        &mut self,
        res: Res,
        namespace: &str,
        name: &str,
        now: DateTime<Utc>,
        f: impl FnOnce(&mut Value),
    ) -> Option<Value> {
        let mut value = self.get(res, namespace, name)?;
        f(&mut value);
        Some(self.put(res, value, now))
    }

    fn record(&mut self, res: Res, key: ObjectKey, json: Option<Arc<str>>, kind: &'static str) {
        let rv = self.rv;
        let mut evict = None;
        if let Some(shelf) = self.shelves.get_mut(&res)
            && let Some(json) = json
        {
            if res == Res::Events && kind == "ADDED" {
                shelf.arrived.push_back(key.clone());
                if shelf.arrived.len() > MOST_EVENTS {
                    evict = shelf.arrived.pop_front();
                }
            }
            let namespace = key.0.clone();
            let before = shelf.objects.insert(key, Object { rv, json: Arc::clone(&json) }).map(|old| old.json);
            shelf.remember(StoreChange { rv, kind, namespace, json, before });
        }
        if let Some(key) = evict {
            self.forget(res, &key);
        }
    }

    fn forget(&mut self, res: Res, key: &ObjectKey) {
        self.rv += 1;
        let rv = self.rv;
        if let Some(shelf) = self.shelves.get_mut(&res)
            && let Some(gone) = shelf.objects.remove(key)
        {
            let mut value: Value = serde_json::from_str(&gone.json).unwrap_or_default();
            value["metadata"]["resourceVersion"] = json!(rv.to_string());
            let json = Arc::from(value.to_string());
            shelf.remember(StoreChange { rv, kind: "DELETED", namespace: key.0.clone(), json, before: None });
        }
    }

    /// One digest over every object and version: two equal worlds have equal digests.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (res, shelf) in &self.shelves {
            hash.update(res.spec().plural);
            for object in shelf.objects.values() {
                hash.update(object.json.as_bytes());
                hash.update([b'\n']);
            }
        }
        hex(&hash.finalize())
    }
}

impl ObjectStore {
    fn remember(&mut self, change: StoreChange) {
        self.log.push_back(change);
        if self.log.len() > LOG
            && let Some(old) = self.log.pop_front()
        {
            self.floor = old.rv;
        }
    }

    /// Changes after `rv`, oldest first; `None` if some of them are forgotten.
    pub fn since(&self, rv: u64) -> Option<impl Iterator<Item = &StoreChange>> {
        if rv < self.floor {
            return None;
        }
        let from = self.log.partition_point(|c| c.rv <= rv);
        Some(self.log.range(from..))
    }
}

fn key_of(value: &Value) -> ObjectKey {
    let text = |k: &str| value["metadata"][k].as_str().unwrap_or_default().to_owned();
    (text("namespace"), text("name"))
}

/// An instant as Kubernetes writes it, to the second.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// An instant as Leases write it, to the microsecond.
pub(super) fn micro(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// Lower-case hex.
pub(super) fn hex(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(bytes)
}

/// So many hex digits that follow from a text: ids that are the same in every run of one seed.
pub(super) fn id(from: &str, digits: usize) -> String {
    let mut text = hex(&Sha256::digest(from.as_bytes()));
    text.truncate(digits);
    text
}

/// A uid that follows from a text.
pub(super) fn uid(from: &str) -> String {
    let h = id(from, 32);
    format!("{}-{}-4{}-a{}-{}", &h[..8], &h[8..12], &h[13..16], &h[17..20], &h[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> Value {
        json!({"metadata": {"namespace": "shop", "name": name}, "reason": "BackOff"})
    }

    #[test]
    fn a_watch_gets_what_happened_after_its_version_and_410_when_that_is_forgotten() {
        let now = "2026-03-10T14:37:00Z".parse().expect("a time");
        let mut store = KubeStore::new("t".to_owned(), 100);
        store.put(Res::Events, event("a"), now);
        let mark = store.rv;
        store.put(Res::Events, event("b"), now);
        store.edit(Res::Events, "shop", "a", now, |v| v["count"] = json!(2)).expect("there");
        let shelf = store.shelf(Res::Events);
        let kinds: Vec<&str> = shelf.since(mark).expect("remembered").map(|c| c.kind).collect();
        assert_eq!(kinds, ["ADDED", "MODIFIED"]);
        assert!(shelf.since(99).is_none(), "from before the log began");
        for n in 0..LOG + 1 {
            store.put(Res::Events, event(&format!("n{n}")), now);
        }
        assert!(store.shelf(Res::Events).since(mark).is_none(), "pushed out by newer changes");
        assert!(store.shelf(Res::Events).objects.len() <= MOST_EVENTS);
    }

    #[test]
    fn an_edit_keeps_identity_and_raises_the_version() {
        let now = "2026-03-10T14:37:00Z".parse().expect("a time");
        let mut store = KubeStore::new("t".to_owned(), 100);
        let first = store.put(Res::Locations, json!({"metadata": {"namespace": "velero", "name": "default"}}), now);
        let second =
            store.edit(Res::Locations, "velero", "default", now, |v| v["spec"] = json!({"a": 1})).expect("there");
        assert_eq!(first["metadata"]["uid"], second["metadata"]["uid"]);
        assert_ne!(first["metadata"]["resourceVersion"], second["metadata"]["resourceVersion"]);
        assert_eq!(second["metadata"]["generation"], json!(2));
    }
}
