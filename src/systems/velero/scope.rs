//! What a Backup holds besides its namespaces: whatever narrows it is put in words. Pure.

use serde_json::Value;

use crate::model::SafeText;
use crate::systems::kubernetes::object::{MAX_ITEMS, at, items, string, texts};

/// Most names listed of one limit.
const MOST_NAMES: usize = 6;
/// What Velero may take for more than a literal in a pattern, and we don't.
const ODD: [char; 7] = ['[', ']', '{', '}', '!', '^', '\\'];

/// Why a Backup may hold less than everything in its namespaces. Nothing then proves that it covers a service.
pub fn limits(object: &Value) -> Vec<SafeText> {
    let mut out = Vec::new();
    for (field, says) in [
        ("includedResources", "it holds only"),
        ("includedNamespaceScopedResources", "of what is in namespaces it holds only"),
    ] {
        let kinds = texts(object, &format!("/spec/{field}"));
        if !kinds.is_empty() && !kinds.iter().any(|kind| kind == "*") {
            out.push(format!("{says} {}", listed(&kinds)));
        }
    }
    if let Some(labels) = selector(at(object, "/spec/labelSelector")) {
        out.push(format!("it holds only what is labelled {labels}"));
    }
    let any: Vec<String> = items(object, "/spec/orLabelSelectors").iter().filter_map(selector).collect();
    if !any.is_empty() {
        out.push(format!("it holds only what is labelled {}", any.join(" or ")));
    }
    for field in ["includedNamespaces", "excludedNamespaces"] {
        if let Some(odd) = unreadable(object, field) {
            out.push(odd);
        }
    }
    out.iter().map(|text| SafeText::new(text)).collect()
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

/// What a Backup leaves out on purpose.
pub fn left_out(object: &Value) -> Vec<SafeText> {
    let mut out = Vec::new();
    for field in ["excludedResources", "excludedNamespaceScopedResources", "excludedClusterScopedResources"] {
        let kinds = texts(object, &format!("/spec/{field}"));
        if !kinds.is_empty() {
            out.push(listed(&kinds));
        }
    }
    if at(object, "/spec/includeClusterResources") == &Value::Bool(false) {
        out.push("cluster-scoped objects, volumes among them".to_owned());
    }
    // Absent means "where possible"; only an explicit no leaves them out.
    if at(object, "/spec/snapshotVolumes") == &Value::Bool(false) {
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
