//! What a client knows: the fold of the entries it received, the rows of the board, and the state of the link.

use std::collections::BTreeMap;

use crate::board::{Row, Topic, TopicView};
use crate::clock::Clock;
use crate::model::{Digest, SafeText, Stamp};
use crate::protocol::{Push, Welcome, Who};
use crate::timeline::Story;

/// The state of the connection, shown in the header.
#[derive(Clone, Debug, PartialEq)]
pub enum Link {
    /// Not connected yet.
    Connecting,
    /// Connected; the room was last heard at this instant.
    Live { heard_at: Stamp },
    /// Lost; tried again with back-off.
    Lost { since: Stamp, why: SafeText },
}

/// What the connection tells its owner.
#[derive(Clone, Debug)]
pub enum ClientEvent {
    /// Connected (again). Rows follow as snapshots, entries from where the client left off.
    Linked(Box<Welcome>),
    /// The connection ended; the client is trying again.
    Lost { why: SafeText },
    /// The room said something.
    Push(Push),
}

/// Everything a client knows. Applying an event is pure but for `now`.
#[derive(Clone, Debug)]
pub struct Mirror {
    pub link: Link,
    pub welcome: Option<Welcome>,
    /// The fold of every entry received.
    pub story: Story,
    pub board: BTreeMap<Topic, TopicView>,
    pub present: Vec<Who>,
    /// Last entry received: number and hash.
    pub head: Option<(u64, Digest)>,
    /// The room has sent everything up to here at least once.
    pub caught_up: bool,
    /// Why recording and acting are off.
    pub degraded: Option<SafeText>,
    /// An entry did not verify: shown, never repaired.
    pub broken: Option<SafeText>,
}

impl Default for Mirror {
    fn default() -> Self {
        Self {
            link: Link::Connecting,
            welcome: None,
            story: Story::default(),
            board: BTreeMap::new(),
            present: Vec::new(),
            head: None,
            caught_up: false,
            degraded: None,
            broken: None,
        }
    }
}

impl Mirror {
    /// Rows of a topic, in the order they are shown.
    pub fn rows(&self, topic: Topic) -> &[Row] {
        self.board.get(&topic).map_or(&[], |view| view.rows.as_slice())
    }

    /// Takes in an event. `clock` is set by the room's where the event says so.
    pub fn apply(&mut self, event: ClientEvent, clock: &Clock) {
        let _ = (event, clock);
    }
}
