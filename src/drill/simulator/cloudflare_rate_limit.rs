//! The provider's rate limit: so many requests in five minutes for everyone with the same user, then a lock-out of five
//! minutes for all of them. Pure.

use chrono::{DateTime, TimeDelta, Utc};

/// Requests in one window.
pub(super) const LIMIT: u64 = 1_200;
const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// The count of the present window.
#[derive(Clone, Debug, Default)]
pub struct SimRateLimit {
    ends: Option<DateTime<Utc>>,
    taken: u64,
    locked_until: Option<DateTime<Utc>>,
}

/// What the headers of an answer say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitHeaders {
    pub remaining: u64,
    pub resets: DateTime<Utc>,
    /// Seconds to stay away, if this request came too much.
    pub wait_s: Option<u64>,
}

impl SimRateLimit {
    /// Counts one request.
    pub fn take(&mut self, now: DateTime<Utc>) -> LimitHeaders {
        if let Some(until) = self.locked_until.filter(|until| now < *until) {
            let wait = u64::try_from((until - now).num_seconds()).unwrap_or(0).max(1);
            return LimitHeaders { remaining: 0, resets: until, wait_s: Some(wait) };
        }
        let ends = match self.ends.filter(|ends| now < *ends) {
            Some(ends) => ends,
            None => {
                (self.taken, self.locked_until) = (0, None);
                *self.ends.insert(now + WINDOW)
            }
        };
        self.taken += 1;
        if self.taken > LIMIT {
            self.locked_until = Some(now + WINDOW);
            return LimitHeaders { remaining: 0, resets: now + WINDOW, wait_s: Some(300) };
        }
        LimitHeaders { remaining: LIMIT - self.taken, resets: ends, wait_s: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_too_many_locks_everyone_out_for_five_minutes() {
        let t0: DateTime<Utc> = "2026-03-10T14:50:00Z".parse().expect("a time");
        let s = |n| t0 + TimeDelta::seconds(n);
        let mut limit = SimRateLimit::default();
        assert_eq!(limit.take(t0), LimitHeaders { remaining: 1_199, resets: s(300), wait_s: None });
        for _ in 1..LIMIT {
            limit.take(s(10));
        }
        assert_eq!(limit.take(s(20)).wait_s, Some(300));
        assert_eq!(limit.take(s(319)), LimitHeaders { remaining: 0, resets: s(320), wait_s: Some(1) });
        assert_eq!(limit.take(s(320)), LimitHeaders { remaining: 1_199, resets: s(620), wait_s: None });
    }
}
