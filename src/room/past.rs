//! Events and alerts as they were: kept beside the timeline in memory, for consoles that look back.
//!
//! Whole for as long as an incident is open and the bound allows, else for two hours; a room that was started again knows
//! nothing older than its start, and says from when on it knows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::TimeDelta;

use crate::board::{Row, Topic, TopicView};
use crate::model::Stamp;
use crate::model::filter::Fields;

/// The topics that are kept. Of the others the timeline has the edges.
pub const KEPT: [Topic; 2] = [Topic::Alerts, Topic::Events];
/// The most changes kept of a topic; the oldest go first.
const MOST_CHANGES: usize = 12_000;
/// The most events that were the newest at an instant.
const MOST_EVENTS: usize = 1_000;
const CALM_FOR: TimeDelta = TimeDelta::hours(2);

/// A row came or changed (`Some`), or went.
struct Change {
    at: Stamp,
    id: String,
    row: Option<Arc<Row>>,
}

/// One topic's history: how it stood at `since`, and every change after that.
struct Track {
    topic: Topic,
    since: Stamp,
    base: HashMap<String, Arc<Row>>,
    changes: VecDeque<Change>,
    /// How it stands now.
    now: HashMap<String, Arc<Row>>,
}

/// The histories.
#[derive(Default)]
pub struct Past {
    tracks: BTreeMap<Topic, Track>,
}

impl Past {
    /// A topic stands like this from `now` on.
    pub fn note(&mut self, topic: Topic, now: Stamp, view: &TopicView, incident_open: bool) {
        if !KEPT.contains(&topic) {
            return;
        }
        let track = self.tracks.entry(topic).or_insert_with(|| Track {
            topic,
            since: now,
            base: HashMap::new(),
            changes: VecDeque::new(),
            now: HashMap::new(),
        });
        track.note(now, view);
        track.forget((!incident_open).then(|| now - CALM_FOR));
    }

    /// The rows of a topic at an instant, and since when they are known; `None` = not at that instant.
    pub fn at(&self, topic: Topic, at: Stamp) -> (Option<Vec<Row>>, Option<Stamp>) {
        match self.tracks.get(&topic) {
            None => (None, None),
            Some(track) if at < track.since => (None, Some(track.since)),
            Some(track) => (Some(track.at(at)), Some(track.since)),
        }
    }
}

impl Track {
    fn note(&mut self, at: Stamp, view: &TopicView) {
        // The clock of a drill can be set; the order of what was seen can't.
        let at = self.changes.back().map_or(at, |last| last.at.max(at));
        for row in &view.rows {
            if self.now.get(&row.id).is_some_and(|known| is_same(known, row)) {
                continue;
            }
            let row = Arc::new(row.clone());
            self.now.insert(row.id.clone(), row.clone());
            self.changes.push_back(Change { at, id: row.id.clone(), row: Some(row) });
        }
        if self.now.len() > view.rows.len() {
            let here: std::collections::HashSet<&str> = view.rows.iter().map(|row| row.id.as_str()).collect();
            let gone: Vec<String> = self.now.keys().filter(|id| !here.contains(id.as_str())).cloned().collect();
            for id in gone {
                self.now.remove(&id);
                // An event does not become undone when newer ones push it out of the list.
                if self.topic != Topic::Events {
                    self.changes.push_back(Change { at, id, row: None });
                }
            }
        }
    }

    /// Forgets what is beyond the bound, and what is older than `before`.
    fn forget(&mut self, before: Option<Stamp>) {
        let old = |change: &Change| before.is_some_and(|before| change.at < before);
        let mut forgot = false;
        while self.changes.len() > MOST_CHANGES || self.changes.front().is_some_and(old) {
            let Some(change) = self.changes.pop_front() else { break };
            forgot = true;
            self.since = self.since.max(change.at);
            match change.row {
                Some(row) => self.base.insert(change.id, row),
                None => self.base.remove(&change.id),
            };
        }
        if forgot && self.topic == Topic::Events && self.base.len() > 2 * MOST_EVENTS {
            let mut newest: Vec<Arc<Row>> = self.base.drain().map(|(_, row)| row).collect();
            newest.sort_by_key(|row| std::cmp::Reverse(row.seen_at));
            self.base = newest.into_iter().take(MOST_EVENTS).map(|row| (row.id.clone(), row)).collect();
        }
    }

