//! Values that know whether they changed: what is computed of them is kept until they do.

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::board::{Topic, TopicView};

/// Names one state of a value. Two that are equal are of the same state, in whatever copy of it; 0 is the state at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revision(u64);

impl Revision {
    /// One that no other value has or had.
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

/// A value with its revision. Whoever takes it to change it gives it a new one: that can't be forgotten.
#[derive(Clone, Debug, Default)]
pub struct Tracked<T> {
    value: T,
    revision: Revision,
}

impl<T> Tracked<T> {
    /// Which state this is.
    pub fn revision(&self) -> Revision {
        self.revision
    }
}

impl<T> From<T> for Tracked<T> {
    fn from(value: T) -> Self {
        Self { value, revision: Revision::next() }
    }
}

impl<T> Deref for Tracked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Tracked<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.revision = Revision::next();
        &mut self.value
    }
}

const TOPICS: usize = Topic::ALL.len();

/// The rows of every topic, each topic with a revision of its own.
#[derive(Clone, Debug, Default)]
pub struct TrackedBoard {
    views: BTreeMap<Topic, TopicView>,
    topics: [Revision; TOPICS],
}

impl TrackedBoard {
    /// Which state a topic is in.
    pub fn revision(&self, topic: Topic) -> Revision {
        self.topics[topic as usize]
    }

    /// Which states all of them are in.
    pub fn revisions(&self) -> [Revision; TOPICS] {
        self.topics
    }

    /// One topic, to change it alone.
    pub fn topic_mut(&mut self, topic: Topic) -> &mut TopicView {
        self.topics[topic as usize] = Revision::next();
        self.views.entry(topic).or_default()
    }
}

impl From<BTreeMap<Topic, TopicView>> for TrackedBoard {
    fn from(views: BTreeMap<Topic, TopicView>) -> Self {
        Self { views, topics: [Revision::next(); TOPICS] }
    }
}

impl Deref for TrackedBoard {
    type Target = BTreeMap<Topic, TopicView>;

    fn deref(&self) -> &Self::Target {
        &self.views
    }
}

/// All of them, to change any.
impl DerefMut for TrackedBoard {
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.topics = [Revision::next(); TOPICS];
        &mut self.views
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_a_new_revision_once_it_was_taken_to_change_it_and_a_copy_has_the_same() {
        let mut one = Tracked::<Vec<u8>>::default();
        let at_first = one.revision();
        assert_eq!(one.len(), 0);
        assert_eq!(one.revision(), at_first, "who reads changes nothing");
        one.push(1);
        let copy = one.clone();
        assert_eq!(copy.revision(), one.revision());
        one.push(2);
        assert!(one.revision() != at_first && one.revision() != copy.revision());
    }

    #[test]
    fn a_topic_that_changed_leaves_the_others_as_they_were() {
        let mut board = TrackedBoard::default();
        let of = |board: &TrackedBoard| [Topic::Alerts, Topic::Events].map(|topic| board.revision(topic));
        let [alerts, events] = of(&board);
        board.topic_mut(Topic::Events).total = 1;
        assert!(of(&board)[0] == alerts && of(&board)[1] != events);
        board.remove(&Topic::Events);
        assert!(of(&board)[0] != alerts, "who takes all may have changed any");
    }
}
