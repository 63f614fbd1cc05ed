//! Velero's published schemas: every field that is read exists in them, and objects of every shape they could have cost
//! at most themselves. Read in place; skipped where they are not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::map;
use crate::model::facts::{Fact, Open};
use crate::test_support::contract;

const KINDS: [&str; 7] = [
    "backups",
    "schedules",
    "backupstoragelocations",
    "restores",
    "podvolumebackups",
    "podvolumerestores",
    "datadownloads",
];

/// Every property path of a kind, as JSON pointers, by the indentation of its file: these are generated, and regular.
fn published(kind: &str) -> Option<&'static BTreeSet<String>> {
    static ALL: OnceLock<Option<BTreeMap<&str, BTreeSet<String>>>> = OnceLock::new();
    let all = ALL.get_or_init(|| {
        let read = KINDS.map(|kind| {
            let file = contract(&format!("crds/velero.io_{kind}.yaml"))?;
            Some((kind, parsed(kind, &std::fs::read_to_string(file).expect("a schema"))))
        });
        read.into_iter().collect()
    });
    all.as_ref()?.get(kind)
}

fn parsed(kind: &str, text: &str) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    // Open blocks: indentation, and the name of the property that the block describes; "" for what is not one.
    let mut open: Vec<(usize, String, bool)> = Vec::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let Some((key, _)) = line.trim_start().split_once(':').filter(|(key, _)| !key.contains([' ', '-'])) else {
            continue;
        };
        while open.last().is_some_and(|(at, ..)| *at >= indent) {
            open.pop();
        }
        let is_property = open.last().is_some_and(|(_, _, properties)| *properties);
        let properties = key == "properties" && !is_property;
        open.push((indent, if is_property { key.to_owned() } else { String::new() }, properties));
        if is_property {
            let parts: Vec<&str> = open.iter().map(|(_, name, _)| name.as_str()).filter(|it| !it.is_empty()).collect();
            out.insert(format!("/{}", parts.join("/")));
        }
    }
    assert!(out.contains("/status/phase"), "{kind} was not understood: {out:?}");
    out
}

#[test]
fn every_field_that_is_read_is_in_the_published_schema() {
    let text: String = [include_str!("map.rs"), include_str!("backup_filters.rs")].concat();
    let mut all = BTreeSet::new();
    for kind in KINDS {
        let Some(paths) = published(kind) else { return };
        all.extend(paths.iter().cloned());
    }
    // A label and a config map hold what they like; metadata and errors' items are Kubernetes' own.
    let read: BTreeSet<&str> =
        text.split('"').filter(|it| it.starts_with("/spec/") || it.starts_with("/status/")).collect();
    let free = |it: &str| it.starts_with("/spec/config/") || it.contains('{');
    assert!(read.len() > 30, "{read:?}");
    for path in read.into_iter().filter(|it| !free(it)) {
        assert!(all.contains(path), "{path} is in no published schema of Velero");
    }
    // Those that are put together from a name.
    for name in ["includedResources", "includedNamespaceScopedResources", "includedNamespaces", "excludedNamespaces"] {
        assert!(all.contains(&format!("/spec/{name}")), "{name}");
    }
    for name in ["excludedResources", "excludedNamespaceScopedResources", "excludedClusterScopedResources"] {
        assert!(all.contains(&format!("/spec/{name}")), "{name}");
    }
    for name in ["Attempted", "Completed", "Failed"] {
        assert!(all.contains(&format!("/status/backupItemOperations{name}")), "{name}");
    }
}

fn mapped(kind: &str, object: &Value) -> Option<Fact> {
    match kind {
        "backups" => map::restore_point("c", object).map(Fact::from),
        "schedules" => map::schedule("c", object).map(Fact::from),
        "backupstoragelocations" => map::location("c", object).map(Fact::from),
        "restores" => map::restore("c", object).map(Fact::from),
        "podvolumebackups" => map::volume_backup("c", object).map(Fact::from),
        "podvolumerestores" => map::volume_restore("c", object).map(Fact::from),
        _ => map::data_download("c", object).map(Fact::from),
    }
}

/// What a field may hold that was made by somebody else, or by a later version.
fn odd() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(String::new()),
        Just("2026-11-22T18:00:01Z".to_owned()),
        Just("0s".to_owned()),
        Just("9999999h".to_owned()),
        Just("*".to_owned()),
        Just("\u{1b}[2J\u{202e}".to_owned()),
        ".{0,40}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z:./]{0,12}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn put(object: &mut Value, pointer: &str, value: Value) {
    let mut at = object;
    for part in pointer.split('/').skip(1) {
        if !at.is_object() {
            *at = json!({});
        }
        let Value::Object(members) = at else { return };
        at = members.entry(part).or_insert(Value::Null);
    }
    *at = value;
}

proptest! {
    #[test]
    fn objects_of_any_shape_cost_at_most_themselves(
        kind in proptest::sample::select(KINDS.to_vec()),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), odd()), 0..12),
        phase in "[A-Za-z]{0,24}",
    ) {
        let Some(paths) = published(kind) else { return Ok(()) };
        let mut paths: Vec<String> = paths.iter().cloned().collect();
        let more = ["/metadata/labels", "/metadata/annotations", "/metadata/managedFields", "/metadata/ownerReferences"];
        paths.extend(more.map(str::to_owned));
        let mut object = json!({"metadata": {"name": "it", "namespace": "velero"}});
        for (which, value) in changes {
            let path = which.get(&paths).clone();
            if !path.starts_with("/metadata/name") && path != "/metadata" {
                put(&mut object, &path, value);
            }
        }
        put(&mut object, "/status/phase", json!(phase));
        let fact = mapped(kind, &object).expect("it has a name");
        prop_assert_eq!(fact.key(), "it");
        let kept = match &fact {
            Fact::RestorePoint(it) => &it.phase,
            Fact::Schedule(it) => &it.phase,
            Fact::Location(it) => &it.phase,
            Fact::Restore(it) => &it.phase,
            Fact::VolumeBackup(it) => &it.phase,
            Fact::VolumeRestore(it) => &it.phase,
            Fact::DataDownload(it) => &it.0.phase,
            _ => return Err(TestCaseError::fail("another kind")),
        };
        prop_assert_eq!(kept, &Open::new(&phase));
        // Nothing of it reaches a screen that could command a terminal.
        let text = serde_json::to_string(&fact).expect("JSON");
        prop_assert!(!text.contains("\\u001b") && !text.contains('\u{202e}'), "{}", text);
        let now = "2026-11-22T18:00:01Z".parse().expect("a time");
        let _ = (map::validated_since_change(&object), map::validated_age_s(&object, now), map::expires_in_s(&object, now));
        // Without a name it can't be told from others: it alone is left out.
        put(&mut object, "/metadata/name", Value::Null);
        prop_assert_eq!(mapped(kind, &object), None);
    }
}
