//! The thread that a drill lives on: world, room and played people share it, so that the drill's clock can wait until all of
//! them have done what is to be done at an instant.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;

/// So many tasks run before the runtime looks for I/O, so that it looks when all of them have run.
const TASKS_BEFORE_IO: u32 = 1 << 16;
/// File reads that hang must not hold the end of a drill.
const ENDS_WITHIN: Duration = Duration::from_millis(200);

/// A thread with a runtime of its own that moves a clock. It ends when this is dropped.
pub struct DrillThread {
    runtime: Handle,
    stop: CancellationToken,
}

impl DrillThread {
    /// Starts the thread; the clock begins to move, unless somebody holds it.
    pub fn start(clock: &Clock) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().event_interval(TASKS_BEFORE_IO).build()?;
        let lane = Self { runtime: runtime.handle().clone(), stop: CancellationToken::new() };
        let (clock, stop) = (clock.clone(), lane.stop.clone());
        std::thread::Builder::new().name("drill".to_owned()).spawn(move || {
            clock.enter();
            runtime.block_on(stop.run_until_cancelled(clock.drive()));
            runtime.shutdown_timeout(ENDS_WITHIN);
        })?;
        Ok(lane)
    }

    /// Runs something on the thread.
    pub fn spawn<F>(&self, work: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.runtime.spawn(work)
    }
}

impl Drop for DrillThread {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
