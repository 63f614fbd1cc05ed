//! A token bucket on real time: how fast one connection may ask.

use std::time::Instant;

/// So many at once, so many a second after that.
pub struct Bucket {
    tokens: f64,
    burst: f64,
    per_second: f64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub fn new(burst: f64, per_second: f64) -> Self {
        Self { tokens: burst, burst, per_second, at: Instant::now() }
    }

    /// Whole seconds until there is a token again, at least one.
    pub fn again_in_s(&self) -> u64 {
        let missing = (1.0 - self.tokens).max(0.0) / self.per_second.max(f64::MIN_POSITIVE);
        // A bucket refills within its burst: far below what the cast would bend.
        (missing.ceil() as u64).max(1)
    }

    /// Whether it is full: nothing is lost if it is forgotten.
    pub fn is_full(&self) -> bool {
        self.tokens + self.at.elapsed().as_secs_f64() * self.per_second >= self.burst
    }

    /// Takes one token if there is one.
    pub fn take(&mut self) -> bool {
        let now = Instant::now();
        self.tokens = (self.tokens + now.duration_since(self.at).as_secs_f64() * self.per_second).min(self.burst);
        self.at = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}
