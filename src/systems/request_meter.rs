//! How many requests of ours a provider gets, reads included, so that its limit is never used up by us, and least of all by
//! reading: what a failover needs stays.
//!
//! One meter counts for everything that shares a provider's limit. What a request is for goes with the task that makes it,
//! see [`used_for`], and says what it may take: watching has its share, what people have read has its own, and acting waits
//! for nobody. Time is the boot clock's.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use super::http::trouble;
use super::{ActError, Adapter, Permit};
use crate::clock::Clock;
use crate::model::entry::Restored;
use crate::model::{Digest, Step, Trouble, TroubleKind};

/// What a request is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestUse {
    /// The room looks by itself. What nobody said anything of is taken for this, the use that gets least.
    Watch,
    /// Somebody's request makes the room look: preconditions before a plan is claimed, what became of a plan.
    Read,
    /// A plan or a silence that was agreed on: the write, and the readings around it. Never held back.
    Act,
}

tokio::task_local! {
    static USE: RequestUse;
}

/// Does some work whose requests are made for this.
pub async fn used_for<F: Future>(what: RequestUse, work: F) -> F::Output {
    USE.scope(what, work).await
}

/// What the requests of this task are made for.
pub fn now_used_for() -> RequestUse {
    USE.try_with(|what| *what).unwrap_or(RequestUse::Watch)
}

/// What a provider allows, and how we divide it.
#[derive(Clone, Copy, Debug)]
pub struct RequestLimit {
    /// Time over which the provider counts.
    pub window: Duration,
    /// The most that watching and reading ask for, each by itself.
    pub watch: usize,
    /// As `watch`: in requests per `window`, other uses not counted.
    pub read: usize,
    /// What watching and reading never take of the whole, where the provider states one. Acting beyond that takes it from them.
    pub all: Option<All>,
}

/// A stated limit.
#[derive(Clone, Copy, Debug)]
pub struct All {
    /// Requests per `window` that the provider takes from us.
    pub most: usize,
    /// How many of `most` only acting takes.
    pub reserve: usize,
}

/// For a provider that states no limit: watching is bounded by its own pace, and what people cause by this.
pub const UNSTATED: RequestLimit =
    RequestLimit { window: Duration::from_secs(300), watch: usize::MAX, read: 600, all: None };

/// The most requests that are remembered of one provider.
const REMEMBERED: usize = 4_800;

/// How many requests were made for what, lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that the room made by itself.
    pub watch: usize,
    /// Requests that people caused.
    pub read: usize,
    /// Requests of plans and silences.
    pub act: usize,
}

impl Counts {
    /// All of them.
    pub fn all(self) -> usize {
        self.watch + self.read + self.act
    }

    fn of(&mut self, what: RequestUse) -> &mut usize {
        match what {
            RequestUse::Watch => &mut self.watch,
            RequestUse::Read => &mut self.read,
            RequestUse::Act => &mut self.act,
        }
    }
}

/// Counts requests to one provider.
pub struct Meter {
    limit: RequestLimit,
    clock: Clock,
    asked: Mutex<RecentRequests>,
}

#[derive(Debug, Default)]
struct RecentRequests {
    when: VecDeque<(Duration, RequestUse)>,
    counts: Counts,
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meter").field("limit", &self.limit).field("counts", &self.counts()).finish_non_exhaustive()
    }
}

impl Meter {
    /// A meter that has counted nothing.
    pub fn new(limit: RequestLimit, clock: Clock) -> Self {
        Self { limit, clock, asked: Mutex::default() }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// How long it has to wait, if it may not be made now. Acting may always.
    pub fn take(&self, what: RequestUse) -> Result<(), Duration> {
        let now = self.clock.boot();
        let mut asked = self.asked(now);
        if let Some(wait) = self.wait(&asked, what, 1, now) {
            return Err(wait);
        }
        if asked.when.len() < REMEMBERED {
            asked.when.push_back((now, what));
            *asked.counts.of(what) += 1;
        }
        Ok(())
    }

    /// How long until so many more requests fit; `None` = now.
    pub fn fits_in(&self, what: RequestUse, cost: usize) -> Option<Duration> {
        let now = self.clock.boot();
        self.wait(&self.asked(now), what, cost, now)
    }

    /// What was asked for within the window.
    pub fn counts(&self) -> Counts {
        self.asked(self.clock.boot()).counts
    }

    /// What was asked for, without what left the window.
    fn asked(&self, now: Duration) -> MutexGuard<'_, RecentRequests> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&(at, what)) = asked.when.front()
            && now.saturating_sub(at) >= self.limit.window
        {
            asked.when.pop_front();
            *asked.counts.of(what) -= 1;
        }
        asked
    }

