//! One clock type with four hands: real, scaled, stepped, manual.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Datelike, SubsecRound, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use super::stepped::{Hold, Stepped, Turn, after};
use super::ticks::Ticks;

/// How a console sets its clock by the room's: what the room's clock read when the message left, and how fast it runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockSync {
    /// The room's clock.
    pub at: DateTime<Utc>,
    /// Room seconds per real second; 1 outside drills, 0 in one that is as fast as the machine allows.
    pub speed: f64,
}

impl ClockSync {
    /// The fastest that any room runs.
    const FASTEST: f64 = 1e6;

    /// Whether a room can mean it. One that lies must not bring a console to where times can't be added up any more.
    fn is_plausible(&self) -> bool {
        (1970..=9999).contains(&self.at.year()) && (0.0..=Self::FASTEST).contains(&self.speed)
    }
}

#[derive(Clone, Copy)]
struct Anchor {
    real: Instant,
    at: DateTime<Utc>,
    speed: f64,
}

#[derive(Clone, Copy)]
struct Manual {
    at: DateTime<Utc>,
    /// How far the wall clock was stepped, which the boot clock does not see.
    stepped: TimeDelta,
}

enum ClockMode {
    Real,
    Scaled(Mutex<Anchor>),
    Stepped(Stepped),
    Manual(Mutex<Manual>),
}

struct ClockInner {
    hand: ClockMode,
    started: Instant,
    start_at: DateTime<Utc>,
    changed: watch::Sender<u64>,
}

/// A clock. Cheap to clone; clones are the same clock.
#[derive(Clone)]
pub struct Clock(Arc<ClockInner>);

impl Clock {
    fn build(hand: ClockMode, start_at: DateTime<Utc>) -> Self {
        Self(Arc::new(ClockInner { hand, started: Instant::now(), start_at, changed: watch::channel(0).0 }))
    }

