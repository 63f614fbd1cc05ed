//! Rows on their way to one console: the newest of each topic that it wants, and never a backlog.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::session::{BOARD_EVERY, Session};

/// How far apart changes are sent to one that takes them slowly.
const SLOW_EVERY: Duration = Duration::from_millis(200);
/// Whoever does not take them within this time takes them slowly.
const TAKEN_WITHIN: Duration = Duration::from_millis(20);

impl Session {
    /// Sends what `changed` since this client was told last; answers with when it may be told again.
    pub(super) async fn board(&mut self, changed: &mut bool) -> Result<Duration, String> {
        let begun = Instant::now();
        *changed = false;
        let board = self.news.board.borrow_and_update().clone();
        for topic in self.topics.clone() {
            let Some(new) = board.get(&topic) else { continue };
            let old = self.sent.get(&topic).cloned();
            if old.as_ref().is_some_and(|old| Arc::ptr_eq(old, new)) {
                continue;
            }
            let lines = self.shared.deltas.lines(topic, old.as_ref(), new)?;
            for line in lines.iter() {
                self.out.send_line(line).await?;
            }
            self.sent.insert(topic, new.clone());
        }
        Ok(if begun.elapsed() > TAKEN_WITHIN { SLOW_EVERY } else { BOARD_EVERY })
    }
}
