//! A plan as commands for a shell: for the night when only one person can be reached. What is done that way is outside
//! the two-person rule, and the timeline sees only its effects.
//!
//! Secrets and endpoints are placeholders. Every value is quoted; the plan's values are checked identifiers besides.

use serde_json::{Value, json};

use crate::model::plan::StepCheck;
use crate::model::read_path::{
    CloudflarePath, KnownPath, LocationField, PodsField, ProbePath, RestoreField, VeleroPath,
};
use crate::model::step_request::{CreateRestore, PatchLoadBalancer, PatchLocation};
use crate::model::{Plan, ReadPath, SafeText, SourceId, Step, StepRequest};
use crate::seal;

use super::identifiers::restore_name;
use super::restore_steps::PODS;

/// The plan's commands, one line each; lines that begin with `#` are for the reader.
pub fn manual(plan: &Plan) -> Vec<String> {
    let mut out = vec![
        note(&format!("{} (plan {})", plan.title, plan.plan)),
        note("Outside the two-person rule. Run line by line, and read each answer before the next."),
    ];
    for step in &plan.steps {
        out.push(note(&format!("step {}: {}", step.id, step.effect)));
        out.extend(step.pre.iter().map(|pre| note(&format!("  first see that {}", pre.says))));
        match &step.request {
            StepRequest::PatchLoadBalancer(it) => patch_load_balancer(step, it, &mut out),
            StepRequest::PatchLocation(it) => patch_location(step, it, &mut out),
            StepRequest::CreateRestore(it) => create_restore(plan, step, it, &mut out),
            StepRequest::Wait if step.target.kind == PODS => pods(step, &mut out),
            // A silence is no step of a plan, and what another version does nobody here can say as a command.
            StepRequest::Wait
            | StepRequest::CreateSilence(_)
            | StepRequest::ExpireSilence(_)
            | StepRequest::Unknown { .. } => {
                out.extend(step.check.iter().map(|c| note(&format!("  wait until {}", check_words(c)))));
            }
        }
    }
    out
}

fn patch_load_balancer(step: &Step, patch: &PatchLoadBalancer, out: &mut Vec<String>) {
    let path = format!("/zones/{}/load_balancers/{}", patch.zone, step.target.id);
    let url = quote(&format!("https://api.cloudflare.com/client/v4{path}"));
    let auth = "-H \"Authorization: Bearer $CLOUDFLARE_TOKEN\"";
    let body = json!(patch.body).to_string();
    out.push(format!("curl -fsS --max-time 10 {auth} {url}"));
    let send = format!("curl -fsS --max-time 10 -X PATCH {auth} -H 'Content-Type: application/json'");
    match edits(patch) {
        None => out.push(format!("{send} --data {} {url}", quote(&body))),
        Some(jq) => {
            out.push(note("  rules, pool sets and maps are replaced whole: they are read, edited and sent in one go"));
            let jq = quote(&format!("{jq} + {body}"));
            out.push(format!("curl -fsS --max-time 10 {auth} {url} | jq -e -c {jq} | {send} --data-binary @- {url}"));
        }
    }
    out.push(format!("curl -fsS --max-time 10 {auth} {url}"));
    out.push(note("  if the PATCH timed out, read first: it may have been applied"));
}

/// The edits of a step as a program for `jq`: each place set, then the parts that they stand in.
fn edits(patch: &PatchLoadBalancer) -> Option<String> {
    if patch.edits.is_empty() {
        return None;
    }
    let place = |at: &str| {
        // Only the second step of a path is a number: the place in a list of rules or pool sets.
        let step =
            |(i, it): (usize, &str)| it.parse::<u64>().ok().filter(|_| i == 1).map_or_else(|| json!(it), |n| json!(n));
        Value::Array(at.split('/').enumerate().map(step).collect()).to_string()
    };
    let set = patch.edits.iter().map(|it| format!("setpath({}; {})", place(&it.at), json!(it.to)));
    let keep = patch.was.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    Some(format!(".result | {} | {{{keep}}}", set.collect::<Vec<_>>().join(" | ")))
}

fn kubectl(namespace: &str) -> String {
    format!("kubectl --context \"$CONTEXT\" -n {}", quote(namespace))
}

fn which_cluster(step: &Step, out: &mut Vec<String>) {
    let uid = step.target.id.split('/').next().unwrap_or_default();
    out.push(note(&format!(
        "  CONTEXT is the kubeconfig context of cluster {}; this must print {uid}",
        step.target.src.instance
    )));
    out.push("kubectl --context \"$CONTEXT\" get namespace kube-system -o 'jsonpath={.metadata.uid}'".to_owned());
}

fn patch_location(step: &Step, patch: &PatchLocation, out: &mut Vec<String>) {
    which_cluster(step, out);
    let (kubectl, name, body) = (kubectl(&patch.namespace), quote(&patch.name), quote(&json!(patch.body).to_string()));
    out.push(format!("{kubectl} patch backupstoragelocations.velero.io {name} --type merge -p {body}"));
}

