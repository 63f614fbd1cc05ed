//! Requests: what the provider says is left for everyone with this user, and what we ask for ourselves.
//!
//! 1,200 requests in five minutes are shared by the dashboard, other tools and us; beyond, everything is locked out for
//! five minutes, the failover too. So polling keeps to half of them by its own count, and leaves the last ones alone.

use std::collections::VecDeque;

use chrono::TimeDelta;

use crate::model::{Stamp, Trouble, TroubleKind};
use crate::systems::http::{Answer, trouble};

/// The most that polling asks for in [`WINDOW_S`]: half of what the provider allows.
pub const SHARE: usize = 600;
/// What is left alone for acting: a failover takes about twenty requests.
pub const RESERVE: u64 = 120;
/// The provider counts over this time.
pub const WINDOW_S: i64 = 300;

/// When we asked, over the window. Bounded: older ones are forgotten, and polling stops at [`SHARE`].
#[derive(Debug, Default)]
pub struct Meter {
    asked: VecDeque<Stamp>,
}

impl Meter {
    pub fn note(&mut self, now: Stamp) {
        self.forget(now);
        if self.asked.len() < 4 * SHARE {
            self.asked.push_back(now);
        }
    }

    pub fn count(&mut self, now: Stamp) -> usize {
        self.forget(now);
        self.asked.len()
    }

    /// When `cost` more requests fit into the share; `None` = now.
    pub fn fits_at(&mut self, now: Stamp, cost: usize) -> Option<Stamp> {
        self.forget(now);
        let over = (self.asked.len() + cost).checked_sub(SHARE + 1)?;
        let oldest = self.asked.get(over.min(self.asked.len().saturating_sub(1)))?;
        Some(*oldest + TimeDelta::seconds(WINDOW_S))
    }

    fn forget(&mut self, now: Stamp) {
        while self.asked.front().is_some_and(|at| now - *at >= TimeDelta::seconds(WINDOW_S)) {
            self.asked.pop_front();
        }
    }
}

/// What is left of the rate limit, by the last answer that said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    pub limit: u64,
    pub remaining: u64,
    /// When it is full again, on our clock.
    pub resets: Option<Stamp>,
    said: Stamp,
}

impl Budget {
    /// Reads the headers, if they are there.
    pub fn of(answer: &Answer, now: Stamp) -> Option<Self> {
        let number = |name: &str| answer.header(name)?.trim().parse().ok();
        let limit = number("x-ratelimit-limit")?;
        let remaining = number("x-ratelimit-remaining")?;
        Some(Self { limit, remaining, resets: resets(answer, now), said: now })
    }

    /// Whether it still says something: until it is full again, or for one window of the provider's count.
    pub fn holds(self, now: Stamp) -> bool {
        let window = self.said + TimeDelta::seconds(WINDOW_S);
        now < self.resets.unwrap_or(window).min(window)
    }

    /// What is left belongs to acting.
    pub fn reserve_only(self) -> bool {
        self.remaining <= self.reserve()
    }

    /// Little enough to ask less often.
    pub fn scarce(self) -> bool {
        self.remaining.saturating_mul(4) <= self.limit
    }

    /// The reserve of a limit: of a small one, a tenth.
    pub fn reserve(self) -> u64 {
        RESERVE.min(self.limit / 10)
    }

    /// The trouble of a source that keeps its reserve.
    pub fn low(self) -> Trouble {
        let what = format!("only {} of {} requests are left; the rest is kept for acting", self.remaining, self.limit);
        trouble(TroubleKind::Throttled, what, "See who else uses this user's limit, or raise `every`.")
    }
}

/// `x-ratelimit-reset`: a date, taken relative to the server's own clock where it says it; or seconds.
fn resets(answer: &Answer, now: Stamp) -> Option<Stamp> {
    let raw = answer.header("x-ratelimit-reset")?.trim();
    if let Ok(seconds) = raw.parse::<i64>() {
        return (0..=3600).contains(&seconds).then(|| now + TimeDelta::seconds(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(raw).ok()?;
    let theirs = answer.header("date").and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
    let wait = theirs.map_or_else(|| at.to_utc() - now, |date| at - date);
    (wait >= TimeDelta::zero() && wait <= TimeDelta::hours(1)).then(|| now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polling_fits_into_its_share_again_when_old_requests_leave_the_window() {
        let t0: Stamp = "2026-03-02T14:37:00Z".parse().expect("a time");
        let s = |n| t0 + TimeDelta::seconds(n);
        let mut meter = Meter::default();
        for n in 0..SHARE {
            meter.note(s(n as i64 / 10));
        }
        assert_eq!(meter.count(s(60)), SHARE);
        assert_eq!(meter.fits_at(s(60), 0), None, "what was asked for is within the share");
        assert_eq!(meter.fits_at(s(60), 1), Some(s(300)));
        assert_eq!(meter.fits_at(s(60), 11), Some(s(301)), "the eleventh has to wait for the next second's ten");
        assert_eq!(meter.fits_at(s(300), 10), None);
        assert_eq!(meter.count(s(359)), 0);
    }
}
