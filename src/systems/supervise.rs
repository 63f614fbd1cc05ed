//! Start, restart, back-off: one source, one task, and it never ends before the room does.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use tokio_util::task::TaskTracker;

use super::Ctx;
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

/// Runs a source's task until the room stops; should it ever panic, that is logged and it starts again after [`CAP`].
pub fn keep<F, Fut>(tasks: &TaskTracker, ctx: &Ctx, what: &'static str, mut make: F)
where
    F: FnMut() -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (clock, stop) = (ctx.clock.clone(), ctx.stop.clone());
    tasks.spawn(async move {
        while AssertUnwindSafe(make()).catch_unwind().await.is_err() {
            tracing::error!("{what} ended by a defect and starts again");
            tokio::select! {
                () = stop.cancelled() => return,
                () = clock.sleep(CAP) => {}
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn the_wait_doubles_to_its_cap_and_falls_back_on_proof_of_life() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..7).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.failed().as_millis(), 250);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_starts_again() {
        let (out, _seen) = tokio::sync::mpsc::channel(1);
        let ctx = Ctx { clock: Clock::scaled(chrono::DateTime::default(), 1.0), out, stop: Default::default() };
        let runs = Arc::new(AtomicU32::new(0));
        let tasks = TaskTracker::new();
        let counted = runs.clone();
        keep(&tasks, &ctx, "a test", move || {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move { assert!(run >= 2, "a defect") }
        });
        tasks.close();
        tasks.wait().await;
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }
}