fn create_restore(plan: &Plan, step: &Step, restore: &CreateRestore, out: &mut Vec<String>) {
    which_cluster(step, out);
    // The room's own name for it: whoever comes second, room or person, finds the name taken and restores nothing.
    let digest = seal::plan_bytes(plan).ok().map(|(_, digest)| digest);
    let which = step.target.id.rsplit('/').next().and_then(|last| last.strip_prefix("@plan")).unwrap_or_default();
    let name = digest.map_or_else(|| format!("wr-manual{which}"), |d| restore_name(&d, which));
    let manifest = json!({
        "apiVersion": "velero.io/v1",
        "kind": "Restore",
        "metadata": {
            "name": name,
            "namespace": restore.namespace,
            "annotations": {"warroom/plan-digest": digest.map(|d| d.to_string()).unwrap_or_default()},
        },
        "spec": restore.spec,
    });
    let kubectl = kubectl(&restore.namespace);
    out.push(format!("printf '%s' {} | {kubectl} create -f -", quote(&manifest.to_string())));
    out.push(format!("{kubectl} get restores.velero.io {} -o 'jsonpath={{.status}}'", quote(&name)));
    out.push(note("  done when its phase is Completed; PartiallyFailed or Failed needs a person"));
}

fn pods(step: &Step, out: &mut Vec<String>) {
    which_cluster(step, out);
    let namespaces = step.target.id.rsplit('/').next().unwrap_or_default().split(':');
    let get = |namespace| format!("kubectl --context \"$CONTEXT\" -n {} get pods", quote(namespace));
    out.extend(namespaces.map(get));
    out.push(note("  done when there are some, and all that have not ended are ready"));
}

/// What was read, as a colleague would say it: for the sentence in which a step says what it saw.
pub fn found(src: &SourceId, path: &ReadPath, value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    };
    let text = SafeText::new(&text);
    match path.known() {
        Some(KnownPath::Probe(ProbePath::Share(site))) => match value.as_u64() {
            Some(percent) => format!("{percent} % of the answers to {src} come from {site}"),
            None => format!("how many answers to {src} come from {site} is not known"),
        },
        Some(KnownPath::Velero(VeleroPath::Restore { field, .. })) => found_of_restore(path, field, value, &text),
        Some(KnownPath::Velero(VeleroPath::Pods { namespaces, field: PodsField::Ready })) => match value.as_u64() {
            Some(1) => format!("1 pod of {} ready", namespaces.join(", ")),
            Some(n) => format!("{n} pods of {} ready", namespaces.join(", ")),
            None => format!("{path} is {text}"),
        },
        Some(KnownPath::Velero(VeleroPath::Pods { field: PodsField::Waiting, .. })) => pods_waiting(value),
        Some(KnownPath::Velero(VeleroPath::Location { name, field })) => match field {
            LocationField::Phase | LocationField::AccessMode => format!("location {name} is {text}"),
            LocationField::ValidatedSinceChange if value.as_bool() == Some(true) => {
                format!("location {name} was validated since")
            }
            LocationField::ValidatedSinceChange => format!("location {name} was not validated since"),
            LocationField::ValidatedAgeS => format!("{path} is {text}"),
        },
        Some(KnownPath::Cloudflare(path)) => {
            let what = match path {
                CloudflarePath::LoadBalancer { field, .. } => field.as_str().replace('_', " "),
                CloudflarePath::Pool { field, .. } => field.as_str().replace('_', " "),
                CloudflarePath::LoadBalancerDigest { .. } => "digest".to_owned(),
                CloudflarePath::LoadBalancerAhead { .. } => "ahead".to_owned(),
            };
            format!("{what} is {text}")
        }
        _ => format!("{path} is {text}"),
    }
}

fn found_of_restore(path: &ReadPath, field: RestoreField, value: &Value, text: &SafeText) -> String {
    let what = field.as_str();
    match (field, value.as_u64()) {
        (RestoreField::Phase, _) => format!("the restore is {text}"),
        (RestoreField::Restored, None) => "the restore has not ended".to_owned(),
        (_, Some(1)) => format!("1 {}", what.trim_end_matches('s')),
        (_, Some(n)) => format!("{n} {what}"),
        (RestoreField::Errors | RestoreField::Warnings, None) => format!("{path} is {text}"),
    }
}

fn pods_waiting(value: &Value) -> String {
    match value.as_array().map(Vec::as_slice) {
        None | Some([]) => "none still starting".to_owned(),
        Some(pods) => {
            let names = pods.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
            format!("not ready: {}", SafeText::new(&names))
        }
    }
}

fn check_words(check: &StepCheck) -> String {
    match (check.path.known(), check.value.as_u64()) {
        (Some(KnownPath::Probe(ProbePath::Share(site))), Some(percent)) => {
            format!("{percent} % of the answers to {} come from {site}", check.src)
        }
        _ => format!("{} {} is {}", check.src, check.path, check.value),
    }
}

/// A comment stays one line, whatever it says.
fn note(says: &str) -> String {
    format!("# {}", says.replace(['\n', '\r'], " "))
}

/// One word for a POSIX shell.
pub(super) fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._:/@-".contains(&b);
    if !word.is_empty() && !word.starts_with('-') && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
