//! What a filter can ask of a row.

use crate::model::filter::{Field, Fields};
use crate::model::silence::line_of;
use crate::model::{SafeText, Stamp};

use super::row::{Body, Known, Row, Verdict};

type Each<'a> = &'a mut dyn FnMut(&str);

impl Fields for Row {
    fn texts(&self, each: Each<'_>) {
        each(self.severity());
        each(&self.source.instance);
        each(self.source.system.name());
        each(self.why.as_str());
        body_texts(&self.body, each);
        // What a field holds is found without naming the field.
        for field in [Field::Kind, Field::Name, Field::State, Field::Ns, Field::Cluster, Field::Service] {
            self.values(field, each);
        }
        self.values(Field::Receiver, each);
        self.values(Field::Person, each);
        self.values(Field::Site, each);
    }

    fn values(&self, field: Field, each: Each<'_>) {
        match field {
            Field::Source => each(&self.source.to_string()),
            Field::Kind => kinds(&self.body, each),
            Field::Name => name(self, each),
            Field::State => {
                if self.stale {
                    each("stale");
                }
                state(&self.body, each);
            }
            Field::Cluster => cluster(&self.body, each),
            Field::Ns => namespace(&self.body, each),
            Field::Service => service(&self.body, each),
            Field::Reason => {
                if let Body::Event(it) = &self.body {
                    each(it.reason.as_str());
                }
            }
            Field::Receiver => {
                if let Body::Alert { alert, .. } = &self.body {
                    alert.receivers.iter().for_each(|name| each(name.as_str()));
                }
            }
            Field::Label => {
                if let Body::Alert { alert, .. } = &self.body {
                    alert.labels.iter().for_each(|(name, value)| each(&format!("{name}={value}")));
                }
            }
            Field::Person => {
                if let Body::Silence { silence, .. } = &self.body {
                    each(silence.created_by.as_str());
                }
            }
            Field::Site => match &self.body {
                Body::Probe(it) => it.site.iter().for_each(|site| each(site.as_str())),
                Body::LoadBalancer { goes_to, routes, .. } => {
                    let parts = routes.iter().filter_map(|it| it.to.as_ref());
                    goes_to.iter().chain(parts).for_each(|to| each(to.as_str()));
                }
                _ => {}
            },
            Field::Severity | Field::Age | Field::Seen => {}
        }
    }

    fn severity(&self) -> &'static str {
        if self.stale { Verdict::Unknown.name() } else { self.verdict.name() }
    }

    fn at(&self) -> Option<Stamp> {
        match &self.body {
            Body::Event(it) => Some(it.last),
            Body::Alert { alert, .. } => alert.starts_at,
            Body::Silence { silence, .. } => silence.starts_at,
            // Without a restore point there is nothing that has an age; `why` says so.
            Body::Backup { point, .. } => point.as_ref().map(|point| point.started),
            Body::Service { restore_point, .. } => restore_point.as_ref().map(|point| point.started),
            Body::Restore(it) => it.started.or(it.created),
            Body::App(it) => it.since.or(it.reconciled_at),
            Body::Probe(it) => Some(it.since),
            Body::Slo(it) => it.burning_since.or(Some(self.seen_at)),
            Body::Source { alive_at, troubled_since, .. } => troubled_since.or(*alive_at),
            Body::Parity { oldest_reconciled, .. } => oldest_reconciled.or(Some(self.seen_at)),
            Body::Cluster { .. } | Body::Location(_) | Body::LoadBalancer { .. } | Body::Pool(_) => Some(self.seen_at),
            Body::EdgeAccount(_) | Body::Heartbeat { .. } => Some(self.seen_at),
        }
    }

    fn seen(&self) -> Option<Stamp> {
        Some(self.seen_at)
    }
}

