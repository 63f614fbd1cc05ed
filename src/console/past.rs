//! The console at an earlier instant: entries folded up to it, events and alerts as the room kept them. What has no
//! history shows the last changes that were recorded by then.

use crate::board::{Row, Topic};
use crate::client::Mirror;
use crate::model::{EdgeFamily, EdgeKind, Happening, Stamp, System};
use crate::protocol::Short;
use crate::timeline::{Incident, Item, Story};

use super::app::{App, Pane};

/// What the room answered about a topic.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// It was asked.
    Asked,
    /// The rows are those of then; and what they lack, if anything.
    Known(Option<Short>),
    /// It is not known; from this instant on it is, if any.
    Unknown(Option<Stamp>),
}

impl Kept {
    /// Whether there are rows of then.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

/// An earlier instant.
#[derive(Clone, Debug)]
pub struct Past {
    pub at: Stamp,
    /// As everything was.
    pub mirror: Mirror,
    pub alerts: Kept,
    pub events: Kept,
}

impl Past {
    /// Folds what was recorded by then. Rows come from the room.
    pub fn new(mirror: &Mirror, at: Stamp) -> Self {
        let mut entries: Vec<_> = mirror
            .story
            .incidents
            .iter()
            .flat_map(|incident| incident.items.iter().map(|item| &item.entry))
            .filter(|entry| entry.ts <= at)
            .collect();
        entries.sort_by_key(|entry| entry.seq);
        entries.dedup_by_key(|entry| entry.seq);
        let story = entries.into_iter().fold(Story::default(), |mut story, entry| {
            story.apply(entry);
            story
        });
        let mirror = Mirror {
            link: mirror.link.clone(),
            welcome: mirror.welcome.clone(),
            story,
            caught_up: true,
            broken: mirror.broken.clone(),
            ..Mirror::default()
        };
        Self { at, mirror, alerts: Kept::Asked, events: Kept::Asked }
    }

    /// What is known of a topic that the room keeps.
    pub fn kept(&mut self, topic: Topic) -> &mut Kept {
        if topic == Topic::Alerts { &mut self.alerts } else { &mut self.events }
    }

    /// Takes in a page.
    pub fn add(&mut self, topic: Topic, rows: Vec<Row>, short: Option<Short>) {
        *self.kept(topic) = Kept::Known(short);
        self.mirror.board.entry(topic).or_default().rows.extend(rows);
    }

    /// A topic is not known: what came of it before is a part of it and would look like the whole.
    pub fn lose(&mut self, topic: Topic, since: Option<Stamp>) {
        *self.kept(topic) = Kept::Unknown(since);
        self.mirror.board.remove(&topic);
    }
}

/// The pane that an edge belongs to.
fn pane_of(edge: &EdgeKind, source: &str) -> Option<Pane> {
    let system = || System::ALL.into_iter().find(|system| source.split('/').next() == Some(system.name()));
    Some(match edge.family()? {
        EdgeFamily::Alert | EdgeFamily::Watchdog => Pane::Alerts,
        EdgeFamily::Probe | EdgeFamily::Traffic | EdgeFamily::Service | EdgeFamily::Slo => Pane::Traffic,
        EdgeFamily::Backup | EdgeFamily::Location | EdgeFamily::Restore => Pane::Backups,
        EdgeFamily::Gitops => Pane::Gitops,
        EdgeFamily::ControlPlane | EdgeFamily::Node => Pane::Events,
        EdgeFamily::Log | EdgeFamily::Recording | EdgeFamily::Clock => return None,
        EdgeFamily::Source => match system()? {
            System::Kubernetes => Pane::Events,
            System::Velero => Pane::Backups,
            System::Argocd | System::Flux => Pane::Gitops,
            System::Alertmanager => Pane::Alerts,
            System::Cloudflare | System::Probe | System::Prometheus => Pane::Traffic,
        },
    })
}

/// For a pane: the last edge of each thing that had happened and was recorded by then, the newest first.
pub fn edges<'a>(app: &'a App, past: &Past, pane: Pane) -> Vec<&'a Item> {
    let items = app.mirror.story.incidents.iter().flat_map(|incident| &incident.items);
    let mut found: Vec<&Item> = Vec::new();
    let mut by_time: Vec<&Item> = items.filter(|item| item.at <= past.at && item.entry.ts <= past.at).collect();
    by_time.sort_by_key(|item| (std::cmp::Reverse(item.at), std::cmp::Reverse(item.entry.seq)));
    let mut seen = std::collections::HashSet::new();
    for item in by_time {
        let Happening::Edge(edge) = &item.entry.happening else { continue };
        if pane_of(&edge.edge, &edge.source) != Some(pane) {
            continue;
        }
        if seen.insert((edge.edge.family(), edge.subject.as_str(), edge.source.as_str())) {
            found.push(item);
        }
    }
    found
}

/// The incident that `T+0` is of, then or since: to say when something was, it is enough that it is known now.
pub fn incident(app: &App) -> Option<&Incident> {
    app.incident().or_else(|| app.mirror.story.latest())
}
