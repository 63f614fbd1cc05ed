//! A token bucket: so much at once, and so much a second after that. It reads no clock; its instants are the boot clock's.

use std::time::Duration;

/// What may still be taken, and how fast it comes back.
#[derive(Clone, Debug)]
pub(super) struct TokenBucket {
    tokens: f64,
    burst: f64,
    per_second: f64,
    at: Duration,
}

impl TokenBucket {
    /// A full bucket.
    pub(super) fn new(burst: f64, per_second: f64, now: Duration) -> Self {
        Self { tokens: burst, burst, per_second, at: now }
    }

    /// How long until so many can be taken; `None` = now. More than it ever holds is due when it is full.
    pub(super) fn wait(&mut self, n: f64, now: Duration) -> Option<Duration> {
        self.refill(now);
        let missing = n.min(self.burst) - self.tokens;
        // A bucket without a rate is full again never: a day is as good as any answer, and can be added to an instant.
        let never = Duration::from_secs(86_400);
        (missing > 0.0).then(|| Duration::try_from_secs_f64(missing / self.per_second).unwrap_or(never).min(never))
    }

    /// Takes so many if they are there. Who takes more than it ever holds is in debt afterwards.
    pub(super) fn take(&mut self, n: f64, now: Duration) -> bool {
        let may = self.wait(n, now).is_none();
        if may {
            self.tokens -= n;
        }
        may
    }

    /// Whether it is full: nothing is lost if it is forgotten.
    pub(super) fn is_full(&mut self, now: Duration) -> bool {
        self.refill(now);
        self.tokens >= self.burst
    }

    fn refill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.tokens = (self.tokens + passed * self.per_second).min(self.burst);
        self.at = self.at.max(now);
    }
}

/// Whole seconds, at least one: what a person is told to wait.
pub(super) fn seconds(wait: Duration) -> u64 {
    // Rounded up, and what rounding of fractions left behind is no second of its own.
    (wait.as_secs_f64() - 1e-6).ceil().max(1.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate_and_says_when_it_has_more() {
        let s = Duration::from_secs;
        let mut bucket = TokenBucket::new(50.0, 20.0, s(100));
        assert_eq!((0..1_000).filter(|_| bucket.take(1.0, s(100))).count(), 50);
        assert_eq!(bucket.wait(1.0, s(100)), Some(Duration::from_millis(50)));
        assert_eq!((0..1_000).filter(|_| bucket.take(1.0, s(101))).count(), 20);
        assert!(!bucket.is_full(s(102)) && bucket.is_full(s(105)));
        assert_eq!(bucket.wait(1_000.0, s(105)), None, "more than it holds is given when it is full");
        assert!(bucket.take(60.0, s(105)));
        assert_eq!(bucket.wait(1.0, s(105)), Some(Duration::from_millis(550)), "and is paid back first");
        // An older instant gives nothing twice.
        assert!(!bucket.take(1.0, s(1)));
        assert_eq!((seconds(s(0)), seconds(Duration::from_millis(1_200)), seconds(s(3))), (1, 2, 3));
    }
}
