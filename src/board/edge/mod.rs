//! Edges: what changed between two judgements and is worth remembering. Pure.
//!
//! Each family asks one question of a row that has a yes or no answer whatever the row's freshness (staleness is the
//! source's own edge), and speaks when the answer changes. So edges of one thing alternate: they never repeat. A thing that
//! was not judged before counts as good, so what is already bad when the room starts is said at once.

mod alerts;
mod backups;
mod clusters;
mod slo;
mod traffic;

use std::collections::HashMap;

use serde_json::Value;

use crate::model::entry::Edge;
use crate::model::{EdgeKind, Rules, SafeText, Stamp};

use super::row::{Judged, Row, Topic, Verdict};

/// Compares two judgements, the newer made at `now`. An empty `old` is the first judgement. In order of happening.
pub fn edges(old: &Judged, new: &Judged, rules: &Rules, now: Stamp) -> Vec<Edge> {
    let pair = Pair::new(old, new, now);
    let mut out = Vec::new();
    clusters::sources(&pair, &mut out);
    clusters::clusters(&pair, &mut out);
    traffic::probes(&pair, &mut out);
    alerts::alerts(&pair, &mut out);
    traffic::load_balancers(&pair, &mut out);
    traffic::services(&pair, &mut out);
    clusters::parity(&pair, &mut out);
    backups::backups(&pair, &mut out);
    slo::slos(&pair, &mut out);
    out.retain(|edge| !rules.ignore.iter().any(|pattern| edge.edge.is_ignored_by(pattern)));
    out.sort_by_key(|edge| edge.at);
    out
}

/// Two judgements side by side.
struct Pair<'a> {
    new: &'a Judged,
    before: HashMap<(Topic, &'a str), &'a Row>,
    old: &'a Judged,
    now: Stamp,
}

impl<'a> Pair<'a> {
    fn new(old: &'a Judged, new: &'a Judged, now: Stamp) -> Self {
        let topics = old.topics.iter().filter(|(topic, _)| **topic != Topic::Events);
        let before = topics
            .flat_map(|(topic, view)| view.rows.iter().map(move |row| ((*topic, row.id.as_str()), row)))
            .collect();
        Self { new, before, old, now }
    }

    /// Rows of a topic now, each with what it was before.
    fn rows(&self, topic: Topic) -> impl Iterator<Item = (Option<&'a Row>, &'a Row)> {
        self.new.rows(topic).iter().map(move |row| (self.before.get(&(topic, row.id.as_str())).copied(), row))
    }

    /// Rows of a topic that are not there any more.
    fn vanished(&self, topic: Topic) -> impl Iterator<Item = &'a Row> {
        let there: std::collections::HashSet<&str> = self.new.rows(topic).iter().map(|row| row.id.as_str()).collect();
        // A topic that was not judged this time says nothing about its rows.
        let judged = self.new.topics.contains_key(&topic);
        self.old.rows(topic).iter().filter(move |row| judged && !there.contains(row.id.as_str()))
    }

    /// An edge of a row. `at` is never later than now: a source's clock may be ahead of ours.
    fn edge(
        &self,
        kind: EdgeKind,
        row: &Row,
        at: Option<Stamp>,
        verdict: Verdict,
        subject: &SafeText,
        says: String,
    ) -> Edge {
        Edge {
            edge: kind,
            at: at.unwrap_or(row.seen_at).min(self.now),
            source: row.source.to_string(),
            subject: subject.clone(),
            service: None,
            verdict: verdict.name().to_owned(),
            says: SafeText::new(&says),
            figures: Value::Null,
        }
    }
}

/// An instant as figures carry it.
fn stamp(at: Stamp) -> Value {
    Value::String(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
