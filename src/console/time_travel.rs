//! The console at an earlier instant: entries folded up to it, events and alerts as the room kept them. What has no
//! history shows the last changes that were recorded by then.

use crate::board::{Row, Topic};
use crate::client::{self, KEPT, Mirror};
use crate::model::entry::LogLine;
use crate::model::{IncidentId, Stamp};
use crate::protocol::Short;
use crate::timeline::{Keep, Story};

use super::widget::time::Zone;

/// What the room answered about a topic.
#[derive(Clone, Debug, PartialEq)]
pub enum PastTopic {
    /// It was asked.
    Asked,
    /// The rows are those of then; and what they lack, if anything.
    Known(Option<Short>),
    /// It is not known; from this instant on it is, if any.
    Unknown(Option<Stamp>),
}

impl PastTopic {
    /// Whether there are rows of then.
    pub fn is_known(&self) -> bool {
        matches!(self, Self::Known(_))
    }
}

/// An earlier instant.
#[derive(Clone, Debug)]
pub struct TimeTravel {
    /// Measured by the room's clock; what was recorded later is left out.
    pub at: Stamp,
    /// As everything was.
    pub mirror: Mirror,
    /// Whether the rows of the pane are those of then.
    pub alerts: PastTopic,
    /// Whether the rows of the pane are those of then.
    pub events: PastTopic,
    /// The console does not keep every entry of then: the incident of then is read from the room.
    pub read: Option<IncidentId>,
}

impl TimeTravel {
    /// Folds what was recorded by then, as far as the console keeps it. Rows come from the room.
    pub fn new(mirror: &Mirror, at: Stamp) -> Self {
        let read = incident_to_read(mirror, at);
        let mut entries: Vec<_> = mirror
            .story
            .incidents
            .iter()
            .flat_map(|incident| incident.items.iter().map(|item| &item.entry))
            .filter(|entry| entry.ts <= at && read.is_none())
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
            story: story.into(),
            caught_up: read.is_none(),
            broken: mirror.broken.clone(),
            ..Mirror::default()
        };
        Self { at, mirror, alerts: PastTopic::Asked, events: PastTopic::Asked, read }
    }

    /// Folds a page of the entries of then; whether what was recorded by then may go on behind it.
    pub fn tell(&mut self, lines: &[LogLine], after: Option<Stamp>) -> bool {
        if self.mirror.story.entries == 0 {
            self.mirror.story = Story::of_one(after, Keep::Newest(KEPT)).into();
        }
        let mut beyond = false;
        for entry in client::entries(lines) {
            beyond = entry.ts > self.at;
            if !beyond {
                self.mirror.story.apply(&entry);
            }
        }
        !beyond
    }

    /// `14:41`, with the day where it is another one.
    pub fn instant(&self, zone: &Zone, now: Stamp) -> String {
        let clock = if self.at.timestamp() % 60 == 0 { zone.minutes(self.at) } else { zone.seconds(self.at) };
        let then = zone.of(self.at);
        if then.date() == zone.of(now).date() {
            clock
        } else {
            format!("{} {clock}", then.format("%e %b")).trim_start().to_owned()
        }
    }

    /// What is known of a topic that the room keeps.
    pub fn kept(&mut self, topic: Topic) -> &mut PastTopic {
        if topic == Topic::Alerts { &mut self.alerts } else { &mut self.events }
    }

    /// Takes in a page.
    pub fn add(&mut self, topic: Topic, rows: Vec<Row>, short: Option<Short>) {
        *self.kept(topic) = PastTopic::Known(short);
        self.mirror.board.topic_mut(topic).rows.extend(rows);
    }

    /// A topic is not known: what came of it before is a part of it and would look like the whole.
    pub fn lose(&mut self, topic: Topic, since: Option<Stamp>) {
        *self.kept(topic) = PastTopic::Unknown(since);
        self.mirror.board.remove(&topic);
    }
}

/// The incident of an instant, if the console does not keep all that is to be folded up to there.
fn incident_to_read(mirror: &Mirror, at: Stamp) -> Option<IncidentId> {
    let partial = mirror.story.incidents.iter().any(|incident| incident.missing() > 0);
    let then = mirror.story.incidents.iter().rfind(|incident| incident.opened_at <= at);
    then.filter(|_| partial).map(|incident| incident.id.clone())
}
