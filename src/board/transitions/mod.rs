//! Transitions: where the board differs from what the log says, as far as that is worth remembering. Pure.
//!
//! Each family asks one question of a row that has a yes or no answer whatever the row's freshness (staleness is the
//! source's own transition), and speaks when the answer differs from what the log says stands ([`StandingChanges`]). So transitions of one thing
//! alternate: they never repeat, across restarts neither. A thing of which the log says nothing counts as good, so what is
//! already bad when the room first looks is said at once.
//!
//! Nothing is said of rows whose sources are still being read: half of an answer is none.

mod alerts;
mod backups;
mod clusters;
mod flap_damping;
mod slo;
mod traffic;

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::model::catalog::WholeWith;
use crate::model::entry::Transition;
use crate::model::{SafeText, SourceId, Stamp, System, TransitionKind};
use crate::timeline::StandingChanges;

use super::row::{JudgedBoard, Row, SourceRow, Topic, Verdict};

pub use flap_damping::FlapDamping;
#[cfg(test)]
pub use flap_damping::find_transitions;

/// The board beside what the log says.
struct BoardDiff<'a> {
    new: &'a JudgedBoard,
    standing: &'a StandingChanges,
    /// The rows as they were looked at before: for what is news only as a move from one look to the next.
    before: HashMap<(Topic, &'a str), &'a Row>,
    /// Sources of which some list is still being read.
    unread: Vec<&'a SourceId>,
    memory: LookMemory<'a>,
    now: Stamp,
}

/// What a room remembers of its own looks since it started.
#[derive(Clone, Copy)]
struct LookMemory<'a> {
    /// The rows of the look before.
    before: &'a JudgedBoard,
    /// What was told since the room started.
    own: &'a BTreeSet<(TransitionKind, String)>,
    /// The first look.
    began: Stamp,
}

impl<'a> BoardDiff<'a> {
    fn new(standing: &'a StandingChanges, memory: LookMemory<'a>, new: &'a JudgedBoard, now: Stamp) -> Self {
        let before = memory
            .before
            .topics
            .iter()
            .flat_map(|(topic, view)| view.rows.iter().map(move |row| ((*topic, row.id.as_str()), row)))
            .collect();
        let reading = |row: &&Row| row.as_kind::<SourceRow>().is_some_and(|it| it.reading);
        let unread = new.rows(Topic::Sources).iter().filter(reading).map(|row| &row.source).collect();
        Self { new, standing, before, unread, memory, now }
    }

    /// What the log says that is not so any more, and whose end is no news.
    fn over(&self) -> Vec<(TransitionKind, String)> {
        let mut out = Vec::new();
        backups::over(self, &mut out);
        slo::over(self, &mut out);
        out
    }

    /// Whether enough was seen since the room started to say that something is over which an earlier run told.
    fn is_known_again(&self, told: &Transition, takes_s: i64) -> bool {
        self.memory.own.contains(&(told.edge.clone(), told.about()))
            || (self.now - self.memory.began).num_seconds() >= takes_s
    }

    /// Everything that changed in this judgement.
    fn transitions(&self) -> Vec<Transition> {
        let mut out = Vec::new();
        clusters::sources(self, &mut out);
        clusters::clusters(self, &mut out);
        traffic::probes(self, &mut out);
        alerts::alerts(self, &mut out);
        traffic::load_balancers(self, &mut out);
        traffic::services(self, &mut out);
        clusters::parity(self, &mut out);
        backups::backups(self, &mut out);
        slo::slos(self, &mut out);
        out
    }

    /// Rows of a topic that can be believed to be whole.
    fn rows(&self, topic: Topic) -> impl Iterator<Item = &'a Row> {
        self.new.rows(topic).iter().filter(move |row| self.is_read(topic, row))
    }

    /// As the row was looked at before.
    fn before(&self, topic: Topic, row: &Row) -> Option<&'a Row> {
        self.before.get(&(topic, row.id.as_str())).copied()
    }

    /// Whether every source that a row was judged by has told all of its lists.
    fn is_read(&self, topic: Topic, row: &Row) -> bool {
        let concerns = |id: &&SourceId| match topic.whole_with() {
            WholeWith::EverySource => topic.systems().contains(&id.system),
            WholeWith::OwnSource => **id == row.source,
            WholeWith::NoSource => false,
        };
        !self.unread.iter().any(concerns)
    }

    /// Whether every alert that there is has a row: all Alertmanagers were read or are known not to answer, one of them was
    /// read, and no row was left out.
    fn knows_all_alerts(&self) -> bool {
        let Some(view) = self.new.topics.get(&Topic::Alerts) else { return false };
        let alertmanagers =
            self.new.rows(Topic::Sources).iter().filter(|row| row.source.system == System::Alertmanager);
        let answers = |it: &SourceRow| !it.reading && it.alive_at.is_some() && it.trouble.is_none();
        let pending = self.unread.iter().any(|id| id.system == System::Alertmanager);
        !pending && view.total == view.rows.len() as u64 && alertmanagers.filter_map(Row::as_kind).any(answers)
    }

    /// A transition of a row. `at` is never later than now: a source's clock may be ahead of ours.
    fn transition(
        &self,
        kind: TransitionKind,
        row: &Row,
        at: Option<Stamp>,
        verdict: Verdict,
        subject: &SafeText,
        says: String,
    ) -> Transition {
        Transition {
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

    /// Ids of the rows of a topic.
    fn ids(&self, topic: Topic) -> HashSet<&'a str> {
        self.new.rows(topic).iter().map(|row| row.id.as_str()).collect()
    }
}

/// An instant as figures carry it.
fn stamp(at: Stamp) -> Value {
    Value::String(at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true))
}
