//! Deadlines on the boot clock, which nobody sets. They are never stored, so a restart ends all of them.

use std::collections::BTreeMap;
use std::time::Duration;

/// By when persons must have agreed, by what they agree on.
pub(super) struct Deadlines<K>(BTreeMap<K, Duration>);

impl<K> Default for Deadlines<K> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone> Deadlines<K> {
    pub(super) fn set(&mut self, key: K, at: Duration) {
        self.0.insert(key, at);
    }

    /// Nothing is waited for any more.
    pub(super) fn forget(&mut self, key: &K) {
        self.0.remove(key);
    }

    /// Whether the time has passed. What has no deadline is of a room that ended.
    pub(super) fn is_late(&self, key: &K, now: Duration) -> bool {
        self.0.get(key).is_none_or(|deadline| *deadline <= now)
    }

    /// Everything whose time has passed, in order.
    pub(super) fn late(&self, now: Duration) -> Vec<K> {
        self.0.iter().filter(|(_, deadline)| **deadline <= now).map(|(key, _)| key.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_deadline_is_late_and_a_deadline_is_late_when_it_is_reached() {
        let s = Duration::from_secs;
        let mut deadlines = Deadlines::default();
        deadlines.set("b", s(10));
        deadlines.set("a", s(20));
        assert!(deadlines.is_late(&"c", s(0)), "of a room that ended");
        assert!(!deadlines.is_late(&"b", s(9)) && deadlines.is_late(&"b", s(10)));
        assert_eq!((deadlines.late(s(9)), deadlines.late(s(20))), (vec![], vec!["a", "b"]));
        deadlines.forget(&"b");
        assert_eq!(deadlines.late(s(20)), ["a"]);
    }
}