    fn wait(&self, asked: &RecentRequests, what: RequestUse, cost: usize, now: Duration) -> Option<Duration> {
        let mut counts = asked.counts;
        if self.fits(counts, what, cost) {
            return None;
        }
        for &(at, gone) in &asked.when {
            *counts.of(gone) -= 1;
            if self.fits(counts, what, cost) {
                return Some((at + self.limit.window).saturating_sub(now));
            }
        }
        Some(self.limit.window)
    }

    fn fits(&self, counts: Counts, what: RequestUse, cost: usize) -> bool {
        let (mine, share) = match what {
            RequestUse::Watch => (counts.watch, self.limit.watch),
            RequestUse::Read => (counts.read, self.limit.read),
            RequestUse::Act => return true,
        };
        let all = |it: All| {
            let taken = counts.watch + counts.read + counts.act.saturating_sub(it.reserve) + cost;
            taken <= it.most.saturating_sub(it.reserve)
        };
        mine.saturating_add(cost) <= share && self.limit.all.is_none_or(all)
    }
}

/// The meters of one room, by the provider and the credential that share a limit.
#[derive(Clone, Debug, Default)]
pub struct Meters(Arc<Mutex<BTreeMap<String, Arc<Meter>>>>);

impl Meters {
    /// The meter of one provider: the same for everyone who names it.
    pub fn of(&self, provider: String, limit: RequestLimit, clock: &Clock) -> Arc<Meter> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(provider).or_insert_with(|| Arc::new(Meter::new(limit, clock.clone()))).clone()
    }
}

/// The trouble of a request that was not made.
pub fn held_back(wait: Duration) -> Trouble {
    let wait = wait.as_secs_f64().ceil().max(1.0);
    let what = format!("not asked: our requests for reading are used up for {wait} s; the rest is kept for acting");
    trouble(TroubleKind::Throttled, what, "Wait; what was agreed on is still done.")
}

/// The acting side of a source, whose requests are made for what they are made for: writes for acting, readings for whoever
/// has them done and never for watching.
pub struct Metered {
    inner: Arc<dyn Adapter>,
    /// Counts one request for each call, where the client beneath does not count by itself.
    calls: Option<Arc<Meter>>,
}

impl Metered {
    /// Wraps an adapter.
    pub fn new(inner: Arc<dyn Adapter>, calls: Option<Arc<Meter>>) -> Self {
        Self { inner, calls }
    }

    async fn counted<T, E>(
        &self,
        what: RequestUse,
        refused: impl FnOnce(Trouble) -> E,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if let Some(meter) = &self.calls {
            meter.take(what).map_err(|wait| refused(held_back(wait)))?;
        }
        used_for(what, work).await
    }
}

/// What a reading is made for: it is somebody's, also where nobody said so.
fn reading() -> RequestUse {
    if now_used_for() == RequestUse::Act { RequestUse::Act } else { RequestUse::Read }
}

#[async_trait]
impl Adapter for Metered {
    async fn read(&self, path: &str) -> Result<Value, Trouble> {
        self.counted(reading(), |it| it, self.inner.read(path)).await
    }

    async fn restored(&self, step: &Step, plan: Digest) -> Result<Option<Restored>, Trouble> {
        self.counted(reading(), |it| it, self.inner.restored(step, plan)).await
    }

    async fn apply(&self, step: &Step, permit: &Permit) -> Result<String, ActError> {
        self.counted(RequestUse::Act, ActError::NotApplied, self.inner.apply(step, permit)).await
    }

    fn reads_wait(&self) -> Option<Duration> {
        let calls = self.calls.as_ref().and_then(|meter| meter.fits_in(RequestUse::Read, A_CHECK));
        calls.max(self.inner.reads_wait())
    }
}

