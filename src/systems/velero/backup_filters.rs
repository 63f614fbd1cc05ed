//! What a Backup holds and a Restore asks for besides namespaces: whatever narrows it is put in words. Pure.

use serde_json::Value;

use crate::model::SafeText;
use crate::model::facts::Scope;
use crate::systems::kube_api::json_access::{MAX_ITEMS, at, flag, items, string, texts};

/// Most names listed of one limit.
const MOST_NAMES: usize = 6;
/// What Velero may take for more than a literal in a pattern, and we don't.
const ODD: [char; 7] = ['[', ']', '{', '}', '!', '^', '\\'];

/// Kinds that Velero itself excludes from every backup or restore and writes into the object: nobody's choice, and no loss.
const BY_VELERO: [&str; 11] = [
    "nodes",
    "events",
    "events.events.k8s.io",
    "backups.velero.io",
    "restores.velero.io",
    "resticrepositories.velero.io",
    "backuprepositories.velero.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "volumesnapshots.snapshot.storage.k8s.io",
    "volumesnapshotcontents.snapshot.storage.k8s.io",
];

/// Why a Backup may hold less than everything in its namespaces. Nothing then proves that it covers a service.
pub(super) fn limits(object: &Value) -> Vec<SafeText> {
    let mut out = narrowed(object, "it holds only");
    out.extend(["includedNamespaces", "excludedNamespaces"].iter().filter_map(|field| unreadable(object, field)));
    out.iter().map(|text| SafeText::new(text)).collect()
}

/// What a Restore asks for of its backup.
pub(super) fn of_restore(object: &Value) -> Scope {
    let mut less = narrowed(object, "only");
    less.extend(["includedNamespaces", "excludedNamespaces"].iter().filter_map(|field| unreadable(object, field)));
    less.extend(excluded(object, "excludedResources").map(|kinds| format!("without {kinds}")));
    if at(object, "/spec/restorePVs") == &Value::Bool(false) {
        less.push("without volumes".to_owned());
    }
    if at(object, "/spec/includeClusterResources") == &Value::Bool(false) {
        less.push("without cluster-scoped objects, volumes among them".to_owned());
    }
    less.extend(merged(object));
    Scope {
        included_namespaces: texts(object, "/spec/includedNamespaces"),
        excluded_namespaces: texts(object, "/spec/excludedNamespaces"),
        less: less.iter().map(|text| SafeText::new(text)).collect(),
    }
}

/// A restore beside what runs maps namespaces to others. Two into one is no picture of either.
fn merged(object: &Value) -> Option<String> {
    let targets: Vec<&str> =
        at(object, "/spec/namespaceMapping").as_object()?.values().filter_map(Value::as_str).collect();
    let twice = targets.iter().enumerate().find(|(i, it)| targets[..*i].contains(it))?;
    Some(format!("several namespaces were restored into {}", twice.1))
}

/// What is picked out by kinds and labels.
fn narrowed(object: &Value, only: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (field, says) in [
        ("includedResources", only.to_owned()),
        ("includedNamespaceScopedResources", format!("of what is in namespaces {only}")),
    ] {
        let kinds = texts(object, &format!("/spec/{field}"));
        if !kinds.is_empty() && !kinds.iter().any(|kind| kind == "*") {
            out.push(format!("{says} {}", listed(&kinds)));
        }
    }
    if let Some(labels) = selector(at(object, "/spec/labelSelector")) {
        out.push(format!("{only} what is labelled {labels}"));
    }
    let any: Vec<String> = items(object, "/spec/orLabelSelectors").iter().filter_map(selector).collect();
    if !any.is_empty() {
        out.push(format!("{only} what is labelled {}", any.join(" or ")));
    }
    out
}

/// Why a list of namespaces is not known as it was meant. Included ones that can't be read only make it cover less; but
/// a list that is no list could mean all or nothing.
fn unreadable(object: &Value, field: &str) -> Option<String> {
    let pointer = format!("/spec/{field}");
    let list = at(object, &pointer);
    if list.is_null() {
        return None;
    }
    let Some(all) = list.as_array().filter(|all| all.iter().all(Value::is_string)) else {
        return Some(format!("its {field} can't be read"));
    };
    let included = field == "includedNamespaces";
    if all.len() > MAX_ITEMS && !included {
        return Some(format!("more than {MAX_ITEMS} namespaces are excluded: not all were read"));
    }
    let odd = all.iter().filter_map(Value::as_str).find(|pattern| !included && pattern.contains(ODD))?;
    Some(format!("what the pattern {odd} excludes is not known"))
}

/// Kinds that a list excludes, apart from those that Velero adds by itself.
fn excluded(object: &Value, field: &str) -> Option<String> {
    let mut kinds = texts(object, &format!("/spec/{field}"));
    kinds.retain(|kind| !BY_VELERO.contains(&kind.as_str()));
    (!kinds.is_empty()).then(|| listed(&kinds))
}

/// What a Backup leaves out on purpose.
pub(super) fn left_out(object: &Value) -> Vec<SafeText> {
    let mut out = Vec::new();
    for field in ["excludedResources", "excludedNamespaceScopedResources", "excludedClusterScopedResources"] {
        out.extend(excluded(object, field));
    }
    if at(object, "/spec/includeClusterResources") == &Value::Bool(false) {
        out.push("cluster-scoped objects, volumes among them".to_owned());
    }
    // Absent means "where possible"; only an explicit no leaves them out. Volumes copied file by file need none.
    if at(object, "/spec/snapshotVolumes") == &Value::Bool(false) && !flag(object, "/spec/defaultVolumesToFsBackup") {
        out.push("snapshots of volumes".to_owned());
    }
    let policy = string(object, "/spec/resourcePolicy/name");
    if !policy.is_empty() {
        out.push(format!("what its resource policy {policy} says, which is not read here"));
    }
    out.iter().map(|text| SafeText::new(text)).collect()
}

fn listed(names: &[SafeText]) -> String {
    let mut out = names.iter().take(MOST_NAMES).map(SafeText::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        out.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
    }
    out
}

/// A label selector in words; `None` if it selects everything.
fn selector(value: &Value) -> Option<String> {
    let mut parts = Vec::new();
    if let Some(labels) = at(value, "/matchLabels").as_object() {
        parts.extend(labels.iter().map(|(key, it)| format!("{key}={}", it.as_str().unwrap_or("?"))));
    }
    for it in items(value, "/matchExpressions") {
        let values = texts(it, "/values");
        let (key, operator) = (string(it, "/key"), string(it, "/operator"));
        parts.push(if values.is_empty() {
            format!("{key} {operator}")
        } else {
            format!("{key} {operator} ({})", listed(&values))
        });
    }
    let odd = !value.is_null() && !value.is_object();
    if odd {
        return Some("in a way that can't be read".to_owned());
    }
    (!parts.is_empty()).then(|| parts.into_iter().take(MOST_NAMES).collect::<Vec<_>>().join(" and "))
}
