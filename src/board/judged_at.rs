//! The instant of a judgement, and until when the judgement stands if nothing new is heard.
//!
//! A judgement can't read the time. It can only ask how an instant stands to it, and each answer holds until another instant:
//! the earliest of those is when the judgement has to be made again. Nobody has to think of such an instant where a rule is
//! written, so nobody can forget it: staleness is one of them.

use std::cell::Cell;

use chrono::{NaiveTime, TimeDelta};

use crate::model::Stamp;
use crate::model::time;

/// The earliest instant at which an answer that was given becomes another one.
#[derive(Debug, Default)]
pub(super) struct StandsUntil(Cell<Option<Stamp>>);

impl StandsUntil {
    /// `None` = time alone changes nothing.
    pub(super) fn get(&self) -> Option<Stamp> {
        self.0.get()
    }
}

/// An instant that a judgement is made at.
#[derive(Clone, Copy, Debug)]
pub(super) struct JudgedAt<'a> {
    at: Stamp,
    /// How far the clock that it is of is ahead of ours.
    ahead: TimeDelta,
    until: Option<&'a StandsUntil>,
}

impl<'a> JudgedAt<'a> {
    pub(super) fn new(at: Stamp, until: &'a StandsUntil) -> Self {
        Self { at, ahead: TimeDelta::zero(), until: Some(until) }
    }

    /// For what is decided once, when something is heard, and not again as time goes on.
    pub(super) fn once(at: Stamp) -> Self {
        Self { at, ahead: TimeDelta::zero(), until: None }
    }

    /// The same instant by a clock that is so far ahead of ours.
    pub(super) fn by_clock(self, ahead: TimeDelta) -> Self {
        Self { at: self.at + ahead, ahead: self.ahead + ahead, ..self }
    }

    /// From `instant` on an answer is another one.
    fn changes(self, instant: Option<Stamp>) {
        let Some(until) = self.until else { return };
        let ours = instant.filter(|it| *it > self.at).and_then(|it| it.checked_sub_signed(self.ahead));
        let Some(ours) = ours else { return };
        until.0.set(Some(until.0.get().map_or(ours, |known| known.min(ours))));
    }

    /// Whether an instant has come.
    pub(super) fn is_past(self, instant: Stamp) -> bool {
        self.changes(Some(instant));
        instant <= self.at
    }

    /// Whether an instant is over.
    pub(super) fn is_after(self, instant: Stamp) -> bool {
        self.changes(instant.checked_add_signed(TimeDelta::nanoseconds(1)));
        instant < self.at
    }

    /// Whether an instant is longer ago than that.
    pub(super) fn is_older(self, instant: Stamp, than: TimeDelta) -> bool {
        instant.checked_add_signed(than).is_some_and(|over| self.is_after(over))
    }

    /// Whether an instant is more than so many whole seconds ago.
    pub(super) fn is_older_s(self, instant: Stamp, than_s: u64) -> bool {
        let seconds = i64::try_from(than_s).ok().and_then(|seconds| TimeDelta::try_seconds(seconds.checked_add(1)?));
        let over = seconds.and_then(|seconds| instant.checked_add_signed(seconds));
        over.is_some_and(|over| self.is_past(over))
    }

    /// Whether an instant lies ahead by more than that.
    pub(super) fn is_ahead(self, instant: Stamp, by: TimeDelta) -> bool {
        instant.checked_sub_signed(by).is_some_and(|from| !self.is_past(from))
    }

    /// Whether an instant lies ahead by more than so many whole seconds.
    pub(super) fn is_ahead_s(self, instant: Stamp, by_s: i64) -> bool {
        let seconds = by_s.checked_add(1).and_then(TimeDelta::try_seconds);
        let from = seconds.and_then(|seconds| instant.checked_sub_signed(seconds));
        from.is_some_and(|from| !self.is_after(from))
    }

    /// The earlier of both.
    pub(super) fn or_earlier(self, instant: Stamp) -> Stamp {
        if self.is_past(instant) {
            return instant;
        }
        // Until then it goes with the time.
        self.changes(self.at.checked_add_signed(TimeDelta::milliseconds(1)));
        self.at
    }

