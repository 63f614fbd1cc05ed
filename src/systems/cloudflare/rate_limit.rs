//! Requests: what the provider says is left for everyone with this user, and what we ask for ourselves.
//!
//! 1,200 requests in five minutes are shared by the dashboard, other tools and us; beyond, everything is locked out for
//! five minutes, the failover too. So polling keeps to half of them by its own count, and leaves the last ones alone.

use std::time::Duration;

use chrono::TimeDelta;
use reqwest::header::HeaderMap;

use crate::model::{Stamp, Trouble, TroubleKind};
use crate::systems::http::trouble;
use crate::systems::request_meter::{All, RequestLimit};

/// The most that polling asks for in [`WINDOW_S`]: half of what the provider allows.
pub(super) const SHARE: usize = 600;
/// The most that people have read in it: preconditions of plans, what became of them.
pub(super) const READING: usize = 480;
/// What is left alone for acting: a failover takes about twenty requests.
pub(super) const RESERVE: u64 = 120;
/// How long the reserve of requests is left alone before looking again, where nobody says when it is full again.
pub(super) const RESERVE_PAUSE_S: u64 = 60;
/// What the provider allows in [`WINDOW_S`] where its headers state no policy.
const LIMIT: u64 = 1_200;
/// A limit over less than this is full again before anyone could react to it.
const MOMENT_S: i64 = 10;
/// More limits than this are stated by nobody.
const MAX_LIMITS: usize = 16;
/// The provider counts over this time.
pub(super) const WINDOW_S: i64 = 300;

/// What is allowed, and how we divide it.
pub(super) const DIVIDED: RequestLimit = RequestLimit {
    window: Duration::from_secs(WINDOW_S.unsigned_abs()),
    watch: SHARE,
    read: READING,
    all: Some(All { most: LIMIT as usize, reserve: RESERVE as usize }),
};

/// What is left of the rate limit, by the last answer that said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RequestsLeft {
    pub limit: u64,
    pub remaining: u64,
    /// When it is full again, on our clock.
    pub resets: Option<Stamp>,
    /// The time over which this limit is counted.
    window_s: i64,
}

impl RequestsLeft {
    /// Reads the headers, if they are there, in their form of today and in the older one. Of several limits the one that
    /// is nearest to its end counts.
    pub(super) fn of(headers: &HeaderMap, now: Stamp) -> Option<Self> {
        let share = |it: &Self| u128::from(it.remaining) * 1_000_000 / u128::from(it.limit.max(1));
        stated(headers, now).into_iter().chain(older(headers, now)).min_by_key(|it| (it.window_s < MOMENT_S, share(it)))
    }

    /// How long what was said just now says something: until it is full again, or for one window of the provider's count.
    pub(super) fn holds_for(self, now: Stamp) -> Duration {
        let window = TimeDelta::seconds(self.window_s);
        self.resets.map_or(window, |at| (at - now).min(window)).to_std().unwrap_or_default()
    }

    /// What is left belongs to acting.
    pub(super) fn reserve_only(self) -> bool {
        self.remaining <= self.reserve()
    }

    /// What is left is for plans that run: nobody has anything else read. Polling left it to others before.
    pub(super) fn acts_only(self) -> bool {
        self.remaining <= self.reserve() / 2
    }

    /// Little enough to ask less often.
    pub(super) fn scarce(self) -> bool {
        self.remaining.saturating_mul(4) <= self.limit
    }

    /// The reserve of a limit: of a small one, a tenth.
    pub(super) fn reserve(self) -> u64 {
        RESERVE.min(self.limit / 10)
    }

