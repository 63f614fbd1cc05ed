//! The judgement of a board, made again only where it may be another one: a table is judged when something was heard that it
//! rests on, or when an instant has come at which its rows may change by themselves, as what was fresh goes stale.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Board;
use super::row::{JudgedBoard, Topic};
use crate::model::Stamp;

/// A board as it was judged last.
#[derive(Clone, Debug, Default)]
pub struct KeptJudgement {
    judged: JudgedBoard,
    /// From when on the rows of a table may be others though nothing is heard; `None` = never.
    stands_until: BTreeMap<Topic, Option<Stamp>>,
    at: Option<Stamp>,
    topics_judged: u64,
}

impl KeptJudgement {
    /// As it was judged last. What did not change since is the same allocation.
    pub fn board(&self) -> &JudgedBoard {
        &self.judged
    }

    /// How many times a table was judged: the work that was done.
    pub fn topics_judged(&self) -> u64 {
        self.topics_judged
    }

    /// Judges what may be otherwise by now; answers with the tables that are.
    pub fn renew(&mut self, board: &mut Board, now: Stamp) -> BTreeSet<Topic> {
        // Where the clock was set back, nothing that was told of a time to come holds.
        let set_back = self.at.is_some_and(|at| now < at);
        self.at = Some(now);
        let heard = board.clean();
        let mut changed = BTreeSet::new();
        for topic in Topic::ALL.iter().copied() {
            let stands = self.stands_until.get(&topic).is_some_and(|until| until.is_none_or(|until| now < until));
            if stands && !set_back && !heard.contains(&topic) {
                continue;
            }
            let (view, until) = board.judge_until(topic, now);
            self.topics_judged += 1;
            self.stands_until.insert(topic, until);
            if self.judged.topics.get(&topic).is_none_or(|known| **known != view) {
                self.judged.topics.insert(topic, Arc::new(view));
                changed.insert(topic);
            }
        }
        changed
    }
}