    /// What is found by the time itself, and when that is another thing: `find` answers with both.
    pub(super) fn find<T>(self, find: impl FnOnce(Stamp) -> (T, Option<Stamp>)) -> T {
        let (found, until) = find(self.at);
        self.changes(until);
        found
    }

    /// How long ago an instant is, in words.
    pub(super) fn words_since(self, instant: Stamp) -> String {
        let ago = time::since(instant, self.at);
        let next = i64::try_from(time::next_words(ago)).ok().and_then(TimeDelta::try_seconds);
        self.changes(next.and_then(|next| instant.checked_add_signed(next)));
        time::words(ago)
    }

    /// Whether an instant is of the same day.
    pub(super) fn is_same_day(self, instant: Stamp) -> bool {
        self.changes(self.midnight());
        instant.date_naive() == self.at.date_naive()
    }

    /// [`time::dated`].
    pub(super) fn dated(self, instant: Stamp) -> String {
        self.changes(self.midnight());
        time::dated(instant, self.at)
    }

    /// [`time::moment`].
    pub(super) fn moment(self, instant: Stamp) -> String {
        self.changes(self.midnight());
        time::moment_steps(instant, self.at).into_iter().for_each(|step| self.changes(Some(step)));
        time::moment(instant, self.at)
    }

    fn midnight(self) -> Option<Stamp> {
        self.at.date_naive().succ_opt().map(|day| day.and_time(NaiveTime::MIN).and_utc())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(ms: i64) -> Stamp {
        Stamp::from_timestamp_millis(1_800_000_000_000 + ms).expect("an instant")
    }

    /// Everything that can be asked about an instant, and until when the answers stand.
    fn answers(instant: Stamp, now: Stamp, limit: i64) -> (Vec<String>, Option<Stamp>) {
        let until = StandsUntil::default();
        let now = JudgedAt::new(now, &until);
        let theirs = now.by_clock(TimeDelta::seconds(limit - 50));
        let all = [now, theirs].into_iter().flat_map(|now| {
            let truths = [
                now.is_past(instant),
                now.is_after(instant),
                now.is_older(instant, TimeDelta::seconds(limit)),
                now.is_older_s(instant, limit.unsigned_abs()),
                now.is_ahead(instant, TimeDelta::seconds(limit)),
                now.is_ahead_s(instant, limit),
                now.is_same_day(instant),
            ];
            let words = [now.words_since(instant), now.dated(instant), now.moment(instant)];
            truths.map(|it| it.to_string()).into_iter().chain(words)
        });
        (all.collect(), until.get())
    }

    proptest! {
        /// Whatever is asked, and however long one waits: before the instant that was told no answer is another one.
        #[test]
        fn answers_hold_until_the_instant_that_is_told(
            apart in prop_oneof![-2_000i64..2_000, -400_000_000i64..400_000_000, -40_000_000_000i64..900_000_000],
            limit in 0i64..100,
            part in 0.0f64..1.0,
        ) {
            let (now, instant) = (at(0), at(apart));
            let (before, until) = answers(instant, now, limit);
            if let Some(until) = until {
                prop_assert!(until > now);
                let wait = TimeDelta::nanoseconds(((until - now).num_nanoseconds().expect("not for ever") as f64 * part) as i64);
                prop_assert_eq!(&before, &answers(instant, now + wait, limit).0, "{}", wait);
                let last = until - TimeDelta::nanoseconds(1);
                prop_assert_eq!(&before, &answers(instant, last, limit).0);
            }
        }

        #[test]
        fn seconds_are_counted_as_everywhere_else(apart in -9_000i64..9_000, limit in 0i64..8) {
            let (now, instant) = (at(0), at(apart));
            let judged = JudgedAt::once(now);
            prop_assert_eq!(judged.is_older_s(instant, limit.unsigned_abs()), (now - instant).num_seconds() > limit);
            prop_assert_eq!(judged.is_ahead_s(instant, limit), (instant - now).num_seconds() > limit);
            prop_assert_eq!(judged.is_older(instant, TimeDelta::seconds(limit)), now - instant > TimeDelta::seconds(limit));
            prop_assert_eq!(judged.is_ahead(instant, TimeDelta::seconds(limit)), instant - now > TimeDelta::seconds(limit));
            prop_assert_eq!(judged.or_earlier(instant), instant.min(now));
        }
    }
}
