//! What many sessions must be told of the board alike is made and written out once: a change costs as much as it is large,
//! whether one console watches or sixty.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::row_pages::deltas;
use super::session::push;
use crate::board::{Topic, TopicView};
use crate::protocol::{Push, codec};

/// Lines as they go out.
pub type Lines = Arc<[Vec<u8>]>;

/// What was made last: for each topic what takes a client from one view to the next, and what one needs that has none.
#[derive(Default)]
pub struct SharedDeltas(Mutex<Made>);

#[derive(Default)]
struct Made {
    rev: u64,
    steps: Vec<DeltaStep>,
}

/// One step from view to view. The old one is held weakly: once no session has it, nobody needs the step.
struct DeltaStep {
    topic: Topic,
    old: Option<Weak<TopicView>>,
    new: Arc<TopicView>,
    lines: Lines,
}

impl SharedDeltas {
    /// The lines that take a client from its view of a topic, if it has one, to a new one.
    ///
    /// # Errors
    /// If a message can't be written out.
    pub fn lines(&self, topic: Topic, old: Option<&Arc<TopicView>>, new: &Arc<TopicView>) -> Result<Lines, String> {
        // Held while they are made: whoever else needs them waits for them and does not make them again.
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = old.map(Arc::downgrade);
        let is_same = |step: &DeltaStep| {
            step.topic == topic
                && Arc::ptr_eq(&step.new, new)
                && match (&step.old, &from) {
                    (None, None) => true,
                    (Some(known), Some(asked)) => known.ptr_eq(asked),
                    _ => false,
                }
        };
        if let Some(step) = made.steps.iter().find(|step| is_same(step)) {
            return Ok(step.lines.clone());
        }
        made.rev += 1;
        let all = deltas(topic, made.rev, old.map(Arc::as_ref), new);
        let lines: Result<Vec<_>, _> = all.into_iter().map(|delta| codec::line(&push(Push::Board(delta)))).collect();
        let lines: Lines = lines.map_err(|error| error.to_string())?.into();
        made.steps.retain(|step| step.topic != topic || step.old.is_some() != from.is_some());
        made.steps.push(DeltaStep { topic, old: from, new: new.clone(), lines: lines.clone() });
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(total: u64) -> Arc<TopicView> {
        Arc::new(TopicView { rows: Vec::new(), total, dropped: 0 })
    }

    #[test]
    fn sessions_that_are_at_the_same_view_share_one_step_and_one_that_lags_gets_its_own() {
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
        let other = shared.lines(Topic::Alerts, Some(&second), &third).expect("lines");
        assert!(String::from_utf8_lossy(&other[0]).contains("alerts"));
    }
}
