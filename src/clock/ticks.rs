//! Something that is done again and again in real time, such as looking whether there is news to show.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::stepped::after;
use super::{Clock, Turn};

/// Ticks at least so much real time apart, the first at once. On a stepped clock they are its own, so that what is done at a
/// tick does not depend on how fast the machine is.
pub struct Ticks {
    clock: Clock,
    every: Duration,
    turn: Turn,
    due: Instant,
    at: DateTime<Utc>,
}

impl Ticks {
    pub(super) fn new(clock: Clock, every: Duration, turn: Turn) -> Self {
        let at = clock.now();
        Self { clock, every, turn, due: Instant::now(), at }
    }

    /// The next tick comes so much later than now. On a stepped clock everything has its turn, and this changes nothing.
    pub fn put_off(&mut self, by: Duration) {
        self.due = Instant::now() + by;
    }

    /// Whether things have their turns, so that nothing is done out of it.
    pub fn has_turns(&self) -> bool {
        self.clock.stepped_hand().is_some()
    }

    /// The next tick. May be given up and asked for again.
    pub async fn tick(&mut self) {
        let Some(stepped) = self.clock.stepped_hand() else {
            tokio::time::sleep_until(self.due).await;
            self.due = Instant::now() + self.every;
            return;
        };
        stepped.wait(self.at, self.turn).await;
        self.at = after(stepped.now(), stepped.pause(self.every));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_tick_that_was_put_off_comes_so_much_later_and_one_after_a_while_at_once() {
        let clock = Clock::manual("2026-03-10T14:37:00Z".parse().expect("a time"));
        let mut ticks = clock.ticks(Duration::from_millis(100), Turn::Judge);
        let begun = Instant::now();
        ticks.tick().await;
        assert_eq!(begun.elapsed().as_millis(), 0);
        ticks.put_off(Duration::from_millis(200));
        ticks.tick().await;
        ticks.tick().await;
        assert_eq!(begun.elapsed().as_millis(), 300);
        tokio::time::sleep(Duration::from_millis(150)).await;
        ticks.tick().await;
        assert_eq!(begun.elapsed().as_millis(), 450);
    }
}
