//! A cluster on its page.

use crate::board::RowBody;
use crate::console::view::events;
use crate::model::facts::{NamespacePods, Pod};

use super::FactPage;

pub(super) fn of_cluster(facts: &mut FactPage<'_, '_>, body: &RowBody) {
    let RowBody::Cluster { name, control_plane, same_as, .. } = body else { return };
    facts.text("cluster", name);
    facts.text("the same as", &same_as.join(", "));
    facts.text("control plane", &events::plane_words(control_plane.as_ref()).1);
    if let Some(plane) = control_plane {
        facts.list("failed checks", &plane.failed);
        facts.text("version", plane.version.as_str());
        facts.text("uid", plane.uid.as_deref().unwrap_or(""));
        facts.text("clock", &plane.skew_ms.map(clock_words).unwrap_or_default());
        facts.list("reached by", &plane.notes);
    }
    of_nodes(facts, body);
    of_pods(facts, body);
}

fn of_nodes(facts: &mut FactPage<'_, '_>, body: &RowBody) {
    let RowBody::Cluster {
        nodes_read, nodes, nodes_ready, nodes_closed, nodes_silent, silent, nodes_not_ready, ..
    } = body
    else {
        return;
    };
    let closed = if *nodes_closed > 0 { format!(", {nodes_closed} of them take no pods") } else { String::new() };
    let said = match nodes {
        _ if !nodes_read => "not read".to_owned(),
        0 => "none".to_owned(),
        nodes => format!("{nodes_ready} of {nodes} ready{closed}, {nodes_silent} silent"),
    };
    facts.text("nodes", &said);
    facts.list("silent", silent);
    facts.list("not ready", nodes_not_ready);
}

fn of_pods(facts: &mut FactPage<'_, '_>, body: &RowBody) {
    let RowBody::Cluster { pods_read, pods_troubled, pods, namespaces, .. } = body else { return };
    if !pods_read {
        facts.text("pods", "not read");
    }
    for NamespacePods { namespace, ready, all, .. } in namespaces {
        let said = if *all == 0 { "no pods".to_owned() } else { format!("{ready} of {all} pods ready") };
        facts.text(namespace.as_str(), &said);
    }
    for Pod { namespace, name, trouble, restarts, since, .. } in pods {
        let again = if *restarts > 0 { format!(" ×{restarts}") } else { String::new() };
        let since = since.map(|at| format!(" since {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
        facts.text("pod", &format!("{namespace}/{name} {trouble}{again}{since}"));
    }
    let more = (*pods_troubled as usize).saturating_sub(pods.len());
    if more > 0 {
        facts.text("pod", &format!("and {more} more"));
    }
}

/// The server's clock against ours.
fn clock_words(ms: i64) -> String {
    match ms {
        0 => "as ours".to_owned(),
        1.. => format!("{ms} ms ahead of ours"),
        _ => format!("{} ms behind ours", -ms),
    }
}
