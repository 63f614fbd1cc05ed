//! What a Kubernetes API server says: Status bodies, discovery, health, lists, one merge patch. Pure; answers as recorded from a
//! real server.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::kube_store::{ObjectStore, Res};
use super::scripted_events;
use super::selectors::Selector;
use super::state::{WorldState, WriteResponse};
use crate::drill::scenario::Site;

/// A failure as the API server words it.
pub(super) fn status(code: u16, reason: &str, message: &str, details: Value) -> WriteResponse {
    let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code});
    if details.as_object().is_some_and(|d| !d.is_empty()) {
        body["details"] = details;
    }
    (code, body)
}

/// The object is not there.
pub(super) fn not_found(res: Res, name: &str) -> WriteResponse {
    let spec = res.spec();
    let mut details = json!({"name": name, "kind": spec.plural});
    if !spec.group.is_empty() {
        details["group"] = json!(spec.group);
    }
    status(404, "NotFound", &format!("{} \"{name}\" not found", spec.qualified()), details)
}

/// The user may not.
pub(super) fn forbidden(user: &str, verb: &str, res: Res, namespace: Option<&str>) -> WriteResponse {
    let spec = res.spec();
    let place = namespace.map_or("at the cluster scope".to_owned(), |ns| format!("in the namespace \"{ns}\""));
    let why = format!(
        "{} is forbidden: User \"{user}\" cannot {verb} resource \"{}\" in API group \"{}\" {place}",
        spec.qualified(),
        spec.plural,
        spec.group
    );
    let mut details = json!({"kind": spec.plural});
    if !spec.group.is_empty() {
        details["group"] = json!(spec.group);
    }
    status(403, "Forbidden", &why, details)
}

/// The store behind the server takes no writes.
pub(super) fn store_failed() -> WriteResponse {
    let what = "error resolving resource";
    status(500, "InternalError", &format!("Internal error occurred: {what}"), json!({"causes": [{"message": what}]}))
}

/// An object with the members that lists of core types leave out.
pub(super) fn whole(res: Res, mut value: Value) -> Value {
    value["kind"] = json!(res.spec().kind);
    value["apiVersion"] = json!(res.spec().api_version());
    value
}

/// The text of a stored object with `kind` and `apiVersion` first.
pub(super) fn whole_text(res: Res, stored: &str) -> String {
    format!("{}{}", res.spec().head(), stored.get(1..).unwrap_or("}"))
}

/// A merge patch, with the conflict check of `metadata.resourceVersion`.
pub(super) fn patch(
    state: &mut WorldState,
    site: Site,
    res: Res,
    namespace: &str,
    name: &str,
    body: &Value,
    dry: bool,
) -> WriteResponse {
    let now = state.now;
    let spec = res.spec();
    let Some(mut value) = state.cluster(site).store.get(res, namespace, name) else { return not_found(res, name) };
    if !body.is_object() {
        return status(400, "BadRequest", "error decoding patch: the patch is not a JSON object", json!({}));
    }
    if body["metadata"]["resourceVersion"].is_string()
        && body["metadata"]["resourceVersion"] != value["metadata"]["resourceVersion"]
    {
        let why = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the latest version and try again",
            spec.qualified()
        );
        return status(409, "Conflict", &why, json!({"name": name, "group": spec.group, "kind": spec.plural}));
    }
    let same = |key: &str, is: &str| body["metadata"][key].as_str().is_none_or(|v| v == is);
    if !same("name", name) || !same("namespace", namespace) {
        let why = "the name or namespace of the object does not match the one on the URL";
        return status(400, "BadRequest", why, json!({}));
    }
    scripted_events::merge(&mut value, body);
    if let Value::Object(members) = &mut value {
        members.remove("kind");
        members.remove("apiVersion");
    }
    if dry {
        return (200, whole(res, value));
    }
    if res == Res::Locations {
        super::velero::record_fields(&mut value, body, now);
    }
    let stored = state.cluster_mut(site).store.put(res, value, now);
    (200, whole(res, stored))
}

