//! What many sessions must be told of the board alike is made and written out once: a change costs as much as it is large,
//! whether one console watches or sixty.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use super::blocking::blocking;
use super::row_pages::deltas;
use crate::board::{Topic, TopicView};
use crate::protocol::{Push, RoomLine, codec};

/// Lines as they go out.
pub(super) type Lines = Arc<[Vec<u8>]>;

/// Steps of one topic that are kept: that of those who keep up, that of those who come new, and of a few who lag.
const MOST: usize = 4;

/// What was made last: for each topic what takes a client from one view to the next, and what one needs that has none.
#[derive(Default)]
pub(super) struct SharedDeltas {
    rev: AtomicU64,
    steps: Mutex<Vec<Arc<DeltaStep>>>,
}

/// One step from view to view. Both are held weakly: a step must not keep alive what nobody sees any more.
struct DeltaStep {
    topic: Topic,
    old: Option<Weak<TopicView>>,
    new: Weak<TopicView>,
    lines: OnceLock<Result<Lines, String>>,
    uses: AtomicU64,
}

impl DeltaStep {
    fn is_between(&self, topic: Topic, old: Option<&Weak<TopicView>>, new: &Weak<TopicView>) -> bool {
        self.topic == topic
            && self.new.ptr_eq(new)
            && match (&self.old, old) {
                (None, None) => true,
                (Some(known), Some(asked)) => known.ptr_eq(asked),
                _ => false,
            }
    }
}

impl SharedDeltas {
    /// The lines that take a client from its view of a topic, if it has one, to a new one.
    ///
    /// # Errors
    /// If a message can't be written out.
    pub(super) fn lines(
        &self,
        topic: Topic,
        old: Option<&Arc<TopicView>>,
        new: &Arc<TopicView>,
    ) -> Result<Lines, String> {
        let step = self.step(topic, old.map(Arc::downgrade), Arc::downgrade(new));
        step.uses.fetch_add(1, Ordering::Relaxed);
        // Whoever else needs it waits for it and does not make it again; all other steps are made meanwhile.
        let make = || {
            let rev = self.rev.fetch_add(1, Ordering::Relaxed) + 1;
            let all = deltas(topic, rev, old.map(Arc::as_ref), new);
            let lines: Result<Vec<_>, _> =
                all.into_iter().map(|delta| codec::line(&RoomLine::Push(Push::Board(delta)))).collect();
            lines.map(Lines::from).map_err(|error| error.to_string())
        };
        if let Some(made) = step.lines.get() {
            return made.clone();
        }
        blocking(|| step.lines.get_or_init(make).clone())
    }

    /// The step between two views: the one there is, or a new one that nobody has made yet.
    fn step(&self, topic: Topic, old: Option<Weak<TopicView>>, new: Weak<TopicView>) -> Arc<DeltaStep> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(step) = steps.iter().find(|step| step.is_between(topic, old.as_ref(), &new)) {
            return step.clone();
        }
        // Everyone goes on to the newest view, so steps to others are of no use any more.
        steps.retain(|step| step.topic != topic || step.new.ptr_eq(&new));
        let of_topic = steps.iter().enumerate().filter(|(_, step)| step.topic == topic);
        if of_topic.clone().count() >= MOST
            && let Some((least, _)) = of_topic.min_by_key(|(_, step)| step.uses.load(Ordering::Relaxed))
        {
            // Who lags takes the place of another who does, never that of the many.
            steps.remove(least);
        }
        let step = Arc::new(DeltaStep { topic, old, new, lines: OnceLock::new(), uses: AtomicU64::new(0) });
        steps.push(step.clone());
        step
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(total: u64) -> Arc<TopicView> {
        Arc::new(TopicView { rows: Vec::new(), total, dropped: 0 })
    }

    #[tokio::test]
    async fn sessions_that_are_at_the_same_view_share_one_step_and_one_that_lags_gets_its_own() {
        let shared = SharedDeltas::default();
        let (first, second, third) = (view(1), view(2), view(3));
        let of = |old: Option<&Arc<TopicView>>, new| shared.lines(Topic::Events, old, new).expect("lines");
        let step = of(Some(&first), &second);
        assert!(Arc::ptr_eq(&step, &of(Some(&first), &second)), "made once");
        let whole = of(None, &second);
        assert!(!Arc::ptr_eq(&step, &whole) && Arc::ptr_eq(&whole, &of(None, &second)));
        assert!(Arc::ptr_eq(&step, &of(Some(&first), &second)), "beside the other");
        let next = of(Some(&second), &third);
        let late = of(Some(&first), &third);
        assert_ne!(next[0], late[0], "each has its number");
        assert!(String::from_utf8_lossy(&whole[0]).contains("\"snapshot\":true"));
        assert!(next[0].ends_with(b"\n"));
        of(Some(&second), &third);
        for lag in 10..30 {
            of(Some(&view(lag)), &third);
        }
        assert!(Arc::ptr_eq(&next, &of(Some(&second), &third)), "who lags takes it from nobody");
        let other = shared.lines(Topic::Alerts, Some(&second), &third).expect("lines");
        assert!(String::from_utf8_lossy(&other[0]).contains("alerts"));
    }
}
