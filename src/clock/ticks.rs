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
