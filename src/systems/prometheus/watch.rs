//! One round: every service's short windows, its long ones when they are due, and the rules.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use futures::{StreamExt, stream};

use super::client::{PrometheusClient, QueryFailure};
use super::map::{self, Fresh, Notes};
use super::promql::{self, Job};
use super::response::QueryResult;
use crate::config::{Figures, SloConfig};
use crate::model::facts::{Fact, FactKind};
use crate::model::slo::{LONG, WINDOWS};
use crate::model::{Stamp, Trouble};
use crate::systems::supervise::Round;
use crate::systems::{Reporter, supervise};

/// Questions under way at once: a server takes twenty by default, and others ask it too.
const AT_ONCE: usize = 4;
/// Gaps and retention change slowly: they are looked for once in so many rounds of long windows.
const COVERAGE_ROUNDS: u32 = 10;

/// What is remembered between rounds.
#[derive(Default)]
struct QueryMemory {
    long_at: Option<Stamp>,
    coverage_at: Option<Stamp>,
    retention_s: Option<u64>,
    /// By place in the list of objectives.
    notes: Vec<Notes>,
}

pub(super) struct PrometheusWatch {
    client: PrometheusClient,
    slos: Vec<SloConfig>,
    every_long: Duration,
    fresh: Fresh,
    reporter: Reporter,
    memory: Mutex<QueryMemory>,
}

/// What one question of a round was answered.
type Answered = (usize, Job, Result<QueryResult, QueryFailure>);

impl PrometheusWatch {
    pub(super) fn new(
        client: PrometheusClient,
        slos: Vec<SloConfig>,
        every: (Duration, Duration),
        reporter: Reporter,
    ) -> Self {
        let fresh = Fresh { short_s: supervise::fresh_for(every.0), long_s: supervise::fresh_for(every.1) };
        let memory = Mutex::new(QueryMemory { notes: vec![Notes::new(); slos.len()], ..QueryMemory::default() });
        Self { client, slos, every_long: every.1, fresh, reporter, memory }
    }

    /// Asks once and reports; true if the server answered.
    pub(super) async fn round(&self) -> Round {
        let now = self.reporter.clock().now();
        let (long, coverage) = self.due(now);
        let retention = async { if coverage { self.client.retention_s().await } else { None } };
        let (answers, rules, retention) = tokio::join!(self.ask(long, coverage), self.client.rules(), retention);
        if let Some(trouble) = silent(&answers, rules.as_ref().err()) {
            let how = Round::from(&trouble);
            self.reporter.trouble(trouble).await;
            return how;
        }
        let rules = rules.map(map::rules).unwrap_or_else(|why| {
            // Not every server that answers queries has rules; without them nothing is confirmed by them.
            tracing::debug!(source = %self.reporter.source(), why = %why.what, "rules can't be read");
            Vec::new()
        });
        let facts = self.take_in(answers, (long, coverage, retention));
        self.reporter.replace(FactKind::AlertRule, rules.into_iter().map(Fact::from).collect()).await;
        self.reporter.replace(FactKind::Slo, facts).await;
        Round::Well
    }

    /// Asks a few at a time, and stops asking a server that has failed so many: each further question could take its whole
    /// time limit.
    async fn ask(&self, long: bool, coverage: bool) -> Vec<Answered> {
        let mut questions = stream::iter(self.jobs(long, coverage))
            .map(|(nth, job, queries)| async move { (nth, job, self.first_known(&queries).await) })
            .buffer_unordered(AT_ONCE);
        let (mut answers, mut failed) = (Vec::new(), 0);
        while let Some(answer) = questions.next().await {
            failed += usize::from(matches!(answer.2, Err(QueryFailure::Source(_))));
            answers.push(answer);
            if failed >= AT_ONCE {
                break;
            }
        }
        answers
    }

    /// The first answer that holds anything, else the last: tools give one window different names.
    async fn first_known(&self, queries: &[String]) -> Result<QueryResult, QueryFailure> {
        let mut last = Ok(QueryResult::default());
        for query in queries {
            last = self.client.query(query).await;
            if !matches!(&last, Ok(said) if said.total == 0) {
                break;
            }
        }
        last
    }

    /// Whether the long windows, and the coverage, are to be asked in this round.
    fn due(&self, now: Stamp) -> (bool, bool) {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let every = TimeDelta::from_std(self.every_long).unwrap_or(TimeDelta::MAX);
        let rare = TimeDelta::from_std(self.every_long * COVERAGE_ROUNDS).unwrap_or(TimeDelta::MAX);
        let over = |at: Option<Stamp>, every| at.is_none_or(|at| now - at >= every || now < at);
        (over(memory.long_at, every), over(memory.coverage_at, rare))
    }

    fn jobs(&self, long: bool, coverage: bool) -> Vec<(usize, Job, Vec<String>)> {
        let mut out = Vec::new();
        for (nth, slo) in self.slos.iter().enumerate() {
            let mut jobs: Vec<Job> =
                WINDOWS.into_iter().filter(|window| long || *window < LONG).map(Job::Window).collect();
            if matches!(slo.figures, Figures::Recorded { .. }) {
                jobs.extend([300, 3_600].map(Job::Requests));
            }
            jobs.extend(long.then_some(Job::Period(slo.target.period_s)));
            if coverage {
                // Data that is younger than the time between two looks at the period is looked at more finely.
                let period = slo.target.period_s;
                jobs.extend([period, promql::look_s(period)].map(Job::Coverage));
            }
            let asked = jobs.into_iter().map(|job| (nth, job, promql::queries(&slo.figures, job)));
            out.extend(asked.filter(|(_, _, queries)| !queries.is_empty()));
        }
        out
    }

    /// Remembers the answers and makes the facts. What was asked but not reached is asked again in the next round.
    fn take_in(&self, answers: Vec<Answered>, (long, coverage, retention): (bool, bool, Option<u64>)) -> Vec<Fact> {
        let now = self.reporter.clock().now();
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        // A round that the server left unfinished counts for nothing that is asked rarely.
        let whole = !answers.iter().any(|(_, _, answer)| matches!(answer, Err(QueryFailure::Source(_))));
        if long && whole {
            memory.long_at = Some(now);
        }
        if coverage && whole {
            memory.coverage_at = Some(now);
            memory.retention_s = retention;
        }
        for (nth, job, answer) in answers {
            if let Some(notes) = memory.notes.get_mut(nth) {
                map::note(notes, job, now, answer, self.fresh);
            }
        }
        let all = self.slos.iter().zip(&memory.notes);
        all.map(|(slo, notes)| Fact::from(map::slo(slo, notes, memory.retention_s, self.fresh))).collect()
    }
}

/// The trouble of a server that answered nothing: neither a question nor, where there are none, its rules.
fn silent(answers: &[Answered], rules: Option<&Trouble>) -> Option<Trouble> {
    let mut first = None;
    for (_, _, answer) in answers {
        match answer {
            Err(QueryFailure::Source(trouble)) => first = first.or(Some(trouble)),
            _ => return None,
        }
    }
    if answers.is_empty() { rules.cloned() } else { first.cloned() }
}
