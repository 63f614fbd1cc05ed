//! Where users go: resolvers keep the old answer for up to one TTL, so a change drains linearly over it. Pure.

use chrono::{DateTime, TimeDelta, Utc};

use crate::drill::scenario::Site;

/// The share of users by site.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// Where new answers point.
    pub to: Site,
    ttl_s: u32,
    /// When that changed, and the share of DR at that instant.
    changed: Option<(DateTime<Utc>, f64)>,
    /// How many changes there were.
    pub changes: u32,
}

impl Traffic {
    /// All users at one site.
    pub fn new(to: Site, ttl_s: u32) -> Self {
        Self { to, ttl_s, changed: None, changes: 0 }
    }

    /// New answers point elsewhere from now on. True if that is a change.
    pub fn turn(&mut self, to: Site, now: DateTime<Utc>) -> bool {
        if to == self.to {
            return false;
        }
        self.changed = Some((now, self.share(Site::Dr, now)));
        self.to = to;
        self.changes += 1;
        true
    }

    /// When the last resolver has forgotten the old answer.
    pub fn drained_at(&self) -> Option<DateTime<Utc>> {
        self.changed.map(|(at, _)| at + TimeDelta::seconds(i64::from(self.ttl_s)))
    }

    /// The share of users that a site has, 0 to 1.
    pub fn share(&self, site: Site, now: DateTime<Utc>) -> f64 {
        let goal = if self.to == Site::Dr { 1.0 } else { 0.0 };
        let dr = match self.changed {
            Some((at, before)) if self.ttl_s > 0 => {
                let done = (now - at).num_milliseconds() as f64 / (f64::from(self.ttl_s) * 1000.0);
                before + (goal - before) * done.clamp(0.0, 1.0)
            }
            _ => goal,
        };
        match site {
            Site::Dr => dr,
            Site::Primary => 1.0 - dr,
        }
    }

    /// The site that the nth request goes to: spread evenly, so that any few requests in a row show the share.
    pub fn site(&self, nth: u64, now: DateTime<Utc>) -> Site {
        // Multiples of the golden ratio modulo 1 are the most even spread there is.
        let place = (nth as f64 * 0.618_033_988_749_894_9).fract();
        if place < self.share(Site::Dr, now) { Site::Dr } else { Site::Primary }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_drains_linearly_over_the_ttl_and_back_from_where_it_was() {
        let t0: DateTime<Utc> = "2026-03-10T14:50:00Z".parse().expect("a time");
        let s = |n| t0 + TimeDelta::seconds(n);
        let mut traffic = Traffic::new(Site::Primary, 30);
        assert!(traffic.turn(Site::Dr, t0));
        assert!(!traffic.turn(Site::Dr, t0));
        assert!((traffic.share(Site::Dr, s(15)) - 0.5).abs() < 1e-9);
        assert!(traffic.turn(Site::Primary, s(15)));
        assert!((traffic.share(Site::Dr, s(30)) - 0.25).abs() < 1e-9);
        assert!(traffic.share(Site::Dr, s(45)) < 1e-9);
    }

    #[test]
    fn requests_follow_the_share() {
        let t0: DateTime<Utc> = "2026-03-10T14:50:00Z".parse().expect("a time");
        let mut traffic = Traffic::new(Site::Primary, 30);
        traffic.turn(Site::Dr, t0);
        let at = |s: i64| (0..100).filter(|n| traffic.site(*n, t0 + TimeDelta::seconds(s)) == Site::Dr).count();
        assert_eq!((at(0), at(30)), (0, 100));
        assert!((48..=52).contains(&at(15)), "{}", at(15));
    }
}
