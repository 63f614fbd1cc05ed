//! Start, restart, back-off: one source, one task, and it never ends before the room does.

use std::future::Future;
use std::time::Duration;

use tokio_util::task::TaskTracker;

use super::Ctx;
use super::http::trouble;
use crate::clock::Clock;
use crate::model::{SourceId, Trouble, TroubleKind};

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

/// How a round went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// The next round comes after the ordinary pause, and the back-off begins anew.
    Well,
    /// The next round comes after the back-off, 5 s at most, however long the ordinary pause is.
    Failed,
    /// The server asked for fewer requests: it is not asked sooner than if all were well.
    Throttled,
}

impl From<bool> for Round {
    fn from(went_well: bool) -> Self {
        if went_well { Self::Well } else { Self::Failed }
    }
}

impl From<&Trouble> for Round {
    fn from(trouble: &Trouble) -> Self {
        if trouble.kind == TroubleKind::Throttled { Self::Throttled } else { Self::Failed }
    }
}

/// Calls `round` every `every` on the clock until `stop`; after a failed round the back-off decides instead.
/// `round` says how it went, and reports its own trouble.
pub async fn poll<F, Fut>(clock: &Clock, stop: &tokio_util::sync::CancellationToken, every: Duration, mut round: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output: Into<Round>>,
{
    let mut backoff = Backoff::default();
    loop {
        let how: Round = tokio::select! {
            () = stop.cancelled() => return,
            how = round() => how.into(),
        };
        let wait = match how {
            Round::Well => {
                backoff.reset();
                every
            }
            Round::Failed => backoff.failed(),
            Round::Throttled => backoff.failed().max(every),
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(wait) => {}
        }
    }
}

/// How long data counts as fresh when it is asked for every `every`: two rounds may be lost, and one may take its whole
/// time limit.
pub fn fresh_for(every: Duration) -> u64 {
    every.as_secs() * 3 + 15
}

/// Runs a source's task until the room stops. A task that panics is reported as trouble of its source and started again
/// after the back-off: one reader's bug costs its own pane for a moment, never the room.
pub fn keep<F, Fut>(tasks: &TaskTracker, ctx: &Ctx, source: SourceId, run: F)
where
    F: Fn(Ctx) -> Fut + Send + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    let (ctx, reporter) = (ctx.clone(), ctx.reporter(source));
    tasks.spawn(async move {
        let mut backoff = Backoff::default();
        while !ctx.stop.is_cancelled() {
            // A reader that ends by itself is waited for like one that failed, so that it can't spin.
            let ended = tokio::spawn(run(ctx.clone())).await;
            if ctx.stop.is_cancelled() {
                return;
            }
            let err = ended.err().map_or_else(|| "it ended".to_owned(), |err| err.to_string());
            tracing::error!(source = %reporter.source(), %err, "a source's reader failed and is started again");
            reporter.trouble(failed()).await;
            tokio::select! {
                () = ctx.stop.cancelled() => {}
                () = ctx.clock.sleep(backoff.failed()) => {}
            }
        }
    });
}

/// The trouble of a source whose reader failed.
pub fn failed() -> Trouble {
    let what = "the reader of this source failed and was started again; the room's own log names the place";
    trouble(TroubleKind::Garbage, what, "Please report this as a defect.")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::model::System;
    use crate::systems::http::test_server::SourceBench;

    #[tokio::test]
    async fn a_reader_that_panics_is_trouble_and_runs_again() {
        let (mut room, tasks, runs) = (SourceBench::fast(), TaskTracker::new(), Arc::new(AtomicU32::new(0)));
        let counted = runs.clone();
        let source = SourceId::new(System::Probe, "shop");
        keep(&tasks, &room.ctx, source.clone(), move |ctx| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                assert!(run > 0, "the first run fails");
                ctx.reporter(SourceId::new(System::Probe, "shop")).alive().await;
                ctx.stop.cancelled().await;
            }
        });
        assert_eq!(room.trouble().await.kind, TroubleKind::Garbage);
        let next = room.next().await;
        assert_eq!((next.source, next.change), (source, crate::model::SourceChange::Alive));
        room.ctx.stop.cancel();
        tasks.close();
        tasks.wait().await;
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_for_fewer_requests_is_not_asked_more_often() {
        let stop = tokio_util::sync::CancellationToken::new();
        let clock = Clock::real();
        for (how, asked) in [(Round::Well, 4), (Round::Throttled, 4), (Round::Failed, 13)] {
            let rounds = AtomicU32::new(0);
            let every = Duration::from_secs(15);
            let polled = poll(&clock, &stop, every, || {
                rounds.fetch_add(1, Ordering::SeqCst);
                async move { how }
            });
            let _ = tokio::time::timeout(Duration::from_secs(46), polled).await;
            assert_eq!(rounds.load(Ordering::SeqCst), asked, "{how:?}");
        }
    }

    #[test]
    fn the_wait_doubles_to_its_cap_and_starts_again_after_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<u128> = (0..7).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(waits, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        backoff.reset();
        assert_eq!(backoff.failed().as_millis(), 250);
    }
}
