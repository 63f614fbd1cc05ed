//! What one person may use up of the room, over all their connections and accounts: requests, text, greetings, streams of
//! the past, readings outside, and turns at the writer.
//!
//! A limit says how much; a turn says in which order. However much somebody asks for within their limits, only one request
//! of theirs is before the writer at a time, so everyone else waits behind one request of each person and no more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::token_bucket::{TokenBucket, seconds};
use crate::model::{PersonId, Refusal, RefusalKind};

/// Requests at once, and a second after that.
pub(super) const REQUESTS: f64 = 50.0;
pub(super) const REQUESTS_PER_SECOND: f64 = 20.0;
/// Tables of the board that are asked for at once, and a second after that: `status` alone takes a dozen, and none of them
/// reaches the writer. The next ones wait for their turn and are not refused.
const TABLES: f64 = 240.0;
const TABLES_PER_SECOND: f64 = 60.0;
/// Bytes of requests that write, at once and a second after that.
const TEXT: f64 = 256.0 * 1024.0;
const TEXT_PER_SECOND: f64 = 64.0 * 1024.0;
/// The same over an hour. Nobody types a book a day; what is gone comes back at more than a line a second.
const TEXT_AN_HOUR: f64 = 8.0 * 1024.0 * 1024.0;
/// What an entry takes in the log beside its text.
const ENTRY: f64 = 512.0;
/// Connections that greet, at once and a second after that. They wait for their turn and are not refused.
const GREETINGS: f64 = 100.0;
const GREETINGS_PER_SECOND: f64 = 20.0;
/// Readings outside that a person may cause at once, and one more in so many seconds.
const READINGS: f64 = 8.0;
const READING_EVERY_S: f64 = 6.0;
/// Connections that are sent a long stretch of the log at once.
const STREAMS: usize = 4;
/// The longest that a connection waits for its stream.
const STREAM_WITHIN: Duration = Duration::from_secs(10);
pub(super) const TOO_OFTEN: &str = "you ask more often than one person may, over all your connections";
/// Accounts that are nobody's and are counted at once. Persons of the people file always are: there are as many as it names.
const MOST: usize = 1_024;

/// Whose budget it is: a person's, with all their accounts; or an account's that is nobody's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    Person(PersonId),
    Account(u32),
}

/// Everyone's budgets.
#[derive(Default)]
pub(super) struct Budgets(Mutex<BTreeMap<Whose, Arc<Share>>>);

impl Budgets {
    /// The share of one person, the same for all their connections.
    ///
    /// # Errors
    /// The refusal of an account too many to count. However many of those there are, no person is kept out.
    pub(super) fn share(&self, whose: Whose, now: Duration) -> Result<Arc<Share>, Refusal> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(whose, Whose::Account(_)) && all.len() >= MOST && !all.contains_key(&whose) {
            all.retain(|_, share| Arc::strong_count(share) > 1 || !share.is_at_rest(now));
            if all.len() >= MOST {
                return Err(rate("more accounts use this room than it can count", Duration::from_secs(60)));
            }
        }
        Ok(all.entry(whose).or_insert_with(|| Arc::new(Share::new(now))).clone())
    }
}

/// What is left to one person.
pub(super) struct Share {
    left: Mutex<RemainingBudget>,
    writer: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    page: Semaphore,
}

struct RemainingBudget {
    requests: TokenBucket,
    tables: TokenBucket,
    text: TokenBucket,
    hour: TokenBucket,
    greetings: TokenBucket,
    readings: TokenBucket,
}

impl RemainingBudget {
    fn all(&mut self) -> [&mut TokenBucket; 6] {
        [&mut self.requests, &mut self.tables, &mut self.text, &mut self.hour, &mut self.greetings, &mut self.readings]
    }
}

/// The right to put one request before the writer; the next of the same person follows when this is dropped.
#[derive(Debug)]
pub struct RequestPermit {
    _permit: Option<OwnedSemaphorePermit>,
}

