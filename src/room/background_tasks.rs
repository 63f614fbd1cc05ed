//! Tasks that the engine starts and that report back to it: readings of preconditions, runs of plans, changes of silences.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::engine_message::EngineMessage;

/// What such tasks need, and what the room needs to end them.
pub(super) struct BackgroundTasks {
    engine: mpsc::WeakSender<EngineMessage>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl BackgroundTasks {
    /// None yet; they report to this engine.
    pub(super) fn new(engine: &mpsc::Sender<EngineMessage>) -> Self {
        Self { engine: engine.downgrade(), tasks: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// The way back to the engine; `None` when nobody else can reach it any more.
    pub(super) fn engine(&self) -> Option<mpsc::Sender<EngineMessage>> {
        self.engine.upgrade()
    }

    /// Runs to its end, though the room stops.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Runs to its end, or until the room stops.
    pub(super) fn spawn_until_stop(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// Cancelled when the engine is to end, and its tasks with it.
    pub(super) fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// For whoever waits for the tasks.
    pub(super) fn tracker(&self) -> &TaskTracker {
        &self.tasks
    }
}