/// Requests that reading the preconditions of one step takes at the most.
pub const A_CHECK: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Random;

    const LIMIT: RequestLimit = RequestLimit {
        window: Duration::from_secs(300),
        watch: 600,
        read: 480,
        all: Some(All { most: 1_200, reserve: 120 }),
    };

    fn meter() -> (Meter, Clock) {
        let clock = Clock::manual("2026-03-02T14:37:00Z".parse().expect("a time"));
        (Meter::new(LIMIT, clock.clone()), clock)
    }

    #[test]
    fn watching_fits_into_its_share_again_when_old_requests_leave_the_window() {
        let (meter, clock) = meter();
        let s = Duration::from_secs;
        for n in 0..600 {
            assert_eq!(meter.take(RequestUse::Watch), Ok(()));
            clock.advance(if n % 10 == 9 { s(1) } else { s(0) });
        }
        let wait = |cost| meter.fits_in(RequestUse::Watch, cost);
        assert_eq!(meter.counts(), Counts { watch: 600, ..Counts::default() });
        assert_eq!(wait(0), None, "what was asked for is within the share");
        assert_eq!(wait(1), Some(s(240)));
        assert_eq!(meter.take(RequestUse::Watch), Err(s(240)));
        assert_eq!(wait(11), Some(s(241)), "the eleventh waits for the next second's ten");
        assert_eq!(meter.fits_in(RequestUse::Read, 480), None, "and nobody else waits for it");
        clock.advance(s(240));
        assert_eq!((wait(10), wait(11)), (None, Some(s(1))));
        clock.advance(s(59));
        assert_eq!(meter.counts().all(), 0);
    }

    #[test]
    fn no_schedule_of_watching_and_reading_touches_the_reserve_and_acting_never_waits() {
        for seed in 0..20 {
            let random = Random::seeded(seed);
            let pick = |below: u64| u64::from_le_bytes(random.bytes::<8>()) % below;
            let (meter, clock) = meter();
            let mut made = Vec::new();
            for _ in 0..5_000 {
                clock.advance(Duration::from_millis([0, 1, 20, 400][pick(4) as usize]));
                let now = clock.boot();
                let what = [RequestUse::Watch, RequestUse::Read, RequestUse::Read, RequestUse::Act][pick(4) as usize];
                let lately = |it: &&(Duration, RequestUse)| now - it.0 < LIMIT.window;
                let all = |what: RequestUse| made.iter().rev().take_while(lately).filter(|(_, it)| *it == what).count();
                // A failover's worth of acts, and no more.
                if what == RequestUse::Act && all(RequestUse::Act) >= 120 {
                    continue;
                }
                let reads = all(RequestUse::Watch) + all(RequestUse::Read);
                match meter.take(what) {
                    Ok(()) => {
                        assert!(what == RequestUse::Act || reads < 1_080, "the reserve is touched, seed {seed}");
                        made.push((now, what));
                    }
                    Err(wait) => {
                        assert!(what != RequestUse::Act && wait > Duration::ZERO && wait <= LIMIT.window, "{wait:?}");
                        assert!(all(what) == if what == RequestUse::Watch { 600 } else { 480 } || reads == 1_080);
                    }
                }
            }
        }
    }

    #[test]
    fn acts_beyond_the_reserve_are_taken_from_watching_and_reading() {
        let (meter, _) = meter();
        for _ in 0..1_100 {
            assert_eq!(meter.take(RequestUse::Act), Ok(()));
        }
        assert_eq!((meter.fits_in(RequestUse::Watch, 100), meter.fits_in(RequestUse::Read, 100)), (None, None));
        assert!(meter.fits_in(RequestUse::Watch, 101).is_some() && meter.fits_in(RequestUse::Read, 101).is_some());
    }

    /// An adapter that tells what it was asked for.
    struct Telling;

    #[async_trait]
    impl Adapter for Telling {
        async fn read(&self, _path: &str) -> Result<Value, Trouble> {
            Ok(Value::String(format!("{:?}", now_used_for())))
        }

        async fn apply(&self, _step: &Step, _permit: &Permit) -> Result<String, ActError> {
            Ok(format!("{:?}", now_used_for()))
        }
    }

    #[tokio::test]
    async fn a_reading_is_somebodys_and_one_that_is_held_back_says_so_while_acting_goes_on() {
        let (_, clock) = meter();
        let few = RequestLimit { read: 1, ..UNSTATED };
        let meters = Meters::default();
        let adapter = Metered::new(Arc::new(Telling), Some(meters.of("a".to_owned(), few, &clock)));
        assert_eq!(now_used_for(), RequestUse::Watch);
        assert_eq!(adapter.read("x").await, Ok("Read".into()));
        let trouble = adapter.read("x").await.expect_err("used up");
        assert_eq!(trouble.kind, TroubleKind::Throttled);
        assert_eq!(adapter.reads_wait(), Some(few.window));
        assert_eq!(
            used_for(RequestUse::Act, adapter.read("x")).await,
            Ok("Act".into()),
            "a plan that runs is not held back"
        );
        let counts = meters.of("a".to_owned(), few, &clock).counts();
        assert_eq!(counts, Counts { watch: 0, read: 1, act: 1 }, "one meter for all who name the provider");
        assert_eq!(meters.of("b".to_owned(), few, &clock).counts().all(), 0);
    }
}