/// `POST selfsubjectaccessreviews`: without the token one may read, not write.
pub(super) fn access_review(body: &Value, known_user: bool) -> WriteResponse {
    let asked = &body["spec"]["resourceAttributes"];
    let text = |k: &str| asked[k].as_str().unwrap_or_default();
    let known = Res::ALL.iter().find(|r| r.spec().plural == text("resource") && r.spec().group == text("group"));
    let allowed = known.is_some_and(|r| {
        matches!(text("verb"), "get" | "list" | "watch") || (known_user && r.spec().writes.contains(&text("verb")))
    });
    let review = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "metadata": {}, "spec": body["spec"], "status": {"allowed": allowed}});
    (201, review)
}

/// `/version`.
pub(super) fn version(git: &str) -> Value {
    let mut parts = git.trim_start_matches('v').split('.');
    let (major, minor) = (parts.next().unwrap_or("1"), parts.next().unwrap_or("0"));
    json!({"major": major, "minor": minor, "gitVersion": git, "gitCommit": "drill", "gitTreeState": "clean",
        "buildDate": "2025-08-21T00:00:00Z", "goVersion": "go1.24.6", "compiler": "gc", "platform": "linux/amd64"})
}

/// `/livez`, `/readyz`, `/healthz`: status and text.
pub(super) fn health(endpoint: &str, verbose: bool, exclude: &[&str], etcd_failed: bool) -> (u16, String) {
    let own: &[&str] = if endpoint == "readyz" {
        &["ping", "log", "etcd", "etcd-readiness", "informer-sync"]
    } else {
        &["ping", "log", "etcd"]
    };
    let hooks = [
        "start-apiserver-admission-initializer",
        "generic-apiserver-start-informers",
        "priority-and-fairness-config-consumer",
        "priority-and-fairness-filter",
        "storage-object-count-tracker-hook",
        "start-apiextensions-informers",
        "start-apiextensions-controllers",
        "crd-informer-synced",
        "start-system-namespaces-controller",
        "rbac/bootstrap-roles",
        "scheduling/bootstrap-system-priority-classes",
        "bootstrap-controller",
        "start-kube-aggregator-informers",
        "apiservice-registration-controller",
        "apiservice-discovery-controller",
        "kube-apiserver-autoregistration",
    ];
    let mut text = String::new();
    let mut bad = false;
    for check in own.iter().filter(|c| !exclude.contains(c)) {
        let failed = etcd_failed && check.starts_with("etcd");
        bad |= failed;
        let _ = match failed {
            true => writeln!(text, "[-]{check} failed: reason withheld"),
            false => writeln!(text, "[+]{check} ok"),
        };
    }
    for hook in hooks {
        let _ = writeln!(text, "[+]poststarthook/{hook} ok");
    }
    if endpoint == "readyz" {
        text.push_str("[+]shutdown ok\n");
    }
    let _ = writeln!(text, "{endpoint} check {}", if bad { "failed" } else { "passed" });
    match (bad, verbose) {
        (true, _) => (500, text),
        (false, true) => (200, text),
        (false, false) => (200, "ok".to_owned()),
    }
}

fn groups() -> Vec<(&'static str, &'static str)> {
    let mut out: Vec<(&str, &str)> = Vec::new();
    for res in Res::ALL.iter().map(|r| r.spec()).filter(|s| !s.group.is_empty()) {
        if !out.contains(&(res.group, res.version)) {
            out.push((res.group, res.version));
        }
    }
    out.push(("authorization.k8s.io", "v1"));
    out
}

fn group(name: &str, version: &str) -> Value {
    let both = json!({"groupVersion": format!("{name}/{version}"), "version": version});
    json!({"name": name, "versions": [both], "preferredVersion": both})
}

/// Discovery: `/api`, `/apis`, `/apis/GROUP`, `/api/v1`, `/apis/GROUP/VERSION`. `None` = no such path.
pub(super) fn discovery(path: &[&str]) -> Option<Value> {
    match path {
        ["api"] => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        ["apis"] => {
            let all: Vec<Value> = groups().iter().map(|(g, v)| group(g, v)).collect();
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": all}))
        }
        ["apis", name] => {
            let (g, v) = groups().into_iter().find(|(g, _)| g == name)?;
            let mut out = group(g, v);
            out["kind"] = json!("APIGroup");
            out["apiVersion"] = json!("v1");
            Some(out)
        }
        ["api", version] => resources("", version),
        ["apis", name, version] => resources(name, version),
        _ => None,
    }
}

