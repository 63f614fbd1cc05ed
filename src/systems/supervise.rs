//! Start, restart, back-off: one source, one task, and it never ends before the room does.

use std::future::Future;
use std::time::Duration;

use crate::clock::Clock;

/// Waits between failed attempts: 0.25 s doubling to 5 s, on the room's clock. Success resets it.
#[derive(Clone, Debug)]
pub struct Backoff {
    next: Duration,
}

/// The longest wait between two attempts.
pub const CAP: Duration = Duration::from_secs(5);
const FIRST: Duration = Duration::from_millis(250);

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The next wait.
    pub fn failed(&mut self) -> Duration {
        let wait = self.next;
        self.next = (self.next * 2).min(CAP);
        wait
    }

    /// Proof of life: the next failure waits the shortest time again. Call it on data, never on a mere connection.
    pub fn reset(&mut self) {
        self.next = FIRST;
    }
}

/// Calls `round` every `every` on the clock until `stop`; after a failed round the back-off decides instead.
/// `round` returns whether it went well, and reports its own trouble.
pub async fn poll<F, Fut>(clock: &Clock, stop: &tokio_util::sync::CancellationToken, every: Duration, mut round: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let mut backoff = Backoff::default();
    loop {
        let went_well = tokio::select! {
            () = stop.cancelled() => return,
            went_well = round() => went_well,
        };
        let wait = if went_well {
            backoff.reset();
            every
        } else {
            backoff.failed()
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(wait) => {}
        }
    }
}