/// The right to be sent a long stretch of the log.
pub(super) struct Stream {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Share {
    fn new(now: Duration) -> Self {
        let left = RemainingBudget {
            requests: TokenBucket::new(REQUESTS, REQUESTS_PER_SECOND, now),
            tables: TokenBucket::new(TABLES, TABLES_PER_SECOND, now),
            text: TokenBucket::new(TEXT, TEXT_PER_SECOND, now),
            hour: TokenBucket::new(TEXT_AN_HOUR, TEXT_AN_HOUR / 3600.0, now),
            greetings: TokenBucket::new(GREETINGS, GREETINGS_PER_SECOND, now),
            readings: TokenBucket::new(READINGS, 1.0 / READING_EVERY_S, now),
        };
        Self {
            left: Mutex::new(left),
            writer: Arc::new(Semaphore::new(1)),
            streams: Arc::new(Semaphore::new(STREAMS)),
            page: Semaphore::new(1),
        }
    }

    fn left(&self) -> std::sync::MutexGuard<'_, RemainingBudget> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_at_rest(&self, now: Duration) -> bool {
        self.left().all().into_iter().all(|bucket| bucket.is_full(now))
    }

    /// Takes one request. `text` = the bytes of one that writes text, else 0.
    ///
    /// # Errors
    /// The refusal that says what is used up and when to ask again. A refused request takes nothing.
    pub(super) fn request(&self, text: usize, now: Duration) -> Result<(), Refusal> {
        let mut left = self.left();
        if let Some(wait) = left.requests.wait(1.0, now) {
            return Err(rate(TOO_OFTEN, wait));
        }
        if text > 0 {
            let size = text as f64 + ENTRY;
            let wait = left.text.wait(size, now).max(left.hour.wait(size, now));
            if let Some(wait) = wait {
                return Err(rate("you write more than one person may, over all your connections", wait));
            }
            left.text.take(size, now);
            left.hour.take(size, now);
        }
        left.requests.take(1.0, now);
        Ok(())
    }

    /// Takes one table of the board, or says how long to wait before trying again. One look takes a dozen of them: were some
    /// refused, a script that looks again and again would use up its tables for looks of which none comes to its end.
    pub(super) fn table(&self, now: Duration) -> Option<Duration> {
        take_or_wait(&mut self.left().tables, now)
    }

    /// Takes one greeting, or says how long to wait before trying again.
    pub(super) fn greeting(&self, now: Duration) -> Option<Duration> {
        take_or_wait(&mut self.left().greetings, now)
    }

    /// Takes one reading outside.
    ///
    /// # Errors
    /// The refusal that says when the next may be.
    pub(super) fn reading(&self, now: Duration) -> Result<(), Refusal> {
        let mut left = self.left();
        if let Some(wait) = left.readings.wait(1.0, now) {
            return Err(rate("you had plans checked at the providers too often in a short time", wait));
        }
        left.readings.take(1.0, now);
        Ok(())
    }

    /// Waits until nothing else of this person is before the writer.
    pub(super) async fn place(&self) -> RequestPermit {
        // Never closed, so there is always a permit in the end.
        RequestPermit { _permit: self.writer.clone().acquire_owned().await.ok() }
    }

    /// Waits for the right to be sent a long stretch of the log.
    ///
    /// # Errors
    /// The refusal of one who has too many such streams for too long.
    pub(super) async fn stream(&self) -> Result<Stream, Refusal> {
        match tokio::time::timeout(STREAM_WITHIN, self.streams.clone().acquire_owned()).await {
            Ok(permit) => Ok(Stream { _permit: permit.ok() }),
            Err(_) => {
                let why = format!("{STREAMS} of your connections are being sent the whole timeline");
                Err(rate(&why, STREAM_WITHIN))
            }
        }
    }

    /// Reads one page of the log, while nobody else of this person does.
    pub(super) async fn page<T>(&self, read: impl FnOnce() -> T) -> T {
        let _one = self.page.acquire().await;
        read()
    }
}

fn take_or_wait(bucket: &mut TokenBucket, now: Duration) -> Option<Duration> {
    let wait = bucket.wait(1.0, now);
    if wait.is_none() {
        bucket.take(1.0, now);
    }
    wait
}

/// Something was asked for too often or too much of it.
pub(super) fn rate(why: &str, wait: Duration) -> Refusal {
    Refusal::new(RefusalKind::Rate, why, format!("ask again in {} s", seconds(wait)))
}

#[cfg(test)]
#[path = "person_budget_tests.rs"]
mod tests;