    /// The wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn real() -> Self {
        Self::build(ClockMode::Real, Utc::now())
    }

    /// A clock that starts at `at` and runs `speed` times as fast as the wall's.
    pub fn scaled(at: DateTime<Utc>, speed: f64) -> Self {
        Self::build(ClockMode::Scaled(Mutex::new(Anchor { real: Instant::now(), at, speed })), at)
    }

    /// A clock that starts at `at` and waits at each instant until all that is due then is done; see [`super::stepped`]. It runs
    /// at most `speed` times as fast as the wall's, or with a speed of 0 as fast as the machine allows. It stands still
    /// until somebody runs [`Clock::drive`].
    pub fn stepped(at: DateTime<Utc>, speed: f64) -> Self {
        Self::build(ClockMode::Stepped(Stepped::new(at, speed)), at)
    }

    /// A clock that moves only by [`Clock::advance`].
    pub fn manual(at: DateTime<Utc>) -> Self {
        Self::build(ClockMode::Manual(Mutex::new(Manual { at, stepped: TimeDelta::zero() })), at)
    }

    /// A clock that follows a room's.
    pub fn follow(sync: ClockSync) -> Self {
        Self::scaled(sync.at, sync.speed)
    }

    /// Now, in UTC, to the millisecond.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    pub fn now(&self) -> DateTime<Utc> {
        let now = match &self.0.hand {
            ClockMode::Real => Utc::now(),
            ClockMode::Scaled(anchor) => reading(&lock(anchor)),
            ClockMode::Stepped(stepped) => stepped.now(),
            ClockMode::Manual(manual) => lock(manual).at,
        };
        now.trunc_subsecs(3)
    }

    /// Time since the host booted (scaled in a drill): goes on through suspend, never steps. For deadlines.
    pub fn boot(&self) -> Duration {
        match &self.0.hand {
            ClockMode::Real => boottime().unwrap_or_else(|| self.0.started.elapsed()),
            ClockMode::Manual(manual) => {
                let manual = *lock(manual);
                (manual.at - manual.stepped - self.0.start_at).to_std().unwrap_or_default()
            }
            _ => (self.now() - self.0.start_at).to_std().unwrap_or_default(),
        }
    }

    /// Room seconds per real second; 0 where that can't be said: a manual clock, or one as fast as the machine allows.
    pub fn speed(&self) -> f64 {
        match &self.0.hand {
            ClockMode::Real => 1.0,
            ClockMode::Scaled(anchor) => lock(anchor).speed,
            ClockMode::Stepped(stepped) => stepped.speed(),
            ClockMode::Manual(_) => 0.0,
        }
    }

    /// Changes the speed of a scaled or stepped clock from now on; sleepers notice. Others are unaffected.
    pub fn set_speed(&self, speed: f64) {
        match &self.0.hand {
            ClockMode::Scaled(anchor) => {
                let mut anchor = lock(anchor);
                let at = reading(&anchor);
                *anchor = Anchor { real: Instant::now(), at, speed };
            }
            ClockMode::Stepped(stepped) => stepped.set_speed(speed),
            ClockMode::Real | ClockMode::Manual(_) => {}
        }
        self.0.changed.send_modify(|n| *n += 1);
    }

    /// Sets a scaled clock by a newer reading of the one it follows.
    pub fn sync_to(&self, sync: ClockSync) {
        if let ClockMode::Scaled(anchor) = &self.0.hand
            && sync.is_plausible()
        {
            *lock(anchor) = Anchor { real: Instant::now(), at: sync.at, speed: sync.speed };
        }
        self.0.changed.send_modify(|n| *n += 1);
    }

    /// Moves a manual clock.
    pub fn advance(&self, by: Duration) {
        if let ClockMode::Manual(manual) = &self.0.hand {
            lock(manual).at += TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        }
        self.0.changed.send_modify(|n| *n += 1);
    }

    /// Steps the wall clock of a manual clock, as somebody may set that of a host; its boot clock stays.
    pub fn step_wall(&self, by: TimeDelta) {
        if let ClockMode::Manual(manual) = &self.0.hand {
            let mut manual = lock(manual);
            manual.at += by;
            manual.stepped += by;
        }
        self.0.changed.send_modify(|n| *n += 1);
    }

    /// What a follower needs to know.
    pub fn sync(&self) -> ClockSync {
        ClockSync { at: self.now(), speed: self.speed() }
    }

    /// Notified when the clock's speed or hand was changed by someone.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changed.subscribe()
    }

    /// Sleeps for a time on this clock. On the real one that is a length, which no correction of the wall clock changes.
    pub async fn sleep(&self, time: Duration) {
        if matches!(self.0.hand, ClockMode::Real) {
            return tokio::time::sleep(time).await;
        }
        self.sleep_until(self.now() + TimeDelta::from_std(time).unwrap_or(TimeDelta::MAX)).await;
    }

    /// Sleeps until this clock reads `at`.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        self.sleep_until_turn(at, Turn::Look).await;
    }

    /// Sleeps until this clock reads `at`; of those who wake at the same instant of a stepped clock, `turn` says who is first.
    pub async fn sleep_until_turn(&self, at: DateTime<Utc>, turn: Turn) {
        if let ClockMode::Stepped(stepped) = &self.0.hand {
            if at > stepped.now() {
                stepped.wait(at, turn).await;
            }
            return;
        }
        let mut changed = self.0.changed.subscribe();
        loop {
            let left = (at - self.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return;
            }
            let speed = self.speed();
            if speed > 0.0 {
                let real = Duration::try_from_secs_f64(left.as_secs_f64() / speed).unwrap_or(Duration::MAX);
                // A wait is cut to a day: tokio's timer has a horizon, and the loop looks again anyway.
                let real = real.clamp(Duration::from_millis(1), Duration::from_secs(86_400));
                tokio::select! {
                    () = tokio::time::sleep(real) => {}
                    _ = changed.changed() => {}
                }
            } else if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Waits for one's turn at the present instant of a stepped clock, behind all that goes on. Other clocks have no turns.
    pub async fn turn(&self, turn: Turn) {
        if let ClockMode::Stepped(stepped) = &self.0.hand {
            stepped.wait(stepped.now(), turn).await;
        }
    }

    /// A wait that is meant in real time, to spare the machine. On a stepped clock it takes the clock's time instead.
    pub async fn pause(&self, real: Duration, turn: Turn) {
        match &self.0.hand {
            ClockMode::Stepped(stepped) => stepped.wait(after(stepped.now(), stepped.pause(real)), turn).await,
            _ => tokio::time::sleep(real).await,
        }
    }

    /// See [`Ticks`].
    pub fn ticks(&self, every: Duration, turn: Turn) -> Ticks {
        Ticks::new(self.clone(), every, turn)
    }

    /// Lets a stepped clock stand still for as long as the answer lives.
    pub fn hold(&self) -> Hold {
        self.stepped_hand().map_or_else(Hold::none, Stepped::hold)
    }

    /// Makes this thread the one whose tasks a stepped clock waits for.
    pub fn enter(&self) {
        if let Some(stepped) = self.stepped_hand() {
            stepped.enter();
        }
    }

    /// Moves a stepped clock for as long as this is polled; see [`super::stepped`] for where to run it.
    pub async fn drive(&self) -> std::convert::Infallible {
        match self.stepped_hand() {
            Some(stepped) => stepped.drive(&self.0.changed).await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn stepped_hand(&self) -> Option<&Stepped> {
        match &self.0.hand {
            ClockMode::Stepped(stepped) => Some(stepped),
            _ => None,
        }
    }

    /// Runs `work` for at most `limit` on this clock; `None` when the time is up.
    pub async fn limit<F: Future>(&self, limit: Duration, work: F) -> Option<F::Output> {
        tokio::select! {
            out = work => Some(out),
            () = self.sleep(limit) => None,
        }
    }
}

fn reading(anchor: &Anchor) -> DateTime<Utc> {
    let real = anchor.real.elapsed().as_secs_f64() * anchor.speed;
    anchor.at.checked_add_signed(TimeDelta::microseconds((real * 1e6) as i64)).unwrap_or(anchor.at)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn boottime() -> Option<Duration> {
    let time = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).ok()?;
    Some(Duration::from(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: &str) -> DateTime<Utc> {
        s.parse().expect("a time")
    }

    #[tokio::test(start_paused = true)]
    async fn a_scaled_clock_runs_faster_and_keeps_its_reading_when_the_speed_changes() {
        let clock = Clock::scaled(at("2026-03-02T14:37:00Z"), 60.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), at("2026-03-02T14:39:00Z"));
        clock.set_speed(1.0);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), at("2026-03-02T14:39:02Z"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_sleeper_wakes_at_its_time_on_the_clock_though_the_speed_changed_meanwhile() {
        let clock = Clock::scaled(at("2026-03-02T14:37:00Z"), 1.0);
        let sleeper = clock.clone();
        let woke = tokio::spawn(async move {
            sleeper.sleep(Duration::from_secs(600)).await;
            sleeper.now()
        });
        tokio::task::yield_now().await;
        clock.set_speed(600.0);
        let woke = woke.await.expect("joined");
        assert!(woke >= at("2026-03-02T14:47:00Z"), "{woke}");
        assert!(woke < at("2026-03-02T14:47:30Z"), "{woke}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_follows_no_reading_that_no_room_can_mean_and_never_breaks() {
        let clock = Clock::scaled(at("2026-03-02T14:37:00Z"), 1.0);
        let last = DateTime::<Utc>::MAX_UTC;
        for (at, speed) in [(last, 1.0), (at("2026-03-02T15:00:00Z"), 1e300), (at("2026-03-02T15:00:00Z"), -1.0)] {
            clock.sync_to(ClockSync { at, speed });
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now(), at("2026-03-02T14:37:02Z"));
        clock.sync_to(ClockSync { at: at("2026-03-02T15:00:00Z"), speed: 0.0 });
        assert_eq!(clock.now(), at("2026-03-02T15:00:00Z"));
        let broken = Clock::scaled(last, 1e300);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(broken.now().year(), last.year());
    }

    #[tokio::test]
    async fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(at("2026-03-02T14:37:00Z"));
        let sleeper = clock.clone();
        let woke = tokio::spawn(async move { sleeper.sleep(Duration::from_secs(5)).await });
        tokio::task::yield_now().await;
        assert!(!woke.is_finished());
        clock.advance(Duration::from_secs(5));
        woke.await.expect("joined");
        assert_eq!(clock.now(), at("2026-03-02T14:37:05Z"));
        assert_eq!(clock.boot(), Duration::from_secs(5));
    }
}
