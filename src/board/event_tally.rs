//! How often one kind of event happened, over everything that was heard of it, and what of that was lately. Pure: driven by
//! the times of the events.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::Stamp;
use crate::model::facts::KubeEvent;

/// What a rate is measured over.
pub(super) const MINUTE_S: f64 = 60.0;
/// How long a slot of [`RecentCounts`] is.
const SLOT_MS: i64 = 10_000;
/// Two minutes, and the slot in which they began.
const SLOTS: usize = 13;

/// An event as a row shows it. The row of the newest event of its kind tells of the whole kind.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EventRow {
    /// Shared with the store that the row was made from: there are many, and they seldom change.
    #[serde(flatten, with = "shared")]
    event: Arc<KubeEvent>,
    /// All that was heard of events like this one.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "shared_tally")]
    pub group: Option<Arc<EventTally>>,
}

impl EventRow {
    /// A row of one event.
    pub fn new(event: Arc<KubeEvent>, group: Option<Arc<EventTally>>) -> Self {
        Self { event, group }
    }
}

impl From<KubeEvent> for EventRow {
    fn from(event: KubeEvent) -> Self {
        Self::new(Arc::new(event), None)
    }
}

impl PartialEq for EventRow {
    fn eq(&self, other: &Self) -> bool {
        // What is shared is the same: most rows of two judgements are.
        (Arc::ptr_eq(&self.event, &other.event) || self.event == other.event) && self.group == other.group
    }
}

impl Deref for EventRow {
    type Target = KubeEvent;

    fn deref(&self) -> &KubeEvent {
        &self.event
    }
}

impl DerefMut for EventRow {
    fn deref_mut(&mut self) -> &mut KubeEvent {
        Arc::make_mut(&mut self.event)
    }
}

/// How often something happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventTally {
    /// How often: Kubernetes counts repetitions in the event.
    pub count: u64,
    /// It may have been more often: what it was counted with had to be forgotten meanwhile.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
    /// On how many objects: one that was made anew under its name is one.
    pub objects: u64,
    /// There are more of them: counting stopped there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more_objects: bool,
    pub first: Stamp,
    pub recent: RecentCounts,
}

/// How often something happened lately, in steps of ten seconds. It holds instants, so that it stays as it is while nothing
/// happens: a rate is read from it for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecentCounts {
    /// The end of the newest step.
    until: Stamp,
    /// The newest step first.
    per_10s: Vec<u32>,
}

/// The number of the step that an instant lies in.
fn step(at: Stamp) -> i64 {
    at.timestamp_millis().div_euclid(SLOT_MS)
}

impl RecentCounts {
    /// Something happened once or more often, the last time at `last`.
    pub fn of(from: Stamp, last: Stamp, count: u64) -> Self {
        let until = Stamp::from_timestamp_millis((step(last) + 1).saturating_mul(SLOT_MS)).unwrap_or(last);
        let mut counts = Self { until, per_10s: Vec::with_capacity(SLOTS) };
        counts.add(from, last, count);
        counts
    }

    /// It happened `count` times more after `from`, evenly, the last time at `last`.
    pub fn add(&mut self, from: Stamp, last: Stamp, count: u64) {
        let newest = step(last);
        self.advance(newest);
        let span = (last - from).num_milliseconds();
        if count <= 1 || span <= 0 {
            self.put(newest, count);
            return;
        }
        let (mut told, mut at) = (0, newest);
        // From the end backwards: so many lie after the beginning of each step. What is older than all steps is no news.
        for _ in 0..=SLOTS {
            let back = last.timestamp_millis() - at * SLOT_MS;
            let after = u128::from(count) * u128::from(back.unsigned_abs()) / u128::from(span.unsigned_abs());
            let after = u64::try_from(after).unwrap_or(u64::MAX).saturating_add(1).min(count);
            self.put(at, after - told);
            (told, at) = (after, at - 1);
            if told == count {
                break;
            }
        }
    }

    /// Makes `newest` the newest step, unless there is a newer one.
    fn advance(&mut self, newest: i64) {
        let by = newest - (step(self.until) - 1);
        if by <= 0 {
            return;
        }
        let by = usize::try_from(by).unwrap_or(SLOTS).min(SLOTS);
        self.per_10s.splice(0..0, std::iter::repeat_n(0, by));
        self.per_10s.truncate(SLOTS);
        self.until = Stamp::from_timestamp_millis((newest + 1).saturating_mul(SLOT_MS)).unwrap_or(self.until);
    }

    fn put(&mut self, at: i64, count: u64) {
        let Ok(age) = usize::try_from(step(self.until) - 1 - at) else { return };
        if age >= SLOTS || count == 0 {
            return;
        }
        if self.per_10s.len() <= age {
            self.per_10s.resize(age + 1, 0);
        }
        self.per_10s[age] = self.per_10s[age].saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// How often in the minute that ended `ago` seconds before `now`.
    pub fn in_minute(&self, now: Stamp, ago: f64) -> f64 {
        let length = SLOT_MS as f64 / 1_000.0;
        let age = (now - self.until).num_milliseconds() as f64 / 1_000.0;
        let share = |(n, count): (usize, &u32)| {
            // A step that is not over, or that a clock ahead of ours told of, holds only what was until now.
            let ends = (age + n as f64 * length).max(0.0);
            let begins = (age + (n + 1) as f64 * length).max(ends);
            let within = (begins.min(ago + MINUTE_S) - ends.max(ago)).max(0.0);
            match begins - ends {
                all if all > 0.0 => f64::from(*count) * within / all,
                _ if ago <= 0.0 => f64::from(*count),
                _ => 0.0,
            }
        };
        self.per_10s.iter().take(SLOTS).enumerate().map(share).sum()
    }
}

/// An event in a row, field by field.
mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::model::facts::KubeEvent;

