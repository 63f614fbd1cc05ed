//! Randomness: the operating system's, or a seeded stream for drills and tests.

use std::sync::{Arc, Mutex};

use crate::clock::Clock;

/// A source of random bytes. Cheap to clone; clones share the stream.
#[derive(Clone)]
pub struct Random(RandomSource);

#[derive(Clone)]
enum RandomSource {
    System,
    Seeded(Arc<Mutex<fastrand::Rng>>),
}

impl Random {
    /// The operating system's generator.
    pub fn system() -> Self {
        Self(RandomSource::System)
    }

    /// The same stream for the same seed: never for salts or nonces of a real room.
    pub fn seeded(seed: u64) -> Self {
        Self(RandomSource::Seeded(Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)))))
    }

    /// Random bytes.
    ///
    /// # Panics
    /// If the operating system has no randomness to give: nothing safe can be done without.
    #[expect(clippy::expect_used, reason = "a host without randomness can't salt, name or sign anything")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0u8; N];
        match &self.0 {
            RandomSource::System => getrandom::fill(&mut out).expect("the operating system gives random bytes"),
            RandomSource::Seeded(rng) => {
                rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill(&mut out);
            }
        }
        out
    }

    /// A new ULID at the clock's now.
    pub fn ulid(&self, clock: &Clock) -> String {
        let ms = u64::try_from(clock.now().timestamp_millis()).unwrap_or(0);
        ulid::Ulid::from_parts(ms, u128::from_be_bytes(self.bytes::<16>())).to_string()
    }
}
