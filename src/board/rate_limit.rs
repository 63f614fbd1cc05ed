//! The rate limit of the timeline: so many transitions of one name a minute; the rest is counted and said.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::entry::{Folded, Transition};
use crate::model::{EntryRules, Stamp, TransitionKind};

const MINUTE: Duration = Duration::from_secs(60);

/// Counts transitions by name in windows of a minute. Pure: both clocks are arguments. The boot clock decides; the wall clock's
/// instants only label what was held back.
#[derive(Clone, Debug)]
pub struct RateLimiter {
    per_minute: u32,
    windows: BTreeMap<TransitionKind, RateWindow>,
}

#[derive(Clone, Debug)]
struct RateWindow {
    /// On the boot clock.
    since: Duration,
    allowed: u32,
    held: Option<(u64, Stamp, Stamp)>,
}

impl RateLimiter {
    /// As the rules say; a limit of 0 holds everything back.
    pub fn new(rules: &EntryRules) -> Self {
        Self { per_minute: rules.per_minute, windows: BTreeMap::new() }
    }

    /// Whether the transition may be recorded. If not, it is counted for [`RateLimiter::folded`].
    pub fn allow(&mut self, edge: &Transition, now: Stamp, boot: Duration) -> bool {
        let window =
            self.windows.entry(edge.edge.clone()).or_insert_with(|| RateWindow { since: boot, allowed: 0, held: None });
        // A window that holds something back stays until that is said: otherwise it would never be.
        if is_over(window.since, boot) && window.held.is_none() {
            *window = RateWindow { since: boot, allowed: 0, held: None };
        }
        if !is_over(window.since, boot) && window.allowed < self.per_minute {
            window.allowed += 1;
            return true;
        }
        let (count, from, _) = window.held.unwrap_or((0, now, now));
        window.held = Some((count + 1, from, now));
        false
    }

    /// What was held back in minutes that are over, once. To be recorded, so that nothing is silently lost.
    pub fn folded(&mut self, boot: Duration) -> Vec<Folded> {
        let over = |window: &RateWindow| is_over(window.since, boot);
        let out = self
            .windows
            .iter()
            .filter(|(_, window)| over(window))
            .filter_map(|(edge, window)| {
                let (count, from, to) = window.held?;
                Some(Folded { edge: edge.clone(), count, from, to })
            })
            .collect();
        self.windows.retain(|_, window| !over(window));
        out
    }
}

fn is_over(since: Duration, boot: Duration) -> bool {
    boot.saturating_sub(since) >= MINUTE
}
