//! Tables for kubectl: `Accept: application/json;as=Table`. Pure.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::kube::ListPage;
use super::kube_store::Res;

type CellReader = fn(&Value, DateTime<Utc>) -> Value;

fn text(value: &Value) -> Value {
    match value {
        Value::Null => json!(""),
        other => other.clone(),
    }
}

fn since(value: &Value, now: DateTime<Utc>) -> Value {
    let at = value.as_str().and_then(|s| s.parse::<DateTime<Utc>>().ok());
    json!(at.map_or("<unknown>".to_owned(), |at| span((now - at).num_seconds())))
}

fn until(value: &Value, now: DateTime<Utc>) -> Value {
    let at = value.as_str().and_then(|s| s.parse::<DateTime<Utc>>().ok());
    json!(at.map_or(String::new(), |at| span((at - now).num_seconds())))
}

/// A span as kubectl writes it: `45s`, `8m12s`, `3h5m`, `6d`.
fn span(s: i64) -> String {
    match s {
        i64::MIN..0 => "0s".to_owned(),
        0..120 => format!("{s}s"),
        120..600 if s % 60 > 0 => format!("{}m{}s", s / 60, s % 60),
        120..10_800 => format!("{}m", s / 60),
        10_800..172_800 => format!("{}h", s / 3600),
        _ => format!("{}d", s / 86_400),
    }
}

const NAME: (&str, CellReader) = ("Name", |o, _| text(&o["metadata"]["name"]));
const AGE: (&str, CellReader) = ("Age", |o, now| since(&o["metadata"]["creationTimestamp"], now));

fn ready(node: &Value) -> &'static str {
    let conditions = node["status"]["conditions"].as_array();
    let is = conditions.into_iter().flatten().any(|c| c["type"] == "Ready" && c["status"] == "True");
    if is { "Ready" } else { "NotReady" }
}

fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object();
    let names = labels.into_iter().flatten().filter_map(|(k, _)| k.strip_prefix("node-role.kubernetes.io/"));
    names.collect::<Vec<_>>().join(",")
}

fn pod_ready(pod: &Value) -> String {
    let all = pod["status"]["containerStatuses"].as_array().map_or(&[][..], Vec::as_slice);
    format!("{}/{}", all.iter().filter(|c| c["ready"] == json!(true)).count(), all.len())
}

fn pod_status(pod: &Value) -> Value {
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"]["reason"];
    text(if waiting.is_null() { &pod["status"]["phase"] } else { waiting })
}

fn object(event: &Value) -> String {
    let o = &event["involvedObject"];
    format!("{}/{}", o["kind"].as_str().unwrap_or_default().to_lowercase(), o["name"].as_str().unwrap_or_default())
}

fn columns(res: Res) -> Vec<(&'static str, CellReader)> {
    match res {
        Res::Namespaces => vec![NAME, ("Status", |o, _| text(&o["status"]["phase"])), AGE],
        Res::Nodes => vec![
            NAME,
            ("Status", |o, _| json!(ready(o))),
            ("Roles", |o, _| json!(roles(o))),
            AGE,
            ("Version", |o, _| text(&o["status"]["nodeInfo"]["kubeletVersion"])),
        ],
        Res::Pods => vec![
            NAME,
            ("Ready", |o, _| json!(pod_ready(o))),
            ("Status", |o, _| pod_status(o)),
            ("Restarts", |o, _| text(&o["status"]["containerStatuses"][0]["restartCount"])),
            AGE,
        ],
        Res::Events => vec![
            ("Last Seen", |o, now| since(&o["lastTimestamp"], now)),
            ("Type", |o, _| text(&o["type"])),
            ("Reason", |o, _| text(&o["reason"])),
            ("Object", |o, _| json!(object(o))),
            ("Message", |o, _| text(&o["message"])),
        ],
        Res::Leases => vec![NAME, ("Holder", |o, _| text(&o["spec"]["holderIdentity"])), AGE],
        custom => columns_of_custom(custom),
    }
}

/// The columns that a custom resource's definition asks for; else its name and age.
fn columns_of_custom(res: Res) -> Vec<(&'static str, CellReader)> {
    match res {
        Res::Schedules => vec![
            NAME,
            ("Status", |o, _| text(&o["status"]["phase"])),
            ("Schedule", |o, _| text(&o["spec"]["schedule"])),
            ("LastBackup", |o, now| since(&o["status"]["lastBackup"], now)),
            AGE,
        ],
        Res::Backups => vec![
            NAME,
            ("Status", |o, _| text(&o["status"]["phase"])),
            ("Started", |o, now| since(&o["status"]["startTimestamp"], now)),
            ("Expires", |o, now| until(&o["status"]["expiration"], now)),
            ("Storage", |o, _| text(&o["spec"]["storageLocation"])),
        ],
        Res::Locations => vec![
            NAME,
            ("Phase", |o, _| text(&o["status"]["phase"])),
            ("Last Validated", |o, now| since(&o["status"]["lastValidationTime"], now)),
            AGE,
            ("Default", |o, _| text(&o["spec"]["default"])),
        ],
        Res::VolumeBackups | Res::VolumeRestores | Res::DataDownloads => {
            vec![NAME, ("Status", |o, _| text(&o["status"]["phase"])), AGE]
        }
        Res::Restores => vec![
            NAME,
            ("Backup", |o, _| text(&o["spec"]["backupName"])),
            ("Status", |o, _| text(&o["status"]["phase"])),
            AGE,
        ],
        Res::Applications => vec![
            NAME,
            ("Sync Status", |o, _| text(&o["status"]["sync"]["status"])),
            ("Health Status", |o, _| text(&o["status"]["health"]["status"])),
        ],
        _ => vec![NAME, AGE],
    }
}

/// A page as a table.
pub(super) fn table(res: Res, page: &ListPage, now: DateTime<Utc>) -> Value {
    let columns = columns(res);
    let names: Vec<Value> = columns
        .iter()
        .map(|(name, _)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({"name": name, "type": "string", "format": format, "description": name, "priority": 0})
        })
        .collect();
    let row = |json: &std::sync::Arc<str>| {
        let value: Value = serde_json::from_str(json).unwrap_or_default();
        let cells: Vec<Value> = columns.iter().map(|(_, cell)| cell(&value, now)).collect();
        let object =
            json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": value["metadata"]});
        json!({"cells": cells, "object": object})
    };
    let mut meta = json!({"resourceVersion": page.rv.to_string()});
    if let Some(go_on) = &page.go_on {
        meta["continue"] = json!(go_on);
        meta["remainingItemCount"] = json!(page.remaining);
    }
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": meta, "columnDefinitions": names,
        "rows": page.items.iter().map(row).collect::<Vec<_>>()})
}