    pub fn serialize<S: Serializer>(event: &Arc<KubeEvent>, to: S) -> Result<S::Ok, S::Error> {
        event.as_ref().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Arc<KubeEvent>, D::Error> {
        KubeEvent::deserialize(from).map(Arc::new)
    }
}

/// What is told of its kind, where it is.
mod shared_tally {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::EventTally;

    pub fn serialize<S: Serializer>(tally: &Option<Arc<EventTally>>, to: S) -> Result<S::Ok, S::Error> {
        tally.as_deref().serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Arc<EventTally>>, D::Error> {
        Ok(Option::<EventTally>::deserialize(from)?.map(Arc::new))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Stamp {
        Stamp::from_timestamp_millis(1_800_000_000_000 + ms).expect("an instant")
    }

    fn rate(counts: &RecentCounts, ms: i64) -> (f64, f64) {
        (counts.in_minute(at(ms), 0.0), counts.in_minute(at(ms), MINUTE_S))
    }

    #[test]
    fn a_rate_is_what_was_heard_in_the_minute_and_falls_with_time_alone() {
        let mut counts = RecentCounts::of(at(0), at(0), 1);
        for ms in (5..120_000).step_by(5) {
            counts.add(at(ms), at(ms), 1);
        }
        assert_eq!(rate(&counts, 120_000), (12_000.0, 12_000.0));
        assert_eq!(rate(&counts, 150_000), (6_000.0, 12_000.0));
        assert_eq!(rate(&counts, 180_000), (0.0, 12_000.0));
        assert_eq!(rate(&counts, 3_600_000), (0.0, 0.0));
        counts.add(at(3_600_000), at(3_600_000), 3);
        assert_eq!(rate(&counts, 3_600_500), (3.0, 0.0));
    }

    #[test]
    fn repetitions_that_are_told_at_once_are_spread_over_the_time_in_which_they_were() {
        let mut counts = RecentCounts::of(at(-600_000), at(0), 600);
        let (now, before) = rate(&counts, 0);
        assert!((59.0..=61.0).contains(&now) && (59.0..=61.0).contains(&before), "{now} {before}");
        counts.add(at(0), at(30_000), 900);
        let (now, before) = rate(&counts, 30_000);
        assert!((925.0..=935.0).contains(&now) && (59.0..=61.0).contains(&before), "{now} {before}");
        // An event of long ago is counted elsewhere, and is no news.
        counts.add(at(-900_000), at(-900_000), 5_000);
        assert!(rate(&counts, 30_000).0 < 940.0);
    }

    #[test]
    fn a_clock_ahead_of_ours_is_now() {
        let counts = RecentCounts::of(at(30_000), at(30_000), 4);
        assert_eq!(rate(&counts, 0), (4.0, 0.0));
    }

    proptest! {
        /// Nothing is counted twice or lost as long as it is not too old, and a minute never holds more than there was.
        #[test]
        fn both_minutes_hold_what_was_put_in(told in prop::collection::vec((0i64..60_000, 0i64..9_000, 1u64..50), 1..40)) {
            let mut last = 0;
            let mut counts = RecentCounts::of(at(0), at(0), 1);
            let mut sum = 1;
            for (gap, spread, count) in told {
                last += gap;
                counts.add(at(last - spread), at(last), count);
                sum += count;
            }
            let held = counts.per_10s.iter().map(|it| u64::from(*it)).sum::<u64>();
            prop_assert!(held <= sum && counts.per_10s.len() <= SLOTS);
            prop_assert!(last > 110_000 || held == sum, "{held} of {sum} in {last}");
            let (now, before) = rate(&counts, last);
            prop_assert!(now + before <= held as f64 + 0.001);
            let text = serde_json::to_string(&counts).expect("text");
            prop_assert_eq!(serde_json::from_str::<RecentCounts>(&text).expect("counts"), counts);
        }
    }

    #[test]
    fn a_row_of_an_event_reads_as_one_did_before_there_was_anything_to_tell_of_its_kind() {
        let event = KubeEvent {
            uid: "u".into(),
            cluster: "c".into(),
            namespace: "n".into(),
            object_kind: "Pod".into(),
            object_name: "p".into(),
            reason: "BackOff".into(),
            message: "m".into(),
            kind: crate::model::facts::Open::new("Warning"),
            count: 7,
            first: Some(at(0)),
            last: at(0) + TimeDelta::seconds(1),
            component: "kubelet".into(),
        };
        let text = serde_json::to_string(&event).expect("text");
        let mut row = EventRow::from(event.clone());
        assert_eq!(serde_json::to_string(&row).expect("text"), text);
        assert_eq!(serde_json::from_str::<EventRow>(&text).expect("a row"), row);
        let tally = EventTally {
            count: 9,
            at_least: false,
            objects: 2,
            more_objects: false,
            first: at(0),
            recent: RecentCounts::of(at(0), at(1_000), 9),
        };
        row.group = Some(Arc::new(tally));
        let text = serde_json::to_string(&row).expect("text");
        assert!(text.contains(r#""group":{"count":9,"objects":2,"first":"#), "{text}");
        assert_eq!(serde_json::from_str::<EventRow>(&text).expect("a row"), row);
        assert_eq!(serde_json::from_str::<KubeEvent>(&text).expect("an older client reads it"), event);
    }
}
