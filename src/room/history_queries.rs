//! Looking back, so that it slows nobody: so many looks a person, two at work in the whole room, one of a connection at a time.
//!
//! The lock that a look shares with the writer is held while pointers are copied; sorting and copying rows come after it,
//! on a thread that no session waits for.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, oneshot};

use super::board_history::BoardHistory;
use super::engine_message::Answer;
use super::person_budget::{Whose, rate};
use super::row_pages::past_page;
use super::token_bucket::TokenBucket;
use crate::board::Topic;
use crate::model::{Refusal, Stamp};

/// Pages a person may ask for at once, and a second after that. One look of a console is two dozen pages at the most.
const BURST: f64 = 240.0;
const PER_SECOND: f64 = 12.0;
/// Accounts that are counted at once; one beyond that is counted when another has rested. Persons always are.
const MOST: usize = 1_024;
/// Looks at work at once in the whole room. The others wait, and only for each other.
const AT_WORK: usize = 2;

/// The histories, and who asks for them how fast.
pub(super) struct HistoryQueries {
    /// Held while it is written to, or while pointers are copied out of it.
    pub past: Mutex<BoardHistory>,
    by_person: Mutex<BTreeMap<Whose, TokenBucket>>,
    at_work: Arc<Semaphore>,
}

impl Default for HistoryQueries {
    fn default() -> Self {
        Self { past: Mutex::default(), by_person: Mutex::default(), at_work: Arc::new(Semaphore::new(AT_WORK)) }
    }
}

impl HistoryQueries {
    /// Whether this person may look now, on the boot clock.
    ///
    /// # Errors
    /// The refusal that says when they may again.
    pub(super) fn allow(&self, whose: &Whose, now: Duration) -> Result<(), Refusal> {
        let mut by_person = self.by_person.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(whose, Whose::Account(_)) && by_person.len() >= MOST && !by_person.contains_key(whose) {
            by_person.retain(|_, bucket| !bucket.is_full(now));
            if by_person.len() >= MOST {
                return Err(too_fast(Duration::from_secs(1)));
            }
        }
        let full = || TokenBucket::new(BURST, PER_SECOND, now);
        let bucket = by_person.entry(whose.clone()).or_insert_with(full);
        if bucket.take(1.0, now) { Ok(()) } else { Err(too_fast(bucket.wait(1.0, now).unwrap_or_default())) }
    }

    /// Answers in its own time. `one` has one permit: a connection's next look begins when this one has ended.
    pub(super) fn begin(
        self: &Arc<Self>,
        one: Arc<Semaphore>,
        (topic, at, page): (Topic, Stamp, u32),
        reply: oneshot::Sender<Answer>,
    ) {
        let looks = self.clone();
        tokio::spawn(async move {
            let (Ok(one), Ok(all)) = (one.acquire_owned().await, looks.at_work.clone().acquire_owned().await) else {
                return;
            };
            // Who asked may be gone by now.
            if reply.is_closed() {
                return;
            }
            let work = move || {
                let (then, since) = looks.past.lock().unwrap_or_else(PoisonError::into_inner).then(topic, at);
                let answer = past_page(then.as_ref(), since, page);
                // Who has an answer may look again.
                drop((one, all));
                let _ = reply.send(Ok(answer));
            };
            let _ = tokio::task::spawn_blocking(work).await;
        });
    }
}

fn too_fast(wait: Duration) -> Refusal {
    rate("you looked back too often in a short time; what is shown stays as it is", wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RefusalKind;
    use crate::protocol::Reply;

    const NOW: Duration = Duration::from_secs(1_000);

    fn at() -> Stamp {
        Stamp::UNIX_EPOCH
    }

    #[test]
    fn who_looks_too_often_hears_when_to_ask_again_and_nobody_else_does() {
        let looks = HistoryQueries::default();
        let refused = (0..1_000).find_map(|n| looks.allow(&Whose::Account(1000), NOW).err().map(|it| (n, it)));
        let (n, refusal) = refused.expect("a refusal");
        assert_eq!(n, 240);
        assert_eq!(refusal.kind, RefusalKind::Rate);
        assert!(refusal.remedy.as_str().contains("ask again in 1 s"), "{refusal}");
        assert!(looks.allow(&Whose::Account(1001), NOW).is_ok(), "another person is not counted with them");
    }

    #[test]
    fn uids_are_bounded_and_those_at_rest_make_room() {
        let looks = HistoryQueries::default();
        for uid in 0..MOST as u32 {
            looks.by_person.lock().unwrap().insert(Whose::Account(uid), TokenBucket::new(1.0, 0.0, NOW));
        }
        assert!(looks.allow(&Whose::Account(9_999), NOW).is_ok(), "all the others were at rest");
        assert_eq!(looks.by_person.lock().unwrap().len(), 1);
        for uid in 0..MOST as u32 {
            let mut used = TokenBucket::new(1.0, 0.0, NOW);
            assert!(used.take(1.0, NOW));
            looks.by_person.lock().unwrap().insert(Whose::Account(uid), used);
        }
        assert!(looks.allow(&Whose::Account(9_998), NOW).is_err(), "none of the others has rested");
        assert!(looks.allow(&Whose::Person("ana".into()), NOW).is_ok(), "they keep nobody of the people file out");
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_look_that_waits_for_the_lock_holds_no_second_one_and_no_session_up() {
        let (looks, one) = (Arc::new(HistoryQueries::default()), Arc::new(Semaphore::new(1)));
        let mut answers = Vec::new();
        {
            let _writer = looks.past.lock().unwrap();
            for page in 0..5 {
                let (reply, answer) = oneshot::channel();
                // Returns at once, though the writer holds the lock.
                looks.begin(one.clone(), (Topic::Events, at(), page), reply);
                answers.push(answer);
            }
            for _ in 0..50 {
                std::thread::yield_now();
            }
            assert!(looks.at_work.available_permits() >= AT_WORK - 1, "one connection has one at work");
        }
        for answer in answers {
            let Ok(Ok(Reply::Past { known, .. })) = answer.await else { panic!("an answer") };
            assert!(!known);
        }
        assert_eq!((one.available_permits(), looks.at_work.available_permits()), (1, AT_WORK));
    }
}