    fn at(&self, at: Stamp) -> Vec<Row> {
        let mut rows: HashMap<&str, &Arc<Row>> = self.base.iter().map(|(id, row)| (id.as_str(), row)).collect();
        for change in self.changes.iter().take_while(|change| change.at <= at) {
            match &change.row {
                Some(row) => rows.insert(&change.id, row),
                None => rows.remove(change.id.as_str()),
            };
        }
        let mut rows: Vec<&Arc<Row>> = rows.into_values().collect();
        match self.topic {
            Topic::Events => rows.sort_unstable_by(|a, b| b.seen_at.cmp(&a.seen_at).then_with(|| a.id.cmp(&b.id))),
            _ => rows.sort_unstable_by(|a, b| {
                b.verdict.cmp(&a.verdict).then_with(|| b.at().cmp(&a.at())).then_with(|| a.id.cmp(&b.id))
            }),
        }
        rows.into_iter().take(MOST_EVENTS).map(|row| Row::clone(row)).collect()
    }
}

/// That it was proven again is no change.
fn is_same(a: &Row, b: &Row) -> bool {
    a.verdict == b.verdict && a.stale == b.stale && a.why == b.why && a.body == b.body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::{Body, Verdict};
    use crate::model::{SafeText, SourceId, System};

    fn at(second: i64) -> Stamp {
        Stamp::from_timestamp(1_800_000_000 + second, 0).expect("an instant")
    }

    fn row(id: &str, verdict: Verdict, seen: i64) -> Row {
        Row {
            id: id.to_owned(),
            source: SourceId::new(System::Alertmanager, "am"),
            verdict,
            seen_at: at(seen),
            stale: false,
            why: SafeText::default(),
            body: Body::Source { alive_at: None, troubled_since: None, trouble: None, fresh_for_s: 1 },
        }
    }

    fn view(rows: Vec<Row>) -> TopicView {
        TopicView { total: rows.len() as u64, dropped: 0, rows }
    }

    fn ids(past: &Past, topic: Topic, second: i64) -> Option<String> {
        let rows = past.at(topic, at(second)).0?;
        Some(rows.iter().map(|row| format!("{}={}", row.id, row.verdict.name())).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn rows_stand_as_they_stood_at_every_instant() {
        let mut past = Past::default();
        past.note(Topic::Alerts, at(10), &view(vec![row("a", Verdict::Critical, 10)]), true);
        past.note(Topic::Alerts, at(12), &view(vec![row("a", Verdict::Critical, 12)]), true);
        let two = vec![row("a", Verdict::Warning, 20), row("b", Verdict::Critical, 20)];
        past.note(Topic::Alerts, at(20), &view(two), true);
        past.note(Topic::Alerts, at(30), &view(vec![row("b", Verdict::Critical, 30)]), true);
        let wanted =
            [(9, None), (10, Some("a=critical")), (19, Some("a=critical")), (20, Some("b=critical a=warning"))];
        for (second, rows) in wanted {
            assert_eq!(ids(&past, Topic::Alerts, second).as_deref(), rows, "{second}");
        }
        assert_eq!(ids(&past, Topic::Alerts, 30).as_deref(), Some("b=critical"));
        assert_eq!(past.at(Topic::Alerts, at(9)).1, Some(at(10)), "it says since when it knows");
        assert_eq!(past.tracks[&Topic::Alerts].changes.len(), 4, "proven again is no change");
        past.note(Topic::Backups, at(10), &view(vec![row("s", Verdict::Ok, 10)]), true);
        assert_eq!(ids(&past, Topic::Backups, 30), None, "of this the timeline has the edges");
    }

    #[test]
    fn it_is_bounded_and_says_from_when_on_it_knows() {
        let mut past = Past::default();
        for n in 0..4_000 {
            let newest = (0..4).map(|k| row(&format!("e{}", n * 4 + k), Verdict::Warning, n)).collect();
            past.note(Topic::Events, at(n), &view(newest), true);
        }
        let track = &past.tracks[&Topic::Events];
        assert!(track.changes.len() <= MOST_CHANGES && track.base.len() <= 2 * MOST_EVENTS + 1);
        assert_eq!(ids(&past, Topic::Events, 100), None);
        let since = past.at(Topic::Events, at(100)).1.expect("since when");
        assert_eq!(since, at(999), "the newest 12,000 of 16,000 changes");
        let rows = past.at(Topic::Events, at(3_000)).0.expect("known");
        assert_eq!((rows.len(), rows[0].seen_at, rows[999].seen_at), (1_000, at(3_000), at(2_751)));
    }

    #[test]
    fn without_an_incident_it_is_forgotten_after_a_while() {
        let mut past = Past::default();
        past.note(Topic::Alerts, at(0), &view(vec![row("a", Verdict::Warning, 0)]), true);
        past.note(Topic::Alerts, at(9_000), &view(vec![row("a", Verdict::Critical, 0)]), true);
        assert_eq!(ids(&past, Topic::Alerts, 10).as_deref(), Some("a=warning"), "an open incident keeps all");
        past.note(Topic::Alerts, at(9_001), &view(Vec::new()), false);
        assert_eq!(past.tracks[&Topic::Alerts].changes.len(), 2);
        assert_eq!(ids(&past, Topic::Alerts, 8_999).as_deref(), Some("a=warning"));
    }
}
