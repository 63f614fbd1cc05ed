//! Looking back, so that it slows nobody: so many looks a uid, two at work in the whole room, one of a connection at a time.
//!
//! The lock that a look shares with the writer is held while pointers are copied; sorting and copying rows come after it,
//! on a thread that no session waits for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Semaphore, oneshot};

use super::engine::Answer;
use super::pages::past_page;
use super::past::Past;
use super::rate::Bucket;
use crate::board::Topic;
use crate::model::{Refusal, RefusalKind, Stamp};

/// Pages a uid may ask for at once, and a second after that. One look of a console is two dozen pages at the most.
const BURST: f64 = 240.0;
const PER_SECOND: f64 = 12.0;
/// Uids that are counted at once; one beyond that is counted when another has rested.
const MOST_UIDS: usize = 1_024;
/// Looks at work at once in the whole room. The others wait, and only for each other.
const AT_WORK: usize = 2;

/// The histories, and who asks for them how fast.
pub struct Looks {
    /// Held while it is written to, or while pointers are copied out of it.
    pub past: Mutex<Past>,
    by_uid: Mutex<HashMap<u32, Bucket>>,
    at_work: Arc<Semaphore>,
}

impl Default for Looks {
    fn default() -> Self {
        Self { past: Mutex::default(), by_uid: Mutex::default(), at_work: Arc::new(Semaphore::new(AT_WORK)) }
    }
}

impl Looks {
    /// Whether this uid may look now.
    ///
    /// # Errors
    /// The refusal that says when it may again.
    pub fn allow(&self, uid: u32) -> Result<(), Refusal> {
        let mut by_uid = self.by_uid.lock().unwrap_or_else(PoisonError::into_inner);
        if by_uid.len() >= MOST_UIDS && !by_uid.contains_key(&uid) {
            by_uid.retain(|_, bucket| !bucket.is_full());
            if by_uid.len() >= MOST_UIDS {
                return Err(too_fast(1));
            }
        }
        let bucket = by_uid.entry(uid).or_insert_with(|| Bucket::new(BURST, PER_SECOND));
        if bucket.take() { Ok(()) } else { Err(too_fast(bucket.again_in_s())) }
    }

    /// Answers in its own time. `one` has one permit: a connection's next look begins when this one has ended.
    pub fn begin(
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

fn too_fast(seconds: u64) -> Refusal {
    Refusal::new(
        RefusalKind::Rate,
        "your account looked back too often in a short time",
        format!("ask again in {seconds} s; what is shown stays as it is"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Reply;

    fn at() -> Stamp {
        Stamp::UNIX_EPOCH
    }

    #[test]
    fn who_looks_too_often_hears_when_to_ask_again_and_nobody_else_does() {
        let looks = Looks::default();
        let refused = (0..1_000).find_map(|n| looks.allow(1000).err().map(|it| (n, it)));
        let (n, refusal) = refused.expect("a refusal");
        assert!((240..400).contains(&n), "{n}");
        assert_eq!(refusal.kind, RefusalKind::Rate);
        assert!(refusal.remedy.as_str().contains("ask again in 1 s"), "{refusal}");
        assert!(looks.allow(1001).is_ok(), "another person is not counted with them");
    }

    #[test]
    fn uids_are_bounded_and_those_at_rest_make_room() {
        let looks = Looks::default();
        for uid in 0..MOST_UIDS as u32 {
            looks.by_uid.lock().unwrap().insert(uid, Bucket::new(1.0, 0.0));
        }
        assert!(looks.allow(9_999).is_ok(), "all the others were at rest");
        assert_eq!(looks.by_uid.lock().unwrap().len(), 1);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_look_that_waits_for_the_lock_holds_no_second_one_and_no_session_up() {
        let (looks, one) = (Arc::new(Looks::default()), Arc::new(Semaphore::new(1)));
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