/// What is told in sentences, and what its parts are called.
fn body_texts(body: &Body, each: Each<'_>) {
    // An identity that is a number or a digest would match by chance.
    let mut words = |text: &SafeText| each(text.as_str());
    match body {
        Body::Event(it) => {
            [&it.namespace, &it.object_kind, &it.object_name, &it.reason, &it.message, &it.kind.0, &it.component]
                .into_iter()
                .for_each(&mut words);
            each(&format!("{}/{}", it.object_kind, it.object_name));
            each(&it.cluster);
        }
        Body::Alert { alert, held_by, missing_from, .. } => {
            words(&alert.summary);
            alert.labels.values().for_each(&mut words);
            held_by.iter().chain(missing_from).for_each(|it| each(it));
        }
        Body::Silence { silence, .. } => {
            words(&silence.comment);
            each(&line_of(&silence.matchers));
        }
        Body::Backup { point, newer, cron, .. } => {
            words(cron);
            if let Some(point) = point {
                words(&point.name);
                words(&point.location);
                point.limits.iter().chain(&point.left_out).for_each(&mut words);
            }
            if let Some((name, phase)) = newer {
                words(name);
                words(phase);
            }
        }
        Body::Location(it) => [&it.message, &it.store, &it.endpoint].into_iter().for_each(words),
        Body::Restore(it) => [&it.backup, &it.failure].into_iter().for_each(words),
        Body::App(it) => {
            let of_it = [&it.revision, &it.target_revision, &it.destination, &it.project, &it.operation_message];
            of_it.into_iter().chain(&it.errors).for_each(&mut words);
            words(&it.expected);
            if let Some(theirs) = &it.counterpart {
                [&theirs.name, &theirs.release].into_iter().for_each(&mut words);
            }
        }
        Body::Parity { laggards, .. } => laggards.iter().flat_map(|(name, why)| [name, why]).for_each(words),
        Body::Cluster { nodes_not_ready, silent, pods, control_plane, .. } => {
            nodes_not_ready.iter().chain(silent).for_each(&mut words);
            pods.iter().flat_map(|pod| [&pod.name, &pod.namespace, &pod.trouble]).for_each(&mut words);
            control_plane.iter().flat_map(|plane| &plane.failed).for_each(words);
        }
        Body::LoadBalancer { lb, order, .. } => {
            order.iter().map(|pool| &pool.name).chain(&lb.overrides).for_each(words);
        }
        Body::Pool(it) => it.origins.iter().flat_map(|origin| [&origin.name, &origin.address]).for_each(words),
        Body::Probe(it) => [&it.url, &it.error].into_iter().for_each(words),
        Body::Source { trouble: Some(it), .. } => [&it.what, &it.remedy].into_iter().for_each(words),
        Body::Slo(it) => each(&it.left_words()),
        Body::Source { .. } | Body::Service { .. } | Body::EdgeAccount(_) | Body::Heartbeat { .. } => {}
    }
}

fn kinds(body: &Body, each: Each<'_>) {
    let kind = match body {
        Body::Source { .. } => "source",
        Body::Heartbeat { .. } => "heartbeat",
        Body::Cluster { .. } => "cluster",
        Body::Service { .. } => "service",
        Body::Slo(_) => "slo",
        Body::Event(it) => {
            each(it.object_kind.as_str());
            each(it.kind.as_str());
            "event"
        }
        Body::Alert { .. } => "alert",
        Body::Silence { .. } => "silence",
        Body::Backup { .. } => "backup",
        Body::Location(_) => "location",
        Body::Restore(_) => "restore",
        Body::Parity { .. } => "parity",
        Body::App(it) => {
            each(it.kind.as_str());
            each(it.tool().name());
            "app"
        }
        Body::LoadBalancer { .. } => "balancer",
        Body::Pool(_) => "pool",
        Body::EdgeAccount(_) => "account",
        Body::Probe(_) => "probe",
    };
    each(kind);
}

fn name(row: &Row, each: Each<'_>) {
    match &row.body {
        Body::Source { .. } => each(&row.source.instance),
        Body::Heartbeat { expected } => expected.iter().for_each(|name| each(name)),
        Body::Cluster { name, .. } | Body::Service { name, .. } => each(name),
        Body::Slo(it) => each(&it.service),
        Body::Event(it) => each(it.object_name.as_str()),
        Body::Alert { alert, .. } => each(alert.name.as_str()),
        Body::Silence { silence, .. } => each(&silence.id),
        Body::Backup { schedule, .. } => each(schedule.as_str()),
        Body::Location(it) => each(it.name.as_str()),
        Body::Restore(it) => each(it.name.as_str()),
        Body::Parity { cluster, .. } => each(cluster),
        Body::App(it) => each(it.name.as_str()),
        Body::LoadBalancer { lb, .. } => each(lb.name.as_str()),
        Body::Pool(it) => each(it.name.as_str()),
        Body::EdgeAccount(it) => each(&it.account),
        Body::Probe(it) => each(&it.name),
    }
}

