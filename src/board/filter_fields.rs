//! What a filter can ask of a row.

use crate::model::filter::{Field, Fields};
use crate::model::silence::line_of;
use crate::model::{SafeText, Stamp};

use super::row::{AppsKnown, Row, RowBody, Verdict};

type RowVisitor<'a> = &'a mut dyn FnMut(&str);

impl Fields for Row {
    fn texts(&self, each: RowVisitor<'_>) {
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

    fn values(&self, field: Field, each: RowVisitor<'_>) {
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
                if let RowBody::Event(it) = &self.body {
                    each(it.reason.as_str());
                }
            }
            Field::Receiver => {
                if let RowBody::Alert { alert, .. } = &self.body {
                    alert.receivers.iter().for_each(|name| each(name.as_str()));
                }
            }
            Field::Label => {
                if let RowBody::Alert { alert, .. } = &self.body {
                    alert.labels.iter().for_each(|(name, value)| each(&format!("{name}={value}")));
                }
            }
            Field::Person => {
                if let RowBody::Silence { silence, .. } = &self.body {
                    each(silence.created_by.as_str());
                }
            }
            Field::Site => match &self.body {
                RowBody::Probe(it) => it.site.iter().for_each(|site| each(site.as_str())),
                RowBody::LoadBalancer { goes_to, routes, .. } => {
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
            RowBody::Event(it) => Some(it.last),
            RowBody::Alert { alert, .. } => alert.starts_at,
            RowBody::Silence { silence, .. } => silence.starts_at,
            // Without a restore point there is nothing that has an age; `why` says so.
            RowBody::Backup { point, .. } => point.as_ref().map(|point| point.started),
            RowBody::Service { restore_point, .. } => restore_point.as_ref().map(|point| point.started),
            RowBody::Restore(it) => it.started.or(it.created),
            RowBody::App(it) => it.since.or(it.reconciled_at),
            RowBody::Probe(it) => Some(it.since),
            RowBody::Slo(it) => it.burning_since.or(Some(self.seen_at)),
            RowBody::Source { alive_at, troubled_since, .. } => troubled_since.or(*alive_at),
            RowBody::Parity { oldest_reconciled, .. } => oldest_reconciled.or(Some(self.seen_at)),
            RowBody::Cluster { .. } | RowBody::Location(_) | RowBody::LoadBalancer { .. } | RowBody::Pool(_) => {
                Some(self.seen_at)
            }
            RowBody::EdgeAccount(_) | RowBody::Heartbeat { .. } => Some(self.seen_at),
        }
    }

    fn seen(&self) -> Option<Stamp> {
        Some(self.seen_at)
    }
}

/// What is told in sentences, and what its parts are called.
fn body_texts(body: &RowBody, each: RowVisitor<'_>) {
    // An identity that is a number or a digest would match by chance.
    let mut words = |text: &SafeText| each(text.as_str());
    match body {
        RowBody::Event(it) => {
            [&it.namespace, &it.object_kind, &it.object_name, &it.reason, &it.message, &it.kind.0, &it.component]
                .into_iter()
                .for_each(&mut words);
            each(&format!("{}/{}", it.object_kind, it.object_name));
            each(&it.cluster);
        }
        RowBody::Alert { alert, held_by, missing_from, .. } => {
            words(&alert.summary);
            alert.labels.values().for_each(&mut words);
            held_by.iter().chain(missing_from).for_each(|it| each(it));
        }
        RowBody::Silence { silence, .. } => {
            words(&silence.comment);
            each(&line_of(&silence.matchers));
        }
        RowBody::Backup { point, newer, cron, .. } => {
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
        RowBody::Location(it) => [&it.message, &it.store, &it.endpoint].into_iter().for_each(words),
        RowBody::Restore(it) => [&it.backup, &it.failure].into_iter().for_each(words),
        RowBody::App(it) => {
            let of_it = [&it.revision, &it.target_revision, &it.destination, &it.project, &it.operation_message];
            of_it.into_iter().chain(&it.errors).for_each(&mut words);
            words(&it.expected);
            if let Some(theirs) = &it.counterpart {
                [&theirs.name, &theirs.release].into_iter().for_each(&mut words);
            }
        }
        RowBody::Parity { laggards, .. } => laggards.iter().flat_map(|(name, why)| [name, why]).for_each(words),
        RowBody::Cluster { nodes_not_ready, silent, pods, control_plane, .. } => {
            nodes_not_ready.iter().chain(silent).for_each(&mut words);
            pods.iter().flat_map(|pod| [&pod.name, &pod.namespace, &pod.trouble]).for_each(&mut words);
            control_plane.iter().flat_map(|plane| &plane.failed).for_each(words);
        }
        RowBody::LoadBalancer { lb, order, .. } => {
            order.iter().map(|pool| &pool.name).chain(&lb.overrides).for_each(words);
        }
        RowBody::Pool(it) => it.origins.iter().flat_map(|origin| [&origin.name, &origin.address]).for_each(words),
        RowBody::Probe(it) => [&it.url, &it.error].into_iter().for_each(words),
        RowBody::Source { trouble: Some(it), .. } => [&it.what, &it.remedy].into_iter().for_each(words),
        RowBody::Slo(it) => each(&it.left_words()),
        RowBody::Source { .. } | RowBody::Service { .. } | RowBody::EdgeAccount(_) | RowBody::Heartbeat { .. } => {}
    }
}

fn kinds(body: &RowBody, each: RowVisitor<'_>) {
    let kind = match body {
        RowBody::Source { .. } => "source",
        RowBody::Heartbeat { .. } => "heartbeat",
        RowBody::Cluster { .. } => "cluster",
        RowBody::Service { .. } => "service",
        RowBody::Slo(_) => "slo",
        RowBody::Event(it) => {
            each(it.object_kind.as_str());
            each(it.kind.as_str());
            "event"
        }
        RowBody::Alert { .. } => "alert",
        RowBody::Silence { .. } => "silence",
        RowBody::Backup { .. } => "backup",
        RowBody::Location(_) => "location",
        RowBody::Restore(_) => "restore",
        RowBody::Parity { .. } => "parity",
        RowBody::App(it) => {
            each(it.kind.as_str());
            each(it.tool().name());
            "app"
        }
        RowBody::LoadBalancer { .. } => "balancer",
        RowBody::Pool(_) => "pool",
        RowBody::EdgeAccount(_) => "account",
        RowBody::Probe(_) => "probe",
    };
    each(kind);
}

fn name(row: &Row, each: RowVisitor<'_>) {
    match &row.body {
        RowBody::Source { .. } => each(&row.source.instance),
        RowBody::Heartbeat { expected } => expected.iter().for_each(|name| each(name)),
        RowBody::Cluster { name, .. } | RowBody::Service { name, .. } => each(name),
        RowBody::Slo(it) => each(&it.service),
        RowBody::Event(it) => each(it.object_name.as_str()),
        RowBody::Alert { alert, .. } => each(alert.name.as_str()),
        RowBody::Silence { silence, .. } => each(&silence.id),
        RowBody::Backup { schedule, .. } => each(schedule.as_str()),
        RowBody::Location(it) => each(it.name.as_str()),
        RowBody::Restore(it) => each(it.name.as_str()),
        RowBody::Parity { cluster, .. } => each(cluster),
        RowBody::App(it) => each(it.name.as_str()),
        RowBody::LoadBalancer { lb, .. } => each(lb.name.as_str()),
        RowBody::Pool(it) => each(it.name.as_str()),
        RowBody::EdgeAccount(it) => each(&it.account),
        RowBody::Probe(it) => each(&it.name),
    }
}

/// The thing's own words for how it is: as its system writes them, and as the screen says them.
fn state(body: &RowBody, each: RowVisitor<'_>) {
    match body {
        RowBody::Alert { alert, .. } => {
            let also = [
                (true, alert.state.as_str()),
                (alert.state.is("active"), "firing"),
                (!alert.silenced_by.is_empty(), "silenced"),
                (!alert.inhibited_by.is_empty(), "inhibited"),
            ];
            also.into_iter().filter(|(is, _)| *is).for_each(|(_, word)| each(word));
        }
        RowBody::Silence { silence, .. } => each(silence.state.as_str()),
        RowBody::Backup { paused, missed_runs, point, .. } => {
            let words = [(*paused, "paused"), (*missed_runs > 0, "missed"), (point.is_none(), "missing")];
            words.into_iter().filter(|(is, _)| *is).for_each(|(_, word)| each(word));
        }
        RowBody::Location(it) => each(it.phase.as_str()),
        RowBody::Restore(it) => each(it.phase.as_str()),
        RowBody::App(it) => {
            each(it.sync.as_str());
            each(it.health.as_str());
            each(it.operation_phase.as_str());
            if it.suspended {
                each("suspended");
            }
        }
        RowBody::Pool(it) => each(match (it.enabled, it.healthy) {
            (false, _) => "off",
            (_, Some(true)) => "up",
            (_, Some(false)) => "down",
            (_, None) => "unknown",
        }),
        RowBody::LoadBalancer { lb, .. } => each(if lb.enabled { lb.policy.as_str() } else { "disabled" }),
        RowBody::Probe(it) => {
            each(if it.ok { "up" } else { "down" });
            match it.status {
                Some(status) => each(&status.to_string()),
                None => each("no answer"),
            }
        }
        RowBody::Slo(it) => each(it.state.words()),
        RowBody::Parity { ok, total, .. } if ok < total => each("behind"),
        RowBody::Parity { against, total, .. } => {
            let compared = against.iter().any(|it| matches!(it.known, AppsKnown::Now | AppsKnown::LastRead(_)));
            each(if compared && *total > 0 { "at parity" } else { "not compared" });
        }
        RowBody::Source { trouble, .. } => each(if trouble.is_some() { "troubled" } else { "read" }),
        RowBody::EdgeAccount(it) => each(it.token.status.as_str()),
        RowBody::Heartbeat { .. } => each("missing"),
        RowBody::Cluster { nodes_read: false, .. } => each("not read"),
        RowBody::Cluster { nodes, nodes_ready, .. } => {
            each(if nodes == nodes_ready && *nodes > 0 { "ready" } else { "not ready" });
        }
        RowBody::Event(_) | RowBody::Service { .. } => {}
    }
}

fn cluster(body: &RowBody, each: RowVisitor<'_>) {
    match body {
        RowBody::Event(it) => each(&it.cluster),
        RowBody::Cluster { name, .. } => each(name),
        RowBody::Backup { cluster, .. } | RowBody::Parity { cluster, .. } => each(cluster),
        RowBody::Location(it) => each(&it.cluster),
        RowBody::Restore(it) => each(&it.cluster),
        RowBody::App(it) => {
            each(&it.cluster);
            // What a hub deploys is found under its name as well.
            each(&it.deployed_from);
        }
        RowBody::Alert { alert, .. } => {
            if let Some(cluster) = alert.labels.get("cluster") {
                each(cluster.as_str());
            }
        }
        _ => {}
    }
}

fn namespace(body: &RowBody, each: RowVisitor<'_>) {
    match body {
        RowBody::Event(it) => each(it.namespace.as_str()),
        RowBody::App(it) => each(it.namespace.as_str()),
        RowBody::Location(it) => each(&it.namespace),
        RowBody::Restore(it) => each(&it.namespace),
        RowBody::Backup { point: Some(point), .. } => point.included_namespaces.iter().for_each(|it| each(it.as_str())),
        RowBody::Alert { alert, .. } => {
            if let Some(namespace) = alert.labels.get("namespace") {
                each(namespace.as_str());
            }
        }
        _ => {}
    }
}

fn service(body: &RowBody, each: RowVisitor<'_>) {
    match body {
        RowBody::Service { name, .. } => each(name),
        RowBody::Slo(it) => each(&it.service),
        RowBody::Probe(it) => each(&it.service),
        RowBody::Backup { services, .. } => services.iter().for_each(|it| each(it)),
        RowBody::Alert { service: Some(service), .. } | RowBody::LoadBalancer { service: Some(service), .. } => {
            each(service)
        }
        _ => {}
    }
}