    /// The trouble of a source that keeps its reserve.
    pub(super) fn low(self) -> Trouble {
        let what = format!("only {} of {} requests are left; the rest is kept for acting", self.remaining, self.limit);
        trouble(TroubleKind::Throttled, what, "See who else uses this user's limit, or raise `every`.")
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// `X-RateLimit-Limit: 1200`, `-Remaining: 50` and `-Reset`: one number each.
fn older(headers: &HeaderMap, now: Stamp) -> Option<RequestsLeft> {
    let number = |name: &str| text(headers, name)?.parse().ok();
    let limit = number("x-ratelimit-limit")?;
    let remaining = number("x-ratelimit-remaining")?;
    Some(RequestsLeft { limit, remaining, resets: resets(headers, now), window_s: WINDOW_S })
}

/// `Ratelimit: "default";r=50;t=30` (left, and seconds until it is full again) with
/// `Ratelimit-Policy: "default";q=1200;w=300` (allowed, and over how many seconds), for each policy by its name.
fn stated(headers: &HeaderMap, now: Stamp) -> Vec<RequestsLeft> {
    let policies = items(headers, "ratelimit-policy");
    let seconds = |number: u64| i64::try_from(number).ok().filter(|it| (0..=3600).contains(it));
    let one = |left: HeaderItem| {
        let remaining = left.number("r")?;
        let alone = policies.first().filter(|_| policies.len() == 1);
        let policy = policies.iter().find(|it| it.name == left.name).or(alone);
        Some(RequestsLeft {
            limit: policy.and_then(|it| it.number("q")).unwrap_or(LIMIT).max(remaining),
            remaining,
            resets: left.number("t").and_then(seconds).map(|wait| now + TimeDelta::seconds(wait)),
            window_s: policy.and_then(|it| it.number("w")).and_then(seconds).unwrap_or(WINDOW_S).max(1),
        })
    };
    items(headers, "ratelimit").into_iter().filter_map(one).collect()
}

/// One member of a structured field's list: a name with parameters.
struct HeaderItem {
    name: String,
    parameters: Vec<(String, String)>,
}

impl HeaderItem {
    fn number(&self, key: &str) -> Option<u64> {
        self.parameters.iter().find(|(name, _)| name == key)?.1.parse().ok()
    }
}

/// The members of a structured field, over all the lines that it stands on.
fn items(headers: &HeaderMap, name: &str) -> Vec<HeaderItem> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    let members = lines.flat_map(|line| split(line, ','));
    let item = |member: &str| {
        let mut parts = split(member, ';').into_iter().map(str::trim);
        let name = parts.next().unwrap_or_default().trim_matches('"').to_owned();
        let pair = |part: &str| part.split_once('=').map(|(key, it)| (key.trim().to_lowercase(), it.trim().to_owned()));
        HeaderItem { name, parameters: parts.filter_map(pair).collect() }
    };
    members.take(MAX_LIMITS).map(item).collect()
}

/// Splits at a sign, but not within a quoted name.
fn split(text: &str, at: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let apart = |c: char| {
        let within = quoted;
        (quoted, escaped) = match c {
            '"' if !escaped => (!quoted, false),
            '\\' if quoted && !escaped => (true, true),
            _ => (quoted, false),
        };
        c == at && !within
    };
    text.split(apart).collect()
}

/// `x-ratelimit-reset`: a date, taken relative to the server's own clock where it says it; or seconds.
fn resets(headers: &HeaderMap, now: Stamp) -> Option<Stamp> {
    let raw = text(headers, "x-ratelimit-reset")?;
    if let Ok(seconds) = raw.parse::<i64>() {
        return (0..=3600).contains(&seconds).then(|| now + TimeDelta::seconds(seconds));
    }
    let at = chrono::DateTime::parse_from_rfc2822(raw).ok()?;
    let theirs = text(headers, "date").and_then(|date| chrono::DateTime::parse_from_rfc2822(date).ok());
    let wait = theirs.map_or_else(|| at.to_utc() - now, |date| at - date);
    (wait >= TimeDelta::zero() && wait <= TimeDelta::hours(1)).then(|| now + wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&'static str, &str)]) -> Option<(u64, u64, Option<i64>)> {
        let t0: Stamp = "2026-03-02T14:37:00Z".parse().expect("a time");
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().expect("a header"));
        }
        let budget = RequestsLeft::of(&map, t0)?;
        Some((budget.remaining, budget.limit, budget.resets.map(|at| (at - t0).num_seconds())))
    }

    #[test]
    fn the_headers_are_read_in_the_form_of_today_and_in_the_older_one() {
        let policy = ("ratelimit-policy", "\"default\";q=1200;w=300");
        assert_eq!(told(&[("ratelimit", "\"default\";r=50;t=30"), policy]), Some((50, 1200, Some(30))));
        assert_eq!(told(&[("ratelimit", "default; t=30 ;r=50"), policy]), Some((50, 1200, Some(30))));
        assert_eq!(told(&[("ratelimit", "\"default\";r=50;t=30")]), Some((50, 1200, Some(30))), "no policy is stated");
        assert_eq!(told(&[("ratelimit", "\"other\";r=50"), policy]), Some((50, 1200, None)), "there is but one");
        let old = [("x-ratelimit-limit", "1200"), ("x-ratelimit-remaining", "40"), ("x-ratelimit-reset", "7")];
        assert_eq!(told(&old), Some((40, 1200, Some(7))));
        for none in [&[policy][..], &[("ratelimit", "\"default\";t=30")], &[("ratelimit", "")], &[]] {
            assert_eq!(told(none), None, "{none:?}");
        }
    }

    #[test]
    fn of_several_limits_the_one_nearest_to_its_end_counts() {
        let policies =
            ("ratelimit-policy", "\"burst, \\\"a;b\\\"\";q=100;w=60, \"default\";q=1200;w=300,\"ip\";q=200;w=1");
        let left = ("ratelimit", "\"default\";r=600;t=30,\"burst, \\\"a;b\\\"\";r=10;t=20, \"ip\";r=1;t=1");
        assert_eq!(told(&[left, policies]), Some((10, 100, Some(20))));
        // The same on several lines, and beside the older form.
        let lines = [("ratelimit", "\"default\";r=60;t=30"), ("ratelimit", "\"ip\";r=1;t=1"), policies];
        assert_eq!(told(&lines), Some((60, 1200, Some(30))), "what is full again in a second slows nobody down");
        let old = [("x-ratelimit-limit", "1200"), ("x-ratelimit-remaining", "40")];
        assert_eq!(told(&[lines.as_slice(), &old].concat()), Some((40, 1200, None)));
    }
}