/// The thing's own words for how it is: as its system writes them, and as the screen says them.
fn state(body: &Body, each: Each<'_>) {
    match body {
        Body::Alert { alert, .. } => {
            let also = [
                (true, alert.state.as_str()),
                (alert.state.is("active"), "firing"),
                (!alert.silenced_by.is_empty(), "silenced"),
                (!alert.inhibited_by.is_empty(), "inhibited"),
            ];
            also.into_iter().filter(|(is, _)| *is).for_each(|(_, word)| each(word));
        }
        Body::Silence { silence, .. } => each(silence.state.as_str()),
        Body::Backup { paused, missed_runs, point, .. } => {
            let words = [(*paused, "paused"), (*missed_runs > 0, "missed"), (point.is_none(), "missing")];
            words.into_iter().filter(|(is, _)| *is).for_each(|(_, word)| each(word));
        }
        Body::Location(it) => each(it.phase.as_str()),
        Body::Restore(it) => each(it.phase.as_str()),
        Body::App(it) => {
            each(it.sync.as_str());
            each(it.health.as_str());
            each(it.operation_phase.as_str());
            if it.suspended {
                each("suspended");
            }
        }
        Body::Pool(it) => each(match (it.enabled, it.healthy) {
            (false, _) => "off",
            (_, Some(true)) => "up",
            (_, Some(false)) => "down",
            (_, None) => "unknown",
        }),
        Body::LoadBalancer { lb, .. } => each(if lb.enabled { lb.policy.as_str() } else { "disabled" }),
        Body::Probe(it) => {
            each(if it.ok { "up" } else { "down" });
            match it.status {
                Some(status) => each(&status.to_string()),
                None => each("no answer"),
            }
        }
        Body::Slo(it) => each(it.state.words()),
        Body::Parity { ok, total, .. } if ok < total => each("behind"),
        Body::Parity { against, total, .. } => {
            let compared = against.iter().any(|it| matches!(it.known, Known::Now | Known::LastRead(_)));
            each(if compared && *total > 0 { "at parity" } else { "not compared" });
        }
        Body::Source { trouble, .. } => each(if trouble.is_some() { "troubled" } else { "read" }),
        Body::EdgeAccount(it) => each(it.token.status.as_str()),
        Body::Heartbeat { .. } => each("missing"),
        Body::Cluster { nodes_read: false, .. } => each("not read"),
        Body::Cluster { nodes, nodes_ready, .. } => {
            each(if nodes == nodes_ready && *nodes > 0 { "ready" } else { "not ready" });
        }
        Body::Event(_) | Body::Service { .. } => {}
    }
}

fn cluster(body: &Body, each: Each<'_>) {
    match body {
        Body::Event(it) => each(&it.cluster),
        Body::Cluster { name, .. } => each(name),
        Body::Backup { cluster, .. } | Body::Parity { cluster, .. } => each(cluster),
        Body::Location(it) => each(&it.cluster),
        Body::Restore(it) => each(&it.cluster),
        Body::App(it) => {
            each(&it.cluster);
            // What a hub deploys is found under its name as well.
            each(&it.deployed_from);
        }
        Body::Alert { alert, .. } => {
            if let Some(cluster) = alert.labels.get("cluster") {
                each(cluster.as_str());
            }
        }
        _ => {}
    }
}

fn namespace(body: &Body, each: Each<'_>) {
    match body {
        Body::Event(it) => each(it.namespace.as_str()),
        Body::App(it) => each(it.namespace.as_str()),
        Body::Location(it) => each(&it.namespace),
        Body::Restore(it) => each(&it.namespace),
        Body::Backup { point: Some(point), .. } => point.included_namespaces.iter().for_each(|it| each(it.as_str())),
        Body::Alert { alert, .. } => {
            if let Some(namespace) = alert.labels.get("namespace") {
                each(namespace.as_str());
            }
        }
        _ => {}
    }
}

fn service(body: &Body, each: Each<'_>) {
    match body {
        Body::Service { name, .. } => each(name),
        Body::Slo(it) => each(&it.service),
        Body::Probe(it) => each(&it.service),
        Body::Backup { services, .. } => services.iter().for_each(|it| each(it)),
        Body::Alert { service: Some(service), .. } | Body::LoadBalancer { service: Some(service), .. } => each(service),
        _ => {}
    }
}
