//! What else is about the same thing: rows of the other panes with the same object, service or cluster.

use crate::board::{Body, Row, Verdict};
use crate::console::app::App;
use crate::console::pane::Pane;
use crate::model::{Happening, Objective, PlanId};
use crate::timeline::{Item, effects, plan_of};

use super::pane_rows::{self, Entry};
use super::panes;

/// At most so many of one pane: a page is read, not searched.
const MOST: usize = 6;

/// What a line of a page leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Row(Pane, String),
    Plan(PlanId),
}

/// A line that leads somewhere.
pub struct Related {
    pub pane: Pane,
    pub words: String,
    pub to: Target,
}

/// What something is about.
#[derive(Default)]
struct About {
    objects: Vec<String>,
    services: Vec<String>,
    clusters: Vec<String>,
}

impl About {
    fn object(&mut self, name: &str) {
        if !name.is_empty() {
            self.objects.push(name.to_owned());
        }
    }
}

/// Everything related to a row, the timeline first.
pub fn of(app: &App, pane: Pane, entry: &Entry<'_>) -> Vec<Related> {
    let about = about(app, entry);
    let mut out = plans(app, entry);
    for other in [Pane::Timeline, Pane::Alerts, Pane::Traffic, Pane::Backups, Pane::Gitops, Pane::Events] {
        let entries = match panes::spec(other).related_in_full {
            true => pane_rows::all(app, other),
            false => (panes::spec(other).brief)(app),
        };
        let mut near: Vec<(u8, Entry<'_>)> = entries
            .into_iter()
            .filter(|it| other != pane || it.key() != entry.key())
            .filter_map(|it| Some((nearness(&about, &self::about(app, &it), it.verdict(), other)?, it)))
            .collect();
        near.sort_by_key(|(rank, _)| *rank);
        out.extend(near.into_iter().take(MOST).map(|(_, it)| Related {
            pane: other,
            words: pane_rows::plain(app, other, &it),
            to: match it.plan() {
                Some(plan) => Target::Plan(plan),
                None => Target::Row(other, it.key()),
            },
        }));
    }
    // What followed from a plan is in the timeline too: it is listed where it was found first.
    let mut seen: Vec<Target> = Vec::new();
    out.retain(|it| {
        let new = !seen.contains(&it.to);
        seen.push(it.to.clone());
        new
    });
    out
}

/// How near two things are: the same object, the same service, or trouble in the same cluster.
fn nearness(one: &About, other: &About, verdict: Verdict, pane: Pane) -> Option<u8> {
    let share = |a: &[String], b: &[String]| a.iter().any(|it| b.contains(it));
    if share(&one.objects, &other.objects) {
        return Some(0);
    }
    if share(&one.services, &other.services) && !(pane == Pane::Timeline && one.objects.len() > 1) {
        return Some(1);
    }
    (share(&one.clusters, &other.clusters) && verdict >= Verdict::Warning).then_some(2)
}

/// An item leads to its plan, and a plan to what followed from it.
fn plans(app: &App, entry: &Entry<'_>) -> Vec<Related> {
    let (Some(incident), Some(item)) = (app.incident(), entry.item()) else { return Vec::new() };
    let Some(record) = plan_of(incident, item) else { return Vec::new() };
    let plan = record.plan.plan.clone();
    let mut out = vec![Related {
        pane: Pane::Timeline,
        words: super::timeline_text::plan_says(record),
        to: Target::Plan(plan.clone()),
    }];
    let others = effects(incident, &plan).into_iter().filter(|it| it.entry.seq != item.entry.seq);
    out.extend(others.take(MOST).map(|it| Related {
        pane: Pane::Timeline,
        words: super::timeline_text::says(it),
        to: Target::Row(Pane::Timeline, Entry::Item(it).key()),
    }));
    out
}

fn about(app: &App, entry: &Entry<'_>) -> About {
    match entry {
        Entry::Item(item) | Entry::Waver(item, _) => of_item(item),
        Entry::Plan(record) => About { services: vec![record.plan.service.clone()], ..About::default() },
        Entry::Pool(row, pool, _) => {
            let mut about = of_row(app, row);
            about.object(pool.name.as_str());
            about
        }
        Entry::Fold(fold) => {
            let mut about = of_row(app, fold.newest);
            if fold.objects > 1 {
                about.objects.clear();
            }
            about
        }
        Entry::Row(row) | Entry::Loss(row, _) => of_row(app, row),
        Entry::Who(_) | Entry::Away(..) => About::default(),
    }
}

fn of_item(item: &Item) -> About {
    let mut about = About::default();
    if let Happening::Edge(edge) = &item.entry.happening {
        about.object(edge.subject.as_str());
        about.services.extend(edge.service.clone());
    }
    about
}

fn of_row(app: &App, row: &Row) -> About {
    let mut about = About::default();
    let objectives = app.mirror.welcome.as_ref().map_or(&[][..], |welcome| welcome.objectives.as_slice());
    let services = |fits: &dyn Fn(&Objective) -> bool| {
        objectives.iter().filter(|it| fits(it)).map(|it| it.service.clone()).collect::<Vec<_>>()
    };
    match &row.body {
        Body::Alert { alert, service, .. } => {
            about.object(alert.name.as_str());
            about.services.extend(service.clone());
            about.clusters.extend(alert.labels.get("cluster").map(ToString::to_string));
        }
        Body::LoadBalancer { lb, service, .. } => {
            about.object(lb.name.as_str());
            about.services.extend(service.clone());
        }
        Body::Event(event) => {
            about.object(event.object_name.as_str());
            about.clusters.push(event.cluster.clone());
            about.services = services(&|it| it.namespaces.iter().any(|own| event.namespace == own.as_str()));
        }
        Body::Cluster { name, .. } | Body::Parity { cluster: name, .. } => about.clusters.push(name.clone()),
        Body::Backup { cluster, schedule, services, point, .. } => {
            about.object(schedule.as_str());
            about.object(point.as_ref().map_or("", |point| point.name.as_str()));
            about.services.clone_from(services);
            about.clusters.push(cluster.clone());
        }
        Body::Location(it) => {
            about.object(it.name.as_str());
            about.clusters.push(it.cluster.clone());
        }
        Body::Restore(it) => {
            about.object(it.name.as_str());
            about.object(it.backup.as_str());
            about.clusters.push(it.cluster.clone());
        }
        Body::App(it) => {
            about.object(it.name.as_str());
            about.clusters.push(it.cluster.clone());
            about.services = services(&|own| own.owns_app(it.kind.as_str(), it.name.as_str()));
        }
        Body::Probe(it) => about.services.push(it.service.clone()),
        Body::Slo(it) => about.services.push(it.service.clone()),
        Body::Service { name, .. } => about.services.push(name.clone()),
        Body::Pool(it) => about.object(it.name.as_str()),
        Body::Source { .. } => about.clusters.push(row.source.instance.clone()),
        Body::Silence { .. } | Body::EdgeAccount(_) | Body::Heartbeat { .. } => {}
    }
    about
}