fn resources(name: &str, version: &str) -> Option<Value> {
    let mut list: Vec<Value> = Vec::new();
    for spec in Res::ALL.iter().map(|r| r.spec()).filter(|s| s.group == name && s.version == version) {
        let mut verbs = vec!["get", "list", "watch"];
        verbs.extend(spec.writes);
        let mut item = json!({"name": spec.plural, "singularName": spec.kind.to_lowercase(), "namespaced": spec.namespaced,
            "kind": spec.kind, "verbs": verbs});
        if !spec.short.is_empty() {
            item["shortNames"] = json!(spec.short);
        }
        list.push(item);
    }
    if name == "authorization.k8s.io" && version == "v1" {
        list.push(
            json!({"name": "selfsubjectaccessreviews", "singularName": "selfsubjectaccessreview", "namespaced": false,
            "kind": "SelfSubjectAccessReview", "verbs": ["create"]}),
        );
    }
    let full = if name.is_empty() { version.to_owned() } else { format!("{name}/{version}") };
    (!list.is_empty())
        .then(|| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": full, "resources": list}))
}

/// What a list asks for.
#[derive(Debug, Default)]
pub(super) struct ListAsk {
    pub namespace: Option<String>,
    pub selector: Selector,
    pub limit: usize,
    pub go_on: Option<String>,
}

/// The items of one page, the version it is of, and where the next page begins.
#[derive(Debug)]
pub(super) struct ListPage {
    pub items: Vec<std::sync::Arc<str>>,
    pub rv: u64,
    pub go_on: Option<String>,
    pub remaining: usize,
}

/// One page of a list; `None` when its continue token is too old or no token of ours.
pub(super) fn page(shelf: &ObjectStore, rv: u64, ask: &ListAsk) -> Option<ListPage> {
    let (rv, after) = match &ask.go_on {
        Some(token) => {
            let (first, after) = read_token(token)?;
            (first >= shelf.floor).then_some((first, Some(after)))?
        }
        None => (rv, None),
    };
    let here = |ns: &str| ask.namespace.as_deref().is_none_or(|want| want == ns);
    let mut items = Vec::new();
    let (mut last, mut go_on, mut remaining) = (None, None, 0);
    for (key, object) in &shelf.objects {
        if after.as_ref().is_some_and(|after| key <= after) || !here(&key.0) || !ask.selector.matches(&object.json) {
            continue;
        }
        if ask.limit > 0 && items.len() == ask.limit {
            remaining += 1;
            continue;
        }
        items.push(object.json.clone());
        last = Some(key);
    }
    if remaining > 0
        && let Some((namespace, name)) = last
    {
        go_on = Some(super::kube_store::hex(format!("{rv}/{namespace}/{name}").as_bytes()));
    }
    Some(ListPage { items, rv, go_on, remaining })
}

fn read_token(token: &str) -> Option<(u64, (String, String))> {
    let digit = |i: usize| token.get(i..i + 2).and_then(|h| u8::from_str_radix(h, 16).ok());
    let bytes: Option<Vec<u8>> = (0..token.len()).step_by(2).map(digit).collect();
    let text = String::from_utf8(bytes?).ok()?;
    let mut parts = text.splitn(3, '/');
    let rv = parts.next()?.parse().ok()?;
    Some((rv, (parts.next()?.to_owned(), parts.next()?.to_owned())))
}

/// A page as a list object.
pub(super) fn list_text(res: Res, page: &ListPage) -> String {
    let spec = res.spec();
    let mut meta = json!({"resourceVersion": page.rv.to_string()});
    if let Some(go_on) = &page.go_on {
        meta["continue"] = json!(go_on);
        meta["remainingItemCount"] = json!(page.remaining);
    }
    let mut text = format!(
        "{{\"kind\":\"{}List\",\"apiVersion\":\"{}\",\"metadata\":{meta},\"items\":[",
        spec.kind,
        spec.api_version()
    );
    for (i, item) in page.items.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        if spec.custom {
            text.push_str(&whole_text(res, item));
        } else {
            text.push_str(item);
        }
    }
    text.push_str("]}\n");
    text
}
