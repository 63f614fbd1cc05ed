//! What sessions watch: the newest state, never a backlog. Each value replaces the one before.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use super::recorder::RecorderWatches;
use crate::board::{Topic, TopicView};
use crate::model::SafeText;
use crate::model::plan::Recheck;
use crate::protocol::{LogRoom, Who};

/// The board by topic. Views are shared, so an unchanged topic compares by pointer.
pub(super) type BoardNews = Arc<BTreeMap<Topic, Arc<TopicView>>>;

/// The room's side of the watches, each for the part of the engine that tells it.
pub(super) struct Broadcaster {
    pub recorder: RecorderWatches,
    pub board: watch::Sender<BoardNews>,
    pub present: watch::Sender<Arc<Vec<Who>>>,
    pub rechecks: watch::Sender<Arc<Vec<Recheck>>>,
}

/// A session's side.
#[derive(Clone)]
pub(super) struct Broadcasts {
    pub head: watch::Receiver<u64>,
    pub board: watch::Receiver<BoardNews>,
    pub present: watch::Receiver<Arc<Vec<Who>>>,
    pub degraded: watch::Receiver<Option<SafeText>>,
    pub log_room: watch::Receiver<Option<LogRoom>>,
    pub rechecks: watch::Receiver<Arc<Vec<Recheck>>>,
}

impl Broadcaster {
    /// Both sides.
    pub(super) fn open(head: u64) -> (Self, Broadcasts) {
        let (head_tx, head_rx) = watch::channel(head);
        let (board_tx, board_rx) = watch::channel(BoardNews::default());
        let (present_tx, present_rx) = watch::channel(Arc::default());
        let (degraded_tx, degraded_rx) = watch::channel(None);
        let (log_room_tx, log_room_rx) = watch::channel(None);
        let (rechecks_tx, rechecks_rx) = watch::channel(Arc::default());
        (
            Self {
                recorder: RecorderWatches { head: head_tx, degraded: degraded_tx, log_room: log_room_tx },
                board: board_tx,
                present: present_tx,
                rechecks: rechecks_tx,
            },
            Broadcasts {
                head: head_rx,
                board: board_rx,
                present: present_rx,
                degraded: degraded_rx,
                log_room: log_room_rx,
                rechecks: rechecks_rx,
            },
        )
    }
}
